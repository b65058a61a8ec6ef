// Hooks on saved tensors written in Python: what autograd/graph.py's saved_tensors_hooks is made of.
#include "autograd/saved_hooks.h"
#include "core/tensor_impl.h"
#include "gil.h"
#include "objects.h"
#include "rustorch/error.h"

namespace rustorch::py {

namespace {

/// A Python object and the function that makes a tensor of it again.
class PythonPacked final : public PackedTensor {
 public:
  PythonPacked(PyObject* object, PyObject* unpack) : object_(object), unpack_(unpack) { Py_INCREF(unpack); }
  ~PythonPacked() override {
    if (Py_IsInitialized() == 0) return;
    WithGil gil;
    Py_DECREF(object_);
    Py_DECREF(unpack_);
  }
  Tensor unpack() override {
    WithGil gil;
    PyObject* result = call_python(unpack_, object_);
    if (result == nullptr) throw_python_error();
    if (!is_tensor(result)) {
      std::string type = Py_TYPE(result)->tp_name;
      Py_DECREF(result);
      raise(ErrorKind::Type, "",
            cat("Output of saved tensor unpack_hook expected to be a Tensor but got "
                "result of type ",
                type));
    }
    Tensor t = tensor_of(result);
    Py_DECREF(result);
    return t;
  }

 private:
  PyObject* object_;  // owned
  PyObject* unpack_;
};

class PythonHooks final : public SavedTensorHooks {
 public:
  PythonHooks(PyObject* pack, PyObject* unpack, SavedTensorHooks* outer)
      : outer_(outer), pack_(pack), unpack_(unpack) {
    Py_INCREF(pack);
    Py_INCREF(unpack);
  }
  ~PythonHooks() override {
    Py_DECREF(pack_);
    Py_DECREF(unpack_);
  }
  std::unique_ptr<PackedTensor> pack(const Tensor& t) override {
    WithGil gil;
    const uint32_t version = t.impl()->version();
    PyObject* tensor = wrap(t);
    PyObject* object = call_python(pack_, tensor);
    Py_DECREF(tensor);
    if (object == nullptr) throw_python_error();
    if (t.impl()->version() != version) {
      Py_DECREF(object);
      raise(ErrorKind::Autograd, "",
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack "
            "hook can "
            "not be modified by in-place operations as this can lead to unexpected side-effects. Please open "
            "an "
            "issue if you need to perform in-place operations on the input to a pack hook.");
    }
    return std::make_unique<PythonPacked>(object, unpack_);
  }
  SavedTensorHooks* outer() const { return outer_; }

 private:
  SavedTensorHooks* outer_;
  PyObject* pack_;
  PyObject* unpack_;
};

alignas(64) thread_local PythonHooks* innermost = nullptr;  // aligned for LeakSanitizer: see thread_modes()

/// _push_saved_hooks(pack, unpack): from now on what is saved goes through them.
PyObject* push(PyObject*, PyObject* args) {
  PyObject *pack, *unpack;
  if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) return nullptr;
  innermost = new PythonHooks(pack, unpack, innermost);
  set_saved_tensor_hooks(innermost);
  return none();
}
PyObject* pop(PyObject*, PyObject*) {
  if (innermost == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "saved_tensors_hooks: there are no hooks to remove");
    return nullptr;
  }
  PythonHooks* gone = innermost;
  innermost = static_cast<PythonHooks*>(gone->outer());
  set_saved_tensor_hooks(innermost);
  delete gone;
  return none();
}

/// _increment_version(t): counts a write that foreign code did.
PyObject* increment(PyObject*, PyObject* o) {
  return guarded([&] {
    RT_CHECK(is_tensor(o), Type, "increment_version", "expected a Tensor; got ", Py_TYPE(o)->tp_name);
    tensor_of(o).impl()->bump_version();
    return none();
  });
}

PyMethodDef functions[] = {{"_push_saved_hooks", push, METH_VARARGS, nullptr},
                           {"_pop_saved_hooks", pop, METH_NOARGS, nullptr},
                           {"_increment_version", increment, METH_O, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_saved_hooks(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace rustorch::py
