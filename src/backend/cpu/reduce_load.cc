// Element conversions between memory and the tiles of the reduction kernels.
#include "backend/cpu/reduce_load.h"

#include <cmath>
#include <complex>
#include <cstring>
#include <type_traits>

#include "backend/cpu/dispatch.h"
#include "base/half_convert.h"

namespace rustorch::cpu {
namespace {

template <class S>
inline constexpr bool kIsComplex =
    std::is_same_v<S, std::complex<float>> || std::is_same_v<S, std::complex<double>>;
template <class S>
inline constexpr bool kIsHalf = std::is_same_v<S, Half> || std::is_same_v<S, BFloat16>;

template <LoadMap map, class T, class S>
inline T take(S v) {
  if constexpr (map == LoadMap::NonZero) {
    if constexpr (kIsHalf<S>) {
      return static_cast<T>(static_cast<float>(v) != 0);
    } else {
      return static_cast<T>(v != S(0));
    }
  } else if constexpr (map == LoadMap::Bits && !std::is_integral_v<S> && !kIsComplex<S>) {
    double wide;
    if constexpr (kIsHalf<S>) {
      wide = static_cast<float>(v);
    } else {
      wide = static_cast<double>(v);
    }
    T bits;
    std::memcpy(&bits, &wide, sizeof bits);
    return bits;
  } else if constexpr (kIsComplex<S>) {
    return static_cast<T>(std::abs(v));
  } else if constexpr (map == LoadMap::Abs) {
    const T x = static_cast<T>(v);
    if constexpr (std::is_floating_point_v<T>) return std::abs(x);  // of -0 too
    return x < 0 ? static_cast<T>(-x) : x;
  } else if constexpr (kIsHalf<S>) {
    return static_cast<T>(static_cast<float>(v));
  } else {
    return static_cast<T>(v);
  }
}

template <LoadMap map, class T, class S>
void load(const void* source, int64_t stride, T* __restrict dst, int64_t n) {
  const S* __restrict src = static_cast<const S*>(source);
  if (stride == 1) {
    if constexpr (map == LoadMap::Value && std::is_same_v<T, float> && std::is_same_v<S, Half>) {
      if (n >= 8) return convert_f16_f32(src, dst, n);
    }
    if constexpr (map == LoadMap::Value && std::is_same_v<T, float> && std::is_same_v<S, BFloat16>) {
      if (n >= 8) return convert_bf16_f32(src, dst, n);
    }
    for (int64_t i = 0; i < n; ++i) dst[i] = take<map, T>(src[i]);
    return;
  }
  for (int64_t i = 0; i < n; ++i) dst[i] = take<map, T>(src[i * stride]);
}

template <class T, LoadMap map>
LoadFn<T> choose(DType source) {
  return dispatch_all("reduce", source, [](auto tag) -> LoadFn<T> {
    using S = typename decltype(tag)::type;
    if constexpr ((map == LoadMap::Value || map == LoadMap::Bits) && kIsComplex<S>) {
      return nullptr;
    } else {
      return load<map, T, S>;
    }
  });
}

}  // namespace

template <class T>
LoadFn<T> loader(DType source, LoadMap map) {
  switch (map) {
    case LoadMap::Value:
      return choose<T, LoadMap::Value>(source);
    case LoadMap::NonZero:
      return choose<T, LoadMap::NonZero>(source);
    case LoadMap::Bits:
      if constexpr (std::is_same_v<T, int64_t>) return choose<T, LoadMap::Bits>(source);
      return nullptr;
    case LoadMap::Abs:
      break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    return choose<T, LoadMap::Abs>(source);
  } else {
    return nullptr;
  }
}

template LoadFn<float> loader<float>(DType, LoadMap);
template LoadFn<double> loader<double>(DType, LoadMap);
template LoadFn<int32_t> loader<int32_t>(DType, LoadMap);
template LoadFn<int64_t> loader<int64_t>(DType, LoadMap);
template LoadFn<uint8_t> loader<uint8_t>(DType, LoadMap);

template <class W>
void store_values(DType t, void* out, int64_t stride, const W* values, int64_t n) {
  dispatch_all("reduce", t, [&](auto tag) {
    using S = typename decltype(tag)::type;
    S* dst = static_cast<S*>(out);
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (kIsHalf<S>) {
        dst[i * stride] = S(static_cast<float>(values[i]));
      } else if constexpr (std::is_same_v<S, bool>) {
        dst[i * stride] = values[i] != 0;
      } else if constexpr (kIsComplex<S>) {
        dst[i * stride] = S(static_cast<typename S::value_type>(values[i]));
      } else {
        dst[i * stride] = static_cast<S>(values[i]);
      }
    }
  });
}

template void store_values<double>(DType, void*, int64_t, const double*, int64_t);
template void store_values<int64_t>(DType, void*, int64_t, const int64_t*, int64_t);

}  // namespace rustorch::cpu
