#include <algorithm>

#include "formats/zip.h"

namespace rustorch::formats {
namespace {
constexpr uint64_t kMax32 = 0xffffffff;
constexpr uint16_t kFlags = 0x0808;  // sizes follow the data; UTF-8 names
}  // namespace

void ZipWriter::put(const void* data, uint64_t n) {
  if (n > 0) sink_(data, n);
  position_ += n;
}

void ZipWriter::add(std::string_view name, const void* data, uint64_t n) {
  RT_CHECK(name.size() <= 0xff00, Value, "save", "the entry name is too long; got ", name.size(), " bytes");
  const uint64_t header_offset = position_;
  const bool large = n >= zip64_from_ || header_offset >= zip64_from_;
  std::string header;
  append_le(header, 0x04034b50, 4);
  append_le(header, 0, 2);  // version needed
  append_le(header, kFlags, 2);
  append_le(header, 0, 2);      // stored
  append_le(header, 0, 4);      // time, date
  append_le(header, 0, 4 * 3);  // crc and sizes: in the descriptor
  append_le(header, name.size(), 2);
  // PyTorch's padding field "FB" brings the data to a multiple of the alignment.
  const uint64_t zip64_length = large ? 20 : 0;
  const uint64_t unpadded = position_ + 30 + name.size() + zip64_length + 4;
  const uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  append_le(header, zip64_length + 4 + padding, 2);
  header.append(name);
  if (large) {
    append_le(header, 1, 2);
    append_le(header, 16, 2);
    append_le(header, n, 8);
    append_le(header, n, 8);
  }
  header.append("FB");
  append_le(header, padding, 2);
  header.append(padding, 'Z');
  put(header);

  const uint32_t crc = crc32_of(data, n);
  put(data, n);
  std::string descriptor;
  append_le(descriptor, 0x08074b50, 4);
  append_le(descriptor, crc, 4);
  append_le(descriptor, n, large ? 8 : 4);
  append_le(descriptor, n, large ? 8 : 4);
  put(descriptor);
  records_.push_back({std::string(name), header_offset, n, crc});

  for (char c : name) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  for (uint64_t word : {uint64_t{crc}, n}) hash_ = (hash_ ^ word) * 0x100000001b3ull;
}

void ZipWriter::finish() {
  const uint64_t directory_offset = position_;
  for (const Record& r : records_) {
    std::string extra;
    const bool large_size = r.size >= zip64_from_, large_offset = r.offset >= zip64_from_;
    if (large_size || large_offset) {
      append_le(extra, 1, 2);
      append_le(extra, (large_size ? 16 : 0) + (large_offset ? 8 : 0), 2);
      if (large_size) {
        append_le(extra, r.size, 8);
        append_le(extra, r.size, 8);
      }
      if (large_offset) append_le(extra, r.offset, 8);
    }
    std::string entry;
    append_le(entry, 0x02014b50, 4);
    append_le(entry, 0, 4);  // versions
    append_le(entry, kFlags, 2);
    append_le(entry, 0, 2);
    append_le(entry, 0, 4);
    append_le(entry, r.crc, 4);
    append_le(entry, large_size ? kMax32 : r.size, 4);
    append_le(entry, large_size ? kMax32 : r.size, 4);
    append_le(entry, r.name.size(), 2);
    append_le(entry, extra.size(), 2);
    append_le(entry, 0, 2 + 2 + 2);
    append_le(entry, 0, 4);
    append_le(entry, large_offset ? kMax32 : r.offset, 4);
    put(entry + r.name + extra);
  }
  const uint64_t directory_size = position_ - directory_offset;
  const uint64_t end64_offset = position_;
  const uint64_t count = records_.size();
  std::string end;
  append_le(end, 0x06064b50, 4);
  append_le(end, 44, 8);
  append_le(end, 0x1e, 2);
  append_le(end, 0x2d, 2);
  append_le(end, 0, 4 + 4);
  append_le(end, count, 8);
  append_le(end, count, 8);
  append_le(end, directory_size, 8);
  append_le(end, directory_offset, 8);
  append_le(end, 0x07064b50, 4);
  append_le(end, 0, 4);
  append_le(end, end64_offset, 8);
  append_le(end, 1, 4);
  append_le(end, 0x06054b50, 4);
  append_le(end, 0, 4);
  append_le(end, std::min<uint64_t>(count, 0xffff), 2);
  append_le(end, std::min<uint64_t>(count, 0xffff), 2);
  append_le(end, std::min(directory_size, kMax32), 4);
  append_le(end, std::min(directory_offset, kMax32), 4);
  append_le(end, 0, 2);
  put(end);
}

}  // namespace rustorch::formats
