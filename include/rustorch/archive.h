// Saving and loading of whole objects, as libtorch spells it: save(model, "model.pt"), load(model,
// "model.pt").
//
// A module or an optimizer is its state_dict in the file, which Python reads too; loading fills one that has
// the same structure. Throws Io, Format, and what load_state_dict throws.
#pragma once
#include <string>
#include <vector>

#include "rustorch/nn/module.h"
#include "rustorch/optim/optimizer.h"
#include "rustorch/serialize.h"

namespace rustorch {

inline void save(const nn::Module& module, const std::string& path) {
  save(SavedValue(module.state_dict()), path);
}
inline void load(nn::Module& module, const std::string& path) {
  module.load_state_dict(load(path).state_dict());
}
template <class Impl>
void save(const nn::ModuleHolder<Impl>& module, const std::string& path) {
  save(*module, path);
}
template <class Impl>
void load(nn::ModuleHolder<Impl>& module, const std::string& path) {
  load(*module, path);
}

inline void save(const optim::Optimizer& optimizer, const std::string& path) {
  save(optimizer.state_dict(), path);
}
inline void load(optim::Optimizer& optimizer, const std::string& path) {
  optimizer.load_state_dict(load(path));
}

inline void load(Tensor& tensor, const std::string& path) { tensor = load(path).tensor(); }
inline void load(std::vector<Tensor>& tensors, const std::string& path) {
  const SavedValue file = load(path);
  tensors.clear();
  for (const SavedValue& item : file.list()) tensors.push_back(item.tensor());
}

}  // namespace rustorch
