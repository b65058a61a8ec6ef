// Sparse tensors as C++ programs use them: parts, products, gradients, optimizers.
#include "rustorch/sparse.h"

#include <gtest/gtest.h>

#include "rustorch/error.h"
#include "rustorch/factories.h"
#include "rustorch/ops.h"
#include "rustorch/optim.h"

namespace rustorch {
namespace {

Tensor places(std::initializer_list<TensorData> values) { return tensor(values, TensorOptions(kInt64)); }
Tensor numbers(std::initializer_list<TensorData> values) { return tensor(values, TensorOptions(kFloat64)); }

Tensor matrix() {
  const int64_t size[] = {2, 3};
  return _sparse_coo_checked(places({{0, 1, 1}, {2, 0, 2}}), numbers({3, 4, 5}), IntArrayRef(size));
}

TEST(Sparse, IsATensorWithALayout) {
  const Tensor a = matrix();
  EXPECT_TRUE(a.is_sparse());
  EXPECT_EQ(a.layout(), kSparse);
  EXPECT_EQ(a.coalesce().indices().size(1), 3);
  EXPECT_TRUE(equal(a.to_dense(), numbers({{0, 0, 3}, {4, 0, 5}})));
  EXPECT_TRUE(a.to_sparse_csr().is_sparse_csr());
  EXPECT_TRUE(equal(a.to_sparse_csr().crow_indices(), places({0, 1, 3})));
  EXPECT_TRUE(equal(a.t().to_dense(), a.to_dense().t()));
  EXPECT_FALSE(a.to_dense().is_sparse());
}

TEST(Sparse, OtherOperatorsRefuse) {
  const Tensor a = matrix();
  EXPECT_THROW(exp(a), RusTorchError);
  EXPECT_THROW(a.const_data_ptr(), RusTorchError);
  EXPECT_THROW(a.item(), RusTorchError);
  EXPECT_THROW((a.accessor<double, 2>()), RusTorchError);
  EXPECT_THROW(a.to_dense().copy_(a), RusTorchError);
  try {
    cumsum(a, 0);
    FAIL();
  } catch (const RusTorchError& e) {
    EXPECT_NE(std::string(e.what()).find("sparse_coo"), std::string::npos);
  }
}

TEST(Sparse, ProductsAreDifferentiable) {
  const Tensor a = matrix().requires_grad_(true), w = ones({3, 2}, kFloat64).requires_grad_(true);
  sparse::mm(a, w).sum().backward();
  EXPECT_TRUE(a.grad().is_sparse());
  EXPECT_TRUE(equal(a.grad().to_dense(), numbers({{0, 0, 2}, {2, 0, 2}})));
  EXPECT_TRUE(equal(w.grad(), numbers({{4, 4}, {0, 0}, {8, 8}})));
}

TEST(Sparse, OptimizersTakeRows) {
  const auto run = [](auto&& make, bool rows) {
    const Tensor p = ones({4, 2}, kFloat64).requires_grad_(true);
    auto optimizer = make(p);
    for (int i = 0; i < 3; ++i) {
      optimizer.zero_grad();
      const Tensor looked_up = embedding(p, places({2, 0, 2}), -1, false, rows);
      (looked_up * looked_up).sum().backward();
      EXPECT_EQ(p.grad().is_sparse(), rows);
      optimizer.step();
    }
    return p.detach();
  };
  const auto sgd = [](const Tensor& p) { return optim::SGD({p}, optim::SGDOptions(0.1)); };
  const auto momentum = [](const Tensor& p) { return optim::SGD({p}, optim::SGDOptions(0.1).momentum(0.9)); };
  const auto adagrad = [](const Tensor& p) { return optim::Adagrad({p}, optim::AdagradOptions(0.1)); };
  EXPECT_TRUE(allclose(run(sgd, true), run(sgd, false)));
  EXPECT_TRUE(allclose(run(momentum, true), run(momentum, false)));
  EXPECT_TRUE(allclose(run(adagrad, true), run(adagrad, false)));
  const auto sparse_adam = [](const Tensor& p) {
    return optim::SparseAdam({p}, optim::SparseAdamOptions(0.1));
  };
  const auto adam = [](const Tensor& p) { return optim::Adam({p}, optim::AdamOptions(0.1)); };
  EXPECT_TRUE(allclose(run(sparse_adam, true), run(adam, false), 1e-6, 1e-7));
  EXPECT_THROW(run(sparse_adam, false), RusTorchError);
}

}  // namespace
}  // namespace rustorch
