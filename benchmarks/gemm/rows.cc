// The products of float32 that oneDNN is measured by, as its users call them: into a result that exists.
//
//   c++ -O2 -std=c++20 rows.cc -lrustorch -o rows_rustorch
//   c++ -O2 -std=c++20 -fopenmp -DROWS_ONEDNN rows.cc -ldnnl -o rows_onednn
//
// rows_... THREADS [ROW ...] prints "row microseconds GFLOP/s" a line: the 20th percentile of processor time
// on one thread, the 5th of wall time on more. compare_rows.py runs both in turns.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#ifdef ROWS_ONEDNN
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#else
#include <rustorch/rustorch.h>
#endif

namespace {

struct Row {
  long m, n, k;
  bool b_transposed;  // as the weight of a linear layer
  long batch;         // 0: none
};
constexpr Row kRows[] = {
    {32, 32, 32, false, 0},       {64, 64, 64, false, 0},     {128, 128, 128, false, 0},
    {256, 256, 256, false, 0},    {512, 512, 512, false, 0},  {1024, 1024, 1024, false, 0},
    {2048, 2048, 2048, false, 0}, {1, 1024, 1024, true, 0},   {1, 4096, 1024, true, 0},
    {32, 512, 784, true, 0},      {128, 1024, 4096, true, 0}, {128, 4096, 1024, true, 0},
    {64, 10, 128, true, 0},       {128, 128, 64, false, 64}};
constexpr double kSeconds = 0.15;  // of measuring a row

double seconds(bool wall) {
  timespec t;
  clock_gettime(wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class F>
double measure(bool wall, const F& call) {
  call();
  double start = seconds(wall);
  call();
  const int calls = std::max(1, static_cast<int>(0.002 / std::max(seconds(wall) - start, 1e-8)));
  std::vector<double> times;
  const double begin = seconds(wall);
  while (seconds(wall) - begin < kSeconds || times.size() < 3) {
    start = seconds(wall);
    for (int i = 0; i < calls; ++i) call();
    times.push_back((seconds(wall) - start) / calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / (wall ? 20 : 5)];
}

#ifdef ROWS_ONEDNN
void set_threads(int threads) { omp_set_num_threads(threads); }

void fill(dnnl::memory& memory) {
  std::mt19937 bits(1);
  std::normal_distribution<float> normal;
  auto* values = static_cast<float*>(memory.get_data_handle());
  for (size_t i = 0; i < memory.get_desc().get_size() / sizeof(float); ++i) values[i] = normal(bits);
}

double time_of(const Row& row, bool wall) {
  using dnnl::memory;
  using Tag = memory::format_tag;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto desc = [&](long rows, long columns, bool transposed) {
    return row.batch != 0
               ? memory::desc({row.batch, rows, columns}, memory::data_type::f32,
                              transposed ? Tag::acb : Tag::abc)
               : memory::desc({rows, columns}, memory::data_type::f32, transposed ? Tag::ba : Tag::ab);
  };
  const memory::desc a = desc(row.m, row.k, false), b = desc(row.k, row.n, row.b_transposed),
                     c = desc(row.m, row.n, false);
#if DNNL_VERSION_MAJOR >= 3
  const dnnl::matmul product(dnnl::matmul::primitive_desc(engine, a, b, c));
#else
  const dnnl::matmul product(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), engine));
#endif
  memory x(a, engine), y(b, engine), z(c, engine);
  fill(x), fill(y);
  const std::unordered_map<int, memory> args{{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, y}, {DNNL_ARG_DST, z}};
  return measure(wall, [&] {
    product.execute(stream, args);
    stream.wait();
  });
}
#else
void set_threads(int threads) { rustorch::set_num_threads(threads); }

double time_of(const Row& row, bool wall) {
  using rustorch::randn;
  const rustorch::NoGradGuard no_grad;
  const rustorch::Tensor a = row.batch != 0 ? randn({row.batch, row.m, row.k}) : randn({row.m, row.k});
  const rustorch::Tensor b = row.batch != 0     ? randn({row.batch, row.k, row.n})
                             : row.b_transposed ? randn({row.n, row.k}).t()
                                                : randn({row.k, row.n});
  const rustorch::Tensor out =
      row.batch != 0 ? rustorch::empty({row.batch, row.m, row.n}) : rustorch::empty({row.m, row.n});
  return measure(wall, [&] { rustorch::matmul_out(out, a, b); });
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  set_threads(threads);
  int number = 0;
  for (const Row& row : kRows) {
    bool wanted = argc < 3;
    for (int i = 2; i < argc; ++i) wanted |= std::atoi(argv[i]) == number;
    if (wanted) {
      const double time = time_of(row, threads > 1);
      const double work = 2.0 * static_cast<double>(row.m * row.n * row.k * std::max(1L, row.batch));
      std::printf("%d %.3f %.1f\n", number, time * 1e6, work / time * 1e-9);
      std::fflush(stdout);
    }
    ++number;
  }
}
