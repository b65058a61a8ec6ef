// TensorOptions: dtype, device and requires_grad for the functions that create tensors.
#pragma once
#include <optional>
#include <type_traits>

#include "rustorch/device.h"
#include "rustorch/dtype.h"
#include "rustorch/layout.h"

namespace rustorch {

/// Named options, as in `zeros({2, 3}, TensorOptions().dtype(kFloat64))`. What is not set gets the default.
struct TensorOptions {
  std::optional<DType> dtype_;
  std::optional<Device> device_;
  bool requires_grad_ = false;

  TensorOptions() = default;
  TensorOptions(DType t) : dtype_(t) {}
  TensorOptions(Device d) : device_(d) {}
  TensorOptions(DeviceType d) : device_(d) {}
  TensorOptions dtype(DType t) const {
    TensorOptions o = *this;
    o.dtype_ = t;
    return o;
  }
  TensorOptions device(Device d) const {
    TensorOptions o = *this;
    o.device_ = d;
    return o;
  }
  TensorOptions requires_grad(bool on = true) const {
    TensorOptions o = *this;
    o.requires_grad_ = on;
    return o;
  }
};

/// The first option by name: `zeros({2}, dtype(kInt64).device(kCUDA))`.
inline TensorOptions dtype(DType t) { return TensorOptions(t); }
inline TensorOptions device(Device d) { return TensorOptions(d); }
inline TensorOptions requires_grad(bool on = true) { return TensorOptions().requires_grad(on); }

namespace detail {
template <class T>
concept AnyOptions =
    std::is_same_v<T, TensorOptions> || std::is_same_v<T, Device> || std::is_same_v<T, DeviceType>;
}  // namespace detail

}  // namespace rustorch
