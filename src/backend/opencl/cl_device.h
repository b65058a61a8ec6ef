// One OpenCL device: context, in-order queue, memory, and compiled programs on disk.
//
// A storage's data pointer on this backend is a Buffer*. The queue runs in order, so that work issued later
// sees what was issued before; any thread may issue work, kernels' arguments are set under a lock. Memory
// that is given back while work uses it stays alive until that work is done (OpenCL counts).
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "backend/kernels/gpu_device.h"
#include "backend/opencl/cl_api.h"
#include "backend/opencl/cl_pool.h"
#include "backend/program_cache.h"

namespace rustorch::opencl {

class ClDevice final : public kernels::GpuDevice {
 public:
  ClDevice(cl_platform_id platform, cl_device_id id);

  const expr::Dialect& dialect() const override { return expr::opencl_dialect(); }
  void read(const Storage& from, size_t offset, void* to, size_t nbytes) override;
  void write(Storage& to, size_t offset, const void* from, size_t nbytes) override;
  void copy(Storage& to, size_t to_offset, const Storage& from, size_t from_offset, size_t nbytes) override;
  void fill(Storage& to, size_t offset, const void* pattern, size_t pattern_size, size_t nbytes) override;
  void finish() override;
  void launch(kernels::GpuKernel& kernel, const kernels::Argument* arguments, unsigned count,
              const size_t (&global)[3], const size_t (&local)[3]) override;
  ProgramCacheStats disk_stats() const override { return programs_->stats(); }

 private:
  kernels::KernelPtr compile(const std::string& key, const char* entry, const std::string& text) override;
  void copy_block(void* to, const void* from, size_t nbytes) override;
  cl_program build(const std::string& key, const std::string& text);
  cl_program program_from_disk(const std::string& identity);
  void keep_on_disk(const std::string& identity, cl_program program);

  cl_device_id id_;
  cl_context context_ = nullptr;
  cl_command_queue queue_ = nullptr;
  std::mutex launch_mutex_;  // a kernel's arguments are part of the kernel
  std::unique_ptr<ProgramCache> programs_;
};

}  // namespace rustorch::opencl
