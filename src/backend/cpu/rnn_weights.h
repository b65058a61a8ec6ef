// Weights of a recurrent layer, packed once for all steps.
//
// Note [Tasks of units]: A step of an LSTM or a GRU is cut into tasks of some hidden units with all their
// gates. A task runs on the same thread in every step (base/thread_pool.h), so its weights stay in that
// processor's cache, and its sums never leave it: the task itself multiplies the inputs of the next steps
// before it adds the recurrent part. Sums and gates therefore lie by task, then by row, then by gate, as one
// product per task leaves them; backward reads the same order. Cuts do not depend on the number of threads.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "backend/cpu/gemm/gemm.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu {

/// A weight [n, k] (trans) or [k, n] used as the right operand of many products.
template <class T>
class StepWeight {
 public:
  StepWeight() = default;
  StepWeight(bool trans, int64_t k, int64_t n, const T* data, bool pack)
      : trans_(trans), data_(pack ? nullptr : data), k_(k), n_(n) {
    if (pack) packed_ = PackedB<T>(trans, k, n, data, trans ? k : n);
  }
  /// c = act(a W + beta * c + bias) for `rows` dense rows of a and c.
  void multiply(int64_t rows, const T* a, T beta, T* c, const T* bias = nullptr,
                Activation act = Activation::None) const {
    GemmArgs<T> g = product(rows, beta, c, bias, act);
    g.a = a;
    g.lda = k_;
    if (packed_.data() != nullptr) return gemm(g, packed_);
    g.trans_b = trans_;
    g.b = data_;
    g.ldb = trans_ ? k_ : n_;
    gemm(g);
  }
  /// The same for packed rows and a packed weight.
  void multiply(const PackedA<T>& a, T beta, T* c, const T* bias) const {
    gemm(product(a.m(), beta, c, bias, Activation::None), a, packed_);
  }

 private:
  GemmArgs<T> product(int64_t rows, T beta, T* c, const T* bias, Activation act) const {
    GemmArgs<T> g;
    g.m = rows;
    g.n = n_;
    g.k = k_;
    g.beta = beta;
    g.c = c;
    g.ldc = n_;
    g.bias = bias;
    g.act = act;
    return g;
  }

  bool trans_ = false;
  const T* data_ = nullptr;
  int64_t k_ = 0, n_ = 0;
  PackedB<T> packed_;
};

/// The hidden units of a layer by tasks. See Note [Tasks of units].
struct UnitTasks {
  int64_t hidden = 0, units = 1, count = 0;

  /// One task when the weights are not packed: then their products are cut instead.
  UnitTasks(int64_t all, bool packed) : hidden(all) {
    constexpr int64_t kMost = 16, kLeast = 64;  // tasks; units of a task, which are a multiple of this
    units = packed ? ((all + kMost - 1) / kMost + kLeast - 1) / kLeast * kLeast : all;
    units = std::max<int64_t>(1, units);
    count = (all + units - 1) / units;
  }
  int64_t first(int64_t task) const { return task * units; }
  int64_t size(int64_t task) const { return std::min(units, hidden - task * units); }
};

/// Some rows of the sums or gates of a layer: from `row` on in memory for `all` rows.
template <class T>
struct GateRows {
  T* data = nullptr;
  int64_t all = 0, row = 0;

  /// The first of the rows in a task, in which every row has gates * size(task) elements.
  T* at(const UnitTasks& tasks, int64_t task, int64_t gates) const {
    return data + gates * (tasks.first(task) * all + row * tasks.size(task));
  }
};

/// W_ih [gates * hidden, features] and W_hh [gates * hidden, width] with their biases (or null) of an LSTM or
/// a GRU.
template <class T>
class GateWeights {
 public:
  struct Matrix {
    int64_t k;
    const T *data, *bias;
  };
  /// Rows of inputs and where their part of the sums goes; nowhere: none.
  struct Inputs {
    PackedA<T> x;
    GateRows<T> sums;
  };

  GateWeights(int64_t gates, int64_t hidden, const Matrix& ih, const Matrix& hh, bool pack)
      : tasks_(hidden, pack), gates_(gates), pack_(pack) {
    for (Part* part : {&input_, &recurrent_}) part->weights.resize(static_cast<size_t>(tasks_.count));
    load(input_, ih);
    load(recurrent_, hh);
  }

  const UnitTasks& tasks() const { return tasks_; }

  /// Whether step() had best multiply the inputs too: its tasks keep the threads as busy as rows would.
  bool takes_inputs() const {
    const int64_t threads = get_num_threads();
    return pack_ && (tasks_.count % threads == 0 || tasks_.count >= 4 * threads);
  }

  /// The inputs' part of the sums of `rows` rows.
  void multiply_inputs(int64_t rows, const T* x, const GateRows<T>& sums) const {
    constexpr int64_t kRows = 64;  // of a chunk
    if (!pack_) return multiply(input_, 0, rows, x, T(0), sums);
    const int64_t chunks = (rows + kRows - 1) / kRows;
    parallel_for(0, chunks * tasks_.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / tasks_.count * kRows;
        multiply(input_, i % tasks_.count, std::min(kRows, rows - row), x + row * input_.k, T(0),
                 GateRows<T>{sums.data, sums.all, sums.row + row});
      }
    });
  }

  /// The same for the rows of `in`, if any; then sums += or = (beta) before W_hh + bias for `rows` rows; and
  /// then use(task).
  template <class Use>
  void step(const Inputs& in, int64_t rows, const T* before, T beta, const GateRows<T>& sums,
            Use&& use) const {
    const double work = static_cast<double>(rows * tasks_.units) * static_cast<double>(gates_ * recurrent_.k);
    const auto grain = static_cast<int64_t>(std::min(kGrain / std::max(work, 1.0), double(tasks_.count))) + 1;
    parallel_for(0, tasks_.count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        if (in.sums.data != nullptr)
          weight(input_, task).multiply(in.x, T(0), in.sums.at(tasks_, task, gates_), bias(input_, task));
        multiply(recurrent_, task, rows, before, beta, sums);
        use(task);
      }
    });
  }

 private:
  static constexpr double kGrain = 0.4e6;  // multiply-adds worth handing to another thread

  struct Part {
    int64_t k = 0;
    std::vector<StepWeight<T>> weights;  // by task
    std::vector<T> bias;                 // by task and gate, or empty
  };

  const StepWeight<T>& weight(const Part& part, int64_t task) const {
    return part.weights[static_cast<size_t>(task)];
  }
  const T* bias(const Part& part, int64_t task) const {
    return part.bias.empty() ? nullptr : part.bias.data() + gates_ * tasks_.first(task);
  }

  void multiply(const Part& part, int64_t task, int64_t rows, const T* a, T beta,
                const GateRows<T>& sums) const {
    weight(part, task).multiply(rows, a, beta, sums.at(tasks_, task, gates_), bias(part, task));
  }

  void load(Part& part, const Matrix& m) const {
    part.k = m.k;
    if (m.bias != nullptr) part.bias.resize(static_cast<size_t>(gates_ * tasks_.hidden));
    parallel_for(0, tasks_.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t first = tasks_.first(task), n = tasks_.size(task);
        ScratchBuffer<T> rows(pack_ ? gates_ * n * m.k : 0);
        for (int64_t q = 0; q < gates_; ++q) {
          const int64_t from = q * tasks_.hidden + first;
          if (pack_) std::copy_n(m.data + from * m.k, n * m.k, rows.data() + q * n * m.k);
          if (m.bias != nullptr) std::copy_n(m.bias + from, n, part.bias.data() + gates_ * first + q * n);
        }
        part.weights[static_cast<size_t>(task)] =
            StepWeight<T>(true, m.k, gates_ * n, pack_ ? rows.data() : m.data, pack_);
      }
    });
  }

  UnitTasks tasks_;
  int64_t gates_;
  bool pack_;
  Part input_, recurrent_;
};

}  // namespace rustorch::cpu
