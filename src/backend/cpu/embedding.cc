// Embedding tables on the CPU: rows gathered by index, and their dense gradient.
//
// The gradient is deterministic: positions are grouped by row with a counting sort that keeps their order,
// then every row is summed by one thread.
#include <algorithm>
#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/norm_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

void check_indices(const int64_t* indices, int64_t count, int64_t rows) {
  for (int64_t i = 0; i < count; ++i)
    RT_CHECK(indices[i] >= 0 && indices[i] < rows, Index, "embedding", "index out of range in self; got ",
             indices[i], "; expected 0 <= index < ", rows);
}

void gather(const EmbeddingCall& c) {
  const int64_t* indices = c.indices.impl()->data<int64_t>();
  check_indices(indices, c.count, c.rows);
  const size_t bytes = static_cast<size_t>(c.width) * element_size(c.in.impl()->dtype());
  const char* from = static_cast<const char*>(c.in.impl()->data());
  char* to = static_cast<char*>(c.out.impl()->mutable_data());
  parallel_for(0, c.count, row_grain(c.width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      copy_run(to + static_cast<size_t>(i) * bytes, from + static_cast<size_t>(indices[i]) * bytes, bytes);
  });
}

template <class T>
void backward(const EmbeddingCall& c) {
  const auto& k = norm_kernels(T());
  const int64_t* indices = c.indices.impl()->data<int64_t>();
  check_indices(indices, c.count, c.rows);
  const T* from = c.in.impl()->data<T>();
  T* to = c.out.impl()->mutable_data<T>();
  // order[start[v] .. start[v + 1]) are the positions of row v
  ScratchBuffer<int64_t> start(static_cast<size_t>(c.rows + 1)), order(static_cast<size_t>(c.count));
  int64_t* s = start.data();
  std::fill(s, s + c.rows + 1, int64_t{0});
  for (int64_t i = 0; i < c.count; ++i) ++s[indices[i] + 1];
  for (int64_t v = 0; v < c.rows; ++v) s[v + 1] += s[v];
  for (int64_t i = 0; i < c.count; ++i) order.data()[s[indices[i]]++] = i;
  std::copy_backward(s, s + c.rows, s + c.rows + 1);
  s[0] = 0;
  const int64_t n = c.width;
  parallel_for(0, c.rows, row_grain(n * 2), [&](int64_t begin, int64_t end) {
    std::fill(to + begin * n, to + end * n, T(0));
    for (int64_t v = begin; v < end; ++v) {
      const int64_t times = s[v + 1] - s[v];
      if (times == 0 || v == c.padding_idx) continue;
      for (int64_t i = s[v]; i < s[v + 1]; ++i) k.add_across(from + order.data()[i] * n, to + v * n, n);
      if (c.by_frequency && times > 1)
        k.affine(to + v * n, to + v * n, n, T(1) / static_cast<T>(times), T(0));
    }
  });
}

}  // namespace

void embedding(const EmbeddingCall& call) {
  if (call.kind == EmbeddingKind::Gather) return gather(call);
  if (call.out.impl()->dtype() == kFloat32)
    backward<float>(call);
  else
    backward<double>(call);
}

}  // namespace rustorch::cpu
