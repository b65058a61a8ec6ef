// Value: the tree that a file of ours can hold, independent of the Tensor class.
//
// A Value is a 16-byte handle: scalars are stored inline, everything else in a reference-counted node. Copies
// share the node, so the same list or tensor reached twice stays one object, as in Python. A tensor is only a
// description (dtype, sizes, strides, offset) over an entry of a table of storages; the bytes of a storage
// may be a view of a mapped file, kept alive by its owner. Values may be read from several threads, and
// written by one.
#pragma once
#include <atomic>
#include <complex>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rustorch/dtype.h"

namespace rustorch::formats {

enum class ValueKind : uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kDType,
  // The kinds below own a node.
  kComplex,
  kBigInt,  // integer beyond 64 bits: little-endian two's complement bytes
  kString,  // UTF-8
  kBytes,
  kByteArray,
  kDevice,  // "cpu", "cuda:0"
  kList,
  kTuple,
  kSize,  // torch.Size: a tuple of integers
  kSet,
  kArray,  // of NumPy: dtype, Size (None for a number), whether in Fortran's order, bytes (pickle_numpy.h)
  // a sparse tensor: name of the layout, parts, Size and for sparse_coo whether it is coalesced; or a
  // quantized one: name of the scheme, integers, dtype, Size, scale, zero point and, of a channel, the axis
  kSparse,
  kDict,
  kTensor,
};

/// Name of a kind as Python would say it: "int", "dict".
const char* value_kind_name(ValueKind kind);

class Value;

/// A reference-counted payload of a Value.
struct Node {
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  mutable std::atomic<uint32_t> refs{0};
};

struct ComplexNode;
struct TextNode;
struct SequenceNode;
struct DictNode;

/// How a tensor lies in its storage. Strides and offset count elements.
struct TensorRecord {
  DType dtype = kFloat32;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  int64_t offset = 0;
  int64_t storage = 0;  // index in the archive's table of storages
  bool requires_grad = false;
  bool is_parameter = false;
  bool is_conj = false;  // the stored numbers are to be conjugated
  bool is_neg = false;   // the stored numbers are to be negated

  int64_t numel() const;
  bool is_contiguous() const;
};

struct TensorNode;

/// Row-major strides; a dimension of size 0 counts as 1, as in PyTorch.
std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes);

/// One value of the tree. Default: None.
class Value {
 public:
  Value() noexcept : kind_(ValueKind::kNone) { payload_.i = 0; }
  Value(const Value& other) noexcept : kind_(other.kind_), payload_(other.payload_) { retain(); }
  Value(Value&& other) noexcept : kind_(other.kind_), payload_(other.payload_) {
    other.kind_ = ValueKind::kNone;
  }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value moved(std::move(other));
    swap(moved);
    return *this;
  }
  ~Value() { release(); }
  void swap(Value& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(payload_, other.payload_);
  }

  static Value none() { return Value(); }
  static Value boolean(bool v);
  static Value integer(int64_t v);
  static Value real(double v);
  static Value complex(std::complex<double> v);
  /// Little-endian two's complement; becomes kInt when it fits.
  static Value big_integer(std::string little_endian);
  static Value string(std::string v);
  static Value bytes(std::string v);
  static Value byte_array(std::string v);
  static Value device(std::string v);
  static Value dtype(DType v);
  static Value list(std::vector<Value> items = {});
  static Value tuple(std::vector<Value> items = {});
  static Value set(std::vector<Value> items = {});
  static Value array(std::vector<Value> items);
  static Value sparse(std::vector<Value> items);
  static Value size(const std::vector<int64_t>& dims);
  /// ordered: a collections.OrderedDict rather than a plain dict.
  static Value dict(bool ordered = false);
  /// A collections.Counter.
  static Value counter();
  static Value tensor(TensorRecord record);

  ValueKind kind() const noexcept { return kind_; }
  const char* kind_name() const { return value_kind_name(kind_); }
  bool is_none() const noexcept { return kind_ == ValueKind::kNone; }
  bool is_string() const noexcept { return kind_ == ValueKind::kString; }
  bool is_dict() const noexcept { return kind_ == ValueKind::kDict; }
  bool is_tensor() const noexcept { return kind_ == ValueKind::kTensor; }
  /// List, tuple, set or Size, or the items that describe a sparse tensor or an array of NumPy.
  bool is_sequence() const noexcept { return kind_ >= ValueKind::kList && kind_ <= ValueKind::kSparse; }

  // Readers raise a Type error when the kind is another one.
  bool as_bool() const;
  int64_t as_int() const;
  double as_float() const;  // integers are accepted
  std::complex<double> as_complex() const;
  DType as_dtype() const;
  /// Text of a string, bytes, byte array, device or big integer.
  const std::string& text() const;
  const std::vector<Value>& items() const;
  std::vector<Value>& items();
  const TensorRecord& tensor() const;
  TensorRecord& tensor();

  const std::vector<std::pair<Value, Value>>& entries() const;
  std::vector<std::pair<Value, Value>>& entries();
  /// The entry with this string key, or null.
  const Value* find(std::string_view key) const;
  /// Appends an entry to a dict; the key is not looked up.
  void append(Value key, Value value);
  void append(std::string_view key, Value value) { append(string(std::string(key)), std::move(value)); }
  bool is_ordered_dict() const;
  bool is_counter() const;
  /// Attributes set on an OrderedDict (state dicts carry `_metadata`): None or a dict.
  const Value& attributes() const;
  void set_attributes(Value v);

  /// Address that tells one node from another; null for scalars.
  const Node* identity() const noexcept { return has_node() ? payload_.node : nullptr; }

 private:
  bool has_node() const noexcept { return kind_ >= ValueKind::kComplex; }
  void retain() const noexcept {
    if (has_node()) payload_.node->refs.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept {
    if (has_node() && payload_.node->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete payload_.node;
  }
  static Value adopt(ValueKind kind, Node* node);
  static Value text_value(ValueKind kind, std::string v);
  static Value sequence(ValueKind kind, std::vector<Value> items);
  void require(bool ok, const char* wanted) const;

  ValueKind kind_;
  union {
    int64_t i;
    double d;
    Node* node;
  } payload_;
};

/// Bytes of one storage. `owner` keeps `data` alive (a mapped file, a vector, a tensor's memory).
struct Storage {
  std::shared_ptr<const void> owner;
  const uint8_t* data = nullptr;
  uint64_t nbytes = 0;
  DType dtype = kUInt8;        // the element type that the file declares for it
  std::string device = "cpu";  // where it was when it was saved
};

/// What a file holds: a value and the storages that its tensors point into.
struct Archive {
  Value root;
  std::vector<Storage> storages;
};

/// Copies bytes into a storage of its own.
Storage make_storage(const void* data, uint64_t nbytes, DType dtype);

/// Whether a value of kind kSparse describes a quantized tensor.
bool is_quantized_record(const Value& v);

}  // namespace rustorch::formats
