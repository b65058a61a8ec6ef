"""The .ops grammar: text -> OpDecl.

One entry is a line `op NAME[.overload](ARGS) -> RETURNS` followed by indented fields; see docs/add_an_op.md.
Errors carry file and line.
"""

import re

KINDS = ("primitive", "composite", "view", "inplace")
VARIANTS = ("function", "method", "inplace", "out", "copy")
FIELDS = (
    "family",
    "kind",
    "grad",
    "variants",
    "alias",
    "doc",
    "check_zero",
    "autocast",
    "out",
    "jvp",
    "vmap",
    "save",
    "instead",
    "shows",
    "outtype",
    "sparse",
    "quantized",
    "number",
    "let",
    "update",
)
OUT_RULES = {"apart": "kApart", "dtype": "kSameDType", "truth": "kTruth", "resized": "kResized"}


class OpsError(Exception):
    """A mistake in a .ops file, with its place."""


class Arg:
    """One argument: type (as written), name, default (text or None), keyword-only flag, the name Python also takes."""

    def __init__(self, type_, name, default, kwonly, also=None):
        self.type, self.name, self.default, self.kwonly, self.also = type_, name, default, kwonly, also

    @property
    def is_tensor(self):
        return self.type in ("Tensor", "TensorLike", "Tensor?", "Tensor[]", "Tensor[*]", "Tensor?[]")


class OpDecl:
    """One operator entry as written, before the families add to it."""

    def __init__(self, name, overload, args, returns, place):
        self.name, self.overload, self.args, self.returns, self.place = name, overload, args, returns, place
        self.torch_overload = None  # the overload's name in PyTorch's schemas where it is another
        self.family, self.modifiers = None, []
        self.kind = "primitive"
        self.exprs = {}  # "" | type suffix -> expression (pointwise)
        self.grads = []  # ([arg names], formula)
        self.numbers = {}  # optimizer steps: name -> C++ expression over the numbers, evaluated once a call
        self.lets = []  # optimizer steps: parts of the formulas
        self.updates = {}  # optimizer steps: list argument -> formula of its elements' new values
        self.instead = None  # (condition, call): what a recorded call under the condition is replaced by
        self.shows = None  # (operator, [(name, text)]): whose node it seems to be, and what that has saved besides
        self.outtype = ""  # C++ condition under which out= chooses the type that is computed in
        self.saves = {}  # argument -> the gradients that read its elements; the others get its shape only
        self.variants = None
        self.aliases = []
        self.doc = ""
        self.autocast = ""  # low, f32 or promote: what autocast does with the tensors
        self.out_rules = []  # what out= must keep to beyond the usual
        self.body = ""  # C++ expression of a generated entry, instead of a body in src/ops
        self.jvp = ""  # rule of the tangents where the family's is not meant: linear or multilinear
        self.vmap = (
            ""  # batch rule of src/transform where the family's is not meant; "random" for what belongs to a draw
        )
        self.sparse = ""  # rule of src/sparse for sparse arguments; without one they are refused
        self.quantized = ""  # the same of src/quant for quantized ones
        self.check_zero = ""  # operand whose zeros integers refuse
        self.header = ""  # public header (and C++ namespace) of its file; "" is rustorch/ops.h

    @property
    def cname(self):
        """Name of the C++ function: overloads share the op's name."""
        return self.name

    @property
    def impl_name(self):
        return f"{self.name}_{self.overload}" if self.overload else self.name

    @property
    def full_name(self):
        return f"{self.name}.{self.overload}" if self.overload else self.name

    @property
    def is_pointwise(self):
        return self.family == "pointwise"

    @property
    def hidden(self):
        return self.name.startswith("_")

    def arg(self, name):
        for a in self.args:
            if a.name == name:
                return a
        return None


def split_top(text, sep=","):
    """Splits at separators that are not inside brackets or quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == sep and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]


ARG = re.compile(r"^([A-Za-z]+\??(?:\[(?:\d*|\*)\])?\??)\s+([A-Za-z_]\w*)(?:\|(\w+))?\s*(?:=\s*(.+))?$")
HEAD = re.compile(r"^op\s+([A-Za-z_]\w*)(?:\.(\w+))?(?:\|([\w:]+))?\s*\((.*)\)\s*->\s*(.+)$")


def parse_args(text, place):
    args, kwonly = [], False
    for part in split_top(text):
        if part == "*":
            kwonly = True
            continue
        m = ARG.match(part)
        if not m:
            raise OpsError(f"{place}: cannot read the argument '{part}'")
        args.append(Arg(m.group(1), m.group(2), m.group(4), kwonly, m.group(3)))
    return args


def parse_returns(text, place):
    """-> list of (type, name); a list return is [("Tensor[]", "")]; void is []."""
    text = text.strip()
    if text == "void":
        return []
    if text.startswith("("):
        result = []
        for part in split_top(text[1:-1]):
            pieces = part.split()
            if not 1 <= len(pieces) <= 2:
                raise OpsError(f"{place}: cannot read the result '{part}'")
            result.append((pieces[0], pieces[1] if len(pieces) == 2 else ""))
        return result
    return [(text, "")]


def parse_file(path, shown):
    """All entries of one file. A first line `header NAME` gives the file a public header rustorch/NAME.h of its own."""
    ops, op, field, field_indent, header = [], None, None, 0, ""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    i = 0
    while i < len(lines):
        raw = lines[i].rstrip()
        place = f"{shown}:{i + 1}"
        i += 1
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        indent = len(raw) - len(raw.lstrip())
        if indent == 0 and stripped.startswith("header "):
            if ops:
                raise OpsError(f"{place}: 'header' stands before the first entry")
            header = stripped.split()[1]
            continue
        if indent == 0:
            while raw.count("(") > raw.count(")") and i < len(lines):
                raw += " " + lines[i].strip()
                i += 1
            if "->" not in raw and i < len(lines):
                raw += " " + lines[i].strip()
                i += 1
            m = HEAD.match(raw)
            if not m:
                raise OpsError(f"{place}: expected 'op name(args) -> returns', got '{raw}'")
            op = OpDecl(
                m.group(1), m.group(2) or "", parse_args(m.group(4), place), parse_returns(m.group(5), place), place
            )
            op.torch_overload = m.group(3)
            op.header = header
            ops.append(op)
            field = None
            continue
        if op is None:
            raise OpsError(f"{place}: a field outside of an entry")
        if field is not None and indent > field_indent:
            add_line(op, field, stripped)
            continue
        word, _, rest = stripped.partition(" ")
        field, field_indent = set_field(op, word, rest.strip(), place), indent
    return with_copies(ops)


def with_copies(ops):
    """The entries, and after each view with the variant `copy` its twin NAME_copy, which gives tensors of their own."""
    result = []
    for op in ops:
        result.append(op)
        if "copy" not in (op.variants or ()):
            continue
        if op.kind != "view":
            raise OpsError(f"{op.place}: only views have the variant 'copy'")
        twin = OpDecl(op.name + "_copy", op.overload, op.args, op.returns, op.place)
        twin.torch_overload = op.torch_overload
        twin.family, twin.kind, twin.header, twin.variants = "copy", "composite", op.header, ["function"]
        twin.body = f"own_copy(rustorch::{op.name}({', '.join(a.name for a in op.args)}))"
        twin.out_rules = ["dtype"]
        twin.doc = f"What {op.name} gives, in memory of its own."
        result.append(twin)
    return result


def set_field(op, word, rest, place):
    base = word.split(".")[0]
    if base == "expr":
        suffix = word.partition(".")[2]
        op.exprs[suffix] = rest
        return ("expr", suffix)
    if word not in FIELDS:
        raise OpsError(f"{place}: unknown field '{word}'")
    if word == "family":
        pieces = rest.split()
        op.family, op.modifiers = pieces[0], pieces[1:]
    elif word == "kind":
        if rest not in KINDS:
            raise OpsError(f"{place}: kind must be one of {', '.join(KINDS)}")
        op.kind = rest
    elif word == "grad":
        names, colon, formula = rest.partition(":")
        if not colon:
            raise OpsError(f"{place}: expected 'grad ARG: FORMULA'")
        names = [n.strip() for n in names.split(",")]
        for n in names:
            if op.arg(n) is None:
                raise OpsError(f"{place}: '{n}' is not an argument of {op.full_name}")
        op.grads.append([names, formula.strip()])
        return ("grad", len(op.grads) - 1)
    elif word in ("number", "update"):
        name, _, formula = rest.partition(":")
        (op.numbers if word == "number" else op.updates)[name.strip()] = formula.strip()
        return (word, name.strip())
    elif word == "let":
        op.lets.append(rest)
    elif word == "variants":
        op.variants = rest.split()
        for v in op.variants:
            if v not in VARIANTS:
                raise OpsError(f"{place}: unknown variant '{v}'")
    elif word == "alias":
        op.aliases += [a.strip() for a in rest.split(",") if a.strip()]
    elif word == "doc":
        op.doc = rest
    elif word == "check_zero":
        op.check_zero = rest
    elif word == "autocast":
        if rest not in ("low", "f32", "promote"):
            raise OpsError(f"{place}: autocast must be low, f32 or promote")
        op.autocast = rest
    elif word == "jvp":
        if rest not in ("linear", "multilinear", "vjp"):
            raise OpsError(f"{place}: jvp must be linear, multilinear or vjp")
        op.jvp = rest
    elif word == "vmap":
        op.vmap = rest
    elif word in ("sparse", "quantized"):
        setattr(op, word, rest)
    elif word == "shows":
        name, *saved = rest.split()
        op.shows = (name, [part.split("=", 1) for part in saved])
    elif word == "outtype":
        op.outtype = rest
    elif word == "instead":
        op.instead = [part.strip() for part in rest.split(": ", 1)]
    elif word == "save":
        for part in rest.split(";"):
            name, _, readers = part.partition(":")
            op.saves[name.strip()] = [r.strip() for r in readers.split(",")]
        for n in [*op.saves, *(r for rs in op.saves.values() for r in rs)]:
            if op.arg(n) is None or op.arg(n).type not in ("Tensor", "Tensor?"):
                raise OpsError(f"{place}: save: '{n}' is no tensor argument of {op.full_name}")
    elif word == "out":
        op.out_rules = rest.split()
        for rule in op.out_rules:
            if rule not in OUT_RULES:
                raise OpsError(f"{place}: 'out' takes {', '.join(OUT_RULES)}; got '{rule}'")
    return (word, None)


def add_line(op, field, text):
    kind, key = field
    if kind == "expr":
        op.exprs[key] += " " + text
    elif kind == "grad":
        op.grads[key][1] += " " + text
    elif kind == "update":
        op.updates[key] += " " + text
    elif kind == "doc":
        op.doc += ("\n" if not op.doc else " ") + text
    elif kind == "alias":
        op.aliases += [a.strip() for a in text.split(",") if a.strip()]
