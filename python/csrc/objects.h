// The Python objects of the binding: Tensor, dtype, device, layout, memory_format, Size, Generator.
#pragma once
#include <Python.h>
#include <structmember.h>

#include <string>
#include <vector>

#include "rustorch/generator.h"
#include "rustorch/tensor.h"

namespace rustorch::py {

/// A Python tensor holds a Tensor; the implementation points back to it, so that one tensor is one object.
struct PyTensor {
  PyObject_HEAD Tensor tensor;
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;
extern PyTypeObject* size_type;
extern PyTypeObject* dtype_type;
extern PyTypeObject* device_type;
extern PyTypeObject* layout_type;
extern PyTypeObject* memory_format_type;
extern PyTypeObject* generator_type;

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
inline const Tensor& tensor_of(PyObject* o) { return reinterpret_cast<PyTensor*>(o)->tensor; }

/// Refuses the types of which PyTorch does not say whether they have a sign.
void check_signedness(DType t);

/// New reference to the object of a tensor (None for an undefined one).
PyObject* wrap(Tensor t);
/// As wrap, but the object is of the given subclass of Tensor.
PyObject* wrap_as(PyTypeObject* type, Tensor t);
PyObject* wrap(bool v);
PyObject* wrap(int64_t v);
PyObject* wrap(double v);
PyObject* wrap(const Scalar& v);
PyObject* wrap(DType t);
PyObject* wrap(Device d);
PyObject* wrap(MemoryFormat f);
PyObject* wrap(Layout l);
PyObject* wrap(const std::vector<Tensor>& list);
PyObject* wrap_size(IntArrayRef sizes);
PyObject* wrap_ints(IntArrayRef values);
PyObject* wrap_list(const std::vector<Tensor>& list);
PyObject* none();

/// Readers; false (without a Python error) when the object is something else.
bool to_dtype(PyObject* o, DType* out);
bool to_device(PyObject* o, Device* out);
bool to_memory_format(PyObject* o, MemoryFormat* out);
bool to_layout(PyObject* o, Layout* out);
bool to_generator(PyObject* o, Generator* out);
bool to_int(PyObject* o, int64_t* out);
bool to_double(PyObject* o, double* out);
/// Python and NumPy numbers; tensors are not numbers here.
bool to_scalar(PyObject* o, Scalar* out);

/// Sets the Python error that belongs to the exception being handled; returns null.
PyObject* translate_exception();
/// Throws the C++ twin of the Python error that is set (a Python error travels as PythonError).
struct PythonError {};
[[noreturn]] void throw_python_error();

/// Runs f, translating exceptions; f returns a new reference.
template <class F>
PyObject* guarded(F&& f) {
  try {
    return f();
  } catch (...) {
    return translate_exception();
  }
}

bool init_objects(PyObject* module);
bool init_tensor_type(PyObject* module);
bool init_errors(PyObject* module);
bool init_ops(PyObject* module);
bool init_autograd(PyObject* module);
bool init_numpy(PyObject* module);
bool init_serialize(PyObject* module);

}  // namespace rustorch::py
