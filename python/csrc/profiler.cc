// rustorch._C._profiler: recordings and named ranges. rustorch/profiler builds PyTorch's interface on it.
#include "objects.h"
#include "op_call.h"
#include "rustorch/error.h"
#include "rustorch/profiler.h"

namespace rustorch::py {

namespace {

/// The open ranges of a thread: __enter__ and __exit__ of record_function. The observer is the one that saw
/// the beginning, null where nothing was recorded.
std::vector<CallObserver*>& open_ranges() {
  thread_local std::vector<CallObserver*> ranges;
  return ranges;
}

PyObject* enter(PyObject*, PyObject* name) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) return nullptr;
  CallObserver* observer = call_observer();
  if (observer != nullptr) observer->enter(CallKind::Range, {text, static_cast<size_t>(size)}, {});
  open_ranges().push_back(observer);
  return none();
}
PyObject* leave(PyObject*, PyObject*) {
  auto& ranges = open_ranges();
  if (!ranges.empty()) {
    CallObserver* observer = ranges.back();
    ranges.pop_back();
    if (observer != nullptr) observer->leave();
  }
  return none();
}

PyObject* start(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    int shapes = 0;
    int memory = 0;
    if (!PyArg_ParseTuple(args, "pp", &shapes, &memory)) return nullptr;
    profiler::Options options;
    options.shapes = shapes != 0;
    options.memory = memory != 0;
    profiler::start(options);
    return none();
  });
}

PyObject* shapes_of(const profiler::Event& event) {
  PyObject* list = PyList_New(0);
  for (const auto& shape : event.shapes) {
    PyObject* sizes = PyList_New(0);
    if (list == nullptr || sizes == nullptr) return nullptr;
    for (int64_t s : shape) {
      PyObject* size = PyLong_FromLongLong(s);
      PyList_Append(sizes, size);
      Py_XDECREF(size);
    }
    PyList_Append(list, sizes);
    Py_DECREF(sizes);
  }
  return list;
}

PyObject* stop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    const std::vector<profiler::Event> events = profiler::stop();
    PyObject* list = PyList_New(0);
    for (const profiler::Event& e : events) {
      PyObject* shapes = shapes_of(e);
      if (list == nullptr || shapes == nullptr) return nullptr;
      PyObject* item = Py_BuildValue("(s#iLLLIILLN)", e.name.data(), static_cast<Py_ssize_t>(e.name.size()),
                                     static_cast<int>(e.kind), static_cast<long long>(e.start_ns),
                                     static_cast<long long>(e.end_ns), static_cast<long long>(e.self_ns),
                                     e.thread, e.depth, static_cast<long long>(e.memory),
                                     static_cast<long long>(e.self_memory), shapes);
      if (item == nullptr || PyList_Append(list, item) < 0) return nullptr;
      Py_DECREF(item);
    }
    return list;
  });
}

PyObject* running(PyObject*, PyObject*) { return wrap(profiler::running()); }

PyMethodDef functions[] = {
    {"enter", enter, METH_O, "Begins a named range."},
    {"leave", leave, METH_NOARGS, "Ends the innermost named range."},
    {"start", start, METH_VARARGS, "start(shapes, memory): begins a recording."},
    {"stop", stop, METH_NOARGS,
     "Ends the recording; a list of (name, kind, start, end, self, thread, depth, memory, "
     "self_memory, shapes), times in nanoseconds."},
    {"running", running, METH_NOARGS, "Whether a recording runs."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "rustorch._C._profiler", "Recordings of calls.", -1,
                          functions};

}  // namespace

PyObject* observed_call(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs,
                        PyObject* kwnames) {
  std::vector<const Tensor*> inputs;
  for (size_t i = 0; i < nargs; ++i)
    if (is_tensor(args[i])) inputs.push_back(&tensor_of(args[i]));
  const ObservedCall observed(CallKind::Operator, rustorch::cat("aten::", op.name), inputs);
  return call_op(op, as_method, args, nargs, kwnames);
}

bool init_profiler(PyObject* module) {
  PyObject* profiler = PyModule_Create(&definition);
  return profiler != nullptr && PyModule_AddObject(module, "_profiler", profiler) == 0;
}

}  // namespace rustorch::py
