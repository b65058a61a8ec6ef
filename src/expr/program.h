// Kernel requests: the text blocks that describe pointwise kernels, parsed into programs.
//
//   kernel gelu_tanh_backward
//     in   self:T grad:T          # T compute type, R its real part, B bool bytes, I int64
//     param alpha:F               # T in the compute type, F double, I int64, B bool
//     out  T                      # T, R, or B (bool, stored as bytes 0/1)
//     types f32 f64
//     expr grad * d(0.5*self*(1+tanh(0.79788456*(self+0.044715*self*self*self))), self)
//     expr.f64 ...                # optional override for the preceding output
//     tensor yes                  # also rendered as calls of tensor ops; "list": operands and results as
//     lists check_zero other            # the caller reports a zero in this operand (integers)
// Several out/expr pairs make a kernel with several outputs. A program is an immutable value.
#pragma once
#include <complex>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expr/graph.h"

namespace rustorch::expr {

enum class OperandKind : uint8_t { T, R, B, I, F };
char operand_kind_letter(OperandKind k);

struct Operand {
  std::string name;
  OperandKind kind = OperandKind::T;
};

struct Output {
  OperandKind kind = OperandKind::T;  // T, R or B
  Ast formula;
  std::vector<std::pair<ComputeType, Ast>> overrides;
  const Ast& formula_for(ComputeType t) const;
};

struct Program {
  std::string name;
  std::vector<Operand> inputs, params;
  std::vector<Output> outputs;
  uint8_t types = 0;  // bit i set: ComputeType i is wanted
  bool tensor = false, tensor_list = false;
  std::string check_zero;
  std::string source;  // the block's text, comments removed

  bool wants(ComputeType t) const { return (types >> static_cast<int>(t)) & 1; }
};

/// Parses one block. Throws Value with the kernel's name and line.
Program parse_request(std::string_view block);
/// Parses a file of blocks; names must be unique.
std::vector<Program> parse_requests(std::string_view text);

/// A program typed for one compute type: roots in graph, one per output, already of the output's type.
struct TypedProgram {
  Graph graph;
  std::vector<NodeId> roots;
  explicit TypedProgram(ComputeType t) : graph(t) {}
};

/// Types, differentiates and simplifies. Functions stay as written (see lower()).
TypedProgram elaborate(const Program& program, ComputeType type);
/// elaborate() with every function that has a definition expanded unless the back end has a body for it.
TypedProgram elaborate_lowered(const Program& program, ComputeType type, HasBody has_body);
/// Type of a value read from an operand.
ValueType operand_type(OperandKind kind, ComputeType type);

/// A value of the interpreter; which member counts follows from the node's type.
struct Value {
  double r = 0;
  int64_t i = 0;
  std::complex<double> c;
  static Value real(double v) { return {v, 0, {}}; }
  static Value integer(int64_t v) { return {0, v, {}}; }
  static Value boolean(bool v) { return {0, v, {}}; }
  static Value complex(std::complex<double> v) { return {0, 0, v}; }
};

/// Reference evaluation in double, int64 (wrapped to 32 bits for i32) or complex<double>.
std::vector<Value> interpret(const TypedProgram& program, const std::vector<Value>& inputs,
                             const std::vector<Value>& params);

}  // namespace rustorch::expr
