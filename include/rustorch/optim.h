// Optimizers, learning-rate schedulers and averages of weights.
#pragma once
#include "rustorch/optim/lr_scheduler.h"
#include "rustorch/optim/optimizers.h"
#include "rustorch/optim/swa_utils.h"
