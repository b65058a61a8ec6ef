"""LazyModuleMixin: modules that learn their input sizes at the first call."""

from __future__ import annotations

from typing import Any

from ..parameter import is_lazy


class LazyModuleMixin:
    """Gives a module uninitialized parameters until its first forward.

    A subclass names `cls_to_become` and defines `initialize_parameters(*args)`, which is called
    with the inputs of the first forward and must materialize every parameter and buffer.
    """

    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        me: Any = self
        self._load_hook = me._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = me.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _own(self) -> list[tuple[str, Any]]:
        me: Any = self
        return [*me._parameters.items(), *me._buffers.items()]

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        me: Any = self
        for name, value in self._own():
            if value is None or name in me._non_persistent_buffers_set:
                continue
            if not (is_lazy(value) or keep_vars):
                value = value.detach()
            destination[prefix + name] = value

    def _lazy_load_hook(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for name, value in self._own():
            given = state_dict.get(prefix + name)
            if value is not None and given is not None and is_lazy(value) and not is_lazy(given):
                value.materialize(given.shape)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize parameters from the inputs of the first forward."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """True as long as one of the own parameters or buffers has no shape."""
        return any(is_lazy(value) for _, value in self._own())

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"module {self._get_name()} has not been fully initialized"  # type: ignore[attr-defined]
            )
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become
