// Padding layers: one number for all sides, or {left, right, top, bottom, front, back}.
#pragma once
#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"

namespace rustorch::nn {

/// How a padding layer of N sides fills: "constant" with a value, "reflect", "replicate" or "circular".
template <size_t N>
class PadOptions {
 public:
  PadOptions(ExpandingArray<2 * N> padding) : padding_(padding) {}
  PadOptions(ExpandingArray<2 * N> padding, double value) : padding_(padding), value_(value) {}
  RT_OPTION(ExpandingArray<2 * N>, padding, 0);
  RT_OPTION(double, value, 0);
};

/// What all padding layers share; the classes below name the mode.
template <size_t N>
class PadImpl : public Module {
 public:
  PadImpl(PadOptions<N> o, const char* kind) : options(o), kind_(kind) {}
  Tensor forward(const Tensor& input) override;
  std::string type_name() const override;
  std::string extra_repr() const override;
  PadOptions<N> options;

 private:
  const char* kind_;
};

/// Gives a padding layer its clone(); a template, so that it costs only those who use it.
template <class Derived, size_t N>
class PadLayer : public PadImpl<N> {
 public:
  using PadImpl<N>::PadImpl;
  std::shared_ptr<Module> clone() const override {
    return std::make_shared<Derived>(static_cast<const Derived&>(*this));
  }
};

#define RT_PAD_LAYER(Kind, N)                                                                    \
  class Kind##N##dImpl : public PadLayer<Kind##N##dImpl, N> {                                    \
   public:                                                                                       \
    template <class... A>                                                                        \
    requires std::is_constructible_v<PadOptions<N>, A...>                                        \
    explicit Kind##N##dImpl(A&&... a) : PadLayer(PadOptions<N>(std::forward<A>(a)...), #Kind) {} \
  };                                                                                             \
  using Kind##N##dOptions = PadOptions<N>;                                                       \
  using Kind##N##d = ModuleHolder<Kind##N##dImpl>
RT_PAD_LAYER(ConstantPad, 1);
RT_PAD_LAYER(ConstantPad, 2);
RT_PAD_LAYER(ConstantPad, 3);
RT_PAD_LAYER(ZeroPad, 1);
RT_PAD_LAYER(ZeroPad, 2);
RT_PAD_LAYER(ZeroPad, 3);
RT_PAD_LAYER(ReflectionPad, 1);
RT_PAD_LAYER(ReflectionPad, 2);
RT_PAD_LAYER(ReflectionPad, 3);
RT_PAD_LAYER(ReplicationPad, 1);
RT_PAD_LAYER(ReplicationPad, 2);
RT_PAD_LAYER(ReplicationPad, 3);
RT_PAD_LAYER(CircularPad, 1);
RT_PAD_LAYER(CircularPad, 2);
RT_PAD_LAYER(CircularPad, 3);
#undef RT_PAD_LAYER

}  // namespace rustorch::nn
