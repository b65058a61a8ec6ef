// Taking and releasing the interpreter lock.
//
// When the interpreter ends while threads of the program still run, CPython ends each of them where it next
// wants the lock, by unwinding its stack. Stacks of ours must not be unwound there: destructors on them would
// use an interpreter that is gone, and functions that may not throw end the process. So such a thread sleeps
// until the process ends, as CPython 3.14 lets it do by itself.
#pragma once
#include <Python.h>

#include <chrono>
#include <thread>

namespace rustorch::py {

/// f(), which calls into CPython and throws nothing of its own: what comes out of it is the end of the
/// interpreter.
template <class F>
auto or_sleep(F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

/// Holds the interpreter lock, taken on any thread.
class WithGil {
 public:
  WithGil() : state_(or_sleep([] { return PyGILState_Ensure(); })) {}
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

/// Lets other Python threads run meanwhile.
class WithoutGil {
 public:
  explicit WithoutGil(bool release = true) : state_(release ? PyEval_SaveThread() : nullptr) {}
  ~WithoutGil() {
    if (state_ == nullptr) return;
    or_sleep([this] {
      PyEval_RestoreThread(state_);
      return 0;
    });
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

/// Calls a Python object from inside of our own code; the lock is held.
template <class... Args>
PyObject* call_python(PyObject* f, Args*... args) {
  return or_sleep([&] { return PyObject_CallFunctionObjArgs(f, args..., nullptr); });
}

}  // namespace rustorch::py
