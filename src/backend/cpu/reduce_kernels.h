// The vector kernels under every reduction: what one core does with a block of contiguous elements of a
// compute type.
//
// A kernel turns a piece of the input into a state of a few numbers per result ("components") and merges
// states. Rows: each result comes from neighbouring elements. Columns: neighbouring elements belong to
// neighbouring results. States are kept in a wide type (double for floats, int64 for integers), so that
// merging pieces adds no rounding error worth speaking of. Tables are chosen once per process for the best
// instruction set.
#pragma once
#include <cstdint>
#include <type_traits>

namespace rustorch::cpu {

/// How elements are folded to one number.
enum class FoldOp : uint8_t { Sum, SumAbs, SumSquare, SumNan, Prod, Max, Min, MaxAbs, MinAbs, Xor };
inline constexpr int kFoldOps = 10;

template <class T>
using wide_t = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;

template <class T>
struct ReduceKernel {
  using W = wide_t<T>;
  int comps = 1;         ///< numbers of state for one result
  int col_comps = 1;     ///< numbers that `cols` writes for one result
  int piece_rows = 128;  ///< rows in one call of `cols`
  W initial[2] = {};     ///< state of nothing
  /// state[k * comp_stride + r] = state of x[r * row_stride ... + n).
  void (*rows)(const T* x, int64_t nrows, int64_t row_stride, int64_t n, W* state,
               int64_t comp_stride) = nullptr;
  /// out[k * comp_stride + c] = what merge_cols needs about column c of the nrows x ncols block at x.
  void (*cols)(const T* x, int64_t nrows, int64_t row_stride, int64_t ncols, T* out,
               int64_t comp_stride) = nullptr;
  /// Merges the output of cols (nb rows) into the states (which stand for na elements each).
  void (*merge_cols)(W* state, int64_t state_stride, int64_t na, const T* piece, int64_t piece_stride,
                     int64_t nb, int64_t ncols) = nullptr;
  /// Merges states b into a.
  void (*merge)(W* a, int64_t a_stride, int64_t na, const W* b, int64_t b_stride, int64_t nb,
                int64_t count) = nullptr;
};

/// T: float, double, int32_t (Max, Min only), int64_t, uint8_t (Max, Min only). Xor: int64_t only.
template <class T>
const ReduceKernel<T>& fold_kernel(FoldOp op);
/// State: mean, sum of squared differences from it. T: float, double.
template <class T>
const ReduceKernel<T>& moments_kernel();
/// State: maximum m, sum of exp(x - m). T: float, double.
template <class T>
const ReduceKernel<T>& logsumexp_kernel();

}  // namespace rustorch::cpu
