#include "rustorch/dtype.h"

#include <atomic>

#include "rustorch/error.h"
#include "rustorch/scalar.h"

namespace rustorch {

namespace {
std::atomic<DType> default_dtype{DType::Float32};

struct Names {
  const char *python, *internal;
};
constexpr Names kNames[kNumDTypes] = {
    {"bool", "Bool"},
    {"uint8", "Byte"},
    {"int8", "Char"},
    {"int16", "Short"},
    {"int32", "Int"},
    {"int64", "Long"},
    {"float16", "Half"},
    {"bfloat16", "BFloat16"},
    {"float32", "Float"},
    {"float64", "Double"},
    {"complex64", "ComplexFloat"},
    {"complex128", "ComplexDouble"},
    {"uint16", "UInt16"},
    {"uint32", "UInt32"},
    {"uint64", "UInt64"},
    {"float8_e4m3fn", "Float8_e4m3fn"},
    {"float8_e5m2", "Float8_e5m2"},
    {"float8_e4m3fnuz", "Float8_e4m3fnuz"},
    {"float8_e5m2fnuz", "Float8_e5m2fnuz"},
    {"float8_e8m0fnu", "Float8_e8m0fnu"},
    {"complex32", "ComplexHalf"},
    {"bcomplex32", "BComplex32"},
    {"float4_e2m1fn_x2", "Float4_e2m1fn_x2"},
    {"uint1", "UInt1"},
    {"uint2", "UInt2"},
    {"uint3", "UInt3"},
    {"uint4", "UInt4"},
    {"uint5", "UInt5"},
    {"uint6", "UInt6"},
    {"uint7", "UInt7"},
    {"int1", "Int1"},
    {"int2", "Int2"},
    {"int3", "Int3"},
    {"int4", "Int4"},
    {"int5", "Int5"},
    {"int6", "Int6"},
    {"int7", "Int7"},
    {"bits1x8", "Bits1x8"},
    {"bits2x4", "Bits2x4"},
    {"bits4x2", "Bits4x2"},
    {"bits8", "Bits8"},
    {"bits16", "Bits16"},
    {"qint8", "QInt8"},
    {"quint8", "QUInt8"},
    {"qint32", "QInt32"},
    {"quint4x2", "QUInt4x2"},
    {"quint2x4", "QUInt2x4"},
};
}  // namespace

const char* dtype_name(DType t) { return kNames[static_cast<int>(t)].python; }
const char* dtype_scalar_name(DType t) { return kNames[static_cast<int>(t)].internal; }

DType get_default_dtype() { return default_dtype.load(std::memory_order_relaxed); }

void set_default_dtype(DType t) {
  RT_CHECK(!is_float8(t) && t != kFloat4_e2m1fn_x2, Type, "", "couldn't find storage object ",
           dtype_scalar_name(t), "Storage");
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
