// Bodies of argmax, argmin and the dim forms of max and min.
#include "backend/compute_backend.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/make.h"
#include "ops/reduction_common.h"
#include "rustorch/error.h"

namespace rustorch::impl {
namespace {

Tensor arg(const char* op, ArgReduceKind kind, const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  RT_CHECK(!is_complex(self.dtype()), Type, op, "does not support complex input");
  RT_CHECK(self.dtype() != kBool, NotImplemented, op, "does not support bool input");
  ArgReduceCall call{kind, {}, {}, self, -1};
  if (dim) {
    const uint64_t mask = reduced_dim(op, *dim, self.dim());
    check_not_empty(op, self, mask, true);
    call.indices = make_reduced(self, mask, keepdim, kInt64);
    call.dim = wrap_dim(op, *dim, self.dim());
  } else {
    RT_CHECK(self.numel() > 0, Index, op, "Expected reduction dim to be specified for input.numel() == 0.");
    call.indices = make_reduced(self, reduced_dims(op, std::nullopt, self.dim()), keepdim, kInt64);
    call.in = contiguous_raw(self);
  }
  backend_for(self).arg_reduce(call);
  return std::move(call.indices);
}

std::tuple<Tensor, Tensor> extreme(const char* op, ArgReduceKind kind, const Tensor& self, int64_t dim,
                                   bool keepdim) {
  RT_CHECK(!is_complex(self.dtype()), NotImplemented, op, "does not support complex input");
  const uint64_t mask = reduced_dim(op, dim, self.dim());
  check_not_empty(op, self, mask, true);
  ArgReduceCall call{kind, make_reduced(self, mask, keepdim, self.dtype()),
                     make_reduced(self, mask, keepdim, kInt64), self, wrap_dim(op, dim, self.dim())};
  backend_for(self).arg_reduce(call);
  return {std::move(call.values), std::move(call.indices)};
}

}  // namespace

Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg("argmax", ArgReduceKind::ArgMax, self, dim, keepdim);
}

Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
  return arg("argmin", ArgReduceKind::ArgMin, self, dim, keepdim);
}

std::tuple<Tensor, Tensor> max_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme("max", ArgReduceKind::ArgMax, self, dim, keepdim);
}

std::tuple<Tensor, Tensor> min_dim(const Tensor& self, int64_t dim, bool keepdim) {
  return extreme("min", ArgReduceKind::ArgMin, self, dim, keepdim);
}

}  // namespace rustorch::impl
