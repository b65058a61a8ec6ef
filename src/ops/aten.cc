// Bodies of the operators that ops/aten.ops declares: compositions under the names of PyTorch's operator
// registry.
#include <cmath>
#include <limits>

#include "autograd/transform_values.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "gen/impl.h"
#include "gen/impl_aten.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch::impl {

Tensor empty_permuted(IntArrayRef size, IntArrayRef physical_layout, std::optional<DType> dtype,
                      std::optional<Device> device, bool requires_grad) {
  const auto n = static_cast<int>(size.size());
  RT_CHECK(physical_layout.size() == size.size(), Shape, "empty_permuted",
           "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = ",
           size.size(), " is not equal to len(physical_layout) = ", physical_layout.size());
  DimArray sizes, places(n, 0);
  uint64_t seen = 0;
  for (int i = 0; i < n; ++i) {
    const int64_t d = physical_layout[static_cast<size_t>(i)];
    RT_CHECK(d >= 0 && d < n, Index, "empty_permuted",
             "Dimension out of range (expected to be between 0 and ", n - 1, ", but got ", d, " at index ", i,
             ").  NB: negative dims not currently supported; file an issue if you want it.");
    RT_CHECK((seen >> d & 1) == 0, Value, "empty_permuted", "Duplicate dim not allowed");
    seen |= uint64_t{1} << d;
    sizes.push(size[static_cast<size_t>(d)]);
    places[static_cast<int>(d)] = i;
  }
  Tensor out = rustorch::permute(rustorch::empty(sizes.ref(), dtype.value_or(get_default_dtype()), device),
                                 places.ref());
  if (requires_grad) out.requires_grad_(true);
  return out;
}

Tensor detach_copy(const Tensor& self) { return rustorch::clone(self.detach()); }

std::vector<Tensor> unsafe_split(const Tensor& self, int64_t split_size, int64_t dim) {
  return impl::split(self, split_size, dim);
}

std::vector<Tensor> unsafe_split_with_sizes(const Tensor& self, IntArrayRef split_sizes, int64_t dim) {
  return impl::split_with_sizes(self, split_sizes, dim);
}

std::vector<Tensor> unsafe_chunk(const Tensor& self, int64_t chunks, int64_t dim) {
  RT_CHECK(self.dim() > 0, Shape, "unsafe_chunk", "chunk expects at least a 1-dimensional tensor");
  RT_CHECK(chunks > 0, Value, "unsafe_chunk", "chunk expects `chunks` to be greater than 0, got: ", chunks);
  const int64_t each = (self.size(dim) + chunks - 1) / chunks;
  if (each > 0) return rustorch::unsafe_split(self, each, dim);
  const std::vector<int64_t> none(static_cast<size_t>(chunks), 0);
  return rustorch::unsafe_split_with_sizes(self, none, dim);
}

Tensor slice_inverse(const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> /*end*/, int64_t step) {
  const auto d = static_cast<int>(wrap_dim("slice_inverse", dim, src.dim()));
  DimArray strides(self.strides());
  strides[d] /= step;
  int64_t first = start.value_or(0);
  if (first < 0) first += src.size(d);
  return rustorch::as_strided(self, src.sizes(), strides.ref(), self.storage_offset() - first * strides[d]);
}

Tensor native_channel_shuffle(const Tensor& self, int64_t groups) {
  RT_CHECK(self.dim() > 2, Shape, "channel_shuffle", "expects input with > 2 dims, but got input with sizes ",
           self.sizes());
  RT_CHECK(groups > 0 && self.size(1) % groups == 0, Value, "channel_shuffle",
           "Number of channels must be divisible by groups. Got ", self.size(1), " channels and ", groups,
           " groups.");
  if (self.numel() == 0) return rustorch::clone(self);
  DimArray shape(self.sizes());
  shape[1] = groups;
  shape.insert(2, self.size(1) / groups);
  const Tensor split = rustorch::transpose(rustorch::reshape(self, shape.ref()), 1, 2);
  return rustorch::reshape(rustorch::clone(split, MemoryFormat::Contiguous), self.sizes());
}

Tensor _chunk_cat(TensorList tensors, int64_t dim, int64_t num_chunks) {
  RT_CHECK(!tensors.empty(), Value, "_chunk_cat", "_chunk_cat expects a non-empty input tensor list");
  RT_CHECK(num_chunks >= 1, Value, "_chunk_cat", "_chunk_cat expects positive num_chunks");
  std::vector<Tensor> rows;
  rows.reserve(tensors.size());
  const int64_t d = wrap_dim("_chunk_cat", dim, tensors[0].dim());
  for (const Tensor& t : tensors) {
    RT_CHECK(t.numel() > 0, Value, "_chunk_cat", "_chunk_cat expects non-empty tensor");
    RT_CHECK(t.dtype() == tensors[0].dtype(), DType, "_chunk_cat",
             "_chunk_cat expects all input tensors with the same dtype");
    RT_CHECK(t.dim() > d, Shape, "_chunk_cat", "_chunk_cat expects dim < ndim for all input tensors");
    for (int64_t k = 0; k < d; ++k)
      RT_CHECK(t.size(k) == tensors[0].size(k), Shape, "_chunk_cat",
               "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors");
    const int64_t each = (t.size(d) + num_chunks - 1) / num_chunks;
    Tensor whole = t;
    if (each * num_chunks != t.size(d)) {
      DimArray more(t.sizes());
      more[static_cast<int>(d)] = each * num_chunks - t.size(d);
      const Tensor parts[] = {t, rustorch::zeros(more.ref(), t.dtype(), t.device())};
      whole = rustorch::cat(TensorList(parts, 2), d);
    }
    DimArray shape;
    for (int64_t k = 0; k < d; ++k) shape.push(t.size(k));
    shape.push(num_chunks);
    shape.push(-1);
    rows.push_back(rustorch::reshape(whole, shape.ref()));
  }
  return rustorch::cat(rows, d + 1);
}

namespace {

/// The indices with those that the mask leaves out brought into range.
std::vector<std::optional<Tensor>> safe_indices(const Tensor& self, ArrayRef<std::optional<Tensor>> indices) {
  std::vector<std::optional<Tensor>> out;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i]) {
      out.emplace_back();
      continue;
    }
    const int64_t size = self.size(static_cast<int64_t>(i));
    out.emplace_back(rustorch::clamp(*indices[i], Scalar(-size), Scalar(size - 1)));
  }
  return out;
}

}  // namespace

Tensor _unsafe_masked_index(const Tensor& self, const Tensor& mask, ArrayRef<std::optional<Tensor>> indices,
                            const Scalar& fill) {
  if (self.numel() == 0) return rustorch::full(mask.sizes(), fill, self.dtype(), self.device());
  const Tensor taken = rustorch::index(self, safe_indices(self, indices));
  return rustorch::masked_fill(taken, rustorch::logical_not(mask), fill);
}

Tensor _unsafe_masked_index_put_accumulate(const Tensor& self, const Tensor& mask,
                                           ArrayRef<std::optional<Tensor>> indices, const Tensor& values) {
  if (self.numel() == 0) return rustorch::clone(self);
  const Tensor kept = rustorch::masked_fill(values, rustorch::logical_not(mask), Scalar(0));
  return rustorch::index_put(self, safe_indices(self, indices), kept, true);
}

namespace {

/// Lengths of the segments, checked: [dims before axis..., segments].
Tensor segment_lengths(const Tensor& data, const std::optional<Tensor>& lengths,
                       const std::optional<Tensor>& offsets, int64_t axis, bool unsafe) {
  RT_CHECK(lengths.has_value() || offsets.has_value(), Value, "segment_reduce",
           "Either lengths or offsets must be defined");
  const Tensor& given = lengths ? *lengths : *offsets;
  RT_CHECK(is_integral(given.dtype(), false), DType, "segment_reduce",
           "Expected lengths or offsets to be of an integer type; got ", dtype_scalar_name(given.dtype()));
  RT_CHECK(given.dim() == axis + 1, Shape, "segment_reduce", "Expected axis to be the last dimension of ",
           lengths ? "lengths" : "offsets", " but got axis ", axis, " for a tensor of ", given.dim(),
           " dimensions");
  for (int64_t d = 0; d < axis; ++d)
    RT_CHECK(given.size(d) == data.size(d), Shape, "segment_reduce",
             "Expected the sizes before axis to match; got ", given.sizes(), " and ", data.sizes());
  Tensor out = rustorch::to(given, kInt64);
  if (!lengths)
    out = rustorch::sub(rustorch::slice(out, -1, 1, std::nullopt, 1), rustorch::slice(out, -1, 0, -1, 1));
  if (unsafe) return out;
  RT_CHECK(out.numel() == 0 || rustorch::min(out).item().to_int() >= 0, Value, "segment_reduce",
           "lengths contains negative value!");
  if (lengths) {
    const Tensor total = rustorch::sum(out, -1, false);
    RT_CHECK(rustorch::all(rustorch::eq(total, Scalar(data.size(axis)))).item().to_bool(), Value,
             "segment_reduce",
             "Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.");
  }
  return out;
}

Scalar segment_start(std::string_view reduce) {
  if (reduce == "prod") return 1.0;
  if (reduce == "max") return -std::numeric_limits<double>::infinity();
  if (reduce == "min") return std::numeric_limits<double>::infinity();
  return 0.0;
}

}  // namespace

Tensor segment_reduce(const Tensor& self, std::string_view reduce, const std::optional<Tensor>& lengths,
                      const std::optional<Tensor>& indices, const std::optional<Tensor>& offsets,
                      int64_t axis, bool unsafe, const std::optional<Scalar>& initial) {
  RT_CHECK(!indices.has_value(), NotImplemented, "segment_reduce",
           "indices based reduction is not supported; pass lengths or offsets");
  RT_CHECK(is_floating_point(self.dtype()), NotImplemented, "segment_reduce",
           "\"_segment_reduce\" not implemented for '", dtype_scalar_name(self.dtype()), "'");
  RT_CHECK(reduce == "sum" || reduce == "mean" || reduce == "max" || reduce == "min" || reduce == "prod",
           Value, "segment_reduce", "unsupported reduction given: ", reduce);
  const int64_t d = wrap_dim("segment_reduce", axis, self.dim());
  const Tensor counts = segment_lengths(self, lengths, offsets, d, unsafe);
  const int64_t segments = counts.size(d);

  // The segment of a position is the number of segment ends at or before it; what lies outside of the offsets
  // goes to one more row, which is dropped.
  Tensor ends = rustorch::cumsum(counts, -1);
  const Tensor at = rustorch::arange(Scalar(0), Scalar(self.size(d)), Scalar(1), kInt64, self.device());
  Tensor first;
  if (!lengths) {
    first = rustorch::slice(rustorch::to(*offsets, kInt64), -1, 0, 1, 1);
    ends = rustorch::add(ends, first);
  }
  Tensor ids =
      rustorch::sum(rustorch::ge(rustorch::unsqueeze(at, -1), rustorch::unsqueeze(ends, -2)), -1, false);
  if (!lengths) ids = rustorch::where(rustorch::lt(at, first), Scalar(segments), ids);
  DimArray shape(ids.sizes());
  for (int64_t k = d + 1; k < self.dim(); ++k) shape.push(1);
  ids = rustorch::expand(rustorch::reshape(ids, shape.ref()), self.sizes());

  DimArray out_shape(self.sizes());
  out_shape[static_cast<int>(d)] = segments + 1;
  const Tensor base =
      rustorch::full(out_shape.ref(), initial.value_or(segment_start(reduce)), self.dtype(), self.device());
  const std::string_view mode = reduce == "max"    ? "amax"
                                : reduce == "min"  ? "amin"
                                : reduce == "prod" ? "prod"
                                                   : "sum";
  Tensor out = rustorch::scatter_reduce(base, d, ids, self, mode, true);
  out = rustorch::narrow(out, d, 0, segments);
  if (reduce != "mean") return rustorch::clone(out);
  DimArray count_shape(counts.sizes());
  for (int64_t k = d + 1; k < self.dim(); ++k) count_shape.push(1);
  const Tensor n = rustorch::reshape(counts, count_shape.ref());
  const Tensor mean = rustorch::div(out, rustorch::clamp_min(n, Scalar(1)));
  const double empty = initial ? initial->to_double() : std::numeric_limits<double>::quiet_NaN();
  return rustorch::masked_fill(mean, rustorch::eq(n, Scalar(0)), Scalar(empty));
}

Tensor _safe_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  const Tensor x = dtype ? rustorch::to(self, *dtype) : self;
  if (x.dim() > 0 && x.size(dim) == 0) return rustorch::softmax(x, dim);
  const Tensor hidden = rustorch::eq(x, Scalar(-std::numeric_limits<double>::infinity()));
  const Tensor empty = rustorch::all(hidden, dim, true);
  // such rows are taken out on both sides, so that the gradient has no nan either
  return rustorch::masked_fill(rustorch::softmax(rustorch::masked_fill(x, empty, Scalar(0)), dim), empty,
                               Scalar(0));
}

std::tuple<Tensor, Tensor> _scaled_dot_product_flash_attention_for_cpu(const Tensor& query, const Tensor& key,
                                                                       const Tensor& value, double dropout_p,
                                                                       bool is_causal,
                                                                       const std::optional<Tensor>& attn_mask,
                                                                       std::optional<double> scale) {
  const char* op = "_scaled_dot_product_flash_attention";
  RT_CHECK(is_floating_point(query.dtype()), DType, op,
           "Expected data type in FP32, FP64, BF16, FP16, but got ", dtype_scalar_name(query.dtype()),
           " instead.");
  RT_CHECK(query.dim() == 4 && key.dim() == 4 && value.dim() == 4, Shape, op,
           "Accept only 4 dims inputs shape of {B, H, T, K}");
  RT_CHECK(dropout_p == 0.0, Value, op, "Currently do not support dropout > 0");
  RT_CHECK(query.size(3) == value.size(3) && key.size(3) == value.size(3), Shape, op,
           "Q/K/V should have the same head size");
  const double factor = scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const DType wide = query.dtype() == kFloat64 ? kFloat64 : kFloat32;
  Tensor scores = rustorch::mul(
      rustorch::matmul(rustorch::to(query, wide), rustorch::transpose(rustorch::to(key, wide), -2, -1)),
      Scalar(factor));
  if (is_causal) {
    const Tensor keep = rustorch::tril(rustorch::ones({query.size(2), key.size(2)}, kBool, query.device()));
    scores = rustorch::masked_fill(scores, rustorch::logical_not(keep),
                                   Scalar(-std::numeric_limits<double>::infinity()));
  }
  if (attn_mask)
    scores = attn_mask->dtype() == kBool
                 ? rustorch::masked_fill(scores, rustorch::logical_not(*attn_mask),
                                         Scalar(-std::numeric_limits<double>::infinity()))
                 : rustorch::add(scores, *attn_mask);
  const Tensor out = rustorch::matmul(rustorch::_safe_softmax(scores, -1), rustorch::to(value, wide));
  return {rustorch::to(out, query.dtype()), rustorch::logsumexp(scores, -1, false)};
}

Tensor native_dropout_backward(const Tensor& grad_output, const Tensor& mask, double scale) {
  RT_CHECK(mask.dtype() == kBool, DType, "native_dropout_backward", "Mask should be Bool Scalar Type ",
           dtype_scalar_name(mask.dtype()));
  return rustorch::mul(rustorch::mul(grad_output, mask), Scalar(scale));
}

std::tuple<Tensor, Tensor, Tensor> native_group_norm(const Tensor& input, const std::optional<Tensor>& weight,
                                                     const std::optional<Tensor>& bias, int64_t N, int64_t C,
                                                     int64_t HxW, int64_t group, double eps) {
  RT_CHECK(group > 0 && C % group == 0, Value, "native_group_norm",
           "Expected number of channels in input to be divisible by num_groups, but got input of shape ",
           input.sizes(), " and num_groups=", group);
  RT_CHECK(input.numel() == N * C * HxW, Shape, "native_group_norm",
           "Expected input of N * C * HxW elements; got ", input.numel(), "; expected ", N * C * HxW);
  const auto all = rustorch::_group_norm(rustorch::reshape(input, {N, C, HxW}), group, weight, bias, eps);
  const auto shaped = [&](const Tensor& t) {
    return rustorch::to(rustorch::reshape(t, {N, group}), input.dtype());
  };
  const Tensor out = rustorch::reshape(std::get<0>(all), input.sizes());
  if (!will_differentiate(input) || input.numel() == 0)
    return {out, shaped(std::get<1>(all)), shaped(std::get<2>(all))};
  // the statistics of the kernel have no history; these have
  const Tensor groups = rustorch::reshape(input, {N, group, -1});
  const int64_t last[] = {-1};
  const Tensor variance = rustorch::var(groups, last, false);
  return {out, rustorch::mean(groups, last), rustorch::rsqrt(rustorch::add(variance, Scalar(eps)))};
}

std::tuple<Tensor, Tensor, Tensor> _native_batch_norm_legit(
    const Tensor& input, const std::optional<Tensor>& weight, const std::optional<Tensor>& bias,
    const Tensor& running_mean, const Tensor& running_var, bool training, double momentum, double eps) {
  return rustorch::native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps);
}

std::tuple<Tensor, Tensor, Tensor> _native_batch_norm_legit_no_stats(const Tensor& input,
                                                                     const std::optional<Tensor>& weight,
                                                                     const std::optional<Tensor>& bias,
                                                                     bool training, double momentum,
                                                                     double eps) {
  return rustorch::native_batch_norm(input, weight, bias, std::nullopt, std::nullopt, training, momentum,
                                     eps);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> _batch_norm_with_update(
    const Tensor& input, const std::optional<Tensor>& weight, const std::optional<Tensor>& bias,
    const Tensor& running_mean, const Tensor& running_var, double momentum, double eps) {
  const auto all =
      rustorch::native_batch_norm(input, weight, bias, running_mean, running_var, true, momentum, eps);
  return {std::get<0>(all), std::get<1>(all), std::get<2>(all), make_tensor({0}, kUInt8, input.device())};
}

Tensor max_pool2d_with_indices_backward(const Tensor& grad_output, const Tensor& self,
                                        IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding,
                                        IntArrayRef dilation, bool ceil_mode, const Tensor& indices) {
  (void)kernel_size, (void)stride, (void)padding, (void)dilation, (void)ceil_mode;  // indices say it all
  RT_CHECK(grad_output.dtype() == self.dtype(), DType, "max_pool2d_with_indices_backward", "expected dtype ",
           dtype_scalar_name(self.dtype()), " for `gradOutput` but got dtype ",
           dtype_scalar_name(grad_output.dtype()));
  RT_CHECK(self.dim() == 3 || self.dim() == 4, Shape, "max_pool2d_with_indices_backward",
           "expected 3D or 4D input tensor, but got ", self.sizes());
  RT_CHECK(grad_output.sizes() == indices.sizes(), Shape, "max_pool2d_with_indices_backward",
           "gradient and indices differ in shape; got ", grad_output.sizes(), " and ", indices.sizes());
  const int64_t planes = self.dim() - 2;
  const Tensor zero = rustorch::zeros(self.sizes(), self.dtype(), self.device());
  const Tensor flat = rustorch::scatter_add(rustorch::flatten(zero, planes, -1), planes,
                                            rustorch::flatten(indices, planes, -1),
                                            rustorch::flatten(grad_output, planes, -1));
  return rustorch::reshape(flat, self.sizes());
}

Tensor norm_except_dim(const Tensor& v, int64_t pow, int64_t dim) {
  if (dim == -1) return rustorch::norm(v, Scalar(pow));
  const int64_t d = wrap_dim("norm_except_dim", dim, v.dim());
  std::vector<int64_t> others;
  for (int64_t k = 0; k < v.dim(); ++k)
    if (k != d) others.push_back(k);
  return others.empty() ? rustorch::abs(v) : rustorch::norm(v, Scalar(pow), IntArrayRef(others), true);
}

Tensor conv_tbc(const Tensor& self, const Tensor& weight, const Tensor& bias, int64_t pad) {
  RT_CHECK(self.dim() == 3, Shape, "conv_tbc", "Input must have 3 dims: time, batch, in_channel");
  RT_CHECK(weight.dim() == 3, Shape, "conv_tbc",
           "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.");
  RT_CHECK(bias.dim() == 1, Shape, "conv_tbc", "Bias must be 1-D");
  const Tensor out = rustorch::conv1d(rustorch::permute(self, {1, 2, 0}),
                                      rustorch::permute(weight, {2, 1, 0}), bias, {1}, {pad});
  return rustorch::permute(out, {2, 0, 1});
}

}  // namespace rustorch::impl
