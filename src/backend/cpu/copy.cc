// Copy and cast: choice of the loop for a pair of layouts.
//
// Same-dtype copies move bits: one memcpy, rows of memcpy, tiled transposition, or a strided loop by element
// size. Casts convert contiguous runs (backend/cpu/cast*.cc); strided sides pass through a tile in L1.
#include "backend/cpu/copy.h"

#include <cstring>
#include <utility>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/strided_plan.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

namespace {

constexpr int64_t kChunkBytes = 256 * 1024;
/// Results above this size are written around the caches.
constexpr int64_t kStreamBytes = 8 << 20;

template <class T>
void strided_run(T* dst, int64_t ds, const T* src, int64_t ss, int64_t n) {
  if (ss == 0) {
    const T v = *src;
    if (ds == 1)
      for (int64_t i = 0; i < n; ++i) dst[i] = v;
    else
      for (int64_t i = 0; i < n; ++i) dst[i * ds] = v;
  } else if (ds == 1) {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i * ss];
  } else if (ss == 1) {
    for (int64_t i = 0; i < n; ++i) dst[i * ds] = src[i];
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * ds] = src[i * ss];
  }
}

/// The dimension, other than the innermost, along which src is contiguous while dst is along the innermost;
/// -1: none.
int transposed_dim(const StridedPlan<2>& plan) {
  const int inner = plan.ndim - 1;
  if (inner < 1 || plan.stride[inner][0] != 1 || plan.stride[inner][1] == 1 || plan.size[inner] < 2)
    return -1;
  for (int d = inner - 1; d >= 0; --d)
    if (plan.stride[d][1] == 1 && plan.size[d] >= 2) return d;
  return -1;
}

void copy_transposed(const StridedPlan<2>& plan, int across, char* dst, const char* src, size_t item) {
  const int inner = plan.ndim - 1;
  StridedPlan<2> outer;
  for (int d = 0; d < inner; ++d)
    if (d != across) outer.add_dim(plan.size[d], plan.stride[d]);
  const int64_t rows = plan.size[across], cols = plan.size[inner];
  const int64_t row_step = plan.stride[across][0], col_step = plan.stride[inner][1];
  // Tiles of runs of the source by runs of the result: far memory is read faster in long runs. Where one of
  // them is short, the other is long instead.
  const auto bytes = static_cast<int64_t>(item);
  const int64_t tile_rows = std::max({512 / bytes, 4096 / (cols * bytes) / 64 * 64, int64_t{8}});
  const int64_t tile_cols = rows <= 4 ? std::max<int64_t>(kChunkBytes / (rows * bytes) / 64 * 64, 64) : cols;
  const int64_t down = ceil_div(rows, tile_rows), along = ceil_div(cols, tile_cols);
  const int64_t tile_bytes = std::min(tile_rows, rows) * std::min(tile_cols, cols) * bytes;
  const bool stream = plan.numel * bytes >= kStreamBytes;
  parallel_for(0, outer.numel * down * along, std::max<int64_t>(kChunkBytes / tile_bytes, 1),
               [&](int64_t b, int64_t e) {
                 for (int64_t tile = b; tile < e; ++tile) {
                   const int64_t i = tile % along * tile_cols, j = tile / along % down * tile_rows;
                   int64_t offset[2] = {i + j * row_step, i * col_step + j};
                   int64_t rest = tile / along / down;
                   for (int d = outer.ndim - 1; d >= 0; --d) {
                     for (int k = 0; k < 2; ++k) offset[k] += rest % outer.size[d] * outer.stride[d][k];
                     rest /= outer.size[d];
                   }
                   transpose_tile(dst + offset[0] * bytes, row_step, src + offset[1] * bytes, col_step,
                                  std::min(tile_rows, rows - j), std::min(tile_cols, cols - i), item, stream);
                 }
               });
}

void move_elements(const StridedPlan<2>& plan, char* dst, const char* src, DType dtype) {
  const auto item = static_cast<int64_t>(element_size(dtype));
  const int64_t grain = std::max<int64_t>(kChunkBytes / item, 1);
  if (plan.inner_stride(0) == 1 && plan.inner_stride(1) == 1) {
    const bool stream = plan.numel * item >= kStreamBytes;
    parallel_for(0, plan.numel, grain, [&](int64_t b, int64_t e) {
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        copy_bytes(dst + at[0] * item, src + at[1] * item, static_cast<size_t>(n * item), stream);
      });
    });
    return;
  }
  const int across = transposed_dim(plan);
  if (across >= 0) return copy_transposed(plan, across, dst, src, static_cast<size_t>(item));
  dispatch_by_size(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t ds = plan.inner_stride(0), ss = plan.inner_stride(1);
    parallel_for(0, plan.numel, grain / 4, [&](int64_t b, int64_t e) {
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        strided_run(reinterpret_cast<T*>(dst) + at[0], ds, reinterpret_cast<const T*>(src) + at[1], ss, n);
      });
    });
  });
}

void gather_run(void* tile, const char* src, int64_t stride, int64_t n, DType t) {
  dispatch_by_size(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    strided_run(static_cast<T*>(tile), 1, reinterpret_cast<const T*>(src), stride, n);
  });
}
void scatter_run(char* dst, int64_t stride, const void* tile, int64_t n, DType t) {
  dispatch_by_size(t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    strided_run(reinterpret_cast<T*>(dst), stride, static_cast<const T*>(tile), 1, n);
  });
}

void convert_elements(const StridedPlan<2>& plan, char* dst, DType to, const char* src, DType from) {
  constexpr int64_t kTile = 256;
  const CastRun run = cast_run(to, from);
  const auto di = static_cast<int64_t>(element_size(to)), si = static_cast<int64_t>(element_size(from));
  const int64_t ds = plan.inner_stride(0), ss = plan.inner_stride(1);
  parallel_for(0, plan.numel, kChunkBytes / 2 / std::max(di, si), [&](int64_t b, int64_t e) {
    for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
      char* d = dst + at[0] * di;
      const char* s = src + at[1] * si;
      if (ds == 1 && ss == 1) return run(d, s, n);
      alignas(64) char from_tile[kTile * 16];
      alignas(64) char to_tile[kTile * 16];
      for (int64_t i = 0; i < n; i += kTile) {
        const int64_t m = std::min(kTile, n - i);
        const void* in = s + i * si;
        if (ss != 1) {
          gather_run(from_tile, s + i * ss * si, ss, m, from);
          in = from_tile;
        }
        if (ds == 1) {
          run(d + i * di, in, m);
        } else {
          run(to_tile, in, m);
          scatter_run(d + i * ds * di, ds, to_tile, m, to);
        }
      }
    });
  });
}

}  // namespace

void copy_strided(IntArrayRef sizes, const StridedOperand& dst, const StridedOperand& src) {
  StridedPlan<2> plan;
  for (size_t d = 0; d < sizes.size(); ++d) plan.add_dim(sizes[d], {dst.strides[d], src.strides[d]});
  if (plan.numel == 0) return;
  plan.sort();
  plan.merge();
  char* to = static_cast<char*>(dst.data);
  const char* from = static_cast<const char*>(src.data);
  if (dst.dtype == src.dtype)
    move_elements(plan, to, from, dst.dtype);
  else
    convert_elements(plan, to, dst.dtype, from, src.dtype);
}

void copy(const Tensor& dst, const Tensor& src) {
  TensorImpl& d = *dst.impl();
  const TensorImpl& s = *src.impl();
  const int64_t n = d.numel();
  if (n == 0) return;
  void* to = d.mutable_data();
  const void* from = s.data();
  if (to == from && d.dtype() == s.dtype() && d.strides() == s.strides()) return;
  if (d.is_contiguous() && s.is_contiguous()) {
    const int64_t one[1] = {1};
    return copy_strided(IntArrayRef(&n, 1), {to, d.dtype(), one}, {const_cast<void*>(from), s.dtype(), one});
  }
  copy_strided(d.sizes(), {to, d.dtype(), d.strides()}, {const_cast<void*>(from), s.dtype(), s.strides()});
}

}  // namespace rustorch::cpu
