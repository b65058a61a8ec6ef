#include "ops/index_grad.h"

#include "autograd/transform_call.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/sparse.h"

namespace rustorch {

namespace {
Tensor zeros_for(const Tensor& g, IntArrayRef sizes) {
  return transforming() ? transform_zeros(sizes, g) : zeros(sizes, g.dtype(), g.device());
}

bool same_shape(IntArrayRef a, IntArrayRef b) { return a == b; }
}  // namespace

Tensor index_backward(const Tensor& g, IntArrayRef sizes, ArrayRef<std::optional<Tensor>> indices) {
  return index_put(zeros_for(g, sizes), indices, g, true);
}

Tensor index_put_self_backward(const Tensor& g, ArrayRef<std::optional<Tensor>> indices, bool accumulate) {
  return accumulate ? g : index_put(g, indices, zeros_for(g, {}), false);
}

Tensor index_put_values_backward(const Tensor& g, ArrayRef<std::optional<Tensor>> indices,
                                 IntArrayRef sizes) {
  return index(g, indices).sum_to_size(sizes);
}

Tensor index_select_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, const Tensor& index) {
  if (sizes.empty()) return g.reshape({});
  return zeros_for(g, sizes).index_add(dim, index, g);
}

Tensor index_add_source_backward(const Tensor& g, int64_t dim, const Tensor& index, const Scalar& alpha,
                                 IntArrayRef sizes) {
  Tensor part = g.index_select(dim, index_list(index)).reshape(sizes);
  return alpha.equal(1) ? part : part * alpha;
}

Tensor index_list(const Tensor& index) { return index.dim() == 0 ? index.reshape({1}) : index; }

Tensor masked_select_backward(const Tensor& g, IntArrayRef sizes, const Tensor& mask) {
  const DimVector common = broadcast_shapes("masked_select", sizes, mask.sizes());
  return zeros_for(g, common).masked_scatter(mask, g).sum_to_size(sizes);
}

Tensor masked_scatter_source_backward(const Tensor& g, const Tensor& mask, IntArrayRef sizes) {
  Tensor used = g.masked_select(mask.expand(g.sizes()));
  const int64_t total = numel_of(sizes);
  if (used.numel() < total) {
    const Tensor parts[] = {used, zeros_for(g, {total - used.numel()})};
    used = cat(TensorList(parts), 0);
  }
  return used.reshape(sizes);
}

Tensor take_backward(const Tensor& g, IntArrayRef sizes, const Tensor& index) {
  return zeros_for(g, sizes).put(index, g, true);
}

Tensor put_self_backward(const Tensor& g, const Tensor& index, bool accumulate) {
  return accumulate ? g : g.put(index, zeros_for(g, index.sizes()), false);
}

Tensor gather_backward(const Tensor& g, IntArrayRef sizes, int64_t dim, const Tensor& index, bool sparse) {
  if (sparse) return _gather_sparse_backward(g, sizes, dim, index);
  return zeros_for(g, sizes).scatter_add(dim, index, g);
}

Tensor scatter_src_backward(const Tensor& g, int64_t dim, const Tensor& index, IntArrayRef sizes) {
  Tensor part = g.gather(dim, index);
  if (same_shape(part.sizes(), sizes)) return part;
  Tensor out = zeros_for(g, sizes);
  Tensor target = out;
  for (int64_t d = 0; d < part.dim() && d < out.dim(); ++d) target = narrow(target, d, 0, part.size(d));
  target.copy_(part);
  return out;
}

namespace {

/// For amax and amin: the gradient divided among all values equal to the result.
std::tuple<Tensor, Tensor> extreme_backward(const Tensor& g, const Tensor& self, int64_t dim,
                                            const Tensor& index, const Tensor& src, const Tensor& result) {
  Tensor chosen = result.gather(dim, index);
  Tensor self_wins = eq(self, result).to(g.dtype());
  Tensor src_wins = eq(src, chosen).to(g.dtype());
  Tensor winners = self_wins.scatter_add(dim, index, src_wins);
  Tensor share = g / winners;
  return {self_wins * share, src_wins * share.gather(dim, index)};
}

/// For prod: result / value, or the product of the others where the value is the only zero of its place.
Tensor product_source_backward(const Tensor& g, const Tensor& self, int64_t dim, const Tensor& index,
                               const Tensor& src, const Tensor& result) {
  Tensor is_zero = eq(src, Scalar(0));
  Tensor zeros_at = zeros_like(self).scatter_add(dim, index, is_zero.to(self.dtype())).gather(dim, index);
  Tensor single_zero = is_zero.logical_and(eq(zeros_at, Scalar(1)));
  Tensor others = scatter_reduce(self, dim, index, src.masked_fill(single_zero, Scalar(1)), "prod");
  Tensor quotient = (g * result).gather(dim, index) / src.masked_fill(is_zero, Scalar(1));
  return where(single_zero, (g * others).gather(dim, index), quotient);
}

}  // namespace

std::tuple<Tensor, Tensor> scatter_reduce_backward(const Tensor& g, const Tensor& self, int64_t dim,
                                                   const Tensor& index, const Tensor& full_src,
                                                   std::string_view reduce, bool include_self,
                                                   const Tensor& result) {
  if (index.numel() == 0) return {g, zeros_like(full_src)};
  Tensor src = full_src;  // only the part that index covers took part
  for (int64_t d = 0; d < index.dim() && d < src.dim(); ++d) src = narrow(src, d, 0, index.size(d));
  Tensor grad_self, grad_src;
  if (reduce == "sum") {
    grad_self = g;
    grad_src = g.gather(dim, index);
  } else if (reduce == "mean") {
    Tensor count =
        (include_self ? ones_like(self) : zeros_like(self)).scatter_add(dim, index, ones_like(src));
    count = count.masked_fill(eq(count, Scalar(0)), Scalar(1));
    Tensor share = g / count;
    grad_self = share;
    grad_src = share.gather(dim, index);
  } else if (reduce == "prod") {
    Tensor base = include_self ? self : self.scatter(dim, index, Scalar(1));
    Tensor others = scatter_reduce(ones_like(self), dim, index, src, "prod");
    grad_self = g * others;
    grad_src = product_source_backward(g, base, dim, index, src, result);
  } else {
    const bool low = reduce == "amax";
    Tensor base = include_self ? self
                               : self.scatter(dim, index,
                                              low ? Scalar(-std::numeric_limits<double>::infinity())
                                                  : Scalar(std::numeric_limits<double>::infinity()));
    std::tie(grad_self, grad_src) = extreme_backward(g, base, dim, index, src, result);
  }
  if (!include_self) grad_self = grad_self.scatter(dim, index, Scalar(0));
  if (!same_shape(grad_src.sizes(), full_src.sizes())) {
    Tensor wide = zeros_like(full_src);
    Tensor target = wide;
    for (int64_t d = 0; d < grad_src.dim() && d < wide.dim(); ++d)
      target = narrow(target, d, 0, grad_src.size(d));
    target.copy_(grad_src);
    grad_src = wide;
  }
  return {grad_self, grad_src};
}

}  // namespace rustorch
