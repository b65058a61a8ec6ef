// The two halves of a transformed call: tangents (push_forward) and batch dimensions (run_batched).
#pragma once
#include <vector>

#include "transform/levels.h"

namespace rustorch {

/// Computes the results and their tangents at the level of this depth.
void push_forward(const OpInfo& info, int depth, const Value* args, Value* results);
/// Computes the results for all examples of the vmap of this depth.
void run_batched(const OpInfo& info, int depth, const Value* args, Value* results);

/// One call under vmap, as a batch rule sees it. The vmap and what is inside of it are hidden; the batch
/// dimension of every value is the first.
struct BatchCall {
  const OpInfo& info;
  uint64_t id;
  int64_t size;
  std::vector<Value> args;  // as given
  Value* results;

  /// Whether argument i is (or, for a list, has) a tensor of this vmap.
  bool batched(int i) const;
  bool is(const Tensor& t) const { return batch_value(t, id).defined(); }
  bool any_batched_but(int i) const;
  /// The value with the batch dimension first; tensors without one as they are.
  Tensor value(const Tensor& t) const;
  Tensor value(int i) const { return value(args[static_cast<size_t>(i)].tensor_value); }
  /// The value with the batch dimension first; tensors without one repeated.
  Tensor front(const Tensor& t) const;
  Tensor front(int i) const { return front(args[static_cast<size_t>(i)].tensor_value); }
  bool given(int i) const {
    const Value& v = args[static_cast<size_t>(i)];
    return v.kind == Value::Kind::Tensor && v.tensor_value.defined();
  }
  /// Dimensions of an example of argument i.
  int64_t rank(int i) const { return args[static_cast<size_t>(i)].tensor_value.dim(); }
  int64_t integer(int i) const { return args[static_cast<size_t>(i)].i; }
  bool on(int i) const { return args[static_cast<size_t>(i)].flag; }
  const std::vector<int64_t>& ints(int i) const { return args[static_cast<size_t>(i)].int_list; }

  /// Calls the operator on these arguments; its results have the batch dimension first.
  void call(const std::vector<Value>& with);
  void result(int k, const Tensor& value) { results[k] = Value(wrap_batch(value, id)); }
  void result(const Tensor& value) { result(0, value); }
};

/// The rule that fits everything: slice by slice.
void batch_loop(BatchCall& call);
[[noreturn]] void refuse_unbatched_self(const BatchCall& call);

}  // namespace rustorch
