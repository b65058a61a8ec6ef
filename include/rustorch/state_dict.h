// StateDict: tensors by name, in the order in which they were put in.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch {

/// What Module::state_dict() returns and load_state_dict() takes: an ordered map of name -> tensor.
class StateDict {
 public:
  using Entry = std::pair<std::string, Tensor>;

  StateDict() = default;
  StateDict(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  StateDict(std::initializer_list<Entry> entries) : entries_(entries) {}

  /// Puts a tensor under a name; replaces the one that is there.
  void insert(std::string_view name, Tensor tensor);
  /// The tensor of that name, or null.
  const Tensor* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The tensor of that name; throws Index.
  const Tensor& at(std::string_view name) const;
  const Tensor& operator[](std::string_view name) const { return at(name); }

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
};

}  // namespace rustorch
