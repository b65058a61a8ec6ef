// Losses of class indices on the CPU: cross entropy from logits in one pass, and negative log likelihood.
//
// Sums over positions are made from per-position losses in order, in double, so that they do not depend on
// the number of threads. Cross entropy never stores log-probabilities: it keeps one log-sum-exp per position.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/softmax.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

template <class T>
struct ClassLoss {
  const ClassLossCall& call;
  const T* x;
  const int64_t* target;
  const T* weight;  // or null
  int64_t outer, classes, inner;

  explicit ClassLoss(const ClassLossCall& c)
      : call(c),
        x(c.input.defined() ? c.input.impl()->data<T>() : nullptr),
        target(c.target.impl()->data<int64_t>()),
        weight(c.weight.defined() ? c.weight.impl()->data<T>() : nullptr),
        outer(c.outer),
        classes(c.classes),
        inner(c.inner) {}

  int64_t positions() const { return outer * inner; }
  T weight_of(int64_t p) const {
    const int64_t t = target[p];
    return t == call.ignore_index ? T(0) : weight ? weight[t] : T(1);
  }

  void check_targets() const {
    for (int64_t p = 0; p < positions(); ++p) {
      const int64_t t = target[p];
      if (t == call.ignore_index) continue;
      RT_CHECK(t >= 0 && t < classes, Index, "nll_loss", "Target ", t, " is out of bounds.");
    }
  }

  double total_weight() const {
    double total = 0;
    for (int64_t p = 0; p < positions(); ++p) total += static_cast<double>(weight_of(p));
    return total;
  }

  // Stores the reduced (or the per-position) losses, which make(p) yields for every position.
  void reduce(const T* losses) const {
    T* out = call.out.impl()->mutable_data<T>();
    if (call.reduction == Reduction::None) return;
    double sum = 0;
    for (int64_t p = 0; p < positions(); ++p) sum += static_cast<double>(losses[p]);
    const double total = total_weight();
    if (call.total_weight.defined()) *call.total_weight.impl()->mutable_data<T>() = static_cast<T>(total);
    *out = static_cast<T>(call.reduction == Reduction::Mean ? sum / total : sum);
  }

  void cross_entropy() const {
    check_targets();
    const auto& k = softmax_kernels(T());
    T* max = call.lse.impl()->mutable_data<T>();
    T* log_total = max + positions();
    if (inner == 1) {
      parallel_for(0, outer, row_grain(classes), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) k.lse_row(x + r * classes, classes, max + r, log_total + r);
      });
    } else {
      constexpr int64_t kTile = 512;
      const int64_t tiles = (inner + kTile - 1) / kTile;
      parallel_for(0, outer * tiles, row_grain(classes * std::min(kTile, inner)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t c = begin; c < end; ++c) {
                       const int64_t first = c % tiles * kTile, o = c / tiles;
                       const int64_t at = o * inner + first;
                       k.lse_columns(x + o * classes * inner + first, max + at, log_total + at, classes,
                                     inner, std::min(kTile, inner - first));
                     }
                   });
    }
    const bool keep = call.reduction == Reduction::None;
    ScratchBuffer<T> buffer(keep ? 0 : positions());
    T* losses = keep ? call.out.impl()->mutable_data<T>() : buffer.data();
    const bool smooth = call.label_smoothing > 0;
    parallel_for(0, positions(), smooth ? row_grain(classes) : kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) losses[p] = position_loss(p, max[p], log_total[p], smooth);
    });
    reduce(losses);
  }

  // -(1 - s) w_t logp_t - s / C * sum_c w_c logp_c, with logp = x - max - log_total.
  T position_loss(int64_t p, T max, T log_total, bool smooth) const {
    const int64_t t = target[p];
    if (t == call.ignore_index) return T(0);
    const T* row = x + (p / inner) * classes * inner + p % inner;
    const double w = weight ? static_cast<double>(weight[t]) : 1.0;
    const auto nll_of = [&](int64_t c) {  // the difference first: large logits would swallow log_total
      return static_cast<double>(max) - static_cast<double>(row[c * inner]) + static_cast<double>(log_total);
    };
    const double nll = w * nll_of(t);
    if (!smooth) return static_cast<T>(nll);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      const double l = nll_of(c);
      sum += weight ? static_cast<double>(weight[c]) * l : l;
    }
    const double s = call.label_smoothing;
    return static_cast<T>((1 - s) * nll + s / static_cast<double>(classes) * sum);
  }

  // Gradient of the loss of position p, without the weights.
  T scale_of(int64_t p, const T* g, double total) const {
    if (call.reduction == Reduction::None) return g[p];
    return call.reduction == Reduction::Sum ? g[0] : static_cast<T>(static_cast<double>(g[0]) / total);
  }

  void cross_entropy_backward() const {
    const auto& k = softmax_kernels(T());
    const T* max = call.lse.impl()->data<T>();
    const T* log_total = max + positions();
    const T* g = call.grad.impl()->data<T>();
    T* out = call.out.impl()->mutable_data<T>();
    const double total = call.reduction == Reduction::Mean ? total_weight() : 1;
    const double smoothing = call.label_smoothing;
    double weight_sum = 0;
    for (int64_t c = 0; c < classes; ++c) weight_sum += weight ? static_cast<double>(weight[c]) : 1.0;
    const double spread = smoothing / static_cast<double>(classes);
    const T* by_class = smoothing > 0 ? weight : nullptr;
    // a: factor of the probabilities; s: what every class (times its weight) is lowered by; hit: the target
    // too
    auto factors = [&](int64_t p, T* a, T* s, T* hit) {
      const bool ignored = target[p] == call.ignore_index;
      const double scale = ignored ? 0 : static_cast<double>(scale_of(p, g, total));
      const double w = static_cast<double>(weight_of(p));
      const double all =
          smoothing > 0 ? spread * weight_sum : 0;  // else a weight that is not used may be nan
      *a = ignored ? T(0) : static_cast<T>(scale * ((1 - smoothing) * w + all));
      *s = static_cast<T>(scale * spread);
      *hit = static_cast<T>(scale * (1 - smoothing) * w);
    };
    if (inner == 1) {
      parallel_for(0, outer, row_grain(classes), [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          T a, s, hit;
          factors(r, &a, &s, &hit);
          T* row = out + r * classes;
          if (target[r] == call.ignore_index) {
            std::fill(row, row + classes, T(0));
            continue;
          }
          k.ce_grad_row(x + r * classes, row, classes, max[r], log_total[r], a, s, by_class);
          row[target[r]] -= hit;
        }
      });
      return;
    }
    constexpr int64_t kTile = 512;
    const int64_t tiles = (inner + kTile - 1) / kTile;
    parallel_for(
        0, outer * tiles, row_grain(classes * std::min(kTile, inner)), [&](int64_t begin, int64_t end) {
          ScratchBuffer<T> buffer(3 * kTile);
          T* a = buffer.data();
          T* s = a + kTile;
          T* hit = s + kTile;
          for (int64_t c = begin; c < end; ++c) {
            const int64_t first = c % tiles * kTile, o = c / tiles, width = std::min(kTile, inner - first);
            const int64_t p0 = o * inner + first, at = o * classes * inner + first;
            for (int64_t j = 0; j < width; ++j) factors(p0 + j, a + j, s + j, hit + j);
            for (int64_t q = 0; q < classes; ++q)
              k.ce_grad_across(x + at + q * inner, out + at + q * inner, width, max + p0, log_total + p0, a,
                               s, by_class ? by_class[q] : T(1));
            for (int64_t j = 0; j < width; ++j) {
              if (target[p0 + j] != call.ignore_index) {
                out[at + target[p0 + j] * inner + j] -= hit[j];
              } else {
                for (int64_t q = 0; q < classes; ++q) out[at + q * inner + j] = T(0);
              }
            }
          }
        });
  }

  void nll() const {
    check_targets();
    const bool keep = call.reduction == Reduction::None;
    ScratchBuffer<T> buffer(keep ? 0 : positions());
    T* losses = keep ? call.out.impl()->mutable_data<T>() : buffer.data();
    parallel_for(0, positions(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t t = target[p];
        losses[p] = t == call.ignore_index
                        ? T(0)
                        : -weight_of(p) * x[(p / inner) * classes * inner + t * inner + p % inner];
      }
    });
    reduce(losses);
    if (keep && call.total_weight.defined()) *call.total_weight.impl()->mutable_data<T>() = T(0);
  }

  void nll_backward() const {
    const T* g = call.grad.impl()->data<T>();
    T* out = call.out.impl()->mutable_data<T>();
    const double total = call.reduction == Reduction::Mean ? total_weight() : 1;
    parallel_for(0, outer, row_grain(classes * inner), [&](int64_t begin, int64_t end) {
      std::fill(out + begin * classes * inner, out + end * classes * inner, T(0));
      for (int64_t p = begin * inner; p < end * inner; ++p) {
        const int64_t t = target[p];
        if (t == call.ignore_index) continue;
        out[(p / inner) * classes * inner + t * inner + p % inner] = -weight_of(p) * scale_of(p, g, total);
      }
    });
  }

  void run() const {
    switch (call.kind) {
      case ClassLossKind::CrossEntropy:
        return cross_entropy();
      case ClassLossKind::CrossEntropyBackward:
        return cross_entropy_backward();
      case ClassLossKind::Nll:
        return nll();
      case ClassLossKind::NllBackward:
        return nll_backward();
    }
  }
};

}  // namespace

void class_loss(const ClassLossCall& call) {
  const Tensor& any = call.out;
  if (any.impl()->dtype() == kFloat32)
    ClassLoss<float>(call).run();
  else
    ClassLoss<double>(call).run();
}

}  // namespace rustorch::cpu
