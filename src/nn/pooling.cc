#include "rustorch/nn/pooling.h"

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/functional.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using text::Fields;

namespace {
/// The stride, or the window.
template <class Options>
auto step_of(const Options& o) {
  return o.stride().value_or(o.kernel_size());
}

std::string name_of(const char* kind, size_t n) { return cat(kind, n, "d"); }

/// One of three functions by the number of dimensions.
template <size_t N, class A, class B, class C>
auto pick(A&& one, B&& two, C&& three) {
  if constexpr (N == 1) {
    return one();
  } else if constexpr (N == 2) {
    return two();
  } else {
    return three();
  }
}
}  // namespace

// ---- MaxPool

template <size_t N>
Tensor MaxPoolImpl<N>::forward(const Tensor& x) {
  const auto& o = this->options;
  const auto s = step_of(o);
  return pick<N>(
      [&] { return max_pool1d(x, o.kernel_size(), s.ref(), o.padding(), o.dilation(), o.ceil_mode()); },
      [&] { return max_pool2d(x, o.kernel_size(), s.ref(), o.padding(), o.dilation(), o.ceil_mode()); },
      [&] { return max_pool3d(x, o.kernel_size(), s.ref(), o.padding(), o.dilation(), o.ceil_mode()); });
}

template <size_t N>
std::tuple<Tensor, Tensor> MaxPoolImpl<N>::forward_with_indices(const Tensor& x) {
  const auto& o = this->options;
  const auto s = step_of(o);
  const auto run = [&](auto f) {
    return f(x, o.kernel_size(), s.ref(), o.padding(), o.dilation(), o.ceil_mode());
  };
  return pick<N>([&] { return run([](auto&&... a) { return max_pool1d_with_indices(a...); }); },
                 [&] { return run([](auto&&... a) { return max_pool2d_with_indices(a...); }); },
                 [&] { return run([](auto&&... a) { return max_pool3d_with_indices(a...); }); });
}

template <size_t N>
std::string MaxPoolImpl<N>::type_name() const {
  return name_of("MaxPool", N);
}

template <size_t N>
std::string MaxPoolImpl<N>::extra_repr() const {
  const auto& o = this->options;
  return Fields()
      .add("kernel_size", o.kernel_size())
      .add("stride", step_of(o))
      .add("padding", o.padding())
      .add("dilation", o.dilation())
      .add("ceil_mode", o.ceil_mode());
}

// ---- AvgPool

template <size_t N>
Tensor AvgPoolImpl<N>::forward(const Tensor& x) {
  const auto& o = this->options;
  const auto s = step_of(o);
  const bool c = o.ceil_mode(), i = o.count_include_pad();
  return pick<N>(
      [&] { return avg_pool1d(x, o.kernel_size(), s.ref(), o.padding(), c, i); },
      [&] { return avg_pool2d(x, o.kernel_size(), s.ref(), o.padding(), c, i, o.divisor_override()); },
      [&] { return avg_pool3d(x, o.kernel_size(), s.ref(), o.padding(), c, i, o.divisor_override()); });
}

template <size_t N>
std::string AvgPoolImpl<N>::type_name() const {
  return name_of("AvgPool", N);
}

template <size_t N>
std::string AvgPoolImpl<N>::extra_repr() const {
  const auto& o = this->options;
  if constexpr (N == 1) {
    return Fields()
        .add("kernel_size", o.kernel_size().ref())
        .add("stride", step_of(o).ref())
        .add("padding", o.padding().ref());
  } else {
    return Fields().add("kernel_size", o.kernel_size()).add("stride", step_of(o)).add("padding", o.padding());
  }
}

// ---- MaxUnpool

template <size_t N>
Tensor MaxUnpoolImpl<N>::forward(const Tensor& x, const Tensor& indices, IntArrayRef output_size) {
  const auto& o = this->options;
  return functional::max_unpool(x, indices, o.kernel_size(), step_of(o), o.padding(), output_size);
}

template <size_t N>
std::string MaxUnpoolImpl<N>::type_name() const {
  return name_of("MaxUnpool", N);
}

template <size_t N>
std::string MaxUnpoolImpl<N>::extra_repr() const {
  const auto& o = this->options;
  return Fields()
      .add("kernel_size", o.kernel_size().ref())
      .add("stride", step_of(o).ref())
      .add("padding", o.padding().ref());
}

// ---- LPPool

template <size_t N>
Tensor LPPoolImpl<N>::forward(const Tensor& x) {
  const auto& o = this->options;
  return functional::lp_pool(x, o.norm_type(), o.kernel_size(), step_of(o), o.ceil_mode());
}

template <size_t N>
std::string LPPoolImpl<N>::type_name() const {
  return name_of("LPPool", N);
}

template <size_t N>
std::string LPPoolImpl<N>::extra_repr() const {
  const auto& o = this->options;
  return Fields()
      .add("norm_type", o.norm_type())
      .add("kernel_size", o.kernel_size())
      .add("stride", o.stride())
      .add("ceil_mode", o.ceil_mode());
}

// ---- adaptive

namespace {
template <size_t N>
std::vector<int64_t> target_size(const Tensor& x, const ExpandingArray<N>& wanted) {
  std::vector<int64_t> out = wanted.ref().vec();
  for (size_t d = 0; d < N; ++d) {
    if (out[d] < 0) out[d] = x.size(static_cast<int64_t>(d) - static_cast<int64_t>(N));
  }
  return out;
}

/// The size as Python has it, with None for what is kept.
template <size_t N>
std::string size_text(const ExpandingArray<N>& size) {
  if (size.is_one()) return "output_size=" + text::py(size);
  std::string s = "output_size=(";
  for (size_t d = 0; d < N; ++d)
    s += (d > 0 ? ", " : "") + (size[d] < 0 ? std::string("None") : text::py(size[d]));
  return s + (N == 1 ? ",)" : ")");
}
}  // namespace

template <size_t N>
Tensor AdaptiveAvgPoolImpl<N>::forward(const Tensor& x) {
  const auto size = target_size(x, this->options.output_size());
  return pick<N>([&] { return adaptive_avg_pool1d(x, size); }, [&] { return adaptive_avg_pool2d(x, size); },
                 [&] { return adaptive_avg_pool3d(x, size); });
}

template <size_t N>
std::string AdaptiveAvgPoolImpl<N>::type_name() const {
  return name_of("AdaptiveAvgPool", N);
}

template <size_t N>
std::string AdaptiveAvgPoolImpl<N>::extra_repr() const {
  return size_text(this->options.output_size());
}

template <size_t N>
std::tuple<Tensor, Tensor> AdaptiveMaxPoolImpl<N>::forward_with_indices(const Tensor& x) {
  const auto size = target_size(x, this->options.output_size());
  return pick<N>([&] { return adaptive_max_pool1d(x, size); }, [&] { return adaptive_max_pool2d(x, size); },
                 [&] { return adaptive_max_pool3d(x, size); });
}

template <size_t N>
std::string AdaptiveMaxPoolImpl<N>::type_name() const {
  return name_of("AdaptiveMaxPool", N);
}

template <size_t N>
std::string AdaptiveMaxPoolImpl<N>::extra_repr() const {
  return size_text(this->options.output_size());
}

// ---- fractional

template <size_t N>
void FractionalMaxPoolImpl<N>::reset() {
  const auto& o = this->options;
  RT_CHECK(o.output_size().has_value() != o.output_ratio().has_value(), Value, type_name(),
           "requires specifying either an output size, or a pooling ratio");
  RT_CHECK(!o.output_ratio() || o.output_ratio()->size() == 1 || o.output_ratio()->size() == N, Value,
           type_name(), "output_ratio needs one number or ", N);
  for (const double r : o.output_ratio().value_or(std::vector<double>())) {
    RT_CHECK(r > 0 && r < 1, Value, type_name(), "output_ratio must be between 0 and 1 (got ", r, ")");
  }
  _random_samples = this->register_buffer("_random_samples", o._random_samples());
}

template <size_t N>
std::tuple<Tensor, Tensor> FractionalMaxPoolImpl<N>::forward_with_indices(const Tensor& x) {
  const auto& o = this->options;
  std::vector<int64_t> size;
  for (size_t d = 0; d < N; ++d) {
    if (o.output_size()) {
      size.push_back((*o.output_size())[d]);
    } else {
      const auto& ratio = *o.output_ratio();
      const auto extent = static_cast<double>(x.size(static_cast<int64_t>(d) - static_cast<int64_t>(N)));
      size.push_back(static_cast<int64_t>(extent * ratio[ratio.size() == 1 ? 0 : d]));
    }
  }
  return functional::fractional_max_pool(x, o.kernel_size(), size, _random_samples);
}

template <size_t N>
std::string FractionalMaxPoolImpl<N>::type_name() const {
  return name_of("FractionalMaxPool", N);
}

#define RT_INSTANTIATE(Name)    \
  template class Name##Impl<1>; \
  template class Name##Impl<2>; \
  template class Name##Impl<3>
RT_INSTANTIATE(MaxPool);
RT_INSTANTIATE(AvgPool);
RT_INSTANTIATE(MaxUnpool);
RT_INSTANTIATE(LPPool);
RT_INSTANTIATE(AdaptiveAvgPool);
RT_INSTANTIATE(AdaptiveMaxPool);
#undef RT_INSTANTIATE
template class FractionalMaxPoolImpl<2>;
template class FractionalMaxPoolImpl<3>;

}  // namespace rustorch::nn
