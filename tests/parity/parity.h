// rustorch_parity: runs layers, optimizers, schedulers and small trainings and prints what came out, exactly.
// tests/python/test_cpp_parity.py does the same in Python and compares line by line.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "rustorch/rustorch.h"

namespace parity {

/// Numbers that look random and are the same in both languages.
rt::Tensor x(std::initializer_list<int64_t> shape, int k = 0);
/// Integers below high.
rt::Tensor idx(std::initializer_list<int64_t> shape, int64_t high);
/// A checksum of the bytes of tensors.
unsigned checksum(const std::vector<rt::Tensor>& tensors);
std::string hex(double v);

void layers();
void layers_rest();
void lazy();
void losses();
void optimizers();
void schedulers();
void averages();
void distributions();
/// Trains a network of tests/golden/trajectory_cases.py from the weights and data in a file.
void train(const std::string& name, const std::string& path);

/// One layer: text, names and shapes of its state, checksums of the state, the result and the gradients.
void report(const char* name, rt::nn::Module& m, const std::vector<rt::Tensor>& results);

inline std::vector<rt::Tensor> flat(const rt::Tensor& t) { return {t}; }
template <class A, class B>
std::vector<rt::Tensor> flat(const std::tuple<A, B>& t) {
  std::vector<rt::Tensor> out = flat(std::get<0>(t));
  for (const rt::Tensor& more : flat(std::get<1>(t))) out.push_back(more);
  return out;
}

/// Makes the layer from the same random numbers as Python and runs it on the arguments.
#define RT_CHECK_LAYER(name, make, ...)     \
  {                                         \
    rt::manual_seed(0);                     \
    auto m = make;                          \
    report(name, *m, flat(m(__VA_ARGS__))); \
  }

}  // namespace parity
