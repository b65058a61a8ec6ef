#include "autograd/saved_view.h"

namespace rustorch {

bool SavedView::wants(const char* name) {
  names_.push_back(name);
  if (wanted_ != name) return false;
  found_ = true;
  return true;
}

void SavedView::put(const char* name, Value value) {
  if (wants(name)) value_ = std::move(value);
}

void SavedView::show_none(const char* name) { put(name, TensorOrNone()); }
void SavedView::show(const char* name, int64_t field) { put(name, field); }
void SavedView::show(const char* name, double field) { put(name, field); }
void SavedView::show(const char* name, bool field) { put(name, field); }
void SavedView::show(const char* name, const std::string& field) { put(name, field); }
void SavedView::show(const char* name, const Scalar& field) { put(name, field); }
void SavedView::show(const char* name, DType field) { put(name, field); }
void SavedView::show(const char* name, Device field) { put(name, field); }
void SavedView::show(const char* name, MemoryFormat field) { put(name, field); }
void SavedView::show(const char* name, const std::vector<int64_t>& field) { put(name, field); }
void SavedView::show(const char* name, const std::vector<double>& field) { put(name, field); }
void SavedView::show(const char* name, const std::vector<std::vector<int64_t>>& field) { put(name, field); }

void SavedView::show(const char* name, const Saved& field) {
  if (!wants(name)) return;
  owner_.check_not_released(owner_.name());
  value_ = field.unpack_optional(&owner_);
}

void SavedView::show(const char* name, const SavedList& field) {
  if (!wants(name)) return;
  owner_.check_not_released(owner_.name());
  value_ = field.unpack_optionals(&owner_);
}

}  // namespace rustorch
