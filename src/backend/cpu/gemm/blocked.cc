// The blocked product: cutting, packing, scheduling. See Note [Blocking] in blocked.h.
#include "backend/cpu/gemm/blocked.h"

#include <algorithm>

#include "backend/cpu/gemm/kernel_table.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kMaxDepth = 384;         // B panel of 32 floats x 384 = 48 KB
constexpr int64_t kTaskRowPanels = 16;     // row panels of a full task
constexpr int64_t kTaskColumns = 160;      // columns of a full task
constexpr int64_t kWideTaskColumns = 384;  // the same where a task takes all rows
constexpr int64_t kFarGroup = 8;        // panels packed at once from a B farther away: longer runs of memory
constexpr double kFullTaskWork = 1e6;   // multiply-adds of a task, some 10 us, while there are few
constexpr double kMinTaskWork = 0.5e6;  // below this a task is not worth handing over
constexpr int64_t kFewTasks = 8;        // enough to balance two to four threads
constexpr int64_t kManyTasks = 32;      // and more than that
constexpr double kMinParallelWork = 0.4e6;   // multiply-adds; below this threads are not woken
constexpr double kMinAwakeWork = 0.1e6;      // the same for threads that are awake
constexpr int64_t kPackGrain = 32 * 1024;    // elements packed per chunk
constexpr int64_t kDirectBytes = 192 << 10;  // an A up to this size stays in cache unpacked
constexpr int64_t kDirectBBytes = 32 << 10;  // the same of B, which is read once for every tile of rows
constexpr int64_t kDirectAlone = 4;          // with so few column panels A is read in place
constexpr int64_t kDirectShared = 16;        // the same where packing would mean one more meeting of threads
constexpr int64_t kCopyRowPanels = 4;        // with so many row panels a task packs B on the way
constexpr int64_t kOwnPanelsLeast = 6;       // row panels that a thread takes for all columns,
constexpr int64_t kOwnPanelsMost = 32;       // where there are as many for each
constexpr int64_t kOwnBytes = 7 << 19;       // and B is not larger

// Where block() reads an operand: in place, packed once for all tasks, packed by its only task, or (B only)
// in place by the first tile of every panel, which packs it for the others.
enum class Source : uint8_t { Direct, Shared, Task, Copy };

struct Plan {
  int64_t mb, nb;    // rows and columns of a task; multiples of the tile where the operand is Shared
  int64_t nib, njb;  // number of row and column blocks
  Source a, b;
  bool on_threads;
};

// Parts of at most `most`; without a division where one does.
int64_t parts_of(int64_t n, int64_t most) { return n <= most ? 1 : ceil_div(n, most); }

// Tasks wanted for the work: few long ones or many longer ones.
int64_t wanted_tasks(double work) {
  const auto fit = [&](double each) { return static_cast<int64_t>(std::min(work / each, 1e6)); };
  return std::clamp<int64_t>(fit(kMinTaskWork), 1, std::clamp(fit(kFullTaskWork), kFewTasks, kManyTasks));
}

// Cuts `panels` into at least `parts` nearly equal parts if there are as many, of at most `most` panels.
// Returns panels a part.
int64_t panels_per_part(int64_t panels, int64_t parts, int64_t most) {
  const int64_t count = std::max(std::min(parts, panels), ceil_div(panels, most));
  return ceil_div(panels, count);
}

// Rows a thread, when every thread had best take some rows and all columns: it packs its rows and, on the
// way, B for itself, so that threads neither meet before the product nor read what another has packed. 0:
// not.
template <class T>
int64_t own_rows(const Problem<T>& p, const KernelTable<T>& t, int64_t threads) {
  if (!t.direct_b || p.b_ns != 1 || p.prepacked_a != nullptr || p.prepacked_b != nullptr) return 0;
  if (p.k > 1024 || p.k * p.n * static_cast<int64_t>(sizeof(T)) > kOwnBytes) return 0;
  const int64_t rows = round_up(ceil_div(p.m, threads), 2), panels = ceil_div(rows, t.mr);
  return panels >= kOwnPanelsLeast && panels <= kOwnPanelsMost ? rows : 0;
}

// Parts of a product of some microseconds: one for each thread that is awake, 1 if it is too short for that.
template <class T>
int64_t brief_parts(const Problem<T>& p, const KernelTable<T>& t, int64_t threads) {
  if (p.prepacked_a != nullptr || p.prepacked_b != nullptr) return 1;
  const double work = static_cast<double>(p.m * round_up(p.n, t.nr / 2) * p.k);
  if (work < kMinAwakeWork) return 1;
  const int64_t parts = std::min(threads, static_cast<int64_t>(work / (kMinAwakeWork / 2)));
  return workers_ready(static_cast<int>(parts) - 1) ? parts : 1;
}

template <class T>
Plan make_plan(const Problem<T>& p, const KernelTable<T>& t) {
  const auto bytes = [](int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)); };
  const int64_t row_panels = parts_of(p.m, t.mr), column_panels = parts_of(p.n, t.nr);
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  const double work = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  const bool brief = work < kMinParallelWork;
  const int64_t parts = threads > 1 && brief ? brief_parts(p, t, threads) : 1;
  const bool alone = threads == 1 || (brief && parts == 1);
  const int64_t wanted = alone ? 1 : wanted_tasks(work);
  const bool small_a = bytes(p.m * p.k) <= kWholeABytes;
  const bool b_rows = t.direct_b && p.b_ns == 1;
  const int64_t own = alone ? 0 : own_rows(p, t, threads);
  Plan plan{};
  plan.on_threads = !alone;
  int64_t rows = row_panels, columns = column_panels;  // panels of a task
  bool own_b = own > 0;                                // a task packs B for itself
  if (parts > 1 && column_panels >= parts && (!b_rows || p.m < 8 * parts)) {
    columns = ceil_div(column_panels, parts);
  } else if (own > 0 || parts > 1) {
    plan.mb = own > 0 ? own : round_up(ceil_div(p.m, parts), 2);
    rows = ceil_div(plan.mb, t.mr);
    own_b = b_rows;
  } else if (small_a && column_panels >= std::min(wanted, kFewTasks)) {
    // A stays in cache, a task takes some columns
    columns = panels_per_part(column_panels, wanted, kWideTaskColumns / t.nr);
  } else {
    rows = panels_per_part(row_panels, 1, kTaskRowPanels);
    columns =
        panels_per_part(column_panels, ceil_div(wanted, ceil_div(row_panels, rows)), kTaskColumns / t.nr);
    const int64_t bands = ceil_div(column_panels, columns);
    if (bands * ceil_div(row_panels, rows) < wanted)
      rows = panels_per_part(row_panels, ceil_div(wanted, bands), kTaskRowPanels);
  }
  if (plan.mb == 0) plan.mb = rows * t.mr;
  plan.nb = columns * t.nr;
  plan.nib = parts_of(p.m, plan.mb);
  plan.njb = parts_of(p.n, plan.nb);
  // Rows a multiple of 4 KiB apart fall into the same cache sets; a tile then does better packed.
  const bool rows_collide = p.a_cs == 1 && bytes(p.a_rs) % 4096 == 0 && p.m > 8;
  // Reading A in place slows every tile down by some 5 %; packing it costs that much for a few panels of B.
  const bool in_place = p.a_cs == 1 && t.direct_b
                            ? column_panels <= (alone || own > 0 ? kDirectAlone : kDirectShared)
                            : bytes(p.m * p.k) <= kDirectBytes;
  const bool a_direct = p.n <= 2 * t.nr || (!rows_collide && in_place);
  // Vectors that straddle cache lines load at half the speed.
  const bool b_aligned = reinterpret_cast<uintptr_t>(p.b) % 64 == 0 && bytes(p.b_ks) % 64 == 0;
  const bool b_direct = b_rows && (plan.mb <= 2 * t.mr || (b_aligned && bytes(p.k * p.n) <= kDirectBBytes));
  const bool b_copy =
      own_b || (b_rows && plan.nib == 1 && rows >= kCopyRowPanels && bytes(p.k * p.n) <= kNearBytes);
  plan.a = p.prepacked_a ? Source::Shared
           : a_direct    ? Source::Direct
                         : (plan.njb > 1 ? Source::Shared : Source::Task);
  plan.b = p.prepacked_b ? Source::Shared
           : b_direct    ? Source::Direct
           : b_copy      ? Source::Copy
                         : (plan.nib > 1 && parts == 1 ? Source::Shared : Source::Task);
  return plan;
}

// One region of the problem: rows i0.., columns j0.., depth k0..; packed copies cover exactly this region.
template <class T>
struct Region {
  int64_t i0, m, j0, n, k0, k;
  int64_t depth;  // of the blocks along k
  T *packed_a = nullptr, *packed_b = nullptr;
  int64_t a_panels = 0, b_panels = 0;   // panels in one block along k
  int64_t a_k0 = 0, a_first_panel = 0;  // where the region starts in a prepacked A
  int64_t b_k0 = 0, b_first_panel = 0;  // and in a prepacked B
};

template <class T>
void pack_region(const Problem<T>& p, const KernelTable<T>& t, const Plan& plan, const Region<T>& r) {
  constexpr int64_t kGroup = 8;  // panels per unit
  const int64_t blocks = ceil_div(r.k, r.depth);
  const int64_t a_groups = plan.a == Source::Shared && !p.prepacked_a ? ceil_div(r.a_panels, kGroup) : 0;
  const int64_t b_groups = plan.b == Source::Shared && !p.prepacked_b ? ceil_div(r.b_panels, kGroup) : 0;
  const int64_t groups = a_groups + b_groups;
  if (groups == 0) return;
  const int64_t per_unit = kGroup * std::max(t.mr, t.nr) * std::min(r.depth, r.k);
  parallel_for(0, blocks * groups, std::max<int64_t>(1, kPackGrain / per_unit),
               [&](int64_t begin, int64_t end) {
                 for (int64_t u = begin; u < end; ++u) {
                   const int64_t k0 = u / groups * r.depth, kc = std::min(r.depth, r.k - k0);
                   int64_t g = u % groups;
                   if (g < a_groups) {
                     const int64_t i0 = g * kGroup * t.mr, rows = std::min(kGroup * t.mr, r.m - i0);
                     t.pack_a(r.packed_a + (k0 * r.a_panels + g * kGroup * kc) * t.a_stride, kc * t.a_stride,
                              p.a + (r.i0 + i0) * p.a_rs + (r.k0 + k0) * p.a_cs, p.a_rs, p.a_cs, rows, kc);
                   } else {
                     g -= a_groups;
                     const int64_t j0 = g * kGroup * t.nr, cols = std::min(kGroup * t.nr, r.n - j0);
                     t.pack_b(r.packed_b + (k0 * r.b_panels + g * kGroup * kc) * t.nr, kc * t.nr,
                              p.b + (r.k0 + k0) * p.b_ks + (r.j0 + j0) * p.b_ns, p.b_ks, p.b_ns, kc, cols);
                   }
                 }
               });
}

// Panels of B packed at a time by a task.
template <class T>
int64_t panels_at_once(const Problem<T>& p) {
  return p.k * p.n * static_cast<int64_t>(sizeof(T)) <= kNearBytes ? 1 : kFarGroup;
}

// The block with some panels of B at a time, element (0, 0) at b, packed to `panels` before they are used.
template <class T>
void run_panels(const Problem<T>& p, const KernelTable<T>& t, const BlockArgs<T>& g, const T* b, T* panels) {
  BlockArgs<T> part = g;
  part.b = panels;
  const int64_t columns = panels_at_once(p) * t.nr;
  for (int64_t j = 0; j < g.n; j += columns) {
    part.n = std::min<int64_t>(columns, g.n - j);
    t.pack_b(panels, g.b_panel, b + j * p.b_ns, p.b_ks, p.b_ns, g.k, part.n);
    t.block(part);
    part.c += columns;
    if (part.bias != nullptr && !part.bias_rows) part.bias += columns;
  }
}

template <class T>
void run_task(const Problem<T>& p, const KernelTable<T>& t, const Plan& plan, const Region<T>& r, int64_t ib,
              int64_t jb) {
  const int64_t i0 = ib * plan.mb, j0 = jb * plan.nb;
  BlockArgs<T> g{};
  g.m = std::min(plan.mb, r.m - i0);
  g.n = std::min(plan.nb, r.n - j0);
  g.alpha = p.alpha;
  g.c = p.c + (r.i0 + i0) * p.ldc + r.j0 + j0;
  g.ldc = p.ldc;
  g.bias = p.bias ? p.bias + (p.bias_rows ? r.i0 + i0 : r.j0 + j0) : nullptr;
  g.bias_rows = p.bias_rows;
  g.act = p.act;
  if (p.next_a != nullptr) {
    g.next[0] = p.next_a;
    g.next_bytes[0] = p.m * p.k * static_cast<int64_t>(sizeof(T));
  }
  if (p.next_b != nullptr) {
    g.next[1] = p.next_b;
    g.next_bytes[1] = p.k * p.n * static_cast<int64_t>(sizeof(T));
  }
  const int64_t depth = std::min(r.depth, r.k);
  ScratchBuffer<T> a_scratch(plan.a == Source::Task ? ceil_div(g.m, t.mr) * depth * t.a_stride : 0);
  const bool copy_b = plan.b == Source::Copy;
  // Panels of B, used before they leave the nearest caches.
  const int64_t b_panels = plan.b == Source::Task ? panels_at_once(p) : copy_b ? 1 : 0;
  ScratchBuffer<T> b_scratch(b_panels * depth * t.nr);
  g.b_copy = copy_b ? b_scratch.data() : nullptr;
  for (int64_t k0 = 0; k0 < r.k; k0 += r.depth) {
    g.k = std::min(r.depth, r.k - k0);
    const T* a = p.a + (r.i0 + i0) * p.a_rs + (r.k0 + k0) * p.a_cs;
    const T* b = p.b + (r.k0 + k0) * p.b_ks + (r.j0 + j0) * p.b_ns;
    if (plan.a == Source::Direct) {
      g.a = a;
      g.a_rs = p.a_rs;
      g.a_cs = p.a_cs;
      g.a_panel = t.mr * p.a_rs;
    } else {
      g.a_rs = 1;
      g.a_cs = t.a_stride;
      g.a_panel = g.k * t.a_stride;
      g.a_packed = true;
      if (plan.a == Source::Task) {
        t.pack_a(a_scratch.data(), g.a_panel, a, p.a_rs, p.a_cs, g.m, g.k);
        g.a = a_scratch.data();
      } else {
        g.a = r.packed_a + ((r.a_k0 + k0) * r.a_panels + (r.a_first_panel + i0 / t.mr) * g.k) * t.a_stride;
      }
    }
    if (plan.b == Source::Direct || copy_b) {
      g.b = b;
      g.b_ks = p.b_ks;
      g.b_panel = t.nr;
    } else {
      g.b_ks = t.nr;
      g.b_panel = g.k * t.nr;
      if (plan.b == Source::Shared)
        g.b = r.packed_b + ((r.b_k0 + k0) * r.b_panels + (r.b_first_panel + j0 / t.nr) * g.k) * t.nr;
    }
    g.beta = r.k0 + k0 == 0 ? p.beta : T(1);
    g.last = r.k0 + k0 + g.k == p.k;
    plan.b == Source::Task ? run_panels(p, t, g, b, b_scratch.data()) : t.block(g);
  }
}

}  // namespace

int64_t depth_of_blocks(int64_t k) {
  const int64_t blocks = std::max<int64_t>(1, ceil_div(k, kMaxDepth));
  return round_up(std::max<int64_t>(1, ceil_div(k, blocks)), 16);
}

template <class T>
int64_t packed_b_size(int64_t k, int64_t n) {
  return k * round_up(n, kernels<T>().nr);
}

template <class T>
void pack_whole_b(T* dst, const T* b, int64_t ks, int64_t ns, int64_t k, int64_t n) {
  const KernelTable<T>& t = kernels<T>();
  Problem<T> p{};
  p.b = b;
  p.b_ks = ks;
  p.b_ns = ns;
  Plan plan{};
  plan.a = Source::Direct;
  plan.b = Source::Shared;
  pack_region(p, t, plan,
              Region<T>{0, 0, 0, n, 0, k, depth_of_blocks(k), nullptr, dst, 0, ceil_div(n, t.nr)});
}

template <class T>
int64_t packed_a_size(int64_t m, int64_t k) {
  const KernelTable<T>& t = kernels<T>();
  return k * ceil_div(m, t.mr) * t.a_stride;
}

template <class T>
void pack_whole_a(T* dst, const T* a, int64_t rs, int64_t cs, int64_t m, int64_t k) {
  const KernelTable<T>& t = kernels<T>();
  Problem<T> p{};
  p.a = a;
  p.a_rs = rs;
  p.a_cs = cs;
  Plan plan{};
  plan.a = Source::Shared;
  plan.b = Source::Direct;
  pack_region(p, t, plan, Region<T>{0, m, 0, 0, 0, k, depth_of_blocks(k), dst, nullptr, ceil_div(m, t.mr)});
}

template <class T>
void run_blocked(const Problem<T>& p) {
  if (run_streamed(p)) return;
  const KernelTable<T>& t = kernels<T>();
  const Plan plan = make_plan(p, t);
  const int64_t depth = depth_of_blocks(p.k);
  const bool whole = plan.nib * plan.njb == 1 && plan.a != Source::Shared && plan.b != Source::Shared;
  if (whole) return run_task(p, t, plan, Region<T>{0, p.m, 0, p.n, 0, p.k, depth}, 0, 0);
  // Regions bound the memory for packed copies: first along k, then along m and n.
  const bool share_a = plan.a == Source::Shared && !p.prepacked_a,
             share_b = plan.b == Source::Shared && !p.prepacked_b;
  const int64_t rk = share_a || share_b ? std::min(round_up(p.k, depth), 16 * depth) : p.k;
  const int64_t rm = share_a ? std::max(plan.mb, kMaxPacked / rk / plan.mb * plan.mb) : p.m;
  const int64_t rn = share_b ? std::max(plan.nb, kMaxPacked / rk / plan.nb * plan.nb) : p.n;
  const auto most = [](int64_t a, int64_t b) { return static_cast<size_t>(std::min(a, b)); };
  ScratchBuffer<T> a_buffer(share_a ? most(rk, p.k) * round_up(most(rm, p.m), t.mr) / t.mr * t.a_stride : 0);
  ScratchBuffer<T> b_buffer(share_b ? most(rk, p.k) * round_up(most(rn, p.n), t.nr) : 0);
  for (int64_t j0 = 0; j0 < p.n; j0 += rn) {
    for (int64_t i0 = 0; i0 < p.m; i0 += rm) {
      for (int64_t k0 = 0; k0 < p.k; k0 += rk) {
        Region<T> r{i0,
                    std::min(rm, p.m - i0),
                    j0,
                    std::min(rn, p.n - j0),
                    k0,
                    std::min(rk, p.k - k0),
                    depth,
                    a_buffer.data(),
                    b_buffer.data()};
        r.a_panels = ceil_div(r.m, t.mr);
        r.b_panels = ceil_div(r.n, t.nr);
        if (p.prepacked_a) {
          r.packed_a = const_cast<T*>(p.prepacked_a);
          r.a_panels = ceil_div(p.m, t.mr);
          r.a_k0 = k0;
          r.a_first_panel = i0 / t.mr;
        }
        if (p.prepacked_b) {
          r.packed_b = const_cast<T*>(p.prepacked_b);
          r.b_panels = ceil_div(p.n, t.nr);
          r.b_k0 = k0;
          r.b_first_panel = j0 / t.nr;
        }
        pack_region(p, t, plan, r);
        const int64_t njb = ceil_div(r.n, plan.nb), tasks = ceil_div(r.m, plan.mb) * njb;
        parallel_for(0, tasks, plan.on_threads ? 1 : tasks, [&](int64_t begin, int64_t end) {
          for (int64_t task = begin; task < end; ++task) run_task(p, t, plan, r, task / njb, task % njb);
        });
      }
    }
  }
}

template int64_t packed_b_size<float>(int64_t, int64_t);
template int64_t packed_b_size<double>(int64_t, int64_t);
template void pack_whole_b<float>(float*, const float*, int64_t, int64_t, int64_t, int64_t);
template void pack_whole_b<double>(double*, const double*, int64_t, int64_t, int64_t, int64_t);
template int64_t packed_a_size<float>(int64_t, int64_t);
template int64_t packed_a_size<double>(int64_t, int64_t);
template void pack_whole_a<float>(float*, const float*, int64_t, int64_t, int64_t, int64_t);
template void pack_whole_a<double>(double*, const double*, int64_t, int64_t, int64_t, int64_t);
template void run_blocked<float>(const Problem<float>&);
template void run_blocked<double>(const Problem<double>&);

}  // namespace rustorch::cpu::detail
