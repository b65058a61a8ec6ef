#include "backend/opencl/reduce_layout.h"

#include <algorithm>

namespace rustorch::opencl {

const char* const kLayoutText = R"(
typedef struct {
  long outputs, count, lanes, nkeep, nred, in_at, out_at, values_at;
  long keep_size[8], keep_in[8], keep_out[8], keep_values[8], red_size[8], red_in[8];
} Layout;
static inline long rt_reduced(const Layout* L, long i) {
  long at = 0;
  for (long d = 0; d + 1 < L->nred; ++d) {
    const long q = i / L->red_size[d];
    at += (i - q * L->red_size[d]) * L->red_in[d];
    i = q;
  }
  return at + i * L->red_in[L->nred - 1];
}
)";

bool make_layout(const ReducePlan& plan, Layout* l) {
  if (plan.nkeep > Layout::kDims || plan.nred > Layout::kDims) return false;
  *l = {};
  l->outputs = plan.outputs;
  l->count = plan.reduced;
  l->nkeep = plan.nkeep;
  l->nred = std::max(plan.nred, 1);
  l->red_size[0] = 1;
  for (int d = 0; d < plan.nkeep; ++d) {
    l->keep_size[d] = plan.keep_size[plan.nkeep - 1 - d];
    l->keep_in[d] = plan.keep_in[plan.nkeep - 1 - d];
    l->keep_out[d] = plan.keep_out[plan.nkeep - 1 - d];
  }
  for (int d = 0; d < plan.nred; ++d) {
    l->red_size[d] = plan.red_size[plan.nred - 1 - d];
    l->red_in[d] = plan.red_in[plan.nred - 1 - d];
  }
  // Neighbouring items read neighbouring elements: along the reduced dimension, or along the results.
  const bool long_rows = l->red_in[0] == 1 && l->count >= kLanes;
  l->lanes = long_rows || (l->outputs < 256 && l->count >= kLanes) ? kLanes : 1;
  return true;
}

void launch_reduction(Launch& launch, const Layout& l) {
  launch.value(l);
  launch.run(l.lanes == 1 ? l.outputs : l.outputs * kLanes, kLanes);
}

ComputeType sum_type(DType out) {
  const DType t = real_type(out);
  return t == kFloat64 ? ComputeType::f64 : is_floating_point(t) ? ComputeType::f32 : ComputeType::i64;
}

}  // namespace rustorch::opencl
