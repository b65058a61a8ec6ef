// Running sums, products, extremes and log-sums of exponentials along a dimension.
//
// Many lines: one work item each. Few long ones: an item for each chunk of a line, in three launches: totals
// of the chunks, totals of what precedes each chunk, and the scan that goes on from there. Floats are
// accumulated in double where the device has it.
#include <algorithm>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kItems = 4096, kStateBytes = 32;

// Each kind: State, rt_start(), rt_step(state, value, place), rt_join(state, later state), rt_value(state).
constexpr const char* kFold = R"(
typedef struct { A v; } State;
static inline State rt_start(void) { State s; s.v = START; return s; }
static inline State rt_step(State s, A v, long i) { s.v = COMBINE(s.v, v); return s; }
static inline State rt_join(State s, State t) { s.v = COMBINE(s.v, t.v); return s; }
static inline A rt_value(State s) { return s.v; }
)";

constexpr const char* kExtreme = R"(
typedef struct { A v; long at; } State;
static inline State rt_start(void) { State s; s.v = 0; s.at = -1; return s; }
static inline State rt_step(State s, A v, long i) {
  if (s.at < 0 || v != v || (s.v == s.v && v BETTER s.v)) { s.v = v; s.at = i; }
  return s;
}
static inline State rt_join(State s, State t) { return t.at < 0 ? s : rt_step(s, t.v, t.at); }
static inline A rt_value(State s) { return s.v; }
)";

constexpr const char* kLogSum = R"(
static inline State rt_step(State s, A v, long i) { return rt_add(s, v); }
static inline A rt_value(State s) { return rt_log(s); }
)";

// log(exp(a) + exp(b)) as on the CPU: the angle counts on from that of the larger one, so the order matters
// and a line is never cut.
constexpr const char* kComplexLogSum = R"(
typedef struct { A v; } State;
static inline A rt_exp(A z) {
  const LSR e = exp(z.x);
  return z.y == 0 ? RT_PAIR(A, e, z.y) : RT_PAIR(A, e * cos(z.y), e * sin(z.y));
}
static inline A rt_log(A z) { return RT_PAIR(A, log(hypot(z.x, z.y)), atan2(z.y, z.x)); }
static inline State rt_start(void) { State s; s.v = RT_PAIR(A, -INFINITY, 0); return s; }
static inline State rt_join(State s, State t) {
  const bool swap = t.v.x < s.v.x;
  const A a = swap ? s.v : t.v, b = swap ? t.v : s.v;
  State r;
  if (isinf(b.x) && b.x < 0) r.v = a;
  else if (isinf(a.x) && a.x == b.x) r.v = rt_log(rt_exp(a) + rt_exp(b));
  else r.v = a + rt_log(rt_exp(b - a) + RT_PAIR(A, 1, 0));
  return r;
}
static inline State rt_step(State s, A v, long i) { State t; t.v = v; return rt_join(s, t); }
static inline A rt_value(State s) { return s.v; }
)";

// STAGE 0: whole lines; 1: totals of chunks; 2: what precedes them; 3: the rest.
constexpr const char* kScan = R"(
kernel void run(global M* out, global const M* in, global long* places, global State* states, const long out_at, const long in_at,
                const long places_at, const long lines, const long n, const long inner, const long chunk, const long chunks, const int stage) {
  const long g = get_global_id(0);
  if (g >= lines * (stage == 2 ? 1 : chunks)) return;
  if (stage == 2) {
    State all = rt_start();
    for (long c = 0; c < chunks; ++c) {
      const State here = states[g * chunks + c];
      states[g * chunks + c] = all;
      all = rt_join(all, here);
    }
    return;
  }
  /* neighbours work on neighbouring lines */
  const long line = g % lines, c = g / lines, begin = c * chunk, end = min(begin + chunk, n);
  const long base = line / inner * n * inner + line % inner;
  State s = rt_start();
  if (stage == 3) s = states[line * chunks + c];
  for (long i = begin; i < end; ++i) {
    s = rt_step(s, LOAD(in, in_at + base + i * inner), i);
    if (stage == 1) continue;
    STORE(out, out_at + base + i * inner, rt_value(s))
#if PLACES
    places[places_at + base + i * inner] = s.at;
#endif
  }
  if (stage == 1) states[line * chunks + c] = s;
}
)";

std::string source(ScanKind kind, DType t, ComputeType a) {
  std::string text = cat(operand_text("", t, a), "#define A T\n#define PLACES ",
                         kind == ScanKind::CumMax || kind == ScanKind::CumMin ? 1 : 0, "\n");
  switch (kind) {
    case ScanKind::CumSum:
      text += cat("#define START (T)(0)\n#define COMBINE(a, b) ((a) + (b))\n", kFold);
      break;
    case ScanKind::CumProd:
      text += cat("#define START ONE\n#define COMBINE(a, b) MUL(a, b)\n", kFold);
      break;
    case ScanKind::LogCumSumExp:
      text += rustorch::is_complex(a)
                  ? cat("#define LSR ", value_type(real_part_type(a)), "\n", kComplexLogSum)
                  : cat(log_sum_text(a), kLogSum);
      break;
    default:
      text += cat("#define BETTER ", kind == ScanKind::CumMax ? ">=" : "<=", "\n", kExtreme);
  }
  return text + kScan;
}

}  // namespace

bool scan(const ScanCall& call) {
  if (call.in.numel() == 0) return true;
  const DType t = call.in.dtype();
  GpuDevice& device = device_of(call.out);
  device.require("scan", t);
  ComputeType a = compute_type_of(t);
  const bool extreme = call.kind == ScanKind::CumMax || call.kind == ScanKind::CumMin;
  if (!extreme && device.capabilities().float64)
    a = a == ComputeType::f32 ? ComputeType::f64 : a == ComputeType::c64 ? ComputeType::c128 : a;
  int64_t n = 1, inner = 1;
  for (int d = static_cast<int>(call.dim); d < call.in.dim(); ++d)
    (d == call.dim ? n : inner) *= call.in.size(d);
  const int64_t lines = call.in.numel() / n;
  const bool whole = call.kind == ScanKind::LogCumSumExp && rustorch::is_complex(a);
  const int64_t chunk =
      whole || lines >= 256 || n < 1024 ? n : std::max<int64_t>(256, n * lines / kItems + 1);
  const int64_t chunks = (n + chunk - 1) / chunk;
  KernelPtr kernel = device.kernel(cat("scan/", static_cast<int>(call.kind), "/", dtype_name(t)), "run",
                                   [&] { return source(call.kind, t, a); });
  writable(call.out);
  const Tensor& places = call.indices.defined() ? call.indices : call.out;
  if (call.indices.defined()) writable(call.indices);
  const Tensor states = chunks > 1 ? scratch(call.out, lines * chunks * kStateBytes, kUInt8) : call.out;
  for (int32_t stage = chunks > 1 ? 1 : 0; stage <= (chunks > 1 ? 3 : 0); ++stage) {
    Launch launch(device, kernel);
    launch.in(call.out).in(call.in).in(places).in(states);
    launch.value(call.out.storage_offset()).value(call.in.storage_offset()).value(places.storage_offset());
    launch.value(lines).value(n).value(inner).value(chunk).value(chunks).value(stage);
    launch.run(stage == 2 ? lines : lines * chunks, kLanes);
  }
  return true;
}

}  // namespace rustorch::kernels
