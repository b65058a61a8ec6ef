// Distribution: the base of all distributions, and the constraints that parameters and samples satisfy.
//
// Samples have the shape sample_shape + batch_shape + event_shape. Parameters and values are checked unless
// validation is off (set_default_validate_args). Names and formulas are those of the Python package.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch::distributions {

/// What a tensor must satisfy, elementwise or for its last dimension.
class Constraint {
 public:
  enum class Kind : uint8_t {
    Real,
    Boolean,
    Positive,
    Nonnegative,
    NonnegativeInteger,
    UnitInterval,
    HalfOpenUnit,
    Interval,
    IntegerInterval,
    GreaterThan,
    GreaterThanEq,
    LessThan,
    Simplex,
    RealVector,
    OneHot,
    PositiveVector,
    LowerCholesky,
    Multinomial
  };
  Constraint(Kind kind) : kind_(kind) {}
  /// With bounds, for the kinds that have them; an undefined one is absent.
  Constraint(Kind kind, Tensor low, Tensor high)
      : kind_(kind), low_(std::move(low)), high_(std::move(high)) {}
  /// Whether each event of the value satisfies the constraint.
  Tensor check(const Tensor& value) const;
  Kind kind() const { return kind_; }
  std::string name() const;

 private:
  Kind kind_;
  Tensor low_, high_;
};

/// A parameter as it is given: a tensor or a number, and what it must satisfy.
struct Parameter {
  const char* name;
  TensorLike value;
  Constraint constraint;
};

class Distribution {
 public:
  virtual ~Distribution() = default;
  /// Whether distributions made from now on check their arguments.
  static void set_default_validate_args(bool on);

  const std::vector<int64_t>& batch_shape() const { return batch_shape_; }
  const std::vector<int64_t>& event_shape() const { return event_shape_; }
  virtual std::string type_name() const = 0;
  /// "Normal(loc: 0, scale: [3])".
  std::string str() const;
  virtual Constraint support() const = 0;
  virtual bool has_rsample() const { return false; }

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
  /// All values of a discrete distribution along a new first dimension.
  virtual Tensor enumerate_support(bool expand = true) const;
  /// A parameter by name.
  const Tensor& parameter(std::string_view name) const;

 protected:
  /// Broadcasts the parameters together and checks them; event_dims of their last dimensions belong to the
  /// event.
  Distribution(std::vector<Parameter> parameters, int64_t event_dims = 0,
               std::optional<bool> validate = std::nullopt);
  std::vector<int64_t> extended(IntArrayRef sample_shape) const;
  const Tensor& param(size_t i) const { return parameters_[i].second; }
  /// The value, after the check of support and shape when that is on.
  const Tensor& checked(const Tensor& value) const;
  void expand_parameters(IntArrayRef batch_shape);
  [[noreturn]] void missing(const char* what) const;

  std::vector<std::pair<std::string, Tensor>> parameters_;
  std::vector<int64_t> batch_shape_, event_shape_;
  bool validate_;
};

/// Gives a distribution its expand() and clone.
template <class Derived>
class DistributionOf : public Distribution {
 public:
  /// The distribution with its batch dimensions expanded; no memory is copied.
  Derived expand(IntArrayRef batch_shape) const {
    Derived copy(static_cast<const Derived&>(*this));
    copy.expand_parameters(batch_shape);
    return copy;
  }

 protected:
  using Distribution::Distribution;
};

/// The Kullback-Leibler divergence. Throws NotImplemented for pairs without a formula.
Tensor kl_divergence(const Distribution& p, const Distribution& q);

}  // namespace rustorch::distributions
