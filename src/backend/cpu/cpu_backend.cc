#include "backend/cpu/cpu_backend.h"

#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/create.h"
#include "backend/cpu/fft/fft.h"
#include "backend/cpu/implicit_grad.h"
#include "backend/cpu/index.h"
#include "backend/cpu/lapack/linalg.h"
#include "backend/cpu/order.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/pointwise.h"
#include "backend/cpu/reduce.h"
#include "backend/cpu/simd/instruction_set.h"
#include "backend/cpu/scan.h"
#include "backend/cpu/random.h"
#include "backend/cpu/widened_call.h"
#include "backend/visit_tensors.h"
#include "memory/allocator.h"
#include "rustorch/error.h"

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

// Operands of another device would be read as if their handles were memory.
inline void check_cpu(const Tensor& t) {
  if (!t.defined() || t.impl()->device_type() == DeviceType::Cpu) [[likely]]
    return;
  raise(ErrorKind::Device, "",
        cat("Expected all tensors to be on the same device, but found at least two devices, cpu and ",
            t.device(), "!"));
}
template <class Call>
const Call& checked(const Call& call) {
  visit(const_cast<Call&>(call), [](Tensor& t, Role) { check_cpu(t); });  // looks only
  return call;
}
const IndexCall& checked(const IndexCall& call) {
  check_cpu(call.data);
  check_cpu(call.values);
  for (int i = 0; i < call.count; ++i) check_cpu(call.indices[i]);
  return call;
}
// For families whose kernels read their tensors as one of the types that they are compiled for.
template <class Call>
const Call& known(const char* family, const Call& call) {
  cpu::refuse_stored_only(family, call);
  return checked(call);
}

class CpuBackend final : public ComputeBackend {
 public:
  const char* name() const override { return "cpu"; }
  const char* platform() const override { return cpu::instruction_set(); }
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
  bool join(const Tensor& out, TensorList parts, int dim) override { return cpu::join(out, parts, dim); }
  void fill(const Tensor& dst, const Scalar& value) override { cpu::fill(dst, value); }
  void masked_fill(const MaskedFillCall& call) override { cpu::masked_fill(checked(call)); }
  void range(const RangeCall& call) override {
    const char* name = call.kind == RangeKind::Step       ? "arange_cpu"
                       : call.kind == RangeKind::Linspace ? "linspace_cpu"
                                                          : "logspace_cpu";
    cpu::range(known(name, call));
  }
  void triangle(const TriangleCall& call) override { cpu::triangle(call); }
  void flip(const Tensor& out, const Tensor& in, uint64_t mask) override { cpu::flip(out, in, mask); }
  void index(const IndexCall& call) override { cpu::run_index(checked(call)); }
  void gather(const GatherCall& call) override { cpu::gather(checked(call)); }
  void scatter(const ScatterCall& call) override { cpu::run_scatter(checked(call)); }
  int64_t count_true(const Tensor& mask) override { return cpu::count_true(mask); }
  void masked_select(const MaskedSelectCall& call) override { cpu::masked_select(checked(call)); }
  void masked_scatter(const MaskedScatterCall& call) override { cpu::masked_scatter(checked(call)); }
  void random(const RandomCall& call) override {
    if (is_float8(call.out.dtype()) || is_opaque(call.out.dtype()))
      cpu::refuse_type("random", call.out.dtype());
    cpu::random(checked(call));
  }
  void implicit_grad(const ImplicitGradCall& call) override {
    cpu::implicit_grad(known("implicit_grad", call));
  }
  void nonzero(const Tensor& out, const Tensor& mask) override { cpu::nonzero(out, mask); }
  void reduce(const ReduceCall& call) override { cpu::run_reduce(call); }
  void arg_reduce(const ArgReduceCall& call) override { cpu::run_arg_reduce(call); }
  void scan(const ScanCall& call) override { cpu::run_scan(call); }
  void search(const SearchCall& call) override { cpu::run_search(checked(call)); }
  void order(const OrderCall& call) override { cpu::run_order(call); }
  void matmul(const MatmulCall& call) override { cpu::run_matmul(checked(call)); }
  void convolution(const ConvCall& call) override { cpu::run_convolution(checked(call)); }
  void softmax(const SoftmaxCall& call) override { cpu::softmax(known("softmax", call)); }
  void class_loss(const ClassLossCall& call) override { cpu::class_loss(known("class_loss", call)); }
  void pool(const PoolCall& call) override { cpu::pool(known("pool", call)); }
  void norm(const NormCall& call) override { cpu::norm(known("norm", call)); }
  void embedding(const EmbeddingCall& call) override {
    cpu::embedding(call.kind == EmbeddingKind::Gather ? checked(call) : known("embedding", call));
  }
  void dropout(const DropoutCall& call) override { cpu::dropout(known("dropout", call)); }
  void attention(const AttentionCall& call) override { cpu::attention(known("attention", call)); }
  void rnn(const RnnCall& call) override { cpu::rnn(known("rnn", call)); }
  void resample(const ResampleCall& call) override { cpu::resample(known("resample", call)); }
  void columns(const ColumnsCall& call) override { cpu::columns(known("im2col", call)); }
  void fft(const FftCall& call) override { cpu::fourier(known("fft", call)); }
  void linalg(const LinalgCall& call) override { cpu::linalg(known("linalg", call)); }
};

}  // namespace

std::unique_ptr<ComputeBackend> make_cpu_backend() {
  cpu::limit_instruction_set();
  return std::make_unique<CpuBackend>();
}

}  // namespace rustorch
