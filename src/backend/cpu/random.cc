// Random fills. Every element's numbers come from its own position in the Philox stream (base/philox.h), so
// the range is cut freely. float32 and float64 are filled in place, the other dtypes through a tile.
#include "backend/cpu/random.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "base/log_gamma.h"
#include "base/philox.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

namespace {

constexpr int64_t kGrain = 16384;  // a multiple of the elements of a block
constexpr int64_t kTile = 1024;

/// The uniform or normal numbers that a distribution is made of, in the precision of W.
template <class W>
void uniform(const RandomCall& c, int64_t first, W* out, int64_t n, W low, W high) {
  if constexpr (std::is_same_v<W, float>)
    fill_uniform_f32(c.seed, c.offset, first, out, n, low, high);
  else
    fill_uniform_f64(c.seed, c.offset, first, out, n, low, high);
}
template <class W>
void normal(const RandomCall& c, int64_t first, W* out, int64_t n) {
  if constexpr (std::is_same_v<W, float>)
    fill_normal_f32(c.seed, c.offset, first, out, n, static_cast<float>(c.a), static_cast<float>(c.b));
  else
    fill_normal_f64(c.seed, c.offset, first, out, n, c.a, c.b);
}

/// Elements first ... first + n - 1 in the working type. bits: mantissa of the element type, so that rounding
/// a uniform number to it never reaches the upper end.
template <class W>
void fill_real(const RandomCall& c, int64_t first, W* out, int64_t n, int bits) {
  const W a = static_cast<W>(c.a), b = static_cast<W>(c.b);
  switch (c.kind) {
    case RandomKind::Uniform:
      if (bits >= 24) return uniform(c, first, out, n, a, b);
      uniform<W>(c, first, out, n, 0, 1);
      for (int64_t i = 0; i < n; ++i)
        out[i] = std::floor(out[i] * static_cast<W>(1 << bits)) / static_cast<W>(1 << bits) * (b - a) + a;
      return;
    case RandomKind::Normal:
      return normal(c, first, out, n);
    case RandomKind::LogNormal:
      normal(c, first, out, n);
      for (int64_t i = 0; i < n; ++i) out[i] = std::exp(out[i]);
      return;
    case RandomKind::Exponential:
      uniform<W>(c, first, out, n, 0, 1);
      for (int64_t i = 0; i < n; ++i) out[i] = -std::log(W(1) - out[i]) / a;
      return;
    case RandomKind::Cauchy:
      uniform<W>(c, first, out, n, 0, 1);
      for (int64_t i = 0; i < n; ++i)
        out[i] = a + b * std::tan(static_cast<W>(3.14159265358979323846) * (out[i] - W(0.5)));
      return;
    default: {  // Geometric
      const W scale = W(1) / static_cast<W>(std::log1p(-c.a));
      uniform<W>(c, first, out, n, 0, 1);
      for (int64_t i = 0; i < n; ++i) out[i] = std::max(W(1), std::ceil(std::log(W(1) - out[i]) * scale));
    }
  }
}

template <class W>
constexpr DType kTypeOf = std::is_same_v<W, float> ? kFloat32 : kFloat64;

template <class W>
void random_real(const RandomCall& c, int bits) {
  TensorImpl& out = *c.out.impl();
  const DType t = out.dtype();
  auto* to = out.mutable_data<char>();
  const auto item = static_cast<int64_t>(element_size(t));
  const bool direct = t == kTypeOf<W>;
  const CastRun cast = direct ? CastRun() : cast_run(t, kTypeOf<W>);
  parallel_for(0, out.numel(), kGrain, [&](int64_t b, int64_t e) {
    if (direct) return fill_real(c, b, reinterpret_cast<W*>(to) + b, e - b, bits);
    W tile[kTile];
    for (int64_t i = b; i < e; i += kTile) {
      const int64_t n = std::min(kTile, e - i);
      fill_real(c, i, tile, n, bits);
      cast(to + i * item, tile, n);
    }
  });
}

void random_integer(const RandomCall& c) {
  TensorImpl& out = *c.out.impl();
  const DType t = out.dtype();
  auto* to = out.mutable_data<char>();
  const auto item = static_cast<int64_t>(element_size(t));
  const CastRun cast = t == kInt64 ? CastRun() : cast_run(t, kInt64);
  parallel_for(0, out.numel(), kGrain, [&](int64_t b, int64_t e) {
    if (!cast)
      return fill_random_i64(c.seed, c.offset, b, reinterpret_cast<int64_t*>(to) + b, e - b, c.low, c.range);
    int64_t tile[kTile];
    for (int64_t i = b; i < e; i += kTile) {
      const int64_t n = std::min(kTile, e - i);
      fill_random_i64(c.seed, c.offset, i, tile, n, c.low, c.range);
      cast(to + i * item, tile, n);
    }
  });
}

/// f(i, n, tile of bytes) fills 0/1 flags, which become elements of out.
template <class F>
void write_flags(const RandomCall& c, F&& f) {
  TensorImpl& out = *c.out.impl();
  const DType t = out.dtype();
  auto* to = out.mutable_data<char>();
  const auto item = static_cast<int64_t>(element_size(t));
  const CastRun cast = item == 1 && !is_stored_only(t) ? CastRun() : cast_run(t, kUInt8);
  parallel_for(0, out.numel(), kGrain, [&](int64_t b, int64_t e) {
    if (!cast) return f(b, e - b, reinterpret_cast<uint8_t*>(to) + b);
    uint8_t tile[kTile];
    for (int64_t i = b; i < e; i += kTile) {
      const int64_t n = std::min(kTile, e - i);
      f(i, n, tile);
      cast(to + i * item, tile, n);
    }
  });
}

template <class W>
void bernoulli_of(const RandomCall& c) {
  const W* p = c.p.impl()->data<W>();
  write_flags(c, [&](int64_t first, int64_t n, uint8_t* flags) {
    W u[kTile];
    for (int64_t i = 0; i < n; i += kTile) {
      const int64_t m = std::min(kTile, n - i);
      uniform<W>(c, first + i, u, m, 0, 1);
      for (int64_t k = 0; k < m; ++k) flags[i + k] = u[k] < p[first + i + k];
    }
  });
}

/// One Poisson number: Knuth's product for small rates, Hoermann's PTRS (1993) for large ones.
double draw_poisson(PhiloxEngine& engine, double rate) {
  if (!(rate > 0)) return rate == 0 ? 0 : std::nan("");
  if (rate < 10) {
    const double limit = std::exp(-rate);
    double product = engine.uniform(), count = 0;
    while (product > limit) {
      product *= engine.uniform();
      ++count;
    }
    return count;
  }
  const double root = std::sqrt(rate), log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inv_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = engine.uniform() - 0.5, v = engine.uniform(), us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inv_alpha) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - log_gamma(k + 1))
      return k;
  }
}

/// One gamma number of rate 1: Marsaglia and Tsang (2000), with a power of a uniform number for shapes
/// below 1.
double draw_gamma(PhiloxEngine& engine, double shape) {
  if (!(shape > 0) || std::isinf(shape)) return shape == 0 ? 0 : std::nan("");
  const double boost = shape < 1 ? std::log(1 - engine.uniform()) / shape : 0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double radius = std::sqrt(-2 * std::log(1 - engine.uniform()));
    const double normal = radius * std::cos(6.283185307179586 * engine.uniform());
    const double root = 1 + c * normal;
    if (root <= 0) continue;
    const double v = root * root * root, u = 1 - engine.uniform();
    if (std::log(u) < 0.5 * normal * normal + d * (1 - v + std::log(v))) return d * v * std::exp(boost);
  }
}

/// One binomial number: inversion by geometric gaps for small means, BTRS (Hoermann 1993) for large ones.
double draw_binomial(PhiloxEngine& engine, double count, double p) {
  if (!(p >= 0 && p <= 1) || !(count >= 0)) return std::nan("");
  if (p > 0.5) return count - draw_binomial(engine, count, 1 - p);
  if (p == 0 || count == 0) return 0;
  if (count * p < 10) {
    const double log_q = std::log1p(-p);
    double trials = 0, hits = 0;
    for (;;) {
      trials += std::max(1.0, std::ceil(std::log(1 - engine.uniform()) / log_q));
      if (trials > count) return hits;
      ++hits;
    }
  }
  const double sd = std::sqrt(count * p * (1 - p)), b = 1.15 + 2.53 * sd, a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double center = count * p + 0.5, v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * sd;
  const double r = p / (1 - p), m = std::floor((count + 1) * p);
  for (;;) {
    const double u = engine.uniform() - 0.5, us = 0.5 - std::fabs(u);
    double v = engine.uniform();
    const double k = std::floor((2 * a / us + b) * u + center);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = log_gamma(m + 1) + log_gamma(count - m + 1) - log_gamma(k + 1) -
                         log_gamma(count - k + 1) + (k - m) * std::log(r);  // log of P(k) / P(m)
    if (v <= bound) return k;
  }
}

constexpr int64_t kBlocksPerDraw = 64;

template <class W>
void random_counts(const RandomCall& c) {
  TensorImpl& out = *c.out.impl();
  const W* p = c.p.impl()->data<W>();
  const W* q = c.q.defined() ? c.q.impl()->data<W>() : nullptr;
  const DType t = out.dtype();
  auto* to = out.mutable_data<char>();
  const auto item = static_cast<int64_t>(element_size(t));
  const CastRun cast = t == kFloat64 ? CastRun() : cast_run(t, kFloat64);
  parallel_for(0, out.numel(), 256, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      PhiloxEngine engine(c.seed, c.offset + static_cast<uint64_t>(i * kBlocksPerDraw));
      const auto rate = static_cast<double>(p[i]);
      const double v = c.kind == RandomKind::Gamma ? draw_gamma(engine, rate)
                       : q == nullptr              ? draw_poisson(engine, rate)
                                                   : draw_binomial(engine, rate, static_cast<double>(q[i]));
      if (!cast)
        reinterpret_cast<double*>(to)[i] = v;
      else
        cast(to + i * item, &v, 1);
    }
  });
}

}  // namespace

void random(const RandomCall& call) {
  if (call.out.numel() == 0) return;
  const bool wide_p = call.p.defined() && call.p.dtype() == kFloat64;
  switch (call.kind) {
    case RandomKind::Integer:
      return random_integer(call);
    case RandomKind::Poisson:
    case RandomKind::Binomial:
    case RandomKind::Gamma:
      return wide_p ? random_counts<double>(call) : random_counts<float>(call);
    case RandomKind::Bernoulli:
      if (call.p.defined()) return wide_p ? bernoulli_of<double>(call) : bernoulli_of<float>(call);
      return write_flags(call, [&](int64_t first, int64_t n, uint8_t* flags) {
        fill_bernoulli_mask(call.seed, call.offset, first, flags, n, call.a);
      });
    default:
      break;
  }
  const DType t = call.out.dtype();
  if (t == kFloat64) return random_real<double>(call, 53);
  random_real<float>(call, t == kFloat16 ? 11 : t == kBFloat16 ? 8 : 24);
}

}  // namespace rustorch::cpu
