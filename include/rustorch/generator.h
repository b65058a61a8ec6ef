// Generator: the state of a random number stream, a (seed, offset) pair of the Philox engine.
//
// A Generator is a handle: copies share the state, and it may be used from several threads. Random operations
// reserve as many blocks as they need and compute their numbers from (seed, offset, element index) alone, so
// results do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "rustorch/device.h"

namespace rustorch {

/// Where the numbers of one operation start.
struct PhiloxState {
  uint64_t seed = 0;
  uint64_t offset = 0;  ///< in blocks of four 32-bit words
};

class Generator {
 public:
  /// A new stream with the default seed.
  explicit Generator(Device device = Device::Cpu());

  /// Restarts the stream from a seed.
  Generator& manual_seed(uint64_t seed);
  /// Restarts the stream from a seed of the system's entropy source, and returns it.
  uint64_t seed();
  /// The seed that the stream was started with.
  uint64_t initial_seed() const;

  /// Reserves n_blocks blocks: seed and offset of the first, in one step.
  PhiloxState next(uint64_t n_blocks);
  /// The offset part of next().
  uint64_t reserve(uint64_t n_blocks) { return next(n_blocks).offset; }
  uint64_t offset() const;
  void set_offset(uint64_t offset);

  /// The state as bytes (little-endian, versioned), and back. Throws Value when the bytes are not a state.
  std::vector<uint8_t> get_state() const;
  void set_state(const uint8_t* bytes, size_t n);
  void set_state(const std::vector<uint8_t>& bytes) { set_state(bytes.data(), bytes.size()); }

  Device device() const;
  /// An independent generator with the same state.
  Generator clone() const;
  /// True when both handles share one state.
  bool is_same(const Generator& other) const { return impl_ == other.impl_; }

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Seed of a stream that nobody has seeded; the same as PyTorch's.
inline constexpr uint64_t kDefaultSeed = 67280421310721u;

/// The generator of operations that are given none.
Generator& default_generator();
/// Seeds the default generator.
Generator manual_seed(uint64_t seed);

}  // namespace rustorch
