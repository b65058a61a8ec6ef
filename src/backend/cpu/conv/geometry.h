// The geometry of a convolution: how a source image becomes planes, and where each kernel tap reads in them.
//
// Note [Shifts]. A source image is copied once into padded planes. With stride s, coordinate o * s - p + t *
// d of output o and tap t lies in the plane of phase (t * d) mod s at index o + (t * d) / s: for a fixed tap
// a constant shift. Rows of outputs are taken together with the gap between plane rows as one run of columns,
// so a tap's operand for any number of outputs is one contiguous run of memory, and the convolution is a
// matrix product whose B rows are shifted views of the planes. The gradient by the source is the same thing
// with the roles of x and y exchanged, once per phase of the source.
#pragma once
#include <cstdint>
#include <vector>

#include "backend/cpu/conv/conv.h"

namespace rustorch::cpu::detail {

/// Planes of one source image: index i of a plane of phase r along a dimension holds coordinate i * step + r
/// + origin.
struct SourceLayout {
  int64_t extent[3];  ///< spatial size of the source
  int64_t step[3], origin[3];
  std::vector<int64_t> phases[3];
  int64_t length[3];  ///< size of a plane
  int64_t plane() const { return length[0] * length[1] * length[2]; }
  int64_t planes_per_channel() const {
    return static_cast<int64_t>(phases[0].size() * phases[1].size() * phases[2].size());
  }
  int64_t channel_stride() const { return planes_per_channel() * plane(); }
  /// True when the planes are the source itself (no padding, one phase): nothing needs copying.
  bool identity() const;
};

/// The taps that feed one regular grid of outputs.
struct TapSet {
  std::vector<int64_t> shift;   ///< of each tap, inside one channel's planes
  std::vector<int64_t> weight;  ///< index of each tap in the kernel
  int64_t grid[3];              ///< outputs along each dimension
  int64_t base[3], step[3];     ///< output coordinate of grid index j is base + step * j
  int64_t columns() const { return grid[0] * grid[1] * grid[2]; }
};

/// Planes of x and the taps of y.
void forward_geometry(const ConvArgs& args, SourceLayout& source, TapSet& taps);
/// Planes of grad_y and, per phase of x, the taps of grad_x.
void backward_geometry(const ConvArgs& args, SourceLayout& source, std::vector<TapSet>& sets);

/// Plane offset of the first output of every row of the grid.
std::vector<int64_t> row_starts(const SourceLayout& source, const TapSet& taps);

/// Columns from the first output of the grid to the last, gaps included.
int64_t flat_columns(const SourceLayout& source, const TapSet& taps);

}  // namespace rustorch::cpu::detail
