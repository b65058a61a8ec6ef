// Tiled transposition and large memory copies, with stores that may go around the caches.
//
// A block is 64 source bytes by 64 destination bytes (16 x 16 floats): it is transposed in registers into a
// small buffer and written as whole cache lines, so that each line of memory is touched once.
#include <cstring>

#include "backend/cpu/copy.h"

#include <algorithm>
#include <complex>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/copy_transpose.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

HWY_ATTR inline void store_line(unsigned char* dst, const unsigned char* line, bool) {
  std::memcpy(dst, line, 64);
}

template <class T>
HWY_ATTR inline void block_to_buffer(T* buffer, const T* src, int64_t step) {
  constexpr int kSide = 64 / sizeof(T);
  for (int i = 0; i < kSide; ++i)
    for (int j = 0; j < kSide; ++j) buffer[j * kSide + i] = src[j + i * step];
}

HWY_ATTR void copy_around(unsigned char* d, const unsigned char* s, size_t n) { std::memcpy(d, s, n); }
HWY_ATTR void copy_forward(unsigned char* d, const unsigned char* s, size_t n) { std::memcpy(d, s, n); }

template <class T>
HWY_ATTR int64_t interleave(T*, const T*, int64_t, int64_t, int64_t) {
  return 0;
}
template <class T>
HWY_ATTR int64_t deinterleave(T*, int64_t, const T*, int64_t, int64_t) {
  return 0;
}

#else

using Bytes = hn::FixedTag<uint8_t, 16>;

/// 64 aligned bytes to dst; streaming needs dst aligned as well.
HWY_ATTR inline void store_line(unsigned char* dst, const unsigned char* line, bool stream) {
  const Bytes d;
  if (stream) {
    for (int i = 0; i < 64; i += 16) hn::Stream(hn::Load(d, line + i), d, dst + i);
  } else {
    std::memcpy(dst, line, 64);
  }
}

/// out[j][i] = src[j + i * step] for 4 x 4 elements of 4 bytes, out rows 16 elements apart.
HWY_ATTR inline void transpose_4x4(uint32_t* out, const uint32_t* src, int64_t step) {
  const hn::FixedTag<uint32_t, 4> d;
  const auto r0 = hn::LoadU(d, src), r1 = hn::LoadU(d, src + step);
  const auto r2 = hn::LoadU(d, src + 2 * step), r3 = hn::LoadU(d, src + 3 * step);
  const hn::FixedTag<uint64_t, 2> w;
  const auto a = hn::BitCast(w, hn::InterleaveLower(d, r0, r1)),
             b = hn::BitCast(w, hn::InterleaveUpper(d, r0, r1));
  const auto c = hn::BitCast(w, hn::InterleaveLower(d, r2, r3)),
             e = hn::BitCast(w, hn::InterleaveUpper(d, r2, r3));
  hn::Store(hn::BitCast(d, hn::InterleaveLower(w, a, c)), d, out);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(w, a, c)), d, out + 16);
  hn::Store(hn::BitCast(d, hn::InterleaveLower(w, b, e)), d, out + 32);
  hn::Store(hn::BitCast(d, hn::InterleaveUpper(w, b, e)), d, out + 48);
}

/// kSide x kSide elements (64 bytes a side): buffer[j][i] = src[j + i * step].
template <class T>
HWY_ATTR inline void block_to_buffer(T* buffer, const T* src, int64_t step) {
  constexpr int kSide = 64 / sizeof(T);
  if constexpr (sizeof(T) == 4) {
    for (int i = 0; i < kSide; i += 4)
      for (int j = 0; j < kSide; j += 4)
        transpose_4x4(reinterpret_cast<uint32_t*>(buffer) + j * kSide + i,
                      reinterpret_cast<const uint32_t*>(src) + j + i * step, step);
  } else if constexpr (sizeof(T) == 8) {
    const hn::FixedTag<uint64_t, 2> d;
    for (int i = 0; i < kSide; i += 2)
      for (int j = 0; j < kSide; j += 2) {
        const auto r0 = hn::LoadU(d, src + j + i * step), r1 = hn::LoadU(d, src + j + (i + 1) * step);
        hn::Store(hn::InterleaveLower(d, r0, r1), d, buffer + j * kSide + i);
        hn::Store(hn::InterleaveUpper(d, r0, r1), d, buffer + (j + 1) * kSide + i);
      }
  } else {
    for (int i = 0; i < kSide; ++i)
      for (int j = 0; j < kSide; ++j) buffer[j * kSide + i] = src[j + i * step];
  }
}

/// n bytes (a multiple of 64) to the line-aligned d, around the caches.
HWY_ATTR void copy_around(unsigned char* d, const unsigned char* s, size_t n) {
  const Bytes tag;
  for (size_t i = 0; i < n; i += 64) {
    const auto a = hn::LoadU(tag, s + i), b = hn::LoadU(tag, s + i + 16);
    const auto c = hn::LoadU(tag, s + i + 32), e = hn::LoadU(tag, s + i + 48);
    hn::Stream(a, tag, d + i);
    hn::Stream(b, tag, d + i + 16);
    hn::Stream(c, tag, d + i + 32);
    hn::Stream(e, tag, d + i + 48);
  }
  hwy::FlushStream();
}

/// memcpy that goes forward whatever the addresses are.
HWY_ATTR void copy_forward(unsigned char* d, const unsigned char* s, size_t n) {
  const hn::ScalableTag<uint8_t> tag;
  const size_t lanes = hn::Lanes(tag);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto a = hn::LoadU(tag, s + i), b = hn::LoadU(tag, s + i + lanes);
    const auto c = hn::LoadU(tag, s + i + 2 * lanes), e = hn::LoadU(tag, s + i + 3 * lanes);
    hn::StoreU(a, tag, d + i);
    hn::StoreU(b, tag, d + i + lanes);
    hn::StoreU(c, tag, d + i + 2 * lanes);
    hn::StoreU(e, tag, d + i + 3 * lanes);
  }
  std::memcpy(d + i, s + i, n - i);
}

/// Pixels from 2 to 4 planes: dst[j * planes + i] = src[j + i * stride]. Returns how many pixels are done.
template <class T>
HWY_ATTR int64_t interleave(T* dst, const T* src, int64_t stride, int64_t pixels, int64_t planes) {
  if constexpr (sizeof(T) <= 8) {
    using U = hwy::UnsignedFromSize<sizeof(T)>;
    const hn::ScalableTag<U> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    auto* to = reinterpret_cast<U*>(dst);
    const auto* from = reinterpret_cast<const U*>(src);
    int64_t j = 0;
    for (; j + lanes <= pixels; j += lanes, to += lanes * planes) {
      const auto a = hn::LoadU(d, from + j), b = hn::LoadU(d, from + j + stride);
      if (planes == 2) {
        hn::StoreInterleaved2(a, b, d, to);
        continue;
      }
      const auto c = hn::LoadU(d, from + j + 2 * stride);
      if (planes == 3) {
        hn::StoreInterleaved3(a, b, c, d, to);
      } else {
        hn::StoreInterleaved4(a, b, c, hn::LoadU(d, from + j + 3 * stride), d, to);
      }
    }
    return j;
  }
  return 0;
}

/// The way back: dst[j + i * stride] = src[j * planes + i].
template <class T>
HWY_ATTR int64_t deinterleave(T* dst, int64_t stride, const T* src, int64_t pixels, int64_t planes) {
  if constexpr (sizeof(T) <= 8) {
    using U = hwy::UnsignedFromSize<sizeof(T)>;
    const hn::ScalableTag<U> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    auto* to = reinterpret_cast<U*>(dst);
    const auto* from = reinterpret_cast<const U*>(src);
    int64_t j = 0;
    for (; j + lanes <= pixels; j += lanes, from += lanes * planes) {
      auto a = hn::Zero(d), b = a, c = a, e = a;
      if (planes == 2) {
        hn::LoadInterleaved2(d, from, a, b);
      } else if (planes == 3) {
        hn::LoadInterleaved3(d, from, a, b, c);
      } else {
        hn::LoadInterleaved4(d, from, a, b, c, e);
      }
      hn::StoreU(a, d, to + j);
      hn::StoreU(b, d, to + j + stride);
      if (planes > 2) hn::StoreU(c, d, to + j + 2 * stride);
      if (planes > 3) hn::StoreU(e, d, to + j + 3 * stride);
    }
    return j;
  }
  return 0;
}

#endif

template <class T>
HWY_ATTR void transpose_typed(T* dst, int64_t dst_stride, const T* src, int64_t src_stride, int64_t rows,
                              int64_t cols, bool stream) {
  constexpr int64_t kSide = 64 / sizeof(T);
  alignas(64) T buffer[kSide * kSide];
  // Leading columns that bring every row of dst to a line boundary, when all rows agree on it.
  int64_t lead = 0;
  if (dst_stride % kSide == 0) {
    const auto off = static_cast<int64_t>(reinterpret_cast<uintptr_t>(dst) % 64 / sizeof(T));
    lead = off == 0 ? 0 : std::min(cols, kSide - off);
  } else {
    stream = false;
  }
  const auto edge = [&](int64_t j0, int64_t j1, int64_t i0, int64_t i1) HWY_ATTR {
    for (int64_t j = j0; j < j1; ++j)
      for (int64_t i = i0; i < i1; ++i) dst[j * dst_stride + i] = src[j + i * src_stride];
  };
  if (cols > 1 && cols <= 4 && dst_stride == cols)
    return edge(interleave(dst, src, src_stride, rows, cols), rows, 0, cols);
  if (rows > 1 && rows <= 4 && src_stride == rows)
    return edge(0, rows, deinterleave(dst, dst_stride, src, cols, rows), cols);
  if (lead > 0) edge(0, rows, 0, lead);
  int64_t i = lead;
  for (; i + kSide <= cols; i += kSide) {
    int64_t j = 0;
    for (; j + kSide <= rows; j += kSide) {
      block_to_buffer(buffer, src + j + i * src_stride, src_stride);
      for (int64_t r = 0; r < kSide; ++r)
        store_line(reinterpret_cast<unsigned char*>(dst + (j + r) * dst_stride + i),
                   reinterpret_cast<const unsigned char*>(buffer + r * kSide), stream);
    }
    if (j < rows) edge(j, rows, i, i + kSide);
  }
  if (i < cols) edge(0, rows, i, cols);
  if (stream) hwy::FlushStream();
}

template <class T>
HWY_ATTR void transpose_as(void* dst, int64_t dst_stride, const void* src, int64_t src_stride, int64_t rows,
                           int64_t cols, bool stream) {
  transpose_typed(static_cast<T*>(dst), dst_stride, static_cast<const T*>(src), src_stride, rows, cols,
                  stream);
}

HWY_ATTR void transpose_any(void* dst, int64_t dst_stride, const void* src, int64_t src_stride, int64_t rows,
                            int64_t cols, size_t item, bool stream) {
  switch (item) {
    case 1:
      return transpose_as<uint8_t>(dst, dst_stride, src, src_stride, rows, cols, stream);
    case 2:
      return transpose_as<uint16_t>(dst, dst_stride, src, src_stride, rows, cols, stream);
    case 4:
      return transpose_as<uint32_t>(dst, dst_stride, src, src_stride, rows, cols, stream);
    case 8:
      return transpose_as<uint64_t>(dst, dst_stride, src, src_stride, rows, cols, stream);
    default:
      return transpose_as<std::complex<double>>(dst, dst_stride, src, src_stride, rows, cols, stream);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {

HWY_EXPORT(transpose_any);
HWY_EXPORT(copy_around);
HWY_EXPORT(copy_forward);

void transpose_tile(void* dst, int64_t dst_stride, const void* src, int64_t src_stride, int64_t rows,
                    int64_t cols, size_t item, bool stream) {
  HWY_DYNAMIC_DISPATCH(transpose_any)(dst, dst_stride, src, src_stride, rows, cols, item, stream);
}

void copy_bytes(void* dst, const void* src, size_t n, bool stream) {
  if (!stream || n < 4096) {
    std::memcpy(dst, src, n);
    return;
  }
  auto* d = static_cast<unsigned char*>(dst);
  const auto* s = static_cast<const unsigned char*>(src);
  const size_t lead = (64 - reinterpret_cast<uintptr_t>(d) % 64) % 64;
  std::memcpy(d, s, lead);
  const size_t lines = (n - lead) / 64 * 64;
  HWY_DYNAMIC_DISPATCH(copy_around)(d + lead, s + lead, lines);
  std::memcpy(d + lead + lines, s + lead + lines, n - lead - lines);
}

void copy_run(void* dst, const void* src, size_t n) {
  if (n < 256) {
    std::memcpy(dst, src, n);
  } else {
    HWY_DYNAMIC_DISPATCH(copy_forward)
    (static_cast<unsigned char*>(dst), static_cast<const unsigned char*>(src), n);
  }
}

}  // namespace rustorch::cpu
#endif  // HWY_ONCE
