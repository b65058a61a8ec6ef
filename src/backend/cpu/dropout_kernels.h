// Application of a bit mask, resolved to the CPU's instruction set at run time.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// y[i] = bit i of mask ? x[i] * scale : 0; bit i is bit i % 8 of byte i / 8.
void apply_mask(const float* x, const uint8_t* mask, float* y, int64_t n, float scale);
void apply_mask(const double* x, const uint8_t* mask, double* y, int64_t n, double scale);

}  // namespace rustorch::cpu
