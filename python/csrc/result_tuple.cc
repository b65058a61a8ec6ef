// Several results of an operator as one Python object: a plain tuple, or PyTorch's named one.
#include "op_call.h"

#include <deque>
#include <string>
#include <vector>

#include "rustorch/error.h"

namespace rustorch::py {

namespace {
/// As PyTorch prints a named tuple of results: a line for each.
PyObject* result_tuple_repr(PyObject* tuple) {
  PyTypeObject* type = Py_TYPE(tuple);
  std::string text = type->tp_name;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* item = PyObject_Repr(PyTuple_GET_ITEM(tuple, i));
    const char* chars = item != nullptr ? PyUnicode_AsUTF8(item) : nullptr;
    if (chars == nullptr) {
      Py_XDECREF(item);
      return nullptr;
    }
    text += cat(i == 0 ? "(\n" : ",\n", type->tp_members[i].name, "=", chars);
    Py_DECREF(item);
  }
  text += ")";
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}
}  // namespace

PyObject* wrap_result_tuple(const char* op, const char* const* fields, PyTypeObject** type,
                            std::vector<PyObject*> items) {
  auto n = static_cast<Py_ssize_t>(items.size());
  if (type == nullptr) {
    PyObject* tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple, i, items[static_cast<size_t>(i)]);
    return tuple;
  }
  if (*type == nullptr) {
    // The type may point at its name and fields: they are kept for ever.
    struct Kept {
      std::string name;
      std::vector<PyStructSequence_Field> fields;
    };
    static auto* kept = new std::deque<Kept>;
    Kept& own = kept->emplace_back();
    own.name = cat("rustorch.return_types.", op);
    for (Py_ssize_t i = 0; i < n; ++i) own.fields.push_back({fields[i], nullptr});
    own.fields.push_back({nullptr, nullptr});
    PyStructSequence_Desc desc{own.name.c_str(), nullptr, own.fields.data(), static_cast<int>(n)};
    *type = PyStructSequence_NewType(&desc);
    if (*type == nullptr) throw_python_error();
    (*type)->tp_repr = result_tuple_repr;
  }
  PyObject* tuple = PyStructSequence_New(*type);
  for (Py_ssize_t i = 0; i < n; ++i) PyStructSequence_SetItem(tuple, i, items[static_cast<size_t>(i)]);
  return tuple;
}

}  // namespace rustorch::py
