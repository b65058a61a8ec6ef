#include "base/cpu_info.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace rustorch {
namespace {
namespace fs = std::filesystem;

/// A folder of made-up system files, removed at the end.
class FakeRoot {
 public:
  FakeRoot() {
    std::string name = (fs::temp_directory_path() / "rustorch_root_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~FakeRoot() { fs::remove_all(path_); }
  FakeRoot& file(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(path_ + name).parent_path());
    std::ofstream(path_ + name) << text;
    return *this;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CpuInfo, ParsesCpuLists) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11\n"), 7);
  EXPECT_EQ(parse_cpu_list("5"), 1);
  EXPECT_EQ(parse_cpu_list(""), 0);
  EXPECT_EQ(parse_cpu_list("3-1"), 0);
  EXPECT_EQ(parse_cpu_list("a,b"), 0);
  EXPECT_EQ(parse_cpu_list("0-"), 0);
  EXPECT_EQ(parse_cpu_list("0;1"), 0);
  EXPECT_EQ(parse_cpu_list("99999999999999999999"), 0);
}

TEST(CpuInfo, ParsesQuotas) {
  EXPECT_EQ(parse_cpu_max("max 100000\n"), 0);
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 2);
  EXPECT_EQ(parse_cpu_max("200000 100000"), 2);
  EXPECT_EQ(parse_cpu_max("50000"), 1);
  EXPECT_EQ(parse_cpu_max("100 0"), 0);
  EXPECT_EQ(parse_cpu_max(""), 0);
  EXPECT_EQ(quota_to_cpus(-1, 100000), 0);
  EXPECT_EQ(quota_to_cpus(1, 100000), 1);
}

TEST(CpuInfo, ParsesThreadCounts) {
  EXPECT_EQ(parse_thread_count("4"), 4);
  EXPECT_EQ(parse_thread_count(" 8 \n"), 8);
  EXPECT_EQ(parse_thread_count("4,2,1"), 4);
  EXPECT_EQ(parse_thread_count("0"), 0);
  EXPECT_EQ(parse_thread_count("-2"), 0);
  EXPECT_EQ(parse_thread_count("four"), 0);
  EXPECT_EQ(parse_thread_count("3x"), 0);
  EXPECT_EQ(parse_thread_count("999999"), 1024);
}

TEST(CpuInfo, FindsCgroupV2QuotaOfAnAncestor) {
  FakeRoot root;
  root.file("/proc/self/cgroup", "0::/pod/app\n")
      .file("/proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n")
      .file("/sys/fs/cgroup/pod/app/cpu.max", "max 100000\n")
      .file("/sys/fs/cgroup/pod/cpu.max", "250000 100000\n")
      .file("/sys/fs/cgroup/pod/app/cpuset.cpus.effective", "0-5\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 3);
  EXPECT_EQ(cgroup_cpuset(root.path()), 6);
}

TEST(CpuInfo, FindsCgroupV1QuotaInsideAContainer) {
  FakeRoot root;
  root.file("/proc/self/cgroup", "12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:cpuset:/docker/abc\n")
      .file("/proc/self/mountinfo",
            "40 30 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
            "41 30 0:31 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "120000\n")
      .file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
      .file("/sys/fs/cgroup/cpuset/cpuset.cpus", "2,4\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 2);
  EXPECT_EQ(cgroup_cpuset(root.path()), 2);
}

TEST(CpuInfo, NoLimitsWithoutFiles) {
  FakeRoot root;
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 0);
  EXPECT_EQ(cgroup_cpuset(root.path()), 0);
  root.file("/proc/self/cgroup", "garbage\n::\n0::/x\n").file("/proc/self/mountinfo", "- - -\nx - cgroup2\n");
  EXPECT_EQ(cgroup_cpu_quota(root.path()), 0);
}

TEST(CpuInfo, SmallestLimitWins) {
  EXPECT_EQ((CpuLimits{8, 6, 0, 3}.usable()), 3);
  EXPECT_EQ((CpuLimits{8, 2, 4, 0}.usable()), 2);
  EXPECT_EQ((CpuLimits{}.usable()), 1);
}

TEST(CpuInfo, EnvironmentOverrides) {
  ASSERT_EQ(setenv("OMP_NUM_THREADS", "3", 1), 0);
  EXPECT_EQ(default_num_threads(), 3);
  ASSERT_EQ(setenv("RUSTORCH_NUM_THREADS", "5", 1), 0);
  EXPECT_EQ(default_num_threads(), 5);
  ASSERT_EQ(setenv("RUSTORCH_NUM_THREADS", "many", 1), 0);
  EXPECT_EQ(default_num_threads(), 3);
  unsetenv("RUSTORCH_NUM_THREADS");
  unsetenv("OMP_NUM_THREADS");
  EXPECT_GE(default_num_threads(), 1);
}

}  // namespace
}  // namespace rustorch
