// Gradients of the normalisations.
//
// Without recording they are one fused kernel call. While backward is itself recorded (create_graph), the
// same gradients are written with public operators, the statistics recomputed from the input, so that every
// further derivative exists.
#include "ops/norm_grad.h"

#include "core/layout_algebra.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

bool has(const std::optional<Tensor>& t) { return t && t->defined(); }

// Statistics over dims with history: xhat and the reciprocal deviation.
struct Normalized {
  Tensor xhat, rstd;
};

Normalized normalized(const Tensor& x, const DimVector& dims, double eps, bool centered) {
  const Tensor centred = centered ? sub(x, mean(x, dims, true)) : x;
  Normalized n;
  n.rstd = rsqrt(add(mean(mul(centred, centred), dims, true), eps));
  n.xhat = mul(centred, n.rstd);
  return n;
}

// Gradient by the input of xhat * (something with gradient gw): rstd * (gw - mean(gw) - xhat * mean(gw *
// xhat)).
Tensor input_gradient(const Tensor& gw, const Normalized& n, const DimVector& dims, bool centered) {
  Tensor inner = sub(gw, mul(n.xhat, mean(mul(gw, n.xhat), dims, true)));
  if (centered) inner = sub(inner, mean(gw, dims, true));
  return mul(n.rstd, inner);
}

DimVector all_but(int64_t ndim, int64_t kept) {
  DimVector dims;
  for (int64_t d = 0; d < ndim; ++d)
    if (d != kept) dims.push_back(d);
  return dims;
}

// t [channels] shaped to broadcast along dimension 1 of ndim.
Tensor along_channels(const Tensor& t, int64_t ndim) {
  DimVector shape(static_cast<size_t>(ndim), 1);
  shape[1] = t.numel();
  return reshape(t, shape);
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> batch_norm_grads(const Tensor& g, const Tensor& input,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, bool training, double eps,
                                                    const std::array<bool, 3>& grad_mask) {
  if (!GradMode::is_enabled())
    return _batch_norm_backward(g, input, weight, mean, rstd, training, grad_mask[0], grad_mask[1],
                                grad_mask[2]);
  const int64_t ndim = input.dim();
  const DimVector dims = all_but(ndim, 1);
  Normalized n;
  if (training) {
    n = normalized(input, dims, eps, true);
  } else {
    // The running statistics: constants, though they come as results of the node.
    n.rstd = to(along_channels(rstd.detach(), ndim), input.dtype());
    n.xhat = mul(sub(input, to(along_channels(mean.detach(), ndim), input.dtype())), n.rstd);
  }
  Tensor gi, gw, gb;
  if (grad_mask[0]) {
    const Tensor scaled = has(weight) ? mul(g, along_channels(*weight, ndim)) : g;
    gi = training ? input_gradient(scaled, n, dims, true) : mul(scaled, n.rstd);
  }
  if (grad_mask[1]) gw = sum(mul(g, n.xhat), dims);
  if (grad_mask[2]) gb = sum(g, dims);
  return {gi, gw, gb};
}

namespace {

// Layer norm and RMS norm with history.
std::tuple<Tensor, Tensor, Tensor> row_norm_grads(const Tensor& g, const Tensor& input,
                                                  size_t normalized_dims, const std::optional<Tensor>& weight,
                                                  double eps, bool centered,
                                                  const std::array<bool, 3>& grad_mask) {
  DimVector inner, outer;
  for (int64_t d = 0; d < input.dim(); ++d)
    (d < input.dim() - static_cast<int64_t>(normalized_dims) ? outer : inner).push_back(d);
  const Normalized n = normalized(input, inner, eps, centered);
  Tensor gi, gw, gb;
  if (grad_mask[0]) gi = input_gradient(has(weight) ? mul(g, *weight) : g, n, inner, centered);
  if (grad_mask[1]) gw = outer.empty() ? mul(g, n.xhat) : sum(mul(g, n.xhat), outer);
  if (grad_mask[2]) gb = outer.empty() ? g : sum(g, outer);
  return {gi, gw, gb};
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> layer_norm_grads(const Tensor& g, const Tensor& input,
                                                    IntArrayRef normalized_shape,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, double eps,
                                                    const std::array<bool, 3>& grad_mask) {
  if (!GradMode::is_enabled())
    return _layer_norm_backward(g, input, normalized_shape, weight, mean, rstd, true, grad_mask[0],
                                grad_mask[1], grad_mask[2]);
  return row_norm_grads(g, input, normalized_shape.size(), weight, eps, true, grad_mask);
}

std::tuple<Tensor, Tensor> rms_norm_grads(const Tensor& g, const Tensor& input, IntArrayRef normalized_shape,
                                          const std::optional<Tensor>& weight, const Tensor& rstd, double eps,
                                          const std::array<bool, 2>& grad_mask) {
  const auto all = GradMode::is_enabled()
                       ? row_norm_grads(g, input, normalized_shape.size(), weight, eps, false,
                                        {grad_mask[0], grad_mask[1], false})
                       : _layer_norm_backward(g, input, normalized_shape, weight, rstd, rstd, false,
                                              grad_mask[0], grad_mask[1], false);
  return {std::get<0>(all), std::get<1>(all)};
}

std::tuple<Tensor, Tensor, Tensor> group_norm_grads(const Tensor& g, const Tensor& input, int64_t num_groups,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, double eps,
                                                    const std::array<bool, 3>& grad_mask) {
  if (!GradMode::is_enabled())
    return _group_norm_backward(g, input, num_groups, weight, mean, rstd, grad_mask[0], grad_mask[1],
                                grad_mask[2]);
  const int64_t ndim = input.dim(), batch = input.size(0);
  const DimVector inner{2};
  const auto grouped = [&](const Tensor& t) {
    return reshape(t, {batch, num_groups, batch * num_groups == 0 ? 0 : t.numel() / (batch * num_groups)});
  };
  const Normalized n = normalized(grouped(input), inner, eps, true);
  Tensor gi, gw, gb;
  if (grad_mask[0]) {
    const Tensor scaled = has(weight) ? mul(g, along_channels(*weight, ndim)) : g;
    gi = reshape(input_gradient(grouped(scaled), n, inner, true), input.sizes());
  }
  const DimVector dims = all_but(ndim, 1);
  if (grad_mask[1]) gw = sum(mul(g, reshape(n.xhat, input.sizes())), dims);
  if (grad_mask[2]) gb = sum(g, dims);
  return {gi, gw, gb};
}

}  // namespace rustorch
