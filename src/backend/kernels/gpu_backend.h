// GpuBackend: the backend of any device that runs the device-neutral kernels. It sends each family to its
// kernel or, for the cases that a kernel leaves out, to the CPU (../fallback.cc), and counts both.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "backend/device_backend.h"
#include "backend/kernels/gpu_device.h"

namespace rustorch::kernels {

class GpuBackend : public DeviceBackend {
 public:
  explicit GpuBackend(std::vector<std::unique_ptr<GpuDevice>> devices) : devices_(std::move(devices)) {}

  const char* name() const override { return device_type_name(device_type()); }
  DeviceType device_type() const override { return devices_.front()->type(); }
  int device_count() const override { return static_cast<int>(devices_.size()); }
  DeviceCapabilities capabilities(int index) const override { return at(index).capabilities(); }
  Storage* allocate(size_t nbytes, Device device) override;
  MemoryAllocator* allocator(int index) override { return at(index).memory(); }
  void replace_allocator(int index, MemoryAllocator* other) override { at(index).replace_allocator(other); }
  std::vector<FamilyUse> family_use() const override;
  KernelCacheStats cache_stats() const override;
  void synchronize(Device device) override;
  void read_bytes(const Storage& from, size_t offset, void* to, size_t nbytes) override;
  void write_bytes(Storage& to, size_t offset, const void* from, size_t nbytes) override;

  void copy(const Tensor& dst, const Tensor& src) override;
  void fill(const Tensor& dst, const Scalar& value) override;
  void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) override;
  int64_t count_true(const Tensor& mask) override;
  void nonzero(const Tensor& out, const Tensor& mask) override;
#define RT_FAMILY_OTHER(family)
#define RT_FAMILY(family, Call) void family(const Call& call) override;
#define RT_OPERATOR_LEFT(name)
#include "backend/kernels/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER

 private:
  enum class FamilyId : uint8_t {
#define RT_FAMILY(name, Call) name,
#define RT_FAMILY_OTHER(name) name,
#define RT_OPERATOR_LEFT(name)
#include "backend/kernels/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER
    kCount
  };
  static constexpr auto kFamilies = static_cast<size_t>(FamilyId::kCount);

  /// Counts a call of a family by who runs it; returns native.
  bool note(FamilyId family, bool native);
  GpuDevice& at(int index) const { return *devices_.at(static_cast<size_t>(index)); }

  std::vector<std::unique_ptr<GpuDevice>> devices_;
  std::array<std::atomic<uint64_t>, kFamilies> native_{}, left_{};
};

}  // namespace rustorch::kernels
