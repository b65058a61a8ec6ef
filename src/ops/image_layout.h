// How images lie in memory, and results that take over the order of their input.
//
// A batch of images [N, C, H, W] or [N, C, D, H, W] may lie channels last. Operators on images whose kernels
// want rows in order compute in contiguous memory and give the result the order that the input had.
#pragma once
#include "ops/make.h"

namespace rustorch {

/// True when the memory of t, of 4 or 5 dimensions, runs through the channels first, then through the last
/// dimension and so on. It need not be dense. False where another order fits as well, and without elements.
bool lies_channels_last(const Tensor& t);
/// The same for windows over `rank` dimensions: of rank 1, [N, C, L] counts as an image of one row.
bool lies_channels_last(const Tensor& t, int64_t rank);
/// Channels last where t lies so, else contiguous.
MemoryFormat image_format(const Tensor& t);

/// Uninitialised, channels last or contiguous.
Tensor make_image(IntArrayRef sizes, DType dtype, Device device, bool channels_last);
/// The elements of t in dtype, channels last or contiguous; t itself when it is both already. No history.
Tensor image_like(const Tensor& t, DType dtype, bool channels_last);
/// The elements of t, which is contiguous, in dtype and in the order of memory of `like`, as make_like() has
/// it.
Tensor laid_out_like(const Tensor& t, const Tensor& like, DType dtype);

}  // namespace rustorch
