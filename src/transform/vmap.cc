// Batch dimensions through operators: the rule that goes slice by slice, and those of whole families.
//
// A batch rule may only look at shapes. It sees every value with its batch dimension first; results are given
// back in the same form. Rules fall back on batch_loop for the cases that they do not cover.
#include <algorithm>
#include <cstring>

#include "autograd/record.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/warn.h"
#include "transform/rules.h"

namespace rustorch {

using Kind = Value::Kind;

bool BatchCall::batched(int i) const {
  const Value& v = args[static_cast<size_t>(i)];
  bool on = v.kind == Kind::Tensor && is(v.tensor_value);
  for (const Tensor& t : v.tensor_list) on |= is(t);
  for (const auto& t : v.opt_list) on |= t.has_value() && is(*t);
  return on;
}

bool BatchCall::any_batched_but(int i) const {
  for (int k = 0; k < info.nargs; ++k)
    if (k != i && batched(k)) return true;
  return false;
}

Tensor BatchCall::value(const Tensor& t) const {
  Tensor inner = batch_value(t, id);
  return inner.defined() ? inner : t;
}

Tensor BatchCall::front(const Tensor& t) const {
  if (!t.defined()) return t;
  if (Tensor inner = batch_value(t, id); inner.defined()) return inner;
  std::vector<int64_t> sizes{size};
  sizes.insert(sizes.end(), t.sizes().begin(), t.sizes().end());
  return expand(t.unsqueeze(0), sizes);
}

void BatchCall::call(const std::vector<Value>& with) {
  info.call(with.data(), results);
  if (info.nresults < 0) {
    for (Tensor& t : results[0].tensor_list) t = wrap_batch(t, id);
    return;
  }
  for (int k = 0; k < info.nresults; ++k) {
    RT_CHECK(results[k].kind == Kind::Tensor, Value, info.name,
             "vmap: it looks like you're attempting to use a Tensor in some data-dependent control flow or "
             "to read a "
             "value from it. We don't support that yet.");
    results[k].tensor_value = wrap_batch(results[k].tensor_value, id);
  }
}

void refuse_unbatched_self(const BatchCall& call) {
  raise(ErrorKind::Value, "",
        cat("vmap: ", call.info.name,
            "(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that "
            "has more "
            "elements than `self`. This happened due to `other` being vmapped over but `self` not being "
            "vmapped over. "
            "Please try to use out-of-place operators instead of ",
            call.info.name,
            ". If said operator is being called inside the PyTorch framework, please file a bug report "
            "instead."));
}

// ---- slice by slice

namespace {

void warn_slow(const OpInfo& info) {
  if (info.random) return;
  warn_once(cat("There is a performance drop because we have not yet implemented the batching rule for ",
                info.name, ". It runs slice by slice."));
}

/// The arguments of example i; with `apart` each has memory of its own, from offset 0 on.
std::vector<Value> slice_of(const BatchCall& call, int64_t i, bool apart = false) {
  std::vector<Value> with = call.args;
  auto cut = [&](Tensor& t) {
    if (Tensor inner = batch_value(t, call.id); inner.defined()) {
      t = select(inner, 0, i);
      if (apart) t = clone(t, MemoryFormat::Contiguous);
    }
  };
  for (Value& v : with) {
    if (v.kind == Kind::Tensor) cut(v.tensor_value);
    for (Tensor& t : v.tensor_list) cut(t);
    for (auto& t : v.opt_list)
      if (t.has_value()) cut(*t);
  }
  return with;
}

Tensor join(const BatchCall& call, const std::vector<Tensor>& parts) {
  if (!parts[0].defined()) return {};
  for (const Tensor& t : parts)
    RT_CHECK(t.sizes() == parts[0].sizes(), Value, call.info.name,
             "vmap: the size of the result depends on the data: it differs between the examples");
  return stack(TensorList(parts), 0);
}

/// Numbers that are the same for all examples: the stream goes back after each.
struct SameNumbers {
  Generator generator;
  std::vector<uint8_t> state;
  explicit SameNumbers(const BatchCall& call) : generator(default_generator()) {
    for (const Value& v : call.args)
      if (v.generator_value.has_value()) generator = *v.generator_value;
    state = generator.get_state();
  }
  void rewind() { generator.set_state(state); }
};

void loop(BatchCall& call, bool apart) {
  const OpInfo& info = call.info;
  warn_slow(info);
  RT_CHECK(call.size > 0, Value, info.name, "vmap: a batch of size 0 is not supported here");
  std::vector<std::vector<Tensor>> parts;
  for (int64_t i = 0; i < call.size; ++i) {
    std::vector<Value> out(static_cast<size_t>(std::max<int>(info.nresults, 1)));
    const std::vector<Value> with = slice_of(call, i, apart);
    info.call(with.data(), out.data());
    if (info.inplace) continue;
    std::vector<Tensor> row;
    if (info.nresults < 0)
      row = out[0].tensor_list;
    else
      for (Value& v : out) {
        RT_CHECK(v.kind == Kind::Tensor, Value, info.name,
                 "vmap: it looks like you're attempting to use a Tensor in some data-dependent control flow "
                 "or to read "
                 "a value from it. We don't support that yet.");
        row.push_back(v.tensor_value);
      }
    parts.resize(row.size());
    for (size_t k = 0; k < row.size(); ++k) parts[k].push_back(row[k]);
  }
  if (info.inplace) return;
  if (info.nresults < 0) {
    std::vector<Tensor> all;
    for (const auto& column : parts) all.push_back(wrap_batch(join(call, column), call.id));
    call.results[0] = Value(std::move(all));
    return;
  }
  for (size_t k = 0; k < parts.size(); ++k) call.result(static_cast<int>(k), join(call, parts[k]));
}

}  // namespace

void batch_loop(BatchCall& call) { loop(call, false); }

/// For operators that see the memory around a tensor.
void batch_apart(BatchCall& call) { loop(call, true); }

namespace {

/// Random operators: as many draws as examples, or one for all.
void batch_random(BatchCall& call, Randomness randomness) {
  const OpInfo& info = call.info;
  RT_CHECK(randomness != Randomness::Error, Value, "",
           "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
           "'different' "
           "randomness flags on vmap or perform the randomness operation out of vmap");
  const bool batched = call.any_batched_but(-1);
  if (randomness == Randomness::Different) {
    RT_CHECK(!info.inplace || call.batched(0), Value, "",
             "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear "
             "like same "
             "randomness. If this is necessary for your usage, please file an issue with functorch.");
    return batch_loop(call);
  }
  if (!batched) return info.call(call.args.data(), call.results);
  SameNumbers numbers(call);
  std::vector<std::vector<Tensor>> parts(static_cast<size_t>(std::max<int>(info.nresults, 0)));
  for (int64_t i = 0; i < call.size; ++i) {
    if (i > 0) numbers.rewind();
    std::vector<Value> out(static_cast<size_t>(std::max<int>(info.nresults, 1)));
    info.call(slice_of(call, i).data(), out.data());
    for (size_t k = 0; k < parts.size(); ++k) parts[k].push_back(out[k].tensor_value);
  }
  for (size_t k = 0; k < parts.size(); ++k) call.result(static_cast<int>(k), join(call, parts[k]));
}

}  // namespace

void run_batched(const OpInfo& info, int depth, const Value* args, Value* results) {
  const Level level = levels()[static_cast<size_t>(depth - 1)];
  const HiddenLevels hidden(depth);
  BatchCall call{info, level.id, level.size, std::vector<Value>(args, args + info.nargs), results};
  if (info.random) return batch_random(call, level.randomness);
  if (info.inplace && !call.batched(0)) refuse_unbatched_self(call);
  info.batch(call);
  if (info.jvp == JvpRule::View) {  // writes into the view are writes into its base
    if (info.nresults < 0)
      results[0].tensor_list = as_view_list(args[0].tensor_value, std::move(results[0].tensor_list));
    else
      results[0].tensor_value = as_view(args[0].tensor_value, std::move(results[0].tensor_value));
  }
  if (info.inplace && info.jvp == JvpRule::None && needs_grad(args[0].tensor_value))
    assign_zero_grad_history(args[0].tensor_value);
}

// ---- families

/// Elementwise with broadcasting: dimensions of length 1 after the batch dimension make the ranks equal.
void batch_align(BatchCall& call) {
  std::vector<Value> with = call.args;
  int64_t rank = 0;
  for (const Value& v : with)
    if (v.kind == Kind::Tensor && v.tensor_value.defined()) rank = std::max(rank, v.tensor_value.dim());
  std::vector<Tensor> before, after;
  for (size_t i = 0; i < with.size(); ++i) {
    Value& v = with[i];
    if (v.kind != Kind::Tensor || !v.tensor_value.defined()) continue;
    before.push_back(v.tensor_value);
    if (call.is(v.tensor_value)) {
      const int64_t missing = rank - v.tensor_value.dim();
      v.tensor_value = call.value(v.tensor_value);
      if (!(call.info.inplace && i == 0))
        for (int64_t k = 0; k < missing; ++k) v.tensor_value = v.tensor_value.unsqueeze(1);
    }
    after.push_back(v.tensor_value);
  }
  // A batch of 0-d tensors promotes like 0-d tensors.
  if (before.size() > 1 && !call.info.inplace) {
    ResultType logical, physical;
    for (size_t i = 0; i < before.size(); ++i) {
      logical.add(before[i].dtype(), before[i].dim() == 0, before[i].impl()->is_wrapped_number());
      physical.add(after[i].dtype(), after[i].dim() == 0, after[i].impl()->is_wrapped_number());
    }
    const DType want = logical.get();
    if (want != physical.get())
      for (size_t i = 0; i < with.size(); ++i)
        if (call.batched(static_cast<int>(i)) && call.rank(static_cast<int>(i)) == 0 &&
            with[i].tensor_value.dtype() != kBool)
          with[i].tensor_value = with[i].tensor_value.to(want);
  }
  call.call(with);
}

/// The batch dimension in front is all that it takes: of each tensor argument.
void batch_direct(BatchCall& call) {
  std::vector<Value> with = call.args;
  for (int i = 0; i < call.info.nargs; ++i) {
    Value& v = with[static_cast<size_t>(i)];
    if (v.kind == Kind::Tensor) v.tensor_value = call.front(i);
    for (Tensor& t : v.tensor_list) t = call.front(t);
    if (call.info.args[i].kind == ArgKind::Shape && v.given())
      v.int_list.insert(v.int_list.begin(), call.size);
  }
  call.call(with);
}

/// Operators that treat every plane of the first dimension alike: the batch makes more planes.
void batch_fold(BatchCall& call) {
  std::vector<Value> with = call.args;
  for (int i = 0; i < call.info.nargs; ++i) {
    Value& v = with[static_cast<size_t>(i)];
    if (call.given(i)) {
      if (call.rank(i) == 0) return batch_loop(call);
      v.tensor_value = call.front(i).flatten(0, 1);
    }
    if (call.info.args[i].kind == ArgKind::Shape && !v.int_list.empty()) v.int_list[0] *= call.size;
  }
  std::vector<Value> out(static_cast<size_t>(call.info.nresults));
  call.info.call(with.data(), out.data());
  for (int k = 0; k < call.info.nresults; ++k) {
    const Tensor& t = out[static_cast<size_t>(k)].tensor_value;
    call.result(k, t.defined() ? t.unflatten(0, {call.size, t.size(0) / call.size}) : t);
  }
}

namespace {

/// Dimensions of an example -> those of the value. False: they cannot be written that way.
bool shift_dims(const BatchCall& call, std::vector<Value>& with, int64_t rank, bool empty_is_all) {
  for (int i = 0; i < call.info.nargs; ++i) {
    Value& v = with[static_cast<size_t>(i)];
    const ArgKind kind = call.info.args[i].kind;
    if (kind == ArgKind::Dim) {
      if (!v.given()) return false;
      v.i = wrap_dim(call.info.name, v.i, rank) + 1;
    } else if (kind == ArgKind::Dims) {
      if (v.given() && !v.int_list.empty()) {
        for (int64_t& d : v.int_list) d = wrap_dim(call.info.name, d, rank) + 1;
      } else {
        if (!empty_is_all) return false;
        v = Value(IntArrayRef());
        for (int64_t d = 1; d <= rank; ++d) v.int_list.push_back(d);
      }
    }
  }
  return true;
}

bool has_dims(const OpInfo& info) {
  for (int i = 0; i < info.nargs; ++i)
    if (info.args[i].kind == ArgKind::Dim || info.args[i].kind == ArgKind::Dims) return true;
  return false;
}

}  // namespace

/// One tensor (or list) and dimensions: reductions, scans, sorts, softmax, joins.
void batch_shift(BatchCall& call) {
  const bool list = call.args[0].kind == Kind::Tensors;
  if (!call.batched(0) || call.any_batched_but(0) || !has_dims(call.info)) return batch_loop(call);
  const int64_t rank = list ? call.args[0].tensor_list[0].dim() : call.rank(0);
  bool equal = true;
  for (const Tensor& t : call.args[0].tensor_list) equal &= t.dim() == rank;
  std::vector<Value> with = call.args;
  const bool grows =
      std::strcmp(call.info.name, "diag_embed") == 0;  // its dimensions are those of the result
  const bool reduces = std::strcmp(call.info.name, "flip") != 0 && std::strcmp(call.info.name, "roll") != 0;
  if (rank == 0 || !equal || !shift_dims(call, with, rank + grows, reduces)) return batch_loop(call);
  if (list)
    for (Tensor& t : with[0].tensor_list) t = call.front(t);
  else
    with[0].tensor_value = call.value(0);
  call.call(with);
}

/// Several tensors of one rank and a dimension: gather, scatter.
void batch_together(BatchCall& call) {
  int64_t rank = -1;
  for (int i = 0; i < call.info.nargs; ++i)
    if (call.given(i)) {
      if (rank >= 0 && call.rank(i) != rank) return batch_loop(call);
      rank = call.rank(i);
    }
  std::vector<Value> with = call.args;
  if (rank <= 0 || !shift_dims(call, with, rank, false)) return batch_loop(call);
  for (int i = 0; i < call.info.nargs; ++i)
    if (call.given(i)) with[static_cast<size_t>(i)].tensor_value = call.front(i);
  call.call(with);
}

/// Reductions of everything: over all dimensions but the first.
void batch_full(BatchCall& call) {
  const std::string_view name = call.info.name;
  const Tensor rows = call.value(0).reshape({call.size, -1});
  std::optional<DType> dtype;
  if (call.info.nargs > 1) dtype = call.args[1].opt_dtype();
  const int64_t dims[] = {1};
  if (name == "sum")
    call.result(sum(rows, IntArrayRef(dims), false, dtype));
  else if (name == "mean")
    call.result(mean(rows, IntArrayRef(dims), false, dtype));
  else if (name == "prod")
    call.result(prod(rows, 1, false, dtype));
  else if (name == "max" && rows.size(1) > 0)
    call.result(amax(rows, IntArrayRef(dims)));
  else if (name == "min" && rows.size(1) > 0)
    call.result(amin(rows, IntArrayRef(dims)));
  else if (name == "any")
    call.result(any(rows, 1));
  else if (name == "all")
    call.result(all(rows, 1));
  else
    batch_loop(call);
}

/// new_zeros and the like: the shape gets the batch dimension.
void batch_shape(BatchCall& call) {
  std::vector<Value> with = call.args;
  for (int i = 0; i < call.info.nargs; ++i) {
    if (i > 0 && call.batched(i)) return batch_loop(call);
    if (call.info.args[i].kind == ArgKind::Shape)
      with[static_cast<size_t>(i)].int_list.insert(with[static_cast<size_t>(i)].int_list.begin(), call.size);
  }
  with[0].tensor_value = call.value(0);
  call.call(with);
}

// ---- views

namespace {

/// Any view: its layout inside one example, with the stride of the batch dimension in front.
void view_by_layout(BatchCall& call) {
  std::vector<Value> with = call.args;
  const Tensor value = call.value(0);
  with[0].tensor_value = make_alias(call.args[0].tensor_value);
  std::vector<Value> out(1);
  {
    const GradModeGuard off(false);
    call.info.call(with.data(), out.data());
  }
  auto place = [&](const Tensor& t) {
    std::vector<int64_t> sizes{call.size}, strides{value.stride(0)};
    sizes.insert(sizes.end(), t.sizes().begin(), t.sizes().end());
    strides.insert(strides.end(), t.strides().begin(), t.strides().end());
    return wrap_batch(as_strided(value, sizes, strides, t.storage_offset()), call.id);
  };
  if (call.info.nresults < 0) {
    std::vector<Tensor> all;
    for (const Tensor& t : out[0].tensor_list) all.push_back(place(t));
    call.results[0] = Value(std::move(all));
  } else {
    RT_CHECK(out[0].tensor_value.dtype() == value.dtype(), NotImplemented, call.info.name,
             "vmap: this view of another dtype is not supported");
    call.results[0] = Value(place(out[0].tensor_value));
  }
}

}  // namespace

void batch_view(BatchCall& call) {
  const std::string_view name = call.info.name;
  const int64_t rank = call.rank(0);
  std::vector<Value> with = call.args;
  Tensor& self = with[0].tensor_value;
  self = call.value(0);
  if (name == "alias" || name == "view_as_real" || name == "view_as_complex" || name == "_real_view" ||
      name == "_imag_view")
    return call.call(with);
  if (name == "view") {
    if (call.info.args[1].kind == ArgKind::Shape)
      with[1].int_list.insert(with[1].int_list.begin(), call.size);
    else if (rank == 0)
      return view_by_layout(call);
    return call.call(with);
  }
  if (name == "expand") {
    std::vector<int64_t>& sizes = with[1].int_list;
    for (int64_t k = rank; k < static_cast<int64_t>(sizes.size()); ++k) self = self.unsqueeze(1);
    sizes.insert(sizes.begin(), call.size);
    return call.call(with);
  }
  if (name == "permute") {
    for (int64_t& d : with[1].int_list) d = wrap_dim("permute", d, rank) + 1;
    with[1].int_list.insert(with[1].int_list.begin(), 0);
    return call.call(with);
  }
  if (name == "unsqueeze") {
    with[1].i = wrap_dim("unsqueeze", with[1].i, rank + 1) + 1;
    return call.call(with);
  }
  if (name == "t") {
    RT_CHECK(rank <= 2, Shape, "t", "t() expects a tensor with <= 2 dimensions, but self is ", rank, "D");
    return call.result(rank < 2 ? alias(self) : transpose(self, 1, 2));
  }
  if (name == "squeeze" && !has_dims(call.info)) {
    std::vector<int64_t> dims;
    for (int64_t d = 0; d < rank; ++d)
      if (self.size(d + 1) == 1) dims.push_back(d + 1);
    return call.result(dims.empty() ? alias(self) : squeeze(self, IntArrayRef(dims)));
  }
  if (rank == 0 || !has_dims(call.info) || !shift_dims(call, with, rank, false)) return view_by_layout(call);
  call.call(with);
}

}  // namespace rustorch
