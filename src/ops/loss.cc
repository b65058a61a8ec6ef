// Losses: class-index losses on fused kernels, elementwise losses as one formula and a reduction.
#include <algorithm>
#include <cmath>

#include "autograd/transform_call.h"

#include "gen/impl.h"
#include "ops/dim_array.h"
#include "ops/loss_grad.h"
#include "ops/nn_common.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

// The gradient is grad_p * (a_p * softmax(x) - q), q and a_p constants: its derivative by x is that of
// softmax.
std::tuple<Tensor, Tensor> cross_entropy_double_backward(const Tensor& gg, const Tensor& grad,
                                                         const Tensor& self, const Tensor& target,
                                                         const std::optional<Tensor>& weight,
                                                         const Tensor& lse, std::string_view reduction,
                                                         int64_t ignore_index, double label_smoothing,
                                                         const std::array<bool, 2>& grad_mask) {
  const bool none = reduction == "none";
  Tensor by_grad, by_self;
  const int64_t classes = self.dim() == 1 ? 0 : 1;
  if (grad_mask[0]) {
    const Tensor unit = _cross_entropy_backward(ones_like(grad), self, target, weight, lse, reduction,
                                                ignore_index, label_smoothing);
    const Tensor product = mul(gg, unit);
    by_grad = none ? sum(product, IntArrayRef{classes}) : sum(product);
  }
  if (grad_mask[1]) {
    const Tensor wanted = ne(target, Scalar(ignore_index));
    const Tensor safe = where(wanted, target, zeros_like(target));
    const Tensor counted = to(wanted, self.dtype());
    Tensor w = counted, smooth = counted;
    if (weight && weight->defined()) {
      w = mul(counted, reshape(index_select(*weight, 0, reshape(safe, {-1})), safe.sizes()));
      smooth = mul(counted, mean(*weight));
    }
    Tensor a = label_smoothing > 0 ? add(mul(w, 1 - label_smoothing), mul(smooth, label_smoothing)) : w;
    a = mul(a, grad);
    if (reduction == "mean") a = div(a, sum(w));
    by_self = _softmax_backward(mul(gg, unsqueeze(a, classes)), softmax(self, classes), classes);
  }
  return {by_grad, by_self};
}

namespace impl {
namespace {

using nn_detail::kernel_dtype;
using nn_detail::kernel_input;
using nn_detail::reduce_loss;

// Two planes, the largest logit and the logarithm of the sum: their sum would round small losses away.
DimArray lse_sizes(IntArrayRef positions) {
  DimArray sizes(positions);
  sizes.insert(0, 2);
  return sizes;
}

// Fills the geometry of a class loss on input [N, C, ...] (or [C] with a 0-d target).
ClassLossCall class_call(const char* op, ClassLossKind kind, IntArrayRef sizes, const Tensor& target,
                         const std::optional<Tensor>& weight, std::string_view reduction,
                         int64_t ignore_index, DType compute) {
  ClassLossCall call{};
  call.kind = kind;
  const size_t class_dim = sizes.size() == 1 ? 0 : 1;
  call.outer = class_dim == 0 ? 1 : sizes[0];
  call.classes = sizes[class_dim];
  call.inner = numel_of(sizes.slice(class_dim + 1));
  call.reduction = nn_detail::parse_reduction(op, reduction);
  call.ignore_index = ignore_index;
  RT_CHECK(is_integral(target.dtype(), false), DType, op, "expected scalar type Long but found ",
           dtype_scalar_name(target.dtype()));
  call.target = contiguous_raw(cast_raw(target, kInt64));
  if (weight && weight->defined()) {
    RT_CHECK(weight->dim() == 1 && weight->size(0) == call.classes, Shape, op,
             "weight tensor should be defined either for all ", call.classes,
             " classes or no classes but got weight tensor of shape: ", weight->sizes());
    call.weight = kernel_input(*weight, compute);
  }
  return call;
}

void check_target_shape(const char* op, const Tensor& self, const Tensor& target) {
  RT_CHECK(self.dim() >= 1, Shape, op, "input tensor should be at least 1D; got a 0-d tensor");
  if (self.dim() == 1) {
    RT_CHECK(target.dim() == 0 || (target.dim() == 1 && target.size(0) == 1), Shape, op,
             "For 1D input, 1D target must be a single class; got target of shape ", target.sizes());
    return;
  }
  RT_CHECK(target.dim() == self.dim() - 1, Shape, op,
           "0D or 1D target tensor expected, multi-target not supported; got ", target.sizes(), " for input ",
           self.sizes());
  RT_CHECK(target.size(0) == self.size(0), Value, op, "Expected input batch_size (", self.size(0),
           ") to match target batch_size (", target.size(0), ").");
  for (int64_t d = 1; d < target.dim(); ++d)
    RT_CHECK(target.size(d) == self.size(d + 1), Shape, op, "Expected target size ", self.sizes(), ", got ",
             target.sizes());
}

// The fused kernels give no gradient to the weights of classes, as in PyTorch.
void refuse_weight_grad(const char* op, const std::optional<Tensor>& weight) {
  RT_CHECK(!GradMode::is_enabled() || !weight || !weight->defined() || !weight->requires_grad(), Autograd, op,
           "The function '", op,
           "' is not differentiable with respect to argument 'weight'. This input cannot have ",
           "requires_grad True.");
}

// Class probabilities: -sum_c p_c w_c logp_c, through the differentiable pieces.
Tensor soft_cross_entropy(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                          std::string_view reduction, double label_smoothing) {
  RT_CHECK(is_floating_point(target.dtype()), DType, "cross_entropy",
           "Expected floating point type for target with class probabilities, got ",
           dtype_scalar_name(target.dtype()));
  const int64_t class_dim = self.dim() == 1 ? 0 : 1;
  const int64_t classes = self.size(class_dim);
  const Tensor logp = rustorch::log_softmax(self, class_dim);
  Tensor p = target;
  if (label_smoothing > 0)
    p = rustorch::add(rustorch::mul(p, 1 - label_smoothing), label_smoothing / static_cast<double>(classes));
  Tensor terms = rustorch::mul(logp, p);
  if (weight && weight->defined()) {
    DimVector shape(static_cast<size_t>(self.dim()), 1);
    shape[static_cast<size_t>(class_dim)] = classes;
    terms = rustorch::mul(terms, rustorch::reshape(*weight, shape));
  }
  switch (nn_detail::parse_reduction("cross_entropy", reduction)) {
    case Reduction::Mean:
      return rustorch::neg(
          rustorch::div(rustorch::sum(terms),
                        static_cast<double>(classes == 0 ? 0 : self.numel() / classes)));  // nan of nothing
    case Reduction::Sum:
      return rustorch::neg(rustorch::sum(terms));
    default:
      return rustorch::neg(rustorch::sum(terms, IntArrayRef{class_dim}));
  }
}

}  // namespace

Tensor cross_entropy(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                     std::string_view reduction, int64_t ignore_index, double label_smoothing) {
  RT_CHECK(label_smoothing >= 0 && label_smoothing <= 1, Value, "cross_entropy",
           "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  if (self.sizes() == target.sizes()) {
    RT_CHECK(ignore_index < 0, Value, "cross_entropy",
             "ignore_index is not supported for floating point target");
    return soft_cross_entropy(self, target, weight, reduction, label_smoothing);
  }
  refuse_weight_grad("cross_entropy", weight);
  return std::get<0>(
      rustorch::_cross_entropy(self, target, weight, reduction, ignore_index, label_smoothing));
}

std::tuple<Tensor, Tensor> _cross_entropy(const Tensor& self, const Tensor& target,
                                          const std::optional<Tensor>& weight, std::string_view reduction,
                                          int64_t ignore_index, double label_smoothing) {
  constexpr const char* op = "cross_entropy";
  check_target_shape(op, self, target);
  const DType compute = kernel_dtype(op, self.dtype());
  ClassLossCall call = class_call(op, ClassLossKind::CrossEntropy, self.sizes(), target, weight, reduction,
                                  ignore_index, compute);
  call.input = kernel_input(self, compute);
  call.label_smoothing = label_smoothing;
  const bool none = call.reduction == Reduction::None;
  call.out = make_tensor(none ? target.sizes() : IntArrayRef{}, compute, self.device());
  call.lse = make_tensor(lse_sizes(target.sizes()).ref(), compute, self.device());
  backend_for(call.out).class_loss(call);
  return {cast_raw(call.out, self.dtype()), call.lse};
}

Tensor _cross_entropy_backward(const Tensor& grad, const Tensor& self, const Tensor& target,
                               const std::optional<Tensor>& weight, const Tensor& lse,
                               std::string_view reduction, int64_t ignore_index, double label_smoothing) {
  constexpr const char* op = "cross_entropy";
  const DType compute = kernel_dtype(op, self.dtype());
  ClassLossCall call = class_call(op, ClassLossKind::CrossEntropyBackward, self.sizes(), target, weight,
                                  reduction, ignore_index, compute);
  call.input = kernel_input(self, compute);
  call.label_smoothing = label_smoothing;
  call.grad = kernel_input(grad, compute);
  call.lse = lse;
  call.out = make_tensor(self.sizes(), compute, self.device());
  backend_for(call.out).class_loss(call);
  return cast_raw(call.out, self.dtype());
}

Tensor nll_loss(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                std::string_view reduction, int64_t ignore_index) {
  refuse_weight_grad("nll_loss", weight);
  return rustorch::_nll_loss(self, target, weight, reduction, ignore_index);
}

Tensor _nll_loss(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                 std::string_view reduction, int64_t ignore_index) {
  constexpr const char* op = "nll_loss";
  check_target_shape(op, self, target);
  const DType compute = kernel_dtype(op, self.dtype());
  ClassLossCall call =
      class_call(op, ClassLossKind::Nll, self.sizes(), target, weight, reduction, ignore_index, compute);
  call.input = kernel_input(self, compute);
  call.out =
      make_tensor(call.reduction == Reduction::None ? target.sizes() : IntArrayRef{}, compute, self.device());
  backend_for(call.out).class_loss(call);
  return cast_raw(call.out, self.dtype());
}

Tensor _nll_loss_backward(const Tensor& grad, IntArrayRef input_size, const Tensor& target,
                          const std::optional<Tensor>& weight, std::string_view reduction,
                          int64_t ignore_index) {
  constexpr const char* op = "nll_loss";
  const DType compute = kernel_dtype(op, grad.dtype());
  ClassLossCall call = class_call(op, ClassLossKind::NllBackward, input_size, target, weight, reduction,
                                  ignore_index, compute);
  call.grad = kernel_input(grad, compute);
  call.out = make_tensor(input_size, compute, grad.device());
  backend_for(call.out).class_loss(call);
  return cast_raw(call.out, grad.dtype());
}

Tensor kl_div(const Tensor& self, const Tensor& target, std::string_view reduction, bool log_target) {
  RT_CHECK(!is_integral(self.dtype(), true) && !is_integral(target.dtype(), true), DType, "kl_div",
           "Integral inputs not supported.");
  Tensor loss;
  if (log_target)
    loss = rustorch::mul(rustorch::exp(target), rustorch::sub(target, self));
  else
    loss = rustorch::sub(rustorch::xlogy(target, target), rustorch::mul(target, self));
  return reduce_loss("kl_div", loss, reduction);
}

Tensor mse_loss(const Tensor& self, const Tensor& target, std::string_view reduction) {
  return reduce_loss("mse_loss", rustorch::_squared_error(self, target), reduction);
}

Tensor l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction) {
  const bool plain = self.is_floating_point() && target.is_floating_point();  // integers wrap before abs()
  return reduce_loss(
      "l1_loss", plain ? rustorch::_absolute_error(self, target) : rustorch::abs(rustorch::sub(self, target)),
      reduction);
}

Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction, double beta) {
  RT_CHECK(beta >= 0, Value, "smooth_l1_loss", "smooth_l1_loss does not support negative values for beta.");
  if (beta == 0) return rustorch::l1_loss(self, target, reduction);
  return reduce_loss("smooth_l1_loss", rustorch::_smooth_l1(self, target, beta), reduction);
}

Tensor huber_loss(const Tensor& self, const Tensor& target, std::string_view reduction, double delta) {
  RT_CHECK(delta > 0, Value, "huber_loss", "huber_loss does not support non-positive values for delta.");
  if (is_integral(self.dtype(), true)) {
    RT_CHECK(!is_integral(target.dtype(), true), NotImplemented, "huber_loss",
             "\"huber_cpu\" not implemented for '", dtype_scalar_name(self.dtype()), "'");
    RT_CHECK(false, DType, "huber_loss", "result type ", dtype_scalar_name(target.dtype()),
             " can't be cast to the desired output type ", dtype_scalar_name(self.dtype()));
  }
  const Tensor loss = rustorch::_huber(self, target, delta);
  return reduce_loss("huber_loss", loss.dtype() == self.dtype() ? loss : loss.to(self.dtype()), reduction);
}

namespace {
/// Outside [0, 1] a probability makes the loss nan (through its logarithms): who is to blame is looked for
/// only then. Devices that would have to be waited for are not asked.
void check_probabilities(const Tensor& self, const Tensor& loss) {
  if (!self.device().is_cpu() || self.numel() == 0 || transforming()) return;
  NoGradGuard no_grad;
  if (!std::isnan(rustorch::sum(loss).item<double>())) return;
  RT_CHECK(rustorch::all(rustorch::logical_and(rustorch::ge(self, 0), rustorch::le(self, 1))).item<bool>(),
           Value, "binary_cross_entropy", "all elements of input should be between 0 and 1");
}
}  // namespace

Tensor binary_cross_entropy(const Tensor& self, const Tensor& target, const std::optional<Tensor>& weight,
                            std::string_view reduction) {
  if (self.sizes() != target.sizes()) [[unlikely]]
    raise_shape(
        "binary_cross_entropy",
        rustorch::cat("Using a target size (", target.sizes(), ") that is different to the input size (",
                      self.sizes(), ") is deprecated. Please ensure they have the same size."),
        self.sizes(), target.sizes());
  Tensor loss = rustorch::_binary_cross_entropy(self, target);
  if (weight && weight->defined()) loss = rustorch::mul(loss, *weight);
  loss = reduce_loss("binary_cross_entropy", loss, reduction);
  check_probabilities(self, loss);
  return loss;
}

Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target,
                                        const std::optional<Tensor>& weight,
                                        const std::optional<Tensor>& pos_weight, std::string_view reduction) {
  if (self.sizes() != target.sizes()) [[unlikely]]
    raise_shape("binary_cross_entropy_with_logits",
                rustorch::cat("Target size (", target.sizes(), ") must be the same as input size (",
                              self.sizes(), ")"),
                self.sizes(), target.sizes());
  Tensor loss;
  if (pos_weight && pos_weight->defined())
    loss = rustorch::_bce_with_logits_pos(self, target, *pos_weight);
  else
    loss = rustorch::_binary_cross_entropy_with_logits(self, target);
  if (weight && weight->defined()) loss = rustorch::mul(loss, *weight);
  return reduce_loss("binary_cross_entropy_with_logits", loss, reduction);
}

}  // namespace impl
}  // namespace rustorch
