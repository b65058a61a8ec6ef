"""Lists and dicts that refuse changes: arguments of nodes, which change by Node.args and Node.kwargs only."""

from __future__ import annotations

from typing import Any

__all__ = ["immutable_dict", "immutable_list"]
_HELP = "If you are attempting to modify the kwargs or args of a torch.fx.Node object, instead create a new copy and assign it"


def _refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError(f"'{type(self).__name__}' object does not support mutation. {_HELP}")


class immutable_list(list[Any]):  # noqa: N801
    """A list that stays as it is."""

    __delitem__ = __iadd__ = __imul__ = __setitem__ = append = clear = extend = insert = pop = remove = reverse = (
        sort
    ) = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self) -> Any:
        return immutable_list, (tuple(self),)


class immutable_dict(dict[Any, Any]):  # noqa: N801
    """A dict that stays as it is."""

    __delitem__ = __ior__ = __setitem__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> Any:
        return immutable_dict, (tuple(self.items()),)
