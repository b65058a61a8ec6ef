// The process's thread pool: parallel loops whose chunks do not depend on the number of threads.
//
// parallel_for cuts [begin, end) at begin + k*grain and runs each chunk exactly once, on any thread, in any
// order. Since the cuts are fixed, a loop that computes each chunk independently (and combines per-chunk
// results in chunk order) gives the same bits for 1..N threads. The caller takes part in the work.
//  - Nested calls, and calls made while another user thread runs a region, run inline on the calling thread.
//  - If chunks throw, the exception of the lowest-numbered failing chunk is rethrown in the caller, as a
//  serial
//    loop would; chunks above it may be skipped.
//  - Workers start lazily, inherit the caller's floating-point mode (rounding, flush-to-zero) for each
//  region,
//    block all signals, and park after a short spin. After fork() the child starts with a fresh pool.
//  - Consecutive loops over the same range give the same chunks to the same threads (cache reuse); threads
//  that
//    finish early take chunks from the others.
#pragma once
#include <cstdint>
#include <type_traits>

#include "rustorch/threads.h"

namespace rustorch {

/// True inside a chunk of a loop that runs on several threads; nested loops run inline then.
bool in_parallel_region();
/// 0 on the thread that started the region (or outside any), 1..num_threads-1 on the others: an index for
/// per-thread scratch memory. Results must not depend on it.
int parallel_thread_index();

/// Whether a loop of a few microseconds should be given to `workers` threads beside the caller: they are
/// awake now, or were asked for so often lately that it pays to let the loop wake them. Only ever a hint.
bool workers_ready(int workers);

namespace detail {
using ChunkCall = void (*)(void* context, int64_t chunk);
/// Runs call(context, c) for every c in [0, nchunks).
void run_chunks(int64_t nchunks, ChunkCall call, void* context);
}  // namespace detail

/// Runs f(c) once for every c in [0, nchunks), on several threads.
template <class F>
void parallel_for_chunks(int64_t nchunks, F&& f) {
  using Fn = std::remove_reference_t<F>;
  if (nchunks == 1) {
    f(int64_t{0});
  } else if (nchunks > 1) {
    detail::run_chunks(
        nchunks, [](void* context, int64_t chunk) { (*static_cast<Fn*>(context))(chunk); },
        const_cast<void*>(static_cast<const void*>(&f)));
  }
}

/// Runs f(b, e) over [begin, end) in chunks [begin + k*grain, min(begin + (k+1)*grain, end)).
/// A grain below 1 counts as 1. Choose it so that a chunk is worth some microseconds.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& f) {
  if (end <= begin) return;
  if (grain < 1) grain = 1;
  if (end - begin <= grain) {
    f(begin, end);
    return;
  }
  const int64_t nchunks = (end - begin - 1) / grain + 1;
  auto chunk = [&](int64_t c) {
    const int64_t b = begin + c * grain;
    f(b, end - b < grain ? end : b + grain);
  };
  parallel_for_chunks(nchunks, chunk);
}

}  // namespace rustorch
