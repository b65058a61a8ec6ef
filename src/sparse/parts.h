// Places of sparse tensors: as coordinates, as flat numbers, as compressed rows. Nothing here has history.
#pragma once
#include <vector>

#include "core/sparse_data.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/sparse.h"

namespace rustorch::sparse_detail {

inline bool is_sparse(const Tensor& t) { return t.layout() != Layout::Strided; }
inline bool is_coo(const Tensor& t) { return t.layout() == Layout::SparseCoo; }
inline bool is_compressed(const Tensor& t) { return is_sparse(t) && !is_coo(t); }
inline bool is_blocked(Layout l) { return l == Layout::SparseBsr || l == Layout::SparseBsc; }
/// Compressed by rows (csr, bsr) rather than by columns.
inline bool by_rows(Layout l) { return l == Layout::SparseCsr || l == Layout::SparseBsr; }

/// Number of dimensions with indices; for compressed layouts 2, after batch_dims(t).
int64_t sparse_dims(const Tensor& t);
int64_t batch_dims(const Tensor& t);

/// Place of each column of indices [d, n] in row-major order of sizes[0..d).
Tensor flat_places(const Tensor& indices, IntArrayRef sizes);
/// The opposite: [d, n].
Tensor coordinates(const Tensor& flat, IntArrayRef sizes);
/// The values of a compressed tensor one element each: [elements, dense sizes], and the coordinates that
/// belong to them.
Tensor element_values(const Tensor& t, const Tensor& values);
Tensor element_indices(const Tensor& t);

/// Each number's count added up: [0, c0, c0 + c1, ...], of length n + 1. Throws Index for numbers outside of
/// [0, n).
Tensor row_starts(const Tensor& rows, int64_t n);
/// Whether the numbers grow strictly.
bool is_increasing(const Tensor& flat);
/// True for one memory, or for equal contents.
bool same_places(const Tensor& a, const Tensor& b);

/// t, or where equal places would count twice in a gradient, t coalesced.
Tensor settled(const Tensor& t);
/// The differentiable sparse_coo tensor with the same elements.
Tensor as_coo(const Tensor& t);
/// A coalesced sparse_coo tensor (with batch dimensions first) in a compressed layout; differentiable.
Tensor compress(const char* op, const Tensor& coo, Layout layout, IntArrayRef block);
/// sparse_coo from parts with history.
inline Tensor coo(const Tensor& indices, const Tensor& values, IntArrayRef sizes, bool coalesced = false) {
  return rustorch::_sparse_coo(indices, values, sizes, coalesced);
}
/// Zeros with n rows like those of values, with values added to rows at places. bool adds as "or".
Tensor add_rows(int64_t n, const Tensor& places, const Tensor& values);

}  // namespace rustorch::sparse_detail
