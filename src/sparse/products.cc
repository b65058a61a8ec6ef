// Matrix products with sparse factors.
#include "autograd/record.h"
#include "gen/impl_sparse.h"
#include "ops/make.h"
#include "ops/sparse_grad.h"
#include "sparse/kernels.h"
#include "sparse/parts.h"

namespace rustorch {

using namespace sparse_detail;

Tensor sparse_adjoint(const Tensor& t) { return rustorch::transpose(t, -2, -1).conj(); }

Tensor sparse_mm_mask(const Tensor& g, const Tensor& dense, const Tensor& self) {
  return rustorch::_sparse_with_values(self, rustorch::_sparse_sampled(g, sparse_adjoint(dense), self));
}

namespace {
void expect_matrix(const char* op, const Tensor& t) {
  if (t.dim() != 2 || (is_sparse(t) && sparse_dims(t) != 2))
    raise(ErrorKind::Shape, op,
          cat("expected a matrix; got a tensor of sizes ", t.sizes(), " and layout ", layout_name(t.layout()),
              is_coo(t) ? cat(" with ", sparse_dims(t), " sparse dimensions") : std::string()));
}

void expect_fit(const char* op, const Tensor& a, const Tensor& b) {
  expect_matrix(op, a);
  expect_matrix(op, b);
  if (a.size(1) != b.size(0))
    raise_shape(op,
                cat("mat1 and mat2 shapes cannot be multiplied (", a.size(0), "x", a.size(1), " and ",
                    b.size(0), "x", b.size(1), ")"),
                a.sizes(), b.sizes());
  RT_CHECK(a.dtype() == b.dtype(), DType, op,
           "expected mat1 and mat2 to have the same dtype, but got: ", dtype_scalar_name(a.dtype()),
           " != ", dtype_scalar_name(b.dtype()));
}

/// A sparse matrix by rows: where they begin, the column of each value, and where the values lie in the
/// tensor (undefined: in this order).
struct Rows {
  Tensor starts, cols, order;
};

Rows rows_of(const Tensor& t) {
  const SparseData& d = sparse_data(t);
  Rows r;
  if (d.layout == Layout::SparseCsr) {
    r.starts = d.indices.to(kInt64).contiguous();
    r.cols = d.plain.to(kInt64).contiguous();
    return r;
  }
  const Tensor at = is_coo(t) ? d.indices : element_indices(t);
  Tensor rows = at.select(0, 0);
  r.cols = at.select(0, 1).contiguous();
  const int64_t n = rows.size(0);
  const bool in_order = (is_coo(t) && d.coalesced) || n < 2 ||
                        rows.narrow(0, 1, n - 1).ge(rows.narrow(0, 0, n - 1)).all().item<bool>();
  if (!in_order) {
    r.order = argsort(rows, std::optional<bool>(true), 0);
    r.cols = r.cols.index_select(0, r.order);
  }
  r.starts = row_starts(rows, t.size(0));
  return r;
}
}  // namespace

namespace impl {

Tensor _sparse_mm(const Tensor& self, const Tensor& dense) {
  expect_fit("_sparse_mm", self, dense);
  const Tensor& own = sparse_data(self).values;
  const Tensor values = is_coo(self) ? own : element_values(self, own);
  if (!self.device().is_cpu()) {
    const Tensor at = is_coo(self) ? sparse_data(self).indices : element_indices(self);
    const Tensor terms = dense.index_select(0, at.select(0, 1)).mul(values.unsqueeze(1));
    return add_rows(self.size(0), at.select(0, 0), terms);
  }
  const DType t = kernel_dtype(self.dtype());
  const Rows r = rows_of(self);
  const Tensor v = r.order.defined() ? values.index_select(0, r.order) : values;
  const Tensor out = make_tensor({self.size(0), dense.size(1)}, t, self.device());
  rows_times_dense(r.starts, r.cols, contiguous_raw(cast_raw(v, t)), contiguous_raw(cast_raw(dense, t)), out);
  return cast_raw(out, self.dtype());
}

Tensor _sparse_sampled(const Tensor& left, const Tensor& right, const Tensor& mask) {
  expect_fit("_sparse_sampled", left, right);
  expect_matrix("_sparse_sampled", mask);
  RT_CHECK(mask.size(0) == left.size(0) && mask.size(1) == right.size(1), Shape, "_sparse_sampled",
           "self.shape ", mask.sizes(), " does not match that of the product [", left.size(0), ", ",
           right.size(1), "]");
  const Tensor at = is_coo(mask) ? sparse_data(mask).indices : element_indices(mask);
  const Tensor rows = at.select(0, 0).contiguous(), cols = at.select(0, 1).contiguous();
  const auto shape = sparse_data(mask).values.sizes();
  if (!left.device().is_cpu())
    return left.index_select(0, rows).mul(right.t().index_select(0, cols)).sum(1).reshape(shape);
  const DType t = kernel_dtype(left.dtype());
  const Tensor out = make_tensor({rows.size(0)}, t, left.device());
  pair_dots(contiguous_raw(cast_raw(left, t)), contiguous_raw(cast_raw(right.t(), t)), rows, cols, out);
  return cast_raw(out, left.dtype()).reshape(shape);
}

namespace {
/// The matrix as the kernels take it.
RowMatrix row_matrix(const Tensor& t, DType dtype) {
  const Rows r = rows_of(t);
  const Tensor& own = sparse_data(t).values;
  const Tensor values = is_coo(t) ? own : element_values(t, own);
  return {r.starts, r.cols,
          contiguous_raw(cast_raw(r.order.defined() ? values.index_select(0, r.order) : values, dtype))};
}

Tensor product_by_rows(const Tensor& a, const Tensor& b) {
  const DType t = kernel_dtype(a.dtype());
  const RowMatrix product = rows_times_rows(row_matrix(a, t), row_matrix(b, t), a.size(1), b.size(1));
  const Tensor values = cast_raw(product.values, a.dtype());
  const int64_t sizes[] = {a.size(0), b.size(1)};
  if (is_compressed(a) && is_compressed(b))
    return rustorch::_sparse_compressed(product.starts, product.cols, values, sizes, Layout::SparseCsr);
  const Tensor counts = product.starts.narrow(0, 1, a.size(0)).sub(product.starts.narrow(0, 0, a.size(0)));
  const Tensor rows = repeat_interleave(arange(Scalar(a.size(0)), kInt64, Device::Cpu()), counts);
  return coo(stack({rows, product.cols}, 0), values, sizes, true);
}
}  // namespace

Tensor _sparse_matmul(const Tensor& self, const Tensor& other) {
  expect_fit("_sparse_matmul", self, other);
  constexpr int64_t kMostCols = int64_t{1} << 32;  // what the kernel's sorting keys hold
  if (self.device().is_cpu() && !needs_grad(self, other) && other.size(1) < kMostCols)
    return product_by_rows(self, other);
  const Tensor a = settled(self), b = settled(other);
  const Tensor left = as_coo(a), right = as_coo(b);
  const Rows r = rows_of(right);
  Tensor b_values = rustorch::_sparse_values(right);
  if (r.order.defined()) b_values = b_values.index_select(0, r.order);
  const Tensor &at = sparse_data(left).indices, inner = at.select(0, 1);
  const Tensor begin = r.starts.index_select(0, inner),
               counts = r.starts.index_select(0, inner.add(1)).sub(begin);
  const Tensor term = repeat_interleave(arange(Scalar(inner.size(0)), kInt64, inner.device()), counts);
  const Tensor before = counts.cumsum(0).sub(counts);
  const Tensor position =
      arange(Scalar(term.size(0)), kInt64, inner.device()).add(begin.sub(before).index_select(0, term));
  const Tensor places = stack({at.select(0, 0).index_select(0, term), r.cols.index_select(0, position)}, 0);
  const Tensor values =
      rustorch::_sparse_values(left).index_select(0, term).mul(b_values.index_select(0, position));
  const Tensor product = rustorch::_sparse_coalesce(coo(places, values, {self.size(0), other.size(1)}));
  return is_compressed(self) && is_compressed(other) ? compress("mm", product, Layout::SparseCsr, {})
                                                     : product;
}

Tensor sparse_mm(const Tensor& self, const Tensor& mat2) {
  if (is_sparse(self) && is_sparse(mat2)) return rustorch::_sparse_matmul(self, mat2);
  if (is_sparse(self)) return rustorch::_sparse_mm(settled(self), mat2);
  RT_CHECK(is_sparse(mat2), Value, "sparse.mm",
           "expected one of the matrices to be sparse; got two strided ones");
  return rustorch::_sparse_mm(rustorch::transpose(settled(mat2), 0, 1), self.t()).t();
}

Tensor sparse_mm_reduce(const Tensor& self, const Tensor& mat2, std::string_view reduce) {
  RT_CHECK(self.layout() == Layout::SparseCsr && !is_sparse(mat2), Value, "sparse.mm",
           "expected a sparse_csr matrix and a strided one; got ", layout_name(self.layout()), " and ",
           layout_name(mat2.layout()));
  if (reduce == "sum") return rustorch::_sparse_mm(self, mat2);
  const Tensor& starts = sparse_data(self).indices;
  const Tensor counts = starts.narrow(0, 1, self.size(0)).sub(starts.narrow(0, 0, self.size(0)));
  if (reduce == "mean")
    return rustorch::_sparse_mm(self, mat2).div(counts.clamp_min(Scalar(1)).to(mat2.dtype()).unsqueeze(1));
  RT_CHECK(reduce == "amax" || reduce == "amin", Value, "sparse.mm",
           "reduce argument must be either sum, mean, amax or amin; got ", reduce);
  expect_fit("sparse.mm", self, mat2);
  const Tensor at = element_indices(self);
  const Tensor terms = mat2.index_select(0, at.select(0, 1)).mul(rustorch::_sparse_values(self).unsqueeze(1));
  const Tensor index = at.select(0, 0).unsqueeze(1).expand(terms.sizes());
  return scatter_reduce(zeros({self.size(0), mat2.size(1)}, mat2.dtype(), mat2.device()), 0, index, terms,
                        reduce, false);
}

namespace {
/// beta * self, without reading self where beta is 0; undefined then.
Tensor scaled(const Tensor& self, const Scalar& beta) {
  if (beta.equal(0.0)) return {};
  return beta.equal(1.0) ? self : self.mul(beta);
}
}  // namespace

Tensor sparse_addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                    const Scalar& alpha) {
  Tensor product = is_sparse(mat1) || is_sparse(mat2) ? impl::sparse_mm(mat1, mat2) : mat1.mm(mat2);
  if (!alpha.equal(1.0)) product = product.mul(alpha);
  const Tensor first = scaled(self, beta);
  if (!first.defined()) return product;
  return is_sparse(product) || !is_sparse(first) ? first.add(product) : product.add(first);
}

namespace {
/// alpha * mat1 @ mat2 at the places of a matrix, as its values.
Tensor sampled(const Tensor& mask, const Tensor& mat1, const Tensor& mat2) {
  const int64_t b = batch_dims(mask);
  if (b == 0) return rustorch::_sparse_sampled(mat1, mat2, mask);
  const SparseData& d = sparse_data(mask);
  int64_t batches = 1;
  for (int64_t i = 0; i < b; ++i) batches *= mask.size(i);
  const Tensor starts = d.indices.reshape({batches, -1}), cols = d.plain.reshape({batches, -1});
  const Tensor left = mat1.reshape({batches, mat1.size(-2), mat1.size(-1)});
  const Tensor right = mat2.reshape({batches, mat2.size(-2), mat2.size(-1)});
  const int64_t size[] = {mask.size(-2), mask.size(-1)};
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < batches; ++i) {
    const Tensor one =
        rustorch::_sparse_compressed(starts.select(0, i), cols.select(0, i),
                                     zeros({cols.size(1)}, mask.dtype(), mask.device()), size, d.layout);
    parts.push_back(rustorch::_sparse_sampled(left.select(0, i), right.select(0, i), one));
  }
  return parts.empty() ? d.values : stack(parts, 0).reshape(d.values.sizes());
}
}  // namespace

Tensor sparse_sampled_addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                            const Scalar& alpha) {
  constexpr const char* kOp = "sampled_addmm";
  RT_CHECK(self.layout() == Layout::SparseCsr, Value, kOp,
           "Expected self to have sparse csr layout, but got ", layout_name(self.layout()));
  RT_CHECK(!is_sparse(mat1) && !is_sparse(mat2), Value, kOp, "Expected mat1 and mat2 to have strided layout");
  const int64_t b = self.dim() - 2;
  RT_CHECK(mat1.dim() == self.dim() && mat2.dim() == self.dim(), Shape, kOp,
           "expected self, mat1 and mat2 to have the same number of dimensions; got ", self.dim(), ", ",
           mat1.dim(), " and ", mat2.dim());
  for (int64_t i = 0; i < b; ++i)
    RT_CHECK(mat1.size(i) == self.size(i) && mat2.size(i) == self.size(i), Shape, kOp,
             "expected batch dimensions of self, mat1 and mat2 to be equal");
  RT_CHECK(mat1.size(-1) == mat2.size(-2), Shape, kOp, "mat1 and mat2 shapes cannot be multiplied (",
           mat1.size(-2), "x", mat1.size(-1), " and ", mat2.size(-2), "x", mat2.size(-1), ")");
  RT_CHECK(mat1.size(-2) == self.size(-2), Shape, kOp, "self.shape[-2] must match mat1.shape[-2]");
  RT_CHECK(mat2.size(-1) == self.size(-1), Shape, kOp, "self.shape[-1] must match mat2.shape[-1]");
  Tensor values = sampled(self.detach(), mat1, mat2);
  if (!alpha.equal(1.0)) values = values.mul(alpha);
  if (!beta.equal(0.0)) values = values.add(rustorch::_sparse_values(self).mul(beta));
  return rustorch::_sparse_with_values(self.detach(), values);
}

namespace {
/// The rows of mat1 @ mat2 for which mat1 has something, and their numbers.
std::pair<Tensor, Tensor> filled_rows(const Tensor& mat1, const Tensor& mat2) {
  const Tensor a = settled(mat1);
  const Tensor at = is_coo(a) ? sparse_data(a).indices : element_indices(a);
  const Tensor rows = std::get<0>(_unique2(at.select(0, 0), true, false));
  return {rows, rustorch::_sparse_mm(a, mat2).index_select(0, rows)};
}
}  // namespace

Tensor hspmm(const Tensor& mat1, const Tensor& mat2) {
  expect_fit("hspmm", mat1, mat2);
  RT_CHECK(is_sparse(mat1) && !is_sparse(mat2), Value, "hspmm", "expected a sparse and a strided matrix");
  const auto [rows, values] = filled_rows(mat1, mat2);
  return coo(rows.unsqueeze(0), values, {mat1.size(0), mat2.size(1)}, true);
}

Tensor smm(const Tensor& self, const Tensor& mat2) {
  expect_fit("smm", self, mat2);
  RT_CHECK(is_sparse(self) && !is_sparse(mat2), Value, "smm", "expected a sparse and a strided matrix");
  const auto [rows, values] = filled_rows(self, mat2);
  const int64_t n = rows.size(0), k = mat2.size(1);
  const Tensor cols = arange(Scalar(k), kInt64, rows.device()).unsqueeze(0).expand({n, k}).reshape({-1});
  const Tensor places = stack({rows.unsqueeze(1).expand({n, k}).reshape({-1}), cols}, 0);
  return coo(places, values.reshape({-1}), {self.size(0), k}, true);
}

Tensor sspaddmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
                const Scalar& alpha) {
  RT_CHECK(is_coo(self), Value, "sspaddmm", "expected a sparse_coo self; got ", layout_name(self.layout()));
  const Tensor product = impl::smm(mat1, mat2).mul(alpha), first = settled(self);
  RT_CHECK(product.sizes() == self.sizes(), Shape, "sspaddmm", "expected self of sizes ", product.sizes(),
           "; got ", self.sizes());
  const Tensor places = cat({sparse_data(first).indices, sparse_data(product).indices}, 1);
  return coo(places, cat({rustorch::_sparse_values(first).mul(beta), rustorch::_sparse_values(product)}, 0),
             self.sizes());
}

}  // namespace impl
}  // namespace rustorch
