// Products and statistics built on them: multi_dot, cross, kron, vander, distances, covariance.
#include <algorithm>
#include <cmath>

#include "autograd/transform_call.h"
#include "autograd/transform_values.h"
#include "ops/linalg_common.h"

namespace rustorch::impl {

using namespace linalg_detail;

Tensor linalg_multi_dot(TensorList tensors) {
  constexpr const char* kOp = "multi_dot";
  const size_t n = tensors.size();
  RT_CHECK(n >= 2, Value, kOp, "expected at least 2 tensors but got ", n);
  for (size_t i = 0; i < n; ++i) {
    const bool end = i == 0 || i + 1 == n;
    const int64_t d = tensors[i].dim();
    RT_CHECK(d == 2 || (end && d == 1), Shape, kOp,
             i == 0       ? std::string("the first tensor")
             : i + 1 == n ? std::string("the last tensor")
                          : rustorch::cat("tensor ", i),
             " must be ", end ? "1D or 2D" : "2D", " but got ", d, "D");
    RT_CHECK(tensors[i].dtype() == tensors[0].dtype(), DType, kOp,
             "expected all tensors to have be the same dtype; got ", dtype_scalar_name(tensors[i].dtype()),
             " and ", dtype_scalar_name(tensors[0].dtype()));
  }
  return rustorch::chain_matmul(tensors);
}

Tensor linalg_cross(const Tensor& self, const Tensor& other, int64_t dim) {
  constexpr const char* kOp = "linalg.cross";
  RT_CHECK(self.dim() == other.dim(), Shape, kOp, "inputs must have the same number of dimensions.");
  const int64_t d = wrap_dim(kOp, dim, self.dim());
  RT_CHECK(self.dim() > 0 && self.size(d) == 3 && other.size(d) == 3, Shape, kOp, "inputs dimension ", dim,
           " must have length 3. Got ", self.dim() ? self.size(d) : 1, " and ",
           other.dim() ? other.size(d) : 1);
  auto turned = [&](const Tensor& t, int64_t by) {
    const int64_t shift[] = {by}, dims[] = {d};
    return rustorch::roll(t, shift, dims);
  };
  const Tensor a = rustorch::contiguous(self), b = rustorch::contiguous(other);  // so is the result
  return rustorch::sub(rustorch::mul(turned(a, -1), turned(b, -2)),
                       rustorch::mul(turned(a, -2), turned(b, -1)));
}

Tensor cross(const Tensor& self, const Tensor& other, std::optional<int64_t> dim) {
  if (dim) return rustorch::linalg_cross(self, other, *dim);
  for (int64_t d = 0; d < self.dim(); ++d)
    if (self.size(d) == 3) return rustorch::linalg_cross(self, other, d);
  raise(ErrorKind::Shape, "cross", "no dimension of size 3 in input");
}

Tensor linalg_vecdot(const Tensor& x, const Tensor& y, int64_t dim) {
  constexpr const char* kOp = "linalg.vecdot";
  RT_CHECK(x.is_floating_point() || x.is_complex(), NotImplemented, kOp,
           "Expected a floating point or complex tensor as input. Got ", dtype_scalar_name(x.dtype()));
  RT_CHECK(x.dtype() == y.dtype(), DType, kOp,
           "Expected x and y to have the same dtype, but found x of type ", dtype_scalar_name(x.dtype()),
           " and y of type ", dtype_scalar_name(y.dtype()), " instead");
  const Tensor left = conj_if_complex(x);
  if (x.dim() == 1 && y.dim() == 1) return rustorch::dot(left, y);
  const Tensor row = rustorch::unsqueeze(rustorch::movedim(left, dim, -1), -2);
  const Tensor column = rustorch::unsqueeze(rustorch::movedim(y, dim, -1), -1);
  return rustorch::squeeze(rustorch::squeeze(rustorch::matmul(row, column), -1), -1);
}

Tensor linalg_diagonal(const Tensor& A, int64_t offset, int64_t dim1, int64_t dim2) {
  return rustorch::diagonal(A, offset, dim1, dim2);
}

Tensor linalg_vander(const Tensor& x, std::optional<int64_t> N) {
  RT_CHECK(x.dtype() != kBool, NotImplemented, "linalg.vander",
           "\"linalg.vander\" not implemented for 'Bool'");
  const int64_t n = N.value_or(x.dim() > 0 ? x.size(-1) : 1);
  RT_CHECK(n > 1, Value, "linalg.vander", "N must be greater than 1.");
  DimVector sizes = x.sizes().vec();
  if (x.dim() == 0) sizes.push_back(1);
  sizes.push_back(n - 1);
  const Tensor powers = rustorch::cumprod(rustorch::expand(rustorch::unsqueeze(x, -1), sizes), -1);
  sizes.back() = 1;
  const Tensor parts[] = {rustorch::ones(sizes, powers.dtype(), powers.device()), powers};
  return rustorch::cat(TensorList(parts, 2), -1);
}

Tensor vander(const Tensor& x, std::optional<int64_t> N, bool increasing) {
  RT_CHECK(x.dim() == 1, Shape, "vander", "x must be a one-dimensional tensor.");
  const int64_t n = N.value_or(x.size(0));
  RT_CHECK(n >= 0, Value, "vander", "N must be non-negative.");
  if (n < 2) return rustorch::ones({x.size(0), n}, rustorch::cumprod(x, 0).dtype(), x.device());
  const Tensor out = rustorch::linalg_vander(x.dtype() == kBool ? x.to(kInt64) : x, n);
  return increasing ? out : rustorch::flip(out, int64_t{1});
}

Tensor kron(const Tensor& self, const Tensor& other) {
  const int64_t n = std::max(self.dim(), other.dim());
  DimVector a, b, out;
  for (int64_t d = 0; d < n; ++d) {
    const int64_t i = d - (n - self.dim()), j = d - (n - other.dim());
    const int64_t p = i >= 0 ? self.size(i) : 1, q = j >= 0 ? other.size(j) : 1;
    a.insert(a.end(), {p, 1});
    b.insert(b.end(), {1, q});
    out.push_back(p * q);
  }
  return rustorch::reshape(rustorch::mul(rustorch::reshape(self, a), rustorch::reshape(other, b)), out);
}

// ---- distances

Tensor dist(const Tensor& self, const Tensor& other, const Scalar& p) {
  return rustorch::linalg_vector_norm(rustorch::sub(self, other), p);
}

namespace {

/// Distances by way of the differences, some rows of x1 at a time: for devices, which have no kernel for
/// them.
Tensor distances_by_rows(const Tensor& x1, const Tensor& x2, double p) {
  constexpr int64_t kElements = int64_t{1} << 24;
  const int64_t n = x1.size(-2), row = std::max<int64_t>(1, x1.numel() / n * x2.size(-2));
  const int64_t step = std::clamp<int64_t>(kElements / row, 1, n);
  const Tensor others = rustorch::unsqueeze(x2, -3);
  const int64_t last[] = {-1};
  std::vector<Tensor> blocks;
  for (int64_t at = 0; at < n; at += step) {
    const Tensor some = rustorch::unsqueeze(rustorch::narrow(x1, -2, at, std::min(step, n - at)), -2);
    blocks.push_back(
        rustorch::linalg_vector_norm(rustorch::sub(some, others), p, IntArrayRef(last), false, std::nullopt));
  }
  return blocks.size() == 1 ? blocks[0] : rustorch::cat(TensorList(blocks), -2);
}

}  // namespace

Tensor _cdist(const Tensor& x1, const Tensor& x2, double p, bool by_product) {
  if (by_product) {
    auto squares = [](const Tensor& t) { return rustorch::sum(rustorch::mul(t, t), int64_t{-1}, true); };
    const Tensor norm1 = squares(x1), norm2 = squares(x2);
    const Tensor left[] = {rustorch::mul(x1, -2), norm1,
                           rustorch::ones(norm1.sizes(), x1.dtype(), x1.device())};
    const Tensor right[] = {x2, rustorch::ones(norm2.sizes(), x2.dtype(), x2.device()), norm2};
    const Tensor product =
        rustorch::matmul(rustorch::cat(TensorList(left, 3), -1),
                         rustorch::transpose(rustorch::cat(TensorList(right, 3), -1), -2, -1));
    return rustorch::sqrt(rustorch::clamp(product, Scalar(0)));
  }
  const DimVector batch = batch_of(x1);
  Tensor out = new_rows(batch, x1.size(-2), x2.size(-2), x1);
  if (out.numel() == 0) return out;
  if (x1.size(-1) == 0) {
    fill_all(out, 0);
    return out;
  }
  if (!x1.device().is_cpu()) return distances_by_rows(x1, x2, p);
  LinalgCall call{LinalgKind::Distances};
  call.a = flat(contiguous_raw(x1));
  call.u = flat(contiguous_raw(x2));
  call.b = flat(out);
  call.param = p;
  backend_for(x1).linalg(call);
  return out;
}

Tensor cdist(const Tensor& x1, const Tensor& x2, double p, std::optional<std::string_view> compute_mode) {
  constexpr const char* kOp = "cdist";
  const std::string_view mode = compute_mode.value_or("use_mm_for_euclid_dist_if_necessary");
  RT_CHECK(mode == "use_mm_for_euclid_dist_if_necessary" || mode == "use_mm_for_euclid_dist" ||
               mode == "donot_use_mm_for_euclid_dist",
           Value, kOp, mode, " is not a valid value for compute_mode");
  RT_CHECK(x1.is_floating_point() && !is_reduced_float(x1.dtype()), NotImplemented, kOp,
           "cdist only supports floating-point dtypes, X1 got: ", dtype_scalar_name(x1.dtype()));
  RT_CHECK(x2.is_floating_point() && !is_reduced_float(x2.dtype()), NotImplemented, kOp,
           "cdist only supports floating-point dtypes, X2 got: ", dtype_scalar_name(x2.dtype()));
  RT_CHECK(x1.dim() >= 2, Shape, kOp, "cdist only supports at least 2D tensors, X1 got: ", x1.dim(), "D");
  RT_CHECK(x2.dim() >= 2, Shape, kOp, "cdist only supports at least 2D tensors, X2 got: ", x2.dim(), "D");
  RT_CHECK(x1.size(-1) == x2.size(-1), Shape, kOp,
           "X1 and X2 must have the same number of columns. X1: ", x1.size(-1), " X2: ", x2.size(-1));
  RT_CHECK(p >= 0, Value, kOp, "cdist only supports non-negative p values");
  RT_CHECK(x1.dtype() == x2.dtype(), DType, kOp, "Expected X1 and X2 to have the same dtype, but got ",
           dtype_scalar_name(x1.dtype()), " and ", dtype_scalar_name(x2.dtype()));
  const int64_t n = x1.size(-2), m = x2.size(-2), k = x1.size(-1);
  const bool by_product = p == 2 && mode != "donot_use_mm_for_euclid_dist" &&
                          (mode == "use_mm_for_euclid_dist" || n > 25 || m > 25) && n > 0 && m > 0 && k > 0;
  const DimVector batch = broadcast_shapes(kOp, batch_of(x1), batch_of(x2));
  return rustorch::_cdist(rustorch::expand(x1, with_matrix(batch, n, k)),
                          rustorch::expand(x2, with_matrix(batch, m, k)), p, by_product);
}

Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  constexpr const char* kOp = "renorm";
  RT_CHECK(!p.is_complex(), Value, kOp, "p must be real-valued");
  RT_CHECK(p.to_double() > 0, Value, kOp, "non-positive-norm not supported");
  RT_CHECK(!maxnorm.is_complex(), Value, kOp, "maxnorm must be real-valued");
  RT_CHECK(maxnorm.to_double() >= 0, Value, kOp, "expected maxnorm to be >= 0 but got ", maxnorm.to_double());
  RT_CHECK(self.dim() > 1, Shape, kOp, "input needs at least 2 dimensions, got ", self.dim(), " dimensions");
  const int64_t d = wrap_dim(kOp, dim, self.dim());
  DimVector others;
  for (int64_t i = 0; i < self.dim(); ++i)
    if (i != d) others.push_back(i);
  std::optional<DType> wide;
  if (is_reduced_float(self.dtype())) wide = kFloat32;
  Tensor norm = rustorch::linalg_vector_norm(self, p, IntArrayRef(others), true, wide);
  const Tensor over = rustorch::gt(norm, maxnorm);
  if (self.requires_grad())  // what is not scaled, nan too, must send nothing through its norm
    norm = rustorch::linalg_vector_norm(rustorch::where(over, TensorLike(self), TensorLike(Scalar(0))), p,
                                        IntArrayRef(others), true, wide);
  Tensor scaled = rustorch::mul(rustorch::reciprocal(rustorch::add(norm, 1e-7)), maxnorm);
  if (self.requires_grad()) scaled = rustorch::where(over, TensorLike(scaled), TensorLike(Scalar(1)));
  const Tensor factor = rustorch::to(scaled, real_type(self.dtype()));
  const Tensor x = rustorch::contiguous(self);
  return rustorch::where(over, TensorLike(rustorch::mul(x, factor)), TensorLike(x));
}

// ---- statistics

Tensor cov(const Tensor& self, int64_t correction, const std::optional<Tensor>& fweights,
           const std::optional<Tensor>& aweights) {
  constexpr const char* kOp = "cov";
  RT_CHECK(self.dim() <= 2, Shape, kOp,
           "expected input to have two or fewer dimensions but got an input with ", self.dim(),
           " dimensions");
  RT_CHECK(self.dtype() != kBool, NotImplemented, kOp, "bool dtype is not supported for input");
  const Tensor in = self.dim() < 2 ? rustorch::reshape(self, {1, -1}) : self;
  const int64_t count = in.size(1);
  auto check_weights = [&](const Tensor& w, const char* name) {
    RT_CHECK(w.dim() <= 1, Shape, kOp, "expected ", name, " to have one or fewer dimensions but got ", name,
             " with ", w.dim(), " dimensions");
    RT_CHECK(w.numel() == count, Shape, kOp, "expected ", name,
             " to have the same numel as there are observations in the input but got ", w.numel(),
             " != ", count);
    RT_CHECK(count == 0 || rustorch::all(rustorch::ge(transform_all_values(w), 0)).item<bool>(), Value, kOp,
             name, " cannot be negative");
  };
  Tensor w;
  if (fweights) {
    RT_CHECK(!fweights->is_floating_point() && !fweights->is_complex() && fweights->dtype() != kBool, DType,
             kOp, "expected fweights to have integral dtype but got fweights with ",
             dtype_scalar_name(fweights->dtype()), " dtype");
    check_weights(*fweights, "fweights");
    w = *fweights;
  }
  if (aweights) {
    RT_CHECK(aweights->is_floating_point(), DType, kOp,
             "expected aweights to have floating point dtype but got aweights with ",
             dtype_scalar_name(aweights->dtype()), " dtype");
    check_weights(*aweights, "aweights");
    w = w.defined() ? rustorch::mul(w, *aweights) : *aweights;
  }
  if (w.defined()) w = rustorch::reshape(w, {-1});
  const bool integers = !in.is_floating_point() && !in.is_complex();
  const Tensor sum_w =
      w.defined() ? rustorch::sum(w) : rustorch::full(IntArrayRef{}, Scalar(count), kInt64, in.device());
  RT_CHECK(!w.defined() || (w.numel() > 0 && rustorch::ne(transform_all_values(sum_w), 0).all().item<bool>()),
           Value, kOp, "weights sum to zero, can't be normalized");
  const Tensor weighted = w.defined() ? rustorch::mul(in, w) : in;
  const Tensor total = rustorch::sum(weighted, int64_t{1}, true);
  const Tensor average = rustorch::div(total, sum_w);
  Tensor norm;
  if (w.defined() && aweights && correction != 0)
    norm = rustorch::sub(
        sum_w, rustorch::div(rustorch::mul(rustorch::dot(w, rustorch::reshape(*aweights, {-1})), correction),
                             sum_w));
  else
    norm = rustorch::sub(sum_w, correction);
  if (transforming() && transform_active(norm))
    norm = rustorch::clamp_min(norm, 0);
  else if (rustorch::le(norm, 0).item<bool>())
    norm = rustorch::zeros(IntArrayRef{}, norm.dtype(), norm.device());
  const Tensor centred = rustorch::sub(integers ? rustorch::to(in, average.dtype()) : in, average);
  const Tensor other =
      conj_if_complex(rustorch::transpose(w.defined() ? rustorch::mul(centred, w) : centred, 0, 1));
  const Tensor product = rustorch::matmul(centred, rustorch::to(other, centred.dtype()));
  return rustorch::squeeze(rustorch::div(product, rustorch::to(norm, real_type(product.dtype()))));
}

Tensor corrcoef(const Tensor& self) {
  RT_CHECK(self.dim() <= 2, Shape, "corrcoef",
           "expected input to have two or fewer dimensions but got an input with ", self.dim(),
           " dimensions");
  const Tensor c = rustorch::cov(self);
  if (c.dim() == 0) return rustorch::div(c, c);
  const Tensor variance = rustorch::diagonal(c);
  const Tensor deviation = rustorch::sqrt(variance.is_complex() ? rustorch::real(variance) : variance);
  const Tensor out =
      rustorch::div(rustorch::div(c, rustorch::unsqueeze(deviation, 1)), rustorch::unsqueeze(deviation, 0));
  // rounding may carry the coefficients out of [-1, 1]
  if (out.is_complex())
    return rustorch::complex(rustorch::clamp(rustorch::real(out), Scalar(-1), Scalar(1)),
                             rustorch::clamp(rustorch::imag(out), Scalar(-1), Scalar(1)));
  return rustorch::clamp(out, Scalar(-1), Scalar(1));
}

}  // namespace rustorch::impl
