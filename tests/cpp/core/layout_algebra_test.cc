// Layout algebra: strides of layouts and of views, sizes that overflow, broadcasting.
#include "core/layout_algebra.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "rustorch/error.h"

namespace rustorch {
namespace {

using Dims = std::vector<int64_t>;

void expect_error(ErrorKind kind, const char* part, const std::function<void()>& f) {
  try {
    f();
    ADD_FAILURE() << "no error; expected one with: " << part;
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), kind) << e.what();
    EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

TEST(Layout, CountsAndRefusesOverflow) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(checked_numel("t", {}), 1);
  EXPECT_EQ(checked_numel("t", {3, 0, 5}), 0);
  EXPECT_EQ(checked_nbytes("t", {3, 5}, 8), 120u);
  expect_error(ErrorKind::Value, "integer multiplication overflow", [] { checked_numel("t", {kHuge, 2}); });
  expect_error(ErrorKind::Value, "Storage size calculation overflowed",
               [] { checked_nbytes("t", {kHuge / 2}, 4); });
}

TEST(Layout, ChannelsLast) {
  EXPECT_EQ(channels_last_strides({2, 3, 4, 5}), (Dims{60, 1, 15, 3}));
  EXPECT_EQ(channels_last_strides({2, 3, 4, 5, 6}), (Dims{360, 1, 90, 18, 3}));
  EXPECT_EQ(channels_last_strides({2, 3, 0, 5}), (Dims{0, 1, 15, 3}))
      << "as PyTorch: an empty dimension counts";
  const auto is_last = [](const Dims& sizes, const Dims& strides) {
    return is_channels_last(sizes, strides,
                            sizes.size() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast);
  };
  EXPECT_TRUE(is_last({2, 3, 4, 5}, {60, 1, 15, 3}));
  EXPECT_TRUE(is_last({2, 3, 4, 5, 6}, {360, 1, 90, 18, 3}));
  EXPECT_FALSE(is_last({2, 3, 4, 5}, {60, 20, 5, 1}));
  EXPECT_FALSE(is_last({2, 3, 4, 5}, {60, 1, 15, 6}));
  EXPECT_FALSE(is_last({2, 3, 4, 5}, {30, 1, 15, 3}));
  EXPECT_TRUE(is_last({1, 3, 4, 5}, {7, 1, 15, 3})) << "the stride of one element does not matter";
  EXPECT_FALSE(is_channels_last({3, 4, 5}, {1, 15, 3}, MemoryFormat::ChannelsLast));
}

TEST(Layout, ViewsKeepTheirPlaces) {
  EXPECT_EQ(view_strides({4, 6}, {6, 1}, {2, 2, 6}), (Dims{12, 6, 1}));
  EXPECT_EQ(view_strides({4, 6}, {1, 4}, {2, 2, 6}), (Dims{2, 1, 4}));
  EXPECT_FALSE(view_strides({4, 6}, {1, 4}, {24}).has_value()) << "a transposed matrix is no line";
  EXPECT_EQ(view_strides({}, {}, {1, 1}), (Dims{1, 1}));
  EXPECT_EQ(view_strides({0, 3}, {7, 7}, {0, 3}), (Dims{7, 7})) << "same shape, same strides";
  EXPECT_EQ(view_strides({0, 3}, {7, 7}, {3, 0}), contiguous_strides({3, 0}));
  EXPECT_EQ(dense_strides_like({2, 3, 4}, {1, 2, 6}), (Dims{1, 2, 6}));
  EXPECT_TRUE(may_overlap({3, 3}, {1, 1}));
  EXPECT_FALSE(may_overlap({3, 0}, {0, 0}));
  EXPECT_FALSE(may_overlap({3, 2}, {2, 1}));
}

TEST(Layout, InfersOneSize) {
  EXPECT_EQ(infer_size("t", {2, -1}, 6), (Dims{2, 3}));
  EXPECT_EQ(infer_size("t", {}, 1), Dims{});
  const auto fails = [](const Dims& shape, int64_t numel, const char* part) {
    expect_error(ErrorKind::Shape, part, [&] { infer_size("t", shape, numel); });
  };
  fails({-1, -1}, 4, "only one dimension can be inferred");
  fails({-2}, 4, "invalid shape dimension -2");
  fails({1LL << 40, 1LL << 40}, 4, "is invalid for input of size 4");
  fails({4, -1}, 6, "is invalid for input of size 6");
  fails({0, -1}, 0, "is ambiguous");
}

TEST(Layout, WrapsAndBroadcasts) {
  EXPECT_EQ(wrap_dim("t", -1, 3), 2);
  EXPECT_EQ(wrap_dim("t", -1, 0), 0);
  expect_error(ErrorKind::Index, "Dimension out of range", [] { wrap_dim("t", 3, 3); });
  EXPECT_EQ(broadcast_shapes("t", {3, 1}, {2, 1, 4}), (Dims{2, 3, 4}));
  EXPECT_EQ(broadcast_shapes("t", {1}, {0}), Dims{0});
  expect_error(ErrorKind::Shape, "The size of tensor a (3) must match the size of tensor b (2)",
               [] { broadcast_shapes("t", {3}, {2}); });
  EXPECT_TRUE(is_expandable_to({3, 1}, {2, 3, 4}));
  EXPECT_FALSE(is_expandable_to({2, 3, 4}, {3, 4}));
  EXPECT_FALSE(is_expandable_to({2}, {3}));
  int64_t first = 0, last = 0;
  extent({3, 4}, {10, -1}, &first, &last);
  EXPECT_EQ(first, -3);
  EXPECT_EQ(last, 20);
}

}  // namespace
}  // namespace rustorch
