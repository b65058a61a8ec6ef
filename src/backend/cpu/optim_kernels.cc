// Vector kernels of optim_kernels.h, compiled once per instruction set.
#include "backend/cpu/optim_kernels.h"

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/optim_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/nn_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class T>
void sgd(const SgdStep& step, T* p, const T* g, T* momentum, int64_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto lr = hn::Set(d, static_cast<T>(step.lr)), decay = hn::Set(d, static_cast<T>(step.weight_decay));
  const auto mu = hn::Set(d, static_cast<T>(step.momentum));
  const auto fresh = hn::Set(d, static_cast<T>(1 - step.dampening));
  auto update = [&](size_t i, size_t count) HWY_ATTR {
    const bool whole = count == lanes;
    auto load = [&](const T* from)
                    HWY_ATTR { return whole ? hn::LoadU(d, from + i) : load_n(d, from + i, count, T(0)); };
    auto store = [&](auto v, T* to) HWY_ATTR {
      if (whole)
        hn::StoreU(v, d, to + i);
      else
        store_n(d, v, to + i, count);
    };
    auto gv = load(g);
    const auto pv = load(p);
    if (step.maximize) gv = hn::Neg(gv);
    if (step.weight_decay != 0) gv = hn::MulAdd(decay, pv, gv);
    if (momentum != nullptr) {
      const auto b = step.first_step ? gv : hn::MulAdd(fresh, gv, hn::Mul(mu, load(momentum)));
      store(b, momentum);
      gv = step.nesterov ? hn::MulAdd(mu, b, gv) : b;
    }
    store(hn::NegMulAdd(lr, gv, pv), p);
  };
  size_t i = 0;
  for (; i + lanes <= static_cast<size_t>(n); i += lanes) update(i, lanes);
  if (i < static_cast<size_t>(n)) update(i, static_cast<size_t>(n) - i);
}

template <class T>
void adam(const AdamStep& step, T* p, const T* g, T* m, T* v, T* vmax, int64_t n) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto fresh1 = hn::Set(d, static_cast<T>(1 - step.beta1));
  const auto beta2 = hn::Set(d, static_cast<T>(step.beta2)),
             fresh2 = hn::Set(d, static_cast<T>(1 - step.beta2));
  const auto coupled = hn::Set(d, static_cast<T>(step.weight_decay)),
             decay = hn::Set(d, static_cast<T>(step.decay));
  const auto size = hn::Set(d, static_cast<T>(step.step_size)), eps = hn::Set(d, static_cast<T>(step.eps));
  const auto inv = hn::Set(d, static_cast<T>(step.inv_correction2));
  const bool couple = !step.decoupled && step.weight_decay != 0;
  auto update = [&](size_t i, size_t count) HWY_ATTR {
    const bool whole = count == lanes;
    auto load = [&](const T* from)
                    HWY_ATTR { return whole ? hn::LoadU(d, from + i) : load_n(d, from + i, count, T(0)); };
    auto store = [&](auto x, T* to) HWY_ATTR {
      if (whole)
        hn::StoreU(x, d, to + i);
      else
        store_n(d, x, to + i, count);
    };
    auto gv = load(g);
    auto pv = load(p);
    if (step.maximize) gv = hn::Neg(gv);
    if (couple) gv = hn::MulAdd(coupled, pv, gv);
    if (step.decoupled) pv = hn::Mul(pv, decay);
    const auto old = load(m);
    const auto mv = hn::MulAdd(fresh1, hn::Sub(gv, old), old);
    auto vv = hn::MulAdd(fresh2, hn::Mul(gv, gv), hn::Mul(beta2, load(v)));
    store(mv, m);
    store(vv, v);
    if (step.amsgrad) {
      vv = hn::Max(vv, load(vmax));
      store(vv, vmax);
    }
    const auto denominator = hn::MulAdd(hn::Sqrt(vv), inv, eps);
    store(hn::Sub(pv, hn::Mul(size, hn::Div(mv, denominator))), p);
  };
  size_t i = 0;
  for (; i + lanes <= static_cast<size_t>(n); i += lanes) update(i, lanes);
  if (i < static_cast<size_t>(n)) update(i, static_cast<size_t>(n) - i);
}

void sgd_f32(const SgdStep& s, float* p, const float* g, float* b, int64_t n) { sgd(s, p, g, b, n); }
void sgd_f64(const SgdStep& s, double* p, const double* g, double* b, int64_t n) { sgd(s, p, g, b, n); }
void adam_f32(const AdamStep& s, float* p, const float* g, float* m, float* v, float* x, int64_t n) {
  adam(s, p, g, m, v, x, n);
}
void adam_f64(const AdamStep& s, double* p, const double* g, double* m, double* v, double* x, int64_t n) {
  adam(s, p, g, m, v, x, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(sgd_f32);
HWY_EXPORT(sgd_f64);
HWY_EXPORT(adam_f32);
HWY_EXPORT(adam_f64);

void sgd_update(const SgdStep& s, float* p, const float* g, float* b, int64_t n) {
  HWY_DYNAMIC_DISPATCH(sgd_f32)(s, p, g, b, n);
}
void sgd_update(const SgdStep& s, double* p, const double* g, double* b, int64_t n) {
  HWY_DYNAMIC_DISPATCH(sgd_f64)(s, p, g, b, n);
}
void adam_update(const AdamStep& s, float* p, const float* g, float* m, float* v, float* x, int64_t n) {
  HWY_DYNAMIC_DISPATCH(adam_f32)(s, p, g, m, v, x, n);
}
void adam_update(const AdamStep& s, double* p, const double* g, double* m, double* v, double* x, int64_t n) {
  HWY_DYNAMIC_DISPATCH(adam_f64)(s, p, g, m, v, x, n);
}
}  // namespace rustorch::cpu
#endif
