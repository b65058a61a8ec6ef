#include "backend/cpu/simd/instruction_set.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "backend/cpu/simd/targets.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace rustorch::cpu {

const char* instruction_set() {
  const int64_t all = hwy::SupportedTargets() & HWY_TARGETS;
  const char* best = hwy::TargetName(all & -all);  // the lowest bit is the widest set
  return std::strncmp(best, "AVX3", 4) == 0 || std::strncmp(best, "AVX10", 5) == 0 ? "AVX512" : best;
}

bool allows_avx512() { return std::strcmp(instruction_set(), "AVX512") == 0; }

void limit_instruction_set() {
  const char* name = std::getenv("RUSTORCH_CPU_CAPABILITY");
  if (name == nullptr) return;
  int64_t widest = 0;  // the lower its bit the wider a set
  if (std::strcmp(name, "default") == 0) widest = HWY_STATIC_TARGET;
#if HWY_ARCH_X86
  if (std::strcmp(name, "sse4") == 0) widest = HWY_SSE4;
  if (std::strcmp(name, "avx2") == 0) widest = HWY_AVX2;
#endif
  if (widest == 0) return;
  hwy::DisableTargets(widest - 1);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace rustorch::cpu
