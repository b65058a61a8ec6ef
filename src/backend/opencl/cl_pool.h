// The memory of one OpenCL device: buffers that are given back wait in size classes for the next tensor.
//
// A block is a Buffer*. The device's queue runs in order, so a buffer can be handed out again while work that
// uses it is still queued: later work sees it when that is done. What waits is bounded by a quarter of the
// device's memory, or by RUSTORCH_OPENCL_POOL bytes (0: nothing waits). Any thread may call.
#pragma once
#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "backend/opencl/cl_api.h"
#include "memory/allocator.h"

namespace rustorch::opencl {

/// What the data pointer of an OpenCL storage points to.
struct Buffer {
  cl_mem mem;
};

class ClPool final : public MemoryAllocator {
 public:
  /// max_block: the largest buffer that the device makes.
  ClPool(cl_context context, size_t memory, size_t max_block);

  void* allocate(size_t bytes) override;
  void deallocate(void* block, size_t bytes) noexcept override;
  const char* name() const override { return "opencl"; }
  MemoryStats stats() const override;
  void reset_peak() override;
  void set_limit(size_t bytes) override;
  size_t limit() const override;
  size_t trim() override;

  /// The bytes of the buffer that serves a request: four classes between powers of two.
  size_t rounded(size_t bytes) const;

 private:
  Buffer* make(size_t bytes);
  size_t release_all();  // under the lock

  cl_context context_;
  size_t max_block_, max_cached_, limit_ = 0, cached_ = 0;
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<Buffer*>> free_;
  MemoryStats stats_;
};

}  // namespace rustorch::opencl
