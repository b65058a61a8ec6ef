// Operators as Python callables: functions, methods, the tables of both.
#include "op_call.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>

#include "op_match.h"
#include "override.h"
#include "rustorch/call_observer.h"
#include "rustorch/error.h"
#include "tensor_access.h"

namespace rustorch::py {

// ---- calls

namespace {

PyObject* raise_no_match(const OpSpec& op, const CallArgs& call) {
  std::string text;
  if (op.noverloads == 1) {
    std::string why;
    ArgValues values;
    LazyArena arena;
    match(op.overloads[0], call, values.begin(op.overloads[0].nargs + 1), arena, &why);
    text = cat(op.name, "(): ", why, "; expected", signature(op.overloads[0]));
  } else {
    text = cat(op.name, "() received an invalid combination of arguments - got (");
    const size_t first = call.as_method ? 1 : 0;
    for (size_t i = first; i < call.nargs + call.keywords(); ++i) {
      text += i > first ? ", " : "";
      if (i >= call.nargs)
        text += cat(PyUnicode_AsUTF8(PyTuple_GET_ITEM(call.kwnames, static_cast<Py_ssize_t>(i - call.nargs))),
                    "=");
      text += Py_TYPE(call.args[i])->tp_name;
    }
    text += "), but expected one of:";
    for (int i = 0; i < op.noverloads; ++i) text += cat("\n", signature(op.overloads[i]));
  }
  PyErr_SetString(PyExc_TypeError, text.c_str());
  return nullptr;
}

}  // namespace

PyObject* call_op(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs, PyObject* kwnames) {
  const CallArgs call{as_method, args, nargs, kwnames};
  try {
    for (int i = 0; i < op.noverloads; ++i) {
      const OverloadSpec& spec = op.overloads[i];
      ArgValues values;
      ArgValue* v = values.begin(spec.nargs + 1);
      LazyArena arena;
      if (match(spec, call, v, arena, nullptr)) return spec.call(v);
    }
    if (!as_method && takes_number_first(op, args, nargs)) return call_number_first(op, args, nargs, kwnames);
    return raise_no_match(op, call);
  } catch (...) {
    return translate_exception();
  }
}

const Tensor* out_tensors(ArgValue* v, int nargs, int nresults) {
  ArgValue& out = v[nargs];
  if (!out.given) return nullptr;
  if (nresults == 1) {
    PyObject* o = out.object;
    if (PyTuple_Check(o) && PyTuple_GET_SIZE(o) == 1) o = PyTuple_GET_ITEM(o, 0);
    if (!is_tensor(o))
      raise(ErrorKind::Type, "", cat("argument 'out' must be Tensor, not ", Py_TYPE(o)->tp_name));
    out.tensor_ptr = &tensor_of(o);
    return out.tensor_ptr;
  }
  const bool any_count = nresults < 0;
  if (any_count && (PyTuple_Check(out.object) || PyList_Check(out.object)))
    nresults = static_cast<int>(PySequence_Fast_GET_SIZE(out.object));
  out.count = static_cast<size_t>(std::max(nresults, 0));
  if (!(PyTuple_Check(out.object) || PyList_Check(out.object)) ||
      PySequence_Fast_GET_SIZE(out.object) != nresults)
    raise(ErrorKind::Type, "", cat("argument 'out' must be a tuple of ", nresults, " Tensors"));
  static thread_local std::vector<Tensor> outs;
  outs.clear();
  for (int i = 0; i < nresults; ++i) {
    PyObject* o = PySequence_Fast_ITEMS(out.object)[i];
    if (!is_tensor(o))
      raise(ErrorKind::Type, "", cat("argument 'out' must be a tuple of ", nresults, " Tensors"));
    outs.push_back(tensor_of(o));
  }
  return outs.data();
}

PyObject* wrap_outs(ArgValue* v, int nargs) {
  PyObject* o = v[nargs].object;
  if (PyTuple_Check(o) && PyTuple_GET_SIZE(o) == 1) o = PyTuple_GET_ITEM(o, 0);
  if (PyList_Check(o)) return PyList_AsTuple(o);
  Py_INCREF(o);
  return o;
}

// ---- the callables

namespace {

struct PyOp {
  PyObject_HEAD vectorcallfunc vectorcall;
  const OpSpec* op;
  PyObject* name;
};

PyTypeObject* function_type = nullptr;
PyTypeObject* method_type = nullptr;

/// Calls an operator's object, or who wants to handle the call instead.
PyObject* call_object(PyObject* self, bool as_method, PyObject* const* args, size_t nargs,
                      PyObject* kwnames) {
  const size_t all = nargs + (kwnames != nullptr ? static_cast<size_t>(PyTuple_GET_SIZE(kwnames)) : 0);
  if (needs_override(args, all)) [[unlikely]]
    return call_override(self, args, nargs, kwnames);
  if (call_observer() != nullptr) [[unlikely]]
    return observed_call(*reinterpret_cast<PyOp*>(self)->op, as_method, args, nargs, kwnames);
  return call_op(*reinterpret_cast<PyOp*>(self)->op, as_method, args, nargs, kwnames);
}

PyObject* function_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return call_object(self, false, args, static_cast<size_t>(PyVectorcall_NARGS(nargsf)), kwnames);
}
PyObject* method_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return call_object(self, true, args, static_cast<size_t>(PyVectorcall_NARGS(nargsf)), kwnames);
}

void op_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(reinterpret_cast<PyOp*>(self)->name);
  type->tp_free(self);
  Py_DECREF(type);
}
PyObject* op_repr(PyObject* self) {
  auto* op = reinterpret_cast<PyOp*>(self);
  return PyUnicode_FromFormat("<built-in %s %U>", Py_TYPE(self) == method_type ? "method" : "function",
                              op->name);
}
PyObject* op_name(PyObject* self, void*) {
  PyObject* name = reinterpret_cast<PyOp*>(self)->name;
  Py_INCREF(name);
  return name;
}
PyObject* op_doc(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<PyOp*>(self)->op->doc);
}
PyObject* op_module(PyObject*, void*) { return PyUnicode_FromString("rustorch"); }
PyObject* op_reduce(PyObject* self, PyObject*) { return op_name(self, nullptr); }
PyObject* method_bind(PyObject* self, PyObject* obj, PyObject*) {
  if (obj == nullptr || obj == Py_None) {
    Py_INCREF(self);
    return self;
  }
  return PyMethod_New(self, obj);
}

PyGetSetDef op_getset[] = {{"__name__", op_name, nullptr, nullptr, nullptr},
                           {"__qualname__", op_name, nullptr, nullptr, nullptr},
                           {"__doc__", op_doc, nullptr, nullptr, nullptr},
                           {"__module__", op_module, nullptr, nullptr, nullptr},
                           {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef op_methods[] = {{"__reduce__", op_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyMemberDef op_members[] = {
    {const_cast<char*>("__vectorcalloffset__"), T_PYSSIZET, offsetof(PyOp, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyTypeObject* make_type(const char* name, bool method) {
  std::vector<PyType_Slot> slots = {{Py_tp_dealloc, reinterpret_cast<void*>(op_dealloc)},
                                    {Py_tp_repr, reinterpret_cast<void*>(op_repr)},
                                    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                    {Py_tp_getset, op_getset},
                                    {Py_tp_methods, op_methods},
                                    {Py_tp_members, op_members}};
  if (method) slots.push_back({Py_tp_descr_get, reinterpret_cast<void*>(method_bind)});
  slots.push_back({0, nullptr});
  unsigned flags =
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | (method ? Py_TPFLAGS_METHOD_DESCRIPTOR : 0u);
  PyType_Spec spec{name, sizeof(PyOp), 0, flags, slots.data()};
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
}

}  // namespace

PyObject* make_op_object(const OpSpec& op, bool as_method, const char* name) {
  PyTypeObject* type = as_method ? method_type : function_type;
  auto* self = reinterpret_cast<PyOp*>(type->tp_alloc(type, 0));
  if (self == nullptr) return nullptr;
  self->vectorcall = as_method ? method_call : function_call;
  self->op = &op;
  self->name = PyUnicode_InternFromString(name);
  return reinterpret_cast<PyObject*>(self);
}

const OpSpec* find_op(std::string_view name) {
  static auto* index = [] {
    auto* map = new std::unordered_map<std::string_view, const OpSpec*>;
    for (const OpTable* table = kOpTables; table->ops != nullptr; ++table)
      for (int i = 0; i < *table->count; ++i) map->emplace(table->ops[i].name, &table->ops[i]);
    return map;
  }();
  auto found = index->find(name);
  return found == index->end() ? nullptr : found->second;
}

bool init_ops(PyObject* module) {
  function_type = make_type("rustorch._C.Op", false);
  method_type = make_type("rustorch._C.OpMethod", true);
  if (function_type == nullptr || method_type == nullptr) return false;
  PyObject* ops = PyModule_New("rustorch._C.ops");
  PyObject* aliases = PyDict_New();
  if (ops == nullptr || aliases == nullptr) return false;
  for (const OpTable* table = kOpTables; table->ops != nullptr; ++table)
    for (int i = 0; i < *table->count; ++i) {
      const OpSpec& op = table->ops[i];
      if ((op.flags & OpSpec::kFunction) != 0) {
        PyObject* f = make_op_object(op, false, op.name);
        if (f == nullptr || PyModule_AddObject(ops, op.name, f) != 0) return false;
      }
      if ((op.flags & OpSpec::kMethod) != 0) {
        PyObject* m = make_op_object(op, true, op.name);
        if (m == nullptr || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), op.name, m) != 0)
          return false;
        Py_DECREF(m);
      }
    }
  for (const AliasSpec* a = kAliases; a->name != nullptr; ++a) {
    // "special.erf" -> function of a namespace; "negative" -> function and method of the same name, with
    // in-place twin
    const OpSpec* op = find_op(a->target);
    if (op == nullptr) continue;
    PyObject* f = make_op_object(*op, false, a->target);
    if (f == nullptr || PyDict_SetItemString(aliases, a->name, f) != 0) return false;
    Py_DECREF(f);
    if (std::strchr(a->name, '.') != nullptr) continue;
    for (const char* suffix : {"", "_"}) {
      const OpSpec* twin = find_op(std::string(a->target) + suffix);
      if (twin == nullptr || (twin->flags & OpSpec::kMethod) == 0) continue;
      std::string name = std::string(a->name) + suffix;
      PyObject* m = make_op_object(*twin, true, name.c_str());
      if (m == nullptr ||
          PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), name.c_str(), m) != 0)
        return false;
      Py_DECREF(m);
    }
  }
  return PyModule_AddObject(module, "ops", ops) == 0 && PyModule_AddObject(module, "aliases", aliases) == 0;
}

}  // namespace rustorch::py
