// The functions of OpenCL that the backend uses, loaded from the system's library at run time.
//
// The table is filled once and then constant; it is null on machines without OpenCL.
#pragma once
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <string>

namespace rustorch::opencl {

// clang-format off
#define RT_CL_FUNCTIONS(X) \
  X(clGetPlatformIDs) X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo) \
  X(clCreateContext) X(clCreateCommandQueue) X(clCreateProgramWithSource) X(clBuildProgram) \
  X(clGetProgramBuildInfo) X(clCreateKernel) X(clSetKernelArg) X(clCreateBuffer) \
  X(clEnqueueNDRangeKernel) X(clEnqueueReadBuffer) X(clEnqueueWriteBuffer) \
  X(clEnqueueCopyBuffer) X(clEnqueueFillBuffer) X(clReleaseMemObject) X(clReleaseKernel) \
  X(clReleaseProgram) X(clReleaseCommandQueue) X(clReleaseContext) X(clFinish) \
  X(clGetProgramInfo) X(clCreateProgramWithBinary)
// clang-format on

struct Api {
#define RT_CL_MEMBER(name) decltype(&::name) name = nullptr;
  RT_CL_FUNCTIONS(RT_CL_MEMBER)
#undef RT_CL_MEMBER
};

/// The table, or null with the reason.
const Api* load_api(std::string* reason);
/// The table after load_api() has succeeded.
const Api& api();

/// Throws OutOfMemory or Internal when an OpenCL call failed.
void check(cl_int code, const char* call);

}  // namespace rustorch::opencl
