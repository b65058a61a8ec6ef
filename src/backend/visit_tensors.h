// The tensors of each call of a family, with what the call does to them: visit(call, [](Tensor& t, Role role)
// { ... }).
//
// For whoever has to treat all operands of any call alike: the fallback to the CPU, checks of devices.
// Undefined (optional) tensors are visited as well.
#pragma once
#include "backend/families.h"
#include "backend/families_data.h"
#include "backend/families_linalg.h"
#include "core/tensor_impl.h"

namespace rustorch {

enum class Role : uint8_t { In, Out, InOut };

template <class V>
void visit(MaskedFillCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.mask, Role::In);
}
template <class V>
void visit(RangeCall& c, V&& v) {
  v(c.out, Role::Out);
}
template <class V>
void visit(TriangleCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In);
}
template <class V>
void visit(GatherCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.index, Role::In);
}
template <class V>
void visit(ScatterCall& c, V&& v) {
  v(c.out, Role::InOut), v(c.index, Role::In), v(c.src, Role::In), v(c.base, Role::In);
}
template <class V>
void visit(MaskedSelectCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.mask, Role::In);
}
template <class V>
void visit(MaskedScatterCall& c, V&& v) {
  v(c.out, Role::InOut), v(c.mask, Role::In), v(c.source, Role::In);
}
template <class V>
void visit(RandomCall& c, V&& v) {
  v(c.out, Role::Out), v(c.p, Role::In), v(c.q, Role::In);
}
template <class V>
void visit(ImplicitGradCall& c, V&& v) {
  v(c.out, Role::Out), v(c.x, Role::In), v(c.a, Role::In), v(c.total, Role::In);
}
template <class V>
void visit(ReduceCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.out2, Role::Out);
}
template <class V>
void visit(ArgReduceCall& c, V&& v) {
  v(c.values, Role::Out), v(c.indices, Role::Out), v(c.in, Role::In);
}
template <class V>
void visit(ScanCall& c, V&& v) {
  v(c.out, Role::Out), v(c.indices, Role::Out), v(c.in, Role::In);
}
template <class V>
void visit(OrderCall& c, V&& v) {
  v(c.values, Role::Out), v(c.indices, Role::Out), v(c.in, Role::In);
}
template <class V>
void visit(SearchCall& c, V&& v) {
  v(c.out, Role::Out), v(c.sorted, Role::In), v(c.values, Role::In);
}
template <class V>
void visit(MatmulCall& c, V&& v) {
  v(c.out, c.beta.equal(0) ? Role::Out : Role::InOut), v(c.a, Role::In), v(c.b, Role::In),
      v(c.bias, Role::In);
}
template <class V>
void visit(ConvCall& c, V&& v) {
  v(c.x, c.kind == ConvKind::BackwardData ? Role::Out : Role::In);
  v(c.w, c.kind == ConvKind::BackwardWeight ? Role::Out : Role::In);
  v(c.y, c.kind == ConvKind::Forward ? Role::Out : Role::In);
  v(c.bias, Role::In);
}
template <class V>
void visit(SoftmaxCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.grad, Role::In);
}
template <class V>
void visit(ClassLossCall& c, V&& v) {
  v(c.input, Role::In), v(c.target, Role::In), v(c.weight, Role::In), v(c.out, Role::Out);
  v(c.lse, c.kind == ClassLossKind::CrossEntropy ? Role::Out : Role::In);
  v(c.total_weight, Role::InOut), v(c.grad, Role::In);
}
template <class V>
void visit(PoolCall& c, V&& v) {
  const bool finds = c.kind == PoolKind::Max || c.kind == PoolKind::AdaptiveMax;
  v(c.out, Role::InOut), v(c.in, Role::In);
  v(c.indices, finds ? Role::Out : Role::In), v(c.mask, finds ? Role::Out : Role::In);
}
template <class V>
void visit(NormCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.mean, Role::InOut), v(c.rstd, Role::InOut);
  v(c.weight, Role::In), v(c.bias, Role::In), v(c.grad, Role::In);
  v(c.grad_weight, Role::Out), v(c.grad_bias, Role::Out);
}
template <class V>
void visit(EmbeddingCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.indices, Role::In);
}
template <class V>
void visit(DropoutCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In), v(c.mask, c.kind == DropoutKind::Make ? Role::Out : Role::In);
}
template <class V>
void visit(AttentionCall& c, V&& v) {
  const bool forward = c.kind == AttentionKind::Forward;
  v(c.query, Role::In), v(c.key, Role::In), v(c.value, Role::In);
  v(c.lse, forward ? Role::Out : Role::In), v(c.out, forward ? Role::Out : Role::In), v(c.grad, Role::In);
  v(c.grad_query, Role::Out), v(c.grad_key, Role::Out), v(c.grad_value, Role::Out);
}
template <class V>
void visit(RnnCall& c, V&& v) {
  const bool forward = c.kind == RnnKind::Forward;
  const Role made = forward ? Role::InOut : Role::In;
  v(c.gates, made), v(c.out, made), v(c.cells, made), v(c.w_hh, Role::In), v(c.h0, Role::In);
  v(c.x, Role::In), v(c.w_ih, Role::In), v(c.bias, Role::In), v(c.c0, Role::In), v(c.w_hr, Role::In),
      v(c.b_hh, Role::In), v(c.h_n, Role::InOut), v(c.c_n, Role::InOut);
  v(c.grad_out, Role::In), v(c.grad_h, Role::InOut), v(c.grad_c, Role::InOut);
  v(c.grad_gates, Role::InOut), v(c.grad_hidden, Role::InOut), v(c.grad_w_hr, Role::InOut);
}
template <class V>
void visit(ResampleCall& c, V&& v) {
  v(c.out, Role::InOut), v(c.in, Role::In);
}
template <class V>
void visit(ColumnsCall& c, V&& v) {
  v(c.image, c.fold ? Role::InOut : Role::In), v(c.columns, c.fold ? Role::In : Role::InOut);
}
template <class V>
void visit(FftCall& c, V&& v) {
  v(c.out, Role::Out), v(c.in, Role::In);
}
template <class V>
void visit(LinalgCall& c, V&& v) {
  const bool a_is_read = c.kind == LinalgKind::LuSolve || c.kind == LinalgKind::SolveTriangular ||
                         c.kind == LinalgKind::LdlSolve || c.kind == LinalgKind::Distances;
  v(c.a, a_is_read ? Role::In : Role::InOut), v(c.b, Role::InOut), v(c.s, Role::InOut), v(c.u, Role::InOut);
  v(c.v, Role::InOut), v(c.pivots, Role::InOut), v(c.rank, Role::InOut), v(c.info, Role::InOut);
}

/// Whether one of the call's tensors is of a type that is stored only.
template <class Call>
bool has_stored_only(const Call& call) {
  bool found = false;
  visit(const_cast<Call&>(call), [&](Tensor& t, Role) {  // looks only
    found |= t.defined() && is_stored_only(t.impl()->dtype());
  });
  return found;
}
inline bool has_stored_only(const IndexCall& call) { return is_stored_only(call.data.impl()->dtype()); }
inline bool has_stored_only(const PointwiseCall& call) {
  bool found = false;
  for (int k = 0; k < call.nout; ++k) found |= is_stored_only(call.outs[k].impl()->dtype());
  for (int k = 0; k < call.nin; ++k)
    found |= call.ins[k].is_tensor() && is_stored_only(call.ins[k].tensor->impl()->dtype());
  return found;
}

}  // namespace rustorch
