"""Context managers and decorators that switch recording."""

import functools

from .. import _C


class _Mode:
    """Saves and restores one mode of the thread; also a decorator."""

    def __call__(self, function):
        if not callable(function):
            raise TypeError("expected a function to decorate")

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with self._clone():
                return function(*args, **kwargs)

        return wrapper

    def _clone(self):
        return type(self)()


class no_grad(_Mode):  # noqa: N801
    """Operations inside are not recorded."""

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        self.before = _C.is_grad_enabled()
        _C._set_grad_enabled(False)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)


class enable_grad(_Mode):  # noqa: N801
    """Operations inside are recorded, also within no_grad."""

    def __new__(cls, function=None):
        self = super().__new__(cls)
        return self if function is None else self(function)

    def __enter__(self):
        self.before = _C.is_grad_enabled()
        _C._set_grad_enabled(True)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)


class set_grad_enabled(_Mode):  # noqa: N801
    """Switches recording at once; as a context manager restores it at the end."""

    def __init__(self, mode):
        self.before = _C.is_grad_enabled()
        self.mode = bool(mode)
        _C._set_grad_enabled(self.mode)

    def __call__(self, function):
        _C._set_grad_enabled(self.before)
        return super().__call__(function)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)

    def _clone(self):
        return type(self)(self.mode)


class inference_mode(_Mode):  # noqa: N801
    """No recording and no bookkeeping: tensors made inside can never take part in differentiation."""

    def __new__(cls, mode=True):
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self.before = (_C.is_inference_mode_enabled(), _C.is_grad_enabled())
        _C._set_inference_mode(self.mode)
        _C._set_grad_enabled(not self.mode)

    def __exit__(self, *exc):
        _C._set_inference_mode(self.before[0])
        _C._set_grad_enabled(self.before[1])

    def _clone(self):
        return type(self)(self.mode)


class detect_anomaly(_Mode):  # noqa: N801
    """Checks every gradient of backward passes inside for nan and names the operation that made it."""

    def __init__(self, check_nan=True):
        self.check_nan = check_nan

    def __enter__(self):
        self.before = _C.is_anomaly_enabled()
        _C._set_anomaly(self.check_nan)

    def __exit__(self, *exc):
        _C._set_anomaly(self.before)


class set_detect_anomaly(detect_anomaly):  # noqa: N801
    """As detect_anomaly, switched at once."""

    def __init__(self, mode, check_nan=True):
        super().__init__(bool(mode) and check_nan)
        self.before = _C.is_anomaly_enabled()
        _C._set_anomaly(self.check_nan)

    def __enter__(self):
        pass


class set_multithreading_enabled(_Mode):  # noqa: N801
    """Accepted and without effect on results: a backward pass runs its nodes in one order, and each uses all threads."""

    def __init__(self, mode):
        self.mode = bool(mode)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        pass

    def _clone(self):
        return type(self)(self.mode)
