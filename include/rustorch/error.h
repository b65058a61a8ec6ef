// RusTorchError: the one exception type of the library, and the helpers that throw it.
//
// Text form: `op(): what is wrong; got ...; expected ...; hint`. The kind decides which Python class,
// C code or JavaScript error the boundaries translate it to. Copying an error is cheap and never throws.
#pragma once
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "rustorch/array_ref.h"

namespace rustorch {

/// What sort of thing went wrong.
enum class ErrorKind : uint8_t {
  Shape,
  DType,
  Device,
  Index,
  Value,
  Type,
  NotImplemented,
  OutOfMemory,
  LinAlg,
  Autograd,
  Io,
  Format,
  BackendUnavailable,
  Distributed,
  Internal,
};

/// Name of a kind, e.g. "Shape".
const char* error_kind_name(ErrorKind kind);

/// Thrown by every operation that refuses its input or cannot finish.
class RusTorchError : public std::exception {
 public:
  RusTorchError(ErrorKind kind, std::string op, std::string message);

  ErrorKind kind() const noexcept;
  /// Name of the operation that failed; empty when there is none.
  const std::string& op() const noexcept;
  /// The text without the leading "op(): ".
  const std::string& message() const noexcept;
  /// The shapes that disagree (Shape errors raised by raise_shape), else empty.
  const std::vector<int64_t>& shape1() const noexcept;
  const std::vector<int64_t>& shape2() const noexcept;
  /// The whole text: "op(): message", then one line per context added.
  const char* what() const noexcept override;
  /// The same error with a line of context added (e.g. the file that was being read).
  RusTorchError with_context(std::string_view line) const;
  RusTorchError with_shapes(IntArrayRef a, IntArrayRef b) const;

 private:
  struct Data;
  explicit RusTorchError(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  std::shared_ptr<const Data> data_;
};

/// Throws RusTorchError(kind, op, message).
[[noreturn]] void raise(ErrorKind kind, std::string_view op, std::string message);
/// Throws a Shape error that carries both shapes.
[[noreturn]] void raise_shape(std::string_view op, std::string message, IntArrayRef a, IntArrayRef b);

namespace detail {
void append_value(std::string& out, double v);
void append_value(std::string& out, long long v);
void append_value(std::string& out, unsigned long long v);
void append_value(std::string& out, IntArrayRef v);
inline void append(std::string& out, std::string_view v) { out.append(v); }
inline void append(std::string& out, const std::string& v) { out.append(v); }
inline void append(std::string& out, const char* v) { out.append(v); }
inline void append(std::string& out, char v) { out.push_back(v); }
inline void append(std::string& out, bool v) { out.append(v ? "True" : "False"); }
inline void append(std::string& out, float v) { append_value(out, static_cast<double>(v)); }
inline void append(std::string& out, double v) { append_value(out, v); }
inline void append(std::string& out, int v) { append_value(out, static_cast<long long>(v)); }
inline void append(std::string& out, long v) { append_value(out, static_cast<long long>(v)); }
inline void append(std::string& out, long long v) { append_value(out, v); }
inline void append(std::string& out, unsigned v) { append_value(out, static_cast<unsigned long long>(v)); }
inline void append(std::string& out, unsigned long v) {
  append_value(out, static_cast<unsigned long long>(v));
}
inline void append(std::string& out, unsigned long long v) { append_value(out, v); }
inline void append(std::string& out, IntArrayRef v) { append_value(out, v); }
inline void append(std::string& out, const std::vector<int64_t>& v) { append_value(out, IntArrayRef(v)); }
}  // namespace detail

namespace detail {
/// Where cat() writes. Being of this namespace it lets append() of types that are declared later, which stand
/// here too, be found.
struct Text {
  std::string& out;
  operator std::string&() const { return out; }
};

/// What cat() can write; keeps it apart from the operator cat(tensors, dim).
template <class T>
concept Appendable = requires(Text text, const T& v) {
  append(text, v);
};
}  // namespace detail

/// Joins the text forms of its arguments: cat("got ", 3, " of ", shape).
template <detail::Appendable... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (append(detail::Text{out}, parts), ...);
  return out;
}

}  // namespace rustorch

/// Throws a RusTorchError of ErrorKind::kind unless cond holds; the text is built only on failure.
#define RT_CHECK(cond, kind, op, ...)                                                     \
  do {                                                                                    \
    if (!(cond)) [[unlikely]]                                                             \
      ::rustorch::raise(::rustorch::ErrorKind::kind, (op), ::rustorch::cat(__VA_ARGS__)); \
  } while (0)
