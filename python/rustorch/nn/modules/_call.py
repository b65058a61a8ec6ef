"""Calling a module: the path without hooks, the path with hooks, and registering hooks.

`Module.__call__` tests two flags and calls `forward`; everything else is in `_call_with_hooks`.

Note [Hook tables]
The tables (`_forward_hooks`, ...) appear in a module when somebody first reads them, and reading
them sets the instance flag `_hooked`, so code that writes to a table directly works too.  When the
slow path finds every table empty it drops them and clears the flag.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import rustorch as rt
from rustorch.utils.hooks import RemovableHandle

CALL_TABLES = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
)
_NONE: dict[int, Any] = {}
_global_hooked = False
_global_forward_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_global_forward_hooks: OrderedDict[int, Any] = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_global_forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
_global_backward_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_global_backward_hooks: OrderedDict[int, Any] = OrderedDict()
_global_is_full_backward_hook: bool | None = None


def _register_global(table: OrderedDict[int, Any], hook: Any, *more: Any) -> RemovableHandle:
    global _global_hooked
    handle = RemovableHandle(table, extra_dict=list(more) or None)
    table[handle.id] = hook
    _global_hooked = True
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return _register_global(_global_forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after the forward of every module."""
    handle = _register_global(
        _global_forward_hooks,
        hook,
        _global_forward_hooks_with_kwargs,
        _global_forward_hooks_always_called,
    )
    if with_kwargs:
        _global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        _global_forward_hooks_always_called[handle.id] = True
    return handle


def _choose_global_backward(full: bool) -> None:
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook."
            " Please use only one of them."
        )
    _global_is_full_backward_hook = full


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """The older form of a backward hook, for every module."""
    _choose_global_backward(False)
    return _register_global(_global_backward_hooks, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after the backward of every module."""
    _choose_global_backward(True)
    return _register_global(_global_backward_hooks, hook)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the backward of every module."""
    return _register_global(_global_backward_pre_hooks, hook)


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


class _BackwardHooks:
    """One call of a module with full backward hooks: identity functions around its forward.

    The function on the outputs sees `grad_output` (pre-hooks run there), the one on the inputs
    sees `grad_input` (hooks run there).  Without an input that requires grad the hooks run at the
    outputs with `grad_input` of Nones.
    """

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.n_inputs = 0
        self.inputs_index: list[int] | None = None
        self.n_outputs = 0
        self.outputs_index: list[int] = []

    @staticmethod
    def _spread(values: Any, index: list[int], n: int) -> tuple[Any, ...]:
        full: list[Any] = [None] * n
        for i, v in zip(index, values):
            full[i] = v
        return tuple(full)

    def _wrap(self, kind: str, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None]:
        index = [i for i, a in enumerate(args) if isinstance(a, rt.Tensor)]
        if not (rt.is_grad_enabled() and any(args[i].requires_grad for i in index)):
            return args, None
        out = _as_tuple(_identity_class().apply(self, kind, *[args[i] for i in index]))
        new = list(args)
        for i, v in zip(index, out):
            new[i] = v
        return tuple(new), index

    def on_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        new, self.inputs_index = self._wrap("input", args)
        self.n_inputs = len(args)
        return new

    def on_outputs(self, result: Any) -> Any:
        outs = _as_tuple(result)
        index = [i for i, a in enumerate(outs) if isinstance(a, rt.Tensor)]
        self.n_outputs, self.outputs_index = len(outs), index
        new, _ = self._wrap("output", outs)
        return new if isinstance(result, tuple) else new[0]

    def run_pre(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        full = self._spread(grads, self.outputs_index, self.n_outputs)
        for hook in self.pre_hooks:
            out = hook(self.module, full)
            if out is not None:
                out = _as_tuple(out)
                if len(out) != len(full):
                    raise RuntimeError(
                        "Backward pre hook returned an invalid number of grad_output, "
                        f"got {len(out)}, but expected {len(full)}"
                    )
                full = out
        self.grad_outputs = full
        if self.inputs_index is None:
            for hook in self.hooks:
                out = hook(self.module, (None,) * self.n_inputs, full)
                if out is not None and any(g is not None for g in _as_tuple(out)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires "
                        "gradient should always return None or None for all gradients."
                    )
        return tuple(full[i] for i in self.outputs_index)

    def run(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_outputs is None:  # the outputs were not reached: nothing to report
            return grads
        index = self.inputs_index or []
        full = self._spread(grads, index, self.n_inputs)
        for hook in self.hooks:
            out = hook(self.module, full, self.grad_outputs)
            if out is not None:
                out = _as_tuple(out)
                if len(out) != len(full):
                    raise RuntimeError(
                        "Backward hook returned an invalid number of grad_input, "
                        f"got {len(out)}, but expected {len(full)}"
                    )
                full = out
        self.grad_outputs = None
        return tuple(full[i] for i in index)


_identity: Any = None


def _identity_class() -> Any:
    """The autograd function used by `_BackwardHooks`, made when first needed."""
    global _identity
    if _identity is None:
        from rustorch.autograd import Function

        class _HookIdentity(Function):  # type: ignore[misc,valid-type,unused-ignore]
            @staticmethod
            def forward(ctx: Any, owner: _BackwardHooks, kind: str, *args: Any) -> Any:
                ctx.owner, ctx.kind = owner, kind
                ctx.set_materialize_grads(False)
                ctx.mark_non_differentiable(*[a for a in args if not a.requires_grad])
                return args

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                run = ctx.owner.run if ctx.kind == "input" else ctx.owner.run_pre
                return (None, None, *run(grads))

        _identity = _HookIdentity
    return _identity


def _legacy_backward(module: Any, result: Any, args: tuple[Any, ...], hooks: list[Any]) -> None:
    """Hooks of `register_backward_hook`: they sit on the last operation of the result."""
    var = result
    while not isinstance(var, rt.Tensor):
        if isinstance(var, dict):
            var = next(v for v in var.values() if isinstance(v, rt.Tensor))
        else:
            var = var[0]
    node = var.grad_fn
    if node is not None:
        for hook in hooks:
            node.register_hook(lambda gi, go, hook=hook: hook(module, gi, go))


class CallMixin:
    """The calling half of Module."""

    forward: Any
    _hooked = False
    _is_full_backward_hook: bool | None = None
    _forward_pre_hooks: OrderedDict[int, Any]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks: OrderedDict[int, Any]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _backward_pre_hooks: OrderedDict[int, Any]
    _backward_hooks: OrderedDict[int, Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooked or _global_hooked:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _hook_table(self, name: str) -> Any:
        return self.__dict__.get(name, _NONE)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        global _global_hooked
        if self._hooked and not any(self._hook_table(t) for t in CALL_TABLES):
            for t in CALL_TABLES:
                self.__dict__.pop(t, None)
            self.__dict__["_hooked"] = False
        if _global_hooked:
            _global_hooked = bool(
                _global_forward_pre_hooks
                or _global_forward_hooks
                or _global_backward_hooks
                or _global_backward_pre_hooks
            )
        if not (self._hooked or _global_hooked):
            return self.forward(*args, **kwargs)
        called: set[int] = set()
        box: list[Any] = [args, kwargs, None]
        try:
            return self._hooked_forward(box, called)
        except Exception:
            self._run_always_called(box, called)
            raise

    def _hooked_forward(self, box: list[Any], called: set[int]) -> Any:
        args, kwargs = box[0], box[1]
        with_kwargs = self._hook_table("_forward_pre_hooks_with_kwargs")
        for key, hook in (
            *_global_forward_pre_hooks.items(),
            *self._hook_table("_forward_pre_hooks").items(),
        ):
            if key in with_kwargs:
                out = hook(self, args, kwargs)
                if out is not None:
                    if not (isinstance(out, tuple) and len(out) == 2):
                        raise RuntimeError(
                            f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {out}."
                        )
                    args, kwargs = out
            else:
                out = hook(self, args)
                if out is not None:
                    args = _as_tuple(out)
            box[0], box[1] = args, kwargs
        pre = [
            *_global_backward_pre_hooks.values(),
            *self._hook_table("_backward_pre_hooks").values(),
        ]
        full: list[Any] = []
        legacy: list[Any] = []
        if _global_backward_hooks:
            (full if _global_is_full_backward_hook else legacy).extend(_global_backward_hooks.values())
        own = self._hook_table("_backward_hooks")
        (full if self._is_full_backward_hook else legacy).extend(own.values())
        around = _BackwardHooks(self, full, pre) if full or pre else None
        if around is not None:
            args = around.on_inputs(args)
        result = self.forward(*args, **kwargs)
        box[2] = result
        result = self._run_forward_hooks(box, called)
        if around is not None:
            result = around.on_outputs(result)
        if legacy:
            _legacy_backward(self, result, args, legacy)
        return result

    def _run_forward_hooks(self, box: list[Any], called: set[int]) -> Any:
        with_kwargs = self._hook_table("_forward_hooks_with_kwargs")
        always = self._hook_table("_forward_hooks_always_called")
        for key, hook in (
            *_global_forward_hooks.items(),
            *self._hook_table("_forward_hooks").items(),
        ):
            if key in always or key in _global_forward_hooks_always_called:
                called.add(key)
            if key in with_kwargs or key in _global_forward_hooks_with_kwargs:
                out = hook(self, box[0], box[1], box[2])
            else:
                out = hook(self, box[0], box[2])
            if out is not None:
                box[2] = out
        return box[2]

    def _run_always_called(self, box: list[Any], called: set[int]) -> None:
        with_kwargs = self._hook_table("_forward_hooks_with_kwargs")
        always = self._hook_table("_forward_hooks_always_called")
        for key, hook in (
            *_global_forward_hooks.items(),
            *self._hook_table("_forward_hooks").items(),
        ):
            if key in called or not (key in always or key in _global_forward_hooks_always_called):
                continue
            try:
                if key in with_kwargs or key in _global_forward_hooks_with_kwargs:
                    out = hook(self, box[0], box[1], box[2])
                else:
                    out = hook(self, box[0], box[2])
                if out is not None:
                    box[2] = out
            except Exception as e:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception that was "
                    f"silenced as another error was raised in forward: {e}",
                    stacklevel=2,
                )

    # ---- registration -------------------------------------------------------------
    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns replaces the arguments.

        With `with_kwargs` the form is `hook(module, args, kwargs) -> None | (args, kwargs)`.
        """
        table = self._forward_pre_hooks
        kw_table = self._forward_pre_hooks_with_kwargs
        handle = RemovableHandle(table, extra_dict=kw_table)
        table[handle.id] = hook
        if with_kwargs:
            kw_table[handle.id] = True
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output.

        `with_kwargs`: `hook(module, args, kwargs, output)`.  `always_call`: also when forward
        raised, with the output None.
        """
        table = self._forward_hooks
        kw_table, always = self._forward_hooks_with_kwargs, self._forward_hooks_always_called
        handle = RemovableHandle(table, extra_dict=[kw_table, always])
        table[handle.id] = hook
        if with_kwargs:
            kw_table[handle.id] = True
        if always_call:
            always[handle.id] = True
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known.

        A returned tuple replaces `grad_output`.
        """
        table = self._backward_pre_hooks
        handle = RemovableHandle(table)
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known.

        A returned tuple replaces `grad_input`.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = True
        table = self._backward_hooks
        handle = RemovableHandle(table)
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form, kept for old programs: use `register_full_backward_hook`."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = False
        handle = RemovableHandle(self._backward_hooks)
        self._backward_hooks[handle.id] = hook
        return handle
