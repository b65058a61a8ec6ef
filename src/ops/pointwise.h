// The pointwise family: promotion, broadcasting, allocation and the call of the backend, once for all
// operators.
#pragma once
#include "backend/families.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// What an entry's family line says, as bits.
struct PointwiseRules {
  enum : uint16_t {
    kFloat = 1,     // integers are computed in the default float type
    kBoolOut = 2,   // the result is bool
    kRealOut = 4,   // a complex operand gives a real result
    kIntegral = 8,  // integers and bool only
    kRefuseComplex = 16,
    kRefuseBool = 32,
    kRefuseFloat = 64,
    kRefuseInt = 128,
    kNoPromote = 256,  // all operands must have one dtype
    kGradient = 512,   // a gradient kernel: operands g, inputs, result
    kSameOut = 1024,   // out= has exactly the dtype of the result
  };
};

struct PointwiseOp {
  const char* name;
  const KernelId* kernel;
  uint16_t rules;
};

Tensor pointwise(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams);
/// Writes into self, which must have the broadcast shape and a dtype the result can be cast to; bumps the
/// version.
void pointwise_inplace(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams,
                       const Tensor& self);
/// Writes into out, resized when it has another shape.
void pointwise_out(const PointwiseOp& op, const Operand* ins, int nin, const Scalar* params, int nparams,
                   const Tensor& out);

}  // namespace rustorch
