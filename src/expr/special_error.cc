// Error functions in double: erfinv, erfcx, the normal distribution and its inverse.
//
// Far out everything goes through erfcx, which is well conditioned, and exp of x^2 in two parts. Start values
// of the inverses: Giles/Wichura and Acklam, refined by Halley steps. Accuracy: docs/special_accuracy.md.
#include <cmath>
#include <limits>

#include "expr/double_double.h"
#include "expr/host_math.h"
#include "expr/special_tables.h"

namespace rustorch::host_math {
namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kSqrtHalf = 0.707106781186547524401;

// Sum of c[k] x^(n-1-k).
template <int N>
double poly(double x, const double (&c)[N]) {
  double r = c[0];
  for (int k = 1; k < N; ++k) r = r * x + c[k];
  return r;
}

double erfcx_positive(double x) {
  if (x > 1e8) return 0.564189583547756287 / x;
  return chebyshev_sum(kErfcx, (x - 3.75) / (x + 3.75)) / (1 + 2 * x);
}

// ndtr for x < -1.
double lower_tail(double x) {
  if (x < -39) return 0;
  const DD square = two_product(x, x);
  return 0.5 * exp_of({-0.5 * square.hi, -0.5 * square.lo}) * erfcx_positive(-x * kSqrtHalf);
}
}  // namespace

double erfcx(double x) {
  if (std::isnan(x)) return x;
  if (x >= 0) return erfcx_positive(x);
  if (x < -26.7) return kInf;
  return 2 * exp_of(two_product(x, x)) - erfcx_positive(-x);
}

double ndtr(double x) {
  if (x < -1) return lower_tail(x);
  if (x > 1) return 1 - lower_tail(-x);
  return 0.5 * std::erfc(-x * kSqrtHalf);
}

double log_ndtr(double x) {
  if (x < -1) return x < -1e150 ? -0.5 * x * x : std::log(0.5 * erfcx_positive(-x * kSqrtHalf)) - 0.5 * x * x;
  return std::log1p(-ndtr(-x));
}

double erfinv(double y) {
  if (std::isnan(y) || std::fabs(y) > 1) return kNan;
  if (std::fabs(y) == 1) return std::copysign(kInf, y);
  if (std::fabs(y) < 1e-9) return y * 0.886226925452758014;
  double z = std::fabs(y), x;
  if (z <= 0.7) {
    static const double a[] = {-0.140543331, 0.914624893, -1.645349621, 0.886226899};
    static const double b[] = {0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0};
    double w = z * z;
    x = z * poly(w, a) / poly(w, b);
  } else {
    static const double c[] = {1.641345311, 3.429567803, -1.624906493, -1.970840454};
    static const double d[] = {1.637067800, 3.543889200, 1.0};
    double w = std::sqrt(-std::log((1.0 - z) / 2.0));
    x = poly(w, c) / poly(w, d);
  }
  // Halley steps; near 1 the complement keeps the residual exact.
  for (int i = 0; i < 2; ++i) {
    double e = z > 0.5 ? (1 - z) - std::erfc(x) : std::erf(x) - z;
    double u = e * 0.886226925452758014 * std::exp(x * x);
    x -= u / (1 + x * u);
  }
  return std::copysign(x, y);
}

double ndtri(double p) {
  if (std::isnan(p) || p < 0 || p > 1) return kNan;
  if (p == 0) return -kInf;
  if (p == 1) return kInf;
  if (p > 0.25 && p < 0.75) return 1.41421356237309504880 * erfinv(2 * (p - 0.5));
  static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                             1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                             6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                             -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                             3.754408661907416e+00, 1.0};
  const bool upper = p > 0.5;
  double t = upper ? 1 - p : p;  // exact for p in [0.5, 1]
  double x;
  if (t > 0.02425) {
    double q = t - 0.5, r = q * q;
    x = poly(r, a) * q / poly(r, b);
  } else {
    double q = std::sqrt(-2 * std::log(t));
    x = poly(q, c) / poly(q, d);
  }
  for (int i = 0; i < 2; ++i) {
    // exp(x^2/2) times the residual, without the underflow of ndtr far out.
    double e = x < -1 ? 0.5 * erfcx_positive(-x * kSqrtHalf) - t * exp_of(two_product(x, 0.5 * x))
                      : (ndtr(x) - t) * std::exp(0.5 * x * x);
    double u = e * 2.5066282746310002;
    if (!std::isfinite(u)) break;
    x -= u / (1 + 0.5 * x * u);
  }
  return upper ? -x : x;
}

}  // namespace rustorch::host_math
