// Functions of matrices: exponential and powers.
#include <cmath>
#include <vector>

#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

namespace {

// Taylor polynomials in the form of Paterson and Stockmeyer (1973): degree, block length. The norm up to
// which a degree m is exact to the unit roundoff u is (u (m + 1)!)^(1 / m) (Higham, Functions of Matrices,
// ch. 10).
struct Degree {
  int m, q;
};
constexpr Degree kDegrees[] = {{1, 1}, {2, 2}, {4, 2}, {9, 3}, {16, 4}};

double bound_of(int m, double roundoff) { return 0.95 * std::pow(roundoff * std::tgamma(m + 2.0), 1.0 / m); }

Tensor taylor(const Tensor& a, Degree degree) {
  const Tensor unit = identity(a, a.size(-1));
  if (degree.m == 1) return rustorch::add(unit, a);
  std::vector<Tensor> power = {unit, a};
  for (int k = 2; k <= degree.q; ++k)
    power.push_back(
        rustorch::matmul(power[static_cast<size_t>(k) / 2], power[static_cast<size_t>(k + 1) / 2]));
  double coefficient[20] = {1};
  for (int k = 1; k <= degree.m; ++k) coefficient[k] = coefficient[k - 1] / k;
  auto block = [&](int first, int count) {
    Tensor sum = rustorch::mul(unit, coefficient[first]);
    for (int j = 1; j < count; ++j)
      sum = rustorch::add(sum, power[static_cast<size_t>(j)], Scalar(coefficient[first + j]));
    return sum;
  };
  const Tensor& top = power.back();
  int at = degree.m - degree.q;  // the last block has one more term
  Tensor sum = block(at, degree.q + 1);
  for (at -= degree.q; at >= 0; at -= degree.q)
    sum = rustorch::add(block(at, degree.q), rustorch::matmul(top, sum));
  return sum;
}

}  // namespace

Tensor linalg_matrix_exp(const Tensor& self) {
  constexpr const char* kOp = "linalg.matrix_exp";
  RT_CHECK(self.is_floating_point() || self.is_complex(), NotImplemented, kOp,
           "Expected a floating point or complex tensor as input. Got ", dtype_scalar_name(self.dtype()));
  check_square(kOp, self);
  if (self.numel() == 0) return rustorch::clone(self);
  if (self.size(-1) == 1) return rustorch::exp(self);
  if (is_reduced_float(self.dtype()))
    return rustorch::to(impl::linalg_matrix_exp(rustorch::to(self, kFloat32)), self.dtype());
  const double roundoff = real_type(self.dtype()) == kFloat32 ? 0x1p-24 : 0x1p-53;
  const Tensor norms = rustorch::amax(rustorch::sum(rustorch::abs(self), int64_t{-2}), int64_t{-1});
  const Tensor host = rustorch::flatten(rustorch::to(rustorch::to(norms, Device::Cpu()), kFloat64));
  const double* norm = host.const_data_ptr<double>();
  double most = 0;
  bool finite = true;
  for (int64_t i = 0; i < host.numel(); ++i) {
    finite &= std::isfinite(norm[i]);
    if (std::isfinite(norm[i])) most = std::max(most, norm[i]);
  }
  Degree degree = kDegrees[4];
  for (const Degree& d : kDegrees)
    if (finite && most <= bound_of(d.m, roundoff)) {  // inf and nan spread by the products of the highest
      degree = d;
      break;
    }
  const double bound = bound_of(degree.m, roundoff);
  if (most <= bound) return taylor(self, degree);
  // exp(A) = exp(A / 2^s)^(2^s), s of each matrix by its own norm
  Tensor halvings = rustorch::empty(norms.sizes(), kInt64);
  int64_t* count = halvings.mutable_data_ptr<int64_t>();
  int64_t largest = 0;
  for (int64_t i = 0; i < host.numel(); ++i) {
    count[i] = std::isfinite(norm[i]) && norm[i] > bound
                   ? static_cast<int64_t>(std::ceil(std::log2(norm[i] / bound)))
                   : 0;
    largest = std::max(largest, count[i]);
  }
  halvings = rustorch::unsqueeze(rustorch::unsqueeze(rustorch::to(halvings, self.device()), -1), -1);
  const Tensor scale = rustorch::exp2(rustorch::neg(rustorch::to(halvings, real_type(self.dtype()))));
  Tensor x = taylor(rustorch::mul(self, scale), degree);
  for (int64_t k = 1; k <= largest; ++k) {
    const Tensor square = rustorch::matmul(x, x);
    x = host.numel() == 1
            ? square
            : rustorch::where(rustorch::ge(halvings, Scalar(k)), TensorLike(square), TensorLike(x));
  }
  return x;
}

Tensor matrix_exp(const Tensor& self) { return rustorch::linalg_matrix_exp(self); }

Tensor linalg_matrix_power(const Tensor& self, int64_t n) {
  check_square("linalg.matrix_power", self);
  if (n == 0)  // the unit matrix, with a zero gradient for self
    return rustorch::where(rustorch::zeros(self.sizes(), kBool, self.device()), TensorLike(self),
                           TensorLike(identity(self, self.size(-1))));
  if (n == 1) return rustorch::clone(self);
  if (n == -1) return rustorch::linalg_inv(self);
  Tensor square = n < 0 ? rustorch::linalg_inv(self) : self, out;
  for (uint64_t rest = n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n); rest != 0; rest >>= 1) {
    if (rest & 1) out = out.defined() ? rustorch::matmul(out, square) : square;
    if (rest > 1) square = rustorch::matmul(square, square);
  }
  return out;
}

Tensor matrix_power(const Tensor& self, int64_t n) { return rustorch::linalg_matrix_power(self, n); }

}  // namespace rustorch::impl
