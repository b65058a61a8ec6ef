// Whole files through the Vfs: mapped for reading (storages are views of a private mapping), written
// atomically and durably. Nothing here throws: errors come back as Io or Format with the file's name.
#pragma once
#include <string>

#include "base/limits.h"
#include "base/vfs.h"
#include "formats/npy.h"
#include "formats/pt.h"
#include "formats/safetensors.h"
#include "rustorch/result.h"

namespace rustorch::formats {

RusTorchResult<Archive> read_pt(Vfs& vfs, const std::string& path, const ParseLimits& limits = {});
RusTorchResult<void> write_pt(Vfs& vfs, const std::string& path, const Value& root,
                              const std::vector<Storage>& storages);

RusTorchResult<SafetensorsFile> read_safetensors(Vfs& vfs, const std::string& path,
                                                 const ParseLimits& limits = {});
RusTorchResult<void> write_safetensors(Vfs& vfs, const std::string& path, const SafetensorsFile& file);

/// A .npy (root: tensor) or .npz (root: dict of tensors), told apart by their first bytes.
RusTorchResult<Archive> read_numpy(Vfs& vfs, const std::string& path, const ParseLimits& limits = {});
/// Writes the root: a tensor as .npy, a dict of tensors as .npz.
RusTorchResult<void> write_numpy(Vfs& vfs, const std::string& path, const Archive& archive);

/// Runs `emit` with a sink over a new file and puts it in place when it succeeded.
RusTorchResult<void> write_atomically(Vfs& vfs, const std::string& path,
                                      const std::function<void(const ByteSink&)>& emit);

}  // namespace rustorch::formats
