// Bodies of the random operators: checks, and reservation of the generator's numbers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "backend/compute_backend.h"
#include "base/philox.h"
#include "core/layout_algebra.h"
#include "core/tensor_impl.h"
#include "gen/impl.h"
#include "memory/scratch.h"
#include "ops/copy_common.h"
#include "ops/make.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"

namespace rustorch {

namespace {

using Type = std::optional<DType>;
using Where = std::optional<Device>;
using Format = std::optional<MemoryFormat>;
using Source = std::optional<Generator>;

/// Blocks that one call takes from the generator.
uint64_t random_blocks(const RandomCall& call) {
  const int64_t n = call.out.numel();
  switch (call.kind) {
    case RandomKind::Integer:
      return philox_blocks(n, kPhiloxPerBlock64);
    case RandomKind::Poisson:
    case RandomKind::Binomial:
    case RandomKind::Gamma:
      return static_cast<uint64_t>(n) * 64;
    case RandomKind::Bernoulli:
      return philox_blocks(
          n, call.p.defined() && call.p.dtype() == kFloat64 ? kPhiloxPerBlock64 : kPhiloxPerBlock32);
    default:
      return philox_blocks(n, call.out.dtype() == kFloat64 ? kPhiloxPerBlock64 : kPhiloxPerBlock32);
  }
}

PhiloxState take_numbers(const Source& generator, uint64_t blocks) {
  if (!generator) return default_generator().next(blocks);
  Generator handle = *generator;
  return handle.next(blocks);
}

/// Fills call.out (any strides) with the numbers that `generator` is at.
void draw(RandomCall call, const Source& generator) {
  if (call.out.numel() == 0 || call.out.device().is_meta()) return;
  const PhiloxState state = take_numbers(generator, random_blocks(call));
  call.seed = state.seed;
  call.offset = state.offset;
  Tensor out = call.out;
  if (!out.is_contiguous()) call.out = make_tensor(out.sizes(), out.dtype(), out.device());
  backend_for(out).random(call);
  if (!call.out.is_same(out)) copy_data(out, call.out);
}

Tensor finish(Tensor t, bool requires_grad) {
  if (requires_grad) t.requires_grad_(true);
  return t;
}

void check_floating(const char* op, DType t) {
  RT_CHECK(is_floating_point(t) || is_complex(t), NotImplemented, op, "\"", op, "\" not implemented for '",
           dtype_scalar_name(t), "'");
}

/// A complex tensor's parts as twice as many real numbers.
Tensor real_parts(const Tensor& t) { return is_complex(t.dtype()) ? impl::view_as_real(t) : t; }

/// Fills t with the given floating-point distribution. Complex: both parts, variance shared (Normal).
void draw_real(RandomKind kind, const Tensor& t, double a, double b, const Source& generator) {
  const bool halve = is_complex(t.dtype()) && kind == RandomKind::Normal;
  draw({kind, real_parts(t), a, halve ? b * std::sqrt(0.5) : b}, generator);
}

Tensor create(const char* op, IntArrayRef size, DType t, Where device) {
  for (int64_t s : size)
    RT_CHECK(s >= 0, Value, op, "Trying to create tensor with negative dimension ", s, ": ", size);
  return make_tensor(size, t, device.value_or(Device::Cpu()));
}

Tensor create_like(const Tensor& self, Type dtype, Where device, Format format) {
  return impl::empty_like(self, dtype, device, false, format);
}

/// [low, high) that the dtype can hold.
void check_integer_range(const char* op, DType t, int64_t low, int64_t high) {
  RT_CHECK(low < high, Value, op, "random_ expects 'from' to be less than 'to', but got from=", low,
           " >= to=", high);
  if (!is_integral(t, true) || t == kInt64) return;
  if (t == kUInt64) {
    RT_CHECK(low >= 0, Value, op, "from is out of bounds for ", dtype_name(t));
    return;
  }
  const int bits = t == kBool ? 1 : static_cast<int>(element_size(t)) * 8;
  const int64_t top = t == kBool     ? 1
                      : is_signed(t) ? (int64_t{1} << (bits - 1)) - 1
                                     : (int64_t{1} << bits) - 1;
  const int64_t bottom = is_signed(t) ? -top - 1 : 0;
  RT_CHECK(low >= bottom && low <= top, Value, op, "from is out of bounds for ", dtype_name(t));
  RT_CHECK(high - 1 >= bottom && high - 1 <= top, Value, op, "to - 1 is out of bounds for ", dtype_name(t));
}

void draw_integers(const char* op, const Tensor& t, int64_t low, int64_t high, const Source& generator) {
  check_integer_range(op, t.dtype(), low, high);
  RandomCall call{RandomKind::Integer, t};
  call.low = low;
  call.range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  draw(std::move(call), generator);
}

void check_std(const char* op, double std) {
  RT_CHECK(std >= 0 && !std::isnan(std), Value, op, "normal expects std >= 0.0, but found std ", std);
}

/// p as contiguous float32 or float64.
Tensor probabilities(const Tensor& p) {
  return contiguous_raw(cast_raw(p, p.dtype() == kFloat64 ? kFloat64 : kFloat32));
}

}  // namespace

namespace impl {

Tensor rand(IntArrayRef size, Type dtype, Where device, bool requires_grad, const Source& generator) {
  const DType t = dtype.value_or(get_default_dtype());
  check_floating("rand", t);
  Tensor out = create("rand", size, t, device);
  draw_real(RandomKind::Uniform, out, 0, 1, generator);
  return finish(std::move(out), requires_grad);
}

Tensor rand_like(const Tensor& self, Type dtype, Where device, bool requires_grad, Format memory_format,
                 const Source& generator) {
  Tensor out = create_like(self, dtype, device, memory_format);
  check_floating("rand_like", out.dtype());
  draw_real(RandomKind::Uniform, out, 0, 1, generator);
  return finish(std::move(out), requires_grad);
}

Tensor randn(IntArrayRef size, Type dtype, Where device, bool requires_grad, const Source& generator) {
  const DType t = dtype.value_or(get_default_dtype());
  check_floating("normal_kernel_cpu", t);
  Tensor out = create("randn", size, t, device);
  draw_real(RandomKind::Normal, out, 0, 1, generator);
  return finish(std::move(out), requires_grad);
}

Tensor randn_like(const Tensor& self, Type dtype, Where device, bool requires_grad, Format memory_format,
                  const Source& generator) {
  Tensor out = create_like(self, dtype, device, memory_format);
  if (out.numel() == 0) return finish(std::move(out), requires_grad);
  check_floating("normal_kernel_cpu", out.dtype());
  draw_real(RandomKind::Normal, out, 0, 1, generator);
  return finish(std::move(out), requires_grad);
}

Tensor randint_low(int64_t low, int64_t high, IntArrayRef size, Type dtype, Where device, bool requires_grad,
                   const Source& generator) {
  Tensor out = create("randint", size, dtype.value_or(kInt64), device);
  draw_integers("random_", out, low, high, generator);
  return finish(std::move(out), requires_grad);
}

Tensor randint(int64_t high, IntArrayRef size, Type dtype, Where device, bool requires_grad,
               const Source& generator) {
  return impl::randint_low(0, high, size, dtype, device, requires_grad, generator);
}

Tensor randint_like_low(const Tensor& self, int64_t low, int64_t high, Type dtype, Where device,
                        bool requires_grad, Format memory_format, const Source& generator) {
  Tensor out = create_like(self, dtype, device, memory_format);
  draw_integers("random_", out, low, high, generator);
  return finish(std::move(out), requires_grad);
}

Tensor randint_like(const Tensor& self, int64_t high, Type dtype, Where device, bool requires_grad,
                    Format memory_format, const Source& generator) {
  return impl::randint_like_low(self, 0, high, dtype, device, requires_grad, memory_format, generator);
}

namespace {

// Fisher and Yates. Draws are made some at a time, so that the places they name are on their way from memory.
template <class T>
void shuffle(const PhiloxState& state, T* p, int64_t n) {
  std::iota(p, p + n, T(0));
  PhiloxWords words(state.seed, state.offset);
  constexpr int64_t kAtOnce = 64;
  int64_t place[kAtOnce];
  for (int64_t i = n - 1; i > 0;) {
    const int64_t count = std::min(kAtOnce, i);
    for (int64_t k = 0; k < count; ++k) {
      place[k] = static_cast<int64_t>(words.below(static_cast<uint64_t>(i - k + 1)));
      __builtin_prefetch(p + place[k], 1);
    }
    for (int64_t k = 0; k < count; ++k, --i) std::swap(p[i], p[place[k]]);
  }
}

}  // namespace

Tensor randperm(int64_t n, Type dtype, Where device, bool requires_grad, const Source& generator) {
  RT_CHECK(n >= 0, Value, "randperm", "n must be non-negative, got ", n);
  const DType t = dtype.value_or(kInt64);
  RT_CHECK(!is_complex(t) && t != kBool, NotImplemented, "randperm", "\"randperm\" not implemented for '",
           dtype_scalar_name(t), "'");
  if (device && !device->is_cpu() && !device->is_meta())
    DeviceManager::note_fallback(device_type_name(device->type),
                                 "randperm");  // an exchange needs the ones before
  Tensor order = make_tensor({n}, kInt64, Device::Cpu());
  auto* p = order.impl()->mutable_data<int64_t>();
  // Two words a draw; the slack covers the rare rejected ones, which may run into the next call's numbers.
  const PhiloxState state = take_numbers(generator, static_cast<uint64_t>(n / 2 + 16));
  if (n <= INT32_MAX) {
    ScratchBuffer<int32_t> small(static_cast<size_t>(n));
    shuffle(state, small.data(), n);
    std::copy_n(small.data(), n, p);
  } else {
    shuffle(state, p, n);
  }
  return finish(impl::to_device(order, device, t, false, false, std::nullopt), requires_grad);
}

namespace {

/// The rules for a tensor of standard deviations: real, none below zero, no nan.
void check_stds(const Tensor& std) {
  RT_CHECK(!is_complex(std.dtype()), DType, "normal", "normal expects standard deviation to be non-complex");
  if (std.numel() == 0 || std.device().is_meta()) return;
  const Tensor valid = rustorch::ge(std, Scalar(0));
  RT_CHECK(backend_for(valid).count_true(valid) == valid.numel(), Value, "normal",
           "normal expects all elements of std >= 0.0");
}

Tensor normal_from(const Tensor& mean_shape, const Tensor& std_shape, const Source& generator, DType t) {
  check_floating("normal_kernel_cpu", t);
  Tensor out =
      make_tensor(broadcast_shapes("normal", mean_shape.sizes(), std_shape.sizes()), t, mean_shape.device());
  draw_real(RandomKind::Normal, out, 0, 1, generator);
  return out;
}

}  // namespace

Tensor normal(const Tensor& mean, const Tensor& std, const Source& generator) {
  check_stds(std);
  return rustorch::add(rustorch::mul(normal_from(mean, std, generator, mean.dtype()), std), mean)
      .to(mean.dtype());
}
Tensor normal_std(const Tensor& mean, double std, const Source& generator) {
  check_std("normal", std);
  return rustorch::add(rustorch::mul(normal_from(mean, mean, generator, mean.dtype()), Scalar(std)), mean);
}
Tensor normal_mean(double mean, const Tensor& std, const Source& generator) {
  check_stds(std);
  return rustorch::add(rustorch::mul(normal_from(std, std, generator, std.dtype()), std), Scalar(mean));
}
Tensor normal_size(double mean, double std, IntArrayRef size, Type dtype, Where device, bool requires_grad,
                   const Source& generator) {
  check_std("normal", std);
  Tensor out = create("normal", size, dtype.value_or(get_default_dtype()), device);
  check_floating("normal_kernel_cpu", out.dtype());
  draw_real(RandomKind::Normal, out, mean, std, generator);
  return finish(std::move(out), requires_grad);
}

void bernoulli_(const Tensor& self, double p, const Source& generator) {
  RT_CHECK(p >= 0 && p <= 1, Value, "bernoulli_", "bernoulli_ expects p to be in [0, 1], but got p=", p);
  check_writable("bernoulli_", self);
  draw({RandomKind::Bernoulli, self, p}, generator);
}

void bernoulli__Tensor(const Tensor& self, const Tensor& p, const Source& generator) {
  RT_CHECK(is_floating_point(p.dtype()), DType, "bernoulli_",
           "expected probabilities tensor to have floating type, got ", dtype_name(p.dtype()));
  check_writable("bernoulli_", self);
  Tensor wide = probabilities(expand_to("bernoulli_", p, self.sizes()));
  if (wide.numel() > 0 && !wide.device().is_meta()) {
    Tensor valid = rustorch::logical_and(rustorch::ge(wide, Scalar(0)), rustorch::le(wide, Scalar(1)));
    RT_CHECK(backend_for(valid).count_true(valid) == valid.numel(), Value, "bernoulli_",
             "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
  }
  RandomCall call{RandomKind::Bernoulli, self};
  call.p = wide;
  draw(std::move(call), generator);
}

Tensor bernoulli(const Tensor& self, const Source& generator) {
  RT_CHECK(is_floating_point(self.dtype()) || self.numel() == 0, NotImplemented, "bernoulli",
           "\"bernoulli_tensor_cpu_p_\" not implemented for '", dtype_scalar_name(self.dtype()), "'");
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  if (out.numel() == 0) return out;
  impl::bernoulli__Tensor(out, self, generator);
  return out;
}

Tensor bernoulli_p(const Tensor& self, double p, const Source& generator) {
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  impl::bernoulli_(out, p, generator);
  return out;
}

void uniform_(const Tensor& self, double from, double to, const Source& generator) {
  check_floating("check_uniform_bounds", self.dtype());
  RT_CHECK(from <= to, Value, "uniform_",
           "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
  check_writable("uniform_", self);
  draw_real(RandomKind::Uniform, self, from, to, generator);
}

void normal_(const Tensor& self, double mean, double std, const Source& generator) {
  check_std("normal_", std);
  check_floating("normal_kernel_cpu", self.dtype());
  check_writable("normal_", self);
  draw_real(RandomKind::Normal, self, mean, std, generator);
}

void random__from(const Tensor& self, int64_t from, std::optional<int64_t> to, const Source& generator) {
  check_writable("random_", self);
  if (to) return draw_integers("random_", self, from, *to, generator);
  RandomCall call{RandomKind::Integer, self};
  call.low = from;
  const DType t = self.dtype();
  uint64_t top;  // largest value
  if (t == kInt64)
    top = static_cast<uint64_t>(INT64_MAX);
  else if (t == kBool)
    top = 1;
  else if (is_integral(t, false))
    top = ~uint64_t{0} >> (64 - static_cast<int>(element_size(t)) * 8 + (is_signed(t) ? 1 : 0));
  else
    top = t == kFloat64   ? uint64_t{1} << 53
          : t == kFloat32 ? uint64_t{1} << 24
          : t == kFloat16 ? uint64_t{1} << 11
                          : uint64_t{1} << 8;
  call.range = top - static_cast<uint64_t>(from) + 1;
  draw(std::move(call), generator);
}

void random_(const Tensor& self, const Source& generator) {
  impl::random__from(self, 0, std::nullopt, generator);
}
void random__to(const Tensor& self, int64_t to, const Source& generator) {
  impl::random__from(self, 0, to, generator);
}

void exponential_(const Tensor& self, double lambd, const Source& generator) {
  check_floating("exponential_", self.dtype());
  RT_CHECK(lambd > 0, Value, "exponential_", "exponential_ expects lambda > 0.0, but found lambda=", lambd);
  check_writable("exponential_", self);
  draw({RandomKind::Exponential, self, lambd}, generator);
}
void cauchy_(const Tensor& self, double median, double sigma, const Source& generator) {
  check_floating("cauchy_", self.dtype());
  RT_CHECK(sigma > 0, Value, "cauchy_", "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  check_writable("cauchy_", self);
  draw({RandomKind::Cauchy, self, median, sigma}, generator);
}
void log_normal_(const Tensor& self, double mean, double std, const Source& generator) {
  check_floating("log_normal_", self.dtype());
  RT_CHECK(std > 0, Value, "log_normal_", "log_normal_ expects std > 0.0, but found std=", std);
  check_writable("log_normal_", self);
  draw({RandomKind::LogNormal, self, mean, std}, generator);
}
void geometric_(const Tensor& self, double p, const Source& generator) {
  RT_CHECK(p > 0 && p < 1, Value, "geometric_", "geometric_ expects p to be in (0, 1), but got p=", p);
  check_writable("geometric_", self);
  draw({RandomKind::Geometric, self, p}, generator);
}

namespace {

constexpr const char* kBadWeight = "probability tensor contains either `inf`, `nan` or element < 0";
constexpr const char* kNoWeight = "invalid multinomial distribution (sum of probabilities <= 0)";

/// One row of multinomial; weights are checked.
void draw_row(PhiloxEngine& engine, const double* weights, int64_t n, bool replacement, int64_t* out,
              int64_t count) {
  if (replacement) {
    std::vector<double> sums(static_cast<size_t>(n));
    std::partial_sum(weights, weights + n, sums.begin());
    for (int64_t k = 0; k < count; ++k) {
      const auto at = std::upper_bound(sums.begin(), sums.end(), engine.uniform() * sums.back());
      out[k] = std::min<int64_t>(at - sums.begin(), n - 1);
    }
    return;
  }
  // The positions of the smallest exponential arrival times, in order (Efraimidis and Spirakis).
  std::vector<std::pair<double, int64_t>> times;
  times.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const double e = -std::log(1 - engine.uniform());
    times.emplace_back(weights[i] > 0 ? e / weights[i] : std::numeric_limits<double>::infinity(), i);
  }
  std::partial_sort(times.begin(), times.begin() + count, times.end());
  for (int64_t k = 0; k < count; ++k) out[k] = times[static_cast<size_t>(k)].second;
}

Tensor multinomial_on_cpu(const Tensor& weights, int64_t count, bool replacement, PhiloxState state,
                          uint64_t blocks) {
  const int64_t rows = weights.size(0), n = weights.size(1);
  const auto* w = weights.impl()->data<double>();
  Tensor out = make_tensor({rows, count}, kInt64, Device::Cpu());
  auto* to = out.impl()->mutable_data<int64_t>();
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double v = w[r * n + i];
      RT_CHECK(v >= 0 && std::isfinite(v), Value, "multinomial", kBadWeight);
      sum += v;
    }
    RT_CHECK(sum > 0, Value, "multinomial", kNoWeight);
    PhiloxEngine engine(state.seed, state.offset + static_cast<uint64_t>(r) * blocks);
    draw_row(engine, w + r * n, n, replacement, to + r * count, count);
  }
  return out;
}

/// The same numbers by operators of the weights' device.
Tensor multinomial_on_device(const Tensor& weights, int64_t count, bool replacement, PhiloxState state,
                             uint64_t blocks) {
  const int64_t rows = weights.size(0), n = weights.size(1);
  const Tensor good = rustorch::logical_and(rustorch::ge(weights, 0), rustorch::isfinite(weights));
  RT_CHECK(rustorch::all(good).item().to_bool(), Value, "multinomial", kBadWeight);
  const Tensor sums = rustorch::cumsum(weights, 1), total = rustorch::narrow(sums, 1, n - 1, 1);
  RT_CHECK(rustorch::all(rustorch::gt(total, 0)).item().to_bool(), Value, "multinomial", kNoWeight);
  Tensor u = make_tensor({rows, static_cast<int64_t>(2 * blocks)}, kFloat64, weights.device());
  RandomCall call{RandomKind::Uniform, u, 0, 1};
  call.seed = state.seed;
  call.offset = state.offset;
  backend_for(u).random(call);
  u = rustorch::narrow(u, 1, 0, replacement ? count : n);
  if (replacement)
    return rustorch::clamp_max(rustorch::searchsorted(sums, rustorch::mul(u, total), false, true), n - 1);
  const Tensor times = rustorch::div(rustorch::neg(rustorch::log(rustorch::rsub(u, 1))), weights);
  const Tensor finite =
      rustorch::where(rustorch::gt(weights, 0), times, std::numeric_limits<double>::infinity());
  const Tensor order = std::get<1>(rustorch::sort(finite, std::optional<bool>(true), 1));
  return rustorch::contiguous(rustorch::narrow(order, 1, 0, count));
}

}  // namespace

Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement, const Source& generator) {
  RT_CHECK(self.dim() == 1 || self.dim() == 2, Shape, "multinomial", "prob_dist must be 1 or 2 dim");
  RT_CHECK(
      is_floating_point(self.dtype()), DType, "multinomial",
      "multinomial only supports floating-point dtypes for input, got: ", dtype_scalar_name(self.dtype()));
  RT_CHECK(num_samples > 0, Value, "multinomial", "cannot sample n_sample <= 0 samples");
  const int64_t n = self.size(-1), rows = self.dim() == 2 ? self.size(0) : 1;
  RT_CHECK(replacement || num_samples <= n, Value, "multinomial",
           "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  const Device device = self.device();
  const bool native = !device.is_cpu() && rows > 0 && n > 0 && DeviceManager::capabilities(device).float64;
  if (!device.is_cpu() && !native) DeviceManager::note_fallback(backend_for(self).name(), "multinomial");
  const Tensor here = device.is_cpu() || native ? self : self.to(Device::Cpu());
  const Tensor weights = rustorch::reshape(contiguous_raw(cast_raw(here, kFloat64)), {rows, n});
  const auto blocks = static_cast<uint64_t>((replacement ? num_samples : n) / 2 + 1);
  const PhiloxState state = take_numbers(generator, blocks * static_cast<uint64_t>(rows));
  Tensor out = native ? multinomial_on_device(weights, num_samples, replacement, state, blocks)
                      : multinomial_on_cpu(weights, num_samples, replacement, state, blocks);
  if (self.dim() == 1) out = rustorch::reshape(out, {num_samples});
  return device.is_cpu() || native ? out : out.to(device);
}

Tensor poisson(const Tensor& self, const Source& generator) {
  check_floating("poisson", self.dtype());
  const bool looked_at =
      self.device().is_cpu() && self.numel() > 0;  // other devices would have to be waited for
  RT_CHECK(!looked_at || rustorch::all(rustorch::ge(self, Scalar(0))).item().to_bool(), Value, "poisson",
           "invalid Poisson rate, expected rate to be non-negative");
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  RandomCall call{RandomKind::Poisson, out};
  call.p = probabilities(self);
  draw(std::move(call), generator);
  return out;
}

Tensor binomial(const Tensor& count, const Tensor& prob, const Source& generator) {
  RT_CHECK(is_floating_point(count.dtype()) && count.dtype() == prob.dtype(), DType, "binomial",
           "binomial only supports floating-point dtypes for count and prob, the same for both, got: ",
           dtype_scalar_name(count.dtype()));
  Tensor out =
      make_tensor(broadcast_shapes("binomial", count.sizes(), prob.sizes()), count.dtype(), count.device());
  RandomCall call{RandomKind::Binomial, out};
  call.p = probabilities(expand_to("binomial", count, out.sizes()));
  call.q = probabilities(expand_to("binomial", prob, out.sizes()));
  draw(std::move(call), generator);
  return out;
}

}  // namespace impl
}  // namespace rustorch
