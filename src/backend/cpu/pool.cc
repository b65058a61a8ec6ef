// Pooling on the CPU: planes in parallel; 2-d windows of floats by vector rows, everything else by plain
// loops.
//
// The plain loops see each dimension as a table of windows [begin, end) with a divisor, which serves ordinary
// and adaptive pooling alike. The vector path copies a plane into a padded buffer once (it fits L2), so that
// borders need no tests.
#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/pool_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

int64_t product(const std::array<int64_t, 3>& v) { return v[0] * v[1] * v[2]; }

struct Windows {
  std::array<std::vector<int64_t>, 3> begin, end, size;
};

// Average pooling clips windows to the input but may count the padding (not what lies beyond it).
Windows average_windows(const PoolCall& c) {
  Windows w;
  for (int d = 0; d < 3; ++d) {
    for (int64_t o = 0; o < c.small[d]; ++o) {
      const int64_t first = o * c.stride[d] - c.padding[d];
      const int64_t last = std::min(first + c.kernel[d], c.big[d] + c.padding[d]);
      const int64_t begin = std::max<int64_t>(first, 0), end = std::max(begin, std::min(last, c.big[d]));
      w.begin[d].push_back(begin);
      w.end[d].push_back(end);
      w.size[d].push_back(c.count_include_pad ? last - first : end - begin);
    }
  }
  return w;
}

Windows adaptive_windows(const PoolCall& c) {
  Windows w;
  for (int d = 0; d < 3; ++d) {
    for (int64_t o = 0; o < c.small[d]; ++o) {
      const int64_t begin = o * c.big[d] / c.small[d];
      const int64_t end = ((o + 1) * c.big[d] + c.small[d] - 1) / c.small[d];
      w.begin[d].push_back(begin);
      w.end[d].push_back(end);
      w.size[d].push_back(end - begin);
    }
  }
  return w;
}

template <class F>
void for_outputs(const PoolCall& c, F&& f) {
  int64_t at = 0;
  for (int64_t z = 0; z < c.small[0]; ++z)
    for (int64_t y = 0; y < c.small[1]; ++y)
      for (int64_t x = 0; x < c.small[2]; ++x) f(z, y, x, at++);
}

template <class F>
void for_planes(const PoolCall& c, F&& f) {
  const int64_t work = product(c.big) + product(c.small) * product(c.kernel);
  parallel_for(0, c.planes, row_grain(work), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) f(p);
  });
}

template <class T>
void average(const PoolCall& c, const Windows& w) {
  using A = accumulate_t<T>;
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  const int64_t big = product(c.big), small = product(c.small), h = c.big[1], wd = c.big[2];
  for_planes(c, [&](int64_t p) {
    for_outputs(c, [&](int64_t z, int64_t y, int64_t x, int64_t at) {
      A sum = 0;
      for (int64_t i = w.begin[0][z]; i < w.end[0][z]; ++i)
        for (int64_t j = w.begin[1][y]; j < w.end[1][y]; ++j) {
          const T* row = in + p * big + (i * h + j) * wd;
          for (int64_t k = w.begin[2][x]; k < w.end[2][x]; ++k) sum += static_cast<A>(row[k]);
        }
      const int64_t size = c.divisor ? c.divisor : w.size[0][z] * w.size[1][y] * w.size[2][x];
      out[p * small + at] = static_cast<T>(sum / static_cast<A>(size));
    });
  });
}

template <class T>
void average_backward(const PoolCall& c, const Windows& w) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  const int64_t big = product(c.big), small = product(c.small), h = c.big[1], wd = c.big[2];
  for_planes(c, [&](int64_t p) {
    T* plane = out + p * big;
    std::fill(plane, plane + big, T(0));
    for_outputs(c, [&](int64_t z, int64_t y, int64_t x, int64_t at) {
      const int64_t size = c.divisor ? c.divisor : w.size[0][z] * w.size[1][y] * w.size[2][x];
      const T g = in[p * small + at] / static_cast<T>(size);
      for (int64_t i = w.begin[0][z]; i < w.end[0][z]; ++i)
        for (int64_t j = w.begin[1][y]; j < w.end[1][y]; ++j) {
          T* row = plane + (i * h + j) * wd;
          for (int64_t k = w.begin[2][x]; k < w.end[2][x]; ++k) row[k] += g;
        }
    });
  });
}

// first + k * step for the k that fall into [0, size).
struct Span {
  int64_t first_k, end_k;
  Span(int64_t first, int64_t step, int64_t kernel, int64_t size)
      : first_k(first < 0 ? (-first + step - 1) / step : 0),
        end_k(std::min(kernel, first < size ? (size - first + step - 1) / step : 0)) {}
};

template <class T>
bool is_nan(T v) {
  if constexpr (std::is_floating_point_v<T>) return v != v;
  return false;
}

template <class T>
constexpr T lowest() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                              : std::numeric_limits<T>::lowest();
}

template <class T>
void maximum(const PoolCall& c) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  int64_t* indices = c.indices.defined() ? c.indices.impl()->mutable_data<int64_t>() : nullptr;
  uint8_t* mask = c.mask.defined() ? c.mask.impl()->mutable_data<uint8_t>() : nullptr;
  const int64_t big = product(c.big), small = product(c.small), h = c.big[1], wd = c.big[2];
  for_planes(c, [&](int64_t p) {
    const T* plane = in + p * big;
    for_outputs(c, [&](int64_t z, int64_t y, int64_t x, int64_t at) {
      const int64_t z0 = z * c.stride[0] - c.padding[0], y0 = y * c.stride[1] - c.padding[1],
                    x0 = x * c.stride[2] - c.padding[2];
      const Span sz(z0, c.dilation[0], c.kernel[0], c.big[0]), sy(y0, c.dilation[1], c.kernel[1], h),
          sx(x0, c.dilation[2], c.kernel[2], wd);
      T best = lowest<T>();
      int64_t place = (sz.first_k * c.kernel[1] + sy.first_k) * c.kernel[2] + sx.first_k;
      int64_t index = ((z0 + sz.first_k * c.dilation[0]) * h + y0 + sy.first_k * c.dilation[1]) * wd + x0 +
                      sx.first_k * c.dilation[2];
      for (int64_t i = sz.first_k; i < sz.end_k; ++i)
        for (int64_t j = sy.first_k; j < sy.end_k; ++j)
          for (int64_t k = sx.first_k; k < sx.end_k; ++k) {
            const int64_t here =
                ((z0 + i * c.dilation[0]) * h + y0 + j * c.dilation[1]) * wd + x0 + k * c.dilation[2];
            const T v = plane[here];
            if (v > best || is_nan(v)) {
              best = v;
              index = here;
              place = (i * c.kernel[1] + j) * c.kernel[2] + k;
            }
          }
      out[p * small + at] = best;
      if (indices) indices[p * small + at] = index;
      if (mask) mask[p * small + at] = static_cast<uint8_t>(place);
    });
  });
}

template <class T>
void adaptive_maximum(const PoolCall& c) {
  const Windows w = adaptive_windows(c);
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  int64_t* indices = c.indices.impl()->mutable_data<int64_t>();
  const int64_t big = product(c.big), small = product(c.small), h = c.big[1], wd = c.big[2];
  for_planes(c, [&](int64_t p) {
    for_outputs(c, [&](int64_t z, int64_t y, int64_t x, int64_t at) {
      int64_t index = (w.begin[0][z] * h + w.begin[1][y]) * wd + w.begin[2][x];
      T best = lowest<T>();
      for (int64_t i = w.begin[0][z]; i < w.end[0][z]; ++i)
        for (int64_t j = w.begin[1][y]; j < w.end[1][y]; ++j)
          for (int64_t k = w.begin[2][x]; k < w.end[2][x]; ++k) {
            const int64_t here = (i * h + j) * wd + k;
            const T v = in[p * big + here];
            if (v > best || is_nan(v)) {
              best = v;
              index = here;
            }
          }
      out[p * small + at] = best;
      indices[p * small + at] = index;
    });
  });
}

// Calls f(small index, place in the plane) for every output of a plane.
template <class F>
void for_places(const PoolCall& c, int64_t p, F&& f) {
  const int64_t small = product(c.small), h = c.big[1], wd = c.big[2];
  if (c.indices.defined()) {
    const int64_t* indices = c.indices.impl()->data<int64_t>() + p * small;
    for (int64_t i = 0; i < small; ++i) f(p * small + i, indices[i]);
    return;
  }
  const uint8_t* mask = c.mask.impl()->data<uint8_t>() + p * small;
  std::array<int64_t, 256> offsets;
  int64_t k = 0;
  for (int64_t i = 0; i < c.kernel[0]; ++i)
    for (int64_t j = 0; j < c.kernel[1]; ++j)
      for (int64_t l = 0; l < c.kernel[2]; ++l)
        offsets[static_cast<size_t>(k++)] =
            (i * c.dilation[0] * h + j * c.dilation[1]) * wd + l * c.dilation[2];
  int64_t at = 0;
  for (int64_t z = 0; z < c.small[0]; ++z)
    for (int64_t y = 0; y < c.small[1]; ++y) {
      const int64_t row =
          ((z * c.stride[0] - c.padding[0]) * h + y * c.stride[1] - c.padding[1]) * wd - c.padding[2];
      for (int64_t x = 0; x < c.small[2]; ++x, ++at)
        f(p * small + at, row + x * c.stride[2] + offsets[mask[at]]);
    }
}

template <class T>
void max_backward(const PoolCall& c) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  const int64_t big = product(c.big);
  for_planes(c, [&](int64_t p) {
    T* plane = out + p * big;
    std::fill(plane, plane + big, T(0));
    for_places(c, p, [&](int64_t from, int64_t place) {
      if (static_cast<uint64_t>(place) < static_cast<uint64_t>(big)) plane[place] += in[from];
    });
  });
}

template <class T>
void max_gather(const PoolCall& c) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  const int64_t big = product(c.big);
  for_planes(c, [&](int64_t p) {
    const T* plane = in + p * big;
    for_places(c, p, [&](int64_t to, int64_t place) {
      out[to] = static_cast<uint64_t>(place) < static_cast<uint64_t>(big) ? plane[place] : T(0);
    });
  });
}

// The vector paths: rank at most 2, window of at most 256 places.
bool is_flat(const PoolCall& c) {
  return c.big[0] == 1 && c.small[0] == 1 && c.kernel[0] == 1 && product(c.small) >= 8;
}

template <class T>
void max_planes_2d(const PoolCall& c) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  uint8_t* mask = c.mask.defined() ? c.mask.impl()->mutable_data<uint8_t>() : nullptr;
  const int64_t h = c.big[1], w = c.big[2], oh = c.small[1], ow = c.small[2], ph = c.padding[1],
                pw = c.padding[2];
  const int64_t width = std::max(padded_row_width(ow, c.stride[2], c.kernel[2], c.dilation[2]), w + 2 * pw);
  const int64_t rows = std::max((oh - 1) * c.stride[1] + (c.kernel[1] - 1) * c.dilation[1] + 1, h + 2 * ph);
  const PoolRow row{ow, c.stride[2], c.kernel[1], c.kernel[2], c.dilation[2], c.dilation[1] * width};
  parallel_for(0, c.planes, row_grain(h * w), [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> padded(rows * width);
    std::fill(padded.data(), padded.data() + rows * width, lowest<T>());
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t y = 0; y < h; ++y)
        std::copy_n(in + (p * h + y) * w, w, padded.data() + (y + ph) * width + pw);
      for (int64_t y = 0; y < oh; ++y) {
        const int64_t to = (p * oh + y) * ow;
        max_pool_row(row, padded.data() + y * c.stride[1] * width, out + to, mask ? mask + to : nullptr);
      }
    }
  });
}

template <class T>
void average_planes_2d(const PoolCall& c, const Windows& win) {
  const T* in = c.in.impl()->data<T>();
  T* out = c.out.impl()->mutable_data<T>();
  const int64_t h = c.big[1], w = c.big[2], oh = c.small[1], ow = c.small[2], ph = c.padding[1],
                pw = c.padding[2];
  const int64_t width = std::max(padded_row_width(ow, c.stride[2], c.kernel[2], 1), w + 2 * pw);
  const int64_t rows = std::max((oh - 1) * c.stride[1] + c.kernel[1], h + 2 * ph);
  const PoolRow row{ow, c.stride[2], c.kernel[1], c.kernel[2], 1, width};
  parallel_for(0, c.planes, row_grain(h * w), [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> padded(rows * width), scale(ow);
    std::fill(padded.data(), padded.data() + rows * width, T(0));
    int64_t scaled_rows = -1;
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t y = 0; y < h; ++y)
        std::copy_n(in + (p * h + y) * w, w, padded.data() + (y + ph) * width + pw);
      for (int64_t y = 0; y < oh; ++y) {
        const int64_t size = win.size[1][static_cast<size_t>(y)];
        if (size != scaled_rows) {
          scaled_rows = size;
          for (int64_t x = 0; x < ow; ++x)
            scale.data()[x] =
                T(1) / static_cast<T>(c.divisor ? c.divisor : size * win.size[2][static_cast<size_t>(x)]);
        }
        sum_pool_row(row, padded.data() + y * c.stride[1] * width, scale.data(), out + (p * oh + y) * ow);
      }
    }
  });
}

void max_forward(const PoolCall& c) {
  const DType t = c.in.impl()->dtype();
  if (is_flat(c) && !c.indices.defined() && product(c.kernel) <= 256) {
    if (t == kFloat32) return max_planes_2d<float>(c);
    if (t == kFloat64) return max_planes_2d<double>(c);
  }
  dispatch_real("max_pool2d", t, [&](auto tag) { maximum<typename decltype(tag)::type>(c); });
}

template <class T>
void run_average(const PoolCall& c) {
  const bool adaptive = c.kind == PoolKind::AdaptiveAvg || c.kind == PoolKind::AdaptiveAvgBackward;
  const Windows w = adaptive ? adaptive_windows(c) : average_windows(c);
  if (c.kind == PoolKind::AvgBackward || c.kind == PoolKind::AdaptiveAvgBackward) {
    if constexpr (std::is_floating_point_v<T>) average_backward<T>(c, w);
    return;
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (!adaptive && is_flat(c)) return average_planes_2d<T>(c, w);
  }
  average<T>(c, w);
}

}  // namespace

void pool(const PoolCall& c) {
  if (c.out.impl()->numel() == 0) return;
  const DType t = c.out.impl()->dtype();
  switch (c.kind) {
    case PoolKind::Max:
      return max_forward(c);
    case PoolKind::AdaptiveMax:
      return dispatch_floating("adaptive_max_pool2d", t,
                               [&](auto tag) { adaptive_maximum<typename decltype(tag)::type>(c); });
    case PoolKind::MaxBackward:
      if (t == kFloat32) return max_backward<float>(c);
      return max_backward<double>(c);
    case PoolKind::MaxGather:
      if (t == kFloat32) return max_gather<float>(c);
      return max_gather<double>(c);
    default:
      if (t == kFloat32) return run_average<float>(c);
      if (t == kFloat64) return run_average<double>(c);
      return run_average<int64_t>(c);
  }
}

}  // namespace rustorch::cpu
