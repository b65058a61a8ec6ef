// Factorisations: Cholesky, LU, QR, LDL, and products of reflections.
#include "autograd/transform_values.h"
#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

std::tuple<Tensor, Tensor> linalg_cholesky_ex(const Tensor& self, bool upper, bool check_errors) {
  constexpr const char* kOp = "linalg.cholesky_ex";
  check_square("linalg.cholesky", self);
  check_dtype("linalg.cholesky", self);
  const DimVector batch = batch_of(self);
  Tensor out = rows(self), info = make_info(batch, self);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Cholesky};
    call.a = flat(out);
    call.info = flat(info, 0);
    call.upper = upper;
    backend_for(self).linalg(call);
  }
  if (check_errors) check_info(kOp, info);
  return {out, info};
}

Tensor linalg_cholesky(const Tensor& self, bool upper) {
  auto [out, info] = rustorch::linalg_cholesky_ex(self, upper, false);
  check_info("linalg.cholesky", info);
  return out;
}

Tensor cholesky(const Tensor& self, bool upper) { return rustorch::linalg_cholesky(self, upper); }

Tensor cholesky_solve(const Tensor& self, const Tensor& input2, bool upper) {
  constexpr const char* kOp = "cholesky_solve";
  RT_CHECK(self.dim() >= 2, Shape, kOp, "b should have at least 2 dimensions, but has ", self.dim(),
           " dimensions instead");
  RT_CHECK(input2.dim() >= 2, Shape, kOp, "u should have at least 2 dimensions, but has ", input2.dim(),
           " dimensions instead");
  check_square(kOp, input2);
  RT_CHECK(input2.size(-2) == self.size(-2), Shape, kOp,
           "Incompatible matrix sizes for cholesky_solve: each A matrix is ", input2.size(-2), " by ",
           input2.size(-1), " but each b matrix is ", self.size(-2), " by ", self.size(-1));
  RT_CHECK(self.dtype() == input2.dtype(), DType, kOp,
           "Expected b and A to have the same dtype, but found b of type ", dtype_scalar_name(self.dtype()),
           " and A of type ", dtype_scalar_name(input2.dtype()), " instead.");
  const Tensor adjoint = adjoint_matrix(input2);
  const Tensor &low = upper ? adjoint : input2, &high = upper ? input2 : adjoint;
  return rustorch::linalg_solve_triangular(high, rustorch::linalg_solve_triangular(low, self, false), true);
}

Tensor cholesky_inverse(const Tensor& self, bool upper) {
  constexpr const char* kOp = "cholesky_inverse";
  check_square(kOp, self);
  check_dtype(kOp, self);
  const Tensor pivots = rustorch::diagonal(transform_all_values(self), 0, -2, -1);
  if (rustorch::any(rustorch::eq(pivots, 0)).item<bool>()) {
    const int64_t n = self.size(-1);
    const Tensor zero = rustorch::reshape(rustorch::eq(pivots, 0), {-1, n});
    for (int64_t i = 0; i < zero.size(0); ++i)
      for (int64_t k = 0; k < n; ++k)
        if (zero[i][k].item<bool>())
          raise(ErrorKind::LinAlg, kOp,
                cat(self.dim() == 2 ? std::string() : cat("(Batch element ", i, "): "),
                    "The diagonal element ", k + 1,
                    " is zero, the inversion could not be completed because the input matrix is singular."));
  }
  const Tensor unit = rustorch::expand(identity(self, self.size(-1)), self.sizes());
  return rustorch::cholesky_solve(unit, self, upper);
}

// ---- LU

// From this order on the CPU factors faster by rows.
constexpr int64_t kLuByRows = 192;

std::tuple<Tensor, Tensor, Tensor> linalg_lu_factor_ex(const Tensor& A, bool pivot, bool check_errors) {
  constexpr const char* kOp = "linalg.lu_factor_ex";
  check_matrix("linalg.lu_factor", A);
  check_dtype("linalg.lu_factor", A);
  RT_CHECK(pivot, NotImplemented, "linalg.lu_factor", "LU without pivoting is not implemented on the CPU");
  const DimVector batch = batch_of(A);
  const int64_t steps = std::min(A.size(-2), A.size(-1));
  Tensor out = steps < kLuByRows ? columns(A) : rows(A), info = make_info(batch, A);
  Tensor pivots = make_vectors(batch, steps, kInt32, A);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Lu};
    call.a = flat(out);
    call.pivots = flat(pivots, 1);
    call.info = flat(info, 0);
    backend_for(A).linalg(call);
  }
  if (check_errors) check_info(kOp, info);
  return {out, pivots, info};
}

std::tuple<Tensor, Tensor> linalg_lu_factor(const Tensor& A, bool pivot) {
  auto [out, pivots, info] = rustorch::linalg_lu_factor_ex(A, pivot, false);
  check_info("linalg.lu_factor", info);
  return {out, pivots};
}

std::tuple<Tensor, Tensor, Tensor> _lu_with_info(const Tensor& self, bool pivot, bool check_errors) {
  return rustorch::linalg_lu_factor_ex(self, pivot, check_errors);
}

std::tuple<Tensor, Tensor, Tensor> linalg_lu(const Tensor& A, bool pivot) {
  RT_CHECK(pivot, NotImplemented, "linalg.lu", "LU without pivoting is not implemented on the CPU");
  auto [out, pivots, info] = rustorch::linalg_lu_factor_ex(A, pivot, false);
  return rustorch::lu_unpack(out, pivots, true, true);
}

Tensor _lu_permutation(const Tensor& pivots, int64_t n) {
  Tensor out = make_vectors(batch_of(pivots, 1), n, kInt64, pivots);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Permutation};
    call.pivots = flat(contiguous_raw(pivots), 1);
    call.b = flat(out, 1);
    backend_for(out).linalg(call);
  }
  return out;
}

std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU_data, const Tensor& LU_pivots, bool unpack_data,
                                             bool unpack_pivots) {
  constexpr const char* kOp = "lu_unpack";
  RT_CHECK(LU_data.dim() >= 2, Shape, kOp, "The input tensor LU_data must have at least 2 dimensions.");
  const int64_t m = LU_data.size(-2), n = LU_data.size(-1), k = std::min(m, n);
  Tensor none = make_tensor({0}, LU_data.dtype(), LU_data.device());
  Tensor p = none, l = none, u = none;
  if (unpack_pivots) {
    RT_CHECK(LU_pivots.dtype() == kInt32, DType, kOp,
             "LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
             "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor");
    DimVector expected = batch_of(LU_data);
    expected.push_back(k);
    RT_CHECK(LU_pivots.sizes() == IntArrayRef(expected), Shape, kOp, "Expected LU_pivots to have shape ",
             expected, "; got ", LU_pivots.sizes());
    // row perm[i] of P has its one in column i
    const Tensor places = rustorch::unsqueeze(rustorch::_lu_permutation(LU_pivots, m), -2);
    p = rustorch::scatter(
        rustorch::zeros(with_matrix(batch_of(LU_data), m, m), LU_data.dtype(), LU_data.device()), -2, places,
        Scalar(1));
  }
  if (unpack_data) {
    u = rustorch::triu(m == k ? LU_data : rustorch::narrow(LU_data, -2, 0, k));
    l = rustorch::tril(n == k ? LU_data : rustorch::narrow(LU_data, -1, 0, k), -1);
    l = rustorch::add(l, rustorch::eye(m, k, LU_data.dtype(), LU_data.device()));
  }
  return {p, l, u};
}

// ---- QR

std::tuple<Tensor, Tensor> geqrf(const Tensor& self) {
  check_matrix("geqrf", self, "input");
  check_dtype("geqrf", self);
  const DimVector batch = batch_of(self);
  Tensor out = columns(self);
  Tensor tau = make_vectors(batch, std::min(self.size(-2), self.size(-1)), self.dtype(), self);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Qr};
    call.a = flat(out);
    call.b = flat(tau, 1);
    backend_for(self).linalg(call);
  }
  return {out, tau};
}

std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, std::string_view mode) {
  constexpr const char* kOp = "linalg.qr";
  check_matrix(kOp, A);
  check_dtype(kOp, A);
  RT_CHECK(mode == "reduced" || mode == "r" || mode == "complete", Value, kOp,
           "qr received unrecognized mode '", mode,
           "' but expected one of 'reduced' (default), 'r', or 'complete'");
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
  const DimVector batch = batch_of(A);
  const bool complete = mode == "complete";
  const int64_t width = complete ? m : k;
  auto [packed, tau] = impl::geqrf(A);
  Tensor r = rustorch::triu(rustorch::narrow(packed, -2, 0, k));
  if (complete && m > k) {
    Tensor whole = rustorch::zeros(with_matrix(batch, m, n), A.dtype(), A.device());
    backend_copy(rustorch::narrow(whole, -2, 0, k), r);
    r = whole;
  }
  if (mode == "r") return {make_tensor({0}, A.dtype(), A.device()), r};
  Tensor q = packed;
  if (width != n) {
    q = new_columns(batch, m, width, A);
    fill_all(q, 0);
    if (k > 0) backend_copy(rustorch::narrow(q, -1, 0, k), rustorch::narrow(packed, -1, 0, k));
  }
  if (q.numel() > 0 && k > 0) {
    LinalgCall call{LinalgKind::QrVectors};
    call.a = flat(q);
    call.b = flat(tau, 1);
    backend_for(A).linalg(call);
  } else if (q.numel() > 0) {
    backend_copy(q, rustorch::eye(m, width, A.dtype(), A.device()));
  }
  return {q, r};
}

std::tuple<Tensor, Tensor> qr(const Tensor& self, bool some) {
  return rustorch::linalg_qr(self, some ? "reduced" : "complete");
}

namespace {

// V and T of H1 H2 ... Hk = I - V T V^H (compact WY form; Schreiber and Van Loan 1989), from the packed
// vectors: T = (I + D striu(V^H V))^-1 D with D = diag(tau), which needs no division by tau.
std::pair<Tensor, Tensor> reflections(const Tensor& input, const Tensor& tau) {
  const int64_t k = tau.size(-1);
  const Tensor v = rustorch::add(rustorch::tril(rustorch::narrow(input, -1, 0, k), -1),
                                 rustorch::eye(input.size(-2), k, input.dtype(), input.device()));
  const Tensor scales = rustorch::unsqueeze(tau, -1);
  const Tensor inner = rustorch::mul(scales, rustorch::triu(rustorch::matmul(adjoint_matrix(v), v), 1));
  const Tensor t = rustorch::linalg_solve_triangular(inner, rustorch::diag_embed(tau), true, true, true);
  return {v, t};
}

void check_reflections(const char* op, const Tensor& input, const Tensor& tau) {
  RT_CHECK(input.dim() - tau.dim() == 1, Shape, op,
           "Expected tau to have one dimension less than input, but got tau.ndim equal to ", tau.dim(),
           " and input.ndim is equal to ", input.dim());
  DimVector expected = batch_of(input);
  RT_CHECK(IntArrayRef(batch_of(tau, 1)) == IntArrayRef(expected), Shape, op,
           "Expected batch dimensions of tau to be equal to input.shape[:-2], but got ", tau.sizes());
  RT_CHECK(tau.dtype() == input.dtype(), DType, op, "tau dtype ", dtype_scalar_name(tau.dtype()),
           " does not match input dtype ", dtype_scalar_name(input.dtype()));
}

}  // namespace

Tensor linalg_householder_product(const Tensor& input, const Tensor& tau) {
  constexpr const char* kOp = "torch.linalg.householder_product";
  RT_CHECK(input.dim() >= 2, Shape, kOp, "input must have at least 2 dimensions.");
  RT_CHECK(input.size(-2) >= input.size(-1), Shape, kOp,
           "input.shape[-2] must be greater than or equal to input.shape[-1]");
  RT_CHECK(tau.dim() >= 1 && input.size(-1) >= tau.size(-1), Shape, kOp,
           "input.shape[-1] must be greater than or equal to tau.shape[-1]");
  check_reflections(kOp, input, tau);
  check_dtype(kOp, input);
  const int64_t m = input.size(-2), n = input.size(-1);
  const Tensor unit = rustorch::eye(m, n, input.dtype(), input.device());
  if (input.numel() == 0 || tau.size(-1) == 0)
    return rustorch::where(rustorch::zeros(input.sizes(), kBool, input.device()), TensorLike(input),
                           TensorLike(unit));
  auto [v, t] = reflections(input, tau);
  const Tensor top = rustorch::narrow(v, -2, 0, n);
  return rustorch::sub(unit, rustorch::matmul(v, rustorch::matmul(t, adjoint_matrix(top))));
}

Tensor orgqr(const Tensor& self, const Tensor& input2) {
  return rustorch::linalg_householder_product(self, input2);
}

Tensor ormqr(const Tensor& self, const Tensor& input2, const Tensor& input3, bool left, bool transpose) {
  constexpr const char* kOp = "torch.ormqr";
  RT_CHECK(self.dim() >= 2, Shape, kOp, "input must have at least 2 dimensions.");
  RT_CHECK(input3.dim() >= 2, Shape, kOp, "other must have at least 2 dimensions.");
  const int64_t d = left ? -2 : -1;
  RT_CHECK(input2.dim() >= 1 && input3.size(d) >= input2.size(-1), Shape, kOp, "other.shape[", d,
           "] must be greater than or equal to tau.shape[-1]");
  RT_CHECK(input3.size(d) == self.size(-2), Shape, kOp, "other.shape[", d,
           "] must be equal to input.shape[-2]");
  check_reflections(kOp, self, input2);
  RT_CHECK(input2.size(-1) <= self.size(-1), Shape, kOp,
           "tau.shape[-1] must be less than or equal to input.shape[-1]");
  RT_CHECK(self.dim() == input3.dim() && IntArrayRef(batch_of(self)) == IntArrayRef(batch_of(input3)), Shape,
           kOp, "Expected batch dimensions of other to be equal to input.shape[:-2], but got ",
           input3.sizes());
  RT_CHECK(self.dtype() == input3.dtype(), DType, kOp, "other dtype ", dtype_scalar_name(input3.dtype()),
           " does not match input dtype ", dtype_scalar_name(self.dtype()));
  check_dtype(kOp, self);
  if (input3.numel() == 0 || input2.size(-1) == 0) return rustorch::clone(input3);
  auto [v, inner] = reflections(self, input2);
  const Tensor t = transpose ? adjoint_matrix(inner) : inner, vh = adjoint_matrix(v);
  if (left)
    return rustorch::sub(input3, rustorch::matmul(v, rustorch::matmul(t, rustorch::matmul(vh, input3))));
  return rustorch::sub(input3, rustorch::matmul(rustorch::matmul(rustorch::matmul(input3, v), t), vh));
}

// ---- LDL

std::tuple<Tensor, Tensor, Tensor> linalg_ldl_factor_ex(const Tensor& self, bool hermitian,
                                                        bool check_errors) {
  constexpr const char* kOp = "torch.linalg.ldl_factor_ex";
  check_square(kOp, self);
  check_dtype(kOp, self);
  const DimVector batch = batch_of(self);
  Tensor out = columns(self), info = make_info(batch, self);
  Tensor pivots = make_vectors(batch, self.size(-1), kInt32, self);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Ldl};
    call.a = flat(out);
    call.pivots = flat(pivots, 1);
    call.info = flat(info, 0);
    call.hermitian = hermitian;
    backend_for(self).linalg(call);
    out = rustorch::tril(out);  // the other triangle is what the input had
  }
  if (check_errors) check_info(kOp, info);
  return {out, pivots, info};
}

std::tuple<Tensor, Tensor> linalg_ldl_factor(const Tensor& self, bool hermitian) {
  auto [out, pivots, info] = impl::linalg_ldl_factor_ex(self, hermitian, false);
  check_info("torch.linalg.ldl_factor", info);
  return {out, pivots};
}

Tensor linalg_ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  constexpr const char* kOp = "torch.linalg.ldl_solve";
  check_square(kOp, LD, "LD");
  RT_CHECK(B.dim() >= 2, Shape, kOp, "Expected B to have at least 2 dimensions, but it has ", B.dim(),
           " dimensions instead");
  RT_CHECK(LD.size(-2) == B.size(-2), Shape, kOp, "Incompatible shapes of LD and B: ", LD.sizes(), " and ",
           B.sizes());
  DimVector expected = batch_of(LD);
  expected.push_back(LD.size(-1));
  RT_CHECK(pivots.sizes() == IntArrayRef(expected), Shape, kOp,
           "Expected LD.shape[:-1] and pivots.shape to be "
           "the same, but got pivots with shape ",
           pivots.sizes(), " instead");
  RT_CHECK(!pivots.is_floating_point() && !pivots.is_complex() && pivots.dtype() != kBool, DType, kOp,
           "Expected pivots to be integers. Got ", dtype_scalar_name(pivots.dtype()));
  RT_CHECK(LD.dtype() == B.dtype(), DType, kOp, "LD dtype ", dtype_scalar_name(LD.dtype()),
           " does not match b dtype ", dtype_scalar_name(B.dtype()));
  check_dtype(kOp, LD);
  const DimVector batch = broadcast_shapes(kOp, batch_of(LD), batch_of(B));
  Tensor out = columns(B, batch);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::LdlSolve};
    const Tensor exchanges = cast_raw(pivots, kInt32);
    call.a = flat(columns(LD, batch));
    call.b = flat(out);
    call.pivots = flat(contiguous_raw(rustorch::expand(exchanges, with_matrix(batch, LD.size(-1)))), 1);
    call.hermitian = hermitian;
    backend_for(LD).linalg(call);
  }
  return out;
}

}  // namespace rustorch::impl
