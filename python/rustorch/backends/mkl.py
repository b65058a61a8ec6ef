"""Intel's MKL is not used here."""

VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available() -> bool:
    """False: products come from this library's own kernels, LAPACK from OpenBLAS."""
    return False


class verbose:  # noqa: N801
    """Accepted; there is no library whose calls could be printed."""

    def __init__(self, enable: int) -> None:
        self.enable = enable

    def __enter__(self) -> "verbose":
        return self

    def __exit__(self, *exc: object) -> None:
        return None
