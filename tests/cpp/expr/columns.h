// Random operands for kernels, as bytes in memory and as values of the interpreter, and comparison of
// results.
#pragma once
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/chunk_kernel.h"
#include "expr/program.h"

namespace rustorch::expr_test {

using expr::OperandKind;
using expr::Value;

inline constexpr int64_t kCount = 777;

inline size_t element_size(OperandKind k, ComputeType t) {
  if (k == OperandKind::B) return 1;
  if (k == OperandKind::I) return 8;
  if (k == OperandKind::R) t = real_part_type(t);
  constexpr size_t kSizes[] = {4, 8, 4, 8, 8, 16};
  return kSizes[static_cast<int>(t)];
}

inline double random_real(std::mt19937& rng) {
  static const double kSpecial[] = {0.0, -0.0, INFINITY, -INFINITY, NAN,  1,    -1, 0.5,
                                    2,   3,    -3,       100,       -100, 1e-3, 7.5};
  uint32_t r = rng();
  if (r % 4 == 0) return kSpecial[(r >> 8) % 15];
  return (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 20;
}
inline int64_t random_integer(std::mt19937& rng, ComputeType t) {
  static const int64_t kSpecial[] = {0, 1, -1, 2, 7, -7, 31, 32, 63, 64, 100};
  uint32_t r = rng();
  if (r % 16 == 0) return t == ComputeType::i32 ? INT32_MIN : INT64_MIN;
  if (r % 16 == 1) return t == ComputeType::i32 ? INT32_MAX : INT64_MAX;
  if (r % 2) return kSpecial[(r >> 8) % 11];
  return static_cast<int32_t>(rng()) >> (r >> 8) % 28;
}

// One operand's elements as bytes in memory and as interpreter values.
struct Column {
  std::vector<unsigned char> bytes;
  std::vector<Value> values;
};

inline void put_real(unsigned char* at, double& v, bool single) {
  if (single) {
    float f = static_cast<float>(v);
    std::memcpy(at, &f, 4);
    v = f;
  } else {
    std::memcpy(at, &v, 8);
  }
}

inline Column make_column(OperandKind kind, ComputeType t, std::mt19937& rng) {
  Column c;
  size_t size = element_size(kind, t);
  c.bytes.resize(static_cast<size_t>(kCount) * size);
  for (int64_t k = 0; k < kCount; ++k) {
    unsigned char* at = c.bytes.data() + static_cast<size_t>(k) * size;
    Value v;
    if (kind == OperandKind::B) {
      v = Value::boolean(rng() & 1);
      *at = static_cast<unsigned char>(v.i);
    } else if (kind == OperandKind::I) {
      v.i = static_cast<int64_t>(rng() % 2000) - 1000;
      v.r = static_cast<double>(v.i);
      std::memcpy(at, &v.i, 8);
    } else if (is_integer(t)) {
      v.i = random_integer(rng, t);
      if (t == ComputeType::i32) {
        int32_t n = static_cast<int32_t>(v.i);
        v.i = n;
        std::memcpy(at, &n, 4);
      } else {
        std::memcpy(at, &v.i, 8);
      }
    } else if (is_complex(t) && kind == OperandKind::T) {
      double re = (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 6;
      double im = (static_cast<double>(rng()) / 4294967296.0 - 0.5) * 6;
      put_real(at, re, is_single(t));
      put_real(at + size / 2, im, is_single(t));
      v.c = {re, im};
    } else {
      v.r = random_real(rng);
      put_real(at, v.r, is_single(t));
    }
    c.values.push_back(v);
  }
  return c;
}

inline std::string describe(const KernelInfo& info, ComputeType t, int64_t k,
                            const std::vector<Column>& ins) {
  std::string s = std::string(info.name) + " " + compute_type_name(t) + " element " + std::to_string(k);
  for (const Column& c : ins) {
    const Value& v = c.values[static_cast<size_t>(k)];
    s += "; in r=" + std::to_string(v.r) + " i=" + std::to_string(v.i) + " c=(" + std::to_string(v.c.real()) +
         "," + std::to_string(v.c.imag()) + ")";
  }
  return s;
}

inline double read_real(const unsigned char* at, bool single) {
  float f;
  double d;
  if (!single) {
    std::memcpy(&d, at, 8);
    return d;
  }
  std::memcpy(&f, at, 4);
  return f;
}

inline bool close(double got, double want, bool single, double slack) {
  if (single) want = static_cast<float>(want);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::fabs(got - want) <= slack * (single ? 4e-6 : 1e-14) * std::max(1.0, std::fabs(want));
}

inline bool matches(const unsigned char* at, OperandKind kind, ComputeType t, const Value& want,
                    double slack = 1) {
  if (kind == OperandKind::B) return *at == want.i;
  if (t == ComputeType::i32) {
    int32_t n;
    std::memcpy(&n, at, 4);
    return n == want.i;
  }
  if (t == ComputeType::i64) return std::memcmp(at, &want.i, 8) == 0;
  if (is_complex(t) && kind == OperandKind::T) {
    size_t half = is_single(t) ? 4 : 8;
    double re = read_real(at, is_single(t)), im = read_real(at + half, is_single(t));
    double size = std::abs(want.c),
           tol = slack * (is_single(t) ? 1e-5 : 1e-13) * (std::isfinite(size) ? std::max(1.0, size) : 1);
    auto near = [&](double got, double expect) {
      return (std::isnan(got) && std::isnan(expect)) || got == expect || std::fabs(got - expect) <= tol;
    };
    return near(re, want.c.real()) && near(im, want.c.imag());
  }
  return close(read_real(at, is_single(t)), want.r, is_single(t), slack);
}

}  // namespace rustorch::expr_test
