// Rows of the function table. See Note [Definitions and host bodies] below.
#include "expr/functions.h"

#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>

#include "expr/host_math.h"

namespace rustorch::expr {
namespace {

using C = std::complex<double>;
namespace hm = host_math;

// Note [Definitions and host bodies]
// A row says for each domain (real, integer, complex) either a definition in the language itself, or that the
// function is primitive there (nullptr; then it has a host body here and a body in every dialect), or that it
// does not exist ("" = kNo). Derivatives use PyTorch's conventions at the points where there is a choice.
constexpr const char* kNo = "";
constexpr const char* kP = nullptr;  // primitive

#define R1(e) [](double x, double, double) -> double { return e; }
#define R2(e) [](double x, double y, double) -> double { return e; }
#define I1(e) [](int64_t x, int64_t, int64_t) -> int64_t { return e; }
#define I2(e) [](int64_t x, int64_t y, int64_t) -> int64_t { return e; }
#define C1(e) [](C x, C, C) -> C { return e; }
#define C2(e) [](C x, C y, C) -> C { return e; }

uint64_t u(int64_t v) { return static_cast<uint64_t>(v); }
int64_t s(uint64_t v) { return static_cast<int64_t>(v); }

constexpr TypeRule kA = TypeRule::Arith, kF = TypeRule::Float, kTR = TypeRule::ToReal, kC = TypeRule::Compare,
                   kT = TypeRule::Test, kL = TypeRule::Logic, kB = TypeRule::Bits, kW = TypeRule::Where,
                   kX = TypeRule::Cast;

// clang-format off
const FunctionInfo kTable[] = {
  // name, arity, rule, real, int, complex, {derivatives}, host real, host int, host complex, tensor name, cost, scalar loops only
  {"$const", 0, kX, kP, kP, kP, {}, nullptr, nullptr, nullptr, nullptr, 0},
  {"$input", 0, kX, kP, kP, kP, {}, nullptr, nullptr, nullptr, nullptr, 0},
  {"$param", 0, kX, kP, kP, kP, {}, nullptr, nullptr, nullptr, nullptr, 0},
  {"$to_bool", 1, kX, kP, kP, kP, {"0"}, nullptr, nullptr, nullptr, "ne", 1},
  {"$to_int", 1, kX, kP, kP, kP, {"0"}, nullptr, nullptr, nullptr, nullptr, 1},
  {"$to_real", 1, kX, kP, kP, kP, {"0"}, nullptr, nullptr, nullptr, nullptr, 1},
  {"$to_complex", 1, kX, kP, kP, kP, {"1"}, nullptr, nullptr, nullptr, nullptr, 0},
  {"add", 2, kA, kP, kP, kP, {"1", "1"}, R2(x + y), I2(s(u(x) + u(y))), C2(x + y), "add", 1},
  {"sub", 2, kA, kP, kP, kP, {"1", "-1"}, R2(x - y), I2(s(u(x) - u(y))), C2(x - y), "sub", 1},
  {"mul", 2, kA, kP, kP, kP, {"y", "x"}, R2(x * y), I2(s(u(x) * u(y))), C2(x * y), "mul", 1},
  {"div", 2, kF, kP, kNo, kP, {"1/y", "-r/y"}, R2(x / y), nullptr, C2(x / y), "div", 4},
  {"neg", 1, kA, kP, kP, kP, {"-1"}, R1(-x), I1(s(0 - u(x))), C1(-x), "neg", 1},
  {"eq", 2, kC, kP, kP, kP, {"0", "0"}, R2(x == y), I2(x == y), C2(C(x == y)), "eq", 1},
  {"ne", 2, kC, kP, kP, kP, {"0", "0"}, R2(x != y), I2(x != y), C2(C(x != y)), "ne", 1},
  {"lt", 2, kC, kP, kP, kNo, {"0", "0"}, R2(x < y), I2(x < y), nullptr, "lt", 1},
  {"le", 2, kC, kP, kP, kNo, {"0", "0"}, R2(x <= y), I2(x <= y), nullptr, "le", 1},
  {"gt", 2, kC, kP, kP, kNo, {"0", "0"}, R2(x > y), I2(x > y), nullptr, "gt", 1},
  {"ge", 2, kC, kP, kP, kNo, {"0", "0"}, R2(x >= y), I2(x >= y), nullptr, "ge", 1},
  {"logical_and", 2, kL, kP, kP, kP, {"0", "0"}, R2(x != 0 && y != 0), nullptr, nullptr, "logical_and", 1},
  {"logical_or", 2, kL, kP, kP, kP, {"0", "0"}, R2(x != 0 || y != 0), nullptr, nullptr, "logical_or", 1},
  {"logical_not", 1, kL, kP, kP, kP, {"0"}, R1(x == 0), nullptr, nullptr, "logical_not", 1},
  {"logical_xor", 2, kL, kP, kP, kP, {"0", "0"}, R2((x != 0) != (y != 0)), nullptr, nullptr, "logical_xor", 1},
  {"bitwise_and", 2, kB, kNo, kP, kNo, {}, nullptr, I2(x & y), nullptr, "bitwise_and", 1},
  {"bitwise_or", 2, kB, kNo, kP, kNo, {}, nullptr, I2(x | y), nullptr, "bitwise_or", 1},
  {"bitwise_xor", 2, kB, kNo, kP, kNo, {}, nullptr, I2(x ^ y), nullptr, "bitwise_xor", 1},
  {"bitwise_not", 1, kB, kNo, kP, kNo, {}, nullptr, I1(~x), nullptr, "bitwise_not", 1},
  // Shifts by less than 0 or at least the width give 0 (left) or the sign (right).
  {"shl", 2, kB, kNo, kP, kNo, {}, nullptr, I2(y < 0 || y > 63 ? 0 : s(u(x) << y)), nullptr, "bitwise_left_shift", 2},
  {"shr", 2, kB, kNo, kP, kNo, {}, nullptr, I2(y < 0 || y > 63 ? (x < 0 ? -1 : 0) : x >> y), nullptr, "bitwise_right_shift", 2},
  {"where", 3, kW, kP, kP, kP, {}, nullptr, nullptr, nullptr, "where", 1},

  // Sign, rounding.
  {"abs", 1, kTR, kP, kP, kP, {"sign(x)"}, R1(std::fabs(x)), I1(x < 0 ? s(0 - u(x)) : x), C1(C(std::abs(x))), "abs", 1},
  {"sign", 1, kA, kP, kP, "where(abs(x) == 0, 0, complex(real(x)/abs(x), imag(x)/abs(x)))", {"0"}, R1(hm::sign(x)), I1((x > 0) - (x < 0)), nullptr, "sgn", 3},
  {"floor", 1, kA, kP, "x", kNo, {"0"}, R1(std::floor(x)), nullptr, nullptr, "floor", 1},
  {"ceil", 1, kA, kP, "x", kNo, {"0"}, R1(std::ceil(x)), nullptr, nullptr, "ceil", 1},
  {"round", 1, kA, kP, "x", kNo, {"0"}, R1(hm::round_even(x)), nullptr, nullptr, "round", 1},
  {"trunc", 1, kA, kP, "x", kNo, {"0"}, R1(std::trunc(x)), nullptr, nullptr, "trunc", 1},
  {"frac", 1, kA, "x - trunc(x)", "0*x", kNo, {"1"}, nullptr, nullptr, nullptr, "frac", 2},
  {"copysign", 2, kF, kP, kNo, kNo, {"where(x==0, 0, r/x)", "0"}, R2(std::copysign(x, y)), nullptr, nullptr, "copysign", 2},
  {"nextafter", 2, kF, kP, kNo, kNo, {}, R2(std::nextafter(x, y)), nullptr, nullptr, "nextafter", 40},

  // Powers, exponentials, logarithms.
  {"sqrt", 1, kF, kP, kNo, kP, {"0.5/r"}, R1(std::sqrt(x)), nullptr, C1(std::sqrt(x)), "sqrt", 6},
  {"rsqrt", 1, kF, "1/sqrt(x)", kNo, "1/sqrt(x)", {"-0.5*r*r*r"}, nullptr, nullptr, nullptr, "rsqrt", 10},
  {"reciprocal", 1, kF, "1/x", kNo, "1/x", {"-r*r"}, nullptr, nullptr, nullptr, "reciprocal", 4},
  {"square", 1, kA, "x*x", "x*x", "x*x", {"2*x"}, nullptr, nullptr, nullptr, "square", 1},
  {"cbrt", 1, kF, kP, kNo, kNo, {"1/(3*r*r)"}, R1(std::cbrt(x)), nullptr, nullptr, nullptr, 60},
  {"pow", 2, kA, kP, kP, kP, {"where(y==0, 0, y*pow(x, y-1))", "pow_grad_exponent(x, y, r)"}, R2(std::pow(x, y)), I2(hm::int_pow(x, y)), C2(x == C(0) ? (y == C(0) ? C(1) : C(0)) : std::pow(x, y)), "pow", 60},
  {"pow_grad_exponent", 3, kF, "where((x==0) && (y>=0), 0, z*log(x))", kNo, "where(x==0, 0*z, z*log(x))", {"where((x==0) && (y>=0), 0, z/x)", "0", "where((x==0) && (y>=0), 0, log(x))"}, nullptr, nullptr, nullptr, nullptr, 20},
  {"exp", 1, kF, kP, kNo, kP, {"r"}, R1(std::exp(x)), nullptr, C1(std::exp(x)), "exp", 16},
  {"exp2", 1, kF, kP, kNo, "exp(complex(real(x)*M_LN2, imag(x)*M_LN2))", {"r*M_LN2"}, R1(std::exp2(x)), nullptr, nullptr, "exp2", 16},
  {"expm1", 1, kF, kP, kNo, "where(abs(x) < 1e-5, x + 0.5*x*x, exp(x) - 1)", {"r+1"}, R1(std::expm1(x)), nullptr, nullptr, "expm1", 24},
  {"log", 1, kF, kP, kNo, kP, {"1/x"}, R1(std::log(x)), nullptr, C1(std::log(x)), "log", 20},
  {"log2", 1, kF, kP, kNo, "complex(real(log(x))*M_LOG2E, imag(log(x))*M_LOG2E)", {"1/(x*M_LN2)"}, R1(std::log2(x)), nullptr, nullptr, "log2", 20},
  {"log10", 1, kF, kP, kNo, "complex(real(log(x))*M_LOG10E, imag(log(x))*M_LOG10E)", {"1/(x*M_LN10)"}, R1(std::log10(x)), nullptr, nullptr, "log10", 20},
  {"log1p", 1, kF, kP, kNo, "where(abs(x) < 1e-5, x - 0.5*x*x, log(complex(1 + real(x), imag(x))))", {"1/(x+1)"}, R1(std::log1p(x)), nullptr, nullptr, "log1p", 24},
  {"sigmoid", 1, kF, kP, kNo, "1/(1+exp(-x))", {"r*(1-r)"}, R1(1 / (1 + std::exp(-x))), nullptr, nullptr, "sigmoid", 24},
  {"softplus", 1, kF, "max(x, 0) + log1p(exp(-abs(x)))", kNo, "log(1+exp(x))", {"sigmoid(x)"}, nullptr, nullptr, nullptr, nullptr, 40},
  {"log_sigmoid", 1, kF, "min(x, 0) - log1p(exp(-abs(x)))", kNo, "-log(1+exp(-x))", {"sigmoid(-x)"}, nullptr, nullptr, nullptr, "log_sigmoid", 40},
  {"xlogy", 2, kF, "where(x == 0 && !isnan(y), 0, x*log(y))", kNo, kNo, {"where(x == 0 && y <= 0, 0, log(y))", "x/y"}, nullptr, nullptr, nullptr, "xlogy", 24},
  {"xlog1py", 2, kF, "where(x == 0 && !isnan(y), 0, x*log1p(y))", kNo, kNo, {"where(x == 0 && y <= -1, 0, log1p(y))", "x/(y+1)"}, nullptr, nullptr, nullptr, "special_xlog1py", 24},

  // Trigonometry.
  {"sin", 1, kF, kP, kNo, kP, {"cos(x)"}, R1(std::sin(x)), nullptr, C1(std::sin(x)), "sin", 24},
  {"cos", 1, kF, kP, kNo, kP, {"-sin(x)"}, R1(std::cos(x)), nullptr, C1(std::cos(x)), "cos", 24},
  {"tan", 1, kF, kP, kNo, kP, {"r*r+1"}, R1(std::tan(x)), nullptr, C1(std::tan(x)), "tan", 32},
  {"asin", 1, kF, kP, kNo, kP, {"rsqrt(1-x*x)"}, R1(std::asin(x)), nullptr, C1(std::asin(x)), "asin", 24},
  {"acos", 1, kF, kP, kNo, kP, {"-rsqrt(1-x*x)"}, R1(std::acos(x)), nullptr, C1(std::acos(x)), "acos", 24},
  {"atan", 1, kF, kP, kNo, kP, {"1/(x*x+1)"}, R1(std::atan(x)), nullptr, C1(std::atan(x)), "atan", 24},
  {"sinh", 1, kF, kP, kNo, kP, {"cosh(x)"}, R1(std::sinh(x)), nullptr, C1(std::sinh(x)), "sinh", 32},
  {"cosh", 1, kF, kP, kNo, kP, {"sinh(x)"}, R1(std::cosh(x)), nullptr, C1(std::cosh(x)), "cosh", 24},
  {"tanh", 1, kF, kP, kNo, kP, {"1-r*r"}, R1(std::tanh(x)), nullptr, C1(std::tanh(x)), "tanh", 24},
  {"asinh", 1, kF, kP, kNo, kP, {"rsqrt(x*x+1)"}, R1(std::asinh(x)), nullptr, C1(std::asinh(x)), "asinh", 32},
  // The real form is finite below -1, as PyTorch's; the complex form has acosh's branch.
  {"acosh_slope", 1, kF, "rsqrt((x-1)*(x+1))", kNo, "rsqrt(x-1)*rsqrt(x+1)", {"-x*r*r*r"}, nullptr, nullptr, nullptr, nullptr, 12},
  {"acosh", 1, kF, kP, kNo, kP, {"acosh_slope(x)"}, R1(std::acosh(x)), nullptr, C1(std::acosh(x)), "acosh", 32},
  {"atanh", 1, kF, kP, kNo, kP, {"1/(1-x*x)"}, R1(std::atanh(x)), nullptr, C1(std::atanh(x)), "atanh", 32},
  {"atan2", 2, kF, kP, kNo, kNo, {"y/(x*x+y*y)", "-x/(x*x+y*y)"}, R2(std::atan2(x, y)), nullptr, nullptr, "atan2", 40},
  {"hypot", 2, kF, kP, kNo, kNo, {"x/r", "y/r"}, R2(std::hypot(x, y)), nullptr, nullptr, "hypot", 16},
  // The series near zero avoids the cancellation of the closed form.
  {"sinc_slope", 1, kF, "u = M_PI*x; v = u*u; where(abs(u) < 0.1, M_PI*u*(-1.0/3 + v*(1.0/30 + v*(-1.0/840 + v*(1.0/45360)))), (u*cos(u) - sin(u))/(u*x))", kNo, "u = M_PI*x; v = u*u; where(abs(u) < 0.1, M_PI*u*(-1.0/3 + v*(1.0/30 + v*(-1.0/840 + v*(1.0/45360)))), (u*cos(u) - sin(u))/(u*x))", {"where(x == 0, -M_PI*M_PI/3, -M_PI*sin(M_PI*x)/x - 2*r/x)"}, nullptr, nullptr, nullptr, nullptr, 40},
  {"sinc", 1, kF, "n = round(x); h = 0.5*n; s = sin(M_PI*(x - n)); where(x == 0, 1, where(h == floor(h), s, -s)/(M_PI*x))", kNo, "where(x == 0, 1, sin(M_PI*x)/(M_PI*x))", {"sinc_slope(x)"}, nullptr, nullptr, nullptr, "sinc", 32},

  // Special functions.
  {"erf", 1, kF, kP, kNo, kNo, {"M_2_SQRTPI*exp(-x*x)"}, R1(std::erf(x)), nullptr, nullptr, "erf", 32},
  {"erfc", 1, kF, kP, kNo, kNo, {"-M_2_SQRTPI*exp(-x*x)"}, R1(std::erfc(x)), nullptr, nullptr, "erfc", 48},
  {"erfinv", 1, kF, kP, kNo, kNo, {"0.886226925452758014*exp(r*r)"}, R1(hm::erfinv(x)), nullptr, nullptr, "erfinv", 60, true},
  {"erfcx", 1, kF, kP, kNo, kNo, {"2*x*r - M_2_SQRTPI"}, R1(hm::erfcx(x)), nullptr, nullptr, "special_erfcx", 100, true},
  {"ndtr", 1, kF, kP, kNo, kNo, {"0.3989422804014327*exp(-0.5*x*x)"}, R1(hm::ndtr(x)), nullptr, nullptr, "special_ndtr", 100, true},
  {"ndtri", 1, kF, kP, kNo, kNo, {"2.5066282746310002*exp(0.5*r*r)"}, R1(hm::ndtri(x)), nullptr, nullptr, "special_ndtri", 100, true},
  {"log_ndtr", 1, kF, kP, kNo, kNo, {"0.79788456080286541/erfcx(-x*M_SQRT1_2)"}, R1(hm::log_ndtr(x)), nullptr, nullptr, "special_log_ndtr", 100, true},
  {"lgamma", 1, kF, kP, kNo, kNo, {"digamma(x)"}, R1(hm::lgamma(x)), nullptr, nullptr, "lgamma", 100, true},
  {"digamma", 1, kF, kP, kNo, kNo, {"trigamma(x)"}, R1(hm::digamma(x)), nullptr, nullptr, "digamma", 100, true},
  {"trigamma", 1, kF, kP, kNo, kNo, {"polygamma(2, x)"}, R1(hm::trigamma(x)), nullptr, nullptr, nullptr, 100, true},
  {"polygamma", 2, kF, kP, kNo, kNo, {nullptr, "polygamma(x+1, y)"}, R2(hm::polygamma(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"zeta", 2, kF, kP, kNo, kNo, {nullptr, "-x*zeta(x+1, y)"}, R2(hm::zeta(x, y)), nullptr, nullptr, "special_zeta", 100, true},
  {"igamma", 2, kF, kP, kNo, kNo, {nullptr, "exp((x-1)*log(y) - y - lgamma(x))"}, R2(hm::igamma(x, y)), nullptr, nullptr, "igamma", 200, true},
  {"igammac", 2, kF, kP, kNo, kNo, {nullptr, "-exp((x-1)*log(y) - y - lgamma(x))"}, R2(hm::igammac(x, y)), nullptr, nullptr, "igammac", 200, true},
  {"i0", 1, kF, kP, kNo, kNo, {"i1(x)"}, R1(hm::i0(x)), nullptr, nullptr, "i0", 100, true},
  {"i0e", 1, kF, kP, kNo, kNo, {"i1e(x) - sign(x)*r"}, R1(hm::i0e(x)), nullptr, nullptr, "special_i0e", 100, true},
  {"i1", 1, kF, kP, kNo, kNo, {"where(abs(x) < 1e-10, 0.5, i0(x) - r/where(abs(x) < 1e-10, 1, x))"}, R1(hm::i1(x)), nullptr, nullptr, "special_i1", 100, true},
  {"i1e", 1, kF, kP, kNo, kNo, {"where(abs(x) < 1e-10, 0.5, i0e(x) - r*(sign(x) + 1/where(abs(x) < 1e-10, 1, x)))"}, R1(hm::i1e(x)), nullptr, nullptr, "special_i1e", 100, true},
  {"k0", 1, kF, kP, kNo, kNo, {"-k1(x)"}, R1(hm::k0(x)), nullptr, nullptr, "special_modified_bessel_k0", 100, true},
  {"k0e", 1, kF, kP, kNo, kNo, {"r - k1e(x)"}, R1(hm::k0e(x)), nullptr, nullptr, "special_scaled_modified_bessel_k0", 100, true},
  {"k1", 1, kF, kP, kNo, kNo, {"-k0(x) - r/x"}, R1(hm::k1(x)), nullptr, nullptr, "special_modified_bessel_k1", 100, true},
  {"k1e", 1, kF, kP, kNo, kNo, {"r*(1 - 1/x) - k0e(x)"}, R1(hm::k1e(x)), nullptr, nullptr, "special_scaled_modified_bessel_k1", 100, true},
  {"bessel_j0", 1, kF, kP, kNo, kNo, {"-bessel_j1(x)"}, R1(hm::bessel_j0(x)), nullptr, nullptr, "special_bessel_j0", 100, true},
  {"bessel_j1", 1, kF, kP, kNo, kNo, {"where(x == 0, 0.5, bessel_j0(x) - r/where(x == 0, 1, x))"}, R1(hm::bessel_j1(x)), nullptr, nullptr, "special_bessel_j1", 100, true},
  {"bessel_y0", 1, kF, kP, kNo, kNo, {"-bessel_y1(x)"}, R1(hm::bessel_y0(x)), nullptr, nullptr, "special_bessel_y0", 100, true},
  {"bessel_y1", 1, kF, kP, kNo, kNo, {"where(x == 0, -r, bessel_y0(x) - r/x)"}, R1(hm::bessel_y1(x)), nullptr, nullptr, "special_bessel_y1", 100, true},
  {"spherical_j0", 1, kF, kP, kNo, kNo, {nullptr}, R1(hm::spherical_j0(x)), nullptr, nullptr, "special_spherical_bessel_j0", 60, true},
  {"airy_ai", 1, kF, kP, kNo, kNo, {nullptr}, R1(hm::airy_ai(x)), nullptr, nullptr, "special_airy_ai", 100, true},
  // Orthogonal polynomials of x; the degree y is truncated to an integer, negative ones give 0.
  {"chebyshev_t", 2, kF, kP, kNo, kNo, {}, R2(hm::chebyshev_t(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"chebyshev_u", 2, kF, kP, kNo, kNo, {}, R2(hm::chebyshev_u(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"chebyshev_v", 2, kF, kP, kNo, kNo, {}, R2(hm::chebyshev_v(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"chebyshev_w", 2, kF, kP, kNo, kNo, {}, R2(hm::chebyshev_w(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"shifted_chebyshev_t", 2, kF, kP, kNo, kNo, {}, R2(hm::shifted_chebyshev_t(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"shifted_chebyshev_u", 2, kF, kP, kNo, kNo, {}, R2(hm::shifted_chebyshev_u(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"shifted_chebyshev_v", 2, kF, kP, kNo, kNo, {}, R2(hm::shifted_chebyshev_v(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"shifted_chebyshev_w", 2, kF, kP, kNo, kNo, {}, R2(hm::shifted_chebyshev_w(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"hermite_h", 2, kF, kP, kNo, kNo, {}, R2(hm::hermite_h(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"hermite_he", 2, kF, kP, kNo, kNo, {}, R2(hm::hermite_he(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"laguerre_l", 2, kF, kP, kNo, kNo, {}, R2(hm::laguerre_l(x, y)), nullptr, nullptr, nullptr, 100, true},
  {"legendre_p", 2, kF, kP, kNo, kNo, {}, R2(hm::legendre_p(x, y)), nullptr, nullptr, nullptr, 100, true},

  // Number theory, and the parts of a floating-point number.
  {"gcd", 2, kA, kNo, kP, kNo, {}, nullptr, I2(hm::gcd(x, y)), nullptr, nullptr, 60, true},
  {"lcm", 2, kA, kNo, kP, kNo, {}, nullptr, I2(hm::lcm(x, y)), nullptr, nullptr, 60, true},
  {"frexp_mantissa", 1, kF, kP, kNo, kNo, {nullptr}, R1(hm::frexp_mantissa(x)), nullptr, nullptr, nullptr, 10, true},
  {"frexp_exponent", 1, kF, kP, kNo, kNo, {"0"}, R1(hm::frexp_exponent(x)), nullptr, nullptr, nullptr, 10, true},

  // Division with rounding, minima, clamps.
  {"fmod", 2, kA, kP, kP, kNo, {"1", "-truncdiv(x, y)"}, R2(std::fmod(x, y)), I2(hm::int_fmod(x, y)), nullptr, "fmod", 40},
  {"remainder", 2, kA, kP, kP, kNo, {"1", "-floordiv(x, y)"}, R2(hm::remainder(x, y)), I2(hm::int_remainder(x, y)), nullptr, "remainder", 40},
  {"floordiv", 2, kA, kP, kP, kNo, {"0", "0"}, R2(hm::floordiv(x, y)), I2(hm::int_floordiv(x, y)), nullptr, "floor_divide", 40},
  {"truncdiv", 2, kA, "trunc(x/y)", kP, kNo, {"0", "0"}, nullptr, I2(hm::int_truncdiv(x, y)), nullptr, nullptr, 6},
  {"max", 2, kA, kP, kP, kNo, {"where(x == y, 0.5, where(x < y, 0, 1))", "where(x == y, 0.5, where(y < x, 0, 1))"}, R2(hm::maximum(x, y)), I2(x > y ? x : y), nullptr, "maximum", 2},
  {"min", 2, kA, kP, kP, kNo, {"where(x == y, 0.5, where(x > y, 0, 1))", "where(x == y, 0.5, where(y > x, 0, 1))"}, R2(hm::minimum(x, y)), I2(x < y ? x : y), nullptr, "minimum", 2},
  {"fmax", 2, kA, "where(isnan(y) || x >= y, x, y)", "max(x, y)", kNo, {"where((x >= y) || isnan(y), 1, 0)", "where((x >= y) || isnan(y), 0, 1)"}, nullptr, nullptr, nullptr, "fmax", 3},
  {"fmin", 2, kA, "where(isnan(y) || x <= y, x, y)", "min(x, y)", kNo, {"where((x <= y) || isnan(y), 1, 0)", "where((x <= y) || isnan(y), 0, 1)"}, nullptr, nullptr, nullptr, "fmin", 3},
  {"clamp", 3, kA, "min(max(x, y), z)", "min(max(x, y), z)", kNo, {"where(x >= y && x <= z, 1, 0)", "where(y < z && x < y, 1, 0)", "where(x > z || z < y, 1, 0)"}, nullptr, nullptr, nullptr, "clamp", 2},
  {"clamp_min", 2, kA, "max(x, y)", "max(x, y)", kNo, {"where(x >= y, 1, 0)", "where(x < y, 1, 0)"}, nullptr, nullptr, nullptr, "clamp_min", 1},
  {"clamp_max", 2, kA, "min(x, y)", "min(x, y)", kNo, {"where(x <= y, 1, 0)", "where(x > y, 1, 0)"}, nullptr, nullptr, nullptr, "clamp_max", 1},
  {"relu", 1, kA, "max(x, 0)", "max(x, 0)", kNo, {"where(x <= 0, 0, 1)"}, nullptr, nullptr, nullptr, "relu", 1},
  {"heaviside", 2, kA, "where(x == 0, y, where(x < 0 || isnan(x), 0, 1))", "where(x == 0, y, where(x < 0, 0, 1))", kNo, {}, nullptr, nullptr, nullptr, "heaviside", 3},

  // Tests.
  {"isnan", 1, kT, "x != x", "false", "isnan(real(x)) || isnan(imag(x))", {"0"}, nullptr, nullptr, nullptr, "isnan", 1},
  {"isinf", 1, kT, "abs(x) == inf", "false", "isinf(real(x)) || isinf(imag(x))", {"0"}, nullptr, nullptr, nullptr, "isinf", 1},
  {"isfinite", 1, kT, "abs(x) < inf", "true", "isfinite(real(x)) && isfinite(imag(x))", {"0"}, nullptr, nullptr, nullptr, "isfinite", 1},
  {"signbit", 1, kT, kP, "x < 0", kNo, {"0"}, R1(std::signbit(x)), nullptr, nullptr, "signbit", 1},

  // Complex parts.
  {"conj", 1, kA, "x", "x", kP, {nullptr}, nullptr, nullptr, C1(std::conj(x)), "conj", 1},
  {"real", 1, kTR, "x", "x", kP, {nullptr}, nullptr, nullptr, C1(C(x.real())), "real", 0},
  {"imag", 1, kTR, "0*x", "0*x", kP, {nullptr}, nullptr, nullptr, C1(C(x.imag())), "imag", 0},
  {"arg", 1, kTR, "where(isnan(x), x, where(x < 0, M_PI, 0))", kNo, "atan2(imag(x), real(x))", {"0"}, nullptr, nullptr, nullptr, "angle", 20},
  {"complex", 2, kX, kNo, kNo, kP, {nullptr, nullptr}, nullptr, nullptr, nullptr, "complex", 1},
};
// clang-format on

#undef R1
#undef R2
#undef I1
#undef I2
#undef C1
#undef C2

constexpr size_t kCount = sizeof(kTable) / sizeof(kTable[0]);

}  // namespace

FunctionId function_count() { return static_cast<FunctionId>(kCount); }
const FunctionInfo& function_info(FunctionId id) { return kTable[id]; }

int find_function(std::string_view name) {
  if (name.empty() || name[0] == '$') return -1;
  for (size_t i = 0; i < kCount; ++i)
    if (name == kTable[i].name) return static_cast<int>(i);
  return -1;
}

}  // namespace rustorch::expr
