"""rustorch.optim: optimizers, learning-rate schedulers (`lr_scheduler`) and weight averaging (`swa_utils`)."""

from __future__ import annotations

from typing import Any

from ._stateless import swap_in_optimizer_params_and_state
from .adafactor import Adafactor
from .adam import Adam, AdamW
from .extras import LAMB, AdaBound, Lion
from .lbfgs import LBFGS
from .muon import Muon
from .optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from .per_parameter import ASGD, Adadelta, Adagrad, Adamax, NAdam, RAdam, RMSprop, Rprop
from .sgd import SGD
from .sparse_adam import SparseAdam

_LAZY = ("functional", "lr_scheduler", "swa_utils")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "ASGD",
    "LAMB",
    "LBFGS",
    "SGD",
    "AdaBound",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SparseAdam",
    "lr_scheduler",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
    "swa_utils",
    "swap_in_optimizer_params_and_state",
]
