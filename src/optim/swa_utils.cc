#include "rustorch/optim/swa_utils.h"

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/nn/norm.h"
#include "rustorch/ops.h"

namespace rustorch::optim {

namespace {
void check_decay(double decay) {
  RT_CHECK(decay >= 0.0 && decay <= 1.0, Value, "get_ema_avg_fn", "Invalid decay value ", decay,
           " provided. Please provide a value in [0,1] range.");
}
bool has_fractions(const Tensor& t) { return t.is_floating_point() || t.is_complex(); }
}  // namespace

MultiAverageFn get_ema_multi_avg_fn(double decay) {
  check_decay(decay);
  return [decay](TensorList ema, TensorList current, const Tensor&) {
    const NoGradGuard no_grad;
    for (size_t i = 0; i < ema.size(); ++i) {
      if (has_fractions(ema[i])) {
        ema[i].lerp_(current[i], 1 - decay);
      } else {
        const Tensor kept = ema[i] * decay;
        ema[i].copy_(kept + current[i] * (1 - decay));
      }
    }
  };
}

MultiAverageFn get_swa_multi_avg_fn() {
  return [](TensorList averages, TensorList current, const Tensor& count) {
    const NoGradGuard no_grad;
    for (size_t i = 0; i < averages.size(); ++i) {
      const Tensor& a = averages[i];
      if (has_fractions(a)) {
        a.lerp_(current[i], 1 / (count.item<double>() + 1));
      } else {
        a.add_((current[i] - a).floor_divide(count.item<int64_t>() + 1));
      }
    }
  };
}

AverageFn get_ema_avg_fn(double decay) {
  check_decay(decay);
  return [decay](const Tensor& ema, const Tensor& current, const Tensor&) {
    const NoGradGuard no_grad;
    const Tensor kept = ema * decay;
    return kept + current * (1 - decay);
  };
}

AverageFn get_swa_avg_fn() {
  return [](const Tensor& average, const Tensor& current, const Tensor& count) {
    const NoGradGuard no_grad;
    return average + (current - average) / (count + 1);
  };
}

AveragedModelImpl::AveragedModelImpl(const nn::Module& model, AveragedModelOptions options)
    : options_(std::move(options)) {
  RT_CHECK(!options_.avg_fn() || !options_.multi_avg_fn(), Value, "AveragedModel",
           "Only one of avg_fn and multi_avg_fn should be provided");
  module = model.clone();
  n_averaged = register_buffer("n_averaged", zeros({}, kInt64));
  register_module("module", module);
  if (options_.device()) to(*options_.device());
}

std::vector<Tensor> AveragedModelImpl::averaged(const nn::Module& model) const {
  std::vector<Tensor> out = model.parameters();
  if (!options_.use_buffers()) return out;
  for (const Tensor& t : model.buffers()) out.push_back(t);
  return out;
}

void AveragedModelImpl::update_parameters(const nn::Module& model) {
  const NoGradGuard no_grad;
  std::vector<Tensor> mine, theirs;
  for (const Tensor& t : averaged(*module)) mine.push_back(t.detach());
  for (const Tensor& t : averaged(model)) theirs.push_back(t.detach());
  RT_CHECK(mine.size() == theirs.size(), Value, "AveragedModel", "the model has ", theirs.size(),
           " tensors; expected ", mine.size());
  for (size_t i = 0; i < mine.size(); ++i) theirs[i] = theirs[i].to(mine[i].device());
  if (n_averaged.item<int64_t>() == 0) {
    for (size_t i = 0; i < mine.size(); ++i) mine[i].copy_(theirs[i]);
  } else if (options_.avg_fn()) {
    for (size_t i = 0; i < mine.size(); ++i) {
      mine[i].copy_(options_.avg_fn()(mine[i], theirs[i], n_averaged.to(mine[i].device())));
    }
  } else {
    const MultiAverageFn average = options_.multi_avg_fn() ? options_.multi_avg_fn() : get_swa_multi_avg_fn();
    average(mine, theirs, n_averaged);
  }
  if (!options_.use_buffers()) {
    const std::vector<Tensor> own = module->buffers(), others = model.buffers();
    for (size_t i = 0; i < own.size() && i < others.size(); ++i) {
      own[i].detach().copy_(others[i].detach().to(own[i].device()));
    }
  }
  n_averaged.add_(1);
}

// ---- batch statistics

namespace {
/// f on the options and running statistics of every batch norm, whatever its number of dimensions.
template <class F>
void for_each_batch_norm(nn::Module& model, F&& f) {
  model.apply([&](nn::Module& m) {
    const auto one = [&](auto* norm) {
      if (norm != nullptr) f(*norm);
    };
    one(dynamic_cast<nn::BatchNormImpl<0>*>(&m));
    one(dynamic_cast<nn::BatchNormImpl<1>*>(&m));
    one(dynamic_cast<nn::BatchNormImpl<2>*>(&m));
    one(dynamic_cast<nn::BatchNormImpl<3>*>(&m));
  });
}
}  // namespace

void update_bn(const std::function<std::optional<Tensor>()>& next, nn::Module& model,
               std::optional<Device> device) {
  std::vector<std::optional<double>> momenta;
  for_each_batch_norm(model, [&](auto& norm) {
    norm.reset_running_stats();
    momenta.push_back(norm.options.momentum());
    norm.options.momentum(std::nullopt);
  });
  if (momenta.empty()) return;
  const bool was_training = model.is_training();
  model.train();
  {
    const NoGradGuard no_grad;
    while (const std::optional<Tensor> batch = next()) model(device ? batch->to(*device) : *batch);
  }
  size_t at = 0;
  for_each_batch_norm(model, [&](auto& norm) {
    const std::optional<double> momentum = momenta[at++];
    if (momentum) norm.options.momentum(*momentum);
  });
  model.train(was_training);
}

void update_bn(const std::vector<Tensor>& batches, nn::Module& model, std::optional<Device> device) {
  size_t at = 0;
  const auto next = [&]() -> std::optional<Tensor> {
    if (at == batches.size()) return std::nullopt;
    return batches[at++];
  };
  update_bn(next, model, device);
}

}  // namespace rustorch::optim
