// Dropout layers: random zeros while training, nothing in eval mode.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

class DropoutOptions {
 public:
  DropoutOptions(double p = 0.5);
  RT_OPTION(double, p, 0.5);
  RT_OPTION(bool, inplace, false);
};
using Dropout1dOptions = DropoutOptions;
using Dropout2dOptions = DropoutOptions;
using Dropout3dOptions = DropoutOptions;
using AlphaDropoutOptions = DropoutOptions;
using FeatureAlphaDropoutOptions = DropoutOptions;
/// Zeroes elements with probability p and scales the rest by 1 / (1 - p).
RT_PLAIN_LAYER(Dropout, DropoutOptions);
/// Zeroes whole channels.
RT_PLAIN_LAYER(Dropout1d, Dropout1dOptions);
RT_PLAIN_LAYER(Dropout2d, Dropout2dOptions);
RT_PLAIN_LAYER(Dropout3d, Dropout3dOptions);
/// Dropout to SELU's negative limit, keeping mean and variance.
RT_PLAIN_LAYER(AlphaDropout, AlphaDropoutOptions);
RT_PLAIN_LAYER(FeatureAlphaDropout, FeatureAlphaDropoutOptions);

}  // namespace rustorch::nn
