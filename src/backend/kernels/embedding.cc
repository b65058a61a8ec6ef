// Embedding tables: rows gathered by index, and their dense gradient, which sorts the positions by row so
// that each row is summed in the order of its positions by one item a column.
#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr const char* kGather = R"(
kernel void run(global X* out, global const X* table, global const long* indices, volatile global int* bad, const long out_at, const long table_at,
                const long indices_at, const long rows, const long width, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long i = g / width, row = indices[indices_at + i];
  if (row < 0 || row >= rows) {
    atomic_min(bad, (int)min(i, (long)INT_MAX - 1));
    return;
  }
  out[out_at + g] = table[table_at + row * width + g % width];
}
)";

constexpr const char* kCheck = R"(
kernel void run(global const long* indices, volatile global int* bad, const long indices_at, const long rows, const long n) {
  const long i = get_global_id(0);
  if (i >= n) return;
  const long row = indices[indices_at + i];
  if (row < 0 || row >= rows) atomic_min(bad, (int)min(i, (long)INT_MAX - 1));
}
)";

constexpr const char* kBackward = R"(
kernel void run(global M* out, global const M* in, global const long* indices, global const int* order, const long out_at, const long in_at,
                const long indices_at, const long width, const long count, const long padding, const int by_frequency) {
  const long g = get_global_id(0);
  if (g >= count * width) return;
  const long r = g / width, w = g % width, row = indices[indices_at + order[r]];
  if (row == padding || (r > 0 && indices[indices_at + order[r - 1]] == row)) return;
  T sum = 0;
  long t = r;
  for (; t < count && indices[indices_at + order[t]] == row; ++t) sum += LOAD(in, in_at + (long)order[t] * width + w);
  if (by_frequency) sum = sum / (T)(t - r);
  STORE(out, out_at + row * width + w, sum)
}
)";

void raise_if_any(const EmbeddingCall& call, const BadPosition& bad) {
  const int64_t wrong = bad.first();
  RT_CHECK(wrong < 0, Index, "embedding", "index out of range in self; got ",
           read_int64(call.indices, call.indices.storage_offset() + wrong), "; expected 0 <= index < ",
           call.rows);
}

bool gather(const EmbeddingCall& call) {
  const int64_t n = call.count * call.width;
  if (n == 0) return call.count == 0;
  GpuDevice& device = device_of(call.out);
  const char* type = move_type(call.out.dtype());
  KernelPtr kernel = device.kernel(cat("embedding/gather/", type), "run",
                                   [&] { return cat("#define X ", type, "\n", kGather); });
  const BadPosition bad(call.out);
  writable(call.out);
  {
    Launch launch(device, kernel);
    launch.in(call.out).in(call.in.numel() > 0 ? call.in : call.out).in(call.indices).in(bad.flag());
    launch.value(call.out.storage_offset())
        .value(call.in.storage_offset())
        .value(call.indices.storage_offset());
    launch.value(call.rows).value(call.width).value(n);
    launch.run(n, kLanes);
  }
  raise_if_any(call, bad);
  return true;
}

bool backward(const EmbeddingCall& call) {
  GpuDevice& device = device_of(call.out);
  const DType t = call.out.dtype();
  device.require("embedding_backward", t);
  if (call.count > INT32_MAX) return false;
  const int64_t indices_at = call.indices.storage_offset();
  if (call.count > 0) {
    const BadPosition bad(call.out);
    KernelPtr check = device.kernel("embedding/check", "run", [] { return cat(kCheck); });
    {
      Launch launch(device, check);
      launch.in(call.indices).in(bad.flag()).value(indices_at).value(call.rows).value(call.count);
      launch.run(call.count, kLanes);
    }
    raise_if_any(call, bad);
  }
  backend_for(call.out).fill(call.out, 0);
  if (call.count == 0 || call.width == 0) return true;
  const Tensor order = sorted_order(call.indices, 1, call.count, false, call.rows);
  KernelPtr kernel = device.kernel(cat("embedding/backward/", dtype_name(t)), "run",
                                   [&] { return cat(operand_text("", t), kBackward); });
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).in(call.indices).in(order);
  launch.value(call.out.storage_offset()).value(call.in.storage_offset()).value(indices_at);
  launch.value(call.width).value(call.count).value(call.padding_idx);
  launch.value(static_cast<int32_t>(call.by_frequency));
  launch.run(call.count * call.width, kLanes);
  return true;
}

}  // namespace

bool embedding(const EmbeddingCall& call) {
  return call.kind == EmbeddingKind::Gather ? gather(call) : backward(call);
}

}  // namespace rustorch::kernels
