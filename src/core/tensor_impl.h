// TensorImpl: what a Tensor handle points to: layout (sizes, strides, offset), dtype, storage and, for the
// few that take part in differentiation, an AutogradMeta. At most 128 bytes; up to 5 dimensions are held
// inline.
//
// Ownership: intrusive count; owns one reference to its Storage and its AutogradMeta.
// Threads: the count is atomic; changing the layout is not safe against concurrent readers.
#pragma once
#include <atomic>
#include <cstdint>

#include "core/storage.h"
#include "rustorch/array_ref.h"
#include "rustorch/device.h"
#include "rustorch/dtype.h"
#include "rustorch/layout.h"
#include "rustorch/tensor_base.h"

namespace rustorch {

/// Everything about a tensor that only differentiation needs; defined by src/autograd.
struct AutogradMetaBase {
  virtual ~AutogradMetaBase() = default;
};

class TensorImpl final : public TensorImplBase {
 public:
  static constexpr int kInlineDims = 5;
  static constexpr int kMaxDims = 64;

  /// A contiguous tensor of the given shape; takes over one reference to storage (null for meta tensors).
  TensorImpl(Storage* storage, IntArrayRef sizes, DType dtype, Device device);
  /// A strided view; offset counts elements.
  TensorImpl(Storage* storage, IntArrayRef sizes, IntArrayRef strides, int64_t offset, DType dtype,
             Device device);
  ~TensorImpl();

  int dim() const { return ndim_; }
  IntArrayRef sizes() const { return {dims(), static_cast<size_t>(ndim_)}; }
  IntArrayRef strides() const { return {dims() + stride_at(), static_cast<size_t>(ndim_)}; }
  int64_t size(int d) const { return dims()[d]; }
  int64_t stride(int d) const { return dims()[stride_at() + d]; }
  int64_t numel() const { return numel_; }
  int64_t offset() const { return offset_; }
  DType dtype() const { return dtype_; }
  Device device() const { return {device_type(), (device_ & 31) - 1}; }
  DeviceType device_type() const { return static_cast<DeviceType>(device_ >> 5); }
  bool is_contiguous() const { return (flags_ & kContiguous) != 0; }
  bool is_contiguous(MemoryFormat format) const;
  /// Every element has a place of its own and the places fill a range without gaps, in some order.
  bool is_non_overlapping_and_dense() const;

  bool is_wrapped_number() const { return (flags_ & kWrappedNumber) != 0; }
  void set_wrapped_number(bool on) { set_flag(kWrappedNumber, on); }
  bool is_inference() const { return (flags_ & kInference) != 0; }
  void set_inference(bool on) { set_flag(kInference, on); }
  /// Comes from x.data: its writes are not those of x.
  bool is_data_alias() const { return (flags_ & kDataAlias) != 0; }
  void set_data_alias(bool on) { set_flag(kDataAlias, on); }
  /// Not elements in memory: the storage holds a SparseData (core/sparse_data.h) or, when is_quantized(), a
  /// QuantizedData (core/quantized_data.h) instead of bytes.
  bool is_sparse() const { return (flags_ & kSparseData) != 0; }
  void set_sparse(bool on) { set_flag(kSparseData, on); }
  bool is_quantized() const { return (flags_ & kQuantizedData) != 0; }
  void set_quantized(bool on) {
    set_flag(kQuantizedData, on);
    set_flag(kSparseData, on);
  }
  /// Takes over from other what its storage holds; goes with set_storage().
  void set_kind_of(const TensorImpl& other) {
    set_flag(kSparseData, other.is_sparse());
    set_flag(kQuantizedData, other.is_quantized());
  }
  /// Set while autograd has to look at this tensor: it requires grad or is the view of something.
  bool requires_grad_fast() const { return (flags_ & kRequiresGrad) != 0; }
  void set_requires_grad_fast(bool on) { set_flag(kRequiresGrad, on); }

  Storage* storage() const { return storage_; }
  void set_storage(Storage* storage);  // takes over one reference
  template <class T = void>
  const T* data() const {
    return reinterpret_cast<const T*>(static_cast<const char*>(storage_->data()) + byte_offset());
  }
  template <class T = void>
  T* mutable_data() {
    return reinterpret_cast<T*>(static_cast<char*>(storage_->mutable_data()) + byte_offset());
  }
  int64_t byte_offset() const { return offset_ * static_cast<int64_t>(element_size(dtype_)); }
  uint32_t version() const { return storage_ ? storage_->version(is_data_alias()) : 0; }
  void bump_version() {
    if (storage_) storage_->bump_version(is_data_alias());
  }

  void set_sizes_contiguous(IntArrayRef sizes);
  void set_sizes_and_strides(IntArrayRef sizes, IntArrayRef strides);
  void set_offset(int64_t offset) { offset_ = offset; }
  void set_dtype(DType t) { dtype_ = t; }
  /// Takes over layout, storage, dtype of other (x.data = y); autograd state stays.
  void assign_layout(const TensorImpl& other);

  AutogradMetaBase* autograd_meta() const { return autograd_; }
  void set_autograd_meta(AutogradMetaBase* meta);  // takes ownership
  AutogradMetaBase* release_autograd_meta() {
    auto* meta = autograd_;
    autograd_ = nullptr;
    return meta;
  }

  /// The wrapper object of a foreign language that stands for this tensor; borrowed, null when there is none.
  void* pyobj() const { return pyobj_; }
  void set_pyobj(void* p) { pyobj_ = p; }

  static void* operator new(size_t size);
  static void operator delete(void* p);

 private:
  enum Flags : uint8_t {
    kContiguous = 1,
    kWrappedNumber = 2,
    kInference = 4,
    kRequiresGrad = 8,
    kSparseData = 16,
    kQuantizedData = 32,
    kDataAlias = 64,
  };
  void set_flag(Flags f, bool on) { flags_ = static_cast<uint8_t>(on ? (flags_ | f) : (flags_ & ~f)); }
  int stride_at() const { return ndim_ <= kInlineDims ? kInlineDims : ndim_; }
  const int64_t* dims() const { return ndim_ <= kInlineDims ? inline_ : heap_; }
  int64_t* dims() { return ndim_ <= kInlineDims ? inline_ : heap_; }
  void set_dim_count(int n);
  void refresh();

  // refs_ (4 bytes) comes from TensorImplBase
  uint8_t flags_ = 0;
  DType dtype_;
  uint8_t ndim_ = 0;
  uint8_t device_;  // type in the upper 3 bits, index + 1 in the lower 5
  Storage* storage_;
  int64_t offset_ = 0;
  int64_t numel_ = 1;
  union {
    int64_t inline_[2 * kInlineDims];
    int64_t* heap_;
  };
  AutogradMetaBase* autograd_ = nullptr;
  void* pyobj_ = nullptr;
};

static_assert(sizeof(TensorImpl) <= 128);

}  // namespace rustorch
