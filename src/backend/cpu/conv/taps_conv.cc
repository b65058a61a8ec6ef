// Two ways to run a tap set: straight on the planes (few output channels), or by gathering strips of columns
// into the packed format of the matrix product, in cache (many output channels or small images, where gaps
// between rows would waste too much). A group of one channel in and one out has kernels of its own. Which way
// is taken depends on the shape alone.
#include "backend/cpu/conv/taps_conv.h"

#include <algorithm>
#include <cstring>

#include "backend/cpu/conv/conv_kernels.h"
#include "backend/cpu/conv/planes.h"
#include "backend/cpu/gemm/blocked.h"
#include "backend/cpu/gemm/kernel_table.h"
#include "base/divide.h"
#include "base/thread_pool.h"
#include "memory/scratch.h"

namespace rustorch::cpu::detail {
namespace {

constexpr int64_t kStripPanels = 6;           // column panels of a task
constexpr int64_t kRowPanels = 16;            // row panels of a task
constexpr int64_t kWantedStrips = 16;         // strips of gathered columns, to balance a few threads
constexpr int64_t kGatherElements = 4 << 20;  // elements of padded planes held at a time
constexpr int64_t kCopyGrain = 16 * 1024;     // elements copied per chunk
constexpr int64_t kFarWeights = 4 << 20;      // bytes of weights that are read from afar
constexpr double kStripWork = 1e6;            // multiply-adds per strip task, at least

// A tap set with its weights packed, one after the other for every group.
template <class T>
struct Prepared {
  const TapsProblem<T>* p;
  const SourceLayout* layout;
  const TapSet* taps;
  int64_t k;                   // channels * taps
  std::vector<int64_t> shift;  // of every k
  int64_t flat;                // columns, gaps included
};

template <class T>
Prepared<T> prepare(const TapsProblem<T>& p, const SourceLayout& layout, const TapSet& taps) {
  Prepared<T> r{&p,    &layout,
                &taps, p.channels * static_cast<int64_t>(taps.shift.size()),
                {},    flat_columns(layout, taps)};
  r.shift.reserve(static_cast<size_t>(r.k));
  for (int64_t c = 0; c < p.channels; ++c) {
    for (const int64_t s : taps.shift) r.shift.push_back(c * layout.channel_stride() + s);
  }
  return r;
}

// Rows [i0, i1) of the weights of one group as a dense matrix of k columns.
template <class T>
void dense_weights(const Prepared<T>& r, int64_t g, int64_t i0, int64_t i1, T* dst) {
  const TapsProblem<T>& p = *r.p;
  const T* w = p.weight + g * p.w_group;
  const int64_t taps = static_cast<int64_t>(r.taps->weight.size());
  for (int64_t c = 0; c < p.channels; ++c) {
    for (int64_t i = i0; i < i1; ++i) {
      const T* s = w + i * p.w_row + c * p.w_channel;
      T* to = dst + (i - i0) * r.k + c * taps;
      for (const int64_t tap : r.taps->weight) *to++ = s[tap];
    }
  }
}

// How the weights of a group lie: as the dense matrix, as one dense block of taps per channel, or otherwise.
enum class WeightOrder : uint8_t { Dense, ByChannel, Other };
template <class T>
WeightOrder weight_order(const Prepared<T>& r) {
  const auto taps = static_cast<int64_t>(r.taps->weight.size());
  for (int64_t t = 0; t < taps; ++t) {
    if (r.taps->weight[static_cast<size_t>(t)] != t) return WeightOrder::Other;
  }
  return r.p->channels == 1 || r.p->w_channel == taps ? WeightOrder::Dense : WeightOrder::ByChannel;
}

// ---- straight on the planes

// Rows of a packed panel: spread evenly, since two tiles of 8 beat one of 14 and one of 2.
int64_t even_rows(int64_t rows, int64_t mr) { return ceil_div(rows, ceil_div(rows, mr)); }

// Packs `rows` rows from row i on, columns [k0, k0 + kc), of weights that lie by channel.
template <class T>
void pack_by_channel(const Prepared<T>& r, const T* w, int64_t i, int64_t rows, int64_t k0, int64_t kc,
                     T* dst) {
  const KernelTable<T>& t = kernels<T>();
  const auto taps = static_cast<int64_t>(r.taps->weight.size());
  for (int64_t k = k0; k < k0 + kc;) {
    const int64_t tap = k % taps, run = std::min(taps - tap, k0 + kc - k);
    t.pack_a(dst, 0, w + i * r.p->w_row + k / taps * r.p->w_channel + tap, r.p->w_row, 1, rows, run);
    dst += run * t.a_stride;
    k += run;
  }
}

// Packs one group: blocks along k one after the other, in each the panels of `mr` rows.
template <class T>
void pack_weights(const Prepared<T>& r, int64_t g, int64_t mr, T* packed) {
  const KernelTable<T>& t = kernels<T>();
  const WeightOrder order = weight_order(r);
  const T* w = r.p->weight + g * r.p->w_group;
  const int64_t depth = depth_of_blocks(r.k), panels = ceil_div(r.p->rows, mr);
  parallel_for(0, panels, std::max<int64_t>(1, kCopyGrain / std::max<int64_t>(1, mr * r.k)),
               [&](int64_t b, int64_t e) {
                 ScratchBuffer<T> dense(order == WeightOrder::Other ? static_cast<size_t>(mr * r.k) : 0);
                 for (int64_t panel = b; panel < e; ++panel) {
                   const int64_t i = panel * mr, rows = std::min(mr, r.p->rows - i);
                   if (order == WeightOrder::Other) dense_weights(r, g, i, i + rows, dense.data());
                   for (int64_t k0 = 0; k0 < r.k; k0 += depth) {
                     const int64_t kc = std::min(depth, r.k - k0);
                     T* dst = packed + (k0 * panels + panel * kc) * t.a_stride;
                     if (order == WeightOrder::ByChannel) {
                       pack_by_channel(r, w, i, rows, k0, kc, dst);
                     } else if (order == WeightOrder::Dense) {
                       t.pack_a(dst, kc * t.a_stride, w + i * r.p->w_row + k0, r.p->w_row, 1, rows, kc);
                     } else {
                       t.pack_a(dst, kc * t.a_stride, dense.data() + k0, r.k, 1, rows, kc);
                     }
                   }
                 }
               });
}

// Columns [q0, q1) of rows [i0, i1) of one image and group.
template <class T>
void shift_strip(const Prepared<T>& r, const T* packed, int64_t mr, const T* planes, int64_t q0, int64_t q1,
                 int64_t i0, int64_t i1, const ImageView<T>& out, const T* bias) {
  const KernelTable<T>& t = kernels<T>();
  const int64_t ld = round_up(q1 - q0, t.nr), panels = ceil_div(r.p->rows, mr), depth = depth_of_blocks(r.k);
  ScratchBuffer<T> block(static_cast<size_t>((i1 - i0) * ld));
  for (int64_t k0 = 0; k0 < r.k; k0 += depth) {
    ShiftArgs<T> s{};
    s.m = i1 - i0;
    s.n = q1 - q0;
    s.k = std::min(depth, r.k - k0);
    s.mr = static_cast<int>(mr);
    s.a = packed + (k0 * panels + i0 / mr * s.k) * t.a_stride;
    s.src = planes + q0;
    s.shift = r.shift.data() + k0;
    s.c = block.data();
    s.ldc = ld;
    s.accumulate = k0 > 0;
    conv_kernels<T>().shift_block(s);
  }
  if (r.k == 0) std::fill_n(block.data(), (i1 - i0) * ld, T(0));
  t.epilogue(block.data(), ld, i1 - i0, q1 - q0, bias ? bias + i0 : nullptr, true, r.p->act);
  copy_out(*r.layout, *r.taps, true, block.data(), ld, i1 - i0, q0, q1, r.p->out_extent, out, i0);
}

// The depthwise case: one row, one channel.
template <class T>
void depthwise_image(const Prepared<T>& r, const T* w, const T* planes, const ImageView<T>& out,
                     const T* bias) {
  const int64_t n = round_up(r.flat, 8 * kernels<T>().nr);
  ScratchBuffer<T> row(static_cast<size_t>(n));
  conv_kernels<T>().depthwise(row.data(), planes, w, r.shift.data(), r.k, r.flat);
  kernels<T>().epilogue(row.data(), n, 1, r.flat, bias, true, r.p->act);
  copy_out(*r.layout, *r.taps, true, row.data(), n, 1, 0, r.flat, r.p->out_extent, out, 0);
}

// One image and group, all tap sets that run on the planes.
template <class T>
void plane_unit(const std::vector<Prepared<T>>& sets, const std::vector<const T*>& packed, int64_t mr,
                int64_t n, int64_t g) {
  const TapsProblem<T>& p = *sets[0].p;
  const SourceLayout& layout = *sets[0].layout;
  const KernelTable<T>& t = kernels<T>();
  const int64_t size = p.channels * layout.channel_stride(), slack = 16 * t.nr;
  ScratchBuffer<T> planes(static_cast<size_t>(size + slack));
  std::fill_n(planes.data() + size, slack, T(0));
  const auto image =
      image_view(p.source, layout.extent, p.channels * p.groups, p.groups, p.channels_last, n, g);
  parallel_for(0, p.channels, std::max<int64_t>(1, kCopyGrain / layout.channel_stride()),
               [&](int64_t b, int64_t e) { copy_in(layout, image, b, e, planes.data()); });
  const auto out = image_view(p.out, p.out_extent, p.rows * p.groups, p.groups, p.channels_last, n, g);
  const T* bias = p.bias ? p.bias + g * p.rows : nullptr;
  for (size_t s = 0; s < sets.size(); ++s) {
    const Prepared<T>& r = sets[s];
    if (r.taps->columns() == 0) continue;
    if (p.rows == 1 && p.channels == 1) {
      depthwise_image(r, packed[s] + g * r.k, planes.data(), out, bias);
      continue;
    }
    const int64_t strip = kStripPanels * t.nr, strips = ceil_div(r.flat, strip);
    const int64_t row_block = kRowPanels * mr, blocks = ceil_div(p.rows, row_block);
    const T* a = packed[s] + g * r.k * ceil_div(p.rows, mr) * t.a_stride;
    const double work = static_cast<double>(strip) * static_cast<double>(std::min(p.rows, row_block) * r.k);
    const int64_t grain = static_cast<int64_t>(std::max(1.0, kStripWork / std::max(work, 1.0)));
    parallel_for(0, strips * blocks, grain, [&](int64_t b, int64_t e) {
      for (int64_t u = b; u < e; ++u) {
        const int64_t q0 = u / blocks * strip, i0 = u % blocks * row_block;
        shift_strip(r, a, mr, planes.data(), q0, std::min(q0 + strip, r.flat), i0,
                    std::min(i0 + row_block, p.rows), out, bias);
      }
    });
  }
}

template <class T>
void run_on_planes(const TapsProblem<T>& p, const std::vector<Prepared<T>>& sets) {
  const KernelTable<T>& t = kernels<T>();
  const int64_t mr = even_rows(p.rows, t.mr);
  const bool depthwise = p.rows == 1 && p.channels == 1;
  int64_t total = 0;
  std::vector<int64_t> at;
  for (const Prepared<T>& r : sets) {
    at.push_back(total);
    total += p.groups * r.k * (depthwise ? 1 : ceil_div(p.rows, mr) * t.a_stride);
  }
  ScratchBuffer<T> weights(static_cast<size_t>(std::max<int64_t>(total, 1)));
  std::vector<const T*> packed;
  for (size_t s = 0; s < sets.size(); ++s) {
    T* dst = weights.data() + at[s];
    packed.push_back(dst);
    const int64_t per_group = sets[s].k * (depthwise ? 1 : ceil_div(p.rows, mr) * t.a_stride);
    for (int64_t g = 0; g < p.groups; ++g, dst += per_group) {
      depthwise ? dense_weights(sets[s], g, 0, 1, dst) : pack_weights(sets[s], g, mr, dst);
    }
  }
  // Either whole images are spread over the threads or, when they are few, the strips of each. Both give the
  // same bits.
  const int64_t units = p.batch * p.groups;
  double work = 0;
  for (const Prepared<T>& r : sets)
    work += static_cast<double>(r.flat) * static_cast<double>(r.k * p.rows + p.rows);
  work += static_cast<double>(p.channels * sets[0].layout->channel_stride()) * 8;
  const int64_t grain = static_cast<int64_t>(std::max(1.0, 0.25e6 / work));
  if (units >= 2 * get_num_threads() && units / grain >= 2) {
    parallel_for(0, units, grain, [&](int64_t b, int64_t e) {
      for (int64_t u = b; u < e; ++u) plane_unit(sets, packed, mr, u / p.groups, u % p.groups);
    });
  } else {
    for (int64_t u = 0; u < units; ++u) plane_unit(sets, packed, mr, u / p.groups, u % p.groups);
  }
}

// ---- gathered columns

// Images n0... of one group as planes, and their columns numbered through all of them.
template <class T>
struct Columns {
  const Prepared<T>* r;
  int64_t n0, images, g;
  const T* planes;
  int64_t image_stride, per_image;
  std::vector<int64_t> starts;  // of every row of outputs in the planes of an image
  int64_t count() const { return per_image * images; }
};

// Gathers columns [q0, q1), depth [k0, k0 + kc), into packed panels `stride` elements apart.
template <class T>
void gather_panels(const Columns<T>& c, int64_t q0, int64_t q1, int64_t k0, int64_t kc, T* packed,
                   int64_t stride) {
  const int64_t nr = kernels<T>().nr, width = c.r->taps->grid[2];
  int64_t column[64];
  for (int64_t p0 = q0; p0 < q1; p0 += nr, packed += stride) {
    const int64_t cols = std::min(nr, q1 - p0);
    for (int64_t j = 0; j < cols; ++j) {
      const int64_t q = p0 + j, inside = q % c.per_image;
      column[j] =
          q / c.per_image * c.image_stride + c.starts[static_cast<size_t>(inside / width)] + inside % width;
    }
    conv_kernels<T>().gather_panel(packed, c.planes, c.r->shift.data() + k0, kc, column,
                                   static_cast<int>(cols));
  }
}

template <class T>
ImageView<T> out_image(const Columns<T>& c, int64_t image) {
  const TapsProblem<T>& p = *c.r->p;
  return image_view(p.out, p.out_extent, p.rows * p.groups, p.groups, p.channels_last, c.n0 + image, c.g);
}

// Copies columns [q0, q1) of rows [i0, i0 + rows), first at `block`, to the outputs of their images.
template <class T>
void scatter_columns(const Columns<T>& c, const T* block, int64_t ld, int64_t i0, int64_t rows, int64_t q0,
                     int64_t q1) {
  for (int64_t q = q0; q < q1;) {
    const int64_t image = q / c.per_image, first = image * c.per_image;
    const int64_t end = std::min(q1, first + c.per_image);
    copy_out(*c.r->layout, *c.r->taps, false, block + (q - q0), ld, rows, q - first, end - first,
             c.r->p->out_extent, out_image(c, image), i0);
    q = end;
  }
}

// True when strips would read weights that no cache near holds many times for few columns each: better gather
// all columns once and make one product of it.
template <class T>
bool one_product_pays(const Columns<T>& c) {
  const Prepared<T>& r = *c.r;
  const int64_t weight_bytes = r.p->rows * r.k * static_cast<int64_t>(sizeof(T));
  return weight_bytes >= kFarWeights && ceil_div(c.count(), kernels<T>().nr) <= kWantedStrips;
}

// All columns gathered, one product, all outputs written. Without packed weights they are read in place,
// which must lie dense: for very few columns packing them would cost more than it saves.
template <class T>
void one_product(const Columns<T>& c, const T* packed_weights) {
  const Prepared<T>& r = *c.r;
  const TapsProblem<T>& p = *r.p;
  const KernelTable<T>& t = kernels<T>();
  const int64_t n = c.count(), panels = ceil_div(n, t.nr), depth = depth_of_blocks(r.k);
  ScratchBuffer<T> packed(static_cast<size_t>(packed_b_size<T>(r.k, n)));
  ScratchBuffer<T> block(static_cast<size_t>(p.rows * n));
  parallel_for(0, panels * ceil_div(r.k, depth), 1, [&](int64_t b, int64_t e) {
    for (int64_t u = b; u < e; ++u) {
      const int64_t k0 = u / panels * depth, panel = u % panels, q0 = panel * t.nr;
      const int64_t kc = std::min(depth, r.k - k0);
      gather_panels(c, q0, std::min(q0 + t.nr, n), k0, kc, packed.data() + (k0 * panels + panel * kc) * t.nr,
                    kc * t.nr);
    }
  });
  Problem<T> product{};
  product.m = p.rows;
  product.n = n;
  product.k = r.k;
  product.alpha = T(1);
  product.a = p.weight + c.g * p.w_group;
  product.a_rs = p.w_row;
  product.a_cs = 1;
  product.prepacked_a = packed_weights;
  product.prepacked_b = packed.data();
  product.c = block.data();
  product.ldc = n;
  product.bias = p.bias ? p.bias + c.g * p.rows : nullptr;
  product.bias_rows = true;
  product.act = p.act;
  run_blocked(product);
  parallel_for(0, p.rows, std::max<int64_t>(1, kCopyGrain / n),
               [&](int64_t b, int64_t e) { scatter_columns(c, block.data() + b * n, n, b, e - b, 0, n); });
}

// Columns [q0, q1) of rows [i0, i0 + rows): gathered into the cache, multiplied and written. i0 is the first
// row of a panel of the packed weights.
template <class T>
void gathered_strip(const Columns<T>& c, const T* weights, int64_t i0, int64_t rows, int64_t q0, int64_t q1) {
  const Prepared<T>& r = *c.r;
  const TapsProblem<T>& p = *r.p;
  const KernelTable<T>& t = kernels<T>();
  const int64_t depth = depth_of_blocks(r.k), a_panels = ceil_div(p.rows, t.mr), n = q1 - q0;
  const int64_t image = q0 / c.per_image, first = image * c.per_image;
  const ImageView<T> out = out_image(c, image);
  // Outputs that lie as the columns do are written where they belong.
  const bool in_place = q1 <= first + c.per_image && out.position == 1 && dense_grid(*r.taps, p.out_extent);
  const int64_t ld = in_place ? out.channel : n;
  ScratchBuffer<T> packed(static_cast<size_t>(ceil_div(n, t.nr) * t.nr * std::min(depth, r.k)));
  ScratchBuffer<T> block(in_place ? 0 : static_cast<size_t>(rows * n));
  BlockArgs<T> s{};
  s.m = rows;
  s.n = n;
  s.alpha = T(1);
  s.a_rs = 1;
  s.a_cs = t.a_stride;
  s.a_packed = true;
  s.b = packed.data();
  s.b_ks = t.nr;
  s.c = in_place ? out.data + i0 * ld + q0 - first : block.data();
  s.ldc = ld;
  s.bias = p.bias ? p.bias + c.g * p.rows + i0 : nullptr;
  s.bias_rows = true;
  s.act = p.act;
  for (int64_t k0 = 0; k0 < r.k; k0 += depth) {
    s.k = std::min(depth, r.k - k0);
    gather_panels(c, q0, q1, k0, s.k, packed.data(), s.k * t.nr);
    s.a = weights + (k0 * a_panels + i0 / t.mr * s.k) * t.a_stride;
    s.a_panel = s.k * t.a_stride;
    s.b_panel = s.k * t.nr;
    s.beta = k0 == 0 ? T(0) : T(1);
    s.last = k0 + s.k == r.k;
    t.block(s);
  }
  if (!in_place) scatter_columns(c, block.data(), ld, i0, rows, q0, q1);
}

template <class T>
void many_columns(const Columns<T>& c, const T* weights) {
  const TapsProblem<T>& p = *c.r->p;
  const KernelTable<T>& t = kernels<T>();
  // Strips stay inside an image when that wastes few lanes, so that they can be written in place.
  const int64_t lanes = t.nr / 2;
  const bool by_image = round_up(c.per_image, lanes) * 50 <= c.per_image * 51;
  const int64_t length = by_image ? c.per_image : c.count(), parts = by_image ? c.images : 1;
  const int64_t panels = ceil_div(length, t.nr);
  int64_t strips = ceil_div(panels, kStripPanels);
  if (strips * parts < kWantedStrips) strips = std::min(panels, ceil_div(kWantedStrips, parts));
  const int64_t strip = ceil_div(panels, strips) * t.nr;
  strips = ceil_div(length, strip);
  // Few strips of many rows: rows are divided as well, and columns gathered for each part.
  const int64_t row_panels = ceil_div(p.rows, t.mr);
  const int64_t row_parts = strips * parts < kWantedStrips && p.rows >= 16 * t.mr ? 2 : 1;
  const int64_t row_block = ceil_div(row_panels, row_parts) * t.mr;
  const double work = static_cast<double>(strip) * static_cast<double>(std::min(p.rows, row_block) * c.r->k);
  const int64_t grain = static_cast<int64_t>(std::max(1.0, kStripWork / std::max(work, 1.0)));
  parallel_for(0, parts * strips * row_parts, grain, [&](int64_t b, int64_t e) {
    for (int64_t u = b; u < e; ++u) {
      const int64_t i0 = u % row_parts * row_block, v = u / row_parts;
      const int64_t first = v / strips * length, q0 = v % strips * strip;
      gathered_strip(c, weights, i0, std::min(row_block, p.rows - i0), first + q0,
                     first + std::min(q0 + strip, length));
    }
  });
}

// One tap set and group over all images, some images at a time.
template <class T>
void run_gathered(const TapsProblem<T>& p, const Prepared<T>& r, int64_t g) {
  const SourceLayout& layout = *r.layout;
  const int64_t per_image = r.taps->columns();
  if (per_image == 0) return;
  const bool in_place = layout.identity() && !p.channels_last;
  const int64_t image_stride = (in_place ? p.groups : 1) * p.channels * layout.channel_stride();
  const int64_t limit = in_place ? p.batch : std::max<int64_t>(1, kGatherElements / image_stride);
  const int64_t at_once = std::min(p.batch, limit);
  const bool direct = at_once == p.batch && p.batch * per_image <= 2 * kernels<T>().nr &&
                      weight_order(r) == WeightOrder::Dense;
  ScratchBuffer<T> a(direct ? 0 : static_cast<size_t>(packed_a_size<T>(p.rows, r.k)));
  if (!direct) pack_weights(r, g, kernels<T>().mr, a.data());
  ScratchBuffer<T> planes(in_place ? 0 : static_cast<size_t>(at_once * image_stride));
  Columns<T> c{&r, 0, 0, g, planes.data(), image_stride, per_image, row_starts(layout, *r.taps)};
  for (int64_t n0 = 0; n0 < p.batch; n0 += at_once) {
    c.n0 = n0;
    c.images = std::min(at_once, p.batch - n0);
    if (in_place) {
      c.planes = p.source + (n0 * p.groups + g) * p.channels * layout.channel_stride();
    } else {
      const int64_t grain = std::max<int64_t>(1, kCopyGrain / layout.channel_stride());
      const int64_t per = ceil_div(p.channels, grain);
      parallel_for(0, c.images * per, 1, [&](int64_t b, int64_t e) {
        for (int64_t u = b; u < e; ++u) {
          const int64_t n = u / per, c0 = u % per * grain;
          copy_in(layout,
                  image_view(p.source, layout.extent, p.channels * p.groups, p.groups, p.channels_last,
                             n0 + n, g),
                  c0, std::min(c0 + grain, p.channels), planes.data() + n * image_stride);
        }
      });
    }
    direct || one_product_pays(c) ? one_product(c, direct ? nullptr : a.data()) : many_columns(c, a.data());
  }
}

// Estimated cost per useful column, in units of one pass of the register tile.
template <class T>
bool gathering_pays(const TapsProblem<T>& p, const Prepared<T>& r) {
  const int64_t useful = r.taps->columns(), lanes = kernels<T>().nr / 2;
  if (useful == 0 || r.k == 0 || (p.rows == 1 && p.channels == 1)) return false;
  if (p.batch * p.groups * p.channels * r.layout->channel_stride() > (int64_t{1} << 28)) return false;
  const double on_planes = static_cast<double>(round_up(r.flat, lanes)) / static_cast<double>(useful);
  const double all = static_cast<double>(useful * p.batch);
  const double filled = static_cast<double>(round_up(useful * p.batch, lanes)) / all;
  // Gathering one element, in multiply-adds: a load per run of columns that lies on one row.
  const double runs = 1 + static_cast<double>(lanes) / static_cast<double>(r.taps->grid[2]);
  return filled + (3 + 5 * runs) / static_cast<double>(p.rows) < 1.08 * on_planes;
}

}  // namespace

template <class T>
void run_taps(const TapsProblem<T>& p, const SourceLayout& layout, const std::vector<TapSet>& sets) {
  std::vector<Prepared<T>> on_planes, gathered;
  for (const TapSet& taps : sets) {
    Prepared<T> r = prepare(p, layout, taps);
    (gathering_pays(p, r) ? gathered : on_planes).push_back(std::move(r));
  }
  if (!on_planes.empty()) run_on_planes(p, on_planes);
  for (const Prepared<T>& r : gathered) {
    for (int64_t g = 0; g < p.groups; ++g) run_gathered(p, r, g);
  }
}

template void run_taps<float>(const TapsProblem<float>&, const SourceLayout&, const std::vector<TapSet>&);
template void run_taps<double>(const TapsProblem<double>&, const SourceLayout&, const std::vector<TapSet>&);

}  // namespace rustorch::cpu::detail
