#include "rustorch/distributions/distribution.h"

#include <cmath>

#include "distributions/helpers.h"
#include "rustorch/grad_mode.h"

namespace rustorch::distributions {

namespace {
bool validate_by_default = true;

Tensor is_integer(const Tensor& v) { return v.remainder(1).eq(0); }
}  // namespace

// ---- constraints

Tensor Constraint::check(const Tensor& v) const {
  const auto between = [&](const Tensor& t) {
    Tensor ok = t.eq(t);  // nan is outside of everything
    if (low_.defined()) ok = ok.logical_and(t.ge(low_));
    if (high_.defined()) ok = ok.logical_and(t.le(high_));
    return ok;
  };
  switch (kind_) {
    case Kind::Real:
      return v.eq(v);
    case Kind::Boolean:
      return v.eq(0).logical_or(v.eq(1));
    case Kind::Positive:
      return v.gt(0);
    case Kind::Nonnegative:
      return v.ge(0);
    case Kind::NonnegativeInteger:
      return is_integer(v).logical_and(v.ge(0));
    case Kind::UnitInterval:
      return v.ge(0).logical_and(v.le(1));
    case Kind::HalfOpenUnit:
      return v.ge(0).logical_and(v.lt(1));
    case Kind::Interval:
    case Kind::GreaterThanEq:
      return between(v);
    case Kind::IntegerInterval:
      return is_integer(v).logical_and(between(v));
    case Kind::GreaterThan:
      return v.gt(low_);
    case Kind::LessThan:
      return v.lt(high_);
    case Kind::Simplex:
      return v.ge(0).all(-1).logical_and((v.sum(-1) - 1).abs().lt(1e-6));
    case Kind::RealVector:
      return v.eq(v).all(-1);
    case Kind::OneHot:
      return v.eq(0).logical_or(v.eq(1)).all(-1).logical_and(v.sum(-1).eq(1));
    case Kind::PositiveVector:
      return v.gt(0).all(-1);
    case Kind::LowerCholesky:
      return v.tril().eq(v).all(-1).all(-1).logical_and(v.diagonal(0, -2, -1).gt(0).all(-1));
    case Kind::Multinomial:
      return v.ge(0).all(-1).logical_and(v.sum(-1).eq(high_));
  }
  raise(ErrorKind::Internal, "Constraint", "unknown kind");
}

std::string Constraint::name() const {
  static constexpr const char* kNames[] = {"Real()",
                                           "Boolean()",
                                           "GreaterThan(0)",
                                           "GreaterThanEq(0)",
                                           "IntegerGreaterThan(0)",
                                           "Interval(0, 1)",
                                           "HalfOpenInterval(0, 1)",
                                           "Interval",
                                           "IntegerInterval",
                                           "GreaterThan",
                                           "GreaterThanEq",
                                           "LessThan",
                                           "Simplex()",
                                           "RealVector()",
                                           "OneHot()",
                                           "Independent(GreaterThan(0), 1)",
                                           "LowerCholesky()",
                                           "Multinomial"};
  return kNames[static_cast<size_t>(kind_)];
}

// ---- base

void Distribution::set_default_validate_args(bool on) { validate_by_default = on; }

Distribution::Distribution(std::vector<Parameter> parameters, int64_t event_dims,
                           std::optional<bool> validate)
    : validate_(validate.value_or(validate_by_default)) {
  // Numbers take the dtype of the tensors among the parameters.
  Tensor like;
  for (const Parameter& p : parameters) {
    if (p.value.is_tensor() && (!like.defined() || p.value.tensor->is_floating_point()))
      like = *p.value.tensor;
  }
  std::vector<Tensor> values;
  for (const Parameter& p : parameters) {
    if (p.value.is_tensor()) {
      Tensor t = *p.value.tensor;
      if (!t.is_floating_point()) t = t.to(like.is_floating_point() ? like.dtype() : get_default_dtype());
      values.push_back(t);
    } else {
      const DType dtype = like.defined() && like.is_floating_point() ? like.dtype() : get_default_dtype();
      values.push_back(full({}, p.value.scalar, dtype));
    }
  }
  values = broadcast_tensors(values);
  const std::vector<int64_t> shape = values[0].sizes().vec();
  RT_CHECK(static_cast<int64_t>(shape.size()) >= event_dims, Shape, "Distribution",
           "a parameter must have at least ", event_dims, " dimensions");
  batch_shape_.assign(shape.begin(), shape.end() - event_dims);
  event_shape_.assign(shape.end() - event_dims, shape.end());
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters_.emplace_back(parameters[i].name, values[i]);
    RT_CHECK(!validate_ || parameters[i].constraint.check(values[i]).all().item<bool>(), Value,
             "Distribution", "Expected parameter ", parameters[i].name, " (Tensor of shape ",
             values[i].sizes(), ") to satisfy the constraint ", parameters[i].constraint.name(),
             ", but found invalid values");
  }
}

void Distribution::expand_parameters(IntArrayRef batch_shape) {
  for (auto& [name, value] : parameters_) {
    std::vector<int64_t> shape = batch_shape.vec();
    for (size_t d = batch_shape_.size(); d < static_cast<size_t>(value.dim()); ++d) {
      shape.push_back(value.size(static_cast<int64_t>(d)));
    }
    value = value.expand(shape);
  }
  batch_shape_ = batch_shape.vec();
}

std::vector<int64_t> Distribution::extended(IntArrayRef sample_shape) const {
  std::vector<int64_t> out = sample_shape.vec();
  out.insert(out.end(), batch_shape_.begin(), batch_shape_.end());
  out.insert(out.end(), event_shape_.begin(), event_shape_.end());
  return out;
}

const Tensor& Distribution::checked(const Tensor& value) const {
  if (!validate_) return value;
  const size_t events = event_shape_.size(), dims = static_cast<size_t>(value.dim());
  RT_CHECK(dims >= events && value.sizes().slice(dims - events) == IntArrayRef(event_shape_), Value,
           type_name(), "The right-most size of value must match event_shape: ", value.sizes(), " vs ",
           event_shape_, ".");
  const std::vector<int64_t> own = extended({});
  for (size_t i = 1; i <= std::min(dims, own.size()); ++i) {
    const int64_t a = value.sizes()[dims - i], b = own[own.size() - i];
    RT_CHECK(a == 1 || b == 1 || a == b, Value, type_name(),
             "Value is not broadcastable with batch_shape+event_shape: ", value.sizes(), " vs ", own, ".");
  }
  RT_CHECK(support().check(value).all().item<bool>(), Value, type_name(),
           "Expected value argument (Tensor of shape ", value.sizes(), ") to be within the support (",
           support().name(), ") of the distribution ", str(), ", but found invalid values");
  return value;
}

void Distribution::missing(const char* what) const {
  raise(ErrorKind::NotImplemented, type_name(), cat("the distribution has no ", what));
}

Tensor Distribution::mean() const { missing("mean"); }
Tensor Distribution::mode() const { missing("mode"); }
Tensor Distribution::variance() const { missing("variance"); }
Tensor Distribution::stddev() const { return variance().sqrt(); }
Tensor Distribution::sample(IntArrayRef sample_shape) const {
  const NoGradGuard no_grad;
  return rsample(sample_shape);
}
Tensor Distribution::rsample(IntArrayRef) const { missing("rsample"); }
Tensor Distribution::log_prob(const Tensor&) const { missing("log_prob"); }
Tensor Distribution::cdf(const Tensor&) const { missing("cdf"); }
Tensor Distribution::icdf(const Tensor&) const { missing("icdf"); }
Tensor Distribution::entropy() const { missing("entropy"); }
Tensor Distribution::perplexity() const { return entropy().exp(); }
Tensor Distribution::enumerate_support(bool) const { missing("enumerate_support"); }

const Tensor& Distribution::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  raise(ErrorKind::Value, type_name(), cat("there is no parameter '", name, "'"));
}

std::string Distribution::str() const {
  std::string s;
  for (const auto& [name, value] : parameters_) {
    s += cat(s.empty() ? "" : ", ", name, ": ");
    s += value.numel() == 1 ? cat(value.reshape({}).item<double>()) : cat(value.sizes());
  }
  return type_name() + "(" + s + ")";
}

}  // namespace rustorch::distributions
