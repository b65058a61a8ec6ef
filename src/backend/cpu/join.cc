// Concatenation along a dimension that is not the first: row by row through all parts, so that the result is
// written as one stream. Copying part by part writes it in as many passes, with lines shared between them.
#include <algorithm>
#include <vector>

#include "backend/cpu/copy.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

bool join(const Tensor& out, TensorList parts, int dim) {
  constexpr int64_t kLongRun = 64 << 10;  // bytes from which a pass for each part costs nothing
  constexpr int64_t kChunk = 128 << 10;   // bytes of the result
  struct Run {
    const char* from;
    int64_t bytes;
  };
  if (!out.is_contiguous()) return false;
  int64_t rows = 1, inner = static_cast<int64_t>(element_size(out.dtype()));
  for (int d = 0; d < dim; ++d) rows *= out.impl()->size(d);
  for (int64_t d = dim + 1; d < out.dim(); ++d) inner *= out.impl()->size(static_cast<int>(d));
  if (rows < 2) return false;
  std::vector<Run> runs;
  runs.reserve(parts.size());
  int64_t row_bytes = 0;
  for (const Tensor& part : parts) {
    if (part.numel() == 0) continue;
    const int64_t bytes = part.impl()->size(dim) * inner;
    if (part.dtype() != out.dtype() || !part.is_contiguous() || bytes > kLongRun) return false;
    runs.push_back({part.impl()->data<char>(), bytes});
    row_bytes += bytes;
  }
  if (row_bytes == 0) return false;
  char* const to = out.impl()->mutable_data<char>();
  parallel_for(0, rows, std::max<int64_t>(1, kChunk / row_bytes), [&](int64_t begin, int64_t end) {
    char* at = to + begin * row_bytes;
    for (int64_t row = begin; row < end; ++row)
      for (const Run& run : runs) {
        copy_run(at, run.from + row * run.bytes, static_cast<size_t>(run.bytes));
        at += run.bytes;
      }
  });
  return true;
}

}  // namespace rustorch::cpu
