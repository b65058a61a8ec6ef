// Bodies of the copy operators: copy_, clone, conversions, fills and masked fills.
#include <utility>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "ops/overlap.h"
#include "ops/scalar_range.h"
#include "ops/view_common.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch {

namespace {

/// Copies of at least this many bytes share memory until a write; below, copying is cheaper.
constexpr int64_t kShareBytes = 16 * 1024;

/// A tensor with the bytes of self shared copy-on-write, or undefined when a real copy is better.
Tensor share_bytes(const Tensor& self) {
  const TensorImpl& t = *self.impl();
  const int64_t bytes = t.numel() * static_cast<int64_t>(element_size(t.dtype()));
  if (bytes < kShareBytes || t.storage() == nullptr || !t.is_non_overlapping_and_dense()) return {};
  if (static_cast<int64_t>(t.storage()->nbytes()) > bytes + bytes / 4)
    return {};  // would keep a larger block alive
  Storage* twin = t.storage()->share();
  if (twin == nullptr) return {};
  return new_tensor(new TensorImpl(twin, t.sizes(), t.strides(), t.offset(), t.dtype(), t.device()));
}

bool same_device(Device a, Device b) { return a == b; }

}  // namespace

Tensor expand_to(const char* op, const Tensor& t, IntArrayRef size) {
  if (t.sizes() == size) return t;
  const auto n = static_cast<int>(size.size());
  const int lead = n - static_cast<int>(t.dim());
  bool ok = lead >= 0;
  DimArray strides;
  for (int d = 0; ok && d < n; ++d) {
    const int64_t have = d < lead ? 1 : t.impl()->size(d - lead);
    ok = have == 1 || have == size[d];
    strides.push(have == size[d] && d >= lead ? t.impl()->stride(d - lead) : 0);
  }
  if (!ok)
    raise_shape(op,
                cat("output with shape ", size, " doesn't match the broadcast shape; the operand of shape ",
                    t.sizes(), " cannot be broadcast to it"),
                size, t.sizes());
  return make_alias(t, size, strides, t.storage_offset());
}

void copy_data(const Tensor& dst, const Tensor& src) {
  if (dst.device().is_meta()) return;  // a shape without data takes none
  RT_CHECK(!src.device().is_meta(), NotImplemented, "copy",
           "Cannot copy out of meta tensor; no data! hint: Module.to_empty() moves modules from there");
  if (same_device(dst.device(), src.device())) {
    backend_for(dst).copy(dst, src);
    return;
  }
  ComputeBackend& backend = backend_for(dst.device().is_cpu() ? src : dst);
  backend.copy(dst, src);
}

void check_writable(const char* op, const Tensor& self) {
  RT_CHECK(!self.impl()->is_inference() || detail::thread_modes().inference, Autograd, op,
           "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to "
           "get a normal tensor before doing inplace update.");
  RT_CHECK(self.impl()->is_contiguous() || !overlaps_itself(self.sizes(), self.strides()), Value, op,
           "unsupported operation: more than one element of the written-to tensor refers to a single memory "
           "location. "
           "Please clone() the tensor before performing the operation.");
}

bool shares_memory(const Tensor& a, const Tensor& b) {
  if (a.impl()->storage() != b.impl()->storage() || a.numel() == 0 || b.numel() == 0) return false;
  int64_t a0, a1, b0, b1;
  extent(a.sizes(), a.strides(), &a0, &a1);
  extent(b.sizes(), b.strides(), &b0, &b1);
  const auto ia = static_cast<int64_t>(element_size(a.dtype())),
             ib = static_cast<int64_t>(element_size(b.dtype()));
  return (a.storage_offset() + a0) * ia < (b.storage_offset() + b1 + 1) * ib &&
         (b.storage_offset() + b0) * ib < (a.storage_offset() + a1 + 1) * ia;
}

namespace impl {

void copy_(const Tensor& self, const Tensor& src, bool /*non_blocking*/) {
  if (self.is_same(src)) return;
  if (self.sizes() != src.sizes() && !is_expandable_to(src.sizes(), self.sizes()))
    raise_shape("copy_",
                cat("The size of tensor a ", self.sizes(), " must match the size of tensor b ", src.sizes(),
                    "; expected a shape that broadcasts to the first"),
                self.sizes(), src.sizes());
  if (self.numel() == 0) return;
  check_writable("copy_", self);
  Tensor from = expand_to("copy_", src, self.sizes());
  const bool same_layout = self.impl()->storage() == src.impl()->storage() && self.dtype() == src.dtype() &&
                           self.storage_offset() == src.storage_offset() && self.strides() == from.strides();
  if (!same_layout && shares_memory(self, from)) from = impl::clone(from, MemoryFormat::Preserve);
  copy_data(self, from);
}

Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format) {
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Preserve);
  if (format == MemoryFormat::Preserve || self.is_contiguous(format))
    if (Tensor shared = share_bytes(self); shared.defined()) return shared;
  Tensor out = make_like(self, self.dtype(), format);
  copy_data(out, self);
  return out;
}

Tensor _to_copy(const Tensor& self, std::optional<DType> dtype, std::optional<Device> device,
                std::optional<MemoryFormat> memory_format) {
  const DType to = dtype.value_or(self.dtype());
  const Device where = device.value_or(self.device());
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Preserve);
  if (same_device(where, self.device())) {
    if (to == self.dtype()) return impl::clone(self, format);
    Tensor out = make_like(self, to, format);
    copy_data(out, self);
    return out;
  }
  Tensor from = to == self.dtype() ? self : impl::_to_copy(self, to, std::nullopt, format);
  DimArray strides(from.is_contiguous() ? from.strides()
                                        : IntArrayRef(dense_strides_like(from.sizes(), from.strides())));
  Tensor out = make_strided(from.sizes(), strides, to, where);
  copy_data(out, from);
  return out;
}

Tensor contiguous(const Tensor& self, MemoryFormat memory_format) {
  RT_CHECK(memory_format != MemoryFormat::Preserve, Value, "contiguous",
           "preserve memory format is unsupported by the contiguous operator");
  return self.is_contiguous(memory_format) ? self : rustorch::clone(self, memory_format);
}

Tensor to_device(const Tensor& self, std::optional<Device> device, std::optional<DType> dtype,
                 bool /*non_blocking*/, bool copy, std::optional<MemoryFormat> memory_format) {
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Preserve);
  const bool same = (!dtype || *dtype == self.dtype()) && (!device || same_device(*device, self.device()));
  if (same && !copy && (format == MemoryFormat::Preserve || self.is_contiguous(format))) return self;
  // Nothing flows back from integers and bools: the history is not looked at, which may be that of a stale
  // view.
  const bool differentiable = !dtype || is_floating_point(*dtype) || is_complex(*dtype);
  const GradModeGuard grad_mode(differentiable && GradMode::is_enabled());
  return rustorch::_to_copy(self, dtype, device, memory_format);
}

Tensor to_dtype(const Tensor& self, DType dtype, bool non_blocking, bool copy,
                std::optional<MemoryFormat> memory_format) {
  return impl::to_device(self, std::nullopt, dtype, non_blocking, copy, memory_format);
}

Tensor to_other(const Tensor& self, const Tensor& other, bool non_blocking, bool copy,
                std::optional<MemoryFormat> memory_format) {
  return impl::to_device(self, other.device(), other.dtype(), non_blocking, copy, memory_format);
}

Tensor type_as(const Tensor& self, const Tensor& other) {
  return impl::to_device(self, std::nullopt, other.dtype(), false, false, std::nullopt);
}

void fill__Scalar(const Tensor& self, const Scalar& value) {
  check_fits("fill_", value, self.dtype());
  if (self.numel() == 0 || self.device().is_meta()) return;
  backend_for(self).fill(self, value);
}

void fill__Tensor(const Tensor& self, const Tensor& value) {
  RT_CHECK(value.dim() == 0, Value, "fill_",
           "fill_ only supports 0-dimension value tensor but got tensor with ", value.dim(), " dimensions.");
  impl::copy_(self, value, false);
}

Tensor fill_Scalar(const Tensor& self, const Scalar& value) {
  Tensor out = make_like(self, self.dtype());
  impl::fill__Scalar(out, value);
  return out;
}

Tensor fill_Tensor(const Tensor& self, const Tensor& value) {
  Tensor out = make_like(self, self.dtype());
  impl::fill__Tensor(out, value);
  return out;
}

void zero_(const Tensor& self) { fill__Scalar(self, Scalar(0)); }

namespace {

void check_masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) {
  RT_CHECK(mask.dtype() == kBool, Type, "masked_fill",
           "masked_fill only supports boolean masks, but got mask with dtype ", dtype_name(mask.dtype()));
  check_fits("masked_fill", value, self.dtype());
}

Scalar masked_fill_value(const Tensor& value) {
  RT_CHECK(value.dim() == 0, Value, "masked_fill",
           "masked_fill only supports a 0-dimensional value tensor, but got tensor with ", value.dim(),
           " dimension(s).");
  return value.item();
}

}  // namespace

Tensor masked_fill_Scalar(const Tensor& self, const Tensor& mask, const Scalar& value) {
  check_masked_fill(self, mask, value);
  DimArray size(broadcast_shapes("masked_fill", self.sizes(), mask.sizes()));
  Tensor in = expand_to("masked_fill", self, size);
  Tensor out = make_tensor(size, self.dtype(), self.device());
  if (out.numel() > 0) backend_for(out).masked_fill({out, in, expand_to("masked_fill", mask, size), value});
  return out;
}

Tensor masked_fill_Tensor(const Tensor& self, const Tensor& mask, const Tensor& value) {
  return impl::masked_fill_Scalar(self, mask, masked_fill_value(value));
}

void masked_fill__Scalar(const Tensor& self, const Tensor& mask, const Scalar& value) {
  check_masked_fill(self, mask, value);
  check_writable("masked_fill_", self);
  if (self.numel() == 0) return;
  backend_for(self).masked_fill({self, self, expand_to("masked_fill_", mask, self.sizes()), value});
}

void masked_fill__Tensor(const Tensor& self, const Tensor& mask, const Tensor& value) {
  impl::masked_fill__Scalar(self, mask, masked_fill_value(value));
}

}  // namespace impl
}  // namespace rustorch
