"""Quantization of a trained model, module by module: prepare (observers), run some data, convert.

model.qconfig = get_default_qconfig("x86")
ready = prepare(model.eval())
ready(examples)
small = convert(ready)
"""

from __future__ import annotations

import copy
from typing import Any

from ... import nn
from ..nn import intrinsic, qat, quantized
from .fake_quantize import FakeQuantizeBase
from .stubs import DeQuantStub, QuantStub, QuantWrapper

_STATIC: dict[Any, Any] = {
    QuantStub: quantized.Quantize,
    DeQuantStub: quantized.DeQuantize,
    nn.Linear: quantized.Linear,
    nn.Conv1d: quantized.Conv1d,
    nn.Conv2d: quantized.Conv2d,
    nn.Conv3d: quantized.Conv3d,
    intrinsic.LinearReLU: quantized.LinearReLU,
    intrinsic.ConvReLU1d: quantized.ConvReLU1d,
    intrinsic.ConvReLU2d: quantized.ConvReLU2d,
    intrinsic.ConvReLU3d: quantized.ConvReLU3d,
    qat.Linear: quantized.Linear,
    qat.Conv1d: quantized.Conv1d,
    qat.Conv2d: quantized.Conv2d,
    qat.Conv3d: quantized.Conv3d,
}
_QAT: dict[Any, Any] = {
    nn.Linear: qat.Linear,
    nn.Conv1d: qat.Conv1d,
    nn.Conv2d: qat.Conv2d,
    nn.Conv3d: qat.Conv3d,
}


def get_default_static_quant_module_mappings() -> dict[Any, Any]:
    """The class that `convert` puts in the place of each class."""
    return dict(_STATIC)


def get_default_qat_module_mappings() -> dict[Any, Any]:
    """The class that `prepare_qat` puts in the place of each class."""
    return dict(_QAT)


def propagate_qconfig_(module: nn.Module, qconfig_dict: Any = None) -> None:
    """Gives each module without a qconfig that of the module around it. qconfig_dict: by full name or type."""
    _propagate(module, qconfig_dict or {}, None, "")


def _propagate(module: Any, given: Any, outer: Any, name: str) -> None:
    own = given.get(name, given.get(type(module), getattr(module, "qconfig", outer)))
    module.qconfig = own
    for child_name, child in module.named_children():
        if not isinstance(child, FakeQuantizeBase) and child_name != "activation_post_process":
            _propagate(child, given, own, f"{name}.{child_name}" if name else child_name)


def _observe_output(module: Any, x: Any, y: Any) -> Any:
    return module.activation_post_process(y)


def _add_observers(module: Any, kinds: Any) -> None:
    for child in list(module.children()):
        if type(child) in kinds and child.qconfig is not None and not isinstance(child, DeQuantStub):
            child.add_module("activation_post_process", child.qconfig.activation())
            child.register_forward_hook(_observe_output, prepend=True)
        elif not isinstance(child, FakeQuantizeBase):
            _add_observers(child, kinds)


def prepare(
    model: nn.Module,
    inplace: bool = False,
    allow_list: Any = None,
    observer_non_leaf_module_list: Any = None,
    prepare_custom_config_dict: Any = None,
) -> nn.Module:
    """The model with an observer behind every layer that `convert` can quantize and that has a qconfig."""
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    _add_observers(model, allow_list or _STATIC)
    return model


def prepare_qat(model: nn.Module, mapping: Any = None, inplace: bool = False) -> nn.Module:
    """The model, in training mode, with layers that round weights and outputs to what `convert` will hold."""
    if not model.training:
        raise AssertionError("prepare_qat only works on models in training mode")
    if not inplace:
        model = copy.deepcopy(model)
    propagate_qconfig_(model)
    _exchange(model, mapping or _QAT)
    _add_observers(model, {*_STATIC, *(mapping or _QAT).values()})
    return model


def _exchange(module: Any, mapping: Any) -> None:
    for name, child in list(module.named_children()):
        target = mapping.get(type(child))
        if target is None or (getattr(child, "qconfig", None) is None and type(child) is not DeQuantStub):
            if not isinstance(child, FakeQuantizeBase):
                _exchange(child, mapping)
            continue
        setattr(module, name, swap_module(child, mapping))


def swap_module(mod: Any, mapping: Any, custom_module_class_mapping: Any = None, use_precomputed_fake_quant: bool = False) -> Any:  # fmt: skip
    """The module that stands for mod: made by `from_float` of its class in mapping; mod itself when there is none."""
    target = mapping.get(type(mod))
    if target is None:
        return mod
    made = target.from_float(mod)
    for hook in mod._forward_pre_hooks.values():
        made.register_forward_pre_hook(hook)
    for hook in mod._forward_hooks.values():
        if hook is not _observe_output:
            made.register_forward_hook(hook)
    return made


def convert(
    module: nn.Module,
    mapping: Any = None,
    inplace: bool = False,
    remove_qconfig: bool = True,
    is_reference: bool = False,
    convert_custom_config_dict: Any = None,
    use_precomputed_fake_quant: bool = False,
) -> nn.Module:
    """The model with quantized layers in the place of those that were observed."""
    if is_reference:
        raise NotImplementedError("convert(): reference modules are not there; leave out is_reference")
    if not inplace:
        module = copy.deepcopy(module)
    _exchange(module, mapping or _STATIC)
    if remove_qconfig:
        for part in module.modules():
            if hasattr(part, "qconfig"):
                del part.qconfig
    return module


def add_quant_dequant(module: nn.Module) -> nn.Module:
    """Puts each leaf that has a qconfig into a QuantWrapper."""
    children = list(module.named_children())
    if not children and getattr(module, "qconfig", None):
        return QuantWrapper(module)
    for name, child in children:
        setattr(module, name, add_quant_dequant(child))
    return module


def quantize(model: nn.Module, run_fn: Any, run_args: Any, mapping: Any = None, inplace: bool = False) -> nn.Module:
    """prepare, run_fn(model, *run_args), convert."""
    model = prepare(model if inplace else copy.deepcopy(model), inplace=True)
    model.eval()
    run_fn(model, *run_args)
    return convert(model, mapping, inplace=True)


def quantize_qat(model: nn.Module, run_fn: Any, run_args: Any, inplace: bool = False) -> nn.Module:
    """prepare_qat, run_fn(model, *run_args), convert."""
    model = model if inplace else copy.deepcopy(model)
    model.train()
    prepare_qat(model, inplace=True)
    run_fn(model, *run_args)
    return convert(model, inplace=True)


__all__ = [
    "add_quant_dequant",
    "convert",
    "get_default_qat_module_mappings",
    "get_default_static_quant_module_mappings",
    "prepare",
    "prepare_qat",
    "propagate_qconfig_",
    "quantize",
    "quantize_qat",
    "swap_module",
]
