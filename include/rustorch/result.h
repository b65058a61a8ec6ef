// RusTorchResult<T>: a value or a RusTorchError, for what fails in normal life (files, parsing, network).
//
// Returning one is never ignored by accident ([[nodiscard]]); unwrap() turns the error into an exception, and
// attempt(f) turns exceptions into a result. Example:
//   RusTorchResult<int> parse(std::string_view s);
//   RusTorchResult<int> twice(std::string_view s) { RT_TRY(n, parse(s)); return Ok(2 * n); }
//   int n = parse("12").unwrap_or(0);
#pragma once
#include <exception>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "rustorch/error.h"

namespace rustorch {

template <class T>
class RusTorchResult;

namespace detail {
template <class T>
struct OkValue {
  T value;
};
struct OkVoid {};
struct ErrValue {
  RusTorchError error;
};
template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<RusTorchResult<T>> : std::true_type {};
}  // namespace detail

/// Success holding x; converts to RusTorchResult<T> of any T that x converts to.
template <class T>
detail::OkValue<std::decay_t<T>> Ok(T&& x) {
  return {std::forward<T>(x)};
}
/// Success without a value, for RusTorchResult<void>.
inline detail::OkVoid Ok() { return {}; }
/// Failure; converts to every RusTorchResult.
inline detail::ErrValue Err(RusTorchError error) { return {std::move(error)}; }
inline detail::ErrValue Err(ErrorKind kind, std::string op, std::string message) {
  return {RusTorchError(kind, std::move(op), std::move(message))};
}

/// A T or a RusTorchError. T is an object type or void; use a pointer for references.
template <class T>
class [[nodiscard]] RusTorchResult {
  static_assert(std::is_object_v<T> && !std::is_same_v<T, RusTorchError>);

 public:
  using value_type = T;

  RusTorchResult(T value) : value_(std::move(value)) {}
  RusTorchResult(RusTorchError error) : error_(std::move(error)) {}
  template <class U, std::enable_if_t<std::is_convertible_v<U, T>, int> = 0>
  RusTorchResult(detail::OkValue<U> ok) : value_(std::move(ok.value)) {}
  RusTorchResult(detail::ErrValue err) : error_(std::move(err.error)) {}

  bool is_ok() const noexcept { return value_.has_value(); }
  bool is_err() const noexcept { return !value_.has_value(); }
  explicit operator bool() const noexcept { return is_ok(); }

  /// The value, or nullptr.
  T* ok() noexcept { return value_ ? &*value_ : nullptr; }
  const T* ok() const noexcept { return value_ ? &*value_ : nullptr; }
  /// The error, or nullptr.
  const RusTorchError* err() const noexcept { return value_ ? nullptr : &*error_; }

  /// The value; throws the error when there is none.
  T& value() & { return check(), *value_; }
  const T& value() const& { return check(), *value_; }
  T&& value() && { return check(), std::move(*value_); }
  T& unwrap() & { return value(); }
  const T& unwrap() const& { return value(); }
  T unwrap() && { return check(), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return check(), &*value_; }
  const T* operator->() const { return check(), &*value_; }
  /// The error; throws Internal when there is none.
  const RusTorchError& error() const {
    if (value_) raise(ErrorKind::Internal, "RusTorchResult::error", "expected an error; got a value");
    return *error_;
  }

  /// unwrap() whose error has a line of context added.
  T expect(std::string_view context) && {
    if (!value_) throw error_->with_context(context);
    return std::move(*value_);
  }
  const T& expect(std::string_view context) const& {
    if (!value_) throw error_->with_context(context);
    return *value_;
  }
  template <class U>
  T unwrap_or(U&& other) const& {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T unwrap_or(U&& other) && {
    return value_ ? std::move(*value_) : static_cast<T>(std::forward<U>(other));
  }
  /// The value, or f(error).
  template <class F>
  T unwrap_or_else(F&& f) && {
    return value_ ? std::move(*value_) : static_cast<T>(std::forward<F>(f)(*error_));
  }

  /// f(value) as a new result; errors pass through. f may return void.
  template <class F>
  auto map(F&& f) && -> RusTorchResult<std::invoke_result_t<F, T&&>> {
    if (!value_) return std::move(*error_);
    if constexpr (std::is_void_v<std::invoke_result_t<F, T&&>>) {
      std::forward<F>(f)(std::move(*value_));
      return Ok();
    } else {
      return std::forward<F>(f)(std::move(*value_));
    }
  }
  /// The same with f(error) in place of the error.
  template <class F>
  RusTorchResult map_err(F&& f) && {
    if (value_) return std::move(*this);
    return RusTorchResult(std::forward<F>(f)(*error_));
  }
  /// f(value), which returns a result; errors pass through.
  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    static_assert(detail::IsResult<std::invoke_result_t<F, T&&>>::value, "and_then needs a RusTorchResult");
    if (!value_) return std::move(*error_);
    return std::forward<F>(f)(std::move(*value_));
  }

 private:
  void check() const {
    if (!value_) throw *error_;
  }

  std::optional<T> value_;
  std::optional<RusTorchError> error_;
};

/// Success or a RusTorchError.
template <>
class [[nodiscard]] RusTorchResult<void> {
 public:
  using value_type = void;

  RusTorchResult() = default;
  RusTorchResult(RusTorchError error) : error_(std::move(error)) {}
  RusTorchResult(detail::OkVoid) {}
  RusTorchResult(detail::ErrValue err) : error_(std::move(err.error)) {}

  bool is_ok() const noexcept { return !error_.has_value(); }
  bool is_err() const noexcept { return error_.has_value(); }
  explicit operator bool() const noexcept { return is_ok(); }
  const RusTorchError* err() const noexcept { return error_ ? &*error_ : nullptr; }
  const RusTorchError& error() const {
    if (!error_) raise(ErrorKind::Internal, "RusTorchResult::error", "expected an error; got success");
    return *error_;
  }
  /// Throws the error if there is one.
  void unwrap() const {
    if (error_) throw *error_;
  }
  void value() const { unwrap(); }
  void expect(std::string_view context) const {
    if (error_) throw error_->with_context(context);
  }
  template <class F>
  auto map(F&& f) && -> RusTorchResult<std::invoke_result_t<F>> {
    if (error_) return std::move(*error_);
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      std::forward<F>(f)();
      return Ok();
    } else {
      return std::forward<F>(f)();
    }
  }
  template <class F>
  RusTorchResult map_err(F&& f) && {
    if (!error_) return std::move(*this);
    return RusTorchResult(std::forward<F>(f)(*error_));
  }
  template <class F>
  auto and_then(F&& f) && -> std::invoke_result_t<F> {
    static_assert(detail::IsResult<std::invoke_result_t<F>>::value, "and_then needs a RusTorchResult");
    if (error_) return std::move(*error_);
    return std::forward<F>(f)();
  }

 private:
  std::optional<RusTorchError> error_;
};

/// Runs f() and returns its value, or the error it threw. std::bad_alloc becomes OutOfMemory, other standard
/// exceptions Internal. A RusTorchResult returned by f is passed on as it is.
template <class F>
auto attempt(F&& f) {
  using R = std::invoke_result_t<F>;
  using Result = typename std::conditional_t<detail::IsResult<R>::value, std::enable_if<true, R>,
                                             std::enable_if<true, RusTorchResult<R>>>::type;
  try {
    if constexpr (std::is_void_v<R>) {
      std::forward<F>(f)();
      return Result();
    } else {
      return Result(std::forward<F>(f)());
    }
  } catch (const RusTorchError& e) {
    return Result(e);
  } catch (const std::bad_alloc&) {
    return Result(RusTorchError(ErrorKind::OutOfMemory, "", "out of memory"));
  } catch (const std::exception& e) {
    return Result(RusTorchError(ErrorKind::Internal, "", e.what()));
  }
}

}  // namespace rustorch

#define RT_TRY_CONCAT2(a, b) a##b
#define RT_TRY_CONCAT(a, b) RT_TRY_CONCAT2(a, b)
/// Declares `var` with the value of a RusTorchResult, or returns its error from the enclosing function.
#define RT_TRY(var, expr)                                                                                  \
  auto RT_TRY_CONCAT(var, _result_) = (expr);                                                              \
  if (RT_TRY_CONCAT(var, _result_).is_err()) return ::rustorch::Err(RT_TRY_CONCAT(var, _result_).error()); \
  auto var = std::move(RT_TRY_CONCAT(var, _result_)).unwrap()
/// The same for results without a value.
#define RT_TRY_VOID(expr)                                      \
  do {                                                         \
    if (auto rt_try_result_ = (expr); rt_try_result_.is_err()) \
      return ::rustorch::Err(rt_try_result_.error());          \
  } while (0)
