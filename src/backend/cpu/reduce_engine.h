// ReduceEngine: drives the vector kernels over a plan: pieces, chunks for the threads, merging of partial
// states.
//
// Work is cut by shape alone (see kChunk), partial states are merged in order: results do not depend on the
// number of threads. Internal to reduce.cc.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "backend/cpu/reduce_kernels.h"
#include "backend/cpu/reduce_load.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "iter/reduce_plan.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

/// What is done to the state of a result before it is stored.
enum class Final : uint8_t { None, Mean, Var, Std, Sqrt, Root, LogSumExp };

template <class T>
class ReduceEngine {
 public:
  using W = wide_t<T>;

  const ReducePlan* plan = nullptr;
  const ReduceKernel<T>* kernel = nullptr;
  const char* in = nullptr;
  int64_t in_bytes = sizeof(T);                                  ///< of one source element
  LoadFn<T> load = nullptr;                                      ///< null: the source can be read as T
  void (*tile_map)(T* tile, int64_t n, double param) = nullptr;  ///< applied to loaded tiles; needs load
  Final final = Final::None;
  double param = 0;
  DType out_type = DType::Float32;
  char* out = nullptr;
  DType out2_type = DType::Float32;
  char* out2 = nullptr;  ///< the first component (the mean), or null

  void run() const {
    if (plan->outputs == 0) return;
    if (plan->columns && plan->reduced > 0) {
      run_columns();
    } else {
      run_rows();
    }
  }

 private:
  static constexpr int64_t kPiece = 4096;      // elements folded by one call on a row
  static constexpr int64_t kChunk = 1 << 16;   // elements that make a task
  static constexpr int64_t kRun = 64;          // results per call on rows
  static constexpr int64_t kTile = 1024;       // columns per call
  static constexpr int64_t kGather = 1 << 14;  // elements in a gathered tile

  static ScratchBuffer<T> scratch(int64_t n) {
    return n ? ScratchBuffer<T>(static_cast<size_t>(n)) : ScratchBuffer<T>();
  }
  const T* source(int64_t offset) const { return reinterpret_cast<const T*>(in + offset * in_bytes); }

  void fetch(int64_t offset, int64_t stride, T* tile, int64_t n) const {
    if (load) {
      load(in + offset * in_bytes, stride, tile, n);
      if (tile_map) tile_map(tile, n, param);
      return;
    }
    const T* src = source(offset);
    for (int64_t i = 0; i < n; ++i) tile[i] = src[i * stride];
  }

  void reset(W* state, int64_t stride, int64_t count) const {
    for (int k = 0; k < kernel->comps; ++k) std::fill_n(state + k * stride, count, kernel->initial[k]);
  }

  void finish(W* state, int64_t stride, int64_t count) const;

  void emit(W* state, int64_t stride, int64_t count, int64_t at, int64_t out_stride) const {
    if (out2 && plan->reduced == 0) std::fill_n(state, count, std::numeric_limits<W>::quiet_NaN());
    if (out2)
      store_values<W>(out2_type, out2 + at * static_cast<int64_t>(element_size(out2_type)), out_stride, state,
                      count);
    if (final != Final::None) finish(state, stride, count);
    store_values<W>(out_type, out + at * static_cast<int64_t>(element_size(out_type)), out_stride, state,
                    count);
  }

  // ---- rows: the reduced dimension is the innermost
  struct Rows {
    int64_t n, stride, per_row, pieces;
    bool direct;
  };
  void run_rows() const;
  void rows_range(const Rows& g, int64_t begin, int64_t end) const;
  void row_pieces(const Rows& g, int64_t base, int64_t first, int64_t last, T* tile, W* state) const;

  // ---- columns: a kept dimension is the innermost
  struct Columns {
    int64_t width, stride, rows, row_stride, tiles, group, piece_rows, per_run, pieces;
    bool direct;
  };
  void run_columns() const;
  void column_pieces(const Columns& g, int64_t task, int64_t first, int64_t last, W* state) const;
  int64_t column_block(const Columns& g, int64_t offset, int64_t rows, int64_t cols, T* tile, W* state,
                       int64_t done) const;
  int64_t task_columns(const Columns& g, int64_t task) const {
    return std::min(kTile, g.width - task % g.tiles * kTile);
  }
  int64_t task_result(const Columns& g, int64_t task) const {
    return task / g.tiles * g.width + task % g.tiles * kTile;
  }
};

template <class T>
void ReduceEngine<T>::run_rows() const {
  const ReducePlan& p = *plan;
  Rows g;
  g.n = p.nred ? p.red_size[p.nred - 1] : p.reduced;
  g.stride = p.nred ? p.red_in[p.nred - 1] : 1;
  g.direct = load == nullptr && (g.stride == 1 || g.n == 1);
  if (p.reduced == 0) {
    g.n = g.per_row = g.pieces = 0;
    return rows_range(g, 0, p.outputs);
  }
  g.per_row = ceil_div(g.n, kPiece);
  g.pieces = p.reduced / g.n * g.per_row;
  if (p.outputs >= 64 || p.reduced <= 2 * kChunk) {
    parallel_for(0, p.outputs, std::max<int64_t>(1, kChunk / p.reduced),
                 [&](int64_t b, int64_t e) { rows_range(g, b, e); });
    return;
  }
  const int64_t per =
      std::max(std::max<int64_t>(1, kChunk / std::min(g.n, kPiece)), ceil_div(g.pieces, 1024));
  const int64_t chunks = ceil_div(g.pieces, per);
  const int comps = kernel->comps;
  ScratchBuffer<W> partial(static_cast<size_t>(p.outputs * chunks * comps));
  const auto elements = [&](int64_t chunk) {
    const int64_t last = std::min(g.pieces, (chunk + 1) * per);
    const auto before = [&](int64_t piece) { return piece / g.per_row * g.n + piece % g.per_row * kPiece; };
    return before(last) - before(chunk * per);
  };
  parallel_for(0, p.outputs * chunks, 1, [&](int64_t b, int64_t e) {
    ScratchBuffer<T> tile(static_cast<size_t>(kPiece));
    for (int64_t t = b; t < e; ++t) {
      int64_t base, unused;
      p.locate(t / chunks, &base, &unused);
      const int64_t chunk = t % chunks;
      W* state = partial.data() + t * comps;
      reset(state, 1, 1);
      row_pieces(g, base, chunk * per, std::min(g.pieces, (chunk + 1) * per), tile.data(), state);
    }
  });
  for (int64_t o = 0; o < p.outputs; ++o) {
    W* state = partial.data() + o * chunks * comps;
    int64_t done = elements(0);
    for (int64_t c = 1; c < chunks; ++c) {
      const int64_t count = elements(c);
      kernel->merge(state, 1, done, state + c * comps, 1, count, 1);
      done += count;
    }
    int64_t base, at;
    p.locate(o, &base, &at);
    emit(state, 1, 1, at, 0);
  }
}

template <class T>
void ReduceEngine<T>::rows_range(const Rows& g, int64_t begin, int64_t end) const {
  const ReducePlan& p = *plan;
  const int64_t inner = p.nkeep ? p.keep_size[p.nkeep - 1] : 1;
  const int64_t step = p.nkeep ? p.keep_in[p.nkeep - 1] : 0, out_step = p.nkeep ? p.keep_out[p.nkeep - 1] : 0;
  ScratchBuffer<T> tile = scratch(g.direct && g.pieces <= 1 ? 0 : kPiece);
  W state[2 * kRun];
  for (int64_t o = begin; o < end;) {
    int64_t base, at;
    p.locate(o, &base, &at);
    int64_t run = std::min({end - o, inner - o % inner, kRun});
    if (g.pieces == 1 && g.direct) {
      kernel->rows(source(base), run, step, g.n, state, kRun);
    } else if (g.pieces == 1) {
      run = std::min(run, std::max<int64_t>(1, kPiece / g.n));
      if (g.n == 1) {
        fetch(base, step, tile.data(), run);
      } else {
        for (int64_t r = 0; r < run; ++r) fetch(base + r * step, g.stride, tile.data() + r * g.n, g.n);
      }
      kernel->rows(tile.data(), run, g.n, g.n, state, kRun);
    } else {
      run = 1;
      reset(state, kRun, 1);
      if (g.pieces > 0) {
        W packed[2] = {kernel->initial[0], kernel->initial[1]};
        row_pieces(g, base, 0, g.pieces, tile.data(), packed);
        state[0] = packed[0];
        state[kRun] = packed[1];
      }
    }
    emit(state, kRun, run, at, out_step);
    o += run;
  }
}

template <class T>
void ReduceEngine<T>::row_pieces(const Rows& g, int64_t base, int64_t first, int64_t last, T* tile,
                                 W* state) const {
  const ReducePlan& p = *plan;
  const int outer_dims = p.nred - 1;
  W piece[2];
  int64_t done = 0;
  // Short rows are first lined up in the tile.
  const int64_t pack = g.n < 256 ? kPiece / g.n : 1;
  for (int64_t q = first; q < last;) {
    int64_t count;
    if (pack > 1) {
      const int64_t rows = std::min(pack, last - q);
      for (int64_t r = 0; r < rows; ++r)
        fetch(base + p.locate_reduced(q + r, outer_dims), g.stride, tile + r * g.n, g.n);
      count = rows * g.n;
      kernel->rows(tile, 1, 0, count, piece, 1);
      q += rows;
    } else {
      const int64_t part = q % g.per_row * kPiece;
      const int64_t offset = base + p.locate_reduced(q / g.per_row, outer_dims) + part * g.stride;
      count = std::min(kPiece, g.n - part);
      if (!g.direct) fetch(offset, g.stride, tile, count);
      kernel->rows(g.direct ? source(offset) : tile, 1, 0, count, piece, 1);
      ++q;
    }
    kernel->merge(state, 1, done, piece, 1, count, 1);
    done += count;
  }
}

template <class T>
void ReduceEngine<T>::run_columns() const {
  const ReducePlan& p = *plan;
  Columns g;
  g.width = p.keep_size[p.nkeep - 1];
  g.stride = p.keep_in[p.nkeep - 1];
  g.rows = p.red_size[p.nred - 1];
  g.row_stride = p.red_in[p.nred - 1];
  g.direct = load == nullptr && g.stride == 1;
  g.tiles = ceil_div(g.width, kTile);
  // Few columns without gaps: several rows side by side make one long row.
  g.group = g.direct && g.width <= 64 && g.row_stride == g.width ? std::min(256 / g.width, g.rows) : 1;
  g.piece_rows = kernel->piece_rows * g.group;
  g.per_run = ceil_div(g.rows, g.piece_rows);
  g.pieces = p.reduced / g.rows * g.per_run;
  const int64_t tasks = p.outputs / g.width * g.tiles;
  const int64_t task_elements = p.reduced * std::min(g.width, kTile);
  const int comps = kernel->comps;
  const auto finish_task = [&](int64_t t, W* state) {
    int64_t base, at;
    p.locate(task_result(g, t), &base, &at);
    emit(state, kTile, task_columns(g, t), at, p.keep_out[p.nkeep - 1]);
  };
  if (tasks >= 16 || task_elements <= 2 * kChunk) {
    parallel_for(0, tasks, std::max<int64_t>(1, kChunk / task_elements), [&](int64_t b, int64_t e) {
      W state[2 * kTile];
      for (int64_t t = b; t < e; ++t) {
        column_pieces(g, t, 0, g.pieces, state);
        finish_task(t, state);
      }
    });
    return;
  }
  const int64_t cols = std::min(g.width, kTile);
  const int64_t per = std::max(std::max<int64_t>(1, kChunk / (std::min(g.piece_rows, g.rows) * cols)),
                               ceil_div(g.pieces, 64));
  const int64_t chunks = ceil_div(g.pieces, per);
  ScratchBuffer<W> partial(static_cast<size_t>(tasks * chunks * comps * kTile));
  const auto rows_before = [&](int64_t piece) {
    return piece / g.per_run * g.rows + piece % g.per_run * g.piece_rows;
  };
  parallel_for(0, tasks * chunks, 1, [&](int64_t b, int64_t e) {
    for (int64_t t = b; t < e; ++t) {
      const int64_t chunk = t % chunks;
      column_pieces(g, t / chunks, chunk * per, std::min(g.pieces, (chunk + 1) * per),
                    partial.data() + t * comps * kTile);
    }
  });
  constexpr int64_t kStrip = 128;  // columns merged by one task
  parallel_for(0, tasks * (kTile / kStrip), 1, [&](int64_t b, int64_t e) {
    for (int64_t s = b; s < e; ++s) {
      const int64_t t = s / (kTile / kStrip), first = s % (kTile / kStrip) * kStrip;
      const int64_t count = std::min(kStrip, task_columns(g, t) - first);
      if (count <= 0) continue;
      W* state = partial.data() + t * chunks * comps * kTile + first;
      int64_t done = rows_before(std::min(g.pieces, per));
      for (int64_t c = 1; c < chunks; ++c) {
        const int64_t upto = rows_before(std::min(g.pieces, (c + 1) * per));
        kernel->merge(state, kTile, done, state + c * comps * kTile, kTile, upto - done, count);
        done = upto;
      }
    }
  });
  for (int64_t t = 0; t < tasks; ++t) finish_task(t, partial.data() + t * chunks * comps * kTile);
}

template <class T>
void ReduceEngine<T>::column_pieces(const Columns& g, int64_t task, int64_t first, int64_t last,
                                    W* state) const {
  const ReducePlan& p = *plan;
  const int64_t cols = task_columns(g, task);
  int64_t base, unused, done = 0;
  p.locate(task_result(g, task), &base, &unused);
  for (int k = 0; k < kernel->comps; ++k) std::fill_n(state + k * kTile, cols, kernel->initial[k]);
  ScratchBuffer<T> tile = scratch(g.direct ? 0 : kGather);
  for (int64_t q = first; q < last; ++q) {
    const int64_t row = q % g.per_run * g.piece_rows;
    const int64_t offset = base + p.locate_reduced(q / g.per_run, p.nred - 1) + row * g.row_stride;
    done = column_block(g, offset, std::min(g.piece_rows, g.rows - row), cols, tile.data(), state, done);
  }
}

/// Merges rows x cols elements at offset into state; returns done + rows.
template <class T>
int64_t ReduceEngine<T>::column_block(const Columns& g, int64_t offset, int64_t rows, int64_t cols, T* tile,
                                      W* state, int64_t done) const {
  T piece[3 * kTile];
  if (!g.direct) {
    const int64_t step = std::max<int64_t>(1, kGather / cols);
    for (int64_t r = 0; r < rows; r += step) {
      const int64_t count = std::min(step, rows - r);
      for (int64_t k = 0; k < count; ++k)
        fetch(offset + (r + k) * g.row_stride, g.stride, tile + k * cols, cols);
      kernel->cols(tile, count, cols, cols, piece, kTile);
      kernel->merge_cols(state, kTile, done, piece, kTile, count, cols);
      done += count;
    }
    return done;
  }
  const T* src = source(offset);
  const int64_t wide_rows = g.group > 1 ? rows / g.group : 0;
  if (wide_rows > 0) {
    const int64_t wide = g.group * cols;
    kernel->cols(src, wide_rows, wide, wide, piece, kTile);
    for (int64_t k = 0; k < g.group; ++k) {
      kernel->merge_cols(state, kTile, done, piece + k * cols, kTile, wide_rows, cols);
      done += wide_rows;
    }
    src += wide_rows * wide;
    rows -= wide_rows * g.group;
  }
  if (rows > 0) {
    kernel->cols(src, rows, g.row_stride, cols, piece, kTile);
    kernel->merge_cols(state, kTile, done, piece, kTile, rows, cols);
    done += rows;
  }
  return done;
}

}  // namespace rustorch::cpu
