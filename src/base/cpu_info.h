// How many CPUs this process may use: hardware, affinity mask, cpuset and the cgroup (v1 and v2) CPU quota.
//
// Every reader takes the root of the file system, so tests can give a folder of made-up files.
// A file that is missing or malformed means "no limit from here"; nothing here throws on bad contents.
#pragma once
#include <string>
#include <string_view>

namespace rustorch {

/// The limits found; 0 means none found.
struct CpuLimits {
  int hardware = 0;  ///< CPUs online
  int affinity = 0;  ///< CPUs in the scheduler mask of this process
  int cpuset = 0;    ///< CPUs in the cgroup's cpuset
  int quota = 0;     ///< cgroup CPU quota, rounded up to whole CPUs

  /// The smallest limit found, at least 1.
  int usable() const;
};

/// Number of CPUs in a kernel list such as "0-3,8,10-11"; 0 when malformed or empty.
int parse_cpu_list(std::string_view text);
/// CPUs allowed by the contents of cgroup v2 "cpu.max" ("max 100000", "150000 100000"); 0 means no limit.
int parse_cpu_max(std::string_view text);
/// CPUs allowed by a cgroup v1 quota and period in microseconds; 0 means no limit.
int quota_to_cpus(long long quota_us, long long period_us);
/// First positive number of a value such as "4" or OpenMP's "4,2,1"; 0 when malformed.
int parse_thread_count(std::string_view text);

/// Smallest quota over the process's cgroup and its ancestors, v1 and v2; 0 means no limit.
int cgroup_cpu_quota(const std::string& root = "");
/// CPUs in the effective cpuset of the process's cgroup, v1 and v2; 0 means unknown.
int cgroup_cpuset(const std::string& root = "");

/// All limits of this process. `root` replaces "/" for the cgroup files only.
CpuLimits cpu_limits(const std::string& root = "");
/// RUSTORCH_NUM_THREADS, else OMP_NUM_THREADS, else cpu_limits().usable(); always 1..1024.
int default_num_threads(const std::string& root = "");

}  // namespace rustorch
