// Constraints: the sets that parameters and samples lie in.
//
//   constraints::positive().check(t);            // one bool for every element
//   constraints::independent(constraints::real(), 1)   // the last dimension is one event
//
// A Constraint is a value: a kind from a closed list, with bounds or parts. Names and texts are those of the
// Python package.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch::distributions {

/// A number or a tensor that is kept, where TensorLike only borrows.
class Value {
 public:
  Value() = default;
  Value(Tensor tensor) : tensor_(std::move(tensor)) {}
  Value(const TensorLike& v) : tensor_(v.is_tensor() ? *v.tensor : Tensor()), number_(v.scalar) {}
  template <class T>
  requires std::is_arithmetic_v<T> Value(T v) : number_(v) {}
  operator TensorLike() const { return is_tensor() ? TensorLike(tensor_) : TensorLike(number_); }
  bool is_tensor() const { return tensor_.defined(); }
  const Tensor& tensor() const { return tensor_; }
  const Scalar& number() const { return number_; }
  /// Whether both are equal everywhere.
  bool equal(const Value& other) const;
  std::string str() const;

 private:
  Tensor tensor_;
  Scalar number_;
};

class Constraint {
 public:
  enum class Kind : uint8_t {
    Real,
    Boolean,
    OneHot,
    Interval,
    HalfOpenInterval,
    IntegerInterval,
    GreaterThan,
    GreaterThanEq,
    LessThan,
    IntegerGreaterThan,
    IntegerLessThan,
    Simplex,
    Multinomial,
    LowerTriangular,
    LowerCholesky,
    CorrCholesky,
    Square,
    Symmetric,
    PositiveSemidefinite,
    PositiveDefinite,
    Independent,
    MixtureSameFamily,
    Cat,
    Stack
  };
  explicit Constraint(Kind kind, Value lower_bound = {}, Value upper_bound = {})
      : kind_(kind), low_(std::move(lower_bound)), high_(std::move(upper_bound)) {}
  /// Of others: n is the number of batch dimensions of Independent, or the dimension of Cat and Stack.
  Constraint(Kind kind, std::vector<Constraint> parts, int64_t n, std::vector<int64_t> lengths = {})
      : kind_(kind), parts_(std::move(parts)), n_(n), lengths_(std::move(lengths)) {}

  /// True for every event of value that is in the set.
  Tensor check(const Tensor& value) const;
  Kind kind() const { return kind_; }
  /// The number of dimensions of one event.
  int64_t event_dim() const;
  bool is_discrete() const;
  const Value& lower_bound() const { return low_; }
  const Value& upper_bound() const { return high_; }
  /// What Independent and MixtureSameFamily are about, or the parts of Cat and Stack.
  const Constraint& base_constraint() const { return parts_.front(); }
  const std::vector<Constraint>& cseq() const { return parts_; }
  int64_t reinterpreted_batch_ndims() const { return n_; }
  int64_t dim() const { return n_; }
  const std::vector<int64_t>& lengths() const { return lengths_; }
  /// As Python shows it: "GreaterThan(lower_bound=0.0)".
  std::string str() const;

 private:
  Kind kind_;
  Value low_, high_;
  std::vector<Constraint> parts_;
  int64_t n_ = 0;
  std::vector<int64_t> lengths_;
};

namespace constraints {
#define RT_CONSTRAINT(name, ...) \
  inline Constraint name() { return Constraint(Constraint::Kind::__VA_ARGS__); }
RT_CONSTRAINT(real, Real)
RT_CONSTRAINT(boolean, Boolean)
RT_CONSTRAINT(one_hot, OneHot)
RT_CONSTRAINT(positive, GreaterThan, 0.0)
RT_CONSTRAINT(nonnegative, GreaterThanEq, 0.0)
RT_CONSTRAINT(nonnegative_integer, IntegerGreaterThan, 0)
RT_CONSTRAINT(positive_integer, IntegerGreaterThan, 1)
RT_CONSTRAINT(unit_interval, Interval, 0.0, 1.0)
RT_CONSTRAINT(simplex, Simplex)
RT_CONSTRAINT(lower_triangular, LowerTriangular)
RT_CONSTRAINT(lower_cholesky, LowerCholesky)
RT_CONSTRAINT(corr_cholesky, CorrCholesky)
RT_CONSTRAINT(square, Square)
RT_CONSTRAINT(symmetric, Symmetric)
RT_CONSTRAINT(positive_semidefinite, PositiveSemidefinite)
RT_CONSTRAINT(positive_definite, PositiveDefinite)
#undef RT_CONSTRAINT
inline Constraint greater_than(Value low) {
  return Constraint(Constraint::Kind::GreaterThan, std::move(low));
}
inline Constraint greater_than_eq(Value low) {
  return Constraint(Constraint::Kind::GreaterThanEq, std::move(low));
}
inline Constraint less_than(Value high) {
  return Constraint(Constraint::Kind::LessThan, {}, std::move(high));
}
inline Constraint interval(Value low, Value high) {
  return Constraint(Constraint::Kind::Interval, std::move(low), std::move(high));
}
inline Constraint half_open_interval(Value low, Value high) {
  return Constraint(Constraint::Kind::HalfOpenInterval, std::move(low), std::move(high));
}
inline Constraint integer_interval(Value low, Value high) {
  return Constraint(Constraint::Kind::IntegerInterval, std::move(low), std::move(high));
}
/// Counts that add up to at most high.
inline Constraint multinomial(Value high) {
  return Constraint(Constraint::Kind::Multinomial, {}, std::move(high));
}
/// base with its last n batch dimensions taken as dimensions of one event.
Constraint independent(Constraint base, int64_t n);
inline Constraint real_vector() { return independent(real(), 1); }
/// Constraints of consecutive stretches of a dimension, of the given lengths (1 each by default).
Constraint cat(std::vector<Constraint> cseq, int64_t dim = 0, std::vector<int64_t> lengths = {});
/// Constraints of the slices of a dimension.
Constraint stack(std::vector<Constraint> cseq, int64_t dim = 0);
/// The support of a mixture: that of a component, for every component.
Constraint mixture_same_family(Constraint base);
}  // namespace constraints

}  // namespace rustorch::distributions
