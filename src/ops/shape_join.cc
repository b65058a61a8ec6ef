// Bodies of the operators that join, repeat and reorder tensors, and those on diagonals and triangles.
#include <algorithm>
#include <string>

#include "backend/compute_backend.h"
#include "autograd/transform_call.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/copy_common.h"
#include "ops/dim_array.h"
#include "ops/image_layout.h"
#include "ops/make.h"
#include "ops/shape_grad.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

/// cat skips one-dimensional empty tensors whatever the shape of the others.
bool cat_skips(const Tensor& t) { return t.dim() == 1 && t.impl()->size(0) == 0; }

}  // namespace

std::vector<Tensor> cat_backward(const Tensor& g, const std::vector<std::vector<int64_t>>& shapes,
                                 int64_t dim) {
  std::vector<Tensor> out;
  out.reserve(shapes.size());
  const int64_t d = wrap_dim("cat", dim, g.dim());
  int64_t at = 0;
  for (const std::vector<int64_t>& shape : shapes) {
    if (shape.size() == 1 && shape[0] == 0) {  // skipped by cat whatever the shape of the others
      out.push_back(zeros({0}, g.dtype(), g.device()));
      continue;
    }
    const int64_t n = shape[static_cast<size_t>(d)];
    out.push_back(narrow(g, d, at, n));
    at += n;
  }
  return out;
}

Tensor roll_backward(const Tensor& g, IntArrayRef shifts, IntArrayRef dims) {
  DimArray back;
  for (int64_t s : shifts) back.push(-s);
  return roll(g, back.ref(), dims);
}

namespace impl {

Tensor cat(TensorList tensors, int64_t dim) {
  RT_CHECK(!tensors.empty(), Value, "cat", "expected a non-empty list of Tensors");
  const Tensor* shape_of = nullptr;
  ResultType type;
  bool channels_last = true;  // all of them
  for (const Tensor& t : tensors) {
    RT_CHECK(t.dim() > 0, Shape, "cat", "zero-dimensional tensor (at position ", &t - tensors.data(),
             ") cannot be concatenated");
    RT_CHECK(t.device() == tensors[0].device(), Device, "cat",
             "Expected all tensors to be on the same device, but found at least two devices, ",
             tensors[0].device(), " and ", t.device(), "!");
    type.add(t.dtype(), false, false);
    channels_last = channels_last && lies_channels_last(t);
    if (cat_skips(t)) continue;
    if (shape_of == nullptr) shape_of = &t;
  }
  const Tensor& first = shape_of == nullptr ? tensors[0] : *shape_of;
  const auto d = static_cast<int>(wrap_dim("cat", dim, first.dim()));
  DimArray size(first.sizes());
  size[d] = 0;
  for (const Tensor& t : tensors) {
    if (shape_of != nullptr && cat_skips(t)) continue;
    RT_CHECK(t.dim() == first.dim(), Shape, "cat", "Tensors must have same number of dimensions: got ",
             first.dim(), " and ", t.dim());
    for (int k = 0; k < size.size(); ++k)
      if (k != d && t.impl()->size(k) != size[k])
        raise_shape("cat",
                    rustorch::cat("Sizes of tensors must match except in dimension ", d, ". Expected size ",
                                  size[k], " but got size ", t.impl()->size(k), " for tensor number ",
                                  &t - tensors.data(), " in the list."),
                    first.sizes(), t.sizes());
    size[d] += t.impl()->size(d);
  }
  checked_numel("cat", size);
  Tensor out = channels_last && shape_of != nullptr ? make_image(size, type.get(), first.device(), true)
                                                    : make_tensor(size, type.get(), first.device());
  if (backend_for(out).join(out, tensors, d)) return out;
  int64_t offset = 0;
  for (const Tensor& t : tensors) {
    if (t.numel() == 0) {
      if (!cat_skips(t)) offset += t.impl()->size(d) * out.impl()->stride(d);
      continue;
    }
    copy_data(make_alias(out, t.sizes(), out.strides(), offset), t);
    offset += t.impl()->size(d) * out.impl()->stride(d);
  }
  return out;
}

Tensor stack(TensorList tensors, int64_t dim) {
  RT_CHECK(!tensors.empty(), Value, "stack", "stack expects a non-empty TensorList");
  const int64_t d = wrap_dim("stack", dim, tensors[0].dim() + 1);
  std::vector<Tensor> parts;
  parts.reserve(tensors.size());
  bool channels_last = d < tensors[0].dim();  // all of them: they are joined as images
  for (const Tensor& t : tensors) {
    channels_last = channels_last && lies_channels_last(t);
    if (t.sizes() != tensors[0].sizes())
      raise_shape("stack",
                  rustorch::cat("stack expects each tensor to be equal size, but got ", tensors[0].sizes(),
                                " at entry 0 and ", t.sizes(), " at entry ", &t - tensors.data()),
                  tensors[0].sizes(), t.sizes());
    parts.push_back(rustorch::unsqueeze(t, d));
  }
  if (!channels_last) return rustorch::cat(TensorList(parts), d);
  return rustorch::unflatten(rustorch::cat(tensors, d), d,
                             {static_cast<int64_t>(tensors.size()), tensors[0].size(d)});
}

Tensor atleast_1d(const Tensor& self) { return self.dim() == 0 ? rustorch::reshape(self, {1}) : self; }

Tensor atleast_2d(const Tensor& self) {
  if (self.dim() == 0) return rustorch::reshape(self, {1, 1});
  return self.dim() == 1 ? rustorch::unsqueeze(self, 0) : self;
}

Tensor atleast_3d(const Tensor& self) {
  if (self.dim() == 0) return rustorch::reshape(self, {1, 1, 1});
  if (self.dim() == 1) return rustorch::unsqueeze(rustorch::unsqueeze(self, 0), -1);
  return self.dim() == 2 ? rustorch::unsqueeze(self, -1) : self;
}

namespace {
std::vector<Tensor> each(TensorList tensors, Tensor (*f)(const Tensor&)) {
  std::vector<Tensor> out;
  out.reserve(tensors.size());
  for (const Tensor& t : tensors) out.push_back(f(t));
  return out;
}
}  // namespace

std::vector<Tensor> atleast_1d_list(TensorList tensors) { return each(tensors, impl::atleast_1d); }
std::vector<Tensor> atleast_2d_list(TensorList tensors) { return each(tensors, impl::atleast_2d); }
std::vector<Tensor> atleast_3d_list(TensorList tensors) { return each(tensors, impl::atleast_3d); }

Tensor hstack(TensorList tensors) {
  RT_CHECK(!tensors.empty(), Value, "hstack", "hstack expects a non-empty TensorList");
  std::vector<Tensor> parts = each(tensors, impl::atleast_1d);
  return rustorch::cat(TensorList(parts), parts[0].dim() == 1 ? 0 : 1);
}

Tensor vstack(TensorList tensors) {
  RT_CHECK(!tensors.empty(), Value, "vstack", "vstack expects a non-empty TensorList");
  std::vector<Tensor> parts = each(tensors, impl::atleast_2d);
  return rustorch::cat(TensorList(parts), 0);
}

Tensor dstack(TensorList tensors) {
  RT_CHECK(!tensors.empty(), Value, "dstack", "dstack expects a non-empty TensorList");
  std::vector<Tensor> parts = each(tensors, impl::atleast_3d);
  return rustorch::cat(TensorList(parts), 2);
}

Tensor column_stack(TensorList tensors) {
  RT_CHECK(!tensors.empty(), Value, "column_stack", "column_stack expects a non-empty TensorList");
  std::vector<Tensor> parts;
  for (const Tensor& t : tensors) parts.push_back(t.dim() <= 1 ? rustorch::reshape(t, {t.numel(), 1}) : t);
  return rustorch::cat(TensorList(parts), 1);
}

Tensor block_diag(TensorList tensors) {
  ResultType type;
  int64_t rows = 0, cols = 0;
  std::vector<Tensor> blocks;
  for (const Tensor& t : tensors) {
    RT_CHECK(t.dim() <= 2, Shape, "block_diag", "Input tensors must have 2 or fewer dimensions. Input ",
             &t - tensors.data(), " has ", t.dim(), " dimensions");
    blocks.push_back(impl::atleast_2d(t));
    rows += blocks.back().size(0);
    cols += blocks.back().size(1);
    type.add(t.dtype(), false, false);
  }
  if (tensors.empty()) return rustorch::empty({1, 0});
  Tensor out = rustorch::zeros({rows, cols}, type.get(), tensors[0].device());
  int64_t r = 0, c = 0;
  if (transforming()) {  // blocks that may have batch dimensions cannot be written into out
    for (const Tensor& b : blocks) {
      const int64_t h = b.size(0), w = b.size(1);
      out =
          rustorch::add(out, rustorch::constant_pad_nd(b, {c, cols - c - w, r, rows - r - h}).to(type.get()));
      r += h;
      c += w;
    }
    return out;
  }
  for (const Tensor& b : blocks) {
    out.narrow(0, r, b.size(0)).narrow(1, c, b.size(1)).copy_(b);
    r += b.size(0);
    c += b.size(1);
  }
  return out;
}

std::vector<Tensor> meshgrid(TensorList tensors, std::optional<std::string_view> indexing) {
  RT_CHECK(!tensors.empty(), Value, "meshgrid", "meshgrid expects a non-empty TensorList");
  const std::string_view order = indexing.value_or("ij");
  RT_CHECK(order == "ij" || order == "xy", Value, "meshgrid",
           "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", order);
  const auto n = static_cast<int>(tensors.size());
  const bool swap = order == "xy" && n >= 2;
  std::vector<Tensor> in(tensors.begin(), tensors.end());
  if (swap) std::swap(in[0], in[1]);
  DimArray size;
  for (const Tensor& t : in) {
    RT_CHECK(t.dim() <= 1, Shape, "meshgrid",
             "Expected 0D or 1D tensor in the tensor list but got: ", t.sizes());
    RT_CHECK(t.dtype() == in[0].dtype(), DType, "meshgrid",
             "meshgrid expects all tensors to have the same dtype");
    size.push(t.numel());
  }
  std::vector<Tensor> out;
  for (int i = 0; i < n; ++i) {
    DimArray shape(n, 1);
    shape[i] = size[i];
    out.push_back(rustorch::expand(rustorch::reshape(in[static_cast<size_t>(i)], shape.ref()), size.ref()));
  }
  if (swap) std::swap(out[0], out[1]);
  return out;
}

Tensor cartesian_prod(TensorList tensors) {
  for (const Tensor& t : tensors)
    RT_CHECK(t.dim() == 1, Shape, "cartesian_prod", "Expect a 1D vector, but got shape ", t.sizes());
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> grids = impl::meshgrid(tensors, "ij");
  for (Tensor& t : grids) t = rustorch::flatten(t);
  return rustorch::stack(TensorList(grids), 1);
}

Tensor combinations(const Tensor& self, int64_t r, bool with_replacement) {
  RT_CHECK(self.dim() == 1, Shape, "combinations", "Expect a 1D vector, but got shape ", self.sizes());
  RT_CHECK(r >= 0, Value, "combinations", "Expect a non-negative number, but got ", r);
  if (r == 0) return rustorch::empty({0}, self.dtype(), self.device());
  const int64_t n = self.numel();
  std::vector<int64_t> at, pick(static_cast<size_t>(r));
  const auto len = static_cast<size_t>(r);
  for (size_t i = 0; i < len; ++i) pick[i] = with_replacement ? 0 : static_cast<int64_t>(i);
  bool more = n > 0 && (with_replacement || r <= n);
  while (more) {
    at.insert(at.end(), pick.begin(), pick.end());
    more = false;
    for (size_t i = len; i-- > 0;) {
      const int64_t top = with_replacement ? n - 1 : n - static_cast<int64_t>(len - i);
      if (pick[i] >= top) continue;
      ++pick[i];
      for (size_t k = i + 1; k < len; ++k) pick[k] = with_replacement ? pick[i] : pick[k - 1] + 1;
      more = true;
      break;
    }
  }
  Tensor index = make_tensor({static_cast<int64_t>(at.size())}, kInt64, Device::Cpu());
  std::copy(at.begin(), at.end(), index.impl()->mutable_data<int64_t>());
  if (!self.device().is_cpu()) index = index.to(self.device());
  return rustorch::reshape(rustorch::index_select(self, 0, index), {static_cast<int64_t>(at.size()) / r, r});
}

Tensor repeat(const Tensor& self, IntArrayRef repeats) {
  const auto n = static_cast<int>(repeats.size());
  const int lead = n - static_cast<int>(self.dim());
  RT_CHECK(lead >= 0, Shape, "repeat",
           "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  DimArray split, wide, joined;
  bool plain = lead == 0;
  for (int d = 0; d < n; ++d) {
    const int64_t r = repeats[static_cast<size_t>(d)], s = d < lead ? 1 : self.impl()->size(d - lead);
    RT_CHECK(r >= 0, Value, "repeat", "Trying to create tensor with negative dimension ", r * s, ": ",
             repeats);
    plain &= r == 1;
    joined.push(r * s);
    if (r != 1) {
      split.push(1);
      wide.push(r);
    }
    split.push(s);
    wide.push(s);
  }
  if (plain) return rustorch::clone(self, MemoryFormat::Contiguous);
  Tensor out = rustorch::expand(rustorch::reshape(self, split.ref()), wide.ref());
  return rustorch::view(rustorch::clone(out, MemoryFormat::Contiguous), joined.ref());
}

Tensor tile(const Tensor& self, IntArrayRef dims) {
  DimArray all;
  for (int64_t missing = self.dim() - static_cast<int64_t>(dims.size()); missing > 0; --missing) all.push(1);
  for (int64_t r : dims) all.push(r);
  return rustorch::repeat(self, all.ref());
}

Tensor repeat_interleave_int(const Tensor& self, int64_t repeats, std::optional<int64_t> dim,
                             std::optional<int64_t> output_size) {
  RT_CHECK(repeats >= 0, Value, "repeat_interleave", "Repeats must be non-negative");
  Tensor in = dim ? self : rustorch::flatten(self);
  if (in.dim() == 0) in = rustorch::reshape(in, {1});
  const int64_t d = wrap_dim("repeat_interleave", dim.value_or(0), in.dim());
  RT_CHECK(!output_size || *output_size == in.size(d) * repeats, Value, "repeat_interleave",
           "repeat_interleave: Invalid output_size, expected ", in.size(d) * repeats, ", got ",
           output_size.value_or(0));
  Tensor wide = rustorch::unsqueeze(in, d + 1);
  DimArray size(wide.sizes());
  size[static_cast<int>(d) + 1] = repeats;
  wide = rustorch::clone(rustorch::expand(wide, size.ref()), MemoryFormat::Contiguous);
  return rustorch::flatten(wide, d, d + 1);
}

Tensor repeat_interleave_counts(const Tensor& repeats, std::optional<int64_t> output_size) {
  RT_CHECK(repeats.dim() == 1, Shape, "repeat_interleave",
           "repeat_interleave only accept 1D vector as repeat");
  RT_CHECK(repeats.dtype() == kInt64 || repeats.dtype() == kInt32, DType, "repeat_interleave",
           "repeats has to be Long or Int tensor");
  const Tensor host = repeats.device().is_cpu() ? repeats : repeats.to(Device::Cpu());
  Tensor counts = contiguous_raw(cast_raw(host, kInt64));
  const auto* c = counts.impl()->data<int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < counts.numel(); ++i) {
    RT_CHECK(c[i] >= 0, Value, "repeat_interleave", "repeats can not be negative");
    total += c[i];
  }
  RT_CHECK(!output_size || *output_size == total, Value, "repeat_interleave",
           "allocated size does not match required size");
  Tensor out = make_tensor({total}, kInt64, Device::Cpu());
  auto* p = out.impl()->mutable_data<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) p = std::fill_n(p, c[i], i);
  out = cast_raw(out, repeats.dtype());
  return repeats.device().is_cpu() ? out : out.to(repeats.device());
}

Tensor repeat_interleave_tensor(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                                std::optional<int64_t> output_size) {
  Tensor in = dim ? self : rustorch::flatten(self);
  if (in.dim() == 0) in = rustorch::reshape(in, {1});
  const int64_t d = wrap_dim("repeat_interleave", dim.value_or(0), in.dim());
  Tensor counts = repeats;
  if (repeats.dim() == 0 || (repeats.dim() == 1 && repeats.size(0) == 1))
    counts = rustorch::expand(rustorch::reshape(repeats, {1}), {in.size(d)});
  RT_CHECK(counts.dim() == 1, Shape, "repeat_interleave", "repeats must be 0-dim or 1-dim tensor");
  RT_CHECK(counts.size(0) == in.size(d), Value, "repeat_interleave",
           "repeats must have the same size as input along dim, but got repeats.size(0) = ", counts.size(0),
           " and input.size(", d, ") = ", in.size(d));
  return rustorch::index_select(in, d, rustorch::repeat_interleave(counts, output_size));
}

Tensor flip(const Tensor& self, IntArrayRef dims) {
  uint64_t mask = 0;
  for (int64_t dim : dims) {
    const uint64_t bit = uint64_t{1} << wrap_dim("flip", dim, self.dim());
    RT_CHECK((mask & bit) == 0, Value, "flip", "dim ", dim, " appears multiple times in the list of dims");
    mask |= bit;
  }
  Tensor out = make_like(self, self.dtype());
  if (out.numel() > 0) backend_for(out).flip(out, self, mask);
  return out;
}

Tensor fliplr(const Tensor& self) {
  RT_CHECK(self.dim() >= 2, Shape, "fliplr", "Input must be >= 2-d.");
  return rustorch::flip(self, 1);
}
Tensor flipud(const Tensor& self) {
  RT_CHECK(self.dim() >= 1, Shape, "flipud", "Input must be >= 1-d.");
  return rustorch::flip(self, 0);
}

Tensor roll(const Tensor& self, IntArrayRef shifts, IntArrayRef dims) {
  RT_CHECK(!shifts.empty(), Value, "roll", "`shifts` required");
  if (dims.empty()) {
    RT_CHECK(shifts.size() == 1, Value, "roll", "shifts and dimensions must align. shifts: ", shifts.size(),
             ", dims:0");
    Tensor flat = impl::roll(rustorch::reshape(self, {-1}), shifts, {int64_t{0}});
    return rustorch::reshape(flat, self.sizes());
  }
  RT_CHECK(shifts.size() == dims.size(), Value, "roll",
           "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
  Tensor in = self;
  for (size_t i = 0; i < dims.size(); ++i) {
    RT_CHECK(self.dim() > 0, Index, "roll", "Dimension specified as ", dims[i],
             " but tensor has no dimensions");
    const auto d = static_cast<int>(wrap_dim("roll", dims[i], self.dim()));
    if (self.dim() == 0 || self.numel() == 0) return impl::clone(self, std::nullopt);
    const int64_t n = in.impl()->size(d);
    const int64_t shift = ((shifts[i] % n) + n) % n;
    Tensor out = make_image(in.sizes(), in.dtype(), in.device(), shift > 0 && lies_channels_last(in));
    copy_data(impl::narrow(out, d, shift, n - shift), impl::narrow(in, d, 0, n - shift));
    if (shift > 0) copy_data(impl::narrow(out, d, 0, shift), impl::narrow(in, d, n - shift, shift));
    in = out;
  }
  return in;
}

Tensor rot90(const Tensor& self, int64_t k, IntArrayRef dims) {
  RT_CHECK(dims.size() == 2, Value, "rot90",
           "expected total rotation dims == 2, but got dims = ", dims.size());
  RT_CHECK(self.dim() >= 2, Shape, "rot90", "expected total dims >= 2, but got total dims = ", self.dim());
  const int64_t a = wrap_dim("rot90", dims[0], self.dim()), b = wrap_dim("rot90", dims[1], self.dim());
  RT_CHECK(a != b, Value, "rot90", "expected rotation dims to be different, but got dim0 = ", dims[0],
           " and dim1 = ", dims[1]);
  switch (((k % 4) + 4) % 4) {
    case 1:
      return rustorch::transpose(rustorch::flip(self, b), a, b);
    case 2:
      return rustorch::flip(self, {a, b});
    case 3:
      return rustorch::transpose(rustorch::flip(self, a), a, b);
    default:
      return rustorch::clone(self, MemoryFormat::Contiguous);
  }
}

Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
  RT_CHECK(self.dim() > 0, Shape, "diag_embed", "expected at least one dimension, got a 0-d tensor");
  const int n = static_cast<int>(self.dim()) + 1;
  const auto a = static_cast<int>(wrap_dim("diag_embed", dim1, n)),
             b = static_cast<int>(wrap_dim("diag_embed", dim2, n));
  RT_CHECK(a != b, Value, "diag_embed", "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  const int64_t length = self.size(-1), side = length + std::abs(offset);
  DimArray size(self.sizes());
  size.erase(n - 2);
  size.insert(std::min(a, b), side);
  size.insert(std::max(a, b), side);
  Tensor out = impl::zeros(size, self.dtype(), self.device(), false);
  copy_data(impl::diagonal(out, offset, a, b), self);
  return out;
}

Tensor diag(const Tensor& self, int64_t diagonal) {
  RT_CHECK(self.dim() == 1 || self.dim() == 2, Shape, "diag", "Supports 1D or 2D tensors. Got ", self.dim(),
           "D");
  if (self.dim() == 1) return rustorch::diag_embed(self, diagonal);
  return rustorch::clone(rustorch::diagonal(self, diagonal), MemoryFormat::Contiguous);
}

Tensor diagflat(const Tensor& self, int64_t offset) {
  return rustorch::diag_embed(rustorch::reshape(self, {-1}), offset);
}

Tensor trace(const Tensor& self) {
  RT_CHECK(self.dim() == 2, Shape, "trace", "expected a matrix, but got tensor with dim ", self.dim());
  return rustorch::sum_to_size(rustorch::diagonal(self), {});
}

namespace {
Tensor triangle(const char* op, const Tensor& self, int64_t diagonal, bool upper) {
  RT_CHECK(self.dim() >= 2, Shape, op, "input tensor must have at least 2 dimensions");
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  if (out.numel() > 0) backend_for(out).triangle({out, self, diagonal, upper});
  return out;
}
}  // namespace

Tensor tril(const Tensor& self, int64_t diagonal) { return triangle("tril", self, diagonal, false); }
Tensor triu(const Tensor& self, int64_t diagonal) { return triangle("triu", self, diagonal, true); }

}  // namespace impl
}  // namespace rustorch
