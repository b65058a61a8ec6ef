// Families on types that are stored only (16- to 64-bit unsigned integers, 8-bit floats, complex32 and
// bcomplex32): the tensors of a call are replaced by wide ones, the call runs, and what it wrote is brought
// back.
//
// uint64 becomes int64 in one of two ways, or float64. `Bits` keeps the bits: right for sums, products and
// tests for zero, which do not know a sign. `Order` turns the highest bit around, so that the order is kept:
// right for extremes, sorting and searching. `Real` is for results that are floats.
#pragma once
#include <array>
#include <utility>

#include "backend/cpu/copy.h"
#include "backend/visit_tensors.h"
#include "rustorch/error.h"

namespace rustorch::cpu {

enum class Unsigned : uint8_t { Bits, Order, Real };

/// Refuses with PyTorch's words what has no meaning, or no kernel, for such a type.
[[noreturn]] void refuse_type(const char* family, DType t);

/// Throws refuse_type() for the first tensor of a stored-only type.
template <class Call>
void refuse_stored_only(const char* family, const Call& call) {
  visit(const_cast<Call&>(call), [&](Tensor& t, Role) {
    if (t.defined() && is_stored_only(t.impl()->dtype())) refuse_type(family, t.impl()->dtype());
  });
}

/// A contiguous tensor of the wide type with t's elements (uninitialised when it is only written).
Tensor widened(const Tensor& t, Unsigned how, bool read);
/// t = wide, converted back.
void narrow_back(const Tensor& t, const Tensor& wide, Unsigned how);

/// Runs the call on wide copies. float8: whether 8-bit floats are computed at all.
template <class Call, class F>
void run_widened(const char* family, const Call& call, Unsigned how, bool float8, F&& run) {
  Call wide = call;
  std::array<std::pair<Tensor, Tensor>, 4> written;
  size_t count = 0;
  visit(wide, [&](Tensor& t, Role role) {
    if (!t.defined() || !is_stored_only(t.impl()->dtype())) return;
    if (is_opaque(t.dtype()) || (is_float8(t.dtype()) && !float8)) refuse_type(family, t.dtype());
    Tensor w = widened(t, how, role != Role::Out);
    if (role != Role::In) {
      RT_CHECK(count < written.size(), Internal, family, "too many results");
      written[count++] = {t, w};
    }
    t = w;
  });
  run(std::as_const(wide));
  for (size_t i = 0; i < count; ++i) narrow_back(written[i].first, written[i].second, how);
}

// ---- families that compute: on wide copies where a type is stored only
void run_reduce(const ReduceCall& call);
void run_arg_reduce(const ArgReduceCall& call);
void run_scan(const ScanCall& call);
void run_order(const OrderCall& call);
void run_search(const SearchCall& call);
void run_scatter(const ScatterCall& call);
void run_index(const IndexCall& call);
void run_matmul(const MatmulCall& call);
void run_convolution(const ConvCall& call);

}  // namespace rustorch::cpu
