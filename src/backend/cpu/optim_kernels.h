// Optimizer updates of n consecutive elements, resolved to the CPU's instruction set at run time.
//
// One pass: parameter and states are read and written once, no temporaries. State pointers that an update
// does not use may be null.
#pragma once
#include <cstdint>

namespace rustorch::cpu {

/// Numbers of a step, computed once for all elements.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first_step;
};
struct AdamStep {
  double beta1, beta2, weight_decay, eps;
  double step_size;        // lr / (1 - beta1^t)
  double inv_correction2;  // 1 / sqrt(1 - beta2^t)
  double decay;            // AdamW: 1 - lr * weight_decay; Adam: 1
  bool decoupled, amsgrad, maximize;
};

void sgd_update(const SgdStep& step, float* p, const float* g, float* momentum, int64_t n);
void sgd_update(const SgdStep& step, double* p, const double* g, double* momentum, int64_t n);
void adam_update(const AdamStep& step, float* p, const float* g, float* m, float* v, float* vmax, int64_t n);
void adam_update(const AdamStep& step, double* p, const double* g, double* m, double* v, double* vmax,
                 int64_t n);

}  // namespace rustorch::cpu
