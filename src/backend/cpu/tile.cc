#include "backend/cpu/tile.h"

#include <algorithm>
#include <complex>
#include <cstring>
#include <type_traits>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "base/half_convert.h"
#include "rustorch/half.h"

namespace rustorch::cpu {

DType dtype_of(ComputeType type) {
  constexpr DType kTypes[] = {kFloat32, kFloat64, kInt32, kInt64, kComplex64, kComplex128};
  return kTypes[static_cast<int>(type)];
}

namespace {

template <class T>
struct IsComplex : std::false_type {};
template <class T>
struct IsComplex<std::complex<T>> : std::true_type {};

// Conversions as PyTorch's: complex to real drops the imaginary part, to bool is != 0, integers wrap. A float
// out of an integer's range is undefined in C++; it goes through int64 with saturation, as x86 truncation
// would give.
template <class D, class S>
inline D convert(S s) {
  if constexpr (std::is_same_v<D, S>) {
    return s;
  } else if constexpr (std::is_same_v<D, bool>) {
    if constexpr (IsComplex<S>::value)
      return s.real() != 0 || s.imag() != 0;
    else
      return static_cast<float>(s) != 0 || (sizeof(S) > 2 && s != S(0));
  } else if constexpr (IsComplex<D>::value) {
    using R = typename D::value_type;
    if constexpr (IsComplex<S>::value)
      return D(static_cast<R>(s.real()), static_cast<R>(s.imag()));
    else
      return D(static_cast<R>(s), R(0));
  } else if constexpr (IsComplex<S>::value) {
    return convert<D>(s.real());
  } else if constexpr (std::is_same_v<S, Half> || std::is_same_v<S, BFloat16>) {
    return convert<D>(static_cast<float>(s));
  } else if constexpr (std::is_same_v<D, Half> || std::is_same_v<D, BFloat16>) {
    return D(static_cast<float>(s));
  } else if constexpr (std::is_integral_v<D> && std::is_floating_point_v<S>) {
    constexpr S kLow = S(-9223372036854775808.0);
    int64_t wide = s >= kLow && s < -kLow ? static_cast<int64_t>(s) : INT64_MIN;
    return static_cast<D>(wide);
  } else {
    return static_cast<D>(s);
  }
}

// A loop of single stores is not vectorised at -O2; blocks of 64 bytes are.
template <class D>
void fill_run(D* dst, D value, int64_t n) {
  constexpr int64_t kBlock = 64 / sizeof(D);
  if (n >= kBlock) {
    D block[kBlock];
    for (D& b : block) b = value;
    const int64_t whole = n / kBlock * kBlock;
    for (int64_t i = 0; i < whole; i += kBlock) std::memcpy(static_cast<void*>(dst + i), block, sizeof block);
    dst += whole;
    n -= whole;
  }
  for (int64_t i = 0; i < n; ++i) dst[i] = value;
}

template <class D, class S>
void convert_run(D* dst, int64_t dst_stride, const S* src, int64_t src_stride, int64_t n) {
  if (src_stride == 0) {
    D value = convert<D>(*src);
    if (dst_stride == 1)
      fill_run(dst, value, n);
    else
      for (int64_t i = 0; i < n; ++i) dst[i * dst_stride] = value;
    return;
  }
  if (dst_stride == 1 && src_stride == 1) {
    if constexpr (std::is_same_v<D, S>) {
      std::memcpy(static_cast<void*>(dst), src, static_cast<size_t>(n) * sizeof(D));
    } else if constexpr (std::is_same_v<S, Half> && std::is_same_v<D, float>) {
      convert_f16_f32(src, dst, n);
    } else if constexpr (std::is_same_v<S, BFloat16> && std::is_same_v<D, float>) {
      convert_bf16_f32(src, dst, n);
    } else if constexpr (std::is_same_v<S, float> && std::is_same_v<D, Half>) {
      convert_f32_f16(src, dst, n);
    } else if constexpr (std::is_same_v<S, float> && std::is_same_v<D, BFloat16>) {
      convert_f32_bf16(src, dst, n);
    } else {
      for (int64_t i = 0; i < n; ++i) dst[i] = convert<D>(src[i]);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) dst[i * dst_stride] = convert<D>(src[i * src_stride]);
}

template <class F>
void with_compute_type(ComputeType type, F&& f) {
  switch (type) {
    case ComputeType::f32:
      return f(TypeTag<float>{});
    case ComputeType::f64:
      return f(TypeTag<double>{});
    case ComputeType::i32:
      return f(TypeTag<int32_t>{});
    case ComputeType::i64:
      return f(TypeTag<int64_t>{});
    case ComputeType::c64:
      return f(TypeTag<std::complex<float>>{});
    case ComputeType::c128:
      return f(TypeTag<std::complex<double>>{});
  }
}

// ---- types that are stored only: gathered by size, then converted (cast.cc)

constexpr int64_t kStep = 256;

void gather_bytes(void* dst, const void* src, int64_t stride, int64_t n, DType t) {
  dispatch_by_size(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(dst)[i] = static_cast<const T*>(src)[i * stride];
  });
}
void scatter_bytes(void* dst, const void* src, int64_t stride, int64_t n, DType t) {
  dispatch_by_size(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(dst)[i * stride] = static_cast<const T*>(src)[i];
  });
}

void load_stored(DType to, void* dst, DType from, const void* src, int64_t stride, int64_t n) {
  const CastRun cast = cast_run(to, from);
  if (stride == 1) return cast(dst, src, n);
  alignas(64) unsigned char tile[kStep * 8];
  const auto si = static_cast<int64_t>(element_size(from)), di = static_cast<int64_t>(element_size(to));
  for (int64_t i = 0; i < n; i += kStep) {
    const int64_t m = std::min(kStep, n - i);
    gather_bytes(tile, static_cast<const char*>(src) + i * stride * si, stride, m, from);
    cast(static_cast<char*>(dst) + i * di, tile, m);
  }
}

void store_stored(DType from, const void* src, DType to, void* dst, int64_t stride, int64_t n) {
  const CastRun cast = cast_run(to, from);
  if (stride == 1) return cast(dst, src, n);
  alignas(64) unsigned char tile[kStep * 8];
  const auto si = static_cast<int64_t>(element_size(from)), di = static_cast<int64_t>(element_size(to));
  for (int64_t i = 0; i < n; i += kStep) {
    const int64_t m = std::min(kStep, n - i);
    cast(tile, static_cast<const char*>(src) + i * si, m);
    scatter_bytes(static_cast<char*>(dst) + i * stride * di, tile, stride, m, to);
  }
}

}  // namespace

void load_run(ComputeType type, void* dst, DType src_type, const void* src, int64_t stride, int64_t n) {
  if (is_stored_only(src_type)) [[unlikely]]
    return load_stored(dtype_of(type), dst, src_type, src, stride, n);
  with_compute_type(type, [&](auto tag) {
    using D = typename decltype(tag)::type;
    dispatch_all("load", src_type, [&](auto src_tag) {
      using S = typename decltype(src_tag)::type;
      convert_run(static_cast<D*>(dst), 1, static_cast<const S*>(src), stride, n);
    });
  });
}

void store_run(ComputeType type, const void* src, DType dst_type, void* dst, int64_t stride, int64_t n) {
  if (is_stored_only(dst_type)) [[unlikely]]
    return store_stored(dtype_of(type), src, dst_type, dst, stride, n);
  with_compute_type(type, [&](auto tag) {
    using S = typename decltype(tag)::type;
    dispatch_all("store", dst_type, [&](auto dst_tag) {
      using D = typename decltype(dst_tag)::type;
      convert_run(static_cast<D*>(dst), stride, static_cast<const S*>(src), 1, n);
    });
  });
}

void load_mask(uint8_t* dst, DType src_type, const void* src, int64_t stride, int64_t n) {
  if (is_stored_only(src_type)) [[unlikely]]
    return load_stored(kBool, dst, src_type, src, stride, n);
  dispatch_all("load", src_type, [&](auto tag) {
    using S = typename decltype(tag)::type;
    convert_run(reinterpret_cast<bool*>(dst), 1, static_cast<const S*>(src), stride, n);
  });
}

void store_mask(const uint8_t* src, DType dst_type, void* dst, int64_t stride, int64_t n) {
  if (is_stored_only(dst_type)) [[unlikely]]
    return store_stored(kBool, src, dst_type, dst, stride, n);
  dispatch_all("store", dst_type, [&](auto tag) {
    using D = typename decltype(tag)::type;
    convert_run(static_cast<D*>(dst), stride, reinterpret_cast<const bool*>(src), 1, n);
  });
}

}  // namespace rustorch::cpu
