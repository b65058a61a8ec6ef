#include "backend/cpu/fft/transform.h"

#include "backend/cpu/fft/rows.h"

namespace rustorch::cpu::fft {
namespace {

/// Columns up to this length are transformed as lanes; longer ones are copied to rows.
constexpr int64_t kLongColumn = int64_t{1} << 13;
/// Columns that are copied to rows together.
constexpr int64_t kBlock = 16;

/// Calls f(runner, begin, end) on chunks of `count` rows of short plans.
template <class T, class F>
void for_rows(const Plan<T>& plan, int64_t count, F&& f) {
  const int64_t group = RowRunner<T>::group(plan);
  const int64_t grain = std::max<int64_t>(1, kChunkElements / (plan.n * group)) * group;
  parallel_for(0, count, grain, [&](int64_t b, int64_t e) { f(RowRunner<T>(plan), b, e); });
}

/// Calls f(begin, count) on blocks of the columns of an [outer, n, inner] array. begin counts columns of the
/// flattened (outer, inner).
template <class F>
void for_columns(int64_t n, int64_t outer, int64_t inner, int64_t block, F&& f) {
  const int64_t columns = outer * inner, blocks = (columns + block - 1) / block;
  parallel_for(0, blocks, std::max<int64_t>(1, kChunkElements / (n * block)), [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) f(i * block, std::min(block, columns - i * block));
  });
}

/// Where column c of an [outer, n, inner] array of items of `width` numbers begins.
inline int64_t column_start(int64_t c, int64_t n, int64_t inner, int64_t width) {
  return (c / inner * n * inner + c % inner) * width;
}

/// Copies `count` columns to rows, or back.
template <class T, int kWidth>
void columns_to_rows(const T* array, int64_t n, int64_t inner, int64_t first, int64_t count, T* rows) {
  int64_t start[kBlock];
  for (int64_t c = 0; c < count; ++c) start[c] = column_start(first + c, n, inner, kWidth);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t c = 0; c < count; ++c)
      for (int w = 0; w < kWidth; ++w)
        rows[(c * n + j) * kWidth + w] = array[start[c] + j * inner * kWidth + w];
}
template <class T, int kWidth>
void rows_to_columns(const T* rows, int64_t n, int64_t inner, int64_t first, int64_t count, T* array) {
  int64_t start[kBlock];
  for (int64_t c = 0; c < count; ++c) start[c] = column_start(first + c, n, inner, kWidth);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t c = 0; c < count; ++c)
      for (int w = 0; w < kWidth; ++w)
        array[start[c] + j * inner * kWidth + w] = rows[(c * n + j) * kWidth + w];
}

/// Lanes by columns as they lie: `full` columns from one row of the array, fewer by copying.
template <class T>
struct ColumnLanes {
  const Plan<T>& plan;
  int64_t inner;
  const T* src;
  T* dst;
  bool inverse;
  T scale;
  T* work;

  void direct(int64_t first) const {
    const int64_t at = column_start(first, plan.n, inner, 2);
    kernels<T>().lane_transform(plan.lane, {src + at, 2 * inner, false}, {dst + at, 2 * inner, false},
                                inverse, scale, work);
  }
  void copied(int64_t first, int64_t count) const {
    const int64_t n = plan.n, lanes = plan.lanes, row = 2 * lanes;
    int64_t start[kMaxLanes];
    for (int64_t c = 0; c < count; ++c) start[c] = column_start(first + c, n, inner, 2);
    T* input = work + ((plan.lane.passes.size() - 1) & 1) * static_cast<size_t>(n * row);
    for (int64_t j = 0; j < n; ++j) {
      T* to = input + j * row;
      for (int64_t c = 0; c < count; ++c) {
        const T* x = src + start[c] + j * 2 * inner;
        to[c] = x[inverse], to[lanes + c] = x[!inverse];
      }
      for (int64_t c = count; c < lanes; ++c) to[c] = to[lanes + c] = T(0);
    }
    kernels<T>().lane_transform(plan.lane, {input, row, true}, {nullptr, 0, true}, inverse, T(1), work);
    for (int64_t j = 0; j < n; ++j) {
      const T* from = work + (n + j) * row;
      for (int64_t c = 0; c < count; ++c) {
        T* y = dst + start[c] + j * 2 * inner;
        y[inverse] = from[c] * scale, y[!inverse] = from[lanes + c] * scale;
      }
    }
  }
};

template <class T>
void lane_columns(const Plan<T>& plan, int64_t outer, int64_t inner, const T* src, T* dst, bool inverse,
                  T scale) {
  const int64_t n = plan.n, lanes = plan.lanes;
  const auto work_size = static_cast<size_t>(2 * n * 2 * lanes);
  if (inner < lanes) {
    for_columns(n, outer, inner, lanes, [&](int64_t first, int64_t count) {
      ScratchBuffer<T> work(work_size);
      ColumnLanes<T>{plan, inner, src, dst, inverse, scale, work.data()}.copied(first, count);
    });
    return;
  }
  const int64_t groups = (inner + lanes - 1) / lanes;
  parallel_for(0, outer * groups, std::max<int64_t>(1, kChunkElements / (n * lanes)),
               [&](int64_t b, int64_t e) {
                 ScratchBuffer<T> work(work_size);
                 const ColumnLanes<T> run{plan, inner, src, dst, inverse, scale, work.data()};
                 for (int64_t i = b; i < e; ++i) {
                   const int64_t c = i % groups * lanes, first = i / groups * inner + c;
                   inner - c >= lanes ? run.direct(first) : run.copied(first, inner - c);
                 }
               });
}

/// One block of real rows of odd length, through complex numbers.
template <class T>
void odd_forward(const RowRunner<T>& runner, int64_t n, int64_t count, const T* src, T* dst, T scale,
                 T* rows) {
  const int64_t half = n / 2 + 1;
  for (int64_t i = 0; i < count * n; ++i) rows[2 * i] = src[i], rows[2 * i + 1] = T(0);
  runner.run(count, rows, n, rows, n, false, scale);
  for (int64_t r = 0; r < count; ++r) {
    T* to = dst + r * 2 * half;
    std::copy(rows + r * 2 * n, rows + r * 2 * n + 2 * half, to);
    to[1] = T(0);
  }
}
template <class T>
void odd_inverse(const RowRunner<T>& runner, int64_t n, int64_t count, const T* src, T* dst, T scale,
                 T* rows) {
  const int64_t half = n / 2 + 1;
  for (int64_t r = 0; r < count; ++r) {
    const T* from = src + r * 2 * half;
    T* to = rows + r * 2 * n;
    to[0] = from[0], to[1] = T(0);
    for (int64_t k = 1; k < half; ++k) {
      to[2 * k] = to[2 * (n - k)] = from[2 * k];
      to[2 * k + 1] = from[2 * k + 1];
      to[2 * (n - k) + 1] = -from[2 * k + 1];
    }
  }
  runner.run(count, rows, n, rows, n, true, scale);
  for (int64_t i = 0; i < count * n; ++i) dst[i] = rows[2 * i];
}

template <class T>
void real_rows(int64_t n, int64_t count, const T* src, T* dst, bool forward, T scale) {
  const int64_t width = 2 * (n / 2 + 1);
  if (n % 2 == 1) {
    const auto plan = get_plan<T>(n, PlanKind::Rows);
    const int64_t block = RowRunner<T>::group(*plan);
    for_rows(*plan, count, [&](const RowRunner<T>& runner, int64_t b, int64_t e) {
      ScratchBuffer<T> rows(static_cast<size_t>(2 * n * block));
      for (; b < e; b += block) {
        const int64_t some = std::min(block, e - b);
        forward ? odd_forward(runner, n, some, src + b * n, dst + b * width, scale, rows.data())
                : odd_inverse(runner, n, some, src + b * width, dst + b * n, scale, rows.data());
      }
    });
    return;
  }
  const auto plan = get_plan<T>(n, PlanKind::Real);
  const Kernels<T>& k = kernels<T>();
  const int64_t h = n / 2;
  const T* roots = plan->real_roots.data();
  if (h >= kLongRow) {
    for (int64_t r = 0; r < count; ++r) {
      const T* from = src + r * (forward ? n : width);
      T* to = dst + r * (forward ? width : n);
      if (forward) {
        RowRunner<T>::run_parallel(*plan->half, from, to, false, scale);
        k.unpack_real(to, h, roots);
      } else {
        k.pack_real(from, h, roots, to);
        RowRunner<T>::run_parallel(*plan->half, to, to, true, scale);
      }
    }
    return;
  }
  for_rows(*plan->half, count, [&](const RowRunner<T>& runner, int64_t b, int64_t e) {
    if (plan->half->way == Plan<T>::Way::Lanes || plan->half->way == Plan<T>::Way::Short) {
      return runner.run_real(e - b, src + b * (forward ? n : width), forward ? n : width,
                             dst + b * (forward ? width : n), forward ? width : n, forward, scale, *plan);
    }
    const int64_t block = RowRunner<T>::group(*plan->half);
    for (; b < e; b += block) {
      const int64_t some = std::min(block, e - b);
      if (forward) {
        runner.run(some, src + b * n, h, dst + b * width, h + 1, false, scale);
        for (int64_t r = b; r < b + some; ++r) k.unpack_real(dst + r * width, h, roots);
      } else {
        for (int64_t r = b; r < b + some; ++r) k.pack_real(src + r * width, h, roots, dst + r * n);
        runner.run(some, dst + b * n, h, dst + b * n, h, true, scale);
      }
    }
  });
}

/// Real transforms along columns: blocks of them as rows.
template <class T>
void real_columns(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, bool forward, T scale) {
  const int64_t half = n / 2 + 1;
  for_columns(n, outer, inner, kBlock, [&](int64_t first, int64_t count) {
    ScratchBuffer<T> real(static_cast<size_t>(n * kBlock)), complex(static_cast<size_t>(2 * half * kBlock));
    if (forward) {
      columns_to_rows<T, 1>(src, n, inner, first, count, real.data());
      real_rows(n, count, real.data(), complex.data(), true, scale);
      rows_to_columns<T, 2>(complex.data(), half, inner, first, count, dst);
    } else {
      columns_to_rows<T, 2>(src, half, inner, first, count, complex.data());
      real_rows(n, count, complex.data(), real.data(), false, scale);
      rows_to_columns<T, 1>(real.data(), n, inner, first, count, dst);
    }
  });
}

}  // namespace

template <class T>
void complex_rows(int64_t n, int64_t count, const T* src, int64_t src_stride, T* dst, int64_t dst_stride,
                  bool inverse, T scale) {
  const auto plan = get_plan<T>(n, PlanKind::Rows);
  if (n >= kLongRow) {
    for (int64_t r = 0; r < count; ++r)
      RowRunner<T>::run_parallel(*plan, src + 2 * r * src_stride, dst + 2 * r * dst_stride, inverse, scale);
    return;
  }
  for_rows(*plan, count, [&](const RowRunner<T>& runner, int64_t b, int64_t e) {
    runner.run(e - b, src + 2 * b * src_stride, src_stride, dst + 2 * b * dst_stride, dst_stride, inverse,
               scale);
  });
}

template <class T>
void complex_columns(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, bool inverse, T scale) {
  if (inner == 1) return complex_rows(n, outer, src, n, dst, n, inverse, scale);
  if (is_smooth(n) && n <= kLongColumn)
    return lane_columns(*get_plan<T>(n, PlanKind::Columns), outer, inner, src, dst, inverse, scale);
  for_columns(n, outer, inner, kBlock, [&](int64_t first, int64_t count) {
    ScratchBuffer<T> rows(static_cast<size_t>(2 * n * kBlock));
    columns_to_rows<T, 2>(src, n, inner, first, count, rows.data());
    complex_rows(n, count, rows.data(), n, rows.data(), n, inverse, scale);
    rows_to_columns<T, 2>(rows.data(), n, inner, first, count, dst);
  });
}

template <class T>
void real_forward(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, T scale) {
  inner == 1 ? real_rows(n, outer, src, dst, true, scale)
             : real_columns(n, outer, inner, src, dst, true, scale);
}

template <class T>
void real_inverse(int64_t n, int64_t outer, int64_t inner, const T* src, T* dst, T scale) {
  inner == 1 ? real_rows(n, outer, src, dst, false, scale)
             : real_columns(n, outer, inner, src, dst, false, scale);
}

#define RT_FFT(T)                                                                           \
  template void complex_rows<T>(int64_t, int64_t, const T*, int64_t, T*, int64_t, bool, T); \
  template void complex_columns<T>(int64_t, int64_t, int64_t, const T*, T*, bool, T);       \
  template void real_forward<T>(int64_t, int64_t, int64_t, const T*, T*, T);                \
  template void real_inverse<T>(int64_t, int64_t, int64_t, const T*, T*, T);
RT_FFT(float)
RT_FFT(double)
#undef RT_FFT

}  // namespace rustorch::cpu::fft
