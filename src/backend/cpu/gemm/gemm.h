// Matrix products on raw pointers: C = act(alpha * op(A) op(B) + beta * C + bias), row-major, any leading
// dimension.
//
// Results are bit-identical for any number of threads: an element's summation order depends on k alone, never
// on the tile or the thread that computes it. beta == 0 never reads C. NaN and infinity propagate. Pointers
// need no alignment. k == 0 leaves act(beta * C + bias). C must not overlap A or B. Threads: calls split
// their work over base/thread_pool.h; several user threads may call at once. Nothing is owned beyond the call
// except by PackedB.
#pragma once
#include <complex>
#include <cstdint>

namespace rustorch::cpu {

/// Function applied to every element of the result, after the bias.
enum class Activation : uint8_t { None, Relu, Gelu, GeluTanh, Sigmoid, Tanh, Silu };

/// One product. op(A) is m x k and op(B) is k x n; the leading dimensions count elements between rows as
/// stored.
template <class T>
struct GemmArgs {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
  T alpha = T(1);
  const T* a = nullptr;
  int64_t lda = 0;
  const T* b = nullptr;
  int64_t ldb = 0;
  T beta = T(0);
  T* c = nullptr;
  int64_t ldc = 0;
  const T* bias = nullptr;  ///< length n, added to every row, or null
  Activation act = Activation::None;
};

void gemm(const GemmArgs<float>& args);
void gemm(const GemmArgs<double>& args);

}  // namespace rustorch::cpu
