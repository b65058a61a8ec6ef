// Sorting of rows. Few keys by merging: blocks of 16 by insertion, then log2(n / 16) passes in which every
// element finds its place in the other run by bisection; only places (int32) move. Many keys by digits
// (radix_order.cc). The order is stable, so every result is unique. sort, topk, kthvalue, median, nanmedian
// and mode pick from the sorted rows.
#include <utility>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kBlock = 16, kManyKeys = 4096;

// Whether an element comes before another one.
constexpr const char* kBefore = R"(
static inline bool rt_nan(T v) { return v != v; }
static inline bool rt_before(T a, T b) {
#if DESCENDING
  return a > b || (rt_nan(a) && !rt_nan(b));
#else
  return a < b || (rt_nan(b) && !rt_nan(a));
#endif
}
)";

constexpr const char* kBlocks = R"(
kernel void run(global int* order, global const M* keys, const long keys_at, const long rows, const long n) {
  const long blocks = (n + 15) / 16, g = get_global_id(0);
  if (g >= rows * blocks) return;
  const long row = g / blocks, first = g % blocks * 16;
  const int count = (int)min(16L, n - first);
  global const M* k = keys + keys_at + row * n;
  global int* to = order + row * n + first;
  int place[16];
  for (int i = 0; i < count; ++i) {
    const T v = LOAD(k, first + i);
    int at = i;
    while (at > 0 && rt_before(v, LOAD(k, first + place[at - 1]))) {
      place[at] = place[at - 1];
      --at;
    }
    place[at] = i;
  }
  for (int i = 0; i < count; ++i) to[i] = (int)first + place[i];
}
)";

constexpr const char* kMerge = R"(
kernel void run(global int* to, global const int* from, global const M* keys, const long keys_at, const long rows, const long n, const long width) {
  const long g = get_global_id(0);
  if (g >= rows * n) return;
  const long row = g / n, i = g % n, start = i / (2 * width) * (2 * width);
  const long middle = min(start + width, n), end = min(start + 2 * width, n);
  global const M* k = keys + keys_at + row * n;
  global const int* run = from + row * n;
  const bool left = i < middle;
  const T v = LOAD(k, run[i]);
  long low = left ? middle : start, high = left ? end : middle;
  while (low < high) {
    const long mid = (low + high) / 2;
    const T other = LOAD(k, run[mid]);
    const bool passes = left ? rt_before(other, v) : !rt_before(v, other);
    if (passes) low = mid + 1; else high = mid;
  }
  to[row * n + (left ? i + (low - middle) : start + (i - middle) + (low - start))] = run[i];
}
)";

// One element of the result from the sorted row. KIND: 0 the i-th of `width`, 1 median, 2 nanmedian, 3 mode.
constexpr const char* kPick = R"(
kernel void run(global M* values, global long* indices, global const M* keys, global const int* order, const long values_at,
                const long indices_at, const long keys_at, const long rows, const long n, const long width, const long first) {
  const long g = get_global_id(0);
  if (g >= rows * width) return;
  const long row = g / width;
  global const M* k = keys + keys_at + row * n;
  global const int* run = order + row * n;
  long at = first + g % width;
#if KIND == 1 || KIND == 2
  long low = 0, high = n;
  while (low < high) {
    const long mid = (low + high) / 2;
    if (rt_nan(LOAD(k, run[mid]))) high = mid; else low = mid + 1;
  }
  at = KIND == 1 ? (low < n ? low : (n - 1) / 2) : (low == 0 ? 0 : (low - 1) / 2);
#elif KIND == 3
  long best = 0;
  for (long i = 0; i < n;) {
    const T v = LOAD(k, run[i]);
    long j = i + 1;
    while (j < n && !rt_before(v, LOAD(k, run[j]))) ++j;
    if (j - i > best) {
      best = j - i;
      at = j - 1;
    }
    i = j;
  }
#endif
  const long place = run[at];
  COPY(values, values_at + g, k, place)
  indices[indices_at + g] = place;
}
)";

constexpr const char* kSearch = R"(
kernel void run(global OUT* out, global const M* sorted, global const M* values, const long out_at, const long sorted_at, const long values_at,
                const long n, const long length, const long per_row, const int shared, const int right) {
  const long g = get_global_id(0);
  if (g >= n) return;
  global const M* row = sorted + sorted_at + (shared ? 0 : g / per_row * length);
  const T v = LOAD(values, values_at + g);
  long low = 0, high = length;
  while (low < high) {
    const long mid = (low + high) / 2;
    const T other = LOAD(row, mid);
    const bool passes = right ? !(other > v) : !(other >= v);  // nan is passed
    if (passes) low = mid + 1; else high = mid;
  }
  out[out_at + g] = (OUT)low;
}
)";

std::string typed(DType t, bool descending, const std::string& text) {
  return cat(operand_text("", t), "#define DESCENDING ", descending ? 1 : 0, "\n", kBefore, text);
}

}  // namespace

Tensor sorted_order(const Tensor& keys, int64_t rows, int64_t n, bool descending, int64_t below) {
  GpuDevice& device = device_of(keys);
  const DType t = keys.dtype();
  device.require("sort", t);
  const std::string kind = cat("/", descending, "/", dtype_name(t));
  if (n > kBlock && rows * n >= kManyKeys) return radix_order(keys, rows, n, descending, below);
  Tensor order = scratch(keys, rows * n, kInt32);
  if (rows * n == 0) return order;
  KernelPtr blocks =
      device.kernel("sort/blocks" + kind, "run", [&] { return typed(t, descending, kBlocks); });
  {
    Launch launch(device, blocks);
    launch.in(order).in(keys).value(keys.storage_offset()).value(rows).value(n);
    launch.run(rows * ((n + kBlock - 1) / kBlock), kLanes);
  }
  if (n <= kBlock) return order;
  KernelPtr merge = device.kernel("sort/merge" + kind, "run", [&] { return typed(t, descending, kMerge); });
  Tensor other = scratch(keys, rows * n, kInt32);
  for (int64_t width = kBlock; width < n; width *= 2) {
    Launch launch(device, merge);
    launch.in(other).in(order).in(keys).value(keys.storage_offset()).value(rows).value(n).value(width);
    launch.run(rows * n, kLanes);
    std::swap(order, other);
  }
  return order;
}

bool order(const OrderCall& call) {
  if (call.in.numel() == 0) return true;
  const int64_t n = call.in.dim() == 0 ? 1 : call.in.size(-1);
  if (n > INT32_MAX) return false;
  GpuDevice& device = device_of(call.in);
  const DType t = call.in.dtype();
  const int64_t rows = call.in.numel() / n;
  const bool whole = call.kind == OrderKind::Sort || call.kind == OrderKind::TopK;
  const int64_t width = call.kind == OrderKind::Sort ? n : whole ? call.k : 1;
  if (width == 0) return true;
  const Tensor places = sorted_order(call.in, rows, n, whole && call.descending);
  const int kind = whole || call.kind == OrderKind::Kth ? 0
                   : call.kind == OrderKind::Median     ? 1
                   : call.kind == OrderKind::NanMedian  ? 2
                                                        : 3;
  KernelPtr pick = device.kernel(cat("sort/pick/", kind, "/", dtype_name(t)), "run",
                                 [&] { return cat("#define KIND ", kind, "\n", typed(t, false, kPick)); });
  writable(call.values);
  writable(call.indices);
  Launch launch(device, pick);
  launch.in(call.values).in(call.indices).in(call.in).in(places);
  launch.value(call.values.storage_offset())
      .value(call.indices.storage_offset())
      .value(call.in.storage_offset());
  launch.value(rows).value(n).value(width).value(call.kind == OrderKind::Kth ? call.k - 1 : int64_t{0});
  launch.run(rows * width, kLanes);
  return true;
}

bool search(const SearchCall& call) {
  const int64_t n = call.values.numel();
  if (n == 0) return true;
  GpuDevice& device = device_of(call.out);
  const DType t = call.values.dtype();
  device.require("searchsorted", t);
  const int64_t length = call.sorted.size(-1);
  const bool shared = call.sorted.dim() == 1;
  const int64_t per_row = shared || call.values.dim() == 0 ? n : call.values.size(-1);
  const char* out = memory_type(call.out.dtype());
  KernelPtr kernel = device.kernel(cat("search/", out, "/", dtype_name(t)), "run",
                                   [&] { return cat("#define OUT ", out, "\n", typed(t, false, kSearch)); });
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(length > 0 ? call.sorted : call.values).in(call.values);
  launch.value(call.out.storage_offset())
      .value(call.sorted.storage_offset())
      .value(call.values.storage_offset());
  launch.value(n).value(length).value(per_row);
  launch.value(static_cast<int32_t>(shared)).value(static_cast<int32_t>(call.right));
  launch.run(n, kLanes);
  return true;
}

}  // namespace rustorch::kernels
