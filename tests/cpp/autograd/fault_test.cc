// Failing the n-th allocation of a training step, for every n: a typed error, nothing leaked, and a next step
// equal to an undisturbed one.
#include <gtest/gtest.h>

#include <cstring>

#include "memory/allocator.h"
#include "memory/basic_allocators.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

struct Net {
  Tensor w1, b1, w2, b2, x, y;
  Net() {
    manual_seed(11);
    w1 = randn({16, 8}).requires_grad_(true);
    b1 = zeros({16}).requires_grad_(true);
    w2 = randn({4, 16}).requires_grad_(true);
    b2 = zeros({4}).requires_grad_(true);
    x = randn({32, 8});
    y = randint(0, 4, {32});
  }
  std::vector<Tensor> parameters() const { return {w1, b1, w2, b2}; }
  /// The gradients of one pass; the parameters do not change.
  std::vector<Tensor> gradients() const {
    Tensor hidden = relu(linear(x, w1, b1));
    Tensor loss = cross_entropy(linear(hidden, w2, b2), y);
    return autograd::grad({loss}, parameters());
  }
};

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    Tensor p = a[i].contiguous(), q = b[i].contiguous();
    if (p.sizes() != q.sizes() ||
        std::memcmp(p.const_data_ptr(), q.const_data_ptr(), static_cast<size_t>(p.nbytes())) != 0)
      return false;
  }
  return true;
}

TEST(Faults, EveryAllocationOfATrainingStep) {
  Net net;
  const std::vector<Tensor> expected = net.gradients();
  MemoryAllocator* inner = cpu_allocator();
  const size_t before = inner->stats().allocated;
  bool finished = false;
  int failed = 0;
  for (int64_t n = 0; n < 2000 && !finished; ++n) {
    FaultAllocator fault(inner, n);
    set_cpu_allocator(&fault);
    try {
      std::vector<Tensor> grads = net.gradients();
      finished = !fault.triggered();
      EXPECT_TRUE(finished) << "a failed allocation was swallowed";
      EXPECT_TRUE(same_bits(grads, expected));
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory) << e.what();
      ++failed;
    }
    set_cpu_allocator(inner);
    EXPECT_EQ(inner->stats().allocated, before) << "after failing allocation " << n;
    EXPECT_TRUE(same_bits(net.gradients(), expected)) << "after failing allocation " << n;
  }
  EXPECT_TRUE(finished);
  EXPECT_GT(failed, 10);
}

}  // namespace
}  // namespace rustorch
