// Bodies of ops/statistics.ops: histograms over grids, quantiles, differences, numerical derivatives and
// membership, composed of sorting, binary search and sums.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/transform_values.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "gen/impl_statistics.h"
#include "ops/dim_array.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/statistics.h"

namespace rustorch::impl {
namespace {

// ---- histograms

using Range = std::optional<ArrayRef<double>>;
using Weight = std::optional<Tensor>;

/// Points [n, dimensions] of self; throws unless it and the weight can be counted.
Tensor points_of(const Tensor& self, const Weight& weight, int64_t dimensions) {
  constexpr const char* kOp = "histogramdd";
  RT_CHECK(self.dim() >= 2, Shape, kOp, "input tensor should have at least 2 dimensions, but got ",
           self.dim());
  RT_CHECK(self.size(-1) == dimensions, Shape, kOp,
           "The size of bins must be equal to the innermost dimension of the input.");
  RT_CHECK(self.dtype() == kFloat32 || self.dtype() == kFloat64, NotImplemented, kOp,
           "\"histogramdd\" not implemented for '", dtype_scalar_name(self.dtype()), "'");
  if (weight) {
    RT_CHECK(
        weight->dtype() == self.dtype(), DType, kOp,
        "if weight tensor is provided, input tensor and weight tensor should have the same dtype, but got "
        "input(",
        self.dtype(), "), and weight(", weight->dtype(), ")");
    const IntArrayRef lead = self.sizes().slice(0, self.sizes().size() - 1);
    RT_CHECK(weight->sizes() == lead, Shape, kOp,
             "if weight tensor is provided it should have the same shape as the input tensor excluding its "
             "innermost dimension, but got input with shape ",
             self.sizes(), " and weight with shape ", weight->sizes());
  }
  return rustorch::reshape(self, {-1, dimensions});
}

/// Edges of bins of equal width for every dimension: over `range`, or over the data.
std::vector<Tensor> even_edges(const Tensor& points, IntArrayRef bins, const Range& range) {
  constexpr const char* kOp = "histogramdd";
  if (range)
    RT_CHECK(range->size() == 2 * bins.size(), Value, kOp, "range should have ", 2 * bins.size(),
             " elements, but got ", range->size());
  std::vector<Tensor> edges;
  for (size_t d = 0; d < bins.size(); ++d) {
    RT_CHECK(bins[d] > 0, Value, kOp, "bins must be > 0, but got ", bins[d], " for dimension ", d);
    double low = 0, high = 1;
    if (range) {
      low = (*range)[2 * d], high = (*range)[2 * d + 1];
    } else if (points.size(0) > 0) {
      const Tensor values = points.select(1, static_cast<int64_t>(d));
      low = values.min().item().to_double(), high = values.max().item().to_double();
    }
    RT_CHECK(std::isfinite(low) && std::isfinite(high), Value, kOp, "dimension ", d, "'s range [", low, ", ",
             high, "] is not finite");
    RT_CHECK(low <= high, Value, kOp, "min should not exceed max, but got min ", low, " max ", high,
             " for dimension ", d);
    if (low == high) low -= 0.5, high += 0.5;
    edges.push_back(rustorch::linspace(low, high, bins[d] + 1, points.dtype(), points.device()));
  }
  return edges;
}

void check_edges(const Tensor& points, TensorList edges) {
  constexpr const char* kOp = "histogramdd";
  for (size_t d = 0; d < edges.size(); ++d) {
    RT_CHECK(edges[d].dtype() == points.dtype(), DType, kOp,
             "input tensor and bins tensors should have the same dtype, but got input with dtype ",
             points.dtype(), " and bins for dimension ", d, " with dtype ", edges[d].dtype());
    RT_CHECK(edges[d].dim() == 1, Shape, kOp, "bins tensor should have one dimension, but got ",
             edges[d].dim(), " dimensions in the bins tensor for dimension ", d);
    RT_CHECK(edges[d].numel() > 0, Shape, kOp, "bins tensor should have at least 1 element, but got ",
             edges[d].numel(), " elements in the bins tensor for dimension ", d);
  }
}

/// Counts (or adds the weights of) the points in every cell of the grid; density divides by sum and volume.
Tensor count_cells(const Tensor& points, TensorList edges, const Weight& weight, bool density) {
  const Device device = points.device();
  DimArray shape;
  int64_t cells = 1;
  for (const Tensor& e : edges) shape.push(e.size(0) - 1), cells *= e.size(0) - 1;
  Tensor inside = rustorch::ones({points.size(0)}, kBool, device);
  Tensor cell = rustorch::zeros({points.size(0)}, kInt64, device);
  for (size_t d = 0; d < edges.size(); ++d) {
    const Tensor x = points.select(1, static_cast<int64_t>(d)).contiguous();
    const Tensor& e = edges[d];
    const int64_t bins = e.size(0) - 1;
    inside = inside.logical_and(x.ge(e.select(0, 0))).logical_and(x.le(e.select(0, bins)));
    const Tensor at = rustorch::searchsorted(e.contiguous(), x, false, true) - 1;
    cell = cell * bins + rustorch::minimum(at, rustorch::full({}, bins - 1, kInt64, device));
  }
  Tensor hist = rustorch::zeros({cells}, points.dtype(), device);
  if (cells > 0 && points.size(0) > 0) {
    cell = cell.masked_select(inside);
    hist = weight ? hist.index_add(0, cell, weight->reshape({-1}).masked_select(inside))
                  : rustorch::bincount(cell, std::nullopt, cells).to(points.dtype());
  }
  hist = hist.reshape(shape.ref());
  if (!density) return hist;
  hist = hist / hist.sum();
  for (size_t d = 0; d < edges.size(); ++d) {
    DimArray along(static_cast<int>(edges.size()), 1);
    along[static_cast<int>(d)] = -1;
    hist = hist / rustorch::diff(edges[d]).reshape(along.ref());
  }
  return hist;
}

// ---- quantiles

enum class Between { Linear, Lower, Higher, Midpoint, Nearest };

Between interpolation_of(const char* op, std::string_view name) {
  if (name == "linear") return Between::Linear;
  if (name == "lower") return Between::Lower;
  if (name == "higher") return Between::Higher;
  if (name == "midpoint") return Between::Midpoint;
  RT_CHECK(name == "nearest", Value, op, op,
           "() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ", name);
  return Between::Nearest;
}

/// The ranks, in sorted rows with nans at their end, that the fractions q lie at: [rows, q].
Tensor ranks_of(const Tensor& sorted, const Tensor& q, bool skip_nan) {
  const int64_t last = sorted.size(-1) - 1;
  if (skip_nan) {
    const Tensor top = sorted.isnan().logical_not().sum(IntArrayRef{-1}, true) - 1;
    return (q * top.to(q.dtype())).clamp_min(0);
  }
  const Tensor top = rustorch::full({}, last, q.dtype(), q.device());
  return rustorch::where(sorted.isnan().any(int64_t{-1}, true), top, q * top);
}

Tensor quantile_of(const char* op, const Tensor& self, const Tensor& q, std::optional<int64_t> dim,
                   bool keepdim, std::string_view interpolation, bool skip_nan) {
  const Between between = interpolation_of(op, interpolation);
  RT_CHECK(self.numel() > 0, Shape, op, op, "() input tensor must be non-empty");
  RT_CHECK(q.dim() < 2, Shape, op, op, "() q must be a scalar or 1D tensor");
  RT_CHECK(self.dtype() == kFloat32 || self.dtype() == kFloat64, DType, op, op,
           "() input tensor must be either float or double dtype");
  RT_CHECK(q.dtype() == self.dtype(), DType, op, op, "() q tensor must be same dtype as the input tensor");
  RT_CHECK(q.device() == self.device(), Device, op, op,
           "() q tensor must be on the same device as the input tensor");
  const Tensor seen = transform_all_values(q);
  RT_CHECK(q.numel() == 0 || seen.ge(0).logical_and(seen.le(1)).all().item().to_bool(), Value, op, op,
           "() q values must be in the range [0, 1]");
  const int64_t d = dim ? wrap_dim(op, *dim, self.dim()) : 0;
  const bool along = dim && self.dim() > 0;
  Tensor rows = along ? self.movedim(d, -1) : self.flatten();
  const Tensor sorted = std::get<0>(rows.sort(-1));
  Tensor ranks = ranks_of(sorted, q.reshape({-1}), skip_nan);
  DimArray shape;
  for (int64_t s : sorted.sizes().slice(0, sorted.sizes().size() - 1)) shape.push(s);
  shape.push(q.numel());
  ranks = ranks.expand(shape.ref());
  if (between == Between::Lower) ranks = ranks.floor();
  if (between == Between::Higher) ranks = ranks.ceil();
  if (between == Between::Nearest) ranks = ranks.round();
  const Tensor below = ranks.to(kInt64);
  Tensor out = sorted.gather(-1, below);
  if (between == Between::Linear || between == Between::Midpoint) {
    const Tensor above = sorted.gather(-1, ranks.ceil().to(kInt64));
    out =
        between == Between::Linear ? out.lerp(above, ranks - below.to(ranks.dtype())) : out.lerp(above, 0.5);
  }
  out = out.movedim(-1, 0);
  if (keepdim && along) out = out.unsqueeze(d + 1);
  if (keepdim && !along)
    for (int64_t i = 0; i < self.dim(); ++i) out = out.unsqueeze(-1);
  return q.dim() == 0 ? out.squeeze(0) : out;
}

Tensor fraction(const char* op, double q, const Tensor& like) {
  RT_CHECK(q >= 0 && q <= 1, Value, op, op, "() q must be in the range [0, 1] but got ", q);
  return rustorch::full({}, q, like.dtype(), like.device());
}

constexpr const char* kQuantile = "quantile";
constexpr const char* kNanQuantile = "nanquantile";

// ---- membership

void check_members(const Tensor& t) {
  RT_CHECK(t.dtype() != kBool && !is_complex(t.dtype()), NotImplemented, "isin",
           "Unsupported input type encountered for isin(): ", dtype_scalar_name(t.dtype()));
}

// ---- numerical derivatives

using Dims = std::optional<IntArrayRef>;

/// The dimensions to differentiate along; throws unless each is there once and long enough.
std::vector<int64_t> directions(const Tensor& self, const Dims& dim, int64_t edge_order,
                                std::optional<size_t> spacings) {
  constexpr const char* kOp = "gradient";
  RT_CHECK(self.dtype() != kUInt8, DType, kOp, "torch.gradient does not support uint8 input.");
  const size_t wanted = dim ? dim->size() : static_cast<size_t>(self.dim());
  if (spacings)
    RT_CHECK(*spacings == wanted, Value, kOp,
             "torch.gradient expected spacing to be unspecified, a scalar or a list with one number for each "
             "of the ",
             wanted, " dimensions, but got a list of length ", *spacings);
  RT_CHECK(edge_order == 1 || edge_order == 2, Value, kOp,
           "torch.gradient only supports edge_order=1 and edge_order=2.");
  std::vector<int64_t> out;
  for (size_t i = 0; i < wanted; ++i) {
    const int64_t d = dim ? wrap_dim(kOp, (*dim)[i], self.dim()) : static_cast<int64_t>(i);
    RT_CHECK(std::find(out.begin(), out.end(), d) == out.end(), Value, kOp, "dim ", d,
             " appears multiple times in the list of dims");
    RT_CHECK(self.dim() > 0 && self.size(d) >= edge_order + 1, Shape, kOp,
             "torch.gradient expected each dimension size to be at least edge_order+1");
    out.push_back(d);
  }
  return out;
}

/// The derivative along d of points a step apart.
Tensor even_derivative(const Tensor& x, int64_t d, double step, int64_t edge_order) {
  const int64_t n = x.size(d);
  auto at = [&](int64_t i) { return rustorch::narrow(x, d, i < 0 ? n + i : i, 1); };
  Tensor first, last;
  if (edge_order == 1) {
    first = (at(1) - at(0)) / step, last = (at(-1) - at(-2)) / step;
  } else {
    first = (at(0) * -1.5 + at(1) * 2 - at(2) * 0.5) / step;
    last = (at(-3) * 0.5 - at(-2) * 2 + at(-1) * 1.5) / step;
  }
  const Tensor inner = (rustorch::narrow(x, d, 2, n - 2) - rustorch::narrow(x, d, 0, n - 2)) / step;
  return rustorch::cat({first, inner / 2, last}, d);
}

/// The derivative along d of points at the given coordinates.
Tensor uneven_derivative(const Tensor& x, int64_t d, const Tensor& coordinates, int64_t edge_order) {
  const int64_t n = x.size(d);
  const Tensor dx = rustorch::diff(coordinates);
  DimArray along(static_cast<int>(x.dim()), 1);
  along[static_cast<int>(d)] = -1;
  auto shaped = [&](const Tensor& t) { return t.reshape(along.ref()); };
  auto at = [&](int64_t i) { return rustorch::narrow(x, d, i < 0 ? n + i : i, 1); };
  auto gap = [&](int64_t i) { return dx.select(0, i < 0 ? n - 1 + i : i); };
  const Tensor l = rustorch::slice(dx, 0, 0, n - 2), r = rustorch::slice(dx, 0, 1, n - 1);
  const Tensor inner = shaped(r.neg() / (l * (l + r))) * rustorch::narrow(x, d, 0, n - 2) +
                       shaped((r - l) / (l * r)) * rustorch::narrow(x, d, 1, n - 2) +
                       shaped(l / (r * (l + r))) * rustorch::narrow(x, d, 2, n - 2);
  Tensor first, last;
  if (edge_order == 1) {
    first = (at(1) - at(0)) / gap(0), last = (at(-1) - at(-2)) / gap(-1);
  } else {
    const Tensor a = gap(0), b = gap(1), y = gap(-2), z = gap(-1);
    first = (a * 2 + b).neg() / (a * (a + b)) * at(0) + (a + b) / (a * b) * at(1) - a / (b * (a + b)) * at(2);
    last = z / (y * (y + z)) * at(-3) - (y + z) / (z * y) * at(-2) + (z * 2 + y) / (z * (y + z)) * at(-1);
  }
  return rustorch::cat({first, inner, last}, d);
}

}  // namespace

std::tuple<Tensor, Tensor> histogram_bins(const Tensor& self, const Tensor& bins, const Weight& weight,
                                          bool density) {
  const Tensor flat = self.reshape({-1, 1});
  const Weight flat_weight = weight ? Weight(weight->reshape({-1})) : std::nullopt;
  if (weight)
    RT_CHECK(
        weight->sizes() == self.sizes(), Shape, "histogram",
        "if weight tensor is provided it should have the same shape as the input tensor, but got input with "
        "shape ",
        self.sizes(), " and weight with shape ", weight->sizes());
  const Tensor points = points_of(flat, flat_weight, 1);
  check_edges(points, {bins});
  return {count_cells(points, {bins}, flat_weight, density), bins.clone()};
}

std::tuple<Tensor, Tensor> histogram_count(const Tensor& self, int64_t bins, Range range,
                                           const Weight& weight, bool density) {
  const Tensor flat = self.reshape({-1, 1});
  const Weight flat_weight = weight ? Weight(weight->reshape({-1})) : std::nullopt;
  const Tensor points = points_of(flat, flat_weight, 1);
  const std::vector<Tensor> edges = even_edges(points, {bins}, range);
  return {count_cells(points, edges, flat_weight, density), edges[0]};
}

std::vector<Tensor> _histogramdd(const Tensor& self, IntArrayRef bins, Range range, const Weight& weight,
                                 bool density) {
  const Tensor points = points_of(self, weight, static_cast<int64_t>(bins.size()));
  std::vector<Tensor> edges = even_edges(points, bins, range);
  edges.insert(edges.begin(), count_cells(points, edges, weight, density));
  return edges;
}

std::vector<Tensor> _histogramdd_bins(const Tensor& self, TensorList bins, const Weight& weight,
                                      bool density) {
  const Tensor points = points_of(self, weight, static_cast<int64_t>(bins.size()));
  check_edges(points, bins);
  std::vector<Tensor> out = {count_cells(points, bins, weight, density)};
  out.insert(out.end(), bins.begin(), bins.end());
  return out;
}

Tensor quantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                std::string_view interpolation) {
  return quantile_of(kQuantile, self, q, dim, keepdim, interpolation, false);
}

Tensor quantile_scalar(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                       std::string_view interpolation) {
  return quantile_of(kQuantile, self, fraction(kQuantile, q, self), dim, keepdim, interpolation, false);
}

Tensor nanquantile(const Tensor& self, const Tensor& q, std::optional<int64_t> dim, bool keepdim,
                   std::string_view interpolation) {
  return quantile_of(kNanQuantile, self, q, dim, keepdim, interpolation, true);
}

Tensor nanquantile_scalar(const Tensor& self, double q, std::optional<int64_t> dim, bool keepdim,
                          std::string_view interpolation) {
  return quantile_of(kNanQuantile, self, fraction(kNanQuantile, q, self), dim, keepdim, interpolation, true);
}

Tensor isin(const Tensor& elements, const Tensor& test_elements, bool /*assume_unique*/, bool invert) {
  check_members(elements);
  check_members(test_elements);
  NoGradGuard off;  // discrete: the history is not looked at
  const int64_t n = test_elements.numel();
  Tensor found;
  if (n == 0) {
    found = rustorch::zeros(elements.sizes(), kBool, elements.device());
  } else if (n <= 16) {
    found = rustorch::eq(elements.unsqueeze(-1), test_elements.reshape({-1})).any(int64_t{-1}, false);
  } else {
    const DType t = promote_types(elements.dtype(), test_elements.dtype());
    const Tensor values = elements.to(t), sorted = std::get<0>(test_elements.reshape({-1}).to(t).sort());
    // A search through nan goes astray; infinities in their place are in order, and found only where they
    // are.
    const bool may_be_nan = is_floating_point(t);
    const Tensor ordered = may_be_nan ? rustorch::where(sorted.eq(sorted), sorted,
                                                        Scalar(std::numeric_limits<double>::infinity()))
                                      : sorted;
    const Tensor at = rustorch::searchsorted(ordered, values).clamp_max(n - 1);
    found = rustorch::take(sorted, at).eq(values);
  }
  return invert ? found.logical_not() : found;
}

Tensor isin_test_scalar(const Tensor& elements, const Scalar& test_element, bool assume_unique, bool invert) {
  return impl::isin(elements, wrapped_number(test_element), assume_unique, invert);
}

Tensor isin_scalar(const Scalar& element, const Tensor& test_elements, bool assume_unique, bool invert) {
  return impl::isin(wrapped_number(element), test_elements, assume_unique, invert);
}

Tensor diff(const Tensor& self, int64_t n, int64_t dim, const std::optional<Tensor>& prepend,
            const std::optional<Tensor>& append) {
  constexpr const char* kOp = "diff";
  RT_CHECK(self.dim() >= 1, Shape, kOp, "diff expects input to be at least one-dimensional");
  const int64_t d = wrap_dim(kOp, dim, self.dim());
  RT_CHECK(n >= 0, Value, kOp, "order must be non-negative but got ", n);
  std::vector<Tensor> parts;
  auto join = [&](const std::optional<Tensor>& part) {
    if (!part) return;
    RT_CHECK(part->dim() == self.dim(), Shape, kOp,
             "diff expects prepend or append to be the same dimension as input");
    for (int64_t i = 0; i < self.dim(); ++i)
      RT_CHECK(
          i == d || part->size(i) == self.size(i), Shape, kOp,
          "diff expects the shape of tensor to prepend or append to match that of input except along the "
          "differencing dimension; input.size(",
          i, ") = ", self.size(i), ", but got tensor.size(", i, ") = ", part->size(i));
    parts.push_back(*part);
  };
  join(prepend);
  parts.push_back(self);
  join(append);
  if (n == 0) return self.clone();
  Tensor out = parts.size() == 1 ? self : rustorch::cat(parts, d);
  for (int64_t i = 0, order = std::min(n, out.size(d)); i < order; ++i) {
    const int64_t left = std::max<int64_t>(out.size(d) - 1, 0);
    const Tensor upper = rustorch::narrow(out, d, out.size(d) - left, left),
                 lower = rustorch::narrow(out, d, 0, left);
    out = out.dtype() == kBool ? rustorch::logical_xor(upper, lower) : upper - lower;
  }
  return out;
}

std::vector<Tensor> gradient(const Tensor& self, const std::optional<Scalar>& spacing, Dims dim,
                             int64_t edge_order) {
  const double step = spacing ? spacing->to_double() : 1.0;
  std::vector<Tensor> out;
  for (int64_t d : directions(self, dim, edge_order, std::nullopt))
    out.push_back(even_derivative(self, d, step, edge_order));
  return out;
}

std::vector<Tensor> gradient_list(const Tensor& self, ArrayRef<double> spacing, Dims dim,
                                  int64_t edge_order) {
  const std::vector<int64_t> dims = directions(self, dim, edge_order, spacing.size());
  std::vector<Tensor> out;
  for (size_t i = 0; i < dims.size(); ++i)
    out.push_back(even_derivative(self, dims[i], spacing[i], edge_order));
  return out;
}

std::vector<Tensor> gradient_tensors(const Tensor& self, TensorList spacing, Dims dim, int64_t edge_order) {
  const std::vector<int64_t> dims = directions(self, dim, edge_order, spacing.size());
  std::vector<Tensor> out;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Tensor& at = spacing[i];
    RT_CHECK(at.device() == self.device(), Device, "gradient",
             "torch.gradient expected each tensor to be on the same device, but got devices ", at.device(),
             " and ", self.device(), "!");
    RT_CHECK(
        at.dim() == 1, Shape, "gradient",
        "torch.gradient expected each element of spacing to have one dimension, but got an element with ",
        at.dim(), " dimensions!");
    RT_CHECK(at.size(0) == self.size(dims[i]), Shape, "gradient", "got ", at.size(0),
             " coordinates for dimension ", dims[i], " of size ", self.size(dims[i]));
    out.push_back(uneven_derivative(self, dims[i], at, edge_order));
  }
  return out;
}

Tensor nonzero_static(const Tensor& self, int64_t size, int64_t fill_value) {
  RT_CHECK(size >= 0, Value, "nonzero_static", "'size' must be an non-negative integer");
  const Tensor found = rustorch::nonzero(self);
  if (found.size(0) >= size) return rustorch::slice(found, 0, 0, size).contiguous();
  return rustorch::constant_pad_nd(found, {0, 0, 0, size - found.size(0)}, fill_value);
}

std::vector<Tensor> unravel_index(const Tensor& indices, IntArrayRef shape) {
  constexpr const char* kOp = "unravel_index";
  RT_CHECK(is_integral(indices.dtype(), false), Type, kOp, "expected 'indices' to be integer dtype, but got ",
           indices.dtype());
  for (int64_t s : shape)
    RT_CHECK(s >= 0, Value, kOp, "'shape' cannot have negative values, but got ", shape);
  std::vector<Tensor> out(shape.size());
  Tensor rest = indices.to(kInt64);
  for (size_t d = shape.size(); d-- > 0;) {
    const Scalar size(std::max<int64_t>(shape[d], 1));
    out[d] = rest.remainder(size);
    rest = rest.div(size, "floor");
  }
  return out;
}

}  // namespace rustorch::impl
