// The kernels of winograd_kernels.h, compiled once per instruction set.
#include "backend/cpu/conv/winograd_kernels.h"

#include <algorithm>

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/conv/winograd_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu::detail {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, kWinogradLanes>;
using V = hn::Vec<Tag>;
constexpr int64_t kL = static_cast<int64_t>(hn::MaxLanes(Tag()));

void Weights(const float* taps, int64_t ld, int64_t n, bool turned, float* u, int64_t step) {
  const Tag d;
  const V half = hn::Set(d, 0.5f);
  for (int64_t i = 0; i < n; i += kL) {
    V rows[4][3];  // G g
    for (int64_t c = 0; c < 3; ++c) {
      V g[3];
      for (int64_t r = 0; r < 3; ++r)
        g[r] = hn::LoadU(d, taps + (turned ? 8 - 3 * r - c : 3 * r + c) * ld + i);
      const V sum = hn::Add(g[0], g[2]);
      rows[0][c] = g[0];
      rows[1][c] = hn::Mul(half, hn::Add(sum, g[1]));
      rows[2][c] = hn::Mul(half, hn::Sub(sum, g[1]));
      rows[3][c] = g[2];
    }
    for (int64_t r = 0; r < 4; ++r) {
      float* to = u + 4 * r * step + i;
      const V sum = hn::Add(rows[r][0], rows[r][2]);
      hn::StoreU(rows[r][0], d, to);
      hn::StoreU(hn::Mul(half, hn::Add(sum, rows[r][1])), d, to + step);
      hn::StoreU(hn::Mul(half, hn::Sub(sum, rows[r][1])), d, to + 2 * step);
      hn::StoreU(rows[r][2], d, to + 3 * step);
    }
  }
}

void Input(const float* rows, int64_t ld, int64_t tiles, float* v, int64_t step) {
  const Tag d;
  for (int64_t t = 0; t < tiles; t += kL) {
    V x[4][4];  // d B
    HWY_UNROLL(4) for (int64_t r = 0; r < 4; ++r) {
      V a, b, c, e;
      hn::LoadInterleaved2(d, rows + r * ld + 2 * t, a, b);
      hn::LoadInterleaved2(d, rows + r * ld + 2 * t + 2, c, e);
      x[r][0] = hn::Sub(a, c);
      x[r][1] = hn::Add(b, c);
      x[r][2] = hn::Sub(c, b);
      x[r][3] = hn::Sub(b, e);
    }
    HWY_UNROLL(4) for (int64_t c = 0; c < 4; ++c) {
      float* to = v + c * step + t;
      hn::StoreU(hn::Sub(x[0][c], x[2][c]), d, to);
      hn::StoreU(hn::Add(x[1][c], x[2][c]), d, to + 4 * step);
      hn::StoreU(hn::Sub(x[2][c], x[1][c]), d, to + 8 * step);
      hn::StoreU(hn::Sub(x[1][c], x[3][c]), d, to + 12 * step);
    }
  }
}

HWY_INLINE void store_pairs(V even, V odd, float* to, int64_t columns) {
  const Tag d;
  if (columns >= 2 * kL) return hn::StoreInterleaved2(even, odd, d, to);
  HWY_ALIGN float both[2 * kL];
  hn::StoreInterleaved2(even, odd, d, both);
  std::copy_n(both, columns, to);
}

bool Output(const float* m, int64_t step, int64_t columns, float* out, int64_t ld, bool two_rows) {
  const Tag d;
  V odd_ones = hn::Zero(d);  // 0 times every result
  for (int64_t t = 0; 2 * t < columns; t += kL) {
    V rows[2][4];  // A^T m
    HWY_UNROLL(4) for (int64_t c = 0; c < 4; ++c) {
      const float* from = m + c * step + t;
      const V a = hn::LoadU(d, from), b = hn::LoadU(d, from + 4 * step), e = hn::LoadU(d, from + 8 * step),
              f = hn::LoadU(d, from + 12 * step);
      rows[0][c] = hn::Add(hn::Add(a, b), e);
      rows[1][c] = hn::Sub(hn::Sub(b, e), f);
    }
    const int64_t left = columns - 2 * t;
    const auto there = hn::FirstN(d, static_cast<size_t>(std::min(kL, (left + 1) / 2)));
    HWY_UNROLL(2) for (int64_t r = 0; r < 2; ++r) {
      const V even = hn::Add(hn::Add(rows[r][0], rows[r][1]), rows[r][2]);
      const V odd = hn::Sub(hn::Sub(rows[r][1], rows[r][2]), rows[r][3]);
      const V zeros = hn::Mul(hn::Zero(d), hn::Add(hn::Abs(even), hn::Abs(odd)));
      odd_ones = hn::Add(odd_ones, hn::IfThenElseZero(there, zeros));
      if (r == 0 || two_rows) store_pairs(even, odd, out + r * ld + 2 * t, left);
    }
  }
  return hn::AllTrue(d, hn::Eq(odd_ones, hn::Zero(d)));
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu::detail
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu::detail {

HWY_EXPORT(Weights);
HWY_EXPORT(Input);
HWY_EXPORT(Output);

void winograd_weights(const float* taps, int64_t ld, int64_t n, bool turned, float* u, int64_t step) {
  HWY_DYNAMIC_DISPATCH(Weights)(taps, ld, n, turned, u, step);
}
void winograd_input(const float* rows, int64_t ld, int64_t tiles, float* v, int64_t step) {
  HWY_DYNAMIC_DISPATCH(Input)(rows, ld, tiles, v, step);
}
bool winograd_output(const float* m, int64_t step, int64_t columns, float* out, int64_t ld, bool two_rows) {
  return HWY_DYNAMIC_DISPATCH(Output)(m, step, columns, out, ld, two_rows);
}

}  // namespace rustorch::cpu::detail
#endif  // HWY_ONCE
