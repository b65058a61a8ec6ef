// The pointwise family: every formula rendered as a kernel the first time that it is used.
#include <array>
#include <atomic>

#include "backend/compute_backend.h"
#include "backend/kernels/elementwise.h"
#include "backend/kernels/kernel_text.h"
#include "backend/kernels/kernels.h"
#include "expr/dialect.h"
#include "expr/functions.h"
#include "expr/program.h"
#include "gen/kernel_table.h"
#include "rustorch/error.h"

namespace rustorch::kernels {

namespace {

/// The type of a value of an operand kind; B is an int that is 0 or 1.
ComputeType kind_type(char kind, ComputeType t) {
  switch (kind) {
    case 'R':
    case 'F':
      return real_part_type(t);
    case 'I':
      return ComputeType::i64;
    case 'B':
      return ComputeType::i32;
    default:
      return t;
  }
}

/// Whether a formula calls special functions: with double precision at hand their float32 form is computed in
/// it, as on the CPU.
bool is_special(KernelId kernel, const expr::Dialect& dialect) {
  static std::array<std::atomic<char>, kNumKernels> known{};  // by kernel: 0 not asked yet, 1 no, 2 yes
  std::atomic<char>& state = known[static_cast<size_t>(kernel)];
  if (state.load(std::memory_order_relaxed) == 0) {
    const expr::Program program = expr::parse_request(kernel_info(kernel).request);
    bool special = false;
    for (const std::string& key : expr::used_functions(program, dialect, ComputeType::f32)) {
      const int id = key[0] == 'r' ? expr::find_function(key.substr(2)) : -1;
      special = special || (id >= 0 && expr::function_info(static_cast<expr::FunctionId>(id)).scalar);
    }
    state.store(special ? 2 : 1, std::memory_order_relaxed);
  }
  return state.load(std::memory_order_relaxed) == 2;
}

/// One call with CPU scalars turned into numbers.
struct Plan {
  const KernelInfo& info;
  ComputeType type;
  int nout, nin;
  std::array<Scalar, kMaxOperands> numbers;  // by input, where it is one
  std::array<int, kMaxOperands> slot{};      // by input: index in tensors, or -1
  std::array<const Tensor*, kMaxOperands> tensors{};
  int ntensors = 0;
};

// Parameter and number arguments, and the call of the rendered functions.
void write_source(const Plan& p, const expr::Dialect& dialect, std::string* functions, std::string* args,
                  std::string* body) {
  const expr::Program program = expr::parse_request(p.info.request);
  *functions = expr::dialect_prelude(dialect, p.type, expr::used_functions(program, dialect, p.type));
  for (int o = 0; o < p.nout; ++o)
    *functions += expr::render_scalar_function(program, dialect, p.type, cat("f", o), static_cast<size_t>(o));
  std::string call;
  auto pass = [&](const std::string& text) { call += (call.empty() ? "" : ", ") + text; };
  for (int i = 0; i < p.nin; ++i) {
    const char kind = p.info.in_kinds[i];
    if (p.slot[i] < 0) {
      *args += cat(value_type(kind_type(kind, p.type)), " n", i, ", ");
      pass(kind == 'B' ? cat("n", i, " != 0") : cat("n", i));
      continue;
    }
    const std::string pointer = cat("p", p.slot[i]), index = cat("i", p.slot[i]);
    const DType t = p.tensors[p.slot[i]]->dtype();
    pass(kind == 'B' ? load_bool(t, pointer, index) : load(t, kind_type(kind, p.type), pointer, index));
  }
  for (int i = 0; i < p.info.nparam; ++i) {
    const char kind = p.info.param_kinds[i];
    *args += cat(value_type(kind_type(kind, p.type)), " a", i, ", ");
    pass(kind == 'B' ? cat("a", i, " != 0") : cat("a", i));
  }
  for (int o = 0; o < p.nout; ++o) {
    const char kind = p.info.out_kinds[o];
    *body += cat("  ", kind == 'B' ? "int" : value_type(kind_type(kind, p.type)), " r", o, " = f", o, "(",
                 call, ");\n");
  }
  for (int o = 0; o < p.nout; ++o)
    *body += cat("  ",
                 store(p.tensors[o]->dtype(), kind_type(p.info.out_kinds[o], p.type), cat("p", o),
                       cat("i", o), cat("r", o)),
                 "\n");
}

std::string key_of(const Plan& p) {
  std::string key = cat("pointwise/", p.info.name, "/", static_cast<int>(p.type), "/");
  for (int k = 0; k < p.nout; ++k) key += static_cast<char>('a' + static_cast<int>(p.tensors[k]->dtype()));
  for (int i = 0; i < p.nin; ++i)
    key += p.slot[i] < 0 ? '-' : static_cast<char>('a' + static_cast<int>(p.tensors[p.slot[i]]->dtype()));
  return key;
}

/// Division of integers by zero is refused; tensors of divisors are searched on the device.
void check_zero(const PointwiseCall& call, const KernelInfo& info) {
  if (info.check_zero < 0 || !rustorch::is_integer(call.type)) return;
  const Operand& divisor = call.ins[info.check_zero];
  bool zero = false;
  if (!divisor.is_tensor()) {
    zero = divisor.scalar.to_int() == 0;
  } else if (divisor.tensor->dim() == 0) {
    zero = divisor.tensor->item().to_int() == 0;
  } else if (divisor.tensor->numel() > 0) {
    const Tensor& t = *divisor.tensor;
    const Tensor flag = scratch(t, 1, kBool);
    const Tensor all = alias(flag, {}, {}, 0, kBool);
    backend_for(t).reduce({ReduceKind::All, all, t, ~uint64_t{0} >> (64 - t.dim())});
    zero = !all.item().to_bool();
  }
  if (zero) raise(ErrorKind::Value, "", "ZeroDivisionError");
}

bool run_formula(const PointwiseCall& call) {
  Plan p{kernel_info(call.kernel), call.type, call.nout, call.nin, {}, {}, {}, 0};
  if (call.nout + call.nin > kMaxOperands) return false;
  if (p.info.fn[static_cast<int>(call.type)] == nullptr) return false;  // the CPU has the error
  GpuDevice& device = device_of(call.outs[0]);
  if (p.type == ComputeType::f32 && device.capabilities().float64 &&
      is_special(call.kernel, device.dialect()))
    p.type = ComputeType::f64;
  for (int k = 0; k < call.nout; ++k) p.tensors[p.ntensors++] = &call.outs[k];
  for (int i = 0; i < call.nin; ++i) {
    const Operand& in = call.ins[i];
    p.slot[i] = -1;
    if (!in.is_tensor()) {
      p.numbers[i] = in.scalar;
    } else if (in.tensor->device().is_cpu()) {
      p.numbers[i] = in.tensor->item();  // 0-d: the only kind that may be elsewhere
    } else {
      p.slot[i] = p.ntensors;
      p.tensors[p.ntensors++] = in.tensor;
    }
  }
  for (int k = 0; k < p.ntensors; ++k) {
    device.require(p.info.name, p.tensors[k]->dtype());
  }
  if (uses_double(call.type)) device.require(p.info.name, kFloat64);
  check_zero(call, p.info);
  auto source = [&](std::string* functions, std::string* args, std::string* body) {
    write_source(p, device.dialect(), functions, args, body);
  };
  auto add = [&](Launch& launch) {
    auto number = [&](char kind, const Scalar& s) {
      add_number(launch, kind_type(kind, p.type),
                 kind == 'B' ? Scalar(static_cast<int64_t>(s.to_bool())) : s);
    };
    for (int i = 0; i < p.nin; ++i)
      if (p.slot[i] < 0) number(p.info.in_kinds[i], p.numbers[i]);
    for (int i = 0; i < p.info.nparam; ++i) number(p.info.param_kinds[i], call.params[i]);
  };
  return run_elementwise({device, p.tensors.data(), p.nout, p.ntensors}, key_of(p), source, add);
}

}  // namespace

bool pointwise(const PointwiseCall& call) {
  try {
    return run_formula(call);
  } catch (const RusTorchError& e) {
    if (e.kind() != ErrorKind::NotImplemented) throw;
    return false;  // the language lacks a function
  }
}

}  // namespace rustorch::kernels
