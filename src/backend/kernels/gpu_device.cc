#include "backend/kernels/gpu_device.h"

#include <pthread.h>

#include <cstring>

#include "backend/kernels/language.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

std::atomic<bool> forked{false};

void watch_forks() {
  static const int watching = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
  (void)watching;
}

}  // namespace

bool in_forked_child() { return forked.load(std::memory_order_relaxed); }

// ---- the cache

KernelPtr KernelCache::find(const std::string& key) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    ++misses;
    return nullptr;
  }
  ++hits;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second;
}

void KernelCache::insert(const std::string& key, const KernelPtr& kernel) {
  if (capacity_ == 0 || entries_.count(key) != 0) return;
  order_.emplace_front(key, kernel);
  entries_[key] = order_.begin();
  if (order_.size() <= capacity_) return;
  entries_.erase(order_.back().first);
  order_.pop_back();
  ++evictions;
}

// ---- the device

GpuDevice::GpuDevice(DeviceType type, size_t cached_kernels) : type_(type), cache_(cached_kernels) {
  watch_forks();
}

void GpuDevice::check_process() const {
  RT_CHECK(!in_forked_child(), BackendUnavailable, "", "Cannot re-initialize ", device_type_name(type_),
           " in forked subprocess. To use ", device_type_name(type_),
           " with multiprocessing, you must use the 'spawn' start method");
}

void GpuDevice::set_pool(std::unique_ptr<MemoryAllocator> pool) {
  pool_ = std::move(pool);
  memory_.store(pool_.get());
}

const StorageOps GpuDevice::kOps = {allocate_bytes, release_bytes, copy_bytes};

void* GpuDevice::allocate_bytes(void* context, size_t nbytes) {
  auto* self = static_cast<GpuDevice*>(context);
  self->check_process();
  return self->memory()->allocate(nbytes);
}

void GpuDevice::release_bytes(void* context, void* data, size_t nbytes) {
  if (in_forked_child()) return;  // the parent's
  static_cast<GpuDevice*>(context)->memory()->deallocate(data, nbytes);
}

void GpuDevice::copy_bytes(void* context, void* dst, const void* src, size_t nbytes) {
  auto* self = static_cast<GpuDevice*>(context);
  self->check_process();
  self->copy_block(dst, src, nbytes);
}

Storage* GpuDevice::allocate(size_t nbytes, Device device) {
  void* data = allocate_bytes(this, nbytes);
  try {
    return new Storage(data, nbytes, device, &kOps, this);
  } catch (...) {
    if (data != nullptr) release_bytes(this, data, nbytes);
    throw;
  }
}

void GpuDevice::require(const char* op, DType t) const {
  if (t == kFloat64 || t == kComplex128)
    RT_CHECK(capabilities_.float64, DType, op, "the device '", capabilities_.name,
             "' has no double precision; got ", dtype_name(t), "; expected float32 or narrower");
}

KernelPtr GpuDevice::kernel(const std::string& key, const char* entry,
                            const std::function<std::string()>& source) {
  check_process();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (KernelPtr found = cache_.find(key)) return found;
  }
  const KernelPtr made = compile(key, entry, program_text(dialect(), source()));
  std::lock_guard<std::mutex> lock(mutex_);
  cache_.insert(key, made);
  return made;
}

GpuDevice& device_of(const Tensor& t) {
  const Storage* s = t.impl()->storage();
  RT_CHECK(s != nullptr && !t.device().is_cpu(), Device, "",
           "Expected all tensors to be on the same device, but got a tensor on ", t.device(), "!");
  return *static_cast<GpuDevice*>(s->context());
}

// ---- launches

Argument& Launch::next() {
  RT_CHECK(count_ < kArguments, Internal, "", "a kernel has more than ", kArguments, " arguments");
  return arguments_[count_++];
}

Launch& Launch::in(const Tensor& t) {
  const bool here = t.impl()->storage() != nullptr && t.impl()->device_type() == device_.type();
  RT_CHECK(here, Device, "",
           "Expected all tensors to be on the same device, but found at least two devices, ",
           Device(device_.type(), 0), " and ", t.device(), "!");
  RT_CHECK(&device_of(t) == &device_, Device, "",
           "Expected all tensors to be on the same device, but found at least two ",
           device_type_name(device_.type()), " devices, one of them ", t.device(), "!");
  next() = {t.impl()->storage(), nullptr, 0};
  return *this;
}

Launch& Launch::raw(const void* data, size_t nbytes) {
  const size_t at = (used_ + 15) / 16 * 16;
  RT_CHECK(at + nbytes <= kBytes, Internal, "", "a kernel has more than ", kBytes, " bytes of arguments");
  std::memcpy(bytes_.data() + at, data, nbytes);
  used_ = at + nbytes;
  next() = {nullptr, bytes_.data() + at, nbytes};
  return *this;
}

void Launch::run(int64_t items, int64_t group) {
  const auto local = static_cast<size_t>(group);
  run({(static_cast<size_t>(items) + local - 1) / local * local, 1, 1}, {local, 1, 1});
}

void Launch::run(const size_t (&global)[3], const size_t (&local)[3]) {
  if (global[0] * global[1] * global[2] == 0) return;
  device_.launch(*kernel_, arguments_.data(), count_, global, local);
}

}  // namespace rustorch::kernels
