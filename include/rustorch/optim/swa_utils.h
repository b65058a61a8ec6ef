// Averages of weights: stochastic weight averaging (Izmailov et al. 2018) and exponential averages.
//
//   rt::optim::AveragedModel ema(net, rt::optim::AveragedModelOptions().multi_avg_fn(
//                                         rt::optim::get_ema_multi_avg_fn(0.999)));
//   ...; optimizer.step(); ema->update_parameters(*net);
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "rustorch/nn/module.h"
#include "rustorch/option.h"

namespace rustorch::optim {

/// (average, parameter, how many were averaged) -> the new average.
using AverageFn = std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)>;
/// The same on lists, in place.
using MultiAverageFn = std::function<void(TensorList, TensorList, const Tensor&)>;

/// The exponential average with `decay`. Throws Value unless it is in [0, 1].
AverageFn get_ema_avg_fn(double decay = 0.999);
MultiAverageFn get_ema_multi_avg_fn(double decay = 0.999);
/// The equal-weights average.
AverageFn get_swa_avg_fn();
MultiAverageFn get_swa_multi_avg_fn();

class AveragedModelOptions {
 public:
  RT_OPTIONAL(Device, device, std::nullopt);
  RT_OPTION(AverageFn, avg_fn, {});
  RT_OPTION(MultiAverageFn, multi_avg_fn, {});
  RT_OPTION(bool, use_buffers, false);
};

/// A copy of a model (which must be Cloneable) whose parameters, and buffers on request, are averages;
/// without a function the equal average. State: n_averaged, module.*.
class AveragedModelImpl : public nn::Module {
 public:
  explicit AveragedModelImpl(const nn::Module& model, AveragedModelOptions options = {});
  template <class Impl>
  explicit AveragedModelImpl(const nn::ModuleHolder<Impl>& model, AveragedModelOptions options = {})
      : AveragedModelImpl(static_cast<const nn::Module&>(*model), std::move(options)) {}
  Tensor forward(const Tensor& input) override { return (*module)(input); }
  /// Takes the current values of the model into the averages.
  void update_parameters(const nn::Module& model);
  template <class Impl>
  void update_parameters(const nn::ModuleHolder<Impl>& model) {
    update_parameters(static_cast<const nn::Module&>(*model));
  }
  std::string type_name() const override { return "AveragedModel"; }
  std::shared_ptr<nn::Module> module;
  Tensor n_averaged;

 private:
  std::vector<Tensor> averaged(const nn::Module& model) const;
  AveragedModelOptions options_;
};
using AveragedModel = nn::ModuleHolder<AveragedModelImpl>;

/// Computes the running statistics of batch normalisation anew from one pass over the batches.
void update_bn(const std::vector<Tensor>& batches, nn::Module& model,
               std::optional<Device> device = std::nullopt);
/// The same from a source that gives nothing at its end.
void update_bn(const std::function<std::optional<Tensor>()>& next, nn::Module& model,
               std::optional<Device> device = std::nullopt);

}  // namespace rustorch::optim
