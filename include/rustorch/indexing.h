// Indexing as Python does it: x.index({0, Slice(1, None, 2), "...", mask}) and its assignment.
//
// A TensorIndex is one item between the brackets: None (a new dimension), Ellipsis, an integer, a bool, a
// Slice, or a tensor of integer or bool positions. apply_index and apply_index_put take a whole list of them,
// do the views first and advanced indexing after; they are differentiable and raise PyTorch's errors.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "rustorch/array_ref.h"
#include "rustorch/error.h"
#include "rustorch/tensor.h"

namespace rustorch {

namespace indexing {

struct None_t {};
struct Ellipsis_t {};
inline constexpr None_t None{};
inline constexpr Ellipsis_t Ellipsis{};

/// start:stop:step; what is left out (or None) gets Python's default.
struct Slice {
  std::optional<int64_t> start, stop, step;
  Slice() = default;
  Slice(std::optional<int64_t> start_, std::optional<int64_t> stop_,
        std::optional<int64_t> step_ = std::nullopt)
      : start(start_), stop(stop_), step(step_) {}
  Slice(None_t, std::optional<int64_t> stop_, std::optional<int64_t> step_ = std::nullopt)
      : stop(stop_), step(step_) {}
  Slice(std::optional<int64_t> start_, None_t, std::optional<int64_t> step_ = std::nullopt)
      : start(start_), step(step_) {}
  Slice(None_t, None_t, std::optional<int64_t> step_ = std::nullopt) : step(step_) {}
};

}  // namespace indexing

/// One item of an index.
struct TensorIndex {
  enum class Kind : uint8_t { None, Ellipsis, Integer, Boolean, Slice, Tensor };

  TensorIndex(indexing::None_t) : kind(Kind::None) {}
  TensorIndex(std::nullopt_t) : kind(Kind::None) {}
  TensorIndex(indexing::Ellipsis_t) : kind(Kind::Ellipsis) {}
  TensorIndex(const char* text) : kind(Kind::Ellipsis) {
    RT_CHECK(std::string_view(text) == "...", Value, "index",
             "Expected \"...\" to represent an ellipsis index, but got \"", text, "\"");
  }
  TensorIndex(int64_t i) : kind(Kind::Integer), integer(i) {}
  TensorIndex(int i) : kind(Kind::Integer), integer(i) {}
  TensorIndex(long long i) : kind(Kind::Integer), integer(static_cast<int64_t>(i)) {}
  TensorIndex(bool b) : kind(Kind::Boolean), boolean(b) {}
  TensorIndex(indexing::Slice s) : kind(Kind::Slice), slice(s) {}
  TensorIndex(Tensor t) : kind(Kind::Tensor), tensor(std::move(t)) {}

  Kind kind;
  bool boolean = false;
  int64_t integer = 0;
  indexing::Slice slice;
  Tensor tensor;
};

namespace indexing {
using rustorch::TensorIndex;
}

/// self[items]: a view when the items are basic, else a copy.
Tensor apply_index(const Tensor& self, ArrayRef<TensorIndex> items);
/// self[items] = value. value broadcasts to the selection and is converted when only views are involved.
void apply_index_put(const Tensor& self, ArrayRef<TensorIndex> items, const Tensor& value);
void apply_index_put(const Tensor& self, ArrayRef<TensorIndex> items, const Scalar& value);

}  // namespace rustorch
