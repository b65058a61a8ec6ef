// Errors across the boundary: one table from ErrorKind to the Python class.
#include <new>

#include "gil.h"
#include "objects.h"
#include "rustorch/error.h"
#include "rustorch/warn.h"

namespace rustorch::py {

namespace {

PyObject* module_of_errors = nullptr;

/// Class of an error kind: an attribute of rustorch.errors.
const char* class_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Shape:
      return "ShapeMismatchError";
    case ErrorKind::DType:
      return "DTypeError";
    case ErrorKind::Device:
      return "DeviceError";
    case ErrorKind::Index:
      return "IndexError_";
    case ErrorKind::Value:
      return "ValueError_";
    case ErrorKind::Type:
      return "TypeError_";
    case ErrorKind::NotImplemented:
      return "NotImplementedError_";
    case ErrorKind::OutOfMemory:
      return "OutOfMemoryError";
    case ErrorKind::LinAlg:
      return "LinAlgError";
    case ErrorKind::Autograd:
      return "AutogradError";
    case ErrorKind::Io:
      return "IoError";
    case ErrorKind::Format:
      return "FormatError";
    case ErrorKind::BackendUnavailable:
      return "BackendUnavailableError";
    case ErrorKind::Distributed:
      return "DistributedError";
    case ErrorKind::Internal:
      return "InternalError";
  }
  return "InternalError";
}

void set_error(const RusTorchError& e) {
  if (module_of_errors == nullptr) module_of_errors = PyImport_ImportModule("rustorch.errors");
  if (module_of_errors == nullptr) {
    PyErr_Clear();
    PyErr_SetString(PyExc_RuntimeError, e.what());
    return;
  }
  if (e.kind() == ErrorKind::Value && e.message() == "ZeroDivisionError") {
    PyErr_SetString(PyExc_RuntimeError, "ZeroDivisionError");
    return;
  }
  PyObject* type = PyObject_GetAttrString(module_of_errors, class_name(e.kind()));
  PyObject* error = type != nullptr ? PyObject_CallFunction(type, "s", e.what()) : nullptr;
  if (error != nullptr) {
    PyObject* op = PyUnicode_FromString(e.op().c_str());
    PyObject_SetAttrString(error, "op", op);
    Py_XDECREF(op);
    if (e.kind() == ErrorKind::Shape && !(e.shape1().empty() && e.shape2().empty())) {
      PyObject* a = wrap_ints(e.shape1());
      PyObject* b = wrap_ints(e.shape2());
      PyObject_SetAttrString(error, "shape1", a);
      PyObject_SetAttrString(error, "shape2", b);
      Py_XDECREF(a);
      Py_XDECREF(b);
    }
    PyErr_SetObject(type, error);
  }
  Py_XDECREF(error);
  Py_XDECREF(type);
}

void python_warning(const std::string& text) {
  const WithGil gil;
  if (PyErr_Occurred() == nullptr && PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) != 0)
    PyErr_WriteUnraisable(nullptr);
}

}  // namespace

PyObject* translate_exception() {
  try {
    throw;
  } catch (const PythonError&) {
    if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_RuntimeError, "unknown error");
  } catch (const RusTorchError& e) {
    set_error(e);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
  return nullptr;
}

void throw_python_error() { throw PythonError{}; }

bool init_errors(PyObject*) {
  set_warning_handler(python_warning);
  return true;
}

}  // namespace rustorch::py
