// Numbers as unevaluated sums of two doubles (about 106 bits), for the places in the special functions where
// plain double loses too much: powers far out, recurrences, incomplete gamma functions.
//
// After T. J. Dekker (1971) and D. Knuth; no fused multiply-add is needed. Needs -ffp-contract=off. Values
// beyond 1e300 lose the second part. Pure functions; thread-safe.
#pragma once
#include <cmath>

namespace rustorch::host_math {

/// hi + lo with |lo| <= ulp(hi)/2.
struct DoubleDouble {
  double hi, lo;
};
using DD = DoubleDouble;

/// a + b exactly.
inline DD two_sum(double a, double b) {
  const double s = a + b, v = s - a;
  return {s, (a - (s - v)) + (b - v)};
}
/// a + b exactly for |a| >= |b|.
inline DD quick_two_sum(double a, double b) {
  const double s = a + b;
  return {s, b - (s - a)};
}
/// a * b exactly (barring overflow and underflow).
inline DD two_product(double a, double b) {
  constexpr double kSplit = 134217729.0;  // 2^27 + 1
  const double p = a * b;
  const double ta = kSplit * a, tb = kSplit * b;
  const double ah = ta - (ta - a), al = a - ah, bh = tb - (tb - b), bl = b - bh;
  const double error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
  return {p, std::isfinite(error) ? error : 0};
}
inline DD operator+(DD a, DD b) {
  const DD s = two_sum(a.hi, b.hi), t = two_sum(a.lo, b.lo);
  const DD u = quick_two_sum(s.hi, s.lo + t.hi);
  return quick_two_sum(u.hi, u.lo + t.lo);
}
inline DD operator+(DD a, double b) {
  const DD s = two_sum(a.hi, b);
  return quick_two_sum(s.hi, s.lo + a.lo);
}
inline DD operator-(DD a) { return {-a.hi, -a.lo}; }
inline DD operator-(DD a, DD b) { return a + -b; }
inline DD operator-(DD a, double b) { return a + -b; }
inline DD operator*(DD a, double b) {
  const DD p = two_product(a.hi, b);
  return quick_two_sum(p.hi, p.lo + a.lo * b);
}
inline DD operator*(DD a, DD b) {
  const DD p = two_product(a.hi, b.hi);
  return quick_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}
inline DD operator/(DD a, DD b) {
  const double q = a.hi / b.hi;
  const DD r = a - b * q;
  const double q2 = r.hi / b.hi;
  const DD s = r - b * q2;
  return DD{q, 0} + two_sum(q2, s.hi / b.hi);
}
inline DD operator/(DD a, double b) { return a / DD{b, 0}; }
inline double value(DD a) { return a.hi + a.lo; }
/// sqrt(x) for x > 0.
inline DD dd_sqrt(double x) {
  const double s = std::sqrt(x);
  const DD p = two_product(s, s);
  return quick_two_sum(s, ((x - p.hi) - p.lo) / (2 * s));
}
/// exp(a), rounded to double.
inline double exp_of(DD a) {
  const double e = std::exp(a.hi);
  return e + e * a.lo;
}

/// log(x) for finite x > 0 with an error below 2^-70 of the larger of |log x| and 1/8.
inline DD dd_log(double x) {
  int k;
  double m = std::frexp(x, &k);
  if (m < 0.70710678118654752440) m *= 2, --k;
  const DD s = DD{m - 1, 0} / two_sum(m, 1);  // m - 1 is exact
  const DD z = s * s;
  // 2 atanh(s): the first terms in two parts, the tail in one.
  double tail = 0;
  for (int n = 25; n >= 7; n -= 2) tail = tail * z.hi + 1.0 / n;
  const DD series =
      (DD{1.0 / 3, 1.8503717077085943e-17} + z * (DD{0.2, -1.1102230246251565e-17} + z * tail)) * z;
  DD r = (s + s * series) * 2.0;
  if (k != 0) r = (DD{0.693147180559945286227, 2.319046813846299558e-17} * static_cast<double>(k)) + r;
  return r;
}
inline DD dd_log(DD x) { return dd_log(x.hi) + x.lo / x.hi; }

/// Clenshaw's sum of c[k] T_k(t).
template <int N>
double chebyshev_sum(const double (&c)[N], double t) {
  double b0 = 0, b1 = 0;
  const double t2 = 2 * t;
  for (int k = N - 1; k > 0; --k) {
    const double b = t2 * b0 - b1 + c[k];
    b1 = b0;
    b0 = b;
  }
  return t * b0 - b1 + c[0];
}
/// Sum of c[k] x^k.
template <int N>
double power_sum(const double (&c)[N], double x) {
  double r = c[N - 1];
  for (int k = N - 2; k >= 0; --k) r = r * x + c[k];
  return r;
}

}  // namespace rustorch::host_math
