#include "autograd/out_memory.h"

#include "autograd/record.h"
#include "gtest/gtest.h"
#include "ops/make.h"
#include "rustorch/rustorch.h"

namespace rustorch {
namespace {

/// What make_tensor gives for the form of out while its memory is on offer.
template <class... Inputs>
Tensor made_beside(const Tensor& out, const Inputs&... inputs) {
  const OutMemory offer(out, inputs...);
  return make_tensor(out.sizes(), out.dtype(), out.device());
}
bool takes(const Tensor& out, const Tensor& made) { return out.impl()->storage() == made.impl()->storage(); }

TEST(OutMemory, IsGivenOnceAndOnlyWhereItFits) {
  const Tensor out = zeros({4, 4}), other = zeros({4, 4});
  EXPECT_TRUE(takes(out, made_beside(out, other)));
  EXPECT_FALSE(takes(out, made_beside(out, out)));             // an input
  EXPECT_FALSE(takes(out, made_beside(out, out.view({16}))));  // a view of one
  const Tensor part = zeros({5, 4}).narrow(0, 1, 4);
  EXPECT_FALSE(takes(part, made_beside(part, other)));  // does not begin its storage
  const OutMemory offer(out, other);
  EXPECT_FALSE(takes(out, make_tensor(out.sizes(), kFloat64, out.device())));
  EXPECT_TRUE(takes(out, make_tensor(out.sizes(), out.dtype(), out.device())));
  EXPECT_FALSE(takes(out, make_tensor(out.sizes(), out.dtype(), out.device())));
}

TEST(OutMemory, OtherLayoutsInItAreReadBeforeTheyAreWrittenOver) {
  const Tensor numbers = arange(16).to(kFloat32).reshape({4, 4});
  for (int way = 0; way < 3; ++way) {
    const Tensor out = zeros({4, 4});
    const Tensor made = made_beside(out, numbers);
    made.copy_(numbers);
    const auto value = [&](const Tensor& t) {
      return way == 0 ? t : way == 1 ? t.t() : t.narrow(1, 1, 2).t();
    };
    write_out("test", 0, out, value(made));
    EXPECT_TRUE(equal(out, value(numbers))) << way;
  }
}

}  // namespace
}  // namespace rustorch
