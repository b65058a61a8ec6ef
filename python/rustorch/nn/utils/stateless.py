"""Calling a module with other parameters and buffers than its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rustorch import Tensor

__all__ = ["NamedMemberAccessor", "functional_call"]

_ABSENT = object()


class NamedMemberAccessor:
    """Gets and replaces the tensors of a module by dotted name."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def _owner(self, name: str) -> tuple[Any, str]:
        path, _, attr = name.rpartition(".")
        return self.module.get_submodule(path), attr

    def get_tensor(self, name: str) -> Any:
        """The tensor called `name`."""
        owner, attr = self._owner(name)
        return getattr(owner, attr)

    def swap_tensor(self, name: str, value: Any) -> Any:
        """Put `value` in place of the tensor called `name`; gives the old one, or a mark that there was none.

        The mark as `value` removes the name again.
        """
        owner, attr = self._owner(name)
        values = owner.__dict__
        if attr in values.get("_parameter_names", ()) or attr in values.get("_buffer_names", ()):
            old = values[attr]
            values[attr] = value
            return old
        old = getattr(owner, attr, _ABSENT)
        if value is _ABSENT:
            object.__delattr__(owner, attr)
        else:
            object.__setattr__(owner, attr, value)
        return old

    def named_tensors(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """All parameters and buffers."""
        yield from self.module.named_parameters(remove_duplicate=remove_duplicate)
        yield from self.module.named_buffers(remove_duplicate=remove_duplicate)

    def check_keys(self, keys: Any) -> tuple[list[str], list[str]]:
        """(missing, unexpected) names."""
        own = {name for name, _ in self.named_tensors(remove_duplicate=False)}
        given = set(keys)
        return list(own - given), list(given - own)


def _with_ties(module: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """Add the other names of tensors that have several; ValueError if they are given different values."""
    groups: dict[int, set[str]] = {}
    accessor = NamedMemberAccessor(module)
    for name, tensor in accessor.named_tensors(remove_duplicate=False):
        groups.setdefault(id(tensor), set()).add(name)
    result = dict(tensors)
    for names in groups.values():
        given = [n for n in names if n in tensors]
        if len(names) < 2 or not given:
            continue
        if any(tensors[n] is not tensors[given[0]] for n in given):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(given)}, which are tied. Consider using "
                "tie_weights=False"
            )
        for n in names:
            result[n] = tensors[given[0]]
    return result


@contextmanager
def _replaced(module: Any, tensors: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    accessor = NamedMemberAccessor(module)
    if tie_weights:
        tensors = _with_ties(module, tensors)
    if strict:
        missing, unexpected = accessor.check_keys(tensors)
        problems = []
        if unexpected:
            problems.append(f"Unexpected key(s): {', '.join(map(repr, sorted(unexpected)))}.")
        if missing:
            problems.append(f"Missing key(s): {', '.join(map(repr, sorted(missing)))}.")
        if problems:
            raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(problems))
    old: dict[str, Any] = {}
    try:
        for name, value in tensors.items():
            old[name] = accessor.swap_tensor(name, value)
        yield
    finally:
        for name, value in reversed(list(old.items())):
            current = accessor.swap_tensor(name, value)
            if name in tensors and current is not tensors[name]:
                tensors[name] = current  # a buffer that forward replaced


def functional_call(
    module: Any,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with the given tensors in place of its own, which come back after.

    `parameters_and_buffers`: dict by dotted name, or a sequence of such dicts.
    """
    if isinstance(parameters_and_buffers, dict):
        tensors = parameters_and_buffers
    else:
        tensors = {}
        for part in parameters_and_buffers:
            double = tensors.keys() & part.keys()
            if double:
                raise ValueError(
                    f"{sorted(double)[0]} appears in multiple dictionaries; behavior of functional call is ambiguous"
                )
            tensors.update(part)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _replaced(module, tensors, tie_weights, strict):
        return module(*args, **(kwargs or {}))
