#include "override.h"

namespace rustorch::py {

thread_local OverrideState override_state;

namespace {

PyObject* disabled_impl = nullptr;      // the marker of classes that do not take part
PyObject* protocol_name = nullptr;      // "__torch_function__"
PyObject* dispatch_function = nullptr;  // rustorch.overrides._dispatch

/// _disabled_torch_function_impl(cls?, func, types, args, kwargs): calls func as if no class took part.
PyObject* run_disabled(PyObject*, PyObject* all) {
  PyObject *func, *types, *args, *kwargs = nullptr;
  if (!PyArg_ParseTuple(all, "OOO|O", &func, &types, &args, &kwargs)) return nullptr;
  const OverrideState before = override_state;
  override_state.subclasses_off = true;
  PyObject* result = PyObject_Call(func, args, kwargs == Py_None ? nullptr : kwargs);
  override_state.subclasses_off = before.subclasses_off;
  return result;
}

/// _override_state(subclasses_off, all_off) -> the pair from before.
PyObject* set_state(PyObject*, PyObject* args) {
  int subclasses = 0, all = 0;
  if (!PyArg_ParseTuple(args, "pp", &subclasses, &all)) return nullptr;
  PyObject* before = Py_BuildValue("OO", override_state.subclasses_off ? Py_True : Py_False,
                                   override_state.all_off ? Py_True : Py_False);
  override_state.subclasses_off = subclasses != 0;
  override_state.all_off = all != 0;
  return before;
}
PyObject* get_state(PyObject*, PyObject*) {
  return Py_BuildValue("OO", override_state.subclasses_off ? Py_True : Py_False,
                       override_state.all_off ? Py_True : Py_False);
}
PyObject* set_modes(PyObject*, PyObject* count) {
  const long n = PyLong_AsLong(count);
  if (n == -1 && PyErr_Occurred() != nullptr) return nullptr;
  override_state.modes = static_cast<int>(n);
  return none();
}
/// _skip_next_override(on) -> what it was.
PyObject* skip_next(PyObject*, PyObject* on) {
  const bool before = override_state.skip_next;
  override_state.skip_next = PyObject_IsTrue(on) == 1;
  return PyBool_FromLong(before);
}
PyObject* overrides_py(PyObject*, PyObject* o) { return PyBool_FromLong(any_overrides(&o, 1)); }

PyMethodDef functions[] = {{"_disabled_torch_function_impl", run_disabled, METH_VARARGS,
                            "As __torch_function__ of a class: its objects are treated as plain tensors."},
                           {"_override_state", set_state, METH_VARARGS, nullptr},
                           {"_get_override_state", get_state, METH_NOARGS, nullptr},
                           {"_skip_next_override", skip_next, METH_O, nullptr},
                           {"_set_override_modes", set_modes, METH_O, nullptr},
                           {"_has_torch_function", overrides_py, METH_O,
                            "Whether an object, or one in a sequence, handles calls itself."},
                           {nullptr, nullptr, 0, nullptr}};

bool object_overrides(PyObject* o) { return !is_plain(o) && type_overrides(Py_TYPE(o)); }

/// Appends what takes part; looks one level into tuples and lists.
bool collect(PyObject* o, PyObject* into) {
  if (PyTuple_Check(o) || PyList_Check(o)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
      PyObject* item = PySequence_Fast_ITEMS(o)[i];
      if (object_overrides(item) && PyList_Append(into, item) != 0) return false;
    }
    return true;
  }
  return !object_overrides(o) || PyList_Append(into, o) == 0;
}

}  // namespace

bool type_overrides(PyTypeObject* type) {
  PyObject* found = _PyType_Lookup(type, protocol_name);
  return found != nullptr && found != disabled_impl;
}

bool any_overrides(PyObject* const* args, size_t n) {
  if (override_state.subclasses_off || override_state.all_off) return false;
  for (size_t i = 0; i < n; ++i) {
    PyObject* o = args[i];
    if (is_plain(o)) continue;
    if (PyTuple_Check(o) || PyList_Check(o)) {
      PyObject** items = PySequence_Fast_ITEMS(o);
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(o); ++k)
        if (object_overrides(items[k])) return !take_skip();
      continue;
    }
    if (type_overrides(Py_TYPE(o))) return !take_skip();
  }
  return false;
}

PyObject* call_override(PyObject* func, PyObject* const* args, size_t nargs, PyObject* kwnames) {
  if (dispatch_function == nullptr) {
    PyObject* module = PyImport_ImportModule("rustorch.overrides");
    if (module == nullptr) return nullptr;
    dispatch_function = PyObject_GetAttrString(module, "_dispatch");
    Py_DECREF(module);
    if (dispatch_function == nullptr) return nullptr;
  }
  const auto nkw = kwnames != nullptr ? PyTuple_GET_SIZE(kwnames) : 0;
  PyObject* relevant = PyList_New(0);
  PyObject* positional = PyTuple_New(static_cast<Py_ssize_t>(nargs));
  PyObject* kwargs = PyDict_New();
  PyObject* result = nullptr;
  bool fine = relevant != nullptr && positional != nullptr && kwargs != nullptr;
  for (size_t i = 0; fine && i < nargs; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SET_ITEM(positional, static_cast<Py_ssize_t>(i), args[i]);
  }
  for (Py_ssize_t k = 0; fine && k < nkw; ++k)
    fine = PyDict_SetItem(kwargs, PyTuple_GET_ITEM(kwnames, k), args[nargs + static_cast<size_t>(k)]) == 0;
  if (!override_state.subclasses_off)
    for (size_t i = 0; fine && i < nargs + static_cast<size_t>(nkw); ++i) fine = collect(args[i], relevant);
  if (fine)
    result = PyObject_CallFunctionObjArgs(dispatch_function, func, relevant, positional, kwargs, nullptr);
  Py_XDECREF(relevant);
  Py_XDECREF(positional);
  Py_XDECREF(kwargs);
  return result;
}

PyObject* call_override(const char* method, std::initializer_list<PyObject*> args) {
  PyObject* func = PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), method);
  if (func == nullptr) return nullptr;
  PyObject* result = call_override(func, args.begin(), args.size(), nullptr);
  Py_DECREF(func);
  return result;
}

bool init_override(PyObject* module) {
  protocol_name = PyUnicode_InternFromString("__torch_function__");
  if (protocol_name == nullptr || PyModule_AddFunctions(module, functions) != 0) return false;
  disabled_impl = PyObject_GetAttrString(module, "_disabled_torch_function_impl");
  return disabled_impl != nullptr;
}

}  // namespace rustorch::py
