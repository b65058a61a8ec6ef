// Attention on the CPU: blocks of query rows, scores kept in cache, never a whole score matrix in memory.
//
// Each block is two small products around a softmax. With `causal` the columns behind a block's last row are
// not computed at all, which halves the work. The backward recomputes the probabilities from the rows'
// log-sum-exp. Blocks (forward) and heads (backward) run in parallel; their cuts depend on the shapes alone.
#include <algorithm>

#include "backend/cpu/gemm/blocked.h"
#include "backend/cpu/gemm/gemm.h"
#include "backend/cpu/nn_kernels.h"
#include "backend/cpu/softmax.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

// One matrix per (batch, head): rows `ld` apart.
template <class T>
struct Heads {
  T* base = nullptr;
  int64_t batch_stride = 0, head_stride = 0, ld = 0, heads = 1, rows = 0, cols = 0;
  Heads(const Tensor& t, T* data) : base(data) {
    const TensorImpl& i = *t.impl();
    heads = i.size(1);
    rows = i.size(2);
    cols = i.size(3);
    batch_stride = i.stride(0);
    head_stride = i.stride(1);
    ld = rows == 1 ? cols : i.stride(2);
  }
  T* at(int64_t h) const { return base + h / heads * batch_stride + h % heads * head_stride; }
};

template <class T>
Heads<const T> reader(const Tensor& t) {
  return {t, t.impl()->data<T>()};
}
template <class T>
Heads<T> writer(const Tensor& t) {
  return {t, t.impl()->mutable_data<T>()};
}

template <class T>
void multiply(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, double alpha, const T* a,
              int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc) {
  GemmArgs<T> g;
  g.trans_a = trans_a;
  g.trans_b = trans_b;
  g.m = m;
  g.n = n;
  g.k = k;
  g.alpha = static_cast<T>(alpha);
  g.a = a;
  g.lda = lda;
  g.b = b;
  g.ldb = ldb;
  g.beta = beta;
  g.c = c;
  g.ldc = ldc;
  gemm(g);
}

// Rows of a block: as many as keep the scores within half a megabyte, at most 64.
int64_t block_rows(int64_t columns) {
  return std::clamp<int64_t>(131072 / std::max<int64_t>(columns, 1), 8, 64);
}

constexpr int64_t kManyHeads = 16;

template <class T>
struct Attention {
  const AttentionCall& c;
  const SoftmaxKernels<T>& kernels = softmax_kernels(T());
  Heads<const T> q, k, v;

  explicit Attention(const AttentionCall& call)
      : c(call), q(reader<T>(call.query)), k(reader<T>(call.key)), v(reader<T>(call.value)) {}

  int64_t all_heads() const { return c.query.size(0) * q.heads; }
  // Columns that rows first .. first + count - 1 look at, and those of one row.
  int64_t columns(int64_t first, int64_t count) const {
    return c.causal ? std::min(k.rows, first + count) : k.rows;
  }

  // The keys of one head, transposed and packed once for all its blocks of rows.
  class PackedKeys {
   public:
    explicit PackedKeys(const Attention& a) : a_(a) {
      const int64_t depth = a.q.cols;
      // Packed panels of fewer columns are the first ones only while the depth is not cut.
      used_ = a.k.rows > 1 && a.q.rows > 2 * kFewRows && detail::depth_of_blocks(depth) >= depth;
      if (used_) data_ = ScratchBuffer<T>(static_cast<size_t>(detail::packed_b_size<T>(depth, a.k.rows)));
    }
    // Scores of `count` rows from `first` on against the first n keys, n numbers a row.
    void scores(int64_t h, int64_t first, int64_t count, int64_t n, T* to) {
      if (!used_ || count < kFewRows || n == 1) return a_.scores(h, first, count, n, to);
      if (h != head_) {
        detail::pack_whole_b(data_.data(), a_.k.at(h), int64_t{1}, a_.k.ld, a_.q.cols, a_.k.rows);
        head_ = h;
      }
      detail::Problem<T> p{};
      p.m = count;
      p.n = n;
      p.k = a_.q.cols;
      p.a = a_.q.at(h) + first * a_.q.ld;
      p.a_rs = a_.q.ld;
      p.a_cs = 1;
      p.prepacked_b = data_.data();
      p.alpha = static_cast<T>(a_.c.scale);
      p.c = to;
      p.ldc = n;
      detail::run_blocked(p);
    }

   private:
    static constexpr int64_t kFewRows = 8;
    const Attention& a_;
    ScratchBuffer<T> data_;
    bool used_ = false;
    int64_t head_ = -1;
  };

  void scores(int64_t h, int64_t first, int64_t count, int64_t n, T* to) const {
    multiply<T>(false, true, count, n, q.cols, c.scale, q.at(h) + first * q.ld, q.ld, k.at(h), k.ld, T(0), to,
                n);
  }

  void forward() const {
    const Heads<T> out = writer<T>(c.out);
    T* lse = c.lse.impl()->template mutable_data<T>();
    const int64_t rows = block_rows(k.rows), blocks = (q.rows + rows - 1) / rows;
    // Blocks of a head stay together where there are heads enough for any number of threads.
    const int64_t grain = row_grain(rows * k.rows * (q.cols + v.cols) / 16);
    parallel_for(0, all_heads() * blocks, all_heads() >= kManyHeads ? std::max(grain, blocks) : grain,
                 [&](int64_t begin, int64_t end) {
                   PackedKeys keys(*this);
                   ScratchBuffer<T> buffer(static_cast<size_t>(rows * k.rows));
                   T* s = buffer.data();
                   for (int64_t b = begin; b < end; ++b) {
                     const int64_t h = b / blocks, first = b % blocks * rows,
                                   count = std::min(rows, q.rows - first);
                     const int64_t n = columns(first, count);
                     keys.scores(h, first, count, n, s);
                     for (int64_t r = 0; r < count; ++r) {
                       const int64_t valid = columns(first + r, 1);
                       lse[h * q.rows + first + r] = kernels.softmax_row(s + r * n, s + r * n, valid);
                       std::fill(s + r * n + valid, s + (r + 1) * n, T(0));
                     }
                     multiply<T>(false, false, count, v.cols, n, 1, s, n, v.at(h), v.ld, T(0),
                                 out.at(h) + first * out.ld, out.ld);
                   }
                 });
  }

  static void clear(const Heads<T>& m, int64_t h) {
    for (int64_t r = 0; r < m.rows; ++r) std::fill_n(m.at(h) + r * m.ld, m.cols, T(0));
  }

  void backward() const {
    const Heads<const T> g = reader<T>(c.grad);
    const Heads<T> gq = writer<T>(c.grad_query), gk = writer<T>(c.grad_key), gv = writer<T>(c.grad_value);
    const T* lse = c.lse.impl()->template data<T>();
    const int64_t rows = block_rows(k.rows);
    parallel_for(0, all_heads(), 1, [&](int64_t begin, int64_t end) {
      ScratchBuffer<T> buffer(static_cast<size_t>(2 * rows * k.rows));
      T* p = buffer.data();
      T* dp = p + rows * k.rows;
      PackedKeys keys(*this);
      for (int64_t h = begin; h < end; ++h) {
        clear(gk, h);
        clear(gv, h);
        for (int64_t first = 0; first < q.rows; first += rows) {
          const int64_t count = std::min(rows, q.rows - first), n = columns(first, count);
          const T* go = g.at(h) + first * g.ld;
          keys.scores(h, first, count, n, p);
          multiply<T>(false, true, count, n, v.cols, 1, go, g.ld, v.at(h), v.ld, T(0), dp, n);
          for (int64_t r = 0; r < count; ++r) {
            const int64_t valid = columns(first + r, 1);
            T* pr = p + r * n;
            kernels.ce_grad_row(pr, pr, valid, lse[h * q.rows + first + r], T(0), T(1), T(0), nullptr);
            kernels.softmax_backward_row(pr, dp + r * n, dp + r * n, valid);
            std::fill(pr + valid, pr + n, T(0));
            std::fill(dp + r * n + valid, dp + (r + 1) * n, T(0));
          }
          multiply<T>(true, false, n, v.cols, count, 1, p, n, go, g.ld, T(1), gv.at(h), gv.ld);
          multiply<T>(false, false, count, q.cols, n, c.scale, dp, n, k.at(h), k.ld, T(0),
                      gq.at(h) + first * gq.ld, gq.ld);
          multiply<T>(true, false, n, q.cols, count, c.scale, dp, n, q.at(h) + first * q.ld, q.ld, T(1),
                      gk.at(h), gk.ld);
        }
      }
    });
  }
};

template <class T>
void run(const AttentionCall& call) {
  const Attention<T> attention(call);
  if (call.kind == AttentionKind::Forward)
    attention.forward();
  else
    attention.backward();
}

}  // namespace

void attention(const AttentionCall& call) {
  if (call.query.impl()->dtype() == kFloat32)
    run<float>(call);
  else
    run<double>(call);
}

}  // namespace rustorch::cpu
