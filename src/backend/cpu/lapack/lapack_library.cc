// Opening LAPACK at run time: an ordered list of libraries, one table of Fortran entry points.
//
// Candidates: the file named by RUSTORCH_LAPACK, OpenBLAS of the system, the one that the Python package
// scipy-openblas32 installs next to ours (its symbols begin with scipy_), Accelerate, any liblapack. The
// first that has all routines wins and stays open for the life of the process. OpenBLAS is set to one thread:
// our pool runs batches, and results must not depend on a number of threads.
#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "backend/cpu/lapack/lapack.h"
#include "rustorch/error.h"

namespace rustorch::cpu::lapack {
namespace {

constexpr int kRoutines = static_cast<int>(Routine::count);

struct Names {
  const char* real;
  const char* complex;
};
#define RT_LAPACK_NAMES(name, real, complex) {real, complex},
constexpr Names kNames[kRoutines] = {RT_LAPACK_ROUTINES(RT_LAPACK_NAMES)};
#undef RT_LAPACK_NAMES

struct Library {
  void* functions[kRoutines][4] = {};
  std::string name, problem;

  Library() {
    std::string tried;
    for (const std::string& candidate : candidates()) {
      void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle == nullptr) continue;
      for (const char* prefix : {"", "scipy_"}) {
        const std::string lacking = fill(handle, prefix);
        if (lacking.empty()) {
          name = candidate;
          use_one_thread(handle, prefix);
          return;
        }
        if (*prefix == '\0') tried += cat("; ", candidate, " lacks ", lacking);
      }
      dlclose(handle);
    }
    problem = cat("no LAPACK library was found", tried,
                  "; hint: install OpenBLAS (Debian: libopenblas0-openmp, Python: scipy-openblas32) or name "
                  "a library in "
                  "RUSTORCH_LAPACK");
  }

  static std::vector<std::string> candidates() {
    std::vector<std::string> list;
    if (const char* named = std::getenv("RUSTORCH_LAPACK")) list.push_back(named);
    list.insert(list.end(), {"libopenblas.so.0", "libopenblas.so"});
    Dl_info own;
    if (dladdr(reinterpret_cast<void*>(&library_name), &own) != 0 && own.dli_fname != nullptr) {
      std::string folder = own.dli_fname;
      for (int up = 0; up < 4; ++up) {  // our library lies in site-packages/rustorch or below
        const size_t slash = folder.rfind('/');
        if (slash == std::string::npos) break;
        folder.resize(slash);
        list.push_back(folder + "/scipy_openblas32/lib/libscipy_openblas.so");
      }
    }
    list.insert(list.end(), {"libopenblas.dylib",
                             "/System/Library/Frameworks/Accelerate.framework/Accelerate", "liblapack.so.3"});
    return list;
  }

  // Looks all routines up; the name of the first one that is not there, or nothing.
  std::string fill(void* handle, const std::string& prefix) {
    constexpr char kLetters[] = {'s', 'd', 'c', 'z'};
    for (int r = 0; r < kRoutines; ++r)
      for (int t = 0; t < 4; ++t) {
        const std::string base = t < 2 ? kNames[r].real : kNames[r].complex;
        if (base.empty()) continue;
        const std::string symbol = prefix + kLetters[t] + base + "_";
        functions[r][t] = dlsym(handle, symbol.c_str());
        if (functions[r][t] == nullptr) return symbol;
      }
    return {};
  }

  static void use_one_thread(void* handle, const std::string& prefix) {
    const std::string symbol = prefix + "openblas_set_num_threads";
    if (void* set = dlsym(handle, symbol.c_str())) reinterpret_cast<void (*)(int)>(set)(1);
  }
};

const Library& library() {
  static const auto* instance = new Library;
  return *instance;
}

}  // namespace

void* entry(Routine routine, int type) {
  const Library& l = library();
  if (l.name.empty()) [[unlikely]]
    raise(ErrorKind::BackendUnavailable, "linalg", l.problem);
  return l.functions[static_cast<int>(routine)][type];
}

const char* library_name() { return library().name.c_str(); }

}  // namespace rustorch::cpu::lapack
