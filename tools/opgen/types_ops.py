"""The argument and result types of .ops and what each is in C++, in the Python parser and in stubs."""

import re

from grammar import OpsError


class Type:
    """cpp: parameter type; owned: type of a stored copy; tag: ArgType of the Python parser; get: expression that
    reads ArgValue `{v}`; pyi: annotation."""

    def __init__(self, cpp, owned, tag, get, pyi):
        self.cpp, self.owned, self.tag, self.get, self.pyi = cpp, owned, tag, get, pyi


TYPES = {
    "Tensor": Type("const Tensor&", "Tensor", "Tensor", "{v}.tensor()", "Tensor"),
    "TensorLike": Type("const TensorLike&", "Tensor", "TensorLike", "{v}.tensor_like()", "Tensor | Number"),
    "Tensor?": Type("const std::optional<Tensor>&", "Tensor", "OptTensor", "{v}.opt_tensor()", "Tensor | None"),
    "Tensor[]": Type("TensorList", "std::vector<Tensor>", "TensorList", "{v}.tensors()", "Sequence[Tensor]"),
    "Tensor[*]": Type("TensorList", "std::vector<Tensor>", "TensorArgs", "{v}.tensors()", "Tensor | Sequence[Tensor]"),
    "Tensor?[]": Type(
        "ArrayRef<std::optional<Tensor>>",
        "std::vector<std::optional<Tensor>>",
        "OptTensorList",
        "{v}.opt_tensors()",
        "Sequence[Tensor | None]",
    ),
    "Scalar": Type("const Scalar&", "Scalar", "Scalar", "{v}.scalar", "Number"),
    "Scalar?": Type(
        "const std::optional<Scalar>&", "std::optional<Scalar>", "OptScalar", "{v}.opt_scalar()", "Number | None"
    ),
    "int": Type("int64_t", "int64_t", "Int", "{v}.i", "int"),
    "int?": Type("std::optional<int64_t>", "std::optional<int64_t>", "OptInt", "{v}.opt_int()", "int | None"),
    "Dim": Type("int64_t", "int64_t", "Int", "{v}.i", "int"),
    "Dim?": Type("std::optional<int64_t>", "std::optional<int64_t>", "OptInt", "{v}.opt_int()", "int | None"),
    "float": Type("double", "double", "Float", "{v}.d", "float"),
    "float?": Type("std::optional<double>", "std::optional<double>", "OptFloat", "{v}.opt_float()", "float | None"),
    "bool": Type("bool", "bool", "Bool", "({v}.i != 0)", "bool"),
    "bool?": Type("std::optional<bool>", "std::optional<bool>", "OptBool", "{v}.opt_bool()", "bool | None"),
    "str": Type("std::string_view", "std::string", "Str", "{v}.str()", "str"),
    "str?": Type(
        "std::optional<std::string_view>", "std::optional<std::string>", "OptStr", "{v}.opt_str()", "str | None"
    ),
    "Shape": Type("IntArrayRef", "std::vector<int64_t>", "Shape", "{v}.ints()", "Sequence[int] | int"),
    "int[]": Type("IntArrayRef", "std::vector<int64_t>", "Ints", "{v}.ints()", "Sequence[int]"),
    "Dim[]": Type("IntArrayRef", "std::vector<int64_t>", "Shape", "{v}.ints()", "int | Sequence[int]"),
    "int[]?": Type(
        "std::optional<IntArrayRef>",
        "std::optional<std::vector<int64_t>>",
        "OptInts",
        "{v}.opt_ints()",
        "Sequence[int] | None",
    ),
    "Dim[]?": Type(
        "std::optional<IntArrayRef>",
        "std::optional<std::vector<int64_t>>",
        "OptInts",
        "{v}.opt_ints()",
        "int | Sequence[int] | None",
    ),
    "float[]": Type("ArrayRef<double>", "std::vector<double>", "Floats", "{v}.floats()", "Sequence[float]"),
    "float[]?": Type(
        "std::optional<ArrayRef<double>>",
        "std::optional<std::vector<double>>",
        "OptFloats",
        "{v}.opt_floats()",
        "Sequence[float] | None",
    ),
    "DType": Type("DType", "DType", "DType", "{v}.dtype()", "dtype"),
    "DType?": Type("std::optional<DType>", "std::optional<DType>", "OptDType", "{v}.opt_dtype()", "dtype | None"),
    "Device": Type("Device", "Device", "Device", "{v}.device()", "device"),
    "Device?": Type(
        "std::optional<Device>", "std::optional<Device>", "OptDevice", "{v}.opt_device()", "device | str | None"
    ),
    "MemoryFormat": Type("MemoryFormat", "MemoryFormat", "MemoryFormat", "{v}.memory_format()", "memory_format"),
    "MemoryFormat?": Type(
        "std::optional<MemoryFormat>",
        "std::optional<MemoryFormat>",
        "OptMemoryFormat",
        "{v}.opt_memory_format()",
        "memory_format | None",
    ),
    "Layout?": Type("std::optional<Layout>", "std::optional<Layout>", "OptLayout", "{v}.opt_layout()", "layout | None"),
    "Generator?": Type(
        "const std::optional<Generator>&",
        "std::optional<Generator>",
        "OptGenerator",
        "{v}.opt_generator()",
        "Generator | None",
    ),
}

RETURNS = {
    "Tensor": ("Tensor", "Tensor"),
    "Tensor[]": ("std::vector<Tensor>", "tuple[Tensor, ...]"),
    "bool": ("bool", "bool"),
    "int": ("int64_t", "int"),
    "float": ("double", "float"),
    "Scalar": ("Scalar", "Number"),
    "DType": ("DType", "dtype"),
}

SIZED = re.compile(r"^int\[(\d+)\](\?)?$")


def type_of(arg, place):
    """The Type of an argument; int[n] is a list that a single int expands to."""
    m = SIZED.match(arg.type)
    name = ("int[]?" if m.group(2) else "int[]") if m else arg.type
    if name not in TYPES:
        raise OpsError(f"{place}: unknown type '{arg.type}'")
    return TYPES[name]


def sized_length(arg):
    """n of int[n] (0 for unsized lists)."""
    m = SIZED.match(arg.type)
    return int(m.group(1)) if m else 0


def cpp_return(op):
    """C++ result type of an entry."""
    if not op.returns:
        return "void"
    if len(op.returns) == 1:
        if op.returns[0][0] not in RETURNS:
            raise OpsError(f"{op.place}: unknown result type '{op.returns[0][0]}'")
        return RETURNS[op.returns[0][0]][0]
    return "std::tuple<" + ", ".join(RETURNS[t][0] for t, _ in op.returns) + ">"


def pyi_return(op):
    if not op.returns:
        return "None"
    if len(op.returns) == 1:
        return RETURNS[op.returns[0][0]][1]
    return "tuple[" + ", ".join(RETURNS[t][1] for t, _ in op.returns) + "]"


def cpp_default(arg, place):
    """The default of an argument as C++ text, or None."""
    d = arg.default
    if d is None:
        return None
    t = arg.type
    if d == "None":
        return "{}" if t in ("Tensor?", "Generator?", "Scalar?") else "std::nullopt"
    if d in ("True", "False"):
        return d.lower()
    if t in ("str", "str?"):
        return '"' + d.strip("\"'") + '"'
    if t in ("DType", "DType?"):
        return f"DType::{d}"
    if t in ("MemoryFormat", "MemoryFormat?"):
        return f"MemoryFormat::{d}"
    if d.startswith("["):
        return "{" + d[1:-1] + "}" if d != "[]" else "IntArrayRef{}"
    if SIZED.match(t) or t in ("int[]", "Shape", "Dim[]"):
        n = sized_length(arg) or 1
        return "{" + ", ".join([d] * n) + "}"
    if d in ("inf", "-inf", "nan"):
        return {"inf": "kInfinity", "-inf": "-kInfinity", "nan": "kNaN"}[d]
    return d


def with_defaults(op, args, render):
    """Parameters as render(arg) writes them, with defaults as far from the end as C++ lets them reach."""
    parts, open_default = [], True
    for a in reversed(args):
        default = cpp_default(a, op.place)
        open_default = open_default and default is not None
        parts.append(render(a) + (f" = {default}" if open_default else ""))
    return parts[::-1]
