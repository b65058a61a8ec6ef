// One OpenCL device: context, in-order queue, memory, and the bounded cache of compiled kernels.
//
// Devices live until the process ends. A storage's data pointer on this backend is a Buffer*, its context the
// ClDevice*. The queue runs in order, so that work issued later sees what was issued before; any thread may
// issue work, kernels' arguments are set under the device's lock. Memory that is given back while work uses
// it stays alive until that work is done (OpenCL counts).
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "backend/opencl/cl_api.h"
#include "backend/opencl/cl_pool.h"
#include "backend/program_cache.h"
#include "core/storage.h"
#include "core/tensor_impl.h"
#include "rustorch/device_manager.h"
#include "rustorch/tensor.h"

namespace rustorch::opencl {

/// A compiled kernel; shared, so that one that is evicted while in use stays whole.
struct Kernel {
  cl_program program = nullptr;
  cl_kernel kernel = nullptr;
  ~Kernel();
};
using KernelPtr = std::shared_ptr<Kernel>;

/// Kernels by key, least recently used first out. Capacity 0 keeps nothing (RUSTORCH_OPENCL_CACHE=0).
class KernelCache {
 public:
  KernelCache();
  KernelPtr find(const std::string& key);
  void insert(const std::string& key, const KernelPtr& kernel);

  uint64_t hits = 0, misses = 0, evictions = 0;
  size_t size() const { return entries_.size(); }
  size_t capacity() const { return capacity_; }

 private:
  using Entry = std::pair<std::string, KernelPtr>;
  size_t capacity_;
  std::list<Entry> order_;  // most recent first
  std::unordered_map<std::string, std::list<Entry>::iterator> entries_;
};

class ClDevice {
 public:
  ClDevice(cl_platform_id platform, cl_device_id id);
  ClDevice(const ClDevice&) = delete;
  ClDevice& operator=(const ClDevice&) = delete;

  const DeviceCapabilities& capabilities() const { return capabilities_; }

  Storage* allocate(size_t nbytes, Device device);
  void read(const Storage& from, size_t offset, void* to, size_t nbytes);
  void write(Storage& to, size_t offset, const void* from, size_t nbytes);
  void copy(Storage& to, size_t to_offset, const Storage& from, size_t from_offset, size_t nbytes);
  /// Repeats a pattern of 1, 2, 4, 8 or 16 bytes.
  void fill(Storage& to, size_t offset, const void* pattern, size_t pattern_size, size_t nbytes);
  void finish();

  /// The kernel of that key; source() is asked for the program's text on a miss. entry is the kernel's name.
  KernelPtr kernel(const std::string& key, const char* entry, const std::function<std::string()>& source);
  /// Throws DType unless the device computes in the type.
  void require(const char* op, DType t) const;
  std::mutex& mutex() { return mutex_; }
  cl_command_queue queue() const { return queue_; }
  const KernelCache& cache() const { return cache_; }
  const ProgramCache& programs() const { return *programs_; }
  /// What tensors are allocated with: the pool, unless a test has put something in its place.
  MemoryAllocator* memory() const { return memory_.load(); }
  void replace_allocator(MemoryAllocator* other) { memory_.store(other != nullptr ? other : pool_.get()); }

 private:
  cl_program build(const std::string& key, const std::string& text);
  cl_program program_from_disk(const std::string& identity);
  void keep_on_disk(const std::string& identity, cl_program program);
  static void* allocate_bytes(void* context, size_t nbytes);
  static void release_bytes(void* context, void* data, size_t nbytes);
  static void copy_bytes(void* context, void* dst, const void* src, size_t nbytes);
  static const StorageOps kOps;

  cl_device_id id_;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  DeviceCapabilities capabilities_;
  std::mutex mutex_;
  KernelCache cache_;
  std::unique_ptr<ClPool> pool_;
  std::atomic<MemoryAllocator*> memory_{nullptr};
  std::unique_ptr<ProgramCache> programs_;
};

/// The device of a tensor of this backend.
ClDevice& device_of(const Tensor& t);

/// One launch: arguments in order, then run(). Holds the device's lock meanwhile.
class Launch {
 public:
  Launch(ClDevice& device, KernelPtr kernel)
      : device_(device), kernel_(std::move(kernel)), lock_(device.mutex()) {}
  /// The buffer of a tensor that is only read.
  Launch& in(const Tensor& t);
  /// The buffer of a tensor that is written; its bytes must be private already (see writable()).
  Launch& buffer(const Storage& s);
  template <class T>
  Launch& value(const T& v) {
    return raw(&v, sizeof(T));
  }
  Launch& raw(const void* data, size_t nbytes);
  void run(int64_t items, int64_t group);
  void run(const size_t (&global)[3], const size_t (&local)[3]);

 private:
  ClDevice& device_;
  KernelPtr kernel_;
  std::lock_guard<std::mutex> lock_;
  cl_uint next_ = 0;
};

/// Makes the bytes of an output private; call it before any launch that reads or writes the storage.
inline const Storage& writable(const Tensor& t) {
  t.impl()->storage()->mutable_data();
  return *t.impl()->storage();
}

}  // namespace rustorch::opencl
