#include "ops/linalg_common.h"

namespace rustorch::linalg_detail {

void check_dtype(const char* op, const Tensor& t) {
  RT_CHECK(t.is_floating_point() || t.is_complex(), NotImplemented, op,
           "Expected a floating point or complex tensor as input. Got ", dtype_scalar_name(t.dtype()));
  RT_CHECK(!is_reduced_float(t.dtype()), NotImplemented, op, "Low precision dtypes not supported. Got ",
           dtype_scalar_name(t.dtype()));
}

void check_matrix(const char* op, const Tensor& t, const char* name) {
  RT_CHECK(t.dim() >= 2, Shape, op, "The input tensor ", name, " must have at least 2 dimensions.");
}

void check_square(const char* op, const Tensor& t, const char* name) {
  check_matrix(op, t, name);
  RT_CHECK(t.size(-1) == t.size(-2), Shape, op, name, " must be batches of square matrices, but they are ",
           t.size(-2), " by ", t.size(-1), " matrices");
}

void check_same_dtype(const char* op, const Tensor& a, const Tensor& b) {
  RT_CHECK(a.dtype() == b.dtype(), DType, op, "Expected A and B to have the same dtype, but found A of type ",
           dtype_scalar_name(a.dtype()), " and B of type ", dtype_scalar_name(b.dtype()), " instead");
}

DimVector batch_of(const Tensor& t, int64_t inner) {
  DimVector sizes = t.sizes().vec();
  sizes.resize(sizes.size() - static_cast<size_t>(inner));
  return sizes;
}

DimVector with_matrix(IntArrayRef batch, int64_t m, int64_t n) {
  DimVector sizes = batch.vec();
  sizes.push_back(m);
  if (n >= 0) sizes.push_back(n);
  return sizes;
}

Tensor new_columns(IntArrayRef batch, int64_t m, int64_t n, const Tensor& like) {
  const DimVector sizes = with_matrix(batch, m, n);
  DimVector strides = contiguous_strides(sizes);
  strides[strides.size() - 2] = 1;
  strides[strides.size() - 1] = std::max<int64_t>(m, 1);
  return make_strided(sizes, strides, like.dtype(), like.device());
}

Tensor new_rows(IntArrayRef batch, int64_t m, int64_t n, const Tensor& like) {
  return make_tensor(with_matrix(batch, m, n), like.dtype(), like.device());
}

Tensor columns(const Tensor& t, IntArrayRef batch) {
  Tensor out = new_columns(batch, t.size(-2), t.size(-1), t);
  if (out.numel() > 0) backend_copy(out, t);
  return out;
}

Tensor rows(const Tensor& t, IntArrayRef batch) {
  Tensor out = new_rows(batch, t.size(-2), t.size(-1), t);
  if (out.numel() > 0) backend_copy(out, t);
  return out;
}

Tensor flat(const Tensor& t, int64_t inner) {
  const int64_t n = t.dim();
  int64_t count = 1, length = 1;
  DimVector sizes, strides;
  for (int64_t d = 0; d < n - inner; ++d) count *= t.size(d);
  for (int64_t d = n - inner; d < n; ++d) {
    length *= t.size(d);
    sizes.push_back(t.size(d));
    strides.push_back(t.stride(d));
  }
  sizes.insert(sizes.begin(), count);
  strides.insert(strides.begin(), length);
  return make_alias(t, sizes, strides, t.storage_offset());
}

Tensor flat_to_read(const Tensor& t, IntArrayRef batch) {
  const int64_t m = t.size(-2), n = t.size(-1), down = t.stride(-2), along = t.stride(-1);
  const bool by_rows = (along == 1 || n == 1) && (m == 1 || down >= n);
  const bool by_columns = (down == 1 || m == 1) && (n == 1 || along >= m);
  if (!by_rows && !by_columns) return flat(columns(t, batch));
  const int64_t count = numel_of(batch);
  if (t.numel() == m * n) {
    const int64_t sizes[] = {count, m, n}, strides[] = {0, down, along};
    return make_alias(t, sizes, strides, t.storage_offset());
  }
  if (IntArrayRef(batch_of(t)) == batch) {
    const int64_t sizes[] = {count, m, n};
    if (auto strides = view_strides(t.sizes(), t.strides(), sizes))
      return make_alias(t, sizes, *strides, t.storage_offset());
  }
  return flat(by_rows ? rows(t, batch) : columns(t, batch));
}

void fill_all(const Tensor& t, const Scalar& value) {
  if (t.numel() > 0) backend_for(t).fill(t, value);
}

Tensor make_info(IntArrayRef batch, const Tensor& like) {
  Tensor info = make_tensor(batch, kInt32, like.device());
  fill_all(info, 0);
  return info;
}

Tensor make_vectors(IntArrayRef batch, int64_t n, DType dtype, const Tensor& like) {
  return make_tensor(with_matrix(batch, n), dtype, like.device());
}

Tensor identity(const Tensor& like, int64_t n) { return rustorch::eye(n, like.dtype(), like.device()); }

namespace {

std::string info_text(std::string_view op, int64_t info) {
  auto has = [&](const char* word) { return op.find(word) != std::string_view::npos; };
  if (info < 0 && has("svd"))
    return "The algorithm failed to converge because the input matrix contained non-finite values.";
  if (info < 0) return cat("Argument ", -info, " has illegal value.");
  if (has("inv"))
    return cat("The diagonal element ", info,
               " is zero, the inversion could not be completed because the input matrix is singular.");
  if (has("solve")) return "The solver failed because the input matrix is singular.";
  if (has("cholesky"))
    return cat(
        "The factorization could not be completed because the input is not positive-definite (the "
        "leading minor of order ",
        info, " is not positive-definite).");
  if (has("svd"))
    return cat(
        "The algorithm failed to converge because the input matrix is ill-conditioned or has too many "
        "repeated singular values (error code: ",
        info, ").");
  if (has("eig"))
    return cat(
        "The algorithm failed to converge because the input matrix is ill-conditioned or has too many "
        "repeated eigenvalues (error code: ",
        info, ").");
  if (has("lstsq"))
    return cat(
        "The least squares solution could not be computed because the input matrix does not have full "
        "rank (error code: ",
        info, ").");
  if (has("lu_factor"))
    return cat("U[", info, ",", info,
               "] is zero and using it on lu_solve would result in a division by zero. If you still want to "
               "perform the factorization, consider calling linalg.lu(A, pivot) or "
               "linalg.lu_factor_ex(A, pivot)");
  return cat("The factorization failed because the input matrix is singular (error code: ", info, ").");
}

}  // namespace

void check_info(const char* op, const Tensor& info) {
  const Tensor host = info.device().is_cpu() ? info : rustorch::to(info, Device::Cpu());
  const Tensor packed = contiguous_raw(host);
  const int* values = packed.impl()->data<int>();
  for (int64_t i = 0; i < packed.numel(); ++i)
    if (values[i] != 0) [[unlikely]]
      raise(
          ErrorKind::LinAlg, op,
          cat(info.dim() == 0 ? std::string() : cat("(Batch element ", i, "): "), info_text(op, values[i])));
}

bool is_vector_case(const Tensor& a, const Tensor& b) {
  if (b.dim() == 1) return true;
  if (a.dim() - 1 != b.dim()) return false;
  return b.sizes() == a.sizes().slice(0, static_cast<size_t>(a.dim() - 1));
}

void check_system(const char* op, const Tensor& a, const Tensor& b, bool left) {
  check_square(op, a);
  check_matrix(op, b, "B");
  RT_CHECK(left ? a.size(-2) == b.size(-2) : a.size(-1) == b.size(-1), Shape, op,
           "Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (", a.size(-2),
           "x", a.size(-1), " and ", b.size(-2), "x", b.size(-1), ")");
}

}  // namespace rustorch::linalg_detail
