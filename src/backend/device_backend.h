// DeviceBackend: the base of every backend that is not the CPU's.
//
// It answers what the DeviceManager asks, and gives each family a working form: the operands are copied to
// the CPU, the CPU's backend runs, the results are copied back, with one warning for each operator
// (fallback.cc). A device overrides the families that it has kernels for, and calls this class for the cases
// that those leave out.
#pragma once
#include <vector>

#include "backend/compute_backend.h"
#include "backend/program_cache.h"
#include "memory/allocator.h"
#include "rustorch/device_manager.h"

namespace rustorch {

/// How often a backend ran a family itself, and how often it left it to the CPU.
struct FamilyUse {
  std::string name;
  uint64_t native, left;
};

/// Counters of a backend's caches of compiled kernels, in memory and on disk; all devices together.
struct KernelCacheStats {
  uint64_t hits = 0, misses = 0, evictions = 0;
  size_t size = 0, capacity = 0;
  ProgramCacheStats disk;
};

/// Whether this build has kernels for a type of device, which need not be there. There are none for CUDA yet:
/// its backend finds devices, and says so.
bool backend_is_built(DeviceType type);

class DeviceBackend : public ComputeBackend {
 public:
  virtual int device_count() const = 0;
  virtual DeviceCapabilities capabilities(int index) const = 0;
  /// What the tensors of a device are allocated with.
  virtual MemoryAllocator* allocator(int index) = 0;
  /// Puts another allocator in its place, or the own one back (null). For tests; it must hand blocks of the
  /// own one out, and outlive the use.
  virtual void replace_allocator(int index, MemoryAllocator* other) = 0;
  /// The families that it has kernels for, with their use so far.
  virtual std::vector<FamilyUse> family_use() const = 0;
  virtual KernelCacheStats cache_stats() const { return {}; }
  /// Bytes [offset, offset + nbytes) of a storage of this backend to and from the CPU's memory; waits until
  /// done.
  virtual void read_bytes(const Storage& from, size_t offset, void* to, size_t nbytes) = 0;
  virtual void write_bytes(Storage& to, size_t offset, const void* from, size_t nbytes) = 0;

  void pointwise(const PointwiseCall& call) override;
  void copy(const Tensor& dst, const Tensor& src) override;
  bool join(const Tensor& out, TensorList parts, int dim) override;  // false: a copy for each part
  void fill(const Tensor& dst, const Scalar& value) override;
  void masked_fill(const MaskedFillCall& call) override;
  void range(const RangeCall& call) override;
  void triangle(const TriangleCall& call) override;
  void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) override;
  void index(const IndexCall& call) override;
  void gather(const GatherCall& call) override;
  void scatter(const ScatterCall& call) override;
  int64_t count_true(const Tensor& mask) override;
  void masked_select(const MaskedSelectCall& call) override;
  void masked_scatter(const MaskedScatterCall& call) override;
  void nonzero(const Tensor& out, const Tensor& mask) override;
  void random(const RandomCall& call) override;
  void implicit_grad(const ImplicitGradCall& call) override;
  void reduce(const ReduceCall& call) override;
  void arg_reduce(const ArgReduceCall& call) override;
  void scan(const ScanCall& call) override;
  void order(const OrderCall& call) override;
  void search(const SearchCall& call) override;
  void matmul(const MatmulCall& call) override;
  void convolution(const ConvCall& call) override;
  void softmax(const SoftmaxCall& call) override;
  void class_loss(const ClassLossCall& call) override;
  void pool(const PoolCall& call) override;
  void norm(const NormCall& call) override;
  void embedding(const EmbeddingCall& call) override;
  void dropout(const DropoutCall& call) override;
  void attention(const AttentionCall& call) override;
  void rnn(const RnnCall& call) override;
  void resample(const ResampleCall& call) override;
  void columns(const ColumnsCall& call) override;
  void fft(const FftCall& call) override;
  void linalg(const LinalgCall& call) override;
};

/// The allocator of a device's tensors; the CPU's for the CPU.
MemoryAllocator* device_allocator(Device device);
/// Replaces it; see DeviceBackend::replace_allocator. Not for the CPU (set_cpu_allocator).
void set_device_allocator(Device device, MemoryAllocator* other);
/// Empty for the CPU.
KernelCacheStats device_cache_stats(DeviceType type);
/// What a device type's backend has kernels for; empty for the CPU, which has all.
std::vector<FamilyUse> device_family_use(DeviceType type);

}  // namespace rustorch
