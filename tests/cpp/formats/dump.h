// Test helpers: the text form of a Value that tests/golden/make_formats_golden.py writes, and file access.
#pragma once
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "formats/value.h"
#include "rustorch/error.h"

namespace rustorch::formats {

inline std::string hex(std::string_view s) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (char c : s) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

inline std::string hex(double v) {
  uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  std::string s;
  for (int shift = 56; shift >= 0; shift -= 8) s.push_back(static_cast<char>(bits >> shift));
  return hex(s);
}

inline std::string join(const std::vector<int64_t>& v) {
  std::string s;
  for (size_t i = 0; i < v.size(); ++i) s += cat(i ? "," : "", v[i]);
  return s;
}

/// Flips the signs that is_conj and is_neg ask for.
inline void resolve_signs(const TensorRecord& r, std::string& element) {
  const size_t half = element.size() / (is_complex(r.dtype) ? 2 : 1);
  for (size_t end = half; end <= element.size(); end += half) {
    const bool imaginary = end > half;
    if (r.is_neg != (imaginary && r.is_conj)) element[end - 1] = static_cast<char>(element[end - 1] ^ 0x80);
  }
}

inline std::string dump_tensor(const TensorRecord& r, const Storage& s) {
  std::string data;
  std::vector<int64_t> index(r.sizes.size(), 0);
  const size_t width = element_size(r.dtype);
  for (int64_t i = 0; i < r.numel(); ++i) {
    int64_t at = r.offset;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * r.strides[d];
    std::string element(reinterpret_cast<const char*>(s.data) + static_cast<size_t>(at) * width, width);
    resolve_signs(r, element);
    data += element;
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < r.sizes[d]) break;
      index[d] = 0;
    }
  }
  return cat("tensor(", dtype_name(r.dtype), ";", join(r.sizes), ";", join(r.strides), ";", r.offset, ";",
             r.is_parameter ? "p" : "", r.requires_grad ? "g" : "", ";", hex(data), ")");
}

inline std::string dump(const Value& v, const std::vector<Storage>& storages) {
  const auto each = [&](const std::vector<Value>& items) {
    std::string s;
    for (size_t i = 0; i < items.size(); ++i) s += (i ? "," : "") + dump(items[i], storages);
    return s;
  };
  switch (v.kind()) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kBool:
      return v.as_bool() ? "True" : "False";
    case ValueKind::kInt:
      return std::to_string(v.as_int());
    case ValueKind::kBigInt:
      return "big:" + hex(v.text());
    case ValueKind::kFloat:
      return "float:" + hex(v.as_float());
    case ValueKind::kComplex:
      return "complex:" + hex(v.as_complex().real()) + hex(v.as_complex().imag());
    case ValueKind::kString:
      return "str:" + hex(v.text());
    case ValueKind::kBytes:
      return "bytes:" + hex(v.text());
    case ValueKind::kByteArray:
      return "bytearray:" + hex(v.text());
    case ValueKind::kDType:
      return cat("dtype:", dtype_name(v.as_dtype()));
    case ValueKind::kDevice:
      return "device:" + v.text();
    case ValueKind::kTensor:
      return dump_tensor(v.tensor(), storages[static_cast<size_t>(v.tensor().storage)]);
    case ValueKind::kDict: {
      std::string s = v.is_ordered_dict() ? "odict(" : "dict(";
      bool first = true;
      for (const auto& [key, item] : v.entries()) {
        s += (first ? "" : ",") + dump(key, storages) + "=" + dump(item, storages);
        first = false;
      }
      s += ")";
      if (!v.attributes().is_none()) s += "attrs(" + dump(v.attributes(), storages) + ")";
      return s;
    }
    default:
      return cat(v.kind_name(), "(", each(v.items()), ")");
  }
}

inline std::string dump(const Archive& a) { return dump(a.root, a.storages); }

/// Path of a golden file of this folder.
inline std::string golden_path(const std::string& name) {
  return std::string(RT_TEST_DIR "/golden/formats/") + name;
}

inline std::shared_ptr<std::string> golden(const std::string& name) {
  std::ifstream file(golden_path(name), std::ios::binary);
  if (!file) raise(ErrorKind::Io, "golden", cat("cannot open ", golden_path(name)));
  return std::make_shared<std::string>(std::istreambuf_iterator<char>(file),
                                       std::istreambuf_iterator<char>());
}

}  // namespace rustorch::formats
