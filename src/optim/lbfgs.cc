// Limited-memory BFGS with an optional strong-Wolfe line search (Nocedal and Wright, Numerical Optimization,
// ch. 3 and 7), in the steps of the Python package, bit for bit: slopes and step lengths are tensors of no
// dims where Python's are, so that the arithmetic has the precision of the parameters.
#include <cmath>
#include <optional>

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
/// A number of Python's: a float, or a tensor of no dims.
class Number {
 public:
  Number(double v = 0) : number_(v) {}
  Number(Tensor t) : tensor_(std::move(t)) {}
  operator TensorLike() const { return is_tensor() ? TensorLike(tensor_) : TensorLike(Scalar(number_)); }
  bool is_tensor() const { return tensor_.defined(); }
  double value() const { return is_tensor() ? tensor_.item<double>() : number_; }
  SavedValue saved() const { return is_tensor() ? SavedValue(tensor_) : SavedValue(number_); }
  Number abs() const { return is_tensor() ? Number(tensor_.abs()) : Number(std::abs(number_)); }
  Number sqrt() const { return is_tensor() ? Number(tensor_.sqrt()) : Number(std::sqrt(number_)); }
  Number square() const { return is_tensor() ? Number(tensor_.pow(2)) : Number(number_ * number_); }

  friend Number operator+(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.add(b);
    return b.is_tensor() ? Number(b.tensor_.add(a)) : Number(a.number_ + b.number_);
  }
  friend Number operator-(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.sub(b);
    return b.is_tensor() ? Number(rsub(b.tensor_, a)) : Number(a.number_ - b.number_);
  }
  friend Number operator*(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.mul(b);
    return b.is_tensor() ? Number(b.tensor_.mul(a)) : Number(a.number_ * b.number_);
  }
  friend Number operator/(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.div(b);
    return b.is_tensor() ? Number(a.number_ / b.tensor_) : Number(a.number_ / b.number_);
  }
  friend bool operator<(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.lt(b).item<bool>();
    return b.is_tensor() ? b.tensor_.gt(a).item<bool>() : a.number_ < b.number_;
  }
  friend bool operator<=(const Number& a, const Number& b) {
    if (a.is_tensor()) return a.tensor_.le(b).item<bool>();
    return b.is_tensor() ? b.tensor_.ge(a).item<bool>() : a.number_ <= b.number_;
  }
  friend bool operator>(const Number& a, const Number& b) { return b < a; }
  friend bool operator>=(const Number& a, const Number& b) { return b <= a; }

 private:
  Tensor tensor_;
  double number_ = 0;
};
// The first of equal ones, as in Python.
Number smaller(const Number& a, const Number& b) { return b < a ? b : a; }
Number larger(const Number& a, const Number& b) { return b > a ? b : a; }

/// A trial step: its length, loss, gradient and slope along the direction.
struct Point {
  Number t;
  double f;
  Tensor g;
  Number slope;
};
using Evaluate = std::function<Point(const Number&)>;

/// The minimum within the bounds of the cubic with these values and slopes (eq. 3.59).
Number cubic_minimum(const Point& a, const Point& b, const Number& low, const Number& high) {
  const Number rise = Number(3 * (a.f - b.f)) / (a.t - b.t);
  const Number d1 = a.slope + b.slope - rise;
  const Number square = d1.square() - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2.0;
  const Number d2 = square.sqrt();
  const Number x = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
                              : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2));
  return smaller(larger(x, low), high);
}

struct Search {
  Point best;
  int64_t calls;
};

/// A step that fulfils the strong Wolfe conditions.
class StrongWolfe {
 public:
  StrongWolfe(const Evaluate& evaluate, const Tensor& direction, const Point& start, double tolerance_change)
      : evaluate_(evaluate),
        scale_(direction.abs().max()),
        start_(start),
        tolerance_change_(tolerance_change) {}

  Search run(const Number& first) {
    const bool done = find_bracket(first);
    if (!done) zoom();
    return {bracket_[bracket_.size() > 1 ? lo_ : 0], calls_};
  }

 private:
  static constexpr double kC1 = 1e-4, kC2 = 0.9;
  static constexpr int kMaxSteps = 25;

  Point probe(const Number& t) {
    ++calls_;
    return evaluate_(t);
  }
  bool too_high(const Point& p) const { return start_.f + kC1 * p.t * start_.slope < p.f; }
  bool flat_enough(const Point& p) const { return p.slope.abs() <= -kC2 * start_.slope; }
  void sort() {
    lo_ = bracket_.front().f <= bracket_.back().f ? 0 : 1;
    hi_ = 1 - lo_;
  }

  /// Steps that hold a good one between them; whether one of them is good.
  bool find_bracket(const Number& first) {
    Point next = probe(first), previous = start_;
    bool done = false;
    for (; steps_ < kMaxSteps; ++steps_) {
      if (too_high(next) || (steps_ > 1 && next.f >= previous.f)) {
        bracket_ = {previous, next};
        break;
      }
      if (flat_enough(next)) {
        bracket_ = {next};
        done = true;
        break;
      }
      if (next.slope >= 0) {
        bracket_ = {previous, next};
        break;
      }
      const Number low = next.t + 0.01 * (next.t - previous.t), high = next.t * 10;
      const Number t = cubic_minimum(previous, next, low, high);
      previous = next;
      next = probe(t);
    }
    if (steps_ == kMaxSteps) bracket_ = {start_, next};
    sort();
    return done;
  }

  /// The next step inside of the bracket; away from its ends.
  Number inside(bool& stalled) const {
    const Point &a = bracket_[0], &b = bracket_[1];
    const Number left = smaller(a.t, b.t), right = larger(a.t, b.t), margin = 0.1 * (right - left);
    const Number t = cubic_minimum(a, b, left, right);
    if (!(smaller(right - t, t - left) < margin)) {
      stalled = false;
      return t;
    }
    // Close to an end: the second time in a row, move to a tenth inside.
    if (!(stalled || t >= right || t <= left)) {
      stalled = true;
      return t;
    }
    stalled = false;
    return (t - right).abs() < (t - left).abs() ? right - margin : left + margin;
  }

  /// Narrows the bracket; bracket_[lo_] is the better end.
  void zoom() {
    for (bool stalled = false; steps_ < kMaxSteps; ++steps_) {
      if ((bracket_[1].t - bracket_[0].t).abs() * scale_ < tolerance_change_) break;
      const Point next = probe(inside(stalled));
      if (too_high(next) || next.f >= bracket_[lo_].f) {
        bracket_[hi_] = next;
        sort();
        continue;
      }
      const bool done = flat_enough(next);
      if (!done && next.slope * (bracket_[hi_].t - bracket_[lo_].t) >= 0) bracket_[hi_] = bracket_[lo_];
      bracket_[lo_] = next;
      if (done) break;
    }
  }

  const Evaluate& evaluate_;
  Number scale_;
  Point start_;
  double tolerance_change_;
  std::vector<Point> bracket_;
  size_t lo_ = 0, hi_ = 1;
  int steps_ = 0;
  int64_t calls_ = 0;
};

double largest(const Tensor& t) { return t.abs().max().item<double>(); }

/// The pairs of the last steps, and the two-loop recursion on them (algorithm 7.4).
struct History {
  std::vector<Tensor> dirs, stps, ro;
  Number h_diag = 1;
  SavedValue::List al;  // of the last direction

  void remember(const Tensor& y, const Tensor& s, size_t limit) {
    const Tensor ys = y.dot(s);
    if (ys.item<double>() <= 1e-10) return;
    if (dirs.size() == limit) {
      dirs.erase(dirs.begin());
      stps.erase(stps.begin());
      ro.erase(ro.begin());
    }
    dirs.push_back(y);
    stps.push_back(s);
    ro.push_back(1.0 / ys);
    h_diag = Number(ys.div(y.dot(y)));
  }

  Tensor direction(const Tensor& g, size_t limit) {
    const size_t n = dirs.size();
    Tensor q = g.neg();
    std::vector<Tensor> weights(n);
    for (size_t i = n; i-- > 0;) {
      weights[i] = stps[i].dot(q) * ro[i];
      q.add_(dirs[i], -weights[i].item<double>());
    }
    Tensor d = q.mul(h_diag);
    for (size_t i = 0; i < n; ++i) {
      const Tensor other = dirs[i].dot(d) * ro[i];
      d.add_(stps[i], (weights[i] - other).item<double>());
    }
    al.assign(weights.begin(), weights.end());
    al.resize(std::max(limit, n));
    return d;
  }
};

std::vector<Tensor> tensors(const OptimizerOptions& s, const char* name) {
  std::vector<Tensor> out;
  const SavedValue* list = s.find(name);
  if (list == nullptr || !list->is_list()) return out;
  for (const SavedValue& v : list->list()) {
    out.push_back(v.is_tensor() ? v.tensor() : full({}, Scalar(v.to_double()), kFloat64));
  }
  return out;
}

Number number_or(const OptimizerOptions& s, const char* name, double otherwise) {
  const SavedValue* v = s.find(name);
  if (v == nullptr || v->is_none()) return otherwise;
  return v->is_tensor() ? Number(v->tensor()) : Number(v->to_double());
}

/// The parameters as one vector: the loss there, its gradient, and steps along a direction.
class Problem {
 public:
  Problem(const OptimizerParamGroup& group, const LossClosure& closure)
      : params_(group.params), closure_(closure), sign_(group.options.flag("maximize") ? -1.0 : 1.0) {}

  const Tensor& first_loss() const { return first_loss_; }
  double loss() {
    const EnableGradGuard grad;
    const Tensor loss = closure_();
    if (!first_loss_.defined()) first_loss_ = loss;
    return sign_ * loss.item<double>();
  }
  Tensor gradient() const {
    std::vector<Tensor> parts;
    for (const Tensor& p : params_) {
      Tensor g = p.grad().defined() ? p.grad() : zeros_like(p);
      if (g.is_complex()) g = view_as_real(g);
      parts.push_back(g.detach().reshape({-1}));
    }
    const Tensor all = cat(parts);
    return sign_ < 0 ? all.neg() : all;
  }
  void move(double t, const Tensor& d) const {
    int64_t at = 0;
    for (const Tensor& p : params_) {
      const Tensor target = p.is_complex() ? view_as_real(p) : p;
      target.add_(d.narrow(0, at, target.numel()).reshape(target.sizes()), t);
      at += target.numel();
    }
  }
  /// Searches along d from the length t; the parameters stay where they are.
  Search search(const Tensor& d, const Point& from, const Number& t, double tolerance_change) {
    std::vector<Tensor> saved;
    for (const Tensor& p : params_) saved.push_back(p.detach().clone());
    const Evaluate evaluate = [&](const Number& length) {
      move(length.value(), d);
      const double f = loss();
      const Tensor grad = gradient();
      for (size_t i = 0; i < saved.size(); ++i) params_[i].copy_(saved[i]);
      return Point{length, f, grad, grad.dot(d)};
    };
    return StrongWolfe(evaluate, d, from, tolerance_change).run(t);
  }

 private:
  const std::vector<Tensor>& params_;
  const LossClosure& closure_;
  double sign_;
  Tensor first_loss_;
};

/// What lasts from step to step.
struct Progress {
  int64_t evals_total, n_iter;
  History history;
  Tensor d, prev_g;
  Number t;
  double prev_loss;

  explicit Progress(OptimizerOptions& state)
      : evals_total(static_cast<int64_t>(number_or(state, "func_evals", 0).value())),
        n_iter(static_cast<int64_t>(number_or(state, "n_iter", 0).value())),
        history{tensors(state, "old_dirs"),
                tensors(state, "old_stps"),
                tensors(state, "ro"),
                number_or(state, "H_diag", 1),
                {}},
        t(number_or(state, "t", 0)),
        prev_loss(number_or(state, "prev_loss", 0).value()) {
    if (const SavedValue* v = state.find("d")) d = v->tensor();
    if (const SavedValue* v = state.find("prev_flat_grad")) prev_g = v->tensor();
  }
  void save_counts(OptimizerOptions& state) const {
    state.set("func_evals", evals_total);
    state.set("n_iter", n_iter);
  }
  void save(OptimizerOptions& state) {
    save_counts(state);
    if (!history.al.empty()) state.set("al", std::move(history.al));
    state.set("d", SavedValue(d));
    state.set("t", t.saved());
    state.set("old_dirs", SavedValue(history.dirs));
    state.set("old_stps", SavedValue(history.stps));
    state.set("ro", SavedValue(history.ro));
    state.set("H_diag", history.h_diag.saved());
    state.set("prev_flat_grad", SavedValue(prev_g));
    state.set("prev_loss", prev_loss);
  }
  /// The next direction from the gradient g.
  void turn(const Tensor& g, size_t history_size) {
    if (++n_iter == 1) {
      d = g.neg();
      history = {};
    } else {
      history.remember(g - prev_g, d.mul(t), history_size);
      d = history.direction(g, history_size);
    }
    prev_g = g.clone();
  }
};

}  // namespace

Tensor LBFGS::step(const LossClosure& closure) {
  RT_CHECK(closure != nullptr, Type, "LBFGS", "step() missing 1 required argument: 'closure'");
  const NoGradGuard no_grad;
  OptimizerParamGroup& group = param_groups()[0];
  const OptimizerOptions& o = group.options;
  OptimizerOptions& state = group.state[0];
  const int64_t max_iter = o.at("max_iter").to_int(), max_eval = o.at("max_eval").to_int();
  const double tolerance_grad = o.number("tolerance_grad"), tolerance_change = o.number("tolerance_change");
  const double lr = o.number("lr");
  const auto history_size = static_cast<size_t>(o.at("history_size").to_int());
  const SavedValue& search = o.at("line_search_fn");
  RT_CHECK(search.is_none() || search.text() == "strong_wolfe", Value, "LBFGS",
           "only 'strong_wolfe' is supported");

  Problem problem(group, closure);
  double loss = problem.loss();
  Progress at(state);
  ++at.evals_total;
  Tensor g = problem.gradient();
  at.save_counts(state);
  if (largest(g) <= tolerance_grad) return problem.first_loss();
  int64_t evals = 1;
  for (int64_t iteration = 1; iteration <= max_iter; ++iteration) {
    at.turn(g, history_size);
    at.prev_loss = loss;
    at.t = lr;
    if (at.n_iter == 1) at.t = smaller(1.0, 1.0 / Number(g.abs().sum())) * lr;
    const Number slope = g.dot(at.d);
    if (slope > -tolerance_change) break;
    int64_t calls = 0;
    bool optimal = false;
    if (!search.is_none()) {
      const Search found = problem.search(at.d, Point{0.0, loss, g, slope}, at.t, tolerance_change);
      calls = found.calls;
      loss = found.best.f;
      g = found.best.g;
      at.t = found.best.t;
      problem.move(at.t.value(), at.d);
      optimal = largest(g) <= tolerance_grad;
    } else {
      problem.move(at.t.value(), at.d);
      if (iteration != max_iter) {
        loss = problem.loss();
        g = problem.gradient();
        optimal = largest(g) <= tolerance_grad;
        calls = 1;
      }
    }
    evals += calls;
    at.evals_total += calls;
    if (evals >= max_eval || optimal || largest(at.d.mul(at.t)) <= tolerance_change ||
        std::abs(loss - at.prev_loss) < tolerance_change) {
      break;
    }
  }
  at.save(state);
  return problem.first_loss();
}

}  // namespace rustorch::optim
