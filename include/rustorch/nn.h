// All of rustorch::nn.
#pragma once
#include "rustorch/nn/layers.h"
#include "rustorch/nn/module.h"
