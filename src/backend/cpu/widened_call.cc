#include "backend/cpu/widened_call.h"

#include "backend/compute_backend.h"
#include "backend/cpu/index.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/order.h"
#include "backend/cpu/reduce.h"
#include "backend/cpu/scan.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

namespace {

constexpr uint64_t kHighest = uint64_t{1} << 63;

/// Turns the highest bit of each element around.
void flip_signs(const Tensor& t) {
  auto* p = static_cast<uint64_t*>(t.impl()->mutable_data());
  parallel_for(0, t.numel(), 32768, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) p[i] ^= kHighest;
  });
}

/// float8: whether 8-bit floats are computed: PyTorch does so only where nothing has to be compared or added.
template <class Call, class F>
void run_or_widen(const char* family, const Call& call, Unsigned how, F run, bool float8 = false) {
  if (!has_stored_only(call)) [[likely]]
    return run(call);
  run_widened(family, call, how, float8, run);
}

}  // namespace

void refuse_type(const char* family, DType t) {
  raise(ErrorKind::NotImplemented, family,
        cat("\"", family, "\" not implemented for '", dtype_scalar_name(t), "'"));
}

Tensor widened(const Tensor& t, Unsigned how, bool read) {
  const bool real = how == Unsigned::Real && t.dtype() == kUInt64;
  const DType type = real ? kFloat64 : wide_type(t.dtype());
  const size_t nbytes = static_cast<size_t>(t.numel()) * element_size(type);
  Storage* storage = backend_for(DeviceType::Cpu).allocate(nbytes, Device::Cpu());
  Tensor wide(new TensorImpl(storage, t.sizes(), type, Device::Cpu()));
  if (!read) return wide;
  copy(wide, t);
  if (how == Unsigned::Order && t.dtype() == kUInt64) flip_signs(wide);
  return wide;
}

void narrow_back(const Tensor& t, const Tensor& wide, Unsigned how) {
  if (how == Unsigned::Order && t.dtype() == kUInt64) flip_signs(wide);
  copy(t, wide);
}

void run_reduce(const ReduceCall& call) {
  if (!has_stored_only(call)) [[likely]]
    return reduce(call);
  const bool extreme = call.kind == ReduceKind::Max || call.kind == ReduceKind::Min;
  const DType result = call.out.dtype();
  const Unsigned how = extreme                     ? Unsigned::Order
                       : is_integral(result, true) ? Unsigned::Bits
                                                   : Unsigned::Real;
  const bool trivial = call.in.numel() == 0 || call.in.numel() == call.out.numel();
  run_widened("reduce", call, how, trivial || !is_float8(result), reduce);
}

void run_arg_reduce(const ArgReduceCall& call) {
  run_or_widen("arg_reduce", call, Unsigned::Order, arg_reduce, call.in.numel() == call.indices.numel());
}

void run_scan(const ScanCall& call) {
  const bool extreme = call.kind == ScanKind::CumMax || call.kind == ScanKind::CumMin;
  run_or_widen("scan", call, extreme ? Unsigned::Order : Unsigned::Bits, scan, call.in.numel() == 1);
}

void run_order(const OrderCall& call) {
  run_or_widen("sort", call, Unsigned::Order, order, call.in.numel() == 1);
}
void run_search(const SearchCall& call) { run_or_widen("searchsorted", call, Unsigned::Order, search); }

void run_scatter(const ScatterCall& call) {
  if (call.mode == ScatterMode::Write) return scatter(call);
  const bool extreme = call.mode == ScatterMode::Max || call.mode == ScatterMode::Min;
  run_or_widen("scatter", call, extreme ? Unsigned::Order : Unsigned::Bits, scatter);
}

void run_index(const IndexCall& call) {
  if (call.mode != IndexMode::Add || !has_stored_only(call)) return index(call);
  if (is_opaque(call.data.dtype())) refuse_type("index_add", call.data.dtype());
  IndexCall wide = call;
  wide.data = widened(call.data, Unsigned::Bits, true);
  wide.values =
      is_stored_only(call.values.dtype()) ? widened(call.values, Unsigned::Bits, true) : call.values;
  index(wide);
  narrow_back(call.data, wide.data, Unsigned::Bits);
}

void run_matmul(const MatmulCall& call) {
  if (!has_stored_only(call)) [[likely]]
    return matmul(call);
  run_widened("matmul", call, Unsigned::Bits, true, matmul);
}

void run_convolution(const ConvCall& call) { run_or_widen("convolution", call, Unsigned::Bits, convolution); }

}  // namespace rustorch::cpu
