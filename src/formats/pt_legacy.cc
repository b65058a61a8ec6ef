// The stream format of before PyTorch 1.6: five pickles (magic number, protocol, machine facts, the object,
// storage keys), then each storage as an int64 count and its raw bytes.
#include <unordered_map>

#include "formats/pt.h"

namespace rustorch::formats {
namespace {

constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr int64_t kProtocol = 1001;

}  // namespace

Archive parse_pt_legacy(ByteSpan bytes, std::shared_ptr<const void> owner, const FormatContext& context,
                        const ParseLimits& limits) {
  Archive archive;
  std::unordered_map<std::string, size_t> by_key;
  uint64_t position = 0;
  uint64_t declared = 0;
  const StorageResolver refuse = [&](const StorageRef&, uint64_t at) -> int64_t {
    context.fail(at, "a storage stands where none is expected");
  };
  // The bytes come after the object, so a storage's size is believed for now if the file could hold it.
  const StorageResolver collect = [&](const StorageRef& ref, uint64_t at) -> int64_t {
    auto [it, fresh] = by_key.emplace(ref.key, archive.storages.size());
    if (fresh) {
      context.check(checked_add(declared, ref.nbytes, &declared) && declared <= bytes.size, at,
                    "the storages are larger than the file");
      Storage s;
      s.nbytes = ref.nbytes;
      s.dtype = ref.dtype;
      s.device = ref.location;
      archive.storages.push_back(std::move(s));
    } else {
      const Storage& known = archive.storages[it->second];
      context.check(known.nbytes == ref.nbytes && known.dtype == ref.dtype, at,
                    "a storage is described in two ways");
    }
    return static_cast<int64_t>(it->second);
  };
  const auto next = [&](const char* entry, const StorageResolver& resolver) {
    PickleResult r = read_pickle({bytes.data + position, bytes.size - position}, context.with_entry(entry),
                                 limits, resolver, archive.storages);
    position += r.consumed;
    return r.root;
  };

  const Value magic = next("magic", refuse);
  context.check(magic.kind() == ValueKind::kBigInt && magic.text() == kMagic, 0, "bad magic number");
  const Value protocol = next("protocol", refuse);
  context.check(protocol.kind() == ValueKind::kInt && protocol.as_int() == kProtocol, 0,
                "unknown protocol version");
  const Value facts = next("system", refuse);
  const Value* little = facts.is_dict() ? facts.find("little_endian") : nullptr;
  context.check(little != nullptr && little->kind() == ValueKind::kBool && little->as_bool(), 0,
                "the file is not little-endian", "save it again with a newer PyTorch");
  archive.root = next("object", collect);
  const Value keys = next("keys", refuse);
  context.check(keys.kind() == ValueKind::kList && keys.items().size() == archive.storages.size(), position,
                "the list of storage keys does not fit the object");

  ByteReader in(bytes, context, position);
  for (const Value& key : keys.items()) {
    context.check(key.is_string(), position, "a storage key is no string");
    const auto it = by_key.find(key.text());
    context.check(it != by_key.end() && archive.storages[it->second].owner == nullptr, in.position(),
                  "a storage key is unknown or there twice");
    Storage& s = archive.storages[it->second];
    const uint64_t at = in.position();
    const uint64_t numel = in.u64("a storage size");
    uint64_t nbytes = 0;
    context.check(checked_mul(numel, element_size(s.dtype), &nbytes) && nbytes == s.nbytes, at,
                  "a storage has another size than the object says");
    s.data = in.take(nbytes, "a storage").data;
    s.owner = owner;
    if (s.owner == nullptr) s.owner = std::make_shared<char>();  // marks it as filled
  }
  return archive;
}

}  // namespace rustorch::formats
