// Gradient pieces of embeddings and padding, from public operators.
#include "ops/nn_grad.h"

#include <limits>

#include "core/layout_algebra.h"
#include "rustorch/grad_mode.h"
#include "ops/sparse_grad.h"
#include "rustorch/ops.h"
#include "rustorch/sparse.h"

namespace rustorch {

Tensor embedding_double_backward(const Tensor& gg, const Tensor& indices, int64_t padding_idx,
                                 bool scale_grad_by_freq) {
  Tensor rows = embedding(gg, indices);
  if (scale_grad_by_freq) {
    const Tensor flat = reshape(indices, {-1});
    const Tensor counts = index_add(zeros({gg.size(0)}, gg.dtype(), gg.device()), 0, flat,
                                    ones({flat.numel()}, gg.dtype(), gg.device()));
    rows = div(rows, unsqueeze(reshape(index_select(counts, 0, flat), indices.sizes()), -1));
  }
  if (padding_idx >= 0) rows = masked_fill(rows, unsqueeze(eq(indices, Scalar(padding_idx)), -1), Scalar(0));
  return rows;
}

std::tuple<Tensor, Tensor, Tensor> attention_grads(const Tensor& g, const Tensor& query, const Tensor& key,
                                                   const Tensor& value, const Tensor& lse, bool is_causal,
                                                   double scale, const std::array<bool, 3>&) {
  if (!GradMode::is_enabled()) return _attention_backward(g, query, key, value, lse, is_causal, scale);
  Tensor scores = mul(matmul(query, transpose(key, -2, -1)), scale);
  if (is_causal) {
    const Tensor allowed = tril(ones({query.size(-2), key.size(-2)}, kBool, query.device()));
    scores = masked_fill(scores, logical_not(allowed), Scalar(-std::numeric_limits<double>::infinity()));
  }
  const Tensor p = softmax(scores, -1);
  const Tensor gv = matmul(transpose(p, -2, -1), g);
  const Tensor gs = mul(_softmax_backward(matmul(g, transpose(value, -2, -1)), p, -1), scale);
  return {matmul(gs, key), matmul(transpose(gs, -2, -1), query), gv};
}

Tensor constant_pad_backward(const Tensor& g, IntArrayRef pad) {
  DimVector negative;
  for (const int64_t p : pad) negative.push_back(-p);
  return constant_pad_nd(g, negative, 0);
}

Tensor embedding_backward(const Tensor& g, const Tensor& indices, int64_t num_weights, int64_t padding_idx,
                          bool scale_grad_by_freq, bool sparse) {
  if (sparse) return _embedding_sparse_backward(g, indices, num_weights, padding_idx, scale_grad_by_freq);
  return embedding_dense_backward(g, indices, num_weights, padding_idx, scale_grad_by_freq);
}

}  // namespace rustorch
