// The types that are stored but not computed in, from C++: names, facts, conversions, promotion.
#include <gtest/gtest.h>

#include <cmath>

#include "core/promotion.h"
#include "rustorch/rustorch.h"

namespace rustorch {
namespace {

TEST(ElementTypes, Facts) {
  EXPECT_STREQ(dtype_name(kUInt16), "uint16");
  EXPECT_STREQ(dtype_name(kComplexHalf), "complex32");
  EXPECT_STREQ(dtype_scalar_name(kFloat8_e4m3fn), "Float8_e4m3fn");
  EXPECT_EQ(element_size(kUInt64), 8u);
  EXPECT_EQ(element_size(kFloat8_e8m0fnu), 1u);
  EXPECT_EQ(element_size(kComplex32), 4u);
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto t = static_cast<DType>(i);
    EXPECT_EQ(promote_types(t, t), t) << dtype_name(t);
    if (is_opaque(t)) {
      EXPECT_FALSE(is_complex(t) || is_integral(t, true)) << dtype_name(t);
      EXPECT_EQ(wide_type(t), t) << dtype_name(t);
      continue;
    }
    EXPECT_EQ(static_cast<int>(is_complex(t)) + is_floating_point(t) + is_integral(t, true), 1)
        << dtype_name(t);
    EXPECT_EQ(is_differentiable(t), is_complex(t) || is_floating_point(t)) << dtype_name(t);
    EXPECT_EQ(is_stored_only(wide_type(t)), false) << dtype_name(t);
  }
}

TEST(ElementTypes, Float8RoundsToNearestEven) {
  EXPECT_EQ(float(Float8_e4m3fn(1.0625f)), 1.0f);   // the middle: to even
  EXPECT_EQ(float(Float8_e4m3fn(1.1875f)), 1.25f);  // the middle: to even
  EXPECT_EQ(float(Float8_e4m3fn(1e9f)), 448.0f);
  EXPECT_TRUE(std::isinf(float(Float8_e5m2(1e9f))));
  EXPECT_TRUE(std::isnan(float(Float8_e4m3fnuz(1e9f))));
  EXPECT_EQ(Float8_e5m2fnuz(-0.0f).bits, 0);
  EXPECT_EQ(float(Float8_e8m0fnu(-3.0f)), 4.0f);
  for (int i = 0; i < 256; ++i) {
    const auto x = Float8_e4m3fn::from_bits(static_cast<uint8_t>(i));
    const float v = x;
    if (!std::isnan(v)) {
      EXPECT_EQ(Float8_e4m3fn(v).bits, i);
    }
  }
}

TEST(ElementTypes, TensorsOfThem) {
  const Tensor x = tensor(std::vector<uint16_t>{1, 65535, 300});
  EXPECT_EQ(x.dtype(), kUInt16);
  EXPECT_EQ(x.to(kInt32)[1].item<int>(), 65535);
  EXPECT_EQ((x + 1)[1].item<int>(), 0);
  EXPECT_EQ(x.sum().dtype(), kInt64);
  const Tensor big = full({2}, Scalar(UINT64_MAX), kUInt64);
  EXPECT_TRUE(big[0].item().is_beyond_int64());
  EXPECT_EQ(big[0].item().to_uint(), UINT64_MAX);
  EXPECT_EQ(big.max().item().to_uint(), UINT64_MAX);
  EXPECT_EQ(big.to(kFloat64)[0].item<double>(), 18446744073709551616.0);
  const Tensor w = full({4}, 0.3, kFloat8_e5m2);
  EXPECT_EQ(w.data_ptr<Float8_e5m2>()[0].bits, Float8_e5m2(0.3f).bits);
  EXPECT_THROW(w + w, RusTorchError);
  EXPECT_THROW(promote_types(kUInt16, kInt64), RusTorchError);
  EXPECT_EQ(promote_types(kUInt16, kFloat16), kFloat16);
  EXPECT_EQ(promote_types(kComplex32, kFloat32), kComplex64);
}

}  // namespace
}  // namespace rustorch
