// The instruction sets our kernels are compiled for. Include before any Highway header.
//
// x86: scalar, SSE4, AVX2, AVX-512. ARM: NEON. WASM: SIMD128. Fewer targets keep builds and libraries small.
#pragma once

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif
