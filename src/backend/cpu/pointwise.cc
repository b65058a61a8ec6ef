#include "backend/cpu/pointwise.h"

#include <algorithm>
#include <array>

#include "backend/cpu/chunk_kernel.h"
#include "backend/cpu/tile.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "gen/kernel_table.h"
#include "iter/loop_plan.h"
#include "rustorch/error.h"

namespace rustorch::cpu {

namespace {

constexpr int kMaxOperands = 10;
constexpr int kMaxParams = 16;

ScalarParam make_param(char kind, ComputeType type, const Scalar& s) {
  ScalarParam p{};
  if (kind == 'F') {
    p.f = s.to_double();
  } else if (kind == 'I' || kind == 'B') {
    p.i = kind == 'B' ? static_cast<int64_t>(s.to_bool()) : s.to_int();
  } else if (is_integer(type)) {
    p.i = s.to_int();
  } else if (is_complex(type)) {
    p.c[0] = s.to_double();
    p.c[1] = s.to_complex().imag();
  } else {
    p.f = s.to_double();
  }
  return p;
}

void fill_constant(ComputeType type, char kind, void* dst, const Scalar& s, int64_t n) {
  if (kind == 'B') {
    std::fill_n(static_cast<uint8_t*>(dst), n, static_cast<uint8_t>(s.to_bool()));
    return;
  }
  std::complex<double> c = s.to_complex();
  switch (type) {
    case ComputeType::f32:
      std::fill_n(static_cast<float*>(dst), n, static_cast<float>(c.real()));
      break;
    case ComputeType::f64:
      std::fill_n(static_cast<double*>(dst), n, c.real());
      break;
    case ComputeType::i32:
      std::fill_n(static_cast<int32_t*>(dst), n, static_cast<int32_t>(s.to_int()));
      break;
    case ComputeType::i64:
      std::fill_n(static_cast<int64_t*>(dst), n, s.to_int());
      break;
    case ComputeType::c64:
      std::fill_n(static_cast<std::complex<float>*>(dst), n, std::complex<float>(c));
      break;
    case ComputeType::c128:
      std::fill_n(static_cast<std::complex<double>*>(dst), n, c);
      break;
  }
}

/// The type in which an operand of a kind lies in a tile ('B' tiles are bytes).
ComputeType tile_type(char kind, ComputeType type) {
  return kind == 'R' ? real_part_type(type) : kind == 'I' ? ComputeType::i64 : type;
}
DType natural_dtype(char kind, ComputeType type) {
  return kind == 'B' ? kBool : dtype_of(tile_type(kind, type));
}

/// Everything that stays the same for all chunks of one call.
struct Work {
  ChunkKernel fn;
  ComputeType type;
  const KernelInfo* info;
  std::array<ScalarParam, kMaxParams> params;
  int nout, nin;
  std::array<char*, kMaxOperands> base{};  // outputs first
  std::array<const Scalar*, kMaxOperands> constant{};
  std::array<DType, kMaxOperands> dtype{};
  std::array<bool, kMaxOperands> direct{};  // no conversion between memory and kernel
  std::array<bool, kMaxOperands> linear{};  // consecutive in the plan's order

  char kind(int k) const { return k < nout ? info->out_kinds[k] : info->in_kinds[k - nout]; }
};

Work make_work(const PointwiseCall& call) {
  Work w;
  w.info = &kernel_info(call.kernel);
  w.type = call.type;
  w.fn = w.info->fn[static_cast<int>(call.type)];
  if (w.fn == nullptr)
    raise(ErrorKind::NotImplemented, w.info->name,
          cat("\"", w.info->name, "\" not implemented for '", dtype_scalar_name(dtype_of(call.type)), "'"));
  w.nout = call.nout;
  w.nin = call.nin;
  for (int i = 0; i < call.nparams; ++i)
    w.params[i] = make_param(w.info->param_kinds[i], call.type, call.params[i]);
  for (int k = 0; k < call.nout + call.nin; ++k) {
    const Tensor* t = k < call.nout ? &call.outs[k] : call.ins[k - call.nout].tensor;
    if (t == nullptr) {
      w.constant[k] = &call.ins[k - call.nout].scalar;
      continue;
    }
    w.dtype[k] = t->impl()->dtype();
    w.direct[k] = w.dtype[k] == natural_dtype(w.kind(k), call.type);
  }
  // Outputs first: making their bytes private may move them, and an input can be the same tensor.
  for (int k = 0; k < call.nout; ++k) w.base[k] = call.outs[k].impl()->mutable_data<char>();
  for (int k = call.nout; k < call.nout + call.nin; ++k)
    if (const Tensor* t = call.ins[k - call.nout].tensor)
      w.base[k] = const_cast<char*>(t->impl()->data<char>());
  return w;
}

int64_t grain_of(const Work& w) {
  int64_t cost = std::max<int64_t>(w.info->cost, 1);
  return std::clamp<int64_t>(32768 * 4 / (3 + cost), 2048, 32768) / 512 * 512;
}

// Whether results of so many elements are better written around the caches, which would have to read their
// lines first: where they are too large to be found there later, and not what is read.
bool better_streamed(const Work& w, int64_t numel) {
  constexpr int64_t kStreamBytes = 32 << 20;
  for (int o = 0; o < w.nout; ++o) {
    if (numel * static_cast<int64_t>(element_size(w.dtype[o])) < kStreamBytes) return false;
    if (reinterpret_cast<uintptr_t>(w.base[o]) % 64 != 0) return false;
    for (int k = w.nout; k < w.nout + w.nin; ++k)
      if (w.base[k] == w.base[o]) return false;
  }
  return true;
}

// All tensors lie in memory as the kernel wants them, one element after the other.
void run_linear(const Work& w, int64_t numel) {
  alignas(64) unsigned char constants[3][kSpreadElements * 16];
  int used = 0;
  uint32_t spread = 0;
  std::array<char*, kMaxOperands> first = w.base;
  for (int k = w.nout; k < w.nout + w.nin; ++k) {
    if (w.constant[k] == nullptr) continue;
    first[k] = reinterpret_cast<char*>(constants[used++]);
    fill_constant(tile_type(w.kind(k), w.type), w.kind(k), first[k], *w.constant[k],
                  std::min(kSpreadElements, numel));
    spread |= uint32_t{1} << (k - w.nout);
  }
  if (better_streamed(w, numel)) spread |= kStreamed;
  parallel_for(0, numel, grain_of(w), [&](int64_t b, int64_t e) {
    std::array<char*, kMaxOperands> at = first;
    for (int k = 0; k < w.nout + w.nin; ++k)
      if (w.constant[k] == nullptr) at[k] += b * static_cast<int64_t>(element_size(w.dtype[k]));
    w.fn(reinterpret_cast<void* const*>(at.data()), reinterpret_cast<const void* const*>(at.data() + w.nout),
         e - b, w.params.data(), spread);
  });
}

/// Fills a tile with the elements at the cursor and moves it on.
void gather(const Work& w, int k, LoopCursor& cursor, unsigned char* tile, int64_t n) {
  char kind = w.kind(k);
  ComputeType type = tile_type(kind, w.type);
  size_t item = kind == 'B' ? 1 : compute_size(type);
  size_t size = element_size(w.dtype[k]);
  while (n > 0) {
    int64_t run = std::min(n, cursor.row_left());
    const char* src = w.base[k] + cursor.offset() * static_cast<int64_t>(size);
    if (kind == 'B')
      load_mask(tile, w.dtype[k], src, cursor.row_stride(), run);
    else
      load_run(type, tile, w.dtype[k], src, cursor.row_stride(), run);
    cursor.advance(run);
    tile += static_cast<size_t>(run) * item;
    n -= run;
  }
}

void scatter(const Work& w, int k, LoopCursor& cursor, const unsigned char* tile, int64_t n) {
  char kind = w.kind(k);
  ComputeType type = tile_type(kind, w.type);
  size_t item = kind == 'B' ? 1 : compute_size(type);
  size_t size = element_size(w.dtype[k]);
  while (n > 0) {
    int64_t run = std::min(n, cursor.row_left());
    char* dst = w.base[k] + cursor.offset() * static_cast<int64_t>(size);
    if (kind == 'B')
      store_mask(tile, w.dtype[k], dst, cursor.row_stride(), run);
    else
      store_run(type, tile, w.dtype[k], dst, cursor.row_stride(), run);
    cursor.advance(run);
    tile += static_cast<size_t>(run) * item;
    n -= run;
  }
}

using Cursors = std::array<LoopCursor, kMaxOperands>;

Cursors make_cursors(const LoopPlan& plan, int n_operands, int64_t begin) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return Cursors{LoopCursor(plan, static_cast<int>(I) < n_operands ? static_cast<int>(I) : 0, begin)...};
  }
  (std::make_index_sequence<kMaxOperands>{});
}

// How the kernel gets operand k of a step: in place, as a number that is spread, or through a tile.
enum class Way : uint8_t { Linear, Row, Spread, Tile };

Way way_of(const Work& w, const LoopCursor& cursor, int k, int64_t n) {
  if (w.constant[k] != nullptr) return Way::Spread;
  if (w.linear[k] && w.direct[k]) return Way::Linear;
  if (cursor.row_left() < n) return Way::Tile;
  if (w.direct[k] && cursor.row_stride() == 1) return Way::Row;
  return k >= w.nout && cursor.row_stride() == 0 ? Way::Spread : Way::Tile;
}

// Elements of the next step: a tile, or more where no operand needs one.
int64_t step_length(const Work& w, const Cursors& cursors, int64_t left) {
  int64_t n = left;
  for (int k = 0; k < w.nout + w.nin; ++k) {
    if (w.constant[k] != nullptr) continue;
    const Way way = way_of(w, cursors[k], k, std::min(left, kTileElements));
    if (way != Way::Linear) n = std::min(n, way == Way::Tile ? kTileElements : cursors[k].row_left());
  }
  return n;
}

// Any strides and dtypes: operands that do not lie as the kernel wants them go through tiles.
void run_tiled(const Work& w, const LoopPlan& plan) {
  const int n_operands = w.nout + w.nin;
  parallel_for(0, plan.numel, grain_of(w), [&](int64_t b, int64_t e) {
    alignas(64) unsigned char tiles[kMaxOperands][kTileElements * 16];
    std::array<void*, kMaxOperands> at;
    Cursors cursors = make_cursors(plan, n_operands, b);
    for (int k = 0; k < n_operands; ++k)
      if (w.constant[k] != nullptr)
        fill_constant(tile_type(w.kind(k), w.type), w.kind(k), tiles[k], *w.constant[k],
                      std::min(kSpreadElements, e - b));
    for (int64_t i = b; i < e;) {
      const int64_t n = step_length(w, cursors, e - i);
      std::array<bool, kMaxOperands> tiled{};
      uint32_t spread = 0;
      for (int k = 0; k < n_operands; ++k) {
        const auto size = w.constant[k] == nullptr ? static_cast<int64_t>(element_size(w.dtype[k])) : 0;
        at[k] = tiles[k];
        switch (way_of(w, cursors[k], k, n)) {
          case Way::Linear:
            at[k] = w.base[k] + i * size;
            break;
          case Way::Row:
            at[k] = w.base[k] + cursors[k].offset() * size;
            cursors[k].advance(n);
            break;
          case Way::Spread:
            spread |= uint32_t{1} << (k - w.nout);
            if (w.constant[k] == nullptr) {
              const int64_t some = std::min(kSpreadElements, n);
              gather(w, k, cursors[k], tiles[k], some);
              if (n > some) cursors[k].advance(n - some);
            }
            break;
          case Way::Tile:
            tiled[k] = true;
            if (k >= w.nout) gather(w, k, cursors[k], tiles[k], n);
        }
      }
      w.fn(at.data(), at.data() + w.nout, n, w.params.data(), spread);
      for (int k = 0; k < w.nout; ++k)
        if (tiled[k]) scatter(w, k, cursors[k], tiles[k], n);
      i += n;
    }
  });
}

bool is_linear(const LoopPlan& plan, int k) {
  int64_t expected = 1;
  for (int d = 0; d < plan.ndim; ++d) {
    if (plan.sizes[d] != 1 && plan.strides[k][d] != expected) return false;
    expected *= plan.sizes[d];
  }
  return true;
}

// Division of integers by zero has no value: the kernels give 0, the caller is told.
void check_zero(const PointwiseCall& call, const KernelInfo& info) {
  if (info.check_zero < 0 || !is_integer(call.type)) return;
  const Operand& divisor = call.ins[info.check_zero];
  bool zero = false;
  if (!divisor.is_tensor()) {
    zero = divisor.scalar.to_int() == 0;
  } else {
    const Tensor& t = *divisor.tensor;
    LoopPlan plan(t.sizes());
    plan.add(t.sizes(), t.strides());
    plan.finish();
    LoopCursor cursor(plan, 0, 0);
    int64_t tile[kTileElements];
    for (int64_t left = plan.numel; left > 0 && !zero;) {
      int64_t n = std::min({left, cursor.row_left(), kTileElements});
      load_run(ComputeType::i64, tile, t.dtype(),
               t.impl()->data<char>() + cursor.offset() * static_cast<int64_t>(element_size(t.dtype())),
               cursor.row_stride(), n);
      for (int64_t i = 0; i < n; ++i) zero |= tile[i] == 0;
      cursor.advance(n);
      left -= n;
    }
  }
  if (zero) raise(ErrorKind::Value, "", "ZeroDivisionError");
}

}  // namespace

void run_pointwise(const PointwiseCall& call) {
  check_zero(call, kernel_info(call.kernel));
  Work w = make_work(call);
  const TensorImpl& out = *call.outs[0].impl();
  int n_operands = w.nout + w.nin;
  bool linear = true;
  for (int k = 0; k < n_operands && linear; ++k) {
    const Tensor* t = k < w.nout ? &call.outs[k] : call.ins[k - w.nout].tensor;
    if (t == nullptr) continue;
    const TensorImpl& impl = *t->impl();
    linear = w.direct[k] && impl.numel() == out.numel() &&
             ((impl.is_contiguous() && out.is_contiguous()) ||
              (impl.sizes() == out.sizes() && impl.strides() == out.strides() &&
               impl.is_non_overlapping_and_dense()));
  }
  if (linear) return run_linear(w, out.numel());
  LoopPlan plan(out.sizes());
  for (int k = 0; k < n_operands; ++k) {
    const Tensor* t = k < w.nout ? &call.outs[k] : call.ins[k - w.nout].tensor;
    if (t != nullptr)
      plan.add(t->sizes(), t->strides());
    else
      plan.add_scalar();
  }
  plan.finish();
  for (int k = 0; k < n_operands; ++k) w.linear[k] = w.constant[k] == nullptr && is_linear(plan, k);
  run_tiled(w, plan);
}

}  // namespace rustorch::cpu
