// Running sums and products down neighbouring columns and along rows, compiled once per instruction set.
//
// A row is scanned a vector at a time: a prefix tree inside the vector, then what came before it; only one
// addition per vector waits for the previous one.
#include <cstdint>
#include <type_traits>

#include "backend/cpu/scan.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/scan_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <bool kProduct, class T, class A>
HWY_INLINE A step(A acc, T x) {
  if constexpr (std::is_integral_v<T>) {
    const uint64_t a = static_cast<uint64_t>(acc), b = static_cast<uint64_t>(x);
    return static_cast<A>(kProduct ? a * b : a + b);
  } else {
    return kProduct ? acc * static_cast<A>(x) : acc + static_cast<A>(x);
  }
}

template <bool kProduct>
void scan_cols(const float* in, float* out, int64_t nrows, int64_t stride, int64_t ncols, double* acc) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < nrows; ++r) {
    const float* HWY_RESTRICT x = in + r * stride;
    float* HWY_RESTRICT y = out + r * stride;
    int64_t c = 0;
    for (; c + lanes <= ncols; c += lanes) {
      const auto v = hn::PromoteTo(d, hn::LoadU(df, x + c));
      const auto before = hn::LoadU(d, acc + c);
      const auto a = kProduct ? hn::Mul(before, v) : hn::Add(before, v);
      hn::StoreU(a, d, acc + c);
      hn::StoreU(hn::DemoteTo(df, a), df, y + c);
    }
    for (; c < ncols; ++c) y[c] = static_cast<float>(acc[c] = step<kProduct>(acc[c], x[c]));
  }
}

template <bool kProduct, class T>
void scan_cols(const T* in, T* out, int64_t nrows, int64_t stride, int64_t ncols, T* acc) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < nrows; ++r) {
    const T* HWY_RESTRICT x = in + r * stride;
    T* HWY_RESTRICT y = out + r * stride;
    int64_t c = 0;
    if constexpr (!kProduct || std::is_floating_point_v<T>) {
      for (; c + lanes <= ncols; c += lanes) {
        auto a = hn::LoadU(d, acc + c);
        if constexpr (kProduct) {
          a = hn::Mul(a, hn::LoadU(d, x + c));
        } else {
          a = hn::Add(a, hn::LoadU(d, x + c));
        }
        hn::StoreU(a, d, acc + c);
        hn::StoreU(a, d, y + c);
      }
    }
    for (; c < ncols; ++c) y[c] = acc[c] = step<kProduct>(acc[c], x[c]);
  }
}

/// Lanes shifted up by `by`, filled with the identity.
template <bool kProduct, class D, class V>
HWY_INLINE V shift_up(D d, V v, size_t by) {
#if HWY_TARGET == HWY_SCALAR
  (void)by;
  return hn::Set(d, hn::TFromD<D>(kProduct ? 1 : 0));
#else
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  const auto from = hn::Sub(hn::Iota(di, 0), hn::Set(di, static_cast<I>(by)));
  const auto inside = hn::RebindMask(d, hn::Gt(from, hn::Set(di, I(-1))));
  const auto lanes = hn::IfThenElseZero(hn::Gt(from, hn::Set(di, I(-1))), from);
  const auto moved = hn::TableLookupLanes(v, hn::IndicesFromVec(d, lanes));
  if constexpr (kProduct) return hn::IfThenElse(inside, moved, hn::Set(d, hn::TFromD<D>(1)));
  return hn::IfThenElseZero(inside, moved);
#endif
}

template <bool kProduct, class V>
HWY_INLINE V combine(V a, V b) {
  if constexpr (kProduct) {
    return hn::Mul(a, b);
  } else {
    return hn::Add(a, b);
  }
}

template <class D, class T>
HWY_INLINE hn::Vec<D> load_wide(D d, const T* p) {
  if constexpr (std::is_same_v<T, hn::TFromD<D>>) {
    return hn::LoadU(d, p);
  } else {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, D>(), p));
  }
}

template <class D, class T>
HWY_INLINE void store_narrow(hn::Vec<D> v, D d, T* p) {
  if constexpr (std::is_same_v<T, hn::TFromD<D>>) {
    hn::StoreU(v, d, p);
  } else {
    const hn::Rebind<T, D> narrow;
    hn::StoreU(hn::DemoteTo(narrow, v), narrow, p);
  }
}

template <bool kProduct, class T, class A>
void scan_row(const T* HWY_RESTRICT in, T* HWY_RESTRICT out, int64_t n, A acc) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (!kProduct || std::is_floating_point_v<T>) {
    const hn::ScalableTag<A> d;
    const hn::RebindToSigned<decltype(d)> di;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const auto last = hn::IndicesFromVec(d, hn::Set(di, static_cast<hn::TFromD<decltype(di)>>(lanes - 1)));
    auto before = hn::Set(d, acc);
    for (; i + lanes <= n; i += lanes) {
      auto v = load_wide(d, in + i);
      for (size_t by = 1; by < static_cast<size_t>(lanes); by *= 2)
        v = combine<kProduct>(v, shift_up<kProduct>(d, v, by));
      store_narrow(combine<kProduct>(before, v), d, out + i);
      before = combine<kProduct>(before, hn::TableLookupLanes(v, last));
    }
    acc = hn::GetLane(before);
  }
#endif
  for (; i < n; ++i) out[i] = static_cast<T>(acc = step<kProduct>(acc, in[i]));
}

template <class T>
void fill_table(ScanKernels<T>* t) {
  using A = typename ScanKernels<T>::Acc;
  if constexpr (std::is_same_v<T, float>) {
    t->sum_columns = scan_cols<false>;
    t->prod_columns = scan_cols<true>;
  } else {
    t->sum_columns = scan_cols<false, T>;
    t->prod_columns = scan_cols<true, T>;
  }
  t->sum_row = scan_row<false, T, A>;
  t->prod_row = scan_row<true, T, A>;
}

}  // namespace

void scan_table_f32(ScanKernels<float>* t) { fill_table(t); }
void scan_table_f64(ScanKernels<double>* t) { fill_table(t); }
void scan_table_i64(ScanKernels<int64_t>* t) { fill_table(t); }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
namespace {
HWY_EXPORT(scan_table_f32);
HWY_EXPORT(scan_table_f64);
HWY_EXPORT(scan_table_i64);
}  // namespace

#define RT_SCAN_TABLE(T, NAME)               \
  template <>                                \
  const ScanKernels<T>& scan_kernels<T>() {  \
    static const ScanKernels<T> table = [] { \
      ScanKernels<T> t;                      \
      HWY_DYNAMIC_DISPATCH(NAME)(&t);        \
      return t;                              \
    }();                                     \
    return table;                            \
  }
RT_SCAN_TABLE(float, scan_table_f32)
RT_SCAN_TABLE(double, scan_table_f64)
RT_SCAN_TABLE(int64_t, scan_table_i64)
#undef RT_SCAN_TABLE

}  // namespace rustorch::cpu
#endif
