#include "backend/kernels/elementwise.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "iter/loop_plan.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

constexpr int64_t kGroup = 64;

// Mirrors the struct in the program: everything is 64 bits wide. ndim 0 means that all operands run through
// memory one element after the other. Only the part for the operands that there are is passed.
struct Layout {
  int64_t numel, ndim, narrow;
  int64_t size[kMaxDims];
  int64_t offset[kMaxOperands];
  int64_t stride[kMaxOperands][kMaxDims];
};

std::string program(const ElementwiseLaunch& l, const std::string& functions, const std::string& args,
                    const std::string& body) {
  std::string text =
      cat("typedef struct { long numel, ndim, narrow; long size[", kMaxDims, "]; long offset[", kMaxOperands,
          "]; long stride[", l.ntensors, "][", kMaxDims, "]; } Layout;\n", functions, "kernel void run(");
  for (int k = 0; k < l.ntensors; ++k)
    text +=
        cat("global ", k < l.noutputs ? "" : "const ", memory_type(l.tensors[k]->dtype()), "* p", k, ", ");
  text += cat(args, "const Layout L) {\n  const long g = get_global_id(0);\n  if (g >= L.numel) return;\n");
  for (int k = 0; k < l.ntensors; ++k) text += cat("  long i", k, " = L.offset[", k, "];\n");
  text += "  if (L.ndim == 0) {\n   ";
  for (int k = 0; k < l.ntensors; ++k) text += cat(" i", k, " += g;");
  text += "\n  } else if (L.narrow) { /* divisions of 64 bits are slow */\n    uint rest = (uint)g;\n";
  text +=
      "    for (long d = 0; d < L.ndim; ++d) {\n      const uint size = (uint)L.size[d], q = d + 1 < L.ndim "
      "? rest / size : 0u;\n";
  text += "      const long at = rest - q * size;\n      rest = q;\n     ";
  std::string steps;
  for (int k = 0; k < l.ntensors; ++k) steps += cat(" i", k, " += at * L.stride[", k, "][d];");
  text += steps;
  text += "\n    }\n  } else {\n    long rest = g;\n    for (long d = 0; d < L.ndim; ++d) {\n";
  text +=
      "      const long q = d + 1 < L.ndim ? rest / L.size[d] : 0, at = rest - q * L.size[d];\n      rest = "
      "q;\n     ";
  text += steps;
  return text + cat("\n    }\n  }\n", body, "}\n");
}

}  // namespace

bool run_elementwise(const ElementwiseLaunch& l, const std::string& key,
                     const std::function<void(std::string*, std::string*, std::string*)>& source,
                     const std::function<void(Launch&)>& add) {
  const TensorImpl& out = *l.tensors[0]->impl();
  LoopPlan plan(out.sizes());
  for (int k = 0; k < l.ntensors; ++k) plan.add(l.tensors[k]->sizes(), l.tensors[k]->strides());
  plan.finish();
  if (plan.ndim > kMaxDims) return false;
  Layout layout;
  layout.numel = plan.numel;
  layout.ndim = plan.ndim;
  layout.narrow = plan.numel <= INT32_MAX ? 1 : 0;
  bool linear = true;
  for (int k = 0; k < l.ntensors; ++k) {
    layout.offset[k] = l.tensors[k]->storage_offset();
    linear = linear && plan.contiguous(k);
    for (int d = 0; d < plan.ndim; ++d)
      layout.stride[k][d] = plan.strides[static_cast<size_t>(k)][static_cast<size_t>(d)];
  }
  for (int d = 0; d < plan.ndim; ++d) layout.size[d] = plan.sizes[static_cast<size_t>(d)];
  if (linear) layout.ndim = 0;
  KernelPtr kernel = l.device.kernel(key, "run", [&] {
    std::string functions, args, body;
    source(&functions, &args, &body);
    return program(l, functions, args, body);
  });
  // Outputs first: making their bytes private may move them, and an input can be the same tensor.
  for (int k = 0; k < l.noutputs; ++k) writable(*l.tensors[k]);
  Launch launch(l.device, kernel);
  for (int k = 0; k < l.ntensors; ++k) launch.in(*l.tensors[k]);
  add(launch);
  launch.raw(&layout, offsetof(Layout, stride) + sizeof(layout.stride[0]) * static_cast<size_t>(l.ntensors));
  launch.run(plan.numel, kGroup);
  return true;
}

}  // namespace rustorch::kernels
