#include "backend/cpu/cpu_backend.h"

#include <cstring>

#include "backend/cpu/pointwise.h"
#include "memory/allocator.h"

namespace rustorch {

namespace {

void* allocate_bytes(void* context, size_t nbytes) { return static_cast<MemoryAllocator*>(context)->allocate(nbytes); }
void release_bytes(void* context, void* data, size_t nbytes) { static_cast<MemoryAllocator*>(context)->deallocate(data, nbytes); }
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
};

}  // namespace

std::unique_ptr<ComputeBackend> make_cpu_backend() { return std::make_unique<CpuBackend>(); }

}  // namespace rustorch
