// See large_heap.h.
#include "memory/large_heap.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "memory/asan.h"
#include "memory/os_memory.h"

namespace rustorch {
namespace {

constexpr uint64_t kUsedMagic = 0x7275736564626c6bull;
constexpr uint64_t kFreeMagic = 0x72667265656b6c6bull;
constexpr size_t kHeader = 64;
constexpr size_t kRound = 512;      // of block sizes: spreads equal powers of two over cache sets
constexpr size_t kMinSplit = 4096;  // a smaller rest stays with the block
constexpr size_t kMinRegion = size_t{32} << 20;
constexpr size_t kMaxGrowth = size_t{256} << 20;
constexpr int kMaxScan = 64;

[[noreturn]] void corrupted(const void* block, const char* what) {
  std::fprintf(stderr, "rustorch: memory block %p %s; the program wrote outside a tensor or freed it twice\n",
               block, what);
  std::abort();
}

}  // namespace

struct alignas(64) LargeHeap::Block {
  uint64_t magic;
  size_t size;  // header included
  Block* prev;  // the block before it in the region; null for the first
  Region* region;
  Block* next_free;
  Block* prev_free;
  bool discarded;  // free, and its pages were dropped
};

struct LargeHeap::Region {
  char* start;
  size_t size;
  Region* next;
  Region* prev;
  uint64_t freed_at;  // clock value when it last became wholly free
};

LargeHeap::~LargeHeap() {
  while (regions_ != nullptr) {
    Region* r = regions_;
    regions_ = r->next;
    asan_unpoison(r->start, r->size);
    os_memory::release(r->start, r->size);
    delete r;
  }
}

void LargeHeap::bin_of(size_t size, int& level, int& step) {
  level = 63 - __builtin_clzll(size);
  step = static_cast<int>((size >> (level - 4)) & (kSteps - 1));
}

LargeHeap::Block* LargeHeap::next_of(Block* b) const {
  char* p = reinterpret_cast<char*>(b) + b->size;
  return p == b->region->start + b->region->size ? nullptr : reinterpret_cast<Block*>(p);
}

void LargeHeap::insert_free(Block* b) {
  int level, step;
  bin_of(b->size, level, step);
  b->magic = kFreeMagic;
  b->prev_free = nullptr;
  b->next_free = bins_[level][step];
  if (b->next_free != nullptr) b->next_free->prev_free = b;
  bins_[level][step] = b;
  level_map_ |= uint64_t{1} << level;
  step_map_[level] |= 1u << step;
}

void LargeHeap::remove_free(Block* b) {
  int level, step;
  bin_of(b->size, level, step);
  if (b->next_free != nullptr) b->next_free->prev_free = b->prev_free;
  if (b->prev_free != nullptr) {
    b->prev_free->next_free = b->next_free;
  } else if ((bins_[level][step] = b->next_free) == nullptr) {
    step_map_[level] &= ~(1u << step);
    if (step_map_[level] == 0) level_map_ &= ~(uint64_t{1} << level);
  }
}

/// The smallest free block of at least `size` bytes, searching at most kMaxScan blocks per list.
LargeHeap::Block* LargeHeap::find(size_t size) {
  auto best_in = [size](Block* list) {
    Block* best = nullptr;
    for (int i = 0; list != nullptr && i < kMaxScan; list = list->next_free, ++i) {
      if (list->size == size) return list;
      if (list->size > size && (best == nullptr || list->size < best->size)) best = list;
    }
    return best;
  };
  int level, step;
  bin_of(size, level, step);
  if (Block* b = best_in(bins_[level][step])) return b;
  const uint32_t steps = step_map_[level] & ~((2u << step) - 1u);
  if (steps != 0) return best_in(bins_[level][__builtin_ctz(steps)]);
  if (level == kLevels - 1) return nullptr;
  const uint64_t levels = level_map_ & ~((uint64_t{2} << level) - 1u);
  if (levels == 0) return nullptr;
  level = __builtin_ctzll(levels);
  return best_in(bins_[level][__builtin_ctz(step_map_[level])]);
}

bool LargeHeap::add_region(size_t size) noexcept {
  // Grow by a quarter of what there is: few regions, so that free neighbours can merge.
  const size_t growth = std::clamp(reserved_ / 4, kMinRegion, kMaxGrowth);
  auto round = [](size_t n) {
    return (n + os_memory::kHugePage - 1) / os_memory::kHugePage * os_memory::kHugePage;
  };
  Region* r = new (std::nothrow) Region{};
  if (r == nullptr) return false;
  r->size = round(std::max(size, growth));
  r->start = static_cast<char*>(os_memory::reserve(r->size));
  if (r->start == nullptr && r->size > round(size)) {
    r->size = round(size);
    r->start = static_cast<char*>(os_memory::reserve(r->size));
  }
  if (r->start == nullptr) {
    delete r;
    return false;
  }
  r->next = regions_;
  if (regions_ != nullptr) regions_->prev = r;
  regions_ = r;
  reserved_ += r->size;
  r->freed_at = clock_;
  ++free_regions_;
  Block* b = new (r->start) Block{};
  b->size = r->size;
  b->region = r;
  b->discarded = true;
  asan_poison(r->start + kHeader, r->size - kHeader);
  insert_free(b);
  return true;
}

void LargeHeap::unmap(Region* r) noexcept {
  if (r->prev != nullptr) r->prev->next = r->next;
  if (r->next != nullptr) r->next->prev = r->prev;
  if (regions_ == r) regions_ = r->next;
  reserved_ -= r->size;
  --free_regions_;
  asan_unpoison(r->start, r->size);
  os_memory::release(r->start, r->size);
  delete r;
}

void* LargeHeap::allocate(size_t bytes, bool* fresh) noexcept {
  *fresh = false;
  if (bytes > SIZE_MAX / 4) return nullptr;
  const size_t size = (bytes + kHeader + kRound - 1) / kRound * kRound + kRound / 4;
  Block* b = find(size);
  if (b == nullptr) {
    if (!add_region(size)) return nullptr;
    b = find(size);
  }
  *fresh = b->discarded;
  remove_free(b);
  if (b->size == b->region->size) --free_regions_;
  if (b->size - size >= kMinSplit) {
    char* at = reinterpret_cast<char*>(b) + size;
    asan_unpoison(at, kHeader);
    Block* rest = new (at) Block{};
    rest->size = b->size - size;
    rest->prev = b;
    rest->region = b->region;
    rest->discarded = b->discarded;
    b->size = size;
    if (Block* after = next_of(rest)) after->prev = rest;
    insert_free(rest);
  }
  b->magic = kUsedMagic;
  b->discarded = false;
  void* payload = reinterpret_cast<char*>(b) + kHeader;
  asan_unpoison(payload, bytes);
  return payload;
}

void LargeHeap::deallocate(void* payload, size_t bytes) noexcept {
  Block* b = reinterpret_cast<Block*>(static_cast<char*>(payload) - kHeader);
  if (b->magic == kFreeMagic) corrupted(payload, "is free already");
  if (b->magic != kUsedMagic || b->size < bytes + kHeader) corrupted(payload, "has a damaged header");
  asan_poison(payload, b->size - kHeader);
  ++clock_;
  Block* next = next_of(b);
  if (next != nullptr && next->magic == kFreeMagic) {
    remove_free(next);
    b->size += next->size;
    asan_poison(next, kHeader);
  }
  Block* prev = b->prev;
  if (prev != nullptr && prev->magic == kFreeMagic) {
    remove_free(prev);
    prev->size += b->size;
    asan_poison(b, kHeader);
    b = prev;
  }
  b->discarded = false;
  if (Block* after = next_of(b)) after->prev = b;
  if (b->size == b->region->size) {
    ++free_regions_;
    b->region->freed_at = clock_;
  }
  insert_free(b);
}

size_t LargeHeap::release_free_regions(size_t target) noexcept {
  size_t released = 0;
  while (free_regions_ != 0 && reserved_ > target) {
    Region* oldest = nullptr;
    for (Region* r = regions_; r != nullptr; r = r->next) {
      Block* first = reinterpret_cast<Block*>(r->start);
      if (first->magic == kFreeMagic && first->size == r->size &&
          (oldest == nullptr || r->freed_at < oldest->freed_at))
        oldest = r;
    }
    remove_free(reinterpret_cast<Block*>(oldest->start));
    released += oldest->size;
    unmap(oldest);
  }
  return released;
}

size_t LargeHeap::discard_free_pages() noexcept {
  size_t dropped = 0;
  for (Region* r = regions_; r != nullptr; r = r->next) {
    for (Block* b = reinterpret_cast<Block*>(r->start); b != nullptr; b = next_of(b)) {
      if (b->magic != kFreeMagic || b->discarded) continue;
      const uintptr_t page = os_memory::kHugePage;
      const uintptr_t from = (reinterpret_cast<uintptr_t>(b) + kHeader + page - 1) / page * page;
      const uintptr_t to = (reinterpret_cast<uintptr_t>(b) + b->size) / page * page;
      if (from >= to) continue;
      dropped += os_memory::discard(reinterpret_cast<void*>(from), to - from);
      b->discarded = true;
    }
  }
  return dropped;
}

bool LargeHeap::consistent() const noexcept {
  size_t reserved = 0, free_blocks = 0, listed = 0, free_regions = 0;
  for (Region* r = regions_; r != nullptr; r = r->next) {
    reserved += r->size;
    Block* before = nullptr;
    size_t sum = 0;
    for (Block* b = reinterpret_cast<Block*>(r->start); b != nullptr; before = b, b = next_of(b)) {
      if (b->prev != before || b->region != r || (b->magic != kFreeMagic && b->magic != kUsedMagic))
        return false;
      if (b->magic == kFreeMagic && before != nullptr && before->magic == kFreeMagic) return false;
      free_blocks += b->magic == kFreeMagic;
      free_regions += b->magic == kFreeMagic && b->size == r->size;
      sum += b->size;
    }
    if (sum != r->size) return false;
  }
  for (int level = 0; level < kLevels; ++level)
    for (int step = 0; step < kSteps; ++step) {
      const bool marked = (level_map_ >> level & 1) && (step_map_[level] >> step & 1);
      if (marked != (bins_[level][step] != nullptr)) return false;
      for (Block* b = bins_[level][step]; b != nullptr; b = b->next_free) ++listed;
    }
  return reserved == reserved_ && listed == free_blocks && free_regions == free_regions_;
}

}  // namespace rustorch
