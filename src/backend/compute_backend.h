// ComputeBackend: what a device must be able to do, one virtual function per family of operators.
//
// Everything is checked before it comes here (shapes, dtypes, devices: src/ops); outputs are allocated. A
// family that a device lacks throws NotImplemented from the base class; DeviceManager then runs it on the CPU
// with one warning. Implementations are stateless or internally synchronised: any thread may call.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "backend/families.h"
#include "backend/families_data.h"
#include "backend/families_linalg.h"
#include "core/storage.h"
#include "core/tensor_impl.h"
#include "rustorch/tensor.h"

namespace rustorch {

class ComputeBackend {
 public:
  virtual ~ComputeBackend() = default;
  virtual const char* name() const = 0;
  /// What its kernels are written for: the CPU's instruction set, a driver's platform; "" where that says
  /// nothing.
  virtual const char* platform() const { return ""; }
  virtual DeviceType device_type() const = 0;

  // ---- memory
  /// Uninitialised bytes as a fresh storage with one reference. Throws OutOfMemory.
  virtual Storage* allocate(size_t nbytes, Device device) = 0;
  /// Waits for all work queued on the device and raises what failed in it.
  virtual void synchronize(Device device);
  /// out = the parts one after the other along dim, if the device is faster at it than by copies; else false.
  virtual bool join(const Tensor& out, TensorList parts, int dim) = 0;

  // ---- families; outputs are allocated tensors of the right shape, dtype and device
  /// One formula on every element of the broadcast operands.
  virtual void pointwise(const PointwiseCall& call);
  /// dst = src converted to dst's dtype; same shape, any strides, same device.
  virtual void copy(const Tensor& dst, const Tensor& src);
  virtual void fill(const Tensor& dst, const Scalar& value);
  virtual void masked_fill(const MaskedFillCall& call);
  virtual void range(const RangeCall& call);
  virtual void triangle(const TriangleCall& call);
  /// out = in with the dimensions whose bit is set in dim_mask reversed; same shape, any strides.
  virtual void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask);
  virtual void index(const IndexCall& call);
  virtual void gather(const GatherCall& call);
  virtual void scatter(const ScatterCall& call);
  /// How many elements of a bool tensor are true.
  virtual int64_t count_true(const Tensor& mask);
  virtual void masked_select(const MaskedSelectCall& call);
  virtual void masked_scatter(const MaskedScatterCall& call);
  /// Row k of out (contiguous int64, [count_true(mask), mask.dim()]) = the index of the k-th true element.
  virtual void nonzero(const Tensor& out, const Tensor& mask);
  virtual void random(const RandomCall& call);
  virtual void implicit_grad(const ImplicitGradCall& call);
  virtual void reduce(const ReduceCall& call);
  virtual void arg_reduce(const ArgReduceCall& call);
  virtual void scan(const ScanCall& call);
  virtual void order(const OrderCall& call);
  virtual void search(const SearchCall& call);
  virtual void matmul(const MatmulCall& call);
  virtual void convolution(const ConvCall& call);
  virtual void softmax(const SoftmaxCall& call);
  virtual void class_loss(const ClassLossCall& call);
  virtual void pool(const PoolCall& call);
  virtual void norm(const NormCall& call);
  virtual void embedding(const EmbeddingCall& call);
  virtual void dropout(const DropoutCall& call);
  virtual void attention(const AttentionCall& call);
  virtual void rnn(const RnnCall& call);
  virtual void resample(const ResampleCall& call);
  virtual void columns(const ColumnsCall& call);
  virtual void fft(const FftCall& call);
  virtual void linalg(const LinalgCall& call);

 protected:
  [[noreturn]] void missing(const char* family) const;
};

/// The backend of a device type; throws BackendUnavailable when there is none.
ComputeBackend& backend_for(DeviceType type);
inline ComputeBackend& backend_for(const Tensor& t) { return backend_for(t.impl()->device_type()); }
/// Registers (or replaces, for tests) the backend of its device type. Takes ownership.
void register_backend(std::unique_ptr<ComputeBackend> backend);

}  // namespace rustorch
