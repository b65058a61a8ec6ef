// Large products on few threads. See Note [Streaming] in blocked.h.
#include <algorithm>
#include <vector>

#include "backend/cpu/gemm/blocked.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kBlockBytes = 800 << 10;  // of A packed at a time: under half of an L2 cache
constexpr int64_t kLeastRowPanels = 6;      // of a block: packing B twice must not count
constexpr int64_t kMostRowPanels = 24;      // leaves room beside it for B and C
constexpr int64_t kMostDepth = 1100;        // of a region along k
constexpr int64_t kColumnPanels = 5;        // of C that stays in cache for all blocks along k
constexpr int kFewThreads = 4;              // that may each pack B for itself

// How a product is cut: blocks of rows, each by one thread, and regions of k and columns.
struct Cut {
  int64_t row_blocks;  // 0: this way does not fit the product
  int64_t depth, region_depth, region_columns;
  bool copy_b;  // the first tile of a panel of B packs it
  bool keep_b;  // a thread takes several blocks of rows: it keeps the B that it has packed
};

template <class T>
Cut make_cut(const Problem<T>& p, const KernelTable<T>& t) {
  const auto bytes = [](int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)); };
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  if (!t.direct_b || p.prepacked_a != nullptr || p.prepacked_b != nullptr || threads > kFewThreads) return {};
  if (bytes(p.m * p.k) < kWholeABytes * threads || p.n < 2 * kColumnPanels * t.nr) return {};
  Cut cut{};
  cut.depth = depth_of_blocks(p.k);
  const int64_t regions = ceil_div(p.k, kMostDepth);
  cut.region_depth = ceil_div(ceil_div(p.k, cut.depth), regions) * cut.depth;
  const int64_t group = kColumnPanels * t.nr;
  cut.region_columns = std::max(group, kMaxPacked / cut.region_depth / group * group);
  const int64_t panels = ceil_div(p.m, t.mr);
  const int64_t most =
      std::min(kMostRowPanels, kBlockBytes / bytes(std::min(cut.region_depth, p.k) * t.a_stride));
  if (most < kLeastRowPanels || panels < kLeastRowPanels * threads) return {};
  cut.copy_b = p.b_ns == 1 && bytes(p.k * p.n) <= kNearBytes;
  cut.row_blocks = ceil_div(ceil_div(panels, most), threads) * threads;
  cut.keep_b = cut.row_blocks > threads;
  return cut;
}

// What a thread keeps from one block of rows to the next.
template <class T>
struct Worker {
  ScratchBuffer<T> a, b;
  bool b_packed = false;  // b holds the region's columns
};

// One region of k and of columns.
template <class T>
struct Region {
  int64_t k0, k, j0, n;
};

template <class T>
class StreamedProduct {
 public:
  StreamedProduct(const Problem<T>& p, const Cut& cut)
      : p_(p),
        t_(kernels<T>()),
        cut_(cut),
        panels_(ceil_div(p.m, t_.mr)),
        workers_(static_cast<size_t>(get_num_threads())) {}

  void run() {
    for (int64_t j0 = 0; j0 < p_.n; j0 += cut_.region_columns) {
      for (int64_t k0 = 0; k0 < p_.k; k0 += cut_.region_depth) {
        const Region<T> r{k0, std::min(cut_.region_depth, p_.k - k0), j0,
                          std::min(cut_.region_columns, p_.n - j0)};
        for (Worker<T>& w : workers_) w.b_packed = false;
        const bool alone = in_parallel_region();
        parallel_for_chunks(cut_.row_blocks, [&](int64_t block) {
          run_rows(r, block, workers_[alone ? 0 : static_cast<size_t>(parallel_thread_index())]);
        });
      }
    }
  }

 private:
  int64_t first_row(int64_t block) const { return std::min(p_.m, block * panels_ / cut_.row_blocks * t_.mr); }
  const T* a_at(int64_t i, int64_t k) const { return p_.a + i * p_.a_rs + k * p_.a_cs; }
  const T* b_at(int64_t k, int64_t j) const { return p_.b + k * p_.b_ks + j * p_.b_ns; }

  void run_rows(const Region<T>& r, int64_t block, Worker<T>& w) const {
    const int64_t i0 = first_row(block), m = first_row(block + 1) - i0;
    const int64_t a_panels = ceil_div(m, t_.mr);
    if (w.b.size() == 0) {
      const int64_t most = ceil_div(panels_, cut_.row_blocks);
      w.a = ScratchBuffer<T>(static_cast<size_t>(most * std::min(cut_.region_depth, p_.k) * t_.a_stride));
      w.b = ScratchBuffer<T>(static_cast<size_t>(
          cut_.keep_b
              ? std::min(cut_.region_depth, p_.k) * round_up(std::min(cut_.region_columns, p_.n), t_.nr)
              : std::min(cut_.depth, p_.k) * kColumnPanels * t_.nr));
    }
    for (int64_t k0 = 0; k0 < r.k; k0 += cut_.depth) {
      const int64_t kc = std::min(cut_.depth, r.k - k0);
      t_.pack_a(w.a.data() + k0 * a_panels * t_.a_stride, kc * t_.a_stride, a_at(i0, r.k0 + k0), p_.a_rs,
                p_.a_cs, m, kc);
    }
    const bool copy = !w.b_packed && cut_.copy_b && m > t_.mr;
    const int64_t group = kColumnPanels * t_.nr;
    for (int64_t j = 0; j < r.n; j += group) {
      const bool last_group = j + group >= r.n;
      for (int64_t k0 = 0; k0 < r.k; k0 += cut_.depth) {
        BlockArgs<T> g{};
        g.m = m;
        g.n = std::min(group, r.n - j);
        g.k = std::min(cut_.depth, r.k - k0);
        g.alpha = p_.alpha;
        g.beta = r.k0 + k0 == 0 ? p_.beta : T(1);
        g.last = r.k0 + k0 + g.k == p_.k;
        g.a = w.a.data() + k0 * a_panels * t_.a_stride;
        g.a_rs = 1;
        g.a_cs = t_.a_stride;
        g.a_panel = g.k * t_.a_stride;
        g.a_packed = true;
        g.c = p_.c + i0 * p_.ldc + r.j0 + j;
        g.ldc = p_.ldc;
        g.bias = p_.bias == nullptr ? nullptr : p_.bias + (p_.bias_rows ? i0 : r.j0 + j);
        g.bias_rows = p_.bias_rows;
        g.act = p_.act;
        // Which panel of B follows: the group's next depth, or the next group's first.
        const bool deeper = k0 + g.k < r.k;
        const int64_t next_k = deeper ? k0 + g.k : 0, next_j = deeper ? j : last_group ? 0 : j + group;
        T* const panel = packed_b(w, r, k0, j);
        if (copy) {
          g.b = b_at(r.k0 + k0, r.j0 + j);
          g.b_ks = p_.b_ks;
          g.b_panel = t_.nr;
          g.b_copy = panel;
          g.b_copy_panel = g.k * t_.nr;
          g.b_after = b_at(r.k0 + next_k, r.j0 + next_j);
        } else {
          if (!w.b_packed)
            t_.pack_b(panel, g.k * t_.nr, b_at(r.k0 + k0, r.j0 + j), p_.b_ks, p_.b_ns, g.k, g.n);
          g.b = panel;
          g.b_ks = t_.nr;
          g.b_panel = g.k * t_.nr;
          g.b_after = packed_b(w, r, next_k, next_j);
        }
        t_.block(g);
      }
    }
    w.b_packed = cut_.keep_b;
  }

  // Panels of B: depths one after the other, in each the panels; or a place for one group of one depth.
  T* packed_b(const Worker<T>& w, const Region<T>& r, int64_t k0, int64_t j) const {
    if (!cut_.keep_b) return w.b.data();
    const int64_t kc = std::min(cut_.depth, r.k - k0);
    return w.b.data() + k0 * ceil_div(r.n, t_.nr) * t_.nr + j * kc;
  }

  const Problem<T>& p_;
  const KernelTable<T>& t_;
  const Cut cut_;
  const int64_t panels_;
  std::vector<Worker<T>> workers_;
};

}  // namespace

template <class T>
bool run_streamed(const Problem<T>& p) {
  const Cut cut = make_cut(p, kernels<T>());
  if (cut.row_blocks == 0) return false;
  StreamedProduct<T>(p, cut).run();
  return true;
}

template bool run_streamed<float>(const Problem<float>&);
template bool run_streamed<double>(const Problem<double>&);

}  // namespace rustorch::cpu::detail
