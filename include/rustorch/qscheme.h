// QScheme: how the integers of a quantized tensor stand for real numbers: real = (integer - zero_point) *
// scale.
#pragma once
#include <cstdint>

#include "rustorch/tensor.h"

namespace rustorch {

/// One scale and zero point for the whole tensor, or one for each slice of a dimension (the axis). Tensors
/// are never of a symmetric scheme: it names what an observer looks for. FloatQParams: the zero points are
/// float32.
enum class QScheme : uint8_t {
  PerTensorAffine,
  PerChannelAffine,
  PerTensorSymmetric,
  PerChannelSymmetric,
  PerChannelAffineFloatQParams,
};
inline constexpr int kNumQSchemes = 5;

/// PyTorch's name without the module: "per_tensor_affine".
const char* qscheme_name(QScheme scheme);
/// The scheme of a quantized tensor.
QScheme qscheme(const Tensor& t);

}  // namespace rustorch
