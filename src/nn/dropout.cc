#include "rustorch/nn/dropout.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

DropoutOptions::DropoutOptions(double p) : p_(p) {
  RT_CHECK(p >= 0 && p <= 1, Value, "Dropout", "dropout probability has to be between 0 and 1, but got ", p);
}

Tensor DropoutImpl::forward(const Tensor& x) {
  return options.inplace() ? dropout_(x, options.p(), is_training()) : dropout(x, options.p(), is_training());
}
Tensor Dropout1dImpl::forward(const Tensor& x) {
  return functional::dropout_nd(1, x, options.p(), is_training(), options.inplace());
}
Tensor Dropout2dImpl::forward(const Tensor& x) {
  return functional::dropout_nd(2, x, options.p(), is_training(), options.inplace());
}
Tensor Dropout3dImpl::forward(const Tensor& x) {
  return functional::dropout_nd(3, x, options.p(), is_training(), options.inplace());
}
Tensor AlphaDropoutImpl::forward(const Tensor& x) { return alpha_dropout(x, options.p(), is_training()); }
Tensor FeatureAlphaDropoutImpl::forward(const Tensor& x) {
  return feature_alpha_dropout(x, options.p(), is_training());
}

#define RT_TEXT(Name)                                                              \
  std::string Name##Impl::extra_repr() const {                                     \
    return text::Fields().add("p", options.p()).add("inplace", options.inplace()); \
  }
RT_TEXT(Dropout)
RT_TEXT(Dropout1d)
RT_TEXT(Dropout2d)
RT_TEXT(Dropout3d)
RT_TEXT(AlphaDropout)
RT_TEXT(FeatureAlphaDropout)
#undef RT_TEXT

}  // namespace rustorch::nn
