#include "rustorch/distributions/distribution.h"

#include <algorithm>

#include "distributions/helpers.h"
#include "rustorch/autograd.h"
#include "rustorch/grad_mode.h"

namespace rustorch::distributions {

namespace {
bool validate_by_default = true;
}  // namespace

// ---- helpers

double eps_of(const Tensor& t) {
  switch (t.dtype()) {
    case kFloat64:
      return std::numeric_limits<double>::epsilon();
    case kFloat16:
      return 0x1p-10;
    case kBFloat16:
      return 0x1p-7;
    default:
      return std::numeric_limits<float>::epsilon();
  }
}

double tiny_of(const Tensor& t) {
  switch (t.dtype()) {
    case kFloat64:
      return std::numeric_limits<double>::min();
    case kFloat16:
      return 0x1p-14;
    default:
      return std::numeric_limits<float>::min();
  }
}

Tensor sum_rightmost(const Tensor& value, int64_t n) {
  if (n == 0) return value;
  const auto kept = static_cast<size_t>(std::max<int64_t>(value.dim() - n, 0));
  return value.reshape(join(head(value.sizes(), kept), {-1})).sum(-1);
}

namespace {
template <class List>
std::vector<Tensor> broadcast_values(const List& list) {
  Tensor like;
  for (const TensorLike& v : list) {
    if (v.is_tensor() && (!like.defined() || (!like.is_floating_point() && v.tensor->is_floating_point())))
      like = *v.tensor;
  }
  const DType dtype = like.defined() && like.is_floating_point() ? like.dtype() : get_default_dtype();
  std::vector<Tensor> values;
  for (const TensorLike& v : list) {
    if (!v.is_tensor()) {
      const Tensor number = full({}, v.scalar, dtype);
      values.push_back(like.defined() ? number.to(like.device()) : number);
    } else {
      values.push_back(v.tensor->is_floating_point() ? *v.tensor : v.tensor->to(dtype));
    }
  }
  return broadcast_tensors(values);
}
}  // namespace

std::vector<Tensor> broadcast_all(std::initializer_list<TensorLike> values) {
  return broadcast_values(values);
}

Shape broadcast_shapes(std::initializer_list<IntArrayRef> shapes) {
  Shape out;
  for (const IntArrayRef shape : shapes) {
    if (shape.size() > out.size()) out.insert(out.begin(), shape.size() - out.size(), 1);
    for (size_t i = 1; i <= shape.size(); ++i) {
      int64_t& mine = out[out.size() - i];
      const int64_t other = shape[shape.size() - i];
      RT_CHECK(mine == 1 || other == 1 || mine == other, Value, "Distribution",
               "Incompatible batch shapes: ", out, " and ", shape);
      if (mine == 1) mine = other;
    }
  }
  return out;
}

// ---- base

Distribution::~Distribution() = default;

void Distribution::set_default_validate_args(bool on) { validate_by_default = on; }

Distribution::Distribution(Shape batch_shape, Shape event_shape, Validate validate)
    : batch_shape_(std::move(batch_shape)),
      event_shape_(std::move(event_shape)),
      validate_(validate.value_or(validate_by_default)) {}

Distribution::Distribution(std::vector<Parameter> parameters, int64_t event_dims, Validate validate)
    : validate_(validate.value_or(validate_by_default)) {
  std::vector<TensorLike> given;
  for (const Parameter& p : parameters) given.push_back(p.value);
  const std::vector<Tensor> values = broadcast_values(given);
  const IntArrayRef shape = values[0].sizes();
  RT_CHECK(static_cast<int64_t>(shape.size()) >= event_dims, Value, "Distribution", "`", parameters[0].name,
           "` parameter must be at least ", event_dims == 1 ? "one" : "two", "-dimensional.");
  const auto events = static_cast<size_t>(event_dims);
  batch_shape_ = without(shape, events).vec();
  event_shape_ = shape.slice(shape.size() - events).vec();
  for (size_t i = 0; i < parameters.size(); ++i) own(parameters[i].name, values[i], parameters[i].constraint);
}

void Distribution::own(const char* name, const Tensor& value, const Constraint& constraint) {
  parameters_.emplace_back(name, value);
  RT_CHECK(!validate_ || constraint.check(value).all().item<bool>(), Value, "Distribution",
           "Expected parameter ", name, " (Tensor of shape ", value.sizes(), ") to satisfy the constraint ",
           constraint.str(), ", but found invalid values");
}

void Distribution::expand_parameters(IntArrayRef batch_shape) {
  for (auto& [name, value] : parameters_) {
    value = value.expand(join(batch_shape, value.sizes().slice(batch_shape_.size())));
  }
  batch_shape_ = batch_shape.vec();
}

Shape Distribution::extended(IntArrayRef sample_shape) const {
  return join(join(sample_shape, batch_shape_), event_shape_);
}

const Tensor& Distribution::checked(const Tensor& value) const {
  if (!validate_) return value;
  const size_t events = event_shape_.size(), dims = static_cast<size_t>(value.dim());
  RT_CHECK(dims >= events && value.sizes().slice(dims - events) == IntArrayRef(event_shape_), Value,
           type_name(), "The right-most size of value must match event_shape: ", value.sizes(), " vs ",
           event_shape_, ".");
  const Shape own = extended({});
  for (size_t i = 1; i <= std::min(dims, own.size()); ++i) {
    const int64_t a = value.sizes()[dims - i], b = own[own.size() - i];
    RT_CHECK(a == 1 || b == 1 || a == b, Value, type_name(),
             "Value is not broadcastable with batch_shape+event_shape: ", value.sizes(), " vs ", own, ".");
  }
  const Constraint within = support();
  RT_CHECK(within.check(value).all().item<bool>(), Value, type_name(),
           "Expected value argument (Tensor of shape ", value.sizes(), ") to be within the support (",
           within.str(), ") of the distribution ", str(), ", but found invalid values");
  return value;
}

void Distribution::missing(const char* what) const {
  raise(ErrorKind::NotImplemented, type_name(), rustorch::cat("the distribution has no ", what));
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
  raise(ErrorKind::Value, type_name(), rustorch::cat("there is no parameter '", name, "'"));
}

std::string Distribution::str() const {
  std::string s;
  for (const auto& [name, value] : parameters_) {
    s += rustorch::cat(s.empty() ? "" : ", ", name, ": ");
    s += value.numel() == 1 ? rustorch::cat(value.reshape({}).item<double>()) : rustorch::cat(value.sizes());
  }
  return type_name() + "(" + s + ")";
}

// ---- exponential families

Tensor ExponentialFamily::mean_carrier_measure() const { missing("mean_carrier_measure"); }

ExponentialFamily::Statistics ExponentialFamily::expected_statistics() const {
  const EnableGradGuard grad;
  Statistics s;
  for (const Tensor& p : natural_params()) s.eta.push_back(p.detach().requires_grad_(true));
  s.normalizer = log_normalizer(s.eta);
  s.means = autograd::grad({s.normalizer.sum()}, s.eta, {}, true, true);
  return s;
}

Tensor ExponentialFamily::entropy() const {
  const Statistics s = expected_statistics();
  Tensor result = s.normalizer - mean_carrier_measure();
  for (size_t i = 0; i < s.eta.size(); ++i) {
    result = result - sum_rightmost(s.eta[i] * s.means[i], static_cast<int64_t>(event_shape_.size()));
  }
  return result;
}

}  // namespace rustorch::distributions
