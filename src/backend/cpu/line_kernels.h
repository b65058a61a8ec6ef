// Inner loops of gather, scatter_add and masked fills, compiled for each instruction set.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rustorch::cpu {

/// out[i] = in[index[i]] for elements of item bytes (1, 2, 4, 8); places outside [0, limit) read element 0.
/// Returns false when there was one.
bool gather_line(void* out, const void* in, const int64_t* index, int64_t n, int64_t limit, size_t item);

/// out[i] = mask[i] ? *value : in[i] for elements of item bytes (1, 2, 4, 8). out may be in.
void blend_run(void* out, const void* in, const unsigned char* mask, const void* value, int64_t n,
               size_t item);

}  // namespace rustorch::cpu
