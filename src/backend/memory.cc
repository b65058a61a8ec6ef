// The public face of the devices' allocators.
#include "rustorch/memory.h"

#include "backend/device_backend.h"
#include "memory/allocator.h"

namespace rustorch {

MemoryStats memory_stats(Device device) { return device_allocator(device)->stats(); }
void reset_peak_memory_stats(Device device) { device_allocator(device)->reset_peak(); }
size_t empty_cache(Device device) { return device_allocator(device)->trim(); }
void set_memory_limit(size_t bytes, Device device) { device_allocator(device)->set_limit(bytes); }

}  // namespace rustorch
