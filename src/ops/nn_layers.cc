// Small layers written with public operators: shuffles, similarities, attention, bilinear.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/promotion.h"
#include "gen/impl.h"
#include "ops/image_layout.h"
#include "ops/nn_common.h"
#include "rustorch/aten.h"
#include "rustorch/grad_mode.h"

namespace rustorch::impl {

Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor) {
  constexpr const char* op = "pixel_shuffle";
  const int64_t r = upscale_factor;
  RT_CHECK(self.dim() >= 3, Shape, op, "expects input to have at least 3 dimensions, but got input with ",
           self.dim(), " dimension(s)");
  RT_CHECK(r > 0, Value, op, "expects a positive upscale_factor, but got ", r);
  const int64_t c = self.size(-3), h = self.size(-2), w = self.size(-1);
  RT_CHECK(c % (r * r) == 0, Shape, op,
           "expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
           "input.size(-3)=",
           c, " is not divisible by ", r * r);
  const int64_t lead = self.dim() - 3;
  DimVector split = self.sizes().slice(0, static_cast<size_t>(lead)).vec(), shape = split, perm;
  for (const int64_t s : {c / (r * r), r, r, h, w}) split.push_back(s);
  for (const int64_t s : {c / (r * r), h * r, w * r}) shape.push_back(s);
  for (int64_t d = 0; d < lead; ++d) perm.push_back(d);
  for (const int64_t d : {0, 3, 1, 4, 2}) perm.push_back(lead + d);
  return rustorch::reshape(rustorch::permute(rustorch::reshape(self, split), perm), shape);
}

Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor) {
  constexpr const char* op = "pixel_unshuffle";
  const int64_t r = downscale_factor;
  RT_CHECK(self.dim() >= 3, Shape, op, "expects input to have at least 3 dimensions, but got input with ",
           self.dim(), " dimension(s)");
  RT_CHECK(r > 0, Value, op, "expects a positive downscale_factor, but got ", r);
  const int64_t c = self.size(-3), h = self.size(-2), w = self.size(-1);
  RT_CHECK(h % r == 0, Shape, op,
           "expects height to be divisible by downscale_factor, but input.size(-2)=", h,
           " is not divisible by ", r);
  RT_CHECK(w % r == 0, Shape, op, "expects width to be divisible by downscale_factor, but input.size(-1)=", w,
           " is not divisible by ", r);
  const int64_t lead = self.dim() - 3;
  DimVector split = self.sizes().slice(0, static_cast<size_t>(lead)).vec(), shape = split, perm;
  for (const int64_t s : {c, h / r, r, w / r, r}) split.push_back(s);
  for (const int64_t s : {c * r * r, h / r, w / r}) shape.push_back(s);
  for (int64_t d = 0; d < lead; ++d) perm.push_back(d);
  for (const int64_t d : {0, 2, 4, 1, 3}) perm.push_back(lead + d);
  return rustorch::reshape(rustorch::permute(rustorch::reshape(self, split), perm), shape);
}

Tensor channel_shuffle(const Tensor& self, int64_t groups) {
  constexpr const char* op = "channel_shuffle";
  RT_CHECK(self.dim() > 2, Shape, op, "expects input with > 2 dims, but got input with sizes ", self.sizes());
  const int64_t c = self.size(1);
  RT_CHECK(groups > 0, Value, op,
           "Number of groups to divide channels in must be positive. Value of groups:", groups);
  RT_CHECK(c % groups == 0, Shape, op, "Number of channels must be divisible by groups. Got ", c,
           " channels and ", groups, " groups.");
  const int64_t n = self.size(0), rest = numel_of(self.sizes().slice(2));
  const Tensor split = rustorch::reshape(self, {n, groups, c / groups, rest});
  const Tensor shuffled = rustorch::clone(rustorch::transpose(split, 1, 2), MemoryFormat::Contiguous);
  // never an alias, of one group neither
  return rustorch::contiguous(rustorch::reshape(shuffled, self.sizes()), image_format(self));
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
  const DType common = promote_types(x1.dtype(), x2.dtype());
  RT_CHECK(is_floating_point(common), DType, "cosine_similarity",
           "expected common dtype to be floating point, yet common dtype is ", common);
  const int64_t dims[] = {dim};
  const auto norm = [&](const Tensor& t) {  // the floor is none of its gradient's business, which is 0 at 0
    Tensor n = rustorch::linalg_vector_norm(t, Scalar(2), dims, true).clone();
    NoGradGuard no_grad;
    return n.clamp_min_(Scalar(eps));
  };
  const auto shape = broadcast_shapes("cosine_similarity", x1.sizes(), x2.sizes());
  const Tensor a = rustorch::expand(x1, shape), b = rustorch::expand(x2, shape);
  return rustorch::sum(rustorch::mul(rustorch::div(a, norm(a)), rustorch::div(b, norm(b))), dims);
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  const Tensor difference = rustorch::add(rustorch::sub(x1, x2), eps);
  return rustorch::norm(difference, Scalar(p), IntArrayRef{-1}, keepdim);
}

namespace {

// [B, H, L, E] lying in memory as [B, L, H, E], so that joining the heads again costs nothing.
Tensor make_heads(int64_t batch, int64_t heads, int64_t rows, int64_t cols, const Tensor& like) {
  const int64_t sizes[] = {batch, heads, rows, cols},
                strides[] = {rows * heads * cols, cols, heads * cols, 1};
  return make_strided(sizes, strides, like.dtype(), like.device());
}

Tensor dense_rows(const Tensor& t) {
  return t.stride(-1) == 1 && t.stride(-2) >= t.size(-1) ? t : contiguous_raw(t);
}

// True when the fused kernel takes these tensors.
bool fits_fused(const Tensor& q, const Tensor& k, const Tensor& v) {
  if (q.dim() != 4 || k.dim() != 4 || v.dim() != 4) return false;
  if (q.dtype() != kFloat32 && q.dtype() != kFloat64) return false;
  for (int64_t d = 0; d < 2; ++d)
    if (q.size(d) != k.size(d) || q.size(d) != v.size(d)) return false;
  return q.size(3) == k.size(3) && k.size(2) == v.size(2) && q.numel() > 0 && k.numel() > 0 && v.numel() > 0;
}

}  // namespace

std::tuple<Tensor, Tensor> _attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                      bool is_causal, double scale) {
  AttentionCall call{};
  call.kind = AttentionKind::Forward;
  call.query = dense_rows(query);
  call.key = dense_rows(key);
  call.value = dense_rows(value);
  call.scale = scale;
  call.causal = is_causal;
  call.out = make_heads(query.size(0), query.size(1), query.size(2), value.size(3), query);
  call.lse = make_tensor({query.size(0), query.size(1), query.size(2)}, query.dtype(), query.device());
  backend_for(call.out).attention(call);
  return {call.out, call.lse};
}

std::tuple<Tensor, Tensor, Tensor> _attention_backward(const Tensor& grad, const Tensor& query,
                                                       const Tensor& key, const Tensor& value,
                                                       const Tensor& lse, bool is_causal, double scale) {
  AttentionCall call{};
  call.kind = AttentionKind::Backward;
  call.grad = dense_rows(grad);
  call.query = dense_rows(query);
  call.key = dense_rows(key);
  call.value = dense_rows(value);
  call.lse = lse;
  call.scale = scale;
  call.causal = is_causal;
  const auto like = [](const Tensor& t) { return make_heads(t.size(0), t.size(1), t.size(2), t.size(3), t); };
  call.grad_query = like(query);
  call.grad_key = like(key);
  call.grad_value = like(value);
  backend_for(grad).attention(call);
  return {call.grad_query, call.grad_key, call.grad_value};
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const std::optional<Tensor>& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  constexpr const char* op = "scaled_dot_product_attention";
  RT_CHECK(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2, Shape, op,
           "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ",
           query.dim(), ", key.dim: ", key.dim(), " and value.dim: ", value.dim(), " instead.");
  RT_CHECK(query.dtype() == key.dtype() && query.dtype() == value.dtype(), DType, op,
           "Expected query, key, and value to have the same dtype, but got query.dtype: ", query.dtype(),
           " key.dtype: ", key.dtype(), " and value.dtype: ", value.dtype(), " instead.");
  const bool masked = attn_mask && attn_mask->defined();
  RT_CHECK(!(masked && is_causal), Value, op, "Explicit attn_mask should not be set when is_causal=True");
  RT_CHECK(!masked || attn_mask->dtype() == kBool || attn_mask->is_floating_point(), DType, op,
           "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ",
           attn_mask->dtype(), " and  query.dtype: ", query.dtype(), " instead.");
  const double s = scale ? *scale : 1.0 / std::sqrt(static_cast<double>(query.size(-1)));
  Tensor k = key, v = value;
  if (enable_gqa && query.dim() >= 3 && key.size(-3) != query.size(-3)) {
    k = rustorch::repeat_interleave(key, query.size(-3) / key.size(-3), -3);
    v = rustorch::repeat_interleave(value, query.size(-3) / value.size(-3), -3);
  }
  if (is_reduced_float(query.dtype())) {  // scores and probabilities in float
    std::optional<Tensor> mask = attn_mask;
    if (masked && attn_mask->dtype() != kBool) mask = rustorch::to(*attn_mask, kFloat32);
    return rustorch::to(rustorch::scaled_dot_product_attention(
                            rustorch::to(query, kFloat32), rustorch::to(k, kFloat32),
                            rustorch::to(v, kFloat32), mask, dropout_p, is_causal, s, false),
                        query.dtype());
  }
  if (!masked && dropout_p == 0 && fits_fused(query, k, v))
    return std::get<0>(rustorch::_attention(query, k, v, is_causal, s));
  Tensor scores = rustorch::matmul(rustorch::mul(query, s), rustorch::transpose(k, -2, -1));
  if (is_causal) {
    const Tensor allowed =
        rustorch::tril(rustorch::ones({query.size(-2), k.size(-2)}, kBool, query.device()));
    scores = rustorch::masked_fill(scores, rustorch::logical_not(allowed),
                                   Scalar(-std::numeric_limits<double>::infinity()));
  } else if (masked) {
    // added, not filled in: a score of nan stays nan behind the mask
    const Tensor none = rustorch::zeros({}, scores.dtype(), scores.device());
    const Tensor hidden =
        attn_mask->dtype() == kBool
            ? rustorch::where(*attn_mask, none, rustorch::sub(none, std::numeric_limits<double>::infinity()))
            : *attn_mask;
    scores = rustorch::add(scores, hidden);
  }
  // rows that may look at nothing give 0, not nan
  Tensor weights = masked ? rustorch::_safe_softmax(scores, -1) : rustorch::softmax(scores, -1);
  if (dropout_p > 0) weights = rustorch::dropout(weights, dropout_p, true);
  return rustorch::matmul(weights, v);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const std::optional<Tensor>& bias) {
  constexpr const char* op = "bilinear";
  RT_CHECK(input1.dim() == input2.dim(), Shape, op, "input dimensions do not match: got ", input1.dim(),
           " and ", input2.dim());
  RT_CHECK(weight.dim() == 3 && input1.size(-1) == weight.size(1), Shape, op,
           "input1 size does not match weight size: got ", input1.size(-1), " but expected ",
           weight.dim() == 3 ? weight.size(1) : -1);
  RT_CHECK(input2.size(-1) == weight.size(2), Shape, op, "input2 size does not match weight size: got ",
           input2.size(-1), " but expected ", weight.size(2));
  const int64_t i = weight.size(1), j = weight.size(2), o = weight.size(0);
  const int64_t rows = input1.numel() / std::max<int64_t>(i, 1);
  const Tensor a = rustorch::reshape(input1, {rows, i}), b = rustorch::reshape(input2, {rows, j});
  // [rows, o * j] by one product, then the sum over j
  const Tensor left = rustorch::mm(a, rustorch::reshape(rustorch::permute(weight, {1, 0, 2}), {i, o * j}));
  Tensor out = rustorch::sum(rustorch::mul(rustorch::reshape(left, {rows, o, j}), rustorch::unsqueeze(b, 1)),
                             IntArrayRef{2});
  if (bias && bias->defined()) out = rustorch::add(out, *bias);
  DimVector shape = input1.sizes().vec();
  shape.back() = o;
  return rustorch::reshape(rustorch::to(out, input1.dtype()), shape);
}

}  // namespace rustorch::impl
