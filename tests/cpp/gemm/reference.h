// Naive products and deterministic random data for the tests of the matrix kernels.
#pragma once
#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

#include "backend/cpu/gemm/gemm.h"

namespace gemm_test {

/// xorshift64*: the same numbers on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 1) {}
  uint64_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Dull;
  }
  int64_t range(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(bits() % static_cast<uint64_t>(high - low + 1));
  }
  double uniform() { return static_cast<double>(bits() >> 11) / 9007199254740992.0 * 2 - 1; }
  bool coin() { return (bits() & 1024) != 0; }

 private:
  uint64_t state_;
};

template <class T>
T random_value(Random& r, T*) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(r.bits());
  } else {
    return T(static_cast<float>(r.uniform()));
  }
}
template <class F>
std::complex<F> random_value(Random& r, std::complex<F>*) {
  return {static_cast<F>(r.uniform()), static_cast<F>(r.uniform())};
}
template <class T>
std::vector<T> random_vector(Random& r, int64_t n) {
  std::vector<T> v(static_cast<size_t>(n));
  for (T& x : v) x = random_value(r, static_cast<T*>(nullptr));
  return v;
}

inline double activate(rustorch::cpu::Activation act, double x) {
  using rustorch::cpu::Activation;
  switch (act) {
    case Activation::None:
      return x;
    case Activation::Relu:
      return x < 0 ? 0 : x;
    case Activation::Gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::GeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Activation::Sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::Tanh:
      return std::tanh(x);
    case Activation::Silu:
      return x / (1 + std::exp(-x));
  }
  return x;
}

/// Element (i, j) of op(A) op(B) before alpha, and the sum of magnitudes, in long double.
template <class T>
void dot(const rustorch::cpu::GemmArgs<T>& g, int64_t i, int64_t j, double* sum, double* magnitude) {
  long double total = 0;
  *magnitude = 0;
  for (int64_t k = 0; k < g.k; ++k) {
    const double a = static_cast<double>(g.a[g.trans_a ? k * g.lda + i : i * g.lda + k]);
    const double b = static_cast<double>(g.b[g.trans_b ? j * g.ldb + k : k * g.ldb + j]);
    total += static_cast<long double>(a) * b;
    *magnitude += std::abs(a * b);
  }
  *sum = static_cast<double>(total);
}

}  // namespace gemm_test
