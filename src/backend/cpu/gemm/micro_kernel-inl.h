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
  T* copy = nullptr;        // where a copying tile packs its panel of B
  uintptr_t ahead = 0;      // address that a later tile will read from
  intptr_t ahead_step = 0;  // bytes from one line that is fetched to the next
  int ahead_lines = 0;  // lines fetched per four k: few, since they share buffers with the tile's own loads
};

// Fetches the lines that a tile has been given, some at each call (every four k).
template <class T>
class Fetcher {
 public:
  HWY_INLINE explicit Fetcher(const TileArgs<T>& t)
      : at_(t.ahead), step_(t.ahead_step), lines_(t.ahead_lines) {}
  HWY_INLINE void operator()() {
    for (int i = 0; i < lines_; ++i, at_ += step_)
      __builtin_prefetch(reinterpret_cast<const void*>(at_), 0, 2);
  }

 private:
  uintptr_t at_;
  intptr_t step_;
  int lines_;
};

// Fetches the rows of C that a tile writes at its end, one at each call: all at once would hold up the tile's
// own loads where C is far away.
template <class T, int MR, int NV>
class RowFetcher {
 public:
  HWY_INLINE explicit RowFetcher(const TileArgs<T>& t) : c_(t.c), ldc_(t.ldc) {
    for (; t.k < 4 * MR && rows_ > 0; --rows_, c_ += ldc_) fetch();  // too few calls to come
  }
  HWY_INLINE void operator()() {
    fetch();  // the last row again and again: cheaper than a branch
    c_ += --rows_ > 0 ? ldc_ : 0;
  }

 private:
  HWY_INLINE void fetch() const {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) prefetch_line(c_ + j * lanes_of<T>());
  }

  const T* c_;
  int64_t ldc_;
  int rows_ = MR;
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

template <int NV, class T>
HWY_INLINE void store_b_row(const Vec<T>* row, T* to) {
  const Tag<T> d;
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) hn::StoreU(row[j], d, to + j * lanes_of<T>());
}

// Any strides; any columns unless kWhole. kCopy: packs B on the way.
template <int MR, int NV, bool kWhole, bool kCopy, class T>
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
  T* copy = t.copy;
  const int64_t rs = t.rs, bs = t.bs;
  const auto mask = hn::FirstN(d, static_cast<size_t>(kWhole ? kLanes : t.n_left));
  const auto step = [&](const T* from, int shift) HWY_ATTR {
    Vec<T> bv[NV];
    load_b_row<NV, kWhole>(from, mask, bv);
    if constexpr (kCopy) store_b_row<NV>(bv, copy + shift * kNv * kLanes);
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
      Fetcher<T> fetch(t);
      for (; k >= 4; k -= 4) {
        fetch();
        step(b, 0);
        step(b + bs, 1);
        step(b + 2 * bs, 2);
        step(b + 3 * bs, 3);
        b += 4 * bs;
        if constexpr (kCopy) copy += 4 * kNv * kLanes;
#pragma GCC unroll 8
        for (int g = 0; g < kGroups; ++g) a[g] += 4;
      }
    }
  }
  for (const int64_t cs = t.cs; k > 0; --k) {
    step(b, 0);
    b += bs;
    if constexpr (kCopy) copy += kNv * kLanes;
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) a[g] += cs;
  }
  store_tile<MR, NV, kWhole>(t, acc);
}

// All rows on a packed panel of A. kCopy: B is read in place and packed on the way; otherwise it is packed.
template <int NV, bool kWhole, bool kCopy, class T>
HWY_NOINLINE void tile_packed(const TileArgs<T>& t) {
  const Tag<T> d;
  constexpr int MR = kMr, kLanes = lanes_of<T>();
  Vec<T> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
  }
  const T* HWY_RESTRICT a = t.a;
  const T* HWY_RESTRICT b = t.b;
  T* HWY_RESTRICT copy = t.copy;
  const int64_t bs = kCopy ? t.bs : kNv * kLanes;
  const auto mask = hn::FirstN(d, static_cast<size_t>(kWhole ? kLanes : t.n_left));
  const auto step = [&]() HWY_ATTR {
    Vec<T> bv[NV];
    load_b_row<NV, kWhole>(b, mask, bv);
    b += bs;
    if constexpr (kCopy) {
      store_b_row<NV>(bv, copy);
      copy += kNv * kLanes;
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
    a += kAStride;
  };
  Fetcher<T> fetch(t);
  RowFetcher<T, MR, NV> fetch_c(t);
  int64_t k = t.k;
  for (; k >= 4; k -= 4) {
    fetch();
    fetch_c();
    step();
    step();
    step();
    step();
  }
  for (; k > 0; --k) step();
  store_tile<MR, NV, kWhole>(t, acc);
}

template <class T>
using TileFn = void (*)(const TileArgs<T>&);

template <class T, int NV>
HWY_INLINE TileFn<T> tile_for_rows(int64_t rows) {
#define RT_ROWS(i) \
  case i:          \
    return tile<(i <= kMr ? i : 1), NV, false, false, T>;
  switch (rows) {
    RT_ROWS(2)
    RT_ROWS(3)
    RT_ROWS(4)
    RT_ROWS(5)
    RT_ROWS(6)
    RT_ROWS(7)
    RT_ROWS(8)
    RT_ROWS(9)
    RT_ROWS(10) RT_ROWS(11) RT_ROWS(12) RT_ROWS(13) RT_ROWS(14) default : return tile<1, NV, false, false, T>;
  }
#undef RT_ROWS
}

// The tile for all rows and `cols` columns.
template <bool kCopy, class T>
HWY_INLINE TileFn<T> full_tile(bool a_packed, bool b_packed, int cols) {
  constexpr int kLanes = lanes_of<T>();
  if (a_packed && (b_packed || kCopy)) {
    return cols == kNv * kLanes ? tile_packed<2, true, kCopy, T>
           : cols > kLanes      ? tile_packed<2, false, kCopy, T>
                                : tile_packed<1, false, kCopy, T>;
  }
  return cols == kNv * kLanes ? tile<kMr, 2, true, kCopy, T>
         : cols > kLanes      ? tile<kMr, 2, false, kCopy, T>
                              : tile<kMr, 1, false, kCopy, T>;
}

// What the tiles of a block fetch while they run: the panel of B that follows, evenly spread over the tiles,
// then what the caller says is read next.
template <class T>
class ReadAhead {
 public:
  ReadAhead(const BlockArgs<T>& g, bool copy_b)
      : g_(g),
        first_(copy_b ? 1 : 0),  // the copying tile has its own misses
        b_packed_(!copy_b && g.b_ks == kNr),
        b_lines_(lines_for(g.m / kMr - first_)),
        b_tiles_(copy_b || (g.a_packed && b_packed_) ? kRowLines * 4 / b_lines_ : 0),
        at_(static_cast<const char*>(g.next[0])),
        left_(g.next_bytes[0]) {}

  /// For tile number `tile` of the panel of B after which `next_b` follows (in place or packed).
  HWY_INLINE void aim(TileArgs<T>& t, int64_t tile, const T* next_b) {
    const int64_t part = tile - first_;
    if (part >= 0 && part < b_tiles_) {
      t.ahead_lines = b_lines_;
      const int64_t line = part * b_lines_ * (g_.k / 4);  // of kRowLines * k
      if (b_packed_) {
        t.ahead = reinterpret_cast<uintptr_t>(next_b) + static_cast<uintptr_t>(64 * line);
        t.ahead_step = 64;
      } else {  // down the rows, one line wide
        const int64_t pass = part * b_lines_ / 4, row = line - pass * (g_.k / 4) * 4;
        t.ahead = reinterpret_cast<uintptr_t>(next_b + row * g_.b_ks) + static_cast<uintptr_t>(64 * pass);
        t.ahead_step = g_.b_ks * static_cast<intptr_t>(sizeof(T));
      }
    } else {
      aim_at_next(t);
    }
  }

 private:
  static constexpr int kNr = kNv * lanes_of<T>();
  static constexpr int kRowLines = kNr * static_cast<int>(sizeof(T)) > 64
                                       ? kNr* static_cast<int>(sizeof(T)) / 64
                                       : 1;

  // Lines per four k with which `tiles` tiles can fetch a panel: 1, 2 or 4.
  static int lines_for(int64_t tiles) { return tiles >= kRowLines * 4 ? 1 : tiles >= kRowLines * 2 ? 2 : 4; }

  HWY_INLINE void aim_at_next(TileArgs<T>& t) {
    t.ahead_lines = 0;
    if (left_ <= 0) return;
    t.ahead_lines = g_.a_packed ? 2 : 4;
    t.ahead = reinterpret_cast<uintptr_t>(at_);
    t.ahead_step = 64;
    const int64_t bytes = g_.k / 4 * t.ahead_lines * 64;
    at_ += bytes;
    left_ -= bytes;
    if (left_ <= 0 && !second_) {
      second_ = true;
      at_ = static_cast<const char*>(g_.next[1]);
      left_ = g_.next_bytes[1];
    }
  }

  const BlockArgs<T>& g_;
  const int64_t first_;
  const bool b_packed_;
  const int b_lines_;
  const int64_t b_tiles_;
  const char* at_;
  int64_t left_;
  bool second_ = false;
};

template <class T>
void block(const BlockArgs<T>& g) {
  constexpr int kLanes = lanes_of<T>(), kNr = kNv * kLanes;
  const bool post = g.last && (g.bias != nullptr || g.act != Activation::None);
  const bool copy_b = g.b_copy != nullptr && g.m > kMr;
  const bool b_packed = copy_b || g.b_ks == kNr;
  // The rows after the whole tiles; a few rows alone cannot hide the latency of their sums and share with the
  // tile before them, where that is not packed apart.
  const int64_t rest = g.m % kMr;
  const bool share = !g.a_packed && rest > 0 && rest < 4 && g.m > 2 * kMr;
  const int64_t whole = g.m - (share ? kMr : 0), last_rows = share ? (kMr + rest + 1) / 2 : kMr;
  ReadAhead<T> ahead(g, copy_b);
  const T* const after = g.b_after != nullptr ? g.b_after : g.b;
  for (int64_t j = 0, pj = 0; j < g.n; j += kNr, ++pj) {
    const int cols = static_cast<int>(g.n - j < kNr ? g.n - j : kNr);
    const bool two = cols > kLanes;
    const T* b = g.b + pj * g.b_panel;
    TileArgs<T> t{
        g.k, g.a, g.a_rs, g.a_cs, b, g.b_ks, g.alpha, g.beta, g.c + j, g.ldc, two ? cols - kLanes : cols};
    const TileFn<T> full = full_tile<false, T>(g.a_packed, b_packed, cols);
    int64_t i = 0;
    for (int64_t tile = 0; i + kMr <= whole; i += kMr, ++tile) {
      ahead.aim(t, tile, j + kNr < g.n ? b + g.b_panel : after);
      if (copy_b && tile == 0) {
        t.copy = g.b_copy + pj * g.b_copy_panel;
        full_tile<true, T>(g.a_packed, false, cols)(t);
        t.b = t.copy;
        t.bs = kNr;
      } else {
        full(t);
      }
      t.a += g.a_panel;
      t.c += kMr * g.ldc;
    }
    while (i < g.m) {
      const int64_t rows = std::min<int64_t>(last_rows, g.m - i);
      (two ? tile_for_rows<T, 2>(rows) : tile_for_rows<T, 1>(rows))(t);
      i += rows;
      t.a += rows * g.a_rs;
      t.c += rows * g.ldc;
    }
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
