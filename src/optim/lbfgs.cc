// Limited-memory BFGS with an optional strong-Wolfe line search (Nocedal and Wright, Numerical Optimization,
// ch. 3 and 7), in the steps of the Python package. Slopes and step lengths are kept in float64.
#include <cmath>

#include "rustorch/error.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"
#include "rustorch/optim/optimizers.h"

namespace rustorch::optim {

LBFGS::LBFGS(std::vector<OptimizerParamGroup> groups, LBFGSOptions options)
    : Optimizer(std::move(groups), options) {
  RT_CHECK(options.lr() >= 0, Value, "LBFGS", "Invalid learning rate: ", options.lr());
  RT_CHECK(param_groups().size() == 1, Value, "LBFGS",
           "LBFGS doesn't support per-parameter options (parameter groups)");
}

namespace {
/// A trial step: its length, loss, gradient and slope along the direction.
struct Point {
  double t, f;
  Tensor g;
  double slope;
};
using Evaluate = std::function<Point(double)>;

/// The minimum within the bounds of the cubic with these values and slopes (eq. 3.59).
double cubic_minimum(const Point& a, const Point& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2.0;
  const double d2 = std::sqrt(square);
  const double x = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                              : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
  return std::min(std::max(x, low), high);
}

struct Search {
  Point best;
  int64_t calls;
};

/// A step that fulfils the strong Wolfe conditions.
Search strong_wolfe(const Evaluate& evaluate, double scale, const Point& start, double t,
                    double tolerance_change) {
  constexpr double kC1 = 1e-4, kC2 = 0.9;
  constexpr int kMaxSteps = 25;
  const auto too_high = [&](const Point& p) { return p.f > start.f + kC1 * p.t * start.slope; };
  const auto flat_enough = [&](const Point& p) { return std::abs(p.slope) <= -kC2 * start.slope; };
  Point next = evaluate(t), previous = start;
  int64_t calls = 1;
  int steps = 0;
  std::vector<Point> bracket;
  bool done = false;
  for (; steps < kMaxSteps; ++steps) {
    if (too_high(next) || (steps > 1 && next.f >= previous.f)) {
      bracket = {previous, next};
      break;
    }
    if (flat_enough(next)) {
      bracket = {next};
      done = true;
      break;
    }
    if (next.slope >= 0) {
      bracket = {previous, next};
      break;
    }
    const double low = next.t + 0.01 * (next.t - previous.t), high = next.t * 10;
    t = cubic_minimum(previous, next, low, high);
    previous = next;
    next = evaluate(t);
    ++calls;
  }
  if (steps == kMaxSteps) bracket = {start, next};
  // Zoom: bracket[lo] is the better end.
  size_t lo = bracket.front().f <= bracket.back().f ? 0 : 1, hi = 1 - lo;
  for (bool stalled = false; !done && steps < kMaxSteps; ++steps) {
    const Point &a = bracket[0], &b = bracket[1];
    if (std::abs(b.t - a.t) * scale < tolerance_change) break;
    const double left = std::min(a.t, b.t), right = std::max(a.t, b.t), margin = 0.1 * (right - left);
    t = cubic_minimum(a, b, left, right);
    if (std::min(right - t, t - left) < margin) {
      // Close to an end: the second time in a row, move to a tenth inside.
      if (stalled || t >= right || t <= left) {
        t = std::abs(t - right) < std::abs(t - left) ? right - margin : left + margin;
        stalled = false;
      } else {
        stalled = true;
      }
    } else {
      stalled = false;
    }
    next = evaluate(t);
    ++calls;
    if (too_high(next) || next.f >= bracket[lo].f) {
      bracket[hi] = next;
      lo = bracket[0].f <= bracket[1].f ? 0 : 1;
      hi = 1 - lo;
    } else {
      if (flat_enough(next)) {
        done = true;
      } else if (next.slope * (bracket[hi].t - bracket[lo].t) >= 0) {
        bracket[hi] = bracket[lo];
      }
      bracket[lo] = next;
    }
  }
  return {bracket[bracket.size() > 1 ? lo : 0], calls};
}

double dot_of(const Tensor& a, const Tensor& b) { return a.dot(b).item<double>(); }
double largest(const Tensor& t) { return t.abs().max().item<double>(); }

/// The pairs of the last steps, and the two-loop recursion on them (algorithm 7.4).
struct History {
  std::vector<Tensor> dirs, stps;
  std::vector<double> ro;
  double h_diag = 1;

  void remember(const Tensor& y, const Tensor& s, size_t limit) {
    const double ys = dot_of(y, s);
    if (ys <= 1e-10) return;
    if (dirs.size() == limit) {
      dirs.erase(dirs.begin());
      stps.erase(stps.begin());
      ro.erase(ro.begin());
    }
    dirs.push_back(y);
    stps.push_back(s);
    ro.push_back(1.0 / ys);
    h_diag = ys / dot_of(y, y);
  }

  Tensor direction(const Tensor& g) const {
    const size_t n = dirs.size();
    Tensor q = g.neg();
    std::vector<double> al(n);
    for (size_t i = n; i-- > 0;) {
      al[i] = dot_of(stps[i], q) * ro[i];
      q.add_(dirs[i], -al[i]);
    }
    Tensor d = q.mul(h_diag);
    for (size_t i = 0; i < n; ++i) d.add_(stps[i], al[i] - dot_of(dirs[i], d) * ro[i]);
    return d;
  }
};

std::vector<Tensor> tensors(const OptimizerOptions& s, const char* name) {
  std::vector<Tensor> out;
  const SavedValue* list = s.find(name);
  if (list == nullptr || !list->is_list()) return out;
  for (const SavedValue& v : list->list()) out.push_back(v.tensor());
  return out;
}

double number_or(const OptimizerOptions& s, const char* name, double otherwise) {
  const SavedValue* v = s.find(name);
  return v == nullptr || v->is_none() ? otherwise : s.number(name);
}
}  // namespace

Tensor LBFGS::step(const LossClosure& closure) {
  RT_CHECK(closure != nullptr, Type, "LBFGS", "step() missing 1 required argument: 'closure'");
  const NoGradGuard no_grad;
  OptimizerParamGroup& group = param_groups()[0];
  const OptimizerOptions& o = group.options;
  OptimizerOptions& state = group.state[0];
  const double sign = o.flag("maximize") ? -1.0 : 1.0;
  Tensor first_loss;
  const auto loss_at = [&] {
    const EnableGradGuard grad;
    const Tensor loss = closure();
    if (!first_loss.defined()) first_loss = loss;
    return sign * loss.item<double>();
  };
  const auto gradient = [&] {
    std::vector<Tensor> parts;
    for (const Tensor& p : group.params) {
      Tensor g = p.grad().defined() ? p.grad() : zeros_like(p);
      if (g.is_complex()) g = view_as_real(g);
      parts.push_back(g.detach().reshape({-1}));
    }
    const Tensor all = cat(parts);
    return sign < 0 ? all.neg() : all;
  };
  const auto move = [&](double t, const Tensor& d) {
    int64_t at = 0;
    for (const Tensor& p : group.params) {
      const Tensor target = p.is_complex() ? view_as_real(p) : p;
      target.add_(d.narrow(0, at, target.numel()).reshape(target.sizes()), t);
      at += target.numel();
    }
  };
  const int64_t max_iter = o.at("max_iter").to_int(), max_eval = o.at("max_eval").to_int();
  const double tolerance_grad = o.number("tolerance_grad"), tolerance_change = o.number("tolerance_change");
  const SavedValue& search = o.at("line_search_fn");
  RT_CHECK(search.is_none() || search.text() == "strong_wolfe", Value, "LBFGS",
           "only 'strong_wolfe' is supported");

  double loss = loss_at();
  auto evals_total = static_cast<int64_t>(number_or(state, "func_evals", 0)) + 1;
  auto n_iter = static_cast<int64_t>(number_or(state, "n_iter", 0));
  int64_t evals = 1;
  Tensor g = gradient(), d, prev_g;
  state.set("func_evals", evals_total);
  if (largest(g) <= tolerance_grad) return first_loss;
  History history{tensors(state, "old_dirs"), tensors(state, "old_stps"), {}, number_or(state, "H_diag", 1)};
  for (size_t i = 0; i < history.dirs.size(); ++i) history.ro.push_back(state.at("ro")[i].to_double());
  if (const SavedValue* v = state.find("d")) d = v->tensor();
  if (const SavedValue* v = state.find("prev_flat_grad")) prev_g = v->tensor();
  double t = number_or(state, "t", 0), prev_loss = number_or(state, "prev_loss", 0);
  const double lr = o.number("lr");
  for (int64_t iteration = 1; iteration <= max_iter; ++iteration) {
    if (++n_iter == 1) {
      d = g.neg();
      history = {};
    } else {
      history.remember(g - prev_g, d * t, static_cast<size_t>(o.at("history_size").to_int()));
      d = history.direction(g);
    }
    prev_g = g.clone();
    prev_loss = loss;
    t = n_iter == 1 ? std::min(1.0, 1.0 / g.abs().sum().item<double>()) * lr : lr;
    const double slope = dot_of(g, d);
    if (slope > -tolerance_change) break;
    int64_t calls = 0;
    bool optimal = false;
    if (!search.is_none()) {
      std::vector<Tensor> saved;
      for (const Tensor& p : group.params) saved.push_back(p.detach().clone());
      const Evaluate evaluate = [&](double length) {
        move(length, d);
        const double f = loss_at();
        const Tensor grad = gradient();
        for (size_t i = 0; i < saved.size(); ++i) group.params[i].copy_(saved[i]);
        return Point{length, f, grad, dot_of(grad, d)};
      };
      const Search found =
          strong_wolfe(evaluate, largest(d), Point{0.0, loss, g, slope}, t, tolerance_change);
      calls = found.calls;
      loss = found.best.f;
      g = found.best.g;
      t = found.best.t;
      move(t, d);
      optimal = largest(g) <= tolerance_grad;
    } else {
      move(t, d);
      if (iteration != max_iter) {
        loss = loss_at();
        g = gradient();
        optimal = largest(g) <= tolerance_grad;
        calls = 1;
      }
    }
    evals += calls;
    evals_total += calls;
    if (evals >= max_eval || optimal || largest(d.mul(t)) <= tolerance_change ||
        std::abs(loss - prev_loss) < tolerance_change) {
      break;
    }
  }
  state.set("func_evals", evals_total);
  state.set("n_iter", n_iter);
  state.set("d", SavedValue(d));
  state.set("t", t);
  state.set("old_dirs", SavedValue(history.dirs));
  state.set("old_stps", SavedValue(history.stps));
  SavedValue::List ro;
  for (const double v : history.ro) ro.emplace_back(v);
  state.set("ro", std::move(ro));
  state.set("H_diag", history.h_diag);
  state.set("prev_flat_grad", SavedValue(prev_g));
  state.set("prev_loss", prev_loss);
  return first_loss;
}

}  // namespace rustorch::optim
