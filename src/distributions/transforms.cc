// The base of transforms, and those made of others: inverse, composition, independent, parts of a tensor.
#include "rustorch/distributions/transforms.h"

#include <algorithm>
#include <typeinfo>

#include "distributions/helpers.h"

namespace rustorch::distributions {

namespace {
using Impl = std::shared_ptr<const TransformImpl>;

[[noreturn]] void missing(const TransformImpl& t, const char* what) {
  raise(ErrorKind::NotImplemented, t.type_name(), rustorch::cat("the transform has no ", what));
}
}  // namespace

// ---- base

TransformImpl::TransformImpl(int64_t cache_size) { set_cache_size(cache_size); }
TransformImpl::TransformImpl(const TransformImpl& other)
    : std::enable_shared_from_this<TransformImpl>(other), cache_size_(other.cache_size_) {}
TransformImpl::~TransformImpl() = default;

void TransformImpl::set_cache_size(int64_t n) {
  require(n == 0 || n == 1, "Transform", "cache_size must be 0 or 1");
  cache_size_ = n;
}
Value TransformImpl::sign() const { missing(*this, "sign"); }
Tensor TransformImpl::log_abs_det_jacobian(const Tensor&, const Tensor&) const {
  missing(*this, "log_abs_det_jacobian");
}
bool TransformImpl::equal(const TransformImpl&) const { return true; }
Transform TransformImpl::with_cache(int64_t cache_size) const {
  if (cache_size == cache_size_) return Transform(shared_from_this());
  raise(ErrorKind::NotImplemented, type_name(), "with_cache() is not implemented");
}
Tensor TransformImpl::call(const Tensor&) const { missing(*this, "call"); }
Tensor TransformImpl::inverse(const Tensor&) const { missing(*this, "inverse"); }

int64_t TransformImpl::event_dim() const {
  const int64_t in = domain().event_dim();
  require(in == codomain().event_dim(), "Transform",
          "Please use either .domain.event_dim or .codomain.event_dim");
  return in;
}

Tensor TransformImpl::forward(const Tensor& x) const {
  if (cache_size_ == 0) return call(x);
  if (cached_x_.defined() && x.is_same(cached_x_)) return cached_y_;
  Tensor y = call(x);
  cached_x_ = x;
  cached_y_ = y;
  return y;
}

Tensor TransformImpl::backward(const Tensor& y) const {
  if (cache_size_ == 0) return inverse(y);
  if (cached_y_.defined() && y.is_same(cached_y_)) return cached_x_;
  Tensor x = inverse(y);
  cached_x_ = x;
  cached_y_ = y;
  return x;
}

bool operator==(const Transform& a, const Transform& b) {
  return a.impl_ == b.impl_ || (typeid(*a.impl_) == typeid(*b.impl_) && a.impl_->equal(*b.impl_));
}

// ---- inverse

namespace {
class InverseImpl final : public TransformImpl {
 public:
  explicit InverseImpl(Transform of) : TransformImpl(of.impl().cache_size()), of_(std::move(of)) {}
  std::string type_name() const override { return "_InverseTransform"; }
  std::string str() const override { return "_InverseTransform(" + of_.str() + ")"; }
  Constraint domain() const override { return of_.codomain(); }
  Constraint codomain() const override { return of_.domain(); }
  bool bijective() const override { return of_.bijective(); }
  Value sign() const override { return of_.sign(); }
  Transform inv() const override { return of_; }
  Transform with_cache(int64_t n) const override { return of_.with_cache(n).inv(); }
  bool equal(const TransformImpl& other) const override {
    return of_ == static_cast<const InverseImpl&>(other).of_;
  }
  Tensor forward(const Tensor& x) const override { return of_.impl().backward(x); }
  Tensor backward(const Tensor& y) const override { return of_(y); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    return of_.log_abs_det_jacobian(y, x).neg();
  }
  Shape forward_shape(IntArrayRef shape) const override { return of_.inverse_shape(shape); }
  Shape inverse_shape(IntArrayRef shape) const override { return of_.forward_shape(shape); }

 private:
  Transform of_;
};
}  // namespace

Transform TransformImpl::inv() const {
  return Transform(std::make_shared<InverseImpl>(Transform(shared_from_this())));
}

// ---- composition

namespace {
class ComposeImpl final : public TransformImpl {
 public:
  ComposeImpl(std::vector<Transform> parts, int64_t cache_size)
      : TransformImpl(cache_size), parts_(std::move(parts)) {
    if (cache_size == 0) return;
    for (Transform& part : parts_) part = part.with_cache(cache_size);
  }
  std::string type_name() const override { return "ComposeTransform"; }
  std::string str() const override {
    std::string inside;
    for (const Transform& part : parts_) inside += (inside.empty() ? "" : ",\n    ") + part.str();
    return "ComposeTransform(\n    " + inside + "\n)";
  }
  Constraint domain() const override { return end_of(parts_.begin(), parts_.end(), parts_.rbegin(), true); }
  Constraint codomain() const override {
    return end_of(parts_.rbegin(), parts_.rend(), parts_.begin(), false);
  }
  bool bijective() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const Transform& t) { return t.bijective(); });
  }
  Value sign() const override {
    Value all(static_cast<int64_t>(1));
    for (const Transform& part : parts_) {
      const Value s = part.sign();
      if (all.is_tensor()) {
        all = all.tensor().mul(s);
      } else if (s.is_tensor()) {
        all = s.tensor().mul(all);
      } else {
        all = Value(all.number().to_int() * s.number().to_int());
      }
    }
    return all;
  }
  bool equal(const TransformImpl& other) const override {
    return parts_ == static_cast<const ComposeImpl&>(other).parts_;
  }
  Transform with_cache(int64_t n) const override {
    if (n == cache_size()) return Transform(shared_from_this());
    return ComposeTransform(parts_, n);
  }
  Transform inv() const override {
    std::vector<Transform> reversed;
    for (size_t i = parts_.size(); i-- > 0;) reversed.push_back(parts_[i].inv());
    return ComposeTransform(std::move(reversed));
  }
  Tensor forward(const Tensor& x) const override {
    Tensor y = x;
    for (const Transform& part : parts_) y = part(y);
    return y;
  }
  Tensor backward(const Tensor& y) const override {
    Tensor x = y;
    for (size_t i = parts_.size(); i-- > 0;) x = parts_[i].inv()(x);
    return x;
  }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    if (parts_.empty()) return x.new_zeros(x.sizes());
    std::vector<Tensor> points = {x};
    for (size_t i = 0; i + 1 < parts_.size(); ++i) points.push_back(parts_[i](points.back()));
    points.push_back(y);
    int64_t event_dim = domain().event_dim();
    Tensor total;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const int64_t in = parts_[i].domain().event_dim();
      const Tensor slope = parts_[i].log_abs_det_jacobian(points[i], points[i + 1]);
      const Tensor term = sum_rightmost(slope, event_dim - in);
      total = total.defined() ? total + term : term;
      event_dim += parts_[i].codomain().event_dim() - in;
    }
    return total;
  }
  Shape forward_shape(IntArrayRef shape) const override {
    Shape out = shape.vec();
    for (const Transform& part : parts_) out = part.forward_shape(out);
    return out;
  }
  Shape inverse_shape(IntArrayRef shape) const override {
    Shape out = shape.vec();
    for (size_t i = parts_.size(); i-- > 0;) out = parts_[i].inverse_shape(out);
    return out;
  }

 private:
  /// The constraint at one end, with as many event dimensions as the parts add up to. `from` walks from the
  /// other end.
  template <class It, class Back>
  Constraint end_of(It first, It last, Back from, bool at_start) const {
    if (first == last) return constraints::real();
    const auto near = [&](const Transform& t) { return (at_start ? t.domain() : t.codomain()).event_dim(); };
    const auto far = [&](const Transform& t) { return (at_start ? t.codomain() : t.domain()).event_dim(); };
    int64_t event_dim = far(*from);
    for (size_t i = 0; i < parts_.size(); ++i, ++from) {
      event_dim = std::max(event_dim + near(*from) - far(*from), near(*from));
    }
    Constraint own = at_start ? first->domain() : first->codomain();
    const int64_t extra = event_dim - own.event_dim();
    return extra > 0 ? constraints::independent(std::move(own), extra) : own;
  }
  std::vector<Transform> parts_;
};

// ---- independent

class IndependentImpl final : public TransformImpl {
 public:
  IndependentImpl(const Transform& base, int64_t n, int64_t cache_size)
      : TransformImpl(cache_size), base_(base.with_cache(cache_size)), n_(n) {}
  std::string type_name() const override { return "IndependentTransform"; }
  std::string str() const override {
    return rustorch::cat("IndependentTransform(", base_.str(), ", ", n_, ")");
  }
  Constraint domain() const override { return constraints::independent(base_.domain(), n_); }
  Constraint codomain() const override { return constraints::independent(base_.codomain(), n_); }
  bool bijective() const override { return base_.bijective(); }
  Value sign() const override { return base_.sign(); }
  bool equal(const TransformImpl& other) const override { return this == &other; }
  Transform with_cache(int64_t n) const override {
    return n == cache_size() ? Transform(shared_from_this()) : IndependentTransform(base_, n_, n);
  }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    return sum_rightmost(base_.log_abs_det_jacobian(x, y), n_);
  }
  Shape forward_shape(IntArrayRef shape) const override { return base_.forward_shape(shape); }
  Shape inverse_shape(IntArrayRef shape) const override { return base_.inverse_shape(shape); }

 protected:
  Tensor call(const Tensor& x) const override {
    require(x.dim() >= domain().event_dim(), "Transform", "Too few dimensions on input");
    return base_(x);
  }
  Tensor inverse(const Tensor& y) const override {
    require(y.dim() >= codomain().event_dim(), "Transform", "Too few dimensions on input");
    return base_.inv()(y);
  }

 private:
  Transform base_;
  int64_t n_;
};

// ---- parts of a tensor

/// Transforms of the parts of a tensor along a dimension: stretches of given lengths, or slices.
class PartsImpl final : public TransformImpl {
 public:
  PartsImpl(std::vector<Transform> tseq, int64_t dim, bool stacked, Shape lengths, int64_t cache_size)
      : TransformImpl(cache_size),
        parts_(std::move(tseq)),
        dim_(dim),
        stacked_(stacked),
        lengths_(std::move(lengths)) {
    if (lengths_.empty()) lengths_.assign(parts_.size(), 1);
    RT_CHECK(lengths_.size() == parts_.size(), Value, type_name(), "Expected ", parts_.size(),
             " lengths, got ", lengths_.size());
    if (cache_size == 0) return;
    for (Transform& part : parts_) part = part.with_cache(cache_size);
  }
  std::string type_name() const override { return stacked_ ? "StackTransform" : "CatTransform"; }
  Constraint domain() const override {
    return joined([](const Transform& t) { return t.domain(); });
  }
  Constraint codomain() const override {
    return joined([](const Transform& t) { return t.codomain(); });
  }
  bool bijective() const override {
    return std::all_of(parts_.begin(), parts_.end(), [](const Transform& t) { return t.bijective(); });
  }
  bool equal(const TransformImpl& other) const override { return this == &other; }
  int64_t event_dim() const override {
    if (stacked_) return TransformImpl::event_dim();
    int64_t widest = 0;
    for (const Transform& t : parts_) widest = std::max(widest, t.event_dim());
    return widest;
  }
  Transform with_cache(int64_t n) const override {
    if (n == cache_size()) return Transform(shared_from_this());
    return Transform(std::make_shared<PartsImpl>(parts_, dim_, stacked_, lengths_, n));
  }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const override {
    const std::vector<Tensor> xs = split(x), ys = split(y);
    std::vector<Tensor> terms;
    for (size_t i = 0; i < parts_.size(); ++i) {
      const Tensor slope = parts_[i].log_abs_det_jacobian(xs[i], ys[i]);
      terms.push_back(stacked_ ? slope : sum_rightmost(slope, event_dim() - parts_[i].event_dim()));
    }
    if (stacked_) return rustorch::stack(terms, dim_);
    const int64_t dim = (dim_ < 0 ? dim_ : dim_ - x.dim()) + event_dim();
    if (dim < 0) return rustorch::cat(TensorList(terms), dim);
    Tensor total = terms[0];
    for (size_t i = 1; i < terms.size(); ++i) total = total + terms[i];
    return total;
  }

 protected:
  Tensor call(const Tensor& x) const override {
    return apply(x, [](const Transform& t, const Tensor& part) { return t(part); });
  }
  Tensor inverse(const Tensor& y) const override {
    return apply(y, [](const Transform& t, const Tensor& part) { return t.inv()(part); });
  }

 private:
  template <class F>
  Constraint joined(F&& f) const {
    std::vector<Constraint> all;
    for (const Transform& t : parts_) all.push_back(f(t));
    return stacked_ ? constraints::stack(std::move(all), dim_)
                    : constraints::cat(std::move(all), dim_, lengths_);
  }
  std::vector<Tensor> split(const Tensor& value) const {
    RT_CHECK(-value.dim() <= dim_ && dim_ < value.dim(), Value, type_name(), "dim ", dim_,
             " out of range for a value with ", value.dim(), " dimensions");
    int64_t size = 0;
    for (const int64_t n : lengths_) size += n;
    RT_CHECK(value.size(dim_) == size, Value, type_name(), "Size ", value.size(dim_), " of dim ", dim_,
             " differs from length ", size);
    return stacked_ ? value.unbind(dim_) : value.split_with_sizes(lengths_, dim_);
  }
  template <class F>
  Tensor apply(const Tensor& value, F&& f) const {
    std::vector<Tensor> out = split(value);
    for (size_t i = 0; i < out.size(); ++i) out[i] = f(parts_[i], out[i]);
    return stacked_ ? rustorch::stack(out, dim_) : rustorch::cat(TensorList(out), dim_);
  }
  std::vector<Transform> parts_;
  int64_t dim_;
  bool stacked_;
  Shape lengths_;
};
}  // namespace

ComposeTransform::ComposeTransform(std::vector<Transform> parts, int64_t cache_size)
    : Transform(std::make_shared<ComposeImpl>(std::move(parts), cache_size)) {}
IndependentTransform::IndependentTransform(const Transform& base, int64_t n, int64_t cache_size)
    : Transform(std::make_shared<IndependentImpl>(base, n, cache_size)) {}
CatTransform::CatTransform(std::vector<Transform> tseq, int64_t dim, Shape lengths, int64_t cache_size)
    : Transform(std::make_shared<PartsImpl>(std::move(tseq), dim, false, std::move(lengths), cache_size)) {}
StackTransform::StackTransform(std::vector<Transform> tseq, int64_t dim, int64_t cache_size)
    : Transform(std::make_shared<PartsImpl>(std::move(tseq), dim, true, Shape(), cache_size)) {}
Transform identity_transform() { return ComposeTransform(std::vector<Transform>()); }

// ---- from constraints to transforms

namespace {
Transform then_affine(const Transform& first, const Value& loc, const Value& scale) {
  return ComposeTransform({first, AffineTransform(loc, scale)});
}

Value difference(const Value& a, const Value& b) {
  if (a.is_tensor()) return a.tensor().sub(b);
  if (b.is_tensor()) return minus(a.number(), b.tensor());
  return a.number().to_double() - b.number().to_double();
}

Transform between(const Constraint& c) {
  const Value &low = c.lower_bound(), &high = c.upper_bound();
  const bool numbers = !low.is_tensor() && !high.is_tensor();
  if (numbers && low.number().equal(0) && high.number().equal(1)) return SigmoidTransform();
  return then_affine(SigmoidTransform(), low, difference(high, low));
}

/// What the two registries share; f is the registry itself, for the parts.
Transform make(const Constraint& c, bool bijective, Transform (*f)(const Constraint&)) {
  using Kind = Constraint::Kind;
  std::vector<Transform> parts;
  switch (c.kind()) {
    case Kind::Real:
      return identity_transform();
    case Kind::GreaterThan:
    case Kind::GreaterThanEq:
      return then_affine(ExpTransform(), c.lower_bound(), 1);
    case Kind::LessThan:
      return then_affine(ExpTransform(), c.upper_bound(), -1);
    case Kind::Interval:
    case Kind::HalfOpenInterval:
      return between(c);
    case Kind::CorrCholesky:
      return CorrCholeskyTransform();
    case Kind::Simplex:
      if (bijective) return StickBreakingTransform();
      return SoftmaxTransform();
    case Kind::LowerCholesky:
      if (!bijective) return LowerCholeskyTransform();
      break;
    case Kind::PositiveSemidefinite:
    case Kind::PositiveDefinite:
      if (!bijective) return PositiveDefiniteTransform();
      break;
    case Kind::Independent:
      return IndependentTransform(f(c.base_constraint()), c.reinterpreted_batch_ndims());
    case Kind::Cat:
    case Kind::Stack:
      for (const Constraint& part : c.cseq()) parts.push_back(f(part));
      if (c.kind() == Kind::Cat) return CatTransform(std::move(parts), c.dim(), c.lengths());
      return StackTransform(std::move(parts), c.dim());
    default:
      break;
  }
  raise(ErrorKind::NotImplemented, bijective ? "biject_to" : "transform_to",
        rustorch::cat("Cannot transform ", c.str(), " constraints"));
}
}  // namespace

Transform biject_to(const Constraint& constraint) { return make(constraint, true, biject_to); }
Transform transform_to(const Constraint& constraint) { return make(constraint, false, transform_to); }

}  // namespace rustorch::distributions
