// NVRTC, NVIDIA's run-time compiler for CUDA C, by dlopen. It needs neither a GPU nor a driver.
//
//   std::string reason;
//   if (nvrtc_available(&reason)) std::string ptx = compile_cuda(source, {"compute_75"});
#pragma once
#include <string>
#include <vector>

namespace rustorch::cuda {

/// Whether NVRTC is installed; else the reason in words.
bool nvrtc_available(std::string* reason);

struct CudaTarget {
  /// compute_XY gives PTX, which drivers compile further; sm_XY machine code for that GPU.
  std::string architecture;
  std::vector<std::string> options = {"--fmad=false"};  // products and sums are rounded as on the CPU
};

/// The compiled program. Throws Internal with the compiler's log when it is refused, BackendUnavailable
/// without NVRTC. Any thread may call.
std::string compile_cuda(const std::string& source, const CudaTarget& target);

}  // namespace rustorch::cuda
