// CallArena: what the parser of one call makes and the operator then borrows: lists of ints, tensors,
// generators.
#pragma once
#include <deque>
#include <new>
#include <optional>
#include <vector>

#include "objects.h"

namespace rustorch::py {

/// Values that outlive the parsing of one call.
struct CallArena {
  int64_t ints[64];
  size_t used = 0;
  std::deque<std::vector<int64_t>> int_lists;
  std::deque<std::vector<double>> double_lists;
  std::deque<std::vector<Tensor>> lists;
  std::deque<std::vector<std::optional<Tensor>>> opt_lists;
  std::deque<Tensor> tensors;
  std::deque<std::optional<Generator>> generators;

  int64_t* take(size_t n) {
    if (used + n <= 64) {
      int64_t* p = ints + used;
      used += n;
      return p;
    }
    int_lists.emplace_back(n);
    return int_lists.back().data();
  }
};

/// std::deque allocates when constructed: made only when a call needs one.
struct LazyArena {
  alignas(CallArena) unsigned char bytes[sizeof(CallArena)];
  CallArena* made = nullptr;
  int64_t ints[32];
  size_t used = 0;
  CallArena& get() {
    if (made == nullptr) made = new (bytes) CallArena;
    return *made;
  }
  int64_t* take(size_t n) {
    if (used + n <= 32) {
      int64_t* p = ints + used;
      used += n;
      return p;
    }
    return get().take(n);
  }
  ~LazyArena() {
    if (made != nullptr) made->~CallArena();
  }
};

}  // namespace rustorch::py
