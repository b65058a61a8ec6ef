// Radix sort of (key, index) entries, least significant digit first: stable, linear, the same for any thread
// count.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "backend/cpu/order_keys.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

/// Sorts n entries that fit in cache, on one thread; other has room for n. Returns where the result is.
template <class E>
E* radix_sort_small(E* data, E* other, int64_t n, int key_bits) {
  if (n <= 48) {
    std::sort(data, data + n);
    return data;
  }
  constexpr int kBits = 8, kBins = 1 << kBits;
  constexpr int kMaxPasses = 8;
  uint32_t counts[kMaxPasses][kBins];
  const int passes = (key_bits + kBits - 1) / kBits;
  std::memset(counts, 0, sizeof(counts[0]) * static_cast<size_t>(passes));
  for (int64_t i = 0; i < n; ++i)
    for (int p = 0; p < passes; ++p) ++counts[p][data[i].digit(p * kBits, kBins - 1)];
  for (int p = 0; p < passes; ++p) {
    uint32_t* c = counts[p];
    if (c[data[0].digit(p * kBits, kBins - 1)] == n) continue;  // all entries share this digit
    uint32_t sum = 0;
    for (int b = 0; b < kBins; ++b) sum += std::exchange(c[b], sum);
    for (int64_t i = 0; i < n; ++i) other[c[data[i].digit(p * kBits, kBins - 1)]++] = data[i];
    std::swap(data, other);
  }
  return data;
}

/// Sorts n entries (any number) on all threads; returns where the result is.
template <class E>
E* radix_sort_large(E* data, E* other, int64_t n, int key_bits) {
  constexpr int kBits = 11, kBins = 1 << kBits;
  constexpr int64_t kMinChunk = 1 << 16;
  const int64_t chunks = std::clamp<int64_t>(n / kMinChunk, 1, 16), size = (n + chunks - 1) / chunks;
  ScratchBuffer<int64_t> counts(static_cast<size_t>(chunks * kBins));
  for (int shift = 0; shift < key_bits; shift += kBits) {
    const unsigned mask = kBins - 1;
    parallel_for(0, chunks, 1, [&](int64_t b, int64_t e) {
      for (int64_t k = b; k < e; ++k) {
        int64_t* c = &counts[k * kBins];
        std::fill_n(c, kBins, 0);
        for (int64_t i = k * size, last = std::min(n, i + size); i < last; ++i)
          ++c[data[i].digit(shift, mask)];
      }
    });
    int64_t sum = 0;
    bool single = false;
    for (int bin = 0; bin < kBins; ++bin) {
      const int64_t start = sum;
      for (int64_t k = 0; k < chunks; ++k) sum += std::exchange(counts[k * kBins + bin], sum);
      single |= sum - start == n;
    }
    if (single) continue;
    parallel_for(0, chunks, 1, [&](int64_t b, int64_t e) {
      for (int64_t k = b; k < e; ++k) {
        int64_t* c = &counts[k * kBins];
        for (int64_t i = k * size, last = std::min(n, i + size); i < last; ++i)
          other[c[data[i].digit(shift, mask)]++] = data[i];
      }
    });
    std::swap(data, other);
  }
  return data;
}

}  // namespace rustorch::cpu
