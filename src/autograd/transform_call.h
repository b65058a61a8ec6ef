// What the generated wrappers call while function transforms (forward mode, vmap) are active on the thread.
//
// A wrapper tests transforming(), one thread-local byte. When it is set and an argument carries a tangent or
// a batch dimension, the call is boxed into Values and given to src/transform, which runs the rule of the
// operator (OpInfo, a generated constant) by calling operators again one level lower.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "autograd/meta.h"
#include "rustorch/generator.h"
#include "rustorch/tensor.h"

namespace rustorch {

namespace detail {
#if defined(__GNUC__) && defined(__ELF__)
__attribute__((visibility("hidden"), tls_model("initial-exec")))
#endif
extern constinit thread_local uint8_t transform_depth;
}  // namespace detail

/// True inside of a dual level or a vmap.
inline bool transforming() noexcept { return detail::transform_depth != 0; }

/// One argument or result of a boxed call.
struct Value {
  enum class Kind : uint8_t { None, Tensor, Tensors, OptTensors, Number, Other };
  Kind kind = Kind::None;  // None: std::nullopt
  bool flag = false;
  uint8_t code = 0;  // DType, MemoryFormat, Layout
  rustorch::Device device_value;
  int64_t i = 0;
  double d = 0;
  std::string_view text;
  Tensor tensor_value;
  Scalar scalar_value;
  std::vector<Tensor> tensor_list;
  std::vector<std::optional<Tensor>> opt_list;
  std::vector<int64_t> int_list;
  std::vector<double> float_list;
  std::optional<Generator> generator_value;

  Value();
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  Value(const Tensor& v);
  Value(const TensorLike& v);
  Value(const std::optional<Tensor>& v);
  Value(TensorList v);
  Value(std::vector<Tensor> v);
  Value(ArrayRef<std::optional<Tensor>> v);
  Value(const Scalar& v);
  Value(const std::optional<Scalar>& v);
  Value(int64_t v);
  Value(std::optional<int64_t> v);
  Value(double v);
  Value(std::optional<double> v);
  Value(bool v);
  Value(std::optional<bool> v);
  Value(std::string_view v);
  Value(std::optional<std::string_view> v);
  Value(IntArrayRef v);
  Value(std::optional<IntArrayRef> v);
  Value(ArrayRef<double> v);
  Value(std::optional<ArrayRef<double>> v);
  Value(DType v);
  Value(std::optional<DType> v);
  Value(Device v);
  Value(std::optional<Device> v);
  Value(MemoryFormat v);
  Value(std::optional<MemoryFormat> v);
  Value(std::optional<Layout> v);
  Value(const std::optional<Generator>& v);

  bool given() const { return kind != Kind::None; }
  const Tensor& tensor() const { return tensor_value; }
  TensorLike tensor_like() const {
    return kind == Kind::Tensor ? TensorLike(tensor_value) : TensorLike(scalar_value);
  }
  std::optional<Tensor> opt_tensor() const {
    return given() ? std::optional<Tensor>(tensor_value) : std::nullopt;
  }
  TensorList tensors() const { return tensor_list; }
  ArrayRef<std::optional<Tensor>> opt_tensors() const { return opt_list; }
  const Scalar& scalar() const { return scalar_value; }
  std::optional<Scalar> opt_scalar() const {
    return given() ? std::optional<Scalar>(scalar_value) : std::nullopt;
  }
  std::optional<int64_t> opt_int() const { return given() ? std::optional<int64_t>(i) : std::nullopt; }
  std::optional<double> opt_float() const { return given() ? std::optional<double>(d) : std::nullopt; }
  std::optional<bool> opt_bool() const { return given() ? std::optional<bool>(flag) : std::nullopt; }
  std::optional<std::string_view> opt_str() const {
    return given() ? std::optional<std::string_view>(text) : std::nullopt;
  }
  IntArrayRef ints() const { return int_list; }
  std::optional<IntArrayRef> opt_ints() const {
    return given() ? std::optional<IntArrayRef>(IntArrayRef(int_list)) : std::nullopt;
  }
  ArrayRef<double> floats() const { return float_list; }
  std::optional<ArrayRef<double>> opt_floats() const {
    return given() ? std::optional<ArrayRef<double>>(ArrayRef<double>(float_list)) : std::nullopt;
  }
  DType dtype() const { return static_cast<DType>(code); }
  std::optional<DType> opt_dtype() const { return given() ? std::optional<DType>(dtype()) : std::nullopt; }
  rustorch::Device device() const { return device_value; }
  std::optional<rustorch::Device> opt_device() const {
    return given() ? std::optional<rustorch::Device>(device_value) : std::nullopt;
  }
  MemoryFormat memory_format() const { return static_cast<MemoryFormat>(code); }
  std::optional<MemoryFormat> opt_memory_format() const {
    return given() ? std::optional<MemoryFormat>(memory_format()) : std::nullopt;
  }
  std::optional<Layout> opt_layout() const {
    return given() ? std::optional<Layout>(static_cast<Layout>(code)) : std::nullopt;
  }
  const std::optional<Generator>& opt_generator() const { return generator_value; }
};

enum class ArgKind : uint8_t { Tensor, Tensors, OptTensors, Dim, Dims, Shape, Ints, Other };
struct ArgInfo {
  const char* name;
  ArgKind kind;
  bool grad;  // has a gradient
};

/// How tangents pass: no tangent, a view of the tangent, the operator applied to the tangents (of all
/// arguments at once, or of one at a time), the derivative kernels, or the gradient formula differentiated by
/// its cotangent.
enum class JvpRule : uint8_t { None, View, Linear, Multilinear, Formula, Vjp };

struct BatchCall;
struct OpInfo;
/// What an operator does with sparse or quantized arguments: reads args, sets results (or writes args[0]).
using SparseRule = void (*)(const OpInfo& info, const Value* args, Value* results);
/// Everything the transforms know of an operator; generated.
struct OpInfo {
  const char* name;
  void (*call)(const Value* args, Value* results);
  const ArgInfo* args;
  uint8_t nargs;
  int8_t nresults;  // -1: a list; 0: writes args[0] or gives nothing
  bool inplace;
  bool random;
  JvpRule jvp;
  Tensor (*push)(const Value* args, const Value* tangents, const Tensor& result);  // Formula
  const OpInfo* base;                                                              // in-place: the plain form
  void (*batch)(BatchCall& call);                                                  // vmap rule
  SparseRule sparse;
  SparseRule quantized;  // null: refused
};

/// The rules of operators that have none (src/transform): refuses; the operator takes sparse tensors itself;
/// the in-place form writes what the plain one gives.
void sparse_refuse(const OpInfo& info, const Value* args, Value* results);
void sparse_own(const OpInfo& info, const Value* args, Value* results);
void sparse_inplace(const OpInfo& info, const Value* args, Value* results);
[[noreturn]] void raise_sparse(const char* op, const Tensor& t);
[[noreturn]] void raise_quantized(const char* op, const Tensor& t);
/// The in-place form writes what the plain one gives (src/quant).
void quantized_inplace(const OpInfo& info, const Value* args, Value* results);

/// Runs the transform that the arguments ask for. False: none, or (recording) one that the record path runs.
bool transform_call(const OpInfo& info, bool recording, const Value* args, Value* results);

namespace detail {
inline bool has_sparse(const Tensor& t) { return t.defined() && t.impl()->is_sparse(); }
inline bool has_sparse(const TensorLike& t) { return t.tensor != nullptr && has_sparse(*t.tensor); }
inline bool has_sparse(const std::optional<Tensor>& t) { return t.has_value() && has_sparse(*t); }
inline bool has_sparse(TensorList list) {
  for (const Tensor& t : list)
    if (has_sparse(t)) return true;
  return false;
}
inline bool has_sparse(ArrayRef<std::optional<Tensor>> list) {
  for (const auto& t : list)
    if (has_sparse(t)) return true;
  return false;
}
}  // namespace detail

/// True when one of the tensors is sparse: the test that keeps them out of dense code.
template <class... A>
inline bool any_sparse(const A&... args) {
  return (detail::has_sparse(args) || ...);
}
inline void refuse_sparse(const char* op, const Tensor& t) {
  if (detail::has_sparse(t)) [[unlikely]]
    (t.is_quantized() ? raise_quantized : raise_sparse)(op, t);
}
inline void refuse_sparse(const char* op, TensorList list) {
  for (const Tensor& t : list) refuse_sparse(op, t);
}
inline void refuse_sparse(const char* op, const std::optional<Tensor>& t) {
  if (t.has_value()) refuse_sparse(op, *t);
}

namespace detail {
inline bool transform_marked(const Tensor& t) {
  if (!t.defined()) return false;
  if (t.impl()->is_sparse()) return true;
  const AutogradMeta* meta = meta_of(t);
  return meta != nullptr && (meta->transform != nullptr || meta->is_view());
}
inline bool transform_marked(const TensorLike& t) {
  return t.tensor != nullptr && transform_marked(*t.tensor);
}
inline bool transform_marked(const std::optional<Tensor>& t) { return t.has_value() && transform_marked(*t); }
inline bool transform_marked(TensorList list) {
  for (const Tensor& t : list)
    if (transform_marked(t)) return true;
  return false;
}
inline bool transform_marked(ArrayRef<std::optional<Tensor>> list) {
  for (const auto& t : list)
    if (transform_marked(t)) return true;
  return false;
}
template <class T>
inline bool transform_marked(const T&) {
  return false;
}

template <class R>
struct Unbox {
  using Type = std::optional<R>;
  static R from(Value* r) {
    if constexpr (std::is_same_v<R, Tensor>)
      return std::move(r[0].tensor_value);
    else if constexpr (std::is_same_v<R, std::vector<Tensor>>)
      return std::move(r[0].tensor_list);
    else if constexpr (std::is_same_v<R, bool>)
      return r[0].flag;
    else if constexpr (std::is_same_v<R, int64_t>)
      return r[0].i;
    else if constexpr (std::is_same_v<R, double>)
      return r[0].d;
    else
      return r[0].scalar_value;
  }
};
template <class... T>
struct Unbox<std::tuple<T...>> {
  using Type = std::optional<std::tuple<T...>>;
  static std::tuple<T...> from(Value* r) { return all(r, std::index_sequence_for<T...>()); }
  template <size_t... I>
  static std::tuple<T...> all(Value* r, std::index_sequence<I...>) {
    return {Unbox<T>::from(r + I)...};
  }
};
template <class R>
inline constexpr size_t kResults = 1;
template <class... T>
inline constexpr size_t kResults<std::tuple<T...>> = sizeof...(T);
}  // namespace detail

/// The result of the transformed call, if the arguments ask for a transform.
template <class R, class... A>
[[gnu::noinline, gnu::cold]] typename detail::Unbox<R>::Type transformed(const OpInfo& info, bool recording,
                                                                         const A&... args) {
  if (!info.random && !(detail::transform_marked(args) || ...)) return std::nullopt;
  const std::array<Value, sizeof...(A)> boxed{Value(args)...};
  std::array<Value, detail::kResults<R>> results;
  if (!transform_call(info, recording, boxed.data(), results.data())) return std::nullopt;
  return detail::Unbox<R>::from(results.data());
}
/// The same for what writes its first argument: true when it is done.
template <class... A>
[[gnu::noinline, gnu::cold]] bool transformed_inplace(const OpInfo& info, bool recording, const A&... args) {
  if (!info.random && !(detail::transform_marked(args) || ...)) return false;
  const std::array<Value, sizeof...(A)> boxed{Value(args)...};
  Value none;
  return transform_call(info, recording, boxed.data(), &none);
}

/// Tangents and batch dimension of a tensor, shared by a result and the twin that its node saves.
struct DualLevel;
struct TransformMeta {
  struct Tangent {
    std::shared_ptr<DualLevel> level;
    Tensor value;
  };
  std::vector<Tangent> tangents;
  Tensor batch;  // undefined, or the tensor with the batch dimension first
  uint64_t batch_id = 0;
  TransformMeta() = default;
  TransformMeta(const TransformMeta&) = delete;
  TransformMeta& operator=(const TransformMeta&) = delete;
  ~TransformMeta();
};

/// detach() that keeps the batch dimension (and, where asked, the tangents).
Tensor transform_detach(const Tensor& t, bool keep_tangents);
/// A twin without history of a result: shares its transforms, also those that it gets later.
Tensor transform_twin(const Tensor& result);
/// Zeros that take up the batch dimensions of like, so that parts of like can be written into them.
Tensor transform_zeros(IntArrayRef sizes, const Tensor& like);
bool transform_assign(const Tensor& self, const Tensor& value);
void transform_relayout(const Tensor& self, const Tensor& view);
/// What a node saves of a tensor that is about to be overwritten.
Tensor transform_saved_copy(const Tensor& self);
/// A twin of t that requires grad: linked to t (history) or a leaf; keeps batch dimension and tangents.
Tensor transform_leaf(const Tensor& t, bool history);
/// A twin of t without history of its own; the history of its value and of its tangents stays.
Tensor transform_plain(const Tensor& t);
/// Raises when t has a batch dimension, whose values differ between the examples.
void transform_check_readable(const Tensor& t, bool condition);
/// str(), or for a tensor of a vmap its level and value.
std::string transform_text(const Tensor& t);
bool transform_active(const Tensor& t);
[[noreturn]] void transform_refuse_out(const char* op);

}  // namespace rustorch
