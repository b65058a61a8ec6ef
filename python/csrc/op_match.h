// Fitting a call to the overloads of an operator.
#pragma once
#include <string>
#include <type_traits>

#include "call_arena.h"
#include "op_call.h"

namespace rustorch::py {

constexpr int kMaxArgs = 24;

/// Room for the values of one call; only those that the overload has are made.
class ArgValues {
 public:
  ArgValue* begin(int n) {
    static_assert(std::is_trivially_destructible_v<ArgValue>);
    auto* v = reinterpret_cast<ArgValue*>(bytes_);
    for (int i = 0; i < n; ++i) new (v + i) ArgValue;
    return v;
  }

 private:
  alignas(ArgValue) unsigned char bytes_[sizeof(ArgValue) * (kMaxArgs + 1)];
};

/// A call as Python's vectorcall gives it. as_method: args[0] is self.
struct CallArgs {
  bool as_method;
  PyObject* const* args;
  size_t nargs;
  PyObject* kwnames;

  size_t keywords() const { return kwnames == nullptr ? 0 : static_cast<size_t>(PyTuple_GET_SIZE(kwnames)); }
};

/// Fills v (spec.nargs + 1 values; the last is out=) when the call fits; `why` (or null) gets the reason if
/// not.
bool match(const OverloadSpec& spec, const CallArgs& call, ArgValue* v, LazyArena& arena, std::string* why);
/// " * (Tensor input, int dim = 0)".
std::string signature(const OverloadSpec& spec);

}  // namespace rustorch::py
