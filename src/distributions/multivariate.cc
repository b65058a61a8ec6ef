#include "rustorch/distributions/multivariate.h"

#include <algorithm>
#include <cmath>

#include "distributions/helpers.h"
#include "distributions/matrix.h"
#include "rustorch/grad_mode.h"
#include "rustorch/linalg.h"
#include "rustorch/warn.h"

namespace rustorch::distributions {

namespace c = constraints;

// ---- batches of factors

Tensor mahalanobis(const Tensor& factor, const Tensor& x) {
  // Leading dimensions of x that the factors lack become columns of one solve: no factor is repeated.
  const int64_t n = x.size(-1), extra = std::max<int64_t>(x.dim() - factor.dim() + 1, 0);
  const IntArrayRef lead = head(x.sizes(), static_cast<size_t>(extra));
  const IntArrayRef batch = without(x.sizes().slice(static_cast<size_t>(extra)), 1);
  Shape last_first;
  for (int64_t d = 1; d < static_cast<int64_t>(batch.size()) + 2; ++d) last_first.push_back(d);
  last_first.push_back(0);
  const Tensor columns = x.reshape(join(join({-1}, batch), {n})).permute(last_first);
  const Tensor solved = linalg_solve_triangular(factor, columns, false).square().sum(-2);
  Shape first_last = {-1};
  for (int64_t d = 0; d + 1 < solved.dim(); ++d) first_last.push_back(d);
  return solved.permute(first_last).reshape(join(lead, without(solved.sizes(), 1)));
}

Tensor half_log_det(const Tensor& factor) { return factor.diagonal(0, -2, -1).log().sum(-1); }

Tensor factor_of(std::string_view name, const Tensor& value) {
  if (name == "scale_tril") return value;
  if (name == "covariance_matrix") return linalg_cholesky(value);
  const Tensor reverse = linalg_cholesky(value.flip({-2, -1}));
  const Tensor upper = transposed(reverse.flip({-2, -1}));
  return linalg_solve_triangular(upper, eye(value.size(-1), value.dtype(), value.device()), false);
}

Tensor low_rank_capacitance(const Tensor& factor, const Tensor& diagonal) {
  const Tensor inside = transposed(factor).matmul(factor / diagonal.unsqueeze(-1));
  return linalg_cholesky(eye(factor.size(-1), factor.dtype(), factor.device()) + inside);
}
Tensor low_rank_log_det(const Tensor& diagonal, const Tensor& capacitance) {
  const Tensor top = half_log_det(capacitance) * 2;
  return top + diagonal.log().sum(-1);
}
Tensor low_rank_mahalanobis(const Tensor& factor, const Tensor& diagonal, const Tensor& x,
                            const Tensor& capacitance) {
  const Tensor scaled = x / diagonal;
  const Tensor inside = transposed(factor).matmul(scaled.unsqueeze(-1)).squeeze(-1);
  const Tensor top = (x * scaled).sum(-1);
  return top - mahalanobis(capacitance, inside);
}

namespace {
void need_vector(const Tensor& loc, const char* name) {
  require(loc.dim() >= 1, name, "loc must be at least one-dimensional.");
}
Constraint matrix_kind(std::string_view name) {
  return name == "scale_tril" ? c::lower_cholesky() : c::positive_definite();
}
Tensor log_density(int64_t n, const Tensor& squared_distance, const Tensor& log_det) {
  const double constant = static_cast<double>(n) * std::log(2 * M_PI);
  return (squared_distance + constant) * -0.5 - log_det;
}
Tensor normal_entropy(int64_t n, const Tensor& log_det, IntArrayRef batch) {
  return (log_det + 0.5 * static_cast<double>(n) * (1.0 + std::log(2 * M_PI))).expand(batch);
}
/// Values with all batch and event dimensions, matrices with the events twice.
Tensor as_matrices(const Tensor& t, IntArrayRef batch, IntArrayRef event) {
  return t.expand(join(join(batch, event), head(event, 1)));
}
const char* checked_matrix(const char* name, const Tensor& matrix) {
  RT_CHECK(matrix.dim() >= 2, Value, "Distribution", name,
           " must be at least two-dimensional, with optional leading batch dimensions");
  return name;
}
}  // namespace

// ---- MultivariateNormal

MultivariateNormal::MultivariateNormal(const Tensor& loc, const char* name, const Tensor& matrix,
                                       Validate validate)
    : DistributionOf(Shape(), Shape(), validate) {
  need_vector(loc, "MultivariateNormal");
  checked_matrix(name, matrix);
  batch_shape_ = broadcast_shapes({without(matrix.sizes(), 2), without(loc.sizes(), 1)});
  event_shape_ = {loc.size(-1)};
  own("loc", loc.expand(join(batch_shape_, event_shape_)), c::real_vector());
  own(name, matrix.expand(join(batch_shape_, matrix.sizes().slice(static_cast<size_t>(matrix.dim()) - 2))),
      matrix_kind(name));
  factor_ = factor_of(name, matrix);
}
MultivariateNormal::MultivariateNormal(const Tensor& loc, const Tensor& scale_tril, Validate validate)
    : MultivariateNormal(loc, "scale_tril", scale_tril, validate) {}
MultivariateNormal MultivariateNormal::from_covariance(const Tensor& loc, const Tensor& covariance_matrix,
                                                       Validate validate) {
  return MultivariateNormal(loc, "covariance_matrix", covariance_matrix, validate);
}
MultivariateNormal MultivariateNormal::from_precision(const Tensor& loc, const Tensor& precision_matrix,
                                                      Validate validate) {
  return MultivariateNormal(loc, "precision_matrix", precision_matrix, validate);
}
Constraint MultivariateNormal::support() const { return c::real_vector(); }
Tensor MultivariateNormal::scale_tril() const { return as_matrices(factor_, batch_shape_, event_shape_); }
Tensor MultivariateNormal::covariance_matrix() const {
  return as_matrices(factor_.matmul(transposed(factor_)), batch_shape_, event_shape_);
}
Tensor MultivariateNormal::precision_matrix() const {
  return as_matrices(cholesky_inverse(factor_), batch_shape_, event_shape_);
}
Tensor MultivariateNormal::mean() const { return loc(); }
Tensor MultivariateNormal::mode() const { return loc(); }
Tensor MultivariateNormal::variance() const {
  return factor_.pow(2).sum(-1).expand(join(batch_shape_, event_shape_));
}
Tensor MultivariateNormal::rsample(IntArrayRef shape) const {
  const Tensor noise = standard_normal(extended(shape), loc());
  return loc() + factor_.matmul(noise.unsqueeze(-1)).squeeze(-1);
}
Tensor MultivariateNormal::log_prob(const Tensor& value) const {
  const Tensor distance = mahalanobis(factor_, checked(value) - loc());
  return log_density(event_shape_[0], distance, rustorch::distributions::half_log_det(factor_));
}
Tensor MultivariateNormal::entropy() const {
  return normal_entropy(event_shape_[0], rustorch::distributions::half_log_det(factor_), batch_shape_);
}

// ---- LowRankMultivariateNormal

LowRankMultivariateNormal::LowRankMultivariateNormal(const Tensor& loc, const Tensor& cov_factor,
                                                     const Tensor& cov_diag, Validate validate)
    : DistributionOf(Shape(), Shape(), validate), factor_(cov_factor), diagonal_(cov_diag) {
  const char* name = "LowRankMultivariateNormal";
  need_vector(loc, name);
  checked_matrix("cov_factor", cov_factor);
  const int64_t n = loc.size(-1);
  RT_CHECK(cov_factor.size(-2) == n, Value, name, "cov_factor must be a batch of matrices with shape ", n,
           " x m");
  RT_CHECK(cov_diag.dim() >= 1 && cov_diag.size(-1) == n, Value, name,
           "cov_diag must be a batch of vectors with shape (", n, ",)");
  event_shape_ = {n};
  batch_shape_ = broadcast_shapes(
      {without(loc.sizes(), 1), without(cov_factor.sizes(), 2), without(cov_diag.sizes(), 1)});
  capacitance_ = low_rank_capacitance(cov_factor, cov_diag);
  own("loc", loc.expand(join(batch_shape_, event_shape_)), c::real_vector());
  own("cov_factor", cov_factor.expand(join(batch_shape_, {n, cov_factor.size(-1)})),
      c::independent(c::real(), 2));
  own("cov_diag", cov_diag.expand(join(batch_shape_, event_shape_)), c::independent(c::positive(), 1));
}
Constraint LowRankMultivariateNormal::support() const { return c::real_vector(); }
Tensor LowRankMultivariateNormal::mean() const { return loc(); }
Tensor LowRankMultivariateNormal::mode() const { return loc(); }
Tensor LowRankMultivariateNormal::variance() const {
  return (factor_.pow(2).sum(-1) + diagonal_).expand(join(batch_shape_, event_shape_));
}
Tensor LowRankMultivariateNormal::scale_tril() const {
  const Tensor root = diagonal_.sqrt().unsqueeze(-1), scaled = factor_ / root;
  const Tensor unit = eye(event_shape_[0], root.dtype(), root.device());
  const Tensor inside = linalg_cholesky(unit + scaled.matmul(transposed(scaled)));
  return as_matrices(root * inside, batch_shape_, event_shape_);
}
Tensor LowRankMultivariateNormal::covariance_matrix() const {
  const Tensor outer = factor_.matmul(transposed(factor_));
  return as_matrices(outer + diagonal_.diag_embed(), batch_shape_, event_shape_);
}
Tensor LowRankMultivariateNormal::precision_matrix() const {
  const Tensor scaled = transposed(factor_) / diagonal_.unsqueeze(-2);
  const Tensor inside = linalg_solve_triangular(capacitance_, scaled, false);
  const Tensor top = diagonal_.reciprocal().diag_embed();
  return as_matrices(top - transposed(inside).matmul(inside), batch_shape_, event_shape_);
}
Tensor LowRankMultivariateNormal::rsample(IntArrayRef sample_shape) const {
  const Shape shape = extended(sample_shape);
  const Tensor common = standard_normal(join(without(shape, 1), {factor_.size(-1)}), loc());
  const Tensor shared = factor_.matmul(common.unsqueeze(-1)).squeeze(-1);
  const Tensor own = standard_normal(shape, loc());
  return loc() + shared + diagonal_.sqrt() * own;
}
Tensor LowRankMultivariateNormal::half_log_det() const {
  return low_rank_log_det(diagonal_, capacitance_) * 0.5;
}
Tensor LowRankMultivariateNormal::log_prob(const Tensor& value) const {
  const Tensor distance = low_rank_mahalanobis(factor_, diagonal_, checked(value) - loc(), capacitance_);
  return log_density(event_shape_[0], distance, half_log_det());
}
Tensor LowRankMultivariateNormal::entropy() const {
  return normal_entropy(event_shape_[0], half_log_det(), batch_shape_);
}

// ---- Wishart

namespace {
Tensor half_steps(const Tensor& a, int64_t p) { return arange(p, a.dtype(), a.device()) * 0.5; }
/// log of the multivariate gamma function of order p, and its derivative.
Tensor log_multigamma(const Tensor& a, int64_t p) {
  const Tensor total = lgamma(a.unsqueeze(-1) - half_steps(a, p)).sum(-1);
  return total + 0.25 * static_cast<double>(p) * static_cast<double>(p - 1) * std::log(M_PI);
}
Tensor multidigamma(const Tensor& a, int64_t p) {
  return digamma(a.unsqueeze(-1) - half_steps(a, p)).sum(-1);
}
}  // namespace

Wishart::Wishart(TensorLike df, const char* name, const Tensor& matrix, Validate validate)
    : DistributionOf(Shape(), Shape(), validate) {
  checked_matrix(name, matrix);
  const int64_t n = matrix.size(-1);
  RT_CHECK(matrix.size(-2) == n, Value, "Wishart", name, " must be square; got ", matrix.sizes());
  const Tensor degrees = df.is_tensor() ? *df.tensor : full({}, df.scalar, matrix.dtype(), matrix.device());
  batch_shape_ = broadcast_shapes({without(matrix.sizes(), 2), degrees.sizes()});
  event_shape_ = {n, n};
  RT_CHECK(!degrees.le(n - 1).any().item<bool>(), Value, "Wishart",
           "Value of df expected to be greater than ndim - 1 = ", n - 1, ".");
  own("df", degrees.expand(batch_shape_), c::greater_than(n - 1));
  own(name, matrix.expand(join(batch_shape_, event_shape_)), matrix_kind(name));
  if (this->df().lt(n).any().item<bool>()) {
    warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.");
  }
  factor_ = factor_of(name, matrix);
}
Wishart::Wishart(TensorLike df, const Tensor& scale_tril, Validate validate)
    : Wishart(df, "scale_tril", scale_tril, validate) {}
Wishart Wishart::from_covariance(TensorLike df, const Tensor& covariance_matrix, Validate validate) {
  return Wishart(df, "covariance_matrix", covariance_matrix, validate);
}
Wishart Wishart::from_precision(TensorLike df, const Tensor& precision_matrix, Validate validate) {
  return Wishart(df, "precision_matrix", precision_matrix, validate);
}
Constraint Wishart::support() const { return c::positive_definite(); }
Tensor Wishart::scale_tril() const { return factor_.expand(join(batch_shape_, event_shape_)); }
Tensor Wishart::covariance_matrix() const {
  return factor_.matmul(transposed(factor_)).expand(join(batch_shape_, event_shape_));
}
Tensor Wishart::precision_matrix() const {
  return cholesky_inverse(factor_).expand(join(batch_shape_, event_shape_));
}
namespace {
Tensor as_column(const Tensor& df, IntArrayRef batch) { return df.reshape(join(batch, {1, 1})); }
}  // namespace
Tensor Wishart::mean() const { return as_column(df(), batch_shape_) * covariance_matrix(); }
Tensor Wishart::mode() const {
  const Tensor v = covariance_matrix(), weight = as_column(df(), batch_shape_) - v.size(-1) - 1;
  return where(weight.gt(0), weight, Scalar(kNaN)) * v;
}
Tensor Wishart::variance() const {
  const Tensor v = covariance_matrix(), diagonal = v.diagonal(0, -2, -1);
  const Tensor outer = diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2);
  return as_column(df(), batch_shape_) * (v.pow(2) + outer);
}
Tensor Wishart::bartlett(IntArrayRef shape) const {
  const Tensor degrees = df().unsqueeze(-1) - arange(event_shape_[0], df().dtype(), df().device());
  const Tensor roots = Chi2(degrees, false).rsample(shape).clamp_min(tiny_of(degrees)).sqrt();
  const Tensor below = standard_normal(extended(shape), df()).tril(-1);
  const Tensor root = factor_.matmul(below + roots.diag_embed());
  return root.matmul(transposed(root));
}
Tensor Wishart::rsample(IntArrayRef shape) const {
  constexpr int kRetries = 10;
  Tensor drawn = bartlett(shape);
  for (int i = 0; i < kRetries; ++i) {
    const Tensor singular = support().check(drawn.detach()).logical_not();
    if (!singular.any().item<bool>()) return drawn;
    drawn = where(singular.unsqueeze(-1).unsqueeze(-1), bartlett(shape), drawn);
  }
  warn("Singular sample detected.");
  return drawn;
}
Tensor Wishart::log_prob(const Tensor& value) const {
  checked(value);
  const int64_t n = event_shape_[0];
  const Tensor& nu = df();
  const Tensor log_det = half_log_det(linalg_cholesky(value)) * 2;
  const Tensor trace = cholesky_solve(value, factor_).diagonal(0, -2, -1).sum(-1);
  const Tensor scale = half_log_det(factor_) + 0.5 * static_cast<double>(n) * std::log(2.0);
  const Tensor top = nu * scale;
  const Tensor log_norm = top + log_multigamma(nu / 2, n);
  const Tensor weight = (nu - n - 1) * 0.5;
  return weight * log_det - trace * 0.5 - log_norm;
}
Tensor Wishart::entropy() const {
  const int64_t n = event_shape_[0];
  const Tensor& nu = df();
  const Tensor scale = (half_log_det(factor_) + 0.5 * static_cast<double>(n) * std::log(2.0)) * (n + 1);
  const Tensor gammas = log_multigamma(nu / 2, n), weight = (nu - n - 1) * 0.5;
  const Tensor shape = gammas - weight * multidigamma(nu / 2, n);
  return scale + shape + nu * 0.5 * n;
}
std::vector<Tensor> Wishart::natural_params() const {
  const Tensor first = precision_matrix().neg() / 2;
  return {first, (df() - event_shape_[0] - 1) / 2};
}
Tensor Wishart::log_normalizer(const std::vector<Tensor>& eta) const {
  const int64_t n = event_shape_[0];
  const Tensor half_df = eta[1] + static_cast<double>(n + 1) / 2;
  const Tensor log_det = half_log_det(linalg_cholesky(eta[0] * -2)) * -2;
  const Tensor top = half_df * (log_det + static_cast<double>(n) * std::log(2.0));
  return top + log_multigamma(half_df, n);
}
Tensor Wishart::mean_carrier_measure() const { return zeros({}, df().dtype(), df().device()); }

// ---- LKJCholesky: each row is a point on a sphere, whose squared radius has a beta distribution

namespace {
Beta row_lengths(const Tensor& concentration, int64_t dim) {
  const Tensor rows = arange(dim - 1, concentration.dtype(), concentration.device());
  const Tensor top = concentration.unsqueeze(-1) + 0.5 * static_cast<double>(dim - 2);
  const Tensor shape = top - rows * 0.5;
  return Beta(rows + 0.5, shape, false);
}
}  // namespace
LKJCholesky::LKJCholesky(int64_t dim, TensorLike concentration, Validate validate)
    : DistributionOf({{"concentration", concentration, c::positive()}}, 0, validate), dim_(dim) {
  RT_CHECK(dim >= 2, Value, "LKJCholesky",
           "Expected dim to be an integer greater than or equal to 2. Found dim=", dim, ".");
  event_shape_ = {dim, dim};
}
Constraint LKJCholesky::support() const { return c::corr_cholesky(); }
Tensor LKJCholesky::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  const Tensor length = row_lengths(concentration(), dim_).sample(shape).unsqueeze(-1);
  const Tensor normal = standard_normal(extended(shape), concentration()).tril(-1).narrow(-2, 1, dim_ - 1);
  const Tensor rows = length.sqrt() * normal / normal.square().sum(-1, true).sqrt();
  const Tensor below = rustorch::cat({zeros_like(rows.narrow(-2, 0, 1)), rows}, -2);
  const Tensor diagonal = minus(1, below.square().sum(-1)).clamp_min(tiny_of(below)).sqrt();
  return below + diagonal.diag_embed();
}
Tensor LKJCholesky::log_prob(const Tensor& value) const {
  const Tensor& a = concentration();
  const Tensor diagonal = checked(value).diagonal(0, -1, -2).narrow(-1, 1, dim_ - 1);
  const Tensor rows = arange(2, dim_ + 1, 1, a.dtype(), a.device());
  const Tensor power = (a - 1).unsqueeze(-1) * 2 + dim_ - rows;
  const auto n = static_cast<double>(dim_);
  const Tensor top = a + 0.5 * (n - 1);
  const Tensor gammas = log_multigamma(top - 0.5, dim_ - 1) + 0.5 * (n - 1) * std::log(M_PI);
  const Tensor log_norm = gammas - lgamma(top) * (n - 1);
  return (power * diagonal.log()).sum(-1) - log_norm;
}

}  // namespace rustorch::distributions
