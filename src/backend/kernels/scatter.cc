// gather and scatter along one dimension.
//
// scatter takes the updates of a place in their order: a work item walks each line, or, when there are few
// long lines, the updates are sorted by destination and the first of equal ones does the work of all.
#include "backend/compute_backend.h"
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr const char* kGather = R"(
kernel void run(global X* out, global const X* in, global const long* index, volatile global int* bad, const View o, const View v, const View x,
                const long step, const long limit, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long i = index[rt_at(&x, g)];
  if (i < 0 || i >= limit) {
    atomic_min(bad, (int)min(g, (long)INT_MAX - 1));
    return;
  }
  out[rt_at(&o, g)] = in[rt_at(&v, g) + i * step];
}
)";

// The checked indices as lines that run through memory.
constexpr const char* kKeys = R"(
kernel void run(global long* keys, global const long* index, volatile global int* bad, const View x, const long step, const long length,
                const long limit, const long n) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long i = index[rt_at(&x, g / length) + g % length * step];
  if (i < 0 || i >= limit) atomic_min(bad, (int)min(g, (long)INT_MAX - 1));
  keys[g] = i;
}
)";

// MODE: 0 write, 1 add, 2 multiply, 3 max, 4 min.
constexpr const char* kScatter = R"(
#if HAS_SRC
#define VALUE(l) LOAD(src, l)
#else
#define VALUE(l) value
#endif
#if MODE == 0 && HAS_SRC
#define UPDATE(to, l) COPY(out, to, src, l)
#elif MODE == 0
#define UPDATE(to, l) STORE(out, to, value)
#elif MODE == 1
#define UPDATE(to, l) { const T r = LOAD(out, to) + VALUE(l); STORE(out, to, r) }
#elif MODE == 2
#define UPDATE(to, l) { const T r = MUL(LOAD(out, to), VALUE(l)); STORE(out, to, r) }
#elif MODE == 3
#define UPDATE(to, l) { const T r = VALUE(l); if (r != r || r > LOAD(out, to)) STORE(out, to, r) }
#else
#define UPDATE(to, l) { const T r = VALUE(l); if (r != r || r < LOAD(out, to)) STORE(out, to, r) }
#endif
kernel void run(global M* out, global const M* src, global const long* keys, global const int* order, const View o, const View s,
                const long out_step, const long src_step, const long length, const long n, const T value, const int sorted) {
  const long g = get_global_id(0);
  if (g >= n) return;
  const long line = sorted ? g / length : g, first = line * length;
  const long to = rt_at(&o, line), from = rt_at(&s, line);
  if (sorted) {
    const long r = g % length, here = keys[first + order[g]];
    if (r > 0 && keys[first + order[g - 1]] == here) return;
    for (long t = r; t < length && keys[first + order[first + t]] == here; ++t)
      UPDATE(to + here * out_step, from + order[first + t] * src_step)
  } else {
    for (long i = 0; i < length; ++i) UPDATE(to + keys[first + i] * out_step, from + i * src_step)
  }
}
)";

[[noreturn]] void raise_out_of_range(const Tensor& index, int64_t at, int64_t dim, int64_t size) {
  raise(ErrorKind::Shape, "",
        cat("index ", read_int64(index, at), " is out of bounds for dimension ", dim, " with size ", size));
}

/// The dimensions of index other than dim, with the strides of another tensor.
bool make_lines(const Tensor& index, const Tensor& other, int64_t dim, View* view, int64_t* step) {
  int64_t sizes[64], strides[64];
  size_t n = 0;
  *step = 0;
  for (int d = 0; d < index.dim(); ++d) {
    const int64_t stride = other.dim() == 0 ? 0 : other.stride(d);
    if (d == dim) {
      *step = stride;
      continue;
    }
    sizes[n] = index.size(d);
    strides[n++] = stride;
  }
  return make_view(IntArrayRef(sizes, n), IntArrayRef(strides, n), other.storage_offset(), view);
}

int64_t limit_of(const Tensor& t, int64_t dim) { return t.dim() == 0 ? 1 : t.size(static_cast<int>(dim)); }

}  // namespace

bool gather(const GatherCall& call) {
  const int64_t n = call.index.numel();
  if (n == 0) return true;
  if (call.in.numel() == 0) return false;
  int64_t strides[64];
  for (int d = 0; d < call.index.dim(); ++d)
    strides[d] = d == call.dim || call.in.dim() == 0 ? 0 : call.in.stride(d);
  View out, in, index;
  if (!make_view(call.out, &out) || !make_view(call.index, &index) ||
      !make_view(call.index.sizes(), IntArrayRef(strides, static_cast<size_t>(call.index.dim())),
                 call.in.storage_offset(), &in))
    return false;
  GpuDevice& device = device_of(call.out);
  const int64_t limit = limit_of(call.in, call.dim);
  const int64_t step = call.in.dim() == 0 ? 0 : call.in.stride(static_cast<int>(call.dim));
  const char* type = move_type(call.out.dtype());
  KernelPtr kernel = device.kernel(cat("gather/", type), "run",
                                   [&] { return cat("#define X ", type, "\n", kViewText, kGather); });
  const BadPosition bad(call.out);
  writable(call.out);
  {
    Launch launch(device, kernel);
    launch.in(call.out).in(call.in).in(call.index).in(bad.flag()).value(out).value(in).value(index);
    launch.value(step).value(limit).value(n);
    launch.run(n, kLanes);
  }
  const int64_t wrong = bad.first();
  if (wrong >= 0) raise_out_of_range(call.index, element_at(index, wrong), call.dim, limit);
  return true;
}

bool scatter(const ScatterCall& call) {
  const int64_t n = call.index.numel();
  const DType t = call.out.dtype();
  if (n == 0 && !call.base.defined()) return true;
  if (call.out.numel() == 0 || n == 0) return false;
  if (rustorch::is_complex(t) && (call.mode == ScatterMode::Max || call.mode == ScatterMode::Min))
    return false;
  const Tensor& src = call.src.defined() ? call.src : call.index;
  View out_lines, src_lines, index_lines;
  int64_t out_step, src_step, index_step;
  if (!make_lines(call.index, call.out, call.dim, &out_lines, &out_step) ||
      !make_lines(call.index, src, call.dim, &src_lines, &src_step) ||
      !make_lines(call.index, call.index, call.dim, &index_lines, &index_step))
    return false;
  GpuDevice& device = device_of(call.out);
  device.require("scatter", t);
  const int64_t length = limit_of(call.index, call.dim), lines = n / length,
                limit = limit_of(call.out, call.dim);
  if (length > INT32_MAX) return false;

  const Tensor keys = scratch(call.out, n, kInt64);
  const BadPosition bad(call.out);
  KernelPtr check = device.kernel("scatter/keys", "run", [] { return cat(kViewText, kKeys); });
  {
    Launch launch(device, check);
    launch.in(keys)
        .in(call.index)
        .in(bad.flag())
        .value(index_lines)
        .value(index_step)
        .value(length)
        .value(limit)
        .value(n);
    launch.run(n, kLanes);
  }
  const int64_t wrong = bad.first();
  if (wrong >= 0)
    raise_out_of_range(call.index, element_at(index_lines, wrong / length) + wrong % length * index_step,
                       call.dim, limit);

  if (call.base.defined()) backend_for(call.out).copy(call.out, call.base);
  const bool sorted = lines < 256 && length > 64;
  const Tensor order = sorted ? sorted_order(keys, lines, length, false, limit) : keys;
  const int mode = static_cast<int>(call.mode), has_src = call.src.defined() ? 1 : 0;
  KernelPtr kernel = device.kernel(cat("scatter/", mode, "/", has_src, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t), "#define MODE ", mode, "\n#define HAS_SRC ", has_src, "\n", kViewText,
               kScatter);
  });
  writable(call.out);
  const int64_t items = sorted ? n : lines;
  Launch launch(device, kernel);
  launch.in(call.out).in(src).in(keys).in(order).value(out_lines).value(src_lines);
  launch.value(out_step).value(src_step).value(length).value(items);
  add_number(launch, compute_type_of(t), has_src != 0 ? Scalar(0) : call.value);
  launch.value(static_cast<int32_t>(sorted));
  launch.run(items, kLanes);
  return true;
}

}  // namespace rustorch::kernels
