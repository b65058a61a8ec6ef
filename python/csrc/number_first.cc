// torch.add(3, tensor): the few functions that take a number where the others want a tensor first. The parser
// comes here when nothing matched; the number becomes a tensor without dimensions whose dtype follows the
// other operand's, as in `3 + tensor`.
#include <algorithm>
#include <array>
#include <vector>

#include "objects.h"
#include "op_call.h"
#include "rustorch/tensor.h"

namespace rustorch::py {

namespace {
constexpr std::array<std::string_view, 7> kNumberFirst = {"add",    "sub",          "mul",      "div",
                                                          "divide", "floor_divide", "remainder"};
}

bool takes_number_first(const OpSpec& op, PyObject* const* args, size_t nargs) {
  Scalar number;
  if (op.name == std::string_view("remainder") && nargs >= 2 && !is_tensor(args[1]))
    return false;  // as PyTorch
  return nargs >= 1 && !is_tensor(args[0]) &&
         std::find(kNumberFirst.begin(), kNumberFirst.end(), op.name) != kNumberFirst.end() &&
         to_scalar(args[0], &number);
}

PyObject* call_number_first(const OpSpec& op, PyObject* const* args, size_t nargs, PyObject* kwnames) {
  const size_t all = nargs + (kwnames != nullptr ? static_cast<size_t>(PyTuple_GET_SIZE(kwnames)) : 0);
  std::vector<PyObject*> changed(args, args + all);
  Scalar number;
  to_scalar(args[0], &number);
  changed[0] = wrap(TensorLike(number).as_tensor());
  if (changed[0] == nullptr) return nullptr;
  PyObject* result = call_op(op, false, changed.data(), nargs, kwnames);
  Py_DECREF(changed[0]);
  return result;
}

}  // namespace rustorch::py
