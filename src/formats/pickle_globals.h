// The names that a pickle may mention, and what each stands for. Adding a name here must only ever add a way
// to build plain data.
#pragma once
#include <optional>
#include <string_view>

#include "rustorch/dtype.h"

namespace rustorch::formats {

enum class Global : uint8_t {
  kNone,
  kOrderedDict,
  kCounter,
  kRebuildTensorV2,
  kRebuildTensorV3,
  kRebuildParameter,
  kRebuildFromType,
  kRebuildSparse,
  kRebuildQuantized,
  kScheme,  // of a quantized tensor: a string
  kGetLayout,
  kTensorClass,
  kParameterClass,
  kStorageClass,
  kUntypedStorage,
  kDType,
  kSize,
  kDevice,
  kComplex,
  kSet,
  kBytes,
  kByteArray,
  kEncode,
  kNumpyReconstruct,
  kNumpyScalar,
  kNumpyArray,
  kNumpyDType,
};

struct GlobalEntry {
  Global global;
  DType dtype;
};

/// Looks up "module.name"; `rustorch.` is read as `torch.`.
std::optional<GlobalEntry> find_global(std::string_view name);

}  // namespace rustorch::formats
