// save and load: between Python objects and the values of a file (src/formats). Nothing is pickled by Python.
#include <optional>
#include <unordered_map>

#include "formats/files.h"
#include "formats/tensor_io.h"
#include "gil.h"
#include "objects.h"
#include "rustorch/error.h"
#include "tensor_access.h"

namespace rustorch::py {
namespace {

using formats::Value;
using formats::ValueKind;

/// Owns one reference; throws PythonError when a call returned null.
class Owned {
 public:
  explicit Owned(PyObject* o) : o_(o) {
    if (o == nullptr) throw_python_error();
  }
  ~Owned() { Py_XDECREF(o_); }
  Owned(Owned&& other) noexcept : o_(std::exchange(other.o_, nullptr)) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  PyObject* get() const { return o_; }
  PyObject* release() { return std::exchange(o_, nullptr); }

 private:
  PyObject* o_;
};

/// An attribute of a module, imported if need be.
Owned attribute(const char* module, const char* name) {
  const Owned m(PyImport_ImportModule(module));
  return Owned(PyObject_GetAttrString(m.get(), name));
}

struct DepthGuard {
  DepthGuard() {
    if (Py_EnterRecursiveCall(" while saving or loading") != 0) throw_python_error();
  }
  ~DepthGuard() { Py_LeaveRecursiveCall(); }
};

// ---- Python object -> Value

class Saver {
 public:
  Saver()
      : ordered_dict_(attribute("collections", "OrderedDict")),
        counter_(attribute("collections", "Counter")),
        parameter_(attribute("rustorch.nn.parameter", "Parameter")) {}

  Value convert(PyObject* o);
  formats::TensorWriter& writer() { return writer_; }

 private:
  Value convert_new(PyObject* o);
  Value sequence(PyObject* o, Value out);
  Value dict(PyObject* o);
  Value array(PyObject* o);
  static Value integer(PyObject* o);
  static Value bytes_like(PyObject* o, bool array);
  bool is_instance(PyObject* o, const Owned& type) {
    const int r = PyObject_IsInstance(o, type.get());
    if (r < 0) throw_python_error();
    return r == 1;
  }

  Owned ordered_dict_, counter_, parameter_;
  formats::TensorWriter writer_;
  // Containers by address; empty while one is being converted, so that a cycle is seen.
  std::unordered_map<PyObject*, std::optional<Value>> seen_;
};

Value Saver::integer(PyObject* o) {
  int overflow = 0;
  const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (overflow == 0) {
    if (v == -1 && PyErr_Occurred()) throw_python_error();
    return Value::integer(v);
  }
  const size_t bits = _PyLong_NumBits(o);
  RT_CHECK(bits < 8 * 250, Value, "save", "the integer is too large; got one of ",
           static_cast<uint64_t>(bits), " bits");
  std::string bytes(bits / 8 + 1, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
#if PY_VERSION_HEX >= 0x030D0000
  if (_PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(o), out, bytes.size(), 1, 1, 1) != 0)
    throw_python_error();
#else
  if (_PyLong_AsByteArray(reinterpret_cast<PyLongObject*>(o), out, bytes.size(), 1, 1) != 0)
    throw_python_error();
#endif
  return Value::big_integer(std::move(bytes));
}

Value Saver::bytes_like(PyObject* o, bool array) {
  if (array)
    return Value::byte_array(
        std::string(PyByteArray_AS_STRING(o), static_cast<size_t>(PyByteArray_GET_SIZE(o))));
  return Value::bytes(std::string(PyBytes_AS_STRING(o), static_cast<size_t>(PyBytes_GET_SIZE(o))));
}

Value Saver::convert(PyObject* o) {
  if (!PyList_Check(o) && !PyTuple_Check(o) && !PyDict_Check(o) && !PyAnySet_Check(o)) return convert_new(o);
  auto [it, fresh] = seen_.emplace(o, std::nullopt);
  if (!fresh) {
    RT_CHECK(it->second.has_value(), Value, "save", "the object contains itself; got a cyclic ",
             Py_TYPE(o)->tp_name);
    return *it->second;
  }
  Value v = convert_new(o);
  seen_[o] = v;
  return v;
}

Value Saver::sequence(PyObject* o, Value out) {
  const Items items(o);
  for (Py_ssize_t i = 0; i < items.size(); ++i) out.items().push_back(convert(items[i]));
  return out;
}

Value Saver::dict(PyObject* o) {
  const bool ordered = is_instance(o, ordered_dict_);
  Value out = is_instance(o, counter_) ? Value::counter() : Value::dict(ordered);
  // Items in the object's own order, which an OrderedDict may have changed.
  const Owned list(PyMapping_Items(o));
  const Items items(list.get());
  for (Py_ssize_t i = 0; i < items.size(); ++i) {
    PyObject* pair = items[i];
    RT_CHECK(PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2, Type, "save",
             "items() of a dict must give pairs; got ", Py_TYPE(pair)->tp_name);
    out.append(convert(PyTuple_GET_ITEM(pair, 0)), convert(PyTuple_GET_ITEM(pair, 1)));
  }
  if (ordered) {
    // State dicts carry their modules' versions as an attribute.
    PyObject* attributes = PyObject_GetAttrString(o, "__dict__");
    if (attributes == nullptr) PyErr_Clear();
    if (attributes != nullptr) {
      const Owned owner(attributes);
      if (PyDict_Check(attributes) && PyDict_GET_SIZE(attributes) > 0)
        out.set_attributes(convert(attributes));
    }
  }
  return out;
}

/// An array of NumPy.
Value Saver::array(PyObject* o) {
  const Owned take = attribute("rustorch.serialization", "_numpy_parts");
  const Owned parts(PyObject_CallOneArg(take.get(), o));
  std::vector<Value> values;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts.get()); ++i)
    values.push_back(convert_new(PyTuple_GET_ITEM(parts.get(), i)));
  return Value::array(std::move(values));
}

Value Saver::convert_new(PyObject* o) {
  const DepthGuard guard;
  if (o == Py_None) return Value();
  if (PyBool_Check(o)) return Value::boolean(o == Py_True);
  if (is_tensor(o)) return writer_.add(tensor_of(o), is_instance(o, parameter_));
  if (PyLong_Check(o)) return integer(o);
  if (PyFloat_Check(o)) return Value::real(PyFloat_AS_DOUBLE(o));
  if (PyComplex_Check(o)) return Value::complex({PyComplex_RealAsDouble(o), PyComplex_ImagAsDouble(o)});
  if (PyUnicode_Check(o)) {
    const Owned bytes(PyUnicode_AsEncodedString(o, "utf-8", "surrogatepass"));
    return Value::string(
        std::string(PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))));
  }
  if (PyBytes_Check(o)) return bytes_like(o, false);
  if (PyByteArray_Check(o)) return bytes_like(o, true);
  if (PyDict_Check(o)) return dict(o);
  if (PyObject_TypeCheck(o, size_type)) {
    std::vector<int64_t> dims;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
      int64_t d = 0;
      RT_CHECK(to_int(PyTuple_GET_ITEM(o, i), &d), Type, "save", "a Size holds something that is no integer");
      dims.push_back(d);
    }
    return Value::size(dims);
  }
  if (PyList_Check(o)) return sequence(o, Value::list());
  if (PyTuple_Check(o)) return sequence(o, Value::tuple());
  if (PyAnySet_Check(o)) return sequence(o, Value::set());
  if (Py_TYPE(o) == dtype_type) {
    DType t{};
    to_dtype(o, &t);
    return Value::dtype(t);
  }
  if (Py_TYPE(o) == device_type) {
    Device d;
    to_device(o, &d);
    return Value::device(d.str());
  }
  if (is_numpy_array(o)) return array(o);
  Scalar number;
  if (to_scalar(o, &number)) {  // NumPy's numbers: their values
    if (number.is_bool()) return Value::boolean(number.to_double() != 0);
    if (number.is_complex()) return Value::complex(number.to_complex());
    if (number.is_floating_point()) return Value::real(number.to_double());
    if (PyIndex_Check(o)) return integer(Owned(PyNumber_Index(o)).get());
  }
  raise(ErrorKind::Type, "save",
        cat("cannot save an object of type ", Py_TYPE(o)->tp_name,
            "; expected tensors, numbers, strings and containers; hint: save model.state_dict() instead of "
            "the model"));
}

// ---- Value -> Python object

class Loader {
 public:
  Loader(std::vector<formats::Storage> storages, std::optional<Device> device)
      : reader_(std::move(storages)), device_(device) {}
  ~Loader() {
    for (auto& [node, object] : seen_) Py_DECREF(object);
  }

  Owned convert(const Value& v);

 private:
  Owned convert_new(const Value& v);
  Owned tensor(const Value& v);
  Owned dict(const Value& v);
  Owned array(const Value& v);

  formats::TensorReader reader_;
  std::optional<Device> device_;
  std::unordered_map<const formats::Node*, PyObject*> seen_;
};

Owned Loader::convert(const Value& v) {
  if (!v.is_sequence() && !v.is_dict() && !v.is_tensor()) return convert_new(v);
  auto it = seen_.find(v.identity());
  if (it != seen_.end()) return Owned(Py_NewRef(it->second));
  Owned o = convert_new(v);
  seen_.emplace(v.identity(), Py_NewRef(o.get()));
  return o;
}

Owned Loader::tensor(const Value& v) {
  Tensor t = reader_.make(v);
  const bool requires_grad = v.tensor().requires_grad;
  if (device_ && !(*device_ == t.device())) {
    t = t.detach().to(*device_);
    if (requires_grad) t.requires_grad_(true);
  }
  if (!v.tensor().is_parameter) return Owned(wrap(std::move(t)));
  const Owned parameter = attribute("rustorch.nn.parameter", "Parameter");
  const Owned data(wrap(t.detach()));
  return Owned(
      PyObject_CallFunctionObjArgs(parameter.get(), data.get(), requires_grad ? Py_True : Py_False, nullptr));
}

Owned Loader::dict(const Value& v) {
  const char* name = v.is_ordered_dict() ? "OrderedDict" : v.is_counter() ? "Counter" : nullptr;
  Owned out(name == nullptr ? PyDict_New() : PyObject_CallNoArgs(attribute("collections", name).get()));
  for (const auto& [key, item] : v.entries()) {
    const Owned k = convert(key), x = convert(item);
    if (PyObject_SetItem(out.get(), k.get(), x.get()) != 0) throw_python_error();
  }
  if (!v.attributes().is_none()) {
    for (const auto& [key, item] : v.attributes().entries()) {
      RT_CHECK(key.is_string(), Format, "load", "an attribute's name is no string");
      const Owned k = convert(key), x = convert(item);
      if (PyObject_SetAttr(out.get(), k.get(), x.get()) != 0) throw_python_error();
    }
  }
  return out;
}

/// An array, number or dtype of NumPy.
Owned Loader::array(const Value& v) {
  const size_t n = v.items().size();
  RT_CHECK(n == 1 || n == 4, Format, "load", "an array of NumPy is incomplete");
  const Owned make = attribute("rustorch.serialization", "_numpy_object");
  Owned parts(PyTuple_New(static_cast<Py_ssize_t>(n)));
  for (size_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(parts.get(), static_cast<Py_ssize_t>(i), convert(v.items()[i]).release());
  return Owned(PyObject_CallObject(make.get(), parts.get()));
}

Owned Loader::convert_new(const Value& v) {
  const DepthGuard guard;
  const auto size = [&] { return static_cast<Py_ssize_t>(v.text().size()); };
  switch (v.kind()) {
    case ValueKind::kNone:
      return Owned(none());
    case ValueKind::kBool:
      return Owned(wrap(v.as_bool()));
    case ValueKind::kInt:
      return Owned(wrap(v.as_int()));
    case ValueKind::kFloat:
      return Owned(wrap(v.as_float()));
    case ValueKind::kComplex:
      return Owned(PyComplex_FromDoubles(v.as_complex().real(), v.as_complex().imag()));
    case ValueKind::kBigInt:
      return Owned(_PyLong_FromByteArray(reinterpret_cast<const unsigned char*>(v.text().data()),
                                         v.text().size(), 1, 1));
    case ValueKind::kString:
      return Owned(PyUnicode_DecodeUTF8(v.text().data(), size(), "surrogatepass"));
    case ValueKind::kBytes:
      return Owned(PyBytes_FromStringAndSize(v.text().data(), size()));
    case ValueKind::kByteArray:
      return Owned(PyByteArray_FromStringAndSize(v.text().data(), size()));
    case ValueKind::kDType:
      return Owned(wrap(v.as_dtype()));
    case ValueKind::kDevice:
      return Owned(wrap(Device(std::string_view(v.text()))));
    case ValueKind::kArray:
      return array(v);
    case ValueKind::kSparse: {
      Tensor t = reader_.make(v);
      return Owned(wrap(device_ && !(*device_ == t.device()) ? t.to(*device_) : t));
    }
    case ValueKind::kTensor:
      return tensor(v);
    case ValueKind::kDict:
      return dict(v);
    case ValueKind::kSize: {
      std::vector<int64_t> dims;
      for (const Value& d : v.items()) dims.push_back(d.as_int());
      return Owned(wrap_size(dims));
    }
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSet: {
      Owned list(PyList_New(0));
      for (const Value& item : v.items()) {
        const Owned x = convert(item);
        if (PyList_Append(list.get(), x.get()) != 0) throw_python_error();
      }
      if (v.kind() == ValueKind::kList) return list;
      return Owned(v.kind() == ValueKind::kTuple ? PyList_AsTuple(list.get()) : PySet_New(list.get()));
    }
  }
  return Owned(none());
}

// ---- the functions

/// _save(obj, path): writes a file; with path None returns the bytes.
PyObject* save_py(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *path;
    if (!PyArg_ParseTuple(args, "OO", &object, &path)) throw_python_error();
    Saver saver;
    const Value root = saver.convert(object);
    if (path == Py_None) {
      const std::string bytes = formats::pt_bytes(root, saver.writer().storages());
      return PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
    }
    const Owned encoded(PyUnicode_EncodeFSDefault(path));
    const std::string name = PyBytes_AS_STRING(encoded.get());
    RusTorchResult<void> result = [&] {
      const WithoutGil released;
      return formats::write_pt(posix_vfs(), name, root, saver.writer().storages());
    }();
    result.unwrap();
    return none();
  });
}

/// _load(source, device): source is a path (str) or bytes; returns (object, bytes used).
PyObject* load_py(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *source, *where;
    if (!PyArg_ParseTuple(args, "OO", &source, &where)) throw_python_error();
    std::optional<Device> device;
    if (where != Py_None) {
      Device d;
      RT_CHECK(to_device(where, &d), Type, "load", "map_location must be a device; got ",
               Py_TYPE(where)->tp_name);
      device = d;
    }
    uint64_t used = 0;
    formats::Archive archive;
    Py_buffer view{};
    struct Release {
      Py_buffer* view;
      ~Release() {
        if (view->obj != nullptr) PyBuffer_Release(view);
      }
    } release{&view};
    if (PyUnicode_Check(source)) {
      const Owned encoded(PyUnicode_EncodeFSDefault(source));
      const std::string name = PyBytes_AS_STRING(encoded.get());
      RusTorchResult<formats::Archive> result = [&] {
        const WithoutGil released;
        return formats::read_pt(posix_vfs(), name);
      }();
      archive = std::move(result).unwrap();
    } else {
      if (PyObject_GetBuffer(source, &view, PyBUF_SIMPLE) != 0) throw_python_error();
      const formats::ByteSpan bytes(view.buf, static_cast<uint64_t>(view.len));
      used = formats::first_archive_size(bytes);
      archive = formats::parse_pt({bytes.data, used}, nullptr);
    }
    Loader loader(std::move(archive.storages), device);
    const Owned object = loader.convert(archive.root);
    return Py_BuildValue("(OK)", object.get(), static_cast<unsigned long long>(used));
  });
}

PyMethodDef functions[] = {{"_save", save_py, METH_VARARGS, "Writes a checkpoint."},
                           {"_load", load_py, METH_VARARGS, "Reads a checkpoint."},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_serialize(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace rustorch::py
