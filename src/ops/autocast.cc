// The autocast state of a thread, and the conversions.
#include "ops/autocast.h"

#include <array>
#include <unordered_map>

#include "core/tensor_impl.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {

namespace detail {
constinit thread_local bool autocast_active = false;
}

namespace {

struct Kept {
  Tensor weight, low;  // the weight is held, so that its address stays its own
  int64_t version;
  const Storage* storage;

  bool is_current(const Tensor& t, DType dtype) const {
    return version == t.impl()->version() && storage == t.impl()->storage() && low.dtype() == dtype;
  }
};

struct State {
  std::array<bool, kNumDeviceTypes> enabled{};
  std::array<DType, kNumDeviceTypes> dtype{};
  bool cache = true;
  int nesting = 0;
  std::unordered_map<const TensorImpl*, Kept> kept;

  State() { dtype.fill(kBFloat16); }
};

State& state() {
  static thread_local State s;
  return s;
}

size_t index_of(DeviceType t) { return static_cast<size_t>(t); }

bool eligible(const Tensor& t) {
  return t.defined() && is_floating_point(t.dtype()) && t.dtype() != kFloat64 &&
         state().enabled[index_of(t.device().type)];
}

// A weight in the lower dtype, from the cache where that is allowed.
Tensor low_weight(const Tensor& t, DType dtype) {
  State& s = state();
  const bool keep =
      s.cache && t.dtype() == kFloat32 && t.requires_grad() && t.is_leaf() && GradMode::is_enabled();
  if (!keep) return rustorch::to(t, dtype);
  const auto found = s.kept.find(t.impl());
  if (found != s.kept.end() && found->second.is_current(t, dtype)) return found->second.low;
  Tensor low = rustorch::to(t, dtype);
  if (found != s.kept.end())
    found->second = Kept{t, low, t.impl()->version(), t.impl()->storage()};
  else if (s.kept.size() < kAutocastCacheLimit)
    s.kept.emplace(t.impl(), Kept{t, low, t.impl()->version(), t.impl()->storage()});
  return low;
}

}  // namespace

bool is_autocast_enabled(DeviceType device) { return state().enabled[index_of(device)]; }

void set_autocast_enabled(DeviceType device, bool on) {
  State& s = state();
  s.enabled[index_of(device)] = on;
  bool any = false;
  for (const bool e : s.enabled) any |= e;
  detail::autocast_active = any;
}

DType autocast_dtype(DeviceType device) { return state().dtype[index_of(device)]; }

void set_autocast_dtype(DeviceType device, DType dtype) {
  RT_CHECK(dtype == kFloat16 || dtype == kBFloat16 || dtype == kFloat32, DType, "set_autocast_dtype",
           "autocast converts to float16, bfloat16 or float32; got ", dtype);
  state().dtype[index_of(device)] = dtype;
}

bool is_autocast_cache_enabled() { return state().cache; }
void set_autocast_cache_enabled(bool on) { state().cache = on; }
void clear_autocast_cache() { state().kept.clear(); }
size_t autocast_cache_size() { return state().kept.size(); }

int autocast_increment_nesting() { return ++state().nesting; }
int autocast_decrement_nesting() {
  const int depth = --state().nesting;
  if (depth == 0) clear_autocast_cache();
  return depth;
}

AutocastGuard::AutocastGuard(DType dtype, DeviceType device, bool enabled, bool cache)
    : device_(device),
      dtype_before_(autocast_dtype(device)),
      enabled_before_(is_autocast_enabled(device)),
      cache_before_(is_autocast_cache_enabled()) {
  if (enabled) set_autocast_dtype(device, dtype);
  set_autocast_enabled(device, enabled);
  set_autocast_cache_enabled(cache);
  autocast_increment_nesting();
}

AutocastGuard::~AutocastGuard() {
  autocast_decrement_nesting();
  set_autocast_enabled(device_, enabled_before_);
  set_autocast_cache_enabled(cache_before_);
  state().dtype[index_of(device_)] = dtype_before_;
}

void AutocastCall::look(const Tensor& t) {
  wide_ = wide_ || (eligible(t) && t.dtype() != state().dtype[index_of(t.device().type)]);
}
void AutocastCall::look(TensorList list) {
  for (const Tensor& t : list) look(t);
}

Tensor AutocastCall::operator()(const Tensor& t) const {
  if (!eligible(t)) return t;
  const DType low = state().dtype[index_of(t.device().type)];
  const DType to = policy_ == AutocastPolicy::F32 || wide_ ? kFloat32 : low;
  if (t.dtype() == to) return t;
  return policy_ == AutocastPolicy::Low ? low_weight(t, to) : rustorch::to(t, to);
}

std::optional<Tensor> AutocastCall::operator()(const std::optional<Tensor>& t) const {
  return t ? std::optional<Tensor>((*this)(*t)) : std::nullopt;
}

std::vector<Tensor> AutocastCall::operator()(TensorList list) const {
  std::vector<Tensor> out;
  out.reserve(list.size());
  for (const Tensor& t : list) out.push_back((*this)(t));
  return out;
}

}  // namespace rustorch
