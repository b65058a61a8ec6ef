// What the bodies of the linear algebra operators share: checks with PyTorch's wording, copies in the layout
// that the backend asks for, errors from info.
#pragma once
#include <optional>
#include <string_view>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl_linalg.h"
#include "ops/make.h"
#include "ops/matmul_grad.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"

namespace rustorch::linalg_detail {

/// float32, float64, complex64 or complex128; throws NotImplemented otherwise.
void check_dtype(const char* op, const Tensor& t);
/// At least two dimensions.
void check_matrix(const char* op, const Tensor& t, const char* name = "A");
/// check_matrix, and equal last dimensions.
void check_square(const char* op, const Tensor& t, const char* name = "A");
void check_same_dtype(const char* op, const Tensor& a, const Tensor& b);

/// All dimensions but the last two (or the last `inner`).
DimVector batch_of(const Tensor& t, int64_t inner = 2);
/// batch with two more dimensions (one, when n is negative).
DimVector with_matrix(IntArrayRef batch, int64_t m, int64_t n = -1);

/// Uninitialised matrices whose columns (rows) are contiguous.
Tensor new_columns(IntArrayRef batch, int64_t m, int64_t n, const Tensor& like);
Tensor new_rows(IntArrayRef batch, int64_t m, int64_t n, const Tensor& like);
/// A copy of t, broadcast to the batch, whose columns (rows) are contiguous.
Tensor columns(const Tensor& t, IntArrayRef batch);
Tensor rows(const Tensor& t, IntArrayRef batch);
inline Tensor columns(const Tensor& t) { return columns(t, batch_of(t)); }
inline Tensor rows(const Tensor& t) { return rows(t, batch_of(t)); }

/// What new_... made as [batch, m, n]; or vectors as [batch, n] with inner 1.
Tensor flat(const Tensor& t, int64_t inner = 2);
/// Matrices to read as [batch, m, n], by rows or columns; copied only when they lie otherwise.
Tensor flat_to_read(const Tensor& t, IntArrayRef batch);
/// int32 zeros of the batch.
Tensor make_info(IntArrayRef batch, const Tensor& like);
/// Uninitialised vectors.
Tensor make_vectors(IntArrayRef batch, int64_t n, DType dtype, const Tensor& like);
/// n x n unit matrices of the batch, not writable (broadcast).
Tensor identity(const Tensor& like, int64_t n);
/// Fills t with a number, no history.
void fill_all(const Tensor& t, const Scalar& value);

/// Throws LinAlg with PyTorch's words for the routine when an info is not zero.
void check_info(const char* op, const Tensor& info);

/// True when B of solve() is a vector (or a batch of vectors) for the matrices A.
bool is_vector_case(const Tensor& a, const Tensor& b);
/// A X = B or X A = B must fit.
void check_system(const char* op, const Tensor& a, const Tensor& b, bool left);

}  // namespace rustorch::linalg_detail
