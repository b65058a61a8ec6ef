// The CPU backend: every family, any dtype, any strides.
#pragma once
#include <memory>

#include "backend/compute_backend.h"

namespace rustorch {

std::unique_ptr<ComputeBackend> make_cpu_backend();

}  // namespace rustorch
