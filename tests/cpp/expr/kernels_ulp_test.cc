// Accuracy of the vector functions, in units of the last place against a wider libm, on every instruction
// set.
#include "backend/cpu/simd/targets.h"
// (before any Highway header)
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstring>
#include <random>

#include <hwy/highway.h>

#include "gen/test_kernels_table.h"

namespace rustorch {
using namespace test_kernels;  // NOLINT
namespace {

using Wide = long double;

struct Unary {
  const char* name;
  Wide (*f)(Wide);
  double float_ulp, double_ulp;
};
struct Binary {
  const char* name;
  Wide (*f)(Wide, Wide);
  double float_ulp, double_ulp;
};

#define RT_F(name) [](Wide x) -> Wide { return std::name(x); }
const Unary kUnary[] = {
    {"exp", RT_F(exp), 1.01, 1.2},  {"exp2", RT_F(exp2), 1, 1.2},
    {"expm1", RT_F(expm1), 2, 2},   {"log", RT_F(log), 1, 1},
    {"log2", RT_F(log2), 0.6, 2},   {"log10", RT_F(log10), 0.6, 2},
    {"log1p", RT_F(log1p), 2, 2},   {"sin", RT_F(sin), 2, 2},
    {"cos", RT_F(cos), 2, 2},       {"tan", RT_F(tan), 0.6, 4},
    {"asin", RT_F(asin), 0.6, 2.5}, {"acos", RT_F(acos), 0.6, 2},
    {"atan", RT_F(atan), 0.6, 1},   {"sinh", RT_F(sinh), 0.6, 3},
    {"cosh", RT_F(cosh), 0.6, 3},   {"tanh", RT_F(tanh), 2, 3},
    {"asinh", RT_F(asinh), 0.6, 3}, {"acosh", RT_F(acosh), 0.6, 3},
    {"atanh", RT_F(atanh), 0.6, 3}, {"erf", RT_F(erf), 2, 2},
    {"erfc", RT_F(erfc), 0.6, 4},   {"cbrt", RT_F(cbrt), 0.6, 4},
    {"sqrt", RT_F(sqrt), 0.5, 0.5}, {"sigmoid", [](Wide x) -> Wide { return 1 / (1 + std::exp(-x)); }, 2, 2},
};
#undef RT_F
#define RT_F(name) [](Wide x, Wide y) -> Wide { return std::name(x, y); }
const Binary kBinary[] = {
    {"pow", RT_F(pow), 0.6, 2},
    {"atan2", RT_F(atan2), 0.6, 2.5},
    {"hypot", RT_F(hypot), 0.6, 2},
    {"fmod", RT_F(fmod), 0, 0},
};
#undef RT_F

// Distance of got from want in units of the last place of T at want; huge when they differ in kind.
template <class T>
double ulps(T got, Wide want) {
  T rounded = static_cast<T>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e30;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e30;
  if (std::isnan(got)) return 1e30;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(rounded) ? 0 : 1e30;
  int e;
  std::frexp(want, &e);
  int low = std::numeric_limits<T>::min_exponent, digits = std::numeric_limits<T>::digits;
  return static_cast<double>(std::fabs(static_cast<Wide>(got) - want) /
                             std::ldexp(Wide(1), std::max(e, low) - digits));
}

template <class T>
std::vector<T> samples(int count, uint32_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<T> x = {0.0,
                      -0.0,
                      1,
                      -1,
                      INFINITY,
                      -INFINITY,
                      NAN,
                      T(0.5),
                      -T(0.5),
                      2,
                      -2,
                      3,
                      std::numeric_limits<T>::min(),
                      std::numeric_limits<T>::denorm_min(),
                      -std::numeric_limits<T>::denorm_min(),
                      std::numeric_limits<T>::max(),
                      std::numeric_limits<T>::lowest(),
                      std::numeric_limits<T>::epsilon()};
  while (static_cast<int>(x.size()) < count) {
    uint64_t r = rng();
    T v;
    if (x.size() % 4 == 0) {  // any bit pattern
      std::memcpy(&v, &r, sizeof(T));
    } else {  // spread over the usual magnitudes
      double m = 1 + static_cast<double>(r >> 12) / 4503599627370496.0;
      v = static_cast<T>(std::ldexp(r & 1 ? -m : m, static_cast<int>((r >> 1) % 30) - 20));
    }
    x.push_back(v);
  }
  return x;
}

template <class T>
void run(const char* name, const std::vector<T>* const* ins, int nin, std::vector<T>& out) {
  const KernelInfo* k = find_kernel((std::string("u_") + name).c_str());
  ASSERT_NE(k, nullptr) << name;
  const void* in[2] = {ins[0]->data(), nin > 1 ? ins[1]->data() : nullptr};
  void* o[1] = {out.data()};
  k->fn[sizeof(T) == 4 ? 0 : 1](o, in, static_cast<int64_t>(out.size()), nullptr, 0);
}

template <class T>
void check(const char* name, const std::vector<T>& x, const std::vector<T>* y, const std::vector<Wide>& want,
           double limit) {
  std::vector<T> out(x.size());
  const std::vector<T>* ins[2] = {&x, y};
  run(name, ins, y ? 2 : 1, out);
  double worst = 0;
  size_t at = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    double u = ulps(out[k], want[k]);
    if (!(u <= worst)) worst = u, at = k;
  }
  // The scalar target is libm in the type itself.
  const int64_t target = hwy::SupportedTargets();
  if (limit > 0 && (target & (HWY_SCALAR | HWY_EMU128)) == target) limit = std::max(limit, 2.5);
  EXPECT_LE(worst, limit) << name << (sizeof(T) == 4 ? " float" : " double") << " at " << x[at] << " "
                          << (y ? (*y)[at] : T(0)) << ": got " << out[at] << " want " << want[at];
  if (std::getenv("RUSTORCH_TEST_PRINT_ULPS"))
    std::printf("%-6s %-6s %.2f ulp at %.9g\n", name, sizeof(T) == 4 ? "float" : "double", worst,
                double(x[at]));
}

template <class F>
void on_every_target(F f) {
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    int64_t target = left & -left;
    if (target & HWY_DISABLED_TARGETS) continue;
    hwy::SetSupportedTargetsForTest(target);
    reset_kernel_table_for_test();
    SCOPED_TRACE(hwy::TargetName(target));
    f();
    hwy::SetSupportedTargetsForTest(0);
  }
  reset_kernel_table_for_test();
}

template <class T>
void check_unary(int count) {
  std::vector<T> x = samples<T>(count, 7);
  for (const Unary& u : kUnary) {
    std::vector<Wide> want;
    for (T v : x) want.push_back(u.f(v));
    // 1 / (1 + exp(-x)) underflows early in T, as PyTorch's does.
    if (!std::strcmp(u.name, "sigmoid"))
      for (size_t k = 0; k < x.size(); ++k)
        if (x[k] < (sizeof(T) == 4 ? -88 : -709)) want[k] = 0, x[k] = -INFINITY;
    on_every_target([&] {
      check(u.name, x, static_cast<const std::vector<T>*>(nullptr), want,
            sizeof(T) == 4 ? u.float_ulp : u.double_ulp);
    });
  }
}
template <class T>
void check_binary(int count) {
  std::vector<T> x = samples<T>(count, 7), y = samples<T>(count, 8);
  // All pairs of special values, and pairs whose power stays in range.
  for (size_t k = 0; k < 18 * 18; ++k) x[100 + k] = x[k % 18], y[100 + k] = y[k / 18];
  for (size_t k = 1000; k < x.size(); k += 2) {
    x[k] = std::fabs(x[k]);
    T l = std::fabs(std::log(x[k]));
    if (l > 0 && std::isfinite(l)) y[k] = static_cast<T>(std::fmod(y[k], (sizeof(T) == 4 ? 87 : 708) / l));
    if (std::isnan(y[k])) y[k] = 1;
  }
  for (const Binary& b : kBinary) {
    std::vector<Wide> want;
    for (size_t k = 0; k < x.size(); ++k) want.push_back(b.f(x[k], y[k]));
    on_every_target([&] { check(b.name, x, &y, want, sizeof(T) == 4 ? b.float_ulp : b.double_ulp); });
  }
}

// ---- dense sweeps of float

struct FloatUnary {
  const char* name;
  double (*f)(double);
};
#define RT_F(name)                                         \
  {                                                        \
#name, [](double x) -> double { return std::name(x); } \
  }
const FloatUnary kFloatUnary[] = {
    RT_F(exp),
    RT_F(exp2),
    RT_F(expm1),
    RT_F(log),
    RT_F(log2),
    RT_F(log10),
    RT_F(log1p),
    RT_F(sin),
    RT_F(cos),
    RT_F(tan),
    RT_F(asin),
    RT_F(acos),
    RT_F(atan),
    RT_F(sinh),
    RT_F(cosh),
    RT_F(tanh),
    RT_F(asinh),
    RT_F(acosh),
    RT_F(atanh),
    RT_F(erf),
    RT_F(erfc),
    RT_F(cbrt),
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
};
#undef RT_F

// ulps() for float against double, without its calls.
double float_ulps(float got, double want) {
  const float rounded = static_cast<float>(want);
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e30;
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0 : 1e30;
  if (std::isnan(got)) return 1e30;
  if (want == 0) return got == 0 && std::signbit(got) == std::signbit(rounded) ? 0 : 1e30;
  uint64_t bits;
  std::memcpy(&bits, &want, sizeof(bits));
  const int e =
      std::max(static_cast<int>(bits >> 52 & 0x7ff) - 1022, std::numeric_limits<float>::min_exponent);
  const uint64_t inverse = static_cast<uint64_t>(1023 + 24 - e) << 52;  // 2^(24 - e)
  double scale;
  std::memcpy(&scale, &inverse, sizeof(scale));
  return std::fabs(static_cast<double>(got) - want) * scale;
}

// Every 5003rd of all bit patterns, and all values within 300 of the places where the functions change over.
std::vector<float> dense_floats() {
  std::vector<float> x;
  const auto add = [&](uint32_t bits) {
    float v;
    std::memcpy(&v, &bits, sizeof(v));
    x.push_back(v);
  };
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 5003) add(static_cast<uint32_t>(bits));
  for (float edge : {0.0f,
                     0.25f,
                     0.3465736f,
                     0.5f,
                     0.625f,
                     0.70710678f,
                     0.78539816f,
                     0.84375f,
                     0.92773438f,
                     1.0f,
                     1.0397208f,
                     1.25f,
                     1.41421356f,
                     1.5707963f,
                     2.0f,
                     3.1415927f,
                     4.5f,
                     10.0f,
                     22.0f,
                     87.33655f,
                     88.0f,
                     88.72284f,
                     89.0f,
                     103.97208f,
                     104.0f,
                     126.0f,
                     128.0f,
                     149.0f,
                     151.0f,
                     1e5f,
                     1.17549435e-38f,
                     std::numeric_limits<float>::infinity()}) {
    uint32_t bits;
    std::memcpy(&bits, &edge, sizeof(bits));
    for (uint32_t k = 0; k < 600; ++k) {
      add(bits - 300 + k);
      add((bits - 300 + k) ^ 0x80000000u);
    }
  }
  return x;
}

TEST(SimdAccuracy, FloatDense) {
  const std::vector<float> x = dense_floats();
  std::vector<float> out(x.size());
  std::vector<double> want(x.size());
  const bool print = std::getenv("RUSTORCH_TEST_PRINT_ULPS") != nullptr;
  for (const FloatUnary& f : kFloatUnary) {
    double limit = 0;
    for (const Unary& u : kUnary) {
      if (!std::strcmp(u.name, f.name)) limit = u.float_ulp;
    }
    ASSERT_GT(limit, 0) << f.name;
    for (size_t k = 0; k < x.size(); ++k) want[k] = f.f(x[k]);
    on_every_target([&] {
      const std::vector<float>* in[2] = {&x, nullptr};
      run(f.name, in, 1, out);
      double worst = 0;
      size_t at = 0;
      for (size_t k = 0; k < x.size(); ++k) {
        // 1 / (1 + exp(-x)) underflows early, as PyTorch's does.
        if (x[k] < -87 && out[k] == 0 && !std::strcmp(f.name, "sigmoid")) continue;
        const double u = float_ulps(out[k], want[k]);
        if (!(u <= worst)) worst = u, at = k;
      }
      const int64_t target = hwy::SupportedTargets();
      const bool scalar = (target & (HWY_SCALAR | HWY_EMU128)) == target;
      EXPECT_LE(worst, scalar ? std::max(limit, 2.5) : limit)
          << f.name << " at " << x[at] << ": got " << out[at] << " want " << want[at];
      if (print) std::printf("%-7s dense %.3f ulp at %.9g\n", f.name, worst, static_cast<double>(x[at]));
    });
  }
}

TEST(SimdAccuracy, Float) {
  check_unary<float>(60000);
  check_binary<float>(20000);
}

TEST(SimdAccuracy, Double) {
  if (std::numeric_limits<Wide>::digits <= 53) GTEST_SKIP() << "no wider type to compare with";
  check_unary<double>(40000);
  check_binary<double>(20000);
}

TEST(SimdAccuracy, LargeTrigonometricArguments) {
  std::vector<float> x = {1e4f, 99999.9f, 1e5f, 100001.f, 1e10f, 1e30f, 3.4e38f, -1e7f, 22.0f, 710.0f};
  std::vector<Wide> want;
  for (float v : x) want.push_back(std::sin(static_cast<Wide>(v)));
  on_every_target([&] { check<float>("sin", x, nullptr, want, 2); });
}

TEST(SimdAccuracy, ExactPowers) {
  on_every_target([] {
    std::vector<double> x, out(40), two(40, 2.0), y;
    std::vector<Wide> want;
    for (int k = 0; k < 40; ++k)
      x.push_back(std::ldexp(1.0, k - 20)), y.push_back(k - 20), want.push_back(k - 20);
    check<double>("log2", x, nullptr, want, 0);
    std::vector<Wide> powers(x.begin(), x.end());
    check<double>("exp2", y, nullptr, powers, 0);
    check<double>("pow", two, &y, powers, 0);
    std::vector<float> tens, ftwo(40, 2.0f), fy(y.begin(), y.end());
    std::vector<Wide> exponents;
    for (int k = 0; k <= 10; ++k) tens.push_back(static_cast<float>(std::pow(10, k))), exponents.push_back(k);
    check<float>("log10", tens, nullptr, exponents, 0);
    check<float>("pow", ftwo, &fy, powers, 0);
  });
}

}  // namespace
}  // namespace rustorch
