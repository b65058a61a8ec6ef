// Variance, standard deviation and log-sum-exp: reductions whose state is more than one number. A variance is
// made in one pass by Welford's method, and parts are joined by Chan's (1979), in the type of the result.
#include <cmath>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "backend/kernels/reduce_layout.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// INT: the type of elements, maybe complex; ACC: its real type.
constexpr const char* kMoments = R"(
typedef struct { ACC n, squares; INT mean; } State;
static inline State rt_start(void) { State s; s.n = s.squares = 0; s.mean = (INT)(0); return s; }
static inline State rt_step(State s, INT v) {
  s.n += 1;
  const INT d = v - s.mean;
  s.mean += d / s.n;
  s.squares += rt_dot(d, v - s.mean);
  return s;
}
static inline State rt_join(State s, State t) {
  if (t.n == 0) return s;
  if (s.n == 0) return t;
  const ACC n = s.n + t.n;
  const INT d = t.mean - s.mean;
  s.squares += t.squares + rt_dot(d, d) * (s.n * t.n / n);
  s.mean += d * (t.n / n);
  s.n = n;
  return s;
}
static inline ACC rt_value(State s, ACC correction) {
  const ACC v = s.n == 0 ? (ACC)NAN : s.squares / fmax((ACC)0, s.n - correction);
  return ROOT ? sqrt(v) : v;
}
static inline INT rt_second(State s) { return s.n == 0 ? (INT)(NAN) : s.mean; }
)";

constexpr const char* kLogSum = R"(
static inline State rt_step(State s, INT v) { return rt_add(s, v); }
static inline INT rt_value(State s, ACC unused) { return rt_log(s); }
static inline INT rt_second(State s) { return s.total; }
)";

constexpr const char* kReduce = R"(
RT_GROUP(64, 1)
void run(global const INM* in, global OUTM* out, global SECM* second, const ACC param, const int has_second, global State* states, const Layout L) {
  RT_SHARED State part[64];
  WHO(o, slice, lane)
  long base = L.in_at, at = L.out_at, to = L.values_at;
  State s = rt_start();
  if (works) {
    long left = o;
    for (long d = 0; d < L.nkeep; ++d) {
      const long q = left / L.keep_size[d], i = left - q * L.keep_size[d];
      left = q;
      base += i * L.keep_in[d];
      at += i * L.keep_out[d];
      to += i * L.keep_values[d];
    }
    if (L.stage == 2) {
      for (long k = 0; k < L.count; ++k) s = rt_join(s, states[o * L.count + k]);
    } else {
      for (long i = slice * L.lanes + lane; i < L.count; i += L.lanes * L.slices) s = rt_step(s, INLOAD(in, base + rt_reduced(&L, i)));
    }
  }
  part[get_local_id(0)] = s;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (works && lane == 0) {
    for (long k = 1; k < L.lanes; ++k) s = rt_join(s, part[k]);
    if (L.stage == 1) {
      states[o * L.slices + slice] = s;
    } else {
      const OUTT v = rt_value(s, param);
      OUTSTORE(out, at, v)
      if (has_second) { const INT m = rt_second(s); SECSTORE(second, to, m) }
    }
  }
}
)";

}  // namespace

bool reduce_moments(const ReduceCall& call) {
  const DType in = call.in.dtype(), out = call.out.dtype();
  const bool second = call.out2.defined();
  const DType mean = second ? call.out2.dtype() : in;
  if (!rustorch::is_complex(out) && !is_floating_point(out)) return false;
  if (second && rustorch::is_complex(mean) != rustorch::is_complex(in)) return false;
  GpuDevice& device = device_of(call.out);
  Layout layout;
  if (!make_layout(device, call, &layout)) return false;
  if (second) {  // laid out as the result
    if (call.out2.strides() != call.out.strides()) return false;
    layout.values_at = call.out2.storage_offset();
    for (int d = 0; d < Layout::kDims; ++d) layout.keep_values[d] = layout.keep_out[d];
  }
  const bool root = call.kind == ReduceKind::Std, sums = call.kind == ReduceKind::LogSumExp;
  const ComputeType acc = real_part_type(sum_type(out));
  const bool complex = rustorch::is_complex(in);
  const ComputeType element = !complex ? acc : is_single(acc) ? ComputeType::c64 : ComputeType::c128;
  KernelPtr kernel = device.kernel(
      cat("moments/", static_cast<int>(call.kind), "/", dtype_name(in), "/", dtype_name(out), "/",
          dtype_name(mean)),
      "run", [&] {
        const std::string types =
            cat(operand_text("IN", in, element), operand_text("OUT", out, sums ? element : acc),
                operand_text("SEC", mean, element));
        return cat(types, "#define ACC ", value_type(acc), "\n#define ROOT ", root ? 1 : 0, "\n", kLayoutText,
                   sums ? cat(log_sum_text(element), kLogSum) : kMoments, kReduce);
      });
  const bool empty = call.in.numel() == 0;  // it may have no memory
  writable(call.out);
  if (second) writable(call.out2);
  run_reduction(device, kernel, call.out, layout, sizeof(double) * 4, [&](Launch& launch) {
    launch.in(empty ? call.out : call.in).in(call.out).in(second ? call.out2 : call.out);
    add_number(launch, acc, call.param);
    launch.value(static_cast<int32_t>(second));
  });
  return true;
}

}  // namespace rustorch::kernels
