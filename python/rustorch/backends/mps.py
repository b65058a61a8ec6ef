"""Whether Apple's GPU backend is there."""

from .. import _C


def is_built() -> bool:
    """Whether this build has the backend."""
    return bool(_C._is_built("mps"))


def is_available() -> bool:
    """Whether a device of it was found."""
    return bool(_C._device_count("mps") > 0)


def is_macos_or_newer(major: int, minor: int) -> bool:
    """False on other systems."""
    import platform

    release = platform.mac_ver()[0]
    return bool(release) and tuple(int(p) for p in release.split(".")[:2]) >= (major, minor)
