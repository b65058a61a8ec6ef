// Bodies of functions that a GPU language lacks.
//
// Text: $T the element type, $U its unsigned twin, %name( a call of another function (builtin or prelude),
// floating literals get the suffix of the type. Arguments are x, y, z. Special functions: prelude_special.cc.
#include <cstring>

#include "expr/dialect.h"
#include "expr/prelude.h"

namespace rustorch::expr {
namespace {

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
  {"frexp_mantissa", "return x == 0 || x - x != 0 ? x : ldexp(x, -(ilogb(x) + 1));", nullptr},
  {"frexp_exponent", "return x == 0 || x - x != 0 ? ($T)0 : ($T)(ilogb(x) + 1);", nullptr},
  {"remainder", "$T m = %fmod(x, y);\n  return m != 0 && (y < 0) != (m < 0) ? m + y : m;", "let m = %fmod(x, y);\n  return select(m, m + y, m != 0.0 && (y < 0.0) != (m < 0.0));"},
  {"floordiv", "if (y == 0) return x / y;\n  $T m = %fmod(x, y);\n  $T q = (x - m) / y;\n  if (m != 0 && (y < 0) != (m < 0)) q -= 1.0;\n  if (q == 0) return %copysign(($T)0, x / y);\n  $T f = floor(q);\n  return q - f > ($T)0.5 ? f + 1.0 : f;",
               "if (y == 0.0) { return x / y; }\n  return floor(x / y);"},
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
  {"gcd", "$U a = x < 0 ? 0 - ($U)x : ($U)x, b = y < 0 ? 0 - ($U)y : ($U)y;\n  while (b != 0) {\n    $U t = a % b;\n    a = b;\n    b = t;\n  }\n  return ($T)a;", nullptr},
  {"lcm", "if (x == 0 || y == 0) return 0;\n  $U g = ($U)%gcd(x, y), a = x < 0 ? 0 - ($U)x : ($U)x, b = y < 0 ? 0 - ($U)y : ($U)y;\n  $T r = ($T)(a / g * b);\n  return sizeof($T) == 8 && r < 0 ? ($T)(0 - ($U)r) : r;", nullptr},
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
  {"log", "$T m = fmax(fabs(a.x), fabs(a.y)), n = fmin(fabs(a.x), fabs(a.y));\n  $T r = m > ($T)0.5 && m < 2 ? 0.5 * %log1p((m - 1.0) * (m + 1.0) + n * n) : %log(%hypot(a.x, a.y));\n  return $C(r, atan2(a.y, a.x));", nullptr},
  {"sqrt", "$T m = %hypot(a.x, a.y);\n  if (m == 0) return $C(0.0, a.y);\n  $T t = sqrt(0.5 * (m + fabs(a.x)));\n  if (a.x >= 0) return $C(t, a.y / (2.0 * t));\n  return $C(fabs(a.y) / (2.0 * t), copysign(t, a.y));", nullptr},
  {"pow", "if (a.x == 0 && a.y == 0) {\n    if (b.x > 0 || (b.x == 0 && b.y == 0)) return $C(b.x == 0 ? 1.0 : 0.0, 0.0);\n    $T n = $NAN;\n    return $C(b.x < 0 ? $INF : n, n);\n  }\n  return %%exp(%%mul(b, %%log(a)));", nullptr},
  {"sin", "return $C(sin(a.x) * cosh(a.y), cos(a.x) * sinh(a.y));", nullptr},
  {"cos", "return $C(cos(a.x) * cosh(a.y), -sin(a.x) * sinh(a.y));", nullptr},
  {"tan", "$C2 t = %%tanh($C(-a.y, a.x));\n  return $C(t.y, -t.x);", nullptr},
  {"sinh", "return $C(sinh(a.x) * cos(a.y), cosh(a.x) * sin(a.y));", nullptr},
  {"cosh", "return $C(cosh(a.x) * cos(a.y), sinh(a.x) * sin(a.y));", nullptr},
  {"tanh", "if (fabs(a.x) > 20) return $C(copysign(($T)1.0, a.x), copysign(($T)0.0, sin(2.0 * a.y)));\n  $T t = tan(a.y), b = 1.0 + t * t, s = sinh(a.x), d = 1.0 + b * s * s;\n  return isinf(t) ? $C(sqrt(1.0 + s * s) / s, 1.0 / t) : $C(b * sqrt(1.0 + s * s) * s / d, t / d);", nullptr},
  {"asinh", "$C2 t = %%asin($C(-a.y, a.x));\n  return $C(t.y, -t.x);", nullptr},
  {"acosh", "$C2 p = %%sqrt($C(a.x - 1.0, a.y)), q = %%sqrt($C(a.x + 1.0, a.y));\n  return $C(asinh(p.x * q.x + p.y * q.y), 2.0 * atan2(p.y, q.x));", nullptr},
  {"atanh", "$T m = fabs(a.x);\n  return $C(copysign(0.25 * %log1p(4.0 * m / ((1.0 - m) * (1.0 - m) + a.y * a.y)), a.x), 0.5 * atan2(2.0 * a.y, (1.0 - a.x) * (1.0 + a.x) - a.y * a.y));", nullptr},
  {"asin", "$C2 p = %%sqrt($C(1.0 - a.x, -a.y)), q = %%sqrt($C(1.0 + a.x, a.y));\n  return $C(atan2(a.x, p.x * q.x - p.y * q.y), asinh(p.x * q.y - p.y * q.x));", nullptr},
  {"acos", "$C2 p = %%sqrt($C(1.0 - a.x, -a.y)), q = %%sqrt($C(1.0 + a.x, a.y));\n  return $C(2.0 * atan2(p.x, q.x), asinh(q.x * p.y - q.y * p.x));", nullptr},
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
  const char* special = dialect.wgsl ? nullptr : special_body(function);
  return special != nullptr ? special : find(kReal, function, dialect.wgsl);
}

}  // namespace rustorch::expr
