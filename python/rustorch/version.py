"""The version of the package."""

from . import __version__

debug = False
cuda = None
git_version = "Unknown"
hip = None
rocm = None
xpu = None
__all__ = ["__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu"]
