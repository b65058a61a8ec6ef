// NumPy and other arrays without copying: the buffer protocol in both directions, and DLPack.
//
// NumPy itself is not needed: arrays are read through the buffer protocol, and .numpy() imports it when
// called.
#include <cstring>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "dlpack.h"
#include "op_call.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

// ---- storages that belong to somebody else

/// The context of a storage on foreign memory. Resizing such a storage moves it to a block of our own, so the
/// context counts the blocks that are alive and gives the foreign one back when its turn comes.
struct Foreign {
  const void* original = nullptr;
  int blocks = 1;
};
void* lent_allocate(void* context, size_t nbytes) {
  void* data = ::operator new(nbytes, std::align_val_t(64));
  ++static_cast<Foreign*>(context)->blocks;
  return data;
}
template <class Owner>
void foreign_release(void* context, void* data, size_t) {
  auto* owner = static_cast<Owner*>(static_cast<Foreign*>(context));
  if (data == owner->original) {
    const WithGil gil;
    owner->give_back();
  } else {
    ::operator delete(data, std::align_val_t(64));
  }
  if (--owner->blocks == 0) delete owner;
}
void lent_copy(void*, void* dst, const void* src, size_t nbytes) { std::memcpy(dst, src, nbytes); }

/// Memory lent by a Python buffer; released with the interpreter lock held.
struct Lent : Foreign {
  Py_buffer view;
  void give_back() { PyBuffer_Release(&view); }
};
constexpr StorageOps kLent = {lent_allocate, foreign_release<Lent>, lent_copy};

template <class Managed>
struct FromCapsule : Foreign {
  explicit FromCapsule(Managed* m) : managed(m) {}
  Managed* managed;
  void give_back() {
    if (managed->deleter != nullptr) managed->deleter(managed);
  }
};
using FromDLPack = FromCapsule<DLManagedTensor>;
constexpr StorageOps kFromDLPack = {lent_allocate, foreign_release<FromDLPack>, lent_copy};

/// A tensor over foreign memory. Such a storage is pinned: its bytes may change behind our back.
Tensor over(void* data, size_t nbytes, const StorageOps* ops, Foreign* context, IntArrayRef sizes,
            IntArrayRef strides, DType dtype) {
  context->original = data;
  auto* storage = new Storage(data, nbytes, Device::Cpu(), ops, context);
  storage->pin();
  return new_tensor(new TensorImpl(storage, sizes, strides, 0, dtype, Device::Cpu()));
}

DType dtype_of_format(const char* format, Py_ssize_t itemsize) {
  const char* f = format != nullptr ? format : "B";
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  bool complex = *f == 'Z';
  if (complex) ++f;
  char c = *f;
  if (c != '\0' && f[1] == '\0') {
    if (complex) {
      if (c == 'f') return kComplex64;
      if (c == 'd') return kComplex128;
    } else if (c == '?') {
      return kBool;
    } else if (c == 'e') {
      return kFloat16;
    } else if (c == 'f') {
      return kFloat32;
    } else if (c == 'd') {
      return kFloat64;
    } else if (std::strchr("bhilq", c) != nullptr) {
      switch (itemsize) {
        case 1:
          return kInt8;
        case 2:
          return kInt16;
        case 4:
          return kInt32;
        default:
          return kInt64;
      }
    } else if (std::strchr("BHILQ", c) != nullptr) {
      switch (itemsize) {
        case 1:
          return kUInt8;
        case 2:
          return kUInt16;
        case 4:
          return kUInt32;
        default:
          return kUInt64;
      }
    }
  }
  raise(ErrorKind::Type, "from_numpy",
        cat("can't convert np.ndarray of this type (buffer format '", format != nullptr ? format : "",
            "'). The only supported types are: float64, "
            "float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, uint32, uint16, "
            "uint8, and bool."));
}

const char* format_of(DType t) {
  switch (t) {
    case kBool:
      return "?";
    case kUInt8:
      return "B";
    case kInt8:
      return "b";
    case kInt16:
      return "h";
    case kInt32:
      return "i";
    case kInt64:
      return "q";
    case kUInt16:
      return "H";
    case kUInt32:
      return "I";
    case kUInt64:
      return "Q";
    case kFloat16:
      return "e";
    case kFloat32:
      return "f";
    case kFloat64:
      return "d";
    case kComplex64:
      return "Zf";
    case kComplex128:
      return "Zd";
    default:
      raise(ErrorKind::Type, "numpy", cat("Got unsupported ScalarType ", dtype_scalar_name(t)));
  }
}

/// Lends a tensor's memory through the buffer protocol.
struct PyExporter {
  PyObject_HEAD Tensor tensor;
};
PyTypeObject* exporter_type = nullptr;

struct ExportShape {
  std::vector<Py_ssize_t> shape, strides;
};

int exporter_get(PyObject* self, Py_buffer* view, int flags) {
  try {
    const Tensor& t = reinterpret_cast<PyExporter*>(self)->tensor;
    auto* shape = new ExportShape;
    auto item = static_cast<Py_ssize_t>(t.element_size());
    for (int64_t s : t.sizes()) shape->shape.push_back(static_cast<Py_ssize_t>(s));
    for (int64_t s : t.strides()) shape->strides.push_back(static_cast<Py_ssize_t>(s) * item);
    static char nothing;
    view->buf = t.numel() > 0 ? t.mutable_data_ptr() : &nothing;
    view->obj = self;
    Py_INCREF(self);
    view->len = static_cast<Py_ssize_t>(t.nbytes());
    view->itemsize = item;
    view->readonly = 0;
    view->format = const_cast<char*>(format_of(t.dtype()));
    view->ndim = static_cast<int>(t.dim());
    view->shape = shape->shape.data();
    view->strides = shape->strides.data();
    view->suboffsets = nullptr;
    view->internal = shape;
    (void)flags;
    return 0;
  } catch (...) {
    view->obj = nullptr;
    translate_exception();
    return -1;
  }
}
void exporter_release(PyObject*, Py_buffer* view) { delete static_cast<ExportShape*>(view->internal); }
void exporter_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<PyExporter*>(self)->tensor.~Tensor();
  type->tp_free(self);
  Py_DECREF(type);
}

PyTypeObject* numpy_array_type() {
  static PyTypeObject* type = nullptr;
  if (type != nullptr) return type;
  // Only once somebody imported NumPy can an object be an array.
  PyObject* modules = PyImport_GetModuleDict();
  PyObject* numpy = PyDict_GetItemString(modules, "numpy");
  if (numpy == nullptr) return nullptr;
  PyObject* array = PyObject_GetAttrString(numpy, "ndarray");
  if (array == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  return type = reinterpret_cast<PyTypeObject*>(array);
}

PyObject* to_memoryview(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(is_tensor(o), Type, "numpy", "expected a Tensor");
    const Tensor& t = tensor_of(o);
    RT_CHECK(t.device().is_cpu(), Type, "numpy", "can't convert ", t.device(),
             " device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.");
    RT_CHECK(!t.requires_grad(), Autograd, "numpy",
             "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
    format_of(t.dtype());
    if (t.impl()->storage() != nullptr) t.impl()->storage()->pin();
    PyObject* exporter = exporter_type->tp_alloc(exporter_type, 0);
    if (exporter == nullptr) return nullptr;
    new (&reinterpret_cast<PyExporter*>(exporter)->tensor) Tensor(t.detach());
    return exporter;
  });
}

PyObject* from_numpy(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(is_numpy_array(o), Type, "from_numpy", "expected np.ndarray (got ", Py_TYPE(o)->tp_name, ")");
    return wrap(tensor_from_numpy(o, false));
  });
}

PyObject* from_buffer(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(tensor_from_numpy(o, false)); });
}

// ---- DLPack

void check_dl_type(DType t) {
  RT_CHECK(!is_bits(t), Type, "to_dlpack", "Bit types are not supported by dlpack");
  RT_CHECK(!is_quantized(t), Type, "to_dlpack", "QUInt/QInt types are not supported by dlpack");
  RT_CHECK(t != kBComplex32, Type, "to_dlpack", "BComplex32 type is not supported by dlpack");
}

DLDataType dl_type(DType t) {
  if (t == kFloat4_e2m1fn_x2) return {kDLFloat4_e2m1fn, 4, 2};
  auto bits = static_cast<uint8_t>(element_size(t) * 8);
  constexpr uint8_t kFloat8Codes[] = {kDLFloat8_e4m3fn, kDLFloat8_e5m2, kDLFloat8_e4m3fnuz,
                                      kDLFloat8_e5m2fnuz, kDLFloat8_e8m0fnu};
  uint8_t code = kDLInt;
  if (t == kBool)
    code = kDLBool;
  else if (t == kBFloat16)
    code = kDLBfloat;
  else if (is_float8(t))
    code = kFloat8Codes[static_cast<int>(t) - static_cast<int>(kFloat8_e4m3fn)];
  else if (is_complex(t))
    code = kDLComplex;
  else if (is_floating_point(t))
    code = kDLFloat;
  else if (!is_signed(t))
    code = kDLUInt;
  return {code, bits, 1};
}

DType dtype_of(DLDataType t) {
  if (t.code == kDLFloat4_e2m1fn && t.bits == 4 && t.lanes == 2) return kFloat4_e2m1fn_x2;
  RT_CHECK(t.lanes == 1, Value, "from_dlpack", "vector element types are not supported");
  for (int i = 0; i < static_cast<int>(kBComplex32); ++i) {  // the types after it are not told apart
    DLDataType own = dl_type(static_cast<DType>(i));
    if (own.code == t.code && own.bits == t.bits) return static_cast<DType>(i);
  }
  raise(ErrorKind::DType, "from_dlpack",
        cat("unsupported element type (code ", static_cast<int>(t.code), ", ", static_cast<int>(t.bits),
            " bits)"));
}

/// Keeps the tensor and the arrays that a DLTensor points to.
template <class Managed>
struct Keeper {
  Tensor tensor;
  std::vector<int64_t> shape, strides;
  Managed managed;
};

template <class Managed>
Keeper<Managed>* keep(const Tensor& t) {
  check_dl_type(t.dtype());
  auto* k = new Keeper<Managed>{t.detach(), t.sizes().vec(), t.strides().vec(), {}};
  DLTensor& dl = k->managed.dl_tensor;
  if (t.impl()->storage() != nullptr) t.impl()->storage()->pin();
  dl.data = t.mutable_data_ptr();
  dl.device = {kDLCPU, 0};
  dl.ndim = static_cast<int32_t>(t.dim());
  dl.dtype = dl_type(t.dtype());
  dl.shape = k->shape.data();
  dl.strides = k->strides.data();
  dl.byte_offset = 0;
  k->managed.manager_ctx = k;
  k->managed.deleter = [](Managed* self) { delete static_cast<Keeper<Managed>*>(self->manager_ctx); };
  return k;
}

constexpr const char* kPlainName = "dltensor";
constexpr const char* kVersionedName = "dltensor_versioned";

template <class Managed>
void capsule_dies(PyObject* capsule) {
  const char* name = std::is_same_v<Managed, DLManagedTensor> ? kPlainName : kVersionedName;
  if (!PyCapsule_IsValid(capsule, name)) return;  // consumed
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  if (managed->deleter != nullptr) managed->deleter(managed);
}

PyObject* to_dlpack(PyObject*, PyObject* args) {
  PyObject* o = nullptr;
  int versioned = 0;
  if (!PyArg_ParseTuple(args, "O|p", &o, &versioned)) return nullptr;
  return guarded([&]() -> PyObject* {
    RT_CHECK(is_tensor(o), Type, "to_dlpack", "expected a Tensor");
    const Tensor& t = tensor_of(o);
    RT_CHECK(!t.requires_grad(), Autograd, "__dlpack__",
             "Can't export tensors that require gradient, use tensor.detach()");
    RT_CHECK(t.device().is_cpu(), Device, "__dlpack__", "only CPU tensors can be exported; got ", t.device());
    if (versioned != 0) {
      auto* k = keep<DLManagedTensorVersioned>(t);
      k->managed.version = {1, 0};
      k->managed.flags = 0;
      return PyCapsule_New(&k->managed, kVersionedName, capsule_dies<DLManagedTensorVersioned>);
    }
    return PyCapsule_New(&keep<DLManagedTensor>(t)->managed, kPlainName, capsule_dies<DLManagedTensor>);
  });
}

using FromVersioned = FromCapsule<DLManagedTensorVersioned>;
constexpr StorageOps kFromVersioned = {lent_allocate, foreign_release<FromVersioned>, lent_copy};

Tensor tensor_of_dl(const DLTensor& dl, const StorageOps* ops, Foreign* context) {
  RT_CHECK(dl.device.device_type == kDLCPU || dl.device.device_type == kDLCUDAHost, Device, "from_dlpack",
           "only CPU memory can be imported");
  DType dtype = dtype_of(dl.dtype);
  IntArrayRef sizes(dl.shape, static_cast<size_t>(dl.ndim));
  std::vector<int64_t> strides = dl.strides != nullptr
                                     ? std::vector<int64_t>(dl.strides, dl.strides + dl.ndim)
                                     : contiguous_strides(sizes);
  int64_t first = 0, last = -1;
  if (checked_numel("from_dlpack", sizes) != 0) extent(sizes, strides, &first, &last);
  RT_CHECK(first == 0, Value, "from_dlpack", "negative strides are not supported");
  return over(static_cast<char*>(dl.data) + dl.byte_offset,
              static_cast<size_t>(last + 1) * element_size(dtype), ops, context, sizes, strides, dtype);
}

PyObject* from_dlpack(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    if (PyCapsule_IsValid(capsule, kVersionedName)) {
      auto* managed = static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, kVersionedName));
      RT_CHECK(managed->version.major == 1, Value, "from_dlpack", "DLPack version ",
               static_cast<int64_t>(managed->version.major), " is not supported; expected 1");
      Tensor t = tensor_of_dl(managed->dl_tensor, &kFromVersioned, new FromVersioned(managed));
      PyCapsule_SetName(capsule, "used_dltensor_versioned");
      return wrap(std::move(t));
    }
    RT_CHECK(PyCapsule_IsValid(capsule, kPlainName), Type, "from_dlpack",
             "expected a DLPack capsule that was not used before");
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kPlainName));
    Tensor t = tensor_of_dl(managed->dl_tensor, &kFromDLPack, new FromDLPack(managed));
    PyCapsule_SetName(capsule, "used_dltensor");
    return wrap(std::move(t));
  });
}

PyMethodDef functions[] = {{"from_numpy", from_numpy, METH_O,
                            "A tensor over the memory of a NumPy array; writes are seen on both sides."},
                           {"_from_buffer", from_buffer, METH_O, nullptr},
                           {"_export", to_memoryview, METH_O, nullptr},
                           {"_to_dlpack", to_dlpack, METH_VARARGS, nullptr},
                           {"_from_dlpack", from_dlpack, METH_O, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool is_numpy_array(PyObject* o) {
  PyTypeObject* type = numpy_array_type();
  return type != nullptr && PyObject_TypeCheck(o, type);
}

Tensor tensor_from_numpy(PyObject* array, bool copy) {
  auto lent = std::make_unique<Lent>();
  if (PyObject_GetBuffer(array, &lent->view, PyBUF_FORMAT | PyBUF_STRIDES | PyBUF_WRITABLE) != 0) {
    PyErr_Clear();  // read-only memory is taken too, as PyTorch does (with a warning there)
    if (PyObject_GetBuffer(array, &lent->view, PyBUF_FORMAT | PyBUF_STRIDES) != 0) throw_python_error();
  }
  Py_buffer& view = lent->view;
  struct Release {
    std::unique_ptr<Lent>& lent;
    ~Release() {
      if (lent) PyBuffer_Release(&lent->view);
    }
  } release{lent};
  DType dtype = dtype_of_format(view.format, view.itemsize);
  int64_t sizes[TensorImpl::kMaxDims], strides[TensorImpl::kMaxDims];
  int64_t last = 0;
  bool empty = false;
  for (int d = 0; d < view.ndim; ++d) {
    sizes[d] = view.shape[d];
    empty |= sizes[d] == 0;
    RT_CHECK(view.strides[d] % view.itemsize == 0, Value, "from_numpy",
             "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
             "reallocate the memory.");
    strides[d] = view.strides[d] / view.itemsize;
    RT_CHECK(strides[d] >= 0 || sizes[d] <= 1, Value, "from_numpy",
             "At least one stride in the given numpy array is negative, and tensors with negative strides "
             "are not currently supported. (You can probably work around this by making a copy of your array "
             "with array.copy().)");
    if (sizes[d] > 0) last += (sizes[d] - 1) * strides[d];
  }
  auto n = static_cast<size_t>(view.ndim);
  size_t nbytes = empty ? 0 : static_cast<size_t>(last + 1) * element_size(dtype);
  void* data = view.buf;
  Tensor t = over(data, nbytes, &kLent, lent.release(), {sizes, n}, {strides, n}, dtype);
  if (!copy) return t;
  Tensor own = make_like(t, dtype);
  backend_copy(own, t);
  return own;
}

bool init_numpy(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(exporter_dealloc)},
                         {Py_bf_getbuffer, reinterpret_cast<void*>(exporter_get)},
                         {Py_bf_releasebuffer, reinterpret_cast<void*>(exporter_release)},
                         {0, nullptr}};
  PyType_Spec spec{"rustorch._C.Memory", sizeof(PyExporter), 0, Py_TPFLAGS_DEFAULT, slots};
  exporter_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return exporter_type != nullptr && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace rustorch::py
