// Convolutions against the definition over random shapes, in every rank and layout.
#include "backend/cpu/conv/conv.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/thread_pool.h"
#include "gemm/reference.h"
#include "rustorch/error.h"

namespace {
using namespace rustorch::cpu;
using gemm_test::Random;

int64_t product(const int64_t* p, int rank) {
  int64_t n = 1;
  for (int d = 0; d < rank; ++d) n *= p[d];
  return n;
}
int64_t size_x(const ConvArgs& a) { return a.batch * a.in_channels * product(a.in, a.rank); }
int64_t size_y(const ConvArgs& a) { return a.batch * a.out_channels * product(a.out, a.rank); }
int64_t size_w(const ConvArgs& a) {
  return a.out_channels * a.in_channels / a.groups * product(a.kernel, a.rank);
}

std::string describe(const ConvArgs& a) {
  std::string s = rustorch::cat("rank ", a.rank, " n ", a.batch, " c ", a.in_channels, "->", a.out_channels,
                                " g ", a.groups, a.channels_last ? " last" : " first");
  for (int d = 0; d < a.rank; ++d) {
    s += rustorch::cat(" [in ", a.in[d], " k ", a.kernel[d], " s ", a.stride[d], " p ", a.padding[d], " d ",
                       a.dilation[d], " out ", a.out[d], "]");
  }
  return s;
}

// Calls f(x index, w index, y index) for every product of the convolution.
template <class F>
void each_term(const ConvArgs& a, F&& f) {
  const int64_t ci = a.in_channels / a.groups, co = a.out_channels / a.groups;
  const int64_t in = product(a.in, a.rank), out = product(a.out, a.rank), taps = product(a.kernel, a.rank);
  for (int64_t q = 0; q < out; ++q) {
    for (int64_t t = 0; t < taps; ++t) {
      int64_t at = 0, scale = 1, left_q = q, left_t = t;
      bool inside = true;
      for (int d = a.rank - 1; d >= 0; --d) {
        const int64_t p =
            left_q % a.out[d] * a.stride[d] - a.padding[d] + left_t % a.kernel[d] * a.dilation[d];
        inside = inside && p >= 0 && p < a.in[d];
        at += p * scale;
        scale *= a.in[d];
        left_q /= a.out[d];
        left_t /= a.kernel[d];
      }
      if (!inside) continue;
      for (int64_t n = 0; n < a.batch; ++n) {
        for (int64_t o = 0; o < a.out_channels; ++o) {
          for (int64_t c = 0; c < ci; ++c) {
            const int64_t ic = o / co * ci + c;
            f(a.channels_last ? (n * in + at) * a.in_channels + ic : (n * a.in_channels + ic) * in + at,
              (o * ci + c) * taps + t,
              a.channels_last ? (n * out + q) * a.out_channels + o : (n * a.out_channels + o) * out + q);
          }
        }
      }
    }
  }
}

ConvArgs random_args(Random& r, int64_t most, int64_t channels) {
  ConvArgs a;
  for (;;) {
    a.rank = static_cast<int>(r.range(1, 3));
    a.batch = r.range(1, 4);
    a.groups = r.coin() ? 1 : r.range(1, 4);
    const bool depthwise = r.range(0, 4) == 0;
    a.in_channels = a.groups * (depthwise ? 1 : r.range(1, channels));
    a.out_channels = a.groups * (depthwise ? 1 : r.range(1, channels));
    a.channels_last = r.coin();
    for (int d = 0; d < a.rank; ++d) {
      a.in[d] = r.range(1, a.rank == 3 ? std::min<int64_t>(most, 9) : most);
      a.kernel[d] = r.range(1, a.rank == 3 ? 3 : 5);
      a.stride[d] = r.coin() ? 1 : r.range(1, 4);
      a.padding[d] = r.range(0, 3);
      a.dilation[d] = r.coin() ? 1 : r.range(1, 3);
    }
    conv_output_size(a);
    if (size_y(a) > 0) return a;
  }
}

template <class T>
std::vector<T> values(Random& r, int64_t n) {
  return gemm_test::random_vector<T>(r, n);
}

template <class T>
void check_close(const std::vector<T>& got, const std::vector<double>& expected,
                 const std::vector<double>& magnitude, const std::string& what) {
  const double eps = std::numeric_limits<T>::epsilon();
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(got[i]), expected[i], eps * (8 + 3 * magnitude[i]))
        << what << " at " << i;
  }
}

template <class T>
void check_all(const ConvArgs& a, Random& r) {
  const auto x = values<T>(r, size_x(a)), w = values<T>(r, size_w(a)), gy = values<T>(r, size_y(a)),
             bias = values<T>(r, a.out_channels);
  const bool with_bias = r.coin();
  const Activation act = r.coin() ? Activation::None : Activation::Relu;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> y(gy.size(), nan), gx(x.size(), nan), gw(w.size(), nan);
  conv_forward<T>(a, x.data(), w.data(), with_bias ? bias.data() : nullptr, act, y.data());
  conv_backward_data<T>(a, gy.data(), w.data(), gx.data());
  conv_backward_weight<T>(a, x.data(), gy.data(), gw.data());
  std::vector<double> ry(y.size()), rx(x.size()), rw(w.size()), my(y.size()), mx(x.size()), mw(w.size());
  each_term(a, [&](int64_t i, int64_t j, int64_t k) {
    const size_t xi = static_cast<size_t>(i), wi = static_cast<size_t>(j), yi = static_cast<size_t>(k);
    const double xv = static_cast<double>(x[xi]), wv = static_cast<double>(w[wi]),
                 gv = static_cast<double>(gy[yi]);
    ry[yi] += xv * wv;
    my[yi] += std::abs(xv * wv);
    rx[xi] += gv * wv;
    mx[xi] += std::abs(gv * wv);
    rw[wi] += gv * xv;
    mw[wi] += std::abs(gv * xv);
  });
  const int64_t out = product(a.out, a.rank);
  for (size_t i = 0; i < ry.size(); ++i) {
    const int64_t o = a.channels_last ? static_cast<int64_t>(i) % a.out_channels
                                      : static_cast<int64_t>(i) / out % a.out_channels;
    if (with_bias) ry[i] += static_cast<double>(bias[static_cast<size_t>(o)]);
    if (act == Activation::Relu) ry[i] = std::max(ry[i], 0.0);
  }
  check_close(y, ry, my, describe(a) + " forward");
  check_close(gx, rx, mx, describe(a) + " backward_data");
  check_close(gw, rw, mw, describe(a) + " backward_weight");
}

template <class T>
class Conv : public ::testing::Test {};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Conv, Reals);

TYPED_TEST(Conv, RandomShapes) {
  Random r(21);
  for (int round = 0; round < 300; ++round) {
    check_all<TypeParam>(random_args(r, 20, 6), r);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(Conv, ManyChannels) {
  Random r(22);
  for (int round = 0; round < 24; ++round) {
    check_all<TypeParam>(random_args(r, 7, 40), r);
    if (this->HasFatalFailure()) return;
  }
}

ConvArgs square(int64_t batch, int64_t ci, int64_t co, int64_t size, int64_t kernel, int64_t stride,
                int64_t padding, int64_t groups, bool last) {
  ConvArgs a;
  a.batch = batch;
  a.in_channels = ci;
  a.out_channels = co;
  a.groups = groups;
  a.channels_last = last;
  for (int d = 0; d < 2; ++d) {
    a.in[d] = size;
    a.kernel[d] = kernel;
    a.stride[d] = stride;
    a.padding[d] = padding;
  }
  conv_output_size(a);
  return a;
}

TYPED_TEST(Conv, KnownLayers) {
  Random r(23);
  for (const bool last : {false, true}) {
    for (const ConvArgs& a :
         {square(6, 1, 16, 28, 5, 1, 2, 1, last), square(6, 16, 32, 14, 5, 1, 0, 1, last),
          square(1, 3, 20, 40, 7, 2, 3, 1, last), square(2, 8, 24, 33, 1, 1, 0, 1, last),
          square(2, 12, 12, 17, 3, 1, 1, 12, last), square(2, 40, 33, 7, 3, 1, 1, 1, last),
          square(2, 16, 9, 9, 1, 2, 0, 1, last), square(5, 24, 200, 7, 3, 1, 1, 1, last),
          square(3, 150, 20, 7, 3, 2, 1, 1, last), square(3, 200, 24, 6, 3, 1, 1, 1, last),
          square(2, 6, 4, 8, 2, 3, 0, 2, last)}) {
      check_all<TypeParam>(a, r);
      if (this->HasFatalFailure()) return;
    }
  }
}

// Widths around the size of a vector, windows that hang over both edges or lie wholly outside.
TYPED_TEST(Conv, DepthwiseEdges) {
  Random r(26);
  for (int64_t width = 1; width <= 36; ++width) {
    for (int64_t kernel : {1, 2, 3, 5, 17}) {
      ConvArgs a = square(2, 3, 3, 0, kernel, 1, r.range(0, kernel + 1), 3, false);
      a.in[0] = r.range(1, 9);
      a.in[1] = width;
      for (int d = 0; d < 2; ++d) a.dilation[d] = r.range(1, 3);
      conv_output_size(a);
      if (size_y(a) == 0) continue;
      check_all<TypeParam>(a, r);
      if (this->HasFatalFailure()) return;
    }
  }
}

// Many channels on few positions: weights read in place; images around the size where products go one by one.
TYPED_TEST(Conv, SmallImages) {
  Random r(27);
  for (const ConvArgs& a :
       {square(1, 60, 45, 4, 3, 1, 1, 1, false), square(1, 50, 30, 5, 3, 2, 1, 1, false),
        square(2, 70, 17, 3, 1, 1, 0, 1, false), square(2, 30, 45, 11, 1, 1, 0, 1, false),
        square(3, 30, 29, 12, 1, 1, 0, 1, false), square(1, 90, 20, 2, 3, 1, 1, 2, false)}) {
    check_all<TypeParam>(a, r);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(Conv, SameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  Random r(24);
  const int before = rustorch::get_num_threads();
  std::vector<ConvArgs> cases = {
      square(5, 20, 30, 28, 3, 1, 1, 1, false),  square(5, 64, 64, 7, 3, 1, 1, 1, false),
      square(1, 3, 16, 64, 7, 2, 3, 1, false),   square(9, 1, 8, 28, 5, 1, 2, 1, false),
      square(3, 32, 32, 14, 3, 1, 1, 32, false), square(4, 64, 32, 33, 1, 1, 0, 1, false)};
  for (int i = 0; i < 10; ++i) cases.push_back(random_args(r, 20, 20));
  for (const ConvArgs& a : cases) {
    const auto x = values<T>(r, size_x(a)), w = values<T>(r, size_w(a)), gy = values<T>(r, size_y(a));
    std::vector<T> y(gy.size()), gx(x.size()), gw(w.size()), y1, gx1, gw1;
    for (int threads : {1, 2, 3, 4, 8}) {
      rustorch::set_num_threads(threads);
      conv_forward<T>(a, x.data(), w.data(), nullptr, Activation::None, y.data());
      conv_backward_data<T>(a, gy.data(), w.data(), gx.data());
      conv_backward_weight<T>(a, x.data(), gy.data(), gw.data());
      if (threads == 1) {
        y1 = y;
        gx1 = gx;
        gw1 = gw;
      }
      ASSERT_EQ(std::memcmp(y.data(), y1.data(), y.size() * sizeof(T)), 0) << describe(a) << " " << threads;
      ASSERT_EQ(std::memcmp(gx.data(), gx1.data(), gx.size() * sizeof(T)), 0)
          << describe(a) << " " << threads;
      ASSERT_EQ(std::memcmp(gw.data(), gw1.data(), gw.size() * sizeof(T)), 0)
          << describe(a) << " " << threads;
    }
  }
  rustorch::set_num_threads(before);
}

TEST(ConvTypes, IntegersAndComplexAreExact) {
  Random r(25);
  for (int round = 0; round < 30; ++round) {
    const ConvArgs a = random_args(r, 8, 4);
    using C = std::complex<double>;
    std::vector<int32_t> x = values<int32_t>(r, size_x(a)), w = values<int32_t>(r, size_w(a)),
                         gy = values<int32_t>(r, size_y(a)), y(gy.size()), gx(x.size()), gw(w.size());
    std::vector<uint32_t> ry(y.size()), rx(x.size()), rw(w.size());
    std::vector<C> cx(x.size()), cw(w.size()), cy(y.size()), cr(y.size());
    for (size_t i = 0; i < x.size(); ++i) cx[i] = C(x[i] % 7, x[i] % 5);
    for (size_t i = 0; i < w.size(); ++i) cw[i] = C(w[i] % 3, w[i] % 11);
    each_term(a, [&](int64_t i, int64_t j, int64_t k) {
      const size_t xi = static_cast<size_t>(i), wi = static_cast<size_t>(j), yi = static_cast<size_t>(k);
      const uint32_t xv = static_cast<uint32_t>(x[xi]), wv = static_cast<uint32_t>(w[wi]),
                     gv = static_cast<uint32_t>(gy[yi]);
      ry[yi] += xv * wv;
      rx[xi] += gv * wv;
      rw[wi] += gv * xv;
      cr[yi] += cx[xi] * cw[wi];
    });
    conv_forward<int32_t>(a, x.data(), w.data(), nullptr, Activation::None, y.data());
    conv_backward_data<int32_t>(a, gy.data(), w.data(), gx.data());
    conv_backward_weight<int32_t>(a, x.data(), gy.data(), gw.data());
    conv_forward<C>(a, cx.data(), cw.data(), nullptr, Activation::None, cy.data());
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(static_cast<uint32_t>(y[i]), ry[i]) << describe(a);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(static_cast<uint32_t>(gx[i]), rx[i]) << describe(a);
    for (size_t i = 0; i < w.size(); ++i) ASSERT_EQ(static_cast<uint32_t>(gw[i]), rw[i]) << describe(a);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(cy[i], cr[i]) << describe(a);
  }
}

TEST(ConvTypes, SixteenBitFloatsRoundOnce) {
  using rustorch::BFloat16;
  Random r(26);
  const ConvArgs a = square(2, 5, 7, 11, 3, 1, 1, 1, false);
  const auto xf = values<float>(r, size_x(a)), wf = values<float>(r, size_w(a));
  std::vector<BFloat16> x, w, y(static_cast<size_t>(size_y(a)));
  std::vector<float> xr, wr, yr(y.size());
  for (float v : xf) x.push_back(BFloat16(v)), xr.push_back(static_cast<float>(x.back()));
  for (float v : wf) w.push_back(BFloat16(v)), wr.push_back(static_cast<float>(w.back()));
  conv_forward<BFloat16>(a, x.data(), w.data(), nullptr, Activation::None, y.data());
  conv_forward<float>(a, xr.data(), wr.data(), nullptr, Activation::None, yr.data());
  for (size_t i = 0; i < y.size(); ++i) {
    ASSERT_EQ(static_cast<float>(y[i]), static_cast<float>(BFloat16(yr[i])));
  }
}

TEST(ConvChecks, BadArgumentsAndEmptySizes) {
  ConvArgs a = square(2, 4, 6, 5, 3, 1, 1, 1, false);
  std::vector<float> x(200), w(300), y(300, 5.0f);
  a.out[0] = 4;
  EXPECT_THROW(conv_forward<float>(a, x.data(), w.data(), nullptr, Activation::None, y.data()),
               rustorch::RusTorchError);
  a = square(2, 4, 6, 5, 3, 1, 1, 1, false);
  a.groups = 3;
  EXPECT_THROW(conv_forward<float>(a, x.data(), w.data(), nullptr, Activation::None, y.data()),
               rustorch::RusTorchError);
  a = square(0, 4, 6, 5, 3, 1, 1, 1, false);
  conv_forward<float>(a, x.data(), w.data(), nullptr, Activation::None, y.data());
  std::vector<float> gw(static_cast<size_t>(size_w(a)), 3.0f);
  conv_backward_weight<float>(a, x.data(), y.data(), gw.data());
  for (float v : gw) EXPECT_EQ(v, 0.0f);
}

}  // namespace
