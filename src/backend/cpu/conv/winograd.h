// Convolutions of 3 x 3 taps by Winograd's F(2x2, 3x3). Internal to this folder.
//
// Note [Winograd]. A tile of 2 x 2 outputs comes from 4 x 4 inputs d and the taps g as
// Y = A^T (sum over channels of (G g G^T) * (B^T d B)) A with an elementwise product: 16 multiplications for
// 4 outputs instead of 36 (Lavin and Gray 2015). The sums over channels are 16 matrix products. In float the
// error is 1.2 to 2.3 times that of the sum of all taps (measured on 64 to 512 channels), as the factors of
// the transforms are 1 and 1/2; tiles of 4 x 4 outputs would lose a digit and are not used. That error is
// relative to the largest input of a tile, also for the outputs of the tile that this input does not reach:
// where one pixel is 1e6 times its neighbours, outputs beside its reach have an error of 0.1. One value that
// is not finite would spoil its tile's neighbours, so when a result is not finite, all are computed the other
// way. Whether this way is taken depends on the sizes of one image and of the weights, and for images of 7 to
// 9 outputs in a row on whether there are four, which share what the weights cost; tiles do not depend on
// each other, so that other cuts of a batch do not show in the bits.
#pragma once
#include "backend/cpu/conv/conv.h"
#include "backend/cpu/conv/taps_conv.h"

namespace rustorch::cpu::detail {

/// Whether winograd() may be called and is the faster way. The environment variable RUSTORCH_WINOGRAD=0 says
/// no to all.
bool winograd_pays(const ConvArgs& args);

/// The forward pass, or with `turned` the gradient by the source, where the problem's weights run from the
/// last tap to the first. False when a result was not finite: then nothing of `out` counts.
bool winograd(const TapsProblem<float>& problem, const ConvArgs& args, bool turned);

}  // namespace rustorch::cpu::detail
