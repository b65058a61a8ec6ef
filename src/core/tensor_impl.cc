#include "core/tensor_impl.h"

#include <algorithm>
#include <cstring>

#include "core/layout_algebra.h"
#include "core/slab.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {
uint8_t pack_device(Device d) {
  return static_cast<uint8_t>((static_cast<int>(d.type) << 5) | ((d.index + 1) & 31));
}
}  // namespace

void* TensorImpl::operator new(size_t) { return Slab<sizeof(TensorImpl)>::allocate(); }
void TensorImpl::operator delete(void* p) { Slab<sizeof(TensorImpl)>::deallocate(p); }

TensorImpl::TensorImpl(Storage* storage, IntArrayRef sizes, DType dtype, Device device)
    : dtype_(dtype), device_(pack_device(device)), storage_(storage) {
  set_dim_count(static_cast<int>(sizes.size()));
  set_sizes_contiguous(sizes);
}

TensorImpl::TensorImpl(Storage* storage, IntArrayRef sizes, IntArrayRef strides, int64_t offset, DType dtype,
                       Device device)
    : dtype_(dtype), device_(pack_device(device)), storage_(storage), offset_(offset) {
  set_sizes_and_strides(sizes, strides);
}

TensorImpl::~TensorImpl() {
  delete autograd_;
  if (storage_ != nullptr) storage_->release();
  if (ndim_ > kInlineDims) delete[] heap_;
}

void TensorImpl::set_dim_count(int n) {
  RT_CHECK(n <= kMaxDims, Value, "tensor", "too many dimensions; got ", n, "; expected at most ", +kMaxDims);
  if (n == ndim_) return;
  if (ndim_ > kInlineDims) delete[] heap_;
  ndim_ = static_cast<uint8_t>(n);
  if (n > kInlineDims) heap_ = new int64_t[2 * static_cast<size_t>(n)];
}

void TensorImpl::set_sizes_contiguous(IntArrayRef sizes) {
  int n = static_cast<int>(sizes.size());
  set_dim_count(n);
  int64_t* size = dims();
  int64_t* stride = size + stride_at();
  int64_t expected = 1;
  int64_t numel = 1;
  for (int d = n - 1; d >= 0; --d) {
    size[d] = sizes[d];
    stride[d] = expected;
    expected *= std::max<int64_t>(sizes[d], 1);
    numel *= sizes[d];
  }
  numel_ = numel;
  flags_ |= kContiguous;
}

void TensorImpl::set_sizes_and_strides(IntArrayRef sizes, IntArrayRef strides) {
  int n = static_cast<int>(sizes.size());
  int64_t copy[2 * kMaxDims];  // sizes and strides may point into this tensor
  RT_CHECK(n <= kMaxDims, Value, "tensor", "too many dimensions; got ", n, "; expected at most ", +kMaxDims);
  std::copy(sizes.begin(), sizes.end(), copy);
  std::copy(strides.begin(), strides.end(), copy + n);
  set_dim_count(n);
  int64_t* size = dims();
  std::copy(copy, copy + n, size);
  std::copy(copy + n, copy + 2 * n, size + stride_at());
  refresh();
}

void TensorImpl::refresh() {
  const int64_t* size = dims();
  const int64_t* stride = size + stride_at();
  int64_t expected = 1;
  int64_t numel = 1;
  bool contiguous = true;
  for (int d = ndim_ - 1; d >= 0; --d) {
    numel *= size[d];
    if (size[d] != 1) {
      contiguous &= stride[d] == expected;
      expected *= size[d];
    }
  }
  numel_ = numel;
  set_flag(kContiguous, contiguous || numel == 0);
}

bool TensorImpl::is_contiguous(MemoryFormat format) const {
  switch (format) {
    case MemoryFormat::ChannelsLast:
    case MemoryFormat::ChannelsLast3d:
      return is_channels_last(sizes(), strides(), format);
    default:
      return is_contiguous();
  }
}

bool TensorImpl::is_non_overlapping_and_dense() const {
  return is_contiguous() || rustorch::is_non_overlapping_and_dense(sizes(), strides());
}

void TensorImpl::set_storage(Storage* storage) {
  if (storage_ != nullptr) storage_->release();
  storage_ = storage;
}

void TensorImpl::assign_layout(const TensorImpl& other) {
  if (other.storage_ != nullptr) other.storage_->retain();
  set_storage(other.storage_);
  set_kind_of(other);
  dtype_ = other.dtype_;
  device_ = other.device_;
  offset_ = other.offset_;
  set_sizes_and_strides(other.sizes(), other.strides());
}

void TensorImpl::set_autograd_meta(AutogradMetaBase* meta) {
  delete autograd_;
  autograd_ = meta;
}

namespace detail {
void destroy(TensorImplBase* impl) noexcept { delete static_cast<TensorImpl*>(impl); }
}  // namespace detail

}  // namespace rustorch
