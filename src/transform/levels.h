// The function transforms that a thread is inside of, innermost last, and what tensors carry for them.
//
// A level is a dual level (forward mode) or a vmap. An operator handles the innermost level that one of its
// arguments takes part in, with that level and all inside of it hidden (HiddenLevels): the levels further out
// are met again by the operators that the rule calls. Threads: the stack is the thread's own.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "autograd/transform_call.h"

namespace rustorch {

/// A dual level; knows who holds tangents of it, so that they go when it ends.
struct DualLevel {
  std::mutex mutex;
  std::unordered_set<TransformMeta*> holders;
};

enum class Randomness : uint8_t { Error, Same, Different };

struct Level {
  std::shared_ptr<DualLevel> dual;  // null: a vmap
  uint64_t id = 0;                  // of a vmap; never used twice
  int64_t size = 0;
  Randomness randomness = Randomness::Error;
};

/// The thread's levels that are not hidden.
std::vector<Level>& levels();
/// Position from 1 in the stack, 0 when the level is not there.
int depth_of(const DualLevel* level);
int depth_of(uint64_t id);
void push_level(Level level);
void pop_level();
/// Starts a vmap; returns its id.
uint64_t enter_vmap(int64_t size, Randomness randomness);

/// Hides the level at this depth and all further in for a scope.
class HiddenLevels {
 public:
  explicit HiddenLevels(int depth);
  ~HiddenLevels();
  HiddenLevels(const HiddenLevels&) = delete;
  HiddenLevels& operator=(const HiddenLevels&) = delete;

 private:
  std::vector<Level> hidden_;
};

/// The innermost level that t takes part in, 0 for none.
int innermost(const Tensor& t);

/// The tangent of t at a level; undefined when there is none.
Tensor tangent_of(const Tensor& t, const std::shared_ptr<DualLevel>& level);
/// Gives t a tangent at a level, in place of the one it had.
void set_tangent(const Tensor& t, const std::shared_ptr<DualLevel>& level, const Tensor& tangent);
void drop_tangent(const Tensor& t, const std::shared_ptr<DualLevel>& level);
/// A new tensor on the data of primal, with its history, that has this tangent at the innermost dual level.
Tensor make_dual(const Tensor& primal, const Tensor& tangent, const std::shared_ptr<DualLevel>& level);
/// t without its tangent at the level.
Tensor primal_of(const Tensor& t, const std::shared_ptr<DualLevel>& level);
/// The innermost dual level; null when there is none.
std::shared_ptr<DualLevel> current_dual();

/// A tensor whose slices along the first dimension of value are the examples of the vmap.
Tensor wrap_batch(const Tensor& value, uint64_t id);
/// Whether t has a batch dimension of this vmap at any depth.
bool has_batch(const Tensor& t, uint64_t id);
/// The value with the batch dimension first, or undefined when t has none of this vmap.
Tensor batch_value(const Tensor& t, uint64_t id);

}  // namespace rustorch
