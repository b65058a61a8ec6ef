// Reading single elements, and operator[].
#include <complex>

#include "autograd/transform_call.h"
#include "backend/compute_backend.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/float8.h"
#include "rustorch/half.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"

namespace rustorch {

namespace {

template <class T>
Scalar stored_float(const void* p) {
  return Scalar(static_cast<double>(static_cast<float>(*static_cast<const T*>(p))));
}

Scalar read(DType t, const void* p) {
  switch (t) {
    case kBool:
      return Scalar(*static_cast<const bool*>(p));
    case kUInt8:
      return Scalar(static_cast<int64_t>(*static_cast<const uint8_t*>(p)));
    case kInt8:
      return Scalar(static_cast<int64_t>(*static_cast<const int8_t*>(p)));
    case kInt16:
      return Scalar(static_cast<int64_t>(*static_cast<const int16_t*>(p)));
    case kInt32:
      return Scalar(static_cast<int64_t>(*static_cast<const int32_t*>(p)));
    case kInt64:
      return Scalar(*static_cast<const int64_t*>(p));
    case kFloat16:
      return stored_float<Half>(p);
    case kBFloat16:
      return stored_float<BFloat16>(p);
    case kUInt16:
      return Scalar(static_cast<int64_t>(*static_cast<const uint16_t*>(p)));
    case kUInt32:
      return Scalar(static_cast<int64_t>(*static_cast<const uint32_t*>(p)));
    case kUInt64:
      return Scalar(static_cast<unsigned long>(*static_cast<const uint64_t*>(p)));
    case kFloat8_e4m3fn:
      return stored_float<Float8_e4m3fn>(p);
    case kFloat8_e5m2:
      return stored_float<Float8_e5m2>(p);
    case kFloat8_e4m3fnuz:
      return stored_float<Float8_e4m3fnuz>(p);
    case kFloat8_e5m2fnuz:
      return stored_float<Float8_e5m2fnuz>(p);
    case kFloat8_e8m0fnu:
      return stored_float<Float8_e8m0fnu>(p);
    case kComplex32: {
      const auto& v = *static_cast<const ComplexHalf*>(p);
      return Scalar(std::complex<float>(v.real(), v.imag()));
    }
    case kBComplex32: {
      const auto& v = *static_cast<const ComplexBFloat16*>(p);
      return Scalar(std::complex<float>(v.real(), v.imag()));
    }
    case kFloat32:
      return Scalar(static_cast<double>(*static_cast<const float*>(p)));
    case kFloat64:
      return Scalar(*static_cast<const double*>(p));
    case kComplex64:
      return Scalar(std::complex<double>(*static_cast<const std::complex<float>*>(p)));
    case kComplex128:
      return Scalar(*static_cast<const std::complex<double>*>(p));
    default:
      raise(ErrorKind::NotImplemented, "item",
            cat("\"_local_scalar_dense_cpu\" not implemented for '", dtype_scalar_name(t), "'"));
  }
}

}  // namespace

Scalar Tensor::item() const {
  if (transforming()) transform_check_readable(*this, false);
  RT_CHECK(numel() == 1, Value, "item", "a Tensor with ", numel(), " elements cannot be converted to Scalar");
  RT_CHECK(!device().is_meta(), NotImplemented, "item", "Tensor.item() cannot be called on meta tensors");
  if (is_quantized()) return rustorch::dequantize(*this).item();
  refuse_sparse("item", *this);
  if (device().is_cpu()) return read(dtype(), impl()->data());
  Tensor host = make_tensor(sizes(), dtype(), Device::Cpu());
  backend_copy(host, *this);
  return read(dtype(), host.impl()->data());
}

template <>
double Tensor::item<double>() const {
  return item().to_double();
}
template <>
float Tensor::item<float>() const {
  return static_cast<float>(item().to_double());
}
template <>
int64_t Tensor::item<int64_t>() const {
  return item().to_int();
}
template <>
int Tensor::item<int>() const {
  return static_cast<int>(item().to_int());
}
template <>
bool Tensor::item<bool>() const {
  return item().to_bool();
}

Tensor Tensor::operator[](int64_t index) const {
  RT_CHECK(dim() > 0, Index, "",
           "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
           "convert a 0-dim tensor to a number");
  return rustorch::select(*this, 0, index);
}

}  // namespace rustorch
