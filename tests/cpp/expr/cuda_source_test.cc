// Every formula of ops/*.ops as CUDA C, compiled by NVRTC where it is installed (no GPU and no driver are
// needed). RUSTORCH_CUDA_KERNELS=1 compiles a whole kernel for each formula as well, which takes minutes.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "expr/dialect.h"
#include "expr/program.h"
#include "gen/kernel_table.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

using expr::Dialect;
using expr::OperandKind;
using expr::Program;

/// The functions of NVRTC that are needed, by dlopen.
struct Nvrtc {
  using Handle = void*;
  int (*create)(Handle*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*compile)(Handle, int, const char* const*) = nullptr;
  int (*log_size)(Handle, size_t*) = nullptr;
  int (*log)(Handle, char*) = nullptr;
  int (*ptx_size)(Handle, size_t*) = nullptr;
  int (*destroy)(Handle*) = nullptr;

  bool open() {
    void* library = nullptr;
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                             "/usr/local/cuda/lib64/libnvrtc.so"})
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    auto load = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    return load(create, "nvrtcCreateProgram") && load(compile, "nvrtcCompileProgram") &&
           load(log_size, "nvrtcGetProgramLogSize") && load(log, "nvrtcGetProgramLog") &&
           load(ptx_size, "nvrtcGetPTXSize") && load(destroy, "nvrtcDestroyProgram");
  }

  /// The compiler's complaints; empty when it has none.
  std::string build(const std::string& source) const {
    Handle program = nullptr;
    if (create(&program, source.c_str(), "formulas.cu", 0, nullptr, nullptr) != 0) return "no program";
    const char* options[] = {"--gpu-architecture=compute_75", "--fmad=false", "-w"};
    const int error = compile(program, 3, options);
    size_t size = 0, ptx = 0;
    log_size(program, &size);
    std::string text(size, '\0');
    log(program, text.data());
    if (error == 0 && (ptx_size(program, &ptx) != 0 || ptx < 2)) text = "no PTX";
    destroy(&program);
    return error == 0 && ptx >= 2 ? "" : "error " + std::to_string(error) + ": " + text;
  }
};

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
  static Nvrtc nvrtc;
  static const bool found = nvrtc.open();
  if (!found) GTEST_SKIP() << "no NVRTC: rendered " << count << " functions only";
  EXPECT_EQ(nvrtc.build(expr::dialect_prelude(d, t, used) + functions), "");
}

INSTANTIATE_TEST_SUITE_P(Types, CudaSource, ::testing::Range(0, kNumComputeTypes), [](const auto& info) {
  return compute_type_name(static_cast<ComputeType>(info.param));
});

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
