// Every formula of ops/*.ops as CUDA C, compiled by NVRTC where it is installed (no GPU and no driver are
// needed). RUSTORCH_CUDA_KERNELS=1 compiles a whole kernel for each formula as well, which takes minutes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "backend/cuda/driver.h"
#include "backend/cuda/nvrtc.h"
#include "expr/dialect.h"
#include "expr/program.h"
#include "gen/kernel_table.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

using expr::Dialect;
using expr::OperandKind;
using expr::Program;

const char* memory_type(const Dialect& d, OperandKind k, ComputeType t) {
  if (k == OperandKind::B) return "bool";
  if (k == OperandKind::I) return d.int64_type;
  return d.types[static_cast<int>(k == OperandKind::T ? t : real_part_type(t))];
}

/// A kernel that applies function `name` to arrays.
std::string kernel_of(const Program& p, const Dialect& d, ComputeType t, const std::string& name,
                      size_t output) {
  std::string args, call;
  auto pass = [&](const std::string& text) { call += (call.empty() ? "" : ", ") + text; };
  for (size_t k = 0; k < p.inputs.size(); ++k) {
    args += std::string("const ") + memory_type(d, p.inputs[k].kind, t) + "* i" + std::to_string(k) + ", ";
    pass("i" + std::to_string(k) + "[g]");
  }
  for (size_t k = 0; k < p.params.size(); ++k) {
    args += std::string(memory_type(d, p.params[k].kind, t)) + " p" + std::to_string(k) + ", ";
    pass("p" + std::to_string(k));
  }
  return "extern \"C\" __global__ void k_" + name + "(" + args + memory_type(d, p.outputs[output].kind, t) +
         "* out, int n) {\n  const int g = blockIdx.x * blockDim.x + threadIdx.x;\n  if (g < n) out[g] = " +
         name + "(" + call + ");\n}\n";
}

class CudaSource : public ::testing::TestWithParam<int> {};

TEST_P(CudaSource, OfEveryFormulaCompiles) {
  const Dialect& d = expr::cuda_dialect();
  const auto t = static_cast<ComputeType>(GetParam());
  const bool kernels = std::getenv("RUSTORCH_CUDA_KERNELS") != nullptr;
  std::set<std::string> used;
  std::string functions;
  int count = 0;
  for (int id = 0; id < kNumKernels; ++id) {
    const KernelInfo& info = kernel_info(static_cast<KernelId>(id));
    if (info.fn[GetParam()] == nullptr) continue;
    const Program p = expr::parse_request(info.request);
    const std::set<std::string> more = expr::used_functions(p, d, t);  // throws when one is missing
    used.insert(more.begin(), more.end());
    for (size_t o = 0; o < p.outputs.size(); ++o, ++count) {
      const std::string name = "f" + std::to_string(id) + "_" + std::to_string(o);
      functions += expr::render_scalar_function(p, d, t, name, o);
      if (kernels || (count == 0 && o == 0)) functions += kernel_of(p, d, t, name, o);
    }
  }
  EXPECT_GT(count, 50);
  std::string reason;
  if (!cuda::nvrtc_available(&reason)) GTEST_SKIP() << reason << " (" << count << " functions rendered)";
  const std::string source = expr::dialect_prelude(d, t, used) + functions;
  EXPECT_NE(cuda::compile_cuda(source, {"compute_75"}).find(".visible .entry k_f"), std::string::npos);
  EXPECT_GT(cuda::compile_cuda(source, {"sm_75"}).size(), 500u);  // assembled and linked
}

INSTANTIATE_TEST_SUITE_P(Types, CudaSource, ::testing::Range(0, kNumComputeTypes), [](const auto& info) {
  return compute_type_name(static_cast<ComputeType>(info.param));
});

TEST(CudaSource, RefusedProgramsSayWhy) {
  std::string reason;
  if (!cuda::nvrtc_available(&reason)) GTEST_SKIP() << reason;
  try {
    cuda::compile_cuda("__device__ int f() { return nothing_of_that_name; }", {"compute_75"});
    ADD_FAILURE() << "no error";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Internal);
    EXPECT_NE(std::string(e.what()).find("nothing_of_that_name"), std::string::npos);
  }
}

TEST(CudaDriver, AnswersWithoutAGpu) {
  const cuda::Driver& d = cuda::driver();
  EXPECT_EQ(d.gpus.empty(), !d.reason.empty());
  EXPECT_FALSE(DeviceManager::is_available(DeviceType::Cuda));
  EXPECT_FALSE(DeviceManager::unavailable_reason(DeviceType::Cuda).empty());
}

// What OpenCL lacks would silently run on the CPU.
TEST(OpenClSource, HasEveryFormula) {
  const Dialect& d = expr::opencl_dialect();
  for (int id = 0; id < kNumKernels; ++id)
    for (int t = 0; t < kNumComputeTypes; ++t) {
      const KernelInfo& info = kernel_info(static_cast<KernelId>(id));
      if (info.fn[t] == nullptr) continue;
      const auto type = static_cast<ComputeType>(t);
      const Program p = expr::parse_request(info.request);
      EXPECT_NO_THROW(expr::dialect_prelude(d, type, expr::used_functions(p, d, type))) << info.name;
    }
}

}  // namespace
}  // namespace rustorch
