// DeviceManager, the fallback to the CPU and the cache of kernels, from C++.
#include <gtest/gtest.h>

#include <cstdlib>

#include "backend/compute_backend.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"
#include "rustorch/fft.h"
#include "rustorch/linalg.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

TEST(DeviceManager, KnowsTheCpu) {
  EXPECT_TRUE(DeviceManager::is_available(DeviceType::Cpu));
  EXPECT_EQ(DeviceManager::device_count(DeviceType::Cpu), 1);
  EXPECT_TRUE(DeviceManager::devices().front().is_cpu());
  EXPECT_EQ(DeviceManager::capabilities(Device::Cpu()).name, "cpu");
  EXPECT_TRUE(DeviceManager::unavailable_reason(DeviceType::Cpu).empty());
}

TEST(DeviceManager, SaysWhyThereIsNoDevice) {
  EXPECT_FALSE(DeviceManager::is_available(DeviceType::WebGpu));
  EXPECT_NE(DeviceManager::unavailable_reason(DeviceType::WebGpu), "");
  try {
    backend_for(DeviceType::WebGpu);
    FAIL() << "no error";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::BackendUnavailable);
  }
}

TEST(DeviceManager, SelectsSomethingThatMeetsTheRequirements) {
  DeviceRequirements impossible;
  impossible.memory = static_cast<size_t>(-1);
  EXPECT_TRUE(DeviceManager::auto_select(impossible).is_cpu());
  impossible.gpu_only = true;
  EXPECT_THROW(DeviceManager::auto_select(impossible), RusTorchError);
}

class OpenCl : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!DeviceManager::is_available(DeviceType::OpenCL) && std::getenv("RUSTORCH_REQUIRE_OPENCL") == nullptr)
      GTEST_SKIP() << "no OpenCL device: " << DeviceManager::unavailable_reason(DeviceType::OpenCL);
  }
};

TEST_F(OpenCl, FillsInTheIndexOfADevice) {
  EXPECT_EQ(zeros({2}).to(Device(DeviceType::OpenCL)).device().str(), "opencl:0");
  EXPECT_THROW(DeviceManager::resolve(Device::OpenCL(30)), RusTorchError);
}

TEST_F(OpenCl, FallbackKeepsLayoutsAndAliases) {
  const Tensor host = rustorch::rand({6, 5}), right = rustorch::rand({4, 3});
  const Tensor device = host.to(Device::OpenCL()), b = right.to(Device::OpenCL());
  const uint64_t before = DeviceManager::fallback_count();
  auto solve = [](const Tensor& a, const Tensor& rhs) {  // a is a strided part of a larger tensor
    return linalg::solve_triangular(a.t().slice(0, 1, 5).slice(1, 1, 5).add(2), rhs.t().t(), false);
  };
  EXPECT_TRUE(allclose(solve(device, b).to(Device::Cpu()), solve(host, right), 1e-4, 1e-5));
  EXPECT_GT(DeviceManager::fallback_count(), before);
}

TEST_F(OpenCl, PolicyCanRefuse) {
  Tensor t = zeros({3}).to(Device::OpenCL());
  DeviceManager::set_fallback_policy(FallbackPolicy::Refuse);
  try {
    fft::fft(t);
    ADD_FAILURE() << "no error";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::NotImplemented);
  }
  DeviceManager::set_fallback_policy(FallbackPolicy::Warn);
}

}  // namespace
}  // namespace rustorch
