// Losses of class indices. Per-position losses and the results come from one program of three kernels; sums
// over positions are made by one group in a fixed order, or, when there are many, by the reductions.
//
// A target that is no class is found on the device and reported before the call returns, as on the CPU: this
// waits for the device once for each loss.
#include <climits>

#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/source.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kManyPositions = 4096;

// Mirrors the struct in the programs.
struct Args {
  int64_t positions, classes, inner, ignore;
  int64_t x_at, target_at, weight_at, out_at, lse_at, total_at, grad_at;
  int64_t has_weight, has_total, mean, none, cross_entropy;
};

constexpr const char* kArgs = R"(
typedef struct {
  long positions, classes, inner, ignore, x_at, target_at, weight_at, out_at, lse_at, total_at, grad_at;
  long has_weight, has_total, mean, none, cross_entropy;
} Args;
)";

// The loss of each position, into losses[]; cross entropy keeps its largest logit and the
// logarithm of the sum. first_bad: the first
// position whose target is no class.
constexpr const char* kPositions = R"(
kernel void run(global const T* x, global const long* target, global const T* weight, global T* losses, global T* lse,
                volatile global int* first_bad, const T smoothing, const Args p) {
  const long g = get_global_id(0);
  if (g >= p.positions) return;
  const long t = target[p.target_at + g];
  global const T* row = x + p.x_at + g / p.inner * p.classes * p.inner + g % p.inner;
  const bool used = t != p.ignore, good = t >= 0 && t < p.classes;
  if (used && !good) atomic_min(first_bad, (int)min(g, (long)INT_MAX));
  T total = 0;
  const T w = used && good ? (p.has_weight ? weight[p.weight_at + t] : (T)1) : (T)0;
  if (p.cross_entropy) {
    T top = -INFINITY, sum = 0;
    for (long c = 0; c < p.classes; ++c) top = fmax(top, row[c * p.inner]);
    for (long c = 0; c < p.classes; ++c) sum += exp(row[c * p.inner] - top);
    const T l = log(sum);
    lse[p.lse_at + g] = top;
    lse[p.lse_at + p.positions + g] = l;
    if (used && good) {
      total = w * (top - row[t * p.inner] + l);
      if (smoothing > 0) {
        T spread = 0;
        for (long c = 0; c < p.classes; ++c) spread += (p.has_weight ? weight[p.weight_at + c] : (T)1) * (top - row[c * p.inner] + l);
        total = ((T)1 - smoothing) * total + smoothing / (T)p.classes * spread;
      }
    }
  } else if (used && good) {
    total = -w * row[t * p.inner];
  }
  losses[(p.none ? p.out_at : 0) + g] = total;
}
)";

// Sums of losses and of the weights that counted: out (mean or sum) and total.
constexpr const char* kSums = R"(
RT_GROUP(64, 1)
void run(global const T* losses, global const long* target, global const T* weight, global T* out, global T* total, const Args p) {
  RT_SHARED T a[64], b[64];
  const int lane = get_local_id(0);
  T sum = 0, weights = 0;
  for (long g = lane; g < p.positions; g += 64) {
    const long t = target[p.target_at + g];
    if (!p.none) sum += losses[g];
    if (t != p.ignore && t >= 0 && t < p.classes) weights += p.has_weight ? weight[p.weight_at + t] : (T)1;
  }
  a[lane] = sum;
  b[lane] = weights;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (lane == 0) {
    for (int k = 1; k < 64; ++k) {
      sum += a[k];
      weights += b[k];
    }
    if (p.has_total) total[p.total_at] = weights;
    if (!p.none) out[p.out_at] = p.mean ? sum / weights : sum;
  }
}
)";

// For many positions: the weights that count, and the results from the sums of both.
constexpr const char* kWeights = R"(
kernel void run(global const long* target, global const T* weight, global T* used, const Args p) {
  const long g = get_global_id(0);
  if (g >= p.positions) return;
  const long t = target[p.target_at + g];
  T w = 0;
  if (t != p.ignore && t >= 0 && t < p.classes) w = p.has_weight ? weight[p.weight_at + t] : (T)1;
  used[g] = w;
}
)";

constexpr const char* kResults = R"(
kernel void run(global const T* sums, global T* out, global T* total, const Args p) {
  if (get_global_id(0) > 0) return;
  if (p.has_total) total[p.total_at] = sums[1];
  if (!p.none) out[p.out_at] = p.mean ? sums[0] / sums[1] : sums[0];
}
)";

// The gradient: one item for each element of the input.
constexpr const char* kGradient = R"(
kernel void run(global const T* x, global const long* target, global const T* weight, global T* out, global const T* lse,
                global const T* total, global const T* grad, const T smoothing, const T weight_sum, const Args p) {
  const long e = get_global_id(0);
  if (e >= p.positions * p.classes) return;
  const long j = e % p.inner, c = e / p.inner % p.classes, g = e / (p.inner * p.classes) * p.inner + j;
  const long t = target[p.target_at + g];
  T v = 0;
  if (t != p.ignore && t >= 0 && t < p.classes) {
    T scale = grad[p.grad_at + (p.none ? g : 0)];
    if (p.mean) scale = scale / total[p.total_at];
    const T w = p.has_weight ? weight[p.weight_at + t] : (T)1;
    if (p.cross_entropy) {
      const T spread = smoothing / (T)p.classes, wc = p.has_weight && smoothing > 0 ? weight[p.weight_at + c] : (T)1;
      v = scale * (((T)1 - smoothing) * w + spread * weight_sum) * exp(x[p.x_at + e] - lse[p.lse_at + g] - lse[p.lse_at + p.positions + g]) - scale * spread * wc;
      if (c == t) v -= scale * ((T)1 - smoothing) * w;
    } else if (c == t) {
      v = -w * scale;
    }
  }
  out[p.out_at + e] = v;
}
)";

class Loss {
 public:
  explicit Loss(const ClassLossCall& call)
      : call_(call), device_(device_of(call.out)), dtype_(call.out.dtype()) {
    auto at = [](const Tensor& t) { return t.defined() ? t.storage_offset() : 0; };
    p_ = {call.outer * call.inner,
          call.classes,
          call.inner,
          call.ignore_index,
          at(call.input),
          at(call.target),
          at(call.weight),
          at(call.out),
          at(call.lse),
          at(call.total_weight),
          at(call.grad),
          call.weight.defined(),
          call.total_weight.defined(),
          call.reduction == Reduction::Mean,
          call.reduction == Reduction::None,
          call.kind == ClassLossKind::CrossEntropy || call.kind == ClassLossKind::CrossEntropyBackward};
  }

  void forward() {
    const bool none = p_.none != 0;
    const Tensor losses = none ? call_.out : scratch(p_.positions, dtype_);
    if (p_.positions > 0) positions(losses);
    if (none && !call_.total_weight.defined()) return;
    if (none) {
      backend_for(call_.out).fill(call_.total_weight, 0);
      return;
    }
    sums(losses, call_.total_weight, call_.out, p_);
  }

  void backward() {
    Tensor total = call_.out;  // not looked at unless the loss is a mean
    if (p_.mean) {
      total = scratch(1, dtype_);
      Args p = p_;
      p.none = p.has_total = 1;
      p.total_at = p_.total_at = 0;
      sums(call_.grad, total, total, p);
    }
    double weight_sum = static_cast<double>(p_.classes);
    if (call_.weight.defined() && call_.label_smoothing > 0) {
      const Tensor sum = scratch(1, dtype_);
      ReduceCall reduction{ReduceKind::Sum, sum, call_.weight, 1};
      backend_for(call_.out).reduce(reduction);
      weight_sum = sum.item().to_double();
    }
    writable(call_.out);
    KernelPtr k = kernel("gradient", kGradient);
    Launch launch(device_, k);
    launch.in(or_out(call_.input))
        .in(call_.target)
        .in(or_out(call_.weight))
        .in(call_.out)
        .in(or_out(call_.lse))
        .in(total)
        .in(call_.grad);
    number(launch, call_.label_smoothing);
    number(launch, weight_sum);
    launch.value(p_);
    launch.run(p_.positions * p_.classes, kLanes);
  }

 private:
  const Tensor& or_out(const Tensor& t) const { return t.defined() ? t : call_.out; }

  Tensor scratch(int64_t n, DType t) const {
    const Device where = call_.out.device();
    Storage* s = backend_for(where.type)
                     .allocate(static_cast<size_t>(std::max<int64_t>(n, 1)) * element_size(t), where);
    return Tensor(new TensorImpl(s, IntArrayRef(&n, 1), t, where));
  }
  KernelPtr kernel(const char* name, const char* text) const {
    return device_.kernel(cat("class_loss/", name, "/", dtype_name(dtype_)), "run",
                          [&] { return cat("#define T ", memory_type(dtype_), "\n", kArgs, text); });
  }
  void number(Launch& launch, double v) const { add_number(launch, compute_type_of(dtype_), v); }

  void positions(const Tensor& losses) const {
    const Tensor bad = scratch(1, kInt32);
    backend_for(bad).fill(bad, INT_MAX);
    writable(losses);
    if (call_.lse.defined()) writable(call_.lse);
    KernelPtr k = kernel("positions", kPositions);
    {
      Launch launch(device_, k);
      launch.in(call_.input)
          .in(call_.target)
          .in(or_out(call_.weight))
          .in(losses)
          .in(or_out(call_.lse))
          .in(bad);
      number(launch, call_.label_smoothing);
      launch.value(p_);
      launch.run(p_.positions, kLanes);
    }
    int32_t first = 0;
    device_.read(*bad.impl()->storage(), 0, &first, sizeof first);
    if (first == INT_MAX) return;
    int64_t target = 0;
    device_.read(*call_.target.impl()->storage(), static_cast<size_t>(p_.target_at + first) * sizeof target,
                 &target, sizeof target);
    raise(ErrorKind::Index, "nll_loss", cat("Target ", target, " is out of bounds."));
  }

  void sums(const Tensor& losses, const Tensor& total, const Tensor& out, const Args& p) const {
    writable(out);
    if (total.defined()) writable(total);
    if (p.positions > kManyPositions) return many_sums(losses, total, out, p);
    KernelPtr k = kernel("sums", kSums);
    Launch launch(device_, k);
    launch.in(losses)
        .in(call_.target)
        .in(or_out(call_.weight))
        .in(out)
        .in(total.defined() ? total : out)
        .value(p);
    launch.run(kLanes, kLanes);
  }

  void many_sums(const Tensor& losses, const Tensor& total, const Tensor& out, const Args& p) const {
    const Tensor used = scratch(p.positions, dtype_), results = scratch(2, dtype_);
    {
      KernelPtr k = kernel("weights", kWeights);
      Launch launch(device_, k);
      launch.in(call_.target).in(or_out(call_.weight)).in(used).value(p);
      launch.run(p.positions, kLanes);
    }
    auto add_up = [&](const Tensor& numbers, int64_t to) {
      const int64_t stride = 1;
      const IntArrayRef size(&p.positions, 1), one(&stride, 1);
      const Tensor line = alias(numbers, size, one, numbers.storage_offset(), dtype_);
      backend_for(out).reduce({ReduceKind::Sum, alias(results, {}, {}, to, dtype_), line, 1});
    };
    if (p.none == 0) add_up(losses, 0);
    add_up(used, 1);
    KernelPtr k = kernel("results", kResults);
    Launch launch(device_, k);
    launch.in(results).in(out).in(total.defined() ? total : out).value(p);
    launch.run(1, kLanes);
  }

  const ClassLossCall& call_;
  GpuDevice& device_;
  DType dtype_;
  Args p_;
};

}  // namespace

bool class_loss(const ClassLossCall& call) {
  const bool forward = call.kind == ClassLossKind::CrossEntropy || call.kind == ClassLossKind::Nll;
  GpuDevice& device = device_of(call.out);
  device.require("cross_entropy", call.out.dtype());
  if (call.classes == 0 || device.capabilities().max_work_group < kLanes) return false;
  if (forward)
    Loss(call).forward();
  else
    Loss(call).backward();
  return true;
}

}  // namespace rustorch::kernels
