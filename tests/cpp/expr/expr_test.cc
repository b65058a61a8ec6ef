// Parser, typing, simplification, interpreter and derivatives of the expression language.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expr/host_math.h"
#include "expr/program.h"
#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

Program make(const std::string& formula, const std::string& operands = "x:T y:T z:T",
             const std::string& out = "T", const std::string& types = "f32 f64 i32 i64 c64 c128") {
  return parse_request("kernel t\nin " + operands + "\nout " + out + "\ntypes " + types + "\nexpr " +
                       formula + "\n");
}

double real(const std::string& formula, double x = 0, double y = 0, double z = 0) {
  TypedProgram t = elaborate(make(formula), ComputeType::f64);
  return interpret(t, {Value::real(x), Value::real(y), Value::real(z)}, {})[0].r;
}
int64_t integer(const std::string& formula, int64_t x = 0, int64_t y = 0,
                ComputeType type = ComputeType::i64) {
  TypedProgram t = elaborate(make(formula), type);
  return interpret(t, {Value::integer(x), Value::integer(y), Value::integer(0)}, {})[0].i;
}
std::complex<double> complex(const std::string& formula, std::complex<double> x,
                             std::complex<double> y = {}) {
  TypedProgram t = elaborate(make(formula), ComputeType::c128);
  return interpret(t, {Value::complex(x), Value::complex(y), Value::complex({})}, {})[0].c;
}
size_t node_count(const std::string& formula) {
  TypedProgram t = elaborate(make(formula), ComputeType::f64);
  return reachable(t.graph, t.roots).size();
}

TEST(ExprParse, PrecedenceIsThatOfC) {
  EXPECT_EQ(real("1+2*3-4/2"), 5);
  EXPECT_EQ(real("-x*x", 3), -9);
  EXPECT_EQ(real("x < y ? 1 : x > y ? 2 : 3", 2, 1), 2);
  EXPECT_EQ(integer("1 + 2 << 3 | 1"), 25);
  EXPECT_EQ(integer("~x & 6 ^ 3", 2), (~2 & 6) ^ 3);
  EXPECT_EQ(real("x > 0 && !(y > 0) || z > 0 ? 1 : 0", 1, -1, 0), 1);
  EXPECT_EQ(real("a = x + 1; b = a * a; b - a", 2), 6);
  EXPECT_EQ(real("1e-3 + .5 + 0x10"), 16.501);
}

TEST(ExprParse, OperandsHideConstants) {
  Program p = parse_request("kernel t\nin x:T\nparam nan:T\nout T\ntypes f64 i32\nexpr x + nan\n");
  EXPECT_EQ(interpret(elaborate(p, ComputeType::f64), {Value::real(1)}, {Value::real(2)})[0].r, 3);
  EXPECT_EQ(real("M_PI"), M_PI);
}

TEST(ExprParse, ErrorsNameTheProblem) {
  for (const char* bad : {"", "1 +", "foo(x)", "x)", "sin(x, y)", "q", "d(x*x, 3)", "(x", "1..2", "floor()",
                          "d(nextafter(x,y), x)"})
    EXPECT_THROW(real(bad), RusTorchError) << bad;
  EXPECT_THROW(integer("x / y"), RusTorchError);
  EXPECT_THROW(integer("x * 0.5"), RusTorchError);
  EXPECT_THROW(complex("x < y", 1), RusTorchError);
  EXPECT_THROW(parse_request("kernel a\nin x:T\nout T\ntypes f32\n"), RusTorchError);
  EXPECT_THROW(parse_request("kernel a\nin x:Q\nout T\ntypes f32\nexpr x\n"), RusTorchError);
  EXPECT_THROW(parse(std::string(100000, '(')), RusTorchError);
  EXPECT_THROW(parse(std::string(100000, '-') + "1"), RusTorchError);
}

TEST(ExprSimplify, SharesAndFolds) {
  EXPECT_EQ(node_count("(x+y)*(x+y)"), 4u);
  EXPECT_EQ(node_count("x*1 + 0*2.5 - 0"), 3u);  // x + 0 stays: it turns -0 into +0
  EXPECT_EQ(node_count("x*1 - 0"), 1u);
  EXPECT_EQ(node_count("2*3+4"), 1u);
  EXPECT_EQ(node_count("pow(x, 2)"), 2u);
  EXPECT_EQ(node_count("conj(x)"), 1u);
  EXPECT_EQ(node_count("-(-x)"), 1u);
  EXPECT_TRUE(std::isnan(real("x*0", NAN)));
  EXPECT_EQ(real("d(3*y, x)", NAN), 0);  // the zero of a constant's derivative is a true zero
  TypedProgram a = elaborate(make("x*y+1"), ComputeType::f32),
               b = elaborate(make("1.0+1*(y*x)"), ComputeType::f32);
  TypedProgram c = elaborate(make("x*y+1"), ComputeType::f32);
  EXPECT_EQ(structural_hash(a.graph, a.roots), structural_hash(c.graph, c.roots));
  EXPECT_NE(structural_hash(a.graph, a.roots), structural_hash(b.graph, b.roots));
}

TEST(ExprInterpret, IntegerRules) {
  EXPECT_EQ(integer("floordiv(x, y)", -7, 2), -4);
  EXPECT_EQ(integer("remainder(x, y)", -7, 2), 1);
  EXPECT_EQ(integer("fmod(x, y)", -7, 2), -1);
  EXPECT_EQ(integer("truncdiv(x, y)", -7, 2), -3);
  EXPECT_EQ(integer("floordiv(x, y)", INT64_MIN, -1), INT64_MIN);
  EXPECT_EQ(integer("remainder(x, y)", 5, 0), 0);
  EXPECT_EQ(integer("x + y", INT32_MAX, 1, ComputeType::i32), INT32_MIN);
  EXPECT_EQ(integer("x << y", 1, 32, ComputeType::i32), 0);
  EXPECT_EQ(integer("x >> y", -8, 40, ComputeType::i32), -1);
  EXPECT_EQ(integer("pow(x, y)", 3, 5), 243);
  EXPECT_EQ(integer("pow(x, y)", -1, -3), -1);
  EXPECT_EQ(integer("floor(x) + (x > 2)", 5), 6);
}

TEST(ExprInterpret, IntegersComparedWithFractions) {
  EXPECT_EQ(integer("(x < 2.5) + 2*(x > 2.5) + 4*(2.5 < x) + 8*(x <= -0.5)", 2), 1);
  EXPECT_EQ(integer("(x < 2.5) + 2*(x > 2.5) + 4*(2.5 < x) + 8*(x <= -0.5)", 3), 6);
  EXPECT_EQ(integer("(x < 2.5) + 8*(x <= -0.5)", -1), 9);
  EXPECT_EQ(integer("(x == inf) + 2*(x < inf) + 4*(x > -inf) + 8*(x != nan) + 16*(x <= nan)", 3), 14);
  EXPECT_EQ(integer("isnan(x) ? y : (x == inf ? y : x)", 3, 4), 3);
}

TEST(ExprInterpret, RealRules) {
  EXPECT_EQ(real("remainder(x, y)", -7.5, 2), 0.5);
  EXPECT_EQ(real("floordiv(x, y)", -7.5, 2), -4);
  EXPECT_EQ(real("round(x)", 2.5), 2);
  EXPECT_TRUE(std::isnan(real("max(x, y)", NAN, 1)));
  EXPECT_EQ(real("fmax(x, y)", NAN, 1), 1);
  EXPECT_EQ(real("sign(x)", -3), -1);
  EXPECT_EQ(real("xlogy(x, y)", 0, 0), 0);
  EXPECT_EQ(real("where(isinf(x) && !signbit(x), 1, 2)", INFINITY), 1);
  EXPECT_EQ(real("T_MAX"), 1.7976931348623157e308);
}

TEST(ExprInterpret, LimitsOfTheComputeType) {
  using D = std::numeric_limits<double>;
  EXPECT_EQ(real("T_LOWEST"), D::lowest());
  EXPECT_EQ(real("T_EPS"), D::epsilon());
  EXPECT_EQ(real("T_TINY"), D::min());
  EXPECT_EQ(integer("T_MAX"), INT64_MAX);
  EXPECT_EQ(integer("T_LOWEST"), INT64_MIN);
  EXPECT_EQ(integer("T_MAX", 0, 0, ComputeType::i32), INT32_MAX);
  EXPECT_EQ(integer("T_LOWEST + 1", 0, 0, ComputeType::i32), INT32_MIN + 1);
  EXPECT_THROW(real("T_OTHER"), RusTorchError);
}

TEST(ExprInterpret, WholeNumbersAndTruthsAreFolded) {
  EXPECT_EQ(integer("x + 3.0", 4), 7);
  EXPECT_EQ(real("(2 > 1 && 3 > 4) + (true || x > 0) + !false", 1), 2);
  EXPECT_EQ(real("(x > 0) == true ? 5 : 6", 1), 5);
  EXPECT_EQ(real("(x > 0) == false ? 5 : 6", 1), 6);
  EXPECT_EQ(real("(x > 0) != true ? 5 : 6", 1), 6);
}

TEST(ExprParse, RefusesUnknownKeywordsAndTypes) {
  EXPECT_THROW(parse_request("kernel t\nin x:T\nout T\ntypes f64\nspeed 3\nexpr x\n"), RusTorchError);
  EXPECT_THROW(parse_request("kernel t\nin x:T\nout T\ntypes f128\nexpr x\n"), RusTorchError);
}

TEST(ExprInterpret, ComplexRules) {
  using C = std::complex<double>;
  C x(1.5, -0.5);
  EXPECT_EQ(complex("conj(x)", x), std::conj(x));
  EXPECT_LT(std::abs(complex("sigmoid(x)", x) - 1.0 / (1.0 + std::exp(-x))), 1e-15);
  EXPECT_EQ(complex("abs(x)", x).real(), std::abs(x));
  EXPECT_EQ(complex("complex(imag(x), 2)", x), C(-0.5, 2));
  C h(1e-6, 0);
  C numeric = (std::tanh(x + h) - std::tanh(x - h)) / (2.0 * h);
  EXPECT_LT(std::abs(complex("d(tanh(x), x)", x) - numeric), 1e-8);
}

// Every differentiable function of the table against central differences of the interpreter.
class DerivativeTest : public ::testing::TestWithParam<int> {};

double domain_point(const std::string& name, int k) {
  static const double kUnit[] = {-0.83, -0.31, 0.27, 0.64, 0.91};
  static const double kAbove[] = {1.13, 1.7, 2.6, 4.4, 9.2};
  static const double kAny[] = {-2.3, -0.7, 0.35, 1.4, 3.1};
  if (name == "acosh" || name == "acosh_slope" || name == "zeta") return kAbove[k];
  for (const char* n : {"asin", "acos", "atanh", "erfinv"})
    if (name == n) return kUnit[k];
  for (const char* n : {"sqrt",
                        "rsqrt",
                        "log",
                        "log2",
                        "log10",
                        "log1p",
                        "pow",
                        "xlogy",
                        "xlog1py",
                        "ndtri",
                        "pow_grad_exponent",
                        "bessel_y0",
                        "bessel_y1",
                        "polygamma",
                        "trigamma",
                        "cbrt",
                        "igamma",
                        "igammac",
                        "k0",
                        "k0e",
                        "k1",
                        "k1e"})
    if (name == n) return std::fabs(kUnit[k]);
  return kAny[k];
}

TEST_P(DerivativeTest, MatchesFiniteDifferences) {
  const FunctionInfo& f = function_info(static_cast<FunctionId>(GetParam()));
  if (f.name[0] == '$' || f.rule == TypeRule::Cast || (f.real_def && !f.real_def[0])) return;
  if (f.rule == TypeRule::Bits || f.rule == TypeRule::Compare || f.rule == TypeRule::Test ||
      f.rule == TypeRule::Logic || f.rule == TypeRule::Where)
    return;
  static const char* kNames[] = {"x", "y", "z"};
  std::string call = f.name + std::string("(");
  for (int a = 0; a < f.arity; ++a) call += std::string(a ? ", " : "") + kNames[a];
  call += ")";
  for (int a = 0; a < f.arity; ++a) {
    if (f.d[a] == nullptr) continue;
    std::string derivative = "d(" + call + ", " + kNames[a] + ")";
    for (int k = 0; k < 5; ++k) {
      double at[3] = {domain_point(f.name, k), domain_point(f.name, (k + 2) % 5) * 1.03, 0.77};
      if (std::string(f.name) == "polygamma") at[0] = k + 1;
      if (std::string(f.name) == "clamp") at[1] = -1, at[2] = 1;
      if (std::string(f.name) == "pow_grad_exponent") at[2] = std::pow(at[0], at[1]);
      double h = 1e-5 * std::max(1.0, std::fabs(at[a]) * 0.1), lo[3], hi[3];
      for (int i = 0; i < 3; ++i) lo[i] = hi[i] = at[i];
      lo[a] -= h;
      hi[a] += h;
      double numeric = (real(call, hi[0], hi[1], hi[2]) - real(call, lo[0], lo[1], lo[2])) / (2 * h);
      double symbolic = real(derivative, at[0], at[1], at[2]);
      EXPECT_NEAR(symbolic, numeric, 2e-6 * std::max(1.0, std::fabs(numeric)))
          << derivative << " at " << at[0] << ", " << at[1];
    }
  }
}
INSTANTIATE_TEST_SUITE_P(AllFunctions, DerivativeTest,
                         ::testing::Range(0, static_cast<int>(function_count())), [](const auto& info) {
                           std::string n = function_info(static_cast<FunctionId>(info.param)).name;
                           return n[0] == '$' ? "leaf_" + n.substr(1) : n;
                         });

TEST(ExprDerivative, ConventionsArePyTorchs) {
  EXPECT_EQ(real("d(abs(x), x)", 0), 0);
  EXPECT_EQ(real("d(relu(x), x)", 0), 0);
  EXPECT_EQ(real("d(max(x, y), x)", 2, 2), 0.5);
  EXPECT_EQ(real("d(clamp(x, -1, 1), x)", 1), 1);
  EXPECT_EQ(real("d(floor(x) + round(x) + sign(x) + (x > 0), x)", 0.5), 0);
  EXPECT_EQ(real("d(pow(x, y), x)", 0, 0), 0);
  EXPECT_EQ(real("d(pow(x, y), y)", 0, 2), 0);
  EXPECT_EQ(real("d(where(x > 0, log(x), x), x)", -1), 1);
  EXPECT_EQ(real("x * d(where(y > 0, x, 0), x)", INFINITY, -1), 0);
  EXPECT_NEAR(real("d(d(x*x*x, x), x)", 2), 12, 1e-12);
  EXPECT_NEAR(real("d(0.5*x*(1+erf(x*M_SQRT1_2)), x)", 1.3),
              0.5 * (1 + std::erf(1.3 * M_SQRT1_2)) + 1.3 * std::exp(-1.3 * 1.3 / 2) / std::sqrt(2 * M_PI),
              1e-12);
}

TEST(HostMath, IncompleteGammaOfLargeArguments) {  // (a, x, P, Q) from 60 digits
  const double known[][4] = {{300, 303, 0.57607470857743666969, 0.42392529142256333031},
                             {300, 297, 0.43859861394546546216, 0.56140138605453453784},
                             {300, 300, 0.50767778888626349925, 0.49232221111373650075},
                             {300, 400, 0.99999992492619164478, 7.5073808355216141422e-8},
                             {300, 200, 2.7114684433431114359e-11, 0.99999999997288531557},
                             {5000, 5100, 0.92067111892238102324, 0.079328881077618976758},
                             {5000, 4900, 0.077944956226513913903, 0.9220550437734860861}};
  for (const auto& k : known) {
    EXPECT_NEAR(host_math::igamma(k[0], k[1]) / k[2], 1, 4e-15) << k[0] << ' ' << k[1];
    EXPECT_NEAR(host_math::igammac(k[0], k[1]) / k[3], 1, 4e-15) << k[0] << ' ' << k[1];
  }
  EXPECT_EQ(host_math::igamma(1e6, 1e5), 0);
  EXPECT_EQ(host_math::igammac(1e6, 1e5), 1);
  EXPECT_EQ(host_math::igamma(1e6, 2e6), 1);
}

TEST(HostMath, KnownValues) {
  namespace hm = host_math;
  EXPECT_NEAR(hm::digamma(1), -0.57721566490153286061, 1e-15);
  EXPECT_NEAR(hm::digamma(-0.5), 0.03648997397857652056, 1e-15);
  EXPECT_NEAR(hm::trigamma(1), 1.6449340668482264365, 4e-15);
  EXPECT_NEAR(hm::erfinv(0.5), 0.47693627620446987338, 1e-15);
  EXPECT_NEAR(hm::erfinv(0.999999), 3.4589107372754988, 1e-13);
  EXPECT_NEAR(hm::ndtri(0.975), 1.9599639845400542355, 1e-14);
  EXPECT_NEAR(hm::i0(1) / 1.2660658777520083356, 1, 1e-15);
  EXPECT_NEAR(hm::i1(30) / 768532038938.9567, 1, 1e-13);
  EXPECT_NEAR(hm::i0e(25) / 0.0801967735474367084, 1, 1e-14);
  EXPECT_NEAR(hm::erfcx(3) / 0.17900115118138995, 1, 1e-14);
  EXPECT_NEAR(hm::log_ndtr(-10) / -53.2312851505124706, 1, 1e-12);
  EXPECT_NEAR(hm::zeta(2, 1), 1.6449340668482264365, 1e-14);
}

}  // namespace
}  // namespace rustorch::expr
