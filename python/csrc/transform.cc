// Forward mode and vmap for rustorch.autograd.forward_ad and rustorch.func: levels, duals, batched tensors.
#include "autograd/meta.h"
#include "autograd/transform_call.h"
#include "autograd/transform_values.h"
#include "objects.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "tensor_access.h"
#include "transform/leave.h"
#include "transform/levels.h"

namespace rustorch::py {

namespace {

PyObject* enter_dual(PyObject*, PyObject*) {
  return guarded([&] {
    push_level({std::make_shared<DualLevel>(), 0, 0, Randomness::Error});
    return wrap(static_cast<int64_t>(levels().size()));
  });
}
PyObject* exit_level(PyObject*, PyObject*) {
  return guarded([&] {
    RT_CHECK(!levels().empty(), Autograd, "", "there is no level to leave");
    pop_level();
    return none();
  });
}
PyObject* depth(PyObject*, PyObject*) { return wrap(static_cast<int64_t>(levels().size())); }

/// The dual level at a depth from 1, or the innermost for 0.
std::shared_ptr<DualLevel> dual_at(long long depth) {
  if (depth == 0) return current_dual();
  RT_CHECK(depth > 0 && static_cast<size_t>(depth) <= levels().size(), Value, "", "there is no level ",
           depth);
  return levels()[static_cast<size_t>(depth - 1)].dual;
}
/// The innermost dual level at which one of the tensors has a tangent, 0 for none.
PyObject* dual_depth(PyObject*, PyObject* o) {
  return guarded([&] {
    const Tensor& t = tensor_arg(o, "forward_ad");
    for (size_t depth = levels().size(); depth > 0; --depth)
      if (levels()[depth - 1].dual && tangent_of(t, levels()[depth - 1].dual).defined())
        return wrap(static_cast<int64_t>(depth));
    return wrap(static_cast<int64_t>(0));
  });
}

PyObject* make_dual_py(PyObject*, PyObject* args) {
  PyObject *primal = nullptr, *tangent = nullptr;
  long long depth = 0;
  if (!PyArg_ParseTuple(args, "OO|L", &primal, &tangent, &depth)) return nullptr;
  return guarded([&] {
    const Tensor& p = tensor_arg(primal, "make_dual");
    const Tensor& t = tensor_arg(tangent, "make_dual");
    std::shared_ptr<DualLevel> level = dual_at(depth);
    RT_CHECK(level != nullptr, Autograd, "make_dual", "there is no dual level");
    RT_CHECK(is_differentiable(p.dtype()), Value, "",
             "Expected primal to be floating point or complex, but got: ", p.dtype());
    RT_CHECK(is_differentiable(t.dtype()), Value, "",
             "Expected tangent to be floating point or complex, but got: ", t.dtype());
    RT_CHECK(p.sizes() == t.sizes(), Autograd, "",
             "Trying to set a forward gradient that has a different size than that of the original Tensor, "
             "this is not "
             "supported. Tensor is of size ",
             p.sizes(), " while the given forward gradient is of size ", t.sizes(), ".");
    RT_CHECK(p.dtype() == t.dtype(), Autograd, "",
             "Expected that the data type of the tensor and that of its forward gradient are the same, but "
             "they are ",
             p.dtype(), " and ", t.dtype());
    return wrap(make_dual(p, t, level));
  });
}
PyObject* unpack_dual_py(PyObject*, PyObject* args) {
  PyObject* o = nullptr;
  long long depth = 0;
  if (!PyArg_ParseTuple(args, "O|L", &o, &depth)) return nullptr;
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_arg(o, "unpack_dual");
    std::shared_ptr<DualLevel> level = dual_at(depth);
    Tensor tangent, primal = t;
    if (level) {
      tangent = tangent_of(t, level);
      primal = primal_of(t, level);
    }
    PyObject* first = wrap(primal);
    PyObject* second = tangent.defined() ? wrap(tangent) : none();
    PyObject* pair = PyTuple_Pack(2, first, second);
    Py_DECREF(first);
    Py_DECREF(second);
    return pair;
  });
}

PyObject* vmap_enter(PyObject*, PyObject* args) {
  long long size = 0;
  const char* randomness = "error";
  if (!PyArg_ParseTuple(args, "Ls", &size, &randomness)) return nullptr;
  return guarded([&] {
    const std::string_view name = randomness;
    const Randomness kind = name == "same"        ? Randomness::Same
                            : name == "different" ? Randomness::Different
                                                  : Randomness::Error;
    return wrap(static_cast<int64_t>(enter_vmap(size, kind)));
  });
}
PyObject* vmap_wrap(PyObject*, PyObject* args) {
  PyObject* t = nullptr;
  long long dim = 0, id = 0;
  if (!PyArg_ParseTuple(args, "OLL", &t, &dim, &id)) return nullptr;
  return guarded([&] {
    const Tensor& value = tensor_arg(t, "vmap");
    return wrap(wrap_batch(dim == 0 ? value : movedim(value, dim, 0), static_cast<uint64_t>(id)));
  });
}
/// The value with the batch dimension first, None for a tensor without one.
PyObject* vmap_value(PyObject*, PyObject* args) {
  PyObject* t = nullptr;
  long long id = 0;
  if (!PyArg_ParseTuple(args, "OL", &t, &id)) return nullptr;
  return guarded([&]() -> PyObject* {
    Tensor value = batch_value(tensor_arg(t, "vmap"), static_cast<uint64_t>(id));
    return value.defined() ? wrap(value) : none();
  });
}
PyObject* is_batched(PyObject*, PyObject* o) {
  return guarded([&] {
    const AutogradMeta* meta = meta_of(tensor_arg(o, "vmap"));
    return wrap(meta != nullptr && meta->transform && meta->transform->batch.defined());
  });
}
PyObject* leaf(PyObject*, PyObject* o) {
  return guarded([&] {
    const Tensor& t = tensor_arg(o, "func");
    RT_CHECK(is_differentiable(t.dtype()), Autograd, "requires_grad_",
             "only Tensors of floating point and complex dtype can require gradients");
    return wrap(transform_leaf(t, t.requires_grad() && GradMode::is_enabled()));
  });
}
PyObject* plain(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(transform_plain(tensor_arg(o, "func"))); });
}

PyObject* has_history_py(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(has_history(tensor_arg(o, "func"))); });
}

std::vector<Tensor> tensors_of(PyObject* o) {
  std::vector<Tensor> all;
  PyObject* fast = PySequence_Fast(o, "expected a sequence of tensors");
  if (fast == nullptr) throw_python_error();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i)
    if (is_tensor(PySequence_Fast_ITEMS(fast)[i])) all.push_back(tensor_of(PySequence_Fast_ITEMS(fast)[i]));
  const bool whole = static_cast<Py_ssize_t>(all.size()) == PySequence_Fast_GET_SIZE(fast);
  Py_DECREF(fast);
  RT_CHECK(whole, Type, "func", "expected a sequence of tensors");
  return all;
}
PyObject* func_leave(PyObject*, PyObject* args) {
  PyObject *outputs = nullptr, *leaves = nullptr;
  if (!PyArg_ParseTuple(args, "OO", &outputs, &leaves)) return nullptr;
  return guarded([&] {
    Leaving leaving(tensors_of(leaves));
    std::vector<Tensor> all = tensors_of(outputs);
    for (Tensor& t : all) t = leaving(t);
    return wrap(all);
  });
}
PyObject* func_reaches(PyObject*, PyObject* args) {
  PyObject *outputs = nullptr, *leaves = nullptr;
  if (!PyArg_ParseTuple(args, "OO", &outputs, &leaves)) return nullptr;
  return guarded([&] {
    Leaving leaving(tensors_of(leaves));
    bool any = false;
    for (const Tensor& t : tensors_of(outputs)) any |= leaving.reaches_other(t);
    return wrap(any);
  });
}
PyObject* vmap_randomness(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const int depth = depth_of(static_cast<uint64_t>(PyLong_AsLongLong(o)));
    RT_CHECK(depth > 0, Value, "vmap", "there is no such vmap");
    static const char* const names[] = {"error", "same", "different"};
    return PyUnicode_FromString(names[static_cast<int>(levels()[static_cast<size_t>(depth - 1)].randomness)]);
  });
}
/// (id, examples) of the innermost vmap that t has a batch dimension of; (0, 0) for none.
PyObject* batch_of(PyObject*, PyObject* o) {
  return guarded([&] {
    const AutogradMeta* meta = meta_of(tensor_arg(o, "vmap"));
    const bool on = meta != nullptr && meta->transform && meta->transform->batch.defined();
    return Py_BuildValue("LL", on ? static_cast<long long>(meta->transform->batch_id) : 0LL,
                         on ? static_cast<long long>(meta->transform->batch.size(0)) : 0LL);
  });
}

PyObject* values(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(transform_all_values(tensor_arg(o, "func"))); });
}

PyMethodDef functions[] = {{"_enter_dual_level", enter_dual, METH_NOARGS, nullptr},
                           {"_exit_level", exit_level, METH_NOARGS, nullptr},
                           {"_transform_depth", depth, METH_NOARGS, nullptr},
                           {"_make_dual", make_dual_py, METH_VARARGS, nullptr},
                           {"_unpack_dual", unpack_dual_py, METH_VARARGS, nullptr},
                           {"_dual_depth", dual_depth, METH_O, nullptr},
                           {"_vmap_enter", vmap_enter, METH_VARARGS, nullptr},
                           {"_vmap_wrap", vmap_wrap, METH_VARARGS, nullptr},
                           {"_vmap_value", vmap_value, METH_VARARGS, nullptr},
                           {"_is_batched", is_batched, METH_O, nullptr},
                           {"_func_leaf", leaf, METH_O, nullptr},
                           {"_func_plain", plain, METH_O, nullptr},
                           {"_func_has_history", has_history_py, METH_O, nullptr},
                           {"_func_leave", func_leave, METH_VARARGS, nullptr},
                           {"_func_reaches", func_reaches, METH_VARARGS, nullptr},
                           {"_batch_of", batch_of, METH_O, nullptr},
                           {"_vmap_randomness", vmap_randomness, METH_O, nullptr},
                           {"_all_values", values, METH_O, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_transform(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace rustorch::py
