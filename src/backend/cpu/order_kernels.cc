// The filter of top-k: which elements of a block can still be among the best; compiled once per instruction
// set.
#include <cstdint>

#include "backend/cpu/order_select.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/order_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Keeps what is better than limit, and nan where it may be: the caller compares keys exactly.
int64_t collect_f32(const float* HWY_RESTRICT x, int64_t first, int64_t last, bool descending, float limit,
                    int32_t* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto bound = hn::Set(d, limit);
  const bool all = limit != limit && !descending;
  int64_t count = 0, i = first;
  for (; i + 2 * lanes <= last; i += 2 * lanes) {
    const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, x + i + lanes);
    const auto ma = descending ? hn::Not(hn::Le(a, bound)) : hn::Lt(a, bound);
    const auto mb = descending ? hn::Not(hn::Le(b, bound)) : hn::Lt(b, bound);
    if (!all && hn::AllFalse(d, hn::Or(ma, mb))) continue;
    for (int64_t j = i; j < i + 2 * lanes; ++j)
      if (all || (descending ? !(x[j] <= limit) : x[j] < limit)) out[count++] = static_cast<int32_t>(j);
  }
  for (; i < last; ++i)
    if (all || (descending ? !(x[i] <= limit) : x[i] < limit)) out[count++] = static_cast<int32_t>(i);
  return count;
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(collect_f32);

int64_t collect_below(const float* x, int64_t first, int64_t last, bool descending, float limit,
                      int32_t* out) {
  return HWY_DYNAMIC_DISPATCH(collect_f32)(x, first, last, descending, limit, out);
}

}  // namespace rustorch::cpu
#endif
