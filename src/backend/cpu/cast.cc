// Conversion of contiguous runs between all pairs of dtypes.
//
// Rules (PyTorch's): to bool is "not zero"; float to integer truncates (through int32, as the vector units
// do, for types narrower than that); complex to real drops the imaginary part; 16-bit floats pass through
// float. The pairs that matter most for speed are replaced by the vectorised loops of cast_simd.cc. Types
// that are stored only (16- to 64-bit unsigned integers, 8-bit floats, complex32, bcomplex32) go through one
// wider type, tile by tile, so that ten types cost twenty loops and not three hundred.
#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <type_traits>
#include <utility>

#include "backend/cpu/cast_simd.h"
#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/widened_call.h"
#include "base/half_convert.h"
#include "rustorch/float8.h"

namespace rustorch::cpu {

namespace {

template <class T>
struct IsComplex : std::false_type {};
template <class T>
struct IsComplex<std::complex<T>> : std::true_type {};
template <class T>
constexpr bool kIsHalf = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <class D, class S>
inline D convert_one(S s) {
  if constexpr (IsComplex<S>::value && IsComplex<D>::value) {
    return D(static_cast<typename D::value_type>(s.real()), static_cast<typename D::value_type>(s.imag()));
  } else if constexpr (IsComplex<S>::value && std::is_same_v<D, bool>) {
    return s.real() != 0 || s.imag() != 0;
  } else if constexpr (IsComplex<S>::value) {
    return convert_one<D>(s.real());
  } else if constexpr (kIsHalf<S>) {
    return convert_one<D>(static_cast<float>(s));
  } else if constexpr (IsComplex<D>::value) {
    return D(static_cast<typename D::value_type>(s), 0);
  } else if constexpr (kIsHalf<D>) {
    return D(static_cast<float>(s));
  } else if constexpr (std::is_same_v<D, bool>) {
    return s != 0;
  } else if constexpr (std::is_floating_point_v<S> && std::is_integral_v<D> && sizeof(D) < 4) {
    return static_cast<D>(static_cast<int32_t>(s));
  } else {
    return static_cast<D>(s);
  }
}

template <class D, class S>
void convert_run(void* dst, const void* src, int64_t n) {
  D* __restrict d = static_cast<D*>(dst);
  const S* __restrict s = static_cast<const S*>(src);
  if constexpr (std::is_same_v<S, bool>) {  // any byte but 0 counts as true
    const auto* b = static_cast<const unsigned char*>(src);
    for (int64_t i = 0; i < n; ++i) d[i] = convert_one<D>(static_cast<uint8_t>(b[i] != 0));
  } else {
    for (int64_t i = 0; i < n; ++i) d[i] = convert_one<D>(s[i]);
  }
}

void f16_f32(void* d, const void* s, int64_t n) {
  convert_f16_f32(static_cast<const Half*>(s), static_cast<float*>(d), n);
}
void f32_f16(void* d, const void* s, int64_t n) {
  convert_f32_f16(static_cast<const float*>(s), static_cast<Half*>(d), n);
}
void bf16_f32(void* d, const void* s, int64_t n) {
  convert_bf16_f32(static_cast<const BFloat16*>(s), static_cast<float*>(d), n);
}
void f32_bf16(void* d, const void* s, int64_t n) {
  convert_f32_bf16(static_cast<const float*>(s), static_cast<BFloat16*>(d), n);
}

}  // namespace

namespace {

CastRun::Step plain_step(DType to, DType from) {
  if (to == kFloat32 && from == kFloat16) return f16_f32;
  if (to == kFloat16 && from == kFloat32) return f32_f16;
  if (to == kFloat32 && from == kBFloat16) return bf16_f32;
  if (to == kBFloat16 && from == kFloat32) return f32_bf16;
  if (CastRun::Step fast = simd_cast_run(to, from)) return fast;
  return dispatch_all("copy", to, [&](auto to_tag) {
    using D = typename decltype(to_tag)::type;
    return dispatch_all("copy", from, [](auto from_tag) -> CastRun::Step {
      using S = typename decltype(from_tag)::type;
      return convert_run<D, S>;
    });
  });
}

// ---- types that are stored only: each has conversions to and from one wider type

/// Elements of S as D, where static_cast says it.
template <class D, class S>
void static_loop(void* dst, const void* src, int64_t n) {
  D* __restrict d = static_cast<D*>(dst);
  const S* __restrict s = static_cast<const S*>(src);
  for (int64_t i = 0; i < n; ++i) d[i] = static_cast<D>(s[i]);
}

template <class T>
void f8_f32(void* dst, const void* src, int64_t n) {
  static const auto table = [] {  // every value: faster than taking the bits apart
    std::array<float, 256> values;
    for (int i = 0; i < 256; ++i) values[i] = T::from_bits(static_cast<uint8_t>(i));
    return values;
  }();
  const auto* s = static_cast<const uint8_t*>(src);
  auto* d = static_cast<float*>(dst);
  for (int64_t i = 0; i < n; ++i) d[i] = table[s[i]];
}
template <class T>
void f32_f8(void* dst, const void* src, int64_t n) {
  const auto* s = static_cast<const float*>(src);
  auto* d = static_cast<uint8_t*>(dst);
  for (int64_t i = 0; i < n; ++i) d[i] = T(s[i]).bits;
}

/// Truncated; below zero as int64 gives it, from 2^63 on as uint64 holds it.
template <class S>
void float_u64(void* dst, const void* src, int64_t n) {
  const auto* s = static_cast<const S*>(src);
  auto* d = static_cast<uint64_t*>(dst);
  constexpr S kHalf = S(9223372036854775808.0);
  for (int64_t i = 0; i < n; ++i)
    d[i] = s[i] >= kHalf && s[i] < 2 * kHalf ? static_cast<uint64_t>(s[i])
           : s[i] > -kHalf && s[i] < kHalf   ? static_cast<uint64_t>(static_cast<int64_t>(s[i]))
                                             : uint64_t{1} << 63;
}

void c32_c64(void* dst, const void* src, int64_t n) { f16_f32(dst, src, 2 * n); }
void c64_c32(void* dst, const void* src, int64_t n) { f32_f16(dst, src, 2 * n); }
void bc32_c64(void* dst, const void* src, int64_t n) { bf16_f32(dst, src, 2 * n); }
void c64_bc32(void* dst, const void* src, int64_t n) { f32_bf16(dst, src, 2 * n); }
void move_8(void* dst, const void* src, int64_t n) { std::memcpy(dst, src, static_cast<size_t>(n) * 8); }

/// The type between a stored-only type and another one: uint64 has three, for all its values to arrive.
DType between(DType stored, DType other) {
  if (stored != kUInt64 || is_integral(other, true)) return wide_type(stored);
  return other == kFloat64 || other == kComplex128 ? kFloat64 : kFloat32;
}

/// From a stored-only type to a type between, or back.
CastRun::Step stored_step(DType to, DType from) {
  const bool loads = is_stored_only(from);
  switch (loads ? from : to) {
    case kUInt16:
      return loads ? static_loop<int64_t, uint16_t> : static_loop<uint16_t, int64_t>;
    case kUInt32:
      return loads ? static_loop<int64_t, uint32_t> : static_loop<uint32_t, int64_t>;
    case kUInt64:
      if (loads)
        return to == kFloat32   ? static_loop<float, uint64_t>
               : to == kFloat64 ? static_loop<double, uint64_t>
                                : move_8;
      return from == kFloat32 ? float_u64<float> : from == kFloat64 ? float_u64<double> : move_8;
    case kFloat8_e4m3fn:
      return loads ? f8_f32<Float8_e4m3fn> : f32_f8<Float8_e4m3fn>;
    case kFloat8_e5m2:
      return loads ? f8_f32<Float8_e5m2> : f32_f8<Float8_e5m2>;
    case kFloat8_e4m3fnuz:
      return loads ? f8_f32<Float8_e4m3fnuz> : f32_f8<Float8_e4m3fnuz>;
    case kFloat8_e5m2fnuz:
      return loads ? f8_f32<Float8_e5m2fnuz> : f32_f8<Float8_e5m2fnuz>;
    case kFloat8_e8m0fnu:
      return loads ? f8_f32<Float8_e8m0fnu> : f32_f8<Float8_e8m0fnu>;
    case kBComplex32:
      return loads ? bc32_c64 : c64_bc32;
    default:
      return loads ? c32_c64 : c64_c32;
  }
}

}  // namespace

void CastRun::in_steps(void* dst, const void* src, int64_t n) const {
  constexpr int64_t kTile = 256;
  alignas(64) char first[kTile * 16];
  alignas(64) char middle[kTile * 16];
  auto* d = static_cast<char*>(dst);
  auto* s = static_cast<const char*>(src);
  for (int64_t i = 0; i < n; i += kTile) {
    const int64_t m = std::min(kTile, n - i);
    const void* at = s + i * static_cast<int64_t>(from_bytes_);
    if (first_ != nullptr) first_(first, at, m), at = first;
    if (middle_ != nullptr) middle_(middle, at, m), at = middle;
    last_(d + i * static_cast<int64_t>(to_bytes_), at, m);
  }
}

CastRun cast_run(DType to, DType from) {
  if (!is_stored_only(to) && !is_stored_only(from)) [[likely]]
    return plain_step(to, from);
  for (const DType t : {to, from})
    if (is_opaque(t)) refuse_type("copy_", t);
  const DType a = is_stored_only(from) ? between(from, to) : from;
  const DType b = is_stored_only(to) ? between(to, from) : to;
  CastRun::Step first = a != from ? stored_step(a, from) : nullptr;
  CastRun::Step middle = a != b ? plain_step(b, a) : nullptr;
  CastRun::Step last = b != to ? stored_step(to, b) : nullptr;
  if (last == nullptr) std::swap(last, middle);
  if (last == nullptr) std::swap(last, first);
  return {first, middle, last, element_size(from), element_size(to)};
}

}  // namespace rustorch::cpu
