"""torch._foreach_NAME and _foreach_NAME_: an elementwise operator (one with an in-place form) for each tensor of a list.
Libraries of optimizers call these names; the optimizers of this package have steps of their own for many tensors.

Operands after the list are lists as long as it (of tensors or numbers), or one tensor or number for all. The form with an
underscore at the end writes the tensors of the list, and gives the list.
"""

from . import _C
from ._C import Tensor

_FUNCTIONS = {"maximum": "clamp_min", "minimum": "clamp_max"}  # by the operators that also take numbers
_TERNARY = ("addcdiv", "addcmul")  # their number may be an operand here


def _rows(name, operands):
    """The operands of each tensor in turn."""
    first = operands[0] if isinstance(operands[0], (list, tuple)) else operands[1]
    count = len(first)
    if count == 0:
        raise RuntimeError(f"{name}(): Tensor list must have at least one tensor.")
    spread = []
    for part in operands:
        if isinstance(part, (list, tuple)):
            if len(part) != count:
                raise RuntimeError(
                    f"{name}(): Tensor lists must have the same number of tensors, got {count} and {len(part)}"
                )
            spread.append(part)
        else:
            spread.append([part] * count)
    return zip(*spread)


def _results(name, operands, alpha):
    function = getattr(_C.ops, _FUNCTIONS.get(name, name))
    if name in _TERNARY:
        tensors, first, second, *value = operands
        if value and isinstance(value[0], Tensor) and value[0].dim() == 1:
            value = [value[0].tolist()]
        rows = _rows(name, (tensors, first, second, *(value or (1,))))
        return (function(x, a, b, value=v.item() if isinstance(v, Tensor) else v) for x, a, b, v in rows)
    if alpha is None:
        return (function(*row) for row in _rows(name, operands))
    return (function(*row, alpha=alpha) for row in _rows(name, operands))


def __getattr__(full_name):
    prefix, _, rest = full_name.rpartition("_foreach_")
    name, inplace = rest.removesuffix("_"), rest.endswith("_")
    if prefix or not name or not (name in _FUNCTIONS or hasattr(Tensor, name + "_") and hasattr(_C.ops, name)):
        raise AttributeError(f"module '{__name__}' has no attribute '{full_name}'")

    def function(*operands, **named):
        alpha = named.pop("alpha", None)
        operands = (*operands, *named.values())
        if not inplace:
            return tuple(_results(name, operands, alpha))
        for target, result in zip(operands[0], list(_results(name, operands, alpha))):
            target.copy_(result)
        return operands[0]

    function.__name__ = function.__qualname__ = full_name
    function.__doc__ = f"{name} of each tensor of a list" + (", in place." if inplace else ".")
    return function


def _foreach_norm(self, ord=2, dtype=None):
    """The vector norm of each tensor."""
    return tuple(_C.ops.linalg_vector_norm(x, ord, dtype=dtype) for x in self)


def _foreach_max(self):
    """The largest element of each tensor."""
    return tuple(x.max() for x in self)


def _foreach_mm(self, mat2):
    """The matrix product of each pair."""
    return tuple(_C.ops.mm(x, y) for x, y in _rows("mm", (self, mat2)))


def _foreach_clone(self, *, memory_format=None):
    """A copy of each tensor."""
    return tuple(x.clone() if memory_format is None else x.clone(memory_format=memory_format) for x in self)


def _foreach_copy_(self, src, non_blocking=False):
    """Copies each tensor of src into its partner."""
    for x, y in _rows("copy_", (self, src)):
        x.copy_(y)
    return self


def _foreach_zero_(self):
    """Sets every element to 0."""
    for x in self:
        x.zero_()
    return self
