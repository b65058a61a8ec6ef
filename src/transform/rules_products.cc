// Batch rules of matrix products, convolution, embedding and indexing.
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "transform/rules.h"

namespace rustorch {

void batch_direct(BatchCall& call);

namespace {

/// A matrix argument ready for matmul: batched ones have the batch dimension, others broadcast.
Tensor matrices(const BatchCall& call, int i) { return call.value(i); }

void check_rank(const BatchCall& call, int i, int64_t rank) {
  RT_CHECK(call.rank(i) == rank, Shape, call.info.name, call.info.args[i].name, " must be a ",
           rank == 1 ? "vector" : "matrix", "; got ", call.rank(i), "D");
}

/// self * beta + product * alpha, with the dimensions of self in front of the batch dimension's place.
Tensor plus_scaled(const BatchCall& call, int self, const Tensor& product, const Scalar& beta,
                   const Scalar& alpha) {
  if (beta.to_complex() == 0.0) {  // what self holds does not matter
    std::vector<int64_t> sizes = product.sizes().vec();
    sizes[0] = call.size;
    return expand(mul(product, alpha), sizes);
  }
  Tensor base = call.value(self);
  if (call.batched(self))
    for (int64_t k = call.rank(self); k < product.dim() - 1; ++k) base = base.unsqueeze(1);
  return add(mul(product, alpha), mul(base, beta));
}

}  // namespace

void batch_mm(BatchCall& call) {
  check_rank(call, 0, 2);
  check_rank(call, 1, 2);
  call.result(matmul(matrices(call, 0), matrices(call, 1)));
}

void batch_bmm(BatchCall& call) {
  RT_CHECK(call.rank(0) == 3 && call.rank(1) == 3, Shape, "bmm", "batch1 and batch2 must be 3D tensors");
  call.result(matmul(matrices(call, 0), matrices(call, 1)));
}

void batch_mv(BatchCall& call) {
  check_rank(call, 0, 2);
  check_rank(call, 1, 1);
  call.result(matmul(call.value(0), call.value(1).unsqueeze(-1)).squeeze(-1));
}

void batch_dot(BatchCall& call) {
  check_rank(call, 0, 1);
  check_rank(call, 1, 1);
  call.result(matmul(call.value(0).unsqueeze(-2), call.value(1).unsqueeze(-1)).squeeze(-1).squeeze(-1));
}

void batch_addmm(BatchCall& call) {  // self, a, b, beta, alpha; also baddbmm
  const Tensor product = matmul(matrices(call, 1), matrices(call, 2));
  Tensor all = product;
  if (!call.batched(1) && !call.batched(2)) all = product.unsqueeze(0);
  call.result(plus_scaled(call, 0, all, call.args[3].scalar(), call.args[4].scalar()));
}

void batch_linear(BatchCall& call) {
  const Tensor input = call.value(0);
  if (!call.batched(1) && !call.batched(2) && call.batched(0))
    return call.result(linear(input, call.args[1].tensor(), call.args[2].opt_tensor()));
  const Tensor weight = call.value(1);
  Tensor out;
  if (call.rank(1) == 1) return batch_loop(call);
  const bool vector = call.rank(0) == 1;
  if (!call.batched(1)) {
    out = linear(input, weight, std::nullopt);
  } else if (vector) {
    out = matmul(weight, input.unsqueeze(-1)).squeeze(-1);
  } else {
    Tensor turned = weight.transpose(-1, -2);
    for (int64_t k = 2; k < call.rank(0); ++k) turned = turned.unsqueeze(1);
    out = matmul(input, turned);
  }
  const bool batched_out = call.batched(0) || call.batched(1);
  if (call.given(2)) {
    Tensor bias = call.value(2);
    if (call.batched(2))
      for (int64_t k = 1; k < call.rank(0); ++k) bias = bias.unsqueeze(1);
    if (!batched_out) out = out.unsqueeze(0);
    out = add(out, bias);
  }
  call.result(out);
}

namespace {

/// (B, N, C, ...) -> (N, B * C, ...): the batch as groups of channels.
Tensor into_channels(const Tensor& t) { return t.movedim(0, 1).flatten(1, 2); }
/// Back: (N, B * C, ...) -> (B, N, C, ...).
Tensor from_channels(const Tensor& t, int64_t batch) {
  return t.unflatten(1, {batch, t.size(1) / batch}).movedim(1, 0);
}

}  // namespace

void batch_convolution(BatchCall& call) {
  std::vector<Value> with = call.args;
  Tensor out;
  if (!call.batched(1) && !call.batched(2)) {  // more examples of the same weights
    with[0].tensor_value = call.value(0).flatten(0, 1);
    call.info.call(with.data(), call.results);
    return call.result(call.results[0].tensor_value.unflatten(
        0, {call.size, call.rank(0) == 0 ? 1 : call.value(0).size(1)}));
  }
  with[0].tensor_value = into_channels(call.front(0));
  with[1].tensor_value = call.front(1).flatten(0, 1);
  if (call.given(2)) with[2].tensor_value = call.front(2).flatten(0, 1);
  with[8].i *= call.size;
  call.info.call(with.data(), call.results);
  call.result(from_channels(call.results[0].tensor_value, call.size));
}

void batch_convolution_backward(BatchCall& call) {
  // grad, input, weight, stride, padding, dilation, transposed, output_padding, groups, need_input,
  // need_weight, need_bias
  std::vector<Value> with = call.args;
  with[0].tensor_value = into_channels(call.front(0));
  with[1].tensor_value = into_channels(call.front(1));
  with[2].tensor_value = call.front(2).flatten(0, 1);
  with[8].i *= call.size;
  Value out[3];
  call.info.call(with.data(), out);
  const bool need[] = {call.on(9), call.on(10), call.on(11)};
  for (int k = 0; k < 3; ++k) {
    Tensor t = out[k].tensor_value;
    if (need[k] && t.defined())
      t = k == 0 ? from_channels(t, call.size) : t.unflatten(0, {call.size, t.size(0) / call.size});
    if (need[k])
      call.result(k, t);
    else
      call.results[k] = out[k];
  }
}

void batch_embedding(BatchCall& call) {  // weight, indices, padding_idx, ...
  if (call.batched(0)) return batch_loop(call);
  std::vector<Value> with = call.args;
  with[1].tensor_value = call.value(1);
  call.call(with);
}

/// index(self, indices): the batch dimension is one more index when the indices have it.
void batch_index(BatchCall& call) {
  std::vector<std::optional<Tensor>> indices = call.args[1].opt_list;
  bool masks = false, any = false;
  int64_t rank = 0, first = -1, last = -1, count = 0;
  for (size_t k = 0; k < indices.size(); ++k) {
    if (!indices[k].has_value() || !indices[k]->defined()) continue;
    masks |= indices[k]->dtype() == kBool || indices[k]->dtype() == kUInt8;
    any |= call.is(*indices[k]);
    rank = std::max(rank, indices[k]->dim());
    if (first < 0) first = static_cast<int64_t>(k);
    last = static_cast<int64_t>(k);
    ++count;
  }
  const bool adjacent = count == 0 || last - first + 1 == count;
  if ((masks && any) || !adjacent) return batch_loop(call);
  std::vector<Value> with = call.args;
  if (!any) {
    indices.insert(indices.begin(), std::nullopt);
    with[0].tensor_value = call.value(0);
    with[1].opt_list = indices;
    return call.call(with);
  }
  for (auto& t : indices) {
    if (!t.has_value() || !t->defined() || !call.is(*t)) continue;
    const int64_t missing = rank - t->dim();
    t = call.value(*t);
    for (int64_t d = 0; d < missing; ++d) t = t->unsqueeze(1);
  }
  if (call.batched(0)) {
    if (first != 0) return batch_loop(call);  // the batch index would not be next to the others
    Tensor row = arange(call.size, kInt64, call.args[0].tensor_value.device());
    for (int64_t d = 0; d < rank; ++d) row = row.unsqueeze(-1);
    indices.insert(indices.begin(), row);
    with[0].tensor_value = call.value(0);
    with[1].opt_list = indices;
    return call.call(with);
  }
  with[1].opt_list = indices;
  Value out;
  call.info.call(with.data(), &out);
  call.result(out.tensor_value.movedim(first, 0));
}

/// Operators on stacks of matrices: more stacks.
void batch_matrices(BatchCall& call) {
  int64_t rank = -1;
  for (int i = 0; i < call.info.nargs; ++i)
    if (call.given(i)) {
      if (rank >= 0 && call.rank(i) != rank) return batch_loop(call);
      rank = call.rank(i);
    }
  batch_direct(call);
}

void batch_lu_solve(BatchCall& call) {  // LU, pivots, B, left, adjoint
  if (call.rank(0) != call.rank(2) || call.rank(1) != call.rank(0) - 1) return batch_loop(call);
  batch_direct(call);
}

}  // namespace rustorch
