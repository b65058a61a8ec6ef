// Running sums, products, extremes and log-sums of exponentials along a dimension.
//
// Many lines: one work item each. Few long ones: a group each, whose items total a segment first and then
// continue from what precedes theirs. Floats are accumulated in double where the device has it.
#include "backend/opencl/cl_device.h"
#include "backend/opencl/kernel_text.h"
#include "backend/opencl/kernels.h"
#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

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

constexpr const char* kScan = R"(
kernel __attribute__((reqd_work_group_size(64, 1, 1)))
void run(global M* out, global const M* in, global long* places, const long out_at, const long in_at, const long places_at, const long lines,
         const long n, const long inner, const long lanes) {
  local State part[64];
  const long lane = lanes == 1 ? 0 : get_local_id(0), line = lanes == 1 ? (long)get_global_id(0) : (long)get_group_id(0);
  const long segment = (n + lanes - 1) / lanes, begin = min(lane * segment, n), end = line < lines ? min(begin + segment, n) : begin;
  const long base = line / inner * n * inner + line % inner;
  State s = rt_start();
  for (long i = begin; i < (lanes == 1 ? begin : end); ++i) s = rt_step(s, LOAD(in, in_at + base + i * inner), i);
  part[get_local_id(0)] = s;
  barrier(CLK_LOCAL_MEM_FENCE);
  s = rt_start();
  for (long k = 0; k < lane; ++k) s = rt_join(s, part[k]);
  for (long i = begin; i < end; ++i) {
    s = rt_step(s, LOAD(in, in_at + base + i * inner), i);
    STORE(out, out_at + base + i * inner, rt_value(s))
#if PLACES
    places[places_at + base + i * inner] = s.at;
#endif
  }
}
)";

std::string source(ScanKind kind, DType t, ComputeType a) {
  const bool wide = uses_double(t) || uses_double(a);
  std::string text = cat(source_header(wide), operand_text("", t, a), "#define A T\n#define PLACES ",
                         kind == ScanKind::CumMax || kind == ScanKind::CumMin ? 1 : 0, "\n");
  switch (kind) {
    case ScanKind::CumSum:
      text += cat("#define START (T)(0)\n#define COMBINE(a, b) ((a) + (b))\n", kFold);
      break;
    case ScanKind::CumProd:
      text += cat("#define START ONE\n#define COMBINE(a, b) MUL(a, b)\n", kFold);
      break;
    case ScanKind::LogCumSumExp:
      text += cat(log_sum_text(a), kLogSum);
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
  ClDevice& device = device_of(call.out);
  device.require("scan", t);
  if (device.capabilities().max_work_group < kLanes) return false;
  ComputeType a = compute_type_of(t);
  const bool extreme = call.kind == ScanKind::CumMax || call.kind == ScanKind::CumMin;
  if (!extreme && device.capabilities().float64)
    a = a == ComputeType::f32 ? ComputeType::f64 : a == ComputeType::c64 ? ComputeType::c128 : a;
  int64_t n = 1, inner = 1;
  for (int d = static_cast<int>(call.dim); d < call.in.dim(); ++d)
    (d == call.dim ? n : inner) *= call.in.size(d);
  const int64_t lines = call.in.numel() / n;
  const int64_t lanes = lines >= 256 || n < 512 ? 1 : kLanes;
  KernelPtr kernel = device.kernel(cat("scan/", static_cast<int>(call.kind), "/", dtype_name(t)), "run",
                                   [&] { return source(call.kind, t, a); });
  writable(call.out);
  const Tensor& places = call.indices.defined() ? call.indices : call.out;
  if (call.indices.defined()) writable(call.indices);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).in(places);
  launch.value(call.out.storage_offset()).value(call.in.storage_offset()).value(places.storage_offset());
  launch.value(lines).value(n).value(inner).value(lanes);
  launch.run(lanes == 1 ? lines : lines * kLanes, kLanes);
  return true;
}

}  // namespace rustorch::opencl
