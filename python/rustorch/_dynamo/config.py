"""Settings of PyTorch's compiler that programs set and read. Nothing is compiled, so they change nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

cache_size_limit = 8
recompile_limit = 8
accumulated_cache_size_limit = 256
accumulated_recompile_limit = 256
suppress_errors = False
verbose = False
assume_static_by_default = True
automatic_dynamic_shapes = True
capture_scalar_outputs = False
capture_dynamic_output_shape_ops = False
error_on_recompile = False
guard_nn_modules = True
inline_inbuilt_nn_modules = True
optimize_ddp = True
specialize_int = False
disable = False


@contextlib.contextmanager
def patch(changes: Any = None, value: Any = None, **more: Any) -> Iterator[None]:
    """Inside, some settings have other values: patch("verbose", True), patch({"verbose": True}) or patch(verbose=True)."""
    wanted = {changes: value} if isinstance(changes, str) else {**(changes or {}), **more}
    space = globals()
    before = {name: space[name] for name in wanted}
    space.update(wanted)
    try:
        yield
    finally:
        space.update(before)
