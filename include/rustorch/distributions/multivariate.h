// Distributions of vectors and matrices: normal vectors, Wishart, and Cholesky factors of correlations.
#pragma once
#include "rustorch/distributions/continuous.h"

namespace rustorch::distributions {

/// The normal distribution of vectors, by the lower Cholesky factor of its covariance.
class MultivariateNormal final : public DistributionOf<MultivariateNormal> {
  RT_DISTRIBUTION(MultivariateNormal)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  /// scale_tril [..., n, n]; the other two take a covariance or its inverse.
  MultivariateNormal(const Tensor& loc, const Tensor& scale_tril, Validate validate_args = std::nullopt);
  static MultivariateNormal from_covariance(const Tensor& loc, const Tensor& covariance_matrix,
                                            Validate validate_args = std::nullopt);
  static MultivariateNormal from_precision(const Tensor& loc, const Tensor& precision_matrix,
                                           Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  Tensor scale_tril() const;
  Tensor covariance_matrix() const;
  Tensor precision_matrix() const;
  /// The factor without the batch dimensions that only loc has.
  const Tensor& unbroadcasted_scale_tril() const { return factor_; }

 private:
  MultivariateNormal(const Tensor& loc, const char* name, const Tensor& matrix, Validate validate_args);
  Tensor factor_;
};

/// The normal distribution of covariance W W^T + diag(d), with W (n x m) = cov_factor and d = cov_diag.
class LowRankMultivariateNormal final : public DistributionOf<LowRankMultivariateNormal> {
  RT_DISTRIBUTION(LowRankMultivariateNormal)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  LowRankMultivariateNormal(const Tensor& loc, const Tensor& cov_factor, const Tensor& cov_diag,
                            Validate validate_args = std::nullopt);
  const Tensor& loc() const { return param(0); }
  const Tensor& cov_factor() const { return param(1); }
  const Tensor& cov_diag() const { return param(2); }
  Tensor scale_tril() const;
  Tensor covariance_matrix() const;
  Tensor precision_matrix() const;
  /// W and d as they were given, the lower factor of I + W^T D^-1 W, and half the log determinant.
  const Tensor& unbroadcasted_cov_factor() const { return factor_; }
  const Tensor& unbroadcasted_cov_diag() const { return diagonal_; }
  const Tensor& capacitance_tril() const { return capacitance_; }
  Tensor half_log_det() const;

 private:
  Tensor factor_, diagonal_, capacitance_;
};

/// Scatter matrices of df normal vectors of a given covariance. Singular samples are drawn again.
class Wishart final : public DistributionOf<Wishart, ExponentialFamily> {
  RT_DISTRIBUTION(Wishart)
  RT_DENSITY;
  RT_MOMENTS;
  RT_ENTROPY;
  Wishart(TensorLike df, const Tensor& scale_tril, Validate validate_args = std::nullopt);
  static Wishart from_covariance(TensorLike df, const Tensor& covariance_matrix,
                                 Validate validate_args = std::nullopt);
  static Wishart from_precision(TensorLike df, const Tensor& precision_matrix,
                                Validate validate_args = std::nullopt);
  const Tensor& df() const { return param(0); }
  Tensor scale_tril() const;
  Tensor covariance_matrix() const;
  Tensor precision_matrix() const;
  std::vector<Tensor> natural_params() const override;
  Tensor log_normalizer(const std::vector<Tensor>& eta) const override;
  Tensor mean_carrier_measure() const override;

 private:
  Wishart(TensorLike df, const char* name, const Tensor& matrix, Validate validate_args);
  Tensor bartlett(IntArrayRef sample_shape) const;
  Tensor factor_;
};

/// Cholesky factors of correlation matrices, of density proportional to det^(concentration - 1) of the
/// matrix.
class LKJCholesky final : public DistributionOf<LKJCholesky> {
  RT_DISTRIBUTION(LKJCholesky)
  RT_SUPPORT;
  RT_LOG_PROB;
  Tensor sample(IntArrayRef sample_shape = {}) const override;
  explicit LKJCholesky(int64_t dim, TensorLike concentration = 1.0, Validate validate_args = std::nullopt);
  int64_t dim() const { return dim_; }
  const Tensor& concentration() const { return param(0); }

 private:
  int64_t dim_;
};

}  // namespace rustorch::distributions
