// Zip archives as PyTorch and NumPy make them: a reader over bytes in memory and a store-only writer.
//
// The reader parses the central directory (zip64 too), checks every range and every local header, hands out
// stored entries as views of the input and inflates compressed ones, and checks CRC-32. The writer produces
// PyTorch's layout: no compression, data of every entry aligned to 64 bytes, sizes in a data descriptor,
// zip64 when needed.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "formats/parse_context.h"

namespace rustorch::formats {

/// Takes the next bytes of an output.
using ByteSink = std::function<void(const void* data, uint64_t n)>;

/// CRC-32 (the zip polynomial) of n bytes; large inputs are split over the thread pool.
uint32_t crc32_of(const void* data, uint64_t n);

/// Bytes of the zip archive that starts at the first byte: all of them, unless more archives follow.
uint64_t first_archive_size(ByteSpan bytes);

class ZipReader {
 public:
  struct Entry {
    std::string name;
    uint64_t offset = 0;  // of the data in the file
    uint64_t compressed_size = 0;
    uint64_t size = 0;
    uint32_t crc = 0;
    bool deflated = false;
  };

  /// Parses the directory; raises Format errors. The bytes must outlive the reader.
  ZipReader(ByteSpan bytes, FormatContext context, const ParseLimits& limits);

  const std::vector<Entry>& entries() const { return entries_; }
  /// The entry of that exact name, or null.
  const Entry* find(std::string_view name) const;
  /// A stored entry's bytes in place; raises for a deflated one. CRC is checked when `verify`.
  ByteSpan view(const Entry& entry, bool verify = true) const;
  /// The entry's bytes, inflated if need be, into `out` of entry.size bytes. CRC is checked.
  void read(const Entry& entry, uint8_t* out) const;
  /// Same, as a string.
  std::string read_text(const Entry& entry) const;

 private:
  void parse_directory();
  void parse_entry(ByteReader& in, uint64_t directory_offset);
  void resolve_data_offset(Entry& entry, uint64_t header_offset, uint64_t directory_offset) const;

  ByteSpan bytes_;
  FormatContext context_;
  const ParseLimits& limits_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, size_t> by_name_;
};

/// Writes entries one after the other; finish() writes the directory. Nothing is kept but the directory.
class ZipWriter {
 public:
  static constexpr uint64_t kAlignment = 64;

  /// Sizes and offsets from zip64_from on get 64-bit fields; a test may ask for them in small archives.
  explicit ZipWriter(ByteSink sink, uint64_t zip64_from = 0xffffffff)
      : sink_(std::move(sink)), zip64_from_(zip64_from) {}
  void add(std::string_view name, const void* data, uint64_t n);
  void add(std::string_view name, std::string_view text) { add(name, text.data(), text.size()); }
  void finish();
  /// Hash of the names and checksums so far: the same contents give the same number.
  uint64_t content_hash() const { return hash_; }

 private:
  struct Record {
    std::string name;
    uint64_t offset, size;
    uint32_t crc;
  };
  void put(const void* data, uint64_t n);
  void put(const std::string& s) { put(s.data(), s.size()); }

  ByteSink sink_;
  uint64_t zip64_from_;
  uint64_t position_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325ull;
  std::vector<Record> records_;
};

}  // namespace rustorch::formats
