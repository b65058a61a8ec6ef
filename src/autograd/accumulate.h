// AccumulateGrad: the end of the graph at a leaf; adds what arrives to the leaf's grad.
//
// It owns the leaf; the leaf's meta points back without owning. The hooks of a leaf live in its meta, because
// the node dies with the graphs that lead to it.
#pragma once
#include "autograd/meta.h"

namespace rustorch {

class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& leaf) : leaf_(leaf) { add_result(leaf); }
  ~AccumulateGrad() override;
  const char* name() const override { return "AccumulateGrad"; }
  void apply(Tensor* grads, Tensor* out) override;
  Tensor variable() const override { return leaf_; }
  bool is_leaf() const override { return true; }
  void release_saved() override {}
  NodeExtras* hooks() const override;

 private:
  Tensor leaf_;
};

}  // namespace rustorch
