// Every generated kernel against the interpreter, on every instruction set this machine has.
#include "backend/cpu/simd/targets.h"
// (before any Highway header)
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include <hwy/highway.h>

#include "expr/program.h"
#include "gen/test_kernels_table.h"

namespace rustorch {
using namespace test_kernels;  // NOLINT
namespace {

using expr::OperandKind;
using expr::Program;
using expr::Value;

constexpr int64_t kCount = 777;

size_t element_size(OperandKind k, ComputeType t) {
  if (k == OperandKind::B) return 1;
  if (k == OperandKind::I) return 8;
  if (k == OperandKind::R) t = real_part_type(t);
  constexpr size_t kSizes[] = {4, 8, 4, 8, 8, 16};
  return kSizes[static_cast<int>(t)];
}

double random_real(std::mt19937& rng) {
  static const double kSpecial[] = {0.0, -0.0, INFINITY, -INFINITY, NAN,  1,    -1, 0.5,
                                    2,   3,    -3,       100,       -100, 1e-3, 7.5};
  uint32_t r = rng();
  if (r % 4 == 0) return kSpecial[(r >> 8) % 15];
  return (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 20;
}
int64_t random_integer(std::mt19937& rng, ComputeType t) {
  static const int64_t kSpecial[] = {0, 1, -1, 2, 7, -7, 31, 32, 63, 64, 100};
  uint32_t r = rng();
  if (r % 16 == 0) return t == ComputeType::i32 ? INT32_MIN : INT64_MIN;
  if (r % 16 == 1) return t == ComputeType::i32 ? INT32_MAX : INT64_MAX;
  if (r % 2) return kSpecial[(r >> 8) % 11];
  return static_cast<int32_t>(rng()) >> (r >> 8) % 28;
}

// One operand's elements as bytes in memory and as interpreter values.
struct Column {
  std::vector<unsigned char> bytes;
  std::vector<Value> values;
};

void put_real(unsigned char* at, double& v, bool single) {
  if (single) {
    float f = static_cast<float>(v);
    std::memcpy(at, &f, 4);
    v = f;
  } else {
    std::memcpy(at, &v, 8);
  }
}

Column make_column(OperandKind kind, ComputeType t, std::mt19937& rng) {
  Column c;
  size_t size = element_size(kind, t);
  c.bytes.resize(static_cast<size_t>(kCount) * size);
  for (int64_t k = 0; k < kCount; ++k) {
    unsigned char* at = c.bytes.data() + static_cast<size_t>(k) * size;
    Value v;
    if (kind == OperandKind::B) {
      v = Value::boolean(rng() & 1);
      *at = static_cast<unsigned char>(v.i);
    } else if (kind == OperandKind::I) {
      v.i = static_cast<int64_t>(rng() % 2000) - 1000;
      v.r = static_cast<double>(v.i);
      std::memcpy(at, &v.i, 8);
    } else if (is_integer(t)) {
      v.i = random_integer(rng, t);
      if (t == ComputeType::i32) {
        int32_t n = static_cast<int32_t>(v.i);
        v.i = n;
        std::memcpy(at, &n, 4);
      } else {
        std::memcpy(at, &v.i, 8);
      }
    } else if (is_complex(t) && kind == OperandKind::T) {
      double re = (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 6;
      double im = (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 6;
      put_real(at, re, is_single(t));
      put_real(at + size / 2, im, is_single(t));
      v.c = {re, im};
    } else {
      v.r = random_real(rng);
      put_real(at, v.r, is_single(t));
    }
    c.values.push_back(v);
  }
  return c;
}

std::string describe(const KernelInfo& info, ComputeType t, int64_t k, const std::vector<Column>& ins) {
  std::string s = std::string(info.name) + " " + compute_type_name(t) + " element " + std::to_string(k);
  for (const Column& c : ins) {
    const Value& v = c.values[static_cast<size_t>(k)];
    s += "; in r=" + std::to_string(v.r) + " i=" + std::to_string(v.i) + " c=(" + std::to_string(v.c.real()) +
         "," + std::to_string(v.c.imag()) + ")";
  }
  return s;
}

double read_real(const unsigned char* at, bool single) {
  float f;
  double d;
  if (!single) {
    std::memcpy(&d, at, 8);
    return d;
  }
  std::memcpy(&f, at, 4);
  return f;
}

bool close(double got, double want, bool single) {
  if (single) want = static_cast<float>(want);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::fabs(got - want) <= (single ? 4e-6 : 1e-14) * std::max(1.0, std::fabs(want));
}

bool matches(const unsigned char* at, OperandKind kind, ComputeType t, const Value& want) {
  if (kind == OperandKind::B) return *at == want.i;
  if (t == ComputeType::i32) {
    int32_t n;
    std::memcpy(&n, at, 4);
    return n == want.i;
  }
  if (t == ComputeType::i64) return std::memcmp(at, &want.i, 8) == 0;
  if (is_complex(t) && kind == OperandKind::T) {
    size_t half = is_single(t) ? 4 : 8;
    double re = read_real(at, is_single(t)), im = read_real(at + half, is_single(t));
    double size = std::abs(want.c),
           tol = (is_single(t) ? 1e-5 : 1e-13) * (std::isfinite(size) ? std::max(1.0, size) : 1);
    auto near = [&](double got, double expect) {
      return (std::isnan(got) && std::isnan(expect)) || got == expect || std::fabs(got - expect) <= tol;
    };
    return near(re, want.c.real()) && near(im, want.c.imag());
  }
  return close(read_real(at, is_single(t)), want.r, is_single(t));
}

class KernelTest {
 public:
  KernelTest(const KernelInfo& info, ComputeType t)
      : info_(info),
        t_(t),
        program_(expr::parse_request(info.request)),
        typed_(expr::elaborate(program_, t)) {
    std::mt19937 rng(12345);
    for (const auto& in : program_.inputs) ins_.push_back(make_column(in.kind, t, rng));
    for (const auto& p : program_.params) add_param(p.kind);
    for (const auto& o : program_.outputs)
      outs_.emplace_back(static_cast<size_t>(kCount) * element_size(o.kind, t) + 64, 0xCD);
  }

  void run() {
    call(0, kCount, outs_);
    for (int64_t k = 0; k < kCount; ++k) {
      std::vector<Value> row;
      for (const Column& c : ins_) row.push_back(c.values[static_cast<size_t>(k)]);
      std::vector<Value> want = expr::interpret(typed_, row, params_);
      for (size_t o = 0; o < outs_.size(); ++o) {
        const unsigned char* at = outs_[o].data() + static_cast<size_t>(k) * size(o);
        ASSERT_TRUE(matches(at, program_.outputs[o].kind, t_, want[o]))
            << describe(info_, t_, k, ins_) << " output " << o << " want " << want[o].r << " " << want[o].i
            << " (" << want[o].c.real() << "," << want[o].c.imag() << ") got "
            << (is_real(t_) ? read_real(at, is_single(t_)) : 0);
      }
    }
    for (size_t o = 0; o < outs_.size(); ++o)
      for (size_t b = static_cast<size_t>(kCount) * size(o); b < outs_[o].size(); ++b)
        ASSERT_EQ(outs_[o][b], 0xCD) << info_.name << " wrote past the end";
    check_chunking();
    check_in_place();
  }

 private:
  size_t size(size_t o) const { return element_size(program_.outputs[o].kind, t_); }

  void add_param(OperandKind kind) {
    ScalarParam p{};
    Value v;
    if (kind == OperandKind::I || kind == OperandKind::B || (kind == OperandKind::T && is_integer(t_))) {
      p.i = kind == OperandKind::B ? 1 : 3;
      v.i = p.i;
      v.r = static_cast<double>(p.i);
    } else if (kind == OperandKind::T && is_complex(t_)) {
      p.c[0] = 1.5;
      p.c[1] = -0.5;
      v.c = {1.5, -0.5};
    } else {
      p.f = 1.5;
      v.r = 1.5;
      v.i = 1;
    }
    raw_params_.push_back(p);
    params_.push_back(v);
  }

  void call(int64_t begin, int64_t n, std::vector<std::vector<unsigned char>>& outs) {
    const void* in[16] = {};
    void* out[16] = {};
    for (size_t k = 0; k < ins_.size(); ++k)
      in[k] = ins_[k].bytes.data() + static_cast<size_t>(begin) * element_size(program_.inputs[k].kind, t_);
    for (size_t o = 0; o < outs.size(); ++o) out[o] = outs[o].data() + static_cast<size_t>(begin) * size(o);
    info_.fn[static_cast<int>(t_)](out, in, n, raw_params_.data());
  }

  // The same elements in pieces of other sizes and alignments give the same bits.
  void check_chunking() {
    auto pieces = outs_;
    for (auto& p : pieces) std::fill(p.begin(), p.end(), 0xCD);
    for (int64_t b = 0, n = 0; b < kCount; b += n, n = n * 2 % 41 + 1)
      call(b, std::min(n, kCount - b), pieces);
    EXPECT_EQ(pieces, outs_) << info_.name << " " << compute_type_name(t_);
  }

  void check_in_place() {
    for (size_t k = 0; k < ins_.size(); ++k) {
      if (element_size(program_.inputs[k].kind, t_) != size(0) ||
          program_.inputs[k].kind != program_.outputs[0].kind)
        continue;
      auto saved = ins_[k].bytes;
      const void* in[16] = {};
      void* out[16] = {};
      for (size_t j = 0; j < ins_.size(); ++j) in[j] = ins_[j].bytes.data();
      auto others = outs_;
      for (size_t o = 0; o < outs_.size(); ++o) out[o] = others[o].data();
      out[0] = ins_[k].bytes.data();
      info_.fn[static_cast<int>(t_)](out, in, kCount, raw_params_.data());
      EXPECT_EQ(std::memcmp(out[0], outs_[0].data(), saved.size()), 0) << info_.name << " in place";
      ins_[k].bytes = saved;
    }
  }

  const KernelInfo& info_;
  ComputeType t_;
  Program program_;
  expr::TypedProgram typed_;
  std::vector<Column> ins_;
  std::vector<ScalarParam> raw_params_;
  std::vector<Value> params_;
  std::vector<std::vector<unsigned char>> outs_;
};

TEST(Kernels, MatchTheInterpreterOnEveryTarget) {
  int64_t supported = hwy::SupportedTargets();
  for (int64_t left = supported; left != 0; left &= left - 1) {
    int64_t target = left & -left;
    if (target & HWY_DISABLED_TARGETS) continue;
    hwy::SetSupportedTargetsForTest(target);
    reset_kernel_table_for_test();
    SCOPED_TRACE(hwy::TargetName(target));
    for (int id = 0; id < kNumKernels; ++id) {
      const KernelInfo& info = kernel_info(static_cast<KernelId>(id));
      for (int t = 0; t < kNumComputeTypes; ++t)
        if (info.fn[t] != nullptr) KernelTest(info, static_cast<ComputeType>(t)).run();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  reset_kernel_table_for_test();
}

TEST(Kernels, TableKnowsNames) {
  ASSERT_NE(find_kernel("t_gelu"), nullptr);
  EXPECT_EQ(find_kernel("nothing"), nullptr);
  const KernelInfo& add = kernel_info(KernelId::t_add);
  EXPECT_EQ(add.nin, 2);
  EXPECT_EQ(add.nparam, 1);
  EXPECT_STREQ(add.in_kinds, "TT");
  EXPECT_EQ(kernel_info(KernelId::t_floordiv).check_zero, 1);
  EXPECT_EQ(kernel_info(KernelId::t_div).fn[2], nullptr);
}

TEST(Kernels, EmptyRunsAreFine) {
  for (int id = 0; id < kNumKernels; ++id) {
    const KernelInfo& info = kernel_info(static_cast<KernelId>(id));
    void* out[16] = {};
    const void* in[16] = {};
    ScalarParam params[16] = {};
    for (ChunkKernel f : info.fn)
      if (f != nullptr) f(out, in, 0, params);
  }
}

}  // namespace
}  // namespace rustorch
