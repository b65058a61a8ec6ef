"""Whether the order of indices is checked when sparse tensors are made."""

import functools

_enabled = False


class check_sparse_tensor_invariants:  # noqa: N801
    """Turns the full check of what sparse tensors are made of on (or off): a context, a decorator, or enable()/disable().

    Sizes and the range of every index are always checked. This adds that the indices of a compressed row grow.
    """

    @staticmethod
    def is_enabled():
        """Whether the full check is on."""
        return _enabled

    @staticmethod
    def enable():
        """Turns the full check on."""
        global _enabled
        _enabled = True

    @staticmethod
    def disable():
        """Turns the full check off."""
        global _enabled
        _enabled = False

    def __init__(self, enable=True):
        self.state = enable
        self.saved_state = None

    def __enter__(self):
        global _enabled
        if self.saved_state is not None:
            raise RuntimeError(
                "This context manager instance is already activated. Use a different context manager instance for context nesting."
            )
        self.saved_state = _enabled
        _enabled = self.state

    def __exit__(self, type, value, traceback):
        global _enabled
        _enabled, self.saved_state = self.saved_state, None

    def __call__(self, function):
        @functools.wraps(function)
        def checked(*args, **kwargs):
            with type(self)(self.state):
                return function(*args, **kwargs)

        return checked
