"""The stored calls of tests/golden/ops.zip: how they are written and read.

The archive holds `index.json`, a list of calls, and `data`, the bytes of all tensors one after the other. A call is
`{"op": path, "args": .., "kwargs": .., "out": .., "grad": .., "grad2": .., "inplace": name}`. Values are JSON, with
    {"t": [dtype, shape, offset, requires_grad]}   a tensor, row-major
    {"l": [..]} / {"u": [..]}                      list / tuple
    {"c": [re, im]}  {"s": [a, b, c]}  {"d": name}  {"e": 1}    complex, slice, dtype, Ellipsis
`grad` are the gradients of the tensors that require one, in order, for the cotangent of `cotangent` with shift 0;
`grad2` those of the first gradients that have a history, for shift 1.
"""

import json
import math
import pathlib
import zipfile

ITEM = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
        "complex64": 8, "complex128": 16}  # fmt: skip


class NotStorable(Exception):
    """A value that this format has no place for."""


class Writer:
    """Collects the bytes of tensors; `raw(tensor)` gives those of one."""

    def __init__(self, raw, torch):
        self.raw, self.torch, self.data, self.known = raw, torch, bytearray(), {}

    def put(self, value):
        torch = self.torch
        if isinstance(value, torch.Tensor):
            name = str(value.dtype).removeprefix("torch.")
            if name not in ITEM:
                raise NotStorable(name)
            raw = self.raw(value)
            if raw not in self.known:
                self.known[raw] = len(self.data)
                self.data += raw
            return {"t": [name, list(value.shape), self.known[raw], int(value.requires_grad and value.is_leaf)]}
        if isinstance(value, bool) or value is None or isinstance(value, (int, float, str)):
            return value
        if isinstance(value, complex):
            return {"c": [value.real, value.imag]}
        if isinstance(value, slice):
            return {"s": [value.start, value.stop, value.step]}
        if value is Ellipsis:
            return {"e": 1}
        if isinstance(value, torch.dtype):
            return {"d": str(value).removeprefix("torch.")}
        if isinstance(value, (list, torch.Size)):
            return {"l": [self.put(v) for v in value]}
        if isinstance(value, tuple):
            return {"u": [self.put(v) for v in value]}
        if isinstance(value, dict):
            return {"k": {k: self.put(v) for k, v in value.items()}}
        raise NotStorable(type(value).__name__)

    def save(self, path, entries):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as z:
            for name, content in (
                ("index.json", json.dumps(entries, separators=(",", ":"))),
                ("data", bytes(self.data)),
            ):
                z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_LZMA)
        return pathlib.Path(path).stat().st_size


class Reader:
    """The calls, with tensors made by the framework `rt`."""

    def __init__(self, path, rt):
        self.rt = rt
        with zipfile.ZipFile(path) as z:
            self.entries, self.data = json.loads(z.read("index.json")), bytearray(z.read("data"))

    def get(self, value):
        rt = self.rt
        if isinstance(value, dict):
            (kind, v), *_ = value.items()
            if kind == "t":
                name, shape, offset, needs_grad = v
                count = math.prod(shape)
                dtype = getattr(rt, name)
                if count == 0:
                    t = rt.empty(shape, dtype=dtype)
                else:
                    raw = self.data[offset : offset + count * ITEM[name]]
                    t = rt.frombuffer(raw, dtype=dtype).clone().reshape(shape)
                return t.requires_grad_() if needs_grad else t
            if kind == "l":
                return [self.get(x) for x in v]
            if kind == "u":
                return tuple(self.get(x) for x in v)
            if kind == "k":
                return {k: self.get(x) for k, x in v.items()}
            if kind == "c":
                return complex(*v)
            if kind == "s":
                return slice(*v)
            if kind == "d":
                return getattr(rt, v)
            return Ellipsis
        return value


def resolve(library, path):
    """What `path` names in the library, or None."""
    target = library
    for part in path.split("."):
        target = getattr(target, part, None)
    return target


def tensors(library, value):
    """All tensors of a structure, in order."""
    if isinstance(value, library.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [t for v in parts for t in tensors(library, v)]


def cotangent(rt, t, shift):
    """A fixed tensor of t's shape and dtype: cos(0.7 i + shift), with i sin(0.3 i + shift) where complex."""
    n = t.numel()
    w = rt.tensor([math.cos(i * 0.7 + shift) for i in range(n)], dtype=rt.float64)
    if t.dtype.is_complex:
        w = rt.complex(w, rt.tensor([math.sin(i * 0.3 + shift) for i in range(n)], dtype=rt.float64))
    return w.reshape(t.shape).to(t.dtype)
