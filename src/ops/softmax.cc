// Softmax, log_softmax and their gradients.
#include "gen/impl.h"
#include "ops/nn_common.h"
#include "ops/softmax_grad.h"

namespace rustorch {

Tensor softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output, int64_t dim) {
  const int64_t dims[] = {dim};
  const Tensor a = mul(gg, sub(grad, sum(mul(grad, output), dims, true)));
  return sub(a, mul(grad, sum(mul(gg, output), dims, true)));
}

Tensor log_softmax_backward_adjoint(const Tensor& gg, const Tensor& output, int64_t dim) {
  return sub(gg, sum(mul(gg, exp(output)), IntArrayRef{dim}, true));
}

Tensor log_softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output, int64_t dim) {
  return neg(mul(mul(gg, exp(output)), sum(grad, IntArrayRef{dim}, true)));
}

namespace impl {
namespace {

Tensor run(const char* op, SoftmaxKind kind, const Tensor& in, const Tensor& grad, int64_t dim) {
  const DType t = kind == SoftmaxKind::Softmax || kind == SoftmaxKind::LogSoftmax ? in.dtype() : grad.dtype();
  SoftmaxCall call;
  call.kind = kind;
  call.dim = wrap_dim(op, dim, in.dim());
  if (in.numel() == 0) return make_tensor(in.sizes(), t, in.device());  // of any dtype
  const DType compute = nn_detail::kernel_dtype(op, t);
  call.in = nn_detail::kernel_input(in, compute);
  if (grad.defined()) call.grad = nn_detail::kernel_input(grad, compute);
  call.out = make_tensor(in.sizes(), compute, in.device());
  backend_for(call.out).softmax(call);
  return cast_raw(call.out, t);
}

// Conversion first, so that the sums are made in the wider type.
Tensor converted(const Tensor& self, std::optional<DType> dtype) {
  return dtype && *dtype != self.dtype() ? rustorch::to(self, *dtype) : self;
}

}  // namespace

Tensor _softmax(const Tensor& self, int64_t dim) {
  return run("softmax", SoftmaxKind::Softmax, self, {}, dim);
}
Tensor _log_softmax(const Tensor& self, int64_t dim) {
  return run("log_softmax", SoftmaxKind::LogSoftmax, self, {}, dim);
}
Tensor _softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
  return run("softmax_backward", SoftmaxKind::SoftmaxBackward, output, grad, dim);
}
Tensor _log_softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
  return run("log_softmax_backward", SoftmaxKind::LogSoftmaxBackward, output, grad, dim);
}
Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return rustorch::_softmax(converted(self, dtype), dim);
}
Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return rustorch::_log_softmax(converted(self, dtype), dim);
}
Tensor _softmax_backward_data(const Tensor& grad_output, const Tensor& output, int64_t dim,
                              DType input_dtype) {
  return rustorch::to(rustorch::_softmax_backward(grad_output, output, dim), input_dtype);
}
Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
  return rustorch::softmax(rustorch::neg(self), dim, dtype);
}

}  // namespace impl
}  // namespace rustorch
