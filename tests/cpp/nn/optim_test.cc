// Optimizers and schedulers as C++ programs use them: groups, hooks, saving, line search, schedules.
#include "rustorch/optim.h"

#include <gtest/gtest.h>

#include <cmath>

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/nn.h"
#include "rustorch/ops.h"

namespace rustorch::optim {
namespace {

Tensor parameter(std::initializer_list<TensorData> values) {
  return tensor(values, TensorOptions(kFloat64)).requires_grad_(true);
}

void descend(Optimizer& optimizer, const std::vector<Tensor>& parameters, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    for (const Tensor& p : parameters) (p * p * (i + 1)).sum().backward();
    optimizer.step();
  }
}

template <class Opt, class Options>
void expect_resumes(const Options& options) {
  const Tensor a = parameter({{1., -2.}, {3., 0.5}}), b = a.detach().clone().requires_grad_(true);
  Opt first({a}, options), second({b}, options);
  descend(first, {a}, 3);
  descend(second, {b}, 3);
  // A third one goes on from the saved bytes as the first one does.
  Opt third({b}, options);
  third.load_state_dict(load_bytes(save_bytes(second.state_dict())));
  descend(first, {a}, 3);
  descend(third, {b}, 3);
  // Loading gives state the parameter's dtype, as in PyTorch: some scalars go on in float64.
  EXPECT_TRUE(allclose(a, b, 1e-6, 1e-7)) << a.str() << b.str();
  EXPECT_FALSE(equal(a, tensor({{1., -2.}, {3., 0.5}}, TensorOptions(kFloat64))));
}

TEST(Optimizers, ResumeFromTheirState) {
  expect_resumes<SGD>(SGDOptions(0.01).momentum(0.9));
  expect_resumes<Adam>(AdamOptions(0.1).amsgrad(true));
  expect_resumes<AdamW>(AdamWOptions(0.1));
  expect_resumes<Adadelta>(AdadeltaOptions());
  expect_resumes<Adagrad>(AdagradOptions(0.1));
  expect_resumes<Adamax>(AdamaxOptions(0.1));
  expect_resumes<NAdam>(NAdamOptions(0.1));
  expect_resumes<RAdam>(RAdamOptions(0.1));
  expect_resumes<ASGD>(ASGDOptions(0.01));
  expect_resumes<RMSprop>(RMSpropOptions(0.01).momentum(0.9).centered(true));
  expect_resumes<Rprop>(RpropOptions(0.01));
  expect_resumes<Adafactor>(AdafactorOptions(0.1));
  expect_resumes<Muon>(MuonOptions(0.1));
  expect_resumes<Lion>(LionOptions(0.01));
  expect_resumes<LAMB>(LAMBOptions(0.1));
  expect_resumes<AdaBound>(AdaBoundOptions(0.1));
}

TEST(Optimizers, GroupsAndHooks) {
  const Tensor a = parameter({1.}), b = parameter({1.});
  SGD optimizer({OptimizerParamGroup({a}, SGDOptions(0.5)), OptimizerParamGroup({b})}, SGDOptions(0.25));
  int calls = 0;
  optimizer.register_step_pre_hook([&](Optimizer&) { ++calls; });
  optimizer.register_step_post_hook([&](Optimizer&) { calls += 10; });
  const Tensor loss = optimizer.step([&] {
    optimizer.zero_grad();
    const Tensor out = (a + b).sum();
    out.backward();
    return out;
  });
  EXPECT_EQ(loss.item<double>(), 2.0);
  EXPECT_EQ(a.item<double>(), 0.5);
  EXPECT_EQ(b.item<double>(), 0.75);
  EXPECT_EQ(calls, 11);
  EXPECT_THROW(optimizer.add_param_group(OptimizerParamGroup({a})), RusTorchError);
  EXPECT_THROW(optimizer.load_state_dict(SGD({parameter({1.})}).state_dict()), RusTorchError);
  EXPECT_THROW(Adam({parameter({1.})}, AdamOptions().betas({1.0, 0.9})), RusTorchError);
  EXPECT_THROW(SGD({parameter({1.})}, SGDOptions(-1)), RusTorchError);
  optimizer.zero_grad(false);
  EXPECT_EQ(a.grad().item<double>(), 0.0);
}

TEST(Optimizers, LbfgsFindsTheMinimum) {
  for (const bool wolfe : {false, true}) {
    const Tensor x = parameter({-1.5, 2.});
    LBFGSOptions options(wolfe ? 1.0 : 0.05);
    options.max_iter(wolfe ? 40 : 60);
    if (wolfe) options.line_search_fn("strong_wolfe");
    LBFGS optimizer({x}, options);
    const auto closure = [&] {
      optimizer.zero_grad();
      const Tensor a = x.select(0, 0), b = x.select(0, 1);
      const Tensor loss = (Scalar(1) - a).square() + (b - a * a).square() * 5;
      loss.backward();
      return loss;
    };
    for (int i = 0; i < 5; ++i) optimizer.step(closure);
    EXPECT_LT(closure().item<double>(), wolfe ? 1e-8 : 0.5);
  }
}

TEST(Schedulers, FollowTheirFormulas) {
  const auto path = [](auto&& make, int steps) {
    SGD optimizer({parameter({1.})}, SGDOptions(1.0).momentum(0.9));
    auto schedule = make(optimizer);
    std::vector<double> out = {optimizer.lr()};
    for (int i = 0; i < steps; ++i) {
      schedule->step();
      out.push_back(optimizer.lr());
    }
    return out;
  };
  const auto near = [](const std::vector<double>& got, const std::vector<double>& want) {
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-12) << i;
  };
  near(path([](Optimizer& o) { return std::make_unique<StepLR>(o, 2, 0.5); }, 4), {1, 1, .5, .5, .25});
  near(path(
           [](Optimizer& o) {
             return std::make_unique<MultiStepLR>(o, std::vector<int64_t>{1, 3}, 0.5);
           },
           3),
       {1, .5, .5, .25});
  near(
      path(
          [](Optimizer& o) { return std::make_unique<LambdaLR>(o, [](int64_t e) { return 1.0 / (1 + e); }); },
          2),
      {1, .5, 1.0 / 3});
  near(path([](Optimizer& o) { return std::make_unique<LinearLR>(o, 0.5, 1.0, 2); }, 3), {.5, .75, 1, 1});
  near(path([](Optimizer& o) { return std::make_unique<CosineAnnealingLR>(o, 2.0); }, 4), {1, .5, 0, .5, 1});
  near(path([](Optimizer& o) { return std::make_unique<CosineAnnealingWarmRestarts>(o, 2, 2); }, 4),
       {1, .5, 1, (1 + std::sqrt(.5)) / 2, .5});
  near(path(
           [](Optimizer& o) {
             auto warm = std::make_shared<ConstantLR>(o, 0.5, 2);
             auto decay = std::make_shared<ExponentialLR>(o, 0.9);
             return std::make_unique<SequentialLR>(o, std::vector<std::shared_ptr<LRScheduler>>{warm, decay},
                                                   std::vector<int64_t>{2});
           },
           4),
       {.5, .5, 1, .9, .81});
  near(path(
           [](Optimizer& o) {
             return std::make_unique<ChainedScheduler>(std::vector<std::shared_ptr<LRScheduler>>{
                 std::make_shared<StepLR>(o, 2, 0.5), std::make_shared<ExponentialLR>(o, 0.5)});
           },
           2),
       {1, .5, .125});
}

TEST(Schedulers, PlateauAndState) {
  SGD optimizer({parameter({1.})}, SGDOptions(1.0));
  ReduceLROnPlateau plateau(optimizer, {.factor = 0.5, .patience = 1});
  for (const double metric : {3.0, 2.0, 2.0, 2.0}) plateau.step(metric);
  EXPECT_EQ(optimizer.lr(), 0.5);
  EXPECT_EQ(plateau.best(), 2.0);
  EXPECT_THROW(plateau.step(), RusTorchError);

  OneCycleLR cycle(optimizer, 1.0, 10, {.cycle_momentum = false});
  for (int i = 0; i < 4; ++i) cycle.step();
  const SavedValue state = load_bytes(save_bytes(cycle.state_dict()));
  SGD other({parameter({1.})}, SGDOptions(1.0));
  OneCycleLR twin(other, 1.0, 10, {.cycle_momentum = false});
  twin.load_state_dict(state);
  EXPECT_EQ(twin.last_epoch(), 4);
  cycle.step();
  twin.step();
  EXPECT_EQ(other.lr(), optimizer.lr());
}

// Steps are compared with Python's in tests/parity; here are errors and what C++ does in its own way.
TEST(Optimizers, SparseAdamTakesRows) {
  const Tensor p = parameter({1., 2., 3.}), q = parameter({1., 2., 3.});
  SparseAdam one({p}), twice({q});
  one.step_rows(p, tensor({2, 0}), tensor({0.5, 1.5}));
  twice.step_rows(q, tensor({2, 0, 0}), tensor({0.5, 1.0, 0.5}));  // gradients of a row are added
  EXPECT_TRUE(equal(p, q));
  EXPECT_EQ(p.detach().select(0, 1).item<double>(), 2);
  EXPECT_THROW(one.step_rows(q, tensor({0}), tensor({1.0})), RusTorchError);
  p.set_grad(ones_like(p).detach());
  EXPECT_THROW(one.step(), RusTorchError);
  EXPECT_THROW(SparseAdam({p}, SparseAdamOptions(0.0)), RusTorchError);
}

TEST(Averages, ErrorsAndState) {
  EXPECT_THROW(get_ema_avg_fn(1.5), RusTorchError);
  const nn::Linear net(2, 1);
  EXPECT_THROW(AveragedModel(
                   net, AveragedModelOptions().avg_fn(get_swa_avg_fn()).multi_avg_fn(get_swa_multi_avg_fn())),
               RusTorchError);
  AveragedModel average(net);
  average->update_parameters(net);
  const AveragedModel copy(net);
  copy->load_state_dict(average->state_dict());
  EXPECT_EQ(copy->n_averaged.item<int64_t>(), 1);
  EXPECT_TRUE(equal(average(ones({1, 2})), net(ones({1, 2}))));
  SGD optimizer({parameter({1.})}, SGDOptions(1.0));
  EXPECT_THROW(SWALR(optimizer, 0.1, 5, "quick"), RusTorchError);
  EXPECT_THROW(SWALR(optimizer, 0.1, -1), RusTorchError);
}

}  // namespace
}  // namespace rustorch::optim
