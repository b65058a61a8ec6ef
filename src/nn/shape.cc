#include "rustorch/nn/shape.h"

#include "nn/text.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using text::field;
using text::Fields;

Tensor FoldImpl::forward(const Tensor& x) {
  const auto& o = options;
  return functional::fold(x, o.output_size(), o.kernel_size(), o.dilation(), o.padding(), o.stride());
}
std::string FoldImpl::extra_repr() const {
  const auto& o = options;
  return Fields()
      .add("output_size", o.output_size())
      .add("kernel_size", o.kernel_size())
      .add("dilation", o.dilation())
      .add("padding", o.padding())
      .add("stride", o.stride());
}

Tensor UnfoldImpl::forward(const Tensor& x) {
  const auto& o = options;
  return functional::unfold(x, o.kernel_size(), o.dilation(), o.padding(), o.stride());
}
std::string UnfoldImpl::extra_repr() const {
  const auto& o = options;
  return Fields()
      .add("kernel_size", o.kernel_size())
      .add("dilation", o.dilation())
      .add("padding", o.padding())
      .add("stride", o.stride());
}

Tensor PixelShuffleImpl::forward(const Tensor& x) { return pixel_shuffle(x, options.upscale_factor()); }
std::string PixelShuffleImpl::extra_repr() const { return field("upscale_factor", options.upscale_factor()); }
Tensor PixelUnshuffleImpl::forward(const Tensor& x) { return pixel_unshuffle(x, options.downscale_factor()); }
std::string PixelUnshuffleImpl::extra_repr() const {
  return field("downscale_factor", options.downscale_factor());
}
Tensor ChannelShuffleImpl::forward(const Tensor& x) { return channel_shuffle(x, options.groups()); }
std::string ChannelShuffleImpl::extra_repr() const { return field("groups", options.groups()); }

namespace {
/// A list of one number as the number.
template <class List>
std::string plain(const List& list) {
  return list.size() == 1 ? text::py(list[0]) : text::py(list);
}

template <class Options>
std::string resize_text(const Options& o, std::string_view mode) {
  Fields f;
  if (o.scale_factor()) {
    f.raw("scale_factor", plain(*o.scale_factor()));
  } else {
    f.raw("size", o.size() ? plain(*o.size()) : "None");
  }
  return f.add("mode", mode);
}
}  // namespace

Tensor UpsampleImpl::forward(const Tensor& x) {
  const auto& o = options;
  return functional::interpolate(x, o.size(), o.scale_factor(), o.mode(), o.align_corners(),
                                 o.recompute_scale_factor());
}
std::string UpsampleImpl::extra_repr() const { return resize_text(options, options.mode()); }

Tensor UpsamplingNearest2dImpl::forward(const Tensor& x) {
  return functional::interpolate(x, options.size(), options.scale_factor(), "nearest");
}
std::string UpsamplingNearest2dImpl::extra_repr() const { return resize_text(options, "nearest"); }

Tensor UpsamplingBilinear2dImpl::forward(const Tensor& x) {
  return functional::interpolate(x, options.size(), options.scale_factor(), "bilinear", true);
}
std::string UpsamplingBilinear2dImpl::extra_repr() const { return resize_text(options, "bilinear"); }

Tensor PairwiseDistanceImpl::forward(const Tensor& x1, const Tensor& x2) {
  return pairwise_distance(x1, x2, options.p(), options.eps(), options.keepdim());
}
Tensor CosineSimilarityImpl::forward(const Tensor& x1, const Tensor& x2) {
  return cosine_similarity(x1, x2, options.dim(), options.eps());
}

}  // namespace rustorch::nn
