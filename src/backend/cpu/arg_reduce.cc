// argmax, argmin and the dim forms of max and min: driver over the vector kernels.
//
// Work is cut by shape alone and partial results are merged in order, so the first extreme wins for any
// number of threads.
#include <algorithm>
#include <type_traits>

#include "backend/cpu/arg_kernels.h"
#include "backend/cpu/reduce.h"
#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/reduce_load.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "iter/reduce_plan.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

template <class T>
class ArgEngine {
 public:
  const ReducePlan* plan;
  const ArgKernel<T>* kernel;
  bool max;
  const char* in;
  int64_t in_bytes;
  LoadFn<T> load;  // null: the source can be read as T
  DType value_type = DType::Float32;
  char* values = nullptr;
  int64_t* indices;

  void run() const {
    if (plan->outputs == 0) return;
    n_ = plan->nred ? plan->red_size[0] : 1;
    stride_ = plan->nred ? plan->red_in[0] : 1;
    if (plan->columns) {
      run_columns();
    } else {
      run_rows();
    }
  }

 private:
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  static constexpr int64_t kRun = 64, kBlock = 2048, kChunk = 1 << 16, kTile = 1024, kPieceRows = 128;
  mutable int64_t n_ = 1, stride_ = 1;

  bool better(T challenger, T champion) const {
    if (challenger != challenger) return champion == champion;
    return max ? challenger > champion : challenger < champion;
  }

  void fetch(int64_t offset, int64_t stride, T* tile, int64_t n) const {
    if (load) return load(in + offset * in_bytes, stride, tile, n);
    const T* src = reinterpret_cast<const T*>(in + offset * in_bytes);
    for (int64_t i = 0; i < n; ++i) tile[i] = src[i * stride];
  }

  void emit(const T* best, const int64_t* index, int64_t count, int64_t at, int64_t stride) const {
    for (int64_t i = 0; i < count; ++i) indices[at + i * stride] = index[i];
    if (!values) return;
    wide_t<T> wide[kTile];
    for (int64_t i = 0; i < count; ++i) wide[i] = static_cast<wide_t<T>>(best[i]);
    store_values<wide_t<T>>(value_type, values + at * static_cast<int64_t>(element_size(value_type)), stride,
                            wide, count);
  }

  /// Extreme of elements [first, last) of the row at base.
  void search(int64_t base, int64_t first, int64_t last, T* tile, T* best, int64_t* index) const {
    if (!load && (stride_ == 1 || n_ == 1)) {
      kernel->rows(reinterpret_cast<const T*>(in + (base + first) * in_bytes), 1, 0, last - first, best,
                   index);
      *index += first;
      return;
    }
    for (int64_t b = first; b < last; b += kBlock) {
      const int64_t count = std::min(kBlock, last - b);
      fetch(base + b * stride_, stride_, tile, count);
      T top;
      int64_t at;
      kernel->rows(tile, 1, 0, count, &top, &at);
      if (b == first || better(top, *best)) {
        *best = top;
        *index = b + at;
      }
    }
  }

  void run_rows() const {
    const ReducePlan& p = *plan;
    if (p.outputs < 64 && n_ > 2 * kChunk) return run_long_rows();
    const int64_t inner = p.nkeep ? p.keep_size[p.nkeep - 1] : 1;
    const int64_t step = p.nkeep ? p.keep_in[p.nkeep - 1] : 0,
                  out_step = p.nkeep ? p.keep_out[p.nkeep - 1] : 0;
    const bool direct = !load && (stride_ == 1 || n_ == 1);
    parallel_for(0, p.outputs, std::max<int64_t>(1, kChunk / n_), [&](int64_t begin, int64_t end) {
      T tile[kBlock], best[kRun];
      int64_t index[kRun];
      for (int64_t o = begin; o < end;) {
        int64_t base, at;
        p.locate(o, &base, &at);
        const int64_t run = std::min({end - o, inner - o % inner, kRun});
        if (direct) {
          kernel->rows(reinterpret_cast<const T*>(in + base * in_bytes), run, step, n_, best, index);
        } else {
          for (int64_t r = 0; r < run; ++r) search(base + r * step, 0, n_, tile, best + r, index + r);
        }
        emit(best, index, run, at, out_step);
        o += run;
      }
    });
  }

  void run_long_rows() const {
    const ReducePlan& p = *plan;
    const int64_t chunks = (n_ + kChunk - 1) / kChunk;
    ScratchBuffer<T> best(static_cast<size_t>(p.outputs * chunks));
    ScratchBuffer<int64_t> index(static_cast<size_t>(p.outputs * chunks));
    parallel_for(0, p.outputs * chunks, 1, [&](int64_t begin, int64_t end) {
      T tile[kBlock];
      for (int64_t t = begin; t < end; ++t) {
        int64_t base, unused;
        p.locate(t / chunks, &base, &unused);
        const int64_t first = t % chunks * kChunk;
        search(base, first, std::min(n_, first + kChunk), tile, &best[t], &index[t]);
      }
    });
    for (int64_t o = 0; o < p.outputs; ++o) {
      int64_t win = o * chunks;
      for (int64_t t = win + 1; t < (o + 1) * chunks; ++t)
        if (better(best[t], best[win])) win = t;
      int64_t base, at;
      p.locate(o, &base, &at);
      emit(&best[win], &index[win], 1, at, 0);
    }
  }

  void column_rows(int64_t base, int64_t cols, int64_t first, int64_t last, T* best, I* index) const {
    const ReducePlan& p = *plan;
    const int64_t col_stride = p.keep_in[p.nkeep - 1];
    if (!load && col_stride == 1) {
      kernel->cols(reinterpret_cast<const T*>(in + (base + first * stride_) * in_bytes), last - first,
                   stride_, cols, best, index, first, true);
      return;
    }
    const int64_t step = std::max<int64_t>(1, 8192 / cols);
    ScratchBuffer<T> tile(static_cast<size_t>(step * cols));
    for (int64_t r = first; r < last; r += step) {
      const int64_t rows = std::min(step, last - r);
      for (int64_t k = 0; k < rows; ++k)
        fetch(base + (r + k) * stride_, col_stride, tile.data() + k * cols, cols);
      kernel->cols(tile.data(), rows, cols, cols, best, index, r, r == first);
    }
  }

  void run_columns() const {
    const ReducePlan& p = *plan;
    const int64_t width = p.keep_size[p.nkeep - 1], tiles = (width + kTile - 1) / kTile;
    const int64_t tasks = p.outputs / width * tiles, elements = n_ * std::min(width, kTile);
    const auto columns = [&](int64_t t) { return std::min(kTile, width - t % tiles * kTile); };
    const auto place = [&](int64_t t, int64_t* base, int64_t* at) {
      p.locate(t / tiles * width + t % tiles * kTile, base, at);
    };
    const auto finish = [&](int64_t t, const T* best, const I* index) {
      int64_t base, at, wide[kTile];
      place(t, &base, &at);
      std::copy_n(index, columns(t), wide);
      emit(best, wide, columns(t), at, p.keep_out[p.nkeep - 1]);
    };
    if (tasks >= 16 || elements <= 2 * kChunk) {
      parallel_for(0, tasks, std::max<int64_t>(1, kChunk / elements), [&](int64_t begin, int64_t end) {
        T best[kTile];
        I index[kTile];
        for (int64_t t = begin; t < end; ++t) {
          int64_t base, unused;
          place(t, &base, &unused);
          column_rows(base, columns(t), 0, n_, best, index);
          finish(t, best, index);
        }
      });
      return;
    }
    const int64_t chunk_rows = std::max(kPieceRows, (n_ + 63) / 64),
                  chunks = (n_ + chunk_rows - 1) / chunk_rows;
    ScratchBuffer<T> best(static_cast<size_t>(tasks * chunks * kTile));
    ScratchBuffer<I> index(static_cast<size_t>(tasks * chunks * kTile));
    parallel_for(0, tasks * chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        int64_t base, unused;
        place(t / chunks, &base, &unused);
        const int64_t first = t % chunks * chunk_rows;
        column_rows(base, columns(t / chunks), first, std::min(n_, first + chunk_rows), &best[t * kTile],
                    &index[t * kTile]);
      }
    });
    for (int64_t t = 0; t < tasks; ++t) {
      T* b = &best[t * chunks * kTile];
      I* i = &index[t * chunks * kTile];
      for (int64_t k = 1; k < chunks; ++k)
        for (int64_t c = 0; c < columns(t); ++c)
          if (better(b[k * kTile + c], b[c])) {
            b[c] = b[k * kTile + c];
            i[c] = i[k * kTile + c];
          }
      finish(t, b, i);
    }
  }
};

template <class T>
void execute(const ArgReduceCall& call, const ReducePlan& plan, bool same) {
  TensorImpl& in = *call.in.impl();
  ArgEngine<T> e;
  e.plan = &plan;
  e.max = call.kind == ArgReduceKind::ArgMax;
  e.kernel = &arg_kernel<T>(e.max);
  e.in = in.data<char>();
  e.in_bytes = static_cast<int64_t>(element_size(in.dtype()));
  e.load = same ? nullptr : loader<T>(in.dtype(), LoadMap::Value);
  e.indices = call.indices.impl()->mutable_data<int64_t>();
  if (call.values.defined()) {
    e.values = call.values.impl()->mutable_data<char>();
    e.value_type = call.values.dtype();
  }
  e.run();
}

}  // namespace

void arg_reduce(const ArgReduceCall& call) {
  TensorImpl& in = *call.in.impl();
  TensorImpl& out = *call.indices.impl();
  if (out.numel() == 0) return;
  ReducePlan plan;
  if (call.dim < 0) {
    const int64_t size = in.numel(), stride = 1;
    make_reduce_plan(plan, IntArrayRef(&size, 1), IntArrayRef(&stride, 1), {}, 1);
  } else if (in.dim() == 0) {
    make_reduce_plan(plan, {}, {}, {}, 0);
  } else {
    make_reduce_plan(plan, in.sizes(), in.strides(), out.strides(), uint64_t{1} << call.dim);
  }
  switch (in.dtype()) {
    case DType::Float32:
      return execute<float>(call, plan, true);
    case DType::Float64:
      return execute<double>(call, plan, true);
    case DType::Int64:
      return execute<int64_t>(call, plan, true);
    case DType::Int32:
      return execute<int32_t>(call, plan, true);
    case DType::Float16:
    case DType::BFloat16:
      return execute<float>(call, plan, false);
    default:
      return execute<int32_t>(call, plan, false);
  }
}

}  // namespace rustorch::cpu
