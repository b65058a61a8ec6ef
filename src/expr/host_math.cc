// Scalar functions of the table with rules of their own: signs, divisions, integers, parts of a number.
#include "expr/host_math.h"

#include <cmath>
#include <limits>

namespace rustorch::host_math {
namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
}  // namespace

double sign(double x) { return static_cast<double>(x > 0) - static_cast<double>(x < 0); }

double remainder(double x, double y) {
  double m = std::fmod(x, y);
  if (m != 0 && ((y < 0) != (m < 0))) m += y;
  return m;
}

double floordiv(double x, double y) {
  if (y == 0) return x / y;
  double m = std::fmod(x, y);
  double div = (x - m) / y;
  if (m != 0 && ((y < 0) != (m < 0))) div -= 1;
  if (div == 0) return std::copysign(0.0, x / y);
  double f = std::floor(div);
  if (div - f > 0.5) f += 1;
  return f;
}
double maximum(double x, double y) { return std::isnan(x) || std::isnan(y) ? kNan : (x < y ? y : x); }
double minimum(double x, double y) { return std::isnan(x) || std::isnan(y) ? kNan : (x > y ? y : x); }
double round_even(double x) { return std::nearbyint(x); }

int64_t int_truncdiv(int64_t x, int64_t y) {
  if (y == 0) return 0;
  if (y == -1) return static_cast<int64_t>(0 - static_cast<uint64_t>(x));
  return x / y;
}
int64_t int_fmod(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
int64_t int_floordiv(int64_t x, int64_t y) {
  int64_t q = int_truncdiv(x, y);
  if (y != 0 && y != -1 && x % y != 0 && ((x < 0) != (y < 0))) --q;
  return q;
}
int64_t int_remainder(int64_t x, int64_t y) {
  int64_t m = int_fmod(x, y);
  return m != 0 && ((m < 0) != (y < 0)) ? m + y : m;
}
int64_t int_pow(int64_t x, int64_t y) {
  if (y < 0) return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
  uint64_t r = 1, b = static_cast<uint64_t>(x);
  for (uint64_t e = static_cast<uint64_t>(y); e != 0; e >>= 1) {
    if (e & 1) r *= b;
    b *= b;
  }
  return static_cast<int64_t>(r);
}

int64_t gcd(int64_t x, int64_t y) {
  uint64_t a = x < 0 ? 0 - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  uint64_t b = y < 0 ? 0 - static_cast<uint64_t>(y) : static_cast<uint64_t>(y);
  while (b != 0) {
    const uint64_t r = a % b;
    a = b;
    b = r;
  }
  return static_cast<int64_t>(a);
}
int64_t lcm(int64_t x, int64_t y) {
  const int64_t g = gcd(x, y);
  if (g == 0) return 0;
  const uint64_t p = static_cast<uint64_t>(int_truncdiv(x, g)) * static_cast<uint64_t>(y);
  return static_cast<int64_t>(static_cast<int64_t>(p) < 0 ? 0 - p : p);
}

double frexp_mantissa(double x) {
  int e;
  return std::isfinite(x) ? std::frexp(x, &e) : x;
}
double frexp_exponent(double x) {
  int e = 0;
  if (std::isfinite(x)) std::frexp(x, &e);
  return e;
}

}  // namespace rustorch::host_math
