// posix_vfs(): files of the system (see vfs.h). Every call is repeated on EINTR and after a short transfer.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "base/vfs.h"

namespace rustorch {
namespace {

constexpr size_t kMaxTransfer = size_t{1} << 30;  // some systems refuse more than INT_MAX at once
constexpr size_t kBuffer = size_t{256} << 10;

detail::ErrValue system_error(const char* op, const std::string& path, int code) {
  return Err(ErrorKind::Io, op, cat(std::strerror(code), ": '", path, "'"));
}

template <class F>
auto retry(F f) {
  auto r = f();
  while (r < 0 && errno == EINTR) r = f();
  return r;
}

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  /// 0, or -1 with errno. Never repeated: the descriptor is gone even after EINTR.
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 ? 0 : ::close(fd);
  }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

class PosixReader final : public ReadFile {
 public:
  PosixReader(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  RusTorchResult<size_t> read(void* out, size_t n) override {
    return transfer(
        n, [&](size_t done, size_t want) { return ::read(fd_.get(), static_cast<char*>(out) + done, want); });
  }
  RusTorchResult<size_t> read_at(uint64_t offset, void* out, size_t n) override {
    if (offset > static_cast<uint64_t>(INT64_MAX) - n) return size_t{0};
    return transfer(n, [&](size_t done, size_t want) {
      return ::pread(fd_.get(), static_cast<char*>(out) + done, want, static_cast<off_t>(offset + done));
    });
  }
  RusTorchResult<uint64_t> size() override {
    struct stat info;
    if (fstat(fd_.get(), &info) != 0) return system_error("size", path_, errno);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  template <class F>
  RusTorchResult<size_t> transfer(size_t n, F call) {
    size_t done = 0;
    while (done < n) {
      const ssize_t got = retry([&] { return call(done, std::min(n - done, kMaxTransfer)); });
      if (got < 0) return system_error("read", path_, errno);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Descriptor fd_;
  std::string path_;
};

/// Writes to `temporary`, or straight to the target when that is a device or pipe (temporary is empty then).
class PosixWriter final : public WriteFile {
 public:
  PosixWriter(Descriptor fd, std::string target, std::string temporary)
      : fd_(std::move(fd)), target_(std::move(target)), temporary_(std::move(temporary)) {
    buffer_.reserve(kBuffer);
  }
  ~PosixWriter() override { discard(); }

  RusTorchResult<void> write(const void* data, size_t n) override {
    position_ += n;
    if (buffer_.size() + n <= kBuffer) {
      buffer_.append(static_cast<const char*>(data), n);
      return Ok();
    }
    RT_TRY_VOID(flush());
    if (n <= kBuffer) {
      buffer_.append(static_cast<const char*>(data), n);
      return Ok();
    }
    return put(static_cast<const char*>(data), n);
  }

  uint64_t position() const override { return position_; }

  RusTorchResult<void> commit() override {
    RT_TRY_VOID(flush());
    if (temporary_.empty()) {
      if (fd_.close() != 0) return system_error("close", target_, errno);
      return Ok();
    }
    if (retry([&] { return fsync(fd_.get()); }) != 0) return failed("fsync");
    if (fd_.close() != 0) return failed("close");
    if (rename(temporary_.c_str(), target_.c_str()) != 0) return failed("rename");
    temporary_.clear();
    return sync_folder();
  }

 private:
  RusTorchResult<void> flush() {
    RT_TRY_VOID(put(buffer_.data(), buffer_.size()));
    buffer_.clear();
    return Ok();
  }
  RusTorchResult<void> put(const char* data, size_t n) {
    while (n > 0) {
      const ssize_t done = retry([&] { return ::write(fd_.get(), data, std::min(n, kMaxTransfer)); });
      if (done < 0) return failed("write");
      data += done;
      n -= static_cast<size_t>(done);
    }
    return Ok();
  }
  RusTorchResult<void> failed(const char* op) {
    const int code = errno;
    discard();
    return system_error(op, target_, code);
  }
  void discard() {
    fd_.close();
    if (!temporary_.empty()) unlink(temporary_.c_str());
    temporary_.clear();
  }
  /// Makes the rename itself durable. Some file systems cannot sync folders: that is no failure.
  RusTorchResult<void> sync_folder() {
    const std::string folder = folder_of(target_);
    Descriptor fd(retry([&] { return ::open(folder.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (fd.get() < 0)
      return errno == EACCES ? RusTorchResult<void>(Ok()) : system_error("open", folder, errno);
    if (retry([&] { return fsync(fd.get()); }) != 0 && errno != EINVAL && errno != EBADF && errno != ENOTSUP)
      return system_error("fsync", folder, errno);
    return Ok();
  }

  Descriptor fd_;
  std::string target_, temporary_, buffer_;
  uint64_t position_ = 0;
};

class PosixMap final : public FileMap {
 public:
  PosixMap(void* data, size_t size, MapMode mode) : data_(data), size_(size), mode_(mode) {}
  ~PosixMap() override {
    if (data_ != nullptr) munmap(data_, size_);
  }
  const void* data() const override { return data_; }
  void* mutable_data() override { return mode_ == MapMode::CopyOnWrite ? data_ : nullptr; }
  size_t size() const override { return size_; }

 private:
  void* data_;
  size_t size_;
  MapMode mode_;
};

class PosixVfs final : public Vfs {
 public:
  RusTorchResult<std::unique_ptr<ReadFile>> open_read(const std::string& path) override {
    RT_TRY(fd, open_file(path));
    return std::unique_ptr<ReadFile>(new PosixReader(std::move(fd), path));
  }

  RusTorchResult<std::unique_ptr<WriteFile>> open_write(const std::string& path) override {
    std::string target = path;
    struct stat info;
    const bool there = stat(path.c_str(), &info) == 0;
    if (there && S_ISDIR(info.st_mode)) return system_error("open_write", path, EISDIR);
    if (there && !S_ISREG(info.st_mode)) {
      Descriptor fd(retry([&] { return ::open(path.c_str(), O_WRONLY | O_CLOEXEC); }));
      if (fd.get() < 0) return system_error("open_write", path, errno);
      return std::unique_ptr<WriteFile>(new PosixWriter(std::move(fd), path, ""));
    }
    if (there) {
      if (access(path.c_str(), W_OK) != 0) return system_error("open_write", path, errno);
      char resolved[PATH_MAX];  // write through a symbolic link, do not replace it
      if (realpath(path.c_str(), resolved) != nullptr) target = resolved;
    }
    for (int tries = 0; tries < 100; ++tries) {
      const std::string temporary = temporary_name(target);
      Descriptor fd(
          retry([&] { return ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }));
      if (fd.get() < 0 && errno == EEXIST) continue;
      if (fd.get() < 0) return system_error("open_write", path, errno);
      if (there) (void)!fchmod(fd.get(), info.st_mode & 07777);  // keep the mode of the old file
      return std::unique_ptr<WriteFile>(new PosixWriter(std::move(fd), std::move(target), temporary));
    }
    return system_error("open_write", path, EEXIST);
  }

  RusTorchResult<std::unique_ptr<FileMap>> mmap_read(const std::string& path, MapMode mode) override {
    RT_TRY(fd, open_file(path));
    struct stat info;
    if (fstat(fd.get(), &info) != 0) return system_error("mmap_read", path, errno);
    if (!S_ISREG(info.st_mode))
      return Err(ErrorKind::Io, "mmap_read", cat("expected a regular file: '", path, "'"));
    const size_t size = static_cast<size_t>(info.st_size);
    void* data = nullptr;
    if (size != 0) {
      const int protection = mode == MapMode::CopyOnWrite ? PROT_READ | PROT_WRITE : PROT_READ;
      data = mmap(nullptr, size, protection, MAP_PRIVATE, fd.get(), 0);
      if (data == MAP_FAILED) return system_error("mmap_read", path, errno);
    }
    return std::unique_ptr<FileMap>(new PosixMap(data, size, mode));
  }

  RusTorchResult<bool> exists(const std::string& path) override {
    struct stat info;
    if (stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error("exists", path, errno);
  }

  RusTorchResult<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return system_error("remove", path, errno);
    return Ok();
  }

  RusTorchResult<std::vector<std::string>> list(const std::string& folder) override {
    std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(folder.c_str()), closedir);
    if (dir == nullptr) return system_error("list", folder, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
      errno = 0;
    }
    if (errno != 0) return system_error("list", folder, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  RusTorchResult<uint64_t> size(const std::string& path) override {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) return system_error("size", path, errno);
    return static_cast<uint64_t>(info.st_size);
  }

  RusTorchResult<void> make_folder(const std::string& path) override {
    for (size_t at = 1; at <= path.size(); ++at) {
      if (at < path.size() && path[at] != '/') continue;
      const std::string part = path.substr(0, at);
      if (mkdir(part.c_str(), 0777) == 0) continue;
      const int code = errno;
      struct stat info;
      if (stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode))
        return system_error("make_folder", part, code);
    }
    return Ok();
  }

 private:
  static RusTorchResult<Descriptor> open_file(const std::string& path) {
    Descriptor fd(retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (fd.get() < 0) return system_error("open_read", path, errno);
    struct stat info;
    if (fstat(fd.get(), &info) == 0 && S_ISDIR(info.st_mode)) return system_error("open_read", path, EISDIR);
    return RusTorchResult<Descriptor>(std::move(fd));
  }

  /// A hidden name in the folder of the target; unique in this process, and O_EXCL settles the rest.
  static std::string temporary_name(const std::string& target) {
    static std::atomic<unsigned> counter{0};
    const size_t slash = target.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "" : target.substr(0, slash + 1);
    const std::string name = (slash == std::string::npos ? target : target.substr(slash + 1)).substr(0, 200);
    return cat(folder, ".", name, ".", static_cast<long>(getpid()), ".", counter.fetch_add(1), ".tmp");
  }
};

}  // namespace

Vfs& posix_vfs() {
  static PosixVfs* const vfs = new PosixVfs;
  return *vfs;
}

}  // namespace rustorch
