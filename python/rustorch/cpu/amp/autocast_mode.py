"""autocast with the device cpu."""

from __future__ import annotations

from typing import Any

import rustorch as rt
from rustorch import amp

__all__ = ["autocast"]


class autocast(amp.autocast):  # noqa: N801
    """amp.autocast("cpu", ...)."""

    def __init__(self, enabled: bool = True, dtype: Any = rt.bfloat16, cache_enabled: bool = True) -> None:
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
