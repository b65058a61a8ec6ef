// Optimizers: SGD, Adam, AdamW, with PyTorch's formulas and defaults.
//
//   rt::optim::AdamW optimizer(net->parameters(), rt::optim::AdamWOptions(2e-3).weight_decay(1e-2));
//   optimizer.zero_grad(); loss.backward(); optimizer.step();
//
// An optimizer keeps handles of the parameters and state of its own; parameters without a gradient are
// skipped. Not thread-safe.
#pragma once
#include <cstdint>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch::optim {

/// An option with a setter that chains and a getter of the same name.
#define RT_OPTION(T, name, initial)              \
 public:                                         \
  auto& name(T v) { return name##_ = v, *this; } \
  T name() const { return name##_; }             \
                                                 \
 private:                                        \
  T name##_ = initial

class SGDOptions {
 public:
  SGDOptions(double lr = 1e-3) : lr_(lr) {}
  RT_OPTION(double, lr, 1e-3);
  RT_OPTION(double, momentum, 0);
  RT_OPTION(double, dampening, 0);
  RT_OPTION(double, weight_decay, 0);
  RT_OPTION(bool, nesterov, false);
};

class AdamOptions {
 public:
  AdamOptions(double lr = 1e-3) : lr_(lr) {}
  RT_OPTION(double, lr, 1e-3);
  RT_OPTION(double, beta1, 0.9);
  RT_OPTION(double, beta2, 0.999);
  RT_OPTION(double, eps, 1e-8);
  RT_OPTION(double, weight_decay, 0);
  RT_OPTION(bool, amsgrad, false);
};

class AdamWOptions {
 public:
  AdamWOptions(double lr = 1e-3) : lr_(lr) {}
  RT_OPTION(double, lr, 1e-3);
  RT_OPTION(double, beta1, 0.9);
  RT_OPTION(double, beta2, 0.999);
  RT_OPTION(double, eps, 1e-8);
  RT_OPTION(double, weight_decay, 1e-2);
  RT_OPTION(bool, amsgrad, false);
};

#undef RT_OPTION

/// Base: the parameters and the protocol.
class Optimizer {
 public:
  explicit Optimizer(std::vector<Tensor> parameters);
  virtual ~Optimizer() = default;
  /// Moves every parameter that has a gradient.
  virtual void step() = 0;
  /// Forgets the gradients (or sets them to zero).
  void zero_grad(bool set_to_none = true);
  const std::vector<Tensor>& parameters() const { return parameters_; }
  virtual double lr() const = 0;
  virtual void set_lr(double lr) = 0;

 private:
  std::vector<Tensor> parameters_;
};

/// Stochastic gradient descent with momentum (Sutskever et al., 2013).
class SGD final : public Optimizer {
 public:
  SGD(std::vector<Tensor> parameters, SGDOptions options);
  void step() override;
  double lr() const override { return options_.lr(); }
  void set_lr(double lr) override { options_.lr(lr); }

 private:
  SGDOptions options_;
  std::vector<Tensor> momentum_;
};

/// Adam (Kingma and Ba, 2015); the weight decay is added to the gradient.
class Adam : public Optimizer {
 public:
  Adam(std::vector<Tensor> parameters, AdamOptions options = {});
  void step() override;
  double lr() const override { return options_.lr(); }
  void set_lr(double lr) override { options_.lr(lr); }

 protected:
  Adam(std::vector<Tensor> parameters, AdamOptions options, bool decoupled);

 private:
  struct State {
    int64_t step = 0;
    Tensor mean, square, max_square;
  };
  void step_one(const Tensor& parameter, State& state);

  AdamOptions options_;
  bool decoupled_;
  std::vector<State> states_;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
class AdamW final : public Adam {
 public:
  AdamW(std::vector<Tensor> parameters, AdamWOptions options = {});
};

}  // namespace rustorch::optim
