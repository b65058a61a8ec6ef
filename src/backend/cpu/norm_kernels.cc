// Vector kernels of norm_kernels.h, compiled once per instruction set.
#include "backend/cpu/norm_kernels.h"

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/norm_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/nn_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

// Two sums over a row in four accumulators each: term(load, &a, &b) adds to them; the tail is masked by
// `valid`.
template <class T, class F>
HWY_INLINE void two_sums(int64_t n, T* out, F&& term) {
  const hn::ScalableTag<T> d;
  using V = hn::Vec<decltype(d)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  auto at = [&](int64_t i) HWY_ATTR { return [=](const T* p) HWY_ATTR { return hn::LoadU(d, p + i); }; };
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    term(at(i), a0, b0);
    term(at(i + lanes), a1, b1);
    term(at(i + 2 * lanes), a2, b2);
    term(at(i + 3 * lanes), a3, b3);
  }
  for (; i + lanes <= n; i += lanes) term(at(i), a0, b0);
  if (i < n) {
    const size_t rest = static_cast<size_t>(n - i);
    V a = hn::Zero(d), b = a;
    term([&](const T* p) HWY_ATTR { return load_n(d, p + i, rest, T(0)); }, a, b);
    a1 = hn::Add(a1, hn::IfThenElseZero(hn::FirstN(d, rest), a));
    b1 = hn::Add(b1, hn::IfThenElseZero(hn::FirstN(d, rest), b));
  }
  out[0] = sum_lanes(d, hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)));
  out[1] = sum_lanes(d, hn::Add(hn::Add(b0, b1), hn::Add(b2, b3)));
}

template <class T>
T sum(const T* x, int64_t n) {
  T sums[2];
  two_sums(n, sums, [&](auto load, auto& a, auto&) HWY_ATTR { a = hn::Add(a, load(x)); });
  return sums[0];
}

template <class T>
T deviation(const T* x, int64_t n, T mean) {
  const auto m = hn::Set(hn::ScalableTag<T>(), mean);
  T sums[2];
  two_sums(n, sums, [&](auto load, auto& a, auto&) HWY_ATTR {
    const auto c = hn::Sub(load(x), m);
    a = hn::MulAdd(c, c, a);
  });
  return sums[0];
}

template <class T>
void affine(const T* x, T* y, int64_t n, T a, T b) {
  const hn::ScalableTag<T> d;
  const auto va = hn::Set(d, a), vb = hn::Set(d, b);
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(load(x), va, vb), y); });
}

template <class T>
void gradient_sums(const T* g, const T* x, int64_t n, T mean, T* sums) {
  const auto m = hn::Set(hn::ScalableTag<T>(), mean);
  T part[2];
  two_sums(n, part, [&](auto load, auto& a, auto& b) HWY_ATTR {
    const auto gv = load(g);
    a = hn::Add(a, gv);
    b = hn::MulAdd(gv, hn::Sub(load(x), m), b);
  });
  sums[0] += part[0];
  sums[1] += part[1];
}

template <class T>
void combine(const T* g, const T* x, T* y, int64_t n, T a, T b, T c) {
  const hn::ScalableTag<T> d;
  const auto va = hn::Set(d, a), vb = hn::Set(d, b), vc = hn::Set(d, c);
  each_vector<T>(n, [&](auto load, auto store)
                        HWY_ATTR { store(hn::MulAdd(va, load(g), hn::MulAdd(vb, load(x), vc)), y); });
}

template <class T>
void normalize(const T* x, T* y, int64_t n, T mean, T rstd, const T* w, const T* b) {
  const hn::ScalableTag<T> d;
  const auto m = hn::Set(d, mean), r = hn::Set(d, rstd);
  if (w != nullptr && b != nullptr) {
    each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
      store(hn::MulAdd(hn::Mul(hn::Sub(load(x), m), r), load(w), load(b)), y);
    });
    return;
  }
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    auto v = hn::Mul(hn::Sub(load(x), m), r);
    if (w != nullptr) v = hn::Mul(v, load(w));
    if (b != nullptr) v = hn::Add(v, load(b));
    store(v, y);
  });
}

template <class T>
void weighted_sums(const T* g, const T* x, const T* w, int64_t n, T mean, T rstd, T* sums) {
  const auto m = hn::Set(hn::ScalableTag<T>(), mean);
  two_sums(n, sums, [&](auto load, auto& a, auto& b) HWY_ATTR {
    const auto gv = w != nullptr ? hn::Mul(load(g), load(w)) : load(g);
    a = hn::Add(a, gv);
    b = hn::MulAdd(gv, hn::Sub(load(x), m), b);
  });
  sums[1] *= rstd;
}

template <class T>
void normalize_backward(const T* g, const T* x, const T* w, T* y, int64_t n, T mean, T rstd, T c0, T c1) {
  const hn::ScalableTag<T> d;
  const auto m = hn::Set(d, mean), r = hn::Set(d, rstd), v0 = hn::Set(d, c0), v1 = hn::Set(d, c1 * rstd);
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto gv = w != nullptr ? hn::Mul(load(g), load(w)) : load(g);
    store(hn::Mul(r, hn::NegMulAdd(hn::Sub(load(x), m), v1, hn::Sub(gv, v0))), y);
  });
}

template <class T>
void parameter_gradients(const T* g, const T* x, int64_t n, T mean, T rstd, T* gw, T* gb) {
  const hn::ScalableTag<T> d;
  const auto m = hn::Set(d, mean), r = hn::Set(d, rstd);
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto gv = load(g);
    if (gw != nullptr) store(hn::MulAdd(gv, hn::Mul(hn::Sub(load(x), m), r), load(gw)), gw);
    if (gb != nullptr) store(hn::Add(load(gb), gv), gb);
  });
}

template <class T>
void add_across(const T* x, T* sum, int64_t n) {
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR { store(hn::Add(load(sum), load(x)), sum); });
}

template <class T>
void deviation_across(const T* x, const T* mean, T* sum, int64_t n) {
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto c = hn::Sub(load(x), load(mean));
    store(hn::MulAdd(c, c, load(sum)), sum);
  });
}

template <class T>
void affine_across(const T* x, T* y, const T* a, const T* b, int64_t n) {
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR { store(hn::MulAdd(load(x), load(a), load(b)), y); });
}

template <class T>
void gradient_sums_across(const T* g, const T* x, const T* mean, T* sg, T* sgx, int64_t n) {
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto gv = load(g);
    store(hn::Add(load(sg), gv), sg);
    store(hn::MulAdd(gv, hn::Sub(load(x), load(mean)), load(sgx)), sgx);
  });
}

template <class T>
void combine_across(const T* g, const T* x, T* y, const T* a, const T* b, const T* c, int64_t n) {
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    store(hn::MulAdd(load(a), load(g), hn::MulAdd(load(b), load(x), load(c))), y);
  });
}

template <class T>
constexpr NormKernels<T> kTable = {sum<T>,
                                   deviation<T>,
                                   affine<T>,
                                   gradient_sums<T>,
                                   combine<T>,
                                   normalize<T>,
                                   weighted_sums<T>,
                                   normalize_backward<T>,
                                   parameter_gradients<T>,
                                   add_across<T>,
                                   deviation_across<T>,
                                   affine_across<T>,
                                   gradient_sums_across<T>,
                                   combine_across<T>};

const NormKernels<float>* norm_table_f32() { return &kTable<float>; }
const NormKernels<double>* norm_table_f64() { return &kTable<double>; }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(norm_table_f32);
HWY_EXPORT(norm_table_f64);

const NormKernels<float>& norm_kernels(float) {
  static const NormKernels<float>& table = *HWY_DYNAMIC_DISPATCH(norm_table_f32)();
  return table;
}
const NormKernels<double>& norm_kernels(double) {
  static const NormKernels<double>& table = *HWY_DYNAMIC_DISPATCH(norm_table_f64)();
  return table;
}
}  // namespace rustorch::cpu
#endif
