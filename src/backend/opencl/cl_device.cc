#include "backend/opencl/cl_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/vfs.h"
#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

/// RUSTORCH_OPENCL_CACHE: how many compiled kernels are kept; 0: none.
size_t cache_capacity() {
  const char* text = std::getenv("RUSTORCH_OPENCL_CACHE");
  return text == nullptr ? 512 : std::strtoul(text, nullptr, 10);
}

class ClKernel final : public kernels::GpuKernel {
 public:
  cl_program program = nullptr;
  cl_kernel kernel = nullptr;
  ~ClKernel() override {
    if (kernels::in_forked_child()) return;
    if (kernel != nullptr) api().clReleaseKernel(kernel);
    if (program != nullptr) api().clReleaseProgram(program);
  }
};

/// RUSTORCH_OPENCL_OPTIONS adds to them, e.g. -cl-opt-disable where compiling takes longer than the work.
const char* build_options() {
  static const std::string* text = [] {
    const char* more = std::getenv("RUSTORCH_OPENCL_OPTIONS");
    return new std::string(more == nullptr ? "-w" : std::string("-w ") + more);
  }();
  return text->c_str();
}

std::string text_info(cl_device_id id, cl_device_info what) {
  size_t size = 0;
  if (api().clGetDeviceInfo(id, what, 0, nullptr, &size) != CL_SUCCESS || size == 0) return "";
  std::string text(size, '\0');
  api().clGetDeviceInfo(id, what, size, text.data(), nullptr);
  text.resize(std::strlen(text.c_str()));
  return text;
}

template <class T>
T info(cl_device_id id, cl_device_info what) {
  T value{};
  api().clGetDeviceInfo(id, what, sizeof(T), &value, nullptr);
  return value;
}

/// PoCL keeps compiled programs itself, work group by work group; a second copy of ours would cost a second
/// compilation. It gets one only when the user names a folder.
std::string program_folder(const std::string& platform) {
  const bool keeps_its_own = platform == "Portable Computing Language";
  return keeps_its_own && std::getenv("RUSTORCH_CACHE_DIR") == nullptr ? "" : ProgramCache::default_folder();
}

cl_mem mem_of(const Storage& s) {
  return s.data() == nullptr ? nullptr : static_cast<const Buffer*>(s.data())->mem;
}

}  // namespace

ClDevice::ClDevice(cl_platform_id platform, cl_device_id id)
    : GpuDevice(DeviceType::OpenCL, cache_capacity()), id_(id) {
  cl_int error = CL_SUCCESS;
  context_ = api().clCreateContext(nullptr, 1, &id, nullptr, nullptr, &error);
  check(error, "clCreateContext");
  queue_ = api().clCreateCommandQueue(context_, id, 0, &error);
  check(error, "clCreateCommandQueue");
  char name[256] = "";
  api().clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name, name, nullptr);
  DeviceCapabilities& c = capabilities_;
  c.name = text_info(id, CL_DEVICE_NAME);
  c.platform = cat(name, " ", text_info(id, CL_DRIVER_VERSION));
  c.memory = info<cl_ulong>(id, CL_DEVICE_GLOBAL_MEM_SIZE);
  c.max_allocation = info<cl_ulong>(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  c.local_memory = info<cl_ulong>(id, CL_DEVICE_LOCAL_MEM_SIZE);
  c.max_work_group = info<size_t>(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
  c.compute_units = static_cast<int>(info<cl_uint>(id, CL_DEVICE_MAX_COMPUTE_UNITS));
  c.is_gpu = (info<cl_device_type>(id, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_GPU) != 0;
  c.unified_memory = info<cl_bool>(id, CL_DEVICE_HOST_UNIFIED_MEMORY) != CL_FALSE;
  c.float64 = text_info(id, CL_DEVICE_EXTENSIONS).find("cl_khr_fp64") != std::string::npos;
  c.float16 = true;  // stored as half, computed in float: part of OpenCL 1.2
  set_pool(std::make_unique<ClPool>(context_, c.memory, c.max_allocation));
  programs_ =
      std::make_unique<ProgramCache>(posix_vfs(), program_folder(name), ProgramCache::default_limit());
}

// ---- memory

void ClDevice::copy_block(void* to, const void* from, size_t nbytes) {
  check(api().clEnqueueCopyBuffer(queue_, static_cast<const Buffer*>(from)->mem,
                                  static_cast<Buffer*>(to)->mem, 0, 0, nbytes, 0, nullptr, nullptr),
        "clEnqueueCopyBuffer");
}

void ClDevice::read(const Storage& from, size_t offset, void* to, size_t nbytes) {
  if (nbytes == 0) return;
  check_process();
  check(api().clEnqueueReadBuffer(queue_, mem_of(from), CL_TRUE, offset, nbytes, to, 0, nullptr, nullptr),
        "clEnqueueReadBuffer");
}

void ClDevice::write(Storage& to, size_t offset, const void* from, size_t nbytes) {
  if (nbytes == 0) return;
  check_process();
  to.mutable_data();
  check(api().clEnqueueWriteBuffer(queue_, mem_of(to), CL_TRUE, offset, nbytes, from, 0, nullptr, nullptr),
        "clEnqueueWriteBuffer");
}

void ClDevice::copy(Storage& to, size_t to_offset, const Storage& from, size_t from_offset, size_t nbytes) {
  if (nbytes == 0) return;
  check_process();
  to.mutable_data();
  check(api().clEnqueueCopyBuffer(queue_, mem_of(from), mem_of(to), from_offset, to_offset, nbytes, 0,
                                  nullptr, nullptr),
        "clEnqueueCopyBuffer");
}

void ClDevice::fill(Storage& to, size_t offset, const void* pattern, size_t pattern_size, size_t nbytes) {
  if (nbytes == 0) return;
  check_process();
  to.mutable_data();
  check(api().clEnqueueFillBuffer(queue_, mem_of(to), pattern, pattern_size, offset, nbytes, 0, nullptr,
                                  nullptr),
        "clEnqueueFillBuffer");
}

void ClDevice::finish() {
  check_process();
  check(api().clFinish(queue_), "clFinish");
}

// ---- kernels

cl_program ClDevice::program_from_disk(const std::string& identity) {
  const std::string binary = programs_->find(identity);
  if (binary.empty()) return nullptr;
  const auto* bytes = reinterpret_cast<const unsigned char*>(binary.data());
  const size_t size = binary.size();
  cl_int status = CL_SUCCESS, error = CL_SUCCESS;
  cl_program program = api().clCreateProgramWithBinary(context_, 1, &id_, &size, &bytes, &status, &error);
  if (error != CL_SUCCESS) return nullptr;
  if (status == CL_SUCCESS &&
      api().clBuildProgram(program, 1, &id_, build_options(), nullptr, nullptr) == CL_SUCCESS)
    return program;
  api().clReleaseProgram(program);  // the driver wants another binary: it gets the source
  return nullptr;
}

void ClDevice::keep_on_disk(const std::string& identity, cl_program program) {
  if (!programs_->enabled()) return;
  size_t size = 0;
  if (api().clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, nullptr) != CL_SUCCESS ||
      size == 0)
    return;
  std::string binary(size, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(binary.data());
  if (api().clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof bytes, &bytes, nullptr) == CL_SUCCESS)
    programs_->insert(identity, binary);
}

cl_program ClDevice::build(const std::string& key, const std::string& text) {
  const std::string identity =
      cat(capabilities_.platform, "\n", capabilities_.name, "\n", build_options(), "\n", text);
  if (cl_program found = program_from_disk(identity)) return found;
  const char* pointer = text.c_str();
  cl_int error = CL_SUCCESS;
  cl_program program = api().clCreateProgramWithSource(context_, 1, &pointer, nullptr, &error);
  check(error, "clCreateProgramWithSource");
  error = api().clBuildProgram(program, 1, &id_, build_options(), nullptr, nullptr);
  if (error != CL_SUCCESS) {
    std::vector<char> log(16384);
    api().clGetProgramBuildInfo(program, id_, CL_PROGRAM_BUILD_LOG, log.size() - 1, log.data(), nullptr);
    api().clReleaseProgram(program);
    raise(ErrorKind::Internal, "opencl",
          cat("the driver rejected the program of '", key, "' (error ", error, "):\n", log.data()));
  }
  keep_on_disk(identity, program);
  return program;
}

kernels::KernelPtr ClDevice::compile(const std::string& key, const char* entry, const std::string& text) {
  auto made = std::make_shared<ClKernel>();
  made->program = build(key, text);
  cl_int error = CL_SUCCESS;
  made->kernel = api().clCreateKernel(made->program, entry, &error);
  check(error, "clCreateKernel");
  return made;
}

void ClDevice::launch(kernels::GpuKernel& kernel, const kernels::Argument* arguments, unsigned count,
                      const size_t (&global)[3], const size_t (&local)[3]) {
  check_process();
  cl_kernel k = static_cast<ClKernel&>(kernel).kernel;
  std::lock_guard<std::mutex> lock(launch_mutex_);
  for (unsigned i = 0; i < count; ++i) {
    const kernels::Argument& a = arguments[i];
    const cl_mem mem = a.buffer != nullptr ? mem_of(*a.buffer) : nullptr;
    const bool buffer = a.buffer != nullptr;
    check(api().clSetKernelArg(k, i, buffer ? sizeof mem : a.nbytes, buffer ? &mem : a.data),
          "clSetKernelArg");
  }
  const cl_uint dims = global[2] != 1 ? 3 : global[1] != 1 ? 2 : 1;
  check(api().clEnqueueNDRangeKernel(queue_, k, dims, nullptr, global, local, 0, nullptr, nullptr),
        "clEnqueueNDRangeKernel");
}

}  // namespace rustorch::opencl
