#include "formats/value.h"

#include <algorithm>
#include <cstring>

#include "rustorch/error.h"

namespace rustorch::formats {

struct ComplexNode final : Node {
  explicit ComplexNode(std::complex<double> v) : value(v) {}
  std::complex<double> value;
};
struct TextNode final : Node {
  explicit TextNode(std::string v) : text(std::move(v)) {}
  std::string text;
};
struct SequenceNode final : Node {
  explicit SequenceNode(std::vector<Value> v) : items(std::move(v)) {}
  std::vector<Value> items;
};
struct DictNode final : Node {
  explicit DictNode(bool is_ordered) : ordered(is_ordered) {}
  std::vector<std::pair<Value, Value>> entries;
  Value attributes;
  bool ordered;
  bool counter = false;
};
struct TensorNode final : Node {
  explicit TensorNode(TensorRecord r) : record(std::move(r)) {}
  TensorRecord record;
};

const char* value_kind_name(ValueKind kind) {
  static constexpr const char* kNames[] = {
      "None",   "bool", "int",   "float", "dtype", "complex", "int",           "str",  "bytes", "bytearray",
      "device", "list", "tuple", "Size",  "set",   "ndarray", "sparse tensor", "dict", "Tensor"};
  return kNames[static_cast<int>(kind)];
}

int64_t TensorRecord::numel() const {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

std::vector<int64_t> contiguous_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t step = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

bool TensorRecord::is_contiguous() const {
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 0) return true;
    if (sizes[i] != 1 && strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

Value Value::adopt(ValueKind kind, Node* node) {
  Value v;
  node->refs.store(1, std::memory_order_relaxed);
  v.kind_ = kind;
  v.payload_.node = node;
  return v;
}

Value Value::boolean(bool b) {
  Value v;
  v.kind_ = ValueKind::kBool;
  v.payload_.i = b;
  return v;
}

Value Value::integer(int64_t i) {
  Value v;
  v.kind_ = ValueKind::kInt;
  v.payload_.i = i;
  return v;
}

Value Value::real(double d) {
  Value v;
  v.kind_ = ValueKind::kFloat;
  v.payload_.d = d;
  return v;
}

Value Value::dtype(DType t) {
  Value v;
  v.kind_ = ValueKind::kDType;
  v.payload_.i = static_cast<int64_t>(t);
  return v;
}

Value Value::complex(std::complex<double> c) { return adopt(ValueKind::kComplex, new ComplexNode(c)); }

Value Value::big_integer(std::string bytes) {
  // Drop bytes that only repeat the sign.
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  while (bytes.size() > 1) {
    const size_t n = bytes.size();
    const bool redundant =
        (byte(n - 1) == 0 && byte(n - 2) < 0x80) || (byte(n - 1) == 0xff && byte(n - 2) >= 0x80);
    if (!redundant) break;
    bytes.pop_back();
  }
  if (bytes.empty()) return integer(0);
  if (bytes.size() <= 8) {
    uint64_t u = byte(bytes.size() - 1) >= 0x80 ? ~uint64_t{0} : 0;
    for (size_t i = bytes.size(); i-- > 0;) u = (u << 8) | byte(i);
    return integer(static_cast<int64_t>(u));
  }
  return text_value(ValueKind::kBigInt, std::move(bytes));
}

Value Value::text_value(ValueKind kind, std::string v) { return adopt(kind, new TextNode(std::move(v))); }
Value Value::string(std::string v) { return text_value(ValueKind::kString, std::move(v)); }
Value Value::bytes(std::string v) { return text_value(ValueKind::kBytes, std::move(v)); }
Value Value::byte_array(std::string v) { return text_value(ValueKind::kByteArray, std::move(v)); }
Value Value::device(std::string v) { return text_value(ValueKind::kDevice, std::move(v)); }

Value Value::sequence(ValueKind kind, std::vector<Value> items) {
  return adopt(kind, new SequenceNode(std::move(items)));
}
Value Value::list(std::vector<Value> items) { return sequence(ValueKind::kList, std::move(items)); }
Value Value::tuple(std::vector<Value> items) { return sequence(ValueKind::kTuple, std::move(items)); }
Value Value::set(std::vector<Value> items) { return sequence(ValueKind::kSet, std::move(items)); }
Value Value::array(std::vector<Value> items) { return sequence(ValueKind::kArray, std::move(items)); }
Value Value::sparse(std::vector<Value> items) { return sequence(ValueKind::kSparse, std::move(items)); }
Value Value::size(const std::vector<int64_t>& dims) {
  std::vector<Value> items;
  items.reserve(dims.size());
  for (int64_t d : dims) items.push_back(integer(d));
  return sequence(ValueKind::kSize, std::move(items));
}

Value Value::dict(bool ordered) { return adopt(ValueKind::kDict, new DictNode(ordered)); }
Value Value::counter() {
  auto* node = new DictNode(false);
  node->counter = true;
  return adopt(ValueKind::kDict, node);
}
Value Value::tensor(TensorRecord record) {
  return adopt(ValueKind::kTensor, new TensorNode(std::move(record)));
}

void Value::require(bool ok, const char* wanted) const {
  RT_CHECK(ok, Type, "Value", "the value is of another kind; got ", kind_name(), "; expected ", wanted);
}

bool Value::as_bool() const {
  require(kind_ == ValueKind::kBool, "bool");
  return payload_.i != 0;
}

int64_t Value::as_int() const {
  require(kind_ == ValueKind::kInt, "int");
  return payload_.i;
}

double Value::as_float() const {
  if (kind_ == ValueKind::kInt) return static_cast<double>(payload_.i);
  require(kind_ == ValueKind::kFloat, "float");
  return payload_.d;
}

std::complex<double> Value::as_complex() const {
  require(kind_ == ValueKind::kComplex, "complex");
  return static_cast<const ComplexNode*>(payload_.node)->value;
}

DType Value::as_dtype() const {
  require(kind_ == ValueKind::kDType, "dtype");
  return static_cast<DType>(payload_.i);
}

const std::string& Value::text() const {
  require(kind_ >= ValueKind::kBigInt && kind_ <= ValueKind::kDevice, "str or bytes");
  return static_cast<const TextNode*>(payload_.node)->text;
}

const std::vector<Value>& Value::items() const {
  require(is_sequence(), "list, tuple or set");
  return static_cast<const SequenceNode*>(payload_.node)->items;
}

std::vector<Value>& Value::items() {
  require(is_sequence(), "list, tuple or set");
  return static_cast<SequenceNode*>(payload_.node)->items;
}

const TensorRecord& Value::tensor() const {
  require(is_tensor(), "Tensor");
  return static_cast<const TensorNode*>(payload_.node)->record;
}

TensorRecord& Value::tensor() {
  require(is_tensor(), "Tensor");
  return static_cast<TensorNode*>(payload_.node)->record;
}

const std::vector<std::pair<Value, Value>>& Value::entries() const {
  require(is_dict(), "dict");
  return static_cast<const DictNode*>(payload_.node)->entries;
}

std::vector<std::pair<Value, Value>>& Value::entries() {
  require(is_dict(), "dict");
  return static_cast<DictNode*>(payload_.node)->entries;
}

const Value* Value::find(std::string_view key) const {
  for (const auto& [k, v] : entries()) {
    if (k.is_string() && k.text() == key) return &v;
  }
  return nullptr;
}

void Value::append(Value key, Value value) { entries().emplace_back(std::move(key), std::move(value)); }

bool Value::is_counter() const { return is_dict() && static_cast<const DictNode*>(payload_.node)->counter; }

bool Value::is_ordered_dict() const {
  return is_dict() && static_cast<const DictNode*>(payload_.node)->ordered;
}

const Value& Value::attributes() const {
  require(is_dict(), "dict");
  return static_cast<const DictNode*>(payload_.node)->attributes;
}

void Value::set_attributes(Value v) {
  require(is_dict(), "dict");
  static_cast<DictNode*>(payload_.node)->attributes = std::move(v);
}

Storage make_storage(const void* data, uint64_t nbytes, DType dtype) {
  const auto* first = static_cast<const uint8_t*>(data);
  auto copy = std::make_shared<std::vector<uint8_t>>();
  if (nbytes > 0) copy->assign(first, first + nbytes);
  Storage s;
  s.data = copy->data();
  s.nbytes = nbytes;
  s.dtype = dtype;
  s.owner = std::move(copy);
  return s;
}

bool is_quantized_record(const Value& v) {
  return v.kind() == ValueKind::kSparse && v.items()[0].text().substr(0, 10) == "torch.per_";
}

}  // namespace rustorch::formats
