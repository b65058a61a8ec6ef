// Gradient by the weights: grad_w[o, (c, tap)] = sum over images and positions of grad_y[o, pos] * x[c, pos +
// shift].
//
// Computed transposed, rows (c, tap) by columns o: a row of x at some shift is contiguous along a row of
// outputs, so rows are read in place from the padded planes and only grad_y is packed. Images are cut into a
// number of slices that depends on the shape alone; each slice has its own partial sum, and the slices are
// added in order.
#include <algorithm>

#include "backend/cpu/conv/conv_kernels.h"
#include "backend/cpu/conv/planes.h"
#include "backend/cpu/conv/taps_conv.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kLargeWeights =
    96 * 1024;                       // elements; above this the rows are spread over threads, not the images
constexpr int64_t kSlices = 16;      // partial sums otherwise
constexpr int64_t kPositions = 512;  // positions of one pass over all tiles
constexpr int64_t kRowsPerTask = 56;
constexpr int64_t kCopyGrain = 16 * 1024;

template <class T>
struct WeightProblem {
  const ConvArgs* args;
  const T *x, *grad_y;
  SourceLayout layout;
  TapSet taps;
  std::vector<int64_t> start;  // of every row of outputs
  std::vector<int64_t> row;    // shift of every (c, tap)
  int64_t channels, outputs;   // per group
  int64_t ld;                  // of a partial sum [rows x outputs]
};

template <class T>
struct Workspace {
  T* planes;
  T* packed;  // grad_y of one image: panels of columns, positions inside
};

// Packs the gradient of one image: position-major panels of output channels.
template <class T>
void pack_gradient(const WeightProblem<T>& p, int64_t n, int64_t g, T* packed) {
  const KernelTable<T>& t = kernels<T>();
  const int64_t positions = p.taps.columns(), panels = ceil_div(p.outputs, t.nr);
  const auto view =
      image_view(p.grad_y, p.args->out, p.args->out_channels, p.args->groups, p.args->channels_last, n, g);
  parallel_for(0, panels, std::max<int64_t>(1, kCopyGrain / (positions * t.nr)), [&](int64_t b, int64_t e) {
    for (int64_t panel = b; panel < e; ++panel) {
      const int64_t j0 = panel * t.nr, cols = std::min<int64_t>(t.nr, p.outputs - j0);
      t.pack_b(packed + panel * positions * t.nr, 0, view.data + j0 * view.channel, view.position,
               view.channel, positions, cols);
    }
  });
}

// Adds one image to the partial sum.
template <class T>
void add_image(const WeightProblem<T>& p, int64_t n, int64_t g, const Workspace<T>& w, T* sum) {
  const KernelTable<T>& t = kernels<T>();
  const auto view =
      image_view(p.x, p.args->in, p.args->in_channels, p.args->groups, p.args->channels_last, n, g);
  const T* planes = w.planes;
  if (p.layout.identity() && view.position == 1) {
    planes = view.data;
  } else {
    parallel_for(0, p.channels, std::max<int64_t>(1, kCopyGrain / p.layout.channel_stride()),
                 [&](int64_t b, int64_t e) { copy_in(p.layout, view, b, e, w.planes); });
  }
  pack_gradient(p, n, g, w.packed);
  const int64_t rows = static_cast<int64_t>(p.row.size()), length = p.taps.grid[2];
  const int64_t runs = static_cast<int64_t>(p.start.size());
  const int64_t runs_at_once = std::max<int64_t>(1, kPositions / std::max<int64_t>(1, length));
  const int64_t positions = p.taps.columns();
  parallel_for(0, rows, kRowsPerTask, [&](int64_t b, int64_t e) {
    for (int64_t r0 = 0; r0 < runs; r0 += runs_at_once) {
      RunArgs<T> args{};
      args.m = e - b;
      args.n = p.outputs;
      args.src = planes;
      args.row = p.row.data() + b;
      args.start = p.start.data() + r0;
      args.runs = std::min(runs_at_once, runs - r0);
      args.run_length = length;
      args.b = w.packed + r0 * length * t.nr;
      args.b_panel = positions * t.nr;
      args.c = sum + b * p.ld;
      args.ldc = p.ld;
      conv_kernels<T>().run_block(args);
    }
  });
}

// Sums of one group over images [n0, n1).
template <class T>
void add_slice(const WeightProblem<T>& p, int64_t n0, int64_t n1, int64_t g, T* sum) {
  const int64_t rows = static_cast<int64_t>(p.row.size());
  std::fill_n(sum, rows * p.ld, T(0));
  ScratchBuffer<T> planes(static_cast<size_t>(p.channels * p.layout.channel_stride()));
  ScratchBuffer<T> packed(static_cast<size_t>(p.taps.columns() * p.ld));
  for (int64_t n = n0; n < n1; ++n) add_image(p, n, g, Workspace<T>{planes.data(), packed.data()}, sum);
}

// One channel in and out per group: a dot product per tap.
template <class T>
void depthwise_slices(const WeightProblem<T>& p, int64_t slices, T* partial) {
  const ConvArgs& a = *p.args;
  const int64_t taps = static_cast<int64_t>(p.row.size()), per_slice = ceil_div(a.batch, slices);
  const int64_t positions = p.taps.columns(), stride = p.layout.channel_stride();
  parallel_for(0, slices * a.groups, std::max<int64_t>(1, kCopyGrain / (per_slice * stride)),
               [&](int64_t b, int64_t e) {
                 ScratchBuffer<T> planes(static_cast<size_t>(stride)), dense(static_cast<size_t>(positions)),
                     sum(static_cast<size_t>(taps));
                 for (int64_t u = b; u < e; ++u) {
                   const int64_t slice = u / a.groups, g = u % a.groups;
                   T* total = partial + u * taps;
                   std::fill_n(total, taps, T(0));
                   for (int64_t n = slice * per_slice; n < std::min((slice + 1) * per_slice, a.batch); ++n) {
                     copy_in(p.layout, image_view(p.x, a.in, a.in_channels, a.groups, a.channels_last, n, g),
                             0, 1, planes.data());
                     const auto grad =
                         image_view(p.grad_y, a.out, a.out_channels, a.groups, a.channels_last, n, g);
                     const T* gradient = grad.data;
                     if (grad.position != 1) {
                       for (int64_t q = 0; q < positions; ++q) dense.data()[q] = grad.data[q * grad.position];
                       gradient = dense.data();
                     }
                     conv_kernels<T>().depthwise_weight(sum.data(), gradient, planes.data(), p.row.data(),
                                                        taps, p.start.data(),
                                                        static_cast<int64_t>(p.start.size()), p.taps.grid[2]);
                     for (int64_t t = 0; t < taps; ++t) total[t] += sum.data()[t];
                   }
                 }
               });
}

// Adds the other slices to the first, in order.
template <class T>
void reduce_slices(T* partial, int64_t slices, int64_t size) {
  parallel_for(0, size, kCopyGrain, [&](int64_t b, int64_t e) {
    for (int64_t s = 1; s < slices; ++s) {
      const T* from = partial + s * size;
      for (int64_t i = b; i < e; ++i) partial[i] += from[i];
    }
  });
}

}  // namespace

template <class T>
void run_backward_weight(const ConvArgs& args, const T* x, const T* grad_y, T* grad_w) {
  const KernelTable<T>& t = kernels<T>();
  WeightProblem<T> p{
      &args, x, grad_y, {}, {}, {}, {}, args.in_channels / args.groups, args.out_channels / args.groups, 0};
  forward_geometry(args, p.layout, p.taps);
  p.start = row_starts(p.layout, p.taps);
  for (int64_t c = 0; c < p.channels; ++c) {
    for (const int64_t s : p.taps.shift) p.row.push_back(c * p.layout.channel_stride() + s);
  }
  p.ld = round_up(p.outputs, t.nr);
  const int64_t rows = static_cast<int64_t>(p.row.size());
  if (p.channels == 1 && p.outputs == 1) {
    const int64_t per_slice = ceil_div(args.batch, kSlices), slices = ceil_div(args.batch, per_slice);
    ScratchBuffer<T> partial(static_cast<size_t>(slices * args.groups * rows));
    depthwise_slices(p, slices, partial.data());
    reduce_slices(partial.data(), slices, args.groups * rows);
    std::copy_n(partial.data(), args.groups * rows, grad_w);
    return;
  }
  const bool large = rows * p.ld > kLargeWeights;
  const int64_t per_slice = large ? args.batch : ceil_div(args.batch, kSlices);
  const int64_t slices = ceil_div(args.batch, per_slice);
  ScratchBuffer<T> partial(static_cast<size_t>(slices * rows * p.ld));
  for (int64_t g = 0; g < args.groups; ++g) {
    parallel_for(0, slices, 1, [&](int64_t b, int64_t e) {
      for (int64_t s = b; s < e; ++s) {
        add_slice(p, s * per_slice, std::min((s + 1) * per_slice, args.batch), g,
                  partial.data() + s * rows * p.ld);
      }
    });
    reduce_slices(partial.data(), slices, rows * p.ld);
    T* to = grad_w + g * p.outputs * rows;
    parallel_for(0, rows, std::max<int64_t>(64, kCopyGrain / p.ld / 16 * 16), [&](int64_t b, int64_t e) {
      t.transpose(to + b, rows, partial.data() + b * p.ld, p.ld, e - b, p.outputs);
    });
  }
}

template void run_backward_weight<float>(const ConvArgs&, const float*, const float*, float*);
template void run_backward_weight<double>(const ConvArgs&, const double*, const double*, double*);

}  // namespace rustorch::cpu::detail
