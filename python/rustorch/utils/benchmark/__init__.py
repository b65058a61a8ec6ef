"""Measures how long statements take: Timer gives Measurements, Compare prints several side by side.

timer = Timer("x @ x", globals={"x": rustorch.ones(64, 64)})
print(timer.blocked_autorange())
"""

from ._compare import Compare
from ._measurement import Measurement, TaskSpec, ordered_unique, select_unit, trim_sigfig, unit_to_english
from ._timer import Timer, timer

__all__ = ["Compare", "Measurement", "TaskSpec", "Timer", "ordered_unique", "select_unit", "timer", "trim_sigfig", "unit_to_english"]  # fmt: skip
