#include "rustorch/nn/loss.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/nn/shape.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace F = functional;

using T = const Tensor&;

Tensor L1LossImpl::forward(T x, T y) { return l1_loss(x, y, options.reduction()); }
Tensor MSELossImpl::forward(T x, T y) { return mse_loss(x, y, options.reduction()); }
Tensor SoftMarginLossImpl::forward(T x, T y) { return F::soft_margin_loss(x, y, options.reduction()); }
Tensor MultiLabelMarginLossImpl::forward(T x, T y) {
  return F::multilabel_margin_loss(x, y, options.reduction());
}
Tensor SmoothL1LossImpl::forward(T x, T y) {
  return F::smooth_l1_loss(x, y, std::string_view(options.reduction()), options.beta());
}
Tensor HuberLossImpl::forward(T x, T y) { return huber_loss(x, y, options.reduction(), options.delta()); }
Tensor HingeEmbeddingLossImpl::forward(T x, T y) {
  return F::hinge_embedding_loss(x, y, options.margin(), options.reduction());
}
Tensor KLDivLossImpl::forward(T x, T y) {
  return F::kl_div(x, y, std::string_view(options.reduction()), options.log_target());
}
Tensor CosineEmbeddingLossImpl::forward(T a, T b, T y) {
  return F::cosine_embedding_loss(a, b, y, options.margin(), options.reduction());
}
Tensor MarginRankingLossImpl::forward(T a, T b, T y) {
  return F::margin_ranking_loss(a, b, y, options.margin(), options.reduction());
}
Tensor PoissonNLLLossImpl::forward(T x, T y) {
  return F::poisson_nll_loss(x, y, options.log_input(), options.full(), options.eps(), options.reduction());
}
Tensor GaussianNLLLossImpl::forward(T x, T y, T var) {
  return F::gaussian_nll_loss(x, y, var, options.full(), options.eps(), options.reduction());
}
Tensor TripletMarginLossImpl::forward(T a, T p, T n) {
  return F::triplet_margin_loss(a, p, n, options.margin(), options.p(), options.eps(), options.swap(),
                                options.reduction());
}
void TripletMarginWithDistanceLossImpl::reset() {
  if (!options.distance_function()) register_module("distance_function", PairwiseDistance());
}
Tensor TripletMarginWithDistanceLossImpl::forward(T a, T p, T n) {
  return F::triplet_margin_with_distance_loss(a, p, n, options.distance_function(), options.margin(),
                                              options.swap(), options.reduction());
}
Tensor CTCLossImpl::forward(T log_probs, T targets, T input_lengths, T target_lengths) {
  return F::ctc_loss(log_probs, targets, input_lengths, target_lengths, options.blank(), options.reduction(),
                     options.zero_infinity());
}

void BCELossImpl::reset() { weight = register_buffer("weight", options.weight()); }
Tensor BCELossImpl::forward(T x, T y) { return F::binary_cross_entropy(x, y, weight, options.reduction()); }

void MultiLabelSoftMarginLossImpl::reset() { weight = register_buffer("weight", options.weight()); }
Tensor MultiLabelSoftMarginLossImpl::forward(T x, T y) {
  return F::multilabel_soft_margin_loss(x, y, weight, options.reduction());
}

void NLLLossImpl::reset() { weight = register_buffer("weight", options.weight()); }
Tensor NLLLossImpl::forward(T x, T y) {
  return nll_loss(x, y, maybe(weight), options.reduction(), options.ignore_index());
}

void CrossEntropyLossImpl::reset() { weight = register_buffer("weight", options.weight()); }
Tensor CrossEntropyLossImpl::forward(T x, T y) {
  return cross_entropy(x, y, maybe(weight), options.reduction(), options.ignore_index(),
                       options.label_smoothing());
}

void MultiMarginLossImpl::reset() {
  RT_CHECK(options.p() == 1 || options.p() == 2, Value, "MultiMarginLoss",
           "only p == 1 and p == 2 supported");
  weight = register_buffer("weight", options.weight());
}
Tensor MultiMarginLossImpl::forward(T x, T y) {
  return F::multi_margin_loss(x, y, options.p(), options.margin(), weight, options.reduction());
}

void BCEWithLogitsLossImpl::reset() {
  weight = register_buffer("weight", options.weight());
  pos_weight = register_buffer("pos_weight", options.pos_weight());
}
Tensor BCEWithLogitsLossImpl::forward(T x, T y) {
  RT_CHECK(x.sizes() == y.sizes(), Value, "BCEWithLogitsLoss", "Target size (", y.sizes(),
           ") must be the same as input size (", x.sizes(), ")");
  return binary_cross_entropy_with_logits(x, y, maybe(weight), maybe(pos_weight), options.reduction());
}

}  // namespace rustorch::nn
