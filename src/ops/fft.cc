// Bodies of the Fourier transforms: three primitives on the backend's family `fft`, and torch.fft on top.
//
// torch.fft works in two steps: the input gets its dtype and, along each transformed dimension, its size
// (cut, or padded with zeros); then a primitive runs. Where the primitive's direction is not the one asked
// for, the data are conjugated.
#include <cmath>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl_fft.h"
#include "ops/make.h"
#include "rustorch/error.h"
#include "rustorch/fft.h"
#include "rustorch/ops.h"

namespace rustorch::impl {
namespace {

enum Normalization : int64_t { kNone = 0, kByRoot = 1, kByCount = 2 };
using Norm = std::optional<std::string_view>;
using Sizes = std::optional<IntArrayRef>;

// ---- the primitives

/// The transformed dimensions, wrapped and unique, as a mask.
uint64_t dim_mask(const char* op, const Tensor& t, IntArrayRef dims) {
  uint64_t mask = 0;
  for (int64_t d : dims) {
    const uint64_t bit = uint64_t{1} << wrap_dim(op, d, t.dim());
    RT_CHECK((mask & bit) == 0, Value, op, "FFT dims must be unique");
    mask |= bit;
  }
  return mask;
}

double scale_of(const char* op, int64_t normalization, double points) {
  RT_CHECK(normalization >= 0 && normalization <= 2, Value, op, "Unsupported normalization type ",
           normalization);
  return normalization == kNone ? 1.0 : normalization == kByRoot ? 1.0 / std::sqrt(points) : 1.0 / points;
}

double points_of(const Tensor& t, uint64_t mask) {
  double points = 1;
  for (int64_t d = 0; d < t.dim(); ++d)
    if (mask >> d & 1) points *= static_cast<double>(t.size(d));
  return points;
}

Tensor resized_like(const Tensor& t, int64_t dim, int64_t size, DType dtype) {
  DimVector sizes(t.sizes().begin(), t.sizes().end());
  sizes[static_cast<size_t>(dim)] = size;
  checked_nbytes("fft", sizes, element_size(dtype));
  return make_tensor(sizes, dtype, t.device());
}

void transform(const FftCall& call) {
  if (call.out.numel() > 0 && !call.out.device().is_meta()) backend_for(call.in).fft(call);
}

Tensor complex_along(const Tensor& x, uint64_t mask, bool forward, double scale) {
  const Tensor in = contiguous_raw(x);
  FftCall call{FftKind::Complex, make_tensor(in.sizes(), in.dtype(), in.device()), in};
  call.dim_mask = mask, call.inverse = !forward, call.scale = scale;
  transform(call);
  return call.out;
}

// ---- arguments of torch.fft

int64_t normalization_of(const char* op, Norm norm, bool forward) {
  if (!norm || *norm == "backward") return forward ? kNone : kByCount;
  if (*norm == "forward") return forward ? kByCount : kNone;
  if (*norm == "ortho") return kByRoot;
  raise(ErrorKind::Value, op, cat("Invalid normalization mode: \"", *norm, "\""));
}

/// x in a dtype that can be transformed.
Tensor transformable(const char* op, const Tensor& x, bool complex) {
  DType t = x.dtype();
  if (is_integral(t, true)) t = get_default_dtype();
  RT_CHECK(!is_reduced_float(t) && !is_stored_only(t), NotImplemented, op, "Unsupported dtype ",
           dtype_scalar_name(t));
  if (complex) t = complex_type(t);
  return t == x.dtype() ? x : x.to(t);
}

void check_real(const char* op, const Tensor& x) {
  RT_CHECK(!is_complex(x.dtype()), Type, op, op + 4, " expects a real input tensor, but got ",
           dtype_scalar_name(x.dtype()));
}

void check_points(const char* op, int64_t n) {
  RT_CHECK(n >= 1, Value, op, "Invalid number of data points (", n, ") specified");
}

/// x cut or padded with zeros to n along dim.
Tensor resized(const Tensor& x, int64_t dim, int64_t n) {
  const int64_t size = x.size(dim);
  if (size == n) return x;
  if (size > n) return rustorch::slice(x, dim, 0, n);
  DimVector pad(static_cast<size_t>(2 * (x.dim() - dim)), 0);
  pad[pad.size() - 1] = n - size;
  return rustorch::constant_pad_nd(x, pad);
}

int64_t line_dim(const char* op, const Tensor& x, int64_t dim) {
  RT_CHECK(x.dim() > 0, Index, op, "Dimension specified as ", dim, " but tensor has no dimensions");
  return wrap_dim(op, dim, x.dim());
}

/// The dimensions of a transform of several, and their sizes.
struct Shape {
  DimVector dims, sizes;
};
Shape shape_of(const char* op, const Tensor& x, Sizes s, Sizes dim) {
  Shape out;
  const int64_t n = x.dim();
  if (dim) {
    dim_mask(op, x, *dim);
    for (int64_t d : *dim) out.dims.push_back(wrap_dim(op, d, n));
    RT_CHECK(!s || s->size() == dim->size(), Value, op,
             "When given, dim and shape arguments must have the same length");
  } else {
    const auto count = s ? static_cast<int64_t>(s->size()) : n;
    RT_CHECK(count <= n, Value, op, "Got shape with ", count, " values but input tensor only has ", n,
             " dimensions.");
    for (int64_t d = n - count; d < n; ++d) out.dims.push_back(d);
  }
  for (size_t i = 0; i < out.dims.size(); ++i) {
    const int64_t size = s && (*s)[i] != -1 ? (*s)[i] : x.size(out.dims[i]);
    check_points(op, size);
    out.sizes.push_back(size);
  }
  return out;
}

/// The last size of a real result from half of its transform.
int64_t real_points(const char* op, const Tensor& x, const Shape& shape, Sizes s) {
  const bool given = s && !s->empty() && s->back() != -1;
  const int64_t n = given ? s->back() : 2 * (x.size(shape.dims.back()) - 1);
  check_points(op, n);
  return n;
}

Tensor resized(Tensor x, const Shape& shape) {
  for (size_t i = 0; i < shape.dims.size(); ++i) x = resized(x, shape.dims[i], shape.sizes[i]);
  return x;
}

// ---- families of torch.fft

Tensor complex_line(const char* op, const Tensor& self, std::optional<int64_t> n, int64_t dim, Norm norm,
                    bool forward) {
  const int64_t d = line_dim(op, self, dim), mode = normalization_of(op, norm, forward);
  const int64_t points = n.value_or(self.size(d));
  check_points(op, points);
  const Tensor x = transformable(op, self, false);
  // Real data take half of the work.
  if (!is_complex(x.dtype())) {
    const Tensor y = rustorch::_fft_r2c(resized(x, d, points), {d}, mode, false);
    return forward ? y : y.conj();
  }
  return rustorch::_fft_c2c(resized(x, d, points), {d}, mode, forward);
}

Tensor real_line(const char* op, const Tensor& self, std::optional<int64_t> n, int64_t dim, Norm norm,
                 bool forward) {
  check_real(op, self);
  const int64_t d = line_dim(op, self, dim), mode = normalization_of(op, norm, forward);
  const int64_t points = n.value_or(self.size(d));
  check_points(op, points);
  const Tensor y = rustorch::_fft_r2c(resized(transformable(op, self, false), d, points), {d}, mode, true);
  return forward ? y : y.conj();
}

Tensor half_line(const char* op, const Tensor& self, std::optional<int64_t> n, int64_t dim, Norm norm,
                 bool forward) {
  const int64_t d = line_dim(op, self, dim), mode = normalization_of(op, norm, forward);
  const int64_t points = n.value_or(2 * (self.size(d) - 1));
  check_points(op, points);
  const Tensor x = resized(transformable(op, self, true), d, points / 2 + 1);
  return rustorch::_fft_c2r(forward ? x.conj() : x, {d}, mode, points);
}

Tensor complex_many(const char* op, const Tensor& self, Sizes s, Sizes dim, Norm norm, bool forward) {
  const Shape shape = shape_of(op, self, s, dim);
  const int64_t mode = normalization_of(op, norm, forward);
  const Tensor x = transformable(op, self, false);
  if (!is_complex(x.dtype()) && !shape.dims.empty()) {
    const Tensor y = rustorch::_fft_r2c(resized(x, shape), shape.dims, mode, false);
    return forward ? y : y.conj();
  }
  return rustorch::_fft_c2c(resized(transformable(op, x, true), shape), shape.dims, mode, forward);
}

Tensor real_many(const char* op, const Tensor& self, Sizes s, Sizes dim, Norm norm, bool forward) {
  RT_CHECK(!is_complex(self.dtype()), Type, op, op + 4, " expects a real-valued input tensor, but got ",
           dtype_scalar_name(self.dtype()));
  const Shape shape = shape_of(op, self, s, dim);
  const int64_t mode = normalization_of(op, norm, forward);
  RT_CHECK(!shape.dims.empty(), Value, op, op + 4, " must transform at least one axis");
  const Tensor x = resized(transformable(op, self, false), shape);
  const Tensor y = rustorch::_fft_r2c(x, shape.dims, mode, true);
  return forward ? y : y.conj();
}

Tensor half_many(const char* op, const Tensor& self, Sizes s, Sizes dim, Norm norm, bool forward) {
  Shape shape = shape_of(op, self, s, dim);
  const int64_t mode = normalization_of(op, norm, forward);
  RT_CHECK(!shape.dims.empty(), Value, op, op + 4, " must transform at least one axis");
  const int64_t points = real_points(op, self, shape, s);
  shape.sizes.back() = points / 2 + 1;
  const Tensor x = resized(transformable(op, self, true), shape);
  return rustorch::_fft_c2r(forward ? x.conj() : x, shape.dims, mode, points);
}

/// weights[k] for the first half of a spectrum of n points: `middle` for those that stand for two.
Tensor half_weights(const Tensor& like, int64_t dim, int64_t n, double middle) {
  DimVector shape(static_cast<size_t>(like.dim()), 1);
  shape[static_cast<size_t>(dim)] = n / 2 + 1;
  Tensor w = rustorch::full(shape, middle, real_type(like.dtype()), like.device());
  rustorch::slice(w, dim, 0, 1).fill_(1.0);
  if (n % 2 == 0) rustorch::slice(w, dim, n / 2, n / 2 + 1).fill_(1.0);
  return w;
}

DimVector shifts(const char* op, const Tensor& self, Sizes dim, DimVector* dims, bool inverse) {
  DimVector by;
  if (dim) {
    for (int64_t d : *dim) dims->push_back(wrap_dim(op, d, self.dim()));
  } else {
    for (int64_t d = 0; d < self.dim(); ++d) dims->push_back(d);
  }
  for (int64_t d : *dims) by.push_back(inverse ? (self.size(d) + 1) / 2 : self.size(d) / 2);
  return by;
}

Tensor frequencies(const char* op, int64_t n, double d, std::optional<DType> dtype,
                   std::optional<Device> device, bool requires_grad, bool half) {
  const DType t = dtype.value_or(get_default_dtype());
  RT_CHECK(!is_integral(t, true), Value, op, op + 4, " requires a floating point or complex dtype");
  RT_CHECK(!is_complex(t), NotImplemented, op, "\"arange_cpu\" not implemented for '", dtype_scalar_name(t),
           "'");
  RT_CHECK(n >= 0, Value, op, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
  const auto where = device.value_or(Device::Cpu());
  Tensor k = rustorch::arange(Scalar(int64_t{0}), Scalar(half ? n / 2 + 1 : n), Scalar(int64_t{1}), t, where);
  if (!half && n > 0) {
    const int64_t middle = (n + 1) / 2;
    rustorch::slice(k, 0, middle, n)
        .copy_(rustorch::arange(Scalar(-(n / 2)), Scalar(int64_t{0}), Scalar(int64_t{1}), t, where));
  }
  k.mul_(1.0 / (static_cast<double>(n) * d));
  if (requires_grad) k.requires_grad_(true);
  return k;
}

}  // namespace

Tensor _fft_c2c(const Tensor& self, IntArrayRef dim, int64_t normalization, bool forward) {
  RT_CHECK(is_complex(self.dtype()), Type, "_fft_c2c", "expects a complex input tensor, but got ",
           dtype_scalar_name(self.dtype()));
  const uint64_t mask = dim_mask("_fft_c2c", self, dim);
  if (mask == 0) return self.clone();
  return complex_along(self, mask, forward, scale_of("_fft_c2c", normalization, points_of(self, mask)));
}

Tensor _fft_r2c(const Tensor& self, IntArrayRef dim, int64_t normalization, bool onesided) {
  const DType t = self.dtype();
  RT_CHECK(t == kFloat32 || t == kFloat64, Type, "_fft_r2c", "expects a real input tensor, but got ",
           dtype_scalar_name(t));
  RT_CHECK(!dim.empty(), Value, "_fft_r2c", "must transform at least one axis");
  const uint64_t mask = dim_mask("_fft_r2c", self, dim);
  const int64_t last = wrap_dim("_fft_r2c", dim.back(), self.dim()), n = self.size(last);
  check_points("_fft_r2c", n);
  const uint64_t others = mask & ~(uint64_t{1} << last);
  const double scale = scale_of("_fft_r2c", normalization, points_of(self, mask));
  FftCall half{FftKind::RealForward, resized_like(self, last, n / 2 + 1, complex_type(t)),
               contiguous_raw(self)};
  half.dim = last, half.scale = others == 0 ? scale : 1;
  transform(half);
  if (others != 0) {
    FftCall rest{FftKind::Complex, half.out, half.out};
    rest.dim_mask = others, rest.scale = scale;
    transform(rest);
  }
  if (onesided) return half.out;
  FftCall whole{FftKind::Mirror, make_tensor(self.sizes(), complex_type(t), self.device()), half.out};
  whole.dim = last, whole.dim_mask = mask;
  transform(whole);
  return whole.out;
}

Tensor _fft_c2r(const Tensor& self, IntArrayRef dim, int64_t normalization, int64_t last_dim_size) {
  RT_CHECK(is_complex(self.dtype()), Type, "_fft_c2r", "expects a complex input tensor, but got ",
           dtype_scalar_name(self.dtype()));
  RT_CHECK(!dim.empty(), Value, "_fft_c2r", "must transform at least one axis");
  check_points("_fft_c2r", last_dim_size);
  const uint64_t mask = dim_mask("_fft_c2r", self, dim);
  const int64_t last = wrap_dim("_fft_c2r", dim.back(), self.dim());
  RT_CHECK(self.size(last) == last_dim_size / 2 + 1, Shape, "_fft_c2r", "expected ", last_dim_size / 2 + 1,
           " elements along dimension ", last, "; got ", self.size(last));
  const uint64_t others = mask & ~(uint64_t{1} << last);
  FftCall call{FftKind::RealInverse, resized_like(self, last, last_dim_size, real_type(self.dtype())),
               others == 0 ? contiguous_raw(self) : complex_along(self, others, false, 1)};
  call.dim = last;
  call.scale = scale_of("_fft_c2r", normalization, points_of(call.out, mask));
  transform(call);
  return call.out;
}

Tensor _fft_r2c_backward(const Tensor& g, IntArrayRef sizes, IntArrayRef dim, int64_t normalization,
                         bool onesided) {
  if (!onesided) return rustorch::real(rustorch::_fft_c2c(g, dim, normalization, false));
  const int64_t last = wrap_dim("_fft_r2c", dim.back(), g.dim()), n = sizes[static_cast<size_t>(last)];
  // c2r counts each of the middle values twice.
  return rustorch::_fft_c2r(g * half_weights(g, last, n, 0.5), dim, normalization, n);
}

Tensor _fft_c2r_backward(const Tensor& g, IntArrayRef dim, int64_t normalization) {
  const int64_t last = wrap_dim("_fft_c2r", dim.back(), g.dim());
  const Tensor half = rustorch::_fft_r2c(g, dim, normalization, true);
  return half * half_weights(half, last, g.size(last), 2.0);
}

#define RT_LINE(NAME, FAMILY, FORWARD)                                                      \
  Tensor fft_##NAME(const Tensor& self, std::optional<int64_t> n, int64_t dim, Norm norm) { \
    return FAMILY("fft_" #NAME, self, n, dim, norm, FORWARD);                               \
  }
RT_LINE(fft, complex_line, true)
RT_LINE(ifft, complex_line, false)
RT_LINE(rfft, real_line, true)
RT_LINE(irfft, half_line, false)
RT_LINE(hfft, half_line, true)
RT_LINE(ihfft, real_line, false)
#undef RT_LINE

#define RT_MANY(NAME, FAMILY, FORWARD)                                            \
  Tensor fft_##NAME##n(const Tensor& self, Sizes s, Sizes dim, Norm norm) {       \
    return FAMILY("fft_" #NAME "n", self, s, dim, norm, FORWARD);                 \
  }                                                                               \
  Tensor fft_##NAME##2(const Tensor& self, Sizes s, IntArrayRef dim, Norm norm) { \
    return FAMILY("fft_" #NAME "2", self, s, dim, norm, FORWARD);                 \
  }
RT_MANY(fft, complex_many, true)
RT_MANY(ifft, complex_many, false)
RT_MANY(rfft, real_many, true)
RT_MANY(irfft, half_many, false)
RT_MANY(hfft, half_many, true)
RT_MANY(ihfft, real_many, false)
#undef RT_MANY

Tensor fft_fftfreq(int64_t n, double d, std::optional<DType> dtype, std::optional<Device> device,
                   bool requires_grad) {
  return frequencies("fft_fftfreq", n, d, dtype, device, requires_grad, false);
}

Tensor fft_rfftfreq(int64_t n, double d, std::optional<DType> dtype, std::optional<Device> device,
                    bool requires_grad) {
  return frequencies("fft_rfftfreq", n, d, dtype, device, requires_grad, true);
}

Tensor fft_fftshift(const Tensor& self, Sizes dim) {
  DimVector dims;
  const DimVector by = shifts("fft_fftshift", self, dim, &dims, false);
  return rustorch::roll(self, by, dims);
}

Tensor fft_ifftshift(const Tensor& self, Sizes dim) {
  DimVector dims;
  const DimVector by = shifts("fft_ifftshift", self, dim, &dims, true);
  return rustorch::roll(self, by, dims);
}

}  // namespace rustorch::impl
