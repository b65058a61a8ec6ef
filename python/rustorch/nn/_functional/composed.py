"""Operators composed of others: they serve until the engine has a compiled one of the same name.

Arguments and gradients are those of the compiled operators; see `_ops.op_or`.
"""

from __future__ import annotations

import math
from typing import Any

import rustorch as rt
from rustorch import Tensor

from .._ops import op

_pad = op("pad")
_leaky_relu = op("leaky_relu")
_NEVER = -1e30  # the logarithm of a probability of 0, finite so that its gradient is 0


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities `input` and (log-)probabilities `target`."""
    if log_target:
        loss = target.exp() * (target - input)
    else:
        zero = target == 0
        safe = target.masked_fill(zero, 1)
        loss = target * safe.log() - target * input
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def _check_bounds(lower: float, upper: float) -> None:
    if lower > upper:
        raise RuntimeError(f"Lower bound should be less than or equal to the upper bound; got {lower} and {upper}")


def _slopes(input: Tensor, lower: float, upper: float) -> Tensor:
    noise = rt.empty_like(input).uniform_(lower, upper)
    return noise.masked_fill(input.detach() > 0, 1)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """x where x > 0, else x times a random slope (training) or the mean slope."""
    _check_bounds(lower, upper)
    if training:
        return input * _slopes(input, lower, upper)
    return _leaky_relu(input, (lower + upper) / 2)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """The same in place."""
    _check_bounds(lower, upper)
    if training:
        return input.mul_(_slopes(input, lower, upper))
    return op("leaky_relu_")(input, (lower + upper) / 2)


def relu6_(input: Tensor) -> Tensor:
    """Clamp to [0, 6] in place."""
    return op("hardtanh_")(input, 0.0, 6.0)


# ---- sliding blocks ---------------------------------------------------------------------------


def _blocks(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> list[int]:
    """How many blocks fit along each of the two dims."""
    counts = []
    for n, k, d, p, s in zip(size, kernel, dilation, padding, stride):
        if k <= 0 or d <= 0 or s <= 0 or p < 0:
            raise RuntimeError(
                f"kernel size, dilation and stride should be greater than zero and padding not negative; got "
                f"kernel_size: {tuple(kernel)}, dilation: {tuple(dilation)}, padding: {tuple(padding)}, stride: "
                f"{tuple(stride)}"
            )
        counts.append((n + 2 * p - d * (k - 1) - 1) // s + 1)
    if min(counts) <= 0:
        raise RuntimeError(
            f"Given input with spatial size {tuple(size)}, kernel_size={tuple(kernel)}, dilation={tuple(dilation)}, "
            f"padding={tuple(padding)}, calculated shape of the array of sliding blocks as {tuple(counts)}, but its "
            "components must be at least one."
        )
    return counts


def _window(offset: int, count: int, stride: int) -> slice:
    return slice(offset, offset + (count - 1) * stride + 1, stride)


def im2col(input: Tensor, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Tensor:
    """Sliding blocks of (N, C, H, W) or (C, H, W) as columns."""
    if input.dim() not in (3, 4):
        raise RuntimeError(
            f"Expected 3D or 4D (batch mode) tensor with possibly 0 batch size for input; got {list(input.shape)}"
        )
    if input.dim() == 3:
        return im2col(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = kernel_size, dilation, padding, stride
    rows, cols = _blocks(input.shape[2:], kernel_size, dilation, padding, stride)
    x = _pad(input, (pw, pw, ph, ph)) if ph or pw else input
    parts = [x[:, :, _window(i * dh, rows, sh), _window(j * dw, cols, sw)] for i in range(kh) for j in range(kw)]
    n, c = input.shape[:2]
    return rt.stack(parts, 2).reshape(n, c * kh * kw, rows * cols)


def col2im(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Tensor:
    """Sum of columns (N, C * kernel elements, blocks) into (N, C, *output_size)."""
    if input.dim() not in (2, 3):
        raise RuntimeError(f"Expected 2D or 3D (batch mode) tensor for input; got {list(input.shape)}")
    if input.dim() == 2:
        return col2im(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = kernel_size, dilation, padding, stride
    rows, cols = _blocks(output_size, kernel_size, dilation, padding, stride)
    n, planes, length = input.shape
    if planes % (kh * kw) or length != rows * cols:
        raise RuntimeError(
            f"Expected size of input's dimension 1 to be divisible by the product of kernel_size and dimension 2 to "
            f"match the calculated number of sliding blocks {rows} * {cols} = {rows * cols}; got "
            f"{list(input.shape)} and kernel_size={tuple(kernel_size)}"
        )
    height, width = output_size[0] + 2 * ph, output_size[1] + 2 * pw
    parts = input.reshape(n, planes // (kh * kw), kh * kw, rows, cols)
    out = rt.zeros((n, planes // (kh * kw), height, width), dtype=input.dtype, device=input.device)
    for k in range(kh * kw):
        i, j = divmod(k, kw)
        out[:, :, _window(i * dh, rows, sh), _window(j * dw, cols, sw)] += parts[:, :, k]
    return out[:, :, ph : height - ph, pw : width - pw]


# ---- resizing -----------------------------------------------------------------------------------


def _taps(mode: str, n: int, m: int, factor: float | None, align: bool) -> list[tuple[list[int], list[float] | None]]:
    """(source index, weight) lists of the taps that make up each of m outputs from n inputs."""
    scale = 1.0 / factor if factor else n / m
    if mode == "nearest":
        return [([min(int(i * scale), n - 1) for i in range(m)], None)]
    if mode == "exact":
        return [([min(int((i + 0.5) * scale), n - 1) for i in range(m)], None)]
    if align:
        step = (n - 1) / (m - 1) if m > 1 else 0.0
        real = [i * step for i in range(m)]
    else:
        real = [(i + 0.5) * scale - 0.5 for i in range(m)]
    if mode == "linear":
        real = [max(r, 0.0) for r in real]
        low = [min(int(r), n - 1) for r in real]
        share = [min(max(r - k, 0.0), 1.0) for r, k in zip(real, low)]
        return [(low, [1 - w for w in share]), ([min(k + 1, n - 1) for k in low], share)]
    base = [math.floor(r) for r in real]
    out: list[tuple[list[int], list[float] | None]] = []
    for tap in range(-1, 3):
        weights = [_cubic(abs(r - k - tap)) for r, k in zip(real, base)]
        out.append(([min(max(k + tap, 0), n - 1) for k in base], weights))
    return out


def _cubic(x: float, a: float = -0.75) -> float:
    """The cubic convolution kernel (Keys 1981)."""
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    if x < 2:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return 0.0


def _resize(mode: str, n_dims: int, input: Tensor, size: Any, align: bool, factors: Any) -> Tensor:
    if input.dim() != n_dims + 2:
        raise RuntimeError(f"upsample: expected a {n_dims + 2}D input; got {list(input.shape)}")
    if size is None:
        size = [math.floor(float(input.size(d + 2)) * factors[d]) for d in range(n_dims)]
    if input.numel() and (min(size) <= 0 or min(input.shape[2:]) <= 0):
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape[2:])} and output "
            f"{list(size)}"
        )
    x = input
    for d in range(n_dims):
        dim, n, m = d + 2, input.size(d + 2), int(size[d])
        if n == m and mode in ("nearest", "exact", "linear") and not (factors and factors[d] != 1):
            continue
        total: Any = None
        for index, weights in _taps(mode, n, m, factors[d] if factors else None, align):
            part = x.index_select(dim, rt.tensor(index, dtype=rt.int64, device=x.device))
            if weights is not None:
                shape = [1] * x.dim()
                shape[dim] = m
                part = part * rt.tensor(weights, dtype=x.dtype, device=x.device).reshape(shape)
            total = part if total is None else total + part
        x = total
    return x


def make_resize(mode: str, n_dims: int) -> Any:
    """The resizing operator of a mode (nearest, exact, linear, cubic) in n_dims dims."""
    if mode in ("nearest", "exact"):
        return lambda input, size, factors=None: _resize(mode, n_dims, input, size, False, factors)
    return lambda input, size, align, factors=None: _resize(mode, n_dims, input, size, align, factors)


# ---- sampling at points ---------------------------------------------------------------------------


def _reflect(x: Tensor, low: float, high: float) -> Tensor:
    """x folded back into [low, high]."""
    if high <= low:
        return rt.zeros_like(x)
    span = high - low
    x = (x - low).abs()
    turns = (x / span).floor()
    rest = x - turns * span
    odd = (turns - 2 * (turns / 2).floor()) == 1
    return rt.where(odd, span - rest, rest) + low


def _unnormalize(x: Tensor, n: int, padding: str, align: bool) -> Tensor:
    """Coordinates in [-1, 1] as positions among n points."""
    x = (x + 1) / 2 * (n - 1) if align else ((x + 1) * n - 1) / 2
    return _into(x, n, padding, align)


def _into(x: Tensor, n: int, padding: str, align: bool) -> Tensor:
    if padding == "reflection":
        x = _reflect(x, 0.0, n - 1.0) if align else _reflect(x, -0.5, n - 0.5)
    return x if padding == "zeros" else x.clamp(0, n - 1)


def _pick(flat: Tensor, positions: list[Tensor], size: list[int]) -> Tensor:
    """Values (N, C, points) at integer positions; 0 outside."""
    inside: Any = None
    index: Any = None
    for p, n in zip(positions, size):
        ok = (p >= 0) & (p <= n - 1)
        inside = ok if inside is None else inside & ok
        k = p.clamp(0, n - 1).to(rt.int64)
        index = k if index is None else index * n + k
    channels = flat.size(1)
    wide = index.unsqueeze(1).expand(-1, channels, -1)
    return flat.gather(2, wide) * inside.unsqueeze(1).to(flat.dtype)


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """Values of (N, C, ...) at the points of `grid` (N, ..., dims), last coordinate first."""
    n = input.dim() - 2
    if n not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with "
            f"sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if input.size(0) != grid.size(0) or grid.size(-1) != n:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size and grid to have size {n} in last "
            f"dimension, but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if min(input.shape[2:]) <= 0:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions; got {input.shape}")
    size = list(input.shape[2:])
    flat = input.flatten(2)
    points = grid.flatten(1, -2)
    free = "zeros" if mode == "bicubic" else padding_mode
    x = [_unnormalize(points[..., n - 1 - d], size[d], free, align_corners) for d in range(n)]
    if mode == "nearest":
        out = _pick(flat, [p.detach().round() for p in x], size)
    else:
        out = _blend(flat, x, size, mode, padding_mode, align_corners)
    return out.reshape(*input.shape[:2], *grid.shape[1:-1])


def _blend(flat: Tensor, x: list[Tensor], size: list[int], mode: str, padding: str, align: bool) -> Tensor:
    low = [p.detach().floor() for p in x]
    share = [p - q for p, q in zip(x, low)]
    if mode == "bilinear":
        taps = [[(0, 1 - s), (1, s)] for s in share]
    else:
        taps = [[(k - 1, _cubic_weight(s, k - 1)) for k in range(4)] for s in share]
    total: Any = None
    for choice in _product(taps):
        positions, weight = [], None
        for d, (offset, w) in enumerate(choice):
            p = low[d] + offset
            positions.append(_into(p, size[d], padding, align).round() if mode == "bicubic" else p)
            weight = w if weight is None else weight * w
        assert weight is not None
        part = _pick(flat, positions, size) * weight.unsqueeze(1)
        total = part if total is None else total + part
    return total


def _product(lists: list[Any]) -> list[Any]:
    out: list[Any] = [()]
    for items in lists:
        out = [(*head, item) for head in out for item in items]
    return out


def _cubic_weight(s: Tensor, offset: int, a: float = -0.75) -> Tensor:
    x = (s - offset) if offset <= 0 else (offset - s)
    if offset in (0, 1):
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


# ---- fractional max pooling -------------------------------------------------------------------------


def _starts(sample: Tensor, n: int, m: int, kernel: int) -> Tensor:
    """First positions (N, C, m) of the windows along one dim, from one random number for each channel."""
    if m == 1:
        return rt.full((*sample.shape, 1), n - kernel, dtype=rt.int64, device=sample.device)
    alpha = (n - kernel) / (m - 1)
    i = rt.arange(m - 1, dtype=sample.dtype, device=sample.device)
    u = sample.unsqueeze(-1)
    first = ((i + u) * alpha).to(rt.int64) - (u * alpha).to(rt.int64)
    last = rt.full((*sample.shape, 1), n - kernel, dtype=rt.int64, device=sample.device)
    return rt.cat([first, last], -1)


def fractional_max_pool(n_dims: int, input: Tensor, kernel: Any, size: Any, samples: Tensor) -> Any:
    """(values, flat indices) of max pooling over pseudo-random windows."""
    if input.dim() == n_dims + 1:
        out, index = fractional_max_pool(n_dims, input.unsqueeze(0), kernel, size, samples)
        return out.squeeze(0), index.squeeze(0)
    if input.dim() != n_dims + 2:
        raise RuntimeError(f"fractional_max_pool{n_dims}d(): Expected {n_dims + 1}D or {n_dims + 2}D tensor")
    spatial = list(input.shape[2:])
    for d in range(n_dims):
        if size[d] + kernel[d] - 1 > spatial[d] or kernel[d] <= 0 or size[d] <= 0:
            raise RuntimeError(
                f"fractional_max_pool{n_dims}d(): pool size {list(kernel)} and output {list(size)} do not fit into "
                f"input {spatial}"
            )
    samples = samples[: input.size(0)]
    if list(samples.shape) != [input.size(0), input.size(1), n_dims]:
        raise RuntimeError(f"fractional_max_pool{n_dims}d(): _random_samples has shape {list(samples.shape)}")
    index = None
    for d in range(n_dims):
        which = 1 - d if n_dims == 2 else d  # PyTorch's order: width first in 2D, depth first in 3D
        start = _starts(samples[..., which], spatial[d], size[d], kernel[d])
        place = start.unsqueeze(-1) + rt.arange(kernel[d], device=input.device)
        shape = [*input.shape[:2], *([1] * (2 * n_dims))]
        shape[2 + d], shape[2 + n_dims + d] = size[d], kernel[d]
        place = place.reshape(shape)
        index = place if index is None else index * spatial[d] + place
    windows = index.reshape(*input.shape[:2], math.prod(size), math.prod(kernel))
    flat = input.flatten(2)
    values = flat.gather(2, windows.flatten(2)).reshape(windows.shape)
    best, which_one = values.max(-1)
    chosen = windows.gather(3, which_one.unsqueeze(-1)).squeeze(-1)
    return best.reshape(*input.shape[:2], *size), chosen.reshape(*input.shape[:2], *size)


# ---- connectionist temporal classification -------------------------------------------------------------


def _log_add(*terms: Tensor) -> Tensor:
    return rt.logsumexp(rt.stack(terms), 0)


def _ctc_targets(targets: Tensor, lengths: list[int], blank: int) -> tuple[Tensor, Tensor]:
    """(labels with blanks between (N, 2S + 1), whether position s may be reached from s - 2)."""
    longest = max(lengths, default=0)
    rows = []
    start = 0
    flat = targets.dim() == 1
    for i, n in enumerate(lengths):
        row = (targets[start : start + n] if flat else targets[i, :n]).tolist()
        start += n
        padded = [blank] * (2 * longest + 1)
        padded[1 : 2 * n + 1 : 2] = row
        rows.append(padded)
    labels = rt.tensor(rows, dtype=rt.int64, device=targets.device).reshape(len(lengths), 2 * longest + 1)
    skip = rt.zeros(labels.shape, dtype=rt.bool, device=targets.device)
    if longest:
        skip[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return labels, skip


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The forward algorithm of Graves et al. 2006 in logarithms; gradients by autograd."""
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.reshape(1, -1)
    times = input_lengths.reshape(-1).tolist() if isinstance(input_lengths, Tensor) else list(input_lengths)
    sizes = target_lengths.reshape(-1).tolist() if isinstance(target_lengths, Tensor) else list(target_lengths)
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    if len(times) != batch or len(sizes) != batch:
        raise RuntimeError("input_lengths and target_lengths must be of size batch_size")
    if times and (max(times) > steps or min(times) < 0):
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {max(times)}")
    if targets.dim() == 1 and sum(sizes) != targets.size(0):
        raise RuntimeError(f"Expected targets of total length {sum(sizes)}; got {targets.size(0)}")
    if targets.dim() == 2 and sizes and (max(sizes) > targets.size(1) or targets.size(0) != batch):
        raise RuntimeError(f"Expected targets of size {batch} x at least {max(sizes)}; got {list(targets.shape)}")
    labels, skip = _ctc_targets(targets, sizes, blank)
    loss = _ctc_forward(log_probs, labels, skip, times, sizes)
    impossible = loss > 1e29
    # PyTorch's gradient takes log_probs for normalized: it has the term exp(log_probs), and the value has not
    valid = rt.arange(steps, device=loss.device).unsqueeze(1) < rt.tensor(times, device=loss.device)
    prob = (log_probs.exp() - log_probs.exp().detach()) * valid.unsqueeze(2).to(loss.dtype)
    loss = loss + prob.sum((0, 2))
    loss = loss.masked_fill(impossible, 0.0 if zero_infinity else float("inf"))
    if reduction == "mean":
        divisor = rt.tensor([max(n, 1) for n in sizes], dtype=loss.dtype, device=loss.device)
        return (loss / divisor).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)


def _ctc_forward(log_probs: Tensor, labels: Tensor, skip: Tensor, times: Any, sizes: Any) -> Tensor:
    steps, batch, _ = log_probs.shape
    width = labels.size(1)
    kw: Any = {"dtype": log_probs.dtype, "device": log_probs.device}
    never = rt.full((batch, 1), _NEVER, **kw)
    alpha = rt.cat([rt.zeros((batch, 1), **kw), rt.full((batch, width), _NEVER, **kw)], 1)
    # alpha has a virtual state in front, from which step 0 reaches the first two states
    state = alpha
    results: list[Any] = [None] * batch
    ended = [b for b in range(batch) if times[b] == 0]
    for b in ended:
        results[b] = state[b, 0] * 0 if sizes[b] == 0 else state[b, 1]
    for t in range(max(times, default=0)):
        emit = log_probs[t].gather(1, labels).clamp_min(_NEVER)
        if t == 0:
            first = emit[:, :2]
            state = rt.cat([first, rt.full((batch, width - first.size(1)), _NEVER, **kw)], 1)
        else:
            one = rt.cat([never, state[:, :-1]], 1)
            two = rt.cat([never, never, state[:, :-2]], 1)[:, :width]
            two = two.masked_fill(skip.logical_not(), _NEVER)
            state = _log_add(state, one, two) + emit
        for b in range(batch):
            if times[b] == t + 1:
                end = 2 * sizes[b]
                results[b] = state[b, end] if end == 0 else _log_add(state[b, end], state[b, end - 1])
    return -rt.stack(results)
