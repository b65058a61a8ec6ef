// Bias and activation applied to a block of C while it is in cache. Included once per instruction set.
//
// NaN stays NaN and infinities take the limits. Accuracy: a few ulp (gelu by the complementary error function
// of Numerical Recipes section 6.2, relative error 1.2e-7, in float; by std::erf in double).
#if defined(RT_GEMM_EPILOGUE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_GEMM_EPILOGUE_INL
#undef RT_GEMM_EPILOGUE_INL
#else
#define RT_GEMM_EPILOGUE_INL
#endif

#include <cmath>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/simd/math-inl.h"
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D, class V>
HWY_INLINE V sigmoid_of(D d, V x) {
  return rustorch::HWY_NAMESPACE::simd::sigmoid(d, x);
}

template <class D, class V>
HWY_INLINE V tanh_of(D d, V x) {
  return rustorch::HWY_NAMESPACE::simd::tanh(d, x);
}

// The standard normal distribution function, 0.5 * erfc(-x / sqrt(2)).
template <class D, class V>
HWY_INLINE V normal_cdf(D d, V x, float) {
  const V z = hn::Abs(hn::Mul(x, hn::Set(d, 0.70710678118654752f)));
  const V t = hn::Div(hn::Set(d, 1.0f), hn::MulAdd(hn::Set(d, 0.5f), z, hn::Set(d, 1.0f)));
  constexpr float kPoly[] = {0.17087277f,  -0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f,
                             -0.18628806f, 0.09678418f,  0.37409196f, 1.00002368f,  -1.26551223f};
  V p = hn::Set(d, kPoly[0]);
  for (int i = 1; i < 10; ++i) p = hn::MulAdd(p, t, hn::Set(d, kPoly[i]));
  const V tail = hn::Mul(hn::Mul(hn::Set(d, 0.5f), t), hn::Exp(d, hn::NegMulAdd(z, z, p)));
  return hn::IfThenElse(hn::Ge(x, hn::Zero(d)), hn::Sub(hn::Set(d, 1.0f), tail), tail);
}

template <class D, class V>
HWY_INLINE V normal_cdf(D d, V x, double) {
  HWY_ALIGN double lanes[hn::MaxLanes(d)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = 0.5 * std::erfc(lanes[i] * -0.70710678118654752440);
  return hn::Load(d, lanes);
}

template <class D, class V>
HWY_INLINE V gelu_of(D d, V x) {
  using T = hn::TFromD<D>;
  // Below the limit the product underflows; without it -inf would give -inf * 0.
  const V low = hn::Set(d, T(sizeof(T) == 4 ? -15 : -40));
  const V r = hn::Mul(x, normal_cdf(d, x, T()));
  return hn::IfThenElse(hn::Eq(x, x), hn::IfThenElse(hn::Lt(x, low), hn::Zero(d), r), x);
}

template <class D, class V>
HWY_INLINE V gelu_tanh_of(D d, V x) {
  using T = hn::TFromD<D>;
  // 0.5 * (1 + tanh(u)) = sigmoid(2u)
  const V u = hn::Mul(hn::Mul(x, hn::Set(d, T(1.5957691216057307117597842397375))),
                      hn::MulAdd(hn::Mul(x, x), hn::Set(d, T(0.044715)), hn::Set(d, T(1))));
  const V r = hn::Mul(x, sigmoid_of(d, u));
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, T(-50))), hn::Zero(d), r);
}

template <Activation kAct, class D, class V>
HWY_INLINE V activate(D d, V x) {
  using T = hn::TFromD<D>;
  if constexpr (kAct == Activation::Relu) return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x);
  if constexpr (kAct == Activation::Gelu) return gelu_of(d, x);
  if constexpr (kAct == Activation::GeluTanh) return gelu_tanh_of(d, x);
  if constexpr (kAct == Activation::Sigmoid) return sigmoid_of(d, x);
  if constexpr (kAct == Activation::Tanh) return tanh_of(d, x);
  if constexpr (kAct == Activation::Silu) {
    const V r = hn::Mul(x, sigmoid_of(d, x));
    return hn::IfThenElse(hn::Lt(x, hn::Set(d, T(-1e4))), hn::Zero(d), r);
  }
  return x;
}

// kPerRow: row i of the block takes bias[i]; otherwise column j takes bias[j].
template <Activation kAct, bool kPerRow, class T>
HWY_NOINLINE void epilogue_rows(T* c, int64_t ldc, int64_t m, int64_t n, const T* bias) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN T tail[hn::MaxLanes(d)] = {};
  for (int64_t i = 0; i < m; ++i, c += ldc) {
    const T row_bias = kPerRow && bias ? bias[i] : T(0);
    const auto row_vector = hn::Set(d, row_bias);
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) {
      auto v = hn::LoadU(d, c + j);
      if (bias) v = hn::Add(v, kPerRow ? row_vector : hn::LoadU(d, bias + j));
      hn::StoreU(activate<kAct>(d, v), d, c + j);
    }
    if (j < n) {
      for (int64_t q = j; q < n; ++q) tail[q - j] = bias ? c[q] + (kPerRow ? row_bias : bias[q]) : c[q];
      hn::Store(activate<kAct>(d, hn::Load(d, tail)), d, tail);
      for (int64_t q = j; q < n; ++q) c[q] = tail[q - j];
    }
  }
}

template <bool kPerRow, class T>
void run_epilogue(T* c, int64_t ldc, int64_t m, int64_t n, const T* bias, Activation act) {
  switch (act) {
    case Activation::None:
      if (bias) epilogue_rows<Activation::None, kPerRow>(c, ldc, m, n, bias);
      return;
    case Activation::Relu:
      return epilogue_rows<Activation::Relu, kPerRow>(c, ldc, m, n, bias);
    case Activation::Gelu:
      return epilogue_rows<Activation::Gelu, kPerRow>(c, ldc, m, n, bias);
    case Activation::GeluTanh:
      return epilogue_rows<Activation::GeluTanh, kPerRow>(c, ldc, m, n, bias);
    case Activation::Sigmoid:
      return epilogue_rows<Activation::Sigmoid, kPerRow>(c, ldc, m, n, bias);
    case Activation::Tanh:
      return epilogue_rows<Activation::Tanh, kPerRow>(c, ldc, m, n, bias);
    case Activation::Silu:
      return epilogue_rows<Activation::Silu, kPerRow>(c, ldc, m, n, bias);
  }
}

template <class T>
void epilogue(T* c, int64_t ldc, int64_t m, int64_t n, const T* bias, bool per_row, Activation act) {
  if (per_row) {
    run_epilogue<true>(c, ldc, m, n, bias, act);
  } else {
    run_epilogue<false>(c, ldc, m, n, bias, act);
  }
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
