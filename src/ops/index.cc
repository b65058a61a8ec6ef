// Bodies of the index operators.
#include <algorithm>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/index_common.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

std::string shape_list(const std::vector<Tensor>& tensors) {
  std::string text;
  for (const Tensor& t : tensors) text += (text.empty() ? "" : ", ") + cat(t.sizes());
  return text;
}

/// A mask as one int64 tensor per dimension.
void expand_mask(const Tensor& self, const Tensor& mask, int64_t dim, int64_t position,
                 std::vector<std::optional<Tensor>>* out) {
  for (int64_t k = 0; k < mask.dim(); ++k)
    RT_CHECK(dim + k < self.dim() && mask.size(k) == self.size(dim + k), Index, "", "The shape of the mask ",
             mask.sizes(), " at index ", k, " does not match the shape of the indexed tensor ", self.sizes(),
             " at index ", position + k);
  Tensor where = impl::nonzero(mask);
  for (int64_t k = 0; k < mask.dim(); ++k) out->emplace_back(impl::select(where, 1, k));
}

}  // namespace

IndexPlan plan_index(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  std::vector<std::optional<Tensor>> expanded;
  for (const auto& t : indices) {
    if (!t.has_value() || !t->defined()) {
      expanded.emplace_back();
      continue;
    }
    const DType type = t->dtype();
    RT_CHECK(type == kInt64 || type == kInt32 || type == kBool || type == kUInt8, Index, "",
             "tensors used as indices must be long, int, byte or bool tensors");
    const auto at = static_cast<int64_t>(expanded.size());
    if (type == kBool || type == kUInt8)
      expand_mask(self, *t, at, at, &expanded);
    else
      expanded.emplace_back(cast_raw(*t, kInt64));
  }
  RT_CHECK(static_cast<int64_t>(expanded.size()) <= self.dim(), Index, "",
           "too many indices for tensor of dimension ", self.dim(), " (got ", expanded.size(), ")");
  IndexPlan plan;
  for (size_t d = 0; d < expanded.size(); ++d) {
    if (!expanded[d].has_value()) continue;
    plan.dims.push_back(static_cast<int64_t>(d));
    plan.indices.push_back(*expanded[d]);
  }
  for (const Tensor& t : plan.indices) {
    bool fits = true;
    const size_t n = std::max(plan.index_shape.size(), static_cast<size_t>(t.dim()));
    for (size_t k = 1; k <= std::min(plan.index_shape.size(), static_cast<size_t>(t.dim())); ++k) {
      const int64_t a = plan.index_shape[plan.index_shape.size() - k],
                    b = t.sizes()[static_cast<size_t>(t.dim()) - k];
      fits &= a == b || a == 1 || b == 1;
    }
    RT_CHECK(fits, Index, "", "shape mismatch: indexing tensors could not be broadcast together with shapes ",
             shape_list(plan.indices));
    (void)n;
    plan.index_shape = broadcast_shapes("index", plan.index_shape, t.sizes());
  }
  for (Tensor& t : plan.indices) t = expand_to("index", t, plan.index_shape);
  const bool adjacent =
      plan.dims.empty() || plan.dims.back() - plan.dims.front() + 1 == static_cast<int64_t>(plan.dims.size());
  plan.data = self;
  if (adjacent) {
    plan.first_dim = plan.dims.empty() ? 0 : plan.dims.front();
  } else {
    DimArray order;
    uint64_t moved = 0;
    for (int64_t d : plan.dims) {
      order.push(d);
      moved |= uint64_t{1} << d;
    }
    for (int64_t d = 0; d < self.dim(); ++d)
      if ((moved >> d & 1) == 0) order.push(d);
    plan.data = impl::permute(self, order);
  }
  const auto sizes = plan.data.sizes();
  const auto first = static_cast<size_t>(plan.first_dim), last = first + plan.dims.size();
  plan.result_shape.assign(sizes.begin(), sizes.begin() + first);
  plan.result_shape.insert(plan.result_shape.end(), plan.index_shape.begin(), plan.index_shape.end());
  plan.result_shape.insert(plan.result_shape.end(), sizes.begin() + last, sizes.end());
  return plan;
}

Tensor index_vector(const char* op, const Tensor& index) {
  RT_CHECK(index.dim() <= 1, Index, op, "Index is supposed to be a vector");
  RT_CHECK(index.dtype() == kInt64 || index.dtype() == kInt32, DType, op,
           "Expected dtype int32 or int64 for index");
  Tensor t = cast_raw(index, kInt64);
  return t.dim() == 1 ? t : make_alias(t, {1}, {1}, t.storage_offset());
}

namespace {

/// The uninitialised result: in the order of memory of the data, where the indexed dimensions stay in their
/// places. Several of them have to lie evenly, for the kernels.
Tensor make_indexed(const IndexPlan& plan) {
  const Tensor& data = plan.data;
  const auto plain = [&] { return make_tensor(plan.result_shape, data.dtype(), data.device()); };
  if (data.is_contiguous()) return plain();
  const auto first = static_cast<size_t>(plan.first_dim), n = plan.index_shape.size();
  const IntArrayRef from = data.strides();
  DimVector strides(from.begin(), from.begin() + first);
  strides.insert(strides.end(), n, 0);
  strides.insert(strides.end(), from.begin() + first + plan.dims.size(), from.end());
  strides = dense_strides_like(plan.result_shape, strides);
  for (size_t d = first; d + 1 < first + n; ++d)
    if (strides[d] != strides[d + 1] * plan.result_shape[d + 1]) return plain();
  return make_strided(plan.result_shape, strides, data.dtype(), data.device());
}

}  // namespace

namespace impl {

Tensor index(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  IndexPlan plan = plan_index(self, indices);
  if (plan.indices.empty()) return impl::clone(self, std::nullopt);
  checked_numel("index", plan.result_shape);
  Tensor out = make_indexed(plan);
  for (size_t k = 0; k < plan.dims.size(); ++k)
    RT_CHECK(plan.data.sizes()[static_cast<size_t>(plan.first_dim) + k] != 0 ||
                 plan.indices[k].numel() == 0 || out.numel() == 0,
             Index, "", "index is out of bounds for dimension with size 0");
  backend_for(self).index({IndexMode::Get, plan.data, out, plan.indices.data(),
                           static_cast<int>(plan.dims.size()), plan.first_dim, 1, true, plan.dims.data()});
  return out;
}

namespace {

/// values broadcast to shape, in a layout that the index kernel takes: the index dimensions lie evenly.
Tensor values_for(const IndexPlan& plan, const Tensor& values) {
  if (values.sizes() != IntArrayRef(plan.result_shape) &&
      !is_expandable_to(values.sizes(), plan.result_shape))
    raise_shape("",
                rustorch::cat("shape mismatch: value tensor of shape ", values.sizes(),
                              " cannot be broadcast to indexing result of shape ", plan.result_shape),
                values.sizes(), plan.result_shape);
  Tensor wide = expand_to("index_put_", values, plan.result_shape);
  if (wide.is_contiguous() || values.numel() == 1) return wide;
  const auto first = static_cast<size_t>(plan.first_dim), n = plan.index_shape.size();
  const auto sizes = wide.sizes(), strides = wide.strides();
  for (size_t d = first; d + 1 < first + n; ++d)
    if (sizes[d] != 1 && strides[d] != strides[d + 1] * sizes[d + 1]) return contiguous_raw(wide);
  return wide;
}

}  // namespace

namespace {

/// The mask when it is the only index, with trailing dimensions of 1 so that it broadcasts against self; else
/// undefined.
Tensor only_mask(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  Tensor mask;
  int64_t at = 0;
  for (const std::optional<Tensor>& index : indices) {
    if (!index || !index->defined()) {
      ++at;
      continue;
    }
    if (mask.defined() || index->dtype() != kBool || at + index->dim() > self.dim()) return {};
    for (int64_t d = 0; d < index->dim(); ++d)
      if (index->size(d) != self.size(at + d)) return {};
    mask = *index;
    at += index->dim();
  }
  if (!mask.defined()) return mask;
  for (; at < self.dim(); ++at) mask = rustorch::unsqueeze(mask, -1);
  return mask;
}

}  // namespace

void index_put_(const Tensor& self, ArrayRef<std::optional<Tensor>> indices, const Tensor& values,
                bool accumulate) {
  if (self.dtype() != values.dtype() && values.numel() == 1 && !accumulate) {
    const Tensor mask = only_mask(self, indices);  // one number for a mask takes any dtype
    if (mask.defined()) return impl::masked_fill__Scalar(self, mask, values.item());
  }
  RT_CHECK(self.dtype() == values.dtype(), DType, "",
           "Index put requires the source and destination dtypes match, got ",
           dtype_scalar_name(self.dtype()), " for the destination and ", dtype_scalar_name(values.dtype()),
           " for the source.");
  check_writable("index_put_", self);
  IndexPlan plan = plan_index(self, indices);
  if (plan.indices.empty()) {
    if (accumulate)
      impl::copy_(self, self + values, false);
    else
      impl::copy_(self, values, false);
    return;
  }
  Tensor from = values_for(plan, values);
  if (shares_memory(self, from)) from = impl::clone(from, MemoryFormat::Contiguous);
  backend_for(self).index({accumulate ? IndexMode::Add : IndexMode::Put, plan.data, from, plan.indices.data(),
                           static_cast<int>(plan.dims.size()), plan.first_dim, 1, true, plan.dims.data()});
}

void _index_put_impl_(const Tensor& self, ArrayRef<std::optional<Tensor>> indices, const Tensor& values,
                      bool accumulate, bool /*unsafe*/) {
  impl::index_put_(self, indices, values, accumulate);
}

Tensor index_put(const Tensor& self, ArrayRef<std::optional<Tensor>> indices, const Tensor& values,
                 bool accumulate) {
  Tensor out = impl::clone(self, std::nullopt);
  impl::index_put_(out, indices, values, accumulate);
  return out;
}

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  const int64_t d = wrap_dim("index_select", dim, self.dim());
  Tensor at = index_vector("index_select", index);
  if (self.dim() == 0) {
    RT_CHECK(at.numel() == 1, Index, "index_select", "Index to scalar can have only 1 value, got ",
             at.numel(), " value(s)");
    RT_CHECK(at.item().to_int() == 0, Index, "index_select", "index out of range in self");
    return impl::clone(self, std::nullopt);
  }
  DimArray size(self.sizes());
  size[static_cast<int>(d)] = at.numel();
  Tensor out = make_tensor(size, self.dtype(), self.device());
  if (self.size(d) == 0) RT_CHECK(at.numel() == 0, Index, "index_select", "index out of range in self");
  if (at.numel() > 0) backend_for(self).index({IndexMode::Get, self, out, &at, 1, d, 1, false});
  return out;
}

namespace {

/// Checks of index_add and index_copy; gives the index as a vector and (0-d self or source) with a dimension.
struct IndexInto {
  Tensor self, source, index;
  int64_t dim;
};

IndexInto check_index_into(const char* op, const Tensor& self, int64_t dim, const Tensor& index,
                           const Tensor& source) {
  IndexInto in{self, source, index_vector(op, index), wrap_dim(op, dim, self.dim())};
  RT_CHECK(self.dtype() == source.dtype(), DType, op, "self (", dtype_scalar_name(self.dtype()),
           ") and source (", dtype_scalar_name(source.dtype()), ") must have the same scalar type");
  if (self.dim() == 0) in.self = make_alias(self, {1}, {1}, self.storage_offset());
  if (source.dim() == 0) in.source = make_alias(source, {1}, {1}, source.storage_offset());
  RT_CHECK(
      in.self.dim() == in.source.dim(), Shape, op,
      "When source and destination are not scalars, their dimensionality must match. Source dimensionality (",
      source.dim(), "), destination dimensionality (", self.dim(), ")");
  for (int64_t d = 0; d < in.self.dim(); ++d) {
    const int64_t want = d == in.dim ? in.index.numel() : in.self.size(d);
    if (in.source.size(d) != want)
      raise_shape(op,
                  d == in.dim ? rustorch::cat("Number of indices (", in.index.numel(),
                                              ") should be equal to source.size(dim): (", in.source.size(d),
                                              "), for dim: ", dim)
                              : rustorch::cat("The size of tensor self must match the size of tensor source "
                                              "at all dimensions except dimension ",
                                              dim, "; got ", self.sizes(), " and ", source.sizes()),
                  self.sizes(), source.sizes());
  }
  check_writable(op, self);
  if (shares_memory(in.self, in.source)) in.source = impl::clone(in.source, MemoryFormat::Contiguous);
  return in;
}

}  // namespace

void index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                const Scalar& alpha) {
  IndexInto in = check_index_into("index_add_", self, dim, index, source);
  if (in.index.numel() > 0)
    backend_for(self).index({IndexMode::Add, in.self, in.source, &in.index, 1, in.dim, alpha, false});
}

Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha) {
  Tensor out = impl::clone(self, MemoryFormat::Contiguous);
  impl::index_add_(out, dim, index, source, alpha);
  return out;
}

void index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  IndexInto in = check_index_into("index_copy_", self, dim, index, source);
  if (in.index.numel() > 0)
    backend_for(self).index({IndexMode::Put, in.self, in.source, &in.index, 1, in.dim, 1, false});
}

Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  Tensor out = impl::clone(self, MemoryFormat::Contiguous);
  impl::index_copy_(out, dim, index, source);
  return out;
}

void index_fill__Scalar(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  const int64_t d = wrap_dim("index_fill_", dim, self.dim());
  check_fits("index_fill_", value, self.dtype());
  RT_CHECK(index.dtype() == kInt64 || index.dtype() == kInt32, Index, "index_fill_",
           "Expected dtype int64 for index.");
  check_writable("index_fill_", self);
  Tensor at = index_vector("index_fill_", index);
  if (at.numel() == 0 || self.numel() == 0) return;
  Tensor data = self.dim() == 0 ? make_alias(self, {1}, {1}, self.storage_offset()) : self;
  Tensor one = make_tensor({}, self.dtype(), self.device());
  impl::fill__Scalar(one, value);
  DimArray size(data.sizes());
  size[static_cast<int>(d)] = at.numel();
  backend_for(self).index({IndexMode::Put, data, expand_to("index_fill_", one, size), &at, 1, d, 1, true});
}

namespace {
Scalar one_value(const char* op, const Tensor& value) {
  RT_CHECK(value.dim() == 0, Value, op, "only supports a 0-dimensional value tensor, but got tensor with ",
           value.dim(), " dimension(s).");
  return value.item();
}
}  // namespace

void index_fill__Tensor(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  impl::index_fill__Scalar(self, dim, index, one_value("index_fill_", value));
}

Tensor index_fill_Scalar(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  Tensor out = impl::clone(self, std::nullopt);
  impl::index_fill__Scalar(out, dim, index, value);
  return out;
}

Tensor index_fill_Tensor(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
  return impl::index_fill_Scalar(self, dim, index, one_value("index_fill_", value));
}

namespace {
/// The call on a tensor as a vector, whose errors name the tensor.
void run_flat(const IndexCall& call) {
  try {
    backend_for(call.data).index(call);
  } catch (const RusTorchError& e) {
    if (e.kind() != ErrorKind::Index) throw;
    const std::string text = e.message();
    raise(ErrorKind::Index, "",
          rustorch::cat("out of range: tried to access ", text.substr(0, text.find(" is out")),
                        " on a tensor of ", call.data.numel(), " elements."));
  }
}
}  // namespace

Tensor take(const Tensor& self, const Tensor& index) {
  RT_CHECK(index.dtype() == kInt64, DType, "take", "Expected a long tensor for index, but got ",
           dtype_scalar_name(index.dtype()));
  RT_CHECK(self.numel() > 0 || index.numel() == 0, Index, "take", "tried to take from an empty tensor");
  Tensor flat = contiguous_raw(self);
  flat = make_alias(flat, {flat.numel()}, {1}, flat.storage_offset());
  Tensor out = make_tensor(index.sizes(), self.dtype(), self.device());
  if (out.numel() == 0) return out;
  run_flat({IndexMode::Get, flat, out, &index, 1, 0});
  return out;
}

void put_(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
  RT_CHECK(index.dtype() == kInt64, DType, "put_", "Expected a long tensor for index, but got ",
           dtype_scalar_name(index.dtype()));
  RT_CHECK(self.dtype() == source.dtype(), DType, "put_",
           "self and source expected to have the same dtype, but got self.dtype = ",
           dtype_scalar_name(self.dtype()), " and source.dtype = ", dtype_scalar_name(source.dtype()));
  RT_CHECK(index.numel() == source.numel(), Index, "put_",
           "Expected source and index to have the same number of elements, but got source.numel() = ",
           source.numel(), ", index.numel() = ", index.numel());
  RT_CHECK(self.numel() > 0 || index.numel() == 0, Index, "put_",
           "Tried to put elements into an empty tensor");
  check_writable("put_", self);
  if (index.numel() == 0) return;
  const int64_t n = index.numel();
  Tensor at = contiguous_raw(index), from = contiguous_raw(source);
  at = make_alias(at, {n}, {1}, at.storage_offset());
  from = make_alias(from, {n}, {1}, from.storage_offset());
  if (shares_memory(self, from)) from = impl::clone(from, std::nullopt);
  Tensor to = contiguous_raw(self);
  Tensor flat = make_alias(to, {to.numel()}, {1}, to.storage_offset());
  run_flat({accumulate ? IndexMode::Add : IndexMode::Put, flat, from, &at, 1, 0});
  if (!to.is_same(self)) copy_data(self, to);
}

Tensor put(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
  Tensor out = impl::clone(self, MemoryFormat::Preserve);
  impl::put_(out, index, source, accumulate);
  return out;
}

}  // namespace impl
}  // namespace rustorch
