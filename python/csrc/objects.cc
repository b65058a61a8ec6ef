// dtype, device, layout, memory_format, Size, Generator, and conversions of plain values.
#include "objects.h"

#include <array>
#include <cstring>

#include "rustorch/error.h"

namespace rustorch::py {

PyTypeObject* size_type = nullptr;
PyTypeObject* dtype_type = nullptr;
PyTypeObject* device_type = nullptr;
PyTypeObject* layout_type = nullptr;
PyTypeObject* memory_format_type = nullptr;
PyTypeObject* generator_type = nullptr;

namespace {

struct PyDType {
  PyObject_HEAD DType value;
};
struct PyDevice {
  PyObject_HEAD Device value;
};
/// layout and memory_format: a number with a name.
struct PyNamed {
  PyObject_HEAD uint8_t value;
  const char* name;
};
struct PyGenerator {
  PyObject_HEAD Generator value;
};

std::array<PyObject*, kNumDTypes> dtype_objects{};
std::array<PyObject*, 4> format_objects{};
std::array<PyObject*, 6> layout_objects{};

template <class T>
T* as(PyObject* o) {
  return reinterpret_cast<T*>(o);
}

void plain_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// ---- dtype
PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("rustorch.%s", dtype_name(as<PyDType>(self)->value));
}
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(dtype_name(as<PyDType>(self)->value));
}
PyObject* dtype_is_float(PyObject* self, void*) {
  return PyBool_FromLong(is_floating_point(as<PyDType>(self)->value));
}
PyObject* dtype_is_complex(PyObject* self, void*) {
  return PyBool_FromLong(is_complex(as<PyDType>(self)->value));
}
PyObject* dtype_is_signed(PyObject* self, void*) {
  return guarded([&] {
    const DType t = as<PyDType>(self)->value;
    check_signedness(t);
    return PyBool_FromLong(is_signed(t));
  });
}
PyObject* dtype_itemsize(PyObject* self, void*) {
  return PyLong_FromSize_t(element_size(as<PyDType>(self)->value));
}
PyObject* dtype_to_real(PyObject* self, PyObject*) { return wrap(real_type(as<PyDType>(self)->value)); }
PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  return guarded([&] {
    const DType t = as<PyDType>(self)->value;
    RT_CHECK(!is_stored_only(t) || is_complex(t), DType, "", "Unknown Complex ScalarType for ",
             dtype_scalar_name(t));
    return wrap(complex_type(t));
  });
}
PyGetSetDef dtype_getset[] = {
    {"is_floating_point", dtype_is_float, nullptr, "True for float types.", nullptr},
    {"is_complex", dtype_is_complex, nullptr, "True for complex types.", nullptr},
    {"is_signed", dtype_is_signed, nullptr, "True for types with negative values.", nullptr},
    {"itemsize", dtype_itemsize, nullptr, "Bytes of one element.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef dtype_methods[] = {
    {"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
    {"to_real", dtype_to_real, METH_NOARGS, "The real type of a complex type."},
    {"to_complex", dtype_to_complex, METH_NOARGS, "The complex type of a real type."},
    {nullptr, nullptr, 0, nullptr}};

// ---- device
PyObject* device_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"type", "index", nullptr};
  PyObject* what = nullptr;
  PyObject* index = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", const_cast<char**>(names), &what, &index))
    return nullptr;
  return guarded([&]() -> PyObject* {
    Device d;
    int64_t ordinal = 0;  // a number alone means an accelerator
    if (PyLong_Check(what) && !PyBool_Check(what) && index == nullptr && to_int(what, &ordinal)) {
      RT_CHECK(ordinal >= 0 && ordinal < 31, Value, "device", "Device index must not be negative; got ",
               ordinal);
      d = Device(DeviceType::Cuda);
      d.index = static_cast<int8_t>(ordinal);
    } else if (!to_device(what, &d))
      raise(ErrorKind::Type, "device",
            cat("expected a device string or a device; got ", Py_TYPE(what)->tp_name));
    if (index != nullptr && index != Py_None) {
      int64_t i = 0;
      if (!to_int(index, &i)) raise(ErrorKind::Type, "device", "the index must be an int");
      RT_CHECK(d.index < 0, Value, "device",
               "type (string) must not include an index because index was passed explicitly: ", d);
      RT_CHECK(i >= 0 && i < 31, Value, "device", "Device index must not be negative; got ", i);
      d.index = static_cast<int8_t>(i);
    }
    PyObject* self = type->tp_alloc(type, 0);
    if (self != nullptr) as<PyDevice>(self)->value = d;
    return self;
  });
}
PyObject* device_repr(PyObject* self) {
  Device d = as<PyDevice>(self)->value;
  if (d.index < 0) return PyUnicode_FromFormat("device(type='%s')", device_type_name(d.type));
  return PyUnicode_FromFormat("device(type='%s', index=%d)", device_type_name(d.type), d.index);
}
PyObject* device_str(PyObject* self) { return PyUnicode_FromString(as<PyDevice>(self)->value.str().c_str()); }
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if (!PyObject_TypeCheck(b, device_type) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  Device x = as<PyDevice>(a)->value, y = as<PyDevice>(b)->value;
  bool same = x.type == y.type && x.index == y.index;
  return PyBool_FromLong(same == (op == Py_EQ));
}
Py_hash_t device_hash(PyObject* self) {
  Device d = as<PyDevice>(self)->value;
  return static_cast<Py_hash_t>(d.type) * 64 + d.index + 1;
}
PyObject* device_get_type(PyObject* self, void*) {
  return PyUnicode_FromString(device_type_name(as<PyDevice>(self)->value.type));
}
PyObject* device_get_index(PyObject* self, void*) {
  int index = as<PyDevice>(self)->value.index;
  return index < 0 ? none() : PyLong_FromLong(index);
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  return Py_BuildValue("(O(s))", device_type, as<PyDevice>(self)->value.str().c_str());
}
PyGetSetDef device_getset[] = {
    {"type", device_get_type, nullptr, "Name of the kind of device.", nullptr},
    {"index", device_get_index, nullptr, "Number of the device, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

// ---- layout, memory_format
PyObject* named_repr(PyObject* self) { return PyUnicode_FromFormat("rustorch.%s", as<PyNamed>(self)->name); }
PyObject* named_reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(as<PyNamed>(self)->name); }
PyMethodDef named_methods[] = {{"__reduce__", named_reduce, METH_NOARGS, nullptr},
                               {nullptr, nullptr, 0, nullptr}};

// ---- Size
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* self = PyTuple_Type.tp_new(type, args, kwargs);
  if (self == nullptr) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    PyObject* item = PyTuple_GET_ITEM(self, i);
    if (PyLong_Check(item)) continue;
    PyObject* number = PyNumber_Index(item);
    if (number == nullptr) {
      PyErr_Format(PyExc_TypeError, "Size() takes an iterable of 'int' (item %zd is '%s')", i,
                   Py_TYPE(item)->tp_name);
      Py_DECREF(self);
      return nullptr;
    }
    PyTuple_SET_ITEM(self, i, number);
    Py_DECREF(item);
  }
  return self;
}
PyObject* size_repr(PyObject* self) {
  std::string text = "rustorch.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(PyLong_AsLongLong(PyTuple_GET_ITEM(self, i)));
  }
  return PyUnicode_FromString((text + "])").c_str());
}
PyObject* size_numel(PyObject* self, PyObject*) {
  int64_t n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) n *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
  return PyLong_FromLongLong(n);
}
PyObject* size_from(PyObject* tuple) {
  if (tuple == nullptr || Py_TYPE(tuple) != &PyTuple_Type) return tuple;
  PyObject* args = PyTuple_Pack(1, tuple);
  Py_DECREF(tuple);
  PyObject* result = PyTuple_Type.tp_new(size_type, args, nullptr);
  Py_DECREF(args);
  return result;
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  return size_from(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_repeat(PyObject* a, Py_ssize_t n) {
  return size_from(PyTuple_Type.tp_as_sequence->sq_repeat(a, n));
}
PyObject* size_subscript(PyObject* a, PyObject* key) {
  PyObject* item = PyTuple_Type.tp_as_mapping->mp_subscript(a, key);
  return PySlice_Check(key) ? size_from(item) : item;
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  PyObject* plain = PyTuple_GetSlice(self, 0, PyTuple_GET_SIZE(self));
  if (Py_TYPE(plain) != &PyTuple_Type) {  // a full slice may hand back the Size itself
    PyObject* list = PySequence_List(plain);
    Py_DECREF(plain);
    plain = PyList_AsTuple(list);
    Py_DECREF(list);
  }
  return Py_BuildValue("(O(N))", size_type, plain);
}
PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "Product of the sizes."},
                              {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                              {nullptr, nullptr, 0, nullptr}};

// ---- Generator
PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"device", nullptr};
  PyObject* device = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &device)) return nullptr;
  PyObject* self = type->tp_alloc(type, 0);
  if (self != nullptr) new (&as<PyGenerator>(self)->value) Generator();
  return self;
}
void generator_dealloc(PyObject* self) {
  as<PyGenerator>(self)->value.~Generator();
  plain_dealloc(self);
}
PyObject* generator_manual_seed(PyObject* self, PyObject* seed) {
  return guarded([&]() -> PyObject* {
    int64_t s = 0;
    uint64_t u = 0;
    if (PyLong_Check(seed)) {
      u = PyLong_AsUnsignedLongLongMask(seed);
      PyErr_Clear();
    } else {
      if (!to_int(seed, &s))
        raise(ErrorKind::Type, "manual_seed", cat("expected a long, but got ", Py_TYPE(seed)->tp_name));
      u = static_cast<uint64_t>(s);
    }
    as<PyGenerator>(self)->value.manual_seed(u);
    Py_INCREF(self);
    return self;
  });
}
PyObject* generator_seed(PyObject* self, PyObject*) {
  return guarded([&] { return PyLong_FromUnsignedLongLong(as<PyGenerator>(self)->value.seed()); });
}
PyObject* generator_initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(as<PyGenerator>(self)->value.initial_seed());
}
PyObject* generator_state_bytes(PyObject* self, PyObject*) {
  return guarded([&] {
    auto state = as<PyGenerator>(self)->value.get_state();
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(state.data()),
                                     static_cast<Py_ssize_t>(state.size()));
  });
}
PyObject* generator_set_state_bytes(PyObject* self, PyObject* bytes) {
  return guarded([&]() -> PyObject* {
    char* data = nullptr;
    Py_ssize_t n = 0;
    if (PyBytes_AsStringAndSize(bytes, &data, &n) != 0) throw_python_error();
    const auto* first = reinterpret_cast<const uint8_t*>(data);
    as<PyGenerator>(self)->value.set_state(std::vector<uint8_t>(first, first + n));
    return none();
  });
}
PyObject* generator_device(PyObject*, void*) { return wrap(Device::Cpu()); }
PyMethodDef generator_methods[] = {
    {"manual_seed", generator_manual_seed, METH_O, "Starts the sequence of this seed."},
    {"seed", generator_seed, METH_NOARGS, "Seeds from the system and returns the seed."},
    {"initial_seed", generator_initial_seed, METH_NOARGS, "The seed in use."},
    {"_state_bytes", generator_state_bytes, METH_NOARGS, nullptr},
    {"_set_state_bytes", generator_set_state_bytes, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef generator_getset[] = {
    {"device", generator_device, nullptr, "Where the numbers are made.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyTypeObject* make_type(const char* name, size_t size, std::vector<PyType_Slot> slots,
                        PyTypeObject* base = nullptr) {
  slots.push_back({0, nullptr});
  PyType_Spec spec{name, static_cast<int>(size), 0, Py_TPFLAGS_DEFAULT, slots.data()};
  PyObject* bases = base != nullptr ? PyTuple_Pack(1, base) : nullptr;
  auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases));
  Py_XDECREF(bases);
  return type;
}
template <class F>
PyType_Slot slot(int id, F f) {
  return {id, reinterpret_cast<void*>(f)};
}

}  // namespace

void check_signedness(DType t) {
  RT_CHECK(!is_bits(t), DType, "", "Bits types are undefined");
  RT_CHECK(!is_quantized(t), DType, "", "isSignedType not supported for quantized types");
}

// ---- wrapping

PyObject* none() {
  Py_INCREF(Py_None);
  return Py_None;
}
PyObject* wrap(bool v) { return PyBool_FromLong(v); }
PyObject* wrap(int64_t v) { return PyLong_FromLongLong(v); }
PyObject* wrap(double v) { return PyFloat_FromDouble(v); }
PyObject* wrap(const Scalar& v) {
  if (v.is_bool()) return wrap(v.to_bool());
  if (v.is_beyond_int64()) return PyLong_FromUnsignedLongLong(v.to_uint());
  if (v.is_integral()) return wrap(v.to_int());
  if (v.is_floating_point()) return wrap(v.to_double());
  return PyComplex_FromDoubles(v.to_double(), v.to_complex().imag());
}
PyObject* wrap(DType t) {
  PyObject* o = dtype_objects[static_cast<size_t>(t)];
  Py_INCREF(o);
  return o;
}
PyObject* wrap(Device d) {
  PyObject* o = device_type->tp_alloc(device_type, 0);
  if (o != nullptr) as<PyDevice>(o)->value = d;
  return o;
}
PyObject* wrap(Layout l) {
  PyObject* o = layout_objects[static_cast<size_t>(l)];
  Py_INCREF(o);
  return o;
}
PyObject* wrap(MemoryFormat f) {
  PyObject* o = format_objects[static_cast<size_t>(f)];
  Py_INCREF(o);
  return o;
}
PyObject* wrap_ints(IntArrayRef values) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(values[i]));
  return tuple;
}
PyObject* wrap_size(IntArrayRef sizes) {
  PyObject* o = size_type->tp_alloc(size_type, static_cast<Py_ssize_t>(sizes.size()));
  if (o == nullptr) return nullptr;
  for (size_t i = 0; i < sizes.size(); ++i)
    PyTuple_SET_ITEM(o, static_cast<Py_ssize_t>(i), PyLong_FromLongLong(sizes[i]));
  return o;
}
PyObject* wrap(const std::vector<Tensor>& list) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(list.size()));
  for (size_t i = 0; i < list.size(); ++i) PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), wrap(list[i]));
  return tuple;
}
PyObject* wrap_list(const std::vector<Tensor>& list) {
  PyObject* result = PyList_New(static_cast<Py_ssize_t>(list.size()));
  for (size_t i = 0; i < list.size(); ++i) PyList_SET_ITEM(result, static_cast<Py_ssize_t>(i), wrap(list[i]));
  return result;
}

// ---- reading

bool to_dtype(PyObject* o, DType* out) {
  if (Py_TYPE(o) == dtype_type) {
    *out = as<PyDType>(o)->value;
    return true;
  }
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return *out = kFloat64, true;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return *out = kBool, true;
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return *out = kInt64, true;
  if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return *out = kComplex128, true;
  return false;
}
bool to_device(PyObject* o, Device* out) {
  if (Py_TYPE(o) == device_type) {
    *out = as<PyDevice>(o)->value;
    return true;
  }
  if (!PyUnicode_Check(o)) return false;
  Py_ssize_t n = 0;
  const char* text = PyUnicode_AsUTF8AndSize(o, &n);
  if (text == nullptr) throw_python_error();
  *out = Device(std::string_view(text, static_cast<size_t>(n)));
  return true;
}
bool to_memory_format(PyObject* o, MemoryFormat* out) {
  if (Py_TYPE(o) != memory_format_type) return false;
  *out = static_cast<MemoryFormat>(as<PyNamed>(o)->value);
  return true;
}
bool to_layout(PyObject* o, Layout* out) {
  if (Py_TYPE(o) != layout_type) return false;
  *out = static_cast<Layout>(as<PyNamed>(o)->value);
  return true;
}
bool to_generator(PyObject* o, Generator* out) {
  if (!PyObject_TypeCheck(o, generator_type)) return false;
  *out = as<PyGenerator>(o)->value;
  return true;
}
bool to_int(PyObject* o, int64_t* out) {
  if (PyLong_Check(o)) {
    int overflow = 0;
    *out = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow != 0) raise(ErrorKind::Value, "", "Overflow when unpacking long long");
    return true;
  }
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t.numel() != 1 || !is_integral(t.dtype(), true)) return false;
    *out = t.item().to_int();
    return true;
  }
  if (!PyIndex_Check(o) || PyFloat_Check(o)) return false;
  PyObject* number = PyNumber_Index(o);
  if (number == nullptr) {
    PyErr_Clear();
    return false;
  }
  *out = PyLong_AsLongLong(number);
  Py_DECREF(number);
  return true;
}
bool to_double(PyObject* o, double* out) {
  if (PyFloat_Check(o)) {
    *out = PyFloat_AS_DOUBLE(o);
    return true;
  }
  if (PyLong_Check(o)) {
    *out = PyLong_AsDouble(o);
    if (*out == -1.0 && PyErr_Occurred() != nullptr) throw_python_error();
    return true;
  }
  Scalar s;
  if (is_tensor(o) || !to_scalar(o, &s) || s.is_complex()) return false;
  *out = s.to_double();
  return true;
}
bool to_scalar(PyObject* o, Scalar* out) {
  if (PyFloat_Check(o)) return *out = Scalar(PyFloat_AS_DOUBLE(o)), true;
  if (PyBool_Check(o)) return *out = Scalar(o == Py_True), true;
  if (PyLong_Check(o)) {
    int overflow = 0;
    long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow != 0) {
      // Beyond int64 there is uint64, and nothing beyond that, as in PyTorch.
      const unsigned long long u = overflow > 0 ? PyLong_AsUnsignedLongLong(o) : 0;
      if (overflow < 0 || PyErr_Occurred() != nullptr) {
        PyErr_Clear();
        raise(ErrorKind::Value, "", "Overflow when unpacking long long");
      }
      return *out = Scalar(u), true;
    }
    *out = Scalar(static_cast<int64_t>(v));
    return true;
  }
  if (PyComplex_Check(o))
    return *out = Scalar(std::complex<double>(PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o))), true;
  if (is_tensor(o)) return false;
  // NumPy scalars: by the kind of their dtype, without needing NumPy here.
  PyObject* dtype = PyObject_GetAttrString(o, "dtype");
  if (dtype == nullptr) {
    PyErr_Clear();
    return false;
  }
  PyObject* shape = PyObject_GetAttrString(o, "shape");
  PyObject* kind = PyObject_GetAttrString(dtype, "kind");
  Py_DECREF(dtype);
  bool scalar = shape != nullptr && PyTuple_Check(shape) && PyTuple_GET_SIZE(shape) == 0 && kind != nullptr &&
                PyUnicode_Check(kind);
  Py_UCS4 letter = scalar ? PyUnicode_READ_CHAR(kind, 0) : 0;
  Py_XDECREF(shape);
  Py_XDECREF(kind);
  PyErr_Clear();
  if (!scalar) return false;
  PyObject* plain = PyObject_CallMethod(o, "item", nullptr);
  if (plain == nullptr) {
    PyErr_Clear();
    return false;
  }
  bool ok = (letter == 'b' || letter == 'i' || letter == 'u' || letter == 'f' || letter == 'c') &&
            to_scalar(plain, out);
  Py_DECREF(plain);
  return ok;
}

bool init_objects(PyObject* module) {
  dtype_type = make_type("rustorch.dtype", sizeof(PyDType),
                         {slot(Py_tp_repr, dtype_repr), slot(Py_tp_dealloc, plain_dealloc),
                          slot(Py_tp_getset, dtype_getset), slot(Py_tp_methods, dtype_methods)});
  device_type = make_type("rustorch.device", sizeof(PyDevice),
                          {slot(Py_tp_new, device_new), slot(Py_tp_repr, device_repr),
                           slot(Py_tp_str, device_str), slot(Py_tp_hash, device_hash),
                           slot(Py_tp_richcompare, device_compare), slot(Py_tp_dealloc, plain_dealloc),
                           slot(Py_tp_getset, device_getset), slot(Py_tp_methods, device_methods)});
  layout_type = make_type(
      "rustorch.layout", sizeof(PyNamed),
      {slot(Py_tp_repr, named_repr), slot(Py_tp_dealloc, plain_dealloc), slot(Py_tp_methods, named_methods)});
  memory_format_type = make_type(
      "rustorch.memory_format", sizeof(PyNamed),
      {slot(Py_tp_repr, named_repr), slot(Py_tp_dealloc, plain_dealloc), slot(Py_tp_methods, named_methods)});
  size_type = make_type("rustorch.Size", 0,
                        {slot(Py_tp_new, size_new), slot(Py_tp_repr, size_repr),
                         slot(Py_tp_methods, size_methods), slot(Py_sq_concat, size_concat),
                         slot(Py_sq_repeat, size_repeat), slot(Py_mp_subscript, size_subscript)},
                        &PyTuple_Type);
  generator_type = make_type("rustorch.Generator", sizeof(PyGenerator),
                             {slot(Py_tp_new, generator_new), slot(Py_tp_dealloc, generator_dealloc),
                              slot(Py_tp_methods, generator_methods), slot(Py_tp_getset, generator_getset)});
  struct Named {
    const char* name;
    PyTypeObject* type;
  };
  for (Named n : {Named{"dtype", dtype_type},
                  {"device", device_type},
                  {"layout", layout_type},
                  {"memory_format", memory_format_type},
                  {"Size", size_type},
                  {"Generator", generator_type}}) {
    if (n.type == nullptr) return false;
    Py_INCREF(n.type);
    if (PyModule_AddObject(module, n.name, reinterpret_cast<PyObject*>(n.type)) != 0) return false;
  }
  auto add = [&](const char* name, PyObject* o) {
    Py_INCREF(o);
    return PyModule_AddObject(module, name, o) == 0;
  };
  static constexpr const char* kShort[][2] = {
      {"uint8", "byte"},       {"int8", "char"},          {"int16", "short"},     {"int32", "int"},
      {"int64", "long"},       {"float16", "half"},       {"float32", "float"},   {"float64", "double"},
      {"complex64", "cfloat"}, {"complex128", "cdouble"}, {"complex32", "chalf"}, {"uint1", "bit"}};
  for (int t = 0; t < kNumDTypes; ++t) {
    PyObject* o = dtype_type->tp_alloc(dtype_type, 0);
    as<PyDType>(o)->value = static_cast<DType>(t);
    dtype_objects[static_cast<size_t>(t)] = o;
    const char* name = dtype_name(static_cast<DType>(t));
    if (!add(name, o)) return false;
    for (auto& pair : kShort)
      if (std::strcmp(pair[0], name) == 0 && !add(pair[1], o)) return false;
  }
  static constexpr const char* kFormats[] = {"contiguous_format", "preserve_format", "channels_last",
                                             "channels_last_3d"};
  for (uint8_t f = 0; f < 4; ++f) {
    PyObject* o = memory_format_type->tp_alloc(memory_format_type, 0);
    as<PyNamed>(o)->value = f;
    as<PyNamed>(o)->name = kFormats[f];
    format_objects[f] = o;
    if (!add(kFormats[f], o)) return false;
  }
  for (uint8_t l = 0; l < layout_objects.size(); ++l) {
    PyObject* o = layout_type->tp_alloc(layout_type, 0);
    as<PyNamed>(o)->value = l;
    as<PyNamed>(o)->name = layout_name(static_cast<Layout>(l));
    layout_objects[l] = o;
    if (!add(as<PyNamed>(o)->name, o)) return false;
  }
  PyObject* generator = generator_type->tp_alloc(generator_type, 0);
  new (&as<PyGenerator>(generator)->value) Generator(default_generator());
  return PyModule_AddObject(module, "default_generator", generator) == 0;
}

}  // namespace rustorch::py
