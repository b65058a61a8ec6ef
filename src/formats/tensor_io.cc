#include "formats/tensor_io.h"

#include <cstring>

#include "backend/compute_backend.h"
#include "core/quantized_data.h"
#include "core/sparse_data.h"
#include "core/tensor_impl.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "rustorch/sparse.h"

namespace rustorch::formats {
namespace {

/// A uint8 tensor with memory of its own.
Tensor new_bytes(uint64_t n) {
  const auto size = static_cast<int64_t>(n);
  rustorch::Storage* storage = backend_for(DeviceType::Cpu).allocate(n, Device::Cpu());
  return Tensor(new TensorImpl(storage, IntArrayRef(&size, 1), kUInt8, Device::Cpu()));
}

/// The tensor's numbers conjugated or negated, as the record says, in memory of its own.
Tensor resolve_signs(const Tensor& t, const TensorRecord& r) {
  Tensor out = t;
  if (r.is_conj && is_complex(r.dtype)) out = out.conj_physical();
  if (r.is_neg) out = out.neg();
  return out;
}

}  // namespace

Value TensorWriter::add(const Tensor& given, bool is_parameter) {
  RT_CHECK(given.defined(), Value, "save", "the tensor is undefined; got a default-constructed Tensor");
  auto known = by_tensor_.find(given.impl());
  if (known != by_tensor_.end()) return known->second;
  kept_.push_back(given);
  const Tensor& t = given;
  if (t.is_quantized()) return by_tensor_.emplace(given.impl(), add_quantized(t)).first->second;
  if (t.layout() != Layout::Strided) return by_tensor_.emplace(given.impl(), add_sparse(t)).first->second;
  RT_CHECK(t.device().is_cpu(), Device, "save", "only tensors on the CPU can be saved; got one on ",
           t.device().str(), "; call cpu() first");
  const TensorImpl& impl = *t.impl();
  auto [it, fresh] = by_storage_.emplace(impl.storage(), static_cast<int64_t>(storages_.size()));
  if (fresh) {
    Storage s;
    s.data = static_cast<const uint8_t*>(impl.storage()->data());
    s.nbytes = impl.storage()->nbytes();
    s.dtype = impl.dtype();
    storages_.push_back(std::move(s));
  }
  TensorRecord r;
  r.dtype = impl.dtype();
  r.sizes.assign(impl.sizes().begin(), impl.sizes().end());
  r.strides.assign(impl.strides().begin(), impl.strides().end());
  r.offset = impl.offset();
  r.storage = it->second;
  r.requires_grad = given.requires_grad();
  r.is_parameter = is_parameter;
  return by_tensor_.emplace(given.impl(), Value::tensor(std::move(r))).first->second;
}

Value TensorWriter::add_sparse(const Tensor& t) {
  const SparseData& d = sparse_data(t);
  const bool coo = d.layout == Layout::SparseCoo;
  std::vector<Value> items{Value::string(std::string("torch.") + layout_name(d.layout)), add(d.indices)};
  if (!coo) items.push_back(add(d.plain));
  items.push_back(add(d.values));
  items.push_back(Value::size(t.sizes().vec()));
  if (coo) items.push_back(Value::boolean(d.coalesced));
  return Value::sparse(std::move(items));
}

Value TensorWriter::add_quantized(const Tensor& t) {
  const QuantizedData& d = quantized_data("save", t);
  const Quantizer& q = d.quantizer;
  // Packed integers are written whole; they have no views.
  std::vector<Value> items{Value::string(std::string("torch.") + qscheme_name(q.scheme)), add(d.integers),
                           Value::dtype(t.dtype()), Value::size(t.sizes().vec())};
  if (q.scheme == QScheme::PerTensorAffine) {
    items.push_back(Value::real(q.scale));
    items.push_back(Value::integer(q.zero_point));
  } else {
    items.push_back(add(q.scales));
    items.push_back(add(q.zero_points));
    items.push_back(Value::integer(q.axis));
  }
  return Value::sparse(std::move(items));
}

Tensor TensorReader::make_quantized(const Value& value) {
  const std::vector<Value>& items = value.items();
  const Tensor integers = make(items[1]);
  const DType dtype = items[2].as_dtype();
  std::vector<int64_t> sizes;
  for (const Value& d : items[3].items()) sizes.push_back(d.as_int());
  Quantizer q;
  if (items.size() == 6) {
    q.scale = items[4].as_float();
    q.zero_point = items[5].as_int();
  } else {
    q.scales = make(items[4]);
    q.zero_points = make(items[5]);
    const bool floats = is_floating_point(q.zero_points.dtype());  // PyTorch writes one name for both
    q.scheme = floats ? QScheme::PerChannelAffineFloatQParams : QScheme::PerChannelAffine;
    q.axis = items[6].as_int();
    RT_CHECK(q.axis >= 0 && q.axis < static_cast<int64_t>(sizes.size()) && q.scales.dim() == 1 &&
                 q.zero_points.dim() == 1 && q.scales.numel() == sizes[static_cast<size_t>(q.axis)] &&
                 q.zero_points.numel() == q.scales.numel() &&
                 q.scales.dtype() == (floats ? kFloat32 : kFloat64) &&
                 q.zero_points.dtype() == (floats ? kFloat32 : kInt64),
             Format, "load", "the scales of a quantized tensor do not fit its size");
  }
  if (packed_elements(dtype) > 1) return make_packed_quantized(dtype, integers, sizes, std::move(q));
  return rustorch::make_quantized(dtype, integers, std::move(q));
}

Tensor TensorReader::make_sparse(const Value& value) {
  const std::vector<Value>& items = value.items();
  const std::string& name = items[0].text();
  if (is_quantized_record(value)) return make_quantized(value);
  const bool coo = name == "torch.sparse_coo";
  std::vector<int64_t> sizes;
  for (const Value& d : items[coo ? 3 : 4].items()) sizes.push_back(d.as_int());
  if (coo) {
    const bool coalesced = items.size() > 4 && items[4].kind() == ValueKind::kBool && items[4].as_bool();
    return _sparse_coo_checked(make(items[1]), make(items[2]), IntArrayRef(sizes), coalesced);
  }
  for (Layout l : {Layout::SparseCsr, Layout::SparseCsc, Layout::SparseBsr, Layout::SparseBsc})
    if (name == std::string("torch.") + layout_name(l))
      return _sparse_compressed_checked(make(items[1]), make(items[2]), make(items[3]), IntArrayRef(sizes), l,
                                        true);
  raise(ErrorKind::Format, "load", cat("unknown layout '", name, "' of a sparse tensor"));
}

const Tensor& TensorReader::bytes_of(int64_t index) {
  auto it = bytes_.find(index);
  if (it != bytes_.end()) return it->second;
  Storage& s = storages_.at(static_cast<size_t>(index));
  Tensor bytes = new_bytes(s.nbytes);
  if (s.nbytes > 0) {
    auto* to = static_cast<uint8_t*>(bytes.mutable_data_ptr());
    std::memcpy(to, s.data, s.nbytes);
    if (s.dtype == kBool) {
      // A C++ bool must be 0 or 1, whatever the file says.
      for (uint64_t i = 0; i < s.nbytes; ++i) to[i] = to[i] != 0;
    }
  }
  const DType dtype = s.dtype;
  s = Storage();  // the file's bytes are no longer needed
  s.dtype = dtype;
  return bytes_.emplace(index, std::move(bytes)).first->second;
}

Tensor TensorReader::make(const Value& value) {
  if (value.kind() == ValueKind::kSparse) {
    auto known = made_.find(value.identity());
    if (known != made_.end()) return known->second;
    return made_.emplace(value.identity(), make_sparse(value)).first->second;
  }
  const TensorRecord& r = value.tensor();
  auto it = made_.find(value.identity());
  if (it != made_.end()) return it->second;
  rustorch::Storage* storage = bytes_of(r.storage).impl()->storage();
  storage->retain();
  Tensor t(new TensorImpl(storage, r.sizes, r.strides, r.offset, r.dtype, Device::Cpu()));
  // Bools seen through a storage of another type: compare instead of trusting the bytes.
  if (r.dtype == kBool && storages_[static_cast<size_t>(r.storage)].dtype != kBool) {
    storage->retain();
    t = Tensor(new TensorImpl(storage, r.sizes, r.strides, r.offset, kUInt8, Device::Cpu())).ne(0);
  }
  if (r.is_conj || r.is_neg) t = resolve_signs(t, r);
  if (r.requires_grad) t.requires_grad_(true);
  return made_.emplace(value.identity(), std::move(t)).first->second;
}

}  // namespace rustorch::formats
