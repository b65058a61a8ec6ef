// Tensors from C++ values and foreign memory.
#include <cstring>
#include <memory>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "memory/allocator.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace {

/// The context of a storage on foreign memory. Resizing such a storage moves it to a block of our own, so the
/// context counts the blocks that are alive.
struct ForeignBlock {
  void* data;
  Deleter deleter;
  int blocks = 1;
};

void* foreign_allocate(void* context, size_t nbytes) {
  void* data = cpu_allocator()->allocate(nbytes);
  ++static_cast<ForeignBlock*>(context)->blocks;
  return data;
}
void foreign_copy(void*, void* dst, const void* src, size_t nbytes) { std::memcpy(dst, src, nbytes); }
void foreign_release(void* context, void* data, size_t nbytes) {
  auto* block = static_cast<ForeignBlock*>(context);
  if (data != block->data)
    cpu_allocator()->deallocate(data, nbytes);
  else if (block->deleter)
    block->deleter(data);
  if (--block->blocks == 0) delete block;
}
constexpr StorageOps kForeignStorage = {foreign_allocate, foreign_release, foreign_copy};

}  // namespace

Tensor from_blob(void* data, IntArrayRef sizes, IntArrayRef strides, Deleter deleter,
                 const TensorOptions& options) {
  const DType t = options.dtype_.value_or(get_default_dtype());
  const Device device = options.device_.value_or(Device::Cpu());
  RT_CHECK(device.is_cpu(), Device, "from_blob", "expected memory of the CPU, got device ", device.str());
  RT_CHECK(sizes.size() == strides.size(), Shape, "from_blob", "sizes and strides differ in length; got ",
           sizes, " and ", strides);
  for (int64_t s : strides)
    RT_CHECK(s >= 0, Value, "from_blob", "negative strides are not supported; got ", strides);
  int64_t first = 0, last = -1;
  if (checked_numel("from_blob", sizes) > 0) extent(sizes, strides, &first, &last);
  RT_CHECK(data != nullptr || last < 0, Value, "from_blob", "a null pointer cannot hold elements; got sizes ",
           sizes);
  auto block = std::make_unique<ForeignBlock>(ForeignBlock{data, std::move(deleter)});
  auto* storage = new Storage(data, static_cast<size_t>(last + 1) * element_size(t), device, &kForeignStorage,
                              block.get());
  block.release();
  storage->pin();  // its owner may write at any time, so clones must copy
  Tensor out = new_tensor(new TensorImpl(storage, sizes, strides, 0, t, device));
  if (options.requires_grad_) out.requires_grad_(true);
  return out;
}

Tensor from_blob(void* data, IntArrayRef sizes, Deleter deleter, const TensorOptions& options) {
  checked_numel("from_blob", sizes);
  return from_blob(data, sizes, contiguous_strides(sizes), std::move(deleter), options);
}

Tensor from_blob(void* data, IntArrayRef sizes, const TensorOptions& options) {
  return from_blob(data, sizes, Deleter(), options);
}

Tensor tensor_copy(const void* data, int64_t n, DType from, const TensorOptions& options) {
  Tensor out = make_tensor({n}, from, Device::Cpu());
  if (n > 0) std::memcpy(out.impl()->mutable_data(), data, static_cast<size_t>(n) * element_size(from));
  NoGradGuard off;
  out = out.to(options.device_, options.dtype_);
  if (options.requires_grad_) out.requires_grad_(true);
  return out;
}

namespace {

struct Flattened {
  std::vector<int64_t> sizes;
  std::vector<Scalar> values;
};

void flatten_items(const std::vector<TensorData>& items, size_t depth, Flattened* out) {
  const auto n = static_cast<int64_t>(items.size());
  if (out->sizes.size() == depth)
    out->sizes.push_back(n);
  else
    RT_CHECK(out->sizes[depth] == n, Value, "tensor", "expected sequence of length ", out->sizes[depth],
             " at dim ", depth, " (got ", n, ")");
  for (const TensorData& item : items) {
    RT_CHECK(item.is_list() == items[0].is_list(), Value, "tensor", "numbers and lists are mixed at dim ",
             depth);
    if (item.is_list())
      flatten_items(item.items(), depth + 1, out);
    else
      out->values.push_back(item.value());
  }
}

}  // namespace

Tensor tensor(std::initializer_list<TensorData> items, const TensorOptions& options) {
  Flattened flat;
  flatten_items(std::vector<TensorData>(items), 0, &flat);
  Scalar::Kind kind = flat.values.empty() ? Scalar::Kind::Float : Scalar::Kind::Bool;
  for (const Scalar& s : flat.values) kind = std::max(kind, s.kind());
  const auto n = static_cast<int64_t>(flat.values.size());
  const DType wide = kind == Scalar::Kind::Bool    ? kBool
                     : kind == Scalar::Kind::Int   ? kInt64
                     : kind == Scalar::Kind::UInt  ? kUInt64
                     : kind == Scalar::Kind::Float ? kFloat64
                                                   : kComplex128;
  Tensor out = make_tensor(flat.sizes, wide, Device::Cpu());
  void* p = out.impl()->mutable_data();
  for (int64_t i = 0; i < n; ++i) {
    const Scalar& s = flat.values[static_cast<size_t>(i)];
    if (wide == kBool)
      static_cast<bool*>(p)[i] = s.to_bool();
    else if (wide == kInt64 || wide == kUInt64)
      static_cast<int64_t*>(p)[i] = s.to_int();
    else if (wide == kFloat64)
      static_cast<double*>(p)[i] = s.to_double();
    else
      static_cast<std::complex<double>*>(p)[i] = s.to_complex();
  }
  const DType natural = wide == kFloat64      ? get_default_dtype()
                        : wide == kComplex128 ? complex_type(get_default_dtype())
                                              : wide;
  NoGradGuard off;
  out = out.to(options.device_, options.dtype_.value_or(natural));
  if (options.requires_grad_) out.requires_grad_(true);
  return out;
}

Tensor tensor(const Scalar& value, const TensorOptions& options) {
  return full({}, value, options.dtype_.value_or(value.dtype()), options.device_, options.requires_grad_);
}

}  // namespace rustorch
