// The OpenCL rendering of every test kernel, compiled and run on whatever OpenCL device there is (PoCL in
// CI), compared with the interpreter. Skipped when there is no OpenCL library, device or header.
#include <gtest/gtest.h>

#if __has_include(<CL/cl.h>)
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>

#include "columns.h"
#include "expr/dialect.h"
#include "gen/test_kernels_table.h"
#include "rustorch/error.h"

namespace rustorch {
using namespace test_kernels;  // NOLINT
namespace {

using namespace expr_test;  // NOLINT
using expr::Dialect;
using expr::Program;

// clang-format off
#define RT_CL_FUNCTIONS(X) \
  X(clGetPlatformIDs) X(clGetDeviceIDs) X(clCreateContext) X(clCreateCommandQueue) \
  X(clCreateProgramWithSource) X(clBuildProgram) X(clGetProgramBuildInfo) X(clCreateKernel) \
  X(clSetKernelArg) X(clCreateBuffer) X(clEnqueueNDRangeKernel) X(clEnqueueReadBuffer) \
  X(clReleaseMemObject) X(clReleaseKernel) X(clReleaseProgram) X(clReleaseCommandQueue) \
  X(clReleaseContext)
// clang-format on

struct OpenCl {
#define RT_CL_MEMBER(name) decltype(&::name) name = nullptr;
  RT_CL_FUNCTIONS(RT_CL_MEMBER)
#undef RT_CL_MEMBER
  cl_device_id device = nullptr;
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;

  bool open() {
    void* library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
#define RT_CL_LOAD(n)                                    \
  n = reinterpret_cast<decltype(n)>(dlsym(library, #n)); \
  if (n == nullptr) return false;
    RT_CL_FUNCTIONS(RT_CL_LOAD)
#undef RT_CL_LOAD
    cl_platform_id platform;
    cl_uint count = 0;
    if (clGetPlatformIDs(1, &platform, &count) != CL_SUCCESS || count == 0) return false;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, &count) != CL_SUCCESS || count == 0)
      return false;
    cl_int error;
    context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &error);
    if (error != CL_SUCCESS) return false;
    queue = clCreateCommandQueue(context, device, 0, &error);
    return error == CL_SUCCESS;
  }
};

const char* memory_type(const Dialect& d, OperandKind k, ComputeType t) {
  if (k == OperandKind::B) return "uchar";
  if (k == OperandKind::I) return "long";
  return d.types[static_cast<int>(k == OperandKind::R ? real_part_type(t) : t)];
}

// A kernel that applies the rendered functions to arrays; parameters are literals (1.5, 3, true).
std::string wrap(const Program& p, const Dialect& d, ComputeType t) {
  std::string args, call;
  for (size_t k = 0; k < p.inputs.size(); ++k) {
    args += cat("global const ", memory_type(d, p.inputs[k].kind, t), "* i", k, ", ");
    call += cat(k ? ", " : "", "i", k, "[g]", p.inputs[k].kind == OperandKind::B ? " != 0" : "");
  }
  for (const auto& q : p.params) {
    const bool integral = q.kind == OperandKind::I || (q.kind == OperandKind::T && is_integer(t));
    const bool complex = q.kind == OperandKind::T && is_complex(t);
    call += cat(call.empty() ? "" : ", ", q.kind == OperandKind::B ? "true"
                                          : integral               ? "3"
                                          : complex ? cat("(", d.types[static_cast<int>(t)], ")(1.5, -0.5)")
                                          : is_integer(t) ? "1"
                                          : is_single(t)  ? "1.5f"
                                                          : "1.5");
  }
  std::string out, body;
  for (size_t o = 0; o < p.outputs.size(); ++o) {
    std::string name = cat("f_", p.name, "_", o);
    out += expr::render_scalar_function(p, d, t, name, o);
    args += cat(o ? ", " : "", "global ", memory_type(d, p.outputs[o].kind, t), "* o", o);
    body += cat("  ", memory_type(d, p.outputs[o].kind, t), " r", o, " = ", name, "(", call, ");\n");
  }
  for (size_t o = 0; o < p.outputs.size(); ++o) body += cat("  o", o, "[g] = r", o, ";\n");
  return cat(out, "kernel void k_", p.name, "(", args, ") {\n  size_t g = get_global_id(0);\n", body, "}\n");
}

class OpenClKernels : public ::testing::TestWithParam<int> {
 protected:
  static OpenCl& cl() {
    static OpenCl instance;
    static bool ok = instance.open();
    instance.context = ok ? instance.context : nullptr;
    return instance;
  }

  void run(const Program& p, ComputeType t, cl_program program) {
    cl_int error;
    cl_kernel kernel = cl().clCreateKernel(program, ("k_" + p.name).c_str(), &error);
    ASSERT_EQ(error, CL_SUCCESS) << p.name;
    std::mt19937 rng(99);
    std::vector<Column> ins;
    std::vector<cl_mem> buffers;
    cl_uint arg = 0;
    auto add = [&](size_t bytes, void* from) {
      cl_mem m = cl().clCreateBuffer(cl().context,
                                     from ? CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR : CL_MEM_READ_WRITE,
                                     bytes, from, &error);
      buffers.push_back(m);
      cl().clSetKernelArg(kernel, arg++, sizeof(m), &m);
    };
    for (const auto& in : p.inputs) {
      ins.push_back(make_column(in.kind, t, rng));
      add(ins.back().bytes.size(), ins.back().bytes.data());
    }
    std::vector<std::vector<unsigned char>> outs;
    for (const auto& o : p.outputs) {
      outs.emplace_back(static_cast<size_t>(kCount) * element_size(o.kind, t));
      add(outs.back().size(), nullptr);
    }
    size_t global = static_cast<size_t>(kCount);
    ASSERT_EQ(
        cl().clEnqueueNDRangeKernel(cl().queue, kernel, 1, nullptr, &global, nullptr, 0, nullptr, nullptr),
        CL_SUCCESS);
    for (size_t o = 0; o < outs.size(); ++o)
      cl().clEnqueueReadBuffer(cl().queue, buffers[ins.size() + o], CL_TRUE, 0, outs[o].size(),
                               outs[o].data(), 0, nullptr, nullptr);
    for (cl_mem m : buffers) cl().clReleaseMemObject(m);
    cl().clReleaseKernel(kernel);
    compare(p, t, ins, outs);
  }

  // Devices may be loose about inf - inf and at poles.
  static bool loose(const std::vector<Value>& row, const Value& want) {
    if (std::fabs(want.r) > 1e25 && std::isfinite(want.r)) return true;
    if (!std::isnan(want.r)) return false;
    for (const Value& v : row)
      if (std::isinf(v.r)) return true;
    return false;
  }

  void compare(const Program& p, ComputeType t, const std::vector<Column>& ins,
               const std::vector<std::vector<unsigned char>>& outs) {
    expr::TypedProgram typed = expr::elaborate(p, t);
    std::vector<Value> params;
    for (const auto& q : p.params) {
      Value v;
      const bool integral = q.kind == OperandKind::I || (q.kind == OperandKind::T && is_integer(t));
      v.i = q.kind == OperandKind::B ? 1 : integral ? 3 : 1;
      v.r = integral ? 3 : 1.5;
      v.c = {1.5, -0.5};
      params.push_back(v);
    }
    int bad = 0;
    for (int64_t k = 0; k < kCount && bad < 3; ++k) {
      std::vector<Value> row;
      for (const Column& c : ins) row.push_back(c.values[static_cast<size_t>(k)]);
      std::vector<Value> want = expr::interpret(typed, row, params);
      for (size_t o = 0; o < outs.size(); ++o) {
        const unsigned char* at =
            outs[o].data() + static_cast<size_t>(k) * element_size(p.outputs[o].kind, t);
        if (matches(at, p.outputs[o].kind, t, want[o], 50) || loose(row, want[o])) continue;
        ++bad;
        ADD_FAILURE() << p.name << " " << compute_type_name(t) << " output " << o << " in "
                      << (ins.empty() ? 0 : ins[0].values[static_cast<size_t>(k)].r) << ", "
                      << (ins.size() < 2 ? 0 : ins[1].values[static_cast<size_t>(k)].r) << " want "
                      << want[o].r << " " << want[o].i << " " << want[o].c.real() << " got "
                      << (is_integer(t) || p.outputs[o].kind == OperandKind::B ? *at
                                                                               : read_real(at, is_single(t)));
      }
    }
  }
};

TEST_P(OpenClKernels, MatchTheInterpreter) {
  if (cl().context == nullptr) GTEST_SKIP() << "no OpenCL device";
  const Dialect& d = expr::opencl_dialect();
  const ComputeType t = static_cast<ComputeType>(GetParam());
  std::vector<Program> programs;
  std::set<std::string> used;
  std::string functions;
  for (int id = 0; id < kNumKernels; ++id) {
    const KernelInfo& info = kernel_info(static_cast<KernelId>(id));
    if (info.fn[GetParam()] == nullptr || info.nin == 0) continue;
    // Compiling takes most of the time: one type gets all kernels, the others a share.
    if (t != ComputeType::f32 && !is_complex(t) && id % 4 != 0) continue;
    Program p = expr::parse_request(info.request);
    try {
      std::set<std::string> more = expr::used_functions(p, d, t);
      functions += wrap(p, d, t);
      used.insert(more.begin(), more.end());
      programs.push_back(std::move(p));
    } catch (const RusTorchError& e) {
      ASSERT_EQ(e.kind(), ErrorKind::NotImplemented) << e.what();
    }
  }
  std::string source = expr::dialect_prelude(d, t, used) + functions;
  const char* text = source.c_str();
  cl_int error;
  cl_program program = cl().clCreateProgramWithSource(cl().context, 1, &text, nullptr, &error);
  if (cl().clBuildProgram(program, 1, &cl().device, "", nullptr, nullptr) != CL_SUCCESS) {
    std::vector<char> log(100000);
    cl().clGetProgramBuildInfo(program, cl().device, CL_PROGRAM_BUILD_LOG, log.size() - 1, log.data(),
                               nullptr);
    FAIL() << log.data() << "\n" << source;
  }
  for (const Program& p : programs) run(p, t, program);
  cl().clReleaseProgram(program);
}

INSTANTIATE_TEST_SUITE_P(Types, OpenClKernels, ::testing::Range(0, kNumComputeTypes), [](const auto& info) {
  return std::string(compute_type_name(static_cast<ComputeType>(info.param)));
});

}  // namespace
}  // namespace rustorch
#endif
