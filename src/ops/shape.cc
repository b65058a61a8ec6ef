// Bodies of the operators that rearrange: reshape and its relatives, broadcasting, splitting.
//
// All are compositions of the view operators, except where a copy cannot be avoided.
#include <algorithm>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch::impl {

Tensor reshape(const Tensor& self, IntArrayRef shape) {
  const TensorImpl& t = *self.impl();
  if (t.sizes() == shape) return t.is_contiguous() ? rustorch::view(self, shape) : rustorch::alias(self);
  if (t.is_contiguous()) {
    DimArray size(infer_size("reshape", shape, t.numel()));
    return rustorch::view(self, size.ref());
  }
  DimArray size(infer_size("reshape", shape, t.numel()));
  if (auto strides = view_strides(t.sizes(), t.strides(), size))
    return rustorch::_reshape_alias(self, size.ref(), *strides);
  return rustorch::view(rustorch::clone(self, MemoryFormat::Contiguous), size.ref());
}

Tensor reshape_as(const Tensor& self, const Tensor& other) { return rustorch::reshape(self, other.sizes()); }
Tensor view_as(const Tensor& self, const Tensor& other) { return rustorch::view(self, other.sizes()); }

Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
  const auto first = static_cast<int>(wrap_dim("flatten", start_dim, self.dim()));
  const auto last = static_cast<int>(wrap_dim("flatten", end_dim, self.dim()));
  RT_CHECK(first <= last, Value, "flatten",
           "flatten() has invalid args: start_dim cannot come after end_dim");
  if (self.dim() == 0) return rustorch::reshape(self, {1});
  if (first == last) return self;
  const TensorImpl& t = *self.impl();
  DimArray size;
  int64_t joined = 1;
  for (int d = 0; d < t.dim(); ++d) {
    if (d < first || d > last) {
      size.push(t.size(d));
      continue;
    }
    joined *= t.size(d);
    if (d == last) size.push(joined);
  }
  return rustorch::reshape(self, size.ref());
}

Tensor ravel(const Tensor& self) { return rustorch::reshape(rustorch::contiguous(self), {-1}); }

Tensor unflatten(const Tensor& self, int64_t dim, IntArrayRef sizes) {
  const auto d = static_cast<int>(wrap_dim("unflatten", dim, self.dim()));
  RT_CHECK(!sizes.empty(), Value, "unflatten", "sizes must be non-empty");
  const int64_t have = self.dim() == 0 ? 1 : self.impl()->size(d);
  int64_t known = 1;
  int unknown = -1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1 && unknown < 0)
      unknown = static_cast<int>(i);
    else
      known *= sizes[i];
  }
  RT_CHECK(unknown >= 0 ? known != 0 && have % known == 0 : known == have, Shape, "unflatten",
           "Provided sizes ", sizes, " don't multiply up to the size of dim ", dim, " (", have,
           ") in the input tensor");
  DimArray size;
  for (int k = 0; k < std::max<int>(static_cast<int>(self.dim()), 1); ++k) {
    if (k != d) {
      size.push(self.impl()->size(k));
      continue;
    }
    for (size_t i = 0; i < sizes.size(); ++i)
      size.push(static_cast<int>(i) == unknown ? have / known : sizes[i]);
  }
  return rustorch::view(self, size.ref());
}

Tensor expand_as(const Tensor& self, const Tensor& other) { return rustorch::expand(self, other.sizes()); }
Tensor broadcast_to(const Tensor& self, IntArrayRef size) { return rustorch::expand(self, size); }

std::vector<Tensor> broadcast_tensors(TensorList tensors) {
  DimVector size;
  for (const Tensor& t : tensors) size = broadcast_shapes("broadcast_tensors", size, t.sizes());
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(rustorch::expand(t, size));
  return out;
}

Tensor movedim(const Tensor& self, IntArrayRef source, IntArrayRef destination) {
  const auto n = static_cast<int>(self.dim());
  RT_CHECK(source.size() == destination.size(), Value, "movedim",
           "Invalid source or destination dims: source (", source,
           " dims) should contain the same number of dims as "
           "destination (",
           destination, " dims)");
  DimArray order(n, -1);
  uint64_t used = 0, placed = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const auto from = static_cast<int>(wrap_dim("movedim", source[i], n));
    const auto to = static_cast<int>(wrap_dim("movedim", destination[i], n));
    RT_CHECK((used >> from & 1) == 0, Value, "movedim", "repeated dim in `source` (", source, ")");
    RT_CHECK((placed >> to & 1) == 0, Value, "movedim", "repeated dim in `destination` (", destination, ")");
    used |= uint64_t{1} << from;
    placed |= uint64_t{1} << to;
    if (n > 0) order[to] = from;
  }
  if (n == 0) return rustorch::alias(self);
  int next = 0;
  for (int d = 0; d < n; ++d) {
    if (order[d] >= 0) continue;
    while (used >> next & 1) ++next;
    order[d] = next++;
  }
  return rustorch::permute(self, order.ref());
}

Tensor movedim_int(const Tensor& self, int64_t source, int64_t destination) {
  return impl::movedim(self, IntArrayRef(&source, 1), IntArrayRef(&destination, 1));
}

Tensor adjoint(const Tensor& self) {
  RT_CHECK(self.dim() != 1, Shape, "adjoint",
           "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.");
  if (self.dim() == 0) return is_complex(self.dtype()) ? rustorch::conj(self) : self;
  Tensor swapped = rustorch::transpose(self, -2, -1);
  return is_complex(self.dtype()) ? rustorch::conj(swapped) : swapped;
}

Tensor real(const Tensor& self) { return is_complex(self.dtype()) ? rustorch::_real_view(self) : self; }

Tensor imag(const Tensor& self) {
  RT_CHECK(is_complex(self.dtype()), Type, "imag",
           "imag is not implemented for tensors with non-complex dtypes.");
  return rustorch::_imag_view(self);
}

std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "chunk", "chunk expects at least a 1-dimensional tensor");
  RT_CHECK(chunks > 0, Value, "chunk", "chunk expects `chunks` to be greater than 0, got: ", chunks);
  const int64_t size = self.size(dim);
  const int64_t each = (size + chunks - 1) / chunks;
  if (each == 0) {
    DimArray none(static_cast<int>(chunks), 0);
    return rustorch::split_with_sizes(self, none.ref(), dim);
  }
  return rustorch::split(self, each, dim);
}

std::vector<Tensor> tensor_split_sections(const Tensor& self, int64_t sections, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "tensor_split",
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  RT_CHECK(sections > 0, Value, "tensor_split", "number of sections must be larger than 0, got ", sections);
  const int64_t size = self.size(dim);
  std::vector<Tensor> out;
  for (int64_t i = 0, start = 0; i < sections;
       ++i) {  // slices, which can be written: not the parts of one split
    const int64_t end = start + size / sections + (i < size % sections ? 1 : 0);
    out.push_back(rustorch::slice(self, dim, start, end, 1));
    start = end;
  }
  return out;
}

std::vector<Tensor> tensor_split_indices(const Tensor& self, IntArrayRef indices, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "tensor_split",
           "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  const int64_t d = wrap_dim("tensor_split", dim, self.dim());
  std::vector<Tensor> out;
  int64_t start = 0;
  for (int64_t end : indices) {
    out.push_back(rustorch::slice(self, d, start, end, 1));
    start = end;
  }
  out.push_back(rustorch::slice(self, d, start, std::nullopt, 1));
  return out;
}

std::vector<Tensor> tensor_split_tensor(const Tensor& self, const Tensor& at, int64_t dim) {
  RT_CHECK(at.device().is_cpu(), Device, "tensor_split",
           "tensor_split expected tensor_indices_or_sections to be on cpu, but it's on ", at.device().str());
  RT_CHECK(at.dtype() == kInt64, DType, "tensor_split",
           "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
           dtype_scalar_name(at.dtype()));
  RT_CHECK(at.dim() <= 1, Shape, "tensor_split",
           "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
           "tensor, but got a tensor with ",
           at.dim(), " dims");
  Tensor flat = contiguous_raw(at);
  const auto* p = flat.impl()->data<int64_t>();
  if (at.dim() == 0) return impl::tensor_split_sections(self, p[0], dim);
  return impl::tensor_split_indices(self, IntArrayRef(p, static_cast<size_t>(at.numel())), dim);
}

namespace {

int64_t named_split_dim(const char* op, const Tensor& self, int64_t needed) {
  RT_CHECK(self.dim() >= needed, Shape, op, "torch.", op, " requires a tensor with at least ", needed,
           " dimension", needed > 1 ? "s" : "", ", but got a tensor with ", self.dim(), " dimensions!");
  return op[0] == 'h' ? (self.dim() == 1 ? 0 : 1) : needed - 1;
}

std::vector<Tensor> equal_split(const char* op, const Tensor& self, int64_t sections, int64_t dim) {
  RT_CHECK(sections != 0 && self.size(dim) % sections == 0, Value, op, "torch.", op,
           " attempted to split along dimension ", dim, ", but the size of the dimension ", self.size(dim),
           " is not divisible by the split_size ", sections, "!");
  return impl::tensor_split_sections(self, sections, dim);
}

}  // namespace

std::vector<Tensor> hsplit(const Tensor& self, int64_t sections) {
  return equal_split("hsplit", self, sections, named_split_dim("hsplit", self, 1));
}
std::vector<Tensor> hsplit_indices(const Tensor& self, IntArrayRef indices) {
  return impl::tensor_split_indices(self, indices, named_split_dim("hsplit", self, 1));
}
std::vector<Tensor> vsplit(const Tensor& self, int64_t sections) {
  named_split_dim("vsplit", self, 2);
  return equal_split("vsplit", self, sections, 0);
}
std::vector<Tensor> vsplit_indices(const Tensor& self, IntArrayRef indices) {
  named_split_dim("vsplit", self, 2);
  return impl::tensor_split_indices(self, indices, 0);
}
std::vector<Tensor> dsplit(const Tensor& self, int64_t sections) {
  return equal_split("dsplit", self, sections, named_split_dim("dsplit", self, 3));
}
std::vector<Tensor> dsplit_indices(const Tensor& self, IntArrayRef indices) {
  return impl::tensor_split_indices(self, indices, named_split_dim("dsplit", self, 3));
}

Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
  Tensor out = rustorch::clone(self, MemoryFormat::Preserve);
  rustorch::select(out, dim, index).copy_(src);
  return out;
}
Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  Tensor out = rustorch::clone(self, MemoryFormat::Preserve);
  rustorch::slice(out, dim, start, end, step).copy_(src);
  return out;
}
Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
  Tensor out = rustorch::clone(self, MemoryFormat::Preserve);
  Tensor target = rustorch::diagonal(out, offset, dim1, dim2);
  RT_CHECK(target.sizes() == src.sizes(), Shape, "diagonal_scatter",
           "expected src to have a size equal to the diagonal of self. src size = ", src.sizes(),
           ", diagonal size = ", target.sizes());
  target.copy_(src);
  return out;
}
namespace {

/// A copy with the strides and the offset of self, gaps included; plain when elements of self share places.
Tensor copy_with_layout(const Tensor& self) {
  if (self.numel() == 0 || may_overlap(self.sizes(), self.strides()))
    return impl::clone(self, MemoryFormat::Contiguous);
  int64_t first, last;
  extent(self.sizes(), self.strides(), &first, &last);
  const int64_t whole = self.storage_offset() + last + 1;
  const int64_t step = 1;
  const Tensor all = make_alias(self, IntArrayRef(&whole, 1), IntArrayRef(&step, 1), 0);
  const Tensor copy = make_tensor(all.sizes(), self.dtype(), self.device());
  backend_copy(copy, all);
  return make_alias(copy, self.sizes(), self.strides(), self.storage_offset());
}

}  // namespace

Tensor as_strided_scatter(const Tensor& self, const Tensor& src, IntArrayRef size, IntArrayRef stride,
                          std::optional<int64_t> storage_offset) {
  Tensor out = copy_with_layout(self);
  const Tensor target = impl::as_strided(out, size, stride, storage_offset);
  check_writable("as_strided_scatter", target);
  backend_copy(target, src);
  return out;
}
Tensor narrow_copy(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
  return rustorch::clone(rustorch::narrow(self, dim, start, length), MemoryFormat::Contiguous);
}

}  // namespace rustorch::impl
