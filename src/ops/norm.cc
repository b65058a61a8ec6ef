// Normalisations: checks, shapes, running statistics.
#include "autograd/record.h"
#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"
#include "ops/norm_grad.h"

namespace rustorch::impl {
namespace {

using nn_detail::kernel_dtype;
using nn_detail::kernel_input;

Tensor optional_input(const std::optional<Tensor>& t, DType compute) {
  return t && t->defined() ? kernel_input(*t, compute) : Tensor();
}

bool has(const std::optional<Tensor>& t) { return t && t->defined(); }

int64_t tail_numel(const Tensor& t, size_t first) { return numel_of(t.sizes().slice(first)); }

NormCall batch_call(NormKind kind, const Tensor& input, bool channels_last, bool training) {
  NormCall call{};
  call.kind = kind;
  call.outer = input.size(0);
  call.channels = input.size(1);
  call.inner = tail_numel(input, 2);
  call.channels_last = channels_last;
  call.training = training;
  return call;
}

void check_channels(const char* op, const std::optional<Tensor>& t, const char* name, int64_t channels) {
  if (has(t))
    RT_CHECK(t->numel() == channels, Shape, op, name, " should contain ", channels, " elements not ",
             t->numel());
}

// running = (1 - momentum) * running + momentum * fresh.
void move_statistics(const std::optional<Tensor>& running, const Tensor& fresh, double momentum) {
  if (!has(running)) return;
  const Tensor next = rustorch::add(rustorch::mul(cast_raw(*running, fresh.dtype()), 1 - momentum),
                                    rustorch::mul(fresh, momentum));
  backend_for(*running).copy(*running, next);
  bump_version(*running);
}

}  // namespace

Tensor batch_norm(const Tensor& input, const std::optional<Tensor>& weight, const std::optional<Tensor>& bias,
                  const std::optional<Tensor>& running_mean, const std::optional<Tensor>& running_var,
                  bool training, double momentum, double eps, bool) {
  if (input.dim() == 1 && input.numel() == 0) return rustorch::clone(input);
  return std::get<0>(
      rustorch::_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps));
}

std::tuple<Tensor, Tensor, Tensor> _batch_norm(const Tensor& input, const std::optional<Tensor>& weight,
                                               const std::optional<Tensor>& bias,
                                               const std::optional<Tensor>& running_mean,
                                               const std::optional<Tensor>& running_var, bool training,
                                               double momentum, double eps) {
  constexpr const char* op = "batch_norm";
  RT_CHECK(input.dim() >= 2, Shape, op, "Expected at least 2-dimensional input; got ", input.sizes());
  const DType compute = kernel_dtype(op, input.dtype());
  const int64_t channels = input.size(1);
  check_channels(op, weight, "weight", channels);
  check_channels(op, bias, "bias", channels);
  check_channels(op, running_mean, "running_mean", channels);
  check_channels(op, running_var, "running_var", channels);
  RT_CHECK(training || (has(running_mean) && has(running_var)), Value, op,
           "running_mean and running_var must be defined in evaluation mode");
  const bool last = lies_channels_last(input);
  NormCall call = batch_call(NormKind::Batch, input, last, training);
  const int64_t count = call.outer * call.inner;
  RT_CHECK(!training || count > 1 || input.numel() == 0, Value, op,
           "Expected more than 1 value per channel when training, got input size ", input.sizes());
  call.eps = eps;
  call.in = image_like(input, compute, last);
  call.out = make_image(input.sizes(), compute, input.device(), last);
  call.weight = optional_input(weight, compute);
  call.bias = optional_input(bias, compute);
  if (training) {
    call.mean = make_tensor({channels}, compute, input.device());
    call.rstd = make_tensor({channels}, compute, input.device());
  } else {
    // copies: the running statistics may change before the backward
    call.mean = rustorch::clone(kernel_input(*running_mean, compute));
    call.rstd = rustorch::rsqrt(rustorch::add(kernel_input(*running_var, compute), eps));
  }
  if (input.numel() > 0) {
    backend_for(call.out).norm(call);
  } else if (training) {
    backend_for(call.mean).fill(call.mean, Scalar(0));
    backend_for(call.rstd).fill(call.rstd, Scalar(0));
  }
  if (training && input.numel() > 0) {
    move_statistics(running_mean, call.mean, momentum);
    if (has(running_var)) {
      // rstd^-2 - eps is the biased variance; the running one is unbiased
      const double unbias = static_cast<double>(count) / static_cast<double>(count - 1);
      const Tensor biased = rustorch::sub(rustorch::pow(call.rstd, Scalar(-2)), eps);
      move_statistics(running_var, rustorch::mul(biased, unbias), momentum);
    }
  }
  return {cast_raw(call.out, input.dtype()), call.mean, call.rstd};
}

namespace {

// The gradients of input (where call.out is defined), weight and bias, in these dtypes.
std::tuple<Tensor, Tensor, Tensor> run_backward(NormCall& call, const Tensor& input, DType parameter,
                                                bool need_weight, bool need_bias) {
  const DType compute = call.in.dtype();
  const int64_t channels[] = {call.channels};
  if (need_weight) call.grad_weight = make_tensor(channels, compute, input.device());
  if (need_bias) call.grad_bias = make_tensor(channels, compute, input.device());
  if (input.numel() > 0) {
    backend_for(call.in).norm(call);
  } else {
    for (const Tensor* t : {&call.grad_weight, &call.grad_bias})
      if (t->defined() && t->numel() > 0) backend_for(*t).fill(*t, Scalar(0));
  }
  const auto give = [](const Tensor& t, DType dtype) { return t.defined() ? cast_raw(t, dtype) : t; };
  return {give(call.out, input.dtype()), give(call.grad_weight, parameter), give(call.grad_bias, parameter)};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> _batch_norm_backward(const Tensor& grad, const Tensor& input,
                                                        const std::optional<Tensor>& weight,
                                                        const Tensor& mean, const Tensor& rstd, bool training,
                                                        bool need_input, bool need_weight, bool need_bias) {
  const DType compute = kernel_dtype("batch_norm", input.dtype());
  const bool last = lies_channels_last(input);
  NormCall call = batch_call(NormKind::BatchBackward, input, last, training);
  call.in = image_like(input, compute, last);
  call.grad = image_like(grad, compute, last);
  call.weight = optional_input(weight, compute);
  call.mean = contiguous_raw(mean);
  call.rstd = contiguous_raw(rstd);
  if (need_input) call.out = make_image(input.sizes(), compute, input.device(), last);
  return run_backward(call, input, has(weight) ? weight->dtype() : input.dtype(), need_weight, need_bias);
}

namespace {

// Checks normalized_shape against the input; the call's outer and channels.
NormCall row_call(const char* op, NormKind kind, const Tensor& input, IntArrayRef normalized_shape,
                  const std::optional<Tensor>& weight, const std::optional<Tensor>& bias) {
  const size_t n = normalized_shape.size(), dims = static_cast<size_t>(input.dim());
  RT_CHECK(n >= 1, Shape, op,
           "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
           "but got normalized_shape = ",
           normalized_shape);
  if (dims < n || !(input.sizes().slice(dims - n) == normalized_shape)) [[unlikely]]
    raise_shape(op,
                rustorch::cat("Given normalized_shape=", normalized_shape, ", expected input with shape [*, ",
                              normalized_shape, "], but got input of size ", input.sizes()),
                input.sizes(), normalized_shape);
  for (const auto* t : {&weight, &bias})
    if (has(*t))
      RT_CHECK((*t)->sizes() == normalized_shape, Shape, op, "Expected ", t == &weight ? "weight" : "bias",
               " to be of same shape as normalized_shape, but got ", (*t)->sizes(),
               " and normalized_shape = ", normalized_shape);
  NormCall call{};
  call.kind = kind;
  call.channels = numel_of(normalized_shape);
  call.outer = numel_of(input.sizes().slice(0, dims - n));
  return call;
}

DimVector statistics_shape(const Tensor& input, size_t normalized) {
  DimVector shape = input.sizes().vec();
  for (size_t i = shape.size() - normalized; i < shape.size(); ++i) shape[i] = 1;
  return shape;
}

std::tuple<Tensor, Tensor, Tensor> run_rows(const char* op, NormCall call, const Tensor& input,
                                            size_t normalized, const std::optional<Tensor>& weight,
                                            const std::optional<Tensor>& bias, double eps) {
  const DType compute = kernel_dtype(op, input.dtype());
  call.eps = eps;
  call.in = kernel_input(input, compute);
  call.out = make_tensor(input.sizes(), compute, input.device());
  call.weight = optional_input(weight, compute);
  call.bias = optional_input(bias, compute);
  const DimVector shape = statistics_shape(input, normalized);
  if (call.centered) call.mean = make_tensor(shape, compute, input.device());
  call.rstd = make_tensor(shape, compute, input.device());
  if (input.numel() > 0) backend_for(call.out).norm(call);
  return {cast_raw(call.out, input.dtype()), call.mean, call.rstd};
}

}  // namespace

Tensor layer_norm(const Tensor& input, IntArrayRef normalized_shape, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, double eps, bool) {
  return std::get<0>(rustorch::_layer_norm(input, normalized_shape, weight, bias, eps));
}

std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& input, IntArrayRef normalized_shape,
                                                     const std::optional<Tensor>& weight,
                                                     const std::optional<Tensor>& bias, double eps) {
  const auto all = rustorch::_layer_norm(input, normalized_shape, weight, bias, eps);
  const auto statistics = [&](const Tensor& t) { return rustorch::to(t, input.dtype()).detach(); };
  return {std::get<0>(all), statistics(std::get<1>(all)), statistics(std::get<2>(all))};
}

namespace {

// What must be added to `out` so that it has the values that the rounded statistics give; has no gradient.
Tensor to_rounded_statistics(const Tensor& out, const Tensor& input, const Tensor& mean, const Tensor& rstd,
                             const std::optional<Tensor>& weight, const std::optional<Tensor>& bias) {
  GradModeGuard off(false);
  DimVector shape(static_cast<size_t>(input.dim()), 1);
  shape[1] = input.size(1);
  const auto wide = [&](const Tensor& t) { return rustorch::reshape(rustorch::to(t, kFloat32), shape); };
  Tensor y = rustorch::mul(rustorch::sub(rustorch::to(input, kFloat32), wide(mean)), wide(rstd));
  if (has(weight)) y = rustorch::mul(y, wide(*weight));
  if (has(bias)) y = rustorch::add(y, wide(*bias));
  return rustorch::sub(rustorch::to(y, out.dtype()), out.detach());
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> native_batch_norm(const Tensor& input, const std::optional<Tensor>& weight,
                                                     const std::optional<Tensor>& bias,
                                                     const std::optional<Tensor>& running_mean,
                                                     const std::optional<Tensor>& running_var, bool training,
                                                     double momentum, double eps) {
  const auto [out, mean, rstd] =
      rustorch::_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps);
  DType dtype = input.dtype();  // that of the parameters, where these have one of their own
  for (const auto* t : {&running_var, &running_mean, &bias, &weight})
    if (has(*t)) dtype = (*t)->dtype();
  if (!training) {
    const Tensor none = make_tensor({0}, dtype, input.device());
    return {out, none, none};
  }
  const Tensor m = rustorch::to(mean, dtype).detach(), r = rustorch::to(rstd, dtype).detach();
  if ((dtype != kFloat16 && dtype != kBFloat16) || input.numel() == 0) return {out, m, r};
  // as PyTorch: the three results fit together
  return {rustorch::add(out, to_rounded_statistics(out, input, m, r, weight, bias)), m, r};
}

std::tuple<Tensor, Tensor, Tensor> _layer_norm(const Tensor& input, IntArrayRef normalized_shape,
                                               const std::optional<Tensor>& weight,
                                               const std::optional<Tensor>& bias, double eps) {
  const NormCall call = row_call("layer_norm", NormKind::Layer, input, normalized_shape, weight, bias);
  return run_rows("layer_norm", call, input, normalized_shape.size(), weight, bias, eps);
}

Tensor rms_norm(const Tensor& input, IntArrayRef normalized_shape, const std::optional<Tensor>& weight,
                std::optional<double> eps) {
  const double least = eps                                    ? *eps
                       : real_type(input.dtype()) == kFloat64 ? 2.220446049250313e-16
                                                              : 1.1920928955078125e-07;
  if (input.is_complex()) {  // the mean of x * x, which is complex too
    std::vector<int64_t> last;
    for (size_t i = 0; i < normalized_shape.size(); ++i) last.push_back(-1 - static_cast<int64_t>(i));
    const Tensor square = rustorch::mean(rustorch::mul(input, input), IntArrayRef(last), true);
    const Tensor scaled = rustorch::mul(input, rustorch::rsqrt(rustorch::add(square, least)));
    return weight ? rustorch::mul(scaled, *weight) : scaled;
  }
  return std::get<0>(rustorch::_rms_norm(input, normalized_shape, weight, least));
}

std::tuple<Tensor, Tensor> _rms_norm(const Tensor& input, IntArrayRef normalized_shape,
                                     const std::optional<Tensor>& weight, double eps) {
  NormCall call = row_call("rms_norm", NormKind::Layer, input, normalized_shape, weight, std::nullopt);
  call.centered = false;
  const auto all = run_rows("rms_norm", call, input, normalized_shape.size(), weight, std::nullopt, eps);
  return {image_like(std::get<0>(all), input.dtype(), lies_channels_last(input)), std::get<2>(all)};
}

std::tuple<Tensor, Tensor, Tensor> _layer_norm_backward(const Tensor& grad, const Tensor& input,
                                                        IntArrayRef normalized_shape,
                                                        const std::optional<Tensor>& weight,
                                                        const Tensor& mean, const Tensor& rstd, bool centered,
                                                        bool need_input, bool need_weight, bool need_bias) {
  constexpr const char* op = "layer_norm";
  const DType compute = kernel_dtype(op, input.dtype());
  NormCall call = row_call(op, NormKind::LayerBackward, input, normalized_shape, weight, std::nullopt);
  call.centered = centered;
  call.in = kernel_input(input, compute);
  call.grad = kernel_input(grad, compute);
  call.weight = optional_input(weight, compute);
  if (centered) call.mean = contiguous_raw(mean);
  call.rstd = contiguous_raw(rstd);  // vmap repeats one that all examples share
  if (need_input) call.out = make_tensor(input.sizes(), compute, input.device());
  if (need_weight) call.grad_weight = make_tensor(normalized_shape, compute, input.device());
  if (need_bias) call.grad_bias = make_tensor(normalized_shape, compute, input.device());
  backend_for(call.in).norm(call);
  const auto give = [&](const Tensor& t) { return t.defined() ? cast_raw(t, input.dtype()) : t; };
  return {give(call.out), give(call.grad_weight), give(call.grad_bias)};
}

Tensor group_norm(const Tensor& input, int64_t num_groups, const std::optional<Tensor>& weight,
                  const std::optional<Tensor>& bias, double eps, bool) {
  return std::get<0>(rustorch::_group_norm(input, num_groups, weight, bias, eps));
}

namespace {

NormCall group_call(NormKind kind, const Tensor& input, int64_t num_groups) {
  constexpr const char* op = "group_norm";
  RT_CHECK(input.dim() >= 2, Shape, op, "Expected at least 2 dimensions for input tensor but received ",
           input.dim());
  RT_CHECK(num_groups > 0, Value, op, "Expected num groups to be greater than 0, got ", num_groups);
  RT_CHECK(input.size(1) > 0, Shape, op, "Expected number of channels to be greater than 0, got ",
           input.size(1));
  RT_CHECK(input.size(1) % num_groups == 0, Shape, op,
           "Expected number of channels in input to be divisible by num_groups, but got input of shape ",
           input.sizes(), " and num_groups=", num_groups);
  RT_CHECK(tail_numel(input, 2) > 0 || input.size(0) == 0, Shape, op,
           "Expected HxW to be greater than 0, got ", tail_numel(input, 2));
  NormCall call{};
  call.kind = kind;
  call.outer = input.size(0);
  call.channels = input.size(1);
  call.inner = tail_numel(input, 2);
  call.groups = num_groups;
  return call;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> _group_norm(const Tensor& input, int64_t num_groups,
                                               const std::optional<Tensor>& weight,
                                               const std::optional<Tensor>& bias, double eps) {
  constexpr const char* op = "group_norm";
  NormCall call = group_call(NormKind::Group, input, num_groups);
  for (const auto* t : {&weight, &bias})
    if (has(*t))
      RT_CHECK((*t)->dim() == 1 && (*t)->numel() == call.channels, Shape, op, "Expected ",
               t == &weight ? "weight" : "bias",
               " to be a vector of size equal to the number of channels in input, but got it of shape ",
               (*t)->sizes(), " and input of shape ", input.sizes());
  if (input.numel() == 0 && is_integral(input.dtype(), true)) {
    const Tensor moments = make_tensor({call.outer, num_groups}, input.dtype(), input.device());
    return {make_like(input, input.dtype()), moments, rustorch::zeros_like(moments)};
  }
  const DType compute = kernel_dtype(op, input.dtype());
  call.eps = eps;
  call.in = kernel_input(input, compute);
  call.out = make_tensor(input.sizes(), compute, input.device());
  call.weight = optional_input(weight, compute);
  call.bias = optional_input(bias, compute);
  call.mean = make_tensor({call.outer, num_groups}, compute, input.device());
  call.rstd = make_tensor({call.outer, num_groups}, compute, input.device());
  if (input.numel() > 0) backend_for(call.out).norm(call);
  return {image_like(call.out, input.dtype(), lies_channels_last(input)), call.mean, call.rstd};
}

std::tuple<Tensor, Tensor, Tensor> _group_norm_backward(const Tensor& grad, const Tensor& input,
                                                        int64_t num_groups,
                                                        const std::optional<Tensor>& weight,
                                                        const Tensor& mean, const Tensor& rstd,
                                                        bool need_input, bool need_weight, bool need_bias) {
  const DType compute = kernel_dtype("group_norm", input.dtype());
  NormCall call = group_call(NormKind::GroupBackward, input, num_groups);
  call.in = kernel_input(input, compute);
  call.grad = kernel_input(grad, compute);
  call.weight = optional_input(weight, compute);
  call.mean = contiguous_raw(mean);
  call.rstd = contiguous_raw(rstd);
  if (need_input) call.out = make_tensor(input.sizes(), compute, input.device());
  return run_backward(call, input, input.dtype(), need_weight, need_bias);
}

Tensor instance_norm(const Tensor& input, const std::optional<Tensor>& weight,
                     const std::optional<Tensor>& bias, const std::optional<Tensor>& running_mean,
                     const std::optional<Tensor>& running_var, bool use_input_stats, double momentum,
                     double eps, bool) {
  constexpr const char* op = "instance_norm";
  RT_CHECK(input.dim() >= 2, Shape, op, "Expected at least 2-dimensional input; got ", input.sizes());
  RT_CHECK(use_input_stats || (has(running_mean) && has(running_var)), Value, op,
           "Expected running_mean and running_var to be defined when use_input_stats is false");
  const int64_t batch = input.size(0), channels = input.size(1);
  DimVector folded = input.sizes().vec();
  folded[0] = 1;
  folded[1] = batch * channels;
  const auto repeated = [&](const std::optional<Tensor>& t) -> std::optional<Tensor> {
    if (!has(t)) return std::nullopt;
    return rustorch::reshape(rustorch::expand(rustorch::unsqueeze(*t, 0), {batch, channels}),
                             {batch * channels});
  };
  // the running statistics of a channel move by the mean over the batch
  const auto copied = [&](const std::optional<Tensor>& t) -> std::optional<Tensor> {
    if (!has(t)) return std::nullopt;
    GradModeGuard off(false);
    return rustorch::clone(*repeated(t));
  };
  const std::optional<Tensor> mean = copied(running_mean), var = copied(running_var);
  const Tensor x = rustorch::reshape(rustorch::contiguous(input), folded);
  const Tensor out =
      rustorch::batch_norm(x, repeated(weight), repeated(bias), mean, var, use_input_stats, momentum, eps);
  if (use_input_stats) {
    GradModeGuard off(false);
    const auto give_back = [&](const std::optional<Tensor>& running, const std::optional<Tensor>& moved) {
      if (!has(running)) return;
      backend_for(*running).copy(
          *running, rustorch::mean(rustorch::reshape(*moved, {batch, channels}), IntArrayRef{0}));
      bump_version(*running);
    };
    give_back(running_mean, mean);
    give_back(running_var, var);
  }
  return rustorch::reshape(out, input.sizes());
}

}  // namespace rustorch::impl
