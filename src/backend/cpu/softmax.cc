// Softmax family on the CPU: splits the tensor into rows (softmax along contiguous memory) or tiles of
// columns.
#include "backend/cpu/softmax.h"

#include <algorithm>

#include "backend/cpu/nn_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

template <class T>
void run_rows(SoftmaxKind kind, const T* x, const T* g, T* y, int64_t rows, int64_t n) {
  const auto& k = softmax_kernels(T());
  parallel_for(0, rows, row_grain(n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t at = r * n;
      switch (kind) {
        case SoftmaxKind::Softmax:
          k.softmax_row(x + at, y + at, n);
          break;
        case SoftmaxKind::LogSoftmax:
          k.log_softmax_row(x + at, y + at, n);
          break;
        case SoftmaxKind::SoftmaxBackward:
          k.softmax_backward_row(x + at, g + at, y + at, n);
          break;
        case SoftmaxKind::LogSoftmaxBackward:
          k.log_softmax_backward_row(x + at, g + at, y + at, n);
          break;
      }
    }
  });
}

// Tiles are as wide as half of an L2 cache allows, so that the second and third pass over a tile hit it.
template <class T>
void run_columns(SoftmaxKind kind, const T* x, const T* g, T* y, int64_t outer, int64_t n, int64_t inner) {
  const auto& k = softmax_kernels(T());
  const int64_t budget = (int64_t{1} << 19) / static_cast<int64_t>(sizeof(T)) / n;
  const int64_t tile = std::clamp<int64_t>(budget / 64 * 64, 64, 1024);
  const int64_t tiles = (inner + tile - 1) / tile;
  const int64_t grain = row_grain(n * std::min(tile, inner));
  parallel_for(0, outer * tiles, grain, [&](int64_t begin, int64_t end) {
    ScratchBuffer<T> scratch(2 * tile);
    for (int64_t c = begin; c < end; ++c) {
      const int64_t first = c % tiles * tile;
      const int64_t at = c / tiles * n * inner + first;
      k.columns(static_cast<int>(kind), x + at, g ? g + at : nullptr, y + at, n, inner,
                std::min(tile, inner - first), scratch.data());
    }
  });
}

template <class T>
void run(const SoftmaxCall& call) {
  const TensorImpl& in = *call.in.impl();
  int64_t outer = 1, inner = 1;
  const int dim = static_cast<int>(call.dim);
  for (int d = 0; d < in.dim(); ++d) (d < dim ? outer : inner) *= d == dim ? 1 : in.size(d);
  const int64_t n = in.dim() == 0 ? 1 : in.size(dim);
  const T* g = call.grad.defined() ? call.grad.impl()->data<T>() : nullptr;
  T* y = call.out.impl()->mutable_data<T>();
  if (inner == 1)
    run_rows(call.kind, in.data<T>(), g, y, outer, n);
  else
    run_columns(call.kind, in.data<T>(), g, y, outer, n, inner);
}

}  // namespace

void softmax(const SoftmaxCall& call) {
  if (call.in.impl()->numel() == 0) return;
  if (call.in.impl()->dtype() == kFloat32)
    run<float>(call);
  else
    run<double>(call);
}

}  // namespace rustorch::cpu
