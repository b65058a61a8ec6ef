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

}  // namespace

void check_params(const char* op, TensorList params) {
  for (const Tensor& p : params) {
    refuse_sparse(op, p);
    RT_CHECK(is_floating_point(p.dtype()), DType, op, "parameters must be floating-point tensors; got ",
             p.dtype());
  }
}

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

void step_lists(const OptimizerStep& step, const TensorList* lists, const Scalar* numbers, int nnumbers) {
  const TensorList params = lists[0];
  check_params(step.name, params);
  for (int k = 1; k < step.nlists; ++k) check_states(step.name, params, lists[k], step.lists[k]);
  const auto written = [&](int k) { return ((step.written >> k) & 1u) != 0; };
  for (size_t i = 0; i < params.size(); ++i)
    for (int k = 0; k < step.nlists; ++k) {
      if (!written(k)) continue;
      check_no_overlap(step.name, lists[k][i]);
      for (int other = 0; other < step.nlists; ++other)
        if (other != k) check_no_partial_overlap(step.name, lists[k][i], lists[other][i]);
      if (lists[k][i].device().is_cpu()) (void)lists[k][i].impl()->mutable_data<char>();
    }
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].numel() == 0) continue;
    std::array<Tensor, kMaxLists> outs;
    std::array<Operand, kMaxLists> ins{Operand(Scalar(0)), Operand(Scalar(0)), Operand(Scalar(0)),
                                       Operand(Scalar(0)), Operand(Scalar(0))};
    int nout = 0;
    for (int k = 0; k < step.nlists; ++k) {
      ins[k] = Operand(lists[k][i]);
      if (written(k)) outs[nout++] = lists[k][i];
    }
    const ComputeType type = params[i].dtype() == kFloat64 ? ComputeType::f64 : ComputeType::f32;
    backend_for(params[i]).pointwise(
        {*step.kernel, type, outs.data(), nout, ins.data(), step.nlists, numbers, nnumbers});
    for (int k = 0; k < nout; ++k) bump_version(outs[k]);
  }
}

}  // namespace rustorch
