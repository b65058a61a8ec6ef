// Sparse tensors from parts that come from outside: everything is checked, because nothing that is done with
// them later shall read beyond their memory.
#include <algorithm>

#include "autograd/transform_call.h"
#include "gen/impl_sparse.h"
#include "ops/make.h"
#include "sparse/parts.h"

namespace rustorch::impl {

using namespace sparse_detail;

namespace {
void expect_integers(const char* op, const char* name, const Tensor& t) {
  if (is_sparse(t)) raise_sparse(op, t);
  RT_CHECK(is_integral(t.dtype(), false), Type, op, "expected ", name, " to be an int64 tensor; got ",
           dtype_name(t.dtype()));
}

std::pair<int64_t, int64_t> bounds(const Tensor& t) {
  return {t.min().item<int64_t>(), t.max().item<int64_t>()};
}
}  // namespace

Tensor _sparse_coo_checked(const Tensor& indices, const Tensor& values, std::optional<IntArrayRef> size,
                           std::optional<bool> is_coalesced) {
  constexpr const char* kOp = "sparse_coo_tensor";
  expect_integers(kOp, "indices", indices);
  if (is_sparse(values)) raise_sparse(kOp, values);
  RT_CHECK(indices.dim() == 2, Shape, kOp, "indices must be sparse_dim x nnz, but got: ", indices.sizes());
  RT_CHECK(values.dim() >= 1, Shape, kOp, "values must have at least one dimension, got: ", values.sizes());
  RT_CHECK(indices.size(1) == values.size(0), Shape, kOp,
           "indices and values must have same nnz, but got nnz from indices: ", indices.size(1),
           ", nnz from values: ", values.size(0));
  RT_CHECK(indices.device() == values.device(), Device, kOp, "device of indices (", indices.device(),
           ") must match device of values (", values.device(), ")");
  const int64_t sparse = indices.size(0), dense = values.dim() - 1, nnz = indices.size(1);
  const Tensor at = indices.to(kInt64);
  std::vector<int64_t> sizes;
  if (size) {
    sizes = size->vec();
    RT_CHECK(static_cast<int64_t>(sizes.size()) == sparse + dense, Shape, kOp,
             "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = ", sizes.size(),
             ", sparse_dim = ", sparse, ", dense_dim = ", dense);
    for (int64_t s : sizes) RT_CHECK(s >= 0, Value, kOp, "negative sizes are not allowed; got ", *size);
    for (int64_t i = 0; i < dense; ++i)
      RT_CHECK(values.size(i + 1) == sizes[static_cast<size_t>(sparse + i)], Shape, kOp,
               "values has incorrect size, expected ", IntArrayRef(sizes).slice(static_cast<size_t>(sparse)),
               ", got ", values.sizes().slice(1));
  } else {
    for (int64_t i = 0; i < sparse; ++i) {
      const int64_t most = nnz == 0 ? -1 : at.select(0, i).max().item<int64_t>();
      sizes.push_back(most + 1);
    }
    for (int64_t i = 0; i < dense; ++i) sizes.push_back(values.size(i + 1));
  }
  for (int64_t i = 0; i < sparse && nnz > 0; ++i) {
    const auto [low, high] = bounds(at.select(0, i));
    RT_CHECK(low >= 0, Index, kOp, "found negative index ", low, " for dim ", i);
    RT_CHECK(high < sizes[static_cast<size_t>(i)], Index, kOp, "size is inconsistent with indices: for dim ",
             i, ", size is ", sizes[static_cast<size_t>(i)], " but found index ", high);
  }
  if (is_coalesced.value_or(false))
    RT_CHECK(is_increasing(flat_places(at, IntArrayRef(sizes).slice(0, static_cast<size_t>(sparse)))), Value,
             kOp, "cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor");
  return coo(at, values, sizes, is_coalesced.value_or(nnz == 0));
}

namespace {
/// What the checks of a compressed tensor speak of.
struct Names {
  const char *compressed, *plain, *lines, *across;
  explicit Names(Layout l)
      : compressed(by_rows(l) ? "crow_indices" : "ccol_indices"),
        plain(by_rows(l) ? "col_indices" : "row_indices"),
        lines(by_rows(l) ? "nrows" : "ncols"),
        across(by_rows(l) ? "ncols" : "nrows") {}
};

void check_lines(const char* op, const Names& n, const Tensor& compressed, const Tensor& plain, int64_t lines,
                 int64_t across, bool strict) {
  const Tensor starts = contiguous_raw(compressed.to(Device::Cpu(), kInt64)),
               cols = contiguous_raw(plain.to(Device::Cpu(), kInt64));
  const auto* s = starts.const_data_ptr<int64_t>();
  const auto* c = cols.const_data_ptr<int64_t>();
  const int64_t nnz = plain.size(-1);
  const int64_t batches = nnz == 0 ? starts.numel() / (lines + 1) : cols.numel() / nnz;
  for (int64_t b = 0; b < batches; ++b, s += lines + 1, c += nnz) {
    RT_CHECK(s[0] == 0, Value, op, "`", n.compressed, "[..., 0] == 0` is not satisfied.");
    RT_CHECK(s[lines] == nnz, Value, op, "`", n.compressed, "[..., -1] == nnz` is not satisfied.");
    for (int64_t r = 0; r < lines; ++r)
      RT_CHECK(s[r] <= s[r + 1] && s[r + 1] - s[r] <= across, Value, op, "`0 <= ", n.compressed,
               "[..., 1:] - ", n.compressed, "[..., :-1] <= ", n.across, "` is not satisfied.");
    for (int64_t p = 0; p < nnz; ++p) {
      RT_CHECK(c[p] >= 0, Index, op, "`0 <= ", n.plain, "` is not satisfied.");
      RT_CHECK(c[p] < across, Index, op, "`", n.plain, " < ", n.across, "` is not satisfied.");
    }
    for (int64_t r = 0; strict && r < lines; ++r)
      for (int64_t p = s[r] + 1; p < s[r + 1]; ++p)
        RT_CHECK(c[p] > c[p - 1], Value, op, "`", n.plain, "[..., ", n.compressed,
                 "[..., i - 1]:", n.compressed, "[..., i]] for all i = 1, ..., ", n.lines,
                 " are sorted and distinct along the last dimension values` is not satisfied.");
  }
}
}  // namespace

Tensor _sparse_compressed_checked(const Tensor& compressed, const Tensor& plain, const Tensor& values,
                                  std::optional<IntArrayRef> size, std::optional<Layout> layout,
                                  bool strict) {
  constexpr const char* kOp = "sparse_compressed_tensor";
  const Layout l = layout.value_or(Layout::SparseCsr);
  RT_CHECK(l != Layout::Strided && l != Layout::SparseCoo, Value, kOp,
           "expected compressed sparse layout; got ", layout_name(l));
  const Names n(l);
  expect_integers(kOp, n.compressed, compressed);
  expect_integers(kOp, n.plain, plain);
  if (is_sparse(values)) raise_sparse(kOp, values);
  RT_CHECK(compressed.dtype() == plain.dtype() && (plain.dtype() == kInt32 || plain.dtype() == kInt64), Type,
           kOp, "`", n.compressed, "` and `", n.plain, "` must be int32 or int64 tensors of one dtype; got ",
           dtype_name(compressed.dtype()), " and ", dtype_name(plain.dtype()));
  RT_CHECK(compressed.device() == values.device() && plain.device() == values.device(), Device, kOp,
           "expected indices and values on one device");
  const int64_t block = is_blocked(l) ? 2 : 0, b = compressed.dim() - 1;
  RT_CHECK(b >= 0 && plain.dim() == b + 1, Shape, kOp, "number of dimensions of ", n.compressed, " and ",
           n.plain, " must be the same; got ", compressed.dim(), " and ", plain.dim());
  RT_CHECK(values.dim() >= b + 1 + block, Shape, kOp,
           "values must have dimensionality > sum of batch and block dimensionalities (=", b, " + ", block,
           "), but got ", values.dim());
  RT_CHECK(compressed.size(-1) >= 1, Shape, kOp, n.compressed, " must not be empty");
  for (int64_t i = 0; i < b; ++i)
    RT_CHECK(plain.size(i) == compressed.size(i) && values.size(i) == compressed.size(i), Shape, kOp,
             "all batch dimensions of ", n.compressed, ", ", n.plain, " and values must be equal");
  const int64_t nnz = plain.size(-1), lines = compressed.size(-1) - 1;
  RT_CHECK(values.size(b) == nnz, Shape, kOp, "number of elements in ", n.plain, " (", nnz,
           ") must match number of values (", values.size(b), ")");
  const int64_t br = block != 0 ? values.size(b + 1) : 1, bc = block != 0 ? values.size(b + 2) : 1;
  RT_CHECK(br > 0 && bc > 0, Shape, kOp, "blocks must have elements; got blocks of ", br, " x ", bc);
  const int64_t own = by_rows(l) ? br : bc, other = by_rows(l) ? bc : br;
  std::vector<int64_t> sizes;
  if (size) {
    sizes = size->vec();
    RT_CHECK(static_cast<int64_t>(sizes.size()) == b + 2 + values.dim() - b - 1 - block, Shape, kOp,
             "tensor dimensionality must be sum of batch, base, and dense dimensionalities (=", b, " + 2 + ",
             values.dim() - b - 1 - block, "), but got ", sizes.size());
  } else {
    const int64_t most = plain.numel() == 0 ? 0 : plain.max().item<int64_t>() + 1;
    sizes = compressed.sizes().slice(0, static_cast<size_t>(b)).vec();
    sizes.push_back(by_rows(l) ? lines * own : most * other);
    sizes.push_back(by_rows(l) ? most * other : lines * own);
    for (int64_t i = b + 1 + block; i < values.dim(); ++i) sizes.push_back(values.size(i));
  }
  const auto at = static_cast<size_t>(b);
  for (size_t i = 0; i < at; ++i)
    RT_CHECK(sizes[i] == compressed.sizes()[i], Shape, kOp,
             "all batch dimensions of the size and of the indices must be equal");
  for (size_t i = at + 2; i < sizes.size(); ++i)
    RT_CHECK(sizes[i] == values.sizes()[i - 1 + static_cast<size_t>(block)], Shape, kOp,
             "dense dimensions of size and values differ; got ", IntArrayRef(sizes), " and ", values.sizes());
  RT_CHECK(sizes[at] >= 0 && sizes[at + 1] >= 0 && sizes[at] % br == 0 && sizes[at + 1] % bc == 0, Shape, kOp,
           "tensor shape[", b, "] and [", b + 1, "] must be divisible by the blocksize (", br, ", ", bc,
           "); got ", IntArrayRef(sizes));
  const int64_t grid_rows = sizes[at] / br, grid_cols = sizes[at + 1] / bc;
  RT_CHECK(lines == (by_rows(l) ? grid_rows : grid_cols), Shape, kOp, "`", n.compressed,
           ".shape[-1]` must be equal to the number of ", by_rows(l) ? "rows" : "columns", " (",
           by_rows(l) ? grid_rows : grid_cols, ") + 1, but got ", lines + 1);
  check_lines(kOp, n, compressed, plain, lines, by_rows(l) ? grid_cols : grid_rows, strict);
  return rustorch::_sparse_compressed(compressed, plain, values, sizes, l);
}

}  // namespace rustorch::impl
