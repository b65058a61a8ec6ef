// Gradients of decompositions and solvers. Sources: Giles, Collected matrix derivative results (2008); Seeger
// et al., Auto-differentiating linear algebra (2017); Walter and Lehmann, On evaluating higher-order
// derivatives of the QR decomposition (2010); Golub and Pereyra (1973) for the pseudo-inverse; Higham,
// Functions of matrices (2008) for the exponential. Complex gradients follow the convention df = Re <g, dx>.
// H is the adjoint.
#include "ops/linalg_grad.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "autograd/transform_values.h"
#include "ops/matmul_grad.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/linalg.h"

namespace rustorch {

namespace {

Tensor mH(const Tensor& t) { return adjoint_matrix(t); }
Tensor column(const Tensor& t) { return unsqueeze(t, -1); }
Tensor row(const Tensor& t) { return unsqueeze(t, -2); }
/// a + b where both may be undefined.
Tensor plus(const Tensor& a, const Tensor& b) { return !a.defined() ? b : !b.defined() ? a : add(a, b); }
/// t with its diagonal multiplied by `factor`.
Tensor scale_diagonal(const Tensor& t, double factor) {
  return sub(t, diag_embed(mul(diagonal(t, 0, -2, -1), 1 - factor)));
}
Tensor hermitian_part(const Tensor& t) { return mul(add(t, mH(t)), 0.5); }
Tensor solve_upper(const Tensor& a, const Tensor& b, bool left = true) {
  return linalg_solve_triangular(a, b, true, left, false);
}
Tensor solve_lower(const Tensor& a, const Tensor& b, bool left = true, bool unit = false) {
  return linalg_solve_triangular(a, b, false, left, unit);
}
/// The differences with ones where they would be zero by definition.
Tensor with_unit_diagonal(const Tensor& t) { return add(t, eye(t.size(-1), t.dtype(), t.device())); }

}  // namespace

// A = L L^H: gA = sym(L^-H phi(L^H gL) L^-1), phi the lower triangle with half the diagonal.
Tensor linalg_cholesky_grad(const Tensor& g, const Tensor& factor, bool upper) {
  if (!g.defined()) return {};
  const Tensor l = upper ? mH(factor) : factor, gl = upper ? mH(g) : g;
  const Tensor lh = mH(l);
  const Tensor phi = scale_diagonal(tril(matmul(lh, gl)), 0.5);
  return solve_lower(l, solve_upper(lh, hermitian_part(phi)), false);
}

Tensor linalg_inv_grad(const Tensor& g, const Tensor& inverse) {
  if (!g.defined()) return {};
  const Tensor ih = mH(inverse);
  return neg(matmul(ih, matmul(g, ih)));
}

TensorPair linalg_solve_grad(const Tensor& g, const Tensor& A, const Tensor& X, const Tensor& LU,
                             const Tensor& pivots, bool left, IntArrayRef B_sizes,
                             const std::array<bool, 2>& grad_mask) {
  if (!g.defined()) return {};
  const int64_t dims = static_cast<int64_t>(B_sizes.size());
  const bool vector =
      dims == 1 || (A.dim() - 1 == dims && B_sizes == A.sizes().slice(0, static_cast<size_t>(A.dim() - 1)));
  const Tensor gx = vector ? column(g) : g, x = vector ? column(X) : X;
  const Tensor gb =
      GradMode::is_enabled() ? linalg_solve(mH(A), gx, left) : _linalg_lu_solve(LU, pivots, gx, left, true);
  Tensor ga;
  if (grad_mask[0]) ga = neg(left ? matmul(gb, mH(x)) : matmul(mH(x), gb));
  return {ga, grad_mask[1] ? (vector ? squeeze(gb, -1) : gb) : Tensor()};
}

TensorPair linalg_solve_triangular_grad(const Tensor& g, const Tensor& A, const Tensor& X, bool upper,
                                        bool left, bool unitriangular, const std::array<bool, 2>& grad_mask) {
  if (!g.defined()) return {};
  const Tensor gb = linalg_solve_triangular(mH(A), g, !upper, left, unitriangular);
  Tensor ga;
  if (grad_mask[0]) {
    const Tensor full = neg(left ? matmul(gb, mH(X)) : matmul(mH(X), gb));
    ga = upper ? triu(full, unitriangular ? 1 : 0) : tril(full, unitriangular ? -1 : 0);
  }
  return {ga, gb};
}

// PA = LU, both in one matrix. Wide: A = P L [U1 U2]; tall: A = P [L1; L2] U; in each case the square part
// gives phi with dL1 = L1 tril(phi, -1), dU1 = triu(phi) U1.
Tensor linalg_lu_factor_grad(const Tensor& g, const Tensor& LU, const Tensor& pivots) {
  if (!g.defined()) return {};
  const int64_t m = LU.size(-2), n = LU.size(-1), k = std::min(m, n);
  if (LU.numel() == 0) return zeros_like(LU);
  const Tensor square = narrow(narrow(LU, -2, 0, k), -1, 0, k);
  const Tensor l = with_unit_diagonal(tril(square, -1)), u = triu(square);
  const Tensor g1 = narrow(narrow(g, -2, 0, k), -1, 0, k);
  const Tensor gl = tril(g1, -1), gu = triu(g1), lh = mH(l), uh = mH(u);
  Tensor low = matmul(lh, gl), high = matmul(gu, uh), g2, tail;
  if (n > k) {
    const Tensor u2 = narrow(LU, -1, k, n - k);
    g2 = narrow(g, -1, k, n - k);
    low = sub(low, matmul(g2, mH(u2)));
  } else if (m > k) {
    const Tensor l2 = narrow(LU, -2, k, m - k);
    g2 = narrow(g, -2, k, m - k);
    high = sub(high, matmul(mH(l2), g2));
  }
  const Tensor phi = add(tril(low, -1), triu(high));
  Tensor ga = solve_lower(uh, linalg_solve_triangular(lh, phi, true, true, true), false);
  if (n > k) {
    const Tensor parts[] = {ga, linalg_solve_triangular(lh, g2, true, true, true)};
    ga = cat(TensorList(parts, 2), -1);
  } else if (m > k) {
    const Tensor parts[] = {ga, solve_lower(uh, g2, false)};
    ga = cat(TensorList(parts, 2), -2);
  }
  return matmul(std::get<0>(lu_unpack(LU.detach(), pivots, false, true)), ga);
}

Tensor linalg_qr_grad(const Tensor& gQ, const Tensor& gR, const Tensor& Q, const Tensor& R,
                      std::string_view mode) {
  if (!gQ.defined() && !gR.defined()) return {};
  RT_CHECK(mode != "r", Autograd, "linalg.qr",
           "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
           "torch.linalg.qr(A, mode='reduced') if you are going to require gradients through linalg.qr");
  const int64_t m = Q.size(-2), n = R.size(-1);
  RT_CHECK(mode != "complete" || m <= n, Autograd, "linalg.qr",
           "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
  // X = Q R1 with a square or tall X; the columns behind it are Y = Q R2
  auto tall = [](const Tensor& gq, const Tensor& gr, const Tensor& q, const Tensor& r) {
    Tensor inner;
    if (gr.defined()) inner = matmul(gr, mH(r));
    if (gq.defined()) inner = plus(inner, neg(matmul(mH(q), gq)));
    inner = triu(inner);
    Tensor sum = add(inner, mH(inner));
    sum = scale_diagonal(sum, 0.5);
    return solve_lower(mH(r), plus(matmul(q, sum), gq), false);
  };
  if (m >= n) return tall(gQ, gR, Q, R);
  const Tensor r1 = narrow(R, -1, 0, m), r2 = narrow(R, -1, m, n - m);
  Tensor gq = gQ, gr1, gy;
  if (gR.defined()) {
    gr1 = narrow(gR, -1, 0, m);
    const Tensor gr2 = narrow(gR, -1, m, n - m);
    gq = plus(gq, matmul(matmul(Q, r2), mH(gr2)));
    gy = matmul(Q, gr2);
  } else {
    gy = zeros_like(r2);
  }
  const Tensor parts[] = {tall(gq, gr1, Q, r1), gy};
  return cat(TensorList(parts, 2), -1);
}

namespace {

// Gradients must not depend on the phase of complex vectors, which is arbitrary.
void check_phase(const char* op, const Tensor& imaginary, const char* what) {
  if (imaginary.numel() == 0) return;
  const Tensor worst = max(abs(transform_all_values(imaginary)));
  RT_CHECK(
      !(worst.item<double>() > 1e-2), Autograd, op, "The ", what,
      " in the complex case are specified up to multiplication by e^{i phi}. The specified loss function "
      "depends on this quantity, so it is ill-defined.");
}

}  // namespace

Tensor linalg_svd_grad(const Tensor& gU_all, const Tensor& gS, const Tensor& gVh_all, const Tensor& U_all,
                       const Tensor& S, const Tensor& Vh_all, bool full_matrices, bool compute_uv) {
  if (!gU_all.defined() && !gS.defined() && !gVh_all.defined()) return {};
  RT_CHECK(compute_uv, Autograd, "linalg.svd",
           "the gradient needs the singular vectors; call linalg.svd or linalg.svdvals");
  const int64_t m = U_all.size(-2), n = Vh_all.size(-1), k = S.size(-1);
  auto first = [&](const Tensor& t, int64_t d) {
    return full_matrices && t.defined() && t.size(d) != k ? narrow(t, d, 0, k) : t;
  };
  const Tensor U = first(U_all, -1), Vh = first(Vh_all, -2), gU = first(gU_all, -1), gVh = first(gVh_all, -2);
  if (!gU.defined() && !gVh.defined())
    return m >= n ? matmul(U, mul(column(gS), Vh)) : matmul(mul(U, row(gS)), Vh);
  const bool complex = U.is_complex();
  auto skew = [](const Tensor& t) { return sub(t, mH(t)); };
  Tensor skew_u, skew_v;
  if (gU.defined()) skew_u = skew(matmul(mH(U), gU));
  if (gVh.defined()) skew_v = skew(matmul(Vh, mH(gVh)));
  if (complex) {
    Tensor phase;
    if (gU.defined()) phase = imag(diagonal(skew_u, 0, -2, -1));
    if (gVh.defined()) phase = plus(phase, imag(diagonal(skew_v, 0, -2, -1)));
    check_phase("linalg.svd", phase, "singular vectors");
  }
  const Tensor squares = mul(S, S);
  const Tensor E = with_unit_diagonal(sub(row(squares), column(squares)));
  Tensor inner;
  if (gU.defined() && gVh.defined())
    inner = div(add(mul(skew_u, row(S)), mul(column(S), skew_v)), E);
  else if (gU.defined())
    inner = mul(div(skew_u, E), row(S));
  else
    inner = mul(column(S), div(skew_v, E));
  // what stands on the diagonal so far is no derivative
  inner = sub(inner, diag_embed(diagonal(inner, 0, -2, -1)));
  if (gS.defined()) inner = add(inner, diag_embed(gS));
  if (complex && gU.defined() && gVh.defined())
    inner = add(inner, diag_embed(div(diagonal(skew_u, 0, -2, -1), mul(S, 2))));
  if (m > k && gU.defined()) {
    const Tensor scaled = div(gU, row(S));
    const Tensor outside = sub(scaled, matmul(U, matmul(mH(U), scaled)));
    return matmul(add(matmul(U, inner), outside), Vh);
  }
  if (n > k && gVh.defined()) {
    const Tensor scaled = div(gVh, column(S));
    const Tensor outside = sub(scaled, matmul(matmul(scaled, mH(Vh)), Vh));
    return matmul(U, add(matmul(inner, Vh), outside));
  }
  return m >= n ? matmul(U, matmul(inner, Vh)) : matmul(matmul(U, inner), Vh);
}

Tensor linalg_eigh_grad(const Tensor& gL, const Tensor& gV, const Tensor& L, const Tensor& V,
                        bool compute_v) {
  if (!gL.defined() && !gV.defined()) return {};
  RT_CHECK(compute_v, Autograd, "linalg.eigh",
           "the gradient needs the eigenvectors; call linalg.eigh or linalg.eigvalsh");
  const Tensor vh = mH(V);
  if (!gV.defined()) return matmul(mul(V, row(gL)), vh);
  const Tensor inner = matmul(vh, gV);
  if (V.is_complex()) check_phase("linalg.eigh", imag(diagonal(inner, 0, -2, -1)), "eigenvectors");
  // the vectors move by a skew-Hermitian matrix only, so that the gradient is Hermitian
  Tensor core = div(mul(sub(inner, mH(inner)), 0.5), with_unit_diagonal(sub(row(L), column(L))));
  core = sub(core, diag_embed(diagonal(core, 0, -2, -1)));
  if (gL.defined()) core = add(core, diag_embed(gL));
  return matmul(V, matmul(core, vh));
}

// The vectors have length one: gV loses its part along them.
Tensor linalg_eig_grad(const Tensor& gL, const Tensor& gV, const Tensor& L, const Tensor& V, bool compute_v) {
  if (!gL.defined() && !gV.defined()) return {};
  RT_CHECK(compute_v, Autograd, "linalg.eig",
           "the gradient needs the eigenvectors; call linalg.eig or linalg.eigvals");
  const Tensor vh = mH(V);
  if (!gV.defined()) return linalg_solve(vh, mul(column(gL), vh));
  const Tensor inner = matmul(vh, gV), along = diagonal(inner, 0, -2, -1);
  check_phase("linalg.eig", imag(along), "eigenvectors");
  const Tensor projected = sub(inner, mul(matmul(vh, V), row(real(along))));
  Tensor core = div(projected, with_unit_diagonal(conj(sub(row(L), column(L)))));
  core = sub(core, diag_embed(diagonal(core, 0, -2, -1)));
  if (gL.defined()) core = add(core, diag_embed(gL));
  return linalg_solve(vh, matmul(core, vh));
}

Tensor linalg_pinv_grad(const Tensor& g, const Tensor& pinv, const Tensor& A) {
  if (!g.defined()) return {};
  const Tensor ph = mH(pinv), gh = mH(g);
  if (A.size(-2) <= A.size(-1)) {
    const Tensor k = matmul(gh, pinv), kph = matmul(k, ph);
    return add(sub(kph, mH(matmul(pinv, k))),
               sub(matmul(matmul(ph, pinv), sub(gh, matmul(k, A))), matmul(matmul(A, pinv), kph)));
  }
  const Tensor k = matmul(pinv, gh), phk = matmul(ph, k);
  return add(sub(phk, mH(matmul(k, pinv))),
             sub(matmul(matmul(sub(gh, matmul(A, k)), pinv), ph), matmul(matmul(phk, pinv), A)));
}

// X = pinv(A) B; the residuals are |A X - B|^2 of columns, whose derivative by X is zero at the solution.
TensorPair linalg_lstsq_grad(const Tensor& gX, const Tensor& gR, const Tensor& A, const Tensor& B,
                             const Tensor& X, const std::array<bool, 2>& grad_mask) {
  Tensor ga, gb;
  if (gX.defined()) {
    const Tensor pinv = linalg_pinv(A, std::nullopt, std::nullopt, false);
    if (grad_mask[0]) ga = linalg_pinv_grad(matmul(gX, mH(B)), pinv, A);
    if (grad_mask[1]) gb = matmul(mH(pinv), gX);
  }
  if (gR.defined() && gR.numel() > 0) {
    const Tensor rest = mul(mul(sub(matmul(A, X), B), 2), row(gR));
    if (grad_mask[0]) ga = plus(ga, matmul(rest, mH(X)));
    if (grad_mask[1]) gb = plus(gb, neg(rest));
  }
  return {ga, gb};
}

// gA = conj(det) g A^-H; where A is singular, through the factors: LU with a tiny pivot for first
// derivatives, the adjugate from the singular values for further ones.
Tensor linalg_det_grad(const Tensor& g, const Tensor& A, const Tensor& det, const Tensor& LU,
                       const Tensor& pivots) {
  if (!g.defined()) return {};
  if (A.numel() == 0) return zeros_like(A);
  const int64_t n = A.size(-1);
  const Tensor weight = mul(g, conj_if_complex(det));
  const Tensor unit = eye(n, A.dtype(), A.device());
  // A recorded derivative solves with other factors than those of det, so nearly singular counts as singular
  // there.
  bool singular = any(eq(transform_all_values(det), 0)).item<bool>();
  if (GradMode::is_enabled() && !singular) {
    const Tensor pivot = abs(diagonal(transform_all_values(LU), 0, -2, -1));
    const double eps = real_type(A.dtype()) == kFloat32 ? 0x1p-23 : 0x1p-52;
    const Tensor floor = mul(amax(pivot, int64_t{-1}), 16 * eps * static_cast<double>(n));
    singular = any(le(amin(pivot, int64_t{-1}), floor)).item<bool>();
  }
  if (!GradMode::is_enabled() && !singular)
    return _linalg_lu_solve(LU, pivots, mul(unit, column(column(weight))), true, true);
  if (!singular) return linalg_solve(mH(A), mul(unit, column(column(weight))));
  // det A = det(U) det(Vh) prod(S): gA = U diag(c) Vh, c_i = g conj(det U det Vh) prod of the other values
  auto [u, s, vh] = linalg_svd(A, true, std::nullopt);
  const Tensor phase = mul(g, conj_if_complex(mul(linalg_det(u), linalg_det(vh))));
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < n; ++i) {
    const Tensor others[] = {narrow(s, -1, 0, i), narrow(s, -1, i + 1, n - i - 1)};
    parts.push_back(prod(cat(TensorList(others, 2), -1), int64_t{-1}));
  }
  const Tensor c = mul(stack(parts, -1), column(phase));
  return matmul(mul(u, row(c)), vh);
}

// d log det = tr(A^-1 dA): its real part is that of the logarithm, its imaginary part turns the sign.
Tensor linalg_slogdet_grad(const Tensor& g_sign, const Tensor& g_log, const Tensor& A, const Tensor& sign,
                           const Tensor& LU, const Tensor& pivots) {
  if (A.numel() == 0) return zeros_like(A);
  Tensor weight = g_log;
  if (A.is_complex() && g_sign.defined()) {
    const Tensor turn = imag(mul(conj(sign), g_sign));
    weight = complex(g_log.defined() ? g_log : zeros_like(turn), turn);
  }
  if (!weight.defined()) return {};
  const Tensor unit = eye(A.size(-1), A.dtype(), A.device());
  const Tensor rhs = mul(unit, column(column(weight)));
  if (GradMode::is_enabled()) return linalg_solve(mH(A), rhs);
  return _linalg_lu_solve(LU, pivots, rhs, true, true);
}

// The upper right block of exp([A^H g; 0 A^H]) (Higham, theorem 3.6).
Tensor linalg_matrix_exp_grad(const Tensor& g, const Tensor& A) {
  if (!g.defined()) return {};
  const int64_t n = A.size(-1);
  const Tensor ah = mH(A);
  const Tensor top[] = {ah, g}, bottom[] = {zeros_like(ah), ah};
  const Tensor rows[] = {cat(TensorList(top, 2), -1), cat(TensorList(bottom, 2), -1)};
  const Tensor whole = linalg_matrix_exp(cat(TensorList(rows, 2), -2));
  return narrow(narrow(whole, -2, 0, n), -1, n, n);
}

// R R = A: dR R + R dR = dA.
Tensor linalg_sqrth_grad(const Tensor& g, const Tensor& root) {
  return g.defined() ? _linalg_lyapunov(root, hermitian_part(g)) : Tensor();
}

TensorPair linalg_lyapunov_grad(const Tensor& g, const Tensor& H, const Tensor& Y,
                                const std::array<bool, 2>& grad_mask) {
  if (!g.defined()) return {};
  const Tensor gx = _linalg_lyapunov(H, g);
  Tensor gh;
  if (grad_mask[0]) {
    const Tensor yh = mH(Y);
    gh = neg(add(matmul(gx, yh), matmul(yh, gx)));
  }
  return {gh, gx};
}

// H = sqrt(A^H A), U = A H^-1: dU = (dA - U dH) H^-1, dH H + H dH = dA^H A + A^H dA.
Tensor linalg_polar_grad(const Tensor& gU, const Tensor& gH, const Tensor& A, const Tensor& U,
                         const Tensor& H) {
  if (!gU.defined() && !gH.defined()) return {};
  Tensor g = gH, direct;
  if (gU.defined()) {
    direct = linalg_solve(H, gU, false);
    g = plus(g, neg(matmul(mH(U), direct)));
  }
  const Tensor y = _linalg_lyapunov(H, hermitian_part(g));
  return plus(direct, mul(matmul(A, y), 2));
}

TensorPair cdist_grad(const Tensor& g, const Tensor& x1, const Tensor& x2, double p, const Tensor& result,
                      const std::array<bool, 2>& grad_mask) {
  if (!g.defined()) return {};
  if (p == 0 || x1.numel() == 0 || x2.numel() == 0) return {zeros_like(x1), zeros_like(x2)};
  const Tensor zero = eq(result, 0);
  const Tensor length =
      masked_fill(result, zero, Scalar(1));  // no division by 0, which the next gradient would see
  // p = 2: sum over j of w_ij (x_i - y_j), of many rows by way of a product, which loses digits where rows
  // are near
  constexpr int64_t kFewRows = 25;
  const Tensor w = p == 2 ? masked_fill(div(g, length), zero, Scalar(0)) : Tensor();
  if (p == 2 && (x1.size(-2) > kFewRows || x2.size(-2) > kFewRows)) {
    Tensor g1, g2;
    if (grad_mask[0]) g1 = sub(mul(x1, sum(w, int64_t{-1}, true)), matmul(w, x2));
    const Tensor wt = transpose(w, -2, -1);
    if (grad_mask[1]) g2 = sub(mul(x2, sum(wt, int64_t{-1}, true)), matmul(wt, x1));
    return {g1, g2};
  }
  const Tensor gap = sub(unsqueeze(x1, -2), unsqueeze(x2, -3));
  Tensor part;
  if (p == 2) {
    part = mul(gap, column(w));
  } else if (p == 1) {
    part = mul(sgn(gap), column(g));
  } else if (std::isinf(p)) {
    part = mul(mul(sgn(gap), eq(abs(gap), column(result))), column(g));
  } else {
    const Tensor power =
        masked_fill(pow(masked_fill(abs(gap), eq(gap, 0), Scalar(1)), Scalar(p - 1)), eq(gap, 0), Scalar(0));
    const Tensor scale = masked_fill(div(g, pow(length, Scalar(p - 1))), zero, Scalar(0));
    part = mul(mul(sgn(gap), power), column(scale));
  }
  return {sum(part, int64_t{-2}), neg(sum(part, int64_t{-3}))};
}

}  // namespace rustorch
