// Transforms of every element by itself, and of the shape of an event.
#include <cmath>

#include "distributions/helpers.h"
#include "distributions/transform_of.h"
#include "rustorch/special.h"

namespace rustorch::distributions {

Tensor clipped_sigmoid(const Tensor& x) {
  return sigmoid(x).clamp(Scalar(tiny_of(x)), Scalar(1 - eps_of(x)));
}

namespace {
/// A rising bijection of real numbers.
template <class Derived>
struct Increasing : TransformOf<Derived> {
  using TransformOf<Derived>::TransformOf;
  Constraint domain() const override { return constraints::real(); }
  Constraint codomain() const override { return constraints::positive(); }
  bool bijective() const override { return true; }
  Value sign() const override { return 1; }
};

struct ExpImpl final : Increasing<ExpImpl> {
  using Increasing::Increasing;
  std::string type_name() const override { return "ExpTransform"; }
  Tensor call(const Tensor& x) const override { return x.exp(); }
  Tensor inverse(const Tensor& y) const override { return y.log(); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override { return x; }
};

struct SigmoidImpl final : Increasing<SigmoidImpl> {
  using Increasing::Increasing;
  std::string type_name() const override { return "SigmoidTransform"; }
  Constraint codomain() const override { return constraints::unit_interval(); }
  Tensor call(const Tensor& x) const override { return clipped_sigmoid(x); }
  Tensor inverse(const Tensor& y) const override {
    const Tensor inside = y.clamp(Scalar(tiny_of(y)), Scalar(1 - eps_of(y)));
    const Tensor top = inside.log();
    return top - inside.neg().log1p();
  }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    const Tensor below = softplus(x.neg()).neg();
    return below - softplus(x);
  }
};

struct SoftplusImpl final : Increasing<SoftplusImpl> {
  using Increasing::Increasing;
  std::string type_name() const override { return "SoftplusTransform"; }
  Tensor call(const Tensor& x) const override { return softplus(x); }
  Tensor inverse(const Tensor& y) const override { return y.neg().expm1().neg().log() + y; }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    return softplus(x.neg()).neg();
  }
};

struct TanhImpl final : Increasing<TanhImpl> {
  using Increasing::Increasing;
  std::string type_name() const override { return "TanhTransform"; }
  Constraint codomain() const override { return constraints::interval(-1.0, 1.0); }
  Tensor call(const Tensor& x) const override { return x.tanh(); }
  Tensor inverse(const Tensor& y) const override { return y.atanh(); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    const Tensor below = minus(std::log(2.0), x);
    return (below - softplus(x * -2)) * 2;
  }
};

struct AbsImpl final : TransformOf<AbsImpl> {
  using TransformOf::TransformOf;
  std::string type_name() const override { return "AbsTransform"; }
  Constraint domain() const override { return constraints::real(); }
  Constraint codomain() const override { return constraints::positive(); }
  Tensor call(const Tensor& x) const override { return x.abs(); }
  Tensor inverse(const Tensor& y) const override { return y; }
};

struct PowerImpl final : TransformOf<PowerImpl> {
  PowerImpl(const Value& exponent, int64_t cache_size)
      : TransformOf(cache_size), exponent(broadcast_all({exponent})[0]) {}
  std::string type_name() const override { return "PowerTransform"; }
  Constraint domain() const override { return constraints::positive(); }
  Constraint codomain() const override { return constraints::positive(); }
  bool bijective() const override { return true; }
  Value sign() const override { return exponent.sign(); }
  bool equal(const TransformImpl& other) const override {
    return exponent.eq(static_cast<const PowerImpl&>(other).exponent).all().item<bool>();
  }
  Tensor call(const Tensor& x) const override { return x.pow(exponent); }
  Tensor inverse(const Tensor& y) const override { return y.pow(over(1, exponent)); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    return (exponent * y / x).abs().log();
  }
  Shape forward_shape(IntArrayRef shape) const override {
    return broadcast_shapes({shape, exponent.sizes()});
  }
  Shape inverse_shape(IntArrayRef shape) const override { return forward_shape(shape); }
  Tensor exponent;
};

struct AffineImpl final : TransformOf<AffineImpl> {
  AffineImpl(Value l, Value s, int64_t n, int64_t cache_size)
      : TransformOf(cache_size), loc(std::move(l)), scale(std::move(s)), events(n) {}
  std::string type_name() const override { return "AffineTransform"; }
  Constraint domain() const override {
    return events == 0 ? constraints::real() : constraints::independent(constraints::real(), events);
  }
  Constraint codomain() const override { return domain(); }
  bool bijective() const override { return true; }
  bool equal(const TransformImpl& other) const override {
    const auto& o = static_cast<const AffineImpl&>(other);
    return loc.equal(o.loc) && scale.equal(o.scale);
  }
  Value sign() const override {
    if (scale.is_tensor()) return scale.tensor().sign();
    const double s = scale.number().to_double();
    return (s > 0 ? 1 : 0) - (s < 0 ? 1 : 0);
  }
  Tensor call(const Tensor& x) const override {
    const Tensor scaled = scale.is_tensor() ? scale.tensor().mul(x) : x.mul(scale);
    return loc.is_tensor() ? loc.tensor().add(scaled) : scaled.add(loc);
  }
  Tensor inverse(const Tensor& y) const override { return y.sub(loc).div(scale); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    Tensor result;
    if (scale.is_tensor()) {
      result = scale.tensor().abs().log();
    } else {
      result = full_like(x, Scalar(std::log(std::abs(scale.number().to_double()))));
    }
    IntArrayRef shape = x.sizes();
    if (events > 0) {
      const auto n = static_cast<size_t>(events), dims = static_cast<size_t>(result.dim());
      const IntArrayRef lead = head(result.sizes(), dims > n ? dims - n : 0);
      const Shape wide = join(lead, shape.slice(shape.size() - n));
      result = sum_rightmost(result.expand(wide), events);
      shape = without(shape, n);
    }
    return result.expand(shape);
  }
  Shape forward_shape(IntArrayRef shape) const override {
    const auto sizes = [](const Value& v) { return v.is_tensor() ? v.tensor().sizes() : IntArrayRef(); };
    return broadcast_shapes({shape, sizes(loc), sizes(scale)});
  }
  Shape inverse_shape(IntArrayRef shape) const override { return forward_shape(shape); }
  Value loc, scale;
  int64_t events;
};

struct CumulativeImpl final : TransformOf<CumulativeImpl> {
  CumulativeImpl(DistributionPtr d, int64_t cache_size)
      : TransformOf(cache_size), distribution(std::move(d)) {}
  std::string type_name() const override { return "CumulativeDistributionTransform"; }
  Constraint domain() const override { return distribution->support(); }
  Constraint codomain() const override { return constraints::unit_interval(); }
  bool bijective() const override { return true; }
  Value sign() const override { return 1; }
  bool equal(const TransformImpl& other) const override { return this == &other; }
  Tensor call(const Tensor& x) const override { return distribution->cdf(x); }
  Tensor inverse(const Tensor& y) const override { return distribution->icdf(y); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    return distribution->log_prob(x);
  }
  DistributionPtr distribution;
};

struct ReshapeImpl final : TransformOf<ReshapeImpl> {
  ReshapeImpl(Shape from, Shape to, int64_t cache_size)
      : TransformOf(cache_size), in_shape(std::move(from)), out_shape(std::move(to)) {
    const auto count = [](const Shape& shape) {
      int64_t n = 1;
      for (const int64_t s : shape) n *= s;
      return n;
    };
    require(count(in_shape) == count(out_shape), "ReshapeTransform",
            "in_shape, out_shape have different numbers of elements");
  }
  std::string type_name() const override { return "ReshapeTransform"; }
  Constraint domain() const override { return of(in_shape); }
  Constraint codomain() const override { return of(out_shape); }
  bool bijective() const override { return true; }
  bool equal(const TransformImpl& other) const override { return this == &other; }
  Tensor call(const Tensor& x) const override { return x.reshape(forward_shape(x.sizes())); }
  Tensor inverse(const Tensor& y) const override { return y.reshape(inverse_shape(y.sizes())); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor&) const override {
    return x.new_zeros(without(x.sizes(), in_shape.size()));
  }
  Shape forward_shape(IntArrayRef shape) const override { return replaced(shape, in_shape, out_shape); }
  Shape inverse_shape(IntArrayRef shape) const override { return replaced(shape, out_shape, in_shape); }
  static Constraint of(const Shape& shape) {
    return constraints::independent(constraints::real(), static_cast<int64_t>(shape.size()));
  }
  static Shape replaced(IntArrayRef shape, const Shape& from, const Shape& to) {
    require(shape.size() >= from.size(), "ReshapeTransform", "Too few dimensions on input");
    const IntArrayRef end = shape.slice(shape.size() - from.size());
    RT_CHECK(end == IntArrayRef(from), Value, "ReshapeTransform", "Shape mismatch: expected ", end,
             " but got ", from);
    return join(without(shape, from.size()), to);
  }
  Shape in_shape, out_shape;
};
}  // namespace

RT_TRANSFORM(ExpTransform, ExpImpl)
RT_TRANSFORM(SigmoidTransform, SigmoidImpl)
RT_TRANSFORM(SoftplusTransform, SoftplusImpl)
RT_TRANSFORM(TanhTransform, TanhImpl)
RT_TRANSFORM(AbsTransform, AbsImpl)
PowerTransform::PowerTransform(const Value& exponent, int64_t cache_size)
    : Transform(std::make_shared<PowerImpl>(exponent, cache_size)) {}
AffineTransform::AffineTransform(const Value& loc, const Value& scale, int64_t event_dim, int64_t cache_size)
    : Transform(std::make_shared<AffineImpl>(loc, scale, event_dim, cache_size)) {}
CumulativeDistributionTransform::CumulativeDistributionTransform(DistributionPtr distribution,
                                                                 int64_t cache_size)
    : Transform(std::make_shared<CumulativeImpl>(std::move(distribution), cache_size)) {}
ReshapeTransform::ReshapeTransform(Shape in_shape, Shape out_shape, int64_t cache_size)
    : Transform(std::make_shared<ReshapeImpl>(std::move(in_shape), std::move(out_shape), cache_size)) {}

}  // namespace rustorch::distributions
