// Convolutions of rank 1 to 3 and their gradients as products whose operands are gathered while they are read
// (implicit im2col): no columns are stored. Layouts are strides, so contiguous and channels-last tensors take
// the same path. A long sum of a weight's gradient is cut into parts, by the shape alone.
#include <algorithm>
#include <array>

#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "backend/kernels/tile.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// Mirrors the struct in the programs. Dimensions z, y, x; I and O are channels of a group.
struct ConvArgs {
  int64_t groups, I, O, batch;
  int64_t in[3], out[3], kernel[3], stride[3], padding[3], dilation[3];
  int64_t x_at, y_at, w_at, bias_at, has_bias, act;
  int64_t x_step[5], y_step[5];  // strides of batch, channel, z, y, x
  int64_t rows, cols, depth, parts, part;
};

// POINT splits a place index of a space of three dimensions.
constexpr const char* kCommon = R"(
typedef struct {
  long groups, I, O, batch, in[3], out[3], kernel_[3], stride[3], padding[3], dilation[3], x_at, y_at, w_at, bias_at, has_bias, act;
  long x_step[5], y_step[5], rows, cols, depth, parts, part;
} Args;
typedef struct { int n, c, z, y, x; } Place;
/* i = ((c * size[0] + z) * size[1] + y) * size[2] + x */
static inline Place rt_place(const long* size, long i) {
  Place p;
  int rest = (int)i, q = rest / (int)size[2];
  p.x = rest - q * (int)size[2];
  rest = q;
  q = rest / (int)size[1];
  p.y = rest - q * (int)size[1];
  rest = q;
  q = size[0] == 1 ? rest : rest / (int)size[0];
  p.z = rest - q * (int)size[0];
  p.n = p.c = q;
  return p;
}
static inline T rt_x(global const M* x, const Args* p, int n, long c, int z, int y, int w) {
  if (z < 0 || z >= p->in[0] || y < 0 || y >= p->in[1] || w < 0 || w >= p->in[2]) return (T)(0);
  return LOAD(x, p->x_at + n * p->x_step[0] + c * p->x_step[1] + z * p->x_step[2] + y * p->x_step[3] + w * p->x_step[4]);
}
/* element of x that the window at place `o` sees through tap `k` */
#define TAP(d, o, k) ((int)((o) * p->stride[d] - p->padding[d] + (k) * p->dilation[d]))
#define ARGUMENTS global M* to, global const M* a, global const M* b, global const M* bias, const Args p
#define TAPS (p.kernel_[0] * p.kernel_[1] * p.kernel_[2])
)";

// Rows: output channels; columns: (image, place of y); summed: (input channel, tap). a: w, b: x.
constexpr const char* kForward = R"(
#define BEGIN const long g = batch; const Place col = rt_place(p.out, col0 + item % 32);
#define A(r, q) ((r) < p.O && (q) < p.depth ? LOAD(a, p.w_at + (g * p.O + (r)) * p.depth + (q)) : (T)(0))
static inline T rt_b(global const M* x, const Args* p, long g, Place col, long q, long c) {
  if (q >= p->depth || c >= p->cols) return (T)(0);
  const Place k = rt_place(p->kernel_, q);
  return rt_x(x, p, col.n, g * p->I + k.c, TAP(0, col.z, k.z), TAP(1, col.y, k.y), TAP(2, col.x, k.x));
}
#define B(q, c) rt_b(b, &p, g, col, q, c)
#define A_ALONG_Q 1
#define B_ALONG_Q 0
#define Q_BEGIN 0
#define Q_END p.depth
#define RESULT(r, c, v) if ((r) < p.O && (c) < p.cols) { \
    const Place o = rt_place(p.out, c); \
    const long channel = g * p.O + (r); \
    T sum = v; \
    if (p.has_bias) sum += LOAD(bias, p.bias_at + channel); \
    sum = activate(sum, p.act); \
    STORE(to, p.y_at + o.n * p.y_step[0] + channel * p.y_step[1] + o.z * p.y_step[2] + o.y * p.y_step[3] + o.x * p.y_step[4], sum) \
  }
)";

// Rows: input channels; columns: (image, place of x); summed: (output channel, tap). a: w, b: y.
constexpr const char* kData = R"(
#define BEGIN const long g = batch, taps = TAPS; const Place col = rt_place(p.in, col0 + item % 32);
#define A(r, q) ((r) < p.I && (q) < p.depth ? LOAD(a, p.w_at + ((g * p.O + (q) / taps) * p.I + (r)) * taps + (q) % taps) : (T)(0))
static inline int rt_window(const Args* p, int d, int i, int k) {
  const int t = i + (int)p->padding[d] - k * (int)p->dilation[d], o = t / (int)p->stride[d];
  return t < 0 || t != o * (int)p->stride[d] || o >= p->out[d] ? -1 : o;
}
static inline T rt_b(global const M* y, const Args* p, long g, Place col, long q, long c) {
  if (q >= p->depth || c >= p->cols) return (T)(0);
  const Place k = rt_place(p->kernel_, q);
  const int z = rt_window(p, 0, col.z, k.z), v = rt_window(p, 1, col.y, k.y), u = rt_window(p, 2, col.x, k.x);
  if (z < 0 || v < 0 || u < 0) return (T)(0);
  return LOAD(y, p->y_at + col.n * p->y_step[0] + (g * p->O + k.c) * p->y_step[1] + z * p->y_step[2] + v * p->y_step[3] + u * p->y_step[4]);
}
#define B(q, c) rt_b(b, &p, g, col, q, c)
#define A_ALONG_Q 0
#define B_ALONG_Q 0
#define Q_BEGIN 0
#define Q_END p.depth
#define RESULT(r, c, v) if ((r) < p.I && (c) < p.cols) { \
    const Place o = rt_place(p.in, c); \
    const T sum = v; \
    STORE(to, p.x_at + o.n * p.x_step[0] + (g * p.I + (r)) * p.x_step[1] + o.z * p.x_step[2] + o.y * p.x_step[3] + o.x * p.x_step[4], sum) \
  }
)";

// Rows: output channels; columns: (input channel, tap); summed: (image, place of y). a: y, b: x.
constexpr const char* kWeight = R"(
#define BEGIN const long g = batch / p.parts, s = batch % p.parts; const Place col = rt_place(p.kernel_, col0 + item % 32);
static inline T rt_a(global const M* y, const Args* p, long g, long r, long q, long end) {
  if (r >= p->O || q >= end) return (T)(0);
  const Place o = rt_place(p->out, q);
  return LOAD(y, p->y_at + o.n * p->y_step[0] + (g * p->O + r) * p->y_step[1] + o.z * p->y_step[2] + o.y * p->y_step[3] + o.x * p->y_step[4]);
}
static inline T rt_b(global const M* x, const Args* p, long g, Place k, long q, long c, long end) {
  if (q >= end || c >= p->cols) return (T)(0);
  const Place o = rt_place(p->out, q);
  return rt_x(x, p, o.n, g * p->I + k.c, TAP(0, o.z, k.z), TAP(1, o.y, k.y), TAP(2, o.x, k.x));
}
#define A(r, q) rt_a(a, &p, g, r, q, min(p.depth, (s + 1) * p.part))
#define B(q, c) rt_b(b, &p, g, col, q, c, min(p.depth, (s + 1) * p.part))
#define A_ALONG_Q 1
#define B_ALONG_Q 0
#define Q_BEGIN (s * p.part)
#define Q_END min(p.depth, (s + 1) * p.part)
#define RESULT(r, c, v) if ((r) < p.O && (c) < p.cols) { \
    const T sum = v; \
    STORE(to, p.w_at + ((s * p.groups + g) * p.O + (r)) * p.cols + (c), sum) \
  }
)";

bool make_args(const ConvCall& call, ConvArgs* p) {
  *p = {};
  p->groups = call.groups;
  p->batch = call.x.size(0);
  p->I = call.x.size(1) / call.groups;
  p->O = call.y.size(1) / call.groups;
  auto steps = [&](const Tensor& t, int64_t* step) {
    step[0] = t.stride(0);
    step[1] = t.stride(1);
    for (int d = 0; d < call.rank; ++d) step[5 - call.rank + d] = t.stride(2 + d);
  };
  for (int d = 0; d < 3; ++d) p->in[d] = p->out[d] = p->kernel[d] = p->stride[d] = p->dilation[d] = 1;
  for (int d = 0; d < call.rank; ++d) {
    const int to = 3 - call.rank + d;
    const auto from = static_cast<size_t>(d);
    p->in[to] = call.x.size(2 + d);
    p->out[to] = call.y.size(2 + d);
    p->kernel[to] = call.w.size(2 + d);
    p->stride[to] = call.stride[from];
    p->padding[to] = call.padding[from];
    p->dilation[to] = call.dilation[from];
  }
  steps(call.x, p->x_step);
  steps(call.y, p->y_step);
  p->x_at = call.x.storage_offset();
  p->y_at = call.y.storage_offset();
  p->w_at = call.w.storage_offset();
  p->has_bias = call.bias.defined();
  p->bias_at = call.bias.defined() ? call.bias.storage_offset() : 0;
  p->act = static_cast<int64_t>(call.act);
  p->parts = 1;
  return call.x.numel() < INT32_MAX && call.y.numel() < INT32_MAX && call.w.numel() < INT32_MAX;
}

int64_t volume(const int64_t (&v)[3]) { return v[0] * v[1] * v[2]; }

}  // namespace

bool convolution(const ConvCall& call) {
  ConvArgs p;
  if (call.x.numel() == 0 || call.y.numel() == 0 || call.w.numel() == 0 || !make_args(call, &p)) return false;
  const DType dtype = call.y.dtype();
  const ComputeType t = compute_type_of(dtype);
  const bool forward = call.kind == ConvKind::Forward, data = call.kind == ConvKind::BackwardData;
  if (call.bias.defined() && !forward) return false;
  const Tensor& result = forward ? call.y : data ? call.x : call.w;
  GpuDevice& device = device_of(result);
  if (device.capabilities().max_work_group < kTileItems * kTileItems) return false;
  device.require("convolution", dtype);
  const int64_t taps = volume(p.kernel);
  p.rows = forward ? p.O : data ? p.I : p.O;
  p.cols = forward ? p.batch * volume(p.out) : data ? p.batch * volume(p.in) : p.I * taps;
  p.depth = forward ? p.I * taps : data ? p.O * taps : p.batch * volume(p.out);
  Tensor to = result;
  p.part = p.depth;
  if (!forward && !data) {
    const int64_t tiles = (p.rows + 31) / 32 * ((p.cols + 31) / 32) * p.groups;
    p.parts = std::clamp<int64_t>(std::min(p.depth / 512, 64 / tiles), 1, 32);
    p.part = ((p.depth + p.parts - 1) / p.parts + 15) / 16 * 16;
    if (p.parts > 1) {
      to = scratch(result, p.parts * result.numel(), dtype);
      p.w_at = 0;
    }
  }
  KernelPtr kernel =
      device.kernel(cat("convolution/", static_cast<int>(call.kind), "/", dtype_name(dtype)), "run", [&] {
        return cat(operand_text("", dtype), "#define IS_REAL ", is_real(t) ? 1 : 0, "\n",
                   t == ComputeType::f64 ? kActivateConstants64 : kActivateConstants32, kActivateText,
                   kCommon,
                   forward ? kForward
                   : data  ? kData
                           : kWeight,
                   kTileText);
      });
  writable(to);
  {
    Launch launch(device, kernel);
    launch.in(to).in(forward || data ? call.w : call.y).in(data ? call.y : call.x);
    launch.in(call.bias.defined() ? call.bias : to).value(p);
    launch.run({tile_items(p.cols), tile_items(p.rows), static_cast<size_t>(p.groups * p.parts)},
               {kTileItems, kTileItems, 1});
  }
  if (p.parts > 1) {
    const int64_t sizes[] = {p.parts, result.numel()}, strides[] = {result.numel(), 1}, one[] = {1};
    const Tensor parts = alias(to, IntArrayRef(sizes, 2), IntArrayRef(strides, 2), 0, dtype);
    const Tensor sum =
        alias(result, IntArrayRef(sizes + 1, 1), IntArrayRef(one, 1), result.storage_offset(), dtype);
    backend_for(result).reduce({ReduceKind::Sum, sum, parts, 1});
  }
  return true;
}

}  // namespace rustorch::kernels
