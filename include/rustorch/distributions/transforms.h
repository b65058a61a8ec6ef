// Transforms: differentiable maps between random variables, with inverse and log determinant of the Jacobian.
//
//   const Transform t = ComposeTransform({ExpTransform(), AffineTransform(1.0, 2.0)});
//   Tensor y = t(x), back = t.inv()(y), slope = t.log_abs_det_jacobian(x, y);
//
// A Transform is a handle; copies share the map. A map of one's own derives from TransformImpl. With
// cache_size = 1 a map keeps its last pair (x, y) and is then for one thread at a time.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "rustorch/distributions/distribution.h"

namespace rustorch::distributions {

class Transform;

/// What a transform does.
class TransformImpl : public std::enable_shared_from_this<TransformImpl> {
 public:
  explicit TransformImpl(int64_t cache_size = 0);
  TransformImpl(const TransformImpl& other);
  virtual ~TransformImpl();
  virtual std::string type_name() const = 0;
  virtual std::string str() const { return type_name() + "()"; }
  virtual Constraint domain() const = 0;
  virtual Constraint codomain() const = 0;
  virtual bool bijective() const { return false; }
  /// 1 where a map of numbers rises, -1 where it falls. Throws NotImplemented unless overridden.
  virtual Value sign() const;
  virtual Shape forward_shape(IntArrayRef shape) const { return shape.vec(); }
  virtual Shape inverse_shape(IntArrayRef shape) const { return shape.vec(); }
  /// log |dy/dx| for y = f(x), summed over the dimensions of an event.
  virtual Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const;
  /// Whether the other map, of the same class, is the same; maps without parameters are.
  virtual bool equal(const TransformImpl& other) const;
  /// The same map with another cache; `std::make_shared<Self>(*this)` and set_cache_size().
  virtual Transform with_cache(int64_t cache_size) const;
  virtual Transform inv() const;
  /// The number of event dimensions, where input and output agree on it. Throws Value.
  virtual int64_t event_dim() const;

  /// f(x) and its inverse, by the cache where there is one.
  virtual Tensor forward(const Tensor& x) const;
  virtual Tensor backward(const Tensor& y) const;
  int64_t cache_size() const { return cache_size_; }
  void set_cache_size(int64_t n);

 protected:
  virtual Tensor call(const Tensor& x) const;
  virtual Tensor inverse(const Tensor& y) const;

 private:
  int64_t cache_size_;
  mutable Tensor cached_x_, cached_y_;
};

class Transform {
 public:
  Transform(std::shared_ptr<const TransformImpl> impl) : impl_(std::move(impl)) {}
  /// y = f(x).
  Tensor operator()(const Tensor& x) const { return impl_->forward(x); }
  Transform inv() const { return impl_->inv(); }
  Tensor log_abs_det_jacobian(const Tensor& x, const Tensor& y) const {
    return impl_->log_abs_det_jacobian(x, y);
  }
  Constraint domain() const { return impl_->domain(); }
  Constraint codomain() const { return impl_->codomain(); }
  bool bijective() const { return impl_->bijective(); }
  Value sign() const { return impl_->sign(); }
  int64_t event_dim() const { return impl_->event_dim(); }
  Shape forward_shape(IntArrayRef shape) const { return impl_->forward_shape(shape); }
  Shape inverse_shape(IntArrayRef shape) const { return impl_->inverse_shape(shape); }
  Transform with_cache(int64_t cache_size = 1) const { return impl_->with_cache(cache_size); }
  std::string str() const { return impl_->str(); }
  const TransformImpl& impl() const { return *impl_; }
  friend bool operator==(const Transform& a, const Transform& b);

 private:
  std::shared_ptr<const TransformImpl> impl_;
};

/// y = exp(x).
struct ExpTransform : Transform {
  explicit ExpTransform(int64_t cache_size = 0);
};
/// y = 1 / (1 + exp(-x)).
struct SigmoidTransform : Transform {
  explicit SigmoidTransform(int64_t cache_size = 0);
};
/// y = log(1 + exp(x)).
struct SoftplusTransform : Transform {
  explicit SoftplusTransform(int64_t cache_size = 0);
};
/// y = tanh(x).
struct TanhTransform : Transform {
  explicit TanhTransform(int64_t cache_size = 0);
};
/// y = |x|; the inverse is the positive one.
struct AbsTransform : Transform {
  explicit AbsTransform(int64_t cache_size = 0);
};
/// y = x ** exponent of positive numbers.
struct PowerTransform : Transform {
  explicit PowerTransform(const Value& exponent, int64_t cache_size = 0);
};
/// y = loc + scale * x; the last event_dim dimensions form one event.
struct AffineTransform : Transform {
  AffineTransform(const Value& loc, const Value& scale, int64_t event_dim = 0, int64_t cache_size = 0);
};
/// y = cdf(x) of a distribution of numbers, which makes it uniform on [0, 1].
struct CumulativeDistributionTransform : Transform {
  explicit CumulativeDistributionTransform(DistributionPtr distribution, int64_t cache_size = 0);
  template <class D>
  requires std::is_base_of_v<Distribution, D>
  explicit CumulativeDistributionTransform(const D& distribution, int64_t cache_size = 0)
      : CumulativeDistributionTransform(std::make_shared<D>(distribution), cache_size) {}
};
/// Another shape for the same elements of an event.
struct ReshapeTransform : Transform {
  ReshapeTransform(Shape in_shape, Shape out_shape, int64_t cache_size = 0);
};
/// Several transforms, one after the other; none: the identity.
struct ComposeTransform : Transform {
  explicit ComposeTransform(std::vector<Transform> parts, int64_t cache_size = 0);
};
/// A transform of which the last batch dimensions count as dimensions of one event.
struct IndependentTransform : Transform {
  IndependentTransform(const Transform& base, int64_t reinterpreted_batch_ndims, int64_t cache_size = 0);
};
/// y = softmax(x) along the last dimension; not a bijection.
struct SoftmaxTransform : Transform {
  explicit SoftmaxTransform(int64_t cache_size = 0);
};
/// K - 1 real numbers to K probabilities: each is the share that is broken off the rest of a stick.
struct StickBreakingTransform : Transform {
  explicit StickBreakingTransform(int64_t cache_size = 0);
};
/// D (D-1) / 2 real numbers to the Cholesky factor of a D x D correlation matrix.
struct CorrCholeskyTransform : Transform {
  explicit CorrCholeskyTransform(int64_t cache_size = 0);
};
/// A square matrix to a Cholesky factor: its strict lower triangle, and exp of its diagonal.
struct LowerCholeskyTransform : Transform {
  explicit LowerCholeskyTransform(int64_t cache_size = 0);
};
/// A square matrix to a positive-definite one, by way of its Cholesky factor.
struct PositiveDefiniteTransform : Transform {
  explicit PositiveDefiniteTransform(int64_t cache_size = 0);
};
/// Transforms of consecutive stretches of a dimension, of the given lengths (1 each by default).
struct CatTransform : Transform {
  explicit CatTransform(std::vector<Transform> tseq, int64_t dim = 0, Shape lengths = {},
                        int64_t cache_size = 0);
};
/// Transforms of the slices of a dimension.
struct StackTransform : Transform {
  explicit StackTransform(std::vector<Transform> tseq, int64_t dim = 0, int64_t cache_size = 0);
};
/// The transform that changes nothing.
Transform identity_transform();

/// A bijection of unconstrained numbers into the set, for densities. Throws NotImplemented.
Transform biject_to(const Constraint& constraint);
/// A map of unconstrained numbers into the set, for optimizers. Throws NotImplemented.
Transform transform_to(const Constraint& constraint);

}  // namespace rustorch::distributions
