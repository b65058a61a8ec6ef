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

/// A small convolutional network with every kind of layer state: running statistics, random masks.
struct ConvNet {
  Tensor w1, gamma, beta, mean, var, w2, b2, x, y;
  ConvNet() {
    manual_seed(12);
    w1 = randn({4, 1, 3, 3}).requires_grad_(true);
    gamma = ones({4}).requires_grad_(true);
    beta = zeros({4}).requires_grad_(true);
    mean = zeros({4});
    var = ones({4});
    w2 = randn({3, 64}).mul(0.1).requires_grad_(true);
    b2 = zeros({3}).requires_grad_(true);
    x = randn({6, 1, 8, 8});
    y = randint(0, 3, {6});
  }
  std::vector<Tensor> gradients() const {
    manual_seed(13);  // the mask of the dropout
    Tensor h = conv2d(x, w1, std::nullopt, {1, 1}, IntArrayRef{1, 1});
    h = max_pool2d(relu(batch_norm(h, gamma, beta, mean.clone(), var.clone(), true, 0.1, 1e-5)), {2, 2});
    Tensor out = linear(dropout(h.flatten(1), 0.3, true), w2, b2);
    return autograd::grad({cross_entropy(out, y)}, {w1, gamma, beta, w2, b2});
  }
};

/// The gradient of a gradient's norm, through views and an in-place write.
struct Second {
  Tensor w, x;
  Second() {
    manual_seed(14);
    w = randn({5, 6}).requires_grad_(true);
    x = randn({7, 6});
  }
  std::vector<Tensor> gradients() const {
    Tensor h = matmul(x, w.t());
    h.narrow(1, 1, 3).tanh_();
    Tensor loss = h.softmax(1).mul(h).sum();
    const std::vector<Tensor> first = autograd::grad({loss}, {w}, {}, true, true);
    return autograd::grad({first[0].pow(2).sum()}, {w});
  }
};

template <class Model>
void fail_every_allocation(FaultAllocator::Mode mode) {
  const Model model;
  const std::vector<Tensor> expected = model.gradients();
  MemoryAllocator* inner = cpu_allocator();
  const size_t before = inner->stats().allocated;
  bool finished = false;
  int failed = 0;
  for (int64_t n = 0; n < 2000 && !finished; ++n) {
    FaultAllocator fault(inner, n, mode);
    set_cpu_allocator(&fault);
    try {
      std::vector<Tensor> grads = model.gradients();
      finished = !fault.triggered();
      EXPECT_TRUE(finished) << "a failed allocation was swallowed";
      EXPECT_TRUE(same_bits(grads, expected));
    } catch (const RusTorchError& e) {
      EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory) << e.what();
      ++failed;
    }
    set_cpu_allocator(inner);
    ASSERT_EQ(fault.live(), 0) << "after failing allocation " << n;
    EXPECT_EQ(inner->stats().allocated, before) << "after failing allocation " << n;
    EXPECT_TRUE(same_bits(model.gradients(), expected)) << "after failing allocation " << n;
  }
  EXPECT_TRUE(finished);
  EXPECT_GT(failed, 10);
}

TEST(Faults, EveryAllocationOfATrainingStep) {
  fail_every_allocation<Net>(FaultAllocator::Mode::Once);
  fail_every_allocation<Net>(FaultAllocator::Mode::FromThenOn);
}

TEST(Faults, EveryAllocationOfAConvolutionalStep) {
  fail_every_allocation<ConvNet>(FaultAllocator::Mode::Once);
  fail_every_allocation<ConvNet>(FaultAllocator::Mode::FromThenOn);
}

TEST(Faults, EveryAllocationOfADoubleBackward) {
  fail_every_allocation<Second>(FaultAllocator::Mode::Once);
  fail_every_allocation<Second>(FaultAllocator::Mode::FromThenOn);
}

}  // namespace
}  // namespace rustorch
