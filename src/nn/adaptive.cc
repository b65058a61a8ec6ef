#include "rustorch/nn/adaptive.h"

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

void AdaptiveLogSoftmaxWithLossImpl::reset() {
  const auto& o = options;
  bounds_ = o.cutoffs();
  bounds_.push_back(o.n_classes());
  RT_CHECK(!o.cutoffs().empty(), Value, type_name(), "cutoffs should be a sequence of length larger than 0");
  for (size_t i = 0; i + 1 < bounds_.size(); ++i) {
    RT_CHECK(
        bounds_[i] > 0 && bounds_[i] < bounds_[i + 1], Value, type_name(),
        "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each "
        "value is between 1 and n_classes-1");
  }
  const auto clusters = static_cast<int64_t>(o.cutoffs().size());
  head = register_module("head", Linear(o.in_features(), bounds_[0] + clusters, o.head_bias()));
  tail = register_module("tail", ModuleList());
  for (size_t i = 0; i + 1 < bounds_.size(); ++i) {
    const auto hidden = static_cast<int64_t>(std::floor(static_cast<double>(o.in_features()) /
                                                        std::pow(o.div_value(), static_cast<double>(i + 1))));
    // One after the other: C++ leaves open which argument comes first, and each draws random numbers.
    const Linear first(o.in_features(), hidden, false);
    const Linear second(hidden, bounds_[i + 1] - bounds_[i], false);
    tail->push_back(Sequential(first, second));
  }
}

std::tuple<Tensor, Tensor> AdaptiveLogSoftmaxWithLossImpl::forward(const Tensor& input,
                                                                   const Tensor& target) {
  const bool batched = target.dim() > 0;
  RT_CHECK(target.dim() <= 1 && input.dim() == target.dim() + 1, Shape, type_name(),
           "0D or 1D target tensor expected, multi-target not supported; got input ", input.sizes(),
           " and target ", target.sizes());
  const Tensor x = batched ? input : input.unsqueeze(0), y = batched ? target : target.unsqueeze(0);
  RT_CHECK(x.size(0) == y.size(0), Shape, type_name(),
           "Input and target should have the same size in the batch dimension.");
  RT_CHECK(y.numel() == 0 || (y.min().item<int64_t>() >= 0 && y.max().item<int64_t>() < options.n_classes()),
           Index, type_name(), "Target values should be in [0, ", options.n_classes() - 1, "]");
  Tensor head_index = y, output = zeros({y.size(0)}, input.dtype(), input.device());
  for (size_t i = 0; i + 1 < bounds_.size(); ++i) {
    const int64_t low = bounds_[i], high = bounds_[i + 1];
    const Tensor rows = y.ge(low).logical_and(y.lt(high)).nonzero().squeeze(1);
    if (rows.numel() == 0) continue;
    const Tensor scores = tail->ptr(static_cast<int64_t>(i))->forward(x.index_select(0, rows));
    const Tensor own = (y.index_select(0, rows) - low).unsqueeze(1);
    output = output.index_add(0, rows, log_softmax(scores, 1).gather(1, own).squeeze(1));
    head_index = head_index.index_fill(0, rows, Scalar(bounds_[0] + static_cast<int64_t>(i)));
  }
  const Tensor all = log_softmax(head(x), 1);
  output = output + all.gather(1, head_index.unsqueeze(1)).squeeze(1);
  return {batched ? output : output.squeeze(0), output.neg().mean()};
}

Tensor AdaptiveLogSoftmaxWithLossImpl::full_log_prob(const Tensor& input, const Tensor& head_output) {
  const Tensor all = log_softmax(head_output, 1);
  std::vector<Tensor> parts = {all.narrow(1, 0, bounds_[0])};
  for (int64_t i = 0; i + 1 < static_cast<int64_t>(bounds_.size()); ++i) {
    parts.push_back(log_softmax(tail->ptr(i)->forward(input), 1) +
                    all.select(1, bounds_[0] + i).unsqueeze(1));
  }
  return cat(parts, 1);
}

Tensor AdaptiveLogSoftmaxWithLossImpl::log_prob(const Tensor& input) {
  return full_log_prob(input, head(input));
}

Tensor AdaptiveLogSoftmaxWithLossImpl::predict(const Tensor& input) {
  const Tensor scores = head(input), output = scores.argmax(1);
  const Tensor rows = output.ge(bounds_[0]).nonzero().squeeze(1);
  if (rows.numel() == 0) return output;
  const Tensor best = full_log_prob(input.index_select(0, rows), scores.index_select(0, rows)).argmax(1);
  return output.index_copy(0, rows, best);
}

}  // namespace rustorch::nn
