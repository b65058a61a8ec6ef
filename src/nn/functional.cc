// Activations, dropout, normalisation, embeddings and image functions.
#include "rustorch/nn/functional.h"

#include <cmath>
#include <limits>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::nn::functional {

Tensor glu(const Tensor& input, int64_t dim) {
  RT_CHECK(input.dim() > 0, Shape, "glu", "glu does not support scalars because halving size must be even");
  RT_CHECK(input.size(dim) % 2 == 0, Shape, "glu", "Halving dimension must be even, but dimension ", dim,
           " is size ", input.size(dim));
  const std::vector<Tensor> halves = input.chunk(2, dim);
  return halves[0] * halves[1].sigmoid();
}

Tensor gumbel_softmax(const Tensor& logits, double tau, bool hard, int64_t dim) {
  const Tensor gumbels = empty_like(logits).exponential_().log().neg();
  const Tensor soft = softmax((logits + gumbels) / tau, dim);
  if (!hard) return soft;
  const Tensor index = std::get<1>(soft.max(dim, true));
  return zeros_like(logits).scatter_(dim, index, Scalar(1.0)) - soft.detach() + soft;
}

Tensor dropout_nd(int64_t n, const Tensor& input, double p, bool training, bool inplace) {
  if (n == 1) {
    RT_CHECK(input.dim() == 2 || input.dim() == 3, Shape, "dropout1d",
             "Expected 2D or 3D input, but received a ", input.dim(), "D input");
  }
  const bool unbatched = (n == 1 && input.dim() == 2) || (n == 3 && input.dim() == 4);
  const Tensor out = unbatched ? feature_dropout(input.unsqueeze(0), p, training).squeeze(0)
                               : feature_dropout(input, p, training);
  return inplace ? input.copy_(out) : out;
}

Tensor normalize(const Tensor& input, double p, int64_t dim, double eps) {
  return input / input.norm(Scalar(p), dim, true).clamp_min(eps).expand_as(input);
}

Tensor local_response_norm(const Tensor& input, int64_t size, double alpha, double beta, double k) {
  const int64_t dim = input.dim();
  RT_CHECK(dim >= 3, Value, "local_response_norm", "Expected 3D or higher dimensionality input (got ", dim,
           " dimensions)");
  if (input.numel() == 0) return input;
  Tensor square = input.mul(input).unsqueeze(1);
  const int64_t before = size / 2, after = (size - 1) / 2;
  Tensor mean;
  if (dim == 3) {
    square = pad(square, {0, 0, before, after});
    mean = avg_pool2d(square, {size, 1}, IntArrayRef({1, 1})).squeeze(1);
  } else {
    square = square.reshape({input.size(0), 1, input.size(1), input.size(2), -1});
    square = pad(square, {0, 0, 0, 0, before, after});
    mean = avg_pool3d(square, {size, 1, 1}, IntArrayRef({1, 1, 1})).squeeze(1).reshape(input.sizes());
  }
  return input / mean.mul(alpha).add(k).pow(beta);
}

// ---- embeddings

namespace {
/// Scales the rows named in index down to max_norm, in place.
void renorm_rows(const Tensor& weight, const Tensor& index, double max_norm, double norm_type) {
  const NoGradGuard no_grad;
  const Tensor rows = index.reshape({-1});
  const Tensor picked = weight.detach().index_select(0, rows);
  const Tensor norms = picked.norm(Scalar(norm_type), 1);
  const Tensor scale = where(norms.gt(max_norm), (norms + 1e-7).reciprocal().mul(max_norm), ones_like(norms));
  weight.detach().index_copy_(0, rows, picked * scale.unsqueeze(1));
}

std::optional<int64_t> padding_row(std::optional<int64_t> padding_idx, int64_t rows) {
  if (!padding_idx) return padding_idx;
  RT_CHECK(*padding_idx >= -rows && *padding_idx < rows, Value, "embedding",
           "Padding_idx must be within num_embeddings");
  return *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
}

Tensor bag_sum(Tensor rows, const Tensor& starts, Tensor keep, const Tensor& weights, bool mean) {
  Tensor counts = starts.narrow(0, 1, starts.size(0) - 1) - starts.narrow(0, 0, starts.size(0) - 1);
  const int64_t bags = counts.size(0);
  const Tensor owner = repeat_interleave(arange(bags), counts);
  const int64_t total = owner.size(0);
  rows = rows.narrow(0, 0, total);
  if (weights.defined()) rows = rows * weights.narrow(0, 0, total).unsqueeze(1);
  if (keep.defined()) {
    keep = keep.narrow(0, 0, total);
    rows = rows * keep.unsqueeze(1).to(rows.dtype());
    counts = zeros_like(counts).index_add(0, owner, keep.to(counts.dtype()));
  }
  const Tensor out = zeros({bags, rows.size(1)}, rows.dtype(), rows.device()).index_add(0, owner, rows);
  return mean ? out / counts.clamp_min(1).unsqueeze(1).to(out.dtype()) : out;
}

Tensor bag_max(const Tensor& rows, const Tensor& starts, const Tensor& keep) {
  std::vector<Tensor> out;
  for (int64_t i = 0; i + 1 < starts.size(0); ++i) {
    const int64_t a = starts.select(0, i).item<int64_t>(), b = starts.select(0, i + 1).item<int64_t>();
    Tensor bag = rows.narrow(0, a, b - a);
    if (keep.defined()) bag = bag.index_select(0, keep.narrow(0, a, b - a).nonzero().squeeze(1));
    if (bag.size(0) > 1) {  // nan is the largest where it comes first, and above nothing else
      const Tensor rest = bag.narrow(0, 1, bag.size(0) - 1);
      const Tensor known = rest.masked_fill(rest.isnan(), -std::numeric_limits<double>::infinity());
      bag = cat({bag.narrow(0, 0, 1), known});
    }
    out.push_back(bag.size(0) > 0 ? std::get<0>(bag.max(0))
                                  : zeros({rows.size(1)}, rows.dtype(), rows.device()));
  }
  return out.empty() ? zeros({0, rows.size(1)}, rows.dtype(), rows.device()) : stack(out);
}
}  // namespace

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq, bool sparse) {
  padding_idx = padding_row(padding_idx, weight.size(0));
  if (max_norm) renorm_rows(weight, input, *max_norm, norm_type);
  return rustorch::embedding(weight, input, padding_idx.value_or(-1), scale_grad_by_freq, sparse);
}

Tensor embedding_bag(const Tensor& input_in, const Tensor& weight, const Tensor& offsets,
                     std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq,
                     std::string_view mode, bool sparse, const Tensor& weights_in, bool include_last_offset,
                     std::optional<int64_t> padding_idx) {
  Tensor input = input_in, weights = weights_in, starts;
  RT_CHECK(mode == "sum" || mode == "mean" || mode == "max", Value, "embedding_bag",
           "mode has to be one of sum, mean or max");
  RT_CHECK(!weights.defined() || weights.sizes() == input.sizes(), Value, "embedding_bag",
           "If per_sample_weights is not None, then it must have the same shape as the input");
  RT_CHECK(!weights.defined() || mode == "sum", NotImplemented, "embedding_bag",
           "per_sample_weights is only supported for mode='sum' (got mode='", mode, "')");
  RT_CHECK(mode != "max" || !scale_grad_by_freq, Value, "embedding_bag",
           "max mode does not support scaling the gradient by the frequency");
  RT_CHECK(input.dim() == 1 || input.dim() == 2, Value, "embedding_bag",
           "input has to be 1D or 2D Tensor, but got Tensor of dimension ", input.dim());
  padding_idx = padding_row(padding_idx, weight.size(0));
  if (max_norm) renorm_rows(weight, input, *max_norm, norm_type);
  if (input.dim() == 2) {
    RT_CHECK(!offsets.defined(), Value, "embedding_bag", "if input is 2D, then offsets has to be None");
    const int64_t bags = input.size(0), n = input.size(1);
    starts = n > 0 ? arange(0, (bags + 1) * n, n) : zeros({bags + 1}, kInt64);
    input = input.reshape({-1});
    if (weights.defined()) weights = weights.reshape({-1});
  } else {
    RT_CHECK(offsets.defined() && offsets.dim() == 1, Value, "embedding_bag",
             "offsets has to be a 1D Tensor");
    RT_CHECK(offsets.select(0, 0).item<int64_t>() == 0, Value, "embedding_bag", "offsets[0] has to be 0");
    RT_CHECK(offsets.select(0, -1).item<int64_t>() <= input.size(0), Value, "embedding_bag",
             "offsets[-1] can not be greater than input's length");
    starts = include_last_offset
                 ? offsets
                 : cat({offsets, full({1}, Scalar(input.size(0)), offsets.dtype(), offsets.device())});
  }
  const Tensor rows =
      rustorch::embedding(weight, input, padding_idx.value_or(-1), scale_grad_by_freq, sparse);
  const Tensor keep = padding_idx ? input.ne(*padding_idx) : Tensor();
  return mode == "max" ? bag_max(rows, starts, keep) : bag_sum(rows, starts, keep, weights, mode == "mean");
}

// ---- images

Tensor unfold(const Tensor& input, Pair kernel_size, Pair dilation, Pair padding, Pair stride) {
  return im2col(input, kernel_size, dilation, padding, stride);
}

Tensor fold(const Tensor& input, Pair output_size, Pair kernel_size, Pair dilation, Pair padding,
            Pair stride) {
  return col2im(input, output_size, kernel_size, dilation, padding, stride);
}

namespace {
Tensor resize(const Tensor& x, std::string_view mode, std::optional<IntArrayRef> size,
              std::optional<ArrayRef<double>> factors, bool align, bool antialias) {
  const int64_t n = x.dim();
  if (antialias) {
    return mode == "bilinear" ? _upsample_bilinear2d_aa(x, size, align, factors)
                              : _upsample_bicubic2d_aa(x, size, align, factors);
  }
  if (mode == "nearest" && n == 3) return upsample_nearest1d(x, size, factors);
  if (mode == "nearest" && n == 4) return upsample_nearest2d(x, size, factors);
  if (mode == "nearest" && n == 5) return upsample_nearest3d(x, size, factors);
  if (mode == "nearest-exact" && n == 3) return _upsample_nearest_exact1d(x, size, factors);
  if (mode == "nearest-exact" && n == 4) return _upsample_nearest_exact2d(x, size, factors);
  if (mode == "nearest-exact" && n == 5) return _upsample_nearest_exact3d(x, size, factors);
  if (mode == "linear" && n == 3) return upsample_linear1d(x, size, align, factors);
  if (mode == "bilinear" && n == 4) return upsample_bilinear2d(x, size, align, factors);
  if (mode == "bicubic" && n == 4) return upsample_bicubic2d(x, size, align, factors);
  if (mode == "trilinear" && n == 5) return upsample_trilinear3d(x, size, align, factors);
  raise(ErrorKind::NotImplemented, "interpolate",
        rustorch::cat("Got ", n, "D input, but mode ", mode, " needs another"));
}
}  // namespace

Tensor interpolate(const Tensor& input, const std::optional<std::vector<int64_t>>& size,
                   const std::optional<std::vector<double>>& scale_factor, std::string_view mode,
                   std::optional<bool> align_corners, std::optional<bool> recompute_scale_factor,
                   bool antialias) {
  const bool fixed = mode == "nearest" || mode == "area" || mode == "nearest-exact";
  RT_CHECK(!fixed || !align_corners, Value, "interpolate",
           "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
           "trilinear");
  RT_CHECK(size.has_value() != scale_factor.has_value(), Value, "interpolate",
           size ? "only one of size or scale_factor should be defined"
                : "either size or scale_factor should be defined");
  RT_CHECK(!size || !recompute_scale_factor.value_or(false), Value, "interpolate",
           "recompute_scale_factor is not meaningful with an explicit size.");
  RT_CHECK(
      !antialias || ((mode == "bilinear" || mode == "bicubic") && input.dim() == 4), Value, "interpolate",
      "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input");
  const auto n = static_cast<size_t>(std::max<int64_t>(input.dim() - 2, 0));
  std::vector<int64_t> sizes;
  std::vector<double> factors;
  if (size) {
    sizes = size->size() == 1 ? std::vector<int64_t>(n, (*size)[0]) : *size;
  } else {
    factors = scale_factor->size() == 1 ? std::vector<double>(n, (*scale_factor)[0]) : *scale_factor;
  }
  RT_CHECK((size ? sizes.size() : factors.size()) == n, Value, "interpolate",
           "Input and output must have the same number of spatial dimensions, but got input with sizes ",
           input.sizes());
  if (!size && (recompute_scale_factor.value_or(false) || mode == "area")) {
    for (size_t i = 0; i < n; ++i) {
      sizes.push_back(static_cast<int64_t>(
          std::floor(static_cast<double>(input.size(static_cast<int64_t>(i) + 2)) * factors[i])));
    }
    factors.clear();
  }
  if (mode == "area") {
    if (n == 1) return adaptive_avg_pool1d(input, sizes);
    if (n == 2) return adaptive_avg_pool2d(input, sizes);
    if (n == 3) return adaptive_avg_pool3d(input, sizes);
  }
  return resize(input, mode, sizes.empty() ? std::nullopt : std::optional<IntArrayRef>(sizes),
                factors.empty() ? std::nullopt : std::optional<ArrayRef<double>>(factors),
                align_corners.value_or(false), antialias);
}

}  // namespace rustorch::nn::functional
