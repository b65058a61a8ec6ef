#include "backend/cuda/nvrtc.h"

#include <dlfcn.h>

#include "rustorch/error.h"

namespace rustorch::cuda {

namespace {

// NVRTC's C interface, as far as it is used; results are 0 for success.
using Program = void*;
struct Functions {
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) = nullptr;
  int (*compile)(Program, int, const char* const*) = nullptr;
  int (*destroy)(Program*) = nullptr;
  int (*log_size)(Program, size_t*) = nullptr;
  int (*log)(Program, char*) = nullptr;
  int (*ptx_size)(Program, size_t*) = nullptr;
  int (*ptx)(Program, char*) = nullptr;
  int (*cubin_size)(Program, size_t*) = nullptr;
  int (*cubin)(Program, char*) = nullptr;
  bool ok = false;

  Functions() {
    void* library = nullptr;
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                             "/usr/local/cuda/lib64/libnvrtc.so"})
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    ok = library != nullptr && load(library, create, "nvrtcCreateProgram") &&
         load(library, compile, "nvrtcCompileProgram") && load(library, destroy, "nvrtcDestroyProgram") &&
         load(library, log_size, "nvrtcGetProgramLogSize") && load(library, log, "nvrtcGetProgramLog") &&
         load(library, ptx_size, "nvrtcGetPTXSize") && load(library, ptx, "nvrtcGetPTX") &&
         load(library, cubin_size, "nvrtcGetCUBINSize") && load(library, cubin, "nvrtcGetCUBIN");
  }

  template <class F>
  static bool load(void* library, F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library, name));
    return function != nullptr;
  }
};

const Functions& nvrtc() {
  static const auto* functions = new Functions;
  return *functions;
}

/// A text of the compiler, by its two functions: size and contents.
std::string fetch(Program p, int (*size_of)(Program, size_t*), int (*get)(Program, char*)) {
  size_t size = 0;
  if (size_of(p, &size) != 0 || size == 0) return "";
  std::string text(size, '\0');
  return get(p, text.data()) == 0 ? text : "";
}

}  // namespace

bool nvrtc_available(std::string* reason) {
  if (!nvrtc().ok)
    *reason = "the library libnvrtc.so (11.2 or newer) was not found; hint: install the CUDA toolkit";
  return nvrtc().ok;
}

std::string compile_cuda(const std::string& source, const CudaTarget& target) {
  std::string reason;
  RT_CHECK(nvrtc_available(&reason), BackendUnavailable, "compile_cuda", reason);
  const Functions& f = nvrtc();
  Program program = nullptr;
  int error = f.create(&program, source.c_str(), "rustorch.cu", 0, nullptr, nullptr);
  RT_CHECK(error == 0, Internal, "compile_cuda", "NVRTC makes no program (error ", error, ")");
  std::vector<std::string> options = target.options;
  options.push_back("--gpu-architecture=" + target.architecture);
  std::vector<const char*> pointers;
  for (const std::string& o : options) pointers.push_back(o.c_str());
  error = f.compile(program, static_cast<int>(pointers.size()), pointers.data());
  const bool machine = target.architecture.rfind("sm_", 0) == 0;
  const std::string result = error != 0 ? ""
                             : machine  ? fetch(program, f.cubin_size, f.cubin)
                                        : fetch(program, f.ptx_size, f.ptx);
  const std::string log = result.empty() ? fetch(program, f.log_size, f.log) : "";
  f.destroy(&program);
  RT_CHECK(!result.empty(), Internal, "compile_cuda", "the program was refused (error ", error, "):\n", log);
  return result;
}

}  // namespace rustorch::cuda
