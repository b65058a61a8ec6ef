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
  if (cow_ != nullptr) {
    if (cow_->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    delete cow_;
  }
  if (data_ != nullptr) ops_->release(context_, data_, nbytes_);
}

Storage* Storage::share() {
  if (pinned_) return nullptr;
  if (cow_ == nullptr) cow_ = new CowBlock{{1}};
  auto* twin = new Storage(data_, nbytes_, device_, ops_, context_);
  cow_->refs.fetch_add(1, std::memory_order_relaxed);
  twin->cow_ = cow_;
  return twin;
}

void Storage::unshare() {
  CowBlock* block = cow_;
  if (block->refs.load(std::memory_order_acquire) == 1) {  // the others are gone: the bytes are ours
    cow_ = nullptr;
    delete block;
    return;
  }
  void* fresh = ops_->allocate(context_, nbytes_);
  ops_->copy(context_, fresh, data_, nbytes_);
  void* old = data_;
  data_ = fresh;
  cow_ = nullptr;
  if (block->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // the last sharer left meanwhile
    ops_->release(context_, old, nbytes_);
    delete block;
  }
}

void Storage::pin() {
  if (cow_ != nullptr) unshare();
  pinned_ = true;
}

void Storage::resize(size_t nbytes) {
  void* fresh = nbytes == 0 ? nullptr : ops_->allocate(context_, nbytes);
  size_t common = std::min(nbytes, nbytes_);
  if (common != 0) ops_->copy(context_, fresh, data_, common);
  if (cow_ != nullptr) {
    if (cow_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete cow_;
      ops_->release(context_, data_, nbytes_);
    }
    cow_ = nullptr;
  } else if (data_ != nullptr) {
    ops_->release(context_, data_, nbytes_);
  }
  data_ = fresh;
  nbytes_ = nbytes;
}

}  // namespace rustorch
