// SGD and Adam on lists of tensors: what the caller's flags mean, step counters, and one call of the formula
// (ops/optim.ops) per list or, where the counters differ, per parameter.
#include <cmath>

#include "autograd/record.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/optim_step.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::impl {
namespace {

struct AdamNumbers {
  double lr, beta1, beta2, weight_decay, eps;
  bool amsgrad, maximize, decoupled;
};

/// Adds to a counter of steps, whose memory is then its own; returns it. It is float64 where that is the
/// default dtype.
double own_step(const Tensor& step, int more) {
  if (step.dtype() == kFloat64) return *step.impl()->mutable_data<double>() += more;
  return static_cast<double>(*step.impl()->mutable_data<float>() += static_cast<float>(more));
}

void adam(const char* op, const AdamNumbers& o, TensorList params, TensorList grads, TensorList exp_avgs,
          TensorList exp_avg_sqs, TensorList max_exp_avg_sqs, TensorList state_steps) {
  // All memory is taken here: a step that fails for want of it has changed and counted nothing.
  static constexpr const char* kNames[] = {"params", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs"};
  const TensorList lists[] = {params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs};
  prepare_lists(op, kNames, lists, o.amsgrad ? 5 : 4, 0b11101);
  RT_CHECK(state_steps.size() == params.size(), Value, op,
           "state_steps must have one tensor per parameter; got ", static_cast<int64_t>(state_steps.size()));
  for (const Tensor& s : state_steps)
    RT_CHECK(s.numel() == 1 && (s.dtype() == kFloat32 || s.dtype() == kFloat64) && s.device().is_cpu(), Value,
             op, "state_steps must be float32 or float64 CPU tensors of one element; got ", s.dtype(),
             " of shape ", s.sizes());
  for (const Tensor& s : state_steps) (void)own_step(s, 0);
  for (size_t i = 0; i < params.size(); ++i) {
    const double step = own_step(state_steps[i], 1);
    bump_version(state_steps[i]);
    const double rate = o.lr / (1 - std::pow(o.beta1, step));
    const double root = 1 / std::sqrt(1 - std::pow(o.beta2, step));
    const double shrink = o.decoupled ? 1 - o.lr * o.weight_decay : 1;
    const double decay = o.decoupled ? 0 : o.weight_decay;
    const auto one = [i](TensorList list) { return TensorList(&list[i], 1); };
    if (o.amsgrad)
      _step_adam_amsgrad_(one(params), one(grads), one(exp_avgs), one(exp_avg_sqs), one(max_exp_avg_sqs),
                          rate, root, o.beta1, o.beta2, o.eps, decay, shrink, o.maximize);
    else
      _step_adam_(one(params), one(grads), one(exp_avgs), one(exp_avg_sqs), rate, root, o.beta1, o.beta2,
                  o.eps, decay, shrink, o.maximize);
  }
}

}  // namespace

void _fused_sgd_(TensorList params, TensorList grads, TensorList momentum_buffers, double lr, double momentum,
                 double dampening, double weight_decay, bool nesterov, bool maximize, bool is_first_step) {
  if (momentum == 0) return _step_sgd_(params, grads, lr, weight_decay, maximize);
  _step_sgd_momentum_(params, grads, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov,
                      maximize, is_first_step);
}

void _fused_adam_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                  TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                  double weight_decay, double eps, bool amsgrad, bool maximize) {
  adam("_fused_adam_", {lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, false}, params, grads,
       exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps);
}

void _fused_adamw_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                   TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                   double weight_decay, double eps, bool amsgrad, bool maximize) {
  adam("_fused_adamw_", {lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, true}, params, grads,
       exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps);
}

}  // namespace rustorch::impl
