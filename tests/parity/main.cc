#include <zlib.h>

#include <cstdio>
#include <cstring>

#include "parity.h"

namespace parity {

rt::Tensor x(std::initializer_list<int64_t> shape, int k) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  return ((rt::arange(n, rt::kFloat32) * 0.731 + 0.379 * k).sin() * 1.5).reshape(rt::IntArrayRef(shape));
}

rt::Tensor idx(std::initializer_list<int64_t> shape, int64_t high) {
  int64_t n = 1;
  for (const int64_t s : shape) n *= s;
  return (rt::arange(n) * 7 + 3).remainder(high).reshape(rt::IntArrayRef(shape));
}

unsigned checksum(const std::vector<rt::Tensor>& tensors) {
  uLong crc = crc32(0, nullptr, 0);
  for (const rt::Tensor& t : tensors) {
    if (!t.defined() || t.numel() == 0) continue;
    const rt::Tensor c = t.detach().contiguous();
    crc = crc32(crc, static_cast<const Bytef*>(c.const_data_ptr()), static_cast<uInt>(c.nbytes()));
  }
  return static_cast<unsigned>(crc);
}

std::string hex(double v) {
  char text[64];
  std::snprintf(text, sizeof text, "%a", v);
  return text;
}

void report(const char* name, rt::nn::Module& m, const std::vector<rt::Tensor>& results) {
  std::string text = m.str(), keys;
  for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "\\n");
  std::vector<rt::Tensor> state, grads;
  for (const auto& [key, t] : m.state_dict()) {
    keys += (keys.empty() ? "" : " ") + key;
    for (const int64_t n : t.sizes()) keys += ":" + std::to_string(n);
    state.push_back(t);
  }
  const rt::Tensor& first = results.at(0);
  if (first.requires_grad()) {
    first.sum().backward();
    for (const rt::Tensor& p : m.parameters()) {
      if (p.grad().defined()) grads.push_back(p.grad());
    }
  }
  std::printf("%s|%s|%s|%08x|%08x|%08x\n", name, text.c_str(), keys.c_str(), checksum(state),
              checksum(results), checksum(grads));
}

}  // namespace parity

int main(int argc, char** argv) {
  try {
    if (argc == 4 && std::strcmp(argv[1], "train") == 0) {
      parity::train(argv[2], argv[3]);
    } else if (argc == 2 && std::strcmp(argv[1], "layers") == 0) {
      parity::layers();
      parity::layers_rest();
      parity::lazy();
      parity::losses();
    } else if (argc == 2 && std::strcmp(argv[1], "optim") == 0) {
      parity::optimizers();
      parity::schedulers();
      parity::averages();
    } else if (argc == 2 && std::strcmp(argv[1], "distributions") == 0) {
      parity::distributions();
    } else {
      std::fprintf(stderr, "usage: %s layers | optim | distributions | train CASE FILE\n", argv[0]);
      return 2;
    }
    return 0;
  } catch (const rt::RusTorchError& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
