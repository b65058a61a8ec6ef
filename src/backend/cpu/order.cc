// sort, topk, kthvalue, median and mode over the rows of a contiguous tensor.
//
// Elements become (key, index) entries (order_keys.h); equal keys are told apart by index, so every result is
// unique and does not depend on threads. Rows are spread over the threads; a few long rows are cut inside.
#include "backend/cpu/order.h"

#include <algorithm>
#include <type_traits>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/order_keys.h"
#include "backend/cpu/order_select.h"
#include "backend/cpu/radix_sort.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"
#include "memory/scratch.h"

namespace rustorch::cpu {
namespace {

constexpr int64_t kLongRow = 1 << 17;

template <class T>
struct Rows {
  const T* in;
  T* values;
  int64_t* indices;
  int64_t rows, n, k;
  bool descending;
};

template <class T, class E>
void fill_entries(const T* x, int64_t first, int64_t last, bool descending, E* out) {
  for (int64_t i = first; i < last; ++i) out[i - first] = E::make(order_key(x[i], descending), i);
}

template <class T>
void write_entries(const Rows<T>& r, int64_t row, int64_t width, const entry_t<T>* sorted, int64_t first,
                   int64_t last) {
  const T* x = r.in + row * r.n;
  for (int64_t i = first; i < last; ++i) {
    const int64_t at = sorted[i].index();
    r.values[row * width + i] = x[at];
    r.indices[row * width + i] = at;
  }
}

/// Sorts as fits the length.
template <class E>
E* sort_entries(E* data, E* other, int64_t n, int key_bits) {
  return n >= kLongRow ? radix_sort_large(data, other, n, key_bits)
                       : radix_sort_small(data, other, n, key_bits);
}

template <class T>
void sort_rows(const Rows<T>& r) {
  using E = entry_t<T>;
  if (r.n >= kLongRow && r.rows < 16) {
    ScratchBuffer<E> a(static_cast<size_t>(r.n)), b(static_cast<size_t>(r.n));
    for (int64_t row = 0; row < r.rows; ++row) {
      const T* x = r.in + row * r.n;
      parallel_for(0, r.n, 1 << 16, [&](int64_t first, int64_t last) {
        fill_entries(x, first, last, r.descending, a.data() + first);
      });
      const E* sorted = radix_sort_large(a.data(), b.data(), r.n, kKeyBits<T>);
      parallel_for(0, r.n, 1 << 16,
                   [&](int64_t first, int64_t last) { write_entries(r, row, r.n, sorted, first, last); });
    }
    return;
  }
  parallel_for(0, r.rows, std::max<int64_t>(1, 4096 / r.n), [&](int64_t begin, int64_t end) {
    ScratchBuffer<E> a(static_cast<size_t>(r.n)), b(static_cast<size_t>(r.n));
    for (int64_t row = begin; row < end; ++row) {
      fill_entries(r.in + row * r.n, 0, r.n, r.descending, a.data());
      write_entries(r, row, r.n, sort_entries(a.data(), b.data(), r.n, kKeyBits<T>), 0, r.n);
    }
  });
}

template <class T>
void top_rows(const Rows<T>& r) {
  using E = entry_t<T>;
  if (r.k == 0) return;
  if (r.k * 16 >= r.n && r.n > 64) {  // a good part of the row: divide by digits, sort what is wanted
    parallel_for(0, r.rows, std::max<int64_t>(1, 4096 / r.n), [&](int64_t begin, int64_t end) {
      ScratchBuffer<E> a(static_cast<size_t>(r.n)), b(static_cast<size_t>(r.n));
      for (int64_t row = begin; row < end; ++row) {
        fill_entries(r.in + row * r.n, 0, r.n, r.descending, a.data());
        select_smallest(a.data(), b.data(), r.n, r.k, kKeyBits<T>);
        write_entries(r, row, r.k, sort_entries(a.data(), b.data(), r.k, kKeyBits<T>), 0, r.k);
      }
    });
    return;
  }
  constexpr int64_t kChunk = 1 << 16;
  const int64_t chunks =
      r.rows < 16 && r.n >= 2 * kChunk && r.k <= kChunk / 8 ? (r.n + kChunk - 1) / kChunk : 1;
  if (chunks == 1) {
    parallel_for(0, r.rows, std::max<int64_t>(1, 16384 / r.n), [&](int64_t begin, int64_t end) {
      TopSelector<T> select(r.k, r.descending);
      for (int64_t row = begin; row < end; ++row) {
        select.restart();
        select.take(r.in + row * r.n, 0, r.n);
        const E* top = select.finish();
        write_entries(r, row, r.k, top, 0, select.size());
      }
    });
    return;
  }
  ScratchBuffer<E> best(static_cast<size_t>(chunks * r.k));
  ScratchBuffer<int64_t> found(static_cast<size_t>(chunks));
  for (int64_t row = 0; row < r.rows; ++row) {
    parallel_for(0, chunks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        TopSelector<T> select(r.k, r.descending);
        select.take(r.in + row * r.n, c * kChunk, std::min(r.n, (c + 1) * kChunk));
        const E* top = select.finish();
        found[c] = select.size();
        std::copy_n(top, found[c], &best[c * r.k]);
      }
    });
    int64_t total = found[0];
    for (int64_t c = 1; c < chunks; ++c) {
      std::copy_n(&best[c * r.k], found[c], &best[total]);
      total += found[c];
    }
    std::partial_sort(best.data(), best.data() + r.k, best.data() + total);
    write_entries(r, row, r.k, best.data(), 0, r.k);
  }
}

/// Calls f(row, entries of the row, scratch of the same size) for every row.
template <class T, class F>
void with_entries(const Rows<T>& r, F&& f) {
  using E = entry_t<T>;
  parallel_for(0, r.rows, std::max<int64_t>(1, 4096 / r.n), [&](int64_t begin, int64_t end) {
    ScratchBuffer<E> a(static_cast<size_t>(r.n)), b(static_cast<size_t>(r.n));
    for (int64_t row = begin; row < end; ++row) {
      fill_entries(r.in + row * r.n, 0, r.n, false, a.data());
      f(row, a.data(), b.data());
    }
  });
}

template <class T>
constexpr bool kHasNan = std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, Half> ||
                         std::is_same_v<T, BFloat16>;

template <class T>
void pick_rows(const Rows<T>& r, OrderKind kind) {
  using E = entry_t<T>;
  const uint64_t nan_key =
      static_cast<uint64_t>(kKeyBits<T> == 64 ? ~uint64_t{0} : (uint64_t{1} << (kKeyBits<T> % 64)) - 1);
  with_entries(r, [&](int64_t row, E* e, E* other) {
    int64_t n = r.n, rank = r.k - 1;
    if constexpr (kHasNan<T>) {
      if (kind != OrderKind::Kth) {
        const auto is_nan = [&](const E& x) { return x.key() == nan_key; };
        if (kind == OrderKind::Median) {
          const E* nan = std::find_if(e, e + n, is_nan);
          if (nan != e + n) return write_entries(r, row, 1, nan, 0, 1);
        } else {
          const int64_t kept = std::partition(e, e + n, [&](const E& x) { return !is_nan(x); }) - e;
          if (kept == 0) {
            r.values[row] = r.in[row * r.n];
            r.indices[row] = 0;
            return;
          }
          n = kept;
        }
      }
    }
    if (kind != OrderKind::Kth) rank = (n - 1) / 2;
    const E found = select_entry(e, other, n, rank, kKeyBits<T>);
    write_entries(r, row, 1, &found, 0, 1);
  });
}

template <class T>
void mode_rows(const Rows<T>& r) {
  using E = entry_t<T>;
  with_entries(r, [&](int64_t row, E* a, E* b) {
    const E* e = sort_entries(a, b, r.n, kKeyBits<T>);
    int64_t best = 0, best_count = 0;
    for (int64_t i = 0; i < r.n;) {
      int64_t j = i + 1;
      while (j < r.n && e[j].key() == e[i].key()) ++j;
      if (j - i > best_count) {
        best_count = j - i;
        best = j - 1;  // the last of equal ones, as PyTorch
      }
      i = j;
    }
    r.values[row] = r.in[row * r.n + e[best].index()];
    r.indices[row] = e[best].index();
  });
}

template <class T>
void run(const OrderCall& call) {
  TensorImpl& in = *call.in.impl();
  Rows<T> r;
  r.n = in.dim() == 0 ? 1 : in.size(in.dim() - 1);
  if (in.numel() == 0) return;
  r.rows = in.numel() / r.n;
  r.in = in.data<T>();
  r.values = call.values.impl()->mutable_data<T>();
  r.indices = call.indices.impl()->mutable_data<int64_t>();
  r.k = call.k;
  r.descending = call.descending;
  switch (call.kind) {
    case OrderKind::Sort:
      return sort_rows(r);
    case OrderKind::TopK:
      return top_rows(r);
    case OrderKind::Mode:
      return mode_rows(r);
    default:
      return pick_rows(r, call.kind);
  }
}

/// How many of the n sorted elements come before v. As in PyTorch, what is not comparable is passed: a nan
/// gets the end, and numbers lie behind sorted nans that the search meets.
template <class T>
int64_t lower_count(const T* sorted, int64_t n, T v, bool right) {
  int64_t first = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    const T middle = sorted[first + half];
    const bool before = right ? !(middle > v) : !(middle >= v);
    first = before ? first + half + 1 : first;
    n = before ? n - half - 1 : half;
  }
  return first;
}

template <class T>
void run_search(const SearchCall& call) {
  TensorImpl& sorted = *call.sorted.impl();
  TensorImpl& values = *call.values.impl();
  const T* s = sorted.data<T>();
  const T* v = values.data<T>();
  const int64_t length = sorted.size(sorted.dim() - 1);
  const bool shared = sorted.dim() == 1;
  const int64_t per_row = shared || values.dim() == 0 ? values.numel() : values.size(values.dim() - 1);
  void* out = call.out.impl()->mutable_data();
  const bool narrow = call.out.dtype() == kInt32;
  parallel_for(0, values.numel(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* row = shared ? s : s + i / per_row * length;
      const int64_t at = lower_count(row, length, v[i], call.right);
      if (narrow) {
        static_cast<int32_t*>(out)[i] = static_cast<int32_t>(at);
      } else {
        static_cast<int64_t*>(out)[i] = at;
      }
    }
  });
}

}  // namespace

void search(const SearchCall& call) {
  if (call.values.numel() == 0) return;
  if (call.values.dtype() == kBool) return run_search<bool>(call);
  dispatch_real("searchsorted", call.values.dtype(),
                [&](auto tag) { run_search<typename decltype(tag)::type>(call); });
}

void order(const OrderCall& call) {
  RT_CHECK(call.in.dim() == 0 || call.in.size(-1) < (int64_t{1} << 32), NotImplemented, "sort",
           "rows of 2**32 elements and more");
  if (call.in.dtype() == kBool) return run<bool>(call);
  dispatch_real("sort", call.in.dtype(), [&](auto tag) { run<typename decltype(tag)::type>(call); });
}

}  // namespace rustorch::cpu
