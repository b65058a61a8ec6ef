// Lane transforms: mixed-radix Stockham passes on L transforms side by side. Included once per instruction
// set.
#if defined(RUSTORCH_FFT_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSTORCH_FFT_LANES_INL_H_
#undef RUSTORCH_FFT_LANES_INL_H_
#else
#define RUSTORCH_FFT_LANES_INL_H_
#endif

#include <utility>

#include "backend/cpu/fft/kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::fft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using V = hn::Vec<Tag<T>>;
template <class T>
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag<T>()));

/// A vector of complex numbers. Its constructors are written out: gcc gives implicit ones no instruction set.
template <class T>
struct C {
  V<T> re, im;
  HWY_INLINE C() {}
  HWY_INLINE C(V<T> real, V<T> imaginary) : re(real), im(imaginary) {}
};
template <class T>
HWY_INLINE C<T> operator+(const C<T>& a, const C<T>& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class T>
HWY_INLINE C<T> operator-(const C<T>& a, const C<T>& b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
template <class T>
HWY_INLINE C<T> mul(const C<T>& a, const V<T> re, const V<T> im) {
  return {hn::MulSub(a.re, re, hn::Mul(a.im, im)), hn::MulAdd(a.re, im, hn::Mul(a.im, re))};
}
/// a - i b and a + i b.
template <class T>
HWY_INLINE C<T> minus_i(const C<T>& a, const C<T>& b) {
  return {hn::Add(a.re, b.im), hn::Sub(a.im, b.re)};
}
template <class T>
HWY_INLINE C<T> plus_i(const C<T>& a, const C<T>& b) {
  return {hn::Sub(a.re, b.im), hn::Add(a.im, b.re)};
}

template <class T>
HWY_INLINE C<T> load_planar(const T* p) {
  const Tag<T> d;
  return {hn::LoadU(d, p), hn::LoadU(d, p + kLanes<T>)};
}
template <class T>
HWY_INLINE void store_planar(const C<T>& x, T* p) {
  const Tag<T> d;
  hn::StoreU(x.re, d, p);
  hn::StoreU(x.im, d, p + kLanes<T>);
}
template <class T>
HWY_INLINE C<T> load_pairs(const T* p, bool swap) {
  const Tag<T> d;
  C<T> x;
  if (swap) {
    hn::LoadInterleaved2(d, p, x.im, x.re);
  } else {
    hn::LoadInterleaved2(d, p, x.re, x.im);
  }
  return x;
}
#if HWY_TARGET != HWY_SCALAR
/// a0 b0 a1 b1 ... in two vectors.
template <class Vec>
HWY_INLINE void interleave(const Vec a, const Vec b, Vec& lower, Vec& upper) {
  const hn::DFromV<Vec> d;
#if HWY_TARGET == HWY_AVX3  // one shuffle each, where Highway takes three
  if constexpr (sizeof(hn::TFromV<Vec>) == 4) {
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    lower = Vec{_mm512_permutex2var_ps(a.raw, low, b.raw)};
    upper = Vec{_mm512_permutex2var_ps(a.raw, _mm512_add_epi32(low, _mm512_set1_epi32(8)), b.raw)};
  } else {
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    lower = Vec{_mm512_permutex2var_pd(a.raw, low, b.raw)};
    upper = Vec{_mm512_permutex2var_pd(a.raw, _mm512_add_epi64(low, _mm512_set1_epi64(4)), b.raw)};
  }
#else
  const Vec even = hn::InterleaveLower(d, a, b), odd = hn::InterleaveUpper(d, a, b);
  if constexpr (kLanes<hn::TFromV<Vec>> * sizeof(hn::TFromV<Vec>) == 32) {
    lower = hn::ConcatLowerLower(d, odd, even);
    upper = hn::ConcatUpperUpper(d, odd, even);
  } else {
    static_assert(kLanes<hn::TFromV<Vec>> * sizeof(hn::TFromV<Vec>) == 16);
    lower = even, upper = odd;
  }
#endif
}
#endif

template <class T>
HWY_INLINE void store_pairs(const C<T>& x, bool swap, T* p) {
  const Tag<T> d;
#if HWY_TARGET == HWY_SCALAR
  p[swap] = hn::GetLane(x.re), p[!swap] = hn::GetLane(x.im);
  (void)d;
#else
  V<T> lower, upper;
  swap ? interleave(x.im, x.re, lower, upper) : interleave(x.re, x.im, lower, upper);
  hn::StoreU(lower, d, p);
  hn::StoreU(upper, d, p + kLanes<T>);
#endif
}

// ---- butterflies: x becomes its transform

template <class T>
HWY_INLINE void butterfly4(C<T>& a, C<T>& b, C<T>& c, C<T>& d) {
  const C<T> s = a + c, t = a - c, u = b + d, v = b - d;
  a = s + u;
  b = minus_i<T>(t, v);
  c = s - u;
  d = plus_i<T>(t, v);
}

template <class T>
HWY_INLINE void butterfly8(C<T>* x) {
  const Tag<T> d;
  const V<T> r = hn::Set(d, static_cast<T>(0.70710678118654752440));
  C<T> a0 = x[0] + x[4], b0 = x[0] - x[4];
  C<T> a1 = x[1] + x[5], b1 = x[1] - x[5];
  C<T> a2 = x[2] + x[6], b2 = x[2] - x[6];
  C<T> a3 = x[3] + x[7], b3 = x[3] - x[7];
  butterfly4(a0, a1, a2, a3);
  b1 = {hn::Mul(r, hn::Add(b1.re, b1.im)), hn::Mul(r, hn::Sub(b1.im, b1.re))};  // * (1 - i) / sqrt 2
  b3 = {hn::Mul(r, hn::Sub(b3.im, b3.re)),
        hn::Neg(hn::Mul(r, hn::Add(b3.re, b3.im)))};  // * (-1 - i) / sqrt 2
  const C<T> p = minus_i<T>(b0, b2), q = plus_i<T>(b0, b2), s = b1 + b3, t = b1 - b3;
  x[0] = a0, x[2] = a1, x[4] = a2, x[6] = a3;
  x[1] = p + s, x[5] = p - s;
  x[3] = minus_i<T>(q, t), x[7] = plus_i<T>(q, t);
}

/// Four transforms of every fourth element, roots, four transforms of neighbours.
template <class T>
HWY_INLINE void butterfly16(C<T>* x) {
  const Tag<T> d;
  constexpr T kCos = static_cast<T>(0.92387953251128675613), kSin = static_cast<T>(0.38268343236508977173);
  constexpr T kHalf = static_cast<T>(0.70710678118654752440);
  const V<T> c = hn::Set(d, kCos), s = hn::Set(d, kSin), r = hn::Set(d, kHalf);
  HWY_UNROLL(4) for (int i = 0; i < 4; ++i) butterfly4(x[i], x[i + 4], x[i + 8], x[i + 12]);
  const auto eighth = [r](const C<T>& a) -> C<T> {  // * (1 - i) / sqrt 2
    return {hn::Mul(r, hn::Add(a.re, a.im)), hn::Mul(r, hn::Sub(a.im, a.re))};
  };
  const auto turned = [](const C<T>& a) -> C<T> { return {a.im, hn::Neg(a.re)}; };  // * -i
  // x[i + 4 k] times the (i k)th power of exp(-2 pi i / 16)
  x[5] = mul(x[5], c, hn::Neg(s));
  x[6] = eighth(x[6]);
  x[7] = mul(x[7], s, hn::Neg(c));
  x[9] = eighth(x[9]);
  x[10] = turned(x[10]);
  x[11] = turned(eighth(x[11]));
  x[13] = mul(x[13], s, hn::Neg(c));
  x[14] = turned(eighth(x[14]));
  x[15] = mul(x[15], hn::Neg(c), s);
  C<T> y[16];
  HWY_UNROLL(4) for (int k = 0; k < 4; ++k) {
    butterfly4(x[4 * k], x[4 * k + 1], x[4 * k + 2], x[4 * k + 3]);
    HWY_UNROLL(4) for (int j = 0; j < 4; ++j) y[k + 4 * j] = x[4 * k + j];
  }
  HWY_UNROLL(16) for (int k = 0; k < 16; ++k) x[k] = y[k];
}

/// Any odd length by pairs of inputs; cs: cos, then sin, of 2 pi k / r for k < r.
template <class T>
HWY_INLINE void butterfly_odd(C<T>* x, int r, const T* cs) {
  const Tag<T> d;
  const int h = r / 2;
  C<T> sums[kMaxRadix / 2], differences[kMaxRadix / 2], first = x[0];
  for (int j = 1; j <= h; ++j) {
    sums[j - 1] = x[j] + x[r - j];
    differences[j - 1] = x[j] - x[r - j];
  }
  C<T> total = first;
  for (int j = 0; j < h; ++j) total = total + sums[j];
  for (int k = 1; k <= h; ++k) {
    C<T> even = first, odd{hn::Zero(d), hn::Zero(d)};
    int at = 0;
    for (int j = 0; j < h; ++j) {
      at += k;
      if (at >= r) at -= r;
      const V<T> c = hn::Set(d, cs[at]), s = hn::Set(d, cs[r + at]);
      even = {hn::MulAdd(c, sums[j].re, even.re), hn::MulAdd(c, sums[j].im, even.im)};
      odd = {hn::MulAdd(s, differences[j].re, odd.re), hn::MulAdd(s, differences[j].im, odd.im)};
    }
    x[k] = minus_i<T>(even, odd);
    x[r - k] = plus_i<T>(even, odd);
  }
  x[0] = total;
}

template <class T>
HWY_INLINE void butterfly3(C<T>* x) {
  const Tag<T> d;
  const V<T> c = hn::Set(d, static_cast<T>(-0.5)), s = hn::Set(d, static_cast<T>(0.86602540378443864676));
  const C<T> sum = x[1] + x[2], difference = x[1] - x[2];
  const C<T> even{hn::MulAdd(c, sum.re, x[0].re), hn::MulAdd(c, sum.im, x[0].im)};
  const C<T> odd{hn::Mul(s, difference.re), hn::Mul(s, difference.im)};
  x[0] = x[0] + sum;
  x[1] = minus_i<T>(even, odd);
  x[2] = plus_i<T>(even, odd);
}

template <class T>
HWY_INLINE void butterfly5(C<T>* x) {
  const Tag<T> d;
  const V<T> c1 = hn::Set(d, static_cast<T>(0.30901699437494742410));
  const V<T> c2 = hn::Set(d, static_cast<T>(-0.80901699437494742410));
  const V<T> s1 = hn::Set(d, static_cast<T>(0.95105651629515357212));
  const V<T> s2 = hn::Set(d, static_cast<T>(0.58778525229247312917));
  const C<T> a = x[1] + x[4], b = x[2] + x[3], p = x[1] - x[4], q = x[2] - x[3], z = x[0];
  const C<T> e1{hn::MulAdd(c1, a.re, hn::MulAdd(c2, b.re, z.re)),
                hn::MulAdd(c1, a.im, hn::MulAdd(c2, b.im, z.im))};
  const C<T> e2{hn::MulAdd(c2, a.re, hn::MulAdd(c1, b.re, z.re)),
                hn::MulAdd(c2, a.im, hn::MulAdd(c1, b.im, z.im))};
  const C<T> o1{hn::MulAdd(s1, p.re, hn::Mul(s2, q.re)), hn::MulAdd(s1, p.im, hn::Mul(s2, q.im))};
  const C<T> o2{hn::MulSub(s2, p.re, hn::Mul(s1, q.re)), hn::MulSub(s2, p.im, hn::Mul(s1, q.im))};
  x[0] = z + a + b;
  x[1] = minus_i<T>(e1, o1), x[4] = plus_i<T>(e1, o1);
  x[2] = minus_i<T>(e2, o2), x[3] = plus_i<T>(e2, o2);
}

template <int R, class T>
HWY_INLINE void butterfly(C<T>* x, int radix, const T* cs) {
  if constexpr (R == 2) {
    const C<T> s = x[0] + x[1];
    x[1] = x[0] - x[1];
    x[0] = s;
  } else if constexpr (R == 3) {
    butterfly3(x);
  } else if constexpr (R == 4) {
    butterfly4(x[0], x[1], x[2], x[3]);
  } else if constexpr (R == 5) {
    butterfly5(x);
  } else if constexpr (R == 8) {
    butterfly8(x);
  } else if constexpr (R == 16) {
    butterfly16(x);
  } else {
    butterfly_odd(x, radix, cs);
  }
}

// ---- passes

template <class T>
struct PassCall {
  Rows<const T> in;
  Rows<T> out;
  int radix;
  int64_t blocks;   // p
  int64_t repeats;  // q
  int64_t step;     // rows between the inputs of a butterfly: m / radix
  const T* twiddles;
  const T* table;
  bool swap;
  T scale;
};

/// One Stockham pass: out[q + s*(R*p + j)] = w^(p*j) * DFT_R(in[q + s*p + step*k])_j.
/// R = 0 stands for any odd radix.
template <int R, bool kPlanarIn, bool kPlanarOut, bool kTwiddles, class T>
HWY_NOINLINE void pass(const PassCall<T>& c) {
  const Tag<T> d;
  const int r = R == 0 ? c.radix : R;
  const T* twiddles = c.twiddles;
  const int64_t in_step = c.step * c.in.stride, out_step = c.repeats * c.out.stride;
  const V<T> scale = hn::Set(d, c.scale);
  for (int64_t p = 0; p < c.blocks; ++p) {
    const T* in = c.in.data + p * c.repeats * c.in.stride;
    T* out = c.out.data + p * r * out_step;
    for (int64_t q = 0; q < c.repeats; ++q, in += c.in.stride, out += c.out.stride) {
      C<T> x[R == 0 ? kMaxRadix : R];
      HWY_UNROLL(16)
      for (int j = 0; j < r; ++j)
        x[j] = kPlanarIn ? load_planar(in + j * in_step) : load_pairs(in + j * in_step, c.swap);
      butterfly<R>(x, r, c.table);
      HWY_UNROLL(16) for (int j = 0; j < r; ++j) {
        C<T> y = x[j];
        if (kTwiddles && j > 0) y = mul(y, hn::Set(d, twiddles[2 * j - 2]), hn::Set(d, twiddles[2 * j - 1]));
        if constexpr (kPlanarOut) {
          store_planar(y, out + j * out_step);
        } else {
          y = {hn::Mul(y.re, scale), hn::Mul(y.im, scale)};
          store_pairs(y, c.swap, out + j * out_step);
        }
      }
    }
    if (kTwiddles) twiddles += 2 * (r - 1);
  }
}

template <int R, class T>
void run_pass(const PassCall<T>& c) {
  const bool planar_in = c.in.planar, planar_out = c.out.planar, twiddles = c.twiddles != nullptr;
  if (twiddles) {
    planar_in ? pass<R, true, true, true>(c) : pass<R, false, true, true>(c);
  } else if (planar_out) {
    planar_in ? pass<R, true, true, false>(c) : pass<R, false, true, false>(c);
  } else {
    planar_in ? pass<R, true, false, false>(c) : pass<R, false, false, false>(c);
  }
}

template <class T>
void lane_transform(const LanePlan<T>& plan, Rows<const T> from, Rows<T> to, bool swap, T scale, T* work) {
  constexpr int64_t kRow = 2 * kLanes<T>;
  T* const buffers[2] = {work, work + plan.m * kRow};
  if (to.data == nullptr) to = {buffers[1], kRow, true};
  const auto count = static_cast<int>(plan.passes.size());
  Rows<const T> in = from;
  for (int i = 0; i < count; ++i) {
    const auto& step = plan.passes[static_cast<size_t>(i)];
    const bool last = i == count - 1;
    const Rows<T> out = last ? to : Rows<T>{buffers[(count - 2 - i) & 1], kRow, true};
    const PassCall<T> call{in,
                           out,
                           step.radix,
                           step.length / step.radix,
                           step.repeats,
                           plan.m / step.radix,
                           last ? nullptr : plan.roots.data() + step.twiddles,
                           plan.roots.data() + step.table,
                           swap,
                           scale};
    switch (step.radix) {
      case 2:
        run_pass<2>(call);
        break;
      case 3:
        run_pass<3>(call);
        break;
      case 4:
        run_pass<4>(call);
        break;
      case 5:
        run_pass<5>(call);
        break;
      case 8:
        run_pass<8>(call);
        break;
      case 16:
        run_pass<16>(call);
        break;
      default:
        run_pass<0>(call);
    }
    in = {out.data, out.stride, out.planar};
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu::fft
HWY_AFTER_NAMESPACE();

#endif
