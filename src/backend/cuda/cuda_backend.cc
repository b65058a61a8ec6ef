#include "backend/cuda/cuda_backend.h"

#include "backend/cuda/driver.h"
#include "rustorch/error.h"

namespace rustorch {

std::unique_ptr<ComputeBackend> make_cuda_backend(std::string* reason) {
  const cuda::Driver& driver = cuda::driver();
  *reason = driver.gpus.empty()
                ? driver.reason
                : cat("this build has no CUDA kernels for the GPU '", driver.gpus[0].name, "'");
  return nullptr;
}

}  // namespace rustorch
