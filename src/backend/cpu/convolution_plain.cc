// Convolution by its definition: every output is one sum, in a fixed order, outputs in parallel.
#include "backend/cpu/convolution_plain.h"

#include <complex>

#include "backend/cpu/dispatch.h"
#include "backend/cpu/nn_kernels.h"
#include "base/thread_pool.h"
#include "core/tensor_impl.h"

namespace rustorch::cpu {
namespace {

// Sizes and strides with the spatial dimensions right-aligned in three.
struct Block {
  int64_t n, c, size[3] = {1, 1, 1}, n_stride, c_stride, stride[3] = {0, 0, 0};
  Block(const Tensor& t, int rank) {
    const TensorImpl& i = *t.impl();
    n = i.size(0);
    c = i.size(1);
    n_stride = i.stride(0);
    c_stride = i.stride(1);
    for (int d = 0; d < rank; ++d) {
      size[3 - rank + d] = i.size(2 + d);
      stride[3 - rank + d] = i.stride(2 + d);
    }
  }
};

template <class T>
class PlainConv {
  using A = std::conditional_t<std::is_integral_v<T>, uint64_t, accumulate_t<T>>;

 public:
  explicit PlainConv(const ConvCall& call)
      : call_(call), x_(call.x, call.rank), w_(call.w, call.rank), y_(call.y, call.rank) {
    for (int d = 0; d < call.rank; ++d) {
      const int to = 3 - call.rank + d;
      step_[to] = call.stride[static_cast<size_t>(d)];
      pad_[to] = call.padding[static_cast<size_t>(d)];
      dilation_[to] = call.dilation[static_cast<size_t>(d)];
    }
    in_group_ = x_.c / call.groups;
    out_group_ = y_.c / call.groups;
  }

  void run() const {
    switch (call_.kind) {
      case ConvKind::Forward:
        return forward();
      case ConvKind::BackwardData:
        return by_data();
      case ConvKind::BackwardWeight:
        return by_weight();
    }
  }

 private:
  static int64_t at(const Block& b, int64_t n, int64_t c, const int64_t* p) {
    return n * b.n_stride + c * b.c_stride + p[0] * b.stride[0] + p[1] * b.stride[1] + p[2] * b.stride[2];
  }
  template <class F>
  static void each(const int64_t* size, F&& f) {
    int64_t p[3];
    for (p[0] = 0; p[0] < size[0]; ++p[0])
      for (p[1] = 0; p[1] < size[1]; ++p[1])
        for (p[2] = 0; p[2] < size[2]; ++p[2]) f(p);
  }
  // Input place of output place o and kernel place k; false outside.
  bool input_place(const int64_t* o, const int64_t* k, int64_t* i) const {
    for (int d = 0; d < 3; ++d) {
      i[d] = o[d] * step_[d] - pad_[d] + k[d] * dilation_[d];
      if (i[d] < 0 || i[d] >= x_.size[d]) return false;
    }
    return true;
  }
  // Output place whose window has input place i at kernel place k; false when there is none.
  bool output_place(const int64_t* i, const int64_t* k, int64_t* o) const {
    for (int d = 0; d < 3; ++d) {
      const int64_t from = i[d] + pad_[d] - k[d] * dilation_[d];
      if (from < 0 || from % step_[d] != 0) return false;
      o[d] = from / step_[d];
      if (o[d] >= y_.size[d]) return false;
    }
    return true;
  }

  void forward() const {
    const T* x = call_.x.impl()->data<T>();
    const T* w = call_.w.impl()->data<T>();
    const T* bias = call_.bias.defined() ? call_.bias.impl()->data<T>() : nullptr;
    T* y = call_.y.impl()->mutable_data<T>();
    parallel_for(0, y_.n * y_.c, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t n = r / y_.c, oc = r % y_.c, first = oc / out_group_ * in_group_;
        each(y_.size, [&](const int64_t* o) {
          A sum = bias ? static_cast<A>(bias[oc]) : A(0);
          for (int64_t ic = 0; ic < in_group_; ++ic)
            each(w_.size, [&](const int64_t* k) {
              int64_t i[3];
              if (input_place(o, k, i))
                sum += static_cast<A>(x[at(x_, n, first + ic, i)]) * static_cast<A>(w[at(w_, oc, ic, k)]);
            });
          y[at(y_, n, oc, o)] = static_cast<T>(sum);
        });
      }
    });
  }

  void by_data() const {
    const T* y = call_.y.impl()->data<T>();
    const T* w = call_.w.impl()->data<T>();
    T* x = call_.x.impl()->mutable_data<T>();
    parallel_for(0, x_.n * x_.c, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t n = r / x_.c, ic = r % x_.c, first = ic / in_group_ * out_group_;
        each(x_.size, [&](const int64_t* i) {
          A sum(0);
          for (int64_t oc = first; oc < first + out_group_; ++oc)
            each(w_.size, [&](const int64_t* k) {
              int64_t o[3];
              if (output_place(i, k, o))
                sum += static_cast<A>(y[at(y_, n, oc, o)]) * static_cast<A>(w[at(w_, oc, ic % in_group_, k)]);
            });
          x[at(x_, n, ic, i)] = static_cast<T>(sum);
        });
      }
    });
  }

  void by_weight() const {
    const T* x = call_.x.impl()->data<T>();
    const T* y = call_.y.impl()->data<T>();
    T* w = call_.w.impl()->mutable_data<T>();
    parallel_for(0, w_.n * w_.c, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t oc = r / w_.c, ic = r % w_.c, first = oc / out_group_ * in_group_;
        each(w_.size, [&](const int64_t* k) {
          A sum(0);
          for (int64_t n = 0; n < x_.n; ++n)
            each(y_.size, [&](const int64_t* o) {
              int64_t i[3];
              if (input_place(o, k, i))
                sum += static_cast<A>(x[at(x_, n, first + ic, i)]) * static_cast<A>(y[at(y_, n, oc, o)]);
            });
          w[at(w_, oc, ic, k)] = static_cast<T>(sum);
        });
      }
    });
  }

  const ConvCall& call_;
  Block x_, w_, y_;
  int64_t step_[3] = {1, 1, 1}, pad_[3] = {0, 0, 0}, dilation_[3] = {1, 1, 1};
  int64_t in_group_, out_group_;
};

}  // namespace

void plain_convolution(const ConvCall& call) {
  const DType t = call.y.impl()->dtype();
  if (is_floating_point(t) || is_complex(t))
    dispatch_floating_complex("convolution", t,
                              [&](auto tag) { PlainConv<typename decltype(tag)::type>(call).run(); });
  else
    dispatch_integral("convolution", t,
                      [&](auto tag) { PlainConv<typename decltype(tag)::type>(call).run(); });
}

}  // namespace rustorch::cpu
