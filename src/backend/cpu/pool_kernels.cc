// Vector kernels of pool_kernels.h, compiled once per instruction set.
#include "backend/cpu/pool_kernels.h"

#include <limits>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/pool_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/nn_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

// f(k, v) for k = 0..kernel-1 with v[lane] = p[lane * stride + k * dilation].
template <class T, class F>
HWY_INLINE void window_row(const PoolRow& row, const T* p, F&& f) {
  const hn::ScalableTag<T> d;
  if (row.stride == 1) {
    for (int64_t k = 0; k < row.kernel_w; ++k) f(k, hn::LoadU(d, p + k * row.dilation));
  } else if (row.stride == 2 && row.dilation == 1) {
    hn::Vec<decltype(d)> even, odd;
    for (int64_t k = 0; k < row.kernel_w; k += 2) {
      hn::LoadInterleaved2(d, p + k, even, odd);
      f(k, even);
      if (k + 1 < row.kernel_w) f(k + 1, odd);
    }
  } else {
    const hn::RebindToSigned<decltype(d)> di;
    using TI = hn::TFromD<decltype(di)>;
    const auto index = hn::Mul(hn::Iota(di, 0), hn::Set(di, static_cast<TI>(row.stride)));
    for (int64_t k = 0; k < row.kernel_w; ++k) f(k, hn::GatherIndex(d, p + k * row.dilation, index));
  }
}

template <class T>
void max_row(const PoolRow& row, const T* rows, T* out, uint8_t* mask) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN T places[hn::MaxLanes(hn::ScalableTag<T>())];
  for (int64_t j = 0; j < row.n; j += lanes) {
    auto best = hn::Set(d, -std::numeric_limits<T>::infinity());
    auto place = hn::Zero(d);
    for (int64_t ky = 0; ky < row.kernel_h; ++ky) {
      const int64_t first = ky * row.kernel_w;
      window_row(row, rows + ky * row.row_step + j * row.stride, [&](int64_t kx, auto v) HWY_ATTR {
        const auto take = hn::Or(hn::Gt(v, best), hn::IsNaN(v));
        best = hn::IfThenElse(take, v, best);
        if (mask != nullptr) place = hn::IfThenElse(take, hn::Set(d, static_cast<T>(first + kx)), place);
      });
    }
    const int64_t count = row.n - j < lanes ? row.n - j : lanes;
    if (count == lanes)
      hn::StoreU(best, d, out + j);
    else
      store_n(d, best, out + j, static_cast<size_t>(count));
    if (mask == nullptr) continue;
    if constexpr (sizeof(T) == 4) {
      if (count == lanes) {
        const hn::RebindToSigned<decltype(d)> di;
        const hn::Rebind<uint8_t, decltype(d)> du8;
        hn::StoreU(hn::DemoteTo(du8, hn::ConvertTo(di, place)), du8, mask + j);
        continue;
      }
    }
    hn::Store(place, d, places);
    for (int64_t i = 0; i < count; ++i) mask[j + i] = static_cast<uint8_t>(places[i]);
  }
}

template <class T>
void sum_row(const PoolRow& row, const T* rows, const T* scale, T* out) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < row.n; j += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t ky = 0; ky < row.kernel_h; ++ky)
      window_row(row, rows + ky * row.row_step + j * row.stride,
                 [&](int64_t, auto v) HWY_ATTR { sum = hn::Add(sum, v); });
    if (row.n - j >= lanes) {
      hn::StoreU(hn::Mul(sum, hn::LoadU(d, scale + j)), d, out + j);
    } else {
      const size_t count = static_cast<size_t>(row.n - j);
      store_n(d, hn::Mul(sum, load_n(d, scale + j, count, T(0))), out + j, count);
    }
  }
}

void max_row_f32(const PoolRow& r, const float* x, float* y, uint8_t* m) { max_row(r, x, y, m); }
void max_row_f64(const PoolRow& r, const double* x, double* y, uint8_t* m) { max_row(r, x, y, m); }
void sum_row_f32(const PoolRow& r, const float* x, const float* s, float* y) { sum_row(r, x, s, y); }
void sum_row_f64(const PoolRow& r, const double* x, const double* s, double* y) { sum_row(r, x, s, y); }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(max_row_f32);
HWY_EXPORT(max_row_f64);
HWY_EXPORT(sum_row_f32);
HWY_EXPORT(sum_row_f64);

void max_pool_row(const PoolRow& r, const float* x, float* y, uint8_t* m) {
  HWY_DYNAMIC_DISPATCH(max_row_f32)(r, x, y, m);
}
void max_pool_row(const PoolRow& r, const double* x, double* y, uint8_t* m) {
  HWY_DYNAMIC_DISPATCH(max_row_f64)(r, x, y, m);
}
void sum_pool_row(const PoolRow& r, const float* x, const float* s, float* y) {
  HWY_DYNAMIC_DISPATCH(sum_row_f32)(r, x, s, y);
}
void sum_pool_row(const PoolRow& r, const double* x, const double* s, double* y) {
  HWY_DYNAMIC_DISPATCH(sum_row_f64)(r, x, s, y);
}
}  // namespace rustorch::cpu
#endif
