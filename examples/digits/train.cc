// The C++ twin of train.py: the same network on the same digits.
//
//   digits_train                      trains and writes digits_cpp.pt
//   digits_train --check digits.pt    loads what train.py wrote and compares the predictions bit for bit
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "digit_net.h"

namespace {

struct Data {
  rt::Tensor images, labels, test_images, test_labels;
};

/// Every fifth image is kept for the test.
Data load_data() {
  const rt::SavedValue file = rt::load(DIGITS_DATA);
  const rt::Tensor images = file["images"].tensor().to(rt::kFloat32).unsqueeze(1) / 16;
  const rt::Tensor labels = file["labels"].tensor().to(rt::kInt64);
  const rt::Tensor number = rt::arange(labels.size(0)).remainder(5);
  const auto pick = [](const rt::Tensor& t, const rt::Tensor& mask) {
    const std::optional<rt::Tensor> rows[] = {mask};
    return rt::index(t, rows);
  };
  const rt::Tensor test = number.eq(4), rest = number.ne(4);
  return {pick(images, rest), pick(labels, rest), pick(images, test), pick(labels, test)};
}

rt::Tensor predict(DigitNet& net, const rt::Tensor& images) {
  const rt::NoGradGuard no_grad;
  net->eval();
  return net(images);
}

double accuracy(const rt::Tensor& logits, const rt::Tensor& labels) {
  return logits.argmax(1).eq(labels).to(rt::kFloat32).mean().item<double>();
}

int check(const std::string& path) {
  const rt::SavedValue file = rt::load(path);
  DigitNet net;
  net->load_state_dict(file["model"].state_dict());
  const rt::Tensor logits = predict(net, file["images"].tensor());
  const rt::Tensor expected = file["logits"].tensor().contiguous();
  const rt::Tensor got = logits.contiguous();
  const bool same =
      got.sizes() == expected.sizes() &&
      std::memcmp(got.const_data_ptr(), expected.const_data_ptr(), static_cast<size_t>(got.nbytes())) == 0;
  std::printf("C++: loaded %s, test accuracy %.2f%%, predictions %s\n", path.c_str(),
              100 * accuracy(logits, file["labels"].tensor()),
              same ? "equal to Python's bit for bit" : "DIFFER from Python's");
  return same ? 0 : 1;
}

int train(int epochs) {
  rt::manual_seed(0);
  const Data data = load_data();
  DigitNet net;
  std::printf("%s\n", net->str().c_str());
  rt::optim::AdamW optimizer(net->parameters(), rt::optim::AdamWOptions(2e-3).weight_decay(1e-2));
  constexpr int64_t kBatch = 32;
  const int64_t count = data.labels.size(0);
  const auto start = std::chrono::steady_clock::now();
  double test_accuracy = 0;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    optimizer.set_lr(1e-3 * (1 + std::cos(M_PI * (epoch - 1) / epochs)));
    net->train();
    const rt::Tensor order = rt::randperm(count);
    double total = 0;
    for (int64_t at = 0; at < count; at += kBatch) {
      const rt::Tensor rows = order.narrow(0, at, std::min(kBatch, count - at));
      optimizer.zero_grad();
      const rt::Tensor loss =
          rt::cross_entropy(net(data.images.index_select(0, rows)), data.labels.index_select(0, rows));
      loss.backward();
      optimizer.step();
      total += loss.item<double>() * static_cast<double>(rows.size(0));
    }
    test_accuracy = accuracy(predict(net, data.test_images), data.test_labels);
    std::printf("epoch %2d/%d  loss %.4f  test accuracy %6.2f%%\n", epoch, epochs,
                total / static_cast<double>(count), 100 * test_accuracy);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  rt::save(net->state_dict(), "digits_cpp.pt");
  std::printf("trained in %.1f s, wrote digits_cpp.pt\n", took.count());
  return test_accuracy >= 0.98 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::string(argv[1]) == "--check") return check(argv[2]);
    if (argc == 1) return train(15);
    std::fprintf(stderr, "usage: %s [--check digits.pt]\n", argv[0]);
    return 2;
  } catch (const rt::RusTorchError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
