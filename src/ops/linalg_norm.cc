// Norms and condition numbers.
#include <cmath>

#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

namespace {

constexpr const char* kNorm = "linalg.matrix_norm";

// Checks the matrix and its two dimensions, which come back wrapped.
std::pair<int64_t, int64_t> norm_dims(const Tensor& self, IntArrayRef dim, std::optional<DType> dtype) {
  RT_CHECK(self.is_floating_point() || self.is_complex(), NotImplemented, kNorm,
           "Expected a floating point or complex tensor as input. Got ", dtype_scalar_name(self.dtype()));
  RT_CHECK(self.dim() >= 2, Shape, kNorm, "The input tensor A must have at least 2 dimensions.");
  RT_CHECK(dim.size() == 2, Value, kNorm, "dim must be a 2-tuple. Got ", dim);
  const int64_t a = wrap_dim(kNorm, dim[0], self.dim()), b = wrap_dim(kNorm, dim[1], self.dim());
  RT_CHECK(a != b, Value, kNorm, "dims must be different. Got (", dim[0], ", ", dim[1], ")");
  if (dtype) {
    RT_CHECK(is_floating_point(*dtype) || is_complex(*dtype), DType, kNorm,
             "dtype should be floating point or complex, but got ", dtype_scalar_name(*dtype));
    RT_CHECK(is_complex(*dtype) == self.is_complex(), DType, kNorm, "dtype should be ",
             self.is_complex() ? "complex" : "real", " for ", self.is_complex() ? "complex" : "real",
             " inputs, but got ", dtype_scalar_name(*dtype));
  }
  return {a, b};
}

// Singular values of the matrices in dimensions a and b, in the last dimension.
Tensor values_over(const Tensor& self, int64_t a, int64_t b, std::optional<DType> dtype) {
  const Tensor source = dtype ? rustorch::to(self, *dtype) : self;
  const int64_t from[] = {a, b}, to[] = {-2, -1};
  return rustorch::linalg_svdvals(rustorch::movedim(source, from, to), std::nullopt);
}

// result lost the dimensions a and b; puts them back with size one.
Tensor with_dims(const Tensor& result, int64_t a, int64_t b, bool keepdim) {
  if (!keepdim) return result;
  return rustorch::unsqueeze(rustorch::unsqueeze(result, std::min(a, b)), std::max(a, b));
}

}  // namespace

Tensor linalg_matrix_norm(const Tensor& self, const Scalar& ord, IntArrayRef dim, bool keepdim,
                          std::optional<DType> dtype) {
  auto [a, b] = norm_dims(self, dim, dtype);
  const double order = ord.to_double(), size = std::fabs(order);
  RT_CHECK(size == 1 || size == 2 || std::isinf(size), Value, kNorm, "Order ",
           ord.is_integral() ? cat(ord.to_int()) : cat(order), " not supported.");
  auto extreme = [&](const Tensor& t, int64_t d, bool keep) {
    if (order > 0 && t.size(d) == 0) return rustorch::sum(t, d, keep);  // zeros: norms are not negative
    return order > 0 ? rustorch::amax(t, d, keep) : rustorch::amin(t, d, keep);
  };
  if (size == 2) return with_dims(extreme(values_over(self, a, b, dtype), -1, false), a, b, keepdim);
  if (std::isinf(size)) std::swap(a, b);
  const Tensor sums = rustorch::linalg_vector_norm(self, 1, IntArrayRef(&a, 1), keepdim, dtype);
  return extreme(sums, !keepdim && b > a ? b - 1 : b, keepdim);
}

Tensor linalg_matrix_norm_str(const Tensor& self, std::string_view ord, IntArrayRef dim, bool keepdim,
                              std::optional<DType> dtype) {
  auto [a, b] = norm_dims(self, dim, dtype);
  RT_CHECK(ord == "fro" || ord == "nuc", Value, kNorm, "Order ", ord, " not supported.");
  if (ord == "nuc")
    return with_dims(rustorch::sum(values_over(self, a, b, dtype), int64_t{-1}), a, b, keepdim);
  const int64_t both[] = {a, b};
  return rustorch::linalg_vector_norm(self, 2, IntArrayRef(both), keepdim, dtype);
}

namespace {

void check_norm_rank(const Tensor& self, std::optional<IntArrayRef> dim, bool ord_given) {
  if (dim)
    RT_CHECK(dim->size() == 1 || dim->size() == 2, Value, "linalg.norm",
             "If dim is specified, it must be of length 1 or 2. Got ", *dim);
  else if (ord_given)
    RT_CHECK(self.dim() == 1 || self.dim() == 2, Shape, "linalg.norm",
             "If dim is not specified but ord is, the input must be 1D or 2D. Got ", self.dim(), "D.");
}

}  // namespace

Tensor linalg_norm(const Tensor& self, const std::optional<Scalar>& ord, std::optional<IntArrayRef> dim,
                   bool keepdim, std::optional<DType> dtype) {
  if (ord) check_norm_rank(self, dim, true);
  if (ord && ((dim && dim->size() == 2) || (!dim && self.dim() == 2))) {
    const int64_t all[] = {0, 1};
    return rustorch::linalg_matrix_norm(self, *ord, dim ? *dim : IntArrayRef(all), keepdim, dtype);
  }
  return rustorch::linalg_vector_norm(self, ord.value_or(Scalar(2)), dim, keepdim, dtype);
}

Tensor linalg_norm_str(const Tensor& self, std::string_view ord, std::optional<IntArrayRef> dim, bool keepdim,
                       std::optional<DType> dtype) {
  check_norm_rank(self, dim, true);
  const int64_t all[] = {0, 1};
  return rustorch::linalg_matrix_norm(self, ord, dim ? *dim : IntArrayRef(all), keepdim, dtype);
}

// ---- condition numbers

namespace {

constexpr const char* kCond = "linalg.cond";

Tensor zeros_of_batch(const Tensor& self) {
  return rustorch::zeros(batch_of(self), real_type(self.dtype()), self.device());
}

// The inverse, infinite where the matrix is singular.
Tensor inverse_or_infinity(const Tensor& self) {
  check_square(kCond, self);
  auto [inverse, info] = rustorch::linalg_inv_ex(self, false);
  const Tensor singular = rustorch::unsqueeze(rustorch::unsqueeze(rustorch::ne(info, 0), -1), -1);
  return rustorch::masked_fill(inverse, singular, Scalar(INFINITY));
}

}  // namespace

namespace {

DType wider(DType t) { return t == kFloat32 ? kFloat64 : t == kComplex64 ? kComplex128 : t; }

}  // namespace

Tensor linalg_cond(const Tensor& self, const std::optional<Scalar>& p) {
  RT_CHECK(self.dim() >= 2, Shape, kCond, "The input tensor A must have at least 2 dimensions.");
  const double order = p ? p->to_double() : 2, size = std::fabs(order);
  RT_CHECK(size == 1 || size == 2 || std::isinf(size), Value, kCond, "got an invalid norm type: ", order);
  if (self.numel() == 0) return zeros_of_batch(self);
  if (size == 2) {
    // in double: an error of the smallest value counts here as often as the matrix is ill-conditioned
    const Tensor values = rustorch::linalg_svdvals(rustorch::to(self, wider(self.dtype())), std::nullopt);
    const Tensor most = rustorch::select(values, -1, 0), least = rustorch::select(values, -1, -1);
    return rustorch::to(order > 0 ? rustorch::div(most, least) : rustorch::div(least, most),
                        real_type(self.dtype()));
  }
  const Tensor inverse = inverse_or_infinity(self);
  const int64_t last[] = {-2, -1};
  return rustorch::mul(rustorch::linalg_matrix_norm(self, Scalar(order), last),
                       rustorch::linalg_matrix_norm(inverse, Scalar(order), last));
}

Tensor linalg_cond_str(const Tensor& self, std::string_view p) {
  RT_CHECK(p == "fro" || p == "nuc", Value, kCond, "got an invalid norm type: ", p);
  check_square(kCond, self);
  if (self.numel() == 0) return zeros_of_batch(self);
  if (p == "nuc") {
    const Tensor values = rustorch::linalg_svdvals(self, std::nullopt);
    return rustorch::mul(rustorch::sum(values, int64_t{-1}),
                         rustorch::sum(rustorch::reciprocal(values), int64_t{-1}));
  }
  const Tensor inverse = inverse_or_infinity(self);
  return rustorch::mul(rustorch::linalg_matrix_norm(self, p), rustorch::linalg_matrix_norm(inverse, p));
}

}  // namespace rustorch::impl
