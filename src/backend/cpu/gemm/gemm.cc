// Entry points of the matrix product: checks, degenerate shapes, matrix-vector products, then the blocked
// product.
#include "backend/cpu/gemm/gemm.h"

#include <algorithm>
#include <utility>

#include "backend/cpu/gemm/blocked.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/thread_pool.h"
#include "memory/allocator.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {
using detail::KernelTable;

constexpr int64_t kVectorGrain = 48 * 1024;  // matrix elements per chunk of a matrix-vector product

// C = act(beta * C + bias): what is left when the sum is empty.
template <class T>
void scale_only(const GemmArgs<T>& g) {
  for (int64_t i = 0; i < g.m; ++i) {
    T* row = g.c + i * g.ldc;
    if (g.beta == T(0)) {
      std::fill_n(row, g.n, T(0));
    } else if (g.beta != T(1)) {
      for (int64_t j = 0; j < g.n; ++j) row[j] *= g.beta;
    }
  }
  detail::kernels<T>().epilogue(g.c, g.ldc, g.m, g.n, g.bias, false, g.act);
}

// y (length n, stride incy) = alpha * (sum_i x[i] * matrix) + beta * y. `rows`: the matrix is n x k,
// row-major, and y are dot products; otherwise it is k x n.
template <class T>
struct VectorProduct {
  bool rows;
  int64_t n, k;
  const T* matrix;
  int64_t ld;
  const T* x;
  int64_t incx;
  T alpha, beta;
  T* y;
  int64_t incy;
};

template <class T>
void run_vector_product(const VectorProduct<T>& v) {
  const KernelTable<T>& t = detail::kernels<T>();
  if (v.rows) {
    ScratchBuffer<T> packed_x(v.incx == 1 ? 0 : static_cast<size_t>(v.k));
    const T* x = v.x;
    if (v.incx != 1) {
      for (int64_t i = 0; i < v.k; ++i) packed_x.data()[i] = v.x[i * v.incx];
      x = packed_x.data();
    }
    const int64_t grain = std::max<int64_t>(4, kVectorGrain / v.k / 4 * 4);
    parallel_for(0, v.n, grain, [&](int64_t b, int64_t e) {
      t.gemv_rows(v.matrix + b * v.ld, v.ld, e - b, v.k, x, v.alpha, v.beta, v.y + b * v.incy, v.incy);
    });
    return;
  }
  const int64_t strip = t.nr * 4;
  const int64_t grain = std::max<int64_t>(1, kVectorGrain / v.k / strip) * strip;
  parallel_for(0, v.n, grain, [&](int64_t b, int64_t e) {
    t.gemv_columns(v.matrix + b, v.ld, v.k, e - b, v.x, v.incx, v.alpha, v.beta, v.y + b * v.incy, v.incy);
  });
}

template <class T>
void vector_gemm(const GemmArgs<T>& g) {
  if (g.m == 1) {
    run_vector_product(VectorProduct<T>{g.trans_b, g.n, g.k, g.b, g.ldb, g.a, g.trans_a ? g.lda : 1, g.alpha,
                                        g.beta, g.c, 1});
  } else {
    run_vector_product(VectorProduct<T>{!g.trans_a, g.m, g.k, g.a, g.lda, g.b, g.trans_b ? 1 : g.ldb, g.alpha,
                                        g.beta, g.c, g.ldc});
  }
  if (g.bias || g.act != Activation::None) {
    detail::kernels<T>().epilogue(g.c, g.ldc, g.m, g.n, g.bias, false, g.act);
  }
}

template <class T>
void check(const GemmArgs<T>& g) {
  RT_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0, Value, "gemm", "negative size; got m ", g.m, ", n ", g.n, ", k ",
           g.k);
  RT_CHECK(g.lda >= (g.trans_a ? g.m : g.k) || g.m * g.k == 0, Value, "gemm", "lda too small; got ", g.lda);
  RT_CHECK(g.ldb >= (g.trans_b ? g.k : g.n) || g.n * g.k == 0, Value, "gemm", "ldb too small; got ", g.ldb);
  RT_CHECK(g.ldc >= g.n || g.m <= 1, Value, "gemm", "ldc too small; got ", g.ldc, "; expected at least ",
           g.n);
}

template <class T>
void run(const GemmArgs<T>& g) {
  check(g);
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0 || g.alpha == T(0)) return scale_only(g);
  if (g.m == 1 || g.n == 1) return vector_gemm(g);
  detail::run_blocked(detail::Problem<T>{g.m,
                                         g.n,
                                         g.k,
                                         g.a,
                                         g.trans_a ? 1 : g.lda,
                                         g.trans_a ? g.lda : 1,
                                         g.b,
                                         g.trans_b ? 1 : g.ldb,
                                         g.trans_b ? g.ldb : 1,
                                         g.alpha,
                                         g.beta,
                                         g.c,
                                         g.ldc,
                                         g.bias,
                                         g.act,
                                         false,
                                         nullptr,
                                         nullptr,
                                         g.next_a,
                                         g.next_b});
}

// A packed operand of rows x cols in memory that gives itself back; null if it has no elements.
template <class T, class Pack>
std::shared_ptr<const T> packed(const char* what, int64_t rows, int64_t cols,
                                int64_t (*size)(int64_t, int64_t), const Pack& pack) {
  RT_CHECK(rows >= 0 && cols >= 0, Value, what, "negative size; got ", rows, " x ", cols);
  if (rows == 0 || cols == 0) return nullptr;
  const size_t bytes = static_cast<size_t>(size(rows, cols)) * sizeof(T);
  MemoryAllocator* const allocator = cpu_allocator();
  T* const data = static_cast<T*>(allocator->allocate(bytes));
  const auto free = [allocator, bytes](const T* p) { allocator->deallocate(const_cast<T*>(p), bytes); };
  std::shared_ptr<const T> owner(data, free);
  pack(data);
  return owner;
}
}  // namespace

template <class T>
PackedB<T>::PackedB(bool trans_b, int64_t k, int64_t n, const T* b, int64_t ldb)
    : k_(k), n_(n), data_(packed<T>("PackedB", k, n, detail::packed_b_size<T>, [&](T* to) {
        detail::pack_whole_b(to, b, trans_b ? 1 : ldb, trans_b ? ldb : 1, k, n);
      })) {}

template <class T>
PackedA<T>::PackedA(bool trans_a, int64_t m, int64_t k, const T* a, int64_t lda)
    : m_(m), k_(k), data_(packed<T>("PackedA", m, k, detail::packed_a_size<T>, [&](T* to) {
        detail::pack_whole_a(to, a, trans_a ? 1 : lda, trans_a ? lda : 1, m, k);
      })) {}

template class PackedA<float>;
template class PackedA<double>;
template class PackedB<float>;
template class PackedB<double>;

namespace {
template <class T>
void run_packed(const GemmArgs<T>& g, const PackedA<T>* a, const PackedB<T>& b) {
  RT_CHECK(b.k() == g.k && b.n() == g.n, Shape, "gemm", "packed matrix has the wrong size; got ", b.k(),
           " x ", b.n(), "; expected ", g.k, " x ", g.n);
  GemmArgs<T> plain = g;
  plain.trans_b = false;
  plain.ldb = g.n;
  if (a != nullptr) {
    RT_CHECK(a->m() == g.m && a->k() == g.k, Shape, "gemm", "packed matrix has the wrong size; got ", a->m(),
             " x ", a->k(), "; expected ", g.m, " x ", g.k);
    plain.trans_a = false;
    plain.lda = g.k;
  }
  check(plain);
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0 || g.alpha == T(0)) return scale_only(g);
  detail::Problem<T> p{};
  p.m = g.m;
  p.n = g.n;
  p.k = g.k;
  p.a = g.a;
  p.a_rs = plain.trans_a ? 1 : plain.lda;
  p.a_cs = plain.trans_a ? plain.lda : 1;
  p.alpha = g.alpha;
  p.beta = g.beta;
  p.c = g.c;
  p.ldc = g.ldc;
  p.bias = g.bias;
  p.act = g.act;
  p.prepacked_a = a == nullptr ? nullptr : a->data();
  p.prepacked_b = b.data();
  detail::run_blocked(p);
}
}  // namespace

void gemm(const GemmArgs<float>& args, const PackedB<float>& b) { run_packed<float>(args, nullptr, b); }
void gemm(const GemmArgs<double>& args, const PackedB<double>& b) { run_packed<double>(args, nullptr, b); }
void gemm(const GemmArgs<float>& args, const PackedA<float>& a, const PackedB<float>& b) {
  run_packed(args, &a, b);
}
void gemm(const GemmArgs<double>& args, const PackedA<double>& a, const PackedB<double>& b) {
  run_packed(args, &a, b);
}
void gemm(const GemmArgs<float>& args) { run(args); }
void gemm(const GemmArgs<double>& args) { run(args); }

}  // namespace rustorch::cpu
