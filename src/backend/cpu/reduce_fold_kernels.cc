// Folds (sum, product, extremes, norms) of contiguous blocks, compiled once per instruction set.
#include <limits>

#include "backend/cpu/reduce_kernels.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/reduce_fold_kernels.cc"
#include "hwy/foreach_target.h"
// After foreach_target.
#include "backend/cpu/reduce_fold-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {
namespace {

template <class Op, class T>
void fold_rows(const T* x, int64_t nrows, int64_t row_stride, int64_t n, wide_t<T>* state, int64_t) {
  for (int64_t r = 0; r < nrows; ++r) state[r] = static_cast<wide_t<T>>(fold_row<Op>(x + r * row_stride, n));
}

template <class Op, class T>
void fold_cols(const T* x, int64_t nrows, int64_t row_stride, int64_t ncols, T* out, int64_t) {
  fold_columns<Op>(x, nrows, row_stride, ncols, out);
}

template <class Op, class T>
void fold_merge_cols(wide_t<T>* state, int64_t, int64_t, const T* piece, int64_t, int64_t, int64_t ncols) {
  for (int64_t c = 0; c < ncols; ++c) state[c] = Op::fold_one(state[c], static_cast<wide_t<T>>(piece[c]));
}

template <class Op, class W>
void fold_merge(W* a, int64_t, int64_t, const W* b, int64_t, int64_t, int64_t count) {
  for (int64_t c = 0; c < count; ++c) a[c] = Op::fold_one(a[c], b[c]);
}

template <class Op, class T>
ReduceKernel<T> make() {
  ReduceKernel<T> k;
  k.initial[0] = static_cast<wide_t<T>>(Op::template neutral<T>());
  k.rows = fold_rows<Op, T>;
  k.cols = fold_cols<Op, T>;
  k.merge_cols = fold_merge_cols<Op, T>;
  k.merge = fold_merge<Op, wide_t<T>>;
  return k;
}

template <class T>
struct FoldTable {
  ReduceKernel<T> k[kFoldOps];
};

template <class T>
FoldTable<T> make_table() {
  FoldTable<T> t;
  if constexpr (!std::is_same_v<T, uint8_t> && !std::is_same_v<T, int32_t>) {
    t.k[static_cast<int>(FoldOp::Sum)] = make<SumOp, T>();
    t.k[static_cast<int>(FoldOp::Prod)] = make<ProdOp, T>();
  }
  t.k[static_cast<int>(FoldOp::Max)] = make<MaxOp, T>();
  t.k[static_cast<int>(FoldOp::Min)] = make<MinOp, T>();
  if constexpr (std::is_same_v<T, int64_t>) t.k[static_cast<int>(FoldOp::Xor)] = make<XorOp, T>();
  if constexpr (std::is_floating_point_v<T>) {
    t.k[static_cast<int>(FoldOp::SumAbs)] = make<SumAbsOp, T>();
    t.k[static_cast<int>(FoldOp::SumSquare)] = make<SumSquareOp, T>();
    t.k[static_cast<int>(FoldOp::SumNan)] = make<SumNanOp, T>();
    t.k[static_cast<int>(FoldOp::MaxAbs)] = make<MaxAbsOp, T>();
    t.k[static_cast<int>(FoldOp::MinAbs)] = make<MinAbsOp, T>();
  }
  return t;
}

}  // namespace

const void* fold_table_f32() {
  static const FoldTable<float> t = make_table<float>();
  return t.k;
}
const void* fold_table_f64() {
  static const FoldTable<double> t = make_table<double>();
  return t.k;
}
const void* fold_table_i32() {
  static const FoldTable<int32_t> t = make_table<int32_t>();
  return t.k;
}
const void* fold_table_i64() {
  static const FoldTable<int64_t> t = make_table<int64_t>();
  return t.k;
}
const void* fold_table_u8() {
  static const FoldTable<uint8_t> t = make_table<uint8_t>();
  return t.k;
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
namespace {
HWY_EXPORT(fold_table_f32);
HWY_EXPORT(fold_table_f64);
HWY_EXPORT(fold_table_i32);
HWY_EXPORT(fold_table_i64);
HWY_EXPORT(fold_table_u8);
}  // namespace

#define RT_FOLD_TABLE(T, NAME)                                                                    \
  template <>                                                                                     \
  const ReduceKernel<T>& fold_kernel<T>(FoldOp op) {                                              \
    static const auto* table = static_cast<const ReduceKernel<T>*>(HWY_DYNAMIC_DISPATCH(NAME)()); \
    return table[static_cast<int>(op)];                                                           \
  }
RT_FOLD_TABLE(float, fold_table_f32)
RT_FOLD_TABLE(double, fold_table_f64)
RT_FOLD_TABLE(int32_t, fold_table_i32)
RT_FOLD_TABLE(int64_t, fold_table_i64)
RT_FOLD_TABLE(uint8_t, fold_table_u8)
#undef RT_FOLD_TABLE

}  // namespace rustorch::cpu
#endif
