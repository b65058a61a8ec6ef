#include "rustorch/nn/rnn.h"

#include <cmath>

#include "nn/text.h"
#include "rustorch/error.h"
#include "rustorch/nn/init.h"
#include "rustorch/ops.h"

namespace rustorch::nn {

using detail::Recurrent;
using detail::RecurrentMode;
using utils::rnn::PackedSequence;

namespace {
int64_t gates_of(RecurrentMode mode) {
  return mode == RecurrentMode::Lstm ? 4 : mode == RecurrentMode::Gru ? 3 : 1;
}

RecurrentMode mode_of(const std::string& nonlinearity) {
  RT_CHECK(nonlinearity == "tanh" || nonlinearity == "relu", Value, "RNN", "Unknown nonlinearity '",
           nonlinearity, "'. Select from 'tanh' or 'relu'.");
  return nonlinearity == "relu" ? RecurrentMode::Relu : RecurrentMode::Tanh;
}

/// The operator of a mode on the arguments that all have in common.
template <class... Input>
std::tuple<Tensor, std::vector<Tensor>> call(RecurrentMode mode, const std::vector<Tensor>& hx, auto&& rest,
                                             const Input&... input) {
  if (mode == RecurrentMode::Lstm) {
    auto [y, h, c] = rest([&](const auto&... r) { return lstm(input..., TensorList(hx), r...); });
    return {y, {h, c}};
  }
  auto [y, h] = rest([&](const auto&... r) {
    if (mode == RecurrentMode::Gru) return gru(input..., hx[0], r...);
    if (mode == RecurrentMode::Relu) return rnn_relu(input..., hx[0], r...);
    return rnn_tanh(input..., hx[0], r...);
  });
  return {y, {h}};
}

/// Zeros where no states were given; checks the sizes of the others.
std::vector<Tensor> states(const Recurrent& r, const Tensor& input, int64_t batch, std::vector<Tensor> hx) {
  const int64_t layers = r.num_layers * (r.bidirectional ? 2 : 1);
  const int64_t out = r.proj_size > 0 ? r.proj_size : r.hidden_size;
  const size_t count = r.mode == RecurrentMode::Lstm ? 2 : 1;
  const bool given = !hx.empty();
  hx.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t size[] = {layers, batch, i == 0 ? out : r.hidden_size};
    if (!given) hx[i] = zeros(size, input.dtype(), input.device());
    RT_CHECK(hx[i].sizes() == IntArrayRef(size), Shape, "rnn", "Expected hidden",
             count == 2 ? cat("[", i, "]") : std::string(), " size ", IntArrayRef(size), ", got ",
             hx[i].sizes());
  }
  return hx;
}

void check_input(const Recurrent& r, const Tensor& input, int64_t dims) {
  RT_CHECK(input.dim() == dims, Shape, "rnn", "input must have ", dims, " dimensions, got ", input.dim());
  RT_CHECK(input.size(-1) == r.input_size, Shape, "rnn",
           "input.size(-1) must be equal to input_size. Expected ", r.input_size, ", got ", input.size(-1));
}
}  // namespace

void Recurrent::build(Module& m) {
  const std::string name = m.type_name();
  RT_CHECK(hidden_size > 0, Value, name, "hidden_size must be greater than zero");
  RT_CHECK(num_layers > 0, Value, name, "num_layers must be greater than zero");
  RT_CHECK(
      dropout >= 0 && dropout <= 1, Value, name,
      "dropout should be a number in range [0, 1] representing the probability of an element being zeroed");
  RT_CHECK(proj_size >= 0 && proj_size < hidden_size, Value, name,
           "proj_size has to be smaller than hidden_size");
  const int64_t gates = gates_of(mode) * hidden_size, out = proj_size > 0 ? proj_size : hidden_size;
  const int64_t directions = bidirectional ? 2 : 1;
  weights.clear();
  const auto make = [&](const std::string& key, std::vector<int64_t> shape) {
    weights.push_back(m.register_parameter(key, empty(IntArrayRef(shape))));
  };
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    for (int64_t d = 0; d < directions; ++d) {
      const std::string suffix = cat("_l", layer, d == 1 ? "_reverse" : "");
      make("weight_ih" + suffix, {gates, layer == 0 ? input_size : out * directions});
      make("weight_hh" + suffix, {gates, out});
      if (bias) make("bias_ih" + suffix, {gates});
      if (bias) make("bias_hh" + suffix, {gates});
      if (proj_size > 0) make("weight_hr" + suffix, {proj_size, hidden_size});
    }
  }
  const double bound = 1.0 / std::sqrt(static_cast<double>(hidden_size));
  for (const Tensor& w : weights) init::uniform_(w, -bound, bound);
}

std::tuple<Tensor, std::vector<Tensor>> Recurrent::run(const Tensor& input, std::vector<Tensor> hx,
                                                       bool training) const {
  RT_CHECK(input.dim() == 2 || input.dim() == 3, Value, "rnn", "Expected input to be 2D or 3D, got ",
           input.dim(), "D instead");
  const bool batched = input.dim() == 3;
  for (Tensor& h : hx) {
    RT_CHECK(h.dim() == (batched ? 3 : 2), Shape, "rnn", "For ", batched ? "batched 3-D" : "unbatched 2-D",
             " input, hx should also be ", batched ? 3 : 2, "-D but got ", h.dim(), "-D tensor");
    if (!batched) h = h.unsqueeze(1);
  }
  const Tensor x = batched ? input : input.unsqueeze(batch_first ? 0 : 1);
  check_input(*this, x, 3);
  hx = states(*this, x, x.size(batch_first ? 0 : 1), std::move(hx));
  const Tensor data = batch_first ? x.transpose(0, 1) : x;
  const auto rest = [&](auto&& f) {
    return f(TensorList(weights), bias, num_layers, dropout, training, bidirectional, false);
  };
  auto [y, last] = call(mode, hx, rest, data);
  if (batch_first) y = y.transpose(0, 1);
  if (!batched) {
    y = y.squeeze(batch_first ? 0 : 1);
    for (Tensor& h : last) h = h.squeeze(1);
  }
  return {y, last};
}

std::tuple<PackedSequence, std::vector<Tensor>> Recurrent::run(const PackedSequence& input,
                                                               std::vector<Tensor> hx, bool training) const {
  check_input(*this, input.data, 2);
  if (input.sorted_indices.defined()) {
    for (Tensor& h : hx) h = h.index_select(1, input.sorted_indices);
  }
  hx = states(*this, input.data, input.batch_sizes.select(0, 0).item<int64_t>(), std::move(hx));
  const auto rest = [&](auto&& f) {
    return f(TensorList(weights), bias, num_layers, dropout, training, bidirectional);
  };
  auto [y, last] = call(mode, hx, rest, input.data, input.batch_sizes);
  if (input.unsorted_indices.defined()) {
    for (Tensor& h : last) h = h.index_select(1, input.unsorted_indices);
  }
  return {PackedSequence{y, input.batch_sizes, input.sorted_indices, input.unsorted_indices}, last};
}

std::string Recurrent::text() const {
  return text::Fields()
      .raw("", text::py(input_size))
      .raw("", text::py(hidden_size))
      .add_if(proj_size != 0, "proj_size", proj_size)
      .add_if(num_layers != 1, "num_layers", num_layers)
      .add_if(!bias, "bias", bias)
      .add_if(batch_first, "batch_first", batch_first)
      .add_if(dropout != 0, "dropout", dropout)
      .add_if(bidirectional, "bidirectional", bidirectional);
}

namespace {
template <class Options>
Recurrent recurrent(const Options& o, RecurrentMode mode) {
  Recurrent r;
  r.mode = mode;
  r.input_size = o.input_size();
  r.hidden_size = o.hidden_size();
  r.num_layers = o.num_layers();
  r.bias = o.bias();
  r.batch_first = o.batch_first();
  r.dropout = o.dropout();
  r.bidirectional = o.bidirectional();
  return r;
}

std::vector<Tensor> list(const Tensor& hx) {
  return hx.defined() ? std::vector<Tensor>{hx} : std::vector<Tensor>();
}
std::vector<Tensor> list(const std::optional<std::tuple<Tensor, Tensor>>& hx) {
  return hx ? std::vector<Tensor>{std::get<0>(*hx), std::get<1>(*hx)} : std::vector<Tensor>();
}
}  // namespace

void RNNImpl::reset() {
  core_ = recurrent(options, mode_of(options.nonlinearity()));
  core_.build(*this);
}
std::tuple<Tensor, Tensor> RNNImpl::forward(const Tensor& input, const Tensor& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, h[0]};
}
std::tuple<PackedSequence, Tensor> RNNImpl::forward_with_packed_input(const PackedSequence& input,
                                                                      const Tensor& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, h[0]};
}

void LSTMImpl::reset() {
  core_ = recurrent(options, RecurrentMode::Lstm);
  core_.proj_size = options.proj_size();
  core_.build(*this);
}
std::tuple<Tensor, LSTMImpl::State> LSTMImpl::forward(const Tensor& input, const std::optional<State>& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, {h[0], h[1]}};
}
std::tuple<PackedSequence, LSTMImpl::State> LSTMImpl::forward_with_packed_input(
    const PackedSequence& input, const std::optional<State>& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, State{h[0], h[1]}};
}

void GRUImpl::reset() {
  core_ = recurrent(options, RecurrentMode::Gru);
  core_.build(*this);
}
std::tuple<Tensor, Tensor> GRUImpl::forward(const Tensor& input, const Tensor& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, h[0]};
}
std::tuple<PackedSequence, Tensor> GRUImpl::forward_with_packed_input(const PackedSequence& input,
                                                                      const Tensor& hx) {
  const auto [y, h] = core_.run(input, list(hx), is_training());
  return {y, h[0]};
}

// ---- cells

namespace {
template <class Cell>
void build_cell(Cell& m, int64_t chunks) {
  const auto& o = m.options;
  const int64_t rows = chunks * o.hidden_size();
  m.weight_ih = m.register_parameter("weight_ih", empty({rows, o.input_size()}));
  m.weight_hh = m.register_parameter("weight_hh", empty({rows, o.hidden_size()}));
  m.bias_ih = m.register_parameter("bias_ih", o.bias() ? empty({rows}) : Tensor());
  m.bias_hh = m.register_parameter("bias_hh", o.bias() ? empty({rows}) : Tensor());
  const double bound = o.hidden_size() > 0 ? 1.0 / std::sqrt(static_cast<double>(o.hidden_size())) : 0;
  for (const Tensor& w : m.parameters(false)) init::uniform_(w, -bound, bound);
}

/// f(batched input, batched states) -> states, with the batch dimension put in and out again.
template <class Cell, class F>
std::vector<Tensor> run_cell(const Cell& m, const Tensor& input, std::vector<Tensor> hx, size_t count,
                             F&& f) {
  const std::string name = m.type_name();
  const int64_t hidden = m.options.hidden_size();
  RT_CHECK(input.dim() == 1 || input.dim() == 2, Value, name, "Expected input to be 1D or 2D, got ",
           input.dim(), "D instead");
  RT_CHECK(input.size(-1) == m.options.input_size(), Shape, name, "input has inconsistent input_size: got ",
           input.size(-1), " expected ", m.options.input_size());
  const bool batched = input.dim() == 2;
  const Tensor x = batched ? input : input.unsqueeze(0);
  if (hx.empty()) hx.assign(count, zeros({x.size(0), hidden}, x.dtype(), x.device()));
  for (Tensor& h : hx) {
    if (h.dim() == 1) h = h.unsqueeze(0);
    RT_CHECK(h.dim() == 2 && h.size(0) == x.size(0), Shape, name, "Input batch size ", x.size(0),
             " doesn't match hidden batch size ", h.sizes());
    RT_CHECK(h.size(1) == hidden, Shape, name, "hidden has inconsistent hidden_size: got ", h.size(1),
             ", expected ", hidden);
  }
  std::vector<Tensor> out = f(x, hx);
  if (!batched) {
    for (Tensor& h : out) h = h.squeeze(0);
  }
  return out;
}

template <class Options>
std::string cell_text(const Options& o) {
  return text::Fields()
      .raw("", text::py(o.input_size()))
      .raw("", text::py(o.hidden_size()))
      .add_if(!o.bias(), "bias", o.bias());
}
}  // namespace

void RNNCellImpl::reset() {
  mode_of(options.nonlinearity());
  build_cell(*this, 1);
}
Tensor RNNCellImpl::forward(const Tensor& input, const Tensor& hx) {
  return run_cell(*this, input, list(hx), 1, [&](const Tensor& x, const std::vector<Tensor>& h) {
    const bool relu = options.nonlinearity() == "relu";
    return std::vector<Tensor>{
        relu ? rnn_relu_cell(x, h[0], weight_ih, weight_hh, maybe(bias_ih), maybe(bias_hh))
             : rnn_tanh_cell(x, h[0], weight_ih, weight_hh, maybe(bias_ih), maybe(bias_hh))};
  })[0];
}
std::string RNNCellImpl::extra_repr() const {
  const std::string tail =
      options.nonlinearity() != "tanh" ? ", nonlinearity=" + options.nonlinearity() : std::string();
  return cell_text(options) + tail;
}

void LSTMCellImpl::reset() { build_cell(*this, 4); }
LSTMCellImpl::State LSTMCellImpl::forward(const Tensor& input, const std::optional<State>& hx) {
  const auto out = run_cell(*this, input, list(hx), 2, [&](const Tensor& x, const std::vector<Tensor>& h) {
    auto [next, cell] = lstm_cell(x, h, weight_ih, weight_hh, maybe(bias_ih), maybe(bias_hh));
    return std::vector<Tensor>{next, cell};
  });
  return {out[0], out[1]};
}
std::string LSTMCellImpl::extra_repr() const { return cell_text(options); }

void GRUCellImpl::reset() { build_cell(*this, 3); }
Tensor GRUCellImpl::forward(const Tensor& input, const Tensor& hx) {
  return run_cell(*this, input, list(hx), 1, [&](const Tensor& x, const std::vector<Tensor>& h) {
    return std::vector<Tensor>{gru_cell(x, h[0], weight_ih, weight_hh, maybe(bias_ih), maybe(bias_hh))};
  })[0];
}
std::string GRUCellImpl::extra_repr() const { return cell_text(options); }

}  // namespace rustorch::nn
