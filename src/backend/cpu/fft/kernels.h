// The SIMD kernels of the Fourier transform, one table for each instruction set and type.
//
// A planar row holds one element of every lane: L real parts, then L imaginary parts. An interleaved row
// holds L neighbouring complex numbers. `swap` exchanges real and imaginary parts on the way in or out of
// interleaved rows: doing so on both ends turns the forward transform into the inverse.
#pragma once
#include <cstdint>

#include "backend/cpu/fft/plan.h"

namespace rustorch::cpu::fft {

/// Rows of one end of a lane transform.
template <class T>
struct Rows {
  T* data;
  int64_t stride;  // in T
  bool planar;
};

template <class T>
struct Kernels {
  int lanes;
  /// L transforms at once. work: 2 * m planar rows. A planar result goes to its second half when to.data is
  /// null.
  void (*lane_transform)(const LanePlan<T>& plan, Rows<const T> from, Rows<T> to, bool swap, T scale,
                         T* work);
  /// Planar rows [m] from, or to, `count` <= L rows of m complex numbers.
  void (*load_rows)(const T* const* rows, int64_t m, int count, bool swap, T* planar);
  void (*store_rows)(const T* planar, int64_t m, int count, bool swap, T scale, T* const* rows);
  /// Split plans: group g of the columns of a row, into its places in scratch.
  void (*split_columns)(const Plan<T>& plan, const T* row, int64_t group, bool swap, T* scratch, T* work);
  /// Split plans: group g of the rows, from scratch to the result.
  void (*split_rows)(const Plan<T>& plan, const T* scratch, int64_t group, bool swap, T scale, T* row,
                     T* work);
  /// Short plans: L / n1 rows at once. work: 3 * n2 planar rows.
  void (*short_rows)(const Plan<T>& plan, const T* const* from, T* const* to, bool swap, T scale, T* work);
  /// The same for rows of 2n real numbers to n + 1 complex ones, and back; roots of the real plan.
  void (*short_real)(const Plan<T>& plan, const T* const* from, T* const* to, T scale, const T* unpack_roots,
                     T* work);
  void (*short_real_inverse)(const Plan<T>& plan, const T* const* from, T* const* to, T scale,
                             const T* pack_roots, T* work);
  /// y = (swapped a) * b, or swapped(a * b): swap_in, swap_out; n complex numbers; y may be a.
  void (*multiply)(const T* a, const T* b, int64_t n, bool swap_in, bool swap_out, T* y);
  /// The two below on planar rows, for all lanes at once. unpack: h rows -> h + 1. pack: h + 1 rows -> h,
  /// real and imaginary parts exchanged, so that a forward transform of them is the inverse with its parts
  /// exchanged.
  void (*unpack_planar)(T* planar, int64_t h, const T* roots);
  void (*pack_planar)(T* planar, int64_t h, const T* roots);
  /// In place: transform of h complex numbers (x[2j], x[2j+1]) -> the h + 1 first of that of x.
  void (*unpack_real)(T* x, int64_t h, const T* roots);
  /// The other way: h + 1 numbers -> h whose inverse transform is (x[2j], x[2j+1]); y may be x.
  void (*pack_real)(const T* x, int64_t h, const T* roots, T* y);
};

const Kernels<float>& kernels_f32();
const Kernels<double>& kernels_f64();
template <class T>
const Kernels<T>& kernels() {
  if constexpr (sizeof(T) == 4) {
    return kernels_f32();
  } else {
    return kernels_f64();
  }
}

}  // namespace rustorch::cpu::fft
