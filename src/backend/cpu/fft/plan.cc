#include "backend/cpu/fft/plan.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/fft/rows.h"

namespace rustorch::cpu::fft {
namespace {

// Splitting by four steps with all roots stored needs 2 n numbers; longer rows store two small tables.
constexpr int64_t kDirectRoots = int64_t{1} << 14;
constexpr int64_t kLongestSecond = 64;  // n2 of short plans: what they work on stays in the nearest cache

template <class T>
struct Wider {
  using type = double;
};
template <>
struct Wider<double> {
  using type = long double;
};

std::vector<int> factors_of(int64_t n) {
  std::vector<int> factors;
  auto take = [&](int r) {
    while (n % r == 0) factors.push_back(r), n /= r;
  };
  int twos = 0;
  while (n % 2 == 0) ++twos, n /= 2;
  // Eights, with the rest as fours; a lone two only when there is nothing to join it to.
  if (twos == 4) factors.push_back(16), twos = 0;
  while (twos >= 3 && twos != 4) factors.push_back(8), twos -= 3;
  for (; twos >= 2; twos -= 2) factors.push_back(4);
  if (twos == 1) factors.push_back(2);
  for (int r = 3; r <= kMaxRadix; r += 2) take(r);
  if (factors.empty()) factors.push_back(1);
  return factors;
}

template <class T>
LanePlan<T> make_lane_plan(int64_t m) {
  LanePlan<T> plan;
  plan.m = m;
  int64_t length = m, repeats = 1;
  for (int r : factors_of(m)) {
    typename LanePlan<T>::Pass pass{r, length, repeats, static_cast<int64_t>(plan.roots.size()), 0};
    if (length > r) {
      for (int64_t p = 0; p < length / r; ++p)
        for (int64_t j = 1; j < r; ++j) {
          T z[2];
          root_of_unity(p * j, length, z);
          plan.roots.insert(plan.roots.end(), z, z + 2);
        }
    }
    pass.table = static_cast<int64_t>(plan.roots.size());
    if (r % 2 == 1 && r > 5) {
      for (int part = 0; part < 2; ++part)
        for (int k = 0; k < r; ++k) {
          T z[2];
          root_of_unity(k, r, z);
          plan.roots.push_back(part == 0 ? z[0] : -z[1]);
        }
    }
    plan.passes.push_back(pass);
    length /= r, repeats *= r;
  }
  return plan;
}

/// n1 * n2 = n with both at least `lanes`, n1 a multiple of lanes when possible and near the square root;
/// 0 when there is none.
int64_t best_split(int64_t n, int64_t lanes) {
  int64_t best = 0;
  double best_cost = 0;
  for (int64_t a = lanes; a <= n / lanes; ++a) {
    if (a > 1024 && a * a > 4 * n) break;
    if (n % a != 0) continue;
    const int64_t b = n / a;
    auto padded = [&](int64_t x) { return static_cast<double>((x + lanes - 1) / lanes * lanes) / x; };
    const double ratio = a > b ? static_cast<double>(a) / b : static_cast<double>(b) / a;
    const double cost = padded(a) + padded(b) + 0.1 * std::log2(ratio);
    if (best == 0 || cost < best_cost) best = a, best_cost = cost;
  }
  return best;
}

/// n1 of a short plan, the longest there is; 0 when there is none.
int64_t short_split(int64_t n, int64_t lanes) {
  if (lanes < 4) return 0;
  for (int64_t n1 = 16; n1 >= 4; n1 /= 2)  // two by two whole rows as lanes are faster
    if (lanes % n1 == 0 && n % n1 == 0 && n / n1 >= lanes && n / n1 <= kLongestSecond) return n1;
  return 0;
}

/// Planar rows: in lane l of row i the root of unity of order n to the power(i, l).
template <class T, class F>
void fill_planar(std::vector<T>& table, int64_t rows, int64_t lanes, int64_t n, F&& power) {
  table.resize(static_cast<size_t>(rows * 2 * lanes));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t l = 0; l < lanes; ++l) {
      T z[2];
      root_of_unity(power(i, l), n, z);
      table[static_cast<size_t>(2 * i * lanes + l)] = z[0];
      table[static_cast<size_t>((2 * i + 1) * lanes + l)] = z[1];
    }
}

/// Roots of real transforms whose half is a short plan.
template <class T>
void fill_real(Plan<T>& plan) {
  const Plan<T>& h = *plan.half;
  const int64_t n1 = h.n1, n2 = h.n2, lanes = h.lanes, groups = (n2 + lanes - 1) / lanes;
  fill_planar(plan.unpack_roots, n2, lanes, plan.n, [&](int64_t i, int64_t l) { return l % n1 + n1 * i; });
  for (T& x : plan.unpack_roots) x *= T(0.5);
  fill_planar(plan.pack_roots, groups * n1, lanes, plan.n,
              [&](int64_t i, int64_t l) { return i % n1 * n2 + std::min(i / n1 * lanes, n2 - lanes) + l; });
}

template <class T>
void fill_split(Plan<T>& plan) {
  const int64_t n = plan.n, n1 = plan.n1, n2 = plan.n2, lanes = plan.lanes;
  const int64_t groups = (n2 + lanes - 1) / lanes;
  const auto first = [&](int64_t g) { return std::min(g * lanes, n2 - lanes); };
  if (n <= kDirectRoots)
    return fill_planar(plan.direct, groups * n1, lanes, n,
                       [&](int64_t i, int64_t l) { return i % n1 * (first(i / n1) + l); });
  fill_planar(plan.fine, n1, lanes, n, [](int64_t k, int64_t l) { return k * l; });
  plan.coarse.resize(static_cast<size_t>(groups * n1 * 2));
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t k = 0; k < n1; ++k) root_of_unity(k * first(g), n, plan.coarse.data() + 2 * (g * n1 + k));
}

/// The shortest convenient length of a convolution: 2^a times 1, 3 or 5.
int64_t convolution_length(int64_t least) {
  int64_t best = 0;
  for (int64_t odd : {1, 3, 5}) {
    int64_t m = odd * 8;
    while (m < least) m *= 2;
    if (best == 0 || m < best) best = m;
  }
  return best;
}

template <class T>
void fill_bluestein(Plan<T>& plan) {
  const int64_t n = plan.n, m = convolution_length(2 * n - 1);
  plan.inner = get_plan<T>(m, PlanKind::Rows);
  plan.chirp.resize(static_cast<size_t>(2 * n));
  plan.filter.assign(static_cast<size_t>(2 * m), T(0));
  int64_t square = 0;  // k^2 mod 2n
  for (int64_t k = 0; k < n; ++k) {
    T* z = plan.chirp.data() + 2 * k;
    root_of_unity(square, 2 * n, z);
    for (int64_t at : {k, (m - k) % m}) {
      plan.filter[static_cast<size_t>(2 * at)] = z[0] / static_cast<T>(m);
      plan.filter[static_cast<size_t>(2 * at + 1)] = -z[1] / static_cast<T>(m);
    }
    square = (square + 2 * k + 1) % (2 * n);
  }
  RowRunner<T>(*plan.inner).run(1, plan.filter.data(), 0, plan.filter.data(), 0, false, T(1));
}

}  // namespace

template <class T>
void root_of_unity(int64_t k, int64_t n, T* z) {
  using W = typename Wider<T>::type;
  constexpr W kTurn = static_cast<W>(6.283185307179586476925286766559005768L);
  // The angle 2 pi k / n, folded to [0, pi/4]: eighths of a turn are k * 8 / n.
  k %= n;
  int64_t x = 8 * k;
  bool negate_sin = false, negate_cos = false, exchange = false;
  if (x > 4 * n) x = 8 * n - x, negate_sin = true;
  if (x > 2 * n) x = 4 * n - x, negate_cos = true;
  if (x > n) x = 2 * n - x, exchange = true;
  const W angle = kTurn * static_cast<W>(x) / static_cast<W>(8 * n);
  W c = std::cos(angle), s = std::sin(angle);
  if (exchange) std::swap(c, s);
  z[0] = static_cast<T>(negate_cos ? -c : c);
  z[1] = static_cast<T>(negate_sin ? s : -s);
}

bool is_smooth(int64_t n) {
  for (int r = 2; r <= kMaxRadix && n > 1; ++r)
    while (n % r == 0) n /= r;
  return n == 1;
}

template <class T>
std::shared_ptr<const Plan<T>> make_plan(int64_t n, PlanKind kind) {
  auto plan = std::make_shared<Plan<T>>();
  plan->n = n;
  plan->lanes = kernels<T>().lanes;
  if (kind == PlanKind::Real) {
    plan->half = get_plan<T>(n / 2, PlanKind::Rows);
    const int64_t count = n / 4 + 1;
    plan->real_roots.resize(static_cast<size_t>(2 * count));
    for (int64_t k = 0; k < count; ++k) root_of_unity(k, n, plan->real_roots.data() + 2 * k);
    if (plan->half->way == Plan<T>::Way::Short) fill_real(*plan);
    return plan;
  }
  if (!is_smooth(n)) {
    plan->way = Plan<T>::Way::Bluestein;
    fill_bluestein(*plan);
    return plan;
  }
  const int64_t brief = kind == PlanKind::Rows ? short_split(n, plan->lanes) : 0;
  if (brief != 0) {
    plan->way = Plan<T>::Way::Short;
    plan->n1 = brief, plan->n2 = n / brief;
    plan->second = make_lane_plan<T>(plan->n2);
    fill_split(*plan);
    return plan;
  }
  const int64_t split = kind == PlanKind::Rows ? best_split(n, plan->lanes) : 0;
  if (split != 0) {
    plan->way = Plan<T>::Way::Split;
    plan->n1 = split, plan->n2 = n / split;
    plan->lane = make_lane_plan<T>(plan->n1);
    plan->second = make_lane_plan<T>(plan->n2);
    fill_split(*plan);
  } else {
    plan->lane = make_lane_plan<T>(n);
  }
  return plan;
}

template void root_of_unity<float>(int64_t, int64_t, float*);
template void root_of_unity<double>(int64_t, int64_t, double*);
template std::shared_ptr<const Plan<float>> make_plan<float>(int64_t, PlanKind);
template std::shared_ptr<const Plan<double>> make_plan<double>(int64_t, PlanKind);

}  // namespace rustorch::cpu::fft
