// Pooling: one work item for each result; the gradients gather from the windows that hold an element instead
// of scattering, so nothing is added twice at once. Indices that may point anywhere (unpooling) are walked by
// one item a plane.
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// Mirrors the struct in the programs.
struct PoolArgs {
  int64_t planes, big[3], small[3], kernel[3], stride[3], padding[3], dilation[3];
  int64_t include_pad, divisor, adaptive, has_indices, has_mask;
  int64_t out_at, in_at, indices_at, mask_at;
};

constexpr const char* kCommon = R"(
typedef struct {
  long planes, big[3], small_[3], kernel_[3], stride[3], padding[3], dilation[3];
  long include_pad, divisor, adaptive, has_indices, has_mask, out_at, in_at, indices_at, mask_at;
} Args;
#define SMALL (p.small_[0] * p.small_[1] * p.small_[2])
#define BIG (p.big[0] * p.big[1] * p.big[2])
#define PLACE(c, size, i) { (i) / (size[1] * size[2]) % size[0], (i) / size[2] % size[1], (i) % size[2] }
/* The window of place o: [begin, end), and how many places an average counts. */
typedef struct { long begin, end, count; } Window;
static inline Window rt_window(const Args* p, int d, long o) {
  Window w;
  if (p->adaptive) {
    w.begin = o * p->big[d] / p->small_[d];
    w.end = ((o + 1) * p->big[d] + p->small_[d] - 1) / p->small_[d];
    w.count = w.end - w.begin;
  } else {
    const long first = o * p->stride[d] - p->padding[d], last = min(first + p->kernel_[d], p->big[d] + p->padding[d]);
    w.begin = max(first, 0L);
    w.end = max(w.begin, min(last, p->big[d]));
    w.count = p->include_pad ? last - first : w.end - w.begin;
  }
  return w;
}
/* The places whose windows may hold element i: [begin, end). */
static inline Window rt_places(const Args* p, int d, long i) {
  Window w;
  w.count = 0;
  if (p->adaptive) {
    w.begin = i * p->small_[d] / p->big[d];
    w.end = min(((i + 1) * p->small_[d] + p->big[d] - 1) / p->big[d], p->small_[d]);
  } else {
    const long at = i + p->padding[d], reach = (p->kernel_[d] - 1) * p->dilation[d];
    w.begin = at < reach ? 0 : (at - reach + p->stride[d] - 1) / p->stride[d];
    w.end = min(at / p->stride[d] + 1, p->small_[d]);
  }
  return w;
}
#define ARGUMENTS global M* out, global const M* in, global IndexM* indices, global MaskM* mask, const Args p
)";

constexpr const char* kMax = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes * SMALL) return;
  const long o[3] = PLACE(0, p.small_, g);
  const long plane = p.in_at + g / SMALL * BIG, h = p.big[1], w = p.big[2];
  long first[3], from[3], to[3];
  for (int d = 0; d < 3; ++d) {
    if (p.adaptive) {
      const Window v = rt_window(&p, d, o[d]);
      first[d] = v.begin;
      from[d] = 0;
      to[d] = v.end - v.begin;
    } else {
      first[d] = o[d] * p.stride[d] - p.padding[d];
      from[d] = first[d] < 0 ? (-first[d] + p.dilation[d] - 1) / p.dilation[d] : 0;
      to[d] = min(p.kernel_[d], first[d] < p.big[d] ? (p.big[d] - first[d] + p.dilation[d] - 1) / p.dilation[d] : 0L);
    }
  }
#define AT(i, j, k) (((first[0] + (i) * p.dilation[0]) * h + first[1] + (j) * p.dilation[1]) * w + first[2] + (k) * p.dilation[2])
  T best = LOWEST;
  long index = AT(from[0], from[1], from[2]), place = (from[0] * p.kernel_[1] + from[1]) * p.kernel_[2] + from[2];
  for (long i = from[0]; i < to[0]; ++i)
    for (long j = from[1]; j < to[1]; ++j)
      for (long k = from[2]; k < to[2]; ++k) {
        const long here = AT(i, j, k);
        const T v = LOAD(in, plane + here);
        if (v > best || v != v) {
          best = v;
          index = here;
          place = (i * p.kernel_[1] + j) * p.kernel_[2] + k;
        }
      }
  STORE(out, p.out_at + g, best)
  if (p.has_indices) indices[p.indices_at + g] = index;
  if (p.has_mask) mask[p.mask_at + g] = (uchar)place;
}
)";

constexpr const char* kAverage = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes * SMALL) return;
  const long o[3] = PLACE(0, p.small_, g);
  const Window z = rt_window(&p, 0, o[0]), y = rt_window(&p, 1, o[1]), x = rt_window(&p, 2, o[2]);
  const long plane = p.in_at + g / SMALL * BIG;
  T sum = 0;
  for (long i = z.begin; i < z.end; ++i)
    for (long j = y.begin; j < y.end; ++j)
      for (long k = x.begin; k < x.end; ++k) sum += LOAD(in, plane + (i * p.big[1] + j) * p.big[2] + k);
  const T mean = sum / (T)(p.divisor ? p.divisor : z.count * y.count * x.count);
  STORE(out, p.out_at + g, mean)
}
)";

constexpr const char* kAverageBackward = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes * BIG) return;
  const long e[3] = PLACE(0, p.big, g);
  const Window z = rt_places(&p, 0, e[0]), y = rt_places(&p, 1, e[1]), x = rt_places(&p, 2, e[2]);
  const long plane = p.in_at + g / BIG * SMALL;
  T sum = 0;
  for (long i = z.begin; i < z.end; ++i) {
    const Window a = rt_window(&p, 0, i);
    if (e[0] < a.begin || e[0] >= a.end) continue;
    for (long j = y.begin; j < y.end; ++j) {
      const Window b = rt_window(&p, 1, j);
      if (e[1] < b.begin || e[1] >= b.end) continue;
      for (long k = x.begin; k < x.end; ++k) {
        const Window c = rt_window(&p, 2, k);
        if (e[2] < c.begin || e[2] >= c.end) continue;
        sum += LOAD(in, plane + (i * p.small_[1] + j) * p.small_[2] + k) / (T)(p.divisor ? p.divisor : a.count * b.count * c.count);
      }
    }
  }
  STORE(out, p.out_at + g, sum)
}
)";

// The gradient by the position of each maximum in its window.
constexpr const char* kMaskBackward = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes * BIG) return;
  const long e[3] = PLACE(0, p.big, g);
  const Window z = rt_places(&p, 0, e[0]), y = rt_places(&p, 1, e[1]), x = rt_places(&p, 2, e[2]);
  const long plane = g / BIG * SMALL;
  T sum = 0;
#define TAP(d, o) const long t##d = e[d] + p.padding[d] - (o) * p.stride[d], k##d = t##d / p.dilation[d]; \
  if (t##d != k##d * p.dilation[d]) continue;
  for (long i = z.begin; i < z.end; ++i) {
    TAP(0, i)
    for (long j = y.begin; j < y.end; ++j) {
      TAP(1, j)
      for (long k = x.begin; k < x.end; ++k) {
        TAP(2, k)
        const long o = plane + (i * p.small_[1] + j) * p.small_[2] + k;
        if (mask[p.mask_at + o] == (k0 * p.kernel_[1] + k1) * p.kernel_[2] + k2) sum += LOAD(in, p.in_at + o);
      }
    }
  }
  STORE(out, p.out_at + g, sum)
}
)";

constexpr const char* kIndexBackward = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes) return;
  const long big = BIG, small_ = SMALL, plane = p.out_at + g * big;
  for (long i = 0; i < big; ++i) { const T zero = 0; STORE(out, plane + i, zero) }
  for (long i = 0; i < small_; ++i) {
    const long at = indices[p.indices_at + g * small_ + i];
    if (at < 0 || at >= big) continue;
    const T sum = LOAD(out, plane + at) + LOAD(in, p.in_at + g * small_ + i);
    STORE(out, plane + at, sum)
  }
}
)";

constexpr const char* kGather = R"(
kernel void run(ARGUMENTS) {
  const long g = get_global_id(0);
  if (g >= p.planes * SMALL) return;
  long at;
  if (p.has_indices) {
    at = indices[p.indices_at + g];
  } else {
    const long o[3] = PLACE(0, p.small_, g), m = mask[p.mask_at + g];
    const long k[3] = PLACE(0, p.kernel_, m);
    long c[3];
    for (int d = 0; d < 3; ++d) c[d] = o[d] * p.stride[d] - p.padding[d] + k[d] * p.dilation[d];
    at = (c[0] * p.big[1] + c[1]) * p.big[2] + c[2];
  }
  T v = 0;
  if (at >= 0 && at < BIG) v = LOAD(in, p.in_at + g / SMALL * BIG + at);
  STORE(out, p.out_at + g, v)
}
)";

int64_t volume(const std::array<int64_t, 3>& v) { return v[0] * v[1] * v[2]; }

}  // namespace

bool pool(const PoolCall& call) {
  if (call.out.numel() == 0) return true;
  const DType t = call.out.dtype();
  GpuDevice& device = device_of(call.out);
  device.require("pool", t);
  auto at = [](const Tensor& tensor) { return tensor.defined() ? tensor.storage_offset() : 0; };
  PoolArgs p{};
  p.planes = call.planes;
  for (size_t d = 0; d < 3; ++d) {
    p.big[d] = call.big[d];
    p.small[d] = call.small[d];
    p.kernel[d] = call.kernel[d];
    p.stride[d] = call.stride[d];
    p.padding[d] = call.padding[d];
    p.dilation[d] = call.dilation[d];
  }
  p.include_pad = call.count_include_pad;
  p.divisor = call.divisor;
  p.has_indices = call.indices.defined();
  p.has_mask = call.mask.defined();
  p.out_at = at(call.out);
  p.in_at = at(call.in);
  p.indices_at = at(call.indices);
  p.mask_at = at(call.mask);

  const int64_t small = p.planes * volume(call.small), big = p.planes * volume(call.big);
  const bool finds = call.kind == PoolKind::Max || call.kind == PoolKind::AdaptiveMax;
  const char *text = kMax, *name = "max";
  int64_t items = small;
  switch (call.kind) {
    case PoolKind::Max:
      break;
    case PoolKind::AdaptiveMax:
      p.adaptive = 1;
      for (int64_t& d : p.dilation) d = 1;
      break;
    case PoolKind::MaxBackward:
      text = p.has_indices ? kIndexBackward : kMaskBackward;
      name = p.has_indices ? "index_backward" : "mask_backward";
      items = p.has_indices ? p.planes : big;
      break;
    case PoolKind::MaxGather:
      text = kGather;
      name = "gather";
      break;
    case PoolKind::Avg:
    case PoolKind::AdaptiveAvg:
      text = kAverage;
      name = "average";
      p.adaptive = call.kind == PoolKind::AdaptiveAvg;
      break;
    default:
      text = kAverageBackward;
      name = "average_backward";
      items = big;
      p.adaptive = call.kind == PoolKind::AdaptiveAvgBackward;
      for (int64_t& d : p.dilation) d = 1;
  }
  KernelPtr kernel = device.kernel(cat("pool/", name, "/", finds, "/", dtype_name(t)), "run", [&] {
    const char* lowest = is_floating_point(t) ? "(T)-INFINITY" : t == kInt64 ? "LONG_MIN" : "INT_MIN";
    return cat(operand_text("", t), "#define LOWEST ", lowest, "\n#define IndexM ",
               finds ? "long" : "const long", "\n#define MaskM ", finds ? "uchar" : "const uchar", "\n",
               kCommon, text);
  });
  writable(call.out);
  if (finds && call.indices.defined()) writable(call.indices);
  if (finds && call.mask.defined()) writable(call.mask);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in.numel() > 0 ? call.in : call.out);
  launch.in(call.indices.defined() && call.indices.numel() > 0 ? call.indices : call.out);
  launch.in(call.mask.defined() && call.mask.numel() > 0 ? call.mask : call.out).value(p);
  launch.run(items, kLanes);
  return true;
}

}  // namespace rustorch::kernels
