// Tangents through operators: the rules of forward mode.
//
// Note [Tangents by the gradient formula]: where an operator has no rule of its own, its gradient formula is
// used. It gives u -> u^T J, which is linear in u, so the gradient of u^T J with respect to u, weighted by v,
// is J v. The operator runs once, on twins of its arguments that require grad.
#include "ops/make.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"
#include "transform/rules.h"

namespace rustorch {

namespace {

using Kind = Value::Kind;

bool can_have_tangent(const Tensor& t) { return t.defined() && is_differentiable(t.dtype()); }

struct Push {
  const OpInfo& info;
  std::shared_ptr<DualLevel> level;
  const Value* args;
  Value* results;
  std::vector<Value> tangents;  // like args; undefined where there is none
  bool any = false;

  Push(const OpInfo& op, std::shared_ptr<DualLevel> at, const Value* v, Value* r)
      : info(op), level(std::move(at)), args(v), results(r), tangents(op.nargs) {
    for (int i = 0; i < op.nargs; ++i) {
      Value& t = tangents[static_cast<size_t>(i)];
      if (!op.args[i].grad) continue;
      if (v[i].kind == Kind::Tensor) t.tensor_value = get(v[i].tensor_value);
      for (const Tensor& x : v[i].tensor_list) t.tensor_list.push_back(get(x));
      for (const auto& x : v[i].opt_list) t.tensor_list.push_back(x.has_value() ? get(*x) : Tensor());
    }
  }
  Tensor get(const Tensor& t) {
    if (!can_have_tangent(t)) return {};
    Tensor tangent = tangent_of(t, level);
    any |= tangent.defined();
    return tangent;
  }
  bool complex() const {
    for (int i = 0; i < info.nargs; ++i)
      if (args[i].kind == Kind::Tensor && args[i].tensor_value.defined() && args[i].tensor_value.is_complex())
        return true;
    return false;
  }

  /// The tangent of argument i, zeros where it has none.
  Tensor filled(const Tensor& tangent, const Tensor& primal) const {
    return tangent.defined() || !can_have_tangent(primal) ? tangent : zeros_like(primal);
  }
  void call_primal() { info.call(args, results); }
  bool is_argument(const Tensor& t) const {
    for (int i = 0; i < info.nargs; ++i) {
      if (args[i].kind == Kind::Tensor && args[i].tensor_value.is_same(t)) return true;
      for (const Tensor& x : args[i].tensor_list)
        if (x.is_same(t)) return true;
    }
    return false;
  }
  void attach(const Tensor& result, const Tensor& tangent) {
    if (!tangent.defined() || !can_have_tangent(result) || is_argument(result)) return;
    Tensor t = tangent;
    if (t.dtype() != result.dtype())
      t = t.is_complex() && !result.is_complex() ? real(t).to(result.dtype()) : t.to(result.dtype());
    if (t.sizes() != result.sizes()) t = expand(t, result.sizes());
    set_tangent(result, level, t);
  }
  void attach_all(const Value* values) {
    if (info.nresults < 0) {
      for (size_t k = 0; k < results[0].tensor_list.size(); ++k)
        attach(results[0].tensor_list[k], values[0].tensor_list[k]);
      return;
    }
    for (int k = 0; k < info.nresults; ++k)
      if (results[k].kind == Kind::Tensor) attach(results[k].tensor_value, values[k].tensor_value);
  }

  // ---- rules

  /// The operator applied to the tangents of all arguments at once.
  void linear() {
    std::vector<Value> with(args, args + info.nargs);
    for (int i = 0; i < info.nargs; ++i) {
      if (!info.args[i].grad) continue;
      Value& t = tangents[static_cast<size_t>(i)];
      Value& a = with[static_cast<size_t>(i)];
      if (a.kind == Kind::Tensor) a.tensor_value = filled(t.tensor_value, args[i].tensor_value);
      for (size_t k = 0; k < a.tensor_list.size(); ++k)
        a.tensor_list[k] = filled(t.tensor_list[k], args[i].tensor_list[k]);
    }
    std::vector<Value> out(static_cast<size_t>(std::max<int>(info.nresults, 1)));
    info.call(with.data(), out.data());
    attach_all(out.data());
  }

  /// A product: the operator with one argument after the other replaced by its tangent. A bias is only added.
  void multilinear() {
    Tensor sum;
    const Tensor& result = results[0].tensor_value;
    for (int i = 0; i < info.nargs; ++i) {
      const Tensor& t = tangents[static_cast<size_t>(i)].tensor_value;
      if (!t.defined()) continue;
      Tensor part;
      if (std::string_view(info.args[i].name) == "bias") {
        part = t;
        const bool channels_second = std::string_view(info.name) == "convolution";
        for (int64_t d = 2; channels_second && d < result.dim(); ++d) part = part.unsqueeze(-1);
      } else {
        std::vector<Value> with(args, args + info.nargs);
        with[static_cast<size_t>(i)].tensor_value = t;
        for (int b = 0; b < info.nargs; ++b)
          if (std::string_view(info.args[b].name) == "bias") with[static_cast<size_t>(b)] = Value();
        Value out;
        info.call(with.data(), &out);
        part = out.tensor_value;
      }
      sum = sum.defined() ? add(sum, part) : part;
    }
    attach(result, sum);
  }

  /// See Note [Tangents by the gradient formula]. Gives the tangents; results are set too.
  std::vector<Tensor> by_gradient(bool writes);
};

/// The arguments with twins that require grad in the places that have a tangent.
struct Twins {
  std::vector<Value> args;
  std::vector<Tensor> inputs, tangents;
  Twins(const Push& push, bool record) : args(push.args, push.args + push.info.nargs) {
    auto twin = [&](Tensor& t, const Tensor& tangent) {
      if (!tangent.defined()) return;
      t = transform_leaf(t, record && t.requires_grad());
      inputs.push_back(t);
      tangents.push_back(tangent);
    };
    for (size_t i = 0; i < args.size(); ++i) {
      const Value& from = push.tangents[i];
      if (args[i].kind == Kind::Tensor) twin(args[i].tensor_value, from.tensor_value);
      if (!push.info.args[i].grad) continue;
      for (size_t k = 0; k < args[i].tensor_list.size(); ++k)
        twin(args[i].tensor_list[k], from.tensor_list[k]);
      for (size_t k = 0; k < args[i].opt_list.size(); ++k)
        if (args[i].opt_list[k].has_value()) twin(*args[i].opt_list[k], from.tensor_list[k]);
    }
  }
};

bool inside_vmap() {
  for (const Level& level : levels())
    if (!level.dual) return true;
  return false;
}

bool wants_history(const Value& v) {
  bool on = v.kind == Kind::Tensor && v.tensor_value.defined() && v.tensor_value.requires_grad();
  for (const Tensor& t : v.tensor_list) on |= t.defined() && t.requires_grad();
  for (const auto& t : v.opt_list) on |= t.has_value() && t->requires_grad();
  return on;
}

std::vector<Tensor> Push::by_gradient(bool writes) {
  const bool grad_mode = GradMode::is_enabled();
  bool record = false;
  for (int i = 0; i < info.nargs; ++i)
    record |= wants_history(args[i]) || wants_history(tangents[static_cast<size_t>(i)]);
  record &= grad_mode;
  std::vector<Tensor> outs;
  std::vector<Tensor> products;
  {
    const EnableGradGuard on;
    Twins twins(*this, record);
    std::vector<Value> made(static_cast<size_t>(std::max<int>(info.nresults, 1)));
    if (writes) {
      twins.args[0].tensor_value = clone(twins.args[0].tensor_value);
      info.call(twins.args.data(), made.data());
      outs.push_back(twins.args[0].tensor_value);
    } else {
      info.call(twins.args.data(), made.data());
      if (info.nresults < 0)
        outs = made[0].tensor_list;
      else
        for (int k = 0; k < info.nresults; ++k) outs.push_back(made[static_cast<size_t>(k)].tensor_value);
    }
    std::vector<Tensor> roots, seeds;
    std::vector<size_t> at;
    for (size_t k = 0; k < outs.size(); ++k) {
      if (!can_have_tangent(outs[k]) || !outs[k].requires_grad()) continue;
      roots.push_back(outs[k]);
      // Any value serves a linear formula. At 1 those that take its logarithm (logcumsumexp) have a
      // derivative; at 0 those of several results that refuse some cotangents (svd) refuse none.
      seeds.push_back((outs.size() == 1 ? ones_like(outs[k]) : zeros_like(outs[k])).requires_grad_());
      at.push_back(k);
    }
    products.resize(outs.size());
    if (!roots.empty()) {
      std::vector<Tensor> back = autograd::grad(roots, twins.inputs, seeds, true, true, true);
      std::vector<Tensor> ends, weights;
      for (size_t i = 0; i < back.size(); ++i)
        if (back[i].defined() && back[i].requires_grad()) {
          ends.push_back(back[i]);
          weights.push_back(twins.tangents[i]);
        }
      if (!ends.empty()) {
        const bool again = grad_mode && (record || inside_vmap());
        std::vector<Tensor> all = autograd::grad(ends, seeds, weights, true, again, true);
        for (size_t k = 0; k < all.size(); ++k) products[at[k]] = all[k];
      }
    }
  }
  if (!writes && !record)
    for (Tensor& t : outs)
      if (t.defined() && t.requires_grad()) t = transform_detach(t, true);
  if (!writes) {
    if (info.nresults < 0)
      results[0] = Value(outs);
    else
      for (int k = 0; k < info.nresults; ++k) results[k] = Value(outs[static_cast<size_t>(k)]);
  }
  return products;
}

/// Whether `from` has a batch dimension that `into` has not, so that it cannot be written there.
bool lacks_batch(const Tensor& into, const Tensor& from) {
  for (const Level& level : levels())
    if (!level.dual && has_batch(from, level.id) && !has_batch(into, level.id)) return true;
  return false;
}

/// Writes the new tangent of a tensor that was written in place.
void write_tangent(const Push& push, const Tensor& self, Tensor tangent) {
  Tensor own = tangent_of(self, push.level);
  if (!tangent.defined() && !own.defined()) return;
  if (tangent.defined()) {
    if (tangent.dtype() != self.dtype())
      tangent = tangent.is_complex() && !self.is_complex() ? real(tangent).to(self.dtype())
                                                           : tangent.to(self.dtype());
    if (tangent.sizes() != self.sizes()) tangent = expand(tangent, self.sizes());
  }
  const AutogradMeta* meta = meta_of(self);
  const bool view = meta != nullptr && meta->is_view();
  if (view && (!own.defined() || (tangent.defined() && lacks_batch(own, tangent)))) {
    const Tensor base = meta->view_base;  // what is written through a view is written into its base
    const Tensor before = tangent_of(base, push.level);
    Tensor like = tangent.defined() ? tangent : self;
    if (before.defined()) like = add(sum(like), sum(before));  // has the batch dimensions of both
    int64_t reach = 1;
    for (int64_t d = 0; d < base.dim(); ++d) reach += (base.size(d) - 1) * base.stride(d);
    Tensor whole = transform_zeros({std::max<int64_t>(reach, 0)}, like);
    whole = as_strided(whole, base.sizes(), base.strides(), 0);
    if (before.defined()) copy_(whole, before);
    drop_tangent(self, push.level);
    set_tangent(base, push.level, whole);
    own = tangent_of(self, push.level);
  }
  if (!own.defined() || (own.requires_grad() && own.is_leaf()) ||
      (tangent.defined() && lacks_batch(own, tangent))) {
    set_tangent(self, push.level, tangent.defined() ? clone(tangent) : zeros_like(self));
    return;
  }
  if (tangent.defined())
    copy_(own, tangent);
  else
    zero_(own);
}

void push_inplace(Push& push) {
  const OpInfo& info = push.info;
  const Tensor self = push.args[0].tensor_value;
  Tensor tangent;
  if (push.any && info.jvp == JvpRule::Formula && !push.complex()) {
    Value result;
    info.base->call(push.args, &result);
    tangent = info.push(push.args, push.tangents.data(), result.tensor_value);
  } else if (push.any && info.jvp != JvpRule::None) {
    tangent = push.by_gradient(true)[0];
  }
  info.call(push.args, push.results);
  write_tangent(push, self, tangent);
}

}  // namespace

void push_forward(const OpInfo& info, int depth, const Value* args, Value* results) {
  std::shared_ptr<DualLevel> level = levels()[static_cast<size_t>(depth - 1)].dual;
  Push push(info, std::move(level), args, results);
  const HiddenLevels hidden(depth);
  if (info.inplace) return push_inplace(push);
  if (!push.any || info.jvp == JvpRule::None) return push.call_primal();
  switch (info.jvp) {
    case JvpRule::View:
    case JvpRule::Linear:
      push.call_primal();
      return push.linear();
    case JvpRule::Multilinear:
      push.call_primal();
      return push.multilinear();
    case JvpRule::Formula:
      if (!push.complex()) {
        push.call_primal();
        return push.attach(results[0].tensor_value,
                           info.push(args, push.tangents.data(), results[0].tensor_value));
      }
      [[fallthrough]];
    default: {
      std::vector<Tensor> products = push.by_gradient(false);
      if (info.nresults < 0) {
        for (size_t k = 0; k < products.size(); ++k) push.attach(results[0].tensor_list[k], products[k]);
      } else {
        for (size_t k = 0; k < products.size(); ++k)
          if (results[k].kind == Kind::Tensor) push.attach(results[k].tensor_value, products[k]);
      }
    }
  }
}

}  // namespace rustorch
