#include "backend/cpu/cpu_backend.h"

#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/create.h"
#include "backend/cpu/index.h"
#include "backend/cpu/order.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/pointwise.h"
#include "backend/cpu/reduce.h"
#include "backend/cpu/scan.h"
#include "backend/cpu/random.h"
#include "memory/allocator.h"

namespace rustorch {

namespace {

void* allocate_bytes(void* context, size_t nbytes) {
  return static_cast<MemoryAllocator*>(context)->allocate(nbytes);
}
void release_bytes(void* context, void* data, size_t nbytes) {
  static_cast<MemoryAllocator*>(context)->deallocate(data, nbytes);
}
void copy_bytes(void*, void* dst, const void* src, size_t nbytes) { std::memcpy(dst, src, nbytes); }

constexpr StorageOps kCpuStorage = {allocate_bytes, release_bytes, copy_bytes};

class CpuBackend final : public ComputeBackend {
 public:
  const char* name() const override { return "cpu"; }
  DeviceType device_type() const override { return DeviceType::Cpu; }

  Storage* allocate(size_t nbytes, Device device) override {
    MemoryAllocator* allocator = cpu_allocator();
    void* data = nbytes == 0 ? nullptr : allocator->allocate(nbytes);
    try {
      return new Storage(data, nbytes, device, &kCpuStorage, allocator);
    } catch (...) {
      if (data != nullptr) allocator->deallocate(data, nbytes);
      throw;
    }
  }

  void pointwise(const PointwiseCall& call) override { cpu::run_pointwise(call); }
  void copy(const Tensor& dst, const Tensor& src) override { cpu::copy(dst, src); }
  void fill(const Tensor& dst, const Scalar& value) override { cpu::fill(dst, value); }
  void masked_fill(const MaskedFillCall& call) override { cpu::masked_fill(call); }
  void range(const RangeCall& call) override { cpu::range(call); }
  void triangle(const TriangleCall& call) override { cpu::triangle(call); }
  void flip(const Tensor& out, const Tensor& in, uint64_t mask) override { cpu::flip(out, in, mask); }
  void index(const IndexCall& call) override { cpu::index(call); }
  void gather(const GatherCall& call) override { cpu::gather(call); }
  void scatter(const ScatterCall& call) override { cpu::scatter(call); }
  int64_t count_true(const Tensor& mask) override { return cpu::count_true(mask); }
  void masked_select(const MaskedSelectCall& call) override { cpu::masked_select(call); }
  void masked_scatter(const MaskedScatterCall& call) override { cpu::masked_scatter(call); }
  void random(const RandomCall& call) override { cpu::random(call); }
  void nonzero(const Tensor& out, const Tensor& mask) override { cpu::nonzero(out, mask); }
  void reduce(const ReduceCall& call) override { cpu::reduce(call); }
  void arg_reduce(const ArgReduceCall& call) override { cpu::arg_reduce(call); }
  void scan(const ScanCall& call) override { cpu::scan(call); }
  void search(const SearchCall& call) override { cpu::search(call); }
  void order(const OrderCall& call) override { cpu::order(call); }
  void matmul(const MatmulCall& call) override { cpu::matmul(call); }
  void convolution(const ConvCall& call) override { cpu::convolution(call); }
  void softmax(const SoftmaxCall& call) override { cpu::softmax(call); }
  void class_loss(const ClassLossCall& call) override { cpu::class_loss(call); }
  void pool(const PoolCall& call) override { cpu::pool(call); }
  void norm(const NormCall& call) override { cpu::norm(call); }
  void embedding(const EmbeddingCall& call) override { cpu::embedding(call); }
  void dropout(const DropoutCall& call) override { cpu::dropout(call); }
  void attention(const AttentionCall& call) override { cpu::attention(call); }
  void resample(const ResampleCall& call) override { cpu::resample(call); }
  void columns(const ColumnsCall& call) override { cpu::columns(call); }
  void optimizer_step(const OptimizerCall& call) override { cpu::optimizer_step(call); }
};

}  // namespace

std::unique_ptr<ComputeBackend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace rustorch
