// Pooling functions composed of operators.
#include <numeric>

#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn::functional {

namespace {
int64_t product(IntArrayRef v) {
  return std::accumulate(v.begin(), v.end(), int64_t{1}, std::multiplies<>());
}

/// The leading sizes of x, then these.
std::vector<int64_t> joined(IntArrayRef lead, IntArrayRef rest) {
  std::vector<int64_t> out = lead.vec();
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}
}  // namespace

Tensor lp_pool(const Tensor& input, double norm_type, IntArrayRef kernel, IntArrayRef stride,
               bool ceil_mode) {
  const Tensor powered = input.pow(norm_type);
  const IntArrayRef step = stride.empty() ? kernel : stride;
  Tensor out;
  if (kernel.size() == 1) out = avg_pool1d(powered, kernel, step, {0}, ceil_mode);
  if (kernel.size() == 2) out = avg_pool2d(powered, kernel, step, {0, 0}, ceil_mode);
  if (kernel.size() == 3) out = avg_pool3d(powered, kernel, step, {0, 0, 0}, ceil_mode);
  return (sign(out) * relu(abs(out))).mul(product(kernel)).pow(1.0 / norm_type);
}

Tensor max_unpool(const Tensor& input, const Tensor& indices, IntArrayRef kernel, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef output_size) {
  const auto n = static_cast<int64_t>(kernel.size());
  const std::string name = rustorch::cat("max_unpool", n, "d");
  RT_CHECK(input.dim() == n + 1 || input.dim() == n + 2, Shape, name, "expected ", n + 1, "D or ", n + 2,
           "D input; got ", input.dim(), "D");
  RT_CHECK(input.sizes() == indices.sizes(), Shape, name,
           "Expected shape of indices to be same as that of the input tensor (", input.sizes(),
           ") but got indices tensor with shape: ", indices.sizes());
  const IntArrayRef step = stride.empty() ? kernel : stride;
  std::vector<int64_t> size;
  if (output_size.size() == kernel.size() + 2) output_size = output_size.slice(2);
  for (int64_t d = 0; d < n; ++d) {
    const auto i = static_cast<size_t>(d);
    RT_CHECK(step[i] > 0, Value, name, "strides should be greater than zero");
    const int64_t usual = (input.size(d - n) - 1) * step[i] + kernel[i] - 2 * padding[i];
    if (!output_size.empty()) {
      RT_CHECK(output_size.size() == kernel.size(), Value, name,
               "output_size should be a sequence containing ", n, " or ", n + 2,
               " elements, but it has a length of '", output_size.size(), "'");
      RT_CHECK(output_size[i] > usual - step[i] && output_size[i] < usual + step[i], Value, name,
               "invalid output_size (dim ", d, " must be between ", usual - step[i], " and ", usual + step[i],
               ")");
    }
    size.push_back(output_size.empty() ? usual : output_size[i]);
  }
  const int64_t total = product(size);
  if (indices.numel() > 0) {
    RT_CHECK(indices.min().item<int64_t>() >= 0 && indices.max().item<int64_t>() < total, Index, name,
             "an index is outside of the output size ", size);
  }
  const IntArrayRef lead = input.sizes().slice(0, static_cast<size_t>(input.dim() - n));
  const Tensor flat = zeros(joined(lead, {total}), input.dtype(), input.device());
  return flat.scatter(-1, indices.flatten(-n), input.flatten(-n)).reshape(joined(lead, size));
}

namespace {
/// First positions [N, C, m] of the windows along one dimension, from one random number for each channel.
Tensor starts_of(const Tensor& sample, int64_t n, int64_t m, int64_t kernel) {
  const Tensor last = full(joined(sample.sizes(), {1}), Scalar(n - kernel), kInt64, sample.device());
  if (m == 1) return last;
  const double alpha = static_cast<double>(n - kernel) / static_cast<double>(m - 1);
  const Tensor i = arange(m - 1, sample.dtype(), sample.device());
  const Tensor u = sample.unsqueeze(-1);
  return cat({((i + u) * alpha).to(kInt64) - (u * alpha).to(kInt64), last}, -1);
}
}  // namespace

std::tuple<Tensor, Tensor> fractional_max_pool(const Tensor& input, IntArrayRef kernel, IntArrayRef size,
                                               Tensor samples) {
  const auto n = static_cast<int64_t>(kernel.size());
  const std::string name = rustorch::cat("fractional_max_pool", n, "d");
  RT_CHECK(input.dim() == n + 1 || input.dim() == n + 2, Shape, name, "Expected ", n + 1, "D or ", n + 2,
           "D tensor");
  const bool batched = input.dim() == n + 2;
  if (!samples.defined()) {
    samples = rand({batched ? input.size(0) : 1, input.size(-n - 1), n}, input.dtype(), input.device());
  }
  const Tensor x = batched ? input : input.unsqueeze(0);
  Tensor index;
  for (int64_t d = 0; d < n; ++d) {
    const auto i = static_cast<size_t>(d);
    const int64_t extent = x.size(2 + d);
    RT_CHECK(kernel[i] > 0 && size[i] > 0 && size[i] + kernel[i] - 1 <= extent, Shape, name, "pool size ",
             kernel, " and output ", size, " do not fit into the input");
    const int64_t which = n == 2 ? 1 - d : d;  // PyTorch's order: width first in 2D, depth first in 3D
    const Tensor start = starts_of(samples.select(-1, which), extent, size[i], kernel[i]);
    Tensor place = start.unsqueeze(-1) + arange(kernel[i]);
    std::vector<int64_t> shape(static_cast<size_t>(2 + 2 * n), 1);
    shape[0] = x.size(0);
    shape[1] = x.size(1);
    shape[static_cast<size_t>(2 + d)] = size[i];
    shape[static_cast<size_t>(2 + n + d)] = kernel[i];
    place = place.reshape(shape);
    index = index.defined() ? index * extent + place : place;
  }
  const Tensor windows = index.reshape({x.size(0), x.size(1), product(size), product(kernel)});
  const Tensor values = x.flatten(2).gather(2, windows.flatten(2)).reshape(windows.sizes());
  const auto [best, which] = values.max(-1);
  const Tensor chosen = windows.gather(3, which.unsqueeze(-1)).squeeze(-1);
  const std::vector<int64_t> shape = joined({x.size(0), x.size(1)}, size);
  const Tensor out = best.reshape(shape), at = chosen.reshape(shape);
  if (batched) return {out, at};
  return {out.squeeze(0), at.squeeze(0)};
}

}  // namespace rustorch::nn::functional
