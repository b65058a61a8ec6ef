// Padding, phase splitting and their inverse; channels-last images are transposed on the way.
#include "backend/cpu/conv/planes.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/gemm/kernel_table.h"

namespace rustorch::cpu::detail {
namespace {

// Indices [low, high) of a plane dimension whose coordinate i * step + first lies inside [0, extent).
struct Span {
  int64_t low, high;
};
Span inside(int64_t first, int64_t step, int64_t extent, int64_t length) {
  const int64_t low = first >= 0 ? 0 : (-first + step - 1) / step;
  const int64_t high = extent - first <= 0 ? 0 : (extent - first + step - 1) / step;
  Span s{std::min(low, length), std::min(high, length)};
  s.high = std::max(s.high, s.low);
  return s;
}

// Rows of small images are shorter than what a call of memcpy costs.
void copy_run(void* to, const void* from, size_t bytes) {
  char* d = static_cast<char*>(to);
  const char* s = static_cast<const char*>(from);
  if (bytes < 16 || bytes > 512) {
    std::memcpy(d, s, bytes);
    return;
  }
  for (size_t i = 0; i + 16 < bytes; i += 16) std::memcpy(d + i, s + i, 16);
  std::memcpy(d + bytes - 16, s + bytes - 16, 16);
}

template <class T>
void zero_run(T* d, int64_t n) {
  if (n == 1) {
    *d = T(0);
  } else if (n > 0) {
    std::fill_n(d, n, T(0));
  }
}

// Channels [c0, c1) of one row of a plane.
template <class T>
void copy_row(const ImageView<const T>& image, int64_t from, int64_t step, const Span& s, int64_t length,
              int64_t c0, int64_t c1, int64_t channel_stride, T* row) {
  const int64_t count = s.high - s.low;
  for (int64_t c = c0; c < c1; ++c) {
    T* d = row + c * channel_stride;
    zero_run(d, s.low);
    zero_run(d + s.high, length - s.high);
  }
  if (count == 0) return;
  if (image.position == 1) {
    for (int64_t c = c0; c < c1; ++c) {
      T* d = row + c * channel_stride + s.low;
      const T* x = image.data + c * image.channel + from;
      if (step == 1) {
        copy_run(d, x, static_cast<size_t>(count) * sizeof(T));
      } else {
        for (int64_t i = 0; i < count; ++i) d[i] = x[i * step];
      }
    }
    return;
  }
  kernels<T>().transpose(row + c0 * channel_stride + s.low, channel_stride,
                         image.data + c0 + from * image.position, step * image.position, count, c1 - c0);
}

}  // namespace

bool dense_grid(const TapSet& taps, const int64_t* extent) {
  for (int d = 0; d < 3; ++d) {
    if (taps.step[d] != 1 || taps.base[d] != 0 || taps.grid[d] != extent[d]) return false;
  }
  return true;
}

template <class T>
void copy_in(const SourceLayout& l, const ImageView<const T>& image, int64_t c0, int64_t c1, T* planes) {
  const int64_t stride = l.channel_stride();
  T* plane = planes;
  for (const int64_t r0 : l.phases[0]) {
    for (const int64_t r1 : l.phases[1]) {
      for (const int64_t r2 : l.phases[2]) {
        const Span s0 = inside(r0 + l.origin[0], l.step[0], l.extent[0], l.length[0]);
        const Span s1 = inside(r1 + l.origin[1], l.step[1], l.extent[1], l.length[1]);
        const Span s2 = inside(r2 + l.origin[2], l.step[2], l.extent[2], l.length[2]);
        for (int64_t a = 0; a < l.length[0]; ++a) {
          for (int64_t b = 0; b < l.length[1]; ++b) {
            T* row = plane + (a * l.length[1] + b) * l.length[2];
            const bool outside = a < s0.low || a >= s0.high || b < s1.low || b >= s1.high;
            const int64_t y0 = a * l.step[0] + r0 + l.origin[0], y1 = b * l.step[1] + r1 + l.origin[1];
            const int64_t y2 = s2.low * l.step[2] + r2 + l.origin[2];
            copy_row(image, (y0 * l.extent[1] + y1) * l.extent[2] + y2, l.step[2], outside ? Span{0, 0} : s2,
                     l.length[2], c0, c1, stride, row);
          }
        }
        plane += l.plane();
      }
    }
  }
}

template <class T>
void copy_out(const SourceLayout& l, const TapSet& taps, bool flat, const T* block, int64_t ld, int64_t rows,
              int64_t q0, int64_t q1, const int64_t* extent, const ImageView<T>& image,
              int64_t first_channel) {
  if (!flat && image.position == 1 && dense_grid(taps, extent)) {  // outputs lie as the columns do
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(image.data + (first_channel + r) * image.channel + q0, block + r * ld,
                  static_cast<size_t>(q1 - q0) * sizeof(T));
    }
    return;
  }
  const int64_t width = taps.grid[2], pitch = flat ? l.length[2] : width;
  const int64_t height = taps.grid[1], depth_pitch = (flat ? l.length[1] : height) * pitch;
  for (int64_t q = q0; q < q1;) {
    const int64_t a = q / depth_pitch, b = q % depth_pitch / pitch, c = q % depth_pitch % pitch;
    const int64_t row_end = q - c + pitch;
    if (b >= height || c >= width) {
      q = row_end;
      continue;
    }
    const int64_t count = std::min(width - c, q1 - q);
    const int64_t y0 = taps.base[0] + taps.step[0] * a, y1 = taps.base[1] + taps.step[1] * b;
    const int64_t y2 = taps.base[2] + taps.step[2] * c, step = taps.step[2];
    T* to = image.data + ((y0 * extent[1] + y1) * extent[2] + y2) * image.position +
            first_channel * image.channel;
    const T* from = block + q - q0;
    if (image.position != 1) {
      kernels<T>().transpose(to, step * image.position, from, ld, rows, count);
    } else {
      for (int64_t r = 0; r < rows; ++r, to += image.channel, from += ld) {
        if (step == 1) {
          copy_run(to, from, static_cast<size_t>(count) * sizeof(T));
        } else {
          for (int64_t i = 0; i < count; ++i) to[i * step] = from[i];
        }
      }
    }
    q = row_end;
  }
}

#define RT_PLANES(T)                                                                                       \
  template void copy_in<T>(const SourceLayout&, const ImageView<const T>&, int64_t, int64_t, T*);          \
  template void copy_out<T>(const SourceLayout&, const TapSet&, bool, const T*, int64_t, int64_t, int64_t, \
                            int64_t, const int64_t*, const ImageView<T>&, int64_t);
RT_PLANES(float)
RT_PLANES(double)
#undef RT_PLANES

}  // namespace rustorch::cpu::detail
