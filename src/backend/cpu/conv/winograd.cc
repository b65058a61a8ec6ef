#include "backend/cpu/conv/winograd.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string_view>

#include "backend/cpu/conv/winograd_kernels.h"
#include "backend/cpu/gemm/blocked.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kPositions = 16;        // of a transformed tile
constexpr int64_t kLeastChannels = 32;    // in and out: below it the transforms cost what the products save
constexpr int64_t kLeastWidth = 10;       // outputs in a row and in a column
constexpr int64_t kLeastWidthOfMany = 7;  // where enough images share the transformed weights
constexpr int64_t kManyImages = 4;
constexpr int64_t kLeastWork = 800000;      // channels in and out and outputs of an image, multiplied
constexpr int64_t kTaskBytes = 4400 << 10;  // transformed inputs of a task
constexpr int64_t kLeastTasks = 8;          // to balance a few threads, where there are lines enough
constexpr int64_t kLeastTiles = 64;         // of a task
constexpr int64_t kRowPanels = 5;           // panels of channels out that a task takes at a time
constexpr int64_t kFewTiles = 256;          // which one task takes

struct Sizes {
  int64_t height, width, out_height, out_width, top, left;  // of one image
  int64_t down, across;                                     // tiles
  int64_t lines;                                            // rows of tiles in all images
  int64_t channels, rows;
};

Sizes sizes_of(const TapsProblem<float>& p, const ConvArgs& a, bool turned) {
  Sizes s{};
  const int64_t* in = turned ? a.out : a.in;
  s.height = in[1], s.width = in[2];
  s.out_height = p.out_extent[1], s.out_width = p.out_extent[2];
  s.top = turned ? 2 - a.padding[1] : a.padding[1];
  s.left = turned ? 2 - a.padding[2] : a.padding[2];
  s.down = ceil_div(s.out_height, 2), s.across = ceil_div(s.out_width, 2);
  s.lines = p.batch * s.down;
  s.channels = p.channels, s.rows = p.rows;
  return s;
}

// Rows of tiles of a task: as many as stay near and fill whole vectors.
int64_t lines_of_task(const Sizes& s) {
  const int64_t bytes = kPositions * s.channels * s.across * static_cast<int64_t>(sizeof(float));
  const int64_t near = std::clamp<int64_t>(kTaskBytes / bytes, 1, s.lines);
  const int64_t most =
      std::min(near, std::max(ceil_div(s.lines, kLeastTasks), ceil_div(kLeastTiles, s.across)));
  int64_t best = 1;
  double least = 1e9;
  for (int64_t lines = 1; lines <= most; ++lines) {
    const int64_t tiles = lines * s.across;
    // A few tiles more for each product are worth some empty lanes.
    const double cost = static_cast<double>(round_up(tiles, kWinogradLanes) + 8) / static_cast<double>(tiles);
    if (cost <= least) least = cost, best = lines;
  }
  return best;
}

// The transformed weights of rows [first, first + row_count) of a group, packed for the products: position
// after position. Lanes are rows of a panel, so that what is transformed lies as it shall.
void pack_transformed(const TapsProblem<float>& p, int64_t g, bool turned, int64_t first, int64_t row_count,
                      float* packed) {
  const KernelTable<float>& t = kernels<float>();
  const float* w = p.weight + g * p.w_group + first * p.w_row;
  const int64_t size = packed_a_size<float>(row_count, p.channels), panels = ceil_div(row_count, t.mr),
                depth = depth_of_blocks(p.channels);
  constexpr int64_t kChannels = 16;  // transposed at a time
  const int64_t parts = ceil_div(p.channels, kChannels);
  parallel_for(0, panels * parts, 4, [&](int64_t begin, int64_t end) {
    ScratchBuffer<float> taps(static_cast<size_t>(9 * kChannels * t.a_stride));
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t i = unit / parts * t.mr, rows = std::min<int64_t>(t.mr, row_count - i);
      const int64_t c0 = unit % parts * kChannels, count = std::min(kChannels, p.channels - c0);
      const float* from = w + i * p.w_row + c0 * p.w_channel;
      if (p.w_channel == 9) {
        t.pack_a(taps.data(), 0, from, p.w_row, 1, rows, 9 * count);
      } else {
        for (int64_t c = 0; c < count; ++c)
          t.pack_a(taps.data() + 9 * c * t.a_stride, 0, from + c * p.w_channel, p.w_row, 1, rows, 9);
      }
      for (int64_t c = c0; c < c0 + count; ++c) {
        const int64_t k0 = c / depth * depth, kc = std::min(depth, p.channels - k0);
        winograd_weights(taps.data() + 9 * (c - c0) * t.a_stride, t.a_stride, t.a_stride, turned,
                         packed + (k0 * panels + i / t.mr * kc + c - k0) * t.a_stride, size);
      }
    }
  });
}

// Calls f(image, row of tiles in it, rows of tiles, rows before in the task) for the images of lines
// [begin, end).
template <class F>
void for_images(const Sizes& s, int64_t begin, int64_t end, F&& f) {
  for (int64_t line = begin; line < end;) {
    const int64_t image = line / s.down, first = line % s.down, count = std::min(s.down - first, end - line);
    f(image, first, count, line - begin);
    line += count;
  }
}

// All channels of lines [begin, end) transformed: 16 matrices of s.channels rows, `tiles` apart.
void transform_inputs(const TapsProblem<float>& p, const Sizes& s, int64_t g, int64_t begin, int64_t end,
                      float* inputs, int64_t tiles) {
  const int64_t used = 2 * s.across + 2, width = 2 * round_up(s.across, kWinogradLanes) + 2 * kWinogradLanes;
  const int64_t copied = std::min(s.width, used - s.left);
  parallel_for(0, s.channels, ceil_div(s.channels, kLeastTasks), [&](int64_t c0, int64_t c1) {
    ScratchBuffer<float> plane(static_cast<size_t>((2 * (end - begin) + 2) * width));
    std::fill(plane.begin(), plane.end(), 0.0f);
    for (int64_t c = c0; c < c1; ++c)
      for_images(s, begin, end, [&](int64_t image, int64_t first, int64_t count, int64_t before) {
        const float* from = p.source + ((image * p.groups + g) * s.channels + c) * s.height * s.width;
        for (int64_t r = 0; r < 2 * count + 2; ++r) {
          float* to = plane.data() + r * width;
          const int64_t y = 2 * first + r - s.top;
          if (y < 0 || y >= s.height)
            std::fill_n(to, used, 0.0f);
          else
            std::copy_n(from + y * s.width, copied, to + s.left);
        }
        for (int64_t i = 0; i < count; ++i)
          winograd_input(plane.data() + 2 * i * width, width, s.across,
                         inputs + c * tiles + (before + i) * s.across, s.channels * tiles);
      });
  });
}

// Rows [i0, i0 + count) of the products, transformed back.
bool transform_sums(const TapsProblem<float>& p, const Sizes& s, int64_t g, int64_t begin, int64_t end,
                    int64_t i0, int64_t count, const float* sums, int64_t tiles) {
  const int64_t step = count * tiles, size = s.out_height * s.out_width;
  bool finite = true;
  for_images(s, begin, end, [&](int64_t image, int64_t first, int64_t lines, int64_t before) {
    float* out = p.out + ((image * p.groups + g) * s.rows + i0) * size;
    for (int64_t i = 0; i < count; ++i)
      for (int64_t l = 0; l < lines; ++l) {
        const int64_t y = 2 * (first + l);
        finite &= winograd_output(sums + i * tiles + (before + l) * s.across, step, s.out_width,
                                  out + i * size + y * s.out_width, s.out_width, y + 1 < s.out_height);
      }
    if (p.bias == nullptr && p.act == Activation::None) return;
    const int64_t y = 2 * first, rows = std::min(s.out_height - y, 2 * lines);
    kernels<float>().epilogue(out + y * s.out_width, size, count, rows * s.out_width,
                              p.bias ? p.bias + g * s.rows + i0 : nullptr, true, p.act);
  });
  return finite;
}

// Lines [begin, end) of one group: transform, 16 products for some rows at a time, transform back. On all
// threads, unless the caller is in a parallel region. Without `packed`, every thread packs the weights of the
// rows that it takes, which then need not go through memory.
bool run_lines(const TapsProblem<float>& p, const Sizes& s, int64_t g, bool turned, const float* packed,
               int64_t begin, int64_t end) {
  const KernelTable<float>& t = kernels<float>();
  const int64_t wanted = (end - begin) * s.across, tiles = round_up(wanted, kWinogradLanes) + kWinogradLanes;
  ScratchBuffer<float> inputs(static_cast<size_t>(kPositions * s.channels * tiles));
  transform_inputs(p, s, g, begin, end, inputs.data(), tiles);
  const int64_t depth = depth_of_blocks(s.channels);
  const int64_t threads = in_parallel_region() ? 1 : get_num_threads();
  const int64_t chunk = std::min(kRowPanels, ceil_div(ceil_div(s.rows, t.mr), threads)) * t.mr;
  std::atomic<bool> finite{true};
  parallel_for(0, ceil_div(s.rows, chunk), 1, [&](int64_t first, int64_t last) {
    ScratchBuffer<float> sums(static_cast<size_t>(kPositions * chunk * tiles)),
        panel(static_cast<size_t>(depth * t.nr)),
        own(packed ? 0 : static_cast<size_t>(kPositions * packed_a_size<float>(chunk, s.channels)));
    for (int64_t i0 = first * chunk; i0 < std::min(s.rows, last * chunk); i0 += chunk) {
      const int64_t count = std::min(chunk, s.rows - i0);
      if (!packed) pack_transformed(p, g, turned, i0, count, own.data());
      const float* weights = packed ? packed : own.data();
      const int64_t packed_rows = packed ? s.rows : count, panels = ceil_div(packed_rows, t.mr),
                    size = packed_a_size<float>(packed_rows, s.channels), before = packed ? i0 / t.mr : 0;
      for (int64_t i = 0; i < kPositions; ++i) {
        BlockArgs<float> b{};
        b.m = count, b.n = wanted;
        b.alpha = 1.0f;
        b.a_rs = 1, b.a_cs = t.a_stride, b.a_packed = true;
        b.b_ks = tiles, b.b_panel = t.nr;
        b.b_copy = panel.data();  // whole vectors are read: there is room behind the last column
        b.c = sums.data() + i * count * tiles, b.ldc = tiles;
        for (int64_t k0 = 0; k0 < s.channels; k0 += depth) {
          b.k = std::min(depth, s.channels - k0);
          b.a_panel = b.k * t.a_stride;
          b.a = weights + i * size + (k0 * panels + before * b.k) * t.a_stride;
          b.b = inputs.data() + (i * s.channels + k0) * tiles;
          b.beta = k0 == 0 ? 0.0f : 1.0f;
          b.last = k0 + b.k == s.channels;
          t.block(b);
        }
      }
      if (!transform_sums(p, s, g, begin, end, i0, count, sums.data(), tiles)) finite = false;
    }
  });
  return finite;
}

bool switched_on() {
  const char* text = std::getenv("RUSTORCH_WINOGRAD");
  return text == nullptr || std::string_view(text) != "0";
}

}  // namespace

bool winograd_pays(const ConvArgs& a) {
  static const bool on = switched_on();
  if (!on || a.channels_last || a.in[0] != 1 || a.out[0] != 1 || a.kernel[0] != 1) return false;
  const int64_t least = a.batch < kManyImages ? kLeastWidth : kLeastWidthOfMany;
  for (int d = 1; d < 3; ++d)
    if (a.kernel[d] != 3 || a.stride[d] != 1 || a.dilation[d] != 1 || a.padding[d] > 2 || a.out[d] < least ||
        a.in[d] < least)
      return false;
  const int64_t channels = a.in_channels / a.groups, rows = a.out_channels / a.groups;
  return channels >= kLeastChannels && rows >= kLeastChannels &&
         channels * rows * a.out[1] * a.out[2] >= kLeastWork;
}

bool winograd(const TapsProblem<float>& p, const ConvArgs& args, bool turned) {
  const Sizes s = sizes_of(p, args, turned);
  if (s.lines * s.across <= kFewTiles) {
    for (int64_t g = 0; g < p.groups; ++g)
      if (!run_lines(p, s, g, turned, nullptr, 0, s.lines)) return false;
    return true;
  }
  const int64_t lines = lines_of_task(s);
  ScratchBuffer<float> packed(static_cast<size_t>(kPositions * packed_a_size<float>(s.rows, s.channels)));
  std::atomic<bool> finite{true};
  for (int64_t g = 0; g < p.groups && finite; ++g) {
    pack_transformed(p, g, turned, 0, s.rows, packed.data());
    const int64_t tasks = ceil_div(s.lines, lines);
    const auto run = [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end && finite; ++task)
        if (!run_lines(p, s, g, turned, packed.data(), task * lines, std::min(s.lines, (task + 1) * lines)))
          finite = false;
    };
    tasks >= 2 * get_num_threads() ? parallel_for(0, tasks, 1, run) : run(0, tasks);
  }
  return finite;
}

}  // namespace rustorch::cpu::detail
