"""Products of 8-bit floats that carry scales: scaled_mm and its relatives.

A matrix of 8-bit floats stands for itself times its scales. They are one number for all (TensorWise), one for each row of the
first and each column of the second operand (RowWise), or one for each block of 128 numbers along the dimension that is summed
(BlockWise1x128; BlockWise128x128: for squares). The sums are taken in float32.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from rustorch import _C, Tensor

_FLOAT8 = (_C.float8_e4m3fn, _C.float8_e5m2, _C.float8_e4m3fnuz, _C.float8_e5m2fnuz)


class ScalingType(enum.Enum):
    """How many numbers share a scale."""

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(enum.Enum):
    """The order of the scales in memory; devices other than CUDA know NO_SWIZZLE only."""

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1
    SWIZZLE_32_8 = 2


def _one(value: Any, what: str) -> Any:
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            raise ValueError(
                f"scaled_mm(): one {what} for an operand; got {len(value)} (two levels of scales are for 4-bit floats)"
            )
        return value[0]
    return value


def _count(scale: Tensor, wanted: int, name: str, kind: str) -> Tensor:
    if scale.dtype != _C.float32 or scale.numel() != wanted:
        element = "element" if wanted == 1 else "elements"
        raise ValueError(
            f"For {kind} scaling {name} must have {wanted} Float {element}; got {scale.numel()} of {scale.dtype}"
        )
    return scale.detach()


def _real(x: Tensor, scale: Tensor, recipe: Any, name: str) -> Tensor:
    """The numbers that rows of 8-bit floats stand for; the last dimension is the one that is summed."""
    rows, k = x.shape[-2], x.shape[-1]
    wide = x.to(_C.float32)
    if recipe is ScalingType.TensorWise:
        return wide * _count(scale, 1, name, "tensorwise").reshape(())
    if recipe is ScalingType.RowWise:
        return wide * _count(scale, rows, name, "rowwise").reshape(rows, 1)
    blocks = -(-k // 128)
    if recipe is ScalingType.BlockWise1x128:
        each = _count(scale, rows * blocks, name, "blockwise").reshape(rows, blocks)
    elif recipe is ScalingType.BlockWise128x128:
        tall = -(-rows // 128)
        each = _count(scale, tall * blocks, name, "blockwise").reshape(tall, blocks)
        each = each.repeat_interleave(128, 0)[:rows]
    else:
        raise ValueError(
            f"scaled_mm(): {recipe} is for 4-bit floats and scales of 8 bits; hint: TensorWise, RowWise or BlockWise1x128"
        )
    return wide * each.repeat_interleave(128, 1)[:, :k]


def _check(
    a: Tensor, b: Tensor, recipes: Sequence[Any], swizzles: Sequence[Any], contraction_dim: Sequence[int]
) -> None:
    if a.dtype not in _FLOAT8 or b.dtype not in _FLOAT8:
        raise ValueError(
            f"Expected both inputs to be fp8 or fp4 types but got mat_a.dtype={a.dtype} and mat_b.dtype={b.dtype}"
        )
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0]:
        shown = " and ".join("x".join(map(str, t.shape)) for t in (a, b))
        raise ValueError(f"mat_a and mat_b shapes cannot be multiplied ({shown})")
    if (recipes[0] is ScalingType.TensorWise) != (recipes[1] is ScalingType.TensorWise) or (
        (recipes[0] is ScalingType.RowWise) != (recipes[1] is ScalingType.RowWise)
    ):
        raise ValueError(f"Invalid scaling configuration: unsupported recipe(s). Got {recipes[0]} and {recipes[1]}")
    if any(s not in (None, SwizzleType.NO_SWIZZLE) for s in swizzles):
        raise ValueError("scaled_mm(): scales in swizzled order are for CUDA; expected NO_SWIZZLE")
    if tuple(d % 2 for d in contraction_dim) not in ((), (1, 0)):
        raise ValueError(f"scaled_mm(): contraction_dim must be empty or (1, 0); got {tuple(contraction_dim)}")


def _product(
    a: Tensor, b: Tensor, scales: Sequence[Any], recipes: Sequence[Any], swizzles: Sequence[Any], dims: Sequence[int]
) -> Tensor:
    kinds = [_one(r, "recipe") for r in recipes]
    _check(a, b, kinds, [_one(s, "swizzle") if s else s for s in swizzles], dims)
    left = _real(a, _one(scales[0], "scale"), kinds[0], "scale_a")
    right = _real(b.t(), _one(scales[1], "scale"), kinds[1], "scale_b")
    return left @ right.t()


def scaled_mm(
    mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any, swizzle_a: Any = None,
    swizzle_b: Any = None, bias: Tensor | None = None, output_dtype: Any = _C.bfloat16, contraction_dim: Sequence[int] = (),
    use_fast_accum: bool = False,
) -> Tensor:  # fmt: skip
    """mat_a @ mat_b + bias of 8-bit floats with scales, in output_dtype (None: that of mat_a)."""
    scales, recipes = (scale_a, scale_b), (scale_recipe_a, scale_recipe_b)
    result = _product(mat_a, mat_b, scales, recipes, (swizzle_a, swizzle_b), contraction_dim)
    if bias is not None:
        result = result + bias.to(_C.float32)
    return result.to(mat_a.dtype if output_dtype is None else output_dtype)


def _accumulated(
    input: Tensor, mat1: Tensor, mat2: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any,  # noqa: A002
    swizzle_a: Any = None, swizzle_b: Any = None, contraction_dim: Sequence[int] = (), use_fast_accum: bool = False,
    *, beta: float = 1.0, alpha: float = 1.0,
) -> Tensor:  # fmt: skip
    scales, recipes = (scale_a, scale_b), (scale_recipe_a, scale_recipe_b)
    result = _product(mat1, mat2, scales, recipes, (swizzle_a, swizzle_b), contraction_dim)
    if input.shape != result.shape or input.dtype not in (_C.float16, _C.bfloat16, _C.float32):
        raise ValueError(
            f"scaled_addmm(): input must be float16, bfloat16 or float32 of the shape {tuple(result.shape)}; got {input.dtype} of "
            f"the shape {tuple(input.shape)}"
        )
    return (result * alpha if beta == 0 else input.to(_C.float32) * beta + result * alpha).to(input.dtype)


def scaled_addmm(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: A002
    """beta * input + alpha * scaled_mm(mat1, mat2, ...), in the dtype of input."""
    return _accumulated(input, *args, **kwargs)


def scaled_addmm_(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: A002
    """scaled_addmm() that writes to input."""
    return input.copy_(_accumulated(input, *args, **kwargs))


def scaled_grouped_mm(
    mat_a: Tensor, mat_b: Tensor, scale_a: Any, scale_recipe_a: Any, scale_b: Any, scale_recipe_b: Any, swizzle_a: Any = None,
    swizzle_b: Any = None, bias: Tensor | None = None, offs: Tensor | None = None, output_dtype: Any = _C.bfloat16,
    contraction_dim: Sequence[int] = (), use_fast_accum: bool = False,
) -> Tensor:  # fmt: skip
    """Several scaled_mm() of rows that belong together: mat_a holds rows of all groups, which end at offs, mat_b a matrix for
    each group; scales are RowWise. With a mat_a of three dimensions there is one product for each of its matrices."""
    if (
        _one(scale_recipe_a, "recipe") is not ScalingType.RowWise
        or _one(scale_recipe_b, "recipe") is not ScalingType.RowWise
    ):
        raise ValueError("scaled_grouped_mm(): scales must be RowWise")
    if bias is not None:
        raise RuntimeError("scaled_grouped_mm(): bias is not supported")
    sa, sb, dtype = _one(scale_a, "scale"), _one(scale_b, "scale"), output_dtype or _C.bfloat16
    kind = ScalingType.RowWise
    if mat_b.dim() != 3 or mat_a.dim() not in (2, 3) or (mat_a.dim() == 2) != (offs is not None):
        raise RuntimeError(
            "scaled_grouped_mm(): expected matrices mat_b, and mat_a as rows with offs or as matrices without"
        )
    swizzles = (swizzle_a, swizzle_b)
    if offs is None:
        parts = [
            _product(a, b, (x, y), (kind, kind), swizzles, contraction_dim) for a, b, x, y in zip(mat_a, mat_b, sa, sb)
        ]
        return _C.ops.stack(parts).to(dtype)
    parts, start = [], 0
    for g, end in enumerate(offs.tolist()):
        rows = slice(start, end)
        parts.append(_product(mat_a[rows], mat_b[g], (sa[rows], sb[g]), (kind, kind), swizzles, contraction_dim))
        start = end
    if start < mat_a.shape[0]:  # rows of no group
        parts.append(_C.ops.zeros((mat_a.shape[0] - start, mat_b.shape[2])))
    return _C.ops.cat(parts).to(dtype)
