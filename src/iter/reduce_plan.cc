// Building a ReducePlan: split by mask, sort by stride, merge neighbours.
#include "iter/reduce_plan.h"

#include <limits>
#include <utility>

namespace rustorch {
namespace {

/// Broadcast dimensions (stride 0) are walked outermost: they say nothing about locality.
int64_t order_key(int64_t stride) {
  if (stride == 0) return std::numeric_limits<int64_t>::max();
  return stride < 0 ? -stride : stride;
}

struct Dims {
  int n = 0;
  int64_t* size;
  int64_t* in;
  int64_t* out;  // null for reduced dimensions

  void push(int64_t s, int64_t i, int64_t o) {
    // Insertion sort, largest key first; equal keys keep their order.
    int at = n++;
    for (; at > 0 && order_key(in[at - 1]) < order_key(i); --at) {
      size[at] = size[at - 1];
      in[at] = in[at - 1];
      if (out) out[at] = out[at - 1];
    }
    size[at] = s;
    in[at] = i;
    if (out) out[at] = o;
  }

  void merge() {
    if (n < 2) return;
    int last = 0;
    for (int k = 1; k < n; ++k) {
      const bool in_line = in[last] == size[k] * in[k] && (!out || out[last] == size[k] * out[k]);
      if (in_line) {
        size[last] *= size[k];
      } else {
        size[++last] = size[k];
      }
      in[last] = in[k];
      if (out) out[last] = out[k];
    }
    n = last + 1;
  }
};

}  // namespace

void make_reduce_plan(ReducePlan& plan, IntArrayRef sizes, IntArrayRef strides, IntArrayRef out_strides,
                      uint64_t mask) {
  Dims keep{0, plan.keep_size, plan.keep_in, plan.keep_out};
  Dims red{0, plan.red_size, plan.red_in, nullptr};
  plan.outputs = plan.reduced = 1;
  const bool full = out_strides.size() == sizes.size();
  size_t kept = 0;
  for (size_t d = 0; d < sizes.size(); ++d) {
    const int64_t size = sizes[d];
    if ((mask >> d) & 1) {
      plan.reduced *= size;
      if (size != 1) red.push(size, strides[d], 0);
      continue;
    }
    const int64_t out = out_strides[full ? d : kept];
    ++kept;
    plan.outputs *= size;
    if (size != 1) keep.push(size, strides[d], out);
  }
  keep.merge();
  red.merge();
  plan.nkeep = keep.n;
  plan.nred = red.n;
  plan.columns =
      keep.n > 0 && red.n > 0 && order_key(plan.keep_in[keep.n - 1]) < order_key(plan.red_in[red.n - 1]);
}

void ReducePlan::locate(int64_t i, int64_t* in, int64_t* out) const {
  int64_t a = 0, b = 0;
  for (int d = nkeep - 1; d >= 0; --d) {
    const int64_t q = i / keep_size[d], r = i - q * keep_size[d];
    a += r * keep_in[d];
    b += r * keep_out[d];
    i = q;
  }
  *in = a;
  *out = b;
}

int64_t ReducePlan::locate_reduced(int64_t i, int dims) const {
  int64_t a = 0;
  for (int d = dims - 1; d >= 0; --d) {
    const int64_t q = i / red_size[d];
    a += (i - q * red_size[d]) * red_in[d];
    i = q;
  }
  return a;
}

}  // namespace rustorch
