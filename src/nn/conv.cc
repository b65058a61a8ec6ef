#include "rustorch/nn/conv.h"

#include <cmath>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace {
/// New values for the parameters.
void draw(const Tensor& weight, const Tensor& bias) {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  const int64_t fan_in = weight.numel() / std::max<int64_t>(weight.size(0), 1);
  if (!bias.defined() || fan_in == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  init::uniform_(bias, -bound, bound);
}

/// Checks what both kinds share and makes their parameters: (weight, bias).
template <class Options>
std::pair<Tensor, Tensor> make_weights(const std::string& name, Module& m, const Options& o, int64_t lead,
                                       int64_t second) {
  RT_CHECK(o.groups() > 0, Value, name, "groups must be a positive integer");
  RT_CHECK(o.in_channels() % o.groups() == 0, Value, name, "in_channels must be divisible by groups");
  RT_CHECK(o.out_channels() % o.groups() == 0, Value, name, "out_channels must be divisible by groups");
  std::vector<int64_t> shape = {lead, second};
  for (const int64_t k : o.kernel_size().ref()) shape.push_back(k);
  const Tensor weight = m.register_parameter("weight", empty(IntArrayRef(shape)));
  const Tensor bias = m.register_parameter("bias", o.bias() ? empty({o.out_channels()}) : Tensor());
  draw(weight, bias);
  return {weight, bias};
}

bool all_are(IntArrayRef list, int64_t v) {
  for (const int64_t x : list) {
    if (x != v) return false;
  }
  return true;
}

template <class Options>
std::string describe(const Options& o, const std::string& padding, IntArrayRef output_padding) {
  text::Fields f;
  f.raw("", text::py(o.in_channels())).raw("", text::py(o.out_channels()));
  f.add("kernel_size", o.kernel_size().ref()).add("stride", o.stride().ref());
  if (!padding.empty()) f.raw("padding", padding);
  f.add_if(!all_are(o.dilation(), 1), "dilation", o.dilation().ref());
  f.add_if(!all_are(output_padding, 0), "output_padding", output_padding);
  f.add_if(o.groups() != 1, "groups", o.groups());
  f.add_if(!o.bias(), "bias", false);
  if (o.padding_mode() != "zeros") f.raw("padding_mode", o.padding_mode());
  return f;
}

template <size_t N, class Padding>
Tensor conv(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias, const ConvOptions<N>& o,
            const Padding& padding) {
  if constexpr (N == 1) return conv1d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
  if constexpr (N == 2) return conv2d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
  if constexpr (N == 3) return conv3d(x, weight, bias, o.stride(), padding, o.dilation(), o.groups());
}

/// (left, right) of every dimension, last first, for pad().
template <size_t N>
std::vector<int64_t> sides(const ConvOptions<N>& o) {
  std::vector<int64_t> out;
  for (size_t i = N; i-- > 0;) {
    int64_t left = o.padding()[i], right = left;
    if (o.padding_name() == "same") {
      const int64_t total = o.dilation()[i] * (o.kernel_size()[i] - 1);
      left = total / 2;
      right = total - left;
    } else if (o.padding_name() == "valid") {
      left = right = 0;
    }
    out.push_back(left);
    out.push_back(right);
  }
  return out;
}
}  // namespace

template <size_t N>
void ConvNdImpl<N>::reset() {
  const auto& o = this->options;
  const std::string& named = o.padding_name();
  RT_CHECK(named.empty() || named == "same" || named == "valid", Value, type_name(),
           "Invalid padding string '", named, "', should be one of {'same', 'valid'}");
  RT_CHECK(named != "same" || all_are(o.stride(), 1), Value, type_name(),
           "padding='same' is not supported for strided convolutions");
  const std::string& mode = o.padding_mode();
  RT_CHECK(mode == "zeros" || mode == "reflect" || mode == "replicate" || mode == "circular", Value,
           type_name(), "padding_mode must be one of zeros, reflect, replicate, circular; got '", mode, "'");
  const int64_t groups = std::max<int64_t>(o.groups(), 1);
  std::tie(weight, bias) = make_weights(type_name(), *this, o, o.out_channels(), o.in_channels() / groups);
}

template <size_t N>
void ConvNdImpl<N>::reset_parameters() {
  draw(weight, bias);
}

template <size_t N>
Tensor ConvNdImpl<N>::forward(const Tensor& input) {
  const auto& o = this->options;
  if (o.padding_mode() != "zeros") {
    return conv<N>(pad(input, sides(o), o.padding_mode()), weight, maybe(bias), o,
                   IntArrayRef(ExpandingArray<N>(0)));
  }
  if (!o.padding_name().empty()) {
    return conv<N>(input, weight, maybe(bias), o, std::string_view(o.padding_name()));
  }
  return conv<N>(input, weight, maybe(bias), o, o.padding().ref());
}

template <size_t N>
std::string ConvNdImpl<N>::type_name() const {
  return cat("Conv", N, "d");
}

template <size_t N>
std::string ConvNdImpl<N>::extra_repr() const {
  const auto& o = this->options;
  const std::string padding = !o.padding_name().empty() ? o.padding_name()
                              : all_are(o.padding(), 0) ? ""
                                                        : text::py(o.padding().ref());
  return describe(o, padding, {});
}

// ---- transposed

template <size_t N>
void ConvTransposeNdImpl<N>::reset() {
  const auto& o = this->options;
  RT_CHECK(o.padding_mode() == "zeros", Value, type_name(), "Only \"zeros\" padding mode is supported for ",
           type_name());
  const int64_t groups = std::max<int64_t>(o.groups(), 1);
  std::tie(weight, bias) = make_weights(type_name(), *this, o, o.in_channels(), o.out_channels() / groups);
}

template <size_t N>
void ConvTransposeNdImpl<N>::reset_parameters() {
  draw(weight, bias);
}

template <size_t N>
Tensor ConvTransposeNdImpl<N>::forward(const Tensor& x, IntArrayRef output_size) {
  const auto& o = this->options;
  std::vector<int64_t> extra = o.output_padding().ref().vec();
  if (!output_size.empty()) {
    const size_t lead = static_cast<size_t>(x.dim()) - N;
    if (output_size.size() == lead + N) output_size = output_size.slice(lead);
    RT_CHECK(output_size.size() == N, Value, type_name(), "for ", x.dim(), "D input, output_size must have ",
             N, " or ", lead + N, " elements (got ", output_size.size(), ")");
    for (size_t d = 0; d < N; ++d) {
      const int64_t low = (x.size(static_cast<int64_t>(lead + d)) - 1) * o.stride()[d] - 2 * o.padding()[d] +
                          o.dilation()[d] * (o.kernel_size()[d] - 1) + 1;
      extra[d] = output_size[d] - low;
      RT_CHECK(extra[d] >= 0 && extra[d] < o.stride()[d], Value, type_name(), "requested an output size of ",
               output_size, ", but valid sizes in dim ", d, " range from ", low, " to ",
               low + o.stride()[d] - 1);
    }
  }
  const auto b = maybe(bias);
  if constexpr (N == 1) {
    return conv_transpose1d(x, weight, b, o.stride(), o.padding(), extra, o.groups(), o.dilation());
  } else if constexpr (N == 2) {
    return conv_transpose2d(x, weight, b, o.stride(), o.padding(), extra, o.groups(), o.dilation());
  } else {
    return conv_transpose3d(x, weight, b, o.stride(), o.padding(), extra, o.groups(), o.dilation());
  }
}

template <size_t N>
std::string ConvTransposeNdImpl<N>::type_name() const {
  return cat("ConvTranspose", N, "d");
}

template <size_t N>
std::string ConvTransposeNdImpl<N>::extra_repr() const {
  const auto& o = this->options;
  return describe(o, all_are(o.padding(), 0) ? "" : text::py(o.padding().ref()), o.output_padding());
}

template class ConvNdImpl<1>;
template class ConvNdImpl<2>;
template class ConvNdImpl<3>;
template class ConvTransposeNdImpl<1>;
template class ConvTransposeNdImpl<2>;
template class ConvTransposeNdImpl<3>;

}  // namespace rustorch::nn
