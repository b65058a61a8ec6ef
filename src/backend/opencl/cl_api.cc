#include "backend/opencl/cl_api.h"

#include <dlfcn.h>

#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

struct Loaded {
  Api api;
  bool ok = false;
  std::string reason;

  Loaded() {
    void* library = nullptr;
    for (const char* name :
         {"libOpenCL.so.1", "libOpenCL.so", "/System/Library/Frameworks/OpenCL.framework/OpenCL"})
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      reason =
          "the library libOpenCL.so.1 was not found; hint: install an OpenCL driver and its loader "
          "(ocl-icd-libopencl1)";
      return;
    }
#define RT_CL_LOAD(n)                                              \
  api.n = reinterpret_cast<decltype(api.n)>(dlsym(library, #n));   \
  if (api.n == nullptr) {                                          \
    reason = "libOpenCL.so.1 lacks " #n " (OpenCL 1.2 is needed)"; \
    return;                                                        \
  }
    RT_CL_FUNCTIONS(RT_CL_LOAD)
#undef RT_CL_LOAD
    ok = true;
  }
};

const Loaded& loaded() {
  static const auto* instance = new Loaded;
  return *instance;
}

}  // namespace

const Api* load_api(std::string* reason) {
  if (loaded().ok) return &loaded().api;
  *reason = loaded().reason;
  return nullptr;
}

const Api& api() { return loaded().api; }

void check(cl_int code, const char* call) {
  if (code == CL_SUCCESS) [[likely]]
    return;
  if (code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
      code == CL_OUT_OF_HOST_MEMORY || code == CL_INVALID_BUFFER_SIZE)
    raise(ErrorKind::OutOfMemory, "opencl",
          cat("out of memory on the OpenCL device: ", call, " gave error ", code));
  raise(ErrorKind::Internal, "opencl", cat(call, " failed with OpenCL error ", code));
}

}  // namespace rustorch::opencl
