// Custom functions, the numerical check, kept and assigned gradients, detaching: the parts of differentiation
// that only C++ programs reach by these roads.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

struct Cube : autograd::Function<Cube> {
  static std::vector<Tensor> forward(autograd::Context& ctx, const std::vector<Tensor>& in) {
    ctx.save_for_backward({in[0]});
    return {in[0].pow(3)};
  }
  static std::vector<Tensor> backward(autograd::Context& ctx, const std::vector<Tensor>& grads) {
    const Tensor x = ctx.get_saved_variables()[0];
    return {grads[0].mul(x.mul(x)).mul(3)};
  }
};

/// A wrong slope.
struct WrongSlope : autograd::Function<WrongSlope> {
  static std::vector<Tensor> forward(autograd::Context&, const std::vector<Tensor>& in) {
    return {in[0].pow(2)};
  }
  static std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& grads) {
    return {grads[0]};
  }
};

struct TooMany : autograd::Function<TooMany> {
  static std::vector<Tensor> forward(autograd::Context&, const std::vector<Tensor>& in) {
    return {in[0].mul(2)};
  }
  static std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& grads) {
    return {grads[0], grads[0]};
  }
};

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const RusTorchError& e) {
    return e.what();
  }
  return "";
}

TEST(CustomFunction, SavesChecksAndCounts) {
  const Tensor x = arange(1, 4, 1, kFloat64).requires_grad_(true);
  const Tensor y = Cube::apply({x})[0];
  EXPECT_TRUE(autograd::grad({y.sum()}, {x}, {}, true)[0].equal(x.detach().pow(2).mul(3)));
  autograd::backward({y.sum()});
  EXPECT_NE(error_of([&] { autograd::backward({y.sum()}); }).find("second time"), std::string::npos);
  const Tensor written = x.mul(1), z = Cube::apply({written})[0];
  written.add_(1);
  EXPECT_NE(error_of([&] { autograd::backward({z.sum()}); }).find("modified by an inplace"),
            std::string::npos);
  const Tensor w = TooMany::apply({x})[0];
  EXPECT_NE(error_of([&] { autograd::backward({w.sum()}); }).find("incorrect number of gradients"),
            std::string::npos);
  EXPECT_FALSE(Cube::apply({x.detach()})[0].requires_grad());
}

TEST(GradCheck, AcceptsRightSlopesAndRefusesWrongOnes) {
  const Tensor x = arange(1, 4, 1, kFloat64).requires_grad_(true);
  auto cube = [](const std::vector<Tensor>& in) { return Cube::apply({in[0]}); };
  EXPECT_TRUE(autograd::gradcheck(cube, {x}));
  auto wrong = [](const std::vector<Tensor>& in) { return WrongSlope::apply({in[0]}); };
  EXPECT_NE(error_of([&] { autograd::gradcheck(wrong, {x}); }).find("Jacobian mismatch"), std::string::npos);
  const Tensor narrow = ones({2}).requires_grad_(true);
  EXPECT_NE(error_of([&] { autograd::gradcheck(cube, {narrow}); }).find("must be float64"),
            std::string::npos);
}

TEST(Gradients, AreKeptAssignedAndRefused) {
  const Tensor x = ones({3}).requires_grad_(true), y = x.mul(2);
  y.retain_grad();
  EXPECT_TRUE(y.retains_grad());
  EXPECT_FALSE(x.retains_grad());
  y.mul(5).sum().backward({}, true);
  EXPECT_EQ(y.grad().sum().item<float>(), 15.0f);
  EXPECT_EQ(y.output_nr(), 0);
  EXPECT_NE(error_of([&] { ones({1}).retain_grad(); }).find("requires_grad=False"), std::string::npos);
  EXPECT_NE(error_of([&] { x.set_grad(ones({4})); }).find("different size"), std::string::npos);
  EXPECT_NE(error_of([&] { x.set_grad(ones({3}, kFloat64)); }).find("different type"), std::string::npos);
  EXPECT_NE(error_of([&] { x.set_grad(x); }).find("its own grad"), std::string::npos);
  x.set_grad(full({3}, 7.0));
  EXPECT_EQ(x.grad().sum().item<float>(), 21.0f);
  x.set_grad(Tensor());
  EXPECT_FALSE(x.grad().defined());
  EXPECT_NE(error_of([&] { y.requires_grad_(false); }).find("leaf variables"), std::string::npos);
  EXPECT_NE(error_of([&] { arange(3).requires_grad_(true); }).find("floating point"), std::string::npos);
}

TEST(Gradients, EndAtDetachedTensors) {
  const Tensor x = ones({4}).requires_grad_(true);
  const Tensor y = x.mul(2);
  y.detach_();
  EXPECT_TRUE(y.is_leaf() && !y.requires_grad());
  const Tensor base = x.mul(3), view = base.narrow(0, 0, 2);
  EXPECT_TRUE(view.is_view() && view.base().is_same(base));
  EXPECT_NE(error_of([&] { view.detach_(); }).find("Can't detach views in-place"), std::string::npos);
  const Tensor z = x.data();
  EXPECT_FALSE(z.requires_grad());
  x.set_data(full({2}, 5.0));
  EXPECT_EQ(x.numel(), 2);
  EXPECT_TRUE(x.requires_grad());
  EXPECT_NE(error_of([&] { x.set_data(Tensor()); }).find("undefined"), std::string::npos);
}

}  // namespace
}  // namespace rustorch
