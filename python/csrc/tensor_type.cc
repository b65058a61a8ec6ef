// The Python type Tensor: identity, operators, properties. Methods of operators are added by op_call.cc,
// methods written in Python by rustorch/_tensor.py.
#include <cmath>
#include <cstring>

#include "core/tensor_impl.h"
#include "objects.h"
#include "op_call.h"
#include "override.h"
#include "rustorch/autograd.h"
#include "rustorch/call_observer.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "autograd/transform_call.h"
#include "tensor_access.h"

namespace rustorch::py {

PyTypeObject* tensor_type = nullptr;

namespace {

PyTensor* as_tensor(PyObject* o) { return reinterpret_cast<PyTensor*>(o); }

PyObject* new_object(PyTypeObject* type, Tensor t) {
  auto* self = as_tensor(type->tp_alloc(type, 0));
  if (self == nullptr) return nullptr;
  new (&self->tensor) Tensor(std::move(t));
  set_python_twin(self->tensor, self);
  return reinterpret_cast<PyObject*>(self);
}

void tensor_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  PyObject_GC_UnTrack(o);
  PyTensor* self = as_tensor(o);
  if (self->weakrefs != nullptr) PyObject_ClearWeakRefs(o);
  Py_CLEAR(self->dict);
  if (self->tensor.defined() && python_twin(self->tensor) == self) set_python_twin(self->tensor, nullptr);
  self->tensor.~Tensor();
  type->tp_free(o);
  Py_DECREF(type);
}

int tensor_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as_tensor(o)->dict);
  Py_VISIT(Py_TYPE(o));
  return 0;
}
int tensor_clear(PyObject* o) {
  Py_CLEAR(as_tensor(o)->dict);
  return 0;
}

// Tensor(...): the old-style constructor: sizes or data.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (n == 0) return new_object(type, zeros({0}, get_default_dtype()));
    PyObject* first = PyTuple_GET_ITEM(args, 0);
    if (n == 1 && is_tensor(first)) return new_object(type, tensor_of(first).detach());
    bool sizes = true;
    std::vector<int64_t> shape;
    bool is_size = n == 1 && Py_TYPE(first) == size_type;
    PyObject* items = is_size ? first : args;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items) && sizes; ++i) {
      PyObject* item = PyTuple_GET_ITEM(items, i);
      int64_t v = 0;
      sizes = !PyBool_Check(item) && PyLong_Check(item) && to_int(item, &v);
      shape.push_back(v);
    }
    if (sizes) return new_object(type, empty(shape, get_default_dtype()));
    return new_object(type, tensor_from_data(first, get_default_dtype()));
  });
}

// ---- operators

/// The other operand of a binary operator as Tensor or Scalar; false when Python should try something else.
struct OperandArg {
  const Tensor* tensor = nullptr;
  Scalar scalar;
  Tensor made;
  TensorLike like() const { return tensor != nullptr ? TensorLike(*tensor) : TensorLike(scalar); }
};

bool read_operand(PyObject* o, OperandArg& out) {
  if (is_tensor(o)) {
    out.tensor = &tensor_of(o);
    return true;
  }
  if (to_scalar(o, &out.scalar)) return true;
  if (is_numpy_array(o)) {
    out.made = tensor_from_numpy(o, false);
    out.tensor = &out.made;
    return true;
  }
  return false;
}

/// Whether another class or a mode wants to handle an operator of one or two operands.
bool handled_elsewhere(PyObject* a, PyObject* b = Py_None) {
  PyObject* both[] = {a, b};
  return needs_override(both, 2);
}

/// Tells the observer, where there is one, of a Python operator. Its name is that of the method without
/// underscores.
class ObservedOperator {
 public:
  ObservedOperator(const char* method, PyObject* a, PyObject* b) {
    if (call_observer() != nullptr) [[unlikely]]
      enter(method, a, b);
  }
  ~ObservedOperator() {
    if (observer_ != nullptr) observer_->leave();
  }
  ObservedOperator(const ObservedOperator&) = delete;
  ObservedOperator& operator=(const ObservedOperator&) = delete;

 private:
  void enter(const char* method, PyObject* a, PyObject* b) {
    std::vector<const Tensor*> inputs;
    for (PyObject* o : {a, b})
      if (is_tensor(o)) inputs.push_back(&tensor_of(o));
    std::string_view name = method;
    if (name.substr(0, 2) == "__" && name.size() > 4) name = name.substr(2, name.size() - 4);
    if (name == "truediv" || name == "itruediv") name = name == "truediv" ? "div" : "div_";
    observer_ = call_observer();
    if (observer_ != nullptr) observer_->enter(CallKind::Operator, cat("aten::", name), inputs);
  }

  CallObserver* observer_ = nullptr;
};

/// What classes with __torch_function__ are given for an operator: PyTorch's methods, which for most
/// operators are the named ones (`x + 1` and `1 + x` are Tensor.add).
struct OverrideNames {
  const char* forward;
  const char* reflected;
};

/// Binary operator: f(TensorLike, TensorLike) gives a tensor. At least one side is a tensor. `name` is its
/// method.
template <class F>
PyObject* binary(PyObject* a, PyObject* b, const char* name, OverrideNames methods, F&& f) {
  if (handled_elsewhere(a, b)) [[unlikely]]
    return is_tensor(a) ? call_override(methods.forward, {a, b}) : call_override(methods.reflected, {b, a});
  const ObservedOperator observed(name, a, b);
  if (Py_TYPE(a) == tensor_type && Py_TYPE(b) == tensor_type) [[likely]] {
    try {
      return wrap(f(TensorLike(tensor_of(a)), TensorLike(tensor_of(b))));
    } catch (...) {
      return translate_exception();
    }
  }
  return guarded([&]() -> PyObject* {
    OperandArg x, y;
    if (!read_operand(a, x) || !read_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    return wrap(f(x.like(), y.like()));
  });
}

Tensor lhs(const TensorLike& t) { return t.as_tensor(); }

#define RT_BINARY(name, method, forward, reflected, expression)                                   \
  PyObject* nb_##name(PyObject* a, PyObject* b) {                                                 \
    return binary(a, b, "__" method "__", OverrideNames{forward, reflected},                      \
                  [](const TensorLike& x, const TensorLike& y) -> Tensor { return expression; }); \
  }
RT_BINARY(add, "add", "add", "add", x.is_tensor() ? add(*x.tensor, y) : add(*y.tensor, x))
RT_BINARY(sub, "sub", "sub", "__rsub__", x.is_tensor() ? sub(*x.tensor, y) : rsub(*y.tensor, x))
RT_BINARY(mul, "mul", "mul", "mul", x.is_tensor() ? mul(*x.tensor, y) : mul(*y.tensor, x))
RT_BINARY(div, "truediv", "div", "__rtruediv__",
          x.is_tensor() ? div(*x.tensor, y) : reciprocal(*y.tensor).mul(x.scalar))
RT_BINARY(floordiv, "floordiv", "__floordiv__", "__rfloordiv__", floor_divide(lhs(x), y))
RT_BINARY(mod, "mod", "remainder", "__rmod__", remainder(lhs(x), y))
RT_BINARY(and, "and", "__and__", "bitwise_and", bitwise_and(x, y))
RT_BINARY(or, "or", "__or__", "bitwise_or", bitwise_or(x, y))
RT_BINARY(xor, "xor", "__xor__", "bitwise_xor", bitwise_xor(x, y))
RT_BINARY(lshift, "lshift", "__lshift__", "__rlshift__", bitwise_left_shift(x, y))
RT_BINARY(rshift, "rshift", "__rshift__", "__rrshift__", bitwise_right_shift(x, y))
#undef RT_BINARY

PyObject* nb_matmul(PyObject* a, PyObject* b) {
  if (!(is_tensor(a) && is_tensor(b)) && !handled_elsewhere(a, b)) Py_RETURN_NOTIMPLEMENTED;  // no numbers
  return binary(a, b, "__matmul__", OverrideNames{"matmul", "__rmatmul__"},
                [](const TensorLike& x, const TensorLike& y) { return matmul(lhs(x), lhs(y)); });
}

PyObject* nb_pow(PyObject* a, PyObject* b, PyObject*) {
  return binary(a, b, "__pow__", OverrideNames{"__pow__", "__rpow__"},
                [](const TensorLike& x, const TensorLike& y) { return rustorch::pow(x, y); });
}

template <class F>
PyObject* inplace(PyObject* a, PyObject* b, const char* name, const char* method, F&& f) {
  if (handled_elsewhere(a, b)) [[unlikely]]
    return call_override(method, {a, b});
  const ObservedOperator observed(name, a, b);
  return guarded([&]() -> PyObject* {
    OperandArg y;
    if (!read_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    f(tensor_of(a), y.like());
    Py_INCREF(a);
    return a;
  });
}
#define RT_INPLACE(name, slot, method, expression)                                                \
  PyObject* name(PyObject* a, PyObject* b) {                                                      \
    return inplace(a, b, slot, method, [](const Tensor& x, const TensorLike& y) { expression; }); \
  }
RT_INPLACE(nb_iadd, "__iadd__", "add_", x.add_(y))
RT_INPLACE(nb_isub, "__isub__", "sub_", x.sub_(y))
RT_INPLACE(nb_imul, "__imul__", "mul_", x.mul_(y))
RT_INPLACE(nb_idiv, "__itruediv__", "div_", x.div_(y))
RT_INPLACE(nb_ifloordiv, "__ifloordiv__", "floor_divide_", x.floor_divide_(y))
RT_INPLACE(nb_imod, "__imod__", "remainder_", x.remainder_(y))
RT_INPLACE(nb_iand, "__iand__", "__iand__", bitwise_and_(x, y))
RT_INPLACE(nb_ior, "__ior__", "__ior__", bitwise_or_(x, y))
RT_INPLACE(nb_ixor, "__ixor__", "__ixor__", bitwise_xor_(x, y))
RT_INPLACE(nb_ilshift, "__ilshift__", "__ilshift__", bitwise_left_shift_(x, y))
RT_INPLACE(nb_irshift, "__irshift__", "__irshift__", bitwise_right_shift_(x, y))
#undef RT_INPLACE
PyObject* nb_ipow(PyObject* a, PyObject* b, PyObject*) {
  return inplace(a, b, "__ipow__", "pow_", [](const Tensor& x, const TensorLike& y) { pow_(x, y); });
}

PyObject* nb_neg(PyObject* a) {
  if (handled_elsewhere(a)) [[unlikely]]
    return call_override("neg", {a});
  return guarded([&] { return wrap(tensor_of(a).neg()); });
}
PyObject* nb_pos(PyObject* a) {
  if (handled_elsewhere(a)) [[unlikely]]
    return call_override("positive", {a});
  return guarded([&] { return wrap(positive(tensor_of(a))); });
}
PyObject* nb_abs(PyObject* a) {
  if (handled_elsewhere(a)) [[unlikely]]
    return call_override("abs", {a});
  return guarded([&] { return wrap(tensor_of(a).abs()); });
}
PyObject* nb_invert(PyObject* a) {
  if (handled_elsewhere(a)) [[unlikely]]
    return call_override("__invert__", {a});
  return guarded([&] { return wrap(tensor_of(a).bitwise_not()); });
}

int nb_bool(PyObject* a) {
  try {
    const Tensor& t = tensor_of(a);
    transform_check_readable(t, true);
    RT_CHECK(t.numel() != 0, Value, "", "Boolean value of Tensor with no values is ambiguous");
    RT_CHECK(t.numel() == 1, Value, "", "Boolean value of Tensor with more than one value is ambiguous");
    return t.item().to_bool() ? 1 : 0;
  } catch (...) {
    translate_exception();
    return -1;
  }
}
Scalar only_element(const Tensor& t) {
  RT_CHECK(t.numel() == 1, Value, "", "only one element tensors can be converted to Python scalars");
  return t.item();
}
PyObject* nb_int(PyObject* a) {
  return guarded([&]() -> PyObject* {
    Scalar s = only_element(tensor_of(a));
    if (s.is_floating_point()) return PyLong_FromDouble(s.to_double());
    if (s.is_complex()) {
      const auto z = s.to_complex();
      RT_CHECK(z.imag() == 0 && z.real() >= -0x1p63 && z.real() < 0x1p63, Value, "",
               "value cannot be converted to type int64_t without overflow");
    }
    return wrap(s.to_int());
  });
}
PyObject* nb_float(PyObject* a) {
  return guarded([&] {
    Scalar s = only_element(tensor_of(a));
    RT_CHECK(!s.is_complex() || s.to_complex().imag() == 0, Value, "",
             "value cannot be converted to type double without overflow");
    return wrap(s.to_double());
  });
}
PyObject* nb_index(PyObject* a) {
  return guarded([&] {
    const Tensor& t = tensor_of(a);
    RT_CHECK(t.numel() == 1 && is_integral(t.dtype(), true), Type, "",
             "only integer tensors of a single element can be converted to an index");
    return wrap(t.item().to_int());
  });
}

PyObject* richcompare(PyObject* a, PyObject* b, int op) {
  if (b == Py_None && (op == Py_EQ || op == Py_NE)) return PyBool_FromLong(op == Py_NE);
  if (!is_tensor(a)) Py_RETURN_NOTIMPLEMENTED;
  if (handled_elsewhere(a, b)) [[unlikely]] {
    static constexpr const char* kNames[] = {"lt", "le", "__eq__", "ne", "gt", "ge"};
    return call_override(kNames[op], {a, b});
  }
  return guarded([&]() -> PyObject* {
    OperandArg y;
    if (!read_operand(b, y)) Py_RETURN_NOTIMPLEMENTED;
    const Tensor& x = tensor_of(a);
    switch (op) {
      case Py_EQ:
        return wrap(eq(x, y.like()));
      case Py_NE:
        return wrap(ne(x, y.like()));
      case Py_LT:
        return wrap(lt(x, y.like()));
      case Py_LE:
        return wrap(le(x, y.like()));
      case Py_GT:
        return wrap(gt(x, y.like()));
      default:
        return wrap(ge(x, y.like()));
    }
  });
}

Py_hash_t tensor_hash(PyObject* o) { return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(o) >> 4); }

Py_ssize_t tensor_length(PyObject* o) {
  const Tensor& t = tensor_of(o);
  if (t.dim() == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return static_cast<Py_ssize_t>(t.sizes()[0]);
}

PyObject* get_item(PyObject* o, PyObject* key) {
  if (handled_elsewhere(o, key)) [[unlikely]]
    return call_override("__getitem__", {o, key});
  return guarded([&] { return wrap(index_get(tensor_of(o), key)); });
}
int set_item(PyObject* o, PyObject* key, PyObject* value) {
  if (value != nullptr && (handled_elsewhere(o, key) || handled_elsewhere(value))) [[unlikely]] {
    PyObject* done = call_override("__setitem__", {o, key, value});
    Py_XDECREF(done);
    return done == nullptr ? -1 : 0;
  }
  try {
    RT_CHECK(value != nullptr, Type, "", "Tensor does not support deleting items");
    index_set(tensor_of(o), key, value);
    return 0;
  } catch (...) {
    translate_exception();
    return -1;
  }
}
PyObject* seq_item(PyObject* o, Py_ssize_t i) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    RT_CHECK(t.dim() > 0, Type, "", "iteration over a 0-d tensor");
    if (i >= t.sizes()[0]) {
      PyErr_SetString(PyExc_IndexError, "index out of range");
      return nullptr;
    }
    return wrap(select(t, 0, i));
  });
}

// ---- properties

#define RT_GETTER(name, expression)     \
  PyObject* name(PyObject* o, void*) {  \
    return guarded([&]() -> PyObject* { \
      const Tensor& t = tensor_of(o);   \
      return expression;                \
    });                                 \
  }
RT_GETTER(get_shape, wrap_size(t.sizes()))
RT_GETTER(get_dtype, wrap(t.dtype()))
RT_GETTER(get_device, wrap(t.device()))
RT_GETTER(get_ndim, wrap(t.dim()))
RT_GETTER(get_requires_grad, wrap(t.requires_grad()))
RT_GETTER(get_is_leaf, wrap(t.is_leaf()))
RT_GETTER(get_grad, t.grad().defined() ? wrap(t.grad()) : none())
PyObject* get_data(PyObject* o, void*) {
  if (handled_elsewhere(o)) [[unlikely]] {  // Tensor.data.__get__, so that a subclass stays one
    PyObject* descriptor = PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), "data");
    PyObject* get = descriptor != nullptr ? PyObject_GetAttrString(descriptor, "__get__") : nullptr;
    PyObject* result = get != nullptr ? call_override(get, &o, 1, nullptr) : nullptr;
    Py_XDECREF(get);
    Py_XDECREF(descriptor);
    return result;
  }
  return guarded([&] { return wrap(tensor_of(o).data()); });
}
RT_GETTER(get_version, wrap(t.version()))
RT_GETTER(get_itemsize, wrap(t.element_size()))
RT_GETTER(get_nbytes, wrap(t.nbytes()))
RT_GETTER(get_output_nr, wrap(t.output_nr()))
RT_GETTER(get_base, t.base().defined() ? wrap(t.base()) : none())
RT_GETTER(get_retains_grad, wrap(t.retains_grad()))
RT_GETTER(get_grad_fn, wrap_node(t.grad_fn()))
RT_GETTER(get_is_inference, wrap(is_inference(t)))
RT_GETTER(get_layout, wrap(t.layout()))
RT_GETTER(get_is_quantized, wrap(t.is_quantized()))
RT_GETTER(get_is_sparse, wrap(t.is_sparse()))
RT_GETTER(get_is_sparse_csr, wrap(t.is_sparse_csr()))
RT_GETTER(get_false, (void(t), wrap(false)))
#undef RT_GETTER
template <class F>
int guarded_set(F&& f) {
  try {
    f();
    return 0;
  } catch (...) {
    translate_exception();
    return -1;
  }
}
int set_requires_grad(PyObject* o, PyObject* v, void*) {
  return guarded_set([&] {
    RT_CHECK(v != nullptr && PyBool_Check(v), Type, "", "requires_grad must be a bool");
    tensor_of(o).requires_grad_(v == Py_True);
  });
}
int set_grad(PyObject* o, PyObject* v, void*) {
  return guarded_set([&] {
    if (v == nullptr || v == Py_None) return tensor_of(o).set_grad({});
    RT_CHECK(is_tensor(v), Type, "", "assigned grad expected to be a Tensor or None but got grad of type ",
             Py_TYPE(v)->tp_name);
    tensor_of(o).set_grad(tensor_of(v));
  });
}
int set_data(PyObject* o, PyObject* v, void*) {
  return guarded_set([&] {
    RT_CHECK(v != nullptr && is_tensor(v), Type, "",
             "Variable data has to be a tensor, but got something else");
    tensor_of(o).set_data(tensor_of(v));
  });
}

PyGetSetDef getset[] = {
    {"shape", get_shape, nullptr, "Sizes of the dimensions.", nullptr},
    {"dtype", get_dtype, nullptr, "Type of the elements.", nullptr},
    {"device", get_device, nullptr, "Where the data is.", nullptr},
    {"layout", get_layout, nullptr, "strided, or how a sparse tensor is held.", nullptr},
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad, "Whether operations on it are recorded.",
     nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Not the result of a recorded operation.", nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", nullptr},
    {"data", get_data, set_data, "The same data without history.", nullptr},
    {"_version", get_version, nullptr, "Number of in-place writes to the storage.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which result of its operation it is.", nullptr},
    {"_base", get_base, nullptr, "What it is a view of, or None.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Whether retain_grad() was called.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The recorded operation it is a result of, or None.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, "Attributes that were set.", nullptr},
    {"is_sparse", get_is_sparse, nullptr, "Of layout sparse_coo.", nullptr},
    {"is_sparse_csr", get_is_sparse_csr, nullptr, "Of layout sparse_csr.", nullptr},
    {"is_quantized", get_is_quantized, nullptr, "Made of integers, a scale and a zero point.", nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_nested", get_false, nullptr, nullptr, nullptr},
    {"is_mkldnn", get_false, nullptr, nullptr, nullptr},
    {"_is_inference", get_is_inference, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

// ---- methods that are not operators

PyObject* m_item(PyObject* o, PyObject*) {
  return guarded([&] { return wrap(tensor_of(o).item()); });
}
PyObject* m_dim(PyObject* o, PyObject*) { return wrap(tensor_of(o).dim()); }
PyObject* m_numel(PyObject* o, PyObject*) { return wrap(tensor_of(o).numel()); }
PyObject* m_storage_offset(PyObject* o, PyObject*) { return wrap(tensor_of(o).storage_offset()); }
PyObject* m_element_size(PyObject* o, PyObject*) { return wrap(tensor_of(o).element_size()); }
PyObject* m_data_ptr(PyObject* o, PyObject*) {
  return guarded([&] { return PyLong_FromVoidPtr(tensor_of(o).mutable_data_ptr()); });
}
PyObject* one_dim(PyObject* o, PyObject* args, PyObject* kwargs, bool strides) {
  static const char* names[] = {"dim", nullptr};
  PyObject* dim = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &dim)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    if (dim == nullptr || dim == Py_None) return strides ? wrap_ints(t.strides()) : wrap_size(t.sizes());
    int64_t d = 0;
    RT_CHECK(to_int(dim, &d), Type, strides ? "stride" : "size", "dim must be an int, not ",
             Py_TYPE(dim)->tp_name);
    return wrap(strides ? t.stride(d) : t.size(d));
  });
}
PyObject* m_size(PyObject* o, PyObject* args, PyObject* kwargs) { return one_dim(o, args, kwargs, false); }
PyObject* m_stride(PyObject* o, PyObject* args, PyObject* kwargs) { return one_dim(o, args, kwargs, true); }
PyObject* m_is_contiguous(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &format)) return nullptr;
  MemoryFormat f = MemoryFormat::Contiguous;
  if (format != nullptr && !to_memory_format(format, &f)) {
    PyErr_SetString(PyExc_TypeError, "memory_format must be a memory_format");
    return nullptr;
  }
  return wrap(tensor_of(o).is_contiguous(f));
}
PyObject* m_is_floating_point(PyObject* o, PyObject*) { return wrap(tensor_of(o).is_floating_point()); }
PyObject* m_is_complex(PyObject* o, PyObject*) { return wrap(tensor_of(o).is_complex()); }
PyObject* m_is_signed(PyObject* o, PyObject*) {
  return guarded([&] {
    const DType t = tensor_of(o).dtype();
    check_signedness(t);
    return wrap(is_signed(t));
  });
}
PyObject* m_false(PyObject*, PyObject*) { return wrap(false); }
PyObject* m_is_inference(PyObject* o, PyObject*) { return wrap(is_inference(tensor_of(o))); }
PyObject* m_detach(PyObject* o, PyObject*) {
  if (handled_elsewhere(o)) [[unlikely]]
    return call_override("detach", {o});
  return guarded([&] { return wrap(tensor_of(o).detach()); });
}
PyObject* m_detach_(PyObject* o, PyObject*) {
  return guarded([&] {
    tensor_of(o).detach_();
    Py_INCREF(o);
    return o;
  });
}
PyObject* m_requires_grad_(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"requires_grad", nullptr};
  int on = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", const_cast<char**>(names), &on)) return nullptr;
  return guarded([&] {
    tensor_of(o).requires_grad_(on != 0);
    Py_INCREF(o);
    return o;
  });
}
PyObject* m_retain_grad(PyObject* o, PyObject*) {
  return guarded([&] {
    tensor_of(o).retain_grad();
    return none();
  });
}
PyObject* m_tolist(PyObject* o, PyObject*) {
  return guarded([&] { return tensor_to_list(tensor_of(o)); });
}
PyObject* m_str(PyObject* o, PyObject*) {
  return guarded([&] { return PyUnicode_FromString(transform_text(tensor_of(o)).c_str()); });
}
PyObject* m_make_subclass(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"cls", "data", "require_grad", nullptr};
  PyObject* cls = nullptr;
  PyObject* data = nullptr;
  int grad = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p", const_cast<char**>(names), &cls, &data, &grad))
    return nullptr;
  return guarded([&]() -> PyObject* {
    RT_CHECK(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type), Type,
             "_make_subclass", "cls must be a subclass of Tensor");
    RT_CHECK(is_tensor(data), Type, "_make_subclass", "data must be a Tensor; got ", Py_TYPE(data)->tp_name);
    Tensor t = tensor_of(data).detach();
    if (grad != 0) t.requires_grad_(true);
    return new_object(reinterpret_cast<PyTypeObject*>(cls), std::move(t));
  });
}
PyObject* m_as_subclass(PyObject* o, PyObject* cls) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type), Type,
             "as_subclass", "cls must be a subclass of Tensor");
    return new_object(reinterpret_cast<PyTypeObject*>(cls), alias(tensor_of(o)));
  });
}
PyObject* m_set_(PyObject* o, PyObject* source) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(is_tensor(source), Type, "set_", "source must be a Tensor");
    tensor_of(o).set_data(tensor_of(source));
    Py_INCREF(o);
    return o;
  });
}

/// The whole memory of a tensor as bytes: what rustorch/storage.py reads and writes.
PyObject* m_storage_bytes(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    TensorImpl* impl = tensor_of(o).impl();
    Storage* storage = impl->storage();
    RT_CHECK(storage != nullptr, Value, "untyped_storage", "the tensor has no memory");
    storage->retain();
    const int64_t size[] = {static_cast<int64_t>(storage->nbytes())};
    return wrap(Tensor(new TensorImpl(storage, {size, 1}, kUInt8, impl->device())));
  });
}

PyCFunction with_keywords(PyObject* (*f)(PyObject*, PyObject*, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef methods[] = {
    {"item", m_item, METH_NOARGS, "The only element as a Python number."},
    {"dim", m_dim, METH_NOARGS, "Number of dimensions."},
    {"ndimension", m_dim, METH_NOARGS, "Number of dimensions."},
    {"numel", m_numel, METH_NOARGS, "Number of elements."},
    {"nelement", m_numel, METH_NOARGS, "Number of elements."},
    {"size", with_keywords(m_size), METH_VARARGS | METH_KEYWORDS, "Size of all dimensions, or of one."},
    {"stride", with_keywords(m_stride), METH_VARARGS | METH_KEYWORDS,
     "Strides of all dimensions, or of one."},
    {"is_contiguous", with_keywords(m_is_contiguous), METH_VARARGS | METH_KEYWORDS,
     "Whether the elements lie in order without gaps."},
    {"storage_offset", m_storage_offset, METH_NOARGS,
     "Offset of the first element in the storage, in elements."},
    {"element_size", m_element_size, METH_NOARGS, "Bytes of one element."},
    {"data_ptr", m_data_ptr, METH_NOARGS, "Address of the first element."},
    {"is_floating_point", m_is_floating_point, METH_NOARGS, "Whether the dtype is a float type."},
    {"is_complex", m_is_complex, METH_NOARGS, "Whether the dtype is complex."},
    {"is_signed", m_is_signed, METH_NOARGS, "Whether the dtype has negative values."},
    {"is_conj", m_false, METH_NOARGS, "False: conjugates are computed."},
    {"is_neg", m_false, METH_NOARGS, "False: negatives are computed."},
    {"is_pinned", m_false, METH_NOARGS, "False."},
    {"is_inference", m_is_inference, METH_NOARGS, "Made in inference mode."},
    {"detach", m_detach, METH_NOARGS, "The same data without history."},
    {"detach_", m_detach_, METH_NOARGS, "Drops the history."},
    {"requires_grad_", with_keywords(m_requires_grad_), METH_VARARGS | METH_KEYWORDS, "Sets requires_grad."},
    {"retain_grad", m_retain_grad, METH_NOARGS, "Keeps the gradient of a tensor that is not a leaf."},
    {"tolist", m_tolist, METH_NOARGS, "Nested lists of Python numbers."},
    {"_str", m_str, METH_NOARGS, nullptr},
    {"_storage_bytes", m_storage_bytes, METH_NOARGS, nullptr},
    {"_make_subclass", with_keywords(m_make_subclass), METH_VARARGS | METH_KEYWORDS | METH_STATIC, nullptr},
    {"as_subclass", m_as_subclass, METH_O, "The same tensor as an object of a subclass."},
    {"set_", m_set_, METH_O, "Takes over data and layout of another tensor."},
    {nullptr, nullptr, 0, nullptr}};

PyMemberDef members[] = {
    {const_cast<char*>("__dictoffset__"), T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {const_cast<char*>("__weaklistoffset__"), T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

template <class F>
PyType_Slot slot(int id, F f) {
  return {id, reinterpret_cast<void*>(f)};
}

}  // namespace

PyObject* wrap(Tensor t) {
  if (!t.defined()) return none();
  if (auto* twin = static_cast<PyObject*>(python_twin(t))) {
    Py_INCREF(twin);
    return twin;
  }
  return new_object(tensor_type, std::move(t));
}

PyObject* wrap_as(PyTypeObject* type, Tensor t) { return new_object(type, std::move(t)); }

bool init_tensor_type(PyObject* module) {
  PyType_Slot slots[] = {slot(Py_tp_new, tensor_new),
                         slot(Py_tp_dealloc, tensor_dealloc),
                         slot(Py_tp_traverse, tensor_traverse),
                         slot(Py_tp_clear, tensor_clear),
                         slot(Py_tp_richcompare, richcompare),
                         slot(Py_tp_hash, tensor_hash),
                         slot(Py_tp_getset, getset),
                         slot(Py_tp_methods, methods),
                         slot(Py_tp_members, members),
                         slot(Py_nb_add, nb_add),
                         slot(Py_nb_subtract, nb_sub),
                         slot(Py_nb_multiply, nb_mul),
                         slot(Py_nb_true_divide, nb_div),
                         slot(Py_nb_floor_divide, nb_floordiv),
                         slot(Py_nb_remainder, nb_mod),
                         slot(Py_nb_power, nb_pow),
                         slot(Py_nb_matrix_multiply, nb_matmul),
                         slot(Py_nb_and, nb_and),
                         slot(Py_nb_or, nb_or),
                         slot(Py_nb_xor, nb_xor),
                         slot(Py_nb_lshift, nb_lshift),
                         slot(Py_nb_rshift, nb_rshift),
                         slot(Py_nb_inplace_add, nb_iadd),
                         slot(Py_nb_inplace_subtract, nb_isub),
                         slot(Py_nb_inplace_multiply, nb_imul),
                         slot(Py_nb_inplace_true_divide, nb_idiv),
                         slot(Py_nb_inplace_floor_divide, nb_ifloordiv),
                         slot(Py_nb_inplace_remainder, nb_imod),
                         slot(Py_nb_inplace_power, nb_ipow),
                         slot(Py_nb_inplace_and, nb_iand),
                         slot(Py_nb_inplace_or, nb_ior),
                         slot(Py_nb_inplace_xor, nb_ixor),
                         slot(Py_nb_inplace_lshift, nb_ilshift),
                         slot(Py_nb_inplace_rshift, nb_irshift),
                         slot(Py_nb_negative, nb_neg),
                         slot(Py_nb_positive, nb_pos),
                         slot(Py_nb_absolute, nb_abs),
                         slot(Py_nb_invert, nb_invert),
                         slot(Py_nb_bool, nb_bool),
                         slot(Py_nb_int, nb_int),
                         slot(Py_nb_float, nb_float),
                         slot(Py_nb_index, nb_index),
                         slot(Py_mp_length, tensor_length),
                         slot(Py_mp_subscript, get_item),
                         slot(Py_mp_ass_subscript, set_item),
                         slot(Py_sq_item, seq_item),
                         slot(Py_sq_length, tensor_length),
                         {0, nullptr}};
  PyType_Spec spec{"rustorch.Tensor", sizeof(PyTensor), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (tensor_type == nullptr) return false;
  Py_INCREF(tensor_type);
  return PyModule_AddObject(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)) == 0;
}

}  // namespace rustorch::py
