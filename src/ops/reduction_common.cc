// Shared parts of the reduction bodies.
#include "ops/reduction_common.h"

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch {

uint64_t reduced_dims(const char* op, std::optional<IntArrayRef> dim, int64_t ndim, bool empty_is_all) {
  const uint64_t all = ndim == 0 ? 0 : ~uint64_t{0} >> (64 - ndim);
  if (!dim || (dim->empty() && empty_is_all)) return all;
  uint64_t mask = 0, seen = 0;
  for (const int64_t d : *dim) {
    const int64_t w = wrap_dim(op, d, ndim);
    RT_CHECK(!((seen >> w) & 1), Value, op, "dim ", w, " appears multiple times in the list of dims");
    seen |= uint64_t{1} << w;
    if (ndim > 0) mask |= uint64_t{1} << w;
  }
  return mask;
}

uint64_t reduced_dim(const char* op, int64_t dim, int64_t ndim) {
  const int64_t d = wrap_dim(op, dim, ndim);
  return ndim == 0 ? 0 : uint64_t{1} << d;
}

Tensor make_reduced(const Tensor& self, uint64_t mask, bool keepdim, DType dtype) {
  int64_t sizes[TensorImpl::kMaxDims];
  size_t n = 0;
  const TensorImpl& in = *self.impl();
  for (int d = 0; d < in.dim(); ++d) {
    if (!((mask >> d) & 1)) {
      sizes[n++] = in.size(d);
    } else if (keepdim) {
      sizes[n++] = 1;
    }
  }
  return make_tensor(IntArrayRef(sizes, n), dtype, self.device());
}

Tensor reduce_with(ReduceKind kind, const Tensor& self, uint64_t mask, bool keepdim, DType dtype,
                   double param) {
  ReduceCall call{kind, make_reduced(self, mask, keepdim, dtype), self, mask, param};
  backend_for(self).reduce(call);
  return std::move(call.out);
}

void check_not_empty(const char* op, const Tensor& self, uint64_t mask, bool dims_given) {
  if (self.numel() != 0) return;
  RT_CHECK(dims_given, Index, op,
           "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
           "the 'dim' "
           "argument.");
  for (int d = 0; d < self.impl()->dim(); ++d)
    RT_CHECK(!((mask >> d) & 1) || self.impl()->size(d) != 0, Index, op, "Expected reduction dim ", d,
             " to have non-zero size.");
}

}  // namespace rustorch
