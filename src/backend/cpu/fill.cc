// Fill: one value in every element, any strides.
#include <complex>
#include <cstring>

#include "backend/cpu/copy.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/strided_plan.h"
#include "backend/cpu/widened_call.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {

void scalar_bytes(const Scalar& value, DType t, void* out) {
  if (is_opaque(t)) {  // zeros() makes them; no other value is known
    if (value.is_complex() || value.to_double() != 0) refuse_type("fill_cpu", t);
    std::memset(out, 0, element_size(t));
    return;
  }
  if (is_stored_only(t)) {
    alignas(16) unsigned char wide[16];
    if (t == kUInt64) {
      const uint64_t v = value.to_uint();
      std::memcpy(out, &v, sizeof v);
      return;
    }
    scalar_bytes(value, wide_type(t), wide);
    return cast_run(t, wide_type(t))(out, wide, 1);
  }
  dispatch_all("fill", t, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T v;
    if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>)
      v = T(value.to_complex());
    else if constexpr (std::is_same_v<T, bool>)
      v = value.to_bool();
    else if constexpr (std::is_integral_v<T>)
      v = static_cast<T>(value.to_int());
    else if constexpr (std::is_same_v<T, double>)
      v = value.to_double();
    else
      v = T(static_cast<float>(value.to_double()));
    std::memcpy(out, &v, sizeof v);
  });
}

void fill(const Tensor& dst, const Scalar& value) {
  TensorImpl& d = *dst.impl();
  if (d.numel() == 0) return;
  alignas(16) unsigned char bytes[16] = {};
  scalar_bytes(value, d.dtype(), bytes);
  const auto item = static_cast<int64_t>(element_size(d.dtype()));
  bool same = true;
  for (int64_t i = 1; i < item; ++i) same &= bytes[i] == bytes[0];
  StridedPlan<1> plan;
  for (int k = 0; k < d.dim(); ++k) plan.add_dim(d.size(k), {d.stride(k)});
  plan.sort();
  plan.merge();
  const int64_t step = plan.inner_stride(0);
  void* data = d.mutable_data();
  parallel_for(0, plan.numel, 512 * 1024 / item, [&](int64_t b, int64_t e) {
    dispatch_by_size(d.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      T v;
      std::memcpy(&v, bytes, sizeof v);
      for_runs(plan, b, e, [&](const int64_t* at, int64_t n) {
        T* p = static_cast<T*>(data) + at[0];
        if (step == 1 && same) {
          std::memset(static_cast<void*>(p), bytes[0], static_cast<size_t>(n) * sizeof(T));
        } else if (step == 1) {
          for (int64_t i = 0; i < n; ++i) p[i] = v;
        } else {
          for (int64_t i = 0; i < n; ++i) p[i * step] = v;
        }
      });
    });
  });
}

}  // namespace rustorch::cpu
