// GPU dialects as text: golden files in tests/golden/expr. Set RUSTORCH_UPDATE_GOLDEN=1 to write them anew,
// and read the difference before committing it.
#include "expr/dialect.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "rustorch/error.h"

namespace rustorch::expr {
namespace {

constexpr const char* kRequests = R"(
kernel gelu
  in self:T
  out T
  types f32 f64
  expr 0.5*self*(1+erf(self*M_SQRT1_2))
kernel masked_pow
  in c:B self:T k:I
  param p:F flag:B
  out T
  types f32 f64
  expr where(c && flag, pow(self, p), max(self, nan)) + k
kernel silu_backward
  in grad:T self:T
  out T
  types f32 f64
  expr grad * d(self*sigmoid(self), self)
kernel integers
  in self:T other:T
  out T
  expr floordiv(self, other) + (self << 3) - ~other
  out B
  expr self >= other
  types i32 i64
kernel complex_ops
  in self:T other:T
  param alpha:T
  out T
  types c64 c128
  expr conj(self) * other + alpha * exp(self / other)
)";

const Dialect* const kDialects[] = {&opencl_dialect(), &cuda_dialect(), &metal_dialect(), &wgsl_dialect()};

std::string everything(const Dialect& d) {
  std::string out;
  for (const Program& p : parse_requests(kRequests))
    for (int k = 0; k < kNumComputeTypes; ++k) {
      ComputeType t = static_cast<ComputeType>(k);
      if (!p.wants(t) || !dialect_supports(d, t)) continue;
      out += cat("// ---- ", p.name, " ", compute_type_name(t), "\n",
                 dialect_prelude(d, t, used_functions(p, d, t)));
      for (size_t o = 0; o < p.outputs.size(); ++o)
        out += render_scalar_function(p, d, t, o ? cat(p.name, "_", o) : p.name, o);
    }
  return out;
}

TEST(Dialects, MatchGoldenFiles) {
  std::filesystem::path dir = std::filesystem::path(RT_TEST_DIR) / "golden" / "expr";
  for (const Dialect* d : kDialects) {
    std::filesystem::path file = dir / (std::string(d->name) + ".txt");
    std::string text = everything(*d);
    if (std::getenv("RUSTORCH_UPDATE_GOLDEN")) std::ofstream(file, std::ios::binary) << text;
    std::ifstream in(file, std::ios::binary);
    ASSERT_TRUE(in) << file;
    EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(in), {})) << d->name;
  }
}

TEST(Dialects, RefuseWhatTheyLack) {
  Program p = parse_requests(kRequests)[0];
  EXPECT_THROW(render_scalar_function(p, metal_dialect(), ComputeType::f64, "f"), RusTorchError);
  Program n = parse_request("kernel a\nin x:T\nout T\ntypes f32\nexpr nextafter(x, 1)\n");
  EXPECT_THROW(render_scalar_function(n, wgsl_dialect(), ComputeType::f32, "f"), RusTorchError);
  EXPECT_NO_THROW(render_scalar_function(n, opencl_dialect(), ComputeType::f32, "f"));
}

TEST(Dialects, NumbersKeepTheirValue) {
  EXPECT_EQ(dialect_number(opencl_dialect(), 0.1, ComputeType::f32), "0.100000001f");
  EXPECT_EQ(dialect_number(opencl_dialect(), 0.1, ComputeType::f64), "0.10000000000000001");
  EXPECT_EQ(dialect_number(cuda_dialect(), 2, ComputeType::f32), "2.0f");
  EXPECT_EQ(dialect_number(metal_dialect(), -1e30, ComputeType::f32), "(-1.00000002e+30f)");
  EXPECT_EQ(dialect_number(wgsl_dialect(), 1e300, ComputeType::f32), "rt_bits(0x7f800000u)");
}

}  // namespace
}  // namespace rustorch::expr
