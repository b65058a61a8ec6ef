// Vfs: all access to files goes through this seam, so that tests can use memory and fail any call.
//
// Writing is atomic and durable: bytes go to a temporary file beside the target, commit() flushes, syncs,
// renames over the target and syncs the folder. A writer destroyed without commit() leaves the old file and
// no temporary. Failures are RusTorchError of kind Io. A Vfs and read_at() may be used from several threads;
// one ReadFile's read() and one WriteFile must not. Paths use '/' and are passed to the system as they are.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "rustorch/result.h"

namespace rustorch {

/// A file open for reading.
class ReadFile {
 public:
  virtual ~ReadFile() = default;
  /// Reads the next bytes; fewer than n only at the end of the file, 0 when there are none left.
  virtual RusTorchResult<size_t> read(void* out, size_t n) = 0;
  /// Reads at a position, without moving the one of read(); fewer than n only at the end.
  virtual RusTorchResult<size_t> read_at(uint64_t offset, void* out, size_t n) = 0;
  virtual RusTorchResult<uint64_t> size() = 0;

  /// read_at() that fails with Io when the file ends before n bytes.
  RusTorchResult<void> read_exact_at(uint64_t offset, void* out, size_t n);
};

/// A file being written; see the top of this file.
class WriteFile {
 public:
  virtual ~WriteFile() = default;
  virtual RusTorchResult<void> write(const void* data, size_t n) = 0;
  RusTorchResult<void> write(std::string_view text) { return write(text.data(), text.size()); }
  /// Bytes written so far.
  virtual uint64_t position() const = 0;
  /// Makes the file appear under its name. Nothing may be written after.
  virtual RusTorchResult<void> commit() = 0;
};

/// A file mapped into memory; the mapping lives as long as the object.
class FileMap {
 public:
  virtual ~FileMap() = default;
  /// nullptr for an empty file.
  virtual const void* data() const = 0;
  /// Private writable bytes (MapMode::CopyOnWrite only, else nullptr); writes never reach the file.
  virtual void* mutable_data() = 0;
  virtual size_t size() const = 0;
};

enum class MapMode { ReadOnly, CopyOnWrite };

class Vfs {
 public:
  virtual ~Vfs() = default;
  virtual RusTorchResult<std::unique_ptr<ReadFile>> open_read(const std::string& path) = 0;
  virtual RusTorchResult<std::unique_ptr<WriteFile>> open_write(const std::string& path) = 0;
  virtual RusTorchResult<std::unique_ptr<FileMap>> mmap_read(const std::string& path,
                                                             MapMode mode = MapMode::ReadOnly) = 0;
  virtual RusTorchResult<bool> exists(const std::string& path) = 0;
  virtual RusTorchResult<void> remove(const std::string& path) = 0;
  /// Names (without the folder) of what is in a folder, sorted.
  virtual RusTorchResult<std::vector<std::string>> list(const std::string& folder) = 0;
  virtual RusTorchResult<uint64_t> size(const std::string& path) = 0;
  /// Makes a folder and those above it; no error when it is there already.
  virtual RusTorchResult<void> make_folder(const std::string& path) = 0;
};

/// The system's files; never destroyed.
Vfs& posix_vfs();

/// The whole contents of a file; Io error when it is larger than max_bytes.
RusTorchResult<std::string> read_file(Vfs& vfs, const std::string& path, uint64_t max_bytes = UINT64_MAX);
/// Writes a file atomically.
RusTorchResult<void> write_file(Vfs& vfs, const std::string& path, std::string_view contents);

/// Files in memory, for tests and for archives that never touch a disk. Thread-safe. Folders exist by name
/// only.
class MemoryVfs final : public Vfs {
 public:
  RusTorchResult<std::unique_ptr<ReadFile>> open_read(const std::string& path) override;
  RusTorchResult<std::unique_ptr<WriteFile>> open_write(const std::string& path) override;
  RusTorchResult<std::unique_ptr<FileMap>> mmap_read(const std::string& path, MapMode mode) override;
  RusTorchResult<bool> exists(const std::string& path) override;
  RusTorchResult<void> remove(const std::string& path) override;
  RusTorchResult<std::vector<std::string>> list(const std::string& folder) override;
  RusTorchResult<uint64_t> size(const std::string& path) override;
  RusTorchResult<void> make_folder(const std::string&) override { return Ok(); }

  /// Puts a file in place directly.
  void put(const std::string& path, std::string contents);

 private:
  class Writer;
  RusTorchResult<std::shared_ptr<const std::string>> find(const char* op, const std::string& path);

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::string>> files_;
};

/// Passes calls on to another Vfs and fails chosen ones with Io. Every open, read, write, commit, map,
/// remove, list, size, exists and make_folder counts as one call, those on open files included. Example, over
/// every n:
///   for (int64_t n = 0;; ++n) { FaultVfs f(inner, n); ...save or load...; if (!f.triggered()) break; }
class FaultVfs final : public Vfs {
 public:
  enum class Mode { Once, FromThenOn };
  /// Fails call number `fail_at` (from 0); a negative number never fails. `inner` and this must outlive open
  /// files.
  FaultVfs(Vfs& inner, int64_t fail_at, Mode mode = Mode::Once)
      : inner_(inner), fail_at_(fail_at), mode_(mode) {}

  RusTorchResult<std::unique_ptr<ReadFile>> open_read(const std::string& path) override;
  RusTorchResult<std::unique_ptr<WriteFile>> open_write(const std::string& path) override;
  RusTorchResult<std::unique_ptr<FileMap>> mmap_read(const std::string& path, MapMode mode) override;
  RusTorchResult<bool> exists(const std::string& path) override;
  RusTorchResult<void> remove(const std::string& path) override;
  RusTorchResult<std::vector<std::string>> list(const std::string& folder) override;
  RusTorchResult<uint64_t> size(const std::string& path) override;
  RusTorchResult<void> make_folder(const std::string& path) override;

  int64_t calls() const { return calls_.load(); }
  bool triggered() const { return triggered_.load(); }
  /// Counts one call; the error if it is one to fail.
  RusTorchResult<void> step(const char* op, const std::string& path);

 private:
  Vfs& inner_;
  int64_t fail_at_;
  Mode mode_;
  std::atomic<int64_t> calls_{0};
  std::atomic<bool> triggered_{false};
};

}  // namespace rustorch
