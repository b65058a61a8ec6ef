// Advanced indexing: reads and writes of rows named by index tensors.
//
// The index tensors are folded into one element offset for each position, with the bounds check. Writes must
// take duplicates in order: few positions are walked by one item for each column of the rows, many are sorted
// by destination first, and the first of equal ones does the work of all.
#include <vector>

#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kFewPositions = 64;

constexpr const char* kOffsets = R"(
kernel void run(global long* offsets, global const long* index, volatile global int* bad, const View v, const long n, const long size,
                const long stride, const long which, const long count, const int allow_negative) {
  const long j = get_global_id(0);
  if (j >= n) return;
  long i = index[rt_at(&v, j)];
  if (i >= size || i < (allow_negative ? -size : 0)) {
    atomic_min(bad, (int)min(j * count + which, (long)INT_MAX - 1));
    i = 0;
  }
  const long place = (i < 0 ? i + size : i) * stride;
  offsets[j] = which == 0 ? place : offsets[j] + place;
}
)";

constexpr const char* kGet = R"(
kernel void run(global X* values, global const X* data, global const long* offsets, const View v, const View prefix, const View suffix,
                const long positions, const long width, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long s = g % width, j = g / width % positions, p = g / (width * positions);
  values[rt_at(&v, g)] = data[rt_at(&prefix, p) + offsets[j] + rt_at(&suffix, s)];
}
)";

constexpr const char* kWrite = R"(
#if ADD
#if IS_BOOL
#define UPDATE(to, from) if (LOAD(values, from) && alpha != 0) data[to] = 1;
#else
#define UPDATE(to, from) { const T sum = LOAD(data, to) + MUL(alpha, LOAD(values, from)); STORE(data, to, sum) }
#endif
#else
#define UPDATE(to, from) COPY(data, to, values, from)
#endif
kernel void run(global M* data, global const M* values, global const long* offsets, global const int* order, const View v, const View prefix,
                const View suffix, const long positions, const long width, const long n, const T alpha, const int sorted) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long s = g % width;
  if (sorted) {
    const long r = g / width % positions, p = g / (width * positions);
    const long here = offsets[order[r]];
    if (r > 0 && offsets[order[r - 1]] == here) return;
    const long to = rt_at(&prefix, p) + here + rt_at(&suffix, s);
    for (long t = r; t < positions && offsets[order[t]] == here; ++t)
      UPDATE(to, rt_at(&v, (p * positions + order[t]) * width + s))
  } else {
    const long p = g / width, base = rt_at(&prefix, p) + rt_at(&suffix, s);
    for (long j = 0; j < positions; ++j) UPDATE(base + offsets[j], rt_at(&v, (p * positions + j) * width + s))
  }
}
)";

struct Rows {
  View values, prefix, suffix;
  int64_t positions = 1, outer = 1, width = 1;
};

bool make_rows(const IndexCall& call, Rows* rows) {
  const Tensor &data = call.data, &values = call.values;
  const auto first = static_cast<size_t>(call.first_dim);
  const auto index_dims = static_cast<size_t>(call.indices[0].dim()), count = static_cast<size_t>(call.count);
  const IntArrayRef sizes = data.sizes(), strides = data.strides();
  const IntArrayRef index_sizes = call.indices[0].sizes();
  for (size_t d = 0; d < first; ++d) rows->outer *= sizes[d];
  for (size_t d = 0; d < index_dims; ++d) rows->positions *= index_sizes[d];
  for (size_t d = first + count; d < sizes.size(); ++d) rows->width *= sizes[d];
  return make_view(values, &rows->values) &&
         make_view(IntArrayRef(sizes.data(), first), IntArrayRef(strides.data(), first),
                   data.storage_offset(), &rows->prefix) &&
         make_view(IntArrayRef(sizes.data() + first + count, sizes.size() - first - count),
                   IntArrayRef(strides.data() + first + count, sizes.size() - first - count), 0,
                   &rows->suffix);
}

/// The offset of each position in data; throws when an index is out of range.
bool fold_offsets(const IndexCall& call, int64_t positions, Tensor* offsets) {
  GpuDevice& device = device_of(call.data);
  std::vector<View> views(static_cast<size_t>(call.count));
  for (int k = 0; k < call.count; ++k)
    if (!make_view(call.indices[k], &views[static_cast<size_t>(k)])) return false;
  *offsets = scratch(call.data, positions, kInt64);
  const BadPosition bad(call.data);
  KernelPtr kernel = device.kernel("index/offsets", "run", [] { return cat(kViewText, kOffsets); });
  for (int k = 0; k < call.count; ++k) {
    const int d = static_cast<int>(call.first_dim) + k;
    Launch launch(device, kernel);
    launch.in(*offsets).in(call.indices[k]).in(bad.flag()).value(views[static_cast<size_t>(k)]);
    launch.value(positions).value(call.data.size(d)).value(call.data.stride(d));
    launch.value(int64_t{k}).value(int64_t{call.count}).value(static_cast<int32_t>(call.allow_negative));
    launch.run(positions, kLanes);
  }
  const int64_t code = bad.first();
  if (code < 0) return true;
  const int64_t which = code % call.count,
                at = element_at(views[static_cast<size_t>(which)], code / call.count);
  raise(ErrorKind::Index, "",
        cat("index ", read_int64(call.indices[which], at), " is out of bounds for dimension ",
            call.dims != nullptr ? call.dims[which] : call.first_dim + which, " with size ",
            call.data.size(static_cast<int>(call.first_dim + which))));
}

void get(const IndexCall& call, const Rows& rows, const Tensor& offsets) {
  GpuDevice& device = device_of(call.data);
  const char* type = move_type(call.data.dtype());
  KernelPtr kernel = device.kernel(cat("index/get/", type), "run",
                                   [&] { return cat("#define X ", type, "\n", kViewText, kGet); });
  writable(call.values);
  Launch launch(device, kernel);
  launch.in(call.values).in(call.data).in(offsets).value(rows.values).value(rows.prefix).value(rows.suffix);
  launch.value(rows.positions).value(rows.width).value(call.values.numel());
  launch.run(call.values.numel(), kLanes);
}

void write(const IndexCall& call, const Rows& rows, const Tensor& offsets) {
  GpuDevice& device = device_of(call.data);
  const DType t = call.data.dtype();
  const bool add = call.mode == IndexMode::Add, sorted = rows.positions > kFewPositions;
  int64_t below = 1;
  for (int k = 0; k < call.count; ++k) {
    const int d = static_cast<int>(call.first_dim) + k;
    below += (call.data.size(d) - 1) * call.data.stride(d);
  }
  const Tensor order = sorted ? sorted_order(offsets, 1, rows.positions, false, below) : offsets;
  KernelPtr kernel = device.kernel(cat("index/write/", add, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t), "#define ADD ", add ? 1 : 0, "\n#define IS_BOOL ", t == kBool ? 1 : 0,
               "\n", kViewText, kWrite);
  });
  writable(call.data);
  const int64_t items = rows.outer * rows.width * (sorted ? rows.positions : 1);
  Launch launch(device, kernel);
  launch.in(call.data).in(call.values).in(offsets).in(order);
  launch.value(rows.values).value(rows.prefix).value(rows.suffix);
  launch.value(rows.positions).value(rows.width).value(items);
  add_number(launch, compute_type_of(t), call.alpha);
  launch.value(static_cast<int32_t>(sorted));
  launch.run(items, kLanes);
}

}  // namespace

bool index(const IndexCall& call) {
  Rows rows;
  if (!make_rows(call, &rows) || rows.positions > INT32_MAX) return false;
  if (rows.positions == 0) return true;
  GpuDevice& device = device_of(call.data);
  if (call.mode != IndexMode::Get) device.require("index_put", call.data.dtype());
  // Index tensors of x[...] may be on the CPU, as in PyTorch.
  std::vector<Tensor> indices(call.indices, call.indices + call.count);
  for (Tensor& i : indices) {
    if (!i.device().is_cpu()) continue;
    RT_CHECK(call.dims != nullptr, Device, "",
             "Expected all tensors to be on the same device, but found at least two devices, ",
             call.data.device(), " and cpu!");
    const Tensor host = i;
    i = alias(scratch(call.data, host.numel(), kInt64), host.sizes(), as_contiguous(host).strides(), 0,
              kInt64);
    copy(i, host);
  }
  IndexCall here = call;
  here.indices = indices.data();
  Tensor offsets;
  if (!fold_offsets(here, rows.positions, &offsets)) return false;
  if (call.values.numel() == 0) return true;
  if (call.mode == IndexMode::Get)
    get(here, rows, offsets);
  else
    write(here, rows, offsets);
  return true;
}

}  // namespace rustorch::kernels
