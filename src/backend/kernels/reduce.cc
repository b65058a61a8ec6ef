// Reductions and arg-reductions: one work item, or one group of 64, for each result.
//
// The order of additions is fixed by the layout: results are the same on every run. Float sums are
// compensated (Kahan), because a long chain of additions in float would be less exact than the CPU's tree.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/source.h"
#include "backend/kernels/kernels.h"
#include "backend/kernels/reduce_layout.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// ACC, IN, OUT, LOAD(i), INIT, COMBINE(acc, v), JOIN(acc, other), STORE(i, v) are defined in front of it.
constexpr const char* kReduce = R"(
RT_GROUP(64, 1)
void run(global const IN* in, global OUT* out, global ACC* states, const Layout L) {
  RT_SHARED ACC part[64];
  WHO(o, slice, lane)
  long base = L.in_at, at = L.out_at;
  ACC acc = INIT, rest = 0;
  if (works) {
    long left = o;
    for (long d = 0; d < L.nkeep; ++d) {
      const long q = left / L.keep_size[d], i = left - q * L.keep_size[d];
      left = q;
      base += i * L.keep_in[d];
      at += i * L.keep_out[d];
    }
    if (L.stage == 2) {
      for (long k = 0; k < L.count; ++k) {
        const ACC v = states[o * L.count + k];
        JOIN(acc, v)
      }
    } else {
      for (long i = slice * L.lanes + lane; i < L.count; i += L.lanes * L.slices) {
        const ACC v = LOAD(base + rt_reduced(&L, i));
        COMBINE(acc, v)
      }
    }
  }
  part[get_local_id(0)] = acc;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (works && lane == 0) {
    rest = 0;
    for (long k = 1; k < L.lanes; ++k) {
      const ACC v = part[k];
      JOIN(acc, v)
    }
    if (L.stage == 1) {
      states[o * L.slices + slice] = acc;
    } else {
      FINISH(acc)
      STORE(at, acc)
    }
  }
}
)";

constexpr const char* kArgReduce = R"(
typedef struct { ACC best; long at; } State;
static inline State rt_better(State s, ACC v, long i) {
  const bool same = v == s.best || (v != v && s.best != s.best);
  if (i >= 0 && (s.at < 0 || (same ? i < s.at : (v != v || (s.best == s.best && v BETTER s.best))))) {
    s.best = v;
    s.at = i;
  }
  return s;
}
RT_GROUP(64, 1)
void run(global const IN* in, global long* out, global IN* values, global State* states, const Layout L) {
  RT_SHARED State part[64];
  WHO(o, slice, lane)
  long base = L.in_at, at = L.out_at, to = L.values_at;
  State s;
  s.best = 0;
  s.at = -1;
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
      for (long k = 0; k < L.count; ++k) s = rt_better(s, states[o * L.count + k].best, states[o * L.count + k].at);
    } else {
      for (long i = slice * L.lanes + lane; i < L.count; i += L.lanes * L.slices) {
        const ACC v = LOAD(base + rt_reduced(&L, i));
        if (s.at < 0 || (s.best == s.best && (v != v || v BETTER s.best))) {
          s.best = v;
          s.at = i;
        }
      }
    }
  }
  part[get_local_id(0)] = s;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (works && lane == 0) {
    for (long k = 1; k < L.lanes; ++k) s = rt_better(s, part[k].best, part[k].at);
    if (L.stage == 1) {
      states[o * L.slices + slice] = s;
    } else {
      out[at] = s.at;
      if (L.values_at >= 0) COPY(to, base + rt_reduced(&L, s.at));
    }
  }
}
)";

/// What a kind of reduction does to its accumulator.
struct Rule {
  ComputeType acc;
  std::string init, combine, join, finish;
  bool truth = false;  // looks at elements as true or false
  bool bits = false;   // looks at the bits of floats as double
};

std::string order_text(double p) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", p);
  return text;
}

/// Norms of order p other than 1 and 2; P is the order in the program.
bool norm_rule(double p, const std::string& kahan, Rule* r) {
  if (p == 0) {
    r->combine = "acc += v != 0;";
    return true;
  }
  if (std::isinf(p)) {
    const char* than = p > 0 ? ">" : "<";
    r->init = p > 0 ? "0" : "(ACC)INFINITY";
    r->combine = cat("{ const ACC a = fabs(v); if (acc == acc && (a != a || a ", than, " acc)) acc = a; }");
    r->join = cat("if (acc == acc && (v != v || v ", than, " acc)) acc = v;");
    return true;
  }
  r->combine =
      "{ const ACC y = pow(fabs(v), (ACC)P) - rest, t = acc + y; rest = isfinite(t) ? (t - acc) - y : 0; acc "
      "= t; }";
  r->join = kahan;
  r->finish = "acc = pow(acc, (ACC)1 / (ACC)P);";
  return true;
}

bool rule_of(const ReduceCall& call, Rule* r) {
  const DType in = call.in.dtype(), out = call.out.dtype();
  const std::string kahan =
      "{ const ACC y = (v) - rest, t = acc + y; rest = isfinite(t) ? (t - acc) - y : 0; acc = t; }";
  *r = {sum_type(out), "0", "acc += v;", "acc += v;", "", false};
  const bool real = is_real(r->acc);
  switch (call.kind) {
    case ReduceKind::Sum:
    case ReduceKind::Mean:
      if (real) r->combine = r->join = kahan;
      if (call.kind == ReduceKind::Mean) r->finish = "acc = acc / (ACC)L.total;";
      return call.kind == ReduceKind::Sum || real;
    case ReduceKind::NanSum:
      r->combine = real ? "if (v == v) " + kahan : r->combine;
      if (real) r->join = kahan;
      return true;
    case ReduceKind::Prod:
      if (rustorch::is_complex(out)) r->acc = compute_type_of(out);
      r->init = "RT_ONE";
      r->combine = r->join = "acc = RT_MUL(acc, v);";
      return true;
    case ReduceKind::Norm:
      if (!real) return false;
      if (call.param != 1 && call.param != 2) return norm_rule(call.param, kahan, r);
      r->combine = call.param == 1 ? "{ const ACC y = fabs(v) - rest, t = acc + y; rest = isfinite(t) ? (t - "
                                     "acc) - y : 0; acc = t; }"
                                   : "{ const ACC y = v * v - rest, t = acc + y; rest = isfinite(t) ? (t - "
                                     "acc) - y : 0; acc = t; }";
      r->join = kahan;
      if (call.param == 2) r->finish = "acc = sqrt(acc);";
      return true;
    case ReduceKind::CountNonzero:
      r->acc = ComputeType::i64;
      r->truth = true;
      return true;
    case ReduceKind::Any:
    case ReduceKind::All:
      r->acc = ComputeType::i32;
      r->truth = true;
      r->init = call.kind == ReduceKind::Any ? "0" : "1";
      r->combine = r->join = call.kind == ReduceKind::Any ? "acc |= v;" : "acc &= v;";
      return true;
    case ReduceKind::Xor:
      r->bits = is_floating_point(in);
      r->combine = r->join = "acc ^= v;";
      return !r->bits || device_of(call.out).capabilities().float64;
    case ReduceKind::Max:
    case ReduceKind::Min: {
      const bool max = call.kind == ReduceKind::Max;
      r->acc = is_floating_point(in) ? sum_type(in) : ComputeType::i64;
      const char* infinity = max ? "-INFINITY" : "INFINITY";
      r->init = is_real(r->acc) ? cat("(ACC)", infinity) : max ? "LONG_MIN" : "LONG_MAX";
      r->combine = r->join = cat("if (v != v || v ", max ? ">" : "<", " acc) acc = v;");
      if (is_real(r->acc))
        r->combine = r->join = cat("if (acc == acc && (v != v || v ", max ? ">" : "<", " acc)) acc = v;");
      return true;
    }
    default:
      return false;
  }
}

/// A complex tensor as real pairs along one more dimension.
Tensor pairs_of(const Tensor& t) {
  int64_t sizes[65], strides[65];
  const auto n = static_cast<size_t>(t.dim());
  for (size_t d = 0; d < n; ++d) {
    sizes[d] = t.sizes()[d];
    strides[d] = 2 * t.strides()[d];
  }
  sizes[n] = 2;
  strides[n] = 1;
  return alias(t, IntArrayRef(sizes, n + 1), IntArrayRef(strides, n + 1), 2 * t.storage_offset(),
               real_type(t.dtype()));
}

/// Sums of complex numbers are two sums; their 2-norm is that of all the parts.
bool reduce_pairs(const ReduceCall& call) {
  ReduceCall twin = call;
  const int n = static_cast<int>(call.in.dim());
  twin.in = pairs_of(call.in);
  if (rustorch::is_complex(call.out.dtype())) {
    if (call.kind != ReduceKind::Sum && call.kind != ReduceKind::Mean && call.kind != ReduceKind::NanSum)
      return false;
    twin.out = pairs_of(call.out);
    return reduce(twin);
  }
  if (call.kind != ReduceKind::Norm || call.param != 2) return false;
  int64_t sizes[64], strides[64];
  size_t kept = 0;
  const bool all = call.out.dim() == n;  // with ones for the reduced
  for (int d = 0, k = 0; d < n; ++d) {
    if (((call.dim_mask >> d) & 1) != 0) continue;
    const int from = all ? d : k++;
    sizes[kept] = call.out.size(from);
    strides[kept++] = call.out.stride(from);
  }
  twin.out = alias(call.out, IntArrayRef(sizes, kept), IntArrayRef(strides, kept), call.out.storage_offset(),
                   call.out.dtype());
  twin.dim_mask |= uint64_t{1} << n;
  return reduce(twin);
}

/// Element i in the accumulator's type: true or false, the number, or (norms) the modulus of a complex one.
std::string element_text(DType in, const Rule& r) {
  if (r.truth) return load_bool(in, "in", "(i)");
  if (r.bits) return cat("as_ulong((double)(", load(in, sum_type(in), "in", "(i)"), "))");
  if (rustorch::is_complex(in) && !rustorch::is_complex(r.acc)) return "hypot((ACC)in[i].x, (ACC)in[i].y)";
  return cat("(", load(in, r.acc, "in", "(i)"), ")");
}

std::string reduce_source(const ReduceCall& call, const Rule& r) {
  const DType in = call.in.dtype(), out = call.out.dtype();
  const bool complex = rustorch::is_complex(r.acc);
  return cat(
      kLayoutText, "#define P ", order_text(call.param), "\n#define RT_ONE ",
      complex ? "RT_PAIR(ACC, 1, 0)" : "1", "\n#define RT_MUL(a, b) ",
      complex ? "RT_PAIR(ACC, (a).x * (b).x - (a).y * (b).y, (a).x * (b).y + (a).y * (b).x)" : "((a) * (b))",
      "\n#define ACC ", value_type(r.acc), "\n#define IN ", memory_type(in), "\n#define OUT ",
      memory_type(out), "\n#define INIT ", r.init, "\n#define LOAD(i) (ACC)", element_text(in, r),
      "\n#define COMBINE(acc, v) ", r.combine, "\n#define JOIN(acc, v) ", r.join, "\n#define FINISH(acc) ",
      r.finish, "\n#define STORE(i, v) ", store(out, r.acc, "out", "(i)", "v"), "\n", kReduce);
}

}  // namespace

bool reduce(const ReduceCall& call) {
  if (call.out.numel() == 0) return true;
  if (call.kind == ReduceKind::Var || call.kind == ReduceKind::Std || call.kind == ReduceKind::LogSumExp)
    return reduce_moments(call);
  if (rustorch::is_complex(call.in.dtype())) {
    const bool truth =
        call.kind == ReduceKind::Any || call.kind == ReduceKind::All || call.kind == ReduceKind::CountNonzero;
    const bool moduli = call.kind == ReduceKind::Norm && call.param != 2;
    if (!truth && !moduli && call.kind != ReduceKind::Prod) return reduce_pairs(call);
  }
  Rule rule;
  if (!rule_of(call, &rule)) return false;
  GpuDevice& device = device_of(call.out);
  Layout layout;
  if (!make_layout(device, call, &layout)) return false;
  const bool empty = call.in.numel() == 0;  // it may have no memory
  KernelPtr kernel = device.kernel(
      cat("reduce/", static_cast<int>(call.kind), "/", dtype_name(call.in.dtype()), "/",
          dtype_name(call.out.dtype()), "/", order_text(call.kind == ReduceKind::Norm ? call.param : 0.0)),
      "run", [&] { return reduce_source(call, rule); });
  writable(call.out);
  run_reduction(device, kernel, call.out, layout, sizeof(double) * 2,
                [&](Launch& launch) { launch.in(empty ? call.out : call.in).in(call.out); });
  return true;
}

bool arg_reduce(const ArgReduceCall& call) {
  const DType in = call.in.dtype();
  if (rustorch::is_complex(in)) return false;
  if (call.indices.numel() == 0) return true;
  GpuDevice& device = device_of(call.in);
  device.require("arg_reduce", in);
  if (device.capabilities().max_work_group < kLanes) return false;
  ReducePlan plan;
  const bool flat = call.dim < 0 || call.in.dim() == 0;
  const uint64_t mask = flat ? 1 : uint64_t{1} << call.dim;
  const int64_t size = call.in.numel(), stride = 1;
  if (flat)
    make_reduce_plan(plan, IntArrayRef(&size, 1), IntArrayRef(&stride, 1), {}, mask);
  else
    make_reduce_plan(plan, call.in.sizes(), call.in.strides(), call.indices.strides(), mask);
  Layout layout;
  if (!make_layout(plan, &layout)) return false;
  layout.in_at = call.in.storage_offset();
  layout.out_at = call.indices.storage_offset();
  layout.values_at = -1;
  if (call.values.defined()) {  // laid out as the indices are
    if (call.values.strides() != call.indices.strides()) return false;
    layout.values_at = call.values.storage_offset();
    std::copy(layout.keep_out, layout.keep_out + Layout::kDims, layout.keep_values);
  }
  const bool max = call.kind == ArgReduceKind::ArgMax;
  KernelPtr kernel = device.kernel(cat("arg_reduce/", max, "/", dtype_name(in)), "run", [&] {
    const ComputeType acc = is_floating_point(in) ? sum_type(in) : ComputeType::i64;
    return cat(kLayoutText, "#define ACC ", value_type(acc), "\n#define IN ", memory_type(in),
               "\n#define LOAD(i) (", load(in, acc, "in", "(i)"), ")\n#define BETTER ", max ? ">" : "<", "\n",
               "#define COPY(to, from) ",
               in == kFloat16 ? "vstore_half_rte(vload_half(from, in), to, values)" : "values[to] = in[from]",
               "\n", kArgReduce);
  });
  writable(call.indices);
  if (call.values.defined()) writable(call.values);
  run_reduction(device, kernel, call.indices, layout, sizeof(double) * 2, [&](Launch& launch) {
    launch.in(call.in).in(call.indices).in(call.values.defined() ? call.values : call.indices);
  });
  return true;
}

}  // namespace rustorch::kernels
