// Embedding and EmbeddingBag: rows of a table by integer index.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

class EmbeddingOptions {
 public:
  EmbeddingOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  RT_OPTION(int64_t, num_embeddings, 0);
  RT_OPTION(int64_t, embedding_dim, 0);
  RT_OPTIONAL(int64_t, padding_idx, std::nullopt);
  RT_OPTIONAL(double, max_norm, std::nullopt);
  RT_OPTION(double, norm_type, 2.0);
  RT_OPTION(bool, scale_grad_by_freq, false);
  RT_OPTION(bool, sparse, false);
};

/// Integers [...] -> [..., embedding_dim]; the table starts in N(0, 1), the row padding_idx is zero and gets
/// no gradient.
class EmbeddingImpl : public LayerOf<EmbeddingImpl, EmbeddingOptions> {
  RT_LAYER_CONSTRUCTORS(EmbeddingImpl, EmbeddingOptions);
  Tensor forward(const Tensor& indices) override;
  std::string type_name() const override { return "Embedding"; }
  std::string extra_repr() const override;
  Tensor weight;
};
class Embedding : public ModuleHolder<EmbeddingImpl> {
 public:
  using ModuleHolder::ModuleHolder;
  Embedding(ModuleHolder<EmbeddingImpl> other) : ModuleHolder(std::move(other)) {}
  /// An embedding with the given table.
  static Embedding from_pretrained(const Tensor& embeddings, bool freeze = true);
};

class EmbeddingBagOptions {
 public:
  EmbeddingBagOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  RT_OPTION(int64_t, num_embeddings, 0);
  RT_OPTION(int64_t, embedding_dim, 0);
  RT_OPTIONAL(double, max_norm, std::nullopt);
  RT_OPTION(double, norm_type, 2.0);
  RT_OPTION(bool, scale_grad_by_freq, false);
  RT_OPTION(std::string, mode, "mean");
  RT_OPTION(bool, sparse, false);
  RT_OPTION(bool, include_last_offset, false);
  RT_OPTIONAL(int64_t, padding_idx, std::nullopt);
};

/// Sum, mean or maximum of the embeddings of each bag; input [bags, n], or [total] with offsets [bags].
class EmbeddingBagImpl : public LayerOf<EmbeddingBagImpl, EmbeddingBagOptions> {
  RT_LAYER_CONSTRUCTORS(EmbeddingBagImpl, EmbeddingBagOptions);
  Tensor forward(const Tensor& input) override { return forward(input, Tensor()); }
  Tensor forward(const Tensor& input, const Tensor& offsets, const Tensor& per_sample_weights = {});
  std::string type_name() const override { return "EmbeddingBag"; }
  std::string extra_repr() const override;
  Tensor weight;
};
using EmbeddingBag = ModuleHolder<EmbeddingBagImpl>;

}  // namespace rustorch::nn
