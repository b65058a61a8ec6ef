#include "core/storage.h"

#include <algorithm>

#include "core/slab.h"

namespace rustorch {

void* Storage::operator new(size_t size) {
  static_assert(sizeof(Storage) <= 64);
  (void)size;
  return Slab<64>::allocate();
}
void Storage::operator delete(void* p) { Slab<64>::deallocate(p); }

Storage::~Storage() {
  if (CowBlock* block = cow_.load(std::memory_order_acquire); block != nullptr) {
    if (block->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    delete block;
  }
  if (data_ != nullptr || ops_->opaque) ops_->release(context_, data_, nbytes_);
}

Storage* Storage::share() {
  if (pinned_ || ops_->opaque) return nullptr;
  CowBlock* block = cow_.load(std::memory_order_acquire);
  if (block == nullptr) {  // several threads may clone one tensor: the first block wins
    auto* fresh = new CowBlock{{1}};
    if (cow_.compare_exchange_strong(block, fresh, std::memory_order_acq_rel, std::memory_order_acquire))
      block = fresh;
    else
      delete fresh;
  }
  auto* twin = new Storage(data_, nbytes_, device_, ops_, context_);
  block->refs.fetch_add(1, std::memory_order_relaxed);
  twin->cow_.store(block, std::memory_order_relaxed);
  return twin;
}

void Storage::unshare() {
  CowBlock* block = cow_.load(std::memory_order_acquire);
  if (block->refs.load(std::memory_order_acquire) == 1) {  // the others are gone: the bytes are ours
    cow_.store(nullptr, std::memory_order_relaxed);
    delete block;
    return;
  }
  void* fresh = ops_->allocate(context_, nbytes_);
  ops_->copy(context_, fresh, data_, nbytes_);
  void* old = data_;
  data_ = fresh;
  cow_.store(nullptr, std::memory_order_relaxed);
  if (block->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // the last sharer left meanwhile
    ops_->release(context_, old, nbytes_);
    delete block;
  }
}

void Storage::pin() {
  if (is_shared()) unshare();
  pinned_ = true;
}

void Storage::resize(size_t nbytes) {
  void* fresh = nbytes == 0 ? nullptr : ops_->allocate(context_, nbytes);
  size_t common = std::min(nbytes, nbytes_);
  if (common != 0) ops_->copy(context_, fresh, data_, common);
  if (CowBlock* block = cow_.load(std::memory_order_acquire); block != nullptr) {
    if (block->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete block;
      ops_->release(context_, data_, nbytes_);
    }
    cow_.store(nullptr, std::memory_order_relaxed);
  } else if (data_ != nullptr) {
    ops_->release(context_, data_, nbytes_);
  }
  data_ = fresh;
  nbytes_ = nbytes;
}

}  // namespace rustorch
