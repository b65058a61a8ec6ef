// Register-tile kernels of the matrix product, packing, and the walk over a block. Included once per
// instruction set.
//
// A tile is MR rows by NV vectors. Every element has one accumulator that runs over k in ascending order, so
// that its value is the same in whatever tile it falls. Partial columns use masked loads and stores on
// AVX-512 and a small buffer elsewhere (B is then always packed, hence padded). Note the `bs`/`rs`/`cs`
// strides: the same kernels read packed panels and matrices in place.
#if defined(RT_GEMM_MICRO_KERNEL_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_GEMM_MICRO_KERNEL_INL
#undef RT_GEMM_MICRO_KERNEL_INL
#else
#define RT_GEMM_MICRO_KERNEL_INL
#endif

#include "backend/cpu/gemm/epilogue-inl.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "backend/cpu/gemm/transpose-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
template <class T>
using Tag = hn::CappedTag<T, 1>;
#else
template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;
#endif
template <class T>
using Vec = hn::Vec<Tag<T>>;

// 32 vector registers hold 14 x 2 accumulators, 16 hold 6 x 2.
constexpr bool kManyRegisters = kMaskedTiles || HWY_ARCH_ARM;
constexpr int kMr = kManyRegisters ? 14 : 6;
constexpr int kNv = 2;
constexpr int kAStride = kManyRegisters ? 16 : 8;

template <class T>
constexpr int lanes_of() {
  return static_cast<int>(hn::MaxLanes(Tag<T>()));
}

HWY_INLINE void prefetch_line(const void* p) {
#if HWY_COMPILER_GCC || HWY_COMPILER_CLANG
  __builtin_prefetch(p, 1, 3);
#else
  (void)p;
#endif
}

// What one tile needs. n_left counts the columns of the last vector (1..lanes).
template <class T>
struct TileArgs {
  int64_t k;
  const T* a;
  int64_t rs, cs;
  const T* b;
  int64_t bs;
  T alpha, beta;
  T* c;
  int64_t ldc;
  int n_left;
  uintptr_t ahead = 0;      // address a later tile will read from, at the pace of a panel of A
  intptr_t ahead_step = 0;  // bytes per k in tile(); 64 or 0
};

// One row of B; `mask` selects the columns of the last vector unless the tile is whole. The mask is made
// once per tile: moving one into a mask register takes a port of the arithmetic.
template <int NV, bool kWhole, class T, class M>
HWY_INLINE void load_b_row(const T* b, M mask, Vec<T>* out) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
#pragma GCC unroll 4
  for (int j = 0; j < NV - 1; ++j) out[j] = hn::LoadU(d, b + j * kLanes);
  if constexpr (kMaskedTiles && !kWhole) {
    out[NV - 1] = hn::MaskedLoad(mask, d, b + (NV - 1) * kLanes);
  } else {
    (void)mask;
    out[NV - 1] = hn::LoadU(d, b + (NV - 1) * kLanes);
  }
}

template <int MR, int NV, bool kWhole, class T>
HWY_INLINE void store_tile(const TileArgs<T>& t, const Vec<T> (&acc)[MR][NV]) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  const auto alpha = hn::Set(d, t.alpha);
  const auto beta = hn::Set(d, t.beta);
  const bool read_c = t.beta != T(0);
  if constexpr (kWhole || kMaskedTiles) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(kWhole ? kLanes : t.n_left));
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) {
        T* p = t.c + i * t.ldc + j * kLanes;
        auto v = hn::Mul(alpha, acc[i][j]);
        if (kWhole || j < NV - 1) {
          if (read_c) v = hn::MulAdd(beta, hn::LoadU(d, p), v);
          hn::StoreU(v, d, p);
        } else {
          if (read_c) v = hn::MulAdd(beta, hn::MaskedLoad(mask, d, p), v);
          hn::BlendedStore(v, mask, d, p);
        }
      }
    }
  } else {
    HWY_ALIGN T row[NV * kLanes];
    const int cols = (NV - 1) * kLanes + t.n_left;
    for (int i = 0; i < MR; ++i) {
      T* p = t.c + i * t.ldc;
      if (read_c) {
        for (int j = 0; j < NV * kLanes; ++j) row[j] = j < cols ? p[j] : T(0);
      }
      for (int j = 0; j < NV; ++j) {
        auto v = hn::Mul(alpha, acc[i][j]);
        if (read_c) v = hn::MulAdd(beta, hn::Load(d, row + j * kLanes), v);
        hn::Store(v, d, row + j * kLanes);
      }
      for (int j = 0; j < cols; ++j) p[j] = row[j];
    }
  }
}

// Any strides; any columns unless kWhole.
template <int MR, int NV, bool kWhole, class T>
HWY_NOINLINE void tile(const TileArgs<T>& t) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  Vec<T> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      acc[i][j] = hn::Zero(d);
      prefetch_line(t.c + i * t.ldc + j * kLanes);
    }
  }
  constexpr int kGroups = (MR + 2) / 3;  // one pointer per three rows keeps the addresses in registers
  const T* a[kGroups];
#pragma GCC unroll 8
  for (int g = 0; g < kGroups; ++g) a[g] = t.a + 3 * g * t.rs;
  const T* b = t.b;
  const int64_t rs = t.rs, bs = t.bs;
  const auto mask = hn::FirstN(d, static_cast<size_t>(kWhole ? kLanes : t.n_left));
  const auto step = [&](const T* from, int shift) HWY_ATTR {
    Vec<T> bv[NV];
    load_b_row<NV, kWhole>(from, mask, bv);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, a[i / 3][(i % 3) * rs + shift]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
  };
  int64_t k = t.k;
  if constexpr (MR == kMr) {
    if (t.cs == 1) {  // rows in place: steps of four, for fewer additions to pointers beside the arithmetic
      uintptr_t ahead = t.ahead;
      const intptr_t ahead_step = t.ahead_step;
      for (; k >= 4; k -= 4) {
        for (int i = 0; i < 4; ++i)
          __builtin_prefetch(reinterpret_cast<const void*>(ahead + i * ahead_step), 0, 2);
        ahead += 4 * ahead_step;
        step(b, 0);
        step(b + bs, 1);
        step(b + 2 * bs, 2);
        step(b + 3 * bs, 3);
        b += 4 * bs;
#pragma GCC unroll 8
        for (int g = 0; g < kGroups; ++g) a[g] += 4;
      }
    }
  }
  for (const int64_t cs = t.cs; k > 0; --k) {
    step(b, 0);
    b += bs;
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) a[g] += cs;
  }
  store_tile<MR, NV, kWhole>(t, acc);
}

// The full tile on packed panels: constant strides.
template <class T>
HWY_NOINLINE void tile_packed(const TileArgs<T>& t) {
  const Tag<T> d;
  constexpr int MR = kMr, NV = kNv, kLanes = lanes_of<T>();
  constexpr int kStep = kAStride * static_cast<int>(sizeof(T));
  Vec<T> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
    prefetch_line(t.c + i * t.ldc);
    prefetch_line(t.c + i * t.ldc + kLanes);
  }
  const T* HWY_RESTRICT a = t.a;
  const T* HWY_RESTRICT b = t.b;
  uintptr_t ahead = t.ahead;
#pragma GCC unroll 2
  for (int64_t k = t.k; k > 0; --k) {
    __builtin_prefetch(reinterpret_cast<const void*>(ahead), 0, 2);
    if constexpr (kStep > 64) __builtin_prefetch(reinterpret_cast<const void*>(ahead + 64), 0, 2);
    ahead += kStep;
    Vec<T> bv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) bv[j] = hn::LoadU(d, b + j * kLanes);
    b += NV * kLanes;
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
    a += kAStride;
  }
  store_tile<MR, NV, true>(t, acc);
}

template <class T>
using TileFn = void (*)(const TileArgs<T>&);

template <class T, int NV>
HWY_INLINE TileFn<T> tile_for_rows(int64_t rows) {
#define RT_ROWS(i) \
  case i:          \
    return tile<(i <= kMr ? i : 1), NV, false, T>;
  switch (rows) {
    RT_ROWS(2)
    RT_ROWS(3)
    RT_ROWS(4)
    RT_ROWS(5)
    RT_ROWS(6)
    RT_ROWS(7)
    RT_ROWS(8)
    RT_ROWS(9)
    RT_ROWS(10) RT_ROWS(11) RT_ROWS(12) RT_ROWS(13) RT_ROWS(14) default : return tile<1, NV, false, T>;
  }
#undef RT_ROWS
}

template <class T>
void block(const BlockArgs<T>& g) {
  constexpr int kLanes = lanes_of<T>(), kNr = kNv * kLanes;
  const bool post = g.last && (g.bias != nullptr || g.act != Activation::None);
  const bool b_packed = g.b_ks == kNr;
  int next_index = 0;
  const char* next_at = static_cast<const char*>(g.next[0]);
  int64_t next_bytes = g.next_bytes[0];
  for (int64_t j = 0, pj = 0; j < g.n; j += kNr, ++pj) {
    const int cols = static_cast<int>(g.n - j < kNr ? g.n - j : kNr);
    const bool two = cols > kLanes;
    TileArgs<T> t{g.k,     g.a,    g.a_rs,  g.a_cs, g.b + pj * g.b_panel,      g.b_ks,
                  g.alpha, g.beta, g.c + j, g.ldc,  two ? cols - kLanes : cols};
    const TileFn<T> full = g.a_packed && b_packed && cols == kNr ? tile_packed<T>
                           : cols == kNr                         ? tile<kMr, 2, true, T>
                           : two                                 ? tile<kMr, 2, false, T>
                                                                 : tile<kMr, 1, false, T>;
    int64_t i = 0;
    for (; i + kMr <= g.m; i += kMr) {
      if (!g.a_packed) {  // what the next product reads, a line per k
        t.ahead = reinterpret_cast<uintptr_t>(next_bytes > 0 ? next_at : reinterpret_cast<const char*>(t.a));
        t.ahead_step = next_bytes > 0 ? 64 : 0;
        next_at += g.k * 64;
        next_bytes -= g.k * 64;
        if (next_bytes <= 0 && next_index == 0) {
          next_index = 1;
          next_at = static_cast<const char*>(g.next[1]);
          next_bytes = g.next_bytes[1];
        }
        full(t);
        t.a += g.a_panel;
        t.c += kMr * g.ldc;
        continue;
      }
      // The first tiles fetch the next panel of B, the others the next panel of A.
      constexpr int64_t kTilesForB = (kNr + kAStride - 1) / kAStride;
      const T* next =
          i < kTilesForB * kMr ? g.b + (pj + 1) * g.b_panel + i / kMr * g.k * kAStride : t.a + g.a_panel;
      t.ahead = reinterpret_cast<uintptr_t>(next);
      full(t);
      t.a += g.a_panel;
      t.c += kMr * g.ldc;
    }
    if (i < g.m) (two ? tile_for_rows<T, 2>(g.m - i) : tile_for_rows<T, 1>(g.m - i))(t);
    if (post) {
      const T* bias = g.bias == nullptr ? nullptr : (g.bias_rows ? g.bias : g.bias + j);
      epilogue(g.c + j, g.ldc, g.m, cols, bias, g.bias_rows, g.act);
    }
  }
}

// dst[k * ds + i] = src[k * ld + i] for i < cols, zero up to `lanes`.
template <class T>
void copy_panel(T* dst, int64_t ds, int lanes, const T* src, int64_t ld, int cols, int64_t rows) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  if (cols == lanes && lanes % kLanes == 0) {
    for (int64_t k = 0; k < rows; ++k, src += ld, dst += ds) {
      for (int i = 0; i < lanes; i += kLanes) {
        __builtin_prefetch(src + 8 * ld + i);  // the next run of rows
        hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
      }
    }
    return;
  }
  for (int64_t k = 0; k < rows; ++k, src += ld, dst += ds) {
    int i = 0;
    if constexpr (kMaskedTiles) {
      for (; i < lanes; i += kLanes) {
        const int left = cols - i < 0 ? 0 : cols - i;
        hn::StoreU(hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(left)), d, src + i), d, dst + i);
      }
    } else {
      for (; i < cols; ++i) dst[i] = src[i];
      for (; i < lanes; ++i) dst[i] = T(0);
    }
  }
}

template <class T>
void pack_a(T* dst, int64_t panel, const T* a, int64_t rs, int64_t cs, int64_t m, int64_t k) {
  for (int64_t i = 0; i < m; i += kMr, dst += panel) {
    // Lanes beyond the panel may hold the next rows: no tile reads them, and whole vectors are faster.
    const int rows = static_cast<int>(m - i < kAStride ? m - i : kAStride);
    if (cs == 1) {
      transpose_panel(dst, kAStride, kAStride, a + i * rs, rs, rows, k);
    } else {
      copy_panel(dst, kAStride, kAStride, a + i, cs, rows, k);
    }
  }
}

template <class T>
void pack_b(T* dst, int64_t panel, const T* b, int64_t ks, int64_t ns, int64_t k, int64_t n) {
  constexpr int kNr = kNv * lanes_of<T>();
  if (ns == 1) {
    // A few rows at a time over all panels: long runs per page, which is kinder to the TLB than panel after
    // panel.
    for (int64_t k0 = 0; k0 < k; k0 += 8) {
      const int64_t kc = k - k0 < 8 ? k - k0 : 8;
      for (int64_t j = 0, p = 0; j < n; j += kNr, ++p) {
        const int cols = static_cast<int>(n - j < kNr ? n - j : kNr);
        copy_panel(dst + p * panel + k0 * kNr, kNr, kNr, b + k0 * ks + j, ks, cols, kc);
      }
    }
    return;
  }
  for (int64_t j = 0; j < n; j += kNr, dst += panel) {
    const int cols = static_cast<int>(n - j < kNr ? n - j : kNr);
    transpose_panel(dst, kNr, kNr, b + j * ns, ns, cols, k);
  }
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
