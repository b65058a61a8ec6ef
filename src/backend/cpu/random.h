// CPU kernels of the random family: see families_data.h.
#pragma once
#include "backend/families_data.h"

namespace rustorch::cpu {

void random(const RandomCall& call);

}  // namespace rustorch::cpu
