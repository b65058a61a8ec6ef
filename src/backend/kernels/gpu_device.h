// GpuDevice: what the device-neutral kernels need of a device, and Launch, which runs one of them.
//
// A backend derives from it (../opencl/cl_device.h): memory, copies, compiling a text and running it. The
// texts are written in the common language of language.h. Devices live until the process ends. A storage's
// context is its GpuDevice*. Work queued later must see what was queued before; any thread may queue work.
// After a fork the child's copy of a driver is dead: everything but giving memory back throws there.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "backend/program_cache.h"
#include "core/storage.h"
#include "core/tensor_impl.h"
#include "expr/dialect.h"
#include "memory/allocator.h"
#include "rustorch/device_manager.h"
#include "rustorch/tensor.h"

namespace rustorch::kernels {

/// A compiled kernel; shared, so that one that is evicted while in use stays whole.
class GpuKernel {
 public:
  virtual ~GpuKernel() = default;
};
using KernelPtr = std::shared_ptr<GpuKernel>;

/// Kernels by key, least recently used first out. Capacity 0 keeps nothing.
class KernelCache {
 public:
  explicit KernelCache(size_t capacity) : capacity_(capacity) {}
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

/// One argument of a launch: a buffer, or the bytes of a value.
struct Argument {
  const Storage* buffer;
  const void* data;
  size_t nbytes;
};

class GpuDevice {
 public:
  GpuDevice(DeviceType type, size_t cached_kernels);
  virtual ~GpuDevice() = default;
  GpuDevice(const GpuDevice&) = delete;
  GpuDevice& operator=(const GpuDevice&) = delete;

  DeviceType type() const { return type_; }
  const DeviceCapabilities& capabilities() const { return capabilities_; }
  /// The language of its programs.
  virtual const expr::Dialect& dialect() const = 0;

  // ---- memory
  Storage* allocate(size_t nbytes, Device device);
  /// Waits until done.
  virtual void read(const Storage& from, size_t offset, void* to, size_t nbytes) = 0;
  virtual void write(Storage& to, size_t offset, const void* from, size_t nbytes) = 0;
  virtual void copy(Storage& to, size_t to_offset, const Storage& from, size_t from_offset,
                    size_t nbytes) = 0;
  /// Repeats a pattern of 1, 2, 4, 8 or 16 bytes.
  virtual void fill(Storage& to, size_t offset, const void* pattern, size_t pattern_size, size_t nbytes) = 0;
  virtual void finish() = 0;
  /// What tensors are allocated with: the pool, unless a test has put something in its place.
  MemoryAllocator* memory() const { return memory_.load(); }
  void replace_allocator(MemoryAllocator* other) { memory_.store(other != nullptr ? other : pool_.get()); }

  // ---- kernels
  /// The kernel of that key; source() is asked for the program's text on a miss. entry is the kernel's name.
  KernelPtr kernel(const std::string& key, const char* entry, const std::function<std::string()>& source);
  /// global and local: work items in all and in a group, along each dimension.
  virtual void launch(GpuKernel& kernel, const Argument* arguments, unsigned count, const size_t (&global)[3],
                      const size_t (&local)[3]) = 0;
  /// Throws DType unless the device computes in the type.
  void require(const char* op, DType t) const;
  /// Guards the cache.
  std::mutex& mutex() { return mutex_; }
  const KernelCache& cache() const { return cache_; }
  virtual ProgramCacheStats disk_stats() const { return {}; }

  /// Throws BackendUnavailable in a process that was forked after the first device was made.
  void check_process() const;

 protected:
  void set_pool(std::unique_ptr<MemoryAllocator> pool);
  /// The whole text of a program, header included, to a kernel.
  virtual KernelPtr compile(const std::string& key, const char* entry, const std::string& text) = 0;
  /// The first bytes of one block of the pool to another.
  virtual void copy_block(void* to, const void* from, size_t nbytes) = 0;

  DeviceCapabilities capabilities_;

 private:
  static void* allocate_bytes(void* context, size_t nbytes);
  static void release_bytes(void* context, void* data, size_t nbytes);
  static void copy_bytes(void* context, void* dst, const void* src, size_t nbytes);
  static const StorageOps kOps;

  DeviceType type_;
  std::mutex mutex_;
  KernelCache cache_;
  std::unique_ptr<MemoryAllocator> pool_;
  std::atomic<MemoryAllocator*> memory_{nullptr};
};

/// Whether this process was forked from one that had made a device.
bool in_forked_child();

/// The device of a tensor that is not on the CPU.
GpuDevice& device_of(const Tensor& t);

/// One launch: arguments in order, then run().
class Launch {
 public:
  Launch(GpuDevice& device, KernelPtr kernel) : device_(device), kernel_(std::move(kernel)) {}
  /// The buffer of a tensor; if it is written, its bytes must be private already (see writable()).
  Launch& in(const Tensor& t);
  template <class T>
  Launch& value(const T& v) {
    return raw(&v, sizeof(T));
  }
  Launch& raw(const void* data, size_t nbytes);
  void run(int64_t items, int64_t group);
  void run(const size_t (&global)[3], const size_t (&local)[3]);

 private:
  static constexpr unsigned kArguments = 32;
  static constexpr size_t kBytes = 2048;
  Argument& next();

  GpuDevice& device_;
  KernelPtr kernel_;
  unsigned count_ = 0;
  size_t used_ = 0;
  std::array<Argument, kArguments> arguments_;
  alignas(16) std::array<unsigned char, kBytes> bytes_;
};

/// Makes the bytes of an output private; call it before any launch that reads or writes the storage.
inline const Storage& writable(const Tensor& t) {
  t.impl()->storage()->mutable_data();
  return *t.impl()->storage();
}

}  // namespace rustorch::kernels
