// Plans of the discrete Fourier transform: how a length is cut up, and the roots of unity that it needs.
//
// Everything is built from one core, the lane transform: L independent transforms of one length side by side,
// one in each SIMD lane, as mixed-radix Stockham passes without any shuffling. Columns of an array are lanes
// as they lie. A long row of n = n1*n2 elements is cut in two (Bailey's four steps): lanes over its n2
// columns, roots, a transpose in registers, lanes over its n1 rows. Short rows are cut so that n1 is at most
// L: the columns are transformed in registers, and L / n1 rows share a transpose and the second step. Rows
// that cannot be cut become lanes by register transposes. Lengths with a prime factor above kMaxRadix go
// through Bluestein's convolution of a convenient length. Roots are computed in a wider type and from angles
// reduced to an eighth of a turn. Plans are immutable.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace rustorch::cpu::fft {

constexpr int kMaxRadix = 31;

/// The passes of a lane transform of length m.
template <class T>
struct LanePlan {
  struct Pass {
    int radix;
    int64_t length;    // of the transforms that this pass begins with
    int64_t repeats;   // product of the radices before it
    int64_t twiddles;  // where its roots begin: (radix - 1) for each p < length / radix
    int64_t table;     // where cos and sin of a radix without a kernel of its own begin
  };
  int64_t m = 0;
  std::vector<Pass> passes;
  std::vector<T> roots;
  size_t bytes() const { return roots.size() * sizeof(T) + passes.size() * sizeof(Pass); }
};

enum class PlanKind : uint8_t { Columns, Rows, Real };

template <class T>
struct Plan {
  enum class Way : uint8_t { Lanes, Short, Split, Bluestein } way = Way::Lanes;
  int64_t n = 0;
  int lanes = 1;
  LanePlan<T> lane;  // Lanes: n itself; Split: n1
  // Short and Split: n = n1 * n2. The root for (row k, column c) is in direct, or the product of coarse (of
  // the first column of the group) and fine (of the place in the group).
  int64_t n1 = 0, n2 = 0;
  LanePlan<T> second;
  std::vector<T> direct, coarse, fine;
  // Bluestein: the convolution's length and plan, exp(-i pi k^2 / n), and the transformed filter over its
  // length.
  std::shared_ptr<const Plan<T>> inner;
  std::vector<T> chirp, filter;
  // Real transforms of n = 2h: the plan of the h complex numbers and exp(-2 pi i k / n) for k <= h / 2.
  std::shared_ptr<const Plan<T>> half;
  std::vector<T> real_roots;
  // The same for halves of the short way, planar: for k by lanes and rows of the result, and as rows are
  // read.
  std::vector<T> unpack_roots, pack_roots;

  size_t bytes() const {
    return lane.bytes() + second.bytes() + sizeof(T) * (direct.size() + coarse.size() + fine.size()) +
           sizeof(T) * (chirp.size() + filter.size() + real_roots.size()) +
           sizeof(T) * (unpack_roots.size() + pack_roots.size()) + sizeof(*this);
  }
};

/// exp(-2 pi i k / n), rounded once. Any k >= 0.
template <class T>
void root_of_unity(int64_t k, int64_t n, T* re_im);

/// True when n has no prime factor above kMaxRadix.
bool is_smooth(int64_t n);

/// Builds a plan; Columns asks for lanes whenever n is smooth.
template <class T>
std::shared_ptr<const Plan<T>> make_plan(int64_t n, PlanKind kind);

/// The cached plan, made when it is not there. Throws OutOfMemory.
template <class T>
std::shared_ptr<const Plan<T>> get_plan(int64_t n, PlanKind kind);

/// The plan cache holds the plans used last, within a limit of bytes (RUSTORCH_FFT_PLAN_BYTES, 64 MiB; 0
/// keeps none).
struct PlanCacheStats {
  int64_t plans, bytes, hits, misses;
};
PlanCacheStats plan_cache_stats();
void set_plan_cache_limit(int64_t bytes);

}  // namespace rustorch::cpu::fft
