// What operators of shape, copies and fills do with sparse arguments. Nothing here is a view: the results
// share values where they can, but writes are not tracked from one to the other.
#include <algorithm>

#include "autograd/record.h"
#include "core/layout_algebra.h"
#include "sparse/parts.h"

namespace rustorch {

using namespace sparse_detail;

namespace {
/// The sparse_coo argument of an operator on dimensions; a compressed one is converted.
Tensor coordinate_form(const Tensor& t) { return as_coo(settled(t)); }

std::vector<Tensor> index_rows(const Tensor& t) {
  const Tensor& at = sparse_data(t).indices;
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < at.size(0); ++i) rows.push_back(at.select(0, i));
  return rows;
}

Tensor stacked(const std::vector<Tensor>& rows) { return rustorch::stack(TensorList(rows), 0); }

Tensor joined(const std::vector<Tensor>& parts, int64_t dim) { return rustorch::cat(TensorList(parts), dim); }

/// The tensor with its dimensions in the order of dims; those with indices stay among themselves.
Tensor permuted(const char* op, const Tensor& t, const std::vector<int64_t>& dims) {
  const int64_t sparse = sparse_dims(t);
  std::vector<int64_t> inner{0}, sizes;
  std::vector<Tensor> rows;
  const Tensor& at = sparse_data(t).indices;
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool with_index = dims[i] < sparse;
    RT_CHECK(with_index == (static_cast<int64_t>(i) < sparse), Value, op,
             "a dimension with indices cannot change places with a dense one; got the order ",
             IntArrayRef(dims), " for ", sparse, " sparse dimensions");
    sizes.push_back(t.size(dims[i]));
    if (with_index)
      rows.push_back(at.select(0, dims[i]));
    else
      inner.push_back(dims[i] - sparse + 1);
  }
  const bool moved = !std::is_sorted(dims.begin(), dims.begin() + sparse);
  const Tensor values = rustorch::_sparse_values(t);
  return coo(rows.empty() ? at : stacked(rows), inner.size() > 1 ? values.permute(inner) : values, sizes,
             sparse_data(t).coalesced && !moved);
}

/// Rows and columns exchanged: the same parts under the other name.
Tensor flipped(const Tensor& t) {
  const SparseData& d = sparse_data(t);
  const int64_t b = batch_dims(t);
  std::vector<int64_t> sizes = t.sizes().vec();
  std::swap(sizes[static_cast<size_t>(b)], sizes[static_cast<size_t>(b + 1)]);
  constexpr Layout kOther[] = {Layout::Strided,   Layout::SparseCoo, Layout::SparseCsc,
                               Layout::SparseCsr, Layout::SparseBsc, Layout::SparseBsr};
  Tensor values = rustorch::_sparse_values(t);
  if (is_blocked(d.layout)) values = values.transpose(b + 1, b + 2);
  return rustorch::_sparse_compressed(d.indices, d.plain, values, sizes,
                                      kOther[static_cast<size_t>(d.layout)]);
}

Tensor transposed(const char* op, const Tensor& self, int64_t a, int64_t b) {
  const int64_t x = wrap_dim(op, a, self.dim()), y = wrap_dim(op, b, self.dim());
  if (x == y) return self;
  const Tensor t = settled(self);
  if (is_compressed(t)) {
    const int64_t first = batch_dims(t);
    if (std::min(x, y) == first && std::max(x, y) == first + 1) return flipped(t);
    raise_sparse(op, t);
  }
  std::vector<int64_t> order;
  for (int64_t i = 0; i < t.dim(); ++i) order.push_back(i);
  std::swap(order[static_cast<size_t>(x)], order[static_cast<size_t>(y)]);
  return permuted(op, t, order);
}

/// The entries that are kept, as numbers.
Tensor entries(const Tensor& t, const Tensor& numbers, const std::vector<Tensor>& rows,
               const std::vector<int64_t>& sizes, bool coalesced) {
  std::vector<Tensor> kept;
  for (const Tensor& row : rows) kept.push_back(row.index_select(0, numbers));
  return coo(stacked(kept), rustorch::_sparse_values(t).index_select(0, numbers), sizes, coalesced);
}
}  // namespace

void sparse_transpose(const OpInfo& info, const Value* args, Value* results) {
  results[0] = Value(transposed(info.name, args[0].tensor(), args[1].i, args[2].i));
}

void sparse_t(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  RT_CHECK(t.dim() <= 2, Shape, info.name, "t() expects a tensor with <= 2 dimensions, but self is ", t.dim(),
           "D");
  results[0] = Value(t.dim() < 2 ? t : transposed(info.name, t, 0, 1));
}

void sparse_permute(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& self = args[0].tensor();
  const IntArrayRef dims = args[1].ints();
  RT_CHECK(static_cast<int64_t>(dims.size()) == self.dim(), Shape, info.name,
           "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
           "desired ordering "
           "of dimensions i.e. input.dim() = ",
           self.dim(), " is not equal to len(dims) = ", dims.size());
  std::vector<int64_t> order;
  for (int64_t d : dims) order.push_back(wrap_dim(info.name, d, self.dim()));
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  RT_CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), Value, info.name,
           "duplicate dims are not allowed");
  if (std::is_sorted(order.begin(), order.end())) {
    results[0] = Value(self);
    return;
  }
  if (is_compressed(self) && self.dim() == 2) {
    results[0] = Value(flipped(self));
    return;
  }
  if (is_compressed(self)) raise_sparse(info.name, self);
  results[0] = Value(permuted(info.name, settled(self), order));
}

void sparse_unsqueeze(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = coordinate_form(args[0].tensor());
  const int64_t d = wrap_dim(info.name, args[1].i, t.dim() + 1), sparse = sparse_dims(t);
  std::vector<int64_t> sizes = t.sizes().vec();
  sizes.insert(sizes.begin() + d, 1);
  const Tensor values = rustorch::_sparse_values(t);
  if (d > sparse) {
    results[0] =
        Value(coo(sparse_data(t).indices, values.unsqueeze(d - sparse + 1), sizes, sparse_data(t).coalesced));
    return;
  }
  std::vector<Tensor> rows = index_rows(t);
  rows.insert(rows.begin() + d, zeros({values.size(0)}, kInt64, t.device()));
  results[0] = Value(coo(stacked(rows), values, sizes, sparse_data(t).coalesced));
}

void sparse_squeeze(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = coordinate_form(args[0].tensor());
  const bool all = info.nargs == 1;
  std::vector<uint8_t> asked(static_cast<size_t>(t.dim()), all ? 1 : 0);
  if (!all)
    for (int64_t d : args[1].ints()) asked[static_cast<size_t>(wrap_dim(info.name, d, t.dim()))] = 1;
  const std::vector<Tensor> before = index_rows(t);
  std::vector<Tensor> rows;
  std::vector<int64_t> sizes, inner{sparse_data(t).values.size(0)};
  for (int64_t d = 0; d < t.dim(); ++d) {
    if (asked[static_cast<size_t>(d)] != 0 && t.size(d) == 1) continue;
    sizes.push_back(t.size(d));
    if (d < sparse_dims(t))
      rows.push_back(before[static_cast<size_t>(d)]);
    else
      inner.push_back(t.size(d));
  }
  if (rows.empty()) {  // one place at most: its values, added up
    results[0] = Value(rustorch::_sparse_values(t).sum(0).reshape(sizes));
    return;
  }
  results[0] =
      Value(coo(stacked(rows), rustorch::_sparse_values(t).reshape(inner), sizes, sparse_data(t).coalesced));
}

void sparse_select(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = coordinate_form(args[0].tensor());
  RT_CHECK(t.dim() > 0, Index, info.name, "select() cannot be applied to a 0-dim tensor.");
  const int64_t d = wrap_dim(info.name, args[1].i, t.dim()), sparse = sparse_dims(t), size = t.size(d);
  int64_t index = args[2].i;
  RT_CHECK(index >= -size && index < size, Index, info.name, "index ", index,
           " out of range for tensor of size ", t.sizes(), " at dimension ", d);
  if (index < 0) index += size;
  std::vector<int64_t> sizes = t.sizes().vec();
  sizes.erase(sizes.begin() + d);
  const Tensor values = rustorch::_sparse_values(t);
  if (d >= sparse) {
    results[0] = Value(
        coo(sparse_data(t).indices, values.select(d - sparse + 1, index), sizes, sparse_data(t).coalesced));
    return;
  }
  std::vector<Tensor> rows = index_rows(t);
  const Tensor kept = rows[static_cast<size_t>(d)].eq(Scalar(index)).nonzero().select(1, 0);
  rows.erase(rows.begin() + d);
  if (rows.empty())
    results[0] = Value(values.index_select(0, kept).sum(IntArrayRef{0}, false, t.dtype()));
  else
    results[0] = Value(entries(t, kept, rows, sizes, sparse_data(t).coalesced));
}

void sparse_unbind(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  RT_CHECK(t.dim() > 0, Index, info.name, "cannot unbind a 0-dim tensor");
  const int64_t d = wrap_dim(info.name, args[1].i, t.dim());
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < t.size(d); ++i) parts.push_back(rustorch::select(t, d, i));
  results[0] = Value(std::move(parts));
}

void sparse_slice(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = coordinate_form(args[0].tensor());
  const int64_t d = wrap_dim(info.name, args[1].i, t.dim()), sparse = sparse_dims(t), size = t.size(d),
                step = args[4].i;
  RT_CHECK(step > 0, Value, info.name, "slice step must be positive");
  const auto bound = [&](std::optional<int64_t> v, int64_t otherwise) {
    const int64_t x = v.value_or(otherwise);
    return std::clamp<int64_t>(x < 0 ? x + size : x, 0, size);
  };
  const int64_t begin = bound(args[2].opt_int(), 0), end = std::max(begin, bound(args[3].opt_int(), size));
  std::vector<int64_t> sizes = t.sizes().vec();
  sizes[static_cast<size_t>(d)] = (end - begin + step - 1) / step;
  if (d >= sparse) {
    const Tensor part = rustorch::slice(rustorch::_sparse_values(t), d - sparse + 1, begin, end, step);
    results[0] = Value(coo(sparse_data(t).indices, part, sizes, sparse_data(t).coalesced));
    return;
  }
  std::vector<Tensor> rows = index_rows(t);
  Tensor& own = rows[static_cast<size_t>(d)];
  Tensor inside = own.ge(Scalar(begin)).logical_and(own.lt(Scalar(end)));
  const Tensor from_begin = own.sub(Scalar(begin));
  if (step != 1) inside = inside.logical_and(from_begin.remainder(Scalar(step)).eq(Scalar(0)));
  own = step == 1 ? from_begin : from_begin.div(Scalar(step), "floor");
  results[0] = Value(entries(t, inside.nonzero().select(1, 0), rows, sizes, sparse_data(t).coalesced));
}

void sparse_index_select(const OpInfo& info, const Value* args, Value* results) {
  if (is_sparse(args[2].tensor())) raise_sparse(info.name, args[2].tensor());
  const Tensor t = coordinate_form(args[0].tensor());
  const int64_t d = wrap_dim(info.name, args[1].i, t.dim()), sparse = sparse_dims(t), size = t.size(d);
  const Tensor index = args[2].tensor().reshape({-1}).to(kInt64);
  std::vector<int64_t> sizes = t.sizes().vec();
  sizes[static_cast<size_t>(d)] = index.size(0);
  if (d >= sparse) {
    const Tensor part = rustorch::_sparse_values(t).index_select(d - sparse + 1, index);
    results[0] = Value(coo(sparse_data(t).indices, part, sizes, sparse_data(t).coalesced));
    return;
  }
  std::vector<Tensor> rows = index_rows(t);
  const Tensor own = rows[static_cast<size_t>(d)];
  const Tensor order = argsort(own, std::optional<bool>(true), 0);
  const Tensor starts = row_starts(own, size).to(t.device());
  const Tensor begin = starts.index_select(0, index),
               counts = starts.index_select(0, index.add(1)).sub(begin);
  const Tensor which = repeat_interleave(arange(Scalar(index.size(0)), kInt64, t.device()), counts);
  const Tensor shift = begin.sub(counts.cumsum(0).sub(counts)).index_select(0, which);
  const Tensor numbers = order.index_select(0, arange(Scalar(which.size(0)), kInt64, t.device()).add(shift));
  for (int64_t i = 0; i < sparse; ++i) {
    Tensor& row = rows[static_cast<size_t>(i)];
    row = i == d ? which : row.index_select(0, numbers);
  }
  results[0] = Value(coo(stacked(rows), rustorch::_sparse_values(t).index_select(0, numbers), sizes));
}

void sparse_cat(const OpInfo& info, const Value* args, Value* results) {
  const TensorList list = args[0].tensors();
  const int64_t d = wrap_dim(info.name, args[1].i, list[0].dim()), sparse = sparse_dims(list[0]);
  std::vector<int64_t> sizes = list[0].sizes().vec();
  sizes[static_cast<size_t>(d)] = 0;
  std::vector<Tensor> parts;
  for (const Tensor& one : list) {
    RT_CHECK(is_coo(one), NotImplemented, info.name, "expected sparse_coo tensors only; got one of layout ",
             layout_name(one.layout()));
    RT_CHECK(one.dim() == list[0].dim() && sparse_dims(one) == sparse, Shape, info.name,
             "expected tensors with the same numbers of sparse and dense dimensions");
    for (int64_t i = 0; i < one.dim(); ++i)
      RT_CHECK(i == d || one.size(i) == list[0].size(i), Shape, info.name,
               "Sizes of tensors must match except in dimension ", d, ". Expected size ", list[0].size(i),
               " but got size ", one.size(i));
    sizes[static_cast<size_t>(d)] += one.size(d);
    parts.push_back(settled(one));
  }
  std::vector<Tensor> indices, values;
  int64_t before = 0;
  for (const Tensor& t : parts) {
    Tensor at = sparse_data(t).indices, own = rustorch::_sparse_values(t);
    if (d < sparse) {
      std::vector<Tensor> rows = index_rows(t);
      rows[static_cast<size_t>(d)] = rows[static_cast<size_t>(d)].add(Scalar(before));
      at = stacked(rows);
    } else {  // zeros where the other tensors are
      const int64_t inner = d - sparse + 1;
      std::vector<int64_t> shape = own.sizes().vec();
      shape[static_cast<size_t>(inner)] = before;
      const Tensor front = zeros(shape, own.dtype(), own.device());
      shape[static_cast<size_t>(inner)] = sizes[static_cast<size_t>(d)] - before - t.size(d);
      own = joined({front, own, zeros(shape, own.dtype(), own.device())}, inner);
    }
    indices.push_back(at);
    values.push_back(own);
    before += t.size(d);
  }
  results[0] = Value(coo(joined(indices, 1), joined(values, 0), sizes));
}

// ---- copies and fills

namespace {
/// t with each part made anew by f(part, whether it is the values).
template <class F>
Tensor rebuilt(const Tensor& t, F&& f) {
  const SparseData& d = sparse_data(t);
  const Tensor values = f(rustorch::_sparse_values(t), true), indices = f(d.indices, false);
  if (is_coo(t)) return coo(indices, values, t.sizes(), d.coalesced);
  return rustorch::_sparse_compressed(indices, f(d.plain, false), values, t.sizes(), d.layout);
}

Tensor without_values(const Tensor& t, DType dtype, Device device) {
  const SparseData& d = sparse_data(t);
  std::vector<int64_t> shape = d.values.sizes().vec();
  const auto keep = static_cast<size_t>(batch_dims(t));
  shape[keep] = 0;
  const Tensor values = zeros(shape, dtype, device);
  if (is_coo(t)) return coo(zeros({d.indices.size(0), 0}, kInt64, device), values, t.sizes(), true);
  std::vector<int64_t> plain = d.plain.sizes().vec();
  plain.back() = 0;
  return rustorch::_sparse_compressed(zeros_like(d.indices).to(device), zeros(plain, d.plain.dtype(), device),
                                      values, t.sizes(), d.layout);
}
}  // namespace

void sparse_clone(const OpInfo&, const Value* args, Value* results) {
  results[0] =
      Value(rebuilt(settled(args[0].tensor()), [](const Tensor& part, bool) { return part.clone(); }));
}

void sparse_to_copy(const OpInfo&, const Value* args, Value* results) {
  const auto dtype = args[1].opt_dtype();
  const auto device = args[2].opt_device();
  results[0] = Value(rebuilt(settled(args[0].tensor()), [&](const Tensor& part, bool is_values) {
    return rustorch::_to_copy(part, is_values ? dtype : std::nullopt, device);
  }));
}

void sparse_copy_(const OpInfo& info, const Value* args, Value*) {
  const Tensor &self = args[0].tensor(), &from = args[1].tensor();
  if (self.layout() != from.layout())
    raise(ErrorKind::NotImplemented, info.name,
          cat("copies between tensors of different layouts are not implemented; got ",
              layout_name(self.layout()), " and ", layout_name(from.layout()),
              "; hint: to_dense() or to_sparse()"));
  if (self.sizes() != from.sizes() && from.numel() != 0)
    raise_shape(info.name, cat("expected tensors of one size; got ", self.sizes(), " and ", from.sizes()),
                self.sizes(), from.sizes());
  if (self.is_same(from)) return;
  assign_sparse("copy_", self, rustorch::_to_copy(from, self.dtype(), self.device()));
}

void sparse_zero_(const OpInfo& info, const Value* args, Value*) {
  const Tensor& self = args[0].tensor();
  check_inplace(info.name, self);
  const NoGradGuard off;
  replace_sparse(self, without_values(self, self.dtype(), self.device()));
}

void sparse_zeros_like(const OpInfo&, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  Tensor fresh =
      without_values(t, args[1].opt_dtype().value_or(t.dtype()), args[2].opt_device().value_or(t.device()));
  if (args[3].flag) fresh.requires_grad_(true);
  results[0] = Value(fresh);
}

}  // namespace rustorch
