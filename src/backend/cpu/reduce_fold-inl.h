// Per-target building blocks of the reduction kernels: fold operations and the two loops over a block.
//
// Included once per instruction set by files that use Highway's foreach_target.
#include <cstdint>
#include <limits>
#include <type_traits>

#if defined(RT_REDUCE_FOLD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef RT_REDUCE_FOLD_INL_H
#undef RT_REDUCE_FOLD_INL_H
#else
#define RT_REDUCE_FOLD_INL_H
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
inline T wrap_add(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}

template <class T>
inline T wrap_mul(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

/// Each operation: neutral element, map of an element (vector), fold of two mapped values (vector and
/// scalar).
struct SumOp {
  template <class T>
  static T neutral() {
    return 0;
  }
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return v;
  }
  template <class D, class V>
  static HWY_INLINE V fold(D, V a, V b) {
    return hn::Add(a, b);
  }
  template <class T>
  static HWY_INLINE T fold_one(T a, T b) {
    return wrap_add(a, b);
  }
};

struct XorOp : SumOp {
  template <class D, class V>
  static HWY_INLINE V fold(D, V a, V b) {
    return hn::Xor(a, b);
  }
  template <class T>
  static HWY_INLINE T fold_one(T a, T b) {
    return a ^ b;
  }
};

struct SumAbsOp : SumOp {
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return hn::Abs(v);
  }
};

struct SumSquareOp : SumOp {
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return hn::Mul(v, v);
  }
};

struct SumNanOp : SumOp {
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return hn::IfThenZeroElse(hn::IsNaN(v), v);
  }
};

struct ProdOp {
  template <class T>
  static T neutral() {
    return 1;
  }
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return v;
  }
  template <class D, class V>
  static HWY_INLINE V fold(D d, V a, V b) {
    using T = hn::TFromD<D>;
    if constexpr (std::is_floating_point_v<T>) {
      return hn::Mul(a, b);
    } else {
      // 64-bit products have no vector instruction below AVX-512.
      HWY_ALIGN T x[hn::MaxLanes(D())], y[hn::MaxLanes(D())];
      hn::Store(a, d, x);
      hn::Store(b, d, y);
      for (size_t i = 0; i < hn::Lanes(d); ++i) x[i] = wrap_mul(x[i], y[i]);
      return hn::Load(d, x);
    }
  }
  template <class T>
  static HWY_INLINE T fold_one(T a, T b) {
    return wrap_mul(a, b);
  }
};

/// nan wins, as in PyTorch.
struct MaxOp {
  template <class T>
  static T neutral() {
    return std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity()
                                       : std::numeric_limits<T>::lowest();
  }
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return v;
  }
  template <class D, class V>
  static HWY_INLINE V fold(D, V a, V b) {
    if constexpr (std::is_floating_point_v<hn::TFromD<D>>) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
      return hn::IfThenElse(hn::IsNaN(b), b, hn::Max(b, a));  // MAXPS gives its second operand beside nan
#else
      return hn::IfThenElse(hn::Or(hn::Gt(b, a), hn::IsNaN(b)), b, a);
#endif
    } else {
      return hn::Max(a, b);
    }
  }
  template <class T>
  static HWY_INLINE T fold_one(T a, T b) {
    return b > a || b != b ? b : a;
  }
};

struct MinOp {
  template <class T>
  static T neutral() {
    return std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  }
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return v;
  }
  template <class D, class V>
  static HWY_INLINE V fold(D, V a, V b) {
    if constexpr (std::is_floating_point_v<hn::TFromD<D>>) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
      return hn::IfThenElse(hn::IsNaN(b), b, hn::Min(b, a));  // MINPS gives its second operand beside nan
#else
      return hn::IfThenElse(hn::Or(hn::Lt(b, a), hn::IsNaN(b)), b, a);
#endif
    } else {
      return hn::Min(a, b);
    }
  }
  template <class T>
  static HWY_INLINE T fold_one(T a, T b) {
    return b < a || b != b ? b : a;
  }
};

struct MaxAbsOp : MaxOp {
  template <class T>
  static T neutral() {
    return 0;
  }
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return hn::Abs(v);
  }
};

struct MinAbsOp : MinOp {
  template <class D, class V>
  static HWY_INLINE V map(D, V v) {
    return hn::Abs(v);
  }
};

/// Folds the lanes of v in a fixed tree.
template <class Op, class D, class V>
HWY_INLINE hn::TFromD<D> fold_lanes(D, V v) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::Half<D> half;
    return fold_lanes<Op>(half, Op::fold(half, hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
#endif
  return hn::GetLane(v);
}

/// The first `count` elements at p, mapped; the other lanes hold the neutral element.
template <class Op, class D, class T>
HWY_INLINE hn::Vec<D> load_some(D d, const T* p, int64_t count) {
  const auto mask = hn::FirstN(d, static_cast<size_t>(count));
  return hn::IfThenElse(mask, Op::map(d, hn::MaskedLoad(mask, d, p)), hn::Set(d, Op::template neutral<T>()));
}

template <class Op, class T>
HWY_INLINE T fold_row(const T* HWY_RESTRICT p, int64_t n) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  auto a0 = hn::Set(d, Op::template neutral<T>());
  if (n >= 4 * lanes) {
    auto a1 = a0, a2 = a0, a3 = a0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      a0 = Op::fold(d, a0, Op::map(d, hn::LoadU(d, p + i)));
      a1 = Op::fold(d, a1, Op::map(d, hn::LoadU(d, p + i + lanes)));
      a2 = Op::fold(d, a2, Op::map(d, hn::LoadU(d, p + i + 2 * lanes)));
      a3 = Op::fold(d, a3, Op::map(d, hn::LoadU(d, p + i + 3 * lanes)));
    }
    a0 = Op::fold(d, Op::fold(d, a0, a1), Op::fold(d, a2, a3));
  }
  for (; i + lanes <= n; i += lanes) a0 = Op::fold(d, a0, Op::map(d, hn::LoadU(d, p + i)));
  if (i < n) a0 = Op::fold(d, a0, load_some<Op>(d, p + i, n - i));
  return fold_lanes<Op>(d, a0);
}

/// Adds `K` rows (a tree over them) to out.
template <int K, class Op, class T>
HWY_INLINE void fold_some_rows(const T* HWY_RESTRICT x, int64_t stride, int64_t ncols, T* HWY_RESTRICT out,
                               bool first) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  const auto tree = [&](auto load) HWY_ATTR {
    auto a = load(x);
    if constexpr (K >= 2) a = Op::fold(d, a, load(x + stride));
    if constexpr (K >= 4) a = Op::fold(d, a, Op::fold(d, load(x + 2 * stride), load(x + 3 * stride)));
    if constexpr (K >= 8)
      a = Op::fold(d, a,
                   Op::fold(d, Op::fold(d, load(x + 4 * stride), load(x + 5 * stride)),
                            Op::fold(d, load(x + 6 * stride), load(x + 7 * stride))));
    return a;
  };
  for (; c + lanes <= ncols; c += lanes) {
    auto a = tree([&](const T* p) HWY_ATTR { return Op::map(d, hn::LoadU(d, p + c)); });
    if (!first) a = Op::fold(d, hn::LoadU(d, out + c), a);
    hn::StoreU(a, d, out + c);
  }
  if (c < ncols) {
    const auto mask = hn::FirstN(d, static_cast<size_t>(ncols - c));
    auto a = tree([&](const T* p) HWY_ATTR { return Op::map(d, hn::MaskedLoad(mask, d, p + c)); });
    if (!first) a = Op::fold(d, hn::MaskedLoad(mask, d, out + c), a);
    hn::BlendedStore(a, mask, d, out + c);
  }
}

/// out[c] = fold of column c; nrows >= 1. Eight rows are read side by side, which memory prefetching follows
/// well.
template <class Op, class T>
HWY_INLINE void fold_columns(const T* HWY_RESTRICT x, int64_t nrows, int64_t stride, int64_t ncols,
                             T* HWY_RESTRICT out) {
  int64_t r = 0;
  for (; r + 8 <= nrows; r += 8) fold_some_rows<8, Op>(x + r * stride, stride, ncols, out, r == 0);
  if (r + 4 <= nrows) {
    fold_some_rows<4, Op>(x + r * stride, stride, ncols, out, r == 0);
    r += 4;
  }
  if (r + 2 <= nrows) {
    fold_some_rows<2, Op>(x + r * stride, stride, ncols, out, r == 0);
    r += 2;
  }
  if (r < nrows) fold_some_rows<1, Op>(x + r * stride, stride, ncols, out, r == 0);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
