#include "core/sparse_data.h"

#include "core/tensor_impl.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {
void release(void* context, void*, size_t) { delete static_cast<SparseData*>(context); }
constexpr StorageOps kSparseOps{nullptr, release, nullptr, true};

SparseData& data_of(const Tensor& t) {
  RT_CHECK(t.impl()->is_sparse() && !t.impl()->is_quantized(), Internal, "sparse_data",
           "the tensor is not sparse");
  return *static_cast<SparseData*>(t.impl()->storage()->context());
}
}  // namespace

const char* layout_name(Layout layout) {
  constexpr const char* kNames[] = {"strided",    "sparse_coo", "sparse_csr",
                                    "sparse_csc", "sparse_bsr", "sparse_bsc"};
  return kNames[static_cast<size_t>(layout)];
}

const SparseData& sparse_data(const Tensor& t) { return data_of(t); }

Tensor make_sparse(SparseData data, IntArrayRef sizes) {
  const DType dtype = data.values.dtype();
  const Device device = data.values.device();
  const bool inference = data.values.impl()->is_inference();
  auto* storage = new Storage(nullptr, 0, device, &kSparseOps, new SparseData(std::move(data)));
  Tensor t(new TensorImpl(storage, sizes, dtype, device));
  t.impl()->set_sparse(true);
  t.impl()->set_inference(inference);
  return t;
}

void replace_sparse(const Tensor& t, const Tensor& from) {
  SparseData copy = data_of(from);
  data_of(t) = std::move(copy);
  t.impl()->set_sizes_contiguous(from.sizes());
  t.impl()->bump_version();
}

void set_coalesced(const Tensor& t, bool on) { data_of(t).coalesced = on; }

}  // namespace rustorch
