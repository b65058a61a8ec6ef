// Recurrent layers on the CPU: per step one product with the recurrent weights and one pass over the gates.
//
// The recurrent weights are packed once for all steps. In a forward step of an LSTM or a GRU a task takes
// some hidden units: the sums of all their gates and then the gates themselves, while they are in cache. Rows
// of a step lie together and no step has more rows than the one before, so the state that a step starts from
// is a prefix of an earlier step's rows; only a backward direction over a growing batch has to join rows with
// the initial state.
#include <algorithm>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/rnn_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"
#include "rustorch/error.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kPackSteps = 3;     // products from which packing the weights pays
constexpr int64_t kGateGrain = 4096;  // hidden units per chunk of the gate kernels
constexpr int64_t kUnitTasks = 16;    // tasks that a forward step is cut into at most
constexpr int64_t kLeastUnits = 64;   // hidden units of a task, a multiple of this
constexpr double kUnitGrain = 0.4e6;  // multiply-adds worth handing to another thread

template <class T>
const T* pointer(const Tensor& t) {
  return t.defined() ? t.impl()->data<T>() : nullptr;
}
template <class T>
T* writable(const Tensor& t) {
  return t.defined() ? t.impl()->mutable_data<T>() : nullptr;
}

// A weight used as the right operand of a product per step.
template <class T>
class StepWeight {
 public:
  StepWeight(bool trans, int64_t k, int64_t n, const T* data, int64_t ld, bool pack)
      : trans_(trans), data_(data), ld_(ld), k_(k), n_(n) {
    if (pack) packed_ = PackedB<T>(trans, k, n, data, ld);
  }
  /// c = act(a W + beta * c + bias) for `rows` dense rows of a, and of c unless ldc is given.
  void multiply(int64_t rows, const T* a, T beta, T* c, const T* bias = nullptr,
                Activation act = Activation::None, int64_t ldc = 0) const {
    GemmArgs<T> g;
    g.m = rows;
    g.n = n_;
    g.k = k_;
    g.a = a;
    g.lda = k_;
    g.beta = beta;
    g.c = c;
    g.ldc = ldc == 0 ? n_ : ldc;
    g.bias = bias;
    g.act = act;
    if (packed_.data() != nullptr) return gemm(g, packed_);
    g.trans_b = trans_;
    g.b = data_;
    g.ldb = ld_;
    gemm(g);
  }

 private:
  bool trans_;
  const T* data_;
  int64_t ld_, k_, n_;
  PackedB<T> packed_;
};

// The recurrent weights of an LSTM or a GRU cut into tasks of some hidden units, each with all their gates.
template <class T>
class GateWeights {
 public:
  GateWeights(const T* data, int64_t gates, int64_t hidden, int64_t width, bool pack)
      : hidden_(hidden), gates_(hidden == 0 ? 0 : gates / hidden), width_(width) {
    const int64_t least = (hidden + kUnitTasks - 1) / kUnitTasks;
    units_ = (least + kLeastUnits - 1) / kLeastUnits * kLeastUnits;
    for (int64_t first = 0; first < hidden; first += units_)
      for (int64_t q = 0; q < gates_; ++q)
        parts_.emplace_back(true, width, std::min(units_, hidden - first),
                            data + (q * hidden + first) * width, width, pack);
  }
  /// sums += or = before W (+ bias) for `rows` rows, and then use(first, count) on each task's hidden units.
  template <class Use>
  void step(int64_t rows, const T* before, T beta, T* sums, const T* bias, Use&& use) const {
    const double work = static_cast<double>(rows * units_) * static_cast<double>(gates_ * width_);
    const int64_t tasks = static_cast<int64_t>(parts_.size()) / std::max<int64_t>(gates_, 1);
    const auto grain = static_cast<int64_t>(std::min(kUnitGrain / std::max(work, 1.0), double(tasks))) + 1;
    parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = task * units_;
        for (int64_t q = 0; q < gates_; ++q) {
          const int64_t at = q * hidden_ + first;
          parts_[static_cast<size_t>(task * gates_ + q)].multiply(rows, before, beta, sums + at,
                                                                  bias == nullptr ? nullptr : bias + at,
                                                                  Activation::None, gates_ * hidden_);
        }
        use(first, std::min(units_, hidden_ - first));
      }
    });
  }

 private:
  int64_t hidden_, gates_, width_, units_ = 1;
  std::vector<StepWeight<T>> parts_;  // by task, then by gate
};

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
    T* gates = writable<T>(call_.gates);
    T* out = writable<T>(call_.out);
    T* cells = writable<T>(call_.cells);
    const T *h0 = pointer<T>(call_.h0), *c0 = pointer<T>(call_.c0), *b_hh = pointer<T>(call_.b_hh);
    const bool pack = call_.steps >= kPackSteps && most_ > 1;
    const bool plain = call_.mode != RnnMode::Lstm && call_.mode != RnnMode::Gru;
    const T* w_hh = pointer<T>(call_.w_hh);
    const StepWeight<T> recurrent(true, width_, gates_, w_hh, width_, pack && plain);
    const GateWeights<T> gated(w_hh, plain ? 0 : gates_, plain ? 0 : hidden_, width_, pack);
    const StepWeight<T> projection(true, hidden_, width_, pointer<T>(call_.w_hr), hidden_,
                                   pack && call_.w_hr.defined());
    ScratchBuffer<T> joined_h(join_size(width_)), joined_c(join_size(hidden_));
    ScratchBuffer<T> sums(call_.mode == RnnMode::Gru ? most_ * gates_ : 0);
    ScratchBuffer<T> full(call_.w_hr.defined() ? most_ * hidden_ : 0);
    for (int64_t i = 0; i < call_.steps; ++i) {
      const int64_t t = step(i), n = rows(t);
      const T* before = state_before(i, out, h0, width_, joined_h.data());
      T *g = gates + begin(t) * gates_, *h = out + begin(t) * width_, *kept = cells + begin(t) * hidden_;
      if (call_.mode == RnnMode::Lstm) {
        const T* c_before = state_before(i, cells, c0, hidden_, joined_c.data());
        T* to = call_.w_hr.defined() ? full.data() : h;
        gated.step(n, before, T(1), g, nullptr, [&](int64_t first, int64_t count) {
          for (int64_t r = 0; r < n; ++r) {
            const int64_t at = r * hidden_ + first;
            kernels_.lstm(g + r * gates_ + first, hidden_, c_before + at, kept + at, to + at, count);
          }
        });
        if (call_.w_hr.defined()) projection.multiply(n, to, T(0), h);
      } else if (call_.mode == RnnMode::Gru) {
        T* sum = sums.data();
        gated.step(n, before, T(0), sum, b_hh, [&](int64_t first, int64_t count) {
          for (int64_t r = 0; r < n; ++r) {
            const int64_t gate = r * gates_ + first, at = r * hidden_ + first;
            kernels_.gru(g + gate, sum + gate, hidden_, before + at, kept + at, h + at, count);
          }
        });
      } else {
        recurrent.multiply(n, before, T(1), g, nullptr,
                           call_.mode == RnnMode::Relu ? Activation::Relu : Activation::Tanh);
      }
    }
    take_last(out, width_, writable<T>(call_.h_n));
    if (call_.mode == RnnMode::Lstm) take_last(cells, hidden_, writable<T>(call_.c_n));
  }

  void backward() {
    const T *gates = pointer<T>(call_.gates), *out = pointer<T>(call_.out), *cells = pointer<T>(call_.cells);
    const T *h0 = pointer<T>(call_.h0), *c0 = pointer<T>(call_.c0), *grad_out = pointer<T>(call_.grad_out);
    T *dh = writable<T>(call_.grad_h), *dc = writable<T>(call_.grad_c);
    T *dgates = writable<T>(call_.grad_gates), *dhidden = writable<T>(call_.grad_hidden);
    const StepWeight<T> recurrent(false, gates_, width_, pointer<T>(call_.w_hh), width_,
                                  call_.steps >= kPackSteps && most_ > 1);
    ScratchBuffer<T> joined_h(join_size(width_)), joined_c(join_size(hidden_));
    const bool projected = call_.w_hr.defined();
    ScratchBuffer<T> arrived(projected ? most_ * width_ : 0), full(projected ? 2 * most_ * hidden_ : 0);
    for (int64_t i = call_.steps - 1; i >= 0; --i) {
      const int64_t t = step(i), n = rows(t), at = begin(t);
      const T *g = gates + at * gates_, *grad = grad_out ? grad_out + at * width_ : nullptr;
      T *to = dgates + at * gates_, *product_of = to;
      if (call_.mode == RnnMode::Lstm) {
        const T* c_before = state_before(i, cells, c0, hidden_, joined_c.data());
        const T *c = cells + at * hidden_, *through = dh;
        if (projected) {
          back_through_projection(n, g, c, grad, dh, arrived.data(), full.data());
          through = full.data();
          grad = nullptr;
        }
        each_row(n, [&](int64_t r) {
          kernels_.lstm_backward(g + r * gates_, c_before + r * hidden_, c + r * hidden_,
                                 grad ? grad + r * hidden_ : nullptr, through + r * hidden_, dc + r * hidden_,
                                 to + r * gates_, hidden_);
        });
      } else if (call_.mode == RnnMode::Gru) {
        const T* before = state_before(i, out, h0, width_, joined_h.data());
        product_of = dhidden + at * gates_;
        each_row(n, [&](int64_t r) {
          kernels_.gru_backward(g + r * gates_, cells + (at + r) * hidden_, before + r * width_,
                                grad ? grad + r * width_ : nullptr, dh + r * width_, to + r * gates_,
                                product_of + r * gates_, hidden_);
        });
      } else {
        kernels_.plain_backward(out + at * width_, grad, dh, to, n * width_, call_.mode == RnnMode::Relu);
      }
      recurrent.multiply(n, product_of, T(call_.mode == RnnMode::Gru ? 1 : 0), dh);
    }
  }

 private:
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
  void back_through_projection(int64_t n, const T* gates, const T* c, const T* grad, const T* dh, T* arrived,
                               T* full) const {
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
    each_row(n, [&](int64_t r) {
      kernels_.lstm_output(gates + r * gates_, c + r * hidden_, h + r * hidden_, hidden_);
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
