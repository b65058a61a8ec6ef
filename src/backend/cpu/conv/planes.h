// Moving images between a tensor's layout and the planes the kernels read (Note [Shifts] in geometry.h).
#pragma once
#include <cstdint>

#include "backend/cpu/conv/geometry.h"

namespace rustorch::cpu::detail {

/// One group of channels of one image as stored in a tensor.
template <class T>
struct ImageView {
  T* data;           ///< channel 0 of the group at spatial position 0
  int64_t channel;   ///< elements from one channel to the next
  int64_t position;  ///< elements from one spatial position to the next; one of the two is 1
};

/// The view of image n, group g. extent is the spatial size; channels are those of the whole tensor.
template <class T>
ImageView<T> image_view(T* tensor, const int64_t* extent, int64_t channels, int64_t groups,
                        bool channels_last, int64_t n, int64_t g) {
  const int64_t size = extent[0] * extent[1] * extent[2], first = channels / groups * g;
  T* image = tensor + n * channels * size;
  return channels_last ? ImageView<T>{image + first, 1, channels}
                       : ImageView<T>{image + first * size, size, 1};
}

/// Fills the planes of channels [c0, c1) from a source image; outside the image they are zero.
template <class T>
void copy_in(const SourceLayout& layout, const ImageView<const T>& image, int64_t c0, int64_t c1, T* planes);

/// True when the grid is all outputs in order.
bool dense_grid(const TapSet& taps, const int64_t* extent);

/// Writes columns [q0, q1) of `rows` channels to the outputs of a grid. Column q of row c is at block[c * ld
/// + q - q0]; q counts along plane rows (gaps included) when flat, else along the outputs themselves.
template <class T>
void copy_out(const SourceLayout& layout, const TapSet& taps, bool flat, const T* block, int64_t ld,
              int64_t rows, int64_t q0, int64_t q1, const int64_t* extent, const ImageView<T>& image,
              int64_t first_channel);

}  // namespace rustorch::cpu::detail
