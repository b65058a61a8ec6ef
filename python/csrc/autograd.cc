// backward(), grad(), hooks, graph nodes and Function for Python.
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

#include "autograd/engine.h"
#include "autograd/meta.h"
#include "autograd/record.h"
#include "autograd/saved_view.h"
#include "op_call.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

/// A counted reference to a Python object that may be dropped on any thread.
class Ref {
 public:
  explicit Ref(PyObject* borrowed) : o_(borrowed) { Py_XINCREF(o_); }
  /// Takes over a new reference (null stays null); the caller holds the interpreter's lock.
  static Ref take(PyObject* owned) {
    Ref ref(owned);
    Py_XDECREF(owned);
    return ref;
  }
  explicit operator bool() const { return o_ != nullptr; }
  Ref(const Ref& other) : o_(other.o_) {
    const WithGil gil;
    Py_XINCREF(o_);
  }
  Ref(Ref&& other) noexcept : o_(std::exchange(other.o_, nullptr)) {}
  Ref& operator=(const Ref&) = delete;
  ~Ref() {
    if (o_ == nullptr || !Py_IsInitialized()) return;
    const WithGil gil;
    Py_DECREF(o_);
  }
  PyObject* get() const { return o_; }

 private:
  PyObject* o_;
};

// ---- graph nodes

struct PyNode {
  PyObject_HEAD NodeRef<Node> node;
};
PyTypeObject* node_type = nullptr;

void node_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  auto* self = reinterpret_cast<PyNode*>(o);
  if (self->node && self->node->pyobj == o) self->node->pyobj = nullptr;
  self->node.~NodeRef<Node>();
  type->tp_free(o);
  Py_DECREF(type);
}
Node& node_of(PyObject* o) { return *reinterpret_cast<PyNode*>(o)->node; }
PyObject* node_repr(PyObject* o) {
  return PyUnicode_FromFormat("<%s object at %p>", node_of(o).name(), static_cast<void*>(&node_of(o)));
}
PyObject* node_name(PyObject* o, PyObject*) { return PyUnicode_FromString(node_of(o).name()); }
PyObject* node_next(PyObject* o, void*) {
  const auto& edges = node_of(o).edges();
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(edges.size()));
  for (size_t i = 0; i < edges.size(); ++i)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i),
                     Py_BuildValue("(NI)", wrap_node(edges[i].fn.get()), edges[i].nr));
  return tuple;
}
PyObject* node_variable(PyObject* o, void*) {
  Tensor t = node_of(o).variable();
  if (!t.defined()) {
    PyErr_SetString(PyExc_AttributeError, "only AccumulateGrad has a variable");
    return nullptr;
  }
  return wrap(std::move(t));
}
PyObject* grads_tuple(const std::vector<Tensor>& grads) {
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(grads.size()));
  for (size_t i = 0; i < grads.size(); ++i)
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), wrap(grads[i]));
  return tuple;
}
std::vector<Tensor> tuple_grads(PyObject* o, size_t expected) {
  std::vector<Tensor> grads;
  if (o == Py_None) return grads;
  if (is_tensor(o)) {
    grads.push_back(tensor_of(o));
  } else {
    RT_CHECK(PyTuple_Check(o) || PyList_Check(o), Type, "hook",
             "a hook must return None, a Tensor or a tuple of them");
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
      PyObject* item = PySequence_Fast_ITEMS(o)[i];
      grads.push_back(item == Py_None ? Tensor() : tensor_of(item));
    }
  }
  RT_CHECK(grads.size() == expected, Autograd, "hook",
           "hook has returned an incorrect number of values; got ", grads.size(), "; expected ", expected);
  return grads;
}
PyObject* node_register_hook(PyObject* o, PyObject* fn) {
  return guarded([&] {
    NodeExtras& extras = node_of(o).extras();
    Ref hook(fn);
    extras.post_hooks.emplace_back(extras.next_id,
                                   [hook](const std::vector<Tensor>& in, const std::vector<Tensor>& out) {
                                     WithGil gil;
                                     PyObject* a = grads_tuple(in);
                                     PyObject* b = grads_tuple(out);
                                     PyObject* r = call_python(hook.get(), a, b);
                                     Py_DECREF(a);
                                     Py_DECREF(b);
                                     if (r == nullptr) throw_python_error();
                                     Ref keep(r);
                                     Py_DECREF(r);
                                     return tuple_grads(r, in.size());
                                   });
    return PyLong_FromUnsignedLongLong(extras.next_id++);
  });
}
PyObject* node_register_prehook(PyObject* o, PyObject* fn) {
  return guarded([&] {
    NodeExtras& extras = node_of(o).extras();
    Ref hook(fn);
    extras.pre_hooks.emplace_back(extras.next_id, [hook](const std::vector<Tensor>& grads) {
      WithGil gil;
      PyObject* a = grads_tuple(grads);
      PyObject* r = call_python(hook.get(), a);
      Py_DECREF(a);
      if (r == nullptr) throw_python_error();
      Ref keep(r);
      Py_DECREF(r);
      return tuple_grads(r, grads.size());
    });
    return PyLong_FromUnsignedLongLong(extras.next_id++);
  });
}
PyObject* node_remove_hook(PyObject* o, PyObject* id) {
  const uint64_t wanted = PyLong_AsUnsignedLongLong(id);
  if (PyErr_Occurred() != nullptr) return nullptr;
  NodeExtras& extras = node_of(o).extras();
  auto drop = [&](auto& list) {
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i].first == wanted) list.erase(list.begin() + static_cast<int64_t>(i--));
  };
  drop(extras.post_hooks);
  drop(extras.pre_hooks);
  return none();
}
/// Keeps the dict of Node.metadata for as long as the graph keeps the node; as a hook it changes nothing.
struct MetadataHook {
  Ref dict;
  std::vector<Tensor> operator()(const std::vector<Tensor>&, const std::vector<Tensor>&) const { return {}; }
};
PyObject* node_metadata(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    NodeExtras& extras = node_of(o).extras();
    for (const auto& [id, hook] : extras.post_hooks)
      if (const auto* found = hook.target<MetadataHook>()) return Py_NewRef(found->dict.get());
    Ref dict = Ref::take(PyDict_New());
    if (!dict) throw_python_error();
    extras.post_hooks.emplace_back(extras.next_id++, MetadataHook{dict});
    return Py_NewRef(dict.get());
  });
}
// ---- what a node has saved: _saved_NAME

struct SavedToPython {
  PyObject* operator()(std::monostate) const { return none(); }
  PyObject* operator()(const SavedView::TensorOrNone& t) const { return t ? wrap(*t) : none(); }
  PyObject* operator()(const std::vector<SavedView::TensorOrNone>& list) const {
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(list.size()));
    for (size_t i = 0; i < list.size(); ++i)
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), (*this)(list[i]));
    return tuple;
  }
  PyObject* operator()(const std::string& text) const { return PyUnicode_FromString(text.c_str()); }
  PyObject* operator()(const std::vector<int64_t>& list) const { return wrap_ints(list); }
  PyObject* operator()(const std::vector<double>& list) const { return to_tuple(list); }
  PyObject* operator()(const std::vector<std::vector<int64_t>>& list) const { return to_tuple(list); }
  template <class T>
  PyObject* operator()(const T& plain) const {
    return wrap(plain);
  }

 private:
  template <class T>
  PyObject* to_tuple(const std::vector<T>& list) const {
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(list.size()));
    for (size_t i = 0; i < list.size(); ++i)
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), (*this)(list[i]));
    return tuple;
  }
};

constexpr std::string_view kSavedPrefix = "_saved_";

PyObject* node_getattr(PyObject* o, PyObject* key) {
  PyObject* found = PyObject_GenericGetAttr(o, key);
  if (found != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return found;
  PyObject *kind, *error, *trace;
  PyErr_Fetch(&kind, &error, &trace);
  Py_ssize_t size = 0;
  const char* text = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &size) : nullptr;
  const std::string_view name(text != nullptr ? text : "", static_cast<size_t>(size));
  if (name.substr(0, kSavedPrefix.size()) == kSavedPrefix) {
    PyObject* value = guarded([&]() -> PyObject* {
      SavedView view(node_of(o), name.substr(kSavedPrefix.size()));
      node_of(o).show_saved(view);
      return view.found() ? std::visit(SavedToPython(), view.value()) : nullptr;
    });
    if (value != nullptr || PyErr_Occurred() != nullptr) {
      Py_XDECREF(kind);
      Py_XDECREF(error);
      Py_XDECREF(trace);
      return value;
    }
  }
  PyErr_Restore(kind, error, trace);
  return nullptr;
}

/// dir(node): the names of what is saved, too.
PyObject* node_dir(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    Ref all =
        Ref::take(PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", o));
    if (!all) throw_python_error();
    SavedView view(node_of(o), {});
    node_of(o).show_saved(view);
    for (const char* name : view.names()) {
      Ref text = Ref::take(PyUnicode_FromFormat("%s%s", kSavedPrefix.data(), name));
      if (!text || PyList_Append(all.get(), text.get()) != 0) throw_python_error();
    }
    return Py_NewRef(all.get());
  });
}
PyObject* node_sequence(PyObject* o, PyObject*) { return PyLong_FromUnsignedLongLong(node_of(o).sequence()); }
PyMethodDef node_methods[] = {
    {"name", node_name, METH_NOARGS, "Name of the operation."},
    {"__dir__", node_dir, METH_NOARGS, nullptr},
    {"_sequence_nr", node_sequence, METH_NOARGS, "Counts the nodes of the process."},
    {"_register_hook", node_register_hook, METH_O, nullptr},
    {"_register_prehook", node_register_prehook, METH_O, nullptr},
    {"_remove_hook", node_remove_hook, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef node_getset[] = {{"next_functions", node_next, nullptr,
                              "Nodes that made the inputs, with the number of the result.", nullptr},
                             {"metadata", node_metadata, nullptr, "A dict for notes on the node.", nullptr},
                             {"variable", node_variable, nullptr, "The leaf of an AccumulateGrad.", nullptr},
                             {nullptr, nullptr, nullptr, nullptr, nullptr}};

// ---- backward and grad

std::vector<Tensor> tensor_list(PyObject* o, const char* what) {
  std::vector<Tensor> list;
  if (o == nullptr || o == Py_None) return list;
  if (is_tensor(o)) return {tensor_of(o)};
  PyObject* fast = PySequence_Fast(o, what);
  if (fast == nullptr) throw_python_error();
  Ref keep(fast);
  Py_DECREF(fast);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i) {
    PyObject* item = PySequence_Fast_ITEMS(fast)[i];
    RT_CHECK(item == Py_None || is_tensor(item), Type, "backward", what, " must be Tensors or None; got ",
             Py_TYPE(item)->tp_name);
    list.push_back(item == Py_None ? Tensor() : tensor_of(item));
  }
  return list;
}

template <class F>
auto without_gil(F&& f) {
  const WithoutGil released;
  return f();
}

PyObject* run_backward_py(PyObject*, PyObject* args) {
  PyObject *outputs, *grads, *inputs;
  int retain = 0, create = 0;
  if (!PyArg_ParseTuple(args, "OOppO", &outputs, &grads, &retain, &create, &inputs)) return nullptr;
  return guarded([&] {
    auto out = tensor_list(outputs, "tensors");
    auto g = tensor_list(grads, "grad_tensors");
    auto in = tensor_list(inputs, "inputs");
    without_gil([&] { autograd::backward(out, g, retain != 0, create != 0, in); });
    return none();
  });
}

PyObject* run_grad(PyObject*, PyObject* args) {
  PyObject *outputs, *inputs, *grads;
  int retain = 0, create = 0, unused = 0;
  if (!PyArg_ParseTuple(args, "OOOppp", &outputs, &inputs, &grads, &retain, &create, &unused)) return nullptr;
  return guarded([&] {
    auto out = tensor_list(outputs, "outputs");
    auto in = tensor_list(inputs, "inputs");
    auto g = tensor_list(grads, "grad_outputs");
    auto result =
        without_gil([&] { return autograd::grad(out, in, g, retain != 0, create != 0, unused != 0); });
    return grads_tuple(result);
  });
}

// ---- edges as roots and inputs

/// _gradient_edge(t): (node, number of the result), where the gradient of t arrives.
PyObject* gradient_edge_py(PyObject*, PyObject* t) {
  return guarded([&]() -> PyObject* {
    const Tensor& tensor = tensor_arg(t, "get_gradient_edge");
    RT_CHECK(tensor_requires_grad(tensor), Autograd, "",
             "It is not possible to get the gradient edge for a Tensor that does not require gradients");
    const Edge edge = gradient_edge(tensor);
    return Py_BuildValue("(NI)", wrap_node(edge.fn.get()), edge.nr);
  });
}
std::vector<Edge> edge_list(PyObject* list) {
  std::vector<Edge> edges;
  const Items items(list);
  for (Py_ssize_t i = 0; i < items.size(); ++i) {
    PyObject* node = nullptr;
    unsigned nr = 0;
    if (!PyArg_ParseTuple(items[i], "O!I", node_type, &node, &nr)) throw_python_error();
    edges.push_back({NodeRef<Node>::share(&node_of(node)), nr});
  }
  return edges;
}
/// _backward_edges(roots, grads, inputs, keep_graph, create_graph, accumulate): roots and inputs are lists of
/// (node, number of the result), grads has a tensor or None for every root. The gradients of the inputs.
PyObject* run_edges(PyObject*, PyObject* args) {
  PyObject *roots, *grads, *inputs;
  int keep = 0, create = 0, accumulate = 0;
  if (!PyArg_ParseTuple(args, "OOOppp", &roots, &grads, &inputs, &keep, &create, &accumulate)) return nullptr;
  return guarded([&] {
    BackwardRequest request;
    request.roots = edge_list(roots);
    request.grads = tensor_list(grads, "grad_outputs");
    request.inputs = edge_list(inputs);
    request.keep_graph = keep != 0 || create != 0;
    request.create_graph = create != 0;
    request.accumulate_inputs = accumulate != 0;
    RT_CHECK(request.grads.size() == request.roots.size(), Autograd, "", "got ", request.roots.size(),
             " roots and ", request.grads.size(), " gradients");
    for (size_t i = 0; i < request.roots.size(); ++i) {
      if (request.grads[i].defined()) continue;
      const Edge& root = request.roots[i];
      RT_CHECK(root.nr < root.fn->num_results() && root.fn->result_meta(root.nr).known, Autograd, "",
               "grad must be given for an edge whose result is unknown");
      const ResultMeta& meta = root.fn->result_meta(root.nr);
      int64_t count = 1;
      for (const int64_t size : meta.sizes) count *= size;
      RT_CHECK(count == 1, Autograd, "", "grad can be implicitly created only for scalar outputs");
      request.grads[i] = ones(meta.sizes, meta.dtype, meta.device);
    }
    return grads_tuple(without_gil([&] { return run_backward(std::move(request)); }));
  });
}
PyObject* backward_now(PyObject*, PyObject*) { return PyLong_FromUnsignedLongLong(current_backward()); }
PyObject* backward_runs(PyObject*, PyObject* node) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(PyObject_TypeCheck(node, node_type), Type, "_backward_runs", "expected a Node; got ",
             Py_TYPE(node)->tp_name);
    return wrap(current_backward_runs(&node_of(node)));
  });
}

// ---- hooks of tensors

PyObject* register_hook(PyObject*, PyObject* args) {
  PyObject *t, *fn;
  if (!PyArg_ParseTuple(args, "OO", &t, &fn)) return nullptr;
  return guarded([&] {
    Ref hook(fn);
    uint64_t id = add_tensor_hook(tensor_arg(t, "register_hook"), [hook](const Tensor& grad) -> Tensor {
      WithGil gil;
      PyObject* g = wrap(grad);
      PyObject* r = call_python(hook.get(), g);
      Py_DECREF(g);
      if (r == nullptr) throw_python_error();
      Tensor changed;
      if (is_tensor(r)) changed = tensor_of(r);
      bool ok = r == Py_None || is_tensor(r);
      Py_DECREF(r);
      RT_CHECK(ok, Type, "register_hook", "a hook must return None or a Tensor");
      return changed;
    });
    return PyLong_FromUnsignedLongLong(id);
  });
}
PyObject* remove_hook(PyObject*, PyObject* args) {
  PyObject* t;
  unsigned long long id;
  if (!PyArg_ParseTuple(args, "OK", &t, &id)) return nullptr;
  return guarded([&] {
    remove_tensor_hook(tensor_arg(t, "remove_hook"), id);
    return none();
  });
}
PyObject* register_post_accumulate(PyObject*, PyObject* args) {
  PyObject *t, *fn;
  if (!PyArg_ParseTuple(args, "OO", &t, &fn)) return nullptr;
  return guarded([&] {
    Ref hook(fn);
    uint64_t id = add_post_accumulate_hook(
        tensor_arg(t, "register_post_accumulate_grad_hook"), [hook](const Tensor& leaf) {
          WithGil gil;
          PyObject* o = wrap(leaf);
          PyObject* r = call_python(hook.get(), o);
          Py_DECREF(o);
          if (r == nullptr) throw_python_error();
          const bool nothing = r == Py_None;
          Py_DECREF(r);
          RT_CHECK(nothing, Autograd, "", "Tensor post accumulate grad hooks should return None.");
        });
    return PyLong_FromUnsignedLongLong(id);
  });
}
PyObject* remove_post_accumulate(PyObject*, PyObject* args) {
  PyObject* t;
  unsigned long long id;
  if (!PyArg_ParseTuple(args, "OK", &t, &id)) return nullptr;
  return guarded([&] {
    remove_post_accumulate_hook(tensor_arg(t, "remove_hook"), id);
    return none();
  });
}

// ---- modes

PyObject* set_grad_enabled(PyObject*, PyObject* on) {
  GradMode::set_enabled(on == Py_True);
  return none();
}
PyObject* is_grad_enabled(PyObject*, PyObject*) { return wrap(GradMode::is_enabled()); }
PyObject* set_inference(PyObject*, PyObject* on) {
  detail::thread_modes().inference = on == Py_True;
  return none();
}
PyObject* is_inference_enabled(PyObject*, PyObject*) { return wrap(detail::thread_modes().inference); }
/// The Python stack, as a traceback prints it.
std::string python_stack() {
  WithGil gil;
  std::string text;
  Ref module = Ref::take(PyImport_ImportModule("traceback"));
  Ref lines = Ref::take(module ? PyObject_CallMethod(module.get(), "format_stack", nullptr) : nullptr);
  Ref nothing = Ref::take(PyUnicode_FromString(""));
  Ref joined = Ref::take(lines && nothing ? PyUnicode_Join(nothing.get(), lines.get()) : nullptr);
  if (const char* chars = joined ? PyUnicode_AsUTF8(joined.get()) : nullptr) text = chars;
  PyErr_Clear();
  return text;
}

PyObject* set_anomaly(PyObject*, PyObject* on) {
  describe_caller = python_stack;
  detail::thread_modes().anomaly = on == Py_True;
  return none();
}
PyObject* is_anomaly(PyObject*, PyObject*) { return wrap(detail::thread_modes().anomaly); }

// ---- Function written in Python

struct PythonFunction;

/// Where a ctx finds its node, which owns the ctx and may die first. Read and written with the interpreter
/// lock.
struct FunctionCell {
  PythonFunction* node;
};
using FunctionCellPtr = std::shared_ptr<FunctionCell>;
constexpr const char* kCellName = "rustorch.function";

/// Runs Function.backward of a Python class. Saved tensors are checked like those of every other node.
struct PythonFunction final : Node {
  std::string name_;
  Ref context;  // the ctx object; its class has backward
  SavedList saved;
  bool materialize = true;
  FunctionCellPtr cell = std::make_shared<FunctionCell>(FunctionCell{this});
  explicit PythonFunction(PyObject* ctx) : context(ctx) {}
  ~PythonFunction() override {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    cell->node = nullptr;
  }
  const char* name() const override { return name_.c_str(); }
  void release_saved() override {
    saved.reset();
    released_ = true;
  }
  std::vector<Tensor> unpack() {
    check_not_released(name());
    return saved.unpack(this);
  }
  void apply(Tensor* grads, Tensor* out) override {
    WithGil gil;
    std::vector<Tensor> incoming;
    if (materialize) {
      incoming = gather_grads(grads);
      for (uint32_t i = 0; i < num_results(); ++i)
        if (!result_meta(i).known) incoming[i] = Tensor();  // a result that was no tensor
    } else
      incoming.assign(grads, grads + num_results());
    PyObject* fn = PyObject_GetAttrString(context.get(), "_run_backward");
    if (fn == nullptr) throw_python_error();
    PyObject* args = grads_tuple(incoming);
    PyObject* r = or_sleep([&] { return PyObject_CallObject(fn, args); });
    Py_DECREF(fn);
    Py_DECREF(args);
    if (r == nullptr) throw_python_error();
    Ref keep(r);
    Py_DECREF(r);
    // _run_backward gives exactly one entry per edge.
    RT_CHECK(PyTuple_Check(r) && static_cast<size_t>(PyTuple_GET_SIZE(r)) == edges().size(), Autograd, name_,
             "function ", name_, " returned an incorrect number of gradients (expected ", edges().size(),
             ", got ", static_cast<int64_t>(PyTuple_Check(r) ? PyTuple_GET_SIZE(r) : 1), ")");
    for (size_t i = 0; i < edges().size(); ++i) {
      PyObject* g = PyTuple_GET_ITEM(r, static_cast<Py_ssize_t>(i));
      if (g == Py_None || !wants_edge(i)) continue;
      RT_CHECK(is_tensor(g), Type, name_, "expected Variable or None (got ", Py_TYPE(g)->tp_name, ")");
      out[i] = tensor_of(g);
    }
  }
};

/// _make_function_node(ctx, name, inputs: tuple of tensors, outputs: tuple, non_diff: set, dirty, to_save,
/// materialize)
PyObject* make_function_node(PyObject*, PyObject* args) {
  PyObject *ctx, *inputs, *outputs, *non_diff, *dirty, *to_save;
  const char* name;
  int materialize = 1;
  if (!PyArg_ParseTuple(args, "OsOOOOOp", &ctx, &name, &inputs, &outputs, &non_diff, &dirty, &to_save,
                        &materialize))
    return nullptr;
  return guarded([&]() -> PyObject* {
    auto in = tensor_list(inputs, "inputs");
    auto out = tensor_list(outputs, "outputs");
    auto excluded = tensor_list(non_diff, "non-differentiable");
    auto written = tensor_list(dirty, "dirty");
    auto saved = tensor_list(to_save, "saved");
    NodeRef<PythonFunction> node(new PythonFunction(ctx));
    node->name_ = name;
    node->materialize = materialize != 0;
    for (const Tensor& t : in) node->add_input(t);
    auto contains = [](const std::vector<Tensor>& list, const Tensor& t) {
      for (const Tensor& x : list)
        if (x.is_same(t)) return true;
      return false;
    };
    PyObject* result = PyTuple_New(static_cast<Py_ssize_t>(out.size()));
    std::vector<Tensor> final_out;
    for (size_t i = 0; i < out.size(); ++i) {
      Tensor t = out[i];
      if (!t.defined()) {
        node->add_undefined_result();
      } else if (contains(excluded, t) || !is_differentiable(t.dtype())) {
        if (contains(in, t)) t = alias(t.detach());
        node->add_result(t);
      } else if (contains(written, t)) {
        const AutogradMeta* meta = meta_of(t);
        if (meta != nullptr && meta->requires_grad && !meta->grad_fn) {
          Py_DECREF(result);
          raise(ErrorKind::Autograd, "",
                "a leaf Variable that requires grad has been used in an in-place operation.");
        }
        rebase_history(t, node);
      } else {
        if (contains(in, t)) t = t.detach();
        set_history(t, node);
      }
      final_out.push_back(t);
      PyTuple_SET_ITEM(result, static_cast<Py_ssize_t>(i), wrap(t));
    }
    for (const Tensor& t : saved) {
      int64_t nr = -1;
      for (size_t i = 0; i < final_out.size(); ++i)
        if (t.defined() && (final_out[i].is_same(t) || out[i].is_same(t)) && !contains(in, t))
          nr = static_cast<int64_t>(i);
      node->saved.add(nr >= 0 ? Saved::output(final_out[static_cast<size_t>(nr)], static_cast<uint32_t>(nr))
                              : Saved(t));
    }
    auto cell = std::make_unique<FunctionCellPtr>(node->cell);
    PyObject* capsule = PyCapsule_New(cell.get(), kCellName, [](PyObject* o) {
      delete static_cast<FunctionCellPtr*>(PyCapsule_GetPointer(o, kCellName));
    });
    if (capsule == nullptr) {
      Py_DECREF(result);
      throw_python_error();
    }
    cell.release();
    PyObject* pair = PyTuple_Pack(2, result, capsule);
    Py_DECREF(result);
    Py_DECREF(capsule);
    return pair;
  });
}
/// The node of a ctx; throws when the graph that held it is gone.
NodeRef<PythonFunction> function_node(PyObject* capsule) {
  auto* cell = static_cast<FunctionCellPtr*>(PyCapsule_GetPointer(capsule, kCellName));
  if (cell == nullptr) throw_python_error();
  PythonFunction* node = (*cell)->node;
  RT_CHECK(node != nullptr && node->try_retain(), Autograd, "",
           "the ctx of a custom function was used after the graph that it belongs to was freed");
  return NodeRef<PythonFunction>(node);
}
PyObject* function_saved(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* { return grads_tuple(function_node(capsule)->unpack()); });
}
PyObject* function_needs(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    const NodeRef<PythonFunction> node = function_node(capsule);
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(node->edges().size()));
    for (size_t i = 0; i < node->edges().size(); ++i)
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), wrap(node->wants_edge(i)));
    return tuple;
  });
}

/// _node_context(node): the ctx behind a node of a custom Function; None for other nodes.
PyObject* node_context(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    RT_CHECK(PyObject_TypeCheck(o, node_type), Type, "_node_context", "expected a Node; got ",
             Py_TYPE(o)->tp_name);
    const auto* node = dynamic_cast<PythonFunction*>(&node_of(o));
    return node != nullptr ? Py_NewRef(node->context.get()) : none();
  });
}

PyMethodDef functions[] = {
    {"_node_context", node_context, METH_O, nullptr},
    {"_gradient_edge", gradient_edge_py, METH_O, nullptr},
    {"_backward_edges", run_edges, METH_VARARGS, nullptr},
    {"_current_backward", backward_now, METH_NOARGS, nullptr},
    {"_backward_runs", backward_runs, METH_O, nullptr},
    {"_backward", run_backward_py, METH_VARARGS, nullptr},
    {"_grad", run_grad, METH_VARARGS, nullptr},
    {"_register_hook", register_hook, METH_VARARGS, nullptr},
    {"_remove_hook", remove_hook, METH_VARARGS, nullptr},
    {"_register_post_accumulate_hook", register_post_accumulate, METH_VARARGS, nullptr},
    {"_remove_post_accumulate_hook", remove_post_accumulate, METH_VARARGS, nullptr},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operations are recorded on this thread."},
    {"_set_inference_mode", set_inference, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference_enabled, METH_NOARGS, "Whether inference mode is on."},
    {"_set_anomaly", set_anomaly, METH_O, nullptr},
    {"is_anomaly_enabled", is_anomaly, METH_NOARGS, "Whether gradients are checked for nan."},
    {"_make_function_node", make_function_node, METH_VARARGS, nullptr},
    {"_function_saved", function_saved, METH_O, nullptr},
    {"_function_needs", function_needs, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

/// The class of the nodes of a name, below Node: `type(t.grad_fn).__name__` says what t came from. Made when
/// first asked for; names beyond the bound (classes of Function made without end) share Node.
PyTypeObject* type_of_node(const char* name) {
  constexpr size_t kMost = 4096;
  struct Named {
    std::string full;  // the class reads it
    PyTypeObject* type;
  };
  static auto& types = *new std::unordered_map<std::string, Named>;  // under the interpreter lock
  const auto found = types.find(name);
  if (found != types.end()) return found->second.type;
  if (types.size() >= kMost) return node_type;
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)}, {0, nullptr}};
  Named& entry = types[name];
  entry = {std::string("rustorch.autograd.graph.") + name, node_type};
  PyType_Spec spec{entry.full.c_str(), sizeof(PyNode), 0, Py_TPFLAGS_DEFAULT, slots};
  PyObject* bases = PyTuple_Pack(1, node_type);
  PyObject* made = bases != nullptr ? PyType_FromSpecWithBases(&spec, bases) : nullptr;
  Py_XDECREF(bases);
  if (made == nullptr) {
    PyErr_Clear();
    return node_type;
  }
  auto* type = reinterpret_cast<PyTypeObject*>(made);
  type->tp_new = nullptr;
  return entry.type = type;
}

}  // namespace

PyObject* wrap_node(Node* node) {
  if (node == nullptr) return none();
  if (node->pyobj != nullptr) {
    auto* o = static_cast<PyObject*>(node->pyobj);
    Py_INCREF(o);
    return o;
  }
  PyTypeObject* type = type_of_node(node->name());
  PyObject* o = type->tp_alloc(type, 0);
  if (o == nullptr) return nullptr;
  new (&reinterpret_cast<PyNode*>(o)->node) NodeRef<Node>(NodeRef<Node>::share(node));
  node->pyobj = o;
  return o;
}

bool init_autograd(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                         {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                         {Py_tp_getattro, reinterpret_cast<void*>(node_getattr)},
                         {Py_tp_methods, node_methods},
                         {Py_tp_getset, node_getset},
                         {0, nullptr}};
  PyType_Spec spec{"rustorch.autograd.graph.Node", sizeof(PyNode), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  node_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (node_type == nullptr) return false;
  node_type->tp_new = nullptr;  // nodes come from operations only
  Py_INCREF(node_type);
  return PyModule_AddObject(module, "_Node", reinterpret_cast<PyObject*>(node_type)) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace rustorch::py
