#include "rustorch/device.h"

#include "rustorch/error.h"

namespace rustorch {

const char* device_type_name(DeviceType t) {
  static constexpr const char* kNames[kNumDeviceTypes] = {"cpu", "cuda", "mps", "opencl", "webgpu", "meta"};
  return kNames[static_cast<int>(t)];
}

std::string Device::str() const {
  std::string text = device_type_name(type);
  if (index >= 0) text += ":" + std::to_string(index);
  return text;
}

Device::Device(std::string_view text) {
  size_t colon = text.find(':');
  std::string_view name = text.substr(0, colon);
  int found = -1;
  for (int t = 0; t < kNumDeviceTypes; ++t)
    if (name == device_type_name(static_cast<DeviceType>(t))) found = t;
  if (name == "metal") found = static_cast<int>(DeviceType::Metal);
  RT_CHECK(
      found >= 0, Value, "device",
      "Expected one of cpu, cuda, mps, opencl, webgpu, meta device type at start of device string: ", text);
  type = static_cast<DeviceType>(found);
  if (colon == std::string_view::npos) return;
  std::string_view digits = text.substr(colon + 1);
  RT_CHECK(!digits.empty() && digits.size() <= 2 &&
               digits.find_first_not_of("0123456789") == std::string_view::npos &&
               (digits.size() == 1 || digits[0] != '0'),
           Value, "device", "Invalid device string: '", text, "'");
  int value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  RT_CHECK(value < 31, Value, "device", "device index is out of range; got ", value,
           "; expected less than 31");
  index = static_cast<int8_t>(value);
}

}  // namespace rustorch
