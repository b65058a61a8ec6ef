// argmax and argmin of contiguous blocks, compiled once per instruction set.
//
// Rows are first folded block by block at full speed; only the winning block is searched for the place.
#include "backend/cpu/arg_kernels.h"

#include "backend/cpu/reduce_kernels.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/arg_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "backend/cpu/reduce_fold-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 2048;

/// First i with p[i] == v (v nan: first nan); it exists.
template <class T>
HWY_INLINE int64_t find(const T* HWY_RESTRICT p, int64_t n, T v) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto wanted = hn::Set(d, v);
  [[maybe_unused]] const bool nan = v != v;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::LoadU(d, p + i);
    auto hit = hn::Eq(x, wanted);
    if constexpr (std::is_floating_point_v<T>) {
      if (nan) hit = hn::IsNaN(x);
    }
    const intptr_t at = hn::FindFirstTrue(d, hit);
    if (at >= 0) return i + at;
  }
  for (; i < n; ++i)
    if (p[i] == v || (nan && p[i] != p[i])) return i;
  return n - 1;
}

template <class Op, class T>
void arg_rows(const T* x, int64_t nrows, int64_t row_stride, int64_t n, T* best, int64_t* index) {
  for (int64_t r = 0; r < nrows; ++r) {
    const T* p = x + r * row_stride;
    int64_t winner = 0;
    T top = fold_row<Op>(p, n < kBlock ? n : kBlock);
    for (int64_t b = kBlock; b < n && top == top; b += kBlock) {
      const T t = fold_row<Op>(p + b, n - b < kBlock ? n - b : kBlock);
      if (t != t || (Op::fold_one(top, t) == t && t != top)) {
        top = t;
        winner = b;
      }
    }
    best[r] = top;
    index[r] = winner + find(p + winner, n - winner < kBlock ? n - winner : kBlock, top);
  }
}

template <class Op, class D, class V>
HWY_INLINE hn::Mask<D> beats(D, V challenger, V champion) {
  if constexpr (std::is_same_v<Op, MaxOp>) {
    if constexpr (std::is_floating_point_v<hn::TFromD<D>>) {
      return hn::Or(hn::Gt(challenger, champion), hn::AndNot(hn::IsNaN(champion), hn::IsNaN(challenger)));
    } else {
      return hn::Gt(challenger, champion);
    }
  } else {
    if constexpr (std::is_floating_point_v<hn::TFromD<D>>) {
      return hn::Or(hn::Lt(challenger, champion), hn::AndNot(hn::IsNaN(champion), hn::IsNaN(challenger)));
    } else {
      return hn::Lt(challenger, champion);
    }
  }
}

template <class Op, class T>
void arg_cols(const T* HWY_RESTRICT x, int64_t nrows, int64_t stride, int64_t ncols, T* HWY_RESTRICT best,
              void* index, int64_t row0, bool first) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using I = hn::TFromD<decltype(di)>;
  I* HWY_RESTRICT at = static_cast<I*>(index);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t r = 0;
  if (first) {
    for (int64_t c = 0; c < ncols; ++c) {
      best[c] = x[c];
      at[c] = static_cast<I>(row0);
    }
    r = 1;
  }
  for (; r < nrows; r += 8) {
    const int64_t rows = nrows - r < 8 ? nrows - r : 8;
    const T* block = x + r * stride;
    for (int64_t c = 0; c < ncols; c += lanes) {
      const auto mask = hn::FirstN(d, static_cast<size_t>(ncols - c < lanes ? ncols - c : lanes));
      const auto imask = hn::RebindMask(di, mask);
      auto b = hn::MaskedLoad(mask, d, best + c);
      auto i = hn::MaskedLoad(imask, di, at + c);
      auto row = hn::Set(di, static_cast<I>(row0 + r));
      const auto one = hn::Set(di, I(1));
      for (int64_t k = 0; k < rows; ++k) {
        const auto v = hn::MaskedLoad(mask, d, block + k * stride + c);
        const auto better = beats<Op>(d, v, b);
        b = hn::IfThenElse(better, v, b);
        i = hn::IfThenElse(hn::RebindMask(di, better), row, i);
        row = hn::Add(row, one);
      }
      hn::BlendedStore(b, mask, d, best + c);
      hn::BlendedStore(i, imask, di, at + c);
    }
  }
}

template <class T>
const ArgKernel<T>* table() {
  static const ArgKernel<T> kernels[2] = {{arg_rows<MinOp, T>, arg_cols<MinOp, T>},
                                          {arg_rows<MaxOp, T>, arg_cols<MaxOp, T>}};
  return kernels;
}

}  // namespace

const void* arg_table_f32() { return table<float>(); }
const void* arg_table_f64() { return table<double>(); }
const void* arg_table_i32() { return table<int32_t>(); }
const void* arg_table_i64() { return table<int64_t>(); }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
namespace {
HWY_EXPORT(arg_table_f32);
HWY_EXPORT(arg_table_f64);
HWY_EXPORT(arg_table_i32);
HWY_EXPORT(arg_table_i64);
}  // namespace

#define RT_ARG_TABLE(T, NAME)                                                                  \
  template <>                                                                                  \
  const ArgKernel<T>& arg_kernel<T>(bool max) {                                                \
    static const auto* table = static_cast<const ArgKernel<T>*>(HWY_DYNAMIC_DISPATCH(NAME)()); \
    return table[max];                                                                         \
  }
RT_ARG_TABLE(float, arg_table_f32)
RT_ARG_TABLE(double, arg_table_f64)
RT_ARG_TABLE(int32_t, arg_table_i32)
RT_ARG_TABLE(int64_t, arg_table_i64)
#undef RT_ARG_TABLE

}  // namespace rustorch::cpu
#endif
