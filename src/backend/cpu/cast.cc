// Conversion of contiguous runs between all pairs of dtypes.
//
// Rules (PyTorch's): to bool is "not zero"; float to integer truncates (through int32, as the vector units
// do, for types narrower than that); complex to real drops the imaginary part; 16-bit floats pass through
// float. The pairs that matter most for speed are replaced by the vectorised loops of cast_simd.cc.
#include <complex>
#include <type_traits>

#include "backend/cpu/cast_simd.h"
#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "base/half_convert.h"

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

CastRun cast_run(DType to, DType from) {
  if (to == kFloat32 && from == kFloat16) return f16_f32;
  if (to == kFloat16 && from == kFloat32) return f32_f16;
  if (to == kFloat32 && from == kBFloat16) return bf16_f32;
  if (to == kBFloat16 && from == kFloat32) return f32_bf16;
  if (CastRun fast = simd_cast_run(to, from)) return fast;
  return dispatch_all("copy", to, [&](auto to_tag) {
    using D = typename decltype(to_tag)::type;
    return dispatch_all("copy", from, [](auto from_tag) -> CastRun {
      using S = typename decltype(from_tag)::type;
      return convert_run<D, S>;
    });
  });
}

}  // namespace rustorch::cpu
