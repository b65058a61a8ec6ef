// PyTorch's checkpoint files (.pt, .pth): the zip container of today and the plain stream of before 1.6.
//
// Reading never executes anything (see pickle.h) and never copies tensor bytes: storages are views of the
// input, kept alive by `owner`. Checksums of all storages are verified. Writing produces what
// torch.load(weights_only=True, mmap=True) reads; the same value gives the same bytes.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "formats/parse_context.h"
#include "formats/pickle.h"
#include "formats/value.h"
#include "formats/zip.h"

namespace rustorch::formats {

/// Parses a checkpoint. `owner` keeps the bytes alive and ends up in every storage. Raises Format errors.
Archive parse_pt(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context = {},
                 const ParseLimits& limits = {});

/// Parses the stream format that torch.save wrote before 1.6; parse_pt calls it when it sees one.
Archive parse_pt_legacy(ByteSpan bytes, std::shared_ptr<const void> owner, const FormatContext& context,
                        const ParseLimits& limits);

/// Writes a checkpoint whose records lie under `archive_name`/ (PyTorch uses the file's stem).
void emit_pt(const ByteSink& sink, const Value& root, const std::vector<Storage>& storages,
             std::string_view archive_name = "archive");
/// The same around a ready pickle, whose persistent ids name storages by their index.
void emit_pt_pickle(const ByteSink& sink, std::string_view pickle, const std::vector<Storage>& storages,
                    std::string_view archive_name = "archive");
std::string pt_bytes(const Value& root, const std::vector<Storage>& storages);

}  // namespace rustorch::formats
