// Selection by mask: counting, compacting, spreading, indices of the true elements.
//
// Chunks of fixed length are counted first; their running sum says where each chunk writes, so all chunks can
// then work at once.
#include <algorithm>
#include <complex>
#include <cstring>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/index.h"
#include "backend/cpu/strided_plan.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

namespace {

constexpr int64_t kChunk = 32768;

int64_t count_run(const unsigned char* mask, int64_t step, int64_t n) {
  int64_t count = 0;
  if (step == 1) {
    for (int64_t i = 0; i < n;) {  // short sums in bytes vectorise
      const int64_t end = std::min<int64_t>(n, i + 255);
      unsigned char part = 0;
      for (; i < end; ++i) part = static_cast<unsigned char>(part + (mask[i] != 0));
      count += part;
    }
    return count;
  }
  for (int64_t i = 0; i < n; ++i) count += mask[i * step] != 0;
  return count;
}

/// starts[c] = the number of true elements before chunk c; returns their total.
template <int N>
int64_t chunk_starts(const StridedPlan<N>& plan, int operand, const unsigned char* mask, int64_t* starts) {
  const int64_t chunks = (plan.numel + kChunk - 1) / kChunk;
  parallel_for_chunks(chunks, [&](int64_t c) {
    int64_t count = 0;
    for_runs(plan, c * kChunk, std::min(plan.numel, (c + 1) * kChunk), [&](const int64_t* at, int64_t n) {
      count += count_run(mask + at[operand], plan.inner_stride(operand), n);
    });
    starts[c] = count;
  });
  int64_t total = 0;
  for (int64_t c = 0; c < chunks; ++c) total += std::exchange(starts[c], total);
  return total;
}

template <class F>
void for_chunks(int64_t numel, F&& f) {
  parallel_for_chunks((numel + kChunk - 1) / kChunk,
                      [&](int64_t c) { f(c, c * kChunk, std::min(numel, (c + 1) * kChunk)); });
}

/// Moves the elements under a true mask to consecutive places; returns the next place. May write one element
/// past the last one kept, but never at or past `limit`.
template <class T>
T* compact_run(T* out, const T* limit, const T* in, int64_t is, const unsigned char* mask, int64_t ms,
               int64_t n) {
  int64_t i = 0;
  if (limit - out > n) {  // room for unconditional stores
    for (; i < n; ++i) {
      *out = in[i * is];
      out += mask[i * ms] != 0;
    }
    return out;
  }
  for (; i < n; ++i)
    if (mask[i * ms] != 0) *out++ = in[i * is];
  return out;
}

}  // namespace

int64_t count_true(const Tensor& mask) {
  const TensorImpl& m = *mask.impl();
  if (m.numel() == 0) return 0;
  StridedPlan<1> plan;
  for (int d = 0; d < m.dim(); ++d) plan.add_dim(m.size(d), {m.stride(d)});
  plan.merge();
  ScratchBuffer<int64_t> starts(static_cast<size_t>((plan.numel + kChunk - 1) / kChunk));
  return chunk_starts(plan, 0, m.data<unsigned char>(), starts.data());
}

void masked_select(const MaskedSelectCall& call) {
  TensorImpl& out = *call.out.impl();
  const TensorImpl &in = *call.in.impl(), &mask = *call.mask.impl();
  if (out.numel() == 0) return;
  StridedPlan<2> plan;
  for (int d = 0; d < in.dim(); ++d) plan.add_dim(in.size(d), {in.stride(d), mask.stride(d)});
  plan.merge();
  const auto* m = mask.data<unsigned char>();
  ScratchBuffer<int64_t> starts(static_cast<size_t>((plan.numel + kChunk - 1) / kChunk));
  const int64_t total = chunk_starts(plan, 1, m, starts.data());
  dispatch_by_size(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.mutable_data<T>();
    const T* from = in.data<T>();
    for_chunks(plan.numel, [&](int64_t c, int64_t b, int64_t e) {
      T* p = to + starts.data()[c];
      // The next chunk's part may be written by another thread: never store into it.
      const T* limit = to + (e == plan.numel ? total : starts.data()[c + 1]);
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        const T* i = from + at[0];
        const unsigned char* k = m + at[1];
        const int64_t is = plan.inner_stride(0), ms = plan.inner_stride(1);
        // While more than n places are left in this chunk's part, stores need no test.
        int64_t x = 0;
        while (x < n) {
          const int64_t step = std::min<int64_t>(n - x, std::max<int64_t>(limit - p - 1, 1));
          p = compact_run(p, limit, i + x * is, is, k + x * ms, ms, step);
          x += step;
          if (p == limit) return;
        }
      });
    });
  });
}

void masked_scatter(const MaskedScatterCall& call) {
  TensorImpl& out = *call.out.impl();
  const TensorImpl &mask = *call.mask.impl(), &source = *call.source.impl();
  StridedPlan<2> plan;
  for (int d = 0; d < out.dim(); ++d) plan.add_dim(out.size(d), {out.stride(d), mask.stride(d)});
  if (plan.numel == 0) return;
  plan.merge();
  const auto* m = mask.data<unsigned char>();
  ScratchBuffer<int64_t> starts(static_cast<size_t>((plan.numel + kChunk - 1) / kChunk));
  chunk_starts(plan, 1, m, starts.data());
  dispatch_by_size(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.mutable_data<T>();
    const T* from = source.data<T>();
    for_chunks(plan.numel, [&](int64_t c, int64_t b, int64_t e) {
      const T* next = from + starts.data()[c];
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        const int64_t os = plan.inner_stride(0), ms = plan.inner_stride(1);
        for (int64_t x = 0; x < n; ++x)
          if (m[at[1] + x * ms] != 0) to[at[0] + x * os] = *next++;
      });
    });
  });
}

void nonzero(const Tensor& out, const Tensor& mask) {
  const TensorImpl& m = *mask.impl();
  if (out.numel() == 0) return;
  const int nd = m.dim();
  StridedPlan<1> plan;
  for (int d = 0; d < nd; ++d) plan.add_dim(m.size(d), {m.stride(d)});
  plan.merge();
  const auto* p = m.data<unsigned char>();
  ScratchBuffer<int64_t> starts(static_cast<size_t>((plan.numel + kChunk - 1) / kChunk));
  chunk_starts(plan, 0, p, starts.data());
  auto* to = out.impl()->mutable_data<int64_t>();
  for_chunks(plan.numel, [&](int64_t c, int64_t b, int64_t e) {
    int64_t* row = to + starts.data()[c] * nd;
    int64_t linear = b;
    for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
      const int64_t step = plan.inner_stride(0);
      for (int64_t x = 0; x < n; ++x, ++linear) {
        if (p[at[0] + x * step] == 0) continue;
        int64_t rest = linear;
        for (int d = nd - 1; d > 0; --d) {
          row[d] = rest % m.size(d);
          rest /= m.size(d);
        }
        row[0] = rest;
        row += nd;
      }
    });
  });
}

}  // namespace rustorch::cpu
