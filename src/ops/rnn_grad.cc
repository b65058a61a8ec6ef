// Gradients of recurrent layers. When the backward is recorded, the layer is run again as one operator per
// step and gate, from fresh aliases of its inputs, and that graph is differentiated: its gradients carry
// history.
#include "ops/rnn_grad.h"

#include <vector>

#include "backend/families_nn.h"
#include "rustorch/autograd.h"
#include "rustorch/grad_mode.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

using MaybeTensor = std::optional<Tensor>;

bool has(const MaybeTensor& t) { return t && t->defined(); }

struct State {
  Tensor h, c;  // c: Lstm only
  State rows(int64_t from, int64_t to) const {
    return {narrow(h, 0, from, to - from), c.defined() ? narrow(c, 0, from, to - from) : c};
  }
};

Tensor join(const Tensor& a, const Tensor& b) { return a.defined() ? cat(std::vector<Tensor>{a, b}, 0) : a; }

struct Weights {
  Tensor w_hh;
  MaybeTensor b_hh, w_hr;
};

State one_step(RnnMode mode, const Tensor& sums, const State& s, const Weights& w) {
  const Tensor recurrent = linear(s.h, w.w_hh, w.b_hh);
  if (mode == RnnMode::Tanh) return {tanh(add(sums, recurrent)), {}};
  if (mode == RnnMode::Relu) return {relu(add(sums, recurrent)), {}};
  if (mode == RnnMode::Lstm) {
    const std::vector<Tensor> g = chunk(add(sums, recurrent), 4, -1);
    const Tensor c = add(mul(sigmoid(g[1]), s.c), mul(sigmoid(g[0]), tanh(g[2])));
    const Tensor h = mul(sigmoid(g[3]), tanh(c));
    return {has(w.w_hr) ? linear(h, *w.w_hr) : h, c};
  }
  const std::vector<Tensor> x = chunk(sums, 3, -1), r = chunk(recurrent, 3, -1);
  const Tensor fresh = tanh(add(x[2], mul(sigmoid(add(x[0], r[0])), r[2])));
  return {add(fresh, mul(sigmoid(add(x[1], r[1])), sub(s.h, fresh))), {}};
}

// output, h_n and c_n of a layer with history.
std::array<Tensor, 3> layer_of_steps(const Tensor& sums, const State& first, const Weights& w,
                                     IntArrayRef batch_sizes, RnnMode mode, bool reverse) {
  const auto steps = static_cast<int64_t>(batch_sizes.size());
  std::vector<Tensor> outputs(batch_sizes.size());
  State s = first, done;
  int64_t before = sums.size(0), at = 0;
  for (int64_t i = 0; i < steps; ++i) {
    const auto t = static_cast<size_t>(reverse ? steps - 1 - i : i);
    const int64_t n = batch_sizes[t], have = i == 0 ? n : s.h.size(0);
    if (i == 0) {
      s = first.rows(0, n);
    } else if (n > have) {  // sequences that end here, when going backwards
      const State more = first.rows(have, n);
      s = {join(s.h, more.h), join(s.c, more.c)};
    } else if (n < have) {  // sequences that ended before this step
      const State ended = s.rows(n, have);
      done = done.h.defined() ? State{join(ended.h, done.h), join(ended.c, done.c)} : ended;
      s = s.rows(0, n);
    }
    before -= n;
    s = one_step(mode, narrow(sums, 0, reverse ? before : at, n), s, w);
    at += n;
    outputs[t] = s.h;
  }
  if (done.h.defined()) s = {join(s.h, done.h), join(s.c, done.c)};
  return {cat(outputs, 0), s.h, s.c};
}

}  // namespace

std::array<Tensor, 8> rnn_layer_grads(const Tensor& g_output, const Tensor& g_h, const Tensor& g_c,
                                      const Tensor& input, const Tensor& h0, const MaybeTensor& c0,
                                      const Tensor& w_ih, const Tensor& w_hh, const MaybeTensor& b_ih,
                                      const MaybeTensor& b_hh, const MaybeTensor& w_hr,
                                      IntArrayRef batch_sizes, int64_t mode, bool reverse,
                                      const Tensor& output, const Tensor& gates, const Tensor& cells,
                                      const std::array<bool, 8>& grad_mask) {
  std::array<Tensor, 8> result;
  if (!GradMode::is_enabled()) {
    int64_t wanted = 0;
    for (size_t i = 0; i < 8; ++i) wanted |= static_cast<int64_t>(grad_mask[i]) << i;
    const auto optional = [](const Tensor& t) { return t.defined() ? MaybeTensor(t) : std::nullopt; };
    const std::vector<Tensor> all =
        _rnn_layer_backward(optional(g_output), optional(g_h), optional(g_c), input, h0, c0, w_ih, w_hh, b_ih,
                            b_hh, w_hr, batch_sizes, mode, reverse, output, gates, cells, wanted);
    for (size_t i = 0; i < 8; ++i)
      if (grad_mask[i]) result[i] = all[i];
    return result;
  }
  std::array<Tensor, 8> own;
  const MaybeTensor given[] = {input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr};
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < 8; ++i) {
    if (!has(given[i])) continue;
    own[i] = view(*given[i], given[i]->sizes());
    if (grad_mask[i]) inputs.push_back(own[i]);
  }
  const auto maybe = [&](size_t i) { return own[i].defined() ? MaybeTensor(own[i]) : std::nullopt; };
  const auto results =
      layer_of_steps(linear(own[0], own[3], maybe(5)), State{own[1], own[2]},
                     Weights{own[4], maybe(6), maybe(7)}, batch_sizes, static_cast<RnnMode>(mode), reverse);
  std::vector<Tensor> outputs, grads;
  const Tensor* arrived[] = {&g_output, &g_h, &g_c};
  for (size_t i = 0; i < 3; ++i) {
    if (!arrived[i]->defined() || !results[i].defined()) continue;
    outputs.push_back(results[i]);
    grads.push_back(*arrived[i]);
  }
  const std::vector<Tensor> found = autograd::grad(outputs, inputs, grads, true, true, true);
  size_t next = 0;
  for (size_t i = 0; i < 8; ++i)
    if (has(given[i]) && grad_mask[i]) result[i] = found[next++];
  return result;
}

}  // namespace rustorch
