#include "ops/view_grad.h"

#include <algorithm>

#include "autograd/transform_call.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {

Tensor zeros_for(const Tensor& g, IntArrayRef sizes) {
  return transforming() ? transform_zeros(sizes, g) : zeros(sizes, g.dtype(), g.device());
}

/// The pieces of a list that got no gradient become zeros of the shape that shape_of(i) gives. Empty: none
/// has one.
template <class F>
std::vector<Tensor> fill_gaps(const std::vector<Tensor>& gs, F&& shape_of) {
  const Tensor* some = nullptr;
  for (const Tensor& g : gs)
    if (g.defined()) some = &g;
  if (some == nullptr) return {};
  std::vector<Tensor> parts(gs);
  for (size_t i = 0; i < parts.size(); ++i)
    if (!parts[i].defined()) parts[i] = zeros_for(*some, shape_of(i));
  return parts;
}

}  // namespace

Tensor permute_backward(const Tensor& g, IntArrayRef dims) {
  const auto n = static_cast<int64_t>(dims.size());
  DimArray inverse(static_cast<int>(n), 0);
  for (int64_t i = 0; i < n; ++i) inverse[static_cast<int>(wrap_dim("permute", dims[i], n))] = i;
  return permute(g, inverse.ref());
}

Tensor select_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t index) {
  Tensor out = zeros_for(g, sizes);
  select(out, dim, index).copy_(g);
  return out;
}

Tensor slice_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, std::optional<int64_t> start,
                      std::optional<int64_t> end, int64_t step) {
  Tensor out = zeros_for(g, sizes);
  slice(out, dim, start, end, step).copy_(g);
  return out;
}

Tensor narrow_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t start) {
  Tensor out = zeros_for(g, sizes);
  narrow(out, dim, start, g.size(dim)).copy_(g);
  return out;
}

Tensor diagonal_backward(const Tensor& g, IntArrayRef sizes, int64_t offset, int64_t dim1, int64_t dim2) {
  Tensor out = zeros_for(g, sizes);
  diagonal(out, offset, dim1, dim2).copy_(g);
  return out;
}

Tensor unfold_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, int64_t size, int64_t step) {
  const auto n = static_cast<int64_t>(sizes.size());
  if (n == 0) return g.reshape({});
  const int64_t d = wrap_dim("unfold", dim, n);
  if (step >= size) {  // windows do not overlap: one write
    Tensor out = zeros_for(g, sizes);
    out.unfold(d, size, step).copy_(g);
    return out;
  }
  const Tensor at =
      arange(sizes[static_cast<size_t>(d)], kInt64, g.device()).unfold(0, size, step).reshape({-1});
  const Tensor flat = g.movedim(n, d + 1).flatten(d, d + 1);
  return zeros_for(g, sizes).index_add(d, at, flat);
}

namespace {

/// The storage places of a layout relative to base, as an int64 tensor of its shape.
Tensor storage_places(IntArrayRef sizes, IntArrayRef strides, int64_t base, Device device) {
  Tensor at = full({}, Scalar(base), kInt64, device);
  for (size_t d = 0; d < sizes.size(); ++d) {
    DimArray shape(static_cast<int>(sizes.size()), 1);
    shape[static_cast<int>(d)] = sizes[d];
    at = at + (arange(sizes[d], kInt64, device) * Scalar(strides[d])).reshape(shape.ref());
  }
  return at;
}

}  // namespace

Tensor as_strided_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                           int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                           std::optional<int64_t> storage_offset) {
  if (numel_of(self_sizes) == 0 || g.numel() == 0) return zeros_for(g, self_sizes);
  const int64_t out_offset = storage_offset.value_or(self_offset);
  int64_t first_in, last_in, first_out, last_out;
  extent(self_sizes, self_strides, &first_in, &last_in);
  extent(size, stride, &first_out, &last_out);
  const int64_t low = std::min(self_offset + first_in, out_offset + first_out);
  const int64_t high = std::max(self_offset + last_in, out_offset + last_out);
  Tensor places = zeros_for(g, {high - low + 1});
  if (may_overlap(size, stride))
    places = places.index_add(0, storage_places(size, stride, out_offset - low, g.device()).reshape({-1}),
                              g.reshape({-1}));
  else
    places.as_strided(size, stride, out_offset - low).copy_(g);
  if (may_overlap(self_sizes, self_strides)) {
    const Tensor at = storage_places(self_sizes, self_strides, self_offset - low, g.device()).reshape({-1});
    const Tensor count =
        zeros_for(g, {high - low + 1}).index_add(0, at, ones({at.numel()}, g.dtype(), g.device()));
    places = places / count;  // places that self does not reach are never read below
  }
  return places.as_strided(self_sizes, self_strides, self_offset - low).clone();
}

namespace {

/// The gradient g of a tensor of the given layout in a buffer of its storage range and that of the scattered
/// part.
Tensor laid_out(const Tensor& g, IntArrayRef sizes, IntArrayRef strides, int64_t offset, IntArrayRef size,
                IntArrayRef stride, int64_t out_offset) {
  int64_t first_in = 0, last_in = -1, first_out = 0, last_out = -1;
  if (numel_of(sizes) > 0) extent(sizes, strides, &first_in, &last_in);
  if (numel_of(size) > 0) extent(size, stride, &first_out, &last_out);
  Tensor places = zeros_for(g, {std::max(offset + last_in, out_offset + last_out) + 1});
  if (g.numel() > 0) places.as_strided(sizes, strides, offset).copy_(g);
  return places;
}

}  // namespace

Tensor as_strided_scatter_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                                   int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                                   std::optional<int64_t> storage_offset) {
  const int64_t out_offset = storage_offset.value_or(self_offset);
  if (may_overlap(self_sizes, self_strides))  // the result was a contiguous copy
    return as_strided_scatter_backward(g, self_sizes, contiguous_strides(self_sizes), 0, size, stride,
                                       storage_offset.value_or(0));
  Tensor places = laid_out(g, self_sizes, self_strides, self_offset, size, stride, out_offset);
  if (numel_of(size) > 0) places.as_strided(size, stride, out_offset).fill_(Scalar(0));
  return places.as_strided(self_sizes, self_strides, self_offset).clone();
}

Tensor as_strided_scatter_src_backward(const Tensor& g, IntArrayRef self_sizes, IntArrayRef self_strides,
                                       int64_t self_offset, IntArrayRef size, IntArrayRef stride,
                                       std::optional<int64_t> storage_offset, IntArrayRef src_sizes) {
  if (may_overlap(self_sizes, self_strides))
    return as_strided_scatter_src_backward(g, self_sizes, contiguous_strides(self_sizes), 0, size, stride,
                                           storage_offset.value_or(0), src_sizes);
  const int64_t out_offset = storage_offset.value_or(self_offset);
  const Tensor places = laid_out(g, self_sizes, self_strides, self_offset, size, stride, out_offset);
  return places.as_strided(size, stride, out_offset).clone().sum_to_size(src_sizes);
}

Tensor real_view_backward(const Tensor& g, DType dtype) { return g.to(dtype); }

Tensor imag_view_backward(const Tensor& g, DType dtype) {
  return g.to(dtype) * Scalar(std::complex<double>(0, 1));
}

Tensor split_backward(const std::vector<Tensor>& gs, IntArrayRef split_sizes, int64_t dim,
                      IntArrayRef sizes) {
  const int64_t d = wrap_dim("split", dim, static_cast<int64_t>(sizes.size()));
  const std::vector<Tensor> parts = fill_gaps(gs, [&](size_t i) {
    DimArray shape(sizes);
    shape[static_cast<int>(d)] = split_sizes[i];
    return shape;
  });
  return parts.empty() ? Tensor() : cat(TensorList(parts), d);
}

Tensor split_equal_backward(const std::vector<Tensor>& gs, int64_t split_size, int64_t dim,
                            IntArrayRef sizes) {
  const int64_t d = wrap_dim("split", dim, static_cast<int64_t>(sizes.size()));
  std::vector<int64_t> lengths(gs.size(), split_size);
  lengths.back() = sizes[static_cast<size_t>(d)] - split_size * static_cast<int64_t>(gs.size() - 1);
  return split_backward(gs, lengths, d, sizes);
}

Tensor unbind_backward(const std::vector<Tensor>& gs, int64_t dim, IntArrayRef sizes) {
  const int64_t d = wrap_dim("unbind", dim, static_cast<int64_t>(sizes.size()));
  const std::vector<Tensor> parts = fill_gaps(gs, [&](size_t) {
    DimArray shape(sizes);
    shape.erase(static_cast<int>(d));
    return shape;
  });
  return parts.empty() ? Tensor() : stack(TensorList(parts), d);
}

Tensor to_copy_backward(const Tensor& g, DType dtype, Device device) {
  if (is_complex(g.dtype()) && !is_complex(dtype)) return real(g).to(device, dtype);
  return g.to(device, dtype);
}

Tensor copy_backward(const Tensor& g, IntArrayRef sizes, DType dtype, Device device) {
  return to_copy_backward(g.sum_to_size(sizes), dtype, device);
}

Tensor masked_fill_backward(const Tensor& g, const Tensor& mask, IntArrayRef sizes) {
  return g.masked_fill(mask, Scalar(0)).sum_to_size(sizes);
}

Tensor masked_fill_value_backward(const Tensor& g, const Tensor& mask) {
  return sum_to_zero_dim(g.masked_fill(mask.logical_not(), Scalar(0)));
}

Tensor sum_to_zero_dim(const Tensor& g) { return g.sum_to_size({}); }

}  // namespace rustorch
