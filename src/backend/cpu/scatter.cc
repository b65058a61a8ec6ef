// gather and scatter along one dimension.
//
// Positions outside of dim are independent, so the work is cut there; along dim the order is kept, which
// makes scatter deterministic. With a single such position (1-d tensors) scatter is cut by destination
// instead.
#include <algorithm>
#include <atomic>
#include <complex>
#include <cstdint>
#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/index.h"
#include "backend/cpu/line_kernels.h"
#include "backend/cpu/strided_plan.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

namespace {

/// The dimensions of index other than dim, with the strides of {index, other, third}.
struct LinePlan {
  StridedPlan<3> across;
  int64_t length = 1;           // along dim
  int64_t step[3] = {0, 0, 0};  // strides along dim
  int64_t limit = 1;            // size of dim in the indexed tensor

  bool is_dense() const {
    return std::all_of(step, step + 3, [](int64_t s) { return s == 1; });
  }
};

/// indexed: the tensor whose dim the index names; lined: the one that moves with index.
LinePlan plan_lines(const TensorImpl& index, const TensorImpl& indexed, const TensorImpl* lined,
                    int64_t dim) {
  LinePlan plan;
  for (int d = 0; d < index.dim(); ++d) {
    const int64_t strides[3] = {index.stride(d), indexed.dim() == 0 ? 0 : indexed.stride(d),
                                lined == nullptr ? 0 : lined->stride(d)};
    if (d == dim) {
      plan.length = index.size(d);
      std::copy(strides, strides + 3, plan.step);
    } else {
      plan.across.add_dim(index.size(d), strides);
    }
  }
  if (indexed.dim() > 0) plan.limit = indexed.size(static_cast<int>(dim));
  plan.across.sort();
  plan.across.merge();
  return plan;
}

struct Failure {
  std::atomic<bool> seen{false};
  std::atomic<int64_t> value{0};
  void report(int64_t v) {
    if (!seen.exchange(true)) value.store(v);
  }
  void raise_if_any(int64_t dim, int64_t size) const {
    if (seen.load())
      raise(ErrorKind::Shape, "",
            cat("index ", value.load(), " is out of bounds for dimension ", dim, " with size ", size));
  }
};

/// Calls f(indexed offset of the line, index value, lined offset) for all elements of runs [b, e) of lines.
/// begin(offset) is called before the first element of each line of the indexed tensor.
template <class F, class B>
void walk_lines(const LinePlan& plan, const int64_t* index, int64_t b, int64_t e, Failure& failure, F f,
                B&& begin) {
  const auto limit = static_cast<uint64_t>(plan.limit);
  const int64_t length = plan.length, index_step = plan.step[0], lined_step = plan.step[2];
  const int64_t si = plan.across.inner_stride(0), sx = plan.across.inner_stride(1),
                sl = plan.across.inner_stride(2);
  int64_t wrong = -1;
  bool failed = false;
  for_runs(plan.across, b, e, [&](const int64_t* at, int64_t n) {
    const int64_t i0 = at[0], x0 = at[1], l0 = at[2];
    if (index_step <= si || n == 1) {
      // Four lines at a time: neighbouring updates of one place then lie far enough apart not to stall.
      int64_t r = 0;
      for (; r + 4 <= n; r += 4) {
        const int64_t* from = index + i0 + r * si;
        const int64_t x = x0 + r * sx, l = l0 + r * sl;
        for (int64_t k = 0; k < 4; ++k) begin(x + k * sx);
        for (int64_t i = 0; i < length; ++i) {
          const int64_t v0 = from[i * index_step], v1 = from[i * index_step + si];
          const int64_t v2 = from[i * index_step + 2 * si], v3 = from[i * index_step + 3 * si];
          const auto ok = [limit](int64_t v) { return static_cast<uint64_t>(v) < limit; };
          if (ok(v0) && ok(v1) && ok(v2) && ok(v3)) [[likely]] {
            f(x, v0, l + i * lined_step);
            f(x + sx, v1, l + sl + i * lined_step);
            f(x + 2 * sx, v2, l + 2 * sl + i * lined_step);
            f(x + 3 * sx, v3, l + 3 * sl + i * lined_step);
          } else {
            wrong = !ok(v0) ? v0 : !ok(v1) ? v1 : !ok(v2) ? v2 : v3;
            failed = true;
          }
        }
      }
      for (; r < n; ++r) {
        const int64_t* from = index + i0 + r * si;
        const int64_t x = x0 + r * sx, l = l0 + r * sl;
        begin(x);
        for (int64_t i = 0; i < length; ++i) {
          const int64_t v = from[i * index_step];
          if (static_cast<uint64_t>(v) < limit) [[likely]] {
            f(x, v, l + i * lined_step);
          } else {
            wrong = v;
            failed = true;
          }
        }
      }
    } else {
      for (int64_t r = 0; r < n; ++r) begin(x0 + r * sx);
      for (int64_t i = 0; i < length; ++i) {
        const int64_t* from = index + i0 + i * index_step;
        const int64_t l = l0 + i * lined_step;
        for (int64_t r = 0; r < n; ++r) {
          const int64_t v = from[r * si];
          if (static_cast<uint64_t>(v) < limit) [[likely]] {
            f(x0 + r * sx, v, l + r * sl);
          } else {
            wrong = v;
            failed = true;
          }
        }
      }
    }
  });
  if (failed) failure.report(wrong);
}

/// walk_lines for lines whose steps are all 1.
template <class F, class B>
void walk_dense_lines(const LinePlan& plan, const int64_t* index, int64_t b, int64_t e, Failure& failure, F f,
                      B&& begin) {
  const auto limit = static_cast<uint64_t>(plan.limit);
  const int64_t length = plan.length;
  for_runs(plan.across, b, e, [&](const int64_t* at, int64_t n) {
    for (int64_t r = 0; r < n; ++r) {
      const int64_t* line = index + at[0] + r * plan.across.inner_stride(0);
      const int64_t x = at[1] + r * plan.across.inner_stride(1), l = at[2] + r * plan.across.inner_stride(2);
      begin(x);
      const F here = f;  // in registers
      int64_t wrong = -1;
      for (int64_t i = 0; i < length; ++i) {
        const int64_t v = line[i];
        if (static_cast<uint64_t>(v) < limit) [[likely]]
          here(x, v, l + i);
        else
          wrong = i;
      }
      if (wrong >= 0) failure.report(line[wrong]);
    }
  });
}

/// Lines of a chunk. Where dim is not the innermost dimension, whole cache lines of neighbours go together.
int64_t line_grain(const LinePlan& plan) {
  const int64_t least = plan.step[0] > plan.across.inner_stride(0) ? 64 : 1;
  return std::max(32768 / std::max<int64_t>(plan.length, 1), least);
}

template <class T>
void gather_typed(const LinePlan& plan, T* out, const T* in, const int64_t* index, Failure& failure) {
  const int64_t step = plan.step[1];
  if (sizeof(T) <= 8 && plan.is_dense() && plan.length >= 16 &&
      plan.across.numel > 1) {  // along the last dimension
    parallel_for(0, plan.across.numel, line_grain(plan), [&](int64_t b, int64_t e) {
      for_runs(plan.across, b, e, [&](const int64_t* at, int64_t n) {
        for (int64_t r = 0; r < n; ++r) {
          const int64_t* line = index + at[0] + r * plan.across.inner_stride(0);
          if (gather_line(out + at[2] + r * plan.across.inner_stride(2),
                          in + at[1] + r * plan.across.inner_stride(1), line, plan.length, plan.limit,
                          sizeof(T)))
            continue;
          for (int64_t i = 0; i < plan.length; ++i)
            if (static_cast<uint64_t>(line[i]) >= static_cast<uint64_t>(plan.limit)) failure.report(line[i]);
        }
      });
    });
    return;
  }
  if (plan.across.numel == 1) {  // one line: cut along it
    const auto limit = static_cast<uint64_t>(plan.limit);
    const bool dense = sizeof(T) <= 8 && plan.is_dense();
    parallel_for(0, plan.length, 32768, [&](int64_t b, int64_t e) {
      if (dense && gather_line(out + b, in, index + b, e - b, plan.limit, sizeof(T))) return;
      for (int64_t i = b; i < e; ++i) {
        const int64_t v = index[i * plan.step[0]];
        if (static_cast<uint64_t>(v) >= limit) [[unlikely]] {
          failure.report(v);
          continue;
        }
        out[i * plan.step[2]] = in[v * step];
      }
    });
    return;
  }
  parallel_for(0, plan.across.numel, line_grain(plan), [&](int64_t b, int64_t e) {
    walk_lines(
        plan, index, b, e, failure, [&](int64_t x, int64_t v, int64_t l) { out[l] = in[x + v * step]; },
        [](int64_t) {});
  });
}

/// Calls update(destination, source offset) for every element of index. base: see ScatterCall.
template <class T, class U>
void scatter_lines(const LinePlan& plan, T* out, const T* base, const int64_t* index, Failure& failure,
                   U&& update) {
  const int64_t step = plan.step[1], threads = get_num_threads();
  if (base != nullptr && plan.across.numel == 1) {
    std::memcpy(static_cast<void*>(out), base, static_cast<size_t>(plan.limit) * sizeof(T));
    base = nullptr;
  }
  if (plan.across.numel == 1 && plan.length >= 16384 && threads > 1) {
    parallel_for_chunks(threads, [&](int64_t part) {
      const int64_t low = plan.limit * part / threads, high = plan.limit * (part + 1) / threads;
      for (int64_t i = 0; i < plan.length; ++i) {
        const int64_t v = index[i * plan.step[0]];
        if (v >= low && v < high)
          update(out[v * step], i * plan.step[2]);
        else if (part == 0 && static_cast<uint64_t>(v) >= static_cast<uint64_t>(plan.limit))
          failure.report(v);
      }
    });
    return;
  }
  const auto begin = [&](int64_t x) {
    if (base != nullptr)
      std::memcpy(static_cast<void*>(out + x), base + x, static_cast<size_t>(plan.limit) * sizeof(T));
  };
  const bool dense = plan.is_dense();
  parallel_for(0, plan.across.numel, line_grain(plan), [&](int64_t b, int64_t e) {
    if (dense) {
      walk_dense_lines(
          plan, index, b, e, failure, [=](int64_t x, int64_t v, int64_t l) { update(out[x + v], l); }, begin);
    } else {
      walk_lines(
          plan, index, b, e, failure, [=](int64_t x, int64_t v, int64_t l) { update(out[x + v * step], l); },
          begin);
    }
  });
}

template <class T>
constexpr bool kIsComplex = std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;

template <class T, ScatterMode kMode>
inline void combine(T& place, T v) {
  using A = accumulate_t<T>;
  if constexpr (kMode == ScatterMode::Add) {
    if constexpr (std::is_same_v<T, bool>)
      place = place || v;
    else
      place = static_cast<T>(static_cast<A>(place) + static_cast<A>(v));
  } else if constexpr (kMode == ScatterMode::Multiply) {
    if constexpr (std::is_same_v<T, bool>)
      place = place && v;
    else
      place = static_cast<T>(static_cast<A>(place) * static_cast<A>(v));
  } else if constexpr (kMode == ScatterMode::Max) {
    if (v != v || static_cast<A>(v) > static_cast<A>(place)) place = v;
  } else {
    if (v != v || static_cast<A>(v) < static_cast<A>(place)) place = v;
  }
}

/// The elements of src. Without one they are a number, kept in `bytes`: the plan's steps along src are then
/// 0.
template <class T>
const T* source_of(const ScatterCall& call, unsigned char* bytes) {
  if (call.src.defined()) return call.src.impl()->data<T>();
  scalar_bytes(call.value, call.out.dtype(), bytes);
  return reinterpret_cast<const T*>(bytes);
}

/// Calls update(destination, source element) for every element of index.
template <class T, class U>
void scatter_typed(const ScatterCall& call, const LinePlan& plan, Failure& failure, U&& update) {
  T* out = call.out.impl()->mutable_data<T>();
  const T* base = call.base.defined() ? call.base.impl()->data<T>() : nullptr;
  alignas(16) unsigned char bytes[16];
  const T* src = source_of<T>(call, bytes);
  scatter_lines(plan, out, base, call.index.impl()->data<int64_t>(), failure,
                [src, update](T& place, int64_t l) { update(place, src[l]); });
}

template <class T, ScatterMode kMode>
void scatter_combine(const ScatterCall& call, const LinePlan& plan, Failure& failure) {
  scatter_typed<T>(call, plan, failure, [](T& place, T v) { combine<T, kMode>(place, v); });
}

void scatter_write(const ScatterCall& call, const LinePlan& plan, Failure& failure) {
  dispatch_by_size(call.out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    scatter_typed<T>(call, plan, failure, [](T& place, const T& v) { place = v; });
  });
}

}  // namespace

void gather(const GatherCall& call) {
  if (call.index.numel() == 0) return;
  TensorImpl& out = *call.out.impl();
  const TensorImpl &in = *call.in.impl(), &index = *call.index.impl();
  const LinePlan plan = plan_lines(index, in, &out, call.dim);
  Failure failure;
  if (plan.limit == 0) {  // there is not even an element to read in place of the missing ones
    failure.report(*index.data<int64_t>());
    failure.raise_if_any(call.dim, plan.limit);
  }
  dispatch_by_size(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    gather_typed(plan, out.mutable_data<T>(), in.data<T>(), index.data<int64_t>(), failure);
  });
  failure.raise_if_any(call.dim, plan.limit);
}

void scatter(const ScatterCall& call) {
  if (call.index.numel() == 0) return;
  const LinePlan plan = plan_lines(*call.index.impl(), *call.out.impl(),
                                   call.src.defined() ? call.src.impl() : nullptr, call.dim);
  Failure failure;
  if (call.mode == ScatterMode::Write) {
    scatter_write(call, plan, failure);
  } else {
    dispatch_all("scatter", call.out.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      if (call.mode == ScatterMode::Add) return scatter_combine<T, ScatterMode::Add>(call, plan, failure);
      if (call.mode == ScatterMode::Multiply)
        return scatter_combine<T, ScatterMode::Multiply>(call, plan, failure);
      if constexpr (kIsComplex<T>)
        raise(ErrorKind::NotImplemented, "scatter_reduce",
              "amax and amin are not defined for complex tensors");
      else if (call.mode == ScatterMode::Max)
        scatter_combine<T, ScatterMode::Max>(call, plan, failure);
      else
        scatter_combine<T, ScatterMode::Min>(call, plan, failure);
    });
  }
  failure.raise_if_any(call.dim, plan.limit);
}

}  // namespace rustorch::cpu
