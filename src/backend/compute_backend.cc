#include "backend/compute_backend.h"

#include <array>
#include <atomic>
#include <mutex>

#include "backend/cpu/cpu_backend.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {
std::array<std::atomic<ComputeBackend*>, kNumDeviceTypes> backends;
std::once_flag cpu_once;
}  // namespace

ComputeBackend& backend_for(DeviceType type) {
  ComputeBackend* found = backends[static_cast<int>(type)].load(std::memory_order_acquire);
  if (found != nullptr) [[likely]]
    return *found;
  if (type == DeviceType::Cpu) {
    std::call_once(cpu_once, [] { register_backend(make_cpu_backend()); });
    return *backends[0].load(std::memory_order_acquire);
  }
  raise(ErrorKind::BackendUnavailable, "",
        cat("no backend for device '", device_type_name(type),
            "'; hint: DeviceManager lists the devices that were found"));
}

void register_backend(std::unique_ptr<ComputeBackend> backend) {
  auto slot = static_cast<size_t>(backend->device_type());
  // A replaced backend is kept: tensors made by it may still be alive.
  backends[slot].store(backend.release(), std::memory_order_release);
}

void ComputeBackend::missing(const char* family) const {
  raise(ErrorKind::NotImplemented, family,
        cat("the backend '", name(), "' has no ", family,
            " operators; expected one of the others; hint: move the tensors to the CPU"));
}

void ComputeBackend::synchronize(Device) {}
void ComputeBackend::pointwise(const PointwiseCall&) { missing("pointwise"); }
void ComputeBackend::copy(const Tensor&, const Tensor&) { missing("copy"); }
void ComputeBackend::fill(const Tensor&, const Scalar&) { missing("fill"); }
void ComputeBackend::masked_fill(const MaskedFillCall&) { missing("masked_fill"); }
void ComputeBackend::range(const RangeCall&) { missing("range"); }
void ComputeBackend::triangle(const TriangleCall&) { missing("triangle"); }
void ComputeBackend::flip(const Tensor&, const Tensor&, uint64_t) { missing("flip"); }
void ComputeBackend::index(const IndexCall&) { missing("index"); }
void ComputeBackend::gather(const GatherCall&) { missing("gather"); }
void ComputeBackend::scatter(const ScatterCall&) { missing("scatter"); }
int64_t ComputeBackend::count_true(const Tensor&) { missing("mask"); }
void ComputeBackend::masked_select(const MaskedSelectCall&) { missing("mask"); }
void ComputeBackend::masked_scatter(const MaskedScatterCall&) { missing("mask"); }
void ComputeBackend::nonzero(const Tensor&, const Tensor&) { missing("mask"); }
void ComputeBackend::random(const RandomCall&) { missing("random"); }
void ComputeBackend::reduce(const ReduceCall&) { missing("reduction"); }
void ComputeBackend::arg_reduce(const ArgReduceCall&) { missing("arg-reduction"); }
void ComputeBackend::scan(const ScanCall&) { missing("scan"); }
void ComputeBackend::search(const SearchCall&) { missing("search"); }
void ComputeBackend::order(const OrderCall&) { missing("sort"); }
void ComputeBackend::matmul(const MatmulCall&) { missing("matmul"); }

}  // namespace rustorch
