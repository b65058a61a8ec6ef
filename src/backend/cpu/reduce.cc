// Chooses compute type, kernel and finishing step for every kind of reduction.
#include "backend/cpu/reduce.h"

#include <cmath>
#include <complex>
#include <limits>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/reduce_engine.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

template <class T>
void ReduceEngine<T>::finish(W* state, int64_t stride, int64_t count) const {
  if constexpr (std::is_floating_point_v<W>) {
    const double n = static_cast<double>(plan->reduced);
    const double freedom = std::max(0.0, n - param);
    const auto spread = [](double squares) { return squares < 0 ? 0.0 : squares; };  // by rounding below 0
    for (int64_t i = 0; i < count; ++i) {
      W& s = state[i];
      switch (final) {
        case Final::Mean:
          s = s / n;
          break;
        case Final::Var:
          s = plan->reduced ? spread(state[stride + i]) / freedom : std::numeric_limits<double>::quiet_NaN();
          break;
        case Final::Std:
          s = plan->reduced ? std::sqrt(spread(state[stride + i]) / freedom)
                            : std::numeric_limits<double>::quiet_NaN();
          break;
        case Final::Sqrt:
          s = std::sqrt(s);
          break;
        case Final::Root:
          s = std::pow(s, 1 / param);
          break;
        case Final::LogSumExp:
          if (!std::isinf(s)) s += std::log(state[stride + i]);
          break;
        case Final::None:
          break;
      }
    }
  }
}

namespace {

/// Shapes and memory of a call; complex numbers may be seen as pairs of real ones.
struct Setup {
  ReducePlan plan;
  DType in_type, out_type;
  const char* in;
  char* out;
  char* out2 = nullptr;
};

enum class Pairs : uint8_t { No, Keep, Reduce };

void prepare(const ReduceCall& call, Pairs pairs, Setup& s) {
  TensorImpl& in = *call.in.impl();
  TensorImpl& out = *call.out.impl();
  s.in_type = in.dtype();
  s.out_type = out.dtype();
  s.in = in.numel() ? in.data<char>() : nullptr;
  s.out = out.numel() ? out.mutable_data<char>() : nullptr;
  if (call.out2.defined()) s.out2 = call.out2.numel() ? call.out2.impl()->mutable_data<char>() : nullptr;
  if (pairs == Pairs::No) {
    make_reduce_plan(s.plan, in.sizes(), in.strides(), out.strides(), call.dim_mask);
    return;
  }
  // One more dimension of two reals.
  int64_t sizes[ReducePlan::kMax + 1], strides[ReducePlan::kMax + 1], out_strides[ReducePlan::kMax + 1];
  const int n = in.dim(), m = out.dim();
  for (int d = 0; d < n; ++d) {
    sizes[d] = in.size(d);
    strides[d] = 2 * in.stride(d);
  }
  sizes[n] = 2;
  strides[n] = 1;
  uint64_t mask = call.dim_mask;
  s.in_type = real_type(s.in_type);
  if (pairs == Pairs::Keep) {
    for (int d = 0; d < m; ++d) out_strides[d] = 2 * out.stride(d);
    out_strides[m] = 1;
    s.out_type = real_type(s.out_type);
    make_reduce_plan(s.plan, {sizes, static_cast<size_t>(n + 1)}, {strides, static_cast<size_t>(n + 1)},
                     {out_strides, static_cast<size_t>(m + 1)}, mask);
    return;
  }
  mask |= uint64_t{1} << n;
  int kept = 0;
  for (int d = 0; d < n; ++d) {
    if ((mask >> d) & 1) continue;
    out_strides[kept] = out.stride(m == n ? d : kept);
    ++kept;
  }
  make_reduce_plan(s.plan, {sizes, static_cast<size_t>(n + 1)}, {strides, static_cast<size_t>(n + 1)},
                   {out_strides, static_cast<size_t>(kept)}, mask);
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) {
    return DType::Float32;
  } else if constexpr (std::is_same_v<T, double>) {
    return DType::Float64;
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return DType::Int32;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return DType::Int64;
  } else {
    return DType::UInt8;
  }
}

template <class T>
ReduceEngine<T> engine(const Setup& s, const ReduceKernel<T>& kernel, LoadMap map = LoadMap::Value,
                       Final final = Final::None, double param = 0) {
  ReduceEngine<T> e;
  e.plan = &s.plan;
  e.kernel = &kernel;
  e.in = s.in;
  e.in_bytes = static_cast<int64_t>(element_size(s.in_type));
  const bool same = s.in_type == dtype_of<T>() || (std::is_same_v<T, uint8_t> && s.in_type == DType::Bool);
  e.load = same && map == LoadMap::Value ? nullptr : loader<T>(s.in_type, map);
  e.final = final;
  e.param = param;
  e.out_type = s.out_type;
  e.out = s.out;
  e.out2 = s.out2;
  return e;
}

/// Calls f with float or double: the type in which results of type t are computed.
template <class F>
void with_float(DType t, F&& f) {
  if (real_type(t) == DType::Float64) {
    f(TypeTag<double>{});
  } else {
    f(TypeTag<float>{});
  }
}

void fold(const ReduceCall& call, FoldOp op, Final final = Final::None) {
  Setup s;
  prepare(call, is_complex(call.in.dtype()) ? Pairs::Keep : Pairs::No, s);
  if (is_integral(s.out_type, true)) {
    engine<int64_t>(s, fold_kernel<int64_t>(op)).run();
    return;
  }
  with_float(s.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    // The count of a mean is the same whether pairs are kept or not.
    engine<T>(s, fold_kernel<T>(op), LoadMap::Value, final).run();
  });
}

void extreme(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  const FoldOp op = call.kind == ReduceKind::Max ? FoldOp::Max : FoldOp::Min;
  switch (s.in_type) {
    case DType::Bool:
      engine<uint8_t>(s, fold_kernel<uint8_t>(op)).run();
      break;
    case DType::UInt8:
      engine<uint8_t>(s, fold_kernel<uint8_t>(op)).run();
      break;
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
      engine<int32_t>(s, fold_kernel<int32_t>(op)).run();
      break;
    case DType::Int64:
      engine<int64_t>(s, fold_kernel<int64_t>(op)).run();
      break;
    case DType::Float64:
      engine<double>(s, fold_kernel<double>(op)).run();
      break;
    default:
      engine<float>(s, fold_kernel<float>(op)).run();
  }
}

void any_all(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  const FoldOp op = call.kind == ReduceKind::Any ? FoldOp::Max : FoldOp::Min;
  const LoadMap map = s.in_type == DType::Bool ? LoadMap::Value : LoadMap::NonZero;
  auto e = engine<uint8_t>(s, fold_kernel<uint8_t>(op), map);
  // all() of nothing is 1, not the largest uint8.
  e.out_type = s.out_type == DType::UInt8 && s.plan.reduced > 0 ? DType::UInt8 : DType::Bool;
  e.run();
}

void count_nonzero(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  engine<int64_t>(s, fold_kernel<int64_t>(FoldOp::Sum), LoadMap::NonZero).run();
}

void exclusive_or(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  const LoadMap map = is_floating_point(s.in_type) ? LoadMap::Bits : LoadMap::Value;
  auto e = engine<int64_t>(s, fold_kernel<int64_t>(FoldOp::Xor), map);
  if (s.in_type == DType::Float64) e.load = nullptr;  // its bits lie there
  e.run();
}

void moments(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  const Final final = call.kind == ReduceKind::Var ? Final::Var : Final::Std;
  with_float(s.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto e = engine<T>(s, moments_kernel<T>(), LoadMap::Value, final, call.param);
    if (s.out2) e.out2_type = call.out2.dtype();
    e.run();
  });
}

void logsumexp(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  with_float(s.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    engine<T>(s, logsumexp_kernel<T>(), LoadMap::Value, Final::LogSumExp).run();
  });
}

/// |x|^p on a tile that already holds absolute values.
template <class T>
void power_tile(T* tile, int64_t n, double p) {
  const T exponent = static_cast<T>(p);
  if (p == 3) {
    for (int64_t i = 0; i < n; ++i) tile[i] = tile[i] * tile[i] * tile[i];
  } else if (p == 4) {
    for (int64_t i = 0; i < n; ++i) tile[i] = tile[i] * tile[i] * (tile[i] * tile[i]);
  } else if (p == 0.5) {
    for (int64_t i = 0; i < n; ++i) tile[i] = std::sqrt(tile[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) tile[i] = std::pow(tile[i], exponent);
  }
}

/// Whether one of the lengths, which squares gave, is nan.
template <class T>
bool any_nan(const Tensor& lengths) {
  const T* x = lengths.impl()->data<T>();
  return std::any_of(x, x + lengths.numel(), [](T v) { return v != v; });
}

void norm(const ReduceCall& call) {
  const double p = call.param;
  const bool complex = is_complex(call.in.dtype());
  Setup s;
  prepare(call, complex && p == 2 ? Pairs::Reduce : Pairs::No, s);
  const LoadMap plain = complex && p != 2 ? LoadMap::Abs : LoadMap::Value;
  with_float(s.out_type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (p == 2) {
      engine<T>(s, fold_kernel<T>(FoldOp::SumSquare), plain, Final::Sqrt).run();
      if (!complex || s.out_type != dtype_of<T>() || !call.out.impl()->is_contiguous() ||
          !any_nan<T>(call.out))
        return;
      Setup whole;  // an infinite part makes a number infinite, whatever the other part
      prepare(call, Pairs::No, whole);
      engine<T>(whole, fold_kernel<T>(FoldOp::SumSquare), LoadMap::Abs, Final::Sqrt).run();
    } else if (p == 1) {
      engine<T>(s, fold_kernel<T>(FoldOp::SumAbs), plain).run();
    } else if (p == 0) {
      engine<T>(s, fold_kernel<T>(FoldOp::Sum), LoadMap::NonZero).run();
    } else if (std::isinf(p)) {
      engine<T>(s, fold_kernel<T>(p > 0 ? FoldOp::MaxAbs : FoldOp::MinAbs), plain).run();
    } else {
      auto e = engine<T>(s, fold_kernel<T>(FoldOp::Sum), LoadMap::Abs, Final::Root, p);
      e.tile_map = power_tile<T>;
      e.run();
    }
  });
}

template <class C>
void complex_product(const ReduceCall& call) {
  Setup s;
  prepare(call, Pairs::No, s);
  const C* in = reinterpret_cast<const C*>(s.in);
  C* out = reinterpret_cast<C*>(s.out);
  const ReducePlan& p = s.plan;
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, p.reduced));
  parallel_for(0, p.outputs, grain, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      int64_t base, at;
      p.locate(o, &base, &at);
      C product(1);
      for (int64_t i = 0; i < p.reduced; ++i) product *= in[base + p.locate_reduced(i, p.nred)];
      out[at] = product;
    }
  });
}

}  // namespace

void reduce(const ReduceCall& call) {
  switch (call.kind) {
    case ReduceKind::Sum:
      return fold(call, FoldOp::Sum);
    case ReduceKind::Mean:
      return fold(call, FoldOp::Sum, Final::Mean);
    case ReduceKind::NanSum:
      return fold(call, is_integral(call.out.dtype(), true) ? FoldOp::Sum : FoldOp::SumNan);
    case ReduceKind::Prod:
      if (call.in.dtype() == DType::Complex64) return complex_product<std::complex<float>>(call);
      if (call.in.dtype() == DType::Complex128) return complex_product<std::complex<double>>(call);
      return fold(call, FoldOp::Prod);
    case ReduceKind::Max:
    case ReduceKind::Min:
      return extreme(call);
    case ReduceKind::Any:
    case ReduceKind::All:
      return any_all(call);
    case ReduceKind::CountNonzero:
      return count_nonzero(call);
    case ReduceKind::Var:
    case ReduceKind::Std:
      return moments(call);
    case ReduceKind::LogSumExp:
      return logsumexp(call);
    case ReduceKind::Norm:
      return norm(call);
    case ReduceKind::Xor:
      return exclusive_or(call);
  }
}

}  // namespace rustorch::cpu
