// apply_index and apply_index_put: Python's indexing on top of views and the index operators.
//
// The items are applied from left to right to a growing view; tensors are collected, one per dimension of
// that view (a bool mask stands for as many dimensions as it has), and handed to index / index_put_ at the
// end.
#include "rustorch/indexing.h"

#include <vector>

#include "autograd/transform_call.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "ops/dim_array.h"
#include "ops/index_common.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {

using Kind = TensorIndex::Kind;

bool is_mask(const Tensor& t) { return t.dtype() == kBool || t.dtype() == kUInt8; }

/// How many dimensions of the indexed tensor an item uses up.
int64_t consumed_dims(const TensorIndex& item) {
  switch (item.kind) {
    case Kind::Integer:
    case Kind::Slice:
      return 1;
    case Kind::Tensor:
      return is_mask(item.tensor) ? item.tensor.dim() : 1;
    default:
      return 0;
  }
}

/// The view that the basic items give, and the tensors that index it (undefined: the whole dimension).
struct Applied {
  Tensor view;
  std::vector<std::optional<Tensor>> tensors;
  bool advanced = false;

  void record(int64_t dim, const Tensor& t) {
    tensors.resize(static_cast<size_t>(dim));
    tensors.emplace_back(t);
    advanced = true;
  }
};

Tensor select_one(const Tensor& t, int64_t dim, int64_t index, int64_t real_dim) {
  RT_CHECK(t.dim() > 0, Index, "",
           "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
           "convert a "
           "0-dim tensor to a number");
  const int64_t size = t.impl()->size(static_cast<int>(dim));
  RT_CHECK(index >= -size && index < size, Index, "", "index ", index, " is out of bounds for dimension ",
           real_dim, " with size ", size);
  return select(t, dim, index);
}

Tensor bool_index(bool on, Device device) {
  return on ? zeros({1}, kInt64, device) : empty({0}, kInt64, device);
}

Applied apply_items(const Tensor& self, ArrayRef<TensorIndex> items) {
  int64_t used = 0;
  for (const TensorIndex& item : items) used += consumed_dims(item);
  if (used > self.dim()) {
    RT_CHECK(self.dim() > 0, Index, "",
             "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
             "convert a "
             "0-dim tensor to a number");
    raise(ErrorKind::Index, "", cat("too many indices for tensor of dimension ", self.dim()));
  }
  Applied out{self, {}, false};
  int64_t dim = 0;       // position in the view
  int64_t real_dim = 0;  // position in self, for the errors
  for (const TensorIndex& item : items) {
    switch (item.kind) {
      case Kind::None:
        out.view = unsqueeze(out.view, dim++);
        break;
      case Kind::Ellipsis:  // a second one skips as many again, as in PyTorch
        dim += self.dim() - used;
        real_dim += self.dim() - used;
        break;
      case Kind::Integer:
        out.view = select_one(out.view, dim, item.integer, real_dim++);
        break;
      case Kind::Slice: {
        const indexing::Slice& s = item.slice;
        const int64_t step = s.step.value_or(1);
        RT_CHECK(step > 0, Value, "", "step must be greater than zero");
        if (s.start.value_or(0) != 0 || s.stop.has_value() || step != 1)
          out.view = slice(out.view, dim, s.start, s.stop, step);
        ++dim;
        ++real_dim;
        break;
      }
      case Kind::Boolean:
        out.view = unsqueeze(out.view, dim);
        out.record(dim++, bool_index(item.boolean, self.device()));
        break;
      case Kind::Tensor: {
        const Tensor& t = item.tensor;
        if (transforming() && t.dim() == 0 && !is_mask(t) && transform_active(t)) {
          out.record(dim++, t);  // a position of its own for every example
        } else if (t.dim() == 0 && is_integral(t.dtype(), false) && t.dtype() != kUInt8) {
          out.view = select_one(out.view, dim, t.item().to_int(), real_dim++);
        } else if (t.dim() == 0 && is_mask(t)) {
          out.view = unsqueeze(out.view, dim);
          out.record(dim++, bool_index(t.item().to_bool(), self.device()));
        } else {
          const int64_t n = consumed_dims(item);
          out.record(dim, t);
          dim += n;
          real_dim += n;
        }
        break;
      }
    }
  }
  return out;
}

/// The list for index(): one entry per tensor, masks counting as their dimensions.
std::vector<std::optional<Tensor>> index_list_of(const Applied& a) {
  std::vector<std::optional<Tensor>> list;
  int64_t dim = 0;
  for (const auto& t : a.tensors) {
    if (dim > 0 && !t.has_value()) {
      --dim;  // covered by the mask before
      continue;
    }
    list.push_back(t);
    if (t.has_value() && is_mask(*t)) dim = t->dim() - 1;
  }
  return list;
}

bool covers_with_mask(const Applied& a) {
  return a.tensors.size() == 1 && a.tensors[0]->dtype() == kBool && a.tensors[0]->sizes() == a.view.sizes() &&
         a.view.dim() > 0;
}

/// value without the leading dimensions of size 1 that the target has no room for.
Tensor drop_leading_ones(const Tensor& value, int64_t dims) {
  int64_t drop = 0;
  while (value.dim() - drop > dims && value.impl()->size(static_cast<int>(drop)) == 1) ++drop;
  return drop == 0 ? value : reshape(value, value.sizes().slice(static_cast<size_t>(drop)));
}

}  // namespace

Tensor apply_index(const Tensor& self, ArrayRef<TensorIndex> items) {
  if (items.size() == 1 && items[0].kind == Kind::Integer) return select_one(self, 0, items[0].integer, 0);
  Applied a = apply_items(self, items);
  if (!a.advanced) return a.view.is_same(self) ? alias(self) : a.view;
  if (covers_with_mask(a)) return masked_select(a.view, *a.tensors[0]);
  return index(a.view, index_list_of(a));
}

Tensor Tensor::index(std::initializer_list<TensorIndex> items) const { return apply_index(*this, items); }
Tensor Tensor::operator[](const Tensor& at) const { return index({at}); }
const Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> items, const Tensor& values) const {
  apply_index_put(*this, items, values);
  return *this;
}
const Tensor& Tensor::index_put_(std::initializer_list<TensorIndex> items, const Scalar& value) const {
  apply_index_put(*this, items, value);
  return *this;
}

void apply_index_put(const Tensor& self, ArrayRef<TensorIndex> items, const Scalar& number) {
  const Scalar value = rounded(number, self.dtype());
  check_not_negative("", value, self.dtype());
  Applied a = apply_items(self, items);
  if (!a.advanced) {
    a.view.fill_(value);
  } else if (covers_with_mask(a)) {
    a.view.masked_fill_(*a.tensors[0], value);
  } else {
    index_put_(a.view, index_list_of(a), full({}, value, self.dtype(), self.device()), false);
  }
}

void apply_index_put(const Tensor& self, ArrayRef<TensorIndex> items, const Tensor& value) {
  Applied a = apply_items(self, items);
  if (!a.advanced) {
    a.view.copy_(drop_leading_ones(value, a.view.dim()));
    return;
  }
  Tensor from = value;
  if (value.device() != self.device() && value.dim() == 0) from = value.to(self.device());
  if (covers_with_mask(a) && from.dim() == 0 && from.dtype() == self.dtype()) {
    a.view.masked_fill_(*a.tensors[0], from);
    return;
  }
  index_put_(a.view, index_list_of(a),
             drop_leading_ones(from, self.dim() + static_cast<int64_t>(items.size())), false);
}

}  // namespace rustorch
