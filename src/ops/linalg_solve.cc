// Solutions of linear systems, inverses, determinants, least squares.
#include <algorithm>
#include <cmath>

#include "autograd/transform_values.h"
#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

std::tuple<Tensor, Tensor> linalg_inv_ex(const Tensor& A, bool check_errors) {
  check_square("linalg.inv", A);
  check_dtype("linalg.inv", A);
  Tensor out = rows(A), info = make_info(batch_of(A), A);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::Inverse};
    call.a = flat(out);
    call.info = flat(info, 0);
    backend_for(A).linalg(call);
  }
  if (check_errors) check_info("linalg.inv_ex", info);
  return {out, info};
}

Tensor linalg_inv(const Tensor& A) {
  auto [out, info] = rustorch::linalg_inv_ex(A, false);
  check_info("linalg.inv", info);
  return out;
}

Tensor inverse(const Tensor& self) { return rustorch::linalg_inv(self); }

// ---- solve

namespace {

// Solves with LU factors; B as a matrix, batches broadcast.
Tensor solve_with_lu(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  const DimVector batch = broadcast_shapes("linalg.lu_solve", batch_of(LU), batch_of(B));
  Tensor out = left ? rows(B, batch) : columns(B, batch);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::LuSolve};
    call.a = flat_to_read(LU, batch);
    call.b = flat(out);
    const int64_t n = LU.size(-1);
    if (pivots.numel() == n) {
      const int64_t sizes[] = {1, n}, strides[] = {n, 1};
      const Tensor packed = contiguous_raw(pivots);
      call.pivots = make_alias(packed, sizes, strides, packed.storage_offset());
    } else {
      call.pivots = flat(contiguous_raw(rustorch::expand(pivots, with_matrix(batch, n))), 1);
    }
    call.left = left;
    call.adjoint = adjoint;
    backend_for(LU).linalg(call);
  }
  return out;
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> _linalg_solve_ex(const Tensor& A, const Tensor& B, bool left,
                                                            bool check_errors) {
  constexpr const char* kOp = "linalg.solve";
  check_matrix(kOp, A);
  check_dtype(kOp, A);
  check_same_dtype(kOp, A, B);
  const bool vector = is_vector_case(A, B);
  const Tensor b = vector ? rustorch::unsqueeze(B, -1) : B;
  RT_CHECK(left || !vector, Value, kOp,
           "Vector broadcasting of the left hand side is not supported for left=False. In this case "
           "linalg.solve is equivalent to B / A.squeeze(-1)");
  check_system(kOp, A, b, left);
  auto [lu, pivots, info] = impl::linalg_lu_factor_ex(A, true, false);
  if (check_errors) check_info("linalg.solve_ex", info);
  Tensor out = solve_with_lu(lu, pivots, b, left, false);
  if (vector) out = rustorch::squeeze(out, -1);
  return {out, lu, pivots, info};
}

std::tuple<Tensor, Tensor> linalg_solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) {
  auto [out, lu, pivots, info] = rustorch::_linalg_solve_ex(A, B, left, check_errors);
  return {out, info};
}

Tensor linalg_solve(const Tensor& A, const Tensor& B, bool left) {
  auto [out, lu, pivots, info] = rustorch::_linalg_solve_ex(A, B, left, false);
  check_info("torch.linalg.solve", info);
  return out;
}

Tensor linalg_solve_triangular(const Tensor& self, const Tensor& B, bool upper, bool left,
                               bool unitriangular) {
  constexpr const char* kOp = "linalg.solve_triangular";
  check_dtype(kOp, self);
  check_same_dtype(kOp, self, B);
  check_system(kOp, self, B, left);
  const DimVector batch = broadcast_shapes(kOp, batch_of(self), batch_of(B));
  Tensor out = left ? rows(B, batch) : columns(B, batch);
  if (out.numel() > 0) {
    LinalgCall call{LinalgKind::SolveTriangular};
    call.a = flat_to_read(self, batch);
    call.b = flat(out);
    call.upper = upper;
    call.left = left;
    call.unit = unitriangular;
    backend_for(self).linalg(call);
  }
  return out;
}

std::tuple<Tensor, Tensor> triangular_solve(const Tensor& self, const Tensor& A, bool upper, bool transpose,
                                            bool unitriangular) {
  constexpr const char* kOp = "torch.triangular_solve";
  RT_CHECK(self.dim() >= 2, Shape, kOp, "Expected b to have at least 2 dimensions, but it has ", self.dim(),
           " dimensions instead");
  RT_CHECK(A.dim() >= 2, Shape, kOp, "Expected A to have at least 2 dimensions, but it has ", A.dim(),
           " dimensions instead");
  check_square(kOp, A);
  RT_CHECK(A.size(-2) == self.size(-2), Shape, kOp,
           "Incompatible matrix sizes for triangular_solve: each A matrix is ", A.size(-2), " by ",
           A.size(-1), " but each b matrix is ", self.size(-2), " by ", self.size(-1));
  RT_CHECK(A.dtype() == self.dtype(), DType, kOp,
           "Expected b and A to have the same dtype, but found b of type ", dtype_scalar_name(self.dtype()),
           " and A of type ", dtype_scalar_name(A.dtype()), " instead.");
  const Tensor a = transpose ? rustorch::transpose(A, -2, -1) : A;
  const DimVector batch = broadcast_shapes(kOp, batch_of(A), batch_of(self));
  const Tensor x =
      rustorch::linalg_solve_triangular(a, self, transpose ? !upper : upper, true, unitriangular);
  return {x, rustorch::clone(rustorch::expand(A, with_matrix(batch, A.size(-2), A.size(-1))))};
}

Tensor _linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  return solve_with_lu(LU, pivots, B, left, adjoint);
}

Tensor linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  constexpr const char* kOp = "linalg.lu_solve";
  check_dtype(kOp, LU);
  RT_CHECK(LU.dtype() == B.dtype(), DType, kOp,
           "Expected LU and B to have the same dtype, but found LU of type ", dtype_scalar_name(LU.dtype()),
           " and B of type ", dtype_scalar_name(B.dtype()), " instead");
  RT_CHECK(pivots.dtype() == kInt32, DType, kOp, "pivots should be a Tensor of scalar type torch.int32");
  check_square(kOp, LU, "LU");
  check_system(kOp, LU, B, left);
  RT_CHECK(pivots.dim() >= 1 && LU.size(-1) == pivots.size(-1), Shape, kOp,
           "Number of pivots per batch should be same as the dimension of the matrix");
  RT_CHECK(LU.sizes().slice(0, static_cast<size_t>(LU.dim() - 1)) == pivots.sizes(), Shape, kOp,
           "Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape ",
           pivots.sizes(), " instead");
  if (!will_differentiate(LU)) return rustorch::_linalg_lu_solve(LU, pivots, B, left, adjoint);
  // with a gradient for the factors: P, L and U one after the other
  const int64_t n = LU.size(-1);
  auto [p, none, none_too] = rustorch::lu_unpack(LU.detach(), pivots, n == 0, true);
  const Tensor high = adjoint ? adjoint_matrix(LU) : LU;  // L^H is upper, U^H lower
  auto solve = [&](const Tensor& b, bool factor_l) {
    return rustorch::linalg_solve_triangular(high, b, factor_l ? adjoint : !adjoint, left, factor_l);
  };
  const Tensor turned = rustorch::transpose(p, -2, -1);
  if (left && !adjoint) return solve(solve(rustorch::matmul(turned, B), true), false);
  if (left) return rustorch::matmul(p, solve(solve(B, false), true));
  if (!adjoint) return rustorch::matmul(solve(solve(B, false), true), turned);
  return solve(solve(rustorch::matmul(B, p), true), false);
}

Tensor lu_solve(const Tensor& self, const Tensor& LU_data, const Tensor& LU_pivots) {
  return rustorch::linalg_lu_solve(LU_data, LU_pivots, self);
}

// ---- determinants

namespace {

// Sign of the permutation that pivots make: -1 to the number of real exchanges.
Tensor pivot_sign(const Tensor& pivots, DType dtype) {
  const int64_t n = pivots.size(-1);
  const Tensor moved = rustorch::ne(
      pivots, rustorch::to(rustorch::arange(Scalar(1), Scalar(n + 1), kInt64, pivots.device()), kInt32));
  const Tensor odd = rustorch::remainder(rustorch::sum(moved, int64_t{-1}), 2);
  return rustorch::to(rustorch::rsub(rustorch::mul(odd, 2), 1), dtype);
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> _linalg_det(const Tensor& A) {
  check_square("linalg.det", A);
  check_dtype("linalg.det", A);
  auto [lu, pivots, info] = impl::linalg_lu_factor_ex(A, true, false);
  const Tensor pivot = rustorch::diagonal(lu, 0, -2, -1);
  const Tensor out = rustorch::mul(rustorch::prod(pivot, int64_t{-1}), pivot_sign(pivots, A.dtype()));
  return {out, lu, pivots};
}

Tensor linalg_det(const Tensor& A) { return std::get<0>(rustorch::_linalg_det(A)); }
Tensor det(const Tensor& self) { return rustorch::linalg_det(self); }

std::tuple<Tensor, Tensor, Tensor, Tensor> _linalg_slogdet(const Tensor& A) {
  check_square("linalg.slogdet", A);
  check_dtype("linalg.slogdet", A);
  auto [lu, pivots, info] = impl::linalg_lu_factor_ex(A, true, false);
  const Tensor pivot = rustorch::diagonal(lu, 0, -2, -1);
  const Tensor sign =
      rustorch::mul(rustorch::prod(rustorch::sgn(pivot), int64_t{-1}), pivot_sign(pivots, A.dtype()));
  const Tensor size = rustorch::sum(rustorch::log(rustorch::abs(pivot)), int64_t{-1});
  return {sign, size, lu, pivots};
}

std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& A) {
  auto [sign, size, lu, pivots] = rustorch::_linalg_slogdet(A);
  return {sign, size};
}
std::tuple<Tensor, Tensor> slogdet(const Tensor& self) { return rustorch::linalg_slogdet(self); }

Tensor logdet(const Tensor& self) {
  check_square("logdet", self);
  check_dtype("logdet", self);
  auto [sign, size] = rustorch::linalg_slogdet(self);
  if (self.is_complex()) return rustorch::add(rustorch::log(sign), size);
  return rustorch::where(rustorch::eq(sign, -1), TensorLike(NAN), TensorLike(size));
}

// ---- least squares

std::tuple<Tensor, Tensor, Tensor, Tensor> _linalg_lstsq(const Tensor& self, const Tensor& b,
                                                         std::optional<double> rcond,
                                                         std::string_view driver) {
  const int64_t m = self.size(-2), n = self.size(-1), count = b.size(-1), k = std::min(m, n);
  const DimVector batch = broadcast_shapes("linalg.lstsq", batch_of(self), batch_of(b));
  const DType real = real_type(self.dtype());
  Tensor a = columns(self, batch), x = new_columns(batch, std::max(m, n), count, self);
  fill_all(x, 0);
  if (b.numel() > 0 && numel_of(batch) > 0)
    backend_copy(rustorch::narrow(x, -2, 0, m), rustorch::expand(b, with_matrix(batch, m, count)));
  Tensor info = make_info(batch, self), rank, values;
  const Tensor none = make_tensor({0}, real, self.device());
  if (driver != "gels") {
    rank = make_tensor(batch, kInt64, self.device());
    fill_all(rank, 0);
  }
  if (driver == "gelsd" || driver == "gelss") values = make_vectors(batch, k, real, self);
  double cut = rcond.value_or(-1);
  if (!rcond || *rcond < 0)
    cut = (real == kFloat32 ? 1.1920928955078125e-07 : 2.220446049250313e-16) *
          static_cast<double>(std::max(m, n));
  if (a.numel() > 0 && x.numel() > 0) {
    LinalgCall call{LinalgKind::LeastSquares};
    call.a = flat(a);
    call.b = flat(x);
    if (rank.defined()) call.rank = flat(rank, 0);
    if (values.defined()) call.s = flat(values, 1);
    call.info = flat(info, 0);
    call.driver = driver == "gels" ? 's' : driver == "gelsy" ? 'y' : driver == "gelsd" ? 'd' : 'S';
    call.param = cut;
    backend_for(self).linalg(call);
    check_info("torch.linalg.lstsq", info);
  } else if (values.defined()) {
    fill_all(values, 0);
  }
  Tensor residuals = none;
  // sums of squares of what is below the solution, where the matrix has full rank
  if (m > n && driver != "gelsy") {
    const bool full =
        !rank.defined() || rustorch::all(rustorch::eq(transform_all_values(rank), n)).item<bool>();
    if (full) {
      const Tensor rest = rustorch::abs(rustorch::narrow(x, -2, n, m - n));
      residuals = rustorch::sum(rustorch::mul(rest, rest), int64_t{-2});
    }
  }
  Tensor solution = m > n ? rustorch::narrow(x, -2, 0, n) : x;
  if (m > n) solution = columns(solution);
  if (!rank.defined()) rank = make_tensor({0}, kInt64, self.device());
  return {solution, residuals, rank, values.defined() ? values : none};
}

std::tuple<Tensor, Tensor, Tensor, Tensor> linalg_lstsq(const Tensor& self, const Tensor& b,
                                                        std::optional<double> rcond,
                                                        std::optional<std::string_view> driver) {
  constexpr const char* kOp = "torch.linalg.lstsq";
  RT_CHECK(self.dim() >= 2, Shape, kOp, "input must have at least 2 dimensions.");
  RT_CHECK(b.dim() >= 1, Shape, kOp, "other must have at least 1 dimension.");
  RT_CHECK(self.dtype() == b.dtype(), DType, kOp,
           "Expected input and other to have the same dtype, but got input's dtype ",
           dtype_scalar_name(self.dtype()), " and other's dtype ", dtype_scalar_name(b.dtype()));
  check_dtype(kOp, self);
  const int64_t gap = self.dim() - b.dim();
  RT_CHECK(gap >= 0 && gap <= 1, Shape, kOp,
           "input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1");
  const bool vector = gap == 1;
  const Tensor rhs = vector ? rustorch::unsqueeze(b, -1) : b;
  RT_CHECK(
      self.size(-2) == rhs.size(-2), Shape, kOp,
      vector ? "input.size(-2) should match other.size(-1)" : "input.size(-2) should match other.size(-2)");
  const std::string_view name = driver.value_or("gelsy");
  RT_CHECK(name == "gels" || name == "gelsy" || name == "gelsd" || name == "gelss", Value, kOp,
           "parameter `driver` should be one of (gels, gelsy, gelsd, gelss)");
  auto [x, residuals, rank, values] = rustorch::_linalg_lstsq(self, rhs, rcond, name);
  if (vector) x = rustorch::squeeze(x, -1);
  return {x, residuals, rank, values};
}

// ---- tensors as maps

Tensor linalg_tensorinv(const Tensor& self, int64_t ind) {
  constexpr const char* kOp = "linalg.tensorinv";
  RT_CHECK(ind > 0, Value, kOp, "Expected a strictly positive integer for 'ind', but got ", ind);
  RT_CHECK(ind <= self.dim(), Value, kOp, "Expected 'ind' to be at most the number of dimensions; got ", ind);
  const auto at = static_cast<size_t>(ind);
  const IntArrayRef front = self.sizes().slice(0, at),
                    back = self.sizes().slice(at, self.sizes().size() - at);
  const int64_t rows_in = numel_of(front), columns_in = numel_of(back);
  RT_CHECK(
      rows_in == columns_in, Shape, kOp,
      "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got ",
      columns_in, " != ", rows_in);
  const Tensor matrix = rustorch::reshape(self, {columns_in, rows_in});
  auto [out, info] = rustorch::linalg_inv_ex(matrix, false);
  check_info("inv", info);
  DimVector sizes = back.vec();
  sizes.insert(sizes.end(), front.begin(), front.end());
  return rustorch::reshape(out, sizes);
}

Tensor linalg_tensorsolve(const Tensor& self, const Tensor& other, std::optional<IntArrayRef> dims) {
  constexpr const char* kOp = "linalg.tensorsolve";
  Tensor a = self;
  if (dims) {
    DimVector order, moved;
    for (int64_t d : *dims) moved.push_back(wrap_dim(kOp, d, self.dim()));
    for (int64_t d = 0; d < self.dim(); ++d)
      if (std::find(moved.begin(), moved.end(), d) == moved.end()) order.push_back(d);
    order.insert(order.end(), moved.begin(), moved.end());
    RT_CHECK(static_cast<int64_t>(order.size()) == self.dim(), Value, kOp, "dims must be different. Got ",
             *dims);
    a = rustorch::permute(self, order);
  }
  const auto at = static_cast<size_t>(std::min(other.dim(), a.dim()));
  const IntArrayRef solution = a.sizes().slice(at, a.sizes().size() - at);
  const int64_t columns_in = numel_of(solution), rows_in = numel_of(a.sizes().slice(0, at));
  RT_CHECK(columns_in == rows_in, Shape, kOp,
           "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
           "prod(self.shape[:other.ndim]), but got ",
           columns_in, " != ", rows_in);
  const Tensor matrix = rustorch::reshape(a, {columns_in, columns_in});
  const Tensor x = rustorch::linalg_solve(matrix, rustorch::flatten(other), true);
  return rustorch::reshape(x, solution);
}

}  // namespace rustorch::impl
