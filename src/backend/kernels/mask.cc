// Selection by mask: counting, compacting, spreading, and the indices of the true elements.
//
// Chunks of 256 elements are counted first; their running sum says where each chunk reads or writes.
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kChunk = 256;

constexpr const char* kCount = R"(
kernel void run(global long* counts, global const uchar* mask, const View m, const long n) {
  const long c = get_global_id(0), end = min((c + 1) * 256, n);
  if (c * 256 >= n) return;
  long count = 0;
  for (long i = c * 256; i < end; ++i) count += mask[rt_at(&m, i)] != 0;
  counts[c] = count;
}
)";

// KIND: 0 the true elements of b go to consecutive places of a, 1 consecutive elements of b go to the true
// places of a, 2 the positions of the true elements go to rows of a.
constexpr const char* kMove = R"(
kernel void run(global X* a, global const X* b, global const uchar* mask, global const long* sums, const View m, const View v, const View shape,
                const long at, const long n) {
  const long c = get_global_id(0), end = min((c + 1) * 256, n);
  if (c * 256 >= n) return;
  long next = c == 0 ? 0 : sums[c - 1];
  for (long i = c * 256; i < end; ++i) {
    if (mask[rt_at(&m, i)] == 0) continue;
#if KIND == 0
    a[at + next] = b[rt_at(&v, i)];
#elif KIND == 1
    a[rt_at(&v, i)] = b[at + next];
#else
    long rest = i;
    for (long d = 0; d < shape.ndim; ++d) {
      a[at + next * shape.ndim + (shape.ndim - 1 - d)] = rest % shape.size[d];
      rest /= shape.size[d];
    }
#endif
    ++next;
  }
}
)";

int64_t chunks_of(const Tensor& mask) { return (mask.numel() + kChunk - 1) / kChunk; }

/// sums[c] = number of true elements in chunks 0 ... c.
Tensor running_counts(const Tensor& mask, const View& view) {
  GpuDevice& device = device_of(mask);
  const int64_t chunks = chunks_of(mask);
  const Tensor counts = scratch(mask, chunks, kInt64), sums = scratch(mask, chunks, kInt64);
  KernelPtr kernel = device.kernel("mask/count", "run", [] { return cat(kViewText, kCount); });
  {
    Launch launch(device, kernel);
    launch.in(counts).in(mask).value(view).value(mask.numel());
    launch.run(chunks, kLanes);
  }
  scan({ScanKind::CumSum, sums, {}, counts, 0});
  return sums;
}

/// See kMove: `strided` is the side that is walked with the mask, `packed` the other (contiguous).
bool move(int kind, const Tensor& strided, const Tensor& packed, const Tensor& mask) {
  View view, m, shape;
  if (!make_view(mask, &m) || !make_view(strided, &view) || mask.dim() > View::kMax) return false;
  shape.ndim = mask.dim();
  for (int d = 0; d < mask.dim(); ++d) shape.size[mask.dim() - 1 - d] = mask.size(d);
  GpuDevice& device = device_of(mask);
  const Tensor& to = kind == 1 ? strided : packed;
  const Tensor& from = kind == 1 ? packed : strided;
  const char* type = kind == 2 ? "long" : move_type(to.dtype());
  const Tensor sums = running_counts(mask, m);
  KernelPtr kernel = device.kernel(cat("mask/move/", kind, "/", type), "run", [&] {
    return cat("#define X ", type, "\n#define KIND ", kind, "\n", kViewText, kMove);
  });
  writable(to);
  Launch launch(device, kernel);
  launch.in(to).in(from).in(mask).in(sums).value(m).value(view).value(shape);
  launch.value(packed.storage_offset()).value(mask.numel());
  launch.run(chunks_of(mask), kLanes);
  return true;
}

}  // namespace

bool count_true(const Tensor& mask, int64_t* count) {
  View view;
  *count = 0;
  if (mask.numel() == 0) return true;
  if (!make_view(mask, &view)) return false;
  *count = read_int64(running_counts(mask, view), chunks_of(mask) - 1);
  return true;
}

bool masked_select(const MaskedSelectCall& call) {
  return call.out.numel() == 0 || move(0, call.in, call.out, call.mask);
}

bool masked_scatter(const MaskedScatterCall& call) {
  if (call.out.numel() == 0) return true;
  return call.source.numel() > 0 && move(1, call.out, call.source, call.mask);
}

bool nonzero(const Tensor& out, const Tensor& mask) { return out.numel() == 0 || move(2, mask, out, mask); }

}  // namespace rustorch::kernels
