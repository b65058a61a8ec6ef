#include "backend/cpu/lapack/reflectors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/lapack/dense.h"
#include "backend/cpu/lapack/lapack.h"
#include "backend/cpu/lapack/reflector_kernels.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kWidth = 32;           // reflections of a block
constexpr int64_t kStripe = 56;          // columns that a thread changes together: four tiles of rows
constexpr int64_t kNearBytes = 3 << 19;  // a triangle up to this size is reduced from near caches

template <class T>
void product(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda,
             const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  GemmArgs<T> g;
  g.trans_a = trans_a, g.trans_b = trans_b;
  g.m = m, g.n = n, g.k = k;
  g.alpha = alpha, g.beta = beta;
  g.a = a, g.lda = lda;
  g.b = b, g.ldb = ldb;
  g.c = c, g.ldc = ldc;
  gemm(g);
}

/// Reflections k0 ... k0 + width - 1 of a packed matrix, ready to be applied to the rows from k0 on.
template <class T>
class Reflectors {
 public:
  /// Room for blocks of so many rows.
  explicit Reflectors(int64_t rows) : data_(static_cast<size_t>(2 * rows * kWidth)) {}

  /// From the packed columns at a; `transposed`: apply() shall undo the product, last reflection last.
  void set(const T* a, int64_t ld, int64_t rows, int64_t width, const T* tau, bool transposed) {
    rows_ = rows, width_ = width;
    T* v = data_.data();  // columns contiguous
    for (int64_t j = 0; j < width; ++j) {
      T* to = v + j * rows;
      std::fill_n(to, j, T(0));
      to[j] = T(1);
      std::copy_n(a + j * ld + j + 1, rows - j - 1, to + j + 1);
    }
    // Column j of T is -tau_j T (V^T v_j), and tau_j on the diagonal.
    T squares[kWidth * kWidth], t[kWidth * kWidth], column[kWidth];
    product<T>(false, true, width, width, rows, T(1), v, rows, v, rows, T(0), squares, width);
    for (int64_t j = 0; j < width; ++j) {
      std::fill_n(column, width, T(0));
      for (int64_t k = 0; k < j; ++k) {
        const T f = -tau[j] * squares[j * width + k];
        for (int64_t i = 0; i <= k; ++i) column[i] += f * t[k * width + i];
      }
      column[j] = tau[j];
      std::copy_n(column, width, t + j * width);  // so t holds T by columns
    }
    // V T or V T^T, rows contiguous.
    product<T>(true, !transposed ? false : true, rows, width, width, T(1), v, rows, t, width, T(0), scaled(),
               width);
  }

  /// C -= V op(T) V^T C for `count` columns of `rows` numbers, ld apart. As products of matrices by rows:
  /// C^T -= (C^T V op(T)^T) V^T.
  void apply(T* c, int64_t ld, int64_t count, T* work) const {
    product<T>(false, false, count, width_, rows_, T(1), c, ld, scaled(), width_, T(0), work, width_);
    product<T>(false, false, count, rows_, width_, T(-1), work, width_, data_.data(), rows_, T(1), c, ld);
  }

 private:
  T* scaled() const { return data_.data() + rows_ * kWidth; }
  ScratchBuffer<T> data_;
  int64_t rows_ = 0, width_ = 0;
};

/// All reflections of a packed m x k matrix in blocks, for Q C.
template <class T>
class ReflectorList {
 public:
  ReflectorList(const T* a, int64_t m, int64_t k, int64_t ld, const T* tau) {
    for (int64_t j = 0; j < k; j += kWidth) blocks_.emplace_back(m - j);
    parallel_for(0, static_cast<int64_t>(blocks_.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t j = b * kWidth;
        blocks_[static_cast<size_t>(b)].set(a + j * ld + j, ld, m - j, std::min(kWidth, k - j), tau + j,
                                            false);
      }
    });
  }

  /// c = Q c for columns first ... first + count - 1 of a matrix; `unit`: of the identity, where the blocks
  /// behind a column do not change it.
  void apply(T* c, int64_t ld, int64_t first, int64_t count, bool unit) const {
    T work[kStripe * kWidth];
    for (auto b = static_cast<int64_t>(blocks_.size()) - 1; b >= 0; --b) {
      const int64_t j = b * kWidth, skip = unit ? std::clamp<int64_t>(j - first, 0, count) : 0;
      if (skip < count) blocks_[static_cast<size_t>(b)].apply(c + skip * ld + j, ld, count - skip, work);
    }
  }

 private:
  std::vector<Reflectors<T>> blocks_;
};

/// Runs f(first, count) on stripes of n columns, the last ones first.
template <class F>
void for_stripes(int64_t n, F&& f) {
  const int64_t stripes = ceil_div(n, kStripe);
  parallel_for(0, stripes, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const int64_t first = (stripes - 1 - s) * kStripe;
      f(first, std::min(kStripe, n - first));
    }
  });
}

}  // namespace

// As in Note [Look-ahead]: one thread brings the next panel forward and factors it while the others bring
// forward the columns behind it.
template <class T>
void dense_qr(T* a, int64_t m, int64_t n, int64_t ld, T* tau) {
  const int64_t steps = std::min(m, n);
  Reflectors<T> now(m), then(m);
  const auto factor = [&](Reflectors<T>& block, int64_t k, int64_t width) {
    T* panel = a + k * ld + k;
    reflect_panel(panel, m - k, width, ld, tau + k);
    block.set(panel, ld, m - k, width, tau + k, true);
  };
  factor(now, 0, std::min(kWidth, steps));
  for (int64_t k = 0; k < steps; k += kWidth) {
    const int64_t next = k + std::min(kWidth, steps - k);
    const int64_t panel = std::clamp<int64_t>(steps - next, 0, kWidth), others = n - next - panel;
    parallel_for(0, 1 + ceil_div(others, kStripe), 1, [&](int64_t begin, int64_t end) {
      T work[kStripe * kWidth];
      for (int64_t task = begin; task < end; ++task) {
        if (task > 0) {
          const int64_t from = (task - 1) * kStripe;
          now.apply(a + (next + panel + from) * ld + k, ld, std::min(kStripe, others - from), work);
        } else if (panel > 0) {
          now.apply(a + next * ld + k, ld, panel, work);
          factor(then, next, panel);
        }
      }
    });
    std::swap(now, then);
  }
}

template <class T>
void reflection_product(T* a, int64_t m, int64_t n, int64_t k, int64_t ld, const T* tau) {
  const ReflectorList<T> list(a, m, k, ld, tau);
  for_stripes(n, [&](int64_t first, int64_t count) {
    for (int64_t j = first; j < first + count; ++j) {
      std::fill_n(a + j * ld, m, T(0));
      a[j * ld + j] = T(1);
    }
    list.apply(a + first * ld, ld, first, count, true);
  });
}

template <class T>
int symmetric_eigenvectors(T* a, int64_t n, int64_t ld, bool upper, T* w) {
  const int64_t padded = (n + kReflectorPad - 1) / kReflectorPad * kReflectorPad,
                step = padded * static_cast<int64_t>(sizeof(T)) % 1024 == 0 ? padded + kReflectorPad : padded;
  if (n < 2 || n * n / 2 * static_cast<int64_t>(sizeof(T)) > kNearBytes) return -1;
  ScratchBuffer<T> copy(static_cast<size_t>(n * step)), work(static_cast<size_t>(4 * step)),
      vectors(static_cast<size_t>(2 * n));
  T most = 0;
  bool finite = true;
  for (int64_t j = 0; j < n; ++j) {
    T* to = copy.data() + j * step;
    for (int64_t i = j; i < n; ++i) {
      to[i] = upper ? a[i * ld + j] : a[j * ld + i];
      finite &= std::isfinite(to[i]);
      most = std::max(most, std::abs(to[i]));
    }
    std::fill_n(to, j, T(0));
    std::fill_n(to + n, step - n, T(0));
  }
  const T safe = std::sqrt(std::numeric_limits<T>::max()) * std::numeric_limits<T>::epsilon();
  if (!finite || most > safe || (most > 0 && most < 1 / safe)) return -1;
  T *tau = vectors.data(), *beside = tau + n;
  reduce_tridiagonal(copy.data(), n, step, w, beside, tau, work.data());
  // The 1 of the first vector is in the second row.
  const ReflectorList<T> list(copy.data() + 1, n - 1, n - 1, step, tau);
  const int order = static_cast<int>(n);
  T size;
  int isize;
  lapack::stedc(order, w, beside, a, static_cast<int>(ld), &size, -1, &isize, -1);
  const int lwork = lapack::queried(size), liwork = std::max(isize, 1);
  ScratchBuffer<T> room(static_cast<size_t>(lwork));
  ScratchBuffer<int> iroom(static_cast<size_t>(liwork));
  const int info =
      lapack::stedc(order, w, beside, a, static_cast<int>(ld), room.data(), lwork, iroom.data(), liwork);
  if (info != 0) return info;
  for_stripes(n,
              [&](int64_t first, int64_t count) { list.apply(a + first * ld + 1, ld, first, count, false); });
  return 0;
}

#define RT_REFLECTORS(T)                                                                 \
  template void dense_qr<T>(T*, int64_t, int64_t, int64_t, T*);                          \
  template void reflection_product<T>(T*, int64_t, int64_t, int64_t, int64_t, const T*); \
  template int symmetric_eigenvectors<T>(T*, int64_t, int64_t, bool, T*);
RT_REFLECTORS(float)
RT_REFLECTORS(double)
#undef RT_REFLECTORS

}  // namespace rustorch::cpu
