"""Schemes of quantized tensors, and the methods of Tensor that tell them."""

from . import _C
from ._C import Tensor


class qscheme:  # noqa: N801
    """How integers stand for numbers: with one scale, or with one for each slice of a dimension."""

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"rustorch.{self._name}"

    def __reduce__(self):
        return self._name  # pickled by name, copied as itself


per_tensor_affine = qscheme("per_tensor_affine")
per_channel_affine = qscheme("per_channel_affine")
per_tensor_symmetric = qscheme("per_tensor_symmetric")
per_channel_symmetric = qscheme("per_channel_symmetric")
per_channel_affine_float_qparams = qscheme("per_channel_affine_float_qparams")
# In the order of QScheme.
_SCHEMES = (
    per_tensor_affine,
    per_channel_affine,
    per_tensor_symmetric,
    per_channel_symmetric,
    per_channel_affine_float_qparams,
)


def scheme_of(tensor: Tensor) -> qscheme:
    """The scheme of a quantized tensor."""
    return _SCHEMES[_C.ops._qscheme(tensor)]


def parts_of(tensor: Tensor) -> tuple[object, ...]:
    """What `rebuild` makes the tensor of."""
    if scheme_of(tensor) is per_tensor_affine:
        how: tuple[object, ...] = (tensor.q_scale(), tensor.q_zero_point())
    else:
        how = (tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points(), tensor.q_per_channel_axis())
    return tensor.dtype, tuple(tensor.shape), tensor.int_repr(), how


def rebuild(dtype, shape, integers: Tensor, how) -> Tensor:
    """A quantized tensor of the parts that a pickle holds."""
    if len(how) == 2:
        made = _C.ops._empty_affine_quantized(shape, dtype=dtype, scale=how[0], zero_point=how[1])
    else:
        made = _C.ops._empty_per_channel_affine_quantized(
            shape, scales=how[0], zero_points=how[1], axis=how[2], dtype=dtype
        )
    _C.ops._integers(made).copy_(integers)
    return made


__all__ = [
    "per_channel_affine",
    "per_channel_affine_float_qparams",
    "per_channel_symmetric",
    "per_tensor_affine",
    "per_tensor_symmetric",
    "qscheme",
]
