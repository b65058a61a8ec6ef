// Column scans (running sums and products down neighbouring columns), compiled once per instruction set.
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

}  // namespace

void scan_table_f32(ColumnScan<float>* t) { *t = {scan_cols<false>, scan_cols<true>}; }
void scan_table_f64(ColumnScan<double>* t) { *t = {scan_cols<false, double>, scan_cols<true, double>}; }
void scan_table_i64(ColumnScan<int64_t>* t) { *t = {scan_cols<false, int64_t>, scan_cols<true, int64_t>}; }

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

#define RT_SCAN_TABLE(T, NAME)                    \
  template <>                                     \
  const ColumnScan<T>& column_scan<T>() {         \
    static const ColumnScan<T> table = [] {       \
      ColumnScan<T> t;                            \
      HWY_DYNAMIC_DISPATCH(NAME)(&t);             \
      return t;                                   \
    }();                                          \
    return table;                                 \
  }
RT_SCAN_TABLE(float, scan_table_f32)
RT_SCAN_TABLE(double, scan_table_f64)
RT_SCAN_TABLE(int64_t, scan_table_i64)
#undef RT_SCAN_TABLE

}  // namespace rustorch::cpu
#endif
