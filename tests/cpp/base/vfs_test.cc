#include "base/vfs.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "gtest/gtest.h"
#include "rustorch/warn.h"

namespace rustorch {
namespace {
namespace fs = std::filesystem;

/// The same tests run over the real files (in a temporary folder) and over memory.
class VfsTest : public ::testing::TestWithParam<bool> {
 protected:
  VfsTest() {
    if (GetParam()) {
      std::string name = (fs::temp_directory_path() / "rustorch_vfs_XXXXXX").string();
      folder_ = mkdtemp(name.data());
    } else {
      folder_ = "/memory";
    }
  }
  ~VfsTest() override {
    if (GetParam()) fs::remove_all(folder_);
  }
  Vfs& vfs() { return GetParam() ? posix_vfs() : memory_; }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  MemoryVfs memory_;
  std::string folder_;
};

TEST_P(VfsTest, WritesAndReadsBack) {
  const std::string big(700'000, 'x');
  {
    auto file = vfs().open_write(path("a.bin")).unwrap();
    file->write("hello ").unwrap();
    file->write(big).unwrap();
    EXPECT_EQ(file->position(), big.size() + 6);
    EXPECT_FALSE(vfs().exists(path("a.bin")).unwrap());
    file->commit().unwrap();
  }
  EXPECT_TRUE(vfs().exists(path("a.bin")).unwrap());
  EXPECT_EQ(vfs().size(path("a.bin")).unwrap(), big.size() + 6);
  EXPECT_EQ(read_file(vfs(), path("a.bin")).unwrap(), "hello " + big);
  auto file = vfs().open_read(path("a.bin")).unwrap();
  char text[16];
  EXPECT_EQ(file->read(text, 5).unwrap(), 5u);
  EXPECT_EQ(std::string(text, 5), "hello");
  EXPECT_EQ(file->read_at(big.size() + 4, text, 16).unwrap(), 2u);
  EXPECT_EQ(file->read_at(big.size() + 100, text, 16).unwrap(), 0u);
  EXPECT_EQ(file->read_at(UINT64_MAX - 2, text, 16).unwrap(), 0u);
  EXPECT_EQ(file->read(text, 1).unwrap(), 1u);
  EXPECT_EQ(text[0], ' ');
  EXPECT_TRUE(file->read_exact_at(2, text, 4).is_ok());
  EXPECT_EQ(file->read_exact_at(big.size(), text, 16).error().kind(), ErrorKind::Io);
}

TEST_P(VfsTest, PiecesOfAnySizeComeOutInOrder) {
  std::string all;
  auto file = vfs().open_write(path("a")).unwrap();
  for (size_t n :
       {size_t{200'000}, size_t{100'000}, size_t{5}, size_t{262'144}, size_t{262'145}, size_t{1}}) {
    const std::string piece(n, static_cast<char>('a' + n % 26));
    file->write(piece).unwrap();
    all += piece;
  }
  file->commit().unwrap();
  EXPECT_EQ(read_file(vfs(), path("a")).unwrap(), all);
}

TEST_P(VfsTest, UncommittedWriterLeavesTheOldFile) {
  write_file(vfs(), path("f"), "old").unwrap();
  {
    auto file = vfs().open_write(path("f")).unwrap();
    file->write("new contents").unwrap();
  }
  EXPECT_EQ(read_file(vfs(), path("f")).unwrap(), "old");
  EXPECT_EQ(vfs().list(folder_).unwrap(), std::vector<std::string>{"f"});
}

TEST_P(VfsTest, MissingFilesAreIoErrors) {
  EXPECT_EQ(vfs().open_read(path("no")).err()->kind(), ErrorKind::Io);
  EXPECT_EQ(vfs().mmap_read(path("no")).err()->kind(), ErrorKind::Io);
  EXPECT_EQ(vfs().size(path("no")).err()->kind(), ErrorKind::Io);
  EXPECT_EQ(vfs().remove(path("no")).err()->kind(), ErrorKind::Io);
  EXPECT_FALSE(vfs().exists(path("no")).unwrap());
  EXPECT_NE(std::string(vfs().open_read(path("no")).err()->what()).find("No such file or directory"),
            std::string::npos);
}

TEST_P(VfsTest, MapsFiles) {
  write_file(vfs(), path("m"), "mapped").unwrap();
  write_file(vfs(), path("empty"), "").unwrap();
  auto map = vfs().mmap_read(path("m")).unwrap();
  EXPECT_EQ(std::string(static_cast<const char*>(map->data()), map->size()), "mapped");
  EXPECT_EQ(map->mutable_data(), nullptr);
  auto copy = vfs().mmap_read(path("m"), MapMode::CopyOnWrite).unwrap();
  static_cast<char*>(copy->mutable_data())[0] = 'M';
  EXPECT_EQ(read_file(vfs(), path("m")).unwrap(), "mapped");
  EXPECT_EQ(static_cast<const char*>(copy->data())[0], 'M');
  auto empty = vfs().mmap_read(path("empty")).unwrap();
  EXPECT_EQ(empty->size(), 0u);
}

TEST_P(VfsTest, ListsRemovesAndLimits) {
  vfs().make_folder(path("d/e")).unwrap();
  vfs().make_folder(path("d/e")).unwrap();
  write_file(vfs(), path("d/two"), "22").unwrap();
  write_file(vfs(), path("d/one"), "1").unwrap();
  write_file(vfs(), path("d/e/x"), "1").unwrap();
  EXPECT_EQ(vfs().list(path("d")).unwrap(), (std::vector<std::string>{"e", "one", "two"}));
  EXPECT_TRUE(vfs().exists(path("d")).unwrap());
  vfs().remove(path("d/one")).unwrap();
  EXPECT_FALSE(vfs().exists(path("d/one")).unwrap());
  EXPECT_EQ(read_file(vfs(), path("d/two"), 2).unwrap(), "22");
  EXPECT_EQ(read_file(vfs(), path("d/two"), 1).err()->kind(), ErrorKind::Io);
}

TEST_P(VfsTest, EveryFaultOfASaveLeavesTheOldFileOrTheNewOne) {
  for (FaultVfs::Mode mode : {FaultVfs::Mode::Once, FaultVfs::Mode::FromThenOn}) {
    int64_t n = 0;
    for (;; ++n) {
      write_file(vfs(), path("s"), "old").unwrap();
      FaultVfs faults(vfs(), n, mode);
      const RusTorchResult<void> result = write_file(faults, path("s"), "new");
      EXPECT_EQ(read_file(vfs(), path("s")).unwrap(), result.is_ok() ? "new" : "old");
      EXPECT_EQ(vfs().list(folder_).unwrap(), std::vector<std::string>{"s"});
      EXPECT_EQ(result.is_ok(), !faults.triggered());
      if (!faults.triggered()) break;
      EXPECT_EQ(result.err()->kind(), ErrorKind::Io);
    }
    EXPECT_EQ(n, 3);  // open, write, commit
  }
  for (int64_t n = 0; n < 4; ++n) {
    FaultVfs faults(vfs(), n);
    const bool failed = read_file(faults, path("s")).is_err();
    EXPECT_EQ(failed, faults.triggered());
  }
}

TEST_P(VfsTest, EveryKindOfCallCanBeMadeToFail) {
  write_file(vfs(), path("s"), "0123456789").unwrap();
  FaultVfs fine(vfs(), -1);
  EXPECT_TRUE(fine.exists(path("s")).unwrap());
  EXPECT_EQ(fine.size(path("s")).unwrap(), 10u);
  EXPECT_EQ(fine.list(folder_).unwrap(), std::vector<std::string>{"s"});
  auto reader = fine.open_read(path("s")).unwrap();
  char text[4];
  EXPECT_EQ(reader->read_at(3, text, 4).unwrap(), 4u);
  EXPECT_EQ(std::string(text, 4), "3456");
  auto writer = fine.open_write(path("w")).unwrap();
  writer->write("abc").unwrap();
  EXPECT_EQ(writer->position(), 3u);
  writer.reset();  // given up
  fine.make_folder(path("d")).unwrap();
  fine.remove(path("s")).unwrap();
  EXPECT_FALSE(vfs().exists(path("s")).unwrap());
  EXPECT_FALSE(vfs().exists(path("w")).unwrap());
  EXPECT_FALSE(fine.triggered());

  write_file(vfs(), path("s"), "1").unwrap();
  const std::vector<std::function<bool(FaultVfs&)>> calls = {
      [&](FaultVfs& f) { return f.exists(path("s")).is_err(); },
      [&](FaultVfs& f) { return f.size(path("s")).is_err(); },
      [&](FaultVfs& f) { return f.list(folder_).is_err(); },
      [&](FaultVfs& f) { return f.make_folder(path("e")).is_err(); },
      [&](FaultVfs& f) { return f.remove(path("s")).is_err(); },
      [&](FaultVfs& f) { return f.open_read(path("s")).is_err(); },
      [&](FaultVfs& f) { return f.mmap_read(path("s"), MapMode::ReadOnly).is_err(); },
  };
  for (const auto& call : calls) {
    FaultVfs faults(vfs(), 0);
    EXPECT_TRUE(call(faults));
    EXPECT_TRUE(faults.triggered());
    EXPECT_EQ(faults.calls(), 1);
  }
  EXPECT_TRUE(vfs().exists(path("s")).unwrap()) << "a refused call did something";
  FaultVfs second(vfs(), 1);
  auto file = second.open_read(path("s")).unwrap();
  EXPECT_TRUE(file->read_at(0, text, 1).is_err());
}

INSTANTIATE_TEST_SUITE_P(PosixAndMemory, VfsTest, ::testing::Values(true, false),
                         [](const auto& info) { return std::string(info.param ? "Posix" : "Memory"); });

class PosixVfsTest : public VfsTest {};

TEST_P(PosixVfsTest, KeepsModeAndWritesThroughLinks) {
  write_file(vfs(), path("real"), "1").unwrap();
  ASSERT_EQ(chmod(path("real").c_str(), 0640), 0);
  ASSERT_EQ(symlink("real", path("link").c_str()), 0);
  write_file(vfs(), path("link"), "2").unwrap();
  EXPECT_EQ(read_file(vfs(), path("real")).unwrap(), "2");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  struct stat info;
  ASSERT_EQ(stat(path("real").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_P(PosixVfsTest, DevicesAndFolders) {
  EXPECT_TRUE(write_file(vfs(), "/dev/null", "gone").is_ok());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_TRUE(vfs().open_write(folder_).is_err());
  EXPECT_TRUE(vfs().open_read(folder_).is_err());
  EXPECT_TRUE(vfs().mmap_read("/dev/null").is_err());
  EXPECT_TRUE(vfs().open_write(path("missing/file")).is_err());
  EXPECT_TRUE(read_file(vfs(), "/proc/self/status").unwrap().size() > 10);
  EXPECT_EQ(read_file(vfs(), "/dev/zero", 100).err()->kind(), ErrorKind::Io);
}

TEST_P(PosixVfsTest, PathsThatCannotBe) {
  write_file(vfs(), path("file"), "x").unwrap();
  EXPECT_EQ(vfs().make_folder(path("file/below")).error().kind(), ErrorKind::Io);
  EXPECT_FALSE(vfs().exists(path("file/below")).unwrap());
  EXPECT_EQ(vfs().exists(path(std::string(5000, 'n'))).error().kind(), ErrorKind::Io);
}

TEST(Warn, GoesToTheStandardErrorOutput) {
  testing::internal::CaptureStderr();
  warn("one");
  warn_once("two of vfs_test");
  warn_once("two of vfs_test");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "rustorch: warning: one\nrustorch: warning: two of vfs_test\n");
}

TEST_P(PosixVfsTest, FullDiskKeepsTheOldFile) {
  const std::string big(3'000'000, 'x');
  if (fs::exists("/dev/full")) {
    const RusTorchResult<void> full = write_file(vfs(), "/dev/full", big);
    ASSERT_TRUE(full.is_err());
    EXPECT_NE(std::string(full.err()->what()).find("No space left"), std::string::npos);
  }
  write_file(vfs(), path("s"), "old").unwrap();
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1'000'000;
  auto* handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const RusTorchResult<void> result = write_file(vfs(), path("s"), big);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_TRUE(result.is_err());
  EXPECT_EQ(result.err()->kind(), ErrorKind::Io);
  EXPECT_EQ(read_file(vfs(), path("s")).unwrap(), "old");
  EXPECT_EQ(vfs().list(folder_).unwrap(), std::vector<std::string>{"s"});
}

TEST_P(PosixVfsTest, KilledWriterLeavesACompleteFile) {
  constexpr size_t kSize = 200'000;
  write_file(vfs(), path("s"), std::string(kSize, 'a')).unwrap();
  for (int round = 0; round < 25; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (char c = 'b';; c = c == 'z' ? 'a' : static_cast<char>(c + 1))
        if (write_file(posix_vfs(), path("s"), std::string(kSize, c)).is_err()) _exit(1);
    }
    usleep(static_cast<useconds_t>(500 + 137 * round));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::string now = read_file(vfs(), path("s")).unwrap();
    ASSERT_EQ(now.size(), kSize);
    ASSERT_EQ(now.find_first_not_of(now[0]), std::string::npos);
  }
}

TEST_P(PosixVfsTest, NoDescriptorLeaks) {
  auto open_files = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  if (!fs::exists("/proc/self/fd")) GTEST_SKIP();
  const auto before = open_files();
  for (int64_t n = 0; n < 8; ++n) {
    FaultVfs faults(vfs(), n);
    (void)write_file(faults, path("s"), "x");
    (void)read_file(faults, path("s"));
    (void)faults.mmap_read(path("s"), MapMode::ReadOnly);
  }
  EXPECT_EQ(open_files(), before);
}

INSTANTIATE_TEST_SUITE_P(Posix, PosixVfsTest, ::testing::Values(true));

TEST(Clock, RealMovesAndFakeObeys) {
  Clock* clock = real_clock();
  const int64_t a = clock->now_ns();
  clock->sleep_ns(1000);
  clock->sleep_ns(-5);
  EXPECT_GE(clock->now_ns() - a, 1000);
  EXPECT_GT(clock->wall_ns(), int64_t{1'600'000'000} * 1'000'000'000);
  FakeClock fake(100, 5);
  fake.sleep_ns(int64_t{3600} * 1'000'000'000);
  fake.sleep_ns(-1);
  EXPECT_EQ(fake.now_ns(), 100 + int64_t{3600} * 1'000'000'000);
  fake.advance(1);
  EXPECT_EQ(fake.wall_ns(), 6 + int64_t{3600} * 1'000'000'000);
}

}  // namespace
}  // namespace rustorch
