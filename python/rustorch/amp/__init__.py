"""Automatic mixed precision: autocast chooses dtypes operator by operator, GradScaler keeps float16 gradients in range.

with rustorch.autocast("cpu", dtype=rustorch.bfloat16):
    loss = criterion(model(x), y)
loss.backward()
"""

from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
