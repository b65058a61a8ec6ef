"""OpenMP is not used here: the library has a thread pool of its own."""


def is_available() -> bool:
    """False."""
    return False
