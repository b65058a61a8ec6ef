"""Optimizer: parameter groups, per-parameter state, state_dict and hooks.

State is kept per parameter object; `state_dict` numbers the parameters in the order of the groups,
in PyTorch's form, so that files can be exchanged both ways.  Not safe for several threads.
"""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import rustorch as rt
from rustorch import Tensor
from rustorch.utils.hooks import RemovableHandle

_global_pre_hooks: OrderedDict[int, Any] = OrderedDict()
_global_post_hooks: OrderedDict[int, Any] = OrderedDict()
_NO_HOOKS: dict[int, Any] = {}


class _RequiredParameter:
    """The mark of an option without a default."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before the step of every optimizer."""
    handle = RemovableHandle(_global_pre_hooks)
    _global_pre_hooks[handle.id] = hook
    return handle


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after the step of every optimizer."""
    handle = RemovableHandle(_global_post_hooks)
    _global_post_hooks[handle.id] = hook
    return handle


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """`step` running the hooks around itself; free when there are none."""

    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        own = self.__dict__
        pre = own.get("_optimizer_step_pre_hooks", _NO_HOOKS)
        post = own.get("_optimizer_step_post_hooks", _NO_HOOKS)
        if not (pre or post or _global_pre_hooks or _global_post_hooks) or own.get("_in_step"):
            return step(self, *args, **kwargs)
        self._in_step = True
        call: Any = (self, *args)  # what hooks are given, and may replace
        try:
            for hook in (*_global_pre_hooks.values(), *pre.values()):
                result = hook(self, call, kwargs)
                if result is not None:
                    if not (isinstance(result, tuple) and len(result) == 2):
                        raise RuntimeError(
                            f"{step} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                        )
                    call, kwargs = result
            out = step(*call, **kwargs)
            for hook in (*post.values(), *_global_post_hooks.values()):
                hook(self, call, kwargs)
            return out
        finally:
            self._in_step = False

    wrapper.__name__ = "step"
    wrapper.__doc__ = step.__doc__
    wrapper.__wrapped__ = step  # type: ignore[attr-defined]
    wrapper.hooked = True  # type: ignore[attr-defined]
    return wrapper


def _type_name(x: Any) -> str:
    return f"{type(x).__module__}.{type(x).__qualname__}"


class Optimizer:
    """Base class of optimizers.

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts (parameter groups) with
    the key "params" and options that override `defaults`.
    """

    state: Any
    param_groups: list[dict[str, Any]]
    defaults: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hook_tables()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + _type_name(params)
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        if isinstance(params, set):
            warnings.warn(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead.",
                stacklevel=3,
            )
        groups = list(params)
        if len(groups) == 0:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group) if isinstance(group, dict) else group)

    def _make_hook_tables(self) -> None:
        for name in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            self.__dict__.setdefault(name, OrderedDict())

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hook_tables()
        self.defaults.setdefault("differentiable", False)

    def _patch_step_function(self) -> None:
        """For classes that make optimizers without this class's constructor: step runs its hooks."""
        if not getattr(type(self).step, "hooked", False):
            type(self).step = _with_hooks(type(self).step)  # type: ignore[method-assign]

    profile_hook_step = staticmethod(_with_hooks)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # ---- hooks ------------------------------------------------------------------------
    def _add_hook(self, table: str, hook: Any, prepend: bool = False) -> RemovableHandle:
        hooks = self.__dict__[table]
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before every step; may return new (args, kwargs)."""
        return self._add_hook("_optimizer_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after every step."""
        return self._add_hook("_optimizer_step_post_hooks", hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before state_dict is made."""
        return self._add_hook("_optimizer_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` on the result; may return another dict."""
        return self._add_hook("_optimizer_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before loading; may return another dict."""
        return self._add_hook("_optimizer_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after loading."""
        return self._add_hook("_optimizer_load_state_dict_post_hooks", hook, prepend)

    # ---- state_dict -------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """{"state": {number: state of the parameter}, "param_groups": [options and numbers]}."""
        for hook in self._optimizer_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            hook(self)
        number: dict[int, int] = {}
        packed_groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            packed["params"] = [number[id(p)] for p in group["params"]]
            packed_groups.append(packed)
        state = {(number[id(k)] if isinstance(k, Tensor) else k): v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": packed_groups}
        for hook in self._optimizer_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            new = hook(self, result)
            result = result if new is None else new
        return result

    @staticmethod
    def _process_value_according_to_param_policy(
        param: Tensor, value: Tensor, param_id: int, param_groups: list[Any], key: Any = None
    ) -> Tensor:
        """A loaded state tensor in the dtype and device of its parameter (`step` stays as it is)."""
        if key == "step":
            for group in param_groups:
                if param_id in group["params"]:
                    if group.get("capturable") or group.get("fused"):
                        return value.to(dtype=rt.float32, device=param.device)
                    break
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take options and state from a state_dict of an optimizer with groups of the same sizes."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            new = hook(self, state_dict)
            state_dict = state_dict if new is None else new
        groups = self.param_groups
        saved = copy.deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        by_id = {n: p for g, s in zip(groups, saved) for n, p in zip(s["params"], g["params"])}

        def cast(param: Tensor, value: Any, param_id: int, key: Any = None) -> Any:
            if isinstance(value, Tensor):
                return self._process_value_according_to_param_policy(
                    param, value, param_id, state_dict["param_groups"], key
                )
            if isinstance(value, dict):
                return {k: cast(param, v, param_id, k) for k, v in value.items()}
            if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
                return type(value)(cast(param, v, param_id) for v in value)  # type: ignore[call-arg]
            return value

        state: Any = defaultdict(dict)
        for k, v in state_dict["state"].items():
            if k in by_id:
                state[by_id[k]] = cast(by_id[k], v, k)
            else:
                state[k] = v
        for group, new_group in zip(groups, saved):
            new_group["params"] = group["params"]
            if "param_names" in group and "param_names" not in new_group:
                new_group["param_names"] = group["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            hook(self)

    # ---- groups -----------------------------------------------------------------------
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group {"params": ..., options}; checks types, leaves, duplicates and names."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in "
                "sets will change between runs. Please use a list instead."
            )
        params = list(params)
        pairs = [isinstance(p, tuple) for p in params]
        if any(pairs):
            if not all(pairs):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError("optimizer can only optimize Tensors, but one of the params is " + _type_name(p))
            if not (self.defaults.get("differentiable") or p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an "
                "error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        known: set[int] = set()
        for group in self.param_groups:
            known.update(map(id, group["params"]))
            if ("param_names" in param_group) != ("param_names" in group):
                names = "with" if "param_names" in param_group else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {names} names to the optimizer"
                )
        if not known.isdisjoint(map(id, params)):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    if p.grad.grad_fn is not None:
                        p.grad.detach_()
                    else:
                        p.grad.requires_grad_(False)
                    p.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; gives what `closure` (which recomputes the loss) gave."""
        raise NotImplementedError


class GroupOptimizer(Optimizer):
    """An optimizer that updates one group at a time: subclasses define `_update_group`.

    With `differentiable` the update itself is recorded by autograd, otherwise it is not.
    """

    def _update_group(self, group: dict[str, Any]) -> None:
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with rt.enable_grad():
                loss = closure()
        if self.defaults.get("differentiable"):
            for group in self.param_groups:
                self._update_group(group)
        else:
            with rt.no_grad():
                for group in self.param_groups:
                    self._update_group(group)
        return loss


def step_tensor(group: dict[str, Any], param: Tensor) -> Tensor:
    """The counter of steps at 0: a float32 tensor of no dims."""
    if group.get("capturable") or group.get("fused"):
        return rt.zeros((), dtype=rt.float32, device=param.device)
    return rt.tensor(0.0, dtype=rt.float64 if rt.get_default_dtype() == rt.float64 else rt.float32)


def zeros(p: Tensor) -> Tensor:
    """A new state tensor of the parameter's shape and layout."""
    return rt.zeros_like(p, memory_format=rt.preserve_format)


def options(values: dict[str, Any], names: str) -> dict[str, Any]:
    """The options called `names`, in this order, out of a constructor's locals()."""
    return {name: values[name] for name in names.split()}


def as_float(x: Any) -> float:
    """A number, given as number or as tensor with one element."""
    return float(x)


def check_lr(lr: Any) -> None:
    """ValueError for a negative learning rate or a tensor with more than one element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not 0.0 <= lr:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_tensor_lr(lr: Any, foreach: bool | None, capturable: bool) -> None:
    """ValueError for a tensor as lr in the combination that PyTorch refuses."""
    if isinstance(lr, Tensor) and foreach and not capturable:
        raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")


def check_betas(betas: Any) -> None:
    """ValueError unless both are in [0, 1)."""
    for i, beta in enumerate(betas[:2]):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_eps(eps: float) -> None:
    """ValueError for a negative eps."""
    if not 0.0 <= eps:
        raise ValueError(f"Invalid epsilon value: {eps}")


def check_weight_decay(weight_decay: float) -> None:
    """ValueError for a negative weight decay."""
    if not 0.0 <= weight_decay:
        raise ValueError(f"Invalid weight_decay value: {weight_decay}")


_CHECKS = {"lr": check_lr, "betas": check_betas, "eps": check_eps, "weight_decay": check_weight_decay}


def check_options(**values: Any) -> None:
    """The checks of the options that most optimizers have, in the order given."""
    for name, value in values.items():
        _CHECKS[name](value)


def check_fused(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """RuntimeError for flags that exclude each other."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def no_sparse(grad: Tensor, name: str) -> None:
    """RuntimeError for a sparse gradient."""
    if grad.is_sparse:
        raise RuntimeError(f"{name} does not support sparse gradients")
