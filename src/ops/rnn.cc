// Recurrent layers: one node per layer and direction; networks and cells are made of such layers.
#include <algorithm>
#include <vector>

#include "autograd/transform_call.h"
#include "gen/impl.h"
#include "ops/nn_common.h"
#include "rustorch/grad_mode.h"

namespace rustorch::impl {
namespace {

using nn_detail::kernel_dtype;
using nn_detail::kernel_input;
using MaybeTensor = std::optional<Tensor>;

constexpr const char* kOp = "rnn";

bool has(const MaybeTensor& t) { return t && t->defined(); }

// Whether a backward may come that reads a layer's gates.
bool keeps_gates() { return GradMode::is_enabled() || transforming(); }

int64_t gate_count(RnnMode mode) { return mode == RnnMode::Lstm ? 4 : mode == RnnMode::Gru ? 3 : 1; }

void check_matrix(const Tensor& t, const char* name, int64_t rows, int64_t cols) {
  if (t.dim() != 2 || t.size(0) != rows || t.size(1) != cols) [[unlikely]]
    raise_shape(
        kOp,
        rustorch::cat(name, " has the wrong shape; got ", t.sizes(), "; expected [", rows, ", ", cols, "]"),
        t.sizes(), {rows, cols});
}

// What forward and backward share: sizes, and the operands in the kernel's type.
struct Layer {
  RnnMode mode;
  DType compute;
  int64_t total, batch, hidden, width, gates;
  Tensor input, h0, c0, w_ih, w_hh, w_hr;

  Layer(const Tensor& input_in, const Tensor& h0_in, const MaybeTensor& c0_in, const Tensor& w_ih_in,
        const Tensor& w_hh_in, const MaybeTensor& w_hr_in, IntArrayRef batch_sizes, int64_t mode_in)
      : mode(static_cast<RnnMode>(mode_in)), compute(kernel_dtype(kOp, input_in.dtype())) {
    RT_CHECK(mode_in >= 0 && mode_in <= 3, Value, kOp, "mode must be 0 to 3; got ", mode_in);
    RT_CHECK(input_in.dim() == 2, Shape, kOp, "input must be [total, features]; got ", input_in.sizes());
    RT_CHECK(h0_in.dim() == 2 && w_ih_in.dim() == 2 && w_hh_in.dim() == 2, Shape, kOp,
             "states and weights must be matrices");
    total = input_in.size(0);
    batch = h0_in.size(0);
    width = w_hh_in.size(1);
    gates = w_hh_in.size(0);
    RT_CHECK(gates % gate_count(mode) == 0, Shape, kOp, "w_hh has ", gates, " rows; expected a multiple of ",
             gate_count(mode));
    hidden = gates / gate_count(mode);
    check_matrix(w_ih_in, "w_ih", gates, input_in.size(1));
    check_matrix(h0_in, "h_0", batch, width);
    for (const Tensor* t : {&h0_in, &w_ih_in, &w_hh_in})
      RT_CHECK(t->dtype() == input_in.dtype(), DType, kOp,
               "input, states and weights must have the same dtype; got ", input_in.dtype(), " and ",
               t->dtype());
    if (has(w_hr_in)) check_matrix(*w_hr_in, "w_hr", width, hidden);
    RT_CHECK(has(w_hr_in) ? mode == RnnMode::Lstm : width == hidden, Shape, kOp, "w_hh has ", width,
             " columns; expected ", hidden);
    if (mode == RnnMode::Lstm) {
      RT_CHECK(has(c0_in), Value, kOp, "an LSTM needs c_0");
      check_matrix(*c0_in, "c_0", batch, hidden);
    }
    check_batch_sizes(batch_sizes);
    input = kernel_input(input_in, compute);
    h0 = kernel_input(h0_in, compute);
    w_ih = kernel_input(w_ih_in, compute);
    w_hh = kernel_input(w_hh_in, compute);
    if (mode == RnnMode::Lstm) c0 = kernel_input(*c0_in, compute);
    if (has(w_hr_in)) w_hr = kernel_input(*w_hr_in, compute);
  }

  void check_batch_sizes(IntArrayRef sizes) const {
    int64_t sum = 0, last = batch;
    for (const int64_t n : sizes) {
      RT_CHECK(n >= 0 && n <= last, Value, kOp, "batch sizes must not grow; got ", sizes);
      last = n;
      sum += n;
    }
    RT_CHECK(!sizes.empty() && sizes[0] == batch && sum == total, Value, kOp, "batch sizes ", sizes,
             " do not fit ", total, " rows of input and ", batch, " of h_0");
  }

  RnnCall call(RnnKind kind, IntArrayRef batch_sizes, bool reverse) const {
    RnnCall c{};
    c.kind = kind;
    c.mode = mode;
    c.reverse = reverse;
    c.steps = static_cast<int64_t>(batch_sizes.size());
    c.hidden = hidden;
    c.batch_sizes = batch_sizes.data();
    c.h0 = h0;
    c.c0 = c0;
    c.w_hh = w_hh;
    c.w_hr = w_hr;
    return c;
  }

  Tensor make(int64_t rows, int64_t cols) const { return make_tensor({rows, cols}, compute, input.device()); }
  Tensor none() const { return make_tensor({0}, compute, input.device()); }
};

Tensor vector_input(const MaybeTensor& t, int64_t size, DType compute) {
  if (!has(t)) return {};
  RT_CHECK(t->dim() == 1 && t->size(0) == size, Shape, kOp, "a bias must have ", size, " elements; got ",
           t->sizes());
  return kernel_input(*t, compute);
}

// The gradient of the recurrent weights: sum over steps of d^T h, h being the state the step started from.
Tensor recurrent_gradient(const Layer& l, const Tensor& d, const Tensor& output, IntArrayRef batch_sizes,
                          bool reverse) {
  const auto product = [](const Tensor& a, const Tensor& b) {
    return rustorch::mm(rustorch::transpose(a, 0, 1), b);
  };
  const auto steps = static_cast<int64_t>(batch_sizes.size());
  if (batch_sizes.front() == batch_sizes.back()) {
    const int64_t n = l.batch, rest = l.total - n;
    const Tensor first = product(rustorch::narrow(d, 0, reverse ? rest : 0, n), l.h0);
    if (rest == 0) return first;
    return rustorch::addmm(first, rustorch::transpose(rustorch::narrow(d, 0, reverse ? 0 : n, rest), 0, 1),
                           rustorch::narrow(output, 0, reverse ? n : 0, rest));
  }
  std::vector<Tensor> states;
  int64_t at = 0;
  for (int64_t t = 0; t < steps; ++t) {
    const int64_t n = batch_sizes[static_cast<size_t>(t)];
    if (!reverse) {
      if (t == 0) {
        states.push_back(l.h0);
      } else {
        states.push_back(rustorch::narrow(output, 0, at - batch_sizes[static_cast<size_t>(t - 1)], n));
      }
    } else {
      const int64_t have = t + 1 < steps ? batch_sizes[static_cast<size_t>(t + 1)] : 0;
      if (have > 0) states.push_back(rustorch::narrow(output, 0, at + n, have));
      if (n > have) states.push_back(rustorch::narrow(l.h0, 0, have, n - have));
    }
    at += n;
  }
  return product(d, rustorch::cat(states, 0));
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> _rnn_layer(
    const Tensor& input, const Tensor& h0, const MaybeTensor& c0, const Tensor& w_ih, const Tensor& w_hh,
    const MaybeTensor& b_ih, const MaybeTensor& b_hh, const MaybeTensor& w_hr, IntArrayRef batch_sizes,
    int64_t mode, bool reverse, bool keep) {
  const Layer l(input, h0, c0, w_ih, w_hh, w_hr, batch_sizes, mode);
  RnnCall call = l.call(RnnKind::Forward, batch_sizes, reverse);
  const Tensor bi = vector_input(b_ih, l.gates, l.compute), bh = vector_input(b_hh, l.gates, l.compute);
  const bool gru = l.mode == RnnMode::Gru, lstm = l.mode == RnnMode::Lstm;
  MaybeTensor bias;
  if (bi.defined()) bias = bh.defined() && !gru ? rustorch::add(bi, bh) : bi;
  if (!bi.defined() && bh.defined() && !gru) bias = bh;
  if (gru) call.b_hh = bh;
  if (gru || lstm) {
    call.x = l.input;
    call.w_ih = l.w_ih;
    if (bias) call.bias = *bias;
    if (keep) call.gates = l.make(l.total, l.gates);
    call.out = l.make(l.total, l.width);
    call.cells = l.make(lstm || keep ? l.total : l.batch, l.hidden);
  } else {
    call.out = rustorch::linear(l.input, l.w_ih, bias);
    call.cells = l.none();
  }
  call.h_n = l.make(l.batch, l.width);
  call.c_n = lstm ? l.make(l.batch, l.hidden) : l.none();
  if (l.batch > 0) backend_for(call.out).rnn(call);
  const auto give = [&](const Tensor& t) { return cast_raw(t, input.dtype()); };
  const bool kept = keep && (gru || lstm);
  return {give(call.out), give(call.h_n), give(call.c_n), kept ? call.gates : l.none(),
          kept ? call.cells : l.none()};
}

std::vector<Tensor> _rnn_layer_backward(const MaybeTensor& grad_output, const MaybeTensor& grad_h,
                                        const MaybeTensor& grad_c, const Tensor& input, const Tensor& h0,
                                        const MaybeTensor& c0, const Tensor& w_ih, const Tensor& w_hh,
                                        const MaybeTensor& b_ih, const MaybeTensor& b_hh,
                                        const MaybeTensor& w_hr, IntArrayRef batch_sizes, int64_t mode,
                                        bool reverse, const Tensor& output, const Tensor& gates,
                                        const Tensor& cells, int64_t wanted) {
  const Layer l(input, h0, c0, w_ih, w_hh, w_hr, batch_sizes, mode);
  const bool gru = l.mode == RnnMode::Gru, lstm = l.mode == RnnMode::Lstm;
  const auto wants = [&](int i) { return (wanted >> i & 1) != 0; };
  // The kernel overwrites the states' gradients, so they are copies.
  const auto start = [&](const MaybeTensor& g, int64_t cols) {
    return has(g) ? rustorch::clone(kernel_input(*g, l.compute))
                  : rustorch::zeros({l.batch, cols}, l.compute, l.input.device());
  };
  RnnCall call = l.call(RnnKind::Backward, batch_sizes, reverse);
  call.out = kernel_input(output, l.compute);
  call.gates = gru || lstm ? gates : call.out;
  call.cells = cells;
  if (has(grad_output)) call.grad_out = kernel_input(*grad_output, l.compute);
  call.grad_h = start(grad_h, l.width);
  if (lstm) call.grad_c = start(grad_c, l.hidden);
  call.grad_gates = l.make(l.total, l.gates);
  if (gru) call.grad_hidden = l.make(l.total, l.gates);
  if (l.w_hr.defined() && wants(7))
    call.grad_w_hr = rustorch::zeros({l.width, l.hidden}, l.compute, l.input.device());
  if (l.batch > 0) backend_for(call.out).rnn(call);
  const Tensor &d = call.grad_gates, &recurrent = gru ? call.grad_hidden : d;
  std::vector<Tensor> result(8);
  const auto set = [&](size_t i, const Tensor& t) { result[i] = cast_raw(t, input.dtype()); };
  if (wants(0)) set(0, rustorch::mm(d, l.w_ih));
  if (wants(1)) set(1, call.grad_h);
  if (wants(2) && lstm) set(2, call.grad_c);
  if (wants(3)) set(3, rustorch::mm(rustorch::transpose(d, 0, 1), l.input));
  if (wants(4)) set(4, recurrent_gradient(l, recurrent, call.out, batch_sizes, reverse));
  const Tensor bias = wants(5) || wants(6) ? rustorch::sum(d, IntArrayRef{0}) : Tensor();
  if (wants(5) && has(b_ih)) set(5, bias);
  if (wants(6) && has(b_hh)) set(6, gru ? rustorch::sum(recurrent, IntArrayRef{0}) : rustorch::clone(bias));
  if (call.grad_w_hr.defined()) set(7, call.grad_w_hr);
  return result;
}

namespace {

// Layers one on the other, in one or two directions.
struct Network {
  const char* op;
  RnnMode mode;
  TensorList params;
  bool has_biases;
  int64_t num_layers;
  double dropout;
  bool train, bidirectional;

  // data [total, features] -> output [total, directions * P], h_n, c_n [layers * directions, N, ...].
  std::tuple<Tensor, Tensor, Tensor> run(Tensor data, IntArrayRef batch_sizes, const Tensor& h0,
                                         const Tensor& c0) const {
    const int64_t directions = bidirectional ? 2 : 1, count = num_layers * directions;
    RT_CHECK(num_layers >= 1, Value, op, "num_layers must be positive; got ", num_layers);
    RT_CHECK(
        h0.dim() == 3 && h0.size(0) == count && (!c0.defined() || (c0.dim() == 3 && c0.size(0) == count)),
        Shape, op, "states must be [", count, ", batch, size]; got ", h0.sizes());
    const bool projected = c0.defined() && c0.size(2) != h0.size(2);
    const int64_t per = 2 + (has_biases ? 2 : 0) + (projected ? 1 : 0);
    RT_CHECK(static_cast<int64_t>(params.size()) == count * per, Value, op, "got ", params.size(),
             " weights; expected ", count * per);
    std::vector<Tensor> last_h, last_c;
    for (int64_t layer = 0; layer < num_layers; ++layer) {
      std::vector<Tensor> outputs;
      for (int64_t d = 0; d < directions; ++d) {
        const int64_t k = layer * directions + d;
        const Tensor* w = params.data() + k * per;
        const auto bias = [&](int i) { return has_biases ? MaybeTensor(w[2 + i]) : std::nullopt; };
        auto [out, h, c, gates, cells] =
            rustorch::_rnn_layer(data, rustorch::select(h0, 0, k),
                                 c0.defined() ? MaybeTensor(rustorch::select(c0, 0, k)) : std::nullopt, w[0],
                                 w[1], bias(0), bias(1), projected ? MaybeTensor(w[per - 1]) : std::nullopt,
                                 batch_sizes, static_cast<int64_t>(mode), d == 1, keeps_gates());
        outputs.push_back(out);
        last_h.push_back(h);
        if (mode == RnnMode::Lstm) last_c.push_back(c);
      }
      data = directions == 1 ? outputs[0] : rustorch::cat(outputs, -1);
      if (dropout > 0 && train && layer + 1 < num_layers) data = rustorch::dropout(data, dropout, true);
    }
    const auto together = [](const std::vector<Tensor>& list) {
      if (list.empty()) return Tensor();
      return list.size() == 1 ? rustorch::unsqueeze(list[0], 0) : rustorch::stack(list, 0);
    };
    return {data, together(last_h), together(last_c)};
  }

  std::tuple<Tensor, Tensor, Tensor> padded(const Tensor& input, const Tensor& h0, const Tensor& c0,
                                            bool batch_first) const {
    RT_CHECK(input.dim() == 3, Shape, op, "input must have 3 dimensions, got ", input.dim());
    const Tensor x = batch_first ? rustorch::transpose(input, 0, 1) : input;
    const int64_t steps = x.size(0), batch = x.size(1);
    RT_CHECK(steps > 0, Value, op, "Expected sequence length to be larger than 0 in RNN");
    const DimVector sizes(static_cast<size_t>(steps), batch);
    auto [out, h, c] = run(rustorch::reshape(x, {steps * batch, x.size(2)}), sizes, h0, c0);
    out = rustorch::view(out, {steps, batch, out.size(-1)});
    return {batch_first ? rustorch::transpose(out, 0, 1) : out, h, c};
  }

  std::tuple<Tensor, Tensor, Tensor> packed(const Tensor& data, const Tensor& batch_sizes, const Tensor& h0,
                                            const Tensor& c0) const {
    RT_CHECK(data.dim() == 2, Shape, op, "packed data must have 2 dimensions, got ", data.dim());
    RT_CHECK(batch_sizes.dim() == 1 && batch_sizes.dtype() == kInt64, Type, op,
             "batch_sizes must be a vector of int64; got ", batch_sizes.dtype(), " ", batch_sizes.sizes());
    const Tensor dense = contiguous_raw(batch_sizes);
    const IntArrayRef sizes(dense.impl()->data<int64_t>(), static_cast<size_t>(dense.numel()));
    return run(data, sizes, h0, c0);
  }
};

void check_states(const char* op, TensorList hx) {
  RT_CHECK(hx.size() == 2, Value, op, op, " expects two hidden states");
}

Tensor cell(RnnMode mode, const Tensor& input, const Tensor& h, const Tensor& w_ih, const Tensor& w_hh,
            const MaybeTensor& b_ih, const MaybeTensor& b_hh) {
  const int64_t sizes[] = {h.dim() == 2 ? h.size(0) : 0};
  return std::get<0>(rustorch::_rnn_layer(input, h, std::nullopt, w_ih, w_hh, b_ih, b_hh, std::nullopt, sizes,
                                          static_cast<int64_t>(mode), false, keeps_gates()));
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor> lstm_input(const Tensor& input, TensorList hx, TensorList params,
                                              bool has_biases, int64_t num_layers, double dropout, bool train,
                                              bool bidirectional, bool batch_first) {
  check_states("lstm", hx);
  const Network net{"lstm", RnnMode::Lstm, params, has_biases, num_layers, dropout, train, bidirectional};
  return net.padded(input, hx[0], hx[1], batch_first);
}

std::tuple<Tensor, Tensor, Tensor> lstm_data(const Tensor& data, const Tensor& batch_sizes, TensorList hx,
                                             TensorList params, bool has_biases, int64_t num_layers,
                                             double dropout, bool train, bool bidirectional) {
  check_states("lstm", hx);
  const Network net{"lstm", RnnMode::Lstm, params, has_biases, num_layers, dropout, train, bidirectional};
  return net.packed(data, batch_sizes, hx[0], hx[1]);
}

#define RT_RNN(name, mode)                                                                                 \
  std::tuple<Tensor, Tensor> name##_input(const Tensor& input, const Tensor& hx, TensorList params,        \
                                          bool has_biases, int64_t num_layers, double dropout, bool train, \
                                          bool bidirectional, bool batch_first) {                          \
    const Network net{#name, mode, params, has_biases, num_layers, dropout, train, bidirectional};         \
    const auto [out, h, c] = net.padded(input, hx, {}, batch_first);                                       \
    return {out, h};                                                                                       \
  }                                                                                                        \
  std::tuple<Tensor, Tensor> name##_data(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx,  \
                                         TensorList params, bool has_biases, int64_t num_layers,           \
                                         double dropout, bool train, bool bidirectional) {                 \
    const Network net{#name, mode, params, has_biases, num_layers, dropout, train, bidirectional};         \
    const auto [out, h, c] = net.packed(data, batch_sizes, hx, {});                                        \
    return {out, h};                                                                                       \
  }                                                                                                        \
  Tensor name##_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,        \
                     const MaybeTensor& b_ih, const MaybeTensor& b_hh) {                                   \
    return cell(mode, input, hx, w_ih, w_hh, b_ih, b_hh);                                                  \
  }

RT_RNN(gru, RnnMode::Gru)
RT_RNN(rnn_tanh, RnnMode::Tanh)
RT_RNN(rnn_relu, RnnMode::Relu)
#undef RT_RNN

std::tuple<Tensor, Tensor> lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih,
                                     const Tensor& w_hh, const MaybeTensor& b_ih, const MaybeTensor& b_hh) {
  check_states("lstm_cell", hx);
  const int64_t sizes[] = {hx[0].dim() == 2 ? hx[0].size(0) : 0};
  const auto [out, h, c, gates, cells] =
      rustorch::_rnn_layer(input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh, std::nullopt, sizes,
                           static_cast<int64_t>(RnnMode::Lstm), false, keeps_gates());
  return {out, c};
}

}  // namespace rustorch::impl
