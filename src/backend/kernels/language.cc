#include "backend/kernels/language.h"

#include <cctype>
#include <initializer_list>
#include <string_view>

#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

// Words that differ only in spelling come first; the rest is the same text in every language.
constexpr const char* kOpenCl = R"(
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#pragma OPENCL FP_CONTRACT OFF
#define RT_GROUP(x, y) kernel __attribute__((reqd_work_group_size(x, y, 1)))
#define RT_SHARED local
#define RT_PAIR(T, x, y) ((T)(x, y))
#define rt_dot(a, b) dot(a, b)
)";

// CUDA C++, compiled with --device-as-default-execution-space. Pairs are structs of ours, because the
// built-in ones have no operators; they convert from and to those, which the formulas of src/expr make.
constexpr const char* kCuda = R"(
#define kernel extern "C" __global__
#define RT_GROUP(x, y) extern "C" __global__ __launch_bounds__((x) * (y))
#define RT_SHARED __shared__
#define CLK_LOCAL_MEM_FENCE 0
#define barrier(fence) __syncthreads()
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fc00000)
#endif
#define INT_MAX 2147483647
#define INT_MIN (-INT_MAX - 1)
#define LONG_MAX 9223372036854775807L
#define LONG_MIN (-LONG_MAX - 1L)
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned short half;
static_assert(sizeof(long) == 8, "long has 64 bits in the kernels");

template <class T, class Native>
struct rt_pair {
  T x, y;
  rt_pair() = default;
  template <class U>
  rt_pair(U v) : x((T)v), y((T)v) {}
  rt_pair(T a, T b) : x(a), y(b) {}
  rt_pair(Native v) : x(v.x), y(v.y) {}
  operator Native() const { Native v; v.x = x; v.y = y; return v; }
  rt_pair& operator+=(rt_pair o) { x += o.x; y += o.y; return *this; }
  rt_pair& operator-=(rt_pair o) { x -= o.x; y -= o.y; return *this; }
  rt_pair& operator*=(T o) { x *= o; y *= o; return *this; }
  friend rt_pair operator+(rt_pair a, rt_pair b) { return rt_pair(a.x + b.x, a.y + b.y); }
  friend rt_pair operator-(rt_pair a, rt_pair b) { return rt_pair(a.x - b.x, a.y - b.y); }
  friend rt_pair operator-(rt_pair a) { return rt_pair(-a.x, -a.y); }
  friend rt_pair operator*(rt_pair a, T b) { return rt_pair(a.x * b, a.y * b); }
  friend rt_pair operator*(T a, rt_pair b) { return rt_pair(a * b.x, a * b.y); }
  friend rt_pair operator/(rt_pair a, T b) { return rt_pair(a.x / b, a.y / b); }
  friend rt_pair operator/(rt_pair a, rt_pair b) { return rt_pair(a.x / b.x, a.y / b.y); }
};
struct rt_bits16 {
  ulong x, y;
  rt_bits16() = default;
  rt_bits16(ulong v) : x(v), y(v) {}
};
typedef rt_pair<float, float2> rt_float2;
typedef rt_pair<double, double2> rt_double2;
#define float2 rt_float2
#define double2 rt_double2
#define ulong2 rt_bits16
#define RT_PAIR(T, x, y) (T((x), (y)))
template <class P> float2 convert_float2(P v) { return float2((float)v.x, (float)v.y); }
template <class P> double2 convert_double2(P v) { return double2((double)v.x, (double)v.y); }
inline float rt_dot(float a, float b) { return a * b; }
inline double rt_dot(double a, double b) { return a * b; }
inline float rt_dot(float2 a, float2 b) { return a.x * b.x + a.y * b.y; }
inline double rt_dot(double2 a, double2 b) { return a.x * b.x + a.y * b.y; }

inline long get_global_id(int d) { return d == 0 ? (long)blockIdx.x * blockDim.x + threadIdx.x : (long)blockIdx.y * blockDim.y + threadIdx.y; }
inline long get_local_id(int d) { return d == 0 ? threadIdx.x : threadIdx.y; }
inline long get_group_id(int d) { return d == 0 ? blockIdx.x : d == 1 ? blockIdx.y : blockIdx.z; }
inline int atomic_min(volatile int* p, int v) { return atomicMin((int*)p, v); }
inline long min(long a, long b) { return a < b ? a : b; }
inline long max(long a, long b) { return a < b ? b : a; }
inline ulong mul_hi(ulong a, ulong b) { return __umul64hi(a, b); }
inline float as_float(uint v) { return __uint_as_float(v); }
inline uint as_uint(float v) { return __float_as_uint(v); }
inline ulong as_ulong(double v) { return (ulong)__double_as_longlong(v); }
inline float tanpi(float v) { return sinpi(v) / cospi(v); }
inline double tanpi(double v) { return sinpi(v) / cospi(v); }
inline float vload_half(long i, const half* p) {
  float v;
  asm("{ .reg .f16 h; mov.b16 h, %1; cvt.f32.f16 %0, h; }" : "=f"(v) : "h"(p[i]));
  return v;
}
inline void vstore_half_rte(float v, long i, half* p) {
  asm("{ .reg .f16 h; cvt.rn.f16.f32 h, %1; mov.b16 %0, h; }" : "=h"(p[i]) : "f"(v));
}
)";

constexpr const char* kCommon = R"(
static inline float rt_from_bf16(ushort v) { return as_float((uint)v << 16); }
static inline ushort rt_to_bf16(float v) {
  uint b = as_uint(v);
  if (isnan(v)) return (ushort)((b >> 16) | 0x40u);
  return (ushort)((b + 0x7fffu + ((b >> 16) & 1u)) >> 16);
}
)";

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string result;
  for (std::string_view part : parts) result.append(part);
  return result;
}

/// The text without a word, which ends in a space.
std::string without(const std::string& text, const std::string& word) {
  std::string result;
  result.reserve(text.size());
  auto part_of_name = [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = 0;;) {
    const size_t found = text.find(word, at);
    if (found == std::string::npos) return result.append(text, at);
    result.append(text, at, found - at);
    if (found > 0 && part_of_name(text[found - 1])) result += word;
    at = found + word.size();
  }
}

}  // namespace

std::string program_text(const expr::Dialect& dialect, const std::string& text) {
  const std::string name = dialect.name;
  if (name == "opencl") return joined({kOpenCl, kCommon, text});
  // CUDA's own macros contain the word "global", so that no macro can be made of it.
  if (name == "cuda") return joined({kCuda, kCommon, without(without(text, "global "), "local ")});
  raise(ErrorKind::NotImplemented, "", cat("the kernels have no header for the language '", name, "'"));
}

}  // namespace rustorch::kernels
