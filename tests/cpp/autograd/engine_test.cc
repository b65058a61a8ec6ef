// The engine's less walked roads: chosen inputs, kept graphs of gradients, a backward inside a backward,
// gradients of wrong shapes, anomalies, written views of complex tensors, failing memory of shared storages.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/meta.h"
#include "autograd/node.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

void expect_error(ErrorKind kind, const char* part, const std::function<void()>& f) {
  try {
    f();
    ADD_FAILURE() << "no error; expected one with: " << part;
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

/// a * b; the gradient of what nobody asked for is left out.
struct Product : autograd::Function<Product> {
  inline static int computed = 0;
  static std::vector<Tensor> forward(autograd::Context& ctx, const std::vector<Tensor>& in) {
    EXPECT_FALSE(ctx.needs_input_grad(0)) << "not known before a backward runs";
    ctx.save_for_backward({in[0], in[1]});
    return {in[0].mul(in[1])};
  }
  static std::vector<Tensor> backward(autograd::Context& ctx, const std::vector<Tensor>& grads) {
    const std::vector<Tensor> saved = ctx.get_saved_variables();
    std::vector<Tensor> out(2);
    for (size_t i = 0; i < 2; ++i) {
      if (!ctx.needs_input_grad(i)) continue;
      ++computed;
      out[i] = grads[0].mul(saved[1 - i]);
    }
    expect_error(ErrorKind::Index, "has 2 inputs", [&] { ctx.needs_input_grad(2); });
    return out;
  }
};

TEST(Engine, BackwardIntoChosenInputs) {
  const Tensor a = full({3}, 2.0).requires_grad_(true), b = full({3}, 5.0).requires_grad_(true);
  const Tensor y = Product::apply({a, b})[0];
  Product::computed = 0;
  autograd::backward({y}, {full({3}, 10.0)}, true, false, {a});
  EXPECT_EQ(Product::computed, 1);
  EXPECT_TRUE(a.grad().equal(full({3}, 50.0)));
  EXPECT_FALSE(b.grad().defined());
  autograd::backward({y}, {ones({3})}, true);
  EXPECT_TRUE(a.grad().equal(full({3}, 55.0)));
  EXPECT_TRUE(b.grad().equal(full({3}, 2.0)));
  expect_error(ErrorKind::Autograd, "does not require grad",
               [&] { autograd::backward({y}, {ones({3})}, true, false, {ones({3})}); });
  expect_error(ErrorKind::Shape, "Mismatch in shape: grad_output[0] has a shape of [2]",
               [&] { autograd::backward({y}, {ones({2})}); });
  expect_error(ErrorKind::Autograd, "required to have the same dtype",
               [&] { autograd::backward({y}, {ones({3}, kComplex64)}); });
  expect_error(ErrorKind::Autograd, "got 1 tensors and 2 gradients", [&] {
    autograd::backward({y}, {ones({3}), ones({3})});
  });
}

TEST(Engine, GradientsWithGraphsAddUp) {
  const Tensor x = full({2}, 3.0, kFloat64).requires_grad_(true);
  autograd::backward({x.pow(3).sum()}, {}, false, true);
  autograd::backward({x.pow(2).sum()}, {}, false, true);
  EXPECT_TRUE(x.grad().detach().equal(full({2}, 27.0 + 6.0, kFloat64)));
  const Tensor second = autograd::grad({x.grad().sum()}, {x})[0];
  EXPECT_TRUE(second.equal(full({2}, 6.0 * 3.0 + 2.0, kFloat64)));
  x.set_grad(Tensor());  // a gradient with a graph to its own leaf is a cycle
}

/// Twice its argument; its backward goes once through the graph that it is a node of.
struct Again : autograd::Function<Again> {
  inline static bool inside = false;
  inline static Tensor root, leaf, found;
  static std::vector<Tensor> forward(autograd::Context&, const std::vector<Tensor>& in) {
    return {in[0].mul(2)};
  }
  static std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& grads) {
    if (!inside) {
      inside = true;
      found = autograd::grad({root}, {leaf}, {}, true)[0];
      inside = false;
    }
    return {grads[0].mul(2)};
  }
};

TEST(Engine, ABackwardInsideABackwardOfTheSameGraph) {
  Again::leaf = ones({4}).requires_grad_(true);
  Again::root = Again::apply({Again::leaf})[0].mul(3).sum();
  Again::root.backward({}, true);
  EXPECT_TRUE(Again::found.equal(full({4}, 6.0)));
  EXPECT_TRUE(Again::leaf.grad().equal(full({4}, 6.0)));
  Again::root = Again::leaf = Again::found = Tensor();
}

/// Its gradient has another shape than its argument.
struct WrongShape : autograd::Function<WrongShape> {
  static std::vector<Tensor> forward(autograd::Context&, const std::vector<Tensor>& in) {
    return {in[0].mul(2)};
  }
  static std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>&) { return {ones({5})}; }
};

/// Two results of which the second has no gradient.
struct WithIndices : autograd::Function<WithIndices> {
  static std::vector<Tensor> forward(autograd::Context& ctx, const std::vector<Tensor>& in) {
    const Tensor order = in[0].argsort();
    ctx.mark_non_differentiable({order});
    return {in[0].mul(3), order};
  }
  static std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& grads) {
    return {grads[0].mul(3)};
  }
};

TEST(Engine, GradientsMustFitTheirTensors) {
  const Tensor x = ones({3}).requires_grad_(true);
  const Tensor before = x.mul(1);
  expect_error(ErrorKind::Shape,
               "returned an invalid gradient; got [5] but expected shape compatible with [3]",
               [&] { WrongShape::apply({before})[0].sum().backward(); });
  const std::vector<Tensor> two = WithIndices::apply({x});
  EXPECT_FALSE(two[1].requires_grad());
  two[0].sum().backward();
  EXPECT_TRUE(x.grad().equal(full({3}, 3.0)));
}

TEST(Engine, AnomaliesAreNamed) {
  AnomalyDetectionGuard watch;
  const Tensor x = zeros({2}).requires_grad_(true);
  expect_error(ErrorKind::Autograd, "DivBackward0' returned nan values in its 1th output",
               [&] { x.mul(0).div(x.mul(x)).sum().backward(); });
  const Tensor y = ones({2}).requires_grad_(true);
  y.exp().sum().backward();
  EXPECT_TRUE(y.grad().defined());
}

TEST(Engine, LeavesAreNamedAndFound) {
  const Tensor x = ones({2}).requires_grad_(true);
  const Tensor y = x.mul(2);
  const Node* node = y.grad_fn();
  ASSERT_NE(node, nullptr);
  ASSERT_FALSE(node->edges().empty());
  const Node* leaf = node->edges()[0].fn.get();
  EXPECT_STREQ(leaf->name(), "AccumulateGrad");
  EXPECT_TRUE(leaf->variable().is_same(x));
  EXPECT_FALSE(node->variable().defined());
}

TEST(Engine, WhatIsOverwrittenGetsNoGradient) {
  const Tensor x = full({2, 3}, 2.0, kFloat64).requires_grad_(true);
  const Tensor y = x.mul(5);
  y.select(0, 0).zero_();
  EXPECT_STREQ(y.grad_fn()->name(), "CopySlices");
  y.sum().backward();
  EXPECT_TRUE(x.grad().select(0, 0).equal(zeros({3}, kFloat64)));
  EXPECT_TRUE(x.grad().select(0, 1).equal(full({3}, 5.0, kFloat64)));
  const Tensor z = x.mul(5);
  z.floor_();
  EXPECT_TRUE(autograd::grad({z.sum()}, {x})[0].equal(zeros({2, 3}, kFloat64)));
}

TEST(Engine, WrittenTensorsAreKeptForTheGradientsOfOthers) {
  const Tensor power = full({3}, 3.0, kFloat64).requires_grad_(true);
  const Tensor x = full({3}, 2.0, kFloat64), y = full({3}, 2.0, kFloat64);
  x.pow_(power);
  EXPECT_TRUE(x.detach().equal(full({3}, 8.0, kFloat64)));
  const Tensor slope = autograd::grad({x.sum()}, {power})[0];
  EXPECT_TRUE(slope.equal(autograd::grad({y.pow(power).sum()}, {power})[0]));
}

TEST(Engine, RealViewsOfComplexTensorsAreWritten) {
  const Tensor x = ones({3}, kComplex128).mul(2).requires_grad_(true);
  const Tensor y = x.mul(1);
  view_as_real(y).select(1, 1).mul_(4);  // y = re + 4 im
  const Tensor pairs = view_as_real(y);
  EXPECT_TRUE(pairs.select(1, 0).detach().equal(full({3}, 2.0, kFloat64)));
  pairs.select(1, 1).sum().backward();
  EXPECT_TRUE(view_as_real(x.grad()).select(1, 1).equal(full({3}, 4.0, kFloat64)));
  EXPECT_TRUE(view_as_real(x.grad()).select(1, 0).equal(zeros({3}, kFloat64)));

  const Tensor r = ones({3, 2}, kFloat64).requires_grad_(true);
  const Tensor base = r.mul(1);
  view_as_complex(base).mul_(3);
  base.sum().backward();
  EXPECT_TRUE(r.grad().equal(full({3, 2}, 3.0, kFloat64)));
}

}  // namespace
}  // namespace rustorch
