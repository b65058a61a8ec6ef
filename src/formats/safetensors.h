// The safetensors format: an 8-byte header length, a JSON header, then the bytes of all tensors without gaps.
//
// The reader follows the reference strictly: header at most 100 MB, no repeated names, offsets in range and
// covering the data exactly once, sizes that match shape and dtype. Tensor bytes are views of the input
// unless misaligned.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "formats/parse_context.h"
#include "formats/value.h"
#include "formats/zip.h"

namespace rustorch::formats {

struct SafetensorsFile {
  Archive archive;  // root: dict of name -> tensor, in the order of the header
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Parses a file in memory; raises Format errors.
SafetensorsFile parse_safetensors(ByteSpan bytes, std::shared_ptr<const void> owner,
                                  FormatContext context = {}, const ParseLimits& limits = {});

/// Writes contiguous tensors; raises Value for anything that the format cannot hold (views, sharing, nested
/// dicts).
void emit_safetensors(const ByteSink& sink, const SafetensorsFile& file);

}  // namespace rustorch::formats
