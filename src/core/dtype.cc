#include "rustorch/dtype.h"

#include <atomic>

#include "rustorch/error.h"
#include "rustorch/scalar.h"

namespace rustorch {

namespace {
std::atomic<DType> default_dtype{DType::Float32};
}

const char* dtype_name(DType t) {
  static constexpr const char* kNames[kNumDTypes] = {"bool",
                                                     "uint8",
                                                     "int8",
                                                     "int16",
                                                     "int32",
                                                     "int64",
                                                     "float16",
                                                     "bfloat16",
                                                     "float32",
                                                     "float64",
                                                     "complex64",
                                                     "complex128",
                                                     "uint16",
                                                     "uint32",
                                                     "uint64",
                                                     "float8_e4m3fn",
                                                     "float8_e5m2",
                                                     "float8_e4m3fnuz",
                                                     "float8_e5m2fnuz",
                                                     "float8_e8m0fnu",
                                                     "complex32"};
  return kNames[static_cast<int>(t)];
}

const char* dtype_scalar_name(DType t) {
  static constexpr const char* kNames[kNumDTypes] = {"Bool",
                                                     "Byte",
                                                     "Char",
                                                     "Short",
                                                     "Int",
                                                     "Long",
                                                     "Half",
                                                     "BFloat16",
                                                     "Float",
                                                     "Double",
                                                     "ComplexFloat",
                                                     "ComplexDouble",
                                                     "UInt16",
                                                     "UInt32",
                                                     "UInt64",
                                                     "Float8_e4m3fn",
                                                     "Float8_e5m2",
                                                     "Float8_e4m3fnuz",
                                                     "Float8_e5m2fnuz",
                                                     "Float8_e8m0fnu",
                                                     "ComplexHalf"};
  return kNames[static_cast<int>(t)];
}

DType get_default_dtype() { return default_dtype.load(std::memory_order_relaxed); }

void set_default_dtype(DType t) {
  RT_CHECK(!is_float8(t), Type, "", "couldn't find storage object ", dtype_scalar_name(t), "Storage");
  RT_CHECK(is_floating_point(t), Type, "set_default_dtype",
           "only floating-point types are supported as the default type; got ", t);
  default_dtype.store(t, std::memory_order_relaxed);
}

DType Scalar::dtype() const {
  switch (kind_) {
    case Kind::Bool:
      return kBool;
    case Kind::Int:
      return kInt64;
    case Kind::UInt:
      return kUInt64;
    case Kind::Float:
      return get_default_dtype();
    default:
      return complex_type(get_default_dtype());
  }
}

namespace detail {
void append(std::string& out, const Scalar& v) {
  if (v.is_bool()) {
    append(out, v.to_bool());
  } else if (v.is_beyond_int64()) {
    append(out, static_cast<unsigned long long>(v.to_uint()));
  } else if (v.is_integral()) {
    append(out, static_cast<long long>(v.to_int()));
  } else if (v.is_floating_point()) {
    append(out, v.to_double());
  } else {
    out += '(';
    append(out, v.to_double());
    out += '+';
    append(out, v.to_complex().imag());
    out += "j)";
  }
}
}  // namespace detail

}  // namespace rustorch
