// Kernels that do one thing to every element: pointwise formulas, copies, fills, masked fills.
//
// An Elementwise describes operands and the text of the body; one program serves every layout (the strides
// are arguments), so that few programs are compiled.
#pragma once
#include <array>
#include <functional>
#include <string>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/source.h"
#include "rustorch/scalar.h"

namespace rustorch::kernels {

inline constexpr int kMaxOperands = 10;
inline constexpr int kMaxDims = 8;

/// Operands of one launch: outputs first, then inputs, all tensors.
struct ElementwiseLaunch {
  GpuDevice& device;
  const Tensor* const* tensors;
  int noutputs, ntensors;
};

/// Compiles (once) and runs a kernel over all elements of the first output.
///   key     names the program; equal keys have equal sources
///   body    asked for on a miss; gets the text that reads and writes elements: pointers p0, p1 ... (outputs
///   first),
///           indices i0, i1 ...
///   args    declarations of further arguments ("float c0, "), each ending in a comma; add sets them, in
///   order
/// Returns false when the layout has too many dimensions for a launch; nothing has been done then.
bool run_elementwise(
    const ElementwiseLaunch& launch, const std::string& key,
    const std::function<void(std::string* functions, std::string* args, std::string* body)>& source,
    const std::function<void(Launch&)>& add);

}  // namespace rustorch::kernels
