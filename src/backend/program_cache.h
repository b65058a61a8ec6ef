// Compiled device programs on disk, so that the next process need not compile them again.
//
// A key is everything that a binary depends on: driver, device, options and source. A file holds the whole
// key, so that two keys never get mixed up, and a checksum; files that are damaged, cut off or of another
// version count as missing and are removed. Files appear atomically (Vfs), several processes may share a
// folder. When the files outgrow the limit some go; which is arbitrary, their names being hashes. Failures of
// the disk are never errors: the program is compiled. Any thread may call.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace rustorch {

class Vfs;

/// Counters of a ProgramCache since it was made.
struct ProgramCacheStats {
  uint64_t hits = 0, misses = 0, stores = 0, evictions = 0, damaged = 0;
};

class ProgramCache {
 public:
  /// An empty folder or a limit of 0 switches the cache off. vfs must outlive it.
  ProgramCache(Vfs& vfs, std::string folder, uint64_t limit_bytes);

  bool enabled() const { return !folder_.empty() && limit_ > 0; }
  const std::string& folder() const { return folder_; }
  /// The binary of a key, or "" when there is none.
  std::string find(const std::string& key);
  void insert(const std::string& key, std::string_view binary);
  ProgramCacheStats stats() const;

  /// Where the user's programs lie: RUSTORCH_CACHE_DIR, else the system's folder for caches; "" switches off.
  static std::string default_folder();
  /// RUSTORCH_CACHE_LIMIT in bytes, else 256 MiB.
  static uint64_t default_limit();

 private:
  std::string path_of(const std::string& key) const;
  void drop(const std::string& path);
  void shrink(const std::string& keep);

  Vfs& vfs_;
  std::string folder_;
  uint64_t limit_;
  std::mutex mutex_;    // of shrink
  int64_t total_ = -1;  // bytes in the folder as far as this process knows; -1: not counted yet
  std::atomic<uint64_t> hits_{0}, misses_{0}, stores_{0}, evictions_{0}, damaged_{0};
};

}  // namespace rustorch
