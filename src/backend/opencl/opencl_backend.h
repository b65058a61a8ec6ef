// How the OpenCL backend is made; everything else of it is private to this folder.
#pragma once
#include <memory>
#include <string>

#include "backend/device_backend.h"
#include "backend/program_cache.h"

namespace rustorch {

/// The backend, or null with the reason when there is no OpenCL library or device.
std::unique_ptr<ComputeBackend> make_opencl_backend(std::string* reason);

/// Counters of the caches of compiled programs of all OpenCL devices, in memory and on disk.
struct OpenClCacheStats {
  uint64_t hits = 0, misses = 0, evictions = 0;
  size_t size = 0, capacity = 0;
  ProgramCacheStats disk;
};
OpenClCacheStats opencl_cache_stats();

}  // namespace rustorch
