// What the bodies of the neural-network operators share: argument lists, reductions by name, 16-bit floats.
#pragma once
#include <array>
#include <string_view>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::nn_detail {

/// "none", "mean" or "sum"; throws Value with PyTorch's text otherwise.
inline Reduction parse_reduction(const char* op, std::string_view name) {
  if (name == "mean") return Reduction::Mean;
  if (name == "sum") return Reduction::Sum;
  RT_CHECK(name == "none", Value, op, name, " is not a valid value for reduction");
  return Reduction::None;
}

/// The type kernels compute in: float for 16-bit floats, else t itself. Throws for what is no float.
inline DType kernel_dtype(const char* op, DType t) {
  RT_CHECK(is_floating_point(t), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(t), "'");
  return is_reduced_float(t) ? kFloat32 : t;
}

/// Contiguous and in the kernel's dtype; no history.
inline Tensor kernel_input(const Tensor& t, DType dtype) { return contiguous_raw(cast_raw(t, dtype)); }

/// list[i] of a list of n numbers or of one that holds for all.
inline int64_t list_at(IntArrayRef list, int i) {
  const auto at = list.size() == 1 ? size_t{0} : static_cast<size_t>(i);
  RT_CHECK(at < list.size(), Shape, "", "expected a list of at least ", i + 1, " integers; got ", list);
  return list[at];
}

/// Applies a reduction to per-element losses, with history.
inline Tensor reduce_loss(const char* op, const Tensor& loss, std::string_view reduction) {
  switch (parse_reduction(op, reduction)) {
    case Reduction::Mean:
      return mean(loss);
    case Reduction::Sum:
      return sum(loss);
    default:
      return loss;
  }
}

}  // namespace rustorch::nn_detail
