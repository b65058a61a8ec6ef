// The parser of calls: Python objects into the values of an overload's arguments.
#include "op_match.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "rustorch/error.h"
#include "tensor_access.h"

namespace rustorch::py {

namespace {

bool is_sequence(PyObject* o) { return PyTuple_Check(o) || PyList_Check(o); }
bool is_bool_like(PyObject* o) { return PyBool_Check(o); }

// A 0-d integer tensor or a NumPy integer counts as an int, a bool does not (as in PyTorch's parser for
// sizes).
bool index_value(PyObject* o, int64_t* out) {
  if (PyLong_CheckExact(o)) {
    int overflow = 0;
    *out = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow != 0) raise(ErrorKind::Value, "", "Overflow when unpacking long long");
    return true;
  }
  return to_int(o, out);
}

bool parse_ints(PyObject* o, const ArgSpec& spec, ArgValue& v, LazyArena& arena) {
  int64_t single = 0;
  if (is_sequence(o)) {
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    int64_t* data = arena.take(static_cast<size_t>(n));
    PyObject** items = PySequence_Fast_ITEMS(o);
    Py_ssize_t plain = 0;
    for (; plain < n && PyLong_CheckExact(items[plain]); ++plain) index_value(items[plain], &data[plain]);
    if (plain < n) {
      const Items rest(o);
      for (Py_ssize_t i = plain; i < n; ++i)
        if (PyBool_Check(rest[i]) || !index_value(rest[i], &data[i])) return false;
    }
    if (n == 1 && spec.length > 1) {
      int64_t* spread = arena.take(spec.length);
      std::fill_n(spread, spec.length, data[0]);
      v.int_data = spread;
      v.count = spec.length;
      return true;
    }
    v.int_data = data;
    v.count = static_cast<size_t>(n);
    return true;
  }
  if (PyBool_Check(o) || PyFloat_Check(o) || !index_value(o, &single)) return false;
  size_t n = spec.length == 0 ? 1 : spec.length;
  int64_t* data = arena.take(n);
  std::fill_n(data, n, single);
  v.int_data = data;
  v.count = n;
  return true;
}

bool parse_tensor_list(PyObject* o, ArgValue& v, LazyArena& arena) {
  if (!is_sequence(o)) return false;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  PyObject** items = PySequence_Fast_ITEMS(o);
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!is_tensor(items[i])) return false;
  auto& list = arena.get().lists.emplace_back();
  list.reserve(static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) list.push_back(tensor_of(items[i]));
  v.list = &list;
  return true;
}

bool parse_opt_tensor_list(PyObject* o, ArgValue& v, LazyArena& arena) {
  if (!is_sequence(o)) return false;
  Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  PyObject** items = PySequence_Fast_ITEMS(o);
  auto& list = arena.get().opt_lists.emplace_back();
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (items[i] == Py_None)
      list.emplace_back();
    else if (is_tensor(items[i]))
      list.emplace_back(tensor_of(items[i]));
    else
      return false;
  }
  v.opt_list = &list;
  return true;
}

bool parse_floats(PyObject* o, ArgValue& v, LazyArena& arena) {
  if (!is_sequence(o)) return false;
  const Items items(o);
  auto& list = arena.get().double_lists.emplace_back(static_cast<size_t>(items.size()));
  for (Py_ssize_t i = 0; i < items.size(); ++i)
    if (!to_double(items[i], &list[static_cast<size_t>(i)])) return false;
  v.double_data = list.data();
  v.count = list.size();
  return true;
}

// A number where a Scalar is wanted: also a 0-d tensor that needs no gradient.
bool parse_scalar(PyObject* o, ArgValue& v) {
  if (PyFloat_CheckExact(o)) {
    v.scalar = Scalar(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (to_scalar(o, &v.scalar)) return true;
  if (!is_tensor(o) || tensor_of(o).dim() != 0 || tensor_of(o).requires_grad()) return false;
  v.scalar = tensor_of(o).item();
  return true;
}

/// Reads one argument; false when the object does not fit.
bool parse_value(PyObject* o, const ArgSpec& spec, ArgValue& v, LazyArena& arena) {
  v.object = o;
  v.given = true;
  if (o == Py_None) {
    switch (spec.type) {
      case ArgType::OptTensor:
      case ArgType::OptScalar:
      case ArgType::OptInt:
      case ArgType::OptFloat:
      case ArgType::OptBool:
      case ArgType::OptStr:
      case ArgType::OptInts:
      case ArgType::OptFloats:
      case ArgType::OptDType:
      case ArgType::OptDevice:
      case ArgType::OptMemoryFormat:
      case ArgType::OptLayout:
      case ArgType::OptGenerator:
        v.given = false;
        return true;
      default:
        return false;
    }
  }
  switch (spec.type) {
    case ArgType::Tensor:
    case ArgType::OptTensor:
      if (!is_tensor(o)) return false;
      v.tensor_ptr = &tensor_of(o);
      return true;
    case ArgType::TensorLike:
      if (is_tensor(o)) {
        v.tensor_ptr = &tensor_of(o);
        return true;
      }
      return to_scalar(o, &v.scalar);
    case ArgType::TensorList:
    case ArgType::TensorArgs:
      return parse_tensor_list(o, v, arena);
    case ArgType::OptTensorList:
      return parse_opt_tensor_list(o, v, arena);
    case ArgType::Scalar:
    case ArgType::OptScalar:
      return parse_scalar(o, v);
    case ArgType::Int:
    case ArgType::OptInt:
      if (is_bool_like(o)) {
        v.i = o == Py_True;
        return true;
      }
      if (is_tensor(o) && tensor_of(o).dtype() == kBool) return false;
      return !PyFloat_Check(o) && index_value(o, &v.i);
    case ArgType::Float:
    case ArgType::OptFloat:
      if (to_double(o, &v.d)) return true;
      if (is_tensor(o) && tensor_of(o).dim() == 0) {
        v.d = tensor_of(o).item().to_double();
        return true;
      }
      return false;
    case ArgType::Bool:
    case ArgType::OptBool: {
      if (PyBool_Check(o)) {
        v.i = o == Py_True;
        return true;
      }
      Scalar s;
      if (!PyLong_Check(o) && to_scalar(o, &s) && s.is_bool()) {  // numpy.bool_
        v.i = s.to_bool();
        return true;
      }
      return false;
    }
    case ArgType::Str:
    case ArgType::OptStr: {
      if (!PyUnicode_Check(o)) return false;
      Py_ssize_t n = 0;
      const char* p = PyUnicode_AsUTF8AndSize(o, &n);
      if (p == nullptr) throw_python_error();
      v.text = {p, static_cast<size_t>(n)};
      return true;
    }
    case ArgType::Shape:
    case ArgType::Ints:
    case ArgType::OptInts:
      return parse_ints(o, spec, v, arena);
    case ArgType::Floats:
    case ArgType::OptFloats:
      return parse_floats(o, v, arena);
    case ArgType::DType:
    case ArgType::OptDType: {
      rustorch::DType t{};
      if (!to_dtype(o, &t)) return false;
      v.i = static_cast<int64_t>(t);
      return true;
    }
    case ArgType::Device:
    case ArgType::OptDevice:
      return to_device(o, &v.dev);
    case ArgType::MemoryFormat:
    case ArgType::OptMemoryFormat: {
      rustorch::MemoryFormat f{};
      if (!to_memory_format(o, &f)) return false;
      v.i = static_cast<int64_t>(f);
      return true;
    }
    case ArgType::OptLayout: {
      Layout l{};
      if (!to_layout(o, &l)) return false;
      v.i = static_cast<int64_t>(l);
      return true;
    }
    case ArgType::OptGenerator: {
      Generator g = default_generator();
      if (!to_generator(o, &g)) return false;
      v.gen = &arena.get().generators.emplace_back(std::move(g));
      return true;
    }
  }
  return false;
}

double parse_double_text(const std::string& text) {
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::stod(text);
}

/// Reads the text of a default.
void parse_default(const ArgSpec& spec, ArgValue& v) {
  std::string text = spec.fallback;
  if (text == "None") return;
  v.given = true;
  switch (spec.type) {
    case ArgType::Scalar:
    case ArgType::OptScalar:
    case ArgType::TensorLike:
      if (text == "True" || text == "False")
        v.scalar = Scalar(text == "True");
      else if (text.find_first_of(".einf") != std::string::npos)
        v.scalar = Scalar(parse_double_text(text));
      else
        v.scalar = Scalar(static_cast<int64_t>(std::stoll(text)));
      break;
    case ArgType::Int:
    case ArgType::OptInt:
      v.i = std::stoll(text);
      break;
    case ArgType::Float:
    case ArgType::OptFloat:
      v.d = parse_double_text(text);
      break;
    case ArgType::Bool:
    case ArgType::OptBool:
      v.i = text == "True";
      break;
    case ArgType::Str:
    case ArgType::OptStr:
      v.text = std::string_view(spec.fallback + 1, text.size() - 2);
      break;
    case ArgType::Shape:
    case ArgType::Ints:
    case ArgType::OptInts: {
      std::vector<int64_t> values;
      if (text[0] == '[') {
        for (size_t at = 1; at < text.size() - 1;) {
          size_t used = 0;
          values.push_back(std::stoll(text.substr(at), &used));
          at += used;
          while (at < text.size() && (text[at] == ',' || text[at] == ' ')) ++at;
        }
      } else {
        values.assign(spec.length == 0 ? 1 : spec.length, std::stoll(text));
      }
      auto* kept = new int64_t[values.size()];  // lives as long as the table of defaults: for ever
      std::copy(values.begin(), values.end(), kept);
      v.int_data = kept;
      v.count = values.size();
      break;
    }
    case ArgType::DType:
    case ArgType::OptDType:
      for (int t = 0; t < kNumDTypes; ++t)
        if (strcasecmp(text.c_str(), dtype_name(static_cast<rustorch::DType>(t))) == 0) v.i = t;
      break;
    case ArgType::MemoryFormat:
    case ArgType::OptMemoryFormat:
      v.i = text == "Preserve" ? 1 : text == "ChannelsLast" ? 2 : text == "ChannelsLast3d" ? 3 : 0;
      break;
    default:
      break;
  }
}

/// Interned names and parsed defaults of an overload, made on its first call.
struct Prepared {
  std::vector<PyObject*> names;
  std::vector<ArgValue> defaults;
};

const Prepared& prepared(const OverloadSpec& spec) {
  if (*spec.prepared != nullptr) [[likely]]
    return *static_cast<Prepared*>(*spec.prepared);
  auto* p = new Prepared;
  for (int i = 0; i < spec.nargs; ++i) {
    p->names.push_back(PyUnicode_InternFromString(spec.args[i].name));
    ArgValue v;
    if (spec.args[i].fallback != nullptr) parse_default(spec.args[i], v);
    p->defaults.push_back(v);
  }
  *spec.prepared = p;
  return *p;
}

// PyTorch's name of the first operand, and NumPy's names, which every operator understands.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"self", "input"}, {"self", "x"},           {"self", "a"},  {"self", "x1"},
    {"dim", "axis"},   {"keepdim", "keepdims"}, {"other", "x2"}};

bool same_name(const ArgSpec& spec, std::string_view text) {
  if (text == spec.name || (spec.also != nullptr && text == spec.also)) return true;
  for (const auto& [name, other] : kOtherNames)
    if (text == other && name == spec.name) return true;
  return false;
}

const char* shown_name(const ArgSpec& a) { return std::strcmp(a.name, "self") == 0 ? "input" : a.name; }

/// One attempt to fit a call to an overload, step by step; each step is false when it does not fit.
class Matcher {
 public:
  Matcher(const OverloadSpec& spec, const CallArgs& call, ArgValue* v, LazyArena& arena, std::string* why)
      : spec_(spec), prepared_(prepared(spec)), call_(call), v_(v), arena_(arena), why_(why) {}

  bool run() { return self() && one_by_one() && positional() && keywords() && defaults(); }

 private:
  template <class... Parts>
  bool fail(Parts&&... parts) {
    if (why_ != nullptr) *why_ = cat(parts...);
    return false;
  }

  bool take(int at, PyObject* o) {
    if (parse_value(o, spec_.args[at], v_[at], arena_)) {
      filled_[at] = true;
      return true;
    }
    return fail("argument '", shown_name(spec_.args[at]), "' (position ", at + 1, ") must not be ",
                Py_TYPE(o)->tp_name);
  }

  void give(int at, PyObject* first) {
    v_[at].object = first;
    v_[at].given = true;
    filled_[at] = true;
    next_ = call_.nargs;
  }

  bool is_positional(int i) const { return (spec_.args[i].flags & ArgSpec::kKwOnly) == 0; }
  void skip_self() {
    if (call_.as_method && at_ == spec_.self_index) ++at_;
  }

  bool self() {
    if (call_.as_method) {
      if (spec_.self_index < 0 || call_.nargs == 0) return fail("no self");
      if (!take(spec_.self_index, call_.args[0])) return false;
      next_ = 1;
    }
    skip_self();
    return true;
  }

  /// view(2, 3), meshgrid(a, b): the elements of the list that is next, as arguments of their own.
  bool one_by_one() {
    const size_t given = call_.nargs - next_;
    if (given == 0 || at_ >= spec_.nargs || is_sequence(call_.args[next_])) return true;
    PyObject* const* items = call_.args + next_;
    const ArgSpec& next = spec_.args[at_];
    if (next.type == ArgType::Shape && given > 1 && is_positional(at_)) {
      for (size_t i = 0; i < given; ++i)
        if (is_sequence(items[i]) || PyBool_Check(items[i]) || items[i] == Py_None ||
            !(PyLong_Check(items[i]) || PyIndex_Check(items[i])))
          return true;
      int64_t* data = arena_.take(given);
      for (size_t i = 0; i < given; ++i)
        if (!index_value(items[i], &data[i])) return fail("expected ints");
      v_[at_].int_data = data;
      v_[at_].count = given;
      give(at_, items[0]);
    } else if (next.type == ArgType::TensorArgs) {
      auto& list = arena_.get().lists.emplace_back();
      for (size_t i = 0; i < given; ++i) {
        if (!is_tensor(items[i])) return fail("expected tensors; got ", Py_TYPE(items[i])->tp_name);
        list.push_back(tensor_of(items[i]));
      }
      v_[at_].list = &list;
      give(at_, items[0]);
    }
    return true;
  }

  bool positional() {
    const size_t given = call_.nargs - next_;
    int room = 0;
    for (int i = 0; i < spec_.nargs; ++i)
      if (is_positional(i) && !(call_.as_method && i == spec_.self_index)) ++room;
    if (given > static_cast<size_t>(room))
      return fail("takes ", room, " positional arguments but ", given, " were given");
    for (; next_ < call_.nargs; ++next_, ++at_) {
      skip_self();
      if (at_ >= spec_.nargs || !is_positional(at_)) return fail("too many positional arguments");
      if (!take(at_, call_.args[next_])) return false;
    }
    return true;
  }

  int find(PyObject* name) const {
    for (int i = 0; i < spec_.nargs; ++i)
      if (prepared_.names[static_cast<size_t>(i)] == name) return i;
    const char* text = PyUnicode_AsUTF8(name);
    for (int i = 0; i < spec_.nargs; ++i)
      if (same_name(spec_.args[i], text)) return i;
    return -1;
  }

  bool keywords() {
    if (call_.kwnames == nullptr) return true;
    const Py_ssize_t n = PyTuple_GET_SIZE(call_.kwnames);
    for (Py_ssize_t k = 0; k < n; ++k) {
      PyObject* name = PyTuple_GET_ITEM(call_.kwnames, k);
      PyObject* value = call_.args[call_.nargs + static_cast<size_t>(k)];
      const int at = find(name);
      if (at < 0) {
        if (!unnamed(PyUnicode_AsUTF8(name), value)) return false;
        continue;
      }
      if (filled_[at]) return fail("got multiple values for argument '", spec_.args[at].name, "'");
      if (!take(at, value)) return false;
    }
    return true;
  }

  /// A keyword that is no argument of the operator.
  bool unnamed(std::string_view text, PyObject* value) {
    if (text == "out" && (spec_.flags & OverloadSpec::kOut) != 0) {
      if (value != Py_None) {
        v_[spec_.nargs].object = value;
        v_[spec_.nargs].given = true;
      }
      return true;
    }
    // Accepted and without effect, as their defaults say: pin_memory=False, layout=strided, out=None.
    if ((text != "pin_memory" && text != "layout" && text != "out") ||
        (spec_.flags & OverloadSpec::kFactory) == 0)
      return fail("got an unexpected keyword argument '", text, "'");
    Layout layout{};
    const bool like = spec_.args[0].type == ArgType::Tensor && filled_[0];
    if (to_layout(value, &layout) && layout != (like ? v_[0].tensor().layout() : Layout::Strided))
      return fail("does not make tensors of another layout; hint: sparse_coo_tensor(size), to_sparse()");
    return true;
  }

  bool defaults() {
    for (int i = 0; i < spec_.nargs; ++i) {
      if (filled_[i]) continue;
      if (spec_.args[i].fallback == nullptr)
        return fail("missing required argument '", shown_name(spec_.args[i]), "'");
      v_[i] = prepared_.defaults[static_cast<size_t>(i)];
    }
    return true;
  }

  const OverloadSpec& spec_;
  const Prepared& prepared_;
  const CallArgs& call_;
  ArgValue* v_;
  LazyArena& arena_;
  std::string* why_;
  bool filled_[kMaxArgs + 1] = {};
  size_t next_ = 0;  // the argument of the call that is next
  int at_ = 0;       // the place in the overload where it goes
};

}  // namespace

bool match(const OverloadSpec& spec, const CallArgs& call, ArgValue* v, LazyArena& arena, std::string* why) {
  return Matcher(spec, call, v, arena, why).run();
}

std::string signature(const OverloadSpec& spec) {
  static constexpr const char* kTypeNames[] = {"Tensor",
                                               "Tensor or Number",
                                               "Tensor",
                                               "tuple of Tensors",
                                               "*Tensors",
                                               "tuple of Tensors",
                                               "Number",
                                               "Number",
                                               "int",
                                               "int",
                                               "float",
                                               "float",
                                               "bool",
                                               "bool",
                                               "str",
                                               "str",
                                               "tuple of ints",
                                               "tuple of ints",
                                               "tuple of ints",
                                               "tuple of floats",
                                               "tuple of floats",
                                               "rustorch.dtype",
                                               "rustorch.dtype",
                                               "rustorch.device",
                                               "rustorch.device",
                                               "rustorch.memory_format",
                                               "rustorch.memory_format",
                                               "rustorch.layout",
                                               "rustorch.Generator"};
  std::string text = " * (";
  bool star = false;
  for (int i = 0; i < spec.nargs; ++i) {
    const ArgSpec& a = spec.args[i];
    if (i > 0) text += ", ";
    if ((a.flags & ArgSpec::kKwOnly) != 0 && !star) {
      text += "*, ";
      star = true;
    }
    text += cat(kTypeNames[static_cast<int>(a.type)], " ", shown_name(a));
    if (a.fallback != nullptr) text += cat(" = ", a.fallback);
  }
  return text + ")";
}

}  // namespace rustorch::py
