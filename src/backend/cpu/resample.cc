// Resizing along one dimension and window columns on the CPU.
//
// Resizing works from a table of taps. Along the last dimension a row is gathered tap by tap; along others
// whole runs of `inner` elements are combined. Taps of weight 0 are read like others, so that 0 times nan is
// nan.
#include <algorithm>
#include <cstring>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/nn_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

template <class T>
void forward(const ResampleCall& c) {
  const T* x = c.in.impl()->data<T>();
  T* y = c.out.impl()->mutable_data<T>();
  const int64_t n = c.out_size, taps = c.taps, inner = c.inner;
  ScratchBuffer<T> weights(static_cast<size_t>(n * taps));
  for (int64_t i = 0; i < n * taps; ++i) weights.data()[i] = static_cast<T>(c.weights[i]);
  const T* w = weights.data();
  parallel_for(0, c.outer, row_grain(n * inner * taps), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const T* from = x + b * c.in_size * inner;
      T* to = y + b * n * inner;
      if (inner == 1 && taps == 2) {
        for (int64_t o = 0; o < n; ++o)
          to[o] = w[2 * o] * from[c.places[2 * o]] + w[2 * o + 1] * from[c.places[2 * o + 1]];
        continue;
      }
      for (int64_t o = 0; o < n; ++o) {
        const int64_t* place = c.places + o * taps;
        const T* wo = w + o * taps;
        if (inner == 1) {
          T sum = 0;
          for (int64_t t = 0; t < taps; ++t) sum += wo[t] * from[place[t]];
          to[o] = sum;
          continue;
        }
        T* row = to + o * inner;
        const T* first = from + place[0] * inner;
        if (taps >= 2) {
          const T* second = from + place[1] * inner;
          const T w0 = wo[0], w1 = wo[1];
          for (int64_t j = 0; j < inner; ++j) row[j] = w0 * first[j] + w1 * second[j];
        } else {
          for (int64_t j = 0; j < inner; ++j) row[j] = wo[0] * first[j];
        }
        for (int64_t t = 2; t < taps; ++t) {
          const T* other = from + place[t] * inner;
          for (int64_t j = 0; j < inner; ++j) row[j] += wo[t] * other[j];
        }
      }
    }
  });
}

template <class T>
void transposed(const ResampleCall& c) {
  const T* g = c.in.impl()->data<T>();
  T* y = c.out.impl()->mutable_data<T>();
  const int64_t n = c.out_size, taps = c.taps, inner = c.inner;
  const bool skip = c.in_size == c.out_size;  // a copy of the gradient
  parallel_for(0, c.outer, row_grain(n * inner * taps), [&](int64_t begin, int64_t end) {
    std::fill(y + begin * c.in_size * inner, y + end * c.in_size * inner, T(0));
    for (int64_t b = begin; b < end; ++b) {
      const T* from = g + b * n * inner;
      T* to = y + b * c.in_size * inner;
      for (int64_t o = 0; o < n; ++o)
        for (int64_t t = 0; t < taps; ++t) {
          const T w = static_cast<T>(c.weights[o * taps + t]);
          if (skip && w == T(0)) continue;
          T* row = to + c.places[o * taps + t] * inner;
          const T* source = from + o * inner;
          for (int64_t j = 0; j < inner; ++j) row[j] += w * source[j];
        }
    }
  });
}

// One tap of weight 1: elements of any type are copied.
void choose(const ResampleCall& c) {
  dispatch_by_size(c.in.impl()->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = static_cast<const T*>(c.in.impl()->data());
    T* y = static_cast<T*>(c.out.impl()->mutable_data());
    const int64_t n = c.out_size, inner = c.inner;
    parallel_for(0, c.outer, row_grain(n * inner), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b)
        for (int64_t o = 0; o < n; ++o)
          std::copy_n(x + (b * c.in_size + c.places[o]) * inner, inner, y + (b * n + o) * inner);
    });
  });
}

// f(image index of the plane, column index) for every element of the columns that lies inside the image.
template <class T>
void move_columns(const ColumnsCall& c) {
  const int64_t h = c.size[0], w = c.size[1], ph = c.places[0], pw = c.places[1];
  T* image = c.fold ? c.image.impl()->mutable_data<T>() : const_cast<T*>(c.image.impl()->data<T>());
  T* columns = c.fold ? const_cast<T*>(c.columns.impl()->data<T>()) : c.columns.impl()->mutable_data<T>();
  const int64_t per_plane = c.kernel[0] * c.kernel[1] * ph * pw;
  parallel_for(0, c.batch * c.channels, row_grain(per_plane), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      T* plane = image + p * h * w;
      T* column = columns + p * per_plane;
      if (c.fold) std::fill(plane, plane + h * w, T(0));
      for (int64_t ky = 0; ky < c.kernel[0]; ++ky)
        for (int64_t kx = 0; kx < c.kernel[1]; ++kx)
          for (int64_t oy = 0; oy < ph; ++oy) {
            const int64_t y = oy * c.stride[0] - c.padding[0] + ky * c.dilation[0];
            for (int64_t ox = 0; ox < pw; ++ox, ++column) {
              const int64_t x = ox * c.stride[1] - c.padding[1] + kx * c.dilation[1];
              const bool inside = y >= 0 && y < h && x >= 0 && x < w;
              if (!c.fold)
                *column = inside ? plane[y * w + x] : T(0);
              else if (inside)
                plane[y * w + x] = static_cast<T>(plane[y * w + x] + *column);
            }
          }
    }
  });
}

}  // namespace

void resample(const ResampleCall& call) {
  if (call.out.impl()->numel() == 0) return;
  const bool wide = call.out.impl()->dtype() == kFloat64;
  if (call.transposed) return wide ? transposed<double>(call) : transposed<float>(call);
  if (call.taps == 1) return choose(call);
  if (wide)
    forward<double>(call);
  else
    forward<float>(call);
}

void columns(const ColumnsCall& call) {
  if (call.image.impl()->numel() == 0 && call.columns.impl()->numel() == 0) return;
  dispatch_all("im2col", call.image.impl()->dtype(),
               [&](auto tag) { move_columns<typename decltype(tag)::type>(call); });
}

}  // namespace rustorch::cpu
