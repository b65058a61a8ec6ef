#include "sparse/kernels.h"

#include <algorithm>
#include <atomic>
#include <complex>
#include <vector>

#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::sparse_detail {

namespace {
[[noreturn]] void raise_index() {
  raise(ErrorKind::Index, "sparse_mm", "an index of a sparse tensor is out of bounds for its size");
}

/// Rows per chunk, for about 32 k multiplications each.
int64_t grain_for(int64_t lines, int64_t total) {
  if (lines == 0) return 1;
  return std::max<int64_t>(1, 32768 / std::max<int64_t>(1, total / lines));
}

template <class T>
void add_scaled(T* __restrict out, const T* __restrict row, T factor, int64_t n) {
  for (int64_t j = 0; j < n; ++j) out[j] += factor * row[j];
}
// Without the tests for infinities that operator* of complex numbers makes.
template <class R>
void add_scaled(std::complex<R>* out, const std::complex<R>* row, std::complex<R> factor, int64_t n) {
  auto* o = reinterpret_cast<R*>(out);
  const auto* r = reinterpret_cast<const R*>(row);
  const R a = factor.real(), b = factor.imag();
  for (int64_t j = 0; j < n; ++j) {
    const R x = r[2 * j], y = r[2 * j + 1];
    o[2 * j] += a * x - b * y;
    o[2 * j + 1] += a * y + b * x;
  }
}

template <class T>
T times(T a, T b) {
  return a * b;
}
template <class R>
std::complex<R> times(std::complex<R> a, std::complex<R> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

template <class T>
void run_rows(const Tensor& starts, const Tensor& cols, const Tensor& values, const Tensor& dense,
              const Tensor& out) {
  const auto* s = starts.const_data_ptr<int64_t>();
  const auto* c = cols.const_data_ptr<int64_t>();
  const T* v = values.const_data_ptr<T>();
  const T* d = dense.const_data_ptr<T>();
  T* o = out.mutable_data_ptr<T>();
  const int64_t rows = out.size(0), k = out.size(1), inner = dense.size(0), nnz = cols.numel();
  std::atomic<bool> bad{false};
  parallel_for(0, rows, grain_for(rows, (nnz + rows) * std::max<int64_t>(k, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   T* line = o + r * k;
                   std::fill(line, line + k, T(0));
                   if (s[r] < 0 || s[r + 1] > nnz) {
                     bad = true;
                     continue;
                   }
                   for (int64_t p = s[r]; p < s[r + 1]; ++p) {
                     if (static_cast<uint64_t>(c[p]) >= static_cast<uint64_t>(inner)) {
                       bad = true;
                       break;
                     }
                     add_scaled(line, d + c[p] * k, v[p], k);
                   }
                 }
               });
  if (bad) raise_index();
}

template <class T>
void run_pairs(const Tensor& left, const Tensor& right, const Tensor& rows, const Tensor& cols,
               const Tensor& out) {
  const auto* r = rows.const_data_ptr<int64_t>();
  const auto* c = cols.const_data_ptr<int64_t>();
  const T* a = left.const_data_ptr<T>();
  const T* b = right.const_data_ptr<T>();
  T* o = out.mutable_data_ptr<T>();
  const int64_t n = out.numel(), k = left.size(1);
  const auto nr = static_cast<uint64_t>(left.size(0)), nc = static_cast<uint64_t>(right.size(0));
  std::atomic<bool> bad{false};
  parallel_for(0, n, grain_for(n, n * std::max<int64_t>(k, 1)), [&](int64_t begin, int64_t end) {
    constexpr int64_t kLanes = 8;
    for (int64_t p = begin; p < end; ++p) {
      if (static_cast<uint64_t>(r[p]) >= nr || static_cast<uint64_t>(c[p]) >= nc) {
        bad = true;
        break;
      }
      const T *x = a + r[p] * k, *y = b + c[p] * k;
      T sums[kLanes] = {};
      int64_t j = 0;
      for (; j + kLanes <= k; j += kLanes)
        for (int64_t l = 0; l < kLanes; ++l) sums[l] += times(x[j + l], y[j + l]);
      T sum(0);
      for (int64_t l = 0; l < kLanes; ++l) sum += sums[l];
      for (; j < k; ++j) sum += times(x[j], y[j]);
      o[p] = sum;
    }
  });
  if (bad) raise_index();
}

/// Rows begin to end of a product: columns and values one after the other, and how many each row has.
template <class T>
struct Piece {
  std::vector<int64_t> cols;
  std::vector<T> values;
};

/// A matrix by rows as pointers.
template <class T>
struct RowsView {
  const int64_t *starts, *cols;
  const T* values;
  int64_t rows, nnz;
  explicit RowsView(const RowMatrix& m)
      : starts(m.starts.const_data_ptr<int64_t>()),
        cols(m.cols.const_data_ptr<int64_t>()),
        values(m.values.const_data_ptr<T>()),
        rows(m.starts.numel() - 1),
        nnz(m.cols.numel()) {}
  bool valid(int64_t r) const { return starts[r] >= 0 && starts[r] <= starts[r + 1] && starts[r + 1] <= nnz; }
};

/// One row of the product, appended to piece; false for an index that is out of bounds. terms is scratch: the
/// column of a term in the upper half, its number in the lower one.
template <class T>
bool product_row(const RowsView<T>& a, const RowsView<T>& b, int64_t r, int64_t inner, int64_t cols,
                 Piece<T>& piece, std::vector<uint64_t>& terms, std::vector<T>& values) {
  terms.clear();
  values.clear();
  if (!a.valid(r)) return false;
  for (int64_t p = a.starts[r]; p < a.starts[r + 1]; ++p) {
    const int64_t k = a.cols[p];
    if (static_cast<uint64_t>(k) >= static_cast<uint64_t>(inner) || !b.valid(k)) return false;
    for (int64_t q = b.starts[k]; q < b.starts[k + 1]; ++q) {
      if (static_cast<uint64_t>(b.cols[q]) >= static_cast<uint64_t>(cols)) return false;
      if (values.size() > 0xfffffffeu) return false;  // the number of a term has 32 bits
      terms.push_back(static_cast<uint64_t>(b.cols[q]) << 32 | values.size());
      values.push_back(times(a.values[p], b.values[q]));
    }
  }
  std::sort(terms.begin(), terms.end());
  for (size_t i = 0; i < terms.size();) {
    const uint64_t col = terms[i] >> 32;
    T sum(0);
    for (; i < terms.size() && terms[i] >> 32 == col; ++i) sum += values[terms[i] & 0xffffffffu];
    piece.cols.push_back(static_cast<int64_t>(col));
    piece.values.push_back(sum);
  }
  return true;
}

template <class T>
RowMatrix run_product(const RowMatrix& left, const RowMatrix& right, int64_t inner, int64_t cols) {
  const RowsView<T> a(left), b(right);
  const int64_t grain =
      grain_for(a.rows, (a.nnz + a.rows) * std::max<int64_t>(1, b.nnz / std::max<int64_t>(1, inner)));
  const int64_t chunks = (a.rows + grain - 1) / grain;
  std::vector<Piece<T>> pieces(static_cast<size_t>(chunks));
  RowMatrix out;
  out.starts = zeros({a.rows + 1}, kInt64);
  auto* starts = out.starts.mutable_data_ptr<int64_t>();
  std::atomic<bool> bad{false};
  parallel_for_chunks(chunks, [&](int64_t c) {
    std::vector<uint64_t> terms;
    std::vector<T> values;
    Piece<T>& piece = pieces[static_cast<size_t>(c)];
    for (int64_t r = c * grain; r < std::min(a.rows, (c + 1) * grain); ++r) {
      const size_t before = piece.cols.size();
      if (!product_row(a, b, r, inner, cols, piece, terms, values)) bad = true;
      starts[r + 1] = static_cast<int64_t>(piece.cols.size() - before);
    }
  });
  if (bad) raise_index();
  for (int64_t r = 0; r < a.rows; ++r) starts[r + 1] += starts[r];
  out.cols = empty({starts[a.rows]}, std::optional<DType>(kInt64));
  out.values = empty({starts[a.rows]}, std::optional<DType>(left.values.dtype()));
  auto* to_cols = out.cols.mutable_data_ptr<int64_t>();
  T* to_values = out.values.mutable_data_ptr<T>();
  parallel_for_chunks(chunks, [&](int64_t c) {
    const Piece<T>& piece = pieces[static_cast<size_t>(c)];
    const int64_t at = starts[c * grain];
    std::copy(piece.cols.begin(), piece.cols.end(), to_cols + at);
    std::copy(piece.values.begin(), piece.values.end(), to_values + at);
  });
  return out;
}

template <class F>
void dispatch(DType t, F&& f) {
  switch (t) {
    case kFloat32:
      return f(float());
    case kFloat64:
      return f(double());
    case kComplex64:
      return f(std::complex<float>());
    case kComplex128:
      return f(std::complex<double>());
    default:
      return f(int64_t());
  }
}
}  // namespace

DType kernel_dtype(DType t) {
  if (t == kFloat16 || t == kBFloat16) return kFloat32;
  return is_integral(t, true) ? kInt64 : t;
}

void rows_times_dense(const Tensor& starts, const Tensor& cols, const Tensor& values, const Tensor& dense,
                      const Tensor& out) {
  dispatch(out.dtype(), [&](auto zero) { run_rows<decltype(zero)>(starts, cols, values, dense, out); });
}

RowMatrix rows_times_rows(const RowMatrix& a, const RowMatrix& b, int64_t inner, int64_t cols) {
  RowMatrix out;
  dispatch(a.values.dtype(), [&](auto zero) { out = run_product<decltype(zero)>(a, b, inner, cols); });
  return out;
}

void pair_dots(const Tensor& left, const Tensor& right, const Tensor& rows, const Tensor& cols,
               const Tensor& out) {
  dispatch(out.dtype(), [&](auto zero) { run_pairs<decltype(zero)>(left, right, rows, cols, out); });
}

}  // namespace rustorch::sparse_detail
