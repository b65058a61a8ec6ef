// C entry points for the Python comparison scripts of this folder.
#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"

using rustorch::cpu::Activation;
using rustorch::cpu::GemmArgs;

template <class T>
static void call(int ta, int tb, long m, long n, long k, const T* a, long lda, const T* b, long ldb, T* c,
                 long ldc) {
  GemmArgs<T> g;
  g.trans_a = ta != 0;
  g.trans_b = tb != 0;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a = a;
  g.lda = lda;
  g.b = b;
  g.ldb = ldb;
  g.c = c;
  g.ldc = ldc;
  rustorch::cpu::gemm(g);
}

extern "C" {
void rt_bmm(long batch, long m, long n, long k, const float* a, const float* b, float* c) {
  rustorch::cpu::BatchGemmArgs<float> g;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a = a;
  g.lda = k;
  g.b = b;
  g.ldb = n;
  g.c = c;
  g.ldc = n;
  g.batch = batch;
  g.stride_a = m * k;
  g.stride_b = k * n;
  g.stride_c = m * n;
  rustorch::cpu::gemm_batched(g);
}
void rt_threads(int n) { rustorch::set_num_threads(n); }
// Runs the product `times` times, so that the cost of the foreign call does not show.
void rt_sgemm(int ta, int tb, long m, long n, long k, const float* a, long lda, const float* b, long ldb,
              float* c, long ldc, int times) {
  for (int i = 0; i < times; ++i) call(ta, tb, m, n, k, a, lda, b, ldb, c, ldc);
}
void rt_dgemm(int ta, int tb, long m, long n, long k, const double* a, long lda, const double* b, long ldb,
              double* c, long ldc, int times) {
  for (int i = 0; i < times; ++i) call(ta, tb, m, n, k, a, lda, b, ldb, c, ldc);
}
}

#include "backend/cpu/conv/conv.h"

// which: 0 forward, 1 gradient by the source, 2 gradient by the weights. Two spatial dimensions, square.
extern "C" void rt_conv(int which, long batch, long ci, long co, long size, long kernel, long stride,
                        long padding, long groups, int last, const float* x, const float* w, float* y,
                        float* out, int times) {
  using namespace rustorch::cpu;
  ConvArgs a;
  a.batch = batch;
  a.in_channels = ci;
  a.out_channels = co;
  a.groups = groups;
  a.channels_last = last != 0;
  for (int d = 0; d < 2; ++d) {
    a.in[d] = size;
    a.kernel[d] = kernel;
    a.stride[d] = stride;
    a.padding[d] = padding;
  }
  conv_output_size(a);
  for (int i = 0; i < times; ++i) {
    if (which == 0) conv_forward<float>(a, x, w, nullptr, Activation::None, out);
    if (which == 1) conv_backward_data<float>(a, y, w, out);
    if (which == 2) conv_backward_weight<float>(a, x, y, out);
  }
}
