// Failures of the driver: the n-th call of each of its functions, for every n, until a training step and a
// round of other operators pass. Every failure is a typed error, nothing leaks, and the device works after.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "backend/device_backend.h"
#include "backend/opencl/cl_api.h"
#include "rustorch/autograd.h"
#include "rustorch/device_manager.h"
#include "rustorch/error.h"
#include "rustorch/generator.h"
#include "rustorch/ops.h"

namespace rustorch {
namespace {

using opencl::Api;
using opencl::api;

Api& table() { return const_cast<Api&>(api()); }  // it is filled at run time

int64_t calls_left = 0;
bool failed = false;

/// One more call; true when it is the one that fails.
bool fails() {
  if (calls_left-- != 0) return false;
  failed = true;
  return true;
}

/// A function of the driver that fails when its time has come.
template <auto Member, cl_int Error,
          class F = std::remove_reference_t<decltype(std::declval<Api&>().*Member)>>
struct Faulty;
template <auto Member, cl_int Error, class R, class... A>
struct Faulty<Member, Error, R (*)(A...)> {
  using Function = R (*)(A...);
  static inline Function real = nullptr;
  static R call(A... args) {
    if (!fails()) return real(args...);
    if constexpr (std::is_same_v<R, cl_int>) {
      return Error;
    } else {  // an object, and the error behind the last argument
      auto all = std::make_tuple(args...);
      *std::get<sizeof...(A) - 1>(all) = Error;
      return nullptr;
    }
  }
  Faulty() {
    real = table().*Member;
    table().*Member = call;
  }
  ~Faulty() { table().*Member = real; }
};

/// Things to do on the device; the results on the CPU.
std::vector<Tensor> work() {
  const Device device = Device::OpenCL();
  manual_seed(5);
  Tensor w = randn({8, 6}).to(device).requires_grad_(true);
  const Tensor x = randn({16, 6}).to(device), y = randint(0, 8, {16}).to(device);
  const Tensor loss = cross_entropy(linear(x, w), y);
  std::vector<Tensor> out = autograd::grad({loss}, {w});
  out.push_back(std::get<0>(sort(x, 1)));
  out.push_back(cumsum(x, 0));
  out.push_back(index_put(x, {y.remainder(4)}, x, true));
  out.push_back(masked_select(x, x.gt(0)));
  out.push_back(x.t().contiguous().clone().add_(1));
  out.push_back(zeros({3}, kFloat32, device));
  for (Tensor& t : out) t = t.to(Device::Cpu());
  return out;
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!equal(a[i], b[i])) return false;
  return a.size() == b.size();
}

class DriverFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!DeviceManager::is_available(DeviceType::OpenCL) && std::getenv("RUSTORCH_REQUIRE_OPENCL") == nullptr)
      GTEST_SKIP() << "no OpenCL device: " << DeviceManager::unavailable_reason(DeviceType::OpenCL);
  }

  template <auto Member, cl_int Error>
  static void every_call(ErrorKind kind, const std::function<std::vector<Tensor>()>& f, int64_t step,
                         bool may_recover = false) {
    const std::vector<Tensor> expected = f();
    MemoryAllocator* memory = device_allocator(Device::OpenCL());
    const size_t before = memory->stats().allocated;
    bool finished = false;
    int count = 0;
    for (int64_t n = 0; n < 2000 && !finished; n += step) {
      memory->trim();  // buffers are made anew
      try {
        Faulty<Member, Error> fault;
        calls_left = n;
        failed = false;
        const std::vector<Tensor> got = f();
        finished = !failed;
        EXPECT_TRUE(finished || may_recover) << "failed call " << n << " was swallowed";
        EXPECT_TRUE(same(got, expected));
      } catch (const RusTorchError& e) {
        EXPECT_EQ(e.kind(), kind) << e.what();
        ++count;
      }
      EXPECT_EQ(memory->stats().allocated, before) << "after failing call " << n;
    }
    EXPECT_TRUE(finished);
    EXPECT_GT(count, 0);
    EXPECT_TRUE(same(f(), expected));
  }
};

TEST_F(DriverFaults, Buffers) {
  every_call<&Api::clCreateBuffer, CL_MEM_OBJECT_ALLOCATION_FAILURE>(
      ErrorKind::OutOfMemory, work, 1, true);  // waiting buffers are given back, and it is tried again
}
TEST_F(DriverFaults, Launches) {
  every_call<&Api::clEnqueueNDRangeKernel, CL_OUT_OF_RESOURCES>(ErrorKind::OutOfMemory, work, 1);
}
TEST_F(DriverFaults, Arguments) {
  every_call<&Api::clSetKernelArg, CL_INVALID_ARG_SIZE>(ErrorKind::Internal, work, 5);
}
TEST_F(DriverFaults, Reads) {
  every_call<&Api::clEnqueueReadBuffer, CL_OUT_OF_HOST_MEMORY>(ErrorKind::OutOfMemory, work, 1);
}
TEST_F(DriverFaults, Writes) {
  every_call<&Api::clEnqueueWriteBuffer, CL_OUT_OF_RESOURCES>(ErrorKind::OutOfMemory, work, 1);
}
TEST_F(DriverFaults, Fills) {
  every_call<&Api::clEnqueueFillBuffer, CL_OUT_OF_RESOURCES>(ErrorKind::OutOfMemory, work, 1);
}
TEST_F(DriverFaults, Copies) {
  every_call<&Api::clEnqueueCopyBuffer, CL_OUT_OF_RESOURCES>(
      ErrorKind::OutOfMemory,
      [] {
        Tensor a = ones({4}, kFloat32, Device::OpenCL());
        Tensor b = a.clone();
        b.add_(1);  // the shared bytes part
        Tensor c = zeros({4}, kFloat32, Device::OpenCL());
        c.copy_(b);
        return std::vector<Tensor>{a.to(Device::Cpu()), c.to(Device::Cpu())};
      },
      1);
}

// Programs that no other test has compiled, so that the functions are called.
template <class Failure>
void fails_to_compile(const Tensor& x, const std::function<Tensor(const Tensor&)>& op, const char* text) {
  try {
    Failure fault;
    calls_left = 0;
    op(x);
    ADD_FAILURE() << "no error";
  } catch (const RusTorchError& e) {
    EXPECT_EQ(e.kind(), ErrorKind::Internal);
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
  }
  EXPECT_TRUE(equal(op(x).to(Device::Cpu()), op(x.to(Device::Cpu()))));
}

TEST_F(DriverFaults, Compiling) {
  const Tensor x = ones({2}, kInt16, Device::OpenCL());
  fails_to_compile<Faulty<&Api::clBuildProgram, CL_BUILD_PROGRAM_FAILURE>>(
      x, [](const Tensor& t) { return bitwise_left_shift(t, 3); }, "the driver rejected the program of");
  fails_to_compile<Faulty<&Api::clCreateKernel, CL_INVALID_KERNEL_NAME>>(
      x, [](const Tensor& t) { return bitwise_right_shift(t, 1); }, "clCreateKernel failed");
  fails_to_compile<Faulty<&Api::clCreateProgramWithSource, CL_INVALID_VALUE>>(
      x, [](const Tensor& t) { return bitwise_xor(t, 6); }, "clCreateProgramWithSource failed");
}

}  // namespace
}  // namespace rustorch
