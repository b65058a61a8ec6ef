#include "ops/make.h"

#include "autograd/transform_call.h"
#include "backend/compute_backend.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/warn.h"

namespace rustorch {

namespace {
// Fills in the index of the device.
Storage* new_storage(size_t nbytes, Device& device) {
  if (device.is_meta()) return nullptr;
  Storage* storage = backend_for(device.type).allocate(nbytes, device);
  if (!device.is_cpu()) device = storage->device();
  return storage;
}
}  // namespace

Tensor new_tensor(TensorImpl* impl) {
  if (detail::thread_modes().inference) [[unlikely]]
    impl->set_inference(true);
  return Tensor(impl);
}

namespace {
// A tensor in the memory that an out= offers (Note [Out memory] in autograd/out_memory.h), or an undefined
// one.
Tensor in_out_memory(detail::ThreadModes& modes, IntArrayRef sizes, std::optional<IntArrayRef> strides,
                     DType dtype, Device device) {
  const TensorImpl& out = *modes.out;
  if (strides ? out.strides() != *strides : !out.is_contiguous()) return {};
  const bool same_device =
      device.type == out.device().type && (device.index < 0 || device.index == out.device().index);
  if (!same_device || out.dtype() != dtype || out.sizes() != sizes) return {};
  modes.out = nullptr;
  out.storage()->retain();
  return new_tensor(new TensorImpl(out.storage(), sizes, out.strides(), out.offset(), dtype, out.device()));
}
}  // namespace

Tensor make_tensor(IntArrayRef sizes, DType dtype, Device device) {
  detail::ThreadModes& modes = detail::thread_modes();
  if (modes.out != nullptr) [[unlikely]] {
    if (Tensor result = in_out_memory(modes, sizes, {}, dtype, device); result.defined()) return result;
  }
  Storage* storage = new_storage(checked_nbytes("empty", sizes, element_size(dtype)), device);
  return new_tensor(new TensorImpl(storage, sizes, dtype, device));
}

Tensor make_strided(IntArrayRef sizes, IntArrayRef strides, DType dtype, Device device) {
  detail::ThreadModes& modes = detail::thread_modes();
  if (modes.out != nullptr) [[unlikely]] {
    if (Tensor result = in_out_memory(modes, sizes, strides, dtype, device); result.defined()) return result;
  }
  int64_t first = 0, last = -1;
  if (checked_numel("empty_strided", sizes) != 0) extent(sizes, strides, &first, &last);
  Storage* storage = new_storage(static_cast<size_t>(last + 1) * element_size(dtype), device);
  return new_tensor(new TensorImpl(storage, sizes, strides, 0, dtype, device));
}

Tensor make_like(const Tensor& like, DType dtype, MemoryFormat format) {
  IntArrayRef sizes = like.sizes();
  switch (format) {
    case MemoryFormat::Preserve:
      if (like.impl()->is_contiguous() && like.numel() != 0) break;
      if (like.impl()->is_non_overlapping_and_dense())
        return make_strided(sizes, like.strides(), dtype, like.device());
      return make_strided(sizes, dense_strides_like(sizes, like.strides()), dtype, like.device());
    case MemoryFormat::ChannelsLast:
    case MemoryFormat::ChannelsLast3d:
      RT_CHECK(sizes.size() == (format == MemoryFormat::ChannelsLast ? 4u : 5u), Shape, "empty_like",
               "required rank ", format == MemoryFormat::ChannelsLast ? 4 : 5,
               " tensor to use channels_last format");
      return make_strided(sizes, channels_last_strides(sizes), dtype, like.device());
    case MemoryFormat::Contiguous:
      break;
  }
  return make_tensor(sizes, dtype, like.device());
}

Tensor make_alias(const Tensor& base, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  TensorImpl* from = base.impl();
  if (from->storage() != nullptr) from->storage()->retain();
  Tensor t(new TensorImpl(from->storage(), sizes, strides, offset, from->dtype(), from->device()));
  if (from->is_inference()) t.impl()->set_inference(true);
  if (from->is_data_alias()) t.impl()->set_data_alias(true);
  t.impl()->set_kind_of(*from);
  return t;
}

Tensor wrapped_number(const Scalar& value) {
  // Kept in full width: promotion looks at the flag, not at this dtype.
  DType type = value.is_complex() ? kComplex128 : value.is_floating_point() ? kFloat64 : value.dtype();
  Tensor t = make_tensor({}, type, Device::Cpu());
  void* p = t.impl()->mutable_data();
  switch (value.dtype()) {
    case kBool:
      *static_cast<bool*>(p) = value.to_bool();
      break;
    case kInt64:
      *static_cast<int64_t*>(p) = value.to_int();
      break;
    default:
      backend_for(DeviceType::Cpu).fill(t, value);
  }
  t.impl()->set_wrapped_number(true);
  return t;
}

Tensor TensorLike::as_tensor() const { return tensor != nullptr ? *tensor : wrapped_number(scalar); }

Tensor contiguous_raw(const Tensor& t) {
  if (t.impl()->is_contiguous()) return t;
  Tensor copy = make_tensor(t.sizes(), t.dtype(), t.device());
  backend_copy(copy, t);
  return copy;
}

Tensor cast_raw(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return t;
  Tensor copy = make_like(t, dtype);
  backend_copy(copy, t);
  return copy;
}

void backend_copy(const Tensor& dst, const Tensor& src) {
  refuse_sparse("copy_", dst);
  refuse_sparse("copy_", src);
  if (dst.numel() == 0) return;
  Tensor from = src;
  if (from.sizes() != dst.sizes()) {
    RT_CHECK(is_expandable_to(from.sizes(), dst.sizes()), Shape, "copy_",
             "The expanded size of the tensor must match the existing size; got ", from.sizes(),
             "; expected ", dst.sizes());
    DimVector strides(dst.sizes().size(), 0);
    size_t shift = dst.sizes().size() - from.sizes().size();
    for (size_t d = 0; d < from.sizes().size(); ++d)
      strides[shift + d] = from.sizes()[d] == 1 ? 0 : from.strides()[d];
    from = make_alias(from, dst.sizes(), strides, from.storage_offset());
  }
  // The backend of the device that is not the CPU knows how to cross.
  DeviceType where = dst.device().is_cpu() ? from.device().type : dst.device().type;
  backend_for(where).copy(dst, from);
}

void grow_storage(const char* op, Storage& storage, size_t nbytes) {
  RT_CHECK(!storage.is_pinned(), Value, op, "Trying to resize storage that is not resizable");
  storage.resize(nbytes);
}

void resize_output(const char* op, const Tensor& out, IntArrayRef sizes) {
  if (out.sizes() == sizes) return;
  if (out.numel() != 0)
    warn(cat("An output with one or more elements was resized since it had shape ", out.sizes(),
             ", which does not match the required output shape ", sizes,
             ". This behavior is deprecated, and in a future release outputs will not be resized unless they "
             "have zero "
             "elements. (",
             op, ")"));
  size_t nbytes = checked_nbytes(op, sizes, element_size(out.dtype()));
  TensorImpl* impl = out.impl();
  size_t needed = nbytes + static_cast<size_t>(impl->byte_offset());
  if (impl->storage() != nullptr && impl->storage()->nbytes() < needed)
    grow_storage(op, *impl->storage(), needed);
  impl->set_sizes_contiguous(sizes);
}

}  // namespace rustorch
