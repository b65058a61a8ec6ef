// What the Tensor type needs of the other files of the binding.
#pragma once
#include "objects.h"
#include "rustorch/error.h"

namespace rustorch {
class Node;
}

namespace rustorch::py {

/// The tensor that an argument must be; raises Type otherwise.
inline const Tensor& tensor_arg(PyObject* o, const char* op) {
  RT_CHECK(is_tensor(o), Type, op, "expected a Tensor; got ", Py_TYPE(o)->tp_name);
  return tensor_of(o);
}

/// The items of a sequence as they are now, held: turning an item into a number can run Python code, which
/// may change the list that it came from.
class Items {
 public:
  explicit Items(PyObject* sequence) : tuple_(PySequence_Tuple(sequence)) {
    if (tuple_ == nullptr) throw_python_error();
  }
  ~Items() { Py_DECREF(tuple_); }
  Items(const Items&) = delete;
  Items& operator=(const Items&) = delete;
  Py_ssize_t size() const { return PyTuple_GET_SIZE(tuple_); }
  PyObject* operator[](Py_ssize_t i) const { return PyTuple_GET_ITEM(tuple_, i); }

 private:
  PyObject* tuple_;
};

/// The Python object that stands for a tensor (borrowed), kept in its implementation.
void* python_twin(const Tensor& t);
void set_python_twin(const Tensor& t, void* object);
bool is_inference(const Tensor& t);

/// x[key] and x[key] = value.
Tensor index_get(const Tensor& self, PyObject* key);
void index_set(const Tensor& self, PyObject* key, PyObject* value);

/// Nested Python lists of the elements.
PyObject* tensor_to_list(const Tensor& t);
/// A tensor from nested sequences, numbers, arrays or tensors (a copy); dtype is inferred when not given.
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype);

bool is_numpy_array(PyObject* o);
/// The array's memory as a tensor (no copy unless copy is set).
Tensor tensor_from_numpy(PyObject* array, bool copy);

/// The Python object of a graph node (None for null).
PyObject* wrap_node(Node* node);

}  // namespace rustorch::py
