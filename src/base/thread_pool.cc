// See thread_pool.h. One region runs at a time; its description lives in the pool, guarded by `gate_`.
//
// Note [Gate]: gate_ packs {epoch:32, open:1, slots:15, joined:16}. The caller fills the job fields while the
// gate is closed with nobody joined, then opens it. A worker enters by compare-exchange (joined + 1) and
// leaves by decrement. When the caller runs out of chunks it closes the gate and waits only for those who
// entered; a worker that wakes late finds it closed. So job fields are never read while they are written, a
// region costs no more than the caller's own work if no worker is awake, and nothing on the caller's stack
// outlives the call.
//
// Note [Placement]: Linux wakes a thread where it last ran, and on a machine with few processors it may not
// look for an idle one. A worker that once shared the processor of its waker would do so for ever, and the
// region would run on one processor. So a caller that finds a parked worker on its own processor bars the
// worker from that processor (and from no other) before it wakes it; likewise one that looks for work there:
// a caller woken by the worker's last chunk may have been put beside it, and would take turns with it.
//
// Note [Immortal pool]: the pool is never destroyed and its threads are detached, so exit() and static
// destructors never race with them. After fork() the child forgets the pool and builds a new one when needed.
#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cpu_info.h"
#include "base/thread_pool_internal.h"
#include "rustorch/error.h"

#if defined(__unix__) || defined(__APPLE__)
#define RT_HAVE_PTHREAD 1
#include <pthread.h>
#include <signal.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rustorch {
namespace {

constexpr int kMaxThreads = 1024;
// Longer than the host code between two operators; waking a parked thread takes 6 to 20 microseconds.
constexpr auto kSpinTime = std::chrono::microseconds(200);
constexpr auto kOften = std::chrono::microseconds(100);   // short loops no farther apart keep a worker awake
constexpr int kPatience = 4, kMostPatience = 4096;        // of them in a row before one wakes it
constexpr auto kLostCpu = std::chrono::microseconds(50);  // a gap between looks that means a lost CPU

constexpr uint64_t kJoinedMask = 0xffffu;
constexpr int kSlotsShift = 16;
constexpr uint64_t kOpen = uint64_t{1} << 31;
constexpr int kEpochShift = 32;

thread_local bool tls_in_region = false;
thread_local int tls_index = 0;
std::atomic<int> g_num_threads{0};
std::atomic<int> g_spawn_limit{kMaxThreads};

inline void cpu_relax() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

// The floating-point mode decides results (flush-to-zero, rounding), so workers take over the caller's.
inline uint64_t read_fp_mode() {
#if defined(__x86_64__) || defined(_M_X64)
  return _mm_getcsr() & 0xffc0u;  // without the sticky exception flags
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

inline void write_fp_mode(uint64_t mode) {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_setcsr(static_cast<unsigned>(mode));
#elif defined(__aarch64__)
  __asm__ __volatile__("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

/// Waits a short time for ready(); returns whether it became true. Stops at once when somebody else took the
/// CPU meanwhile: the machine is loaded then, and a parked thread gets its turn sooner than one that ran on.
/// For the same reason it does not yield, which would give a whole time slice away.
template <class Ready>
bool spin_until(Ready ready) {
  using Clock = std::chrono::steady_clock;
  auto last = Clock::now();
  const auto until = last + kSpinTime;
  for (;;) {
    for (int i = 0; i < 8; ++i) {
      if (ready()) return true;
      cpu_relax();
    }
    const auto now = Clock::now();
    if (now > until || now - last > kLostCpu) return ready();
    last = now;
  }
}

/// Chunks [next, end) that belong first to one slot.
struct alignas(64) Range {
  std::atomic<int64_t> next{0};
  std::atomic<int64_t> end{0};
};

class Pool;

struct alignas(64) Worker {
  int slot = 0;
  std::atomic<bool> parked{false};
  bool wake = false;
  std::mutex mutex;
  std::condition_variable signal;
#if defined(__linux__)
  std::atomic<int> cpu{-1};  // where it began to wait last; -1 before that
  pthread_t handle{};        // these two are written before cpu
  cpu_set_t allowed{};
#endif
};

/// Note [Placement].
void note_cpu(Worker* self) {
#if defined(__linux__)
  self->cpu.store(sched_getcpu(), std::memory_order_release);
#else
  (void)self;
#endif
}

void move_away_from_waker(Worker* waiting) {
#if defined(__linux__)
  const int cpu = waiting->cpu.load(std::memory_order_acquire);
  if (cpu < 0 || cpu >= CPU_SETSIZE || cpu != sched_getcpu()) return;
  cpu_set_t mask = waiting->allowed;
  CPU_CLR(static_cast<size_t>(cpu), &mask);
  if (CPU_COUNT(&mask) > 0) pthread_setaffinity_np(waiting->handle, sizeof(mask), &mask);
#else
  (void)waiting;
#endif
}

class Pool {
 public:
  Pool() : cpus_(cpu_limits().usable()) {}

  /// Runs the loop on up to `threads` threads; false when another caller has the pool.
  bool try_run(int64_t nchunks, detail::ChunkCall call, void* context, int threads);
  bool ready(int workers);

 private:
  void start_workers(int count);
  void worker_main(Worker* self);
  bool joinable(uint64_t gate, const Worker& w, uint64_t done_epoch) const {
    const int slots = static_cast<int>((gate >> kSlotsShift) & 0x7fffu);
    return (gate & kOpen) && w.slot < slots && (gate >> kEpochShift) != done_epoch;
  }
  void wake_children(int slot, int slots);
  void drain(int slot);
  void run_chunk(int64_t chunk);
  void close_and_wait();
  void park(Worker* self, uint64_t done_epoch);

  const int cpus_;
  std::atomic<bool> busy_{false};
  alignas(64) std::atomic<uint64_t> gate_{0};
  std::atomic<bool> spin_{false};

  // The job (see Note [Gate]).
  alignas(64) detail::ChunkCall call_ = nullptr;
  void* context_ = nullptr;
  int slots_ = 0;
  int64_t batch_ = 1;
  uint64_t fp_mode_ = 0;
  std::unique_ptr<Range[]> ranges_;
  int range_capacity_ = 0;

  alignas(64) std::atomic<int64_t> stop_after_{INT64_MAX};  // chunks above this one are skipped
  std::mutex error_mutex_;
  std::exception_ptr error_;

  std::atomic<bool> caller_waits_{false};
  std::mutex done_mutex_;
  std::condition_variable done_;

  // What ready() remembers: hints, so it does not matter when two threads mix them up.
  std::atomic<std::chrono::steady_clock::rep> asked_{0};  // when it last found a worker parked
  std::atomic<int> asked_in_a_row_{0}, patience_{kPatience};

  // Pointers to the workers, slot 1 first. Fixed capacity, so that workers may read while one is added.
  std::unique_ptr<std::atomic<Worker*>[]> workers_ { new std::atomic<Worker*>[kMaxThreads] {} };
  std::atomic<int> worker_count_{0};
};

std::atomic<Pool*> g_pool{nullptr};
Pool* g_abandoned = nullptr;  // keeps the parent's pool reachable for leak checkers
std::once_flag g_fork_once;

void forget_pool_in_child() {
  g_abandoned = g_pool.exchange(nullptr);
  tls_in_region = false;
  tls_index = 0;
}

Pool* pool() {
  Pool* p = g_pool.load(std::memory_order_acquire);
  if (p != nullptr) return p;
#ifdef RT_HAVE_PTHREAD
  std::call_once(g_fork_once, [] { pthread_atfork(nullptr, nullptr, forget_pool_in_child); });
#endif
  std::unique_ptr<Pool> fresh(new Pool);
  if (g_pool.compare_exchange_strong(p, fresh.get(), std::memory_order_acq_rel)) return fresh.release();
  return p;
}

/// Starts a thread with all signals blocked, so that handlers run on the program's own threads.
bool spawn(Pool* pool, Worker* worker, void (*body)(Pool*, Worker*)) {
  bool started = true;
#ifdef RT_HAVE_PTHREAD
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
#endif
  try {
    std::thread(body, pool, worker).detach();
  } catch (const std::exception&) {
    started = false;
  }
#ifdef RT_HAVE_PTHREAD
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
#endif
  return started;
}

void Pool::start_workers(int count) {
  for (int have = worker_count_.load(std::memory_order_relaxed); have < count; ++have) {
    if (have >= g_spawn_limit.load(std::memory_order_relaxed)) return;
    std::unique_ptr<Worker> w(new (std::nothrow) Worker);
    if (w == nullptr) return;
    w->slot = have + 1;
    if (!spawn(this, w.get(), [](Pool* p, Worker* self) { p->worker_main(self); })) {
      g_spawn_limit.store(have, std::memory_order_relaxed);  // go on with the threads there are
      return;
    }
    workers_[have].store(w.release(), std::memory_order_release);
    worker_count_.store(have + 1, std::memory_order_release);
  }
}

/// Wakes the parked among the two slots below `slot` in a binary tree rooted at the caller (slot 0).
void Pool::wake_children(int slot, int slots) {
  for (int child = 2 * slot + 1; child <= 2 * slot + 2 && child < slots; ++child) {
    Worker* w = workers_[child - 1].load(std::memory_order_acquire);
    move_away_from_waker(w);
    if (!w->parked.load(std::memory_order_seq_cst)) continue;
    {
      std::lock_guard<std::mutex> lock(w->mutex);
      w->wake = true;
    }
    w->signal.notify_one();
  }
}

void Pool::run_chunk(int64_t chunk) {
  if (chunk > stop_after_.load(std::memory_order_relaxed)) return;
  try {
    call_(context_, chunk);
  } catch (...) {
    std::lock_guard<std::mutex> lock(error_mutex_);
    if (chunk <= stop_after_.load(std::memory_order_relaxed)) {
      stop_after_.store(chunk, std::memory_order_relaxed);
      error_ = std::current_exception();
    }
  }
}

/// Runs the chunks of this slot's own range, then those left in the ranges of the others.
void Pool::drain(int slot) {
  const int64_t batch = batch_;
  for (int k = 0; k < slots_; ++k) {
    Range& range = ranges_[slot + k < slots_ ? slot + k : slot + k - slots_];
    const int64_t end = range.end.load(std::memory_order_relaxed);
    while (range.next.load(std::memory_order_relaxed) < end) {
      const int64_t b = range.next.fetch_add(batch, std::memory_order_relaxed);
      const int64_t e = b + batch < end ? b + batch : end;
      for (int64_t c = b; c < e; ++c) run_chunk(c);
    }
  }
}

void Pool::park(Worker* self, uint64_t done_epoch) {
  note_cpu(self);
  std::unique_lock<std::mutex> lock(self->mutex);
  self->parked.store(true, std::memory_order_seq_cst);
  if (!joinable(gate_.load(std::memory_order_seq_cst), *self, done_epoch))
    self->signal.wait(lock, [&] { return self->wake; });
  self->wake = false;
  self->parked.store(false, std::memory_order_relaxed);
}

void Pool::worker_main(Worker* self) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "rt-worker");
  self->handle = pthread_self();
  if (pthread_getaffinity_np(self->handle, sizeof(self->allowed), &self->allowed) != 0)
    CPU_ZERO(&self->allowed);
#endif
  tls_in_region = true;
  tls_index = self->slot;
  uint64_t fp_mode = read_fp_mode();
  uint64_t done_epoch = 0;
  bool worked = false;
  for (;;) {
    uint64_t gate = gate_.load(std::memory_order_acquire);
    if (worked && spin_.load(std::memory_order_relaxed)) {
      note_cpu(self);
      spin_until([&] { return joinable(gate = gate_.load(std::memory_order_acquire), *self, done_epoch); });
    }
    worked = false;
    if (!joinable(gate, *self, done_epoch)) {
      park(self, done_epoch);
      continue;
    }
    if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) continue;
    done_epoch = gate >> kEpochShift;
    wake_children(self->slot, slots_);
    if (fp_mode != fp_mode_) write_fp_mode(fp_mode = fp_mode_);
    drain(self->slot);
    worked = true;
    const uint64_t left = gate_.fetch_sub(1, std::memory_order_seq_cst) - 1;
    if ((left & (kOpen | kJoinedMask)) == 0 && caller_waits_.load(std::memory_order_seq_cst)) {
      std::lock_guard<std::mutex> lock(done_mutex_);
      done_.notify_one();
    }
  }
}

void Pool::close_and_wait() {
  auto busy = [](uint64_t gate) { return (gate & kJoinedMask) != 0; };
  uint64_t gate = gate_.fetch_and(~kOpen, std::memory_order_seq_cst);
  if (!busy(gate)) return;
  if (spin_.load(std::memory_order_relaxed) &&
      spin_until([&] { return !busy(gate_.load(std::memory_order_acquire)); }))
    return;
  caller_waits_.store(true, std::memory_order_seq_cst);
  {
    std::unique_lock<std::mutex> lock(done_mutex_);
    done_.wait(lock, [&] { return !busy(gate_.load(std::memory_order_seq_cst)); });
  }
  caller_waits_.store(false, std::memory_order_relaxed);
}

bool Pool::try_run(int64_t nchunks, detail::ChunkCall call, void* context, int threads) {
  if (busy_.exchange(true, std::memory_order_acquire)) return false;
  struct Unbusy {
    std::atomic<bool>& flag;
    ~Unbusy() { flag.store(false, std::memory_order_release); }
  } unbusy{busy_};

  int slots = nchunks < threads ? static_cast<int>(nchunks) : threads;
  if (worker_count_.load(std::memory_order_relaxed) < slots - 1) start_workers(slots - 1);
  slots = std::min(slots, worker_count_.load(std::memory_order_relaxed) + 1);
  if (range_capacity_ < slots) {
    Range* fresh = new (std::nothrow) Range[static_cast<size_t>(slots)];
    if (fresh == nullptr) return false;
    ranges_.reset(fresh);
    range_capacity_ = slots;
  }

  call_ = call;
  context_ = context;
  slots_ = slots;
  fp_mode_ = read_fp_mode();
  batch_ = nchunks / slots / 16;
  if (batch_ < 1) batch_ = 1;
  const int64_t per_slot = nchunks / slots, extra = nchunks % slots;
  for (int64_t s = 0, from = 0; s < slots; ++s) {
    const int64_t to = from + per_slot + (s < extra ? 1 : 0);
    ranges_[s].next.store(from, std::memory_order_relaxed);
    ranges_[s].end.store(to, std::memory_order_relaxed);
    from = to;
  }
  stop_after_.store(INT64_MAX, std::memory_order_relaxed);
  spin_.store(threads <= cpus_, std::memory_order_relaxed);

  uint64_t epoch = ((gate_.load(std::memory_order_relaxed) >> kEpochShift) + 1) & 0xffffffffu;
  if (epoch == 0) epoch = 1;  // 0 is what a new worker has "done"
  gate_.store((epoch << kEpochShift) | kOpen | (static_cast<uint64_t>(slots) << kSlotsShift),
              std::memory_order_seq_cst);
  wake_children(0, slots);

  tls_in_region = true;
  drain(0);
  close_and_wait();
  tls_in_region = false;
  if (error_) {
    std::exception_ptr error;
    error.swap(error_);
    std::rethrow_exception(error);
  }
  return true;
}

bool Pool::ready(int workers) {
  if (busy_.load(std::memory_order_relaxed)) return false;
  bool awake = worker_count_.load(std::memory_order_acquire) >= workers;
  for (int i = 0; awake && i < workers; ++i)
    awake = !workers_[i].load(std::memory_order_relaxed)->parked.load(std::memory_order_relaxed);
  const int patience = patience_.load(std::memory_order_relaxed);
  if (awake) {
    if (patience > kPatience) patience_.store(patience - 1, std::memory_order_relaxed);
    return true;
  }
  using Clock = std::chrono::steady_clock;
  const Clock::rep now = Clock::now().time_since_epoch().count();
  const Clock::duration gap(now - asked_.exchange(now, std::memory_order_relaxed));
  const int row = gap < kOften ? asked_in_a_row_.load(std::memory_order_relaxed) + 1 : 0;
  const bool wake = row >= patience;
  asked_in_a_row_.store(wake ? 0 : row, std::memory_order_relaxed);
  // Where workers do not stay awake, as on a loaded machine, they are left alone more and more.
  if (wake) patience_.store(std::min(2 * patience, kMostPatience), std::memory_order_relaxed);
  return wake;
}

}  // namespace

int get_num_threads() {
  int n = g_num_threads.load(std::memory_order_relaxed);
  if (n == 0) {
    n = default_num_threads();
    int unset = 0;
    if (!g_num_threads.compare_exchange_strong(unset, n)) n = unset;
  }
  return n;
}

void set_num_threads(int n) {
  RT_CHECK(n >= 1 && n <= kMaxThreads, Value, "set_num_threads", "expected a number of threads from 1 to ",
           kMaxThreads, "; got ", n);
  g_num_threads.store(n, std::memory_order_relaxed);
}

bool in_parallel_region() { return tls_in_region; }

int parallel_thread_index() { return tls_index; }

bool workers_ready(int workers) {
  return workers < get_num_threads() && !tls_in_region && pool()->ready(workers);
}

namespace detail {

void run_chunks(int64_t nchunks, ChunkCall call, void* context) {
  if (nchunks > 1 && !tls_in_region) {
    const int threads = get_num_threads();
    if (threads > 1 && pool()->try_run(nchunks, call, context, threads)) return;
  }
  for (int64_t c = 0; c < nchunks; ++c) call(context, c);
}

void set_spawn_limit_for_testing(int workers) {
  g_spawn_limit.store(workers < 0 ? kMaxThreads : workers, std::memory_order_relaxed);
}

}  // namespace detail
}  // namespace rustorch
