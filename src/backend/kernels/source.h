// Pieces of text shared by all kernels: how each dtype lies in memory, is read into a compute type and
// written.
#pragma once
#include <string>

#include "backend/compute_type_of.h"
#include "rustorch/dtype.h"
#include "rustorch/scalar.h"

namespace rustorch::kernels {

class Launch;

/// Type of the elements in memory: uchar, half, ushort (bfloat16), float2 ...
const char* memory_type(DType t);
/// Type of a value of a compute type: float, double, int, long, float2, double2.
const char* value_type(ComputeType t);
/// An expression for element `index` of `pointer` (of dtype t) converted to the compute type.
std::string load(DType t, ComputeType to, const std::string& pointer, const std::string& index);
/// An expression that is true when the element is not zero.
std::string load_bool(DType t, const std::string& pointer, const std::string& index);
/// A statement that writes `value` (of the compute type) to the element.
std::string store(DType t, ComputeType from, const std::string& pointer, const std::string& index,
                  const std::string& value);

bool uses_double(DType t);
bool uses_double(ComputeType t);
/// Adds a number to a launch as an argument of the compute type.
void add_number(Launch& launch, ComputeType t, const Scalar& value);

}  // namespace rustorch::kernels
