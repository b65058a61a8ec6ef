// Scalar reference implementations in double of the special functions that <cmath> lacks.
//
// Used by the interpreter, by constant folding, and by the CPU kernels for functions without a vector form.
// Pure functions; thread-safe.
#pragma once
#include <cstdint>

namespace rustorch::host_math {

double lgamma(double x);    // log |Gamma(x)|, thread-safe
double digamma(double x);   // psi(x); nan at negative integers, -inf at +0
double trigamma(double x);  // psi'(x)
/// Polygamma of order n >= 2: (-1)^(n+1) n! zeta(n+1, x).
double polygamma(int64_t n, double x);
/// Hurwitz zeta function sum 1/(q+k)^x, x > 1 (Cephes' Euler-Maclaurin scheme).
double zeta(double x, double q);
double erfinv(double x);
double i0(double x);
double i0e(double x);
double i1(double x);
double i1e(double x);
/// Inverse of the standard normal distribution function.
double ndtri(double p);
double log_ndtr(double x);
double erfcx(double x);
double bessel_j0(double x);
double bessel_j1(double x);
double bessel_y0(double x);
double bessel_y1(double x);

double sign(double x);                 // -1, 0, 1; 0 for nan, as in PyTorch
double remainder(double x, double y);  // Python's %: sign of the divisor
double floordiv(double x, double y);   // floor division as in PyTorch (nan, inf, signed zeros included)
double truncdiv(double x, double y);   // trunc(x / y)
double maximum(double x, double y);    // nan if either is nan
double minimum(double x, double y);
double round_even(double x);

int64_t int_floordiv(int64_t x, int64_t y);  // 0 when y == 0 (the caller reports it)
int64_t int_remainder(int64_t x, int64_t y);
int64_t int_truncdiv(int64_t x, int64_t y);
int64_t int_fmod(int64_t x, int64_t y);
int64_t int_pow(int64_t x, int64_t y);  // wraps; negative exponents give 0, 1 or -1

}  // namespace rustorch::host_math
