// Failing every operator new in turn, in the thread that computes: an error of the right kind, nothing
// leaked, and the same result when there is memory again. (Tensors' bytes come from the MemoryAllocator,
// whose faults are in autograd/fault_test.cc; this is about everything else: nodes, vectors, strings,
// parsers.)
//
// Not under sanitizers, which bring their own operator new.
#include <gtest/gtest.h>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/nn.h"
#include "rustorch/ops.h"
#include "rustorch/optim.h"
#include "rustorch/serialize.h"

namespace {
thread_local int64_t news_left = -1;  // -1: none fails
thread_local bool news_failed = false;
std::atomic<int64_t> live{0};

void* take(size_t bytes, size_t alignment) noexcept {
  if (news_left >= 0 && news_left-- == 0) {
    news_failed = true;
    return nullptr;
  }
  void* p = nullptr;
  if (alignment <= 16)
    p = std::malloc(bytes == 0 ? 1 : bytes);
  else if (posix_memalign(&p, alignment, bytes) != 0)
    p = nullptr;
  if (p != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return p;
}
void* take_or_throw(size_t bytes, size_t alignment) {
  void* p = take(bytes, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void give(void* p) noexcept {
  if (p != nullptr) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(p);
}
}  // namespace

void* operator new(size_t n) { return take_or_throw(n, 0); }
void* operator new[](size_t n) { return take_or_throw(n, 0); }
void* operator new(size_t n, std::align_val_t a) { return take_or_throw(n, static_cast<size_t>(a)); }
void* operator new[](size_t n, std::align_val_t a) { return take_or_throw(n, static_cast<size_t>(a)); }
void* operator new(size_t n, const std::nothrow_t&) noexcept { return take(n, 0); }
void* operator new[](size_t n, const std::nothrow_t&) noexcept { return take(n, 0); }
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, size_t) noexcept { give(p); }
void operator delete[](void* p, size_t) noexcept { give(p); }
void operator delete(void* p, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { give(p); }

namespace rustorch {
namespace {

/// Runs action with every operator new failing in turn, until it passes. result() tells what it computed.
void fail_every_new(const std::function<std::vector<Tensor>()>& action) {
  std::vector<std::vector<char>> expected;
  auto bytes_of = [](const std::vector<Tensor>& all) {
    std::vector<std::vector<char>> bytes;
    for (const Tensor& t : all) {
      const Tensor c = t.contiguous();
      const char* p = static_cast<const char*>(c.const_data_ptr());
      bytes.emplace_back(p, p + c.nbytes());
    }
    return bytes;
  };
  for (int warm = 0; warm < 3; ++warm) expected = bytes_of(action());  // caches and one-time tables
  int failures = 0;
  for (int64_t n = 0; n < 20000; ++n) {
    const int64_t before = live.load();
    bool passed = false;
    {
      std::vector<Tensor> result;
      news_failed = false;
      news_left = n;
      try {
        result = action();
        passed = true;
      } catch (const std::bad_alloc&) {
      } catch (const RusTorchError& e) {
        news_left = -1;
        EXPECT_EQ(e.kind(), ErrorKind::OutOfMemory) << e.what() << " (operator new number " << n << ")";
      }
      news_left = -1;
      if (passed) {
        EXPECT_EQ(bytes_of(result), expected) << "operator new number " << n;
      }
    }
    if (!news_failed) {
      EXPECT_GT(failures, 0);
      return;
    }
    ++failures;
    // What was kept in free lists may grow by a little, once; what leaks grows every time.
    EXPECT_LE(live.load() - before, 8) << "after failing operator new number " << n;
    if (n % 16 == 0) {
      EXPECT_EQ(bytes_of(action()), expected) << "after failing operator new number " << n;
    }
    if (testing::Test::HasFailure()) return;
  }
  ADD_FAILURE() << "no end";
}

TEST(NewFaults, Operators) {
  const Tensor a = arange(12, kFloat32).reshape({3, 4}), b = ones({4, 5});
  fail_every_new([&] { return std::vector<Tensor>{a.t().add(1.5), matmul(a, b), std::get<0>(a.sort(0))}; });
  fail_every_new([&] { return a.split(1, 0); });
  fail_every_new([&] { return std::vector<Tensor>{einsum("ij,jk->ki", {a, b}), cat({a, a}, 1)}; });
}

TEST(NewFaults, ForwardAndBackward) {
  manual_seed(31);
  const Tensor w1 = randn({16, 8}).requires_grad_(true), w2 = randn({4, 16}).requires_grad_(true);
  const Tensor x = randn({32, 8}), y = randint(0, 4, {32});
  fail_every_new([&] {
    const Tensor hidden = linear(x, w1).tanh().mul(1);
    hidden.narrow(0, 1, 3).mul_(2);
    return autograd::grad({cross_entropy(linear(hidden, w2), y)}, {w1, w2});
  });
  fail_every_new([&] {
    const Tensor first = autograd::grad({matmul(x, w1.t()).tanh().sum()}, {w1}, {}, true, true)[0];
    return autograd::grad({first.pow(2).sum()}, {w1});
  });
}

TEST(NewFaults, LongGraphsDieWithoutMemory) {
  Tensor x = ones({2}).requires_grad_(true);
  for (int i = 0; i < 1000; ++i) x = x.mul(1);
  news_failed = false;
  news_left = 0;  // not one allocation is allowed while 1000 nodes are destroyed
  x.reset();
  news_left = -1;
  EXPECT_FALSE(news_failed);
}

TEST(NewFaults, ModulesAndOptimizers) {
  fail_every_new([] {
    manual_seed(32);
    nn::Sequential net(nn::Linear(6, 5), nn::ReLU(), nn::Linear(5, 2));
    optim::Adam optimizer(net->parameters(), optim::AdamOptions(0.01));
    net(ones({3, 6})).sum().backward();
    optimizer.step();
    return net->parameters();
  });
}

TEST(NewFaults, Files) {
  const std::string folder = testing::TempDir() + "rustorch_new_";
  const Tensor t = arange(6, kFloat32).reshape({2, 3});
  const std::string bytes = [&] {
    const SavedValue v(SavedValue::Dict{{"t", t}, {"list", SavedValue::List{1, 2.5, "text", true}}});
    return save_bytes(v);
  }();
  fail_every_new([&] { return std::vector<Tensor>{load_bytes(bytes)["t"].tensor()}; });
  save_safetensors({{"t", t}}, folder + "a.safetensors");
  save_npy(t, folder + "a.npy");
  save_npz({{"t", t}}, folder + "a.npz");
  save(t, folder + "a.pt");
  fail_every_new([&] { return std::vector<Tensor>{load_safetensors(folder + "a.safetensors").at("t")}; });
  fail_every_new([&] { return std::vector<Tensor>{load_npy(folder + "a.npy")}; });
  fail_every_new([&] { return std::vector<Tensor>{load_npz(folder + "a.npz").at("t")}; });
  fail_every_new([&] { return std::vector<Tensor>{load(folder + "a.pt").tensor()}; });
  fail_every_new([&] {
    save(t, folder + "a.pt");  // one that fails leaves the old file
    return std::vector<Tensor>{t};
  });
  EXPECT_EQ(load(folder + "a.pt").tensor().sum().item<float>(), 15.0f);
  for (const char* name : {"a.safetensors", "a.npy", "a.npz", "a.pt"}) std::remove((folder + name).c_str());
}

}  // namespace
}  // namespace rustorch

#endif
