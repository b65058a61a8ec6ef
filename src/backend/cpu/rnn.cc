// Recurrent layers on the CPU: per step one product with the recurrent weights and one pass over the gates.
//
// The weights are packed once for all steps (rnn_weights.h). Rows of a step lie together and no step has more
// rows than the one before, so the state that a step starts from is a prefix of an earlier step's rows; only
// a backward direction over a growing batch has to join rows with the initial state.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/rnn_kernels.h"
#include "backend/cpu/rnn_weights.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kPackSteps = 3;         // products from which packing the weights pays
constexpr int64_t kGateGrain = 4096;      // hidden units per chunk of the gate kernels
constexpr int64_t kBlockBytes = 1 << 20;  // sums of inputs made ahead: they stay in the L2 cache
constexpr int64_t kBlockRows = 64;        // but rows enough that reading the weights costs little

template <class T>
const T* pointer(const Tensor& t) {
  return t.defined() ? t.impl()->data<T>() : nullptr;
}
template <class T>
T* writable(const Tensor& t) {
  return t.defined() ? t.impl()->mutable_data<T>() : nullptr;
}

template <class T>
class Layer {
 public:
  explicit Layer(const RnnCall& call)
      : call_(call),
        kernels_(rnn_kernels(T())),
        hidden_(call.hidden),
        width_(call.w_hh.size(1)),
        gates_(call.w_hh.size(0)),
        most_(call.steps == 0 ? 0 : call.batch_sizes[0]),
        offset_(static_cast<size_t>(call.steps) + 1, 0) {
    for (int64_t t = 0; t < call.steps; ++t) offset_[static_cast<size_t>(t) + 1] = begin(t) + rows(t);
  }

  void forward() {
    if (call_.mode == RnnMode::Lstm || call_.mode == RnnMode::Gru)
      forward_gated();
    else
      forward_plain();
    take_last(writable<T>(call_.out), width_, writable<T>(call_.h_n));
  }

  void backward() {
    const T *gates = pointer<T>(call_.gates), *out = pointer<T>(call_.out), *cells = pointer<T>(call_.cells);
    const T *h0 = pointer<T>(call_.h0), *c0 = pointer<T>(call_.c0), *grad_out = pointer<T>(call_.grad_out);
    T *dh = writable<T>(call_.grad_h), *dc = writable<T>(call_.grad_c);
    T *dgates = writable<T>(call_.grad_gates), *dhidden = writable<T>(call_.grad_hidden);
    const StepWeight<T> recurrent(false, gates_, width_, pointer<T>(call_.w_hh), packs());
    ScratchBuffer<T> joined_h(join_size(width_)), joined_c(join_size(hidden_));
    const bool projected = call_.w_hr.defined();
    ScratchBuffer<T> arrived(projected ? most_ * width_ : 0), full(projected ? 2 * most_ * hidden_ : 0);
    for (int64_t i = call_.steps - 1; i >= 0; --i) {
      const int64_t t = step(i), n = rows(t), at = begin(t);
      const T* grad = grad_out ? grad_out + at * width_ : nullptr;
      T *to = dgates + at * gates_, *product_of = to;
      if (call_.mode == RnnMode::Lstm) {
        const T* c_before = state_before(i, cells, c0, hidden_, joined_c.data());
        const T *c = cells + at * hidden_, *through = dh;
        if (projected) {
          back_through_projection(t, gates, c, grad, dh, arrived.data(), full.data());
          through = full.data();
          grad = nullptr;
        }
        each_part(t, gates, [&](int64_t r, const T* g, int64_t first, int64_t count) {
          const int64_t u = r * hidden_ + first;
          kernels_.lstm_backward(g, c_before + u, c + u, grad ? grad + u : nullptr, through + u, dc + u,
                                 to + r * gates_ + first, hidden_, count);
        });
      } else if (call_.mode == RnnMode::Gru) {
        const T* before = state_before(i, out, h0, width_, joined_h.data());
        product_of = dhidden + at * gates_;
        each_part(t, gates, [&](int64_t r, const T* g, int64_t first, int64_t count) {
          const int64_t u = r * hidden_ + first, sum = r * gates_ + first;
          kernels_.gru_backward(g, cells + at * hidden_ + u, before + u, grad ? grad + u : nullptr, dh + u,
                                to + sum, product_of + sum, hidden_, count);
        });
      } else {
        kernels_.plain_backward(out + at * width_, grad, dh, to, n * width_, call_.mode == RnnMode::Relu);
      }
      recurrent.multiply(n, product_of, T(call_.mode == RnnMode::Gru ? 1 : 0), dh);
    }
  }

 private:
  void forward_plain() {
    T* out = writable<T>(call_.out);
    const StepWeight<T> recurrent(true, width_, gates_, pointer<T>(call_.w_hh), packs());
    ScratchBuffer<T> joined(join_size(width_));
    for (int64_t i = 0; i < call_.steps; ++i) {
      const int64_t t = step(i);
      recurrent.multiply(rows(t), state_before(i, out, pointer<T>(call_.h0), width_, joined.data()), T(1),
                         out + begin(t) * gates_, nullptr,
                         call_.mode == RnnMode::Relu ? Activation::Relu : Activation::Tanh);
    }
  }

  void forward_gated() {
    const bool lstm = call_.mode == RnnMode::Lstm, keep = call_.gates.defined();
    const int64_t features = call_.w_ih.size(1), total = offset_.back();
    const T *inputs = pointer<T>(call_.x), *h0 = pointer<T>(call_.h0), *c0 = pointer<T>(call_.c0);
    const GateWeights<T> weights(lstm ? 4 : 3, hidden_,
                                 {features, pointer<T>(call_.w_ih), pointer<T>(call_.bias)},
                                 {width_, pointer<T>(call_.w_hh), pointer<T>(call_.b_hh)}, packs());
    const StepWeight<T> projection(true, hidden_, width_, pointer<T>(call_.w_hr),
                                   packs() && call_.w_hr.defined());
    const bool together = weights.takes_inputs();
    const int64_t ahead = together ? rows_ahead() : total;
    ScratchBuffer<T> joined_h(join_size(width_)), joined_c(join_size(hidden_));
    ScratchBuffer<T> own_gates(keep ? 0 : ahead * gates_), sums(lstm ? 0 : most_ * gates_);
    ScratchBuffer<T> full(call_.w_hr.defined() ? most_ * hidden_ : 0);
    T *out = writable<T>(call_.out), *cells = writable<T>(call_.cells);
    const GateRows<T> buffer{keep ? writable<T>(call_.gates) : own_gates.data(), keep ? total : ahead};
    const UnitTasks& tasks = weights.tasks();
    int64_t made_from = 0, made_to = 0;  // rows whose inputs have been multiplied
    for (int64_t i = 0; i < call_.steps; ++i) {
      const int64_t t = step(i), n = rows(t);
      typename GateWeights<T>::Inputs in;
      if (begin(t) < made_from || begin(t) >= made_to) {
        std::tie(made_from, made_to) = block_at(i, ahead);
        const int64_t more = made_to - made_from;
        const T* x = inputs + made_from * features;
        const GateRows<T> to{buffer.data, buffer.all, keep ? made_from : 0};
        if (together)
          in = {PackedA<T>(false, more, features, x, features), to};
        else
          weights.multiply_inputs(more, x, to);
      }
      const GateRows<T> g{buffer.data, buffer.all, begin(t) - (keep ? 0 : made_from)};
      const T* before = state_before(i, out, h0, width_, joined_h.data());
      T *h = out + begin(t) * width_, *kept = cells + (lstm || keep ? begin(t) : 0) * hidden_;
      if (lstm) {
        const T* c_before = state_before(i, cells, c0, hidden_, joined_c.data());
        T* to = call_.w_hr.defined() ? full.data() : h;
        weights.step(in, n, before, T(1), g, [&](int64_t task) {
          const int64_t first = tasks.first(task), count = tasks.size(task);
          T* part = g.at(tasks, task, 4);
          each_row(n, [&](int64_t r) {
            const int64_t at = r * hidden_ + first;
            kernels_.lstm(part + r * 4 * count, c_before + at, kept + at, to + at, count);
          });
        });
        if (call_.w_hr.defined()) projection.multiply(n, to, T(0), h);
      } else {
        const GateRows<T> recurrent{sums.data(), most_};
        weights.step(in, n, before, T(0), recurrent, [&](int64_t task) {
          const int64_t first = tasks.first(task), count = tasks.size(task);
          T *part = g.at(tasks, task, 3), *sum = recurrent.at(tasks, task, 3);
          each_row(n, [&](int64_t r) {
            const int64_t at = r * hidden_ + first, gate = r * 3 * count;
            kernels_.gru(part + gate, sum + gate, before + at, kept + at, h + at, count);
          });
        });
      }
    }
    if (lstm) take_last(cells, hidden_, writable<T>(call_.c_n));
  }

  bool packs() const { return call_.steps >= kPackSteps && most_ > 1; }

  // Rows whose inputs are multiplied at a time: whole steps.
  int64_t rows_ahead() const {
    const int64_t fit = kBlockBytes / std::max<int64_t>(1, gates_ * static_cast<int64_t>(sizeof(T)));
    return std::max({kBlockRows, fit, most_});
  }

  // The rows of the i-th step and of those after it, `most` at most.
  std::pair<int64_t, int64_t> block_at(int64_t i, int64_t most) const {
    int64_t from = begin(step(i)), to = from + rows(step(i));
    for (++i; i < call_.steps; ++i) {
      const int64_t t = step(i), next_from = std::min(from, begin(t)),
                    next_to = std::max(to, begin(t) + rows(t));
      if (next_to - next_from > most) break;
      from = next_from;
      to = next_to;
    }
    return {from, to};
  }

  int64_t step(int64_t i) const { return call_.reverse ? call_.steps - 1 - i : i; }
  int64_t rows(int64_t t) const { return call_.batch_sizes[t]; }
  int64_t begin(int64_t t) const { return offset_[static_cast<size_t>(t)]; }
  size_t join_size(int64_t width) const {
    return static_cast<size_t>(call_.reverse && rows(call_.steps - 1) != most_ ? most_ * width : 0);
  }

  template <class F>
  void each_row(int64_t n, F&& f) const {
    parallel_for(0, n, std::max<int64_t>(1, kGateGrain / std::max<int64_t>(1, hidden_)),
                 [&](int64_t b, int64_t e) {
                   for (int64_t r = b; r < e; ++r) f(r);
                 });
  }

  // f(row, gates, first, count) for each of step t's rows and the hidden units of every task.
  template <class F>
  void each_part(int64_t t, const T* gates, F&& f) const {
    const UnitTasks tasks(hidden_, packs());
    const int64_t per_unit = call_.mode == RnnMode::Lstm ? 4 : 3;
    const GateRows<const T> g{gates, offset_.back(), begin(t)};
    each_row(rows(t), [&](int64_t r) {
      for (int64_t task = 0; task < tasks.count; ++task) {
        const int64_t count = tasks.size(task);
        f(r, g.at(tasks, task, per_unit) + r * per_unit * count, tasks.first(task), count);
      }
    });
  }

  // The rows that the i-th step starts from: of the step before it, or of the initial state.
  const T* state_before(int64_t i, const T* all, const T* first, int64_t width, T* joined) const {
    if (i == 0) return first;
    const int64_t from = step(i - 1), have = rows(from), need = rows(step(i));
    const T* earlier = all + begin(from) * width;
    if (have >= need) return earlier;
    std::copy_n(earlier, have * width, joined);
    std::copy_n(first + have * width, (need - have) * width, joined + have * width);
    return joined;
  }

  // Every row's state after its last step.
  void take_last(const T* all, int64_t width, T* to) const {
    if (call_.reverse) {
      std::copy_n(all, most_ * width, to);
      return;
    }
    for (int64_t t = 0; t < call_.steps; ++t) {
      const int64_t stay = t + 1 < call_.steps ? rows(t + 1) : 0;
      std::copy_n(all + (begin(t) + stay) * width, (rows(t) - stay) * width, to + stay * width);
    }
  }

  // h = (o * tanh(c)) W_hr^T backwards: fills full with the gradient of the bracket, adds to grad_w_hr.
  void back_through_projection(int64_t t, const T* gates, const T* c, const T* grad, const T* dh, T* arrived,
                               T* full) const {
    const int64_t n = rows(t);
    for (int64_t j = 0; j < n * width_; ++j) arrived[j] = dh[j] + (grad ? grad[j] : T(0));
    GemmArgs<T> g;
    g.m = n;
    g.n = hidden_;
    g.k = width_;
    g.a = arrived;
    g.lda = width_;
    g.b = pointer<T>(call_.w_hr);
    g.ldb = hidden_;
    g.c = full;
    g.ldc = hidden_;
    gemm(g);
    if (!call_.grad_w_hr.defined()) return;
    T* h = full + most_ * hidden_;
    each_part(t, gates, [&](int64_t r, const T* g, int64_t first, int64_t count) {
      const int64_t u = r * hidden_ + first;
      kernels_.lstm_output(g, c + u, h + u, count);
    });
    g.trans_a = true;
    g.m = width_;
    g.k = n;
    g.b = h;
    g.beta = T(1);
    g.c = writable<T>(call_.grad_w_hr);
    gemm(g);
  }

  const RnnCall& call_;
  const RnnKernels<T>& kernels_;
  int64_t hidden_, width_, gates_, most_;
  std::vector<int64_t> offset_;
};

template <class T>
void run(const RnnCall& call) {
  Layer<T> layer(call);
  if (call.kind == RnnKind::Forward)
    layer.forward();
  else
    layer.backward();
}

}  // namespace

void rnn(const RnnCall& call) {
  if (call.w_hh.dtype() == DType::Float64)
    run<double>(call);
  else
    run<float>(call);
}

}  // namespace rustorch::cpu
