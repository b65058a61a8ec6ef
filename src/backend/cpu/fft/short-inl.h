// Transforms of short rows, n = n1 * n2 with n1 at most the L lanes of a vector: L / n1 rows at once.
//
// The n1 elements of a column, n2 apart, are transformed in registers, for L columns at a time, and
// multiplied with their roots. A transpose in registers makes lanes of (row, k): then the n2 columns are the
// elements of a lane transform, whose k2-th result holds X[k + n1 * k2] of every row, n1 neighbours each.
// Included once per instruction set.
#if defined(RUSTORCH_FFT_SHORT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_FFT_SHORT_INL_H_
#undef RUSTORCH_FFT_SHORT_INL_H_
#else
#define RUSTORCH_FFT_SHORT_INL_H_
#endif

#include <algorithm>

#include "backend/cpu/fft/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::fft {
namespace HWY_NAMESPACE {

/// Transposes N vectors of N lanes: each round rotates the bits of (vector, lane) by one.
template <int N, class D, class Vec>
HWY_INLINE void transpose(D d, Vec* v) {
#if HWY_TARGET == HWY_SCALAR
  (void)d, (void)v;
#else
  if constexpr (N > 1) {
    HWY_UNROLL(4) for (int rounds = 1; rounds < N; rounds *= 2) {
      Vec w[N];
      HWY_UNROLL(16) for (int i = 0; i < N / 2; ++i) {
        w[i] = hn::ConcatEven(d, v[2 * i + 1], v[2 * i]);
        w[i + N / 2] = hn::ConcatOdd(d, v[2 * i + 1], v[2 * i]);
      }
      HWY_UNROLL(16) for (int i = 0; i < N; ++i) v[i] = w[i];
    }
  }
#endif
}

template <class T>
HWY_INLINE C<T> load_reversed(const T* p) {
  const Tag<T> d;
  const C<T> x = load_pairs(p, false);
  return {hn::Reverse(d, x.re), hn::Reverse(d, x.im)};
}
#if HWY_TARGET != HWY_SCALAR

/// L elements from j on of what the h complex numbers are whose transform gives the real row of which `row`
/// holds h + 1 results; real and imaginary parts exchanged. The first and the last result count as real.
template <class T>
HWY_INLINE C<T> load_packed(const T* row, int64_t h, int64_t j, const T* roots) {
  const Tag<T> d;
  C<T> a = load_pairs(row + 2 * j, false), b = load_reversed(row + 2 * (h - j - kLanes<T> + 1));
  const C<T> w = load_planar(roots);
  if (j == 0) {
    const auto first = hn::FirstN(d, 1);
    a.im = hn::IfThenZeroElse(first, a.im);
    b.im = hn::IfThenZeroElse(first, b.im);
  }
  const C<T> s{hn::Add(a.re, b.re), hn::Sub(a.im, b.im)}, t{hn::Sub(a.re, b.re), hn::Add(a.im, b.im)};
  const C<T> y = plus_i<T>(s, mul(t, w.re, hn::Neg(w.im)));
  return {y.im, y.re};
}

/// The first step: L / kN1 rows to n2 planar rows.
template <int kN1, bool kPacked, class T>
HWY_INLINE void short_columns(const Plan<T>& plan, int64_t n2, const T* const* rows, bool swap,
                              const T* pack_roots, T* planar) {
  constexpr int kL = kLanes<T>;
  constexpr int64_t kRow = 2 * kL;
  const T* roots = plan.direct.data();
  for (int64_t g = 0; g * kL < n2; ++g, roots += kN1 * kRow, pack_roots += kPacked ? kN1 * kRow : 0) {
    const int64_t c0 = std::min<int64_t>(g * kL, n2 - kL);
    V<T> re[kL], im[kL];
    for (int r = 0; r < kL / kN1; ++r) {
      const T* row = rows[r];
      C<T> x[kN1];
      HWY_UNROLL(16) for (int k = 0; k < kN1; ++k) {
        const int64_t j = k * n2 + c0;
        x[k] = kPacked ? load_packed(row, kN1 * n2, j, pack_roots + k * kRow) : load_pairs(row + 2 * j, swap);
      }
      butterfly<kN1>(x, kN1, static_cast<const T*>(nullptr));
      HWY_UNROLL(16) for (int k = 0; k < kN1; ++k) {
        if (k > 0) {
          const C<T> w = load_planar(roots + k * kRow);
          x[k] = mul(x[k], w.re, w.im);
        }
        re[r * kN1 + k] = x[k].re, im[r * kN1 + k] = x[k].im;
      }
    }
    const Tag<T> d;
    transpose<kL>(d, re);
    transpose<kL>(d, im);
    T* to = planar + c0 * kRow;
    HWY_UNROLL(16) for (int i = 0; i < kL; ++i) store_planar<T>({re[i], im[i]}, to + i * kRow);
  }
}

/// Stores kParts parts of v, one in each row.
template <int kParts, class D, class Vec, class T>
HWY_INLINE void store_parts(D d, Vec v, T* const* to, int64_t at) {
  if constexpr (kParts == 1) {
    hn::StoreU(v, d, to[0] + at);
  } else {
    const hn::Half<D> half;
    store_parts<kParts / 2>(half, hn::LowerHalf(half, v), to, at);
    store_parts<kParts / 2>(half, hn::UpperHalf(half, v), to + kParts / 2, at);
  }
}

/// Stores lanes (row, k) to the rows, from complex number kN1 * k2 on.
template <int kN1, class T>
HWY_INLINE void store_short(const C<T>& x, bool swap, int64_t k2, T* const* to) {
  constexpr int kRows = kLanes<T> / kN1;
  const int64_t at = 2 * kN1 * k2;
  if constexpr (kRows == 1) {
    store_pairs(x, swap, to[0] + at);
  } else {
    const Tag<T> d;
    V<T> lower, upper;
    swap ? interleave(x.im, x.re, lower, upper) : interleave(x.re, x.im, lower, upper);
    store_parts<kRows / 2>(d, lower, to, at);
    store_parts<kRows / 2>(d, upper, to + kRows / 2, at);
  }
}

/// The last step: n2 planar rows to rows.
template <int kN1, class T>
HWY_INLINE void short_results(const T* planar, int64_t n2, bool swap, T scale, T* const* to) {
  const Tag<T> d;
  const V<T> factor = hn::Set(d, scale);
  for (int64_t k2 = 0; k2 < n2; ++k2) {
    const C<T> x = load_planar(planar + k2 * 2 * kLanes<T>);
    store_short<kN1, T>({hn::Mul(x.re, factor), hn::Mul(x.im, factor)}, swap, k2, to);
  }
}

#if HWY_TARGET == HWY_AVX3
/// Lanes of a and b by index: those from L on are of b.
HWY_INLINE V<float> two_tables(V<float> a, V<float> b, const int32_t* index) {
  return V<float>{_mm512_permutex2var_ps(a.raw, _mm512_loadu_si512(index), b.raw)};
}
HWY_INLINE V<double> two_tables(V<double> a, V<double> b, const int64_t* index) {
  return V<double>{_mm512_permutex2var_pd(a.raw, _mm512_loadu_si512(index), b.raw)};
}
#else
template <class Vec, class Index>
HWY_INLINE Vec two_tables(Vec a, Vec b, const Index* index) {
  const hn::DFromV<Vec> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto which = hn::LoadU(di, index), lanes = hn::Set(di, static_cast<Index>(hn::Lanes(d)));
  const auto second = hn::Not(hn::Lt(which, lanes));
  const auto in_table = hn::SetTableIndices(d, index + hn::Lanes(d));
  return hn::IfThenElse(hn::RebindMask(d, second), hn::TableLookupLanes(b, in_table),
                        hn::TableLookupLanes(a, in_table));
}
#endif

/// Which lanes mirror those of a row: those from kL on stand for the second operand. Then the same within a
/// vector.
template <int kN1, class T>
struct Mirror {
  hn::TFromD<hn::RebindToSigned<Tag<T>>> lanes[2 * kLanes<T>] = {};
  constexpr Mirror() {
    constexpr int kL = kLanes<T>;
    for (int l = 0; l < kL; ++l) {
      lanes[kL + l] = l % kN1 == 0 ? l : l / kN1 * kN1 + kN1 - l % kN1;
      lanes[l] = lanes[kL + l] + (l % kN1 == 0 ? kL : 0);
    }
  }
};
template <int kN1, class T>
inline constexpr Mirror<kN1, T> kMirror{};

/// The last step of the transform of 2h real numbers: with b = x[h - j], a = x[j], s = a + conj b and
/// t = a - conj b, y[j] = (s - i w^j t) / 2 and y[h - j] = conj(s + i w^j t) / 2; roots are w^j / 2.
/// What belongs to lane k of the row k2 is lane n1 - k of the row n2 - 1 - k2, or for k = 0 the same lane of
/// the row n2 - k2: rows go by such pairs, from the middle out.
template <int kN1, bool kScaled, class T>
HWY_INLINE void short_unpacked(const T* planar, int64_t n2, const T* roots, T scale, T* const* to) {
  constexpr int kL = kLanes<T>;
  constexpr int64_t kRow = 2 * kL;
  const Tag<T> d;
  constexpr const auto& mirror = kMirror<kN1, T>.lanes;
  const V<T> half = hn::Set(d, T(0.5)), factor = hn::Set(d, scale);
  const auto store = [&](C<T> y, int64_t k2) {
    if constexpr (kScaled) y = {hn::Mul(y.re, factor), hn::Mul(y.im, factor)};
    store_short<kN1, T>(y, false, k2, to);
  };
  int64_t k2 = (n2 - 1) / 2;
  const C<T> middle = load_planar(planar + (k2 + 1 < n2 ? k2 + 1 : k2) * kRow);
  C<T> before{middle.re, hn::Neg(middle.im)};  // first lanes of the row n2 / 2: conj x[h / 2]
  for (; k2 >= 0; --k2) {
    const C<T> a = load_planar(planar + k2 * kRow), other = load_planar(planar + (n2 - 1 - k2) * kRow);
    const C<T> first = load_planar(planar + (k2 == 0 ? 0 : n2 - k2) * kRow),
               w = load_planar(roots + k2 * kRow);
    const C<T> b{two_tables(other.re, first.re, mirror), two_tables(other.im, first.im, mirror)};
    const C<T> s{hn::Add(a.re, b.re), hn::Sub(a.im, b.im)}, t{hn::Sub(a.re, b.re), hn::Add(a.im, b.im)};
    const C<T> wt = mul(t, w.re, w.im);
    store({hn::MulAdd(half, s.re, wt.im), hn::MulSub(half, s.im, wt.re)}, k2);
    const C<T> back{hn::MulSub(half, s.re, wt.im), hn::Neg(hn::MulAdd(half, s.im, wt.re))};
    if (k2 != n2 - 1 - k2)
      store({two_tables(back.re, before.re, mirror), two_tables(back.im, before.im, mirror)}, n2 - 1 - k2);
    before = back;
  }
  for (int r = 0; r < kL / kN1; ++r) {
    T* last = to[r] + 2 * kN1 * n2;
    last[0] = (planar[r * kN1] - planar[kL + r * kN1]) * scale;
    last[1] = to[r][1] = T(0);
  }
}

enum class ShortKind : uint8_t { Complex, Real, RealInverse };

/// A lane transform that is one butterfly, without the calls and arguments of many passes.
template <int R, class T>
HWY_INLINE void one_pass(const T* from, T* to) {
  constexpr int64_t kRow = 2 * kLanes<T>;
  C<T> x[R];
  HWY_UNROLL(16) for (int j = 0; j < R; ++j) x[j] = load_planar(from + j * kRow);
  butterfly<R>(x, R, static_cast<const T*>(nullptr));
  HWY_UNROLL(16) for (int j = 0; j < R; ++j) store_planar(x[j], to + j * kRow);
}

/// kN2: n2, or 0 for any.
template <int kN1, ShortKind kKind, int kN2, class T>
HWY_NOINLINE void run_short(const Plan<T>& plan, const T* const* from, T* const* to, bool swap, T scale,
                            const T* roots, T* work) {
  if constexpr (kN1 <= kLanes<T>) {
    const int64_t n2 = kN2 > 0 ? kN2 : plan.n2, row = 2 * kLanes<T>;
    short_columns<kN1, kKind == ShortKind::RealInverse>(plan, n2, from, swap, roots, work);
    T* passes = work + n2 * row;
    if constexpr (kN2 == 16) {
      one_pass<16>(work, passes + n2 * row);  // what a plan of 16 consists of
    } else {
      lane_transform<T>(plan.second, {work, row, true}, {nullptr, 0, true}, false, T(1), passes);
    }
    if constexpr (kKind == ShortKind::Real) {
      scale == T(1) ? short_unpacked<kN1, false>(passes + n2 * row, n2, roots, scale, to)
                    : short_unpacked<kN1, true>(passes + n2 * row, n2, roots, scale, to);
    } else {
      short_results<kN1>(passes + n2 * row, n2, kKind == ShortKind::RealInverse || swap, scale, to);
    }
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

template <int kKind, class T>
void choose_short(const Plan<T>& plan, const T* const* from, T* const* to, bool swap, T scale, const T* roots,
                  T* work) {
#if HWY_TARGET == HWY_SCALAR
  (void)plan, (void)from, (void)to, (void)swap, (void)scale, (void)roots, (void)work;  // no plan is short
#else
  constexpr auto kHow = static_cast<ShortKind>(kKind);
  switch (plan.n1) {
    case 4:
      return run_short<4, kHow, 0>(plan, from, to, swap, scale, roots, work);
    case 8:
      return plan.n2 == 16 ? run_short<8, kHow, 16>(plan, from, to, swap, scale, roots, work)
                           : run_short<8, kHow, 0>(plan, from, to, swap, scale, roots, work);
    default:
      return plan.n2 == 16 ? run_short<16, kHow, 16>(plan, from, to, swap, scale, roots, work)
                           : run_short<16, kHow, 0>(plan, from, to, swap, scale, roots, work);
  }
#endif
}

template <class T>
void short_rows(const Plan<T>& plan, const T* const* from, T* const* to, bool swap, T scale, T* work) {
  choose_short<0>(plan, from, to, swap, scale, static_cast<const T*>(nullptr), work);
}
template <class T>
void short_real(const Plan<T>& plan, const T* const* from, T* const* to, T scale, const T* unpack_roots,
                T* work) {
  choose_short<1>(plan, from, to, false, scale, unpack_roots, work);
}
template <class T>
void short_real_inverse(const Plan<T>& plan, const T* const* from, T* const* to, T scale, const T* pack_roots,
                        T* work) {
  choose_short<2>(plan, from, to, false, scale, pack_roots, work);
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu::fft
HWY_AFTER_NAMESPACE();

#endif
