// The family `fft` on the CPU.
#pragma once
#include "backend/families.h"
#include "backend/families_data.h"

namespace rustorch::cpu {

void fourier(const FftCall& call);

}  // namespace rustorch::cpu
