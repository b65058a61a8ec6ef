// Copies, conversions and fills. What crosses to or from the CPU goes as one contiguous run of bytes in the
// target's dtype; conversion and gathering are done on the side of the source, scattering on that of the
// target.
#include <cstring>

#include "backend/compute_backend.h"
#include "backend/kernels/elementwise.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"
#include "rustorch/float8.h"
#include "rustorch/half.h"

namespace rustorch::kernels {

namespace {

Tensor fresh(IntArrayRef sizes, DType dtype, Device device, int64_t numel) {
  Storage* s = backend_for(device.type).allocate(static_cast<size_t>(numel) * element_size(dtype), device);
  return Tensor(new TensorImpl(s, sizes, dtype, device));
}

size_t bytes_of(const Tensor& t) { return static_cast<size_t>(t.numel()) * element_size(t.dtype()); }
size_t offset_of(const Tensor& t) { return static_cast<size_t>(t.impl()->byte_offset()); }

/// The plain type that moves elements of a size.
DType raw_type(DType t) {
  switch (element_size(t)) {
    case 1:
      return kUInt8;
    case 2:
      return kInt16;
    case 4:
      return kInt32;
    case 8:
      return kInt64;
    default:
      return t;
  }
}

// Programs that only move bits are shared by all dtypes of a size.
Tensor as_raw(const Tensor& t) {
  if (raw_type(t.dtype()) == t.dtype()) return t;
  t.impl()->storage()->retain();
  return Tensor(new TensorImpl(t.impl()->storage(), t.sizes(), t.strides(), t.storage_offset(),
                               raw_type(t.dtype()), t.device()));
}

bool copy_on_device(const Tensor& dst, const Tensor& src) {
  GpuDevice& device = device_of(dst);
  const bool same = dst.dtype() == src.dtype();
  if (same && dst.is_contiguous() && src.is_contiguous() && dst.impl()->storage() != src.impl()->storage()) {
    device.copy(*dst.impl()->storage(), offset_of(dst), *src.impl()->storage(), offset_of(src),
                bytes_of(dst));
    return true;
  }
  if (!same && (is_stored_only(dst.dtype()) || is_stored_only(src.dtype()))) return false;
  const Tensor to = same ? as_raw(dst) : dst, from = same ? as_raw(src) : src;
  device.require("copy_", to.dtype());
  device.require("copy_", from.dtype());
  const Tensor* tensors[] = {&to, &from};
  auto source = [&](std::string*, std::string*, std::string* body) {
    if (to.dtype() == kBool) {
      *body = cat("  p0[i0] = ", load_bool(from.dtype(), "p1", "i1"), ";\n");
    } else if (same) {
      *body = "  p0[i0] = p1[i1];\n";
    } else {
      const ComputeType t = compute_type_of(from.dtype());
      *body = cat("  ", value_type(t), " v = ", load(from.dtype(), t, "p1", "i1"), ";\n  ",
                  store(to.dtype(), t, "p0", "i0", "v"), "\n");
    }
  };
  return run_elementwise({device, tensors, 1, 2},
                         cat("copy/", dtype_name(to.dtype()), "/", dtype_name(from.dtype())), source,
                         [](Launch&) {});
}

/// src, contiguous and in the given dtype, on its own device.
Tensor packed(const Tensor& src, DType dtype) {
  if (src.dtype() == dtype && src.is_contiguous()) return src;
  Tensor out = fresh(src.sizes(), dtype, src.device(), src.numel());
  backend_for(src).copy(out, src);
  return out;
}

/// The value's bits in a dtype.
template <class F>
void with_bits(DType t, const Scalar& s, F&& f) {
  auto pass = [&](auto v) { f(&v, sizeof v); };
  switch (t) {
    case kBool:
      return pass(static_cast<uint8_t>(s.to_bool()));
    case kUInt8:
      return pass(static_cast<uint8_t>(s.to_int()));
    case kInt8:
      return pass(static_cast<int8_t>(s.to_int()));
    case kInt16:
      return pass(static_cast<int16_t>(s.to_int()));
    case kInt32:
      return pass(static_cast<int32_t>(s.to_int()));
    case kInt64:
      return pass(s.to_int());
    case kFloat16:
      return pass(Half(static_cast<float>(s.to_double())));
    case kBFloat16:
      return pass(BFloat16(static_cast<float>(s.to_double())));
    case kFloat32:
      return pass(static_cast<float>(s.to_double()));
    case kFloat64:
      return pass(s.to_double());
    case kComplex64:
      return pass(std::complex<float>(s.to_complex()));
    case kUInt16:
      return pass(static_cast<uint16_t>(s.to_int()));
    case kUInt32:
      return pass(static_cast<uint32_t>(s.to_int()));
    case kUInt64:
      return pass(s.to_uint());
    case kFloat8_e4m3fn:
      return pass(Float8_e4m3fn(static_cast<float>(s.to_double())));
    case kFloat8_e5m2:
      return pass(Float8_e5m2(static_cast<float>(s.to_double())));
    case kFloat8_e4m3fnuz:
      return pass(Float8_e4m3fnuz(static_cast<float>(s.to_double())));
    case kFloat8_e5m2fnuz:
      return pass(Float8_e5m2fnuz(static_cast<float>(s.to_double())));
    case kFloat8_e8m0fnu:
      return pass(Float8_e8m0fnu(static_cast<float>(s.to_double())));
    case kComplex32: {
      const std::complex<float> v(s.to_complex());
      return pass(ComplexHalf{Half(v.real()), Half(v.imag())});
    }
    case kBComplex32: {
      const std::complex<float> v(s.to_complex());
      return pass(ComplexBFloat16{BFloat16(v.real()), BFloat16(v.imag())});
    }
    case kComplex128:
      return pass(s.to_complex());
    default:
      raise(ErrorKind::NotImplemented, "fill",
            cat("\"fill\" not implemented for '", dtype_scalar_name(t), "'"));
  }
}

void add_bits(Launch& launch, DType t, const Scalar& s) {
  with_bits(t, s, [&](const void* p, size_t n) { launch.raw(p, n); });
}

}  // namespace

bool copy(const Tensor& dst, const Tensor& src) {
  if (dst.numel() == 0) return true;
  const bool from_cpu = src.device().is_cpu(), to_cpu = dst.device().is_cpu();
  if (!from_cpu && !to_cpu && dst.impl()->storage()->context() == src.impl()->storage()->context())
    return copy_on_device(dst, src);
  const Tensor from = packed(src, dst.dtype());
  const size_t bytes = bytes_of(from);
  if (to_cpu) {
    const Tensor host =
        dst.is_contiguous() ? dst : fresh(dst.sizes(), dst.dtype(), Device::Cpu(), dst.numel());
    device_of(from).read(*from.impl()->storage(), offset_of(from), host.impl()->mutable_data(), bytes);
    if (!host.is_same(dst)) backend_for(DeviceType::Cpu).copy(dst, host);
    return true;
  }
  if (!from_cpu) {  // two devices: through the CPU
    const Tensor host = fresh(dst.sizes(), dst.dtype(), Device::Cpu(), dst.numel());
    copy(host, from);
    return copy(dst, host);
  }
  const Tensor target =
      dst.is_contiguous() ? dst : fresh(dst.sizes(), dst.dtype(), dst.device(), dst.numel());
  device_of(target).write(*target.impl()->storage(), offset_of(target), from.impl()->data(), bytes);
  return target.is_same(dst) || copy_on_device(dst, target);
}

bool fill(const Tensor& dst, const Scalar& value) {
  GpuDevice& device = device_of(dst);
  if (dst.numel() == 0) return true;
  if (dst.is_contiguous()) {
    with_bits(dst.dtype(), value, [&](const void* p, size_t n) {
      device.fill(*dst.impl()->storage(), offset_of(dst), p, n, bytes_of(dst));
    });
    return true;
  }
  const Tensor to = as_raw(dst);
  const Tensor* tensors[] = {&to};
  auto source = [&](std::string*, std::string* args, std::string* body) {
    *args = cat(memory_type(to.dtype()), " v, ");
    *body = "  p0[i0] = v;\n";
  };
  return run_elementwise({device, tensors, 1, 1}, cat("fill/", dtype_name(to.dtype())), source,
                         [&](Launch& launch) { add_bits(launch, dst.dtype(), value); });
}

bool masked_fill(const MaskedFillCall& call) {
  const Tensor to = as_raw(call.out), from = as_raw(call.in);
  const Tensor* tensors[] = {&to, &from, &call.mask};
  auto source = [&](std::string*, std::string* args, std::string* body) {
    *args = cat(memory_type(to.dtype()), " v, ");
    *body = "  if (p2[i2]) p0[i0] = v; else p0[i0] = p1[i1];\n";
  };
  return run_elementwise({device_of(call.out), tensors, 1, 3}, cat("masked_fill/", dtype_name(to.dtype())),
                         source, [&](Launch& launch) { add_bits(launch, call.out.dtype(), call.value); });
}

}  // namespace rustorch::kernels
