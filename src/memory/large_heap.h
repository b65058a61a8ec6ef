// LargeHeap: a best-fit heap over big regions from the operating system; the lower layer of PoolAllocator.
//
// Every block starts with a 64-byte header; neighbours are found through it, so freeing coalesces in constant
// time and needs no memory. Free blocks hang in lists by size (16 per power of two) with a bitmap on top.
// Not thread-safe: the owner locks. Regions that are wholly free are kept until release_free_regions().
#pragma once
#include <cstddef>
#include <cstdint>

namespace rustorch {

class LargeHeap {
 public:
  LargeHeap() = default;
  ~LargeHeap();
  LargeHeap(const LargeHeap&) = delete;
  LargeHeap& operator=(const LargeHeap&) = delete;

  /// A block with room for `bytes`, or nullptr. Sets *fresh when it came from a region just made.
  void* allocate(size_t bytes, bool* fresh) noexcept;
  /// Frees a block; stops the process with a message if the header was overwritten or freed before.
  void deallocate(void* block, size_t bytes) noexcept;

  /// Unmaps wholly free regions, the longest unused first, until reserved() <= target. Returns the bytes
  /// given back.
  size_t release_free_regions(size_t target) noexcept;
  /// Drops the pages of free blocks inside regions in use. Returns the bytes given back.
  size_t discard_free_pages() noexcept;

  /// Bytes of all regions.
  size_t reserved() const { return reserved_; }
  /// Whether some region is wholly free.
  bool has_free_region() const { return free_regions_ != 0; }
  /// Checks headers, lists and sums; for tests.
  bool consistent() const noexcept;

 private:
  struct Block;
  struct Region;
  static constexpr int kSteps = 16;
  static constexpr int kLevels = 64;

  static void bin_of(size_t size, int& level, int& step);
  Block* next_of(Block* b) const;
  void insert_free(Block* b);
  void remove_free(Block* b);
  Block* find(size_t size);
  bool add_region(size_t size) noexcept;
  void unmap(Region* r) noexcept;

  Block* bins_[kLevels][kSteps] = {};
  uint64_t level_map_ = 0;
  uint32_t step_map_[kLevels] = {};
  Region* regions_ = nullptr;
  size_t reserved_ = 0;
  size_t free_regions_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace rustorch
