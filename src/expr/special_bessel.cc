// Bessel functions in double: modified ones of both kinds, Airy's Ai, sin(x)/x; J and Y are those of the C
// library.
//
// Series near 0 (all terms of one sign), Chebyshev expansions elsewhere (special_tables.h); exponentials of
// large arguments keep the rounding error of the argument. Accuracy: docs/special_accuracy.md.
#include <cmath>
#include <limits>

#include "expr/double_double.h"
#include "expr/host_math.h"
#include "expr/special_tables.h"

namespace rustorch::host_math {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// exp(a) f without early overflow.
double grow(double a, double f) {
  if (a < 700) return std::exp(a) * f;
  const double h = std::exp(0.5 * a);
  return f * h * h;
}

// exp(-a) I0(a), exp(-a) I1(a) for a >= 0.
double scaled_i0(double a) {
  if (a <= 2) return std::exp(-a) * power_sum(kI0Series, 0.25 * a * a);
  return a <= 8 ? chebyshev_sum(kI0Middle, (a - 5) / 3) : chebyshev_sum(kI0Large, 16 / a - 1) / std::sqrt(a);
}
double scaled_i1(double a) {
  if (a <= 2) return std::exp(-a) * 0.5 * a * power_sum(kI1Series, 0.25 * a * a);
  return a <= 8 ? chebyshev_sum(kI1Middle, (a - 5) / 3) : chebyshev_sum(kI1Large, 16 / a - 1) / std::sqrt(a);
}

// exp(x) K(x) for x > 1.
double scaled_k0(double x) {
  return (x <= 3 ? chebyshev_sum(kK0Middle, 3 / x - 2) : chebyshev_sum(kK0Large, 6 / x - 1)) / std::sqrt(x);
}
double scaled_k1(double x) {
  return (x <= 3 ? chebyshev_sum(kK1Middle, 3 / x - 2) : chebyshev_sum(kK1Large, 6 / x - 1)) / std::sqrt(x);
}
// K(x) for 0 < x <= 1.
double small_k0(double x) {
  const double q = 0.25 * x * x;
  return power_sum(kK0Series, q) - std::log(x) * power_sum(kI0Series, q);
}
double small_k1(double x) {
  const double q = 0.25 * x * x;
  return 1 / x - (0.25 * x * power_sum(kK1Series, q) - 0.5 * x * std::log(x) * power_sum(kI1Series, q));
}
// Values for x <= 0, infinity and nan.
bool is_ordinary(double x) { return x > 0 && x < kInf; }
double k_special(double x) { return x == 0 ? kInf : x > 0 ? 0 : kNan; }

}  // namespace

double i0e(double x) { return std::isinf(x) ? 0 : scaled_i0(std::fabs(x)); }
double i0(double x) {
  const double a = std::fabs(x);
  return std::isinf(x) ? kInf : a <= 2 ? power_sum(kI0Series, 0.25 * a * a) : grow(a, scaled_i0(a));
}
double i1e(double x) {
  return std::isinf(x) ? std::copysign(0.0, x) : std::copysign(scaled_i1(std::fabs(x)), x);
}
double i1(double x) {
  const double a = std::fabs(x);
  if (std::isinf(x)) return x;
  return std::copysign(a <= 2 ? 0.5 * a * power_sum(kI1Series, 0.25 * a * a) : grow(a, scaled_i1(a)), x);
}

double k0(double x) {
  if (!is_ordinary(x)) return k_special(x);
  return x <= 1 ? small_k0(x) : std::exp(-x) * scaled_k0(x);
}
double k0e(double x) {
  if (!is_ordinary(x)) return k_special(x);
  return x <= 1 ? std::exp(x) * small_k0(x) : scaled_k0(x);
}
double k1(double x) {
  if (!is_ordinary(x)) return k_special(x);
  return x <= 1 ? small_k1(x) : std::exp(-x) * scaled_k1(x);
}
double k1e(double x) {
  if (!is_ordinary(x)) return k_special(x);
  return x <= 1 ? std::exp(x) * small_k1(x) : scaled_k1(x);
}

#if defined(_WIN32)
double bessel_j0(double x) { return std::isinf(x) ? kNan : ::_j0(x); }
double bessel_j1(double x) { return std::isinf(x) ? kNan : ::_j1(x); }
double bessel_y0(double x) { return std::isinf(x) || x < 0 ? kNan : ::_y0(x); }
double bessel_y1(double x) { return std::isinf(x) || x < 0 ? kNan : ::_y1(x); }
#else
double bessel_j0(double x) { return std::isinf(x) ? kNan : ::j0(x); }
double bessel_j1(double x) { return std::isinf(x) ? kNan : ::j1(x); }
double bessel_y0(double x) { return std::isinf(x) || x < 0 ? kNan : ::y0(x); }
double bessel_y1(double x) { return std::isinf(x) || x < 0 ? kNan : ::y1(x); }
#endif

double spherical_j0(double x) {
  if (std::isinf(x)) return 0;
  return std::fabs(x) < 1e-8 ? 1 : std::sin(x) / x;
}

double airy_ai(double x) {
  if (std::isinf(x) || std::isnan(x)) return kNan;  // PyTorch's choice at infinity
  if (x >= -2 && x <= 1) return chebyshev_sum(kAiryCentre, (2 * x + 1) / 3);
  if (x > 110) return 0;
  const double a = std::fabs(x);
  const DD zeta = dd_sqrt(a) * a * 2.0 / 3.0;  // 2/3 |x|^(3/2)
  const double root = std::sqrt(std::sqrt(a)), u = 1 / zeta.hi;
  constexpr double kSqrtPi = 1.77245385090551602730;
  if (x > 0) {
    const double f =
        u > 0.25 ? chebyshev_sum(kAiryMiddle, 1.6 * u - 1.4) : chebyshev_sum(kAiryLarge, 8 * u - 1);
    return 0.5 * exp_of(-zeta) * f / (kSqrtPi * root);
  }
  // cos and sin of zeta - pi/4, with the second part of zeta to first order.
  const double s = std::sin(zeta.hi), c = std::cos(zeta.hi);
  const double sine = s + c * zeta.lo, cosine = c - s * zeta.lo;
  const double p = chebyshev_sum(kAiryCos, 3.75 * u - 1), q = chebyshev_sum(kAirySin, 3.75 * u - 1);
  return ((cosine + sine) * p + (sine - cosine) * q) * 0.707106781186547524401 / (kSqrtPi * root);
}

}  // namespace rustorch::host_math
