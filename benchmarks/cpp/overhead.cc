// What one call costs from C++, in nanoseconds, on tensors so small that the arithmetic is free.
//
//   overhead [ROUNDS]     the figure is the fastest of ROUNDS (20) rounds of 20,000 calls
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "rustorch/rustorch.h"

namespace {

int rounds = 20;

template <class F>
void time_call(const char* name, F&& call) {
  constexpr int kCalls = 20000;
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    for (int k = 0; k < kCalls; ++k) call();
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kCalls;
    if (ns < best) best = ns;
  }
  std::printf("%-34s %8.0f ns\n", name, best);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) rounds = std::max(1, std::atoi(argv[1]));
  rt::set_num_threads(1);
  rt::Tensor a = rt::rand({4}), b = rt::rand({4}), kept;
  time_call("add of 4 elements", [&] { kept = a.add(b); });
  time_call("add in place", [&] { a.add_(b, 1e-9); });
  time_call("multiply by a number", [&] { kept = a.mul(2.0); });
  time_call("relu", [&] { kept = a.relu(); });
  time_call("sum", [&] { kept = a.sum(); });
  time_call("view", [&] { kept = a.view({2, 2}); });
  time_call("empty", [&] { kept = rt::empty({4}); });

  rt::Tensor x = rt::rand({1, 16}), w = rt::rand({16, 16}), bias = rt::rand({16});
  time_call("linear 1x16x16", [&] { kept = rt::linear(x, w, bias); });

  rt::Tensor leaf = rt::rand({4}).requires_grad_();
  time_call("add, recorded", [&] { kept = leaf.add(b); });
  time_call("ten multiplications and backward", [&] {
    rt::Tensor y = leaf;
    for (int k = 0; k < 10; ++k) y = y.mul(b);
    y.sum().backward();
  });
  return 0;
}
