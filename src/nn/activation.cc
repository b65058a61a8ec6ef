#include "rustorch/nn/activation.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using text::field;
using text::Fields;

namespace {
std::string inplace_text(bool on) { return on ? "inplace=True" : ""; }

int64_t implicit_dim(const std::optional<int64_t>& dim, const Tensor& x) {
  return dim ? *dim : (x.dim() == 0 || x.dim() == 1 || x.dim() == 3) ? 0 : 1;
}
}  // namespace

/// An activation without options.
#define RT_FORWARD(Name, expression)                                 \
  Tensor Name##Impl::forward(const Tensor& x) { return expression; } \
  std::string Name##Impl::extra_repr() const { return ""; }
RT_FORWARD(Sigmoid, sigmoid(x))
RT_FORWARD(Tanh, tanh(x))
RT_FORWARD(LogSigmoid, log_sigmoid(x))
RT_FORWARD(Softsign, functional::softsign(x))
RT_FORWARD(Tanhshrink, functional::tanhshrink(x))
#undef RT_FORWARD

/// An activation and its twin in place, with the arguments after the input and the text.
#define RT_FORWARD(Name, function, text_, ...)                               \
  Tensor Name##Impl::forward(const Tensor& x) {                              \
    if (options.inplace()) return function##_(x __VA_OPT__(, ) __VA_ARGS__); \
    return function(x __VA_OPT__(, ) __VA_ARGS__);                           \
  }                                                                          \
  std::string Name##Impl::extra_repr() const { return text_; }
RT_FORWARD(ReLU, relu, inplace_text(options.inplace()))
RT_FORWARD(SELU, selu, inplace_text(options.inplace()))
RT_FORWARD(SiLU, silu, inplace_text(options.inplace()))
RT_FORWARD(Mish, mish, inplace_text(options.inplace()))
RT_FORWARD(Hardswish, hardswish, "")
RT_FORWARD(Hardsigmoid, hardsigmoid, "")
RT_FORWARD(ELU, elu, Fields().add("alpha", options.alpha()).add_if(options.inplace(), "inplace", true),
           options.alpha())
RT_FORWARD(CELU, celu, Fields().add("alpha", options.alpha()).add_if(options.inplace(), "inplace", true),
           options.alpha())
RT_FORWARD(
    LeakyReLU, leaky_relu,
    Fields().add("negative_slope", options.negative_slope()).add_if(options.inplace(), "inplace", true),
    options.negative_slope())
RT_FORWARD(Threshold, threshold,
           Fields()
               .add("threshold", options.threshold())
               .add("value", options.value())
               .add_if(options.inplace(), "inplace", true),
           options.threshold(), options.value())
#undef RT_FORWARD

Tensor ReLU6Impl::forward(const Tensor& x) {
  return options.inplace() ? hardtanh_(x, 0.0, 6.0) : hardtanh(x, 0.0, 6.0);
}
std::string ReLU6Impl::extra_repr() const { return inplace_text(options.inplace()); }

Tensor HardtanhImpl::forward(const Tensor& x) {
  RT_CHECK(options.max_val() > options.min_val(), Value, "Hardtanh", "max_val must be larger than min_val");
  if (options.inplace()) return hardtanh_(x, options.min_val(), options.max_val());
  return hardtanh(x, options.min_val(), options.max_val());
}
std::string HardtanhImpl::extra_repr() const {
  return Fields()
      .add("min_val", options.min_val())
      .add("max_val", options.max_val())
      .add_if(options.inplace(), "inplace", true);
}

Tensor RReLUImpl::forward(const Tensor& x) {
  const Tensor y = rrelu(x, options.lower(), options.upper(), is_training());
  return options.inplace() ? x.copy_(y) : y;
}
std::string RReLUImpl::extra_repr() const {
  return Fields()
      .add("lower", options.lower())
      .add("upper", options.upper())
      .add_if(options.inplace(), "inplace", true);
}

void PReLUImpl::reset() {
  weight = register_parameter("weight", empty({options.num_parameters()}));
  init::constant_(weight, options.init());
}
Tensor PReLUImpl::forward(const Tensor& x) { return prelu(x, weight); }
std::string PReLUImpl::extra_repr() const { return field("num_parameters", options.num_parameters()); }

Tensor GELUImpl::forward(const Tensor& x) { return gelu(x, options.approximate()); }
std::string GELUImpl::extra_repr() const { return field("approximate", options.approximate()); }

Tensor GLUImpl::forward(const Tensor& x) { return functional::glu(x, options.dim()); }
std::string GLUImpl::extra_repr() const { return field("dim", options.dim()); }

Tensor SoftplusImpl::forward(const Tensor& x) { return softplus(x, options.beta(), options.threshold()); }
std::string SoftplusImpl::extra_repr() const {
  return Fields().add("beta", options.beta()).add("threshold", options.threshold());
}

Tensor SoftshrinkImpl::forward(const Tensor& x) { return softshrink(x, options.lambd()); }
std::string SoftshrinkImpl::extra_repr() const { return text::py(options.lambd()); }
Tensor HardshrinkImpl::forward(const Tensor& x) { return hardshrink(x, options.lambd()); }
std::string HardshrinkImpl::extra_repr() const { return text::py(options.lambd()); }

Tensor SoftmaxImpl::forward(const Tensor& x) { return softmax(x, implicit_dim(options.dim(), x)); }
std::string SoftmaxImpl::extra_repr() const { return field("dim", options.dim()); }
Tensor SoftminImpl::forward(const Tensor& x) { return softmax(x.neg(), implicit_dim(options.dim(), x)); }
std::string SoftminImpl::extra_repr() const { return field("dim", options.dim()); }
Tensor LogSoftmaxImpl::forward(const Tensor& x) { return log_softmax(x, implicit_dim(options.dim(), x)); }
std::string LogSoftmaxImpl::extra_repr() const { return field("dim", options.dim()); }

Tensor Softmax2dImpl::forward(const Tensor& x) {
  RT_CHECK(x.dim() == 3 || x.dim() == 4, Value, "Softmax2d", "expected input to be 3D or 4D, got ", x.dim(),
           "D instead");
  return softmax(x, -3);
}
std::string Softmax2dImpl::extra_repr() const { return ""; }

}  // namespace rustorch::nn
