// Around the lane transforms: rows to lanes and back, the two halves of a split row, products, packing of
// real data. Included once per instruction set.
#if defined(RUSTORCH_FFT_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_FFT_KERNELS_INL_H_
#undef RUSTORCH_FFT_KERNELS_INL_H_
#else
#define RUSTORCH_FFT_KERNELS_INL_H_
#endif

#include <algorithm>

#include "backend/cpu/fft/short-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::fft {
namespace HWY_NAMESPACE {

/// Row r of the next L rows, when they follow the L of this group in memory (if not, nothing is lost).
template <class T>
HWY_INLINE void prefetch_next_group(const T* const* rows, int r, int64_t at, int bytes) {
#if (HWY_COMPILER_GCC || HWY_COMPILER_CLANG) && HWY_TARGET != HWY_SCALAR
  const auto step = static_cast<uintptr_t>(kLanes<T>) *
                    (reinterpret_cast<uintptr_t>(rows[1]) - reinterpret_cast<uintptr_t>(rows[0]));
  const uintptr_t address = reinterpret_cast<uintptr_t>(rows[r] + at) + step;
  for (int b = 0; b < bytes; b += 64) __builtin_prefetch(reinterpret_cast<const void*>(address + b), 0, 2);
#else
  (void)rows, (void)r, (void)at, (void)bytes;
#endif
}

/// Columns [first, first + N) of `count` rows to planar rows, N x N at a time. count is a multiple of N.
template <int N, class T>
HWY_INLINE void load_tile(const T* const* rows, int64_t first, int count, bool swap, T* planar) {
  const hn::CappedTag<T, N> d;
  using Vec = hn::Vec<decltype(d)>;
  for (int r = 0; r < count; r += N) {
    Vec re[N], im[N];
    HWY_UNROLL(16) for (int i = 0; i < N; ++i) {
      hn::LoadInterleaved2(d, rows[r + i] + 2 * first, re[i], im[i]);
      prefetch_next_group(rows, r + i, 2 * first, 2 * N * static_cast<int>(sizeof(T)));
    }
    transpose<N>(d, re);
    transpose<N>(d, im);
    T* to = planar + r;
    T* to_re = swap ? to + kLanes<T> : to;
    T* to_im = swap ? to : to + kLanes<T>;
    HWY_UNROLL(16) for (int i = 0; i < N; ++i) {
      hn::StoreU(re[i], d, to_re + i * 2 * kLanes<T>);
      hn::StoreU(im[i], d, to_im + i * 2 * kLanes<T>);
    }
  }
}

template <int N, class T>
HWY_INLINE void store_tile(const T* planar, int64_t first, int count, bool swap, T scale, T* const* rows) {
  const hn::CappedTag<T, N> d;
  using Vec = hn::Vec<decltype(d)>;
  const Vec factor = hn::Set(d, scale);
  for (int r = 0; r < count; r += N) {
    Vec re[N], im[N];
    const T* from = planar + r;
    const T* from_re = swap ? from + kLanes<T> : from;
    const T* from_im = swap ? from : from + kLanes<T>;
    HWY_UNROLL(16) for (int i = 0; i < N; ++i) {
      re[i] = hn::Mul(factor, hn::LoadU(d, from_re + i * 2 * kLanes<T>));
      im[i] = hn::Mul(factor, hn::LoadU(d, from_im + i * 2 * kLanes<T>));
    }
    transpose<N>(d, re);
    transpose<N>(d, im);
    HWY_UNROLL(16) for (int i = 0; i < N; ++i) {
      if constexpr (N == kLanes<T>) {
        store_pairs<T>({re[i], im[i]}, false, rows[r + i] + 2 * first);
      } else {
        hn::StoreInterleaved2(re[i], im[i], d, rows[r + i] + 2 * first);
      }
    }
  }
}

/// Lanes of a 128-bit vector, the size of the small tiles.
template <class T>
constexpr int kSmallTile = kLanes<T> < static_cast<int>(16 / sizeof(T)) ? kLanes<T> : 16 / sizeof(T);

template <class T>
void load_rows(const T* const* rows, int64_t m, int count, bool swap, T* planar) {
  constexpr int kL = kLanes<T>, kS = kSmallTile<T>;
  int64_t j = 0;
  if (count == kL) {
    for (; j + kL <= m; j += kL) load_tile<kL>(rows, j, kL, swap, planar + j * 2 * kL);
    for (; j + kS <= m; j += kS) load_tile<kS>(rows, j, kL, swap, planar + j * 2 * kL);
  }
  for (; j < m; ++j) {
    T* re = planar + j * 2 * kL;
    T* im = re + kL;
    if (swap) std::swap(re, im);
    for (int r = 0; r < kL; ++r) {
      re[r] = r < count ? rows[r][2 * j] : T(0);
      im[r] = r < count ? rows[r][2 * j + 1] : T(0);
    }
  }
}

template <class T>
void store_rows(const T* planar, int64_t m, int count, bool swap, T scale, T* const* rows) {
  constexpr int kL = kLanes<T>, kS = kSmallTile<T>;
  int64_t j = 0;
  if (count == kL) {
    for (; j + kL <= m; j += kL) store_tile<kL>(planar + j * 2 * kL, j, kL, swap, scale, rows);
    for (; j + kS <= m; j += kS) store_tile<kS>(planar + j * 2 * kL, j, kL, swap, scale, rows);
  }
  for (; j < m; ++j) {
    const T* re = planar + j * 2 * kL;
    const T* im = re + kL;
    if (swap) std::swap(re, im);
    for (int r = 0; r < count; ++r) {
      rows[r][2 * j] = re[r] * scale;
      rows[r][2 * j + 1] = im[r] * scale;
    }
  }
}

// Scratch of a split row: for each group of L rows k, and each column c, one planar row.

template <class T>
void split_columns(const Plan<T>& plan, const T* row, int64_t group, bool swap, T* scratch, T* work) {
  constexpr int kL = kLanes<T>;
  constexpr int64_t kRow = 2 * kL;
  const Tag<T> d;
  const int64_t n1 = plan.n1, n2 = plan.n2;
  const int64_t c0 = std::min<int64_t>(group * kL, n2 - kL);
  lane_transform<T>(plan.lane, {row + 2 * c0, 2 * n2, false}, {nullptr, 0, true}, swap, T(1), work);
  const T* columns = work + n1 * kRow;
  const bool direct = !plan.direct.empty();
  const T* root = direct ? plan.direct.data() + group * n1 * kRow : plan.fine.data();
  const T* coarse = direct ? nullptr : plan.coarse.data() + group * n1 * 2;
  const int64_t groups = (n1 + kL - 1) / kL;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t k0 = std::min<int64_t>(g * kL, n1 - kL);
    V<T> re[kL], im[kL];
    HWY_UNROLL(16) for (int i = 0; i < kL; ++i) {
      const int64_t k = k0 + i;
      C<T> x = mul(load_planar(columns + k * kRow), hn::LoadU(d, root + k * kRow),
                   hn::LoadU(d, root + k * kRow + kL));
      if (!direct) x = mul(x, hn::Set(d, coarse[2 * k]), hn::Set(d, coarse[2 * k + 1]));
      re[i] = x.re, im[i] = x.im;
    }
    transpose<kL>(d, re);
    transpose<kL>(d, im);
    T* to = scratch + (g * n2 + c0) * kRow;
    HWY_UNROLL(16) for (int i = 0; i < kL; ++i) store_planar<T>({re[i], im[i]}, to + i * kRow);
  }
}

template <class T>
void split_rows(const Plan<T>& plan, const T* scratch, int64_t group, bool swap, T scale, T* row, T* work) {
  constexpr int64_t kL = kLanes<T>;
  const int64_t k0 = std::min<int64_t>(group * kL, plan.n1 - kL);
  lane_transform<T>(plan.second, {scratch + group * plan.n2 * 2 * kL, 2 * kL, true},
                    {row + 2 * k0, 2 * plan.n1, false}, swap, scale, work);
}

template <class T>
void multiply(const T* a, const T* b, int64_t n, bool swap_in, bool swap_out, T* y) {
  constexpr int64_t kL = kLanes<T>;
  int64_t i = 0;
  for (; i + kL <= n; i += kL) {
    const C<T> z = load_pairs(b + 2 * i, false);
    store_pairs(mul(load_pairs(a + 2 * i, swap_in), z.re, z.im), swap_out, y + 2 * i);
  }
  for (; i < n; ++i) {
    const T re = a[2 * i + swap_in], im = a[2 * i + !swap_in];
    y[2 * i + swap_out] = re * b[2 * i] - im * b[2 * i + 1];
    y[2 * i + !swap_out] = re * b[2 * i + 1] + im * b[2 * i];
  }
}

template <class T>
HWY_INLINE void store_reversed(const C<T>& x, T* p) {
  const Tag<T> d;
  store_pairs<T>({hn::Reverse(d, x.re), hn::Reverse(d, x.im)}, false, p);
}

// With s = x[k] + conj x[h-k] and t = x[k] - conj x[h-k]:
//   unpack: e = s/2, o = -i w^k t/2;  x[k] = e + o, x[h-k] = conj(e - o).
//   pack:   g = conj(w^k) t;          y[k] = s + i g, y[h-k] = conj(s) + i conj(g).

template <class T>
void unpack_real(T* x, int64_t h, const T* roots) {
  constexpr int64_t kL = kLanes<T>;
  const Tag<T> d;
  const T re0 = x[0], im0 = x[1];
  x[0] = re0 + im0, x[1] = 0;
  x[2 * h] = re0 - im0, x[2 * h + 1] = 0;
  const V<T> half = hn::Set(d, T(0.5));
  int64_t k = 1;
  for (; k + kL - 1 < h - k - kL + 1; k += kL) {
    T* back = x + 2 * (h - k - kL + 1);
    const C<T> a = load_pairs(x + 2 * k, false), b = load_reversed(back),
               w = load_pairs(roots + 2 * k, false);
    const C<T> e{hn::Mul(half, hn::Add(a.re, b.re)), hn::Mul(half, hn::Sub(a.im, b.im))};
    const C<T> t{hn::Mul(half, hn::Sub(a.re, b.re)), hn::Mul(half, hn::Add(a.im, b.im))};
    const C<T> wt = mul(t, w.re, w.im);
    const C<T> front = minus_i<T>(e, wt), other = plus_i<T>(e, wt);
    store_pairs(front, false, x + 2 * k);
    store_reversed<T>({other.re, hn::Neg(other.im)}, back);
  }
  for (; k <= h - k; ++k) {
    T* a = x + 2 * k;
    T* b = x + 2 * (h - k);
    const T wr = roots[2 * k], wi = roots[2 * k + 1];
    const T er = T(0.5) * (a[0] + b[0]), ei = T(0.5) * (a[1] - b[1]);
    const T tr = T(0.5) * (a[0] - b[0]), ti = T(0.5) * (a[1] + b[1]);
    const T pr = tr * wr - ti * wi, pi = tr * wi + ti * wr;
    a[0] = er + pi, a[1] = ei - pr;
    b[0] = er - pi, b[1] = -(ei + pr);
  }
}

template <class T>
void pack_real(const T* x, int64_t h, const T* roots, T* y) {
  constexpr int64_t kL = kLanes<T>;
  const T first = x[0], last = x[2 * h];
  int64_t k = 1;
  for (; k + kL - 1 < h - k - kL + 1; k += kL) {
    const int64_t back = 2 * (h - k - kL + 1);
    const C<T> a = load_pairs(x + 2 * k, false), b = load_reversed(x + back),
               w = load_pairs(roots + 2 * k, false);
    const C<T> s{hn::Add(a.re, b.re), hn::Sub(a.im, b.im)}, t{hn::Sub(a.re, b.re), hn::Add(a.im, b.im)};
    const C<T> g = mul(t, w.re, hn::Neg(w.im));
    const C<T> front = plus_i<T>(s, g);
    store_pairs(front, false, y + 2 * k);
    store_reversed<T>({hn::Add(s.re, g.im), hn::Sub(g.re, s.im)}, y + back);
  }
  for (; k <= h - k; ++k) {
    const T ar = x[2 * k], ai = x[2 * k + 1], br = x[2 * (h - k)], bi = x[2 * (h - k) + 1];
    const T wr = roots[2 * k], wi = -roots[2 * k + 1];
    const T sr = ar + br, si = ai - bi, tr = ar - br, ti = ai + bi;
    const T gr = tr * wr - ti * wi, gi = tr * wi + ti * wr;
    y[2 * k] = sr - gi, y[2 * k + 1] = si + gr;
    y[2 * (h - k)] = sr + gi, y[2 * (h - k) + 1] = gr - si;
  }
  y[0] = first + last, y[1] = first - last;
}

template <class T>
HWY_INLINE C<T> root_of_rows(const T* roots, int64_t k) {
  const Tag<T> d;
  return {hn::Set(d, roots[2 * k]), hn::Set(d, roots[2 * k + 1])};
}

template <class T>
void unpack_planar(T* x, int64_t h, const T* roots) {
  constexpr int64_t kRow = 2 * kLanes<T>;
  const Tag<T> d;
  const V<T> half = hn::Set(d, T(0.5));
  const C<T> first = load_planar(x);
  store_planar<T>({hn::Add(first.re, first.im), hn::Zero(d)}, x);
  store_planar<T>({hn::Sub(first.re, first.im), hn::Zero(d)}, x + h * kRow);
  for (int64_t k = 1; k <= h - k; ++k) {
    T* front = x + k * kRow;
    T* back = x + (h - k) * kRow;
    const C<T> a = load_planar(front), b = load_planar(back), w = root_of_rows(roots, k);
    const C<T> e{hn::Mul(half, hn::Add(a.re, b.re)), hn::Mul(half, hn::Sub(a.im, b.im))};
    const C<T> t{hn::Mul(half, hn::Sub(a.re, b.re)), hn::Mul(half, hn::Add(a.im, b.im))};
    const C<T> wt = mul(t, w.re, w.im);
    const C<T> other = plus_i<T>(e, wt);
    store_planar<T>(minus_i<T>(e, wt), front);
    if (front != back) store_planar<T>({other.re, hn::Neg(other.im)}, back);
  }
}

template <class T>
void pack_planar(T* x, int64_t h, const T* roots) {
  constexpr int64_t kRow = 2 * kLanes<T>;
  const C<T> first = load_planar(x), last = load_planar(x + h * kRow);
  store_planar<T>({hn::Sub(first.re, last.re), hn::Add(first.re, last.re)}, x);
  for (int64_t k = 1; k <= h - k; ++k) {
    T* front = x + k * kRow;
    T* back = x + (h - k) * kRow;
    const C<T> a = load_planar(front), b = load_planar(back), w = root_of_rows(roots, k);
    const C<T> s{hn::Add(a.re, b.re), hn::Sub(a.im, b.im)}, t{hn::Sub(a.re, b.re), hn::Add(a.im, b.im)};
    const C<T> g = mul(t, w.re, hn::Neg(w.im));
    const C<T> y = plus_i<T>(s, g);
    store_planar<T>({y.im, y.re}, front);
    if (front != back) store_planar<T>({hn::Sub(g.re, s.im), hn::Add(s.re, g.im)}, back);
  }
}

template <class T>
const Kernels<T>& table() {
  static const Kernels<T> kTable = {
      kLanes<T>,        lane_transform<T>, load_rows<T>,   store_rows<T>,         split_columns<T>,
      split_rows<T>,    short_rows<T>,     short_real<T>,  short_real_inverse<T>, multiply<T>,
      unpack_planar<T>, pack_planar<T>,    unpack_real<T>, pack_real<T>};
  return kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu::fft
HWY_AFTER_NAMESPACE();

#endif
