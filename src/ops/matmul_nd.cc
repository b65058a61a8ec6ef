// Products of any rank: matmul with broadcast batches, tensordot and einsum, all by way of mm and bmm.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/promotion.h"
#include "gen/impl.h"
#include "ops/nn_common.h"

namespace rustorch::impl {

Tensor matmul(const Tensor& self, const Tensor& other) {
  const int64_t da = self.dim(), db = other.dim();
  RT_CHECK(da != 0 && db != 0, Shape, "matmul",
           "both arguments to matmul need to be at least 1D, but they are ", da, "D and ", db, "D");
  if (da == 2 && db == 2) return rustorch::mm(self, other);
  if (da == 1 && db == 1) return rustorch::dot(self, other);
  if (da == 2 && db == 1) return rustorch::mv(self, other);
  if (da == 1 && db == 2)
    return rustorch::squeeze(rustorch::mm(rustorch::unsqueeze(self, 0), other), IntArrayRef{0});
  if (db <= 2) {
    // fold the batch of self into rows
    const int64_t k = self.size(-1);
    DimVector sizes = self.sizes().vec();
    sizes.pop_back();
    const int64_t rows = numel_of(sizes);
    const Tensor flat = rustorch::reshape(self, {rows, k});
    if (db == 1) return rustorch::reshape(rustorch::mv(flat, other), sizes);
    sizes.push_back(other.size(1));
    return rustorch::reshape(rustorch::mm(flat, other), sizes);
  }
  const Tensor a = da == 1 ? rustorch::unsqueeze(self, 0) : self;
  const int64_t n = a.size(-2), k = a.size(-1), m = other.size(-1);
  const auto batch = [](const Tensor& t) { return t.sizes().slice(0, static_cast<size_t>(t.dim() - 2)); };
  DimVector sizes = broadcast_shapes("matmul", batch(a), batch(other));
  const int64_t count = numel_of(sizes);
  const auto flatten_batch = [&](const Tensor& t) {
    DimVector full = sizes;
    full.push_back(t.size(-2));
    full.push_back(t.size(-1));
    const Tensor wide = t.sizes() == IntArrayRef(full) ? t : rustorch::expand(t, full);
    return wide.dim() == 3 ? wide : rustorch::reshape(wide, {count, t.size(-2), t.size(-1)});
  };
  if (k != other.size(-2)) [[unlikely]]
    raise_shape("matmul",
                rustorch::cat("Expected size for first two dimensions of batch2 tensor to be: [", count, ", ",
                              k, "] but got: [", count, ", ", other.size(-2), "]."),
                self.sizes(), other.sizes());
  const Tensor product = rustorch::bmm(flatten_batch(a), flatten_batch(other));
  if (da != 1) sizes.push_back(n);
  sizes.push_back(m);
  return product.sizes() == IntArrayRef(sizes) ? product : rustorch::reshape(product, sizes);
}

Tensor tensordot(const Tensor& self, const Tensor& other, IntArrayRef dims_self, IntArrayRef dims_other) {
  RT_CHECK(dims_self.size() == dims_other.size(), Shape, "tensordot",
           "both dimension lists should have same length");
  RT_CHECK(self.dtype() == other.dtype(), DType, "tensordot", "both inputs should have same dtype");
  std::vector<bool> summed_a(static_cast<size_t>(self.dim())), summed_b(static_cast<size_t>(other.dim()));
  Tensor a = self, b = other;
  DimVector order_a, order_b;
  int64_t k = 1;
  for (size_t i = 0; i < dims_self.size(); ++i) {
    const int64_t x = wrap_dim("tensordot", dims_self[i], self.dim()),
                  y = wrap_dim("tensordot", dims_other[i], other.dim());
    RT_CHECK(!summed_a[static_cast<size_t>(x)] && !summed_b[static_cast<size_t>(y)], Value, "tensordot",
             "dims may not repeat");
    summed_a[static_cast<size_t>(x)] = summed_b[static_cast<size_t>(y)] = true;
    const int64_t sa = self.size(x), sb = other.size(y);
    if (sb == 1)  // also of a size of 1: the operand that is kept for the gradient is then a copy
      a = rustorch::sum(a, IntArrayRef{x}, true, a.dtype());
    else if (sa == 1 && sb != 1)
      b = rustorch::sum(b, IntArrayRef{y}, true, b.dtype());
    else
      RT_CHECK(sa == sb, Shape, "tensordot", "contracted dimensions need to match, but first has size ", sa,
               " in dim ", x, " and second has size ", sb, " in dim ", y);
    k *= std::min(sa, sb);
    order_a.push_back(x);
    order_b.push_back(y);
  }
  DimVector perm_a, perm_b = order_b, sizes;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (!summed_a[static_cast<size_t>(d)]) {
      perm_a.push_back(d);
      sizes.push_back(self.size(d));
    }
  const int64_t n = numel_of(sizes);
  perm_a.insert(perm_a.end(), order_a.begin(), order_a.end());
  int64_t m = 1;
  for (int64_t d = 0; d < other.dim(); ++d)
    if (!summed_b[static_cast<size_t>(d)]) {
      perm_b.push_back(d);
      sizes.push_back(other.size(d));
      m *= other.size(d);
    }
  return rustorch::reshape(rustorch::mm(rustorch::reshape(rustorch::permute(a, perm_a), {n, k}),
                                        rustorch::reshape(rustorch::permute(b, perm_b), {k, m})),
                           sizes);
}

namespace {

constexpr int kLetters = 52;
constexpr int kMaxLabels = 128;  // letters, then the dimensions that "..." stands for

int letter_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  return -1;
}

struct Term {
  std::vector<int> labels;  // -1: the ellipsis
};

Term parse_term(std::string_view text, bool output) {
  Term term;
  bool ellipsis = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text[i] == '.') {
      RT_CHECK(text.substr(i, 3) == "..." && !ellipsis, Value, "einsum", "found '.' for ",
               output ? "output" : "operand", " that is not part of any ellipsis");
      ellipsis = true;
      term.labels.push_back(-1);
      i += 2;
      continue;
    }
    const int label = letter_of(text[i]);
    RT_CHECK(label >= 0, Value, "einsum", "invalid subscript given at index ", static_cast<int64_t>(i),
             " in the equation string, subscripts must be in [a-zA-Z]");
    term.labels.push_back(label);
  }
  return term;
}

// Labels with the ellipsis spelled out; `dims` of them, aligned at the right end of the widest ellipsis.
std::vector<int> spell_out(const Term& term, int dims) {
  std::vector<int> labels;
  const int named =
      static_cast<int>(std::count_if(term.labels.begin(), term.labels.end(), [](int l) { return l >= 0; }));
  for (const int l : term.labels) {
    if (l >= 0)
      labels.push_back(l);
    else
      for (int i = dims - named; i > 0; --i) labels.push_back(kMaxLabels - i);
  }
  return labels;
}

// A tensor whose dimension d carries label labels[d]; every label at most once.
struct Labelled {
  Tensor t;
  std::vector<int> labels;
  int find(int label) const {
    const auto it = std::find(labels.begin(), labels.end(), label);
    return it == labels.end() ? -1 : static_cast<int>(it - labels.begin());
  }
};

Labelled take_diagonals(Tensor t, std::vector<int> labels) {
  for (size_t i = 0; i < labels.size(); ++i)
    for (size_t j = i + 1; j < labels.size();) {
      if (labels[i] != labels[j]) {
        ++j;
        continue;
      }
      RT_CHECK(t.size(static_cast<int64_t>(i)) == t.size(static_cast<int64_t>(j)), Shape, "einsum",
               "subscript is repeated for an operand but the sizes don't match, ",
               t.size(static_cast<int64_t>(j)), " != ", t.size(static_cast<int64_t>(i)));
      t = rustorch::diagonal(t, 0, static_cast<int64_t>(i), static_cast<int64_t>(j));
      const int label = labels[i];
      labels.erase(labels.begin() + static_cast<std::ptrdiff_t>(j));
      labels.erase(labels.begin() + static_cast<std::ptrdiff_t>(i));
      labels.push_back(label);  // rustorch::diagonal() puts it last
      i = static_cast<size_t>(-1);
      break;
    }
  return {std::move(t), std::move(labels)};
}

using Counts = std::array<int, kMaxLabels>;

// Sums over the labels that nobody needs any more.
Labelled drop_unused(Labelled x, const Counts& needed) {
  DimVector dims;
  std::vector<int> kept;
  for (size_t d = 0; d < x.labels.size(); ++d) {
    if (needed[static_cast<size_t>(x.labels[d])] > 0)
      kept.push_back(x.labels[d]);
    else
      dims.push_back(static_cast<int64_t>(d));
  }
  if (dims.empty()) return x;
  return {rustorch::sum(x.t, IntArrayRef(dims)), std::move(kept)};
}

Tensor arrange(const Labelled& x, const std::vector<int>& order) {
  DimVector perm;
  for (const int l : order) perm.push_back(x.find(l));
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i)) return rustorch::permute(x.t, perm);
  return x.t;
}

// One product; labels not needed afterwards are summed over. Size-1 dimensions broadcast.
Labelled contract(const Labelled& a, const Labelled& b, const Counts& needed) {
  std::vector<int> batch, left, right, summed;
  Labelled x = a, y = b;
  auto is_needed = [&](int l) { return needed[static_cast<size_t>(l)] > 0; };
  for (const int l : a.labels) {
    const int other = b.find(l);
    if (other < 0) {
      left.push_back(l);
      continue;
    }
    const int64_t da = a.find(l), sa = a.t.size(da), sb = b.t.size(other);
    if (is_needed(l)) {
      batch.push_back(l);
    } else if (sa != sb) {  // a broadcast sum: the longer side is summed alone
      if (sa == 1)
        y.t = rustorch::sum(y.t, IntArrayRef{other}, true);
      else
        x.t = rustorch::sum(x.t, IntArrayRef{da}, true);
      summed.push_back(l);
    } else {
      summed.push_back(l);
    }
  }
  for (const int l : b.labels)
    if (a.find(l) < 0) right.push_back(l);
  auto joined = [](std::vector<int> u, const std::vector<int>& v, const std::vector<int>& w) {
    u.insert(u.end(), v.begin(), v.end());
    u.insert(u.end(), w.begin(), w.end());
    return u;
  };
  Tensor p = arrange(x, joined(batch, left, summed)), q = arrange(y, joined(batch, summed, right));
  const size_t nb = batch.size();
  DimVector sizes, bp, bq;
  for (size_t i = 0; i < nb; ++i) {
    const int64_t sp = p.size(static_cast<int64_t>(i)), sq = q.size(static_cast<int64_t>(i));
    RT_CHECK(sp == sq || sp == 1 || sq == 1, Shape, "einsum",
             "operands do not broadcast with remapped shapes; got sizes ", sp, " and ", sq);
    sizes.push_back(sp == 1 ? sq : sp);
  }
  int64_t n = 1, m = 1, k = 1;
  for (size_t i = 0; i < left.size(); ++i) n *= p.size(static_cast<int64_t>(nb + i));
  for (size_t i = 0; i < summed.size(); ++i) {
    const int64_t sp = p.size(static_cast<int64_t>(nb + left.size() + i)),
                  sq = q.size(static_cast<int64_t>(nb + i));
    RT_CHECK(sp == sq, Shape, "einsum", "operands do not broadcast with remapped shapes; got sizes ", sp,
             " and ", sq);
    k *= sp;
  }
  for (size_t i = 0; i < right.size(); ++i) m *= q.size(static_cast<int64_t>(nb + summed.size() + i));
  const int64_t count = numel_of(sizes);
  DimVector result = sizes;
  for (size_t i = 0; i < left.size(); ++i) result.push_back(p.size(static_cast<int64_t>(nb + i)));
  for (size_t i = 0; i < right.size(); ++i)
    result.push_back(q.size(static_cast<int64_t>(nb + summed.size() + i)));
  auto widen = [&](const Tensor& t) {
    DimVector full = sizes;
    for (size_t d = nb; d < static_cast<size_t>(t.dim()); ++d)
      full.push_back(t.size(static_cast<int64_t>(d)));
    return t.sizes() == IntArrayRef(full) ? t : rustorch::expand(t, full);
  };
  p = widen(p);
  q = widen(q);
  // A sum of one operand alone made 64-bit integers of it.
  if (p.dtype() != q.dtype() && is_integral(p.dtype(), true) && is_integral(q.dtype(), true)) {
    const DType common = promote_types(p.dtype(), q.dtype());
    p = p.to(common);
    q = q.to(common);
  }
  Tensor r;
  if (k == 1)  // nothing is summed: any two dtypes, bool too
    r = rustorch::mul(rustorch::reshape(p, {count, n, 1}), rustorch::reshape(q, {count, 1, m}));
  else if (nb == 0)
    r = rustorch::mm(rustorch::reshape(p, {n, k}), rustorch::reshape(q, {k, m}));
  else
    r = rustorch::bmm(rustorch::reshape(p, {count, n, k}), rustorch::reshape(q, {count, k, m}));
  return {rustorch::reshape(r, result), joined(batch, left, right)};
}

}  // namespace

Tensor einsum(std::string_view equation, TensorList tensors) {
  RT_CHECK(!tensors.empty(), Value, "einsum", "must provide at least one operand");
  const size_t arrow = equation.find("->");
  std::string_view inputs = equation.substr(0, arrow);
  std::vector<Term> terms;
  for (size_t from = 0; from <= inputs.size();) {
    const size_t comma = std::min(inputs.find(',', from), inputs.size());
    terms.push_back(parse_term(inputs.substr(from, comma - from), false));
    from = comma + 1;
  }
  RT_CHECK(terms.size() >= tensors.size(), Value, "einsum",
           "more operands were provided than specified in the equation");
  RT_CHECK(terms.size() <= tensors.size(), Value, "einsum",
           "fewer operands were provided than specified in the equation");
  std::vector<Labelled> operands;
  Counts count{};
  std::array<int64_t, kMaxLabels> size{};
  int ellipsis = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int dims = static_cast<int>(tensors[i].dim());
    const int named = static_cast<int>(
        std::count_if(terms[i].labels.begin(), terms[i].labels.end(), [](int l) { return l >= 0; }));
    const bool dots = named != static_cast<int>(terms[i].labels.size());
    RT_CHECK(
        dots ? named <= dims : named == dims, Value, "einsum", "the number of subscripts in the equation (",
        named,
        dots ? ") is more than the number of dimensions (" : ") does not match the number of dimensions (",
        dims, ") for operand ", static_cast<int64_t>(i), dots ? "" : " and no ellipsis was given");
    ellipsis = std::max(ellipsis, dots ? dims - named : 0);
    operands.push_back(take_diagonals(tensors[i], spell_out(terms[i], dims)));
    for (size_t d = 0; d < operands.back().labels.size(); ++d) {
      const size_t l = static_cast<size_t>(operands.back().labels[d]);
      const int64_t s = operands.back().t.size(static_cast<int64_t>(d));
      RT_CHECK(count[l] == 0 || size[l] == s || size[l] == 1 || s == 1, Shape, "einsum",
               "operands do not broadcast with remapped shapes; got sizes ", size[l], " and ", s,
               " for one subscript");
      size[l] = count[l] == 0 || size[l] == 1 ? s : size[l];
      ++count[l];
    }
  }
  std::vector<int> output;
  if (arrow != std::string_view::npos) {
    Term out = parse_term(equation.substr(arrow + 2), true);
    const int named =
        static_cast<int>(std::count_if(out.labels.begin(), out.labels.end(), [](int l) { return l >= 0; }));
    output = spell_out(out, named + ellipsis);
  } else {
    // the ellipsis, then every letter that occurs once, in order
    for (int i = ellipsis; i > 0; --i) output.push_back(kMaxLabels - i);
    std::array<int, kLetters> times{};
    for (const Term& t : terms)
      for (const int l : t.labels)
        if (l >= 0) ++times[static_cast<size_t>(l)];
    for (int l = 0; l < kLetters; ++l)
      if (times[static_cast<size_t>(l)] == 1) output.push_back(l);
  }
  Counts needed = count;
  for (const int l : output) {
    RT_CHECK(count[static_cast<size_t>(l)] > 0, Value, "einsum", "output subscript ",
             l < kLetters ? std::string(1, static_cast<char>(l < 26 ? 'A' + l : 'a' + l - 26)) : "...",
             " does not appear in the equation for any input operand");
    RT_CHECK(std::count(output.begin(), output.end(), l) == 1, Value, "einsum",
             "output subscript appears more than once in the output");
    ++needed[static_cast<size_t>(l)];
  }
  auto release = [&](const Labelled& x) {
    for (const int l : x.labels) --needed[static_cast<size_t>(l)];
  };
  auto claim = [&](const Labelled& x) {
    for (const int l : x.labels) ++needed[static_cast<size_t>(l)];
  };
  release(operands[0]);
  Labelled acc = drop_unused(operands[0], needed);
  for (size_t i = 1; i < operands.size(); ++i) {
    claim(acc);
    Labelled next = operands[i];
    release(next);
    next = drop_unused(std::move(next), needed);
    release(acc);
    acc = contract(acc, next, needed);
  }
  return arrange(drop_unused(std::move(acc), needed), output);
}

}  // namespace rustorch::impl
