// The blocked product: how a problem is cut, packed and spread over threads. Internal to this folder.
//
// Note [Blocking]. k is cut into depths of at most kMaxDepth; the cut depends on k alone, which fixes the
// rounding of every element. C is cut into tasks whose operands fit the L2 cache: some rows for all columns
// where every thread can take a fair part of them, some columns for all rows while A is small, blocks of rows
// and columns otherwise. An operand is read in place when packing would not pay, packed once for all tasks
// when several tasks use it, or packed by its only task just before use; B in rows can also be packed by the
// first tile that reads a panel. A product of some microseconds is cut into one task for each thread, and
// only when they are awake; every task packs what it needs, since what another core has just written comes
// slowly. No cut but that of k changes a result, so the others may depend on the number of threads, on
// whether they are awake and on whether the call is nested in a parallel loop.
//
// Note [Streaming]. A product whose A, each thread's part of it, does not stay in the L2 cache is limited,
// beside its arithmetic, by how often operands come from farther away and whether the arithmetic waits for
// them. On few threads every thread takes blocks of rows for all columns: it packs its rows of A, under half
// of an L2 cache, once; in its first block of rows it packs B, five panels at a time (or on the way, where B
// is near: rows of a far B collide in the cache when they are fetched panel by panel), for all later ones, or
// again and again to the same place where it has one block of rows; five panels of C stay in cache for all
// depths. The tiles fetch the panel of B that follows, a line every few steps: more at once would take the
// buffers that their own loads need. On many threads, where a copy of B for each would be too many, tasks
// share packed copies as above.
#pragma once
#include <cstdint>

#include "backend/cpu/gemm/gemm.h"

namespace rustorch::cpu::detail {

// Limits that both ways of cutting share.
constexpr int64_t kNearBytes = 2 << 20;    ///< a B up to this size is found in a near cache
constexpr int64_t kMaxPacked = 8 << 20;    ///< elements of one operand packed at a time
constexpr int64_t kWholeABytes = 1 << 20;  ///< an A up to this size stays in the L2 cache for all columns

/// A product with strides instead of transpose flags. prepacked_b, when set, replaces b.
template <class T>
struct Problem {
  int64_t m, n, k;
  const T* a;
  int64_t a_rs, a_cs;  ///< element (i, k) is a[i * a_rs + k * a_cs]; one of them is 1
  const T* b;
  int64_t b_ks, b_ns;  ///< element (k, j) is b[k * b_ks + j * b_ns]; one of them is 1
  T alpha, beta;
  T* c;
  int64_t ldc;
  const T* bias;
  Activation act;
  bool bias_rows = false;                        ///< bias has one value per row of C instead of per column
  const T* prepacked_a = nullptr;                ///< all of A as pack_whole_a makes it; replaces a
  const T* prepacked_b = nullptr;                ///< all of B as packed_b_layout describes
  const T *next_a = nullptr, *next_b = nullptr;  ///< dense operands of the next product of the same shape
};

/// Depth of the blocks along k, from k alone (>= 1 when k >= 1).
int64_t depth_of_blocks(int64_t k);

/// Elements of B packed whole: blocks along k one after the other, in each the panels one after the other.
template <class T>
int64_t packed_b_size(int64_t k, int64_t n);
/// Packs all of B that way, on several threads when it is large.
template <class T>
void pack_whole_b(T* dst, const T* b, int64_t ks, int64_t ns, int64_t k, int64_t n);

/// The same for A.
template <class T>
int64_t packed_a_size(int64_t m, int64_t k);
template <class T>
void pack_whole_a(T* dst, const T* a, int64_t rs, int64_t cs, int64_t m, int64_t k);

/// The product for m, n, k >= 1, if it is one that Note [Streaming] describes; false: it is not.
template <class T>
bool run_streamed(const Problem<T>& p);

/// The product for m, n, k >= 1.
template <class T>
void run_blocked(const Problem<T>& p);

}  // namespace rustorch::cpu::detail
