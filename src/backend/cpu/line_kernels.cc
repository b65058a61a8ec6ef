#include "backend/cpu/line_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/line_kernels.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class T>
HWY_ATTR bool gather_typed(T* HWY_RESTRICT out, const T* HWY_RESTRICT in, const int64_t* HWY_RESTRICT index,
                           int64_t n, int64_t limit) {
  const auto top = static_cast<uint64_t>(limit);
  uint64_t bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    const auto v = static_cast<uint64_t>(index[i]);
    const uint64_t ok = v < top ? 1 : 0;
    bad |= ok ^ 1;
    out[i] = in[v & (0 - ok)];
  }
  return bad == 0;
}

HWY_ATTR bool gather_any(void* out, const void* in, const int64_t* index, int64_t n, int64_t limit,
                         size_t item) {
  switch (item) {
    case 1:
      return gather_typed(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(in), index, n, limit);
    case 2:
      return gather_typed(static_cast<uint16_t*>(out), static_cast<const uint16_t*>(in), index, n, limit);
    case 4:
      return gather_typed(static_cast<uint32_t*>(out), static_cast<const uint32_t*>(in), index, n, limit);
    default:
      return gather_typed(static_cast<uint64_t*>(out), static_cast<const uint64_t*>(in), index, n, limit);
  }
}

template <class T>
HWY_ATTR void blend_typed(T* out, const T* in, const unsigned char* HWY_RESTRICT mask, T value, int64_t n) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
  for (int64_t i = 0; i < n; ++i) {
    const T keep = static_cast<T>(static_cast<T>(mask[i] != 0) - 1);  // all ones where in stays
    out[i] = static_cast<T>((in[i] & keep) | (value & static_cast<T>(~keep)));
  }
}

HWY_ATTR void blend_any(void* out, const void* in, const unsigned char* mask, const void* value, int64_t n,
                        size_t item) {
  switch (item) {
    case 1:
      return blend_typed(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(in), mask,
                         *static_cast<const uint8_t*>(value), n);
    case 2:
      return blend_typed(static_cast<uint16_t*>(out), static_cast<const uint16_t*>(in), mask,
                         *static_cast<const uint16_t*>(value), n);
    case 4:
      return blend_typed(static_cast<uint32_t*>(out), static_cast<const uint32_t*>(in), mask,
                         *static_cast<const uint32_t*>(value), n);
    default:
      return blend_typed(static_cast<uint64_t*>(out), static_cast<const uint64_t*>(in), mask,
                         *static_cast<const uint64_t*>(value), n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {

HWY_EXPORT(gather_any);
HWY_EXPORT(blend_any);

bool gather_line(void* out, const void* in, const int64_t* index, int64_t n, int64_t limit, size_t item) {
  return HWY_DYNAMIC_DISPATCH(gather_any)(out, in, index, n, limit, item);
}

void blend_run(void* out, const void* in, const unsigned char* mask, const void* value, int64_t n,
               size_t item) {
  HWY_DYNAMIC_DISPATCH(blend_any)(out, in, mask, value, n, item);
}

}  // namespace rustorch::cpu
#endif  // HWY_ONCE
