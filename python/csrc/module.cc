// The module rustorch._C.
#include "base/thread_pool.h"
#include "core/promotion.h"
#include "memory/allocator.h"
#include "op_call.h"
#include "override.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/print.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

/// tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)
PyObject* make_tensor_py(PyObject* module, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  if (needs_override(nullptr, 0)) [[unlikely]] {  // a mode is active, as that of a default device
    PyObject* self = PyObject_GetAttrString(module, "tensor");
    if (self == nullptr) return nullptr;
    PyObject* result = call_override(self, args, static_cast<size_t>(nargs), kwnames);
    Py_DECREF(self);
    return result;
  }
  return guarded([&]() -> PyObject* {
    PyObject* data = nargs > 0 ? args[0] : nullptr;
    std::optional<DType> dtype;
    Device device;
    bool grad = false;
    RT_CHECK(nargs <= 1, Type, "tensor", "takes 1 positional argument but ", static_cast<int64_t>(nargs),
             " were given");
    Py_ssize_t nkw = kwnames != nullptr ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < nkw; ++i) {
      std::string_view name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
      PyObject* v = args[nargs + i];
      if (name == "data") {
        data = v;
      } else if (name == "dtype") {
        DType t{};
        if (v == Py_None) continue;
        RT_CHECK(to_dtype(v, &t), Type, "tensor", "dtype must be a dtype; got ", Py_TYPE(v)->tp_name);
        dtype = t;
      } else if (name == "device") {
        RT_CHECK(v == Py_None || to_device(v, &device), Type, "tensor",
                 "device must be a device or str; got ", Py_TYPE(v)->tp_name);
      } else if (name == "requires_grad") {
        grad = PyObject_IsTrue(v) == 1;
      } else {
        RT_CHECK(name == "pin_memory", Type, "tensor", "got an unexpected keyword argument '", name, "'");
      }
    }
    RT_CHECK(data != nullptr, Type, "tensor", "missing 1 required positional argument: 'data'");
    Tensor t = tensor_from_data(data, dtype);
    if (!device.is_cpu()) t = t.to(device);
    if (grad) t.requires_grad_(true);
    return wrap(std::move(t));
  });
}

PyObject* set_default_dtype_py(PyObject*, PyObject* o) {
  return guarded([&] {
    DType t{};
    RT_CHECK(to_dtype(o, &t), Type, "set_default_dtype",
             "invalid dtype object: only floating-point types are supported as the default type");
    set_default_dtype(t);
    return none();
  });
}
PyObject* get_default_dtype_py(PyObject*, PyObject*) { return wrap(get_default_dtype()); }

bool two_dtypes(PyObject* args, DType* a, DType* b) {
  PyObject *x, *y;
  if (!PyArg_ParseTuple(args, "OO", &x, &y)) return false;
  if (to_dtype(x, a) && to_dtype(y, b)) return true;
  PyErr_SetString(PyExc_TypeError, "expected two dtypes");
  return false;
}
PyObject* promote_types_py(PyObject*, PyObject* args) {
  DType a{}, b{};
  return guarded([&] { return two_dtypes(args, &a, &b) ? wrap(promote_types(a, b)) : nullptr; });
}
PyObject* can_cast_py(PyObject*, PyObject* args) {
  DType a{}, b{};
  return two_dtypes(args, &a, &b) ? wrap(can_cast(a, b)) : nullptr;
}
PyObject* result_type_py(PyObject*, PyObject* args) {
  return guarded([&] {
    RT_CHECK(PyTuple_GET_SIZE(args) > 0, Type, "result_type", "expected Tensors or Numbers; got nothing");
    ResultType types;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
      PyObject* o = PyTuple_GET_ITEM(args, i);
      Scalar s;
      if (is_tensor(o))
        types.add(tensor_of(o).dtype(), tensor_of(o).dim() == 0, false);
      else if (to_scalar(o, &s))
        types.add(s);
      else
        raise(ErrorKind::Type, "result_type", cat("expected Tensors or Numbers; got ", Py_TYPE(o)->tp_name));
    }
    return wrap(types.get());
  });
}

PyObject* get_threads(PyObject*, PyObject*) { return wrap(static_cast<int64_t>(get_num_threads())); }
PyObject* set_threads(PyObject*, PyObject* o) {
  return guarded([&] {
    int64_t n = 0;
    RT_CHECK(to_int(o, &n) && !PyBool_Check(o), Type, "set_num_threads",
             "set_num_threads expects an int, but got ", Py_TYPE(o)->tp_name);
    RT_CHECK(n > 0, Value, "set_num_threads", "set_num_threads expects a positive integer");
    set_num_threads(static_cast<int>(n));
    return none();
  });
}

PyObject* set_print_options_py(PyObject*, PyObject* args) {
  long long precision, threshold, edge, width;
  int scientific;
  if (!PyArg_ParseTuple(args, "LLLLi", &precision, &threshold, &edge, &width, &scientific)) return nullptr;
  PrintOptions o = print_options();
  if (precision >= 0) o.precision = static_cast<int>(precision);
  if (threshold >= 0) o.threshold = threshold;
  if (edge >= 0) o.edge_items = edge;
  if (width >= 0) o.line_width = width;
  o.scientific = scientific;
  set_print_options(o);
  return none();
}

PyObject* print_options_py(PyObject*, PyObject*) {
  const PrintOptions o = print_options();
  return Py_BuildValue("iLLLi", o.precision, static_cast<long long>(o.threshold),
                       static_cast<long long>(o.edge_items), static_cast<long long>(o.line_width),
                       o.scientific);
}

PyMethodDef functions[] = {
    {"_print_options", print_options_py, METH_NOARGS, nullptr},
    {"_set_print_options", set_print_options_py, METH_VARARGS, nullptr},
    {"tensor", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(make_tensor_py)),
     METH_FASTCALL | METH_KEYWORDS, "A tensor with a copy of data (nested lists, numbers, arrays)."},
    {"set_default_dtype", set_default_dtype_py, METH_O, "Sets the dtype of new floating-point tensors."},
    {"get_default_dtype", get_default_dtype_py, METH_NOARGS, "The dtype of new floating-point tensors."},
    {"promote_types", promote_types_py, METH_VARARGS, "The smallest dtype both convert to."},
    {"can_cast", can_cast_py, METH_VARARGS,
     "Whether in-place operations may convert from one dtype to the other."},
    {"result_type", result_type_py, METH_VARARGS, "The dtype of an arithmetic operation on the arguments."},
    {"get_num_threads", get_threads, METH_NOARGS, "Threads used by parallel loops."},
    {"set_num_threads", set_threads, METH_O, "Sets the threads used by parallel loops."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "rustorch._C", "The engine of rustorch.", -1, functions};

}  // namespace
}  // namespace rustorch::py

namespace rustorch::py {
bool init_devices(PyObject* module);      // devices.cc
bool init_amp(PyObject* module);          // amp.cc
bool init_profiler(PyObject* module);     // profiler.cc
bool init_override(PyObject* module);     // override.cc
bool init_saved_hooks(PyObject* module);  // saved_hooks.cc
bool init_transform(PyObject* module);    // transform.cc
}  // namespace rustorch::py

PyMODINIT_FUNC PyInit__C() {
  using namespace rustorch::py;
  PyObject* module = PyModule_Create(&definition);
  if (module == nullptr) return nullptr;
  if (!init_objects(module) || !init_tensor_type(module) || !init_errors(module) || !init_ops(module) ||
      !init_autograd(module) || !init_numpy(module) || !init_devices(module) || !init_serialize(module) ||
      !init_amp(module) || !init_profiler(module) || !init_override(module) || !init_saved_hooks(module) ||
      !init_transform(module)) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
