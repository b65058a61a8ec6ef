"""Dispatch keys: what PyTorch calls the parts of the way from an operator to its kernel. `_C._dispatch_keys(x)` tells those of a
tensor. This engine has no table of keys; ExcludeDispatchKeyGuard does what leaving out autograd or autocast means.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

from .. import _C

_BACKENDS = "CPU CUDA HIP XLA MPS IPU XPU HPU VE Lazy MTIA MAIA PrivateUse1 PrivateUse2 PrivateUse3 Meta".split()
_SINGLE = {"Undefined": 0, "BackendSelect": 11, "Python": 13, "FuncTorchDynamicLayerBackMode": 14, "Functionalize": 15,
           "Conjugate": 16, "Negative": 17, "ZeroTensor": 18, "ADInplaceOrView": 19, "AutogradOther": 20,
           "AutogradNestedTensor": 22, "AutocastCPU": 24, "AutocastXPU": 27, "AutocastIPU": 28, "AutocastHPU": 29,
           "AutocastMPS": 31, "AutocastCUDA": 32, "AutocastPrivateUse1": 33, "FuncTorchBatched": 34, "FuncTorchVmapMode": 36,
           "FuncTorchGradWrapper": 39, "PythonTLSSnapshot": 41, "FuncTorchDynamicLayerFrontMode": 42, "PreDispatch": 45,
           "PythonDispatcher": 46}  # fmt: skip
# Keys that exist for each backend: name, its number, the first of its block, what stands before the backend's name.
_BLOCKS = (("Dense", 1, 48, ""), ("Quantized", 5, 65, "Quantized"), ("Sparse", 8, 82, "Sparse"),
           ("SparseCsr", 9, 99, "SparseCsr"), ("NestedTensor", 10, 116, "NestedTensor"),
           ("AutogradFunctionality", 21, 133, "Autograd"))  # fmt: skip
_ALIASES = {"Autograd": 150, "CompositeImplicitAutograd": 151, "FuncTorchBatchedDecomposition": 152,
            "CompositeImplicitAutogradNestedTensor": 153, "CompositeExplicitAutograd": 154,
            "CompositeExplicitAutogradNonFunctional": 155}  # fmt: skip


def _members() -> dict[str, int]:
    found = dict(_SINGLE)
    for name, number, start, prefix in _BLOCKS:
        found[name], found[f"StartOf{name}Backends"] = number, start
        found.update({prefix + b: start + 1 + i for i, b in enumerate(_BACKENDS)})
        found[f"EndOf{name}Backends"] = start + len(_BACKENDS)
    return {**found, **_ALIASES}


class _Key(enum.Enum):
    def __int__(self) -> int:
        return int(self.value)

    __index__ = __int__

    def __str__(self) -> str:
        return f"DispatchKey.{self.name}"


DispatchKey: Any = _Key("DispatchKey", _members(), module=__name__)
DispatchKey.__doc__ = "The keys, with PyTorch's names and numbers."
_BACKEND_BITS = (1 << len(_BACKENDS)) - 1


def _bits(key: Any) -> int:
    value = int(key)
    for _, number, start, _ in _BLOCKS:
        if start < value <= start + len(_BACKENDS):
            return 1 << (15 + number) | 1 << (value - start - 1)
    return 1 << (15 + value) if 0 < value < 48 else 0


class DispatchKeySet:
    """A set of keys. As in PyTorch backends and the rest are kept apart: a set with CPU, CUDA and AutogradCPU also has
    AutogradCUDA."""

    def __init__(self, key: Any) -> None:
        self._raw = _bits(key)

    @classmethod
    def from_raw_repr(cls, raw: int) -> DispatchKeySet:
        """The set of a number that raw_repr() gave."""
        made = object.__new__(cls)
        made._raw = int(raw)
        return made

    def raw_repr(self) -> int:
        """The set as bits."""
        return self._raw

    def has(self, key: Any) -> bool:
        """Whether the key is in."""
        return self._raw & _bits(key) == _bits(key)

    def add(self, key: Any) -> DispatchKeySet:
        """A set with the key."""
        return self.from_raw_repr(self._raw | _bits(key))

    def remove(self, key: Any) -> DispatchKeySet:
        """A set without the key."""
        return self - DispatchKeySet(key)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return self.from_raw_repr(self._raw | other._raw)

    def __and__(self, other: DispatchKeySet) -> DispatchKeySet:
        return self.from_raw_repr(self._raw & other._raw)

    def __sub__(self, other: DispatchKeySet) -> DispatchKeySet:
        return self.from_raw_repr(self._raw & (_BACKEND_BITS | ~other._raw))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DispatchKeySet) and self._raw == other._raw

    def __hash__(self) -> int:
        return hash(self._raw)

    def _keys(self) -> Iterator[Any]:
        blocks = {number: (start, prefix) for _, number, start, prefix in _BLOCKS}
        singles = {v: k for k, v in _SINGLE.items()}
        for number in range(1, 47):
            if not self._raw >> (15 + number) & 1:
                continue
            if number in blocks:
                for i, backend in enumerate(_BACKENDS):
                    if self._raw >> i & 1:
                        yield DispatchKey[blocks[number][1] + backend]
            elif number in singles:
                yield DispatchKey[singles[number]]

    def highestPriorityTypeId(self) -> Any:  # noqa: N802
        """The key that comes first on the way."""
        keys = list(self._keys())
        top = (self._raw >> 16).bit_length()  # the number of the highest functionality
        start = next((s for _, n, s, _ in _BLOCKS if n == top), None)
        if start is not None and not self._raw & _BACKEND_BITS:
            return DispatchKey(start)
        return keys[-1] if keys else DispatchKey.Undefined

    def __repr__(self) -> str:
        return f"DispatchKeySet({', '.join(k.name for k in self._keys())})"


_DEVICES = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS", "meta": "Meta"}


def dispatch_keys(tensor: Any) -> DispatchKeySet:
    """The keys that a call with the tensor goes through."""
    backend = _DEVICES.get(tensor.device.type, "PrivateUse1")
    prefix = {"sparse_coo": "Sparse", "strided": ""}.get(str(tensor.layout).rsplit(".", 1)[-1], "SparseCsr")
    names = [prefix + backend]
    if tensor.layout == _C.strided:
        names += [n for n, on in (("Conjugate", tensor.is_conj()), ("Negative", tensor.is_neg())) if on]
    if not tensor.is_inference():
        names += ["ADInplaceOrView", f"Autograd{backend}"]
    if f"Autocast{backend}" in _SINGLE:
        names.append(f"Autocast{backend}")
    keys = DispatchKeySet(DispatchKey.Undefined)
    for name in names:
        keys = keys.add(DispatchKey[name])
    return keys


def dispatch_key_name(key: Any) -> str:
    """The name of a key."""
    return str(key.name)


def dispatch_key_parse(name: str) -> Any:
    """The key of a name."""
    if name not in DispatchKey.__members__:
        raise RuntimeError(f"could not parse dispatch key: {name}")
    return DispatchKey[name]


class ExcludeDispatchKeyGuard:
    """Inside of `with`, calls go without these keys: without Autograd nothing is recorded, without Autocast dtypes stay. The
    other keys name steps that this engine does not have."""

    def __init__(self, keys: DispatchKeySet) -> None:
        self._keys = keys
        self._before: list[tuple[Any, Any]] = []

    def __enter__(self) -> None:
        if self._keys._raw >> (15 + 21) & 1 and _C.is_grad_enabled():
            self._before.append((_C._set_grad_enabled, True))
            _C._set_grad_enabled(False)
        for device, backend in _DEVICES.items():
            name = f"Autocast{backend}"
            if name in _SINGLE and self._keys.has(DispatchKey[name]) and _C._amp.is_enabled(device):
                self._before.append((lambda on, device=device: _C._amp.set_enabled(device, on), True))
                _C._amp.set_enabled(device, False)

    def __exit__(self, *exc: object) -> None:
        while self._before:
            restore, value = self._before.pop()
            restore(value)
