// Register-tile kernels of the convolution. Included once per instruction set.
//
// They are the tiles of gemm/micro_kernel-inl.h with another way to find an operand: B rows at arbitrary
// offsets (shift_tile) or A rows at arbitrary offsets (run_tile). Every element has one accumulator over
// ascending k.
#if defined(RT_CONV_KERNELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_CONV_KERNELS_INL
#undef RT_CONV_KERNELS_INL
#else
#define RT_CONV_KERNELS_INL
#endif

#include "backend/cpu/conv/conv_kernels.h"
#include "backend/cpu/gemm/micro_kernel-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <int MR, int NV, class T>
HWY_INLINE void add_tile(const Vec<T> (&acc)[MR][NV], T* c, int64_t ldc, bool accumulate) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      T* p = c + i * ldc + j * kLanes;
      hn::StoreU(accumulate ? hn::Add(hn::LoadU(d, p), acc[i][j]) : acc[i][j], d, p);
    }
  }
}

// `next`: the panel of A that the tile after this one reads; it is fetched at the pace of this one's.
template <int MR, int NV, class T>
HWY_NOINLINE void shift_tile(const ShiftArgs<T>& t, const T* next) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  Vec<T> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
  }
  const T* a = t.a;
  const int64_t* shift = t.shift;
  const int64_t* const end = shift + t.k;
  const uintptr_t ahead = reinterpret_cast<uintptr_t>(next) - reinterpret_cast<uintptr_t>(a);
#pragma GCC unroll 2
  for (; shift != end; ++shift) {
    __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(a) + ahead), 0, 2);
    const T* b = t.src + *shift;
    Vec<T> bv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) bv[j] = hn::LoadU(d, b + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
    }
    a += kAStride;
  }
  add_tile<MR, NV>(acc, t.c, t.ldc, t.accumulate);
}

// One tile of run_block.
template <class T>
struct RunTile {
  const RunArgs<T>* g;
  const int64_t* row;
  const T* b;
  T* c;
};

template <int MR, int NV, class T>
HWY_NOINLINE void run_tile(const RunTile<T>& t) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>(), kNr = kNv * kLanes;
  const RunArgs<T>& g = *t.g;
  Vec<T> acc[MR][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = hn::Zero(d);
  }
  const T* b = t.b;
  for (int64_t r = 0; r < g.runs; ++r) {
    const T* src = g.src + g.start[r];
    const T* p[MR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) p[i] = src + t.row[i];
    const int64_t length = g.run_length;
#pragma GCC unroll 4
    for (int64_t q = 0; q < length; ++q) {
      Vec<T> bv[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) bv[j] = hn::LoadU(d, b + j * kLanes);
      b += kNr;
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const auto av = hn::Set(d, p[i][q]);
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) acc[i][j] = hn::MulAdd(av, bv[j], acc[i][j]);
      }
    }
  }
  add_tile<MR, NV>(acc, t.c, g.ldc, true);
}

#define RT_ROWS(tile, i) \
  case i:                \
    return tile<(i <= kMr ? i : 1), NV, T>;
// clang-format off
#define RT_ALL_ROWS(tile) \
  RT_ROWS(tile, 2) RT_ROWS(tile, 3) RT_ROWS(tile, 4) RT_ROWS(tile, 5) RT_ROWS(tile, 6) \
  RT_ROWS(tile, 7) RT_ROWS(tile, 8) RT_ROWS(tile, 9) RT_ROWS(tile, 10) RT_ROWS(tile, 11) \
  RT_ROWS(tile, 12) RT_ROWS(tile, 13) RT_ROWS(tile, 14) default: return tile<1, NV, T>;
// clang-format on

template <class T, int NV>
HWY_INLINE void (*shift_tile_for(int64_t rows))(const ShiftArgs<T>&, const T*) {
  switch (rows) { RT_ALL_ROWS(shift_tile) }
}
template <class T, int NV>
HWY_INLINE void (*run_tile_for(int64_t rows))(const RunTile<T>&) {
  switch (rows) { RT_ALL_ROWS(run_tile) }
}
#undef RT_ALL_ROWS
#undef RT_ROWS

// With few rows three vectors of columns make better use of each load of A; 8 x 3 accumulators fit 32
// registers.
constexpr int kWideRows = 8;
template <class T>
HWY_INLINE void (*wide_shift_tile_for(int64_t rows))(const ShiftArgs<T>&, const T*) {
  switch (rows) {
    case 2:
      return shift_tile<2, 3, T>;
    case 3:
      return shift_tile<3, 3, T>;
    case 4:
      return shift_tile<4, 3, T>;
    case 5:
      return shift_tile<5, 3, T>;
    case 6:
      return shift_tile<6, 3, T>;
    case 7:
      return shift_tile<7, 3, T>;
    case 8:
      return shift_tile<8, 3, T>;
    default:
      return shift_tile<1, 3, T>;
  }
}

template <class T>
void shift_block(const ShiftArgs<T>& g) {
  constexpr int kLanes = lanes_of<T>();
  const bool wide = kManyRegisters && g.mr <= kWideRows;
  for (int64_t j = 0; j < g.n;) {
    const int64_t vectors = (g.n - j + kLanes - 1) / kLanes;
    const int64_t used = vectors == 1 ? 1 : (wide && (vectors == 3 || vectors > 4) ? 3 : 2);
    const auto pick = [&](int64_t rows) HWY_ATTR {
      return used == 3   ? wide_shift_tile_for<T>(rows)
             : used == 2 ? shift_tile_for<T, 2>(rows)
                         : shift_tile_for<T, 1>(rows);
    };
    ShiftArgs<T> t = g;
    t.src += j;
    t.c += j;
    const auto full = pick(g.mr);
    int64_t i = 0;
    for (; i + g.mr <= g.m; i += g.mr) {
      const T* next = t.a + g.k * kAStride;
      full(t, i + g.mr < g.m ? next : g.a);
      t.a = next;
      t.c += g.mr * g.ldc;
    }
    if (i < g.m) pick(g.m - i)(t, g.a);
    j += used * kLanes;
  }
}

template <class T>
void run_block(const RunArgs<T>& g) {
  constexpr int kLanes = lanes_of<T>(), kNr = kNv * kLanes;
  // Rows are spread evenly: two tiles of 8 beat one of 14 and one of 2.
  const int64_t tiles = (g.m + kMr - 1) / kMr;
  for (int64_t j = 0, pj = 0; j < g.n; j += kNr, ++pj) {
    const bool two = g.n - j > kLanes;
    int64_t i = 0;
    for (int64_t q = 0; q < tiles; ++q) {
      const int64_t rows = (g.m - i + tiles - q - 1) / (tiles - q);
      const RunTile<T> t{&g, g.row + i, g.b + pj * g.b_panel, g.c + i * g.ldc + j};
      (two ? run_tile_for<T, 2>(rows) : run_tile_for<T, 1>(rows))(t);
      i += rows;
    }
  }
}

// The lanes of a vector of gathered columns fall into runs that are contiguous in the source. Each run is one
// masked load; the lanes of the others are zero, so that the runs combine by or.
template <class T>
struct Run {
  hn::Mask<Tag<T>> mask;
  int64_t offset;
};

template <class T>
HWY_INLINE int find_runs(const int64_t* column, int first, int cols, Run<T>* runs) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  int count = 0;
  const int end = cols - first < kLanes ? cols - first : kLanes;
  for (int i = 0; i < end;) {
    int stop = i + 1;
    while (stop < end && column[first + stop] == column[first + i] + (stop - i)) ++stop;
    const auto before = hn::FirstN(d, static_cast<size_t>(i)),
               until = hn::FirstN(d, static_cast<size_t>(stop));
    runs[count++] = Run<T>{hn::AndNot(before, until), column[first + i] - i};
    i = stop;
  }
  return count;
}

// One vector of a gathered panel over all k. COUNT runs, or any number when it is 0.
template <int COUNT, class T>
HWY_INLINE void gather_vector(T* to, const T* src, const int64_t* shift, int64_t k, const Run<T>* from,
                              int count) {
  constexpr int kNr = kNv * lanes_of<T>(), kMost = COUNT > 0 ? COUNT : lanes_of<T>();
  const Tag<T> d;
  Run<T> runs[kMost];
  for (int i = 0; i < (COUNT > 0 ? COUNT : count); ++i) runs[i] = from[i];
#pragma GCC unroll 2
  for (int64_t q = 0; q < k; ++q, to += kNr) {
    const T* p = src + shift[q];
    auto value = hn::MaskedLoad(runs[0].mask, d, p + runs[0].offset);
#pragma GCC unroll 4
    for (int i = 1; i < (COUNT > 0 ? COUNT : count); ++i)
      value = hn::Or(value, hn::MaskedLoad(runs[i].mask, d, p + runs[i].offset));
    hn::StoreU(value, d, to);
  }
}

template <class T>
void gather_panel(T* dst, const T* src, const int64_t* shift, int64_t k, const int64_t* column, int cols) {
  constexpr int kLanes = lanes_of<T>(), kNr = kNv * kLanes;
  const Tag<T> d;
  if constexpr (kMaskedTiles) {
    for (int v = 0; v < kNv; ++v) {
      Run<T> runs[kLanes];
      const int count = find_runs(column, v * kLanes, cols, runs);
      T* to = dst + v * kLanes;
      switch (count) {
        case 0:
          for (int64_t q = 0; q < k; ++q, to += kNr) hn::StoreU(hn::Zero(d), d, to);
          break;
        case 1:
          gather_vector<1>(to, src, shift, k, runs, count);
          break;
        case 2:
          gather_vector<2>(to, src, shift, k, runs, count);
          break;
        case 3:
          gather_vector<3>(to, src, shift, k, runs, count);
          break;
        default:
          gather_vector<0>(to, src, shift, k, runs, count);
      }
    }
  } else {
    for (int64_t q = 0; q < k; ++q, dst += kNr) {
      const T* p = src + shift[q];
      for (int j = 0; j < cols; ++j) dst[j] = p[column[j]];
      for (int j = cols; j < kNr; ++j) dst[j] = T(0);
    }
  }
}

template <int NV, class T>
HWY_INLINE void depthwise_strip(T* out, const T* src, const T* w, const int64_t* shift, int64_t taps) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  Vec<T> acc[NV];
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) acc[j] = hn::Zero(d);
  for (int64_t t = 0; t < taps; ++t) {
    const auto wv = hn::Set(d, w[t]);
    const T* p = src + shift[t];
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) acc[j] = hn::MulAdd(wv, hn::LoadU(d, p + j * kLanes), acc[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) hn::StoreU(acc[j], d, out + j * kLanes);
}

template <class T>
void depthwise(T* out, const T* src, const T* w, const int64_t* shift, int64_t taps, int64_t n) {
  constexpr int kLanes = lanes_of<T>();
  int64_t q = 0;
  for (; q + 7 * kLanes < n; q += 8 * kLanes) depthwise_strip<8>(out + q, src + q, w, shift, taps);
  for (; q < n; q += kLanes) depthwise_strip<1>(out + q, src + q, w, shift, taps);
}

template <int TAPS, class T>
HWY_INLINE void depthwise_weight_taps(T* sum, const T* grad, const T* src, const int64_t* shift,
                                      const int64_t* start, int64_t runs, int64_t length) {
  const Tag<T> d;
  constexpr int kLanes = lanes_of<T>();
  Vec<T> acc[TAPS];
  T tail[TAPS] = {};
#pragma GCC unroll 8
  for (int t = 0; t < TAPS; ++t) acc[t] = hn::Zero(d);
  for (int64_t r = 0; r < runs; ++r, grad += length) {
    const T* p = src + start[r];
    int64_t q = 0;
    for (; q + kLanes <= length; q += kLanes) {
      const auto g = hn::LoadU(d, grad + q);
#pragma GCC unroll 8
      for (int t = 0; t < TAPS; ++t) acc[t] = hn::MulAdd(g, hn::LoadU(d, p + shift[t] + q), acc[t]);
    }
    if constexpr (kMaskedTiles) {
      if (q < length) {
        const auto mask = hn::FirstN(d, static_cast<size_t>(length - q));
        const auto g = hn::MaskedLoad(mask, d, grad + q);
#pragma GCC unroll 8
        for (int t = 0; t < TAPS; ++t)
          acc[t] = hn::MulAdd(g, hn::MaskedLoad(mask, d, p + shift[t] + q), acc[t]);
      }
    } else {
      for (; q < length; ++q) {
        for (int t = 0; t < TAPS; ++t) tail[t] += grad[q] * p[shift[t] + q];
      }
    }
  }
  for (int t = 0; t < TAPS; ++t) sum[t] = hn::GetLane(hn::SumOfLanes(d, acc[t])) + tail[t];
}

template <class T>
void depthwise_weight(T* sum, const T* grad, const T* src, const int64_t* shift, int64_t taps,
                      const int64_t* start, int64_t runs, int64_t length) {
  int64_t t = 0;
  for (; t + 5 <= taps; t += 5) depthwise_weight_taps<5>(sum + t, grad, src, shift + t, start, runs, length);
  for (; t + 2 <= taps; t += 2) depthwise_weight_taps<2>(sum + t, grad, src, shift + t, start, runs, length);
  for (; t < taps; ++t) depthwise_weight_taps<1>(sum + t, grad, src, shift + t, start, runs, length);
}

// ---- channels read in place

// Where one vector of outputs at column x reads for every tap along x, and which lanes lie inside the source.
template <int TX, class T>
struct TapColumns {
  static constexpr int kMost = TX > 0 ? TX : kDepthwiseTaps;
  hn::Mask<Tag<T>> inside[kMost];
  int64_t at[kMost];

  HWY_INLINE TapColumns(const DepthwiseArgs<T>& g, int64_t x, int taps) {
    const Tag<T> d;
    constexpr int64_t kLanes = lanes_of<T>();
    for (int j = 0; j < taps; ++j) {
      at[j] = x + g.left + j * g.across;
      const int64_t low = at[j] < 0 ? (at[j] < -kLanes ? kLanes : -at[j]) : 0;
      const int64_t left = g.width - at[j];
      const int64_t high = left < 0 ? 0 : (left < kLanes ? left : kLanes);
      inside[j] =
          hn::AndNot(hn::FirstN(d, static_cast<size_t>(low)), hn::FirstN(d, static_cast<size_t>(high)));
    }
  }
};

template <class T>
HWY_INLINE Vec<T> load_inside(const hn::Mask<Tag<T>>& mask, const T* row, int64_t at) {
  const Tag<T> d;
  if constexpr (kMaskedTiles) {
    return hn::MaskedLoad(mask, d, row + at);
  } else {  // not called
    (void)mask, (void)row, (void)at;
    return hn::Zero(d);
  }
}

template <int TX, class T>
HWY_INLINE void depthwise_columns(const DepthwiseArgs<T>& g, const T* w, int64_t x) {
  const Tag<T> d;
  constexpr int64_t kLanes = lanes_of<T>();
  const int taps = TX > 0 ? TX : g.taps_x;
  const TapColumns<TX, T> columns(g, x, taps);
  const int64_t count = g.out_width - x < kLanes ? g.out_width - x : kLanes;
  const auto written = hn::FirstN(d, static_cast<size_t>(count));
  for (int64_t y = 0; y < g.out_height; ++y) {
    auto acc = hn::Zero(d);
    int64_t at = y + g.top;
    const T* weight = w;
    for (int i = 0; i < g.taps_y; ++i, at += g.down, weight += taps) {
      if (at < 0 || at >= g.height) continue;
      const T* row = g.src + at * g.width;
#pragma GCC unroll 8
      for (int j = 0; j < taps; ++j)
        acc = hn::MulAdd(hn::Set(d, weight[j]), load_inside<T>(columns.inside[j], row, columns.at[j]), acc);
    }
    hn::BlendedStore(acc, written, d, g.out + y * g.out_width + x);
  }
}

// The same for 3 x 3 taps of neighbouring rows: a row of the source is read once for the three rows of
// outputs that it reaches. Every output adds its taps in the same order as above.
template <class T>
HWY_INLINE void depthwise_columns_3x3(const DepthwiseArgs<T>& g, const T* w, int64_t x) {
  const Tag<T> d;
  const TapColumns<3, T> columns(g, x, 3);
  const int64_t count = g.out_width - x < lanes_of<T>() ? g.out_width - x : lanes_of<T>();
  const auto written = hn::FirstN(d, static_cast<size_t>(count));
  Vec<T> weight[9];
#pragma GCC unroll 9
  for (int t = 0; t < 9; ++t) weight[t] = hn::Set(d, w[t]);
  auto first = hn::Zero(d),
       second = hn::Zero(d);  // of the next two rows of outputs, as far as they are known
  for (int64_t y = -2; y < g.out_height; ++y) {
    const int64_t at = y + 2 + g.top;
    auto third = hn::Zero(d);
    if (at >= 0 && at < g.height) {
      const T* row = g.src + at * g.width;
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const auto v = load_inside<T>(columns.inside[j], row, columns.at[j]);
        first = hn::MulAdd(weight[6 + j], v, first);
        second = hn::MulAdd(weight[3 + j], v, second);
        third = hn::MulAdd(weight[j], v, third);
      }
    }
    if (y >= 0) hn::BlendedStore(first, written, d, g.out + y * g.out_width + x);
    first = second;
    second = third;
  }
}

template <class T>
void depthwise_plane(const DepthwiseArgs<T>& g, const T* w) {
  const bool square = g.taps_x == 3 && g.taps_y == 3 && g.down == 1;
  for (int64_t x = 0; x < g.out_width; x += lanes_of<T>())
    square          ? depthwise_columns_3x3(g, w, x)
    : g.taps_x == 3 ? depthwise_columns<3>(g, w, x)
                    : depthwise_columns<0>(g, w, x);
}

template <class T>
void depthwise_plane_weight(const DepthwiseArgs<T>& g, T* sum) {
  const Tag<T> d;
  constexpr int64_t kLanes = lanes_of<T>();
  Vec<T> acc[9];
#pragma GCC unroll 9
  for (int t = 0; t < 9; ++t) acc[t] = hn::Zero(d);
  for (int64_t x = 0; x < g.out_width; x += kLanes) {
    const TapColumns<3, T> columns(g, x, 3);
    const int64_t count = g.out_width - x < kLanes ? g.out_width - x : kLanes;
    const auto used = hn::FirstN(d, static_cast<size_t>(count));
    for (int64_t y = 0; y < g.out_height; ++y) {
      const auto grad = load_inside<T>(used, g.out, y * g.out_width + x);
#pragma GCC unroll 3
      for (int i = 0; i < 3; ++i) {
        const int64_t at = y + g.top + i * g.down;
        if (at < 0 || at >= g.height) continue;
        const T* row = g.src + at * g.width;
#pragma GCC unroll 3
        for (int j = 0; j < 3; ++j) {
          acc[3 * i + j] =
              hn::MulAdd(grad, load_inside<T>(columns.inside[j], row, columns.at[j]), acc[3 * i + j]);
        }
      }
    }
  }
  for (int t = 0; t < 9; ++t) sum[t] = hn::GetLane(hn::SumOfLanes(d, acc[t]));
}

}  // namespace rustorch::cpu::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
