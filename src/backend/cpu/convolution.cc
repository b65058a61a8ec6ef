// The conv family on the CPU: reads the sizes off the tensors and calls the packed kernels of
// backend/cpu/conv.
#include <complex>

#include "backend/cpu/conv/conv.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/nn_kernels.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {
namespace {

static_assert(static_cast<int>(Epilogue::Silu) == static_cast<int>(Activation::Silu));

ConvArgs arguments(const ConvCall& call) {
  ConvArgs args;
  args.rank = call.rank;
  args.batch = call.x.size(0);
  args.in_channels = call.x.size(1);
  args.out_channels = call.y.size(1);
  args.groups = call.groups;
  args.channels_last = call.channels_last;
  for (int i = 0; i < call.rank; ++i) {
    const size_t d = static_cast<size_t>(i);
    args.in[i] = call.x.size(2 + i);
    args.out[i] = call.y.size(2 + i);
    args.kernel[i] = call.w.size(2 + i);
    args.stride[i] = call.stride[d];
    args.padding[i] = call.padding[d];
    args.dilation[i] = call.dilation[d];
  }
  return args;
}

template <class T>
void run(const ConvCall& call) {
  const ConvArgs args = arguments(call);
  switch (call.kind) {
    case ConvKind::Forward:
      return conv_forward<T>(args, call.x.impl()->data<T>(), call.w.impl()->data<T>(),
                             call.bias.defined() ? call.bias.impl()->data<T>() : nullptr,
                             static_cast<Activation>(call.act), call.y.impl()->mutable_data<T>());
    case ConvKind::BackwardData:
      return conv_backward_data<T>(args, call.y.impl()->data<T>(), call.w.impl()->data<T>(),
                                   call.x.impl()->mutable_data<T>());
    case ConvKind::BackwardWeight:
      return conv_backward_weight<T>(args, call.x.impl()->data<T>(), call.y.impl()->data<T>(),
                                     call.w.impl()->mutable_data<T>());
  }
}

}  // namespace

void convolution(const ConvCall& call) {
  const DType t = call.y.impl()->dtype();
  if (is_floating_point(t) || is_complex(t))
    dispatch_floating_complex("convolution", t, [&](auto tag) { run<typename decltype(tag)::type>(call); });
  else
    dispatch_integral("convolution", t, [&](auto tag) { run<typename decltype(tag)::type>(call); });
}

}  // namespace rustorch::cpu
