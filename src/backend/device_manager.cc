// Finding devices: one slot per device type, filled on first use.
#include "rustorch/device_manager.h"

#include <array>
#include <atomic>
#include <mutex>
#include <memory>

#include "backend/cpu/cpu_backend.h"
#include "backend/cuda/cuda_backend.h"
#include "backend/device_backend.h"
#include "rustorch/error.h"
#include "rustorch/warn.h"
#if RUSTORCH_HAS_OPENCL
#include "backend/opencl/opencl_backend.h"
constexpr bool kHasOpenCL = true;
#else
constexpr bool kHasOpenCL = false;
#endif

namespace rustorch {

namespace {

std::array<std::atomic<ComputeBackend*>, kNumDeviceTypes> backends;
std::array<std::atomic<bool>, kNumDeviceTypes> searched;
std::array<std::string, kNumDeviceTypes> reasons;  // guarded by search_mutex
std::recursive_mutex search_mutex;

std::atomic<FallbackPolicy> policy{FallbackPolicy::Warn};
std::atomic<uint64_t> fallbacks{0};
thread_local std::array<int, kNumDeviceTypes> current{};

std::unique_ptr<ComputeBackend> open_backend(DeviceType type, std::string* reason) {
  switch (type) {
    case DeviceType::Cpu:
      return make_cpu_backend();
    case DeviceType::OpenCL:
#if RUSTORCH_HAS_OPENCL
      return make_opencl_backend(reason);
#else
      *reason = "this build has no OpenCL backend";
      return nullptr;
#endif
    case DeviceType::Cuda:
      return make_cuda_backend(reason);
    default:
      *reason = cat("this build has no ", device_type_name(type), " backend");
      return nullptr;
  }
}

/// The backend, or null; looks for it once.
ComputeBackend* find_backend(DeviceType type) {
  const auto slot = static_cast<size_t>(type);
  if (ComputeBackend* found = backends[slot].load(std::memory_order_acquire)) return found;
  if (searched[slot].load(std::memory_order_acquire)) return nullptr;
  std::lock_guard<std::recursive_mutex> lock(search_mutex);
  if (!searched[slot].load(std::memory_order_acquire) && backends[slot].load() == nullptr) {
    if (auto made = open_backend(type, &reasons[slot])) register_backend(std::move(made));
    searched[slot].store(true, std::memory_order_release);
  }
  return backends[slot].load(std::memory_order_acquire);
}

/// What can be asked about devices; null for the CPU (and for the plain backends of tests).
DeviceBackend* asked(ComputeBackend* backend) { return dynamic_cast<DeviceBackend*>(backend); }

}  // namespace

ComputeBackend& backend_for(DeviceType type) {
  ComputeBackend* found = backends[static_cast<size_t>(type)].load(std::memory_order_acquire);
  if (found == nullptr) [[unlikely]]
    found = find_backend(type);
  if (found != nullptr) [[likely]]
    return *found;
  raise(ErrorKind::BackendUnavailable, "",
        cat("no backend for device '", device_type_name(type), "': ", DeviceManager::unavailable_reason(type),
            "; hint: DeviceManager lists the devices that were found"));
}

void register_backend(std::unique_ptr<ComputeBackend> backend) {
  auto slot = static_cast<size_t>(backend->device_type());
  // A replaced backend is kept: tensors made by it may still be alive.
  backends[slot].store(backend.release(), std::memory_order_release);
}

MemoryAllocator* device_allocator(Device device) {
  const Device found = DeviceManager::resolve(device);
  DeviceBackend* backend = asked(&backend_for(found.type));
  return backend == nullptr ? cpu_allocator() : backend->allocator(found.index);
}

void set_device_allocator(Device device, MemoryAllocator* other) {
  const Device found = DeviceManager::resolve(device);
  DeviceBackend* backend = asked(&backend_for(found.type));
  RT_CHECK(backend != nullptr, Device, "set_device_allocator",
           "the CPU's allocator is set by set_cpu_allocator");
  backend->replace_allocator(found.index, other);
}

KernelCacheStats device_cache_stats(DeviceType type) {
  const DeviceBackend* backend = asked(&backend_for(type));
  return backend == nullptr ? KernelCacheStats() : backend->cache_stats();
}

std::vector<FamilyUse> device_family_use(DeviceType type) {
  const DeviceBackend* backend = asked(&backend_for(type));
  return backend == nullptr ? std::vector<FamilyUse>() : backend->family_use();
}

bool backend_is_built(DeviceType type) {
  return type == DeviceType::Cpu || (type == DeviceType::OpenCL && kHasOpenCL);
}

bool DeviceManager::is_available(DeviceType type) { return device_count(type) > 0; }

int DeviceManager::device_count(DeviceType type) {
  ComputeBackend* backend = find_backend(type);
  if (backend == nullptr) return 0;
  const DeviceBackend* device = asked(backend);
  return device == nullptr ? 1 : device->device_count();
}

std::string DeviceManager::unavailable_reason(DeviceType type) {
  if (find_backend(type) != nullptr) return "";
  std::lock_guard<std::recursive_mutex> lock(search_mutex);
  return reasons[static_cast<size_t>(type)];
}

std::vector<Device> DeviceManager::devices() {
  std::vector<Device> all{Device::Cpu()};
  for (int t = 1; t < kNumDeviceTypes; ++t) {
    const auto type = static_cast<DeviceType>(t);
    for (int i = 0, n = device_count(type); i < n; ++i) all.emplace_back(type, i);
  }
  return all;
}

DeviceCapabilities DeviceManager::capabilities(Device device) {
  const Device found = resolve(device);
  ComputeBackend& backend = backend_for(found.type);
  DeviceCapabilities c;
  if (const DeviceBackend* device = asked(&backend))
    c = device->capabilities(found.index);
  else
    c.name = backend.name(), c.platform = backend.platform();
  c.device = found;
  return c;
}

Device DeviceManager::current_device(DeviceType type) {
  return type == DeviceType::Cpu || type == DeviceType::Meta
             ? Device(type)
             : Device(type, current[static_cast<size_t>(type)]);
}

void DeviceManager::set_current_device(Device device) {
  const Device found = resolve(device);
  if (found.index >= 0) current[static_cast<size_t>(found.type)] = found.index;
}

Device DeviceManager::resolve(Device device) {
  if (device.is_cpu() || device.is_meta()) return device;
  backend_for(device.type);  // throws when there is none
  const int count = device_count(device.type);
  const int index = device.index < 0 ? current[static_cast<size_t>(device.type)] : device.index;
  RT_CHECK(index < count, Device, device_type_name(device.type), "invalid device ordinal; got ", index,
           "; expected less than ", count);
  return {device.type, index};
}

Device DeviceManager::auto_select(const DeviceRequirements& requirements) {
  Device best = Device::Cpu();
  int best_rank = 0;
  const bool wide = requirements.dtype == kFloat64 || requirements.dtype == kComplex128;
  for (const Device& d : devices()) {
    const DeviceCapabilities c = capabilities(d);
    if (!c.is_gpu || c.memory < requirements.memory || (wide && !c.float64)) continue;
    const int rank = c.unified_memory ? 1 : 2;
    if (rank <= best_rank) continue;
    best = d;
    best_rank = rank;
  }
  RT_CHECK(best_rank > 0 || !requirements.gpu_only, BackendUnavailable, "auto_select",
           "no GPU meets the requirements; hint: DeviceManager::devices() lists what there is");
  return best;
}

void DeviceManager::synchronize(Device device) {
  const Device found = resolve(device);
  backend_for(found.type).synchronize(found);
}

FallbackPolicy DeviceManager::fallback_policy() { return policy.load(); }
void DeviceManager::set_fallback_policy(FallbackPolicy p) { policy.store(p); }
uint64_t DeviceManager::fallback_count() { return fallbacks.load(); }

void DeviceManager::note_fallback(const char* backend, const std::string& op) {
  fallbacks.fetch_add(1, std::memory_order_relaxed);
  switch (policy.load()) {
    case FallbackPolicy::Silent:
      return;
    case FallbackPolicy::Warn:
      return warn_once(cat("the operator '", op, "' is not implemented for the ", backend,
                           " backend: it runs on the CPU, which copies its tensors there and back"));
    case FallbackPolicy::Refuse:
      raise(ErrorKind::NotImplemented, op,
            cat("the backend '", backend,
                "' does not implement it; hint: allow the CPU with "
                "DeviceManager::set_fallback_policy, or move the tensors there"));
  }
}

}  // namespace rustorch
