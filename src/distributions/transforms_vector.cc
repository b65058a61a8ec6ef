// Transforms whose event is a vector or a matrix.
#include <cmath>

#include "distributions/helpers.h"
#include "distributions/transform_of.h"
#include "rustorch/linalg.h"

namespace rustorch::distributions {

namespace {
/// Where the elements of the lower triangle lie in the flattened n x n matrix.
Tensor tril_places(int64_t n, int64_t diag) {
  const Tensor places = tril_indices(n, n, diag);
  return places.select(0, 0) * n + places.select(0, 1);
}
}  // namespace

Tensor vec_to_tril_matrix(const Tensor& vec, int64_t diag) {
  const int64_t count = vec.size(-1), above = std::max<int64_t>(diag, 0);
  // The triangle of n + diag rows, without the two corners of diag rows that stand out when diag > 0.
  const auto root = std::sqrt(static_cast<double>(1 + 8 * count + 8 * above * (diag + 1)));
  const int64_t n = std::llrint((root - 1) / 2) - diag;
  const Tensor places = tril_places(n, diag);
  RT_CHECK(places.numel() == count, Value, "vec_to_tril_matrix", count,
           " elements do not fill a lower triangle with diagonal ", diag);
  const Tensor place = zeros({n * n}, kInt64);
  place.index_copy_(0, places, arange(1, count + 1));
  const IntArrayRef lead = without(vec.sizes(), 1);
  const Tensor padded = rustorch::cat({vec.new_zeros(join(lead, {1})), vec}, -1);
  return padded.index_select(-1, place.to(vec.device())).reshape(join(lead, {n, n}));
}

Tensor tril_matrix_to_vec(const Tensor& mat, int64_t diag) {
  const int64_t n = mat.size(-1);
  RT_CHECK(diag >= -n && diag < n, Value, "tril_matrix_to_vec", "diag (", diag, ") provided is outside [", -n,
           ", ", n - 1, "].");
  return mat.reshape(join(without(mat.sizes(), 2), {n * n}))
      .index_select(-1, tril_places(n, diag).to(mat.device()));
}

namespace {
void need_dims(IntArrayRef shape, size_t n) {
  require(shape.size() >= n, "Transform", "Too few dimensions on input");
}
Tensor pad_ones(const Tensor& t, int64_t before, int64_t after) {
  return pad(t, {before, after}, "constant", 1.0);
}
/// All but the last, along the last dimension.
Tensor front(const Tensor& t) { return t.narrow(-1, 0, t.size(-1) - 1); }
Shape with_last(IntArrayRef shape, int64_t change) {
  need_dims(shape, 1);
  Shape out = shape.vec();
  out.back() += change;
  return out;
}

struct SoftmaxImpl final : TransformOf<SoftmaxImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "SoftmaxTransform"; }
  Constraint domain() const override { return constraints::real_vector(); }
  Constraint codomain() const override { return constraints::simplex(); }
  Tensor call(const Tensor& x) const override { return softmax(x, -1); }
  Tensor inverse(const Tensor& y) const override { return y.log(); }
  Shape forward_shape(IntArrayRef shape) const override { return with_last(shape, 0); }
  Shape inverse_shape(IntArrayRef shape) const override { return with_last(shape, 0); }
};

/// log of (n, n - 1, ..., 1): it makes zeros of x the middle of the simplex.
Tensor log_rest(int64_t n, const Tensor& like) { return arange(n, 0, -1, like.dtype(), like.device()).log(); }

struct StickBreakingImpl final : TransformOf<StickBreakingImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "StickBreakingTransform"; }
  Constraint domain() const override { return constraints::real_vector(); }
  Constraint codomain() const override { return constraints::simplex(); }
  bool bijective() const override { return true; }
  Tensor call(const Tensor& x) const override {
    const Tensor share = clipped_sigmoid(x - log_rest(x.size(-1), x));
    const Tensor rest = minus(1, share).cumprod(-1);
    const Tensor shares = pad_ones(share, 0, 1);
    return shares * pad_ones(rest, 1, 0);
  }
  Tensor inverse(const Tensor& y) const override {
    const Tensor first = front(y);
    const Tensor rest = minus(1, first.cumsum(-1)).clamp_min(tiny_of(y));
    const Tensor top = first.log();
    return top - rest.log() + log_rest(first.size(-1), y);
  }
  Tensor log_abs_det_jacobian(const Tensor& x0, const Tensor& y) const override {
    const Tensor x = x0 - log_rest(x0.size(-1), x0);
    const Tensor slope = log_sigmoid(x) - x;
    return (slope + front(y).log()).sum(-1);
  }
  Shape forward_shape(IntArrayRef shape) const override { return with_last(shape, 1); }
  Shape inverse_shape(IntArrayRef shape) const override { return with_last(shape, -1); }
};

struct CorrCholeskyImpl final : TransformOf<CorrCholeskyImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "CorrCholeskyTransform"; }
  Constraint domain() const override { return constraints::real_vector(); }
  Constraint codomain() const override { return constraints::corr_cholesky(); }
  bool bijective() const override { return true; }
  bool equal(const TransformImpl& other) const override { return this == &other; }
  Tensor call(const Tensor& x) const override {
    const double eps = eps_of(x);
    Tensor r = vec_to_tril_matrix(x.tanh().clamp(Scalar(-1 + eps), Scalar(1 - eps)), -1);
    const Tensor rest = minus(1, r * r).sqrt().cumprod(-1);
    r = r + eye(r.size(-1), r.dtype(), r.device());
    return r * pad_ones(front(rest), 1, 0);
  }
  Tensor inverse(const Tensor& y) const override {
    const Tensor rest = minus(1, (y * y).cumsum(-1));
    const Tensor before = pad_ones(front(rest), 1, 0);
    const Tensor top = tril_matrix_to_vec(y, -1);
    return (top / tril_matrix_to_vec(before, -1).sqrt()).atanh();
  }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    const Tensor rest = minus(1, (y * y).cumsum(-1));
    Tensor stick;
    if (y.size(-1) > 2) stick = tril_matrix_to_vec(rest, -2).log().sum(-1) * 0.5;
    const Tensor wide = x + softplus(x * -2) - std::log(2.0);
    const Tensor slope = wide.sum(-1) * 2;
    return stick.defined() ? stick - slope : minus(0.0, slope);
  }
  Shape forward_shape(IntArrayRef shape) const override {
    need_dims(shape, 1);
    const int64_t n = shape.back(), d = std::llrint(std::sqrt(0.25 + 2 * static_cast<double>(n)) + 0.5);
    require(d * (d - 1) / 2 == n, "CorrCholeskyTransform", "Input is not a flattened lower-diagonal number");
    return join(without(shape, 1), {d, d});
  }
  Shape inverse_shape(IntArrayRef shape) const override {
    need_dims(shape, 2);
    const int64_t d = shape.back();
    require(shape[shape.size() - 2] == d, "CorrCholeskyTransform", "Input is not square");
    return join(without(shape, 2), {d * (d - 1) / 2});
  }
};

Tensor to_lower_cholesky(const Tensor& x) {
  const Tensor below = x.tril(-1);
  return below + x.diagonal(0, -2, -1).exp().diag_embed();
}
Tensor from_lower_cholesky(const Tensor& y) {
  const Tensor below = y.tril(-1);
  return below + y.diagonal(0, -2, -1).log().diag_embed();
}
Constraint matrices() { return constraints::independent(constraints::real(), 2); }

struct LowerCholeskyImpl final : TransformOf<LowerCholeskyImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "LowerCholeskyTransform"; }
  Constraint domain() const override { return matrices(); }
  Constraint codomain() const override { return constraints::lower_cholesky(); }
  Tensor call(const Tensor& x) const override { return to_lower_cholesky(x); }
  Tensor inverse(const Tensor& y) const override { return from_lower_cholesky(y); }
};

struct PositiveDefiniteImpl final : TransformOf<PositiveDefiniteImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "PositiveDefiniteTransform"; }
  Constraint domain() const override { return matrices(); }
  Constraint codomain() const override { return constraints::positive_definite(); }
  Tensor call(const Tensor& x) const override {
    const Tensor factor = to_lower_cholesky(x);
    return factor.matmul(factor.transpose(-2, -1));
  }
  Tensor inverse(const Tensor& y) const override { return from_lower_cholesky(linalg_cholesky(y)); }
};
}  // namespace

RT_TRANSFORM(SoftmaxTransform, SoftmaxImpl)
RT_TRANSFORM(StickBreakingTransform, StickBreakingImpl)
RT_TRANSFORM(CorrCholeskyTransform, CorrCholeskyImpl)
RT_TRANSFORM(LowerCholeskyTransform, LowerCholeskyImpl)
RT_TRANSFORM(PositiveDefiniteTransform, PositiveDefiniteImpl)

}  // namespace rustorch::distributions
