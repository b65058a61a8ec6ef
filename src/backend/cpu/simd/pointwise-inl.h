// Building blocks of the generated pointwise kernels: loads and stores of each operand kind, tails, and the
// functions (op_NAME) that the Highway renderer calls for rows of the function table.
//
// Re-included once per instruction set. Everything is inline except the functions of math_calls-inl.h; of
// those the ones with short bodies for float are inlined too, since a call would be a third of their time.
#if defined(RUSTORCH_POINTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_POINTWISE_INL_H_
#undef RUSTORCH_POINTWISE_INL_H_
#else
#define RUSTORCH_POINTWISE_INL_H_
#endif

#include <cstring>
#include <type_traits>

#include "backend/cpu/chunk_kernel.h"
#include "backend/cpu/simd/math-inl.h"
#include "backend/cpu/simd/math_calls-inl.h"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// --- tails -------------------------------------------------------------------------------------------------
// AVX has loads and stores that skip lanes without touching memory; they also keep store-to-load forwarding
// whole.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
template <class D, class T>
inline constexpr bool kMaskedTail = sizeof(T) == sizeof(hn::TFromD<D>);
#else
template <class D, class T>
inline constexpr bool kMaskedTail = false;
#endif

/// Copies `count` elements into `buffer` (zero-padded to `size`, a multiple of the vector) and returns it.
template <class D, class T>
HWY_INLINE const T* tail_in(D, T* buffer, const T* from, size_t count, size_t size) {
  if constexpr (kMaskedTail<D, T>) {
    const hn::Rebind<T, D> d;
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < size; k += lanes)
      hn::Store(hn::MaskedLoad(hn::FirstN(d, count > k ? count - k : 0), d, from + k), d, buffer + k);
  } else {
    std::memset(buffer, 0, size * sizeof(T));
    std::memcpy(buffer, from, count * sizeof(T));
  }
  return buffer;
}
/// Copies the first `count` elements of `buffer` to `to`.
template <class D, class T>
HWY_INLINE void tail_out(D, const T* buffer, T* to, size_t count) {
  if constexpr (kMaskedTail<D, T>) {
    const hn::Rebind<T, D> d;
    const size_t lanes = hn::Lanes(d);
    for (size_t k = 0; k < count; k += lanes)
      hn::BlendedStore(hn::Load(d, buffer + k), hn::FirstN(d, count - k), d, to + k);
  } else {
    std::memcpy(to, buffer, count * sizeof(T));
  }
}

// --- operand kinds -----------------------------------------------------------------------------------------
/// Bytes 0/1 as a mask of the lanes of d.
template <class D>
HWY_INLINE hn::Mask<D> load_bools(D d, const uint8_t* p) {
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint8_t, D> d8;
  const auto bytes = hn::LoadU(d8, p);
  if constexpr (sizeof(T) == 4) {
    const auto wide = hn::PromoteTo(du, bytes);
    return hn::RebindMask(d, hn::Ne(wide, hn::Zero(du)));
  } else {
    const hn::Rebind<uint32_t, D> d32;
    const auto wide = hn::PromoteTo(du, hn::PromoteTo(d32, bytes));
    return hn::RebindMask(d, hn::Ne(wide, hn::Zero(du)));
  }
}

/// A mask as bytes 0/1.
template <class D, class M>
HWY_INLINE void store_bools(D d, M m, uint8_t* p) {
  (void)d;
  using T = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint8_t, D> d8;
  const auto ones = hn::IfThenElseZero(hn::RebindMask(du, m), hn::Set(du, 1));
  if constexpr (sizeof(T) == 4) {
    hn::StoreU(hn::DemoteTo(d8, hn::BitCast(hn::RebindToSigned<D>(), ones)), d8, p);
  } else {
    hn::StoreU(hn::TruncateTo(d8, ones), d8, p);
  }
}

/// int64 elements converted to the lanes of d.
template <class D>
HWY_INLINE hn::Vec<D> load_ints(D d, const int64_t* p) {
  using T = hn::TFromD<D>;
  if constexpr (std::is_same<T, int64_t>::value) {
    return hn::LoadU(d, p);
  } else {
    HWY_ALIGN T lanes[hn::MaxLanes(d)];
    for (size_t k = 0; k < hn::Lanes(d); ++k) lanes[k] = static_cast<T>(p[k]);
    return hn::Load(d, lanes);
  }
}

template <class D>
HWY_INLINE hn::Mask<D> set_mask(D d, bool v) {
  using T = hn::TFromD<D>;
  return hn::Ne(hn::Set(d, static_cast<T>(v)), hn::Zero(d));
}
template <class D, class M>
HWY_INLINE hn::Vec<D> mask_to_number(D d, M m) {
  using T = hn::TFromD<D>;
  return hn::IfThenElseZero(m, hn::Set(d, static_cast<T>(1)));
}
template <class M>
HWY_INLINE M select_mask(M c, M a, M b) {
  return hn::Or(hn::And(c, a), hn::AndNot(c, b));
}

// --- functions with short bodies ---------------------------------------------------------------------------
template <class D, class V>
HWY_INLINE V op_mul(D d, V a, V b) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same<hn::TFromD<D>, int64_t>::value) {
    const hn::RebindToUnsigned<D> du;
    return hn::BitCast(d, hn::Mul(hn::BitCast(du, a), hn::BitCast(du, b)));
  } else
#endif
  {
    (void)d;
    return hn::Mul(a, b);
  }
}
template <class D, class V>
HWY_INLINE V op_max(D d, V a, V b) {
  (void)d;
  if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
    return hn::IfThenElse(hn::IsNaN(a), a, hn::Max(a, b));  // MAXPS returns b when either is nan
#else
    return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Max(a, b)));
#endif
  } else {
    return hn::Max(a, b);
  }
}
template <class D, class V>
HWY_INLINE V op_min(D d, V a, V b) {
  (void)d;
  if constexpr (hwy::IsFloat<hn::TFromD<D>>()) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
    return hn::IfThenElse(hn::IsNaN(a), a, hn::Min(a, b));
#else
    return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Min(a, b)));
#endif
  } else {
    return hn::Min(a, b);
  }
}
template <class D, class V>
HWY_INLINE V op_sign(D d, V x) {
  using T = hn::TFromD<D>;
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, static_cast<T>(1)), minus = hn::Set(d, static_cast<T>(-1));
  return hn::IfThenElse(hn::Gt(x, zero), one, hn::IfThenElseZero(hn::Lt(x, zero), minus));
}
template <class D, class V>
HWY_INLINE hn::Mask<D> op_signbit(D d, V x) {
  const hn::RebindToSigned<D> di;
  return hn::RebindMask(d, hn::Lt(hn::BitCast(di, x), hn::Zero(di)));
}

#define RT_SHORT_FUNCTION(name)                              \
  template <class D, class V>                                \
  HWY_INLINE V op_##name(D d, V x) {                         \
    if constexpr (simd::kSingle<D>) return simd::name(d, x); \
    return simd_##name(x);                                   \
  }
RT_SHORT_FUNCTION(exp)
RT_SHORT_FUNCTION(tanh)
RT_SHORT_FUNCTION(sigmoid)
RT_SHORT_FUNCTION(erf)
#undef RT_SHORT_FUNCTION

}  // namespace HWY_NAMESPACE
}  // namespace rustorch
HWY_AFTER_NAMESPACE();
#endif
