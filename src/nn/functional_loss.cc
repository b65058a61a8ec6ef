// Losses composed of operators, in the same steps as the Python package.
#include <cmath>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn::functional {

namespace {
Tensor reduce(const Tensor& loss, std::string_view reduction) {
  if (reduction == "mean") return loss.mean();
  if (reduction == "sum") return loss.sum();
  RT_CHECK(reduction == "none", Value, "loss", reduction, " is not a valid value for reduction");
  return loss;
}

bool outside(const Tensor& classes, int64_t low, int64_t high) {
  if (classes.numel() == 0) return false;
  return classes.min().item<int64_t>() < low || classes.max().item<int64_t>() >= high;
}

/// z where it is above 0, else 0, also of nan; no gradient at 0.
Tensor positive_part(const Tensor& z) { return where(z.gt(0), z, Scalar(0.0)); }
}  // namespace

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::string_view reduction, double beta) {
  if (beta == 0) return l1_loss(input, target, reduction);
  return rustorch::smooth_l1_loss(input, target, reduction, beta);
}

Tensor kl_div(const Tensor& input, const Tensor& target, std::string_view reduction, bool log_target) {
  if (reduction != "batchmean") return rustorch::kl_div(input, target, reduction, log_target);
  const Tensor loss = rustorch::kl_div(input, target, "sum", log_target);
  return input.dim() > 0 ? loss / input.size(0) : loss;
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight,
                            std::string_view reduction) {
  RT_CHECK(input.sizes() == target.sizes(), Value, "binary_cross_entropy", "Using a target size (",
           target.sizes(), ") that is different to the input size (", input.sizes(), ")");
  return rustorch::binary_cross_entropy(
      input, target, weight.defined() ? std::optional<Tensor>(weight.expand_as(target)) : std::nullopt,
      reduction);
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full, double eps,
                        std::string_view reduction) {
  Tensor loss = log_input ? input.exp() - target * input : input - target * (input + eps).log();
  if (full) {
    const Tensor stirling = target * target.log() - target + (target * (2 * M_PI)).log() * 0.5;
    loss = loss + stirling.masked_fill(target.le(1), Scalar(0));
  }
  return reduce(loss, reduction);
}

Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var_in, bool full,
                         double eps, std::string_view reduction) {
  Tensor var = var_in;
  RT_CHECK(!var.lt(0).any().item<bool>(), Value, "gaussian_nll_loss", "var has negative entry/entries");
  if (!(var.sizes() == input.sizes())) {
    const IntArrayRef lead =
        input.sizes().slice(0, static_cast<size_t>(std::max<int64_t>(input.dim() - 1, 0)));
    if (var.sizes() == lead) {
      var = var.unsqueeze(-1);
    } else {
      int64_t differ = 0, ones = 0;
      for (int64_t d = 0; var.dim() == input.dim() && d < input.dim(); ++d) {
        differ += var.size(d) != input.size(d) ? 1 : 0;
        ones += var.size(d) == 1 ? 1 : 0;
      }
      RT_CHECK(var.dim() == input.dim() && differ == 1 && ones > 0, Value, "gaussian_nll_loss",
               "var is of incorrect size");
    }
  }
  var = var.clone();
  {
    const NoGradGuard no_grad;
    var.clamp_(Scalar(eps), std::optional<Scalar>());
  }
  Tensor loss = (var.log() + (input - target).pow(2) / var) * 0.5;
  if (full) loss = loss + 0.5 * std::log(2 * M_PI);
  return reduce(loss, reduction);
}

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin,
                            std::string_view reduction) {
  const Tensor zero = zeros_like(input);
  const Scalar most =
      is_integral(input.dtype(), true) ? Scalar(static_cast<int64_t>(margin)) : Scalar(margin);
  const Tensor away = where(target.eq(1), zero, (most - input).clamp_min(0));
  const Tensor near = where(target.eq(-1), zero, input);
  return reduce(away + near, reduction);
}

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin,
                             std::string_view reduction) {
  RT_CHECK(target.dim() <= 1, Shape, "cosine_embedding_loss",
           "0D or 1D target tensor expected, multi-target not supported");
  RT_CHECK(a.dim() == target.dim() + 1, Shape, "cosine_embedding_loss", target.dim(),
           "D target tensor expects ", target.dim() + 1, "D input tensors, but found inputs with sizes ",
           a.sizes(), " and ", b.sizes(), ".");
  constexpr double kEps = 1e-12;
  const Tensor dot = (a * b).sum(-1);
  const Tensor cos = dot / ((a.square().sum(-1) + kEps) * (b.square().sum(-1) + kEps)).sqrt();
  const Tensor zero = zeros_like(cos);
  const Tensor loss =
      where(target.eq(1), Scalar(1) - cos, zero) + where(target.eq(-1), (cos - margin).clamp_min(0), zero);
  return reduce(loss, reduction);
}

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& target, double margin,
                           std::string_view reduction) {
  RT_CHECK(a.dim() == b.dim() && a.dim() == target.dim(), Shape, "margin_ranking_loss",
           "All input tensors should have same dimension but got sizes: input1: ", a.sizes(),
           ", input2: ", b.sizes(), ", target: ", target.sizes());
  return reduce((target.neg() * (a - b) + margin).clamp_min(0), reduction);
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, std::string_view reduction) {
  return reduce((target.neg() * input).exp().log1p(), reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   std::string_view reduction) {
  Tensor loss = (target * log_sigmoid(input) + (Scalar(1) - target) * log_sigmoid(input.neg())).neg();
  if (weight.defined()) loss = loss * weight;
  return reduce(loss.sum(-1) / input.size(-1), reduction);
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p, double margin,
                         const Tensor& weight, std::string_view reduction) {
  RT_CHECK(p == 1 || p == 2, Value, "multi_margin_loss", "only p == 1 and p == 2 supported");
  RT_CHECK(!weight.defined() || weight.dim() == 1, Value, "multi_margin_loss",
           "weight must be one-dimensional");
  RT_CHECK(input.dim() <= 2 && (input.dim() < 2 || input.size(1) > 0), Shape, "multi_margin_loss",
           "expected a non-empty vector or matrix; got ", input.sizes());
  const bool batched = input.dim() == 2;
  const Tensor x = batched ? input : input.reshape({1, -1});
  const Tensor y = target.reshape({-1, 1});
  RT_CHECK(y.size(0) == x.size(0), Shape, "multi_margin_loss", "inconsistent target size, expected ",
           x.size(0), " but got ", target.sizes());
  RT_CHECK(!outside(y, 0, x.size(1)), Index, "multi_margin_loss", "target out of range");
  Tensor z = positive_part(Scalar(margin) - x.gather(1, y) + x);
  if (p == 2) z = z * z;
  if (weight.defined()) z = z * weight.index_select(0, y.squeeze(1)).unsqueeze(1);
  const Tensor mask = ones_like(z.detach()).scatter_(1, y, Scalar(0.0));
  const Tensor loss = (z * mask).sum(1) / x.size(1);
  if (reduction == "none" && !batched) return loss.squeeze(0);
  return reduce(loss, reduction);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, std::string_view reduction) {
  RT_CHECK(input.dim() <= 2 && target.sizes() == input.sizes(), Shape, "multilabel_margin_loss",
           "inconsistent target size ", target.sizes(), " for input of size ", input.sizes());
  const int64_t classes = input.dim() > 0 ? input.size(-1) : 1;
  const Tensor x = input.reshape({-1, classes}), y = target.reshape({-1, classes});
  RT_CHECK(!outside(y, -1, classes), Index, "multilabel_margin_loss", "target out of range");
  const Tensor valid = y.ge(0).to(kInt64).cumprod(1).to(kBool);
  const Tensor index = y.clamp_min(0);
  const Tensor counts = zeros_like(x.detach()).scatter_add_(1, index, valid.to(x.dtype()));
  const Tensor is_other = counts.eq(0).to(x.dtype()).unsqueeze(1);
  const Tensor z = positive_part(Scalar(1) - x.gather(1, index).unsqueeze(2) + x.unsqueeze(1));
  const Tensor loss = (z * is_other * valid.to(x.dtype()).unsqueeze(2)).sum(IntArrayRef({1, 2})) / classes;
  if (reduction == "none" && input.dim() < 2) return loss.squeeze(0);
  return reduce(loss, reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, std::string_view reduction) {
  const Distance distance = [&](const Tensor& a, const Tensor& b) { return pairwise_distance(a, b, p, eps); };
  return triplet_margin_with_distance_loss(anchor, positive, negative, distance, margin, swap, reduction);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         const Distance& distance, double margin, bool swap,
                                         std::string_view reduction) {
  RT_CHECK(margin > 0, Value, "triplet_margin_loss", "margin must be greater than 0, got ", margin);
  RT_CHECK(anchor.dim() == positive.dim() && anchor.dim() == negative.dim(), Shape, "triplet_margin_loss",
           "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
           "but got: "
           "anchor ",
           anchor.dim(), "D, positive ", positive.dim(), "D, and negative ", negative.dim(), "D inputs");
  const auto d = [&](const Tensor& a, const Tensor& b) {
    return distance ? distance(a, b) : pairwise_distance(a, b);
  };
  const Tensor near = d(anchor, positive);
  Tensor far = d(anchor, negative);
  if (swap) far = minimum(far, d(positive, negative));
  return reduce((near + margin - far).clamp_min(0), reduction);
}

// ---- connectionist temporal classification (Graves et al. 2006), in logarithms

namespace {
constexpr double kNever = -1e30;  // the logarithm of a probability of 0, finite so that its gradient is 0

std::vector<int64_t> to_vector(const Tensor& t) {
  const Tensor flat = t.to(kInt64).reshape({-1}).contiguous();
  const auto* data = flat.const_data_ptr<int64_t>();
  return std::vector<int64_t>(data, data + flat.numel());
}

Tensor log_add(const std::vector<Tensor>& terms) { return stack(terms).logsumexp(0); }

struct CtcTargets {
  Tensor labels;  // with blanks between: [N, 2S + 1]
  Tensor skip;    // whether position s may be reached from s - 2
};

CtcTargets ctc_targets(const Tensor& targets, const std::vector<int64_t>& lengths, int64_t blank) {
  int64_t longest = 0, start = 0;
  for (const int64_t n : lengths) longest = std::max(longest, n);
  const int64_t width = 2 * longest + 1;
  std::vector<int64_t> rows(lengths.size() * static_cast<size_t>(width), blank);
  for (size_t i = 0; i < lengths.size(); ++i) {
    const Tensor mine = targets.dim() == 1 ? targets : targets.select(0, static_cast<int64_t>(i));
    const std::vector<int64_t> row = to_vector(mine.narrow(0, targets.dim() == 1 ? start : 0, lengths[i]));
    start += lengths[i];
    for (size_t s = 0; s < row.size(); ++s) rows[i * static_cast<size_t>(width) + 2 * s + 1] = row[s];
  }
  const auto n = static_cast<int64_t>(lengths.size());
  const Tensor labels = tensor(rows).reshape({n, width});
  if (longest == 0) return {labels, zeros({n, width}, kBool)};
  const Tensor later = labels.narrow(1, 2, width - 2), earlier = labels.narrow(1, 0, width - 2);
  return {labels, cat({zeros({n, 2}, kBool), later.ne(blank).logical_and(later.ne(earlier))}, 1)};
}

Tensor ctc_forward(const Tensor& log_probs, const CtcTargets& t, const std::vector<int64_t>& times,
                   const std::vector<int64_t>& sizes) {
  const int64_t batch = log_probs.size(1), width = t.labels.size(1);
  const auto filled = [&](int64_t n, double v) { return full({batch, n}, Scalar(v), log_probs.dtype()); };
  const Tensor never = filled(1, kNever), forbidden = t.skip.logical_not();
  Tensor state = cat({filled(1, 0), filled(width, kNever)}, 1);
  std::vector<Tensor> results(static_cast<size_t>(batch));
  const auto end_of = [&](int64_t b) {
    const int64_t end = 2 * sizes[static_cast<size_t>(b)];
    const Tensor row = state.select(0, b);
    return end == 0 ? row.select(0, 0) : log_add({row.select(0, end), row.select(0, end - 1)});
  };
  int64_t steps = 0;
  for (int64_t b = 0; b < batch; ++b) {
    const auto i = static_cast<size_t>(b);
    steps = std::max(steps, times[i]);
    if (times[i] == 0)
      results[i] = sizes[i] == 0 ? state.select(0, b).select(0, 0) * 0 : state.select(0, b).select(0, 1);
  }
  for (int64_t s = 0; s < steps; ++s) {
    const Tensor emit = log_probs.select(0, s).gather(1, t.labels).clamp_min(kNever);
    if (s == 0) {
      const int64_t first = std::min<int64_t>(2, width);
      state = cat({emit.narrow(1, 0, first), filled(width - first, kNever)}, 1);
    } else {
      const Tensor one = cat({never, state.narrow(1, 0, width - 1)}, 1);
      const Tensor two =
          cat({never, never, state.narrow(1, 0, std::max<int64_t>(width - 2, 0))}, 1).narrow(1, 0, width);
      state = log_add({state, one, two.masked_fill(forbidden, Scalar(kNever))}) + emit;
    }
    for (int64_t b = 0; b < batch; ++b) {
      if (times[static_cast<size_t>(b)] == s + 1) results[static_cast<size_t>(b)] = end_of(b);
    }
  }
  return stack(results).neg();
}
}  // namespace

Tensor ctc_loss(const Tensor& log_probs_in, const Tensor& targets_in, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, std::string_view reduction, bool zero_infinity) {
  const bool batched = log_probs_in.dim() == 3;
  const Tensor log_probs = batched ? log_probs_in : log_probs_in.unsqueeze(1);
  const Tensor targets = batched ? targets_in : targets_in.reshape({1, -1});
  const std::vector<int64_t> times = to_vector(input_lengths), sizes = to_vector(target_lengths);
  const int64_t steps = log_probs.size(0), batch = log_probs.size(1);
  RT_CHECK(blank >= 0 && blank < log_probs.size(2), Value, "ctc_loss", "blank must be in label range");
  RT_CHECK(static_cast<int64_t>(times.size()) == batch && static_cast<int64_t>(sizes.size()) == batch, Shape,
           "ctc_loss", "input_lengths and target_lengths must be of size batch_size");
  int64_t total = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    RT_CHECK(times[i] >= 0 && times[i] <= steps, Value, "ctc_loss",
             "Expected input_lengths to have value at most ", steps, ", but got value ", times[i]);
    RT_CHECK(targets.dim() == 1 || (sizes[i] <= targets.size(1) && targets.size(0) == batch), Shape,
             "ctc_loss", "Expected targets of size ", batch, " x at least ", sizes[i], "; got ",
             targets.sizes());
    total += sizes[i];
  }
  RT_CHECK(targets.dim() != 1 || total == targets.size(0), Shape, "ctc_loss",
           "Expected targets of total length ", total, "; got ", targets.size(0));
  Tensor loss = ctc_forward(log_probs, ctc_targets(targets, sizes, blank), times, sizes);
  const Tensor impossible = loss.gt(1e29);
  // PyTorch's gradient takes log_probs for normalised: it has the term exp(log_probs), and the value has not.
  const Tensor valid = arange(steps).unsqueeze(1).lt(tensor(times));
  const Tensor prob = (log_probs.exp() - log_probs.exp().detach()) * valid.unsqueeze(2).to(loss.dtype());
  loss = loss + prob.sum(IntArrayRef({0, 2}));
  loss = loss.masked_fill(impossible, Scalar(zero_infinity ? 0.0 : kInfinity));
  if (reduction == "mean") return (loss / tensor(sizes).clamp_min(1).to(loss.dtype())).mean();
  if (reduction == "sum") return loss.sum();
  return batched ? loss : loss.squeeze(0);
}

}  // namespace rustorch::nn::functional
