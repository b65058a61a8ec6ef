"""What an operator gets from its family: variants, formulas in full, kernel requests, promotion rules."""

import re

from grammar import OpsError
from types_ops import type_of

IDENT = re.compile(r"[A-Za-z_]\w*")

RULES = {  # modifier -> flag of PointwiseRules
    "float": "kFloat",
    "bool": "kBoolOut",
    "real": "kRealOut",
    "int": "kIntegral",
    "nocomplex": "kRefuseComplex",
    "nobool": "kRefuseBool",
    "nofloat": "kRefuseFloat",
    "noint": "kRefuseInt",
    "nopromote": "kNoPromote",
    "float8": "kFloat8",
    "rows": "kRowMajor",
    "wide": "kWideNumbers",
    "rounded": "kRoundedParams",
    "u64:bits": "kUInt64Bits",
    "u64:order": "kUInt64Order",
    "u64:same": "kUInt64Same",
    "u64:zero": "kUInt64Zero",
}
ALL_TYPES = ("f32", "f64", "i32", "i64", "c64", "c128")
GROUPS = {"int": ("i32", "i64"), "complex": ("c64", "c128"), "float": ("f32", "f64")}


def default_variants(op):
    """function, and method when the first argument (or one called self) is a tensor."""
    if op.variants is not None:
        return op.variants + (["out"] if has_out(op) and "out" not in op.variants else [])
    result = ["function"]
    if op.arg("self") is not None:
        result.append("method")
    if op.is_pointwise:
        result += ["inplace", "out"] if op.arg("self") is not None and op.args[0].name == "self" else ["out"]
    return result + (["out"] if has_out(op) and "out" not in result else [])


def has_out(op):
    """Every function that makes new tensors takes out=, but for hidden ones and factories of alias results."""
    tensors = op.returns and (all(t == "Tensor" for t, _ in op.returns) or bool(op.body))
    return (
        tensors
        and bool(op.args)
        and op.kind in ("primitive", "composite")
        and not op.hidden
        and (op.variants is None or "function" in op.variants)
        and op.arg("out") is None
    )


def mask_args(op):
    return [m.partition(":")[2] for m in op.modifiers if m.startswith("mask:")]


def rules(op):
    flags = []
    for m in op.modifiers:
        if m.startswith("mask:") or m == "steps":
            continue
        if m not in RULES:
            raise OpsError(f"{op.place}: unknown modifier '{m}'")
        flags.append("PointwiseRules::" + RULES[m])
    if "dtype" in op.out_rules:
        flags.append("PointwiseRules::kSameOut")
    return " | ".join(flags) or "0"


def gradient_rules(op):
    """Of a gradient kernel: numbers count as they did in the operator itself."""
    kept = [RULES[m] for m in ("wide", "rounded") if m in op.modifiers]
    return " | ".join("PointwiseRules::" + flag for flag in ["kGradient", *kept])


def kernel_types(op):
    types = list(ALL_TYPES)
    if "float" in op.modifiers or "noint" in op.modifiers:
        types = [t for t in types if t[0] != "i"]
    if "nocomplex" in op.modifiers:
        types = [t for t in types if t[0] != "c"]
    if "int" in op.modifiers or "nofloat" in op.modifiers:
        types = [t for t in types if t[0] == "i"]
    return types


def tensor_args(op):
    return [a for a in op.args if a.is_tensor]


def param_args(op):
    return [a for a in op.args if not a.is_tensor]


def param_kind(arg):
    return {"Scalar": "T", "float": "F", "int": "I", "bool": "B"}.get(arg.type)


class Gradient:
    """One pointwise gradient: its kernel's name, expression, tensor inputs and parameters used."""

    def __init__(self, op, arg, formula):
        self.op, self.arg = op, arg
        expr = op.exprs.get("")
        text = re.sub(r"\bexpr\b", f"({expr})", formula)
        self.expr = text
        self.kernel = f"{op.impl_name}__grad_{arg}"
        words = set(IDENT.findall(text))
        self.inputs = [n for n in ["g"] + [a.name for a in tensor_args(op)] + ["result"] if n in words]
        self.params = [a for a in param_args(op) if a.name in words]
        self.trivial = text.strip() == "g"
        self.refused = text.strip() == "not_implemented"
        self.zero = text.strip() == "0"
        self.bare = self.trivial or self.refused or self.zero  # needs no kernel
        if "g" not in words and not self.bare:
            raise OpsError(f"{op.place}: the gradient of '{arg}' does not mention g")


def gradients(op):
    return [Gradient(op, n, formula) for names, formula in op.grads for n in names]


def request(name, inputs, masks, params, out, types, exprs, tensor, check_zero=""):
    """One block of the kernel request file that rt_exprgen reads."""
    lines = [f"kernel {name}"]
    lines += [f"  in {n}:{'B' if n in masks else 'T'}" for n in inputs]
    lines += [f"  param {n}:{k}" for n, k in params]
    lines.append(f"  out {out}")
    lines.append("  types " + " ".join(types))
    lines.append(f"  expr {exprs['']}")
    for suffix, text in exprs.items():
        for t in GROUPS.get(suffix, (suffix,)) if suffix else ():
            if t in types:
                lines.append(f"  expr.{t} {text}")
    if tensor:
        lines.append("  tensor yes")
    if check_zero:
        lines.append(f"  check_zero {check_zero}")
    return "\n".join(lines) + "\n"


def kernel_requests(op):
    """All request blocks of a pointwise operator: the formula and its gradients."""
    if "" not in op.exprs:
        raise OpsError(f"{op.place}: {op.full_name} has no expr")
    out = "B" if "bool" in op.modifiers else "R" if "real" in op.modifiers else "T"
    masks = mask_args(op)
    for a in param_args(op):
        if param_kind(a) is None:
            raise OpsError(f"{op.place}: a pointwise operator cannot take '{a.type} {a.name}'")
    params = [(a.name, param_kind(a)) for a in param_args(op)]
    blocks = [
        request(
            op.impl_name,
            [a.name for a in tensor_args(op)],
            masks,
            params,
            out,
            kernel_types(op),
            op.exprs,
            False,
            op.check_zero,
        )
    ]
    for grad in gradients(op):
        if grad.bare:
            continue
        types = [t for t in kernel_types(op) if t[0] != "i"]
        exprs = {"": grad.expr}
        blocks.append(
            request(
                grad.kernel, grad.inputs, masks, [(a.name, param_kind(a)) for a in grad.params], "T", types, exprs, True
            )
        )
    return blocks


def element_name(arg):
    """What a formula calls the element of a list: grads -> grad."""
    return arg.name.removesuffix("s")


def step_params(op):
    """The numbers that an optimizer step's formulas use: (name, kind) of arguments, then of `number` lines."""
    words = set(IDENT.findall(" ".join([*op.lets, *op.updates.values()])))
    params = [(a.name, "B" if a.type == "bool" else "T") for a in param_args(op)]
    return [(n, k) for n, k in params + [(n, "T") for n in op.numbers] if n in words]


def step_request(op):
    """The kernel of an optimizer step: one output for each list that it updates, in the order of the arguments."""
    lists = [a.name for a in tensor_args(op)]
    for a in op.args:
        if a.type not in ("Tensor[]", "float", "bool"):
            raise OpsError(f"{op.place}: an optimizer step cannot take '{a.type} {a.name}'")
    if len(lists) > 5:
        raise OpsError(f"{op.place}: an optimizer step takes at most 5 lists (kMaxLists in src/ops/optim_step.cc)")
    for name in op.updates:
        if name not in lists:
            raise OpsError(f"{op.place}: update: '{name}' is no list of {op.full_name}")
    lines = [f"kernel {op.impl_name}"]
    lines += [f"  in {element_name(a)}:T" for a in tensor_args(op)]
    lines += [f"  param {n}:{k}" for n, k in step_params(op)]
    lines.append("  types f32 f64")
    for name in lists:
        if name in op.updates:
            lines += ["  out T", f"  expr {' '.join(t + ';' for t in op.lets)} {op.updates[name]}"]
    lines.append("  tensor list")
    return "\n".join(lines) + "\n"


def check(ops):
    """Mistakes that only show over all entries."""
    seen = {}
    for op in ops:
        if op.family is None:
            raise OpsError(f"{op.place}: {op.full_name} has no family")
        if op.full_name in seen:
            raise OpsError(f"{op.place}: {op.full_name} is declared twice (first at {seen[op.full_name]})")
        seen[op.full_name] = op.place
        for a in op.args:
            type_of(a, op.place)
            if a.type == "TensorLike" and not op.is_pointwise and op.kind != "composite":
                raise OpsError(f"{op.place}: TensorLike arguments belong to pointwise and composite operators")
        inplace = op.kind == "inplace" or (op.is_pointwise and "inplace" in default_variants(op))
        if inplace and op.grads and "self" not in op.grads[0][0]:
            raise OpsError(f"{op.place}: the first grad line of an in-place operator must be that of self")
        if op.is_pointwise:
            kernel_requests(op)
        elif op.exprs:
            raise OpsError(f"{op.place}: expr belongs to the pointwise family")
        if op.updates and (op.family != "optimizer" or op.kind != "composite"):
            raise OpsError(f"{op.place}: update belongs to composites of the optimizer family")
        if op.kind == "composite" and (op.sparse or op.quantized):
            raise OpsError(f"{op.place}: a composite operator does with sparse and quantized tensors what its parts do")
        if op.kind == "composite" and op.grads:
            raise OpsError(f"{op.place}: a composite operator inherits its gradient")
