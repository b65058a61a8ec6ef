"""swap_in_optimizer_params_and_state: an optimizer works on other parameters and state for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rustorch import Tensor

from .optimizer import Optimizer

_NAME = "swap_in_optimizer_params_and_state"


def _check(condition: bool, text: str) -> None:
    if not condition:
        raise RuntimeError(f"{_NAME} {text}")


def _check_state(optimizer: Optimizer, saved: Any) -> tuple[dict[Any, Any], list[Any]]:
    """The state and the groups of a state_dict that fits the optimizer."""
    _check(bool(optimizer.state), "requires initialized optimizer state.")
    _check(isinstance(saved, dict), "requires a state_dict of the optimizer; got " + type(saved).__name__)
    state, groups = saved.get("state"), saved.get("param_groups")
    if not isinstance(state, dict):
        raise RuntimeError(f"{_NAME} requires swapin_optim_state['state'] to be a dict; got {type(state).__name__}")
    _check(not any(isinstance(k, Tensor) for k in state), "requires state keyed by packed parameter ids.")
    _check(
        all(isinstance(v, dict) for k, v in state.items() if isinstance(k, int)),
        "requires per-parameter optimizer state entries to be dictionaries.",
    )
    if not isinstance(groups, list):
        raise RuntimeError(f"{_NAME} requires swapin_optim_state['param_groups'] to be a list of param-group dicts")
    if len(groups) != len(optimizer.param_groups):
        raise RuntimeError("swapin_optim_state has a different number of parameter groups than the live optimizer.")
    for i, (live, group) in enumerate(zip(optimizer.param_groups, groups)):
        _check(isinstance(group, dict), "requires each optimizer param group to be a dictionary.")
        ids = group.get("params")
        packed = isinstance(ids, list) and all(isinstance(k, int) for k in ids)
        _check(packed, "requires param_groups[*]['params'] to hold packed parameter ids.")
        if len(live["params"]) != len(ids):
            raise RuntimeError(
                f"swapin_optim_state param group {i} has a different number of params than the live optimizer "
                "param group."
            )
        other = sorted(set(group) ^ set(live))
        _check(not other, f"requires param group keys to match the live optimizer's; only one side has {other}")
    known = {k for group in groups for k in group["params"]}
    extra = [k for k in state if k not in known]
    _check(not extra, f"requires state for the parameters of its groups only; got extra keys {extra!r}.")
    return state, groups


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Until the context ends, `optimizer` updates `swapin_parameters` with the state of `swapin_optim_state`.

    The parameters come in the order of the optimizer's, the state in the form of `optimizer.state_dict()`. Tensors
    are changed in place; new entries and options that a step sets are lost. The optimizer is then as before.
    """
    state, groups = _check_state(optimizer, swapin_optim_state)
    given = list(swapin_parameters.values())
    wanted = sum(len(group["params"]) for group in groups)
    _check(len(given) >= wanted, f"requires {wanted} parameters in the order of param_groups; got {len(given)}")
    live_state = optimizer.state
    before = [dict(group) for group in optimizer.param_groups]
    swapped: Any = defaultdict(dict)
    try:
        start = 0
        for live, group in zip(optimizer.param_groups, groups):
            ids = group["params"]
            params = given[start : start + len(ids)]
            start += len(ids)
            live.update(group, params=params)
            swapped.update((p, dict(state.get(k, {}))) for p, k in zip(params, ids))
        optimizer.state = swapped
        yield
    finally:
        for live, old in zip(optimizer.param_groups, before):
            live.clear()
            live.update(old)
        optimizer.state = live_state
