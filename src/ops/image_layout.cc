#include "ops/image_layout.h"

namespace rustorch {

namespace {

/// Strides must not fall from the channels over the last dimension to the batch. A dimension of one element
/// says nothing, but where all do, the batch's stride decides: that of a contiguous tensor is the channels'.
bool runs_channels_last(IntArrayRef sizes, IntArrayRef strides) {
  const size_t rank = sizes.size();
  if (strides[1] == 0) return false;
  int64_t least = 0;
  for (size_t i = 0; i < rank; ++i) {
    const size_t d = i == 0 ? 1 : i == rank - 1 ? 0 : rank - i;
    if (sizes[d] == 0 || strides[d] < least) return false;
    if (d == 0 && least == strides[1]) return false;
    least = strides[d] * sizes[d];
  }
  return true;
}

/// Whether t has these strides, but for dimensions of one element.
bool is_dense_as(const Tensor& t, IntArrayRef strides) {
  for (size_t d = 0; d < strides.size(); ++d)
    if (t.sizes()[d] != 1 && t.strides()[d] != strides[d]) return false;
  return true;
}

}  // namespace

bool lies_channels_last(const Tensor& t) {
  return (t.dim() == 4 || t.dim() == 5) && runs_channels_last(t.sizes(), t.strides());
}

bool lies_channels_last(const Tensor& t, int64_t rank) {
  if (rank != 1) return t.dim() == rank + 2 && lies_channels_last(t);
  if (t.dim() != 3) return false;
  const int64_t sizes[] = {t.size(0), t.size(1), 1, t.size(2)};
  const int64_t strides[] = {t.stride(0), t.stride(1), t.size(2) * t.stride(2), t.stride(2)};
  return runs_channels_last(sizes, strides);
}

MemoryFormat image_format(const Tensor& t) {
  if (!lies_channels_last(t)) return MemoryFormat::Contiguous;
  return t.dim() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
}

Tensor make_image(IntArrayRef sizes, DType dtype, Device device, bool channels_last) {
  return channels_last ? make_strided(sizes, channels_last_strides(sizes), dtype, device)
                       : make_tensor(sizes, dtype, device);
}

Tensor image_like(const Tensor& t, DType dtype, bool channels_last) {
  if (!channels_last) return contiguous_raw(cast_raw(t, dtype));
  if (t.dtype() == dtype && is_dense_as(t, channels_last_strides(t.sizes()))) return t;
  Tensor copy = make_image(t.sizes(), dtype, t.device(), true);
  backend_copy(copy, t);
  return copy;
}

Tensor laid_out_like(const Tensor& t, const Tensor& like, DType dtype) {
  if (like.impl()->is_contiguous()) return cast_raw(t, dtype);
  Tensor copy = make_like(like, dtype);
  backend_copy(copy, t);
  return copy;
}

}  // namespace rustorch
