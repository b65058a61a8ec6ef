#include "rustorch/serialize.h"

#include "formats/files.h"
#include "formats/tensor_io.h"

namespace rustorch {

using formats::Value;
using formats::ValueKind;

// ---- StateDict

void StateDict::insert(std::string_view name, Tensor tensor) {
  for (Entry& e : entries_) {
    if (e.first == name) {
      e.second = std::move(tensor);
      return;
    }
  }
  entries_.emplace_back(std::string(name), std::move(tensor));
}

const Tensor* StateDict::find(std::string_view name) const {
  for (const Entry& e : entries_) {
    if (e.first == name) return &e.second;
  }
  return nullptr;
}

const Tensor& StateDict::at(std::string_view name) const {
  const Tensor* t = find(name);
  RT_CHECK(t != nullptr, Index, "StateDict::at", "no tensor of that name; got '", name, "' among ", size(),
           " tensors");
  return *t;
}

// ---- SavedValue

namespace {

const char* kind_name(SavedValue::Kind k) {
  static constexpr const char* kNames[] = {"None",   "bool",   "int",  "float",
                                           "string", "Tensor", "list", "dict"};
  return kNames[static_cast<int>(k)];
}

}  // namespace

SavedValue::SavedValue(std::string v)
    : kind_(Kind::String), object_(std::make_shared<std::string>(std::move(v))) {}
SavedValue::SavedValue(const char* v) : SavedValue(std::string(v)) {}
SavedValue::SavedValue(rustorch::Tensor v)
    : kind_(Kind::Tensor), object_(std::make_shared<rustorch::Tensor>(std::move(v))) {}
SavedValue::SavedValue(List v) : kind_(Kind::List), object_(std::make_shared<List>(std::move(v))) {}
SavedValue::SavedValue(Dict v) : kind_(Kind::Dict), object_(std::make_shared<Dict>(std::move(v))) {}
SavedValue::SavedValue(const std::vector<rustorch::Tensor>& v) : SavedValue(List(v.begin(), v.end())) {}
SavedValue::SavedValue(const StateDict& v) : SavedValue(Dict(v.begin(), v.end())) {}

void SavedValue::expect(Kind wanted) const {
  RT_CHECK(kind_ == wanted, Type, "SavedValue", "the value is of another kind; got ", kind_name(kind_),
           "; expected ", kind_name(wanted));
}
template <class T>
const T& SavedValue::object(Kind wanted) const {
  expect(wanted);
  return *static_cast<const T*>(object_.get());
}

bool SavedValue::to_bool() const {
  expect(Kind::Bool);
  return int_ != 0;
}
int64_t SavedValue::to_int() const {
  expect(Kind::Int);
  return int_;
}
double SavedValue::to_double() const {
  if (kind_ == Kind::Int) return static_cast<double>(int_);
  expect(Kind::Float);
  return float_;
}
const std::string& SavedValue::text() const { return object<std::string>(Kind::String); }
const Tensor& SavedValue::tensor() const { return object<rustorch::Tensor>(Kind::Tensor); }
const SavedValue::List& SavedValue::list() const { return object<List>(Kind::List); }
const SavedValue::Dict& SavedValue::dict() const { return object<Dict>(Kind::Dict); }

const SavedValue* SavedValue::find(std::string_view key) const {
  for (const auto& [name, value] : dict()) {
    if (name == key) return &value;
  }
  return nullptr;
}

const SavedValue& SavedValue::operator[](std::string_view key) const {
  const SavedValue* v = find(key);
  RT_CHECK(v != nullptr, Index, "SavedValue", "no such key; got '", key, "' in a dict of ", dict().size());
  return *v;
}

const SavedValue& SavedValue::operator[](size_t index) const {
  RT_CHECK(index < list().size(), Index, "SavedValue", "index out of range; got ", index, " in a list of ",
           list().size());
  return list()[index];
}

StateDict SavedValue::state_dict() const {
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, value] : dict()) {
    RT_CHECK(value.is_tensor(), Type, "SavedValue::state_dict", "'", name, "' is no tensor; got ",
             kind_name(value.kind()));
    entries.emplace_back(name, value.tensor());
  }
  return StateDict(std::move(entries));
}

// ---- between SavedValue and the file's values

namespace {

Value to_value(const SavedValue& v, formats::TensorWriter& writer) {
  switch (v.kind()) {
    case SavedValue::Kind::None:
      return Value();
    case SavedValue::Kind::Bool:
      return Value::boolean(v.to_bool());
    case SavedValue::Kind::Int:
      return Value::integer(v.to_int());
    case SavedValue::Kind::Float:
      return Value::real(v.to_double());
    case SavedValue::Kind::String:
      return Value::string(v.text());
    case SavedValue::Kind::Tensor:
      return writer.add(v.tensor());
    case SavedValue::Kind::List: {
      Value list = Value::list();
      for (const SavedValue& item : v.list()) list.items().push_back(to_value(item, writer));
      return list;
    }
    case SavedValue::Kind::Dict: {
      Value dict = Value::dict(/*ordered=*/true);
      for (const auto& [key, item] : v.dict()) dict.append(key, to_value(item, writer));
      return dict;
    }
  }
  return Value();
}

/// A dict key as text: strings as they are, other keys as Python prints them, more or less.
std::string key_text(const Value& key) {
  switch (key.kind()) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kBool:
      return key.as_bool() ? "True" : "False";
    case ValueKind::kInt:
      return std::to_string(key.as_int());
    case ValueKind::kFloat:
      return cat(key.as_float());
    case ValueKind::kDType:
      return dtype_name(key.as_dtype());
    case ValueKind::kTuple:
    case ValueKind::kSize: {
      std::string s;
      for (const Value& item : key.items()) s += (s.empty() ? "" : ", ") + key_text(item);
      return "(" + s + ")";
    }
    default:
      return key.text();
  }
}

SavedValue from_value(const Value& v, formats::TensorReader& reader) {
  switch (v.kind()) {
    case ValueKind::kNone:
      return SavedValue();
    case ValueKind::kBool:
      return SavedValue(v.as_bool());
    case ValueKind::kInt:
      return SavedValue(v.as_int());
    case ValueKind::kFloat:
      return SavedValue(v.as_float());
    case ValueKind::kDType:
      return SavedValue(dtype_name(v.as_dtype()));
    case ValueKind::kComplex:
      return SavedValue(cat(v.as_complex().real(), "+", v.as_complex().imag(), "j"));
    case ValueKind::kBigInt:
    case ValueKind::kString:
    case ValueKind::kBytes:
    case ValueKind::kByteArray:
    case ValueKind::kDevice:
      return SavedValue(v.text());
    case ValueKind::kArray:  // its bytes
      return v.items().size() == 4 ? SavedValue(v.items()[3].text()) : SavedValue();
    case ValueKind::kSparse:
    case ValueKind::kTensor:
      return SavedValue(reader.make(v));
    case ValueKind::kDict: {
      SavedValue::Dict dict;
      for (const auto& [key, item] : v.entries()) dict.emplace_back(key_text(key), from_value(item, reader));
      return SavedValue(std::move(dict));
    }
    case ValueKind::kList:
    case ValueKind::kTuple:
    case ValueKind::kSize:
    case ValueKind::kSet: {
      SavedValue::List list;
      for (const Value& item : v.items()) list.push_back(from_value(item, reader));
      return SavedValue(std::move(list));
    }
  }
  return SavedValue();
}

SavedValue from_archive(formats::Archive archive) {
  formats::TensorReader reader(std::move(archive.storages));
  return from_value(archive.root, reader);
}

StateDict tensors_of(formats::Archive archive) {
  formats::TensorReader reader(std::move(archive.storages));
  std::vector<StateDict::Entry> entries;
  for (const auto& [name, v] : archive.root.entries()) entries.emplace_back(name.text(), reader.make(v));
  return StateDict(std::move(entries));
}

/// An archive over contiguous versions of the tensors, which `writer` keeps alive.
formats::Archive archive_of(const StateDict& tensors, formats::TensorWriter& writer) {
  formats::Archive archive;
  archive.root = Value::dict();
  for (const auto& [name, tensor] : tensors) archive.root.append(name, writer.add(tensor));
  archive.storages = writer.storages();
  return archive;
}

}  // namespace

RusTorchResult<void> try_save(const SavedValue& value, const std::string& path) {
  return attempt([&]() -> RusTorchResult<void> {
    formats::TensorWriter writer;
    const Value root = to_value(value, writer);
    return formats::write_pt(posix_vfs(), path, root, writer.storages());
  });
}

void save(const SavedValue& value, const std::string& path) { try_save(value, path).unwrap(); }

RusTorchResult<SavedValue> try_load(const std::string& path) {
  return attempt([&]() -> RusTorchResult<SavedValue> {
    RT_TRY(archive, formats::read_pt(posix_vfs(), path));
    return from_archive(std::move(archive));
  });
}

SavedValue load(const std::string& path) { return try_load(path).unwrap(); }

std::string save_bytes(const SavedValue& value) {
  formats::TensorWriter writer;
  const Value root = to_value(value, writer);
  return formats::pt_bytes(root, writer.storages());
}

SavedValue load_bytes(std::string_view bytes) {
  return from_archive(formats::parse_pt(formats::ByteSpan(bytes), nullptr));
}

void save_safetensors(const StateDict& tensors, const std::string& path) {
  formats::TensorWriter writer;
  formats::write_safetensors(posix_vfs(), path, {archive_of(tensors, writer), {}}).unwrap();
}

RusTorchResult<StateDict> try_load_safetensors(const std::string& path) {
  return attempt([&]() -> RusTorchResult<StateDict> {
    RT_TRY(file, formats::read_safetensors(posix_vfs(), path));
    return tensors_of(std::move(file.archive));
  });
}

StateDict load_safetensors(const std::string& path) { return try_load_safetensors(path).unwrap(); }

void save_npy(const Tensor& tensor, const std::string& path) {
  formats::TensorWriter writer;
  formats::Archive archive;
  archive.root = writer.add(tensor);
  archive.storages = writer.storages();
  formats::write_numpy(posix_vfs(), path, archive).unwrap();
}

Tensor load_npy(const std::string& path) {
  formats::Archive archive = formats::read_numpy(posix_vfs(), path).unwrap();
  RT_CHECK(archive.root.is_tensor(), Format, "load_npy", "the file holds several arrays; use load_npz; got '",
           path, "'");
  formats::TensorReader reader(std::move(archive.storages));
  return reader.make(archive.root);
}

void save_npz(const StateDict& tensors, const std::string& path) {
  formats::TensorWriter writer;
  formats::write_numpy(posix_vfs(), path, archive_of(tensors, writer)).unwrap();
}

StateDict load_npz(const std::string& path) {
  formats::Archive archive = formats::read_numpy(posix_vfs(), path).unwrap();
  RT_CHECK(archive.root.is_dict(), Format, "load_npz", "the file holds one array; use load_npy; got '", path,
           "'");
  return tensors_of(std::move(archive));
}

}  // namespace rustorch
