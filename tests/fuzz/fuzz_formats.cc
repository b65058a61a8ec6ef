// libFuzzer harness for every parser of src/formats. The first byte picks the parser, the rest is the file.
// A checkpoint is also parsed with its checksums repaired, so that mutations reach the pickle behind them.
#include <cstdint>
#include <memory>
#include <string>

#include "formats/npy.h"
#include "formats/pt.h"
#include "formats/safetensors.h"
#include "rustorch/error.h"

namespace {

using namespace rustorch;           // NOLINT
using namespace rustorch::formats;  // NOLINT

/// Walks a value as a consumer would, touching both ends of every storage.
uint64_t walk(const Value& v) {
  uint64_t n = 1;
  if (v.is_dict()) {
    for (const auto& [key, item] : v.entries()) n += walk(key) + walk(item);
    n += walk(v.attributes());
  } else if (v.is_sequence()) {
    for (const Value& item : v.items()) n += walk(item);
  }
  return n;
}

void use(const Archive& a) {
  volatile uint64_t sink = walk(a.root);
  for (const Storage& s : a.storages) {
    if (s.nbytes > 0) sink = sink + s.data[0] + s.data[s.nbytes - 1];
  }
}

/// What was read can be written, and reading that again is a fixed point (storages are then in order of use).
void round_trip(const Archive& a) {
  const std::string first = pt_bytes(a.root, a.storages);
  const Archive b = parse_pt(ByteSpan(first), nullptr);
  if (walk(b.root) != walk(a.root)) __builtin_trap();
  const std::string second = pt_bytes(b.root, b.storages);
  const Archive c = parse_pt(ByteSpan(second), nullptr);
  if (pt_bytes(c.root, c.storages) != second) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  ParseLimits limits;
  limits.max_bytes = 1 << 22;
  limits.max_items = 20000;
  limits.max_depth = 100;
  // A copy of exact size and odd alignment shows reads beyond the end.
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[size]);
  std::copy(data + 1, data + size, copy.get());
  const ByteSpan bytes(copy.get(), size - 1);
  try {
    switch (data[0] % 5) {
      case 0: {
        const Archive a = parse_pt(bytes, nullptr, {}, limits);
        use(a);
        round_trip(a);
        break;
      }
      case 1: {  // the bytes are the pickle of a checkpoint with two storages
        std::string file;
        const std::vector<Storage> storages = {make_storage("0123456789abcdef", 16, kFloat32),
                                               make_storage("01234567", 8, kInt64)};
        emit_pt_pickle([&](const void* d, uint64_t n) { file.append(static_cast<const char*>(d), n); },
                       bytes.text(), storages);
        const Archive a = parse_pt(ByteSpan(file), nullptr, {}, limits);
        use(a);
        round_trip(a);
        break;
      }
      case 2:
        use(parse_safetensors(bytes, nullptr, {}, limits).archive);
        break;
      case 3:
        use(parse_npy(bytes, nullptr, {}, limits));
        break;
      case 4:
        use(parse_npz(bytes, nullptr, {}, limits));
        break;
    }
  } catch (const RusTorchError& e) {
    if (e.kind() != ErrorKind::Format) __builtin_trap();
  }
  return 0;
}
