// Probability distributions, transforms between them, constraints on their parameters, and divergences.
#pragma once
#include "rustorch/distributions/kl.h"
