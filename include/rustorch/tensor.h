// Tensor: a handle to an n-dimensional array; copying it copies the handle.
//
// Most methods come from the operator declarations (ops/*.ops) through the generated file included at the end
// of the class. An undefined (default-constructed) Tensor has no data: only defined() may be asked of it.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "rustorch/accessor.h"
#include "rustorch/array_ref.h"
#include "rustorch/device.h"
#include "rustorch/dtype.h"
#include "rustorch/dtype_of.h"
#include "rustorch/generator.h"
#include "rustorch/layout.h"
#include "rustorch/options.h"
#include "rustorch/scalar.h"
#include "rustorch/tensor_base.h"

namespace rustorch {

class Node;
class Tensor;
struct TensorIndex;
struct TensorLike;
using TensorList = ArrayRef<Tensor>;

class Tensor : public TensorHandle {
 public:
  Tensor() = default;
  explicit Tensor(TensorImplBase* adopted) noexcept : TensorHandle(adopted) {}
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  /// To a part just taken, as in `t[2] = x` or `t.index({mask}) = 0`: writes the elements into it.
  const Tensor& operator=(const Tensor& values) && { return copy_(values); }
  const Tensor& operator=(Tensor&& values) && { return copy_(values); }
  const Tensor& operator=(const Scalar& value) && { return fill_(value); }

  // ---- what it is
  int64_t dim() const;
  int64_t ndimension() const { return dim(); }
  IntArrayRef sizes() const;
  IntArrayRef strides() const;
  /// Size of one dimension; negative counts from the end. Throws Index.
  int64_t size(int64_t dim) const;
  int64_t stride(int64_t dim) const;
  int64_t numel() const;
  int64_t storage_offset() const;
  DType dtype() const;
  DType scalar_type() const { return dtype(); }
  Device device() const;
  bool is_cpu() const { return device().is_cpu(); }
  bool is_cuda() const { return device().is_cuda(); }
  /// dtype and device, for tensors like this one.
  TensorOptions options() const { return TensorOptions(dtype()).device(device()); }
  /// Bytes of one element.
  int64_t element_size() const;
  int64_t itemsize() const { return element_size(); }
  int64_t nbytes() const { return numel() * element_size(); }
  bool is_contiguous(MemoryFormat format = MemoryFormat::Contiguous) const;
  /// Strided, or how a sparse tensor is held.
  Layout layout() const;
  /// Of layout SparseCoo.
  bool is_sparse() const { return layout() == Layout::SparseCoo; }
  /// Made of integers, a scale and a zero point (quantize_per_tensor).
  bool is_quantized() const;
  bool is_sparse_csr() const { return layout() == Layout::SparseCsr; }
  bool is_floating_point() const { return rustorch::is_floating_point(dtype()); }
  bool is_complex() const { return rustorch::is_complex(dtype()); }
  /// How often the data was written to in place, through this tensor or any view of the same storage.
  int64_t version() const;

  // ---- the data
  /// First element, for reading. The bytes may be shared with clones: never write through it.
  const void* const_data_ptr() const;
  /// First element, for writing; makes the bytes private first. Does not count as an in-place operation.
  void* mutable_data_ptr() const;
  template <class T>
  const T* const_data_ptr() const {
    return static_cast<const T*>(const_data_ptr());
  }
  template <class T>
  T* mutable_data_ptr() const {
    return static_cast<T*>(mutable_data_ptr());
  }
  template <class T>
  T* data_ptr() const {
    return mutable_data_ptr<T>();
  }
  /// The elements by index, on the CPU: accessor<float, 2>()[i][j]. Throws DType, Shape, Device.
  template <class T, int64_t N>
  TensorAccessor<T, N> accessor() const {
    check_accessor(dtype_of<T>(), N);
    return {mutable_data_ptr<T>(), sizes().data(), strides().data()};
  }
  /// The only element; throws unless numel() is 1.
  Scalar item() const;
  template <class T>
  T item() const;

  // ---- differentiation (src/autograd)
  bool requires_grad() const;
  const Tensor& requires_grad_(bool on = true) const;
  void set_requires_grad(bool on) const { requires_grad_(on); }
  bool is_leaf() const;
  /// The accumulated gradient of a leaf (or of a tensor after retain_grad()); undefined when there is none.
  Tensor grad() const;
  void set_grad(const Tensor& grad) const;
  /// The operation this is a result of; null for leaves.
  Node* grad_fn() const;
  int64_t output_nr() const;
  void retain_grad() const;
  bool retains_grad() const;
  /// Adds d(this)/d(leaf) to the grad of every leaf. gradient may be left out when this has one element.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = std::nullopt,
                bool create_graph = false) const;
  /// A view of the same data that differentiation does not follow.
  Tensor detach() const;
  const Tensor& detach_() const;
  /// The same data without history: `x.data` of PyTorch; writes are not tracked.
  Tensor data() const;
  void set_data(const Tensor& other) const;
  bool is_view() const;
  Tensor base() const;

  // ---- operators
  Tensor operator-() const { return neg(); }
  const Tensor& operator+=(const TensorLike& other) const { return add_(other); }
  const Tensor& operator-=(const TensorLike& other) const { return sub_(other); }
  const Tensor& operator*=(const TensorLike& other) const { return mul_(other); }
  const Tensor& operator/=(const TensorLike& other) const { return div_(other); }
  Tensor operator[](int64_t index) const;
  Tensor operator[](const Tensor& index) const;
  /// Python's self[items] and self[items] = value, items as in rustorch/indexing.h:
  /// x.index({0, Slice(1, None), "...", mask}).
  Tensor index(std::initializer_list<TensorIndex> items) const;
  const Tensor& index_put_(std::initializer_list<TensorIndex> items, const Tensor& values) const;
  const Tensor& index_put_(std::initializer_list<TensorIndex> items, const Scalar& value) const;

  /// Size, strides and data of `this` tensor in PyTorch's text form.
  std::string str() const;

#include "rustorch/gen/tensor_methods.h"

 private:
  void check_accessor(DType type, int64_t dims) const;
};

/// An argument that may be a tensor or a number: `add(x, y)` and `add(x, 2)`. Borrows the tensor for the
/// call.
struct TensorLike {
  const Tensor* tensor = nullptr;
  Scalar scalar;

  TensorLike(const Tensor& t) : tensor(&t) {}
  TensorLike(const Scalar& s) : scalar(s) {}
  template <class T>
  requires std::is_arithmetic_v<T> TensorLike(T v) : scalar(v) {}
  TensorLike(std::complex<double> v) : scalar(v) {}
  TensorLike(std::complex<float> v) : scalar(v) {}
  bool is_tensor() const { return tensor != nullptr; }
  /// The tensor, or a 0-d one that promotes like a Python number.
  Tensor as_tensor() const;
};

template <>
double Tensor::item<double>() const;
template <>
float Tensor::item<float>() const;
template <>
int64_t Tensor::item<int64_t>() const;
template <>
int Tensor::item<int>() const;
template <>
bool Tensor::item<bool>() const;

inline Tensor operator+(const Tensor& a, const TensorLike& b) { return a.add(b); }
inline Tensor operator-(const Tensor& a, const TensorLike& b) { return a.sub(b); }
inline Tensor operator*(const Tensor& a, const TensorLike& b) { return a.mul(b); }
inline Tensor operator/(const Tensor& a, const TensorLike& b) { return a.div(b); }
inline Tensor operator+(const Scalar& a, const Tensor& b) { return b.add(a); }
inline Tensor operator-(const Scalar& a, const Tensor& b) { return b.neg().add(a); }
inline Tensor operator*(const Scalar& a, const Tensor& b) { return b.mul(a); }
inline Tensor operator/(const Scalar& a, const Tensor& b) { return b.reciprocal().mul(a); }
inline Tensor operator==(const Tensor& a, const TensorLike& b) { return a.eq(b); }
inline Tensor operator!=(const Tensor& a, const TensorLike& b) { return a.ne(b); }
inline Tensor operator<(const Tensor& a, const TensorLike& b) { return a.lt(b); }
inline Tensor operator<=(const Tensor& a, const TensorLike& b) { return a.le(b); }
inline Tensor operator>(const Tensor& a, const TensorLike& b) { return a.gt(b); }
inline Tensor operator>=(const Tensor& a, const TensorLike& b) { return a.ge(b); }

namespace detail {
void append(std::string& out, const Tensor& t);
}

}  // namespace rustorch

#include "rustorch/gen/tensor_methods_inl.h"
