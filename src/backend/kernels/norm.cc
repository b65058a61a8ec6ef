// Batch, layer (and RMS) and group normalisation, forward and backward.
//
// A group of 64 items makes each statistic: of a channel (batch), a row (layer) or a run of channels (group).
// Gradients of the parameters of a layer norm are sums over rows, taken in chunks whose partial sums are then
// added in order.
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// Mirrors the struct in the programs.
struct NormArgs {
  int64_t outer, channels, inner, groups, channels_last, training, centered, has_weight, has_bias, has_mean;
  int64_t has_out, has_grad_weight, has_grad_bias;
  int64_t out_at, in_at, grad_at, mean_at, rstd_at, weight_at, bias_at, grad_weight_at, grad_bias_at;
};

constexpr const char* kCommon = R"(
typedef struct {
  long outer, channels, inner, groups, channels_last, training, centered, has_weight, has_bias, has_mean;
  long has_out, has_grad_weight, has_grad_bias;
  long out_at, in_at, grad_at, mean_at, rstd_at, weight_at, bias_at, grad_weight_at, grad_bias_at;
} Args;
#define GROUP RT_GROUP(64, 1)
static inline T rt_sum(local T* part, T v) {
  const int lane = get_local_id(0);
  part[lane] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int span = 32; span > 0; span /= 2) {
    if (lane < span) part[lane] += part[lane + span];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const T all = part[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return all;
}
/* element e of channel c */
static inline long rt_at(const Args* p, long c, long e) {
  const long n = e / p->inner, i = e - n * p->inner;
  return p->channels_last ? e * p->channels + c : (n * p->channels + c) * p->inner + i;
}
#define WEIGHT(c) (p.has_weight ? weight[p.weight_at + (c)] : (T)1)
#define BIAS(c) (p.has_bias ? bias[p.bias_at + (c)] : (T)0)
#define FORWARD_ARGUMENTS global T* out, global const T* in, global T* mean, global T* rstd, global const T* weight, global const T* bias, \
    const T eps, const Args p
#define BACKWARD_ARGUMENTS global T* out, global const T* in, global const T* grad, global const T* mean, global const T* rstd, \
    global const T* weight, global T* grad_weight, global T* grad_bias, const Args p
)";

constexpr const char* kBatch = R"(
GROUP void run(FORWARD_ARGUMENTS) {
  RT_SHARED T part[64];
  const long c = get_group_id(0), lane = get_local_id(0), n = p.outer * p.inner;
  const long counted = p.training ? n : 0; /* barriers are reached by all, whatever the arguments */
  T m = 0, r = 0;
  for (long e = lane; e < counted; e += 64) m += in[p.in_at + rt_at(&p, c, e)];
  m = rt_sum(part, m) / (T)n;
  for (long e = lane; e < counted; e += 64) { const T d = in[p.in_at + rt_at(&p, c, e)] - m; r += d * d; }
  r = (T)1 / sqrt(rt_sum(part, r) / (T)n + eps);
  if (!p.training) {
    m = mean[p.mean_at + c];
    r = rstd[p.rstd_at + c];
  } else if (lane == 0) {
    mean[p.mean_at + c] = m;
    rstd[p.rstd_at + c] = r;
  }
  const T a = WEIGHT(c) * r, b = BIAS(c) - m * a;
  for (long e = lane; e < n; e += 64) { const long at = rt_at(&p, c, e); out[p.out_at + at] = a * in[p.in_at + at] + b; }
}
)";

constexpr const char* kBatchBackward = R"(
GROUP void run(BACKWARD_ARGUMENTS) {
  RT_SHARED T part[64];
  const long c = get_group_id(0), lane = get_local_id(0), n = p.outer * p.inner;
  const T m = mean[p.mean_at + c], r = rstd[p.rstd_at + c];
  T s0 = 0, s1 = 0;
  for (long e = lane; e < n; e += 64) {
    const long at = rt_at(&p, c, e);
    const T g = grad[p.grad_at + at];
    s0 += g;
    s1 += g * (in[p.in_at + at] - m);
  }
  s0 = rt_sum(part, s0);
  s1 = rt_sum(part, s1);
  if (lane == 0 && p.has_grad_weight) grad_weight[p.grad_weight_at + c] = s1 * r;
  if (lane == 0 && p.has_grad_bias) grad_bias[p.grad_bias_at + c] = s0;
  if (!p.has_out) return;
  const T a = WEIGHT(c) * r, b = p.training ? -a * r * r * s1 / (T)n : (T)0, shift = p.training ? -b * m - a * s0 / (T)n : (T)0;
  for (long e = lane; e < n; e += 64) {
    const long at = rt_at(&p, c, e);
    out[p.out_at + at] = a * grad[p.grad_at + at] + b * in[p.in_at + at] + shift;
  }
}
)";

// A row is the run of elements with one mean: CHANNEL(i) of its element i.
constexpr const char* kRows = R"(
#if LAYER
#define LENGTH p.channels
#define CHANNEL(row, i) (i)
#else
#define LENGTH (p.channels / p.groups * p.inner)
#define CHANNEL(row, i) ((row) % p.groups * (p.channels / p.groups) + (i) / p.inner)
#endif
)";

constexpr const char* kRowForward = R"(
GROUP void run(FORWARD_ARGUMENTS) {
  RT_SHARED T part[64];
  const long row = get_group_id(0), lane = get_local_id(0), n = LENGTH, at = row * n;
  T m = 0, r = 0;
  for (long i = lane; i < (p.centered ? n : 0); i += 64) m += in[p.in_at + at + i];
  m = rt_sum(part, m) / (T)n;
  for (long i = lane; i < n; i += 64) { const T d = in[p.in_at + at + i] - m; r += d * d; }
  r = (T)1 / sqrt(rt_sum(part, r) / (T)n + eps);
  if (lane == 0 && p.has_mean) mean[p.mean_at + row] = m;
  if (lane == 0) rstd[p.rstd_at + row] = r;
  for (long i = lane; i < n; i += 64)
    out[p.out_at + at + i] = (in[p.in_at + at + i] - m) * r * WEIGHT(CHANNEL(row, i)) + BIAS(CHANNEL(row, i));
}
)";

constexpr const char* kRowBackward = R"(
GROUP void run(BACKWARD_ARGUMENTS) {
  RT_SHARED T part[64];
  const long row = get_group_id(0), lane = get_local_id(0), n = LENGTH, at = row * n;
  const T m = p.has_mean ? mean[p.mean_at + row] : (T)0, r = rstd[p.rstd_at + row];
  T s0 = 0, s1 = 0;
  for (long i = lane; i < n; i += 64) {
    const T g = grad[p.grad_at + at + i] * WEIGHT(CHANNEL(row, i));
    s0 += p.centered ? g : (T)0;
    s1 += g * (in[p.in_at + at + i] - m) * r;
  }
  s0 = rt_sum(part, s0) / (T)n;
  s1 = rt_sum(part, s1) / (T)n;
  for (long i = lane; i < n; i += 64) {
    const T g = grad[p.grad_at + at + i] * WEIGHT(CHANNEL(row, i)), h = (in[p.in_at + at + i] - m) * r;
    out[p.out_at + at + i] = r * (g - s0 - h * s1);
  }
}
)";

// Partial sums for the parameters: chunk k of the rows, channel c, at (k * channels + c) of the two buffers.
constexpr const char* kParameters = R"(
kernel void run(BACKWARD_ARGUMENTS, const long chunks) {
  const long g = get_global_id(0);
  if (g >= chunks * p.channels) return;
  const long k = g / p.channels, c = g % p.channels;
  const long n = p.outer * (LAYER ? 1 : p.inner), step = (n + chunks - 1) / chunks;
  T w = 0, b = 0;
  for (long e = k * step; e < min((k + 1) * step, n); ++e) {
    const long o = LAYER ? e : e / p.inner;
    const long at = LAYER ? e * p.channels + c : (o * p.channels + c) * p.inner + e % p.inner;
    const long row = LAYER ? e : o * p.groups + c / (p.channels / p.groups);
    const T v = grad[p.grad_at + at];
    w += v * (in[p.in_at + at] - (p.has_mean ? mean[p.mean_at + row] : (T)0)) * rstd[p.rstd_at + row];
    b += v;
  }
  grad_weight[g] = w;
  grad_bias[g] = b;
}
)";

constexpr const char* kJoin = R"(
kernel void run(global T* out, global const T* parts, const long at, const long channels, const long chunks) {
  const long c = get_global_id(0);
  if (c >= channels) return;
  T sum = 0;
  for (long k = 0; k < chunks; ++k) sum += parts[k * channels + c];
  out[at + c] = sum;
}
)";

int64_t at(const Tensor& t) { return t.defined() ? t.storage_offset() : 0; }

class Norm {
 public:
  explicit Norm(const NormCall& call) : c_(call), device_(device_of(call.in)), dtype_(call.in.dtype()) {
    p_ = {c_.outer,
          c_.channels,
          c_.inner,
          c_.groups,
          c_.channels_last,
          c_.training,
          c_.centered,
          c_.weight.defined(),
          c_.bias.defined(),
          c_.mean.defined(),
          c_.out.defined(),
          c_.grad_weight.defined(),
          c_.grad_bias.defined(),
          at(c_.out),
          at(c_.in),
          at(c_.grad),
          at(c_.mean),
          at(c_.rstd),
          at(c_.weight),
          at(c_.bias),
          at(c_.grad_weight),
          at(c_.grad_bias)};
  }

  void forward(const char* name, const char* text, int64_t groups) const {
    KernelPtr k = kernel(name, text);
    writable(c_.out);
    if (c_.mean.defined()) writable(c_.mean);
    writable(c_.rstd);
    Launch launch(device_, k);
    launch.in(c_.out).in(c_.in).in(or_in(c_.mean)).in(c_.rstd).in(or_in(c_.weight)).in(or_in(c_.bias));
    add_number(launch, compute_type_of(dtype_), c_.eps);
    launch.value(p_);
    launch.run(groups * kLanes, kLanes);
  }

  void backward(const char* name, const char* text, int64_t groups) const {
    KernelPtr k = kernel(name, text);
    for (const Tensor* t : {&c_.out, &c_.grad_weight, &c_.grad_bias})
      if (t->defined()) writable(*t);
    Launch launch(device_, k);
    arguments(launch, c_.grad_weight, c_.grad_bias);
    launch.run(groups * kLanes, kLanes);
  }

  void parameters() const {
    if (!c_.grad_weight.defined() && !c_.grad_bias.defined()) return;
    const int64_t n = c_.kind == NormKind::LayerBackward ? c_.outer : c_.outer * c_.inner;
    const int64_t chunks = n >= 128 ? 32 : 1;
    const Tensor w = scratch(c_.in, chunks * c_.channels, dtype_),
                 b = scratch(c_.in, chunks * c_.channels, dtype_);
    KernelPtr k = kernel("parameters", kParameters);
    {
      Launch launch(device_, k);
      arguments(launch, w, b);
      launch.value(chunks);
      launch.run(chunks * c_.channels, kLanes);
    }
    KernelPtr join = kernel("join", kJoin);
    for (const auto& [to, from] : {std::pair{&c_.grad_weight, &w}, std::pair{&c_.grad_bias, &b}}) {
      if (!to->defined()) continue;
      writable(*to);
      Launch launch(device_, join);
      launch.in(*to).in(*from).value(at(*to)).value(c_.channels).value(chunks);
      launch.run(c_.channels, kLanes);
    }
  }

 private:
  const Tensor& or_in(const Tensor& t) const { return t.defined() ? t : c_.in; }
  void arguments(Launch& launch, const Tensor& grad_weight, const Tensor& grad_bias) const {
    launch.in(or_in(c_.out)).in(c_.in).in(c_.grad).in(or_in(c_.mean)).in(c_.rstd).in(or_in(c_.weight));
    launch.in(or_in(grad_weight)).in(or_in(grad_bias)).value(p_);
  }
  KernelPtr kernel(const char* name, const char* text) const {
    const int layer = c_.kind == NormKind::Layer || c_.kind == NormKind::LayerBackward ? 1 : 0;
    return device_.kernel(cat("norm/", name, "/", layer, "/", dtype_name(dtype_)), "run", [&] {
      return cat("#define T ", memory_type(dtype_), "\n#define LAYER ", layer, "\n", kCommon, kRows, text);
    });
  }

  const NormCall& c_;
  GpuDevice& device_;
  DType dtype_;
  NormArgs p_;
};

}  // namespace

bool norm(const NormCall& call) {
  GpuDevice& device = device_of(call.in);
  const DType t = call.in.dtype();
  if (call.in.numel() == 0 || (t != kFloat32 && t != kFloat64)) return false;
  if (device.capabilities().max_work_group < kLanes) return false;
  device.require("norm", t);
  const Norm norm(call);
  switch (call.kind) {
    case NormKind::Batch:
      norm.forward("batch", kBatch, call.channels);
      break;
    case NormKind::BatchBackward:
      norm.backward("batch_backward", kBatchBackward, call.channels);
      break;
    case NormKind::Layer:
      norm.forward("rows", kRowForward, call.outer);
      break;
    case NormKind::Group:
      norm.forward("rows", kRowForward, call.outer * call.groups);
      break;
    case NormKind::LayerBackward:
    case NormKind::GroupBackward:
      if (call.out.defined())
        norm.backward("rows_backward", kRowBackward,
                      call.kind == NormKind::LayerBackward ? call.outer : call.outer * call.groups);
      norm.parameters();
  }
  return true;
}

}  // namespace rustorch::kernels
