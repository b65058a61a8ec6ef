// Between layouts: sparse to dense and back, coordinates to compressed rows and columns, and the elements of
// one tensor at the places of another.
#include "autograd/record.h"
#include "gen/impl_sparse.h"
#include "ops/make.h"
#include "sparse/parts.h"

namespace rustorch::impl {

using namespace sparse_detail;

namespace {
IntArrayRef lead_sizes(const Tensor& t, int64_t n) { return t.sizes().slice(0, static_cast<size_t>(n)); }

int64_t product(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

/// A dense tensor with its first n dimensions made one.
Tensor rows_of(const Tensor& t, int64_t n) {
  std::vector<int64_t> shape{product(lead_sizes(t, n))};
  for (int64_t i = n; i < t.dim(); ++i) shape.push_back(t.size(i));
  return t.reshape(shape);
}

bool same_pattern(const Tensor& a, const Tensor& b) {
  if (a.layout() != b.layout()) return false;
  const SparseData &x = sparse_data(a), &y = sparse_data(b);
  if (is_coo(a)) return x.coalesced && same_places(x.indices, y.indices);
  return x.values.sizes() == y.values.sizes() && same_places(x.indices, y.indices) &&
         same_places(x.plain, y.plain);
}

/// The elements of the sparse_coo tensor t at flat places; zeros where it has none.
Tensor pick_sparse(const Tensor& t, const Tensor& wanted, IntArrayRef lead) {
  const Tensor c = rustorch::coalesce(t);
  const Tensor values = rustorch::_sparse_values(c);
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = wanted.size(0);
  if (values.size(0) == 0) return zeros(shape, t.dtype(), t.device());
  const Tensor have = flat_places(sparse_data(c).indices, lead);
  const Tensor at =
      rustorch::searchsorted(have.contiguous(), wanted.contiguous()).clamp_max(Scalar(have.size(0) - 1));
  Tensor missing = have.index_select(0, at).ne(wanted);
  for (int64_t i = 1; i < values.dim(); ++i) missing = missing.unsqueeze(-1);
  return values.index_select(0, at).masked_fill(missing, Scalar(0));
}
}  // namespace

Tensor _sparse_pick(const Tensor& self, const Tensor& mask) {
  RT_CHECK(is_sparse(mask), Value, "sparse_mask", "expected a sparse mask; got one of layout strided");
  RT_CHECK(self.sizes() == mask.sizes(), Shape, "sparse_mask",
           "operands have incompatible sizes; self has size ", self.sizes(), " but mask has size ",
           mask.sizes());
  if (is_sparse(self) && same_pattern(self, mask)) return rustorch::_sparse_values(self);
  const Tensor& values = sparse_data(mask).values;
  const Tensor places = is_coo(mask) ? sparse_data(mask).indices : element_indices(mask);
  const int64_t n = places.size(0);
  const Tensor flat = flat_places(places, lead_sizes(mask, n));
  Tensor found;
  if (!is_sparse(self)) {
    found = rows_of(self, n).index_select(0, flat);
  } else {
    const Tensor source = as_coo(settled(self));
    found = sparse_dims(source) == n ? pick_sparse(source, flat, lead_sizes(mask, n))
                                     : rows_of(rustorch::_sparse_to_dense(source), n).index_select(0, flat);
  }
  return found.reshape(values.sizes());
}

Tensor sparse_mask(const Tensor& self, const Tensor& mask) {
  RT_CHECK(is_sparse(mask), Value, "sparse_mask", "expected a sparse mask; got one of layout strided");
  const Tensor at = is_coo(mask) ? rustorch::coalesce(mask.detach()) : mask.detach();
  return rustorch::_sparse_with_values(at, rustorch::_sparse_pick(self, at));
}

Tensor _sparse_to_dense(const Tensor& self, bool /*masked_grad*/) {
  RT_CHECK(is_sparse(self), Value, "to_dense", "expected a sparse tensor; got one of layout strided");
  const SparseData& d = sparse_data(self);
  const Tensor places = is_coo(self) ? d.indices : element_indices(self);
  const auto lead = lead_sizes(self, places.size(0));
  const Tensor values = is_coo(self) ? d.values : element_values(self, d.values);
  return add_rows(product(lead), flat_places(places, lead), values).reshape(self.sizes());
}

Tensor to_dense(const Tensor& self, std::optional<DType> dtype, std::optional<bool> masked_grad) {
  const Tensor dense =
      is_sparse(self) ? rustorch::_sparse_to_dense(settled(self), masked_grad.value_or(true)) : self;
  return dtype ? dense.to(*dtype) : dense;
}

Tensor _dense_to_sparse(const Tensor& self, int64_t sparse_dim) {
  const Tensor rows = rows_of(self, sparse_dim);
  Tensor filled = rows.ne(0);
  while (filled.dim() > 1) filled = filled.any(-1);
  const Tensor flat = filled.nonzero().select(1, 0);
  SparseData d;
  d.coalesced = true;
  d.indices = coordinates(flat, lead_sizes(self, sparse_dim)).contiguous();
  d.values = rows.index_select(0, flat);
  return make_sparse(std::move(d), self.sizes());
}

Tensor to_sparse_sparse_dim(const Tensor& self, int64_t sparse_dim) {
  if (is_sparse(self)) {
    RT_CHECK(is_coo(self) && sparse_dims(self) == sparse_dim, NotImplemented, "to_sparse",
             "a tensor of layout ", layout_name(self.layout()), " with ", sparse_dims(self),
             " sparse dimensions cannot be given ", sparse_dim, "; hint: to_dense() first");
    return self;
  }
  RT_CHECK(self.dim() == 0 ? sparse_dim == 0 : sparse_dim > 0 && sparse_dim <= self.dim(), Value, "to_sparse",
           "sparse_dim argument must be in >0 and <= number of dimensions (", self.dim(),
           "), got: ", sparse_dim);
  return rustorch::_dense_to_sparse(self, sparse_dim);
}

namespace {
Tensor to_compressed(const char* op, const Tensor& self, Layout layout, IntArrayRef block,
                     std::optional<int64_t> dense_dim) {
  if (self.layout() == layout) {
    const int64_t b = batch_dims(self);
    const Tensor& v = sparse_data(self).values;
    if (!is_blocked(layout) || block.empty() || (v.size(b + 1) == block[0] && v.size(b + 2) == block[1]))
      return self;
  }
  Tensor source = settled(self);
  if (!is_sparse(source)) {
    const int64_t dense = dense_dim.value_or(0);
    RT_CHECK(dense >= 0 && source.dim() - dense >= 2, Value, op,
             "expected at least 2 dimensions besides the dense ones; got a tensor of ", source.dim(),
             " dimensions with dense_dim ", dense);
    source = rustorch::_dense_to_sparse(source, source.dim() - dense);
  }
  source = rustorch::coalesce(as_coo(source));
  RT_CHECK(sparse_dims(source) >= 2, Value, op, "expected a matrix; got a tensor with ", sparse_dims(source),
           " sparse dimension(s)");
  return compress(op, source, layout, block);
}
}  // namespace

Tensor to_sparse(const Tensor& self, std::optional<Layout> layout, std::optional<IntArrayRef> blocksize,
                 std::optional<int64_t> dense_dim) {
  switch (layout.value_or(Layout::SparseCoo)) {
    case Layout::Strided:
      raise(ErrorKind::Value, "to_sparse",
            "conversion to layout strided is not a sparse one; hint: to_dense()");
    case Layout::SparseCoo:
      RT_CHECK(!blocksize, Value, "to_sparse", "blocksize belongs to the layouts sparse_bsr and sparse_bsc");
      if (is_sparse(self)) return is_coo(self) ? self : as_coo(self);
      return impl::to_sparse_sparse_dim(self, self.dim() - dense_dim.value_or(0));
    default:
      break;
  }
  const bool blocked = is_blocked(*layout);
  RT_CHECK(blocked || !blocksize, Value, "to_sparse",
           "blocksize belongs to the layouts sparse_bsr and sparse_bsc");
  RT_CHECK(!blocked || blocksize || self.layout() == *layout, Value, "to_sparse",
           "blocksize is needed for the layout ", layout_name(*layout));
  return to_compressed("to_sparse", self, *layout, blocksize.value_or(IntArrayRef{}), dense_dim);
}

Tensor to_sparse_coo(const Tensor& self) {
  return impl::to_sparse(self, Layout::SparseCoo, std::nullopt, std::nullopt);
}
Tensor to_sparse_csr(const Tensor& self, std::optional<int64_t> dense_dim) {
  return to_compressed("to_sparse_csr", self, Layout::SparseCsr, {}, dense_dim);
}
Tensor to_sparse_csc(const Tensor& self, std::optional<int64_t> dense_dim) {
  return to_compressed("to_sparse_csc", self, Layout::SparseCsc, {}, dense_dim);
}
Tensor to_sparse_bsr(const Tensor& self, IntArrayRef blocksize, std::optional<int64_t> dense_dim) {
  return to_compressed("to_sparse_bsr", self, Layout::SparseBsr, blocksize, dense_dim);
}
Tensor to_sparse_bsc(const Tensor& self, IntArrayRef blocksize, std::optional<int64_t> dense_dim) {
  return to_compressed("to_sparse_bsc", self, Layout::SparseBsc, blocksize, dense_dim);
}

}  // namespace rustorch::impl
