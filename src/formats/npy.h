// NumPy's .npy (one array) and .npz (a zip of them). No object arrays, no pickles: numbers only.
#pragma once
#include <memory>
#include <string_view>

#include "base/limits.h"
#include "formats/parse_context.h"
#include "formats/value.h"
#include "formats/zip.h"

namespace rustorch::formats {

/// Parses an .npy file in memory. The root is a tensor; Fortran order becomes strides; big-endian data is
/// swapped.
Archive parse_npy(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context = {},
                  const ParseLimits& limits = {});
/// Parses an .npz file in memory. The root is a dict of name -> tensor.
Archive parse_npz(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context = {},
                  const ParseLimits& limits = {});

/// Writes one contiguous tensor. bfloat16 has no NumPy type and raises NotImplemented.
void emit_npy(const ByteSink& sink, const TensorRecord& record, const Storage& storage);
/// Writes a dict of contiguous tensors, uncompressed.
void emit_npz(const ByteSink& sink, const Archive& archive);

}  // namespace rustorch::formats
