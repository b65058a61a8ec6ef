// The CUDA driver's view of the machine, by dlopen: without a driver there is a reason in words and nothing
// else.
#pragma once
#include <string>
#include <vector>

namespace rustorch::cuda {

struct Gpu {
  std::string name;
  int major = 0, minor = 0;  // compute capability
};

struct Driver {
  int version = 0;  // 1000 * major + 10 * minor; 0: no driver
  std::vector<Gpu> gpus;
  std::string reason;  // why there is no GPU; empty when there is one
};

/// Asks once; the answer is kept. Any thread may call.
const Driver& driver();

}  // namespace rustorch::cuda
