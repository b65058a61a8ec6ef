#include "formats/npy.h"

#include <algorithm>
#include <optional>

#include "formats/pickle.h"

namespace rustorch::formats {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxDims = 64;

struct TypeCode {
  const char* code;
  DType dtype;
};
constexpr TypeCode kTypes[] = {{"b1", kBool},    {"u1", kUInt8},     {"i1", kInt8},        {"i2", kInt16},
                               {"i4", kInt32},   {"i8", kInt64},     {"f2", kFloat16},     {"f4", kFloat32},
                               {"f8", kFloat64}, {"c8", kComplex64}, {"c16", kComplex128}, {"u2", kUInt16},
                               {"u4", kUInt32},  {"u8", kUInt64}};

struct Header {
  DType dtype = kFloat32;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// Reads the header, a Python dict literal of exactly three keys.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const FormatContext& context) : text_(text), context_(context) {}

  Header parse() {
    bool have_descr = false, have_order = false, have_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !have_descr) {
        have_descr = true;
        parse_descr(quoted());
      } else if (key == "fortran_order" && !have_order) {
        have_order = true;
        const std::string_view word = take_word();
        check(word == "True" || word == "False", "fortran_order is no bool");
        header_.fortran_order = word == "True";
      } else if (key == "shape" && !have_shape) {
        have_shape = true;
        parse_shape();
      } else {
        check(false, "the header has an unknown or repeated key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    check(at_ == text_.size(), "the header goes on after its dict");
    check(have_descr && have_order && have_shape, "the header lacks descr, fortran_order or shape");
    return std::move(header_);
  }

 private:
  void check(bool ok, std::string_view what) const {
    if (!ok) context_.fail(what);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) { check(accept(c), "the header is no valid dict"); }
  std::string_view quoted() {
    skip_space();
    check(at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"'), "the header is no valid dict");
    const size_t end = text_.find(text_[at_], at_ + 1);
    check(end != std::string_view::npos, "the header is no valid dict");
    const std::string_view s = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return s;
  }
  std::string_view take_word() {
    skip_space();
    const size_t from = at_;
    while (at_ < text_.size() &&
           ((text_[at_] >= 'a' && text_[at_] <= 'z') || (text_[at_] >= 'A' && text_[at_] <= 'Z'))) {
      ++at_;
    }
    return text_.substr(from, at_ - from);
  }
  int64_t integer() {
    skip_space();
    const size_t from = at_;
    int64_t v = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      check(!__builtin_mul_overflow(v, 10, &v) && !__builtin_add_overflow(v, text_[at_] - '0', &v),
            "the shape overflows");
      ++at_;
    }
    check(at_ > from, "the shape is no tuple of integers");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return v;
  }
  void parse_shape() {
    expect('(');
    while (!accept(')')) {
      check(header_.shape.size() < kMaxDims, "the array has too many dimensions");
      header_.shape.push_back(integer());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
  }
  void parse_descr(std::string_view descr) {
    check(descr.size() >= 3, "unknown descr");
    const char order = descr[0];
    check(order == '<' || order == '>' || order == '|' || order == '=', "unknown descr");
    header_.big_endian = order == '>';
    for (const TypeCode& type : kTypes) {
      if (descr.substr(1) == type.code) {
        header_.dtype = type.dtype;
        return;
      }
    }
    context_.fail(cat("arrays of type '", FormatContext::printable(descr), "' are not read"),
                  "convert the array to a type that rustorch has");
  }

  std::string_view text_;
  const FormatContext& context_;
  size_t at_ = 0;
  Header header_;
};

std::vector<int64_t> fortran_strides(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t step = 1;
  for (size_t d = 0; d < sizes.size(); ++d) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return strides;
}

}  // namespace

Archive parse_npy(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context,
                  const ParseLimits& limits) {
  context.check(bytes.size <= limits.max_bytes, 0, "the file is larger than the limit on bytes",
                "raise ParseLimits::max_bytes");
  ByteReader in(bytes, context);
  context.check(in.take(kMagic.size(), "the magic string").text() == kMagic, 0, "not an .npy file");
  const uint8_t major = in.u8("the version");
  in.u8("the version");
  context.check(major >= 1 && major <= 3, 6, "unknown .npy version");
  const uint64_t header_size = major == 1 ? in.u16("the header length") : in.u32("the header length");
  context.check(header_size <= (1u << 20), 8, "the header is too long");
  const Header header = HeaderParser(in.take(header_size, "the header").text(), context).parse();

  TensorRecord r;
  r.dtype = header.dtype;
  r.sizes = header.shape;
  uint64_t nbytes = element_size(header.dtype);
  bool fits = true, empty = false;
  // Empty arrays may have other dimensions that are huge: their product must still fit.
  for (int64_t s : header.shape) {
    empty = empty || s == 0;
    fits = fits && checked_mul(nbytes, static_cast<uint64_t>(std::max<int64_t>(s, 1)), &nbytes);
  }
  context.check(fits && nbytes <= INT64_MAX, 8, "the size of the array overflows");
  if (empty) nbytes = 0;
  const ByteSpan data = in.take(nbytes, "the array");
  r.strides = header.fortran_order ? fortran_strides(r.sizes) : contiguous_strides(r.sizes);

  Storage s;
  s.data = data.data;
  s.nbytes = nbytes;
  s.dtype = header.dtype;
  s.owner = std::move(owner);
  const uint64_t width = element_size(real_type(header.dtype));
  if (header.big_endian && width > 1) {
    auto buffer = std::make_shared<std::vector<uint8_t>>(data.data, data.data + data.size);
    for (uint64_t i = 0; i + width <= nbytes; i += width) {
      std::reverse(buffer->data() + i, buffer->data() + i + width);
    }
    s.data = buffer->data();
    s.owner = std::move(buffer);
  } else if (reinterpret_cast<uintptr_t>(s.data) % width != 0) {
    s = make_storage(data.data, nbytes, header.dtype);
  }
  Archive archive;
  archive.storages.push_back(std::move(s));
  archive.root = Value::tensor(std::move(r));
  return archive;
}

Archive parse_npz(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context,
                  const ParseLimits& limits) {
  context.check(bytes.size <= limits.max_bytes, 0, "the file is larger than the limit on bytes",
                "raise ParseLimits::max_bytes");
  const ZipReader zip(bytes, context, limits);
  Archive archive;
  archive.root = Value::dict();
  for (const ZipReader::Entry& e : zip.entries()) {
    std::string name = e.name;
    context.check(name.size() > 4 && name.substr(name.size() - 4) == ".npy", e.offset,
                  cat("the entry '", FormatContext::printable(name), "' is no array"));
    name.resize(name.size() - 4);
    ByteSpan content;
    std::shared_ptr<const void> content_owner = owner;
    if (e.deflated) {
      auto buffer = std::make_shared<std::vector<uint8_t>>(e.size);
      zip.read(e, buffer->data());
      content = ByteSpan(buffer->data(), buffer->size());
      content_owner = std::move(buffer);
    } else {
      content = zip.view(e);
    }
    Archive one = parse_npy(content, std::move(content_owner), context.with_entry(e.name), limits);
    one.root.tensor().storage = static_cast<int64_t>(archive.storages.size());
    archive.storages.push_back(std::move(one.storages[0]));
    archive.root.append(name, std::move(one.root));
  }
  return archive;
}

void emit_npy(const ByteSink& sink, const TensorRecord& r, const Storage& s) {
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                  [&](const TypeCode& t) { return t.dtype == r.dtype; });
  RT_CHECK(type != std::end(kTypes), NotImplemented, "save_npy", "NumPy has no type for ",
           dtype_name(r.dtype), "; convert the tensor to float32 first");
  RT_CHECK(r.is_contiguous() && !r.is_conj && !r.is_neg, Value, "save_npy",
           "the tensor is not contiguous; call contiguous() first");
  FormatContext context;
  context.op = "save_npy";
  check_tensor_record(r, s.nbytes, context, 0);
  std::string header = cat("{'descr': '", element_size(r.dtype) == 1 ? '|' : '<', type->code,
                           "', 'fortran_order': False, 'shape': (");
  for (size_t d = 0; d < r.sizes.size(); ++d) header += cat(d ? ", " : "", r.sizes[d]);
  header += r.sizes.size() == 1 ? ",), }" : "), }";
  // The array starts at a multiple of 64 bytes.
  header.append(63 - (kMagic.size() + 4 + header.size()) % 64, ' ');
  header.push_back('\n');
  std::string start(kMagic);
  start.append("\x01\x00", 2);
  append_le(start, header.size(), 2);
  start += header;
  sink(start.data(), start.size());
  const uint64_t width = element_size(r.dtype);
  const uint64_t nbytes = static_cast<uint64_t>(r.numel()) * width;
  if (nbytes > 0) sink(s.data + static_cast<uint64_t>(r.offset) * width, nbytes);
}

void emit_npz(const ByteSink& sink, const Archive& archive) {
  ZipWriter zip(sink);
  for (const auto& [key, v] : archive.root.entries()) {
    RT_CHECK(key.is_string() && v.is_tensor(), Type, "save_npz",
             "only a flat dict of tensors can be saved; got ", v.kind_name(), " under a ", key.kind_name(),
             " key");
    std::string content;
    RT_CHECK(v.tensor().storage >= 0 && static_cast<size_t>(v.tensor().storage) < archive.storages.size(),
             Value, "save_npz", "the tensor '", key.text(), "' names a storage that is not in the table");
    emit_npy([&](const void* data, uint64_t n) { content.append(static_cast<const char*>(data), n); },
             v.tensor(), archive.storages[static_cast<size_t>(v.tensor().storage)]);
    zip.add(key.text() + ".npy", content);
  }
  zip.finish();
}

}  // namespace rustorch::formats
