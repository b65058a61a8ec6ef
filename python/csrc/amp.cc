// rustorch._C._amp: the thread's autocast state. rustorch/amp builds PyTorch's interface on it.
#include "objects.h"
#include "rustorch/autocast.h"
#include "rustorch/error.h"

namespace rustorch::py {

namespace {

DeviceType device_type(PyObject* o) {
  Device d;
  RT_CHECK(to_device(o, &d), Type, "autocast", "expected the type of a device; got ", Py_TYPE(o)->tp_name);
  return d.type;
}

PyObject* is_enabled(PyObject*, PyObject* device) {
  return guarded([&] { return wrap(is_autocast_enabled(device_type(device))); });
}
PyObject* get_dtype(PyObject*, PyObject* device) {
  return guarded([&] { return wrap(autocast_dtype(device_type(device))); });
}
PyObject* set_enabled(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* device = nullptr;
    int on = 0;
    if (!PyArg_ParseTuple(args, "Op", &device, &on)) return nullptr;
    set_autocast_enabled(device_type(device), on != 0);
    return none();
  });
}
PyObject* set_dtype(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *device = nullptr, *object = nullptr;
    if (!PyArg_ParseTuple(args, "OO", &device, &object)) return nullptr;
    DType dtype{};
    RT_CHECK(to_dtype(object, &dtype), Type, "set_autocast_dtype", "expected a dtype; got ",
             Py_TYPE(object)->tp_name);
    set_autocast_dtype(device_type(device), dtype);
    return none();
  });
}
PyObject* is_cache_enabled(PyObject*, PyObject*) { return wrap(is_autocast_cache_enabled()); }
PyObject* set_cache_enabled(PyObject*, PyObject* on) {
  set_autocast_cache_enabled(PyObject_IsTrue(on) == 1);
  return none();
}
PyObject* clear_cache(PyObject*, PyObject*) {
  clear_autocast_cache();
  return none();
}
PyObject* cache_size(PyObject*, PyObject*) { return wrap(static_cast<int64_t>(autocast_cache_size())); }
PyObject* increment(PyObject*, PyObject*) { return wrap(static_cast<int64_t>(autocast_increment_nesting())); }
PyObject* decrement(PyObject*, PyObject*) { return wrap(static_cast<int64_t>(autocast_decrement_nesting())); }

PyMethodDef functions[] = {
    {"is_enabled", is_enabled, METH_O, "Whether autocast is on for a type of device."},
    {"set_enabled", set_enabled, METH_VARARGS, "Switches autocast for a type of device."},
    {"get_dtype", get_dtype, METH_O, "The lower dtype of a type of device."},
    {"set_dtype", set_dtype, METH_VARARGS, "Sets the lower dtype of a type of device."},
    {"is_cache_enabled", is_cache_enabled, METH_NOARGS, "Whether converted weights are kept."},
    {"set_cache_enabled", set_cache_enabled, METH_O, "Sets whether converted weights are kept."},
    {"clear_cache", clear_cache, METH_NOARGS, "Forgets the converted weights."},
    {"cache_size", cache_size, METH_NOARGS, "How many converted weights are kept."},
    {"increment_nesting", increment, METH_NOARGS, "Enters a scope; returns the depth."},
    {"decrement_nesting", decrement, METH_NOARGS, "Leaves a scope; returns the depth."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "rustorch._C._amp", "The autocast state of the thread.", -1,
                          functions};

}  // namespace

bool init_amp(PyObject* module) {
  PyObject* amp = PyModule_Create(&definition);
  return amp != nullptr && PyModule_AddObject(module, "_amp", amp) == 0;
}

}  // namespace rustorch::py
