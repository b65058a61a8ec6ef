// Bodies of the operators that change the shape of a tensor in place, and of fill_diagonal_.
#include <algorithm>

#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/grad_helpers.h"
#include "ops/make.h"
#include "rustorch/error.h"

namespace rustorch {

const Tensor& resize_same(const Tensor& self, std::optional<MemoryFormat> memory_format) {
  impl::resize_(self, self.sizes(), memory_format);
  return self;
}

namespace impl {

void resize_(const Tensor& self, IntArrayRef size, std::optional<MemoryFormat> memory_format) {
  RT_CHECK(!self.requires_grad(), Autograd, "resize_", "cannot resize variables that require grad");
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Contiguous);
  RT_CHECK(format != MemoryFormat::Preserve, Value, "resize_", "Unsupported memory format Preserve");
  if (self.sizes() == size && !memory_format) return;  // its strides stay
  const size_t bytes = checked_nbytes("resize_", size, element_size(self.dtype()));
  TensorImpl* t = self.impl();
  if (t->storage() != nullptr && bytes > 0) {
    const size_t needed = bytes + static_cast<size_t>(t->byte_offset());
    if (t->storage()->nbytes() < needed) grow_storage("resize_", *t->storage(), needed);
  }
  if (format == MemoryFormat::Contiguous) {
    if (t->sizes() != size || !t->is_contiguous()) t->set_sizes_contiguous(size);
    return;
  }
  const size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  RT_CHECK(size.size() == rank, Shape, "resize_", "required rank ", rank,
           " tensor to use channels_last format; got ", size);
  t->set_sizes_and_strides(size, channels_last_strides(size));
}

void resize_as_(const Tensor& self, const Tensor& the_template, std::optional<MemoryFormat> memory_format) {
  if (memory_format != MemoryFormat::Preserve) {
    impl::resize_(self, the_template.sizes(), memory_format);
    return;
  }
  impl::resize_(self, the_template.sizes(), std::nullopt);
  if (the_template.impl()->is_non_overlapping_and_dense())
    self.impl()->set_sizes_and_strides(the_template.sizes(), the_template.strides());
}

void fill_diagonal_(const Tensor& self, const Scalar& fill_value, bool wrap) {
  const TensorImpl& t = *self.impl();
  RT_CHECK(t.dim() >= 2, Shape, "fill_diagonal_", "dimensions must larger than 1");
  int64_t length = t.size(0), step = 0;
  for (int d = 0; d < t.dim(); ++d) {
    RT_CHECK(t.dim() == 2 || t.size(d) == t.size(0), Shape, "fill_diagonal_",
             "all dimensions of input must be of equal length");
    length = std::min(length, t.size(d));
    step += t.stride(d);
  }
  const auto fill = [&](int64_t count, int64_t offset) {
    const Tensor part = make_alias(self, IntArrayRef(&count, 1), IntArrayRef(&step, 1), offset);
    impl::fill__Scalar(part, fill_value);
  };
  fill(length, t.offset());
  if (!wrap || t.dim() != 2 || t.size(0) <= t.size(1) + 1) return;
  const int64_t period = t.size(1) + 1;
  const int64_t more = (t.numel() + period - 1) / period - length;
  if (more > 0) fill(more, t.offset() + t.stride(0) * period);
}

Tensor narrow_start(const Tensor& self, int64_t dim, const Tensor& start, int64_t length) {
  RT_CHECK(start.dim() == 0 && is_integral(start.dtype(), false), Type, "narrow",
           "start must be an 0-dim integral Tensor.");
  return rustorch::narrow(self, dim, start.item().to_int(), length);
}

}  // namespace impl
}  // namespace rustorch
