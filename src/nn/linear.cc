#include "rustorch/nn/linear.h"

#include <cmath>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using text::Fields;

void LinearImpl::reset() {
  weight = register_parameter("weight", empty({options.out_features(), options.in_features()}));
  bias = register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor());
  reset_parameters();
}

void LinearImpl::reset_parameters() {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const auto in = static_cast<double>(options.in_features());
  const double bound = in > 0 ? 1 / std::sqrt(in) : 0;
  init::uniform_(bias, -bound, bound);
}

Tensor LinearImpl::forward(const Tensor& input) { return linear(input, weight, maybe(bias)); }

std::string LinearImpl::extra_repr() const {
  return Fields()
      .add("in_features", options.in_features())
      .add("out_features", options.out_features())
      .add("bias", bias.defined());
}

void BilinearImpl::reset() {
  RT_CHECK(options.in1_features() > 0, Value, "Bilinear", "in1_features must be > 0, but got ",
           options.in1_features());
  weight = register_parameter(
      "weight", empty({options.out_features(), options.in1_features(), options.in2_features()}));
  bias = register_parameter("bias", options.bias() ? empty({options.out_features()}) : Tensor());
  const double bound = 1 / std::sqrt(static_cast<double>(options.in1_features()));
  init::uniform_(weight, -bound, bound);
  if (bias.defined()) init::uniform_(bias, -bound, bound);
}

Tensor BilinearImpl::forward(const Tensor& input1, const Tensor& input2) {
  return bilinear(input1, input2, weight, maybe(bias));
}

std::string BilinearImpl::extra_repr() const {
  return Fields()
      .add("in1_features", options.in1_features())
      .add("in2_features", options.in2_features())
      .add("out_features", options.out_features())
      .add("bias", bias.defined());
}

Tensor IdentityImpl::forward(const Tensor& input) { return input; }
std::string IdentityImpl::extra_repr() const { return ""; }

Tensor FlattenImpl::forward(const Tensor& input) {
  return flatten(input, options.start_dim(), options.end_dim());
}
std::string FlattenImpl::extra_repr() const {
  return Fields().add("start_dim", options.start_dim()).add("end_dim", options.end_dim());
}

Tensor UnflattenImpl::forward(const Tensor& input) {
  return unflatten(input, options.dim(), options.unflattened_size());
}
std::string UnflattenImpl::extra_repr() const {
  return Fields().add("dim", options.dim()).add("unflattened_size", options.unflattened_size());
}

}  // namespace rustorch::nn
