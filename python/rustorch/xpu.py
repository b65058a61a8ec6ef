"""Intel GPUs through SYCL. This build has none."""


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def manual_seed(seed):
    """Ignored, as wherever there is no device."""


def empty_cache():
    """Nothing to give back."""
