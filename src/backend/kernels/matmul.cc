// Matrix products: one tiled kernel for every dtype; strides, transposition, bias, factors and activation are
// arguments, so that one program serves all layers of a network.
#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "backend/kernels/tile.h"
#include "backend/matrix_view.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// Mirrors the struct in the program.
struct MatmulArgs {
  int64_t m, n, k;
  int64_t a_at, a_row, a_col, a_batch;
  int64_t b_at, b_row, b_col, b_batch;
  int64_t c_at, c_row, c_batch;
  int64_t bias_at, has_bias, has_beta, act;
};

constexpr const char* kSource = R"(
typedef struct { long m, n, k, a_at, a_row, a_col, a_batch, b_at, b_row, b_col, b_batch, c_at, c_row, c_batch, bias_at, has_bias, has_beta, act; } Args;
#define ARGUMENTS global M* c, global const M* a, global const M* b, global const M* bias, const T alpha, const T beta, const Args p
#define BEGIN const long a0 = p.a_at + batch * p.a_batch, b0 = p.b_at + batch * p.b_batch, c0 = p.c_at + batch * p.c_batch;
#define A(r, q) ((r) < p.m && (q) < p.k ? LOAD(a, a0 + (r) * p.a_row + (q) * p.a_col) : (T)(0))
#define B(q, s) ((s) < p.n && (q) < p.k ? LOAD(b, b0 + (q) * p.b_row + (s) * p.b_col) : (T)(0))
#define A_ALONG_Q (p.a_col == 1)
#define B_ALONG_Q (p.b_row == 1)
#define Q_BEGIN 0
#define Q_END p.k
#define RESULT(r, s, v) if ((r) < p.m && (s) < p.n) { \
    const long at = c0 + (r) * p.c_row + (s); \
    T sum = MUL(alpha, v); \
    if (p.has_beta) { const T old = LOAD(c, at); sum += MUL(beta, old); } \
    if (p.has_bias) sum += LOAD(bias, p.bias_at + (s)); \
    sum = activate(sum, p.act); \
    STORE(c, at, sum) \
  }
)";

std::string source(DType dtype, ComputeType t) {
  return cat(operand_text("", dtype), "#define IS_REAL ", is_real(t) ? 1 : 0, "\n",
             t == ComputeType::f64 ? kActivateConstants64 : kActivateConstants32, kActivateText, kSource,
             kTileText);
}

}  // namespace

bool matmul(const MatmulCall& call) {
  const DType dtype = call.out.dtype();
  const ComputeType t = compute_type_of(dtype);
  GpuDevice& device = device_of(call.out);
  if (device.capabilities().max_work_group < kTileItems * kTileItems) return false;
  device.require("matmul", dtype);
  const MatrixView a(call.a, call.trans_a), b(call.b, call.trans_b), c(call.out, false);
  if (c.rows == 0 || c.cols == 0 || c.batch == 0) return true;
  if (c.col_stride != 1 && c.cols != 1) return false;
  const bool has_beta = !call.beta.equal(0);
  const MatmulArgs args{c.rows,
                        c.cols,
                        a.cols,
                        call.a.storage_offset(),
                        a.row_stride,
                        a.col_stride,
                        a.batch_stride,
                        call.b.storage_offset(),
                        b.row_stride,
                        b.col_stride,
                        b.batch_stride,
                        call.out.storage_offset(),
                        c.row_stride,
                        c.batch_stride,
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
  launch.run({tile_items(c.cols), tile_items(c.rows), static_cast<size_t>(c.batch)},
             {kTileItems, kTileItems, 1});
  return true;
}

}  // namespace rustorch::kernels
