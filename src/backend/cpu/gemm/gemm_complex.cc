// Complex products by four real ones on split real and imaginary parts.
//
// The four terms keep the textbook formula (no three-product trick), so rounding, infinities and NaN behave
// as in the direct sum. Columns of C are processed in strips to bound the scratch memory.
#include <algorithm>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kStrip = 1024;      // columns of C at a time
constexpr int64_t kRowGrain = 16384;  // elements per chunk of the element-wise loops
constexpr int64_t kTinyWork = 512;    // multiply-adds below which the direct loop is faster

// Splits rows x cols complex numbers with rows ld apart into two dense planes.
template <class F>
void split(const std::complex<F>* src, int64_t ld, int64_t rows, int64_t cols, F* re, F* im) {
  parallel_for(0, rows, std::max<int64_t>(1, kRowGrain / std::max<int64_t>(1, cols)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const F* s = reinterpret_cast<const F*>(src + i * ld);
                   for (int64_t j = 0; j < cols; ++j) {
                     re[i * cols + j] = s[2 * j];
                     im[i * cols + j] = s[2 * j + 1];
                   }
                 }
               });
}

template <class F>
void direct(const GemmArgs<std::complex<F>>& g) {
  using C = std::complex<F>;
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      F re = 0, im = 0;
      for (int64_t k = 0; k < g.k; ++k) {
        const C x = g.a[g.trans_a ? k * g.lda + i : i * g.lda + k],
                y = g.b[g.trans_b ? j * g.ldb + k : k * g.ldb + j];
        re += x.real() * y.real() - x.imag() * y.imag();
        im += x.real() * y.imag() + x.imag() * y.real();
      }
      C& c = g.c[i * g.ldc + j];
      C v = g.alpha * C(re, im);
      if (g.beta != C(0)) v += g.beta * c;
      if (g.bias) v += g.bias[j];
      c = v;
    }
  }
}

template <class F>
void real_product(const GemmArgs<std::complex<F>>& g, int64_t cols, F alpha, const F* a, const F* b, F beta,
                  F* c) {
  GemmArgs<F> r;
  r.trans_a = g.trans_a;
  r.trans_b = g.trans_b;
  r.m = g.m;
  r.n = cols;
  r.k = g.k;
  r.alpha = alpha;
  r.beta = beta;
  r.a = a;
  r.lda = g.trans_a ? g.m : g.k;
  r.b = b;
  r.ldb = g.trans_b ? g.k : cols;
  r.c = c;
  r.ldc = cols;
  gemm(r);
}

// c = alpha * (re, im) + beta * c + bias on one strip.
template <class F>
void combine(const GemmArgs<std::complex<F>>& g, int64_t j0, int64_t cols, const F* re, const F* im) {
  using C = std::complex<F>;
  const bool plain = g.alpha == C(1);
  parallel_for(0, g.m, std::max<int64_t>(1, kRowGrain / cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      C* c = g.c + i * g.ldc + j0;
      for (int64_t j = 0; j < cols; ++j) {
        C v(re[i * cols + j], im[i * cols + j]);
        if (!plain) v = g.alpha * v;
        if (g.beta != C(0)) v += g.beta * c[j];
        if (g.bias) v += g.bias[j0 + j];
        c[j] = v;
      }
    }
  });
}

template <class F>
void run(const GemmArgs<std::complex<F>>& g) {
  RT_CHECK(g.m >= 0 && g.n >= 0 && g.k >= 0, Value, "gemm", "negative size; got m ", g.m, ", n ", g.n, ", k ",
           g.k);
  RT_CHECK(g.act == Activation::None, NotImplemented, "gemm",
           "activations are not defined for complex results");
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0 || g.m * g.n * g.k <= kTinyWork) return direct(g);
  const int64_t strip = std::min(g.n, kStrip);
  ScratchBuffer<F> a(static_cast<size_t>(2 * g.m * g.k)), b(static_cast<size_t>(2 * g.k * strip));
  ScratchBuffer<F> c(static_cast<size_t>(2 * g.m * strip));
  F *ar = a.data(), *ai = ar + g.m * g.k;
  split(g.a, g.lda, g.trans_a ? g.k : g.m, g.trans_a ? g.m : g.k, ar, ai);
  for (int64_t j0 = 0; j0 < g.n; j0 += strip) {
    const int64_t cols = std::min(strip, g.n - j0);
    F *br = b.data(), *bi = br + g.k * cols, *cr = c.data(), *ci = cr + g.m * cols;
    split(g.trans_b ? g.b + j0 * g.ldb : g.b + j0, g.ldb, g.trans_b ? cols : g.k, g.trans_b ? g.k : cols, br,
          bi);
    real_product<F>(g, cols, F(1), ar, br, F(0), cr);
    real_product<F>(g, cols, F(-1), ai, bi, F(1), cr);
    real_product<F>(g, cols, F(1), ar, bi, F(0), ci);
    real_product<F>(g, cols, F(1), ai, br, F(1), ci);
    combine(g, j0, cols, cr, ci);
  }
}

}  // namespace

void gemm(const GemmArgs<std::complex<float>>& args) { run(args); }
void gemm(const GemmArgs<std::complex<double>>& args) { run(args); }

}  // namespace rustorch::cpu
