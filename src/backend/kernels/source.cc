#include "backend/kernels/source.h"

#include "backend/kernels/gpu_device.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

const char* memory_type(DType t) {
  if (is_stored_only(t)) {  // moved as what has their size
    constexpr const char* kBySize[] = {"uchar", "ushort", "", "uint", "", "", "", "ulong"};
    return kBySize[element_size(t) - 1];
  }
  static constexpr const char* kNames[] = {"uchar", "uchar",  "char",  "short",  "int",    "long",
                                           "half",  "ushort", "float", "double", "float2", "double2"};
  return kNames[static_cast<int>(t)];
}

const char* value_type(ComputeType t) {
  static constexpr const char* kNames[kNumComputeTypes] = {"float", "double", "int",
                                                           "long",  "float2", "double2"};
  return kNames[static_cast<int>(t)];
}

namespace {

// The element as a number of its own kind: float for the 16-bit floats.
std::string element(DType t, const std::string& p, const std::string& i) {
  switch (t) {
    case kFloat16:
      return cat("vload_half(", i, ", ", p, ")");
    case kBFloat16:
      return cat("rt_from_bf16(", p, "[", i, "])");
    case kBool:
      return cat("(", p, "[", i, "] != 0)");
    default:
      return cat(p, "[", i, "]");
  }
}

}  // namespace

std::string load(DType t, ComputeType to, const std::string& p, const std::string& i) {
  const std::string e = element(t, p, i);
  const char* type = value_type(to);
  const bool from_complex = rustorch::is_complex(t);
  if (rustorch::is_complex(to)) {
    if (from_complex) return cat("convert_", type, "(", e, ")");
    return cat("RT_PAIR(", type, ", (", value_type(real_part_type(to)), ")", e, ", 0)");
  }
  return cat("(", type, ")", e, from_complex ? ".x" : "");
}

std::string load_bool(DType t, const std::string& p, const std::string& i) {
  const std::string e = element(t, p, i);
  return rustorch::is_complex(t) ? cat("(", e, ".x != 0 || ", e, ".y != 0)") : cat("(", e, " != 0)");
}

std::string store(DType t, ComputeType from, const std::string& p, const std::string& i,
                  const std::string& value) {
  const bool complex = rustorch::is_complex(from);
  const std::string real = complex ? cat("(", value, ").x") : cat("(", value, ")");
  switch (t) {
    case kFloat16:
      return cat("vstore_half_rte((float)", real, ", ", i, ", ", p, ");");
    case kBFloat16:
      return cat(p, "[", i, "] = rt_to_bf16((float)", real, ");");
    case kBool:
      return cat(p, "[", i, "] = ",
                 complex ? cat("(", real, " != 0 || (", value, ").y != 0)") : cat("(", real, " != 0)"), ";");
    case kComplex64:
    case kComplex128: {
      const char* type = memory_type(t);
      return complex ? cat(p, "[", i, "] = convert_", type, "(", value, ");")
                     : cat(p, "[", i, "] = RT_PAIR(", type, ", ", real, ", 0);");
    }
    // Small integers wrap around, also from floating-point numbers.
    case kUInt8:
    case kInt8:
    case kInt16:
      return cat(p, "[", i, "] = (", memory_type(t), ")(int)", real, ";");
    default:
      return cat(p, "[", i, "] = (", memory_type(t), ")", real, ";");
  }
}

ComputeType compute_type_of(DType t) {
  switch (t) {
    case kFloat16:
    case kBFloat16:
    case kFloat32:
      return ComputeType::f32;
    case kFloat64:
      return ComputeType::f64;
    case kInt64:
      return ComputeType::i64;
    case kComplex64:
      return ComputeType::c64;
    case kComplex128:
      return ComputeType::c128;
    default:
      return ComputeType::i32;
  }
}

bool uses_double(DType t) { return t == kFloat64 || t == kComplex128; }
bool uses_double(ComputeType t) { return t == ComputeType::f64 || t == ComputeType::c128; }

void add_number(Launch& launch, ComputeType t, const Scalar& s) {
  switch (t) {
    case ComputeType::f32:
      launch.value(static_cast<float>(s.to_double()));
      break;
    case ComputeType::f64:
      launch.value(s.to_double());
      break;
    case ComputeType::i32:
      launch.value(static_cast<int32_t>(s.to_int()));
      break;
    case ComputeType::i64:
      launch.value(s.to_int());
      break;
    case ComputeType::c64:
      launch.value(std::complex<float>(s.to_complex()));
      break;
    case ComputeType::c128:
      launch.value(s.to_complex());
      break;
  }
}

}  // namespace rustorch::kernels
