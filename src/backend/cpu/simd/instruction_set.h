// Which of the compiled instruction sets this processor runs.
#pragma once

namespace rustorch::cpu {

/// "AVX512", "AVX2", or the name that Highway has for another one ("SSE4", "NEON", "SCALAR").
const char* instruction_set();

/// Takes no wider instruction set than RUSTORCH_CPU_CAPABILITY names: "avx2", "sse4", or "default", what
/// every processor of the architecture has. Anything else changes nothing. Before the first kernel runs, by
/// one thread.
void limit_instruction_set();

/// True when kernels written for AVX-512 may run: the processor has it, and nothing narrower was asked for.
bool allows_avx512();

}  // namespace rustorch::cpu
