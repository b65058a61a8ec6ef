// The optimizers, with the formulas, names and defaults of the Python package.
//
//   rt::optim::AdamW optimizer(net->parameters(), rt::optim::AdamWOptions(2e-3).weight_decay(1e-2));
//   optimizer.zero_grad(); loss.backward(); optimizer.step();
#pragma once
#include "rustorch/optim/optimizer.h"

namespace rustorch::optim {

struct SGDOptions : OptimizerOptions {
  SGDOptions(double lr = 1e-3);
  RT_NUMBER(lr)
  RT_NUMBER(momentum) RT_NUMBER(dampening) RT_NUMBER(weight_decay) RT_FLAG(nesterov) RT_FLAG(maximize)
};
struct AdamOptions : OptimizerOptions {
  AdamOptions(double lr = 1e-3);
  RT_NUMBER(lr)
  RT_PAIR(betas)
  RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(amsgrad) RT_FLAG(maximize) RT_FLAG(decoupled_weight_decay)
};
struct AdamWOptions : OptimizerOptions {
  AdamWOptions(double lr = 1e-3);
  RT_NUMBER(lr) RT_PAIR(betas) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(amsgrad) RT_FLAG(maximize)
};
struct AdadeltaOptions : OptimizerOptions {
  AdadeltaOptions(double lr = 1.0);
  RT_NUMBER(lr) RT_NUMBER(rho) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct AdagradOptions : OptimizerOptions {
  AdagradOptions(double lr = 1e-2);
  RT_NUMBER(lr)
  RT_NUMBER(lr_decay)
  RT_NUMBER(weight_decay) RT_NUMBER(initial_accumulator_value) RT_NUMBER(eps) RT_FLAG(maximize)
};
struct AdamaxOptions : OptimizerOptions {
  AdamaxOptions(double lr = 2e-3);
  RT_NUMBER(lr) RT_PAIR(betas) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct NAdamOptions : OptimizerOptions {
  NAdamOptions(double lr = 2e-3);
  RT_NUMBER(lr)
  RT_PAIR(betas)
  RT_NUMBER(eps)
  RT_NUMBER(weight_decay) RT_NUMBER(momentum_decay) RT_FLAG(decoupled_weight_decay) RT_FLAG(maximize)
};
struct RAdamOptions : OptimizerOptions {
  RAdamOptions(double lr = 1e-3);
  RT_NUMBER(lr)
  RT_PAIR(betas) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(decoupled_weight_decay) RT_FLAG(maximize)
};
struct ASGDOptions : OptimizerOptions {
  ASGDOptions(double lr = 1e-2);
  RT_NUMBER(lr) RT_NUMBER(lambd) RT_NUMBER(alpha) RT_NUMBER(t0) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct RMSpropOptions : OptimizerOptions {
  RMSpropOptions(double lr = 1e-2);
  RT_NUMBER(lr)
  RT_NUMBER(alpha)
  RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_NUMBER(momentum) RT_FLAG(centered) RT_FLAG(maximize)
};
struct RpropOptions : OptimizerOptions {
  RpropOptions(double lr = 1e-2);
  RT_NUMBER(lr) RT_PAIR(etas) RT_PAIR(step_sizes) RT_FLAG(maximize)
};
struct AdafactorOptions : OptimizerOptions {
  AdafactorOptions(double lr = 1e-2);
  RT_NUMBER(lr) RT_NUMBER(beta2_decay) RT_PAIR(eps) RT_NUMBER(d) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct MuonOptions : OptimizerOptions {
  MuonOptions(double lr = 1e-3);
  RT_NUMBER(lr)
  RT_NUMBER(weight_decay)
  RT_NUMBER(momentum)
  RT_FLAG(nesterov) RT_NUMBER(eps) RT_VALUE(int64_t, ns_steps) RT_VALUE(std::string, adjust_lr_fn)
};
struct LionOptions : OptimizerOptions {
  LionOptions(double lr = 1e-4);
  RT_NUMBER(lr) RT_PAIR(betas) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct LAMBOptions : OptimizerOptions {
  LAMBOptions(double lr = 1e-3);
  RT_NUMBER(lr) RT_PAIR(betas) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct AdaBoundOptions : OptimizerOptions {
  AdaBoundOptions(double lr = 1e-3);
  RT_NUMBER(lr)
  RT_PAIR(betas) RT_NUMBER(final_lr) RT_NUMBER(gamma) RT_NUMBER(eps) RT_NUMBER(weight_decay) RT_FLAG(maximize)
};
struct SparseAdamOptions : OptimizerOptions {
  SparseAdamOptions(double lr = 1e-3);
  RT_NUMBER(lr) RT_PAIR(betas) RT_NUMBER(eps) RT_FLAG(maximize)
};
struct LBFGSOptions : OptimizerOptions {
  LBFGSOptions(double lr = 1);
  RT_NUMBER(lr)
  RT_NUMBER(tolerance_grad)
  RT_NUMBER(tolerance_change)
  RT_FLAG(maximize) LBFGSOptions& max_iter(int64_t v);  ///< sets max_eval to 5/4 of it
  RT_VALUE(int64_t, max_eval)
  RT_VALUE(int64_t, history_size) RT_VALUE(std::string, line_search_fn)  ///< "strong_wolfe"
};

/// From groups of parameters, or from parameters that make one group.
#define RT_OPTIMIZER_CONSTRUCTORS(Name)                                       \
  Name(std::vector<OptimizerParamGroup> groups, Name##Options defaults = {}); \
  Name(std::vector<Tensor> parameters, Name##Options options = {})            \
      : Name(one_group(std::move(parameters)), std::move(options)) {}
/// An optimizer with a formula per parameter.
#define RT_OPTIMIZER(Name)                                                                             \
  class Name final : public Optimizer {                                                                \
   public:                                                                                             \
    RT_OPTIMIZER_CONSTRUCTORS(Name)                                                                    \
                                                                                                       \
   protected:                                                                                          \
    void init_state(const Tensor& p, OptimizerOptions& state, const OptimizerOptions& group) override; \
    void update(const Tensor& p, const Tensor& g, OptimizerOptions& state,                             \
                const OptimizerOptions& group) override;                                               \
  }
/// Zeiler 2012.
RT_OPTIMIZER(Adadelta);
/// Duchi et al. 2011.
RT_OPTIMIZER(Adagrad);
/// Kingma and Ba 2015: Adam with the infinity norm.
RT_OPTIMIZER(Adamax);
/// Dozat 2016: Adam with Nesterov momentum.
RT_OPTIMIZER(NAdam);
/// Liu et al. 2020: Adam whose adaptive rate is rectified in the first steps.
RT_OPTIMIZER(RAdam);
/// Polyak and Juditsky 1992: SGD with an average of the parameters in the state.
RT_OPTIMIZER(ASGD);
/// Hinton 2012.
RT_OPTIMIZER(RMSprop);
/// Riedmiller and Braun 1993.
RT_OPTIMIZER(Rprop);
/// Shazeer and Stern 2018; a first eps below 0 means the dtype's own.
RT_OPTIMIZER(Adafactor);
/// Jordan 2024: momentum made orthogonal by Newton-Schulz steps, for matrices.
RT_OPTIMIZER(Muon);
/// Chen et al. 2023.
RT_OPTIMIZER(Lion);
/// You et al. 2020.
RT_OPTIMIZER(LAMB);
/// Luo et al. 2019.
RT_OPTIMIZER(AdaBound);
#undef RT_OPTIMIZER

/// Stochastic gradient descent with momentum (Sutskever et al. 2013), one fused step per dtype.
class SGD final : public Optimizer {
 public:
  RT_OPTIMIZER_CONSTRUCTORS(SGD)

 protected:
  void update_group(OptimizerParamGroup& group) override;
};

/// Adam (Kingma and Ba 2015), one fused step per dtype; the weight decay is added to the gradient.
class Adam : public Optimizer {
 public:
  RT_OPTIMIZER_CONSTRUCTORS(Adam)

 protected:
  struct Decoupled {};
  Adam(Decoupled, std::vector<OptimizerParamGroup> groups, OptimizerOptions defaults);
  void init_state(const Tensor& p, OptimizerOptions& state, const OptimizerOptions& group) override;
  void update_group(OptimizerParamGroup& group) override;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
class AdamW final : public Adam {
 public:
  RT_OPTIMIZER_CONSTRUCTORS(AdamW)
};

/// Adam that touches only the rows that have a gradient: moments and parameters of the others stay as they
/// are.
class SparseAdam final : public Optimizer {
 public:
  RT_OPTIMIZER_CONSTRUCTORS(SparseAdam)
  /// One step of a parameter by the gradients `values` [n, ...] of its rows `rows` [n]; those of a row that
  /// comes more than once are added. Throws Value when p is none of the parameters.
  void step_rows(const Tensor& p, const Tensor& rows, const Tensor& values);

 protected:
  /// Throws Type: a dense gradient is for Adam.
  void update(const Tensor& p, const Tensor& g, OptimizerOptions& state,
              const OptimizerOptions& group) override;
};

/// Limited-memory BFGS with an optional strong-Wolfe line search, on one group; step() needs a closure.
class LBFGS final : public Optimizer {
 public:
  RT_OPTIMIZER_CONSTRUCTORS(LBFGS)
  Tensor step(const LossClosure& closure) override;
};

#undef RT_OPTIMIZER_CONSTRUCTORS
#undef RT_NUMBER
#undef RT_FLAG
#undef RT_PAIR
#undef RT_VALUE

}  // namespace rustorch::optim
