// The matmul family on the CPU: turns strided operands into the leading dimensions that gemm() takes.
//
// A matrix whose rows or columns are contiguous is passed as it is (transposed or not); any other one is
// copied to scratch memory first. Batches run in parallel over matrices, each product inline; a single
// product splits itself. 16-bit floats are summed in float.
#include <algorithm>
#include <complex>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/matrix_view.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

static_assert(static_cast<int>(Epilogue::Silu) == static_cast<int>(Activation::Silu));

// How gemm() is to read a matrix: (trans, ld), or that it needs a copy.
struct Packing {
  bool trans = false, copy = false;
  int64_t ld = 0;
};

Packing packing_of(const MatrixView& v) {
  Packing p;
  if ((v.col_stride == 1 || v.cols == 1) && (v.row_stride >= v.cols || v.rows == 1)) {
    p.ld = v.rows == 1 ? std::max<int64_t>(v.cols, 1) : v.row_stride;
  } else if ((v.row_stride == 1 || v.rows == 1) && (v.col_stride >= v.rows || v.cols == 1)) {
    p.trans = true;
    p.ld = v.cols == 1 ? std::max<int64_t>(v.rows, 1) : v.col_stride;
  } else {
    p.copy = true;
    p.ld = v.cols;
  }
  return p;
}

template <class T>
void copy_matrix(const T* from, const MatrixView& v, T* to) {
  for (int64_t i = 0; i < v.rows; ++i)
    for (int64_t j = 0; j < v.cols; ++j) to[i * v.cols + j] = from[i * v.row_stride + j * v.col_stride];
}

template <class T>
T number(const Scalar& s) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(s.to_int());
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(s.to_double());
  else
    return T(s.to_complex());
}

// Integers with factors or a bias: rows in parallel, each as a sum of rows of B; sums wrap around.
template <class T>
void scaled_int_gemm(const GemmArgs<T>& g) {
  using W = uint64_t;
  const int64_t a_row = g.trans_a ? 1 : g.lda, a_col = g.trans_a ? g.lda : 1;
  const int64_t b_row = g.trans_b ? 1 : g.ldb, b_col = g.trans_b ? g.ldb : 1;
  parallel_for(0, g.m, row_grain(g.n * g.k), [&](int64_t begin, int64_t end) {
    ScratchBuffer<W> sums(static_cast<size_t>(g.n));
    W* sum = sums.data();
    for (int64_t i = begin; i < end; ++i) {
      std::fill(sum, sum + g.n, W(0));
      for (int64_t k = 0; k < g.k; ++k) {
        const W x = static_cast<W>(g.a[i * a_row + k * a_col]);
        for (int64_t j = 0; j < g.n; ++j) sum[j] += x * static_cast<W>(g.b[k * b_row + j * b_col]);
      }
      T* c = g.c + i * g.ldc;
      for (int64_t j = 0; j < g.n; ++j) {
        W v = static_cast<W>(g.alpha) * sum[j];
        if (g.beta != T(0)) v += static_cast<W>(g.beta) * static_cast<W>(c[j]);
        if (g.bias != nullptr) v += static_cast<W>(g.bias[j]);
        c[j] = static_cast<T>(v);
      }
    }
  });
}

template <class T>
void product(const GemmArgs<T>& g) {
  if constexpr (std::is_integral_v<T>) {
    if (g.alpha != T(1) || g.beta != T(0) || g.bias != nullptr) return scaled_int_gemm(g);
    IntGemmArgs<T, T, T> args;
    args.trans_a = g.trans_a;
    args.trans_b = g.trans_b;
    args.m = g.m;
    args.n = g.n;
    args.k = g.k;
    args.a = g.a;
    args.lda = g.lda;
    args.b = g.b;
    args.ldb = g.ldb;
    args.c = g.c;
    args.ldc = g.ldc;
    gemm_int(args);
  } else {
    gemm(g);
  }
}

template <class T>
void run(const MatmulCall& call) {
  const MatrixView a(call.a, call.trans_a), b(call.b, call.trans_b), c(call.out, false);
  const Packing pa = packing_of(a), pb = packing_of(b);
  const T* pointer_a = call.a.impl()->data<T>();
  const T* pointer_b = call.b.impl()->data<T>();
  T* pointer_c = call.out.impl()->mutable_data<T>();
  GemmArgs<T> args;
  args.m = c.rows;
  args.n = c.cols;
  args.k = a.cols;
  args.trans_a = pa.trans;
  args.trans_b = pb.trans;
  args.lda = pa.ld;
  args.ldb = pb.ld;
  args.ldc = c.rows == 1 ? std::max<int64_t>(c.cols, 1) : c.row_stride;
  args.alpha = number<T>(call.alpha);
  args.beta = number<T>(call.beta);
  args.bias = call.bias.defined() ? call.bias.impl()->data<T>() : nullptr;
  args.act = static_cast<Activation>(call.act);
  auto one = [&](int64_t i) {
    GemmArgs<T> g = args;
    g.a = pointer_a + i * a.batch_stride;
    g.b = pointer_b + i * b.batch_stride;
    g.c = pointer_c + i * c.batch_stride;
    ScratchBuffer<T> copy_a(pa.copy ? a.rows * a.cols : 0), copy_b(pb.copy ? b.rows * b.cols : 0);
    if (pa.copy) {
      copy_matrix(g.a, a, copy_a.data());
      g.a = copy_a.data();
    }
    if (pb.copy) {
      copy_matrix(g.b, b, copy_b.data());
      g.b = copy_b.data();
    }
    product(g);
  };
  if (c.batch == 1) return one(0);
  if constexpr (!std::is_integral_v<T>) {
    if (!pa.copy && !pb.copy) {
      BatchGemmArgs<T> batch;
      static_cast<GemmArgs<T>&>(batch) = args;
      batch.a = pointer_a;
      batch.b = pointer_b;
      batch.c = pointer_c;
      batch.batch = c.batch;
      batch.stride_a = a.batch_stride;
      batch.stride_b = b.batch_stride;
      batch.stride_c = c.batch_stride;
      return gemm_batched(batch);
    }
  }
  const int64_t grain = row_grain(args.m * args.n * args.k / 8);
  parallel_for(0, c.batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

// Products of 16-bit floats, summed in float and rounded once. A matrix without contiguous rows or columns is
// copied first, then its copies stand for the batch.
template <class H>
struct HalfOperand {
  ScratchBuffer<H> copies;
  const H* data;
  bool trans;
  int64_t ld, stride;
  HalfOperand(const H* from, const MatrixView& v, int64_t batch)
      : copies(packing_of(v).copy ? v.rows * v.cols * (v.batch_stride == 0 ? 1 : batch) : 0) {
    const Packing p = packing_of(v);
    trans = p.trans;
    ld = p.ld;
    stride = v.batch_stride;
    data = from;
    if (!p.copy) return;
    const int64_t size = v.rows * v.cols;
    parallel_for(0, v.batch_stride == 0 ? 1 : batch, row_grain(size), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        copy_matrix(from + i * v.batch_stride, v, copies.data() + i * size);
    });
    data = copies.data();
    stride = v.batch_stride == 0 ? 0 : size;
  }
};

template <class H>
void run_half(const MatmulCall& call) {
  const MatrixView a(call.a, call.trans_a), b(call.b, call.trans_b), c(call.out, false);
  const HalfOperand<H> from_a(call.a.impl()->data<H>(), a, c.batch),
      from_b(call.b.impl()->data<H>(), b, c.batch);
  HalfGemmArgs<H, H> g;
  g.m = c.rows;
  g.n = c.cols;
  g.k = a.cols;
  g.trans_a = from_a.trans;
  g.trans_b = from_b.trans;
  g.a = from_a.data;
  g.b = from_b.data;
  g.lda = from_a.ld;
  g.ldb = from_b.ld;
  g.c = call.out.impl()->mutable_data<H>();
  g.ldc = c.rows == 1 ? std::max<int64_t>(c.cols, 1) : c.row_stride;
  g.alpha = number<float>(call.alpha);
  g.beta = number<float>(call.beta);
  g.bias = call.bias.defined() ? call.bias.impl()->data<H>() : nullptr;
  g.act = static_cast<Activation>(call.act);
  g.batch = c.batch;
  g.stride_a = from_a.stride;
  g.stride_b = from_b.stride;
  g.stride_c = c.batch_stride;
  gemm_half(g);
}

// Bytes summed in int32.
template <class A>
void run_bytes(const MatmulCall& call) {
  const MatrixView a(call.a, false), b(call.b, false), c(call.out, false);
  const Packing pa = packing_of(a), pb = packing_of(b);
  ScratchBuffer<A> copy_a(static_cast<size_t>(pa.copy ? a.rows * a.cols : 0));
  ScratchBuffer<int8_t> copy_b(static_cast<size_t>(pb.copy ? b.rows * b.cols : 0));
  IntGemmArgs<A, int8_t, int32_t> g;
  g.m = c.rows;
  g.n = c.cols;
  g.k = a.cols;
  g.trans_a = pa.trans;
  g.trans_b = pb.trans;
  g.lda = pa.ld;
  g.ldb = pb.ld;
  g.a = call.a.impl()->data<A>();
  g.b = call.b.impl()->data<int8_t>();
  g.c = call.out.impl()->mutable_data<int32_t>();
  g.ldc = c.rows == 1 ? std::max<int64_t>(c.cols, 1) : c.row_stride;
  if (pa.copy) {
    copy_matrix(g.a, a, copy_a.data());
    g.a = copy_a.data();
  }
  if (pb.copy) {
    copy_matrix(g.b, b, copy_b.data());
    g.b = copy_b.data();
  }
  gemm_int(g);
}

}  // namespace

void matmul(const MatmulCall& call) {
  if (call.a.dtype() != call.out.dtype()) [[unlikely]] {
    return call.a.dtype() == kInt8 ? run_bytes<int8_t>(call) : run_bytes<uint8_t>(call);
  }
  switch (call.out.impl()->dtype()) {
    case DType::Float32:
      return run<float>(call);
    case DType::Float64:
      return run<double>(call);
    case DType::Float16:
      return run_half<Half>(call);
    case DType::BFloat16:
      return run_half<BFloat16>(call);
    case DType::Complex64:
      return run<std::complex<float>>(call);
    case DType::Complex128:
      return run<std::complex<double>>(call);
    default:
      dispatch_integral("matmul", call.out.impl()->dtype(),
                        [&](auto tag) { run<typename decltype(tag)::type>(call); });
  }
}

}  // namespace rustorch::cpu
