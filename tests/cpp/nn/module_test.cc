// The module tree: names, state dicts, modes, printing; and optimizers against PyTorch's figures.
#include "rustorch/nn/container.h"

#include <gtest/gtest.h>

#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/optim.h"

namespace rustorch::nn {
namespace {

struct ScaleImpl : Module {
  explicit ScaleImpl(int64_t n) {
    weight = register_parameter("weight", ones({n}));
    calls = register_buffer("calls", zeros({1}));
  }
  Tensor forward(const Tensor& x) override { return x.mul(weight); }
  std::string type_name() const override { return "Scale"; }
  Tensor weight, calls;
};
using Scale = ModuleHolder<ScaleImpl>;

TEST(Module, NamesAndStateDict) {
  Sequential net(Scale(2), Sequential(Scale(3)));
  const auto named = net->named_parameters();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].first, "0.weight");
  EXPECT_EQ(named[1].first, "1.0.weight");
  EXPECT_TRUE(named[0].second.requires_grad());
  EXPECT_EQ(net->named_buffers()[1].first, "1.0.calls");

  const StateDict state = net->state_dict();
  ASSERT_EQ(state.size(), 4u);
  EXPECT_FALSE(state.at("0.weight").requires_grad());
  Sequential other(Scale(2), Sequential(Scale(3)));
  other->parameters()[1].detach().fill_(7);
  net->load_state_dict(other->state_dict());
  EXPECT_EQ(net->parameters()[1].const_data_ptr<float>()[2], 7.f);
  EXPECT_TRUE(net->parameters()[1].requires_grad());
}

TEST(Module, RefusesWrongStateDicts) {
  Scale a(2);
  StateDict state = a->state_dict();
  state.insert("extra", zeros({1}));
  EXPECT_THROW(a->load_state_dict(state), RusTorchError);
  EXPECT_EQ(a->load_state_dict(state, false).unexpected, std::vector<std::string>{"extra"});
  EXPECT_THROW(a->load_state_dict(Scale(3)->state_dict()), RusTorchError);
  EXPECT_EQ(a->load_state_dict({}, false).missing.size(), 2u);
  EXPECT_THROW(a->register_parameter("weight", zeros({1})), RusTorchError);
  EXPECT_THROW(a->register_parameter("a.b", zeros({1})), RusTorchError);
}

TEST(Module, ModesForwardAndText) {
  Sequential net(Scale(2), Sequential(Scale(2)));
  EXPECT_TRUE(net->is_training());
  net->eval();
  int training = 0;
  net->apply([&](Module& m) { training += m.is_training(); });
  EXPECT_EQ(training, 0);
  EXPECT_EQ(net(ones({2})).const_data_ptr<float>()[1], 1.f);
  EXPECT_EQ(net->str(), "Sequential(\n  (0): Scale()\n  (1): Sequential(\n    (0): Scale()\n  )\n)");
  EXPECT_THROW(Module().forward(ones({1})), RusTorchError);
}

void expect_path(const std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>& make,
                 const double (&expected)[3]) {
  Tensor p = zeros({3}, kFloat64);
  const double start[3] = {1, -2, 3};
  std::copy(start, start + 3, p.mutable_data_ptr<double>());
  p.requires_grad_(true);
  const auto optimizer = make({p});
  for (int i = 0; i < 5; ++i) {
    optimizer->zero_grad();
    p.mul(p).mul(i + 1).backward(ones({3}, kFloat64));
    optimizer->step();
  }
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(p.const_data_ptr<double>()[i], expected[i], 1e-14);
}

TEST(Optim, FollowsPyTorch) {
  using namespace optim;  // NOLINT
  expect_path(
      [](std::vector<Tensor> p) {
        return std::make_unique<SGD>(p, SGDOptions(0.01).momentum(0.9).weight_decay(0.1).nesterov(true));
      },
      {0.2995057636363841, -0.5990115272727682, 0.8985172909091523});
  expect_path(
      [](std::vector<Tensor> p) {
        return std::make_unique<Adam>(p, AdamOptions(0.1).weight_decay(0.1).amsgrad(true));
      },
      {0.5063882640023077, -1.5102007248976619, 2.5114912565014853});
  expect_path([](std::vector<Tensor> p) { return std::make_unique<AdamW>(p, AdamWOptions(0.1)); },
              {0.5030956701095768, -1.5019911088426068, 2.4983075643236323});
  EXPECT_THROW(SGD(std::vector<Tensor>{}, SGDOptions(0.1)), RusTorchError);
}

}  // namespace
}  // namespace rustorch::nn
