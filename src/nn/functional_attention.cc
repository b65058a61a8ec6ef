// Multi-head attention on [L, N, E], the same steps in the same order as the Python package.
#include <cmath>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn::functional {

Tensor canonical_mask(const Tensor& mask, DType dtype) {
  if (!mask.defined() || mask.is_floating_point()) return mask;
  RT_CHECK(mask.dtype() == kBool, Type, "attention", "only bool and floating types of masks are supported");
  return zeros_like(mask, dtype).masked_fill_(mask, Scalar(-kInfinity));
}

namespace {
struct Projected {
  Tensor q, k, v;
};

/// linear of [L, N, E] without a copy of x where its memory is [N, L, E], as with batch_first.
Tensor project_one(const Tensor& x, const Tensor& weight, const std::optional<Tensor>& bias) {
  if (x.stride(0) < x.stride(1)) return linear(x.transpose(0, 1), weight, bias).transpose(0, 1);
  return linear(x, weight, bias);
}

/// [L, N, E] as a view [N, heads, L, E / heads].
Tensor split_heads(const Tensor& x, int64_t heads) {
  return x.unflatten(2, {heads, -1}).permute({1, 2, 0, 3});
}

/// The projections by one packed [3E, E] weight, in as few products as possible.
Projected project(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& weight,
                  const Tensor& bias) {
  const int64_t embed = q.size(-1);
  const auto part = [](const std::vector<Tensor>& list, size_t i) {
    return list.empty() ? std::optional<Tensor>() : std::optional<Tensor>(list[i]);
  };
  if (k.is_same(v)) {
    if (q.is_same(k)) {
      const auto out = project_one(q, weight, maybe(bias)).chunk(3, -1);
      return {out[0], out[1], out[2]};
    }
    const auto w = weight.split(IntArrayRef({embed, 2 * embed}));
    const auto b = bias.defined() ? bias.split(IntArrayRef({embed, 2 * embed})) : std::vector<Tensor>();
    const auto kv = project_one(k, w[1], part(b, 1)).chunk(2, -1);
    return {project_one(q, w[0], part(b, 0)), kv[0], kv[1]};
  }
  const auto w = weight.chunk(3);
  const auto b = bias.defined() ? bias.chunk(3) : std::vector<Tensor>();
  return {project_one(q, w[0], part(b, 0)), project_one(k, w[1], part(b, 1)),
          project_one(v, w[2], part(b, 2))};
}

void check_shapes(const Tensor& query, const Tensor& key, const Tensor& value,
                  const MultiheadAttentionForwardOptions& o) {
  const int64_t dims = query.dim();
  RT_CHECK(dims == 2 || dims == 3, Shape, "attention",
           "query should be unbatched 2D or batched 3D tensor but received ", dims, "-D query tensor");
  RT_CHECK(key.dim() == dims && value.dim() == dims, Shape, "attention", "expected `key` and `value` to be ",
           dims, "-D but found ", key.dim(), "-D and ", value.dim(), "-D tensors respectively");
  RT_CHECK(!o.key_padding_mask.defined() || o.key_padding_mask.dim() == dims - 1, Shape, "attention",
           "expected `key_padding_mask` to be `None` or ", dims - 1, "-D");
  RT_CHECK(!o.attn_mask.defined() || o.attn_mask.dim() == 2 || o.attn_mask.dim() == 3, Shape, "attention",
           "expected `attn_mask` to be `None`, 2-D or 3-D");
  const int64_t embed = query.size(-1);
  RT_CHECK(o.num_heads > 0 && embed % o.num_heads == 0, Shape, "attention", "embed_dim ", embed,
           " not divisible by num_heads ", o.num_heads);
}
}  // namespace

std::tuple<Tensor, Tensor> multi_head_attention_forward(Tensor query, Tensor key, Tensor value,
                                                        MultiheadAttentionForwardOptions o) {
  check_shapes(query, key, value, o);
  const bool batched = query.dim() == 3;
  if (!batched) {
    const bool qk = query.is_same(key), kv = key.is_same(value);
    query = query.unsqueeze(1);
    key = qk ? query : key.unsqueeze(1);
    value = kv ? key : value.unsqueeze(1);
    if (o.key_padding_mask.defined()) o.key_padding_mask = o.key_padding_mask.unsqueeze(0);
  }
  const int64_t tgt = query.size(0), bsz = query.size(1), embed = query.size(2), heads = o.num_heads;
  const int64_t head_dim = embed / heads, rows = bsz * heads;
  int64_t src = key.size(0);
  Tensor padding = canonical_mask(o.key_padding_mask, query.dtype());
  Tensor mask = o.attn_mask;
  bool is_causal = o.is_causal;
  RT_CHECK(!is_causal || mask.defined(), Value, "attention",
           "Need attn_mask if specifying the is_causal hint.");
  if (is_causal && !padding.defined() && !o.need_weights) {
    mask = {};  // the attention kernel applies the causal mask itself
  } else {
    mask = canonical_mask(mask, query.dtype());
    if (padding.defined()) is_causal = false;
  }
  Projected p;
  if (o.use_separate_proj_weight) {
    const auto b = o.in_proj_bias.defined() ? o.in_proj_bias.chunk(3) : std::vector<Tensor>(3);
    p = {project_one(query, o.q_proj_weight, maybe(b[0])), project_one(key, o.k_proj_weight, maybe(b[1])),
         project_one(value, o.v_proj_weight, maybe(b[2]))};
  } else {
    RT_CHECK(key.sizes() == value.sizes(), Shape, "attention", "key shape ", key.sizes(),
             " does not match value shape ", value.sizes());
    p = project(query, key, value, o.in_proj_weight, o.in_proj_bias);
  }
  if (mask.defined()) {
    if (mask.dim() == 2) mask = mask.unsqueeze(0);
    const bool fits =
        (mask.size(0) == 1 || mask.size(0) == rows) && mask.size(1) == tgt && mask.size(2) == src;
    RT_CHECK(fits, Shape, "attention", "The shape of the attn_mask is ", mask.sizes(), ", but should be (",
             tgt, ", ", src, ") or (", rows, ", ", tgt, ", ", src, ").");
  }
  const auto widen = [&] {
    if (mask.defined()) mask = pad(mask, {0, 1});
    if (padding.defined()) padding = pad(padding, {0, 1});
  };
  if (o.bias_k.defined()) {
    p.k = cat({p.k, o.bias_k.repeat({1, bsz, 1})});
    p.v = cat({p.v, o.bias_v.repeat({1, bsz, 1})});
    widen();
  }
  Tensor q = split_heads(p.q, heads), k = split_heads(p.k, heads), v = split_heads(p.v, heads);
  if (o.add_zero_attn) {
    const Tensor zero = zeros({bsz, heads, 1, head_dim}, k.dtype(), k.device());
    k = cat({k, zero}, 2);
    v = cat({v, zero}, 2);
    widen();
  }
  src = k.size(2);
  if (padding.defined()) {
    RT_CHECK(padding.size(0) == bsz && padding.size(1) == src, Shape, "attention",
             "expecting key_padding_mask shape of (", bsz, ", ", src, "), but got ", padding.sizes());
    const Tensor wide = padding.reshape({bsz, 1, 1, src}).expand({-1, heads, -1, -1}).reshape({rows, 1, src});
    mask = mask.defined() ? mask + wide : wide;
  }
  const double dropout_p = o.training ? o.dropout_p : 0.0;
  if (o.need_weights) {
    q = q.flatten(0, 1);
    k = k.flatten(0, 1);
    v = v.flatten(0, 1);
    Tensor scores = (q * std::sqrt(1.0 / static_cast<double>(head_dim))).bmm(k.transpose(-2, -1));
    if (mask.defined()) scores = scores + mask;
    Tensor weights = softmax(scores, -1);
    if (dropout_p > 0) weights = dropout(weights, dropout_p, true);
    Tensor out = weights.bmm(v).transpose(0, 1).reshape({tgt * bsz, embed});
    out = linear(out, o.out_proj_weight, maybe(o.out_proj_bias)).reshape({tgt, bsz, -1});
    weights = weights.reshape({bsz, heads, tgt, src});
    if (o.average_attn_weights) weights = weights.mean(1);
    if (!batched) return {out.squeeze(1), weights.squeeze(0)};
    return {out, weights};
  }
  if (mask.defined()) {
    mask = mask.size(0) == 1 ? mask.unsqueeze(0) : mask.reshape({bsz, heads, -1, src});
  }
  Tensor out = scaled_dot_product_attention(q, k, v, maybe(mask), dropout_p, is_causal);
  const auto join = [&](const Tensor& x) { return linear(x, o.out_proj_weight, maybe(o.out_proj_bias)); };
  if (query.stride(0) < query.stride(1))  // the memory of a batch-first query: so is the result's
    out = join(out.transpose(1, 2).reshape({bsz, tgt, embed})).transpose(0, 1);
  else
    out = join(out.permute({2, 0, 1, 3}).reshape({tgt, bsz, embed}));
  return {batched ? out : out.squeeze(1), Tensor()};
}

}  // namespace rustorch::nn::functional
