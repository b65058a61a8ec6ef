// Selection: the k best entries of a row without sorting it, and the entry of a given rank.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "backend/cpu/order_keys.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

/// Appends to out the indices i in [first, last) with order_key(x[i], descending) <= limit; returns how many.
/// For float; one vector comparison per lane group, so that elements that cannot matter cost next to nothing.
int64_t collect_below(const float* x, int64_t first, int64_t last, bool descending, float limit,
                      int32_t* out);

/// Keeps the k smallest entries (by key in the wanted order, then by index) of what it is given.
template <class T>
class TopSelector {
 public:
  using E = entry_t<T>;
  static constexpr int64_t kBlock = 128;

  TopSelector(int64_t k, bool descending)
      : k_(k),
        descending_(descending),
        capacity_(2 * k + 16),
        heap_(static_cast<size_t>(capacity_ + kBlock)) {}

  void restart() {
    count_ = 0;
    full_ = false;
  }

  /// Elements [first, last) of the row x.
  void take(const T* x, int64_t first, int64_t last) {
    for (int64_t b = first, e; b < last; b = e) {
      // The first few give a border to compare with.
      e = std::min(last,
                   b + (full_ ? kBlock : std::min(kBlock, std::max<int64_t>(k_ - count_ + k_ / 2, 32))));
      if (!full_) {
        for (int64_t i = b; i < e; ++i) heap_[count_++] = E::make(order_key(x[i], descending_), i);
      } else if constexpr (std::is_same_v<T, float>) {
        int32_t found[kBlock];
        const int64_t n = collect_below(x + b, 0, e - b, descending_, limit_value_, found);
        for (int64_t j = 0; j < n; ++j) push(x, b + found[j]);
      } else {
        for (int64_t i = b; i < e; ++i) push(x, i);
      }
      if (count_ >= capacity_ || (!full_ && count_ >= k_)) shrink(x);
    }
  }

  /// The best entries in order.
  const E* finish() {
    if (count_ > k_) {
      std::nth_element(heap_.data(), heap_.data() + (k_ - 1), heap_.data() + count_);
      count_ = k_;
    }
    std::sort(heap_.data(), heap_.data() + count_);
    return heap_.data();
  }
  int64_t size() const { return count_; }

 private:
  void push(const T* x, int64_t i) {
    const key_t<T> key = order_key(x[i], descending_);
    if (key < limit_) heap_[count_++] = E::make(key, i);  // an equal key at a higher index loses
  }

  void shrink(const T* x) {
    std::nth_element(heap_.data(), heap_.data() + (k_ - 1), heap_.data() + count_);
    count_ = k_;
    full_ = true;
    limit_ = static_cast<key_t<T>>(heap_[k_ - 1].key());
    limit_value_ = x[heap_[k_ - 1].index()];
  }

  int64_t k_;
  bool descending_;
  int64_t capacity_, count_ = 0;
  bool full_ = false;
  key_t<T> limit_ = 0;
  T limit_value_{};
  ScratchBuffer<E> heap_;
};

/// Reorders e (given in the order of indices) so that its first `count` entries are the smallest and equal
/// keys among them are in the order of indices: a stable sort by key puts them right. A histogram of the
/// leading digit says which bin the border falls into; only that bin is looked at again. other has room for n
/// entries.
template <class E>
void select_smallest(E* e, E* other, int64_t n, int64_t count, int key_bits) {
  int shift = key_bits;
  while (n > 96 && shift > 0 && count > 0 && count < n) {
    shift = shift > 8 ? shift - 8 : 0;
    uint32_t bins[256] = {};
    for (int64_t i = 0; i < n; ++i) ++bins[e[i].digit(shift, 255)];
    int64_t below = 0;
    unsigned border = 0;
    while (below + bins[border] < count) below += bins[border++];
    // Smaller ones stay in front, those at the border follow, the rest goes last.
    int64_t front = 0, middle = below, back = below + bins[border];
    for (int64_t i = 0; i < n; ++i) {
      const unsigned digit = e[i].digit(shift, 255);
      int64_t& at = digit < border ? front : digit == border ? middle : back;
      other[at++] = e[i];
    }
    std::copy_n(other, n, e);
    e += below;
    n = bins[border];
    count -= below;
  }
  if (n > 96 || count == 0) return;  // one key only, in the order of indices
  if (count < n) std::nth_element(e, e + (count - 1), e + n);
  std::sort(e, e + count);
}

/// The entry of the given rank.
template <class E>
E select_entry(E* e, E* other, int64_t n, int64_t rank, int key_bits) {
  select_smallest(e, other, n, rank + 1, key_bits);
  return *std::max_element(e, e + rank + 1);
}

}  // namespace rustorch::cpu
