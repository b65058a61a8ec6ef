// Several user threads at once: what docs/reliability.md promises. Most of these show their worth under
// ThreadSanitizer; each also compares results.
#include <gtest/gtest.h>
#include <math.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "autograd/node.h"
#include "memory/allocator.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

/// Runs body(i) on n threads that start together; rethrows nothing: bodies report through gtest.
void on_threads(int n, const std::function<void(int)>& body) {
  std::atomic<int> waiting{n};
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i)
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting.load() != 0) std::this_thread::yield();
      body(i);
    });
  for (std::thread& t : threads) t.join();
}

bool same_bits(const Tensor& a, const Tensor& b) {
  const Tensor p = a.contiguous(), q = b.contiguous();
  return p.sizes() == q.sizes() && p.dtype() == q.dtype() &&
         std::memcmp(p.const_data_ptr(), q.const_data_ptr(), static_cast<size_t>(p.nbytes())) == 0;
}

struct Model {
  Tensor w1, b1, w2, x;
  Model() {
    manual_seed(21);
    w1 = randn({24, 8}).requires_grad_(true);
    b1 = randn({24}).requires_grad_(true);
    w2 = randn({5, 24}).requires_grad_(true);
    x = randn({16, 8});
  }
  Tensor run() const { return softmax(linear(relu(linear(x, w1, b1)), w2), 1); }
};

TEST(UserThreads, OneModelInferredFromSixteenThreads) {
  const Model model;  // its parameters want gradients, so that every call records a graph
  const Tensor expected = model.run().detach();
  on_threads(16, [&](int i) {
    for (int k = 0; k < 40; ++k) {
      if (i % 2 == 0) {
        EXPECT_TRUE(same_bits(model.run().detach(), expected));
      } else {
        NoGradGuard off;
        EXPECT_TRUE(same_bits(model.run(), expected));
      }
    }
  });
}

TEST(UserThreads, GradientsOfOneModelFromManyThreads) {
  const Model model;
  const std::vector<Tensor> wanted = {model.w1, model.b1, model.w2};
  const std::vector<Tensor> expected = autograd::grad({model.run().pow(2).sum()}, wanted);
  on_threads(8, [&](int) {
    for (int k = 0; k < 25; ++k) {
      const std::vector<Tensor> grads = autograd::grad({model.run().pow(2).sum()}, wanted);
      for (size_t j = 0; j < grads.size(); ++j) EXPECT_TRUE(same_bits(grads[j], expected[j]));
    }
  });
}

TEST(UserThreads, BackwardOfManyThreadsAddsUpInOneLeaf) {
  const Tensor leaf = ones({64}).requires_grad_(true);
  constexpr int kThreads = 8, kRounds = 50;
  on_threads(kThreads, [&](int) {
    for (int k = 0; k < kRounds; ++k) leaf.mul(2).sum().backward();
  });
  const Tensor total = full({64}, 2.0 * kThreads * kRounds);  // whole numbers: the order does not matter
  EXPECT_TRUE(same_bits(leaf.grad(), total));
}

TEST(UserThreads, OneGraphBackwardTwiceAtOnce) {
  const Tensor a = ones({32}).requires_grad_(true), b = ones({32}).requires_grad_(true);
  const Tensor loss = a.mul(3).mul(b.exp()).sum();
  const Tensor da = autograd::grad({loss}, {a}, {}, true)[0], db = autograd::grad({loss}, {b}, {}, true)[0];
  on_threads(6, [&](int i) {  // each asks for another leaf, so that the nodes need other edges
    for (int k = 0; k < 60; ++k) {
      const Tensor g = autograd::grad({loss}, {i % 2 == 0 ? a : b}, {}, true)[0];
      EXPECT_TRUE(same_bits(g, i % 2 == 0 ? da : db));
    }
  });
}

TEST(UserThreads, AGraphFreedByAnotherThreadIsAnError) {
  int refused = 0;
  for (int round = 0; round < 60; ++round) {
    const Tensor x = ones({16}).requires_grad_(true);
    const Tensor trunk = x.exp().mul(x.sin()).sigmoid();
    std::atomic<int> errors{0};
    on_threads(2, [&](int) {
      try {
        trunk.sum().backward();
      } catch (const RusTorchError& e) {
        EXPECT_EQ(e.kind(), ErrorKind::Autograd) << e.what();
        ++errors;
      }
    });
    refused += errors.load();
    EXPECT_LE(errors.load(), 1);
  }
  (void)refused;  // any number: it depends on who comes first
}

TEST(UserThreads, AViewWhoseBaseWasWrittenIsReadByManyThreads) {
  for (int round = 0; round < 20; ++round) {
    const Tensor leaf = ones({6, 4}).requires_grad_(true);
    const Tensor base = leaf.mul(1);
    const Tensor view = base.narrow(0, 1, 3);
    base.mul_(5);  // the view's grad_fn is made anew by whoever looks first
    on_threads(4, [&](int) {
      EXPECT_TRUE(view.requires_grad());
      EXPECT_STREQ(view.grad_fn()->name(), "AsStridedBackward0");
      const Tensor g = autograd::grad({view.sum()}, {leaf}, {}, true)[0];
      EXPECT_EQ(g.sum().item<float>(), 60.0f);
    });
  }
}

TEST(UserThreads, ClonesOfOneTensorAreWrittenApart) {
  const Tensor source = arange(1000, kFloat32);
  on_threads(8, [&](int i) {
    for (int k = 0; k < 100; ++k) {
      const Tensor copy = source.clone();
      copy.add_(i);
      EXPECT_EQ(copy.select(0, 7).item<float>(), 7.0f + static_cast<float>(i));
    }
  });
  EXPECT_EQ(source.sum().item<float>(), 499500.0f);
}

TEST(UserThreads, TheDefaultGeneratorNeverGivesTheSameNumbersTwice) {
  manual_seed(5);
  std::vector<Tensor> drawn(8);
  on_threads(8, [&](int i) { drawn[static_cast<size_t>(i)] = rand({64}, kFloat64); });
  for (size_t i = 0; i < drawn.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(same_bits(drawn[i], drawn[j]));
}

// Threads would race for the global that the C library's lgamma writes.
TEST(UserThreads, DrawingLeavesTheGlobalOfTheCLibraryAlone) {
#if defined(__GLIBC__)
  signgam = 7;
  const Tensor rate = full({100}, 1000.0, kFloat64);
  EXPECT_GT(poisson(rate).sum().item<double>(), 90000.0);
  EXPECT_GT(binomial(rate, full({100}, 0.5, kFloat64)).sum().item<double>(), 40000.0);
  EXPECT_EQ(signgam, 7);
#endif
}

TEST(UserThreads, TheLastHandleMayDieAnywhere) {
  Tensor shared = randn({128}).requires_grad_(true).exp();
  std::vector<Tensor> handles(16, shared);
  shared.reset();
  on_threads(16, [&](int i) {
    const Tensor local = handles[static_cast<size_t>(i)].detach();
    handles[static_cast<size_t>(i)].reset();
    EXPECT_EQ(local.numel(), 128);
  });
}

TEST(UserThreads, StatisticsLimitAndTrimBesideAllocations) {
  MemoryAllocator* allocator = cpu_allocator();
  std::atomic<bool> done{false};
  std::thread observer([&] {
    while (!done.load()) {
      EXPECT_LE(allocator->stats().allocated, size_t{1} << 40);
      allocator->trim();
      allocator->set_limit(size_t{1} << 40);
      allocator->set_limit(0);
      allocator->reset_peak();
    }
  });
  on_threads(4, [](int i) {
    for (int k = 0; k < 200; ++k) {
      const Tensor small = ones({i + k + 1}), large = zeros({40000 + 1000 * i});
      EXPECT_EQ(small.numel() + large.numel(), i + k + 1 + 40000 + 1000 * i);
    }
  });
  done = true;
  observer.join();
}

TEST(UserThreads, LargeOperationsOfSeveralThreadsShareThePool) {
  manual_seed(22);
  const Tensor a = randn({257, 300}), b = randn({300, 190}), c = randn({70001});
  const Tensor product = matmul(a, b), sorted = std::get<0>(c.sort()), sum = c.sum(), top = a.argmax(1);
  on_threads(4, [&](int) {
    for (int k = 0; k < 6; ++k) {
      EXPECT_TRUE(same_bits(matmul(a, b), product));
      EXPECT_TRUE(same_bits(std::get<0>(c.sort()), sorted));
      EXPECT_TRUE(same_bits(c.sum(), sum));
      EXPECT_TRUE(same_bits(a.argmax(1), top));
    }
  });
}

}  // namespace
}  // namespace rustorch
