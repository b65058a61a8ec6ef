// Random numbers and dropout from the same Philox stream as the CPU's (base/philox.h): element i's numbers
// come from its own place in the stream, so a seed gives the same uniform numbers, integers and masks on
// every device. Logarithms and cosines are the device's, so normal numbers may differ in their last bits.
#include <algorithm>
#include <cmath>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr const char* kPhilox = R"(
typedef struct { uint x, y, z, w; } Words;
static inline Words rt_philox(ulong seed, ulong block) {
  Words c;
  c.x = (uint)block;
  c.y = (uint)(block >> 32);
  c.z = c.w = 0u;
  uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const ulong p0 = (ulong)0xD2511F53u * c.x, p1 = (ulong)0xCD9E8D57u * c.z;
    c.x = (uint)(p1 >> 32) ^ c.y ^ k0;
    c.y = (uint)p1;
    c.z = (uint)(p0 >> 32) ^ c.w ^ k1;
    c.w = (uint)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}
static inline uint rt_word(ulong seed, ulong offset, long i) {
  const Words c = rt_philox(seed, offset + (ulong)(i / 4));
  const int j = (int)(i % 4);
  return j == 0 ? c.x : j == 1 ? c.y : j == 2 ? c.z : c.w;
}
static inline ulong rt_word64(ulong seed, ulong offset, long i) {
  const Words c = rt_philox(seed, offset + (ulong)(i / 2));
  return i % 2 == 0 ? ((ulong)c.y << 32) | c.x : ((ulong)c.w << 32) | c.z;
}
)";

// rt_unit, rt_normal of element i in the precision of W.
constexpr const char* kSingle = R"(
static inline float rt_unit(ulong seed, ulong offset, long i) { return (float)(rt_word(seed, offset, i) >> 8) * (1.0f / 16777216.0f); }
static inline float rt_normal(ulong seed, ulong offset, long i) {
  const Words c = rt_philox(seed, offset + (ulong)(i / 4));
  const uint a = i % 4 < 2 ? c.x : c.z, b = i % 4 < 2 ? c.y : c.w;
  const float u = ((float)(int)(a >> 1) + 0.5f) * (1.0f / 2147483648.0f), radius = sqrt(fmax(-2.0f * log(u), 0.0f));
  const float turn = (float)(int)b * (1.0f / 2147483648.0f);
  return radius * (i % 2 == 0 ? cospi(turn) : sinpi(turn));
}
)";

constexpr const char* kDouble = R"(
static inline double rt_unit64(ulong word) { return (double)(word >> 11) * (1.0 / 9007199254740992.0); }
static inline double rt_unit(ulong seed, ulong offset, long i) { return rt_unit64(rt_word64(seed, offset, i)); }
static inline double rt_normal(ulong seed, ulong offset, long i) {
  const Words c = rt_philox(seed, offset + (ulong)(i / 2));
  const double u = rt_unit64(((ulong)c.y << 32) | c.x) + 1.0 / 9007199254740992.0, radius = sqrt(fmax(-2.0 * log(u), 0.0));
  const double turn = 2 * rt_unit64(((ulong)c.w << 32) | c.z);
  return radius * (i % 2 == 0 ? cospi(turn) : sinpi(turn));
}
)";

// KIND as in RandomKind. BITS: mantissa of the element type.
constexpr const char* kFill = R"(
kernel void run(global M* out, global const P* chance, const long out_at, const long chance_at, const long n, const ulong seed, const ulong offset,
                const W a, const W b, const W below, const long low, const ulong range, const uint threshold, const int flags) {
  const long i = get_global_id(0);
  if (i >= n) return;
#if KIND == 7
  const ulong word = rt_word64(seed, offset, i);
  const long v = (long)((ulong)low + (range == 0 ? word : mul_hi(word, range)));
#elif KIND == 6
  int v;
  if (flags & 1) v = rt_unit(seed, offset, i) < chance[chance_at + i];
  else v = (flags & 2) || rt_word(seed, offset, i) < threshold;
#elif KIND == 0
  W v = rt_unit(seed, offset, i);
  if (BITS >= 24) v = fmin(fma(v, b - a, a), below);
  else v = floor(v * (W)(1 << (BITS % 24))) / (W)(1 << (BITS % 24)) * (b - a) + a;
#elif KIND == 1
  const W v = fma(rt_normal(seed, offset, i), b, a);
#elif KIND == 2
  const W v = exp(fma(rt_normal(seed, offset, i), b, a));
#elif KIND == 3
  const W v = -log((W)1 - rt_unit(seed, offset, i)) / a;
#elif KIND == 4
  const W v = a + b * tanpi(rt_unit(seed, offset, i) - (W)0.5);
#elif KIND == 5
  const W v = fmax((W)1, ceil(log((W)1 - rt_unit(seed, offset, i)) * b));
#endif
  STORE(out, out_at + i, v)
}
)";

// Counts drawn by rejection (KIND: 8 Poisson, 9 binomial, 10 gamma), as backend/cpu/random.cc draws them:
// every element has a run of blocks of its own.
constexpr const char* kDraws = R"(
typedef struct { ulong seed, block; Words words; int used; } Engine;
static inline double rt_draw(Engine* e) {
  if (e->used == 2) {
    e->words = rt_philox(e->seed, e->block++);
    e->used = 0;
  }
  const ulong word = e->used++ == 0 ? ((ulong)e->words.y << 32) | e->words.x : ((ulong)e->words.w << 32) | e->words.z;
  return (double)(word >> 11) * (1.0 / 9007199254740992.0);
}
#if KIND == 8
static inline double rt_value(Engine* e, double rate, double unused) {
  if (!(rate > 0)) return rate == 0 ? 0.0 : (double)NAN;
  if (rate < 10) {
    const double limit = exp(-rate);
    double product = rt_draw(e), count = 0;
    while (product > limit) {
      product *= rt_draw(e);
      count += 1;
    }
    return count;
  }
  const double root = sqrt(rate), log_rate = log(rate), b = 0.931 + 2.53 * root, a = -0.059 + 0.02483 * b;
  const double inv_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = rt_draw(e) - 0.5, v = rt_draw(e), us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (log(v) + log(inv_alpha) - log(a / (us * us) + b) <= -rate + k * log_rate - lgamma(k + 1)) return k;
  }
}
#elif KIND == 9
static inline double rt_value(Engine* e, double count, double chance) {
  if (!(chance >= 0 && chance <= 1) || !(count >= 0)) return (double)NAN;
  const bool turned = chance > 0.5;
  const double p = turned ? 1 - chance : chance;
  if (p == 0 || count == 0) return turned ? count : 0.0;
  double hits = 0;
  if (count * p < 10) {
    const double log_q = log1p(-p);
    double trials = 0;
    for (;;) {
      trials += fmax(1.0, ceil(log(1 - rt_draw(e)) / log_q));
      if (trials > count) break;
      hits += 1;
    }
    return turned ? count - hits : hits;
  }
  const double sd = sqrt(count * p * (1 - p)), b = 1.15 + 2.53 * sd, a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double center = count * p + 0.5, v_r = 0.92 - 4.2 / b, alpha = (2.83 + 5.1 / b) * sd, r = p / (1 - p), m = floor((count + 1) * p);
  for (;;) {
    const double u = rt_draw(e) - 0.5, us = 0.5 - fabs(u);
    double v = rt_draw(e);
    hits = floor((2 * a / us + b) * u + center);
    if (us >= 0.07 && v <= v_r) break;
    if (hits < 0 || hits > count) continue;
    v = log(v * alpha / (a / (us * us) + b));
    if (v <= lgamma(m + 1) + lgamma(count - m + 1) - lgamma(hits + 1) - lgamma(count - hits + 1) + (hits - m) * log(r)) break;
  }
  return turned ? count - hits : hits;
}
#else
static inline double rt_value(Engine* e, double shape, double unused) {
  if (!(shape > 0) || isinf(shape)) return shape == 0 ? 0.0 : (double)NAN;
  const double boost = shape < 1 ? log(1 - rt_draw(e)) / shape : 0.0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (;;) {
    const double radius = sqrt(-2 * log(1 - rt_draw(e))), normal = radius * cos(6.283185307179586 * rt_draw(e)), root = 1 + c * normal;
    if (root <= 0) continue;
    const double v = root * root * root, u = 1 - rt_draw(e);
    if (log(u) < 0.5 * normal * normal + d * (1 - v + log(v))) return d * v * exp(boost);
  }
}
#endif
kernel void run(global M* out, global const P* p, global const P* q, const long out_at, const long p_at, const long q_at, const long n, const ulong seed,
                const ulong offset) {
  const long i = get_global_id(0);
  if (i >= n) return;
  Engine e;
  e.seed = seed;
  e.block = offset + (ulong)(i * 64);
  e.used = 2;
  const double v = rt_value(&e, (double)p[p_at + i], KIND == 9 ? (double)q[q_at + i] : 0.0);
  STORE(out, out_at + i, v)
}
)";

// One item for a byte of the mask, which is eight elements.
constexpr const char* kDropout = R"(
kernel void run(global T* out, global const T* in, global uchar* mask, const long out_at, const long in_at, const long mask_at, const long n,
                const ulong seed, const ulong offset, const T scale, const uint threshold, const int always) {
  const long g = get_global_id(0);
  if (g * 8 >= n) return;
  const int count = (int)min(8L, n - g * 8);
  uint bits = 0;
#if MAKE
  for (int part = 0; part < 2; ++part) {
    const Words c = rt_philox(seed, offset + (ulong)(g * 2 + part));
    bits |= (uint)((always || c.x < threshold) | (always || c.y < threshold) << 1 | (always || c.z < threshold) << 2 | (always || c.w < threshold) << 3)
            << (4 * part);
  }
  bits &= (1u << count) - 1;
  mask[mask_at + g] = (uchar)bits;
#else
  bits = mask[mask_at + g];
#endif
  for (int k = 0; k < count; ++k) {
    const T v = in[in_at + g * 8 + k];
    out[out_at + g * 8 + k] = (bits >> k) & 1 ? v * scale : (T)0;
  }
}
)";

/// Whether every draw hits, and else the bound that a word must be below (as in base/philox.cc).
bool always(double p, uint32_t* threshold) {
  const double scaled = std::floor((p > 0.0 ? p : 0.0) * 4294967296.0 + 0.5);
  *threshold = scaled >= 4294967296.0 ? 0 : static_cast<uint32_t>(scaled);
  return scaled >= 4294967296.0;
}

/// Poisson, binomial and gamma numbers.
bool random_draws(const RandomCall& call) {
  GpuDevice& device = device_of(call.out);
  if (!device.capabilities().float64) return false;
  const DType t = call.out.dtype(), p = call.p.dtype();
  const int kind = static_cast<int>(call.kind);
  KernelPtr kernel = device.kernel(cat("random/", kind, "/", dtype_name(p), "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t, ComputeType::f64), "#define KIND ", kind, "\n#define P ", memory_type(p),
               "\n", kPhilox, kDraws);
  });
  const Tensor& q = call.q.defined() ? call.q : call.p;
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.p).in(q).value(call.out.storage_offset());
  launch.value(call.p.storage_offset()).value(q.storage_offset());
  launch.value(call.out.numel()).value(call.seed).value(call.offset);
  launch.run(call.out.numel(), kLanes);
  return true;
}

}  // namespace

bool random(const RandomCall& call) {
  const int64_t n = call.out.numel();
  if (n == 0) return true;
  if (call.kind > RandomKind::Integer) return random_draws(call);
  GpuDevice& device = device_of(call.out);
  const DType t = call.out.dtype();
  const bool chances = call.kind == RandomKind::Bernoulli && call.p.defined();
  const bool wide = chances ? call.p.dtype() == kFloat64 : t == kFloat64;
  const bool has64 = wide || uses_double(t);
  if (has64) device.require("random", kFloat64);
  const int kind = static_cast<int>(call.kind), bits = t == kFloat16 ? 11 : t == kBFloat16 ? 8 : 24;
  // What is stored: an integer, a flag, or a number in the working precision.
  const ComputeType v = call.kind == RandomKind::Integer     ? ComputeType::i64
                        : call.kind == RandomKind::Bernoulli ? ComputeType::i32
                        : wide                               ? ComputeType::f64
                                                             : ComputeType::f32;
  KernelPtr kernel = device.kernel(cat("random/", kind, "/", wide, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t, v), "#define KIND ", kind, "\n#define BITS ", wide ? 53 : bits,
               "\n#define W ", wide ? "double" : "float", "\n#define P ", wide ? "double" : "float", "\n",
               kPhilox, wide ? kDouble : kSingle, kFill);
  });
  double a = call.a, b = call.b, below = b;
  if (call.kind == RandomKind::Geometric) b = 1 / std::log1p(-a);
  if (call.kind == RandomKind::Uniform && b > a)
    below = wide ? std::nextafter(b, a)
                 : static_cast<double>(std::nextafter(static_cast<float>(b), static_cast<float>(a)));
  uint32_t threshold = 0;
  const bool all = always(call.a, &threshold);
  writable(call.out);
  Launch launch(device, kernel);
  launch.in(call.out).in(chances ? call.p : call.out).value(call.out.storage_offset());
  launch.value(chances ? call.p.storage_offset() : int64_t{0}).value(n).value(call.seed).value(call.offset);
  for (double number : {a, b, below}) add_number(launch, wide ? ComputeType::f64 : ComputeType::f32, number);
  launch.value(call.low).value(call.range).value(threshold);
  launch.value(static_cast<int32_t>((chances ? 1 : 0) | (all ? 2 : 0)));
  launch.run(n, kLanes);
  return true;
}

bool dropout(const DropoutCall& call) {
  const int64_t n = call.in.numel();
  if (n == 0) return true;
  GpuDevice& device = device_of(call.out);
  const DType t = call.out.dtype();
  if (t != kFloat32 && t != kFloat64) return false;
  device.require("dropout", t);
  const int make = call.kind == DropoutKind::Make ? 1 : 0;
  KernelPtr kernel = device.kernel(cat("dropout/", make, "/", dtype_name(t)), "run", [&] {
    return cat("#define T ", memory_type(t), "\n#define MAKE ", make, "\n", kPhilox, kDropout);
  });
  uint32_t threshold = 0;
  const bool all = always(call.keep, &threshold);
  writable(call.out);
  if (make != 0) writable(call.mask);
  Launch launch(device, kernel);
  launch.in(call.out).in(call.in).in(call.mask);
  launch.value(call.out.storage_offset()).value(call.in.storage_offset()).value(call.mask.storage_offset());
  launch.value(n).value(call.seed).value(call.offset);
  add_number(launch, compute_type_of(t), call.scale);
  launch.value(threshold).value(static_cast<int32_t>(all));
  launch.run((n + 7) / 8, kLanes);
  return true;
}

}  // namespace rustorch::kernels
