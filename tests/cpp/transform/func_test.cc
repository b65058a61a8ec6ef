// The function transforms of rustorch/func.h: values, nesting, lists of arguments, errors.
#include "rustorch/func.h"

#include <gtest/gtest.h>

#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/generator.h"
#include "rustorch/ops.h"

namespace rustorch::func {
namespace {

Tensor numbers(std::initializer_list<TensorData> items) { return tensor(items, TensorOptions(kFloat64)); }
Tensor cube(const Tensor& x) { return (x * x * x).sum(); }

TEST(Func, GradientsOfOneTensor) {
  const Tensor x = numbers({1., 2., 3.});
  EXPECT_TRUE(allclose(grad(cube)(x), x * x * 3));
  EXPECT_TRUE(allclose(grad([](const Tensor& t) { return grad(cube)(t).sum(); })(x), x * 6));
  const auto [g, value] = grad_and_value(TensorFunction(cube), x);
  EXPECT_TRUE(allclose(g, x * x * 3));
  EXPECT_EQ(value.item<double>(), 36);
  EXPECT_FALSE(x.requires_grad());
  EXPECT_FALSE(g.requires_grad());
  EXPECT_THROW(grad([](const Tensor& t) { return t * t; })(x), RusTorchError);
  EXPECT_THROW(grad(cube)(tensor({1, 2})), RusTorchError);
}

TEST(Func, GradientsThatTheTapeFollows) {
  const Tensor x = numbers({1., 2.}).requires_grad_(true);
  grad(cube)(x).sum().backward();
  EXPECT_TRUE(allclose(x.grad(), x.detach() * 6));
}

TEST(Func, ListsOfArguments) {
  const Function f = [](const Tensors& in) { return Tensors{(in[0] * in[1] * in[1]).sum()}; };
  const Tensor a = numbers({1., 2.}), b = numbers({3., 5.});
  EXPECT_TRUE(allclose(grad(f)({a, b})[0], b * b));
  const Tensors both = grad(f, {0, -1})({a, b});
  EXPECT_TRUE(allclose(both[1], a * b * 2));
  EXPECT_EQ(grad_and_value(f, {1})({a, b}).back().item<double>(), 59);
  const Tensors h = hessian(f, {0, 1})({a, b});
  ASSERT_EQ(h.size(), 4u);
  EXPECT_TRUE(allclose(h[1], diag_embed(b * 2)));
  EXPECT_TRUE(allclose(h[3], diag_embed(a * 2)));
  EXPECT_THROW(grad(f, {2})({a, b}), RusTorchError);
  EXPECT_THROW(grad(f, {1, 1})({a, b}), RusTorchError);
  EXPECT_THROW(grad(f, {})({a, b}), RusTorchError);
}

TEST(Func, ProductsWithTheJacobian) {
  const TensorFunction f = [](const Tensor& x) { return x.sin() * x.flip({0}); };
  const Tensor x = numbers({0.5, 1., 2.}), v = numbers({1., -1., 2.});
  const Tensor jacobian = jacrev(f)(x);
  EXPECT_TRUE(allclose(jacfwd(f)(x), jacobian));
  EXPECT_TRUE(allclose(jacrev(f, 2)(x), jacobian));
  const auto [value, pushed] = jvp(f, x, v);
  EXPECT_TRUE(allclose(value, f(x)));
  EXPECT_TRUE(allclose(pushed, jacobian.matmul(v)));
  const auto [output, pull] = vjp(f, x);
  EXPECT_TRUE(allclose(pull(v), jacobian.t().matmul(v)));
  EXPECT_TRUE(allclose(pull(v * 2), jacobian.t().matmul(v) * 2));  // as often as one likes
  const auto [again, push] = linearize([&](const Tensors& in) { return Tensors{f(in[0])}; }, {x});
  EXPECT_TRUE(allclose(push({v})[0], pushed));
  EXPECT_THROW(push({v.narrow(0, 0, 2)}), RusTorchError);
  EXPECT_THROW(jvp(f, x, v.to(kFloat32)), RusTorchError);
  EXPECT_TRUE(allclose(jvp([](const Tensor& t) { return t.detach() * 0 + 1; }, x, v).second, zeros_like(x)));
}

TEST(Func, Hessians) {
  const Tensor x = numbers({1., 2., 3.});
  EXPECT_TRUE(allclose(hessian(cube)(x), diag_embed(x * 6)));
  EXPECT_TRUE(allclose(jacrev(grad(cube))(x), diag_embed(x * 6)));
  EXPECT_TRUE(allclose(hessian([](const Tensor& t) { return t.sum(); })(x), zeros({3, 3}, kFloat64)));
}

TEST(Func, Vmap) {
  const Tensor m = arange(12, kFloat64).reshape({3, 4});
  const TensorFunction softmax_of = [](const Tensor& row) { return row.softmax(0); };
  EXPECT_TRUE(allclose(vmap(softmax_of)(m), m.softmax(1)));
  EXPECT_TRUE(allclose(vmap(softmax_of, 1)(m), m.softmax(0).t()));
  EXPECT_TRUE(allclose(vmap(softmax_of, 1, 1)(m), m.softmax(0)));
  const Function outer = [](const Tensors& in) { return Tensors{in[0].dot(in[1]), in[1] * 2}; };
  const Tensor w = numbers({1., 0., 2., 0.});
  VmapOptions options;
  options.in_dims = {0, std::nullopt};
  options.out_dims = {0, std::nullopt};
  const Tensors out = vmap(outer, options)({m, w});
  EXPECT_TRUE(allclose(out[0], m.matmul(w)));
  EXPECT_EQ(out[1].sizes(), IntArrayRef({4}));
  options.chunk_size = 2;
  EXPECT_TRUE(allclose(vmap(outer, options)({m, w})[0], m.matmul(w)));
  EXPECT_TRUE(allclose(vmap(grad(cube))(m), m * m * 3));  // per-sample gradients
  options.in_dims = {std::nullopt};
  EXPECT_THROW(vmap(outer, options)({m, w}), RusTorchError);
  EXPECT_THROW(vmap(outer)({m, w}), RusTorchError);  // 3 slices and 4
}

TEST(Func, RandomNumbersInsideVmap) {
  const Tensor m = zeros({4, 2});
  const Function noise = [](const Tensors& in) { return Tensors{in[0] + randn({2})}; };
  EXPECT_THROW(vmap(noise)({m}), RusTorchError);
  VmapOptions options;
  options.randomness = "same";
  Tensor t = vmap(noise, options)({m})[0];
  EXPECT_TRUE(equal(t.select(0, 0), t.select(0, 3)));
  options.chunk_size = 3;
  t = vmap(noise, options)({m})[0];
  EXPECT_TRUE(equal(t.select(0, 0), t.select(0, 3)));
  options.randomness = "different";
  t = vmap(noise, options)({m})[0];
  EXPECT_FALSE(equal(t.select(0, 0), t.select(0, 3)));
  options.randomness = "none";
  EXPECT_THROW(vmap(noise, options), RusTorchError);
}

}  // namespace
}  // namespace rustorch::func
