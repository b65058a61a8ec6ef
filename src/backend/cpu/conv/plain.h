// Convolution by plain loops: the definition, for types without fast kernels (integers wrap, complex does not
// conjugate).
//
// Chunks are whole output elements, so results do not depend on the number of threads. Sizes are normalised:
// three spatial dimensions, the last one innermost.
#pragma once
#include <algorithm>
#include <complex>
#include <type_traits>

#include "backend/cpu/conv/conv.h"
#include "base/thread_pool.h"

namespace rustorch::cpu::detail {

// Integers are summed unsigned and wide enough that nothing is promoted to int and overflows.
template <class T, bool kInteger = std::is_integral_v<T>>
struct PlainSum {
  using Type = T;
};
template <class T>
struct PlainSum<T, true> {
  using Type = uint64_t;
};

/// Element offsets in tensors of either layout.
struct PlainLayout {
  int64_t channels, size[3];
  bool last;
  int64_t at(int64_t n, int64_t c, const int64_t* p) const {
    const int64_t position = (p[0] * size[1] + p[1]) * size[2] + p[2], all = size[0] * size[1] * size[2];
    return last ? (n * all + position) * channels + c : (n * channels + c) * all + position;
  }
};
inline PlainLayout plain_x(const ConvArgs& a) {
  return {a.in_channels, {a.in[0], a.in[1], a.in[2]}, a.channels_last};
}
inline PlainLayout plain_y(const ConvArgs& a) {
  return {a.out_channels, {a.out[0], a.out[1], a.out[2]}, a.channels_last};
}

/// Calls f(i, coordinates) for every one of count = dims[0] * ... * dims[4] coordinate tuples, in parallel.
template <class F>
void plain_loop(const int64_t (&dims)[5], F&& f) {
  const int64_t count = dims[0] * dims[1] * dims[2] * dims[3] * dims[4];
  parallel_for(0, count, 64, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      int64_t at[5], left = i;
      for (int d = 4; d >= 0; --d) {
        at[d] = left % dims[d];
        left /= dims[d];
      }
      f(i, at);
    }
  });
}

/// Calls f(kernel index, k) for every kernel position.
template <class F>
void plain_kernel(const ConvArgs& a, F&& f) {
  int64_t index = 0, k[3];
  for (k[0] = 0; k[0] < a.kernel[0]; ++k[0]) {
    for (k[1] = 0; k[1] < a.kernel[1]; ++k[1]) {
      for (k[2] = 0; k[2] < a.kernel[2]; ++k[2]) f(index++, k);
    }
  }
}

template <class T>
void plain_forward(const ConvArgs& a, const T* x, const T* w, const T* bias, T* y) {
  using Sum = typename PlainSum<T>::Type;
  const int64_t ci = a.in_channels / a.groups, co = a.out_channels / a.groups;
  const int64_t taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  const PlainLayout lx = plain_x(a), ly = plain_y(a);
  const int64_t dims[5] = {a.batch, a.out_channels, a.out[0], a.out[1], a.out[2]};
  plain_loop(dims, [&](int64_t, const int64_t* at) {
    Sum sum(0);
    plain_kernel(a, [&](int64_t tap, const int64_t* k) {
      int64_t p[3];
      for (int d = 0; d < 3; ++d) {
        p[d] = at[2 + d] * a.stride[d] - a.padding[d] + k[d] * a.dilation[d];
        if (p[d] < 0 || p[d] >= a.in[d]) return;
      }
      for (int64_t c = 0; c < ci; ++c) {
        sum += static_cast<Sum>(x[lx.at(at[0], at[1] / co * ci + c, p)]) *
               static_cast<Sum>(w[(at[1] * ci + c) * taps + tap]);
      }
    });
    if (bias) sum += static_cast<Sum>(bias[at[1]]);
    y[ly.at(at[0], at[1], at + 2)] = static_cast<T>(sum);
  });
}

template <class T>
void plain_backward_data(const ConvArgs& a, const T* grad_y, const T* w, T* grad_x) {
  using Sum = typename PlainSum<T>::Type;
  const int64_t ci = a.in_channels / a.groups, co = a.out_channels / a.groups;
  const int64_t taps = a.kernel[0] * a.kernel[1] * a.kernel[2];
  const PlainLayout lx = plain_x(a), ly = plain_y(a);
  const int64_t dims[5] = {a.batch, a.in_channels, a.in[0], a.in[1], a.in[2]};
  plain_loop(dims, [&](int64_t, const int64_t* at) {
    const int64_t g = at[1] / ci, c = at[1] % ci;
    Sum sum(0);
    plain_kernel(a, [&](int64_t tap, const int64_t* k) {
      int64_t p[3];
      for (int d = 0; d < 3; ++d) {
        const int64_t from = at[2 + d] + a.padding[d] - k[d] * a.dilation[d];
        if (from < 0 || from % a.stride[d] != 0) return;
        p[d] = from / a.stride[d];
        if (p[d] >= a.out[d]) return;
      }
      for (int64_t o = g * co; o < (g + 1) * co; ++o) {
        sum += static_cast<Sum>(grad_y[ly.at(at[0], o, p)]) * static_cast<Sum>(w[(o * ci + c) * taps + tap]);
      }
    });
    grad_x[lx.at(at[0], at[1], at + 2)] = static_cast<T>(sum);
  });
}

template <class T>
void plain_backward_weight(const ConvArgs& a, const T* x, const T* grad_y, T* grad_w) {
  using Sum = typename PlainSum<T>::Type;
  const int64_t ci = a.in_channels / a.groups, co = a.out_channels / a.groups;
  const PlainLayout lx = plain_x(a), ly = plain_y(a);
  const int64_t dims[5] = {a.out_channels, ci, a.kernel[0], a.kernel[1], a.kernel[2]};
  plain_loop(dims, [&](int64_t i, const int64_t* at) {
    Sum sum(0);
    for (int64_t n = 0; n < a.batch; ++n) {
      int64_t q[3], p[3];
      for (q[0] = 0; q[0] < a.out[0]; ++q[0]) {
        for (q[1] = 0; q[1] < a.out[1]; ++q[1]) {
          for (q[2] = 0; q[2] < a.out[2]; ++q[2]) {
            bool inside = true;
            for (int d = 0; d < 3; ++d) {
              p[d] = q[d] * a.stride[d] - a.padding[d] + at[2 + d] * a.dilation[d];
              inside = inside && p[d] >= 0 && p[d] < a.in[d];
            }
            if (!inside) continue;
            sum += static_cast<Sum>(x[lx.at(n, at[0] / co * ci + at[1], p)]) *
                   static_cast<Sum>(grad_y[ly.at(n, at[0], q)]);
          }
        }
      }
    }
    grad_w[i] = static_cast<T>(sum);
  });
}

}  // namespace rustorch::cpu::detail
