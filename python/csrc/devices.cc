// Devices for Python: what there is, the current one, waiting, fallback to the CPU.
#include <memory>
#include <vector>

#include "backend/device_backend.h"
#include "memory/basic_allocators.h"
#include "op_call.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"
#include "rustorch/memory.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

Device device_of(PyObject* o) {
  Device d;
  RT_CHECK(to_device(o, &d), Type, "device", "expected a device or str; got ", Py_TYPE(o)->tp_name);
  return d;
}

PyObject* device_count(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(static_cast<int64_t>(DeviceManager::device_count(device_of(o).type))); });
}

PyObject* is_built(PyObject*, PyObject* o) {
  return guarded([&] { return PyBool_FromLong(backend_is_built(device_of(o).type)); });
}

PyObject* unavailable_reason(PyObject*, PyObject* o) {
  return guarded(
      [&] { return PyUnicode_FromString(DeviceManager::unavailable_reason(device_of(o).type).c_str()); });
}

PyObject* capabilities(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const DeviceCapabilities c = DeviceManager::capabilities(device_of(o));
    return Py_BuildValue("{s:s,s:s,s:s,s:K,s:K,s:K,s:K,s:i,s:O,s:O,s:O,s:O}", "device",
                         c.device.str().c_str(), "name", c.name.c_str(), "platform", c.platform.c_str(),
                         "total_memory", static_cast<unsigned long long>(c.memory), "max_allocation",
                         static_cast<unsigned long long>(c.max_allocation), "local_memory",
                         static_cast<unsigned long long>(c.local_memory), "max_work_group",
                         static_cast<unsigned long long>(c.max_work_group), "multi_processor_count",
                         c.compute_units, "is_gpu", c.is_gpu ? Py_True : Py_False, "unified_memory",
                         c.unified_memory ? Py_True : Py_False, "float64", c.float64 ? Py_True : Py_False,
                         "float16", c.float16 ? Py_True : Py_False);
  });
}

PyObject* synchronize(PyObject*, PyObject* o) {
  return guarded([&] {
    DeviceManager::synchronize(device_of(o));
    return none();
  });
}

PyObject* current_device(PyObject*, PyObject* o) {
  return guarded([&] { return wrap(DeviceManager::current_device(device_of(o).type)); });
}

PyObject* set_current_device(PyObject*, PyObject* o) {
  return guarded([&] {
    DeviceManager::set_current_device(device_of(o));
    return none();
  });
}

PyObject* auto_select(PyObject*, PyObject*) {
  return guarded([&] { return wrap(DeviceManager::auto_select()); });
}

PyObject* fallback_count(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLongLong(DeviceManager::fallback_count());
}

constexpr const char* kPolicies[] = {"warn", "silent", "refuse"};

PyObject* fallback_policy(PyObject*, PyObject*) {
  return PyUnicode_FromString(kPolicies[static_cast<int>(DeviceManager::fallback_policy())]);
}

PyObject* set_fallback_policy(PyObject*, PyObject* o) {
  return guarded([&] {
    const char* text = PyUnicode_Check(o) ? PyUnicode_AsUTF8(o) : "";
    for (int i = 0; i < 3; ++i) {
      if (std::string_view(text) != kPolicies[i]) continue;
      DeviceManager::set_fallback_policy(static_cast<FallbackPolicy>(i));
      return none();
    }
    raise(ErrorKind::Value, "set_fallback_policy",
          cat("expected 'warn', 'silent' or 'refuse'; got '", text, "'"));
  });
}

/// The optional argument, a device; without one the CPU.
Device device_or_cpu(PyObject* device) {
  return device == nullptr || device == Py_None ? Device() : device_of(device);
}

PyObject* memory_stats(PyObject*, PyObject* args) {
  PyObject* device = nullptr;
  if (!PyArg_ParseTuple(args, "|O", &device)) return nullptr;
  return guarded([&]() -> PyObject* {
    const MemoryStats s = rustorch::memory_stats(device_or_cpu(device));
    return Py_BuildValue(
        "{s:n,s:n,s:n,s:n,s:K,s:K,s:K,s:K}", "allocated_bytes", static_cast<Py_ssize_t>(s.allocated),
        "reserved_bytes", static_cast<Py_ssize_t>(s.reserved), "peak_allocated_bytes",
        static_cast<Py_ssize_t>(s.peak_allocated), "peak_reserved_bytes",
        static_cast<Py_ssize_t>(s.peak_reserved), "num_allocs", static_cast<unsigned long long>(s.num_allocs),
        "num_frees", static_cast<unsigned long long>(s.num_frees), "cache_hits",
        static_cast<unsigned long long>(s.cache_hits), "cache_misses",
        static_cast<unsigned long long>(s.cache_misses));
  });
}

PyObject* empty_cache(PyObject*, PyObject* args) {
  PyObject* device = nullptr;
  if (!PyArg_ParseTuple(args, "|O", &device)) return nullptr;
  return guarded([&] { return PyLong_FromSize_t(rustorch::empty_cache(device_or_cpu(device))); });
}

PyObject* reset_peak(PyObject*, PyObject* args) {
  PyObject* device = nullptr;
  if (!PyArg_ParseTuple(args, "|O", &device)) return nullptr;
  return guarded([&] {
    rustorch::reset_peak_memory_stats(device_or_cpu(device));
    return none();
  });
}

PyObject* set_memory_limit(PyObject*, PyObject* args) {
  PyObject *bytes = nullptr, *device = nullptr;
  if (!PyArg_ParseTuple(args, "O|O", &bytes, &device)) return nullptr;
  return guarded([&] {
    int64_t n = 0;
    RT_CHECK(to_int(bytes, &n) && n >= 0, Value, "set_memory_limit",
             "the limit must be a number of bytes, 0 for none");
    rustorch::set_memory_limit(static_cast<size_t>(n), device_or_cpu(device));
    return none();
  });
}

/// For tests: CPU allocation number n from now fails (and with `rest` all after it); n < 0 ends that. Returns
/// whether one failed since the last call. An allocator stays while blocks of its own do.
PyObject* fail_allocation(PyObject*, PyObject* args) {
  long long n = 0;
  int rest = 0;
  if (!PyArg_ParseTuple(args, "L|p", &n, &rest)) return nullptr;
  return guarded([&] {
    // Never destroyed: blocks may outlive static objects.
    static auto& past = *new std::vector<std::unique_ptr<FaultAllocator>>;
    static auto& current = *new std::unique_ptr<FaultAllocator>;
    static MemoryAllocator* inner = nullptr;
    const bool failed = current != nullptr && current->triggered();
    if (current != nullptr) {
      set_cpu_allocator(inner);
      past.push_back(std::move(current));
    }
    std::erase_if(past, [](const auto& allocator) { return allocator->live() == 0; });
    if (n >= 0) {
      inner = cpu_allocator();
      const auto mode = rest ? FaultAllocator::Mode::FromThenOn : FaultAllocator::Mode::Once;
      current = std::make_unique<FaultAllocator>(inner, n, mode);
      set_cpu_allocator(current.get());
    }
    return PyBool_FromLong(failed);
  });
}

PyObject* family_use(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    PyObject* all = PyDict_New();
    for (const FamilyUse& f : device_family_use(device_of(o).type)) {
      PyObject* counts = Py_BuildValue("(KK)", static_cast<unsigned long long>(f.native),
                                       static_cast<unsigned long long>(f.left));
      PyDict_SetItemString(all, f.name.c_str(), counts);
      Py_DECREF(counts);
    }
    return all;
  });
}

PyObject* kernel_cache_stats(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const KernelCacheStats s = device_cache_stats(device_of(o).type);
    const std::pair<const char*, uint64_t> fields[] = {{"hits", s.hits},
                                                       {"misses", s.misses},
                                                       {"evictions", s.evictions},
                                                       {"size", s.size},
                                                       {"capacity", s.capacity},
                                                       {"disk_hits", s.disk.hits},
                                                       {"disk_misses", s.disk.misses},
                                                       {"disk_stores", s.disk.stores},
                                                       {"disk_evictions", s.disk.evictions},
                                                       {"disk_damaged", s.disk.damaged}};
    PyObject* all = PyDict_New();
    for (const auto& [name, value] : fields) {
      PyObject* number = PyLong_FromUnsignedLongLong(value);
      PyDict_SetItemString(all, name, number);
      Py_DECREF(number);
    }
    return all;
  });
}

PyMethodDef functions[] = {
    {"_device_count", device_count, METH_O, "Devices of a type."},
    {"_is_built", is_built, METH_O, "Whether this build has a backend for a type of device."},
    {"_unavailable_reason", unavailable_reason, METH_O, "Why there is no device of a type, or ''."},
    {"_device_capabilities", capabilities, METH_O, "What a device can do, as a dict."},
    {"_synchronize", synchronize, METH_O, "Waits for the work of a device."},
    {"_current_device", current_device, METH_O, "The device that a type without an index stands for."},
    {"_set_current_device", set_current_device, METH_O, "Sets it, for this thread."},
    {"_auto_select", auto_select, METH_NOARGS, "The best device there is."},
    {"_fallback_count", fallback_count, METH_NOARGS,
     "Operators that ran on the CPU instead of their device."},
    {"_fallback_policy", fallback_policy, METH_NOARGS, "'warn', 'silent' or 'refuse'."},
    {"_set_fallback_policy", set_fallback_policy, METH_O,
     "Sets what happens to operators that a device lacks."},
    {"_family_use", family_use, METH_O,
     "By family of kernels of a device type: calls that it ran, calls that it left to the CPU."},
    {"_kernel_cache_stats", kernel_cache_stats, METH_O,
     "Counters of a device type's caches of compiled kernels."},
    {"memory_stats", memory_stats, METH_VARARGS, "Counters of a device's allocator (the CPU's), in bytes."},
    {"empty_cache", empty_cache, METH_VARARGS,
     "Gives cached memory of a device (the CPU) back to the system; returns the bytes."},
    {"reset_peak_memory_stats", reset_peak, METH_VARARGS, "Makes the peaks equal to the present values."},
    {"set_memory_limit", set_memory_limit, METH_VARARGS,
     "Upper bound of tensor memory in bytes, 0 for none."},
    {"_fail_allocation", fail_allocation, METH_VARARGS,
     "For tests: the n-th CPU allocation from now (and, with rest, those after it) fails; n < 0 ends that."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool init_devices(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace rustorch::py
