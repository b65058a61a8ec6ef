#include "rustorch/error.h"

#include <cmath>
#include <cstdio>

namespace rustorch {

const char* error_kind_name(ErrorKind kind) {
  static constexpr const char* kNames[] = {"Shape",
                                           "DType",
                                           "Device",
                                           "Index",
                                           "Value",
                                           "Type",
                                           "NotImplemented",
                                           "OutOfMemory",
                                           "LinAlg",
                                           "Autograd",
                                           "Io",
                                           "Format",
                                           "BackendUnavailable",
                                           "Distributed",
                                           "Internal"};
  return kNames[static_cast<int>(kind)];
}

struct RusTorchError::Data {
  ErrorKind kind;
  std::string op;
  std::string message;
  std::string context;
  std::string text;
  std::vector<int64_t> shape1, shape2;

  void compose() {
    text.clear();
    if (!op.empty()) text = op + "(): ";
    text += message;
    text += context;
  }
};

RusTorchError::RusTorchError(ErrorKind kind, std::string op, std::string message) {
  auto data = std::make_shared<Data>();
  data->kind = kind;
  data->op = std::move(op);
  data->message = std::move(message);
  data->compose();
  data_ = std::move(data);
}

ErrorKind RusTorchError::kind() const noexcept { return data_->kind; }
const std::string& RusTorchError::op() const noexcept { return data_->op; }
const std::string& RusTorchError::message() const noexcept { return data_->message; }
const std::vector<int64_t>& RusTorchError::shape1() const noexcept { return data_->shape1; }
const std::vector<int64_t>& RusTorchError::shape2() const noexcept { return data_->shape2; }
const char* RusTorchError::what() const noexcept { return data_->text.c_str(); }

RusTorchError RusTorchError::with_context(std::string_view line) const {
  auto data = std::make_shared<Data>(*data_);
  data->context += '\n';
  data->context += line;
  data->compose();
  return RusTorchError(std::shared_ptr<const Data>(std::move(data)));
}

RusTorchError RusTorchError::with_shapes(IntArrayRef a, IntArrayRef b) const {
  auto data = std::make_shared<Data>(*data_);
  data->shape1 = a.vec();
  data->shape2 = b.vec();
  return RusTorchError(std::shared_ptr<const Data>(std::move(data)));
}

void raise(ErrorKind kind, std::string_view op, std::string message) {
  throw RusTorchError(kind, std::string(op), std::move(message));
}

void raise_shape(std::string_view op, std::string message, IntArrayRef a, IntArrayRef b) {
  throw RusTorchError(ErrorKind::Shape, std::string(op), std::move(message)).with_shapes(a, b);
}

namespace detail {

void append_value(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "nan";
    return;
  }
  if (std::isinf(v)) {
    out += v < 0 ? "-inf" : "inf";
    return;
  }
  char buffer[40];
  for (int precision = 6; precision <= 17; ++precision) {  // the shortest text that reads back the same
    std::snprintf(buffer, sizeof buffer, "%.*g", precision, v);
    double back = 0;
    if (std::sscanf(buffer, "%lf", &back) == 1 && back == v) break;
  }
  out += buffer;
}

void append_value(std::string& out, long long v) { out += std::to_string(v); }
void append_value(std::string& out, unsigned long long v) { out += std::to_string(v); }

void append_value(std::string& out, IntArrayRef v) {
  out += '[';
  for (size_t i = 0; i < v.size(); ++i) {
    if (i) out += ", ";
    out += std::to_string(v[i]);
  }
  out += ']';
}

}  // namespace detail
}  // namespace rustorch
