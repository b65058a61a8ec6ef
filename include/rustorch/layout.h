// MemoryFormat and Layout: how the elements of a tensor are ordered in memory.
#pragma once
#include <cstdint>

namespace rustorch {

/// Contiguous: last dimension fastest. ChannelsLast: NHWC order of an NCHW-shaped tensor. Preserve: as the
/// input.
enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

/// Only strided tensors exist in the core; sparse layouts live in a module of their own.
enum class Layout : uint8_t { Strided, SparseCoo, SparseCsr };

}  // namespace rustorch
