// Bodies of functions that a GPU language lacks.
//
// Text: $T the element type, $U its unsigned twin, %name( a call of another function (builtin or prelude),
// floating literals get the suffix of the type. Arguments are x, y, z. See host_math.cc for the methods.
#include <cstring>

#include "expr/dialect.h"

namespace rustorch::expr {
namespace {

struct Body {
  const char* function;
  const char* c;     // C-like languages; null: none
  const char* wgsl;  // null: none
};

// clang-format off
constexpr Body kReal[] = {
  {"sigmoid", "return 1.0 / (1.0 + %exp(-x));", "return 1.0 / (1.0 + exp(-x));"},
  {"sign", "return ($T)((x > 0) - (x < 0));", "return select(0.0, 1.0, x > 0.0) - select(0.0, 1.0, x < 0.0);"},
  {"max", "return x != x || y != y ? x + y : (x < y ? y : x);", "return select(select(x, y, x < y), x + y, x != x || y != y);"},
  {"min", "return x != x || y != y ? x + y : (x > y ? y : x);", "return select(select(x, y, x > y), x + y, x != x || y != y);"},
  {"signbit", nullptr, "return bitcast<u32>(x) >= 0x80000000u;"},
  {"copysign", nullptr, "return bitcast<f32>((bitcast<u32>(x) & 0x7fffffffu) | (bitcast<u32>(y) & 0x80000000u));"},
  {"log10", nullptr, "return log(x) * 0.434294481903251827651;"},
  // tanh overflows in some implementations: 1 - 2 / (exp(2a) + 1) does not.
  {"tanh", "$T a = fabs(x);\n  $T z = x * x;\n  $T s = a + a * z * (-0.333333332 + z * (0.133333036 + z * (-0.0539592596 + z * (0.0217689187 + z * (-0.00834394552 + z * 0.00229274482)))));\n"
           "  $T l = 1.0 - 2.0 / (%exp(2.0 * a) + 1.0);\n  return copysign(a < ($T)0.625 ? s : l, x);",
           "let a = abs(x);\n  let z = x * x;\n  let s = a + a * z * (-0.333333332 + z * (0.133333036 + z * (-0.0539592596 + z * (0.0217689187 + z * (-0.00834394552 + z * 0.00229274482)))));\n"
           "  let l = 1.0 - 2.0 / (exp(2.0 * min(a, 20.0)) + 1.0);\n  let r = select(l, s, a < 0.625);\n  return select(%copysign(r, x), x, x != x);"},
  {"cbrt", "$T a = fabs(x);\n  if (a == 0 || a != a || a > 1e38) return x;\n  $T r = %exp(%log(a) / 3.0);\n  r = r - (r * r * r - a) / (3.0 * r * r);\n  return copysign(r, x);",
           "let a = abs(x);\n  if (a == 0.0 || x != x || a > 1e38) { return x; }\n  var r = exp(log(a) / 3.0);\n  r = r - (r * r * r - a) / (3.0 * r * r);\n  return %copysign(r, x);"},
  {"pow", "$T a = powr(fabs(x), y);\n  if (y == 0 || x == 1) return 1.0;\n  if (x != x || y != y) return x + y;\n  if (x == 0 && y > 0) a = 0;\n  if (x >= 0) return a;\n"
          "  if (trunc(y) != y) return fabs(x) > 1e38 ? a : x - x + $NAN;\n  return fmod(y, 2.0) != 0 ? -a : a;",
          "let b = abs(x);\n  var a = pow(b, y);\n  if (y == 0.0 || x == 1.0) { return 1.0; }\n  if (x != x || y != y) { return x + y; }\n  if (b == 0.0) { a = select(rt_bits(0x7f800000u), 0.0, y > 0.0); }\n"
          "  if (x >= 0.0) { return a; }\n  if (trunc(y) != y) { return rt_bits(0x7fc00000u); }\n  let h = y * 0.5;\n  return select(a, -a, trunc(h) != h);"},
  {"expm1", "$T u = %exp(x);\n  if (u == 1.0) return x;\n  $T v = u - 1.0;\n  if (v == -1.0 || u > 1e30) return v;\n  return v * x / %log(u);",
            "let u = exp(x);\n  if (u == 1.0) { return x; }\n  let v = u - 1.0;\n  if (v == -1.0 || u > 1e30) { return v; }\n  return v * x / log(u);"},
  {"log1p", "$T u = 1.0 + x;\n  if (u == 1.0 || x > 1e30) return u == 1.0 ? x : %log(x);\n  return %log(u) * x / (u - 1.0);",
            "let u = 1.0 + x;\n  if (u == 1.0) { return x; }\n  if (x > 1e30) { return log(x); }\n  return log(u) * x / (u - 1.0);"},
  {"hypot", "$T a = fmax(fabs(x), fabs(y)), b = fmin(fabs(x), fabs(y));\n  if (a == 0 || a > 3e38) return a;\n  if (x != x || y != y) return x + y;\n  $T t = b / a;\n  return a * sqrt(1.0 + t * t);",
            "let a = max(abs(x), abs(y));\n  let b = min(abs(x), abs(y));\n  if (a == 0.0) { return a; }\n  let t = b / a;\n  return a * sqrt(1.0 + t * t);"},
  {"erf", "$T a = fabs(x), s = x * x, r;\n  if (a > ($T)0.927734375) {\n    $T t = fmin(a, ($T)4.5);\n    r = (-1.72853470e-5 * t + 3.83197126e-4) * (t * t) + (-3.88396438e-3 * t + 2.42546219e-2);\n"
          "    r = ((r * t - 1.06777877e-1) * t - 6.34846687e-1) * t - 1.28717512e-1;\n    r = 1.0 - %exp(r * t - t);\n    return copysign(r, x);\n  }\n"
          "  r = ((((-5.96761703e-4 * s + 4.99119423e-3) * s - 2.67681349e-2) * s + 1.12819925e-1) * s - 3.76125336e-1) * s + 1.28379166e-1;\n  return r * x + x;",
          "let a = abs(x);\n  let s = x * x;\n  if (a > 0.927734375) {\n    let t = min(a, 4.5);\n    var r = (-1.72853470e-5 * t + 3.83197126e-4) * (t * t) + (-3.88396438e-3 * t + 2.42546219e-2);\n"
          "    r = ((r * t - 1.06777877e-1) * t - 6.34846687e-1) * t - 1.28717512e-1;\n    return %copysign(1.0 - exp(r * t - t), x);\n  }\n"
          "  let q = ((((-5.96761703e-4 * s + 4.99119423e-3) * s - 2.67681349e-2) * s + 1.12819925e-1) * s - 3.76125336e-1) * s + 1.28379166e-1;\n  return q * x + x;"},
  {"erfc", "$T a = fabs(x), t = 1.0 / (1.0 + 0.5 * a);\n  $T r = t * %exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));\n  return x >= 0 ? r : 2.0 - r;",
           "let a = abs(x);\n  let t = 1.0 / (1.0 + 0.5 * a);\n  let r = t * exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));\n  return select(2.0 - r, r, x >= 0.0);"},
  {"fmod", nullptr, "return x - y * trunc(x / y);"},
  {"remainder", "$T m = %fmod(x, y);\n  return m != 0 && (y < 0) != (m < 0) ? m + y : m;", "let m = %fmod(x, y);\n  return select(m, m + y, m != 0.0 && (y < 0.0) != (m < 0.0));"},
  {"floordiv", "if (y == 0) return x / y;\n  $T m = %fmod(x, y);\n  $T q = (x - m) / y;\n  if (m != 0 && (y < 0) != (m < 0)) q -= 1.0;\n  if (q == 0) return %copysign(($T)0, x / y);\n  $T f = floor(q);\n  return q - f > ($T)0.5 ? f + 1.0 : f;",
               "if (y == 0.0) { return x / y; }\n  return floor(x / y);"},
  {"lgamma", "if (x <= 0 && floor(x) == x) return $INF;\n  $T a = x < ($T)0.5 ? 1.0 - x : x;\n  $T s = 1.000000000190015 + 76.18009172947146 / a - 86.50532032941677 / (a + 1.0) + 24.01409824083091 / (a + 2.0) - 1.231739572450155 / (a + 3.0) + 1.208650973866179e-3 / (a + 4.0) - 5.395239384953e-6 / (a + 5.0);\n"
             "  $T t = a + 4.5;\n  $T r = (a - 0.5) * %log(t) - t + %log(2.5066282746310005 * s);\n  return x < ($T)0.5 ? %log(fabs(3.14159265358979323846 / sin(3.14159265358979323846 * x))) - r : r;",
             nullptr},
  {"digamma", "$T r = 0;\n  if (x == 0) return -%copysign($INF, x);\n  if (x < 0) {\n    if (floor(x) == x) return $NAN;\n    $T f = x - trunc(x);\n    r = -3.14159265358979323846 / tan(3.14159265358979323846 * f);\n    x = 1.0 - x;\n  }\n"
              "  while (x < 10) {\n    r -= 1.0 / x;\n    x += 1.0;\n  }\n  $T z = 1.0 / (x * x);\n  $T p = z * (8.33333333333333333333e-2 + z * (-8.33333333333333333333e-3 + z * (3.96825396825396825397e-3 + z * (-4.16666666666666666667e-3 + z * (7.57575757575757575758e-3 + z * (-2.10927960927960927961e-2 + z * 8.33333333333333333333e-2))))));\n"
              "  return r + %log(x) - 0.5 / x - p;", nullptr},
  {"trigamma", "$T s = 1, r = 0;\n  if (x < ($T)0.5) {\n    s = -1;\n    $T q = x == floor(x) ? ($T)0 : ($T)sin(3.14159265358979323846 * x);\n    r -= 9.86960440108935861883 / (q * q);\n    x = 1.0 - x;\n  }\n  while (x < 12) {\n    r += 1.0 / (x * x);\n    x += 1.0;\n  }\n  $T w = 1.0 / (x * x);\n"
               "  r += (1.0 + 0.5 / x + w * (1.66666666666666667e-1 - w * (3.33333333333333333e-2 - w * (2.38095238095238095e-2 - w * (3.33333333333333333e-2 - w * 7.57575757575757576e-2))))) / x;\n  return s * r;", nullptr},
  {"zeta", "if (x == 1) return $INF;\n  if (x < 1) return $NAN;\n  if (y <= 0) {\n    if (y == floor(y)) return $INF;\n    if (x != floor(x)) return $NAN;\n  }\n  $T s = %pow(y, -x), k = y, b = 0;\n  for (int i = 0; i < 9 || k <= 9; ++i) {\n    k += 1.0;\n    b = %pow(k, -x);\n    s += b;\n  }\n"
           "  s += b * k / (x - 1.0) - 0.5 * b;\n  $T f = x * b / k;\n  s += f / 12.0;\n  f *= (x + 1.0) * (x + 2.0) / (k * k);\n  s -= f / 720.0;\n  f *= (x + 3.0) * (x + 4.0) / (k * k);\n  s += f / 30240.0;\n  f *= (x + 5.0) * (x + 6.0) / (k * k);\n  s -= f / 1209600.0;\n  f *= (x + 7.0) * (x + 8.0) / (k * k);\n  return s + f / 47900160.0;", nullptr},
  {"polygamma", "if (x == 0) return %digamma(y);\n  if (x == 1) return %trigamma(y);\n  $T g = %exp(%lgamma(x + 1.0)) * %zeta(x + 1.0, y);\n  return fmod(x, ($T)2.0) != 0 ? g : -g;", nullptr},
  {"ndtri", "if (x != x || x < 0 || x > 1) return $NAN;\n  if (x == 0) return -$INF;\n  if (x == 1) return $INF;\n  $T t = x > ($T)0.5 ? 1.0 - x : x, v;\n  if (t > ($T)0.02425) {\n    $T q = t - 0.5, r = q * q;\n"
            "    v = q * (2.506628277459239 + r * (-30.66479806614716 + r * (138.3577518672690 + r * (-275.9285104469687 + r * (220.9460984245205 + r * -39.69683028665376))))) / (1.0 + r * (-13.28068155288572 + r * (66.80131188771972 + r * (-155.6989798598866 + r * (161.5858368580409 + r * -54.47609879822406)))));\n  } else {\n"
            "    $T q = sqrt(-2.0 * %log(t));\n    v = (2.938163982698783 + q * (4.374664141464968 + q * (-2.549732539343734 + q * (-2.400758277161838 + q * (-3.223964580411365e-1 + q * -7.784894002430293e-3))))) / (1.0 + q * (3.754408661907416 + q * (2.445134137142996 + q * (3.224671290700398e-1 + q * 7.784695709041462e-3))));\n  }\n"
            "  for (int i = 0; i < 2; ++i) {\n    $T e = 0.5 * %erfc(-v * 0.707106781186547524401) - t;\n    $T u = e * 2.5066282746310002 * %exp(0.5 * v * v);\n    v -= u / (1.0 + 0.5 * v * u);\n  }\n  return x > ($T)0.5 ? -v : v;", nullptr},
  {"erfinv", "$T a = fabs(x), v;\n  if (x != x || a > 1) return $NAN;\n  if (a == 1) return %copysign($INF, x);\n  if (x == 0) return x;\n  if (a <= ($T)0.7) {\n    $T w = a * a;\n    v = a * (0.886226899 + w * (-1.645349621 + w * (0.914624893 + w * -0.140543331))) / (1.0 + w * (-2.118377725 + w * (1.442710462 + w * (-0.329097515 + w * 0.012229801))));\n  } else {\n"
             "    $T w = sqrt(-%log((1.0 - a) / 2.0));\n    v = (-1.970840454 + w * (-1.624906493 + w * (3.429567803 + w * 1.641345311))) / (1.0 + w * (3.543889200 + w * 1.637067800));\n  }\n"
             "  for (int i = 0; i < 2; ++i) {\n    $T e = a > ($T)0.5 ? (1.0 - a) - %erfc(v) : %erf(v) - a;\n    $T u = e * 0.886226925452758014 * %exp(v * v);\n    v -= u / (1.0 + v * u);\n  }\n  return %copysign(v, x);", nullptr},
  {"erfcx", "if (x < 2) return x < ($T)-26.7 ? $INF : %exp(x * x) * %erfc(x);\n  if (x > 50) {\n    $T w = 1.0 / (x * x);\n    return 0.564189583547756287 / x * (1.0 - w * (0.5 - w * (0.75 - w * 1.875)));\n  }\n  $T t = x;\n  for (int k = (int)(20.0 + 900.0 / (x * x)); k >= 1; --k) t = x + 0.5 * ($T)k / t;\n  return 0.564189583547756287 / t;", nullptr},
  {"log_ndtr", "$T t = x * 0.707106781186547524401;\n  if (x < -1) return %log(%erfcx(-t) / 2.0) - t * t;\n  return %log1p(-%erfc(t) / 2.0);", nullptr},
  {"i0e", "$T a = fabs(x);\n  if (a < 20) {\n    $T q = a * a / 4.0, t = 1, s = 1;\n    for (int k = 1; k < 60; ++k) {\n      t *= q / (($T)k * ($T)k);\n      s += t;\n    }\n    return s * %exp(-a);\n  }\n  $T t = 1, s = 1;\n  for (int k = 1; k < 12; ++k) {\n    $T o = ($T)(2 * k - 1);\n    t *= o * o / (($T)(8 * k) * a);\n    s += t;\n  }\n  return s / sqrt(6.28318530717958647693 * a);", nullptr},
  {"i0", "$T h = %exp(fabs(x) / 2.0);\n  return fabs(x) > 3e38 ? $INF : %i0e(x) * h * h;", nullptr},
  {"i1e", "$T a = fabs(x), r;\n  if (a < 20) {\n    $T q = a * a / 4.0, t = a / 2.0, s = t;\n    for (int k = 1; k < 60; ++k) {\n      t *= q / (($T)k * ($T)(k + 1));\n      s += t;\n    }\n    r = s * %exp(-a);\n  } else {\n    $T t = 1, s = 1;\n    for (int k = 1; k < 12; ++k) {\n      $T o = ($T)(2 * k - 1);\n      t *= -(4.0 - o * o) / (($T)(8 * k) * a);\n      s += t;\n    }\n    r = s / sqrt(6.28318530717958647693 * a);\n  }\n  return x < 0 ? -r : r;", nullptr},
  {"i1", "$T h = %exp(fabs(x) / 2.0);\n  return fabs(x) > 3e38 ? x : %i1e(x) * h * h;", nullptr},
};

constexpr Body kInt[] = {
  {"abs", "return x < 0 ? ($T)(0 - ($U)x) : x;", "return abs(x);"},
  {"sign", "return ($T)((x > 0) - (x < 0));", "return sign(x);"},
  {"max", "return x > y ? x : y;", "return max(x, y);"},
  {"min", "return x < y ? x : y;", "return min(x, y);"},
  {"truncdiv", "if (y == 0) return 0;\n  if (y == -1) return ($T)(0 - ($U)x);\n  return x / y;", "if (y == 0) { return 0; }\n  if (y == -1) { return 0 - x; }\n  return x / y;"},
  {"fmod", "return y == 0 || y == -1 ? 0 : x % y;", "if (y == 0 || y == -1) { return 0; }\n  return x % y;"},
  {"remainder", "$T m = %fmod(x, y);\n  return m != 0 && (m < 0) != (y < 0) ? m + y : m;", "let m = %fmod(x, y);\n  return select(m, m + y, m != 0 && (m < 0) != (y < 0));"},
  {"floordiv", "$T q = %truncdiv(x, y), m = %fmod(x, y);\n  return m != 0 && (m < 0) != (y < 0) ? q - 1 : q;", "let q = %truncdiv(x, y);\n  let m = %fmod(x, y);\n  return select(q, q - 1, m != 0 && (m < 0) != (y < 0));"},
  {"pow", "if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;\n  $U r = 1, b = ($U)x;\n  for ($U e = ($U)y; e != 0; e >>= 1) {\n    if (e & 1) r *= b;\n    b *= b;\n  }\n  return ($T)r;",
          "if (y < 0) {\n    if (x == 1) { return 1; }\n    if (x == -1) { return select(1, -1, y % 2 != 0); }\n    return 0;\n  }\n  var r = 1u;\n  var b = bitcast<u32>(x);\n  var e = bitcast<u32>(y);\n  while (e != 0u) {\n    if ((e & 1u) != 0u) { r = r * b; }\n    b = b * b;\n    e = e >> 1u;\n  }\n  return bitcast<i32>(r);"},
  {"shl", "return y < 0 || y >= ($T)(8 * sizeof($T)) ? 0 : ($T)(($U)x << y);", "if (y < 0 || y > 31) { return 0; }\n  return x << u32(y);"},
  {"shr", "return y < 0 || y >= ($T)(8 * sizeof($T)) ? (x < 0 ? -1 : 0) : x >> y;", "if (y < 0 || y > 31) { return select(0, -1, x < 0); }\n  return x >> u32(y);"},
};

// Complex numbers are two-element vectors with fields x and y; arguments are a, b. $C(re, im) makes one,
// %%name( is a complex prelude function.
constexpr Body kComplex[] = {
  {"mul", "return $C(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);", nullptr},
  {"div", "$T c = fabs(b.x), d = fabs(b.y);\n  if (c >= d) {\n    if (c == 0 && d == 0) return $C(a.x / c, a.y / d);\n    $T r = b.y / b.x, s = 1.0 / (b.x + b.y * r);\n    return $C((a.x + a.y * r) * s, (a.y - a.x * r) * s);\n  }\n  $T r = b.x / b.y, s = 1.0 / (b.x * r + b.y);\n  return $C((a.x * r + a.y) * s, (a.y * r - a.x) * s);", nullptr},
  {"conj", "return $C(a.x, -a.y);", nullptr},
  {"exp", "$T e = %exp(a.x);\n  if (a.y == 0) return $C(e, a.y);\n  return $C(e * cos(a.y), e * sin(a.y));", nullptr},
  {"log", "return $C(%log(%hypot(a.x, a.y)), atan2(a.y, a.x));", nullptr},
  {"sqrt", "$T m = %hypot(a.x, a.y);\n  if (m == 0) return $C(0.0, a.y);\n  $T t = sqrt(0.5 * (m + fabs(a.x)));\n  if (a.x >= 0) return $C(t, a.y / (2.0 * t));\n  return $C(fabs(a.y) / (2.0 * t), copysign(t, a.y));", nullptr},
  {"pow", "if (a.x == 0 && a.y == 0) return $C(b.x == 0 && b.y == 0 ? 1.0 : 0.0, 0.0);\n  return %%exp(%%mul(b, %%log(a)));", nullptr},
  {"sin", "return $C(sin(a.x) * cosh(a.y), cos(a.x) * sinh(a.y));", nullptr},
  {"cos", "return $C(cos(a.x) * cosh(a.y), -sin(a.x) * sinh(a.y));", nullptr},
  {"tan", "$T d = cos(2.0 * a.x) + cosh(2.0 * a.y);\n  return fabs(a.y) > 20 ? $C(0.0, copysign(($T)1.0, a.y)) : $C(sin(2.0 * a.x) / d, sinh(2.0 * a.y) / d);", nullptr},
  {"sinh", "return $C(sinh(a.x) * cos(a.y), cosh(a.x) * sin(a.y));", nullptr},
  {"cosh", "return $C(cosh(a.x) * cos(a.y), sinh(a.x) * sin(a.y));", nullptr},
  {"tanh", "$T d = cosh(2.0 * a.x) + cos(2.0 * a.y);\n  return fabs(a.x) > 20 ? $C(copysign(($T)1.0, a.x), 0.0) : $C(sinh(2.0 * a.x) / d, sin(2.0 * a.y) / d);", nullptr},
  {"asinh", "return %%log($C(a.x + %%sqrt($C(a.x * a.x - a.y * a.y + 1.0, 2.0 * a.x * a.y)).x, a.y + %%sqrt($C(a.x * a.x - a.y * a.y + 1.0, 2.0 * a.x * a.y)).y));", nullptr},
  {"acosh", "$C2 p = %%sqrt($C(a.x + 1.0, a.y)), q = %%sqrt($C(a.x - 1.0, a.y)), m = %%mul(p, q);\n  return %%log($C(a.x + m.x, a.y + m.y));", nullptr},
  {"atanh", "$C2 p = %%log($C(1.0 + a.x, a.y)), q = %%log($C(1.0 - a.x, -a.y));\n  return $C(0.5 * (p.x - q.x), 0.5 * (p.y - q.y));", nullptr},
  {"asin", "$C2 t = %%asinh($C(-a.y, a.x));\n  return $C(t.y, -t.x);", nullptr},
  {"acos", "$C2 t = %%asin(a);\n  return $C(1.57079632679489661923 - t.x, -t.y);", nullptr},
  {"atan", "$C2 t = %%atanh($C(-a.y, a.x));\n  return $C(t.y, -t.x);", nullptr},
};
// clang-format on

template <size_t N>
const char* find(const Body (&list)[N], std::string_view function, bool wgsl) {
  for (const Body& b : list)
    if (function == b.function) {
      const char* text = wgsl ? b.wgsl : b.c;
      return text ? text : "";
    }
  return "";
}

}  // namespace

const char* prelude_body(const Dialect& dialect, std::string_view function, ValueType domain) {
  if (domain == ValueType::Complex) return find(kComplex, function, dialect.wgsl);
  if (domain == ValueType::Int) return find(kInt, function, dialect.wgsl);
  return find(kReal, function, dialect.wgsl);
}

}  // namespace rustorch::expr
