#include "backend/cpu/simd/instruction_set.h"

#include <gtest/gtest.h>

#include <string>

namespace rustorch {
namespace {

// It is that of the kernels, not the widest of the processor: no kernel is compiled for SVE.
TEST(InstructionSet, IsOneThatKernelsAreCompiledFor) {
  const std::string name = cpu::instruction_set();
#if defined(__aarch64__)
  EXPECT_EQ(name, "NEON");
#elif defined(__x86_64__)
  EXPECT_TRUE(name == "SSE2" || name == "SSE4" || name == "AVX2" || name == "AVX512") << name;
#endif
}

}  // namespace
}  // namespace rustorch
