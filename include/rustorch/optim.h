// Optimizers and learning-rate schedulers.
#pragma once
#include "rustorch/optim/lr_scheduler.h"
#include "rustorch/optim/optimizers.h"
