// Scalar reference implementations in double of the special functions that <cmath> lacks.
//
// Used by the interpreter, by constant folding, and by the CPU kernels for functions without a vector form.
// Pure functions; thread-safe.
#pragma once
#include <cstdint>

namespace rustorch::host_math {

// Gamma functions (special_gamma.cc, special_igamma.cc).
double lgamma(double x);    // log |Gamma(x)|, thread-safe
double digamma(double x);   // psi(x); nan at negative integers, -inf at +0
double trigamma(double x);  // psi'(x)
/// Polygamma of order n (truncated to an integer): (-1)^(n+1) n! zeta(n+1, x) for n >= 2.
double polygamma(double n, double x);
/// Hurwitz zeta function sum 1/(q+k)^x, x > 1 (Euler-Maclaurin).
double zeta(double x, double q);
/// Regularized incomplete gamma functions P(a, x) and Q(a, x).
double igamma(double a, double x);
double igammac(double a, double x);

// Error functions (special_error.cc).
double erfinv(double x);
double erfcx(double x);  // exp(x^2) erfc(x)
double ndtr(double x);   // distribution function of the standard normal distribution
double ndtri(double p);  // its inverse
double log_ndtr(double x);

// Bessel functions (special_bessel.cc): I, exp(-|x|) I, K, exp(x) K, J, Y of orders 0 and 1; sin(x)/x; Ai.
double i0(double x);
double i0e(double x);
double i1(double x);
double i1e(double x);
double k0(double x);
double k0e(double x);
double k1(double x);
double k1e(double x);
double bessel_j0(double x);
double bessel_j1(double x);
double bessel_y0(double x);
double bessel_y1(double x);
double spherical_j0(double x);
double airy_ai(double x);

// Orthogonal polynomials of x, the degree truncated to an integer (special_polynomial.cc). Degrees below 0
// give 0.
double chebyshev_t(double x, double degree);
double chebyshev_u(double x, double degree);
double chebyshev_v(double x, double degree);
double chebyshev_w(double x, double degree);
double shifted_chebyshev_t(double x, double degree);  // of 2x - 1
double shifted_chebyshev_u(double x, double degree);
double shifted_chebyshev_v(double x, double degree);
double shifted_chebyshev_w(double x, double degree);
double hermite_h(double x, double degree);
double hermite_he(double x, double degree);
double laguerre_l(double x, double degree);
double legendre_p(double x, double degree);

double sign(double x);                 // -1, 0, 1; 0 for nan, as in PyTorch
double remainder(double x, double y);  // Python's %: sign of the divisor
double floordiv(double x, double y);   // floor division as in PyTorch (nan, inf, signed zeros included)
double maximum(double x, double y);    // nan if either is nan
double minimum(double x, double y);
double round_even(double x);

int64_t int_floordiv(int64_t x, int64_t y);  // 0 when y == 0 (the caller reports it)
int64_t int_remainder(int64_t x, int64_t y);
int64_t int_truncdiv(int64_t x, int64_t y);
int64_t int_fmod(int64_t x, int64_t y);
int64_t gcd(int64_t x, int64_t y);      // of the absolute values
int64_t lcm(int64_t x, int64_t y);      // not negative unless it wraps; 0 when an operand is 0
double frexp_mantissa(double x);        // in [0.5, 1); 0, infinities and nan stay
double frexp_exponent(double x);        // 0 for those
int64_t int_pow(int64_t x, int64_t y);  // wraps; negative exponents give 0, 1 or -1

}  // namespace rustorch::host_math
