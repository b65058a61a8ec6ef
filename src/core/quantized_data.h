// QuantizedData: what a quantized tensor holds instead of elements in strided memory.
//
// Note [Quantized tensors]
// A quantized tensor is attached as sparse ones are (Note [Sparse layouts] in core/sparse_data.h): a Tensor
// with sizes, strides and a quantized dtype, whose Storage has no bytes but a QuantizedData as context. The
// elements are an ordinary tensor of integers: int8 for qint8, uint8 for quint8, int32 for qint32, and for
// quint4x2 and quint2x4 a flat uint8 tensor with two or four elements in a byte, the first in the lowest
// bits. Views of a quantized tensor are quantized tensors over views of its integers, so that a write through
// one is seen in all; scale and zero point are copied from the base. is_sparse() of the impl is set too: the
// one test that keeps sparse tensors out of dense code keeps these out, and transform_call() runs the rule
// that the entry names in its `quantized` line (src/quant). Without that line the rule is refusal: no
// operator reads the integers as numbers unless its entry says so. Nothing quantized has a gradient.
#pragma once
#include "rustorch/qscheme.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// Scale and zero point, by the scheme: one of each, or tensors (float64 and int64; both float32 in
/// PerChannelAffineFloatQParams) and the dimension that they belong to.
struct Quantizer {
  QScheme scheme = QScheme::PerTensorAffine;
  double scale = 1;
  int64_t zero_point = 0;
  Tensor scales, zero_points;
  int64_t axis = 0;
};

struct QuantizedData {
  Quantizer quantizer;
  Tensor integers;
};

/// The parts of a tensor whose impl()->is_quantized(); others are refused in the name of op.
const QuantizedData& quantized_data(const char* op, const Tensor& t);
/// A quantized tensor over these integers, with their sizes and strides unless sizes are given (packed
/// integers).
Tensor make_quantized(DType dtype, const Tensor& integers, Quantizer quantizer);
Tensor make_packed_quantized(DType dtype, const Tensor& packed, IntArrayRef sizes, Quantizer quantizer);
/// t (not its views) takes over another quantizer.
void set_quantizer(const Tensor& t, Quantizer quantizer);

/// Elements in one byte: 2 for quint4x2, 4 for quint2x4, else 1.
constexpr int64_t packed_elements(DType t) { return t == kQUInt4x2 ? 2 : t == kQUInt2x4 ? 4 : 1; }
/// The type of the integers.
constexpr DType integer_type(DType t) { return t == kQInt8 ? kInt8 : t == kQInt32 ? kInt32 : kUInt8; }
/// The least and the greatest integer.
constexpr int64_t lowest_integer(DType t) { return t == kQInt8 ? -128 : t == kQInt32 ? -2147483648LL : 0; }
constexpr int64_t highest_integer(DType t) {
  return t == kQInt8 ? 127 : t == kQUInt8 ? 255 : t == kQInt32 ? 2147483647 : t == kQUInt4x2 ? 15 : 3;
}

}  // namespace rustorch
