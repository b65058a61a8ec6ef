// Number ranges, triangles and mirrored copies.
#include "backend/opencl/cl_device.h"
#include "backend/opencl/kernel_text.h"
#include "backend/opencl/kernels.h"
#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

// W: the type of the numbers; the upper half of a linspace counts from its end, as on the CPU.
constexpr const char* kRange = R"(
kernel void run(global M* out, const long at, const long step, const long n, const W a, const W b, const W delta) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const W v = FROM_END && i >= n / 2 && n > 1 ? b - delta * (W)(n - 1 - i) : a + delta * (W)i;
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
  const bool steps = call.kind == RangeKind::Step;
  // Powers, and integers in between, need the CPU's double precision.
  if (rustorch::is_complex(t) || call.kind == RangeKind::Logspace) return false;
  ClDevice& device = device_of(call.out);
  const int64_t n = call.out.numel();
  if (n == 0) return true;
  const bool integers = !is_floating_point(t) && steps;
  if (!integers && !device.capabilities().float64) return false;
  device.require("arange", t);
  const ComputeType w = integers ? ComputeType::i64 : ComputeType::f64;
  KernelPtr kernel = device.kernel(cat("range/", steps, "/", dtype_name(t)), "run", [&] {
    return cat(source_header(!integers), operand_text("", t, w), "#define W T\n#define FROM_END ",
               steps ? 0 : 1, "\n", kRange);
  });
  Scalar delta = call.b;
  if (!steps) delta = n > 1 ? (call.b.to_double() - call.a.to_double()) / static_cast<double>(n - 1) : 0.0;
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).value(call.out.storage_offset()).value(call.out.stride(0)).value(n);
  add_number(launch, w, call.a);
  add_number(launch, w, call.b);
  add_number(launch, w, delta);
  launch.run(n, kLanes);
  return true;
}

bool triangle(const TriangleCall& call) {
  View view;
  if (!make_view(call.in, &view)) return false;
  ClDevice& device = device_of(call.out);
  const int64_t n = call.out.numel();
  if (n == 0) return true;
  const char* type = move_type(call.out.dtype());
  KernelPtr kernel = device.kernel(cat("triangle/", type), "run", [&] {
    return cat(source_header(false), "#define X ", type, "\n", kViewText, kTriangle);
  });
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).value(call.out.storage_offset()).value(view);
  launch.value(call.out.size(-2)).value(call.out.size(-1)).value(call.diagonal);
  launch.value(static_cast<cl_int>(call.upper)).value(n);
  launch.run(n, kLanes);
  return true;
}

bool flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) {
  ClDevice& device = device_of(out);
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
  KernelPtr kernel = device.kernel(cat("flip/", type), "run", [&] {
    return cat(source_header(false), "#define X ", type, "\n", kViewText, kMove);
  });
  writable(out);
  Launch launch(device, kernel);
  launch.in(out).in(in).value(to).value(from).value(n);
  launch.run(n, kLanes);
  return true;
}

}  // namespace rustorch::opencl
