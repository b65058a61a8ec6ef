"""Quantization: observers, simulated quantization for training, and models with quantized layers."""

from . import fake_quantize as fake_quantize
from . import observer as observer
from . import qconfig as qconfig
from . import stubs as stubs
from ._dynamic import *  # noqa: F403
from ._dynamic import __all__ as _dynamic_names
from .fake_quantize import *  # noqa: F403
from .fake_quantize import __all__ as _fake_names
from .fuse_modules import fuse_modules
from .observer import *  # noqa: F403
from .observer import __all__ as _observer_names
from .qconfig import *  # noqa: F403
from .qconfig import __all__ as _qconfig_names
from .quantize import *  # noqa: F403
from .quantize import __all__ as _quantize_names
from .stubs import *  # noqa: F403
from .stubs import __all__ as _stub_names

__all__ = [
    "fake_quantize",
    "fuse_modules",
    "observer",
    "qconfig",
    "stubs",
    *_dynamic_names,
    *_fake_names,
    *_observer_names,
    *_qconfig_names,
    *_quantize_names,
    *_stub_names,
]
