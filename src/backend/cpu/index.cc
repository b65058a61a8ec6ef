// Advanced indexing, index_select, index_add: movement of rows named by index tensors.
//
// The index tensors are first folded into one element offset per position (with the bounds check); what
// follows is a gather or scatter of rows. Writes are cut by destination ("owner computes"): every thread
// scans all positions and handles those in its own part, so duplicates are applied in order for any number of
// threads.
#include "backend/cpu/index.h"

#include <algorithm>
#include <atomic>
#include <complex>
#include <cstring>
#include <utility>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/strided_plan.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

namespace {

/// The loop nest of an IndexCall: strides are {data, values} in elements.
struct RowPlan {
  StridedPlan<2> prefix, suffix;
  int64_t positions = 1;   // M, the number of index positions
  int64_t value_step = 0;  // distance of consecutive positions in values
  int64_t extent = 1;      // the offsets lie in [0, extent)
};

RowPlan plan_rows(const IndexCall& call) {
  RowPlan plan;
  const TensorImpl &data = *call.data.impl(), &values = *call.values.impl();
  const auto first = static_cast<int>(call.first_dim);
  const int index_dims = static_cast<int>(call.indices[0].dim());
  for (int d = 0; d < first; ++d) plan.prefix.add_dim(values.size(d), {data.stride(d), values.stride(d)});
  StridedPlan<1> inner;
  for (int d = first; d < first + index_dims; ++d) inner.add_dim(values.size(d), {values.stride(d)});
  inner.merge();
  plan.positions = inner.numel;
  plan.value_step = inner.ndim == 0 ? 0 : inner.stride[0][0];
  RT_CHECK(inner.ndim <= 1 || values.numel() == 0, Internal, "index",
           "the index dimensions of the values do not lie evenly");
  for (int d = first + index_dims; d < values.dim(); ++d) {
    const int from = d - index_dims + call.count;
    plan.suffix.add_dim(values.size(d), {data.stride(from), values.stride(d)});
  }
  plan.prefix.merge();
  plan.suffix.merge();
  for (int k = 0; k < call.count; ++k) plan.extent += (data.size(first + k) - 1) * data.stride(first + k);
  return plan;
}

[[noreturn]] void raise_out_of_range(const IndexCall& call, int which, int64_t value) {
  const int64_t size = call.data.impl()->size(static_cast<int>(call.first_dim) + which);
  const int64_t dim = call.dims != nullptr ? call.dims[which] : call.first_dim + which;
  raise(ErrorKind::Index, "",
        cat("index ", value, " is out of bounds for dimension ", dim, " with size ", size));
}

/// offsets[j] = sum over the index tensors of index * stride.
void fold_offsets(const IndexCall& call, int64_t n, int64_t* offsets) {
  const TensorImpl& data = *call.data.impl();
  std::atomic<int64_t> bad{-1};  // the lowest failing position * count + which index tensor
  parallel_for(0, n, 16384, [&](int64_t b, int64_t e) {
    for (int k = 0; k < call.count; ++k) {
      const TensorImpl& index = *call.indices[k].impl();
      const int d = static_cast<int>(call.first_dim) + k;
      const int64_t size = data.size(d), stride = data.stride(d);
      const uint64_t low = call.allow_negative ? static_cast<uint64_t>(size) : 0;
      StridedPlan<1> plan;
      for (int i = 0; i < index.dim(); ++i) plan.add_dim(index.size(i), {index.stride(i)});
      plan.merge();
      const auto* from = index.data<int64_t>();
      int64_t at = b;
      for_runs(plan, b, e, [&](const int64_t* offset, int64_t run) {
        const int64_t step = plan.inner_stride(0);
        for (int64_t i = 0; i < run; ++i, ++at) {
          const int64_t v = from[offset[0] + i * step];
          if (static_cast<uint64_t>(v) + low >= static_cast<uint64_t>(size) + low) [[unlikely]] {
            int64_t mine = at * call.count + k, seen = bad.load();
            while ((seen < 0 || mine < seen) && !bad.compare_exchange_weak(seen, mine)) {
            }
            offsets[at] = 0;
            continue;
          }
          const int64_t place = (v < 0 ? v + size : v) * stride;
          offsets[at] = k == 0 ? place : offsets[at] + place;
        }
      });
    }
  });
  if (bad.load() < 0) return;
  const int64_t where = bad.load() / call.count;
  const auto which = static_cast<int>(bad.load() % call.count);
  const TensorImpl& index = *call.indices[which].impl();
  int64_t rest = where, offset = 0;
  for (int i = index.dim() - 1; i >= 0; --i) {
    offset += rest % index.size(i) * index.stride(i);
    rest /= index.size(i);
  }
  raise_out_of_range(call, which, index.data<int64_t>()[offset]);
}

int64_t prefix_offset(const StridedPlan<2>& plan, int64_t p, int which) {
  int64_t offset = 0;
  for (int d = plan.ndim - 1; d >= 0; --d) {
    offset += p % plan.size[d] * plan.stride[d][which];
    p /= plan.size[d];
  }
  return offset;
}

template <class T>
void copy_row(T* to, const T* from, int64_t n) {
  copy_run(to, from, static_cast<size_t>(n) * sizeof(T));
}

template <class T>
void get_rows(const RowPlan& plan, const int64_t* offsets, T* values, const T* data) {
  const int64_t m = plan.positions, width = plan.suffix.numel;
  const bool dense =
      plan.suffix.inner_stride(0) == 1 && plan.suffix.inner_stride(1) == 1 && plan.suffix.ndim <= 1;
  const auto bytes = width * static_cast<int64_t>(sizeof(T));
  const int64_t grain = std::max<int64_t>((128 << 10) / std::max<int64_t>(bytes, 8), 1);
  parallel_for(0, plan.prefix.numel * m, grain, [&](int64_t b, int64_t e) {
    while (b < e) {
      const int64_t p = b / m, first = b % m, last = std::min(m, first + (e - b));
      T* to = values + prefix_offset(plan.prefix, p, 1);
      const T* from = data + prefix_offset(plan.prefix, p, 0);
      if (width == 1) {
        for (int64_t j = first; j < last; ++j) to[j * plan.value_step] = from[offsets[j]];
      } else if (dense) {
        const int64_t ahead = bytes >= 256 ? 4 : 16;
        for (int64_t j = first; j < last; ++j) {
          if (j + ahead < last) {
            const char* next = reinterpret_cast<const char*>(from + offsets[j + ahead]);
            for (int64_t line = 0; line < std::min<int64_t>(bytes, 1024); line += 64)
              __builtin_prefetch(next + line);
          }
          copy_row(to + j * plan.value_step, from + offsets[j], width);
        }
      } else {
        const int64_t ds = plan.suffix.inner_stride(0), vs = plan.suffix.inner_stride(1);
        for (int64_t j = first; j < last; ++j)
          for_runs(plan.suffix, 0, width, [&](const int64_t* at, int64_t n) {
            T* o = to + j * plan.value_step + at[1];
            const T* i = from + offsets[j] + at[0];
            for (int64_t x = 0; x < n; ++x) o[x * vs] = i[x * ds];
          });
      }
      b += last - first;
    }
  });
}

/// Calls put(data element pointer base, values pointer base, j) for all positions, cut by destination.
template <class F>
void for_owned(const RowPlan& plan, const int64_t* offsets, F&& put) {
  const int64_t m = plan.positions, total = plan.prefix.numel * m * plan.suffix.numel;
  const auto sweep = [&](int64_t p, int64_t low, int64_t high) {
    const int64_t d = prefix_offset(plan.prefix, p, 0), v = prefix_offset(plan.prefix, p, 1);
    for (int64_t j = 0; j < m; ++j)
      if (offsets[j] >= low && offsets[j] < high) put(d + offsets[j], v + j * plan.value_step);
  };
  const int64_t threads = get_num_threads();
  if (total < 16384 || threads == 1) {
    for (int64_t p = 0; p < plan.prefix.numel; ++p) sweep(p, 0, plan.extent);
  } else if (plan.prefix.numel >= 2 * threads) {
    const int64_t grain = std::max<int64_t>(16384 / std::max<int64_t>(m * plan.suffix.numel, 1), 1);
    parallel_for(0, plan.prefix.numel, grain, [&](int64_t b, int64_t e) {
      for (int64_t p = b; p < e; ++p) sweep(p, 0, plan.extent);
    });
  } else {
    parallel_for_chunks(threads, [&](int64_t part) {
      const int64_t low = plan.extent * part / threads, high = plan.extent * (part + 1) / threads;
      for (int64_t p = 0; p < plan.prefix.numel; ++p) sweep(p, low, high);
    });
  }
}

template <class T>
void put_rows(const RowPlan& plan, const int64_t* offsets, T* data, const T* values) {
  const int64_t width = plan.suffix.numel;
  const int64_t ds = plan.suffix.inner_stride(0), vs = plan.suffix.inner_stride(1);
  if (width == 1) {
    for_owned(plan, offsets, [&](int64_t d, int64_t v) { data[d] = values[v]; });
  } else if (plan.suffix.ndim == 1 && ds == 1 && vs == 1) {
    for_owned(plan, offsets, [&](int64_t d, int64_t v) { copy_row(data + d, values + v, width); });
  } else {
    for_owned(plan, offsets, [&](int64_t d, int64_t v) {
      for_runs(plan.suffix, 0, width, [&](const int64_t* at, int64_t n) {
        for (int64_t x = 0; x < n; ++x) data[d + at[0] + x * ds] = values[v + at[1] + x * vs];
      });
    });
  }
}

template <class T>
void add_row(T* __restrict to, const T* __restrict from, int64_t n, accumulate_t<T> alpha, bool plain) {
  if constexpr (std::is_same_v<T, bool>) {
    for (int64_t x = 0; x < n; ++x) to[x] = to[x] || (from[x] && alpha != 0);
  } else {
    using A = accumulate_t<T>;
    if (plain)
      for (int64_t x = 0; x < n; ++x) to[x] = static_cast<T>(static_cast<A>(to[x]) + static_cast<A>(from[x]));
    else
      for (int64_t x = 0; x < n; ++x)
        to[x] = static_cast<T>(static_cast<A>(to[x]) + alpha * static_cast<A>(from[x]));
  }
}

template <class T>
void add_rows(const RowPlan& plan, const int64_t* offsets, T* data, const T* values, const Scalar& scale) {
  using A = accumulate_t<T>;
  A alpha;
  if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>)
    alpha = A(scale.to_complex());
  else if constexpr (std::is_integral_v<A>)
    alpha = scale.to_int();
  else
    alpha = static_cast<A>(scale.to_double());
  const bool plain = scale.equal(1);
  const int64_t width = plan.suffix.numel;
  const int64_t ds = plan.suffix.inner_stride(0), vs = plan.suffix.inner_stride(1);
  const bool dense = plan.suffix.ndim == 0 || (plan.suffix.ndim == 1 && ds == 1 && vs == 1);
  if (dense) {
    for_owned(plan, offsets,
              [&](int64_t d, int64_t v) { add_row(data + d, values + v, width, alpha, plain); });
  } else {
    for_owned(plan, offsets, [&](int64_t d, int64_t v) {
      for_runs(plan.suffix, 0, width, [&](const int64_t* at, int64_t n) {
        for (int64_t x = 0; x < n; ++x)
          add_row(data + d + at[0] + x * ds, values + v + at[1] + x * vs, 1, alpha, plain);
      });
    });
  }
}

}  // namespace

void index(const IndexCall& call) {
  const RowPlan plan = plan_rows(call);
  if (plan.positions == 0) return;
  ScratchBuffer<int64_t> offsets(static_cast<size_t>(plan.positions));
  fold_offsets(call, plan.positions, offsets.data());
  if (call.values.numel() == 0) return;
  const DType t = call.data.dtype();
  TensorImpl &data = *call.data.impl(), &values = *call.values.impl();
  if (call.mode == IndexMode::Add) {
    dispatch_all("index_add", t, [&](auto tag) {
      using T = typename decltype(tag)::type;
      add_rows(plan, offsets.data(), data.mutable_data<T>(), values.data<T>(), call.alpha);
    });
    return;
  }
  dispatch_by_size(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (call.mode == IndexMode::Get)
      get_rows(plan, offsets.data(), values.mutable_data<T>(), data.data<T>());
    else
      put_rows(plan, offsets.data(), data.mutable_data<T>(), values.data<T>());
  });
}

}  // namespace rustorch::cpu
