#include "formats/pickle_globals.h"

#include <string>

#include "formats/pickle.h"

namespace rustorch::formats {
namespace {

struct Row {
  const char* name;
  Global global;
};
constexpr Row kRows[] = {
    {"collections.OrderedDict", Global::kOrderedDict},
    {"collections.Counter", Global::kCounter},
    {"torch._utils._rebuild_tensor_v2", Global::kRebuildTensorV2},
    {"torch._utils._rebuild_tensor_v3", Global::kRebuildTensorV3},
    {"torch._utils._rebuild_parameter", Global::kRebuildParameter},
    {"torch._tensor._rebuild_from_type_v2", Global::kRebuildFromType},
    {"torch._utils._rebuild_sparse_tensor", Global::kRebuildSparse},
    {"torch._utils._rebuild_qtensor", Global::kRebuildQuantized},
    {"torch.per_tensor_affine", Global::kScheme},
    {"torch.per_channel_affine", Global::kScheme},
    {"torch.per_channel_affine_float_qparams", Global::kScheme},
    {"torch.serialization._get_layout", Global::kGetLayout},
    {"torch.Tensor", Global::kTensorClass},
    {"torch.nn.parameter.Parameter", Global::kParameterClass},
    {"torch.storage.UntypedStorage", Global::kUntypedStorage},
    {"torch.Size", Global::kSize},
    {"torch.device", Global::kDevice},
    {"builtins.complex", Global::kComplex},
    {"__builtin__.complex", Global::kComplex},
    {"builtins.set", Global::kSet},
    {"__builtin__.set", Global::kSet},
    {"builtins.bytes", Global::kBytes},
    {"__builtin__.bytes", Global::kBytes},
    {"builtins.bytearray", Global::kByteArray},
    {"__builtin__.bytearray", Global::kByteArray},
    {"_codecs.encode", Global::kEncode},
    {"numpy._core.multiarray._reconstruct", Global::kNumpyReconstruct},
    {"numpy.core.multiarray._reconstruct", Global::kNumpyReconstruct},
    {"numpy._core.multiarray.scalar", Global::kNumpyScalar},
    {"numpy.core.multiarray.scalar", Global::kNumpyScalar},
    {"numpy.ndarray", Global::kNumpyArray},
    {"numpy.dtype", Global::kNumpyDType},
};

/// By DType; other types, but for quantized ones, are written with untyped storages only.
constexpr int kTypedStorages = 12;
constexpr const char* kStorageClasses[kTypedStorages] = {
    "BoolStorage",  "ByteStorage",   "CharStorage",         "ShortStorage",
    "IntStorage",   "LongStorage",   "HalfStorage",         "BFloat16Storage",
    "FloatStorage", "DoubleStorage", "ComplexFloatStorage", "ComplexDoubleStorage"};

/// By DType, from qint8 on.
constexpr const char* kQuantizedStorages[] = {"QInt8Storage", "QUInt8Storage", "QInt32Storage",
                                              "QUInt4x2Storage", "QUInt2x4Storage"};

struct DTypeAlias {
  const char* name;
  DType dtype;
};
constexpr DTypeAlias kDTypeAliases[] = {
    {"half", kFloat16},     {"float", kFloat32},      {"double", kFloat64},
    {"short", kInt16},      {"int", kInt32},          {"long", kInt64},
    {"cfloat", kComplex64}, {"cdouble", kComplex128}, {"chalf", kComplex32}};

}  // namespace

const char* storage_class_name(DType t) {
  if (is_quantized(t)) return kQuantizedStorages[static_cast<int>(t) - static_cast<int>(kQInt8)];
  return static_cast<int>(t) < kTypedStorages ? kStorageClasses[static_cast<int>(t)] : nullptr;
}

std::optional<GlobalEntry> find_global(std::string_view name) {
  std::string twin;
  if (name.substr(0, 9) == "rustorch.") {
    twin = "torch." + std::string(name.substr(9));
    name = twin;
  }
  for (const Row& row : kRows) {
    if (name == row.name) return GlobalEntry{row.global, kUInt8};
  }
  if (name.substr(0, 6) != "torch.") return std::nullopt;
  const std::string_view member = name.substr(6);
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType t = static_cast<DType>(i);
    const char* storage = storage_class_name(t);
    if (storage != nullptr && member == storage) return GlobalEntry{Global::kStorageClass, t};
    if (member == dtype_name(t)) return GlobalEntry{Global::kDType, t};
  }
  for (const DTypeAlias& alias : kDTypeAliases) {
    if (member == alias.name) return GlobalEntry{Global::kDType, alias.dtype};
  }
  return std::nullopt;
}

}  // namespace rustorch::formats
