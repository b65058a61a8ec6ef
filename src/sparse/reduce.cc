// Sums and softmax of sparse tensors.
#include <algorithm>

#include "autograd/record.h"
#include "core/layout_algebra.h"
#include "gen/impl_sparse.h"
#include "sparse/parts.h"

namespace rustorch::impl {

using namespace sparse_detail;

Tensor _sparse_sum(const Tensor& self, std::optional<IntArrayRef> dim, std::optional<DType> dtype) {
  RT_CHECK(is_sparse(self), Value, "sparse.sum", "expected a sparse tensor; got one of layout strided");
  const Tensor source = settled(self);
  if (!dim) return rustorch::_sparse_values(source).sum(dtype);
  const Tensor t = as_coo(source);
  const int64_t sparse = sparse_dims(t);
  std::vector<uint8_t> gone(static_cast<size_t>(t.dim()), 0);
  for (int64_t d : *dim) {
    uint8_t& mark = gone[static_cast<size_t>(wrap_dim("sum", d, t.dim()))];
    RT_CHECK(mark == 0, Value, "sum", "dim ", d, " appears multiple times in the list of dims");
    mark = 1;
  }
  std::vector<int64_t> inner, sizes;
  std::vector<Tensor> rows;
  const Tensor& at = sparse_data(t).indices;
  for (int64_t i = 0; i < t.dim(); ++i) {
    if (gone[static_cast<size_t>(i)] != 0) {
      if (i >= sparse) inner.push_back(i - sparse + 1);
      continue;
    }
    sizes.push_back(t.size(i));
    if (i < sparse) rows.push_back(at.select(0, i));
  }
  Tensor values = rustorch::_sparse_values(t);
  if (rows.empty()) {  // nothing with indices is left
    inner.push_back(0);
    return values.sum(IntArrayRef(inner), false, dtype);
  }
  if (!inner.empty())
    values = values.sum(IntArrayRef(inner), false, dtype);
  else if (dtype)
    values = values.to(*dtype);
  else if (is_integral(values.dtype(), true))
    values = values.to(kInt64);
  if (static_cast<int64_t>(rows.size()) == sparse) return coo(at, values, sizes, sparse_data(t).coalesced);
  return rustorch::_sparse_coalesce(coo(stack(rows, 0), values, sizes));
}

namespace {
/// For each value the number of its line along dim: the places that differ in this dimension only.
std::pair<Tensor, int64_t> lines_along(const Tensor& t, int64_t dim) {
  const Tensor& at = sparse_data(t).indices;
  std::vector<Tensor> rows;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < at.size(0); ++i) {
    if (i == dim) continue;
    rows.push_back(at.select(0, i));
    sizes.push_back(t.size(i));
  }
  if (rows.empty()) return {zeros({at.size(1)}, kInt64, at.device()), 1};
  const auto [places, line, counts] = _unique2(flat_places(stack(rows, 0), sizes), true, true);
  return {line, places.size(0)};
}

Tensor softmax_of(const char* op, const Tensor& self, int64_t dim, std::optional<DType> dtype, bool log) {
  RT_CHECK(is_coo(self), Value, op, "expected a sparse_coo tensor; got one of layout ",
           layout_name(self.layout()));
  const int64_t d = wrap_dim(op, dim, self.dim());
  const Tensor t = rustorch::coalesce(self);
  Tensor values = rustorch::_sparse_values(t);
  if (dtype) values = values.to(*dtype);
  RT_CHECK(values.is_floating_point(), NotImplemented, op, "not implemented for '",
           dtype_scalar_name(values.dtype()), "'");
  const int64_t sparse = sparse_dims(t);
  if (d >= sparse) {
    const int64_t inner = d - sparse + 1;
    return rustorch::_sparse_with_values(t.detach(), log ? values.log_softmax(inner) : values.softmax(inner));
  }
  const auto [line, count] = lines_along(t, d);
  if (values.numel() == 0) return rustorch::_sparse_with_values(t.detach(), values);
  std::vector<int64_t> shape = values.sizes().vec();
  Tensor index = line;
  while (index.dim() < values.dim()) index = index.unsqueeze(-1);
  index = index.expand(shape);
  shape[0] = count;
  const Tensor largest = full(shape, Scalar(-kInfinity), values.dtype(), values.device())
                             .scatter_reduce(0, index, values.detach(), "amax", true);
  // A line of minus infinities has no largest finite value: its differences shall be nan, as in dense
  // tensors.
  const Tensor shifted = values.sub(largest.index_select(0, line));
  const Tensor powers = shifted.exp();
  const Tensor sums = add_rows(count, line, powers).index_select(0, line);
  return rustorch::_sparse_with_values(t.detach(), log ? shifted.sub(sums.log()) : powers.div(sums));
}
}  // namespace

Tensor _sparse_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return softmax_of("sparse.softmax", self, dim, dtype, false);
}
Tensor _sparse_log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return softmax_of("sparse.log_softmax", self, dim, dtype, true);
}

}  // namespace rustorch::impl
