// Probability distributions.
#pragma once
#include "rustorch/distributions/continuous.h"
#include "rustorch/distributions/discrete.h"
