// A call with tangents or batch dimensions: finds the innermost level that takes part and runs its rule.
#include <algorithm>

#include "rustorch/error.h"
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
}  // namespace

bool transform_call(const OpInfo& info, bool recording, const Value* args, Value* results) {
  int depth = 0;
  for (int i = 0; i < info.nargs; ++i) depth = std::max(depth, innermost(args[i]));
  if (info.random)  // draws numbers for every example, whether its arguments have a batch dimension or not
    for (size_t d = levels().size(); d > static_cast<size_t>(depth); --d)
      if (!levels()[d - 1].dual) {
        depth = static_cast<int>(d);
        break;
      }
  if (depth == 0) return false;
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
