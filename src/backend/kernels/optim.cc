// Optimizer steps: one kernel for a parameter and its states. 16-bit parameters are updated in float.
#include <cmath>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/source.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// T: the compute type; LOAD(p, i) and STORE(p, i, v) are defined in front of it. The formulas are those of
// the CPU (backend/cpu/optim_kernels.cc).
constexpr const char* kSgd = R"(
kernel void run(global M* p, global const M* g, global M* momentum, const T lr, const T mu, const T fresh, const T decay,
                const long n, const long p_at, const long g_at, const long m_at, const int has_momentum, const int nesterov,
                const int maximize, const int first) {
  const long i = get_global_id(0);
  if (i >= n) return;
  T gv = LOAD(g, g_at + i);
  const T pv = LOAD(p, p_at + i);
  if (maximize) gv = -gv;
  if (decay != 0) gv = fma(decay, pv, gv);
  if (has_momentum) {
    T b = gv;
    if (!first) b = fma(fresh, gv, mu * LOAD(momentum, m_at + i));
    STORE(momentum, m_at + i, b)
    gv = nesterov ? fma(mu, b, gv) : b;
  }
  STORE(p, p_at + i, fma(-lr, gv, pv))
}
)";

constexpr const char* kAdam = R"(
kernel void run(global M* p, global const M* g, global M* m, global M* v, global M* top, const T fresh1, const T beta2, const T fresh2,
                const T coupled, const T decay, const T size, const T eps, const T inv, const long n, const long p_at, const long g_at,
                const long m_at, const long v_at, const long top_at, const int amsgrad, const int maximize) {
  const long i = get_global_id(0);
  if (i >= n) return;
  T gv = LOAD(g, g_at + i), pv = LOAD(p, p_at + i);
  if (maximize) gv = -gv;
  if (coupled != 0) gv = fma(coupled, pv, gv);
  pv *= decay;
  const T old = LOAD(m, m_at + i), mv = fma(fresh1, gv - old, old);
  T vv = fma(fresh2, gv * gv, beta2 * LOAD(v, v_at + i));
  STORE(m, m_at + i, mv)
  STORE(v, v_at + i, vv)
  if (amsgrad) {
    vv = fmax(vv, LOAD(top, top_at + i));
    STORE(top, top_at + i, vv)
  }
  STORE(p, p_at + i, pv - size * (mv / fma(sqrt(vv), inv, eps)))
}
)";

int64_t at(const Tensor& t) { return t.defined() ? t.storage_offset() : 0; }

}  // namespace

bool optimizer_step(const OptimizerCall& call) {
  const int64_t n = call.param.numel();
  if (n == 0) return true;
  const DType dtype = call.param.dtype();
  const ComputeType t = compute_type_of(dtype);
  GpuDevice& device = device_of(call.param);
  device.require("optimizer step", dtype);
  const bool sgd = call.kind == OptimizerKind::Sgd;
  KernelPtr kernel = device.kernel(cat("optimizer/", sgd ? "sgd/" : "adam/", dtype_name(dtype)), "run", [&] {
    return cat("#define T ", value_type(t), "\n#define M ", memory_type(dtype), "\n#define LOAD(p, i) (",
               load(dtype, t, "p", "(i)"), ")\n#define STORE(p, i, v) ", store(dtype, t, "p", "(i)", "v"),
               "\n", sgd ? kSgd : kAdam);
  });
  for (const Tensor* s : {&call.param, &call.state1, &call.state2, &call.state3})
    if (s->defined()) writable(*s);
  auto or_param = [&](const Tensor& s) -> const Tensor& { return s.defined() ? s : call.param; };
  Launch launch(device, kernel);
  auto numbers = [&](std::initializer_list<double> list) {
    for (double v : list) add_number(launch, t, v);
  };
  auto flags = [&](std::initializer_list<bool> list) {
    for (bool v : list) launch.value(static_cast<int32_t>(v));
  };
  launch.in(call.param).in(call.grad).in(or_param(call.state1));
  if (sgd) {
    numbers({call.lr, call.beta1, 1 - call.beta2, call.weight_decay});
    launch.value(n).value(at(call.param)).value(at(call.grad)).value(at(call.state1));
    flags({call.state1.defined(), call.nesterov, call.maximize, call.first_step});
  } else {
    const bool decoupled = call.kind == OptimizerKind::AdamW;
    launch.in(or_param(call.state2)).in(or_param(call.state3));
    numbers({1 - call.beta1, call.beta2, 1 - call.beta2, decoupled ? 0.0 : call.weight_decay,
             decoupled ? 1 - call.lr * call.weight_decay : 1.0,
             call.lr / (1 - std::pow(call.beta1, call.step)), call.eps,
             1 / std::sqrt(1 - std::pow(call.beta2, call.step))});
    launch.value(n)
        .value(at(call.param))
        .value(at(call.grad))
        .value(at(call.state1))
        .value(at(call.state2))
        .value(at(call.state3));
    flags({call.amsgrad, call.maximize});
  }
  launch.run(n, 64);
  return true;
}

}  // namespace rustorch::kernels
