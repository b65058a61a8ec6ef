"""Function transforms: what a wrapper does inside of forward mode and vmap, and the table of rules (OpInfo)."""

from emit_autograd import arg_positions
from families import default_variants, gradients
from types_ops import cpp_return

VMAP_OF_FAMILY = {  # family -> batch rule of src/transform; what is not here runs slice by slice
    "pointwise": "align", "reduction": "shift", "arg_reduction": "shift", "scan": "shift", "sort": "shift",
    "softmax": "shift", "view": "view", "scatter": "together", "shape": "shift", "pool": "fold",
}  # fmt: skip
KINDS = {
    "Tensor": "Tensor",
    "TensorLike": "Tensor",
    "Tensor?": "Tensor",
    "Tensor[]": "Tensors",
    "Tensor[*]": "Tensors",
    "Tensor?[]": "OptTensors",
    "Dim": "Dim",
    "Dim?": "Dim",
    "Dim[]": "Dims",
    "Dim[]?": "Dims",
    "Shape": "Shape",
}
GETTERS = {"Tensor": "tensor()", "TensorLike": "tensor_like()", "Tensor?": "opt_tensor()", "Tensor[]": "tensors()",
           "Tensor[*]": "tensors()", "Tensor?[]": "opt_tensors()", "Scalar": "scalar()", "Scalar?": "opt_scalar()",
           "int": "i", "Dim": "i", "int?": "opt_int()", "Dim?": "opt_int()", "float": "d", "float?": "opt_float()",
           "bool": "flag", "bool?": "opt_bool()", "str": "text", "str?": "opt_str()", "float[]": "floats()",
           "float[]?": "opt_floats()", "DType": "dtype()", "DType?": "opt_dtype()", "Device": "device()",
           "Device?": "opt_device()", "MemoryFormat": "memory_format()", "MemoryFormat?": "opt_memory_format()",
           "Layout?": "opt_layout()", "Generator?": "opt_generator()"}  # fmt: skip
RESULT = {"Tensor", "Tensor[]", "bool", "int", "float", "Scalar"}


def has_rules(op):
    """Composite operators need none: the operators that they call have them."""
    if op.kind == "composite" or op.family == "optimizer" or any(t not in RESULT for t, _ in op.returns):
        return False
    return any(a.is_tensor for a in op.args) or is_random(op)


def is_random(op):
    return op.family == "random" or op.vmap == "random"


def has_inplace_twin(op):
    return op.is_pointwise and "inplace" in default_variants(op)


def jvp_rule(op):
    if not op.grads:
        return "none"
    if op.jvp:
        return op.jvp
    if op.kind == "view":
        return "view"
    if op.is_pointwise and not any(g.refused for g in gradients(op)):
        return "formula"
    return "vjp"


def vmap_rule(op):
    named = "" if op.vmap == "random" else op.vmap
    return named or VMAP_OF_FAMILY.get(op.family, "loop")


def info_name(op, inplace=False):
    return f"info_{op.impl_name}{'_' if inplace else ''}"


def recording(op):
    named = [a.name for a in arg_positions(op)]
    return f"needs_grad({', '.join(named)})" if named else "false"


def call_args(op):
    return ", ".join(a.name for a in op.args)


def sparse_rule(op, inplace=False, kind="sparse", absent="sparse_refuse"):
    if op.family in ("sparse", "quantized"):
        return "sparse_own"
    if not getattr(op, kind):
        return absent
    name, _, own_inplace = getattr(op, kind).partition(" ")  # `sparse add inplace`: its in-place form has its own rule
    return f"{kind}_" + (name if not inplace else f"{name}_" if own_inplace else "inplace")


def quantized_rule(op, inplace=False):
    return sparse_rule(op, inplace, "quantized", "nullptr")


def enter(op, inplace=False):
    """The test at the top of a wrapper."""
    dense = [] if op.family in ("sparse", "quantized") else [a.name for a in op.args if a.is_tensor]
    if not has_rules(op) or (not op.returns and op.kind != "inplace"):
        return "" if op.kind == "composite" else "".join(f'  refuse_sparse("{op.name}", {n});\n' for n in dense)
    info = info_name(op, inplace)
    test = f"transforming() || any_sparse({', '.join(dense)})" if dense else "transforming()"
    if inplace or op.kind == "inplace":
        return (
            f"  if ({test}) [[unlikely]] {{\n    if (transformed_inplace({info}, {recording(op)}, {call_args(op)})) "
            "return self;\n  }\n"
        )
    return (
        f"  if ({test}) [[unlikely]] {{\n    if (auto done = transformed<{cpp_return(op)}>({info}, {recording(op)}, "
        f"{call_args(op)})) return *std::move(done);\n  }}\n"
    )


def record_body(op, body, inplace=False):
    """The body of a recorded call: batched arguments go to their rule, with recording as it was."""
    if not has_rules(op):
        return body
    info = info_name(op, inplace)
    if inplace or op.kind == "inplace":
        return f"  if (!(transforming() && transformed_inplace({info}, false, {call_args(op)}))) {{\n{body}  }}\n"
    return (
        f"    if (transforming()) [[unlikely]] {{\n      if (auto done = transformed<{cpp_return(op)}>({info}, false, {call_args(op)})) "
        f"return *std::move(done);\n    }}\n{body}"
    )


def declare_infos(ops):
    text = ""
    for op in ops:
        if has_rules(op):
            text += f"extern const OpInfo {info_name(op)};\n"
            text += f"extern const OpInfo {info_name(op, True)};\n" if has_inplace_twin(op) else ""
    return text


def arg_kind(a):
    if a.name in ("input_size", "input_sizes") and a.type == "int[]":
        return "Shape"
    if a.type.startswith("int["):
        return "Dims" if a.name == "dims" else "Ints"
    return KINDS.get(a.type, "Other")


def getter(a, i, inplace=False):
    if a.type.startswith("int[") or a.type in ("Shape", "Dim[]", "Dim[]?"):
        name = "opt_ints()" if a.type.endswith("?") else "ints()"
    elif inplace and a.name == "self":
        name = "tensor()"
    else:
        name = GETTERS[a.type]
    return f"v[{i}].{name}"


def thunk(op, inplace):
    """Unboxes the arguments, calls the operator, boxes the results."""
    info = info_name(op, inplace)
    args = ", ".join(getter(a, i, inplace) for i, a in enumerate(op.args))
    name = f"rustorch::{op.cname}{'_' if inplace else ''}"
    writes = inplace or op.kind == "inplace"
    text = f"void call_{info}([[maybe_unused]] const Value* v, [[maybe_unused]] Value* r) {{\n"
    if writes or not op.returns:
        text += f"  {name}({args});\n"
    elif len(op.returns) == 1:
        text += f"  r[0] = Value({name}({args}));\n"
    else:
        text += f"  auto all = {name}({args});\n" + "".join(
            f"  r[{i}] = Value(std::get<{i}>(std::move(all)));\n" for i in range(len(op.returns))
        )
    return text + "}\n"


def push(op):
    """The tangent of a pointwise operator: its derivative kernels applied to the tangents, added up."""
    text = f"Tensor push_{op.impl_name}([[maybe_unused]] const Value* v, [[maybe_unused]] const Value* t, [[maybe_unused]] const Tensor& result) {{\n  Tensor sum;\n"
    at = {a.name: i for i, a in enumerate(op.args)}
    for g in gradients(op):
        if g.zero:
            continue
        i = at[g.arg]
        tangent = f"t[{i}].tensor()"
        if g.trivial:
            value = tangent
        else:
            parts = []
            for n in g.inputs:
                if n in ("g", "result"):
                    parts.append(tangent if n == "g" else "result")
                else:
                    a = op.arg(n)
                    parts.append(
                        f"v[{at[n]}].tensor_like().as_tensor()" if a.type == "TensorLike" else f"v[{at[n]}].tensor()"
                    )
            for a in g.params:
                parts.append(f"Scalar(v[{at[a.name]}].{GETTERS[a.type]})")
            value = f"{g.kernel}_tensor({', '.join(parts)})"
        text += f"  if ({tangent}.defined()) sum = plus(sum, {value});\n"
    return text + "  return sum;\n}\n"


def info(op, inplace):
    name = info_name(op, inplace)
    graded = {a.name for a in arg_positions(op)}
    writes = inplace or op.kind == "inplace"
    rule = jvp_rule(op)
    args = ", ".join(
        f'{{"{a.name}", ArgKind::{arg_kind(a)}, {"true" if a.name in graded else "false"}}}' for a in op.args
    )
    n = 0 if writes or not op.returns else -1 if op.returns[0][0] == "Tensor[]" else len(op.returns)
    jvp = rule.capitalize() if not (op.kind == "inplace" and rule != "none") else "Vjp"
    pushed = f"push_{op.impl_name}" if rule == "formula" else "nullptr"
    base = f"&{info_name(op)}" if inplace else "nullptr"
    text = f"constexpr ArgInfo args_{name}[] = {{{args}}};\n"
    flag = lambda on: "true" if on else "false"  # noqa: E731
    text += (
        f'const OpInfo {name} = {{"{op.name}{"_" if inplace else ""}", call_{name}, args_{name}, {len(op.args)}, {n}, {flag(writes)}, '
        f"{flag(is_random(op))}, JvpRule::{jvp}, {pushed}, {base}, batch_{vmap_rule(op)}, {sparse_rule(op, inplace)}, {quantized_rule(op, inplace)}}};\n"
    )
    return text


def emit_transform_table(ops, banner):
    """gen/transform_table.cc: thunks, derivative sums and OpInfos of all operators that have rules."""
    with_rules = [op for op in ops if has_rules(op)]
    headers = sorted({op.header for op in ops if op.header})
    lines = [
        banner.format(source="ops/*.ops"),
        '#include "autograd/transform_call.h"\n#include "rustorch/ops.h"\n#include "transform/rules.h"\n',
    ]
    lines += [f'#include "rustorch/{h}.h"\n' for h in headers]
    lines.append("\nnamespace rustorch {\n\n")
    lines += [f"void batch_{rule}(BatchCall& call);\n" for rule in sorted({vmap_rule(op) for op in with_rules})]
    lines += [
        f"void {name}(const OpInfo& info, const Value* args, Value* results);\n"
        for name in sorted(
            {
                rule(op, twin)
                for op in with_rules
                for twin in (False, op.is_pointwise)
                for rule in (sparse_rule, quantized_rule)
            }
        )
        if name != "nullptr"
    ]
    lines.append(declare_infos(ops))
    for op in with_rules:
        if op.is_pointwise:
            for g in gradients(op):
                if not g.bare:
                    args = [f"const Tensor& {n}" for n in g.inputs] + [f"const Scalar& {a.name}" for a in g.params]
                    lines.append(f"Tensor {g.kernel}_tensor({', '.join(args)});\n")
    lines.append(
        "\nnamespace {\nTensor plus(const Tensor& a, const Tensor& b) { return a.defined() ? rustorch::add(a, b) : b; }\n"
    )
    for op in with_rules:
        lines.append(thunk(op, False))
        if has_inplace_twin(op):
            lines.append(thunk(op, True))
        if jvp_rule(op) == "formula":
            lines.append(push(op))
    lines.append("}  // namespace\n\n")
    for op in with_rules:
        lines.append(info(op, False))
        if has_inplace_twin(op):
            lines.append(info(op, True))
    lines.append("\n}  // namespace rustorch\n")
    return "".join(lines)
