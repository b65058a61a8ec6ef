// Second derivatives of losses.
#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <tuple>

#include "rustorch/tensor.h"

namespace rustorch {

/// Gradients of _cross_entropy_backward by grad and by the logits; gg belongs to its result.
std::tuple<Tensor, Tensor> cross_entropy_double_backward(const Tensor& gg, const Tensor& grad,
                                                         const Tensor& self, const Tensor& target,
                                                         const std::optional<Tensor>& weight,
                                                         const Tensor& lse, std::string_view reduction,
                                                         int64_t ignore_index, double label_smoothing,
                                                         const std::array<bool, 2>& grad_mask);

}  // namespace rustorch
