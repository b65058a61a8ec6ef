// Programs written for libtorch: the spellings that they use, on the umbrella header alone.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "rustorch/rustorch.h"

namespace torch = rustorch;
using namespace torch::indexing;

namespace {

struct Net : torch::nn::Module {
  Net()
      : conv1(torch::nn::Conv2dOptions(1, 4, /*kernel_size=*/5)),
        conv2(torch::nn::Conv2dOptions(4, 8, 5)),
        fc(128, 10) {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("drop", drop);
    register_module("fc", fc);
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor x = torch::relu(torch::max_pool2d(conv1->forward(input), 2));
    x = torch::relu(torch::max_pool2d(drop->forward(conv2->forward(x)), 2));
    x = torch::dropout(x.view({-1, 128}), 0.5, is_training());
    return torch::log_softmax(fc->forward(x), /*dim=*/1);
  }
  torch::nn::Conv2d conv1, conv2;
  torch::nn::Dropout2d drop;
  torch::nn::Linear fc;
};

TEST(LibtorchStyle, TrainsTheNetOfTheTutorial) {
  torch::manual_seed(1);
  torch::Device device(torch::cuda::is_available() ? torch::kCUDA : torch::kCPU);
  Net model;
  model.to(torch::Device(torch::kCPU));
  model.train();
  torch::optim::SGD optimizer(model.parameters(), torch::optim::SGDOptions(0.02).momentum(0.5));
  auto data = torch::randn({8, 1, 28, 28}, torch::kCPU), targets = torch::randint(10, {8}, torch::kLong);
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    optimizer.zero_grad();
    auto loss = torch::nll_loss(model.forward(data), targets);
    loss.backward();
    optimizer.step();
    last = loss.template item<float>();
    if (step == 0) first = last;
  }
  EXPECT_LT(last, first / 2);
  for (const auto& item : model.named_parameters())
    EXPECT_EQ(item.value().grad().sizes(), item.value().sizes()) << item.key();
  torch::NoGradGuard no_grad;
  model.eval();
  auto prediction = model.forward(data).argmax(1);
  EXPECT_GE(prediction.eq(targets).sum().template item<int64_t>(), 6);
}

TEST(LibtorchStyle, OneNumberFillsALists) {
  const torch::Tensor x = torch::rand({1, 1, 6, 6});
  EXPECT_TRUE(torch::equal(torch::max_pool2d(x, 3, 2, 1), torch::max_pool2d(x, {3, 3}, {{2, 2}}, {1, 1})));
  EXPECT_TRUE(torch::equal(torch::avg_pool2d(x, 2), torch::avg_pool2d(x, {2, 2})));
  const torch::Tensor w = torch::rand({2, 1, 3, 3});
  EXPECT_TRUE(torch::equal(torch::conv2d(x, w, {}, 2, 1), torch::conv2d(x, w, {}, {2, 2}, {1, 1})));
  EXPECT_EQ(x.sum(1).dim(), 3);
}

TEST(LibtorchStyle, OptionsOfNewTensors) {
  auto options = torch::TensorOptions().dtype(torch::kFloat64).requires_grad(true);
  auto w = torch::ones({2, 2}, options);
  EXPECT_EQ(w.dtype(), torch::kFloat64);
  EXPECT_TRUE(w.requires_grad() && w.is_leaf());
  EXPECT_EQ(torch::zeros({2}, torch::dtype(torch::kInt64).device(torch::kCPU)).dtype(), torch::kLong);
  EXPECT_EQ(torch::full({2}, 7, w.options()).dtype(), torch::kFloat64);
  EXPECT_EQ(torch::arange(3, torch::kFloat32).dtype(), torch::kFloat);
  EXPECT_EQ(torch::zeros_like(w, torch::dtype(torch::kHalf)).dtype(), torch::kHalf);
  EXPECT_TRUE(torch::randn({2}, torch::requires_grad()).requires_grad());
  auto gradients = torch::autograd::grad({(w * w).sum()}, {w});
  EXPECT_TRUE(torch::equal(gradients[0], 2 * w.detach()));
}

TEST(LibtorchStyle, IndexesAndAssignsParts) {
  torch::Tensor t = torch::arange(12, torch::kFloat32).reshape({3, 4});
  EXPECT_EQ(t.index({0, 1}).item<float>(), 1);
  EXPECT_EQ(t.index({"...", Slice(0, 2)}).sizes(), (torch::IntArrayRef{3, 2}));
  EXPECT_TRUE(torch::equal(t.index({Slice(None, None, 2), 1}), torch::tensor({1., 9.})));
  EXPECT_EQ(t.index({t > 5}).numel(), 6);
  EXPECT_EQ(t[torch::tensor({0, 2})].size(0), 2);
  t.index_put_({Slice(), 0}, 7);
  t[2] = 0;                 // fills a row
  t[1] = torch::ones({4});  // writes a row
  t.index({0, Slice(2, None)}) = t[1].slice(0, 0, 2) * 5;
  EXPECT_TRUE(torch::equal(t, torch::tensor({{7., 1., 5., 5.}, {1., 1., 1., 1.}, {0., 0., 0., 0.}})));
  torch::Tensor other = t;
  other = torch::zeros({1});  // a name is another matter: t stays
  EXPECT_EQ(t.numel(), 12);
}

TEST(LibtorchStyle, Accessor) {
  torch::Tensor t = torch::arange(6, torch::kFloat32).reshape({2, 3}).t();
  auto a = t.accessor<float, 2>();
  a[2][1] = 50;
  EXPECT_EQ(t.index({2, 1}).item<float>(), 50);
  EXPECT_EQ(a.size(0), 3);
  EXPECT_EQ(t.data_ptr<float>()[5], 50);
  EXPECT_THROW((t.accessor<double, 2>()), torch::RusTorchError);
  EXPECT_THROW((t.accessor<float, 1>()), torch::RusTorchError);
}

TEST(LibtorchStyle, SavesAndLoadsObjects) {
  const std::string path = testing::TempDir() + "libtorch_style.pt";
  torch::nn::Sequential a(torch::nn::Linear(3, 4), torch::nn::ReLU(), torch::nn::BatchNorm1d(4));
  torch::nn::Sequential b(torch::nn::Linear(3, 4), torch::nn::ReLU(), torch::nn::BatchNorm1d(4));
  torch::save(a, path);
  torch::load(b, path);
  const torch::Tensor x = torch::rand({2, 3});
  a->eval();
  b->eval();
  EXPECT_TRUE(torch::equal(a->forward(x), b->forward(x)));
  torch::optim::Adam first(a->parameters(), torch::optim::AdamOptions(1e-3)), second(a->parameters());
  torch::save(first, path);
  torch::load(second, path);
  torch::save(x, path);
  torch::Tensor y;
  torch::load(y, path);
  EXPECT_TRUE(torch::equal(x, y));
  torch::save(std::vector<torch::Tensor>{x, y}, path);
  std::vector<torch::Tensor> list;
  torch::load(list, path);
  EXPECT_EQ(list.size(), 2u);
  std::remove(path.c_str());
}

TEST(LibtorchStyle, Prints) {
  std::ostringstream out;
  const torch::Tensor t = torch::ones({2, 3});
  out << t.sizes() << ' ' << t.dtype() << ' ' << t.device() << ' ' << t[0];
  EXPECT_EQ(out.str(), "[2, 3] float32 cpu tensor([1., 1., 1.])");
}

}  // namespace
