// Text form of tensors, as PyTorch prints them.
#pragma once
#include <iosfwd>

#include "rustorch/tensor.h"

namespace rustorch {

/// How tensors are printed; one setting for the process.
struct PrintOptions {
  int precision = 4;
  int64_t threshold = 1000;  ///< more elements than this are summarised
  int64_t edge_items = 3;    ///< shown at each end of a summarised dimension
  int64_t line_width = 80;
  int scientific = -1;  ///< 1 always, 0 never, -1 when the values ask for it
};
PrintOptions print_options();
void set_print_options(const PrintOptions& options);

std::ostream& operator<<(std::ostream& out, const Tensor& t);
/// "[2, 3]", "float32", "cpu".
std::ostream& operator<<(std::ostream& out, IntArrayRef sizes);
std::ostream& operator<<(std::ostream& out, DType t);
std::ostream& operator<<(std::ostream& out, Device d);

}  // namespace rustorch
