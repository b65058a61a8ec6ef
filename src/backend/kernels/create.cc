// Number ranges, triangles and mirrored copies.
#include <cmath>
#include <complex>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// T: the type of the numbers. KIND as in RangeKind: steps, linspace, logspace. The upper half of the latter
// two counts from its end, as on the CPU. INTEGER: exponents of integer results are single-precision.
constexpr const char* kRange = R"(
kernel void run(global M* out, const long at, const long step, const long n, const T a, const T b, const T delta, const T log_base, const R base) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const bool from_end = KIND != 0 && i >= n / 2 && n > 1;
#if KIND == 2 && INTEGER
  R v = (R)(float)(from_end ? b - (R)((float)delta * (float)(n - 1 - i)) : a + (R)((float)delta * (float)i));
#else
  T v = from_end ? b - delta * (R)(n - 1 - i) : a + delta * (R)i;
#endif
#if KIND == 2
#if COMPLEX
  const T e = RT_PAIR(T, v.x * log_base.x - v.y * log_base.y, v.x * log_base.y + v.y * log_base.x);
  const R size = base == 0 ? (R)0 : exp(e.x);
  v = e.y == 0 || base == 0 ? RT_PAIR(T, size, 0) : RT_PAIR(T, size * cos(e.y), size * sin(e.y));
#else
  v = pow(base, v);
#endif
#endif
  STORE(out, at + i * step, v)
}
)";

constexpr const char* kTriangle = R"(
kernel void run(global X* out, global const X* in, const long out_at, const View v, const long rows, const long cols, const long diagonal,
                const int upper, const long n) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const long c = i % cols, r = i / cols % rows;
  const bool keep = upper ? c - r >= diagonal : c - r <= diagonal;
  X value = 0;
  if (keep) value = in[rt_at(&v, i)];
  out[out_at + i] = value;
}
)";

constexpr const char* kMove = R"(
kernel void run(global X* out, global const X* in, const View o, const View v, const long n) {
  const long i = get_global_id(0);
  if (i < n) out[rt_at(&o, i)] = in[rt_at(&v, i)];
}
)";

}  // namespace

bool range(const RangeCall& call) {
  const DType t = call.out.dtype();
  const int64_t n = call.out.numel();
  if (n == 0) return true;
  GpuDevice& device = device_of(call.out);
  const bool steps = call.kind == RangeKind::Step, complex = rustorch::is_complex(t);
  const bool integers = !complex && !is_floating_point(t);
  if (!(integers && steps) && !device.capabilities().float64) return false;
  device.require("arange", t);
  const ComputeType w = complex ? ComputeType::c128 : integers && steps ? ComputeType::i64 : ComputeType::f64;
  const int kind = static_cast<int>(call.kind);
  KernelPtr kernel = device.kernel(cat("range/", kind, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t, w), "#define R ", value_type(real_part_type(w)), "\n#define KIND ", kind,
               "\n#define COMPLEX ", complex ? 1 : 0, "\n#define INTEGER ", integers ? 1 : 0, "\n", kRange);
  });
  Scalar a = call.a, b = call.b, delta = call.b;
  if (integers && !steps) a = static_cast<double>(a.to_int()), b = static_cast<double>(b.to_int());
  if (!steps) {
    const double parts = n > 1 ? static_cast<double>(n - 1) : 1.0;
    delta = complex ? Scalar((b.to_complex() - a.to_complex()) / parts)
                    : Scalar((b.to_double() - a.to_double()) / parts);
  }
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).value(call.out.storage_offset()).value(call.out.stride(0)).value(n);
  for (const Scalar& number : {a, b, delta}) add_number(launch, w, number);
  const bool powers = call.kind == RangeKind::Logspace;
  add_number(launch, w, powers && complex ? Scalar(std::log(std::complex<double>(call.base))) : Scalar(0));
  add_number(launch, real_part_type(w), powers ? Scalar(call.base) : Scalar(0));
  launch.run(n, kLanes);
  return true;
}

bool triangle(const TriangleCall& call) {
  View view;
  if (!make_view(call.in, &view)) return false;
  GpuDevice& device = device_of(call.out);
  const int64_t n = call.out.numel();
  if (n == 0) return true;
  const char* type = move_type(call.out.dtype());
  KernelPtr kernel = device.kernel(cat("triangle/", type), "run",
                                   [&] { return cat("#define X ", type, "\n", kViewText, kTriangle); });
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).value(call.out.storage_offset()).value(view);
  launch.value(call.out.size(-2)).value(call.out.size(-1)).value(call.diagonal);
  launch.value(static_cast<int32_t>(call.upper)).value(n);
  launch.run(n, kLanes);
  return true;
}

bool flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) {
  GpuDevice& device = device_of(out);
  const int64_t n = out.numel();
  if (n == 0) return true;
  int64_t strides[64], at = in.storage_offset();
  for (int d = 0; d < in.dim(); ++d) {
    const bool turned = ((dim_mask >> d) & 1) != 0;
    strides[d] = turned ? -in.stride(d) : in.stride(d);
    if (turned) at += (in.size(d) - 1) * in.stride(d);
  }
  View to, from;
  if (!make_view(out, &to) ||
      !make_view(in.sizes(), IntArrayRef(strides, static_cast<size_t>(in.dim())), at, &from))
    return false;
  const char* type = move_type(out.dtype());
  KernelPtr kernel = device.kernel(cat("flip/", type), "run",
                                   [&] { return cat("#define X ", type, "\n", kViewText, kMove); });
  writable(out);
  Launch launch(device, kernel);
  launch.in(out).in(in).value(to).value(from).value(n);
  launch.run(n, kLanes);
  return true;
}

}  // namespace rustorch::kernels
