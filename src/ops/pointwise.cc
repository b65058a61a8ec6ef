#include "ops/pointwise.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "backend/compute_backend.h"
#include "backend/compute_type_of.h"
#include "core/layout_algebra.h"
#include "core/promotion.h"
#include "backend/cpu/chunk_kernel.h"
#include "gen/kernel_table.h"
#include "autograd/transform_call.h"
#include "ops/copy_common.h"
#include "ops/make.h"
#include "ops/overlap.h"
#include "rustorch/error.h"

namespace rustorch {

namespace {

[[noreturn]] void refuse(const PointwiseOp& op, DType t) {
  raise(ErrorKind::NotImplemented, op.name,
        cat("\"", op.name, "\" not implemented for '", dtype_scalar_name(t), "'"));
}

void check_dtype(const PointwiseOp& op, DType t) {
  uint32_t r = op.rules;
  if ((r & PointwiseRules::kRefuseComplex) != 0 && is_complex(t)) refuse(op, t);
  if ((r & PointwiseRules::kRefuseBool) != 0 && t == kBool) {
    if (*op.kernel == KernelId::sub)
      raise(ErrorKind::DType, op.name,
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` "
            "operator instead.");
    refuse(op, t);
  }
  if ((r & (PointwiseRules::kRefuseFloat | PointwiseRules::kIntegral)) != 0 &&
      (is_floating_point(t) || is_complex(t)))
    refuse(op, t);
  if ((r & PointwiseRules::kRefuseInt) != 0 && is_integral(t, false)) refuse(op, t);
  if (is_opaque(t) || (is_float8(t) && (r & PointwiseRules::kFloat8) == 0)) refuse(op, t);
  if (t == kUInt64 && (r & (PointwiseRules::kUInt64Mask | PointwiseRules::kFloat)) == 0) refuse(op, t);
}

/// What one call comes to: computation type, result type, shape, device.
struct Plan {
  DType common, result;
  Device device;
  const Tensor* shaped = nullptr;  // an operand that has the full shape, or null
  std::array<int64_t, TensorImpl::kMaxDims> sizes;
  int ndim = 0;
  IntArrayRef shape() const { return {sizes.data(), static_cast<size_t>(ndim)}; }
};

// Broadcasts t into plan.sizes; throws with PyTorch's words.
void broadcast_into(const PointwiseOp& op, Plan& plan, const Tensor& t) {
  IntArrayRef s = t.sizes();
  int n = static_cast<int>(s.size());
  if (n > plan.ndim) {
    int shift = n - plan.ndim;
    for (int d = plan.ndim - 1; d >= 0; --d) plan.sizes[d + shift] = plan.sizes[d];
    for (int d = 0; d < shift; ++d) plan.sizes[d] = 1;
    plan.ndim = n;
  }
  for (int i = 0; i < n; ++i) {
    int64_t& have = plan.sizes[plan.ndim - 1 - i];
    int64_t size = s[n - 1 - i];
    if (have == size || size == 1) continue;
    if (have != 1)
      raise_shape(op.name,
                  cat("The size of tensor a (", have, ") must match the size of tensor b (", size,
                      ") at non-singleton dimension ", plan.ndim - 1 - i),
                  plan.shape(), s);
    have = size;
  }
}

void check_devices(const PointwiseOp& op, const Operand* ins, int nin, Plan& plan) {
  bool found = false;
  for (int i = 0; i < nin; ++i) {  // 0-d CPU tensors go anywhere
    if (!ins[i].is_tensor()) continue;
    const Tensor& t = *ins[i].tensor;
    if (t.dim() == 0 && t.device().is_cpu()) continue;
    if (!found) {
      plan.device = t.device();
      found = true;
    } else if (!(t.device() == plan.device)) {
      raise(ErrorKind::Device, op.name,
            cat("Expected all tensors to be on the same device, but found at least two devices, ",
                plan.device, " and ", t.device(), "!"));
    }
  }
  if (!found)
    for (int i = 0; i < nin; ++i)
      if (ins[i].is_tensor()) plan.device = ins[i].tensor->device();
}

Plan make_plan(const PointwiseOp& op, const Operand* ins, int nin) {
  Plan plan;
  const KernelInfo& kernel = kernel_info(*op.kernel);
  ResultType types;
  bool first = true;
  for (int i = 0; i < nin; ++i) {
    bool mask = kernel.in_kinds[i] == 'B';
    if (!ins[i].is_tensor()) {
      if (!mask) types.add(ins[i].scalar);
      continue;
    }
    const Tensor& t = *ins[i].tensor;
    RT_CHECK(t.defined(), Value, op.name, "expected a tensor, got an undefined one");
    refuse_sparse(op.name, t);
    if (!mask) types.add(t.dtype(), t.dim() == 0, t.impl()->is_wrapped_number());
    if (first) {
      plan.ndim = static_cast<int>(t.dim());
      for (int d = 0; d < plan.ndim; ++d) plan.sizes[d] = t.sizes()[d];
      first = false;
    } else if (t.sizes() != plan.shape()) {
      broadcast_into(op, plan, t);
    }
  }
  RT_CHECK(!first, Type, op.name, "expected a tensor among the operands; got numbers only");
  check_devices(op, ins, nin, plan);
  plan.common = types.get();
  check_dtype(op, plan.common);
  if ((op.rules & PointwiseRules::kNoPromote) != 0)
    for (int i = 0; i < nin; ++i)
      if (ins[i].is_tensor() && kernel.in_kinds[i] != 'B')
        RT_CHECK(ins[i].tensor->dtype() == plan.common, DType, op.name,
                 "expected all tensors to have the same dtype; got ", ins[i].tensor->dtype(), "; expected ",
                 plan.common);
  if ((op.rules & PointwiseRules::kFloat) != 0 && is_integral(plan.common, true))
    plan.common = get_default_dtype();
  plan.result = plan.common;
  if ((op.rules & PointwiseRules::kBoolOut) != 0) plan.result = kBool;
  if ((op.rules & PointwiseRules::kRealOut) != 0) plan.result = real_type(plan.common);
  if (plan.common == kBool && (op.rules & PointwiseRules::kGradient) != 0) plan.common = get_default_dtype();
  return plan;
}

bool is_half(DType t) { return t == kFloat16 || t == kBFloat16; }

// Operands whose numbers (0-d tensors too) have been brought into the range of a narrow common dtype, as
// PyTorch does before it computes: 7 % 300 of uint8 is 7 % 44; 0.3 equals an element of bfloat16 that was
// made of 0.3.
struct WrappedNumbers {
  static constexpr int kMost = 4;
  std::array<Operand, kMost> ins{Operand(Scalar(0)), Operand(Scalar(0)), Operand(Scalar(0)),
                                 Operand(Scalar(0))};
  std::array<Scalar, kMost> params;
  std::array<Tensor, kMost> copies;

  WrappedNumbers() = default;
  WrappedNumbers(const PointwiseOp& op, const Plan& plan, const PointwiseCall& call) {
    const KernelInfo& kernel = kernel_info(*op.kernel);
    const DType t = plan.common;
    const bool rounds = is_half(t) && (op.rules & PointwiseRules::kWideNumbers) == 0;
    for (int i = 0; i < call.nin; ++i) {
      const Operand& from = ins[i] = call.ins[i];
      if (kernel.in_kinds[i] == 'B') continue;
      if (from.is_tensor()) {
        const DType have = from.tensor->dtype();
        if (have != t && from.tensor->dim() == 0 && (is_half(t) ? rounds : is_integral(have, false)))
          copies[i] = cast_raw(*from.tensor, t), ins[i] = Operand(copies[i]);
      } else if (is_float8(t)) {  // rounded as the elements are
        copies[i] = cast_raw(wrapped_number(from.scalar), t), ins[i] = Operand(copies[i]);
      } else if (rounds) {
        ins[i] = Operand(round(t, from.scalar));
      } else if (from.scalar.is_integral() && is_integral(t, false)) {
        ins[i] = Operand(wrap(t, from.scalar.to_int()));
      }
    }
    const bool round_params = is_half(t) && (op.rules & PointwiseRules::kRoundedParams) != 0;
    for (int i = 0; i < call.nparams; ++i)
      params[i] = round_params && kernel.param_kinds[i] == 'T' ? round(t, call.params[i]) : call.params[i];
  }

  static Scalar round(DType t, const Scalar& v) {
    const float x = static_cast<float>(v.to_double());
    return Scalar(
        static_cast<double>(t == kFloat16 ? static_cast<float>(Half(x)) : static_cast<float>(BFloat16(x))));
  }

  static Scalar wrap(DType t, int64_t v) {
    switch (t) {
      case kUInt8:
        return Scalar(static_cast<int64_t>(static_cast<uint8_t>(v)));
      case kInt8:
        return Scalar(static_cast<int64_t>(static_cast<int8_t>(v)));
      case kInt16:
        return Scalar(static_cast<int64_t>(static_cast<int16_t>(v)));
      case kUInt16:
        return Scalar(static_cast<int64_t>(static_cast<uint16_t>(v)));
      case kUInt32:
        return Scalar(static_cast<int64_t>(static_cast<uint32_t>(v)));
      case kUInt64:
        return Scalar(v);
      default:
        return Scalar(static_cast<int64_t>(static_cast<int32_t>(v)));
    }
  }
};

// Operands of uint64 with the highest bit turned around, so that int64 orders them; the result is turned
// back.
void run_ordered(const PointwiseOp& op, PointwiseCall call) {
  constexpr int64_t kHighest = INT64_MIN;
  constexpr int kMost = WrappedNumbers::kMost;
  const KernelInfo& kernel = kernel_info(*op.kernel);
  ComputeBackend& backend = backend_for(*call.outs);
  auto turn = [&](const Tensor& t) {  // as int64
    Tensor wide = cast_raw(t, kInt64);
    const Operand ins[2] = {Operand(wide), Operand(Scalar(kHighest))};
    Tensor turned = make_like(wide, kInt64);
    backend.pointwise({KernelId::bitwise_xor, ComputeType::i64, &turned, 1, ins, 2, nullptr, 0});
    return turned;
  };
  RT_CHECK(call.nin <= kMost && call.nparams <= kMost, Internal, op.name, "too many operands");
  WrappedNumbers turned;
  for (int i = 0; i < call.nin; ++i) {
    turned.ins[i] = call.ins[i];
    if (kernel.in_kinds[i] == 'B') continue;
    if (call.ins[i].is_tensor()) {
      turned.copies[i] = turn(*call.ins[i].tensor);
      turned.ins[i] = Operand(turned.copies[i]);
    } else {
      turned.ins[i] = Operand(Scalar(call.ins[i].scalar.to_int() ^ kHighest));
    }
  }
  const auto limit = [](const Scalar& v) {  // no element lies below zero, whatever a limit says
    return v.is_beyond_int64() ? v.to_int() : std::max<int64_t>(v.to_int(), 0);
  };
  for (int i = 0; i < call.nparams; ++i)
    turned.params[i] =
        kernel.param_kinds[i] == 'T' ? Scalar(limit(call.params[i]) ^ kHighest) : call.params[i];
  call.ins = turned.ins.data();
  call.params = turned.params.data();
  if (kernel.out_kinds[0] == 'B') return backend.pointwise(call);
  const Tensor& out = *call.outs;
  const Tensor wide = make_like(out, kInt64);
  call.outs = &wide;
  backend.pointwise(call);
  backend_copy(out, turn(wide));
}

// Strides of the first operand that tells how two dimensions lie, taken together for all pairs: an operand
// with a stride for every dimension decides alone; where it is broadcast the next one is asked.
DimVector strides_of_operands(IntArrayRef shape, const Operand* ins, int nin) {
  const size_t n = shape.size();
  std::vector<DimVector> operands;
  for (int i = 0; i < nin; ++i) {
    if (!ins[i].is_tensor() || ins[i].tensor->dim() == 0) continue;
    const Tensor& t = *ins[i].tensor;
    DimVector strides(n, 0);
    const size_t first = n - t.sizes().size();
    for (size_t d = first; d < n; ++d)
      if (t.sizes()[d - first] == shape[d]) strides[d] = t.strides()[d - first];
    operands.push_back(std::move(strides));
  }
  const auto order_of = [&](int64_t inner, int64_t outer) {  // 0: nothing tells
    for (const DimVector& strides : operands) {
      const int64_t a = strides[static_cast<size_t>(inner)], b = strides[static_cast<size_t>(outer)];
      if (a == 0 || b == 0) continue;
      if (a != b) return a < b ? -1 : 1;
      const int64_t x = shape[static_cast<size_t>(inner)], y = shape[static_cast<size_t>(outer)];
      if (x > y) return 1;
    }
    return 0;
  };
  DimVector order(n), result(n);
  std::iota(order.rbegin(), order.rend(), 0);
  for (size_t i = 1; i < n; ++i) {
    size_t at = i;
    for (size_t j = i; j-- > 0;) {
      const int how = order_of(order[j], order[at]);
      if (how < 0) break;
      if (how == 0) continue;
      std::swap(order[j], order[at]);
      at = j;
    }
  }
  int64_t expected = 1;
  for (const int64_t d : order) {
    result[static_cast<size_t>(d)] = expected;
    expected *= std::max<int64_t>(shape[static_cast<size_t>(d)], 1);
  }
  return result;
}

// A dense result in the order of the operands' memory, the first operand first.
Tensor allocate_result(const PointwiseOp& op, const Plan& plan, const Operand* ins, int nin) {
  IntArrayRef shape = plan.shape();
  bool plain = true;
  for (int i = 0; i < nin && plain; ++i) {
    if (!ins[i].is_tensor()) continue;
    const Tensor& t = *ins[i].tensor;
    if (!(plain = t.impl()->is_contiguous())) break;
    if (t.sizes() == shape) return make_tensor(shape, plan.result, plan.device);
  }
  if (plain || (op.rules & PointwiseRules::kRowMajor) != 0)
    return make_tensor(shape, plan.result, plan.device);
  const Operand* first = std::find_if(ins, ins + nin, [](const Operand& x) { return x.is_tensor(); });
  const IntArrayRef strides = first->tensor->strides();
  const bool decides =
      first->tensor->sizes() == shape && std::find(strides.begin(), strides.end(), 0) == strides.end();
  return make_strided(shape,
                      decides ? dense_strides_like(shape, strides) : strides_of_operands(shape, ins, nin),
                      plan.result, plan.device);
}

void run_uint64(const PointwiseOp& op, const PointwiseCall& call) {
  switch (op.rules & PointwiseRules::kUInt64Mask) {
    case PointwiseRules::kUInt64Order:
      return run_ordered(op, call);
    case PointwiseRules::kUInt64Same:
      return backend_copy(*call.outs, *call.ins[0].tensor);
    case PointwiseRules::kUInt64Zero:
      return backend_for(*call.outs).fill(*call.outs, 0);
    default:
      return backend_for(*call.outs).pointwise(call);
  }
}

bool has_numbers(DType t, const PointwiseCall& call) {
  return call.nparams > 0 || std::any_of(call.ins, call.ins + call.nin, [&](const Operand& x) {
           return !x.is_tensor() || (x.tensor->dim() == 0 && x.tensor->dtype() != t);
         });
}

void run(const PointwiseOp& op, const Plan& plan, const Operand* ins, int nin, const Scalar* params,
         int nparams, const Tensor& out) {
  if (out.numel() == 0) return;
  PointwiseCall call{*op.kernel, compute_type_of(plan.common), &out, 1, ins, nin, params, nparams};
  const bool narrow = (is_integral(plan.common, false) && plan.common != kInt64) || is_float8(plan.common) ||
                      (is_half(plan.common) && has_numbers(plan.common, call));
  if (narrow && nin <= WrappedNumbers::kMost && nparams <= WrappedNumbers::kMost) [[unlikely]] {
    const WrappedNumbers wrapped(op, plan, call);
    call.ins = wrapped.ins.data();
    call.params = wrapped.params.data();
    if (plan.common == kUInt64) return run_uint64(op, call);
    return backend_for(plan.device.type).pointwise(call);
  }
  backend_for(plan.device.type).pointwise(call);
}

// As PyTorch: writing where an operand is read from is fine when both have one layout, an error when they
// cross.
void check_overlap(const PointwiseOp& op, const Tensor& out, const Operand* ins, int nin) {
  for (int i = 0; i < nin; ++i)
    if (ins[i].is_tensor() && ins[i].tensor->impl()->storage() == out.impl()->storage())
      check_no_partial_overlap(op.name, out, *ins[i].tensor);
}

void run_into(const PointwiseOp& op, const Plan& plan, const Operand* ins, int nin, const Scalar* params,
              int nparams, const Tensor& out) {
  check_overlap(op, out, ins, nin);
  run(op, plan, ins, nin, params, nparams, out);
  if (!out.impl()->is_inference()) out.impl()->bump_version();
}

}  // namespace

Tensor pointwise(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams) {
  Plan plan = make_plan(op, ins, nin);
  Tensor out = allocate_result(op, plan, ins, nin);
  run(op, plan, ins, nin, params, nparams, out);
  return out;
}

void pointwise_inplace(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams,
                       const Tensor& self) {
  Plan plan = make_plan(op, ins, nin);
  RT_CHECK(can_cast(plan.result, self.dtype()), DType, op.name, "result type ",
           dtype_scalar_name(plan.result), " can't be cast to the desired output type ",
           dtype_scalar_name(self.dtype()));
  if (plan.shape() != self.sizes())
    raise_shape(op.name,
                cat("output with shape ", self.sizes(), " doesn't match the broadcast shape ", plan.shape()),
                self.sizes(), plan.shape());
  run_into(op, plan, ins, nin, params, nparams, self);
}

void pointwise_out(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams,
                   const Tensor& out) {
  Plan plan = make_plan(op, ins, nin);
  // |z| goes into out= of z's dtype and of every real one that holds fractions
  const bool wide = (op.rules & PointwiseRules::kRealOut) != 0 && is_complex(plan.common) &&
                    (out.dtype() == plan.common || !is_complex(out.dtype()));
  RT_CHECK((op.rules & PointwiseRules::kSameOut) == 0 || out.dtype() == plan.result || wide, DType, op.name,
           "Expected out tensor to have dtype ", dtype_name(plan.result), ", but got ",
           dtype_name(out.dtype()), " instead");
  RT_CHECK(can_cast(plan.result, out.dtype()), DType, op.name, "result type ", dtype_scalar_name(plan.result),
           " can't be cast to the desired output type ", dtype_scalar_name(out.dtype()));
  RT_CHECK(out.device() == plan.device, Device, op.name, "Expected out tensor to have device ", plan.device,
           ", but got ", out.device(), " instead");
  if (plan.shape() != out.sizes()) resize_output(op.name, out, plan.shape());
  check_writable(op.name, out);
  if (out.dtype() != plan.result) {  // rounded or wrapped to the dtype of the result first
    check_overlap(op, out, ins, nin);
    Tensor value = allocate_result(op, plan, ins, nin);
    run(op, plan, ins, nin, params, nparams, value);
    backend_copy(out, value);
    if (!out.impl()->is_inference()) out.impl()->bump_version();
    return;
  }
  run_into(op, plan, ins, nin, params, nparams, out);
}

}  // namespace rustorch
