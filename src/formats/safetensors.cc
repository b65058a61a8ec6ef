#include "formats/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "formats/pickle.h"

namespace rustorch::formats {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxDims = 64;

struct TypeName {
  const char* name;
  DType dtype;
};
constexpr TypeName kTypes[] = {{"BOOL", kBool},
                               {"U8", kUInt8},
                               {"I8", kInt8},
                               {"I16", kInt16},
                               {"I32", kInt32},
                               {"I64", kInt64},
                               {"F16", kFloat16},
                               {"BF16", kBFloat16},
                               {"F32", kFloat32},
                               {"F64", kFloat64},
                               {"C64", kComplex64},
                               {"U16", kUInt16},
                               {"U32", kUInt32},
                               {"U64", kUInt64},
                               {"F8_E4M3", kFloat8_e4m3fn},
                               {"F8_E5M2", kFloat8_e5m2},
                               {"F8_E4M3FNUZ", kFloat8_e4m3fnuz},
                               {"F8_E5M2FNUZ", kFloat8_e5m2fnuz},
                               {"F8_E8M0", kFloat8_e8m0fnu}};

struct Tensor {
  std::string name;
  DType dtype = kUInt8;
  bool has_dtype = false, has_shape = false, has_offsets = false;
  std::vector<int64_t> shape;
  std::vector<uint64_t> offsets;
};

/// Receives the header piece by piece, so that no document is built and the nesting is known at every point.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const FormatContext& context, const ParseLimits& limits)
      : context_(context), limits_(limits) {}

  std::vector<Tensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;

  bool null() override { return unexpected(); }
  bool boolean(bool) override { return unexpected(); }
  bool number_float(double, const std::string&) override { return unexpected(); }
  bool binary(nlohmann::json::binary_t&) override { return unexpected(); }
  bool number_integer(int64_t) override { context_.fail("the header has a negative number"); }
  bool number_unsigned(uint64_t v) override {
    if (!in_list_) return unexpected();
    if (field_ == "shape") {
      check(v <= INT64_MAX && tensors.back().shape.size() < kMaxDims, "the header has an impossible shape");
      tensors.back().shape.push_back(static_cast<int64_t>(v));
    } else {
      check(tensors.back().offsets.size() < 2, "data_offsets must be two numbers");
      tensors.back().offsets.push_back(v);
    }
    return true;
  }
  bool string(std::string& v) override {
    if (depth_ != 2 || in_list_) return unexpected();
    if (in_metadata_) {
      metadata.emplace_back(field_, std::move(v));
      return true;
    }
    check(field_ == "dtype", "a tensor's header has a string where none belongs");
    for (const TypeName& type : kTypes) {
      if (v != type.name) continue;
      tensors.back().dtype = type.dtype;
      tensors.back().has_dtype = true;
      return true;
    }
    context_.fail(cat("the dtype '", FormatContext::printable(v), "' is not known"),
                  "convert the tensor to a type that rustorch has");
  }
  bool start_object(size_t) override {
    check(depth_ < 2 && !in_list_, "the header is nested too deeply");
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) {
      if (!in_metadata_) {
        const Tensor& t = tensors.back();
        check(t.has_dtype && t.has_shape && t.has_offsets && t.offsets.size() == 2,
              cat("the tensor '", FormatContext::printable(t.name), "' lacks dtype, shape or data_offsets"));
      }
      in_metadata_ = false;
    }
    return true;
  }
  bool key(std::string& v) override {
    if (depth_ == 1) {
      check(names_.insert(v).second, cat("the name '", FormatContext::printable(v), "' is there twice"));
      check(names_.size() <= limits_.max_items, "the header has too many names");
      in_metadata_ = v == "__metadata__";
      if (!in_metadata_) tensors.emplace_back().name = v;
      fields_.clear();
    } else {
      check(fields_.insert(v).second, cat("the field '", FormatContext::printable(v), "' is there twice"));
      check(in_metadata_ || v == "dtype" || v == "shape" || v == "data_offsets",
            cat("a tensor's header has the unknown field '", FormatContext::printable(v), "'"));
      field_ = std::move(v);
    }
    return true;
  }
  bool start_array(size_t) override {
    check(depth_ == 2 && !in_metadata_ && !in_list_ && (field_ == "shape" || field_ == "data_offsets"),
          "the header has a list where none belongs");
    (field_ == "shape" ? tensors.back().has_shape : tensors.back().has_offsets) = true;
    in_list_ = true;
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
    context_.fail(8 + position, "the header is no valid JSON");
  }

 private:
  bool unexpected() { context_.fail("the header has a value of a kind that does not belong there"); }
  void check(bool ok, std::string_view what) const {
    if (!ok) context_.fail(what);
  }

  const FormatContext& context_;
  const ParseLimits& limits_;
  int depth_ = 0;
  bool in_metadata_ = false, in_list_ = false;
  std::string field_;
  std::unordered_set<std::string> names_, fields_;
};

/// The number of bytes that shape and dtype ask for.
uint64_t byte_size(const Tensor& t, const FormatContext& context) {
  uint64_t n = element_size(t.dtype);
  bool fits = true;
  for (int64_t s : t.shape) fits = fits && checked_mul(n, static_cast<uint64_t>(s), &n);
  if (!fits || n > INT64_MAX)
    context.fail(cat("the size of '", FormatContext::printable(t.name), "' overflows"));
  return n;
}

}  // namespace

SafetensorsFile parse_safetensors(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context,
                                  const ParseLimits& limits) {
  context.check(bytes.size <= limits.max_bytes, 0, "the file is larger than the limit on bytes",
                "raise ParseLimits::max_bytes");
  ByteReader in(bytes, context);
  const uint64_t header_size = in.u64("the header length");
  context.check(header_size <= kMaxHeader, 0, "the header is larger than 100 MB",
                "the file is no safetensors file");
  const ByteSpan header = in.take(header_size, "the header");
  context.check(header.size > 0 && header.data[0] == '{', 8, "the header does not start with '{'");
  HeaderReader reader(context, limits);
  nlohmann::json::sax_parse(header.data, header.data + header.size, &reader);

  const uint64_t data_start = in.position();
  const uint64_t data_size = in.remaining();
  std::vector<const Tensor*> by_offset;
  for (const Tensor& t : reader.tensors) by_offset.push_back(&t);
  std::sort(by_offset.begin(), by_offset.end(), [](const Tensor* a, const Tensor* b) {
    return std::make_pair(a->offsets[0], a->offsets[1]) < std::make_pair(b->offsets[0], b->offsets[1]);
  });
  uint64_t expected = 0;
  for (const Tensor* t : by_offset) {
    context.check(
        t->offsets[0] == expected && t->offsets[1] >= t->offsets[0] && t->offsets[1] <= data_size,
        data_start + std::min(expected, data_size),
        cat("the offsets of '", FormatContext::printable(t->name), "' leave a gap, overlap or lie outside"));
    context.check(t->offsets[1] - t->offsets[0] == byte_size(*t, context), data_start + t->offsets[0],
                  cat("'", FormatContext::printable(t->name), "' has another size than its shape says"));
    expected = t->offsets[1];
  }
  context.check(expected == data_size, data_start + expected, "there are bytes after the last tensor");

  SafetensorsFile file;
  file.archive.root = Value::dict(/*ordered=*/true);
  file.metadata = std::move(reader.metadata);
  for (Tensor& t : reader.tensors) {
    Storage s;
    s.nbytes = t.offsets[1] - t.offsets[0];
    s.data = bytes.data + data_start + t.offsets[0];
    s.dtype = t.dtype;
    s.owner = owner;
    // Complex numbers are two floats: the real type's alignment is enough.
    if (reinterpret_cast<uintptr_t>(s.data) % element_size(real_type(t.dtype)) != 0) {
      s = make_storage(s.data, s.nbytes, t.dtype);
    }
    TensorRecord r;
    r.dtype = t.dtype;
    r.sizes = std::move(t.shape);
    r.strides = contiguous_strides(r.sizes);
    r.storage = static_cast<int64_t>(file.archive.storages.size());
    file.archive.storages.push_back(std::move(s));
    file.archive.root.append(t.name, Value::tensor(std::move(r)));
  }
  return file;
}

void emit_safetensors(const ByteSink& sink, const SafetensorsFile& file) {
  struct Item {
    const std::string* name;
    const TensorRecord* record;
    const uint8_t* data;
    uint64_t nbytes;
  };
  std::vector<Item> items;
  for (const auto& [key, v] : file.archive.root.entries()) {
    RT_CHECK(key.is_string() && v.is_tensor(), Type, "save_safetensors",
             "only a flat dict of tensors can be saved; got ", v.kind_name(), " under a ", key.kind_name(),
             " key");
    const TensorRecord& r = v.tensor();
    RT_CHECK(r.is_contiguous() && !r.is_conj && !r.is_neg, Value, "save_safetensors", "the tensor '",
             key.text(), "' is not contiguous; call contiguous() first");
    RT_CHECK(r.dtype != kComplex128 && r.dtype < kComplex32, NotImplemented, "save_safetensors",
             "the format has no ", dtype_name(r.dtype), "; got '", key.text(), "'");
    RT_CHECK(r.storage >= 0 && static_cast<size_t>(r.storage) < file.archive.storages.size(), Value,
             "save_safetensors", "the tensor '", key.text(), "' names a storage that is not in the table");
    const Storage& s = file.archive.storages[static_cast<size_t>(r.storage)];
    FormatContext context;
    context.op = "save_safetensors";
    check_tensor_record(r, s.nbytes, context, 0);
    const uint64_t width = element_size(r.dtype);
    items.push_back({&key.text(), &r, s.data + static_cast<uint64_t>(r.offset) * width,
                     static_cast<uint64_t>(r.numel()) * width});
  }
  // Widest first, as the reference writes them: every tensor stays aligned.
  std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    const auto width = [](const Item& i) { return element_size(i.record->dtype); };
    return width(a) != width(b) ? width(a) > width(b) : *a.name < *b.name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  for (const auto& [key, text] : file.metadata) header["__metadata__"][key] = text;
  uint64_t offset = 0;
  for (const Item& item : items) {
    RT_CHECK(!header.contains(*item.name), Value, "save_safetensors", "the name '", *item.name,
             "' is there twice");
    const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [&](const TypeName& t) { return t.dtype == item.record->dtype; });
    header[*item.name] = {{"dtype", type->name},
                          {"shape", item.record->sizes},
                          {"data_offsets", {offset, offset + item.nbytes}}};
    offset += item.nbytes;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    raise(ErrorKind::Value, "save_safetensors", "a name is not UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  RT_CHECK(text.size() <= kMaxHeader, Value, "save_safetensors", "the header is larger than 100 MB; got ",
           text.size());
  std::string length;
  append_le(length, text.size(), 8);
  sink(length.data(), length.size());
  sink(text.data(), text.size());
  for (const Item& item : items) {
    if (item.nbytes > 0) sink(item.data, item.nbytes);
  }
}

}  // namespace rustorch::formats
