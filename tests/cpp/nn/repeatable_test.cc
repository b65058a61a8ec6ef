// The demo in C++: its weights are the same, bit for bit, for any number of threads and from run to run.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../../../examples/digits/digit_net.h"

namespace {

using Weights = std::vector<std::pair<std::string, rt::Tensor>>;

/// State of the network after two epochs over a part of the digits.
Weights train(int threads) {
  struct Threads {
    int before = rt::get_num_threads();
    ~Threads() { rt::set_num_threads(before); }
  } restore;
  rt::set_num_threads(threads);
  rt::manual_seed(0);
  const rt::SavedValue file = rt::load(std::string(RT_TEST_DIR) + "/../examples/digits/data.pt");
  constexpr int64_t kImages = 200, kBatch = 32;
  const rt::Tensor images = file["images"].tensor().narrow(0, 0, kImages).to(rt::kFloat32).unsqueeze(1) / 16;
  const rt::Tensor labels = file["labels"].tensor().narrow(0, 0, kImages).to(rt::kInt64);
  DigitNet net;
  rt::optim::AdamW optimizer(net->parameters(), rt::optim::AdamWOptions(2e-3).weight_decay(1e-2));
  net->train();
  for (int epoch = 0; epoch < 2; ++epoch) {
    const rt::Tensor order = rt::randperm(kImages);
    for (int64_t at = 0; at < kImages; at += kBatch) {
      const rt::Tensor rows = order.narrow(0, at, std::min(kBatch, kImages - at));
      optimizer.zero_grad();
      rt::cross_entropy(net(images.index_select(0, rows)), labels.index_select(0, rows)).backward();
      optimizer.step();
    }
  }
  Weights all;
  for (const auto& [name, tensor] : net->state_dict()) all.emplace_back(name, tensor.clone());
  return all;
}

void expect_same(const Weights& a, const Weights& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const rt::Tensor p = a[i].second.contiguous(), q = b[i].second.contiguous();
    ASSERT_EQ(p.sizes(), q.sizes());
    EXPECT_EQ(std::memcmp(p.const_data_ptr(), q.const_data_ptr(), static_cast<size_t>(p.nbytes())), 0)
        << a[i].first << " differs " << what;
  }
}

TEST(Repeatable, DemoWeightsDoNotDependOnTheNumberOfThreads) {
  const Weights reference = train(1);
  ASSERT_GT(reference.size(), 15u);
  expect_same(reference, train(1), "from run to run");
  for (const int threads : {2, 3, 4, 8})
    expect_same(reference, train(threads), "with " + std::to_string(threads));
}

}  // namespace
