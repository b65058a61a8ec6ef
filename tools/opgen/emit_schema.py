"""Schemas of the operators in PyTorch's text form: "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor".

One entry gives one line for each form that Python can call (plain, in place, out=), for each reading of its operands that
take a tensor or a number, and for each alias. The package reads them as `rustorch.ops.aten.NAME.OVERLOAD._schema`.
"""

import re

from families import default_variants
from grammar import Arg

TYPES = {
    "Dim": "int",
    "Dim?": "int?",
    "Dim[]": "int[]",
    "Dim[]?": "int[1]?",
    "Shape": "SymInt[]",
    "Shape?": "SymInt[]?",
    "Tensor[*]": "Tensor[]",
    "DType": "ScalarType",
    "DType?": "ScalarType?",
}
CODES = {"float32": "6", "float64": "7", "int64": "4", "bool": "11", "contiguous": "0", "preserve": "1"}
NAMESPACES = ("special", "linalg", "fft")


def default_text(arg, kind):
    """A default as PyTorch prints it; floats have a point, lists of a fixed length are written out."""
    d = arg.default
    if kind.startswith("str"):
        return '"' + d.strip("\"'") + '"' if d != "None" else d
    if d in CODES and kind.startswith(("ScalarType", "MemoryFormat")):
        return CODES[d]
    length = re.match(r"^\w+\[(\d+)\]$", kind)
    if length and not d.startswith("["):
        return "[" + ", ".join([d] * int(length[1])) + "]"
    if kind.startswith("float") and re.fullmatch(r"-?\d+", d):
        return d + "."
    return d


def written(arg, mark=""):
    """One argument; mark is its alias annotation without brackets."""
    kind = TYPES.get(arg.type, arg.type)
    default = "" if arg.default is None else "=" + default_text(arg, kind)
    if mark:
        kind = re.sub(r"^Tensor", f"Tensor({mark})", kind)
    return f"{kind} {arg.name}{default}"


def signature(args, marks):
    parts, star = [], False
    for a in args:
        if a.kwonly and not star:
            parts.append("*")
            star = True
        parts.append(written(a, marks.get(a.name, "")))
    return ", ".join(parts)


def results(returns, marks):
    """marks: alias annotation of each result."""
    texts = []
    for (kind, name), mark in zip(returns, marks):
        kind = TYPES.get(kind, kind)
        texts.append((re.sub(r"^Tensor", f"Tensor({mark})", kind) if mark else kind) + (f" {name}" if name else ""))
    return texts[0] if len(texts) == 1 and " " not in texts[0] else "(" + ", ".join(texts) + ")"


def factory_args(op):
    """The arguments of a factory: every one takes layout= and pin_memory=, and requires_grad= belongs to Python only."""
    names = [a.name for a in op.args]
    if not ("dtype" in names and "requires_grad" in names):
        return op.args
    options = [Arg("DType?", "dtype", "None", True), Arg("Layout?", "layout", "None", True),
               Arg("Device?", "device", "None", True), Arg("bool?", "pin_memory", "None", True)]  # fmt: skip
    taken = {o.name for o in options} | {"requires_grad"}
    rest = [a for a in op.args if a.name not in taken]
    first = [a for a in rest if not a.kwonly]
    last = [a for a in rest if a.kwonly]
    generator = [a for a in last if a.name == "generator"]
    return first + generator + options + [a for a in last if a.name != "generator"]


def readings(op):
    """(overload name, arguments) for each reading of the operands that take a tensor or a number."""
    args = factory_args(op)
    open_ = [a.name for a in args if a.type == "TensorLike"]
    if not open_:
        name = op.overload if op.torch_overload is None else op.torch_overload.strip("_")
        if "generator" in name:  # PyTorch has one without, too
            yield re.sub("_?generator", "", name), [a for a in args if a.name != "generator"]
            args = [Arg(a.type, a.name, None, a.kwonly) if a.name == "generator" else a for a in args]
        if name == "dims":  # and one for a single dimension
            yield "dim", [Arg("Dim", a.name, a.default, a.kwonly) if a.name == "dim" else a for a in args]
        yield name, args
        return

    def read(scalars):
        return [Arg("Scalar" if a.name in scalars else "Tensor", a.name, a.default, a.kwonly) if a.name in open_ else a
                for a in args]  # fmt: skip

    choices = [(), *([n] for n in open_)] if len(open_) > 1 else [(), open_]
    usual = ["Tensor_Tensor", "Scalar", "Tensor_Scalar"] if len(open_) == 2 else ["Tensor", "Scalar"]
    known = op.torch_overload.split(":") if op.torch_overload else usual
    for i, scalars in enumerate(choices[: len(known)]):
        name = known[i] + (f"_{op.overload}" if op.overload and not op.torch_overload else "")
        yield "" if name == "_" else name, read(scalars)


def lines_of(op, name):
    """The schemas of one entry under one name."""
    v = default_variants(op)
    for overload, args in readings(op):
        dot = f".{overload}" if overload else ""
        first = next((a.name for a in args if a.type.startswith("Tensor")), None)
        several = any(t == "Tensor[]" for t, _ in op.returns)
        tags = []
        if op.is_pointwise:
            tags.append("pointwise")
        if op.family == "reduction":
            tags.append("reduction")
        if op.family == "random" or any(a.name == "generator" for a in op.args):
            tags.append("nondeterministic_seeded")
        if op.name.endswith("_copy") and op.family == "copy":
            tags.append("view_copy")
        own = " -> " + results(op.returns, [""] * len(op.returns)) if op.returns else " -> ()"
        if op.kind == "view":
            marks = {first: "a -> *" if several else "a"}
            yield name + dot, signature(args, marks), " -> " + results(op.returns, ["a"] * len(op.returns)), tags
        elif op.kind == "inplace" or name.endswith("_") and op.returns == [("Tensor", "")]:
            yield name + dot, signature(args, {first: "a!"}), " -> Tensor(a!)", [*tags, "inplace"]
            continue
        else:
            yield name + dot, signature(args, {}), own, tags
        tensor_self = any(a.name == "self" and a.type == "Tensor" for a in args)
        if "inplace" in v and tensor_self and not name.endswith("_"):
            own_dot = dot.replace("Tensor_Tensor", "Tensor").replace("Tensor_Scalar", "Scalar")
            yield f"{name}_{own_dot}", signature(args, {"self": "a!"}), " -> Tensor(a!)", [*tags, "inplace"]
        if "out" in v and op.args and all(t == "Tensor" for t, _ in op.returns) and op.returns:
            names = ["out"] if len(op.returns) == 1 else [n or f"out{i}" for i, (_, n) in enumerate(op.returns)]
            outs = [Arg("Tensor", n, None, True) for n in names]
            marks = {n: f"{chr(97 + i)}!" for i, n in enumerate(names)}
            end = " -> " + results(op.returns, [marks[n] for n in names])
            options = () if op.arg("requires_grad") is None else ("dtype", "layout", "device", "pin_memory")
            kept = [a for a in args if a.name not in options]
            plain = overload in ("", "Tensor")
            yield (
                name + (".out" if plain else f".{overload}_out"),
                signature([*kept, *outs], marks),
                end,
                [*tags, "out"],
            )


def emit_schemas(ops):
    """The text: a line for each schema, " # tags" where some are known; overloads of one name in the order of declaration."""
    seen, lines = set(), {}
    for op in ops:
        names = [op.name] if not op.name.endswith("__") else []
        for alias in op.aliases:
            head, _, tail = alias.partition(".")
            if not tail:
                names.append(alias)
            elif head in NAMESPACES:
                names.append(f"{head}_{tail}")
        for name in dict.fromkeys(names):
            if name.startswith("__"):
                continue
            for full, args, end, tags in lines_of(op, name):
                if full not in seen:
                    seen.add(full)
                    mark = f" # {' '.join(tags)}" if tags else ""
                    lines.setdefault(full.split(".")[0], []).append(f"{full}({args}){end}{mark}\n")
    return "".join(line for name in sorted(lines) for line in lines[name])
