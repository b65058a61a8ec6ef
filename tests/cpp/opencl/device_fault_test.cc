// Faults on a device: failing the n-th allocation of a training step, and two threads on one context.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "backend/device_backend.h"
#include "memory/basic_allocators.h"
#include "rustorch/autograd.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

class DeviceFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!DeviceManager::is_available(DeviceType::OpenCL) && std::getenv("RUSTORCH_REQUIRE_OPENCL") == nullptr)
      GTEST_SKIP() << "no OpenCL device: " << DeviceManager::unavailable_reason(DeviceType::OpenCL);
  }
};

struct Net {
  Tensor w1, b1, w2, b2, x, y;
  Net() {
    const Device device = Device::OpenCL();
    manual_seed(11);
    w1 = randn({16, 8}).to(device).requires_grad_(true);
    b1 = zeros({16}).to(device).requires_grad_(true);
    w2 = randn({4, 16}).to(device).requires_grad_(true);
    b2 = zeros({4}).to(device).requires_grad_(true);
    x = randn({32, 8}).to(device);
    y = randint(0, 4, {32}).to(device);
  }
  std::vector<Tensor> gradients() const {
    Tensor hidden = relu(linear(x, w1, b1));
    Tensor loss = cross_entropy(linear(hidden, w2, b2), y);
    std::vector<Tensor> grads = autograd::grad({loss}, {w1, b1, w2, b2});
    for (Tensor& g : grads) g = g.to(Device::Cpu());
    return grads;
  }
};

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

TEST_F(DeviceFaults, EveryAllocationOfATrainingStep) {
  Net net;
  const std::vector<Tensor> expected = net.gradients();
  const Device device = Device::OpenCL();
  MemoryAllocator* inner = device_allocator(device);
  const size_t before = inner->stats().allocated;
  bool finished = false;
  int failed = 0;
  for (int64_t n = 0; n < 500 && !finished; ++n) {
    FaultAllocator fault(inner, n);
    set_device_allocator(device, &fault);
    try {
      const std::vector<Tensor> grads = net.gradients();
      finished = !fault.triggered();
      EXPECT_TRUE(finished) << "a failed allocation was swallowed";
      EXPECT_TRUE(same(grads, expected));
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory) << e.what();
      ++failed;
    }
    set_device_allocator(device, nullptr);
    EXPECT_EQ(inner->stats().allocated, before) << "after failing allocation " << n;
    EXPECT_TRUE(same(net.gradients(), expected)) << "after failing allocation " << n;
  }
  EXPECT_TRUE(finished);
  EXPECT_GT(failed, 5);
}

TEST_F(DeviceFaults, AMemoryLimitIsATypedError) {
  const Device device = Device::OpenCL();
  MemoryAllocator* memory = device_allocator(device);
  const Tensor small = zeros({16}).to(device);
  memory->set_limit(memory->stats().allocated + 4096);
  try {
    empty({1 << 20}, kFloat32, device);
    ADD_FAILURE() << "no error";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory);
  }
  memory->set_limit(0);
  EXPECT_EQ(small.sum().item().to_double(), 0);
}

TEST_F(DeviceFaults, TwoThreadsShareAContext) {
  const Device device = Device::OpenCL();
  manual_seed(3);
  const Tensor x = randn({64, 32}), w = randn({32, 32});
  auto chain = [&](const Device& where) {
    Tensor a = x.to(where), b = w.to(where);
    for (int k = 0; k < 5; ++k) a = relu(a.matmul(b)).div(32).add(a);
    return a.sum(IntArrayRef({0})).to(Device::Cpu());
  };
  const Tensor want = chain(device);
  EXPECT_TRUE(allclose(want, chain(Device::Cpu()), 1e-4, 1e-4));
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) right[t] += equal(chain(device), want);
    });
  for (std::thread& t : threads) t.join();
  for (int n : right) EXPECT_EQ(n, 5);
}

}  // namespace
}  // namespace rustorch
