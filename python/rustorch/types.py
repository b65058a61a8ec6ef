"""Types for annotations."""

import builtins
import os
from collections.abc import Sequence
from typing import Any, TypeAlias, Union

from . import _C
from ._C import Size as _size  # noqa: N811
from ._C import Tensor
from ._C import device as _device
from ._C import dtype as _dtype
from ._C import layout as _layout

Number: TypeAlias = Union[int, float, bool]
Device: TypeAlias = Union[_device, str, int, None]
FileLike: TypeAlias = Union[str, os.PathLike, Any]
Storage: TypeAlias = Any
_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_TensorOrTensors: TypeAlias = Union[Tensor, Sequence[Tensor]]
_Number = (int, float, bool)
_qscheme = type(_C.strided)

__all__ = ["Number", "Device", "FileLike", "Storage"]
assert _size and _dtype and _layout
