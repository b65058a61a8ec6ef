// Resizing along one dimension by a table of taps, and window columns (unfold and fold).
#include <vector>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr const char* kForward = R"(
kernel void run(global M* out, global const M* in, global const long* places, global const M* weights, const long out_at, const long in_at,
                const long in_size, const long out_size, const long inner, const long taps, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long j = g % inner, o = g / inner % out_size, b = g / (inner * out_size);
  const long from = in_at + b * in_size * inner + j;
#if CHOOSE
  out[out_at + g] = in[from + places[o] * inner];
#else
  M sum = 0;
  for (long t = 0; t < taps; ++t) {
    const M w = weights[o * taps + t];
    sum += w * in[from + places[o * taps + t] * inner];
  }
  out[out_at + g] = sum;
#endif
}
)";

// One item for each line of the result, which it clears and fills in the order of the taps.
constexpr const char* kTransposed = R"(
kernel void run(global M* out, global const M* in, global const long* places, global const M* weights, const long out_at, const long in_at,
                const long in_size, const long out_size, const long inner, const long taps, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long j = g % inner, b = g / inner, to = out_at + b * in_size * inner + j, from = in_at + b * out_size * inner + j;
  for (long i = 0; i < in_size; ++i) out[to + i * inner] = 0;
  for (long o = 0; o < out_size; ++o)
    for (long t = 0; t < taps; ++t) {
      const M w = weights[o * taps + t];
      if (w != 0 || in_size != out_size) out[to + places[o * taps + t] * inner] += w * in[from + o * inner];
    }
}
)";

// Mirrors the struct in the programs.
struct ColumnArgs {
  int64_t size[2], kernel[2], places[2], stride[2], padding[2], dilation[2], image_at, columns_at, n;
};

constexpr const char* kColumns = R"(
typedef struct { long size[2], kernel_[2], places[2], stride[2], padding[2], dilation[2], image_at, columns_at, n; } Args;
kernel void run(global M* image, global M* columns, const Args p) {
  const long g = get_global_id(0);
  if (g >= p.n) return;
#if FOLD
  const long x = g % p.size[1], y = g / p.size[1] % p.size[0], plane = g / (p.size[1] * p.size[0]);
  T sum = 0;
  for (long i = 0; i < p.kernel_[0]; ++i) {
    const long t = y + p.padding[0] - i * p.dilation[0], a = t / p.stride[0];
    if (t < 0 || t != a * p.stride[0] || a >= p.places[0]) continue;
    for (long j = 0; j < p.kernel_[1]; ++j) {
      const long u = x + p.padding[1] - j * p.dilation[1], b = u / p.stride[1];
      if (u < 0 || u != b * p.stride[1] || b >= p.places[1]) continue;
      sum += LOAD(columns, p.columns_at + (((plane * p.kernel_[0] + i) * p.kernel_[1] + j) * p.places[0] + a) * p.places[1] + b);
    }
  }
  STORE(image, p.image_at + g, sum)
#else
  const long b = g % p.places[1], a = g / p.places[1] % p.places[0], k = g / (p.places[1] * p.places[0]);
  const long j = k % p.kernel_[1], i = k / p.kernel_[1] % p.kernel_[0], plane = k / (p.kernel_[1] * p.kernel_[0]);
  const long y = a * p.stride[0] - p.padding[0] + i * p.dilation[0], x = b * p.stride[1] - p.padding[1] + j * p.dilation[1];
  const bool inside = y >= 0 && y < p.size[0] && x >= 0 && x < p.size[1];
  T v = 0;
  if (inside) v = LOAD(image, p.image_at + (plane * p.size[0] + y) * p.size[1] + x);
  STORE(columns, p.columns_at + g, v)
#endif
}
)";

}  // namespace

bool resample(const ResampleCall& call) {
  if (call.out.numel() == 0) return true;
  const DType t = call.out.dtype();
  const bool choose = !call.transposed && call.taps == 1;
  if (call.in.numel() == 0 || (!choose && t != kFloat32 && t != kFloat64)) return false;
  GpuDevice& device = device_of(call.out);
  if (!choose) device.require("interpolate", t);
  const int64_t entries = call.out_size * call.taps;
  const Tensor places = scratch(call.out, entries, kInt64);
  device.write(*places.impl()->storage(), 0, call.places, static_cast<size_t>(entries) * sizeof(int64_t));
  Tensor weights = places;
  if (!choose) {
    weights = scratch(call.out, entries, t);
    const std::vector<float> narrow(call.weights, call.weights + (t == kFloat32 ? entries : 0));
    const void* from = t == kFloat32 ? static_cast<const void*>(narrow.data()) : call.weights;
    device.write(*weights.impl()->storage(), 0, from, static_cast<size_t>(entries) * element_size(t));
  }
  const char* type = choose ? move_type(t) : memory_type(t);
  KernelPtr kernel = device.kernel(cat("resample/", call.transposed, "/", choose, "/", type), "run", [&] {
    return cat("#define M ", type, "\n#define CHOOSE ", choose ? 1 : 0, "\n",
               call.transposed ? kTransposed : kForward);
  });
  writable(call.out);
  const int64_t items = call.outer * call.inner * (call.transposed ? 1 : call.out_size);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).in(places).in(weights);
  launch.value(call.out.storage_offset())
      .value(call.in.storage_offset())
      .value(call.in_size)
      .value(call.out_size);
  launch.value(call.inner).value(int64_t{call.taps}).value(items);
  launch.run(items, kLanes);
  return true;
}

bool columns(const ColumnsCall& call) {
  const Tensor& result = call.fold ? call.image : call.columns;
  if (result.numel() == 0) return true;
  if (call.image.numel() == 0 || call.columns.numel() == 0) return false;
  GpuDevice& device = device_of(result);
  const DType t = result.dtype();
  device.require("im2col", t);
  ColumnArgs p{};
  for (size_t d = 0; d < 2; ++d) {
    p.size[d] = call.size[d];
    p.kernel[d] = call.kernel[d];
    p.places[d] = call.places[d];
    p.stride[d] = call.stride[d];
    p.padding[d] = call.padding[d];
    p.dilation[d] = call.dilation[d];
  }
  p.image_at = call.image.storage_offset();
  p.columns_at = call.columns.storage_offset();
  p.n = result.numel();
  KernelPtr kernel = device.kernel(cat("columns/", call.fold, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t), "#define FOLD ", call.fold ? 1 : 0, "\n", kColumns);
  });
  writable(result);
  Launch launch(device, kernel);
  launch.in(call.image).in(call.columns).value(p);
  launch.run(p.n, kLanes);
  return true;
}

}  // namespace rustorch::kernels
