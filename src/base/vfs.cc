// The parts of vfs.h that touch no system: helpers, MemoryVfs and FaultVfs.
#include "base/vfs.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace rustorch {
namespace {

/// Copies what there is of [offset, offset + n) and returns how much.
size_t copy_range(const std::string& from, uint64_t offset, void* out, size_t n) {
  if (offset >= from.size()) return 0;
  const size_t count = std::min<size_t>(n, from.size() - static_cast<size_t>(offset));
  if (count != 0) std::memcpy(out, from.data() + offset, count);
  return count;
}

class MemoryReader final : public ReadFile {
 public:
  explicit MemoryReader(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  RusTorchResult<size_t> read(void* out, size_t n) override {
    const size_t count = copy_range(*bytes_, position_, out, n);
    position_ += count;
    return count;
  }
  RusTorchResult<size_t> read_at(uint64_t offset, void* out, size_t n) override {
    return copy_range(*bytes_, offset, out, n);
  }
  RusTorchResult<uint64_t> size() override { return uint64_t{bytes_->size()}; }

 private:
  std::shared_ptr<const std::string> bytes_;
  uint64_t position_ = 0;
};

class MemoryMap final : public FileMap {
 public:
  MemoryMap(std::shared_ptr<const std::string> bytes, MapMode mode) : bytes_(std::move(bytes)) {
    if (mode == MapMode::CopyOnWrite) {
      own_ = std::make_shared<std::string>(*bytes_);
      bytes_ = own_;
    }
  }
  const void* data() const override { return bytes_->empty() ? nullptr : bytes_->data(); }
  void* mutable_data() override { return own_ == nullptr || own_->empty() ? nullptr : own_->data(); }
  size_t size() const override { return bytes_->size(); }

 private:
  std::shared_ptr<const std::string> bytes_;
  std::shared_ptr<std::string> own_;
};

}  // namespace

RusTorchResult<void> ReadFile::read_exact_at(uint64_t offset, void* out, size_t n) {
  RT_TRY(got, read_at(offset, out, n));
  if (got != n)
    return Err(ErrorKind::Io, "read",
               cat("the file ends too early; got ", got, " bytes at offset ", offset, "; expected ", n));
  return Ok();
}

RusTorchResult<std::string> read_file(Vfs& vfs, const std::string& path, uint64_t max_bytes) {
  RT_TRY(file, vfs.open_read(path));
  RT_TRY(size, file->size());
  std::string contents;
  // The size is a hint only: special files say 0, and files may grow while they are read.
  size_t block = static_cast<size_t>(std::min<uint64_t>(size, max_bytes)) + 1;
  for (;;) {
    if (contents.size() > max_bytes)
      return Err(ErrorKind::Io, "read",
                 cat("file '", path, "' is too large; expected at most ", max_bytes, " bytes"));
    const size_t have = contents.size();
    contents.resize(have + block);
    RT_TRY(got, file->read(contents.data() + have, block));
    contents.resize(have + got);
    if (got < block) return Ok(std::move(contents));
    block = std::max<size_t>(block / 2, 4096);
  }
}

RusTorchResult<void> write_file(Vfs& vfs, const std::string& path, std::string_view contents) {
  RT_TRY(file, vfs.open_write(path));
  RT_TRY_VOID(file->write(contents));
  return file->commit();
}

// ---- MemoryVfs --------------------------------------------------------------------------------------------

class MemoryVfs::Writer final : public WriteFile {
 public:
  Writer(MemoryVfs* vfs, std::string path) : vfs_(vfs), path_(std::move(path)) {}
  RusTorchResult<void> write(const void* data, size_t n) override {
    bytes_.append(static_cast<const char*>(data), n);
    return Ok();
  }
  uint64_t position() const override { return bytes_.size(); }
  RusTorchResult<void> commit() override {
    vfs_->put(path_, std::move(bytes_));
    return Ok();
  }

 private:
  MemoryVfs* vfs_;
  std::string path_, bytes_;
};

RusTorchResult<std::shared_ptr<const std::string>> MemoryVfs::find(const char* op, const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = files_.find(path);
  if (it == files_.end()) return Err(ErrorKind::Io, op, cat("No such file or directory: '", path, "'"));
  return it->second;
}

void MemoryVfs::put(const std::string& path, std::string contents) {
  auto bytes = std::make_shared<const std::string>(std::move(contents));
  std::lock_guard<std::mutex> lock(mutex_);
  files_[path] = std::move(bytes);
}

RusTorchResult<std::unique_ptr<ReadFile>> MemoryVfs::open_read(const std::string& path) {
  RT_TRY(bytes, find("open_read", path));
  return std::unique_ptr<ReadFile>(new MemoryReader(std::move(bytes)));
}

RusTorchResult<std::unique_ptr<WriteFile>> MemoryVfs::open_write(const std::string& path) {
  return std::unique_ptr<WriteFile>(new Writer(this, path));
}

RusTorchResult<std::unique_ptr<FileMap>> MemoryVfs::mmap_read(const std::string& path, MapMode mode) {
  RT_TRY(bytes, find("mmap_read", path));
  return std::unique_ptr<FileMap>(new MemoryMap(std::move(bytes), mode));
}

RusTorchResult<bool> MemoryVfs::exists(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.count(path) != 0) return true;
  const auto inside = files_.lower_bound(path + "/");
  return inside != files_.end() && inside->first.compare(0, path.size() + 1, path + "/") == 0;
}

RusTorchResult<void> MemoryVfs::remove(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.erase(path) == 0)
    return Err(ErrorKind::Io, "remove", cat("No such file or directory: '", path, "'"));
  return Ok();
}

RusTorchResult<std::vector<std::string>> MemoryVfs::list(const std::string& folder) {
  std::lock_guard<std::mutex> lock(mutex_);
  const std::string prefix = folder.empty() || folder.back() == '/' ? folder : folder + "/";
  std::set<std::string> names;
  for (auto it = files_.lower_bound(prefix); it != files_.end(); ++it) {
    if (it->first.compare(0, prefix.size(), prefix) != 0) break;
    const size_t slash = it->first.find('/', prefix.size());
    names.insert(it->first.substr(prefix.size(), slash == std::string::npos ? slash : slash - prefix.size()));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

RusTorchResult<uint64_t> MemoryVfs::size(const std::string& path) {
  RT_TRY(bytes, find("size", path));
  return uint64_t{bytes->size()};
}

// ---- FaultVfs ---------------------------------------------------------------------------------------------

namespace {

class FaultReader final : public ReadFile {
 public:
  FaultReader(FaultVfs* vfs, std::string path, std::unique_ptr<ReadFile> inner)
      : vfs_(vfs), path_(std::move(path)), inner_(std::move(inner)) {}
  RusTorchResult<size_t> read(void* out, size_t n) override {
    RT_TRY_VOID(vfs_->step("read", path_));
    return inner_->read(out, n);
  }
  RusTorchResult<size_t> read_at(uint64_t offset, void* out, size_t n) override {
    RT_TRY_VOID(vfs_->step("read_at", path_));
    return inner_->read_at(offset, out, n);
  }
  RusTorchResult<uint64_t> size() override {
    RT_TRY_VOID(vfs_->step("size", path_));
    return inner_->size();
  }

 private:
  FaultVfs* vfs_;
  std::string path_;
  std::unique_ptr<ReadFile> inner_;
};

class FaultWriter final : public WriteFile {
 public:
  FaultWriter(FaultVfs* vfs, std::string path, std::unique_ptr<WriteFile> inner)
      : vfs_(vfs), path_(std::move(path)), inner_(std::move(inner)) {}
  RusTorchResult<void> write(const void* data, size_t n) override {
    RT_TRY_VOID(vfs_->step("write", path_));
    return inner_->write(data, n);
  }
  uint64_t position() const override { return inner_->position(); }
  RusTorchResult<void> commit() override {
    RT_TRY_VOID(vfs_->step("commit", path_));
    return inner_->commit();
  }

 private:
  FaultVfs* vfs_;
  std::string path_;
  std::unique_ptr<WriteFile> inner_;
};

}  // namespace

RusTorchResult<void> FaultVfs::step(const char* op, const std::string& path) {
  const int64_t call = calls_.fetch_add(1);
  if (fail_at_ < 0 || call < fail_at_ || (call > fail_at_ && mode_ == Mode::Once)) return Ok();
  triggered_.store(true);
  return Err(ErrorKind::Io, op, cat("injected fault at call ", call, " on '", path, "'"));
}

RusTorchResult<std::unique_ptr<ReadFile>> FaultVfs::open_read(const std::string& path) {
  RT_TRY_VOID(step("open_read", path));
  RT_TRY(file, inner_.open_read(path));
  return std::unique_ptr<ReadFile>(new FaultReader(this, path, std::move(file)));
}

RusTorchResult<std::unique_ptr<WriteFile>> FaultVfs::open_write(const std::string& path) {
  RT_TRY_VOID(step("open_write", path));
  RT_TRY(file, inner_.open_write(path));
  return std::unique_ptr<WriteFile>(new FaultWriter(this, path, std::move(file)));
}

RusTorchResult<std::unique_ptr<FileMap>> FaultVfs::mmap_read(const std::string& path, MapMode mode) {
  RT_TRY_VOID(step("mmap_read", path));
  return inner_.mmap_read(path, mode);
}

RusTorchResult<bool> FaultVfs::exists(const std::string& path) {
  RT_TRY_VOID(step("exists", path));
  return inner_.exists(path);
}

RusTorchResult<void> FaultVfs::remove(const std::string& path) {
  RT_TRY_VOID(step("remove", path));
  return inner_.remove(path);
}

RusTorchResult<std::vector<std::string>> FaultVfs::list(const std::string& folder) {
  RT_TRY_VOID(step("list", folder));
  return inner_.list(folder);
}

RusTorchResult<uint64_t> FaultVfs::size(const std::string& path) {
  RT_TRY_VOID(step("size", path));
  return inner_.size(path);
}

RusTorchResult<void> FaultVfs::make_folder(const std::string& path) {
  RT_TRY_VOID(step("make_folder", path));
  return inner_.make_folder(path);
}

}  // namespace rustorch
