#include "backend/kernels/reduce_layout.h"

#include <algorithm>

namespace rustorch::kernels {

namespace {

constexpr int64_t kItems = 16384, kMaxSlices = 64;

}  // namespace

const char* const kLayoutText = R"(
typedef struct {
  long outputs, count, lanes, slices, stage, total, narrow, nkeep, nred, in_at, out_at, values_at;
  long keep_size[8], keep_in[8], keep_out[8], keep_values[8], red_size[8], red_in[8];
} Layout;
/* one lane: neighbours work on neighbouring results */
#define WHO(o, slice, lane) const long lane = L.lanes == 1 ? 0 : get_local_id(0), \
  o = L.lanes == 1 ? (long)get_global_id(0) % L.outputs : (long)get_group_id(0) / L.slices, \
  slice = L.lanes == 1 ? (long)get_global_id(0) / L.outputs : (long)get_group_id(0) % L.slices; \
  const bool works = slice < L.slices && o < L.outputs;
static inline long rt_reduced(const Layout* L, long i) {
  long at = 0;
  if (L->narrow) { /* divisions of 64 bits are slow */
    uint rest = (uint)i;
    for (long d = 0; d + 1 < L->nred; ++d) {
      const uint size = (uint)L->red_size[d], q = rest / size;
      at += (long)(rest - q * size) * L->red_in[d];
      rest = q;
    }
    return at + (long)rest * L->red_in[L->nred - 1];
  }
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
  l->count = l->total = plan.reduced;
  l->narrow = plan.reduced <= INT32_MAX ? 1 : 0;
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
  // Enough items for a large device, and at least 256 elements for each.
  const int64_t wanted = std::min(kItems / (l->outputs * l->lanes), l->count / (l->lanes * 256));
  l->slices = std::clamp<int64_t>(wanted, 1, kMaxSlices);
  return true;
}

bool make_layout(GpuDevice& device, const ReduceCall& call, Layout* l) {
  device.require("reduce", call.in.dtype());
  device.require("reduce", call.out.dtype());
  if (device.capabilities().max_work_group < kLanes) return false;
  ReducePlan plan;
  make_reduce_plan(plan, call.in.sizes(), call.in.strides(), call.out.strides(), call.dim_mask);
  if (!make_layout(plan, l)) return false;
  l->in_at = call.in.storage_offset();
  l->out_at = call.out.storage_offset();
  return true;
}

void run_reduction(GpuDevice& device, const KernelPtr& kernel, const Tensor& beside, const Layout& layout,
                   size_t state_bytes, const std::function<void(Launch&)>& begin) {
  Layout l = layout;
  Tensor states = beside;  // not looked at
  if (l.slices > 1) {
    states = scratch(beside, l.outputs * l.slices * static_cast<int64_t>(state_bytes), kUInt8);
    l.stage = 1;
  }
  {
    Launch launch(device, kernel);
    begin(launch);
    launch.in(states).value(l);
    launch.run(l.outputs * l.lanes * l.slices, kLanes);
  }
  if (l.slices == 1) return;
  l.count = l.slices;
  l.lanes = l.slices = 1;
  l.stage = 2;
  Launch launch(device, kernel);
  begin(launch);
  launch.in(states).value(l);
  launch.run(l.outputs, kLanes);
}

ComputeType sum_type(DType out) {
  const DType t = real_type(out);
  return t == kFloat64 ? ComputeType::f64 : is_floating_point(t) ? ComputeType::f32 : ComputeType::i64;
}

}  // namespace rustorch::kernels
