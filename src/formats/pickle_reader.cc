#include <algorithm>
#include <optional>
#include <unordered_map>

#include "core/quantized_data.h"
#include "formats/pickle.h"
#include "formats/pickle_numpy.h"
#include "formats/pickle_globals.h"
#include "formats/tree_check.h"

namespace rustorch::formats {
namespace {

constexpr size_t kMaxDims = 64;

/// What can lie on the stack: a value, a name from the table, or a storage.
struct Item {
  enum class Kind : uint8_t { kValue, kGlobal, kStorage, kUnset };
  Item() = default;
  Item(Value v) : value(std::move(v)) {}  // NOLINT: conversion wanted
  Value value;
  Kind kind = Kind::kValue;
  Global global = Global::kNone;
  DType dtype = kUInt8;  // of a storage class or a storage
  int64_t storage = -1;  // index in the table
};

/// A tuple that holds globals or storages cannot be a Value; it lives here until a REDUCE or BINPERSID takes
/// it.
using Arguments = std::vector<Item>;

class Unpickler {
 public:
  Unpickler(ByteSpan bytes, const FormatContext& context, const ParseLimits& limits,
            const StorageResolver& resolver, const std::vector<Storage>& storages)
      : in_(bytes, context),
        context_(context),
        limits_(limits),
        resolver_(resolver),
        storages_(storages),
        tree_(context, limits) {}

  ~Unpickler() {
    // Take apart what the result does not use. Every node is still held by the list, so that nothing is freed
    // recursively, however deep a hostile file nests, and cycles do not leak.
    stack_.clear();
    memo_.clear();
    for (Value& v : containers_) {
      if (tree_.reached(v)) continue;
      if (v.is_dict()) {
        v.entries().clear();
        v.set_attributes(Value());
      } else {
        v.items().clear();
      }
    }
  }

  PickleResult run();

 private:
  void step(uint8_t op);
  void push(Item item);
  void push_container(Value v);
  void track(const Value& container);
  Item pop();
  Item& top();
  std::vector<Item> pop_mark();
  void make_tuple(std::vector<Item> items);
  void put(uint64_t index);
  void get(uint64_t index);
  void set_items(std::vector<Item> items);
  void append_items(std::vector<Item> items);
  void global();
  void reduce();
  void build();
  void new_object();
  void persistent_id();

  Item call(const Item& function, const Arguments& args);
  Value rebuild_tensor(const Arguments& args, bool has_dtype);
  Value rebuild_parameter(const Arguments& args);
  Value rebuild_sparse(const Arguments& args);
  Value rebuild_quantized(const Arguments& args);
  Value make_size(const Arguments& args);
  Value make_device(const Arguments& args);
  Value make_complex(const Arguments& args);
  Value make_bytes(const Arguments& args);
  Value make_dict(const Arguments& args);
  std::vector<int64_t> int_list(const Value& v);
  int64_t int_of(const Item& v, const char* what);
  const std::string& string_of(const Item& v, const char* what);
  /// Whether the item is a finished value rather than a name, a storage or arguments with those inside.
  bool is_value(const Item& v) const {
    return v.kind == Item::Kind::kValue && (arguments_.empty() || !arguments_.count(v.value.identity()));
  }
  Value value_of(const Item& v);
  Arguments arguments_of(const Item& v);
  std::string utf8(ByteSpan s);

  [[noreturn]] void fail(std::string_view what, std::string_view hint = kDamagedHint) const {
    context_.fail(at_, what, hint);
  }
  void check(bool ok, std::string_view what, std::string_view hint = kDamagedHint) const {
    if (!ok) [[unlikely]]
      fail(what, hint);
  }

  ByteReader in_;
  const FormatContext& context_;
  const ParseLimits& limits_;
  const StorageResolver& resolver_;
  const std::vector<Storage>& storages_;
  uint64_t at_ = 0;  // offset of the opcode being run
  std::vector<Item> stack_;
  std::vector<size_t> marks_;
  std::vector<Item> memo_;
  std::vector<Value> containers_;  // every list, tuple, set and dict made
  // Tuples with globals inside are kept apart, by the identity of the placeholder tuple.
  std::unordered_map<const Node*, Arguments> arguments_;
  TreeCheck tree_;
};

PickleResult Unpickler::run() {
  for (;;) {
    at_ = in_.position();
    const uint8_t op = in_.u8("an opcode");
    if (op == '.') break;
    step(op);
  }
  check(stack_.size() == 1 && marks_.empty(), "the pickle ends with an unfinished value");
  Value root = value_of(top());
  tree_.check(root);
  return {std::move(root), in_.position()};
}

void Unpickler::step(uint8_t op) {
  switch (op) {
    case 0x80: {  // PROTO
      const uint8_t protocol = in_.u8("protocol");
      check(protocol >= 2 && protocol <= 5, "unknown pickle protocol");
      return;
    }
    case 'N':
      return push(Value());
    case 0x88:
      return push(Value::boolean(true));
    case 0x89:
      return push(Value::boolean(false));
    case 'J':
      return push(Value::integer(static_cast<int32_t>(in_.u32("an int"))));
    case 'K':
      return push(Value::integer(in_.u8("an int")));
    case 'M':
      return push(Value::integer(in_.u16("an int")));
    case 0x8a: {  // LONG1
      const uint8_t n = in_.u8("an int");
      return push(Value::big_integer(std::string(in_.take(n, "an int").text())));
    }
    case 'G': {  // BINFLOAT, big-endian
      const ByteSpan s = in_.take(8, "a float");
      uint64_t bits = 0;
      for (int i = 0; i < 8; ++i) bits = (bits << 8) | s.data[i];
      double number;
      std::memcpy(&number, &bits, sizeof number);
      return push(Value::real(number));
    }
    case 'X': {  // BINUNICODE
      const uint32_t n = in_.u32("a string");
      return push(Value::string(utf8(in_.take(n, "a string"))));
    }
    case 'U': {  // SHORT_BINSTRING
      const uint8_t n = in_.u8("a string");
      return push(Value::string(utf8(in_.take(n, "a string"))));
    }
    case ']':
      return push_container(Value::list());
    case '}':
      return push_container(Value::dict());
    case ')':
      return push_container(Value::tuple());
    case 0x8f:
      return push_container(Value::set());
    case '(':
      check(marks_.size() < limits_.max_items, "too many marks");
      marks_.push_back(stack_.size());
      return;
    case 't':
      return make_tuple(pop_mark());
    case 0x85:
    case 0x86:
    case 0x87: {
      const size_t n = op - 0x84;
      std::vector<Item> items(n);
      for (size_t i = n; i-- > 0;) items[i] = pop();
      return make_tuple(std::move(items));
    }
    case 'a': {
      std::vector<Item> one;
      one.push_back(pop());
      return append_items(std::move(one));
    }
    case 'e':
      return append_items(pop_mark());
    case 's': {
      std::vector<Item> pair(2);
      pair[1] = pop();
      pair[0] = pop();
      return set_items(std::move(pair));
    }
    case 'u':
      return set_items(pop_mark());
    case 'q':
      return put(in_.u8("a memo index"));
    case 'r':
      return put(in_.u32("a memo index"));
    case 'h':
      return get(in_.u8("a memo index"));
    case 'j':
      return get(in_.u32("a memo index"));
    case 'c':
      return global();
    case 'R':
      return reduce();
    case 'b':
      return build();
    case 0x81:
      return new_object();
    case 'Q':
      return persistent_id();
    default:
      fail(cat("the pickle opcode ", static_cast<int>(op), " is not allowed"), kUnsafeHint);
  }
}

void Unpickler::push(Item item) {
  check(stack_.size() < limits_.max_items, "the pickle's stack is too deep", "raise ParseLimits::max_items");
  stack_.push_back(std::move(item));
}

void Unpickler::push_container(Value v) {
  track(v);
  push(std::move(v));
}

void Unpickler::track(const Value& container) {
  check(containers_.size() < limits_.max_items, "too many containers", "raise ParseLimits::max_items");
  containers_.push_back(container);
}

Item Unpickler::pop() {
  check(!stack_.empty() && (marks_.empty() || stack_.size() > marks_.back()), "the pickle's stack is empty");
  Item item = std::move(stack_.back());
  stack_.pop_back();
  return item;
}

Item& Unpickler::top() {
  check(!stack_.empty() && (marks_.empty() || stack_.size() > marks_.back()), "the pickle's stack is empty");
  return stack_.back();
}

std::vector<Item> Unpickler::pop_mark() {
  check(!marks_.empty(), "the pickle has no mark");
  const size_t from = marks_.back();
  marks_.pop_back();
  std::vector<Item> items(std::make_move_iterator(stack_.begin() + static_cast<ptrdiff_t>(from)),
                          std::make_move_iterator(stack_.end()));
  stack_.resize(from);
  return items;
}

void Unpickler::make_tuple(std::vector<Item> items) {
  bool plain = true;
  for (const Item& item : items) {
    plain = plain && is_value(item);
  }
  Value tuple = Value::tuple();
  push_container(tuple);
  if (plain) {
    tuple.items().reserve(items.size());
    for (Item& item : items) tuple.items().push_back(std::move(item.value));
  } else {
    check(arguments_.size() < limits_.max_items, "too many argument tuples");
    arguments_.emplace(tuple.identity(), std::move(items));
  }
}

void Unpickler::put(uint64_t index) {
  // Picklers number their memo upwards; a jump would only serve to make us allocate.
  check(index <= memo_.size() + 256 && index < limits_.max_items, "the memo index is out of order");
  Item unset;
  unset.kind = Item::Kind::kUnset;
  if (index >= memo_.size()) memo_.resize(index + 1, unset);
  memo_[index] = top();
}

void Unpickler::get(uint64_t index) {
  check(index < memo_.size() && memo_[index].kind != Item::Kind::kUnset, "the memo index is not set");
  push(memo_[index]);
}

void Unpickler::append_items(std::vector<Item> items) {
  Value list = value_of(top());
  check(list.kind() == ValueKind::kList, cat("only a list can be appended to; got ", list.kind_name()));
  for (const Item& item : items) list.items().push_back(value_of(item));
}

void Unpickler::set_items(std::vector<Item> items) {
  Value dict = value_of(top());
  check(dict.is_dict(), cat("only a dict takes items; got ", dict.kind_name()));
  check(items.size() % 2 == 0, "a key has no value");
  for (size_t i = 0; i < items.size(); i += 2) dict.append(value_of(items[i]), value_of(items[i + 1]));
}

void Unpickler::global() {
  std::string name;
  for (int part = 0; part < 2; ++part) {
    for (;;) {
      const char c = static_cast<char>(in_.u8("a global's name"));
      if (c == '\n') break;
      check(name.size() < 200, "a global's name is too long");
      name.push_back(c);
    }
    if (part == 0) name.push_back('.');
  }
  const std::optional<GlobalEntry> entry = find_global(name);
  check(entry.has_value(), cat("the file wants '", FormatContext::printable(name), "', which is not allowed"),
        kUnsafeHint);
  if (entry->global == Global::kDType) return push(Value::dtype(entry->dtype));
  if (entry->global == Global::kScheme) return push(Value::string(std::move(name)));
  Item item;
  item.kind = Item::Kind::kGlobal;
  item.global = entry->global;
  item.dtype = entry->dtype;
  push(std::move(item));
}

void Unpickler::reduce() {
  const Arguments args = arguments_of(pop());
  const Item function = pop();
  push(call(function, args));
}

void Unpickler::new_object() {
  const Arguments args = arguments_of(pop());
  const Item cls = pop();
  check(cls.kind == Item::Kind::kGlobal && cls.global == Global::kOrderedDict && args.empty(),
        "only OrderedDict can be made this way", kUnsafeHint);
  push(call(cls, args));
}

void Unpickler::build() {
  Value state = value_of(pop());
  Value target = value_of(top());
  if (target.kind() == ValueKind::kArray) return build_numpy(target, state, context_, at_);
  check(target.is_dict() && (target.is_ordered_dict()), cat("state cannot be set on a ", target.kind_name()),
        kUnsafeHint);
  if (state.is_none()) return;
  check(state.is_dict(), cat("the state of an OrderedDict must be a dict; got ", state.kind_name()));
  target.set_attributes(std::move(state));
}

void Unpickler::persistent_id() {
  const Arguments id = arguments_of(pop());
  check(id.size() >= 5 && id.size() <= 6, "a storage needs five fields");
  check(string_of(id[0], "storage tag") == "storage", "only storages are kept outside the pickle");
  check(id[1].kind == Item::Kind::kGlobal &&
            (id[1].global == Global::kStorageClass || id[1].global == Global::kUntypedStorage),
        "the storage class is missing");
  if (id.size() == 6) {
    check(value_of(id[5]).is_none(), "storage views are not read",
          "save the file again with a newer PyTorch");
  }
  StorageRef ref;
  ref.dtype = id[1].dtype;
  ref.untyped = id[1].global == Global::kUntypedStorage;
  ref.key = string_of(id[2], "storage key");
  ref.location = string_of(id[3], "storage location");
  ref.numel = int_of(id[4], "storage size");
  check(ref.numel >= 0, "a storage has a negative size");
  check(checked_mul(static_cast<uint64_t>(ref.numel), element_size(ref.dtype), &ref.nbytes),
        "the size of a storage overflows");
  Item item;
  item.kind = Item::Kind::kStorage;
  item.dtype = ref.dtype;
  item.storage = resolver_(ref, at_);
  push(std::move(item));
}

Item Unpickler::call(const Item& f, const Arguments& args) {
  check(f.kind == Item::Kind::kGlobal, "only allowed names can be called", kUnsafeHint);
  switch (f.global) {
    case Global::kOrderedDict:
      return make_dict(args);
    case Global::kCounter: {
      Value counter = Value::counter();
      track(counter);
      if (args.empty()) return counter;
      const Value counts = value_of(args[0]);
      check(args.size() == 1 && counts.is_dict(), "a Counter is made from a dict");
      counter.entries() = counts.entries();
      return counter;
    }
    case Global::kRebuildTensorV2:
      return rebuild_tensor(args, false);
    case Global::kRebuildTensorV3:
      return rebuild_tensor(args, true);
    case Global::kRebuildParameter:
      return rebuild_parameter(args);
    case Global::kRebuildFromType: {
      // (function, class, arguments, state): a tensor or parameter with attributes, which are dropped.
      check(args.size() == 4 && args[0].kind == Item::Kind::kGlobal && args[1].kind == Item::Kind::kGlobal &&
                (args[1].global == Global::kTensorClass || args[1].global == Global::kParameterClass),
            "only plain tensors and parameters are rebuilt", kUnsafeHint);
      check(args[0].global == Global::kRebuildTensorV2 || args[0].global == Global::kRebuildTensorV3 ||
                args[0].global == Global::kRebuildParameter,
            "only plain tensors and parameters are rebuilt", kUnsafeHint);
      Item result = call(args[0], arguments_of(args[2]));
      if (args[1].global == Global::kParameterClass) result.value.tensor().is_parameter = true;
      return result;
    }
    case Global::kRebuildSparse:
      return rebuild_sparse(args);
    case Global::kRebuildQuantized:
      return rebuild_quantized(args);
    case Global::kGetLayout:
      check(args.size() == 1, "a layout has one name");
      return Value::string(string_of(args[0], "layout"));
    case Global::kSize:
      return make_size(args);
    case Global::kDevice:
      return make_device(args);
    case Global::kComplex:
      return make_complex(args);
    case Global::kEncode:
      return make_bytes(args);
    case Global::kBytes:
      check(args.empty(), "bytes must be encoded as latin1");
      return Value::bytes("");
    case Global::kByteArray: {
      if (args.empty()) return Value::byte_array("");
      const Value v = value_of(args[0]);
      check(args.size() == 1 && v.kind() == ValueKind::kBytes, "a bytearray is made from bytes");
      return Value::byte_array(v.text());
    }
    case Global::kSet: {
      Value set = Value::set();
      track(set);
      if (args.empty()) return set;
      const Value v = value_of(args[0]);
      check(args.size() == 1 && (v.kind() == ValueKind::kList || v.kind() == ValueKind::kTuple),
            "a set is made from a list");
      set.items() = v.items();
      return set;
    }
    case Global::kNumpyReconstruct: {
      check(args.size() == 3 && args[0].kind == Item::Kind::kGlobal && args[0].global == Global::kNumpyArray,
            "only plain arrays of NumPy are rebuilt", kUnsafeHint);
      Value array = Value::array({});
      track(array);
      return array;
    }
    case Global::kNumpyDType: {
      check(!args.empty() && args.size() <= 3, "a dtype has a code");
      Value dtype = numpy_dtype(string_of(args[0], "dtype"), context_, at_);
      track(dtype);
      return dtype;
    }
    case Global::kNumpyScalar: {
      check(args.size() == 2, "a number of NumPy has a dtype and bytes");
      Value scalar = numpy_scalar(value_of(args[0]), value_of(args[1]), context_, at_);
      track(scalar);
      return scalar;
    }
    default:
      fail("this name cannot be called", kUnsafeHint);
  }
}

Value Unpickler::make_dict(const Arguments& args) {
  Value dict = Value::dict(/*ordered=*/true);
  track(dict);
  check(args.size() <= 1, "an OrderedDict takes one argument");
  if (args.empty()) return dict;
  const Value pairs = value_of(args[0]);
  check(pairs.is_sequence(), "an OrderedDict is made from pairs");
  for (const Value& pair : pairs.items()) {
    check(pair.is_sequence() && pair.items().size() == 2, "an OrderedDict is made from pairs");
    dict.append(pair.items()[0], pair.items()[1]);
  }
  return dict;
}

Value Unpickler::rebuild_tensor(const Arguments& args, bool has_dtype) {
  // (storage, offset, size, stride, requires_grad, hooks[, dtype][, metadata])
  const size_t fixed = has_dtype ? 7 : 6;
  check(args.size() == fixed || args.size() == fixed + 1, "a tensor has the wrong number of fields");
  check(args[0].kind == Item::Kind::kStorage, "a tensor has no storage");
  TensorRecord r;
  r.storage = args[0].storage;
  r.dtype = args[0].dtype;
  r.offset = int_of(args[1], "storage offset");
  r.sizes = int_list(value_of(args[2]));
  r.strides = int_list(value_of(args[3]));
  const Value requires_grad = value_of(args[4]);
  check(requires_grad.kind() == ValueKind::kBool, "requires_grad is no bool");
  r.requires_grad = requires_grad.as_bool();
  check(!r.requires_grad || has_dtype || is_differentiable(r.dtype),
        "only floating tensors require gradients");
  const Value hooks = value_of(args[5]);
  check(hooks.is_none() || (hooks.is_dict() && hooks.entries().empty()), "tensor hooks are not read");
  if (has_dtype) {
    const Value dtype = value_of(args[6]);
    check(dtype.kind() == ValueKind::kDType, "the tensor's dtype is missing");
    r.dtype = dtype.as_dtype();
    check(!r.requires_grad || is_differentiable(r.dtype), "only floating tensors require gradients");
  }
  if (args.size() == fixed + 1) {
    const Value metadata = value_of(args[fixed]);
    check(metadata.is_none() || metadata.is_dict(), "the tensor's metadata is no dict");
    if (metadata.is_dict()) {
      for (const auto& [key, v] : metadata.entries()) {
        check(key.is_string() && v.kind() == ValueKind::kBool, "unknown tensor metadata");
        if (key.text() == "conj")
          r.is_conj = v.as_bool();
        else if (key.text() == "neg")
          r.is_neg = v.as_bool();
        else
          fail("unknown tensor metadata");
      }
    }
  }
  check_tensor_record(r, storages_[static_cast<size_t>(r.storage)].nbytes, context_, at_);
  return Value::tensor(std::move(r));
}

Value Unpickler::rebuild_parameter(const Arguments& args) {
  check(args.size() == 3, "a parameter has the wrong number of fields");
  const Value data = value_of(args[0]);
  const Value requires_grad = value_of(args[1]);
  check(data.is_tensor() && requires_grad.kind() == ValueKind::kBool,
        "a parameter needs a tensor and a bool");
  TensorRecord r = data.tensor();
  r.is_parameter = true;
  r.requires_grad = requires_grad.as_bool();
  check(!r.requires_grad || is_differentiable(r.dtype), "only floating tensors require gradients");
  return Value::tensor(std::move(r));
}

Value Unpickler::rebuild_sparse(const Arguments& args) {
  // (layout, (indices, values, size[, is_coalesced])) or (layout, (compressed, plain, values, size))
  check(args.size() == 2, "a sparse tensor has the wrong number of fields");
  const Value layout = value_of(args[0]), data = value_of(args[1]);
  check(layout.is_string() && data.kind() == ValueKind::kTuple, "a sparse tensor has a layout and parts");
  const bool coo = layout.text() == "torch.sparse_coo";
  const size_t parts = coo ? 2 : 3;
  const std::vector<Value>& items = data.items();
  check(items.size() == parts + 1 || (coo && items.size() == parts + 2),
        "a sparse tensor has the wrong number of parts");
  for (size_t i = 0; i < parts; ++i) check(items[i].is_tensor(), "a part of a sparse tensor is no tensor");
  check(items[parts].is_sequence() && items[parts].kind() != ValueKind::kSparse,
        "the size of a sparse tensor is missing");
  int_list(items[parts]);
  if (items.size() == parts + 2)
    check(items[parts + 1].is_none() || items[parts + 1].kind() == ValueKind::kBool,
          "is_coalesced is no bool");
  std::vector<Value> all{layout};
  all.insert(all.end(), items.begin(), items.end());
  Value sparse = Value::sparse(std::move(all));
  track(sparse);
  return sparse;
}

Value Unpickler::rebuild_quantized(const Arguments& args) {
  // (storage, offset, size, stride, (scheme, scale, zero_point[, axis]), requires_grad, hooks)
  check(args.size() == 7, "a quantized tensor has the wrong number of fields");
  check(args[0].kind == Item::Kind::kStorage && is_quantized(args[0].dtype),
        "a quantized tensor has no quantized storage");
  const DType dtype = args[0].dtype;
  TensorRecord r;
  r.storage = args[0].storage;
  r.dtype = integer_type(dtype);
  r.offset = int_of(args[1], "storage offset");
  r.sizes = int_list(value_of(args[2]));
  r.strides = int_list(value_of(args[3]));
  const Value size = Value::size(r.sizes), quantizer = value_of(args[4]);
  track(size);
  if (packed_elements(dtype) > 1) {  // the bytes, in one row
    int64_t numel = 1;
    for (int64_t s : r.sizes)
      check(s >= 0 && !__builtin_mul_overflow(numel, s, &numel), "a tensor's number of elements overflows");
    check(r.offset == 0 && r.sizes.size() == r.strides.size() && r.is_contiguous(),
          "a tensor of packed integers is not contiguous");
    const int64_t n = packed_elements(dtype);
    r.sizes = {numel / n + (numel % n != 0 ? 1 : 0)};
    r.strides = {1};
  }
  check_tensor_record(r, storages_[static_cast<size_t>(r.storage)].nbytes, context_, at_);
  check(quantizer.kind() == ValueKind::kTuple && quantizer.items().size() >= 3 &&
            quantizer.items()[0].is_string(),
        "the scheme of a quantized tensor is missing");
  const std::vector<Value>& items = quantizer.items();
  if (items[0].text() == "torch.per_tensor_affine")
    check(items.size() == 3 && items[1].kind() == ValueKind::kFloat && items[2].kind() == ValueKind::kInt,
          "a quantized tensor needs a scale and a zero point");
  else
    check(items.size() == 4 && items[1].is_tensor() && items[2].is_tensor() &&
              items[3].kind() == ValueKind::kInt && items[0].text().substr(0, 18) == "torch.per_channel_",
          "a quantized tensor needs scales, zero points and an axis");
  std::vector<Value> all{items[0], Value::tensor(std::move(r)), Value::dtype(dtype), size};
  all.insert(all.end(), items.begin() + 1, items.end());
  Value made = Value::sparse(std::move(all));
  track(made);
  return made;
}

Value Unpickler::make_size(const Arguments& args) {
  check(args.size() <= 1, "a Size takes one argument");
  return args.empty() ? Value::size({}) : Value::size(int_list(value_of(args[0])));
}

Value Unpickler::make_device(const Arguments& args) {
  check(args.size() == 1 || args.size() == 2, "a device has a type and an index");
  std::string name = string_of(args[0], "device");
  check(name.size() <= 64, "the device's name is too long");
  if (args.size() == 2 && !value_of(args[1]).is_none()) {
    const int64_t index = int_of(args[1], "device index");
    check(index >= 0 && index < 65536, "the device's index is out of range");
    name += cat(':', index);
  }
  return Value::device(std::move(name));
}

Value Unpickler::make_complex(const Arguments& args) {
  check(args.size() == 2, "a complex number has two parts");
  double parts[2];
  for (int i = 0; i < 2; ++i) {
    const Value v = value_of(args[static_cast<size_t>(i)]);
    check(v.kind() == ValueKind::kFloat || v.kind() == ValueKind::kInt, "a complex number has two parts");
    parts[i] = v.as_float();
  }
  return Value::complex({parts[0], parts[1]});
}

Value Unpickler::make_bytes(const Arguments& args) {
  // Protocol 2 writes bytes as text in which every character is one byte.
  check(args.size() == 2 && string_of(args[1], "encoding") == "latin1", "bytes must be encoded as latin1");
  const std::string& text = string_of(args[0], "bytes");
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      out.push_back(text[i]);
      continue;
    }
    check((c == 0xc2 || c == 0xc3) && i + 1 < text.size(), "bytes must be encoded as latin1");
    out.push_back(static_cast<char>(((c & 3) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f)));
  }
  return Value::bytes(std::move(out));
}

std::vector<int64_t> Unpickler::int_list(const Value& v) {
  check(v.is_sequence() && v.items().size() <= kMaxDims, "expected a short tuple of integers");
  std::vector<int64_t> out;
  out.reserve(v.items().size());
  for (const Value& item : v.items()) {
    check(item.kind() == ValueKind::kInt, "expected a tuple of integers");
    out.push_back(item.as_int());
  }
  return out;
}

int64_t Unpickler::int_of(const Item& v, const char* what) {
  check(v.kind == Item::Kind::kValue && v.value.kind() == ValueKind::kInt,
        cat("the ", what, " is no integer"));
  return v.value.as_int();
}

const std::string& Unpickler::string_of(const Item& v, const char* what) {
  check(v.kind == Item::Kind::kValue && v.value.is_string(), cat("the ", what, " is no string"));
  return v.value.text();
}

Value Unpickler::value_of(const Item& v) {
  check(is_value(v), "a class or a bare storage stands where a value must be", kUnsafeHint);
  return v.value;
}

Arguments Unpickler::arguments_of(const Item& v) {
  check(v.kind == Item::Kind::kValue && v.value.kind() == ValueKind::kTuple, "arguments must be a tuple");
  auto it = arguments_.find(v.value.identity());
  if (it != arguments_.end()) return it->second;
  check(v.value.items().size() <= 16, "too many arguments");
  Arguments args;
  for (const Value& item : v.value.items()) args.emplace_back(item);
  return args;
}

/// Checks UTF-8 (surrogates pass, as in Python's pickles) and copies.
std::string Unpickler::utf8(ByteSpan s) {
  for (uint64_t i = 0; i < s.size;) {
    const uint8_t c = s.data[i];
    if (c < 0x80) {
      ++i;
      continue;
    }
    const int n = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0;
    bool ok = n > 0 && s.size - i > static_cast<uint64_t>(n);
    for (int k = 1; ok && k <= n; ++k) ok = (s.data[i + static_cast<uint64_t>(k)] & 0xc0) == 0x80;
    if (ok && c == 0xe0) ok = s.data[i + 1] >= 0xa0;
    if (ok && c == 0xf0) ok = s.data[i + 1] >= 0x90;
    if (ok && c == 0xf4) ok = s.data[i + 1] < 0x90;
    check(ok, "a string is not UTF-8");
    i += static_cast<uint64_t>(n) + 1;
  }
  return std::string(s.text());
}

}  // namespace

void check_tensor_record(const TensorRecord& r, uint64_t storage_bytes, const FormatContext& context,
                         uint64_t at) {
  context.check(r.sizes.size() == r.strides.size() && r.sizes.size() <= kMaxDims, at,
                "a tensor's sizes and strides differ in length");
  context.check(r.offset >= 0, at, "a tensor's offset is negative");
  int64_t numel = 1;
  int64_t last = r.offset;
  bool empty = false;
  for (size_t d = 0; d < r.sizes.size(); ++d) {
    const int64_t size = r.sizes[d], stride = r.strides[d];
    context.check(size >= 0 && stride >= 0, at, "a tensor has a negative size or stride");
    empty = empty || size == 0;
    int64_t span = 0;
    context.check(!__builtin_mul_overflow(numel, std::max<int64_t>(size, 1), &numel), at,
                  "a tensor's number of elements overflows");
    context.check(size == 0 || (!__builtin_mul_overflow(size - 1, stride, &span) &&
                                !__builtin_add_overflow(last, span, &last)),
                  at, "a tensor's extent overflows");
  }
  // An empty tensor touches nothing, but its offset must still lie in the storage.
  const uint64_t needed_elements = static_cast<uint64_t>(empty ? r.offset : last) + (empty ? 0 : 1);
  uint64_t needed = 0;
  context.check(checked_mul(needed_elements, element_size(r.dtype), &needed), at,
                "a tensor's extent overflows");
  if (needed > storage_bytes) {
    context.fail(at, cat("a tensor reaches beyond its storage; got a storage of ", storage_bytes,
                         " bytes; expected at least ", needed));
  }
}

PickleResult read_pickle(ByteSpan bytes, const FormatContext& context, const ParseLimits& limits,
                         const StorageResolver& resolver, const std::vector<Storage>& storages) {
  return Unpickler(bytes, context, limits, resolver, storages).run();
}

}  // namespace rustorch::formats
