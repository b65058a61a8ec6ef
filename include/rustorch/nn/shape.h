// Layers that move elements: fold, shuffles, resizing; and two distances.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

class FoldOptions {
 public:
  FoldOptions(Pair output_size, Pair kernel_size) : output_size_(output_size), kernel_size_(kernel_size) {}
  RT_OPTION(Pair, output_size, 1);
  RT_OPTION(Pair, kernel_size, 1);
  RT_OPTION(Pair, dilation, 1);
  RT_OPTION(Pair, padding, 0);
  RT_OPTION(Pair, stride, 1);
};
/// Sum of columns [N, C * kernel elements, blocks] into [N, C, H, W].
RT_PLAIN_LAYER(Fold, FoldOptions);

class UnfoldOptions {
 public:
  UnfoldOptions(Pair kernel_size) : kernel_size_(kernel_size) {}
  RT_OPTION(Pair, kernel_size, 1);
  RT_OPTION(Pair, dilation, 1);
  RT_OPTION(Pair, padding, 0);
  RT_OPTION(Pair, stride, 1);
};
/// Sliding blocks of [N, C, H, W] as columns.
RT_PLAIN_LAYER(Unfold, UnfoldOptions);

class PixelShuffleOptions {
 public:
  PixelShuffleOptions(int64_t upscale_factor) : upscale_factor_(upscale_factor) {}
  RT_OPTION(int64_t, upscale_factor, 1);
};
/// [..., C r^2, H, W] -> [..., C, H r, W r].
RT_PLAIN_LAYER(PixelShuffle, PixelShuffleOptions);

class PixelUnshuffleOptions {
 public:
  PixelUnshuffleOptions(int64_t downscale_factor) : downscale_factor_(downscale_factor) {}
  RT_OPTION(int64_t, downscale_factor, 1);
};
RT_PLAIN_LAYER(PixelUnshuffle, PixelUnshuffleOptions);

class ChannelShuffleOptions {
 public:
  ChannelShuffleOptions(int64_t groups) : groups_(groups) {}
  RT_OPTION(int64_t, groups, 1);
};
/// Interleaves the channels of groups.
RT_PLAIN_LAYER(ChannelShuffle, ChannelShuffleOptions);

class UpsampleOptions {
 public:
  RT_OPTIONAL(std::vector<int64_t>, size, std::nullopt);
  RT_OPTIONAL(std::vector<double>, scale_factor, std::nullopt);
  RT_OPTION(std::string, mode, "nearest");
  RT_OPTIONAL(bool, align_corners, std::nullopt);
  RT_OPTIONAL(bool, recompute_scale_factor, std::nullopt);
};
/// Resizes [N, C, ([D, [H,]] W]; see functional::interpolate.
RT_PLAIN_LAYER(Upsample, UpsampleOptions);

class UpsamplingOptions {
 public:
  RT_OPTIONAL(std::vector<int64_t>, size, std::nullopt);
  RT_OPTIONAL(std::vector<double>, scale_factor, std::nullopt);
};
using UpsamplingNearest2dOptions = UpsamplingOptions;
using UpsamplingBilinear2dOptions = UpsamplingOptions;
RT_PLAIN_LAYER(UpsamplingNearest2d, UpsamplingNearest2dOptions);
/// With aligned corners.
RT_PLAIN_LAYER(UpsamplingBilinear2d, UpsamplingBilinear2dOptions);

class PairwiseDistanceOptions {
 public:
  RT_OPTION(double, p, 2.0);
  RT_OPTION(double, eps, 1e-6);
  RT_OPTION(bool, keepdim, false);
};
/// p-norm of x1 - x2 + eps over the last dimension.
class PairwiseDistanceImpl : public LayerOf<PairwiseDistanceImpl, PairwiseDistanceOptions> {
 public:
  using LayerOf::LayerOf;
  using Module::forward;
  Tensor forward(const Tensor& x1, const Tensor& x2);
  std::string type_name() const override { return "PairwiseDistance"; }
};
using PairwiseDistance = ModuleHolder<PairwiseDistanceImpl>;

class CosineSimilarityOptions {
 public:
  RT_OPTION(int64_t, dim, 1);
  RT_OPTION(double, eps, 1e-8);
};
/// x1 . x2 / (|x1| |x2|) along a dimension.
class CosineSimilarityImpl : public LayerOf<CosineSimilarityImpl, CosineSimilarityOptions> {
 public:
  using LayerOf::LayerOf;
  using Module::forward;
  Tensor forward(const Tensor& x1, const Tensor& x2);
  std::string type_name() const override { return "CosineSimilarity"; }
};
using CosineSimilarity = ModuleHolder<CosineSimilarityImpl>;

}  // namespace rustorch::nn
