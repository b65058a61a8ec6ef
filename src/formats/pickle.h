// Python pickles as data: a writer and a restricted reader.
//
// The reader is a state machine over the opcodes that torch.load(weights_only=True) accepts. A GLOBAL is
// looked up in a fixed table of names whose only power is to build a Value; nothing is imported or called.
// Stack, memo, depth and the number of values are bounded by ParseLimits, cycles are refused, and every
// tensor's extent is checked against its storage. The writer emits protocol 2, as torch.save does. Both keep
// shared objects shared.
#pragma once
#include <functional>
#include <string>

#include "base/limits.h"
#include "formats/parse_context.h"
#include "formats/value.h"

namespace rustorch::formats {

/// A storage as a pickle names it.
struct StorageRef {
  std::string key;
  DType dtype = kUInt8;
  bool untyped = false;
  std::string location;
  int64_t numel = 0;
  uint64_t nbytes = 0;
};

/// Where the reader finds storages. Returns the index in the table for that key.
using StorageResolver = std::function<int64_t(const StorageRef&, uint64_t offset)>;

struct PickleResult {
  Value root;
  uint64_t consumed = 0;  // bytes up to and including STOP
};

/// Reads one pickle from the start of the bytes. `storages` is the table that the resolver fills; tensors are
/// checked against it. Raises Format errors only (and OutOfMemory).
PickleResult read_pickle(ByteSpan bytes, const FormatContext& context, const ParseLimits& limits,
                         const StorageResolver& resolver, const std::vector<Storage>& storages);

/// Checks a description against the bytes of its storage: no negative size or stride, no overflow, last
/// element inside. Raises Format errors.
void check_tensor_record(const TensorRecord& record, uint64_t storage_bytes, const FormatContext& context,
                         uint64_t offset);

/// The pickle of a value. Storages are written as persistent ids with their index as key.
/// Raises Value for a cycle or a tensor whose storage is not in the table.
std::string write_pickle(const Value& root, const std::vector<Storage>& storages);

/// PyTorch's class name of a storage of that type: "FloatStorage".
const char* storage_class_name(DType t);

}  // namespace rustorch::formats
