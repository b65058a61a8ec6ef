"""Elementwise operators over lists of tensors: foreach.add(xs, ys, alpha=2) is a tuple, foreach.add_(xs, 1) writes xs.

An operand after the first list is a list as long as it, or a number (where the operator takes one, a tensor) for all.
"""

from __future__ import annotations

from typing import Any

from . import _C, _foreach
from ._C import Tensor

_BOTH = (
    "abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min cos cosh div erf erfc exp expm1 floor frac lerp lgamma "
    "log log10 log1p log2 maximum minimum mul neg pow reciprocal round rsqrt sigmoid sign sin sinh sqrt sub tan tanh trunc"
).split()
__all__ = sorted([*_BOTH, *(f"{n}_" for n in _BOTH), "clone", "copy_", "max", "mm", "norm", "zero_"])


def _checked(inputs: Any, name: str) -> Any:
    if isinstance(inputs, Tensor) or not isinstance(inputs, (list, tuple)):
        raise TypeError(f"{name}(): argument 'inputs' must be list or tuple of Tensors, not {type(inputs).__name__}")
    if not inputs:
        raise RuntimeError("Tensor list must have at least one tensor.")
    return inputs


def _make(name: str) -> Any:
    engine = getattr(_foreach, f"_foreach_{name}")

    def function(inputs: Any, *operands: Any, **named: Any) -> Any:
        return engine(_checked(inputs, name) if name != "pow" else inputs, *operands, **named)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.rstrip('_')} of each tensor in turn" + (
        ", in place; gives the list." if name[-1] == "_" else ", as a tuple."
    )
    return function


for _name in _BOTH:
    globals()[_name] = _make(_name)
    globals()[f"{_name}_"] = _make(f"{_name}_")
del _name


def clone(inputs: Any, *, memory_format: Any = _C.preserve_format) -> tuple[Tensor, ...]:
    """A copy of each tensor."""
    return tuple(x.clone(memory_format=memory_format) for x in _checked(inputs, "clone"))


def copy_(inputs: Any, src: Any, *, non_blocking: bool = False) -> Any:
    """Writes tensors of one list into those of another."""
    if len(_checked(inputs, "copy_")) != len(src):
        raise RuntimeError(f"Tensor lists must have the same number of tensors, got {len(inputs)} and {len(src)}")
    for x, y in zip(inputs, src):
        x.copy_(y, non_blocking=non_blocking)
    return inputs


def zero_(inputs: Any) -> Any:
    """Sets all to zero."""
    for x in _checked(inputs, "zero_"):
        x.zero_()
    return inputs


def max(inputs: Any) -> tuple[Tensor, ...]:  # noqa: A001
    """The largest number of each tensor."""
    return tuple(x.max() for x in _checked(inputs, "max"))


def mm(inputs: Any, mat2: Any) -> tuple[Tensor, ...]:
    """Products of matrices in pairs."""
    if len(_checked(inputs, "mm")) != len(mat2):
        raise RuntimeError(f"Tensor lists must have the same number of tensors, got {len(inputs)} and {len(mat2)}")
    return tuple(x.mm(y) for x, y in zip(inputs, mat2))


def norm(inputs: Any, *, ord: Any = 2, dtype: Any = None) -> tuple[Tensor, ...]:  # noqa: A002
    """The vector norm of each tensor."""
    return tuple(_C.ops.linalg_vector_norm(x, ord, dtype=dtype) for x in _checked(inputs, "norm"))
