// ln|gamma(x)| of one number. std::lgamma writes the sign to a global of the C library (signgam), for which
// threads race, whether anybody reads it or not.
#pragma once
#include <math.h>

namespace rustorch {

inline double log_gamma(double x) {
#if defined(__GLIBC__) || defined(__APPLE__) || defined(__FreeBSD__) || defined(__EMSCRIPTEN__)
  int sign = 0;
  return ::lgamma_r(x, &sign);
#else
  return ::lgamma(x);  // these C libraries have no such global, or one for each thread
#endif
}

}  // namespace rustorch
