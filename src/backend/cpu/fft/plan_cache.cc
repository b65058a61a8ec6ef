// The cache of plans: the last used ones of both types, within a limit of bytes.
#include <cstdlib>
#include <list>
#include <map>
#include <mutex>
#include <tuple>

#include "backend/cpu/fft/plan.h"

namespace rustorch::cpu::fft {
namespace {

using Key = std::tuple<int64_t, PlanKind, bool>;  // n, kind, is double

struct Cache {
  struct Entry {
    Key key;
    std::shared_ptr<const void> plan;
    int64_t bytes;
  };
  std::mutex mutex;
  std::list<Entry> entries;  // last used first
  std::map<Key, std::list<Entry>::iterator> index;
  int64_t limit = int64_t{64} << 20, bytes = 0, hits = 0, misses = 0;

  Cache() {
    if (const char* text = std::getenv("RUSTORCH_FFT_PLAN_BYTES")) limit = std::strtoll(text, nullptr, 10);
  }
  void trim() {
    while (bytes > limit && !entries.empty()) {
      bytes -= entries.back().bytes;
      index.erase(entries.back().key);
      entries.pop_back();
    }
  }
};

Cache& cache() {
  static Cache* instance = new Cache;  // outlives every user
  return *instance;
}

}  // namespace

template <class T>
std::shared_ptr<const Plan<T>> get_plan(int64_t n, PlanKind kind) {
  Cache& c = cache();
  const Key key{n, kind, sizeof(T) == 8};
  {
    std::lock_guard<std::mutex> lock(c.mutex);
    auto found = c.index.find(key);
    if (found != c.index.end()) {
      ++c.hits;
      c.entries.splice(c.entries.begin(), c.entries, found->second);
      return std::static_pointer_cast<const Plan<T>>(found->second->plan);
    }
    ++c.misses;
  }
  std::shared_ptr<const Plan<T>> plan = make_plan<T>(n, kind);
  std::lock_guard<std::mutex> lock(c.mutex);
  if (c.index.count(key) == 0) {
    c.entries.push_front({key, plan, static_cast<int64_t>(plan->bytes())});
    c.index.emplace(key, c.entries.begin());
    c.bytes += c.entries.front().bytes;
    c.trim();
  }
  return plan;
}

PlanCacheStats plan_cache_stats() {
  Cache& c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  return {static_cast<int64_t>(c.entries.size()), c.bytes, c.hits, c.misses};
}

void set_plan_cache_limit(int64_t bytes) {
  Cache& c = cache();
  std::lock_guard<std::mutex> lock(c.mutex);
  c.limit = bytes < 0 ? 0 : bytes;
  c.trim();
}

template std::shared_ptr<const Plan<float>> get_plan<float>(int64_t, PlanKind);
template std::shared_ptr<const Plan<double>> get_plan<double>(int64_t, PlanKind);

}  // namespace rustorch::cpu::fft
