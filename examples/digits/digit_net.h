// The network of the digits example, as in train.py.
#pragma once
#include <string>

#include "rustorch/rustorch.h"

/// 8x8 grey image -> 10 class scores.
struct DigitNetImpl : rt::nn::Module {
  DigitNetImpl() {
    using namespace rt::nn;  // NOLINT
    features = register_module(
        "features",
        Sequential(Conv2d(Conv2dOptions(1, 32, 3).padding(1)), BatchNorm2d(32), ReLU(),
                   Conv2d(Conv2dOptions(32, 32, 3).padding(1)), BatchNorm2d(32), ReLU(), MaxPool2d(2),
                   Conv2d(Conv2dOptions(32, 64, 3).padding(1)), BatchNorm2d(64), ReLU(), MaxPool2d(2)));
    classifier = register_module(
        "classifier", Sequential(Flatten(), Linear(64 * 2 * 2, 96), ReLU(), Dropout(0.3), Linear(96, 10)));
  }
  rt::Tensor forward(const rt::Tensor& x) override { return classifier(features(x)); }
  std::string type_name() const override { return "DigitNet"; }

  rt::nn::Sequential features{nullptr}, classifier{nullptr};
};
using DigitNet = rt::nn::ModuleHolder<DigitNetImpl>;
