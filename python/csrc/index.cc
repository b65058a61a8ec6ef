// x[key] and x[key] = value: a Python key becomes a list of TensorIndex items.
#include "op_call.h"
#include "rustorch/error.h"
#include "rustorch/indexing.h"
#include "rustorch/ops.h"
#include "rustorch/warn.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

std::optional<int64_t> slice_part(PyObject* o) {
  if (o == Py_None) return std::nullopt;
  int64_t v = 0;
  RT_CHECK(to_int(o, &v), Type, "", "slice indices must be integers or None or have an __index__ method");
  return v;
}

TensorIndex item_of(PyObject* o) {
  if (o == Py_None) return indexing::None;
  if (o == Py_Ellipsis) return indexing::Ellipsis;
  if (PyBool_Check(o)) return TensorIndex(o == Py_True);
  if (PySlice_Check(o)) {
    auto* s = reinterpret_cast<PySliceObject*>(o);
    return indexing::Slice(slice_part(s->start), slice_part(s->stop), slice_part(s->step));
  }
  if (is_tensor(o)) return TensorIndex(tensor_of(o));
  int64_t v = 0;
  if (PyLong_Check(o) || (PyIndex_Check(o) && !is_numpy_array(o))) {
    if (to_int(o, &v)) return TensorIndex(v);
  }
  if (is_numpy_array(o)) return TensorIndex(tensor_from_numpy(o, true));
  if (PyList_Check(o) || PyTuple_Check(o)) {
    if (PySequence_Fast_GET_SIZE(o) == 0) return TensorIndex(empty({0}, std::optional<DType>(kInt64)));
    return TensorIndex(tensor_from_data(o, std::nullopt));
  }
  if (PyRange_Check(o)) return TensorIndex(tensor_from_data(o, kInt64));
  Scalar s;
  if (!PyFloat_Check(o) && to_scalar(o, &s) && s.is_bool()) return TensorIndex(s.to_bool());  // numpy.bool_
  raise(PyUnicode_Check(o) ? ErrorKind::Type : ErrorKind::Index, "",
        cat("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
            "indices (got ",
            Py_TYPE(o)->tp_name, ")"));
}

// A list as key means what a tuple means when it holds something that is no number (NumPy's old rule, which
// PyTorch keeps: `x[[[0, 1], [2, 3]]]` is `x[[0, 1], [2, 3]]`).
bool list_is_tuple(PyObject* key) {
  if (!PyList_Check(key)) return false;
  Py_ssize_t n = PyList_GET_SIZE(key);
  if (n >= 32) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = PyList_GET_ITEM(key, i);
    if (PySlice_Check(o) || o == Py_None || o == Py_Ellipsis || is_tensor(o) || is_numpy_array(o) ||
        PyList_Check(o) || PyTuple_Check(o)) {
      warn(
          "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in "
          "PyTorch; use x[tuple(seq)] instead of x[seq].");
      return true;
    }
  }
  return false;
}

std::vector<TensorIndex> items_of(PyObject* key) {
  std::vector<TensorIndex> items;
  if (PyTuple_Check(key) || list_is_tuple(key)) {
    const Items keys(key);
    items.reserve(static_cast<size_t>(keys.size()));
    for (Py_ssize_t i = 0; i < keys.size(); ++i) items.push_back(item_of(keys[i]));
  } else {
    items.push_back(item_of(key));
  }
  return items;
}

}  // namespace

Tensor index_get(const Tensor& self, PyObject* key) {
  if (PyLong_CheckExact(key) && self.dim() > 0) {  // x[3]
    int64_t i = 0;
    to_int(key, &i);
    int64_t n = self.sizes()[0];
    RT_CHECK(i >= -n && i < n, Index, "", "index ", i, " is out of bounds for dimension 0 with size ", n);
    return select(self, 0, i);
  }
  if (PySlice_Check(key) && self.dim() > 0) {  // x[a:b]
    auto* s = reinterpret_cast<PySliceObject*>(key);
    std::optional<int64_t> step = slice_part(s->step);
    if (!step || *step > 0)
      return slice(self, 0, slice_part(s->start), slice_part(s->stop), step.value_or(1));
  }
  return apply_index(self, items_of(key));
}

void index_set(const Tensor& self, PyObject* key, PyObject* value) {
  std::vector<TensorIndex> items = items_of(key);
  Scalar number;
  if (is_tensor(value)) {
    apply_index_put(self, items, tensor_of(value));
  } else if (to_scalar(value, &number)) {
    apply_index_put(self, items, number);
  } else {
    apply_index_put(self, items, tensor_from_data(value, self.dtype()));
  }
}

}  // namespace rustorch::py
