// AdaptiveLogSoftmaxWithLoss: softmax over many classes in clusters (Grave et al. 2017).
#pragma once
#include <tuple>

#include "rustorch/nn/container.h"
#include "rustorch/nn/linear.h"

namespace rustorch::nn {

class AdaptiveLogSoftmaxWithLossOptions {
 public:
  AdaptiveLogSoftmaxWithLossOptions(int64_t in_features, int64_t n_classes, std::vector<int64_t> cutoffs)
      : in_features_(in_features), n_classes_(n_classes), cutoffs_(std::move(cutoffs)) {}
  RT_OPTION(int64_t, in_features, 0);
  RT_OPTION(int64_t, n_classes, 0);
  RT_OPTION(std::vector<int64_t>, cutoffs, {});
  RT_OPTION(double, div_value, 4.0);
  RT_OPTION(bool, head_bias, false);
};

/// Classes 0 .. cutoffs[0] in a head, the others in clusters of ever smaller features.
class AdaptiveLogSoftmaxWithLossImpl
    : public LayerOf<AdaptiveLogSoftmaxWithLossImpl, AdaptiveLogSoftmaxWithLossOptions> {
  RT_LAYER_CONSTRUCTORS(AdaptiveLogSoftmaxWithLossImpl, AdaptiveLogSoftmaxWithLossOptions);
  using Module::forward;
  /// (log probability of each target, mean negative log likelihood).
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& target);
  /// Log probabilities of all classes: [N, in_features] -> [N, n_classes].
  Tensor log_prob(const Tensor& input);
  /// The most probable class of each row.
  Tensor predict(const Tensor& input);
  std::string type_name() const override { return "AdaptiveLogSoftmaxWithLoss"; }
  Linear head{nullptr};
  ModuleList tail{nullptr};

 private:
  Tensor full_log_prob(const Tensor& input, const Tensor& head_output);
  std::vector<int64_t> bounds_;  // the cutoffs and n_classes
};
using AdaptiveLogSoftmaxWithLoss = ModuleHolder<AdaptiveLogSoftmaxWithLossImpl>;

}  // namespace rustorch::nn
