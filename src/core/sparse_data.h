// SparseData: what a sparse tensor holds instead of elements in strided memory.
//
// Note [Sparse layouts]
// A sparse tensor is a Tensor like any other: handle, sizes, dtype, device, autograd state. Its TensorImpl
// has a flag (is_sparse()) and a Storage without bytes whose context is a SparseData, so that aliases
// (detach(), saved twins) share the parts and one version counter, as views of dense tensors share bytes.
//   sparse_coo   indices [sparse_dim, nnz] int64, values [nnz, dense sizes]; coalesced: sorted, no place
//   twice sparse_csr   indices = crow [batch, rows + 1], plain = col [batch, nnz]; csc: ccol and row; bsr,
//   bsc: of blocks,
//                values [batch, nnz, block rows, block columns, dense sizes]
// The parts have no history. What is differentiable goes through two primitives of ops/sparse.ops:
// _sparse_values (sparse -> values) and _sparse_coo/_sparse_compressed/_sparse_with_values (values ->
// sparse): almost all sparse operators are compositions of dense ones between these, and get every derivative
// from that. A call with a sparse argument leaves the dense path at the one test that a generated wrapper
// makes before its body (`transforming() || any_sparse(...)`); transform_call() then runs the rule that the
// entry names in its `sparse` line, in src/sparse. Without that line the rule is refusal, with the names of
// operator and layout: so an operator that nobody thought of never reads memory that is not there. Pointwise
// plans refuse once more, because gradient kernels come to them without a wrapper. Entries of `family sparse`
// take sparse tensors themselves. Threads: as for other tensors; replace_sparse is a write.
#pragma once
#include "rustorch/layout.h"
#include "rustorch/tensor.h"

namespace rustorch {

struct SparseData {
  Layout layout = Layout::SparseCoo;
  bool coalesced = false;
  Tensor indices, plain, values;
};

/// The parts of a tensor whose impl()->is_sparse() and not is_quantized().
const SparseData& sparse_data(const Tensor& t);
/// A tensor of these parts, which are taken as they are: dtype and device are those of the values.
Tensor make_sparse(SparseData data, IntArrayRef sizes);
/// t takes over size and parts of the sparse tensor from; aliases of t see the parts. Bumps the version.
void replace_sparse(const Tensor& t, const Tensor& from);
/// Changes what t says of itself: that its places are in order, each once.
void set_coalesced(const Tensor& t, bool on);

}  // namespace rustorch
