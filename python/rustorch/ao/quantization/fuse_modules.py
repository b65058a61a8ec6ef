"""Joins layers that follow each other: batch norms into the weights before them, ReLUs to the layer before them."""

from __future__ import annotations

import copy
from typing import Any

from ... import nn
from ...nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from ..nn import intrinsic

_WITH_RELU = {
    nn.Conv1d: intrinsic.ConvReLU1d,
    nn.Conv2d: intrinsic.ConvReLU2d,
    nn.Conv3d: intrinsic.ConvReLU3d,
    nn.Linear: intrinsic.LinearReLU,
}
_NORMS = {nn.Conv1d: nn.BatchNorm1d, nn.Conv2d: nn.BatchNorm2d, nn.Conv3d: nn.BatchNorm3d, nn.Linear: nn.BatchNorm1d}


def _joined(layers: list[Any]) -> Any:
    first = layers[0]
    kind = type(first)
    rest = [type(layer) for layer in layers[1:]]
    if kind not in _WITH_RELU or rest not in ([nn.ReLU], [_NORMS[kind]], [_NORMS[kind], nn.ReLU]):
        names = ", ".join(type(layer).__name__ for layer in layers)
        raise NotImplementedError(f"Cannot fuse modules: ({names})")
    if any(layer.training for layer in layers) and nn.ReLU not in rest[:1]:
        raise NotImplementedError("fuse_modules(): batch norms are folded in evaluation mode; call eval() first")
    layer = first
    if rest[0] is _NORMS[kind]:
        layer = (fuse_linear_bn_eval if kind is nn.Linear else fuse_conv_bn_eval)(first, layers[1])
    if rest[-1] is nn.ReLU:
        layer = _WITH_RELU[kind](layer, layers[-1])
        layer.training = first.training
    for hook in first._forward_pre_hooks.values():
        layer.register_forward_pre_hook(hook)
    for hook in layers[-1]._forward_hooks.values():
        layer.register_forward_hook(hook)
    return layer


def fuse_modules(
    model: nn.Module,
    modules_to_fuse: Any,
    inplace: bool = False,
    fuser_func: Any = None,
    fuse_custom_config_dict: Any = None,
) -> nn.Module:
    """The model with each list of names as one layer in the place of the first, Identity in those of the others.

    Lists: a convolution or Linear, then a batch norm (in evaluation mode), a ReLU, or both.

        fuse_modules(model, [["conv", "bn", "relu"], ["fc", "act"]])
    """
    if not inplace:
        model = copy.deepcopy(model)
    lists = [modules_to_fuse] if all(isinstance(name, str) for name in modules_to_fuse) else modules_to_fuse
    for names in lists:
        layers = [model.get_submodule(name) for name in names]
        new = fuser_func(layers) if fuser_func is not None else [_joined(layers)]
        new = list(new) + [nn.Identity() for _ in names[len(new) :]]
        for name, layer in zip(names, new, strict=True):
            outer, _, last = name.rpartition(".")
            setattr(model.get_submodule(outer), last, layer)
    return model


__all__ = ["fuse_modules"]
