// Orthogonal polynomials by their three-term recurrences, carried in two doubles, so that the result is right
// to the last place also near a zero of the polynomial.
#include <cmath>
#include <cstdint>
#include <limits>

#include "expr/double_double.h"
#include "expr/host_math.h"

namespace rustorch::host_math {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMaxDegree = 16777216;  // beyond it a recurrence takes too long: nan

// p_0 = 1, p_1 = first, p_k+1 = step(k, p_k, p_k-1). Stops early when the values left the range.
template <class Step>
double recur(double degree, DD first, Step step) {
  if (std::isnan(degree) || degree <= -1) return 0;
  if (degree > kMaxDegree) return kNan;
  const auto n = static_cast<int64_t>(degree);
  if (n == 0) return 1;
  DD before{1, 0}, p = first;
  for (int64_t k = 1; k < n && !std::isnan(p.hi); ++k) {
    const DD next = step(static_cast<double>(k), p, before);
    before = p;
    p = next;
  }
  return p.hi;
}

// Without the second part, which would be nan: infinite arguments, and values near the end of the range.
template <class Step>
double guarded(double x, double degree, DD first, Step step) {
  const double r = recur(degree, first, step);
  return std::isnan(r) && !std::isnan(x) && degree < 2 && degree > -1 ? first.hi : r;
}

// The four kinds of Chebyshev polynomials share one recurrence: p_k+1 = 2x p_k - p_k-1.
double chebyshev(DD x, double degree, DD first) {
  const DD twice = x * 2.0;
  return guarded(x.hi, degree, first, [&](double, DD p, DD before) { return twice * p - before; });
}
DD shifted(double x) { return two_sum(2 * x, -1); }

double chebyshev_t(DD x, double degree) { return chebyshev(x, degree, x); }
double chebyshev_u(DD x, double degree) { return chebyshev(x, degree, x * 2.0); }
double chebyshev_v(DD x, double degree) { return chebyshev(x, degree, x * 2.0 - 1.0); }
double chebyshev_w(DD x, double degree) { return chebyshev(x, degree, x * 2.0 + 1.0); }

}  // namespace

double chebyshev_t(double x, double degree) { return chebyshev_t(DD{x, 0}, degree); }
double chebyshev_u(double x, double degree) { return chebyshev_u(DD{x, 0}, degree); }
double chebyshev_v(double x, double degree) { return chebyshev_v(DD{x, 0}, degree); }
double chebyshev_w(double x, double degree) { return chebyshev_w(DD{x, 0}, degree); }
double shifted_chebyshev_t(double x, double degree) { return chebyshev_t(shifted(x), degree); }
double shifted_chebyshev_u(double x, double degree) { return chebyshev_u(shifted(x), degree); }
double shifted_chebyshev_v(double x, double degree) { return chebyshev_v(shifted(x), degree); }
double shifted_chebyshev_w(double x, double degree) { return chebyshev_w(shifted(x), degree); }

double hermite_h(double x, double degree) {
  if (degree >= 513) return kNan;  // as PyTorch
  return guarded(x, degree, DD{2 * x, 0},
                 [&](double k, DD p, DD before) { return p * (2 * x) - before * (2 * k); });
}

double hermite_he(double x, double degree) {
  if (degree >= 513) return kNan;
  return guarded(x, degree, DD{x, 0}, [&](double k, DD p, DD before) { return p * x - before * k; });
}

double laguerre_l(double x, double degree) {
  if (x == 0 && degree > -1) return 1;
  return guarded(x, degree, two_sum(1, -x), [&](double k, DD p, DD before) {
    return (p * two_sum(2 * k + 1, -x) - before * k) / (k + 1);
  });
}

double legendre_p(double x, double degree) {
  return guarded(x, degree, DD{x, 0},
                 [&](double k, DD p, DD before) { return (p * x * (2 * k + 1) - before * k) / (k + 1); });
}

}  // namespace rustorch::host_math
