"""Dynamic quantization: the linear layers of a trained model by layers with int8 weights."""

from __future__ import annotations

import copy
from typing import Any

from ... import float16, nn, qint8
from ..nn.quantized import dynamic

__all__ = ["DynamicQConfig", "default_dynamic_qconfig", "float16_dynamic_qconfig", "quantize_dynamic"]


class DynamicQConfig:
    """How a layer is quantized: with weights of this dtype (qint8 or float16)."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"DynamicQConfig({self.dtype})"


default_dynamic_qconfig = DynamicQConfig(qint8)
float16_dynamic_qconfig = DynamicQConfig(float16)

_RECURRENT = (nn.LSTM, nn.GRU, nn.LSTMCell, nn.RNNCell, nn.GRUCell)


def quantize_dynamic(
    model: nn.Module, qconfig_spec: Any = None, dtype: Any = qint8, mapping: Any = None, inplace: bool = False
) -> nn.Module:
    """The model with its linear layers quantized, in evaluation mode; a copy unless `inplace`.

    qconfig_spec: a set of types or names of submodules, or a dict from them to `default_dynamic_qconfig`,
    `float16_dynamic_qconfig` or None (leave alone); what holds for a module holds for those in it. dtype: qint8 or
    float16, for a set. mapping: from types of layers to classes with `from_float`. As in PyTorch the model itself stays,
    only layers in it are exchanged. Recurrent layers are refused.

        small = quantize_dynamic(model, {nn.Linear})
    """
    if dtype is not qint8 and dtype != float16:
        raise RuntimeError(f"Unknown dtype specified for quantize_dynamic: {dtype}; expected qint8 or float16")
    how = default_dynamic_qconfig if dtype is qint8 else float16_dynamic_qconfig
    if qconfig_spec is None:
        qconfig_spec = dict.fromkeys((nn.Linear, *_RECURRENT), how)
    elif not isinstance(qconfig_spec, dict):
        qconfig_spec = dict.fromkeys(qconfig_spec, how)
    for config in qconfig_spec.values():
        if config is not None and not isinstance(config, DynamicQConfig):
            raise TypeError(f"quantize_dynamic(): unknown configuration {config!r}")
    if not inplace:
        model = copy.deepcopy(model)
    model.eval()
    _exchange(model, "", qconfig_spec, mapping or {nn.Linear: dynamic.Linear}, None)
    return model


def _exchange(module: nn.Module, name: str, spec: dict[Any, Any], mapping: dict[Any, Any], given: Any) -> None:
    given = spec.get(name, spec.get(type(module), given))
    for child_name, child in list(module.named_children()):
        full = f"{name}.{child_name}" if name else child_name
        config = spec.get(full, spec.get(type(child), given))
        if config is not None and type(child) in mapping:
            target = mapping[type(child)]
            made = (
                target.from_float(child, dtype=config.dtype) if target is dynamic.Linear else target.from_float(child)
            )
            for hook in child._forward_pre_hooks.values():
                made.register_forward_pre_hook(hook)
            for hook in child._forward_hooks.values():
                made.register_forward_hook(hook)
            setattr(module, child_name, made)
        elif config is not None and isinstance(child, _RECURRENT):
            raise NotImplementedError(
                f"quantize_dynamic(): {full} is a {type(child).__name__}, of which there is no quantized form; "
                "name the types to quantize, as in quantize_dynamic(model, {nn.Linear})"
            )
        else:
            _exchange(child, full, spec, mapping, given)
