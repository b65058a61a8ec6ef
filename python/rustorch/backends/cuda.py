"""Switches of PyTorch's CUDA backend, which programs set before they start. They are kept; the kernels do not read them
(see `_flags`). Which attention kernels may run is `nn.attention.sdpa_kernel`'s business."""

from __future__ import annotations

from typing import Any

from .. import _C
from ._flags import Flags

matmul = Flags(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    allow_fp16_accumulation=False,
    fp32_precision="none",
)
cufft_plan_cache = Flags(size=0, max_size=0)
_attention = Flags(flash=True, mem_efficient=True, math=True, cudnn=True)
_libraries = {"linalg": "default", "blas": "default"}


def is_built() -> bool:
    """Whether this build has a CUDA backend."""
    return bool(_C._is_built("cuda"))


def flash_sdp_enabled() -> bool:
    """The switch of enable_flash_sdp."""
    return bool(_attention.flash)


def enable_flash_sdp(enabled: bool) -> None:
    """Kept; there is one attention kernel, which needs no choice."""
    _attention.flash = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """The switch of enable_mem_efficient_sdp."""
    return bool(_attention.mem_efficient)


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Kept; there is one attention kernel, which needs no choice."""
    _attention.mem_efficient = bool(enabled)


def math_sdp_enabled() -> bool:
    """The switch of enable_math_sdp."""
    return bool(_attention.math)


def enable_math_sdp(enabled: bool) -> None:
    """Kept; there is one attention kernel, which needs no choice."""
    _attention.math = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """The switch of enable_cudnn_sdp."""
    return bool(_attention.cudnn)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Kept; there is one attention kernel, which needs no choice."""
    _attention.cudnn = bool(enabled)


def is_flash_attention_available() -> bool:
    """False: PyTorch's flash-attention library is not part of this build."""
    return False


def _library(kind: str, backend: Any) -> str:
    if backend is not None:
        _libraries[kind] = str(backend)
    return _libraries[kind]


def preferred_linalg_library(backend: Any = None) -> str:
    """The library that a program asked for; kept, LAPACK's provider is chosen elsewhere."""
    return _library("linalg", backend)


def preferred_blas_library(backend: Any = None) -> str:
    """The library that a program asked for; kept."""
    return _library("blas", backend)
