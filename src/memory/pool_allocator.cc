// See pool_allocator.h.
#include "memory/pool_allocator.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>

#include "memory/asan.h"
#include "memory/thread_cache.h"
#include "rustorch/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define RT_HAVE_ATFORK 1
#endif

// The cache pointer is read on every call: keep it in the thread's fixed block even in a shared library.
#if defined(__GLIBC__) && defined(__GNUC__)
#define RT_FAST_TLS __attribute__((tls_model("initial-exec")))
#else
#define RT_FAST_TLS
#endif

namespace rustorch {
namespace {

constexpr int64_t kFoldBytes = 256 << 10;
constexpr size_t kMaxSpan = size_t{512} << 10;

RT_FAST_TLS thread_local ThreadCache* tls_cache = nullptr;
RT_FAST_TLS thread_local bool tls_ended = false;

std::mutex g_pools_mutex;
PoolAllocator* g_pools = nullptr;

void raise_to(std::atomic<int64_t>& peak, int64_t value) {
  int64_t seen = peak.load(std::memory_order_relaxed);
  while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

size_t span_bytes(size_t block) { return std::clamp(block * 32, size_t{32} << 10, kMaxSpan) / block * block; }

}  // namespace

/// Holds every lock of every pool across fork(), so that the child gets consistent structures.
struct PoolForkHandlers {
  template <class F>
  static void each(F f) {
    for (PoolAllocator* p = g_pools; p != nullptr; p = p->next_pool_) f(p);
  }
  static void prepare() {
    g_pools_mutex.lock();
    each([](PoolAllocator* p) { p->caches_mutex_.lock(), p->central_mutex_.lock(), p->heap_mutex_.lock(); });
  }
  static void release() {
    each([](PoolAllocator* p) {
      p->heap_mutex_.unlock(), p->central_mutex_.unlock(), p->caches_mutex_.unlock();
    });
    g_pools_mutex.unlock();
  }
};

/// Gives a thread's cache back when the thread ends.
struct ThreadCacheOwner {
  ~ThreadCacheOwner() {
    ThreadCache* cache = tls_cache;
    tls_cache = nullptr;
    tls_ended = true;
    if (cache == nullptr) return;
    PoolAllocator* pool = cache->pool;
    flush(cache, 0);
    pool->fold(cache);
    std::lock_guard<std::mutex> lock(pool->caches_mutex_);
    if (cache->prev != nullptr) cache->prev->next = cache->next;
    if (cache->next != nullptr) cache->next->prev = cache->prev;
    if (pool->caches_ == cache) pool->caches_ = cache->next;
    pool->num_allocs_ += cache->allocs.load();
    pool->num_frees_ += cache->frees.load();
    pool->misses_ += cache->misses.load();
    delete[] cache->storage;
    delete cache;
  }

  /// Keeps keep_halves / 2 of every bin (0 empties them, 1 halves them). The oldest blocks go first.
  static void flush(ThreadCache* cache, int keep_halves) noexcept {
    for (int cls = 0; cls < size_class::kCount; ++cls) {
      ThreadCache::Bin& bin = cache->bins[cls];
      flush_bin(cache, cls, bin.count - bin.count * keep_halves / 2);
    }
  }

  static void flush_bin(ThreadCache* cache, int cls, int drop) noexcept {
    if (drop <= 0) return;
    ThreadCache::Bin& bin = cache->bins[cls];
    cache->pool->give_central(cls, bin.blocks, drop);
    bin.count -= drop;
    std::memmove(bin.blocks, bin.blocks + drop, static_cast<size_t>(bin.count) * sizeof(void*));
    cache->bytes -= static_cast<size_t>(drop) * size_class::bytes(cls);
  }
};

PoolAllocator::PoolAllocator() : PoolAllocator(Options{}) {}

PoolAllocator::PoolAllocator(const Options& options)
    : options_(options), fold_limit_(kFoldBytes), central_bound_(options.cache_floor) {
  std::lock_guard<std::mutex> lock(g_pools_mutex);
#ifdef RT_HAVE_ATFORK
  static const bool registered =
      (pthread_atfork(PoolForkHandlers::prepare, PoolForkHandlers::release, PoolForkHandlers::release), true);
  (void)registered;
#endif
  next_pool_ = g_pools;
  g_pools = this;
}

PoolAllocator::~PoolAllocator() {
  std::lock_guard<std::mutex> lock(g_pools_mutex);
  for (PoolAllocator** p = &g_pools; *p != nullptr; p = &(*p)->next_pool_)
    if (*p == this) {
      *p = next_pool_;
      break;
    }
}

PoolAllocator* default_pool_allocator() {
  static PoolAllocator* const pool = [] {
    PoolAllocator::Options options;
    options.thread_cache = true;
    return new PoolAllocator(options);
  }();
  return pool;
}

/// The calling thread's cache, made if needed; null when the thread is ending or there is no memory for it.
ThreadCache* PoolAllocator::make_thread_cache() {
  if (!options_.thread_cache || tls_ended) return nullptr;
  static thread_local ThreadCacheOwner owner;
  (void)owner;
  ThreadCache* cache = new (std::nothrow) ThreadCache;
  size_t slots = 0;
  for (int cls = 0; cls < size_class::kCount; ++cls) slots += static_cast<size_t>(ThreadCache::capacity(cls));
  void** storage = new (std::nothrow) void*[slots];
  if (cache == nullptr || storage == nullptr) {
    delete cache;
    delete[] storage;
    return nullptr;
  }
  cache->storage = storage;
  cache->pool = this;
  for (int cls = 0; cls < size_class::kCount; ++cls) {
    cache->bins[cls].capacity = ThreadCache::capacity(cls);
    cache->bins[cls].blocks = storage;
    storage += ThreadCache::capacity(cls);
  }
  std::lock_guard<std::mutex> lock(caches_mutex_);
  cache->next = caches_;
  if (caches_ != nullptr) caches_->prev = cache;
  caches_ = cache;
  tls_cache = cache;
  return cache;
}

// ---- Accounting -------------------------------------------------------------------------------------------

/// Moves a thread's counts into the shared ones.
void PoolAllocator::fold(ThreadCache* cache) const noexcept {
  const int64_t delta = cache->delta.load(std::memory_order_relaxed);
  const int64_t top = cache->delta_peak.load(std::memory_order_relaxed);
  const int64_t before = allocated_.fetch_add(delta, std::memory_order_relaxed);
  raise_to(peak_, before + top);
  cache->delta.store(0, std::memory_order_relaxed);
  cache->delta_peak.store(0, std::memory_order_relaxed);
}

/// What is live, with the counts that threads have not folded in yet; caches_mutex_ is held.
int64_t PoolAllocator::live_bytes() const noexcept {
  int64_t live = allocated_.load(std::memory_order_relaxed);
  for (const ThreadCache* c = caches_; c != nullptr; c = c->next)
    live += c->delta.load(std::memory_order_relaxed);
  return live;
}

/// Whether `bytes` more live bytes (already counted) respect the limit.
bool PoolAllocator::within_limit(size_t bytes) const noexcept {
  const size_t bound = limit();
  if (bound == 0) return true;
  std::lock_guard<std::mutex> lock(caches_mutex_);
  return bytes <= bound && live_bytes() <= static_cast<int64_t>(bound);
}

void PoolAllocator::note_reserved() noexcept {
  const size_t now = heap_.reserved();
  reserved_.store(now, std::memory_order_relaxed);
  if (now > peak_reserved_.load(std::memory_order_relaxed))
    peak_reserved_.store(now, std::memory_order_relaxed);
}

/// The largest number of live bytes in the last one to two windows.
size_t PoolAllocator::recent_peak(size_t live) noexcept {
  const int64_t now = now_ns();
  if (now - window_start_ > options_.peak_window_ns) {
    window_peak_[1] = now - window_start_ > 2 * options_.peak_window_ns ? live : window_peak_[0];
    window_peak_[0] = live;
    window_start_ = now;
  }
  window_peak_[0] = std::max(window_peak_[0], live);
  return std::max(window_peak_[0], window_peak_[1]);
}

void PoolAllocator::fail(size_t bytes) { raise_out_of_memory(name(), bytes, stats(), limit()); }

// ---- Small blocks -----------------------------------------------------------------------------------------

void* PoolAllocator::allocate(size_t bytes) {
  if (bytes - 1 >= size_class::kMaxSmall) {
    if (bytes == 0) return nullptr;
    return allocate_large(bytes);
  }
  const int cls = size_class::index(bytes);
  ThreadCache* cache = tls_cache;
  if (cache == nullptr || cache->pool != this) [[unlikely]] {
    cache = cache == nullptr ? make_thread_cache() : nullptr;
    if (cache == nullptr) return allocate_small_shared(cls, bytes);
  }
  ThreadCache::Bin& bin = cache->bins[cls];
  if (bin.count == 0) [[unlikely]] {
    int got = 0;
    const bool fresh = take_central(cls, bin.blocks, (bin.capacity + 1) / 2, &got);
    if (got == 0) fail(bytes);
    bin.count = got;
    cache->bytes += static_cast<size_t>(got) * size_class::bytes(cls);
    if (fresh) ThreadCache::add(cache->misses, 1);
  }
  const int64_t delta = cache->delta.load(std::memory_order_relaxed) + static_cast<int64_t>(bytes);
  cache->delta.store(delta, std::memory_order_relaxed);
  if (delta > cache->delta_peak.load(std::memory_order_relaxed))
    cache->delta_peak.store(delta, std::memory_order_relaxed);
  if (delta > fold_limit_.load(std::memory_order_relaxed)) [[unlikely]] {
    const int64_t peak = peak_.load(std::memory_order_relaxed);
    fold(cache);
    if (!within_limit(bytes)) {
      allocated_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
      peak_.store(std::max(peak, allocated_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
      fail(bytes);
    }
  }
  ThreadCache::add(cache->allocs, 1);
  cache->bytes -= size_class::bytes(cls);
  void* block = bin.blocks[--bin.count];
  asan_unpoison(block, bytes);
  return block;
}

void PoolAllocator::deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  if (bytes - 1 >= size_class::kMaxSmall) return deallocate_large(block, bytes);
  const int cls = size_class::index(bytes);
  asan_poison(block, size_class::bytes(cls));
  ThreadCache* cache = tls_cache;
  if (cache == nullptr || cache->pool != this) [[unlikely]] {
    cache = cache == nullptr ? make_thread_cache() : nullptr;
    if (cache == nullptr) {
      give_central(cls, &block, 1);
      allocated_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
      num_frees_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
  }
  ThreadCache::Bin& bin = cache->bins[cls];
  if (bin.count == bin.capacity) [[unlikely]]
    ThreadCacheOwner::flush_bin(cache, cls, (bin.count + 1) / 2);
  bin.blocks[bin.count++] = block;
  cache->bytes += size_class::bytes(cls);
  if (cache->bytes > ThreadCache::kMaxBytes) [[unlikely]]
    ThreadCacheOwner::flush(cache, 1);
  ThreadCache::add(cache->frees, 1);
  const int64_t delta = cache->delta.load(std::memory_order_relaxed) - static_cast<int64_t>(bytes);
  cache->delta.store(delta, std::memory_order_relaxed);
  if (-delta > fold_limit_.load(std::memory_order_relaxed)) [[unlikely]]
    fold(cache);
}

/// The path of pools without thread caches and of threads that are ending.
void* PoolAllocator::allocate_small_shared(int cls, size_t bytes) {
  void* block = nullptr;
  int got = 0;
  const bool fresh = take_central(cls, &block, 1, &got);
  if (got == 0) fail(bytes);
  const int64_t now = allocated_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed) +
                      static_cast<int64_t>(bytes);
  if (!within_limit(bytes)) {
    allocated_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
    give_central(cls, &block, 1);
    fail(bytes);
  }
  raise_to(peak_, now);
  num_allocs_.fetch_add(1, std::memory_order_relaxed);
  if (fresh) misses_.fetch_add(1, std::memory_order_relaxed);
  asan_unpoison(block, bytes);
  return block;
}

/// Takes up to `count` blocks; returns whether a new span had to be cut.
bool PoolAllocator::take_central(int cls, void** out, int count, int* got) noexcept {
  std::lock_guard<std::mutex> lock(central_mutex_);
  std::vector<void*>& blocks = central_[cls].blocks;
  const bool fresh = blocks.empty();
  if (fresh && !carve_span(cls)) {
    *got = 0;
    return true;
  }
  const int n = std::min(count, static_cast<int>(blocks.size()));
  // The last of `out` is used first: keep the order of the list.
  std::copy(blocks.end() - n, blocks.end(), out);
  blocks.resize(blocks.size() - static_cast<size_t>(n));
  central_bytes_ -= static_cast<size_t>(n) * size_class::bytes(cls);
  *got = n;
  return fresh;
}

/// Cuts a new span into blocks of a class; central_mutex_ is held.
bool PoolAllocator::carve_span(int cls) noexcept {
  const size_t block = size_class::bytes(cls);
  const size_t bytes = span_bytes(block);
  const size_t count = bytes / block;
  CentralList& list = central_[cls];
  try {  // room for every block of the class, so that freeing never allocates
    list.blocks.reserve(list.total + count);
    spans_.reserve(spans_.size() + 1);
  } catch (const std::exception&) {
    return false;
  }
  bool fresh;
  char* start = static_cast<char*>(heap_allocate(bytes, &fresh));
  if (start == nullptr) return false;
  asan_poison(start, bytes);
  spans_.push_back(Span{start, bytes, cls});
  list.total += count;
  for (size_t i = count; i-- > 0;) list.blocks.push_back(start + i * block);
  central_bytes_ += bytes;
  return true;
}

void PoolAllocator::give_central(int cls, void** blocks, int count) noexcept {
  std::lock_guard<std::mutex> lock(central_mutex_);
  std::vector<void*>& list = central_[cls].blocks;
  list.insert(list.end(), blocks, blocks + count);
  central_bytes_ += static_cast<size_t>(count) * size_class::bytes(cls);
  if (central_bytes_ > central_bound_) {
    release_empty_spans();
    central_bound_ = std::max(options_.cache_floor, 2 * central_bytes_);
  }
}

/// Returns spans whose blocks are all in the shared lists to the heap; central_mutex_ is held.
void PoolAllocator::release_empty_spans() noexcept {
  auto by_start = [](const Span& a, const Span& b) { return a.start < b.start; };
  std::sort(spans_.begin(), spans_.end(), by_start);
  std::unique_ptr<uint32_t[]> in_list(new (std::nothrow) uint32_t[spans_.size() + 1]());
  if (in_list == nullptr) return;
  auto span_of = [&](void* block) {
    const Span key{static_cast<char*>(block), 0, 0};
    return static_cast<size_t>(std::upper_bound(spans_.begin(), spans_.end(), key, by_start) -
                               spans_.begin()) -
           1;
  };
  for (CentralList& list : central_)
    for (void* block : list.blocks) ++in_list[span_of(block)];
  auto empty = [&](size_t s) { return in_list[s] == spans_[s].bytes / size_class::bytes(spans_[s].cls); };
  for (CentralList& list : central_)
    list.blocks.erase(
        std::remove_if(list.blocks.begin(), list.blocks.end(), [&](void* b) { return empty(span_of(b)); }),
        list.blocks.end());
  size_t kept = 0;
  for (size_t s = 0; s < spans_.size(); ++s) {
    if (!empty(s)) {
      in_list[kept] = in_list[s];
      spans_[kept++] = spans_[s];
      continue;
    }
    central_[spans_[s].cls].total -= spans_[s].bytes / size_class::bytes(spans_[s].cls);
    central_bytes_ -= spans_[s].bytes;
    std::lock_guard<std::mutex> lock(heap_mutex_);
    heap_.deallocate(spans_[s].start, spans_[s].bytes);
  }
  spans_.resize(kept);
}

// ---- Large blocks -----------------------------------------------------------------------------------------

/// From the heap; when the system refuses, gives cached regions back and tries once more.
void* PoolAllocator::heap_allocate(size_t bytes, bool* fresh) noexcept {
  std::lock_guard<std::mutex> lock(heap_mutex_);
  void* block = heap_.allocate(bytes, fresh);
  if (block == nullptr && heap_.has_free_region()) {
    heap_.release_free_regions(0);
    block = heap_.allocate(bytes, fresh);
  }
  note_reserved();
  return block;
}

void* PoolAllocator::allocate_large(size_t bytes) {
  ThreadCache* cache = tls_cache;
  if (cache != nullptr && cache->pool == this) fold(cache);
  if (bytes > SIZE_MAX / 4) fail(bytes);
  const int64_t size = static_cast<int64_t>(bytes);
  const int64_t now = allocated_.fetch_add(size, std::memory_order_relaxed) + size;
  bool fresh = false;
  void* block = nullptr;
  if (within_limit(bytes)) {
    block = heap_allocate(bytes, &fresh);
    if (block == nullptr) {
      trim();
      block = heap_allocate(bytes, &fresh);
    }
  }
  if (block == nullptr) {
    allocated_.fetch_sub(size, std::memory_order_relaxed);
    fail(bytes);
  }
  raise_to(peak_, now);
  num_allocs_.fetch_add(1, std::memory_order_relaxed);
  if (fresh) misses_.fetch_add(1, std::memory_order_relaxed);
  return block;
}

void PoolAllocator::deallocate_large(void* block, size_t bytes) noexcept {
  ThreadCache* cache = tls_cache;
  if (cache != nullptr && cache->pool == this) fold(cache);
  const int64_t before = allocated_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  num_frees_.fetch_add(1, std::memory_order_relaxed);
  std::lock_guard<std::mutex> lock(heap_mutex_);
  heap_.deallocate(block, bytes);
  const size_t peak = recent_peak(before > 0 ? static_cast<size_t>(before) : 0);
  const size_t bound = std::max(options_.cache_floor, 2 * peak);
  if (heap_.reserved() > bound && heap_.has_free_region() && heap_.release_free_regions(bound) != 0) {
    num_trims_.fetch_add(1, std::memory_order_relaxed);
    note_reserved();
  }
}

// ---- Statistics and control -------------------------------------------------------------------------------

MemoryStats PoolAllocator::stats() const {
  ThreadCache* own = tls_cache;
  if (own != nullptr && own->pool == this) fold(own);
  MemoryStats s;
  std::lock_guard<std::mutex> lock(caches_mutex_);
  const int64_t live = live_bytes();
  s.num_allocs = num_allocs_.load(std::memory_order_relaxed);
  s.num_frees = num_frees_.load(std::memory_order_relaxed);
  s.cache_misses = misses_.load(std::memory_order_relaxed);
  for (const ThreadCache* c = caches_; c != nullptr; c = c->next) {
    s.num_allocs += c->allocs.load(std::memory_order_relaxed);
    s.num_frees += c->frees.load(std::memory_order_relaxed);
    s.cache_misses += c->misses.load(std::memory_order_relaxed);
  }
  raise_to(peak_, live);
  s.allocated = live > 0 ? static_cast<size_t>(live) : 0;
  s.peak_allocated = static_cast<size_t>(peak_.load(std::memory_order_relaxed));
  s.reserved = reserved_.load(std::memory_order_relaxed);
  s.peak_reserved = peak_reserved_.load(std::memory_order_relaxed);
  s.cache_hits = s.num_allocs > s.cache_misses ? s.num_allocs - s.cache_misses : 0;
  s.num_trims = num_trims_.load(std::memory_order_relaxed);
  return s;
}

void PoolAllocator::reset_peak() {
  const MemoryStats s = stats();
  peak_.store(static_cast<int64_t>(s.allocated), std::memory_order_relaxed);
  peak_reserved_.store(s.reserved, std::memory_order_relaxed);
}

void PoolAllocator::set_limit(size_t bytes) {
  limit_.store(std::min(bytes, SIZE_MAX / 4), std::memory_order_relaxed);
  // With a limit every call is counted at once, so that the limit is exact.
  fold_limit_.store(bytes == 0 ? kFoldBytes : INT64_MIN, std::memory_order_relaxed);
}

size_t PoolAllocator::trim() {
  ThreadCache* cache = tls_cache;
  if (cache != nullptr && cache->pool == this) ThreadCacheOwner::flush(cache, 0);
  std::lock_guard<std::mutex> central(central_mutex_);
  release_empty_spans();
  std::lock_guard<std::mutex> heap(heap_mutex_);
  const size_t given = heap_.release_free_regions(0) + heap_.discard_free_pages();
  note_reserved();
  num_trims_.fetch_add(1, std::memory_order_relaxed);
  return given;
}

bool PoolAllocator::consistent() const {
  std::lock_guard<std::mutex> central(central_mutex_);
  std::lock_guard<std::mutex> heap(heap_mutex_);
  size_t bytes = 0, capacity[size_class::kCount] = {};
  for (int cls = 0; cls < size_class::kCount; ++cls) {
    bytes += central_[cls].blocks.size() * size_class::bytes(cls);
    if (central_[cls].blocks.size() > central_[cls].total) return false;
  }
  for (const Span& s : spans_) capacity[s.cls] += s.bytes / size_class::bytes(s.cls);
  for (int cls = 0; cls < size_class::kCount; ++cls)
    if (capacity[cls] != central_[cls].total) return false;
  return bytes == central_bytes_ && heap_.consistent();
}

}  // namespace rustorch
