// The transforms of include/rustorch/func.h, in the steps of the Python package (python/rustorch/func).
//
// Reverse mode has one tape, without levels: a transform gives the function fresh aliases of its inputs
// (linked to the inputs when those require grad) and asks for the gradients of these aliases only. Nesting
// follows.
#include "rustorch/func.h"

#include <algorithm>

#include "autograd/transform_call.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "transform/leave.h"
#include "transform/levels.h"

namespace rustorch::func {

namespace {
/// A function of one tensor as one of lists, and back.
Function many(TensorFunction f) {
  return [f = std::move(f)](const Tensors& in) { return Tensors{f(in.at(0))}; };
}
TensorFunction one(Function f) {
  return [f = std::move(f)](const Tensor& x) { return f({x}).at(0); };
}

/// The positions as numbers from 0, each once.
std::vector<size_t> positions_of(const ArgNums& argnums, size_t count) {
  std::vector<size_t> out;
  const auto n = static_cast<int64_t>(count);
  RT_CHECK(!argnums.empty(), Value, "func", "argnums must be non-empty");
  for (const int64_t a : argnums) {
    RT_CHECK(-n <= a && a < n, Value, "func", "Got argnum=", a, ", but only ", count, " positional inputs");
    const auto at = static_cast<size_t>(a < 0 ? a + n : a);
    RT_CHECK(std::find(out.begin(), out.end(), at) == out.end(), Value, "func",
             "argnums elements must be unique");
    out.push_back(at);
  }
  return out;
}

Tensors pick(const Tensors& args, const std::vector<size_t>& at) {
  Tensors out;
  for (const size_t i : at) out.push_back(args[i]);
  return out;
}
Tensors replace(Tensors args, const Tensors& values, const std::vector<size_t>& at) {
  for (size_t i = 0; i < at.size(); ++i) args[at[i]] = values[i];
  return args;
}
/// f as a function of the arguments at the positions.
Function of_some(Function f, Tensors args, std::vector<size_t> at) {
  return [f = std::move(f), args = std::move(args), at = std::move(at)](const Tensors& some) {
    return f(replace(args, some, at));
  };
}

Tensors variables(const Tensors& in) {
  Tensors out;
  for (const Tensor& t : in) {
    RT_CHECK(t.is_floating_point() || t.is_complex(), Autograd, "func",
             "only Tensors of floating point and complex dtype can require gradients");
    out.push_back(transform_leaf(t, t.requires_grad() && GradMode::is_enabled()));
  }
  return out;
}

/// autograd::grad that gives zeros for what does not depend.
Tensors gradients(const Tensors& outputs, const Tensors& inputs, const Tensors& seeds, bool retain_graph,
                  bool create_graph) {
  Tensors outs, grads, result;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    outs.push_back(outputs[i]);
    grads.push_back(seeds.empty() ? Tensor() : seeds[i]);
  }
  if (!outs.empty()) {
    result = autograd::grad(outs, inputs, grads, retain_graph || create_graph, create_graph, true);
  }
  result.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!result[i].defined()) result[i] = zeros_like(inputs[i]);
  }
  return result;
}

Tensors leave(Tensors all, const Tensors& leaves) {
  Leaving leaving(leaves);
  for (Tensor& t : all) t = leaving(t);
  return all;
}
bool any_reaches(const Tensors& outputs, const Tensors& leaves) {
  Leaving leaving(leaves);
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const Tensor& t) { return leaving.reaches_other(t); });
}

/// A level of the thread for a scope.
class LevelGuard {
 public:
  explicit LevelGuard(std::shared_ptr<DualLevel> dual) {
    push_level({std::move(dual), 0, 0, Randomness::Error});
  }
  LevelGuard(int64_t size, Randomness randomness) : id_(enter_vmap(size, randomness)) {}
  ~LevelGuard() { pop_level(); }
  LevelGuard(const LevelGuard&) = delete;
  LevelGuard& operator=(const LevelGuard&) = delete;
  uint64_t id() const { return id_; }

 private:
  uint64_t id_ = 0;
};
}  // namespace

// ---- reverse mode

Function grad_and_value(Function f, ArgNums argnums) {
  return [f = std::move(f), argnums = std::move(argnums)](const Tensors& args) {
    const EnableGradGuard recording;
    const std::vector<size_t> at = positions_of(argnums, args.size());
    const Tensors inputs = variables(pick(args, at));
    const Tensors output = f(replace(args, inputs, at));
    RT_CHECK(output.size() == 1 && output[0].dim() == 0, Autograd, "grad",
             "Expected f(*args) to return a scalar Tensor, got ", output.size(), " tensors",
             output.size() == 1 ? cat(" with ", output[0].dim(), " dims") : std::string(),
             ". Maybe you wanted to use the vjp or jacrev APIs instead?");
    // The values of batched tensors and the tangents of dual ones may have histories of their own.
    const bool again = any_reaches(output, inputs) || !levels().empty();
    Tensors all = gradients(output, inputs, {}, false, again);
    all.push_back(output[0]);
    return leave(std::move(all), inputs);
  };
}
Function grad(Function f, ArgNums argnums) {
  return [both = grad_and_value(std::move(f), std::move(argnums))](const Tensors& args) {
    Tensors all = both(args);
    all.pop_back();
    return all;
  };
}
TensorFunction grad(TensorFunction f) { return one(grad(many(std::move(f)))); }
std::pair<Tensor, Tensor> grad_and_value(const TensorFunction& f, const Tensor& x) {
  const Tensors all = grad_and_value(many(f))({x});
  return {all[0], all[1]};
}

namespace {
/// The function that pulls cotangents back; create_graph: nothing stands for "where it is needed".
using Pull = std::function<Tensors(const Tensors& cotangents, std::optional<bool> create_graph)>;

std::pair<Tensors, Pull> record(const Function& f, const Tensors& primals) {
  const EnableGradGuard recording;
  const Tensors inputs = variables(primals);
  const Tensors output = f(inputs);
  RT_CHECK(!output.empty(), Value, "vjp", "Expected f to be a function that has non-empty output");
  for (const Tensor& o : output) {
    RT_CHECK(o.is_floating_point() || o.is_complex(), Type, "vjp",
             "All outputs of f must be floating-point or complex Tensors, got Tensor with dtype ", o.dtype());
  }
  const bool needed = any_reaches(output, inputs) || !levels().empty();
  Pull pull = [output, inputs, needed](const Tensors& seeds, std::optional<bool> create_graph) {
    RT_CHECK(seeds.size() == output.size(), Value, "vjp", "got ", seeds.size(), " cotangents; expected ",
             output.size());
    const bool seeded = std::any_of(seeds.begin(), seeds.end(), has_history);
    const bool again = create_graph.value_or((needed || seeded) && GradMode::is_enabled());
    Tensors result = gradients(output, inputs, seeds, true, again);
    return create_graph ? result : leave(std::move(result), inputs);
  };
  return {leave(output, inputs), std::move(pull)};
}
}  // namespace

Pullback vjp(const Function& f, const Tensors& primals) {
  auto [output, pull] = record(f, primals);
  return {std::move(output), [pull = std::move(pull)](const Tensors& c) { return pull(c, std::nullopt); }};
}
std::pair<Tensor, TensorFunction> vjp(const TensorFunction& f, const Tensor& primal) {
  Pullback all = vjp(many(f), {primal});
  return {all.output[0], one(std::move(all.pull))};
}

std::pair<Tensors, Function> linearize(const Function& f, const Tensors& primals) {
  const EnableGradGuard recording;
  auto [output, pull] = record(f, primals);
  Tensors seeds;
  for (const Tensor& o : output) seeds.push_back(zeros_like(o).requires_grad_(true));
  const Tensors back = pull(seeds, true);
  Function push = [back, seeds, output = output](const Tensors& tangents) {
    RT_CHECK(tangents.size() == back.size(), Value, "linearize", "got ", tangents.size(),
             " tangents; expected ", back.size());
    Tensors outs, vs, products;
    for (size_t i = 0; i < back.size(); ++i) {
      RT_CHECK(tangents[i].sizes() == back[i].sizes(), Value, "linearize",
               "Expected the tangents to have the same shape as the primals; got ", tangents[i].sizes(),
               " and ", back[i].sizes());
      if (!back[i].requires_grad()) continue;
      outs.push_back(back[i]);
      vs.push_back(tangents[i]);
    }
    if (!outs.empty()) products = autograd::grad(outs, seeds, vs, true, false, true);
    products.resize(seeds.size());
    for (size_t i = 0; i < seeds.size(); ++i) {
      if (!products[i].defined()) products[i] = zeros_like(output[i]);
    }
    return products;
  };
  return {std::move(output), std::move(push)};
}

// ---- forward mode

std::pair<Tensors, Tensors> jvp(const Function& f, const Tensors& primals, const Tensors& tangents) {
  RT_CHECK(!primals.empty() && primals.size() == tangents.size(), Value, "jvp", "got ", primals.size(),
           " primals and ", tangents.size(), " tangents");
  const auto level = std::make_shared<DualLevel>();
  const LevelGuard guard(level);
  Tensors duals;
  for (size_t i = 0; i < primals.size(); ++i) {
    const Tensor &p = primals[i], &v = tangents[i];
    RT_CHECK(p.is_floating_point() || p.is_complex(), Value, "jvp",
             "Expected primal to be floating point or complex, but got: ", p.dtype());
    RT_CHECK(p.sizes() == v.sizes() && p.dtype() == v.dtype(), Value, "jvp",
             "a tangent must have the shape and dtype of its primal; got ", v.sizes(), " ", v.dtype(),
             "; expected ", p.sizes(), " ", p.dtype());
    duals.push_back(make_dual(p, v, level));
  }
  const Tensors result = f(duals);
  RT_CHECK(!result.empty(), Value, "jvp", "Expected f to be a function that has non-empty output");
  Tensors values, products;
  for (const Tensor& t : result) {
    const Tensor tangent = tangent_of(t, level);
    values.push_back(primal_of(t, level));
    products.push_back(tangent.defined() ? tangent : zeros_like(values.back()));
  }
  return {std::move(values), std::move(products)};
}
std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const Tensor& primal, const Tensor& tangent) {
  const auto [values, products] = jvp(many(f), {primal}, {tangent});
  return {values[0], products[0]};
}

// ---- Jacobians

namespace {
/// The identity of all elements, as one (total, *shape) block per tensor.
Tensors basis(const Tensors& tensors) {
  int64_t total = 0, start = 0;
  for (const Tensor& t : tensors) total += t.numel();
  Tensors blocks;
  for (const Tensor& t : tensors) {
    const Tensor block = t.new_zeros({total, t.numel()});
    block.diagonal(-start).fill_(Scalar(1));
    std::vector<int64_t> shape = {total};
    shape.insert(shape.end(), t.sizes().begin(), t.sizes().end());
    blocks.push_back(block.reshape(shape));
    start += t.numel();
  }
  return blocks;
}
std::vector<int64_t> joined(IntArrayRef a, IntArrayRef b) {
  std::vector<int64_t> out = a.vec();
  out.insert(out.end(), b.begin(), b.end());
  return out;
}
void refuse_complex(const char* name, const Tensors& all) {
  for (const Tensor& t : all) {
    RT_CHECK(!t.is_complex(), Type, name,
             "Expected all inputs and outputs to be real but received complex tensor");
  }
}
}  // namespace

Function jacrev(Function f, ArgNums argnums, std::optional<int64_t> chunk_size) {
  RT_CHECK(!chunk_size || *chunk_size > 0, Value, "jacrev", "`chunk_size` should be greater than 0.");
  return [f = std::move(f), argnums = std::move(argnums), chunk_size](const Tensors& args) {
    refuse_complex("jacrev", args);
    const std::vector<size_t> at = positions_of(argnums, args.size());
    const Tensors inputs = pick(args, at);
    const Pullback both = vjp(of_some(f, args, at), inputs);
    refuse_complex("jacrev", both.output);
    VmapOptions options;
    options.chunk_size = chunk_size;
    const Tensors columns = vmap(both.pull, options)(basis(both.output));
    Tensors blocks;
    int64_t start = 0;
    for (const Tensor& o : both.output) {
      for (size_t i = 0; i < inputs.size(); ++i) {
        blocks.push_back(
            columns[i].narrow(0, start, o.numel()).reshape(joined(o.sizes(), inputs[i].sizes())));
      }
      start += o.numel();
    }
    return blocks;
  };
}

Function jacfwd(Function f, ArgNums argnums) {
  return [f = std::move(f), argnums = std::move(argnums)](const Tensors& args) {
    refuse_complex("jacfwd", args);
    const std::vector<size_t> at = positions_of(argnums, args.size());
    const Tensors inputs = pick(args, at);
    const Function some = of_some(f, args, at);
    const Function push = [&](const Tensors& tangents) {
      auto [values, products] = jvp(some, inputs, tangents);
      refuse_complex("jacfwd", values);
      return products;
    };
    Tensors blocks;
    for (const Tensor& c : vmap(push)(basis(inputs))) {
      int64_t start = 0;
      for (const Tensor& x : inputs) {
        const Tensor part = c.narrow(0, start, x.numel()).movedim(0, -1);
        blocks.push_back(part.reshape(joined(c.sizes().slice(1), x.sizes())));
        start += x.numel();
      }
    }
    return blocks;
  };
}

Function hessian(Function f, ArgNums argnums) {
  Function first = jacrev(std::move(f), argnums);
  return jacfwd(std::move(first), std::move(argnums));
}

TensorFunction jacrev(TensorFunction f, std::optional<int64_t> chunk_size) {
  return one(jacrev(many(std::move(f)), {0}, chunk_size));
}
TensorFunction jacfwd(TensorFunction f) { return one(jacfwd(many(std::move(f)))); }
TensorFunction hessian(TensorFunction f) { return one(hessian(many(std::move(f)))); }

// ---- vmap

namespace {
using Dims = std::vector<std::optional<int64_t>>;

/// A dimension for each of count tensors.
Dims spread(const Dims& dims, size_t count, const char* what) {
  if (dims.size() == 1) return Dims(count, dims[0]);
  RT_CHECK(dims.size() == count, Value, "vmap", what, " has ", dims.size(), " entries; expected ", count);
  return dims;
}

/// The size of the sliced dimensions, which is the same for all.
int64_t batch_size(const Tensors& args, const Dims& dims) {
  std::optional<int64_t> size;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!dims[i]) continue;
    RT_CHECK(-args[i].dim() <= *dims[i] && *dims[i] < args[i].dim(), Value, "vmap", "Got in_dim=", *dims[i],
             " for some input, but that input is a Tensor of dimensionality ", args[i].dim());
    const int64_t n = args[i].size(*dims[i]);
    RT_CHECK(!size || *size == n, Value, "vmap",
             "Expected all tensors to have the same size in the mapped dimension, got sizes ",
             size.value_or(n), " and ", n);
    size = n;
  }
  RT_CHECK(size.has_value(), Value, "vmap", "at least one argument must be sliced");
  return *size;
}

/// An output with its batch dimension at dim.
Tensor taken_out(const Tensor& output, Tensor value, std::optional<int64_t> dim, int64_t size) {
  if (!dim) {
    RT_CHECK(!value.defined(), Value, "vmap", "a result can not be batched when its out_dim is absent");
    return output;
  }
  if (!value.defined()) value = output.unsqueeze(0).expand(joined({size}, output.sizes()));
  RT_CHECK(-value.dim() <= *dim && *dim < value.dim(), Index, "vmap",
           "Dimension out of range (expected to be in range of [", -value.dim(), ", ", value.dim() - 1,
           "], but got ", *dim, ")");
  return *dim == 0 ? value : value.movedim(0, *dim);
}

Randomness randomness_of(const std::string& name) {
  RT_CHECK(name == "error" || name == "different" || name == "same", Value, "vmap",
           "Only allowed values for randomness are 'error', 'different', or 'same'. Got ", name);
  return name == "same" ? Randomness::Same : name == "different" ? Randomness::Different : Randomness::Error;
}

Tensors run_slices(const Function& f, const Tensors& args, const Dims& dims, int64_t size,
                   const VmapOptions& o) {
  Tensors outputs, values;
  {
    const LevelGuard level(size, randomness_of(o.randomness));
    Tensors batched;
    for (size_t i = 0; i < args.size(); ++i) {
      const Tensor first = dims[i] && *dims[i] != 0 ? args[i].movedim(*dims[i], 0) : args[i];
      batched.push_back(dims[i] ? wrap_batch(first, level.id()) : args[i]);
    }
    outputs = f(batched);
    for (const Tensor& t : outputs) values.push_back(batch_value(t, level.id()));
  }
  const Dims out_dims = spread(o.out_dims, outputs.size(), "out_dims");
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = taken_out(outputs[i], values[i], out_dims[i], size);
  }
  return outputs;
}

Tensors run_chunks(const Function& f, const Tensors& args, const Dims& dims, int64_t size,
                   const VmapOptions& o) {
  Generator& generator = default_generator();
  const std::vector<uint8_t> state = generator.get_state();
  std::vector<Tensors> columns;
  for (int64_t start = 0; start < size; start += *o.chunk_size) {
    const int64_t n = std::min(*o.chunk_size, size - start);
    Tensors piece;
    for (size_t i = 0; i < args.size(); ++i) {
      piece.push_back(dims[i] ? args[i].narrow(*dims[i], start, n) : args[i]);
    }
    if (o.randomness == "same") generator.set_state(state);
    const Tensors part = run_slices(f, piece, dims, n, o);
    columns.resize(part.size());
    for (size_t i = 0; i < part.size(); ++i) columns[i].push_back(part[i]);
  }
  const Dims out_dims = spread(o.out_dims, columns.size(), "out_dims");
  Tensors joined_up;
  for (size_t i = 0; i < columns.size(); ++i) {
    joined_up.push_back(out_dims[i] ? cat(TensorList(columns[i]), *out_dims[i]) : columns[i][0]);
  }
  return joined_up;
}
}  // namespace

Function vmap(Function f, VmapOptions options) {
  RT_CHECK(!options.chunk_size || *options.chunk_size > 0, Value, "vmap",
           "chunk_size should be absent or greater than 0.");
  randomness_of(options.randomness);
  return [f = std::move(f), o = std::move(options)](const Tensors& args) {
    const Dims dims = spread(o.in_dims, args.size(), "in_dims");
    const int64_t size = batch_size(args, dims);
    const bool chunks = o.chunk_size && *o.chunk_size < size;
    return chunks ? run_chunks(f, args, dims, size, o) : run_slices(f, args, dims, size, o);
  };
}
TensorFunction vmap(TensorFunction f, int64_t in_dim, int64_t out_dim) {
  VmapOptions options;
  options.in_dims = {in_dim};
  options.out_dims = {out_dim};
  return one(vmap(many(std::move(f)), std::move(options)));
}

}  // namespace rustorch::func
