#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/quantized_data.h"
#include "formats/pickle.h"
#include "formats/pickle_numpy.h"

namespace rustorch::formats {
namespace {

constexpr size_t kBatch = 1000;       // items per APPENDS/SETITEMS, as Python writes them
constexpr int kMaxWriteDepth = 1000;  // deeper values would not be read back

class Pickler {
 public:
  explicit Pickler(const std::vector<Storage>& storages) : storages_(storages) {}

  std::string run(const Value& root) {
    out_.append("\x80\x02", 2);
    save(root, 0);
    out_.push_back('.');
    return std::move(out_);
  }

 private:
  void save(const Value& v, int depth);
  void save_int(int64_t v);
  void save_float(double v);
  void save_big(const std::string& bytes);
  void save_string(const std::string& s);
  void save_bytes(const std::string& s);
  void save_global(const std::string& module, const std::string& name);
  void save_tuple(const Value& v, int depth);
  void save_list(const Value& v, int depth);
  void save_list_items(const std::vector<Value>& items, int depth);
  void save_dict(const Value& v, int depth);
  void save_tensor(const TensorRecord& r);
  void save_tensor_data(const TensorRecord& r);
  void save_storage(int64_t index, const char* storage_class, size_t item);
  void save_array(const Value& v, int depth);
  void save_quantized(const Value& v, int depth);
  void save_dims(const std::vector<int64_t>& dims);
  void close_tuple(size_t n);
  void reduce_one(const std::string& module, const std::string& name, const std::function<void()>& arguments);

  /// Emits a GET when the key was put before.
  bool recall(const std::string& key) {
    auto it = named_.find(key);
    if (it == named_.end()) return false;
    get(it->second);
    return true;
  }
  void get(uint32_t index) {
    out_.push_back(index < 256 ? 'h' : 'j');
    append_le(out_, index, index < 256 ? 1 : 4);
  }
  uint32_t put() {
    const uint32_t index = next_memo_++;
    out_.push_back(index < 256 ? 'q' : 'r');
    append_le(out_, index, index < 256 ? 1 : 4);
    return index;
  }

  const std::vector<Storage>& storages_;
  std::string out_;
  uint32_t next_memo_ = 0;
  std::unordered_map<std::string, uint32_t> named_;  // strings and globals, by content
  // Nodes by address. A node being written has kOpen: meeting it again is a cycle.
  static constexpr uint32_t kOpen = 0xffffffff;
  std::unordered_map<const Node*, uint32_t> nodes_;
};

void Pickler::save(const Value& v, int depth) {
  RT_CHECK(depth < kMaxWriteDepth, Value, "save", "the value is nested too deeply");
  if (v.is_sequence() || v.is_dict() || v.is_tensor()) {
    auto [it, fresh] = nodes_.emplace(v.identity(), kOpen);
    if (!fresh) {
      RT_CHECK(it->second != kOpen, Value, "save", "the value contains itself");
      return get(it->second);
    }
  }
  switch (v.kind()) {
    case ValueKind::kNone:
      out_.push_back('N');
      return;
    case ValueKind::kBool:
      out_.push_back(v.as_bool() ? '\x88' : '\x89');
      return;
    case ValueKind::kInt:
      return save_int(v.as_int());
    case ValueKind::kBigInt:
      return save_big(v.text());
    case ValueKind::kFloat:
      return save_float(v.as_float());
    case ValueKind::kString:
      return save_string(v.text());
    case ValueKind::kBytes:
      return save_bytes(v.text());
    case ValueKind::kDType:
      return save_global("torch", dtype_name(v.as_dtype()));
    case ValueKind::kComplex:
      return reduce_one("__builtin__", "complex", [&] {
        save_float(v.as_complex().real());
        save_float(v.as_complex().imag());
        close_tuple(2);
      });
    case ValueKind::kByteArray:
      return reduce_one("__builtin__", "bytearray", [&] {
        save_bytes(v.text());
        close_tuple(1);
      });
    case ValueKind::kDevice:
      return reduce_one("torch", "device", [&] {
        const std::string& text = v.text();
        const size_t colon = text.find(':');
        save_string(text.substr(0, colon));
        if (colon != std::string::npos) save_int(std::strtoll(text.c_str() + colon + 1, nullptr, 10));
        close_tuple(colon == std::string::npos ? 1 : 2);
      });
    case ValueKind::kList:
      return save_list(v, depth);
    case ValueKind::kTuple:
      return save_tuple(v, depth);
    case ValueKind::kSize: {
      save_global("torch", "Size");
      std::vector<int64_t> dims;
      for (const Value& d : v.items()) dims.push_back(d.as_int());
      save_dims(dims);
      close_tuple(1);
      out_.push_back('R');
      nodes_[v.identity()] = put();
      return;
    }
    case ValueKind::kArray:
      save_array(v, depth);
      nodes_[v.identity()] = put();
      return;
    case ValueKind::kSparse: {
      if (is_quantized_record(v)) {
        save_quantized(v, depth);
        nodes_[v.identity()] = put();
        return;
      }
      save_global("torch._utils", "_rebuild_sparse_tensor");
      save_global("torch.serialization", "_get_layout");
      save_string(v.items()[0].text());
      close_tuple(1);
      out_.push_back('R');
      put();
      out_.push_back('(');
      for (size_t i = 1; i < v.items().size(); ++i) save(v.items()[i], depth + 1);
      out_.push_back('t');
      put();
      close_tuple(2);
      out_.push_back('R');
      nodes_[v.identity()] = put();
      return;
    }
    case ValueKind::kSet: {
      save_global("__builtin__", "set");
      out_.push_back(']');
      put();
      save_list_items(v.items(), depth);
      close_tuple(1);
      out_.push_back('R');
      nodes_[v.identity()] = put();
      return;
    }
    case ValueKind::kDict:
      return save_dict(v, depth);
    case ValueKind::kTensor:
      save_tensor(v.tensor());
      nodes_[v.identity()] = put();
      return;
  }
}

void Pickler::save_int(int64_t v) {
  if (v >= 0 && v < 256) {
    out_.push_back('K');
    append_le(out_, static_cast<uint64_t>(v), 1);
  } else if (v >= 0 && v < 65536) {
    out_.push_back('M');
    append_le(out_, static_cast<uint64_t>(v), 2);
  } else if (v >= INT32_MIN && v <= INT32_MAX) {
    out_.push_back('J');
    append_le(out_, static_cast<uint64_t>(v), 4);
  } else {
    std::string bytes;
    append_le(bytes, static_cast<uint64_t>(v), 8);
    save_big(bytes);
  }
}

void Pickler::save_big(const std::string& bytes) {
  RT_CHECK(bytes.size() < 256, Value, "save", "the integer is too large; got ", bytes.size(), " bytes");
  out_.push_back('\x8a');
  append_le(out_, bytes.size(), 1);
  out_ += bytes;
}

void Pickler::save_float(double v) {
  uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  out_.push_back('G');
  for (int shift = 56; shift >= 0; shift -= 8) out_.push_back(static_cast<char>(bits >> shift));
}

void Pickler::save_string(const std::string& s) {
  const std::string key = "s" + s;
  if (recall(key)) return;
  RT_CHECK(s.size() <= 0xffffffff, Value, "save", "the string is too long; got ", s.size(), " bytes");
  out_.push_back('X');
  append_le(out_, s.size(), 4);
  out_ += s;
  named_[key] = put();
}

void Pickler::save_bytes(const std::string& s) {
  // Protocol 2 has no bytes: they travel as text in latin1.
  save_global("_codecs", "encode");
  std::string text;
  text.reserve(s.size());
  for (char c : s) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80) {
      text.push_back(c);
    } else {
      text.push_back(static_cast<char>(0xc0 | (u >> 6)));
      text.push_back(static_cast<char>(0x80 | (u & 0x3f)));
    }
  }
  save_string(text);
  save_string("latin1");
  close_tuple(2);
  out_.push_back('R');
  put();
}

void Pickler::save_global(const std::string& module, const std::string& name) {
  const std::string key = "c" + module + "\n" + name;
  if (recall(key)) return;
  out_ += "c" + module + "\n" + name + "\n";
  named_[key] = put();
}

/// Ends a tuple of up to three items that were just written.
void Pickler::close_tuple(size_t n) {
  out_.push_back(static_cast<char>(0x84 + n));
  put();
}

void Pickler::reduce_one(const std::string& module, const std::string& name,
                         const std::function<void()>& arguments) {
  save_global(module, name);
  arguments();
  out_.push_back('R');
  put();
}

void Pickler::save_tuple(const Value& v, int depth) {
  const auto& items = v.items();
  if (items.empty()) {
    out_.push_back(')');
    nodes_.erase(v.identity());
    return;
  }
  if (items.size() > 3) out_.push_back('(');
  for (const Value& item : items) save(item, depth + 1);
  out_.push_back(items.size() > 3 ? 't' : static_cast<char>(0x84 + items.size()));
  nodes_[v.identity()] = put();
}

void Pickler::save_list(const Value& v, int depth) {
  out_.push_back(']');
  const uint32_t index = put();
  save_list_items(v.items(), depth);
  nodes_[v.identity()] = index;  // only now: meeting it while its items are written is a cycle
}

void Pickler::save_list_items(const std::vector<Value>& items, int depth) {
  for (size_t from = 0; from < items.size(); from += kBatch) {
    const size_t to = std::min(items.size(), from + kBatch);
    if (to - from > 1) out_.push_back('(');
    for (size_t i = from; i < to; ++i) save(items[i], depth + 1);
    out_.push_back(to - from > 1 ? 'e' : 'a');
  }
}

void Pickler::save_dict(const Value& v, int depth) {
  if (v.is_ordered_dict()) {
    save_global("collections", "OrderedDict");
    out_.append(")R");
  } else {
    if (v.is_counter()) save_global("collections", "Counter");
    out_.push_back('}');
  }
  uint32_t index = put();
  const auto& entries = v.entries();
  for (size_t from = 0; from < entries.size(); from += kBatch) {
    const size_t to = std::min(entries.size(), from + kBatch);
    if (to - from > 1) out_.push_back('(');
    for (size_t i = from; i < to; ++i) {
      save(entries[i].first, depth + 1);
      save(entries[i].second, depth + 1);
    }
    out_.push_back(to - from > 1 ? 'u' : 's');
  }
  if (v.is_counter()) {  // Counter(dict)
    out_.append("\x85R");
    index = put();
  }
  if (!v.attributes().is_none()) {
    RT_CHECK(v.is_ordered_dict() && v.attributes().is_dict(), Value, "save",
             "only an OrderedDict can have attributes, given as a dict");
    save(v.attributes(), depth + 1);
    out_.push_back('b');
  }
  nodes_[v.identity()] = index;
}

/// As NumPy pickles its arrays: _reconstruct(ndarray, (0,), b"b") with a state.
void Pickler::save_array(const Value& v, int depth) {
  const std::vector<Value>& parts = v.items();
  RT_CHECK(is_finished_array(v) && !parts[1].is_none(), Value, "save", "an array of NumPy is incomplete");
  save_global("numpy._core.multiarray", "_reconstruct");
  save_global("numpy", "ndarray");
  save_int(0);
  close_tuple(1);
  save_bytes("b");
  close_tuple(3);
  out_.push_back('R');
  put();
  out_.push_back('(');
  save_int(1);
  save_dims([&] {
    std::vector<int64_t> dims;
    for (const Value& d : parts[1].items()) dims.push_back(d.as_int());
    return dims;
  }());
  const std::string& code = parts[0].text();  // "<f8"
  save_global("numpy", "dtype");
  save_string(code.substr(1));
  out_.append("\x89\x88");
  close_tuple(3);
  out_.push_back('R');
  put();
  out_.push_back('(');
  save_int(3);
  save_string(code.substr(0, 1));
  out_.append("NNN");
  const bool text = code[1] == 'U' || code[1] == 'S';  // their sizes stand in the state
  const int64_t length = text ? std::strtoll(code.c_str() + 2, nullptr, 10) : -1;
  save_int(text && code[1] == 'U' ? 4 * length : length);
  save_int(!text ? -1 : code[1] == 'U' ? 4 : 1);
  save_int(0);
  out_.push_back('t');
  put();
  out_.push_back('b');
  save(parts[2], depth + 1);
  save(parts[3], depth + 1);
  out_.push_back('t');
  put();
  out_.push_back('b');
}

void Pickler::save_dims(const std::vector<int64_t>& dims) {
  if (dims.empty()) {
    out_.push_back(')');
    return;
  }
  if (dims.size() > 3) out_.push_back('(');
  for (int64_t d : dims) save_int(d);
  out_.push_back(dims.size() > 3 ? 't' : static_cast<char>(0x84 + dims.size()));
  put();
}

void Pickler::save_tensor(const TensorRecord& r) {
  if (!r.is_parameter) return save_tensor_data(r);
  save_global("torch._utils", "_rebuild_parameter");
  TensorRecord data = r;
  data.requires_grad = false;
  save_tensor_data(data);
  put();
  out_.push_back(r.requires_grad ? '\x88' : '\x89');
  save_global("collections", "OrderedDict");
  out_.append(")R");
  put();
  close_tuple(3);
  out_.push_back('R');
}

/// The place of a storage's bytes; without a class it is one of bytes.
void Pickler::save_storage(int64_t index, const char* storage_class, size_t item) {
  const Storage& storage = storages_[static_cast<size_t>(index)];
  out_.push_back('(');
  save_string("storage");
  if (storage_class != nullptr)
    save_global("torch", storage_class);
  else
    save_global("torch.storage", "UntypedStorage");
  save_string(std::to_string(index));
  save_string(storage.device);
  save_int(static_cast<int64_t>(storage.nbytes / item));
  out_.push_back('t');
  put();
  out_.push_back('Q');
}

/// (scheme, record of the integers, dtype, size, scale, zero point[, axis]) as PyTorch's _rebuild_qtensor.
void Pickler::save_quantized(const Value& v, int depth) {
  const std::vector<Value>& items = v.items();
  const TensorRecord& r = items[1].tensor();
  const DType dtype = items[2].as_dtype();
  std::vector<int64_t> sizes;
  for (const Value& d : items[3].items()) sizes.push_back(d.as_int());
  save_global("torch._utils", "_rebuild_qtensor");
  out_.push_back('(');
  save_storage(r.storage, storage_class_name(dtype), element_size(dtype));
  save_int(r.offset);
  save_dims(sizes);
  save_dims(packed_elements(dtype) > 1 ? contiguous_strides(sizes) : r.strides);
  out_.push_back('(');
  save_global("torch", items[0].text().substr(6));
  for (size_t i = 4; i < items.size(); ++i) save(items[i], depth + 1);
  out_.push_back('t');
  put();
  out_.push_back('\x89');
  save_global("collections", "OrderedDict");
  out_.append(")R");
  put();
  out_.push_back('t');
  put();
  out_.push_back('R');
}

void Pickler::save_tensor_data(const TensorRecord& r) {
  RT_CHECK(r.storage >= 0 && static_cast<size_t>(r.storage) < storages_.size(), Value, "save",
           "a tensor names a storage that is not in the table; got ", r.storage, " of ", storages_.size());
  const Storage& storage = storages_[static_cast<size_t>(r.storage)];
  FormatContext context;
  context.op = "save";
  check_tensor_record(r, storage.nbytes, context, 0);
  // Views with another element type than their storage need the untyped form, and types without a class.
  const bool typed = storage_class_name(r.dtype) != nullptr && storage.dtype == r.dtype &&
                     storage.nbytes % element_size(r.dtype) == 0;
  save_global("torch._utils", typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
  out_.push_back('(');
  save_storage(r.storage, typed ? storage_class_name(r.dtype) : nullptr, typed ? element_size(r.dtype) : 1);
  save_int(r.offset);
  save_dims(r.sizes);
  save_dims(r.strides);
  out_.push_back(r.requires_grad ? '\x88' : '\x89');
  save_global("collections", "OrderedDict");
  out_.append(")R");
  put();
  if (!typed) save_global("torch", dtype_name(r.dtype));
  if (r.is_conj || r.is_neg) {
    out_.push_back('}');
    put();
    for (auto [name, on] : {std::pair<const char*, bool>{"conj", r.is_conj}, {"neg", r.is_neg}}) {
      if (!on) continue;
      save_string(name);
      out_.append("\x88s");
    }
  }
  out_.push_back('t');
  put();
  out_.push_back('R');
}

}  // namespace

std::string write_pickle(const Value& root, const std::vector<Storage>& storages) {
  return Pickler(storages).run(root);
}

}  // namespace rustorch::formats
