#include "formats/pt.h"

#include <algorithm>
#include <unordered_map>

namespace rustorch::formats {
namespace {

/// The folder that the records lie under: what stands before "data.pkl".
std::string find_prefix(const ZipReader& zip, const FormatContext& context) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const ZipReader::Entry& e : zip.entries()) {
    const std::string_view name = e.name;
    if (name.size() <= kPickle.size() || name.substr(name.size() - kPickle.size()) != kPickle) continue;
    const std::string_view prefix = name.substr(0, name.size() - kPickle.size());
    if (prefix.find('/') == prefix.size() - 1) return std::string(prefix);
  }
  context.fail("the archive has no data.pkl", "the file is a zip archive but no PyTorch checkpoint");
}

void swap_bytes(uint8_t* data, uint64_t nbytes, DType dtype) {
  const uint64_t width = element_size(real_type(dtype));
  if (width < 2) return;
  for (uint64_t i = 0; i + width <= nbytes; i += width) std::reverse(data + i, data + i + width);
}

/// Finds storages in the zip, each once.
class ZipStorages {
 public:
  ZipStorages(const ZipReader& zip, std::string prefix, bool big_endian, std::shared_ptr<const void> owner,
              const FormatContext& context, std::vector<Storage>& table)
      : zip_(zip),
        prefix_(std::move(prefix)),
        big_endian_(big_endian),
        owner_(std::move(owner)),
        context_(context),
        table_(table) {}

  int64_t resolve(const StorageRef& ref, uint64_t offset) {
    auto [it, fresh] = by_key_.emplace(ref.key, static_cast<int64_t>(table_.size()));
    if (!fresh) {
      const Storage& known = table_[static_cast<size_t>(it->second)];
      context_.check(known.nbytes == ref.nbytes && known.dtype == ref.dtype, offset,
                     "a storage is described in two ways");
      return it->second;
    }
    const ZipReader::Entry* entry = zip_.find(prefix_ + "data/" + ref.key);
    if (entry == nullptr) {
      context_.fail(offset, cat("the storage '", FormatContext::printable(ref.key), "' is missing"));
    }
    if (entry->size != ref.nbytes) {
      context_.with_entry(entry->name)
          .fail(entry->offset,
                cat("a storage has the wrong size; got ", entry->size, " bytes; expected ", ref.nbytes));
    }
    Storage s;
    s.nbytes = ref.nbytes;
    s.dtype = ref.dtype;
    s.device = ref.location;
    if (entry->deflated || big_endian_) {
      auto buffer = std::make_shared<std::vector<uint8_t>>(entry->size);
      zip_.read(*entry, buffer->data());
      if (big_endian_) swap_bytes(buffer->data(), buffer->size(), ref.dtype);
      s.data = buffer->data();
      s.owner = std::move(buffer);
    } else {
      s.data = zip_.view(*entry).data;
      s.owner = owner_;
    }
    table_.push_back(std::move(s));
    return it->second;
  }

 private:
  const ZipReader& zip_;
  std::string prefix_;
  bool big_endian_;
  std::shared_ptr<const void> owner_;
  const FormatContext& context_;
  std::vector<Storage>& table_;
  std::unordered_map<std::string, int64_t> by_key_;
};

Archive parse_zip(ByteSpan bytes, std::shared_ptr<const void> owner, const FormatContext& context,
                  const ParseLimits& limits) {
  const ZipReader zip(bytes, context, limits);
  const std::string prefix = find_prefix(zip, context);
  context.check(zip.find(prefix + "constants.pkl") == nullptr, 0, "the file holds a TorchScript program",
                "only weights are read here; save model.state_dict() instead");
  bool big_endian = false;
  if (const auto* order = zip.find(prefix + "byteorder")) {
    context.check(order->size <= 16, order->offset, "unknown byte order");
    const std::string text = zip.read_text(*order);
    context.check(text == "little" || text == "big", order->offset, "unknown byte order");
    big_endian = text == "big";
  }
  const ZipReader::Entry& pickle = *zip.find(prefix + "data.pkl");
  const FormatContext in_pickle = context.with_entry(pickle.name);
  std::string inflated;
  ByteSpan text;
  if (pickle.deflated) {
    inflated = zip.read_text(pickle);
    text = ByteSpan(inflated);
  } else {
    text = zip.view(pickle);
  }
  Archive archive;
  ZipStorages storages(zip, prefix, big_endian, std::move(owner), in_pickle, archive.storages);
  archive.root = read_pickle(
                     text, in_pickle, limits,
                     [&](const StorageRef& ref, uint64_t offset) { return storages.resolve(ref, offset); },
                     archive.storages)
                     .root;
  return archive;
}

}  // namespace

Archive parse_pt(ByteSpan bytes, std::shared_ptr<const void> owner, FormatContext context,
                 const ParseLimits& limits) {
  context.check(bytes.size <= limits.max_bytes, 0, "the file is larger than the limit on bytes",
                "raise ParseLimits::max_bytes");
  context.check(bytes.size > 0, 0, "the file is empty");
  constexpr std::string_view kLegacyStart("\x80\x02\x8a\x0a", 4);
  if (bytes.text().substr(0, 4) == kLegacyStart)
    return parse_pt_legacy(bytes, std::move(owner), context, limits);
  if (bytes.data[0] == 0x80) {
    context.fail(0, "the file is a plain pickle, not a checkpoint", "write it with save() or torch.save()");
  }
  return parse_zip(bytes, std::move(owner), context, limits);
}

void emit_pt_pickle(const ByteSink& sink, std::string_view pickle, const std::vector<Storage>& storages,
                    std::string_view archive_name) {
  const std::string prefix = std::string(archive_name) + "/";
  ZipWriter zip(sink);
  zip.add(prefix + "data.pkl", pickle);
  zip.add(prefix + ".format_version", "1");
  zip.add(prefix + ".storage_alignment", std::to_string(ZipWriter::kAlignment));
  zip.add(prefix + "byteorder", "little");
  for (size_t i = 0; i < storages.size(); ++i) {
    zip.add(prefix + "data/" + std::to_string(i), storages[i].data, storages[i].nbytes);
  }
  zip.add(prefix + "version", "3\n");
  std::string id = std::to_string(zip.content_hash());
  zip.add(prefix + ".data/serialization_id", std::string(40 - id.size(), '0') + id);
  zip.finish();
}

void emit_pt(const ByteSink& sink, const Value& root, const std::vector<Storage>& storages,
             std::string_view archive_name) {
  emit_pt_pickle(sink, write_pickle(root, storages), storages, archive_name);
}

std::string pt_bytes(const Value& root, const std::vector<Storage>& storages) {
  std::string out;
  emit_pt([&](const void* data, uint64_t n) { out.append(static_cast<const char*>(data), n); }, root,
          storages);
  return out;
}

}  // namespace rustorch::formats
