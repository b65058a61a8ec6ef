// Lazy layers: the sizes of the input are taken from the first call. Until then the parameters have no
// elements, but are the tensors that they will be: an optimizer may be given them. A state dict that is
// loaded sizes them too. From the first call on, a lazy layer prints itself as the plain one.
//
//   rt::nn::Sequential net(rt::nn::LazyConv2d(8, 3), rt::nn::ReLU(), rt::nn::LazyBatchNorm2d());
#pragma once
#include "rustorch/nn/conv.h"
#include "rustorch/nn/linear.h"
#include "rustorch/nn/norm.h"

namespace rustorch::nn {

/// Which tensors of a layer have no shape yet.
class LazyParameters {
 public:
  bool has_uninitialized_params() const { return !waiting_.empty(); }

 protected:
  /// A tensor of no elements, to be sized later.
  Tensor wait();
  bool is_waiting(const Tensor& t) const;
  /// Gives t its shape; the values are unset. Does nothing for a tensor that has one.
  void materialize(const Tensor& t, IntArrayRef shape);
  void load(const std::string& prefix, const StateDict& state, const Module& module);
  /// The name of the class: "LazyLinear" before the first call, "Linear" after it.
  std::string name_of(const std::string& plain) const { return became_ ? plain : "Lazy" + plain; }

  bool became_ = false;

 private:
  std::vector<Tensor> waiting_;
};

/// A layer of class Base that is sized by its first input.
template <class Base>
class LazyOf : public Base, public LazyParameters {
 public:
  Tensor forward(const Tensor& input) override {
    prepare(input);
    return Base::forward(input);
  }
  std::string type_name() const override { return this->name_of(Base::type_name()); }
  /// Sizes the parameters for an input and draws them.
  virtual void initialize_parameters(const Tensor& input) = 0;

 protected:
  using Base::Base;
  void prepare(const Tensor& input) {
    if (became_) return;
    initialize_parameters(input);
    became_ = true;
  }
  void prepare_load(const std::string& prefix, const StateDict& state) override {
    load(prefix, state, *this);
  }
};

class LazyLinearOptions {
 public:
  LazyLinearOptions(int64_t out_features, bool bias = true) : out_features_(out_features), bias_(bias) {}
  RT_OPTION(int64_t, out_features, 0);
  RT_OPTION(bool, bias, true);
};
/// Linear whose in_features is taken from the first input.
class LazyLinearImpl : public LazyOf<LinearImpl> {
 public:
  explicit LazyLinearImpl(LazyLinearOptions o);
  void initialize_parameters(const Tensor& input) override;
  std::shared_ptr<Module> clone() const override;
};
using LazyLinear = ModuleHolder<LazyLinearImpl>;

/// Options of LazyConvNd: those of ConvNd without in_channels.
template <size_t N>
class LazyConvOptions : public ConvOptions<N> {
 public:
  LazyConvOptions(int64_t out_channels, ExpandingArray<N> kernel_size)
      : ConvOptions<N>(0, out_channels, kernel_size) {}
  LazyConvOptions(const ConvOptions<N>& o) : ConvOptions<N>(o) {}
};
template <size_t N>
class LazyConvTransposeOptions : public ConvTransposeOptions<N> {
 public:
  LazyConvTransposeOptions(int64_t out_channels, ExpandingArray<N> kernel_size)
      : ConvTransposeOptions<N>(0, out_channels, kernel_size) {}
  LazyConvTransposeOptions(const ConvTransposeOptions<N>& o) : ConvTransposeOptions<N>(o) {}
};

/// Convolution, or transposed convolution, whose in_channels is taken from the first input.
template <class Base, class Options, size_t N>
class LazyConvOf : public LazyOf<Base> {
 public:
  explicit LazyConvOf(Options o);
  template <class... A>
  requires(sizeof...(A) > 1 && std::is_constructible_v<Options, A...>) explicit LazyConvOf(A&&... a)
      : LazyConvOf(Options(std::forward<A>(a)...)) {}
  void initialize_parameters(const Tensor& input) override;
  std::shared_ptr<Module> clone() const override;
};

/// Batch or instance norm whose num_features is taken from the first input.
template <class Base, class Options, size_t N>
class LazyNormOf : public LazyOf<Base> {
 public:
  explicit LazyNormOf(Options o = Options());
  void initialize_parameters(const Tensor& input) override;
  std::shared_ptr<Module> clone() const override;
};
class LazyBatchNormOptions : public BatchNormOptions {
 public:
  LazyBatchNormOptions() : BatchNormOptions(0) {}
  LazyBatchNormOptions(const BatchNormOptions& o) : BatchNormOptions(o) {}
};
class LazyInstanceNormOptions : public InstanceNormOptions {
 public:
  LazyInstanceNormOptions() : InstanceNormOptions(0) {
    affine(true);
    track_running_stats(true);
  }
  LazyInstanceNormOptions(const InstanceNormOptions& o) : InstanceNormOptions(o) {}
};

#define RT_LAZY_NAMES(N)                                                                                  \
  using LazyConv##N##dOptions = LazyConvOptions<N>;                                                       \
  using LazyConv##N##dImpl = LazyConvOf<ConvNdImpl<N>, LazyConvOptions<N>, N>;                            \
  using LazyConv##N##d = ModuleHolder<LazyConv##N##dImpl>;                                                \
  using LazyConvTranspose##N##dOptions = LazyConvTransposeOptions<N>;                                     \
  using LazyConvTranspose##N##dImpl = LazyConvOf<ConvTransposeNdImpl<N>, LazyConvTransposeOptions<N>, N>; \
  using LazyConvTranspose##N##d = ModuleHolder<LazyConvTranspose##N##dImpl>;                              \
  using LazyBatchNorm##N##dOptions = LazyBatchNormOptions;                                                \
  using LazyBatchNorm##N##dImpl = LazyNormOf<BatchNormImpl<N>, LazyBatchNormOptions, N>;                  \
  using LazyBatchNorm##N##d = ModuleHolder<LazyBatchNorm##N##dImpl>;                                      \
  using LazyInstanceNorm##N##dOptions = LazyInstanceNormOptions;                                          \
  using LazyInstanceNorm##N##dImpl = LazyNormOf<InstanceNormImpl<N>, LazyInstanceNormOptions, N>;         \
  using LazyInstanceNorm##N##d = ModuleHolder<LazyInstanceNorm##N##dImpl>
RT_LAZY_NAMES(1);
RT_LAZY_NAMES(2);
RT_LAZY_NAMES(3);
#undef RT_LAZY_NAMES

}  // namespace rustorch::nn
