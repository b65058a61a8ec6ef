// Sorting of rows by digits, lowest first. Keys become unsigned integers of the same order; each pass
// over a digit of four bits counts it in chunks, adds the counts up, and moves keys and places, chunk by
// chunk in order, so that the passes are stable.
#include <algorithm>
#include <utility>

#include "backend/kernels/gpu_device.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kDigits = 16;
constexpr int kDigitBits = 4;

// U: unsigned integer of the keys. nan comes last and all zeros are equal.
constexpr const char* kEncode = R"(
kernel void run(global U* codes, global int* order, global const M* keys, const long keys_at, const long n, const long all) {
  const long g = get_global_id(0);
  if (g >= all) return;
  U code;
#if FLOATING
  const T v = LOAD(keys, keys_at + g);
  if (v != v) {
    code = ~(U)0;
  } else {
    code = BITS(v == 0 ? (T)0 : v);
    code = code & TOP ? ~code : code | TOP;
  }
#elif SIGNED
  code = (U)keys[keys_at + g] ^ TOP;
#else
  code = (U)keys[keys_at + g];
#endif
  codes[g] = DESCENDING ? (U)~code : code;
  order[g] = (int)(g % n);
}
)";

constexpr const char* kCount = R"(
kernel void run(global const U* codes, global long* counts, const long n, const long chunk, const long chunks, const long rows, const int shift) {
  const long g = get_global_id(0);
  if (g >= rows * chunks) return;
  const long row = g / chunks, c = g % chunks, end = min((c + 1) * chunk, n);
  int seen[16];
  for (int d = 0; d < 16; ++d) seen[d] = 0;
  for (long i = c * chunk; i < end; ++i) ++seen[(int)(codes[row * n + i] >> shift) & 15];
  for (int d = 0; d < 16; ++d) counts[(row * 16 + d) * chunks + c] = seen[d];
}
)";

// sums: the running totals of counts, digit by digit and chunk by chunk within a row.
constexpr const char* kMove = R"(
kernel void run(global U* to, global int* order_to, global const U* from, global const int* order_from, global const long* counts,
                global const long* sums, const long n, const long chunk, const long chunks, const long rows, const int shift) {
  const long g = get_global_id(0);
  if (g >= rows * chunks) return;
  const long row = g / chunks, c = g % chunks, end = min((c + 1) * chunk, n);
  long next[16];
  for (int d = 0; d < 16; ++d) {
    const long k = (row * 16 + d) * chunks + c;
    next[d] = row * n + sums[k] - counts[k];
  }
  for (long i = c * chunk; i < end; ++i) {
    const U code = from[row * n + i];
    const long at = next[(int)(code >> shift) & 15]++;
    to[at] = code;
    order_to[at] = order_from[row * n + i];
  }
}
)";

/// The unsigned integers that stand for keys of a dtype: bits, dtype of equal size, macros.
struct Code {
  int bits;
  DType dtype;
  std::string macros;
};

Code code_of(DType t) {
  const bool wide = t == kInt64 || t == kFloat64;
  const int bits = wide ? 64 : is_floating_point(t) ? 32 : static_cast<int>(element_size(t)) * 8;
  const bool floating = is_floating_point(t);
  const char* u = wide ? "ulong" : bits == 32 ? "uint" : bits == 16 ? "ushort" : "uchar";
  std::string macros = cat("#define U ", u, "\n#define TOP ((U)1 << ", bits - 1, ")\n#define FLOATING ",
                           floating ? 1 : 0, "\n#define SIGNED ", t == kBool || t == kUInt8 ? 0 : 1,
                           "\n#define BITS(v) ", wide ? "as_ulong(v)" : "as_uint(v)", "\n");
  return {bits, wide ? kInt64 : bits == 32 ? kInt32 : bits == 16 ? kInt16 : kUInt8, std::move(macros)};
}

}  // namespace

Tensor radix_order(const Tensor& keys, int64_t rows, int64_t n, bool descending, int64_t below) {
  GpuDevice& device = device_of(keys);
  const DType t = keys.dtype();
  const Code code = code_of(t);
  const int64_t all = rows * n;
  Tensor codes = scratch(keys, all, code.dtype), other_codes = scratch(keys, all, code.dtype);
  Tensor order = scratch(keys, all, kInt32), other_order = scratch(keys, all, kInt32);
  KernelPtr encode = device.kernel(cat("radix/encode/", descending, "/", dtype_name(t)), "run", [&] {
    return cat(operand_text("", t), "#define DESCENDING ", descending ? 1 : 0, "\n", code.macros, kEncode);
  });
  {
    Launch launch(device, encode);
    launch.in(codes).in(order).in(keys).value(keys.storage_offset()).value(n).value(all);
    launch.run(all, kLanes);
  }
  const std::string type = cat("#define U ",
                               code.bits == 64   ? "ulong"
                               : code.bits == 32 ? "uint"
                               : code.bits == 16 ? "ushort"
                                                 : "uchar",
                               "\n");
  KernelPtr count = device.kernel(cat("radix/count/", code.bits), "run", [&] { return type + kCount; });
  KernelPtr move = device.kernel(cat("radix/move/", code.bits), "run", [&] { return type + kMove; });
  const int64_t chunk = std::max<int64_t>(256, all / 4096 + 1), chunks = (n + chunk - 1) / chunk;
  const int64_t entries = rows * kDigits * chunks, sizes[] = {rows, kDigits * chunks},
                strides[] = {kDigits * chunks, 1};
  const Tensor counts = scratch(keys, entries, kInt64), sums = scratch(keys, entries, kInt64);
  const Tensor by_row = alias(counts, IntArrayRef(sizes, 2), IntArrayRef(strides, 2), 0, kInt64);
  const Tensor sums_by_row = alias(sums, IntArrayRef(sizes, 2), IntArrayRef(strides, 2), 0, kInt64);
  int bits = code.bits;
  while (below > 0 && bits > kDigitBits && (below - 1) >> (bits - kDigitBits) == 0) bits -= kDigitBits;
  for (int32_t shift = 0; shift < bits; shift += kDigitBits) {
    {
      Launch launch(device, count);
      launch.in(codes).in(counts).value(n).value(chunk).value(chunks).value(rows).value(shift);
      launch.run(rows * chunks, kLanes);
    }
    scan({ScanKind::CumSum, sums_by_row, {}, by_row, 1});
    {
      Launch launch(device, move);
      launch.in(other_codes).in(other_order).in(codes).in(order).in(counts).in(sums);
      launch.value(n).value(chunk).value(chunks).value(rows).value(shift);
      launch.run(rows * chunks, kLanes);
    }
    std::swap(codes, other_codes);
    std::swap(order, other_order);
  }
  return order;
}

}  // namespace rustorch::kernels
