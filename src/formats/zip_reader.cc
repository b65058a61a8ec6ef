#include <zlib.h>

#include <algorithm>

#include "base/thread_pool.h"
#include "formats/zip.h"

namespace rustorch::formats {
namespace {

constexpr uint32_t kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50,
                   kEntrySignature = 0x02014b50, kLocalSignature = 0x04034b50;
constexpr uint64_t kEndSize = 22, kLocator64Size = 20, kEnd64Size = 56, kLocalSize = 30;
/// Refuse entries that claim to inflate to more than this many times their size (deflate's own bound is
/// 1032).
constexpr uint64_t kMaxInflateRatio = 1040;
/// Bytes whose checksum one task computes.
constexpr uint64_t kCrcChunk = 4 << 20;

uint64_t find_end_record(ByteSpan bytes, const FormatContext& context) {
  constexpr std::string_view kHint = "the file is no zip archive, or it is cut short";
  context.check(bytes.size >= kEndSize, bytes.size, "not a zip archive: too few bytes", kHint);
  const uint64_t lowest = bytes.size - std::min<uint64_t>(bytes.size, kEndSize + 0xffff);
  for (uint64_t at = bytes.size - kEndSize;; --at) {
    if (ByteReader::le({bytes.data + at, 4}) == kEndSignature) {
      const uint64_t comment = ByteReader::le({bytes.data + at + 20, 2});
      if (at + kEndSize + comment == bytes.size) return at;
    }
    if (at == lowest) break;
  }
  context.fail(bytes.size, "the zip directory is missing", kHint);
}

}  // namespace

uint64_t first_archive_size(ByteSpan bytes) {
  // An end record belongs to an archive that starts at 0 when its directory ends right before it (or before
  // its zip64 part). One at the very end is the usual case; otherwise look for the first that fits.
  const auto fits = [&](uint64_t at) {
    if (ByteReader::le({bytes.data + at, 4}) != kEndSignature) return false;
    const uint64_t size = ByteReader::le({bytes.data + at + 12, 4});
    const uint64_t offset = ByteReader::le({bytes.data + at + 16, 4});
    if (size + offset == at) return true;
    if (at < kLocator64Size + kEnd64Size ||
        ByteReader::le({bytes.data + at - kLocator64Size, 4}) != kLocator64Signature) {
      return false;
    }
    return ByteReader::le({bytes.data + at - kLocator64Size + 8, 8}) == at - kLocator64Size - kEnd64Size;
  };
  if (bytes.size < kEndSize || fits(bytes.size - kEndSize)) return bytes.size;
  for (uint64_t at = 0; at + kEndSize <= bytes.size; ++at) {
    const void* next = std::memchr(bytes.data + at, 'P', bytes.size - kEndSize - at + 1);
    if (next == nullptr) break;
    at = static_cast<uint64_t>(static_cast<const uint8_t*>(next) - bytes.data);
    if (!fits(at)) continue;
    const uint64_t end = at + kEndSize + ByteReader::le({bytes.data + at + 20, 2});
    return std::min(end, bytes.size);
  }
  return bytes.size;
}

uint32_t crc32_of(const void* data, uint64_t n) {
  const auto* p = static_cast<const uint8_t*>(data);
  const uint64_t chunks = (n + kCrcChunk - 1) / kCrcChunk;
  if (chunks <= 1) return static_cast<uint32_t>(::crc32(0, n > 0 ? p : nullptr, static_cast<uInt>(n)));
  const auto size_of = [&](uint64_t c) { return std::min(kCrcChunk, n - c * kCrcChunk); };
  std::vector<uLong> parts(chunks);
  parallel_for(0, static_cast<int64_t>(chunks), 1, [&](int64_t begin, int64_t end) {
    for (auto c = static_cast<uint64_t>(begin); c < static_cast<uint64_t>(end); ++c) {
      parts[c] = ::crc32(0, p + c * kCrcChunk, static_cast<uInt>(size_of(c)));
    }
  });
  uLong crc = parts[0];
  for (uint64_t c = 1; c < chunks; ++c)
    crc = ::crc32_combine(crc, parts[c], static_cast<z_off_t>(size_of(c)));
  return static_cast<uint32_t>(crc);
}

ZipReader::ZipReader(ByteSpan bytes, FormatContext context, const ParseLimits& limits)
    : bytes_(bytes), context_(std::move(context)), limits_(limits) {
  parse_directory();
}

void ZipReader::parse_directory() {
  const uint64_t end = find_end_record(bytes_, context_);
  ByteReader in(bytes_, context_, end + 4);
  const uint16_t disk = in.u16("disk number");
  const uint16_t directory_disk = in.u16("disk number");
  uint64_t count_here = in.u16("entry count");
  uint64_t count = in.u16("entry count");
  uint64_t size = in.u32("directory size");
  uint64_t offset = in.u32("directory offset");
  uint64_t directory_end = end;
  if (end >= kLocator64Size &&
      ByteReader::le({bytes_.data + end - kLocator64Size, 4}) == kLocator64Signature) {
    ByteReader locator(bytes_, context_, end - kLocator64Size + 8);
    const uint64_t at = locator.u64("zip64 end offset");
    context_.check(bytes_.holds(at, kEnd64Size) && at + kEnd64Size <= end - kLocator64Size,
                   end - kLocator64Size, "the zip64 end record lies outside the file");
    ByteReader in64(bytes_, context_, at);
    context_.check(in64.u32("zip64 signature") == kEnd64Signature, at, "bad zip64 end record");
    in64.take(8 + 2 + 2, "zip64 header");
    context_.check(in64.u32("disk") == disk && in64.u32("disk") == directory_disk, at,
                   "split archives are refused");
    count_here = in64.u64("entry count");
    count = in64.u64("entry count");
    size = in64.u64("directory size");
    offset = in64.u64("directory offset");
    directory_end = at;
  }
  context_.check(disk == 0 && directory_disk == 0 && count == count_here, end, "split archives are refused",
                 "join the parts first");
  context_.check(bytes_.holds(offset, size) && offset + size <= directory_end, end,
                 "the zip directory lies outside the file");
  // An entry takes at least 46 bytes, so a made-up count is refused before memory is taken for it.
  context_.check(count <= size / 46 && count <= limits_.max_items, end, "too many zip entries");
  entries_.reserve(count);
  ByteReader directory({bytes_.data, offset + size}, context_, offset);
  for (uint64_t i = 0; i < count; ++i) parse_entry(directory, offset);
  uint64_t total = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    context_.check(by_name_.emplace(entries_[i].name, i).second, offset,
                   cat("the entry '", FormatContext::printable(entries_[i].name), "' is there twice"));
    context_.check(checked_add(total, entries_[i].size, &total) && total <= limits_.max_bytes, offset,
                   "the entries are larger than the limit on bytes", "raise ParseLimits::max_bytes");
  }
}

void ZipReader::parse_entry(ByteReader& in, uint64_t directory_offset) {
  const uint64_t at = in.position();
  context_.check(in.u32("entry signature") == kEntrySignature, at, "bad zip directory entry");
  in.take(2 + 2, "entry versions");
  const uint16_t flags = in.u16("entry flags");
  const uint16_t method = in.u16("compression method");
  in.take(4, "entry time");
  Entry e;
  e.crc = in.u32("entry checksum");
  e.compressed_size = in.u32("entry size");
  e.size = in.u32("entry size");
  const uint16_t name_length = in.u16("name length");
  const uint16_t extra_length = in.u16("extra length");
  const uint16_t comment_length = in.u16("comment length");
  in.take(2 + 2 + 4, "entry attributes");
  uint64_t header_offset = in.u32("entry offset");
  e.name = std::string(in.take(name_length, "entry name").text());
  context_.check((flags & 1) == 0, at, "encrypted entries are refused", "save the file without a password");
  context_.check(method == 0 || method == 8, at,
                 "unknown compression method; only stored and deflated are read");
  e.deflated = method == 8;
  ByteReader extra(in.take(extra_length, "extra field"), context_);
  while (extra.remaining() >= 4) {
    const uint16_t tag = extra.u16("extra tag");
    const uint16_t length = extra.u16("extra length");
    if (length > extra.remaining()) break;  // padding that is no field
    ByteReader field(extra.take(length, "extra field"), context_);
    if (tag != 1) continue;
    if (e.size == 0xffffffff) e.size = field.u64("zip64 size");
    if (e.compressed_size == 0xffffffff) e.compressed_size = field.u64("zip64 size");
    if (header_offset == 0xffffffff) header_offset = field.u64("zip64 offset");
  }
  in.take(comment_length, "entry comment");
  context_.check(e.deflated || e.size == e.compressed_size, at, "a stored entry has two sizes");
  context_.check(!e.deflated || e.size / kMaxInflateRatio <= e.compressed_size, at,
                 "the entry claims an impossible compression ratio");
  resolve_data_offset(e, header_offset, directory_offset);
  entries_.push_back(std::move(e));
}

void ZipReader::resolve_data_offset(Entry& e, uint64_t header_offset, uint64_t directory_offset) const {
  const FormatContext context = context_.with_entry(e.name);
  context.check(bytes_.holds(header_offset, kLocalSize), header_offset, "the entry lies outside the file");
  ByteReader in(bytes_, context, header_offset);
  context.check(in.u32("local signature") == kLocalSignature, header_offset, "bad local zip header");
  in.take(22, "local header");
  const uint16_t name_length = in.u16("name length");
  const uint16_t extra_length = in.u16("extra length");
  context.check(in.take(name_length, "name").text() == e.name, header_offset,
                "the local header names another entry than the directory");
  in.take(extra_length, "extra field");
  e.offset = in.position();
  context.check(e.offset <= directory_offset && e.compressed_size <= directory_offset - e.offset, e.offset,
                "the entry's data lies outside the file");
}

const ZipReader::Entry* ZipReader::find(std::string_view name) const {
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &entries_[it->second];
}

ByteSpan ZipReader::view(const Entry& e, bool verify) const {
  context_.check(!e.deflated, e.offset, "the entry is compressed");
  ByteSpan data(bytes_.data + e.offset, e.size);
  if (verify) {
    context_.with_entry(e.name).check(crc32_of(data.data, data.size) == e.crc, e.offset, "checksum mismatch");
  }
  return data;
}

void ZipReader::read(const Entry& e, uint8_t* out) const {
  if (!e.deflated) {
    ByteSpan data = view(e);
    if (data.size > 0) std::memcpy(out, data.data, data.size);
    return;
  }
  const FormatContext context = context_.with_entry(e.name);
  z_stream z{};
  RT_CHECK(inflateInit2(&z, -MAX_WBITS) == Z_OK, OutOfMemory, context_.op, "zlib could not start");
  const uint8_t* in = bytes_.data + e.offset;
  uint64_t in_left = e.compressed_size, out_left = e.size;
  uint8_t overflow_probe;
  int status = Z_OK;
  while (status == Z_OK) {
    const uInt in_part = static_cast<uInt>(std::min<uint64_t>(in_left, 1u << 30));
    const uInt out_part = static_cast<uInt>(std::min<uint64_t>(out_left, 1u << 30));
    z.next_in = const_cast<Bytef*>(in);
    z.avail_in = in_part;
    // With no room left, one byte of probe shows whether the stream goes on.
    z.next_out = out_part > 0 ? out : &overflow_probe;
    z.avail_out = out_part > 0 ? out_part : 1;
    status = inflate(&z, Z_NO_FLUSH);
    const uint64_t consumed = in_part - z.avail_in;
    const uint64_t produced = (out_part > 0 ? out_part : 1) - z.avail_out;
    in += consumed;
    in_left -= consumed;
    if (out_part == 0) {
      if (produced > 0) status = Z_DATA_ERROR;
    } else {
      out += produced;
      out_left -= produced;
    }
    if (consumed == 0 && produced == 0 && status == Z_OK) status = Z_BUF_ERROR;
  }
  inflateEnd(&z);
  context.check(status == Z_STREAM_END && out_left == 0, e.offset, "the compressed data is damaged");
  context.check(crc32_of(out - e.size, e.size) == e.crc, e.offset, "checksum mismatch");
}

std::string ZipReader::read_text(const Entry& e) const {
  std::string text(e.size, '\0');
  read(e, reinterpret_cast<uint8_t*>(text.data()));
  return text;
}

}  // namespace rustorch::formats
