"""rustorch.utils: data loading (`utils.data`), hook handles, checkpointing and DLPack, loaded when used."""

from __future__ import annotations

from typing import Any

_SUBMODULES = (
    "_pytree", "benchmark", "checkpoint", "data", "deterministic", "dlpack", "flop_counter", "hooks", "model_zoo", "throughput_benchmark", "weak",
)  # fmt: skip


def set_module(obj: Any, mod: str) -> None:
    """Says that an object belongs to the module `mod`, for printing."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def swap_tensors(t1: Any, t2: Any) -> None:
    """Exchanges what two tensors are: values, shape, dtype, gradient, attributes and class."""
    from rustorch import Tensor

    for t in (t1, t2):
        if not isinstance(t, Tensor):
            raise TypeError(f"swap_tensors(): expected tensors; got {type(t).__name__}")
        if not t.is_leaf:
            raise RuntimeError("Cannot swap a tensor that takes part in a graph; hint: detach() it first")
    kinds, grads, wants = (type(t1), type(t2)), (t1.grad, t2.grad), (t1.requires_grad, t2.requires_grad)
    values = t1.detach(), t2.detach()
    dicts = [getattr(t, "__dict__", {}).copy() for t in (t1, t2)]
    for t, value, grad, wanted, notes in ((t1, values[1], grads[1], wants[1], dicts[1]), (t2, values[0], grads[0], wants[0], dicts[0])):  # fmt: skip
        t.grad = None
        t.requires_grad_(False)
        t.data = value
        t.requires_grad_(wanted)
        t.grad = grad
        if hasattr(t, "__dict__"):
            t.__dict__.clear()
            t.__dict__.update(notes)
    if kinds[0] is not kinds[1]:
        t1.__class__, t2.__class__ = kinds[1], kinds[0]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    if name == "ThroughputBenchmark":
        from .throughput_benchmark import ThroughputBenchmark

        return ThroughputBenchmark
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_SUBMODULES]
