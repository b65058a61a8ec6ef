// Autocast: operators pick a cheaper or a safer dtype for their floating-point arguments by themselves.
//
// While it is on for a device, products and convolutions convert their arguments to the lower dtype (bfloat16
// or float16), losses and numerically delicate operators to float32, and joining operators to the widest of
// theirs; float64 is left alone. Which operator does what stands in its ops/*.ops entry (`autocast
// low|f32|promote`). Gradients flow back through the conversions. All state is the calling thread's own.
#pragma once
#include <cstddef>

#include "rustorch/device.h"
#include "rustorch/dtype.h"

namespace rustorch {

bool is_autocast_enabled(DeviceType device = DeviceType::Cpu);
void set_autocast_enabled(DeviceType device, bool on);
/// The lower dtype of a device; bfloat16 unless it was set.
DType autocast_dtype(DeviceType device = DeviceType::Cpu);
/// Throws DType unless dtype is float16, bfloat16 or float32.
void set_autocast_dtype(DeviceType device, DType dtype);

/// Conversions of leaves that require grad (weights) are kept until the outermost scope ends, so that a
/// weight is converted once. At most kAutocastCacheLimit tensors are kept; a weight that changed is converted
/// again.
bool is_autocast_cache_enabled();
void set_autocast_cache_enabled(bool on);
void clear_autocast_cache();
size_t autocast_cache_size();
inline constexpr size_t kAutocastCacheLimit = 4096;

/// Depth of autocast scopes; the cache is emptied by whoever brings it back to 0.
int autocast_increment_nesting();
int autocast_decrement_nesting();

/// Sets autocast for its scope:
///     { AutocastGuard guard(kBFloat16); loss = model.forward(x); }
class AutocastGuard {
 public:
  explicit AutocastGuard(DType dtype = kBFloat16, DeviceType device = DeviceType::Cpu, bool enabled = true,
                         bool cache = true);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  DeviceType device_;
  DType dtype_before_;
  bool enabled_before_, cache_before_;
};

}  // namespace rustorch
