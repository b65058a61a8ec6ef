#include "backend/cpu/lapack/dense.h"

#include <algorithm>
#include <utility>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "backend/cpu/lapack/small_kernels.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

// Half of n, rounded so that blocks begin at multiples of 32.
int64_t half(int64_t n) { return n <= kSmallOrder ? n / 2 : (n / 2 + 31) / 32 * 32; }

constexpr int64_t kColumnUnit = 64;       // columns that small_triangular takes together: parts begin at such
constexpr double kColumnsWork = 1.5e6;    // n * n * columns from which threads take columns
constexpr int64_t kPanel = 16;            // columns that small_lu factors at a time
constexpr int64_t kStripe = 128;          // columns that a thread brings forward together
constexpr int64_t kExchanges = 128;       // exchanges of rows made together
constexpr int64_t kExchangeWork = 32768;  // elements to move from which threads share them

// Columns to divide into parts of `unit`: a single column left over is summed as a vector, in another order,
// so the last part takes it.
int64_t without_single(int64_t count, int64_t unit) {
  return count > 1 && count % unit == 1 ? count - 1 : count;
}

}  // namespace

template <class T>
void transpose_copy(const T* from, int64_t from_ld, int64_t rows, int64_t cols, T* to, int64_t to_ld) {
  if constexpr (is_complex_type<T>) {
    constexpr int64_t kTile = 8;
    for (int64_t i0 = 0; i0 < rows; i0 += kTile)
      for (int64_t j0 = 0; j0 < cols; j0 += kTile)
        for (int64_t i = i0; i < std::min(rows, i0 + kTile); ++i)
          for (int64_t j = j0; j < std::min(cols, j0 + kTile); ++j) to[j * to_ld + i] = from[i * from_ld + j];
  } else {
    detail::kernels<T>().transpose(to, to_ld, from, from_ld, rows, cols);
  }
}

template <class T>
void subtract_product(Block<T> c, Block<const T> a, Block<const T> b, int64_t m, int64_t n, int64_t k) {
  if (c.by_columns) {  // the transposed product has its rows contiguous
    std::swap(a, b);
    std::swap(m, n);
    a = a.transposed();
    b = b.transposed();
  }
  GemmArgs<T> g;
  g.trans_a = a.by_columns;
  g.trans_b = b.by_columns;
  g.m = m;
  g.n = n;
  g.k = k;
  g.alpha = T(-1);
  g.beta = T(1);
  g.a = a.data;
  g.lda = a.ld;
  g.b = b.data;
  g.ldb = b.ld;
  g.c = c.data;
  g.ldc = c.ld;
  gemm(g);
}

template <class T>
void triangular_left(Block<const T> a, bool upper, bool unit, int64_t n, Block<T> b, int64_t count) {
  if (n == 0 || count == 0) return;
  constexpr int64_t kLine = 64 / sizeof(T);
  if (n > kSmallOrder && count > 1 && count < kColumnUnit && count % kLine != 0) {
    // Rows that end inside a vector are stored under masks, and what is stored so cannot be read back soon.
    const int64_t padded = (count + kLine - 1) / kLine * kLine;
    ScratchBuffer<T> copy(static_cast<size_t>(n * padded));
    std::fill(copy.begin(), copy.end(), T(0));
    if (b.by_columns)
      transpose_copy<T>(b.data, b.ld, count, n, copy.data(), padded);
    else
      for (int64_t i = 0; i < n; ++i) std::copy_n(b.at(i, 0), count, copy.data() + i * padded);
    triangular_left<T>(a, upper, unit, n, {copy.data(), padded, false}, padded);
    if (b.by_columns)
      transpose_copy<T>(copy.data(), padded, n, count, b.data, b.ld);
    else
      for (int64_t i = 0; i < n; ++i) std::copy_n(copy.data() + i * padded, count, b.at(i, 0));
    return;
  }
  // Columns are independent, and the order of every sum depends on n alone: each thread takes some columns
  // through the whole recursion, instead of meeting the others after every step of it.
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  if (threads > 1 && count >= 2 * kColumnUnit && n > kSmallOrder &&
      static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(count) >= kColumnsWork) {
    const int64_t whole = without_single(count, kColumnUnit);
    const int64_t units = (whole + kColumnUnit - 1) / kColumnUnit, parts = std::min(units, 2 * threads);
    parallel_for(0, whole, (units + parts - 1) / parts * kColumnUnit, [&](int64_t begin, int64_t end) {
      triangular_left(a, upper, unit, n, b.from(0, begin), (end == whole ? count : end) - begin);
    });
    return;
  }
  if (n <= kSmallOrder) {
    const int64_t whole = without_single(count, 256);
    parallel_for(0, whole, 256, [&](int64_t begin, int64_t end) {
      small_triangular(a.data, a.row_stride(), a.col_stride(), upper, unit, n, b.at(0, begin), b.row_stride(),
                       b.col_stride(), (end == whole ? count : end) - begin);
    });
    return;
  }
  const int64_t top = half(n), rest = n - top;
  const Block<const T> corner = a.from(top, top);
  if (upper) {
    triangular_left<T>(corner, true, unit, rest, b.from(top, 0), count);
    subtract_product<T>(b, a.from(0, top), b.from(top, 0), top, count, rest);
    triangular_left<T>(a, true, unit, top, b, count);
  } else {
    triangular_left<T>(a, false, unit, top, b, count);
    subtract_product<T>(b.from(top, 0), a.from(top, 0), b, rest, count, top);
    triangular_left<T>(corner, false, unit, rest, b.from(top, 0), count);
  }
}

template <class T>
int64_t dense_cholesky(Block<T> a, int64_t n) {
  if (n <= kSmallOrder) return small_cholesky(a.data, n, a.ld);
  const int64_t top = half(n), rest = n - top;
  if (const int64_t info = dense_cholesky(a, top)) return info;
  Block<T> below = a.from(top, 0), corner = a.from(top, top);
  // below = below * factor^-H; products with the conjugate need a copy of it for complex types
  ScratchBuffer<T> copy(is_complex_type<T> ? static_cast<size_t>(std::max(top, rest) * top) : 0);
  auto conjugated = [&](Block<const T> from, int64_t rows) -> Block<const T> {
    if constexpr (is_complex_type<T>) {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < top; ++j) copy[i * top + j] = std::conj(*from.at(i, j));
      return {copy.data(), top, false};
    } else {
      return from;
    }
  };
  triangular_right<T>(conjugated(a, top).transposed(), true, false, top, below, rest);
  const Block<const T> other = conjugated(below, rest);
  for (int64_t i = 0; i < rest; i += 128) {  // only the lower triangle of the corner is needed
    const int64_t rows = std::min<int64_t>(128, rest - i);
    subtract_product<T>(corner.from(i, 0), below.from(i, 0), other.transposed(), rows, i + rows, top);
  }
  const int64_t info = dense_cholesky(corner, rest);
  return info == 0 ? 0 : info + top;
}

namespace {

/// What a list of exchanges comes to: row to[i] of the result is row from[i] of the matrix.
class Moves {
 public:
  Moves(const int* pivots, int64_t count, bool backwards) : rows_(static_cast<size_t>(4 * count)) {
    int64_t* at = rows_.data();  // rows that move, then where each one's content comes from
    int64_t* from = at + 2 * count;
    const int highest = *std::max_element(pivots, pivots + count);
    ScratchBuffer<int64_t> slot(static_cast<size_t>(std::max<int64_t>(highest + 1, count)));
    std::fill(slot.begin(), slot.end(), -1);
    for (int64_t i = 0; i < count; ++i) slot[i] = at[i] = from[i] = i;
    size_ = count;
    for (int64_t s = 0; s < count; ++s) {
      const int64_t k = backwards ? count - 1 - s : s, other = pivots[k];
      if (other == k) continue;
      if (slot[other] < 0) {
        slot[other] = size_;
        at[size_] = from[size_] = other;
        ++size_;
      }
      std::swap(from[k], from[slot[other]]);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < size_; ++i) {
      if (at[i] == from[i]) continue;
      at[kept] = at[i];
      from[kept++] = from[i];
    }
    size_ = kept;
    from_ = from;
  }
  int64_t size() const { return size_; }
  const int64_t* to() const { return rows_.data(); }
  const int64_t* from() const { return from_; }

 private:
  ScratchBuffer<int64_t> rows_;
  const int64_t* from_;
  int64_t size_ = 0;
};

}  // namespace

template <class T>
void exchange_rows(Block<T> a, int64_t n, const int* pivots, int64_t count, bool backwards) {
  const int64_t row = a.row_stride(), col = a.col_stride();
  if (col == 1) {
    constexpr auto kSize = static_cast<int64_t>(sizeof(T));
    parallel_for(
        0, n, count * n >= kExchangeWork ? std::max<int64_t>(64, n / 8) : n, [&](int64_t begin, int64_t end) {
          small_exchange(a.data + begin, row * kSize, (end - begin) * kSize, pivots, count, backwards);
        });
    return;
  }
  for (int64_t k0 = 0; k0 < count; k0 += kExchanges) {  // some at a time: finding a row is a search
    const int64_t some = std::min(kExchanges, count - k0), first = backwards ? count - k0 - some : k0;
    int relative[kExchanges];
    for (int64_t k = 0; k < some; ++k) relative[k] = pivots[first + k] - static_cast<int>(first);
    const Moves moves(relative, some, backwards);
    const int64_t moved = moves.size();
    if (moved == 0) continue;
    parallel_for(0, n, n * moved >= kExchangeWork ? std::max<int64_t>(16, n / 8) : n,
                 [&](int64_t begin, int64_t end) {
                   T held[2 * kExchanges];
                   for (int64_t j = begin; j < end; ++j) {
                     T* column = a.data + j * col + first * row;
                     for (int64_t i = 0; i < moved; ++i) held[i] = column[moves.from()[i] * row];
                     for (int64_t i = 0; i < moved; ++i) column[moves.to()[i] * row] = held[i];
                   }
                 });
  }
}

namespace {

/// Note [Look-ahead]: factoring a panel is work for one thread. So when a panel is done, one thread brings
/// the next panel forward and factors it while the others bring forward the columns behind it; then all meet.
/// The cuts depend on the shape alone, and so do the bits. Columns to the left exchange their rows at the
/// end. By rows every exchange moves runs of a cache line and more; only the narrowest panels are factored by
/// columns, in a copy.
template <class T>
int64_t lu_by_panels(Block<T> a, int64_t m, int64_t n, int* pivots) {
  const int64_t steps = std::min(m, n), width = steps < 2048 ? 64 : 128;
  int64_t info = dense_lu(a, m, std::min(width, steps), pivots);
  for (int64_t k = 0; k < steps; k += width) {
    const int64_t w = std::min(width, steps - k), next = k + w, behind = n - next;
    const auto bring_forward = [&](int64_t from, int64_t count) {
      const Block<T> columns = a.from(k, next + from);
      exchange_rows(columns, count, pivots + k, w);
      triangular_left<T>(a.from(k, k), false, true, w, columns, count);
      if (m > next) subtract_product<T>(columns.from(w, 0), a.from(next, k), columns, m - next, count, w);
    };
    const int64_t panel = std::clamp<int64_t>(steps - next, 0, width), others = behind - panel;
    int64_t later = 0;
    parallel_for(0, 1 + (others + kStripe - 1) / kStripe, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        if (task > 0) {
          const int64_t from = (task - 1) * kStripe;
          bring_forward(panel + from, std::min(kStripe, others - from));
        } else if (panel > 0) {
          bring_forward(0, panel);
          later = dense_lu(a.from(next, next), m - next, panel, pivots + next);
        }
      }
    });
    if (info == 0 && later != 0) info = later + next;
  }
  for (int64_t k = width; k < steps; k += width) {
    const int64_t w = std::min(width, steps - k);
    exchange_rows(a.from(k, 0), k, pivots + k, w);
    for (int64_t i = k; i < k + w; ++i) pivots[i] += static_cast<int>(k);
  }
  return info;
}

}  // namespace

template <class T>
int64_t dense_lu(Block<T> a, int64_t m, int64_t n, int* pivots) {
  const int64_t steps = std::min(m, n);
  if (steps >= kAhead) return lu_by_panels(a, m, n, pivots);
  if (n <= kPanel || (m <= kSmallOrder && n <= kSmallOrder)) {
    if (a.by_columns) return small_lu(a.data, m, n, a.ld, pivots);
    const int64_t ld = (m + 15) / 16 * 16 + 16;  // columns do not begin in the same place of a page
    ScratchBuffer<T> copy(static_cast<size_t>(ld * n));
    transpose_copy(a.data, a.ld, m, n, copy.data(), ld);
    const int64_t info = small_lu(copy.data(), m, n, ld, pivots);
    transpose_copy(copy.data(), ld, n, m, a.data, a.ld);
    return info;
  }
  const int64_t left = steps <= kPanel ? steps : (steps / 2 + kPanel - 1) / kPanel * kPanel, right = n - left;
  int64_t info = dense_lu(a, m, left, pivots);
  const Block<T> beside = a.from(0, left), corner = a.from(left, left);
  exchange_rows(beside, right, pivots, left);
  triangular_left<T>(a, false, true, left, beside, right);
  if (m == left) return info;
  subtract_product<T>(corner, a.from(left, 0), beside, m - left, right, left);
  const int64_t later = dense_lu(corner, m - left, right, pivots + left);
  exchange_rows(a.from(left, 0), left, pivots + left, steps - left);
  for (int64_t k = left; k < steps; ++k) pivots[k] += static_cast<int>(left);
  if (info == 0 && later != 0) info = later + left;
  return info;
}

template <class T>
void invert_lu(Block<const T> factors, int64_t n, Block<T> out) {
  // Column j of the identity is zero above j, and so is L^-1 of it: a stripe begins at its own row.
  parallel_for(0, (n + kStripe - 1) / kStripe, 1, [&](int64_t begin, int64_t end) {
    for (int64_t stripe = begin; stripe < end; ++stripe) {
      const int64_t j = stripe * kStripe, count = std::min(kStripe, n - j);
      for (int64_t i = 0; i < n; ++i) std::fill_n(out.at(i, j), count, T(0));
      for (int64_t i = j; i < j + count; ++i) *out.at(i, i) = T(1);
      triangular_left<T>(factors.from(j, j), false, true, n - j, out.from(j, j), count);
      triangular_left<T>(factors, true, false, n, out.from(0, j), count);
    }
  });
}

#define RT_DENSE(T)                                                                                       \
  template void transpose_copy<T>(const T*, int64_t, int64_t, int64_t, T*, int64_t);                      \
  template void subtract_product<T>(Block<T>, Block<const T>, Block<const T>, int64_t, int64_t, int64_t); \
  template void triangular_left<T>(Block<const T>, bool, bool, int64_t, Block<T>, int64_t);               \
  template int64_t dense_cholesky<T>(Block<T>, int64_t);                                                  \
  template int64_t dense_lu<T>(Block<T>, int64_t, int64_t, int*);                                         \
  template void invert_lu<T>(Block<const T>, int64_t, Block<T>);                                          \
  template void exchange_rows<T>(Block<T>, int64_t, const int*, int64_t, bool);
RT_DENSE(float)
RT_DENSE(double)
RT_DENSE(std::complex<float>)
RT_DENSE(std::complex<double>)
#undef RT_DENSE

}  // namespace rustorch::cpu
