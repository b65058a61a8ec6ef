// Sort keys: every dtype as an unsigned integer that orders as the values do (nan last, -0 equal to 0),
// together with the index of the element, so that comparing two pairs is total and stable.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "rustorch/half.h"

namespace rustorch::cpu {

/// Bits that the key of a type takes.
template <class T>
inline constexpr int kKeyBits = std::is_same_v<T, bool> ? 8 : static_cast<int>(sizeof(T) * 8);

template <class T>
using key_t = std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>;

template <class U>
inline U float_key(U bits, U sign, U infinity) {
  if ((bits & ~sign) > infinity) return static_cast<U>(~U(0));  // nan
  if (bits == sign) bits = 0;                                   // -0
  return static_cast<U>(bits & sign ? ~bits : bits | sign);
}

template <class T>
inline key_t<T> order_key(T v) {
  if constexpr (std::is_same_v<T, float>) {
    uint32_t b;
    std::memcpy(&b, &v, 4);
    return float_key<uint32_t>(b, 0x80000000u, 0x7f800000u);
  } else if constexpr (std::is_same_v<T, double>) {
    uint64_t b;
    std::memcpy(&b, &v, 8);
    return float_key<uint64_t>(b, uint64_t{1} << 63, uint64_t{0x7ff} << 52);
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    uint16_t b;
    std::memcpy(&b, &v, 2);
    return float_key<uint16_t>(b, 0x8000u, std::is_same_v<T, Half> ? 0x7c00u : 0x7f80u);
  } else if constexpr (std::is_same_v<T, bool> || std::is_unsigned_v<T>) {
    return static_cast<key_t<T>>(v);
  } else {
    using U = std::make_unsigned_t<T>;
    return static_cast<U>(static_cast<U>(v) ^ (U(1) << (sizeof(T) * 8 - 1)));
  }
}

/// The key whose ascending order is the wanted one.
template <class T>
inline key_t<T> order_key(T v, bool descending) {
  const key_t<T> k = order_key(v);
  constexpr key_t<T> kAll =
      static_cast<key_t<T>>(kKeyBits<T> == 64   ? ~uint64_t{0}
                            : kKeyBits<T> == 32 ? 0xffffffffu
                                                : (uint64_t{1} << (kKeyBits<T> % 64)) - 1);
  return descending ? static_cast<key_t<T>>(k ^ kAll) : k;
}

/// A key of up to 32 bits and an index of 32 bits in one word.
struct Packed {
  uint64_t word;
  static Packed make(uint32_t key, int64_t index) {
    return {uint64_t{key} << 32 | static_cast<uint32_t>(index)};
  }
  int64_t index() const { return static_cast<int64_t>(word & 0xffffffffu); }
  uint64_t key() const { return word >> 32; }
  unsigned digit(int shift, unsigned mask) const {
    return static_cast<unsigned>(word >> (32 + shift)) & mask;
  }
  friend bool operator<(Packed a, Packed b) { return a.word < b.word; }
};

/// A key of 64 bits and its index.
struct Paired {
  uint64_t k;
  int64_t i;
  static Paired make(uint64_t key, int64_t index) { return {key, index}; }
  int64_t index() const { return i; }
  uint64_t key() const { return k; }
  unsigned digit(int shift, unsigned mask) const { return static_cast<unsigned>(k >> shift) & mask; }
  friend bool operator<(const Paired& a, const Paired& b) { return a.k != b.k ? a.k < b.k : a.i < b.i; }
};

template <class T>
using entry_t = std::conditional_t<(sizeof(T) > 4), Paired, Packed>;

}  // namespace rustorch::cpu
