// See cpu_info.h. The cgroup files are found through /proc/self/cgroup and /proc/self/mountinfo, because
// containers mount the hierarchy at other places and hide the upper part of the path.
#include "base/cpu_info.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace rustorch {
namespace {

constexpr int kMaxThreads = 1024;

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  if (!in) return {};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Parses a non-negative decimal number at the front of text and removes it; -1 when there is none.
long long take_number(std::string_view& text) {
  size_t i = 0;
  long long value = 0;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') {
    if (value > 1'000'000'000'000LL) return -1;
    value = value * 10 + (text[i] - '0');
    ++i;
  }
  if (i == 0) return -1;
  text.remove_prefix(i);
  return value;
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.back() == '\n' || s.back() == ' ' || s.back() == '\r' || s.back() == '\t'))
    s.remove_suffix(1);
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  return s;
}

bool has_word(std::string_view list, std::string_view word) {
  size_t from = 0;
  while (from <= list.size()) {
    size_t comma = list.find(',', from);
    if (comma == std::string_view::npos) comma = list.size();
    if (list.substr(from, comma - from) == word) return true;
    from = comma + 1;
  }
  return false;
}

/// Where one hierarchy is: its mount point and the group's folders below it, deepest first ("" is the mount).
struct CgroupPlace {
  std::string mount;
  std::vector<std::string> folders;
};

/// Finds the hierarchy of a v1 controller, or the v2 one when controller is empty.
CgroupPlace find_cgroup(const std::string& root, std::string_view controller) {
  std::string group;
  std::istringstream cgroups(read_text(root + "/proc/self/cgroup"));
  for (std::string line; std::getline(cgroups, line);) {
    const size_t a = line.find(':');
    const size_t b = a == std::string::npos ? a : line.find(':', a + 1);
    if (b == std::string::npos) continue;
    const std::string_view names = std::string_view(line).substr(a + 1, b - a - 1);
    if (controller.empty() ? names.empty() : has_word(names, controller)) {
      group = line.substr(b + 1);
      break;
    }
  }
  if (group.empty()) return {};

  CgroupPlace place;
  std::istringstream mounts(read_text(root + "/proc/self/mountinfo"));
  for (std::string line; std::getline(mounts, line);) {
    // "id parent major:minor root mount-point options ... - type source super-options"
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream head(line.substr(0, dash)), tail(line.substr(dash + 3));
    std::string id, parent, device, mount_root, mount_point, type, source, options;
    head >> id >> parent >> device >> mount_root >> mount_point;
    tail >> type >> source >> options;
    if (controller.empty() ? type != "cgroup2" : (type != "cgroup" || !has_word(options, controller)))
      continue;
    if (mount_root != "/" && group.compare(0, mount_root.size(), mount_root) == 0)
      group = group.substr(mount_root.size());
    place.mount = root + mount_point;
    break;
  }
  if (place.mount.empty()) return {};
  while (!group.empty() && group != "/") {
    place.folders.push_back(group[0] == '/' ? group : "/" + group);
    const size_t slash = group.find_last_of('/');
    if (slash == std::string::npos) break;
    group.resize(slash);
  }
  place.folders.push_back("");
  return place;
}

int min_limit(int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

int affinity_count() {
#ifdef __linux__
  // Machines with more than 1024 CPUs need a larger mask than cpu_set_t.
  for (size_t cpus = 1024; cpus <= 65536; cpus *= 4) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) return 0;
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    CPU_ZERO_S(bytes, set);
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
#endif
  return 0;
}

}  // namespace

int CpuLimits::usable() const {
  const int n = min_limit(min_limit(hardware, affinity), min_limit(cpuset, quota));
  return std::clamp(n, 1, kMaxThreads);
}

int parse_cpu_list(std::string_view text) {
  text = trim(text);
  long long count = 0;
  while (!text.empty()) {
    const long long first = take_number(text);
    long long last = first;
    if (!text.empty() && text[0] == '-') {
      text.remove_prefix(1);
      last = take_number(text);
    }
    if (first < 0 || last < first) return 0;
    count += last - first + 1;
    if (text.empty()) break;
    if (text[0] != ',') return 0;
    text.remove_prefix(1);
  }
  return static_cast<int>(std::min<long long>(count, 1'000'000));
}

int quota_to_cpus(long long quota_us, long long period_us) {
  if (quota_us <= 0 || period_us <= 0) return 0;
  const long long cpus = quota_us / period_us + (quota_us % period_us != 0);
  return static_cast<int>(std::min<long long>(cpus, 1'000'000));
}

int parse_cpu_max(std::string_view text) {
  text = trim(text);
  const long long quota = take_number(text);
  if (quota < 0) return 0;  // "max"
  text = trim(text);
  const long long period = text.empty() ? 100000 : take_number(text);
  return quota_to_cpus(quota, period);
}

int parse_thread_count(std::string_view text) {
  text = trim(text);
  const long long n = take_number(text);
  if (n <= 0 || (!text.empty() && text[0] != ',')) return 0;
  return static_cast<int>(std::min<long long>(n, kMaxThreads));
}

int cgroup_cpu_quota(const std::string& root) {
  int limit = 0;
  const CgroupPlace v2 = find_cgroup(root, "");
  for (const std::string& folder : v2.folders)
    limit = min_limit(limit, parse_cpu_max(read_text(v2.mount + folder + "/cpu.max")));
  const CgroupPlace v1 = find_cgroup(root, "cpu");
  for (const std::string& folder : v1.folders) {
    std::string quota_text = read_text(v1.mount + folder + "/cpu.cfs_quota_us");
    std::string period_text = read_text(v1.mount + folder + "/cpu.cfs_period_us");
    std::string_view quota = trim(quota_text), period = trim(period_text);  // quota is "-1" when unlimited
    limit = min_limit(limit, quota_to_cpus(take_number(quota), take_number(period)));
  }
  return limit;
}

int cgroup_cpuset(const std::string& root) {
  int limit = 0;
  const CgroupPlace v2 = find_cgroup(root, "");
  for (const std::string& folder : v2.folders)
    limit = min_limit(limit, parse_cpu_list(read_text(v2.mount + folder + "/cpuset.cpus.effective")));
  const CgroupPlace v1 = find_cgroup(root, "cpuset");
  for (const std::string& folder : v1.folders) {
    const int effective = parse_cpu_list(read_text(v1.mount + folder + "/cpuset.effective_cpus"));
    limit = min_limit(limit,
                      effective ? effective : parse_cpu_list(read_text(v1.mount + folder + "/cpuset.cpus")));
  }
  return limit;
}

CpuLimits cpu_limits(const std::string& root) {
  CpuLimits limits;
  limits.hardware = static_cast<int>(std::thread::hardware_concurrency());
  limits.affinity = affinity_count();
  limits.cpuset = cgroup_cpuset(root);
  limits.quota = cgroup_cpu_quota(root);
  return limits;
}

int default_num_threads(const std::string& root) {
  for (const char* name : {"RUSTORCH_NUM_THREADS", "OMP_NUM_THREADS"})
    if (const char* value = std::getenv(name))
      if (const int n = parse_thread_count(value)) return n;
  return cpu_limits(root).usable();
}

}  // namespace rustorch
