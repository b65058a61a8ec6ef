"""Meta's accelerators (MTIA). This build has none: counts are 0, and what needs a device raises as in PyTorch."""


def is_available():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def init():
    """AssertionError: there is no driver."""
    raise AssertionError("RusTorch not compiled with MTIA enabled")


def memory_allocated(device=None):
    """0."""
    return 0


def max_memory_allocated(device=None):
    """0."""
    return 0


def memory_stats(device=None):
    """An empty dictionary."""
    return {}


def _refuse(what):
    raise RuntimeError(f"Cannot execute {what}() without MTIA backend.")


def current_device():
    """RuntimeError: there is no device."""
    _refuse("getCurrentDevice")


def set_device(device):
    """RuntimeError: there is no device."""
    _refuse("setCurrentDevice")


def synchronize(device=None):
    """RuntimeError: there is no device."""
    _refuse("getCurrentDevice")


def empty_cache():
    """RuntimeError: there is no device."""
    _refuse("emptyCache")
