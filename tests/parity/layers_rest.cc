// Linear and shape layers, embeddings, recurrent layers, attention, containers; losses.
#include "parity.h"

namespace parity {

#define L RT_CHECK_LAYER

void layers_rest() {
  using namespace rt::nn;  // NOLINT
  const rt::Tensor v = x({3, 4}), b = x({2, 4, 6, 6});
  L("Identity", Identity(), v)
  L("Linear", Linear(4, 3), v)
  L("Linear2", Linear(4, 3, false), v)
  L("Bilinear", Bilinear(4, 3, 2), v, x({3, 3}))
  L("Flatten", Flatten(), b)
  L("Unflatten", Unflatten(1, std::vector<int64_t>{2, 2}), b)
  L("Fold", Fold(FoldOptions({4, 5}, 2)), x({1, 8, 12}))
  L("Unfold", Unfold(UnfoldOptions({2, 3}).padding(1)), b)
  L("PixelShuffle", PixelShuffle(2), b)
  L("PixelUnshuffle", PixelUnshuffle(2), b)
  L("ChannelShuffle", ChannelShuffle(2), b)
  L("Upsample", Upsample(UpsampleOptions().scale_factor({2}).mode("bicubic")), b)
  L("Upsample2", Upsample(UpsampleOptions().size({5, 9})), b)
  L("UpsamplingNearest2d", UpsamplingNearest2d(UpsamplingNearest2dOptions().scale_factor({2})), b)
  L("UpsamplingBilinear2d", UpsamplingBilinear2d(UpsamplingBilinear2dOptions().size({4})), b)
  L("PairwiseDistance", PairwiseDistance(), v, x({3, 4}, 1))
  L("CosineSimilarity", CosineSimilarity(), v, x({3, 4}, 1))
  L("Embedding", Embedding(7, 3), idx({2, 5}, 7))
  L("Embedding2", Embedding(EmbeddingOptions(7, 3).padding_idx(-2).max_norm(1.0)), idx({2, 5}, 7))
  L("EmbeddingBag", EmbeddingBag(7, 3), idx({2, 5}, 7))
  L("EmbeddingBag2", EmbeddingBag(EmbeddingBagOptions(7, 3).mode("max")), idx({6}, 7), rt::tensor({0, 2, 2}))
  L("EmbeddingBag3", EmbeddingBag(EmbeddingBagOptions(7, 3).mode("sum").padding_idx(1)), idx({6}, 7),
    rt::tensor({0, 2, 5}), x({6}))

  const rt::Tensor s = x({5, 2, 4});
  L("RNN", RNN(4, 3), s)
  L("RNN2", RNN(RNNOptions(4, 3).nonlinearity("relu").num_layers(2).bias(false)), s)
  L("LSTM", LSTM(4, 3), s)
  L("LSTM2",
    LSTM(LSTMOptions(4, 3).num_layers(2).bidirectional(true).batch_first(true).dropout(0.5).proj_size(2)), s)
  L("GRU", GRU(4, 3), s)
  L("GRU2", GRU(GRUOptions(4, 3).bidirectional(true)), s, x({2, 2, 3}))
  L("RNNCell", RNNCell(4, 3), v)
  L("LSTMCell", LSTMCell(4, 3), v)
  L("GRUCell", GRUCell(GRUCellOptions(4, 3).bias(false)), v, x({3, 3}))

  const rt::Tensor q = x({5, 2, 8}), k = x({4, 2, 8}, 1);
  L("MultiheadAttention", MultiheadAttention(8, 2), q, k, k)
  L("MultiheadAttention2",
    MultiheadAttention(
        MultiheadAttentionOptions(8, 2).add_bias_kv(true).add_zero_attn(true).kdim(4).vdim(8).batch_first(
            true)),
    q, x({5, 3, 4}), x({5, 3, 8}))
  L("TransformerEncoderLayer",
    TransformerEncoderLayer(TransformerEncoderLayerOptions(8, 2).dim_feedforward(16)), q)
  L("TransformerEncoderLayer2",
    TransformerEncoderLayer(TransformerEncoderLayerOptions(8, 2)
                                .dim_feedforward(16)
                                .norm_first(true)
                                .activation("gelu")
                                .batch_first(true)),
    q, Transformer::ContainedType::generate_square_subsequent_mask(2))
  L("TransformerDecoderLayer",
    TransformerDecoderLayer(TransformerDecoderLayerOptions(8, 2).dim_feedforward(16)), q, k)
  L("TransformerEncoder",
    TransformerEncoder(
        TransformerEncoderOptions(
            TransformerEncoderLayer(TransformerEncoderLayerOptions(8, 2).dim_feedforward(16)), 2)
            .norm(LayerNorm(8))),
    q)
  L("TransformerDecoder",
    TransformerDecoder(TransformerDecoderLayer(TransformerDecoderLayerOptions(8, 2).dim_feedforward(16)), 2),
    q, k)
  L("Transformer", Transformer(TransformerOptions(8, 2, 1, 2).dim_feedforward(16)), k, q)
  L("AdaptiveLogSoftmaxWithLoss", AdaptiveLogSoftmaxWithLoss(8, 10, std::vector<int64_t>{3, 6}), x({6, 8}),
    idx({6}, 10))
  L("Sequential", Sequential({{"a", Linear(4, 4)}, {"b", Sequential(ReLU(), Linear(4, 2))}}), v)
}

void lazy() {
  using namespace rt::nn;  // NOLINT
  const rt::Tensor v = x({3, 4}), a = x({2, 4, 9}), b = x({2, 4, 7, 8}), c = x({2, 4, 5, 6, 5});
  L("LazyLinear", LazyLinear(3), v)
  L("LazyLinear2", LazyLinear(LazyLinearOptions(3, false)), v)
#define RT_LAZY(N, data)                                                            \
  L("LazyConv" #N "d", LazyConv##N##d(LazyConv##N##dOptions(6, 3).groups(2)), data) \
  L("LazyConvTranspose" #N "d", LazyConvTranspose##N##d(6, 2), data)                \
  L("LazyBatchNorm" #N "d", LazyBatchNorm##N##d(), data)                            \
  L("LazyInstanceNorm" #N "d", LazyInstanceNorm##N##d(), data)
  RT_LAZY(1, a)
  RT_LAZY(2, b)
  RT_LAZY(3, c)
#undef RT_LAZY
}

void losses() {
  using namespace rt::nn;  // NOLINT
  const rt::Tensor a = x({3, 4}), b = x({3, 4}, 1), p = a.sigmoid(), y = idx({3}, 4), w = x({4}, 2).abs();
  const rt::Tensor sign = b.sign();
  L("L1Loss", L1Loss(), a, b)
  L("MSELoss", MSELoss("sum"), a, b)
  L("SmoothL1Loss", SmoothL1Loss(SmoothL1LossOptions().beta(0.5)), a, b)
  L("HuberLoss", HuberLoss(HuberLossOptions().delta(0.5)), a, b)
  L("SoftMarginLoss", SoftMarginLoss(), a, sign)
  L("MultiLabelMarginLoss", MultiLabelMarginLoss(), a,
    rt::tensor({{3, 0, -1, 1}, {1, -1, 0, 0}, {0, 1, 2, 3}}))
  L("HingeEmbeddingLoss", HingeEmbeddingLoss(), a, sign)
  L("KLDivLoss", KLDivLoss("batchmean"), a.log_softmax(1), b.softmax(1))
  L("CosineEmbeddingLoss", CosineEmbeddingLoss(0.1), a, b, rt::tensor({1, -1, 1}))
  L("MarginRankingLoss", MarginRankingLoss(0.1), a, b, sign)
  L("PoissonNLLLoss", PoissonNLLLoss(PoissonNLLLossOptions().full(true)), a, b.abs() * 3)
  L("GaussianNLLLoss", GaussianNLLLoss(GaussianNLLLossOptions().full(true)), a, b, p)
  L("BCELoss", BCELoss(BCELossOptions().weight(w)), p, b.sigmoid())
  L("BCEWithLogitsLoss", BCEWithLogitsLoss(BCEWithLogitsLossOptions().weight(w).pos_weight(w * 2)), a,
    b.sigmoid())
  L("MultiLabelSoftMarginLoss", MultiLabelSoftMarginLoss(), a, b.gt(0).to(rt::kFloat32))
  L("NLLLoss", NLLLoss(NLLLossOptions().weight(w)), a.log_softmax(1), y)
  L("CrossEntropyLoss", CrossEntropyLoss(CrossEntropyLossOptions().label_smoothing(0.1)), a, y)
  L("MultiMarginLoss", MultiMarginLoss(MultiMarginLossOptions().p(2).weight(w)), a, y)
  L("TripletMarginLoss", TripletMarginLoss(TripletMarginLossOptions().swap(true)), a, b, x({3, 4}, 2))
  L("TripletMarginWithDistanceLoss", TripletMarginWithDistanceLoss(), a, b, x({3, 4}, 2))
  L("CTCLoss", CTCLoss(), x({6, 2, 4}).log_softmax(2), rt::tensor({{1, 2, 2}, {3, 1, 1}}), rt::tensor({6, 5}),
    rt::tensor({3, 2}))
}

}  // namespace parity
