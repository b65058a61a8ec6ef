// Storages: sharing until a write, the last sharer leaving at any moment, resizing; and the words for
// scalars.
#include "core/storage.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/scalar.h"

namespace rustorch {
namespace {

/// A device that counts its blocks, and lets a test act in the middle of a copy.
struct Blocks {
  int live = 0, copies = 0;
  Storage* leaves = nullptr;  // released by the next copy
};

void* take(void* context, size_t nbytes) {
  ++static_cast<Blocks*>(context)->live;
  return std::malloc(nbytes);
}
void give(void* context, void* data, size_t) {
  --static_cast<Blocks*>(context)->live;
  std::free(data);
}
void copy(void* context, void* to, const void* from, size_t nbytes) {
  auto* blocks = static_cast<Blocks*>(context);
  ++blocks->copies;
  std::memcpy(to, from, nbytes);
  if (Storage* s = std::exchange(blocks->leaves, nullptr)) s->release();
}

class StorageTest : public testing::Test {
 protected:
  StorageTest() {
    ops_.allocate = take;
    ops_.release = give;
    ops_.copy = copy;
  }
  ~StorageTest() override { EXPECT_EQ(blocks_.live, 0); }
  Storage* make(const char* text) {
    void* data = take(&blocks_, 16);
    std::memcpy(data, text, std::strlen(text) + 1);
    return new Storage(data, 16, Device::Cpu(), &ops_, &blocks_);
  }
  static std::string text(const Storage* s) { return static_cast<const char*>(s->data()); }

  Blocks blocks_;
  StorageOps ops_{};
};

TEST_F(StorageTest, SharesUntilAWrite) {
  Storage* a = make("one");
  Storage* b = a->share();
  EXPECT_EQ(a->data(), b->data());
  std::strcpy(static_cast<char*>(b->mutable_data()), "two");
  EXPECT_EQ(text(a), "one");
  EXPECT_EQ(text(b), "two");
  EXPECT_EQ(blocks_.copies, 1);
  a->mutable_data();  // alone again: no copy
  EXPECT_EQ(blocks_.copies, 1);
  EXPECT_FALSE(a->is_shared());
  a->pin();
  EXPECT_EQ(a->share(), nullptr);
  a->release();
  b->release();
}

TEST_F(StorageTest, TheLastSharerMayLeaveDuringTheCopy) {
  Storage* a = make("one");
  blocks_.leaves = a->share();
  a->mutable_data();
  EXPECT_EQ(text(a), "one");
  EXPECT_EQ(blocks_.live, 1);
  a->release();
}

TEST_F(StorageTest, ResizesSharedAndOwnBytes) {
  Storage* a = make("one");
  Storage* b = a->share();
  a->resize(32);
  EXPECT_EQ(text(a), "one");
  EXPECT_EQ(a->nbytes(), 32u);
  EXPECT_EQ(text(b), "one");
  EXPECT_EQ(b->nbytes(), 16u);
  b->resize(2);  // the other sharer is gone: these bytes end here
  EXPECT_EQ(std::string(static_cast<const char*>(b->data()), 2), "on");
  EXPECT_EQ(blocks_.live, 2);
  b->resize(0);
  EXPECT_EQ(b->data(), nullptr);
  a->release();
  b->release();
}

template <class T>
std::string text_of(const T& v) {
  std::string text;
  detail::append(text, v);
  return text;
}

TEST(TensorSizes, AreAskedByDimension) {
  const Tensor t = zeros({2, 3});
  EXPECT_EQ(t.size(-1), 3);
  EXPECT_EQ(t.stride(0), 3);
  const Tensor scalar = zeros({});
  EXPECT_THROW(scalar.size(0), RusTorchError);
  EXPECT_THROW(scalar.stride(0), RusTorchError);
  EXPECT_THROW(t.size(2), RusTorchError);
  EXPECT_EQ(text_of(t), "float32[2, 3]");
  EXPECT_EQ(text_of(Tensor()), "an undefined tensor");
}

TEST(Scalars, SayWhatTheyAre) {
  EXPECT_EQ(text_of(Scalar(true)), "True");
  EXPECT_EQ(text_of(Scalar(-3)), "-3");
  EXPECT_EQ(text_of(Scalar(2.5)), "2.5");
  EXPECT_EQ(text_of(Scalar(std::complex<double>(1.5, -2))), "(1.5+-2j)");
  EXPECT_EQ(cat(std::numeric_limits<double>::quiet_NaN()), "nan");
  EXPECT_EQ(cat(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(cat(-std::numeric_limits<float>::infinity()), "-inf");
  EXPECT_EQ(Scalar(1e300).to_int(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Scalar(-1e300).to_int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Scalar(std::numeric_limits<double>::quiet_NaN()).to_int(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Scalar(-2.9).to_int(), -2);
  EXPECT_TRUE(Scalar(std::complex<double>(0, 1)).to_bool());
  EXPECT_EQ(Scalar(true).dtype(), kBool);
  EXPECT_EQ(Scalar(std::complex<double>(0, 1)).dtype(), kComplex64);
}

TEST(Errors, HaveNamesOfTheirKinds) {
  EXPECT_STREQ(error_kind_name(ErrorKind::Shape), "Shape");
  EXPECT_STREQ(error_kind_name(ErrorKind::OutOfMemory), "OutOfMemory");
  EXPECT_STREQ(error_kind_name(ErrorKind::Internal), "Internal");
}

}  // namespace
}  // namespace rustorch
