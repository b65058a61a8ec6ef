#include "core/layout_algebra.h"

#include <algorithm>
#include <numeric>

#include "rustorch/error.h"

namespace rustorch {

int64_t numel_of(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return n;
}

int64_t checked_numel(const char* op, IntArrayRef sizes) {
  int64_t n = 1;
  bool zero = false;
  for (int64_t s : sizes) {
    RT_CHECK(s >= 0, Value, op, "Trying to create tensor with negative dimension ", s, ": ", sizes);
    if (s == 0) {
      zero = true;
      continue;
    }
    if (__builtin_mul_overflow(n, s, &n))
      raise(ErrorKind::Value, op, cat("numel: integer multiplication overflow; got sizes ", sizes));
  }
  return zero ? 0 : n;
}

size_t checked_nbytes(const char* op, IntArrayRef sizes, size_t element_size) {
  int64_t bytes = 0;
  int64_t n = checked_numel(op, sizes);
  if (__builtin_mul_overflow(n, static_cast<int64_t>(element_size), &bytes))
    raise(ErrorKind::Value, op, cat("Storage size calculation overflowed with sizes=", sizes));
  return static_cast<size_t>(bytes);
}

DimVector contiguous_strides(IntArrayRef sizes) {
  DimVector strides(sizes.size());
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = expected;
    expected *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

DimVector channels_last_strides(IntArrayRef sizes) {
  size_t n = sizes.size();
  DimVector strides(n);
  int64_t expected = 1;
  auto place = [&](size_t d) {
    strides[d] = expected;
    expected *= sizes[d];  // zeros too, as PyTorch
  };
  place(1);
  for (size_t d = n - 1; d >= 2; --d) place(d);
  place(0);
  return strides;
}

bool is_channels_last(IntArrayRef sizes, IntArrayRef strides, MemoryFormat format) {
  size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  if (sizes.size() != rank) return false;
  int64_t expected = 1;
  auto fits = [&](size_t d) {
    if (sizes[d] == 1) return true;
    if (strides[d] != expected) return false;
    expected *= sizes[d];
    return true;
  };
  if (!fits(1)) return false;
  for (size_t d = rank - 1; d >= 2; --d)
    if (!fits(d)) return false;
  return fits(0);
}

namespace {
// Dimensions with more than one element, from the smallest stride to the largest.
DimVector by_stride(IntArrayRef sizes, IntArrayRef strides) {
  DimVector order;
  for (size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] != 1) order.push_back(static_cast<int64_t>(d));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return strides[a] < strides[b]; });
  return order;
}
}  // namespace

bool is_non_overlapping_and_dense(IntArrayRef sizes, IntArrayRef strides) {
  if (numel_of(sizes) == 0) return true;
  int64_t expected = 1;
  for (int64_t d : by_stride(sizes, strides)) {
    if (strides[d] != expected) return false;
    expected *= sizes[d];
  }
  return true;
}

bool may_overlap(IntArrayRef sizes, IntArrayRef strides) {
  if (numel_of(sizes) == 0) return false;
  int64_t reach = 0;
  for (int64_t d : by_stride(sizes, strides)) {
    if (strides[d] <= reach) return true;
    reach += strides[d] * (sizes[d] - 1);
  }
  return false;
}

DimVector dense_strides_like(IntArrayRef sizes, IntArrayRef strides) {
  size_t n = sizes.size();
  DimVector order(n);
  // Insertion sort from the last dimension: dimensions that say nothing (stride 0 or size 1) stay where they
  // are.
  std::iota(order.rbegin(), order.rend(), 0);
  auto tells = [&](int64_t d) { return strides[d] != 0 && sizes[d] != 1; };
  for (size_t i = 1; i < n; ++i) {
    size_t at = i;
    for (size_t j = i; j-- > 0;) {
      if (!tells(order[j]) || !tells(order[at])) continue;
      if (strides[order[j]] <= strides[order[at]]) break;
      std::swap(order[j], order[at]);
      at = j;
    }
  }
  DimVector result(n);
  int64_t expected = 1;
  for (int64_t d : order) {
    result[d] = expected;
    expected *= std::max<int64_t>(sizes[d], 1);
  }
  return result;
}

std::optional<DimVector> view_strides(IntArrayRef sizes, IntArrayRef strides, IntArrayRef new_sizes) {
  int64_t numel = numel_of(sizes);
  if (numel == 0) {
    if (sizes == new_sizes) return strides.vec();
    return contiguous_strides(new_sizes);
  }
  DimVector result(new_sizes.size());
  int64_t view_d = static_cast<int64_t>(new_sizes.size()) - 1;
  int64_t chunk_base = sizes.empty() ? 1 : strides.back();
  int64_t tensor_numel = 1;
  int64_t view_numel = 1;
  for (int64_t d = static_cast<int64_t>(sizes.size()) - 1; d >= 0; --d) {
    tensor_numel *= sizes[d];
    bool chunk_ends = d == 0 || (sizes[d - 1] != 1 && strides[d - 1] != tensor_numel * chunk_base);
    if (!chunk_ends) continue;
    while (view_d >= 0 && (view_numel < tensor_numel || new_sizes[view_d] == 1)) {
      result[view_d] = view_numel * chunk_base;
      view_numel *= new_sizes[view_d];
      --view_d;
    }
    if (view_numel != tensor_numel) return std::nullopt;
    if (d > 0) {
      chunk_base = strides[d - 1];
      tensor_numel = 1;
      view_numel = 1;
    }
  }
  if (sizes.empty())
    for (; view_d >= 0; --view_d) result[view_d] = 1;
  if (view_d != -1) return std::nullopt;
  return result;
}

DimVector infer_size(const char* op, IntArrayRef shape, int64_t numel) {
  DimVector result = shape.vec();
  int64_t known = 1;
  int64_t inferred = -1;
  for (size_t d = 0; d < result.size(); ++d) {
    if (result[d] == -1) {
      if (inferred >= 0) raise(ErrorKind::Shape, op, "only one dimension can be inferred");
      inferred = static_cast<int64_t>(d);
    } else {
      RT_CHECK(result[d] >= 0, Shape, op, "invalid shape dimension ", result[d]);
      if (__builtin_mul_overflow(known, result[d], &known))
        raise(ErrorKind::Shape, op, cat("shape '", shape, "' is invalid for input of size ", numel));
    }
  }
  if (known == numel || (inferred >= 0 && known > 0 && numel % known == 0)) {
    if (inferred >= 0) {
      RT_CHECK(known != 0, Shape, op, "cannot reshape tensor of 0 elements into shape ", shape,
               " because the unspecified dimension size -1 can be any value and is ambiguous");
      result[inferred] = numel / known;
    }
    return result;
  }
  raise(ErrorKind::Shape, op, cat("shape '", shape, "' is invalid for input of size ", numel));
}

int64_t wrap_dim(const char* op, int64_t dim, int64_t ndim) {
  int64_t n = std::max<int64_t>(ndim, 1);
  if (dim < -n || dim >= n)
    raise(ErrorKind::Index, op,
          cat("Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ", dim,
              ")"));
  return dim < 0 ? dim + n : dim;
}

DimVector broadcast_shapes(const char* op, IntArrayRef a, IntArrayRef b) {
  size_t n = std::max(a.size(), b.size());
  DimVector result(n);
  for (size_t i = 0; i < n; ++i) {  // i counts from the last dimension
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      raise_shape(op,
                  cat("The size of tensor a (", x, ") must match the size of tensor b (", y,
                      ") at non-singleton dimension ", n - 1 - i, "; got shapes ", a, " and ", b),
                  a, b);
    result[n - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

bool is_expandable_to(IntArrayRef a, IntArrayRef b) {
  if (a.size() > b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    int64_t x = a[a.size() - 1 - i];
    if (x != b[b.size() - 1 - i] && x != 1) return false;
  }
  return true;
}

void extent(IntArrayRef sizes, IntArrayRef strides, int64_t* first, int64_t* last) {
  *first = 0;
  *last = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    int64_t reach = strides[d] * (sizes[d] - 1);
    (reach < 0 ? *first : *last) += reach;
  }
}

}  // namespace rustorch
