// How the CUDA backend is made; everything else of it is private to this folder.
#pragma once
#include <memory>
#include <string>

#include "backend/device_backend.h"

namespace rustorch {

/// Null with the reason: there is no GPU or driver, or no kernels for it in this build.
std::unique_ptr<ComputeBackend> make_cuda_backend(std::string* reason);

}  // namespace rustorch
