// Row kernels of 2-d pooling, resolved to the CPU's instruction set at run time.
//
// Input rows are padded copies with kPoolSlack readable elements behind the last window, so that whole
// vectors can be loaded. Out rows get exactly `n` elements.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// Elements a row must have behind the last window: two vectors of the widest instruction set, times stride
/// 2, or more for larger strides (see padded_row_width).
inline constexpr int64_t kPoolLanes = 16;
/// Width of a padded row for n outputs.
inline int64_t padded_row_width(int64_t n, int64_t stride, int64_t kernel, int64_t dilation) {
  const int64_t rounded = (n + kPoolLanes - 1) / kPoolLanes * kPoolLanes;
  return rounded * stride + (kernel - 1) * dilation + 2 * kPoolLanes;
}

struct PoolRow {
  int64_t n;                                     // outputs
  int64_t stride, kernel_h, kernel_w, dilation;  // dilation along the row
  int64_t row_step;                              // elements between the kernel's rows
};

/// out[j] = max over the window at rows + j * stride; first maximum in row-major order wins, NaN is larger
/// than all. mask[j] (when not null) = position in the window.
void max_pool_row(const PoolRow& row, const float* rows, float* out, uint8_t* mask);
void max_pool_row(const PoolRow& row, const double* rows, double* out, uint8_t* mask);
/// out[j] = sum of the window (kernel_h rows) times scale[j].
void sum_pool_row(const PoolRow& row, const float* rows, const float* scale, float* out);
void sum_pool_row(const PoolRow& row, const double* rows, const double* scale, double* out);

}  // namespace rustorch::cpu
