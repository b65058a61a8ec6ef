// The layers as C++ programs use them: options, names, text, clones, hooks, containers.
#include <gtest/gtest.h>

#include <sstream>

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/nn.h"
#include "rustorch/ops.h"

namespace rustorch::nn {
namespace {

bool same(const Tensor& a, const Tensor& b) { return a.sizes() == b.sizes() && equal(a, b); }

TEST(Layers, OptionsAndText) {
  EXPECT_EQ(Conv2d(Conv2dOptions(4, 8, {3, 5}).stride(2).padding(1).groups(2).bias(false))->str(),
            "Conv2d(4, 8, kernel_size=(3, 5), stride=(2, 2), padding=(1, 1), groups=2, bias=False)");
  EXPECT_EQ(Conv1d(Conv1dOptions(4, 8, 3).padding("same"))->str(),
            "Conv1d(4, 8, kernel_size=(3,), stride=(1,), padding=same)");
  EXPECT_EQ(MaxPool2d(2)->str(),
            "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
  EXPECT_EQ(Linear(3, 2)->str(), "Linear(in_features=3, out_features=2, bias=True)");
  EXPECT_EQ(LayerNorm(LayerNormOptions({4, 5}))->str(),
            "LayerNorm((4, 5), eps=1e-05, elementwise_affine=True, bias=True)");
  EXPECT_EQ(RReLU()->str(), "RReLU(lower=0.125, upper=0.3333333333333333)");
  std::ostringstream out;
  out << Sequential(Linear(2, 2), ReLU());
  EXPECT_EQ(out.str(),
            "Sequential(\n  (0): Linear(in_features=2, out_features=2, bias=True)\n  (1): ReLU()\n)");
  EXPECT_EQ(ModuleList(ReLU(), ReLU(), Tanh())->str(), "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)");
}

TEST(Layers, RefuseBadOptions) {
  EXPECT_THROW(Conv2d(Conv2dOptions(3, 4, 3).groups(2)), RusTorchError);
  EXPECT_THROW(Conv2dOptions(3, 4, {1, 2, 3}), RusTorchError);
  EXPECT_THROW(Dropout(1.5), RusTorchError);
  EXPECT_THROW(LSTM(LSTMOptions(3, 4).proj_size(4)), RusTorchError);
  EXPECT_THROW(MultiheadAttention(5, 2), RusTorchError);
  EXPECT_THROW(BatchNorm2d(3)(ones({2, 3})), RusTorchError);
}

TEST(Layers, CloneHasItsOwnTensors) {
  Sequential net({{"conv", Conv2d(1, 2, 3)}, {"norm", BatchNorm2d(2)}, {"act", ReLU()}});
  net->to(kFloat64);
  net->eval();
  const Tensor x = rand({2, 1, 5, 5}, kFloat64);
  const Tensor y = net(x);
  const Sequential twin = net.clone();
  EXPECT_TRUE(same(twin(x), y));
  EXPECT_FALSE(twin->is_training());
  EXPECT_EQ(twin->str(), net->str());
  for (const Tensor& p : twin->parameters()) p.detach().fill_(Scalar(0));
  EXPECT_TRUE(same(net(x), y));
  EXPECT_FALSE(same(twin(x), y));

  Transformer t(TransformerOptions(8, 2, 1, 1).dim_feedforward(16));
  t->eval();
  const Tensor src = rand({3, 2, 8});
  EXPECT_TRUE(same(t.clone()(src, src), t(src, src)));
  EXPECT_THROW(Module().clone(), RusTorchError);
}

TEST(Layers, Hooks) {
  Linear layer(2, 2);
  const Tensor x = ones({1, 2}), plain = layer(x);
  int calls = 0;
  const int64_t before = layer->register_forward_pre_hook([&](Module&, const Tensor& in) {
    ++calls;
    return in * 2;
  });
  const int64_t after = layer->register_forward_hook([&](Module& m, const Tensor& in, const Tensor& out) {
    EXPECT_EQ(m.type_name(), "Linear");
    EXPECT_EQ(in.select(0, 0).select(0, 0).item<double>(), 2.0);
    ++calls;
    return out + 1;
  });
  const Tensor hooked = layer(x);
  EXPECT_TRUE(same(hooked, layer->forward(x * 2) + 1));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(layer->remove_hook(before) && layer->remove_hook(after));
  EXPECT_FALSE(layer->remove_hook(after));
  EXPECT_TRUE(same(layer(x), plain));
}

TEST(Layers, Containers) {
  ModuleDict dict({{"a", Linear(1, 1)}, {"b", ReLU()}});
  EXPECT_TRUE(dict->contains("a"));
  EXPECT_EQ(dict->pop("b")->type_name(), "ReLU");
  EXPECT_EQ(dict->keys(), std::vector<std::string>{"a"});
  ModuleList list;
  for (int i = 0; i < 3; ++i) list->push_back(Linear(i + 1, 1));
  list->insert(1, Tanh().ptr());
  EXPECT_EQ(list->size(), 4u);
  EXPECT_EQ(list->at<LinearImpl>(-1).options.in_features(), 3);
  EXPECT_THROW(list->at<ReLUImpl>(0), RusTorchError);
  EXPECT_THROW(list->ptr(4), RusTorchError);
  EXPECT_EQ(list->named_parameters()[2].first, "2.weight");

  ParameterList tensors(std::vector<Tensor>{ones({2}), zeros({3})});
  EXPECT_EQ(tensors->size(), 2u);
  EXPECT_TRUE(tensors->parameters()[1].requires_grad());
  ParameterDict named;
  named->insert("w", ones({2, 2}));
  EXPECT_EQ(named->str(), "ParameterDict(  (w): Parameter containing: [rustorch.float32 of size 2x2])");
  EXPECT_EQ(named->state_dict().at("w").numel(), 4);

  Sequential net(Linear(1, 1), Sequential(Linear(1, 1)));
  const auto all = net->named_modules();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[3].first, "1.0");
  EXPECT_EQ(net->get_submodule("1.0")->type_name(), "Linear");
  EXPECT_EQ(net->get_parameter("1.0.bias").numel(), 1);
}

TEST(Layers, RecurrentStates) {
  LSTM lstm(LSTMOptions(3, 4).num_layers(2).bidirectional(true).batch_first(true).proj_size(2));
  const auto [y, state] = lstm(rand({5, 6, 3}));
  EXPECT_EQ(y.sizes(), IntArrayRef({5, 6, 4}));
  EXPECT_EQ(std::get<0>(state).sizes(), IntArrayRef({4, 5, 2}));
  EXPECT_EQ(std::get<1>(state).sizes(), IntArrayRef({4, 5, 4}));
  EXPECT_EQ(lstm->named_parameters()[4].first, "weight_hr_l0");
  GRU gru(3, 4);
  const auto [one, last] = gru(rand({6, 3}));
  EXPECT_EQ(one.sizes(), IntArrayRef({6, 4}));
  EXPECT_EQ(last.sizes(), IntArrayRef({1, 4}));

  using namespace utils::rnn;  // NOLINT
  const Tensor x = rand({6, 3, 3});
  const PackedSequence packed = pack_padded_sequence(x, tensor({4, 6, 1}), false, false);
  EXPECT_EQ(packed.data.size(0), 11);
  const auto [out, h] = gru->forward_with_packed_input(packed);
  const auto [padded, lengths] = pad_packed_sequence(out);
  EXPECT_EQ(lengths.select(0, 1).item<int64_t>(), 6);
  const Tensor alone = std::get<0>(gru(x.select(1, 0).narrow(0, 0, 4)));
  EXPECT_TRUE(allclose(padded.select(1, 0).narrow(0, 0, 4), alone, 1e-5, 1e-6));
  EXPECT_TRUE(same(unpack_sequence(packed)[2], x.select(1, 2).narrow(0, 0, 1)));
}

TEST(Layers, ClipsGradients) {
  Tensor p = zeros({4}).requires_grad_(true);
  p.set_grad(full({4}, Scalar(3.0)));
  EXPECT_EQ(utils::clip_grad_norm_({p}, 1.5).item<double>(), 6.0);
  EXPECT_NEAR(p.grad().select(0, 0).item<double>(), 0.75, 1e-6);
  utils::clip_grad_value_({p}, 0.5);
  EXPECT_EQ(p.grad().select(0, 0).item<double>(), 0.5);
  Linear a(2, 3), b(2, 3);
  utils::vector_to_parameters(utils::parameters_to_vector(a->parameters()), b->parameters());
  EXPECT_TRUE(same(a->weight, b->weight) && same(a->bias, b->bias));
}

template <Layer L>
constexpr bool is_convolution() {
  return ConvolutionLayer<L>;
}
static_assert(Layer<ReLUImpl> && !ParameterizedLayer<ReLUImpl>);
static_assert(ParameterizedLayer<LinearImpl> && !is_convolution<LinearImpl>());
static_assert(is_convolution<Conv2dImpl>() && is_convolution<ConvTranspose1dImpl>());

}  // namespace
}  // namespace rustorch::nn
