#include "rustorch/result.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace rustorch {
namespace {

RusTorchResult<int> parse(const std::string& s) {
  if (s.empty() || s.find_first_not_of("0123456789") != std::string::npos)
    return Err(ErrorKind::Format, "parse", cat("expected digits; got '", s, "'"));
  return Ok(std::stoi(s));
}

RusTorchResult<void> check(bool good) {
  if (!good) return Err(ErrorKind::Value, "check", "bad");
  return Ok();
}

RusTorchResult<std::string> sum(const std::string& a, const std::string& b, bool good = true) {
  RT_TRY(x, parse(a));
  RT_TRY(y, parse(b));
  RT_TRY_VOID(check(good));
  return Ok(std::to_string(x + y));
}

TEST(Result, HoldsAValueOrAnError) {
  RusTorchResult<int> r = parse("12");
  EXPECT_TRUE(r.is_ok() && !r.is_err() && r);
  EXPECT_EQ(*r, 12);
  EXPECT_EQ(*r.ok(), 12);
  EXPECT_EQ(r.err(), nullptr);
  EXPECT_EQ(r.value(), 12);
  EXPECT_THROW(r.error(), RusTorchError);
  RusTorchResult<int> bad = parse("x");
  EXPECT_TRUE(bad.is_err());
  EXPECT_EQ(bad.ok(), nullptr);
  EXPECT_EQ(bad.err()->kind(), ErrorKind::Format);
  EXPECT_EQ(bad.unwrap_or(7), 7);
  EXPECT_THROW(bad.unwrap(), RusTorchError);
  EXPECT_THROW(*bad, RusTorchError);
}

TEST(Result, TryPassesErrorsOn) {
  EXPECT_EQ(sum("1", "2").unwrap(), "3");
  EXPECT_EQ(sum("1", "b").error().op(), "parse");
  EXPECT_EQ(sum("1", "2", false).error().kind(), ErrorKind::Value);
}

TEST(Result, ExpectAddsContext) {
  try {
    (void)parse("q").expect("while reading the header");
    FAIL();
  } catch (const RusTorchError& e) {
    EXPECT_NE(std::string(e.what()).find("while reading the header"), std::string::npos);
  }
  EXPECT_EQ(parse("3").expect("unused"), 3);
}

TEST(Result, Combinators) {
  EXPECT_EQ(parse("4").map([](int n) { return n * 2.5; }).unwrap(), 10.0);
  EXPECT_EQ(parse("4").and_then([](int n) { return parse(std::to_string(n + 1)); }).unwrap(), 5);
  EXPECT_TRUE(parse("x").map([](int n) { return n; }).is_err());
  EXPECT_EQ(parse("x").unwrap_or_else([](const RusTorchError& e) { return static_cast<int>(e.op().size()); }),
            5);
  EXPECT_EQ(parse("x").map_err([](const RusTorchError& e) { return e.with_context("more"); }).error().kind(),
            ErrorKind::Format);
  EXPECT_EQ(check(true).map([] { return 1; }).unwrap(), 1);
  EXPECT_TRUE(check(false).and_then([] { return parse("1"); }).is_err());
  int seen = 0;
  EXPECT_TRUE(parse("6").map([&](int n) { seen = n; }).is_ok());
  EXPECT_EQ(seen, 6);
}

TEST(Result, MoveOnlyValues) {
  auto make = []() -> RusTorchResult<std::unique_ptr<int>> { return Ok(std::make_unique<int>(3)); };
  std::unique_ptr<int> p = make().unwrap();
  EXPECT_EQ(*p, 3);
  RusTorchResult<std::unique_ptr<int>> r = make();
  EXPECT_EQ(**r, 3);
  EXPECT_EQ(*r->get(), 3);
  auto through = [&]() -> RusTorchResult<int> {
    RT_TRY(q, make());
    return Ok(*q);
  };
  EXPECT_EQ(through().unwrap(), 3);
}

TEST(Result, AttemptCatches) {
  EXPECT_EQ(attempt([] { return 5; }).unwrap(), 5);
  EXPECT_TRUE(attempt([] {}).is_ok());
  EXPECT_EQ(attempt([]() -> int { raise(ErrorKind::Index, "op", "bad"); }).error().kind(), ErrorKind::Index);
  EXPECT_EQ(attempt([]() -> int { throw std::bad_alloc(); }).error().kind(), ErrorKind::OutOfMemory);
  EXPECT_EQ(attempt([] { throw std::runtime_error("x"); }).error().kind(), ErrorKind::Internal);
  EXPECT_EQ(attempt([] { return parse("9"); }).unwrap(), 9);
}

}  // namespace
}  // namespace rustorch
