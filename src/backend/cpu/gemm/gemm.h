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
#include <memory>

#include "rustorch/half.h"

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
  /// Dense operands of the product of the same shape that this thread makes next, or null: a hint.
  const T *next_a = nullptr, *next_b = nullptr;
};

void gemm(const GemmArgs<float>& args);
void gemm(const GemmArgs<double>& args);
/// Complex products: four real products on split parts. act must be None. Conjugation is the caller's
/// business.
void gemm(const GemmArgs<std::complex<float>>& args);
void gemm(const GemmArgs<std::complex<double>>& args);

/// `batch` products of one shape. Strides count elements from one matrix to the next; 0 shares the matrix
/// (not C). The bias is shared.
template <class T>
struct BatchGemmArgs : GemmArgs<T> {
  int64_t batch = 0;
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;
};

void gemm_batched(const BatchGemmArgs<float>& args);
void gemm_batched(const BatchGemmArgs<double>& args);
void gemm_batched(const BatchGemmArgs<std::complex<float>>& args);
void gemm_batched(const BatchGemmArgs<std::complex<double>>& args);

/// Products of 16-bit floats: In is BFloat16 or Half, Out is In or float. Sums are float; the result is
/// rounded once. bfloat16 runs on AMX tiles or vdpbf16ps where the processor has them, everything else on
/// converted float panels.
template <class In, class Out>
struct HalfGemmArgs {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
  float alpha = 1;
  const In* a = nullptr;
  int64_t lda = 0;
  const In* b = nullptr;
  int64_t ldb = 0;
  float beta = 0;
  Out* c = nullptr;
  int64_t ldc = 0;
  const In* bias = nullptr;  ///< length n, added to every row, or null
  Activation act = Activation::None;
  int64_t batch = 1;  ///< products of one shape; strides in elements, 0 shares the matrix (not C)
  int64_t stride_a = 0, stride_b = 0, stride_c = 0;
};

void gemm_half(const HalfGemmArgs<BFloat16, BFloat16>& args);
void gemm_half(const HalfGemmArgs<BFloat16, float>& args);
void gemm_half(const HalfGemmArgs<Half, Half>& args);
void gemm_half(const HalfGemmArgs<Half, float>& args);

/// Integer product C = op(A) op(B), or C += when accumulate, modulo 2^bits of Out.
template <class A, class B, class Out>
struct IntGemmArgs {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
  const A* a = nullptr;
  int64_t lda = 0;
  const B* b = nullptr;
  int64_t ldb = 0;
  bool accumulate = false;
  Out* c = nullptr;
  int64_t ldc = 0;
};

void gemm_int(const IntGemmArgs<uint8_t, uint8_t, uint8_t>& args);
void gemm_int(const IntGemmArgs<int8_t, int8_t, int8_t>& args);
void gemm_int(const IntGemmArgs<int16_t, int16_t, int16_t>& args);
void gemm_int(const IntGemmArgs<int32_t, int32_t, int32_t>& args);
void gemm_int(const IntGemmArgs<int64_t, int64_t, int64_t>& args);
void gemm_int(const IntGemmArgs<int8_t, int8_t, int32_t>& args);
void gemm_int(const IntGemmArgs<uint8_t, int8_t, int32_t>& args);

/// op(B) packed ahead for many products with the same matrix (inference weights). Copies share the packed
/// data.
template <class T>
class PackedB {
 public:
  PackedB() = default;
  PackedB(bool trans_b, int64_t k, int64_t n, const T* b, int64_t ldb);
  int64_t k() const { return k_; }
  int64_t n() const { return n_; }
  const T* data() const { return data_.get(); }

 private:
  int64_t k_ = 0, n_ = 0;
  std::shared_ptr<const T> data_;
};

/// op(A) packed ahead for products with several packed matrices. Copies share the packed data.
template <class T>
class PackedA {
 public:
  PackedA() = default;
  PackedA(bool trans_a, int64_t m, int64_t k, const T* a, int64_t lda);
  int64_t m() const { return m_; }
  int64_t k() const { return k_; }
  const T* data() const { return data_.get(); }

 private:
  int64_t m_ = 0, k_ = 0;
  std::shared_ptr<const T> data_;
};

/// The product with b, ldb and trans_b of args replaced by the packed matrix; its sizes must be args.k and
/// args.n. Same bits as gemm() except for m == 1 or n == 1, where gemm() sums in another order.
void gemm(const GemmArgs<float>& args, const PackedB<float>& b);
void gemm(const GemmArgs<double>& args, const PackedB<double>& b);
/// The same with a, lda and trans_a replaced too.
void gemm(const GemmArgs<float>& args, const PackedA<float>& a, const PackedB<float>& b);
void gemm(const GemmArgs<double>& args, const PackedA<double>& a, const PackedB<double>& b);

}  // namespace rustorch::cpu
