// Recurrent layers and cells: RNN, LSTM, GRU.
//
// Input [T, N, F], [N, T, F] with batch_first, [T, F] without a batch, or a PackedSequence. States are
// [layers * directions, N, H]. Parameters per layer k and direction: weight_ih_l{k}, weight_hh_l{k},
// bias_ih_l{k}, bias_hh_l{k}, weight_hr_l{k} (with proj_size), and the same with `_reverse`.
#pragma once
#include <tuple>

#include "rustorch/nn/module.h"
#include "rustorch/nn/options.h"
#include "rustorch/nn/utils.h"

namespace rustorch::nn {

class RNNOptions {
 public:
  RNNOptions(int64_t input_size, int64_t hidden_size) : input_size_(input_size), hidden_size_(hidden_size) {}
  RT_OPTION(int64_t, input_size, 0);
  RT_OPTION(int64_t, hidden_size, 0);
  RT_OPTION(int64_t, num_layers, 1);
  RT_OPTION(std::string, nonlinearity, "tanh");
  RT_OPTION(bool, bias, true);
  RT_OPTION(bool, batch_first, false);
  RT_OPTION(double, dropout, 0.0);
  RT_OPTION(bool, bidirectional, false);
};

class LSTMOptions {
 public:
  LSTMOptions(int64_t input_size, int64_t hidden_size) : input_size_(input_size), hidden_size_(hidden_size) {}
  RT_OPTION(int64_t, input_size, 0);
  RT_OPTION(int64_t, hidden_size, 0);
  RT_OPTION(int64_t, num_layers, 1);
  RT_OPTION(bool, bias, true);
  RT_OPTION(bool, batch_first, false);
  RT_OPTION(double, dropout, 0.0);
  RT_OPTION(bool, bidirectional, false);
  RT_OPTION(int64_t, proj_size, 0);
};

class GRUOptions {
 public:
  GRUOptions(int64_t input_size, int64_t hidden_size) : input_size_(input_size), hidden_size_(hidden_size) {}
  RT_OPTION(int64_t, input_size, 0);
  RT_OPTION(int64_t, hidden_size, 0);
  RT_OPTION(int64_t, num_layers, 1);
  RT_OPTION(bool, bias, true);
  RT_OPTION(bool, batch_first, false);
  RT_OPTION(double, dropout, 0.0);
  RT_OPTION(bool, bidirectional, false);
};

namespace detail {
enum class RecurrentMode : uint8_t { Tanh, Relu, Lstm, Gru };

/// What RNN, LSTM and GRU share: weights, checks and the call of the operator.
struct Recurrent {
  RecurrentMode mode = RecurrentMode::Tanh;
  int64_t input_size = 0, hidden_size = 0, num_layers = 1;
  bool bias = true, batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  int64_t proj_size = 0;
  std::vector<Tensor> weights;

  void build(Module& m);
  /// (output, states); hx is empty or the states.
  std::tuple<Tensor, std::vector<Tensor>> run(const Tensor& input, std::vector<Tensor> hx,
                                              bool training) const;
  std::tuple<utils::rnn::PackedSequence, std::vector<Tensor>> run(const utils::rnn::PackedSequence& input,
                                                                  std::vector<Tensor> hx,
                                                                  bool training) const;
  std::string text() const;
};
}  // namespace detail

/// Elman network: h' = tanh or relu of (W_ih x + b_ih + W_hh h + b_hh).
class RNNImpl : public LayerOf<RNNImpl, RNNOptions> {
  RT_LAYER_CONSTRUCTORS(RNNImpl, RNNOptions);
  using Module::forward;
  /// (output, h_n); hx may be undefined: zeros.
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx);
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& input, const Tensor& hx = {});
  std::string type_name() const override { return "RNN"; }
  std::string extra_repr() const override { return core_.text(); }
  std::vector<Tensor> all_weights() const { return core_.weights; }

 private:
  detail::Recurrent core_;
};

/// Long short-term memory; gates in the order i, f, g, o.
class LSTMImpl : public LayerOf<LSTMImpl, LSTMOptions> {
  RT_LAYER_CONSTRUCTORS(LSTMImpl, LSTMOptions);
  using State = std::tuple<Tensor, Tensor>;
  using Module::forward;
  /// (output, (h_n, c_n)).
  std::tuple<Tensor, State> forward(const Tensor& input, const std::optional<State>& hx);
  std::tuple<utils::rnn::PackedSequence, State> forward_with_packed_input(
      const utils::rnn::PackedSequence& input, const std::optional<State>& hx = std::nullopt);
  std::string type_name() const override { return "LSTM"; }
  std::string extra_repr() const override { return core_.text(); }
  std::vector<Tensor> all_weights() const { return core_.weights; }

 private:
  detail::Recurrent core_;
};

/// Gated recurrent units; gates in the order r, z, n.
class GRUImpl : public LayerOf<GRUImpl, GRUOptions> {
  RT_LAYER_CONSTRUCTORS(GRUImpl, GRUOptions);
  using Module::forward;
  std::tuple<Tensor, Tensor> forward(const Tensor& input, const Tensor& hx);
  std::tuple<utils::rnn::PackedSequence, Tensor> forward_with_packed_input(
      const utils::rnn::PackedSequence& input, const Tensor& hx = {});
  std::string type_name() const override { return "GRU"; }
  std::string extra_repr() const override { return core_.text(); }
  std::vector<Tensor> all_weights() const { return core_.weights; }

 private:
  detail::Recurrent core_;
};

/// A holder whose call may leave out the state.
template <class Impl, class State>
class RecurrentHolder : public ModuleHolder<Impl> {
 public:
  using ModuleHolder<Impl>::ModuleHolder;
  RecurrentHolder(ModuleHolder<Impl> other) : ModuleHolder<Impl>(std::move(other)) {}
  auto operator()(const Tensor& input, const State& hx = {}) const {
    return ModuleHolder<Impl>::operator()(input, hx);
  }
};
using RNN = RecurrentHolder<RNNImpl, Tensor>;
using LSTM = RecurrentHolder<LSTMImpl, std::optional<LSTMImpl::State>>;
using GRU = RecurrentHolder<GRUImpl, Tensor>;

// ---- cells

class RNNCellOptions {
 public:
  RNNCellOptions(int64_t input_size, int64_t hidden_size)
      : input_size_(input_size), hidden_size_(hidden_size) {}
  RT_OPTION(int64_t, input_size, 0);
  RT_OPTION(int64_t, hidden_size, 0);
  RT_OPTION(bool, bias, true);
  RT_OPTION(std::string, nonlinearity, "tanh");
};
class CellOptions {
 public:
  CellOptions(int64_t input_size, int64_t hidden_size) : input_size_(input_size), hidden_size_(hidden_size) {}
  RT_OPTION(int64_t, input_size, 0);
  RT_OPTION(int64_t, hidden_size, 0);
  RT_OPTION(bool, bias, true);
};
using LSTMCellOptions = CellOptions;
using GRUCellOptions = CellOptions;

/// One step: input [N, input_size] or [input_size], states of hidden_size.
class RNNCellImpl : public LayerOf<RNNCellImpl, RNNCellOptions> {
  RT_LAYER_CONSTRUCTORS(RNNCellImpl, RNNCellOptions);
  Tensor forward(const Tensor& input) override { return forward(input, Tensor()); }
  Tensor forward(const Tensor& input, const Tensor& hx);
  std::string type_name() const override { return "RNNCell"; }
  std::string extra_repr() const override;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};
using RNNCell = ModuleHolder<RNNCellImpl>;

class LSTMCellImpl : public LayerOf<LSTMCellImpl, LSTMCellOptions> {
  RT_LAYER_CONSTRUCTORS(LSTMCellImpl, LSTMCellOptions);
  using State = std::tuple<Tensor, Tensor>;
  using Module::forward;
  /// (h, c).
  State forward(const Tensor& input, const std::optional<State>& hx);
  std::string type_name() const override { return "LSTMCell"; }
  std::string extra_repr() const override;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};
using LSTMCell = RecurrentHolder<LSTMCellImpl, std::optional<LSTMCellImpl::State>>;

class GRUCellImpl : public LayerOf<GRUCellImpl, GRUCellOptions> {
  RT_LAYER_CONSTRUCTORS(GRUCellImpl, GRUCellOptions);
  Tensor forward(const Tensor& input) override { return forward(input, Tensor()); }
  Tensor forward(const Tensor& input, const Tensor& hx);
  std::string type_name() const override { return "GRUCell"; }
  std::string extra_repr() const override;
  Tensor weight_ih, weight_hh, bias_ih, bias_hh;
};
using GRUCell = ModuleHolder<GRUCellImpl>;

}  // namespace rustorch::nn
