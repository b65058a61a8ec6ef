// The constructors of Value: out of line, because every operator's cold path uses them.
#include "autograd/transform_call.h"

namespace rustorch {

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

Value::Value(const Tensor& v) : kind(Kind::Tensor), tensor_value(v) {}
Value::Value(const TensorLike& v) {
  if (v.tensor != nullptr) {
    kind = Kind::Tensor;
    tensor_value = *v.tensor;
  } else {
    kind = Kind::Number;
    scalar_value = v.scalar;
  }
}
Value::Value(const std::optional<Tensor>& v) {
  if (!v) return;
  kind = Kind::Tensor;
  tensor_value = *v;
}
Value::Value(TensorList v) : kind(Kind::Tensors), tensor_list(v.begin(), v.end()) {}
Value::Value(std::vector<Tensor> v) : kind(Kind::Tensors), tensor_list(std::move(v)) {}
Value::Value(ArrayRef<std::optional<Tensor>> v) : kind(Kind::OptTensors), opt_list(v.begin(), v.end()) {}
Value::Value(const Scalar& v) : kind(Kind::Number), scalar_value(v) {}
Value::Value(const std::optional<Scalar>& v) {
  if (v) *this = Value(*v);
}
Value::Value(int64_t v) : kind(Kind::Other), i(v) {}
Value::Value(std::optional<int64_t> v) {
  if (v) *this = Value(*v);
}
Value::Value(double v) : kind(Kind::Other), d(v) {}
Value::Value(std::optional<double> v) {
  if (v) *this = Value(*v);
}
Value::Value(bool v) : kind(Kind::Other), flag(v) {}
Value::Value(std::optional<bool> v) {
  if (v) *this = Value(*v);
}
Value::Value(std::string_view v) : kind(Kind::Other), text(v) {}
Value::Value(std::optional<std::string_view> v) {
  if (v) *this = Value(*v);
}
Value::Value(IntArrayRef v) : kind(Kind::Other), int_list(v.begin(), v.end()) {}
Value::Value(std::optional<IntArrayRef> v) {
  if (v) *this = Value(*v);
}
Value::Value(ArrayRef<double> v) : kind(Kind::Other), float_list(v.begin(), v.end()) {}
Value::Value(std::optional<ArrayRef<double>> v) {
  if (v) *this = Value(*v);
}
Value::Value(DType v) : kind(Kind::Other), code(static_cast<uint8_t>(v)) {}
Value::Value(std::optional<DType> v) {
  if (v) *this = Value(*v);
}
Value::Value(rustorch::Device v) : kind(Kind::Other), device_value(v) {}
Value::Value(std::optional<rustorch::Device> v) {
  if (v) *this = Value(*v);
}
Value::Value(MemoryFormat v) : kind(Kind::Other), code(static_cast<uint8_t>(v)) {}
Value::Value(std::optional<MemoryFormat> v) {
  if (v) *this = Value(*v);
}
Value::Value(std::optional<Layout> v) {
  if (!v) return;
  kind = Kind::Other;
  code = static_cast<uint8_t>(*v);
}
Value::Value(const std::optional<Generator>& v) : generator_value(v) {
  if (v) kind = Kind::Other;
}

}  // namespace rustorch
