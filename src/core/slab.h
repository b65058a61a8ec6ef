// Slab<Size>: thread-local free lists for the small fixed-size objects made by every operation.
//
// A block freed on another thread joins that thread's list; lists are bounded, the rest goes back to the
// heap.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

namespace rustorch {

template <size_t Size>
class Slab {
 public:
  static void* allocate() {
    Cache& cache = Slab::cache();
    if (cache.head != nullptr) {
      Block* block = cache.head;
      cache.head = block->next;
      --cache.count;
      return block;
    }
    return ::operator new(Size);
  }
  static void deallocate(void* p) {
    Cache& cache = Slab::cache();
    if (cache.count >= kMaxCached || cache.dead) {
      ::operator delete(p);
      return;
    }
    auto* block = static_cast<Block*>(p);
    block->next = cache.head;
    cache.head = block;
    ++cache.count;
  }

 private:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  static constexpr int kMaxCached = 0;  // let the sanitizer see every object's life
#else
  static constexpr int kMaxCached = 512;
#endif
  struct Block {
    Block* next;
  };
  struct Cache {
    Block* head = nullptr;
    int count = 0;
    bool dead = false;
    ~Cache() {
      dead = true;
      while (head != nullptr) {
        Block* next = head->next;
        ::operator delete(head);
        head = next;
      }
      count = 0;
    }
  };
  static Cache& cache() {
    static thread_local Cache cache;
    return cache;
  }
};

}  // namespace rustorch
