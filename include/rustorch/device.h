// Device: where a tensor's data lives.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace rustorch {

enum class DeviceType : uint8_t { Cpu, Cuda, Metal, OpenCL, WebGpu, Meta };
inline constexpr int kNumDeviceTypes = 6;
inline constexpr DeviceType kCPU = DeviceType::Cpu, kCUDA = DeviceType::Cuda, kMPS = DeviceType::Metal,
                            kOpenCL = DeviceType::OpenCL, kMeta = DeviceType::Meta;

/// A device type and an index; index -1 means "the current one" of that type.
struct Device {
  DeviceType type = DeviceType::Cpu;
  int8_t index = -1;

  constexpr Device() = default;
  constexpr Device(DeviceType t, int i = -1) : type(t), index(static_cast<int8_t>(i)) {}
  /// Parses "cpu", "cuda:1", "opencl" ...; throws RusTorchError (Value) on anything else.
  explicit Device(std::string_view text);
  Device(const char* text) : Device(std::string_view(text)) {}

  static constexpr Device Cpu() { return {DeviceType::Cpu, -1}; }
  static constexpr Device Cuda(int i = 0) { return {DeviceType::Cuda, i}; }
  static constexpr Device Metal(int i = 0) { return {DeviceType::Metal, i}; }
  static constexpr Device OpenCL(int i = 0) { return {DeviceType::OpenCL, i}; }
  static constexpr Device Meta() { return {DeviceType::Meta, -1}; }

  constexpr bool is_cpu() const { return type == DeviceType::Cpu; }
  constexpr bool is_cuda() const { return type == DeviceType::Cuda; }
  constexpr bool is_meta() const { return type == DeviceType::Meta; }
  /// "cpu", "opencl:0".
  std::string str() const;
  friend constexpr bool operator==(Device a, Device b) {
    return a.type == b.type && (a.index == b.index || (a.index <= 0 && b.index <= 0));
  }
};

const char* device_type_name(DeviceType t);

namespace detail {
inline void append(std::string& out, Device d) { out.append(d.str()); }
}  // namespace detail

}  // namespace rustorch
