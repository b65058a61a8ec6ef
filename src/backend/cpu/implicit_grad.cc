// Implicit gradients of the gamma and beta distributions.
//
// Both distribution functions are computed up to their density as a series or a continued fraction, and
// differentiated along with it by dual numbers. Large gamma shapes use the expansion in Note [Large shapes].
#include "backend/cpu/implicit_grad.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/copy.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "expr/host_math.h"

namespace rustorch::cpu {

namespace {

using host_math::digamma;

constexpr double kPrecision = 1e-10;
constexpr int kMaxTerms = 200000;
constexpr double kTiny = 1e-300;

/// A value and its derivative with respect to one parameter.
struct Dual {
  double v, d = 0;
};
Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
Dual operator/(Dual a, Dual b) {
  const double q = a.v / b.v;
  return {q, (a.d - q * b.d) / b.v};
}

/// A continued fraction from the front, by Lentz' method as modified by Thompson and Barnett.
class Fraction {
 public:
  /// 1 / (b + ...)
  explicit Fraction(Dual b) : c_{1 / kTiny}, d_(Dual{1} / solid(b)), value_(d_) {}
  Fraction(Dual c, Dual d) : c_(c), d_(Dual{1} / solid(d)), value_(d_) {}

  /// Appends a / (b + ...); false when nothing changes any more.
  bool append(Dual a, Dual b) {
    d_ = Dual{1} / solid(a * d_ + b);
    c_ = solid(b + a / c_);
    const Dual factor = d_ * c_;
    value_ = value_ * factor;
    return std::fabs(factor.v - 1) > kPrecision ||
           std::fabs(factor.d * value_.v) > kPrecision * std::fabs(value_.d);
  }
  Dual value() const { return value_; }

 private:
  static Dual solid(Dual x) { return std::fabs(x.v) < kTiny ? Dual{kTiny, x.d} : x; }
  Dual c_, d_, value_;
};

/// P(a, x) / density = sum of t_n with t_n = x^(n+1) / (a (a+1) ... (a+n)); for x below the mean.
double gamma_lower(double a, double x) {
  const double log_x = std::log(x);
  double term = x / a, psi = digamma(a + 1), sum = 0;
  for (int n = 1; n < kMaxTerms; ++n) {
    const double part = term * (psi - log_x);
    sum += part;
    const double next = a + n;
    if (term * (std::fabs(psi - log_x) + 1 / a) < kPrecision * std::fabs(sum)) break;  // psi may cross log x
    term *= x / next;
    psi += 1 / next;
  }
  return sum;
}

/// Q(a, x) / density = x / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...)); for x above the mean.
double gamma_upper(double a, double x) {
  Dual b{x + 1 - a, -1};
  Fraction f(b);
  for (int n = 1; n < kMaxTerms; ++n) {
    b.v += 2;
    if (!f.append({n * (a - n), static_cast<double>(n)}, b)) break;
  }
  return x * (f.value().v * (std::log(x) - digamma(a)) + f.value().d);
}

// Note [Large shapes]
// P(a, x) is the normal distribution function at z = eta sqrt(a) + log(mu / eta) / (eta sqrt(a)) + O(a^-3/2),
// where mu = x/a - 1 and eta = sign(mu) sqrt(2 (mu - log(1 + mu))) (N. Temme, 1992). Then dx/da is
// -(dz/da) / (dz/dx). Near mu = 0, eta / mu and g = log(mu / eta) / eta come from their series.
double gamma_large(double a, double x) {
  static constexpr double kEta[] = {1,
                                    -0.3333333333333333,
                                    0.19444444444444445,
                                    -0.13518518518518519,
                                    0.10270061728395062,
                                    -0.08233759553203998,
                                    0.06844705320399765,
                                    -0.05840173672349598};
  static constexpr double kG[] = {0.3333333333333333,    -0.027777777777777776, 0.008641975308641974,
                                  -0.003909465020576132, 0.002090681951793063,  -0.0012194828205630674};
  const double mu = (x - a) / a, ratio = x / a;
  double eta, d_eta, g = 0, d_g = 0;
  if (std::fabs(mu) < 0.01) {
    eta = d_eta = 0;
    for (int k = 7; k >= 0; --k) d_eta = d_eta * mu + eta, eta = eta * mu + kEta[k];
    d_eta = d_eta * mu + eta, eta *= mu;
    for (int k = 5; k >= 0; --k) d_g = d_g * mu + g, g = g * mu + kG[k];
  } else {
    eta = std::copysign(std::sqrt(2 * (mu - std::log1p(mu))), mu);
    d_eta = mu / (ratio * eta);
    g = std::log(mu / eta) / eta;
    d_g = (1 / mu - d_eta / eta - g * d_eta) / eta;
  }
  return ratio - (eta - g / a) / (2 * (d_eta + d_g / a));
}

/// The fraction S(a, b, x) of I_x(a, b) = x^a (1-x)^b / (a B(a, b)) S, for x < (a+1) / (a+b+2).
Dual beta_fraction(Dual a, Dual b, double x) {
  const Dual at{x}, one{1};
  Fraction f({1}, one - (a + b) * at / (a + one));
  for (int m = 1; m < kMaxTerms; ++m) {
    const Dual k{static_cast<double>(m)}, even{2.0 * m};
    const bool first = f.append(k * (b - k) * at / ((a - one + even) * (a + even)), one);
    const Dual odd = Dual{-1} * (a + k) * (a + b + k) * at / ((a + even) * (a + one + even));
    if (!f.append(odd, one) && !first) break;
  }
  return f.value();
}

}  // namespace

double gamma_implicit_grad(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return std::nan("");
  if (x == 0) return 0;
  if (a > 3000) return gamma_large(a, x);
  return x <= a + 1 ? gamma_lower(a, x) : gamma_upper(a, x);
}

double dirichlet_implicit_grad(double x, double a, double total) {
  const double b = total - a;
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return std::nan("");
  if (x == 0) return 0;
  if (x == 1) x = 1 - 0x1p-53;
  const double slope = std::log(x) - digamma(a) + digamma(total);  // d log(x^a / B(a, b)) / da
  if (x < (a + 1) / (total + 2)) {
    const Dual s = beta_fraction({a, 1}, {b, 0}, x);
    return -x / a * (s.v * (slope - 1 / a) + s.d);
  }
  const Dual s = beta_fraction({b, 0}, {a, 1}, 1 - x);
  return x / b * (s.v * slope + s.d);
}

namespace {

template <class T>
void run(const ImplicitGradCall& c) {
  const T* x = c.x.impl()->data<T>();
  const T* a = c.a.impl()->data<T>();
  const T* total = c.total.defined() ? c.total.impl()->data<T>() : nullptr;
  T* out = c.out.impl()->mutable_data<T>();
  parallel_for(0, c.out.numel(), 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out[i] = static_cast<T>(total == nullptr ? gamma_implicit_grad(a[i], x[i])
                                               : dirichlet_implicit_grad(x[i], a[i], total[i]));
  });
}

}  // namespace

void implicit_grad(const ImplicitGradCall& call) {
  if (call.out.numel() == 0) return;
  call.out.dtype() == kFloat64 ? run<double>(call) : run<float>(call);
}

}  // namespace rustorch::cpu
