#include "rustorch/nn/embedding.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/nn/functional.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

namespace {
template <class Options>
Tensor make_table(Module& m, Options& o) {
  if (const std::optional<int64_t> pad = o.padding_idx()) {
    const int64_t rows = o.num_embeddings();
    RT_CHECK(*pad >= -rows && *pad < rows, Value, m.type_name(), "Padding_idx must be within num_embeddings");
    o.padding_idx(*pad < 0 ? *pad + rows : *pad);
  }
  const Tensor weight = m.register_parameter("weight", empty({o.num_embeddings(), o.embedding_dim()}));
  init::normal_(weight);
  if (o.padding_idx()) init::zeros_(weight.detach().select(0, *o.padding_idx()));
  return weight;
}
}  // namespace

void EmbeddingImpl::reset() { weight = make_table(*this, options); }

Tensor EmbeddingImpl::forward(const Tensor& indices) {
  const auto& o = options;
  return functional::embedding(indices, weight, o.padding_idx(), o.max_norm(), o.norm_type(),
                               o.scale_grad_by_freq(), o.sparse());
}

std::string EmbeddingImpl::extra_repr() const {
  const auto& o = options;
  return text::Fields()
      .raw("", text::py(o.num_embeddings()))
      .raw("", text::py(o.embedding_dim()))
      .add_if(o.padding_idx().has_value(), "padding_idx", o.padding_idx())
      .add_if(o.max_norm().has_value(), "max_norm", o.max_norm())
      .add_if(o.norm_type() != 2, "norm_type", o.norm_type())
      .add_if(o.scale_grad_by_freq(), "scale_grad_by_freq", true)
      .add_if(o.sparse(), "sparse", true);
}

Embedding Embedding::from_pretrained(const Tensor& embeddings, bool freeze) {
  RT_CHECK(embeddings.dim() == 2, Shape, "Embedding", "Embeddings parameter is expected to be 2-dimensional");
  const detail::SkipInitGuard skip;
  Embedding e(EmbeddingOptions(embeddings.size(0), embeddings.size(1)));
  e->weight.set_data(embeddings.detach());
  e->weight.requires_grad_(!freeze);
  return e;
}

void EmbeddingBagImpl::reset() { weight = make_table(*this, options); }

Tensor EmbeddingBagImpl::forward(const Tensor& input, const Tensor& offsets,
                                 const Tensor& per_sample_weights) {
  const auto& o = options;
  return functional::embedding_bag(input, weight, offsets, o.max_norm(), o.norm_type(),
                                   o.scale_grad_by_freq(), o.mode(), o.sparse(), per_sample_weights,
                                   o.include_last_offset(), o.padding_idx());
}

std::string EmbeddingBagImpl::extra_repr() const {
  const auto& o = options;
  return text::Fields()
      .raw("", text::py(o.num_embeddings()))
      .raw("", text::py(o.embedding_dim()))
      .add_if(o.max_norm().has_value(), "max_norm", o.max_norm())
      .add_if(o.norm_type() != 2, "norm_type", o.norm_type())
      .add_if(o.scale_grad_by_freq(), "scale_grad_by_freq", true)
      .add("mode", o.mode())
      .add_if(o.padding_idx().has_value(), "padding_idx", o.padding_idx());
}

}  // namespace rustorch::nn
