// Saving and loading: PyTorch checkpoints (.pt), safetensors, NumPy's .npy and .npz.
//
// save() writes what torch.load(weights_only=True) reads; load() reads what torch.save wrote, never runs
// anything from the file, and gives every tensor memory of its own on the CPU. Files are written beside the
// target, synced and renamed: a crash leaves the old file. Errors: Io, and Format for a damaged or foreign
// file (with file and offset). Each function has a try_ twin that returns a RusTorchResult.
//
//   rt::save(rt::StateDict{{"weight", w}, {"bias", b}}, "model.pt");
//   rt::SavedValue file = rt::load("checkpoint.pt");
//   rt::Tensor w = file["model"]["weight"].tensor();
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rustorch/result.h"
#include "rustorch/state_dict.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// What a checkpoint may hold, in C++ terms. Python's tuples, sets and sizes come as lists, bytes as strings,
/// keys that are no strings as text; complex numbers, dtypes and devices as text. A value does not change:
/// copies share what they hold.
class SavedValue {
 public:
  enum class Kind : uint8_t { None, Bool, Int, Float, String, Tensor, List, Dict };
  using List = std::vector<SavedValue>;
  using Dict = std::vector<std::pair<std::string, SavedValue>>;

  SavedValue() = default;
  SavedValue(bool v) : kind_(Kind::Bool), int_(v) {}
  SavedValue(int v) : SavedValue(static_cast<int64_t>(v)) {}
  SavedValue(int64_t v) : kind_(Kind::Int), int_(v) {}
  SavedValue(double v) : kind_(Kind::Float), float_(v) {}
  SavedValue(const char* v);
  SavedValue(std::string v);
  SavedValue(Tensor v);
  SavedValue(List v);
  SavedValue(Dict v);
  SavedValue(const std::vector<Tensor>& v);
  SavedValue(const StateDict& v);

  Kind kind() const { return kind_; }
  bool is_none() const { return kind() == Kind::None; }
  bool is_tensor() const { return kind() == Kind::Tensor; }
  bool is_list() const { return kind() == Kind::List; }
  bool is_dict() const { return kind() == Kind::Dict; }

  // Each throws Type when the value is of another kind.
  bool to_bool() const;
  int64_t to_int() const;
  double to_double() const;  // integers too
  const std::string& text() const;
  const Tensor& tensor() const;
  const List& list() const;
  const Dict& dict() const;

  /// The value under a key of a dict, or null.
  const SavedValue* find(std::string_view key) const;
  /// The value under a key; throws Index.
  const SavedValue& operator[](std::string_view key) const;
  const SavedValue& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  /// An item of a list; throws Index.
  const SavedValue& operator[](size_t index) const;
  const SavedValue& operator[](int index) const { return (*this)[static_cast<size_t>(index)]; }
  /// A dict of tensors as a StateDict; throws Type when something else is among them.
  StateDict state_dict() const;

 private:
  template <class T>
  const T& object(Kind wanted) const;
  void expect(Kind wanted) const;

  Kind kind_ = Kind::None;
  union {
    int64_t int_ = 0;
    double float_;
  };
  std::shared_ptr<const void> object_;  // the string, Tensor, List or Dict
};

/// Writes a checkpoint: a tensor, a vector of tensors, a StateDict, or any SavedValue.
void save(const SavedValue& value, const std::string& path);
RusTorchResult<void> try_save(const SavedValue& value, const std::string& path);
/// Reads a checkpoint.
SavedValue load(const std::string& path);
RusTorchResult<SavedValue> try_load(const std::string& path);
/// The same to and from bytes in memory.
std::string save_bytes(const SavedValue& value);
SavedValue load_bytes(std::string_view bytes);

/// safetensors: a flat set of named tensors.
void save_safetensors(const StateDict& tensors, const std::string& path);
StateDict load_safetensors(const std::string& path);
RusTorchResult<StateDict> try_load_safetensors(const std::string& path);

/// NumPy's .npy and .npz.
void save_npy(const Tensor& tensor, const std::string& path);
Tensor load_npy(const std::string& path);
void save_npz(const StateDict& tensors, const std::string& path);
StateDict load_npz(const std::string& path);

}  // namespace rustorch
