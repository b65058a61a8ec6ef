# mypy: disable-error-code="overload-cannot-match,overload-overlap"
"""Types of the package. tools/make_stubs.py adds the submodules, dtypes and operators where `# generated` stands."""

from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Sequence
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import Any, overload

from . import _C as _C
from ._C import Generator as Generator
from ._C import Number
from ._C import Size as Size
from ._C import Tensor as Tensor
from ._C import _from_buffer as _from_buffer
from ._C import can_cast as can_cast
from ._C import default_generator as default_generator
from ._C import device as device
from ._C import dtype as dtype
from ._C import empty_cache as empty_cache
from ._C import from_numpy as from_numpy
from ._C import get_default_dtype as get_default_dtype
from ._C import get_num_threads as get_num_threads
from ._C import is_anomaly_enabled as is_anomaly_enabled
from ._C import is_grad_enabled as is_grad_enabled
from ._C import is_inference_mode_enabled as is_inference_mode_enabled
from ._C import layout as layout
from ._C import memory_format as memory_format
from ._C import memory_stats as memory_stats
from ._C import promote_types as promote_types
from ._C import reset_peak_memory_stats as reset_peak_memory_stats
from ._C import result_type as result_type
from ._C import set_default_dtype as set_default_dtype
from ._C import set_memory_limit as set_memory_limit
from ._C import set_num_threads as set_num_threads
from ._C import tensor as tensor
from .autograd.grad_mode import enable_grad as enable_grad
from .autograd.grad_mode import inference_mode as inference_mode
from .autograd.grad_mode import no_grad as no_grad
from .autograd.grad_mode import set_grad_enabled as set_grad_enabled

__version__: str
newaxis: None
PyTensor = Tensor
PyVariable = Tensor
strided: layout
sparse_coo: layout
sparse_csr: layout
sparse_csc: layout
sparse_bsr: layout
sparse_bsc: layout
contiguous_format: memory_format
legacy_contiguous_format: memory_format
preserve_format: memory_format
channels_last: memory_format
channels_last_3d: memory_format

class finfo:
    bits: _int
    eps: _float
    max: _float
    min: _float
    tiny: _float
    smallest_normal: _float
    resolution: _float
    dtype: str
    def __init__(self, type: _C.dtype | None = ...) -> None: ...

class iinfo:
    bits: _int
    max: _int
    min: _int
    dtype: str
    def __init__(self, type: _C.dtype) -> None: ...

def as_tensor(data: Any, dtype: dtype | None = ..., device: device | str | None = ...) -> Tensor: ...
def asarray(
    obj: Any,
    *,
    dtype: dtype | None = ...,
    device: device | str | None = ...,
    copy: _bool | None = ...,
    requires_grad: _bool = ...,
) -> Tensor: ...
def broadcast_shapes(*shapes: _int | Sequence[_int]) -> Size: ...
def chain_matmul(*matrices: Tensor, out: Tensor | None = ...) -> Tensor: ...
def lu(
    A: Tensor, pivot: _bool = ..., get_infos: _bool = ..., out: Sequence[Tensor] | None = ...
) -> tuple[Tensor, ...]: ...
def svd_lowrank(
    A: Tensor, q: _int | None = ..., niter: _int = ..., M: Tensor | None = ...
) -> tuple[Tensor, Tensor, Tensor]: ...
def pca_lowrank(
    A: Tensor, q: _int | None = ..., center: _bool = ..., niter: _int = ...
) -> tuple[Tensor, Tensor, Tensor]: ...
def einsum(equation: str, *operands: Any) -> Tensor: ...
def from_dlpack(ext_tensor: Any, *, device: Any = ..., copy: _bool | None = ...) -> Tensor: ...
def frombuffer(
    buffer: Any, *, dtype: dtype, count: _int = ..., offset: _int = ..., requires_grad: _bool = ...
) -> Tensor: ...
def get_num_interop_threads() -> _int: ...
def get_rng_state() -> Tensor: ...
def initial_seed() -> _int: ...
def is_complex(input: Tensor) -> _bool: ...
def is_floating_point(input: Tensor) -> _bool: ...
def is_nonzero(input: Tensor) -> _bool: ...
def is_storage(obj: Any) -> _bool: ...
def is_tensor(obj: Any) -> _bool: ...
def manual_seed(seed: _int) -> Generator: ...
def nonzero(input: Tensor, *, as_tuple: _bool = ..., out: Tensor | None = ...) -> Any: ...
def numel(input: Tensor) -> _int: ...
def seed() -> _int: ...
def set_num_interop_threads(n: _int) -> None: ...
def set_printoptions(
    precision: _int | None = ...,
    threshold: _int | None = ...,
    edgeitems: _int | None = ...,
    linewidth: _int | None = ...,
    profile: str | None = ...,
    sci_mode: _bool | None = ...,
) -> None: ...
def set_rng_state(new_state: Tensor) -> None: ...
def tensordot(a: Tensor, b: Tensor, dims: Any = ..., out: Tensor | None = ...) -> Tensor: ...
def typename(obj: Any) -> str: ...
def unique(
    input: Tensor,
    sorted: _bool = ...,
    return_inverse: _bool = ...,
    return_counts: _bool = ...,
    dim: _int | None = ...,
) -> Any: ...
def unique_consecutive(
    input: Tensor, return_inverse: _bool = ..., return_counts: _bool = ..., dim: _int | None = ...
) -> Any: ...

# generated
