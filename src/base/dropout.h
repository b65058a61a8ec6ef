// Fused dropout: draws, keeps one bit per element, scales. The mask costs n / 8 bytes, and the backward pass
// reads it instead of drawing again. Numbers are those of fill_bernoulli_bits (philox.h), so cuts at
// multiples of 8 elements and the number of threads do not matter. Single-threaded; callers split the range.
#pragma once
#include <cstdint>

namespace rustorch {

/// out[i] = x[i] * scale where element first + i is kept (probability `keep`), else 0 (also for NaN and
/// infinite x). Writes the mask to bits[(n + 7) / 8] as fill_bernoulli_bits does; first must be a multiple
/// of 8. out may be x.
void dropout_f32(uint64_t seed, uint64_t offset, int64_t first, const float* x, float* out, uint8_t* bits,
                 int64_t n, double keep, float scale);

/// out[i] = x[i] * scale where bit i % 8 of bits[i / 8] is set, else 0: the backward pass. out may be x.
void apply_mask_bits_f32(const uint8_t* bits, const float* x, float* out, int64_t n, float scale);

}  // namespace rustorch
