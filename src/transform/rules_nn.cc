// Batch rules of layer norm, batch norm and cross-entropy: what gradients per example need to be fast.
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "transform/rules.h"

namespace rustorch {

namespace {

/// A parameter of the normalised shape, next to values of the given rank that have a batch dimension.
Tensor parameter(const BatchCall& call, int i, int64_t rank) {
  Tensor p = call.value(i);
  if (call.batched(i))
    for (int64_t k = call.rank(i); k < rank; ++k) p = p.unsqueeze(1);
  return p;
}

/// Sums away the dimensions between the batch dimension and the normalised ones.
Tensor sum_rows(const Tensor& t, int64_t normalized) {
  std::vector<int64_t> dims;
  for (int64_t d = 1; d < t.dim() - normalized; ++d) dims.push_back(d);
  return dims.empty() ? t : sum(t, IntArrayRef(dims), false);
}

}  // namespace

void batch_layer_norm(BatchCall& call) {  // input, normalized_shape, weight, bias, eps -> out, mean, rstd
  std::vector<Value> with = call.args;
  const int64_t rank = call.rank(0);
  with[0].tensor_value = call.front(0);
  if (!call.any_batched_but(0)) return call.call(with);
  with[2] = with[3] = Value();
  Value out[3];
  call.info.call(with.data(), out);
  Tensor y = out[0].tensor_value;
  if (call.given(2)) y = mul(y, parameter(call, 2, rank));
  if (call.given(3)) y = add(y, parameter(call, 3, rank));
  call.result(0, y);
  call.result(1, out[1].tensor_value);
  call.result(2, out[2].tensor_value);
}

void batch_layer_norm_backward(BatchCall& call) {
  // grad, input, normalized_shape, weight, mean, rstd, centered, need_input, need_weight, need_bias
  const int64_t rank = call.rank(1);
  const auto normalized = static_cast<int64_t>(call.ints(2).size());
  const Tensor grad = call.front(0), input = call.front(1);
  const Tensor rstd = call.front(5);
  const bool centered = call.on(6), need_weight = call.on(8), need_bias = call.on(9);
  std::vector<Value> with = call.args;
  with[0].tensor_value = grad;
  with[1].tensor_value = input;
  if (call.given(4)) with[4].tensor_value = call.front(4);
  with[5].tensor_value = rstd;
  with[8] = with[9] = Value(false);
  if (call.given(3) && call.batched(3)) {
    with[0].tensor_value = mul(grad, parameter(call, 3, rank));
    with[3] = Value();
  }
  Value out[3];
  call.info.call(with.data(), out);
  for (int k = 0; k < 3; ++k) call.results[k] = out[k];
  if (call.on(7)) call.result(0, out[0].tensor_value);
  if (need_weight) {
    const Tensor shifted = centered ? sub(input, call.front(4)) : input;
    call.result(1, sum_rows(mul(grad, mul(shifted, rstd)), normalized).to(input.dtype()));
  }
  if (need_bias) call.result(2, sum_rows(grad, normalized));
}

void batch_batch_norm(BatchCall& call) {  // input, weight, bias, running_mean, running_var, training, ...
  RT_CHECK(!(call.on(5) && call.batched(0) && call.given(3) && !(call.batched(3) && call.batched(4))), Value,
           "",
           "Batch norm got a batched tensor as input while the running_mean or running_var, which will be "
           "updated in "
           "place, were not batched.\nIf you are using a module and do not need eval mode, please set "
           "`track_running_stats` to be False.If you are using a prebuilt module and do not need eval mode, "
           "please see "
           "the functorch website for resources on how to patch your module to work with vmap");
  batch_loop(call);
}

namespace {

/// (B, N, C, ...) as one batch of B * N; an example without N is one row.
Tensor rows_of(const Tensor& t, bool single) { return single ? t : t.flatten(0, 1); }

/// What the loss of one example is divided by: the number of rows that count.
Tensor counted(const Tensor& target, int64_t ignore, DType dtype) {
  Tensor seen = target.ne(Scalar(ignore)).to(dtype);
  return seen.dim() > 1 ? seen.flatten(1).sum(IntArrayRef{1}, false) : seen;
}

/// The losses of the examples from those of all rows. Arguments 3 and 4 are reduction and ignore_index.
Tensor reduced(const BatchCall& call, const Tensor& of_rows, const Tensor& target, bool single) {
  Tensor loss = of_rows.reshape(target.sizes());
  const std::string_view reduction = call.args[3].text;
  if (reduction != "none" && !single) loss = loss.flatten(1).sum(IntArrayRef{1}, false);
  return reduction == "mean" ? loss / counted(target, call.integer(4), loss.dtype()) : loss;
}

/// The gradient (argument 0) of the loss of every row; reduction and ignore_index are the arguments from `at`
/// on.
Tensor grad_of_each(const BatchCall& call, const Tensor& target, size_t at) {
  Tensor grad = call.front(0);
  const std::string_view reduction = call.args[at].text;
  if (reduction == "mean") grad = grad / counted(target, call.integer(at + 1), grad.dtype());
  if (reduction != "none")
    for (int64_t d = 1; d < target.dim(); ++d) grad = grad.unsqueeze(-1);
  return expand(grad, target.sizes());
}

bool plain_classes(const BatchCall& call) {
  return !call.given(2) && call.rank(1) == call.rank(0) - 1 && call.rank(0) >= 1 &&
         !call.args[1].tensor_value.is_floating_point();
}

}  // namespace

void batch_cross_entropy(
    BatchCall& call) {  // self, target, weight, reduction, ignore_index, smoothing -> loss, lse
  if (!plain_classes(call)) return batch_loop(call);
  const bool single = call.rank(0) == 1;
  const Tensor target = call.front(1);
  std::vector<Value> with = call.args;
  with[0].tensor_value = rows_of(call.front(0), single);
  with[1].tensor_value = rows_of(target, single);
  with[3] = Value(std::string_view("none"));
  Value out[2];
  call.info.call(with.data(), out);
  call.result(0, reduced(call, out[0].tensor_value, target, single));
  // Two planes of the positions of all examples; an example has its own two.
  std::vector<int64_t> planes = target.sizes().vec();
  planes.insert(planes.begin(), 2);
  call.result(1, out[1].tensor_value.reshape(planes).transpose(0, 1));
}

void batch_cross_entropy_backward(BatchCall& call) {
  // grad, self, target, weight, lse, reduction, ignore_index, smoothing
  if (call.given(3) || call.rank(2) != call.rank(1) - 1 || call.args[2].tensor_value.is_floating_point())
    return batch_loop(call);
  const bool single = call.rank(1) == 1;
  const Tensor target = call.front(2), self = call.front(1);
  std::vector<Value> with = call.args;
  with[0].tensor_value = rows_of(grad_of_each(call, target, 5), single);
  with[1].tensor_value = rows_of(self, single);
  with[2].tensor_value = rows_of(target, single);
  const Tensor planes = call.front(4).transpose(0, 1);
  with[4].tensor_value = (single ? planes : planes.flatten(1, 2)).contiguous();
  with[5] = Value(std::string_view("none"));
  Value out;
  call.info.call(with.data(), &out);
  call.result(out.tensor_value.reshape(self.sizes()));
}

void batch_nll_loss(BatchCall& call) {  // self, target, weight, reduction, ignore_index
  if (!plain_classes(call)) return batch_loop(call);
  const bool single = call.rank(0) == 1;
  const Tensor target = call.front(1);
  std::vector<Value> with = call.args;
  with[0].tensor_value = rows_of(call.front(0), single);
  with[1].tensor_value = rows_of(target, single);
  with[3] = Value(std::string_view("none"));
  Value out;
  call.info.call(with.data(), &out);
  call.result(reduced(call, out.tensor_value, target, single));
}

void batch_nll_loss_backward(BatchCall& call) {  // grad, input_size, target, weight, reduction, ignore_index
  if (call.given(3)) return batch_loop(call);
  std::vector<int64_t> sizes = call.ints(1);
  const bool single = sizes.size() == 1;
  const Tensor target = call.front(2);
  std::vector<Value> with = call.args;
  with[0].tensor_value = rows_of(grad_of_each(call, target, 4), single);
  with[2].tensor_value = rows_of(target, single);
  with[4] = Value(std::string_view("none"));
  if (single)
    with[1].int_list.insert(with[1].int_list.begin(), call.size);
  else
    with[1].int_list[0] *= call.size;
  sizes.insert(sizes.begin(), call.size);
  Value out;
  call.info.call(with.data(), &out);
  call.result(out.tensor_value.reshape(sizes));
}

}  // namespace rustorch
