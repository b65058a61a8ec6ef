#include "backend/cpu/simd/instruction_set.h"

#include <cstring>

#include "backend/cpu/simd/targets.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace rustorch::cpu {

const char* instruction_set() {
  const int64_t all = hwy::SupportedTargets();
  const char* best = hwy::TargetName(all & -all);  // the lowest bit is the widest set
  return std::strncmp(best, "AVX3", 4) == 0 || std::strncmp(best, "AVX10", 5) == 0 ? "AVX512" : best;
}

}  // namespace rustorch::cpu
