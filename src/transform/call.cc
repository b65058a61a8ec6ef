// A call with tangents or batch dimensions: finds the innermost level that takes part and runs its rule.
#include <algorithm>

#include "autograd/record.h"
#include "core/sparse_data.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "transform/rules.h"

namespace rustorch {

namespace {
int innermost(const Value& value) {
  int deepest = 0;
  if (value.kind == Value::Kind::Tensor) return innermost(value.tensor_value);
  for (const Tensor& t : value.tensor_list) deepest = std::max(deepest, innermost(t));
  for (const auto& t : value.opt_list)
    if (t.has_value()) deepest = std::max(deepest, innermost(*t));
  return deepest;
}

bool has_sparse(const OpInfo& info, const Value* args) {
  for (int i = 0; i < info.nargs; ++i)
    if (any_sparse(args[i].tensor_value, args[i].tensors(), args[i].opt_tensors())) return true;
  return false;
}

const Tensor& first_sparse(const OpInfo& info, const Value* args) {
  for (int i = 0; i < info.nargs; ++i) {
    if (any_sparse(args[i].tensor_value)) return args[i].tensor_value;
    for (const Tensor& t : args[i].tensor_list)
      if (any_sparse(t)) return t;
    for (const auto& t : args[i].opt_list)
      if (any_sparse(t)) return *t;
  }
  return args[0].tensor_value;
}

const Tensor* first_quantized(const OpInfo& info, const Value* args) {
  const auto is = [](const Tensor& t) { return t.defined() && t.impl()->is_quantized(); };
  for (int i = 0; i < info.nargs; ++i) {
    if (is(args[i].tensor_value)) return &args[i].tensor_value;
    for (const Tensor& t : args[i].tensor_list)
      if (is(t)) return &t;
    for (const auto& t : args[i].opt_list)
      if (t.has_value() && is(*t)) return &*t;
  }
  return nullptr;
}
}  // namespace

void raise_sparse(const char* op, const Tensor& t) {
  raise(ErrorKind::NotImplemented, op,
        cat("not implemented for tensors of layout ", layout_name(t.layout()),
            "; hint: to_dense() gives a strided tensor"));
}

void sparse_refuse(const OpInfo& info, const Value* args, Value*) {
  raise_sparse(info.name, first_sparse(info, args));
}

void sparse_own(const OpInfo&, const Value*, Value*) {}

namespace {
/// The parts and the history of self, for what is recorded while self is written: nodes that keep it for its
/// places must not take the write for one into what they kept.
Tensor before_write(const Tensor& self) {
  if (!GradMode::is_enabled() || !self.impl()->is_sparse() || self.impl()->is_quantized()) return self;
  Tensor twin = make_sparse(sparse_data(self), self.sizes());
  if (Edge edge = gradient_edge(self); edge.fn) set_gradient_edge(twin, edge.fn, edge.nr);
  return twin;
}
}  // namespace

void sparse_inplace(const OpInfo& info, const Value* args, Value*) {
  std::vector<Value> from(args, args + info.nargs);
  from[0] = Value(before_write(args[0].tensor()));
  Value result[1];
  info.base->sparse(*info.base, from.data(), result);
  const Tensor &self = args[0].tensor(), &value = result[0].tensor_value;
  if (self.sizes() != value.sizes())
    raise_shape(info.name,
                cat("output with shape ", self.sizes(), " doesn't match the broadcast shape ", value.sizes()),
                self.sizes(), value.sizes());
  assign_inplace(info.name, self, value);
}

bool transform_call(const OpInfo& info, bool recording, const Value* args, Value* results) {
  int depth = 0;
  for (int i = 0; i < info.nargs; ++i) depth = std::max(depth, innermost(args[i]));
  if (info.random)  // draws numbers for every example, whether its arguments have a batch dimension or not
    for (size_t d = levels().size(); d > static_cast<size_t>(depth); --d)
      if (!levels()[d - 1].dual) {
        depth = static_cast<int>(d);
        break;
      }
  if (depth == 0) {
    if (info.sparse == sparse_own || !has_sparse(info, args)) return false;
    if (const Tensor* t = first_quantized(info, args)) {
      if (info.quantized == nullptr) raise_quantized(info.name, *t);
      info.quantized(info, args, results);
      return true;
    }
    info.sparse(info, args, results);
    return true;
  }
  if (levels()[static_cast<size_t>(depth - 1)].dual) {
    push_forward(info, depth, args, results);
    return true;
  }
  if (recording)
    return false;  // the wrapper records a node on the batched tensors and comes back for the body
  run_batched(info, depth, args, results);
  return true;
}

}  // namespace rustorch
