// Regularized incomplete gamma functions P(a, x), Q(a, x) in double.
//
// Method (Gautschi 1979, Temme 1979; the choice of regions is that of SciPy and PyTorch): power series of P,
// continued fraction of Q, an alternating series of Q near 0, and Temme's uniform expansion for a > 20 near x
// = a. The common factor x^a exp(-x) / Gamma(a) is formed with its exponent in two doubles. Accuracy:
// docs/special_accuracy.md.
#include <algorithm>
#include <cmath>
#include <limits>

#include "expr/double_double.h"
#include "expr/host_math.h"
#include "expr/special_tables.h"

namespace rustorch::host_math {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kEps = std::numeric_limits<double>::epsilon() / 4;
constexpr int kMaxTerms = 100000;

// log Gamma(b) - ((b - 1/2) log b - b + log(2 pi)/2) for b >= 16.
double stirling_rest(double b) {
  static const double c[] = {1.0 / 12,   -1.0 / 360,      1.0 / 1260, -1.0 / 1680,
                             1.0 / 1188, -691.0 / 360360, 1.0 / 156,  -3617.0 / 122400};
  const double w = 1 / (b * b);
  return power_sum(c, w) / b;
}

// log Gamma(a + 1) + log of the product; the argument is raised to at least 16 by the recurrence.
struct Gamma {
  DD log_shifted;    // log Gamma(a + 1 + steps)
  DD product{1, 0};  // (a + 1) ... (a + steps)
};
Gamma gamma_of_next(double a) {
  Gamma g;
  const int steps = a < 16 ? static_cast<int>(std::ceil(16 - a)) : 0;
  for (int k = 1; k <= steps; ++k) g.product = g.product * two_sum(a, k);
  const DD b = two_sum(a, steps + 1);
  const DD half_log_two_pi{0.918938533204672669541, 7.12456096587943e-17};
  g.log_shifted = dd_log(b) * (b - 0.5) - b + half_log_two_pi + stirling_rest(b.hi);
  return g;
}

// x^a exp(-x) / Gamma(a + 1).
double factor(double a, double x) {
  const Gamma g = gamma_of_next(a);
  const DD e = dd_log(x) * a - x - g.log_shifted;
  if (e.hi < -745) return 0;
  return exp_of(e) * value(g.product);
}

// P by its power series, for x not much larger than a.
double p_series(double a, double x) {
  const double f = factor(a, x);
  if (f == 0) return 0;
  // Where the terms fade, then the nested sum from there inward, which keeps rounding errors small.
  double t = 1, s = 1;
  int n = 0;
  while (n < kMaxTerms && t > kEps * s) {
    ++n;
    t *= x / (a + n);
    s += t;
  }
  double r = 1;
  DD d{0, 0};
  for (; n > 0; --n) {
    // 1 + r x/(a + n) with the errors of the product and of the sum carried along.
    const DD q = (DD{r, d.lo} * x) / two_sum(a, n);
    const DD sum = q + 1.0;
    r = sum.hi;
    d.lo = sum.lo;
  }
  return f * r;
}

// Q by Legendre's continued fraction, for x > a + 1 or x > 1.
double q_fraction(double a, double x) {
  const double f = factor(a, x);
  if (f == 0) return 0;
  // Lentz's method finds the number of levels; then they are evaluated from the innermost outward.
  const double tiny = 1e-300;
  double b = x + 1 - a, c = 1 / tiny, d = 1 / b;
  int n = 0;
  while (n < kMaxTerms) {
    ++n;
    const double an = -n * (n - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::fabs(d) < tiny ? tiny : d);
    c = b + an / c;
    c = std::fabs(c) < tiny ? tiny : c;
    if (std::fabs(d * c - 1) < 8 * kEps) break;
  }
  n += n / 3 + 2;  // what is left shrinks slowly for small x
  const DD distance = two_sum(x, -a);
  DD tail = distance + (2.0 * n + 1);
  for (int k = n; k > 0; --k) tail = distance + (2.0 * k - 1) - two_sum(k, -a) * k / tail;
  return f * a / value(tail);
}

// Q for small x and a: 1 - x^a/Gamma(a+1) minus the rest of the series of P.
double q_series(double a, double x) {
  const DD u = two_product(a, std::log(x) - chebyshev_sum(kLogGamma, 1.6 * a - 1));
  double s = 0, t = 1;
  for (int n = 1; n < kMaxTerms; ++n) {
    t *= -x / n;
    const double step = t / (a + n);
    s += step;
    if (std::fabs(step) <= kEps * std::fabs(s)) break;
  }
  const double e = exp_of(u);
  return -(std::expm1(u.hi) + e * u.lo) - a * e * s;
}

// Temme's expansion; upper: Q, else P.
double temme(double a, double x, bool upper) {
  const double mu = (x - a) / a;
  // t^2 = a (mu - log(1 + mu)), in two parts for the exponential.
  DD square;
  double t;
  if (std::fabs(mu) < 0.05) {
    double h = 0;  // (mu - log(1 + mu))/mu^2
    for (int n = 14; n >= 2; --n) h = (n % 2 ? -1.0 : 1.0) / n + mu * h;
    t = std::fabs(mu) * std::sqrt(a * h);
    square = a * t < 1e-2 ? DD{t * t, 0} : two_sum(x, -a) - (dd_log(x) - dd_log(a)) * a;
    if (t < 0.1) square = DD{t * t, 0};
  } else {
    square = two_sum(x, -a) - (dd_log(x) - dd_log(a)) * a;
    t = std::sqrt(square.hi);
  }
  if (square.hi > 745) return upper == (x > a) ? 0 : 1;
  const double eta = std::copysign(t * std::sqrt(2 / a), mu);
  double series = 0;
  for (int k = 13; k >= 0; --k) series = series / a + power_sum(kTemme[k], eta);
  const double rest = series / std::sqrt(2 * 3.14159265358979323846 * a);
  const double e = exp_of(-square);
  // The function that is small on this side of x = a, then its complement where that is asked for.
  const double r = x > a ? rest : -rest;
  const double small = t < 0.5 ? 0.5 * std::erfc(t) + e * r : e * (0.5 * erfcx(t) + r);
  return upper == (x > a) ? small : 1 - small;
}

bool near_the_peak(double a, double x) { return a > 20 && std::fabs(x - a) < 0.3 * a; }

// What both functions do at the edges of the domain; P's value, or -1 for ordinary arguments.
double edge(double a, double x) {
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0) return kNan;
  if (a == 0) return x > 0 ? 1 : kNan;
  if (x == 0) return 0;
  if (std::isinf(a)) return std::isinf(x) ? kNan : 0;
  if (std::isinf(x)) return 1;
  return -1;
}

}  // namespace

double igamma(double a, double x) {
  const double special = edge(a, x);
  if (special != -1) return special;
  if (near_the_peak(a, x)) return temme(a, x, false);
  if (x > 1 && x > a) return 1 - igammac(a, x);
  return p_series(a, x);
}

double igammac(double a, double x) {
  const double special = edge(a, x);
  if (special != -1) return 1 - special;
  if (near_the_peak(a, x)) return temme(a, x, true);
  if (x > 0.7) return x < a ? 1 - p_series(a, x) : q_fraction(a, x);
  const bool complement = x <= 0.5 ? -0.4 / std::log(x) < a : x * 1.1 < a;
  return complement ? 1 - p_series(a, x) : q_series(a, x);
}

}  // namespace rustorch::host_math
