// Optimizer steps on the CPU: one pass over a parameter and its states, split into fixed chunks.
//
// 16-bit parameters are updated in float, a block at a time; states have the parameter's dtype.
#include <algorithm>
#include <cmath>

#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/optim_kernels.h"
#include "base/half_convert.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "rustorch/half.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kBlock = 1024;

void widen(const Half* from, float* to, int64_t n) { convert_f16_f32(from, to, n); }
void widen(const BFloat16* from, float* to, int64_t n) { convert_bf16_f32(from, to, n); }
void narrow(const float* from, Half* to, int64_t n) { convert_f32_f16(from, to, n); }
void narrow(const float* from, BFloat16* to, int64_t n) { convert_f32_bf16(from, to, n); }

template <class T>
T* writable(const Tensor& t) {
  return t.defined() ? t.impl()->mutable_data<T>() : nullptr;
}

// update(p, g, s1, s2, s3, n) on pointers of float or double.
template <class T, class Update>
void each_chunk(const OptimizerCall& call, Update&& update) {
  T* p = writable<T>(call.param);
  const T* g = call.grad.impl()->data<T>();
  T* s1 = writable<T>(call.state1);
  T* s2 = writable<T>(call.state2);
  T* s3 = writable<T>(call.state3);
  parallel_for(0, call.param.impl()->numel(), kGrain / 2, [&](int64_t begin, int64_t end) {
    auto at = [](T* base, int64_t i) { return base ? base + i : nullptr; };
    if constexpr (sizeof(T) >= 4) {
      update(p + begin, g + begin, at(s1, begin), at(s2, begin), at(s3, begin), end - begin);
    } else {
      float buffers[5][kBlock];
      for (int64_t i = begin; i < end; i += kBlock) {
        const int64_t n = std::min(kBlock, end - i);
        T* places[4] = {p + i, at(s1, i), at(s2, i), at(s3, i)};
        for (int k = 0; k < 4; ++k)
          if (places[k]) widen(places[k], buffers[k], n);
        widen(g + i, buffers[4], n);
        auto buffer = [&](int k) { return places[k] ? buffers[k] : nullptr; };
        update(buffers[0], static_cast<const float*>(buffers[4]), buffer(1), buffer(2), buffer(3), n);
        for (int k = 0; k < 4; ++k)
          if (places[k]) narrow(buffers[k], places[k], n);
      }
    }
  });
}

template <class T>
void run(const OptimizerCall& call) {
  if (call.kind == OptimizerKind::Sgd) {
    const SgdStep step{call.lr,       call.beta1,    call.beta2,     call.weight_decay,
                       call.nesterov, call.maximize, call.first_step};
    each_chunk<T>(call, [&](auto* p, const auto* g, auto* s1, auto*, auto*, int64_t n) {
      sgd_update(step, p, g, s1, n);
    });
    return;
  }
  const bool decoupled = call.kind == OptimizerKind::AdamW;
  const AdamStep step{call.beta1,
                      call.beta2,
                      call.weight_decay,
                      call.eps,
                      call.lr / (1 - std::pow(call.beta1, call.step)),
                      1 / std::sqrt(1 - std::pow(call.beta2, call.step)),
                      decoupled ? 1 - call.lr * call.weight_decay : 1.0,
                      decoupled,
                      call.amsgrad,
                      call.maximize};
  each_chunk<T>(call, [&](auto* p, const auto* g, auto* m, auto* v, auto* vmax, int64_t n) {
    adam_update(step, p, g, m, v, vmax, n);
  });
}

}  // namespace

void optimizer_step(const OptimizerCall& call) {
  switch (call.param.impl()->dtype()) {
    case DType::Float32:
      return run<float>(call);
    case DType::Float64:
      return run<double>(call);
    case DType::Float16:
      return run<Half>(call);
    default:
      return run<BFloat16>(call);
  }
}

}  // namespace rustorch::cpu
