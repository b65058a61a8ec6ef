// Transforms of functions: gradients, products with Jacobians, Jacobians, Hessians, and vmap.
//
//   using namespace rt::func;
//   const auto f = [](const rt::Tensor& x) { return (x * x).sum(); };
//   rt::Tensor g = grad(f)(x), h = hessian(f)(x);
//   rt::Tensor rows = vmap([](const rt::Tensor& row) { return row.softmax(0); })(matrix);
//
// Every transform takes a function and gives one, and they nest. There are two forms: of one tensor
// (TensorFunction), and of lists of them (Function), where `argnums` says which arguments count. The function
// that is transformed must not keep its arguments. Threads: what a transform does belongs to the calling
// thread.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rustorch/tensor.h"

namespace rustorch::func {

using Tensors = std::vector<Tensor>;
using TensorFunction = std::function<Tensor(const Tensor&)>;
using Function = std::function<Tensors(const Tensors&)>;
/// Positions of arguments; negative ones count from the end.
using ArgNums = std::vector<int64_t>;

/// The gradient of f, whose result is one number, by the arguments at argnums. Throws Autograd when it is
/// none.
TensorFunction grad(TensorFunction f);
Function grad(Function f, ArgNums argnums = {0});
/// (gradient, value); in the form of lists the value comes last.
std::pair<Tensor, Tensor> grad_and_value(const TensorFunction& f, const Tensor& x);
Function grad_and_value(Function f, ArgNums argnums = {0});

/// What vjp gives: f(primals), and the function from cotangents to cotangent^T J for every primal.
struct Pullback {
  Tensors output;
  Function pull;
};
Pullback vjp(const Function& f, const Tensors& primals);
std::pair<Tensor, TensorFunction> vjp(const TensorFunction& f, const Tensor& primal);

/// (f(primals), J v) with the tangents as v, by forward mode.
std::pair<Tensors, Tensors> jvp(const Function& f, const Tensors& primals, const Tensors& tangents);
std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const Tensor& primal, const Tensor& tangent);

/// (f(primals), the function v -> J v at these primals): f runs once.
std::pair<Tensors, Function> linearize(const Function& f, const Tensors& primals);

/// The Jacobian, of shape output.shape + input.shape, by reverse mode. In the form of lists: those of the
/// first output by the arguments at argnums, then those of the second, and so on. chunk_size bounds how many
/// rows are computed at once.
TensorFunction jacrev(TensorFunction f, std::optional<int64_t> chunk_size = std::nullopt);
Function jacrev(Function f, ArgNums argnums = {0}, std::optional<int64_t> chunk_size = std::nullopt);
/// The same by forward mode.
TensorFunction jacfwd(TensorFunction f);
Function jacfwd(Function f, ArgNums argnums = {0});
/// The Hessian of a function of one number: forward mode over reverse mode.
TensorFunction hessian(TensorFunction f);
Function hessian(Function f, ArgNums argnums = {0});

/// Options of vmap. Dimensions: one for all, or one for each argument or result; nothing stands for "not
/// sliced".
struct VmapOptions {
  std::vector<std::optional<int64_t>> in_dims = {0};
  std::vector<std::optional<int64_t>> out_dims = {0};
  /// What random operators do: "error", "same" numbers for all slices, "different" ones.
  std::string randomness = "error";
  /// How many slices are computed at a time.
  std::optional<int64_t> chunk_size = std::nullopt;
};
/// f applied to every slice of its arguments, the results joined. Throws Value for arguments that do not fit.
Function vmap(Function f, VmapOptions options = {});
TensorFunction vmap(TensorFunction f, int64_t in_dim = 0, int64_t out_dim = 0);

}  // namespace rustorch::func
