// backward(), grad() and custom functions.
#include "autograd/engine.h"
#include "autograd/meta.h"
#include "autograd/record.h"
#include "ops/make.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch::autograd {

namespace {

void add_root(BackwardRequest& request, const Tensor& output, const Tensor& grad, const char* op) {
  RT_CHECK(tensor_requires_grad(output), Autograd, "",
           "element 0 of tensors does not require grad and does not have a grad_fn");
  Tensor g = grad;
  if (!g.defined()) {
    RT_CHECK(output.numel() == 1, Autograd, "", "grad can be implicitly created only for scalar outputs");
    g = ones_like(output);
  } else {
    if (g.sizes() != output.sizes())
      raise_shape("",
                  cat("Mismatch in shape: grad_output[0] has a shape of ", g.sizes(),
                      " and output[0] has a shape of ", output.sizes(), "."),
                  g.sizes(), output.sizes());
    RT_CHECK(g.is_complex() == output.is_complex(), Autograd, op,
             "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch "
             "in dtype: grad_output[0] has a dtype of ",
             g.dtype(), " and output[0] has a dtype of ", output.dtype(), ".");
  }
  request.roots.push_back(gradient_edge(output));
  request.grads.push_back(std::move(g));
}

BackwardRequest make_request(TensorList outputs, TensorList grad_outputs, bool retain_graph,
                             bool create_graph, const char* op) {
  RT_CHECK(grad_outputs.empty() || grad_outputs.size() == outputs.size(), Autograd, op, "got ",
           outputs.size(), " tensors and ", grad_outputs.size(), " gradients");
  BackwardRequest request;
  request.keep_graph = retain_graph || create_graph;
  request.create_graph = create_graph;
  for (size_t i = 0; i < outputs.size(); ++i)
    add_root(request, outputs[i], grad_outputs.empty() ? Tensor() : grad_outputs[i], op);
  return request;
}

}  // namespace

void backward(TensorList outputs, TensorList grad_outputs, bool retain_graph, bool create_graph,
              TensorList inputs) {
  BackwardRequest request = make_request(outputs, grad_outputs, retain_graph, create_graph, "backward");
  for (const Tensor& input : inputs) {
    RT_CHECK(tensor_requires_grad(input), Autograd, "backward",
             "One of the differentiated Tensors does not require grad");
    request.inputs.push_back(gradient_edge(input));
  }
  request.accumulate_inputs = !inputs.empty();
  run_backward(std::move(request));
}

std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs, bool retain_graph,
                         bool create_graph, bool allow_unused) {
  RT_CHECK(!inputs.empty(), Value, "grad", "grad requires non-empty inputs.");
  BackwardRequest request = make_request(outputs, grad_outputs, retain_graph, create_graph, "grad");
  for (const Tensor& input : inputs) {
    RT_CHECK(tensor_requires_grad(input), Autograd, "",
             "One of the differentiated Tensors does not require grad");
    request.inputs.push_back(gradient_edge(input));
  }
  std::vector<Tensor> result = run_backward(std::move(request));
  if (!allow_unused)
    for (const Tensor& t : result)
      RT_CHECK(t.defined(), Autograd, "",
               "One of the differentiated Tensors appears to not have been used in the graph. Set "
               "allow_unused=True if "
               "this is the desired behavior.");
  return result;
}

namespace {

struct CustomNode final : Node {
  std::string name_;
  std::shared_ptr<Context> context;
  detail::BackwardFn fn;
  SavedList saved;
  const char* name() const override { return name_.c_str(); }
  void release_saved() override {
    saved.reset();
    released_ = true;
  }
  void apply(Tensor* grads, Tensor* out) override {
    std::vector<Tensor> results = fn(*context, gather_grads(grads));
    RT_CHECK(results.size() == edges().size(), Autograd, name_,
             "returned an incorrect number of gradients (expected ", edges().size(), ", got ", results.size(),
             ")");
    for (size_t i = 0; i < results.size(); ++i)
      if (wants_edge(i)) out[i] = results[i];
  }
  std::vector<Tensor> unpack() {
    check_not_released(name());
    return saved.unpack(this);
  }
};

}  // namespace

std::vector<Tensor> Context::get_saved_variables() const {
  if (node == nullptr) return to_save;
  return static_cast<CustomNode*>(static_cast<Node*>(node))->unpack();
}

bool Context::needs_input_grad(size_t i) const {
  if (node == nullptr) return false;
  const Node& n = *static_cast<Node*>(node);
  RT_CHECK(i < n.num_args(), Index, "needs_input_grad", "got input ", i, "; the function has ", n.num_args(),
           " inputs");
  return n.wants_arg(i);
}

namespace detail {

std::vector<Tensor> apply_custom(const char* name, std::shared_ptr<Context> context, TensorList inputs,
                                 const std::function<std::vector<Tensor>()>& forward, BackwardFn backward) {
  bool record = needs_grad(inputs);
  std::vector<Tensor> results;
  {
    GradModeGuard off(false);
    results = forward();
  }
  if (!record) return results;
  auto node = make_node<CustomNode>();
  node->name_ = name;
  node->context = context;
  node->fn = std::move(backward);
  for (const Tensor& t : inputs) node->add_input(t);
  for (Tensor& r : results) {
    for (const Tensor& t : inputs)
      if (r.is_same(t)) r = make_alias(r);  // an input handed back is a new result
    bool differentiable = true;
    for (const Tensor& t : context->non_differentiable) differentiable &= !t.is_same(r);
    if (differentiable)
      set_history(r, node);
    else
      node->add_result(r);
  }
  for (const Tensor& t : context->to_save) {
    int64_t nr = -1;
    for (size_t i = 0; i < results.size(); ++i)
      if (results[i].is_same(t)) nr = static_cast<int64_t>(i);
    node->saved.add(nr >= 0 ? Saved::output(t, static_cast<uint32_t>(nr)) : Saved(t));
  }
  context->to_save.clear();
  context->node = static_cast<Node*>(node.get());
  return results;
}

}  // namespace detail

bool gradcheck(const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& f,
               const std::vector<Tensor>& inputs, double eps, double atol, double rtol) {
  std::vector<Tensor> outputs = f(inputs);
  for (size_t o = 0; o < outputs.size(); ++o) {
    if (!outputs[o].is_floating_point()) continue;
    int64_t n = outputs[o].numel();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!tensor_requires_grad(inputs[i])) continue;
      RT_CHECK(inputs[i].dtype() == kFloat64, DType, "gradcheck", "inputs must be float64; got ",
               inputs[i].dtype());
      int64_t m = inputs[i].numel();
      std::vector<double> analytic(static_cast<size_t>(n * m)), numeric(static_cast<size_t>(n * m));
      for (int64_t k = 0; k < n; ++k) {
        Tensor pick = zeros_like(outputs[o]);
        pick.mutable_data_ptr<double>()[k] = 1;
        std::vector<Tensor> again = f(inputs);
        if (!tensor_requires_grad(again[o])) continue;
        Tensor g = grad({again[o]}, {inputs[i]}, {pick.reshape(again[o].sizes())}, false, false, true)[0];
        if (!g.defined()) continue;
        Tensor flat = g.contiguous();
        for (int64_t j = 0; j < m; ++j)
          analytic[static_cast<size_t>(k * m + j)] = flat.const_data_ptr<double>()[j];
      }
      GradModeGuard off(false);
      for (int64_t j = 0; j < m; ++j) {
        std::vector<Tensor> moved = inputs;
        auto at = [&](double delta) {
          Tensor shifted = inputs[i].detach().clone(MemoryFormat::Contiguous);
          shifted.mutable_data_ptr<double>()[j] += delta;
          moved[i] = shifted;
          return f(moved)[o].contiguous();
        };
        Tensor up = at(eps), down = at(-eps);
        for (int64_t k = 0; k < n; ++k)
          numeric[static_cast<size_t>(k * m + j)] =
              (up.const_data_ptr<double>()[k] - down.const_data_ptr<double>()[k]) / (2 * eps);
      }
      for (size_t k = 0; k < analytic.size(); ++k) {
        double difference = std::abs(analytic[k] - numeric[k]);
        RT_CHECK(difference <= atol + rtol * std::abs(numeric[k]), Autograd, "gradcheck",
                 "Jacobian mismatch for output ", o, " with respect to input ", i, " at (",
                 static_cast<int64_t>(k) / m, ", ", static_cast<int64_t>(k) % m, "); got ", analytic[k],
                 "; expected ", numeric[k]);
      }
    }
  }
  return true;
}

}  // namespace rustorch::autograd
