// Philox4x32-10: the counter-based random engine behind every random operation.
//
// (seed, block number) -> four 32-bit words, by ten rounds of multiplication (J. Salmon et al., "Parallel
// random numbers: as easy as 1, 2, 3", SC11; bit-exact with Random123: key = seed, counter = {block, 0}). An
// operation reserves blocks from its Generator, which gives (seed, offset); element i then takes its numbers
// from block offset + i / k, k elements per block. So values depend on nothing but (seed, offset, i): not on
// the number of threads, nor on how the range is cut. The fill functions are vectorised with run-time ISA
// dispatch; each fills elements first .. first + n - 1 into out[0 .. n - 1]. Single-threaded; callers split
// the range.
#pragma once
#include <cstdint>

namespace rustorch {

/// One block: the scalar reference. `counter` is {low, high, stream low, stream high}.
struct PhiloxBlock {
  uint32_t words[4];
};

constexpr PhiloxBlock philox4x32(PhiloxBlock counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53u} * counter.words[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57u} * counter.words[2];
    counter = {{static_cast<uint32_t>(p1 >> 32) ^ counter.words[1] ^ key0, static_cast<uint32_t>(p1),
                static_cast<uint32_t>(p0 >> 32) ^ counter.words[3] ^ key1, static_cast<uint32_t>(p0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// The words of a block as all fill functions use them.
constexpr PhiloxBlock philox_block(uint64_t seed, uint64_t block) {
  return philox4x32({{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}},
                    static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

/// A sequential engine over consecutive blocks, for host code that draws a few numbers (a
/// UniformRandomBitGenerator of 32-bit words).
class PhiloxEngine {
 public:
  using result_type = uint32_t;
  PhiloxEngine(uint64_t seed, uint64_t offset) : seed_(seed), block_(offset) {}
  static constexpr uint32_t min() { return 0; }
  static constexpr uint32_t max() { return 0xffffffffu; }
  uint32_t operator()() {
    if (used_ == 4) {
      current_ = philox_block(seed_, block_++);
      used_ = 0;
    }
    return current_.words[used_++];
  }
  /// A double in [0, 1) with 53 random bits.
  double uniform() {
    const uint64_t low = (*this)(), high = (*this)();
    return static_cast<double>(((high << 32) | low) >> 11) * (1.0 / 9007199254740992.0);
  }
  /// An integer in [0, n), without bias; n > 0.
  uint64_t below(uint64_t n) {
    const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    for (;;) {
      const uint64_t low = (*this)(), high = (*this)();
      const uint64_t word = (high << 32) | low;
      if (word < limit) return word % n;
    }
  }

 private:
  uint64_t seed_, block_;
  PhiloxBlock current_{};
  int used_ = 4;
};

/// Elements that one block gives, by fill function.
inline constexpr int64_t kPhiloxPerBlock32 = 4;  // u32, uniform_f32, normal_f32, bernoulli
inline constexpr int64_t kPhiloxPerBlock64 = 2;  // uniform_f64, normal_f64, random_i64
/// Blocks to reserve for n elements.
constexpr uint64_t philox_blocks(int64_t n, int64_t per_block) {
  return n <= 0 ? 0 : static_cast<uint64_t>((n - 1) / per_block + 1);
}

/// Raw words: out[4*b + j] = word j of block offset + first_block + b, for b < nblocks.
void philox_fill_u32(uint64_t seed, uint64_t offset, int64_t first_block, uint32_t* out, int64_t nblocks);

/// The integers of PhiloxEngine::below, made many blocks at a time.
class PhiloxWords {
 public:
  PhiloxWords(uint64_t seed, uint64_t offset) : seed_(seed), block_(offset) {}
  /// An integer in [0, n), without bias; n > 0.
  uint64_t below(uint64_t n) {
    for (;;) {
      const uint64_t word = next();
      // Words past the last whole multiple of n are drawn again; only the topmost n can be such.
      if (word < UINT64_MAX - n || word < UINT64_MAX - UINT64_MAX % n) return word % n;
    }
  }

 private:
  static constexpr int64_t kBlocks = 128;
  uint64_t next() {
    if (used_ == kBlocks * 4) {
      philox_fill_u32(seed_, block_, 0, words_, kBlocks);
      block_ += kBlocks;
      used_ = 0;
    }
    const uint64_t low = words_[used_], high = words_[used_ + 1];
    used_ += 2;
    return (high << 32) | low;
  }
  uint64_t seed_, block_;
  int64_t used_ = kBlocks * 4;
  uint32_t words_[kBlocks * 4];
};

/// Uniform in [low, high) with 24 random bits; exactly low when high == low.
void fill_uniform_f32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float low = 0.0f,
                      float high = 1.0f);
/// Uniform in [low, high) with 53 random bits.
void fill_uniform_f64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double low = 0.0,
                      double high = 1.0);

/// Normal, by the Box-Muller transform of word pairs; tails to 6.6 standard deviations.
void fill_normal_f32(uint64_t seed, uint64_t offset, int64_t first, float* out, int64_t n, float mean = 0.0f,
                     float stddev = 1.0f);
/// Normal with 53-bit inputs; tails to 8.5 standard deviations.
void fill_normal_f64(uint64_t seed, uint64_t offset, int64_t first, double* out, int64_t n, double mean = 0.0,
                     double stddev = 1.0);

/// out[i] = 1 with probability p (rounded to a multiple of 2^-32), else 0. p outside [0, 1] counts as the
/// nearer end.
void fill_bernoulli_mask(uint64_t seed, uint64_t offset, int64_t first, uint8_t* out, int64_t n, double p);
/// The same draws as bits: element first + i is bit i % 8 of bits[i / 8]. first must be a multiple of 8; the
/// unused bits of the last byte are 0.
void fill_bernoulli_bits(uint64_t seed, uint64_t offset, int64_t first, uint8_t* bits, int64_t n, double p);

/// Integers in [low, low + range); range 0 means all 2^64 values. Two elements per block. The bias is at most
/// range / 2^64.
void fill_random_i64(uint64_t seed, uint64_t offset, int64_t first, int64_t* out, int64_t n, int64_t low,
                     uint64_t range);

}  // namespace rustorch
