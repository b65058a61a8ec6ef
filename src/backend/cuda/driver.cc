#include "backend/cuda/driver.h"

#include <dlfcn.h>

namespace rustorch::cuda {

namespace {

// The driver's C interface, as far as it is used; results are 0 for success.
struct Functions {
  int (*cuInit)(unsigned) = nullptr;
  int (*cuDriverGetVersion)(int*) = nullptr;
  int (*cuDeviceGetCount)(int*) = nullptr;
  int (*cuDeviceGet)(int*, int) = nullptr;
  int (*cuDeviceGetName)(char*, int, int) = nullptr;
  int (*cuDeviceGetAttribute)(int*, int, int) = nullptr;
};
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

template <class F>
bool load(void* library, F& function, const char* name) {
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

Driver ask() {
  Driver d;
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    d.reason = "the library libcuda.so.1 was not found; hint: install NVIDIA's driver";
    return d;
  }
  Functions f;
  if (!load(library, f.cuInit, "cuInit") || !load(library, f.cuDriverGetVersion, "cuDriverGetVersion") ||
      !load(library, f.cuDeviceGetCount, "cuDeviceGetCount") ||
      !load(library, f.cuDeviceGet, "cuDeviceGet") || !load(library, f.cuDeviceGetName, "cuDeviceGetName") ||
      !load(library, f.cuDeviceGetAttribute, "cuDeviceGetAttribute")) {
    d.reason = "libcuda.so.1 lacks functions of the CUDA driver";
    return d;
  }
  const int error = f.cuInit(0);
  int count = 0;
  if (error != 0 || f.cuDriverGetVersion(&d.version) != 0 || f.cuDeviceGetCount(&count) != 0) {
    d.reason = "the CUDA driver does not start (error " + std::to_string(error) + ")";
    return d;
  }
  for (int k = 0; k < count; ++k) {
    int device = 0;
    char name[256] = "";
    Gpu gpu;
    if (f.cuDeviceGet(&device, k) != 0 || f.cuDeviceGetName(name, sizeof name, device) != 0) continue;
    gpu.name = name;
    f.cuDeviceGetAttribute(&gpu.major, kCapabilityMajor, device);
    f.cuDeviceGetAttribute(&gpu.minor, kCapabilityMinor, device);
    d.gpus.push_back(gpu);
  }
  if (d.gpus.empty()) d.reason = "the CUDA driver has no GPU";
  return d;
}

}  // namespace

const Driver& driver() {
  static const auto* found = new Driver(ask());
  return *found;
}

}  // namespace rustorch::cuda
