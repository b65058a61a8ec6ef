// What pointwise operators, products and reductions do with sparse arguments: the rules that ops/*.ops name.
#include "autograd/record.h"
#include "core/promotion.h"
#include "gen/impl_sparse.h"
#include "sparse/parts.h"

namespace rustorch {

using namespace sparse_detail;

namespace {
Tensor with_values(const Tensor& t, const Tensor& values) {
  return rustorch::_sparse_with_values(t.detach(), values);
}

/// The operator of the call, applied to the values of its first argument.
void on_values(const OpInfo& info, const Tensor& t, const Value* args, Value* results) {
  std::vector<Value> inner(args, args + info.nargs);
  for (int i = 1; i < info.nargs; ++i)
    if (any_sparse(args[i].tensor_value, args[i].tensors())) raise_sparse(info.name, t);
  inner[0] = Value(rustorch::_sparse_values(t));
  info.call(inner.data(), results);
  results[0] = Value(with_values(t, results[0].tensor_value));
}

/// The number that an operand is, as one or as a 0-d tensor.
bool is_number(const Value& v) {
  return v.kind == Value::Kind::Number || (!any_sparse(v.tensor_value) && v.tensor_value.dim() == 0);
}

Tensor converted(const Tensor& t, DType dtype) { return t.dtype() == dtype ? t : t.to(dtype); }

Tensor joined(const std::vector<Tensor>& parts, int64_t dim) { return rustorch::cat(TensorList(parts), dim); }

void expect_sizes(const char* op, const Tensor& a, const Tensor& b) {
  if (a.sizes() != b.sizes())
    raise_shape(op, cat("expected sizes of 'self' and 'other' to match, but ", a.sizes(), " != ", b.sizes()),
                a.sizes(), b.sizes());
}

/// Both in layout sparse_coo, coalesced where equal places would count twice in a gradient.
Tensor add_coo(const char* op, const Tensor& a, const Tensor& b, const Scalar& alpha) {
  RT_CHECK(sparse_dims(a) == sparse_dims(b), Value, op,
           "expected 'self' and 'other' to have same number of sparse dimensions; got ", sparse_dims(a),
           " and ", sparse_dims(b));
  const DType common = promote_types(a.dtype(), b.dtype());
  const Tensor x = converted(rustorch::_sparse_values(a), common);
  Tensor y = converted(rustorch::_sparse_values(b), common);
  if (!alpha.equal(1.0)) y = y.mul(alpha);
  const SparseData &first = sparse_data(a), &second = sparse_data(b);
  const bool both = first.coalesced && second.coalesced;
  if (same_places(first.indices, second.indices)) return coo(first.indices, x.add(y), a.sizes(), both);
  const Tensor sum = coo(joined({first.indices, second.indices}, 1), joined({x, y}, 0), a.sizes());
  return both ? rustorch::_sparse_coalesce(sum) : sum;
}

Tensor add_sparse(const char* op, const Tensor& self, const Tensor& other, const Scalar& alpha) {
  expect_sizes(op, self, other);
  const Tensor a = settled(self), b = settled(other);
  if (is_coo(a) && is_coo(b)) return add_coo(op, a, b, alpha);
  if (a.layout() != b.layout())
    raise(ErrorKind::NotImplemented, op,
          cat("tensors of the layouts ", layout_name(a.layout()), " and ", layout_name(b.layout()),
              "; expected one layout; hint: to_sparse(layout=...)"));
  const SparseData &x = sparse_data(a), &y = sparse_data(b);
  if (x.values.sizes() == y.values.sizes() && same_places(x.indices, y.indices) &&
      same_places(x.plain, y.plain))
    return with_values(a, rustorch::_sparse_values(a).add(rustorch::_sparse_values(b), alpha));
  const int64_t d = batch_dims(a);
  std::vector<int64_t> block;
  if (is_blocked(a.layout())) block = {x.values.size(d + 1), x.values.size(d + 2)};
  const Tensor sum = add_coo(op, rustorch::coalesce(as_coo(a)), rustorch::coalesce(as_coo(b)), alpha);
  return compress(op, sum, a.layout(), block);
}

/// What add_dense needs of the sparse operand: numbers of the rows of the dense one, and what is added to
/// them.
struct Terms {
  std::vector<int64_t> shape;  // of the dense operand, its first dimensions made one
  Tensor places, values;
  explicit Terms(const Tensor& t) {
    const Tensor at = is_coo(t) ? sparse_data(t).indices : element_indices(t);
    values = rustorch::_sparse_values(t);
    if (is_compressed(t)) values = element_values(t, values);
    const auto lead = t.sizes().slice(0, static_cast<size_t>(at.size(0)));
    places = flat_places(at, lead);
    shape = values.sizes().vec();
    shape[0] = 1;
    for (int64_t s : lead) shape[0] *= s;
  }
};

Tensor add_dense(const char* op, const Tensor& dense, const Tensor& other, const Scalar& alpha) {
  expect_sizes(op, dense, other);
  const DType common = promote_types(dense.dtype(), other.dtype());
  const Terms terms(settled(other));
  return converted(dense, common)
      .reshape(terms.shape)
      .index_add(0, terms.places, converted(terms.values, common), alpha)
      .reshape(dense.sizes());
}

Tensor sum_of(const char* op, const Value* args, const Scalar& alpha) {
  const Tensor& self = args[0].tensor();
  if (args[1].kind == Value::Kind::Number || (is_sparse(self) && !is_sparse(args[1].tensor())))
    raise(ErrorKind::Type, op, "add(sparse, dense) is not supported. Use add(dense, sparse) instead.");
  return rustorch::_sparse_add(self, args[1].tensor(), alpha);
}
}  // namespace

namespace impl {
Tensor _sparse_add(const Tensor& self, const Tensor& other, const Scalar& alpha) {
  return is_sparse(self) ? add_sparse("add", self, other, alpha) : add_dense("add", self, other, alpha);
}
}  // namespace impl

void sparse_values(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  on_values(info, is_coo(t) ? rustorch::coalesce(t) : t, args, results);
}

void sparse_linear(const OpInfo& info, const Value* args, Value* results) {
  on_values(info, settled(args[0].tensor()), args, results);
}

void sparse_add(const OpInfo& info, const Value* args, Value* results) {
  results[0] = Value(sum_of(info.name, args, args[2].scalar()));
}

void sparse_sub(const OpInfo& info, const Value* args, Value* results) {
  const Scalar& alpha = args[2].scalar();
  const Scalar negative = alpha.is_complex()    ? Scalar(-alpha.to_complex())
                          : alpha.is_integral() ? Scalar(-alpha.to_int())
                                                : Scalar(-alpha.to_double());
  results[0] = Value(sum_of(info.name, args, negative));
}

// dense += sparse touches the places of the sparse operand only.
void sparse_add_(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& self = args[0].tensor();
  if (is_sparse(self) || args[1].kind == Value::Kind::Number) return sparse_inplace(info, args, results);
  const Tensor& other = args[1].tensor();
  expect_sizes("add_", self, other);
  check_inplace("add_", self);
  RT_CHECK(can_cast(other.dtype(), self.dtype()), DType, "add_", "result type ",
           dtype_scalar_name(other.dtype()), " can't be cast to the desired output type ",
           dtype_scalar_name(self.dtype()));
  const Terms terms(settled(other));
  const Tensor values = converted(terms.values, self.dtype());
  if (self.is_contiguous()) {
    self.view(terms.shape).index_add_(0, terms.places, values, args[2].scalar());
    return;
  }
  const Tensor at = is_coo(other) ? sparse_data(other).indices : element_indices(other);
  std::vector<std::optional<Tensor>> index;
  for (int64_t i = 0; i < at.size(0); ++i) index.emplace_back(at.select(0, i));
  self.index_put_(index, values.mul(args[2].scalar()), true);
}

void sparse_mul(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& self = args[0].tensor();
  if (is_sparse(self) && is_number(args[1])) return on_values(info, settled(self), args, results);
  const Tensor& other = args[1].tensor();
  if (is_number(args[0])) {
    const Tensor t = settled(other);
    results[0] = Value(with_values(t, rustorch::_sparse_values(t).mul(self)));
    return;
  }
  if (!is_sparse(self) ||
      !is_sparse(other)) {  // the elements of the dense one at the places of the sparse one
    const Tensor t = settled(is_sparse(self) ? self : other);
    const Tensor& dense = is_sparse(self) ? other : self;
    const Tensor all = dense.sizes() == t.sizes() ? dense : dense.expand(t.sizes());
    results[0] =
        Value(with_values(t, rustorch::_sparse_values(t).mul(rustorch::_sparse_pick(all, t.detach()))));
    return;
  }
  expect_sizes(info.name, self, other);
  if (!is_coo(self) || !is_coo(other)) {
    if (self.layout() != other.layout()) raise_sparse(info.name, self);
    const Tensor product = rustorch::_sparse_values(self).mul(rustorch::_sparse_pick(other, self.detach()));
    results[0] = Value(with_values(self, product));
    return;
  }
  const Tensor a = rustorch::coalesce(self), b = rustorch::coalesce(other);
  const SparseData &x = sparse_data(a), &y = sparse_data(b);
  RT_CHECK(sparse_dims(a) == sparse_dims(b), Value, info.name,
           "expected 'self' and 'other' to have same number of sparse dimensions; got ", sparse_dims(a),
           " and ", sparse_dims(b));
  const Tensor left = rustorch::_sparse_values(a), right = rustorch::_sparse_values(b);
  if (same_places(x.indices, y.indices)) {
    results[0] = Value(coo(x.indices, left.mul(right), a.sizes(), true));
    return;
  }
  const auto lead = a.sizes().slice(0, static_cast<size_t>(sparse_dims(a)));
  const Tensor have = flat_places(y.indices, lead).contiguous(),
               wanted = flat_places(x.indices, lead).contiguous();
  if (have.size(0) == 0 || wanted.size(0) == 0) {
    const Tensor none = zeros({0}, kInt64, a.device());
    results[0] = Value(coo(x.indices.index_select(1, none),
                           left.index_select(0, none).mul(right.index_select(0, none)), a.sizes(), true));
    return;
  }
  const Tensor at = rustorch::searchsorted(have, wanted).clamp_max(Scalar(have.size(0) - 1));
  const Tensor kept = have.index_select(0, at).eq(wanted).nonzero().select(1, 0);
  results[0] = Value(coo(x.indices.index_select(1, kept),
                         left.index_select(0, kept).mul(right.index_select(0, at.index_select(0, kept))),
                         a.sizes(), true));
}

void sparse_div(const OpInfo& info, const Value* args, Value* results) {
  if (!is_sparse(args[0].tensor())) raise_sparse(info.name, args[1].tensor());
  if (!is_number(args[1]))
    raise(ErrorKind::Type, info.name,
          cat("Sparse division requires a scalar or zero-dim dense tensor divisor (got shape ",
              args[1].tensor().sizes(), " for divisor)"));
  on_values(info, settled(args[0].tensor()), args, results);
}

void sparse_pow(const OpInfo& info, const Value* args, Value* results) {
  if (!is_sparse(args[0].tensor_value) || !is_number(args[1]))
    raise_sparse(info.name, is_sparse(args[0].tensor_value) ? args[0].tensor() : args[1].tensor());
  sparse_values(info, args, results);
}

// ---- products

void sparse_mm(const OpInfo&, const Value* args, Value* results) {
  results[0] = Value(rustorch::sparse_mm(args[0].tensor(), args[1].tensor()));
}

void sparse_mv(const OpInfo& info, const Value* args, Value* results) {
  if (is_sparse(args[1].tensor())) raise_sparse(info.name, args[1].tensor());
  RT_CHECK(args[1].tensor().dim() == 1, Shape, info.name, "vector expected, got ", args[1].tensor().dim(),
           "D tensor");
  results[0] = Value(rustorch::sparse_mm(args[0].tensor(), args[1].tensor().unsqueeze(1)).squeeze(1));
}

void sparse_addmm(const OpInfo&, const Value* args, Value* results) {
  const Tensor &self = args[0].tensor(), &a = args[1].tensor(), &b = args[2].tensor();
  Tensor start = self;
  if (!is_sparse(self) && self.dim() < 2 && a.dim() == 2 && b.dim() == 2)
    start = self.expand({a.size(0), b.size(1)});
  results[0] = Value(rustorch::sparse_addmm(start, a, b, args[3].scalar(), args[4].scalar()));
}

// linear() with a sparse input or weight.
void sparse_linear_layer(const OpInfo&, const Value* args, Value* results) {
  const Tensor &input = args[0].tensor(), &weight = args[1].tensor();
  Tensor rows = input;
  if (!is_sparse(input) && input.dim() != 2) rows = input.reshape({-1, input.size(-1)});
  Tensor out = rustorch::mm(rows, weight.t());
  if (args[2].given()) out = out.add(args[2].tensor());
  if (rows.dim() != input.dim()) {
    std::vector<int64_t> sizes = input.sizes().vec();
    sizes.back() = weight.size(0);
    out = out.reshape(sizes);
  }
  results[0] = Value(out);
}

void sparse_bmm(const OpInfo& info, const Value* args, Value* results) {
  const Tensor &a = args[0].tensor(), &b = args[1].tensor();
  if (is_sparse(b) || !is_sparse(a)) raise_sparse(info.name, is_sparse(b) ? b : a);
  RT_CHECK(a.dim() == 3 && b.dim() == 3 && a.size(0) == b.size(0) && a.size(2) == b.size(1), Shape, info.name,
           "expected batches of matrices that fit; got ", a.sizes(), " and ", b.sizes());
  // All matrices in one, along the diagonal.
  const Tensor t = as_coo(settled(a));
  const Tensor& at = sparse_data(t).indices;
  const Tensor batch = at.select(0, 0);
  const Tensor places =
      stack({batch.mul(a.size(1)).add(at.select(0, 1)), batch.mul(a.size(2)).add(at.select(0, 2))}, 0);
  const Tensor diagonal = coo(places, rustorch::_sparse_values(t),
                              {a.size(0) * a.size(1), a.size(0) * a.size(2)}, sparse_data(t).coalesced);
  results[0] = Value(rustorch::_sparse_mm(diagonal, b.reshape({b.size(0) * b.size(1), b.size(2)}))
                         .reshape({a.size(0), a.size(1), b.size(2)}));
}

// ---- reductions

void sparse_sum(const OpInfo&, const Value* args, Value* results) {
  results[0] = Value(rustorch::_sparse_sum(args[0].tensor(), std::nullopt, args[1].opt_dtype()));
}

void sparse_sum_dim(const OpInfo&, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  const auto dims = args[1].opt_ints();
  const bool all = !dims || dims->empty(), keep = args[2].flag;
  Tensor sum = rustorch::_sparse_sum(t, all ? std::nullopt : dims, args[3].opt_dtype());
  if (keep) {
    std::vector<uint8_t> gone(static_cast<size_t>(t.dim()), all ? 1 : 0);
    if (!all)
      for (int64_t d : *dims) gone[static_cast<size_t>(d < 0 ? d + t.dim() : d)] = 1;
    for (int64_t d = 0; d < t.dim(); ++d)
      if (gone[static_cast<size_t>(d)] != 0) sum = sum.unsqueeze(d);
  }
  // As in PyTorch a matrix in compressed rows stays one.
  if (keep && t.layout() == Layout::SparseCsr && t.dim() == 2)
    sum = is_sparse(sum) ? compress("sum", rustorch::coalesce(sum), t.layout(), {}) : sum.to_sparse_csr();
  results[0] = Value(sum);
}

void sparse_any(const OpInfo&, const Value* args, Value* results) {
  results[0] = Value(sparse_data(rustorch::coalesce(as_coo(args[0].tensor().detach()))).values.any());
}

void sparse_norm(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  const auto dims = args[2].opt_ints();
  if (dims && !dims->empty() && static_cast<int64_t>(dims->size()) != t.dim()) raise_sparse(info.name, t);
  const Tensor values = rustorch::_sparse_values(is_coo(t) ? rustorch::coalesce(t) : t);
  Tensor norm = linalg_vector_norm(values, args[1].scalar(), std::nullopt, false, args[4].opt_dtype());
  if (args[3].flag) norm = norm.reshape(std::vector<int64_t>(static_cast<size_t>(t.dim()), 1));
  results[0] = Value(norm);
}

}  // namespace rustorch
