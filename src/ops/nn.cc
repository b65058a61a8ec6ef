// Dropout, embeddings, one-hot and padding.
#include <algorithm>
#include <cmath>

#include "autograd/record.h"
#include "autograd/transform_call.h"
#include "base/philox.h"
#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"
#include "ops/nn_grad.h"
#include "ops/scalar_range.h"
#include "rustorch/generator.h"

namespace rustorch::impl {
namespace {

using nn_detail::kernel_dtype;
using nn_detail::kernel_input;

void check_probability(const char* op, double p) {
  RT_CHECK(p >= 0 && p <= 1, Value, op, "dropout probability has to be between 0 and 1, but got ", p);
}

double dropout_scale(double p) { return p >= 1 ? 0.0 : 1.0 / (1.0 - p); }

// Dropped ones in the real type of input: the factors of a complex tensor, or of whole channels.
Tensor real_noise(IntArrayRef shape, const Tensor& input, double p) {
  GradModeGuard off(false);
  return std::get<0>(rustorch::_dropout(rustorch::ones(shape, real_type(input.dtype()), input.device()), p));
}

}  // namespace

// ---- dropout

std::tuple<Tensor, Tensor> _dropout(const Tensor& self, double p, const std::optional<Generator>& generator) {
  check_probability("dropout", p);
  const DType compute = kernel_dtype("dropout", self.dtype());
  const int64_t n = self.numel();
  Generator stream = generator ? *generator : default_generator();
  const PhiloxState state = stream.next(philox_blocks(n, kPhiloxPerBlock32));
  DropoutCall call{};
  call.kind = DropoutKind::Make;
  call.keep = 1 - p;
  call.scale = dropout_scale(p);
  call.seed = state.seed;
  call.offset = state.offset;
  call.in = kernel_input(self, compute);
  call.out = make_tensor(self.sizes(), compute, self.device());
  call.mask = make_tensor({(n + 7) / 8}, kUInt8, self.device());
  backend_for(call.out).dropout(call);
  return {laid_out_like(call.out, self, self.dtype()), call.mask};
}

Tensor _dropout_apply(const Tensor& self, const Tensor& mask, double p) {
  const DType compute = kernel_dtype("dropout", self.dtype());
  DropoutCall call{};
  call.kind = DropoutKind::Apply;
  call.scale = dropout_scale(p);
  call.in = kernel_input(self, compute);
  call.out = make_tensor(self.sizes(), compute, self.device());
  call.mask = mask;
  backend_for(call.out).dropout(call);
  return laid_out_like(call.out, self, self.dtype());
}

Tensor _dropout_mask(const Tensor& mask, IntArrayRef size) {
  const Tensor ones_f = make_tensor(size, kFloat32, mask.device());
  if (ones_f.numel() > 0) backend_for(ones_f).fill(ones_f, Scalar(1));
  DropoutCall call{};
  call.kind = DropoutKind::Apply;
  call.scale = 1;
  call.in = ones_f;
  call.out = make_tensor(size, kFloat32, mask.device());
  call.mask = mask;
  backend_for(call.out).dropout(call);
  return cast_raw(call.out, kBool);
}

Tensor dropout(const Tensor& input, double p, bool train) {
  check_probability("dropout", p);
  if (!train || p == 0 || input.numel() == 0) return input;
  if (input.is_complex()) return rustorch::mul(input, real_noise(input.sizes(), input, p));
  if (p == 1 && is_integral(input.dtype(), true)) return rustorch::mul(input, 0);
  return std::get<0>(rustorch::_dropout(input, p));
}

Tensor dropout_(const Tensor& self, double p, bool train) {
  check_probability("dropout_", p);
  if (!train || p == 0 || self.numel() == 0) return self;
  check_inplace("dropout_", self);
  const Tensor before = inplace_source(self);
  assign_inplace("dropout_", self, rustorch::dropout(before, p, true));
  return self;
}

std::tuple<Tensor, Tensor> native_dropout(const Tensor& input, double p, std::optional<bool> train) {
  check_probability("native_dropout", p);
  if (input.numel() == 0 || !train.value_or(true) || p == 0)
    return {input.numel() == 0 ? input : rustorch::clone(input),
            rustorch::ones(input.sizes(), kBool, input.device())};
  const auto both = rustorch::_dropout(input, p);
  const Tensor mask = rustorch::_dropout_mask(std::get<1>(both), input.sizes());
  return {std::get<0>(both), laid_out_like(mask, input, kBool)};
}

namespace {

// One kept-or-not number per channel: [N, C, 1, ...] (or [N] for vectors).
Tensor channel_noise(const Tensor& input, double p) {
  RT_CHECK(input.dim() >= 2, Shape, "feature_dropout",
           "Feature dropout requires at least 2 dimensions in the input");
  DimVector shape(static_cast<size_t>(input.dim()), 1);
  shape[0] = input.size(0);
  shape[1] = input.size(1);
  return real_noise(shape, input, p);
}

// a * (x * mask + alpha * (1 - mask)) + b, which keeps mean 0 and variance 1 of a SELU's output.
Tensor alpha_mix(const Tensor& input, const Tensor& kept, double p) {
  constexpr double kAlpha = 1.7580993408473766;
  const double a = 1.0 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor shift = rustorch::mul(rustorch::sub(kept, 1), kAlpha * a);  // alpha' = -kAlpha where dropped
  return rustorch::add(rustorch::add(rustorch::mul(input, rustorch::mul(kept, a)), shift), kAlpha * a * p);
}

}  // namespace

Tensor feature_dropout(const Tensor& input, double p, bool train) {
  check_probability("feature_dropout", p);
  if (!train || p == 0 || input.numel() == 0) return input;
  return rustorch::mul(input, channel_noise(input, p));
}

Tensor alpha_dropout(const Tensor& input, double p, bool train) {
  check_probability("alpha_dropout", p);
  if (!train || p == 0 || input.numel() == 0) return input;
  if (p == 1) return rustorch::mul(input, 0);
  Tensor kept;
  {
    GradModeGuard off(false);
    const Tensor unit = rustorch::ones(input.sizes(), real_type(input.dtype()), input.device());
    const auto both = rustorch::_dropout(unit, p);
    kept = rustorch::to(rustorch::_dropout_mask(std::get<1>(both), input.sizes()), input.dtype());
  }
  return alpha_mix(input, kept, p);
}

Tensor feature_alpha_dropout(const Tensor& input, double p, bool train) {
  check_probability("feature_alpha_dropout", p);
  if (!train || p == 0 || input.numel() == 0) return input;
  if (p == 1) return rustorch::mul(input, 0);
  return alpha_mix(input, rustorch::mul(channel_noise(input, p), 1 - p), p);
}

Tensor rrelu(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training,
             const std::optional<Generator>& generator) {
  const double low = lower.to_double(), high = upper.to_double();
  RT_CHECK(low <= high, Value, "rrelu", "Lower bound should be less than or equal to the upper bound");
  const Tensor x = rustorch::contiguous(self);  // so is the result
  if (!training) return rustorch::leaky_relu(x, Scalar((low + high) / 2));
  Tensor slope;
  {
    GradModeGuard off(false);
    slope = rustorch::empty_like(x).uniform_(low, high, generator);
  }
  return rustorch::where(rustorch::le(x, Scalar(0)), rustorch::mul(x, slope), x);
}

// ---- embedding

namespace {

EmbeddingCall embedding_call(EmbeddingKind kind, const Tensor& indices, int64_t rows, int64_t width) {
  RT_CHECK(indices.dtype() == kInt64 || indices.dtype() == kInt32, DType, "embedding",
           "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
           "but got ",
           dtype_scalar_name(indices.dtype()), " instead");
  EmbeddingCall call{};
  call.kind = kind;
  call.rows = rows;
  call.width = width;
  call.count = indices.numel();
  call.indices = contiguous_raw(cast_raw(indices, kInt64));
  return call;
}

}  // namespace

Tensor embedding(const Tensor& weight, const Tensor& indices, int64_t, bool, bool) {
  RT_CHECK(weight.dim() == 2, Shape, "embedding", "'weight' must be 2-D; got ", weight.sizes());
  EmbeddingCall call = embedding_call(EmbeddingKind::Gather, indices, weight.size(0), weight.size(1));
  DimVector sizes = indices.sizes().vec();
  sizes.push_back(weight.size(1));
  call.in = contiguous_raw(weight);
  call.out = make_tensor(sizes, weight.dtype(), weight.device());
  if (call.count > 0) backend_for(call.out).embedding(call);
  return call.out;
}

Tensor embedding_dense_backward(const Tensor& grad_output, const Tensor& indices, int64_t num_weights,
                                int64_t padding_idx, bool scale_grad_by_freq) {
  const DType compute = kernel_dtype("embedding_dense_backward", grad_output.dtype());
  EmbeddingCall call = embedding_call(EmbeddingKind::Backward, indices, num_weights, grad_output.size(-1));
  call.padding_idx = padding_idx;
  call.by_frequency = scale_grad_by_freq;
  call.in = kernel_input(grad_output, compute);
  call.out = make_tensor({num_weights, grad_output.size(-1)}, compute, grad_output.device());
  if (call.out.numel() > 0) backend_for(call.out).embedding(call);
  return cast_raw(call.out, grad_output.dtype());
}

Tensor one_hot(const Tensor& self, int64_t num_classes) {
  constexpr const char* op = "one_hot";
  RT_CHECK(self.dtype() == kInt64, DType, op,
           "one_hot is only applicable to index tensor of type LongTensor; got ", self.dtype());
  GradModeGuard off(false);
  if (self.numel() == 0) {
    RT_CHECK(num_classes > 0, Value, op, "Can not infer total number of classes from empty tensor.");
  } else if (num_classes > 0 && transforming() && transform_active(self)) {
    // The values of a batch are not read example by example; a class that does not exist gives zeros.
  } else {
    RT_CHECK(rustorch::min(self).item<int64_t>() >= 0, Value, op, "Class values must be non-negative.");
    const int64_t largest = rustorch::max(self).item<int64_t>();
    if (num_classes == -1) num_classes = largest + 1;
    RT_CHECK(num_classes > 0, Value, op, "num_classes should be positive");
    RT_CHECK(largest < num_classes, Value, op, "Class values must be smaller than num_classes.");
  }
  const Tensor classes = rustorch::arange(Scalar(num_classes), kInt64, self.device());
  return rustorch::to(rustorch::eq(rustorch::unsqueeze(rustorch::contiguous(self), -1), classes), kInt64);
}

// ---- padding

Tensor constant_pad_nd(const Tensor& self, IntArrayRef pad, const Scalar& value) {
  constexpr const char* op = "constant_pad_nd";
  RT_CHECK(pad.size() % 2 == 0, Value, op, "Length of pad must be even but instead it equals ",
           static_cast<int64_t>(pad.size()));
  check_fits(op, value, self.dtype());
  const size_t padded = pad.size() / 2, dims = static_cast<size_t>(self.dim());
  RT_CHECK(padded <= dims, Value, op,
           "Length of pad should be no more than twice the number of dimensions of the input. Pad length is ",
           static_cast<int64_t>(pad.size()), " while the input has ", static_cast<int64_t>(dims),
           " dimensions.");
  DimVector sizes = self.sizes().vec(), from_sizes = sizes;
  int64_t from = self.storage_offset(), to = 0;
  for (size_t i = 0; i < padded; ++i) {
    const size_t d = dims - 1 - i;
    const int64_t before = pad[2 * i], after = pad[2 * i + 1];
    sizes[d] += before + after;
    RT_CHECK(sizes[d] >= 0, Value, op, "The input size ", self.size(static_cast<int64_t>(d)),
             ", plus negative padding ", before, " and ", after,
             " resulted in a negative output size, which is invalid.");
    from_sizes[d] += std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
    RT_CHECK(from_sizes[d] >= 0, Value, "narrow", "length must be non-negative.");
    if (before < 0) from += -before * self.stride(static_cast<int64_t>(d));
  }
  if (std::none_of(pad.begin(), pad.end(), [](int64_t p) { return p > 0; }))  // nothing but a part of self
    return impl::clone(make_alias(self, sizes, self.strides(), from), std::nullopt);
  Tensor out = make_image(sizes, self.dtype(), self.device(), lies_channels_last(self));
  if (out.numel() == 0) return out;
  backend_for(out).fill(out, value);
  for (size_t i = 0; i < padded; ++i)
    if (pad[2 * i] > 0) to += pad[2 * i] * out.stride(static_cast<int64_t>(dims - 1 - i));
  if (numel_of(from_sizes) > 0)
    backend_for(out).copy(make_alias(out, from_sizes, out.strides(), to),
                          make_alias(self, from_sizes, self.strides(), from));
  return out;
}

namespace {

// Index along one dimension of every element of the padded tensor.
Tensor pad_index(std::string_view mode, int64_t size, int64_t before, int64_t after, Device device) {
  Tensor index = make_tensor({size + before + after}, kInt64, Device::Cpu());
  int64_t* p = index.impl()->mutable_data<int64_t>();
  for (int64_t i = -before; i < size + after; ++i) {
    int64_t at = i;
    if (mode == "replicate")
      at = std::clamp<int64_t>(i, 0, size - 1);
    else if (mode == "circular")
      at = ((i % size) + size) % size;
    else if (size > 1) {  // reflect about the ends
      const int64_t period = 2 * (size - 1);
      at = ((i % period) + period) % period;
      if (at >= size) at = period - at;
    }
    *p++ = at;
  }
  return device.is_cpu() ? index : rustorch::to(index, device);
}

}  // namespace

Tensor pad(const Tensor& self, IntArrayRef pad, std::string_view mode, std::optional<double> value) {
  constexpr const char* op = "pad";
  RT_CHECK(pad.size() % 2 == 0, Value, op, "Padding length must be divisible by 2");
  RT_CHECK(
      static_cast<int64_t>(pad.size()) <= 2 * self.dim(), Value, op,
      "Padding length should be less than or equal to two times the input dimension but got padding length ",
      static_cast<int64_t>(pad.size()), " and input of dimension ", self.dim());
  if (mode == "constant") {
    Scalar fill = value ? Scalar(*value) : Scalar(0);
    return rustorch::constant_pad_nd(self, pad, fill);
  }
  RT_CHECK(!value || *value == 0, Value, op, "Padding mode \"", mode, "\" doesn't take in value argument");
  RT_CHECK(mode == "reflect" || mode == "replicate" || mode == "circular", NotImplemented, op,
           "Unrecognised padding mode ", mode);
  const int64_t padded = static_cast<int64_t>(pad.size() / 2);
  RT_CHECK(padded >= 1 && padded <= 3 && (self.dim() == padded + 1 || self.dim() == padded + 2),
           NotImplemented, op, "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
  Tensor out = self;
  for (int64_t i = 0; i < padded; ++i) {
    const int64_t d = self.dim() - 1 - i;
    int64_t before = pad[static_cast<size_t>(2 * i)], after = pad[static_cast<size_t>(2 * i + 1)];
    if (mode == "circular" && (before < 0 || after < 0)) {  // what is cut off does not come round again
      const int64_t first = std::max<int64_t>(-before, 0), last = out.size(d) + std::min<int64_t>(after, 0);
      RT_CHECK(last > first, Shape, op, "Negative padding value is resulting in an empty dimension; got ",
               self.sizes());
      out = rustorch::narrow(out, d, first, last - first);
      before = std::max<int64_t>(before, 0);
      after = std::max<int64_t>(after, 0);
    }
    const int64_t size = out.size(d);
    RT_CHECK(size > 0, Shape, op, "Expected non-empty dimensions to pad; got ", self.sizes());
    RT_CHECK(size + before + after > 0, Shape, op, "input (W: ", size,
             ") is too small. Calculated output W: ", size + before + after);
    if (mode == "reflect")
      RT_CHECK(before < size && after < size, Value, op,
               "Padding size should be less than the corresponding input dimension, but got: padding (",
               before, ", ", after, ") at dimension ", d, " of input ", self.sizes());
    if (mode == "circular")
      RT_CHECK(before <= size && after <= size, Value, op,
               "Padding value causes wrapping around more than once.");
    if (before == 0 && after == 0) continue;
    out = rustorch::index_select(out, d, pad_index(mode, size, before, after, self.device()));
  }
  const bool image = padded > 1 && mode != "circular";
  const MemoryFormat format = image ? image_format(self) : MemoryFormat::Contiguous;
  return out.is_same(self) ? rustorch::clone(self, format) : rustorch::contiguous(out, format);
}

}  // namespace rustorch::impl
