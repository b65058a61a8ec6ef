// MemoryFormat and Layout: how the elements of a tensor are ordered in memory.
#pragma once
#include <cstdint>

namespace rustorch {

/// Contiguous: last dimension fastest. ChannelsLast: NHWC order of an NCHW-shaped tensor. Preserve: as the
/// input.
enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

/// Strided: one block of memory. SparseCoo: coordinates and values. The others are compressed: by rows or by
/// columns, single elements or blocks. See src/core/sparse_data.h.
enum class Layout : uint8_t { Strided, SparseCoo, SparseCsr, SparseCsc, SparseBsr, SparseBsc };
inline constexpr Layout kStrided = Layout::Strided;
inline constexpr Layout kSparse = Layout::SparseCoo;
inline constexpr Layout kSparseCsr = Layout::SparseCsr;
inline constexpr Layout kSparseCsc = Layout::SparseCsc;
inline constexpr Layout kSparseBsr = Layout::SparseBsr;
inline constexpr Layout kSparseBsc = Layout::SparseBsc;

/// "sparse_coo" and so on, as Python calls it.
const char* layout_name(Layout layout);

}  // namespace rustorch
