// Sparse tensors from parts, and the parts of sparse tensors.
#include "core/tensor_impl.h"
#include "gen/impl_sparse.h"
#include "ops/make.h"
#include "sparse/parts.h"

namespace rustorch::impl {

using namespace sparse_detail;

namespace {
/// The name of a layout in PyTorch's messages.
const char* shown(Layout l) {
  constexpr const char* kNames[] = {"Strided", "Sparse", "SparseCsr", "SparseCsc", "SparseBsr", "SparseBsc"};
  return kNames[static_cast<size_t>(l)];
}

void expect_coo(const char* op, const Tensor& t) {
  if (!is_coo(t))
    raise(ErrorKind::Value, op,
          cat(op, " expected sparse coordinate tensor layout but got ", shown(t.layout())));
}

const SparseData& expect_sparse(const char* op, const Tensor& t) {
  if (!is_sparse(t))
    raise(ErrorKind::Value, op, cat(op, " expected sparse tensor layout but got ", shown(t.layout())));
  return sparse_data(t);
}

const SparseData& expect_by(const char* op, const Tensor& t, bool rows) {
  if (!is_compressed(t) || by_rows(t.layout()) != rows)
    raise(ErrorKind::Value, op,
          cat(op, " expected sparse ", rows ? "row" : "column", " compressed tensor layout but got ",
              shown(t.layout())));
  return sparse_data(t);
}

Tensor plain_part(const Tensor& t) { return make_alias(t); }
}  // namespace

Tensor _sparse_coo(const Tensor& indices, const Tensor& values, IntArrayRef size, bool coalesced) {
  RT_CHECK(!is_sparse(indices) && !is_sparse(values) && indices.dim() == 2 && indices.dtype() == kInt64 &&
               values.dim() >= 1 && indices.size(1) == values.size(0) &&
               static_cast<int64_t>(size.size()) == indices.size(0) + values.dim() - 1,
           Value, "_sparse_coo", "the parts do not fit; got indices ", indices, ", values ", values,
           " and size ", size);
  SparseData d;
  d.coalesced = coalesced;
  d.indices = indices.detach();
  d.values = values.detach();
  return make_sparse(std::move(d), size);
}

Tensor _sparse_compressed(const Tensor& compressed, const Tensor& plain, const Tensor& values,
                          IntArrayRef size, std::optional<Layout> layout) {
  SparseData d;
  d.layout = layout.value_or(Layout::SparseCsr);
  RT_CHECK(d.layout != Layout::Strided && d.layout != Layout::SparseCoo, Value, "_sparse_compressed",
           "expected a compressed layout; got ", layout_name(d.layout));
  const int64_t block = is_blocked(d.layout) ? 2 : 0;
  RT_CHECK(!is_sparse(compressed) && !is_sparse(plain) && !is_sparse(values) &&
               is_integral(plain.dtype(), false) && is_integral(compressed.dtype(), false) &&
               plain.dim() >= 1 && compressed.dim() == plain.dim() && compressed.size(-1) >= 1 &&
               values.dim() >= plain.dim() + block && values.size(plain.dim() - 1) == plain.size(-1) &&
               static_cast<int64_t>(size.size()) == values.dim() + 1 - block,
           Value, "_sparse_compressed", "the parts do not fit; got indices ", compressed, " and ", plain,
           ", values ", values, " and size ", size);
  d.indices = compressed.detach();
  d.plain = plain.detach();
  d.values = values.detach();
  return make_sparse(std::move(d), size);
}

Tensor _sparse_with_values(const Tensor& self, const Tensor& values) {
  SparseData d = expect_sparse("_sparse_with_values", self);
  const auto lead = static_cast<size_t>(batch_dims(self)) + 1;
  RT_CHECK(!is_sparse(values) && values.dim() == d.values.dim() &&
               values.sizes().slice(0, lead) == d.values.sizes().slice(0, lead),
           Value, "_sparse_with_values", "expected values of sizes ", d.values.sizes(), "; got ",
           values.sizes());
  d.values = values.detach();
  return make_sparse(std::move(d), self.sizes());
}

Tensor _sparse_values(const Tensor& self) { return plain_part(expect_sparse("values", self).values); }
Tensor _values(const Tensor& self) { return plain_part(expect_sparse("_values", self).values); }

Tensor _indices(const Tensor& self) {
  expect_coo("_indices", self);
  return plain_part(sparse_data(self).indices);
}

Tensor values(const Tensor& self) {
  const SparseData& d = expect_sparse("values", self);
  RT_CHECK(d.layout != Layout::SparseCoo || d.coalesced, Value, "values",
           "Cannot get values on an uncoalesced tensor, please call .coalesce() first");
  return rustorch::_sparse_values(self);
}

Tensor indices(const Tensor& self) {
  expect_coo("indices", self);
  RT_CHECK(sparse_data(self).coalesced, Value, "indices",
           "Cannot get indices on an uncoalesced tensor, please call .coalesce() first");
  return plain_part(sparse_data(self).indices);
}

Tensor crow_indices(const Tensor& self) { return plain_part(expect_by("crow_indices", self, true).indices); }
Tensor col_indices(const Tensor& self) { return plain_part(expect_by("col_indices", self, true).plain); }
Tensor ccol_indices(const Tensor& self) { return plain_part(expect_by("ccol_indices", self, false).indices); }
Tensor row_indices(const Tensor& self) { return plain_part(expect_by("row_indices", self, false).plain); }

int64_t _nnz(const Tensor& self) {
  const SparseData& d = expect_sparse("_nnz", self);
  return d.layout == Layout::SparseCoo ? d.indices.size(1) : d.plain.size(-1);
}

int64_t sparse_dim(const Tensor& self) { return sparse_dims(self); }

int64_t dense_dim(const Tensor& self) { return self.dim() - sparse_dims(self) - batch_dims(self); }

bool is_coalesced(const Tensor& self) {
  expect_coo("is_coalesced", self);
  return sparse_data(self).coalesced;
}

Tensor coalesce(const Tensor& self) {
  expect_coo("coalesce", self);
  return sparse_data(self).coalesced ? self : rustorch::_sparse_coalesce(self);
}

Tensor _sparse_coalesce(const Tensor& self) {
  expect_coo("coalesce", self);
  const SparseData& d = sparse_data(self);
  const auto lead = self.sizes().slice(0, static_cast<size_t>(sparse_dims(self)));
  const Tensor flat = flat_places(d.indices, lead);
  SparseData out;
  out.coalesced = true;
  if (is_increasing(flat)) {
    out.indices = d.indices;
    out.values = d.values;
    return make_sparse(std::move(out), self.sizes());
  }
  const auto [sorted, order] = rustorch::sort(flat, std::optional<bool>(true), 0);
  const int64_t n = sorted.size(0);
  const Tensor fresh =
      cat({ones({1}, kBool, flat.device()), sorted.narrow(0, 1, n - 1).ne(sorted.narrow(0, 0, n - 1))});
  const Tensor group = fresh.cumsum(0).sub(1);
  const Tensor firsts = fresh.nonzero().select(1, 0);
  out.indices = d.indices.index_select(1, order.index_select(0, firsts));
  const Tensor values = d.values.index_select(0, order);
  out.values = firsts.size(0) == n ? values : add_rows(firsts.size(0), group, values);
  return make_sparse(std::move(out), self.sizes());
}

void _coalesced_(const Tensor& self, bool coalesced) {
  expect_coo("_coalesced_", self);
  set_coalesced(self, coalesced);
}

namespace {
Tensor resized(const char* op, const Tensor& self, IntArrayRef size, int64_t sparse, int64_t dense,
               bool clear) {
  expect_coo(op, self);
  RT_CHECK(sparse >= 0 && dense >= 0 && sparse + dense == static_cast<int64_t>(size.size()), Value, op,
           "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = ", size.size(),
           ", sparse_dim = ", sparse, ", dense_dim = ", dense);
  const SparseData& d = sparse_data(self);
  SparseData out;
  const int64_t nnz = d.indices.size(1);
  std::vector<int64_t> shape{clear ? 0 : nnz};
  shape.insert(shape.end(), size.begin() + sparse, size.end());
  if (clear || nnz == 0) {
    shape[0] = 0;
    out.coalesced = true;
    out.indices = zeros({sparse, 0}, kInt64, self.device());
    out.values = zeros(shape, self.dtype(), self.device());
    return make_sparse(std::move(out), size);
  }
  RT_CHECK(
      sparse == sparse_dims(self) && dense == self.dim() - sparse, Value, op,
      "changing the number of sparse or dense dimensions of a tensor with values is not supported; hint: "
      "sparse_resize_and_clear_()");
  for (int64_t i = 0; i < self.dim(); ++i)
    RT_CHECK(size[static_cast<size_t>(i)] >= self.size(i), Value, op, "shrinking the size of ",
             i < sparse ? "sparse" : "dense", " dimensions (from ", self.sizes(), " to ", size,
             ") on a non-empty sparse tensor is not supported.");
  out.coalesced = d.coalesced;
  out.indices = d.indices;
  out.values = d.values;
  if (d.values.sizes() != IntArrayRef(shape)) {
    out.values = zeros(shape, self.dtype(), self.device());
    Tensor part = out.values;
    for (int64_t i = 1; i < part.dim(); ++i) part = part.narrow(i, 0, d.values.size(i));
    part.copy_(d.values);
  }
  return make_sparse(std::move(out), size);
}
}  // namespace

void sparse_resize_(const Tensor& self, IntArrayRef size, int64_t sparse_dim, int64_t dense_dim) {
  replace_sparse(self, resized("sparse_resize_", self, size, sparse_dim, dense_dim, false));
}
void sparse_resize_and_clear_(const Tensor& self, IntArrayRef size, int64_t sparse_dim, int64_t dense_dim) {
  replace_sparse(self, resized("sparse_resize_and_clear_", self, size, sparse_dim, dense_dim, true));
}
void resize_as_sparse_(const Tensor& self, const Tensor& the_template) {
  expect_coo("resize_as_sparse_", the_template);
  impl::sparse_resize_(self, the_template.sizes(), sparse_dims(the_template),
                       rustorch::dense_dim(the_template));
}

Tensor _embedding_sparse_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights,
                                  int64_t padding_idx, bool scale_grad_by_freq) {
  RT_CHECK(!scale_grad_by_freq, Value, "embedding_backward",
           "scale_grad_by_freq not supported with sparse gradients");
  Tensor rows = indices.reshape({-1}).to(kInt64);
  Tensor values = grad.reshape({rows.size(0), grad.size(-1)});
  if (padding_idx != -1) {
    const Tensor kept = rows.ne(Scalar(padding_idx)).nonzero().select(1, 0);
    rows = rows.index_select(0, kept);
    values = values.index_select(0, kept);
  }
  return coo(rows.unsqueeze(0), values, {num_weights, grad.size(-1)});
}

Tensor _gather_sparse_backward(const Tensor& grad, IntArrayRef size, int64_t dim, const Tensor& index) {
  const auto places = static_cast<int64_t>(size.size());  // 0-d: every element read is the one there is
  const int64_t along = places == 0 ? 0 : wrap_dim("gather", dim, places);
  std::vector<Tensor> at;
  for (int64_t d = 0; d < places; ++d) {
    Tensor own = index;
    if (d != along) {
      std::vector<int64_t> shape(size.size(), 1);
      shape[static_cast<size_t>(d)] = index.size(d);
      own = rustorch::arange(index.size(d), kInt64, index.device()).view(shape).expand(index.sizes());
    }
    at.push_back(own.reshape({-1}).to(kInt64));
  }
  const Tensor indices =
      at.empty() ? rustorch::zeros({0, index.numel()}, kInt64, index.device()) : rustorch::stack(at, 0);
  return coo(indices, grad.reshape({-1}), size);
}

}  // namespace rustorch::impl
