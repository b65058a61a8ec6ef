#include "backend/kernels/gpu_backend.h"

#include <mutex>

#include "backend/kernels/kernels.h"
#include "backend/visit_tensors.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr const char* kFamilyNames[] = {
#define RT_FAMILY(name, Call) #name,
#define RT_FAMILY_OTHER(name) #name,
#define RT_OPERATOR_LEFT(name)
#include "backend/kernels/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER
};

/// Every operand must be on the backend's devices; numbers of the CPU are the kernels' business.
void check_device(const Tensor& t, DeviceType here) {
  if (!t.defined() || t.impl()->device_type() == here || t.dim() == 0) return;
  raise(ErrorKind::Device, "",
        cat("Expected all tensors to be on the same device, but found at least two devices, ",
            Device(here, 0), " and ", t.device(), "!"));
}
template <class Call>
void check_devices(const Call& call, DeviceType here) {
  visit(const_cast<Call&>(call), [&](Tensor& t, Role) { check_device(t, here); });
}
// Their tensors may be on the CPU: numbers, indices.
void check_devices(const PointwiseCall&, DeviceType) {}
void check_devices(const IndexCall&, DeviceType) {}

/// Whether the call computes with a type that kernels only move.
template <class Call>
bool computes_stored(const Call& call) {
  return has_stored_only(call);
}
bool computes_stored(const GatherCall&) { return false; }
bool computes_stored(const TriangleCall&) { return false; }
bool computes_stored(const MaskedSelectCall&) { return false; }
bool computes_stored(const MaskedScatterCall&) { return false; }
bool computes_stored(const IndexCall& call) { return call.mode != IndexMode::Get && has_stored_only(call); }

GpuDevice& of(const Storage& s) { return *static_cast<GpuDevice*>(s.context()); }

}  // namespace

bool GpuBackend::note(FamilyId family, bool native) {
  (native ? native_ : left_)[static_cast<size_t>(family)].fetch_add(1, std::memory_order_relaxed);
  return native;
}

Storage* GpuBackend::allocate(size_t nbytes, Device device) {
  const Device found = DeviceManager::resolve(device);
  return at(found.index).allocate(nbytes, found);
}

std::vector<FamilyUse> GpuBackend::family_use() const {
  std::vector<FamilyUse> list;
  for (size_t k = 0; k < kFamilies; ++k)
    list.push_back({kFamilyNames[k], native_[k].load(), left_[k].load()});
  return list;
}

KernelCacheStats GpuBackend::cache_stats() const {
  KernelCacheStats total;
  for (const auto& d : devices_) {
    std::lock_guard<std::mutex> lock(d->mutex());
    const KernelCache& c = d->cache();
    total.hits += c.hits;
    total.misses += c.misses;
    total.evictions += c.evictions;
    total.size += c.size();
    total.capacity += c.capacity();
    const ProgramCacheStats disk = d->disk_stats();
    total.disk.hits += disk.hits;
    total.disk.misses += disk.misses;
    total.disk.stores += disk.stores;
    total.disk.evictions += disk.evictions;
    total.disk.damaged += disk.damaged;
  }
  return total;
}

void GpuBackend::synchronize(Device device) { at(DeviceManager::resolve(device).index).finish(); }
void GpuBackend::read_bytes(const Storage& from, size_t offset, void* to, size_t nbytes) {
  of(from).read(from, offset, to, nbytes);
}
void GpuBackend::write_bytes(Storage& to, size_t offset, const void* from, size_t nbytes) {
  of(to).write(to, offset, from, nbytes);
}

void GpuBackend::copy(const Tensor& dst, const Tensor& src) {
  if (!note(FamilyId::copy, kernels::copy(dst, src))) DeviceBackend::copy(dst, src);
}
void GpuBackend::fill(const Tensor& dst, const Scalar& value) {
  if (!note(FamilyId::fill, kernels::fill(dst, value))) DeviceBackend::fill(dst, value);
}
void GpuBackend::flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) {
  if (!note(FamilyId::flip, kernels::flip(out, in, dim_mask))) DeviceBackend::flip(out, in, dim_mask);
}
int64_t GpuBackend::count_true(const Tensor& mask) {
  int64_t count = 0;
  check_device(mask, device_type());
  return note(FamilyId::count_true, kernels::count_true(mask, &count)) ? count
                                                                       : DeviceBackend::count_true(mask);
}
void GpuBackend::nonzero(const Tensor& out, const Tensor& mask) {
  if (!note(FamilyId::nonzero, kernels::nonzero(out, mask))) DeviceBackend::nonzero(out, mask);
}
#define RT_FAMILY_OTHER(family)
#define RT_FAMILY(family, Call)                                                   \
  void GpuBackend::family(const Call& call) {                                     \
    check_devices(call, device_type());                                           \
    if (!note(FamilyId::family, !computes_stored(call) && kernels::family(call))) \
      DeviceBackend::family(call);                                                \
  }
#define RT_OPERATOR_LEFT(name)
#include "backend/kernels/families.def"
#undef RT_OPERATOR_LEFT
#undef RT_FAMILY
#undef RT_FAMILY_OTHER

}  // namespace rustorch::kernels
