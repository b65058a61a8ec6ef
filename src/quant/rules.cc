// What operators that were written for numbers do with quantized arguments: the rules that `quantized` lines
// name. See Note [Quantized tensors] in core/quantized_data.h.
#include <functional>

#include "autograd/record.h"
#include "autograd/transform_call.h"
#include "core/layout_algebra.h"
#include "ops/make.h"
#include "quant/quantizer.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/quantized.h"

namespace rustorch {

using namespace quant_detail;

namespace {
bool quantized_tensor(const Tensor& t) { return t.defined() && t.is_quantized(); }

/// The arguments with f(t) in place of each quantized tensor t.
template <class F>
std::vector<Value> replaced(const OpInfo& info, const Value* args, F&& f) {
  std::vector<Value> out(args, args + info.nargs);
  auto swap = [&](Tensor& t) {
    if (quantized_tensor(t)) t = f(t);
  };
  for (Value& v : out) {
    swap(v.tensor_value);
    for (Tensor& t : v.tensor_list) swap(t);
    for (auto& t : v.opt_list)
      if (t.has_value()) swap(*t);
  }
  return out;
}

const Tensor& first_quantized(const OpInfo& info, const Value* args) {
  for (int i = 0; i < info.nargs; ++i) {
    if (quantized_tensor(args[i].tensor_value)) return args[i].tensor_value;
    for (const Tensor& t : args[i].tensor_list)
      if (quantized_tensor(t)) return t;
  }
  raise_quantized(info.name, args[0].tensor_value);
}

/// Applies f to each tensor among the results.
template <class F>
void for_results(const OpInfo& info, Value* results, F&& f) {
  for (int i = 0; i < std::max<int>(info.nresults < 0 ? 1 : info.nresults, 0); ++i) {
    if (results[i].tensor_value.defined()) f(results[i].tensor_value);
    for (Tensor& t : results[i].tensor_list) f(t);
  }
}

const Quantizer& quantizer_of(const Tensor& t) { return quantized_data("quantizer", t).quantizer; }
const Tensor& integers_of(const Tensor& t) { return quantized_data("integers", t).integers; }
bool uniform(const Tensor& t) { return quantizer_of(t).scheme == QScheme::PerTensorAffine; }
bool packed(const Tensor& t) { return packed_elements(t.dtype()) > 1; }

void refuse_packed(const char* op, const Tensor& t) {
  if (packed(t)) raise_quantized(op, t);
}

/// The quantized tensor of these integers, with sizes of their own when they are packed.
Tensor like(const Tensor& t, const Tensor& integers, Quantizer q) {
  if (packed(t)) return make_packed_quantized(t.dtype(), integers, t.sizes(), std::move(q));
  return make_quantized(t.dtype(), integers, std::move(q));
}

void run(const OpInfo& info, const std::vector<Value>& args, Value* results) {
  info.call(args.data(), results);
}

/// The integers go through the operator; results of their type are quantized as q says.
void over_integers(const OpInfo& info, const Value* args, Value* results, const Tensor& t,
                   const Quantizer& q) {
  run(info, replaced(info, args, integers_of), results);
  const DType integers = integer_type(t.dtype());
  for_results(info, results, [&](Tensor& r) {
    if (r.dtype() == integers) r = make_quantized(t.dtype(), r, q);
  });
}
}  // namespace

void raise_quantized(const char* op, const Tensor& t) {
  raise(ErrorKind::NotImplemented, op,
        cat("Could not run '", op,
            "' with arguments from the 'QuantizedCPU' backend: it is not implemented for ",
            t.defined() ? dtype_name(t.dtype()) : "quantized tensors", "; hint: dequantize() gives numbers"));
}

// ---- on the integers

/// Moves or compares elements: all that one scale stays true for.
void quantized_integers(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = first_quantized(info, args);
  refuse_packed(info.name, t);
  RT_CHECK(uniform(t), Value, info.name, "Setting strides is possible only on uniformly quantized tensor");
  over_integers(info, args, results, t, quantizer_of(t));
}

/// Keeps the dimensions: any scheme.
void quantized_alike(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = first_quantized(info, args);
  run(info, replaced(info, args, integers_of), results);
  results[0].tensor_value = like(t, results[0].tensor_value, quantizer_of(t));
}

void quantized_view(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  const Quantizer& q = quantizer_of(t);
  std::vector<int64_t> sizes = args[1].ints().vec();
  const auto shape = infer_size(info.name, IntArrayRef(sizes), t.numel());
  RT_CHECK(uniform(t) || (q.axis < static_cast<int64_t>(shape.size()) &&
                          q.scales.numel() == shape[static_cast<size_t>(q.axis)]),
           Shape, info.name, "length of scales must equal to channel, expected ",
           q.axis < static_cast<int64_t>(shape.size()) ? shape[static_cast<size_t>(q.axis)] : 0, " got, ",
           q.scales.numel());
  if (packed(t))
    results[0] = Value(make_packed_quantized(t.dtype(), integers_of(t), shape, q));
  else
    over_integers(info, args, results, t, q);
}

/// select(dim, index): along the axis one scale is left.
void quantized_select(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  refuse_packed(info.name, t);
  Quantizer q = quantizer_of(t);
  if (!uniform(t)) {
    const int64_t d = wrap_dim(info.name, args[1].i, t.dim());
    if (d == q.axis && q.scheme == QScheme::PerChannelAffine) {
      q.scale = q.scales.select(0, args[2].i).item().to_double();
      q.zero_point = q.zero_points.select(0, args[2].i).item().to_int();
      q.scheme = QScheme::PerTensorAffine;
      q.scales = q.zero_points = Tensor();
    } else if (d == q.axis) {
      raise_quantized(info.name, t);
    } else if (d < q.axis) {
      --q.axis;
    }
  }
  over_integers(info, args, results, t, q);
}

/// slice(dim, start, end, step): the scales of the slices that are left.
void quantized_slice(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  refuse_packed(info.name, t);
  Quantizer q = quantizer_of(t);
  if (!uniform(t) && wrap_dim(info.name, args[1].i, t.dim()) == q.axis) {
    q.scales = q.scales.slice(0, args[2].opt_int(), args[3].opt_int(), args[4].i);
    q.zero_points = q.zero_points.slice(0, args[2].opt_int(), args[3].opt_int(), args[4].i);
  }
  over_integers(info, args, results, t, q);
}

void quantized_unsqueeze(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  refuse_packed(info.name, t);
  Quantizer q = quantizer_of(t);
  if (!uniform(t) && wrap_dim(info.name, args[1].i, t.dim() + 1) <= q.axis) ++q.axis;
  over_integers(info, args, results, t, q);
}

// ---- on the numbers

/// The result is of numbers: comparisons.
void quantized_real(const OpInfo& info, const Value* args, Value* results) {
  run(info, replaced(info, args, numbers_of), results);
}

/// The result is quantized as the first argument.
void quantized_again(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = first_quantized(info, args);
  RT_CHECK(uniform(t), Value, info.name,
           "Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false.");
  run(info, replaced(info, args, numbers_of), results);
  for_results(info, results, [&](Tensor& r) {
    if (is_floating_point(r.dtype())) r = quantize_numbers(info.name, r, quantizer_of(t), t.dtype());
  });
}

namespace {
/// Of functions with a known range: the scale that divides it.
void with_range(const OpInfo& info, const Value* args, Value* results, double scale, int64_t zero_point) {
  const Tensor& t = args[0].tensor();
  refuse_packed(info.name, t);
  RT_CHECK(uniform(t), Value, info.name,
           "Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false.");
  Quantizer q;
  q.scale = scale;
  q.zero_point = zero_point;
  run(info, replaced(info, args, numbers_of), results);
  results[0].tensor_value = quantize_numbers(info.name, results[0].tensor_value, q, t.dtype());
}
}  // namespace

/// Results between 0 and 1.
void quantized_fraction(const OpInfo& info, const Value* args, Value* results) {
  const DType t = args[0].tensor().dtype();
  if (t == kQInt32) return with_range(info, args, results, 1.0 / 4294967296.0, 0);
  with_range(info, args, results, 1.0 / 256, t == kQInt8 ? -128 : 0);
}
/// Results between -1 and 1.
void quantized_signed_fraction(const OpInfo& info, const Value* args, Value* results) {
  const DType t = args[0].tensor().dtype();
  if (t == kQInt32) return with_range(info, args, results, 1.0 / 2147483648.0, 0);
  with_range(info, args, results, 1.0 / 128, t == kQUInt8 ? 128 : 0);
}

// ---- copies and fills

void quantized_to_copy(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  const DType dtype = args[1].opt_dtype().value_or(t.dtype());
  const Device device = args[2].opt_device().value_or(t.device());
  RT_CHECK(is_quantized(dtype), DType, info.name,
           "Creation of quantized tensor requires quantized dtype like torch.quint8");
  RT_CHECK(dtype == t.dtype(), DType, info.name,
           "Expected self.scalar_type() == src.scalar_type() to be true, but got false; got ", t.dtype(),
           " and ", dtype);
  RT_CHECK(device.type == t.device().type, NotImplemented, info.name,
           "quantized tensors are of the CPU; got the device ", device);
  results[0] = Value(like(t,
                          rustorch::_to_copy(integers_of(t), std::nullopt, std::nullopt,
                                             packed(t) ? std::nullopt : args[3].opt_memory_format()),
                          quantizer_of(t)));
}

void quantized_copy_(const OpInfo& info, const Value* args, Value*) {
  const Tensor &self = args[0].tensor(), &from = args[1].tensor();
  RT_CHECK(
      self.is_quantized(), Value, info.name,
      "Copying from quantized Tensor to non-quantized Tensor is not allowed, please use dequantize to get "
      "a float Tensor from a quantized Tensor");
  const GradModeGuard off(false);
  const Tensor& integers = integers_of(self);
  if (!from.is_quantized()) {
    RT_CHECK(from.dtype() == kFloat32, DType, info.name,
             "Quantized copy only works with kFloat as source Tensor; got ", from.dtype());
    const Tensor made =
        quantize_numbers(info.name, from.expand(self.sizes()).contiguous(), quantizer_of(self), self.dtype());
    Tensor(integers).copy_(integers_of(made));
    return;
  }
  RT_CHECK(from.dtype() == self.dtype(), DType, info.name, "Quantized Copy only works with same dtype; got ",
           from.dtype(), " and ", self.dtype());
  Tensor(integers).copy_(integers_of(from));
  if (!self.is_same(from)) set_quantizer(self, quantizer_of(from));
}

void quantized_fill_(const OpInfo& info, const Value* args, Value*) {
  const Tensor& self = args[0].tensor();
  RT_CHECK(self.is_quantized() && uniform(self), Value, info.name,
           "only tensors quantized with one scale can be filled");
  const double v = args[1].kind == Value::Kind::Tensor ? args[1].tensor().item().to_double()
                                                       : args[1].scalar().to_double();
  const Tensor filled =
      quantize_numbers(info.name, rustorch::full(self.sizes(), Scalar(v), TensorOptions(kFloat32)),
                       quantizer_of(self), self.dtype());
  Tensor(integers_of(self)).copy_(integers_of(filled));
}

void quantized_empty_like(const OpInfo& info, const Value* args, Value* results) {
  const Tensor& t = args[0].tensor();
  RT_CHECK(args[1].opt_dtype().value_or(t.dtype()) == t.dtype(), DType, info.name,
           "It looks like the likes functions of quantized tensors keep the dtype; got ", t.dtype());
  const auto format = args[info.nargs - 1].opt_memory_format();
  results[0] = Value(like(t,
                          rustorch::empty_like(integers_of(t), std::nullopt, std::nullopt, false,
                                               packed(t) ? std::nullopt : format),
                          quantizer_of(t)));
}

/// cat: as the first tensor; others get its scale.
void quantized_cat(const OpInfo& info, const Value* args, Value* results) {
  const Tensor t = first_quantized(info, args);
  refuse_packed(info.name, t);
  for (const Tensor& part : args[0].tensors())
    RT_CHECK(part.is_quantized() && part.dtype() == t.dtype() && uniform(part), DType, info.name,
             "only tensors of one quantized type, each with one scale, are joined; got ", part.dtype(),
             " and ", t.dtype());
  const Quantizer q = quantizer_of(t);
  const auto same = [&](const Tensor& part) {
    return quantizer_of(part).scale == q.scale && quantizer_of(part).zero_point == q.zero_point;
  };
  run(info,
      replaced(info, args,
               [&](const Tensor& part) {
                 return same(part) ? integers_of(part) : to_integers(numbers_of(part), q, t.dtype());
               }),
      results);
  results[0].tensor_value = make_quantized(t.dtype(), results[0].tensor_value, q);
}

/// index_put_(self, indices, values, accumulate): values are quantized as self.
void quantized_index_put_(const OpInfo& info, const Value* args, Value*) {
  const Tensor& self = args[0].tensor();
  RT_CHECK(self.is_quantized() && uniform(self) && !packed(self), Value, info.name,
           "only into tensors quantized with one scale");
  RT_CHECK(!args[3].flag, Value, info.name, "accumulate is not possible with a quantized tensor");
  const Tensor& given = args[2].tensor();
  const Tensor numbers = given.is_quantized() ? numbers_of(given) : given.to(kFloat32);
  std::vector<Value> swapped(args, args + info.nargs);
  swapped[0] = Value(integers_of(self));
  swapped[2] = Value(to_integers(numbers, quantizer_of(self), self.dtype()));
  Value none;
  info.call(swapped.data(), &none);
}

void quantized_inplace(const OpInfo& info, const Value* args, Value*) {
  Value result[1];
  RT_CHECK(info.base->quantized != nullptr, Internal, info.name, "no rule");
  const Tensor& self = args[0].tensor();
  info.base->quantized(*info.base, args, result);
  const Tensor& value = result[0].tensor_value;
  if (!self.is_quantized() || !value.is_quantized() || self.sizes() != value.sizes())
    raise_quantized(info.name, self);
  Tensor(integers_of(self)).copy_(integers_of(value));
  set_quantizer(self, quantizer_of(value));
}

}  // namespace rustorch
