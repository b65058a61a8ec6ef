// The part of class Tensor that only reads what it is.
#include "rustorch/tensor.h"

#include "core/layout_algebra.h"
#include "core/quantized_data.h"
#include "core/sparse_data.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch {

int64_t Tensor::dim() const { return impl()->dim(); }
IntArrayRef Tensor::sizes() const { return impl()->sizes(); }
IntArrayRef Tensor::strides() const { return impl()->strides(); }
int64_t Tensor::numel() const { return impl()->numel(); }
int64_t Tensor::storage_offset() const { return impl()->offset(); }
DType Tensor::dtype() const { return impl()->dtype(); }
Device Tensor::device() const { return impl()->device(); }
int64_t Tensor::element_size() const { return static_cast<int64_t>(rustorch::element_size(impl()->dtype())); }
Layout Tensor::layout() const {
  return impl()->is_sparse() && !impl()->is_quantized() ? sparse_data(*this).layout : Layout::Strided;
}
bool Tensor::is_quantized() const { return impl()->is_quantized(); }
bool Tensor::is_contiguous(MemoryFormat format) const { return impl()->is_contiguous(format); }
void Tensor::check_accessor(DType type, int64_t dims) const {
  RT_CHECK(dtype() == type, DType, "accessor", "expected scalar type ", dtype_scalar_name(type),
           " but found ", dtype_scalar_name(dtype()));
  RT_CHECK(dim() == dims, Shape, "accessor", "TensorAccessor expected ", dims, " dims but tensor has ",
           dim());
  RT_CHECK(device().is_cpu(), Device, "accessor", "expected a tensor of the CPU; got one on ", device());
}

int64_t Tensor::version() const {
  RT_CHECK(!impl()->is_inference(), Autograd, "", "Inference tensors do not track version counter.");
  return impl()->version();
}

int64_t Tensor::size(int64_t dim) const {
  RT_CHECK(impl()->dim() > 0, Index, "size", "dimension specified as ", dim, " but tensor has no dimensions");
  return impl()->size(static_cast<int>(wrap_dim("size", dim, impl()->dim())));
}
int64_t Tensor::stride(int64_t dim) const {
  RT_CHECK(impl()->dim() > 0, Index, "stride", "dimension specified as ", dim,
           " but tensor has no dimensions");
  return impl()->stride(static_cast<int>(wrap_dim("stride", dim, impl()->dim())));
}

namespace {
void check_strided(const Tensor& t) {
  if (t.impl()->is_sparse())
    raise(ErrorKind::NotImplemented, "data_ptr",
          cat("a tensor of layout ", layout_name(t.layout()), " has no elements in memory; hint: values()"));
}
}  // namespace

const void* Tensor::const_data_ptr() const {
  if (impl()->is_quantized()) return quantized_data("data_ptr", *this).integers.const_data_ptr();
  check_strided(*this);
  return impl()->storage() ? impl()->data() : nullptr;
}
void* Tensor::mutable_data_ptr() const {
  if (impl()->is_quantized()) return quantized_data("data_ptr", *this).integers.mutable_data_ptr();
  check_strided(*this);
  return impl()->storage() ? impl()->mutable_data() : nullptr;
}

namespace detail {
void append(std::string& out, const Tensor& t) {
  if (!t.defined()) {
    out += "an undefined tensor";
    return;
  }
  append(out, t.dtype());
  append(out, t.sizes());
}
}  // namespace detail

}  // namespace rustorch
