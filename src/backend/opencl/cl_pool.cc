#include "backend/opencl/cl_pool.h"

#include <algorithm>
#include <cstdlib>

#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

constexpr size_t kSmallest = 512;

void destroy(Buffer* buffer) {
  api().clReleaseMemObject(buffer->mem);
  delete buffer;
}

}  // namespace

ClPool::ClPool(cl_context context, size_t memory, size_t max_block)
    : context_(context), max_block_(max_block), max_cached_(memory / 4) {
  if (const char* text = std::getenv("RUSTORCH_OPENCL_POOL")) max_cached_ = std::strtoull(text, nullptr, 10);
}

size_t ClPool::rounded(size_t bytes) const {
  if (bytes <= kSmallest) return kSmallest;
  size_t step = kSmallest / 4;
  while (step * 8 < bytes) step *= 2;  // 4 * step < bytes <= 8 * step
  const size_t up = (bytes + step - 1) / step * step;
  return up <= max_block_ ? up : bytes;
}

Buffer* ClPool::make(size_t bytes) {
  auto* buffer = new Buffer;
  cl_int error = CL_SUCCESS;
  buffer->mem = api().clCreateBuffer(context_, CL_MEM_READ_WRITE, bytes, nullptr, &error);
  if (error == CL_SUCCESS) return buffer;
  delete buffer;
  return nullptr;
}

void* ClPool::allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  RT_CHECK(bytes <= max_block_, OutOfMemory, "opencl", "tried to allocate ", bytes,
           " bytes; expected at most ", max_block_, " in one block on this device");
  const size_t size = rounded(bytes);
  std::lock_guard<std::mutex> lock(mutex_);
  if (limit_ != 0 && stats_.allocated + bytes > limit_) raise_out_of_memory("opencl", bytes, stats_, limit_);
  Buffer* found = nullptr;
  auto waiting = free_.find(size);
  if (waiting != free_.end() && !waiting->second.empty()) {
    found = waiting->second.back();
    waiting->second.pop_back();
    cached_ -= size;
    ++stats_.cache_hits;
  } else {
    found = make(size);
    if (found == nullptr && release_all() > 0) found = make(size);
    if (found == nullptr) raise_out_of_memory("opencl", bytes, stats_, limit_);
    stats_.reserved += size;
    ++stats_.cache_misses;
  }
  ++stats_.num_allocs;
  stats_.allocated += bytes;
  stats_.peak_allocated = std::max(stats_.peak_allocated, stats_.allocated);
  stats_.peak_reserved = std::max(stats_.peak_reserved, stats_.reserved);
  return found;
}

void ClPool::deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  auto* buffer = static_cast<Buffer*>(block);
  const size_t size = rounded(bytes);
  std::lock_guard<std::mutex> lock(mutex_);
  ++stats_.num_frees;
  stats_.allocated -= bytes;
  if (cached_ + size <= max_cached_) {
    try {
      free_[size].push_back(buffer);
      cached_ += size;
      return;
    } catch (...) {  // no memory for the list: the buffer goes
    }
  }
  stats_.reserved -= size;
  destroy(buffer);
}

MemoryStats ClPool::stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return stats_;
}

void ClPool::reset_peak() {
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.peak_allocated = stats_.allocated;
  stats_.peak_reserved = stats_.reserved;
}

void ClPool::set_limit(size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  limit_ = bytes;
}

size_t ClPool::limit() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

size_t ClPool::trim() {
  std::lock_guard<std::mutex> lock(mutex_);
  return release_all();
}

size_t ClPool::release_all() {
  for (auto& [size, buffers] : free_)
    for (Buffer* b : buffers) destroy(b);
  free_.clear();
  const size_t given = cached_;
  stats_.reserved -= cached_;
  cached_ = 0;
  ++stats_.num_trims;
  return given;
}

}  // namespace rustorch::opencl
