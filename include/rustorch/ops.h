// The operators as free functions: rustorch::add(a, b), rustorch::sum(x), ... (generated from ops/*.ops).
#pragma once
#include "rustorch/tensor.h"
