// What every parser of this folder shares: where it is (for error texts), bounded reading, checked
// arithmetic.
//
// A parser sees bytes and limits, checks a size before it allocates for it, and reports through
// FormatContext::fail: `op(): what is wrong at byte N of entry 'E' in 'F'; hint`. Nothing here reads past its
// span, whatever the input.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "rustorch/error.h"

namespace rustorch::formats {

/// A view of bytes that somebody else owns.
struct ByteSpan {
  const uint8_t* data = nullptr;
  uint64_t size = 0;

  ByteSpan() = default;
  ByteSpan(const void* p, uint64_t n) : data(static_cast<const uint8_t*>(p)), size(n) {}
  explicit ByteSpan(std::string_view s) : ByteSpan(s.data(), s.size()) {}
  std::string_view text() const { return {reinterpret_cast<const char*>(data), static_cast<size_t>(size)}; }
  /// Whether [offset, offset + n) lies inside.
  bool holds(uint64_t offset, uint64_t n) const { return offset <= size && n <= size - offset; }
};

inline bool checked_add(uint64_t a, uint64_t b, uint64_t* out) { return !__builtin_add_overflow(a, b, out); }
inline bool checked_mul(uint64_t a, uint64_t b, uint64_t* out) { return !__builtin_mul_overflow(a, b, out); }

inline constexpr std::string_view kUnsafeHint =
    "only tensors, numbers, strings and containers are read; save a state_dict instead of a whole object";
inline constexpr std::string_view kDamagedHint =
    "the file is damaged or cut short: fetch it again or use an older copy";

/// Names what is being parsed.
struct FormatContext {
  std::string op = "load";
  std::string file;   // empty: bytes in memory
  std::string entry;  // record inside the file, if any

  FormatContext with_entry(std::string name) const {
    FormatContext c = *this;
    c.entry = std::move(name);
    return c;
  }

  [[noreturn]] void fail(uint64_t offset, std::string_view what, std::string_view hint = kDamagedHint) const {
    raise(ErrorKind::Format, op, cat(what, "; at byte ", offset, place(), "; ", hint));
  }
  /// For faults that have no offset.
  [[noreturn]] void fail(std::string_view what, std::string_view hint = kDamagedHint) const {
    raise(ErrorKind::Format, op, cat(what, place(), "; ", hint));
  }
  void check(bool ok, uint64_t offset, std::string_view what, std::string_view hint = kDamagedHint) const {
    if (!ok) [[unlikely]]
      fail(offset, what, hint);
  }

 private:
  std::string place() const {
    std::string s;
    if (!entry.empty()) s += cat(" of entry '", printable(entry), "'");
    return s + (file.empty() ? std::string(" in the given bytes") : cat(" in '", file, "'"));
  }

 public:
  /// Text from a file made safe for an error message: bounded, no control characters.
  static std::string printable(std::string_view s) {
    std::string out;
    for (char c : s.substr(0, 120)) {
      out.push_back(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f ? c : '?');
    }
    return s.size() > 120 ? out + "..." : out;
  }
};

/// Little-endian reader over a span; every read is checked.
class ByteReader {
 public:
  ByteReader(ByteSpan bytes, const FormatContext& context, uint64_t position = 0)
      : bytes_(bytes), context_(context), position_(position) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size - position_; }
  bool at_end() const { return position_ >= bytes_.size; }

  ByteSpan take(uint64_t n, const char* what) {
    if (n > remaining()) [[unlikely]] {
      context_.fail(position_, cat("unexpected end of data while reading ", what, "; got ", remaining(),
                                   " bytes; expected ", n));
    }
    ByteSpan part(bytes_.data + position_, n);
    position_ += n;
    return part;
  }

  uint8_t u8(const char* what) { return *take(1, what).data; }
  uint16_t u16(const char* what) { return static_cast<uint16_t>(le(take(2, what))); }
  uint32_t u32(const char* what) { return static_cast<uint32_t>(le(take(4, what))); }
  uint64_t u64(const char* what) { return le(take(8, what)); }

  static uint64_t le(ByteSpan s) {
    uint64_t v = 0;
    for (uint64_t i = s.size; i-- > 0;) v = (v << 8) | s.data[i];
    return v;
  }

 private:
  ByteSpan bytes_;
  const FormatContext& context_;
  uint64_t position_;
};

/// Appends the low `n` bytes of v, little-endian.
inline void append_le(std::string& out, uint64_t v, int n) {
  for (int i = 0; i < n; ++i) out.push_back(i < 8 ? static_cast<char>(v >> (8 * i)) : '\0');
}

}  // namespace rustorch::formats
