// How the OpenCL backend is made; everything else of it is private to this folder.
#pragma once
#include <memory>
#include <string>

#include "backend/device_backend.h"

namespace rustorch {

/// The backend, or null with the reason when there is no OpenCL library or device.
std::unique_ptr<ComputeBackend> make_opencl_backend(std::string* reason);

}  // namespace rustorch
