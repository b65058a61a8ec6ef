// Softmax, log_softmax and their gradients: one group of 64 work items for each row.
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/source.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// T: float or double. kind: 0 softmax, 1 log_softmax, 2 and 3 their gradients (x: the forward's result, g:
// its gradient). Element i of the row o, j lies at (o * n + i) * inner + j.
constexpr const char* kSource = R"(
RT_GROUP(64, 1)
void run(global T* y, global const T* x, global const T* g, const long y_at, const long x_at, const long g_at, const long n, const long inner) {
  RT_SHARED T part[64];
  const long row = get_group_id(0), base = row / inner * n * inner + row % inner, lane = get_local_id(0);
  y += y_at + base;
  x += x_at + base;
  g += g_at + base;
#if KIND < 2
  T top = -INFINITY;
  for (long i = lane; i < n; i += 64) top = fmax(top, x[i * inner]);
  top = rt_fold(part, top, true);
  /* a row of -inf, or one with inf or nan: the differences give nan as they should */
  T sum = 0;
  for (long i = lane; i < n; i += 64) sum += exp(x[i * inner] - top);
  sum = rt_fold(part, sum, false);
#if KIND == 0
  for (long i = lane; i < n; i += 64) y[i * inner] = exp(x[i * inner] - top) / sum;
#else
  const T lse = log(sum);
  for (long i = lane; i < n; i += 64) y[i * inner] = x[i * inner] - top - lse;
#endif
#else
  T sum = 0;
#if KIND == 2
  for (long i = lane; i < n; i += 64) sum += g[i * inner] * x[i * inner];
  sum = rt_fold(part, sum, false);
  for (long i = lane; i < n; i += 64) y[i * inner] = x[i * inner] * (g[i * inner] - sum);
#else
  for (long i = lane; i < n; i += 64) sum += g[i * inner];
  sum = rt_fold(part, sum, false);
  for (long i = lane; i < n; i += 64) y[i * inner] = g[i * inner] - exp(x[i * inner]) * sum;
#endif
#endif
}
)";

}  // namespace

bool softmax(const SoftmaxCall& call) {
  if (call.out.numel() == 0) return true;
  const DType dtype = call.out.dtype();
  GpuDevice& device = device_of(call.out);
  device.require("softmax", dtype);
  if (device.capabilities().max_work_group < kLanes) return false;
  const int dims = static_cast<int>(call.in.dim()), dim = static_cast<int>(call.dim);
  int64_t n = 1, inner = 1;
  if (dims > 0) {
    n = call.in.sizes()[static_cast<size_t>(dim)];
    for (int d = dim + 1; d < dims; ++d) inner *= call.in.sizes()[static_cast<size_t>(d)];
  }
  const int kind = static_cast<int>(call.kind);
  KernelPtr kernel = device.kernel(cat("softmax/", kind, "/", dtype_name(dtype)), "run", [&] {
    return cat("#define T ", memory_type(dtype), "\n#define KIND ", kind, "\n", kFoldText, kSource);
  });
  writable(call.out);
  const Tensor& grad = call.grad.defined() ? call.grad : call.in;
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).in(grad);
  launch.value(call.out.storage_offset())
      .value(call.in.storage_offset())
      .value(grad.storage_offset())
      .value(n)
      .value(inner);
  launch.run(call.out.numel() / n * kLanes, kLanes);
  return true;
}

}  // namespace rustorch::kernels
