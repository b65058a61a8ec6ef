"""Activation checkpointing: forget what a function computed for backward, and compute it again when backward asks.

Note [Recomputation]
Without use_reentrant the function runs once under hooks that keep a place holder instead of every tensor that is saved.
When backward asks for the first of them, the function runs again, from its arguments and the same random numbers, and
the tensors that it saves, which come in the same order, fill the places; it stops after the last one. So gradients flow
to everything the function used, autograd.grad works, and checkpoints nest.
"""

from __future__ import annotations

import contextlib
import enum
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import rustorch as rt
from rustorch.autograd import Function
from rustorch.autograd.graph import _innermost, saved_tensors_hooks

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]

_early_stop: bool = True
_debug: bool | None = None


class CheckpointError(RuntimeError):
    """The second run of a function did not save the same tensors as the first."""


class _Stop(BaseException):
    """Everything that was missing is there: the second run need not go on."""


def noop_context_fn() -> tuple[Any, Any]:
    """Contexts of the first and of the second run that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether second runs of checkpoints made inside may stop as soon as everything is there (they do by default)."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Overrides the debug argument of checkpoint() inside; None leaves it."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


class DefaultDeviceType:
    """The device type whose random state is kept when no argument tells."""

    _default = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Sets it."""
        DefaultDeviceType._default = device

    @staticmethod
    def get_device_type() -> str:
        """What it is."""
        return DefaultDeviceType._default


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """Random states of the devices of the arguments. There is one generator, the CPU's, for all: both lists are empty."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Sets random states of devices; see get_device_states."""


def detach_variable(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors of a tuple cut off their history, with the same requires_grad."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(t.detach().requires_grad_(t.requires_grad) if isinstance(t, rt.Tensor) else t for t in inputs)


def check_backward_validity(inputs: Any) -> None:
    """Warns when no tensor requires grad."""
    if not any(t.requires_grad for t in inputs if isinstance(t, rt.Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


class _Surroundings:
    """What a run depends on besides its arguments: random numbers and autocast."""

    def __init__(self, preserve_rng_state: bool) -> None:
        self.rng = rt.get_rng_state() if preserve_rng_state else None
        self.autocast = (rt.is_autocast_enabled("cpu"), rt.get_autocast_dtype("cpu"), rt.is_autocast_cache_enabled())

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """As they were; the present ones return at the end."""
        enabled, dtype, cache = self.autocast
        now = rt.get_rng_state() if self.rng is not None else None
        if self.rng is not None:
            rt.set_rng_state(self.rng)
        try:
            with rt.enable_grad(), rt.autocast("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache):
                yield
        finally:
            if now is not None:
                rt.set_rng_state(now)


class CheckpointFunction(Function):  # type: ignore[misc,unused-ignore]
    """The variant with use_reentrant: one node whose backward runs the function again and a backward pass inside."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.surroundings = _Surroundings(preserve_rng_state)
        ctx.tensor_at = [i for i, a in enumerate(args) if isinstance(a, rt.Tensor)]
        ctx.others = [None if isinstance(a, rt.Tensor) else a for a in args]
        ctx.save_for_backward(*[args[i] for i in ctx.tensor_at])
        with rt.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        args = list(ctx.others)
        for i, t in zip(ctx.tensor_at, ctx.saved_tensors):
            args[i] = t
        args = list(detach_variable(tuple(args)))
        with ctx.surroundings.again():
            out = ctx.run_function(*args)
        outs = (out,) if isinstance(out, rt.Tensor) else tuple(out)
        pairs = [(o, g) for o, g in zip(outs, grads) if isinstance(o, rt.Tensor) and o.requires_grad and g is not None]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        rt.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *(a.grad if isinstance(a, rt.Tensor) else None for a in args))


class CheckpointPolicy(enum.Enum):
    """What a policy of create_selective_checkpoint_contexts says of an operator's result."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4


class SelectiveCheckpointContext:
    """What a policy is told: whether the function runs for the second time."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[Any, Any]:
    """For checkpoint(context_fn=): contexts of a policy about which results are kept. Here a policy is a wish: every
    operator runs again, so that values and gradients are the same and only the time differs.
    """
    if not callable(policy_fn_or_list) and not isinstance(policy_fn_or_list, list):
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    if isinstance(policy_fn_or_list, list):
        for op in policy_fn_or_list:
            if not callable(op):
                raise ValueError(f"Unexpected op in `create_selective_checkpoint_contexts`: {op}")
    return noop_context_fn()


class _Log(rt.overrides.TorchFunctionMode):
    """Names of the operators that run, for messages."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


class _Holder:
    """The place of a saved tensor."""

    def __init__(self, index: int) -> None:
        self.index = index


def _metadata(t: Any) -> tuple[Any, ...]:
    return tuple(t.shape), t.dtype, t.device


class _Frame:
    """One call of checkpoint(): how to run the function again, and what the second run gave."""

    def __init__(self, run: Callable[..., Any], args: tuple[Any, ...], context: Any, check: bool, early_stop: bool,
                 surroundings: _Surroundings, debug: bool) -> None:  # fmt: skip
        self.run, self.context, self.check, self.early_stop = run, context, check, early_stop
        self.surroundings = surroundings
        self.logs = [_Log(), _Log()] if debug else []
        self.holders: list[weakref.ref[_Holder]] = []
        self.saved: list[tuple[Any, ...]] = []
        self.again: dict[int, Any] = {}
        hooks = _innermost()  # those of an outer checkpoint, which then need not keep our arguments
        self.unpack_arg = hooks.unpack_hook if hooks else None
        self.args = [self._keep(a, hooks) for a in args]

    @staticmethod
    def _keep(a: Any, hooks: Any) -> tuple[Any, ...]:
        if not isinstance(a, rt.Tensor):
            return (None, a)
        if hooks is None:
            return (a._version, a)
        return (None, hooks.pack_hook(a.detach()), a.requires_grad)

    def _arguments(self) -> list[Any]:
        args = []
        for version, a, *packed in self.args:
            if packed and self.unpack_arg is not None:
                a = self.unpack_arg(a).detach().requires_grad_(packed[0])
            elif version is not None:
                if a._version != version:
                    raise RuntimeError(
                        "checkpoint(): an argument has been modified by an inplace operation since the first run"
                    )
                a = a.detach().requires_grad_(a.requires_grad)
            args.append(a)
        return args

    def pack(self, t: Any) -> _Holder:
        holder = _Holder(len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.saved.append(_metadata(t))
        return holder

    def unpack(self, holder: _Holder) -> Any:
        if holder.index not in self.again:
            self._recompute()
        if holder.index not in self.again:
            raise CheckpointError(self._explain("A different number of tensors was saved", len(self.again)))
        return self.again.pop(holder.index)

    def _explain(self, text: str, count: int) -> str:
        lines = [
            f"rustorch.utils.checkpoint: {text} during the original forward and recomputation.",
            f"Number of tensors saved during forward: {len(self.saved)}",
            f"Number of tensors saved during recomputation: {count}",
        ]
        for title, log in zip(("forward", "recomputation"), self.logs):
            lines.append(f"Operators of the {title}: {', '.join(log.names)}")
        return "\n".join(lines)

    def _recompute(self) -> None:
        self.again.clear()
        count = 0

        def pack(t: Any) -> Any:
            nonlocal count
            at, count = count, count + 1
            if at >= len(self.saved):
                if self.early_stop or not self.check:
                    return t
                raise CheckpointError(self._explain("A different number of tensors was saved", count))
            if self.check and _metadata(t) != self.saved[at]:
                raise CheckpointError(
                    f"rustorch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                    f"during the forward pass.\ntensor at position {at}: saved {self.saved[at]}, recomputed {_metadata(t)}"
                )
            if self.holders[at]() is not None:
                self.again[at] = t
            if self.early_stop and count == len(self.saved):
                raise _Stop
            return t

        arguments = self._arguments()
        log = self.logs[1] if self.logs else contextlib.nullcontext()
        hooks = saved_tensors_hooks(pack, lambda t: t)
        with self.surroundings.again(), self.context, hooks, log, contextlib.suppress(_Stop):
            self.run(*arguments)


def checkpoint(
    function: Any,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), keeping only the arguments: it runs a second time when its gradient is wanted.

    Random numbers repeat unless preserve_rng_state is False. use_reentrant=True takes the older variant, whose gradients
    need an argument that requires grad and backward(); without it (the default here) autograd.grad works too. context_fn
    gives the contexts of both runs; determinism_check="none" leaves out the comparison of shapes and dtypes.

    >>> y = rustorch.utils.checkpoint.checkpoint(block, x, use_reentrant=False)
    """
    if use_reentrant:
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'] but got {determinism_check}")
    if not rt.is_grad_enabled():
        return function(*args, **kwargs)

    def run(*inputs: Any) -> Any:
        return function(*inputs, **kwargs)

    first, second = context_fn()
    frame = _Frame(run, args, second, determinism_check == "default", early_stop and _early_stop,
                   _Surroundings(preserve_rng_state), debug if _debug is None else _debug)  # fmt: skip
    log = frame.logs[0] if frame.logs else contextlib.nullcontext()
    with first, saved_tensors_hooks(frame.pack, frame.unpack), log:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Runs a Sequential (or list) in `segments` parts, checkpointing all but the last."""
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if isinstance(functions, rt.nn.Sequential) else list(functions)
    size = len(steps) // segments

    def part(start: int, end: int) -> Any:
        def forward(x: Any) -> Any:
            for step in steps[start:end]:
                x = step(x)
            return x

        return forward

    start = 0
    for _ in range(segments - 1):
        input = checkpoint(part(start, start + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        start += size
    return part(start, len(steps))(input)
