// __torch_function__: calls that an argument's class, or an active mode, wants to handle itself.
//
// Every call of an operator asks needs_override() first, which compares a few type pointers for ordinary
// arguments. A class takes part when it defines __torch_function__ as anything but
// _disabled_torch_function_impl (what nn.Parameter has). rustorch/overrides.py decides who answers and keeps
// the modes; the state here is per thread.
#pragma once
#include "objects.h"

namespace rustorch::py {

struct OverrideState {
  int modes = 0;                // modes that are active
  bool subclasses_off = false;  // inside DisableTorchFunctionSubclass
  bool all_off = false;         // inside DisableTorchFunction
  bool skip_next = false;       // redispatch_function: the next call goes past classes and modes
};
extern thread_local OverrideState override_state;

/// Whether the class of an object that is no plain tensor or number handles calls itself.
bool type_overrides(PyTypeObject* type);

inline bool is_plain(PyObject* o) {
  PyTypeObject* t = Py_TYPE(o);
  return t == tensor_type || t == &PyLong_Type || t == &PyFloat_Type || t == &PyBool_Type || o == Py_None ||
         t == &PyUnicode_Type || t == dtype_type;
}
/// Whether this call is to go past classes and modes; the next one is not.
inline bool take_skip() {
  const bool skip = override_state.skip_next;
  override_state.skip_next = false;
  return skip;
}
/// The slow part of needs_override: looks at the classes, and into tuples and lists.
bool any_overrides(PyObject* const* args, size_t n);
inline bool needs_override(PyObject* const* args, size_t n) {
  if (override_state.modes > 0) [[unlikely]]
    return !override_state.all_off && !take_skip();
  for (size_t i = 0; i < n; ++i)
    if (!is_plain(args[i])) return any_overrides(args + i, n - i);
  return false;
}

/// What the handlers give for func(*args, **kwargs); kwnames as in a vectorcall.
PyObject* call_override(PyObject* func, PyObject* const* args, size_t nargs, PyObject* kwnames);
/// The same of a method of Tensor under its Python name, e.g. "__add__".
PyObject* call_override(const char* method, std::initializer_list<PyObject*> args);

}  // namespace rustorch::py
