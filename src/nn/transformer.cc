#include "rustorch/nn/transformer.h"

#include "nn/text.h"
#include "rustorch/aten.h"
#include "rustorch/autocast.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/nn/functional.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace F = functional;

// ---- MultiheadAttention

void MultiheadAttentionImpl::reset() {
  const auto& o = options;
  const int64_t e = o.embed_dim(), kdim = o.kdim().value_or(e), vdim = o.vdim().value_or(e);
  RT_CHECK(e > 0 && o.num_heads() > 0, Value, "MultiheadAttention",
           "embed_dim and num_heads must be greater than 0, got embed_dim=", e,
           " and num_heads=", o.num_heads());
  RT_CHECK(e % o.num_heads() == 0, Value, "MultiheadAttention", "embed_dim must be divisible by num_heads");
  const bool same = kdim == e && vdim == e;
  const auto make = [&](const char* name, bool wanted, std::initializer_list<int64_t> shape) {
    return register_parameter(name, wanted ? empty(IntArrayRef(shape)) : Tensor());
  };
  if (same) in_proj_weight = make("in_proj_weight", true, {3 * e, e});
  q_proj_weight = make("q_proj_weight", !same, {e, e});
  k_proj_weight = make("k_proj_weight", !same, {e, kdim});
  v_proj_weight = make("v_proj_weight", !same, {e, vdim});
  if (!same) in_proj_weight = make("in_proj_weight", false, {});
  in_proj_bias = make("in_proj_bias", o.bias(), {3 * e});
  bias_k = make("bias_k", o.add_bias_kv(), {1, 1, e});
  bias_v = make("bias_v", o.add_bias_kv(), {1, 1, e});
  out_proj = register_module("out_proj", decltype(out_proj)(LinearOptions(e, e, o.bias())));
  for (const Tensor& w : {in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight}) {
    if (w.defined()) init::xavier_uniform_(w);
  }
  if (o.bias()) {
    init::constant_(in_proj_bias, 0.0);
    init::constant_(out_proj->bias, 0.0);
  }
  if (bias_k.defined()) init::xavier_normal_(bias_k);
  if (bias_v.defined()) init::xavier_normal_(bias_v);
}

std::tuple<Tensor, Tensor> MultiheadAttentionImpl::forward(const Tensor& query, const Tensor& key,
                                                           const Tensor& value,
                                                           const Tensor& key_padding_mask, bool need_weights,
                                                           const Tensor& attn_mask, bool average_attn_weights,
                                                           bool is_causal) {
  RT_CHECK(query.size(-1) == options.embed_dim(), Shape, "MultiheadAttention",
           "was expecting embedding dimension of ", options.embed_dim(), ", but got ", query.size(-1));
  F::MultiheadAttentionForwardOptions o;
  o.num_heads = options.num_heads();
  o.in_proj_weight = in_proj_weight;
  o.in_proj_bias = in_proj_bias;
  o.bias_k = bias_k;
  o.bias_v = bias_v;
  o.add_zero_attn = options.add_zero_attn();
  o.dropout_p = options.dropout();
  o.out_proj_weight = out_proj->weight;
  o.out_proj_bias = out_proj->bias;
  o.training = is_training();
  o.key_padding_mask = F::canonical_mask(key_padding_mask, query.dtype());
  o.need_weights = need_weights;
  o.attn_mask = F::canonical_mask(attn_mask, query.dtype());
  o.use_separate_proj_weight = !in_proj_weight.defined();
  o.q_proj_weight = q_proj_weight;
  o.k_proj_weight = k_proj_weight;
  o.v_proj_weight = v_proj_weight;
  o.average_attn_weights = average_attn_weights;
  o.is_causal = is_causal;
  if (!options.batch_first() || query.dim() != 3)
    return F::multi_head_attention_forward(query, key, value, o);
  // Equal inputs stay one tensor, so that one product projects them all.
  const Tensor q = query.transpose(1, 0);
  const Tensor k = key.is_same(query) ? q : key.transpose(1, 0);
  const Tensor v = value.is_same(key) ? k : value.transpose(1, 0);
  auto [out, weights] = F::multi_head_attention_forward(q, k, v, o);
  return {out.transpose(1, 0), weights};
}

// ---- layers

namespace {
template <class Layer>
void build_common(Layer& m) {
  const auto& o = m.options;
  RT_CHECK(o.activation() == "relu" || o.activation() == "gelu", Value, m.type_name(),
           "activation should be relu/gelu, not ", o.activation());
  m.linear1 = m.register_module("linear1", Linear(o.d_model(), o.dim_feedforward(), o.bias()));
  m.dropout = m.register_module("dropout", Dropout(o.dropout()));
  m.linear2 = m.register_module("linear2", Linear(o.dim_feedforward(), o.d_model(), o.bias()));
  const auto norm = [&](const char* name) {
    return m.register_module(name,
                             LayerNorm(LayerNormOptions(o.d_model()).eps(o.layer_norm_eps()).bias(o.bias())));
  };
  m.norm1 = norm("norm1");
  m.norm2 = norm("norm2");
  if constexpr (requires { m.norm3; }) m.norm3 = norm("norm3");
  m.dropout1 = m.register_module("dropout1", Dropout(o.dropout()));
  m.dropout2 = m.register_module("dropout2", Dropout(o.dropout()));
  if constexpr (requires { m.dropout3; }) m.dropout3 = m.register_module("dropout3", Dropout(o.dropout()));
}

MultiheadAttention attention(const TransformerLayerOptions& o) {
  return MultiheadAttention(MultiheadAttentionOptions(o.d_model(), o.nhead())
                                .dropout(o.dropout())
                                .bias(o.bias())
                                .batch_first(o.batch_first()));
}

template <class Layer>
Tensor feed_forward(const Layer& m, const Dropout& last, const Tensor& x) {
  const bool use_gelu = m.options.activation() != "relu";
  const LinearImpl& first = *m.linear1;
  // In inference the first product and its activation are one pass.
  if (!m.is_training() && !GradMode::is_enabled() && first.bias.defined() && !first.has_hooks() &&
      x.dtype() == first.weight.dtype() && !is_autocast_enabled(x.device().type)) {
    const Tensor h = _addmm_activation(first.bias, x.flatten(0, -2), first.weight.t(), 1, 1, use_gelu);
    return m.linear2(h.unflatten(0, x.sizes().slice(0, x.dim() - 1)));
  }
  const Tensor h = m.linear1(x);
  return last(m.linear2(m.dropout(use_gelu ? gelu(h) : relu(h))));
}

Tensor attend(const MultiheadAttention& a, const Dropout& drop, const Tensor& x, const Tensor& memory,
              const Tensor& mask, const Tensor& pad, bool is_causal) {
  return drop(std::get<0>(a(x, memory, memory, pad, false, mask, true, is_causal)));
}
}  // namespace

void TransformerEncoderLayerImpl::reset() {
  self_attn = register_module("self_attn", attention(options));
  build_common(*this);
}

Tensor TransformerEncoderLayerImpl::forward(const Tensor& src, const Tensor& src_mask,
                                            const Tensor& src_key_padding_mask, bool is_causal) {
  const Tensor pad = F::canonical_mask(src_key_padding_mask, src.dtype());
  const Tensor mask = F::canonical_mask(src_mask, src.dtype());
  const auto attend_self = [&](const Tensor& x) {
    return attend(self_attn, dropout1, x, x, mask, pad, is_causal);
  };
  if (options.norm_first()) {
    const Tensor x = src + attend_self(norm1(src));
    return x + feed_forward(*this, dropout2, norm2(x));
  }
  const Tensor x = norm1(src + attend_self(src));
  return norm2(x + feed_forward(*this, dropout2, x));
}

void TransformerDecoderLayerImpl::reset() {
  self_attn = register_module("self_attn", attention(options));
  multihead_attn = register_module("multihead_attn", attention(options));
  build_common(*this);
}

Tensor TransformerDecoderLayerImpl::forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask,
                                            const Tensor& memory_mask, const Tensor& tgt_key_padding_mask,
                                            const Tensor& memory_key_padding_mask, bool tgt_is_causal,
                                            bool memory_is_causal) {
  const auto own = [&](const Tensor& x) {
    return attend(self_attn, dropout1, x, x, tgt_mask, tgt_key_padding_mask, tgt_is_causal);
  };
  const auto other = [&](const Tensor& x) {
    return attend(multihead_attn, dropout2, x, memory, memory_mask, memory_key_padding_mask,
                  memory_is_causal);
  };
  Tensor x = tgt;
  if (options.norm_first()) {
    x = x + own(norm1(x));
    x = x + other(norm2(x));
    return x + feed_forward(*this, dropout3, norm3(x));
  }
  x = norm1(x + own(x));
  x = norm2(x + other(x));
  return norm3(x + feed_forward(*this, dropout3, x));
}

// ---- stacks

namespace {
/// Copies of one layer under "layers", and the norm under "norm".
template <class Stack, class Layer>
void build_stack(Stack& m, const Layer& layer) {
  m.layers = m.register_module("layers", ModuleList());
  for (int64_t i = 0; i < m.options.num_layers(); ++i) m.layers->push_back(layer->clone());
  m.norm = m.options.norm();
  if (m.norm == nullptr) return;
  if (detail::init_is_skipped()) m.norm = m.norm->clone();
  m.register_module("norm", m.norm);
}

/// What is_causal says, or, when it says nothing, whether the mask is the causal one.
bool causal(const Tensor& mask, std::optional<bool> is_causal, const Tensor& x, bool batch_first) {
  if (is_causal || !mask.defined()) return is_causal.value_or(false);
  const int64_t n = x.dim() == 3 && batch_first ? x.size(1) : x.size(0);
  if (mask.dim() != 2 || mask.size(0) != n || mask.size(1) != n) return false;
  const Tensor wanted = triu(full({n, n}, Scalar(-kInfinity), mask.dtype(), mask.device()), 1);
  return mask.eq(wanted).all().item<bool>();
}
}  // namespace

void TransformerEncoderImpl::reset() { build_stack(*this, options.encoder_layer()); }

Tensor TransformerEncoderImpl::forward(const Tensor& src, const Tensor& mask_in,
                                       const Tensor& src_key_padding_mask, std::optional<bool> is_causal) {
  const Tensor pad = F::canonical_mask(src_key_padding_mask, src.dtype());
  const Tensor mask = F::canonical_mask(mask_in, src.dtype());
  const bool hint = causal(mask, is_causal, src, options.encoder_layer()->options.batch_first());
  Tensor x = src;
  for (size_t i = 0; i < layers->size(); ++i) {
    auto& layer = layers->at<TransformerEncoderLayerImpl>(static_cast<int64_t>(i));
    x = layer.forward(x, mask, pad, hint);
  }
  return norm == nullptr ? x : (*norm)(x);
}

void TransformerDecoderImpl::reset() { build_stack(*this, options.decoder_layer()); }

Tensor TransformerDecoderImpl::forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask,
                                       const Tensor& memory_mask, const Tensor& tgt_key_padding_mask,
                                       const Tensor& memory_key_padding_mask,
                                       std::optional<bool> tgt_is_causal, bool memory_is_causal) {
  const bool hint = causal(tgt_mask, tgt_is_causal, tgt, options.decoder_layer()->options.batch_first());
  Tensor x = tgt;
  for (size_t i = 0; i < layers->size(); ++i) {
    auto& layer = layers->at<TransformerDecoderLayerImpl>(static_cast<int64_t>(i));
    x = layer.forward(x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, hint,
                      memory_is_causal);
  }
  return norm == nullptr ? x : (*norm)(x);
}

// ---- Transformer

void TransformerImpl::reset() {
  const auto& o = options;
  const auto layer = TransformerLayerOptions(o.d_model(), o.nhead())
                         .dim_feedforward(o.dim_feedforward())
                         .dropout(o.dropout())
                         .activation(o.activation())
                         .layer_norm_eps(o.layer_norm_eps())
                         .batch_first(o.batch_first())
                         .norm_first(o.norm_first())
                         .bias(o.bias());
  const auto norm = [&] {
    return LayerNorm(LayerNormOptions(o.d_model()).eps(o.layer_norm_eps()).bias(o.bias())).ptr();
  };
  const bool copying = detail::init_is_skipped();
  if (!o.custom_encoder().is_empty()) {
    encoder = copying ? o.custom_encoder().clone() : o.custom_encoder();
  } else {
    const TransformerEncoderLayer first(layer);
    encoder = TransformerEncoder(TransformerEncoderOptions(first, o.num_encoder_layers()).norm(norm()));
  }
  if (!o.custom_decoder().is_empty()) {
    decoder = copying ? o.custom_decoder().clone() : o.custom_decoder();
  } else {
    const TransformerDecoderLayer first(layer);
    decoder = TransformerDecoder(TransformerDecoderOptions(first, o.num_decoder_layers()).norm(norm()));
  }
  register_module("encoder", encoder);
  register_module("decoder", decoder);
  for (const Tensor& p : parameters()) {
    if (p.dim() > 1) init::xavier_uniform_(p);
  }
}

Tensor TransformerImpl::forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask,
                                const Tensor& tgt_mask, const Tensor& memory_mask,
                                const Tensor& src_key_padding_mask, const Tensor& tgt_key_padding_mask,
                                const Tensor& memory_key_padding_mask, std::optional<bool> src_is_causal,
                                std::optional<bool> tgt_is_causal, bool memory_is_causal) {
  const int64_t batch = options.batch_first() ? 0 : 1;
  RT_CHECK(src.dim() != 3 || (tgt.dim() == 3 && src.size(batch) == tgt.size(batch)), Shape, "Transformer",
           "the batch number of src and tgt must be equal");
  RT_CHECK(src.size(-1) == options.d_model() && tgt.size(-1) == options.d_model(), Shape, "Transformer",
           "the feature number of src and tgt must be equal to d_model");
  const Tensor memory = encoder->forward(src, src_mask, src_key_padding_mask, src_is_causal);
  return decoder->forward(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask,
                          tgt_is_causal, memory_is_causal);
}

Tensor TransformerImpl::generate_square_subsequent_mask(int64_t size) {
  return triu(full({size, size}, Scalar(-kInfinity)), 1);
}

}  // namespace rustorch::nn
