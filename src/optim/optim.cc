#include "rustorch/optim.h"

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch::optim {

Optimizer::Optimizer(std::vector<Tensor> parameters) : parameters_(std::move(parameters)) {
  RT_CHECK(!parameters_.empty(), Value, "Optimizer", "got an empty parameter list");
  for (const Tensor& p : parameters_) RT_CHECK(p.defined(), Value, "Optimizer", "a parameter is undefined");
}

void Optimizer::zero_grad(bool set_to_none) {
  for (const Tensor& p : parameters_) {
    const Tensor g = p.grad();
    if (!g.defined()) continue;
    if (set_to_none) {
      p.set_grad({});
    } else {
      const NoGradGuard no_grad;
      p.set_grad(g.detach().zero_());
    }
  }
}

// ---- SGD

SGD::SGD(std::vector<Tensor> parameters, SGDOptions options)
    : Optimizer(std::move(parameters)), options_(options), momentum_(this->parameters().size()) {
  RT_CHECK(options.lr() >= 0 && options.momentum() >= 0 && options.weight_decay() >= 0, Value, "SGD",
           "lr, momentum and weight_decay must not be negative");
  RT_CHECK(!options.nesterov() || (options.momentum() > 0 && options.dampening() == 0), Value, "SGD",
           "Nesterov momentum requires a momentum and zero dampening");
}

void SGD::step() {
  const NoGradGuard no_grad;
  for (size_t i = 0; i < parameters().size(); ++i) {
    const Tensor& p = parameters()[i];
    Tensor g = p.grad();
    if (!g.defined()) continue;
    if (options_.weight_decay() != 0) g = g.add(p, options_.weight_decay());
    if (options_.momentum() != 0) {
      Tensor& buffer = momentum_[i];
      if (!buffer.defined()) {
        buffer = g.clone();
      } else {
        buffer.mul_(options_.momentum()).add_(g, 1 - options_.dampening());
      }
      g = options_.nesterov() ? g.add(buffer, options_.momentum()) : buffer;
    }
    p.add_(g, -options_.lr());
  }
}

// ---- Adam

Adam::Adam(std::vector<Tensor> parameters, AdamOptions options, bool decoupled)
    : Optimizer(std::move(parameters)),
      options_(options),
      decoupled_(decoupled),
      states_(this->parameters().size()) {
  RT_CHECK(options.lr() >= 0 && options.eps() >= 0 && options.weight_decay() >= 0, Value, "Adam",
           "lr, eps and weight_decay must not be negative");
  RT_CHECK(options.beta1() >= 0 && options.beta1() < 1 && options.beta2() >= 0 && options.beta2() < 1, Value,
           "Adam", "betas must lie in [0, 1); got ", options.beta1(), " and ", options.beta2());
}

Adam::Adam(std::vector<Tensor> parameters, AdamOptions options)
    : Adam(std::move(parameters), options, false) {}

AdamW::AdamW(std::vector<Tensor> parameters, AdamWOptions o)
    : Adam(std::move(parameters),
           AdamOptions(o.lr())
               .beta1(o.beta1())
               .beta2(o.beta2())
               .eps(o.eps())
               .weight_decay(o.weight_decay())
               .amsgrad(o.amsgrad()),
           true) {}

void Adam::step() {
  const NoGradGuard no_grad;
  for (size_t i = 0; i < parameters().size(); ++i) step_one(parameters()[i], states_[i]);
}

void Adam::step_one(const Tensor& p, State& s) {
  Tensor g = p.grad();
  if (!g.defined()) return;
  const double decay = options_.weight_decay();
  if (decoupled_) {
    p.mul_(1 - options_.lr() * decay);
  } else if (decay != 0) {
    g = g.add(p, decay);
  }
  if (s.step == 0) {
    s.mean = zeros_like(p).detach();
    s.square = zeros_like(p).detach();
    if (options_.amsgrad()) s.max_square = zeros_like(p).detach();
  }
  ++s.step;
  s.mean.lerp_(g, 1 - options_.beta1());
  s.square.mul_(options_.beta2()).addcmul_(g, g, 1 - options_.beta2());
  const Tensor* square = &s.square;
  if (options_.amsgrad()) {
    s.max_square = maximum(s.max_square, s.square);
    square = &s.max_square;
  }
  const auto t = static_cast<double>(s.step);
  const double correction1 = 1 - std::pow(options_.beta1(), t);
  const double correction2 = std::sqrt(1 - std::pow(options_.beta2(), t));
  const Tensor denominator = square->sqrt().div_(correction2).add_(options_.eps());
  p.addcdiv_(s.mean, denominator, -options_.lr() / correction1);
}

}  // namespace rustorch::optim
