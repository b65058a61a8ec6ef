// Matrix products: one tiled kernel for every dtype; strides, transposition, bias, factors and activation are
// arguments, so that one program serves all layers of a network.
#include "backend/opencl/cl_device.h"
#include "backend/opencl/cl_source.h"
#include "backend/opencl/kernels.h"
#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

constexpr size_t kTile = 32,
                 kLocal = 8;  // a group of 8 x 8 items makes a tile of 32 x 32, 4 x 4 for each item

struct MatmulArgs {
  int64_t m, n, k;
  int64_t a_at, a_row, a_col, a_batch;
  int64_t b_at, b_row, b_col, b_batch;
  int64_t c_at, c_row, c_batch;
  int64_t bias_at, has_bias, has_beta, act;
};

// T: the compute type; LOAD_A/LOAD_B(i), STORE(i, v) and LOAD_C, LOAD_BIAS are defined in front of it.
constexpr const char* kSource = R"(
typedef struct { long m, n, k, a_at, a_row, a_col, a_batch, b_at, b_row, b_col, b_batch, c_at, c_row, c_batch, bias_at, has_bias, has_beta, act; } Args;
static inline T activate(T v, long act) {
#if IS_REAL
  switch (act) {
    case 1: return v < 0 ? (T)0 : v;
    case 2: return (T)0.5 * v * ((T)1 + erf(v * (T)RT_SQRT1_2));
    case 3: return (T)0.5 * v * ((T)1 + tanh((T)RT_SQRT_2_PI * (v + (T)RT_GELU_3 * v * v * v)));
    case 4: return (T)1 / ((T)1 + exp(-v));
    case 5: return tanh(v);
    case 6: return v / ((T)1 + exp(-v));
  }
#endif
  return v;
}
kernel __attribute__((reqd_work_group_size(8, 8, 1)))
void run(global M* c, global const M* a, global const M* b, global const M* bias, const T alpha, const T beta, const Args p) {
  local T ta[16][33], tb[16][33];
  const int lx = get_local_id(0), ly = get_local_id(1), item = ly * 8 + lx;
  const long row0 = get_group_id(1) * 32L, col0 = get_group_id(0) * 32L, batch = get_group_id(2);
  const long a0 = p.a_at + batch * p.a_batch, b0 = p.b_at + batch * p.b_batch, c0 = p.c_at + batch * p.c_batch;
  T acc[4][4];
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) acc[i][j] = 0;
  for (long k0 = 0; k0 < p.k; k0 += 16) {
    for (int e = item; e < 512; e += 64) {
      /* neighbours of an item read neighbours in memory, whichever way the matrix lies */
      int i = p.a_col == 1 ? e / 16 : e % 32, k = p.a_col == 1 ? e % 16 : e / 32;
      long r = row0 + i, q = k0 + k;
      ta[k][i] = r < p.m && q < p.k ? LOAD(a, a0 + r * p.a_row + q * p.a_col) : (T)0;
      i = p.b_row == 1 ? e / 16 : e % 32;
      k = p.b_row == 1 ? e % 16 : e / 32;
      r = col0 + i;
      q = k0 + k;
      tb[k][i] = r < p.n && q < p.k ? LOAD(b, b0 + q * p.b_row + r * p.b_col) : (T)0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < 16; ++k) {
      T x[4], y[4];
      for (int i = 0; i < 4; ++i) x[i] = ta[k][ly * 4 + i];
      for (int j = 0; j < 4; ++j) y[j] = tb[k][lx + 8 * j];
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) acc[i][j] += x[i] * y[j];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const long r = row0 + ly * 4 + i, q = col0 + lx + 8 * j;
      if (r >= p.m || q >= p.n) continue;
      const long at = c0 + r * p.c_row + q;
      T v = alpha * acc[i][j];
      if (p.has_beta) v += beta * LOAD(c, at);
      if (p.has_bias) v += LOAD(bias, p.bias_at + q);
      v = activate(v, p.act);
      STORE(c, at, v)
    }
  }
}
)";

constexpr const char* kConstants32 =
    "\n#define RT_SQRT1_2 0.70710678f\n#define RT_SQRT_2_PI 0.79788456f\n#define RT_GELU_3 0.044715f";
constexpr const char* kConstants64 =
    "\n#define RT_SQRT1_2 0.70710678118654752\n#define RT_SQRT_2_PI 0.79788456080286536\n#define RT_GELU_3 "
    "0.044715";

std::string source(DType dtype, ComputeType t) {
  return cat(source_header(uses_double(t)), "#define T ", value_type(t), "\n#define M ", memory_type(dtype),
             "\n#define IS_REAL ", is_real(t) ? 1 : 0, t == ComputeType::f64 ? kConstants64 : kConstants32,
             "\n#define LOAD(p, i) (", load(dtype, t, "p", "(i)"), ")\n#define STORE(p, i, v) ",
             store(dtype, t, "p", "(i)", "v"), "\n", kSource);
}

struct View {
  int64_t rows, cols, row, col, batch, batches;
};

View view_of(const Tensor& tensor, bool trans) {
  const TensorImpl& t = *tensor.impl();
  const int d = t.dim();
  View v{t.size(d - 2), t.size(d - 1), t.stride(d - 2), t.stride(d - 1), 0, 1};
  if (d == 3) {
    v.batches = t.size(0);
    v.batch = v.batches == 1 ? 0 : t.stride(0);
  }
  if (trans) {
    std::swap(v.rows, v.cols);
    std::swap(v.row, v.col);
  }
  return v;
}

}  // namespace

bool matmul(const MatmulCall& call) {
  const DType dtype = call.out.dtype();
  if (rustorch::is_complex(dtype)) return false;
  const ComputeType t = compute_type_of(dtype);
  ClDevice& device = device_of(call.out);
  if (device.capabilities().max_work_group < kLocal * kLocal) return false;
  device.require("matmul", dtype);
  const View a = view_of(call.a, call.trans_a), b = view_of(call.b, call.trans_b),
             c = view_of(call.out, false);
  if (c.rows == 0 || c.cols == 0 || c.batches == 0) return true;
  if (c.col != 1 && c.cols != 1) return false;
  const bool has_beta = !call.beta.equal(0);
  const MatmulArgs args{c.rows,
                        c.cols,
                        a.cols,
                        call.a.storage_offset(),
                        a.row,
                        a.col,
                        a.batch,
                        call.b.storage_offset(),
                        b.row,
                        b.col,
                        b.batch,
                        call.out.storage_offset(),
                        c.row,
                        c.batch,
                        call.bias.defined() ? call.bias.storage_offset() : 0,
                        call.bias.defined(),
                        has_beta,
                        static_cast<int64_t>(call.act)};
  KernelPtr kernel =
      device.kernel(cat("matmul/", dtype_name(dtype)), "run", [&] { return source(dtype, t); });
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out)
      .in(a.cols > 0 ? call.a : call.out)
      .in(a.cols > 0 ? call.b : call.out)
      .in(call.bias.defined() ? call.bias : call.out);
  add_number(launch, t, call.alpha);
  add_number(launch, t, call.beta);
  launch.value(args);
  auto tiles = [](int64_t n) { return (static_cast<size_t>(n) + kTile - 1) / kTile * kLocal; };
  launch.run({tiles(c.cols), tiles(c.rows), static_cast<size_t>(c.batches)}, {kLocal, kLocal, 1});
  return true;
}

}  // namespace rustorch::opencl
