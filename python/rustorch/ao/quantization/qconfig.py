"""QConfig: which observers (or fake quantization) a layer gets for its outputs and its weights."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from ... import nn, per_channel_symmetric, per_tensor_symmetric, qint8, quint8
from .fake_quantize import (
    FusedMovingAvgObsFakeQuantize,
    default_fake_quant,
    default_fused_act_fake_quant,
    default_fused_per_channel_wt_fake_quant,
    default_fused_wt_fake_quant,
    default_per_channel_weight_fake_quant,
    default_weight_fake_quant,
)
from .observer import (
    HistogramObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    default_debug_observer,
    default_observer,
    default_per_channel_weight_observer,
    default_weight_observer,
)


class QConfig(namedtuple("QConfig", ["activation", "weight"])):
    """Makers of the modules that observe (or round) outputs and weights: classes, or what their `with_args` gives."""

    __slots__ = ()

    def __new__(cls, activation: Any, weight: Any) -> QConfig:
        if isinstance(activation, nn.Module) or isinstance(weight, nn.Module):
            raise ValueError(
                "QConfig received observer instance, please pass observer class instead. "
                "Use MyObserver.with_args(x=1) to override arguments to constructor if needed"
            )
        return super().__new__(cls, activation, weight)


default_qconfig = QConfig(default_observer, default_weight_observer)
default_debug_qconfig = QConfig(default_debug_observer, default_weight_observer)
default_per_channel_qconfig = QConfig(default_observer, default_per_channel_weight_observer)
default_weight_only_qconfig = QConfig(nn.Identity, default_weight_fake_quant)
default_activation_only_qconfig = QConfig(default_fake_quant, nn.Identity)
default_qat_qconfig = QConfig(default_fake_quant, default_weight_fake_quant)
default_qat_qconfig_v2 = QConfig(default_fused_act_fake_quant, default_fused_wt_fake_quant)


def get_default_qconfig(backend: str = "x86", version: int = 0) -> QConfig:
    """The observers for a backend: "x86", "fbgemm", "onednn" (one scale for each row of weights) or "qnnpack"."""
    if backend in ("x86", "fbgemm"):
        return QConfig(HistogramObserver.with_args(reduce_range=True), default_per_channel_weight_observer)
    if backend == "qnnpack":
        return QConfig(HistogramObserver.with_args(reduce_range=False), default_weight_observer)
    if backend == "onednn":
        return QConfig(HistogramObserver.with_args(reduce_range=False), default_per_channel_weight_observer)
    raise AssertionError(f"unknown backend {backend!r}; expected x86, fbgemm, qnnpack or onednn")


def get_default_qat_qconfig(backend: str = "x86", version: int = 1) -> QConfig:
    """The same for training with fake quantization."""
    if backend not in ("x86", "fbgemm", "qnnpack", "onednn"):
        raise AssertionError(f"unknown backend {backend!r}; expected x86, fbgemm, qnnpack or onednn")
    reduce = backend in ("x86", "fbgemm")
    if version == 0:
        weight = default_weight_fake_quant if backend == "qnnpack" else default_per_channel_weight_fake_quant
        activation = default_fake_quant.with_args(reduce_range=reduce)
        return QConfig(activation, weight)
    activation = FusedMovingAvgObsFakeQuantize.with_args(
        observer=MovingAverageMinMaxObserver, quant_min=0, quant_max=255, reduce_range=reduce, dtype=quint8
    )
    if backend == "qnnpack":
        return QConfig(activation, default_fused_wt_fake_quant)
    return QConfig(activation, default_fused_per_channel_wt_fake_quant)


default_symmetric_qnnpack_qconfig = QConfig(
    HistogramObserver.with_args(dtype=qint8, reduce_range=False, eps=2**-12),
    default_weight_observer.with_args(quant_min=-127, quant_max=127, eps=2**-12),
)
default_per_channel_symmetric_qnnpack_qconfig = QConfig(
    HistogramObserver.with_args(dtype=qint8, reduce_range=False, eps=2**-12),
    default_per_channel_weight_observer.with_args(quant_min=-127, quant_max=127, eps=2**-12),
)
default_symmetric_qnnpack_qat_qconfig = QConfig(
    FusedMovingAvgObsFakeQuantize.with_args(
        observer=MovingAverageMinMaxObserver, quant_min=-128, quant_max=127, dtype=qint8, reduce_range=False, eps=2**-12
    ),
    FusedMovingAvgObsFakeQuantize.with_args(
        observer=MovingAverageMinMaxObserver, quant_min=-127, quant_max=127, dtype=qint8, qscheme=per_tensor_symmetric,
        eps=2**-12,
    ),
)  # fmt: skip
default_per_channel_symmetric_qnnpack_qat_qconfig = QConfig(
    default_symmetric_qnnpack_qat_qconfig.activation,
    FusedMovingAvgObsFakeQuantize.with_args(
        observer=MovingAveragePerChannelMinMaxObserver, quant_min=-127, quant_max=127, dtype=qint8,
        qscheme=per_channel_symmetric, eps=2**-12,
    ),
)  # fmt: skip

__all__ = [
    "QConfig",
    "default_activation_only_qconfig",
    "default_debug_qconfig",
    "default_per_channel_qconfig",
    "default_per_channel_symmetric_qnnpack_qat_qconfig",
    "default_per_channel_symmetric_qnnpack_qconfig",
    "default_qat_qconfig",
    "default_qat_qconfig_v2",
    "default_qconfig",
    "default_symmetric_qnnpack_qat_qconfig",
    "default_symmetric_qnnpack_qconfig",
    "default_weight_only_qconfig",
    "get_default_qat_qconfig",
    "get_default_qconfig",
]
