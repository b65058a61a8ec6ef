// DeviceManager: which devices there are, what they can do, which one is current, and what happens to
// operators that a device's backend lacks.
//
//   if (DeviceManager::is_available(DeviceType::OpenCL)) model.to(Device::OpenCL());
//   Device best = DeviceManager::auto_select();
//
// A backend is looked for on first use and then kept until the process ends. All functions may be called from
// any thread; the current device belongs to the calling thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rustorch/device.h"
#include "rustorch/dtype.h"

namespace rustorch {

/// What is known about one device. Sizes are in bytes.
struct DeviceCapabilities {
  Device device;
  std::string name;      // as the driver calls it
  std::string platform;  // maker and version of the driver
  size_t memory = 0;
  size_t max_allocation = 0;
  size_t local_memory = 0;
  size_t max_work_group = 1;
  int compute_units = 1;
  bool is_gpu = false;
  bool unified_memory = true;  // shares the memory of the CPU
  bool float64 = true;         // arithmetic in double precision
  bool float16 = true;         // float16 tensors (computed in float32)
};

/// What auto_select() looks for.
struct DeviceRequirements {
  size_t memory = 0;             // at least so many bytes
  DType dtype = DType::Float32;  // arithmetic in this type
  bool gpu_only = false;         // false: the CPU when nothing better is there
};

/// What happens when a backend lacks an operator: it runs on the CPU with one warning for each operator,
/// silently, or NotImplemented is thrown.
enum class FallbackPolicy : uint8_t { Warn, Silent, Refuse };

class DeviceManager {
 public:
  /// Whether tensors can be made on devices of this type.
  static bool is_available(DeviceType type);
  /// Number of devices of a type; 0 when there is no backend or driver.
  static int device_count(DeviceType type);
  /// Why there is no device of this type; empty when there is one.
  static std::string unavailable_reason(DeviceType type);
  /// All devices, the CPU first.
  static std::vector<Device> devices();
  /// Throws BackendUnavailable or Device (index out of range).
  static DeviceCapabilities capabilities(Device device);

  /// The device that an index of -1 stands for on this thread.
  static Device current_device(DeviceType type);
  static void set_current_device(Device device);
  /// The device with its index filled in (the CPU has none). Throws as capabilities() does.
  static Device resolve(Device device);
  /// The best device that meets the requirements: a GPU with its own memory, another GPU, else the CPU.
  /// Throws BackendUnavailable when gpu_only is set and there is none.
  static Device auto_select(const DeviceRequirements& requirements = {});
  /// Waits for all work of the device and throws what failed in it.
  static void synchronize(Device device);

  static FallbackPolicy fallback_policy();
  static void set_fallback_policy(FallbackPolicy policy);
  /// How many operators have run on the CPU because their device's backend lacks them.
  static uint64_t fallback_count();
  /// Called by backends before such a run: counts, warns or throws.
  static void note_fallback(const char* backend, const std::string& op);
};

namespace cuda {
inline bool is_available() { return DeviceManager::is_available(DeviceType::Cuda); }
inline int device_count() { return DeviceManager::device_count(DeviceType::Cuda); }
}  // namespace cuda

}  // namespace rustorch
