"""Observers: modules that look at what passes through and choose a scale and a zero point for it."""

from __future__ import annotations

import functools
import math
import warnings
from typing import Any

from ... import (
    amax,
    amin,
    aminmax,
    arange,
    bincount,
    bucketize,
    finfo,
    float32,
    full_like,
    histc,
    iinfo,
    int32,
    int64,
    linspace,
    maximum,
    minimum,
    nn,
    ones_like,
    per_channel_affine,
    per_channel_affine_float_qparams,
    per_channel_symmetric,
    per_tensor_affine,
    per_tensor_symmetric,
    qint8,
    qint32,
    quint2x4,
    quint4x2,
    quint8,
    tensor,
    where,
    zeros,
    zeros_like,
)

_EPS = finfo(float32).eps
_PER_CHANNEL = (per_channel_affine, per_channel_symmetric, per_channel_affine_float_qparams)
_RANGES = {qint8: (-128, 127), quint8: (0, 255), qint32: (-(2**31), 2**31 - 1), quint4x2: (0, 15), quint2x4: (0, 3)}


def with_args(cls: Any, **kwargs: Any) -> Any:
    """A maker of cls with these arguments; `with_args` again adds more."""
    maker = functools.partial(cls, **kwargs)
    maker.with_args = functools.partial(with_args, maker)  # type: ignore[attr-defined]
    return maker


class ObserverBase(nn.Module):
    """What all observers are: a dtype, `forward`, which looks, and `calculate_qparams`."""

    def __init__(self, dtype: Any, is_dynamic: bool = False) -> None:
        super().__init__()
        self.dtype, self.is_dynamic = dtype, is_dynamic

    def calculate_qparams(self, **kwargs: Any) -> Any:
        """(scale, zero_point) that fit what was seen."""
        raise NotImplementedError(f"{type(self).__name__}.calculate_qparams")

    with_args = classmethod(with_args)


class UniformQuantizationObserverBase(ObserverBase):
    """From the least and the greatest value to scale and zero point."""

    def __init__(
        self,
        dtype: Any = quint8,
        qscheme: Any = per_tensor_affine,
        reduce_range: bool = False,
        quant_min: int | None = None,
        quant_max: int | None = None,
        factory_kwargs: Any = None,
        eps: float = _EPS,
        is_dynamic: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype, is_dynamic)
        self.qscheme, self.reduce_range = qscheme, reduce_range
        self.register_buffer("eps", tensor([eps]))
        self.has_customized_qrange = quant_min is not None and quant_max is not None
        low, high = _RANGES[dtype] if dtype in _RANGES else (iinfo(dtype).min, iinfo(dtype).max)
        if quant_min is not None and quant_max is not None:
            if not quant_min <= 0 <= quant_max or quant_min == quant_max:
                raise ValueError(f"the range of integers must hold 0; got {quant_min} to {quant_max}")
            low, high = quant_min, quant_max
            if reduce_range:
                low, high = low // 2, high // 2
        elif reduce_range and dtype in (qint8, quint8):
            low, high = (-64, 63) if dtype is qint8 else (0, 127)
        self.quant_min, self.quant_max = low, high

    def _calculate_qparams(self, low: Any, high: Any) -> Any:
        if low.numel() == 0 or high.numel() == 0 or (low == math.inf).any() or (high == -math.inf).any():
            warnings.warn("must run observer before calling calculate_qparams. Returning default values.", stacklevel=2)
            return tensor([1.0]), tensor([0])
        if (low > high).any():
            raise ValueError(f"the least value {low} is above the greatest {high}")
        qmin, qmax = self.quant_min, self.quant_max
        steps = float(qmax - qmin)
        below, above = minimum(low, zeros_like(low)), maximum(high, zeros_like(high))
        if self.qscheme in (per_tensor_symmetric, per_channel_symmetric):
            scale = maximum(maximum(-below, above) / (steps / 2), self.eps)
            middle = (qmin + qmax) // 2 if self.has_customized_qrange else 128
            points = full_like(scale, middle if self.dtype is quint8 else 0, dtype=int64)
        elif self.qscheme is per_channel_affine_float_qparams:
            scale = (high - low) / steps
            scale = where(scale > self.eps, scale, ones_like(scale))
            points = -1 * low / scale
        else:
            scale = maximum((above - below) / steps, self.eps)
            points = (qmin - (below / scale).round().to(int32)).clamp(qmin, qmax).to(int64)
        return (scale, points) if scale.dim() else (scale.reshape(1), points.reshape(1))

    def calculate_qparams(self, **kwargs: Any) -> Any:
        return self._calculate_qparams(self.min_val, self.max_val)

    def reset_min_max_vals(self) -> None:
        """Forgets what was seen."""
        shape = () if self.qscheme not in _PER_CHANNEL else (0,)
        self.min_val, self.max_val = zeros(shape) + math.inf, zeros(shape) - math.inf

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class MinMaxObserver(UniformQuantizationObserverBase):
    """The least and the greatest of all values."""

    def __init__(self, dtype: Any = quint8, qscheme: Any = per_tensor_affine, *args: Any, **kwargs: Any) -> None:
        if qscheme in _PER_CHANNEL:
            raise NotImplementedError(
                "MinMaxObserver's qscheme only support per_tensor_symmetric and per_tensor_affine."
            )
        super().__init__(dtype, qscheme, *args, **kwargs)
        self.register_buffer("min_val", tensor(math.inf))
        self.register_buffer("max_val", tensor(-math.inf))

    def _merged(self, low: Any, high: Any) -> Any:
        return minimum(low, self.min_val), maximum(high, self.max_val)

    def forward(self, x: Any) -> Any:
        if x.numel():
            low, high = self._merged(*aminmax(x.detach().to(self.min_val.dtype)))
            self.min_val.copy_(low)
            self.max_val.copy_(high)
        return x


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Moving averages of the least and the greatest values of the inputs."""

    def __init__(
        self, averaging_constant: float = 0.01, dtype: Any = quint8, qscheme: Any = per_tensor_affine, *args: Any, **kwargs: Any
    ) -> None:  # fmt: skip
        self.averaging_constant = averaging_constant
        super().__init__(dtype, qscheme, *args, **kwargs)

    def _merged(self, low: Any, high: Any) -> Any:
        if self.min_val == math.inf and self.max_val == -math.inf:
            return low, high
        rate = self.averaging_constant
        return self.min_val + rate * (low - self.min_val), self.max_val + rate * (high - self.max_val)


class PerChannelMinMaxObserver(UniformQuantizationObserverBase):
    """The least and the greatest values of each slice of the dimension ch_axis."""

    def __init__(
        self, ch_axis: int = 0, dtype: Any = quint8, qscheme: Any = per_channel_affine, *args: Any, **kwargs: Any
    ) -> None:
        if qscheme not in _PER_CHANNEL:
            raise NotImplementedError("PerChannelMinMaxObserver's qscheme only support per_channel schemes.")
        super().__init__(dtype, qscheme, *args, **kwargs)
        self.ch_axis = ch_axis
        self.register_buffer("min_val", zeros(0))
        self.register_buffer("max_val", zeros(0))

    def _merged(self, low: Any, high: Any) -> Any:
        return minimum(low, self.min_val), maximum(high, self.max_val)

    def forward(self, x: Any) -> Any:
        if x.numel():
            rows = x.detach().to(self.min_val.dtype).transpose(0, self.ch_axis).flatten(1)
            low, high = amin(rows, 1), amax(rows, 1)
            if self.min_val.numel():
                low, high = self._merged(low, high)
            self.min_val.resize_(low.shape).copy_(low)
            self.max_val.resize_(high.shape).copy_(high)
        return x

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        for name in ("min_val", "max_val"):
            if prefix + name in state_dict:
                getattr(self, name).resize_(state_dict[prefix + name].shape)
        super()._load_from_state_dict(state_dict, prefix, *args)


class MovingAveragePerChannelMinMaxObserver(PerChannelMinMaxObserver):
    """Moving averages of the least and the greatest values of each slice."""

    def __init__(
        self, averaging_constant: float = 0.01, ch_axis: int = 0, dtype: Any = quint8, qscheme: Any = per_channel_affine,
        *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        self.averaging_constant = averaging_constant
        super().__init__(ch_axis, dtype, qscheme, *args, **kwargs)

    def _merged(self, low: Any, high: Any) -> Any:
        rate = self.averaging_constant
        return self.min_val + rate * (low - self.min_val), self.max_val + rate * (high - self.max_val)


class HistogramObserver(UniformQuantizationObserverBase):
    """A histogram of all values; the range is the one with the least squared error (as Caffe2's norm minimization)."""

    _FINER = 16  # parts of a bin when a histogram is stretched

    def __init__(
        self, bins: int = 2048, dtype: Any = quint8, qscheme: Any = per_tensor_affine, *args: Any, **kwargs: Any
    ) -> None:
        if qscheme in _PER_CHANNEL:
            raise NotImplementedError(
                "HistogramObserver's qscheme only support per_tensor_symmetric and per_tensor_affine."
            )
        super().__init__(dtype, qscheme, *args, **kwargs)
        self.bins, self.dst_nbins = bins, 2 ** (8 * dtype.itemsize)
        self.register_buffer("histogram", zeros(bins))
        self.register_buffer("min_val", tensor(math.inf))
        self.register_buffer("max_val", tensor(-math.inf))

    def forward(self, x_orig: Any) -> Any:
        x = x_orig.detach()
        if x.numel() and not x.isfinite().all():
            warnings.warn("infinity in the input of an observer is left out", stacklevel=2)
            x = x[x.abs() != math.inf]
        if not x.numel():
            return x_orig
        low, high = aminmax(x)
        before = (self.min_val, self.max_val)
        if before[0] == math.inf or before[1] == -math.inf:
            counted = self._count(x, low, high)
        else:
            low, high = minimum(low, before[0]), maximum(high, before[1])
            counted = self._stretched(*before, low, high) + self._count(x, low, high)
        self.histogram.copy_(counted)
        self.min_val.copy_(low)
        self.max_val.copy_(high)
        return x_orig

    def _count(self, x: Any, low: Any, high: Any) -> Any:
        return histc(x, self.bins, min=low.item(), max=high.item())

    def _stretched(self, old_low: Any, old_high: Any, low: Any, high: Any) -> Any:
        """What was counted, in the bins of a wider range."""
        if low == old_low and high == old_high:
            return self.histogram
        if old_low == old_high:
            return self._count(old_low, low, high) * self.histogram.sum()
        n = self.bins * self._FINER
        parts = self.histogram.repeat_interleave(self._FINER) / self._FINER
        middles = linspace(old_low.item(), old_high.item(), n + 1)[:-1] + 0.5 * ((old_high - old_low) / n)
        edges = linspace(low.item(), high.item(), self.bins + 1)
        places = (bucketize(middles, edges, right=True) - 1).clamp(0, self.bins - 1)
        return bincount(places, weights=parts, minlength=self.bins)

    def _error(self, first: int, last: int) -> float:
        """The squared error of quantizing to the bins first to last."""
        width = (self.max_val.item() - self.min_val.item()) / self.bins
        step = width * (last - first + 1) / self.dst_nbins
        if step == 0.0:
            return 0.0
        begin = (arange(self.bins) - first) * width
        end = begin + width
        top = self.dst_nbins - 1
        of_begin = (begin / step).floor().clamp(0, top)
        of_end = (end / step).floor().clamp(0, top)
        density = self.histogram / width

        def norm(a: Any, b: Any) -> Any:  # of numbers spread evenly from a to b
            return density * ((b * b * b - a * a * a) / 3)

        half = tensor(step / 2)
        total = norm(begin - (of_begin + 0.5) * step, half)
        total += (of_end - of_begin - 1) * norm(-half, half)
        total += norm(-half, end - (of_end * step + step / 2))
        return total.sum().item()

    def _best_range(self) -> Any:
        """Cuts off ends of the histogram, a quantile at a time, as long as the error falls."""
        sums = self.histogram.cumsum(0).tolist()
        total = self.histogram.sum().item()
        step, alpha, beta = 1e-5, 0.0, 1.0
        first, last, best = 0, self.bins - 1, math.inf
        while alpha < beta:
            next_alpha, next_beta = alpha + step, beta - step
            left, right = first, last
            while left < last and sums[left] < next_alpha * total:
                left += 1
            while right > first and sums[right] > next_beta * total:
                right -= 1
            next_first, next_last = first, last
            if left - first > last - right:
                next_first, alpha = left, next_alpha
            else:
                next_last, beta = right, next_beta
            if (next_first, next_last) == (first, last):
                continue
            error = self._error(next_first, next_last)
            if error > best:
                break
            best, first, last = error, next_first, next_last
        width = (self.max_val - self.min_val) / self.bins
        return self.min_val + width * first, self.min_val + width * (last + 1)

    def calculate_qparams(self, **kwargs: Any) -> Any:
        if self.min_val == math.inf and self.max_val == -math.inf:
            return self._calculate_qparams(self.min_val, self.max_val)
        return self._calculate_qparams(*self._best_range())


class FixedQParamsObserver(ObserverBase):
    """Always the same scale and zero point."""

    def __init__(
        self, scale: float, zero_point: int, dtype: Any = quint8, qscheme: Any = per_tensor_affine, quant_min: int = 0,
        quant_max: int = 255, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(dtype, is_dynamic)
        self.qscheme, self.quant_min, self.quant_max = qscheme, quant_min, quant_max
        self.register_buffer("scale", tensor([scale], dtype=float32))
        self.register_buffer("zero_point", tensor([zero_point], dtype=int32))

    def forward(self, x: Any) -> Any:
        return x

    def calculate_qparams(self, **kwargs: Any) -> Any:
        return self.scale, self.zero_point


class PlaceholderObserver(ObserverBase):
    """Looks at nothing: keeps the dtype for what converts later."""

    def __init__(self, dtype: Any = float32, is_dynamic: bool = False, **kwargs: Any) -> None:
        super().__init__(dtype, is_dynamic)
        self.kwargs = kwargs

    def forward(self, x: Any) -> Any:
        return x


class NoopObserver(ObserverBase):
    """Looks at nothing."""

    def __init__(self, dtype: Any = float32, custom_op_name: str = "", **kwargs: Any) -> None:
        super().__init__(dtype)

    def forward(self, x: Any) -> Any:
        return x

    def calculate_qparams(self, **kwargs: Any) -> Any:
        raise RuntimeError("calculate_qparams should not be called for NoopObserver")


class RecordingObserver(ObserverBase):
    """Keeps copies of what it sees."""

    def __init__(self, dtype: Any = quint8, **kwargs: Any) -> None:
        super().__init__(dtype)
        self.tensor_val: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.tensor_val.append(x.detach().clone())
        return x

    def get_tensor_value(self) -> list[Any]:
        """What was seen."""
        return self.tensor_val


default_observer = MinMaxObserver.with_args(quant_min=0, quant_max=127)
default_placeholder_observer = PlaceholderObserver
default_debug_observer = RecordingObserver
default_weight_observer = MinMaxObserver.with_args(dtype=qint8, qscheme=per_tensor_symmetric)
default_histogram_observer = HistogramObserver.with_args(quant_min=0, quant_max=127)
default_per_channel_weight_observer = PerChannelMinMaxObserver.with_args(dtype=qint8, qscheme=per_channel_symmetric)
default_dynamic_quant_observer = PlaceholderObserver.with_args(
    dtype=quint8, quant_min=0, quant_max=255, is_dynamic=True
)
default_float_qparams_observer = PerChannelMinMaxObserver.with_args(
    dtype=quint8, qscheme=per_channel_affine_float_qparams, ch_axis=0
)
default_float_qparams_observer_4bit = PerChannelMinMaxObserver.with_args(
    dtype=quint4x2, qscheme=per_channel_affine_float_qparams, ch_axis=0
)

__all__ = [
    "FixedQParamsObserver",
    "HistogramObserver",
    "MinMaxObserver",
    "MovingAverageMinMaxObserver",
    "MovingAveragePerChannelMinMaxObserver",
    "NoopObserver",
    "ObserverBase",
    "PerChannelMinMaxObserver",
    "PlaceholderObserver",
    "RecordingObserver",
    "UniformQuantizationObserverBase",
    "default_debug_observer",
    "default_dynamic_quant_observer",
    "default_float_qparams_observer",
    "default_float_qparams_observer_4bit",
    "default_histogram_observer",
    "default_observer",
    "default_per_channel_weight_observer",
    "default_placeholder_observer",
    "default_weight_observer",
]
