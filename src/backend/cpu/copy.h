// Copying on the CPU: any strides, any pair of dtypes.
//
// copy_strided is the primitive that the index, concatenation and layout kernels share: plain pointers, any
// strides (also zero and negative). Source and destination must not overlap unless they are the same elements
// in the same order. Parallel, with chunks that do not depend on the number of threads.
#pragma once
#include <cstdint>

#include "rustorch/array_ref.h"
#include "rustorch/dtype.h"
#include "rustorch/scalar.h"
#include "rustorch/tensor.h"

namespace rustorch::cpu {

/// One side of a copy: first element, dtype and strides in elements.
struct StridedOperand {
  void* data;
  DType dtype;
  IntArrayRef strides;
};

void copy_strided(IntArrayRef sizes, const StridedOperand& dst, const StridedOperand& src);

/// dst = src converted to the dtype of dst; same shape.
void copy(const Tensor& dst, const Tensor& src);
/// out = the parts one after the other along dim; false (nothing done) unless all are contiguous, of one
/// dtype and short along dim.
bool join(const Tensor& out, TensorList parts, int dim);
/// Every element of dst = value converted to its dtype.
void fill(const Tensor& dst, const Scalar& value);

/// The bytes of value as an element of dtype t, written to out (16 bytes of room).
void scalar_bytes(const Scalar& value, DType t, void* out);

/// Converts n consecutive elements, in up to three steps through types between.
class CastRun {
 public:
  using Step = void (*)(void* dst, const void* src, int64_t n);
  CastRun(Step step = nullptr) : last_(step) {}
  /// Null for a step that is not needed, but never for the last; bytes of an element at both ends.
  CastRun(Step first, Step middle, Step last, size_t from_bytes, size_t to_bytes)
      : first_(first), middle_(middle), last_(last), from_bytes_(from_bytes), to_bytes_(to_bytes) {}
  void operator()(void* dst, const void* src, int64_t n) const {
    if (first_ == nullptr && middle_ == nullptr) return last_(dst, src, n);
    in_steps(dst, src, n);
  }
  explicit operator bool() const { return last_ != nullptr; }

 private:
  void in_steps(void* dst, const void* src, int64_t n) const;

  Step first_ = nullptr, middle_ = nullptr, last_;
  size_t from_bytes_ = 0, to_bytes_ = 0;
};
CastRun cast_run(DType to, DType from);

/// dst[j * dst_stride + i] = src[j + i * src_stride] for i < cols, j < rows, elements of item bytes, for
/// tiles [j0, j1) of rows. `stream` writes around the caches.
void transpose_tile(void* dst, int64_t dst_stride, const void* src, int64_t src_stride, int64_t rows,
                    int64_t cols, size_t item, bool stream);

/// memcpy that may write around the caches for data too large to be kept there.
void copy_bytes(void* dst, const void* src, size_t n, bool stream);

/// memcpy for one of many runs of some hundred to some thousand bytes. (That of glibc goes backward where the
/// addresses agree in their low 12 bits, against the processor's prefetching: joining rows of 1 KB took twice
/// as long.)
void copy_run(void* dst, const void* src, size_t n);

}  // namespace rustorch::cpu
