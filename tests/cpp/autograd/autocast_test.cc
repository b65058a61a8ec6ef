// Autocast from C++: the guard, its nesting, gradients and the cache of weights. Every operator's dtype is
// tested from Python against recorded ones.
#include <gtest/gtest.h>

#include <thread>

#include "rustorch/rustorch.h"

namespace rustorch {
namespace {

TEST(Autocast, GuardSetsAndRestores) {
  const Tensor x = ones({2, 2});
  EXPECT_EQ(mm(x, x).dtype(), kFloat32);
  {
    AutocastGuard low;
    EXPECT_TRUE(is_autocast_enabled());
    EXPECT_EQ(mm(x, x).dtype(), kBFloat16);
    EXPECT_EQ(mse_loss(mm(x, x), x).dtype(), kFloat32);
    EXPECT_EQ(cat({mm(x, x), x}).dtype(), kFloat32);
    EXPECT_EQ(mm(x.to(kFloat64), x.to(kFloat64)).dtype(), kFloat64);
    {
      AutocastGuard half(kFloat16);
      EXPECT_EQ(mm(x, x).dtype(), kFloat16);
      AutocastGuard off(kFloat16, DeviceType::Cpu, false);
      EXPECT_EQ(mm(x, x).dtype(), kFloat32);
    }
    EXPECT_EQ(mm(x, x).dtype(), kBFloat16);
    std::thread([&] { EXPECT_EQ(mm(x, x).dtype(), kFloat32); }).join();
  }
  EXPECT_FALSE(is_autocast_enabled());
  EXPECT_EQ(mm(x, x).dtype(), kFloat32);
}

TEST(Autocast, WeightsKeepFloat32Gradients) {
  Tensor w = full({3, 3}, 0.5);
  w.requires_grad_(true);
  const Tensor x = ones({2, 3});
  Tensor loss;
  {
    AutocastGuard low;
    loss = mm(mm(x, w), w).sum();
    EXPECT_EQ(autocast_cache_size(), 1u);
  }
  EXPECT_EQ(autocast_cache_size(), 0u);
  loss.backward();
  EXPECT_EQ(w.grad().dtype(), kFloat32);
  EXPECT_NEAR(w.grad().select(0, 0).select(0, 0).item().to_double(), 6.0, 1e-6);
}

TEST(Autocast, RefusesOtherDtypes) {
  EXPECT_THROW(set_autocast_dtype(DeviceType::Cpu, kFloat64), RusTorchError);
  EXPECT_EQ(autocast_dtype(), kBFloat16);
}

}  // namespace
}  // namespace rustorch
