// Gradients of the normalisations: fused kernels, or differentiable operators while recording.
#pragma once
#include <array>
#include <optional>
#include <tuple>

#include "rustorch/array_ref.h"
#include "rustorch/tensor.h"

namespace rustorch {

std::tuple<Tensor, Tensor, Tensor> batch_norm_grads(const Tensor& g, const Tensor& input,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, bool training, double eps,
                                                    const std::array<bool, 3>& grad_mask);
std::tuple<Tensor, Tensor, Tensor> layer_norm_grads(const Tensor& g, const Tensor& input,
                                                    IntArrayRef normalized_shape,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, double eps,
                                                    const std::array<bool, 3>& grad_mask);
std::tuple<Tensor, Tensor> rms_norm_grads(const Tensor& g, const Tensor& input, IntArrayRef normalized_shape,
                                          const std::optional<Tensor>& weight, const Tensor& rstd, double eps,
                                          const std::array<bool, 2>& grad_mask);
std::tuple<Tensor, Tensor, Tensor> group_norm_grads(const Tensor& g, const Tensor& input, int64_t num_groups,
                                                    const std::optional<Tensor>& weight, const Tensor& mean,
                                                    const Tensor& rstd, double eps,
                                                    const std::array<bool, 3>& grad_mask);

}  // namespace rustorch
