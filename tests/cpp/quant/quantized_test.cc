// Quantized tensors from C++: parts, views, copies, refusals, life of what they hold.
#include "rustorch/quantized.h"

#include <gtest/gtest.h>

#include "core/quantized_data.h"
#include "rustorch/qscheme.h"
#include "rustorch/rustorch.h"

namespace rustorch {
namespace {

Tensor numbers() { return rustorch::tensor({0.0f, 1.0f, -1.0f, 2.5f, 100.0f, -100.0f}).view({2, 3}); }

template <class T>
std::vector<T> flat(const Tensor& t) {
  const Tensor c = t.contiguous();
  return {c.const_data_ptr<T>(), c.const_data_ptr<T>() + c.numel()};
}

TEST(Quantized, IntegersScaleAndNumbers) {
  const Tensor q = quantize_per_tensor(numbers(), 0.1, 10, kQUInt8);
  EXPECT_TRUE(q.is_quantized());
  EXPECT_FALSE(q.is_sparse());
  EXPECT_EQ(q.layout(), Layout::Strided);
  EXPECT_EQ(q.dtype(), kQUInt8);
  EXPECT_EQ(qscheme(q), QScheme::PerTensorAffine);
  EXPECT_DOUBLE_EQ(q.q_scale(), 0.1);
  EXPECT_EQ(q.q_zero_point(), 10);
  EXPECT_EQ(flat<uint8_t>(q.int_repr()), (std::vector<uint8_t>{10, 20, 0, 35, 255, 0}));
  EXPECT_FLOAT_EQ(q.dequantize()[1][0].item<float>(), 2.5f);
  EXPECT_FLOAT_EQ(q[0][1].item<float>(), 1.0f);
}

TEST(Quantized, ByChannel) {
  const Tensor q = quantize_per_channel(numbers(), rustorch::tensor({0.5f, 1.0f}),
                                        rustorch::tensor({int64_t{0}, int64_t{3}}), 0, kQInt8);
  EXPECT_EQ(qscheme(q), QScheme::PerChannelAffine);
  EXPECT_EQ(q.q_per_channel_axis(), 0);
  EXPECT_EQ(q.q_per_channel_scales().dtype(), kFloat64);
  EXPECT_EQ(flat<int8_t>(q.int_repr()), (std::vector<int8_t>{0, 2, -2, 5, 103, -97}));
  const Tensor row = q[1];  // one scale is left
  EXPECT_EQ(qscheme(row), QScheme::PerTensorAffine);
  EXPECT_EQ(row.q_zero_point(), 3);
  EXPECT_THROW(q.q_scale(), RusTorchError);
  EXPECT_THROW(q.t(), RusTorchError);
}

TEST(Quantized, ViewsWriteThrough) {
  Tensor q = quantize_per_tensor(numbers(), 1.0, 0, kQInt8);
  q.t()[2].fill_(7);
  EXPECT_EQ(flat<int8_t>(q.int_repr()), (std::vector<int8_t>{0, 1, 7, 2, 100, 7}));
  Tensor view;
  {
    const Tensor copy = q.clone();
    view = copy[0];
    q.fill_(1);
  }
  EXPECT_EQ(flat<int8_t>(view.int_repr()), (std::vector<int8_t>{0, 1, 7}));
}

TEST(Quantized, TensorsThatAreNotAreRefused) {
  const Tensor x = numbers();
  EXPECT_THROW(x.q_scale(), RusTorchError);
  EXPECT_THROW(x.int_repr(), RusTorchError);
  EXPECT_THROW(qscheme(Tensor()), RusTorchError);
  EXPECT_THROW(quantize_per_tensor(x, 0.1, 0, kFloat32), RusTorchError);
  EXPECT_THROW(quantize_per_tensor(x, 0.1, 400, kQUInt8), RusTorchError);
}

TEST(Quantized, OperatorsWithoutARuleRefuse) {
  const Tensor q = quantize_per_tensor(numbers(), 0.1, 10, kQUInt8), x = numbers();
  for (const auto& call : std::vector<std::function<void()>>{
           [&] { q.add(q); }, [&] { x.mul(q); }, [&] { q.sum(); }, [&] { q.matmul(q.t()); }, [&] { q.exp(); },
           [&] { x.clone().add_(q); }, [&] { x.clone().copy_(q); }, [&] { add_out(q.clone(), x, x); },
           [&] { q.to(kFloat32); }, [&] { q.softmax(0); }, [&] { q.view(kUInt8); }})
    EXPECT_THROW(call(), RusTorchError);
}

TEST(Quantized, PackedBytes) {
  const Tensor q = quantize_per_tensor(rustorch::tensor({1.0f, 2.0f, 3.0f}), 1.0, 0, kQUInt4x2);
  EXPECT_EQ(q.numel(), 3);
  EXPECT_EQ(flat<uint8_t>(q.int_repr()), (std::vector<uint8_t>{0x21, 0x03}));
  EXPECT_EQ(flat<float>(q.dequantize()), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(packed_elements(kQUInt2x4), 4);
}

TEST(Quantized, FakeQuantizeHasAGradient) {
  Tensor x = rustorch::tensor({0.12f, 5.0f});
  x.requires_grad_(true);
  const Tensor y = fake_quantize_per_tensor_affine(x, 0.1, 0, -8, 7);
  y.sum().backward();
  EXPECT_EQ(flat<float>(x.grad()), (std::vector<float>{1, 0}));
  EXPECT_FLOAT_EQ(y[1].item<float>(), 0.7f);
}

TEST(OpaqueTypes, AreMovedButNotComputed) {
  const Tensor x = rustorch::arange(8, TensorOptions(kUInt8)).view(kInt4);
  EXPECT_EQ(x.clone().view(kUInt8).sum().item<int>(), 28);
  EXPECT_THROW(x.add(x), RusTorchError);
  EXPECT_THROW(x[0].item(), RusTorchError);
  EXPECT_THROW(x.to(kFloat32), RusTorchError);
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    EXPECT_EQ(empty({3}, TensorOptions(t)).nbytes(), static_cast<int64_t>(3 * element_size(t)));
    EXPECT_STRNE(dtype_name(t), "");
  }
}

}  // namespace
}  // namespace rustorch
