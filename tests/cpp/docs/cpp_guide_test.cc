// The examples of docs/cpp.md, word for word; tests/python/test_docs_cpp.py compares the two.
#include <gtest/gtest.h>

#include <cstdio>

#include "rustorch/rustorch.h"

namespace {

// clang-format off
struct NetImpl : rt::nn::Cloneable<NetImpl> {
  explicit NetImpl(int64_t classes) : classes_(classes) { reset(); }
  void reset() override {
    using namespace rt::nn;
    features = register_module(
        "features", Sequential(Conv2d(Conv2dOptions(1, 8, 3).padding(1).bias(false)), BatchNorm2d(8), ReLU(), MaxPool2d(2)));
    head = register_module("head", Linear(8 * 4 * 4, classes_));
  }
  rt::Tensor forward(const rt::Tensor& x) override { return head(features(x).flatten(1)); }
  std::string type_name() const override { return "Net"; }

  int64_t classes_;
  rt::nn::Sequential features{nullptr};
  rt::nn::Linear head{nullptr};
};
using Net = rt::nn::ModuleHolder<NetImpl>;

template <rt::nn::ConvolutionLayer L>
int64_t receptive_field(const L& layer) {
  return layer.options.dilation()[0] * (layer.options.kernel_size()[0] - 1) + 1;
}

TEST(CppGuide, Runs) {
  const std::string path = testing::TempDir() + "cpp_guide.pt";
  rt::manual_seed(0);
  Net net(3);
  const rt::Tensor images = rt::randn({12, 1, 8, 8}), labels = rt::arange(12).remainder(3);
  rt::optim::AdamW optimizer(net->parameters(), rt::optim::AdamWOptions(1e-2).weight_decay(1e-2));
  rt::optim::CosineAnnealingLR schedule(optimizer, 20);
  rt::nn::CrossEntropyLoss loss_fn(rt::nn::CrossEntropyLossOptions().label_smoothing(0.1));
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    const rt::Tensor loss = loss_fn(net(images), labels);
    loss.backward();
    rt::nn::utils::clip_grad_norm_(net->parameters(), 1.0);
    optimizer.step();
    schedule.step();
  }

  rt::save(rt::SavedValue::Dict{{"model", net->state_dict()}, {"optimizer", optimizer.state_dict()}}, path);
  const rt::SavedValue file = rt::load(path);
  Net copy(3);
  copy->load_state_dict(file["model"].state_dict());
  optimizer.load_state_dict(file["optimizer"]);

  const int64_t hook = net->head->register_forward_hook(
      [](rt::nn::Module&, const rt::Tensor&, const rt::Tensor& out) { return out * 2; });
  const rt::Tensor doubled = net(images);
  net->head->remove_hook(hook);
  const Net twin = net.clone();

  rt::nn::LSTM lstm(rt::nn::LSTMOptions(4, 8).num_layers(2).batch_first(true));
  const auto [outputs, state] = lstm(rt::randn({2, 5, 4}));

  rt::nn::Sequential lazy(rt::nn::LazyLinear(8), rt::nn::ReLU(), rt::nn::LazyBatchNorm1d(), rt::nn::LazyLinear(3));
  const rt::Tensor scores = lazy(rt::randn({16, 20}));
  rt::optim::AveragedModel average(lazy, rt::optim::AveragedModelOptions().multi_avg_fn(
                                             rt::optim::get_ema_multi_avg_fn(0.99)));
  average->update_parameters(lazy);

  const auto energy = [](const rt::Tensor& x) { return (x * x * x).sum(); };
  const rt::Tensor point = rt::tensor({1., 2., 3.});
  const rt::Tensor slope = rt::func::grad(energy)(point);
  const rt::Tensor curvature = rt::func::hessian(energy)(point);
  const auto [value, pushed] = rt::func::jvp(rt::func::grad(energy), point, rt::ones({3}));
  const rt::Tensor per_row = rt::func::vmap(rt::func::grad(energy))(rt::randn({4, 3}));

  namespace rd = rt::distributions;
  const rd::Normal p(0.0, 1.0), q(1.0, 2.0);
  const rt::Tensor samples = p.rsample({100});
  const rt::Tensor divergence = rd::kl_divergence(p, q);
  const rd::TransformedDistribution squashed(p, {rd::AffineTransform(1.0, 2.0), rd::TanhTransform()});
  const rd::MixtureSameFamily mixture(rd::Categorical(rt::ones({3})), rd::Normal(rt::randn({3}), rt::ones({3})));
  const rt::Tensor positive = rd::transform_to(rd::constraints::positive())(rt::randn({5}));
  // clang-format on

  net->eval();
  copy->eval();
  EXPECT_TRUE(rt::equal(net->head->weight, copy->head->weight));
  EXPECT_EQ(doubled.size(1), 3);
  EXPECT_EQ(twin->classes_, 3);
  EXPECT_EQ(outputs.size(2), 8);
  EXPECT_EQ(std::get<0>(state).size(0), 2);
  EXPECT_EQ(samples.size(0), 100);
  EXPECT_GT(divergence.item<double>(), 0);
  EXPECT_EQ(scores.sizes(), rt::IntArrayRef({16, 3}));
  EXPECT_EQ(average->n_averaged.item<int64_t>(), 1);
  EXPECT_TRUE(rt::allclose(value, slope));
  EXPECT_TRUE(rt::allclose(pushed, curvature.sum(1)));
  EXPECT_EQ(per_row.size(0), 4);
  EXPECT_LT(squashed.sample({9}).abs().max().item<double>(), 1.0001);
  EXPECT_EQ(mixture.sample({9}).sizes(), rt::IntArrayRef({9}));
  EXPECT_GT(positive.min().item<double>(), 0);
  EXPECT_EQ(receptive_field(rt::nn::Conv2dImpl(rt::nn::Conv2dOptions(1, 1, 3).dilation(2))), 5);
  std::remove(path.c_str());
}

}  // namespace
