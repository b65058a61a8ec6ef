// Optimizer steps on lists of tensors: checks, step counters, and one kernel call per parameter. All memory
// is taken before anything is written, so that a step that fails for want of memory changed nothing.
#include "autograd/record.h"
#include "gen/impl.h"
#include "ops/nn_common.h"

namespace rustorch::impl {
namespace {

void check_list(const char* op, TensorList params, TensorList list, const char* name) {
  RT_CHECK(list.size() == params.size(), Value, op, name, " must have one tensor per parameter; got ",
           static_cast<int64_t>(list.size()), "; expected ", static_cast<int64_t>(params.size()));
  for (size_t i = 0; i < list.size(); ++i) {
    RT_CHECK(list[i].sizes() == params[i].sizes(), Shape, op, name,
             " must have the shapes of the parameters; got ", list[i].sizes(), "; expected ",
             params[i].sizes());
    RT_CHECK(list[i].dtype() == params[i].dtype(), DType, op, name, " must have the parameter's dtype; got ",
             list[i].dtype(), "; expected ", params[i].dtype());
  }
}

// A state that the kernel may treat as flat memory in the parameter's order; copied back by finish()
// otherwise.
class FlatState {
 public:
  FlatState() = default;
  FlatState(const Tensor& original, const Tensor& param) : original_(original), flat_(original) {
    if (!original.defined()) return;
    if (original.strides() == param.strides() && param.impl()->is_non_overlapping_and_dense()) return;
    flat_ = contiguous_raw(original);
    copied_ = !flat_.is_same(original);
  }
  const Tensor& get() const { return flat_; }
  void finish() const {
    if (copied_) backend_for(original_).copy(original_, flat_);
    if (original_.defined()) bump_version(original_);
  }

 private:
  Tensor original_, flat_;
  bool copied_ = false;
};

/// The tensors of one parameter, made ready so that the step itself asks for no memory: copies whose layouts
/// agree where they differ, and memory of its own for what shares its bytes until written.
class Prepared {
 public:
  Prepared(const Tensor& param, const Tensor& grad, const Tensor& s1, const Tensor& s2, const Tensor& s3)
      : grad_(grad) {
    if (param.numel() == 0) return;
    const Tensor* all[4] = {&param, &s1, &s2, &s3};
    bool same = param.impl()->is_non_overlapping_and_dense() && grad.strides() == param.strides();
    for (const Tensor* s : all) same = same && (!s->defined() || s->strides() == param.strides());
    Tensor anchor = param;
    if (!same) {
      anchor = make_tensor(param.sizes(), param.dtype(), param.device());
      grad_ = contiguous_raw(grad);
    }
    for (int i = 0; i < 4; ++i) {
      writes_[i] = FlatState(*all[i], anchor);
      if (!all[i]->defined() || !all[i]->device().is_cpu()) continue;
      (void)all[i]->impl()->mutable_data<char>();
      (void)writes_[i].get().impl()->mutable_data<char>();
    }
  }

  void run(OptimizerCall& call) const {
    const Tensor& param = writes_[0].get();
    if (!param.defined()) return;
    call.param = param;
    call.grad = grad_;
    call.state1 = writes_[1].get();
    call.state2 = writes_[2].get();
    call.state3 = writes_[3].get();
    backend_for(param).optimizer_step(call);
    for (const FlatState& s : writes_) s.finish();
  }

 private:
  Tensor grad_;
  FlatState writes_[4];  // parameter and states; all undefined for a parameter without elements
};

/// Runs the steps that `make(i)` prepares: all of them or, when memory runs out before the first, none.
template <class Make, class Before>
void run_all(OptimizerCall& call, size_t count, Make&& make, Before&& before) {
  std::vector<Prepared> steps;
  steps.reserve(count);
  for (size_t i = 0; i < count; ++i) steps.push_back(make(i));
  for (size_t i = 0; i < count; ++i) {
    before(i);
    steps[i].run(call);
  }
}

void check_params(const char* op, TensorList params) {
  for (const Tensor& p : params)
    RT_CHECK(is_floating_point(p.dtype()), DType, op, "parameters must be floating-point tensors; got ",
             p.dtype());
}

/// Adds to a counter of steps, whose memory is then its own; returns it. It is float64 where that is the
/// default dtype.
double own_step(const Tensor& step, int more) {
  if (step.dtype() == kFloat64) return *step.impl()->mutable_data<double>() += more;
  return static_cast<double>(*step.impl()->mutable_data<float>() += static_cast<float>(more));
}

void adam(const char* op, OptimizerKind kind, TensorList params, TensorList grads, TensorList exp_avgs,
          TensorList exp_avg_sqs, TensorList max_exp_avg_sqs, TensorList state_steps, OptimizerCall& call) {
  call.kind = kind;
  check_params(op, params);
  check_list(op, params, grads, "grads");
  check_list(op, params, exp_avgs, "exp_avgs");
  check_list(op, params, exp_avg_sqs, "exp_avg_sqs");
  if (call.amsgrad) check_list(op, params, max_exp_avg_sqs, "max_exp_avg_sqs");
  RT_CHECK(state_steps.size() == params.size(), Value, op,
           "state_steps must have one tensor per parameter; got ", static_cast<int64_t>(state_steps.size()));
  for (const Tensor& s : state_steps)
    RT_CHECK(s.numel() == 1 && (s.dtype() == kFloat32 || s.dtype() == kFloat64) && s.device().is_cpu(), Value,
             op, "state_steps must be float32 or float64 CPU tensors of one element; got ", s.dtype(),
             " of shape ", s.sizes());
  run_all(
      call, params.size(),
      [&](size_t i) {
        (void)own_step(state_steps[i], 0);
        return Prepared(params[i], grads[i], exp_avgs[i], exp_avg_sqs[i],
                        call.amsgrad ? max_exp_avg_sqs[i] : Tensor());
      },
      [&](size_t i) {
        call.step = own_step(state_steps[i], 1);
        bump_version(state_steps[i]);
      });
}

}  // namespace

void _fused_sgd_(TensorList params, TensorList grads, TensorList momentum_buffers, double lr, double momentum,
                 double dampening, double weight_decay, bool nesterov, bool maximize, bool is_first_step) {
  check_params("_fused_sgd_", params);
  check_list("_fused_sgd_", params, grads, "grads");
  if (momentum != 0) check_list("_fused_sgd_", params, momentum_buffers, "momentum_buffers");
  OptimizerCall call{};
  call.kind = OptimizerKind::Sgd;
  call.lr = lr;
  call.beta1 = momentum;
  call.beta2 = dampening;
  call.weight_decay = weight_decay;
  call.nesterov = nesterov;
  call.maximize = maximize;
  call.first_step = is_first_step;
  run_all(
      call, params.size(),
      [&](size_t i) {
        return Prepared(params[i], grads[i], momentum != 0 ? momentum_buffers[i] : Tensor(), {}, {});
      },
      [](size_t) {});
}

#define RT_ADAM_CALL                \
  OptimizerCall call{};             \
  call.lr = lr;                     \
  call.beta1 = beta1;               \
  call.beta2 = beta2;               \
  call.weight_decay = weight_decay; \
  call.eps = eps;                   \
  call.amsgrad = amsgrad;           \
  call.maximize = maximize;

void _fused_adam_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                  TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                  double weight_decay, double eps, bool amsgrad, bool maximize) {
  RT_ADAM_CALL
  adam("_fused_adam_", OptimizerKind::Adam, params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs,
       state_steps, call);
}

void _fused_adamw_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs,
                   TensorList max_exp_avg_sqs, TensorList state_steps, double lr, double beta1, double beta2,
                   double weight_decay, double eps, bool amsgrad, bool maximize) {
  RT_ADAM_CALL
  adam("_fused_adamw_", OptimizerKind::AdamW, params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs,
       state_steps, call);
}

#undef RT_ADAM_CALL

}  // namespace rustorch::impl
