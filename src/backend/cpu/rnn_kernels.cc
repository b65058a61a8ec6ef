// Vector kernels of rnn_kernels.h, compiled once per instruction set.
#include "backend/cpu/rnn_kernels.h"

#include "backend/cpu/simd/targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "backend/cpu/rnn_kernels.cc"
#include "hwy/foreach_target.h"  // must come before the other Highway headers

#include "backend/cpu/gemm/epilogue-inl.h"
#include "backend/cpu/nn_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rustorch::cpu {
namespace HWY_NAMESPACE {

template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  return detail::HWY_NAMESPACE::sigmoid_of(d, x);
}
template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  return detail::HWY_NAMESPACE::tanh_of(d, x);
}

template <class T>
void lstm(T* gates, const T* c_before, T* c, T* h, int64_t n) {
  const hn::ScalableTag<T> d;
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto i = sigmoid(d, load(gates)), f = sigmoid(d, load(gates + n));
    const auto g = tanh(d, load(gates + 2 * n)), o = sigmoid(d, load(gates + 3 * n));
    const auto cell = hn::MulAdd(f, load(c_before), hn::Mul(i, g));
    store(i, gates);
    store(f, gates + n);
    store(g, gates + 2 * n);
    store(o, gates + 3 * n);
    store(cell, c);
    store(hn::Mul(o, tanh(d, cell)), h);
  });
}

template <class T>
void lstm_output(const T* gates, const T* c, T* h, int64_t n) {
  const hn::ScalableTag<T> d;
  each_vector<T>(
      n, [&](auto load, auto store) HWY_ATTR { store(hn::Mul(load(gates + 3 * n), tanh(d, load(c))), h); });
}

template <class T>
void lstm_backward(const T* gates, const T* c_before, const T* c, const T* grad, const T* dh, T* dc,
                   T* dgates, int64_t dgate, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto one = hn::Set(d, T(1));
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto i = load(gates), f = load(gates + n), g = load(gates + 2 * n), o = load(gates + 3 * n);
    auto gh = load(dh);
    if (grad != nullptr) gh = hn::Add(gh, load(grad));
    const auto t = tanh(d, load(c));
    const auto gc = hn::MulAdd(hn::Mul(gh, o), hn::NegMulAdd(t, t, one), load(dc));
    store(hn::Mul(hn::Mul(gc, g), hn::Mul(i, hn::Sub(one, i))), dgates);
    store(hn::Mul(hn::Mul(gc, load(c_before)), hn::Mul(f, hn::Sub(one, f))), dgates + dgate);
    store(hn::Mul(hn::Mul(gc, i), hn::NegMulAdd(g, g, one)), dgates + 2 * dgate);
    store(hn::Mul(hn::Mul(gh, t), hn::Mul(o, hn::Sub(one, o))), dgates + 3 * dgate);
    store(hn::Mul(gc, f), dc);
  });
}

template <class T>
void gru(T* gates, const T* hidden, const T* before, T* kept, T* h, int64_t n) {
  const hn::ScalableTag<T> d;
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto r = sigmoid(d, hn::Add(load(gates), load(hidden)));
    const auto z = sigmoid(d, hn::Add(load(gates + n), load(hidden + n)));
    const auto keep = load(hidden + 2 * n);
    const auto fresh = tanh(d, hn::MulAdd(r, keep, load(gates + 2 * n)));
    store(r, gates);
    store(z, gates + n);
    store(fresh, gates + 2 * n);
    store(keep, kept);
    store(hn::MulAdd(z, hn::Sub(load(before), fresh), fresh), h);
  });
}

template <class T>
void gru_backward(const T* gates, const T* kept, const T* before, const T* grad, T* dh, T* dgates, T* dhidden,
                  int64_t dgate, int64_t n) {
  const hn::ScalableTag<T> d;
  const auto one = hn::Set(d, T(1));
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    const auto r = load(gates), z = load(gates + n), fresh = load(gates + 2 * n);
    auto gh = load(dh);
    if (grad != nullptr) gh = hn::Add(gh, load(grad));
    const auto gz = hn::Mul(hn::Mul(gh, hn::Sub(load(before), fresh)), hn::Mul(z, hn::Sub(one, z)));
    const auto gn = hn::Mul(hn::Mul(gh, hn::Sub(one, z)), hn::NegMulAdd(fresh, fresh, one));
    const auto gr = hn::Mul(hn::Mul(gn, load(kept)), hn::Mul(r, hn::Sub(one, r)));
    store(gr, dgates);
    store(gz, dgates + dgate);
    store(gn, dgates + 2 * dgate);
    store(gr, dhidden);
    store(gz, dhidden + dgate);
    store(hn::Mul(gn, r), dhidden + 2 * dgate);
    store(hn::Mul(gh, z), dh);
  });
}

template <class T>
void plain_backward(const T* h, const T* grad, const T* dh, T* dgates, int64_t n, bool relu) {
  const hn::ScalableTag<T> d;
  const auto one = hn::Set(d, T(1));
  each_vector<T>(n, [&](auto load, auto store) HWY_ATTR {
    auto gh = load(dh);
    if (grad != nullptr) gh = hn::Add(gh, load(grad));
    const auto out = load(h);
    store(relu ? hn::IfThenElseZero(hn::Gt(out, hn::Zero(d)), gh) : hn::Mul(gh, hn::NegMulAdd(out, out, one)),
          dgates);
  });
}

template <class T>
const RnnKernels<T>& table() {
  static constexpr RnnKernels<T> kTable = {lstm<T>, lstm_output<T>,  lstm_backward<T>,
                                           gru<T>,  gru_backward<T>, plain_backward<T>};
  return kTable;
}

const RnnKernels<float>* table_f32() { return &table<float>(); }
const RnnKernels<double>* table_f64() { return &table<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace rustorch::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rustorch::cpu {
HWY_EXPORT(table_f32);
HWY_EXPORT(table_f64);

const RnnKernels<float>& rnn_kernels(float) {
  static const RnnKernels<float>* const kernels = HWY_DYNAMIC_DISPATCH(table_f32)();
  return *kernels;
}
const RnnKernels<double>& rnn_kernels(double) {
  static const RnnKernels<double>* const kernels = HWY_DYNAMIC_DISPATCH(table_f64)();
  return *kernels;
}
}  // namespace rustorch::cpu
#endif
