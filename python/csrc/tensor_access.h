// What the Tensor type needs of the other files of the binding.
#pragma once
#include "objects.h"

namespace rustorch {
class Node;
}

namespace rustorch::py {

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
