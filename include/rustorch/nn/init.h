// Initialisation of parameters: every function fills the tensor in place, without history, and returns it.
//
// Sources: Glorot & Bengio 2010 (xavier), He et al. 2015 (kaiming), Saxe et al. 2013 (orthogonal), Martens
// 2010 (sparse). The default generator is used, so that manual_seed() makes C++ and Python draw the same.
#pragma once
#include <string_view>

#include "rustorch/tensor.h"

namespace rustorch::nn::init {

/// The recommended gain of a nonlinearity; slope is that of leaky_relu.
double calculate_gain(std::string_view nonlinearity, double slope = 0.01);

const Tensor& uniform_(const Tensor& tensor, double a = 0.0, double b = 1.0);
const Tensor& normal_(const Tensor& tensor, double mean = 0.0, double std = 1.0);
/// N(mean, std^2) restricted to [a, b].
const Tensor& trunc_normal_(const Tensor& tensor, double mean = 0.0, double std = 1.0, double a = -2.0,
                            double b = 2.0);
const Tensor& constant_(const Tensor& tensor, double val);
const Tensor& ones_(const Tensor& tensor);
const Tensor& zeros_(const Tensor& tensor);
const Tensor& eye_(const Tensor& tensor);
/// A convolution weight that passes on as many channels as it has.
const Tensor& dirac_(const Tensor& tensor, int64_t groups = 1);
const Tensor& xavier_uniform_(const Tensor& tensor, double gain = 1.0);
const Tensor& xavier_normal_(const Tensor& tensor, double gain = 1.0);
const Tensor& kaiming_uniform_(const Tensor& tensor, double a = 0, std::string_view mode = "fan_in",
                               std::string_view nonlinearity = "leaky_relu");
const Tensor& kaiming_normal_(const Tensor& tensor, double a = 0, std::string_view mode = "fan_in",
                              std::string_view nonlinearity = "leaky_relu");
/// A (semi-)orthogonal matrix times gain.
const Tensor& orthogonal_(const Tensor& tensor, double gain = 1);
/// N(0, std^2) with a fraction of each column set to zero.
const Tensor& sparse_(const Tensor& tensor, double sparsity, double std = 0.01);

}  // namespace rustorch::nn::init
