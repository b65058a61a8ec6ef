// RowRunner: transforms of rows by one plan, on the calling thread, with the working memory of one thread.
#pragma once
#include <algorithm>
#include <memory>

#include "backend/cpu/fft/kernels.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::fft {

/// Rows from this length on are cut up among the threads one after the other.
constexpr int64_t kLongRow = int64_t{1} << 15;
/// Elements worth handing to a thread.
constexpr int64_t kChunkElements = int64_t{1} << 14;
constexpr int kMaxLanes = 64;

template <class T>
class RowRunner {
  using Way = typename Plan<T>::Way;

 public:
  explicit RowRunner(const Plan<T>& plan) : plan_(plan), k_(kernels<T>()) {
    const auto row = static_cast<size_t>(2 * plan.lanes), n = static_cast<size_t>(plan.n);
    if (plan.way == Way::Lanes) {
      work_ = ScratchBuffer<T>((2 * n + 1) * row);  // real transforms have one row more
    } else if (plan.way == Way::Short) {
      work_ = ScratchBuffer<T>(static_cast<size_t>(3 * plan.n2) * row + 2 * n + 2);
    } else if (plan.way == Way::Split) {
      work_ = ScratchBuffer<T>(work_size(plan));
      scratch_ = ScratchBuffer<T>(scratch_size(plan));
    } else {
      scratch_ = ScratchBuffer<T>(plan.filter.size());
      inner_ = std::make_unique<RowRunner>(*plan.inner);
    }
  }

  /// Rows that go together.
  static int64_t group(const Plan<T>& plan) {
    return plan.way == Way::Lanes ? plan.lanes : plan.way == Way::Short ? plan.lanes / plan.n1 : 1;
  }

  void run(int64_t count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride, bool inverse,
           T scale) const {
    if (plan_.way == Way::Lanes) {
      for (int64_t b = 0; b < count; b += plan_.lanes)
        lanes(static_cast<int>(std::min<int64_t>(plan_.lanes, count - b)), src + 2 * b * src_stride,
              2 * src_stride, dst + 2 * b * dst_stride, 2 * dst_stride, inverse, scale);
      return;
    }
    if (plan_.way == Way::Short)
      return short_groups(count, src, 2 * src_stride, dst, 2 * dst_stride, [&](auto* from, auto* to) {
        k_.short_rows(plan_, from, to, inverse, scale, work_.data());
      });
    for (int64_t r = 0; r < count; ++r, src += 2 * src_stride, dst += 2 * dst_stride)
      plan_.way == Way::Split ? split(src, dst, inverse, scale) : bluestein(src, dst, inverse, scale);
  }

  /// Real rows of 2h numbers by the plan of h: forward to h + 1 complex numbers, or back. Lanes or Short
  /// only; strides in T; `real` has the roots.
  void run_real(int64_t count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride, bool forward,
                T scale, const Plan<T>& real) const {
    if (plan_.way == Way::Short)
      return short_groups(count, src, src_stride, dst, dst_stride, [&](auto* from, auto* to) {
        if (forward)
          k_.short_real(plan_, from, to, scale, real.unpack_roots.data(), work_.data());
        else
          k_.short_real_inverse(plan_, from, to, scale, real.pack_roots.data(), work_.data());
      });
    for (int64_t b = 0; b < count; b += plan_.lanes) {
      const int some = static_cast<int>(std::min<int64_t>(plan_.lanes, count - b));
      real_lanes(some, src + b * src_stride, src_stride, dst + b * dst_stride, dst_stride, forward, scale,
                 real.real_roots.data());
    }
  }

  /// One long row on all threads.
  static void run_parallel(const Plan<T>& plan, const T* src, T* dst, bool inverse, T scale) {
    const Kernels<T>& k = kernels<T>();
    if (plan.way == Way::Lanes) {
      RowRunner(plan).run(1, src, 0, dst, 0, inverse, scale);
    } else if (plan.way == Way::Split) {
      ScratchBuffer<T> scratch(scratch_size(plan));
      const int64_t lanes = plan.lanes;
      parallel_for(0, (plan.n2 + lanes - 1) / lanes, kChunkElements / (plan.n1 * lanes),
                   [&](int64_t b, int64_t e) {
                     ScratchBuffer<T> work(work_size(plan));
                     for (int64_t g = b; g < e; ++g)
                       k.split_columns(plan, src, g, inverse, scratch.data(), work.data());
                   });
      // The last group may write some of what the one before it writes: they share a chunk.
      parallel_for(0, std::max<int64_t>(1, plan.n1 / lanes), kChunkElements / (plan.n2 * lanes),
                   [&](int64_t b, int64_t e) {
                     ScratchBuffer<T> work(work_size(plan));
                     if (e == plan.n1 / lanes) e = (plan.n1 + lanes - 1) / lanes;
                     for (int64_t g = b; g < e; ++g)
                       k.split_rows(plan, scratch.data(), g, inverse, scale, dst, work.data());
                   });
    } else {
      ScratchBuffer<T> a(plan.filter.size());
      bluestein_with(plan, a.data(), src, dst, inverse, scale,
                     [&](bool back) { run_parallel(*plan.inner, a.data(), a.data(), back, T(1)); });
    }
  }

 private:
  static size_t work_size(const Plan<T>& plan) {
    return static_cast<size_t>(2 * std::max(plan.n1, plan.n2) * 2 * plan.lanes);
  }
  static size_t scratch_size(const Plan<T>& plan) {
    return static_cast<size_t>((plan.n1 + plan.lanes - 1) / plan.lanes * plan.n2 * 2 * plan.lanes);
  }

  /// Fetches four lines `ahead` elements behind p, which may lie outside of the array.
  static void fetch([[maybe_unused]] const T* p, [[maybe_unused]] int64_t ahead) {
#if defined(__GNUC__)
    const uintptr_t at = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(ahead) * sizeof(T);
    for (uintptr_t i = 0; i < 256; i += 64) __builtin_prefetch(reinterpret_cast<const void*>(at + i));
#endif
  }

  /// Calls f with the rows of each group; rows that lack repeat the first one, their results are dropped.
  template <class F>
  void short_groups(int64_t count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride,
                    F&& f) const {
    const int64_t size = group(plan_);
    T* dropped = work_.data() + 3 * plan_.n2 * 2 * plan_.lanes;
    for (int64_t b = 0; b < count; b += size, src += size * src_stride, dst += size * dst_stride) {
      const T* from[kMaxLanes];
      T* to[kMaxLanes];
      for (int64_t i = 0; i < size; ++i) {
        const bool there = b + i < count;
        from[i] = there ? src + i * src_stride : src;
        to[i] = there ? dst + i * dst_stride : dropped;
      }
      // A hardware prefetcher stops at a page and takes some misses to begin anew: it is shown where to go
      // on.
      fetch(src, 2 * size * src_stride);
      fetch(dst, 2 * size * dst_stride);
      f(from, to);
    }
  }

  void lanes(int count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride, bool inverse,
             T scale) const {
    const T* from[kMaxLanes];
    T* to[kMaxLanes];
    for (int i = 0; i < count; ++i) from[i] = src + i * src_stride, to[i] = dst + i * dst_stride;
    const int64_t n = plan_.n, row = 2 * plan_.lanes;
    // The buffer that the first pass does not write.
    T* input = work_.data() + ((plan_.lane.passes.size() - 1) & 1) * static_cast<size_t>(n * row);
    k_.load_rows(from, n, count, inverse, input);
    k_.lane_transform(plan_.lane, {input, row, true}, {nullptr, 0, true}, inverse, T(1), work_.data());
    k_.store_rows(work_.data() + n * row, n, count, inverse, scale, to);
  }

  void real_lanes(int count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride, bool forward,
                  T scale, const T* roots) const {
    const T* from[kMaxLanes];
    T* to[kMaxLanes];
    for (int i = 0; i < count; ++i) from[i] = src + i * src_stride, to[i] = dst + i * dst_stride;
    const int64_t h = plan_.n, row = 2 * plan_.lanes;
    T* input = work_.data() + ((plan_.lane.passes.size() - 1) & 1) * static_cast<size_t>(h * row);
    T* output = work_.data() + h * row;
    k_.load_rows(from, forward ? h : h + 1, count, false, input);
    if (!forward) k_.pack_planar(input, h, roots);
    k_.lane_transform(plan_.lane, {input, row, true}, {nullptr, 0, true}, false, T(1), work_.data());
    if (forward) k_.unpack_planar(output, h, roots);
    k_.store_rows(output, forward ? h + 1 : h, count, !forward, scale, to);
  }

  void split(const T* src, T* dst, bool inverse, T scale) const {
    const int64_t lanes = plan_.lanes;
    for (int64_t g = 0; g < (plan_.n2 + lanes - 1) / lanes; ++g)
      k_.split_columns(plan_, src, g, inverse, scratch_.data(), work_.data());
    for (int64_t g = 0; g < (plan_.n1 + lanes - 1) / lanes; ++g)
      k_.split_rows(plan_, scratch_.data(), g, inverse, scale, dst, work_.data());
  }

  void bluestein(const T* src, T* dst, bool inverse, T scale) const {
    T* a = scratch_.data();
    bluestein_with(plan_, a, src, dst, inverse, scale,
                   [&](bool back) { inner_->run(1, a, 0, a, 0, back, T(1)); });
  }

  /// transform(back) transforms a in place; the filter carries the 1 / length of the way back.
  template <class F>
  static void bluestein_with(const Plan<T>& plan, T* a, const T* src, T* dst, bool inverse, T scale,
                             F&& transform) {
    const Kernels<T>& k = kernels<T>();
    const int64_t n = plan.n, m = plan.inner->n;
    k.multiply(src, plan.chirp.data(), n, inverse, false, a);
    std::fill(a + 2 * n, a + 2 * m, T(0));
    transform(false);
    k.multiply(a, plan.filter.data(), m, false, false, a);
    transform(true);
    k.multiply(a, plan.chirp.data(), n, false, inverse, dst);
    if (scale != T(1))
      for (int64_t i = 0; i < 2 * n; ++i) dst[i] *= scale;
  }

  const Plan<T>& plan_;
  const Kernels<T>& k_;
  ScratchBuffer<T> work_, scratch_;
  std::unique_ptr<RowRunner> inner_;
};

}  // namespace rustorch::cpu::fft
