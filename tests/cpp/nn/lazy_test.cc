// Lazy layers: sizes from the first input or from a state dict, sharing with an optimizer, copies.
#include "rustorch/nn/lazy.h"

#include <gtest/gtest.h>

#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/nn/container.h"
#include "rustorch/ops.h"
#include "rustorch/optim/optimizers.h"

namespace rustorch::nn {
namespace {

TEST(Lazy, TakesSizesFromTheFirstInput) {
  manual_seed(1);
  LazyLinear lazy(3);
  EXPECT_EQ(lazy->str(), "LazyLinear(in_features=0, out_features=3, bias=True)");
  EXPECT_TRUE(lazy->has_uninitialized_params());
  const Tensor x = randn({2, 5});
  const Tensor y = lazy(x);
  EXPECT_EQ(y.sizes(), IntArrayRef({2, 3}));
  EXPECT_FALSE(lazy->has_uninitialized_params());
  EXPECT_EQ(lazy->str(), "Linear(in_features=5, out_features=3, bias=True)");
  EXPECT_THROW(lazy(randn({2, 4})), RusTorchError);
}

TEST(Lazy, ParametersAreTheSameTensors) {
  Sequential net(LazyConv2d(4, 3), LazyBatchNorm2d(), LazyConvTranspose2d(2, 2));
  optim::SGD optimizer(net->parameters(), optim::SGDOptions(0.1));
  const Tensor x = randn({2, 3, 6, 6});
  net(x).sum().backward();
  const Tensor before = net->parameters()[0].detach().clone();
  optimizer.step();
  EXPECT_FALSE(equal(net->parameters()[0], before));
  EXPECT_EQ(net->parameters()[0].sizes(), IntArrayRef({4, 3, 3, 3}));
}

TEST(Lazy, TakesSizesFromAState) {
  const Linear plain(5, 3);
  LazyLinear lazy(3);
  lazy->load_state_dict(plain->state_dict());
  EXPECT_FALSE(lazy->has_uninitialized_params());
  const Tensor x = randn({2, 5});
  EXPECT_TRUE(equal(lazy(x), plain(x)));
  LazyBatchNorm1d norm;
  const BatchNorm1d full(4);
  full(randn({3, 4}));
  norm->load_state_dict(full->state_dict());
  EXPECT_TRUE(equal(norm->running_mean, full->running_mean));
  norm(randn({3, 4}));
  EXPECT_EQ(norm->options.num_features(), 4);
}

TEST(Lazy, Copies) {
  const LazyLinear lazy(3);
  const LazyLinear other = lazy.clone();
  EXPECT_TRUE(other->has_uninitialized_params());
  const Tensor x = randn({2, 5});
  lazy(x);
  other(randn({2, 4}));
  const auto copy = std::dynamic_pointer_cast<LinearImpl>(lazy->clone());
  ASSERT_NE(copy, nullptr);
  EXPECT_TRUE(equal(copy->forward(x), lazy(x)));
}

TEST(Lazy, RefusesWhatDoesNotFit) {
  LazyConv2d conv(LazyConv2dOptions(4, 3).groups(2));
  EXPECT_THROW(conv(randn({2, 3, 6, 6})), RusTorchError);
  LazyConv1d one(4, 3);
  EXPECT_THROW(one(randn({2, 3, 6, 6})), RusTorchError);
}

}  // namespace
}  // namespace rustorch::nn
