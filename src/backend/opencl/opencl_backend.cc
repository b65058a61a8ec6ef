// The OpenCL backend: finds devices, and sends each family to its kernel or, where there is none, to the CPU.
#include "backend/opencl/opencl_backend.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <vector>

#include "backend/opencl/cl_device.h"
#include "backend/opencl/kernels.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

using opencl::api;
using opencl::ClDevice;

// Never destroyed: drivers take their own threads down at exit, in an order that nobody controls.
std::vector<std::unique_ptr<ClDevice>>& all_devices() {
  static auto* list = new std::vector<std::unique_ptr<ClDevice>>;
  return *list;
}

enum class FamilyId : uint8_t {
#define RT_FAMILY(name, Call) name,
#define RT_FAMILY_OTHER(name) name,
#define RT_OPERATOR_LEFT(name)
#include "backend/opencl/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER
};
constexpr const char* kFamilyNames[] = {
#define RT_FAMILY(name, Call) #name,
#define RT_FAMILY_OTHER(name) #name,
#define RT_OPERATOR_LEFT(name)
#include "backend/opencl/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER
};

class OpenClBackend final : public DeviceBackend {
 public:
  const char* name() const override { return "opencl"; }
  DeviceType device_type() const override { return DeviceType::OpenCL; }

  int device_count() const override { return static_cast<int>(all_devices().size()); }
  DeviceCapabilities capabilities(int index) const override {
    return all_devices().at(static_cast<size_t>(index))->capabilities();
  }
  Storage* allocate(size_t nbytes, Device device) override {
    const Device found = DeviceManager::resolve(device);
    return at(found).allocate(nbytes, found);
  }
  MemoryAllocator* allocator(int index) override {
    return all_devices().at(static_cast<size_t>(index))->memory();
  }
  void replace_allocator(int index, MemoryAllocator* other) override {
    all_devices().at(static_cast<size_t>(index))->replace_allocator(other);
  }
  std::vector<FamilyUse> family_use() const override {
    std::vector<FamilyUse> list;
    for (size_t k = 0; k < std::size(kFamilyNames); ++k)
      list.push_back({kFamilyNames[k], native_[k].load(), left_[k].load()});
    return list;
  }
  KernelCacheStats cache_stats() const override {
    KernelCacheStats total;
    for (const auto& d : all_devices()) {
      std::lock_guard<std::mutex> lock(d->mutex());
      const opencl::KernelCache& c = d->cache();
      total.hits += c.hits;
      total.misses += c.misses;
      total.evictions += c.evictions;
      total.size += c.size();
      total.capacity += c.capacity();
      const ProgramCacheStats disk = d->programs().stats();
      total.disk.hits += disk.hits;
      total.disk.misses += disk.misses;
      total.disk.stores += disk.stores;
      total.disk.evictions += disk.evictions;
      total.disk.damaged += disk.damaged;
    }
    return total;
  }
  void synchronize(Device device) override { at(DeviceManager::resolve(device)).finish(); }
  void read_bytes(const Storage& from, size_t offset, void* to, size_t nbytes) override {
    of(from).read(from, offset, to, nbytes);
  }
  void write_bytes(Storage& to, size_t offset, const void* from, size_t nbytes) override {
    of(to).write(to, offset, from, nbytes);
  }

  void copy(const Tensor& dst, const Tensor& src) override {
    if (!note(FamilyId::copy, opencl::copy(dst, src))) DeviceBackend::copy(dst, src);
  }
  void fill(const Tensor& dst, const Scalar& value) override {
    if (!note(FamilyId::fill, opencl::fill(dst, value))) DeviceBackend::fill(dst, value);
  }
  void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) override {
    if (!note(FamilyId::flip, opencl::flip(out, in, dim_mask))) DeviceBackend::flip(out, in, dim_mask);
  }
  int64_t count_true(const Tensor& mask) override {
    int64_t count = 0;
    return note(FamilyId::count_true, opencl::count_true(mask, &count)) ? count
                                                                        : DeviceBackend::count_true(mask);
  }
  void nonzero(const Tensor& out, const Tensor& mask) override {
    if (!note(FamilyId::nonzero, opencl::nonzero(out, mask))) DeviceBackend::nonzero(out, mask);
  }
#define RT_FAMILY_OTHER(family)
#define RT_FAMILY(family, Call)                                                     \
  void family(const Call& call) override {                                          \
    if (!note(FamilyId::family, opencl::family(call))) DeviceBackend::family(call); \
  }
#define RT_OPERATOR_LEFT(name)
#include "backend/opencl/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER

 private:
  /// Counts a call of a family by who runs it; returns native.
  bool note(FamilyId family, bool native) {
    (native ? native_ : left_)[static_cast<size_t>(family)].fetch_add(1, std::memory_order_relaxed);
    return native;
  }
  std::array<std::atomic<uint64_t>, std::size(kFamilyNames)> native_{}, left_{};

  static ClDevice& at(Device d) { return *all_devices().at(static_cast<size_t>(d.index)); }
  static ClDevice& of(const Storage& s) { return *static_cast<ClDevice*>(s.context()); }
};

void add_devices(cl_platform_id platform, std::string* reason) {
  cl_uint count = 0;
  if (api().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS || count == 0)
    return;
  std::vector<cl_device_id> ids(count);
  api().clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
  for (cl_device_id id : ids) {
    try {
      all_devices().push_back(std::make_unique<ClDevice>(platform, id));
    } catch (const RusTorchError& e) {
      *reason = e.what();
    }
  }
}

}  // namespace

std::unique_ptr<ComputeBackend> make_opencl_backend(std::string* reason) {
  if (opencl::load_api(reason) == nullptr) return nullptr;
  cl_uint count = 0;
  if (api().clGetPlatformIDs(0, nullptr, &count) != CL_SUCCESS || count == 0) {
    *reason = "OpenCL has no platform; hint: install a driver, e.g. the package pocl-opencl-icd for the CPU";
    return nullptr;
  }
  std::vector<cl_platform_id> platforms(count);
  api().clGetPlatformIDs(count, platforms.data(), nullptr);
  *reason = "no OpenCL platform has a device";
  for (cl_platform_id p : platforms) add_devices(p, reason);
  if (all_devices().empty()) return nullptr;
  reason->clear();
  return std::make_unique<OpenClBackend>();
}

}  // namespace rustorch
