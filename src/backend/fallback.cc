// What a backend does with the families that it lacks: the one place where an operator goes to the CPU
// instead.
//
// Every call struct lists its tensors once (visit_tensors.h). HostCall brings the bytes that they cover to
// the CPU, storage by storage, so that layouts, offsets and aliasing stay exactly as they were; runs the CPU
// backend; and writes the storages of results back. An error of the CPU backend leaves the device's tensors
// as they were.
#include <algorithm>
#include <vector>

#include "backend/device_backend.h"
#include "backend/visit_tensors.h"
#include "core/layout_algebra.h"
#include "gen/kernel_table.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

// ---- copies on the CPU

class HostCall {
 public:
  HostCall(DeviceBackend& backend, const std::string& op) : backend_(backend), op_(op) {
    DeviceManager::note_fallback(backend.name(), op);
  }
  ~HostCall() {
    for (Block& b : blocks_)
      if (b.host != nullptr) b.host->release();
  }
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  /// Notes the bytes that a tensor covers; all tensors come here before the first is asked for with host().
  void cover(const Tensor& t, Role role) {
    if (!on_device(t)) {
      if (t.defined() && t.dim() != 0) raise_devices(op_, t);
      return;
    }
    Storage* storage = t.impl()->storage();
    int64_t first = 0, last = -1;
    if (t.numel() != 0) extent(t.sizes(), t.strides(), &first, &last);
    const auto item = static_cast<int64_t>(element_size(t.dtype()));
    const auto begin = static_cast<size_t>((t.storage_offset() + first) * item) / kAlign * kAlign;
    const auto end = static_cast<size_t>((t.storage_offset() + last + 1) * item);
    const bool whole = role == Role::Out && begin == static_cast<size_t>(t.impl()->byte_offset()) &&
                       t.impl()->is_non_overlapping_and_dense();
    for (Block& b : blocks_) {
      if (b.device != storage) continue;
      b.begin = std::min(b.begin, begin);
      b.end = std::max(b.end, end);
      b.written |= role != Role::In;
      b.read = true;
      return;
    }
    blocks_.push_back({storage, begin, std::max(begin, end), role != Role::In, !whole, nullptr});
  }

  /// The tensor's twin on the CPU; itself when it is there or undefined.
  Tensor host(const Tensor& t) {
    if (!on_device(t)) return t;
    auto found = std::find_if(blocks_.begin(), blocks_.end(),
                              [&](const Block& b) { return b.device == t.impl()->storage(); });
    Block& b = *found;
    if (b.host == nullptr) {
      b.host = backend_for(DeviceType::Cpu).allocate(b.end - b.begin, Device::Cpu());
      if (b.read && b.end > b.begin)
        backend_.read_bytes(*b.device, b.begin, b.host->mutable_data(), b.end - b.begin);
    }
    b.host->retain();
    const auto shift = static_cast<int64_t>(b.begin / element_size(t.dtype()));
    return Tensor(new TensorImpl(b.host, t.sizes(), t.strides(),
                                 t.numel() == 0 ? 0 : t.storage_offset() - shift, t.dtype(), Device::Cpu()));
  }

  void write_back() {
    for (Block& b : blocks_)
      if (b.written && b.host != nullptr && b.end > b.begin)
        backend_.write_bytes(*b.device, b.begin, b.host->data(), b.end - b.begin);
  }

 private:
  static constexpr size_t kAlign = 64;
  struct Block {
    Storage* device;
    size_t begin, end;
    bool written, read;
    Storage* host;
  };

  [[noreturn]] void raise_devices(const std::string& op, const Tensor& t) const {
    raise(ErrorKind::Device, op,
          cat("Expected all tensors to be on the same device, but found at least two devices, ",
              Device(backend_.device_type(), 0), " and ", t.device(), "!"));
  }
  bool on_device(const Tensor& t) const {
    return t.defined() && t.impl()->device_type() == backend_.device_type();
  }

  DeviceBackend& backend_;
  const std::string& op_;
  std::vector<Block> blocks_;
};

ComputeBackend& cpu() { return backend_for(DeviceType::Cpu); }

template <class Call>
void run_on_cpu(DeviceBackend& backend, const std::string& op, void (ComputeBackend::*family)(const Call&),
                Call call) {
  ComputeBackend& target = cpu();
  HostCall host(backend, op);
  visit(call, [&](Tensor& t, Role role) { host.cover(t, role); });
  visit(call, [&](Tensor& t, Role) { t = host.host(t); });
  (target.*family)(call);
  host.write_back();
}

/// For families whose arguments are plain tensors: run(twins of the tensors).
template <class Run>
auto run_on_cpu(DeviceBackend& backend, const std::string& op,
                std::initializer_list<std::pair<const Tensor*, Role>> tensors, Run&& run) {
  ComputeBackend& target = cpu();
  HostCall host(backend, op);
  for (const auto& [t, role] : tensors) host.cover(*t, role);
  std::vector<Tensor> twins;
  for (const auto& entry : tensors) twins.push_back(host.host(*entry.first));
  if constexpr (std::is_void_v<decltype(run(target, twins))>) {
    run(target, twins);
    host.write_back();
  } else {
    auto result = run(target, twins);
    host.write_back();
    return result;
  }
}

const char* name_of(ReduceKind kind) {
  static constexpr const char* kNames[] = {"sum",       "prod",   "max",          "min", "any",
                                           "all",       "mean",   "var",          "std", "norm",
                                           "logsumexp", "nansum", "count_nonzero"};
  return kNames[static_cast<int>(kind)];
}
const char* name_of(ScanKind kind) {
  static constexpr const char* kNames[] = {"cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"};
  return kNames[static_cast<int>(kind)];
}
const char* name_of(OrderKind kind) {
  static constexpr const char* kNames[] = {"sort", "topk", "kthvalue", "median", "nanmedian", "mode"};
  return kNames[static_cast<int>(kind)];
}
const char* name_of(RandomKind kind) {
  static constexpr const char* kNames[] = {"uniform", "normal",    "log_normal",     "exponential",
                                           "cauchy",  "geometric", "bernoulli",      "randint",
                                           "poisson", "binomial",  "_standard_gamma"};
  return kNames[static_cast<int>(kind)];
}

const char* name_of(RangeKind kind) {
  static constexpr const char* kNames[] = {"arange", "linspace", "logspace"};
  return kNames[static_cast<int>(kind)];
}
const char* name_of(RnnMode mode) {
  static constexpr const char* kNames[] = {"rnn_tanh", "rnn_relu", "lstm", "gru"};
  return kNames[static_cast<int>(mode)];
}

const char* name_of(FftKind kind) {
  static constexpr const char* kNames[] = {"fft.fft", "fft.rfft", "fft.irfft", "fft.fft"};
  return kNames[static_cast<int>(kind)];
}

const char* name_of(LinalgKind kind) {
  static constexpr const char* kNames[] = {"linalg.cholesky",
                                           "linalg.lu_factor",
                                           "lu_unpack",
                                           "linalg.lu_solve",
                                           "linalg.solve_triangular",
                                           "linalg.inv",
                                           "linalg.qr",
                                           "linalg.qr",
                                           "linalg.svd",
                                           "linalg.eigh",
                                           "linalg.eig",
                                           "linalg.lstsq",
                                           "linalg.ldl_factor",
                                           "linalg.ldl_solve",
                                           "cdist"};
  return kNames[static_cast<int>(kind)];
}

}  // namespace

void DeviceBackend::pointwise(const PointwiseCall& call) {
  const std::string op = kernel_info(call.kernel).name;
  ComputeBackend& target = cpu();
  HostCall host(*this, op);
  for (int i = 0; i < call.nout; ++i) host.cover(call.outs[i], Role::Out);
  for (int i = 0; i < call.nin; ++i)
    if (call.ins[i].is_tensor()) host.cover(*call.ins[i].tensor, Role::In);
  std::vector<Tensor> tensors;
  tensors.reserve(static_cast<size_t>(call.nout + call.nin));
  std::vector<Operand> ins(call.ins, call.ins + call.nin);
  for (int i = 0; i < call.nout; ++i) tensors.push_back(host.host(call.outs[i]));
  for (Operand& in : ins) {
    if (!in.is_tensor()) continue;
    tensors.push_back(host.host(*in.tensor));
    in.tensor = &tensors.back();
  }
  PointwiseCall twin = call;
  twin.outs = tensors.data();
  twin.ins = ins.data();
  target.pointwise(twin);
  host.write_back();
}

bool DeviceBackend::join(const Tensor&, TensorList, int) { return false; }

void DeviceBackend::copy(const Tensor& dst, const Tensor& src) {
  run_on_cpu(*this, "copy_", {{&dst, Role::Out}, {&src, Role::In}},
             [](ComputeBackend& b, auto& t) { b.copy(t[0], t[1]); });
}
void DeviceBackend::fill(const Tensor& dst, const Scalar& value) {
  run_on_cpu(*this, "fill_", {{&dst, Role::Out}}, [&](ComputeBackend& b, auto& t) { b.fill(t[0], value); });
}
void DeviceBackend::flip(const Tensor& out, const Tensor& in, uint64_t mask) {
  run_on_cpu(*this, "flip", {{&out, Role::Out}, {&in, Role::In}},
             [&](ComputeBackend& b, auto& t) { b.flip(t[0], t[1], mask); });
}
int64_t DeviceBackend::count_true(const Tensor& mask) {
  return run_on_cpu(*this, "count_true", {{&mask, Role::In}},
                    [](ComputeBackend& b, auto& t) { return b.count_true(t[0]); });
}
void DeviceBackend::nonzero(const Tensor& out, const Tensor& mask) {
  run_on_cpu(*this, "nonzero", {{&out, Role::Out}, {&mask, Role::In}},
             [](ComputeBackend& b, auto& t) { b.nonzero(t[0], t[1]); });
}

void DeviceBackend::index(const IndexCall& call) {
  const std::string op = call.mode == IndexMode::Get   ? "index"
                         : call.mode == IndexMode::Put ? "index_put"
                                                       : "index_add";
  ComputeBackend& target = cpu();
  HostCall host(*this, op);
  const bool get = call.mode == IndexMode::Get;
  host.cover(call.data, get ? Role::In : Role::InOut);
  host.cover(call.values, get ? Role::Out : Role::In);
  for (int i = 0; i < call.count; ++i)  // indices may be on the CPU, as in PyTorch
    if (!call.indices[i].device().is_cpu()) host.cover(call.indices[i], Role::In);
  std::vector<Tensor> indices;
  for (int i = 0; i < call.count; ++i) indices.push_back(host.host(call.indices[i]));
  IndexCall twin = call;
  twin.data = host.host(call.data);
  twin.values = host.host(call.values);
  twin.indices = indices.data();
  target.index(twin);
  host.write_back();
}

#define RT_FALLBACK(family, Call, op) \
  void DeviceBackend::family(const Call& call) { run_on_cpu(*this, op, &ComputeBackend::family, call); }
RT_FALLBACK(masked_fill, MaskedFillCall, "masked_fill")
RT_FALLBACK(range, RangeCall, name_of(call.kind))
RT_FALLBACK(triangle, TriangleCall, call.upper ? "triu" : "tril")
RT_FALLBACK(gather, GatherCall, "gather")
RT_FALLBACK(scatter, ScatterCall, "scatter")
RT_FALLBACK(masked_select, MaskedSelectCall, "masked_select")
RT_FALLBACK(masked_scatter, MaskedScatterCall, "masked_scatter")
RT_FALLBACK(random, RandomCall, name_of(call.kind))
RT_FALLBACK(implicit_grad, ImplicitGradCall,
            call.total.defined() ? "_dirichlet_grad" : "_standard_gamma_grad")
RT_FALLBACK(reduce, ReduceCall, name_of(call.kind))
RT_FALLBACK(arg_reduce, ArgReduceCall, call.kind == ArgReduceKind::ArgMax ? "argmax" : "argmin")
RT_FALLBACK(scan, ScanCall, name_of(call.kind))
RT_FALLBACK(order, OrderCall, name_of(call.kind))
RT_FALLBACK(search, SearchCall, "searchsorted")
RT_FALLBACK(matmul, MatmulCall, "matmul")
RT_FALLBACK(convolution, ConvCall, call.kind == ConvKind::Forward ? "convolution" : "convolution_backward")
RT_FALLBACK(softmax, SoftmaxCall, "softmax")
RT_FALLBACK(class_loss, ClassLossCall, call.lse.defined() ? "cross_entropy" : "nll_loss")
RT_FALLBACK(pool, PoolCall,
            call.kind < PoolKind::Avg || call.kind == PoolKind::AdaptiveMax ? "max_pool" : "avg_pool")
RT_FALLBACK(norm, NormCall,
            call.kind < NormKind::Layer   ? "batch_norm"
            : call.kind < NormKind::Group ? "layer_norm"
                                          : "group_norm")
RT_FALLBACK(embedding, EmbeddingCall, "embedding")
RT_FALLBACK(dropout, DropoutCall, "dropout")
RT_FALLBACK(attention, AttentionCall, "scaled_dot_product_attention")
RT_FALLBACK(rnn, RnnCall, name_of(call.mode))
RT_FALLBACK(resample, ResampleCall, "interpolate")
RT_FALLBACK(columns, ColumnsCall, call.fold ? "fold" : "unfold")
RT_FALLBACK(fft, FftCall, name_of(call.kind))
RT_FALLBACK(linalg, LinalgCall, name_of(call.kind))
#undef RT_FALLBACK

}  // namespace rustorch
