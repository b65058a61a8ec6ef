// See Note [Shifts] in geometry.h.
#include "backend/cpu/conv/geometry.h"

#include <algorithm>

namespace rustorch::cpu::detail {
namespace {

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }

// One tap along one dimension: the phase it reads and the shift inside that phase's plane.
struct Tap {
  int64_t index, phase, shift;
};

// All combinations of the taps of the three dimensions.
void combine(const std::vector<Tap> (&taps)[3], const int64_t* kernel, const SourceLayout& source,
             TapSet& set) {
  const int64_t *len = source.length, plane = source.plane();
  const int64_t phases1 = static_cast<int64_t>(source.phases[1].size());
  const int64_t phases2 = static_cast<int64_t>(source.phases[2].size());
  for (const Tap& a : taps[0]) {
    for (const Tap& b : taps[1]) {
      for (const Tap& c : taps[2]) {
        const int64_t phase = (a.phase * phases1 + b.phase) * phases2 + c.phase;
        set.shift.push_back(phase * plane + (a.shift * len[1] + b.shift) * len[2] + c.shift);
        set.weight.push_back((a.index * kernel[1] + b.index) * kernel[2] + c.index);
      }
    }
  }
}

}  // namespace

bool SourceLayout::identity() const {
  for (int d = 0; d < 3; ++d) {
    if (step[d] != 1 || origin[d] != 0 || phases[d].size() != 1 || phases[d][0] != 0 ||
        length[d] != extent[d]) {
      return false;
    }
  }
  return true;
}

void forward_geometry(const ConvArgs& args, SourceLayout& source, TapSet& set) {
  std::vector<Tap> taps[3];
  for (int d = 0; d < 3; ++d) {
    const int64_t s = args.stride[d];
    source.extent[d] = args.in[d];
    source.step[d] = s;
    source.origin[d] = -args.padding[d];
    source.phases[d].clear();
    for (int64_t t = 0; t < args.kernel[d]; ++t) {
      const int64_t at = t * args.dilation[d];
      auto& phases = source.phases[d];
      auto found = std::find(phases.begin(), phases.end(), at % s);
      taps[d].push_back({t, found - phases.begin(), at / s});
      if (found == phases.end()) phases.push_back(at % s);
    }
    source.length[d] = args.out[d] + (args.kernel[d] - 1) * args.dilation[d] / s;
    set.grid[d] = args.out[d];
    set.base[d] = 0;
    set.step[d] = 1;
  }
  combine(taps, args.kernel, source, set);
}

void backward_geometry(const ConvArgs& args, SourceLayout& source, std::vector<TapSet>& sets) {
  // Input i = rho + s j receives from output o = j + (rho + p - t d) / s where that is whole.
  std::vector<std::vector<Tap>> by_phase[3];
  for (int d = 0; d < 3; ++d) {
    const int64_t s = args.stride[d], p = args.padding[d];
    source.extent[d] = args.out[d];
    source.step[d] = 1;
    source.phases[d] = {0};
    int64_t low = INT64_MAX, high = INT64_MIN;
    by_phase[d].resize(static_cast<size_t>(std::min(s, args.in[d])));
    for (int64_t rho = 0; rho < static_cast<int64_t>(by_phase[d].size()); ++rho) {
      for (int64_t t = 0; t < args.kernel[d]; ++t) {
        const int64_t at = rho + p - t * args.dilation[d];
        if (at % s != 0) continue;
        const int64_t shift = floor_div(at, s);
        by_phase[d][static_cast<size_t>(rho)].push_back({t, 0, shift});
        low = std::min(low, shift);
        high = std::max(high, shift);
      }
    }
    if (low > high) low = high = 0;
    source.origin[d] = low;
    source.length[d] = (args.in[d] + s - 1) / s + high - low;
    for (auto& taps : by_phase[d]) {
      for (Tap& tap : taps) tap.shift -= low;
    }
  }
  for (size_t a = 0; a < by_phase[0].size(); ++a) {
    for (size_t b = 0; b < by_phase[1].size(); ++b) {
      for (size_t c = 0; c < by_phase[2].size(); ++c) {
        TapSet set;
        const int64_t rho[3] = {static_cast<int64_t>(a), static_cast<int64_t>(b), static_cast<int64_t>(c)};
        for (int d = 0; d < 3; ++d) {
          set.base[d] = rho[d];
          set.step[d] = args.stride[d];
          set.grid[d] = (args.in[d] - rho[d] + args.stride[d] - 1) / args.stride[d];
        }
        const std::vector<Tap> taps[3] = {by_phase[0][a], by_phase[1][b], by_phase[2][c]};
        combine(taps, args.kernel, source, set);
        sets.push_back(std::move(set));
      }
    }
  }
}

std::vector<int64_t> row_starts(const SourceLayout& source, const TapSet& taps) {
  std::vector<int64_t> starts;
  starts.reserve(static_cast<size_t>(taps.grid[0] * taps.grid[1]));
  for (int64_t a = 0; a < taps.grid[0]; ++a) {
    for (int64_t b = 0; b < taps.grid[1]; ++b)
      starts.push_back((a * source.length[1] + b) * source.length[2]);
  }
  return starts;
}

int64_t flat_columns(const SourceLayout& source, const TapSet& taps) {
  return ((taps.grid[0] - 1) * source.length[1] + taps.grid[1] - 1) * source.length[2] + taps.grid[2];
}

}  // namespace rustorch::cpu::detail
