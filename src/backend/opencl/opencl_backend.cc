// The OpenCL backend: finds the devices; the kernels are in ../kernels.
#include "backend/opencl/opencl_backend.h"

#include <vector>

#include "backend/kernels/gpu_backend.h"
#include "backend/opencl/cl_device.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

using opencl::api;
using opencl::ClDevice;

using Devices = std::vector<std::unique_ptr<kernels::GpuDevice>>;

void add_devices(cl_platform_id platform, Devices* devices, std::string* reason) {
  cl_uint count = 0;
  if (api().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS || count == 0)
    return;
  std::vector<cl_device_id> ids(count);
  api().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
  for (cl_device_id id : ids) {
    try {
      devices->push_back(std::make_unique<ClDevice>(platform, id));
    } catch (const RusTorchError& e) {
      *reason = e.what();
    }
  }
}

}  // namespace

std::unique_ptr<ComputeBackend> make_opencl_backend(std::string* reason) {
  if (opencl::load_api(reason) == nullptr) return nullptr;
  cl_uint count = 0;
  if (api().clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS || count == 0) {
    *reason = "OpenCL has no platform; hint: install a driver, e.g. the package pocl-opencl-icd for the CPU";
    return nullptr;
  }
  std::vector<cl_platform_id> platforms(count);
  api().clGetPlatformIDs(count, platforms.data(), nullptr);
  *reason = "no OpenCL platform has a device";
  Devices
      devices;  // kept by the backend for ever: drivers take their own threads down in an order of their own
  for (cl_platform_id p : platforms) add_devices(p, &devices, reason);
  if (devices.empty()) return nullptr;
  reason->clear();
  return std::make_unique<kernels::GpuBackend>(std::move(devices));
}

}  // namespace rustorch
