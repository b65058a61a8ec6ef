// See include/rustorch/generator.h.
#include "rustorch/generator.h"

#include <cstring>
#include <mutex>
#include <random>

#include "rustorch/error.h"

namespace rustorch {
namespace {

constexpr char kMagic[8] = {'R', 'T', 'P', 'H', 'L', 'X', '0', '1'};
constexpr size_t kStateBytes = 24;

void put_u64(std::vector<uint8_t>& out, uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t get_u64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

struct Generator::Impl {
  mutable std::mutex mutex;
  PhiloxState state{kDefaultSeed, 0};
  Device device;
};

Generator::Generator(Device device) : impl_(std::make_shared<Impl>()) { impl_->device = device; }

Generator& Generator::manual_seed(uint64_t seed) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->state = {seed, 0};
  return *this;
}

uint64_t Generator::seed() {
  std::random_device entropy;
  const uint64_t value = (static_cast<uint64_t>(entropy()) << 32) | entropy();
  // 53 bits, so that the value survives a double (JSON, JavaScript).
  const uint64_t seed = value & ((uint64_t{1} << 53) - 1);
  manual_seed(seed);
  return seed;
}

uint64_t Generator::initial_seed() const {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->state.seed;
}

PhiloxState Generator::next(uint64_t n_blocks) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  const PhiloxState state = impl_->state;
  impl_->state.offset += n_blocks;
  return state;
}

uint64_t Generator::offset() const {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  return impl_->state.offset;
}

void Generator::set_offset(uint64_t offset) {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->state.offset = offset;
}

std::vector<uint8_t> Generator::get_state() const {
  std::lock_guard<std::mutex> lock(impl_->mutex);
  std::vector<uint8_t> bytes(kMagic, kMagic + sizeof(kMagic));
  put_u64(bytes, impl_->state.seed);
  put_u64(bytes, impl_->state.offset);
  return bytes;
}

void Generator::set_state(const uint8_t* bytes, size_t n) {
  RT_CHECK(n == kStateBytes, Value, "set_state", "the bytes are no generator state; got ", n,
           " bytes; expected ", kStateBytes);
  RT_CHECK(std::memcmp(bytes, kMagic, sizeof(kMagic)) == 0, Value, "set_state",
           "the bytes are no generator state of this version; hint: use what get_state() returned");
  std::lock_guard<std::mutex> lock(impl_->mutex);
  impl_->state = {get_u64(bytes + 8), get_u64(bytes + 16)};
}

Device Generator::device() const { return impl_->device; }

Generator Generator::clone() const {
  Generator copy(impl_->device);
  std::lock_guard<std::mutex> lock(impl_->mutex);
  copy.impl_->state = impl_->state;
  return copy;
}

Generator& default_generator() {
  static Generator* const generator = new Generator;
  return *generator;
}

Generator manual_seed(uint64_t seed) { return default_generator().manual_seed(seed); }

}  // namespace rustorch
