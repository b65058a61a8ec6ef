#include "rustorch/nn/padding.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace {
const char* mode_of(std::string_view kind) {
  if (kind == "ReflectionPad") return "reflect";
  if (kind == "ReplicationPad") return "replicate";
  if (kind == "CircularPad") return "circular";
  return "constant";
}
}  // namespace

template <size_t N>
Tensor PadImpl<N>::forward(const Tensor& x) {
  const std::string_view mode = mode_of(kind_);
  constexpr auto kDims = static_cast<int64_t>(N);
  RT_CHECK(mode != "circular" || x.dim() == kDims + 1 || x.dim() == kDims + 2, Value, type_name(),
           "expected ", kDims + 1, "D or ", kDims + 2, "D input (got ", x.dim(), "D input)");
  return mode == "constant" ? pad(x, options.padding(), mode, options.value())
                            : pad(x, options.padding(), mode);
}

template <size_t N>
std::string PadImpl<N>::type_name() const {
  return cat(kind_, N, "d");
}

template <size_t N>
std::string PadImpl<N>::extra_repr() const {
  if (std::string_view(kind_) != "ConstantPad") return text::py(options.padding().ref());
  return text::Fields().add("padding", options.padding().ref()).add("value", options.value());
}

template class PadImpl<1>;
template class PadImpl<2>;
template class PadImpl<3>;

}  // namespace rustorch::nn
