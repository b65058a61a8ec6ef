// Gamma functions in double: lgamma, digamma, trigamma, polygamma, Hurwitz zeta.
//
// lgamma is that of glibc where there is one; digamma is expanded about its positive zero; zeta is
// Euler-Maclaurin with a compensated sum. Accuracy: docs/special_accuracy.md.
#include <cmath>
#include <limits>

#include "expr/double_double.h"
#include "expr/host_math.h"
#include "expr/special_tables.h"

namespace rustorch::host_math {
namespace {
constexpr double kPi = 3.14159265358979323846;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

#if !defined(__GLIBC__)
// Lanczos sum (g = 607/128, Godfrey's 15 coefficients); accurate to 1e-15 for x > 0.
double lanczos_lgamma(double x) {
  static const double c[] = {0.99999999999999709182,    57.156235665862923517,     -59.597960355475491248,
                             14.136097974741747174,     -0.49191381609762019978,   .33994649984811888699e-4,
                             .46523628927048575665e-4,  -.98374475304879564677e-4, .15808870322491248884e-3,
                             -.21026444172410488319e-3, .21743961811521264320e-3,  -.16431810653676389022e-3,
                             .84418223983852743293e-4,  -.26190838401581408670e-4, .36899182659531622704e-5};
  double sum = c[0];
  for (int k = 1; k < 15; ++k) sum += c[k] / (x - 1 + k);
  double t = x - 1 + 607.0 / 128.0 + 0.5;
  return (x - 0.5) * std::log(t) - t + std::log(2.5066282746310005024 * sum);
}
double stirling(double x) {
  const double w = 1 / (x * x);
  static const double c[] = {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360360};
  return (x - 0.5) * std::log(x) - x + 0.91893853320467274178 + power_sum(c, w) / x;
}
#endif

// cot(pi x) and sin(pi x) with the argument reduced exactly.
double reduced(double x) { return x - std::nearbyint(x); }

double positive_digamma(double x) {
  if (x < 1) return positive_digamma(x + 1) - 1 / x;
  if (x <= 2) return (((x - kPsiRoot[0]) - kPsiRoot[1]) - kPsiRoot[2]) * chebyshev_sum(kPsi12, 2 * x - 3);
  if (x <= 4) return chebyshev_sum(kPsi24, x - 3);
  if (x <= 10) return chebyshev_sum(kPsi4, (x - 7) / 3);
  if (x > 1e17) return std::log(x);
  const double z = 1 / (x * x);
  static const double c[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                             1.0 / 132, -691.0 / 32760, 1.0 / 12};
  return std::log(x) - (0.5 / x + z * power_sum(c, z));
}
}  // namespace

double lgamma(double x) {
#if defined(__GLIBC__)
  int sign;
  return ::lgamma_r(x, &sign);
#else
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return kInf;
  if (x <= 0 && std::floor(x) == x) return kInf;
  if (x < 0.5) return std::log(kPi / std::fabs(std::sin(kPi * reduced(x)))) - lgamma(1 - x);
  return x > 15 ? stirling(x) : lanczos_lgamma(x);
#endif
}

double digamma(double x) {
  if (x == 0) return std::copysign(kInf, -x);
  if (x > 0 || std::isnan(x)) return std::isinf(x) ? x : positive_digamma(x);
  if (std::isinf(x) || std::floor(x) == x) return kNan;
  return positive_digamma(1 - x) - kPi / std::tan(kPi * reduced(x));
}

double trigamma(double x) {
  if (x <= 0) {
    if (std::floor(x) == x) return kInf;
    const double s = std::sin(kPi * reduced(x));
    return kPi * kPi / (s * s) - trigamma(1 - x);
  }
  if (std::isinf(x)) return 0;
  // The asymptotic series beyond 15, then the recurrence downward: the small terms first.
  int steps = x < 15 ? static_cast<int>(std::ceil(15 - x)) : 0;
  const double y = x + steps, w = 1 / (y * y);
  static const double c[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730};
  double r = 1 / y + w * (0.5 + power_sum(c, w) / y);
  for (int k = steps - 1; k >= 0; --k) {
    const double t = x + k;
    r += 1 / (t * t);
  }
  return r;
}

double zeta(double x, double q) {
  if (std::isnan(x) || std::isnan(q)) return kNan;
  if (x == 1) return kInf;
  if (x < 1) return kNan;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (x != std::floor(x)) return kNan;
  }
  constexpr double kEps = std::numeric_limits<double>::epsilon() / 4;
  constexpr int kTerms = 12;
  double b = std::pow(q, -x), k = q;
  DD sum{b, 0};
  for (int i = 0; i < kTerms || k <= kTerms; ++i) {
    k += 1;
    b = std::pow(k, -x);
    sum = sum + b;
    if (std::fabs(b) < kEps * std::fabs(sum.hi)) return value(sum);
  }
  // The rest of the sum from k on: k b/(x-1) - b/2 + sum of B2j/(2j)! x (x+1) ... (x+2j-2) b k^(1-2j).
  static const double bernoulli[] = {1.0 / 12,
                                     -1.0 / 720,
                                     1.0 / 30240,
                                     -1.0 / 1209600,
                                     1.0 / 47900160,
                                     -691.0 / 1307674368000.0,
                                     1.0 / 74724249600.0,
                                     -3617.0 / 10670622842880000.0,
                                     43867.0 / 5109094217170944000.0,
                                     -174611.0 / 802857662698291200000.0};
  double rest = 0, factor = x * b / k;
  for (int j = 0; j < 10; ++j) {
    const double t = factor * bernoulli[j];
    rest += t;
    if (std::fabs(t) < kEps * std::fabs(sum.hi)) break;
    factor *= (x + 2 * j + 1) * (x + 2 * j + 2) / (k * k);
  }
  return value(sum + (rest - 0.5 * b) + DD{k * b / (x - 1), 0});
}

double polygamma(double n, double x) {
  if (std::isnan(n) || n < 0) return kNan;
  n = std::trunc(n);
  if (n == 0) return digamma(x);
  if (n == 1) return trigamma(x);
  DD factorial{1, 0};
  for (double k = 2; k <= n && std::isfinite(factorial.hi); k += 1) factorial = factorial * k;
  const double r = factorial.hi * zeta(n + 1, x);
  return std::fmod(n, 2) != 0 ? r : -r;
}

}  // namespace rustorch::host_math
