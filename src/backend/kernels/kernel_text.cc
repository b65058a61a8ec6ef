#include "backend/kernels/kernel_text.h"

#include "backend/compute_backend.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

std::string operand_text(const char* prefix, DType t) { return operand_text(prefix, t, compute_type_of(t)); }

std::string operand_text(const char* prefix, DType t, ComputeType compute) {
  const bool complex = rustorch::is_complex(compute);
  const std::string define = cat("#define ", prefix);
  return cat(
      define, "M ", memory_type(t), "\n", define, "T ", value_type(compute), "\n", define, "LOAD(p, i) (",
      load(t, compute, "(p)", "(i)"), ")\n", define, "STORE(p, i, v) ",
      store(t, compute, "(p)", "(i)", "(v)"), "\n", define, "ONE ",
      complex ? cat("RT_PAIR(", value_type(compute), ", 1, 0)") : cat("((", value_type(compute), ")1)"), "\n",
      define, "MUL(a, b) ",
      complex ? cat("RT_PAIR(", value_type(compute),
                    ", (a).x * (b).x - (a).y * (b).y, (a).x * (b).y + (a).y * (b).x)")
              : "((a) * (b))",
      "\n", define, "COPY(q, j, p, i) ",
      t == kFloat16 ? "((global ushort*)(q))[j] = ((global const ushort*)(p))[i];" : "(q)[j] = (p)[i];",
      "\n");
}

// m: the largest real part so far (nan once one was seen); total: the sum of exp(x - m).
constexpr const char* kLogSum = R"(
typedef struct { LSR m; LST total; } State;
static inline State rt_start(void) { State s; s.m = -INFINITY; s.total = (LST)(0); return s; }
static inline State rt_join(State s, State t) {
  if (s.m != s.m) return s;
  if (t.m != t.m) return t;
  if (t.m > s.m) {
    if (!isinf(s.m)) t.total += s.total * exp(s.m - t.m);
    return t;
  }
  if (!isinf(s.m)) s.total += t.total * exp(t.m - s.m);
  return s;
}
#if LSC
static inline State rt_add(State s, LST v) { State t; t.m = v.x; t.total = RT_PAIR(LST, cos(v.y), sin(v.y)); return rt_join(s, t); }
static inline LST rt_log(State s) {
  const LSR turn = s.total.y == 0 && s.total.x == 0 ? (LSR)0 : atan2(s.total.y, s.total.x);
  return isinf(s.m) || s.m != s.m ? RT_PAIR(LST, s.m, s.m > 0 ? turn : (LSR)0) : RT_PAIR(LST, s.m + log(hypot(s.total.x, s.total.y)), turn);
}
#else
static inline State rt_add(State s, LST v) { State t; t.m = v; t.total = 1; return rt_join(s, t); }
static inline LST rt_log(State s) { return isinf(s.m) || s.m != s.m ? s.m : s.m + log(s.total); }
#endif
)";

const char* const kFoldText = R"(
static inline T rt_fold(local T* part, T v, bool max_of) {
  const int lane = get_local_id(0);
  part[lane] = v;
  barrier(CLK_LOCAL_MEM_FENCE);
  T all = part[0];
  for (int k = 1; k < 64; ++k) all = max_of ? fmax(all, part[k]) : all + part[k];
  barrier(CLK_LOCAL_MEM_FENCE);
  return all;
}
)";

std::string log_sum_text(ComputeType t) {
  return cat("#define LST ", value_type(t), "\n#define LSR ", value_type(real_part_type(t)), "\n#define LSC ",
             rustorch::is_complex(t) ? 1 : 0, "\n", kLogSum);
}

const char* move_type(DType t) {
  switch (element_size(t)) {
    case 1:
      return "uchar";
    case 2:
      return "ushort";
    case 4:
      return "uint";
    case 8:
      return "ulong";
    default:
      return "ulong2";
  }
}

bool make_view(IntArrayRef sizes, IntArrayRef strides, int64_t offset, View* view) {
  *view = {};
  view->at = offset;
  for (size_t d = sizes.size(); d-- > 0;) {
    if (sizes[d] == 1) continue;
    const int64_t last = view->ndim - 1;
    if (last >= 0 && strides[d] == view->size[last] * view->stride[last]) {
      view->size[last] *= sizes[d];
      continue;
    }
    if (view->ndim == View::kMax) return false;
    view->size[view->ndim] = sizes[d];
    view->stride[view->ndim++] = strides[d];
  }
  int64_t count = 1;
  for (int64_t d = 0; d < view->ndim && count <= INT32_MAX; ++d) count *= view->size[d];
  view->narrow = count <= INT32_MAX ? 1 : 0;
  return true;
}

bool make_view(const Tensor& t, View* view) {
  return make_view(t.sizes(), t.strides(), t.storage_offset(), view);
}

int64_t element_at(const View& view, int64_t i) {
  int64_t at = view.at;
  for (int64_t d = 0; d < view.ndim; ++d) {
    at += i % view.size[d] * view.stride[d];
    i /= view.size[d];
  }
  return at;
}

const char* const kViewText = R"(
typedef struct { long ndim, at, narrow, size[8], stride[8]; } View;
static inline long rt_at(const View* v, long i) {
  long at = v->at;
  if (v->narrow) { /* divisions of 64 bits are slow */
    uint rest = (uint)i;
    for (long d = 0; d + 1 < v->ndim; ++d) {
      const uint size = (uint)v->size[d], q = rest / size;
      at += (long)(rest - q * size) * v->stride[d];
      rest = q;
    }
    return v->ndim == 0 ? at : at + (long)rest * v->stride[v->ndim - 1];
  }
  for (long d = 0; d + 1 < v->ndim; ++d) {
    const long q = i / v->size[d];
    at += (i - q * v->size[d]) * v->stride[d];
    i = q;
  }
  return v->ndim == 0 ? at : at + i * v->stride[v->ndim - 1];
}
)";

Tensor scratch(const Tensor& beside, int64_t n, DType t) {
  const Device where = beside.device();
  const int64_t count = n < 1 ? 1 : n;
  Storage* s = backend_for(where.type).allocate(static_cast<size_t>(count) * element_size(t), where);
  return Tensor(new TensorImpl(s, IntArrayRef(&n, 1), t, where));
}

Tensor alias(const Tensor& t, IntArrayRef sizes, IntArrayRef strides, int64_t offset, DType dtype) {
  t.impl()->storage()->retain();
  return Tensor(new TensorImpl(t.impl()->storage(), sizes, strides, offset, dtype, t.device()));
}

Tensor as_contiguous(const Tensor& t) {
  if (t.is_contiguous()) return t;
  const Device where = t.device();
  ComputeBackend& backend = backend_for(where.type);
  Storage* s = backend.allocate(static_cast<size_t>(t.numel()) * element_size(t.dtype()), where);
  Tensor out(new TensorImpl(s, t.sizes(), t.dtype(), where));
  backend.copy(out, t);
  return out;
}

BadPosition::BadPosition(const Tensor& beside) : flag_(scratch(beside, 1, kInt32)) {
  backend_for(flag_).fill(flag_, INT_MAX);
}

int64_t BadPosition::first() const {
  int32_t found = 0;
  device_of(flag_).read(*flag_.impl()->storage(), 0, &found, sizeof found);
  return found == INT_MAX ? -1 : found;
}

int64_t read_int64(const Tensor& t, int64_t offset) {
  int64_t value = 0;
  device_of(t).read(*t.impl()->storage(), static_cast<size_t>(offset) * sizeof value, &value, sizeof value);
  return value;
}

}  // namespace rustorch::kernels
