// Losses as layers. reduction is "none", "mean" or "sum"; class weights are buffers.
#pragma once
#include <functional>

#include "rustorch/nn/linear.h"
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

/// A loss of two tensors: forward(input, target).
#define RT_LOSS_LAYER(Name, Options)                           \
  class Name##Impl : public LayerOf<Name##Impl, Options> {     \
   public:                                                     \
    using LayerOf::LayerOf;                                    \
    using Module::forward;                                     \
    Tensor forward(const Tensor& input, const Tensor& target); \
    std::string type_name() const override { return #Name; }   \
  };                                                           \
  using Name = ModuleHolder<Name##Impl>
/// A loss of three tensors.
#define RT_LOSS_LAYER3(Name, Options)                                  \
  class Name##Impl : public LayerOf<Name##Impl, Options> {             \
   public:                                                             \
    using LayerOf::LayerOf;                                            \
    using Module::forward;                                             \
    Tensor forward(const Tensor& a, const Tensor& b, const Tensor& c); \
    std::string type_name() const override { return #Name; }           \
  };                                                                   \
  using Name = ModuleHolder<Name##Impl>
/// A loss of two tensors with a buffer `weight`.
#define RT_WEIGHTED_LOSS(Name, Options)                        \
  class Name##Impl : public LayerOf<Name##Impl, Options> {     \
    RT_LAYER_CONSTRUCTORS(Name##Impl, Options);                \
    using Module::forward;                                     \
    Tensor forward(const Tensor& input, const Tensor& target); \
    std::string type_name() const override { return #Name; }   \
    Tensor weight;                                             \
  };                                                           \
  using Name = ModuleHolder<Name##Impl>

/// Options of losses that have no other than the reduction.
class ReductionOptions {
 public:
  ReductionOptions() = default;
  ReductionOptions(const char* reduction) : reduction_(reduction) {}
  ReductionOptions(std::string reduction) : reduction_(std::move(reduction)) {}
  RT_OPTION(std::string, reduction, "mean");
};
using L1LossOptions = ReductionOptions;
using MSELossOptions = ReductionOptions;
using SoftMarginLossOptions = ReductionOptions;
using MultiLabelMarginLossOptions = ReductionOptions;
RT_LOSS_LAYER(L1Loss, L1LossOptions);
RT_LOSS_LAYER(MSELoss, MSELossOptions);
RT_LOSS_LAYER(SoftMarginLoss, SoftMarginLossOptions);
RT_LOSS_LAYER(MultiLabelMarginLoss, MultiLabelMarginLossOptions);

class SmoothL1LossOptions {
 public:
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(double, beta, 1.0);
};
RT_LOSS_LAYER(SmoothL1Loss, SmoothL1LossOptions);

class HuberLossOptions {
 public:
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(double, delta, 1.0);
};
RT_LOSS_LAYER(HuberLoss, HuberLossOptions);

class HingeEmbeddingLossOptions {
 public:
  RT_OPTION(double, margin, 1.0);
  RT_OPTION(std::string, reduction, "mean");
};
RT_LOSS_LAYER(HingeEmbeddingLoss, HingeEmbeddingLossOptions);

class KLDivLossOptions {
 public:
  KLDivLossOptions() = default;
  KLDivLossOptions(const char* reduction) : reduction_(reduction) {}
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(bool, log_target, false);
};
RT_LOSS_LAYER(KLDivLoss, KLDivLossOptions);

class MarginOptions {
 public:
  MarginOptions(double margin = 0.0) : margin_(margin) {}
  RT_OPTION(double, margin, 0.0);
  RT_OPTION(std::string, reduction, "mean");
};
using CosineEmbeddingLossOptions = MarginOptions;
using MarginRankingLossOptions = MarginOptions;
RT_LOSS_LAYER3(CosineEmbeddingLoss, CosineEmbeddingLossOptions);
RT_LOSS_LAYER3(MarginRankingLoss, MarginRankingLossOptions);

class PoissonNLLLossOptions {
 public:
  RT_OPTION(bool, log_input, true);
  RT_OPTION(bool, full, false);
  RT_OPTION(double, eps, 1e-8);
  RT_OPTION(std::string, reduction, "mean");
};
RT_LOSS_LAYER(PoissonNLLLoss, PoissonNLLLossOptions);

class GaussianNLLLossOptions {
 public:
  RT_OPTION(bool, full, false);
  RT_OPTION(double, eps, 1e-6);
  RT_OPTION(std::string, reduction, "mean");
};
/// forward(input, target, var).
RT_LOSS_LAYER3(GaussianNLLLoss, GaussianNLLLossOptions);

class WeightedLossOptions {
 public:
  RT_OPTION(Tensor, weight, {});
  RT_OPTION(std::string, reduction, "mean");
};
using BCELossOptions = WeightedLossOptions;
using MultiLabelSoftMarginLossOptions = WeightedLossOptions;
RT_WEIGHTED_LOSS(BCELoss, BCELossOptions);
RT_WEIGHTED_LOSS(MultiLabelSoftMarginLoss, MultiLabelSoftMarginLossOptions);

class NLLLossOptions {
 public:
  RT_OPTION(Tensor, weight, {});
  RT_OPTION(int64_t, ignore_index, -100);
  RT_OPTION(std::string, reduction, "mean");
};
RT_WEIGHTED_LOSS(NLLLoss, NLLLossOptions);

class CrossEntropyLossOptions {
 public:
  RT_OPTION(Tensor, weight, {});
  RT_OPTION(int64_t, ignore_index, -100);
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(double, label_smoothing, 0.0);
};
/// Logits [N, C, ...] and classes [N, ...] or probabilities [N, C, ...].
RT_WEIGHTED_LOSS(CrossEntropyLoss, CrossEntropyLossOptions);

class MultiMarginLossOptions {
 public:
  RT_OPTION(int64_t, p, 1);
  RT_OPTION(double, margin, 1.0);
  RT_OPTION(Tensor, weight, {});
  RT_OPTION(std::string, reduction, "mean");
};
RT_WEIGHTED_LOSS(MultiMarginLoss, MultiMarginLossOptions);

class BCEWithLogitsLossOptions {
 public:
  RT_OPTION(Tensor, weight, {});
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(Tensor, pos_weight, {});
};
class BCEWithLogitsLossImpl : public LayerOf<BCEWithLogitsLossImpl, BCEWithLogitsLossOptions> {
  RT_LAYER_CONSTRUCTORS(BCEWithLogitsLossImpl, BCEWithLogitsLossOptions);
  using Module::forward;
  Tensor forward(const Tensor& input, const Tensor& target);
  std::string type_name() const override { return "BCEWithLogitsLoss"; }
  Tensor weight, pos_weight;
};
using BCEWithLogitsLoss = ModuleHolder<BCEWithLogitsLossImpl>;

class TripletMarginLossOptions {
 public:
  RT_OPTION(double, margin, 1.0);
  RT_OPTION(double, p, 2.0);
  RT_OPTION(double, eps, 1e-6);
  RT_OPTION(bool, swap, false);
  RT_OPTION(std::string, reduction, "mean");
};
/// forward(anchor, positive, negative).
RT_LOSS_LAYER3(TripletMarginLoss, TripletMarginLossOptions);

using DistanceFunction = std::function<Tensor(const Tensor&, const Tensor&)>;
class TripletMarginWithDistanceLossOptions {
 public:
  RT_OPTION(DistanceFunction, distance_function, {});
  RT_OPTION(double, margin, 1.0);
  RT_OPTION(bool, swap, false);
  RT_OPTION(std::string, reduction, "mean");
};
class TripletMarginWithDistanceLossImpl
    : public LayerOf<TripletMarginWithDistanceLossImpl, TripletMarginWithDistanceLossOptions> {
  RT_LAYER_CONSTRUCTORS(TripletMarginWithDistanceLossImpl, TripletMarginWithDistanceLossOptions);
  using Module::forward;
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);
  std::string type_name() const override { return "TripletMarginWithDistanceLoss"; }
};
using TripletMarginWithDistanceLoss = ModuleHolder<TripletMarginWithDistanceLossImpl>;

class CTCLossOptions {
 public:
  RT_OPTION(int64_t, blank, 0);
  RT_OPTION(std::string, reduction, "mean");
  RT_OPTION(bool, zero_infinity, false);
};
/// forward(log_probs [T, N, C], targets, input_lengths, target_lengths).
class CTCLossImpl : public LayerOf<CTCLossImpl, CTCLossOptions> {
 public:
  using LayerOf::LayerOf;
  using Module::forward;
  Tensor forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                 const Tensor& target_lengths);
  std::string type_name() const override { return "CTCLoss"; }
};
using CTCLoss = ModuleHolder<CTCLossImpl>;

}  // namespace rustorch::nn
