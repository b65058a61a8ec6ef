// Every generated kernel against the interpreter, on every instruction set this machine has.
#include "backend/cpu/simd/targets.h"
// (before any Highway header)
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include <hwy/highway.h>

#include "columns.h"
#include "expr/program.h"
#include "gen/test_kernels_table.h"

namespace rustorch {
using namespace test_kernels;  // NOLINT
namespace {

using namespace expr_test;  // NOLINT
using expr::Program;

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
    check_spread();
    check_streamed();
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

  void call(int64_t begin, int64_t n, std::vector<std::vector<unsigned char>>& outs, uint32_t spread = 0) {
    const void* in[16] = {};
    void* out[16] = {};
    for (size_t k = 0; k < ins_.size(); ++k)
      in[k] = ins_[k].bytes.data() + static_cast<size_t>(begin) * element_size(program_.inputs[k].kind, t_);
    for (size_t o = 0; o < outs.size(); ++o) out[o] = outs[o].data() + static_cast<size_t>(begin) * size(o);
    info_.fn[static_cast<int>(t_)](out, in, n, raw_params_.data(), spread);
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
      info_.fn[static_cast<int>(t_)](out, in, kCount, raw_params_.data(), 0);
      EXPECT_EQ(std::memcmp(out[0], outs_[0].data(), saved.size()), 0) << info_.name << " in place";
      ins_[k].bytes = saved;
    }
  }

  // An input that is spread gives the bits of one that repeats its first number.
  void check_spread() {
    for (size_t k = 0; k < ins_.size(); ++k) {
      auto saved = ins_[k].bytes;
      const size_t item = element_size(program_.inputs[k].kind, t_);
      for (size_t i = item; i < saved.size(); ++i) ins_[k].bytes[i] = saved[i % item];
      auto repeated = outs_, spread = outs_;
      call(0, kCount, repeated);
      std::fill(ins_[k].bytes.begin() + static_cast<std::ptrdiff_t>(kSpreadElements * item),
                ins_[k].bytes.end(), 0xCD);
      call(0, kCount, spread, uint32_t{1} << k);
      EXPECT_EQ(spread, repeated) << info_.name << " " << compute_type_name(t_) << " input " << k;
      ins_[k].bytes = saved;
    }
  }

  // Written around the caches the elements are the same.
  void check_streamed() {
    std::vector<std::unique_ptr<std::byte[], decltype(&std::free)>> lines;
    const void* in[16] = {};
    void* out[16] = {};
    for (size_t k = 0; k < ins_.size(); ++k) in[k] = ins_[k].bytes.data();
    for (size_t o = 0; o < outs_.size(); ++o) {
      lines.emplace_back(static_cast<std::byte*>(std::aligned_alloc(64, (outs_[o].size() + 63) / 64 * 64)),
                         &std::free);
      out[o] = lines[o].get();
      std::memset(out[o], 0xCD, outs_[o].size());
    }
    info_.fn[static_cast<int>(t_)](out, in, kCount, raw_params_.data(), kStreamed);
    for (size_t o = 0; o < outs_.size(); ++o)
      EXPECT_EQ(std::memcmp(out[o], outs_[o].data(), outs_[o].size()), 0) << info_.name << " streamed";
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
      if (f != nullptr) f(out, in, 0, params, 0);
  }
}

}  // namespace
}  // namespace rustorch
