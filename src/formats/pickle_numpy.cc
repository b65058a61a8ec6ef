#include "formats/pickle_numpy.h"

#include <string_view>

#include "formats/pickle.h"

namespace rustorch::formats {
namespace {

constexpr size_t kMostDims = 64;  // NumPy's limit

/// Bytes of an element of "f8", 0 when it is no plain type.
uint64_t bytes_of(std::string_view code) {
  if (code.size() < 2 || code.size() > 10) return 0;
  uint64_t n = 0;
  for (const char c : code.substr(1)) {
    if (c < '0' || c > '9') return 0;
    n = n * 10 + static_cast<uint64_t>(c - '0');
  }
  const auto one_of = [n](std::initializer_list<uint64_t> sizes) {
    for (const uint64_t s : sizes)
      if (s == n) return n;
    return uint64_t{0};
  };
  switch (code[0]) {
    case 'b':
      return one_of({1});
    case 'i':
    case 'u':
      return one_of({1, 2, 4, 8});
    case 'f':
      return one_of({2, 4, 8});
    case 'c':
      return one_of({8, 16});
    case 'S':
      return n;
    case 'U':
      return 4 * n;
    default:
      return 0;
  }
}

/// The code with its byte order, "<f8", of a dtype that has its state.
const std::string& full_code(const Value& dtype, const FormatContext& context, uint64_t at) {
  context.check(dtype.kind() == ValueKind::kArray && dtype.items().size() == 1, at,
                "an array's dtype is missing");
  const std::string& code = dtype.items()[0].text();
  context.check(code[0] == '<' || code[0] == '>' || code[0] == '|', at, "an array's byte order is missing");
  return code;
}

void build_dtype(Value& target, const Value& state, const FormatContext& context, uint64_t at) {
  const std::vector<Value>& parts = state.items();
  context.check(parts.size() >= 8 && parts[1].is_string() && parts[1].text().size() == 1, at,
                "a dtype has the wrong state");
  // Names, fields and subarrays make a record of it.
  context.check(parts[2].is_none() && parts[3].is_none() && parts[4].is_none(), at,
                "records of NumPy are not read");
  std::string order = parts[1].text();
  if (order == "=") order = "<";
  context.check(order == "<" || order == ">" || order == "|", at, "a dtype has the wrong byte order");
  std::string code = target.items()[0].text();
  if (code[0] == '<' || code[0] == '>' || code[0] == '|') code.erase(0, 1);
  target.items()[0] = Value::string(order + code);
}

}  // namespace

Value numpy_dtype(const std::string& code, const FormatContext& context, uint64_t at) {
  context.check(bytes_of(code) > 0, at, "only numbers and texts of NumPy are read", kUnsafeHint);
  return Value::array({Value::string(code)});
}

Value numpy_scalar(const Value& dtype, const Value& bytes, const FormatContext& context, uint64_t at) {
  const std::string& code = full_code(dtype, context, at);
  context.check(
      bytes.kind() == ValueKind::kBytes && bytes.text().size() == bytes_of(std::string_view(code).substr(1)),
      at, "a number of NumPy has the wrong size");
  return Value::array({Value::string(code), Value(), Value::boolean(false), bytes});
}

void build_numpy(Value& target, const Value& state, const FormatContext& context, uint64_t at) {
  context.check(state.kind() == ValueKind::kTuple, at, "the state of an array must be a tuple");
  if (target.items().size() == 1) return build_dtype(target, state, context, at);
  const std::vector<Value>& parts = state.items();
  context.check(parts.size() == 5 && parts[1].kind() == ValueKind::kTuple &&
                    parts[3].kind() == ValueKind::kBool && parts[4].kind() == ValueKind::kBytes,
                at, "an array has the wrong state");
  const std::string code = full_code(parts[2], context, at);
  context.check(parts[1].items().size() <= kMostDims, at, "an array has too many dimensions");
  uint64_t bytes = bytes_of(std::string_view(code).substr(1));
  std::vector<int64_t> shape;
  for (const Value& d : parts[1].items()) {
    context.check(d.kind() == ValueKind::kInt && d.as_int() >= 0, at, "an array has a wrong shape");
    shape.push_back(d.as_int());
    context.check(checked_mul(bytes, static_cast<uint64_t>(d.as_int()), &bytes), at,
                  "the size of an array overflows");
  }
  context.check(bytes == parts[4].text().size(), at, "an array has more or less bytes than its shape says");
  target.items() = {Value::string(code), Value::size(shape), parts[3], parts[4]};
}

bool is_finished_array(const Value& v) { return v.items().size() == 4; }

}  // namespace rustorch::formats
