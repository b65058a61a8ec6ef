#include "rustorch/distributions/composite.h"

#include <algorithm>

#include "distributions/helpers.h"
#include "rustorch/grad_mode.h"

namespace rustorch::distributions {

// ---- Independent

Independent::Independent(DistributionPtr base, int64_t n, Validate validate)
    : DistributionOf(Shape(), Shape(), validate), base_(std::move(base)), n_(n) {
  const Shape& batch = base_->batch_shape();
  const Shape shape = join(batch, base_->event_shape());
  RT_CHECK(n >= 0 && n <= static_cast<int64_t>(batch.size()), Value, "Independent",
           "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual ", n, " vs ",
           batch.size());
  const size_t cut = batch.size() - static_cast<size_t>(n);
  batch_shape_ = head(shape, cut).vec();
  event_shape_ = IntArrayRef(shape).slice(cut).vec();
}

void Independent::expand_parameters(IntArrayRef batch_shape) {
  base_ = base_->expanded(join(batch_shape, head(event_shape_, static_cast<size_t>(n_))));
  batch_shape_ = batch_shape.vec();
}

std::string Independent::str() const { return rustorch::cat("Independent(", base_->str(), ", ", n_, ")"); }
Constraint Independent::support() const {
  return n_ == 0 ? base_->support() : constraints::independent(base_->support(), n_);
}
Tensor Independent::log_prob(const Tensor& value) const { return sum_rightmost(base_->log_prob(value), n_); }
Tensor Independent::entropy() const { return sum_rightmost(base_->entropy(), n_); }
Tensor Independent::enumerate_support(bool expand) const {
  RT_CHECK(n_ == 0, NotImplemented, "Independent", "Enumeration over cartesian product is not implemented");
  return base_->enumerate_support(expand);
}

// ---- TransformedDistribution

struct TransformedDistribution::Layout {
  DistributionPtr base;
  Shape batch, event;
};

namespace {
/// The batch shape that the base must have for outputs of a shape.
Shape base_batch_shape(const std::vector<Transform>& transforms, IntArrayRef out_shape,
                       const Distribution& base) {
  const Shape shape = ComposeTransform(transforms).inverse_shape(out_shape);
  return without(shape, base.event_shape().size()).vec();
}
}  // namespace

TransformedDistribution::Layout TransformedDistribution::lay_out(DistributionPtr base,
                                                                 const std::vector<Transform>& transforms) {
  const ComposeTransform chain(transforms);
  const Shape shape = join(base->batch_shape(), base->event_shape());
  const int64_t in_dim = chain.domain().event_dim(), out_dim = chain.codomain().event_dim();
  RT_CHECK(static_cast<int64_t>(shape.size()) >= in_dim, Value, "TransformedDistribution",
           "base_distribution needs to have shape with size at least ", in_dim, ", but got ", shape, ".");
  const Shape out = chain.forward_shape(shape);
  const Shape batch = base_batch_shape(transforms, out, *base);
  if (batch != base->batch_shape()) base = base->expanded(batch);
  const int64_t extra = in_dim - static_cast<int64_t>(base->event_shape().size());
  if (extra > 0) base = std::make_shared<Independent>(base, extra);
  // Events of the base that the transforms leave alone stay events.
  const int64_t kept = std::max<int64_t>(static_cast<int64_t>(base->event_shape().size()) - in_dim, 0);
  const size_t cut = out.size() - static_cast<size_t>(out_dim + kept);
  return {base, head(out, cut).vec(), IntArrayRef(out).slice(cut).vec()};
}

TransformedDistribution::TransformedDistribution(Layout layout, std::vector<Transform> transforms,
                                                 Validate validate)
    : Distribution(std::move(layout.batch), std::move(layout.event), validate),
      base_(std::move(layout.base)),
      transforms_(std::move(transforms)) {}
TransformedDistribution::TransformedDistribution(DistributionPtr base, std::vector<Transform> transforms,
                                                 Validate validate)
    : TransformedDistribution(lay_out(std::move(base), transforms), transforms, validate) {}

void TransformedDistribution::expand_parameters(IntArrayRef batch_shape) {
  base_ = base_->expanded(base_batch_shape(transforms_, join(batch_shape, event_shape_), *base_));
  Distribution::expand_parameters(batch_shape);
}
TransformedDistribution TransformedDistribution::expand(IntArrayRef batch_shape) const {
  TransformedDistribution copy(*this);
  copy.expand_parameters(batch_shape);
  return copy;
}
DistributionPtr TransformedDistribution::expanded(IntArrayRef batch_shape) const {
  return std::make_shared<TransformedDistribution>(expand(batch_shape));
}

Constraint TransformedDistribution::support() const {
  if (transforms_.empty()) return base_->support();
  Constraint last = transforms_.back().codomain();
  const int64_t extra = static_cast<int64_t>(event_shape_.size()) - last.event_dim();
  return extra > 0 ? constraints::independent(std::move(last), extra) : last;
}

Tensor TransformedDistribution::run(Tensor x) const {
  for (const Transform& t : transforms_) x = t(x);
  return x;
}
Tensor TransformedDistribution::sample(IntArrayRef shape) const {
  const NoGradGuard no_grad;
  return run(base_->sample(shape));
}
Tensor TransformedDistribution::rsample(IntArrayRef shape) const { return run(base_->rsample(shape)); }

Tensor TransformedDistribution::log_prob(const Tensor& value) const {
  checked(value);
  auto event_dim = static_cast<int64_t>(event_shape_.size());
  Tensor log_volume, y = value;
  for (size_t i = transforms_.size(); i-- > 0;) {
    const Transform& t = transforms_[i];
    const Tensor x = t.inv()(y);
    const int64_t in_dim = t.domain().event_dim();
    event_dim += in_dim - t.codomain().event_dim();
    const Tensor slope = sum_rightmost(t.log_abs_det_jacobian(x, y), event_dim - in_dim);
    log_volume = log_volume.defined() ? log_volume + slope : slope + 0.0;
    y = x;
  }
  const Tensor density = base_->log_prob(y);
  const Tensor total = sum_rightmost(density, event_dim - static_cast<int64_t>(base_->event_shape().size()));
  return log_volume.defined() ? total - log_volume : total - 0.0;
}

namespace {
/// p where the transforms rise, 1 - p where they fall.
Tensor flip(const std::vector<Transform>& transforms, const Tensor& p) {
  double sign = 1;
  Tensor signs;
  for (const Transform& t : transforms) {
    const Value s = t.sign();
    if (!s.is_tensor() && !signs.defined()) {
      sign *= s.number().to_double();
    } else if (!signs.defined()) {
      signs = s.tensor() * sign;
    } else {
      signs = signs.mul(s);
    }
  }
  if (!signs.defined()) {
    if (sign == 1) return p;
    return (p - 0.5) * Scalar(static_cast<int64_t>(sign)) + 0.5;
  }
  return signs * (p - 0.5) + 0.5;
}
}  // namespace

Tensor TransformedDistribution::cdf(const Tensor& value) const {
  checked(value);
  Tensor x = value;
  for (size_t i = transforms_.size(); i-- > 0;) x = transforms_[i].inv()(x);
  return flip(transforms_, base_->cdf(x));
}
Tensor TransformedDistribution::icdf(const Tensor& value) const {
  return run(base_->icdf(flip(transforms_, value)));
}

}  // namespace rustorch::distributions
