#include "ops/optim_step.h"

#include <array>

#include "autograd/record.h"
#include "autograd/transform_call.h"
#include "backend/compute_backend.h"
#include "core/tensor_impl.h"
#include "ops/copy_common.h"
#include "ops/overlap.h"
#include "rustorch/error.h"

namespace rustorch {
namespace {

constexpr int kMaxLists = 5;  // as opgen allows (families.py)

bool is_written(unsigned written, int list) { return ((written >> list) & 1u) != 0; }

bool is_recorded(const OptimizerStep& step, const TensorList* lists) {
  if (!GradMode::is_enabled()) return false;
  for (int k = 0; k < step.nlists; ++k)
    for (const Tensor& t : lists[k])
      if (t.requires_grad() || (transforming() && transform_active(t))) return true;
  return false;
}

/// The step of parameter i in operators that are recorded.
void step_recorded(const OptimizerStep& step, const TensorList* lists, size_t i, const Scalar* numbers) {
  std::array<Tensor, kMaxLists> ins;
  for (int k = 0; k < step.nlists; ++k) ins[k] = lists[k][i];
  const std::vector<Tensor> values = step.formulas(ins.data(), numbers);
  for (int k = 0, at = 0; k < step.nlists; ++k)
    if (is_written(step.written, k)) ins[k].copy_(values[at++]);
}

void check_params(const char* op, TensorList params) {
  for (const Tensor& p : params) {
    refuse_sparse(op, p);
    RT_CHECK(is_floating_point(p.dtype()), DType, op, "parameters must be floating-point tensors; got ",
             p.dtype());
  }
}

/// `list` has a tensor of its shape and dtype for every parameter.
void check_states(const char* op, TensorList params, TensorList list, const char* name) {
  RT_CHECK(list.size() == params.size(), Value, op, name, " must have one tensor per parameter; got ",
           static_cast<int64_t>(list.size()), "; expected ", static_cast<int64_t>(params.size()));
  for (size_t i = 0; i < list.size(); ++i) {
    refuse_sparse(op, list[i]);
    RT_CHECK(list[i].sizes() == params[i].sizes(), Shape, op, name,
             " must have the shapes of the parameters; got ", list[i].sizes(), "; expected ",
             params[i].sizes());
    RT_CHECK(list[i].dtype() == params[i].dtype(), DType, op, name, " must have the parameter's dtype; got ",
             list[i].dtype(), "; expected ", params[i].dtype());
  }
}

}  // namespace

void prepare_lists(const char* op, const char* const* names, const TensorList* lists, int nlists,
                   unsigned written) {
  const TensorList params = lists[0];
  check_params(op, params);
  for (int k = 1; k < nlists; ++k) check_states(op, params, lists[k], names[k]);
  for (int k = 0; k < nlists; ++k) {
    if (!is_written(written, k)) continue;
    for (size_t i = 0; i < params.size(); ++i) {
      check_writable(op, lists[k][i]);
      for (int other = 0; other < nlists; ++other)
        if (other != k) check_no_partial_overlap(op, lists[k][i], lists[other][i]);
      if (lists[k][i].device().is_cpu() && !transforming()) (void)lists[k][i].impl()->mutable_data<char>();
    }
  }
}

void step_lists(const OptimizerStep& step, const TensorList* lists, const Scalar* numbers, int nnumbers) {
  prepare_lists(step.name, step.lists, lists, step.nlists, step.written);
  const TensorList params = lists[0];
  if (is_recorded(step, lists)) {
    for (size_t i = 0; i < params.size(); ++i) step_recorded(step, lists, i, numbers);
    return;
  }
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].numel() == 0) continue;
    std::array<Tensor, kMaxLists> outs;
    std::array<Operand, kMaxLists> ins{Operand(Scalar(0)), Operand(Scalar(0)), Operand(Scalar(0)),
                                       Operand(Scalar(0)), Operand(Scalar(0))};
    int nout = 0;
    for (int k = 0; k < step.nlists; ++k) {
      ins[k] = Operand(lists[k][i]);
      if (is_written(step.written, k)) outs[nout++] = lists[k][i];
    }
    const ComputeType type = params[i].dtype() == kFloat64 ? ComputeType::f64 : ComputeType::f32;
    backend_for(params[i]).pointwise(
        {*step.kernel, type, outs.data(), nout, ins.data(), step.nlists, numbers, nnumbers});
    for (int k = 0; k < nout; ++k) bump_version(outs[k]);
  }
}

}  // namespace rustorch
