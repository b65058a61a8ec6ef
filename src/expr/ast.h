// Syntax tree of the scalar expression language, before types are known.
//
// Operators are calls of named functions ("add", "lt", "where"), so a tree has three kinds of node only.
// Trees are plain values; parsing has no global state and is thread-safe.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rustorch::expr {

/// One node; arguments are indices into Ast::nodes and always smaller than the node's own index.
struct AstNode {
  enum Kind : uint8_t { kNumber, kBool, kName, kCall } kind = kNumber;
  bool integral = false;  // kNumber: written without fraction and exactly an int64
  double value = 0;
  int64_t ivalue = 0;
  std::string name;  // kName, kCall
  std::vector<uint32_t> args;
};

/// A parsed formula. `lets` holds the statements `name = expr;` that precede the result, in order.
struct Ast {
  std::vector<AstNode> nodes;
  std::vector<std::pair<std::string, uint32_t>> lets;
  uint32_t root = 0;
};

/// Parses `name = expr; ...; expr`. Throws RusTorchError(Value) that shows the offending place.
/// Example: parse("t = tanh(x); g * (1 - t*t)").
Ast parse(std::string_view text);

}  // namespace rustorch::expr
