"""What programs call of PyTorch's compiler's helpers."""

import contextlib

__all__ = ["disable_cache_limit"]

disable_cache_limit = contextlib.nullcontext
