// Gradient pieces of embeddings and padding, from public operators.
#include "ops/nn_grad.h"

#include "core/layout_algebra.h"
#include "rustorch/ops.h"

namespace rustorch {

Tensor embedding_double_backward(const Tensor& gg, const Tensor& indices, int64_t padding_idx,
                                 bool scale_grad_by_freq) {
  Tensor rows = embedding(gg, indices);
  if (scale_grad_by_freq) {
    const Tensor flat = reshape(indices, {-1});
    const Tensor counts =
        index_add(zeros({gg.size(0)}, gg.dtype()), 0, flat, ones({flat.numel()}, gg.dtype()));
    rows = div(rows, unsqueeze(reshape(index_select(counts, 0, flat), indices.sizes()), -1));
  }
  if (padding_idx >= 0) rows = masked_fill(rows, unsqueeze(eq(indices, Scalar(padding_idx)), -1), Scalar(0));
  return rows;
}

Tensor constant_pad_backward(const Tensor& g, IntArrayRef pad) {
  DimVector negative;
  for (const int64_t p : pad) negative.push_back(-p);
  return constant_pad_nd(g, negative, 0);
}

}  // namespace rustorch
