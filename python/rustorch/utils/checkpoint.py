"""Activation checkpointing: forget what a function computed and compute it again in backward."""

from __future__ import annotations

from typing import Any

import rustorch as rt

__all__ = ["checkpoint", "checkpoint_sequential"]

_function: Any = None


def _function_class() -> Any:
    global _function
    if _function is None:
        from rustorch.autograd import Function

        class _Checkpoint(Function):  # type: ignore[misc,valid-type,unused-ignore]
            @staticmethod
            def forward(ctx: Any, run: Any, preserve: bool, *args: Any) -> Any:
                ctx.run = run
                ctx.state = rt.get_rng_state() if preserve else None
                ctx.tensor_at = [i for i, a in enumerate(args) if isinstance(a, rt.Tensor)]
                ctx.others = [None if isinstance(a, rt.Tensor) else a for a in args]
                ctx.save_for_backward(*[args[i] for i in ctx.tensor_at])
                with rt.no_grad():
                    return run(*args)

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                args = list(ctx.others)
                for i, t in zip(ctx.tensor_at, ctx.saved_tensors):
                    args[i] = t.detach().requires_grad_(t.requires_grad)
                now = rt.get_rng_state()
                if ctx.state is not None:
                    rt.set_rng_state(ctx.state)
                try:
                    with rt.enable_grad():
                        out = ctx.run(*args)
                finally:
                    if ctx.state is not None:
                        rt.set_rng_state(now)
                outs = (out,) if isinstance(out, rt.Tensor) else tuple(out)
                pairs = [
                    (o, g)
                    for o, g in zip(outs, grads)
                    if isinstance(o, rt.Tensor) and o.requires_grad and g is not None
                ]
                if not pairs:
                    raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
                rt.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
                return (None, None, *(a.grad if isinstance(a, rt.Tensor) else None for a in args))

        _function = _Checkpoint
    return _function


def checkpoint(
    function: Any,
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args), keeping only the inputs: it runs a second time when its gradient is wanted.

    At least one tensor argument must require grad for gradients of captured parameters to flow; a
    hidden one is added when none does.  Random numbers repeat unless `preserve_rng_state` is False.
    """
    for name in ("context_fn", "determinism_check", "debug", "early_stop"):
        kwargs.pop(name, None)

    def run(anchor: Any, *inputs: Any) -> Any:
        return function(*inputs, **kwargs)

    anchor = rt.empty(0, requires_grad=rt.is_grad_enabled())
    return _function_class().apply(run, preserve_rng_state, anchor, *args)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run a Sequential (or list) in `segments` parts, checkpointing all but the last."""
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
        input = checkpoint(part(start, start + size), input, use_reentrant=use_reentrant, **kwargs)
        start += size
    return part(start, len(steps))(input)
