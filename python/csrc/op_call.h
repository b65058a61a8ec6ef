// Calling operators from Python: the argument tables that opgen writes and the parser that reads them.
//
// One parser serves all operators. It tries the overloads in order; a call that fits none raises a TypeError
// that shows the signatures. Values live in a CallArena on the stack of the call; tensors are borrowed from
// the objects.
#pragma once
#include "gil.h"
#include "objects.h"

#include <deque>
#include <optional>
#include <string_view>

namespace rustorch::py {

enum class ArgType : uint8_t {
  Tensor,
  TensorLike,
  OptTensor,
  TensorList,
  TensorArgs,
  OptTensorList,
  Scalar,
  OptScalar,
  Int,
  OptInt,
  Float,
  OptFloat,
  Bool,
  OptBool,
  Str,
  OptStr,
  Shape,
  Ints,
  OptInts,
  Floats,
  OptFloats,
  DType,
  OptDType,
  Device,
  OptDevice,
  MemoryFormat,
  OptMemoryFormat,
  OptLayout,
  OptGenerator,
};

struct ArgSpec {
  enum : uint8_t { kKwOnly = 1 };
  const char* name;
  ArgType type;
  uint8_t flags;
  uint8_t length;              // int[n]: a single int stands for n of them
  const char* fallback;        // text of the default; null: required
  const char* also = nullptr;  // another name that is understood
};

/// One parsed argument.
struct ArgValue {
  PyObject* object = nullptr;  // borrowed; null when the default is used
  bool given = false;          // false: None (for optional types)
  const Tensor* tensor_ptr = nullptr;
  Scalar scalar;
  int64_t i = 0;
  double d = 0;
  const int64_t* int_data = nullptr;
  const double* double_data = nullptr;
  size_t count = 0;
  const std::vector<Tensor>* list = nullptr;
  const std::vector<std::optional<Tensor>>* opt_list = nullptr;
  std::string_view text;
  Device dev;
  std::optional<Generator>* gen = nullptr;

  const Tensor& tensor() const { return *tensor_ptr; }
  rustorch::TensorLike tensor_like() const {
    return tensor_ptr ? rustorch::TensorLike(*tensor_ptr) : rustorch::TensorLike(scalar);
  }
  std::optional<Tensor> opt_tensor() const {
    return given ? std::optional<Tensor>(*tensor_ptr) : std::nullopt;
  }
  rustorch::TensorList tensors() const { return *list; }
  ArrayRef<std::optional<Tensor>> opt_tensors() const { return *opt_list; }
  std::optional<Scalar> opt_scalar() const { return given ? std::optional<Scalar>(scalar) : std::nullopt; }
  std::optional<int64_t> opt_int() const { return given ? std::optional<int64_t>(i) : std::nullopt; }
  std::optional<double> opt_float() const { return given ? std::optional<double>(d) : std::nullopt; }
  std::optional<bool> opt_bool() const { return given ? std::optional<bool>(i != 0) : std::nullopt; }
  std::string_view str() const { return text; }
  std::optional<std::string_view> opt_str() const {
    return given ? std::optional<std::string_view>(text) : std::nullopt;
  }
  IntArrayRef ints() const { return {int_data, count}; }
  std::optional<IntArrayRef> opt_ints() const {
    return given ? std::optional<IntArrayRef>(ints()) : std::nullopt;
  }
  ArrayRef<double> floats() const { return {double_data, count}; }
  std::optional<ArrayRef<double>> opt_floats() const {
    return given ? std::optional<ArrayRef<double>>(floats()) : std::nullopt;
  }
  rustorch::DType dtype() const { return static_cast<rustorch::DType>(i); }
  std::optional<rustorch::DType> opt_dtype() const {
    return given ? std::optional<rustorch::DType>(dtype()) : std::nullopt;
  }
  rustorch::Device device() const { return dev; }
  std::optional<rustorch::Device> opt_device() const {
    return given ? std::optional<rustorch::Device>(dev) : std::nullopt;
  }
  rustorch::MemoryFormat memory_format() const { return static_cast<rustorch::MemoryFormat>(i); }
  std::optional<rustorch::MemoryFormat> opt_memory_format() const {
    return given ? std::optional<rustorch::MemoryFormat>(memory_format()) : std::nullopt;
  }
  std::optional<Layout> opt_layout() const {
    return given ? std::optional<Layout>(static_cast<Layout>(i)) : std::nullopt;
  }
  std::optional<Generator> opt_generator() const { return given ? *gen : std::nullopt; }
};

struct OverloadSpec {
  enum : uint8_t { kOut = 1, kFactory = 2 };
  const ArgSpec* args;
  int nargs;
  int self_index;  // -1: no self
  int nresults;
  uint8_t flags;
  PyObject* (*call)(ArgValue* v);  // v has nargs + 1 entries, the last is out=
  void** prepared;                 // interned names and parsed defaults, made on the first call
};

struct OpSpec {
  enum : uint8_t { kMethod = 1, kFunction = 2 };
  const char* name;
  const OverloadSpec* overloads;
  int noverloads;
  uint8_t flags;
  const char* doc;
};

struct OpTable {
  const OpSpec* ops;
  const int* count;
};
struct AliasSpec {
  const char* name;
  const char* target;
};
extern const OpTable kOpTables[];
extern const AliasSpec kAliases[];

/// Calls an operator with vectorcall arguments. as_method: args[0] is self.
PyObject* call_op(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs, PyObject* kwnames);
/// The callable for an operator (new reference); as_method makes a method descriptor.
PyObject* make_op_object(const OpSpec& op, bool as_method, const char* name);
/// Functions that take a number before the tensor, as add(3, t) does: number_first.cc.
bool takes_number_first(const OpSpec& op, PyObject* const* args, size_t nargs);
PyObject* call_number_first(const OpSpec& op, PyObject* const* args, size_t nargs, PyObject* kwnames);
/// call_op with a word to the observer before and after: profiler.cc.
PyObject* observed_call(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs,
                        PyObject* kwnames);
const OpSpec* find_op(std::string_view name);

/// The tensors given as out=, or null. nresults -1: any number, which out_count tells.
const Tensor* out_tensors(ArgValue* v, int nargs, int nresults);
inline size_t out_count(const ArgValue* v, int nargs) { return v[nargs].count; }
PyObject* wrap_outs(ArgValue* v, int nargs);
inline PyObject* same_object(const ArgValue& v) {
  Py_INCREF(v.object);
  return v.object;
}

PyObject* wrap_result_tuple(const char* op, const char* const* fields, PyTypeObject** type,
                            std::vector<PyObject*> items);
template <class Tuple>
PyObject* wrap_tuple(Tuple&& result, const char* op, const char* const* fields, PyTypeObject** type) {
  std::vector<PyObject*> items;
  std::apply([&](auto&... parts) { (items.push_back(wrap(std::move(parts))), ...); }, result);
  return wrap_result_tuple(op, fields, type, std::move(items));
}

/// Releases the interpreter lock when the work is large enough to be worth it.
class GilScope : WithoutGil {
 public:
  explicit GilScope(const ArgValue* v)
      : WithoutGil((v[0].tensor_ptr != nullptr && v[0].tensor_ptr->defined() &&
                    v[0].tensor_ptr->numel() >= kWorthIt) ||
                   v[0].list != nullptr) {}

 private:
  static constexpr int64_t kWorthIt = 16384;
};

}  // namespace rustorch::py
