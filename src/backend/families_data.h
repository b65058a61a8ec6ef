// Calls of the families that create, move and select data. See families.h for the conventions.
#pragma once
#include <cstdint>
#include <optional>

#include "rustorch/scalar.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// out = mask ? value : in; all of one shape (zero strides allowed on in and mask); out may be in.
struct MaskedFillCall {
  Tensor out, in, mask;
  Scalar value;
};

enum class RangeKind : uint8_t { Step, Linspace, Logspace };

/// The 1-d out = a + i * b (Step), from a to b (Linspace), base to the power of that (Logspace).
struct RangeCall {
  Tensor out;
  Scalar a, b;
  RangeKind kind;
  double base = 10;
};

/// out (contiguous) = the upper or lower triangle of the last two dimensions of in, zero elsewhere.
struct TriangleCall {
  Tensor out, in;
  int64_t diagonal;
  bool upper;
};

enum class IndexMode : uint8_t { Get, Put, Add };

/// Positions given by int64 tensors of one shape for the dimensions first_dim ... first_dim + count - 1 of
/// data:
///   values[p..., j..., s...] = data[p..., indices_0[j...], indices_1[j...] ..., s...]   (Get; Put and Add
///   write data)
/// Put and Add take the values in the order of j, whatever the number of threads. Negative indices count from
/// the end; throws Index when one is out of range.
struct IndexCall {
  IndexMode mode;
  Tensor data, values;
  const Tensor* indices;
  int count;
  int64_t first_dim;
  Scalar alpha = 1;               // Add: data += alpha * values
  bool allow_negative = true;     // false: negative positions are errors as well
  const int64_t* dims = nullptr;  // what to call the indexed dimensions in errors; null: first_dim ...
};

/// out[..., i, ...] = in[..., index[..., i, ...], ...] along dim; index and out have one shape.
struct GatherCall {
  Tensor out, in, index;
  int64_t dim;
};

enum class ScatterMode : uint8_t { Write, Add, Multiply, Max, Min };

/// out[..., index[..., i, ...], ...] (mode)= src[..., i, ...] along dim, in the order of i. src is undefined:
/// value.
struct ScatterCall {
  ScatterMode mode;
  Tensor out, index, src;
  Scalar value;
  int64_t dim;
  /// When defined: what out starts from, copied line by line before the updates. Then dim is the last
  /// dimension, out and base are contiguous, and index has a line for each of theirs.
  Tensor base = {};
};

/// The elements of in where the bool mask of the same shape is true, in row-major order: in -> out (1-d).
struct MaskedSelectCall {
  Tensor out, in, mask;
};

/// Consecutive elements of source (contiguous) to the places of out where mask is true, in row-major order.
struct MaskedScatterCall {
  Tensor out, mask, source;
};

enum class RandomKind : uint8_t {
  Uniform,      // [a, b)
  Normal,       // mean a, standard deviation b
  LogNormal,    // exp of that
  Exponential,  // rate a
  Cauchy,       // median a, scale b
  Geometric,    // probability a
  Bernoulli,    // probability a, or that of each element of p
  Integer,      // [low, low + range); range 0: all 2^64
  Poisson,      // rate of each element of p
  Binomial,     // count of each element of p, probability of q
  Gamma,        // shape of each element of p, rate 1
};

/// Fills the contiguous out; element i depends on (seed, offset, i) only. random_blocks() says how many
/// blocks to reserve. p and q, where used, are contiguous of the shape of out and float32 or float64.
struct RandomCall {
  RandomKind kind;
  Tensor out;
  double a = 0, b = 0;
  int64_t low = 0;
  uint64_t range = 0;
  uint64_t seed = 0, offset = 0;
  Tensor p = {}, q = {};
};

enum class FftKind : uint8_t {
  Complex,      // complex -> complex along the dimensions in dim_mask
  RealForward,  // real -> the first n / 2 + 1 numbers of the forward transform along dim
  RealInverse,  // those -> real, the inverse transform along dim, n = size of out there
  Mirror,       // those of a transform of real data along dim_mask -> all n along dim
};

/// Discrete Fourier transforms, times scale; out and in are contiguous and not empty.
struct FftCall {
  FftKind kind;
  Tensor out, in;
  uint64_t dim_mask = 0;
  int64_t dim = 0;
  bool inverse = false;
  double scale = 1;
};

/// out = dx/da of samples x of the gamma distribution of shape a; where total is given, of components x of
/// Dirichlet samples, divided by 1 - x. All contiguous, of one shape, float32 or float64.
struct ImplicitGradCall {
  Tensor out, x, a;
  Tensor total = {};
};

}  // namespace rustorch
