// What the files of src/quant share: the numbers of a quantizer as tensors, and the way between integers and
// numbers.
#pragma once
#include "core/quantized_data.h"

namespace rustorch::quant_detail {

/// Scale, its inverse and zero point in float32, shaped to broadcast over a tensor of `dim` dimensions.
struct Affine {
  Tensor scale, inverse, zero_point;
  bool whole = true;  // zero points are integers, added after rounding
};
Affine affine_of(const Quantizer& q, int64_t dim, Device device);
/// The same of tensors as the caller gave them.
Affine affine_of(const Tensor& scales, const Tensor& zero_points, int64_t axis, int64_t dim);

/// The integers of float32 numbers, in integer_type(dtype); those of less than a byte each in a byte.
Tensor to_integers(const Tensor& numbers, const Quantizer& q, DType dtype);
/// The numbers of integers that are not packed.
Tensor to_numbers(const Tensor& integers, const Quantizer& q);
/// Bytes of two or four integers each, and back.
Tensor pack(const Tensor& integers, DType dtype);
Tensor unpack(const Tensor& packed, DType dtype, IntArrayRef sizes);

/// The quantized tensor of float32 numbers.
Tensor quantize_numbers(const char* op, const Tensor& numbers, Quantizer q, DType dtype);
/// The numbers of a quantized tensor.
Tensor numbers_of(const Tensor& t);
void check_quantized_dtype(const char* op, DType dtype);

/// Scale and zero point that fit a range, as PyTorch (and FBGEMM) choose them. symmetric: zero lies in the
/// middle.
struct ChosenParams {
  double scale;
  int64_t zero_point;
};
/// in_float: the scale is rounded to float32 before the zero point is computed from it.
ChosenParams choose_params(float low, float high, int64_t qmin, int64_t qmax, bool symmetric,
                           bool in_float = false);

}  // namespace rustorch::quant_detail
