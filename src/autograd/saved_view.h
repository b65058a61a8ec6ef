// SavedView: reads by name what a node keeps for its backward (`grad_fn._saved_self` of a binding).
//
// Generated nodes show each of their fields to it; the view keeps the names, and the value of the wanted one.
// It lives for one question, in one thread.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "autograd/saved.h"
#include "rustorch/device.h"
#include "rustorch/dtype.h"
#include "rustorch/layout.h"
#include "rustorch/scalar.h"

namespace rustorch {

class SavedView {
 public:
  using TensorOrNone = std::optional<Tensor>;
  using Value = std::variant<std::monostate, TensorOrNone, std::vector<TensorOrNone>, int64_t, double, bool,
                             std::string, Scalar, DType, Device, MemoryFormat, std::vector<int64_t>,
                             std::vector<double>, std::vector<std::vector<int64_t>>>;

  /// Looks for one field; with an empty name only the names are of interest.
  SavedView(Node& owner, std::string_view wanted) : owner_(owner), wanted_(wanted) {}

  void show(const char* name, const Saved& field);
  void show(const char* name, const SavedList& field);
  void show(const char* name, int64_t field);
  void show(const char* name, double field);
  void show(const char* name, bool field);
  void show(const char* name, const std::string& field);
  void show(const char* name, const Scalar& field);
  void show(const char* name, DType field);
  void show(const char* name, Device field);
  void show(const char* name, MemoryFormat field);
  void show(const char* name, const std::vector<int64_t>& field);
  void show(const char* name, const std::vector<double>& field);
  void show(const char* name, const std::vector<std::vector<int64_t>>& field);
  template <class T>
  void show(const char* name, const std::optional<T>& field) {
    if (field.has_value())
      show(name, *field);
    else
      show_none(name);
  }

  /// Whether the wanted field was shown, and its value; the names of all fields.
  bool found() const { return found_; }
  const Value& value() const { return value_; }
  const std::vector<const char*>& names() const { return names_; }

 private:
  void show_none(const char* name);
  bool wants(const char* name);
  void put(const char* name, Value value);

  Node& owner_;
  std::string_view wanted_;
  std::vector<const char*> names_;
  Value value_;
  bool found_ = false;
};

}  // namespace rustorch
