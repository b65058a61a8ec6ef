"""The layers, one file per family, each with the list of its names; use them through `rustorch.nn`."""

from __future__ import annotations

from . import (
    activation,
    adaptive,
    batchnorm,
    container,
    conv,
    dropout,
    linear,
    loss,
    normalization,
    padding,
    pooling,
    rnn,
    shape,
    sparse,
    transformer,
)
from .activation import *
from .adaptive import *
from .batchnorm import *
from .container import *
from .conv import *
from .dropout import *
from .linear import *
from .loss import *
from .module import Module
from .normalization import *
from .padding import *
from .pooling import *
from .rnn import *
from .shape import *
from .sparse import *
from .transformer import *

__all__ = ["Module"]
__all__ += activation.__all__
__all__ += adaptive.__all__
__all__ += batchnorm.__all__
__all__ += container.__all__
__all__ += conv.__all__
__all__ += dropout.__all__
__all__ += linear.__all__
__all__ += loss.__all__
__all__ += normalization.__all__
__all__ += padding.__all__
__all__ += pooling.__all__
__all__ += rnn.__all__
__all__ += shape.__all__
__all__ += sparse.__all__
__all__ += transformer.__all__
