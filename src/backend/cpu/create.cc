// Number ranges, masked fills, triangles and mirrored copies.
#include "backend/cpu/create.h"

#include <cmath>
#include <complex>
#include <cstring>
#include <utility>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/line_kernels.h"
#include "backend/cpu/strided_plan.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

namespace {

constexpr int64_t kGrain = 32768;

template <class T>
constexpr bool kIsComplex = std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>;

/// A value of the computing type W (int64, double, complex<double>) as an element.
template <class T, class W>
T element(W v) {
  if constexpr (kIsComplex<T>)
    return T(v);
  else if constexpr (std::is_same_v<T, bool>)
    return v != W(0);
  else if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<int64_t>(v));
  else if constexpr (std::is_same_v<T, double>)
    return static_cast<double>(v);
  else
    return T(static_cast<float>(v));
}

template <class T, class W>
void write_range(const RangeCall& call, W a, W b, W base) {
  TensorImpl& out = *call.out.impl();
  const int64_t n = out.numel(), step = out.stride(0);
  T* p = out.mutable_data<T>();
  const RangeKind kind = call.kind;
  W delta = b;
  if (kind != RangeKind::Step) delta = n > 1 ? (b - a) / W(static_cast<double>(n - 1)) : W(0);
  parallel_for(0, n, kGrain, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      W v;
      if (kind == RangeKind::Step)
        v = a + delta * W(i);
      else
        v = i < n / 2 || n == 1 ? a + delta * W(i) : b - delta * W(n - 1 - i);
      if constexpr (!std::is_same_v<W, int64_t>)
        if (kind == RangeKind::Logspace) {
          if constexpr (std::is_integral_v<T>)  // the exponents of integer results are single-precision in
                                                // PyTorch
            v = static_cast<float>(i < n / 2 || n == 1
                                       ? a + static_cast<float>(delta) * static_cast<float>(i)
                                       : b - static_cast<float>(delta) * static_cast<float>(n - 1 - i));
          v = std::pow(base, v);
        }
      p[i * step] = element<T, W>(v);
    }
  });
}

}  // namespace

void range(const RangeCall& call) {
  const DType t = call.out.dtype();
  dispatch_all("range", t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (kIsComplex<T>) {
      write_range<T, std::complex<double>>(call, call.a.to_complex(), call.b.to_complex(), call.base);
    } else {
      if constexpr (std::is_integral_v<T>) {
        if (call.kind == RangeKind::Step)
          return write_range<T, int64_t>(call, call.a.to_int(), call.b.to_int(), 0);
        const auto a = static_cast<double>(call.a.to_int()), b = static_cast<double>(call.b.to_int());
        return write_range<T, double>(call, a, b, call.base);
      }
      write_range<T, double>(call, call.a.to_double(), call.b.to_double(), call.base);
    }
  });
}

void masked_fill(const MaskedFillCall& call) {
  TensorImpl& out = *call.out.impl();
  const TensorImpl &in = *call.in.impl(), &mask = *call.mask.impl();
  if (out.numel() == 0) return;
  alignas(16) unsigned char bytes[16] = {};
  scalar_bytes(call.value, out.dtype(), bytes);
  StridedPlan<3> plan;
  for (int d = 0; d < out.dim(); ++d)
    plan.add_dim(out.size(d), {out.stride(d), in.stride(d), mask.stride(d)});
  plan.sort();
  plan.merge();
  void* to = out.mutable_data();
  const void* from = in.data();
  const auto* m = mask.data<unsigned char>();
  const int64_t os = plan.inner_stride(0), is = plan.inner_stride(1), ms = plan.inner_stride(2);
  dispatch_by_size(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value;
    std::memcpy(&value, bytes, sizeof value);
    const bool in_place = to == from;
    parallel_for(0, plan.numel, kGrain, [&](int64_t b, int64_t e) {
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        T* o = static_cast<T*>(to) + at[0];
        const T* i = static_cast<const T*>(from) + at[1];
        const unsigned char* k = m + at[2];
        if (os == 1 && is == 1 && ms == 1 && sizeof(T) <= 8)
          blend_run(o, i, k, &value, n, sizeof(T));
        else if (ms == 0 && in_place) {
          if (*k != 0)
            for (int64_t x = 0; x < n; ++x) o[x * os] = value;
        } else
          for (int64_t x = 0; x < n; ++x) o[x * os] = k[x * ms] != 0 ? value : i[x * is];
      });
    });
  });
}

void triangle(const TriangleCall& call) {
  TensorImpl& out = *call.out.impl();
  const TensorImpl& in = *call.in.impl();
  const int nd = out.dim();
  const int64_t rows = out.size(nd - 2), cols = out.size(nd - 1);
  const int64_t in_row = in.stride(nd - 2), in_col = in.stride(nd - 1);
  StridedPlan<1> outer;
  for (int d = 0; d < nd - 2; ++d) outer.add_dim(in.size(d), {in.stride(d)});
  void* to = out.mutable_data();
  const void* from = in.data();
  dispatch_by_size(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    parallel_for(0, outer.numel * rows, std::max<int64_t>(kGrain / cols, 1), [&](int64_t b, int64_t e) {
      for (int64_t r = b; r < e; ++r) {
        int64_t rest = r / rows, offset = r % rows * in_row;
        for (int d = outer.ndim - 1; d >= 0; --d) {
          offset += rest % outer.size[d] * outer.stride[d][0];
          rest /= outer.size[d];
        }
        const T* src = static_cast<const T*>(from) + offset;
        T* dst = static_cast<T*>(to) + r * cols;
        // Columns [first, last) are kept.
        const int64_t mid =
            std::min(std::max<int64_t>(r % rows + call.diagonal + (call.upper ? 0 : 1), 0), cols);
        const int64_t first = call.upper ? mid : 0, last = call.upper ? cols : mid;
        for (int64_t c = 0; c < first; ++c) dst[c] = T(0);
        if (in_col == 1)
          std::memcpy(static_cast<void*>(dst + first), src + first,
                      static_cast<size_t>(last - first) * sizeof(T));
        else
          for (int64_t c = first; c < last; ++c) dst[c] = src[c * in_col];
        for (int64_t c = last; c < cols; ++c) dst[c] = T(0);
      }
    });
  });
}

void flip(const Tensor& out, const Tensor& in, uint64_t dim_mask) {
  TensorImpl& o = *out.impl();
  const TensorImpl& i = *in.impl();
  int64_t strides[TensorImpl::kMaxDims];
  int64_t offset = 0;
  for (int d = 0; d < i.dim(); ++d) {
    strides[d] = i.stride(d);
    if ((dim_mask >> d & 1) == 0) continue;
    offset += (i.size(d) - 1) * strides[d];
    strides[d] = -strides[d];
  }
  const char* first = i.data<char>() + offset * static_cast<int64_t>(element_size(i.dtype()));
  copy_strided(o.sizes(), {o.mutable_data(), o.dtype(), o.strides()},
               {const_cast<char*>(first), i.dtype(), {strides, static_cast<size_t>(i.dim())}});
}

}  // namespace rustorch::cpu
