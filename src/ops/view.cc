// Bodies of the view operators: every one computes sizes, strides and an offset and makes an alias.
//
// No data is touched here, so these run the same on every device.
#include <algorithm>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "ops/view_common.h"
#include "rustorch/error.h"

namespace rustorch {

Tensor alias_as(const Tensor& self, DType dtype, IntArrayRef sizes, IntArrayRef strides, int64_t offset) {
  const TensorImpl& impl = *self.impl();
  if (impl.storage() != nullptr) impl.storage()->retain();
  Tensor t(new TensorImpl(impl.storage(), sizes, strides, offset, dtype, impl.device()));
  t.impl()->set_data_alias(impl.is_data_alias());
  return t;
}

SliceRange normalize_slice(std::optional<int64_t> start, std::optional<int64_t> end, int64_t step,
                           int64_t size) {
  RT_CHECK(step > 0, Value, "slice", "slice step must be positive");
  int64_t first = start.value_or(0);
  int64_t last = end.value_or(size);
  if (first < 0) first += size;
  if (last < 0) last += size;
  first = std::clamp<int64_t>(first, 0, size);
  last = std::clamp<int64_t>(last, first, size);
  int64_t span = last - first;
  return {first, step, span == 0 ? 0 : (span - 1) / step + 1};
}

namespace impl {

Tensor view(const Tensor& self, IntArrayRef size) {
  const TensorImpl& t = *self.impl();
  DimArray shape;
  int64_t known = 1;
  int unknown = -1;
  for (size_t i = 0; i < size.size(); ++i) {
    shape.push(size[i]);
    if (size[i] == -1 && unknown < 0) {
      unknown = static_cast<int>(i);
    } else {
      RT_CHECK(size[i] >= 0, Shape, "view",
               size[i] == -1
                   ? rustorch::cat("only one dimension can be inferred")
                   : rustorch::cat("invalid shape dimension ", size[i], " at index ", i, " of shape ", size));
      known *= size[i];
    }
  }
  if (unknown >= 0) {
    RT_CHECK(known != 0, Shape, "view", "cannot reshape tensor of 0 elements into shape ", size,
             " because the unspecified dimension size -1 can be any value and is ambiguous");
    shape[unknown] = t.numel() / known;
    known *= shape[unknown];
  }
  RT_CHECK(known == t.numel(), Shape, "view", "shape '", size, "' is invalid for input of size ", t.numel());
  if (t.is_contiguous()) {
    DimArray strides(shape.size(), 0);
    int64_t step = 1;
    for (int d = shape.size() - 1; d >= 0; --d) {
      strides[d] = step;
      step *= std::max<int64_t>(shape[d], 1);
    }
    return make_alias(self, shape, strides, t.offset());
  }
  auto strides = view_strides(t.sizes(), t.strides(), shape);
  RT_CHECK(strides.has_value(), Shape, "view",
           "view size is not compatible with input tensor's size and stride (at least one dimension spans "
           "across two "
           "contiguous subspaces); use .reshape(...) instead; got ",
           t.sizes(), " with strides ", t.strides(), "; expected a layout that fits ", size);
  return make_alias(self, shape, *strides, t.offset());
}

Tensor view_dtype(const Tensor& self, DType dtype) {
  const TensorImpl& t = *self.impl();
  const auto from = static_cast<int64_t>(element_size(t.dtype())),
             to = static_cast<int64_t>(element_size(dtype));
  DimArray sizes(t.sizes()), strides(t.strides());
  if (from == to) return alias_as(self, dtype, sizes, strides, t.offset());
  RT_CHECK(t.dim() > 0, Shape, "view", "self.dim() cannot be 0 to view ", dtype_name(t.dtype()), " as ",
           dtype_name(dtype), " (different element sizes)");
  RT_CHECK(strides.back() == 1 || t.numel() == 0 || (from > to && sizes.back() == 1), Shape, "view",
           "self.stride(-1) must be 1 to view ", dtype_name(t.dtype()), " as ", dtype_name(dtype),
           " (different element sizes), but got ", strides.back());
  int last = sizes.size() - 1;
  if (from > to) {
    int64_t ratio = from / to;
    sizes[last] *= ratio;
    for (int d = 0; d < last; ++d) strides[d] *= ratio;
    strides[last] = 1;
    return alias_as(self, dtype, sizes, strides, t.offset() * ratio);
  }
  int64_t ratio = to / from;
  RT_CHECK(sizes[last] % ratio == 0, Shape, "view", "self.size(-1) must be divisible by ", ratio, " to view ",
           dtype_name(t.dtype()), " as ", dtype_name(dtype), " (different element sizes), but got ",
           sizes[last]);
  RT_CHECK(t.offset() % ratio == 0, Shape, "view", "self.storage_offset() must be divisible by ", ratio,
           " to view ", dtype_name(t.dtype()), " as ", dtype_name(dtype),
           " (different element sizes), but got ", t.offset());
  sizes[last] /= ratio;
  for (int d = 0; d < last; ++d) {
    RT_CHECK(strides[d] % ratio == 0, Shape, "view", "self.stride(", d, ") must be divisible by ", ratio,
             " to view ", dtype_name(t.dtype()), " as ", dtype_name(dtype),
             " (different element sizes), but got ", strides[d]);
    strides[d] /= ratio;
  }
  strides[last] = 1;
  return alias_as(self, dtype, sizes, strides, t.offset() / ratio);
}

Tensor _reshape_alias(const Tensor& self, IntArrayRef size, IntArrayRef stride) {
  return make_alias(self, size, stride, self.storage_offset());
}

Tensor alias(const Tensor& self) { return make_alias(self); }

Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
  const TensorImpl& t = *self.impl();
  auto a = static_cast<int>(wrap_dim("transpose", dim0, t.dim()));
  auto b = static_cast<int>(wrap_dim("transpose", dim1, t.dim()));
  DimArray sizes(t.sizes()), strides(t.strides());
  if (t.dim() > 0) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_alias(self, sizes, strides, t.offset());
}

Tensor t(const Tensor& self) {
  RT_CHECK(self.dim() <= 2, Shape, "t", "t() expects a tensor with <= 2 dimensions, but self is ", self.dim(),
           "D");
  return self.dim() < 2 ? make_alias(self) : impl::transpose(self, 0, 1);
}

Tensor permute(const Tensor& self, IntArrayRef dims) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(static_cast<int>(dims.size()) == t.dim(), Shape, "permute",
           "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
           "desired "
           "ordering of dimensions i.e. input.dim() = ",
           t.dim(), " is not equal to len(dims) = ", dims.size());
  DimArray sizes, strides;
  uint64_t seen = 0;
  for (int64_t dim : dims) {
    auto d = static_cast<int>(wrap_dim("permute", dim, t.dim()));
    RT_CHECK((seen >> d & 1) == 0, Value, "permute", "duplicate dims are not allowed; got ", dims);
    seen |= uint64_t{1} << d;
    sizes.push(t.size(d));
    strides.push(t.stride(d));
  }
  return make_alias(self, sizes, strides, t.offset());
}

namespace {
Tensor squeeze_mask(const Tensor& self, uint64_t mask) {
  const TensorImpl& t = *self.impl();
  DimArray sizes, strides;
  for (int d = 0; d < t.dim(); ++d) {
    if (t.size(d) == 1 && (mask >> d & 1) != 0) continue;
    sizes.push(t.size(d));
    strides.push(t.stride(d));
  }
  return make_alias(self, sizes, strides, t.offset());
}
}  // namespace

Tensor squeeze(const Tensor& self) { return squeeze_mask(self, ~uint64_t{0}); }

Tensor squeeze_dims(const Tensor& self, IntArrayRef dim) {
  uint64_t mask = 0;
  for (int64_t d : dim) {
    uint64_t bit = uint64_t{1} << wrap_dim("squeeze", d, self.dim());
    RT_CHECK((mask & bit) == 0, Value, "squeeze", "dim ", d, " appears multiple times in the list of dims");
    mask |= bit;
  }
  return squeeze_mask(self, mask);
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
  const TensorImpl& t = *self.impl();
  auto d = static_cast<int>(wrap_dim("unsqueeze", dim, t.dim() + 1));
  DimArray sizes(t.sizes()), strides(t.strides());
  int64_t stride = d < t.dim() ? t.size(d) * t.stride(d) : 1;
  sizes.insert(d, 1);
  strides.insert(d, stride);
  return make_alias(self, sizes, strides, t.offset());
}

Tensor expand(const Tensor& self, IntArrayRef size, bool /*implicit*/) {
  const TensorImpl& t = *self.impl();
  auto n = static_cast<int>(size.size());
  int lead = n - t.dim();
  RT_CHECK(lead >= 0, Shape, "expand", "the number of sizes provided (", n,
           ") must be greater or equal to the number of dimensions in the tensor (", t.dim(), "); got ",
           t.sizes(), "; expected to expand to ", size);
  DimArray sizes, strides;
  for (int d = 0; d < n; ++d) {
    int64_t want = size[d];
    if (d < lead) {
      RT_CHECK(want >= 0, Shape, "expand", "the expanded size of the tensor (", want,
               ") isn't allowed in a leading, non-existing dimension ", d);
      sizes.push(want);
      strides.push(0);
      continue;
    }
    int64_t have = t.size(d - lead);
    if (want == -1) want = have;
    if (want != have && have != 1)
      raise_shape("expand",
                  rustorch::cat("The expanded size of the tensor (", want, ") must match the existing size (",
                                have, ") at non-singleton dimension ", d, ".  Target sizes: ", size,
                                ".  Tensor sizes: ", t.sizes()),
                  size, t.sizes());
    sizes.push(want);
    strides.push(want == have ? t.stride(d - lead) : 0);
  }
  return make_alias(self, sizes, strides, t.offset());
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(t.dim() > 0, Index, "select", "select() cannot be applied to a 0-dim tensor.");
  auto d = static_cast<int>(wrap_dim("select", dim, t.dim()));
  int64_t size = t.size(d);
  RT_CHECK(index >= -size && index < size, Index, "select", "index ", index,
           " out of range for tensor of size ", t.sizes(), " at dimension ", d);
  DimArray sizes(t.sizes()), strides(t.strides());
  int64_t offset = t.offset() + (index < 0 ? index + size : index) * strides[d];
  sizes.erase(d);
  strides.erase(d);
  return make_alias(self, sizes, strides, offset);
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end,
             int64_t step) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(t.dim() > 0, Index, "slice", "slice() cannot be applied to a 0-dim tensor.");
  auto d = static_cast<int>(wrap_dim("slice", dim, t.dim()));
  SliceRange range = normalize_slice(start, end, step, t.size(d));
  DimArray sizes(t.sizes()), strides(t.strides());
  int64_t offset = t.offset() + range.start * strides[d];
  sizes[d] = range.length;
  strides[d] *= step;
  return make_alias(self, sizes, strides, offset);
}

Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(t.dim() > 0, Index, "narrow", "narrow() cannot be applied to a 0-dim tensor.");
  RT_CHECK(length >= 0, Value, "narrow", "length must be non-negative.");
  auto d = static_cast<int>(wrap_dim("narrow", dim, t.dim()));
  int64_t size = t.size(d);
  RT_CHECK(start >= -size && start <= size, Index, "narrow",
           "start out of range (expected to be in range of [-", size, ", ", size, "], but got ", start, ")");
  if (start < 0) start += size;
  RT_CHECK(start <= size - length, Value, "narrow", "start (", start, ") + length (", length,
           ") exceeds dimension size (", size, ").");
  DimArray sizes(t.sizes());
  sizes[d] = length;
  return make_alias(self, sizes, t.strides(), t.offset() + start * t.stride(d));
}

Tensor as_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride,
                  std::optional<int64_t> storage_offset) {
  const TensorImpl& t = *self.impl();
  int64_t offset = storage_offset.value_or(t.offset());
  RT_CHECK(size.size() == stride.size(), Shape, "as_strided", "mismatch in length of strides and shape; got ",
           size, " and ", stride);
  for (int64_t s : stride)
    RT_CHECK(s >= 0, Value, "as_strided",
             "Negative strides are not supported at the moment, got strides: ", stride);
  RT_CHECK(offset >= 0, Value, "as_strided", "Tensor: invalid storage offset ", offset);
  int64_t count = checked_numel("as_strided", size);
  if (count > 0 && t.storage() != nullptr) {
    __int128 last = offset;
    for (size_t d = 0; d < size.size(); ++d) last += static_cast<__int128>(size[d] - 1) * stride[d];
    auto item = static_cast<int64_t>(element_size(t.dtype()));
    RT_CHECK((last + 1) * item <= static_cast<__int128>(t.storage()->nbytes()), Value, "as_strided",
             "setStorage: sizes ", size, ", strides ", stride, ", storage offset ", offset, ", and itemsize ",
             item, " requiring a storage size of ", static_cast<int64_t>((last + 1) * item),
             " are out of bounds for storage of size ", t.storage()->nbytes());
  }
  return make_alias(self, size, stride, offset);
}

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  const TensorImpl& t = *self.impl();
  auto a = static_cast<int>(wrap_dim("diagonal", dim1, t.dim()));
  auto b = static_cast<int>(wrap_dim("diagonal", dim2, t.dim()));
  RT_CHECK(a != b, Value, "diagonal", "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  int64_t length =
      offset >= 0 ? std::min(t.size(a), t.size(b) - offset) : std::min(t.size(a) + offset, t.size(b));
  length = std::max<int64_t>(length, 0);
  int64_t first = t.offset();
  if (length > 0) first += offset >= 0 ? offset * t.stride(b) : -offset * t.stride(a);
  DimArray sizes(t.sizes()), strides(t.strides());
  int64_t step = strides[a] + strides[b];
  for (int d : {std::max(a, b), std::min(a, b)}) {
    sizes.erase(d);
    strides.erase(d);
  }
  sizes.push(length);
  strides.push(step);
  return make_alias(self, sizes, strides, first);
}

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  const TensorImpl& t = *self.impl();
  auto d = static_cast<int>(wrap_dim("unfold", dimension, t.dim()));
  int64_t have = t.dim() == 0 ? 1 : t.size(d);
  RT_CHECK(size >= 0, Value, "unfold", "size is ", size, " but must be >= 0");
  RT_CHECK(size <= have, Value, "unfold", "maximum size for tensor at dimension ", d, " is ", have,
           " but size is ", size);
  RT_CHECK(step > 0, Value, "unfold", "step is ", step, " but must be > 0");
  DimArray sizes(t.sizes()), strides(t.strides());
  int64_t inner = t.dim() == 0 ? 1 : strides[d];
  sizes.push(size);
  strides.push(inner);
  if (t.dim() > 0) {
    sizes[d] = (have - size) / step + 1;
    strides[d] = step * inner;
  }
  return make_alias(self, sizes, strides, t.offset());
}

Tensor view_as_real(const Tensor& self) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(is_complex(t.dtype()), Type, "view_as_real", "view_as_real is only supported for complex tensors");
  DimArray sizes(t.sizes()), strides;
  for (int64_t s : t.strides()) strides.push(2 * s);
  sizes.push(2);
  strides.push(1);
  return alias_as(self, real_type(t.dtype()), sizes, strides, 2 * t.offset());
}

Tensor view_as_complex(const Tensor& self) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(t.dtype() == kFloat16 || t.dtype() == kFloat32 || t.dtype() == kFloat64, Type, "view_as_complex",
           "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
           "type: ",
           dtype_scalar_name(t.dtype()));
  RT_CHECK(t.dim() > 0, Shape, "view_as_complex", "Input tensor must have one or more dimensions");
  int last = t.dim() - 1;
  RT_CHECK(t.size(last) == 2, Shape, "view_as_complex", "Tensor must have a last dimension of size 2");
  RT_CHECK(t.stride(last) == 1, Shape, "view_as_complex", "Tensor must have a last dimension with stride 1");
  DimArray sizes, strides;
  for (int d = 0; d < last; ++d) {
    RT_CHECK(t.stride(d) % 2 == 0 || t.size(d) == 1, Shape, "view_as_complex",
             "Tensor must have a stride divisible by 2 for all but last dimension");
    sizes.push(t.size(d));
    strides.push(t.stride(d) / 2);
  }
  RT_CHECK(t.offset() % 2 == 0, Shape, "view_as_complex", "Tensor must have a storage_offset divisible by 2");
  return alias_as(self, complex_type(t.dtype()), sizes, strides, t.offset() / 2);
}

namespace {
Tensor complex_part(const char* op, const Tensor& self, int64_t part) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(is_complex(t.dtype()), Type, op, op, " is not implemented for tensors with non-complex dtypes.");
  DimArray strides;
  for (int64_t s : t.strides()) strides.push(2 * s);
  return alias_as(self, real_type(t.dtype()), t.sizes(), strides, 2 * t.offset() + part);
}
}  // namespace

Tensor _real_view(const Tensor& self) { return complex_part("real", self, 0); }
Tensor _imag_view(const Tensor& self) { return complex_part("imag", self, 1); }

}  // namespace impl
}  // namespace rustorch

namespace rustorch::impl {

std::vector<Tensor> split_with_sizes(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "split", "split expects at least a 1-dimensional tensor");
  const auto d = static_cast<int>(wrap_dim("split", dim, self.dim()));
  const TensorImpl& t = *self.impl();
  int64_t total = 0;
  for (int64_t n : split_sizes) {
    RT_CHECK(n >= 0, Value, "split",
             "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
             split_sizes);
    total += n;
  }
  RT_CHECK(total == t.size(d), Value, "split", "split_with_sizes expects split_sizes to sum exactly to ",
           t.size(d), " (input tensor's size at dimension ", dim, "), but got split_sizes=", split_sizes);
  DimArray sizes(t.sizes());
  int64_t offset = t.offset();
  std::vector<Tensor> out;
  out.reserve(split_sizes.size());
  for (int64_t n : split_sizes) {
    sizes[d] = n;
    out.push_back(make_alias(self, sizes, t.strides(), offset));
    offset += n * t.stride(d);
  }
  return out;
}

std::vector<Tensor> split_sizes(const Tensor& self, IntArrayRef split_size, int64_t dim) {
  return impl::split_with_sizes(self, split_size, dim);
}

std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "split", "split expects at least a 1-dimensional tensor");
  RT_CHECK(split_size >= 0, Value, "split",
           "split expects split_size be non-negative, but got split_size=", split_size);
  const auto d = static_cast<int>(wrap_dim("split", dim, self.dim()));
  const TensorImpl& t = *self.impl();
  const int64_t size = t.size(d);
  RT_CHECK(split_size > 0 || size == 0, Value, "split",
           "split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
  const int64_t pieces = split_size == 0 ? 1 : std::max<int64_t>((size + split_size - 1) / split_size, 1);
  DimArray sizes(t.sizes());
  std::vector<Tensor> out;
  out.reserve(static_cast<size_t>(pieces));
  for (int64_t i = 0; i < pieces; ++i) {
    sizes[d] = std::min(split_size, size - i * split_size);
    out.push_back(make_alias(self, sizes, t.strides(), t.offset() + i * split_size * t.stride(d)));
  }
  return out;
}

std::vector<Tensor> unbind(const Tensor& self, int64_t dim) {
  RT_CHECK(self.dim() > 0, Index, "unbind", "Dimension specified as ", dim, " but tensor has no dimensions");
  const auto d = static_cast<int>(wrap_dim("unbind", dim, self.dim()));
  const TensorImpl& t = *self.impl();
  DimArray sizes(t.sizes()), strides(t.strides());
  sizes.erase(d);
  strides.erase(d);
  std::vector<Tensor> out;
  out.reserve(static_cast<size_t>(t.size(d)));
  for (int64_t i = 0; i < t.size(d); ++i)
    out.push_back(make_alias(self, sizes, strides, t.offset() + i * t.stride(d)));
  return out;
}

}  // namespace rustorch::impl
