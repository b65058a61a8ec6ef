// Storage: a reference-counted block of memory with a version counter and copy-on-write sharing.
//
// Views of one tensor share one Storage, so a write through any of them bumps the one version; writes through
// x.data (and views of that) are counted apart, so that what saved x does not see them. clone() makes
// a new Storage that shares the bytes (a CowBlock) until either side asks for mutable_data(). Threads:
// reference counts are atomic; two threads may read, and may write to different Storages that share bytes;
// writing to one Storage from two threads at once is the caller's race, as in PyTorch.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rustorch/device.h"

namespace rustorch {

/// How the bytes of a storage are obtained, copied and given back. One constant table per memory kind.
struct StorageOps {
  void* (*allocate)(void* context, size_t nbytes);
  void (*release)(void* context, void* data, size_t nbytes);
  void (*copy)(void* context, void* dst, const void* src, size_t nbytes);
  bool opaque = false;  // there are no bytes: release() gives back the context, and nothing may be shared
};

/// The bytes that several storages share until one of them writes.
struct CowBlock {
  std::atomic<uint32_t> refs;
};

class Storage {
 public:
  /// Takes ownership of data (which ops->release gives back).
  Storage(void* data, size_t nbytes, Device device, const StorageOps* ops, void* context)
      : device_(device), data_(data), nbytes_(nbytes), ops_(ops), context_(context) {}
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void retain() { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (refs_.load(std::memory_order_acquire) == 1 || refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }
  uint32_t use_count() const { return refs_.load(std::memory_order_relaxed); }

  const void* data() const { return data_; }
  /// The bytes, made private first when they are shared. Throws OutOfMemory.
  void* mutable_data() {
    if (cow_.load(std::memory_order_relaxed) != nullptr) [[unlikely]]
      unshare();
    return data_;
  }
  size_t nbytes() const { return nbytes_; }
  Device device() const { return device_; }
  const StorageOps* ops() const { return ops_; }
  void* context() const { return context_; }

  /// Number of writes, through data aliases or through all others.
  uint32_t version(bool data_alias) const { return versions_[data_alias]; }
  void bump_version(bool data_alias) { ++versions_[data_alias]; }

  /// A new storage with the same bytes, shared until a write. Null when this storage may not share
  /// (its bytes were handed to foreign code that can write at any time).
  Storage* share();
  bool is_shared() const { return cow_.load(std::memory_order_relaxed) != nullptr; }
  /// Forbids sharing from now on, after making the bytes private: a foreign library is given the address.
  void pin();
  bool is_pinned() const { return pinned_; }

  /// Grows or shrinks to nbytes, keeping the common prefix.
  void resize(size_t nbytes);

  static void* operator new(size_t size);
  static void operator delete(void* p);

 private:
  void unshare();

  std::atomic<uint32_t> refs_{1};
  uint32_t versions_[2] = {};
  Device device_;
  bool pinned_ = false;
  void* data_;
  size_t nbytes_;
  const StorageOps* ops_;
  void* context_;
  std::atomic<CowBlock*> cow_{nullptr};  // set by whoever shares first; clones of one tensor may race
};

}  // namespace rustorch
