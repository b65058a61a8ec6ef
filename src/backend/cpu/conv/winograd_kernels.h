// Transforms of Winograd's F(2x2, 3x3) for many tiles or channels side by side; see Note [Winograd].
//
// Position p = 4 i + j of a transformed 4 x 4 tile lies p * step elements after position 0. Inputs and
// results are read and written in whole vectors of up to kWinogradLanes elements, so that buffers have room
// for that many behind the last element, except where it is said otherwise.
#pragma once
#include <cstdint>

namespace rustorch::cpu::detail {

inline constexpr int64_t kWinogradLanes = 16;

/// u = G g G^T of n kernels; tap t of kernel i is taps[t * ld + i]. `turned`: taps in reverse order.
void winograd_weights(const float* taps, int64_t ld, int64_t n, bool turned, float* u, int64_t step);
/// v = B^T d B of the tiles of one row: tile t begins at column 2 t of the four rows ld apart.
void winograd_input(const float* rows, int64_t ld, int64_t tiles, float* v, int64_t step);
/// y = A^T m A for the tiles of one row, into `columns` (2 * tiles or one less) elements of `out` and of the
/// row ld behind it, or of `out` only; nothing else is written. False when a result is not finite.
bool winograd_output(const float* m, int64_t step, int64_t columns, float* out, int64_t ld, bool two_rows);

}  // namespace rustorch::cpu::detail
