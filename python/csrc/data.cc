// Tensors from nested Python sequences, and back to lists.
#include <complex>

#include "core/promotion.h"
#include "core/tensor_impl.h"
#include "op_call.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"
#include "rustorch/half.h"
#include "rustorch/ops.h"
#include "autograd/transform_call.h"
#include "tensor_access.h"

namespace rustorch::py {

void* python_twin(const Tensor& t) { return t.impl()->pyobj(); }
void set_python_twin(const Tensor& t, void* object) { t.impl()->set_pyobj(object); }
bool is_inference(const Tensor& t) { return t.impl()->is_inference(); }

namespace {

bool is_nested(PyObject* o) {
  if (PyList_Check(o) || PyTuple_Check(o)) return true;
  if (PyUnicode_Check(o) || PyBytes_Check(o)) return false;
  Scalar s;
  return PySequence_Check(o) && !to_scalar(o, &s) && (!is_tensor(o) || tensor_of(o).dim() > 0);
}

bool is_float_exact(PyObject* o) { return PyFloat_CheckExact(o); }

[[noreturn]] void refuse(PyObject* o) {
  if (PyUnicode_Check(o)) raise(ErrorKind::Type, "", "new(): invalid data type 'str'");
  raise(ErrorKind::DType, "", cat("Could not infer dtype of ", Py_TYPE(o)->tp_name));
}

DType promote_kinds(DType a, DType b);

/// Shape from the first items, dtype over all of them.
void inspect(PyObject* o, std::vector<int64_t>& shape, size_t depth, std::optional<DType>& dtype) {
  if (!is_nested(o)) {
    if (is_float_exact(o)) {
      dtype = dtype ? promote_kinds(*dtype, get_default_dtype()) : get_default_dtype();
      return;
    }
    Scalar s;
    DType found;
    if (is_tensor(o)) {
      found = tensor_of(o).dtype();
    } else if (to_scalar(o, &s)) {
      found = PyLong_CheckExact(o) ? kInt64 : s.dtype();  // one beyond int64 does not become a float
      const bool plain = PyFloat_CheckExact(o) || PyLong_Check(o) || PyComplex_CheckExact(o);
      if (!plain && PyObject_HasAttrString(o, "__array__") != 0) {  // a NumPy scalar keeps its width
        PyObject* array = PyObject_CallMethod(o, "__array__", nullptr);
        if (array != nullptr && is_numpy_array(array)) found = tensor_from_numpy(array, true).dtype();
        Py_XDECREF(array);
        PyErr_Clear();
      }
    } else {
      refuse(o);
    }
    dtype = dtype ? promote_kinds(*dtype, found) : found;
    return;
  }
  RT_CHECK(depth < 128, Value, "", "too many dimensions '", Py_TYPE(o)->tp_name, "'");
  const Items items(o);
  if (depth == shape.size()) shape.push_back(items.size());
  RT_CHECK(shape[depth] == items.size(), Value, "", "expected sequence of length ", shape[depth], " at dim ",
           depth, " (got ", static_cast<int64_t>(items.size()), ")");
  for (Py_ssize_t i = 0; i < items.size(); ++i) inspect(items[i], shape, depth + 1, dtype);
}

DType promote_kinds(DType a, DType b) { return promote_types(a, b); }

template <class T>
T element_from(const Scalar& s) {
  if constexpr (std::is_same_v<T, bool>)
    return s.to_bool();
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(s.to_int());
  else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>)
    return T(s.to_complex());
  else
    return T(static_cast<float>(s.to_double()));
}
template <>
double element_from<double>(const Scalar& s) {
  return s.to_double();
}

Scalar scalar_of(PyObject* o) {
  if (PyFloat_CheckExact(o)) return Scalar(PyFloat_AS_DOUBLE(o));
  Scalar s;
  if (is_tensor(o)) {
    RT_CHECK(tensor_of(o).numel() == 1, Value, "",
             "only one element tensors can be converted to Python scalars");
    return tensor_of(o).item();
  }
  if (!to_scalar(o, &s)) refuse(o);
  return s;
}

template <class T>
void fill(PyObject* o, const std::vector<int64_t>& shape, size_t depth, DType dtype, T*& out) {
  if (depth == shape.size()) {
    RT_CHECK(!PyList_Check(o) && !PyTuple_Check(o), Value, "", "too many dimensions in one of the sequences");
    Scalar s = scalar_of(o);
    if (is_integral(dtype, false) && !s.is_complex()) {
      check_not_negative("", s, dtype);
      check_fits("", s, dtype);
    }
    RT_CHECK(!s.is_complex() || is_complex(dtype), Type, "", "can't convert complex to ", dtype_name(dtype));
    *out++ = element_from<T>(s);
    return;
  }
  if (!is_nested(o))
    raise(ErrorKind::Type, "", cat("expected a sequence at dim ", depth, " (got ", Py_TYPE(o)->tp_name, ")"));
  const Items items(o);
  RT_CHECK(shape[depth] == items.size(), Value, "", "expected sequence of length ", shape[depth], " at dim ",
           depth, " (got ", static_cast<int64_t>(items.size()), ")");
  if (depth + 1 == shape.size()) {
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      Py_ssize_t n = items.size(), i = 0;
      for (; i < n && PyFloat_CheckExact(items[i]); ++i) *out++ = static_cast<T>(PyFloat_AS_DOUBLE(items[i]));
      for (; i < n; ++i) fill(items[i], shape, depth + 1, dtype, out);
      return;
    }
  }
  for (Py_ssize_t i = 0; i < items.size(); ++i) fill(items[i], shape, depth + 1, dtype, out);
}

template <class F>
void with_type(DType t, F&& f) {
  switch (t) {
    case DType::Bool:
      return f(static_cast<bool*>(nullptr));
    case DType::UInt8:
      return f(static_cast<uint8_t*>(nullptr));
    case DType::Int8:
      return f(static_cast<int8_t*>(nullptr));
    case DType::Int16:
      return f(static_cast<int16_t*>(nullptr));
    case DType::Int32:
      return f(static_cast<int32_t*>(nullptr));
    case DType::Int64:
      return f(static_cast<int64_t*>(nullptr));
    case DType::Float16:
      return f(static_cast<Half*>(nullptr));
    case DType::BFloat16:
      return f(static_cast<BFloat16*>(nullptr));
    case DType::Float32:
      return f(static_cast<float*>(nullptr));
    case DType::Float64:
      return f(static_cast<double*>(nullptr));
    case DType::Complex64:
      return f(static_cast<std::complex<float>*>(nullptr));
    case DType::UInt64:  // only to be read: written as int64
      return f(static_cast<uint64_t*>(nullptr));
    default:
      return f(static_cast<std::complex<double>*>(nullptr));
  }
}

// The usual case: one list of floats, straight into memory.
bool flat_floats(PyObject* data, std::optional<DType> dtype, Tensor* out) {
  if (!PyList_CheckExact(data) || PyList_GET_SIZE(data) == 0) return false;
  DType t = dtype.value_or(get_default_dtype());
  if (t != kFloat32) return false;
  Py_ssize_t n = PyList_GET_SIZE(data);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!PyFloat_CheckExact(PyList_GET_ITEM(data, i))) return false;
  *out = make_tensor({static_cast<int64_t>(n)}, kFloat32, Device::Cpu());
  auto* p = out->mutable_data_ptr<float>();
  for (Py_ssize_t i = 0; i < n; ++i) p[i] = static_cast<float>(PyFloat_AS_DOUBLE(PyList_GET_ITEM(data, i)));
  return true;
}

template <class T>
PyObject* to_python(T v) {
  if constexpr (std::is_same_v<T, bool>)
    return PyBool_FromLong(v);
  else if constexpr (std::is_same_v<T, uint64_t>)
    return PyLong_FromUnsignedLongLong(v);
  else if constexpr (std::is_integral_v<T>)
    return PyLong_FromLongLong(v);
  else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>)
    return PyComplex_FromDoubles(v.real(), v.imag());
  else if constexpr (std::is_same_v<T, double>)
    return PyFloat_FromDouble(v);
  else
    return PyFloat_FromDouble(static_cast<float>(v));
}

template <class T>
PyObject* list_of(const T* data, IntArrayRef sizes, IntArrayRef strides) {
  if (sizes.empty()) return to_python<T>(*data);
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(sizes[0]));
  for (int64_t i = 0; i < sizes[0]; ++i)
    PyList_SET_ITEM(list, static_cast<Py_ssize_t>(i),
                    list_of(data + i * strides[0], sizes.slice(1), strides.slice(1)));
  return list;
}

}  // namespace

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype) {
  Tensor quick;
  if (flat_floats(data, dtype, &quick)) return quick;
  if (is_tensor(data)) {
    Tensor copy = tensor_of(data).detach().clone();
    return dtype ? copy.to(*dtype) : copy;
  }
  if (is_numpy_array(data)) {
    Tensor t = tensor_from_numpy(data, true);
    return dtype ? t.to(*dtype) : t;
  }
  if (PyObject_HasAttrString(data, "__array__") && !PyList_Check(data) && !PyTuple_Check(data)) {
    PyObject* array = PyObject_CallMethod(data, "__array__", nullptr);
    if (array == nullptr) throw_python_error();
    Tensor t = tensor_from_numpy(array, true);
    Py_DECREF(array);
    return dtype ? t.to(*dtype) : t;
  }
  std::vector<int64_t> shape;
  std::optional<DType> found;
  inspect(data, shape, 0, found);
  DType t = dtype.value_or(found.value_or(get_default_dtype()));
  const DType wide = wide_type(t);  // what is stored only is made wide first
  Tensor result = make_tensor(shape, wide, Device::Cpu());
  if (is_opaque(t)) {  // of which no number is known
    RT_CHECK(result.numel() == 0, DType, "", "store_scalar: invalid type");
    return result;
  }
  if (result.numel() == 0) return cast_raw(result, t);
  with_type(wide, [&](auto* null) {
    auto* out = static_cast<decltype(null)>(result.mutable_data_ptr());
    fill(data, shape, 0, t, out);
  });
  return cast_raw(result, t);
}

PyObject* tensor_to_list(const Tensor& t) {
  transform_check_readable(t, false);
  RT_CHECK(!is_opaque(t.dtype()), DType, "", "load_scalar: invalid type");
  Tensor host = t.device().is_cpu() ? t : t.to(Device::Cpu());
  if (t.dtype() != kUInt64) host = cast_raw(host.detach(), wide_type(t.dtype()));
  PyObject* result = nullptr;
  with_type(host.dtype(), [&](auto* null) {
    result = list_of(static_cast<decltype(null)>(const_cast<void*>(host.const_data_ptr())), host.sizes(),
                     host.strides());
  });
  return result;
}

}  // namespace rustorch::py
