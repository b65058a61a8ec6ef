// The tiled product behind matmul and convolution, as text.
//
// A group of 8 x 8 items makes a tile of 32 x 32 results, 4 x 4 for each item, in steps of 16 along the
// summed dimension. In front of it stand T, ONE/MUL (kernel_text.h) and:
//   A(r, q), B(q, c)      elements, zero outside of the matrices
//   BEGIN                 declarations that A and B use; `item`, `row0`, `col0`, `batch` are known there
//   A_ALONG_Q, B_ALONG_Q  whether neighbours along q lie next to each other in memory
//   Q_BEGIN, Q_END        the range of q
//   RESULT(r, c, v)       what happens to a result
//   ARGUMENTS             of the kernel
#pragma once
#include <cstddef>
#include <cstdint>

namespace rustorch::kernels {

inline constexpr size_t kTile = 32, kTileItems = 8;

/// Global size in work items for n rows or columns.
inline size_t tile_items(int64_t n) { return (static_cast<size_t>(n) + kTile - 1) / kTile * kTileItems; }

inline constexpr const char* kTileText = R"(
RT_GROUP(8, 8)
void run(ARGUMENTS) {
  RT_SHARED T ta[16][33], tb[16][33];
  const int lx = get_local_id(0), ly = get_local_id(1), item = ly * 8 + lx;
  const long row0 = get_group_id(1) * 32L, col0 = get_group_id(0) * 32L, batch = get_group_id(2);
  BEGIN
  T acc[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) acc[i][j] = 0;
  for (long k0 = Q_BEGIN; k0 < Q_END; k0 += 16) {
    for (int e = item; e < 512; e += 64) {
      /* neighbours of an item read neighbours in memory, whichever way the matrix lies */
      const int i = A_ALONG_Q ? e / 16 : e % 32, k = A_ALONG_Q ? e % 16 : e / 32;
      const int j = B_ALONG_Q ? e / 16 : e % 32, l = B_ALONG_Q ? e % 16 : e / 32;
      ta[k][i] = A(row0 + i, k0 + k);
      tb[l][j] = B(k0 + l, col0 + j);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    T sum[4][4]; /* sums of 16 first: long sums lose fewer bits */
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) sum[i][j] = 0;
    for (int k = 0; k < 16; ++k) {
      T x[4], y[4];
      for (int i = 0; i < 4; ++i) x[i] = ta[k][ly * 4 + i];
      for (int j = 0; j < 4; ++j) y[j] = tb[k][lx + 8 * j];
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sum[i][j] += MUL(x[i], y[j]);
    }
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) acc[i][j] += sum[i][j];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) RESULT(row0 + ly * 4 + i, col0 + lx + 8 * j, acc[i][j])
}
)";

/// T activate(T v, long kind), kinds as in Epilogue. Needs IS_REAL.
inline constexpr const char* kActivateText = R"(
static inline T activate(T v, long act) {
#if IS_REAL
  switch (act) {
    case 1: return v < 0 ? (T)0 : v;
    case 2: return (T)0.5 * v * ((T)1 + erf(v * RT_SQRT1_2));
    case 3: return (T)0.5 * v * ((T)1 + tanh(RT_SQRT_2_PI * (v + RT_GELU_3 * v * v * v)));
    case 4: return (T)1 / ((T)1 + exp(-v));
    case 5: return tanh(v);
    case 6: return v / ((T)1 + exp(-v));
  }
#endif
  return v;
}
)";

inline constexpr const char* kActivateConstants32 =
    "#define RT_SQRT1_2 0.70710678f\n#define RT_SQRT_2_PI 0.79788456f\n#define RT_GELU_3 0.044715f\n";
inline constexpr const char* kActivateConstants64 =
    "#define RT_SQRT1_2 0.70710678118654752\n#define RT_SQRT_2_PI 0.79788456080286536\n#define RT_GELU_3 "
    "0.044715\n";

}  // namespace rustorch::kernels
