// Singular values, eigenvalues, and what is made from them.
#include "autograd/transform_values.h"
#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

std::tuple<Tensor, Tensor, Tensor> _linalg_svd(const Tensor& A, bool full_matrices, bool compute_uv,
                                               std::optional<std::string_view> driver) {
  constexpr const char* kOp = "linalg.svd";
  check_matrix(kOp, A);
  check_dtype(kOp, A);
  RT_CHECK(!driver, Value, "torch.linalg.svd",
           "keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.");
  const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
  const DimVector batch = batch_of(A);
  Tensor s = make_vectors(batch, k, real_type(A.dtype()), A), u, vh;
  if (compute_uv) {
    u = new_rows(batch, m, full_matrices ? m : k, A);
    vh = new_rows(batch, full_matrices ? n : k, n, A);
  } else {
    u = vh = make_tensor({0}, A.dtype(), A.device());
  }
  if (A.numel() == 0) {
    if (compute_uv && full_matrices) {
      if (u.numel() > 0) backend_copy(u, identity(A, m));
      if (vh.numel() > 0) backend_copy(vh, identity(A, n));
    }
    return {u, s, vh};
  }
  Tensor work = rows(A), info = make_info(batch, A);
  LinalgCall call{LinalgKind::Svd};
  call.a = flat(work);
  call.s = flat(s, 1);
  if (compute_uv) {
    call.u = flat(u);
    call.v = flat(vh);
  }
  call.vectors = compute_uv;
  call.info = flat(info, 0);
  backend_for(A).linalg(call);
  check_info(kOp, info);
  return {u, s, vh};
}

std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& A, bool full_matrices,
                                              std::optional<std::string_view> driver) {
  return rustorch::_linalg_svd(A, full_matrices, true, driver);
}

Tensor linalg_svdvals(const Tensor& A, std::optional<std::string_view> driver) {
  const bool vectors = will_differentiate(A);
  return std::get<1>(rustorch::_linalg_svd(A, false, vectors, driver));
}

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& self, bool some, bool compute_uv) {
  RT_CHECK(self.dim() >= 2, Shape, "linalg.svd", "input should have at least 2 dimensions, but has ",
           self.dim(), " dimensions instead");
  if (compute_uv) {
    auto [u, s, vh] = rustorch::_linalg_svd(self, !some, true, std::nullopt);
    return {u, s, adjoint_matrix(vh)};
  }
  const DimVector batch = batch_of(self);
  auto zeros = [&](int64_t n) {
    return rustorch::zeros(with_matrix(batch, n, n), self.dtype(), self.device());
  };
  return {zeros(self.size(-2)), rustorch::linalg_svdvals(self), zeros(self.size(-1))};
}

// ---- eigenvalues

std::tuple<Tensor, Tensor> _linalg_eigh(const Tensor& A, std::string_view UPLO, bool compute_v) {
  constexpr const char* kOp = "linalg.eigh";
  check_square(kOp, A);
  check_dtype(kOp, A);
  RT_CHECK(UPLO == "L" || UPLO == "U" || UPLO == "l" || UPLO == "u", Value, kOp,
           "Expected UPLO argument to be 'L' or 'U', but got ", UPLO);
  const DimVector batch = batch_of(A);
  Tensor values = make_vectors(batch, A.size(-1), real_type(A.dtype()), A);
  Tensor work = columns(A), info = make_info(batch, A);
  const Tensor vectors = compute_v ? work : make_tensor({0}, A.dtype(), A.device());
  if (work.numel() > 0) {
    LinalgCall call{LinalgKind::Eigh};
    call.a = flat(work);
    call.s = flat(values, 1);
    call.upper = UPLO == "U" || UPLO == "u";
    call.vectors = compute_v;
    call.info = flat(info, 0);
    backend_for(A).linalg(call);
    check_info(kOp, info);
  }
  return {values, vectors};
}

std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& self, std::string_view UPLO) {
  return rustorch::_linalg_eigh(self, UPLO, true);
}

Tensor linalg_eigvalsh(const Tensor& self, std::string_view UPLO) {
  const bool vectors = will_differentiate(self);
  return std::get<0>(rustorch::_linalg_eigh(self, UPLO, vectors));
}

std::tuple<Tensor, Tensor> _linalg_eig(const Tensor& self, bool compute_v) {
  constexpr const char* kOp = "linalg.eig";
  check_square(kOp, self);
  check_dtype(kOp, self);
  const DType complex = complex_type(self.dtype());
  const DimVector batch = batch_of(self);
  RT_CHECK(self.numel() == 0 || rustorch::all(rustorch::isfinite(transform_all_values(self))).item<bool>(),
           LinAlg, "torch.linalg.eig", "input tensor should not contain infs or NaNs.");
  Tensor values = make_vectors(batch, self.size(-1), complex, self);
  Tensor vectors = make_tensor({0}, complex, self.device());
  if (compute_v) {
    const DimVector sizes = with_matrix(batch, self.size(-1), self.size(-1));
    DimVector strides = contiguous_strides(sizes);
    std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
    vectors = make_strided(sizes, strides, complex, self.device());
  }
  if (self.numel() == 0) return {values, vectors};
  Tensor work = columns(self), info = make_info(batch, self);
  LinalgCall call{LinalgKind::Eig};
  call.a = flat(work);
  call.u = flat(values, 1);
  if (compute_v) call.v = flat(vectors);
  call.vectors = compute_v;
  call.info = flat(info, 0);
  backend_for(self).linalg(call);
  check_info(kOp, info);
  return {values, vectors};
}

std::tuple<Tensor, Tensor> linalg_eig(const Tensor& self) { return rustorch::_linalg_eig(self, true); }

Tensor linalg_eigvals(const Tensor& self) {
  const bool vectors = will_differentiate(self);
  return std::get<0>(rustorch::_linalg_eig(self, vectors));
}

// ---- pseudo-inverse and rank

namespace {

using OptTensor = std::optional<Tensor>;

OptTensor as_tensor(std::optional<double> value, const Tensor& like) {
  if (!value) return std::nullopt;
  return rustorch::full(IntArrayRef{}, Scalar(*value), real_type(like.dtype()), like.device());
}

void check_tolerance(const char* op, const OptTensor& t, const char* name) {
  RT_CHECK(!t || !t->is_complex(), DType, op, name, " tensor of complex type is not supported. Got ",
           dtype_scalar_name(t->dtype()));
}

// Singular values (absolute eigenvalues when hermitian) and the number up to which they count as zero.
std::pair<Tensor, Tensor> spectrum_and_cut(const Tensor& values, const OptTensor& atol, const OptTensor& rtol,
                                           int64_t m, int64_t n) {
  const DType real = values.dtype();
  const double eps = real == kFloat32 ? 1.1920928955078125e-07 : 2.220446049250313e-16;
  const Tensor top = rustorch::amax(values, int64_t{-1}, true);
  auto column = [&](const Tensor& t) { return rustorch::unsqueeze(rustorch::to(t, real), -1); };
  const double usual = eps * static_cast<double>(std::max(m, n));
  Tensor cut;
  if (rtol)
    cut = rustorch::mul(top, column(*rtol));
  else if (atol)  // the default of rtol holds where atol is zero
    cut = rustorch::where(rustorch::gt(column(*atol), 0), TensorLike(Scalar(0.0)),
                          TensorLike(rustorch::mul(top, usual)));
  else
    cut = rustorch::mul(top, usual);
  if (atol) cut = rustorch::maximum(rustorch::to(cut, real), column(*atol));
  return {values, cut};
}

Tensor rank_of(const Tensor& self, const OptTensor& atol, const OptTensor& rtol, bool hermitian) {
  constexpr const char* kOp = "torch.linalg.matrix_rank";
  check_tolerance(kOp, atol, "atol");
  check_tolerance(kOp, rtol, "rtol");
  check_matrix("linalg.matrix_rank", self);
  check_dtype("linalg.matrix_rank", self);
  DimVector batch = batch_of(self);
  for (const OptTensor* t : {&atol, &rtol})
    if (*t) batch = broadcast_shapes(kOp, batch, (*t)->sizes());
  if (self.size(-1) == 0 || self.size(-2) == 0 || self.numel() == 0)
    return rustorch::zeros(batch, kInt64, self.device());
  const Tensor source = self.detach();
  const Tensor values =
      hermitian ? rustorch::abs(rustorch::linalg_eigvalsh(source)) : rustorch::linalg_svdvals(source);
  auto [s, cut] = spectrum_and_cut(values, atol, rtol, self.size(-2), self.size(-1));
  return rustorch::sum(rustorch::gt(s, cut), int64_t{-1});
}

}  // namespace

Tensor _linalg_pinv(const Tensor& self, const OptTensor& atol, const OptTensor& rtol, bool hermitian) {
  constexpr const char* kOp = "torch.linalg.pinv";
  check_tolerance(kOp, atol, "atol");
  check_tolerance(kOp, rtol, "rtol");
  RT_CHECK(self.dim() >= 2 && (self.is_floating_point() || self.is_complex()), Shape, "linalg.pinv",
           "expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types");
  check_dtype("linalg.pinv", self);
  const int64_t m = self.size(-2), n = self.size(-1);
  if (self.numel() == 0)
    return rustorch::zeros(with_matrix(batch_of(self), n, m), self.dtype(), self.device());
  Tensor u, s, vh;
  if (hermitian) {
    check_square("linalg.pinv", self);
    auto [values, vectors] = impl::_linalg_eigh(self, "L", true);
    u = vectors;
    vh = adjoint_matrix(vectors);
    s = values;
  } else {
    std::tie(u, s, vh) = impl::_linalg_svd(self, false, true, std::nullopt);
  }
  auto [sizes, cut] = spectrum_and_cut(hermitian ? rustorch::abs(s) : s, atol, rtol, m, n);
  const Tensor inverse =
      rustorch::where(rustorch::gt(sizes, cut), TensorLike(rustorch::reciprocal(s)), TensorLike(Scalar(0.0)));
  const Tensor scaled =
      rustorch::mul(adjoint_matrix(vh), rustorch::unsqueeze(rustorch::to(inverse, self.dtype()), -2));
  return rustorch::matmul(scaled, adjoint_matrix(u));
}

Tensor linalg_pinv(const Tensor& self, std::optional<double> atol, std::optional<double> rtol,
                   bool hermitian) {
  return rustorch::_linalg_pinv(self, as_tensor(atol, self), as_tensor(rtol, self), hermitian);
}
Tensor linalg_pinv_rcond(const Tensor& self, double rcond, bool hermitian) {
  return rustorch::_linalg_pinv(self, as_tensor(0.0, self), as_tensor(rcond, self), hermitian);
}
Tensor linalg_pinv_rcond_tensor(const Tensor& self, const Tensor& rcond, bool hermitian) {
  return rustorch::_linalg_pinv(self, as_tensor(0.0, self), rcond, hermitian);
}
Tensor linalg_pinv_atol_tensor(const Tensor& self, const OptTensor& rtol, const Tensor& atol,
                               bool hermitian) {
  return rustorch::_linalg_pinv(self, atol, rtol, hermitian);
}
Tensor linalg_pinv_rtol_tensor(const Tensor& self, std::optional<double> atol, const Tensor& rtol,
                               bool hermitian) {
  return rustorch::_linalg_pinv(self, as_tensor(atol, self), rtol, hermitian);
}
Tensor pinverse(const Tensor& self, double rcond) { return rustorch::linalg_pinv(self, rcond, false); }

Tensor linalg_matrix_rank(const Tensor& self, std::optional<double> atol, std::optional<double> rtol,
                          bool hermitian) {
  return rank_of(self, as_tensor(atol, self), as_tensor(rtol, self), hermitian);
}
Tensor linalg_matrix_rank_tol(const Tensor& self, double tol, bool hermitian) {
  return rank_of(self, as_tensor(tol, self), as_tensor(0.0, self), hermitian);
}
Tensor linalg_matrix_rank_tol_tensor(const Tensor& self, const Tensor& tol, bool hermitian) {
  return rank_of(self, tol, as_tensor(0.0, self), hermitian);
}
Tensor linalg_matrix_rank_atol_tensor(const Tensor& self, const OptTensor& rtol, const Tensor& atol,
                                      bool hermitian) {
  return rank_of(self, atol, rtol, hermitian);
}
Tensor linalg_matrix_rank_rtol_tensor(const Tensor& self, std::optional<double> atol, const Tensor& rtol,
                                      bool hermitian) {
  return rank_of(self, as_tensor(atol, self), rtol, hermitian);
}

// ---- roots

Tensor linalg_matrix_sqrth(const Tensor& self) {
  check_square("linalg.matrix_sqrth", self);
  check_dtype("linalg.matrix_sqrth", self);
  auto [values, vectors] = impl::_linalg_eigh(self, "L", true);
  const Tensor roots = rustorch::sqrt(rustorch::clamp(values, Scalar(0)));
  return rustorch::matmul(rustorch::mul(vectors, rustorch::unsqueeze(rustorch::to(roots, self.dtype()), -2)),
                          adjoint_matrix(vectors));
}

Tensor _linalg_lyapunov(const Tensor& H, const Tensor& X) {
  auto [values, v] = impl::_linalg_eigh(H, "L", true);
  const Tensor vh = adjoint_matrix(v);
  const Tensor sums = rustorch::add(rustorch::unsqueeze(values, -1), rustorch::unsqueeze(values, -2));
  const Tensor inner = rustorch::div(rustorch::matmul(vh, rustorch::matmul(X, v)), sums);
  return rustorch::matmul(v, rustorch::matmul(inner, vh));
}

std::tuple<Tensor, Tensor> linalg_polar(const Tensor& A) {
  constexpr const char* kOp = "linalg.polar";
  check_matrix(kOp, A);
  check_dtype(kOp, A);
  RT_CHECK(A.size(-2) >= A.size(-1), Shape, kOp, "input must have at least as many rows as columns, but got ",
           A.size(-2), " by ", A.size(-1), " matrices");
  auto [u, s, vh] = impl::_linalg_svd(A, false, true, std::nullopt);
  const Tensor scaled = rustorch::mul(rustorch::unsqueeze(rustorch::to(s, A.dtype()), -1), vh);
  return {rustorch::matmul(u, vh), rustorch::matmul(adjoint_matrix(vh), scaled)};
}

}  // namespace rustorch::impl
