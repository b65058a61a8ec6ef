// Dropout on the CPU: one random bit per element, kept as a mask of one bit per element.
//
// A chunk draws its bits with the vectorised Philox fill and applies them at once. Chunks start at multiples
// of 8 elements, so no byte of the mask belongs to two of them.
#include <algorithm>

#include "backend/cpu/dropout_kernels.h"
#include "backend/cpu/nn_kernels.h"
#include "base/philox.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {
namespace {

template <class T>
void run(const DropoutCall& c) {
  const T* x = c.in.impl()->data<T>();
  T* y = c.out.impl()->mutable_data<T>();
  const bool make = c.kind == DropoutKind::Make;
  uint8_t* drawn = make ? c.mask.impl()->mutable_data<uint8_t>() : nullptr;
  const uint8_t* mask = make ? drawn : c.mask.impl()->data<uint8_t>();
  parallel_for(0, c.in.impl()->numel(), kGrain, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 4096;
    for (int64_t i = begin; i < end; i += kBlock) {
      const int64_t n = std::min(kBlock, end - i);
      if (make) fill_bernoulli_bits(c.seed, c.offset, i, drawn + i / 8, n, c.keep);
      apply_mask(x + i, mask + i / 8, y + i, n, static_cast<T>(c.scale));
    }
  });
}

}  // namespace

void dropout(const DropoutCall& call) {
  if (call.in.impl()->numel() == 0) return;
  if (call.in.impl()->dtype() == kFloat32)
    run<float>(call);
  else
    run<double>(call);
}

}  // namespace rustorch::cpu
