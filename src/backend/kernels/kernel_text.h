// What the hand-written kernels share: macros for the dtype of an operand, strided views, scratch memory, and
// the report of positions whose index is out of range.
//
// A kernel's text is written once for all dtypes in terms of these macros (P is a prefix, often empty):
//   PM               type of an element in memory
//   PT               type in which it is computed
//   PLOAD(p, i)      element i of p as a PT
//   PSTORE(p, i, v)  statement that writes it
//   PCOPY(q, j, p, i) statement: element j of q = element i of p, bit by bit
//   PONE, PMUL(a, b) the number one, a product (complex numbers are float2, double2)
#pragma once
#include <climits>
#include <string>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/source.h"
#include "expr/compute_type.h"

namespace rustorch::kernels {

/// Work items of a group of the kernels that fold something together.
inline constexpr int64_t kLanes = 64;

/// The macros of an operand; the compute type is that of the dtype unless given.
std::string operand_text(const char* prefix, DType t);
std::string operand_text(const char* prefix, DType t, ComputeType compute);
/// `State`, rt_start(), rt_join(), rt_add(state, value) and rt_log(state): the logarithm of a sum of
/// exponentials of numbers of that type, real or complex.
std::string log_sum_text(ComputeType t);
/// `T rt_fold(local T* part, T v, bool max_of)`: the sum or maximum of v over the 64 items of a group; T is
/// defined.
extern const char* const kFoldText;
/// Type that moves elements of a dtype's size without looking at them.
const char* move_type(DType t);

/// A tensor's layout for index computations on the device; element i counts in row-major order. Dimensions
/// innermost first, merged where they can be.
struct View {
  static constexpr int kMax = 8;
  int64_t ndim = 0, at = 0, narrow = 0;  // narrow: positions fit in 31 bits
  int64_t size[kMax] = {}, stride[kMax] = {};
};
/// False when the layout has too many dimensions.
bool make_view(IntArrayRef sizes, IntArrayRef strides, int64_t offset, View* view);
bool make_view(const Tensor& t, View* view);
/// `View` and `long rt_at(const View*, long i)` for programs.
extern const char* const kViewText;
/// The same on the CPU.
int64_t element_at(const View& view, int64_t i);

/// Uninitialised memory on the device of a tensor, 1-d.
Tensor scratch(const Tensor& beside, int64_t n, DType t);
/// The same bytes under other sizes (contiguous) or another dtype of equal size.
Tensor alias(const Tensor& t, IntArrayRef sizes, IntArrayRef strides, int64_t offset, DType dtype);
/// t, or a contiguous copy of it.
Tensor as_contiguous(const Tensor& t);

/// Collects the lowest position that a kernel finds wrong: `volatile global int* bad`, atomic_min(bad, ...).
class BadPosition {
 public:
  explicit BadPosition(const Tensor& beside);
  const Tensor& flag() const { return flag_; }
  /// Waits for the device; -1 when nothing was wrong.
  int64_t first() const;

 private:
  Tensor flag_;
};
/// One int64 element of a tensor, read from the device.
int64_t read_int64(const Tensor& t, int64_t offset);

/// The order of the rows of keys (contiguous, [rows, n]): element r * n + i of the int32 result is the place
/// in row r of its i-th smallest (descending: largest) element. nan counts as the largest; equal ones keep
/// their order. n < 2^31. below: integer keys are known to be in [0, below); 0: nothing is known.
Tensor sorted_order(const Tensor& keys, int64_t rows, int64_t n, bool descending, int64_t below = 0);
/// The same by digits, for many keys.
Tensor radix_order(const Tensor& keys, int64_t rows, int64_t n, bool descending, int64_t below);

}  // namespace rustorch::kernels
