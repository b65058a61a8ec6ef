#include "backend/opencl/cl_device.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/vfs.h"
#include "rustorch/error.h"

namespace rustorch::opencl {

namespace {

constexpr size_t kDefaultCapacity = 512;

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

Kernel::~Kernel() {
  if (kernel != nullptr) api().clReleaseKernel(kernel);
  if (program != nullptr) api().clReleaseProgram(program);
}

KernelCache::KernelCache() : capacity_(kDefaultCapacity) {
  if (const char* text = std::getenv("RUSTORCH_OPENCL_CACHE")) capacity_ = std::strtoul(text, nullptr, 10);
}

KernelPtr KernelCache::find(const std::string& key) {
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    ++misses;
    return nullptr;
  }
  ++hits;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second;
}

void KernelCache::insert(const std::string& key, const KernelPtr& kernel) {
  if (capacity_ == 0 || entries_.count(key) != 0) return;
  order_.emplace_front(key, kernel);
  entries_[key] = order_.begin();
  if (order_.size() <= capacity_) return;
  entries_.erase(order_.back().first);
  order_.pop_back();
  ++evictions;
}

ClDevice::ClDevice(cl_platform_id platform, cl_device_id id) : id_(id) {
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
  pool_ = std::make_unique<ClPool>(context_, c.memory, c.max_allocation);
  memory_.store(pool_.get());
  programs_ =
      std::make_unique<ProgramCache>(posix_vfs(), program_folder(name), ProgramCache::default_limit());
}

// ---- memory

const StorageOps ClDevice::kOps = {allocate_bytes, release_bytes, copy_bytes};

void* ClDevice::allocate_bytes(void* context, size_t nbytes) {
  return static_cast<ClDevice*>(context)->memory()->allocate(nbytes);
}

void ClDevice::release_bytes(void* context, void* data, size_t nbytes) {
  static_cast<ClDevice*>(context)->memory()->deallocate(data, nbytes);
}

void ClDevice::copy_bytes(void* context, void* dst, const void* src, size_t nbytes) {
  auto* self = static_cast<ClDevice*>(context);
  check(api().clEnqueueCopyBuffer(self->queue_, static_cast<const Buffer*>(src)->mem,
                                  static_cast<Buffer*>(dst)->mem, 0, 0, nbytes, 0, nullptr, nullptr),
        "clEnqueueCopyBuffer");
}

Storage* ClDevice::allocate(size_t nbytes, Device device) {
  void* data = allocate_bytes(this, nbytes);
  try {
    return new Storage(data, nbytes, device, &kOps, this);
  } catch (...) {
    if (data != nullptr) release_bytes(this, data, nbytes);
    throw;
  }
}

void ClDevice::read(const Storage& from, size_t offset, void* to, size_t nbytes) {
  if (nbytes == 0) return;
  check(api().clEnqueueReadBuffer(queue_, mem_of(from), CL_TRUE, offset, nbytes, to, 0, nullptr, nullptr),
        "clEnqueueReadBuffer");
}

void ClDevice::write(Storage& to, size_t offset, const void* from, size_t nbytes) {
  if (nbytes == 0) return;
  to.mutable_data();
  check(api().clEnqueueWriteBuffer(queue_, mem_of(to), CL_TRUE, offset, nbytes, from, 0, nullptr, nullptr),
        "clEnqueueWriteBuffer");
}

void ClDevice::copy(Storage& to, size_t to_offset, const Storage& from, size_t from_offset, size_t nbytes) {
  if (nbytes == 0) return;
  to.mutable_data();
  check(api().clEnqueueCopyBuffer(queue_, mem_of(from), mem_of(to), from_offset, to_offset, nbytes, 0,
                                  nullptr, nullptr),
        "clEnqueueCopyBuffer");
}

void ClDevice::fill(Storage& to, size_t offset, const void* pattern, size_t pattern_size, size_t nbytes) {
  if (nbytes == 0) return;
  to.mutable_data();
  check(api().clEnqueueFillBuffer(queue_, mem_of(to), pattern, pattern_size, offset, nbytes, 0, nullptr,
                                  nullptr),
        "clEnqueueFillBuffer");
}

void ClDevice::finish() { check(api().clFinish(queue_), "clFinish"); }

// ---- kernels

void ClDevice::require(const char* op, DType t) const {
  if (t == kFloat64 || t == kComplex128)
    RT_CHECK(capabilities_.float64, DType, op, "the device '", capabilities_.name,
             "' has no double precision; got ", dtype_name(t), "; expected float32 or narrower");
}

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

KernelPtr ClDevice::kernel(const std::string& key, const char* entry,
                           const std::function<std::string()>& source) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (KernelPtr found = cache_.find(key)) return found;
  }
  auto made = std::make_shared<Kernel>();
  made->program = build(key, source());
  cl_int error = CL_SUCCESS;
  made->kernel = api().clCreateKernel(made->program, entry, &error);
  check(error, "clCreateKernel");
  std::lock_guard<std::mutex> lock(mutex_);
  cache_.insert(key, made);
  return made;
}

ClDevice& device_of(const Tensor& t) {
  const Storage* s = t.impl()->storage();
  RT_CHECK(s != nullptr && t.impl()->device_type() == DeviceType::OpenCL, Device, "",
           "Expected all tensors to be on the same device, but found at least two devices, opencl:0 and ",
           t.device(), "!");
  return *static_cast<ClDevice*>(s->context());
}

Launch& Launch::buffer(const Storage& s) {
  cl_mem mem = mem_of(s);
  return raw(&mem, sizeof mem);
}
Launch& Launch::in(const Tensor& t) {
  RT_CHECK(
      &device_of(t) == &device_, Device, "",
      "Expected all tensors to be on the same device, but found at least two OpenCL devices, one of them ",
      t.device(), "!");
  return buffer(*t.impl()->storage());
}

Launch& Launch::raw(const void* data, size_t nbytes) {
  check(api().clSetKernelArg(kernel_->kernel, next_++, nbytes, data), "clSetKernelArg");
  return *this;
}

void Launch::run(int64_t items, int64_t group) {
  const auto local = static_cast<size_t>(group);
  const size_t global = (static_cast<size_t>(items) + local - 1) / local * local;
  check(api().clEnqueueNDRangeKernel(device_.queue(), kernel_->kernel, 1, nullptr, &global, &local, 0,
                                     nullptr, nullptr),
        "clEnqueueNDRangeKernel");
}

void Launch::run(const size_t (&global)[3], const size_t (&local)[3]) {
  check(api().clEnqueueNDRangeKernel(device_.queue(), kernel_->kernel, 3, nullptr, global, local, 0, nullptr,
                                     nullptr),
        "clEnqueueNDRangeKernel");
}

}  // namespace rustorch::opencl
