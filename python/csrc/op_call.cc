#include "op_call.h"

#include "call_arena.h"
#include "override.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <unordered_map>

#include "rustorch/call_observer.h"
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

// PyTorch also understands NumPy's names for some arguments.
bool same_name(const char* spec, PyObject* given, const char* text) {
  (void)given;
  if (std::strcmp(spec, text) == 0) return true;
  auto one_of = [&](std::initializer_list<const char*> list) {
    for (const char* n : list)
      if (std::strcmp(n, text) == 0) return true;
    return false;
  };
  if (std::strcmp(spec, "self") == 0) return one_of({"input", "x", "a", "x1", "tensor"});
  if (std::strcmp(spec, "dim") == 0) return one_of({"axis"});
  if (std::strcmp(spec, "keepdim") == 0) return one_of({"keepdims"});
  if (std::strcmp(spec, "other") == 0) return one_of({"x2"});
  if (std::strcmp(spec, "split_size") == 0) return one_of({"split_size_or_sections"});
  return false;
}

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

enum class Match { Yes, No };

/// Tries one overload. On success v is filled; why holds the reason of a failure (only when wanted).
Match match(const OverloadSpec& spec, bool as_method, PyObject* const* args, size_t nargs, PyObject* kwnames,
            ArgValue* v, LazyArena& arena, std::string* why) {
  const Prepared& prep = prepared(spec);
  bool filled[kMaxArgs + 1] = {};
  size_t next_arg = 0;
  auto fail = [&](auto&&... parts) {
    if (why != nullptr) *why = cat(parts...);
    return Match::No;
  };
  auto take = [&](int at, PyObject* o) {
    if (parse_value(o, spec.args[at], v[at], arena)) {
      filled[at] = true;
      return true;
    }
    if (why != nullptr)
      *why = cat("argument '", std::strcmp(spec.args[at].name, "self") == 0 ? "input" : spec.args[at].name,
                 "' (position ", at + 1, ") must not be ", Py_TYPE(o)->tp_name);
    return false;
  };
  if (as_method) {
    if (spec.self_index < 0 || nargs == 0) return fail("no self");
    if (!take(spec.self_index, args[0])) return Match::No;
    next_arg = 1;
  }
  int positional = 0;
  for (int i = 0; i < spec.nargs; ++i)
    if ((spec.args[i].flags & ArgSpec::kKwOnly) == 0 && !(as_method && i == spec.self_index)) ++positional;
  size_t given = nargs - next_arg;
  int at = 0;
  auto skip_self = [&] {
    if (as_method && at == spec.self_index) ++at;
  };
  skip_self();
  // view(2, 3): several ints for the list that is next.
  bool several = given > 1 && at < spec.nargs && spec.args[at].type == ArgType::Shape &&
                 (spec.args[at].flags & ArgSpec::kKwOnly) == 0 && !is_sequence(args[next_arg]) &&
                 given > static_cast<size_t>(0);
  if (several) {
    bool rest_is_ints = true;
    for (size_t i = next_arg; i < nargs; ++i)
      rest_is_ints &= !is_sequence(args[i]) && !PyBool_Check(args[i]) && args[i] != Py_None &&
                      (PyLong_Check(args[i]) || PyIndex_Check(args[i]));
    if (rest_is_ints) {
      int64_t* data = arena.take(given);
      for (size_t i = 0; i < given; ++i)
        if (!index_value(args[next_arg + i], &data[i])) return fail("expected ints");
      v[at].object = args[next_arg];
      v[at].given = true;
      v[at].int_data = data;
      v[at].count = given;
      filled[at] = true;
      next_arg = nargs;
      given = 0;
    }
  }
  // meshgrid(a, b): the tensors one by one.
  if (given > 0 && at < spec.nargs && spec.args[at].type == ArgType::TensorArgs &&
      !is_sequence(args[next_arg])) {
    auto& list = arena.get().lists.emplace_back();
    for (size_t i = next_arg; i < nargs; ++i) {
      if (!is_tensor(args[i])) return fail("expected tensors; got ", Py_TYPE(args[i])->tp_name);
      list.push_back(tensor_of(args[i]));
    }
    v[at].object = args[next_arg];
    v[at].given = true;
    v[at].list = &list;
    filled[at] = true;
    next_arg = nargs;
    given = 0;
  }
  if (given > static_cast<size_t>(positional))
    return fail("takes ", positional, " positional arguments but ", given, " were given");
  for (; next_arg < nargs; ++next_arg) {
    skip_self();
    if (at >= spec.nargs || (spec.args[at].flags & ArgSpec::kKwOnly) != 0)
      return fail("too many positional arguments");
    if (!take(at, args[next_arg])) return Match::No;
    ++at;
  }
  if (kwnames != nullptr) {
    Py_ssize_t nkw = PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t k = 0; k < nkw; ++k) {
      PyObject* name = PyTuple_GET_ITEM(kwnames, k);
      PyObject* value = args[nargs + static_cast<size_t>(k)];
      int found = -1;
      for (int i = 0; i < spec.nargs && found < 0; ++i)
        if (prep.names[static_cast<size_t>(i)] == name) found = i;
      const char* text = found < 0 ? PyUnicode_AsUTF8(name) : nullptr;
      if (found < 0) {
        for (int i = 0; i < spec.nargs && found < 0; ++i)
          if (same_name(spec.args[i].name, name, text)) found = i;
      }
      if (found < 0) {
        if (std::strcmp(text, "out") == 0 && (spec.flags & OverloadSpec::kOut) != 0) {
          if (value != Py_None) {
            v[spec.nargs].object = value;
            v[spec.nargs].given = true;
          }
          continue;
        }
        // Accepted and without effect, as their defaults say: pin_memory=False, layout=strided,
        // non_blocking...
        if ((std::strcmp(text, "pin_memory") == 0 || std::strcmp(text, "layout") == 0 ||
             std::strcmp(text, "out") == 0) &&
            (spec.flags & OverloadSpec::kFactory) != 0) {
          Layout layout{};
          const bool like = spec.args[0].type == ArgType::Tensor && filled[0];
          if (to_layout(value, &layout) && layout != (like ? v[0].tensor().layout() : Layout::Strided))
            return fail(
                "does not make tensors of another layout; hint: sparse_coo_tensor(size), to_sparse()");
          continue;
        }
        return fail("got an unexpected keyword argument '", text, "'");
      }
      if (filled[found]) return fail("got multiple values for argument '", spec.args[found].name, "'");
      if (!take(found, value)) return Match::No;
    }
  }
  for (int i = 0; i < spec.nargs; ++i) {
    if (filled[i]) continue;
    if (spec.args[i].fallback == nullptr)
      return fail("missing required argument '",
                  std::strcmp(spec.args[i].name, "self") == 0 ? "input" : spec.args[i].name, "'");
    v[i] = prep.defaults[static_cast<size_t>(i)];
  }
  return Match::Yes;
}

std::string signature(const OpSpec& op, const OverloadSpec& spec) {
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
    text +=
        cat(kTypeNames[static_cast<int>(a.type)], " ", std::strcmp(a.name, "self") == 0 ? "input" : a.name);
    if (a.fallback != nullptr) text += cat(" = ", a.fallback);
  }
  (void)op;
  return text + ")";
}

PyObject* raise_no_match(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs,
                         PyObject* kwnames) {
  std::string text;
  if (op.noverloads == 1) {
    std::string why;
    ArgValues values;
    ArgValue* v = values.begin(op.overloads[0].nargs + 1);
    LazyArena arena;
    match(op.overloads[0], as_method, args, nargs, kwnames, v, arena, &why);
    text = cat(op.name, "(): ", why, "; expected", signature(op, op.overloads[0]));
  } else {
    text = cat(op.name, "() received an invalid combination of arguments - got (");
    for (size_t i = as_method ? 1 : 0; i < nargs; ++i)
      text += cat(i > (as_method ? 1u : 0u) ? ", " : "", Py_TYPE(args[i])->tp_name);
    Py_ssize_t nkw = kwnames != nullptr ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t k = 0; k < nkw; ++k)
      text += cat(nargs + static_cast<size_t>(k) > (as_method ? 1u : 0u) ? ", " : "",
                  PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k)), "=",
                  Py_TYPE(args[nargs + static_cast<size_t>(k)])->tp_name);
    text += "), but expected one of:";
    for (int i = 0; i < op.noverloads; ++i) text += cat("\n", signature(op, op.overloads[i]));
  }
  PyErr_SetString(PyExc_TypeError, text.c_str());
  return nullptr;
}

}  // namespace

PyObject* call_op(const OpSpec& op, bool as_method, PyObject* const* args, size_t nargs, PyObject* kwnames) {
  try {
    for (int i = 0; i < op.noverloads; ++i) {
      const OverloadSpec& spec = op.overloads[i];
      ArgValues values;
      ArgValue* v = values.begin(spec.nargs + 1);
      LazyArena arena;
      if (match(spec, as_method, args, nargs, kwnames, v, arena, nullptr) == Match::Yes) return spec.call(v);
    }
    if (!as_method && takes_number_first(op, args, nargs)) return call_number_first(op, args, nargs, kwnames);
    return raise_no_match(op, as_method, args, nargs, kwnames);
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
  if (any_count && is_sequence(out.object)) nresults = static_cast<int>(PySequence_Fast_GET_SIZE(out.object));
  out.count = static_cast<size_t>(std::max(nresults, 0));
  if (!is_sequence(out.object) || PySequence_Fast_GET_SIZE(out.object) != nresults)
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
