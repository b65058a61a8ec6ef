#include "rustorch/distributions/constraints.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "distributions/helpers.h"
#include "rustorch/linalg.h"

namespace rustorch::distributions {

bool Value::equal(const Value& other) const {
  if (!is_tensor() && !other.is_tensor()) return number_.to_double() == other.number_.to_double();
  const Tensor& left = is_tensor() ? tensor_ : other.tensor_;
  const Value& right = is_tensor() ? other : *this;
  return left.eq(right).all().item<bool>();
}

std::string Value::str() const {
  if (is_tensor() && tensor_.dim() > 0) return tensor_.str();
  const Scalar v = is_tensor() ? tensor_.item() : number_;
  if (v.is_integral()) return std::to_string(v.to_int());
  const double d = v.to_double();
  if (d == std::floor(d) && std::abs(d) < 1e16) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", d);
    return text;
  }
  return rustorch::cat(d);
}

namespace {
Tensor is_integer(const Tensor& v) { return v.remainder(1).eq(0); }
Tensor both(const Tensor& a, const Tensor& b) { return a.logical_and(b); }

Tensor lower_triangular(const Tensor& v) { return v.tril().eq(v).all(-1).all(-1); }
Tensor lower_cholesky(const Tensor& v) {
  return both(lower_triangular(v), v.diagonal(0, -2, -1).gt(0).all(-1));
}
Tensor corr_cholesky(const Tensor& v) {
  const double tolerance = eps_of(v) * static_cast<double>(v.size(-1)) * 10;
  const Tensor norms = v.detach().pow(2).sum(-1).sqrt();
  return both(lower_cholesky(v), (norms - 1).abs().le(tolerance).all(-1));
}
Tensor is_square(const Tensor& v) {
  return full(without(v.sizes(), 2), Scalar(v.size(-2) == v.size(-1)), kBool, v.device());
}
/// Whether matrices are symmetric, and test() of them where all are.
template <class F>
Tensor symmetric_and(const Tensor& v, F&& test) {
  Tensor ok = is_square(v);
  if (!ok.all().item<bool>()) return ok;
  ok = isclose(v, v.transpose(-2, -1), 1e-5, 1e-6).all(-2).all(-1);
  return ok.all().item<bool>() ? test(ok) : ok;
}

void check_dim(const Tensor& v, int64_t dim) {
  RT_CHECK(-v.dim() <= dim && dim < v.dim(), Value, "Constraint", "dim ", dim,
           " out of range for value with ", v.dim(), " dimensions");
}

/// Each constraint on its part, joined by `join`.
template <class Join>
Tensor by_parts(const Constraint& c, const std::vector<Tensor>& parts, Join&& join) {
  RT_CHECK(parts.size() == c.cseq().size(), Value, "Constraint", "the value has ", parts.size(),
           " parts; expected ", c.cseq().size());
  std::vector<Tensor> out;
  for (size_t i = 0; i < parts.size(); ++i) out.push_back(c.cseq()[i].check(parts[i]));
  return join(TensorList(out), c.dim());
}

Tensor check_independent(const Constraint& c, const Tensor& v) {
  const Tensor result = c.base_constraint().check(v);
  const int64_t n = c.reinterpreted_batch_ndims();
  RT_CHECK(result.dim() >= n, Value, "Constraint",
           "Expected value.dim() >= ", c.base_constraint().event_dim() + n, " but got ", v.dim());
  return result.reshape(join(without(result.sizes(), static_cast<size_t>(n)), {-1})).all(-1);
}

Tensor check_mixture(const Constraint& c, const Tensor& v) {
  const int64_t events = c.event_dim();
  RT_CHECK(v.dim() >= events, Value, "Constraint", "Expected value.dim() >= ", events, " but got ", v.dim());
  const Tensor inside = c.base_constraint().check(v.unsqueeze(-1 - events));
  return inside.reshape(join(head(inside.sizes(), static_cast<size_t>(v.dim() - events)), {-1})).all(-1);
}
}  // namespace

Tensor Constraint::check(const Tensor& v) const {
  switch (kind_) {
    case Kind::Real:
      return v.eq(v);  // false for nan
    case Kind::Boolean:
      return v.eq(0).logical_or(v.eq(1));
    case Kind::OneHot:
      return both(v.eq(0).logical_or(v.eq(1)).all(-1), v.sum(-1).eq(1));
    case Kind::Interval:
      return both(v.ge(low_), v.le(high_));
    case Kind::HalfOpenInterval:
      return both(v.ge(low_), v.lt(high_));
    case Kind::IntegerInterval:
      return both(both(is_integer(v), v.ge(low_)), v.le(high_));
    case Kind::GreaterThan:
      return v.gt(low_);
    case Kind::GreaterThanEq:
      return v.ge(low_);
    case Kind::LessThan:
      return v.lt(high_);
    case Kind::IntegerGreaterThan:
      return both(is_integer(v), v.ge(low_));
    case Kind::IntegerLessThan:
      return both(is_integer(v), v.le(high_));
    case Kind::Simplex:
      return both(v.ge(0).all(-1), (v.sum(-1) - 1).abs().lt(1e-6));
    case Kind::Multinomial:
      return both(v.ge(0).all(-1), v.sum(-1).le(high_));
    case Kind::LowerTriangular:
      return lower_triangular(v);
    case Kind::LowerCholesky:
      return lower_cholesky(v);
    case Kind::CorrCholesky:
      return corr_cholesky(v);
    case Kind::Square:
      return is_square(v);
    case Kind::Symmetric:
      return symmetric_and(v, [](const Tensor& ok) { return ok; });
    case Kind::PositiveSemidefinite:
      return symmetric_and(v, [&](const Tensor&) { return linalg_eigvalsh(v).ge(0).all(-1); });
    case Kind::PositiveDefinite:
      return symmetric_and(v, [&](const Tensor&) { return std::get<1>(linalg_cholesky_ex(v)).eq(0); });
    case Kind::Independent:
      return check_independent(*this, v);
    case Kind::MixtureSameFamily:
      return check_mixture(*this, v);
    case Kind::Cat:
      check_dim(v, n_);
      return by_parts(*this, v.split_with_sizes(lengths_, n_),
                      [](TensorList t, int64_t dim) { return rustorch::cat(t, dim); });
    case Kind::Stack:
      check_dim(v, n_);
      return by_parts(*this, v.unbind(n_), [](TensorList t, int64_t dim) { return rustorch::stack(t, dim); });
  }
  raise(ErrorKind::Internal, "Constraint", "unknown kind");
}

int64_t Constraint::event_dim() const {
  int64_t widest = 0;
  for (const Constraint& part : parts_) widest = std::max(widest, part.event_dim());
  switch (kind_) {
    case Kind::OneHot:
    case Kind::Simplex:
    case Kind::Multinomial:
      return 1;
    case Kind::LowerTriangular:
    case Kind::LowerCholesky:
    case Kind::CorrCholesky:
    case Kind::Square:
    case Kind::Symmetric:
    case Kind::PositiveSemidefinite:
    case Kind::PositiveDefinite:
      return 2;
    case Kind::Independent:
      return widest + n_;
    case Kind::Stack:
      return n_ + widest < 0 ? widest + 1 : widest;
    default:
      return widest;
  }
}

bool Constraint::is_discrete() const {
  switch (kind_) {
    case Kind::Boolean:
    case Kind::OneHot:
    case Kind::IntegerInterval:
    case Kind::IntegerGreaterThan:
    case Kind::IntegerLessThan:
    case Kind::Multinomial:
      return true;
    default:
      return std::any_of(parts_.begin(), parts_.end(), [](const Constraint& c) { return c.is_discrete(); });
  }
}

std::string Constraint::str() const {
  static constexpr const char* kNames[] = {"Real",
                                           "Boolean",
                                           "OneHot",
                                           "Interval",
                                           "HalfOpenInterval",
                                           "IntegerInterval",
                                           "GreaterThan",
                                           "GreaterThanEq",
                                           "LessThan",
                                           "IntegerGreaterThan",
                                           "IntegerLessThan",
                                           "Simplex",
                                           "Multinomial",
                                           "LowerTriangular",
                                           "LowerCholesky",
                                           "CorrCholesky",
                                           "Square",
                                           "Symmetric",
                                           "PositiveSemidefinite",
                                           "PositiveDefinite",
                                           "IndependentConstraint",
                                           "MixtureSameFamilyConstraint",
                                           "Cat",
                                           "Stack"};
  std::string inside;
  switch (kind_) {
    case Kind::Interval:
    case Kind::HalfOpenInterval:
    case Kind::IntegerInterval:
      inside = "lower_bound=" + low_.str() + ", upper_bound=" + high_.str();
      break;
    case Kind::GreaterThan:
    case Kind::GreaterThanEq:
    case Kind::IntegerGreaterThan:
      inside = "lower_bound=" + low_.str();
      break;
    case Kind::LessThan:
    case Kind::IntegerLessThan:
      inside = "upper_bound=" + high_.str();
      break;
    case Kind::Independent:
      inside = parts_[0].str() + ", " + std::to_string(n_);
      break;
    case Kind::MixtureSameFamily:
      inside = parts_[0].str();
      break;
    default:
      break;
  }
  return kNames[static_cast<size_t>(kind_)] + ("(" + inside + ")");
}

namespace constraints {

Constraint independent(Constraint base, int64_t n) {
  RT_CHECK(n >= 0, Value, "Constraint", "reinterpreted_batch_ndims must be >= 0, got ", n);
  return Constraint(Constraint::Kind::Independent, {std::move(base)}, n);
}
Constraint cat(std::vector<Constraint> cseq, int64_t dim, std::vector<int64_t> lengths) {
  if (lengths.empty()) lengths.assign(cseq.size(), 1);
  RT_CHECK(lengths.size() == cseq.size(), Value, "Constraint", "Expected ", cseq.size(), " lengths, got ",
           lengths.size());
  return Constraint(Constraint::Kind::Cat, std::move(cseq), dim, std::move(lengths));
}
Constraint stack(std::vector<Constraint> cseq, int64_t dim) {
  return Constraint(Constraint::Kind::Stack, std::move(cseq), dim);
}
Constraint mixture_same_family(Constraint base) {
  return Constraint(Constraint::Kind::MixtureSameFamily, {std::move(base)}, 0);
}

}  // namespace constraints
}  // namespace rustorch::distributions
