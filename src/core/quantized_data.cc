#include "core/quantized_data.h"

#include <utility>

#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {
void release(void* context, void*, size_t) { delete static_cast<QuantizedData*>(context); }
constexpr StorageOps kQuantizedOps{nullptr, release, nullptr, true};

QuantizedData& data_of(const char* op, const Tensor& t) {
  RT_CHECK(t.defined() && t.impl()->is_quantized(), NotImplemented, op, "Could not run '", op,
           "': the tensor is not quantized; hint: quantize_per_tensor()");
  return *static_cast<QuantizedData*>(t.impl()->storage()->context());
}

Tensor wrap(TensorImpl* impl) {
  impl->set_quantized(true);
  return Tensor(impl);
}
Storage* storage_of(const Tensor& integers, Quantizer&& quantizer) {
  return new Storage(nullptr, 0, integers.device(), &kQuantizedOps,
                     new QuantizedData{std::move(quantizer), integers});
}
}  // namespace

const char* qscheme_name(QScheme scheme) {
  constexpr const char* kNames[kNumQSchemes] = {"per_tensor_affine", "per_channel_affine",
                                                "per_tensor_symmetric", "per_channel_symmetric",
                                                "per_channel_affine_float_qparams"};
  return kNames[static_cast<size_t>(scheme)];
}

QScheme qscheme(const Tensor& t) { return quantized_data("qscheme", t).quantizer.scheme; }

const QuantizedData& quantized_data(const char* op, const Tensor& t) { return data_of(op, t); }

Tensor make_quantized(DType dtype, const Tensor& integers, Quantizer quantizer) {
  return wrap(new TensorImpl(storage_of(integers, std::move(quantizer)), integers.sizes(), integers.strides(),
                             integers.storage_offset(), dtype, integers.device()));
}

Tensor make_packed_quantized(DType dtype, const Tensor& packed, IntArrayRef sizes, Quantizer quantizer) {
  return wrap(new TensorImpl(storage_of(packed, std::move(quantizer)), sizes, dtype, packed.device()));
}

void set_quantizer(const Tensor& t, Quantizer quantizer) {
  data_of("set_quantizer", t).quantizer = std::move(quantizer);
}

}  // namespace rustorch
