// Normalisations on the CPU: batch, layer (and RMS) and group norm, forward and backward.
//
// Statistics are two-pass (mean, then squared deviations) while a channel or row is in cache. Sums over
// chunks are combined in chunk order, so results do not depend on the number of threads.
#include <algorithm>
#include <cmath>

#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/norm_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

template <class T>
const T* read(const Tensor& t) {
  return t.defined() ? t.impl()->data<T>() : nullptr;
}
template <class T>
T* write(const Tensor& t) {
  return t.defined() ? t.impl()->mutable_data<T>() : nullptr;
}

template <class T>
struct Norm {
  const NormCall& c;
  const NormKernels<T>& k = norm_kernels(T());
  const T* x = read<T>(c.in);
  const T* g = read<T>(c.grad);
  const T* weight = read<T>(c.weight);
  const T* bias = read<T>(c.bias);
  T* y = write<T>(c.out);
  T* gw = write<T>(c.grad_weight);
  T* gb = write<T>(c.grad_bias);

  explicit Norm(const NormCall& call) : c(call) {}

  T weight_at(int64_t i) const { return weight ? weight[i] : T(1); }
  T bias_at(int64_t i) const { return bias ? bias[i] : T(0); }
  bool writes_statistics() const { return c.kind != NormKind::Batch || c.training; }

  // ---- batch norm, planes of contiguous elements per channel
  void batch_planes() const {
    const int64_t hw = c.inner, step = c.channels * hw;
    const T count = static_cast<T>(c.outer * hw);
    T* mean = writes_statistics() ? write<T>(c.mean) : const_cast<T*>(read<T>(c.mean));
    T* rstd = writes_statistics() ? write<T>(c.rstd) : const_cast<T*>(read<T>(c.rstd));
    parallel_for(0, c.channels, row_grain(c.outer * hw), [&](int64_t begin, int64_t end) {
      for (int64_t ch = begin; ch < end; ++ch) {
        if (c.training) {
          T sum = 0, squares = 0;
          for (int64_t n = 0; n < c.outer; ++n) sum += k.sum(x + n * step + ch * hw, hw);
          mean[ch] = sum / count;
          for (int64_t n = 0; n < c.outer; ++n) squares += k.deviation(x + n * step + ch * hw, hw, mean[ch]);
          rstd[ch] = T(1) / std::sqrt(squares / count + static_cast<T>(c.eps));
        }
        const T a = weight_at(ch) * rstd[ch], b = bias_at(ch) - mean[ch] * a;
        for (int64_t n = 0; n < c.outer; ++n)
          k.affine(x + n * step + ch * hw, y + n * step + ch * hw, hw, a, b);
      }
    });
  }

  void batch_planes_backward() const {
    const int64_t hw = c.inner, step = c.channels * hw;
    const T count = static_cast<T>(c.outer * hw);
    const T* mean = read<T>(c.mean);
    const T* rstd = read<T>(c.rstd);
    const bool sums_needed = c.training || gw || gb;
    parallel_for(0, c.channels, row_grain(c.outer * hw), [&](int64_t begin, int64_t end) {
      for (int64_t ch = begin; ch < end; ++ch) {
        T sums[2] = {0, 0};
        if (sums_needed)
          for (int64_t n = 0; n < c.outer; ++n) {
            const int64_t at = n * step + ch * hw;
            k.gradient_sums(g + at, x + at, hw, mean[ch], sums);
          }
        if (gw) gw[ch] = sums[1] * rstd[ch];
        if (gb) gb[ch] = sums[0];
        if (!y) continue;
        T a, b, shift;
        input_gradient_factors(ch, mean[ch], rstd[ch], sums, count, &a, &b, &shift);
        for (int64_t n = 0; n < c.outer; ++n) {
          const int64_t at = n * step + ch * hw;
          k.combine(g + at, x + at, y + at, hw, a, b, shift);
        }
      }
    });
  }

  // gx = a * g + b * x + shift.
  void input_gradient_factors(int64_t ch, T mean, T rstd, const T* sums, T count, T* a, T* b,
                              T* shift) const {
    *a = weight_at(ch) * rstd;
    *b = c.training ? -*a * rstd * rstd * sums[1] / count : T(0);
    *shift = c.training ? -*b * mean - *a * sums[0] / count : T(0);
  }

  // ---- batch norm, channels innermost: rows of `channels` elements
  int64_t across_rows() const { return c.outer * c.inner; }
  int64_t across_grain() const { return std::max<int64_t>(row_grain(c.channels), (across_rows() + 63) / 64); }

  // total[j] = sum over chunks, in order, of what body(begin, end, partial) adds; `wide` numbers per channel.
  template <class Body>
  void chunked_sums(int64_t wide, T* total, Body&& body) const {
    const int64_t rows = across_rows(), grain = across_grain(), chunks = (rows + grain - 1) / grain,
                  n = wide * c.channels;
    ScratchBuffer<T> partial(static_cast<size_t>(std::max<int64_t>(chunks, 1) * n));
    parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
      T* mine = partial.data() + begin / grain * n;
      std::fill(mine, mine + n, T(0));
      body(begin, end, mine);
    });
    std::fill(total, total + n, T(0));
    for (int64_t i = 0; i < chunks; ++i)
      for (int64_t j = 0; j < n; ++j) total[j] += partial.data()[i * n + j];
  }

  void batch_across() const {
    const int64_t rows = across_rows(), n = c.channels;
    T* mean = writes_statistics() ? write<T>(c.mean) : const_cast<T*>(read<T>(c.mean));
    T* rstd = writes_statistics() ? write<T>(c.rstd) : const_cast<T*>(read<T>(c.rstd));
    if (c.training) {
      const T count = static_cast<T>(rows);
      chunked_sums(1, mean, [&](int64_t begin, int64_t end, T* sum) {
        for (int64_t r = begin; r < end; ++r) k.add_across(x + r * n, sum, n);
      });
      for (int64_t j = 0; j < n; ++j) mean[j] /= count;
      chunked_sums(1, rstd, [&](int64_t begin, int64_t end, T* sum) {
        for (int64_t r = begin; r < end; ++r) k.deviation_across(x + r * n, mean, sum, n);
      });
      for (int64_t j = 0; j < n; ++j) rstd[j] = T(1) / std::sqrt(rstd[j] / count + static_cast<T>(c.eps));
    }
    ScratchBuffer<T> factors(static_cast<size_t>(2 * n));
    T* a = factors.data();
    T* b = a + n;
    for (int64_t j = 0; j < n; ++j) {
      a[j] = weight_at(j) * rstd[j];
      b[j] = bias_at(j) - mean[j] * a[j];
    }
    parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) k.affine_across(x + r * n, y + r * n, a, b, n);
    });
  }

  void batch_across_backward() const {
    const int64_t rows = across_rows(), n = c.channels;
    const T* mean = read<T>(c.mean);
    const T* rstd = read<T>(c.rstd);
    ScratchBuffer<T> sums(static_cast<size_t>(2 * n)), factors(static_cast<size_t>(3 * n));
    chunked_sums(2, sums.data(), [&](int64_t begin, int64_t end, T* part) {
      for (int64_t r = begin; r < end; ++r)
        k.gradient_sums_across(g + r * n, x + r * n, mean, part, part + n, n);
    });
    T* a = factors.data();
    for (int64_t j = 0; j < n; ++j) {
      const T pair[2] = {sums.data()[j], sums.data()[n + j]};
      if (gw) gw[j] = pair[1] * rstd[j];
      if (gb) gb[j] = pair[0];
      input_gradient_factors(j, mean[j], rstd[j], pair, static_cast<T>(rows), a + j, a + n + j,
                             a + 2 * n + j);
    }
    if (!y) return;
    parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        k.combine_across(g + r * n, x + r * n, y + r * n, a, a + n, a + 2 * n, n);
    });
  }

  // ---- layer norm and RMS norm
  void layer() const {
    const int64_t n = c.channels;
    T* mean = write<T>(c.mean);
    T* rstd = write<T>(c.rstd);
    parallel_for(0, c.outer, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* row = x + r * n;
        const T m = c.centered ? k.sum(row, n) / static_cast<T>(n) : T(0);
        const T s = T(1) / std::sqrt(k.deviation(row, n, m) / static_cast<T>(n) + static_cast<T>(c.eps));
        if (mean) mean[r] = m;
        rstd[r] = s;
        k.normalize(row, y + r * n, n, m, s, weight, bias);
      }
    });
  }

  void layer_backward() const {
    const int64_t n = c.channels;
    const T* mean = read<T>(c.mean);
    const T* rstd = read<T>(c.rstd);
    // at most 32 chunks, so that the partial sums of the parameters stay small
    const int64_t grain = std::max<int64_t>(row_grain(n), (c.outer + 31) / 32);
    const int64_t chunks = c.outer == 0 ? 0 : (c.outer + grain - 1) / grain;
    const bool parameters = gw || gb;
    ScratchBuffer<T> partial(static_cast<size_t>(parameters ? 2 * n * chunks : 0));
    parallel_for(0, c.outer, grain, [&](int64_t begin, int64_t end) {
      T* pw = parameters ? partial.data() + begin / grain * 2 * n : nullptr;
      if (parameters) std::fill(pw, pw + 2 * n, T(0));
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = r * n;
        const T m = mean ? mean[r] : T(0);
        if (y) {
          T sums[2];
          k.weighted_sums(g + at, x + at, weight, n, m, rstd[r], sums);
          const T c0 = c.centered ? sums[0] / static_cast<T>(n) : T(0);
          k.normalize_backward(g + at, x + at, weight, y + at, n, m, rstd[r], c0,
                               sums[1] / static_cast<T>(n));
        }
        if (parameters)
          k.parameter_gradients(g + at, x + at, n, m, rstd[r], gw ? pw : nullptr, gb ? pw + n : nullptr);
      }
    });
    for (T* to : {gw, gb}) {
      if (!to) continue;
      std::fill(to, to + n, T(0));
      for (int64_t i = 0; i < chunks; ++i)
        k.add_across(partial.data() + i * 2 * n + (to == gb ? n : 0), to, n);
    }
  }

  // ---- group norm
  void group() const {
    const int64_t per = c.channels / c.groups, n = per * c.inner;
    T* mean = write<T>(c.mean);
    T* rstd = write<T>(c.rstd);
    parallel_for(0, c.outer * c.groups, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* row = x + r * n;
        const T m = k.sum(row, n) / static_cast<T>(n);
        const T s = T(1) / std::sqrt(k.deviation(row, n, m) / static_cast<T>(n) + static_cast<T>(c.eps));
        mean[r] = m;
        rstd[r] = s;
        for (int64_t j = 0; j < per; ++j) {
          const int64_t ch = r % c.groups * per + j;
          const T a = weight_at(ch) * s, b = bias_at(ch) - m * a;
          k.affine(row + j * c.inner, y + r * n + j * c.inner, c.inner, a, b);
        }
      }
    });
  }

  void group_backward() const {
    const int64_t per = c.channels / c.groups, n = per * c.inner, planes = c.outer * c.channels;
    const T* mean = read<T>(c.mean);
    const T* rstd = read<T>(c.rstd);
    ScratchBuffer<T> sums(static_cast<size_t>(2 * planes));
    T* s = sums.data();
    parallel_for(0, c.outer * c.groups, row_grain(n), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        T all[2] = {0, 0};
        for (int64_t j = 0; j < per; ++j) {
          const int64_t plane = r * per + j, at = plane * c.inner;
          s[2 * plane] = s[2 * plane + 1] = T(0);
          k.gradient_sums(g + at, x + at, c.inner, mean[r], s + 2 * plane);
          const T w = weight_at(r % c.groups * per + j);
          all[0] += w * s[2 * plane];
          all[1] += w * s[2 * plane + 1];
        }
        if (!y) continue;
        const T b = -rstd[r] * rstd[r] * rstd[r] * all[1] / static_cast<T>(n);
        const T shift = -b * mean[r] - rstd[r] * all[0] / static_cast<T>(n);
        for (int64_t j = 0; j < per; ++j) {
          const int64_t at = (r * per + j) * c.inner;
          k.combine(g + at, x + at, y + at, c.inner, weight_at(r % c.groups * per + j) * rstd[r], b, shift);
        }
      }
    });
    for (int64_t ch = 0; ch < c.channels; ++ch) {
      T w = 0, b = 0;
      for (int64_t o = 0; o < c.outer; ++o) {
        const int64_t plane = o * c.channels + ch;
        w += s[2 * plane + 1] * rstd[plane / per];
        b += s[2 * plane];
      }
      if (gw) gw[ch] = w;
      if (gb) gb[ch] = b;
    }
  }

  void run() const {
    const bool across = c.channels_last || c.inner == 1;
    switch (c.kind) {
      case NormKind::Batch:
        return across ? batch_across() : batch_planes();
      case NormKind::BatchBackward:
        return across ? batch_across_backward() : batch_planes_backward();
      case NormKind::Layer:
        return layer();
      case NormKind::LayerBackward:
        return layer_backward();
      case NormKind::Group:
        return group();
      case NormKind::GroupBackward:
        return group_backward();
    }
  }
};

}  // namespace

void norm(const NormCall& call) {
  if (call.in.impl()->dtype() == kFloat32)
    Norm<float>(call).run();
  else
    Norm<double>(call).run();
}

}  // namespace rustorch::cpu
