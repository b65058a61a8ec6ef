// Convolutions: shape rules, "same" padding, transposed convolutions, gradients and second derivatives.
//
// A transposed convolution with weight [C, O / groups, k...] is the gradient by the input of the ordinary
// convolution with the same weight, so three kernels (forward, by data, by weight) serve everything.
#include "ops/conv_grad.h"

#include <vector>

#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"

namespace rustorch {
namespace {

// The partner of a complex operand in a gradient of something linear in it.
Tensor conjugate(const Tensor& t) { return t.is_complex() ? conj(t) : t; }

}  // namespace

std::tuple<Tensor, Tensor, Tensor> convolution_grads(const Tensor& g, const Tensor& input,
                                                     const Tensor& weight, IntArrayRef stride,
                                                     IntArrayRef padding, IntArrayRef dilation,
                                                     bool transposed, IntArrayRef output_padding,
                                                     int64_t groups, const std::array<bool, 3>& grad_mask) {
  return _convolution_backward(g, conjugate(input), conjugate(weight), stride, padding, dilation, transposed,
                               output_padding, groups, grad_mask[0], grad_mask[1], grad_mask[2]);
}

// _convolution_backward is bilinear: gi in (grad, weight), gw in (grad, input), gb linear in grad.
std::tuple<Tensor, Tensor, Tensor> convolution_double_backward(
    const Tensor& ggi, const Tensor& ggw, const Tensor& ggb, const Tensor& grad, const Tensor& input,
    const Tensor& weight, IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
    IntArrayRef output_padding, int64_t groups, const std::array<bool, 3>& grad_mask) {
  const bool has_i = ggi.defined() && ggi.numel() > 0, has_w = ggw.defined() && ggw.numel() > 0;
  const bool has_b = ggb.defined() && ggb.numel() > 0;
  Tensor by_grad, by_input, by_weight;
  auto plus = [](Tensor& to, const Tensor& t) { to = to.defined() ? add(to, t) : t; };
  if (grad_mask[0]) {
    auto conv = [&](const Tensor& x, const Tensor& w) {
      return convolution(x, w, std::nullopt, stride, padding, dilation, transposed, output_padding, groups);
    };
    if (has_i) plus(by_grad, conv(ggi, conjugate(weight)));
    if (has_w) plus(by_grad, conv(conjugate(input), ggw));
    if (has_b) {
      std::vector<int64_t> shape(static_cast<size_t>(grad.dim()), 1);
      shape[1] = ggb.size(0);
      plus(by_grad, expand(reshape(ggb, shape), grad.sizes()));
    }
  }
  if (grad_mask[1] && has_w)
    by_input = std::get<0>(_convolution_backward(conjugate(grad), input, ggw, stride, padding, dilation,
                                                 transposed, output_padding, groups, true, false, false));
  if (grad_mask[2] && has_i)
    by_weight = std::get<1>(_convolution_backward(conjugate(grad), ggi, weight, stride, padding, dilation,
                                                  transposed, output_padding, groups, false, true, false));
  return {by_grad, by_input, by_weight};
}

namespace impl {
namespace {

using nn_detail::list_at;

struct Geometry {
  int rank;
  std::array<int64_t, 3> stride{1, 1, 1}, padding{0, 0, 0}, dilation{1, 1, 1}, output_padding{0, 0, 0};
};

Geometry read_geometry(const Tensor& input, const Tensor& weight, IntArrayRef stride, IntArrayRef padding,
                       IntArrayRef dilation, IntArrayRef output_padding) {
  constexpr const char* op = "convolution";
  Geometry g;
  g.rank = static_cast<int>(weight.dim()) - 2;
  RT_CHECK(g.rank >= 1 && g.rank <= 3, Shape, op, "weight should have at least three dimensions; got ",
           weight.sizes());
  if (input.dim() != weight.dim()) [[unlikely]]
    raise_shape(
        op,
        rustorch::cat("Expected ", g.rank + 1, "D (unbatched) or ", g.rank + 2, "D (batched) input to conv",
                      g.rank, "d, but got input of size: ", input.sizes()),
        input.sizes(), weight.sizes());
  auto read = [&](const char* name, IntArrayRef list, std::array<int64_t, 3>& to, int64_t least) {
    RT_CHECK(list.size() == 1 || list.size() == static_cast<size_t>(g.rank), Value, op, "expected ", name,
             " to be a single integer value or a list of ", g.rank,
             " values to match the convolution dimensions, but got ", name, "=", list);
    for (int i = 0; i < g.rank; ++i) {
      to[static_cast<size_t>(i)] = list_at(list, i);
      RT_CHECK(list_at(list, i) >= least, Value, op, least ? "non-positive " : "negative ", name,
               " is not supported");
    }
  };
  read("stride", stride, g.stride, 1);
  read("padding", padding, g.padding, 0);
  read("dilation", dilation, g.dilation, 1);
  read("output_padding", output_padding, g.output_padding, 0);
  return g;
}

DimVector output_shape(const Tensor& input, const Tensor& weight, const Geometry& g, bool transposed,
                       int64_t groups) {
  constexpr const char* op = "convolution";
  RT_CHECK(groups > 0, Value, op, "non-positive groups is not supported");
  const int64_t per_group = weight.size(1), first = weight.size(0), channels = input.size(1);
  if (transposed) {
    if (channels != first || channels % groups != 0) [[unlikely]]
      raise_shape(op,
                  rustorch::cat("Given transposed=1, weight of size ", weight.sizes(), ", expected input",
                                input.sizes(), " to have ", first, " channels, but got ", channels,
                                " channels instead"),
                  input.sizes(), weight.sizes());
  } else {
    if (channels != per_group * groups) [[unlikely]]
      raise_shape(op,
                  rustorch::cat("Given groups=", groups, ", weight of size ", weight.sizes(),
                                ", expected input", input.sizes(), " to have ", per_group * groups,
                                " channels, but got ", channels, " channels instead"),
                  input.sizes(), weight.sizes());
    RT_CHECK(first % groups == 0 && first >= groups, Shape, op, "Given groups=", groups,
             ", expected weight to be divisible by ", groups, " at dimension 0, but got weight of size ",
             weight.sizes(), " instead");
  }
  DimVector sizes{input.size(0), transposed ? per_group * groups : first};
  for (int i = 0; i < g.rank; ++i) {
    const size_t d = static_cast<size_t>(i);
    const int64_t in = input.size(i + 2), reach = g.dilation[d] * (weight.size(i + 2) - 1) + 1;
    if (transposed) {
      RT_CHECK(g.output_padding[d] < std::max(g.stride[d], g.dilation[d]), Value, op,
               "output padding must be smaller than either stride or dilation, but got output_padding: ",
               g.output_padding[d], " stride: ", g.stride[d], " dilation: ", g.dilation[d]);
      sizes.push_back((in - 1) * g.stride[d] - 2 * g.padding[d] + reach + g.output_padding[d]);
      RT_CHECK(sizes.back() > 0, Shape, op, "Given input size per channel: [", in,
               "]. Calculated output size per channel: [", sizes.back(), "]. Output size is too small");
    } else {
      RT_CHECK(in + 2 * g.padding[d] >= reach, Shape, op, "Calculated padded input size per channel: (",
               in + 2 * g.padding[d], "). Kernel size: (", weight.size(i + 2),
               "). Kernel size can't be greater than actual input size");
      sizes.push_back((in + 2 * g.padding[d] - reach) / g.stride[d] + 1);
    }
  }
  return sizes;
}

ConvCall make_call(const Geometry& g, int64_t groups, bool channels_last) {
  ConvCall call;
  call.rank = g.rank;
  call.stride = g.stride;
  call.padding = g.padding;
  call.dilation = g.dilation;
  call.groups = groups;
  call.channels_last = channels_last;
  return call;
}

void fill_zero(const Tensor& t) {
  if (t.numel() > 0) backend_for(t).fill(t, Scalar(0));
}

void check_conv_dtypes(const Tensor& input, const Tensor& weight) {
  RT_CHECK(input.dtype() == weight.dtype(), DType, "convolution", "Input type (",
           dtype_scalar_name(input.dtype()), ") and weight type (", dtype_scalar_name(weight.dtype()),
           ") should be the same");
  RT_CHECK(input.dtype() != kBool, NotImplemented, "convolution",
           "\"convolution\" not implemented for 'Bool'");
}

}  // namespace

Tensor convolution(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
                   IntArrayRef output_padding, int64_t groups) {
  const Geometry g = read_geometry(input, weight, stride, padding, dilation, output_padding);
  check_conv_dtypes(input, weight);
  const DimVector sizes = output_shape(input, weight, g, transposed, groups);
  const bool last = lies_channels_last(input) || lies_channels_last(weight);
  Tensor out = make_image(sizes, input.dtype(), input.device(), last);
  Tensor b;
  if (bias && bias->defined()) {
    RT_CHECK(bias->dtype() == input.dtype(), DType, "convolution", "Input type (",
             dtype_scalar_name(input.dtype()), ") and bias type (", dtype_scalar_name(bias->dtype()),
             ") should be the same");
    RT_CHECK(bias->dim() == 1 && bias->size(0) == sizes[1], Shape, "convolution", "Given weight of size ",
             weight.sizes(), ", expected bias to be 1-dimensional with ", sizes[1],
             " elements, but got bias of size ", bias->sizes(), " instead");
    b = contiguous_raw(*bias);
  }
  if (out.numel() == 0) return out;
  ConvCall call = make_call(g, groups, last);
  call.w = contiguous_raw(weight);
  if (input.numel() == 0 || weight.numel() == 0) {
    fill_zero(out);
  } else if (transposed) {
    call.kind = ConvKind::BackwardData;
    call.x = out;
    call.y = image_like(input, input.dtype(), last);
    backend_for(out).convolution(call);
  } else {
    call.x = image_like(input, input.dtype(), last);
    call.y = out;
    call.bias = b;
    backend_for(out).convolution(call);
    return out;
  }
  if (b.defined()) {
    DimVector shape(static_cast<size_t>(out.dim()), 1);
    shape[1] = b.size(0);
    rustorch::add_(out, rustorch::reshape(b, shape));
  }
  return out;
}

std::tuple<Tensor, Tensor, Tensor> _convolution_backward(const Tensor& grad, const Tensor& input,
                                                         const Tensor& weight, IntArrayRef stride,
                                                         IntArrayRef padding, IntArrayRef dilation,
                                                         bool transposed, IntArrayRef output_padding,
                                                         int64_t groups, bool need_input, bool need_weight,
                                                         bool need_bias) {
  const Geometry g = read_geometry(input, weight, stride, padding, dilation, output_padding);
  const bool last = lies_channels_last(need_weight ? input : grad) ||  // else input may be a mere shape
                    lies_channels_last(weight);
  const DType t = input.dtype();
  auto empty = [&] { return make_tensor({0}, t, input.device()); };
  Tensor gi = need_input ? make_image(input.sizes(), t, input.device(), last) : empty();
  Tensor gw = need_weight ? make_tensor(weight.sizes(), t, weight.device()) : empty();
  Tensor gb = need_bias ? empty() : empty();
  if (need_bias) {
    DimVector dims{0};
    for (int64_t d = 2; d < grad.dim(); ++d) dims.push_back(d);
    gb = rustorch::sum(grad, dims);
  }
  if (!need_input && !need_weight) return {gi, gw, gb};
  if (grad.numel() == 0 || input.numel() == 0 || weight.numel() == 0) {
    fill_zero(gi);
    fill_zero(gw);
    return {gi, gw, gb};
  }
  const Tensor y = image_like(grad, grad.dtype(), last);
  ConvCall call = make_call(g, groups, last);
  if (need_input) {
    call.kind = transposed ? ConvKind::Forward : ConvKind::BackwardData;
    call.w = contiguous_raw(weight);
    call.x = transposed ? y : gi;
    call.y = transposed ? gi : y;
    backend_for(gi).convolution(call);
  }
  if (need_weight) {
    const Tensor x = image_like(input, input.dtype(), last);
    call.kind = ConvKind::BackwardWeight;
    call.w = gw;
    call.x = transposed ? y : x;
    call.y = transposed ? x : y;
    backend_for(gw).convolution(call);
  }
  return {gi, gw, gb};
}

namespace {

Tensor batched(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
               IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, bool transposed,
               IntArrayRef output_padding, int64_t groups, int rank, const char* op) {
  RT_CHECK(weight.dim() == rank + 2, Shape, op, "Expected ", rank + 2, "-dimensional weight; got ",
           weight.sizes());
  const bool single = input.dim() == rank + 1;
  if (!single && input.dim() != rank + 2) [[unlikely]]
    raise_shape(op,
                rustorch::cat("Expected ", rank + 1, "D (unbatched) or ", rank + 2, "D (batched) input to ",
                              op, ", but got input of size: ", input.sizes()),
                input.sizes(), weight.sizes());
  if (!single)
    return rustorch::convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding,
                                 groups);
  return rustorch::squeeze(rustorch::convolution(rustorch::unsqueeze(input, 0), weight, bias, stride, padding,
                                                 dilation, transposed, output_padding, groups),
                           IntArrayRef{0});
}

// An output padding that is not below the stride: the ordinary convolution this one is the gradient of would
// see more windows than there are inputs. So everything the windows reach is computed, without padding, and
// then cut (or filled with zeros, where no window reaches) to the size wanted.
Tensor transposed_with_tail(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                            IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                            IntArrayRef output_padding, int64_t groups, int rank, const char* op) {
  RT_CHECK(padding.size() == 1 || padding.size() == static_cast<size_t>(rank), Value, op,
           "expected padding to be a single integer value or a list of ", rank, " values; got ", padding);
  DimVector ends(static_cast<size_t>(2 * rank), 0);
  for (int i = 0; i < rank; ++i) {
    const int64_t behind = list_at(output_padding, i), cut = list_at(padding, i);
    RT_CHECK(cut >= 0, Value, op, "negative padding is not supported");
    RT_CHECK(behind < std::max(list_at(stride, i), list_at(dilation, i)), Value, op,
             "output padding must be smaller than either stride or dilation, but got output_padding: ",
             behind, " stride: ", list_at(stride, i), " dilation: ", list_at(dilation, i));
    const size_t at = static_cast<size_t>(2 * (rank - 1 - i));
    ends[at] = -cut;
    ends[at + 1] = behind - cut;
  }
  const int64_t zero[] = {0};
  const Tensor out = rustorch::constant_pad_nd(
      batched(input, weight, std::nullopt, stride, zero, dilation, true, zero, groups, rank, op), ends, 0);
  if (!bias || !bias->defined()) return out;
  DimVector shape(static_cast<size_t>(rank + 1), 1);
  shape[0] = bias->numel();
  return rustorch::add(out, rustorch::reshape(*bias, shape));
}

// True when some output padding is not below its stride.
bool has_long_tail(IntArrayRef output_padding, IntArrayRef stride, int rank) {
  const size_t n = static_cast<size_t>(rank);
  if ((output_padding.size() != 1 && output_padding.size() != n) ||
      (stride.size() != 1 && stride.size() != n))
    return false;  // reported by convolution()
  for (int i = 0; i < rank; ++i)
    if (list_at(output_padding, i) >= list_at(stride, i)) return true;
  return false;
}

constexpr int64_t kZero[] = {0};

// "same" needs padding that may differ by one between the two ends; the odd one goes to the far end.
Tensor named_padding(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,
                     IntArrayRef stride, std::string_view padding, IntArrayRef dilation, int64_t groups,
                     int rank, const char* op) {
  if (padding == "valid")
    return batched(input, weight, bias, stride, kZero, dilation, false, kZero, groups, rank, op);
  RT_CHECK(padding == "same", Value, op, "Invalid padding string: '", padding, "'");
  DimVector symmetric;
  std::vector<int64_t> extra(static_cast<size_t>(2 * rank), 0);
  bool uneven = false;
  for (int i = 0; i < rank; ++i) {
    RT_CHECK(list_at(stride, i) == 1, Value, op, "padding='same' is not supported for strided convolutions");
    const int64_t total = list_at(dilation, i) * (weight.size(i + 2) - 1);
    symmetric.push_back(total / 2);
    if (total % 2 != 0) {
      extra[static_cast<size_t>(2 * (rank - 1 - i) + 1)] = 1;
      uneven = true;
    }
  }
  if (!uneven)
    return batched(input, weight, bias, stride, symmetric, dilation, false, kZero, groups, rank, op);
  return batched(rustorch::constant_pad_nd(input, extra, 0), weight, bias, stride, symmetric, dilation, false,
                 kZero, groups, rank, op);
}

}  // namespace

#define RT_CONV(rank)                                                                                        \
  Tensor conv##rank##d(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias,         \
                       IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {      \
    return batched(input, weight, bias, stride, padding, dilation, false, kZero, groups, rank,               \
                   "conv" #rank "d");                                                                        \
  }                                                                                                          \
  Tensor conv##rank##d_padding(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias, \
                               IntArrayRef stride, std::string_view padding, IntArrayRef dilation,           \
                               int64_t groups) {                                                             \
    return named_padding(input, weight, bias, stride, padding, dilation, groups, rank, "conv" #rank "d");    \
  }                                                                                                          \
  Tensor conv_transpose##rank##d(const Tensor& input, const Tensor& weight,                                  \
                                 const std::optional<Tensor>& bias, IntArrayRef stride, IntArrayRef padding, \
                                 IntArrayRef output_padding, int64_t groups, IntArrayRef dilation) {         \
    if (has_long_tail(output_padding, stride, rank))                                                         \
      return transposed_with_tail(input, weight, bias, stride, padding, dilation, output_padding, groups,    \
                                  rank, "conv_transpose" #rank "d");                                         \
    return batched(input, weight, bias, stride, padding, dilation, true, output_padding, groups, rank,       \
                   "conv_transpose" #rank "d");                                                              \
  }

RT_CONV(1)
RT_CONV(2)
RT_CONV(3)
#undef RT_CONV

}  // namespace impl
}  // namespace rustorch
