// What the maps of single classes share, and small parts of them that others use.
#pragma once
#include "rustorch/distributions/transforms.h"

namespace rustorch::distributions {

/// Gives a map its with_cache().
template <class Derived>
struct TransformOf : TransformImpl {
  using TransformImpl::TransformImpl;
  Transform with_cache(int64_t cache_size) const override {
    if (cache_size == this->cache_size()) return Transform(shared_from_this());
    auto copy = std::make_shared<Derived>(static_cast<const Derived&>(*this));
    copy->set_cache_size(cache_size);
    return Transform(copy);
  }
};

/// The constructor of a map without parameters.
#define RT_TRANSFORM(Name, Impl) \
  Name::Name(int64_t cache_size) : Transform(std::make_shared<Impl>(cache_size)) {}

/// sigmoid(x), kept inside (0, 1).
Tensor clipped_sigmoid(const Tensor& x);
/// Lower triangular matrices from vectors of their elements, row by row, and back.
Tensor vec_to_tril_matrix(const Tensor& vec, int64_t diag = 0);
Tensor tril_matrix_to_vec(const Tensor& mat, int64_t diag = 0);

}  // namespace rustorch::distributions
