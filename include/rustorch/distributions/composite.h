// Distributions made of another: Independent and TransformedDistribution.
#pragma once
#include "rustorch/distributions/transforms.h"

namespace rustorch::distributions {

/// The last reinterpreted_batch_ndims batch dimensions of a distribution belong to one event.
class Independent final : public DistributionOf<Independent> {
 public:
  Independent(DistributionPtr base, int64_t reinterpreted_batch_ndims, Validate validate_args = std::nullopt);
  template <class D>
  requires std::is_base_of_v<Distribution, D> Independent(const D& base, int64_t reinterpreted_batch_ndims,
                                                          Validate validate_args = std::nullopt)
      : Independent(std::make_shared<D>(base), reinterpreted_batch_ndims, validate_args) {}

  const Distribution& base_dist() const { return *base_; }
  int64_t reinterpreted_batch_ndims() const { return n_; }
  std::string type_name() const override { return "Independent"; }
  std::string str() const override;
  Constraint support() const override;
  bool has_rsample() const override { return base_->has_rsample(); }
  bool has_enumerate_support() const override { return n_ == 0 && base_->has_enumerate_support(); }
  Tensor mean() const override { return base_->mean(); }
  Tensor mode() const override { return base_->mode(); }
  Tensor variance() const override { return base_->variance(); }
  Tensor sample(IntArrayRef sample_shape = {}) const override { return base_->sample(sample_shape); }
  Tensor rsample(IntArrayRef sample_shape = {}) const override { return base_->rsample(sample_shape); }
  Tensor log_prob(const Tensor& value) const override;
  Tensor entropy() const override;
  Tensor enumerate_support(bool expand = true) const override;

 protected:
  void expand_parameters(IntArrayRef batch_shape) override;

 private:
  DistributionPtr base_;
  int64_t n_;
};

/// Samples of a distribution, put through transforms, first to last.
class TransformedDistribution : public Distribution {
 public:
  TransformedDistribution(DistributionPtr base, std::vector<Transform> transforms,
                          Validate validate_args = std::nullopt);
  template <class D>
  requires std::is_base_of_v<Distribution, D> TransformedDistribution(const D& base,
                                                                      std::vector<Transform> transforms,
                                                                      Validate validate_args = std::nullopt)
      : TransformedDistribution(std::make_shared<D>(base), std::move(transforms), validate_args) {}
  template <class D>
  requires std::is_base_of_v<Distribution, D> TransformedDistribution(const D& base,
                                                                      const Transform& transform,
                                                                      Validate validate_args = std::nullopt)
      : TransformedDistribution(std::make_shared<D>(base), std::vector<Transform>{transform}, validate_args) {
  }

  const Distribution& base_dist() const { return *base_; }
  const std::vector<Transform>& transforms() const { return transforms_; }
  TransformedDistribution expand(IntArrayRef batch_shape) const;
  DistributionPtr expanded(IntArrayRef batch_shape) const override;
  std::string type_name() const override { return "TransformedDistribution"; }
  Constraint support() const override;
  bool has_rsample() const override { return base_->has_rsample(); }
  Tensor sample(IntArrayRef sample_shape = {}) const override;
  Tensor rsample(IntArrayRef sample_shape = {}) const override;
  Tensor log_prob(const Tensor& value) const override;
  Tensor cdf(const Tensor& value) const override;
  Tensor icdf(const Tensor& value) const override;

 protected:
  void expand_parameters(IntArrayRef batch_shape) override;
  Tensor run(Tensor x) const;
  /// The base as its own class.
  template <class D>
  const D& base_as() const {
    return static_cast<const D&>(*base_);
  }

 private:
  /// What the constructor works out.
  struct Layout;
  TransformedDistribution(Layout layout, std::vector<Transform> transforms, Validate validate_args);
  static Layout lay_out(DistributionPtr base, const std::vector<Transform>& transforms);
  DistributionPtr base_;
  std::vector<Transform> transforms_;
};

}  // namespace rustorch::distributions
