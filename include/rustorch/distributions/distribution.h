// Distribution: the base of all distributions, with checks of parameters and samples, and expansion.
//
// Samples have the shape sample_shape + batch_shape + event_shape. Parameters and values are checked unless
// validation is off (validate_args, set_default_validate_args). Distributions are values and do not change:
// copies share their tensors. Names and formulas are those of the Python package, bit for bit.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rustorch/distributions/constraints.h"

namespace rustorch::distributions {

/// validate_args of a constructor: checks on, off, or as set_default_validate_args says.
using Validate = std::optional<bool>;
using Shape = std::vector<int64_t>;

/// A parameter as it is given: a tensor or a number, and what it must satisfy.
struct Parameter {
  const char* name;
  TensorLike value;
  Constraint constraint;
};

class Distribution {
 public:
  virtual ~Distribution();
  /// Whether distributions made from now on check their arguments.
  static void set_default_validate_args(bool on);

  const Shape& batch_shape() const { return batch_shape_; }
  const Shape& event_shape() const { return event_shape_; }
  virtual std::string type_name() const = 0;
  /// "Normal(loc: 0, scale: [3])".
  virtual std::string str() const;
  /// The constraint that samples satisfy.
  virtual Constraint support() const = 0;
  virtual bool has_rsample() const { return false; }
  virtual bool has_enumerate_support() const { return false; }

  // What a distribution does not have throws NotImplemented.
  virtual Tensor mean() const;
  virtual Tensor mode() const;
  virtual Tensor variance() const;
  virtual Tensor stddev() const;
  /// Samples without gradients.
  virtual Tensor sample(IntArrayRef sample_shape = {}) const;
  /// Samples through which gradients flow to the parameters.
  virtual Tensor rsample(IntArrayRef sample_shape = {}) const;
  /// Logarithm of the density or probability. Throws Value for values outside the support.
  virtual Tensor log_prob(const Tensor& value) const;
  virtual Tensor cdf(const Tensor& value) const;
  virtual Tensor icdf(const Tensor& value) const;
  /// In nats.
  virtual Tensor entropy() const;
  Tensor perplexity() const;
  /// All values of a discrete distribution along a new first dimension; expand: for every batch element.
  virtual Tensor enumerate_support(bool expand = true) const;
  /// A parameter by name.
  const Tensor& parameter(std::string_view name) const;
  /// expand() of whatever class this is.
  virtual std::shared_ptr<const Distribution> expanded(IntArrayRef batch_shape) const = 0;

 protected:
  /// Broadcasts the parameters together and checks them; event_dims of their last dimensions belong to the
  /// event.
  Distribution(std::vector<Parameter> parameters, int64_t event_dims = 0, Validate validate = std::nullopt);
  /// Of these shapes; parameters are added by own().
  Distribution(Shape batch_shape, Shape event_shape, Validate validate);
  /// Adds a parameter whose leading dimensions are the batch shape, and checks it.
  void own(const char* name, const Tensor& value, const Constraint& constraint);
  Shape extended(IntArrayRef sample_shape) const;
  const Tensor& param(size_t i) const { return parameters_[i].second; }
  /// The value, after the check of support and shape when that is on.
  const Tensor& checked(const Tensor& value) const;
  /// Expands what has the batch shape; a class with more than parameters overrides it.
  virtual void expand_parameters(IntArrayRef batch_shape);
  [[noreturn]] void missing(const char* what) const;

  std::vector<std::pair<std::string, Tensor>> parameters_;
  Shape batch_shape_, event_shape_;
  bool validate_;
};
using DistributionPtr = std::shared_ptr<const Distribution>;

/// Gives a distribution its expand().
template <class Derived, class Base = Distribution>
class DistributionOf : public Base {
 public:
  /// The distribution with its batch dimensions expanded; no memory is copied.
  Derived expand(IntArrayRef batch_shape) const {
    Derived copy(static_cast<const Derived&>(*this));
    static_cast<DistributionOf&>(copy).expand_parameters(batch_shape);
    return copy;
  }
  DistributionPtr expanded(IntArrayRef batch_shape) const override {
    return std::make_shared<Derived>(expand(batch_shape));
  }

 protected:
  using Base::Base;
};

/// Base of densities h(x) exp(<eta, t(x)> - A(eta)): entropy and divergence follow from A by differentiation.
class ExponentialFamily : public Distribution {
 public:
  /// eta.
  virtual std::vector<Tensor> natural_params() const = 0;
  /// A(eta).
  virtual Tensor log_normalizer(const std::vector<Tensor>& eta) const = 0;
  /// The expected value of log h(x).
  virtual Tensor mean_carrier_measure() const;
  Tensor entropy() const override;
  /// eta as leaves, A(eta), and its gradients: the expected values of t(x).
  struct Statistics {
    std::vector<Tensor> eta;
    Tensor normalizer;
    std::vector<Tensor> means;
  };
  Statistics expected_statistics() const;

 protected:
  using Distribution::Distribution;
};

}  // namespace rustorch::distributions
