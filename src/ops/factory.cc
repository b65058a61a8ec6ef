// Bodies of the functions that create tensors.
#include <cmath>
#include <limits>

#include "backend/compute_backend.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "ops/make.h"
#include "ops/scalar_range.h"
#include "rustorch/error.h"

namespace rustorch::impl {

namespace {

using Type = std::optional<DType>;
using Where = std::optional<Device>;
using Format = std::optional<MemoryFormat>;

Tensor finish(Tensor t, bool requires_grad) {
  if (requires_grad) t.requires_grad_(true);
  return t;
}

Tensor create(const char* op, IntArrayRef size, DType dtype, Where device) {
  for (int64_t s : size)
    RT_CHECK(s >= 0, Value, op, "Trying to create tensor with negative dimension ", s, ": ", size);
  checked_nbytes(op, size, element_size(dtype));
  return make_tensor(size, dtype, device.value_or(Device::Cpu()));
}

Tensor create_like(const Tensor& self, Type dtype, Where device, Format format) {
  const DType t = dtype.value_or(self.dtype());
  if (!device || *device == self.device()) return make_like(self, t, format.value_or(MemoryFormat::Preserve));
  Tensor layout = make_like(self, t, format.value_or(MemoryFormat::Preserve));
  return make_strided(layout.sizes(), layout.strides(), t, *device);
}

Tensor filled(Tensor t, const Scalar& value, bool requires_grad) {
  if (t.numel() > 0 && !t.device().is_meta()) backend_for(t).fill(t, value);
  return finish(std::move(t), requires_grad);
}

/// Steps of truths have no meaning; those of complex numbers only linspace and logspace have.
void check_steps(const char* op, DType t, bool complex) {
  RT_CHECK(t != kBool && (complex || !is_complex(t)), NotImplemented, op, "\"", op,
           "_cpu\" not implemented for '", dtype_scalar_name(t), "'");
}

Tensor numbers(const char* op, const Scalar& start, const Scalar& step, double count, DType dtype,
               Where device, bool requires_grad) {
  RT_CHECK(count >= 0 && count <= 9007199254740992.0, Value, op, "invalid size, possible overflow?");
  check_steps(op, dtype, false);
  auto n = static_cast<int64_t>(count);
  Tensor out = create(op, IntArrayRef(&n, 1), dtype, device);
  if (n > 0 && !out.device().is_meta()) backend_for(out).range({out, start, step, RangeKind::Step});
  return finish(std::move(out), requires_grad);
}

DType range_dtype(Type dtype, std::initializer_list<const Scalar*> numbers) {
  if (dtype) return *dtype;
  for (const Scalar* s : numbers)
    if (!s->is_integral()) return get_default_dtype();
  for (const Scalar* s : numbers) check_fits("arange", *s, kInt64);
  return kInt64;
}

/// How many steps of size step lead from start to end.
double range_count(const char* op, const Scalar& start, const Scalar& end, const Scalar& step, DType dtype) {
  const double a = start.to_double(), b = end.to_double(), s = step.to_double();
  RT_CHECK(s != 0, Value, op, "step must be nonzero");
  RT_CHECK(std::isfinite(a) && std::isfinite(b), Value, op, "unsupported range: ", a, " -> ", b);
  RT_CHECK((s > 0 && b >= a) || (s < 0 && b <= a), Value, op,
           "upper bound and lower bound inconsistent with step sign");
  if (is_integral(dtype, true) && start.is_integral() && end.is_integral() && step.is_integral()) {
    const auto lo = static_cast<__int128>(start.to_int()), hi = static_cast<__int128>(end.to_int());
    const auto st = static_cast<__int128>(step.to_int());
    return static_cast<double>((hi - lo + st + (st > 0 ? -1 : 1)) / st);
  }
  return std::ceil((b - a) / s);
}

}  // namespace

Tensor empty(IntArrayRef size, Type dtype, Where device, bool requires_grad, Format memory_format) {
  const DType t = dtype.value_or(get_default_dtype());
  if (!memory_format || *memory_format == MemoryFormat::Contiguous)
    return finish(create("empty", size, t, device), requires_grad);
  RT_CHECK(*memory_format != MemoryFormat::Preserve, Value, "empty",
           "unsupported memory format option Preserve");
  RT_CHECK(size.size() == (*memory_format == MemoryFormat::ChannelsLast ? 4u : 5u), Shape, "empty",
           "required rank ", *memory_format == MemoryFormat::ChannelsLast ? 4 : 5,
           " tensor to use channels_last format");
  checked_nbytes("empty", size, element_size(t));
  return finish(make_strided(size, channels_last_strides(size), t, device.value_or(Device::Cpu())),
                requires_grad);
}

Tensor empty_like(const Tensor& self, Type dtype, Where device, bool requires_grad, Format memory_format) {
  return finish(create_like(self, dtype, device, memory_format), requires_grad);
}

Tensor empty_strided(IntArrayRef size, IntArrayRef stride, Type dtype, Where device, bool requires_grad) {
  RT_CHECK(size.size() == stride.size(), Shape, "empty_strided", "dimensionality of sizes (", size.size(),
           ") must match dimensionality of strides (", stride.size(), ")");
  for (int64_t s : stride)
    RT_CHECK(s >= 0, Value, "empty_strided", "negative strides are not supported; got ", stride);
  const DType t = dtype.value_or(get_default_dtype());
  checked_nbytes("empty_strided", size, element_size(t));
  return finish(make_strided(size, stride, t, device.value_or(Device::Cpu())), requires_grad);
}

Tensor new_empty(const Tensor& self, IntArrayRef size, Type dtype, Where device, bool requires_grad) {
  return finish(create("new_empty", size, dtype.value_or(self.dtype()), device.value_or(self.device())),
                requires_grad);
}

Tensor new_empty_strided(const Tensor& self, IntArrayRef size, IntArrayRef stride, Type dtype, Where device,
                         bool requires_grad) {
  return impl::empty_strided(size, stride, dtype.value_or(self.dtype()), device.value_or(self.device()),
                             requires_grad);
}

Tensor new_full(const Tensor& self, IntArrayRef size, const Scalar& fill_value, Type dtype, Where device,
                bool requires_grad) {
  const DType type = dtype.value_or(self.dtype());
  const Scalar value = rounded(fill_value, type);
  check_fits("new_full", value, type);
  return filled(create("new_full", size, type, device.value_or(self.device())), value, requires_grad);
}

Tensor new_zeros(const Tensor& self, IntArrayRef size, Type dtype, Where device, bool requires_grad) {
  return impl::new_full(self, size, Scalar(0), dtype, device, requires_grad);
}

Tensor new_ones(const Tensor& self, IntArrayRef size, Type dtype, Where device, bool requires_grad) {
  return impl::new_full(self, size, Scalar(1), dtype, device, requires_grad);
}

Tensor zeros(IntArrayRef size, Type dtype, Where device, bool requires_grad) {
  return filled(create("zeros", size, dtype.value_or(get_default_dtype()), device), Scalar(0), requires_grad);
}

Tensor zeros_like(const Tensor& self, Type dtype, Where device, bool requires_grad, Format memory_format) {
  return filled(create_like(self, dtype, device, memory_format), Scalar(0), requires_grad);
}

Tensor ones(IntArrayRef size, Type dtype, Where device, bool requires_grad) {
  return filled(create("ones", size, dtype.value_or(get_default_dtype()), device), Scalar(1), requires_grad);
}

Tensor ones_like(const Tensor& self, Type dtype, Where device, bool requires_grad, Format memory_format) {
  return filled(create_like(self, dtype, device, memory_format), Scalar(1), requires_grad);
}

Tensor full(IntArrayRef size, const Scalar& fill_value, Type dtype, Where device, bool requires_grad) {
  const DType type = dtype.value_or(fill_value.dtype());
  check_fits("full", fill_value, type);
  return filled(create("full", size, type, device), fill_value, requires_grad);
}

Tensor full_like(const Tensor& self, const Scalar& fill_value, Type dtype, Where device, bool requires_grad,
                 Format memory_format) {
  check_fits("full_like", fill_value, dtype.value_or(self.dtype()));
  return filled(create_like(self, dtype, device, memory_format), fill_value, requires_grad);
}

Tensor scalar_tensor(const Scalar& s, Type dtype, Where device, bool requires_grad) {
  return impl::full({}, s, dtype.value_or(get_default_dtype()), device, requires_grad);
}

Tensor arange_step(const Scalar& start, const Scalar& end, const Scalar& step, Type dtype, Where device,
                   bool requires_grad) {
  const DType t = range_dtype(dtype, {&start, &end, &step});
  return numbers("arange", start, step, range_count("arange", start, end, step, t), t, device, requires_grad);
}

Tensor arange_start(const Scalar& start, const Scalar& end, Type dtype, Where device, bool requires_grad) {
  return impl::arange_step(start, end, Scalar(1), dtype, device, requires_grad);
}

Tensor arange(const Scalar& end, Type dtype, Where device, bool requires_grad) {
  return impl::arange_step(Scalar(0), end, Scalar(1), dtype, device, requires_grad);
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step, Type dtype, Where device,
             bool requires_grad) {
  const double a = start.to_double(), b = end.to_double(), s = step.to_double();
  RT_CHECK(s != 0, Value, "range", "step must be nonzero");
  RT_CHECK(std::isfinite(a) && std::isfinite(b), Value, "range", "unsupported range: ", a, " -> ", b);
  RT_CHECK((s > 0 && b >= a) || (s < 0 && b <= a), Value, "range",
           "upper bound and lower bound inconsistent with step sign");
  return numbers("range", start, step, std::floor((b - a) / s) + 1, dtype.value_or(get_default_dtype()),
                 device, requires_grad);
}

namespace {
/// Dtypes of which only a single step is known.
bool ranges_have_no_kernel(DType t) { return is_wide_unsigned(t) || is_float8(t) || t == kComplex32; }
}  // namespace

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, Type dtype, Where device,
                bool requires_grad) {
  RT_CHECK(steps >= 0, Value, "linspace", "number of steps must be non-negative");
  const bool complex = start.is_complex() || end.is_complex();
  const DType t = dtype.value_or(complex ? complex_type(get_default_dtype()) : get_default_dtype());
  RT_CHECK(!complex || is_complex(t), DType, "linspace", "inferred dtype ", complex_type(get_default_dtype()),
           " can't be safely cast to passed dtype ", t);
  check_steps("linspace", t, true);
  Tensor out = create("linspace", IntArrayRef(&steps, 1), t, device);
  if (steps == 1 && ranges_have_no_kernel(t)) return filled(std::move(out), start, requires_grad);
  if (steps > 0 && !out.device().is_meta()) backend_for(out).range({out, start, end, RangeKind::Linspace});
  return finish(std::move(out), requires_grad);
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, Type dtype, Where device,
                bool requires_grad) {
  RT_CHECK(steps >= 0, Value, "logspace", "number of steps must be non-negative");
  const bool complex = start.is_complex() || end.is_complex();
  const DType t = dtype.value_or(complex ? complex_type(get_default_dtype()) : get_default_dtype());
  check_steps("logspace", t, true);
  Tensor out = create("logspace", IntArrayRef(&steps, 1), t, device);
  if (steps == 1 && ranges_have_no_kernel(t))
    return filled(std::move(out), Scalar(std::pow(base, start.to_double())), requires_grad);
  if (steps > 0 && !out.device().is_meta())
    backend_for(out).range({out, start, end, RangeKind::Logspace, base});
  return finish(std::move(out), requires_grad);
}

Tensor eye_m(int64_t n, int64_t m, Type dtype, Where device, bool requires_grad) {
  RT_CHECK(n >= 0, Value, "eye", "n must be greater or equal to 0, got ", n);
  RT_CHECK(m >= 0, Value, "eye", "m must be greater or equal to 0, got ", m);
  Tensor out = impl::zeros({n, m}, dtype, device, false);
  impl::fill__Scalar(impl::diagonal(out, 0, 0, 1), Scalar(1));
  return finish(std::move(out), requires_grad);
}

Tensor eye(int64_t n, Type dtype, Where device, bool requires_grad) {
  return impl::eye_m(n, n, dtype, device, requires_grad);
}

namespace {

Tensor triangle_indices(const char* op, bool lower, int64_t rows, int64_t cols, int64_t offset, Type dtype,
                        Where device, bool requires_grad) {
  const DType t = dtype.value_or(kInt64);
  RT_CHECK(rows >= 0 && cols >= 0, Value, op, "row and col must be non-negative, got row ", rows, " and col ",
           cols);
  RT_CHECK(t == kInt64 || t == kInt32, DType, op, "expected an int32 or int64 dtype, got ", t);
  int64_t count = 0;
  const auto bounds = [&](int64_t r, int64_t* first, int64_t* last) {
    const int64_t mid = std::min(std::max<int64_t>(r + offset + (lower ? 1 : 0), 0), cols);
    *first = lower ? 0 : mid;
    *last = lower ? mid : cols;
  };
  int64_t first, last;
  for (int64_t r = 0; r < rows; ++r) {
    bounds(r, &first, &last);
    count += last - first;
  }
  Tensor out = make_tensor({2, count}, kInt64, Device::Cpu());
  auto* p = out.impl()->mutable_data<int64_t>();
  int64_t k = 0;
  for (int64_t r = 0; r < rows; ++r) {
    bounds(r, &first, &last);
    for (int64_t c = first; c < last; ++c, ++k) {
      p[k] = r;
      p[count + k] = c;
    }
  }
  return finish(impl::to_device(out, device, t, false, false, std::nullopt), requires_grad);
}

}  // namespace

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, Type dtype, Where device, bool requires_grad) {
  return triangle_indices("tril_indices", true, row, col, offset, dtype, device, requires_grad);
}

Tensor triu_indices(int64_t row, int64_t col, int64_t offset, Type dtype, Where device, bool requires_grad) {
  return triangle_indices("triu_indices", false, row, col, offset, dtype, device, requires_grad);
}

}  // namespace rustorch::impl
