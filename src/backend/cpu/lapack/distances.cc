// cdist: p-norm distances between the rows of two matrices.
#include <cmath>

#include "backend/cpu/lapack/linalg.h"

namespace rustorch::cpu {
namespace {

// Combines |x - y| of all columns as the norm says. Four partial results, so that the loop is not one chain.
template <class T, class Add, class Join>
inline T fold(const T* x, const T* y, int64_t n, Add&& add, Join&& join) {
  T part[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; ++k) part[k] = add(part[k], std::abs(x[i + k] - y[i + k]));
  for (; i < n; ++i) part[0] = add(part[0], std::abs(x[i] - y[i]));
  return join(join(part[0], part[1]), join(part[2], part[3]));
}

template <class T>
T distance(const T* x, const T* y, int64_t n, T p) {
  auto sum = [](T a, T b) { return a + b; };
  if (p == 2)
    return std::sqrt(fold(
        x, y, n, [](T a, T d) { return a + d * d; }, sum));
  if (p == 1) return fold(x, y, n, sum, sum);
  if (p == 0)
    return fold(
        x, y, n, [](T a, T d) { return a + (d != 0 ? T(1) : T(0)); }, sum);
  if (std::isinf(p)) {
    auto most = [](T a, T b) { return b > a || std::isnan(b) ? b : a; };
    return fold(x, y, n, most, most);
  }
  return std::pow(fold(
                      x, y, n, [p](T a, T d) { return a + std::pow(d, p); }, sum),
                  1 / p);
}

template <class T>
void run(const LinalgCall& call) {
  const int64_t batch = call.a.size(0), n = call.a.size(1), k = call.a.size(2), m = call.u.size(1);
  const T* x = call.a.impl()->data<T>();
  const T* y = call.u.impl()->data<T>();
  T* out = call.b.impl()->mutable_data<T>();
  const T p = static_cast<T>(call.param);
  for_batch(batch * n, static_cast<double>(m) * static_cast<double>(k) * 3, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* others = y + row / n * m * k;
      for (int64_t j = 0; j < m; ++j) out[row * m + j] = distance(x + row * k, others + j * k, k, p);
    }
  });
}

}  // namespace

void distances(const LinalgCall& call) {
  if (call.b.impl()->dtype() == DType::Float32)
    run<float>(call);
  else
    run<double>(call);
}

}  // namespace rustorch::cpu
