// The text of every family of kernels as CUDA C. A device without hardware stands behind the backend: its
// programs are compiled by NVRTC where that is installed, and launches do nothing.
// RUSTORCH_CUDA_KERNELS=1 takes all dtypes instead of a few.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>

#include "backend/cuda/nvrtc.h"
#include "backend/kernels/gpu_backend.h"
#include "backend/kernels/language.h"
#include "memory/basic_allocators.h"
#include "rustorch/autograd.h"
#include "rustorch/error.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

using kernels::Argument;
using kernels::GpuKernel;
using kernels::KernelPtr;

class ZeroedAllocator final : public CountingAllocator {
 public:
  const char* name() const override { return "zeroed"; }

 protected:
  void* get(size_t bytes) noexcept override { return std::calloc(1, bytes); }
  void put(void* block, size_t) noexcept override { std::free(block); }
};

class TextDevice final : public kernels::GpuDevice {
 public:
  TextDevice() : GpuDevice(DeviceType::Metal, 4096), compiled_(cuda::nvrtc_available(&reason_)) {
    capabilities_.max_work_group = 1024;
    set_pool(std::make_unique<ZeroedAllocator>());
  }
  const expr::Dialect& dialect() const override { return expr::cuda_dialect(); }
  void read(const Storage& from, size_t offset, void* to, size_t n) override {
    std::memcpy(to, static_cast<const char*>(from.data()) + offset, n);
  }
  void write(Storage& to, size_t offset, const void* from, size_t n) override {
    std::memcpy(static_cast<char*>(to.mutable_data()) + offset, from, n);
  }
  void copy(Storage& to, size_t at, const Storage& from, size_t from_at, size_t n) override {
    std::memcpy(static_cast<char*>(to.mutable_data()) + at, static_cast<const char*>(from.data()) + from_at,
                n);
  }
  void fill(Storage& to, size_t offset, const void* pattern, size_t size, size_t n) override {
    for (size_t at = 0; at < n; at += size)
      std::memcpy(static_cast<char*>(to.mutable_data()) + offset + at, pattern, size);
  }
  void finish() override {}
  void launch(GpuKernel&, const Argument*, unsigned, const size_t (&)[3], const size_t (&)[3]) override {}

  std::map<std::string, std::string> programs;  // by key
  std::string reason_;
  bool compiled_;

 protected:
  KernelPtr compile(const std::string& key, const char* entry, const std::string& text) override {
    programs[key] = text;
    EXPECT_NE(text.find(std::string("void ") + entry + "("), std::string::npos) << key;
    if (compiled_) {
      try {
        cuda::compile_cuda(text,
                           {"compute_75", {"--fmad=false", "--device-as-default-execution-space", "-w"}});
      } catch (const RusTorchError& e) {
        ADD_FAILURE() << key << ": " << std::string(e.what()).substr(0, 1500);
      }
    }
    return std::make_shared<GpuKernel>();
  }
  void copy_block(void* to, const void* from, size_t n) override { std::memcpy(to, from, n); }
};

TextDevice* the_device = nullptr;
const Device kHere = Device::Metal(0);

class KernelsAsCuda : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (the_device != nullptr) return;
    auto device = std::make_unique<TextDevice>();
    the_device = device.get();
    std::vector<std::unique_ptr<kernels::GpuDevice>> list;
    list.push_back(std::move(device));
    register_backend(std::make_unique<kernels::GpuBackend>(std::move(list)));
  }
  void TearDown() override {
    if (!the_device->compiled_)
      GTEST_SKIP() << the_device->reason_ << " (" << the_device->programs.size() << " programs rendered)";
  }
  static std::vector<DType> types(std::vector<DType> some, const std::vector<DType>& more) {
    if (std::getenv("RUSTORCH_CUDA_KERNELS") != nullptr) some.insert(some.end(), more.begin(), more.end());
    return some;
  }
  static std::vector<DType> floats() { return types({kFloat16}, {kFloat32, kFloat64, kBFloat16}); }
  static Tensor make(IntArrayRef sizes, DType t = kFloat32) { return ones(sizes, t, kHere); }
  static Tensor indices(IntArrayRef sizes) { return zeros(sizes, kInt64, kHere); }
  /// Backward through the results of f, whose inputs require gradients.
  template <class F>
  static void both(std::vector<Tensor> inputs, F&& f) {
    for (Tensor& t : inputs) t = t.detach().requires_grad_(true);
    const Tensor out = f(inputs);
    autograd::grad({out}, inputs, {make(out.sizes(), out.dtype())});
  }
};

TEST_F(KernelsAsCuda, Elementwise) {
  for (DType t : types({kFloat16, kComplex64}, {kFloat32, kFloat64, kComplex128, kInt64, kInt8, kBool})) {
    const Tensor x = make({4, 5}, t), y = make({5}, t);
    x.mul(y);
    x.transpose(0, 1).to(kFloat64);
    x.to(kBool);
    rustorch::where(make({4, 5}, kBool), x, y);
    x.masked_fill(make({5}, kBool), 2);
    x.transpose(0, 1).fill_(3);
    rustorch::triu(x);
    rustorch::flip(x, {1});
    rustorch::clone(x.transpose(0, 1)).to(Device::Cpu());
    if (is_floating_point(t)) rustorch::gelu(x), rustorch::lgamma(x), rustorch::atan2(x, y);
    if (is_complex(t)) rustorch::exp(x), rustorch::sqrt(x);
    if (t == kBool) continue;  // has no steps
    rustorch::linspace(0, 1, 5, t, kHere);
    rustorch::logspace(0, 1, 5, 2.0, t, kHere);
    if (!is_complex(t)) rustorch::arange(5, t, kHere);
  }
}

TEST_F(KernelsAsCuda, Reductions) {
  for (DType t : types({kComplex64}, {kInt64, kFloat32, kFloat64, kFloat16, kInt8, kBool})) {
    const Tensor x = make({4, 5}, t);
    x.sum(IntArrayRef({0}));
    x.prod();
    rustorch::any(x);
    rustorch::count_nonzero(x);
    if (t != kBool) rustorch::cumsum(x, 0), rustorch::cumprod(x, 1);
    if (!is_complex(t)) {
      rustorch::amax(x, {1});
      rustorch::argmax(x);
      rustorch::argmin(x, 1);
    }
    if (is_floating_point(t) || is_complex(t)) {
      rustorch::var(x, IntArrayRef({0}), true);
      rustorch::linalg_vector_norm(x, 2);
      rustorch::linalg_vector_norm(x, 3);
      rustorch::logcumsumexp(x, 0);
    }
    if (is_floating_point(t)) rustorch::logsumexp(x, {0}), rustorch::mean(x), rustorch::nansum(x);
  }
  const Tensor reals = make({4, 5});
  rustorch::sum(make({3}, kInt64));
  rustorch::amax(reals, {1});
  rustorch::argmax(reals);
  rustorch::var(reals, IntArrayRef({0}), true);
  rustorch::logsumexp(reals, {0});
  rustorch::linalg_vector_norm(reals, std::numeric_limits<double>::infinity());
  for (DType t : {kFloat32, kInt64}) rustorch::cummax(make({3, 3}, t), 0), rustorch::cummin(make({3}, t), 0);
}

TEST_F(KernelsAsCuda, IndicesAndOrder) {
  rustorch::scatter_add(make({3, 3}, kComplex64), 1, indices({3, 3}), make({3, 3}, kComplex64));
  for (DType t : types({kInt64}, {kComplex64, kFloat32, kFloat16, kInt8, kBool})) {
    const Tensor x = make({80, 80}, t), i = indices({80, 80}), row = indices({80});
    x.gather(1, i);
    rustorch::scatter(x, 1, i, x);
    rustorch::scatter(x, 1, i, Scalar(1));
    rustorch::index_put(x, {row}, x, false);
    rustorch::index_select(x, 0, row);
    if (t != kBool) rustorch::scatter_add(x, 1, i, x);
    if (t != kBool) rustorch::scatter_reduce(x, 1, i, x, "prod");
    rustorch::index_put(x, {row}, x, true);
    const Tensor mask = make({80, 80}, kBool);
    // No launch counts the true elements: the families are called with sizes as if there were some.
    backend_for(x).masked_scatter({x.clone(), mask, x});
    backend_for(x).masked_select({make({80}, t), x, mask});
    if (is_complex(t)) continue;
    if (t != kBool)
      rustorch::scatter_reduce(x, 1, i, x, "amax"), rustorch::scatter_reduce(x, 1, i, x, "amin");
    rustorch::sort(x, 1);
    rustorch::sort(x, 1, true);
    rustorch::topk(x, 3, 1);
    if (t == kBool) continue;
    rustorch::kthvalue(x, 3, 1);
    rustorch::median(x, 1);
    rustorch::nanmedian(x, 1);
    rustorch::mode(x, 1);
    rustorch::searchsorted(x, x);
  }
  rustorch::nonzero(make({3, 4}, kBool));
  backend_for(make({1})).nonzero(indices({5, 2}), make({3, 4}, kBool));
}

TEST_F(KernelsAsCuda, Random) {
  for (DType t : floats()) {
    const Tensor x = make({10}, t);
    x.uniform_(), x.normal_(), x.exponential_(), x.cauchy_(), x.geometric_(0.5), x.log_normal_();
    const Tensor y = make({10}, t);
    RandomCall chances{RandomKind::Bernoulli, y};
    chances.p = make({10});
    backend_for(y).random(chances);
    rustorch::poisson(y);
    rustorch::binomial(y, y);
    rustorch::_standard_gamma(y);
    both({y}, [](auto& v) { return rustorch::dropout(v[0], 0.5, true); });
  }
  rustorch::randint(0, 5, {10}, kInt64, kHere);
}

TEST_F(KernelsAsCuda, ProductsAndConvolutions) {
  for (DType t :
       types({kBFloat16, kComplex64}, {kFloat32, kFloat64, kFloat16, kInt64, kInt32, kComplex128})) {
    rustorch::addmm(make({5}, t), make({3, 4}, t), make({4, 5}, t));
    if ((is_floating_point(t) || is_complex(t)))
      both({make({2, 3, 8, 8}, t), make({4, 3, 3, 3}, t), make({4}, t)}, [](auto& v) {
        return rustorch::conv2d(v[0], v[1], v[2], {1, 1}, IntArrayRef({0, 0}));
      });
    if (t != kBool) {
      const Tensor image = make({1, 2, 6, 6}, t);
      const Tensor cols = rustorch::im2col(image, {2, 2}, {1, 1}, {0, 0}, {2, 2});
      rustorch::col2im(cols, {6, 6}, {2, 2}, {1, 1}, {0, 0}, {2, 2});
    }
  }
}

TEST_F(KernelsAsCuda, Networks) {
  for (DType t : floats()) {
    const Tensor image = make({2, 4, 8, 8}, t), w = make({4}, t), rows = make({3, 4}, t);
    both({rows}, [](auto& v) { return rustorch::softmax(v[0], 1); });
    both({rows}, [](auto& v) { return rustorch::log_softmax(v[0], 1); });
    both({rows}, [](auto& v) { return rustorch::cross_entropy(v[0], indices({3})); });
    both({rows}, [](auto& v) { return rustorch::nll_loss(v[0], indices({3})); });
    both({image, w, w}, [](auto& v) {
      return rustorch::batch_norm(v[0], v[1], v[2], Tensor(), Tensor(), true, 0.1, 1e-5, false);
    });
    both({rows, w, w}, [](auto& v) { return rustorch::layer_norm(v[0], {4}, v[1], v[2]); });
    both({image, w, w}, [](auto& v) { return rustorch::group_norm(v[0], 2, v[1], v[2]); });
    both({image}, [](auto& v) { return rustorch::max_pool2d(v[0], {2, 2}); });
    both({image}, [](auto& v) { return rustorch::avg_pool2d(v[0], {2, 2}); });
    both({image}, [](auto& v) { return rustorch::adaptive_avg_pool2d(v[0], {3, 3}); });
    both({image}, [](auto& v) { return std::get<0>(rustorch::adaptive_max_pool2d(v[0], {3, 3})); });
    both({image}, [](auto& v) {
      return rustorch::upsample_bilinear2d(v[0], IntArrayRef({16, 16}), false, std::nullopt);
    });
    both({rows}, [](auto& v) { return rustorch::embedding(v[0], indices({5})); });
    both({image, image, image},
         [](auto& v) { return rustorch::scaled_dot_product_attention(v[0], v[1], v[2]); });
    const Tensor step = ones({}, kFloat32);
    rustorch::_fused_sgd_({w}, {w.clone()}, {w.clone()}, 0.1, 0.9, 0, 0, false, false, false);
    rustorch::_fused_adam_({w}, {w.clone()}, {w.clone()}, {w.clone()}, {}, {step}, 0.1, 0.9, 0.99, 0, 1e-8,
                           false, false);
  }
}

// Runs last: every family must have been asked for, and none may have gone to the CPU.
TEST_F(KernelsAsCuda, ZEveryFamilyHasAText) {
  if (the_device->programs.size() < 100) GTEST_SKIP() << "needs the tests before it";
  for (const FamilyUse& f : device_family_use(DeviceType::Metal)) {
    EXPECT_GT(f.native, 0u) << f.name;
    EXPECT_EQ(f.left, 0u) << f.name;
  }
}

TEST(KernelLanguage, RefusesLanguagesWithoutAHeader) {
  EXPECT_THROW(kernels::program_text(expr::wgsl_dialect(), ""), RusTorchError);
}

}  // namespace
}  // namespace rustorch
