// MultiheadAttention and the Transformer (Vaswani et al. 2017). An undefined Tensor stands for no mask.
#pragma once
#include <tuple>

#include "rustorch/nn/container.h"
#include "rustorch/nn/dropout.h"
#include "rustorch/nn/linear.h"
#include "rustorch/nn/norm.h"

namespace rustorch::nn {

/// The Linear inside of MultiheadAttention.
class NonDynamicallyQuantizableLinearImpl : public LinearImpl {
 public:
  using LinearImpl::LinearImpl;
  std::string type_name() const override { return "NonDynamicallyQuantizableLinear"; }
};

class MultiheadAttentionOptions {
 public:
  MultiheadAttentionOptions(int64_t embed_dim, int64_t num_heads)
      : embed_dim_(embed_dim), num_heads_(num_heads) {}
  RT_OPTION(int64_t, embed_dim, 0);
  RT_OPTION(int64_t, num_heads, 0);
  RT_OPTION(double, dropout, 0.0);
  RT_OPTION(bool, bias, true);
  RT_OPTION(bool, add_bias_kv, false);
  RT_OPTION(bool, add_zero_attn, false);
  RT_OPTIONAL(int64_t, kdim, std::nullopt);
  RT_OPTIONAL(int64_t, vdim, std::nullopt);
  RT_OPTION(bool, batch_first, false);
};

/// Attention of num_heads heads on [L, N, E], [N, L, E] with batch_first, or [L, E].
class MultiheadAttentionImpl : public LayerOf<MultiheadAttentionImpl, MultiheadAttentionOptions> {
  RT_LAYER_CONSTRUCTORS(MultiheadAttentionImpl, MultiheadAttentionOptions);
  using Module::forward;
  /// (output, weights [N, L, S]); weights undefined without need_weights.
  std::tuple<Tensor, Tensor> forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                     const Tensor& key_padding_mask = {}, bool need_weights = true,
                                     const Tensor& attn_mask = {}, bool average_attn_weights = true,
                                     bool is_causal = false);
  std::string type_name() const override { return "MultiheadAttention"; }
  Tensor in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias, bias_k, bias_v;
  ModuleHolder<NonDynamicallyQuantizableLinearImpl> out_proj{nullptr};
};
using MultiheadAttention = ModuleHolder<MultiheadAttentionImpl>;

class TransformerLayerOptions {
 public:
  TransformerLayerOptions(int64_t d_model, int64_t nhead) : d_model_(d_model), nhead_(nhead) {}
  RT_OPTION(int64_t, d_model, 0);
  RT_OPTION(int64_t, nhead, 0);
  RT_OPTION(int64_t, dim_feedforward, 2048);
  RT_OPTION(double, dropout, 0.1);
  RT_OPTION(std::string, activation, "relu");
  RT_OPTION(double, layer_norm_eps, 1e-5);
  RT_OPTION(bool, batch_first, false);
  RT_OPTION(bool, norm_first, false);
  RT_OPTION(bool, bias, true);
};
using TransformerEncoderLayerOptions = TransformerLayerOptions;
using TransformerDecoderLayerOptions = TransformerLayerOptions;

/// Self-attention and a feed-forward network, each with residual, dropout and norm. The shape stays.
class TransformerEncoderLayerImpl
    : public LayerOf<TransformerEncoderLayerImpl, TransformerEncoderLayerOptions> {
  RT_LAYER_CONSTRUCTORS(TransformerEncoderLayerImpl, TransformerEncoderLayerOptions);
  Tensor forward(const Tensor& src) override { return forward(src, Tensor()); }
  Tensor forward(const Tensor& src, const Tensor& src_mask, const Tensor& src_key_padding_mask = {},
                 bool is_causal = false);
  std::string type_name() const override { return "TransformerEncoderLayer"; }
  MultiheadAttention self_attn{nullptr};
  Linear linear1{nullptr}, linear2{nullptr};
  Dropout dropout{nullptr}, dropout1{nullptr}, dropout2{nullptr};
  LayerNorm norm1{nullptr}, norm2{nullptr};
};
using TransformerEncoderLayer = ModuleHolder<TransformerEncoderLayerImpl>;

/// Self-attention, attention on the memory and a feed-forward network.
class TransformerDecoderLayerImpl
    : public LayerOf<TransformerDecoderLayerImpl, TransformerDecoderLayerOptions> {
  RT_LAYER_CONSTRUCTORS(TransformerDecoderLayerImpl, TransformerDecoderLayerOptions);
  using Module::forward;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {}, bool tgt_is_causal = false,
                 bool memory_is_causal = false);
  std::string type_name() const override { return "TransformerDecoderLayer"; }
  MultiheadAttention self_attn{nullptr}, multihead_attn{nullptr};
  Linear linear1{nullptr}, linear2{nullptr};
  Dropout dropout{nullptr}, dropout1{nullptr}, dropout2{nullptr}, dropout3{nullptr};
  LayerNorm norm1{nullptr}, norm2{nullptr}, norm3{nullptr};
};
using TransformerDecoderLayer = ModuleHolder<TransformerDecoderLayerImpl>;

using ModulePtr = std::shared_ptr<Module>;

class TransformerEncoderOptions {
 public:
  TransformerEncoderOptions(TransformerEncoderLayer encoder_layer, int64_t num_layers)
      : encoder_layer_(std::move(encoder_layer)), num_layers_(num_layers) {}
  RT_OPTION(TransformerEncoderLayer, encoder_layer, nullptr);
  RT_OPTION(int64_t, num_layers, 1);
  RT_OPTION(ModulePtr, norm, nullptr);
  RT_OPTION(bool, enable_nested_tensor, true);
  RT_OPTION(bool, mask_check, true);
};

/// Copies of an encoder layer, and a norm at the end when there is one. enable_nested_tensor and mask_check
/// are accepted: there is one path, and it is dense.
class TransformerEncoderImpl : public LayerOf<TransformerEncoderImpl, TransformerEncoderOptions> {
  RT_LAYER_CONSTRUCTORS(TransformerEncoderImpl, TransformerEncoderOptions);
  Tensor forward(const Tensor& src) override { return forward(src, Tensor()); }
  /// is_causal absent: whether the mask is the causal one is looked up.
  Tensor forward(const Tensor& src, const Tensor& mask, const Tensor& src_key_padding_mask = {},
                 std::optional<bool> is_causal = std::nullopt);
  std::string type_name() const override { return "TransformerEncoder"; }
  ModuleList layers{nullptr};
  ModulePtr norm;
};
using TransformerEncoder = ModuleHolder<TransformerEncoderImpl>;

class TransformerDecoderOptions {
 public:
  TransformerDecoderOptions(TransformerDecoderLayer decoder_layer, int64_t num_layers)
      : decoder_layer_(std::move(decoder_layer)), num_layers_(num_layers) {}
  RT_OPTION(TransformerDecoderLayer, decoder_layer, nullptr);
  RT_OPTION(int64_t, num_layers, 1);
  RT_OPTION(ModulePtr, norm, nullptr);
};

/// Copies of a decoder layer, and a norm at the end when there is one.
class TransformerDecoderImpl : public LayerOf<TransformerDecoderImpl, TransformerDecoderOptions> {
  RT_LAYER_CONSTRUCTORS(TransformerDecoderImpl, TransformerDecoderOptions);
  using Module::forward;
  Tensor forward(const Tensor& tgt, const Tensor& memory, const Tensor& tgt_mask = {},
                 const Tensor& memory_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {}, std::optional<bool> tgt_is_causal = std::nullopt,
                 bool memory_is_causal = false);
  std::string type_name() const override { return "TransformerDecoder"; }
  ModuleList layers{nullptr};
  ModulePtr norm;
};
using TransformerDecoder = ModuleHolder<TransformerDecoderImpl>;

class TransformerOptions {
 public:
  TransformerOptions(int64_t d_model = 512, int64_t nhead = 8, int64_t num_encoder_layers = 6,
                     int64_t num_decoder_layers = 6)
      : d_model_(d_model),
        nhead_(nhead),
        num_encoder_layers_(num_encoder_layers),
        num_decoder_layers_(num_decoder_layers) {}
  RT_OPTION(int64_t, d_model, 512);
  RT_OPTION(int64_t, nhead, 8);
  RT_OPTION(int64_t, num_encoder_layers, 6);
  RT_OPTION(int64_t, num_decoder_layers, 6);
  RT_OPTION(int64_t, dim_feedforward, 2048);
  RT_OPTION(double, dropout, 0.1);
  RT_OPTION(std::string, activation, "relu");
  RT_OPTION(TransformerEncoder, custom_encoder, nullptr);
  RT_OPTION(TransformerDecoder, custom_decoder, nullptr);
  RT_OPTION(double, layer_norm_eps, 1e-5);
  RT_OPTION(bool, batch_first, false);
  RT_OPTION(bool, norm_first, false);
  RT_OPTION(bool, bias, true);
};

/// Encoder and decoder: src [S, N, E], tgt [T, N, E] -> [T, N, E]; batch first on request.
class TransformerImpl : public LayerOf<TransformerImpl, TransformerOptions> {
  RT_LAYER_CONSTRUCTORS(TransformerImpl, TransformerOptions);
  using Module::forward;
  Tensor forward(const Tensor& src, const Tensor& tgt, const Tensor& src_mask = {},
                 const Tensor& tgt_mask = {}, const Tensor& memory_mask = {},
                 const Tensor& src_key_padding_mask = {}, const Tensor& tgt_key_padding_mask = {},
                 const Tensor& memory_key_padding_mask = {}, std::optional<bool> src_is_causal = std::nullopt,
                 std::optional<bool> tgt_is_causal = std::nullopt, bool memory_is_causal = false);
  /// [size, size] with 0 on and below the diagonal and -inf above it.
  static Tensor generate_square_subsequent_mask(int64_t size);
  std::string type_name() const override { return "Transformer"; }
  TransformerEncoder encoder{nullptr};
  TransformerDecoder decoder{nullptr};
};
using Transformer = ModuleHolder<TransformerImpl>;

}  // namespace rustorch::nn
