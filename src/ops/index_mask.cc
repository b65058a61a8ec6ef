// Bodies of the operators that select by mask or by "not zero".
#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch::impl {

Tensor masked_select(const Tensor& self, const Tensor& mask) {
  RT_CHECK(mask.dtype() == kBool, DType, "masked_select", "expected BoolTensor for mask");
  DimArray size(broadcast_shapes("masked_select", self.sizes(), mask.sizes()));
  Tensor in = expand_to("masked_select", self, size), where = expand_to("masked_select", mask, size);
  ComputeBackend& backend = backend_for(self);
  Tensor out = make_tensor({backend.count_true(where)}, self.dtype(), self.device());
  if (out.numel() > 0) backend.masked_select({out, in, where});
  return out;
}

void masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) {
  RT_CHECK(mask.dtype() == kBool, DType, "masked_scatter_",
           "masked_scatter_ only supports boolean masks, but got mask with dtype ",
           dtype_scalar_name(mask.dtype()));
  RT_CHECK(self.dtype() == source.dtype(), DType, "masked_scatter_",
           "masked_scatter: expected self and source to have same dtypes but got ",
           dtype_scalar_name(self.dtype()), " and ", dtype_scalar_name(source.dtype()));
  check_writable("masked_scatter_", self);
  Tensor where = expand_to("masked_scatter_", mask, self.sizes());
  ComputeBackend& backend = backend_for(self);
  const int64_t needed = self.numel() == 0 ? 0 : backend.count_true(where);
  RT_CHECK(source.numel() >= needed, Value, "masked_scatter_",
           "Number of elements of source < number of ones in mask");
  if (needed == 0) return;
  Tensor from = contiguous_raw(source);
  if (shares_memory(self, from)) from = impl::clone(from, MemoryFormat::Contiguous);
  backend.masked_scatter({self, where, from});
}

Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
  DimArray size(broadcast_shapes("masked_scatter", self.sizes(), mask.sizes()));
  Tensor out = impl::clone(expand_to("masked_scatter", self, size), MemoryFormat::Contiguous);
  impl::masked_scatter_(out, mask, source);
  return out;
}

Tensor nonzero(const Tensor& self) {
  Tensor mask = cast_raw(self, kBool);
  ComputeBackend& backend = backend_for(self);
  const int64_t count = self.numel() == 0 ? 0 : backend.count_true(mask);
  Tensor out = make_tensor({count, self.dim()}, kInt64, self.device());
  if (out.numel() > 0) backend.nonzero(out, mask);
  return out;
}

std::vector<Tensor> nonzero_numpy(const Tensor& self) {
  if (self.dim() == 0) return rustorch::unbind(rustorch::nonzero(rustorch::unsqueeze(self, 0)), 1);
  return rustorch::unbind(rustorch::nonzero(self), 1);
}

std::vector<Tensor> where_nonzero(const Tensor& condition) { return rustorch::nonzero_numpy(condition); }

Tensor argwhere(const Tensor& self) { return rustorch::nonzero(self); }

}  // namespace rustorch::impl
