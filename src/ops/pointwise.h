// The pointwise family: promotion, broadcasting, allocation and the call of the backend, once for all
// operators.
#pragma once
#include "backend/families.h"
#include "rustorch/tensor.h"

namespace rustorch {

/// What an entry's family line says, as bits.
struct PointwiseRules {
  enum : uint32_t {
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
    // uint64 is computed as int64. What an operator makes of the highest bit, which is no sign then:
    kUInt64Bits = 2048,       // the same bits come out for both
    kUInt64Order = 2 * 2048,  // it knows numbers by their order: the highest bits are turned around
    kUInt64Same = 3 * 2048,   // without negative numbers it gives its argument
    kUInt64Zero = 4 * 2048,   // without negative numbers it gives zero
    kUInt64Mask = 7 * 2048,   // none of these: uint64 is refused
    kFloat8 = 16384,          // takes 8-bit floats
    kRowMajor = 32768,        // the result is contiguous however the operands lie
    kWideNumbers = 65536,     // 16-bit floats meet numbers as they are, not rounded to 16 bits
    kRoundedParams = 131072,  // 16-bit floats meet the parameters rounded to 16 bits
  };
};

struct PointwiseOp {
  const char* name;
  const KernelId* kernel;
  uint32_t rules;
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
