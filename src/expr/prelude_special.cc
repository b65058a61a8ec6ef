// Special functions for GPUs: bodies in C for any real type (notation: prelude.cc).
//
// Methods and tables (special_tables.h, here as functions %kName) are those of the host, without its pairs of
// doubles: where a device has double precision, backends compute float32 in it (see docs/devices.md).
// Recursion is not allowed in these languages; helpers stand in kHelpers. WGSL has none of these functions.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "expr/dialect.h"
#include "expr/prelude.h"
#include "expr/special_tables.h"

namespace rustorch::expr {
namespace {

struct Special {
  const char* function;
  const char* body;
};

constexpr Special kGamma[] = {
    {"lgamma", R"(if (x <= 0 && floor(x) == x) return $INF;
  $T a = x < ($T)0.5 ? 1.0 - x : x;
  $T s = 1.000000000190015 + 76.18009172947146 / a - 86.50532032941677 / (a + 1.0) + 24.01409824083091 / (a + 2.0) - 1.231739572450155 / (a + 3.0) + 1.208650973866179e-3 / (a + 4.0) - 5.395239384953e-6 / (a + 5.0);
  $T t = a + 4.5;
  $T r = (a - 0.5) * %log(t) - t + %log(2.5066282746310005 * s);
  return x < ($T)0.5 ? %log(fabs(3.14159265358979323846 / sin(3.14159265358979323846 * x))) - r : r;)"},
    {"digamma", R"(if (x == 0) return -%copysign($INF, x);
  if (x != x || isinf(x)) return x > 0 ? x : $NAN;
  $T r = 0;
  if (x < 0) {
    if (floor(x) == x) return $NAN;
    $T f = x - rint(x);
    r = -3.14159265358979323846 / tan(3.14159265358979323846 * f);
    x = 1.0 - x;
  }
  if (x < 1) {
    r -= 1.0 / x;
    x += 1.0;
  }
  if (x <= 2) {
    $T d = (x - 1.461632139980793) - 4.987569306005159e-09;
    return r + d * %kPsi12(2.0 * x - 3.0);
  }
  if (x <= 4) return r + %kPsi24(x - 3.0);
  if (x <= 10) return r + %kPsi4((x - 7.0) / 3.0);
  $T z = 1.0 / (x * x);
  $T p = z * (8.33333333333333333333e-2 + z * (-8.33333333333333333333e-3 + z * (3.96825396825396825397e-3 + z * (-4.16666666666666666667e-3 + z * (7.57575757575757575758e-3 + z * (-2.10927960927960927961e-2 + z * 8.33333333333333333333e-2))))));
  return r + %log(x) - 0.5 / x - p;)"},
    {"trigamma", R"($T s = 1, r = 0;
  if (x < ($T)0.5) {
    s = -1;
    $T q = x == floor(x) ? ($T)0 : ($T)sin(3.14159265358979323846 * (x - rint(x)));
    r -= 9.86960440108935861883 / (q * q);
    x = 1.0 - x;
  }
  while (x < 12) {
    r += 1.0 / (x * x);
    x += 1.0;
  }
  $T w = 1.0 / (x * x);
  r += (1.0 + 0.5 / x + w * (1.66666666666666667e-1 - w * (3.33333333333333333e-2 - w * (2.38095238095238095e-2 - w * (3.33333333333333333e-2 - w * 7.57575757575757576e-2))))) / x;
  return s * r;)"},
    {"zeta", R"(if (x == 1) return $INF;
  if (x != x || y != y || x < 1) return $NAN;
  if (y <= 0) {
    if (y == floor(y)) return $INF;
    if (x != floor(x)) return $NAN;
  }
  $T s = %pow(y, -x), k = y, b = 0;
  for (int i = 0; i < 9 || k <= 9; ++i) {
    k += 1.0;
    b = %pow(k, -x);
    s += b;
  }
  s += b * k / (x - 1.0) - 0.5 * b;
  $T f = x * b / k;
  s += f / 12.0;
  f *= (x + 1.0) * (x + 2.0) / (k * k);
  s -= f / 720.0;
  f *= (x + 3.0) * (x + 4.0) / (k * k);
  s += f / 30240.0;
  f *= (x + 5.0) * (x + 6.0) / (k * k);
  s -= f / 1209600.0;
  f *= (x + 7.0) * (x + 8.0) / (k * k);
  return s + f / 47900160.0;)"},
    {"polygamma", R"(if (x != x || x < 0) return $NAN;
  x = trunc(x);
  if (x == 0) return %digamma(y);
  if (x == 1) return %trigamma(y);
  $T g = %exp(%lgamma(x + 1.0)) * %zeta(x + 1.0, y);
  return fmod(x, ($T)2.0) != 0 ? g : -g;)"},

    // Regularized incomplete gamma functions; the regions are those of special_igamma.cc.
    {"igamma", R"($T e = %gamma_edge(x, y);
  if (e != -1) return e;
  if (x > 20 && fabs(y - x) < ($T)0.3 * x) return %gamma_temme(x, y, 0);
  return y > 1 && y > x ? 1.0 - %gamma_upper(x, y) : %gamma_series(x, y);)"},
    {"igammac", R"($T e = %gamma_edge(x, y);
  if (e != -1) return 1.0 - e;
  if (x > 20 && fabs(y - x) < ($T)0.3 * x) return %gamma_temme(x, y, 1);
  return %gamma_upper(x, y);)"},
};

constexpr Special kErrors[] = {
    {"erfinv", R"($T a = fabs(x), v;
  if (x != x || a > 1) return $NAN;
  if (a == 1) return %copysign($INF, x);
  if (a < ($T)1e-9) return x * 0.886226925452758014;
  if (a <= ($T)0.7) {
    $T w = a * a;
    v = a * (0.886226899 + w * (-1.645349621 + w * (0.914624893 + w * -0.140543331))) / (1.0 + w * (-2.118377725 + w * (1.442710462 + w * (-0.329097515 + w * 0.012229801))));
  } else {
    $T w = sqrt(-%log((1.0 - a) / 2.0));
    v = (-1.970840454 + w * (-1.624906493 + w * (3.429567803 + w * 1.641345311))) / (1.0 + w * (3.543889200 + w * 1.637067800));
  }
  for (int i = 0; i < 2; ++i) {
    $T e = a > ($T)0.5 ? (1.0 - a) - %erfc(v) : %erf(v) - a;
    $T u = e * 0.886226925452758014 * %exp(v * v);
    v -= u / (1.0 + v * u);
  }
  return %copysign(v, x);)"},
    {"erfcx", R"(if (x != x) return x;
  if (x < ($T)-26.7) return $INF;
  $T a = fabs(x), r = a > ($T)1e8 ? 0.564189583547756287 / a : %kErfcx((a - 3.75) / (a + 3.75)) / (1.0 + 2.0 * a);
  return x >= 0 ? r : 2.0 / %gauss(x) - r;)"},
    {"ndtr", R"($T a = fabs(x) * 0.707106781186547524401;
  if (a <= ($T)0.707106781186547524401) return 0.5 * %erfc(-x * 0.707106781186547524401);
  if (x != x) return x;
  $T h = trunc(x * 16.0) / 16.0;
  $T t = a > 28 ? ($T)0 : ($T)(0.5 * %exp(-0.5 * h * h) * %exp(0.5 * (h - x) * (h + x)) * %erfcx(a));
  return x < 0 ? t : 1.0 - t;)"},
    {"ndtri", R"(if (x != x || x < 0 || x > 1) return $NAN;
  if (x == 0) return -$INF;
  if (x == 1) return $INF;
  if (x > ($T)0.25 && x < ($T)0.75) return 1.41421356237309504880 * %erfinv(2.0 * (x - 0.5));
  $T t = x > ($T)0.5 ? 1.0 - x : x, v;
  if (t > ($T)0.02425) {
    $T q = t - 0.5, r = q * q;
    v = q * (2.506628277459239 + r * (-30.66479806614716 + r * (138.3577518672690 + r * (-275.9285104469687 + r * (220.9460984245205 + r * -39.69683028665376))))) / (1.0 + r * (-13.28068155288572 + r * (66.80131188771972 + r * (-155.6989798598866 + r * (161.5858368580409 + r * -54.47609879822406)))));
  } else {
    $T q = sqrt(-2.0 * %log(t));
    v = (2.938163982698783 + q * (4.374664141464968 + q * (-2.549732539343734 + q * (-2.400758277161838 + q * (-3.223964580411365e-1 + q * -7.784894002430293e-3))))) / (1.0 + q * (3.754408661907416 + q * (2.445134137142996 + q * (3.224671290700398e-1 + q * 7.784695709041462e-3))));
  }
  for (int i = 0; i < 2; ++i) {
    $T e = 0.5 * %erfcx(-v * 0.707106781186547524401) - t * %exp(0.5 * v * v);
    $T u = e * 2.5066282746310002;
    if (u - u == 0) v -= u / (1.0 + 0.5 * v * u);
  }
  return x > ($T)0.5 ? -v : v;)"},
    {"log_ndtr", R"($T t = x * 0.707106781186547524401;
  if (x < -1) return %log(%erfcx(-t) / 2.0) - t * t;
  return %log1p(-%ndtr(-x));)"},
};

constexpr Special kBessel[] = {
    {"i0e", R"($T a = fabs(x);
  if (isinf(x)) return 0;
  if (a <= 2) return %exp(-a) * %kI0Series(0.25 * a * a);
  return a <= 8 ? %kI0Middle((a - 5.0) / 3.0) : %kI0Large(16.0 / a - 1.0) / sqrt(a);)"},
    {"i0", R"($T a = fabs(x);
  if (isinf(x)) return $INF;
  if (a <= 2) return %kI0Series(0.25 * a * a);
  $T h = %exp(0.5 * a);
  return %i0e(x) * h * h;)"},
    {"i1e", R"($T a = fabs(x);
  if (isinf(x)) return %copysign(($T)0, x);
  if (a <= 2) return 0.5 * x * %exp(-a) * %kI1Series(0.25 * a * a);
  return %copysign(a <= 8 ? %kI1Middle((a - 5.0) / 3.0) : %kI1Large(16.0 / a - 1.0) / sqrt(a), x);)"},
    {"i1", R"($T a = fabs(x);
  if (isinf(x)) return x;
  if (a <= 2) return 0.5 * x * %kI1Series(0.25 * a * a);
  $T h = %exp(0.5 * a);
  return %i1e(x) * h * h;)"},
    {"k0", R"(if (!(x > 0) || isinf(x)) return x == 0 ? $INF : x > 0 ? ($T)0 : $NAN;
  $T q = 0.25 * x * x;
  if (x <= 1) return %kK0Series(q) - %log(x) * %kI0Series(q);
  return %exp(-x) * %k0e(x);)"},
    {"k0e", R"(if (!(x > 0) || isinf(x)) return x == 0 ? $INF : x > 0 ? ($T)0 : $NAN;
  $T q = 0.25 * x * x;
  if (x <= 1) return %exp(x) * (%kK0Series(q) - %log(x) * %kI0Series(q));
  return (x <= 3 ? %kK0Middle(3.0 / x - 2.0) : %kK0Large(6.0 / x - 1.0)) / sqrt(x);)"},
    {"k1", R"(if (!(x > 0) || isinf(x)) return x == 0 ? $INF : x > 0 ? ($T)0 : $NAN;
  $T q = 0.25 * x * x;
  if (x <= 1) return 1.0 / x - (0.25 * x * %kK1Series(q) - 0.5 * x * %log(x) * %kI1Series(q));
  return %exp(-x) * %k1e(x);)"},
    {"k1e", R"(if (!(x > 0) || isinf(x)) return x == 0 ? $INF : x > 0 ? ($T)0 : $NAN;
  $T q = 0.25 * x * x;
  if (x <= 1) return %exp(x) * (1.0 / x - (0.25 * x * %kK1Series(q) - 0.5 * x * %log(x) * %kI1Series(q)));
  return (x <= 3 ? %kK1Middle(3.0 / x - 2.0) : %kK1Large(6.0 / x - 1.0)) / sqrt(x);)"},
    {"bessel_j0", R"($T a = fabs(x);
  if (isinf(x)) return $NAN;
  if (a <= 8) return %kJ0Small(a * a / 32.0 - 1.0);
  $T s = sin(a), c = cos(a), z = 8.0 / a, u = 2.0 * z * z - 1.0;
  return ((c + s) * %kJ0Cos(u) - (s - c) * z * %kJ0Sin(u)) * 0.564189583547756287 / sqrt(a);)"},
    {"bessel_j1", R"($T a = fabs(x);
  if (isinf(x)) return $NAN;
  if (a <= 8) return x * %kJ1Small(a * a / 32.0 - 1.0);
  $T s = sin(a), c = cos(a), z = 8.0 / a, u = 2.0 * z * z - 1.0;
  $T r = ((s - c) * %kJ1Cos(u) + (s + c) * z * %kJ1Sin(u)) * 0.564189583547756287 / sqrt(a);
  return x < 0 ? -r : r;)"},
    {"bessel_y0", R"(if (!(x > 0) || isinf(x)) return x == 0 ? -$INF : $NAN;
  if (x <= 8) return %kY0Small(x * x / 32.0 - 1.0) + 0.636619772367581343 * %log(x) * %bessel_j0(x);
  $T s = sin(x), c = cos(x), z = 8.0 / x, u = 2.0 * z * z - 1.0;
  return ((s - c) * %kJ0Cos(u) + (c + s) * z * %kJ0Sin(u)) * 0.564189583547756287 / sqrt(x);)"},
    {"bessel_y1", R"(if (!(x > 0) || isinf(x)) return x == 0 ? -$INF : $NAN;
  if (x <= 8) return x * %kY1Small(x * x / 32.0 - 1.0) + 0.636619772367581343 * (%log(x) * %bessel_j1(x) - 1.0 / x);
  $T s = sin(x), c = cos(x), z = 8.0 / x, u = 2.0 * z * z - 1.0;
  return ((s - c) * z * %kJ1Sin(u) - (s + c) * %kJ1Cos(u)) * 0.564189583547756287 / sqrt(x);)"},
    {"spherical_j0", R"(if (isinf(x)) return 0;
  return fabs(x) < ($T)1e-8 ? ($T)1.0 : sin(x) / x;)"},
    {"airy_ai", R"(if (x != x || isinf(x)) return $NAN;
  if (x >= -2 && x <= 1) return %kAiryCentre((2.0 * x + 1.0) / 3.0);
  if (x > 110) return 0;
  $T a = fabs(x), z = a * sqrt(a) * 2.0 / 3.0, r = 1.77245385090551602730 * sqrt(sqrt(a)), u = 1.0 / z;
  if (x > 0) return 0.5 * %exp(-z) * (u > ($T)0.25 ? %kAiryMiddle(1.6 * u - 1.4) : %kAiryLarge(8.0 * u - 1.0)) / r;
  $T s = sin(z), c = cos(z);
  return ((c + s) * %kAiryCos(3.75 * u - 1.0) + (s - c) * %kAirySin(3.75 * u - 1.0)) * 0.707106781186547524401 / r;)"},
};

// Three-term recurrences; the degree is y, truncated.
constexpr Special kPolynomials[] = {
    {"chebyshev_t", "return %chebyshev_from(x, y, x);"},
    {"chebyshev_u", "return %chebyshev_from(x, y, 2.0 * x);"},
    {"chebyshev_v", "return %chebyshev_from(x, y, 2.0 * x - 1.0);"},
    {"chebyshev_w", "return %chebyshev_from(x, y, 2.0 * x + 1.0);"},
    {"shifted_chebyshev_t", "return %chebyshev_t(2.0 * x - 1.0, y);"},
    {"shifted_chebyshev_u", "return %chebyshev_u(2.0 * x - 1.0, y);"},
    {"shifted_chebyshev_v", "return %chebyshev_v(2.0 * x - 1.0, y);"},
    {"shifted_chebyshev_w", "return %chebyshev_w(2.0 * x - 1.0, y);"},
    {"hermite_h", R"(if (y != y || y <= -1) return 0;
  if (y >= 513) return $NAN;
  int n = (int)y;
  $T a = 0, b = 1;
  for (int k = 0; k < n && b == b; ++k) {
    $T c = 2.0 * (x * b - ($T)k * a);
    a = b;
    b = c;
  }
  return b;)"},
    {"hermite_he", R"(if (y != y || y <= -1) return 0;
  if (y >= 513) return $NAN;
  int n = (int)y;
  $T a = 0, b = 1;
  for (int k = 0; k < n && b == b; ++k) {
    $T c = x * b - ($T)k * a;
    a = b;
    b = c;
  }
  return b;)"},
    {"laguerre_l", R"(if (y != y || y <= -1) return 0;
  if (y > 16777216) return x == 0 ? ($T)1.0 : $NAN;
  int n = (int)y;
  $T a = 0, b = 1;
  for (int k = 0; k < n && b == b; ++k) {
    $T c = ((2.0 * ($T)k + 1.0 - x) * b - ($T)k * a) / ($T)(k + 1);
    a = b;
    b = c;
  }
  return b;)"},
    {"legendre_p", R"(if (y != y || y <= -1) return 0;
  if (y > 16777216) return $NAN;
  int n = (int)y;
  $T a = 0, b = 1;
  for (int k = 0; k < n && b == b; ++k) {
    $T c = ((2.0 * ($T)k + 1.0) * x * b - ($T)k * a) / ($T)(k + 1);
    a = b;
    b = c;
  }
  return b;)"},
};

constexpr Special kHelpers[] = {
    // exp(-x^2): the square of a short part of x is exact.
    {"gauss", R"($T h = trunc(x * 16.0) / 16.0;
  return fabs(x) > 40 ? ($T)0 : %exp(-h * h) * %exp((h - x) * (h + x));)"},
    {"chebyshev_from", R"(if (y != y || y <= -1) return 0;
  if (y > 16777216) return $NAN;
  int n = (int)y;
  if (n == 0) return 1;
  $T a = 1, b = z;
  for (int k = 1; k < n && b == b; ++k) {
    $T c = 2.0 * x * b - a;
    a = b;
    b = c;
  }
  return b;)"},
    // What the incomplete gamma functions do at the edges of their domain: P, or -1 inside.
    {"gamma_edge", R"(if (x != x || y != y || x < 0 || y < 0) return $NAN;
  if (x == 0) return y > 0 ? ($T)1.0 : $NAN;
  if (y == 0) return 0;
  if (isinf(x)) return isinf(y) ? $NAN : ($T)0;
  return isinf(y) ? ($T)1.0 : ($T)-1.0;)"},
    // y^x exp(-y) / Gamma(x + 1).
    {"gamma_factor", R"(if (x < 10) return %exp(x * %log(y) - y - %lgamma(x + 1.0));
  $T w = 1.0 / (x * x), m = (y - x) / x;
  $T s = (8.33333333333333333e-2 - w * (2.77777777777777778e-3 - w * (7.93650793650793651e-4 - w * (5.95238095238095238e-4 - w * 8.41750841750841751e-4)))) / x;
  return %exp(-x * (m - %log1p(m)) - s) / sqrt(6.28318530717958647693 * x);)"},
    {"gamma_series", R"($T t = 1, s = 1;
  for (int n = 1; n < 10000 && s + t != s; ++n) {
    t *= y / (x + ($T)n);
    s += t;
  }
  return %gamma_factor(x, y) * s;)"},
    {"gamma_fraction", R"($T f = %gamma_factor(x, y), b = y + 1.0 - x, c = 1e30, d = 1.0 / b, h = d;
  if (f == 0) return 0;
  for (int n = 1; n < 10000; ++n) {
    $T p = -($T)n * (($T)n - x);
    b += 2.0;
    d = p * d + b;
    d = 1.0 / (fabs(d) < ($T)1e-30 ? ($T)1e-30 : d);
    c = b + p / c;
    c = fabs(c) < ($T)1e-30 ? ($T)1e-30 : c;
    $T e = d * c, g = h;
    h *= e;
    if (h == g || fabs(e - 1.0) < $EPS) break;
  }
  return f * x * h;)"},
    // Q away from its peak.
    {"gamma_upper", R"(if (y > ($T)0.7) return y < x ? 1.0 - %gamma_series(x, y) : %gamma_fraction(x, y);
  if (y <= ($T)0.5 ? -0.4 / %log(y) < x : y * 1.1 < x) return 1.0 - %gamma_series(x, y);
  $T s = 0, t = 1, u = x * (%log(y) - %kLogGamma(1.6 * x - 1.0));
  for (int n = 1; n < 1000; ++n) {
    t *= -y / ($T)n;
    $T before = s;
    s += t / (x + ($T)n);
    if (s == before) break;
  }
  return -%expm1(u) - x * %exp(u) * s;)"},
    // Temme's expansion about y = x; z != 0: Q, else P.
    {"gamma_temme", R"($T m = (y - x) / x, q;
  if (fabs(m) < ($T)0.05) {
    $T h = 0;
    for (int n = 14; n >= 2; --n) h = (n % 2 ? ($T)-1.0 : ($T)1.0) / ($T)n + m * h;
    q = x * m * m * h;
  } else {
    q = x * (m - %log1p(m));
  }
  bool same = (z != 0) == (y > x);
  if (q > 745) return same ? 0 : 1;
  $T t = sqrt(q), e = copysign(t * sqrt(2.0 / x), m), w = 1.0 / x;
  $T s = %kTemme0(e) + w * (%kTemme1(e) + w * (%kTemme2(e) + w * (%kTemme3(e) + w * (%kTemme4(e) + w * (%kTemme5(e) + w * (%kTemme6(e) + w * (%kTemme7(e) + w * (%kTemme8(e) + w * (%kTemme9(e) + w * (%kTemme10(e) + w * (%kTemme11(e) + w * (%kTemme12(e) + w * %kTemme13(e)))))))))))));
  $T r = s / sqrt(6.28318530717958647693 * x);
  if (!(y > x)) r = -r;
  $T v = t < ($T)0.5 ? 0.5 * %erfc(t) + %exp(-q) * r : %exp(-q) * (0.5 * %erfcx(t) + r);
  return same ? v : 1.0 - v;)"},
};

template <size_t N>
const char* find(const Special (&list)[N], std::string_view function) {
  for (const Special& s : list)
    if (function == s.function) return s.body;
  return nullptr;
}

// ---- tables

struct Table {
  const char* name;
  const double* c;
  int count;
  bool chebyshev;
};
#define RT_CHEBYSHEV(name) \
  { #name, host_math::name, static_cast < int>(std::size(host_math::name)), true }
#define RT_POWERS(name) \
  { #name, host_math::name, static_cast < int>(std::size(host_math::name)), false }
constexpr Table kTables[] = {
    RT_CHEBYSHEV(kI0Middle),   RT_CHEBYSHEV(kI0Large),    RT_CHEBYSHEV(kI1Middle),  RT_CHEBYSHEV(kI1Large),
    RT_CHEBYSHEV(kK0Middle),   RT_CHEBYSHEV(kK0Large),    RT_CHEBYSHEV(kK1Middle),  RT_CHEBYSHEV(kK1Large),
    RT_CHEBYSHEV(kJ0Small),    RT_CHEBYSHEV(kJ1Small),    RT_CHEBYSHEV(kY0Small),   RT_CHEBYSHEV(kY1Small),
    RT_CHEBYSHEV(kJ0Cos),      RT_CHEBYSHEV(kJ0Sin),      RT_CHEBYSHEV(kJ1Cos),     RT_CHEBYSHEV(kJ1Sin),
    RT_CHEBYSHEV(kAiryCentre), RT_CHEBYSHEV(kAiryMiddle), RT_CHEBYSHEV(kAiryLarge), RT_CHEBYSHEV(kAiryCos),
    RT_CHEBYSHEV(kAirySin),    RT_CHEBYSHEV(kErfcx),      RT_CHEBYSHEV(kPsi12),     RT_CHEBYSHEV(kPsi24),
    RT_CHEBYSHEV(kPsi4),       RT_CHEBYSHEV(kLogGamma),   RT_POWERS(kI0Series),     RT_POWERS(kK0Series),
    RT_POWERS(kI1Series),      RT_POWERS(kK1Series)};
#undef RT_CHEBYSHEV
#undef RT_POWERS

/// The table of that name; count 0 when there is none.
Table find_table(std::string_view name) {
  for (const Table& t : kTables)
    if (name == t.name) return t;
  constexpr std::string_view kTemmeName = "kTemme";
  if (name.substr(0, kTemmeName.size()) == kTemmeName) {
    const std::string_view digits = name.substr(kTemmeName.size());
    size_t row = digits.empty() ? std::size(host_math::kTemme) : 0;
    for (char c : digits) row = row * 10 + static_cast<size_t>(c - '0');
    if (row < std::size(host_math::kTemme))
      return {"kTemme", host_math::kTemme[row], static_cast<int>(std::size(host_math::kTemme[row])), false};
  }
  return {nullptr, nullptr, 0, false};
}

std::string coefficient(double v) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", v);
  std::string s = text;
  if (s.find_first_of(".") == std::string::npos) {  // literals need a point to get their suffix
    const size_t e = s.find('e');
    s.insert(e == std::string::npos ? s.size() : e, ".0");
  }
  return v < 0 ? "(" + s + ")" : s;
}

}  // namespace

const char* special_body(std::string_view function) {
  const char* body = find(kGamma, function);
  if (body == nullptr) body = find(kErrors, function);
  if (body == nullptr) body = find(kBessel, function);
  if (body == nullptr) body = find(kPolynomials, function);
  return body != nullptr ? body : find(kHelpers, function);
}

std::string table_body(std::string_view name, ComputeType real_type) {
  const Table t = find_table(name);
  int count = t.count;
  if (count == 0) return "";
  if (t.chebyshev) {  // what float cannot see is left out
    double top = 0;
    for (int k = 0; k < count; ++k) top = std::max(top, std::fabs(t.c[k]));
    while (is_single(real_type) && count > 2 && std::fabs(t.c[count - 1]) < 1e-9 * top) --count;
  }
  std::string text;
  if (!t.chebyshev) {
    text = "$T r = " + coefficient(t.c[count - 1]) + ";\n";
    for (int k = count - 2; k >= 0; --k) text += "  r = r * x + " + coefficient(t.c[k]) + ";\n";
    return text + "  return r;";
  }
  text = "$T t = 2.0 * x, b0 = 0, b1 = 0;\n";
  for (int k = count - 1; k > 0; --k) {  // two at a time, so that nothing moves
    const char *now = (count - 1 - k) % 2 == 0 ? "b1" : "b0", *last = (count - 1 - k) % 2 == 0 ? "b0" : "b1";
    text += std::string("  ") + now + " = t * " + last + " - " + now + " + " + coefficient(t.c[k]) + ";\n";
  }
  const bool odd = (count - 1) % 2 != 0;
  return text + "  return x * " + (odd ? "b1 - b0" : "b0 - b1") + " + " + coefficient(t.c[0]) + ";";
}

int helper_arity(std::string_view name) {
  if (name == "chebyshev_from" || name == "gamma_temme") return 3;
  return name.substr(0, 6) == "gamma_" ? 2 : 1;
}

}  // namespace rustorch::expr
