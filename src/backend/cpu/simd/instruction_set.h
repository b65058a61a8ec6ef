// Which of the compiled instruction sets this processor runs.
#pragma once

namespace rustorch::cpu {

/// "AVX512", "AVX2", or the name that Highway has for another one ("SSE4", "NEON", "SCALAR").
const char* instruction_set();

}  // namespace rustorch::cpu
