#include "ops/overlap.h"

#include <numeric>
#include <vector>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch {

Overlap memory_overlap(const Tensor& a, const Tensor& b) {
  const TensorImpl &x = *a.impl(), &y = *b.impl();
  if (x.storage() != y.storage() || x.storage() == nullptr || x.numel() == 0 || y.numel() == 0)
    return Overlap::No;
  if (&x == &y) return Overlap::Full;
  const auto x_bytes = static_cast<int64_t>(element_size(x.dtype())) * x.numel();
  const auto y_bytes = static_cast<int64_t>(element_size(y.dtype())) * y.numel();
  if (x.offset() == y.offset() && x.sizes() == y.sizes() && x.strides() == y.strides() &&
      x.dtype() == y.dtype())
    return Overlap::Full;
  if (!x.is_non_overlapping_and_dense() || !y.is_non_overlapping_and_dense()) return Overlap::Unknown;
  const int64_t x_begin = x.byte_offset(), y_begin = y.byte_offset();
  return x_begin + x_bytes <= y_begin || y_begin + y_bytes <= x_begin ? Overlap::No : Overlap::Partial;
}

void check_no_partial_overlap(const char* op, const Tensor& out, const Tensor& input) {
  RT_CHECK(
      memory_overlap(out, input) != Overlap::Partial, Value, op,
      "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
      "memory location. Please clone() the tensor before performing the operation.");
}

namespace {

/// Two dimensions of their own reach one element twice: a * s == b * t for steps inside of both.
bool pair_overlaps(int64_t size_a, int64_t stride_a, int64_t size_b, int64_t stride_b) {
  const int64_t common = std::gcd(stride_a, stride_b);
  return stride_b / common < size_a && stride_a / common < size_b;
}

/// Looks at every element; the reach must be small.
bool any_twice(IntArrayRef sizes, IntArrayRef strides, int64_t reach) {
  std::vector<bool> seen(static_cast<size_t>(reach) + 1);
  std::vector<int64_t> index(sizes.size(), 0);
  int64_t at = 0;
  for (;;) {
    if (seen[static_cast<size_t>(at)]) return true;
    seen[static_cast<size_t>(at)] = true;
    size_t d = sizes.size();
    while (d-- > 0) {
      at += strides[d];
      if (++index[d] < sizes[d]) break;
      at -= strides[d] * sizes[d];
      index[d] = 0;
      if (d == 0) return false;
    }
    if (sizes.empty()) return false;
  }
}

}  // namespace

bool overlaps_itself(IntArrayRef sizes, IntArrayRef strides) {
  constexpr int64_t kLookAtAll = 65536;
  if (!may_overlap(sizes, strides)) return false;
  int64_t reach = 0;
  for (size_t a = 0; a < sizes.size(); ++a) {
    if (sizes[a] <= 1) continue;
    if (strides[a] == 0) return true;
    reach += strides[a] * (sizes[a] - 1);
    for (size_t b = 0; b < a; ++b)
      if (sizes[b] > 1 && strides[b] != 0 && pair_overlaps(sizes[a], strides[a], sizes[b], strides[b]))
        return true;
  }
  const int64_t count = numel_of(sizes);
  if (count > kLookAtAll || reach > 64 * kLookAtAll) return false;
  return count > reach + 1 || any_twice(sizes, strides, reach);
}

}  // namespace rustorch
