// Attention as batched products around one kernel that works on the rows of the scores. The scores of all
// heads are stored; the backward makes the probabilities again from the rows' log-sum-exp.
#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// scores: [rows, n] -> probabilities, in place; BACKWARD: also grads -> gradient of the scores, in place.
constexpr const char* kRows = R"(
RT_GROUP(64, 1)
void run(global T* scores, global T* grads, global T* lse, const long lse_at, const long n, const long queries, const int causal) {
  RT_SHARED T part[64];
  const long row = get_group_id(0), lane = get_local_id(0), seen = causal ? min(n, row % queries + 1) : n;
  global T* s = scores + row * n;
#if BACKWARD
  global T* g = grads + row * n;
  const T l = lse[lse_at + row];
  T sum = 0;
  for (long i = lane; i < seen; i += 64) {
    const T p = exp(s[i] - l);
    s[i] = p;
    sum += p * g[i];
  }
  sum = rt_fold(part, sum, false);
  for (long i = lane; i < n; i += 64) {
    g[i] = i < seen ? s[i] * (g[i] - sum) : (T)0;
    if (i >= seen) s[i] = 0;
  }
#else
  T top = -INFINITY, sum = 0;
  for (long i = lane; i < seen; i += 64) top = fmax(top, s[i]);
  top = rt_fold(part, top, true);
  for (long i = lane; i < seen; i += 64) sum += exp(s[i] - top);
  sum = rt_fold(part, sum, false);
  for (long i = lane; i < n; i += 64) s[i] = i < seen ? exp(s[i] - top) / sum : (T)0;
  if (lane == 0) lse[lse_at + row] = top + log(sum);
#endif
}
)";

/// [batch, heads, rows, cols] as [batch * heads, rows, cols]; a contiguous copy when the strides do not allow
/// it.
Tensor merged(const Tensor& t) {
  const int64_t sizes[] = {t.size(0) * t.size(1), t.size(2), t.size(3)};
  const bool even = t.size(0) == 1 || t.size(1) == 1 || t.stride(0) == t.size(1) * t.stride(1);
  const Tensor from = even ? t : as_contiguous(t);
  const int64_t head = from.size(1) == 1 ? from.stride(0) : from.stride(1);
  const int64_t strides[] = {head, from.stride(2), from.stride(3)};
  return alias(from, IntArrayRef(sizes, 3), IntArrayRef(strides, 3), from.storage_offset(), t.dtype());
}

Tensor matrices(const Tensor& beside, int64_t batch, int64_t rows, int64_t cols) {
  const Tensor flat = scratch(beside, batch * rows * cols, beside.dtype());
  const int64_t sizes[] = {batch, rows, cols}, strides[] = {rows * cols, cols, 1};
  return alias(flat, IntArrayRef(sizes, 3), IntArrayRef(strides, 3), 0, beside.dtype());
}

class Attention {
 public:
  explicit Attention(const AttentionCall& call)
      : c_(call), q_(merged(call.query)), k_(merged(call.key)), v_(merged(call.value)) {}

  void forward() const {
    const Tensor scores = products();
    writable(c_.lse);
    rows(scores, scores, false);
    result(c_.out, [&](const Tensor& to) { multiply(to, scores, v_, false, false, 1); });
  }

  void backward() const {
    const Tensor p = products(), g = merged(c_.grad);
    const Tensor ds = matrices(q_, q_.size(0), q_.size(1), k_.size(1));
    multiply(ds, g, v_, false, true, 1);
    rows(p, ds, true);
    result(c_.grad_value, [&](const Tensor& to) { multiply(to, p, g, true, false, 1); });
    result(c_.grad_query, [&](const Tensor& to) { multiply(to, ds, k_, false, false, c_.scale); });
    result(c_.grad_key, [&](const Tensor& to) { multiply(to, ds, q_, true, false, c_.scale); });
  }

 private:
  static void multiply(const Tensor& to, const Tensor& a, const Tensor& b, bool trans_a, bool trans_b,
                       double alpha) {
    MatmulCall call;
    call.out = to;
    call.a = a;
    call.b = b;
    call.alpha = alpha;
    call.beta = 0;
    call.trans_a = trans_a;
    call.trans_b = trans_b;
    backend_for(to).matmul(call);
  }

  Tensor products() const {
    const Tensor scores = matrices(q_, q_.size(0), q_.size(1), k_.size(1));
    multiply(scores, q_, k_, false, true, c_.scale);
    return scores;
  }

  /// make(matrices) writes out, directly or through a contiguous twin.
  template <class F>
  static void result(const Tensor& out, F&& make) {
    if (!out.defined()) return;
    const bool even = out.size(0) == 1 || out.size(1) == 1 || out.stride(0) == out.size(1) * out.stride(1);
    if (even) return make(merged(out));
    const Tensor twin = matrices(out, out.size(0) * out.size(1), out.size(2), out.size(3));
    make(twin);
    const int64_t m = out.size(2) * out.size(3), strides[] = {out.size(1) * m, m, out.size(3), 1};
    backend_for(out).copy(out, alias(twin, out.sizes(), IntArrayRef(strides, 4), 0, out.dtype()));
  }

  void rows(const Tensor& scores, const Tensor& grads, bool backward) const {
    GpuDevice& device = device_of(scores);
    const DType t = scores.dtype();
    KernelPtr kernel = device.kernel(cat("attention/", backward, "/", dtype_name(t)), "run", [&] {
      return cat("#define T ", memory_type(t), "\n#define BACKWARD ", backward ? 1 : 0, "\n", kFoldText,
                 kRows);
    });
    Launch launch(device, kernel);
    launch.in(scores)
        .in(grads)
        .in(c_.lse)
        .value(c_.lse.storage_offset())
        .value(scores.size(2))
        .value(scores.size(1));
    launch.value(static_cast<int32_t>(c_.causal));
    launch.run(scores.size(0) * scores.size(1) * kLanes, kLanes);
  }

  const AttentionCall& c_;
  Tensor q_, k_, v_;
};

}  // namespace

bool attention(const AttentionCall& call) {
  GpuDevice& device = device_of(call.query);
  if (call.query.numel() == 0 || call.key.numel() == 0 || call.value.numel() == 0) return false;
  if (device.capabilities().max_work_group < kLanes) return false;
  device.require("scaled_dot_product_attention", call.query.dtype());
  const Attention attention(call);
  if (call.kind == AttentionKind::Forward)
    attention.forward();
  else
    attention.backward();
  return true;
}

}  // namespace rustorch::kernels
